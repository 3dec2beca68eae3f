# SPDX-License-Identifier: GPL-3.0-or-later
"""One process that answers requests."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import struct
import time
import typing as t

from . import __version__
from .api import Api, problem
from .http import Connection, Server
from .limiter import Limiter
from .metrics import SHED, Board
from .settings import Settings
from .store import Store

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
FIRST_CONNECTION_SECONDS = 1.0
STALE_SECONDS = 5.0
HANDSHAKE_SECONDS = 5.0
HALFWAY_SECONDS = 0.2    # for the rest of handshakes that have begun
LAST_WORD_SECONDS = 0.2  # for requests of callers who had just connected
LEAVING_SECONDS = 3.0
SO_ATTACH_FILTER = 26  # socket(7); Python does not name it


class Worker:
    def __init__(self, index: int, settings: Settings, board: Board) -> None:
        self._settings = settings
        self._board = board
        self._counters = board.workers[index]
        self._state = "starting"
        self._shed = 0
        config = settings.config
        self._store = Store(config.key_prefix, self._counters, self._reload)
        self._limiter = Limiter(config.key_prefix, self._store, self._counters)
        self._api = Api(self._limiter, self._readiness)
        self._server = Server(self._api.handle, problem)
        self._apply()
        self._reload()

    async def run(self, sockets: list[socket.socket], held: bool, parent: int) -> None:
        """Until a signal, or until the parent at the other end of the pipe is gone. `held`: the sockets outlive the agent."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload, True)
        loop.add_reader(parent, stop.set)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (self._store.run(), self._server.run(), self._tick())]
            waited = loop.time() + FIRST_CONNECTION_SECONDS
            while not self._store.available and loop.time() < waited:
                await asyncio.sleep(0.01)
            tls = {"ssl": self._settings.tls, "ssl_handshake_timeout": HANDSHAKE_SECONDS} if self._settings.tls else {}
            servers = [await loop.create_server(self._connection, sock=sock.dup(), backlog=1024, **tls) for sock in sockets]
            self._enter("serving")
            await stop.wait()
            # Answers carry `Connection: close` now, so clients leave without a request in the air.
            self._enter("stopping")
            self._server.draining = True
            await asyncio.sleep(self._settings.config.drain_seconds)
            if not held:
                for sock in sockets:
                    _admit_nobody(sock)
                await asyncio.sleep(HALFWAY_SECONDS)
            for server, sock in zip(servers, sockets):
                server.close()
                await self._accept_rest(sock, tls)
            await asyncio.sleep(LAST_WORD_SECONDS)
            leaving = loop.time() + LEAVING_SECONDS
            while self._server.connections and loop.time() < leaving:
                self._server.close_idle()
                await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()

    def _connection(self) -> Connection:
        return Connection(self._server)

    async def _accept_rest(self, sock: socket.socket, tls: dict[str, t.Any]) -> None:
        """Who is in the queue already was told that we listen."""
        sock.setblocking(False)
        rest = []
        with contextlib.suppress(OSError):
            while True:
                rest.append(sock.accept()[0])
        sock.close()
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.connect_accepted_socket(self._connection, accepted, **tls) for accepted in rest), return_exceptions=True)

    def _reload(self, force: bool = False) -> None:
        if self._settings.refresh(force):
            self._apply()

    def _apply(self) -> None:
        settings, config = self._settings, self._settings.config
        if self._limiter.rules is not settings.rules:
            self._limiter.configure(settings.rules)
            self._api.use_rules(settings.rules)
        self._limiter.fallback.shares = config.agents * config.workers
        self._limiter.most_waiting = config.most_waiting
        self._api.use_tokens(settings.tokens)
        self._store.deadline = config.deadline_ms / 1000
        self._store.configure(settings.redis)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._reload()
            self._limiter.tick()
            shed = self._counters.numbers()[SHED]
            if shed > self._shed:
                log.warning("overloaded: requests were refused", extra={"refused": shed - self._shed})
            self._shed = shed
            self._tell()

    def _enter(self, state: str) -> None:
        self._state = state
        log.info(state)
        self._tell()

    def _tell(self) -> None:
        store = self._store
        address = store.in_use
        self._counters.set_status({
            "pid": os.getpid(), "state": self._state, "updated": time.time(),
            "redis": {
                "connected": store.available,
                "host": address and address.host, "port": address and address.port, "tls": address and address.tls,
                "user": address and address.username, "credential": address and address.fingerprint,
                "as_configured": address == store.wanted, "error": store.error and store.error[:300]},
            "problems": [text[:600] for text in self._settings.problems.values()]})

    def _readiness(self) -> tuple[bool, dict[str, t.Any]]:
        """Of all workers: whichever is asked answers for the agent."""
        self._tell()
        workers = [worker.status() for worker in self._board.workers]
        now = time.time()
        if not all(worker and worker["state"] == "serving" and now - worker["updated"] < STALE_SECONDS for worker in workers):
            status = "stopping" if self._state == "stopping" else "starting"
        elif all(worker["redis"]["connected"] for worker in workers if worker):
            status = "ready"
        else:
            status = "degraded"
        return status in ("ready", "degraded"), {"status": status, "version": __version__, "workers": workers}


def _admit_nobody(sock: socket.socket) -> None:
    """Has the kernel drop who knocks (SYN) from now on, and still let in who was answered: closing resets whoever has
    come since the last accept."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))))  # if flags & SYN: keep nothing; else all
    with contextlib.suppress(PermissionError):  # some kernels want CAP_NET_ADMIN; without it, who knocks in that moment may be reset
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(program)))
