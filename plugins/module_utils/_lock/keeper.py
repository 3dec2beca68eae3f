# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that holds the lock of a run: it renews the lease, and gives the lock back when the run ends, however that ends.

It is a fork of the module that takes the lock, so credentials stay in memory. It is in nobody's process group and deaf to signals: Ctrl-C, a kill of the
run and the end of a service reach the run, and the run's end reaches the keeper. A run whose lock is lost is stopped.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import time
import typing as t
from pathlib import Path

from ansible_collections.huntaze.ai_system.plugins.module_utils._lock.lease import MOMENT, Record, Seen, Unsettled, carried, remove, renew, take, told
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import is_transient

# Seconds between two looks while another run has the lock.
LOOK_EVERY = 2.0
# Seconds that a run which lost its lock has to end, before a signal that asks less.
GRACE = 10.0
# Counts the time in which the machine sleeps.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Ended(Exception):
    """The run has ended."""


class Watched:
    """The process of the run."""

    def __init__(self, process: int) -> None:
        self.process = process
        os.kill(process, 0)
        self.descriptor: t.Optional[int] = None
        with contextlib.suppress(AttributeError, OSError):  # not on every system
            self.descriptor = os.pidfd_open(process)

    def ended(self, seconds: float) -> bool:
        """Whether it has ended; waits for that."""
        if self.descriptor is not None:
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            return bool(poll.poll(max(0, seconds) * 1000))
        end = time.monotonic() + seconds
        while True:
            try:
                os.kill(self.process, 0)
            except ProcessLookupError:
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(min(0.5, max(0.0, end - time.monotonic())))

    def pause(self, seconds: float) -> None:
        if self.ended(seconds):
            raise Ended

    def stop(self, why: str) -> None:
        """End it and what it has started: an action under way must not go on without the lock."""
        with contextlib.suppress(OSError), open(f"/proc/{self.process}/fd/2", "w", encoding="utf-8") as errors:
            errors.write(f"[ERROR]: This run is stopped, as it has lost the lock: {why}\n")
        started = descendants(self.process)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            for process in [self.process, *started]:
                with contextlib.suppress(OSError):
                    os.kill(process, number)
            if self.ended(GRACE):
                break
        for process in started:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)


def descendants(process: int) -> list[int]:
    """What a process has started, and what those have. Nothing where the system does not tell."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def held(connect: t.Callable[[], t.Any], mine: Record, lease: int, wait: int, process: int) -> Seen:
    """What stands in the store once the lock is taken, or once `wait` seconds did not bring it. A keeper holds what is taken until `process` ends."""
    watched = Watched(process)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.fork() == 0:
                _Keeper(connect, mine, lease, watched).live(wait, writing)
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, "rb") as answer:
        said = answer.read()
    if not said:
        raise RuntimeError("the process that was to hold the lock ended without a word")
    outcome = pickle.loads(said)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


class _Keeper:
    def __init__(self, connect: t.Callable[[], t.Any], mine: Record, lease: int, watched: Watched) -> None:
        self._connect, self._mine, self._lease, self._watched = connect, mine, lease, watched
        self._ends = 0.0

    def live(self, wait: int, writing: int) -> None:
        self._detach(writing)
        self._store = self._connect()
        try:
            try:
                outcome: t.Any = self._taken(wait)
            except Ended:
                raise
            except Exception as error:
                outcome = error
            _tell(writing, outcome)
            if isinstance(outcome, Seen) and outcome.is_of(self._mine.id):
                self._hold()
        except Ended:
            pass
        # Also where a put had no answer: it may have been made.
        self._give_back()

    def _detach(self, writing: int) -> None:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        # Others wait for the end of what they share with a module, such as its standard output.
        for descriptor in map(int, os.listdir("/dev/fd")):
            if descriptor > 2 and descriptor not in (writing, self._watched.descriptor):
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _taken(self, wait: int) -> Seen:
        deadline = time.monotonic() + wait
        while True:
            sent = time.clock_gettime(CLOCK)
            seen = carried(take(self._mine, self._lease, self._store.swaps), self._store, self._watched.pause)
            if seen.is_of(self._mine.id):
                self._ends = sent + self._lease
                return seen
            left = deadline - time.monotonic()
            if left <= 0:
                return seen
            self._watched.pause(min(LOOK_EVERY, left))

    def _left(self) -> float:
        return self._ends - time.clock_gettime(CLOCK)

    def _is_late(self) -> bool:
        """Whether the run has to be stopped, so that it ends before its lease does."""
        return self._left() < self._lease / 6

    def _pause(self, seconds: float) -> None:
        if self._is_late():
            raise self._store.trouble or TimeoutError("AWS gave no answer in time")
        self._watched.pause(min(seconds, self._lease / 30))

    def _hold(self) -> None:
        """Until the run ends, which raises Ended, or the lock is lost."""
        while True:
            self._watched.pause(self._left() - self._lease * 2 / 3)
            why = self._renewed()
            while why is None:
                self._watched.pause(self._lease / 30)
                why = self._renewed()
            if why:
                self._watched.stop(why)
                return

    def _renewed(self) -> t.Optional[str]:
        """Nothing to say if the lease is renewed; why the lock is lost; None if it is to be tried again."""
        sent = time.clock_gettime(CLOCK)
        try:
            seen = carried(renew(self._mine.id, self._lease, self._store.swaps), self._store, self._pause)
        except Ended:
            raise
        except Exception as error:
            return f"the lease could not be renewed ({error})." if self._is_late() else None
        if seen.is_held and seen.is_of(self._mine.id):
            self._ends = sent + self._lease
            return ""
        if seen.is_held:
            return told(seen.record)
        return "somebody has taken it away." if not seen.is_of(self._mine.id) else "its lease ran out."

    def _give_back(self) -> None:
        end = time.monotonic() + self._lease
        while time.monotonic() < end:
            try:
                carried(remove(self._mine.id, self._store.swaps), self._store, time.sleep)
                return
            except Exception as error:
                if not (isinstance(error, Unsettled) or is_transient(error)):
                    return  # it ends with its lease
                time.sleep(MOMENT)


def _tell(writing: int, outcome: t.Any) -> None:
    try:
        said = pickle.dumps(outcome)
    except Exception:
        said = pickle.dumps(RuntimeError(f"{type(outcome).__name__}: {outcome}"))
    with contextlib.suppress(BrokenPipeError), open(writing, "wb") as stream:
        stream.write(said)
