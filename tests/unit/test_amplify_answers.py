# SPDX-License-Identifier: GPL-3.0-or-later
"""Both modules for Amplify against a small Amplify whose answers lack a field, or whose errors quote the variables."""

from __future__ import annotations

import copy
import datetime as dt
import json
import types

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils import _apply
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import note as notes
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import policy
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

    def __init__(self, left_out=(), status="SUCCEED", refuses=None):
        self.left_out, self.status, self.refuses = left_out, status, refuses
        self.app = {"appId": "d1a2b3c4d5e6f7", "appArn": ARN, "name": "site", "repository": "https://x", "tags": {"huntaze:build:old": "x"}}
        self.app["environmentVariables"] = {"THEIRS": "canary-theirs"}
        self.branch = {"branchName": "main", "branchArn": f"{ARN}/branches/main", "createTime": MOMENT, "stage": "PRODUCTION"}
        self.branch["environmentVariables"] = {"THEIRS": "canary-theirs"}
        self.jobs = []

    def answer(self, name, value):
        answer = {name: copy.deepcopy(value)}
        for part in answer[name] if isinstance(value, list) else [answer[name]]:
            *path, last = self.left_out or (None,)
            for key in path:
                part = part.get(key, {}) if isinstance(part, dict) else part[0] if part else {}
            part.pop(last, None)
        return answer

    def get_app(self, appId):
        return self.answer("app", self.app)

    def get_branch(self, appId, branchName):
        return self.answer("branch", self.branch)

    def list_jobs(self, **where):
        return self.answer("jobSummaries", self.jobs)

    def get_job(self, jobId, **where):
        steps = [{"stepName": "BUILD", "status": self.status, "startTime": MOMENT, "endTime": MOMENT, "statusReason": "no", "logUrl": "https://log"}]
        job = {"summary": next(job for job in self.jobs if job["jobId"] == jobId), "steps": steps}
        return self.answer("job", job) if self.left_out[:1] == ("steps",) else {"job": {**job, "summary": self.answer("s", job["summary"])["s"]}}

    def get_paginator(self, operation):
        return types.SimpleNamespace(paginate=lambda **where: [self.answer("branches", [self.branch])])

    def start_job(self, **request):
        job = {"jobArn": "arn", "jobId": str(len(self.jobs) + 1), "commitId": "HEAD", "startTime": MOMENT, "endTime": MOMENT, "status": self.status}
        self.jobs.insert(0, job)

    def tag_resource(self, resourceArn, tags):
        self.app["tags"].update(tags)

    def untag_resource(self, resourceArn, tagKeys):
        for key in tagKeys:
            del self.app["tags"][key]

    def update_branch(self, appId, branchName, environmentVariables):
        if self.refuses:
            raise self.refuses(environmentVariables)
        self.branch["environmentVariables"] = environmentVariables


class Ended(Exception):
    pass


def run(monkeypatch, module, amplify, params, check=False):
    """What the module's main() ends with."""
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
    # The real ones are slow by design.
    monkeypatch.setattr(notes, "fingerprint_of", lambda environment, note: "a/b")
    clock = Clock()
    monkeypatch.setattr(_apply, "time", clock)
    monkeypatch.setattr(amplify_deployment, "time", clock)
    with pytest.raises(Ended):
        module.main()
    return results[0]


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
    amplify.tag_resource("", {notes.key_of("main"): str(notes.Note(notes.INTENDED, 0, "a/b"))})
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
