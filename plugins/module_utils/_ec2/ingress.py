# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the ingress rules of one security group. Pure: no clock, no module, and no client but the one it reads with."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import Rule, answered, as_dicts, listed, written
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Difference, LeftAlone, Plan, missing

AUTHORIZE = "authorize_security_group_ingress"
DESCRIBE_ANEW = "update_security_group_rule_descriptions_ingress"
REVOKE = "revoke_security_group_ingress"
WORDS = {AUTHORIZE: "let in", DESCRIBE_ANEW: "describe anew", REVOKE: "no longer let in"}


@dataclass(frozen=True)
class Desired:
    """What a task asks for.

    absent:      the rules are to go
    purge:       all others are to go too
    purge_ports: those others that open a port of the rules are to go too
    """

    group_id: str
    rules: tuple[Rule, ...]
    absent: bool = False
    purge: bool = False
    purge_ports: bool = False

    @property
    def revokes(self) -> bool:
        """Whether rules may have to go."""
        return self.absent or self.purge or self.purge_ports

    @classmethod
    def of(cls, parameters: t.Mapping[str, t.Any]) -> Desired:
        """From a task's parameters without problems."""
        rules = tuple(written(position, rule) for position, rule in enumerate(parameters["rules"]))
        return cls(parameters["group_id"], rules, parameters["state"] == "absent", parameters["purge"], parameters["purge_ports"])


@dataclass(frozen=True)
class Observed:
    """The rules of a group, of both directions, as members of SecurityGroupRules."""

    described: tuple[t.Mapping[str, t.Any], ...] = ()

    @property
    def rules(self) -> list[Rule]:
        """The ingress rules; one that does not say its direction may be one."""
        return [answered(rule) for rule in self.described if not rule.get("IsEgress")]

    @property
    def owner(self) -> str:
        """The account of the group."""
        return next((rule["GroupOwnerId"] for rule in self.described if rule.get("GroupOwnerId")), "")


def gone(group_id: str) -> LeftAlone:
    """What is told where the group does not exist."""
    why = "there is no such security group in this account and region, and a run makes none"
    return missing(_object(group_id), why, "make one and name it, or correct the identifier or the region")


def observe(ec2: t.Any, group_id: str) -> Observed:
    # The API filters by group only: 1,000 rules of both directions a call.
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}], PaginationConfig={"PageSize": 1000}
    )
    described = tuple(rule for page in pages for rule in page.get("SecurityGroupRules") or [])
    if not described:
        # A group without any rule looks like one that does not exist.
        ec2.describe_security_groups(GroupIds=[group_id])
    return Observed(described)


@dataclass(frozen=True)
class RuleChange(Change):
    """One call, and the rules it is about: a difference each, in the same order. AWS takes or refuses all of them together."""

    rules: tuple[Rule, ...] = ()
    again: bool = False

    def halves(self) -> tuple[Change, ...]:
        half = len(self.rules) // 2
        return (self._part(range(half)), self._part(range(half, len(self.rules)))) if half else ()

    def without(self, made: t.Iterable[Change]) -> t.Optional[Change]:
        done = {rule for change in made if change.operation == self.operation for rule in change.rules}
        kept = [position for position, rule in enumerate(self.rules) if rule not in done]
        return self._part(kept) if kept else None

    def _part(self, positions: t.Iterable[int]) -> RuleChange:
        positions = list(positions)
        rules, differences = ([members[position] for position in positions] for members in (self.rules, self.differences))
        return _change(self.operation, self.parameters["GroupId"], rules, differences, self.again)


def authorize(group_id: str, rules: t.Sequence[Rule], again: bool = False) -> RuleChange:
    return _change(AUTHORIZE, group_id, rules, [_difference(group_id, rule, None, rule.description or "") for rule in rules], again)


def describe_anew(group_id: str, rules: t.Sequence[Rule], before: t.Sequence[Rule]) -> RuleChange:
    differences = [_difference(group_id, rule, old.description, rule.description) for rule, old in zip(rules, before)]
    return _change(DESCRIBE_ANEW, group_id, rules, differences)


def revoke(group_id: str, rules: t.Sequence[Rule]) -> RuleChange:
    return _change(REVOKE, group_id, rules, [_difference(group_id, rule, rule.description or "", None) for rule in rules])


def _difference(group_id: str, rule: Rule, before: t.Optional[str], after: t.Optional[str]) -> Difference:
    """The value of a rule is its description, empty if it has none."""
    return Difference(_object(group_id), rule.field, before, after)


def _object(group_id: str) -> str:
    return f"security group {group_id}"


def _change(operation: str, group_id: str, rules: t.Sequence[Rule], differences: t.Sequence[Difference], again: bool = False) -> RuleChange:
    parameters: dict[str, t.Any] = {
        AUTHORIZE: lambda: {"IpPermissions": [rule.as_permission() for rule in rules]},
        DESCRIBE_ANEW: lambda: {
            "SecurityGroupRuleDescriptions": [
                dict(SecurityGroupRuleId=rule.rule_id, **({"Description": rule.description} if rule.description else {})) for rule in rules
            ]
        },
        REVOKE: lambda: {"SecurityGroupRuleIds": [rule.rule_id for rule in rules]},
    }[operation]()
    summary = f"{group_id}: {WORDS[operation]}{' again' if again else ''} {listed(rules)}"
    return RuleChange(operation, {"GroupId": group_id, **parameters}, tuple(differences), summary, rules=tuple(rules), again=again)


@dataclass(frozen=True)
class IngressPlan(Plan):
    """A plan, and what it does to which rules.

    kept:     those that stay whatever happens
    rules:    all that are there afterwards, as results show them
    observed: what it was planned from
    """

    added: tuple[Rule, ...] = ()
    mended: tuple[Rule, ...] = ()
    removed: tuple[Rule, ...] = ()
    kept: tuple[Rule, ...] = ()
    rules: tuple[t.Mapping[str, t.Any], ...] = ()
    observed: Observed = Observed()


def plan(desired: Desired, observed: Observed) -> IngressPlan:
    """A call for each kind of change that there is. New rules come before old ones go: nobody who is let in by both is ever shut out."""
    there = {rule: rule for rule in observed.rules}
    listed_rules = {rule: replace(rule, account="" if rule.account == observed.owner else rule.account) for rule in desired.rules}
    # Those that nobody has declared and that open what the declared ones do.
    opening = {rule for rule in there.values() if rule not in listed_rules and any(map(rule.opens, listed_rules))}
    if desired.absent:
        added, mended, removed = [], [], [there[rule] for rule in listed_rules if rule in there]
    else:
        added = [rule for rule in listed_rules.values() if rule not in there]
        mended = [
            replace(there[rule], description=rule.description, name=rule.name)
            for rule in listed_rules.values()
            if rule in there and rule.description is not None and rule.description != there[rule].description
        ]
        removed = [rule for rule in there.values() if rule not in listed_rules and (desired.purge or (desired.purge_ports and rule in opening))]
    kept = tuple(rule for rule in there.values() if rule not in removed)
    after = {rule: rule for rule in [*kept, *added, *mended]}
    group = desired.group_id
    calls = (
        authorize(group, added) if added else None,
        describe_anew(group, mended, [there[rule] for rule in mended]) if mended else None,
        revoke(group, removed) if removed else None,
    )
    changes = tuple(call for call in calls if call)
    staying = [] if desired.absent else sorted(opening.difference(removed), key=lambda rule: rule.field)
    left_alone = tuple(_left_alone(group, rule, listed_rules.values(), added) for rule in staying)
    return IngressPlan(changes, left_alone, tuple(added), tuple(mended), tuple(removed), kept, tuple(as_dicts(after.values())), observed)


def _left_alone(group_id: str, rule: Rule, declared: t.Iterable[Rule], added: t.Sequence[Rule]) -> LeftAlone:
    """A rule that is there, that nobody has declared, and that opens what some of the `declared` do. `added`: those of them that are not there."""
    opened = [one for one in declared if rule.opens(one)]
    why = f"it is not declared, and it opens {', '.join(dict.fromkeys(one.traffic for one in opened))}"
    gone, covering = [one for one in opened if one in added], next((one for one in opened if one.covers(rule)), None)
    if covering:
        why += f", but lets in nobody whom {covering} does not"
    elif gone:
        why += f"; {listed(gone)} {'are' if gone[1:] else 'is'} not there, so it may stand in that place"
    remedy = "if it is meant, list it or accept it (huntaze_drift.accepted); else revoke it, as a run does with purge_ports"
    return LeftAlone(_difference(group_id, rule, rule.description or "", None), why, remedy, lowers_security=covering is None)
