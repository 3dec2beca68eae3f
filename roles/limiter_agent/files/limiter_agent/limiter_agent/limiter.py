# SPDX-License-Identifier: GPL-3.0-or-later
"""One decision: from memory where that is certain, else from Redis, else as the plan says for its absence."""

from __future__ import annotations

import logging
import time
import typing as t
from functools import partial

from . import metrics
from .fallback import Fallback
from .metrics import Counters
from .rules import Plan, Rules
from .script import MICROSECONDS, Check, keys_of
from .store import Store

log = logging.getLogger(__name__)

MOST_DENIALS = 50_000


class Decision(t.NamedTuple):
    """Whole seconds, rounded up. `limits` alternates remaining and time until more frees, limit by limit."""

    wait: int
    limits: tuple[int, ...]
    abnormal: bool
    exact: bool


# None: no decision can be had now.
Reply = t.Callable[[Decision | None], None]


class Denial:
    """A subject known to be over its limit: answered from memory until its window frees."""

    __slots__ = ("plan", "cost", "asked", "until", "answer", "unreported")

    def __init__(self, plan: Plan, cost: int, asked: float, answer: list[int]) -> None:
        self.plan = plan
        self.cost = cost
        self.unreported = 0
        self.update(asked, answer)

    def update(self, asked: float, answer: list[int]) -> None:
        # Counted from before Redis looked at its clock: too early costs one more look, too late would be a false denial.
        self.asked = asked
        self.until = asked + answer[0] / MICROSECONDS
        self.answer = answer

    def decision(self, now: float) -> Decision:
        age = int((now - self.asked) * MICROSECONDS)
        wait, anomaly, *limits = self.answer
        limits[1::2] = [max(time_left - age, 0) for time_left in limits[1::2]]
        return _decision([wait - age, anomaly, *limits], True)


class Limiter:
    def __init__(self, prefix: str, store: Store, counters: Counters) -> None:
        self._prefix = prefix
        self._store = store
        self._counters = counters
        self._denials: dict[tuple[str, str], Denial] = {}
        self.fallback = Fallback()
        self.rules = Rules({})
        self.most_waiting = 2000

    def configure(self, rules: Rules) -> None:
        self.rules = rules
        self._store.longest_window = rules.longest_window
        self._denials.clear()

    def decide(self, subject: str, plan: Plan, cost: int, reply: Reply) -> None:
        self._counters.add(metrics.REQUESTS)
        now = time.monotonic()
        denial = self._denials.get((subject, plan.name))
        if denial is not None and cost >= denial.cost and now < denial.until:
            denial.unreported += 1
            self._counters.add(metrics.LIMITED)
            reply(denial.decision(now))
        elif not self._store.available:
            self._without_redis(subject, plan, cost, reply)
        elif self._store.waiting >= self.most_waiting:
            self._counters.add(metrics.SHED)
            reply(None)
        else:
            self._store.submit(Check(
                keys_of(self._prefix, subject), plan, cost, 0, partial(self._decided, subject, plan, cost, now, reply)))

    async def look(self, subject: str, plans: t.Sequence[Plan]) -> list[Decision] | None:
        keys = keys_of(self._prefix, subject)
        answers = await self._store.ask(*((keys, plan) for plan in plans)) if self._store.available else None
        return answers and [_decision(answer, True) for answer in answers]

    async def reset(self, subject: str) -> bool:
        for plan in self.rules.plans:
            self._denials.pop((subject, plan), None)
        self.fallback.forget(subject)
        return await self._store.forget(keys_of(self._prefix, subject))

    def tick(self) -> None:
        """Once a second: tells Redis of the denials it did not see, and learns whether they still hold."""
        now = time.monotonic()
        for key, denial in list(self._denials.items()):
            if denial.unreported and self._store.available:
                if self._store.waiting > self.most_waiting // 2:
                    continue  # callers come first; this one's turn is next
                self._denials[key] = self._denials.pop(key)  # its turn is last
                count, denial.unreported = denial.unreported, 0
                self._store.submit(Check(
                    keys_of(self._prefix, key[0]), denial.plan, denial.cost, count,
                    partial(self._noted, key, denial, count, now)))
            elif now >= denial.until:
                del self._denials[key]
        self.fallback.trim(now, self.rules.longest_window)

    def _decided(self, subject: str, plan: Plan, cost: int, asked: float, reply: Reply, answer: list[int] | None) -> None:
        if answer is None:
            self._without_redis(subject, plan, cost, reply)
            return
        if answer[0] > 0:
            self._counters.add(metrics.LIMITED)
            self._remember(subject, Denial(plan, cost, asked, answer))
            self._count_anomaly(subject, plan, answer)
        reply(_decision(answer, True))

    def _noted(self, key: tuple[str, str], denial: Denial, count: int, asked: float, answer: list[int] | None) -> None:
        if answer is None:
            denial.unreported += count
            return
        self._count_anomaly(key[0], denial.plan, answer)
        denial.update(asked, answer)  # no wait any more, as after a reset: it ends here

    def _remember(self, subject: str, denial: Denial) -> None:
        key = (subject, denial.plan.name)
        before = self._denials.pop(key, None)
        if before is not None:
            denial.unreported = before.unreported
        elif len(self._denials) >= MOST_DENIALS:
            del self._denials[next(iter(self._denials))]
        self._denials[key] = denial

    def _count_anomaly(self, subject: str, plan: Plan, answer: list[int]) -> None:
        if answer[1] == 1:
            self._counters.add(metrics.ANOMALIES)
            log.warning("abnormal usage", extra={"subject": subject, "plan": plan.name, "threshold": plan.anomaly_threshold})

    def _without_redis(self, subject: str, plan: Plan, cost: int, reply: Reply) -> None:
        self._counters.add(metrics.FALLBACKS)
        answer = None
        if plan.open_without_redis:
            answer = self.fallback.check(subject, plan, cost, time.monotonic())
        if answer is None:
            reply(None)
            return
        if answer[0] > 0:
            self._counters.add(metrics.LIMITED)
        reply(_decision(answer, False))


def _decision(answer: list[int], exact: bool) -> Decision:
    limits = answer[2:]
    limits[1::2] = [-(-time_left // MICROSECONDS) for time_left in limits[1::2]]
    return Decision(-(-answer[0] // MICROSECONDS), tuple(limits), answer[1] > 0, exact)
