# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent against what else one would write, on one Redis, one worker each, every check admitted by Redis.

Rounds take turns and the median counts, as other work on the machine would otherwise favour one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import redis.asyncio
import uvloop

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = ROOT / "roles/limiter_agent/files/limiter_agent"
sys.path[:0] = [str(ROOT / "tests"), str(PACKAGE)]

from benchmarks.load import CALLERS, SUBJECTS, TOKEN, listening, measure  # noqa: E402
from limiter_agent.rules import Rules  # noqa: E402
from limiter_agent.script import SHA, SOURCE, Check, encode, keys_of  # noqa: E402
from support.machines import Agent, Redis, free_port  # noqa: E402
from support.waiting import until  # noqa: E402


def rival(port: int, server: Redis, *command: str) -> subprocess.Popen:
    return subprocess.Popen(command, cwd=HERE, env={**os.environ, "TOKEN": TOKEN, "PORT": str(port), "REDIS_PORT": str(server.port)})


def redis_seconds(server: Redis) -> float:
    info = server.client.info("cpu")
    return info["used_cpu_user"] + info["used_cpu_sys"]


def one_evalsha_a_check(server: Redis, seconds: float, number: int) -> int:
    """The same script with one check a call, from as many callers. Returns how many checks there were."""
    plan = Rules.read(PACKAGE / "limiter_agent/rules.yml").plans["business"]

    async def run():
        client = redis.asyncio.Redis(port=server.port, max_connections=CALLERS)
        await client.script_load(SOURCE)
        end, count = time.monotonic() + seconds, 0

        async def call():
            nonlocal count
            while time.monotonic() < end:
                count += 1
                keys, arguments = encode([Check(keys_of("single", f"r{number}-creator-{count * 7919 % SUBJECTS}"), plan, 1, 0, print)], 3600)
                await client.execute_command("EVALSHA", SHA, len(keys), *keys, *arguments)

        await asyncio.gather(*(call() for _ in range(CALLERS)))
        await client.aclose()
        return count

    return uvloop.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not (HERE / "node/node_modules").is_dir():
        raise SystemExit(f"first run: npm ci --prefix {(HERE / 'node').relative_to(ROOT)}")
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp())
        stack.callback(shutil.rmtree, folder)
        server = stack.enter_context(Redis(folder / "redis"))
        agent = Agent(folder / "agent", server, metrics={"region": "us-east-1", "endpoint_url": "http://127.0.0.1:9", "interval": 3600})
        agent.write("tokens", TOKEN)
        agent.start()
        stack.callback(agent.end)
        ports = {"agent": agent.port, "starlette + limits": free_port(), "node http + rate-limiter-flexible": free_port()}
        rivals = [
            rival(ports["starlette + limits"], server, sys.executable, "-m", "uvicorn", "starlette_limits:app", "--loop", "uvloop", "--http",
                  "httptools", "--no-access-log", "--log-level", "error", "--port", str(ports["starlette + limits"])),
            rival(ports["node http + rate-limiter-flexible"], server, "node", "node/server.mjs")]
        for process in rivals:
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for port in ports.values():
            until(lambda port=port: listening(port), what=f"port {port}")

        found = {name: [] for name in ports}
        singles = []
        for number in range(options.rounds):
            for name, port in ports.items():
                before = redis_seconds(server)
                result = measure(port, options.seconds, number)
                found[name].append((result.per_second, result.p99_ms, (redis_seconds(server) - before) / result.requests * 1e6))
            before = redis_seconds(server)
            count = one_evalsha_a_check(server, options.seconds, number)
            singles.append((redis_seconds(server) - before) / count * 1e6)
        memory = psutil.Process(agent.process.pid).children()[0].memory_info().rss / 1e6

    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in found.items()}
    print(f"{'one worker, ' + str(CALLERS) + ' callers':36}{'requests/s':>12}{'p99 ms':>9}{'Redis µs a check':>18}")
    for name, (per_second, p99, cost) in medians.items():
        print(f"{name:36}{per_second:12,.0f}{p99:9.1f}{cost:18.1f}")
    print(f"{'redis-py, one EVALSHA a check':36}{'':12}{'':9}{statistics.median(singles):18.1f}")
    print(f"memory of the agent's worker: {memory:.0f} MB")
    agent_speed = medians["agent"][0]
    print(f"agent/limits requests ratio: {agent_speed / medians['starlette + limits'][0]:.2f}")
    print(f"agent/node requests ratio: {agent_speed / medians['node http + rate-limiter-flexible'][0]:.2f}")
    print(f"redis cost per check ratio: {medians['agent'][2] / statistics.median(singles):.2f}")


if __name__ == "__main__":
    main()
