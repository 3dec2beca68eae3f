# SPDX-License-Identifier: GPL-3.0-or-later
"""One deadline for everything: also for the resolver, which knows none, and for a name with dead addresses."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import threading
import time

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import live as _live_cache
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Deadline, Way, open_tcp, resolve
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.kinds import POSTGRESQL, REDIS
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.probe import latency


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
        yield listener.getsockname()


def test_a_resolver_that_does_not_answer_is_left_behind(monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments: answer.wait(60) or [])
    begin = time.monotonic()
    with pytest.raises(Trouble) as met:
        resolve("host", 1, Deadline(0.1))
    answer.set()
    assert met.value.cause == "name_resolution"
    assert time.monotonic() - begin < 25


def test_a_dead_address_hides_no_live_one(dropping):
    with socket.create_server(("127.0.0.1", 0)) as live:
        with open_tcp([dropping, live.getsockname()], Deadline(4)) as sock:
            assert sock.getpeername() == live.getsockname()
    with pytest.raises(Trouble) as met:
        open_tcp([dropping, dropping], Deadline(0.2))
    assert met.value.cause == "timeout"


def test_time_runs_out():
    deadline = Deadline(0)
    for late in (deadline.left, lambda: deadline.part(0.5), lambda: resolve("127.0.0.1", 1, deadline)):
        with pytest.raises(socket.timeout):
            late()
    assert Deadline(100).part(0.5).left() <= 50


def test_latencies_are_milliseconds():
    assert latency([0.003, 0.001, 0.0020004]) == {"min": 1.0, "median": 2.0, "max": 3.0}


def test_kind_28_the_address_that_took_a_connection_is_used_again(monkeypatch, dropping):
    with socket.create_server(("127.0.0.1", 0)) as live:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (dropping, live.getsockname())]
        asked, tried, connect, real = [], [], socket.create_connection, socket.getaddrinfo

        def resolved(host, *arguments, **options):
            asked.append(host)
            return found if host == "cache.example" else real(host, *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        monkeypatch.setattr(socket, "create_connection", lambda address, *arguments: tried.append(address) or connect(address, *arguments))
        way = Way("cache.example", 6379, Deadline(60))
        way.open(Deadline(4)).close()
        way.open(Deadline(4)).close()
        assert tried == [dropping, live.getsockname(), live.getsockname()], "the dead address took its share again"
        assert asked.count("cache.example") == 1


@pytest.fixture
def resetting(monkeypatch):
    """The address of a server that cuts each connection before anything is said."""
    connected, real = threading.Semaphore(0), socket.create_connection

    def connect(*arguments):
        sock = real(*arguments)
        connected.release()
        cut_off = select.poll()
        cut_off.register(sock, 0)  # errors and the end are told in any case
        assert cut_off.poll(60_000)
        return sock

    def cut(server):
        with contextlib.suppress(OSError):
            while True:
                client = server.accept()[0]
                connected.acquire(timeout=60)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()

    monkeypatch.setattr(socket, "create_connection", connect)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=cut, args=[server], daemon=True).start()
        yield server.getsockname()
        server.shutdown(socket.SHUT_RDWR)


PARAMETERS = {
    "host": "cache.example", "port": 1, "password": "canary", "samples": 1, "tls_ca_file": None, "tls_verify": True, "username": None,
    "sslmode": None, "sslrootcert": None, "user": "u", "dbname": "d",
}


@pytest.mark.parametrize("kind", [REDIS, POSTGRESQL])
@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("dead", [1, 3])
def test_kind_28_resolver_addresses_and_looks_have_one_budget(monkeypatch, dropping, kind, tls, dead):
    """A resolver that takes a fifth of the time, dead addresses, then a server that is silent to everything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in [dropping] * dead + [silent.getsockname()]]
        real = socket.getaddrinfo

        def slow(host, *arguments, **options):
            if host == "cache.example":
                time.sleep(0.4)
                return found
            return real(host, *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        begin = time.monotonic()
        seen, trouble = kind.probe({**PARAMETERS, "tls": tls, "sslmode": None if tls else "disable"}, Deadline(2)).run()
        assert time.monotonic() - begin < 2 * 5  # addresses; each would take it all if it had a budget of its own
        assert (trouble.cause, seen["port_open"]) == ("no_answer", True)


@pytest.mark.parametrize("kind", [REDIS, POSTGRESQL])
@pytest.mark.parametrize("tls", [True, False])
def test_kind_24_a_connection_that_is_cut_at_once_is_no_crash_and_no_tls(resetting, kind, tls):
    host, port = resetting
    seen, trouble = kind.probe({**PARAMETERS, "host": host, "port": port, "tls": tls, "sslmode": None if tls else "disable"}, Deadline(30)).run()
    assert (trouble.cause, seen["port_open"]) == ("reset", True), trouble.message


@pytest.mark.parametrize("number", [errno.ECONNRESET, errno.ECONNREFUSED])
def test_kind_24_only_a_server_that_is_there_resets(monkeypatch, number):
    def connect(*dummy):
        raise OSError(number, "no")

    monkeypatch.setattr(socket, "create_connection", connect)
    seen, dummy = REDIS.probe({**PARAMETERS, "host": "127.0.0.1", "tls": False}, Deadline(0.5)).run()
    assert seen["port_open"] == (number == errno.ECONNRESET)


def test_kind_26_a_live_cache_that_cuts_the_connection_is_not_blamed_on_the_ca_file(resetting):
    host, port = resetting
    look, trouble, why = _live_cache.ask({"address": host, "port": port}, "canary", None, 30)
    assert look is None and trouble == "reset" and "cannot be used" not in why


@pytest.mark.parametrize("met", ["no_answer", "reset", "protocol"])
def test_kind_09_who_answers_plain_text_in_other_words_is_not_called_silent(monkeypatch, met):
    probe = REDIS.probe({**PARAMETERS, "tls": False}, Deadline(0.5))
    monkeypatch.setattr(probe.way, "speaks_tls", lambda: True)
    behind = probe.look_again(Trouble(Cause(met), "whatever was met"))
    assert (behind.cause, behind.message) == ("tls_required", "the server does not speak Redis in plain text, but takes up TLS")
