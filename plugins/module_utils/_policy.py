# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine has to know of one kind of object, and what a run tells: made, left, refused, failed."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass

try:
    from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, HTTPClientError, ProxyConnectionError
    from botocore.exceptions import ConnectionError as ConnectError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import is_throttled, status
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Difference, Plan, diff, shown, shown_left_alone

FIRST_PAUSE = 0.25
# Seconds to look for a change whose answer was lost, before it is sent again.
SEEN_WITHIN = 2.0


class Sent(enum.Enum):
    """What has become of a call that changes something."""

    MADE = "AWS answered that it is done"
    LATER = "AWS has not done it, and may do it a moment later"
    LOST = "no answer tells whether it is done: looking does"
    OVERTAKEN = "the plan is of an older state: somebody was quicker, or an answer was lost"
    REFUSED = "AWS does not take what this change says; it may take others"
    FAILED = "the run ends"


def meaning_of(error: Exception) -> Sent:
    """What an error means whatever the call was; refusals end the run."""
    if isinstance(error, ClientError):
        if is_throttled(error):
            return Sent.LATER
        return Sent.LOST if status(error) >= 500 else Sent.FAILED
    if isinstance(error, (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)):
        return Sent.LATER
    return Sent.LOST if isinstance(error, (ConnectError, HTTPClientError)) else Sent.FAILED


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed a moment later; a change may have been made all the same."""
    return meaning_of(error) is not Sent.FAILED


class Refusal(t.NamedTuple):
    """A change that AWS does not take, and what it answered."""

    change: Change
    error: Exception


@dataclass(frozen=True)
class Applied:
    """What a run has done.

    made:  its changes in the order they were made; one that had to be repeated counts once
    seconds: that each of them took, until it was seen where it was looked for
    plan:  what the last look showed as still to be done
    after: the changes made since that look
    """

    made: tuple[Change, ...] = ()
    seconds: tuple[float, ...] = ()
    plan: Plan = Plan()
    after: tuple[Change, ...] = ()

    @property
    def steps(self) -> list[str]:
        return [change.summary for change in self.made]

    @property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(one for change in self.made for one in change.differences)

    @property
    def left(self) -> list[str]:
        """What is still to be done, one sentence a change, as far as AWS could be seen."""
        remaining = (change.without(self.after) for change in self.plan.changes)
        return [change.summary for change in remaining if change]

    def result(self) -> dict[str, t.Any]:
        """The part of a module's result that says what was done."""
        return {
            "changed": bool(self.made), "steps": self.steps, "differences": shown(self.differences), "diff": diff(self.differences),
            "left_alone": shown_left_alone(self.plan.left_alone), **({"seconds": [round(one, 1) for one in self.seconds]} if self.made else {}),
        }


class Failed(Exception):
    """A run that cannot go on. Policies and looks raise it with a sentence, and with what else the result is to hold; `converge` adds the rest.

    error:    what AWS answered, if that is the reason
    change:   the one whose call ended the run, if it was one
    aside:    sentences that go with the reason, each after a blank
    applied:  what was done all the same
    refusals: the changes that AWS does not take
    unseen:   why it could not be seen whether something has to be made good
    amended:  the changes that made it good
    lost:     those that could not
    unanswered: the changes of which it is not known whether they were made
    """

    def __init__(self, message: str = "", error: t.Optional[Exception] = None, **result: t.Any) -> None:
        super().__init__(message)
        self.message, self.error, self.aside, self._result = message, error, "", result
        self.change: t.Optional[Change] = None
        self.applied = Applied()
        self.refusals: tuple[Refusal, ...] = ()
        self.unseen: t.Optional[Exception] = None
        self.amended: list[Change] = []
        self.lost: list[Change] = []
        self.unanswered: tuple[Change, ...] = ()

    def __str__(self) -> str:
        return (self.message or str(self.error)) + self.aside

    def at(self, change: t.Optional[Change]) -> Failed:
        self.change = change
        return self

    def say(self, message: str, **result: t.Any) -> None:
        """Give this sentence as the reason, not an error of AWS."""
        self.message, self.error = message, None
        self._result.update(result)

    def result(self) -> dict[str, t.Any]:
        """What a module's failure holds beside its message."""
        unanswered = {"unanswered": [change.summary for change in self.unanswered]} if self.unanswered else {}
        return {**self.applied.result(), "left": self.applied.left, **unanswered, **self._result}


class Policy:
    """What the engine has to know of one kind of object. Each member has a default; a policy is of one run and may remember."""

    # How often one operation may be sent to the same objects.
    rounds = 4
    # Whether to look until what was made is seen.
    wait = True
    # Seconds that a pause may last.
    longest_pause = 15.0

    def meaning(self, change: Change, error: Exception) -> Sent:
        """What an error of AWS to this change means."""
        return meaning_of(error)

    def answered(self, change: Change, answer: t.Any) -> None:
        """AWS has answered that `change` is made. Raises Failed where the answer says otherwise."""

    def ready(self, plan: Plan) -> t.Sequence[Change]:
        """The changes of the newest plan that may be sent before the next look; none while something is in the way."""
        return plan.changes

    def settled(self, plan: Plan) -> bool:
        """Whether there is nothing to wait for, once nothing is ready."""
        return not plan.changes

    def instead(self, change: Change, error: Exception, rest: t.Sequence[Change]) -> t.Optional[t.Sequence[Change]]:
        """Another order: what is sent in place of a `change` that AWS has REFUSED and of the `rest` after it.

        None: there is none. Then the change is tried in its halves; one that has none is a refusal, with which the run ends
        once the others are made.
        """
        return None

    def without(self, change: Change, rest: t.Sequence[Change]) -> t.Sequence[Change]:
        """Those of the `rest` that may be made although `change` is refused."""
        return rest

    def shows(self, change: Change, sent: Sent, plan: Plan) -> bool:
        """Whether the newest plan shows that a change which was sent is done: nothing of it is planned any more.

        One that was OVERTAKEN is planned anew as soon as the plan is another one at all.
        """
        return not change.aims & plan.aims

    def repeat(self, change: Change, sent: Sent, seconds: float) -> bool:
        """Whether a change that was sent so many `seconds` ago, and is not seen, may be sent again.

        LATER: as it is, without a look; else the next look plans it anew.
        """
        return sent is Sent.LATER or (sent is Sent.LOST and seconds >= SEEN_WITHIN)

    def pause(self, times: int) -> float:
        """Seconds to wait before the next look or call, after so many pauses without a change made."""
        return min(FIRST_PAUSE * 2 ** min(times, 16), self.longest_pause)

    def waits_for(self, change: Change) -> bool:
        """Whether the run goes on until this change is seen; else it ends when all that is ready is sent."""
        return self.wait

    def awaited(self, plan: Plan, change: t.Optional[Change]) -> tuple[str, str]:
        """What the run waits for until `change` is seen, or can be sent: the object, and the last word about it."""
        return (change.differences[0].object if change and change.differences else "", "")

    def usually(self, change: Change) -> t.Optional[tuple[float, float]]:
        """The seconds that AWS usually takes for this change, from and to, where that is known."""
        return None

    def late(self, plan: Plan) -> str:
        """What to say when the time is over and the run is not."""
        return "AWS does not show yet what was done, or somebody else changes it. Run the task again, or give it more time."

    def outrun(self, change: Change) -> str:
        """What to say when a change was sent as often as it may be."""
        return f"{change.summary}: sent {self.rounds} times, and somebody else changes it every time. Run the task again when that is over."

    def owes(self) -> bool:
        """Whether something was taken away for changes that are not made: asked when a run has failed."""
        return False

    def amends(self, plan: Plan) -> t.Sequence[Change]:
        """What makes that good, by a look taken after the failure: changes that may be sent twice without harm."""
        return ()

    def explain(self, failed: Failed) -> None:
        """The last word on a failure, once all of it is known: failed.say(sentence, key=value), failed.aside."""
