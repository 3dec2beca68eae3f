# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch alarms: from what is listed and what is there to the fewest calls, in an order that AWS takes."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import dataclass

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarm import (
    COMPOSITE,
    KIND,
    LISTED,
    LOG,
    METRIC,
    Alarm,
    fields,
    in_words,
    kind_of,
    ordered,
    references,
    references_as_written,
    updated,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.rule import account_of, elsewhere, name_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Difference, LeftAlone, Plan, missing

# Calls take this many names.
NAMES_A_CALL = 100
_PUTS = {METRIC: "put_metric_alarm", COMPOSITE: "put_composite_alarm", LOG: "put_log_alarm"}


class Desired(t.NamedTuple):
    """What is to be.

    alarms:       parameters of put calls, which make the alarms as listed
    absent:       names of alarms that are to go
    purge_prefix: all other alarms whose names begin with it are to go too
    """

    alarms: tuple[Alarm, ...] = ()
    absent: frozenset[str] = frozenset()
    purge_prefix: t.Optional[str] = None


class Observed(t.NamedTuple):
    """What is there.

    alarms:     what the put calls take of the alarms that are listed, stood on or begin with the prefix, and their kind
    composites: all composite alarms of the region, where alarms are to go
    account:    the account, where an alarm's ARN tells it
    """

    alarms: tuple[Alarm, ...] = ()
    composites: tuple[Alarm, ...] = ()
    account: t.Optional[str] = None


def observe(cloudwatch: t.Any, desired: Desired) -> Observed:
    """One call for a hundred alarms, and as many for the region's composite alarms where alarms are to go."""
    model = cloudwatch.meta.service_model
    # All that this botocore knows, later ones too: what it does not know, it could not read in the answer.
    kinds = list(model.operation_model("DescribeAlarms").input_shape.members["AlarmTypes"].member.metadata.get("enum") or LISTED)
    prefix = desired.purge_prefix
    described = _described(cloudwatch, kinds, AlarmNamePrefix=prefix) if prefix else []
    named = desired.absent.union(*({_name(alarm)} | references(alarm) for alarm in desired.alarms))
    others = sorted(name for name in named if not (prefix and name.startswith(prefix)))
    for start in range(0, len(others), NAMES_A_CALL):
        described += _described(cloudwatch, kinds, AlarmNames=others[start : start + NAMES_A_CALL])
    account = next(filter(None, (account_of(alarm.get("AlarmArn", "")) for alarm in described)), None)
    put = {kind: _parameters(model, f"Put{kind}") for kind in kinds}
    alarms = tuple({key: value for key, value in alarm.items() if key in put[kind_of(alarm)] or key in ("AlarmName", KIND)} for alarm in described)
    # One call for a hundred, while parents would have to be asked for name by name.
    return Observed(alarms, tuple(_described(cloudwatch, [COMPOSITE])) if doomed(desired, alarms) else (), account)


def _described(cloudwatch: t.Any, kinds: list[str], **which: t.Any) -> list[Alarm]:
    alarms = []
    # Without AlarmTypes only metric alarms come back.
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=kinds, MaxRecords=NAMES_A_CALL, **which):
        for kind in kinds:
            for alarm in page.get(f"{kind}s") or []:
                name = alarm.get("AlarmName") or name_of(alarm.get("AlarmArn", ""))
                if name:
                    alarms.append({**alarm, "AlarmName": name, KIND: kind})
    return alarms


def _parameters(model: t.Any, operation: str) -> t.Container[str]:
    """What of a described alarm its put call takes: not its state, its dates and its ARN."""
    return frozenset(model.operation_model(operation).input_shape.members) if operation in model.operation_names else ()


def doomed(desired: Desired, alarms: t.Iterable[Alarm]) -> list[Alarm]:
    """The alarms that are to go. A purge removes none of a kind that cannot be listed."""
    unlisted = set(map(_name, _unlisted(desired, alarms)))
    return [alarm for alarm in alarms if _name(alarm) in desired.absent or (_name(alarm) in unlisted and kind_of(alarm) in LISTED)]


def kept(desired: Desired, observed: Observed) -> list[str]:
    """Names of the alarms that a purge leaves, as they are of a kind that cannot be listed."""
    return sorted(_name(alarm) for alarm in _unlisted(desired, observed.alarms) if kind_of(alarm) not in LISTED)


def _unlisted(desired: Desired, alarms: t.Iterable[Alarm]) -> list[Alarm]:
    """The alarms that begin with the prefix and are not listed."""
    listed, prefix = set(map(_name, desired.alarms)), desired.purge_prefix
    return [alarm for alarm in alarms if prefix and _name(alarm).startswith(prefix) and _name(alarm) not in listed]


def _name(alarm: Alarm) -> str:
    return alarm["AlarmName"]


def muted(desired: Desired, observed: Observed) -> list[str]:
    """Names of the listed alarms whose actions do not run, by the listing or because somebody switched them off."""
    there = {_name(alarm): alarm.get("ActionsEnabled", True) for alarm in observed.alarms}
    return sorted(_name(alarm) for alarm in desired.alarms if not alarm.get("ActionsEnabled", there.get(_name(alarm), True)))


def _switched_off(desired: Desired, observed: Observed) -> t.Iterator[LeftAlone]:
    """The alarms whose actions somebody switched off, while the listing says nothing of that: for the time of an incident, perhaps."""
    silent = set(muted(desired, observed))
    for alarm in desired.alarms:
        name = _name(alarm)
        if name in silent and "ActionsEnabled" not in alarm:
            yield LeftAlone(
                Difference(object_of(name), "actions_enabled", False, True),
                "its actions are switched off, so it tells nobody; a run leaves that, as it may be for the time of an incident",
                f"switch them on (aws cloudwatch enable-alarm-actions --alarm-names {shlex.quote(name)}), or list actions_enabled: true",
            )


def object_of(name: str) -> str:
    return f"alarm {name}"


def shown(observed: Observed) -> dict[str, dict[str, t.Any]]:
    """The alarms as differences speak of them: object, field, value."""
    return {object_of(_name(alarm)): fields(alarm) for alarm in observed.alarms}


def plan(desired: Desired, observed: Observed) -> Plan:
    """Make the listed alarms, children before parents, then delete those that are to go, parents before children."""
    existing = {_name(alarm): alarm for alarm in observed.alarms}
    composites, cycle = ordered(desired.alarms)
    if cycle:
        raise ValueError("composite alarms refer to each other in a cycle")  # refused with the input
    listed = [*(alarm for alarm in desired.alarms if kind_of(alarm) != COMPOSITE), *composites]
    written = (_written(alarm, existing.get(_name(alarm))) for alarm in listed)
    return Plan((*filter(None, written), *_deletions(doomed(desired, observed.alarms))), tuple(_switched_off(desired, observed)))


class Look:
    """Looks and plans, each time anew; `observed` is what it has seen last."""

    def __init__(self, cloudwatch: t.Any, desired: Desired) -> None:
        self._cloudwatch, self._desired = cloudwatch, desired
        self.observed = Observed()

    def __call__(self) -> Plan:
        self.observed = observe(self._cloudwatch, self._desired)
        return plan(self._desired, self.observed)


def _differences(before: t.Optional[Alarm], after: t.Optional[Alarm]) -> tuple[Difference, ...]:
    old, new = (fields(alarm) if alarm else {} for alarm in (before, after))
    name = object_of(_name(before or after or {}))
    return tuple(Difference(name, field, old.get(field), new.get(field)) for field in sorted(old.keys() | new.keys()) if old.get(field) != new.get(field))


def _written(listed: Alarm, existing: t.Optional[Alarm]) -> t.Optional[Change]:
    operation, named = _PUTS[kind_of(listed)], f'the {in_words(kind_of(listed))} "{_name(listed)}"'
    if existing is None:
        return Change(operation, listed, _differences(None, listed), f"create {named}")
    wanted = updated(listed, existing)
    differences = _differences(existing, wanted)
    if not differences:
        return None
    altered = [difference.field for difference in differences]
    silent = " (its actions are off and stay so)" if wanted.get("ActionsEnabled") is False and "actions_enabled" not in altered else ""
    return Change(operation, wanted, differences, f"update {named}: {', '.join(altered)}{silent}")


def _deletions(alarms: t.Sequence[Alarm]) -> list[Change]:
    """Parents before children, one composite a call, metric alarms by the hundred."""
    children_first, cycle = ordered(alarms)
    # Each of a cycle is some other's child, so AWS would delete none of them.
    broken = [{"AlarmName": _name(alarm), "AlarmRule": "FALSE", "ActionsEnabled": False} for alarm in cycle]
    changes = [
        Change(
            _PUTS[COMPOSITE], after, _differences(before, after),
            f'break the cycle of references at the composite alarm "{_name(before)}", to delete it',
        )
        for before, after in zip(cycle, broken)
    ]
    # AWS deletes log alarms one by one, too.
    single = [*broken, *reversed(children_first), *(alarm for alarm in alarms if kind_of(alarm) not in LISTED)]
    changes += [_deletion([alarm]) for alarm in single]
    metric = [alarm for alarm in alarms if kind_of(alarm) == METRIC]
    return changes + [_deletion(metric[start : start + NAMES_A_CALL]) for start in range(0, len(metric), NAMES_A_CALL)]


@dataclass(frozen=True)
class Deletion(Change):
    """Alarms that one call deletes, all of them or none: one that AWS refuses keeps the others from being deleted."""

    @classmethod
    def of(cls, kind: str, names: t.Sequence[str], differences: tuple[Difference, ...]) -> Deletion:
        quoted = ", ".join(f'"{name}"' for name in names)
        return cls("delete_alarms", {"AlarmNames": list(names)}, differences, f"delete the {in_words(kind)}{'s' if names[1:] else ''} {quoted}")

    @property
    def names(self) -> list[str]:
        return self.parameters["AlarmNames"]

    def part(self, names: t.Sequence[str]) -> t.Optional[Deletion]:
        """The deletion of only these, or None if they are none."""
        if len(names) in (0, len(self.names)):
            return self if names else None
        objects = set(map(object_of, names))  # only metric alarms go several a call
        return self.of(METRIC, names, tuple(difference for difference in self.differences if difference.object in objects))

    def halves(self) -> tuple[Change, ...]:
        half = len(self.names) // 2
        return tuple(filter(None, (self.part(self.names[:half]), self.part(self.names[half:])))) if half else ()

    def without(self, made: t.Iterable[Change]) -> t.Optional[Change]:
        gone = {name for change in made if isinstance(change, Deletion) for name in change.names}
        return self.part([name for name in self.names if name not in gone])


def _deletion(alarms: t.Sequence[Alarm]) -> Deletion:
    differences = tuple(difference for alarm in alarms for difference in _differences(alarm, None))
    return Deletion.of(kind_of(alarms[0]), list(map(_name, alarms)), differences)


def happened(differences: t.Iterable[Difference]) -> dict[str, list[str]]:
    """Names of the alarms that the differences create, update and remove, sorted."""
    differences = list(differences)
    born = {difference.after for difference in differences if difference.field == "alarm_name" and difference.after}
    gone = {difference.before for difference in differences if difference.field == "alarm_name" and difference.before}
    touched = {difference.object.removeprefix(object_of("")) for difference in differences}
    return {"created": sorted(born), "updated": sorted(touched - born - gone), "removed": sorted(gone)}


def _quoted(names: t.Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


def refusals(desired: Desired, observed: Observed) -> list[str]:
    """What stands against the plan in the account, as sentences that name the way out."""
    return [*_conflicts(desired, observed), *_parents_that_stay(desired, observed)]


def obstacles(desired: Desired, observed: Observed) -> list[LeftAlone]:
    """Of the refusals those that may be somebody's doing: a listed alarm that is now of another kind, and one that is gone and that others stand on."""
    existing, own = {_name(alarm): alarm for alarm in observed.alarms}, {_name(alarm) for alarm in desired.alarms}
    found = [_of_another_kind(alarm, existing[_name(alarm)]) for alarm in desired.alarms if kind_of(existing.get(_name(alarm), alarm)) != kind_of(alarm)]
    lacking = {
        name_of(written) for alarm in desired.alarms for written in references_as_written(alarm) if not elsewhere(written, None, observed.account)
    } - existing.keys() - own
    why, remedy = "a listed alarm stands on it, and it is not listed itself", "list it, or mend the reference"
    return found + [missing(object_of(name), why, remedy) for name in sorted(lacking)]


def _of_another_kind(listed: Alarm, existing: Alarm) -> LeftAlone:
    kind, found, name = in_words(kind_of(listed)), in_words(kind_of(existing)), _name(listed)
    return LeftAlone(
        Difference(object_of(name), "kind", found, kind),
        f'"{name}" is listed as a {kind} but exists as a {found}', "remove that one first (state: absent), or choose another name",
    )


def _conflicts(desired: Desired, observed: Observed) -> t.Iterator[str]:
    """Listed alarms that exist as another kind, or that stand on what is not there."""
    existing = {_name(alarm): alarm for alarm in observed.alarms}
    own = {_name(alarm) for alarm in desired.alarms}
    going = {_name(alarm) for alarm in doomed(desired, observed.alarms)}
    for alarm in desired.alarms:
        name, kind = _name(alarm), kind_of(alarm)
        if name in existing and kind_of(existing[name]) != kind:
            yield str(_of_another_kind(alarm, existing[name]))
        foreign = {written for written in references_as_written(alarm) if elsewhere(written, None, observed.account)}
        for written in sorted(foreign):
            where = elsewhere(written, None, observed.account)
            yield f'"{name}" refers to "{written}" {where}: a composite alarm stands on alarms of its own account; name one of those.'
        lacking = references(alarm) - existing.keys() - own - set(map(name_of, foreign))
        if lacking:
            yield f'"{name}" refers to {_quoted(lacking)}, which neither exists nor is listed: list it, or mend the reference.'
        if references(alarm) & going:
            yield (
                f'"{name}" refers to {_quoted(references(alarm) & going)}, which the purge of "{desired.purge_prefix}" removes:'
                " list it, or remove the reference."
            )


def _parents_that_stay(desired: Desired, observed: Observed) -> t.Iterator[str]:
    """What composite alarms stand on alarms that are to go and stay themselves: AWS deletes none of those.

    What is listed counts instead of what exists, as it is written first.
    """
    listed = {_name(alarm): alarm for alarm in desired.alarms}
    going = {_name(alarm) for alarm in doomed(desired, observed.alarms)}
    for parent in observed.composites:
        name = _name(parent)
        children = references(listed.get(name, parent)) & going
        if children and name not in going:
            way_out = f"list {_quoted(children)} to keep" if desired.purge_prefix else "list that one too"
            yield (
                f'{_quoted(children)} cannot be deleted, as the composite alarm "{name}" stands on it: {way_out}, '
                f'or first take the reference out of alarm_rule or actions_suppressor of "{name}".'
            )
