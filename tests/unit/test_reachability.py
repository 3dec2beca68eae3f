# SPDX-License-Identifier: GPL-3.0-or-later
"""One deadline for everything: also for the resolver, which knows none, and for a name with dead addresses."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._connection import Deadline, open_tcp, resolve
from ansible_collections.huntaze.ai_system.plugins.module_utils._diagnosis import Trouble
from ansible_collections.huntaze.ai_system.plugins.module_utils._reachability import latency


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
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments: answer.wait(30) or [])
    begin = time.monotonic()
    with pytest.raises(Trouble) as met:
        resolve("host", 1, Deadline(0.1))
    answer.set()
    assert met.value.name == "name_resolution"
    assert time.monotonic() - begin < 10


def test_a_dead_address_hides_no_live_one(dropping):
    with socket.create_server(("127.0.0.1", 0)) as live:
        with open_tcp([dropping, live.getsockname()], Deadline(2)) as sock:
            assert sock.getpeername() == live.getsockname()
    with pytest.raises(Trouble) as met:
        open_tcp([dropping, dropping], Deadline(0.2))
    assert met.value.name == "timeout"


def test_time_runs_out():
    deadline = Deadline(0)
    for late in (deadline.left, lambda: deadline.part(0.5), lambda: resolve("127.0.0.1", 1, deadline)):
        with pytest.raises(socket.timeout):
            late()
    assert Deadline(100).part(0.5).left() <= 50


def test_latencies_are_milliseconds():
    assert latency([0.003, 0.001, 0.0020004]) == {"min": 1.0, "median": 2.0, "max": 3.0}
