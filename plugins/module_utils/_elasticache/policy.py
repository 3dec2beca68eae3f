# SPDX-License-Identifier: GPL-3.0-or-later
"""How a cache is taken along its path: one step at a time, each seen before the next is planned, and what AWS's answers prove of a token."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.huntaze.ai_system.plugins.module_utils import _secrets
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import evidence, live
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.cache import endpoint
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.path import (
    NOT_ASKED,
    Desired,
    Observed,
    earning,
    known,
    observe,
    path,
    predict,
    shows,
    strategy_of,
    without_evidence,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import obstacles, pending_refusals
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Plan, shown_left_alone
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import Applied, Failed, Policy, Sent

# The change is there already: somebody else made it, or this run with a call whose answer was lost.
THERE_ALREADY = ("ReplicationGroupAlreadyExists", "SnapshotAlreadyExistsFault")
BUSY = ("InvalidReplicationGroupState", "InvalidCacheClusterState")
# How long a ROTATE whose call got no answer may take to show: it is not repeated, as the oldest token would go.
LOST_SECONDS = 60
# By what a change modifies, the seconds that AWS takes for it: on a live cache, seen in 2026, TLS off to preferred took 17.5 minutes, preferred to
# required 8.3, and a token after that seconds.
USUALLY = {"TransitEncryptionMode": (8 * 60.0, 18 * 60.0), "AuthToken": (0.0, 60.0)}


@dataclass
class Step:
    """A change that is sent, what was there before it, and what has become of it."""

    change: Change
    before: Observed
    predicted: Observed
    sent: t.Optional[Sent] = None


class CachePolicy(Policy):
    """Of one run: looks at the cache, and remembers what AWS has answered."""

    # The path has few operations and one object: `_check` says how often which change may be made.
    rounds = 1000

    def __init__(self, client: t.Any, params: t.Mapping[str, t.Any], deadline: float, warn: t.Callable[[str], None]) -> None:
        """params: those of elasticache_auth; deadline: of time.monotonic()."""
        self.desired = Desired.of(params)
        self.wait = params["wait"]
        self._client, self._params, self._deadline, self._warn = client, params, deadline, warn
        # What the newest look has seen, what the last one before the first step has, and what is expected at the end of the path.
        self.seen = self.before = self.end = Observed({})
        # What was done, once the engine has ended.
        self.applied = Applied()
        self._step: t.Optional[Step] = None
        self._begun: t.Optional[Change] = None
        self._shown: set[t.Any] = set()
        self._promoting = False
        self._answered: list[Change] = []
        self._unanswered: list[Change] = []
        # The token's dates that AWS has shown; whether the newest look shows an earlier one than the last of them.
        self._dates: list[t.Any] = []
        self._old = False
        self._earned: t.Optional[evidence.Tag] = None
        self._asked: t.Optional[dict[str, t.Any]] = None
        self._asked_of: t.Any = None
        self._contradictions = 0
        self._disbelieves = False
        self._altered: dict[t.Any, t.Any] = {}

    # Looking

    def look(self) -> Plan:
        """What is still to be done. Raises Failed if there is no way on."""
        seen = observe(self._client, self.desired, self._promoting)
        stands = obstacles(self.desired, seen)
        self._refuse([str(one) for one in stands], left_alone=shown_left_alone(stands))
        self._recognise(seen.tag)
        self._note_age(seen)
        if self._step and self._step.sent and self._is_shown(self._step, seen):
            self._learn(self._step, seen)
            self._shown.add(self._step.change.aims)
            self._step = None
        self.seen = self._informed(seen)
        steps = path(self.desired, self.seen)
        self.end = steps[-1][1] if steps else self.seen
        plan = Plan(tuple(change for change, dummy in steps))
        if not self._begun:
            self.before = self.seen
            self._refuse(pending_refusals(self.desired, self.seen, plan.changes), left=plan.steps, left_alone=shown_left_alone(plan.held_back()))
        return plan

    def _note_age(self, seen: Observed) -> None:
        """AWS may show an older state than before; the token's date tells, which never comes back."""
        date = evidence.date_of(seen.cache)
        if date not in self._dates:
            self._dates.append(date)
        self._old = date != self._dates[-1]

    @staticmethod
    def _refuse(problems: t.Sequence[str], **result: t.Any) -> None:
        if problems:
            raise Failed(" ".join(problems), problems=list(problems), **result)

    def _recognise(self, tag: evidence.Tag | None) -> None:
        """Choose the fingerprint to compare with: the tag's where that is of the token, else a new one."""
        desired = self.desired
        if desired.auth_token and not (desired.fingerprint and tag is None):
            found = tag.fingerprint if tag else ""
            ours = found and (found == desired.fingerprint or _secrets.is_of(found, desired.auth_token))
            self.desired = replace(desired, fingerprint=found if ours else desired.fingerprint or _secrets.fingerprint(desired.auth_token))

    def _is_shown(self, step: Step, seen: Observed) -> bool:
        """Whether AWS shows what has become of the step that was sent."""
        if self._old or not seen.settled or seen.cache["auth_token_status"]:
            return False
        if step.sent is Sent.OVERTAKEN and strategy_of(step.change):
            return True
        if shows(step.before, step.predicted, seen):
            return True
        # Each run salts a fingerprint of its own; answers may be older than a change, but never of a third one.
        ours = [tag and tag.fingerprint for tag in (step.predicted.tag, step.before.tag)]
        if step.change.operation == "add_tags_to_resource" and seen.tag and seen.tag.fingerprint not in ours:
            raise Failed("somebody else writes that tag. Let the other deployment finish and run again")
        return False

    def _learn(self, step: Step, seen: Observed) -> None:
        """What AWS's answer proves, now that the change is seen: only an answer proves that it was this run that made it."""
        change, token = step.change, strategy_of(step.change)
        self._altered[change.aims] = known(self.desired, change, seen).differences
        self._asked = {}
        if token and step.sent is Sent.LOST:
            # A later date may be of anybody's change; the connection decides.
            self._earned = None
            self._ask(seen)
        elif token:
            self._earned = earning(self.desired, seen, change).earned
            self._disbelieves = False

    def _informed(self, seen: Observed) -> Observed:
        """`seen` with what this run knows beside it."""
        if self.desired.auth_token and (self._asked is None or (not self._begun and seen.settled and not self.seen.settled)):
            self._ask(seen)
        if self._asked and self._asked_of == evidence.date_of(seen.cache):
            seen = replace(seen, **self._asked)
        return without_evidence(seen) if self._disbelieves else replace(seen, earned=self._earned)

    def _ask(self, seen: Observed) -> None:
        self._asked, self._asked_of = self._answer(seen.cache), evidence.date_of(seen.cache)

    def _answer(self, cache: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """What the live cache says of the token, or why it was not asked."""
        if not self._params["probe"]:
            return {"unasked": f"{NOT_ASKED}, as probe is false"}
        # Never send the token where it could be read, nor ask a cache that has no AUTH to tell of.
        if not cache["auth_token_enabled"] or cache["transit_encryption_mode"] != "required":
            return {}
        place = endpoint(cache)
        if not (place and place["port"]):
            return {"unasked": f"{NOT_ASKED}, as AWS shows no endpoint of it"}
        seconds = min(self._params["probe_timeout"], max(0.1, self._deadline - time.monotonic()))
        answer, cause, why = live.ask(place, self.desired.auth_token, self._params["tls_ca_file"], seconds)
        if answer:
            return {"answer": answer}
        if cause not in live.OUTSIDE:
            self._warn(f"{self.desired.name}: {why}. So the tag is the only evidence.")
        return {"unasked": why}

    # Sending

    def ready(self, plan: Plan) -> t.Sequence[Change]:
        if not plan or self._old:
            return ()
        if not self.seen.settled:
            if not (self.wait or (self._begun and self.waits_for(self._begun))):
                raise Failed(self.late(plan))
            return ()
        change = plan.changes[0]
        self._check(change)
        self._begun = change
        self._promoting = self._promoting or change.operation == "create_replication_group"
        self._shown.discard(change.aims)
        self._step = Step(change, self.seen, predict(self.desired, self.seen, change))
        return (change,)

    def settled(self, plan: Plan) -> bool:
        return not plan and not self._old

    def _check(self, change: Change) -> None:
        """A change comes again only where the token has moved meanwhile or an answer was lost, and then once."""
        token = strategy_of(change)
        if _times(self._answered, change) > (1 if token else 0):
            raise Failed("AWS reported success, but the cache is as if that had not been. Is somebody else changing it?")
        if token and _times(self._unanswered, change) > 1:
            raise Failed("AWS's answer was lost twice, so that it is not known whether that was done. Run again")

    def waits_for(self, change: Change) -> bool:
        # What was done to a token can be noted only by the run that has seen it done; it takes AWS seconds.
        return self.wait or bool(strategy_of(change)) or change.operation == "add_tags_to_resource"

    def answered(self, change: Change, answer: t.Any) -> None:
        self._answered.append(change)
        self._sent(Sent.MADE)

    def meaning(self, change: Change, error: Exception) -> Sent:
        sent = self._meaning(change, error)
        if sent is Sent.LOST:
            self._unanswered.append(change)
        self._sent(sent)
        return sent

    def _meaning(self, change: Change, error: Exception) -> Sent:
        code, modifies = error_code(error), change.operation == "modify_replication_group"
        if code in THERE_ALREADY or (modifies and "No modifications were requested" in str(error)):
            return Sent.OVERTAKEN
        if strategy_of(change) == "SET" and (code.startswith("InvalidParameter") or "AUTH token" in str(error)):
            return Sent.REFUSED
        if not self.waits_for(change):
            return Sent.FAILED
        return Sent.LATER if code in BUSY else super().meaning(change, error)

    def _sent(self, sent: Sent) -> None:
        if self._step and sent in (Sent.MADE, Sent.LOST, Sent.OVERTAKEN):
            self._step.sent = sent
        else:
            self._step = None

    def instead(self, change: Change, error: Exception, rest: t.Sequence[Change]) -> t.Sequence[Change]:
        """AWS refuses a SET: the token is not the last that was added, whatever spoke for it. It is added anew, once."""
        self._contradictions += 1
        if self._contradictions > 1:
            raise Failed(
                f"AWS refused it twice, also right after the token was added ({error}). The token is accepted, and whether another "
                "one is accepted too cannot be told: give a new auth_token, which AWS adds and then makes the only one."
            )
        self._disbelieves, self._earned, self._asked = True, None, {}
        return ()

    def shows(self, change: Change, sent: Sent, plan: Plan) -> bool:
        return change.aims in self._shown

    def repeat(self, change: Change, sent: Sent, seconds: float) -> bool:
        """LATER: the next look plans anew. LOST: only once the cache has come to rest without it."""
        if sent is not Sent.LOST or not self.seen.settled:
            return False
        if strategy_of(change) != "ROTATE":
            return super().repeat(change, sent, seconds)
        if seconds > LOST_SECONDS:
            raise Failed("AWS's answer was lost, and the cache shows no change since. Run again")
        return False

    # Telling

    def doing(self, failed: Failed) -> str:
        """What the run was at when it failed."""
        if failed.error and not failed.change:
            seconds = self._params["wait_timeout"]
            return f"Looking at the cache {self.desired.name} (all waiting and asking together may take wait_timeout: {seconds} seconds)"
        return self._begun.summary if self._begun else self.desired.name

    def awaited(self, plan: Plan, change: t.Optional[Change]) -> tuple[str, str]:
        cache = self.seen.cache
        if self.seen.snapshot == "creating":
            return f"snapshot {self.desired.snapshot_name}", "creating"
        token = f"its token {cache['auth_token_status']}" if cache["auth_token_status"] else ""
        return f"cache {cache['id']}", ", ".join(filter(None, [cache["status"], token]))

    def usually(self, change: Change) -> t.Optional[tuple[float, float]]:
        return next((seconds for name, seconds in USUALLY.items() if name in change.parameters), None)

    def late(self, plan: Plan) -> str:
        snapshot = f"; its snapshot {self.desired.snapshot_name} is still being made" if self.seen.snapshot == "creating" else ""
        way_out = "It is not waited for, as wait is false: run again later, or with wait: true."
        if self.wait or self._begun:
            way_out = f"All waiting and asking together may take {self._params['wait_timeout']} seconds: run again later, or with a longer wait_timeout."
        return f"not done yet. The cache is {self.seen.cache['id']}; {self.seen.state}{snapshot}. {way_out}"

    def told(self, applied: Applied) -> Applied:
        """`applied` with what only a run could know."""
        return replace(applied, made=tuple(replace(one, differences=self._altered.get(one.aims, one.differences)) for one in applied.made))


def _times(changes: t.Sequence[Change], change: Change) -> int:
    return [one.parameters for one in changes].count(change.parameters)


class Sender:
    """Sends each call on a connection of its own: the next may be many minutes off, and one that a gateway forgot meanwhile would lose its answer."""

    def __init__(self, connect: t.Callable[[], t.Any]) -> None:
        self._connect = connect
        self._client: t.Any = None

    def __getattr__(self, operation: str) -> t.Callable[..., t.Any]:
        def call(**parameters: t.Any) -> t.Any:
            self._client = self._client or self._connect()
            try:
                return getattr(self._client, operation)(**parameters)
            finally:
                self._client.close()

        return call
