# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left standing when AWS refuses a part of a plan: all that does not depend on it, and a true account of it."""

from __future__ import annotations

import types
import typing as t

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.huntaze.ai_system.plugins.module_utils import _apply
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarm as one
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarms as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.policy import AlarmPolicy, seconds_for
from support.alarms import Account, refusal
from support.clock import Clock
from support.laws import applied


def metric(name: str, **more: t.Any) -> dict[str, t.Any]:
    return {
        "AlarmName": name, "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold", **more,
    }


def composite(name: str, rule: str) -> dict[str, t.Any]:
    return {"AlarmName": name, "AlarmRule": rule}


def account_with(*alarms: dict[str, t.Any]) -> Account:
    account = Account()
    account.apply(planner.plan(planner.Desired(alarms), planner.Observed()))
    account.calls.clear()
    account.done.clear()
    return account


def run(account: Account, desired: planner.Desired) -> tuple[_apply.Applied, dict[str, t.Any]]:
    """What was done, and what is told where not all of it could be."""
    look, clock = planner.Look(account, desired), Clock()
    plan, policy = look(), AlarmPolicy(look, lambda error: None, muted=[])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_apply, "time", clock)
        try:
            return _apply.converge(look, account, policy, clock.now + seconds_for(plan), seen=plan), {}
        except _apply.Failed as failed:
            return failed.applied, {"msg": str(failed), **failed.result()}


def absent(*names: str) -> planner.Desired:
    return planner.Desired(absent=frozenset(names))


def deleted(done: _apply.Applied) -> list[str]:
    return planner.happened(done.differences)["removed"]


@pytest.mark.parametrize("bad", [["a00"], ["a99"], ["a49", "a50"], ["a03", "a41", "a77"], [f"a{number:02}" for number in range(100)]])
@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied"])
def test_kind_14_one_alarm_that_stays_does_not_keep_the_batch(bad: list[str], code: str) -> None:
    names = [f"a{number:02}" for number in range(100)]
    account = account_with(*map(metric, names))
    account.refused = {name: refusal(code) for name in bad}
    done, told = run(account, absent(*names))
    assert account.done == deleted(done) == [name for name in names if name not in bad]
    assert len(told["problems"]) == len(bad) and all(name in problem for name, problem in zip(bad, told["problems"]))
    assert len(told["left"]) == 1 and all(f'"{name}"' in told["left"][0] for name in bad)
    assert len(account.calls) <= 2 * len(bad) * 8 + 1


@pytest.mark.parametrize("others_are_deleted", [True, False])
def test_kind_14_names_that_are_gone_already_are_no_failure(others_are_deleted: bool) -> None:
    account = account_with(metric("a"), metric("b"))
    delete = account.backend.delete_alarms

    def with_a_rival(names: list[str]) -> None:
        account.backend.delete_alarms = delete
        delete(["b"])
        if not others_are_deleted:
            raise refusal("ResourceNotFound", 404)
        delete(names)

    account.backend.delete_alarms = with_a_rival
    done, told = run(account, absent("a", "b"))
    assert not told and "a" in deleted(done) and account.shown() == {}


def test_kind_17_what_does_not_depend_on_a_refused_alarm_is_done() -> None:
    listed = (metric("bad"), metric("good"), composite("on-bad", "ALARM(bad)"), composite("on-on-bad", "OK(on-bad)"), composite("on-good", "ALARM(good)"))
    account = Account()
    account.refused = {"bad": refusal("ValidationError")}
    done, told = run(account, planner.Desired(listed))
    assert account.done == ["good", "on-good"]
    assert told["problems"] == ['Could not create the metric alarm "bad": An error occurred (ValidationError) when calling the Operation operation: because']
    assert told["steps"] == done.steps == ['create the metric alarm "good"', 'create the composite alarm "on-good"']
    assert told["left"] == [
        'create the metric alarm "bad"', 'create the composite alarm "on-bad" (it refers to "bad")',
        'create the composite alarm "on-on-bad" (it refers to "on-bad")',
    ]
    account.refused = {}
    assert run(account, planner.Desired(listed))[0].steps == [step.partition(" (it")[0] for step in told["left"]]


def test_kind_17_what_a_failed_alarm_stands_on_is_not_deleted() -> None:
    account = account_with(metric("ours-old"), metric("ours-older"), composite("ours-group", "ALARM(ours-old)"))
    account.refused = {"ours-group": refusal("ValidationError")}
    done, told = run(account, planner.Desired((composite("ours-group", "TRUE"),), purge_prefix="ours-"))
    assert account.done == ["ours-older"]
    assert told["left"] == ['update the composite alarm "ours-group": alarm_rule', 'delete the metric alarm "ours-old"']
    assert done.steps == ['delete the metric alarm "ours-older"']


THROTTLED, BROKEN, AWAY = refusal("Throttling"), refusal("InternalFailure", 500), EndpointConnectionError(endpoint_url="https://monitoring.example.com")


@pytest.mark.parametrize(
    "error", [refusal("ExpiredToken", 403), refusal("InvalidClientTokenId", 403), refusal("LimitExceeded"), THROTTLED, BROKEN, AWAY],
    ids=lambda error: type(error).__name__ if not isinstance(error, ClientError) else error.response["Error"]["Code"],
)
def test_kind_17_what_every_call_would_meet_ends_the_run(error: Exception) -> None:
    account = Account()
    account.refused = {"b": error}
    done, told = run(account, planner.Desired(tuple(map(metric, "abc"))))
    assert account.calls[:2] == [["a"], ["b"]] and all(call == ["b"] for call in account.calls[2:])
    assert (len(account.calls) > 2) == (error in (THROTTLED, BROKEN, AWAY)), "only what may pass is tried again"
    assert (done.steps, len(told["problems"])) == (['create the metric alarm "a"'], 1)
    assert told["left"] == ['create the metric alarm "b"', 'create the metric alarm "c"']
    (problem,) = told["problems"]
    assert problem.startswith(f'Could not create the metric alarm "b": {error}')
    assert ("AWS may have done it all the same" in problem) == (error is BROKEN)


def test_kind_17_a_deletion_that_every_call_would_meet_is_not_tried_in_halves() -> None:
    account = account_with(*map(metric, "abc"))
    account.refused = {"a": refusal("ExpiredToken", 403)}
    done, told = run(account, absent("a", "b", "c"))
    assert account.calls == [["a", "b", "c"]] and len(told["problems"]) == 1 and not done.made
    assert told["left"] == ['delete the metric alarms "a", "b", "c"']


NAMES = [*"abcd", *"wxyz"]
rules = st.lists(st.sampled_from("abcd"), max_size=3).map(lambda children: " OR ".join(f"ALARM({child})" for child in children) or "FALSE")


@st.composite
def worlds(draw: t.Any) -> tuple[dict[str, t.Any], ...]:
    """Metric alarms, composite alarms on them, and composite alarms on those."""
    alarms = [metric(name, Threshold=draw(st.sampled_from([1.0, 2.0]))) for name in "abcd"]
    alarms += [composite(name, draw(rules)) for name in draw(st.lists(st.sampled_from("wx"), unique=True))]
    there = [alarm["AlarmName"] for alarm in alarms if "AlarmRule" in alarm]
    upper = [composite(name, f"OK({draw(st.sampled_from(there))})" if there else "TRUE") for name in draw(st.lists(st.sampled_from("yz"), unique=True))]
    stood_on = set().union(*(one.references(alarm) for alarm in (*alarms, *upper)))
    spare = [name for name in "abcd" if name not in stood_on]
    gone = draw(st.lists(st.sampled_from(spare), unique=True)) if spare else []
    return tuple(alarm for alarm in (*alarms, *upper) if alarm["AlarmName"] not in gone)


@settings(max_examples=60, deadline=None)
@given(before=worlds(), after=worlds(), bad=st.lists(st.sampled_from(NAMES), unique=True))
def test_kind_17_whatever_is_refused_the_rest_is_done_and_told_and_the_next_run_does_what_was_left(before: t.Any, after: t.Any, bad: list[str]) -> None:
    account, desired = account_with(*before), planner.Desired(after, frozenset(NAMES) - {alarm["AlarmName"] for alarm in after})
    seen, plan = account.shown(), planner.Look(account, desired)()
    account.refused = {name: refusal("ValidationError") for name in bad}
    done, told = run(account, desired)
    assert applied(seen, done.differences) == account.shown()
    assert bool(told) == any(name in bad for change in plan.changes for name in _names(change))
    if told:
        assert told["problems"] and told["left"] and not set(told["left"]) & set(done.steps)
        # What would only be refused as something else was is not even tried.
        assert all(problem.split('"')[1] in bad for problem in told["problems"])
    account.refused = {}
    rest, failed = run(account, desired)
    assert not failed and bool(rest.made) == bool(told)
    assert not planner.Look(account, desired)()


def _names(change: t.Any) -> list[str]:
    return change.parameters.get("AlarmNames") or [change.parameters["AlarmName"]]


# Actions that are off

@pytest.mark.parametrize(
    ("listed", "there", "after"),
    [(None, False, False), (None, True, True), (None, None, None), (True, False, True), (False, True, False), (False, None, False)],
)
def test_kind_19_whether_actions_run_stays_as_it_is_unless_it_is_listed(listed: bool | None, there: bool | None, after: bool | None) -> None:
    wanted = {**metric("a"), "Threshold": 2, **({} if listed is None else {"ActionsEnabled": listed})}
    existing = {**metric("a"), "Threshold": 1, **({} if there is None else {"ActionsEnabled": there})}
    there_now = planner.Observed((existing,))
    (change,) = planner.plan(planner.Desired((wanted,)), there_now).changes
    assert change.parameters.get("ActionsEnabled") is after
    assert ("off and stay so" in change.summary) == (listed is None and there is False)
    assert planner.muted(planner.Desired((wanted,)), there_now) == (["a"] if after is False else [])
    left = [one.difference for one in planner.plan(planner.Desired((wanted,)), there_now).left_alone]
    assert left == ([("alarm a", "actions_enabled", False, True, False)] if listed is None and there is False else [])
    unchanged = planner.plan(planner.Desired(({**wanted, "Threshold": 1},)), there_now)
    assert bool(unchanged) == (listed is not None and listed != (there is not False))


def test_kind_19_a_new_alarm_is_muted_only_by_the_list() -> None:
    assert planner.muted(planner.Desired((metric("a"), {**metric("b"), "ActionsEnabled": False})), planner.Observed()) == ["b"]


# Answers that lack what the model lists

FULL: dict[str, t.Any] = {
    **metric("a"), one.KIND: one.METRIC, "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a", "ActionsEnabled": True, "OKActions": [],
    "AlarmActions": [], "InsufficientDataActions": [], "StateValue": "OK", "StateReason": "x", "TreatMissingData": "missing", "EvaluationPeriods": 1,
    "Dimensions": [{"Name": "d", "Value": "v"}], "Namespace": "n", "Period": 60, "Statistic": "Sum", "Threshold": 1.0,
    "Metrics": [{"Id": "m", "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "m", "Dimensions": []}, "Period": 60, "Stat": "Sum"}}],
}
GROUP: dict[str, t.Any] = {
    **composite("b", "ALARM(a)"), one.KIND: one.COMPOSITE, "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:b", "ActionsEnabled": True,
    "ActionsSuppressor": "a", "ActionsSuppressorWaitPeriod": 1, "ActionsSuppressorExtensionPeriod": 1, "StateValue": "OK",
}


def stripped(value: t.Any) -> t.Iterator[t.Any]:
    """The value without one key, for each key at any depth, but for its identity."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("AlarmName", one.KIND):
                yield {other: kept for other, kept in value.items() if other != key}
                yield from ({**value, key: less} for less in stripped(item))
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from ([*value[:number], less, *value[number + 1 :]] for less in stripped(item))


class Pages:
    """Answers DescribeAlarms with one page."""

    meta = types.SimpleNamespace(service_model=botocore.session.get_session().get_service_model("cloudwatch"))

    def __init__(self, page: dict[str, t.Any]) -> None:
        self.page = page

    def get_paginator(self, _operation: str) -> Pages:
        return self

    def paginate(self, **_which: t.Any) -> list[dict[str, t.Any]]:
        return [self.page]


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ({}, []), ({"MetricAlarms": None}, []), ({"MetricAlarms": [{}]}, []),
        ({"MetricAlarms": [{"AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"}]}, [("a", one.METRIC)]),
        ({"CompositeAlarms": [{"AlarmName": "b"}], "MetricAlarms": [{"AlarmName": "a"}]}, [("a", one.METRIC), ("b", one.COMPOSITE)]),
        ({"LogAlarms": [{"AlarmName": "c"}], "TraceAlarms": [{"AlarmName": "d"}]}, [("c", one.LOG)]),
    ],
)
def test_kind_07_a_page_may_lack_lists_and_alarms_may_lack_their_names(page: dict[str, t.Any], seen: list[tuple[str, str]]) -> None:
    alarms = planner.observe(Pages(page), planner.Desired(absent=frozenset("x"))).alarms
    assert sorted((alarm["AlarmName"], one.kind_of(alarm)) for alarm in alarms) == seen


@pytest.mark.parametrize("alarm", [FULL, GROUP], ids=["metric", "composite"])
def test_kind_07_an_answer_may_lack_any_field(alarm: dict[str, t.Any]) -> None:
    listed = planner.Desired(({key: value for key, value in alarm.items() if key not in (one.KIND, "AlarmArn")},))
    removal = planner.Desired(absent=frozenset({alarm["AlarmName"]}))
    answered = {one.METRIC: "MetricAlarms", one.COMPOSITE: "CompositeAlarms"}
    for less in stripped(alarm):
        page = {"MetricAlarms": [FULL], "CompositeAlarms": [GROUP], answered[alarm[one.KIND]]: [less]}
        seen = planner.observe(Pages(page), removal)
        assert planner.refusals(listed, seen) == []
        there = planner.Observed(tuple(seen_one for seen_one in seen.alarms if seen_one["AlarmName"] == alarm["AlarmName"]))
        assert {difference.object for difference in planner.plan(listed, there).differences} <= {f"alarm {alarm['AlarmName']}"}
        (step,) = planner.plan(removal, there).steps
        assert step == f'delete the {one.KINDS[alarm[one.KIND]]} "{alarm["AlarmName"]}"'
        assert planner.refusals(planner.Desired(absent=frozenset("z")), there._replace(composites=there.alarms)) == []
        assert planner.muted(listed, there) == []
