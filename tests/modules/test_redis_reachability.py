# SPDX-License-Identifier: GPL-3.0-or-later
"""redis_reachability against real servers in every state that a client can meet, and against servers that are none."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time

import pytest
from support import strange_servers
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.kinds import REDIS
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.reachability import problems
from data_plane import certificates
from data_plane import client as data_plane
from instance import Instance
from support.certificates import Authority
from support.machines import free_port
from support.waiting import until

TOKEN = "canary-token-4f1d0b7c9e2a"
USER_PASSWORD = "canary-user-77aa01cd55ee"


@pytest.fixture(scope="module")
def host(sandbox):
    """The addresses of caches in every combination of TLS and AUTH. The limiter host is let in."""
    sandbox.reset()

    def node(open_, **users):
        default = {"passwords": [] if open_ else [TOKEN], "open": open_, "access_string": "on ~* &* +@all"}
        return {"users": {"default": default, **users}}

    users = {
        "agent": {"passwords": [USER_PASSWORD], "open": False, "access_string": "on ~* &* -@all +ping"},
        "mute": {"passwords": [USER_PASSWORD], "open": False, "access_string": "on ~* &* -@all +get"},
    }
    caches = {
        "open": ("1.10", "open", "off"),
        "open_preferred": ("1.11", "open", "preferred"),
        "open_tls": ("1.12", "open", "required"),
        "auth_tls": ("1.13", "auth", "required"),
        # No certificate names this address.
        "unnamed": ("3.10", "auth", "required"),
    }
    data_plane.apply(
        {
            "nodes": {"open": node(True), "auth": node(False, **users)},
            "endpoints": [
                {"address": sandbox.address(address), "port": 6379, "node": name, "transit_encryption_mode": mode, "ingress": ["127.0.0.1/32"]}
                for address, name, mode in caches.values()
            ],
        }
    )
    return {name: sandbox.address(cache[0]) for name, cache in caches.items()}


@pytest.fixture
def look(run_module, host):
    """Run the module; whatever happens it succeeds, changes nothing, keeps to its time and keeps the secrets."""

    def run(place, **args):
        begin = time.monotonic()
        result = run_module("redis_reachability", {"host": host.get(place, place), "timeout": 4, **args})
        assert time.monotonic() - begin < args.get("timeout", 4) + 30
        assert result.rc == 0
        assert result["changed"] is False
        assert "canary" not in result.output
        assert bool(result["reachable"]) is (result["error"] is None) is (result["latency_ms"] is not None)
        return result

    return run


@pytest.fixture
def tls(sandbox):
    return {"tls": True, "tls_ca_file": sandbox.estate["ca_file"]}


@pytest.fixture
def strange():
    with contextlib.ExitStack() as stack:

        def start(behave):
            server = strange_servers.StrangeServer(behave)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def redis_server(tmp_path):
    """A redis-server of its own, started with options that no cache has."""
    processes = []

    def start(*options):
        port = free_port()
        command = [shutil.which("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", "", *options]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for line in processes[-1].stdout:
            if "Ready to accept connections" in line:
                return port
        raise AssertionError("redis-server ended while starting")

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_cache_without_tls_and_auth(look):
    result = look("open", samples=20)
    assert result["reachable"] and result["port_open"]
    assert result["authenticated"] is None
    assert result["authentication_enforced"] is False
    assert result["tls_version"] is None
    assert result["role"] == "primary"
    assert result["version"] in subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    assert 0 < result["latency_ms"]["min"] <= result["latency_ms"]["median"] <= result["latency_ms"]["max"] < 4000
    assert "asks for none" in result["reason"]


def test_a_token_over_tls(look, tls):
    result = look("auth_tls", password=TOKEN, **tls)
    assert result["reachable"], result["reason"]
    assert result["authenticated"] is True
    assert result["authentication_enforced"] is True
    assert result["tls_version"].startswith("TLSv1.")
    assert "refuses a client without" in result["reason"]


def test_a_password_sent_to_a_cache_without_auth_succeeds_and_proves_nothing(look):
    result = look("open", password=TOKEN)
    assert result["reachable"]
    assert result["authentication_enforced"] is False
    assert "takes clients without" in result["reason"]
    assert "unencrypted" in str(result["warnings"])


def test_no_password(look, tls):
    result = look("auth_tls", **tls)
    assert (result["error"]["class"], result["authenticated"], result["authentication_enforced"]) == ("noauth", None, True)
    assert result["port_open"]


def test_a_wrong_password(look, tls):
    result = look("auth_tls", password="canary-of-yesterday", **tls)
    assert (result["error"]["class"], result["authenticated"], result["authentication_enforced"]) == ("wrongpass", False, True)


def test_an_acl_user_who_may_do_nothing_but_ping(look, tls):
    result = look("auth_tls", username="agent", password=USER_PASSWORD, **tls)
    assert result["reachable"], result["reason"]
    assert result["authenticated"] and result["version"] and result["role"] == "primary"


def test_an_acl_user_who_may_not_ping(look, tls):
    result = look("auth_tls", username="mute", password=USER_PASSWORD, **tls)
    assert (result["error"]["class"], result["authenticated"], result["authentication_enforced"]) == ("noperm", True, True)


def test_preferred_takes_both(look, tls):
    assert look("open_preferred")["tls_version"] is None
    assert look("open_preferred", **tls)["tls_version"]


def test_plain_text_to_a_tls_port(look):
    result = look("auth_tls")
    assert (result["error"]["class"], result["port_open"], result["authentication_enforced"]) == ("tls_required", True, None)


def test_tls_to_a_plain_text_port(look, tls):
    result = look("open", **tls)
    assert (result["error"]["class"], result["port_open"], result["authentication_enforced"]) == ("tls_not_offered", True, None)


def test_a_certificate_of_an_unknown_ca(look, sandbox, tmp_path):
    another = Instance(tmp_path, sandbox.network)
    certificates.make(another)
    result = look("auth_tls", tls=True, tls_ca_file=str(another.ca), password=TOKEN)
    assert (result["error"]["class"], result["authenticated"]) == ("certificate", None)
    assert look("auth_tls", tls=True, password=TOKEN)["error"]["class"] == "certificate"


def test_a_certificate_for_another_host(look, tls):
    result = look("unnamed", password=TOKEN, **tls)
    assert result["error"]["class"] == "certificate"
    assert "mismatch" in result["error"]["message"].lower()
    assert look("unnamed", password=TOKEN, **tls, tls_verify=False)["reachable"]


def test_packets_of_a_stranger_are_dropped(look, sandbox, tls):
    stranger = look("auth_tls", source_address=sandbox.estate["stranger_address"], password=TOKEN, timeout=1, **tls)
    assert (stranger["error"]["class"], stranger["port_open"]) == ("timeout", False)
    assert "security group" in stranger["reason"]
    assert look("auth_tls", source_address=sandbox.estate["limiter_address"], password=TOKEN, **tls)["reachable"]


def test_nothing_listens(look, sandbox):
    result = look(sandbox.address("1.99"))
    assert (result["error"]["class"], result["port_open"]) == ("refused", False)


def test_a_name_that_does_not_resolve(look):
    result = look("nowhere.invalid")
    assert (result["error"]["class"], result["port_open"]) == ("name_resolution", False)


def test_a_replica(look, redis_server):
    assert look("127.0.0.1", port=redis_server("--replicaof", "127.0.0.1", "1"))["role"] == "replica"


def test_a_server_that_takes_no_more_clients(look, redis_server):
    port = redis_server("--maxclients", "1")
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(b"PING\r\n")
        assert other.recv(7) == b"+PONG\r\n"
        assert look("127.0.0.1", port=port)["error"]["class"] == "busy"


@pytest.mark.parametrize(
    ("behave", "plain", "encrypted"),
    [
        (strange_servers.silent, "no_answer", "no_answer"),
        (strange_servers.closing, "reset", "reset"),
        (strange_servers.trickling(b"+"), "no_answer", "tls_not_offered"),
        (strange_servers.trickling(b"%1000000\r\n$1000000\r\n"), "protocol", "tls"),
        (strange_servers.trickling(b"*1000000\r\n$1000000\r\n"), "no_answer", "tls"),
        (strange_servers.trickling(b"\x16\x03\x03\x40\x00"), "protocol", "no_answer"),
        (strange_servers.flooding(b"$500000000\r\n"), "protocol", "tls"),
        (strange_servers.flooding(b""), "protocol", "tls"),
        (strange_servers.flooding(b"\x16\x03\x03\x40\x00"), "protocol", "tls"),
        (strange_servers.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "protocol", "tls"),
        (strange_servers.saying(b"+OK\r\n"), "protocol", "tls_not_offered"),
        (strange_servers.saying(b">1\r\n+push\r\n" * 2000), "protocol", "tls"),
        (strange_servers.saying(b"*1\r\n" * 2000), "protocol", "tls"),
        (strange_servers.saying(b"-ERR unknown command 'HELLO'\r\n"), "rejected", "tls_not_offered"),
    ],
)
@pytest.mark.parametrize("encrypt", [False, True])
def test_a_server_that_is_not_redis(look, strange, behave, plain, encrypted, encrypt):
    server = strange(behave)
    result = look(server.host, port=server.port, tls=encrypt, password=TOKEN, timeout=2)
    assert result["error"]["class"] == (encrypted if encrypt else plain), result["reason"]
    assert result["port_open"] is True
    assert result["authentication_enforced"] is None
    assert len(result["reason"]) < 1000


@pytest.mark.parametrize("code", [b"-ERR ", b"-WRONGPASS ", b"-NOPERM ", b"-LOADING ", b"+"])
def test_a_server_that_repeats_the_password(look, strange, code):
    server = strange(strange_servers.echoing(lambda heard: code + heard.replace(b"\r\n", b" ") + b"\r\n"))
    assert look(server.host, port=server.port, password=TOKEN)["error"]


def test_check_mode_looks_at_nothing_and_says_so(run_module, strange):
    server = strange(strange_servers.saying(b"+PONG\r\n"))
    not_yet_there = {"tls": True, "tls_ca_file": "/nowhere/ca.pem"}
    result = run_module("redis_reachability", {"host": server.host, "port": server.port, "password": TOKEN, **not_yet_there}, check=True)
    assert (result.rc, result["changed"], result["skipped"], result["reachable"]) == (0, False, True, None)
    assert "nothing is verified" in result["skip_reason"]
    assert server.connections == []
    assert TOKEN not in result.output
    assert run_module("redis_reachability", {"host": server.host, "port": 0}, check=True).rc == 1


def test_all_that_is_wrong_with_the_options_is_told_at_once(run_module, strange, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    server = strange(strange_servers.silent)
    result = run_module(
        "redis_reachability",
        {
            "host": server.host, "port": 65536, "timeout": 0, "samples": 0, "password": "", "username": "agent",
            "tls_ca_file": str(tmp_path / "ca.pem"), "source_address": "192.0.2.1",
        },
    )
    assert (result.rc, result["failed"]) == (1, True)
    said = ("port is 65536", "timeout is 0", "samples is 0", "password is empty", "username is given", "no certificate in PEM", "tls is not", "192.0.2.1")
    assert len(result["problems"]) == len(said)
    for words in said:
        assert words in result["msg"]
    assert server.connections == []


@pytest.mark.parametrize(
    ("option", "value"),
    [("timeout", "nan"), ("timeout", "inf"), ("timeout", 3601), ("samples", 1001), ("tls_ca_file", "/nowhere/ca.pem"), ("host", " ")],
)
def test_each_bad_option(run_module, option, value):
    result = run_module("redis_reachability", {"host": "127.0.0.1", "tls": True, option: value})
    assert result.rc == 1
    assert option in result["msg"]


@pytest.fixture
def tls_server(redis_server, tmp_path):
    """A redis-server of its own over TLS, at 127.0.0.1; `place` gives the module's options for it."""

    def start(*options, days=(-1, 30), address="127.0.0.1", authority=None):
        authority = authority or Authority(tmp_path)
        files = authority.issue(address=address, days=days)
        port = free_port()
        redis_server(
            "--tls-port", str(port), "--tls-cert-file", str(files["certificate"]), "--tls-key-file", str(files["key"]), "--tls-ca-cert-file", str(authority.file),
            "--tls-auth-clients", "no", *options,
        )
        return {"port": port, "tls": True, "tls_ca_file": str(authority.file)}

    return start


def test_kind_09_silence_in_plain_text_is_looked_at_over_tls(look, strange, tmp_path):
    server = strange(strange_servers.by_first_byte(strange_servers.handshaking(Authority(tmp_path).context()), strange_servers.silent))
    result = look(server.host, port=server.port, password=TOKEN)
    assert (result["error"]["class"], result["port_open"]) == ("tls_required", True)
    assert "set tls to true" in result["error"]["advice"]


def test_kind_09_silence_that_tls_does_not_end_either_stays_silence(look, strange, tmp_path):
    server = strange(strange_servers.by_first_byte(strange_servers.handshaking(Authority(tmp_path).context(), after=5), strange_servers.silent))
    assert look(server.host, port=server.port, timeout=1)["error"]["class"] == "no_answer"


@pytest.mark.parametrize(
    "plain", [strange_servers.saying(b"+PONG\r\n"), strange_servers.saying(b"-NOAUTH Authentication required.\r\n"), strange_servers.silent]
)
def test_kind_09_a_server_that_is_slow_with_tls_is_not_one_of_plain_text(look, strange, tmp_path, plain):
    server = strange(strange_servers.by_first_byte(strange_servers.handshaking(Authority(tmp_path).context(), after=5), plain))
    assert look(server.host, port=server.port, tls=True, timeout=1)["error"]["class"] == "no_answer"


@pytest.mark.parametrize("options", [(), ("--requirepass", TOKEN), ("--rename-command", "PING", "")])
def test_kind_09_tls_spoken_to_plain_text_is_looked_at_in_plain_text(look, redis_server, options):
    result = look("127.0.0.1", port=redis_server(*options), tls=True, timeout=1)
    assert result["error"]["class"] == "tls_not_offered"
    assert "set tls to false" in result["error"]["advice"]


@pytest.mark.parametrize(
    ("given", "facts"),
    [({"password": TOKEN}, (None, True, True)), ({"password": "canary-wrong"}, ("wrongpass", False, True)), ({}, ("noauth", None, True))],
)
def test_kind_23_a_server_without_hello(look, redis_server, given, facts):
    result = look("127.0.0.1", port=redis_server("--rename-command", "HELLO", "", "--requirepass", TOKEN), **given)
    assert (result["error"] and result["error"]["class"], result["authenticated"], result["authentication_enforced"]) == facts
    if result["reachable"]:
        assert result["role"] == "primary" and result["version"][0].isdigit()


def test_kind_23_a_server_without_hello_and_password(look, redis_server):
    port = redis_server("--rename-command", "HELLO", "")
    assert look("127.0.0.1", port=port)["authentication_enforced"] is False
    result = look("127.0.0.1", port=port, password=TOKEN)
    assert (result["error"]["class"], result["authentication_enforced"]) == ("wrongpass", None)
    assert "AUTH is off on the server" in result["error"]["advice"]


def test_kind_23_a_server_that_tells_nothing_of_itself(look, redis_server):
    result = look("127.0.0.1", port=redis_server("--rename-command", "HELLO", "", "--rename-command", "INFO", ""))
    assert (result["reachable"], result["version"], result["role"]) == (True, None, None)


def says(port, sent):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        return connection.recv(64)


def test_kind_23_a_server_that_a_script_keeps_busy(look, redis_server):
    port = redis_server("--busy-reply-threshold", "1")
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(b'EVAL "while true do end" 0\r\n')
        until(lambda: says(port, b"PING\r\n").startswith(b"-BUSY"), what="the script")
        result = look("127.0.0.1", port=port)
    assert result["error"]["class"] == "busy" and "SCRIPT KILL" in result["error"]["advice"]


def test_kind_23_a_replica_without_its_primary(look, redis_server):
    result = look("127.0.0.1", port=redis_server("--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "no"))
    # Which commands such a replica refuses has changed between versions.
    assert result["role"] == "replica" if result["reachable"] else (result["error"]["class"], "primary" in result["error"]["advice"]) == ("rejected", True)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (b"DENIED Redis is running in protected mode", "rejected"), (b"LOADING Redis is loading the dataset in memory", "busy"),
        (b"MASTERDOWN Link with MASTER is down", "rejected"), (b"ERR max number of clients reached", "busy"), (b"MISCONF errors", "rejected"),
        (b"CLUSTERDOWN The cluster is down", "rejected"),
    ],
)
def test_kind_23_the_expected_server_refuses_in_its_words(look, strange, words, name):
    server = strange(strange_servers.saying(b"-" + words + b"\r\n"))
    result = look(server.host, port=server.port)
    assert (result["error"]["class"], words.decode() in result["error"]["message"]) == (name, True)
    assert "check host and port" not in result["error"]["advice"]


def test_kind_24_a_server_that_wants_the_clients_certificate(look, tls_server):
    place = tls_server("--tls-auth-clients", "yes")
    result = look("127.0.0.1", **place)
    assert result["error"]["class"] == "client_certificate", result["reason"]
    assert look("127.0.0.1", port=place["port"])["error"]["class"] == "tls_required"


def test_kind_24_before_tls_1_3_a_wanted_certificate_looks_like_no_common_cipher(look, tls_server):
    place = tls_server("--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.2")
    assert look("127.0.0.1", port=place["port"])["error"]["class"] == "tls_required", "an alert is a word of TLS"
    result = look("127.0.0.1", **place)
    assert result["error"]["class"] == "tls"
    assert "client's certificate" in result["error"]["advice"] and "cipher" in result["error"]["advice"]


def test_kind_24_a_full_server_cuts_the_handshake_of_tls(look, tls_server, tmp_path):
    place = tls_server("--maxclients", "1", "--unixsocket", str(tmp_path / "socket"))
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(tmp_path / "socket"))
        other.sendall(b"PING\r\n")
        assert other.recv(7) == b"+PONG\r\n"
        result = look("127.0.0.1", **place)
    assert result["error"]["class"] == "reset"
    assert "limit of clients" in result["error"]["advice"]


def test_kind_24_a_cut_after_the_handshake_has_two_candidates(look, strange, tmp_path):
    authority = Authority(tmp_path)
    server = strange(strange_servers.handshaking(authority.context(), then=strange_servers.closing))
    result = look(server.host, port=server.port, tls=True, tls_ca_file=str(authority.file), timeout=1)
    assert result["error"]["class"] == "reset" and "after the TLS handshake" in result["error"]["message"]
    assert "certificate" in result["error"]["advice"] and "limit of clients" in result["error"]["advice"]


@pytest.mark.parametrize(
    ("wrong", "message", "advice"),
    [
        ({"days": (-9, -1)}, "has expired", "renewed"),
        ({"days": (1, 9)}, "not yet valid", "clock"),
        ({"address": "127.0.0.2"}, "apart from the name it is trusted", "another name"),
        ({"address": "127.0.0.2", "days": (-9, -1)}, "has expired", "renewed"),
    ],
)
def test_kind_24_each_fault_of_a_certificate_is_told(look, tls_server, wrong, message, advice):
    result = look("127.0.0.1", **tls_server(**wrong))
    assert result["error"]["class"] == "certificate"
    assert message in result["error"]["message"] and advice in result["error"]["advice"], result["reason"]
    assert "CA that signed" not in result["error"]["advice"]
    assert ("mismatch" in result["error"]["message"]) is ("address" in wrong)


def test_kind_24_an_authority_that_has_expired_is_told_from_its_servers_certificate(look, tls_server, tmp_path):
    result = look("127.0.0.1", **tls_server(authority=Authority(tmp_path, "authority of yesterday", (-9, -1))))
    assert "authority of yesterday" in result["error"]["message"] and "Renew tls_ca_file" in result["error"]["advice"], result["reason"]


def test_kind_25_the_environment_of_the_host_decides_nothing(run_module, tls_server, tmp_path):
    place = tls_server("--requirepass", TOKEN)
    environment = {
        "HOME": str(tmp_path), "SSL_CERT_FILE": place["tls_ca_file"], "SSL_CERT_DIR": "/nowhere", "SSLKEYLOGFILE": "/nowhere/keys",
        "REDIS_URL": "redis://127.0.0.1:1", "REDISCLI_AUTH": "canary", "https_proxy": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9",
    }
    args = {"host": "127.0.0.1", "password": TOKEN, **place}
    assert run_module("redis_reachability", args, environment=environment)["reachable"]
    untrusted = run_module("redis_reachability", {**args, "tls_ca_file": None}, environment=environment)
    assert untrusted["error"]["class"] == "certificate", "SSL_CERT_FILE is not an option"


@pytest.mark.parametrize("value", ["", "redis://127.0.0.1:6379", "127.0.0.1:6379", "[::1]", "/run/redis.sock", "127.1", "127.0.0.1\n", "a b",
                                   "arn:aws:elasticache:us-east-1:123456789012:cluster:x", "nul\0byte", "a" * 64 + ".invalid"])
def test_kind_27_what_is_no_host_is_refused(value):
    params = {"host": value, "port": 1, "timeout": 1, "samples": 1, "tls": False}
    params.update(dict.fromkeys(("password", "tls_ca_file", "username", "source_address")))
    assert [problem[:5] for problem in problems(REDIS, params)] == ["host "]


def test_kind_27_a_line_end_behind_the_password_is_told(look, redis_server):
    result = look("127.0.0.1", port=redis_server("--requirepass", TOKEN), password=f"{TOKEN}\n")
    assert result["error"]["class"] == "wrongpass" and "ends with a line end" in result["error"]["message"]
    assert "password ends with a line end" in str(result["warnings"])


def test_kind_17_a_refused_run_has_the_keys_of_every_result(run_module):
    result = run_module("redis_reachability", {"host": "redis://canary@host", "port": 0})
    skipped = run_module("redis_reachability", {"host": "127.0.0.1"}, check=True)
    assert set(skipped) - {"skipped", "skip_reason"} <= set(result)
    assert (result["changed"], result["reachable"], result["reason"]) == (False, None, result["msg"])


@pytest.mark.parametrize("tls", [False, True])
def test_kind_28_all_looks_together_keep_to_one_budget(look, strange, tls):
    server = strange(strange_servers.silent)
    result = look(server.host, port=server.port, tls=tls, timeout=1)
    assert "all looks together have timeout: 1 s" in result["reason"]
