# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan for alarms: what does not depend on a failed change goes on, and all that was done and left is known afterwards."""

from __future__ import annotations

import typing as t

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import error_code, hint, is_transient
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarm import references
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarms import Observed, part
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Plan

# AWS speaks of the caller or of the account here: the next call would end as this one.
_OF_THE_CALLER = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException",
    "RequestExpired", "AuthFailure", "OptInRequired", "LimitExceeded", "LimitExceededException",
}
_GONE = ("ResourceNotFound", "ResourceNotFoundException")


class Run:
    """One try at a plan.

    made:     the changes made, in their order
    left:     summaries of those not made
    failures: a sentence for each call that AWS refused
    error:    the first refusal
    """

    def __init__(self, cloudwatch: t.Any, observed: Observed) -> None:
        self._cloudwatch = cloudwatch
        self._existing = {alarm["AlarmName"]: alarm for alarm in observed.alarms}
        # Alarms that are not as the plan has them: what stands on them cannot be made, what they stand on cannot be deleted.
        self._failed: set[str] = set()
        self._stopped = False
        self.made: list[Change] = []
        self.left: list[str] = []
        self.failures: list[str] = []
        self.error: t.Optional[Exception] = None

    def apply(self, plan: Plan) -> None:
        for change in plan.changes:
            if self._stopped:
                self.left.append(change.summary)
            elif change.operation == "delete_alarms":
                self._delete(change)
            else:
                self._write(change)

    def _write(self, change: Change) -> None:
        name = change.parameters["AlarmName"]
        lacking = sorted(references(change.parameters) & self._failed)
        if lacking:
            self._failed.add(name)
            self.left.append(f"{change.summary} (it refers to " + ", ".join(f'"{child}"' for child in lacking) + ")")
        elif self._called(change):
            self.made.append(change)
        else:
            self._failed.add(name)
            self.left.append(change.summary)

    def _delete(self, change: Change) -> None:
        """Delete all of a call's alarms that can be: one that AWS refuses keeps the whole call from being done."""
        names = change.parameters["AlarmNames"]
        held = {child for parent in self._failed for child in references(self._existing.get(parent, {}))}
        free = [name for name in names if name not in held]
        deleted = self._deleted(change, free)
        # One that stays stands on its children still.
        self._failed.update(name for name in names if name not in deleted)
        if deleted:
            self.made.append(part(change, [name for name in names if name in deleted]))
        if len(deleted) < len(names):
            self.left.append(part(change, [name for name in names if name not in deleted]).summary)

    def _deleted(self, change: Change, names: list[str]) -> set[str]:
        """Those of `names` that are deleted now. A refused call is tried in halves."""
        if not names or self._stopped:
            return set()
        if self._called(part(change, names), last_word=len(names) == 1):
            return set(names)
        if len(names) == 1:
            return set()
        half = len(names) // 2
        return self._deleted(change, names[:half]) | self._deleted(change, names[half:])

    def _called(self, change: Change, last_word: bool = True) -> bool:
        """Whether AWS did it. Not yet a failure if it can be tried in parts, unless that is of no use."""
        try:
            getattr(self._cloudwatch, change.operation)(**change.parameters)
        except (BotoCoreError, ClientError) as error:
            if change.operation == "delete_alarms" and error_code(error) in _GONE:
                # By somebody else, or by a call whose answer was lost; the names that were there are deleted all the same.
                return True
            self._stopped = not isinstance(error, ClientError) or is_transient(error) or error_code(error) in _OF_THE_CALLER
            if last_word or self._stopped:
                self._fail(change, error)
            return False
        return True

    def _fail(self, change: Change, error: Exception) -> None:
        self.error = self.error or error
        way_out = hint(error)
        unknown = "" if isinstance(error, ClientError) and not is_transient(error) else " -- AWS may have done it all the same; the next run looks"
        self.failures.append(f"Could not {change.summary}: {error}" + (f" -- {way_out}" if way_out else unknown))
