# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans builds of an Amplify branch from a note of what was built last. Pure: no client, no clock, no module.

AWS does not tell which variables a job saw. So a note in a tag of the app says, before StartJob, which environment is
about to be built and which job was the newest then, and after it, which job builds it. The environment is always read
before the jobs are, hence a job newer than the note's began after that environment was in place, whoever started it.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import variables_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import KNOWN_AFTER_APPLY, Change, Plan

SUCCEEDED, LOST = "SUCCEED", {"FAILED", "CANCELLED"}
ACTIVE = {"CREATED", "PENDING", "PROVISIONING", "RUNNING", "CANCELLING"}
JOB_TYPE = "RELEASE"
INTENDED, STARTED = "intended", "started"
NOTE = re.compile(rf"v1/({INTENDED}|{STARTED})/(\d+)/([0-9a-f]+/[0-9a-f]+)")
TAG_PREFIX = "huntaze:build:"
TAG_KEY = re.compile(r"[a-zA-Z0-9+\-=._:/]{1,128}")
TAG_LIMIT = 50
PREVIEW = re.compile(r"pr-\d+")


def tag_key(branch: str) -> str:
    """Where the note of a branch is kept. Branches have names that a tag cannot have."""
    key = TAG_PREFIX + branch
    return key if TAG_KEY.fullmatch(key) else f"{TAG_PREFIX}sha256:{hashlib.sha256(branch.encode()).hexdigest()[:32]}"


def environment_of(app: t.Mapping[str, t.Any], branch: t.Mapping[str, t.Any]) -> str:
    """What a build of the branch would see now, as one text.

    It names the branch by its creation too: one deleted and made anew has built nothing yet.
    """
    variables = {**variables_of(app), **variables_of(branch)}
    created = branch.get("createTime")
    return json.dumps([branch.get("branchArn"), created and int(created.timestamp()), sorted(variables.items())])


def arn_of(app: t.Mapping[str, t.Any], branch: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """The app's ARN, with which that of a branch begins."""
    return app.get("appArn") or (branch.get("branchArn") or "").partition("/branches/")[0] or None


def unbuildable(app: t.Mapping[str, t.Any], app_id: str, branch: t.Mapping[str, t.Any], name: str) -> str:
    """Why a RELEASE of the branch builds nothing, or something else, with the way out; empty if it builds the branch."""
    if not app.get("repository"):
        return (
            f"App {app_id} ({app.get('name') or 'without a name'}) is not connected to a repository, so Amplify has nothing to build, and new "
            "variables cannot become live. Connect it to its repository in the Amplify console, or take it out of the deployment and deploy it by hand."
        )
    source, destination = branch.get("sourceBranch"), branch.get("destinationBranch")
    if source or destination or (branch.get("stage") == "PULL_REQUEST" and PREVIEW.fullmatch(name)):
        return (
            f"Branch {name} of app {app_id} is the preview of a pull request{f' into {destination}' if destination else ''}. A build that is asked for builds "
            f"the main branch in its place. Push to {f'branch {source}' if source else 'the pull request'}, which builds the preview, or name the branch "
            f"{destination or 'that the pull request goes into'}."
        )
    return ""


@dataclass(frozen=True)
class Note:
    """phase INTENDED: `job_id` was the newest job before the build. STARTED: `job_id` is the build."""

    phase: str
    job_id: int
    fingerprint: str

    def __str__(self) -> str:
        return f"v1/{self.phase}/{self.job_id}/{self.fingerprint}"

    @classmethod
    def read(cls, value: t.Optional[str]) -> t.Optional[Note]:
        """None where there is none, or none of ours: then nothing is known."""
        match = NOTE.fullmatch(value or "")
        return cls(match[1], int(match[2]), match[3]) if match else None


@dataclass(frozen=True)
class Job:
    job_id: int
    status: str

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def known(self) -> bool:
        """Whether the status is one that Amplify had when this was written."""
        return self.active or self.status in LOST or self.status == SUCCEEDED

    @classmethod
    def of(cls, summary: t.Mapping[str, t.Any]) -> Job:
        return cls(int(summary["jobId"]), summary.get("status") or "")


@dataclass(frozen=True)
class Seen:
    """A branch at one moment.

    current:     whether the note is of the environment that a build would see now
    fingerprint: of that environment, the note's own if it is current
    jobs:        the newest ones, and the one that the note names if it still exists
    tags:        the keys of the app's tags
    branches:    the names of the app's branches; none if nobody asked
    """

    app_id: str
    app_arn: str
    branch: str
    note: t.Optional[Note]
    current: bool
    fingerprint: str
    jobs: tuple[Job, ...]
    tags: frozenset[str] = frozenset()
    branches: t.Optional[frozenset[str]] = None

    @property
    def other_notes(self) -> frozenset[str]:
        """The keys of the notes of other branches."""
        return frozenset(key for key in self.tags if key.startswith(TAG_PREFIX) and key != tag_key(self.branch))

    @property
    def outdated_notes(self) -> list[str]:
        """Those whose branches are gone."""
        return [] if self.branches is None else sorted(self.other_notes - {tag_key(branch) for branch in self.branches})

    @property
    def tags_in_the_way(self) -> list[str]:
        """The keys of the app's tags if they leave no room for the note."""
        # What AWS sets itself does not count.
        counted = {key for key in self.tags if not key.startswith("aws:")} - set(self.outdated_notes)
        return sorted(counted) if tag_key(self.branch) not in counted and len(counted) >= TAG_LIMIT else []

    def clean(self) -> Change:
        names = ", ".join(key[len(TAG_PREFIX):] for key in self.outdated_notes)
        return Change(
            "untag_resource",
            {"resourceArn": self.app_arn, "tagKeys": self.outdated_notes},
            f"Remove the notes of branches that are gone from the tags of app {self.app_id}: {names}",
        )

    def write(self, phase: str, job_id: int) -> Change:
        when = "with the job that builds it" if phase == STARTED else "before it is built"
        return Change(
            "tag_resource",
            {"resourceArn": self.app_arn, "tags": {tag_key(self.branch): str(Note(phase, job_id, self.fingerprint))}},
            f"Note the environment of branch {self.branch} in a tag of app {self.app_id}, {when}",
        )

    def start(self) -> Change:
        return Change(
            "start_job",
            {"appId": self.app_id, "branchName": self.branch, "jobType": JOB_TYPE, "jobReason": "The environment was not built yet"},
            f"Start a {JOB_TYPE} build of branch {self.branch} of app {self.app_id}",
        )


@dataclass(frozen=True)
class Build(Plan):
    """The changes that lead to a build of the environment. Only the first is ready to be made: look again after each.

    job:        the one that builds, or has built, the environment
    lost:       the one that should have
    blocked_by: the one that has to be over before the first change; AWS runs one a branch
    notes:      whether the first changes are to the notes, among which there may be those of branches that are gone
    refused:    why it cannot be carried out, with the way out; empty if it can
    """

    reason: str = ""
    job: t.Optional[Job] = None
    lost: t.Optional[Job] = None
    blocked_by: t.Optional[Job] = None
    notes: bool = False
    refused: str = ""


def _unknown(seen: Seen, job: Job) -> str:
    return (
        f"Job {job.job_id} of branch {seen.branch}, which builds the environment, has {f'the status {job.status}' if job.status else 'no status'}, "
        "of which this module does not know whether the build is over. Look at the job in the Amplify console. To have the branch built anew, "
        f"remove the tag {tag_key(seen.branch)} of {seen.app_arn} (aws amplify untag-resource) and run the task again."
    )


def _no_room(seen: Seen) -> str:
    return (
        f"App {seen.app_id} has {len(seen.tags_in_the_way)} tags, and AWS allows {TAG_LIMIT}: there is no room for {tag_key(seen.branch)}, the note of "
        "what was built, without which each run would build the branch. Remove a tag that nobody needs "
        f"(aws amplify untag-resource --resource-arn {seen.app_arn} --tag-keys KEY). There are: {', '.join(seen.tags_in_the_way)}."
    )


def plan(seen: Seen) -> Build:
    note = seen.note if seen.current else None
    intended = note is not None and note.phase == INTENDED
    if note is None:
        ours = []
        reason = "the environment is not the one that was built last" if seen.note else "it is not known which environment was built last"
    elif intended:
        ours = sorted((job for job in seen.jobs if job.job_id > note.job_id), key=lambda job: job.job_id)
        reason = "a run was cut off when it had just started the build" if ours else "a run was cut off before it started the build"
    else:
        ours = [job for job in seen.jobs if job.job_id == note.job_id]
        reason = "this is the environment that was built last" if ours else f"job {note.job_id}, which built the environment, does not exist any more"
    before = {"job_id": str(seen.note.job_id) if seen.note and seen.note.phase == STARTED else None, "environment_is_current": seen.current and not intended}

    job = next((job for job in ours if job.status not in LOST), None)
    if job:
        changes = (seen.write(STARTED, job.job_id),) if intended else ()
        after = {"job_id": str(job.job_id), "environment_is_current": True}
        return Build(changes, before, after, reason, job, refused="" if job.known else _unknown(seen, job))
    lost = ours[-1] if ours else None
    if lost:
        reason = f"job {lost.job_id}, which was to build the environment, ended {lost.status}"
    changes = (seen.start(), seen.write(STARTED, 0))
    if not intended:
        changes = (seen.write(INTENDED, max((job.job_id for job in seen.jobs), default=0)), *changes)
        changes = (seen.clean(), *changes) if seen.outdated_notes else changes
    return Build(
        changes,
        before,
        {"job_id": KNOWN_AFTER_APPLY, "environment_is_current": True},
        reason,
        lost=lost,
        blocked_by=next((job for job in seen.jobs if job.active), None),
        notes=not intended,
        refused=_no_room(seen) if seen.tags_in_the_way else "",
    )
