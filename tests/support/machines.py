# SPDX-License-Identifier: GPL-3.0-or-later
"""redis-server and the agent as processes, and callers of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import redis
import yaml

from support.load import TOKEN
from support.waiting import until

PACKAGE = Path(__file__).parents[2] / "roles/limiter_agent/files/limiter_agent"
RULES = (PACKAGE / "limiter_agent/rules.yml").read_text()


def free_port() -> int:
    """Below the ports that the kernel gives to callers: one of those could be taken again before the server listens."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = 20_000 + secrets.randbelow(12_000)
            probe.bind(("127.0.0.1", port))
            return port


class Redis:
    deadline_ms: int | None = None  # how long agents wait for its answers; None: as long as they do of themselves

    def __init__(self, folder: Path, *arguments: str, tls: dict[str, Path] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.tls_port = free_port() if tls else None
        self.arguments = [*arguments]
        if tls:
            self.arguments += ["--tls-port", str(self.tls_port), "--tls-auth-clients", "no", "--tls-cert-file", str(tls["certificate"]),
                               "--tls-key-file", str(tls["key"]), "--tls-ca-cert-file", str(tls["ca"])]
        self.client = redis.Redis(unix_socket_path=str(folder / "redis.sock"), decode_responses=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.kill()
        self.client.close()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self.folder / "redis.sock"),
             "--save", "", "--dir", str(self.folder), "--logfile", str(self.folder / "log"), *self.arguments])
        until(self.answers, what="redis-server")

    def answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError):
            return self.client.ping()
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def script_calls(server: Redis) -> int:
    return server.client.info("commandstats")["cmdstat_evalsha"]["calls"]


class Agent:
    def __init__(self, folder: Path, server: Redis, /, rules: str = RULES, metrics: dict | None = None, tls: dict[str, Path] | None = None,
                 redis: dict | None = None, environment: dict[str, str] | None = None, **configuration) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.port = free_port()
        self.tls = tls
        self.environment = {**os.environ, "PYTHONPATH": str(PACKAGE), **(environment or {})}
        patience = {"deadline_ms": server.deadline_ms} if getattr(server, "deadline_ms", None) else {}
        self.configuration = {
            "listen": {"address": "127.0.0.1", "port": self.port}, "workers": 1, "drain_seconds": 0,
            "rules": str(folder / "rules.yml"), "bearer_tokens": str(folder / "tokens"),
            "redis": {"url": f"redis://127.0.0.1:{server.port}", "credential": str(folder / "credential"), **patience, **(redis or {})},
            **configuration}
        if metrics:
            self.configuration["metrics"] = metrics
        if tls:
            self.configuration["tls"] = {"certificate": str(tls["certificate"]), "key": str(tls["key"])}
        self.write("rules.yml", rules)
        self.write("tokens", TOKEN)
        self.write("credential", "")
        self.configure()

    def write(self, name: str, text: str) -> None:
        """Whole or not at all, as a deployment writes."""
        (self.folder / (name + ".new")).write_text(text)
        os.replace(self.folder / (name + ".new"), self.folder / name)

    def configure(self, **changes) -> None:
        for name, value in changes.items():
            self.configuration[name] = {**self.configuration.get(name, {}), **value} if isinstance(value, dict) else value
        self.write("agent.yml", yaml.safe_dump(self.configuration))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "limiter_agent.main", "--config", str(self.folder / "agent.yml"), *arguments]

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log, env=self.environment)
        until(self.ready, what=f"the agent that writes {self.folder}/log")

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError):
            return self.get("/readyz")[0] == 200
        return False

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def connection(self) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=ssl.create_default_context(cafile=self.tls["ca"]))
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def request(self, method: str, path: str, body=None, token: str | None = TOKEN, headers: dict | None = None):
        connection = self.connection()
        try:
            connection.request(method, path, body if isinstance(body, (bytes, str, type(None))) else json.dumps(body), {
                **({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text else None
        finally:
            connection.close()

    def get(self, path: str, **options):
        return self.request("GET", path, **options)

    def check(self, subject: str = "creator", plan: str = "pro", **members):
        return self.request("POST", "/v1/check", {"subject": subject, "plan": plan, **members})

    def workers(self) -> list[dict]:
        return self.get("/readyz")[2]["workers"]
