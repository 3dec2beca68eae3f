# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring what AWS shows to what is planned: the only room that sends changes, and the only one that waits.

Looking decides, never memory: what is sent follows from the newest look, and what was sent is done once a
look shows it. So a run that is killed after any call is completed by the next one.
"""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from dataclasses import replace

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.huntaze.ai_system.plugins.module_utils import _progress
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Plan
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import FIRST_PAUSE, Applied, Failed, Policy, Refusal, Sent, is_transient, meaning_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._progress import BLOCKED, MADE, SEEN, SENDS, WAITS, Progress

# Attempts to make good what a failed run took away.
AMENDS = 3


def _key(change: Change) -> tuple[str, frozenset[str]]:
    """The operation and the objects of a change."""
    return change.operation, frozenset(one.object for one in change.differences)


class _Pending(t.NamedTuple):
    """A change that was sent and is not seen yet."""

    change: Change
    sent: Sent
    error: t.Optional[Exception]
    since: float
    # The aims of the plan that it was sent from.
    aims: frozenset[tuple[str, ...]]
    # Whether it is sent again unless the next look shows it.
    due: bool = False


def converge(
    look: t.Callable[[], Plan],
    client: t.Any,
    policy: Policy,
    deadline: float,
    tell: t.Callable[[Progress], None] = _progress.tell,
    seen: t.Optional[Plan] = None,
) -> Applied:
    """Send what `look` plans until it plans nothing and all is seen.

    look:     reads what is there and plans from it; its own client may retry
    client:   sends the changes; made without retries, as a change repeated blindly may be made twice
    deadline: of time.monotonic(); the first try of a call is made even after it
    tell:     gets what becomes of each step as it becomes it, and before each pause what is waited for
    seen:     the plan of a look that was just taken

    Raises Failed, with all that was done.
    """
    run = _Run(look, client, policy, deadline, tell)
    try:
        run.go(seen)
    except Failed as failed:
        run.make_good(failed)
        raise
    except (BotoCoreError, ClientError) as error:
        failed = Failed(error=error)
        run.make_good(failed)
        raise failed from error
    return run.applied


class _Run:
    def __init__(self, look: t.Callable[[], Plan], client: t.Any, policy: Policy, deadline: float, tell: t.Callable[[Progress], None]) -> None:
        self._look, self._client, self._policy, self._deadline, self._tell = look, client, policy, deadline, tell
        self._tries: Counter = Counter()
        # The last error of what was sent last without an answer.
        self._unanswered: dict[tuple[str, frozenset[str]], t.Optional[Exception]] = {}
        self._pending: list[_Pending] = []
        # Those without an answer, until a look shows them or an answer comes.
        self._lost: list[Change] = []
        self._refusals: list[Refusal] = []
        self._pauses = 0
        # Since when that is waited for which is waited for now.
        self._since = time.monotonic()
        # All that was made; and how many steps there are, by the plan that the last one was sent from: while that is under way, looks tell otherwise.
        self._aims: set[tuple[str, ...]] = set()
        self._steps = 0
        self.applied = Applied()

    def go(self, plan: t.Optional[Plan]) -> None:
        plan = self._seen(plan) if plan is not None else self._patient_look()
        while True:
            if self._waits(plan):
                self._pause()
            else:
                changes = self._policy.ready(plan)
                if changes:
                    if self._send(changes):
                        return
                elif self._policy.settled(plan):
                    return
                else:
                    self._pause()
            plan = self._patient_look()

    # Looking

    def _patient_look(self) -> Plan:
        while True:
            try:
                return self._seen(self._look())
            except (BotoCoreError, ClientError) as error:
                if not is_transient(error):
                    raise
                self._pause(error)

    def _seen(self, plan: Plan) -> Plan:
        self.applied = replace(self.applied, plan=plan, after=())
        return plan

    def _waits(self, plan: Plan) -> bool:
        """Whether something that was sent is to be looked for once more."""
        waits, pending, self._pending = False, self._pending, []
        for one in pending:
            if self._policy.shows(one.change, one.sent, plan) or (one.sent is Sent.OVERTAKEN and one.aims != plan.aims):
                self._say(SEEN, one.change)
                self._time(one.change, time.monotonic() - one.since)
                self._since = time.monotonic()
                continue
            if not one.due:
                waits = True
                due = self._policy.repeat(one.change, one.sent, time.monotonic() - one.since)
                self._pending.append(one._replace(due=due))
        self._credit(plan)
        return waits

    def _credit(self, plan: Plan) -> None:
        """Count what was sent without an answer, and is seen, among what was made."""
        for change in [change for change in self._lost if self._policy.shows(change, Sent.LOST, plan)]:
            self._made(replace(change, summary=f"{change.summary} (the answer was lost)"))
            self._seen(plan)

    def _pause(self, error: t.Optional[Exception] = None, change: t.Optional[Change] = None) -> None:
        seconds = self._policy.pause(self._pauses)
        if time.monotonic() + seconds > self._deadline:
            pending = next((pending for pending in self._pending if pending.error), None)
            if error or pending:
                raise Failed(error=error or pending.error).at(change or (pending and pending.change))
            raise Failed(self._policy.late(self.applied.plan))
        pending = next(iter(self._pending), None)
        self._say(WAITS if pending else BLOCKED, pending.change if pending else change, error)
        self._pauses += 1
        time.sleep(seconds)

    # Telling

    def _say(self, phase: str, change: t.Optional[Change], error: t.Optional[Exception] = None) -> None:
        """change: None: the one that comes next, if there is one"""
        plan, made = self.applied.plan, [one.aims for one in self.applied.made]
        if phase in (BLOCKED, SENDS):
            ahead = [one for one in plan.changes if not one.aims <= self._aims]
            change, self._steps = change or next(iter(ahead), None), len(made) + len(ahead)
        step = 0 if change is None else made.index(change.aims) + 1 if change.aims in made else len(made) + 1
        what, state = self._policy.awaited(plan, change)
        if error:
            state = f"AWS answers {error_code(error)}" if error_code(error) else "AWS does not answer"
        now = time.monotonic()
        self._tell(Progress(
            phase, change.summary if change else "", step, max(step, self._steps) if change else 0, what, state, now - self._since,
            self._policy.usually(change) if change and phase != BLOCKED else None, None if self._deadline == float("inf") else self._deadline - now,
        ))

    # Sending

    def _send(self, changes: t.Sequence[Change]) -> bool:
        """Send what can be sent without a look; whether the run is over."""
        self._count(changes)
        queue, over = list(changes), False
        while queue:
            change = queue.pop(0)
            self._since = time.monotonic()
            self._say(SENDS, change)
            sent, error = self._call(change)
            self._unanswered[_key(change)] = error if sent is Sent.LOST else None
            if sent in (Sent.REFUSED, Sent.FAILED):
                queue = self._instead(change, sent, error, queue)
                continue
            if sent is Sent.LATER:
                self._pause(error, change)
                return False
            if sent is Sent.MADE:
                self._made(change)
            if sent is not Sent.MADE or self._policy.waits_for(change):
                self._pending.append(_Pending(change, sent, error, time.monotonic(), self.applied.plan.aims))
            else:
                over = True
            if sent is not Sent.MADE:
                self._lost += [change] if sent is Sent.LOST else []
                return False
        if self._refusals:
            raise Failed(error=self._refusals[0].error)
        return over

    def _call(self, change: Change) -> tuple[Sent, t.Optional[Exception]]:
        while True:
            sent, error = self._once(change)
            if sent is not Sent.LATER or not self._policy.repeat(change, sent, 0.0):
                return sent, error
            self._pause(error, change)

    def _once(self, change: Change) -> tuple[Sent, t.Optional[Exception]]:
        try:
            answer = getattr(self._client, change.operation)(**change.parameters)
        except (BotoCoreError, ClientError) as error:
            return self._policy.meaning(change, error), error
        self._policy.answered(change, answer)
        return Sent.MADE, None

    def _instead(self, change: Change, sent: Sent, error: Exception, rest: list[Change]) -> list[Change]:
        """What is sent now that AWS has not taken `change`."""
        if sent is Sent.FAILED:
            # A policy that does not wait ends the run here; that says nothing of whether AWS has done it.
            self._lost += [change] if meaning_of(error) is Sent.LOST else []
            raise Failed(error=error).at(change)
        other = self._policy.instead(change, error, rest)
        if other is not None:
            return list(other)
        halves = change.halves()
        if halves:
            return [*halves, *rest]
        self._refusals.append(Refusal(change, error))
        return list(self._policy.without(change, rest))

    def _count(self, changes: t.Sequence[Change]) -> None:
        self._refusals = []
        for key, change in {_key(change): change for change in changes}.items():
            self._tries[key] += 1
            if self._tries[key] > self._policy.rounds:
                error = self._unanswered.get(key)
                raise (Failed(error=error) if error else Failed(self._policy.outrun(change))).at(change)

    def _made(self, change: Change) -> None:
        self._pauses = 0
        self._lost = [lost for lost in self._lost if not lost.aims & change.aims]
        known = any(change.operation == other.operation and change.aims == other.aims for other in self.applied.made)
        if not known:
            took = time.monotonic() - self._since
            self.applied = replace(self.applied, made=(*self.applied.made, change), seconds=(*self.applied.seconds, took))
        self.applied = replace(self.applied, after=(*self.applied.after, change))
        self._aims |= change.aims
        self._say(MADE, change)

    def _time(self, change: Change, seconds: float) -> None:
        """Count how long `change` took until it was seen."""
        timed = tuple(seconds if one.aims == change.aims else before for one, before in zip(self.applied.made, self.applied.seconds))
        self.applied = replace(self.applied, seconds=timed)

    # Failing

    def make_good(self, failed: Failed) -> None:
        """Put right what must not stay as a failed run leaves it, and add to `failed` what was done and is left."""
        if self._policy.owes():
            try:
                plan = self._seen(self._look())
                self._credit(plan)
                for change in self._policy.amends(plan):
                    self._amend(change, failed)
                if failed.amended:
                    self._seen(self._look())
            except (BotoCoreError, ClientError, Failed) as error:
                failed.unseen = None if failed.amended or failed.lost else error
        failed.applied, failed.refusals = self.applied, tuple(self._refusals)
        failed.unanswered = tuple({change.summary: change for change in self._lost}.values())
        self._policy.explain(failed)
        if failed.unanswered:
            stop = "" if failed.error or str(failed).endswith((".", "!", "?")) else "."
            named = "; ".join(change.summary for change in failed.unanswered)
            failed.aside += f"{stop} Whether this was done is not known: {named}."

    def _amend(self, change: Change, failed: Failed) -> None:
        lost = False
        for attempt in range(AMENDS):
            self._since = time.monotonic()
            try:
                sent = self._once(change)[0]
            except Failed:
                sent = Sent.FAILED
            if sent not in (Sent.LATER, Sent.LOST):
                break
            lost = lost or sent is Sent.LOST
            time.sleep(FIRST_PAUSE * 2**attempt)
        halves = () if sent in (Sent.LATER, Sent.LOST) else change.halves()
        if sent is Sent.MADE or (sent is Sent.OVERTAKEN and lost):
            self._made(change)
            failed.amended.append(change)
        elif halves:
            for half in halves:
                self._amend(half, failed)
        elif sent is not Sent.OVERTAKEN:
            failed.lost.append(change)


def wait_until(look: t.Callable[[], t.Any], timeout: float, delay: float = 15.0, waits_for: t.Callable[[], tuple[str, str]] = lambda: ("", "")) -> t.Any:
    """Call `look` until it answers something true and return that; None after `timeout` seconds.

    The first pause is short, as much is done at once; each is twice the one before, up to `delay` seconds.
    waits_for: what is waited for, and the last word about it
    """
    began, pause = time.monotonic(), FIRST_PAUSE
    while True:
        seen = look()
        if seen:
            return seen
        waited = time.monotonic() - began
        if waited + pause > timeout:
            return None
        what, state = waits_for()
        _progress.tell(Progress(WAITS, object=what, state=state, seconds=waited, left=timeout - waited))
        time.sleep(pause)
        pause = min(pause * 2, delay)
