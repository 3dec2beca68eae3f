# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans the build of an Amplify branch whose environment is not the one built last, from the note of what that was."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import note as notes
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import object_of, problems as app_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.note import INTENDED, STARTED, Note
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import UNKNOWN, Change, Difference, Plan

SUCCEEDED, LOST = "SUCCEED", {"FAILED", "CANCELLED"}
ACTIVE = {"CREATED", "PENDING", "PROVISIONING", "RUNNING", "CANCELLING"}
JOB_TYPE = "RELEASE"
TAG_LIMIT = 50
PREVIEW = re.compile(r"pr-\d+")
NEWEST_JOBS = 50


@dataclass(frozen=True)
class Desired:
    """A branch that is to be built with the environment it has.

    changes: whether that environment is still to be changed by another task, as in check mode: then none was built yet
    """

    app_id: str
    branch: str
    changes: bool = False

    def __str__(self) -> str:
        return object_of(self.app_id, self.branch)

    @property
    def where(self) -> dict[str, str]:
        return {"appId": self.app_id, "branchName": self.branch}


@dataclass(frozen=True)
class Job:
    """described: the summary that AWS gives of it"""

    job_id: int
    status: str
    described: t.Mapping[str, t.Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def lost(self) -> bool:
        return self.status in LOST

    @property
    def known(self) -> bool:
        """Whether the status is one that Amplify had when this was written."""
        return self.active or self.lost or self.status == SUCCEEDED

    @classmethod
    def of(cls, summary: t.Mapping[str, t.Any]) -> Job:
        return cls(int(summary["jobId"]), summary.get("status") or "", summary)


@dataclass(frozen=True)
class Observed:
    """A branch at one moment.

    arn:         of the app
    obstacle:    why a build of the branch would build nothing, or another branch
    fingerprint: of the environment that a build would see now, the note's own if the note is of it
    jobs:        the newest ones, and the one that the note names if it still exists
    tags:        of the app
    branches:    the names of the app's branches, where they matter
    """

    arn: str
    note: t.Optional[Note]
    fingerprint: str
    jobs: tuple[Job, ...]
    tags: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    branches: t.Optional[frozenset[str]] = None
    obstacle: str = ""


def observe(client: t.Any, desired: Desired, branches: t.Optional[frozenset[str]] = None) -> Observed:
    """branches: as an earlier look of this run saw them"""
    # The environment before the jobs: the note counts on it.
    app = client.get_app(appId=desired.app_id)["app"]
    branch = client.get_branch(**desired.where)["branch"]
    tags = app.get("tags") or {}
    note = Note.read(tags.get(notes.key_of(desired.branch)))
    # The newest come first.
    jobs = [Job.of(summary) for summary in client.list_jobs(maxResults=NEWEST_JOBS, **desired.where).get("jobSummaries") or []]
    if note and note.job_id and not any(job.job_id == note.job_id for job in jobs):
        jobs += filter(None, [job_of(client, desired, note.job_id)])
    observed = Observed(
        arn=arn_of(app, branch),
        note=note,
        fingerprint=notes.fingerprint_of(notes.environment_of(app, branch), note),
        jobs=tuple(jobs),
        tags=tags,
        branches=branches,
        obstacle=obstacle(app, desired, branch),
    )
    if branches is None and _other_notes(desired, observed) and _standing(desired, observed).note_first:
        pages = client.get_paginator("list_branches").paginate(appId=desired.app_id)
        observed = replace(observed, branches=frozenset(branch["branchName"] for page in pages for branch in page.get("branches") or []))
    return observed


def job_of(client: t.Any, desired: Desired, job_id: int) -> t.Optional[Job]:
    """One job, or None if it does not exist any more."""
    try:
        return Job.of(client.get_job(jobId=str(job_id), **desired.where)["job"]["summary"])
    except client.exceptions.NotFoundException:
        return None


def with_job(observed: Observed, job: Job) -> Observed:
    """`observed` with that job as it is now."""
    return replace(observed, jobs=tuple(job if one.job_id == job.job_id else one for one in observed.jobs))


def arn_of(app: t.Mapping[str, t.Any], branch: t.Mapping[str, t.Any]) -> str:
    """The app's ARN, with which that of a branch begins; empty if AWS tells neither."""
    return app.get("appArn") or (branch.get("branchArn") or "").partition("/branches/")[0]


def obstacle(app: t.Mapping[str, t.Any], desired: Desired, branch: t.Mapping[str, t.Any]) -> str:
    """Why a RELEASE of the branch builds nothing, or something else, with the way out; empty if it builds the branch."""
    if not app.get("repository"):
        return (
            f"App {desired.app_id} ({app.get('name') or 'without a name'}) is not connected to a repository, so Amplify has nothing to build, and new "
            "variables cannot become live. Connect it to its repository in the Amplify console, or take it out of the deployment and deploy it by hand."
        )
    source, destination = branch.get("sourceBranch"), branch.get("destinationBranch")
    if source or destination or (branch.get("stage") == "PULL_REQUEST" and PREVIEW.fullmatch(desired.branch)):
        return (
            f"Branch {desired.branch} of app {desired.app_id} is the preview of a pull request{f' into {destination}' if destination else ''}. A build that is "
            f"asked for builds the main branch in its place. Push to {f'branch {source}' if source else 'the pull request'}, which builds the preview, or "
            f"name the branch {destination or 'that the pull request goes into'}."
        )
    return ""


# What the note and the jobs say


class _Standing(t.NamedTuple):
    """Of the environment that a build would see now.

    note: if it is of this environment
    job:  that builds or has built it
    lost: the last one that should have
    """

    note: t.Optional[Note]
    job: t.Optional[Job]
    lost: t.Optional[Job]
    reason: str

    @property
    def note_first(self) -> bool:
        """Whether a build has to be noted before it is started."""
        return self.job is None and not (self.note and self.note.phase == INTENDED)


def _standing(desired: Desired, observed: Observed) -> _Standing:
    note = observed.note
    if note is None or desired.changes or note.fingerprint != observed.fingerprint:
        what = "the environment is not the one that was built last" if note else "it is not known which environment was built last"
        return _Standing(None, None, None, what)
    if note.phase == INTENDED:
        ours = sorted((job for job in observed.jobs if job.job_id > note.job_id), key=lambda job: job.job_id)
        reason = "a run was cut off when it had just started the build" if ours else "a run was cut off before it started the build"
    else:
        ours = [job for job in observed.jobs if job.job_id == note.job_id]
        reason = "this is the environment that was built last" if ours else f"job {note.job_id}, which built the environment, does not exist any more"
    job = next((job for job in ours if not job.lost), None)
    lost = ours[-1] if ours and not job else None
    return _Standing(note, job, lost, f"job {lost.job_id}, which was to build the environment, ended {lost.status}" if lost else reason)


OUTDATED, TO_BE_BUILT, BEING_BUILT, NOT_BUILT, CURRENT = "outdated", "to be built", "being built", "not built", "current"


def fields(desired: Desired, observed: Observed) -> dict[str, t.Optional[str]]:
    """What differences are about: how far the environment is live, None if nobody knows, and the build that made it so."""
    note, job, lost, dummy = _standing(desired, observed)
    if job:
        live = BEING_BUILT if job.active or note.phase == INTENDED else CURRENT
    elif note is None:
        live = OUTDATED if observed.note else None
    else:
        live = NOT_BUILT if lost else TO_BE_BUILT if note.phase == INTENDED else None
    return {"live_environment": live, "build": str(observed.note.job_id) if observed.note and observed.note.phase == STARTED else None}


# The plan


@dataclass(frozen=True)
class Build(Plan):
    """The changes that lead to a build of the environment. Only the first is ready to be made: look again after each.

    job:        the one that builds, or has built, the environment
    lost:       the one that should have
    blocked_by: the one that has to be over before the first change; AWS runs one a branch
    """

    reason: str = ""
    job: t.Optional[Job] = None
    lost: t.Optional[Job] = None
    blocked_by: t.Optional[Job] = None

    @property
    def awaited(self) -> t.Optional[Job]:
        """The job that is to be over before anything else."""
        return self.blocked_by or (self.job if self.job and self.job.active and not self.changes else None)


def plan(desired: Desired, observed: Observed) -> Build:
    standing = _standing(desired, observed)
    if standing.job:
        changes = _Changes(desired, observed)
        if standing.note.phase == INTENDED:
            changes.note_start(standing.job.job_id)
        return Build(changes.made, reason=standing.reason, job=standing.job)
    changes = _Changes(desired, observed)
    if standing.note_first:
        changes.clean()
        changes.note_intent()
    changes.start()
    changes.note_start(None)
    blocked_by = next((job for job in observed.jobs if job.active), None)
    return Build(changes.made, reason=standing.reason, lost=standing.lost, blocked_by=blocked_by)


class _Changes:
    """Changes one after the other, each with what it makes of the fields as the one before leaves them."""

    def __init__(self, desired: Desired, observed: Observed) -> None:
        self._desired, self._observed = desired, observed
        self._fields: dict[str, t.Any] = fields(desired, observed)
        self.made: tuple[Change, ...] = ()

    def _add(self, operation: str, parameters: t.Mapping[str, t.Any], summary: str, **after: t.Any) -> None:
        differences = [Difference(str(self._desired), name, self._fields[name], value) for name, value in after.items() if value != self._fields[name]]
        self._fields.update(after)
        self.made += (Change(operation, parameters, tuple(differences), summary),)

    def clean(self) -> None:
        gone = outdated_notes(self._desired, self._observed)
        if gone:
            app = object_of(self._desired.app_id)
            self.made += (
                Change(
                    "untag_resource",
                    {"resourceArn": self._observed.arn, "tagKeys": gone},
                    # The note holds a hash of secrets.
                    tuple(Difference(app, f"tags.{key}", self._observed.tags[key], None, secret=True) for key in gone),
                    f"Remove the notes of branches that are gone from the tags of {app}: " + ", ".join(key[len(notes.PREFIX):] for key in gone),
                ),
            )

    def note_intent(self) -> None:
        newest = max((job.job_id for job in self._observed.jobs), default=0)
        self._note(Note(INTENDED, newest, self._observed.fingerprint), "before it is built", live_environment=TO_BE_BUILT, build=None)

    def note_start(self, job_id: t.Optional[int]) -> None:
        """job_id: None: only a real run knows it."""
        note = UNKNOWN if job_id is None else Note(STARTED, job_id, self._observed.fingerprint)
        self._note(note, "with the job that builds it", live_environment=CURRENT, build=UNKNOWN if job_id is None else str(job_id))

    def _note(self, note: t.Any, when: str, **after: t.Any) -> None:
        self._add(
            "tag_resource",
            {"resourceArn": self._observed.arn, "tags": {notes.key_of(self._desired.branch): str(note)}},
            f"Note the environment of {self._desired} in a tag of its app, {when}",
            **after,
        )

    def start(self) -> None:
        self._add(
            "start_job",
            {**self._desired.where, "jobType": JOB_TYPE, "jobReason": "The environment was not built yet"},
            f"Start a {JOB_TYPE} build of {self._desired}",
            live_environment=BEING_BUILT,
        )


# The app's tags


def _other_notes(desired: Desired, observed: Observed) -> set[str]:
    """The keys of the notes of other branches."""
    return {key for key in observed.tags if key.startswith(notes.PREFIX) and key != notes.key_of(desired.branch)}


def outdated_notes(desired: Desired, observed: Observed) -> list[str]:
    """The keys of the notes whose branches are gone; none where nobody asked which branches there are."""
    there = observed.branches
    return [] if there is None else sorted(_other_notes(desired, observed) - {notes.key_of(branch) for branch in there})


def _tags_in_the_way(desired: Desired, observed: Observed) -> list[str]:
    """The keys of the app's tags if they leave no room for the note."""
    # What AWS sets itself does not count.
    counted = {key for key in observed.tags if not key.startswith("aws:")} - set(outdated_notes(desired, observed))
    return sorted(counted) if notes.key_of(desired.branch) not in counted and len(counted) >= TAG_LIMIT else []


# Where there is no way on


def problems(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with a task's options, one sentence each."""
    seconds = parameters["wait_timeout"]
    return [*app_problems(parameters), *([f"wait_timeout is {seconds}: give seconds, at least 0."] if seconds < 0 else [])]


def refusals(desired: Desired, observed: Observed) -> list[str]:
    """Why the branch cannot be built, or that it is not known whether it is, each with the way out."""
    if observed.obstacle:
        return [observed.obstacle]
    if not observed.arn:
        return [f"AWS describes app {desired.app_id} without its ARN, so that its tags cannot be written. Run the task again."]
    job, tags, key = _standing(desired, observed).job, _tags_in_the_way(desired, observed), notes.key_of(desired.branch)
    if job:
        return [] if job.known else [
            f"Job {job.job_id} of branch {desired.branch}, which builds the environment, has {f'the status {job.status}' if job.status else 'no status'}, "
            "of which this module does not know whether the build is over. Look at the job in the Amplify console. To have the branch built anew, "
            f"remove the tag {key} of {observed.arn} (aws amplify untag-resource) and run the task again."
        ]
    return [] if not tags else [
        f"App {desired.app_id} has {len(tags)} tags, and AWS allows {TAG_LIMIT}: there is no room for {key}, the note of "
        "what was built, without which each run would build the branch. Remove a tag that nobody needs "
        f"(aws amplify untag-resource --resource-arn {observed.arn} --tag-keys KEY). There are: {', '.join(tags)}."
    ]


# What is told


def failure(desired: Desired, job: Job, steps: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[str, dict[str, t.Any]]:
    """Why a job has built nothing, with the way out; and what the result holds of it. steps: as GetJob tells them"""
    failed = next((step for step in steps if step.get("status") == "FAILED"), None)
    which = f"Job {job.job_id} of branch {desired.branch} of app {desired.app_id}"
    if job.status == "CANCELLED":
        return (
            f"{which} was cancelled before it was over: by somebody, or by Amplify itself, which with AMPLIFY_DIFF_DEPLOY cancels a push that changes "
            "nothing. Run the task again to build the branch."
        ), {}
    if not failed:
        return (
            f"{which} ended {job.status}, and AWS does not tell at which step. Look at the job in the Amplify console, put right what it names and run "
            "the task again, which builds the branch anew."
        ), {}
    step, reason, log = failed.get("stepName"), failed.get("statusReason"), failed.get("logUrl")
    return (
        f"{which} failed at the step {step or 'without a name'}"
        + (f": {reason}" if reason else "")
        + f". Its log: {log or 'see the job in the Amplify console'}. Put right what it names and run the task again, which builds the branch anew. "
        "Until then the app goes on as it was built before."
    ), {"failed_step": {"step_name": step, "status_reason": reason, "log_url": log}}


def shown(job: t.Optional[Job]) -> t.Optional[dict[str, t.Any]]:
    """A job as results show it, without what AWS does not tell; None if there is none."""
    if job is None:
        return None
    told = job.described
    times = {key: told[name].isoformat() if told.get(name) else None for key, name in (("start_time", "startTime"), ("end_time", "endTime"))}
    named = {key: told.get(name) for key, name in (("job_type", "jobType"), ("status", "status"), ("commit_id", "commitId"))}
    return dict(job_id=str(job.job_id), **named, **times)
