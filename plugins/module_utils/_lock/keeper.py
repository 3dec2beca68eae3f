# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that holds the lock of a run: it renews the lease, and gives the lock back when the run ends, however that ends.

It is a fork of the module that takes the lock, so credentials stay in memory. It is in nobody's process group and deaf to signals: Ctrl-C, a kill of the
run and the end of a service reach the run, and the run's end reaches the keeper. A run whose lock is lost is stopped.

A run has ended when all of its processes have: a module may still change something when Ansible has been killed. So Ansible opens a pipe before it forks.
What it forks has the writing end too, and the keeper sees when nobody has it any more. Where there is no such pipe, the run's own process counts.

A run that can still speak waits at its end until its lock is given back, as what it leaves behind in a container or a service is killed with it. It
connects to its keeper for that, and hears there why it was stopped.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pickle
import select
import signal
import socket
import struct
import time
import typing as t
from pathlib import Path

from ansible_collections.huntaze.ai_system.plugins.module_utils._lock.lease import MOMENT, Record, Seen, Unsettled, carried, remove, renew, take, told
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import is_transient

# Seconds between two looks while another run has the lock.
LOOK_EVERY = 2.0
# Seconds that a run which lost its lock has to end, before a signal that asks less.
GRACE = 10.0
# Seconds that a run waits at its end for its lock to be given back.
PATIENCE = 15.0
# Counts the time in which the machine sleeps.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Lifeline(t.NamedTuple):
    """The pipe of a run."""

    process: int
    reading: int
    writing: int


lifeline: t.Optional[Lifeline] = None


def open_lifeline() -> None:
    """In the process of a run, before it forks."""
    global lifeline
    lifeline = Lifeline(os.getpid(), *os.pipe())


class Ended(Exception):
    """The run has ended."""


class Watched:
    """The run."""

    def __init__(self, process: int) -> None:
        self.process = process
        os.kill(process, 0)
        self.descriptor: t.Optional[int] = None
        if lifeline and lifeline.process == process:
            self.descriptor = lifeline.reading
        else:
            with contextlib.suppress(AttributeError, OSError):  # not on every system
                self.descriptor = os.pidfd_open(process)
        self._why, self._poll, self._listener, self._caller = "", select.poll(), None, None
        if self.descriptor is not None:
            self._poll.register(self.descriptor, select.POLLIN)

    def listen(self) -> None:
        """Be there for the run's farewell."""
        with contextlib.suppress(OSError, ValueError):  # not on every system
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address(self.process))
            listener.listen()
            self._poll.register(listener, select.POLLIN)
            self._listener = listener

    def ended(self, seconds: float) -> bool:
        """Whether it has ended, or is about to; waits for that."""
        end = time.monotonic() + seconds
        while True:
            left = max(0.0, end - time.monotonic())
            ready = [one for one, dummy in self._poll.poll(1000 * (left if self.descriptor is not None else min(left, 0.5)))]
            if self.descriptor in ready:
                return True
            if ready and self._is_told() or self.descriptor is None and not self._is_there():
                return True
            if not left:
                return False

    def _is_there(self) -> bool:
        try:
            os.kill(self.process, 0)
            return True
        except OSError:
            return False

    def _is_told(self) -> bool:
        caller, dummy = self._listener.accept()
        if struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0] != self.process:
            caller.close()
            return False
        self._caller = caller  # closed when this process ends
        self.tell(self._why)
        # With a lifeline, which the run has let go of, others of it may still have it.
        return not (lifeline and self.descriptor == lifeline.reading)

    def tell(self, what: str) -> None:
        """A last word to a run that has said farewell."""
        if self._caller:
            with contextlib.suppress(OSError):
                self._caller.sendall(what.encode())

    def pause(self, seconds: float) -> None:
        if self.ended(seconds):
            raise Ended

    def stop(self, why: str) -> None:
        """End it and what it has started: an action under way must not go on without the lock."""
        self._why = f"This run is stopped, as it has lost its lock: {why}"
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


def address(process: int) -> str:
    """Where a run and its keeper meet: a name that Linux forgets with the keeper."""
    return f"\0huntaze.ai_system.lock.{process}"


def farewell() -> str:
    """At the end of a run: wait until its lock is given back. Returns why it was stopped, if its keeper has done that."""
    global lifeline
    said = b""
    if lifeline and lifeline.process == os.getpid():
        os.close(lifeline.writing)
        lifeline = None
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as keeper:
        keeper.settimeout(PATIENCE)
        keeper.connect(address(os.getpid()))
        while part := keeper.recv(4096):
            said += part
    return said.decode()


def descendants(process: int) -> list[int]:
    """What a process has started, and what those have, but for this one. Nothing where the system does not tell."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [process]
    for one in found:
        # Where the run is a container's first process, this one is its child too.
        found += [child for child, parent in parents.items() if parent == one and child != os.getpid()]
    return found[1:]


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # as in a container, whose users have no names
        return f"user {os.getuid()}"


def held(connect: t.Callable[[], t.Any], mine: Record, lease: int, wait: int, process: int, hear: t.Callable[[Seen], None]) -> Seen:
    """What stands in the store once the lock is taken, or once `wait` seconds did not bring it. A keeper holds what is taken until `process` ends.

    hear: gets what is seen meanwhile
    """
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
    outcome = None
    with open(reading, "rb") as told_by_keeper, contextlib.suppress(EOFError):
        while True:
            outcome = pickle.load(told_by_keeper)
            if isinstance(outcome, BaseException):
                raise outcome
            hear(outcome)
    if outcome is None:
        raise RuntimeError("the process that was to hold the lock ended without a word")
    return outcome


class _Keeper:
    def __init__(self, connect: t.Callable[[], t.Any], mine: Record, lease: int, watched: Watched) -> None:
        self._connect, self._mine, self._lease, self._watched = connect, mine, lease, watched
        self._ends = 0.0

    def live(self, wait: int, writing: int) -> None:
        self._detach(writing)
        self._store = self._connect()
        try:
            with open(writing, "wb", buffering=0) as stream:
                outcome = self._outcome(wait, stream)
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
        self._watched.listen()

    def _outcome(self, wait: int, stream: t.BinaryIO) -> t.Any:
        try:
            outcome: t.Any = self._taken(wait, stream)
        except Ended:
            raise
        except Exception as error:
            outcome = error
        try:
            _tell(stream, outcome)
        except (pickle.PicklingError, TypeError, AttributeError):
            _tell(stream, RuntimeError(f"{type(outcome).__name__}: {outcome}"))
        return outcome

    def _taken(self, wait: int, stream: t.BinaryIO) -> Seen:
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
            _tell(stream, seen)
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
        self._ends = self._ends or time.clock_gettime(CLOCK) + self._lease
        while self._left() > 0:
            try:
                carried(remove(self._mine.id, self._store.swaps), self._store, time.sleep)
                return
            except Exception as error:
                if not (isinstance(error, Unsettled) or is_transient(error)):
                    self._watched.tell(f"The lock could not be given back, and ends with its lease in {self._left():.0f} s: {error}")
                    return
                time.sleep(MOMENT)


def _tell(stream: t.BinaryIO, told_to_module: t.Any) -> None:
    """Nobody may hear it: then the lock is held all the same, until the run ends."""
    said = pickle.dumps(told_to_module)
    with contextlib.suppress(BrokenPipeError):
        stream.write(said)
