# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping an instance."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import string
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import psutil
import psycopg2

import hosts
from control import Control
from data_plane import certificates, postgres
from instance import Instance, SandboxError, write_private
from supervision import Supervisor, configuration, kill, program

SANDBOX = Path(__file__).resolve().parent
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0
REDIS_VERSION = (7, 0)
USERS = ("", "administrator_", "limiter_")  # whose keys they are, as in the estate; without a name: the caller of a deployment
MARKER = "supervisord.conf"  # a state directory holds it from the first moment to the last


def start(instance: Instance) -> None:
    """Start an instance on the guide's estate; returns when it is ready."""
    _require_programs()
    _require_own_directory(instance)
    with _alone(instance):
        if running(instance):
            if instance.estate_file.exists():
                raise SandboxError("The sandbox is already running: `stop` it first, or `reset` it to the guide's estate.")
            _end(instance)  # what a start left that was killed half-way
        _require_addresses(instance)
        _clear(instance)
        try:
            _lay_out(instance)
            _start_processes(instance)
        except BaseException:
            if running(instance):
                _end(instance)
            _clear(instance)
            raise


def stop(instance: Instance) -> None:
    """End all processes of an instance. Its logs stay."""
    if not (instance.state / MARKER).exists():
        raise SandboxError("The sandbox is not running.")
    with _alone(instance):
        was_running = running(instance)
        if was_running:
            _end(instance)
        _clear(instance)
    if not was_running:
        raise SandboxError("The sandbox was not running any more; what it left is cleared away.")


def running(instance: Instance) -> bool:
    return Supervisor(instance).pid() is not None


def _require_programs() -> None:
    if not sys.platform.startswith("linux"):
        raise SandboxError("The sandbox needs Linux: its security groups are socket filters of the kernel.")
    found = {"setpriv (package util-linux)": shutil.which("setpriv"), "redis-server": shutil.which("redis-server")}
    found |= {f"{name} (package postgresql)": postgres.binary(name) for name in ("postgres", "initdb")}
    missing = [name for name, path in found.items() if not path]
    if missing:
        raise SandboxError(
            f"Missing: {', '.join(missing)}. tests/sandbox/install-servers, run as root on Debian or Ubuntu, installs what the sandbox needs."
        )
    answer = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(map(int, re.search(r"v=(\d+)\.(\d+)", answer).groups()))
    if version < REDIS_VERSION:
        raise SandboxError(f"redis-server is {version[0]}.{version[1]}; the sandbox needs 7.0 or later.")


def _require_own_directory(instance: Instance) -> None:
    instance.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(instance.state.iterdir()) and not (instance.state / MARKER).exists() and not (instance.state / "lock").exists():
        raise SandboxError(f"{instance.state} holds other things: let HUNTAZE_SANDBOX_STATE name a directory that is empty or new.")


@contextlib.contextmanager
def _alone(instance: Instance) -> t.Iterator[None]:
    with open(instance.state / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError("The sandbox is being started or stopped by another process.") from None
        yield


def _require_addresses(instance: Instance) -> None:
    """Nobody else may listen where the sandbox's servers will; one cache endpoint stands for all of them."""
    places = [instance.api, (instance.address("1.10"), 6379), (instance.address("2.10"), 5432), instance.database]
    for place in places:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(place)
            except OSError as error:
                address = "{}:{}".format(*place)
                if error.errno == errno.EADDRINUSE:
                    raise SandboxError(
                        f"{address} is in use by {_owner(*place)}: end that, or set HUNTAZE_SANDBOX_NETWORK to another network, such as 127.21."
                    ) from None
                raise SandboxError(f"{address} cannot be used: {error.strerror}.") from None


def _owner(host: str, port: int) -> str:
    for connection in psutil.net_connections("tcp4") + psutil.net_connections("tcp6"):
        local = connection.laddr
        if connection.status == psutil.CONN_LISTEN and local.port == port and local.ip in (host, "0.0.0.0", "::"):
            if connection.pid:
                with contextlib.suppress(psutil.Error):
                    return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another process"


def _clear(instance: Instance) -> None:
    """Remove all that a start makes, except logs, and the lock that is being held."""
    hosts.end(instance)
    if instance.run.parent != instance.state:
        shutil.rmtree(instance.run, ignore_errors=True)
    for name in ("run", MARKER, "estate.json", "secrets.json", "ca.pem", "server.pem", "server.key"):
        (instance.state / name).unlink(missing_ok=True)
    shutil.rmtree(instance.nodes, ignore_errors=True)


def _lay_out(instance: Instance) -> None:
    (instance.state / MARKER).touch(mode=0o600)
    instance.log.mkdir(exist_ok=True)
    instance.nodes.mkdir()
    temporary = tempfile.gettempdir()
    # The path of a unix socket has 107 bytes at most, and names of caches have up to 50.
    run = Path(tempfile.mkdtemp(prefix="huntaze-sandbox-", dir=temporary if len(temporary) <= 20 else "/tmp"))
    run.chmod(0o711)
    (instance.state / "run").symlink_to(run)
    write_private(instance.state / "secrets.json", json.dumps(_secrets()))
    certificates.make(instance)


def _secrets() -> dict[str, str]:
    def random(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(secrets.choice(alphabet) for _ in range(length))

    return {
        "account_id": "123456789012",
        **{f"{user}access_key": "AKIA" + random(16, string.ascii_uppercase + "234567") for user in USERS},
        **{f"{user}secret_key": random(40) for user in USERS},
        "auth_token": random(32),
        "next_auth_token": random(32),
        "bearer_token": random(40),
        "next_bearer_token": random(40),
        "database_password": random(32),
    }


def _start_processes(instance: Instance) -> None:
    python = [sys.executable, "-m"]
    write_private(instance.state / MARKER, configuration(instance, [
        program("data_plane", [*python, "data_plane"], instance),
        program("aws_api", [*python, "aws_api"], instance),
        postgres.section(instance),
    ]))
    with open(instance.log / "start.log", "w") as log:
        process = subprocess.Popen(
            [*python, "supervisor.supervisord", "-c", str(instance.state / MARKER)],
            env={**_environment(), **instance.environment(), "PYTHONPATH": str(SANDBOX)},
            cwd=instance.run, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
        )
    _wait(lambda: running(instance), lambda: process.poll() is None, "supervisord", instance.log / "start.log")
    supervisor = Supervisor(instance)

    def wait(name: str, ready: t.Callable[[], bool]) -> None:
        _wait(ready, lambda: supervisor.process_id(name) != 0, name, instance.log / f"{name}.log")

    supervisor.start("data_plane")
    wait("data_plane", instance.data_plane_socket.exists)
    supervisor.start("aws_api")  # takes its time; meanwhile:
    postgres.initialise(instance)
    supervisor.start("postgres")
    wait("postgres", lambda: _database_answers(instance))
    wait("aws_api", lambda: _api_answers(instance))


def _environment() -> dict[str, str]:
    """What the servers need of the caller's environment; not, say, credentials of a real account."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "HUNTAZE_SANDBOX_JOURNAL") if name in os.environ}


def _wait(ready: t.Callable[[], bool], alive: t.Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        if not alive():
            raise SandboxError(f"{what} ended while starting: {_last_line(log)} ({log})")
        if time.monotonic() > deadline:
            raise SandboxError(f"{what} is not ready after {START_TIMEOUT:.0f} seconds: see {log}.")
        time.sleep(0.05)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it wrote nothing"


def _api_answers(instance: Instance) -> bool:
    try:
        Control("http://{}:{}".format(*instance.api)).health()
    except (OSError, ValueError):
        return False
    return instance.estate_file.exists()


def _database_answers(instance: Instance) -> bool:
    host, port = instance.database
    try:
        psycopg2.connect(
            host=host, port=port, dbname=postgres.NAME, user=postgres.USER,
            password=instance.secrets()["database_password"], connect_timeout=2,
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


def _end(instance: Instance) -> None:
    supervisor = Supervisor(instance)
    own = psutil.Process(supervisor.pid())
    processes = [own, *own.children(recursive=True)]
    supervisor.stop_all()
    deadline = time.monotonic() + STOP_TIMEOUT
    while supervisor.busy() and time.monotonic() < deadline:
        time.sleep(0.02)
    # supervisord itself would take seconds, and has nothing left to do.
    kill(processes, STOP_TIMEOUT)
