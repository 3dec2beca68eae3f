# SPDX-License-Identifier: GPL-3.0-or-later
"""How ingress rules are brought to their group: what refusals mean, what goes first at the quota, and what is put back."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.ingress import AUTHORIZE, REVOKE, IngressPlan, RuleChange, authorize, revoke
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.quota import no_room, proof_of_room
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import Rule, listed
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import Failed, Policy, Sent

# What was planned is there, or gone, already: another run was quicker, or an answer was lost.
OVERTAKEN = {"InvalidPermission.Duplicate", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"}
AT_LIMIT = "RulesPerSecurityGroupLimitExceeded"


class Ingress(Policy):
    longest_pause = 5.0

    def __init__(self, group_id: str, wait: bool, wait_timeout: float) -> None:
        self.wait = wait
        self._group_id, self._seconds = group_id, wait_timeout
        self._plan = IngressPlan()
        # The new rules that are not in.
        self._missing: set[Rule] = set()
        # What the calls of the exchange at the quota are, while there is one.
        self._exchange: t.Sequence[RuleChange] = ()
        # What was revoked to make room for rules that are not yet in, and what of that AWS has said is gone: a reading may be older.
        self._taken_away: tuple[Rule, ...] = ()
        self._gone: tuple[Rule, ...] = ()

    def meaning(self, change: RuleChange, error: Exception) -> Sent:
        code = error_code(error)
        if code in OVERTAKEN:
            return Sent.OVERTAKEN
        if change.operation == AUTHORIZE and (code == AT_LIMIT or self._is_about_rules(error)):
            return Sent.REFUSED
        return super().meaning(change, error)

    def _is_about_rules(self, error: Exception) -> bool:
        """Whether AWS refuses what single rules say, so that it may take others; that the group itself is gone is another matter."""
        code = error_code(error)
        return code.startswith(("Invalid", "MissingParameter")) and not (code == "InvalidGroup.NotFound" and self._group_id in str(error))

    def answered(self, change: RuleChange, answer: t.Any) -> None:
        if answer.get("Return") is False:
            raise Failed(f"AWS answered that it has not done this: {change.summary}.")
        if change.operation == AUTHORIZE and not change.again:
            self._missing -= set(change.rules)
            self._taken_away = self._taken_away if self._missing else ()
            if self._exchange and change is self._exchange[0]:
                self._take_away()
        elif change in self._exchange:
            self._gone = self._taken_away

    def _take_away(self) -> None:
        # A round before, which others broke off, may have taken away some.
        self._taken_away = tuple(dict.fromkeys((*self._taken_away, *self._plan.removed)))

    def ready(self, plan: IngressPlan) -> t.Sequence[RuleChange]:
        self._plan, self._missing, self._exchange = plan, set(plan.added), ()
        self._taken_away = self._taken_away if plan.added else ()
        return plan.changes

    def instead(self, change: RuleChange, error: Exception, rest: t.Sequence[RuleChange]) -> t.Optional[t.Sequence[RuleChange]]:
        """At the quota, old rules go before the last new ones come in, once it is known that these fit."""
        whole, at_limit = change.rules == self._plan.added, error_code(error) == AT_LIMIT
        if self._exchange and at_limit and change is self._exchange[0]:
            raise Failed(no_room(self._plan, change.rules))
        if self._exchange:
            raise Failed(error=error)
        if not (whole and at_limit):
            return None
        proof, removed = proof_of_room(self._plan), self._plan.removed
        if not removed or proof is None or len(proof) == len(self._plan.added):
            raise Failed(no_room(self._plan, self._plan.added))
        others = [rule for rule in self._plan.added if rule not in proof]
        first = [authorize(self._group_id, proof)] if proof else []
        self._exchange = [*first, revoke(self._group_id, removed), authorize(self._group_id, others)]
        if not proof:
            self._take_away()
        return [*self._exchange, *(call for call in rest if call.operation != REVOKE)]

    def without(self, change: RuleChange, rest: t.Sequence[RuleChange]) -> t.Sequence[RuleChange]:
        return [call for call in rest if call.operation != REVOKE]

    def late(self, plan: IngressPlan) -> str:
        return (
            f"the changes were made, but after {self._seconds:g} s (wait_timeout) AWS still shows the group without them, "
            "or somebody else changes it. Run the task again, or raise wait_timeout."
        )

    def outrun(self, change: RuleChange) -> str:
        return f"its rules were changed by others {self.rounds} times meanwhile. Run the task again."

    # After a failure

    def owes(self) -> bool:
        return bool(self._taken_away)

    def amends(self, plan: IngressPlan) -> t.Sequence[RuleChange]:
        if not plan.added:
            # What it made room for is in.
            self._taken_away = ()
        there = plan.observed.rules
        missing = [rule for rule in self._taken_away if rule in self._gone or rule not in there]
        return [authorize(self._group_id, missing, again=True)] if missing else []

    def explain(self, failed: Failed) -> None:
        if failed.refusals:
            refused = [f"{_rule(one.change).named}: {error_code(one.error)}: {_words(one.error)}" for one in failed.refusals]
            removed = self._plan.removed if not self._taken_away else ()
            kept = f" Nothing was revoked, as they may have been meant to replace {listed(removed)}." if removed else ""
            failed.say(f"AWS refused {len(refused)} of the rules. {' '.join(refused)}{kept}", refused=refused)
        failed.aside = "".join(self._put_back(failed))
        if not (failed.error or failed.applied.made or failed.unanswered):
            failed.aside += " Nothing was changed."

    def _put_back(self, failed: Failed) -> t.Iterator[str]:
        if failed.unseen:
            gone = set(self._taken_away) <= set(self._gone)
            unknown = "was revoked, and whether the new rules are in" if gone else "was to be revoked, and whether it was"
            yield f" To make room, {listed(self._taken_away)} {unknown} cannot be seen ({failed.unseen}): look at the group."
        again, lost = ([rule for change in changes for rule in change.rules] for changes in (failed.amended, failed.lost))
        if again:
            yield f" To make room, {listed(again)} was revoked; it is let in again."
        if lost:
            yield f" To make room, {listed(lost)} was revoked, and it could not be let in again: this access is lost."


def _rule(change: RuleChange) -> Rule:
    (rule,) = change.rules
    return rule


def _words(error: t.Any) -> str:
    return error.response["Error"].get("Message", "no reason is given")
