# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes, security and cost, as filters judge them and a report has them. Pure.

Each is a fact of the run. Where it was not judged there is no such fact, and the report claims nothing.
"""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words

NO_COST = {"currency": "USD", "month": 0, "change": 0, "price_table": None, "not_counted": "", "items": []}


class Judged(t.NamedTuple):
    of: list[str]  # what was judged: security, cost
    causes: list[dict[str, t.Any]]
    security: list[dict[str, t.Any]]
    cost: dict[str, t.Any]
    notes: list[str]


def judged(causes: t.Any, security: t.Any, cost: t.Any, previous: t.Optional[t.Mapping[str, t.Any]] = None) -> Judged:
    """What the facts tell; None where nobody judged. previous: the report that new, still and gone refer to.

    security: findings, or {findings, unseen: what nobody could look at, sentences}
    """
    told: t.Mapping[str, t.Any] = security if isinstance(security, t.Mapping) else {"findings": security}
    findings, unseen = told.get("findings"), list(told.get("unseen") or [])
    counted = cost if isinstance(cost, t.Mapping) else None
    before = previous["security"] if previous and "security" in previous["run"].get("judged", ()) else None
    return Judged(
        [name for name, value in (("security", findings), ("cost", counted)) if value is not None],
        [dict(cause) for cause in causes or []],
        compared(findings, before, not unseen) if findings is not None else [],
        {**NO_COST, **{name: value for name, value in (counted or {}).items() if name != "notes" and value is not None}},
        [words.clean(note) for note in [*unseen, *((counted or {}).get("notes") or [])]],
    )


def compared(
    findings: t.Sequence[t.Mapping[str, t.Any]], before: t.Optional[t.Sequence[t.Mapping[str, t.Any]]], whole: bool,
) -> list[dict[str, t.Any]]:
    """Findings with their state. before: those of the report before, None if there is none that judged; whole: everything was looked at."""
    if before is None:
        return [{**one, "state": "found"} for one in findings]
    known = {one["id"]: one for one in before if one["state"] != "gone"}
    now = [{**one, "state": "still" if one["id"] in known else "new"} for one in findings]
    found = {one["id"] for one in now}
    return now + [{**one, "state": "gone" if whole else "unseen"} for key, one in known.items() if key not in found]
