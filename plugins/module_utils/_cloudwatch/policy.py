# SPDX-License-Identifier: GPL-3.0-or-later
"""How changes of alarms are applied: what does not depend on a refused change goes on, and the reader learns what was done and what is left."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarm import references
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarms import Deletion, Look, happened
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Plan
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import Failed, Policy, Sent, meaning_of

# AWS speaks of the caller or of the account here: the next call would end as this one.
_OF_THE_CALLER = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException",
    "RequestExpired", "AuthFailure", "OptInRequired", "LimitExceeded", "LimitExceededException",
}
_GONE = ("ResourceNotFound", "ResourceNotFoundException")
# So many sentences or names stand in a message; the result has all of them.
MOST_SHOWN = 20


def seconds_for(plan: Plan) -> float:
    """How long writing may take: AWS takes three writes a second of an account that shares them with nobody."""
    return 60.0 + len(plan.changes)


class AlarmPolicy(Policy):
    """look:   tells what alarms stand on as they are
    hint:   what the reader can do about an error of AWS
    beside: what a failure's result is to hold too
    """

    def __init__(self, look: Look, hint: t.Callable[[Exception], t.Optional[str]], **beside: t.Any) -> None:
        self._look, self._hint, self._beside = look, hint, beside
        # Alarms that are not as the plan has them: what stands on them cannot be made, what they stand on cannot be deleted.
        self._failed: set[str] = set()
        # Why a change was left, by its summary, where AWS did not refuse it itself.
        self._reasons: dict[str, str] = {}

    def meaning(self, change: Change, error: Exception) -> Sent:
        code, sent = error_code(error), super().meaning(change, error)
        if isinstance(change, Deletion) and code in _GONE:
            return Sent.LOST  # somebody was quicker with one of them; whether the others are gone now, no documentation says
        return Sent.REFUSED if sent is Sent.FAILED and code and code not in _OF_THE_CALLER else sent

    def answered(self, change: Change, answer: t.Any) -> None:
        self._failed.difference_update(_names(change))

    def without(self, change: Change, rest: t.Sequence[Change]) -> t.Sequence[Change]:
        self._failed.update(_names(change))
        return [kept for kept in map(self._independent, rest) if kept]

    def _independent(self, change: Change) -> t.Optional[Change]:
        """What of the change can be made all the same."""
        if isinstance(change, Deletion):
            held = self._stood_on()
            # One that stays stands on its children still.
            self._failed.update(name for name in change.names if name in held)
            return change.part([name for name in change.names if name not in held])
        lacking = sorted(references(change.parameters) & self._failed)
        if not lacking:
            return change
        self._failed.update(_names(change))
        self._reasons[change.summary] = " (it refers to " + ", ".join(f'"{child}"' for child in lacking) + ")"
        return None

    def _stood_on(self) -> set[str]:
        return {child for alarm in self._look.observed.alarms if alarm["AlarmName"] in self._failed for child in references(alarm)}

    def explain(self, failed: Failed) -> None:
        """A sentence for each refusal, what is done all the same, and what is left."""
        problems = [f"Could not {refusal.change.summary}: {self._explained(refusal.error)}" for refusal in failed.refusals]
        if failed.error not in [refusal.error for refusal in failed.refusals]:
            doing = f"Could not {failed.change.summary}: " if failed.error and failed.change else ""
            problems.append(doing + (self._explained(failed.error) if failed.error else str(failed)))
        left = [step + self._reasons.get(step, "") for step in failed.applied.left]
        alarms = happened(failed.applied.differences)
        done = "; ".join(f"{what} {quoted(names)}" for what, names in alarms.items() if names)
        told = " ".join(f"{problem.rstrip('.')}." for problem in problems[:MOST_SHOWN]) + _more(problems, " And {} refusals more.")
        rest = "; ".join(left[:MOST_SHOWN]) + _more(left, "; and {} steps more")
        error = {"error": {"code": error_code(failed.error), "type": type(failed.error).__name__}} if failed.error else {}
        failed.say(
            f"{told} Done: {done or 'nothing'}. Left to do: {rest or 'nothing'}. What was done stays; the next run does the rest.",
            problems=problems, left=left, **error, **alarms, **self._beside,
        )

    def _explained(self, error: Exception) -> str:
        unsure = "AWS may have done it all the same; the next run looks" if meaning_of(error) is Sent.LOST else None
        way_out = self._hint(error) or unsure
        return f"{error} -- {way_out}" if way_out else str(error)


def _names(change: Change) -> list[str]:
    return change.names if isinstance(change, Deletion) else [change.parameters["AlarmName"]]


def quoted(names: t.Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names[:MOST_SHOWN]) + _more(names, " and {} more")


def _more(items: t.Sequence[str], words: str) -> str:
    return words.format(len(items) - MOST_SHOWN) if len(items) > MOST_SHOWN else ""
