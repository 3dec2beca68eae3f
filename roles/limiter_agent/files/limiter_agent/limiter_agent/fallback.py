# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides without Redis, for plans marked open: an exact log too, of this worker's share of every limit."""

from __future__ import annotations

import math
from collections import deque

from .rules import Plan
from .script import MICROSECONDS

# About 20 MB. Beyond it nothing more is admitted until entries age: bounded memory, never a free pass.
MOST_CHARGES = 100_000


class Fallback:
    def __init__(self) -> None:
        self.shares = 1  # workers of all agents together
        self._logs: dict[str, deque[tuple[float, int]]] = {}
        self._charges = 0

    def check(self, subject: str, plan: Plan, cost: int, now: float) -> list[int] | None:
        """Answers as the script does; None where that is impossible here: a cost above the share, memory full."""
        charges = self._logs.get(subject, ())
        wait, answer = 0, []
        for limit in plan.limits:
            share = max(limit.requests // self.shares, 1)
            if cost > share:
                return None
            live = [charge for charge in charges if charge[0] > now - limit.seconds]
            used = sum(charged for dummy, charged in live)
            frees = [math.ceil((at + limit.seconds - now) * MICROSECONDS) for at, dummy in live]
            excess = used + cost - share
            for (dummy, charged), free in zip(live, frees):
                if excess > 0:
                    wait = max(wait, free)
                excess -= charged
            answer += [max(share - used, 0), frees[0] if frees else 0]
        if wait == 0:
            if self._charges >= MOST_CHARGES:
                return None
            self._logs.setdefault(subject, deque()).append((now, cost))
            self._charges += 1
            for at, limit in enumerate(plan.limits):
                answer[2 * at] -= cost
                answer[2 * at + 1] = answer[2 * at + 1] or limit.seconds * MICROSECONDS
        return [wait, 0, *answer]

    def forget(self, subject: str) -> None:
        self._charges -= len(self._logs.pop(subject, ()))

    def trim(self, now: float, longest_window: int) -> None:
        """Called once a second: drops what no window reaches any more."""
        for subject in list(self._logs):
            charges = self._logs[subject]
            while charges and charges[0][0] <= now - longest_window:
                charges.popleft()
                self._charges -= 1
            if not charges:
                del self._logs[subject]
