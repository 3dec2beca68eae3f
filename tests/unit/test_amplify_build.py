# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner of amplify_deployment, against a small model of what Amplify does."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import botocore.session
import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.build import (
    ACTIVE,
    JOB_TYPE,
    LOST,
    SUCCEEDED,
    TAG_LIMIT,
    Desired,
    Job,
    Observed,
    arn_of,
    fields,
    obstacle,
    plan,
    refusals,
    shown,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.note import INTENDED, KEY, STARTED, Note, environment_of, key_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import UNKNOWN
from hypothesis import given
from hypothesis import strategies as st
from support import laws

MODEL = botocore.session.get_session().get_service_model("amplify")
MAIN = Desired("d1", "main")


def described(branch="main", created=1_700_000_000, app=None, own=None):
    arn = f"arn:aws:amplify:us-east-1:123456789012:apps/d1/branches/{branch}"
    moment = dt.datetime.fromtimestamp(created, dt.timezone.utc)
    return {"environmentVariables": app or {}}, {"environmentVariables": own or {}, "branchArn": arn, "createTime": moment}


def test_the_environment_is_what_a_build_sees():
    reference = environment_of(*described(app={"A": "1", "B": "1"}, own={"B": "2"}))
    assert environment_of(*described(app={"B": "9", "A": "1", " ": ""}, own={"B": "2"})) == reference
    assert environment_of(*described(app={"A": "1", "B": "1"})) != reference
    assert environment_of(*described(app={"A": "1", "B": "1"}, own={"B": "2"}, created=1_700_000_001)) != reference


APP = {"appId": "d1", "appArn": "arn:aws:amplify:us-east-1:123456789012:apps/d1", "name": "site", "repository": "https://x", "environmentVariables": {"A": "1"}}
BRANCH = {**described()[1], "branchName": "main", "stage": "PRODUCTION"}
SUMMARY = {"jobArn": "arn", "jobId": "3", "commitId": "HEAD", "startTime": 1, "status": "SUCCEED", "jobType": "RELEASE", "endTime": 2}


@pytest.mark.parametrize("missing", [*APP, *BRANCH])
def test_kind_07_whatever_a_description_lacks_it_is_read(missing):
    app, branch = ({key: value for key, value in found.items() if key != missing} for found in (APP, BRANCH))
    assert json.loads(environment_of(app, branch))
    assert bool(obstacle(app, MAIN, branch)) == (missing == "repository")
    assert arn_of(app, branch) == APP["appArn"]


def test_kind_07_a_description_without_any_arn_has_none_and_is_refused():
    assert arn_of({}, {}) == ""
    (refused,) = refusals(MAIN, seen(arn=""))
    assert "without its ARN" in refused


@pytest.mark.parametrize("missing", [key for key in SUMMARY if key != "jobId"])
def test_kind_07_a_job_is_known_by_its_number_alone(missing):
    job = Job.of({key: value for key, value in SUMMARY.items() if key != missing})
    assert job.job_id == 3 and job.known == (missing != "status")


def test_kind_18_the_statuses_and_types_of_jobs_are_those_of_the_service_model():
    assert {SUCCEEDED, *LOST, *ACTIVE} == set(MODEL.shape_for("JobStatus").enum)
    assert JOB_TYPE in MODEL.shape_for("JobType").enum


def seen(**changes):
    return replace(Observed(APP["appArn"], None, "a/b", ()), **changes)


@pytest.mark.parametrize("status", ["PAUSED", ""])
def test_kind_07_an_unknown_status_of_the_build_is_named_with_the_way_out(status):
    found = seen(note=Note(STARTED, 3, "a/b"), jobs=(Job(3, status),))
    (refused,) = refusals(MAIN, found)
    assert "Job 3 of branch main" in refused and (status or "no status") in refused and "remove the tag huntaze:build:main" in refused
    # Followed, it leads to a build.
    followed = replace(found, note=None)
    assert not refusals(MAIN, followed) and not plan(MAIN, followed).blocked_by and len(plan(MAIN, followed).changes) == 3


@pytest.mark.parametrize(
    ("tags", "branches", "gone"),
    [
        ({"huntaze:build:main"}, {"main"}, []),
        ({"huntaze:build:old", "owner"}, {"main"}, ["huntaze:build:old"]),
        ({"huntaze:build:old", "huntaze:build:dev", key_of("a b"), key_of("c d")}, {"main", "dev", "a b"}, ["huntaze:build:old", key_of("c d")]),
        # Its own note stays, whatever the list says, and so do other tags.
        ({"huntaze:build:main", "huntaze:building:x"}, set(), []),
    ],
)
def test_kind_20_notes_of_branches_that_are_gone_are_removed_before_a_build(tags, branches, gone):
    build = plan(MAIN, seen(tags=dict.fromkeys(tags, "x"), branches=frozenset(branches)))
    cleaning = [change for change in build.changes if change.operation == "untag_resource"]
    assert [change.parameters for change in cleaning] == ([{"resourceArn": APP["appArn"], "tagKeys": sorted(gone)}] if gone else [])
    assert build.changes[:1] == tuple(cleaning) or not gone
    laws.check_changes(build)
    # A note holds a hash of secrets.
    assert [one for change in cleaning for one in change.differences] == [("app d1", f"tags.{key}", "x", None, True) for key in sorted(gone)]
    built = seen(tags=dict.fromkeys(tags, "x"), branches=frozenset(branches), note=Note(STARTED, 3, "a/b"), jobs=(Job(3, "SUCCEED"),))
    assert not plan(MAIN, built)


@pytest.mark.parametrize(
    ("tags", "branches", "fits"),
    [
        ([f"k{number}" for number in range(TAG_LIMIT - 1)], set(), True),
        ([f"k{number}" for number in range(TAG_LIMIT)], set(), False),
        (["huntaze:build:main", *(f"k{number}" for number in range(TAG_LIMIT - 1))], set(), True),
        (["huntaze:build:old", *(f"k{number}" for number in range(TAG_LIMIT - 1))], {"main"}, True),
        (["huntaze:build:old", *(f"k{number}" for number in range(TAG_LIMIT - 1))], {"main", "old"}, False),
        (["aws:cloudformation:stack-name", *(f"k{number}" for number in range(TAG_LIMIT - 1))], set(), True),
    ],
)
def test_kind_20_an_app_whose_tags_leave_no_room_is_refused_with_the_way_out(tags, branches, fits):
    refused = " ".join(refusals(MAIN, seen(tags=dict.fromkeys(tags, "x"), branches=frozenset(branches))))
    assert bool(refused) != fits
    if refused:
        assert "50" in refused and "huntaze:build:main" in refused and "untag-resource" in refused and APP["appArn"] in refused and "k7" in refused


@pytest.mark.parametrize(
    ("app", "branch", "name", "expected"),
    [
        ({"repository": ""}, {}, "main", "not connected to a repository"), ({"repository": None}, {}, "main", "Connect it"),
        ({}, {"sourceBranch": "feature", "destinationBranch": "main"}, "pr-7", "Push to branch feature"),
        ({}, {"destinationBranch": "main"}, "pr-7", "name the branch main"), ({}, {"stage": "PULL_REQUEST"}, "pr-7", "Push to the pull request"),
        ({}, {"stage": "PULL_REQUEST"}, "main", ""),
        ({}, {"enablePullRequestPreview": True, "pullRequestEnvironmentName": "pr"}, "main", ""), ({}, {}, "pr-7", ""),
    ],
)
def test_kind_22_what_a_build_cannot_build_is_refused_with_the_way_out(app, branch, name, expected):
    found = obstacle({**APP, **app}, Desired("d1", name), {**BRANCH, **branch})
    assert expected in found and refusals(MAIN, seen(obstacle=found)) == ([found] if expected else [])


@given(st.text(min_size=1, max_size=255))
def test_every_branch_has_a_tag_of_its_own_that_aws_takes(branch):
    assert KEY.fullmatch(key_of(branch))
    assert key_of(branch) != key_of(branch + "x")


@given(st.sampled_from([INTENDED, STARTED]), st.integers(0, 10**9))
def test_a_note_reads_as_it_was_written_and_fits_a_tag(phase, job_id):
    note = Note(phase, job_id, "0" * 32 + "/" + "f" * 64)
    assert Note.read(str(note)) == note
    assert len(str(note)) <= 256


def test_an_environment_that_another_task_is_still_to_change_was_not_built():
    world = World(1)
    world.run()
    later = plan(replace(MAIN, changes=True), world.see())
    assert not world.plan() and len(later.changes) == 3 and "not the one that was built last" in later.reason
    assert later.differences[0] == ("branch d1/main", "live_environment", "outdated", "to be built", False)


def test_kind_07_a_job_is_shown_whatever_aws_tells_of_it():
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    told = {"jobId": "3", "jobType": "RELEASE", "status": "SUCCEED", "commitId": "HEAD", "startTime": moment, "endTime": moment}
    iso = "2026-01-01T00:00:00+00:00"
    assert shown(Job.of(told)) == {"job_id": "3", "job_type": "RELEASE", "status": "SUCCEED", "commit_id": "HEAD", "start_time": iso, "end_time": iso}
    assert shown(Job.of({"jobId": "3"})) == {**dict.fromkeys(["job_type", "status", "commit_id", "start_time", "end_time"]), "job_id": "3"}
    assert shown(None) is None


@pytest.mark.parametrize("value", [None, "", "v2/started/1/a/b", "v1/started/x/a/b", "v1/started/1/a", "anything"])
def test_a_note_that_cannot_be_read_is_none(value):
    assert Note.read(value) is None


class World:
    """Amplify as one branch sees it. The variables a job saw are those at its start."""

    def __init__(self, environment):
        self.environment = environment
        self.tag = None
        self.jobs = {}  # id: [status, the environment it saw]

    def begin(self):
        if any(status == "RUNNING" for status, seen in self.jobs.values()):
            return False
        self.jobs[len(self.jobs) + 1] = ["RUNNING", self.environment]
        return True

    def end(self, status):
        for job in self.jobs.values():
            if job[0] == "RUNNING":
                job[0] = status

    def see(self):
        return Observed("arn", Note.read(self.tag), self.fingerprint, tuple(Job(number, status) for number, (status, dummy) in self.jobs.items()))

    def plan(self):
        return plan(MAIN, self.see())

    @property
    def fingerprint(self):
        return f"{self.environment:x}/{self.environment:x}"

    def apply(self, change):
        if change.operation == "tag_resource":
            (self.tag,) = change.parameters["tags"].values()
        else:
            self.begin()

    def run(self, cut=None):
        """What the module does; False if it was killed. cut: killed once it has made so many changes."""
        for dummy in range(10):
            build = self.plan()
            if cut == 0:
                return False
            if build.awaited:
                self.end("SUCCEED")
            elif not build.changes:
                return True
            else:
                self.apply(build.changes[0])
                cut = cut and cut - 1
        raise AssertionError("a run that does not end")


ELSEWHERE = st.one_of(
    st.tuples(st.just("change"), st.integers(1, 3)),
    st.tuples(st.just("push"), st.none()),
    st.tuples(st.just("end"), st.sampled_from(["SUCCEED", "FAILED", "CANCELLED"])),
    st.tuples(st.just("strip"), st.none()),
    st.tuples(st.just("cut"), st.integers(0, 3)),
)


def happen(world, kind, argument):
    if kind == "change":
        world.environment = argument
    elif kind == "push":
        world.begin()
    elif kind == "end":
        world.end(argument)
    elif kind == "strip":
        world.tag = None
    else:
        world.run(cut=argument)


@given(st.lists(ELSEWHERE, max_size=12))
def test_whatever_happened_before_a_run_ends_with_its_environment_built(events):
    world = World(1)
    for event in events:
        happen(world, *event)
    assert world.run()
    built = world.plan().job
    assert built.status == "SUCCEED"
    # Changed and changed back with a build in between is the one thing that the note cannot tell.
    if len([kind for kind, dummy in events if kind == "change"]) <= 1:
        assert world.jobs[built.job_id][1] == world.environment


@given(st.lists(ELSEWHERE, max_size=12))
def test_a_second_run_does_nothing(events):
    world = World(1)
    for event in events:
        happen(world, *event)
    world.run()
    jobs, tag = dict(world.jobs), world.tag
    assert not world.plan()
    assert world.run() and (world.jobs, world.tag) == (jobs, tag)


@pytest.mark.parametrize("first", ["never built", "built with others"])
@pytest.mark.parametrize("ends", ["SUCCEED", "RUNNING"])
@pytest.mark.parametrize("cut", range(4))
def test_a_run_cut_off_anywhere_is_completed_without_a_second_build(first, ends, cut):
    world = World(1)
    if first != "never built":
        world.run()
        world.environment = 2
    before = len(world.jobs)
    world.run(cut=cut)
    world.end(ends)
    assert world.run()
    assert len(world.jobs) == before + 1
    assert world.plan().job == Job(before + 1, "SUCCEED")


def test_a_build_that_failed_is_started_anew():
    world = World(1)
    world.run(cut=3)
    world.end("FAILED")
    assert world.plan().lost == Job(1, "FAILED")
    assert world.run()
    assert [status for status, dummy in world.jobs.values()] == ["FAILED", "SUCCEED"]


def test_builds_of_pushes_after_ours_start_no_other():
    world = World(1)
    world.run()
    world.begin()
    assert not world.plan()
    world.end("FAILED")
    assert not world.plan()


def test_another_job_must_be_over_before_anything_is_noted():
    """Else it would be newer than the note, and taken for a build of this environment."""
    world = World(1)
    world.begin()
    world.environment = 2
    build = world.plan()
    assert build.blocked_by == Job(1, "RUNNING")
    assert world.run()
    assert world.jobs[world.plan().job.job_id] == ["SUCCEED", 2]


def test_a_push_that_is_quicker_than_our_start_serves_as_well():
    world = World(1)
    world.run(cut=1)
    world.begin()
    assert world.run()
    assert len(world.jobs) == 1


@given(st.lists(ELSEWHERE, max_size=12))
def test_every_change_has_a_difference_and_the_differences_lead_to_what_is_observed_afterwards(events):
    world = World(1)
    for event in events:
        happen(world, *event)
    world.end(SUCCEEDED)
    announced, apply, made = world.plan(), world.apply, []
    laws.check_changes(announced)

    def applied_and_seen(change):
        before = fields(MAIN, world.see())
        made.extend(change.differences)
        apply(change)
        assert laws.applied(told(before), change.differences) == told(fields(MAIN, world.see()))

    def begin_and_end():
        begun = World.begin(world)
        world.end(SUCCEEDED)
        return begun

    before, world.apply, world.begin = fields(MAIN, world.see()), applied_and_seen, begin_and_end
    assert world.run()
    after = told(fields(MAIN, world.see()))
    assert laws.applied(told(before), made) == after
    # In check mode too, but for what only a run can know.
    foretold = laws.applied(told(before), announced.differences)
    if foretold["branch d1/main"]["build"] is UNKNOWN:
        foretold["branch d1/main"]["build"] = after["branch d1/main"]["build"]
    assert foretold == after == {"branch d1/main": {"live_environment": "current", "build": str(world.plan().job.job_id)}}


def told(found):
    there = {name: value for name, value in found.items() if value is not None}
    return {"branch d1/main": there} if there else {}


@given(st.lists(ELSEWHERE, max_size=12))
def test_check_mode_announces_the_steps_of_the_run(events):
    world = World(1)
    for event in events:
        happen(world, *event)
    announced, made = world.plan().steps, []
    apply = world.apply
    world.apply = lambda change: (made.append(change.summary), apply(change))
    world.run()
    assert made == announced


def test_the_note_of_a_deleted_job_proves_nothing():
    world = World(1)
    world.run()
    seen = replace(world.see(), jobs=())
    assert "does not exist" in plan(MAIN, seen).reason
    assert len(plan(MAIN, seen).changes) == 3
