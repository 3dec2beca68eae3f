# SPDX-License-Identifier: GPL-3.0-or-later
"""Callers of limiter agents, each on a kept connection, that ask again and again until they are told to stop.

As a program they ask until a file appears, or its directory goes; then it says how many requests there were, and which failed:
load.py HOST PORT CA TOKEN_FILE STOP_FILE"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
import time
import typing as t
import uuid
from pathlib import Path

TOKEN = "test-token-of-the-application-0001"
PATIENCE = 30.0  # seconds for one answer


class Caller:
    """One kept connection. An answer is the status and the body, read as JSON."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, token: str = TOKEN, host: str = "127.0.0.1") -> None:
        self.host, self.port, self.tls, self.token = host, port, tls, token
        self.writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, ssl=self.tls)

    async def check(self, subject: str, plan: str = "pro", cost: int = 1) -> tuple[int, dict[str, t.Any]]:
        await self.connect()
        body = json.dumps({"subject": subject, "plan": plan, "cost": cost}).encode()
        self.writer.write(b"POST /v1/check HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (
            self.token.encode(), len(body), body))
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = json.loads(await self.reader.readexactly(length))
        if b"connection: close" in head:
            self.close()
        return int(head.split(b" ")[1]), answer

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = None


class Load:
    """Runs callers in a thread of its own while the test goes on.

    callers:  called once for each caller, with its number
    subjects: the subject of a caller's request, from the caller's number and the request's
    each_per_second: how often a caller asks; without pause where None
    goes_on:  whether a caller connects anew after an error, or ends
    """

    def __init__(
        self, *, caller: t.Callable[[int], Caller], callers: int, plan: str, subjects: t.Callable[[int, int], str],
        each_per_second: float | None = None, goes_on: bool = False,
    ) -> None:
        self.caller, self.callers, self.plan, self.subjects, self.each_per_second, self.goes_on = caller, callers, plan, subjects, each_per_second, goes_on
        self.answers: list[tuple[int, dict[str, t.Any]]] = []
        self.errors: list[Exception] = []
        self.slowest = 0.0  # seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask(number) for number in range(self.callers)))

    async def _ask(self, number: int) -> None:
        caller, count, due = self.caller(number), 0, time.monotonic()
        while not self._end.is_set():
            began = time.monotonic()
            try:
                self.answers.append(await asyncio.wait_for(caller.check(self.subjects(number, count), self.plan), PATIENCE))
            except Exception as error:
                self.errors.append(error)
                caller.close()
                if not self.goes_on:
                    return
            self.slowest = max(self.slowest, time.monotonic() - began)
            count += 1
            if self.each_per_second:
                due += 1 / self.each_per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        caller.close()


def main(host: str, port: str, ca: str, token: str, stop: str) -> None:
    context, stop_file, latest = ssl.create_default_context(cafile=ca), Path(stop), time.monotonic() + 1800
    bearer = Path(token).read_text().strip()
    with Load(caller=lambda dummy: Caller(int(port), context, bearer, host), callers=4, plan="starter", subjects=lambda *dummy: uuid.uuid4().hex,
              each_per_second=27, goes_on=True) as load:
        while stop_file.parent.exists() and not stop_file.exists() and time.monotonic() < latest:
            time.sleep(0.05)
    failures = [*map(repr, load.errors), *(f"{status} {json.dumps(body)}" for status, body in load.answers if status != 200)]
    print(json.dumps({"requests": len(load.answers) + len(load.errors), "failed": len(failures), "failures": failures[:5],
                      "slowest_seconds": round(load.slowest, 3)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
