# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the engine has to know of Amplify: how variables and builds are looked at, and when they are as they should be."""

from __future__ import annotations

import random
import re
import typing as t
from collections import Counter

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import app, build, environment
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import NOT_FOUND, fail_on_aws_error, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK, Change, Plan, missing, shown_left_alone
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import Failed, Policy, Sent
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import masked

NOTHING_DONE = dict(changed=False, steps=[], differences=[], left_alone=[], left=[])
# Writes of the same variables.
ROUNDS = 8
# Seconds after which whoever had read before our write has written as well.
SETTLE = 1.0
LONGEST_PAUSE = 4.0
# Attempts at one change of a build.
ATTEMPTS = 5
# Seconds to see it before the second attempt; twice as many before each later one.
SEE = 2.0
SHORTEST_SECRET = 4


def find_app(module: t.Any, client: t.Any) -> str:
    """The identifier of the app that the task names; fails if there is none, or more than one."""
    if module.params["app_id"]:
        return module.params["app_id"]
    name = module.params["app_name"]
    try:
        app_id, problems = app.named(client, name)
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, f"Looking for the app named {name}", **NOTHING_DONE)
    refuse(module, "The app cannot be found", problems, **NOTHING_DONE)
    return app_id


def asked(ask: t.Callable[..., t.Any], *arguments: t.Any, **parameters: t.Any) -> t.Any:
    """What `ask` gives; an error of AWS ends the run, as the client has repeated the call already."""
    try:
        return ask(*arguments, **parameters)
    except (BotoCoreError, ClientError) as error:
        raise Failed(error=error) from None


def fail(module: t.Any, failed: Failed, doing: str, name: str, **result: t.Any) -> t.NoReturn:
    """Fail with what ended a run, what it has done and what is left; with what was done before, and with the way out where something was not found.

    name: the object of the run, as differences name it
    """
    result = {**failed.result(), **result}
    doing = f"{doing}.{failed.aside} AWS's answer" if failed.error and failed.aside else doing
    if failed.error is None:
        done = f" Done before: {'; '.join(result['steps'])}." if result["steps"] else ""
        module.fail_json(msg=f"{failed}{done}", **result)
    if error_code(failed.error) in NOT_FOUND:
        way_out = f"correct app_id, branch (as the console shows it) or region ({module.region})"
        gone = missing(name, "Amplify does not find it, and a run makes none", f"make it anew, or {way_out}")
        result["left_alone"] = shown_left_alone([gone])
        module.fail_json(
            msg=f"{doing}: {failed.error} C{way_out[1:]}.",
            error={"code": error_code(failed.error), "type": type(failed.error).__name__},
            **result,
        )
    fail_on_aws_error(module, failed.error, doing, **result)


# Variables


class LookAtVariables:
    """secrets: the values that no message may quote"""

    def __init__(self, client: t.Any, desired: environment.Desired) -> None:
        self._client, self._desired = client, desired
        self.secrets = environment.secrets_among(desired, {})
        self.variables: t.Mapping[str, str] = {}

    def __call__(self) -> Plan:
        observed = asked(environment.observe, self._client, self._desired)
        self.variables = observed.variables
        for variables in (observed.variables, observed.shared):
            self.secrets |= environment.secrets_among(self._desired, variables)
        return environment.plan(self._desired, observed)


class Variables(Policy):
    """Amplify replaces the whole map and keeps no versions: a write follows a look, and holds if two looks show it, the second after SETTLE seconds."""

    rounds = ROUNDS

    def __init__(self, desired: environment.Desired) -> None:
        self._desired = desired
        self._seen = False
        self._writes = 0

    def ready(self, plan: Plan) -> t.Sequence[Change]:
        if plan:
            self._seen = False
            self._writes += 1
        return plan.changes

    def settled(self, plan: Plan) -> bool:
        before, self._seen = self._seen, True
        return before

    def repeat(self, change: Change, sent: Sent, seconds: float) -> bool:
        # Never without a look before, as others may have written; and with it at once.
        return sent is not Sent.LATER

    def pause(self, times: int) -> float:
        # At random, because two runs in step with each other would go on undoing each other.
        if self._seen:
            return random.uniform(SETTLE, SETTLE * 1.5)
        return random.uniform(0, min(SETTLE * 2**self._writes / 2, LONGEST_PAUSE))

    def outrun(self, change: Change) -> str:
        return (
            f"The variables of {self._desired} were written {self.rounds} times and are not there: AWS throttles the writes, or somebody else "
            "overwrites them all the time. Run the task again when that is over; nothing has to be undone."
        )


def without_values(text: str, secrets: t.Iterable[str]) -> str:
    """A text of AWS that may quote variables, without the map and without any of these values."""
    return masked(re.sub(r"\{.*\}", f"{{{MASK}}}", text, flags=re.DOTALL), secrets, shortest=SHORTEST_SECRET)


def without_values_of(error: t.Optional[Exception], secrets: t.Iterable[str]) -> t.Optional[Exception]:
    """The error of AWS with a message that quotes no variables."""
    if not isinstance(error, ClientError):
        return error
    answer = error.response.get("Error") or {}
    message = without_values(str(answer.get("Message", "")), secrets)
    return type(error)({**error.response, "Error": {**answer, "Message": message}}, error.operation_name)


# Builds


class LookAtBuild:
    """job: the one that the last look was about, if any"""

    def __init__(self, client: t.Any, desired: build.Desired) -> None:
        self._client, self._desired = client, desired
        self._observed: t.Optional[build.Observed] = None
        self._plan: t.Optional[build.Build] = None
        self._lost: t.Optional[build.Job] = None
        self.job: t.Optional[build.Job] = None

    def __call__(self) -> build.Build:
        first = self._observed is None
        self._observed = self._waiting() or asked(build.observe, self._client, self._desired, self._observed and self._observed.branches)
        plan = self._plan = build.plan(self._desired, self._observed)
        self.job = plan.awaited or plan.job
        refused = build.refusals(self._desired, self._observed)
        if refused:
            raise Failed(" ".join(refused), problems=refused)
        if first:
            # What ended badly before this task is reason for a new build; what does so meanwhile is its failure.
            self._lost = plan.lost
        elif plan.lost and plan.lost != self._lost:
            self.job = plan.lost
            steps = asked(self._client.get_job, jobId=str(plan.lost.job_id), **self._desired.where)["job"].get("steps") or []
            sentence, where = build.failure(self._desired, plan.lost, steps)
            raise Failed(sentence, left=plan.steps, **where)
        return plan

    def _waiting(self) -> t.Optional[build.Observed]:
        """As before, as long as a job is waited for that is not over: that is all there is to ask."""
        awaited = self._plan.awaited if self._plan is not None else None
        job = asked(build.job_of, self._client, self._desired, awaited.job_id) if awaited else None
        return build.with_job(self._observed, job) if job and job.active else None


class Builds(Policy):
    """One change, then a look: each is planned from what the one before has come to.

    waits: whether a job that runs is waited for
    """

    # Both notes of a build are of the same branch.
    rounds = 2 * ATTEMPTS

    def __init__(self, desired: build.Desired, waits: bool, wait_timeout: int) -> None:
        self._desired, self._waits, self._wait_timeout = desired, waits, wait_timeout
        self._unseen: Counter = Counter()
        self._error: t.Optional[Exception] = None

    def meaning(self, change: Change, error: Exception) -> Sent:
        self._error = error
        return super().meaning(change, error)

    def answered(self, change: Change, answer: t.Any) -> None:
        self._error = None

    def ready(self, plan: build.Build) -> t.Sequence[Change]:
        if plan.blocked_by and not self._waits:
            raise Failed(
                f"Job {plan.blocked_by.job_id} of branch {self._desired.branch} is {plan.blocked_by.status}, and Amplify builds "
                "a branch one job at a time. Run the task again when it is over, or with wait=true."
            )
        return () if plan.blocked_by else plan.changes[:1]

    def settled(self, plan: build.Build) -> bool:
        return not plan.changes and not (self._waits and plan.awaited)

    def repeat(self, change: Change, sent: Sent, seconds: float) -> bool:
        # Never without a look before: another job, or another run, may have been quicker.
        if sent is Sent.LATER or seconds < SEE * 2 ** self._unseen[change.aims]:
            return False
        self._unseen[change.aims] += 1
        if self._unseen[change.aims] == ATTEMPTS:
            raise Failed(self.outrun(change))
        return True

    def outrun(self, change: Change) -> str:
        if self._error:
            raise Failed(error=self._error)
        return f"{change.summary}: done {ATTEMPTS} times, but AWS does not show it. Does somebody else change the tags of the app? Then stop that first."

    def awaited(self, plan: build.Build, change: t.Optional[Change]) -> tuple[str, str]:
        job = plan.awaited
        return str(self._desired), f"job {job.job_id} {job.status}" if job else ""

    def late(self, plan: build.Build) -> str:
        if not plan.awaited:
            return super().late(plan)
        return (
            f"Job {plan.awaited.job_id} of branch {self._desired.branch} is not over after {self._wait_timeout} s. It goes on. Run the task again "
            "to go on waiting (nothing is built twice), or raise wait_timeout."
        )
