# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration tests hold in hand: a running sandbox and modules run as Ansible runs them."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import boto3
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support import namespaces
from support.namespaces import Namespace

REPOSITORY = Path(__file__).resolve().parents[2]
SANDBOX = REPOSITORY / "tests" / "sandbox"
sys.path.append(str(SANDBOX))

from control import Control  # noqa: E402

# Forks of a process that has imported what modules import: half of a module's time would go there.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["support.sandboxes", "support.models", "ansible_collections.amazon.aws.plugins.module_utils.modules", "psycopg2"])
PATIENCE = 60.0  # no module under test needs longer; reaching it is a failure
MEETS_SILENCE = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}  # for a client that is to get no answer


@contextlib.contextmanager
def free_network() -> t.Iterator[str]:
    """A loopback network that no other test process uses; a bound socket is the claim to it."""
    for number in range(20, 120):
        network = f"127.{number}"
        with socket.socket() as claim, socket.socket() as probe:
            try:
                claim.bind((f"{network}.255.254", 4566))
                probe.bind((f"{network}.0.1", 4566))
            except OSError:
                continue
            probe.close()
            yield network
            return
    raise AssertionError("no loopback network is free")


class Sandbox:
    """An instance of its own: started, reset and stopped by the command line that users have."""

    def __init__(self, state: Path, network: str) -> None:
        self.state = state
        self.network = network
        self.estate: dict[str, t.Any] = {}
        self._guard: subprocess.Popen[bytes] | None = None

    def address(self, host: str) -> str:
        return f"{self.network}.{host}"

    @property
    def environment(self) -> dict[str, str]:
        return {"HUNTAZE_SANDBOX_STATE": str(self.state), "HUNTAZE_SANDBOX_NETWORK": self.network}

    @property
    def aws_environment(self) -> dict[str, str]:
        """For programs that speak to AWS, such as `aws`, in the hands of somebody who may do everything."""
        return {
            "AWS_ENDPOINT_URL": self.estate["endpoint_url"],
            "AWS_DEFAULT_REGION": self.estate["region"],  # the one that `aws` version 1 knows
            "AWS_ACCESS_KEY_ID": self.estate["administrator_access_key"],
            "AWS_SECRET_ACCESS_KEY": self.estate["administrator_secret_key"],
        }

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SANDBOX), *arguments],
            env={**os.environ, **self.environment, **environment}, capture_output=True, text=True, timeout=180, check=False,
        )

    def start(self) -> None:
        started = self.command("start")
        assert started.returncode == 0, started.stderr
        self.estate = json.loads((self.state / "estate.json").read_text())
        if self._guard is None:
            # Stops it at the end of its input: also when the test process is killed.
            self._guard = subprocess.Popen(
                ["sh", "-c", 'cat; exec "$@"', "sh", sys.executable, str(SANDBOX), "stop"],
                env={**os.environ, **self.environment}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )

    def stop(self) -> None:
        self._guard.stdin.close()
        assert self._guard.wait(timeout=60) == 0
        self._guard = None

    @property
    def control(self) -> Control:
        return Control(self.estate["endpoint_url"])

    def reset(self) -> None:
        self.control.clear_faults()
        self.control.reset()
        self.settings(
            transition_seconds=0.2, tagging_seconds=0.2, former_endpoint_seconds=0, creation_fails=False, refuses_token_in_force=False,
            rules_per_security_group=60, amplify_fail_step=None, event_delay_seconds=0, lookups_per_second=2,
        )
        self.control.forget_calls()
        self.estate = json.loads((self.state / "estate.json").read_text())

    def calls(self) -> dict[str, int]:
        """API calls since the test began, such as {"elasticache.DescribeCacheClusters": 3}."""
        return self.control.calls()

    def settings(self, **changed: t.Any) -> dict[str, t.Any]:
        return self.control.settings(**changed)

    @contextlib.contextmanager
    def fault(self, kind: str, **fault: t.Any) -> t.Iterator[None]:
        self.control.add_fault(kind=kind, **fault)
        try:
            yield
        finally:
            self.control.clear_faults()

    def client(self, service: str, **options: t.Any) -> t.Any:
        """A plain boto3 client of the administrator: an independent look at what there is."""
        return boto3.client(service, **{
            "endpoint_url": self.estate["endpoint_url"],
            "region_name": self.estate["region"],
            "aws_access_key_id": self.estate["administrator_access_key"],
            "aws_secret_access_key": self.estate["administrator_secret_key"],
            **options,
        })

    def redis(self, address: str, password: str | None = None, *, tls: bool = True, **options: t.Any) -> redis.Redis:
        """A client as an application has it, except that it neither waits nor repeats."""
        if tls:
            options = {"ssl": True, "ssl_ca_certs": self.estate["ca_file"], **options}
        timeouts = {"socket_timeout": 20.0, "socket_connect_timeout": 20.0}
        return redis.Redis(host=address, password=password, retry=Retry(NoBackoff(), 0), **{**timeouts, **options})


class Result(dict):
    """A module's result; beside it the exit code, all that the module printed, and whether it was killed."""

    def __init__(self, rc: int, output: str, result: t.Mapping[str, t.Any], killed: bool) -> None:
        super().__init__(result)
        self.rc, self.output, self.killed = rc, output, killed


def run_module(
    sandbox: Sandbox, name: str, args: t.Mapping[str, t.Any], *, check: bool = False, diff: bool = True,
    kill_after: int | None = None, environment: t.Mapping[str, str] | None = None, namespace: Namespace | None = None,
) -> Result:
    """Run a module of this collection in a process of its own, with the estate's connection options where it has such.

    kill_after: SIGKILL its process group once the n-th changing API call is made but not answered. A module
    that makes fewer ends by itself: `killed` of the result tells.
    namespace: the network it finds itself in.
    """
    arguments = {**_connection(sandbox, name), **args, "_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_module_name": name}
    if kill_after is not None:
        sandbox.control.add_fault(kind="hang", operation="mutating", after=kill_after - 1, times=1)
    with tempfile.NamedTemporaryFile("w+") as output:
        place = namespace.path if namespace else None
        process = PROCESSES.Process(target=_become, args=(name, arguments, {**os.environ, **(environment or {})}, output.name, place))
        start_forks()
        process.start()
        try:
            killed = kill_after is not None and _killed_when_held(sandbox, process)
            process.join(PATIENCE)
            assert process.exitcode is not None, f"{name} has not ended after {PATIENCE} s"
        finally:
            if process.exitcode is None:
                os.killpg(process.pid, signal.SIGKILL)
            if kill_after is not None:
                sandbox.control.clear_faults()
        printed = output.read()
    return Result(process.exitcode, printed, {} if killed else _parsed(printed), killed)


@functools.cache
def start_forks() -> None:
    """Have the process made of which modules are forks. It knows this process's path only by its environment."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _become(name: str, arguments: dict[str, t.Any], environment: dict[str, str], output: str, namespace: str | None) -> None:
    """What a module finds when Ansible starts it, in this process."""
    os.setsid()
    gc.freeze()  # as Ansible's actions do
    if namespace:
        namespaces.enter(namespace)
    os.environ.clear()
    os.environ.update(environment)
    with tempfile.TemporaryFile() as given:
        given.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        given.seek(0)
        os.dup2(given.fileno(), 0)
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdin, sys.argv = open(0, closefd=False), [name]
    from support import models  # which only the process that forks reads

    models.use()
    runpy.run_module(f"ansible_collections.huntaze.ai_system.plugins.modules.{name}", run_name="__main__", alter_sys=True)


def _connection(sandbox: Sandbox, module: str) -> dict[str, str]:
    source = REPOSITORY / "plugins" / "modules" / f"{module}.py"
    if "AnsibleAWSModule" not in source.read_text():
        return {}
    return {
        "endpoint_url": sandbox.estate["endpoint_url"],
        "region": sandbox.estate["region"],
        "access_key": sandbox.estate["access_key"],
        "secret_key": sandbox.estate["secret_key"],
    }


def _killed_when_held(sandbox: Sandbox, process: multiprocessing.process.BaseProcess) -> bool:
    deadline = time.monotonic() + PATIENCE
    while process.is_alive() and time.monotonic() < deadline:
        if any(fault.get("held") for fault in sandbox.control.faults()):
            os.killpg(process.pid, signal.SIGKILL)
            return True
        time.sleep(0.02)
    return False


def _parsed(output: str) -> dict[str, t.Any]:
    """The JSON object that a module prints; warnings of libraries may stand before it."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise AssertionError(f"the module printed no result:\n{output}")
