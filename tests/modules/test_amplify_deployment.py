# SPDX-License-Identifier: GPL-3.0-or-later
"""amplify_deployment against the sandbox: when it builds, when not, and what it survives."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from support.waiting import until

TAG = "huntaze:build:main"
STEPS = [
    "Note the environment of branch {}/main in a tag of its app, before it is built",
    "Start a RELEASE build of branch {}/main",
    "Note the environment of branch {}/main in a tag of its app, with the job that builds it",
]
CANARY = "canary-5d03b7"


class Site:
    """The estate's branch, through the module and through eyes that are not the module's."""

    def __init__(self, sandbox, run_module, estate):
        self.sandbox, self._run_module = sandbox, run_module
        self.id = estate["app_id"]
        self.branch = {"appId": self.id, "branchName": estate["app_branch"]}
        self.amplify = sandbox.client("amplify", config=Config(retries={"total_max_attempts": 1}))
        self.arn = self.amplify.get_app(appId=self.id)["app"]["appArn"]
        self.steps = [step.format(self.id) for step in STEPS]

    def run(self, check=False, kill_after=None, **args):
        self.sandbox.control.forget_calls()
        where = {} if "app_name" in args else {"app_id": self.id}
        return self._run_module("amplify_deployment", {**where, "branch": "main", **args}, check=check, kill_after=kill_after)

    def set(self, **variables):
        """Change variables as amplify_environment does, or anybody else."""
        there = self.amplify.get_app(appId=self.id)["app"].get("environmentVariables", {})
        self.amplify.update_app(appId=self.id, environmentVariables={**there, **variables})

    def push(self):
        """A build that is none of ours."""
        return self.amplify.start_job(jobType="RELEASE", **self.branch)["jobSummary"]["jobId"]

    def push_without_end(self):
        """One that is not over before it is stopped, however slow the machine."""
        self.sandbox.settings(transition_seconds=3600)
        job_id = self.push()
        self.sandbox.settings(transition_seconds=0)
        return job_id

    def stop(self, job_id):
        self.amplify.stop_job(jobId=job_id, **self.branch)

    def wait(self, job_id):
        until(lambda: self.amplify.get_job(jobId=job_id, **self.branch)["job"]["summary"]["status"] == "SUCCEED", what="the build's end")

    def builds(self):
        """Number and state of every job since the estate's own."""
        return [(job["job_id"], job["status"]) for job in self.sandbox.control.request("GET", "amplify/builds")[1:]]

    def built(self, job_id):
        """The variables that a build saw."""
        (environment,) = [job["environment"] for job in self.sandbox.control.request("GET", "amplify/builds") if job["job_id"] == job_id]
        return environment

    def changes(self):
        """The changing calls made since the last run began."""
        return {name: count for name, count in self.sandbox.calls().items() if not name.startswith(("amplify.Get", "amplify.List"))}


@pytest.fixture
def site(sandbox, run_module, estate):
    # Builds are over at once, but for tests that are about waiting.
    sandbox.settings(transition_seconds=0)
    return Site(sandbox, run_module, estate)


def test_an_environment_that_was_never_built_is_built_once_and_waited_for(site):
    site.sandbox.settings(transition_seconds=1)
    site.set(A="1")
    result = site.run(app_name="huntaze")
    assert result["changed"] and result["steps"] == site.steps and result["app_id"] == site.id, result.output
    assert site.changes() == {"amplify.TagResource": 2, "amplify.StartJob": 1}
    assert "not known" in result["reason"]
    assert {(one["object"], one["field"]) for one in result["differences"]} == {(f"branch {site.id}/main", field) for field in ("live_environment", "build")}
    assert result["diff"] == {"before": {}, "after": {f"branch {site.id}/main": {"live_environment": "current", "build": "2"}}}
    assert (result["job"]["job_id"], result["job"]["status"]) == ("2", "SUCCEED")
    assert result["job"]["end_time"] > result["job"]["start_time"]
    assert site.builds() == [("2", "SUCCEED")]
    assert site.built("2")["A"] == "1" and site.built("2")["NEXT_PUBLIC_STAGE"] == "production"


def test_a_second_run_reads_three_times_and_builds_nothing(site):
    site.run()
    result = site.run()
    assert not result["changed"] and result["steps"] == [], result.output
    assert result["job"]["job_id"] == "2"
    assert site.sandbox.calls() == {"amplify.GetApp": 1, "amplify.GetBranch": 1, "amplify.ListJobs": 1}


def test_changed_variables_are_built(site):
    site.run()
    site.set(A="2")
    of_app = site.run()
    assert of_app["changed"] and "not the one that was built last" in of_app["reason"], of_app.output
    assert site.built("3")["A"] == "2"
    site.amplify.update_branch(environmentVariables={"A": "3"}, **site.branch)
    of_branch = site.run()
    assert of_branch["changed"] and "not the one that was built last" in of_branch["reason"], of_branch.output
    assert site.built("4")["A"] == "3"
    assert not site.run()["changed"]


def test_whatever_else_changes_starts_no_build(site):
    site.run()
    site.amplify.update_app(appId=site.id, description="new", buildSpec="version: 1")
    site.amplify.update_branch(description="new", enableAutoBuild=False, **site.branch)
    site.amplify.tag_resource(resourceArn=site.arn, tags={"owner": "somebody"})
    site.amplify.create_branch(appId=site.id, branchName="other", environmentVariables={"A": "of another branch"})
    # The same for the build: the branch has it already.
    site.set(NEXT_PUBLIC_STAGE="of the app")
    assert not site.run()["changed"]
    assert site.builds() == [("2", "SUCCEED")]


def test_check_mode_announces_what_the_run_does(site):
    """From every other state: tests/unit/test_amplify_run.py."""
    site.run()
    site.set(A="2")
    announced = site.run(check=True)
    assert site.changes() == {} and len(site.builds()) == 1
    made = site.run()
    for key in ("changed", "steps", "reason", "app_id", "branch"):
        assert announced[key] == made[key], key
    (branch,) = {one["object"] for one in announced["differences"]}
    assert announced["diff"]["before"] == made["diff"]["before"] == {branch: {"live_environment": "outdated", "build": "2"}}
    assert made["diff"]["after"] == {branch: {"live_environment": "current", "build": "3"}}
    assert announced["diff"]["after"] == {branch: {"live_environment": "current", "build": "(known after apply)"}}
    assert site.builds()[-1][1] == "SUCCEED"


def test_kind_17_a_build_that_fails_is_told_with_its_step_and_log_and_made_anew_by_the_next_run(site):
    for job_id, step in (("2", "BUILD"), ("3", "DEPLOY")):
        site.sandbox.settings(amplify_fail_step=step)
        result = site.run()
        assert result["failed"], result.output
        steps = site.amplify.get_job(jobId=job_id, **site.branch)["job"]["steps"]
        (failed,) = [seen for seen in steps if seen["status"] == "FAILED"]
        assert result["failed_step"] == {"step_name": step, "status_reason": failed["statusReason"], "log_url": failed["logUrl"]}
        assert f"failed at the step {step}" in result["msg"] and failed["logUrl"] in result["msg"] and failed["statusReason"] in result["msg"]
        assert result["job"]["job_id"] == job_id
        # What was done stands, and what the next run has to do.
        # The environment is noted once for both attempts.
        expected = site.steps if job_id == "2" else site.steps[1:]
        assert result["changed"] and result["steps"] == expected[:len(result["steps"])] and site.steps[1] in result["steps"]
        assert site.steps[1] in result["left"] and "as it was built before" in result["msg"] and site.steps[1] in result["msg"]
    site.sandbox.settings(amplify_fail_step=None)
    again = site.run()
    assert again["changed"] and "job 3" in again["reason"] and "FAILED" in again["reason"], again.output
    assert site.builds() == [("2", "FAILED"), ("3", "FAILED"), ("4", "SUCCEED")]


def test_a_build_that_somebody_stops_is_told(site):
    site.sandbox.settings(transition_seconds=3600)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(site.run)
        until(lambda: site.sandbox.calls().get("amplify.GetJob"), what="the run to wait")
        site.sandbox.settings(transition_seconds=0)  # to stop takes a part of it
        site.amplify.stop_job(jobId="2", **site.branch)
        result = running.result()
    assert result["failed"] and "was cancelled" in result["msg"] and result["job"]["status"] == "CANCELLED", result.output
    assert site.run()["changed"]
    assert site.builds() == [("2", "CANCELLED"), ("3", "SUCCEED")]


def test_without_waiting_the_build_is_started_and_the_next_run_waits_for_it(site):
    site.sandbox.settings(transition_seconds=3)
    started = site.run(wait=False)
    assert started["changed"] and started["job"]["status"] in ("PENDING", "PROVISIONING", "RUNNING"), started.output
    assert not site.run(wait=False)["changed"]
    waited = site.run()
    assert not waited["changed"] and waited["job"]["status"] == "SUCCEED", waited.output
    assert site.builds() == [("2", "SUCCEED")]


def test_waiting_has_an_end_and_the_build_goes_on(site):
    site.sandbox.settings(transition_seconds=4)
    result = site.run(wait_timeout=1)
    assert result["failed"] and "nothing is built twice" in result["msg"], result.output
    assert not site.run()["changed"]
    assert site.builds() == [("2", "SUCCEED")]


def test_a_build_of_another_environment_is_awaited_and_followed(site):
    site.run()
    site.sandbox.settings(transition_seconds=1.5)
    site.push()
    site.set(A="changed while it runs")
    result = site.run()
    assert result["changed"] and result["job"]["job_id"] == "4", result.output
    assert site.built("4")["A"] == "changed while it runs"


def test_a_build_in_the_way_is_an_error_for_who_does_not_wait(site):
    site.push_without_end()
    result = site.run(wait=False)
    assert result["failed"] and "Job 2 of branch main is" in result["msg"] and "wait=true" in result["msg"], result.output
    assert (result["changed"], result["steps"], result["left"]) == (False, [], site.steps)
    assert site.changes() == {}
    site.stop("2")
    assert site.run(wait=False)["changed"]


def test_kind_34_a_run_with_nothing_to_change_does_not_wait_for_the_build_of_another(site):
    site.run()
    site.push_without_end()
    for check in (True, False):
        result = site.run(check=check, wait_timeout=0)
        assert not result["changed"] and not result.get("failed"), result.output


def test_kind_34_check_mode_does_not_wait_for_its_own_build_either(site):
    site.sandbox.settings(transition_seconds=3600)
    site.run(wait=False)
    announced = site.run(check=True, wait_timeout=0)
    assert not announced["changed"] and announced["job"]["status"] == "PENDING", announced.output


def test_kind_28_waiting_for_a_build_in_the_way_has_an_end_and_tells_it(site):
    site.push_without_end()
    result = site.run(wait_timeout=1)
    assert result["failed"] and "Job 2 of branch main is not over after 1 s" in result["msg"], result.output
    assert (result["changed"], result["steps"], result["left"]) == (False, [], site.steps)
    assert site.changes() == {}


def test_builds_of_pushes_after_ours_are_left_alone(site):
    site.run()
    site.wait(site.push())
    assert not site.run()["changed"]
    assert site.builds() == [("2", "SUCCEED"), ("3", "SUCCEED")]


def test_runs_killed_once_the_build_is_started_are_completed_with_one_build(site):
    """After any other change, with the build over or not: tests/unit/test_amplify_build.py and test_amplify_run.py."""
    site.run()
    site.set(A="2")
    site.sandbox.settings(transition_seconds=3)
    assert site.run(kill_after=2).killed
    site.sandbox.settings(transition_seconds=0)
    assert site.run(kill_after=1).killed
    result = site.run()
    assert not result["changed"] and result["job"]["status"] == "SUCCEED", result.output
    assert site.builds() == [("2", "SUCCEED"), ("3", "SUCCEED")]
    assert site.built("3")["A"] == "2"


def test_a_run_killed_between_update_and_build_is_completed_with_one_build(site, run_module):
    site.run()
    update = {"app_id": site.id, "variables": {"A": "2"}}
    assert run_module("amplify_environment", update, kill_after=1).killed
    assert not run_module("amplify_environment", update)["changed"]
    assert site.run()["changed"]
    assert site.builds() == [("2", "SUCCEED"), ("3", "SUCCEED")]
    assert site.built("3")["A"] == "2"


@pytest.mark.parametrize("operation", ["StartJob", "TagResource"])
def test_a_lost_answer_is_no_second_build(site, operation):
    with site.sandbox.fault("lost_answer", service="amplify", operation=operation, times=1):
        result = site.run()
    lost = site.steps[1 if operation == "StartJob" else 0]
    assert result["steps"] == [f"{step} (the answer was lost)" if step == lost else step for step in site.steps], result.output
    assert site.changes()["amplify.StartJob"] == 1
    assert site.builds() == [("2", "SUCCEED")]


def test_throttling_is_outlasted(site):
    with site.sandbox.fault("throttle", service="amplify", operation="StartJob", rate=0, times=1):
        result = site.run()
    assert result["steps"] == site.steps, result.output
    assert site.builds() == [("2", "SUCCEED")]


def test_jobs_that_are_shown_late_are_not_started_again(site):
    with site.sandbox.fault("stale_reads", service="amplify", operation="ListJobs", times=2):
        result = site.run()
    assert result["changed"], result.output
    assert site.builds() == [("2", "SUCCEED")]


def test_two_runs_at_the_same_time_build_once(site):
    site.sandbox.settings(transition_seconds=3)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda dummy: site._run_module("amplify_deployment", {"app_id": site.id, "branch": "main"}), range(2)))
    assert [result["job"]["status"] for result in results] == ["SUCCEED"] * 2, [result.output for result in results]
    assert site.builds() == [("2", "SUCCEED")]
    assert not site.run()["changed"]


def test_a_tag_taken_away_costs_one_build(site):
    site.run()
    site.amplify.untag_resource(resourceArn=site.arn, tagKeys=[TAG])
    assert site.run()["changed"]
    assert not site.run()["changed"]
    assert site.builds() == [("2", "SUCCEED"), ("3", "SUCCEED")]


def test_a_branch_made_anew_is_built_anew(site):
    site.run()
    branch = site.amplify.get_branch(**site.branch)["branch"]
    variables, created = branch["environmentVariables"], int(branch["createTime"].timestamp())
    site.amplify.delete_branch(**site.branch)
    while time.time() < created + 1:  # branches are told apart by the second of their creation
        time.sleep(0.05)
    site.amplify.create_branch(environmentVariables=variables, **site.branch)
    assert site.run()["changed"]


def test_branches_of_any_name_are_built(site):
    name = "feature/a b#1"
    site.amplify.create_branch(appId=site.id, branchName=name)
    result = site.run(branch=name)
    assert result["changed"] and result["job"]["job_id"] == "1", result.output
    assert not site.run(branch=name)["changed"]


def test_kind_16_an_app_without_a_repository_is_refused(site):
    by_hand = {"appId": site.amplify.create_app(name="by-hand")["app"]["appId"], "branchName": "main"}
    site.amplify.create_branch(**by_hand)
    site.amplify.start_deployment(sourceUrl="https://example.com/site.zip", **by_hand)
    result = site.run(app_id=by_hand["appId"])
    assert result["failed"] and "not connected to a repository" in result["msg"] and "(by-hand)" in result["msg"] and "Connect it" in result["msg"]
    assert (result["changed"], result["steps"]) == (False, [])


@pytest.mark.parametrize(("args", "check"), [({"branch": "nope"}, True), ({"app_id": "dnosuchapp"}, False), ({"app_name": "nosuchapp"}, False)])
def test_kind_16_what_is_not_found_is_named_with_the_way_out(site, args, check):
    result = site.run(check=check, **args)
    assert result["failed"] and list(args.values())[0] in result["msg"] and "Correct app_" in result["msg"]
    assert (result["changed"], result["steps"], result["left"]) == (False, [], [])


def test_kind_22_the_preview_of_a_pull_request_is_refused(site):
    site.sandbox.control.request("POST", "amplify/pull-requests", {"app_id": site.id, "number": 7, "source": "feature", "destination": "main"})
    result = site.run(branch="pr-7")
    assert result["failed"] and "Push to branch feature" in result["msg"] and "name the branch main" in result["msg"], result.output
    assert site.changes() == {} and site.builds() == []


def test_kind_07_jobs_of_which_aws_tells_little_are_no_crash(site):
    site.wait(site.push())
    result = site.run()
    assert result["job"]["job_type"] is None and result["job"]["commit_id"] == "HEAD", result.output


def test_kind_20_notes_of_branches_that_are_gone_are_removed_before_a_build(site):
    site.amplify.create_branch(appId=site.id, branchName="kept")
    old = {f"huntaze:build:{name}": "v1/started/1/ab/cd" for name in ("old/1", f"sha256:{hashlib.sha256(b'old 2').hexdigest()[:32]}", "kept")}
    site.amplify.tag_resource(resourceArn=site.arn, tags={**old, **{f"k{number}": "" for number in range(47)}})
    announced, made = site.run(check=True), site.run()
    assert announced["steps"] == made["steps"], made.output
    assert made["steps"][1:] == site.steps and "old/1" in made["steps"][0] and "branches that are gone" in made["steps"][0]
    tags = set(site.amplify.list_tags_for_resource(resourceArn=site.arn)["tags"])
    assert {tag for tag in tags if tag.startswith("huntaze:")} == {TAG, "huntaze:build:kept"} and len(tags) == 49
    assert not site.run()["changed"]
    assert site.sandbox.calls() == {"amplify.GetApp": 1, "amplify.GetBranch": 1, "amplify.ListJobs": 1}


def test_kind_20_an_app_full_of_tags_is_refused_before_anything_is_done(site):
    site.amplify.tag_resource(resourceArn=site.arn, tags={f"k{number}": "" for number in range(50)})
    result = site.run()
    assert result["failed"] and "50 tags" in result["msg"] and "untag-resource" in result["msg"], result.output
    assert site.changes() == {} and site.builds() == []


def test_kind_17_what_was_done_before_the_time_was_over_is_told(site):
    site.sandbox.settings(transition_seconds=3600)
    result = site.run(wait_timeout=0)
    assert result["failed"] and result["changed"] and site.steps[1] in result["msg"], result.output
    assert (result["steps"], result["left"]) == (site.steps, [])


def test_identifiers_that_cannot_be_are_refused_together(site):
    result = site.run(app_id="huntaze", branch=" ", wait_timeout=-1)
    assert result["failed"] and len(result["problems"]) == 3
    assert (result["changed"], result["steps"], result["left"]) == (False, [], [])
    assert site.sandbox.calls() == {}


def test_neither_output_nor_tag_holds_a_value(site):
    site.set(SECRET=CANARY)
    for check in (True, False, False):
        assert CANARY not in site.run(check=check).output
    tag = site.amplify.list_tags_for_resource(resourceArn=site.arn)["tags"][TAG]
    assert CANARY not in tag and len(tag) <= 256
