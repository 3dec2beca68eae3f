# SPDX-License-Identifier: GPL-3.0-or-later
"""The planners of amplify_environment and amplify_deployment, against small models of what Amplify does."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import app_problems, variables_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify_deployment import (
    INTENDED,
    STARTED,
    TAG_KEY,
    Job,
    Note,
    Seen,
    environment_of,
    tag_key,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify_deployment import plan as plan_build
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify_environment import (
    CLEAR,
    Desired,
    Place,
    is_reserved,
    plan,
    variable_problems,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["A", "B", "C", "D", "_LIVE_UPDATES", "_BUILD_TIMEOUT", "_CUSTOM_IMAGE", "AMPLIFY_MONOREPO_APP_ROOT"])
VALUES = st.sampled_from(["", "1", "2", "three words here"])
MAPS = st.dictionaries(NAMES, VALUES)
PLACES = st.sampled_from([Place("d1"), Place("d1", "main")])


@st.composite
def desires(draw) -> Desired:
    listed = draw(MAPS)
    secret = draw(st.sets(st.sampled_from(sorted(listed)))) if listed else set()
    absent = draw(st.booleans())
    return Desired(
        {name: value for name, value in listed.items() if name not in secret},
        {name: value for name, value in listed.items() if name in secret},
        absent=absent,
        purge=not absent and draw(st.booleans()),
    )


def amplify_after(changes, variables):
    """What UpdateApp makes of the variables there are: the map is replaced as a whole; nothing, and an empty one, is ignored."""
    for change in changes:
        sent = change.parameters.get("environmentVariables")
        assert "" not in (sent or {}), "BadRequestException"
        variables = variables_of({"environmentVariables": sent}) if sent else variables
    return variables


# Variables


@given(PLACES, desires(), MAPS)
def test_after_the_plan_nothing_is_left_to_do(place, desired, observed):
    after = amplify_after(plan(place, desired, observed).changes, observed)
    assert not plan(place, desired, after)


@given(PLACES, desires(), MAPS)
def test_what_is_asked_for_is_there_and_nobody_elses_is_touched(place, desired, observed):
    after = amplify_after(plan(place, desired, observed).changes, observed)
    others = {name: value for name, value in observed.items() if name not in desired.values}
    if desired.absent:
        assert after == others
    elif desired.purge:
        assert after == {**{name: value for name, value in others.items() if is_reserved(name)}, **desired.values}
    else:
        assert after == {**others, **desired.values}


@given(PLACES, desires(), MAPS)
def test_only_differences_make_a_call_and_only_one(place, desired, observed):
    changes = plan(place, desired, observed).changes
    assert len(changes) == (amplify_after(changes, observed) != observed)


@given(PLACES, desires(), MAPS, st.sampled_from([{}, CLEAR, {" ": "", "\t": ""}]))
def test_the_name_that_clears_is_no_variable(place, desired, observed, blank):
    assert plan(place, desired, variables_of({"environmentVariables": {**observed, **blank}})) == plan(place, desired, observed)


def test_the_last_variable_is_removed_by_the_map_that_clears():
    (change,) = plan(Place("d1"), Desired({"A": ""}, {}, absent=True), {"A": "1"}).changes
    assert change.parameters["environmentVariables"] == {" ": ""}


@given(PLACES, desires(), MAPS)
def test_two_writers_who_merge_into_what_they_read_converge(place, ours, observed):
    """The other's write falls between our read and our write, or after it; whoever finds his values gone merges again."""
    theirs = Desired({"THEIRS": "x"}, {})
    overwritten = amplify_after(plan(place, ours, observed).changes, observed)
    repaired = amplify_after(plan(place, theirs, overwritten).changes, overwritten)
    assert repaired["THEIRS"] == "x"
    if not ours.purge:
        assert not plan(place, ours, repaired)


@given(PLACES, MAPS, MAPS, MAPS)
def test_a_diff_shows_public_values_and_no_other(place, public, secret, observed):
    mark = "canary-"
    secret = {name: mark + value for name, value in secret.items() if name not in public}
    observed = {name: value if name in public else mark + value for name, value in observed.items()}
    planned = plan(place, Desired(public, secret), observed)
    assert mark not in json.dumps([planned.before, planned.after, planned.steps])
    assert {name: planned.after[name] for name in public} == public
    assert set(planned.after) == {*public, *secret, *observed}


@given(PLACES, desires(), MAPS)
def test_a_diff_differs_wherever_something_changes(place, desired, observed):
    planned = plan(place, desired, observed)
    after = amplify_after(planned.changes, observed)
    changed = {name for name in {*observed, *after} if observed.get(name) != after.get(name)}
    assert {name for name in {*planned.before, *planned.after} if planned.before.get(name) != planned.after.get(name)} >= changed
    assert bool(planned) == (planned.before != planned.after)


def test_the_values_of_names_to_be_removed_are_masked():
    """Their values in the task do not matter, so nothing says that they are public."""
    planned = plan(Place("d1"), Desired({"A": ""}, {}, absent=True), {"A": "somebody's secret"})
    assert planned.before == {"A": MASK}


def test_what_cannot_be_set_is_said_all_at_once_and_without_a_value():
    variables = {"AWS_REGION": "us-east-1", "N" * 256: "x", "": "x", "LONG": "x" * 5501, "BOTH": "1", "YES": True, "LIST": ["canary-list"], 5: "x", "NONE": None}
    secrets = {"BOTH": "canary-both", "EMPTY": "", "HUGE": "canary" * 1000, "AWSOME": "canary-aws"}
    problems = variable_problems(variables, secrets)
    for expected in (
        "AWS_REGION", "NNNN", "without a name", "LONG has 5501", "BOTH is both", "YES is a bool", "LIST is a list", "5 is not a string", "NONE is a NoneType",
        "EMPTY is empty", "HUGE has 6000", "AWSOME",
    ):
        assert [problem for problem in problems if expected in problem], expected
    assert len(problems) == 12
    assert "canary" not in " ".join(problems)


@pytest.mark.parametrize(
    "variables", [{"PORT": 6379}, {"EMPTY": ""}, {"N" * 255: "x" * 5500}, {"aws_lower": "x", "MY_AWS": "x"}, {"_LIVE_UPDATES": "[]"}, None, {}]
)
def test_what_amplify_takes_is_no_problem(variables):
    assert not variable_problems(variables, None)


def test_names_to_be_removed_need_no_values():
    assert not variable_problems({"A": None}, {"B": ""}, "absent")
    assert variable_problems({"A": None}, None, "absent", purge=True)


def test_integers_are_written_as_they_read():
    desired = Desired.of({"variables": {"PORT": 6379}, "secret_variables": None, "state": "present", "purge": False})
    assert desired.wanted({}) == {"PORT": "6379"}


@pytest.mark.parametrize(("app_id", "branch", "count"), [("d1abc", "main", 0), (None, None, 0), ("huntaze", "main", 1), ("arn:aws", " ", 2)])
def test_identifiers_that_cannot_be_are_refused(app_id, branch, count):
    assert len(app_problems({"app_id": app_id, "branch": branch})) == count


# Builds


def described(branch="main", created=1_700_000_000, app=None, own=None):
    arn = f"arn:aws:amplify:us-east-1:123456789012:apps/d1/branches/{branch}"
    moment = dt.datetime.fromtimestamp(created, dt.timezone.utc)
    return {"environmentVariables": app or {}}, {"environmentVariables": own or {}, "branchArn": arn, "createTime": moment}


def test_the_environment_is_what_a_build_sees():
    reference = environment_of(*described(app={"A": "1", "B": "1"}, own={"B": "2"}))
    assert environment_of(*described(app={"B": "9", "A": "1", " ": ""}, own={"B": "2"})) == reference
    assert environment_of(*described(app={"A": "1", "B": "1"})) != reference
    assert environment_of(*described(app={"A": "1", "B": "1"}, own={"B": "2"}, created=1_700_000_001)) != reference


@given(st.text(min_size=1, max_size=255))
def test_every_branch_has_a_tag_of_its_own_that_aws_takes(branch):
    assert TAG_KEY.fullmatch(tag_key(branch))
    assert tag_key(branch) != tag_key(branch + "x")


@given(st.sampled_from([INTENDED, STARTED]), st.integers(0, 10**9))
def test_a_note_reads_as_it_was_written_and_fits_a_tag(phase, job_id):
    note = Note(phase, job_id, "0" * 32 + "/" + "f" * 64)
    assert Note.read(str(note)) == note
    assert len(str(note)) <= 256


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
        note = Note.read(self.tag)
        current = note is not None and note.fingerprint == self.fingerprint
        return Seen("d1", "arn", "main", note, current, self.fingerprint, tuple(Job(number, status) for number, (status, dummy) in self.jobs.items()))

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
            build = plan_build(self.see())
            if cut == 0:
                return False
            if build.blocked_by or (not build.changes and build.job.active):
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
    built = plan_build(world.see()).job
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
    assert not plan_build(world.see())
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
    assert plan_build(world.see()).job == Job(before + 1, "SUCCEED")


def test_a_build_that_failed_is_started_anew():
    world = World(1)
    world.run(cut=3)
    world.end("FAILED")
    assert plan_build(world.see()).lost == Job(1, "FAILED")
    assert world.run()
    assert [status for status, dummy in world.jobs.values()] == ["FAILED", "SUCCEED"]


def test_builds_of_pushes_after_ours_start_no_other():
    world = World(1)
    world.run()
    world.begin()
    assert not plan_build(world.see())
    world.end("FAILED")
    assert not plan_build(world.see())


def test_another_job_must_be_over_before_anything_is_noted():
    """Else it would be newer than the note, and taken for a build of this environment."""
    world = World(1)
    world.begin()
    world.environment = 2
    build = plan_build(world.see())
    assert build.blocked_by == Job(1, "RUNNING")
    assert world.run()
    assert world.jobs[plan_build(world.see()).job.job_id] == ["SUCCEED", 2]


def test_a_push_that_is_quicker_than_our_start_serves_as_well():
    world = World(1)
    world.run(cut=1)
    world.begin()
    assert world.run()
    assert len(world.jobs) == 1


@given(st.lists(ELSEWHERE, max_size=12))
def test_check_mode_announces_the_steps_of_the_run(events):
    world = World(1)
    for event in events:
        happen(world, *event)
    announced, made = plan_build(world.see()).steps, []
    apply = world.apply
    world.apply = lambda change: (made.append(change.summary), apply(change))
    world.run()
    assert made == announced


def test_the_note_of_a_deleted_job_proves_nothing():
    world = World(1)
    world.run()
    seen = replace(world.see(), jobs=())
    assert "does not exist" in plan_build(seen).reason
    assert len(plan_build(seen).changes) == 3
