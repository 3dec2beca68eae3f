# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when a field differs and who made it so: which events are looked up, and what they show together. Pure.

A writer is named only where an event holds what was found. Else those who wrote last are candidates, and nobody is proven."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import typing as t
from dataclasses import dataclass

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarm import COMPOSITE
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.write import EXISTS, UNREAD, UNTOUCHED, VARIABLES, Groups, Write
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK, UNKNOWN

MOST_CANDIDATES = 3
KEPT_DAYS = 90
LATE_MINUTES = 15
# Clocks of a service and of CloudTrail may differ by this; changes further apart than the second are looked up one by one.
AROUND, APART = datetime.timedelta(minutes=2), datetime.timedelta(minutes=30)
EVENTS_OF = {
    "app": ("UpdateApp",),
    "branch": ("UpdateBranch",),
    "cache": ("ModifyReplicationGroup",),
}


# What was written, by object, newest first.
Trail = t.Mapping[str, t.Sequence[Write]]


def by_object(oldest_first: t.Sequence[Write]) -> Trail:
    trail: dict[str, list[Write]] = {}
    for write in reversed(oldest_first):
        trail.setdefault(write.object, []).append(write)
    return trail


@dataclass(frozen=True)
class Found:
    """A field that differs.

    value: what is there; UNKNOWN where it is not known, as of a secret; None: it is not there
    """

    object: str
    field: str
    value: t.Any = dataclasses.field(repr=False, default=None)
    urgent: bool = False
    changed_at: t.Optional[str] = None

    @property
    def kind(self) -> str:
        return "security group" if self.object.startswith("security group ") else self.object.partition(" ")[0]

    @property
    def name(self) -> str:
        return self.object[len(self.kind) + 1 :]

    @property
    def key(self) -> t.Tuple[str, str]:
        return self.object, self.field


@dataclass(frozen=True)
class Observed:
    """What AWS shows of the objects beside their events.

    stamps:  by object and field, when AWS says that it was last changed
    whole:   objects that have one stamp for all of their fields
    values:  by object, all of its variables, whose differences are masked
    kinds:   by alarm that is there, its kind; None: they could not be read
    history: what the history of alarms says was written; None: it could not be read
    groups:  what security groups show
    """

    stamps: t.Mapping[t.Tuple[str, str], str] = dataclasses.field(default_factory=dict)
    whole: t.FrozenSet[str] = frozenset()
    values: t.Mapping[str, t.Mapping[str, str]] = dataclasses.field(repr=False, default_factory=dict)
    kinds: t.Optional[t.Mapping[str, str]] = None
    history: t.Optional[Trail] = None
    groups: Groups = Groups()

    def value(self, found: Found) -> t.Any:
        if found.field.startswith(VARIABLES):
            # Only AWS tells what a difference masks.
            known = found.object in self.values
            return self.values[found.object].get(found.field[len(VARIABLES):]) if known else None if found.value is None else UNKNOWN
        return UNKNOWN if isinstance(found.value, str) and found.value.startswith(MASK) else found.value


class Lookup(t.NamedTuple):
    """Events to ask for, and the objects that they are about. start, end: None: as far as CloudTrail goes."""

    attribute: str
    value: str
    objects: t.Tuple[str, ...]
    start: t.Optional[datetime.datetime] = None
    end: t.Optional[datetime.datetime] = None


def differences_of(given: t.Iterable[t.Mapping[str, t.Any]]) -> list[Found]:
    """From a task's options without problems; of a field that is given several times, as by a plan of several steps, the first counts."""
    found = [Found(one["object"], one["field"], one["before"], bool(one["lowers_security"]), one["changed_at"]) for one in given]
    return list({one.key: one for one in reversed(found)}.values())[::-1]


def problems(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with a task's options, one sentence each."""
    found = [f"max_calls is {parameters['max_calls']}: give a number of calls above 0."] if parameters["max_calls"] < 1 else []
    for position, one in enumerate(parameters["differences"]):
        found += [f"differences[{position}].{key} is empty: give it as the module's result has it." for key in ("object", "field") if not one[key].strip()]
        try:
            _read(one["changed_at"] or "1970-01-01T00:00:00Z")
        except ValueError:
            found.append(f"differences[{position}].changed_at is {one['changed_at']!r}: give it in ISO 8601, in UTC, such as 2025-11-25T12:00:00Z.")
    return found


# What is looked up


def plan(differences: t.Sequence[Found], observed: Observed, now: datetime.datetime) -> list[Lookup]:
    """The lookups that can show who wrote what was found: what lowers security first, and nothing that is too old."""
    wanted: dict[t.Tuple[str, str], list[t.Tuple[Found, t.Optional[datetime.datetime]]]] = {}
    for found in sorted(differences, key=lambda one: not one.urgent):
        if _too_old(_since(found, observed), now):
            continue
        told = _by_history(found, observed)
        for attribute in _attributes(found, observed):
            wanted.setdefault(attribute, []).append((found, _read(told) if told else None))
    return [lookup for attribute, asked in wanted.items() for lookup in _windows(attribute, asked)]


def _attributes(found: Found, observed: Observed) -> list[t.Tuple[str, str]]:
    if found.kind != "security group":
        return [("EventName", name) for name in _event_names(found, observed)]
    # Events may know a group by its identifier or by its name.
    return [("ResourceName", name) for name in (found.name, *(name for name, group in observed.groups.names.items() if group == found.name))]


def _event_names(found: Found, observed: Observed) -> t.Sequence[str]:
    if found.kind == "alarm":
        return _alarm_events(found, observed)
    if (found.field, found.value) == (EXISTS, False):
        return {"app": ("DeleteApp",), "branch": ("DeleteBranch",), "cache": ("DeleteReplicationGroup", "DeleteCacheCluster")}.get(found.kind, ())
    if found.kind == "cache" and found.field.startswith("tags"):
        return ("AddTagsToResource", "RemoveTagsFromResource")
    if found.kind in ("app", "branch") and not found.field.startswith(VARIABLES):
        return ()
    return EVENTS_OF.get(found.kind, ())


def _alarm_events(found: Found, observed: Observed) -> t.Sequence[str]:
    kinds = observed.kinds
    put = "PutCompositeAlarm" if kinds and kinds.get(found.object) == COMPOSITE else "PutMetricAlarm"
    if (found.field, found.value) == (EXISTS, False) or (kinds is not None and found.object not in kinds):
        return ("DeleteAlarms",)
    if found.field != "actions_enabled":
        return (put,)
    switch = "EnableAlarmActions" if found.value else "DisableAlarmActions"
    # The history has what was put; what was switched since stands in none that is documented.
    return (put,) if _by_history(found, observed) else (switch,) if observed.history is not None else (switch, put)


def _windows(attribute: t.Tuple[str, str], asked: t.Sequence[t.Tuple[Found, t.Optional[datetime.datetime]]]) -> list[Lookup]:
    """Of an event that a whole region shares only the minutes around the changes are looked up, where they are known."""
    moments = [(found, moment) for found, moment in asked if moment]
    if len(moments) < len(asked):
        return [Lookup(*attribute, tuple(dict.fromkeys(found.object for found, dummy in asked)))]
    lookups: list[Lookup] = []
    for found, moment in sorted(moments, key=lambda one: one[1], reverse=True):
        last = lookups[-1] if lookups else None
        if last and last.start and last.start - moment < APART:
            lookups[-1] = last._replace(objects=tuple(dict.fromkeys((*last.objects, found.object))), start=moment - AROUND)
        else:
            lookups.append(Lookup(*attribute, (found.object,), moment - AROUND, moment + AROUND))
    return lookups


# What events show


def settled(found: Found, observed: Observed, trail: Trail) -> bool:
    """Whether older events of the same kind can tell nothing more of it."""
    return len(_touching(found, trail)) > len(_run(found, observed, trail))


def proven(found: Found, observed: Observed, trail: Trail) -> bool:
    """Whether no other event can: the first write of what was found is there, and the one before it."""
    return settled(found, observed, trail) and bool(_run(found, observed, trail))


def origin(found: Found, observed: Observed, trail: t.Optional[Trail], looked_up: bool, now: datetime.datetime) -> dict[str, t.Any]:
    """Since when it differs and who made it so, as a result shows it.

    trail:     what events wrote; None: nobody asked for them
    looked_up: whether all events that can show it were looked up
    """
    run, told = _run(found, observed, trail or {}), _by_history(found, observed)
    # A call that set the same value again is not the one that made it so.
    if run and not (told and _read(run[-1].at) - _read(told) > AROUND):
        first = run[-1]
        return _shown(found, first.at, first.by, first.call)
    suspects, since = _suspects(found, trail or {}), _since(found, observed)
    candidates = [{"by": write.by, "at": write.at, "via": write.call} for write in suspects]
    return _shown(found, since, candidates=candidates, note=_note(found, observed, trail, looked_up, suspects, since, now))


def _touching(found: Found, trail: Trail) -> list[Write]:
    return [write for write in trail.get(found.object, ()) if write.value(found.field) is not UNTOUCHED]


def _run(found: Found, observed: Observed, trail: Trail) -> list[Write]:
    """The last writes that hold what was found, without another value between them, newest first."""
    value = observed.value(found)
    if value is UNKNOWN:
        return []
    return list(itertools.takewhile(lambda write: _same(write.value(found.field), value), _touching(found, trail)))


def _same(written: t.Any, value: t.Any) -> bool:
    if written is UNREAD or isinstance(written, bool) != isinstance(value, bool):
        return False
    return written == value or (not written and not value and not isinstance(written, (int, float, str)))


def _suspects(found: Found, trail: Trail) -> list[Write]:
    """Who wrote it since a run of this collection did; that run itself, if nobody did and it is not known what it wrote."""
    touching = _touching(found, trail)
    others = list(itertools.takewhile(lambda write: not write.own, touching))
    return (others or [write for write in touching[:1] if write.value(found.field) is UNREAD])[:MOST_CANDIDATES]


def _by_history(found: Found, observed: Observed) -> t.Optional[str]:
    """When it came to be as it was found, if the history of alarms tells."""
    past = _run(found, observed, observed.history or {})
    return past[-1].at if past else None


def _since(found: Found, observed: Observed) -> t.Optional[str]:
    return _by_history(found, observed) or found.changed_at or observed.stamps.get(found.key)


def _too_old(since: t.Optional[str], now: datetime.datetime) -> bool:
    return since is not None and now - _read(since) > datetime.timedelta(days=KEPT_DAYS)


def _note(
    found: Found, observed: Observed, trail: t.Optional[Trail], looked_up: bool, suspects: t.Sequence[Write], since: t.Optional[str],
    now: datetime.datetime,
) -> t.Optional[str]:
    notes = []
    if since and since == observed.stamps.get(found.key) and found.object in observed.whole:
        notes.append(f"AWS dates the {found.kind} as a whole: the field may differ for longer.")
    if trail is None or (found.kind == "host" and not suspects):
        return " ".join(notes) or None
    if _too_old(since, now):
        notes.append(f"It is older than the {KEPT_DAYS} days that CloudTrail keeps.")
    elif suspects:
        unread = any(write.value(found.field) is UNREAD for write in suspects) or observed.value(found) is UNKNOWN
        notes.append("These wrote it last; " + ("no value can be compared." if unread else "none of them wrote what was found."))
    elif not looked_up:
        notes.append("It was not looked up to the end.")
    elif not _attributes(found, observed):
        notes.append("CloudTrail is not asked about this field.")
    else:
        notes.append(f"CloudTrail shows nobody who wrote it. It keeps {KEPT_DAYS} days, and calls of the last {LATE_MINUTES} minutes may still be missing.")
    return " ".join(notes) or None


def _shown(
    found: Found, since: t.Optional[str] = None, by: t.Optional[str] = None, via: t.Optional[str] = None,
    candidates: t.Sequence[t.Mapping[str, str]] = (), note: t.Optional[str] = None,
) -> dict[str, t.Any]:
    return {"object": found.object, "field": found.field, "since": since, "by": by, "via": via, "candidates": list(candidates), "note": note}


def _read(moment: str) -> datetime.datetime:
    return datetime.datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)


def lateness(origins: t.Iterable[t.Mapping[str, t.Any]], now: datetime.datetime) -> list[str]:
    """A sentence where something changed so lately that its event may still be missing."""
    moments = [moment for one in origins for moment in (one["since"], *(candidate["at"] for candidate in one["candidates"])) if moment]
    recent = datetime.timedelta(minutes=LATE_MINUTES)
    if not any(now - _read(moment) < recent for moment in moments):
        return []
    return [f"Something changed in the last {LATE_MINUTES} minutes. CloudTrail shows calls some minutes late: a later look may tell more."]
