# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner of amplify_environment, against a small model of what Amplify does."""

from __future__ import annotations

import json

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import environment
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import object_of, variables_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.environment import (
    CLEAR,
    Desired,
    Observed,
    is_reserved,
    secrets_among,
    variable_problems,
    warnings,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.policy import without_values, without_values_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from support import laws

NAMES = st.sampled_from(["A", "B", "C", "D", "_LIVE_UPDATES", "_BUILD_TIMEOUT", "_CUSTOM_IMAGE", "AMPLIFY_MONOREPO_APP_ROOT"])
VALUES = st.sampled_from(["", "1", "2", "three words here"])
MAPS = st.dictionaries(NAMES, VALUES)


def asking(public, secret=None, branch=None, **options):
    return Desired("d1", branch, public, secret or {}, **options)


@st.composite
def desires(draw) -> Desired:
    listed = draw(MAPS)
    secret = draw(st.sets(st.sampled_from(sorted(listed)))) if listed else set()
    absent = draw(st.booleans())
    return asking(
        {name: value for name, value in listed.items() if name not in secret},
        {name: value for name, value in listed.items() if name in secret},
        branch=draw(st.sampled_from([None, "main"])),
        absent=absent,
        purge=not absent and draw(st.booleans()),
    )


def plan(desired, variables):
    return environment.plan(desired, Observed(variables))


def shown(planned):
    """All that a result shows of a plan."""
    return json.dumps(planned.result())


def after(planned, variables):
    """What UpdateApp makes of the variables there are: the map is replaced as a whole; nothing, and an empty one, is ignored."""
    for change in planned.changes:
        sent = change.parameters.get("environmentVariables")
        assert "" not in (sent or {}), "BadRequestException"
        variables = variables_of({"environmentVariables": sent}) if sent else variables
    return variables


def state(desired, variables):
    """As a plan tells it: what is there under a name that is declared public, with another value, may be somebody's secret."""
    told = {name: value if desired.absent or desired.public.get(name, value) == value else MASK for name, value in variables.items()}
    return {object_of("d1", desired.branch): {f"environment_variables.{name}": value for name, value in told.items()}} if told else {}


@given(desires(), MAPS)
def test_after_the_plan_nothing_is_left_to_do(desired, observed):
    assert not plan(desired, after(plan(desired, observed), observed))


@given(desires(), MAPS)
def test_every_change_has_a_difference_and_the_differences_lead_to_what_is_observed_afterwards(desired, observed):
    planned = plan(desired, observed)
    laws.check_changes(planned)
    assert laws.applied(state(desired, observed), planned.differences) == state(desired, after(planned, observed))


@given(desires(), MAPS, MAPS)
def test_what_takes_effect_from_the_app_is_told_masked_and_a_run_overrides_it(desired, observed, shared):
    there = Observed(observed, shared if desired.branch and not desired.absent else {})
    planned = environment.plan(desired, there)
    laws.check_left_alone(planned)
    assert planned.changes == plan(desired, observed).changes
    effective = {**there.shared, **observed}
    expected = {name for name in desired.values if name in there.shared and name not in observed and effective[name] != desired.values[name]}
    assert {(one.difference.object, one.difference.field) for one in planned.left_alone} == {("app d1", f"environment_variables.{name}") for name in expected}
    assert all(one["before"] == MASK for one in planned.result()["left_alone"])
    assert not environment.plan(desired, Observed(after(planned, observed), there.shared)).left_alone


@given(desires(), MAPS)
def test_a_difference_is_secret_unless_the_value_is_declared_public(desired, observed):
    for one in plan(desired, observed).differences:
        name = one.field.removeprefix("environment_variables.")
        assert one.secret == (desired.absent or name not in desired.public or one.after is None)


@given(desires(), MAPS)
def test_what_is_asked_for_is_there_and_nobody_elses_is_touched(desired, observed):
    then = after(plan(desired, observed), observed)
    others = {name: value for name, value in observed.items() if name not in desired.values}
    if desired.absent:
        assert then == others
    elif desired.purge:
        assert then == {**{name: value for name, value in others.items() if is_reserved(name)}, **desired.values}
    else:
        assert then == {**others, **desired.values}


@given(desires(), MAPS)
def test_only_differences_make_a_call_and_only_one(desired, observed):
    planned = plan(desired, observed)
    assert len(planned.changes) == (after(planned, observed) != observed)


@given(desires(), MAPS, st.sampled_from([{}, CLEAR, {" ": "", "\t": ""}]))
def test_the_name_that_clears_is_no_variable(desired, observed, blank):
    assert plan(desired, variables_of({"environmentVariables": {**observed, **blank}})) == plan(desired, observed)


def test_the_last_variable_is_removed_by_the_map_that_clears():
    (change,) = plan(asking({"A": ""}, absent=True), {"A": "1"}).changes
    assert change.parameters["environmentVariables"] == {" ": ""}


@given(desires(), MAPS)
def test_two_writers_who_merge_into_what_they_read_converge(ours, observed):
    """The other's write falls between our read and our write, or after it; whoever finds his values gone merges again."""
    theirs = asking({"THEIRS": "x"})
    overwritten = after(plan(ours, observed), observed)
    repaired = after(plan(theirs, overwritten), overwritten)
    assert repaired["THEIRS"] == "x"
    if not ours.purge:
        assert not plan(ours, repaired)


@given(MAPS, MAPS, MAPS)
def test_a_diff_shows_public_values_and_no_other(public, secret, observed):
    mark = "canary-"
    secret = {name: mark + value for name, value in secret.items() if name not in public}
    observed = {name: value if name in public else mark + value for name, value in observed.items()}
    planned = plan(asking(public, secret), observed)
    assert mark not in shown(planned)
    fields = planned.result()["diff"]["after"].get("app d1", {})
    changed = {name for name, value in {**public, **secret}.items() if observed.get(name) != value}
    assert set(fields) == {f"environment_variables.{name}" for name in changed}
    assert {name: fields[f"environment_variables.{name}"] for name in changed & set(public)} == {name: public[name] for name in changed & set(public)}


@given(desires(), MAPS)
def test_a_diff_differs_exactly_where_something_changes(desired, observed):
    planned = plan(desired, observed)
    then = after(planned, observed)
    changed = {f"environment_variables.{name}" for name in {*observed, *then} if observed.get(name) != then.get(name)}
    result = planned.result()
    before, behind = (result["diff"][key].get(object_of("d1", desired.branch), {}) for key in ("before", "after"))
    assert {name for name in {*before, *behind} if before.get(name) != behind.get(name)} == changed == {*before, *behind}
    assert [one["field"] for one in result["differences"]] == sorted(changed)
    assert bool(planned) == bool(changed) == result["changed"]


@pytest.mark.parametrize(
    ("before", "declared", "shows"),
    [
        ({"TOKEN": "secret-a"}, {"TOKEN": "b"}, [(MASK, "b")]),
        ({"TOKEN": "b"}, {"TOKEN": "b"}, []),
        ({"TOKEN": "secret-a", "OTHER": "b"}, {"TOKEN": "b"}, [(MASK, "b")]),
        ({}, {"TOKEN": "b"}, [(None, "b")]),
    ],
)
def test_kind_05_what_was_there_is_not_shown_under_a_public_name_either(before, declared, shows):
    planned = plan(asking(declared), before)
    assert [(one["before"], one["after"]) for one in planned.result()["differences"]] == shows
    assert "secret-a" not in shown(planned)


@given(MAPS, MAPS)
def test_kind_05_no_former_value_is_in_a_diff(public, observed):
    observed = {name: f"former-{value}" for name, value in observed.items()}
    assert "former-" not in shown(plan(asking(public), observed))


QUOTED = "1 validation error detected: Value '{A=canary-a, THEIRS=canary-b}' at 'environmentVariables' failed to satisfy constraint: Map value must"


@pytest.mark.parametrize("text", [QUOTED, "Value canary-a of THEIRS is too long", "canary-bcanary-b", "Value '{\n  A: {canary-a}\n}' failed"])
def test_kind_05_a_text_of_aws_that_quotes_variables_is_masked(text):
    desired = asking({"PUBLIC": "may be seen"}, {"A": "canary-a"})
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
    (one,) = plan(asking({"A": ""}, absent=True), {"A": "somebody's secret"}).result()["differences"]
    assert (one["before"], one["after"], one["secret"]) == (MASK, None, True)


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
        given_options = {"variables": None, "secret_variables": None, option: {"NAME": value}}
        told = warnings({"state": "present", **given_options})
        assert [expected in warning and f"{option}: the value of NAME" in warning for warning in told] == [True] * bool(expected)
        assert not warnings({"state": "absent", **given_options})


RESERVED = [
    "USER_BRANCH", "USER_DISABLE_TESTS", "_LIVE_UPDATES", "_BUILD_TIMEOUT", "_CUSTOM_IMAGE", "_ANYTHING", "AMPLIFY_DIFF_DEPLOY", "AMPLIFY_DIFF_DEPLOY_ROOT",
    "AMPLIFY_DIFF_BACKEND", "AMPLIFY_BACKEND_PULL_ONLY", "AMPLIFY_BACKEND_APP_ID", "AMPLIFY_SKIP_BACKEND_BUILD", "AMPLIFY_ENABLE_DEBUG_OUTPUT",
    "AMPLIFY_MONOREPO_APP_ROOT", "AMPLIFY_USERPOOL_ID", "AMPLIFY_WEBCLIENT_ID", "AMPLIFY_NATIVECLIENT_ID", "AMPLIFY_IDENTITYPOOL_ID",
    "AMPLIFY_GOOGLE_CLIENT_ID", "AMPLIFY_PERMISSIONS_BOUNDARY_ARN", "AMPLIFY_DESTRUCTIVE_UPDATES",
]


def test_kind_18_purging_keeps_and_names_what_amplify_reads_itself():
    observed = {**dict.fromkeys(RESERVED, "x"), "USER_NAME": "x", "BRANCH": "x", "NOT_AMPLIFY_X": "x", "A": "x"}
    desired = asking({"A": "1", "_BUILD_TIMEOUT": "90"}, purge=True)
    assert desired.wanted(observed) == {**dict.fromkeys(RESERVED, "x"), "A": "1", "_BUILD_TIMEOUT": "90"}
    assert desired.kept(observed) == sorted(set(RESERVED) - {"_BUILD_TIMEOUT"})
    assert asking({"A": "1"}).kept(observed) == []


def test_names_to_be_removed_need_no_values():
    assert not variable_problems({"A": None}, {"B": ""}, "absent")
    assert variable_problems({"A": None}, None, "absent", purge=True)


def test_integers_are_written_as_they_read():
    desired = Desired.of("d1", {"branch": None, "variables": {"PORT": 6379}, "secret_variables": None, "state": "present", "purge": False})
    assert desired.wanted({}) == {"PORT": "6379"}
