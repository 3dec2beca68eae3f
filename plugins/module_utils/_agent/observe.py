# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host shows of one agent, in one look."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import stat
import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import ready
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.desired import Desired, digest, service_in_words
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.service import Failed, Run, Supervisord, Systemd
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Difference

RELEASE = re.compile(r"[0-9a-f]{16}")
STARTED = "started"  # the file that keeps which units the agent was last started with, so that a run cut off before that is completed by the next


@dataclass(frozen=True)
class Observed:
    """facts: by field, as in Desired.facts
    leftovers: paths that belong to each of the facts that are not to be there
    kept_tokens: bearer tokens that the agent knows, that are not declared and that stay
    runs, marks: whether the agent runs, and with which units it was started
    python: the version of the Python that a release would be made with, asked only where one has to be made; else the words for what is wrong
    not_ready: why the agent is not ready, asked only where it runs
    times: by field, when what is there was changed last, in seconds since 1970, where the host tells
    """

    facts: t.Mapping[str, t.Any] = field(default_factory=dict)
    leftovers: t.Mapping[str, t.Sequence[str]] = field(default_factory=dict)
    kept_tokens: t.Sequence[str] = ()
    runs: bool = False
    marks: t.Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    python_problem: str = ""
    not_ready: str = ""
    times: t.Mapping[str, float] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return self.runs and not self.not_ready

    def changed_at(self, differences: t.Iterable[Difference]) -> dict[str, str]:
        """By the fields that differ, since when, in UTC."""
        moments = {one.field: self.times[one.field] for one in differences if one.field in self.times}
        return {field: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) for field, seconds in moments.items()}


def observe(desired: Desired, run: Run) -> Observed:
    facts: dict[str, t.Any] = {}
    leftovers: dict[str, list[str]] = {}
    times: dict[str, float] = {}
    manager = Systemd(desired, run) if desired.has_systemd else Supervisord(desired, run)
    if desired.create_user and _exists(pwd.getpwnam, desired.user):
        facts["user"] = desired.user
    directories = {*desired.directories, desired.supervisor_directory} if desired.state == "absent" else desired.directories
    facts.update({f"directory {path}": _permissions(path, desired.directories.get(path, "")) for path in directories if os.path.isdir(path)})
    unit_files = {path: (file.field, _text(path)) for path, file in desired.units.items()}
    units = {name: text for name, text in unit_files.values() if text is not None}
    facts.update(units)
    times.update({name: os.stat(path).st_mtime for path, (name, text) in unit_files.items() if text is not None})
    runs, at_boot = manager.state()
    # Without a note, as where a run was cut off between a first start and its note, what is there is what was started. So is a unit that somebody has
    # edited: whether the agent was started with it since, nothing tells.
    noted, declared = json.loads(_text(f"{desired.config_directory}/{STARTED}") or "{}"), {file.field: file.text for file in desired.units.values()}
    marks = {name: noted.get(name, digest(text, 8)) if text == declared[name] else digest(text, 8) for name, text in units.items()}
    if runs or "unit" in units:
        facts["service"] = service_in_words(runs, at_boot, marks)
        stopped_at = None if runs else manager.stopped_at()
        times.update({} if stopped_at is None else {"service": stopped_at})
    if desired.state == "absent":
        for path, (name, text) in unit_files.items():
            leftovers[name] = [path] if text is not None else []
        return Observed(facts, leftovers, runs=runs, marks=marks, times=times)

    found = _releases(desired.install_directory)
    named = re.search(r"/([0-9a-f]{16})/bin/limiter-agent", units.get("unit", ""))
    if named and f"{desired.install_directory}/{named[1]}" in found and _complete(f"{desired.install_directory}/{named[1]}"):
        facts["release"] = named[1]
        times["release"] = times["unit"]  # which names it
    if not desired.has_systemd and "unit" in units and _complete(desired.supervisord_directory):
        facts["supervisord"] = "installed"
    # The release before stays: it may still run on another instance, and makes a downgrade quick.
    for path in [path for path in found if path != desired.release_directory][1:]:
        facts[f"release {os.path.basename(path)}"], leftovers[f"release {os.path.basename(path)}"] = "installed", [path]

    known = [line for line in (_text(f"{desired.config_directory}/bearer-tokens") or "").splitlines() if line.strip()]
    kept = [] if desired.purge_bearer_tokens else [token for token in known if token not in desired.bearer_tokens]
    _look_at_files(desired, kept, facts, leftovers, times)
    installs = desired.state == "present" and not _complete(desired.release_directory)
    version, problem = _python(desired.python, run) if installs else ("", "")
    asked = ready.not_ready(desired, ready.ask(desired)) if runs else ""
    return Observed(facts, leftovers, kept, runs, marks, version, problem, asked, times)


def _look_at_files(
    desired: Desired, kept: t.Sequence[str], facts: dict[str, t.Any], leftovers: dict[str, list[str]], times: dict[str, float]
) -> None:
    there = sorted(os.listdir(desired.config_directory)) if os.path.isdir(desired.config_directory) else []
    deviating = []
    for file in desired.files(kept):
        path = f"{desired.config_directory}/{file.name}"
        text = _text(path)
        if text is not None:
            facts[file.field] = text
            times[file.field] = os.stat(path).st_mtime
            if not file.text:
                leftovers[file.field] = [path]
            elif _permissions(path, desired.permissions) != desired.permissions:
                deviating.append(f"{file.name} {_permissions(path, desired.permissions)}")
                times["permissions"] = max(os.stat(path).st_ctime, times.get("permissions", 0.0))
        if file.field == "credential":
            former = [name for name in there if re.fullmatch(r"credential-[0-9a-f]{12}([.]new)?", name) and name != file.name]
            if former:
                facts.setdefault("credential", _text(f"{desired.config_directory}/{former[-1]}"))
                times.setdefault("credential", os.stat(f"{desired.config_directory}/{former[-1]}").st_mtime)
                facts["former credentials"] = len(former)
                leftovers["former credentials"] = [f"{desired.config_directory}/{name}" for name in former]
    facts["permissions"] = ", ".join(deviating) or desired.permissions


def _releases(directory: str) -> list[str]:
    """The newest first."""
    try:
        names = [name for name in os.listdir(directory) if RELEASE.fullmatch(name)]
    except OSError:
        return []
    return sorted((f"{directory}/{name}" for name in names), key=lambda path: -os.stat(path).st_mtime)


def _complete(environment: str) -> bool:
    return os.path.exists(f"{environment}/complete")


def _python(program: str, run: Run) -> tuple[str, str]:
    try:
        return run(program, "-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])").strip(), ""
    except Failed:
        return "", "is missing, or cannot make virtual environments (Debian and Ubuntu: apt-get install python3-venv)"


def _permissions(path: str, wanted: str) -> str:
    """The mode, and the group where `wanted` names one."""
    status = os.stat(path)
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    if " " not in wanted:
        return mode
    owner = _exists(grp.getgrgid, status.st_gid)
    return f"{mode} {owner.gr_name if owner else status.st_gid}"


def _exists(look_up: t.Callable[[t.Any], t.Any], name: t.Any) -> t.Any:
    try:
        return look_up(name)
    except KeyError:
        return None


def _text(path: str) -> t.Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
