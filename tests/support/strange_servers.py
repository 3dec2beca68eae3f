# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are not what a client expects: each behaviour takes a connection and treats its client badly."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
import typing as t


class StrangeServer:
    """Listens on loopback and lets `behave` loose on every connection."""

    host = "127.0.0.1"

    def __init__(self, behave: t.Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._behave(connection)

    def close(self) -> None:
        for sock in (self._listener, *self.connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def silent(connection: socket.socket) -> None:
    """Reads and never answers."""
    while connection.recv(4096):
        pass


def closing(connection: socket.socket) -> None:
    """Hangs up at the first word."""
    connection.recv(4096)


def trickling(beginning: bytes) -> t.Callable[[socket.socket], None]:
    """Begins to answer and goes on byte by byte without ever coming to an end."""

    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        pause = threading.Event()
        for byte in itertools.chain(beginning, itertools.repeat(ord("x"))):
            connection.sendall(bytes([byte]))
            pause.wait(0.01)

    return behave


def flooding(beginning: bytes) -> t.Callable[[socket.socket], None]:
    """Begins to answer and goes on as fast as the client takes it."""

    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(beginning)
        while True:
            connection.sendall(b"x" * 65536)

    return behave


def saying(answer: bytes) -> t.Callable[[socket.socket], None]:
    """Says the same to everything."""

    def behave(connection: socket.socket) -> None:
        while connection.recv(4096):
            connection.sendall(answer)

    return behave


def echoing(frame: t.Callable[[bytes], bytes]) -> t.Callable[[socket.socket], None]:
    """Repeats what it is told, passwords included, in an error of its protocol."""

    def behave(connection: socket.socket) -> None:
        while heard := connection.recv(65536):
            connection.sendall(frame(heard))

    return behave


def by_first_byte(encrypted: t.Callable[[socket.socket], None], plain: t.Callable[[socket.socket], None]) -> t.Callable[[socket.socket], None]:
    """Tells TLS from plain text by the first byte, as ElastiCache has to where it takes both."""

    def behave(connection: socket.socket) -> None:
        (encrypted if connection.recv(1, socket.MSG_PEEK) == b"\x16" else plain)(connection)

    return behave


def handshaking(context: ssl.SSLContext, after: float = 0, then: t.Callable[[socket.socket], None] = silent) -> t.Callable[[socket.socket], None]:
    """Takes up TLS, `after` some seconds, and behaves as `then` says."""

    def behave(connection: socket.socket) -> None:
        threading.Event().wait(after)
        with context.wrap_socket(connection, server_side=True) as encrypted:
            then(encrypted)

    return behave
