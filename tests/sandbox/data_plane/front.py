# SPDX-License-Identifier: GPL-3.0-or-later
"""The front: the sockets that clients connect to, each in front of one server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import typing as t

from data_plane import security_group
from data_plane.client import DataPlaneError

TLS_HANDSHAKE = b"\x16"  # the first byte of every TLS connection
BACKLOG = 1024


class Unanswered(Exception):
    """The server does not speak what the client began with: it says nothing, for as long as the client stays."""


class Backend(t.NamedTuple):
    socket: socket.socket
    terminate_tls: bool  # the client speaks TLS, this connection does not


class Server(t.Protocol):
    async def open(self, mode: str, first: bytes, source: str) -> Backend: ...


async def connect(address: str | tuple[str, int], source: str | None = None) -> socket.socket:
    """A connection to a unix socket's path or to an address and port, from `source` where given."""
    backend = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    backend.setblocking(False)
    try:
        if source:
            backend.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(backend, address)
    except BaseException:
        backend.close()
        raise
    return backend


class Endpoint:
    """One listening socket and the connections that came through it."""

    def __init__(self, address: str, port: int, server: Server, tls: ssl.SSLContext) -> None:
        self.server = server
        self.mode = "off"
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._listener = socket.socket()
        self._listener.setblocking(False)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((address, port))
            self._security_group = security_group.before(self._listener)
            self._listener.listen(BACKLOG)
        except OSError as error:
            self._listener.close()
            raise DataPlaneError(f"The endpoint {address}:{port} cannot be opened: {error.strerror}.") from error
        self._loop.add_reader(self._listener, self._accept)

    def update(self, mode: str, ingress: t.Sequence[str]) -> None:
        self.mode = mode
        self._security_group.let_in(security_group.networks(ingress))

    async def close(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                client, (source, _port) = self._listener.accept()
                client.setblocking(False)
                task = self._loop.create_task(self._serve(client, source))
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)

    async def _serve(self, client: socket.socket, source: str) -> None:
        sides: list[Side] = []
        try:
            first = await self._peek(client)
            backend = await self.server.open(self.mode, first, source)
            near, far = Near(), Far()
            near.other, far.other = far, near
            sides = [far, near]
            await self._loop.create_connection(lambda: far, sock=backend.socket)
            await self._loop.connect_accepted_socket(
                lambda: near, client, ssl=self._tls if backend.terminate_tls else None
            )
            near.transport.resume_reading()
            far.transport.resume_reading()
            if far.lost.done():  # meanwhile
                near.transport.close()
            await asyncio.wait([near.lost, far.lost], return_when=asyncio.ALL_COMPLETED)
        except Unanswered:
            await self._stay_silent(client)
        except OSError:
            pass  # what the client sent is unread: closing resets the connection
        finally:
            for side in sides:
                if side.transport:
                    side.transport.abort()
            client.close()

    async def _stay_silent(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while await self._loop.sock_recv(client, 65536):
                pass

    async def _peek(self, client: socket.socket) -> bytes:
        while True:
            with contextlib.suppress(BlockingIOError):
                return client.recv(1, socket.MSG_PEEK)
            readable = asyncio.Event()
            self._loop.add_reader(client, readable.set)
            try:
                await readable.wait()
            finally:
                self._loop.remove_reader(client)


class Side(asyncio.Protocol):
    """One of the two connections that make a way through the front: what it receives, the other sends."""

    other: Side

    def __init__(self) -> None:
        self.transport: t.Any = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.pause_reading()  # until the other is there too

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(None)


class Near(Side):
    """The client's connection."""

    def eof_received(self) -> bool:
        # Who has sent everything may still wait for answers; TLS has no half-closed connections.
        if self.transport.get_extra_info("ssl_object"):
            return False
        self.other.transport.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.other.transport.abort()


class Far(Side):
    """The server's connection."""

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self.other.transport:
            self.other.transport.close()
