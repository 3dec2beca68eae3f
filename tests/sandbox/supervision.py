# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of an instance, kept by one supervisord: its configuration and its XML-RPC interface."""

from __future__ import annotations

import contextlib
import shlex
import time
import typing as t
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import Faults, SupervisorTransport

from instance import Instance


def program(
    name: str, command: t.Sequence[str], instance: Instance, signal: str = "TERM", identity: t.Sequence[str] = (), **options: t.Any
) -> str:
    """The section of one process, which `signal` ends; `identity` are setpriv's options where it runs as another user."""
    settings = {
        # setpriv ties it to supervisord: if that is killed, no process stays behind.
        "command": shlex.join(["setpriv", *identity, "--pdeathsig", signal, "--", *command]),
        "directory": instance.run,
        "stopsignal": signal,
        "startsecs": 0,
        "autostart": "false",
        "autorestart": "false",
        "redirect_stderr": "true",
        "stdout_logfile": instance.log / f"{name}.log",
        "stdout_logfile_backups": 1,
        **options,
    }
    return _section(f"program:{name}", settings)


def configuration(instance: Instance, programs: t.Iterable[str]) -> str:
    return "\n".join([
        _section("unix_http_server", {"file": instance.supervisor_socket, "chmod": "0700"}),
        _section("supervisord", {
            "nodaemon": "true",
            "logfile": instance.log / "supervisord.log",
            "pidfile": instance.run / "supervisord.pid",
            "childlogdir": instance.log,
        }),
        _section("rpcinterface:supervisor", {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface",
        }),
        _section("include", {"files": f"{instance.nodes.name}/*.conf"}),
        *programs,
    ])


def _section(name: str, settings: t.Mapping[str, t.Any]) -> str:
    escaped = {key: str(value).replace("%", "%%") for key, value in settings.items()}
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in escaped.items())


class Supervisor:
    def __init__(self, instance: Instance) -> None:
        transport = SupervisorTransport(serverurl=f"unix://{instance.supervisor_socket}")
        # The host is not used: the transport knows the socket.
        self._rpc = ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def pid(self) -> int | None:
        """supervisord's own process id, None where none answers."""
        try:
            return self._rpc.getPID()
        except OSError:
            return None

    def processes(self) -> list[dict[str, t.Any]]:
        return self._rpc.getAllProcessInfo()

    def start(self, name: str) -> None:
        self._rpc.startProcess(name, False)

    def process_id(self, name: str) -> int:
        """0 where it does not run."""
        return self._rpc.getProcessInfo(name)["pid"]

    def add(self, name: str) -> int:
        """Take up the program `name` that has been written to the configuration, and start it; its process id."""
        self._rpc.reloadConfig()
        self._rpc.addProcessGroup(name)
        self.start(name)
        return self.process_id(name)

    def remove(self, name: str) -> None:
        """End a program and forget it; its configuration is gone already."""
        self._stop(name)
        while not self._ignoring(Faults.STILL_RUNNING, self._rpc.removeProcessGroup, name):
            pass  # each call makes supervisord look at its children once
        self._rpc.reloadConfig()

    def busy(self) -> bool:
        """Whether any process is left. Asking makes supervisord look at once, not when its second is over."""
        return any(process["pid"] for process in self.processes())

    def stop_all(self) -> None:
        for process in self.processes():  # its own call for all of them waits a second
            self._stop(process["name"])

    def _stop(self, name: str) -> None:
        self._ignoring(Faults.NOT_RUNNING, self._rpc.stopProcess, name, False)

    @staticmethod
    def _ignoring(code: int, call: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        try:
            return call(*arguments)
        except Fault as fault:
            if fault.faultCode != code:
                raise
            return None


def kill(processes: t.Sequence[psutil.Process], seconds: float) -> None:
    """End processes in their order, and wait so long for all of them to hold nothing any more."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + seconds
    while any(map(_lives, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    """Whether a process still holds anything; the first process of a machine may take its time to bury the dead."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
