# SPDX-License-Identifier: GPL-3.0-or-later
"""Amplify Hosting in the sandbox does what AWS does. Raw boto3, none of our modules."""

from __future__ import annotations

import urllib.request

import pytest
from botocore.config import Config

from support.refusals import refused

JOB_STATES = ["PENDING", "PROVISIONING", "RUNNING", "SUCCEED"]


@pytest.fixture
def amplify(sandbox, estate):
    # botocore repeats LimitExceededException as if it were throttling, until the job in the way is over.
    return sandbox.client("amplify", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def app_id(estate):
    return estate["app_id"]


@pytest.fixture
def branch(estate):
    return {"appId": estate["app_id"], "branchName": estate["app_branch"]}


def variables(amplify, app_id):
    return amplify.get_app(appId=app_id)["app"].get("environmentVariables", {})


def watch(amplify, branch, job_id):
    """All states that the job goes through."""
    states = []
    while not states or states[-1] in ("PENDING", "PROVISIONING", "RUNNING", "CANCELLING"):
        status = amplify.get_job(jobId=job_id, **branch)["job"]["summary"]["status"]
        states += [] if states[-1:] == [status] else [status]
    return states


def start(amplify, branch, **parameters):
    return amplify.start_job(jobType="RELEASE", **branch, **parameters)["jobSummary"]


def built_environment(sandbox, job_id):
    (build,) = [build for build in sandbox.control.request("GET", "amplify/builds") if build["job_id"] == job_id]
    return build["environment"]


class TestEstate:
    def test_the_app_is_there_with_variables_of_its_own_and_was_built_by_a_push(self, amplify, app_id, branch, estate):
        app = amplify.get_app(appId=app_id)["app"]
        assert (app["name"], app["platform"]) == ("huntaze", "WEB_COMPUTE")
        assert app["repository"] and app["defaultDomain"] == f"{app_id}.amplifyapp.com"
        assert app["appArn"] == f"arn:aws:amplify:us-east-1:{estate['account_id']}:apps/{app_id}"
        assert {"_LIVE_UPDATES", "NEXT_PUBLIC_APP_NAME", "SESSION_SECRET"} == set(app["environmentVariables"])
        own = amplify.get_branch(**branch)["branch"]
        assert own.get("environmentVariables") == {"NEXT_PUBLIC_STAGE": "production"}
        assert (own["activeJobId"], own["totalNumberOfJobs"]) == ("1", "1")

    def test_a_reset_brings_it_back(self, sandbox, amplify, app_id):
        amplify.update_app(appId=app_id, environmentVariables={"A": "1"})
        sandbox.reset()
        assert "A" not in variables(amplify, sandbox.estate["app_id"])


class TestAppsAndBranches:
    def test_apps_come_in_pages(self, amplify):
        for number in range(3):
            amplify.create_app(name=f"app-{number}")
        first = amplify.list_apps(maxResults=2)
        assert len(first["apps"]) == 2
        rest = amplify.list_apps(maxResults=2, nextToken=first["nextToken"])
        assert "nextToken" not in rest
        assert {app["name"] for app in first["apps"] + rest["apps"]} == {"huntaze", "app-0", "app-1", "app-2"}

    def test_two_apps_may_have_one_name(self, amplify):
        ids = {amplify.create_app(name="twin")["app"]["appId"] for dummy in range(2)}
        assert len(ids) == 2

    def test_an_update_changes_only_what_is_given(self, amplify, app_id):
        before = amplify.get_app(appId=app_id)["app"]
        after = amplify.update_app(appId=app_id, description="new")["app"]
        assert after["updateTime"] > before["updateTime"]
        assert {**after, "updateTime": 0} == {**before, "description": "new", "updateTime": 0}

    def test_branches_have_any_name(self, amplify, app_id):
        name = "feature/a b#1"
        amplify.create_branch(appId=app_id, branchName=name, environmentVariables={"A": "1"})
        assert amplify.get_branch(appId=app_id, branchName=name)["branch"].get("environmentVariables", {}) == {"A": "1"}
        assert {own["branchName"] for own in amplify.list_branches(appId=app_id)["branches"]} == {"main", name}
        assert start(amplify, {"appId": app_id, "branchName": name})["jobId"] == "1"
        refused("BadRequestException", amplify.create_branch, appId=app_id, branchName=name)

    def test_what_does_not_exist_is_not_found(self, amplify, app_id, branch):
        refused("NotFoundException", amplify.get_app, appId="dxxxxxxxxxxxxx")
        refused("NotFoundException", amplify.update_app, appId="dxxxxxxxxxxxxx")
        refused("NotFoundException", amplify.get_branch, appId=app_id, branchName="nope")
        refused("NotFoundException", amplify.start_job, appId=app_id, branchName="nope", jobType="RELEASE")
        refused("NotFoundException", amplify.get_job, jobId="99", **branch)

    def test_what_is_deleted_is_gone(self, amplify, app_id, branch):
        amplify.delete_branch(**branch)
        refused("NotFoundException", amplify.get_branch, **branch)
        amplify.delete_app(appId=app_id)
        refused("NotFoundException", amplify.get_app, appId=app_id)


    def test_kind_07_what_was_not_given_is_not_answered(self, amplify):
        app = amplify.create_app(name="site")["app"]
        branch = amplify.create_branch(appId=app["appId"], branchName="main")["branch"]
        assert set(app) == {
            "appId", "appArn", "name", "createTime", "updateTime", "defaultDomain", "enableBranchAutoBuild", "enableBranchAutoDeletion", "enableBasicAuth",
            "customRules", "enableAutoBranchCreation", "platform",
        }
        assert set(branch) == {
            "branchArn", "branchName", "displayName", "stage", "enableNotification", "createTime", "updateTime", "enableAutoBuild", "totalNumberOfJobs",
            "enableBasicAuth", "ttl", "enablePullRequestPreview",
        }
        given = {"description": "d", "environmentVariables": {"A": "1"}, "tags": {"owner": "x"}}
        app = amplify.create_app(name="site", repository="https://github.com/x/y", **given)["app"]
        assert {name: app[name] for name in [*given, "repository"]} == {**given, "repository": "https://github.com/x/y"}
        branch = amplify.create_branch(appId=app["appId"], branchName="main", framework="Next.js - SSR", **given)["branch"]
        assert {name: branch[name] for name in [*given, "framework"]} == {**given, "framework": "Next.js - SSR"}


class TestVariables:
    """Those of an app; a branch takes the same way."""

    def test_the_map_is_replaced_as_a_whole(self, amplify, app_id):
        amplify.update_app(appId=app_id, environmentVariables={"A": "1", "B": "2"})
        amplify.update_app(appId=app_id, environmentVariables={"B": "3"})
        assert variables(amplify, app_id) == {"B": "3"}

    def test_that_of_a_branch_too(self, amplify, branch):
        amplify.update_branch(environmentVariables={"A": "1"}, **branch)
        assert amplify.get_branch(**branch)["branch"].get("environmentVariables", {}) == {"A": "1"}

    @pytest.mark.parametrize("given", [{}, {"environmentVariables": {}}])
    def test_nothing_and_an_empty_map_clear_nothing(self, amplify, app_id, given):
        before = variables(amplify, app_id)
        amplify.update_app(appId=app_id, **given)
        assert variables(amplify, app_id) == before

    def test_an_empty_name_is_refused(self, amplify, app_id):
        before = variables(amplify, app_id)
        message = refused("BadRequestException", amplify.update_app, appId=app_id, environmentVariables={"": ""})
        assert message == "Environment variables cannot have an empty key."
        assert variables(amplify, app_id) == before

    def test_a_blank_name_clears_and_reads_back_as_nothing(self, amplify, app_id, branch):
        amplify.update_app(appId=app_id, environmentVariables={" ": ""})
        amplify.update_branch(environmentVariables={" ": ""}, **branch)
        assert variables(amplify, app_id) == {}
        assert amplify.get_branch(**branch)["branch"].get("environmentVariables", {}) == {}

    @pytest.mark.parametrize("name", ["AWS_REGION", "AWSOME"])
    def test_names_that_begin_with_aws_are_refused_on_every_way_in(self, amplify, app_id, branch, name):
        given = {"environmentVariables": {"A": "1", name: "x"}}
        for call, parameters in (
            (amplify.update_app, {"appId": app_id}),
            (amplify.update_branch, branch),
            (amplify.create_app, {"name": "other"}),
            (amplify.create_branch, {"appId": app_id, "branchName": "other"}),
        ):
            message = refused("BadRequestException", call, **parameters, **given)
            assert message == 'Environment variables cannot start with the reserved prefix "AWS".'

    def test_a_name_has_255_characters_at_most_and_a_value_5500(self, amplify, app_id):
        longest = {"N" * 255: "v" * 5500}
        amplify.update_app(appId=app_id, environmentVariables=longest)
        refused("BadRequestException", amplify.update_app, appId=app_id, environmentVariables={"N" * 256: ""})
        refused("BadRequestException", amplify.update_app, appId=app_id, environmentVariables={"N": "v" * 5501})
        assert variables(amplify, app_id) == longest

    def test_values_are_returned_in_clear(self, amplify, app_id):
        amplify.update_app(appId=app_id, environmentVariables={"SECRET": "in clear"})
        assert variables(amplify, app_id) == {"SECRET": "in clear"}
        assert {"SECRET": "in clear"} in [app.get("environmentVariables") for app in amplify.list_apps()["apps"]]


class TestTags:
    def test_they_are_given_at_creation_added_and_taken_away(self, amplify):
        app = amplify.create_app(name="tagged", tags={"a": "1"})["app"]
        amplify.tag_resource(resourceArn=app["appArn"], tags={"a": "2", "b:c/d": "x y+=.@"})
        assert amplify.list_tags_for_resource(resourceArn=app["appArn"])["tags"] == {"a": "2", "b:c/d": "x y+=.@"}
        assert amplify.get_app(appId=app["appId"])["app"]["tags"] == {"a": "2", "b:c/d": "x y+=.@"}
        amplify.untag_resource(resourceArn=app["appArn"], tagKeys=["a"])
        assert amplify.list_tags_for_resource(resourceArn=app["appArn"])["tags"] == {"b:c/d": "x y+=.@"}

    @pytest.mark.parametrize("tag", [{"k": "v" * 257}, {"k" * 129: ""}, {"aws:k": ""}, {"k": "a$b"}, {"k#": ""}])
    def test_limits_and_characters(self, amplify, app_id, tag):
        arn = amplify.get_app(appId=app_id)["app"]["appArn"]
        refused("BadRequestException", amplify.tag_resource, resourceArn=arn, tags=tag)

    def test_fifty_at_most(self, amplify, app_id):
        arn = amplify.get_app(appId=app_id)["app"]["appArn"]
        amplify.tag_resource(resourceArn=arn, tags={f"k{number}": "" for number in range(50)})
        refused("BadRequestException", amplify.tag_resource, resourceArn=arn, tags={"more": ""})

    def test_an_unknown_resource_has_an_error_of_its_own(self, amplify, app_id):
        arn = amplify.get_app(appId=app_id)["app"]["appArn"] + "x"
        refused("ResourceNotFoundException", amplify.list_tags_for_resource, resourceArn=arn)
        refused("ResourceNotFoundException", amplify.tag_resource, resourceArn=arn, tags={"a": ""})


class TestJobs:
    def test_a_release_goes_through_its_states(self, sandbox, amplify, branch):
        sandbox.settings(transition_seconds=1)
        started = start(amplify, branch)
        assert (started["jobId"], started["status"]) == ("2", "PENDING")
        assert started["jobArn"].endswith("/branches/main/jobs/0000000002")
        assert watch(amplify, branch, "2") == JOB_STATES
        job = amplify.get_job(jobId="2", **branch)["job"]
        assert [(step["stepName"], step["status"]) for step in job["steps"]] == [(name, "SUCCEED") for name in ("BUILD", "DEPLOY", "VERIFY")]
        assert (job["summary"]["endTime"] - job["summary"]["startTime"]).total_seconds() == pytest.approx(1, abs=0.1)
        assert amplify.get_branch(**branch)["branch"]["activeJobId"] == "2"

    def test_new_values_apply_only_after_a_build(self, sandbox, amplify, app_id, branch):
        before = built_environment(sandbox, "1")
        amplify.update_app(appId=app_id, environmentVariables={"A": "app", "B": "app"})
        amplify.update_branch(environmentVariables={"B": "branch"}, **branch)
        assert built_environment(sandbox, "1") == before
        start(amplify, branch)
        watch(amplify, branch, "2")
        assert built_environment(sandbox, "2") == {"A": "app", "B": "branch"}

    def test_a_build_that_has_begun_does_not_see_later_values(self, sandbox, amplify, app_id, branch):
        amplify.update_app(appId=app_id, environmentVariables={"A": "old"})
        sandbox.settings(transition_seconds=1)
        start(amplify, branch)
        while amplify.get_job(jobId="2", **branch)["job"]["summary"]["status"] != "RUNNING":
            pass
        amplify.update_app(appId=app_id, environmentVariables={"A": "new"})
        assert built_environment(sandbox, "2")["A"] == "old"

    @pytest.mark.parametrize("step", ["BUILD", "DEPLOY", "VERIFY"])
    def test_one_that_fails_says_at_which_step_and_where_its_log_is(self, sandbox, amplify, app_id, branch, step):
        sandbox.settings(amplify_fail_step=step)
        start(amplify, branch)
        assert watch(amplify, branch, "2")[-1] == "FAILED"
        steps = {seen["stepName"]: seen for seen in amplify.get_job(jobId="2", **branch)["job"]["steps"]}
        assert [name for name, seen in steps.items() if seen["status"] == "FAILED"] == [step]
        assert steps[step]["statusReason"]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        log = opener.open(steps[step]["logUrl"]).read().decode()
        assert steps[step]["statusReason"] in log
        assert amplify.get_app(appId=app_id)["app"].get("environmentVariables", {})["SESSION_SECRET"] not in log
        assert amplify.get_branch(**branch)["branch"]["activeJobId"] == "1"

    def test_only_one_at_a_time(self, sandbox, amplify, branch):
        sandbox.settings(transition_seconds=1)
        start(amplify, branch)
        message = refused("LimitExceededException", amplify.start_job, jobType="RELEASE", **branch)
        assert message == "The requested branch main already have pending or running jobs"
        watch(amplify, branch, "2")
        assert start(amplify, branch)["jobId"] == "3"

    def test_on_another_branch_is_another_matter(self, sandbox, amplify, app_id, branch):
        sandbox.settings(transition_seconds=1)
        amplify.create_branch(appId=app_id, branchName="other")
        start(amplify, branch)
        start(amplify, {"appId": app_id, "branchName": "other"})

    def test_a_release_needs_a_repository(self, amplify):
        by_hand = amplify.create_app(name="by-hand")["app"]["appId"]
        amplify.create_branch(appId=by_hand, branchName="main")
        refused("BadRequestException", amplify.start_job, appId=by_hand, branchName="main", jobType="RELEASE")

    def test_types_that_only_aws_starts_are_refused(self, amplify, branch):
        assert refused("BadRequestException", amplify.start_job, jobType="MANUAL", **branch) == "The requested jobType MANUAL does not support."

    def test_a_retry_names_a_job(self, amplify, branch):
        refused("NotFoundException", amplify.start_job, jobType="RETRY", jobId="99", **branch)
        assert amplify.start_job(jobType="RETRY", jobId="1", **branch)["jobSummary"]["jobId"] == "2"

    def test_a_retry_builds_the_same_commit(self, amplify, branch):
        start(amplify, branch, commitId="abc123", commitMessage="A change")
        watch(amplify, branch, "2")
        retried = amplify.start_job(jobType="RETRY", jobId="2", **branch)["jobSummary"]
        assert (retried["commitId"], retried["commitMessage"]) == ("abc123", "A change")

    def test_the_newest_comes_first(self, amplify, branch):
        for number in "23":
            start(amplify, branch)
            watch(amplify, branch, number)
        assert [job["jobId"] for job in amplify.list_jobs(**branch)["jobSummaries"]] == ["3", "2", "1"]
        pages = amplify.get_paginator("list_jobs").paginate(PaginationConfig={"PageSize": 1}, **branch)
        assert [job["jobId"] for page in pages for job in page["jobSummaries"]] == ["3", "2", "1"]

    def test_kind_07_answers_hold_what_aws_was_seen_to_answer_and_no_more(self, amplify, branch):
        start(amplify, branch)
        watch(amplify, branch, "2")
        recorded = {"jobArn", "jobId", "commitId", "commitTime", "startTime", "status", "endTime"}
        summaries = [*amplify.list_jobs(**branch)["jobSummaries"], amplify.get_job(jobId="2", **branch)["job"]["summary"]]
        assert [set(summary) for summary in summaries] == [recorded] * 3
        assert summaries[0]["commitId"] == "HEAD"

    def test_one_that_is_stopped_is_cancelled(self, sandbox, amplify, branch):
        sandbox.settings(transition_seconds=1)
        start(amplify, branch)
        assert amplify.stop_job(jobId="2", **branch)["jobSummary"]["status"] == "CANCELLING"
        assert watch(amplify, branch, "2")[-1] == "CANCELLED"
        assert built_environment(sandbox, "2") is None
        refused("BadRequestException", amplify.stop_job, jobId="2", **branch)

    def test_numbers_are_not_given_twice(self, amplify, branch):
        start(amplify, branch)
        watch(amplify, branch, "2")
        amplify.delete_job(jobId="2", **branch)
        refused("NotFoundException", amplify.get_job, jobId="2", **branch)
        assert start(amplify, branch)["jobId"] == "3"


class TestDeployments:
    """Of files that were uploaded, where no repository is connected."""

    @pytest.fixture
    def by_hand(self, amplify):
        app_id = amplify.create_app(name="by-hand")["app"]["appId"]
        amplify.create_branch(appId=app_id, branchName="main")
        return {"appId": app_id, "branchName": "main"}

    def test_kind_07_they_answer_as_recorded(self, amplify, by_hand):
        created = amplify.create_deployment(**by_hand)
        assert created["jobId"] == "1" and created["zipUploadUrl"]
        started = amplify.start_deployment(jobId="1", **by_hand)["jobSummary"]
        assert set(started) == {"jobArn", "jobId", "status"} and started["status"] == "PENDING"
        watch(amplify, by_hand, "1")
        amplify.start_deployment(sourceUrl="https://example.com/site.zip", **by_hand)
        watch(amplify, by_hand, "2")
        newest, oldest = amplify.list_jobs(**by_hand)["jobSummaries"]
        assert set(newest) == {"jobArn", "jobId", "startTime", "status", "endTime", "sourceUrl", "sourceUrlType"}
        assert set(oldest) == {"jobArn", "jobId", "startTime", "status", "endTime"}
        assert newest["sourceUrlType"] == "ZIP"

    def test_they_see_no_variables(self, sandbox, amplify, by_hand):
        amplify.update_app(appId=by_hand["appId"], environmentVariables={"A": "1"})
        amplify.start_deployment(sourceUrl="https://example.com/site.zip", **by_hand)
        watch(amplify, by_hand, "1")
        (build,) = [build for build in sandbox.control.request("GET", "amplify/builds") if build["app_id"] == by_hand["appId"]]
        assert build["environment"] is None

    def test_what_aws_refuses(self, sandbox, amplify, by_hand, branch):
        assert refused("BadRequestException", amplify.create_deployment, **branch) == "Operation not supported. App is already connected a repository."
        assert "Must specify jobId or sourceUrl" in refused("BadRequestException", amplify.start_deployment, **by_hand)
        refused("NotFoundException", amplify.start_deployment, jobId="7", **by_hand)
        amplify.create_deployment(**by_hand)
        assert "job(deployment) 1 was not finished" in refused("BadRequestException", amplify.create_deployment, **by_hand)


class TestPreviews:
    def test_kind_22_a_build_that_is_asked_for_builds_the_branch_it_goes_into(self, sandbox, amplify, app_id, branch):
        sandbox.control.request("POST", "amplify/pull-requests", {"app_id": app_id, "number": 7, "source": "feature", "destination": "main"})
        preview = {"appId": app_id, "branchName": "pr-7"}
        described = amplify.get_branch(**preview)["branch"]
        assert (described["stage"], described["sourceBranch"], described["destinationBranch"]) == ("PULL_REQUEST", "feature", "main")
        amplify.update_branch(environmentVariables={"A": "of the preview"}, **preview)
        amplify.start_job(jobType="RELEASE", **preview)
        watch(amplify, preview, "1")
        seen = [build["environment"] for build in sandbox.control.request("GET", "amplify/builds") if build["branch"] == "pr-7"]
        assert "A" not in seen[0] and seen[0]["NEXT_PUBLIC_STAGE"] == "production"


def test_a_lost_answer_leaves_a_job_behind_and_a_blind_repetition_another(sandbox, estate, branch):
    """Why nobody should leave StartJob to botocore's retries."""
    sandbox.settings(transition_seconds=0)
    patient = sandbox.client("amplify")
    with sandbox.fault("lost_answer", service="amplify", operation="StartJob", times=1):
        patient.start_job(jobType="RELEASE", **branch)
    assert len(patient.list_jobs(**branch)["jobSummaries"]) == 3


def test_an_impossible_setting_is_refused(sandbox, estate):
    with pytest.raises(ValueError, match="amplify_fail_step"):
        sandbox.settings(amplify_fail_step="TEST")
