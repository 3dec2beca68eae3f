# SPDX-License-Identifier: GPL-3.0-or-later
"""The planners of amplify_environment and amplify_deployment, against small models of what Amplify does."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import botocore.session
import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import app_problems, variables_of, without_values, without_values_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.deployment import (
    ACTIVE,
    INTENDED,
    JOB_TYPE,
    LOST,
    STARTED,
    SUCCEEDED,
    TAG_KEY,
    TAG_LIMIT,
    Job,
    Note,
    Seen,
    arn_of,
    environment_of,
    tag_key,
    unbuildable,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.deployment import plan as plan_build
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.environment import (
    CLEAR,
    Desired,
    Place,
    is_reserved,
    plan,
    secrets_among,
    value_warnings,
    variable_problems,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

MODEL = botocore.session.get_session().get_service_model("amplify")
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


@pytest.mark.parametrize(
    ("before", "declared", "shown"),
    [
        ({"TOKEN": "secret-a"}, {"TOKEN": "b"}, {"TOKEN": MASK}),
        ({"TOKEN": "b"}, {"TOKEN": "b"}, {"TOKEN": "b"}),
        ({"TOKEN": "secret-a", "OTHER": "b"}, {"TOKEN": "b"}, {"TOKEN": MASK, "OTHER": MASK}),
        ({}, {"TOKEN": "b"}, {}),
    ],
)
def test_kind_05_what_was_there_is_shown_only_if_it_is_what_is_declared_public(before, declared, shown):
    planned = plan(Place("d1"), Desired(declared, {}), before)
    assert planned.before == shown
    assert "secret-a" not in json.dumps([planned.before, planned.after, planned.steps])
    assert planned.after["TOKEN"] == "b"
    assert bool(planned) == (planned.before != planned.after)


@given(PLACES, MAPS, MAPS)
def test_kind_05_no_former_value_is_in_a_diff(place, public, observed):
    observed = {name: f"former-{value}" for name, value in observed.items()}
    planned = plan(place, Desired(public, {}), observed)
    assert "former-" not in json.dumps([planned.before, planned.after, planned.steps])


QUOTED = "1 validation error detected: Value '{A=canary-a, THEIRS=canary-b}' at 'environmentVariables' failed to satisfy constraint: Map value must"


@pytest.mark.parametrize("text", [QUOTED, "Value canary-a of THEIRS is too long", "canary-bcanary-b", "Value '{\n  A: {canary-a}\n}' failed"])
def test_kind_05_a_text_of_aws_that_quotes_variables_is_masked(text):
    desired = Desired({"PUBLIC": "may be seen"}, {"A": "canary-a"})
    secrets = secrets_among(desired, {"THEIRS": "canary-b", "PUBLIC": "may be seen", "PORT": "1"})
    assert "may be seen" not in secrets
    error = ClientError({"Error": {"Code": "BadRequestException", "Message": text}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "UpdateApp")
    masked = without_values_of(error, secrets)
    assert "canary" not in str(masked) and MASK in str(masked)
    assert masked.response["Error"]["Code"] == "BadRequestException" and masked.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert masked.operation_name == "UpdateApp"


def test_kind_05_what_quotes_nothing_stays_as_aws_says_it():
    assert without_values("Branch main not found.", {"", "a", "main branch"}) == "Branch main not found."


def test_the_values_of_names_to_be_removed_are_masked():
    """Their values in the task do not matter, so nothing says that they are public."""
    planned = plan(Place("d1"), Desired({"A": ""}, {}, absent=True), {"A": "somebody's secret"})
    assert planned.before == {"A": MASK}


def test_what_cannot_be_set_is_said_all_at_once_and_without_a_value():
    variables = {"AWS_REGION": "us-east-1", "N" * 256: "x", "": "x", "LONG": "x" * 5501, "BOTH": "1", "YES": True}
    variables |= {"LIST": ["canary-list"], 5: "x", "NONE": None}
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


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AWS_REGION", "x", "rename it (to APP_REGION, say)"), ("AWS", "x", "rename it"), ("N" * 256, "x", "256 characters"),
        ("V", "x" * 5501, "5501 characters"),
        ("", "", "without a name"), (" ", "", "without a name"), ("\t\n", "", "without a name"), (" A", "x", "write 'A'"), ("A ", "x", "write 'A'"),
        ("A=B", "x", "no environment variable's name"), ("A\0", "x", "no environment variable's name"), ("A", "a\0b", "NUL"), ("A", "\ud800", "surrogate"),
        ("A", 1.5, "is a float"), ("A", None, "is a NoneType"), ("A", ["x"], "is a list"), ("A", {"x": "y"}, "is a dict"), (True, "x", "is not a string"),
    ],
)
def test_kind_13_what_amplify_or_an_environment_refuses_is_named_before(name, value, expected):
    (problem,) = variable_problems({name: value}, None)
    assert expected in problem and "x" * 30 not in problem


@pytest.mark.parametrize("name", ["A ", " A"])
def test_kind_13_what_is_there_under_an_odd_name_can_be_removed(name):
    assert not variable_problems({name: None}, None, "absent")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("x\n", "a line end"), ("x\r\n", "a line end"), ("x ", "a blank"), ("x\t", "a blank"), ("x", ""), (" x", ""), ("", "")],
)
def test_kind_27_a_value_with_a_blank_or_line_end_at_its_end_is_told(value, expected):
    for option in ("variables", "secret_variables"):
        warnings = value_warnings(**{"variables": None, "secret_variables": None, option: {"NAME": value}})
        assert [expected in warning and f"{option}: the value of NAME" in warning for warning in warnings] == [True] * bool(expected)


RESERVED = [
    "USER_BRANCH", "USER_DISABLE_TESTS", "_LIVE_UPDATES", "_BUILD_TIMEOUT", "_CUSTOM_IMAGE", "_ANYTHING", "AMPLIFY_DIFF_DEPLOY", "AMPLIFY_DIFF_DEPLOY_ROOT",
    "AMPLIFY_DIFF_BACKEND", "AMPLIFY_BACKEND_PULL_ONLY", "AMPLIFY_BACKEND_APP_ID", "AMPLIFY_SKIP_BACKEND_BUILD", "AMPLIFY_ENABLE_DEBUG_OUTPUT",
    "AMPLIFY_MONOREPO_APP_ROOT", "AMPLIFY_USERPOOL_ID", "AMPLIFY_WEBCLIENT_ID", "AMPLIFY_NATIVECLIENT_ID", "AMPLIFY_IDENTITYPOOL_ID",
    "AMPLIFY_GOOGLE_CLIENT_ID", "AMPLIFY_PERMISSIONS_BOUNDARY_ARN", "AMPLIFY_DESTRUCTIVE_UPDATES",
]


def test_kind_18_purging_keeps_and_names_what_amplify_reads_itself():
    observed = {**dict.fromkeys(RESERVED, "x"), "USER_NAME": "x", "BRANCH": "x", "NOT_AMPLIFY_X": "x", "A": "x"}
    desired = Desired({"A": "1", "_BUILD_TIMEOUT": "90"}, {}, purge=True)
    assert desired.wanted(observed) == {**dict.fromkeys(RESERVED, "x"), "A": "1", "_BUILD_TIMEOUT": "90"}
    assert desired.kept(observed) == sorted(set(RESERVED) - {"_BUILD_TIMEOUT"})
    assert Desired({"A": "1"}, {}).kept(observed) == []


def test_names_to_be_removed_need_no_values():
    assert not variable_problems({"A": None}, {"B": ""}, "absent")
    assert variable_problems({"A": None}, None, "absent", purge=True)


def test_integers_are_written_as_they_read():
    desired = Desired.of({"variables": {"PORT": 6379}, "secret_variables": None, "state": "present", "purge": False})
    assert desired.wanted({}) == {"PORT": "6379"}


@pytest.mark.parametrize(("app_id", "branch", "count"), [("d1abc", "main", 0), (None, None, 0), ("huntaze", "main", 1), ("arn:aws", " ", 2)])
def test_identifiers_that_cannot_be_are_refused(app_id, branch, count):
    assert len(app_problems({"app_id": app_id, "branch": branch})) == count


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"app_id": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7/branches/main"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "https://main.d1a2b3c4d5e6f7.amplifyapp.com"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "https://us-east-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5e6f7/overview"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "d1a2b3c4d5e6f7.amplifyapp.com"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": " d1a2b3c4d5e6f7\n"}, "write d1a2b3c4d5e6f7."), ({"app_id": ""}, "app_id is empty"), ({"app_id": " "}, "app_id is empty"),
        ({"app_id": "huntaze"}, "use app_name"), ({"app_id": "D1A2B3C4D5E6F7"}, "as AWS does"), ({"app_id": "https://example.com"}, "as AWS does"),
        ({"app_name": "huntaze "}, "write 'huntaze'"), ({"app_name": ""}, "app_name is empty"), ({"app_name": "\t"}, "app_name is empty"),
        ({"app_name": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7"}, "use app_id: d1a2b3c4d5e6f7"),
        ({"app_name": "https://example.com"}, "address"),
        ({"branch": ""}, "branch is empty"), ({"branch": "main\n"}, "write 'main'"), ({"branch": " main"}, "write 'main'"),
        ({"branch": "refs/heads/feature/x"}, "write 'feature/x'"), ({"branch": "b" * 256}, "256 characters"),
        ({"branch": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7/branches/main"}, "write 'main'"),
        ({"branch": "https://github.com/huntaze/huntaze/tree/main"}, "write 'main'"),
        ({"branch": "https://main.d1a2b3c4d5e6f7.amplifyapp.com"}, "as the console shows"),
    ],
)
def test_kind_27_an_address_or_a_blank_is_told_with_what_to_write(options, expected):
    (problem,) = app_problems(options)
    assert expected in problem


@pytest.mark.parametrize(
    "options", [{"app_name": "my shop"}, {"app_name": "d1abc"}, {"branch": "feature/a b#1"}, {"branch": "origin/main"}, {"branch": "b" * 255}]
)
def test_kind_27_names_that_can_be_are_taken(options):
    assert not app_problems(options)


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


APP = {"appId": "d1", "appArn": "arn:aws:amplify:us-east-1:123456789012:apps/d1", "name": "site", "repository": "https://x", "environmentVariables": {"A": "1"}}
BRANCH = {**described()[1], "branchName": "main", "stage": "PRODUCTION"}
SUMMARY = {"jobArn": "arn", "jobId": "3", "commitId": "HEAD", "startTime": 1, "status": "SUCCEED", "jobType": "RELEASE", "endTime": 2}


@pytest.mark.parametrize("missing", [*APP, *BRANCH])
def test_kind_07_whatever_a_description_lacks_it_is_read(missing):
    app, branch = ({key: value for key, value in found.items() if key != missing} for found in (APP, BRANCH))
    assert json.loads(environment_of(app, branch))
    assert bool(unbuildable(app, "d1", branch, "main")) == (missing == "repository")
    assert arn_of(app, branch) == APP["appArn"]


def test_kind_07_a_description_without_any_arn_has_none():
    assert arn_of({}, {}) is None


@pytest.mark.parametrize("missing", [key for key in SUMMARY if key != "jobId"])
def test_kind_07_a_job_is_known_by_its_number_alone(missing):
    job = Job.of({key: value for key, value in SUMMARY.items() if key != missing})
    assert job.job_id == 3 and job.known == (missing != "status")


def test_kind_18_the_statuses_and_types_of_jobs_are_those_of_the_service_model():
    assert {SUCCEEDED, *LOST, *ACTIVE} == set(MODEL.shape_for("JobStatus").enum)
    assert JOB_TYPE in MODEL.shape_for("JobType").enum


def seen(**changes):
    return replace(Seen("d1", APP["appArn"], "main", None, False, "a/b", ()), **changes)


@pytest.mark.parametrize("status", ["PAUSED", ""])
def test_kind_07_an_unknown_status_of_the_build_is_named_with_the_way_out(status):
    found = seen(note=Note(STARTED, 3, "a/b"), current=True, jobs=(Job(3, status),))
    refused = plan_build(found).refused
    assert "Job 3 of branch main" in refused and (status or "no status") in refused and "remove the tag huntaze:build:main" in refused
    # Followed, it leads to a build.
    followed = plan_build(replace(found, note=None, current=False))
    assert not followed.refused and not followed.blocked_by and len(followed.changes) == 3


@pytest.mark.parametrize(
    ("tags", "branches", "gone"),
    [
        ({"huntaze:build:main"}, {"main"}, []),
        ({"huntaze:build:old", "owner"}, {"main"}, ["huntaze:build:old"]),
        ({"huntaze:build:old", "huntaze:build:dev", tag_key("a b"), tag_key("c d")}, {"main", "dev", "a b"}, ["huntaze:build:old", tag_key("c d")]),
        # Its own note stays, whatever the list says, and so do other tags.
        ({"huntaze:build:main", "huntaze:building:x"}, set(), []),
    ],
)
def test_kind_20_notes_of_branches_that_are_gone_are_removed_before_a_build(tags, branches, gone):
    build = plan_build(seen(tags=frozenset(tags), branches=frozenset(branches)))
    cleaning = [change for change in build.changes if change.operation == "untag_resource"]
    assert [change.parameters for change in cleaning] == ([{"resourceArn": APP["appArn"], "tagKeys": sorted(gone)}] if gone else [])
    assert build.changes[:1] == tuple(cleaning) or not gone
    built = seen(tags=frozenset(tags), branches=frozenset(branches), note=Note(STARTED, 3, "a/b"), current=True, jobs=(Job(3, "SUCCEED"),))
    assert not plan_build(built)


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
    refused = plan_build(seen(tags=frozenset(tags), branches=frozenset(branches))).refused
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
    refused = unbuildable({**APP, **app}, "d1", {**BRANCH, **branch}, name)
    assert expected in refused and bool(refused) == bool(expected)


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
