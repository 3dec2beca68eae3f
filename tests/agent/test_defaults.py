# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration alone decides: a host's environment and home directory do not, except for who the agent is."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import ssl
import threading

import pytest
from redis import exceptions

from limiter_agent.address import Address
from limiter_agent.metrics import _IDENTITY, Board, Destination, Publisher, _session
from limiter_agent.store import _sentence, _silence

from support.certificates import Authority
from support.machines import Redis, free_port
from support.waiting import until

NOWHERE = "http://127.0.0.1:9"


def hostile(home, monkeypatch):
    """What a host may hold for other programs, and what would send the metrics elsewhere, slowly, or not at all."""
    (home / ".aws/models/cloudwatch/2010-08-01").mkdir(parents=True)
    (home / ".aws/models/cloudwatch/2010-08-01/service-2.json").write_text(json.dumps({"metadata": {}, "operations": {}}))
    (home / ".aws/config").write_text(
        f"[default]\nregion = eu-west-1\nca_bundle = /nowhere/ca.pem\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"
        f"retry_mode = adaptive\nmax_attempts = 9\nendpoint_url = {NOWHERE}\nservices = mine\ntcp_keepalive = true\ndefaults_mode = in-region\n"
        f"cloudwatch =\n  signature_version = s3\n\n[services mine]\ncloudwatch =\n  endpoint_url = {NOWHERE}\n")
    environment = {
        "HOME": str(home), "AWS_DEFAULT_REGION": "eu-west-2", "AWS_CA_BUNDLE": "/nowhere/ca.pem", "REQUESTS_CA_BUNDLE": "/nowhere/ca.pem",
        "AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_CLOUDWATCH": NOWHERE, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_MAX_ATTEMPTS": "9", "AWS_RETRY_MODE": "adaptive", "AWS_DEFAULTS_MODE": "in-region", "AWS_DATA_PATH": str(home / ".aws/models"),
        "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE, "https_proxy": NOWHERE, "http_proxy": NOWHERE, "AWS_SDK_UA_APP_ID": "another",
        "AWS_CSM_ENABLED": "true", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true", "SSL_CERT_FILE": "/nowhere/ca.pem", "SSL_CERT_DIR": "/nowhere", "SSLKEYLOGFILE": "/nowhere/keys",
        "no_proxy": "", "NO_PROXY": ""}
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_kind_25_where_and_how_metrics_are_sent_is_not_the_hosts_to_say(tmp_path, monkeypatch):
    hostile(tmp_path, monkeypatch)
    client = Publisher(Board(1), Destination("Huntaze/AI", "us-east-1", None, 60))._connect()
    meta = client.meta
    assert (meta.endpoint_url, meta.region_name) == ("https://monitoring.us-east-1.amazonaws.com", "us-east-1")
    assert hasattr(client, "put_metric_data"), "not the model of the home directory"
    assert meta.config.retries == {"mode": "standard", "total_max_attempts": 2}
    assert (meta.config.connect_timeout, meta.config.read_timeout, meta.config.proxies) == (3, 5, {})
    assert (meta.config.signature_version, meta.config.tcp_keepalive, meta.config.user_agent_appid) == ("v4", False, None)
    session = client._endpoint.http_session
    assert session._verify is True and not session._proxy_config._proxies


def test_kind_25_metrics_arrive_at_the_configured_place(tmp_path, monkeypatch):
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(f"{self.path} {self.headers} {body!r}")
            self.send_error(400)  # enough: it was asked

        def log_message(self, *arguments):
            pass

    hostile(tmp_path, monkeypatch)
    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        publisher = Publisher(Board(1), Destination("Huntaze/AI", "us-east-1", f"http://127.0.0.1:{server.server_port}", 60))
        publisher.collect()
        publisher.send()
        server.shutdown()
    assert len(asked) == 1 and "PutMetricData" in asked[0] and "Heartbeat" in asked[0]


def test_kind_25_every_setting_that_botocore_knows_is_named_or_is_identity(monkeypatch):
    monkeypatch.setattr("os.environ", {})
    session = _session()
    for name, (configured, variables, dummy, dummy_convert) in session.session_var_map.items():
        assert name in _IDENTITY or (configured, variables) == (None, None), name


def test_kind_25_authorities_come_from_the_configuration(tmp_path, monkeypatch):
    """SSL_CERT_FILE names an authority that must not be trusted, SSLKEYLOGFILE a place where keys must not go."""
    trusted, another = Authority(tmp_path / "trusted"), Authority(tmp_path / "another")
    monkeypatch.setenv("SSL_CERT_FILE", str(another.file))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    async def contexts():
        return [await Address("127.0.0.1", 1, 0, True, ca).context() for ca in (None, str(trusted.file))]

    system, own = asyncio.run(contexts())
    names = [[dict(part for rdn in ca["subject"] for part in rdn).get("commonName") for ca in context.get_ca_certs()] for context in (system, own)]
    assert "test authority" not in names[0] and names[1] == ["test authority"]
    for context in (system, own):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.keylog_filename is None
    assert not (tmp_path / "keys").exists()


def test_kind_25_what_redis_py_does_on_a_connection_is_named(own_redis):
    async def kinds():
        client = Address("127.0.0.1", own_redis.port, 0, False, None, None, "a token before the cache asks for one").client(None)
        assert await client.execute_command("PING") in (True, b"PONG")
        info = await client.execute_command("CLIENT", "INFO")
        await client.aclose(close_connection_pool=True)
        return info

    assert "resp=3" in str(asyncio.run(kinds())), "with RESP 3 a cache without AUTH takes any password"
    assert "cmdstat_client|maint_notifications" not in own_redis.client.info("commandstats")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimeoutError(), "TimeoutError: no answer in time"),
        (TimeoutError("why"), "TimeoutError: why"),
        (exceptions.ConnectionError("refused"), "ConnectionError: refused"),
        (OSError(), "OSError"),
    ],
)
def test_kind_26_an_error_says_more_than_its_kind(error, told):
    assert _sentence(error) == told


def test_kind_26_a_cause_that_the_library_leaves_out_is_told():
    try:
        try:
            raise ssl.SSLCertVerificationError("certificate has expired")
        except OSError as cause:
            raise exceptions.ConnectionError("Error connecting.") from cause
    except exceptions.ConnectionError as error:
        assert "Error connecting., because: " in _sentence(error) and "certificate has expired" in _sentence(error)


@pytest.mark.parametrize("tls", [True, False])
def test_kind_26_silence_has_its_candidates(tls):
    told = _silence(Address("cache.example", 6379, 0, tls))
    assert "cache.example port 6379" in told and "security group" in told and ("plain text only" if tls else "TLS only") in told


def test_kind_26_the_reason_reaches_readyz(own_redis, agents):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        agent = agents(own_redis, redis={"url": f"redis://127.0.0.1:{silent.getsockname()[1]}"})
        until(lambda: "security group" in str(agent.workers()[0]["redis"]["error"]), what="the candidates")
        assert "TLS only" in agent.workers()[0]["redis"]["error"]


def test_kind_26_a_certificate_of_an_unknown_authority_is_named(tmp_path, agents):
    authority, another = Authority(tmp_path / "authority"), Authority(tmp_path / "another")
    with Redis(tmp_path / "tls", tls=authority.issue("redis")) as server:
        agent = agents(server, redis={"url": f"rediss://127.0.0.1:{server.tls_port}", "ca": str(another.file)})
        until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(agent.workers()[0]["redis"]["error"]), what="the reason")


def test_kind_26_a_port_where_nothing_listens_is_named(own_redis, agents):
    agent = agents(own_redis, redis={"url": f"redis://127.0.0.1:{free_port()}"})
    until(lambda: agent.workers()[0]["redis"]["error"], what="the reason")
    assert "111" in agent.workers()[0]["redis"]["error"]


def test_kind_25_callers_keys_go_nowhere(own_redis, agents, authority, tmp_path):
    agent = agents(own_redis, tls=authority.issue("agent"), environment={"SSLKEYLOGFILE": str(tmp_path / "keys")})
    assert agent.workers()
    assert not (tmp_path / "keys").exists()
