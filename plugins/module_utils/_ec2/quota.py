# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the rules of a plan fit into the quota of their group, which AWS does not tell. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.ingress import IngressPlan
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import Rule


class Size(t.NamedTuple):
    """Rules as AWS counts them against the quota, which holds for each family by itself."""

    ipv4: int
    ipv6: int

    def __str__(self) -> str:
        return f"{self.ipv4} for IPv4 and {self.ipv6} for IPv6"


def size(rules: t.Iterable[Rule]) -> Size:
    """Without prefix lists: each counts as many entries as it may have, in its own family, and the rules name neither."""
    kinds = [rule.source_kind for rule in rules]
    groups = kinds.count("referenced_group_id")
    return Size(kinds.count("cidr_ipv4") + groups, kinds.count("cidr_ipv6") + groups)


def _has_prefix_list(rules: t.Iterable[Rule]) -> bool:
    return any(rule.source_kind == "prefix_list_id" for rule in rules)


def proof_of_room(planned: IngressPlan) -> t.Optional[tuple[Rule, ...]]:
    """The new rules that prove, once AWS has taken them beside all that is there, that the quota has room for the end.

    None of them if that is known already; None if nothing can prove it before a rule goes.
    """
    now, end = size([*planned.kept, *planned.removed]), size([*planned.kept, *planned.added])
    unknown = _has_prefix_list([*planned.kept, *planned.added])

    def enough(reached: Size) -> bool:
        # One quota holds for both families, so either one shows it, unless a prefix list counts in one that is not known.
        return reached.ipv4 >= end.ipv4 and reached.ipv6 >= end.ipv6 if unknown else max(reached) >= max(end)

    most = Size(max(now.ipv4, end.ipv4), max(now.ipv6, end.ipv6)) if unknown else Size(max(end), max(end))
    proof = [rule for rule in planned.added if rule.source_kind == "prefix_list_id"]
    for rule in planned.added:
        if enough(now):
            break
        one = size([rule])
        grown = Size(now.ipv4 + one.ipv4, now.ipv6 + one.ipv6)
        if rule.source_kind != "prefix_list_id" and grown.ipv4 <= most.ipv4 and grown.ipv6 <= most.ipv6:
            proof.append(rule)
            now = grown
    return tuple(proof) if enough(now) else None


def no_room(planned: IngressPlan, refused: t.Sequence[Rule]) -> str:
    """The sentence that says that the end does not fit, with both numbers: AWS refused to take `refused` beside what is there."""
    there = [*planned.kept, *planned.removed]
    now, end, tried = size(there), size([*planned.kept, *planned.added]), size([*there, *refused])
    if _has_prefix_list([*there, *planned.added]):
        quota = f"the group holds {now}, and AWS refused {tried}; prefix lists, each of which counts as many entries as it may have, come on top"
    else:
        least, most = max(now), max(tried) - 1
        quota = f"its quota is {least}" if least == most else f"its quota lies between {least} and {most}"
    return (
        f"the rules need room for {end}, but {quota} (RulesPerSecurityGroupLimitExceeded). A rule for a security group counts for both. "
        "List fewer rules, remove what is not needed with state=absent, or have the quota raised."
    )
