# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a plan out on the host: each of its changes is a method of Host."""

from __future__ import annotations

import grp
import http.client
import json
import os
import shutil
import time
import typing as t
import xmlrpc.client
import zipfile
from pathlib import Path

from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import ready
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.desired import Desired, File
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.observe import STARTED
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.service import Failed, Run, Supervisord, Systemd
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Plan

READ_RULES = """
import pathlib, sys
from limiter_agent import document, rules
try:
    rules.Rules.read(pathlib.Path(sys.argv[1]))
except document.Invalid as error:
    sys.exit(str(error))
"""


class Stopped(Exception):
    """Why a plan was not carried out, and the changes that were made before."""

    def __init__(self, why: str, made: t.Sequence[Change]) -> None:
        super().__init__(why)
        self.made = tuple(made)


def apply(plan: Plan, host: Host) -> None:
    """Raises Stopped. What is no longer used goes only once the agent is proven ready."""
    made: list[Change] = []
    stays, proven = host.desired.state != "absent", False
    try:
        for change in plan.changes:
            if change.operation == "remove" and stays:
                host.prove_ready()
                proven = True
            getattr(host, change.operation)(**change.parameters)
            made.append(change)
        if stays and not proven:
            host.prove_ready()
    except (Failed, OSError, xmlrpc.client.Error, http.client.HTTPException, zipfile.BadZipFile) as error:
        raise Stopped(_words(error), made) from error


def _words(error: Exception) -> str:
    """What an error says. supervisord's are named, as they say little."""
    if isinstance(error, xmlrpc.client.Fault):
        return f"supervisord refused it: {error.faultString}"
    if isinstance(error, (xmlrpc.client.Error, http.client.HTTPException)):
        return f"supervisord answered nothing of use: {error or type(error).__name__}"
    return str(error)


class Host:
    """source: an archive of the package and what it is installed with; wheels_only: whether that has all wheels."""

    def __init__(self, desired: Desired, run: Run, scratch: str, source: str, wheels_only: bool) -> None:
        self.desired, self._run, self._scratch, self._source, self._wheels_only = desired, run, Path(scratch), source, wheels_only
        self._manager = Systemd(desired, run) if desired.has_systemd else Supervisord(desired, run)

    def lacks_source(self, plan: Plan) -> bool:
        """Whether the plan installs what only the archive holds."""
        made_of = {"install_release": self.desired.release_directory, "install_supervisord": self.desired.supervisord_directory}
        installed = [made_of[change.operation] for change in plan.changes if change.operation in made_of]
        return not self._source and not all(os.path.exists(f"{environment}/complete") for environment in installed)

    def create_user(self) -> None:
        name = self.desired.user
        there = any(group.gr_name == name for group in grp.getgrall())
        group = ["--gid", name] if there else ["--user-group"]
        self._run("useradd", "--system", "--shell", "/usr/sbin/nologin", "--home-dir", "/nonexistent", "--no-create-home", *group, name)

    def make_directories(self, paths: t.Sequence[str]) -> None:
        for path in paths:
            os.makedirs(path, exist_ok=True)
            mode, dummy, group = self.desired.directories[path].partition(" ")
            _permit(path, mode, group)

    def install_release(self) -> None:
        self._install(self.desired.release_directory, "requirements.txt", with_package=True)

    def install_supervisord(self) -> None:
        self._install(self.desired.supervisord_directory, "requirements-supervisord.txt", with_package=False)

    def _install(self, environment: str, requirements: str, with_package: bool) -> None:
        """A virtual environment is never altered: what runs keeps its files until it is replaced. Another instance may have made it meanwhile."""
        if os.path.exists(f"{environment}/complete"):
            return
        shutil.rmtree(environment, ignore_errors=True)  # what a run that was cut off left
        source = self._scratch / "source"
        if not source.is_dir():
            with zipfile.ZipFile(self._source) as archive:
                archive.extractall(source)
        # The release's pip fills supervisord's too: each pip takes seconds to install.
        self._run(self.desired.python, "-m", "venv", *([] if with_package else ["--without-pip"]), environment)
        pip = [f"{self.desired.release_directory}/bin/python", "-m", "pip", "--python", f"{environment}/bin/python"]
        pip += ["--disable-pip-version-check", "--no-input", "install"]
        wheels = ["--no-index", "--find-links", str(source / "wheels")] if self._wheels_only else []
        self._run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(source / requirements), *wheels)
        if with_package:
            self._run(*pip, "--no-index", "--no-deps", "--no-build-isolation", str(source / "package"))
        Path(environment, "complete").touch()

    def write(self, files: t.Sequence[File], reload: bool) -> None:
        """Running agents notice each file by themselves within a second: what only the new configuration names concerns them with it."""
        for file in sorted(files, key=lambda file: file.name != "rules.yml"):
            if file.name == "rules.yml":  # before anything is replaced
                self._put(file, lambda path: self._run(f"{self.desired.release_directory}/bin/python", "-c", READ_RULES, path), replace=False)
        for file in files:
            check = (lambda path: self._run(self.desired.program, "--check", "--config", path)) if file.name == "agent.yml" else None
            self._put(file, check)
        if reload:
            self._manager.reload()

    def _put(self, file: File, check: t.Optional[t.Callable[[str], t.Any]] = None, replace: bool = True) -> None:
        path = f"{self.desired.config_directory}/{file.name}"
        try:
            _write(f"{path}.new", file.text, self.desired.permissions)
            if check:
                check(f"{path}.new")
            if replace:
                os.replace(f"{path}.new", path)
        except Failed as failed:
            raise Failed(f"{file.name} would be refused by the agent, and the one before was kept: {failed}") from failed
        finally:
            if os.path.exists(f"{path}.new"):
                os.remove(f"{path}.new")

    def write_units(self, texts: t.Mapping[str, str]) -> None:
        for path, text in texts.items():
            _write(f"{path}.new", text, "0644" if self.desired.has_systemd else self.desired.permissions)
            os.replace(f"{path}.new", path)

    def start(self, frees_port: bool, restarts: bool) -> None:
        self._manager.start(frees_port, restarts)
        path = f"{self.desired.config_directory}/{STARTED}"
        _write(f"{path}.new", json.dumps(self.desired.unit_marks()), self.desired.permissions)
        os.replace(f"{path}.new", path)

    def prove_ready(self) -> None:
        end = time.monotonic() + self.desired.ready_timeout
        while True:
            reason = ready.not_ready(self.desired, ready.ask(self.desired))
            if not reason:
                return
            if time.monotonic() > end:
                raise Failed(f"{reason} It was waited for {self.desired.ready_timeout} s.")
            time.sleep(0.2)

    def stop(self) -> None:
        self._manager.stop()

    def remove(self, paths: t.Sequence[str]) -> None:
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.remove(path)
        if self.desired.state == "absent":
            self._manager.forget()

    def remove_user(self) -> None:
        self._run("userdel", self.desired.user)


def _write(path: str, text: str, permissions: str) -> None:
    mode, dummy, group = permissions.partition(" ")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as file:
        file.write(text)
    _permit(path, mode, group)


def _permit(path: str, mode: str, group: str) -> None:
    if group:
        try:
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
        except KeyError:
            raise Failed(f"There is no group {group} on the host: create it, or set limiter_agent_create_user: true.") from None
    os.chmod(path, int(mode, 8))
