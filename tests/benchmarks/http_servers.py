# SPDX-License-Identifier: GPL-3.0-or-later
"""What HTTP alone costs: the same small answer from one worker of each server that was considered."""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.load import TOKEN, listening, measure  # noqa: E402
from support.machines import free_port  # noqa: E402
from support.waiting import until  # noqa: E402

CREDENTIAL = b"Bearer " + TOKEN.encode()
HEADERS = [(b"ratelimit-policy", b'"hour";q=100;w=3600'), (b"ratelimit", b'"hour";r=42;t=360')]


def decide(authorization: bytes, body: bytes) -> bytes:
    assert hmac.compare_digest(authorization, CREDENTIAL)
    return b'{"allowed":true,"subject":"%s"}' % json.loads(body)["subject"].encode()


async def asgi(scope, receive, send):
    body = (await receive())["body"]
    answer = decide(next(value for name, value in scope["headers"] if name == b"authorization"), body)
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer)), *HEADERS]})
    await send({"type": "http.response.body", "body": answer})


async def rsgi(scope, protocol):
    answer = decide(scope.headers.get("authorization").encode(), await protocol())
    protocol.response_bytes(200, [("content-type", "application/json"), *((name.decode(), value.decode()) for name, value in HEADERS)], answer)


class Httptools(asyncio.Protocol):
    def connection_made(self, transport):
        import httptools
        self.transport, self.parser = transport, httptools.HttpRequestParser(self)

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.body = b""

    def on_header(self, name, value):
        if name.lower() == b"authorization":
            self.authorization = value

    def on_body(self, part):
        self.body += part

    def on_message_complete(self):
        answer = decide(self.authorization, self.body)
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s" % (
            len(answer), b"".join(b"%s: %s\r\n" % header for header in HEADERS), answer))


def serve_httptools(port: int) -> None:
    import uvloop

    async def run():
        await (await asyncio.get_running_loop().create_server(Httptools, "127.0.0.1", port)).serve_forever()
    uvloop.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    if options.serve:
        serve_httptools(options.serve)
        return
    granian = [sys.executable, "-m", "granian", "--loop", "uvloop", "--no-access-log", "--log-level", "error"]
    commands = {
        "raw ASGI on uvicorn": [sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--lifespan", "off",
                                "--no-access-log", "--log-level", "error", "http_servers:asgi", "--port"],
        "raw ASGI on granian": [*granian, "--interface", "asginl", "http_servers:asgi", "--port"],
        "RSGI on granian": [*granian, "--interface", "rsgi", "http_servers:rsgi", "--port"],
        "asyncio protocol on httptools": [sys.executable, __file__, "--serve"],
    }
    found = {name: [] for name in commands}
    for _ in range(3):
        for name, command in commands.items():
            port = free_port()
            process = subprocess.Popen([*command, str(port)], cwd=HERE)
            try:
                until(lambda: listening(port), what=f"port {port}")
                found[name].append(measure(port, options.seconds))
            finally:
                process.terminate()
                process.wait()
    for name, results in found.items():
        print(f"{name:32}{statistics.median(result.per_second for result in results):10,.0f} requests/s"
              f"{statistics.median(result.p99_ms for result in results):8.1f} ms p99")


if __name__ == "__main__":
    main()
