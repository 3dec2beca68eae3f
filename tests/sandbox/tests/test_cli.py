# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's command line: it starts, stops and tells, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import psutil
import pytest
from support import sandboxes

ERROR = "sandbox: "


@pytest.fixture
def own(tmp_path: Path) -> t.Iterator[sandboxes.Sandbox]:
    """An instance that is not started."""
    with sandboxes.free_network() as network:
        instance = sandboxes.Sandbox(tmp_path / "a state", network)
        yield instance
        instance.command("stop")


def supervisord(instance: sandboxes.Sandbox) -> psutil.Process:
    return psutil.Process(int((instance.state / "run" / "supervisord.pid").read_text()))


def family(instance: sandboxes.Sandbox) -> list[psutil.Process]:
    parent = supervisord(instance)
    return [parent, *parent.children(recursive=True)]


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def refused(instance: sandboxes.Sandbox, *arguments: str, **environment: str) -> str:
    """The one sentence with which a command is refused."""
    done = instance.command(*arguments, **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(ERROR) and done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix(ERROR).strip()


class TestRunning:
    """The session's instance."""

    def test_a_second_start_is_refused(self, sandbox: sandboxes.Sandbox) -> None:
        before = family(sandbox)
        assert refused(sandbox, "start").startswith("The sandbox is already running: ")
        assert family(sandbox) == before

    def test_status_tells_endpoints_and_processes(self, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
        said = sandbox.command("status").stdout
        assert estate["endpoint_url"] in said
        assert f"{sandbox.address('1.')}" in said and "huntaze-redis-production, TLS off, open to nobody" in said
        assert f"{estate['database']['address']}:5432" in said
        for name in ("aws_api", "data_plane", "postgres", "redis-huntaze-redis-production"):
            assert any(line.split() == [name, "running"] for line in said.splitlines()), said

    def test_status_as_json_is_the_estate(self, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
        assert json.loads(sandbox.command("status", "--json").stdout) == estate
        assert Path(estate["ca_file"]).is_file()

    def test_a_shell_learns_what_aws_and_redis_cli_need(self, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
        script = 'eval "$1"; aws sts get-caller-identity --query Account; echo "$CACHE $TOKEN"; cat "$CA"'
        done = subprocess.run(
            ["sh", "-c", script, "sh", sandbox.command("status", "--shell").stdout],
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True, text=True, check=True,
        )
        account, cache, ca = done.stdout.split("\n", 2)
        assert account == f'"{estate["account_id"]}"'
        assert cache == f"{sandbox.address('1.10')} {estate['auth_token']}"
        assert ca == Path(estate["ca_file"]).read_text()

    def test_reset_brings_the_guides_estate_back(self, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
        permission = {
            "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "IpRanges": [{"CidrIp": "127.0.0.1/32"}],
        }
        sandbox.client("ec2").authorize_security_group_ingress(
            GroupId=estate["cache_security_group_id"], IpPermissions=[permission]
        )
        assert "open to 127.0.0.1/32" in sandbox.command("status").stdout
        assert sandbox.command("reset").returncode == 0
        assert "open to 127.0.0.1/32" not in sandbox.command("status").stdout

    def test_calls_are_counted_and_shown(self, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
        for _ in range(3):
            sandbox.client("sts").get_caller_identity()
        assert sandbox.command("calls").stdout.splitlines()[0].split() == ["3", "sts.GetCallerIdentity"]
        assert json.loads(sandbox.command("calls", "--json", "--reset").stdout) == {"sts.GetCallerIdentity": 3}
        assert json.loads(sandbox.command("calls", "--json").stdout) == {}

    def test_faults_are_switched_on_and_off(self, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
        added = sandbox.command("fault", "add", "throttle", "--service", "sts", "--operation", "*", "--rate", "0.001", "--times", "1")
        assert added.returncode == 0, added.stderr
        (fault,) = json.loads(sandbox.command("fault", "list").stdout)
        assert (fault["kind"], fault["service"], fault["rate"]) == ("throttle", "sts", 0.001)
        assert sandbox.command("fault", "clear").returncode == 0
        assert json.loads(sandbox.command("fault", "list").stdout) == []

    def test_no_secret_is_shown_to_other_users(self, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
        secrets = [estate[name] for name in ("secret_key", "auth_token", "next_auth_token")] + [estate["database"]["password"]]
        for process in family(sandbox):
            shown = " ".join([*process.cmdline(), *process.environ().values()])
            assert not [secret for secret in secrets if secret in shown], process
        logs = {log: log.read_text(errors="replace") for log in (sandbox.state / "log").iterdir()}
        assert len(logs) >= 5
        assert not [log for log, text in logs.items() for secret in secrets if secret in text]
        assert not any(secret in sandbox.command("status").stdout for secret in secrets)
        assert stat.S_IMODE(sandbox.state.stat().st_mode) & 0o077 == 0
        for path in ("estate.json", "secrets.json", "server.key", "run/data_plane.sock", "run/supervisor.sock"):
            assert stat.S_IMODE((sandbox.state / path).stat().st_mode) & 0o077 == 0, path


def test_a_life(own: sandboxes.Sandbox) -> None:
    own.start()
    processes = family(own)
    run = (own.state / "run").resolve()
    assert len(processes) > 5
    own.stop()
    assert living(processes) == []
    assert not run.exists()
    assert {path.name for path in own.state.iterdir()} == {"lock", "log"}
    own.start()  # the directory that remains is good for another


@pytest.mark.parametrize("command", ["stop", "status", "reset", "calls", "fault list"])
def test_what_needs_a_running_sandbox_says_so(own: sandboxes.Sandbox, command: str) -> None:
    assert refused(own, *command.split()).startswith("The sandbox is not running")


@pytest.mark.parametrize("host, port", [("0.1", 4566), ("1.10", 6379), ("2.10", 5432)])
def test_a_port_in_use_is_named_with_its_owner(own: sandboxes.Sandbox, host: str, port: int) -> None:
    address = own.address(host)
    with socket.create_server((address, port)):
        sentence = refused(own, "start")
    assert f"{address}:{port} is in use by {psutil.Process().name()} (process {os.getpid()})" in sentence
    assert "HUNTAZE_SANDBOX_NETWORK" in sentence


def test_a_missing_program_is_named_with_what_installs_it(own: sandboxes.Sandbox, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    sentence = refused(own, "start", PATH=str(tmp_path / "bin"))
    assert sentence.startswith("Missing: ") and "redis-server" in sentence and "setpriv" in sentence
    assert "install-servers" in sentence


def test_a_directory_with_other_things_is_left_alone(own: sandboxes.Sandbox) -> None:
    own.state.mkdir()
    (own.state / "precious").write_text("data")
    assert "HUNTAZE_SANDBOX_STATE" in refused(own, "start")
    assert [path.name for path in own.state.iterdir()] == ["precious"]


def test_a_network_that_is_none_is_refused(own: sandboxes.Sandbox) -> None:
    assert "'127.0.0'" in refused(own, "start", HUNTAZE_SANDBOX_NETWORK="127.0.0")


def test_nothing_outlives_a_supervisord_that_was_killed(own: sandboxes.Sandbox) -> None:
    own.start()
    processes = family(own)
    processes[0].kill()
    psutil.wait_procs(processes, timeout=60)
    assert living(processes) == []
    assert refused(own, "status").startswith("The sandbox is not running")
    own.start()


def test_what_was_deployed_to_a_host_ends_with_a_reset_and_with_the_sandbox(own: sandboxes.Sandbox) -> None:
    own.start()
    hosts = Path(own.estate["hosts_directory"])

    def deploy() -> subprocess.Popen[bytes]:
        for directory in ("opt/release", "limiter-1/etc"):
            (hosts / directory).mkdir(parents=True, exist_ok=True)
        # A daemon: not the sandbox's, and of a session of its own.
        daemon = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(hosts / "limiter-1" / "etc" / "agent.yml")], start_new_session=True)
        threading.Thread(target=daemon.wait).start()  # as init would: the sandbox waits until not even a zombie is left
        return daemon

    daemon = deploy()
    own.control.reset()
    assert daemon.wait(60) == -signal.SIGKILL
    assert [directory.name for directory in hosts.iterdir()] == ["opt"]
    daemon = deploy()
    own.stop()
    assert daemon.wait(60) == -signal.SIGKILL
    assert not hosts.exists()


def test_a_start_that_was_killed_half_way_does_not_bar_the_next(own: sandboxes.Sandbox) -> None:
    starting = subprocess.Popen(
        [sys.executable, str(sandboxes.SANDBOX), "start"],
        env={**os.environ, **own.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (own.state / "run" / "data_plane.sock").exists():
        assert starting.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    assert "being started or stopped by another process" in refused(own, "stop")
    os.killpg(starting.pid, signal.SIGKILL)
    starting.wait()
    leftovers = family(own)
    own.start()
    assert living(leftovers) == []


def test_a_server_that_does_not_start_is_reported_and_nothing_stays(own: sandboxes.Sandbox, tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "redis-server").write_text('#!/bin/sh\n[ "$1" = --version ] && echo v=7.0 || exit 3\n')
    (broken / "redis-server").chmod(0o755)
    sentence = refused(own, "start", PATH=f"{broken}:{os.environ['PATH']}")
    assert "redis-server of huntaze-redis-production does not start" in sentence
    assert "not running" in refused(own, "status")


class TestInstallServers:
    script = sandboxes.SANDBOX / "install-servers"

    def test_with_everything_there_it_does_nothing(self) -> None:
        done = subprocess.run([self.script], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_without_rights_it_says_what_to_install(self, tmp_path: Path) -> None:
        (tmp_path / "ls").symlink_to("/bin/ls")
        (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
        (tmp_path / "id").chmod(0o755)
        done = subprocess.run(
            ["/bin/sh", self.script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1 and done.stdout == ""
        assert "they are missing: redis-server" in done.stderr and f"sudo {self.script}" in done.stderr
