# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe, plan, apply: the one shape every module has.

A planner is a pure function from what is desired and what was observed to a Plan. Check mode and the
diff are drawn from the plan, so what they announce is what a run does.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
KNOWN_AFTER_APPLY = "(known after apply)"


@dataclass(frozen=True)
class Change:
    """One mutating API call.

    operation:  the boto3 client method, such as "authorize_security_group_ingress"
    parameters: its keyword arguments, secrets in clear; never shown
    summary:    what it alters, as one sentence without secrets
    """

    operation: str
    parameters: t.Mapping[str, t.Any]
    summary: str


@dataclass(frozen=True)
class Plan:
    """The changes that lead from `before` to `after`, both plain data with secrets masked."""

    changes: tuple[Change, ...] = ()
    before: t.Any = field(default_factory=dict)
    after: t.Any = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def steps(self) -> list[str]:
        return [change.summary for change in self.changes]

    def result(self) -> dict[str, t.Any]:
        """The part of a module's result that is the same in check mode and in a run."""
        return {
            "changed": bool(self),
            "steps": self.steps,
            "diff": {"before": self.before, "after": self.after},
        }
