# SPDX-License-Identifier: GPL-3.0-or-later
"""When a run has ended: not before all of its processes have, and not because a stranger says so."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._lock import keeper
from support.waiting import has_ended, until

# A run with a worker, which has what the run has; it tells the worker's number.
RUN = """
import os, signal, sys
worker = os.fork()
if worker:
    print(worker, flush=True)
signal.pause()
"""
COLLECTIONS = str(Path(__file__).parents[2] / ".collections")


@pytest.fixture
def run():
    """(the run, its worker, the reading end of the pipe that both have the other end of)"""
    reading, writing = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, pass_fds=[writing])
    os.close(writing)
    worker = int(process.stdout.readline())
    yield process, worker, reading
    for one in (process.pid, worker):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.communicate()
    os.close(reading)


def test_a_run_has_ended_when_nobody_has_its_lifeline_any_more(run, monkeypatch):
    process, worker, reading = run
    monkeypatch.setattr(keeper, "lifeline", keeper.Lifeline(process.pid, reading, -1))
    watched = keeper.Watched(process.pid)
    watched.listen()
    assert not watched.ended(0)
    process.kill()
    process.wait()
    assert not watched.ended(0.2)  # the worker may still change something
    os.kill(worker, signal.SIGKILL)
    assert watched.ended(60)


@pytest.mark.parametrize("pidfd", [True, False])
def test_without_a_lifeline_the_process_of_the_run_counts(run, monkeypatch, pidfd):
    process, dummy, dummy = run
    monkeypatch.setattr(keeper, "lifeline", keeper.Lifeline(process.pid + 1, -1, -1))  # of another run
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    watched = keeper.Watched(process.pid)
    watched.listen()
    assert not watched.ended(0)
    process.kill()
    process.wait()
    assert watched.ended(60)


def test_a_stranger_cannot_say_farewell_for_a_run(run):
    process, dummy, dummy = run
    watched = keeper.Watched(process.pid)
    watched.listen()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(keeper.address(process.pid))
        assert not watched.ended(0.2)
        stranger.settimeout(60)
        assert stranger.recv(1) == b""


def test_what_a_run_has_started_is_found_and_stopped_with_it(run):
    process, worker, dummy = run
    assert keeper.descendants(process.pid) == [worker]
    keeper.Watched(process.pid).stop("a test")
    assert process.wait(60) == -signal.SIGINT
    until(lambda: has_ended(worker), what="the worker's end")


def test_a_run_without_a_keeper_does_not_wait_for_one():
    assert keeper.farewell() == ""
