# SPDX-License-Identifier: GPL-3.0-or-later
"""Callers that ask one check after another over kept connections, as cheaply as Python can."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import psutil
import uvloop

TOKEN = "benchmark-token-0123456789abcdef"
CALLERS = 64
SUBJECTS = 10_000


def listening(port: int) -> bool:
    return any(entry.laddr.port == port and entry.status == psutil.CONN_LISTEN for entry in psutil.net_connections("tcp"))


@dataclass
class Result:
    requests: int
    per_second: float
    p99_ms: float


class _Caller(asyncio.Protocol):
    def __init__(self, requests, latencies, failures):
        self._requests, self._latencies, self._failures = requests, latencies, failures
        self._buffer = b""
        self.ended = False

    def connection_made(self, transport):
        self._transport = transport
        self._ask()

    def _ask(self):
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data):
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < head_end + 4 + length:
            return
        self._latencies.append(time.perf_counter() - self._sent)
        if head[9:12] != b"200":
            self._failures.append(self._buffer)
        self._buffer = b""
        if not self.ended:
            self._ask()


def _requests(round_of_subjects):
    number = 0
    while True:
        number += 1
        # A stride without common factor: every caller meets every subject.
        body = b'{"subject":"r%d-creator-%d","plan":"business","cost":1}' % (round_of_subjects, number * 7919 % SUBJECTS)
        yield (b"POST /v1/check HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n%s" % (TOKEN.encode(), len(body), body))


def measure(port: int, seconds: float, round_of_subjects: int = 0) -> Result:
    async def run():
        latencies, failures = [], []
        requests = _requests(round_of_subjects)
        callers = [_Caller(requests, latencies, failures) for _ in range(CALLERS)]
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        for caller in callers:
            await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)
        await asyncio.sleep(seconds)
        for caller in callers:
            caller.ended = True
        took = time.perf_counter() - started
        if failures:
            raise SystemExit(f"{len(failures)} requests were not admitted: {failures[0][:300]!r}")
        counted = sorted(latencies)
        await asyncio.sleep(0.1)
        return Result(len(latencies), len(counted) / took, counted[int(len(counted) * 0.99)] * 1000)

    return uvloop.run(run())
