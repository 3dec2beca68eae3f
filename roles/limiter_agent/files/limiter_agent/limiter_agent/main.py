# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the workers and the publisher, and starts again what ends."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import time
import typing as t
from pathlib import Path

import uvloop

from . import __version__, log as json_log
from .document import Invalid
from .metrics import Board, Publisher
from .settings import Settings
from .worker import Worker

log = logging.getLogger(__name__)

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
RESTART_SECONDS = 1.0
SYSTEMD_FIRST_FD = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="limiter-agent", description="Answers whether a creator may make a request now.")
    parser.add_argument("--config", type=Path, default=Path("/etc/limiter-agent/agent.yml"), help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="say whether the configuration and its files are valid, and end")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args()
    json_log.start()
    try:
        settings = Settings(options.config)
        if options.check:
            return 0
        held = _held_sockets()
        sockets = held or [_listen(settings.config.host, settings.config.port)]
    except (Invalid, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    Supervisor(settings, sockets, bool(held)).run()
    return 0


def _held_sockets() -> list[socket.socket]:
    """Those that systemd holds, across restarts too."""
    count = int(os.environ["LISTEN_FDS"]) if os.environ.get("LISTEN_PID") == str(os.getpid()) else 0
    return [socket.socket(fileno=number) for number in range(SYSTEMD_FIRST_FD, SYSTEMD_FIRST_FD + count)]


def _listen(host: str, port: int) -> socket.socket:
    """One for all workers: a worker that ends leaves its waiting callers to the others."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024)
    except OSError as error:
        raise OSError(f"cannot listen on {host} port {port}: {error.strerror}") from error


class Supervisor:
    def __init__(self, settings: Settings, sockets: list[socket.socket], held: bool) -> None:
        self._settings = settings
        self._sockets = sockets
        self._held_sockets = held
        self._board = Board(settings.config.workers)
        self._children: dict[int, t.Callable[[], None]] = {}
        self._due: list[tuple[float, t.Callable[[], None]]] = []
        self._alive, self._held = os.pipe()

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        gc.freeze()  # what is shared with the children stays shared
        for index in range(self._settings.config.workers):
            self._start(lambda index=index: self._work(index))
        if self._settings.config.metrics:
            self._start(self._publish)
        announced = False
        while True:
            found = signal.sigtimedwait(SIGNALS, 0.1 if self._due or not announced else 60)
            number = found.si_signo if found else None
            if number in (signal.SIGTERM, signal.SIGINT):
                break
            if number == signal.SIGHUP:
                self._tell(signal.SIGHUP)
            self._reap()
            now = time.monotonic()
            for due, work in self._due:
                if due <= now:
                    self._start(work)
            self._due = [(due, work) for due, work in self._due if due > now]
            if not announced and all((worker.status() or {}).get("state") == "serving" for worker in self._board.workers):
                announced = True
                _notify(b"READY=1")
        _notify(b"STOPPING=1")
        self._stop()

    def _start(self, work: t.Callable[[], None]) -> None:
        pid = os.fork()
        if pid:
            self._children[pid] = work
            return
        status = 1
        try:
            os.close(self._held)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            work()
            status = 0
        except BaseException:
            log.exception("ended by an error")
        finally:
            os._exit(status)

    def _work(self, index: int) -> None:
        uvloop.run(Worker(index, self._settings, self._board).run(self._sockets, self._held_sockets, self._alive))

    def _publish(self) -> None:
        assert self._settings.config.metrics
        Publisher(self._board, self._settings.config.metrics).run()

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            work = self._children.pop(pid, None)
            if work:
                log.error("a process ended: starting another", extra={"ended": pid, "code": os.waitstatus_to_exitcode(status)})
                self._due.append((time.monotonic() + RESTART_SECONDS, work))

    def _tell(self, number: signal.Signals) -> None:
        for pid, work in self._children.items():
            if number != signal.SIGHUP or work != self._publish:
                os.kill(pid, number)

    def _stop(self) -> None:
        """The workers first: the publisher then sends what they counted last."""
        for sock in self._sockets:
            sock.close()
        for pid in [pid for pid, work in self._children.items() if work != self._publish]:
            os.kill(pid, signal.SIGTERM)
        for pid in [pid for pid, work in self._children.items() if work != self._publish]:
            os.waitpid(pid, 0)
            del self._children[pid]
        for pid in self._children:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)


def _notify(message: bytes) -> None:
    """sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect("\0" + address[1:] if address.startswith("@") else address)
            notify.send(message)


if __name__ == "__main__":
    sys.exit(main())
