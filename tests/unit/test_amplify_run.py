# SPDX-License-Identifier: GPL-3.0-or-later
"""Both modules for Amplify in this process, against a small Amplify: from every state, killed after any call, with answers that lack a field."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
import types

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils import _apply
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import note as notes
from ansible_collections.huntaze.ai_system.plugins.modules import amplify_deployment, amplify_environment
from botocore.exceptions import ClientError
from support.clock import Clock

MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
ARN = "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7"
OPTIONS = {"app_id": "d1a2b3c4d5e6f7", "app_name": None, "branch": "main", "aws_config": None}
BUILD = {**OPTIONS, "environment_changes": False, "wait": True, "wait_timeout": 2400}
VARIABLES = {**OPTIONS, "variables": {"A": "1"}, "secret_variables": {"B": "canary-ours"}, "state": "present", "purge": False}


def error(code, text="", status=400):
    return ClientError({"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")


class Amplify:
    """One app with one branch, every job of which ends at once. left_out: the path of a field that no answer has."""

    exceptions = types.SimpleNamespace(NotFoundException=type("NotFoundException", (ClientError,), {}))
    meta = types.SimpleNamespace(region_name="us-east-1")

    def __init__(self, left_out=(), status="SUCCEED", refuses=None):
        self.left_out, self.status, self.refuses = left_out, status, refuses
        self.app = {"appId": "d1a2b3c4d5e6f7", "appArn": ARN, "name": "site", "repository": "https://x", "tags": {"huntaze:build:old": "x"}}
        self.app["environmentVariables"] = {"THEIRS": "canary-theirs"}
        self.branch = {"branchName": "main", "branchArn": f"{ARN}/branches/main", "createTime": MOMENT, "stage": "PRODUCTION"}
        self.branch["environmentVariables"] = {"THEIRS": "canary-theirs"}
        self.jobs = []
        self.changes = 0
        self.kill_after = None

    def changed(self):
        self.changes += 1
        if self.changes == self.kill_after:
            raise Killed

    def found(self, what, there):
        if not there:
            raise self.exceptions.NotFoundException({"Error": {"Code": "NotFoundException", "Message": f"{what} not found."}}, "Get")

    def answer(self, name, value):
        answer = {name: copy.deepcopy(value)}
        for part in answer[name] if isinstance(value, list) else [answer[name]]:
            *path, last = self.left_out or (None,)
            for key in path:
                part = part.get(key, {}) if isinstance(part, dict) else part[0] if part else {}
            part.pop(last, None)
        return answer

    def get_app(self, appId):
        self.found(f"App {appId}", appId == self.app["appId"])
        return self.answer("app", self.app)

    def get_branch(self, appId, branchName):
        self.found(f"Branch {branchName}", branchName == "main")
        return self.answer("branch", self.branch)

    def list_jobs(self, **where):
        return self.answer("jobSummaries", self.jobs)

    def get_job(self, jobId, **where):
        steps = [{"stepName": "BUILD", "status": self.status, "startTime": MOMENT, "endTime": MOMENT, "statusReason": "no", "logUrl": "https://log"}]
        job = {"summary": next(job for job in self.jobs if job["jobId"] == jobId), "steps": steps}
        return self.answer("job", job) if self.left_out[:1] == ("steps",) else {"job": {**job, "summary": self.answer("s", job["summary"])["s"]}}

    def get_paginator(self, operation):
        class Pages(list):
            def build_full_result(self):
                return self[0]

        return types.SimpleNamespace(paginate=lambda **where: Pages([{**self.answer("branches", [self.branch]), **self.answer("apps", [self.app])}]))

    def start_job(self, **request):
        job = {"jobArn": "arn", "jobId": str(len(self.jobs) + 1), "commitId": "HEAD", "startTime": MOMENT, "endTime": MOMENT, "status": self.status}
        self.jobs.insert(0, job)
        self.changed()

    def tag_resource(self, resourceArn, tags):
        self.app["tags"].update(tags)
        self.changed()

    def untag_resource(self, resourceArn, tagKeys):
        for key in tagKeys:
            del self.app["tags"][key]
        self.changed()

    def update_branch(self, appId, branchName, environmentVariables):
        if self.refuses:
            raise self.refuses(environmentVariables)
        self.branch["environmentVariables"] = environmentVariables


class Ended(Exception):
    pass


class Killed(BaseException):
    pass


def fingerprint(environment):
    return "ab/" + hashlib.sha256(environment.encode()).hexdigest()


def run(monkeypatch, module, amplify, params, check=False):
    """What the module's main() ends with; None if it was killed."""
    results = []

    def end(**result):
        results.append(result)
        raise Ended

    fake = types.SimpleNamespace(
        params=dict(params), check_mode=check, region="us-east-1", exit_json=end, warn=lambda text: None,
        fail_json=lambda msg, **result: end(msg=msg, failed=True, **result),
    )
    monkeypatch.setattr(module, "AnsibleAWSModule", lambda **spec: fake)
    monkeypatch.setattr(module, "client", lambda *arguments: amplify)
    monkeypatch.setattr(module, "client_without_retries", lambda *arguments: amplify)
    # The real one is slow by design.
    monkeypatch.setattr(notes, "fingerprint_of", lambda environment, note: fingerprint(environment))
    clock = Clock()
    monkeypatch.setattr(_apply, "time", clock)
    monkeypatch.setattr(amplify_deployment, "time", clock)
    with pytest.raises((Ended, Killed)):
        module.main()
    return results[0] if results else None


def changes_of(monkeypatch, amplify, check=False, **options):
    amplify.changes = 0
    return run(monkeypatch, amplify_deployment, amplify, {**BUILD, **options}, check=check)


def in_state(monkeypatch, state):
    """An Amplify in this state, without notes of other branches."""
    amplify = Amplify(status="FAILED" if state == "failed" else "SUCCEED")
    amplify.app["tags"] = {}
    if state not in ("never built", "another build is under way"):
        amplify.kill_after = {"cut off before": 1, "cut off after": 2, "cut off at the end": 3}.get(state)
        assert (changes_of(monkeypatch, amplify) is None) == state.startswith("cut off")
    if state == "another build is under way":
        amplify.jobs.insert(0, {"jobId": "1", "status": "RUNNING"})
    if state == "changed":
        amplify.app["environmentVariables"]["MORE"] = "2"
    amplify.status, amplify.kill_after = "SUCCEED", None
    return amplify


STATES = ["never built", "built", "changed", "failed", "another build is under way", "cut off before", "cut off after", "cut off at the end"]


@pytest.mark.parametrize("state", STATES)
def test_check_mode_announces_what_the_run_does(monkeypatch, state):
    amplify = in_state(monkeypatch, state)
    before = copy.deepcopy(amplify.jobs)
    announced = changes_of(monkeypatch, amplify, check=True)
    assert amplify.changes == 0 and amplify.jobs == before
    for job in amplify.jobs:  # whatever is under way is stopped
        job["status"] = job["status"].replace("RUNNING", "CANCELLED")
    made = changes_of(monkeypatch, amplify)
    assert not made.get("failed"), made
    for key in ("changed", "steps", "reason", "app_id", "branch"):
        assert announced[key] == made[key], key
    assert announced["diff"]["before"] == made["diff"]["before"]
    last = announced["diff"]["after"].get("branch d1a2b3c4d5e6f7/main", {})
    if last.get("build") == "(known after apply)":
        last["build"] = made["job"]["job_id"]
    assert announced["diff"]["after"] == made["diff"]["after"]
    assert amplify.jobs[0]["status"] == "SUCCEED" and not changes_of(monkeypatch, amplify)["changed"]


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("kill_after", [1, 2, 3])
def test_a_run_killed_after_any_change_is_completed_with_one_build(monkeypatch, kill_after, ended):
    amplify = in_state(monkeypatch, "changed")
    amplify.status, amplify.kill_after = "SUCCEED" if ended else "RUNNING", kill_after
    assert changes_of(monkeypatch, amplify) is None
    amplify.status, amplify.kill_after = "SUCCEED", None
    look, looks = amplify.list_jobs, []

    def some_time_later(**where):
        # The job that was left running is over once it was seen.
        answer = look(**where)
        looks.append(amplify.jobs[0].update(status="SUCCEED"))
        return answer

    amplify.list_jobs = some_time_later
    result = changes_of(monkeypatch, amplify)
    steps = [
        "Note the environment of branch d1a2b3c4d5e6f7/main in a tag of its app, before it is built",
        "Start a RELEASE build of branch d1a2b3c4d5e6f7/main",
        "Note the environment of branch d1a2b3c4d5e6f7/main in a tag of its app, with the job that builds it",
    ]
    assert not result.get("failed") and result["steps"] == steps[kill_after:], result
    assert [(job["jobId"], job["status"]) for job in amplify.jobs] == [("2", "SUCCEED"), ("1", "SUCCEED")]
    assert amplify.changes == 3 - kill_after and not changes_of(monkeypatch, amplify)["changed"]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("args", [{"branch": "nope"}, {"app_id": "dnosuchapp"}, {"app_id": None, "app_name": "nosuchapp"}], ids=str)
def test_kind_16_what_is_not_found_is_named_with_the_way_out(monkeypatch, args, check):
    result = changes_of(monkeypatch, Amplify(), check, **args)
    assert result["failed"] and list(args.values())[-1] in result["msg"] and "Correct app_" in result["msg"]
    assert (result["changed"], result["steps"], result["left"]) == (False, [], [])


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("app", "branch", "expected"),
    [
        ({"repository": None}, {}, "not connected to a repository"),
        ({}, {"sourceBranch": "feature", "destinationBranch": "main"}, "name the branch main"),
        ({"tags": {f"k{number}": "" for number in range(50)}}, {}, "50 tags"),
    ],
)
def test_what_cannot_be_built_is_refused_in_check_mode_too_before_anything_is_done(monkeypatch, app, branch, expected, check):
    amplify = Amplify()
    amplify.app.update(app)
    amplify.branch.update(branch)
    result = changes_of(monkeypatch, amplify, check)
    assert result["failed"] and expected in result["msg"] and expected in " ".join(result["problems"])
    assert (result["changed"], result["steps"], amplify.changes) == (False, [], 0)


APP = ["appArn", "name", "repository", "tags", "environmentVariables"]
BRANCH = ["branchArn", "createTime", "stage", "environmentVariables"]
JOB = ["jobArn", "commitId", "startTime", "endTime", "status"]
STEPS = [("steps",), *(("steps", 0, name) for name in ("stepName", "status", "startTime", "endTime", "statusReason", "logUrl"))]


@pytest.mark.parametrize("status", ["SUCCEED", "FAILED", "CANCELLED", "PAUSED"])
@pytest.mark.parametrize("left_out", [(), *((name,) for name in [*APP, *BRANCH, *JOB]), *STEPS], ids=str)
def test_kind_07_a_build_ends_well_or_says_what_is_missing_whatever_an_answer_lacks(monkeypatch, left_out, status):
    amplify = Amplify(left_out, status)
    result = run(monkeypatch, amplify_deployment, amplify, BUILD)
    if not result.get("failed"):
        assert status == "SUCCEED" and result["job"]["job_id"] == "1" and result["changed"]
        assert "huntaze:build:old" not in amplify.app["tags"] or left_out == ("tags",)
        return
    assert result["changed"] == bool(result["steps"]) and isinstance(result["left"], list)
    named = {("repository",): "repository", ("tags",): "does not show it", ("status",): "no status"}.get(left_out)
    assert named or status != "SUCCEED", result["msg"]
    expected = {"FAILED": "failed at the step", "CANCELLED": "was cancelled", "PAUSED": "the status PAUSED"}.get(status, "")
    if left_out[:1] == ("steps",) and status == "FAILED" and left_out[-1] in ("steps", "status"):
        expected = "ended FAILED, and AWS does not tell at which step"
    assert (named or expected) in result["msg"] and result["msg"].strip().endswith((".", "that first.")), result["msg"]


@pytest.mark.parametrize("branch", ["main", None])
@pytest.mark.parametrize("left_out", sorted({*APP, *BRANCH}))
def test_kind_07_variables_are_read_whatever_an_answer_lacks(monkeypatch, left_out, branch):
    result = run(monkeypatch, amplify_environment, Amplify((left_out,)), {**VARIABLES, "branch": branch}, check=True)
    assert result["steps"] and result["changed"]


def quoting(given):
    text = json.dumps(given).replace('"', "")
    return error("BadRequestException", f"1 validation error detected: Value '{text}' at 'environmentVariables' failed; THEIRS is canary-theirs")


def test_kind_05_an_error_of_aws_that_quotes_the_variables_shows_none(monkeypatch):
    result = run(monkeypatch, amplify_environment, Amplify(refuses=quoting), VARIABLES)
    assert result["failed"] and "1 validation error detected" in result["msg"] and result["error"]["code"] == "BadRequestException"
    assert "canary" not in json.dumps(result)
    assert (result["changed"], result["steps"], len(result["left"])) == (False, [], 1)


def test_kind_17_an_error_after_the_start_tells_that_it_was_started(monkeypatch):
    amplify = Amplify()
    amplify.tag_resource("", {notes.key_of("main"): str(notes.Note(notes.INTENDED, 0, fingerprint(notes.environment_of(amplify.app, amplify.branch))))})
    start, look = amplify.start_job, amplify.list_jobs

    def started(**request):
        start(**request)
        amplify.list_jobs = denied

    def denied(**where):
        amplify.list_jobs = look
        raise error("AccessDeniedException", "not authorized", 403)

    amplify.start_job = started
    result = run(monkeypatch, amplify_deployment, amplify, BUILD)
    assert result["failed"] and "not authorized" in result["msg"]
    assert result["steps"] == ["Start a RELEASE build of branch d1a2b3c4d5e6f7/main"] and result["changed"]
    assert result["left"] == ["Note the environment of branch d1a2b3c4d5e6f7/main in a tag of its app, with the job that builds it"]
