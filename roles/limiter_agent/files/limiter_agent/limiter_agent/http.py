# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 on httptools: sizes, times and order. What is asked and answered is api.py's."""

from __future__ import annotations

import asyncio
import http
import re
import typing as t
from collections import deque
from email.utils import formatdate

import httptools

MOST_HEAD = 16 * 1024
MOST_BODY = 4 * 1024
MOST_MESSAGE = 64 * 1024  # with what chunks and trailers add
MOST_CONNECTIONS = 4096
REQUEST_SECONDS = 5.0   # from its first byte to its last
IDLE_SECONDS = 75.0     # longer than a load balancer's 60, which else meets closed connections
LINGER_SECONDS = 1.0    # a refused sender gets time to read why
SWEEP_SECONDS = 0.5

_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}
_NEVER = float("inf")
_AUTHORITY = re.compile(rb"^https?://[^/?#]*", re.IGNORECASE)  # of a target in absolute form, as a proxy is asked


class Server:
    """What all connections of a worker share. `handler` answers a request by calling connection.reply once."""

    def __init__(self, handler: t.Callable[[Connection, bytes, bytes, bytes, bytes], None],
                 problem: t.Callable[[int, str], bytes]) -> None:
        self.handler = handler
        self.problem = problem
        self.connections: set[Connection] = set()
        self.draining = False
        self.clock = 0.0
        self.date = b""

    async def run(self) -> None:
        """Keeps the clock, and ends those who are slow. Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.clock = loop.time()
            self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
            for connection in list(self.connections):
                if connection.deadline < self.clock:
                    connection.expire()
            await asyncio.sleep(SWEEP_SECONDS)

    def close_idle(self) -> None:
        for connection in list(self.connections):
            if connection.idle:
                connection.close()


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[bytes, bytes, bytes, bytes, bool]] = deque()
        self._receiving = False   # in the middle of a request
        self._head = True
        self._received = 0
        self._head_size = 0
        self._refused = 0
        self._discarding = False  # nothing that still comes is read
        self._pumping = False
        self._blocked = False
        self._keep_alive = True
        self._method = b""
        self._target = self._authorization = self._body = b""
        self.busy = False
        self.deadline = server.clock + REQUEST_SECONDS

    @property
    def idle(self) -> bool:
        """Answered, and nothing asked since. Who has never asked is about to."""
        return bool(self._method) and not (self.busy or self._receiving or self._waiting)

    # asyncio.Protocol

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._server.connections.add(self)
        if len(self._server.connections) > MOST_CONNECTIONS:
            self._refuse(503, "this agent has too many connections")

    def connection_lost(self, exc) -> None:
        self._server.connections.discard(self)
        self._transport = None
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self._discarding:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # the request itself was answered as plain HTTP
        except httptools.HttpParserError:
            if not self._refused:
                self._refused = 400
        if self._receiving and self._head and self._received > MOST_HEAD:
            self._refused = 431
        elif self._receiving and self._received > MOST_MESSAGE:
            self._refused = 413
        if self._refused:
            self._refuse(self._refused, {
                400: "this is not HTTP/1.1", 413: f"the body is larger than {MOST_BODY} bytes",
                431: f"the head is larger than {MOST_HEAD} bytes"}[self._refused])

    def eof_received(self) -> bool:
        self._discarding = True
        self._keep_alive = False
        return self._transport is not None and self._transport.can_write_eof() and self.busy

    def pause_writing(self) -> None:
        self._blocked = True
        self.deadline = self._server.clock + REQUEST_SECONDS

    def resume_writing(self) -> None:
        self._blocked = False
        self._pump()

    # httptools

    def on_message_begin(self) -> None:
        self._receiving = self._head = True
        self._target = self._authorization = self._body = b""
        self._head_size = 0
        if not self.busy:
            self.deadline = self._server.clock + REQUEST_SECONDS

    def on_url(self, part: bytes) -> None:
        self._target += part
        self._count_head(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        if not self._head:
            return  # a trailer
        size = len(name)  # most headers are neither
        if size == 13 and name.lower() == b"authorization":
            self._authorization = value
        elif size == 6 and name.lower() == b"expect" and value.lower() == b"100-continue" and not self.busy and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MOST_HEAD:
            self._refused = 431

    def on_headers_complete(self) -> None:
        self._head = False
        if self._target[:1] != b"/":
            self._target = _AUTHORITY.sub(b"", self._target)

    def on_body(self, part: bytes) -> None:
        if len(self._body) + len(part) > MOST_BODY:
            self._refused = 413
        else:
            self._body += part

    def on_message_complete(self) -> None:
        self._receiving = False
        self._received = 0
        if self._refused:
            return
        parser = self._parser
        request = (parser.get_method(), self._target, self._authorization, self._body,
                   parser.should_keep_alive() and not parser.should_upgrade())
        if self.busy or self._waiting or self._blocked:
            self._waiting.append(request)
            if self._transport is not None:
                self._transport.pause_reading()
        else:
            self._dispatch(request)

    # requests and their answers

    def _dispatch(self, request: tuple[bytes, bytes, bytes, bytes, bool]) -> None:
        self._method, target, authorization, body, keep_alive = request
        if not keep_alive:
            self._keep_alive = False
        self.busy = True
        self.deadline = _NEVER
        self._server.handler(self, self._method, target, authorization, body)

    def reply(self, status: int, body: bytes, headers: bytes = b"") -> None:
        """`headers`: whole lines, each with its end."""
        self.busy = False
        transport = self._transport
        if transport is None:
            return
        if self._server.draining and not self._waiting:
            self._keep_alive = False
        close = b"" if self._keep_alive else b"Connection: close\r\n"
        length = b"Content-Length: %d\r\n" % len(body) if status != 204 else b""
        transport.write(b"".join((
            _STATUS[status], self._server.date, headers, length, close, b"\r\n", b"" if self._method == b"HEAD" else body)))
        self.deadline = self._server.clock + (REQUEST_SECONDS if self._receiving else IDLE_SECONDS)
        if not self._keep_alive:
            self._waiting.clear()
            self.close()
        elif self._waiting and not self._pumping:
            self._pump()

    def _pump(self) -> None:
        """The requests that came while another was answered, one after the other."""
        self._pumping = True
        while self._waiting and not self.busy and not self._blocked:
            self._dispatch(self._waiting.popleft())
        self._pumping = False
        if not self._waiting and self._transport is not None:
            self._transport.resume_reading()

    def _refuse(self, status: int, detail: str) -> None:
        """Answers what cannot be taken, and hears nothing more from this sender."""
        self._discarding = True
        transport = self._transport
        if transport is None or self.busy:
            self._keep_alive = False  # the answer on its way is the last
            return
        body = self._server.problem(status, detail)
        transport.write(b"".join((
            _STATUS[status], self._server.date, b"Content-Type: application/problem+json\r\nContent-Length: %d\r\n" % len(body),
            b"Connection: close\r\n\r\n", body)))
        if transport.can_write_eof():
            transport.write_eof()
        self.deadline = self._server.clock + LINGER_SECONDS

    def expire(self) -> None:
        if self._discarding or self._blocked:
            if self._transport is not None:
                self._transport.abort()
        elif self._receiving:
            self._refuse(408, f"the request was not complete after {REQUEST_SECONDS:.0f} s")
        else:
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
