# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules: plans, their limits, and what happens without Redis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .document import Document

# An exact log of more entries would make every check of that subject slow.
MOST_REQUESTS = 10_000
ANOMALY_SECONDS = 300
ANOMALY_FACTOR = 2


@dataclass(frozen=True)
class Limit:
    name: str
    requests: int
    seconds: int


@dataclass(frozen=True)
class Plan:
    name: str
    limits: tuple[Limit, ...]
    open_without_redis: bool

    @cached_property
    def most_at_once(self) -> int:
        """A higher cost could never be admitted."""
        return min(limit.requests for limit in self.limits)

    @property
    def anomaly_threshold(self) -> int:
        """Requests within ANOMALY_SECONDS that are abnormal; 0 where the plan has no hourly limit."""
        return ANOMALY_FACTOR * min((limit.requests for limit in self.limits if limit.seconds == 3600), default=0)


@dataclass(frozen=True)
class Rules:
    plans: dict[str, Plan]

    @property
    def longest_window(self) -> int:
        return max(limit.seconds for plan in self.plans.values() for limit in plan.limits)

    @classmethod
    def read(cls, path: Path) -> Rules:
        document = Document(path)
        top = document.mapping(document.root, "the file", ("plans",), ("plans",))
        plans = {}
        if "plans" in top:
            nodes = document.mapping(top["plans"], "plans")
            if not 1 <= len(nodes) <= 200:
                document.wrong(top["plans"], "plans has to name from 1 to 200 plans")
            for name, node in nodes.items():
                if not name.isidentifier() or not name.isascii() or len(name) > 64:
                    document.wrong(node, f"the plan name {name!r} has to be letters, digits and _, 64 at most")
                plans[name] = _plan(document, node, name)
        document.finish()
        return cls(plans)


def _plan(document: Document, node, name: str) -> Plan:
    fields = document.mapping(node, f"plan {name}", ("without_redis", "limits"), ("without_redis", "limits"))
    without = "open"
    if "without_redis" in fields:
        without = document.text(fields["without_redis"], f"without_redis of plan {name}", "open|closed", "open or closed")
    limits: list[Limit] = []
    for item in document.sequence(fields["limits"], f"limits of plan {name}") if "limits" in fields else ():
        where = f"a limit of plan {name}"
        parts = document.mapping(item, where, ("name", "requests", "seconds"), ("name", "requests", "seconds"))
        if len(parts) < 3:
            continue
        limit = Limit(
            document.text(parts["name"], f"name of {where}", "[a-z][a-z0-9_-]{0,31}", "a lower-case word of 32 letters at most"),
            document.integer(parts["requests"], f"requests of {where}", 1, MOST_REQUESTS),
            document.integer(parts["seconds"], f"seconds of {where}", 1, 31 * 86400))
        if any(limit.name == other.name or limit.seconds == other.seconds for other in limits):
            document.wrong(item, f"plan {name} has two limits of the same name or the same seconds")
        limits.append(limit)
    if len(limits) > 8:
        document.wrong(node, f"plan {name} has more than 8 limits")
    return Plan(name, tuple(limits), without == "open")
