# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs the agent: systemd, or a supervisord of its own. Both answer the same questions and take the same orders."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import time
import typing as t
import xmlrpc.client

from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.desired import Desired

SECONDS_TO_BEGIN, SECONDS_TO_END = 20, 60


class Failed(Exception):
    """Something on the host did not work; the text says what, without secrets."""


Run = t.Callable[..., str]  # a program with its arguments, to what it prints; raises Failed


class Systemd:
    def __init__(self, desired: Desired, run: Run) -> None:
        self._service, self._socket, self._run = f"{desired.name}.service", f"{desired.name}.socket", run

    def state(self) -> tuple[bool, bool]:
        """Whether the agent runs behind its socket, and whether both begin with the machine."""
        told = self._run("systemctl", "show", "--property=ActiveState,UnitFileState", self._socket, self._service)
        return told.count("ActiveState=active") == 2, told.count("UnitFileState=enabled") == 2

    def stopped_at(self) -> t.Optional[float]:
        """Since when it does not run, in seconds since 1970; None if it has not run since the machine began."""
        told = self._run("systemctl", "show", "--property=InactiveEnterTimestampMonotonic", "--value", self._service, self._socket)
        latest = max([int(number) for number in told.split() if number.isdigit()], default=0)
        return time.time() - time.monotonic() + latest / 1e6 if latest else None

    def start(self, frees_port: bool, restarts: bool) -> None:
        self._run("systemctl", "daemon-reload")
        held = self._run("systemctl", "show", "--property=ActiveState", "--value", self._socket).strip() == "active"
        if frees_port or not held:  # a socket cannot be opened behind a running service
            self._run("systemctl", "stop", self._service)
            self._run("systemctl", "restart", self._socket)
        self._run("systemctl", "enable", self._socket, self._service)
        try:
            self._run("systemctl", "restart" if restarts else "start", self._service)
        except Failed as failed:
            said = self._run("journalctl", "--unit", self._service, "--lines=5", "--output=cat", "--no-pager").strip()
            raise Failed(f"{failed} It said last: {said}") from failed

    def reload(self) -> None:
        self._run("systemctl", "reload", self._service)

    def stop(self) -> None:
        # The socket first: a caller would start the agent again.
        for unit in (self._socket, self._service):
            if os.path.exists(f"/etc/systemd/system/{unit}"):
                self._run("systemctl", "disable", "--now", unit)

    def forget(self) -> None:
        self._run("systemctl", "daemon-reload")


class Supervisord:
    def __init__(self, desired: Desired, run: Run) -> None:
        self._name, self._run = desired.name, run
        self._directory = desired.supervisor_directory
        self._begin = [f"{desired.supervisord_directory}/bin/supervisord", "-c", f"{desired.config_directory}/supervisord.conf"]

    def state(self) -> tuple[bool, bool]:
        """Whether the agent runs. Nothing begins a supervisord with the machine, so there is nothing to be enabled."""
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            return self._ask().getProcessInfo(self._name)["statename"] in ("STARTING", "RUNNING"), True
        return False, True

    def stopped_at(self) -> t.Optional[float]:
        """As under systemd; None if supervisord does not run either."""
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            return self._ask().getProcessInfo(self._name)["stop"] or None
        return None

    def start(self, frees_port: bool, restarts: bool) -> None:
        """Whatever is asked for, only a changed configuration has the agent started anew."""
        if not self._runs():
            # As under systemd, the agent gets nothing of the environment of whoever deploys it: there may be credentials in it.
            self._run("env", "-i", "PATH=/usr/bin:/bin", *self._begin)
            _until(self._runs, SECONDS_TO_BEGIN, f"supervisord does not answer: {self._directory}/supervisord.log says why.")
        ask = self._ask()
        added, changed, removed = ask.reloadConfig()[0]
        for group in changed + removed:
            ask.stopProcessGroup(group)
            ask.removeProcessGroup(group)
        for group in added + changed:
            ask.addProcessGroup(group)
        if not self.state()[0]:
            with contextlib.suppress(xmlrpc.client.Fault):  # what keeps it from starting, the wait for its readiness tells
                ask.startProcess(self._name, False)

    def reload(self) -> None:
        self._ask().signalProcess(self._name, "HUP")

    def stop(self) -> None:
        if self._runs():
            self._ask().shutdown()
        _until(lambda: not os.path.exists(f"{self._directory}/supervisord.pid"), SECONDS_TO_END, f"supervisord in {self._directory} does not end.")

    def forget(self) -> None:
        """It has ended."""

    def _runs(self) -> bool:
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            return self._ask().getState()["statename"] == "RUNNING"
        return False

    def _ask(self) -> t.Any:
        return xmlrpc.client.ServerProxy("http://supervisord", transport=_Transport(f"{self._directory}/supervisor.sock")).supervisor


class _Transport(xmlrpc.client.Transport):
    """To a socket of the file system."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: t.Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("supervisord")
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(SECONDS_TO_END)
        connection.sock.connect(self._path)
        return connection


def _until(condition: t.Callable[[], bool], seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(otherwise)
        time.sleep(0.1)
