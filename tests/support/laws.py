# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws that every planner keeps, as far as they are the same for all.

What was observed is written {object: {field: value}}: an object or field that is not there is left out.
"""

from __future__ import annotations

import typing as t

State = t.Mapping[str, t.Mapping[str, t.Any]]


def applied(observed: State, differences: t.Iterable[t.Any]) -> dict[str, dict[str, t.Any]]:
    """`observed` once all of `differences` are made; each has to begin at what is there."""
    state = {name: dict(fields) for name, fields in observed.items()}
    for one in differences:
        fields = state.setdefault(one.object, {})
        assert fields.get(one.field) == one.before, f"{one.object}, {one.field}: {fields.get(one.field)!r} is there, and the difference begins at {one.before!r}"
        fields.pop(one.field, None)
        if one.after is not None:
            fields[one.field] = one.after
    return {name: fields for name, fields in state.items() if fields}


def check_left_alone(plan: t.Any) -> None:
    """What is left alone is no change, differs, and says why and what helps."""
    changed, left = ({one[:2] for one in differences} for differences in (plan.differences, [one.difference for one in plan.left_alone]))
    assert not changed & left and len(left) == len(plan.left_alone)
    for one in plan.left_alone:
        assert one.difference.before != one.difference.after
        assert one.why and one.remedy and not (one.why + one.remedy).endswith("."), one


def left_alone(plan: t.Any) -> list[t.Any]:
    """The differences that are left, whatever is said of them."""
    return [one.difference for one in plan.left_alone]


def check_changes(plan: t.Any) -> None:
    """Every change has a difference, no difference is none, and all of the plan are those of its changes."""
    for change in plan.changes:
        assert change.differences and change.summary
        assert all(one.before != one.after for one in change.differences)
    assert list(plan.differences) == [one for change in plan.changes for one in change.differences]
