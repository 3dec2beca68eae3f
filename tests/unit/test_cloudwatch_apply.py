# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left standing when AWS refuses a part of a plan: all that does not depend on it, and a true account of it."""

from __future__ import annotations

import types
import typing as t

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarm as one
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarms as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.apply import Run


def refusal(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")


class CloudWatch:
    """Refuses calls that have to do with some names, all of the call as AWS does."""

    def __init__(self, **refused: Exception) -> None:
        self.refused = {name.replace("_", "-"): error for name, error in refused.items()}
        self.calls: list[list[str]] = []
        self.done: list[str] = []

    def _call(self, *names: str) -> None:
        self.calls.append(list(names))
        for name in names:
            if name in self.refused:
                raise self.refused[name]
        self.done.extend(names)

    def put_metric_alarm(self, AlarmName: str, **_fields: t.Any) -> None:
        self._call(AlarmName)

    def put_composite_alarm(self, AlarmName: str, **_fields: t.Any) -> None:
        self._call(AlarmName)

    def delete_alarms(self, AlarmNames: list[str]) -> None:
        self._call(*AlarmNames)


def metric(name: str) -> dict[str, t.Any]:
    return {"AlarmName": name, "MetricName": "m"}


def composite(name: str, rule: str) -> dict[str, t.Any]:
    return {"AlarmName": name, "AlarmRule": rule}


def run(cloudwatch: CloudWatch, desired: planner.Desired, *there: dict[str, t.Any]) -> Run:
    done = Run(cloudwatch, planner.Observed(there))
    done.apply(planner.plan(desired, planner.Observed(there)))
    return done


def absent(cloudwatch: CloudWatch, *names: str) -> Run:
    return run(cloudwatch, planner.Desired(absent=frozenset(names)), *map(metric, names))


def steps(done: Run) -> list[str]:
    return [change.summary for change in done.made]


def deleted(done: Run) -> set[str]:
    return {difference.before for change in done.made for difference in change.differences if difference.field == "alarm_name"}


@pytest.mark.parametrize("bad", [["a00"], ["a99"], ["a49", "a50"], ["a03", "a41", "a77"], [f"a{number:02}" for number in range(100)]])
@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied"])
def test_kind_14_one_alarm_that_stays_does_not_keep_the_batch(bad: list[str], code: str) -> None:
    names = [f"a{number:02}" for number in range(100)]
    cloudwatch = CloudWatch(**{name: refusal(code) for name in bad})
    done = absent(cloudwatch, *names)
    assert cloudwatch.done == [name for name in names if name not in bad]
    assert deleted(done) == set(names) - set(bad)
    assert len(done.failures) == len(bad) and all(name in failure for name, failure in zip(bad, done.failures))
    assert len(done.left) == 1 and all(f'"{name}"' in done.left[0] for name in bad)
    assert len(cloudwatch.calls) <= 2 * len(bad) * 8 + 1


def test_kind_14_names_that_are_gone_already_are_no_failure() -> None:
    done = absent(CloudWatch(b=refusal("ResourceNotFound", 404)), "a", "b")
    assert not done.failures and deleted(done) == {"a", "b"}


def test_kind_17_what_does_not_depend_on_a_refused_alarm_is_done() -> None:
    listed = [metric("bad"), metric("good"), composite("on-bad", "ALARM(bad)"), composite("on-on-bad", "OK(on-bad)"), composite("on-good", "ALARM(good)")]
    cloudwatch = CloudWatch(bad=refusal("ValidationError"))
    done = run(cloudwatch, planner.Desired(tuple(listed)))
    assert cloudwatch.done == ["good", "on-good"] 
    assert done.failures == ['Could not create the metric alarm "bad": An error occurred (ValidationError) when calling the Operation operation: because']
    assert steps(done) == ['create the metric alarm "good"', 'create the composite alarm "on-good"']
    assert done.left == [
        'create the metric alarm "bad"', 'create the composite alarm "on-bad" (it refers to "bad")',
        'create the composite alarm "on-on-bad" (it refers to "on-bad")',
    ]


def test_kind_17_what_a_failed_alarm_stands_on_is_not_deleted() -> None:
    observed = [metric("ours-old"), metric("ours-older"), composite("ours-group", "ALARM(ours-old)")]
    cloudwatch = CloudWatch(ours_group=refusal("ValidationError"))
    done = run(cloudwatch, planner.Desired((composite("ours-group", "TRUE"),), purge_prefix="ours-"), *observed)
    assert cloudwatch.done == ["ours-older"]
    assert done.left == ['update the composite alarm "ours-group": alarm_rule', 'delete the metric alarm "ours-old"']
    assert steps(done) == ['delete the metric alarm "ours-older"']


@pytest.mark.parametrize(
    "error",
    [
        refusal("ExpiredToken", 403), refusal("InvalidClientTokenId", 403), refusal("Throttling"), refusal("LimitExceeded"), refusal("InternalFailure", 500),
        EndpointConnectionError(endpoint_url="https://monitoring.example.com"),
    ],
    ids=lambda error: type(error).__name__ if not isinstance(error, ClientError) else error.response["Error"]["Code"],
)
def test_kind_17_what_every_call_would_meet_ends_the_run(error: Exception) -> None:
    cloudwatch = CloudWatch(b=error)
    done = run(cloudwatch, planner.Desired(tuple(map(metric, "abc"))))
    assert cloudwatch.calls == [["a"], ["b"]]
    assert (steps(done), len(done.failures), done.error) == (['create the metric alarm "a"'], 1, error)
    assert done.left == ['create the metric alarm "b"', 'create the metric alarm "c"']
    unsure = not isinstance(error, ClientError) or error.response["Error"]["Code"] in ("Throttling", "InternalFailure")
    assert ("AWS may have done it all the same" in done.failures[0]) == unsure


def test_kind_17_a_deletion_that_every_call_would_meet_is_not_tried_in_halves() -> None:
    cloudwatch = CloudWatch(a=refusal("ExpiredToken", 403))
    done = absent(cloudwatch, "a", "b", "c")
    assert cloudwatch.calls == [["a", "b", "c"]] and len(done.failures) == 1
    assert done.left == ['delete the metric alarms "a", "b", "c"']


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
