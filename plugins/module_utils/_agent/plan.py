# SPDX-License-Identifier: GPL-3.0-or-later
"""What leads a host from what it shows to what is declared of its agent."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.desired import SECRET, Desired
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.observe import Observed
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Difference, LeftAlone, Plan

PYTHONS = ("3.11", "3.12", "3.13")  # those that the role's files/requirements.txt pins wheels for


def plan(desired: Desired, observed: Observed) -> Plan:
    """Each change is a method of apply.Host, with its parameters."""
    if desired.state == "ready":
        return Plan()
    wanted = desired.facts(observed.kept_tokens)
    found = observed.facts
    differences = [
        Difference(desired.object, field, found.get(field), wanted.get(field), field in SECRET)
        for field in dict.fromkeys([*wanted, *found]) if found.get(field) != wanted.get(field)
    ]
    changes = _removal(desired, observed, differences) if desired.state == "absent" else _arrival(desired, observed, differences)
    return Plan(tuple(changes))


def refusals(desired: Desired, observed: Observed) -> list[LeftAlone]:
    """What the host makes impossible."""
    if not observed.python_problem and observed.python in ("", *PYTHONS):
        return []
    state, needed = observed.python_problem or f"is Python {observed.python}", f"{PYTHONS[0]} to {PYTHONS[-1]}"
    difference = Difference(desired.object, "python", observed.python or None, needed)
    return [LeftAlone(difference, f"{desired.python} on the host {state}; {needed} is needed", "name one in limiter_agent_python")]


def _arrival(desired: Desired, observed: Observed, differences: list[Difference]) -> t.Iterator[Change]:
    """In the order in which a run that is cut off leaves a host that works: what runs keeps its files until it is replaced, and loses them last."""
    by_field = {difference.field: difference for difference in differences}
    units = {path: file.text for path, file in desired.units.items() if file.field in by_field}
    files = [file for file in desired.files(observed.kept_tokens) if file.text and (file.field in by_field or "permissions" in by_field)]
    starts, restarts = "service" in by_field, observed.marks != desired.unit_marks() or not observed.runs
    reloads = observed.runs and not (starts and restarts)

    def take(*fields: str) -> tuple[Difference, ...]:
        return tuple(by_field.pop(field) for field in fields if field in by_field)

    gone = [field for field in by_field if field in observed.leftovers]
    removed = take(*gone)
    if "user" in by_field:
        yield Change("create_user", {}, take("user"), f"create the user {desired.user}")
    directories = [field for field in by_field if field.startswith("directory ")]
    if directories:
        paths = [field.partition(" ")[2] for field in directories]
        yield Change("make_directories", {"paths": paths}, take(*directories), "set up directories")
    if "release" in by_field:
        yield Change("install_release", {}, take("release"), f"install the agent (release {desired.release})")
    if "supervisord" in by_field:
        yield Change("install_supervisord", {}, take("supervisord"), "install supervisord")
    told = take(*(file.field for file in files), "permissions")
    if told:
        names = sorted("credential" if file.field == "credential" else file.name for file in files)
        yield Change("write", {"files": files, "reload": reloads}, told, f"write {', '.join(names)}{' and reload the agent' if reloads else ''}")
    if units:
        yield Change("write_units", {"texts": units}, take("socket", "unit"), f"write {', '.join(sorted(path.rpartition('/')[2] for path in units))}")
    if starts:
        frees_port = desired.has_systemd and observed.marks.get("socket", "") not in ("", desired.unit_marks()["socket"])
        summary = f"start the agent{' anew' if observed.runs else ''}" if restarts else "let the agent begin with the machine"
        yield Change("start", {"frees_port": frees_port, "restarts": restarts}, take("service"), summary)
    if removed:
        yield Change("remove", {"paths": [path for field in gone for path in observed.leftovers[field]]}, removed, f"remove {', '.join(sorted(gone))}")


def _removal(desired: Desired, observed: Observed, differences: list[Difference]) -> t.Iterator[Change]:
    def of(*kinds: str) -> tuple[Difference, ...]:
        return tuple(difference for difference in differences if difference.field.partition(" ")[0] in kinds)

    if of("service"):
        yield Change("stop", {}, of("service"), "stop the agent")
    paths = [path for difference in of("unit", "socket") for path in observed.leftovers[difference.field]]
    paths += [difference.field.partition(" ")[2] for difference in of("directory")]
    if paths:
        yield Change("remove", {"paths": paths}, of("unit", "socket", "directory"), "remove the agent")
    if of("user"):
        yield Change("remove_user", {}, of("user"), f"remove the user {desired.user}")
