# SPDX-License-Identifier: GPL-3.0-or-later
"""reachability: many servers at once, under one deadline; each kind against servers that are right, strange and dead."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading

import pytest
import yaml
from ansible_collections.huntaze.ai_system.plugins.modules import reachability
from data_plane import client as data_plane
from support import strange_servers
from support.certificates import Authority
from support.sandboxes import REPOSITORY

TOKEN = "canary-token-91b7c3"
BEARER = "canary-bearer-5d20e4"
KEYS = set(yaml.safe_load(reachability.RETURN)["results"]["contains"]) - {"skipped", "skip_reason"}


@pytest.fixture
def look(run_module):
    """Run the module; it succeeds, answers in the order of the targets with every key, and keeps the secrets."""

    def run(*targets, **args):
        result = run_module("reachability", {"targets": list(targets), **args})
        assert result.rc == 0, result.output
        assert result["changed"] is False and "canary" not in result.output
        assert [one["name"] for one in result["results"]] == [target.get("name", target["host"]) for target in targets]
        for one in result["results"]:
            assert set(one) == KEYS
            assert one["reachable"] is None or one["reachable"] is (one["error"] is None) is (one["latency_ms"] is not None)
        return result

    return run


@pytest.fixture
def strange():
    with contextlib.ExitStack() as stack:

        def start(behave):
            server = strange_servers.StrangeServer(behave)
            stack.callback(server.close)
            return {"host": server.host, "port": server.port}

        yield start


@pytest.fixture
def dropping():
    """An address where attempts to connect get no answer: the queue of a listener that never accepts is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _client in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield dict(zip(("host", "port"), listener.getsockname()))


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def website(strange, authority):
    """A server of HTTPS that says what `answer` makes of the request; and what it was asked."""
    asked = []

    def start(answer, **certificate):
        def behave(connection):
            request = connection.recv(65536).decode()
            asked.append(request)
            connection.sendall(answer(request).encode())

        server = strange(strange_servers.handshaking(authority.context(**certificate), then=behave))
        return {"kind": "https", "tls_ca_file": str(authority.file), **server}

    return start, asked


def by_token(request):
    return "HTTP/1.1 200 OK\r\n\r\n" if f"Authorization: Bearer {BEARER}\r\n" in request else "HTTP/1.1 401 Unauthorized\r\n\r\n"


def test_many_kinds_at_once(look, sandbox, website, strange, dropping):
    sandbox.reset()
    ca = sandbox.estate["ca_file"]
    address = sandbox.address("1.13")
    data_plane.apply({
        "nodes": {"auth": {"users": {"default": {"passwords": [TOKEN], "open": False, "access_string": "on ~* &* +@all"}}}},
        "endpoints": [{"address": address, "port": 6379, "node": "auth", "transit_encryption_mode": "required", "ingress": ["127.0.0.1/32"]}],
    })
    start, asked = website
    agent = start(by_token)
    result = look(
        {"name": "redis", "kind": "redis", "host": address, "tls": True, "tls_ca_file": ca, "password": TOKEN},
        {"name": "plain", "kind": "redis", "host": address},
        {"name": "shut", "kind": "tcp", "host": address, "port": 1},
        {"name": "open", "kind": "tcp", "host": address, "port": 6379},
        {"name": "dead", "kind": "postgresql", "user": "u", **dropping},
        {"name": "agent", "token": BEARER, **agent},
        {"name": "stranger", "status": [401], **agent},
        {"name": "nowhere", "kind": "https", "host": "nowhere.invalid"},
        {"name": "unchecked", "kind": "redis", "host": address, "tls": True, "tls_ca_file": "/nowhere/ca.pem"},
        {"name": "database", "kind": "postgresql", "user": "u", "password": "canary", **strange(strange_servers.saying(b"N"))},
        timeout=6,
    )
    seen = {one["name"]: one for one in result["results"]}
    met = {name: (one["error"] or {}).get("class") for name, one in seen.items()}
    assert met == {
        "redis": None, "plain": "tls_required", "shut": "refused", "open": None, "dead": "timeout", "agent": None, "stranger": None,
        "nowhere": "name_resolution", "unchecked": None, "database": "tls_not_offered",
    }
    assert [one["tls"] for one in seen.values()] == [True, False, None, None, True, True, True, True, None, True]
    assert seen["unchecked"]["reachable"] is None and "/nowhere/ca.pem cannot be read on this host" in seen["unchecked"]["reason"]
    assert (seen["redis"]["authenticated"], seen["redis"]["authentication_enforced"], seen["redis"]["role"]) == (True, True, "primary")
    assert (seen["agent"]["status"], seen["agent"]["authenticated"], seen["agent"]["authentication_enforced"]) == (200, True, True)
    assert (seen["stranger"]["status"], seen["stranger"]["authenticated"], seen["stranger"]["authentication_enforced"]) == (401, None, True)
    assert seen["agent"]["certificate"]["days_left"] in (29, 30) and seen["agent"]["tls_version"].startswith("TLSv1.")
    assert (seen["dead"]["addresses"], seen["dead"]["from_address"]) == (["127.0.0.1"], "127.0.0.1")
    assert (seen["nowhere"]["addresses"], seen["nowhere"]["from_address"], seen["nowhere"]["port"]) == ([], None, 443)
    assert result["local_ports"][0] < result["local_ports"][1]
    assert len(asked) == 3  # with the token, without it, and as a stranger


def test_twenty_servers_are_looked_at_together(look, strange):
    """Nobody gets an answer before all twenty have asked."""
    together = threading.Barrier(20)

    def behave(connection):
        connection.recv(4096)
        together.wait(60)
        connection.sendall(b"-NOAUTH Authentication required.\r\n")

    server = strange(behave)
    result = look(*({"name": str(number), "kind": "redis", **server} for number in range(20)), timeout=60)
    assert [one["error"]["class"] for one in result["results"]] == ["noauth"] * 20


def test_twenty_dead_servers_are_told_as_dead(look, dropping):
    result = look(*({"name": str(number), "kind": kind, **dropping} for kind in ("tcp", "redis", "https") for number in range(7)), timeout=1)
    assert [one["error"]["class"] for one in result["results"]] == ["timeout"] * 21


def test_a_resolver_that_hangs_hinders_no_exit():
    targets = [{"kind": "tcp", "host": "cache.example", "port": 1}, {"kind": "tcp", "host": "127.0.0.1", "port": 1}]
    program = f"""
import json, socket, sys, threading
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: threading.Event().wait() if host == "cache.example" else real(host, *rest, **more)
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = json.dumps({{"ANSIBLE_MODULE_ARGS": {{"targets": {targets!r}, "timeout": 3}}}}).encode(), "legacy"
from ansible_collections.huntaze.ai_system.plugins.modules import reachability
reachability.main()
"""
    environment = {"PYTHONPATH": str(REPOSITORY / ".collections"), "PATH": "/usr/bin"}
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert [one["error"]["class"] for one in json.loads(ended.stdout)["results"]] == ["name_resolution", "refused"]


@pytest.mark.parametrize(("status", "token", "met"), [
    ("301 Moved", BEARER, None), ("500 Error", BEARER, "rejected"), ("401 Unauthorized", BEARER, "wrongpass"), ("401 Unauthorized", None, "noauth"),
    ("403 Forbidden", BEARER, "noperm"),
    ("503 Service Unavailable", BEARER, "busy"), ("404 Not Found", None, "rejected"), ("204 No Content", BEARER, None),
])
def test_what_a_status_means(look, website, status, token, met):
    start, asked = website
    elsewhere = start(lambda request: "HTTP/1.1 200 OK\r\n\r\n")
    place = start(lambda request: f"HTTP/1.1 {status}\r\nLocation: https://127.0.0.1:{elsewhere['port']}/\r\n\r\n")
    (one,) = look({"name": "site", "path": "/v1/x?y=1", "token": token, **place})["results"]
    assert ((one["error"] or {}).get("class"), one["status"]) == (met, int(status[:3]))
    assert len(asked) == 1 + bool(token), "a redirect was followed"
    assert asked[0].startswith(f"GET /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:{place['port']}\r\n")


@pytest.mark.parametrize(("answer", "met"), [
    ("HTTP/1.1 2\r\n", "protocol"), ("SSH-2.0-OpenSSH\r\n", "protocol"), ("", "reset"), ("HTTP/1.1 200 " + "x" * 2_000_000, "protocol"),
])
def test_a_server_that_is_none_of_http(look, website, answer, met):
    (one,) = look({"name": "site", "token": BEARER, **website[0](lambda request: answer)})["results"]
    assert one["error"]["class"] == met, one["reason"]


@pytest.mark.parametrize(("certificate", "words"), [({"days": (-9, -2)}, "expired"), ({"address": "127.0.0.9"}, "mismatch")])
def test_a_certificate_that_does_not_hold(look, website, certificate, words):
    place = website[0](by_token, **certificate)
    one, unchecked = look({"name": "site", "token": BEARER, **place}, {"name": "unchecked", "status": [401], "tls_verify": False, **place})["results"]
    assert (one["error"]["class"], one["certificate"], one["status"]) == ("certificate", None, None) and words in one["error"]["message"]
    assert (unchecked["reachable"], unchecked["certificate"]) == (True, None), "nobody has read a certificate that was not checked"
    assert not any(BEARER in request for request in website[1]), "the token went to a server that nobody knows"


def test_all_that_is_wrong_is_told_at_once_and_nobody_is_asked(run_module, strange):
    asked = []
    server = strange(lambda connection: asked.append(connection))
    result = run_module("reachability", {"timeout": 0, "source_address": "192.0.2.1", "targets": [
        {"name": "a", "kind": "redis", "token": "canary", **server}, {"name": "b", "kind": "postgresql", **server},
        {"name": "c", "kind": "tcp", "host": "h:1"},
        {"name": "d", "kind": "https", "path": "x y", "token": "canary\r\nHost: x", "status": [7], **server}, {"name": "e", "kind": "redis", "password": "", **server},
    ]})
    assert result.rc == 1 and asked == []
    for words in (
        "timeout is 0", "192.0.2.1", "targets[0] (a): token is no option of redis", "targets[1] (b): user is missing", "targets[2] (c): port is missing",
        "targets[2] (c): host is 'h:1'", "targets[3] (d): path is", "targets[3] (d): token holds", "targets[3] (d): status holds 7",
        "targets[4] (e): password is empty",
    ):
        assert words in result["msg"], words
    assert len(result["problems"]) == 10 and "canary" not in result.output


def test_check_mode_looks_at_nothing(run_module, strange):
    asked = []
    server = strange(lambda connection: asked.append(connection))
    result = run_module("reachability", {"targets": [{"kind": "redis", "tls": True, "tls_ca_file": "/nowhere", **server}]}, check=True)
    assert (result.rc, result["skipped"], asked) == (0, True, [])
    assert set(result["results"][0]) == KEYS | {"skipped", "skip_reason"} and result["results"][0]["reachable"] is None
