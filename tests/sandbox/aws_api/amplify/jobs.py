# SPDX-License-Identifier: GPL-3.0-or-later
"""A build of Amplify Hosting. Its state is a function of the time, worked out when somebody looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.common_models import BaseModel

# Where in a job's life each state begins, as a share of its duration.
PENDING, PROVISIONING, RUNNING = 0.0, 0.2, 0.4
STEPS = {"BUILD": (0.4, 0.7), "DEPLOY": (0.7, 0.9), "VERIFY": (0.9, 1.0)}
REASONS = {
    "BUILD": "Build failed: non-zero exit code 1 of command: npm run build",
    "DEPLOY": "Deployment failed: the artifact could not be published",
    "VERIFY": "Verification failed: the deployed app did not answer",
}


class Job(BaseModel):
    """One job of a branch.

    request:   of StartJob or StartDeployment
    duration:  seconds from StartJob to SUCCEED
    fail_step: the step it fails at, or none
    """

    def __init__(
        self,
        arn: str,
        job_id: str,
        request: Mapping[str, Any],
        started: float,
        duration: float,
        fail_step: str | None,
        log_base: str,
    ):
        self.arn = arn
        self.job_id = job_id
        self.request = request
        self.started = started
        self.duration = duration
        self.fail_step = fail_step
        self.log_base = log_base
        self.stopped: float | None = None
        self.cancelling = 0.0
        # The effective variables, app and branch, at the moment the build began; none before.
        self.environment: dict[str, str] | None = None

    def _at(self, share: float) -> float:
        return self.started + share * self.duration

    @property
    def build_begins(self) -> float:
        return self._at(RUNNING)

    @property
    def ends(self) -> float:
        """When the job is over, by itself or because it was stopped."""
        end = self._at(STEPS[self.fail_step][1] if self.fail_step else 1.0)
        return min(end, self.stopped + self.cancelling) if self.stopped is not None else end

    def stop(self, now: float, seconds: float) -> None:
        """From `now` on it is being cancelled, which takes `seconds`."""
        self.stopped, self.cancelling = now, seconds

    def active(self, now: float) -> bool:
        return now < self.ends

    def status(self, now: float) -> str:
        if self.stopped is not None:
            return "CANCELLING" if self.active(now) else "CANCELLED"
        if not self.active(now):
            return "FAILED" if self.fail_step else "SUCCEED"
        if now < self._at(PROVISIONING):
            return "PENDING"
        return "PROVISIONING" if now < self._at(RUNNING) else "RUNNING"

    @property
    def is_deployment(self) -> bool:
        """Whether it is one of files that were uploaded, where there is nothing to build."""
        return "jobType" not in self.request

    def started_summary(self, now: float) -> dict[str, Any]:
        """The answer of StartDeployment."""
        return {"jobArn": self.arn, "jobId": self.job_id, "status": self.status(now)}

    def summary(self, now: float) -> dict[str, Any]:
        """Without jobType, which the service model calls required, and without what was not given: as recorded."""
        commit = {
            "commitId": self.request.get("commitId") or "HEAD",
            "commitMessage": self.request.get("commitMessage"),
            "commitTime": self.request.get("commitTime") or self.started,
        }
        source = {
            "sourceUrl": self.request.get("sourceUrl"),
            "sourceUrlType": self.request.get("sourceUrlType") or ("ZIP" if self.request.get("sourceUrl") else None),
        }
        optional = {**(source if self.is_deployment else commit), "endTime": None if self.active(now) else self.ends}
        return {**self.started_summary(now), "startTime": self.started, **{name: value for name, value in optional.items() if value}}

    def log_url(self, step: str) -> str:
        return f"{self.log_base}/{step}.txt"

    def _step(self, name: str, now: float) -> dict[str, Any]:
        begins, ends = (self._at(share) for share in STEPS[name])
        step: dict[str, Any] = {"stepName": name, "logUrl": self.log_url(name)}
        failed_before = self.fail_step and STEPS[self.fail_step][1] <= STEPS[name][0]
        if failed_before and not self.active(now) or self.stopped is not None and self.ends <= begins:
            # Never reached: the job failed or was stopped before.
            return {**step, "status": "CANCELLED", "startTime": self.ends, "endTime": self.ends}
        if now < begins:
            return {**step, "status": "PENDING", "startTime": begins, "endTime": begins}
        if now < min(ends, self.ends):
            return {**step, "status": "RUNNING", "startTime": begins, "endTime": now}
        if name == self.fail_step:
            return {**step, "status": "FAILED", "startTime": begins, "endTime": ends, "statusReason": REASONS[name]}
        status = "SUCCEED" if self.stopped is None or self.ends >= ends else "CANCELLED"
        return {**step, "status": status, "startTime": begins, "endTime": min(ends, self.ends)}

    def describe(self, now: float) -> dict[str, Any]:
        steps = ["DEPLOY"] if self.is_deployment else STEPS
        return {"summary": self.summary(now), "steps": [self._step(name, now) for name in steps]}

    def log(self, step: str, now: float) -> str:
        """The text behind a step's logUrl. Names of variables only: a build's log is widely readable."""
        facts = next(fact for fact in self.describe(now)["steps"] if fact["stepName"] == step)
        lines = [f"# Job {self.job_id}, step {step}: {facts['status']}"]
        if step == "BUILD" and self.environment is not None:
            lines.append("# Environment variables: " + " ".join(sorted(self.environment)))
        if "statusReason" in facts:
            lines.append(f"!!! {facts['statusReason']}")
        return "\n".join(lines) + "\n"
