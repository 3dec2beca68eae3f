# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe, plan, apply: the one shape of every module that changes something.

A planner is a pure function from what is desired and what was observed to a Plan. Check mode, the diff
and the differences of a result are drawn from the plan, so what they announce is what a run does.
"""

from __future__ import annotations

import enum
import functools
import json
import typing as t
from dataclasses import dataclass

MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class Unknown(enum.Enum):
    """What only a real run can know. One instance: UNKNOWN."""

    UNKNOWN = "(known after apply)"

    def __str__(self) -> str:
        return self.value


UNKNOWN = Unknown.UNKNOWN


class Difference(t.NamedTuple):
    """One field of one object that is, or would be, another one afterwards.

    object: "KIND NAME", stable from run to run, such as "cache huntaze-redis"; reports compare by it
    field:  within the object, such as "transit_encryption_mode" or "tcp 6379 from sg-2"
    before: plain data; None: not there
    after:  plain data; None: not there afterwards
    secret: whether before and after are never shown
    """

    object: str
    field: str
    before: t.Any
    after: t.Any
    secret: bool = False

    @property
    def shown_before(self) -> t.Any:
        return MASK if self.secret and _is_value(self.before) else plain(self.before)

    @property
    def shown_after(self) -> t.Any:
        if not (self.secret and _is_value(self.after)):
            return plain(self.after)
        # A mask that stays the same would hide that something changes.
        return f"{MASK} (changed)" if _is_value(self.before) else MASK


def _is_value(value: t.Any) -> bool:
    return value is not None and value is not UNKNOWN


def plain(value: t.Any) -> t.Any:
    """`value` with words where it is unknown, so that it can be part of a result."""
    if isinstance(value, Unknown):
        return str(value)
    if isinstance(value, t.Mapping):
        return {key: plain(member) for key, member in value.items()}
    return [plain(member) for member in value] if isinstance(value, (list, tuple)) else value


def shown(differences: t.Iterable[Difference]) -> list[dict[str, t.Any]]:
    """`differences` as a module returns them, secrets masked."""
    return [
        {"object": one.object, "field": one.field, "before": one.shown_before, "after": one.shown_after, "secret": one.secret}
        for one in differences
    ]


class LeftAlone(t.NamedTuple):
    """A difference that a run leaves as it is.

    why, remedy:     why it does, and the way out; clauses without their full stop
    lowers_security: whether somebody gets in, or sees, who is not meant to
    """

    difference: Difference
    why: str
    remedy: str
    lowers_security: bool = False

    def __str__(self) -> str:
        return f"{self.why}: {self.remedy}."


def missing(name: str, why: str, remedy: str) -> LeftAlone:
    """An object that is declared, that is not there and that no run makes."""
    return LeftAlone(Difference(name, "exists", False, True), why, remedy)


def shown_left_alone(left_alone: t.Iterable[LeftAlone]) -> list[dict[str, t.Any]]:
    """What is left alone as a module returns it, secrets masked."""
    return [
        {**shown([one.difference])[0], "why": one.why, "remedy": one.remedy, "lowers_security": one.lowers_security} for one in left_alone
    ]


def diff(differences: t.Iterable[Difference]) -> dict[str, dict[str, dict[str, t.Any]]]:
    """Ansible's diff: by object and field what is there before and after, secrets masked.

    Of a field that changes more than once, the first state and the last.
    """
    before: dict[str, dict[str, t.Any]] = {}
    after: dict[str, dict[str, t.Any]] = {}
    seen = set()
    for one in differences:
        if one[:2] not in seen and one.before is not None:
            before.setdefault(one.object, {})[one.field] = one.shown_before
        seen.add(one[:2])
        after.setdefault(one.object, {}).pop(one.field, None)
        if one.after is not None:
            after[one.object][one.field] = one.shown_after
    return {"before": before, "after": {name: fields for name, fields in after.items() if fields}}


@dataclass(frozen=True)
class Change:
    """One mutating API call.

    operation:   the boto3 client method, such as "authorize_security_group_ingress"
    parameters:  its keyword arguments, secrets in clear; never shown
    differences: what it alters, at least one
    summary:     the same as one sentence without secrets
    """

    operation: str
    parameters: t.Mapping[str, t.Any]
    differences: tuple[Difference, ...] = ()
    summary: str = ""

    @functools.cached_property
    def aims(self) -> frozenset[tuple[str, ...]]:
        """What tells this change from others, from look to look: the call, and what it makes of which field. Never the sentence."""
        return frozenset((self.operation, one.object, one.field, json.dumps(one.after, sort_keys=True, default=str)) for one in self.differences)

    def halves(self) -> tuple[Change, ...]:
        """Two changes that together are this one, where AWS takes or refuses a call as a whole; none if it cannot be split."""
        return ()

    def without(self, made: t.Iterable[Change]) -> t.Optional[Change]:
        """What of this change remains once those `made` are; None if nothing does."""
        done = {aim for change in made for aim in change.aims}
        return None if self.differences and self.aims <= done else self


@dataclass(frozen=True)
class Plan:
    """The changes that lead from what was observed to what is desired, in their order; and what differs and is left alone."""

    changes: tuple[Change, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def steps(self) -> list[str]:
        return [change.summary for change in self.changes]

    @functools.cached_property
    def aims(self) -> frozenset[tuple[str, ...]]:
        return frozenset(aim for change in self.changes for aim in change.aims)

    @property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(one for change in self.changes for one in change.differences)

    def held_back(self, refused: t.Iterable[LeftAlone] = ()) -> list[LeftAlone]:
        """All that a run leaves alone which is refused: what it is `refused` for, and what it would change of other objects.

        Of a field its first state and its last.
        """
        refused = list(refused)
        objects, found = {one.difference.object for one in refused}, {one.difference[:2]: one for one in (*refused, *self.left_alone)}
        planned: dict[t.Any, Difference] = {}
        for one in self.differences:
            planned[one[:2]] = planned.get(one[:2], one)._replace(after=one.after)
        why, remedy = "the run is refused for another reason, and changes nothing", "put right first what it is refused for"
        held = [one for one in planned.values() if one[:2] not in found and one.object not in objects and one.before != one.after]
        return [*found.values(), *(LeftAlone(one, why, remedy) for one in held)]

    def result(self) -> dict[str, t.Any]:
        """The part of a module's result that is the same in check mode and in a run."""
        return {
            "changed": bool(self), "steps": self.steps, "differences": shown(self.differences), "diff": diff(self.differences),
            "left_alone": shown_left_alone(self.left_alone),
        }
