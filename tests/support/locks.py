# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that want one lock, call by call: the same over a model of a store and over the real ones."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._lock import lease
from hypothesis import strategies as st

LEASE = 10
# Which of three runs makes its next call, whether the answer is lost, whether it goes on once it has the lock, and how many seconds pass before.
ORDERS = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans(), st.sampled_from([0, 0, 0, 1, 4, 8])), min_size=20, max_size=120)


class Run:
    """One run: takes the lock, renews it, gives it back; a step is one call. It believes to hold the lock from its taking to the end of its lease."""

    def __init__(self, store: t.Any, name: str) -> None:
        self.store, self.name = store, name
        self.mine = lease.Record(name, name, "host", "deploy")
        self.until: t.Optional[int] = None  # by its own clock, from before the call that was answered
        self.sent = 0
        self.paused = 0
        self._begin("take")

    def _begin(self, what: str) -> None:
        self.what, self.answer = what, None
        if what == "take":
            self.steps = lease.take(self.mine, LEASE, self.store.swaps)
        elif what == "renew":
            self.steps = lease.renew(self.name, LEASE, self.store.swaps)
        else:
            self.until = None  # the run has ended: it changes nothing any more
            self.steps = lease.remove(self.name, self.store.swaps)
        self.sent = self.store.now

    @property
    def holds(self) -> bool:
        return self.until is not None and self.store.now < self.until

    def step(self, lost: bool, goes_on: bool) -> None:
        """One call. `lost`: its answer is; `goes_on`: renews what it holds, and does not give it back."""
        if self.store.now < self.paused:
            return
        try:
            asked = self.steps.send(self.answer)
        except StopIteration as ended:
            self._ended(ended.value, goes_on)
            return
        except lease.Unsettled:
            self.until = None
            self._begin("take")
            return
        if isinstance(asked, lease.Pause):
            self.paused = self.store.now + int(asked.seconds)
            self.answer = None
            return
        answered = lease.carried(once(asked), self.store, lambda seconds: None)
        self.answer = None if lost else answered

    def _ended(self, value: t.Any, goes_on: bool) -> None:
        if self.what == "remove":
            self._begin("take")
            return
        own = value.is_of(self.name) and value.is_held
        self.until = self.sent + LEASE if own else None
        self._begin("take" if not own else "renew" if goes_on else "remove")


def once(asked: t.Any) -> lease.Steps:
    return (yield asked)
