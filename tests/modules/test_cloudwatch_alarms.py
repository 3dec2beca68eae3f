# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_alarms against the sandbox: what it makes, what it leaves alone, and what it does on a bad day."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.huntaze.ai_system.plugins.modules import cloudwatch_alarms

BOTH = ["MetricAlarm", "CompositeAlarm"]
PUT, PUT_COMPOSITE, DELETE, DESCRIBE = (
    f"cloudwatch.{operation}" for operation in ("PutMetricAlarm", "PutCompositeAlarm", "DeleteAlarms", "DescribeAlarms")
)
TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"
GUIDE = {
    "alarm_name": "huntaze-ai-rate-limit-exceeded",
    "alarm_description": "Alert when rate limits are frequently exceeded",
    "metric_name": "RateLimitExceeded",
    "namespace": "Huntaze/AI",
    "statistic": "Sum",
    "period": 300,
    "threshold": 100,
    "comparison_operator": "GreaterThanThreshold",
    "evaluation_periods": 1,
}
STAT = {"metric": {"namespace": "Huntaze/AI", "metric_name": "Latency", "dimensions": [{"name": "Agent", "value": "a"}]}, "period": 60, "stat": "p99"}
MATH = {
    "alarm_name": "huntaze-ai-math",
    "metrics": [
        {"id": "hits", "metric_stat": {**STAT, "stat": "Sum"}, "return_data": False},
        {"id": "latency", "metric_stat": STAT, "return_data": False},
        {"id": "both", "expression": "latency / hits", "label": "Latency by hit"},
    ],
    "evaluation_periods": 2,
    "threshold": 0.5,
    "comparison_operator": "LessThanThreshold",
    "treat_missing_data": "breaching",
}
BAND = {
    "alarm_name": "huntaze-ai-band",
    "metrics": [{"id": "latency", "metric_stat": STAT}, {"id": "band", "expression": "ANOMALY_DETECTION_BAND(latency, 3)"}],
    "threshold_metric_id": "band",
    "evaluation_periods": 3,
    "datapoints_to_alarm": 2,
    "comparison_operator": "GreaterThanUpperThreshold",
}
COMPOSITE = {
    "alarm_name": "huntaze-ai-a-group",  # before its children, by name
    "alarm_rule": 'ALARM("huntaze-ai-rate-limit-exceeded") AND NOT OK("huntaze-ai-a-inner")\n',
    "alarm_actions": [TOPIC],
    "tags": {"team": "platform"},
}
INNER = {
    "alarm_name": "huntaze-ai-a-inner",
    "alarm_rule": 'ALARM("huntaze-ai-math") OR ALARM("huntaze-ai-band")',
    "actions_suppressor": "huntaze-ai-rate-limit-exceeded",
    "actions_suppressor_wait_period": 60,
    "actions_suppressor_extension_period": 30,
}
ALL = [COMPOSITE, INNER, MATH, BAND, GUIDE]


@pytest.fixture
def cloudwatch(sandbox: t.Any, estate: t.Any) -> t.Any:
    return sandbox.client("cloudwatch")


@pytest.fixture
def run(run_module: t.Any, estate: t.Any) -> t.Callable[..., t.Any]:
    def run(alarms: list[dict[str, t.Any]], *, check: bool = False, kill_after: int | None = None, **options: t.Any) -> t.Any:
        return run_module("cloudwatch_alarms", {"alarms": alarms, **options}, check=check, kill_after=kill_after)

    return run


def alarms_of(cloudwatch: t.Any) -> dict[str, dict[str, t.Any]]:
    """All alarms, by name, without their dates."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=BOTH)
    return {
        alarm["AlarmName"]: {key: value for key, value in alarm.items() if not key.endswith("Timestamp") and key != "StateReasonData"}
        for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page[kind]
    }


def changed(result: t.Any) -> bool:
    assert not result.get("failed"), result["msg"]
    return result["changed"]


def mutations(sandbox: t.Any) -> dict[str, int]:
    return {name: count for name, count in sandbox.calls().items() if name in (PUT, PUT_COMPOSITE, DELETE)}


# What it makes

def test_every_kind_of_alarm(sandbox: t.Any, run: t.Any, cloudwatch: t.Any) -> None:
    predicted = run(ALL, check=True)
    assert changed(predicted) and alarms_of(cloudwatch) == {}
    result = run(ALL)
    told = ("steps", "diff", "differences", "created")
    assert {key: result[key] for key in told} == {key: predicted[key] for key in told}
    assert {"object": "alarm huntaze-ai-band", "field": "threshold_metric_id", "before": None, "after": "band", "secret": False} in result["differences"]
    assert result["steps"] == [
        'create the metric alarm "huntaze-ai-math"',
        'create the metric alarm "huntaze-ai-band"',
        'create the metric alarm "huntaze-ai-rate-limit-exceeded"',
        'create the composite alarm "huntaze-ai-a-inner"',
        'create the composite alarm "huntaze-ai-a-group"',
    ]
    there = alarms_of(cloudwatch)
    assert there["huntaze-ai-a-group"]["AlarmRule"] == COMPOSITE["alarm_rule"].strip()
    assert there["huntaze-ai-a-group"]["AlarmActions"] == [TOPIC]
    assert there["huntaze-ai-a-inner"]["ActionsSuppressorExtensionPeriod"] == 30
    assert there["huntaze-ai-band"]["ThresholdMetricId"] == "band" and "Threshold" not in there["huntaze-ai-band"]
    assert there["huntaze-ai-math"]["Metrics"][1] == {
        "Id": "latency",
        "MetricStat": {
            "Metric": {"Namespace": "Huntaze/AI", "MetricName": "Latency", "Dimensions": [{"Name": "Agent", "Value": "a"}]},
            "Period": 60, "Stat": "p99",
        },
        "ReturnData": False,
    }
    tags = cloudwatch.list_tags_for_resource(ResourceARN=there["huntaze-ai-a-group"]["AlarmArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "platform"}]

    sandbox.control.forget_calls()
    again = run(ALL)
    assert not changed(again) and again["unchanged"] == sorted(there) and again["diff"] == {"before": {}, "after": {}} and again["differences"] == []
    assert sandbox.calls() == {DESCRIBE: 1}


def test_the_guides_alarm_has_exactly_its_values(run: t.Any, cloudwatch: t.Any) -> None:
    run([GUIDE])
    (alarm,) = alarms_of(cloudwatch).values()
    assert alarm == {
        "AlarmName": "huntaze-ai-rate-limit-exceeded",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:huntaze-ai-rate-limit-exceeded",
        "AlarmDescription": "Alert when rate limits are frequently exceeded",
        "MetricName": "RateLimitExceeded",
        "Namespace": "Huntaze/AI",
        "Statistic": "Sum",
        "Period": 300,
        "Threshold": 100.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Dimensions": [],
        "ActionsEnabled": True,
        **{actions: [] for actions in ("AlarmActions", "OKActions", "InsufficientDataActions")},
        "StateValue": "INSUFFICIENT_DATA",
        "StateReason": "Unchecked: Initial alarm creation",
    }


def test_an_update_writes_what_differs_and_says_so(sandbox: t.Any, run: t.Any, cloudwatch: t.Any) -> None:
    run(ALL)
    sandbox.control.forget_calls()
    inner = {**INNER, "alarm_rule": "ALARM(huntaze-ai-math)", "actions_suppressor": None, "actions_suppressor_wait_period": None,
             "actions_suppressor_extension_period": None}
    guide = {**GUIDE, "threshold": 200, "ok_actions": [TOPIC], "alarm_description": None}
    listed = [COMPOSITE, inner, MATH, BAND, guide]
    predicted = run(listed, check=True)
    result = run(listed)
    assert result["steps"] == predicted["steps"] == [
        'update the metric alarm "huntaze-ai-rate-limit-exceeded": alarm_description, ok_actions, threshold',
        'update the composite alarm "huntaze-ai-a-inner": actions_suppressor, actions_suppressor_extension_period, '
        "actions_suppressor_wait_period, alarm_rule",
    ]
    assert mutations(sandbox) == {PUT: 1, PUT_COMPOSITE: 1}
    assert result["updated"] == ["huntaze-ai-a-inner", "huntaze-ai-rate-limit-exceeded"]
    name, text = "alarm huntaze-ai-rate-limit-exceeded", "Alert when rate limits are frequently exceeded"
    assert [(one["field"], one["before"], one["after"]) for one in result["differences"] if one["object"] == name] == [
        ("alarm_description", text, None), ("ok_actions", None, [TOPIC]), ("threshold", 100, 200),
    ]
    assert result["diff"]["before"][name] == {"alarm_description": text, "threshold": 100}
    assert result["diff"]["after"][name] == {"ok_actions": [TOPIC], "threshold": 200}
    there = alarms_of(cloudwatch)
    assert "AlarmDescription" not in there["huntaze-ai-rate-limit-exceeded"]
    assert "ActionsSuppressor" not in there["huntaze-ai-a-inner"]
    assert not changed(run(listed))


def test_a_composite_may_stand_on_alarms_of_others(run: t.Any, cloudwatch: t.Any) -> None:
    run([{**GUIDE, "alarm_name": "theirs"}])
    composite = {**COMPOSITE, "alarm_rule": "OK(theirs)"}
    assert run([composite])["created"] == [COMPOSITE["alarm_name"]]
    assert changed(run([{**composite, "alarm_rule": "ALARM(theirs)"}], prefix="huntaze-", purge=True))
    assert set(alarms_of(cloudwatch)) == {COMPOSITE["alarm_name"], "theirs"}


# What it leaves alone

def test_fields_that_it_does_not_know_survive(run: t.Any, cloudwatch: t.Any) -> None:
    run([GUIDE, {**COMPOSITE, "alarm_rule": "FALSE"}])
    newer = {"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5}, "EvaluationWindow": {"WallClockWindow": {"Timezone": "UTC"}}}
    propagation = {"ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": True}}}
    there = alarms_of(cloudwatch)
    watched = ("AlarmName", "AlarmDescription", "MetricName", "Namespace", "Statistic", "Period", "Threshold", "ComparisonOperator", "EvaluationPeriods")
    cloudwatch.put_metric_alarm(**{key: there[GUIDE["alarm_name"]][key] for key in watched}, **newer, **propagation)
    cloudwatch.put_composite_alarm(AlarmName=COMPOSITE["alarm_name"], AlarmRule="FALSE", AlarmActions=[TOPIC], **propagation)
    assert not changed(run([GUIDE, {**COMPOSITE, "alarm_rule": "FALSE"}]))
    result = run([{**GUIDE, "threshold": 7}, {**COMPOSITE, "alarm_rule": "TRUE"}])
    assert result["updated"] == [COMPOSITE["alarm_name"], GUIDE["alarm_name"]]
    there = alarms_of(cloudwatch)
    assert {key: there[GUIDE["alarm_name"]].get(key) for key in (*newer, *propagation)} == {**newer, **propagation}
    assert {key: there[COMPOSITE["alarm_name"]].get(key) for key in propagation} == propagation


def test_order_and_defaults_are_no_drift(run: t.Any, cloudwatch: t.Any) -> None:
    other = TOPIC + "-2"
    dimensions = [{"name": "b", "value": "2"}, {"name": "a", "value": "1"}]
    cloudwatch.put_metric_alarm(
        AlarmName="single", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=2, DatapointsToAlarm=2, Threshold=80.0,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="missing", ActionsEnabled=True, AlarmDescription="",
        AlarmActions=[TOPIC, other], Dimensions=[{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}],
    )
    single = {
        "alarm_name": "single", "namespace": "n", "metric_name": "m", "statistic": "Sum", "period": "60", "evaluation_periods": 2, "threshold": "80",
        "comparison_operator": "GreaterThanThreshold", "alarm_actions": [other, TOPIC], "dimensions": dimensions,
    }
    math = {**MATH, "metrics": MATH["metrics"][::-1], "alarm_actions": [other, TOPIC]}
    run([{**MATH, "alarm_actions": [TOPIC, other]}])
    assert not changed(run([single, math]))
    assert changed(run([{**single, "unit": "Count"}, math]))  # a unit is real


def test_tags_of_an_alarm_that_exists_are_left_alone(sandbox: t.Any, run: t.Any, cloudwatch: t.Any) -> None:
    run([{**GUIDE, "tags": {"team": "one"}}])
    assert not changed(run([{**GUIDE, "tags": {"team": "two"}}]))
    assert changed(run([{**GUIDE, "tags": {"team": "two"}, "threshold": 1}]))
    (alarm,) = alarms_of(cloudwatch).values()
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "one"}]
    assert "cloudwatch.TagResource" not in sandbox.calls()


# What it removes

def test_a_purge_removes_what_is_not_listed_of_the_prefix(sandbox: t.Any, run: t.Any, cloudwatch: t.Any) -> None:
    run([*ALL, {**GUIDE, "alarm_name": "elsewhere"}])
    predicted = run([GUIDE, MATH], prefix="huntaze-", purge=True, check=True)
    sandbox.control.forget_calls()
    result = run([GUIDE, MATH], prefix="huntaze-", purge=True)
    assert result["steps"] == predicted["steps"] == [
        'delete the composite alarm "huntaze-ai-a-group"', 'delete the composite alarm "huntaze-ai-a-inner"', 'delete the metric alarm "huntaze-ai-band"',
    ]
    assert result["removed"] == ["huntaze-ai-a-group", "huntaze-ai-a-inner", "huntaze-ai-band"]
    assert sandbox.calls() == {DESCRIBE: 3, DELETE: 3}  # all composite alarms too, and what is there afterwards
    assert set(alarms_of(cloudwatch)) == {"elsewhere", "huntaze-ai-math", "huntaze-ai-rate-limit-exceeded"}
    assert not changed(run([GUIDE, MATH], prefix="huntaze-", purge=True))
    assert run([], prefix="huntaze-", purge=True)["removed"] == ["huntaze-ai-math", "huntaze-ai-rate-limit-exceeded"]
    assert set(alarms_of(cloudwatch)) == {"elsewhere"}


def test_an_update_takes_a_child_out_before_the_purge_removes_it(run: t.Any, cloudwatch: t.Any) -> None:
    run(ALL)
    inner = {**INNER, "alarm_rule": "ALARM(huntaze-ai-math)"}
    assert run([COMPOSITE, inner, MATH, GUIDE], prefix="huntaze-", purge=True)["removed"] == ["huntaze-ai-band"]
    assert "huntaze-ai-band" not in alarms_of(cloudwatch)


def test_absent_removes_the_named_ones_parents_first(sandbox: t.Any, run: t.Any, cloudwatch: t.Any) -> None:
    run(ALL)
    sandbox.control.forget_calls()
    named = [{"alarm_name": alarm["alarm_name"]} for alarm in (GUIDE, BAND, INNER, COMPOSITE)]
    predicted = run([*named, {"alarm_name": "nobody"}], state="absent", check=True)
    result = run([*named, {"alarm_name": "nobody"}], state="absent")
    assert result["steps"] == predicted["steps"] and changed(result)
    assert set(alarms_of(cloudwatch)) == {"huntaze-ai-math"}
    assert mutations(sandbox) == {DELETE: 3}
    assert not changed(run(named, state="absent"))


# Many

def many(count: int) -> list[dict[str, t.Any]]:
    return [{**GUIDE, "alarm_name": f"many-{number:04}", "threshold": number} for number in range(count)]


def test_a_thousand_unchanged_alarms_take_ten_descriptions(sandbox: t.Any, run: t.Any) -> None:
    assert len(run(many(1000))["created"]) == 1000
    for options in ({}, {"prefix": "many-", "purge": True}):
        sandbox.control.forget_calls()
        result = run(many(1000), **options)
        assert not changed(result) and len(result["unchanged"]) == 1000
        assert sandbox.calls() == {DESCRIBE: 10}


@pytest.mark.parametrize(("count", "rate"), [(10, 3), (100, 20)])
def test_throttling_slows_it_down_and_nothing_else(sandbox: t.Any, run: t.Any, cloudwatch: t.Any, count: int, rate: int) -> None:
    with sandbox.fault("throttle", service="cloudwatch", operation="PutMetricAlarm", rate=rate):
        assert len(run(many(count))["created"]) == count
        assert sandbox.calls()[PUT] > count  # it was too fast at first
    assert len(alarms_of(cloudwatch)) == count


# A bad day

CHANGES = [COMPOSITE, {**INNER, "alarm_rule": "ALARM(huntaze-ai-math)"}, MATH, {**GUIDE, "threshold": 1}]


def before_the_changes(run: t.Any) -> None:
    run([{**INNER, "alarm_name": "huntaze-old-inner"}, {**INNER, "alarm_name": "huntaze-old", "alarm_rule": "OK(huntaze-old-inner)"}, *ALL[2:]])


def test_a_run_that_is_killed_is_completed_by_the_next_although_answers_are_lost(sandbox: t.Any, run: t.Any, cloudwatch: t.Any) -> None:
    """One life; the engine's own test has one for each call."""
    before_the_changes(run)
    announced = run(CHANGES, prefix="huntaze-", purge=True, check=True)["steps"]
    assert len(announced) == 6
    assert run(CHANGES, prefix="huntaze-", purge=True, kill_after=1).killed
    for operation in ("PutMetricAlarm", "PutCompositeAlarm", "DeleteAlarms"):
        sandbox.control.add_fault(kind="lost_answer", service="cloudwatch", operation=operation, times=1)
    rest = run(CHANGES, prefix="huntaze-", purge=True)
    assert changed(rest) and [step.removesuffix(" (the answer was lost)") for step in rest["steps"]] == announced[1:]
    assert sum(step.endswith(" (the answer was lost)") for step in rest["steps"]) == len({announced[n].split()[0] for n in range(1, 6)})
    assert not changed(run(CHANGES, prefix="huntaze-", purge=True))
    there = alarms_of(cloudwatch)
    assert set(there) == {alarm["alarm_name"] for alarm in CHANGES}
    assert there[GUIDE["alarm_name"]]["Threshold"] == 1 and there[INNER["alarm_name"]]["AlarmRule"] == "ALARM(huntaze-ai-math)"


def test_refusals_come_in_one_message_before_any_call(sandbox: t.Any, run: t.Any) -> None:
    bad = [{**GUIDE, "period": 45}, GUIDE, {**MATH, "threshold": None}, {**COMPOSITE, "alarm_rule": "OK(huntaze-ai-a-group)"}]
    result = run(bad, purge=True)
    assert result["failed"] and result["msg"].startswith("Nothing was read or changed: ")
    for words in ("period is 45", "listed already as alarms[0]", "threshold is missing", "refers to itself", "purge needs a prefix"):
        assert words in result["msg"]
    assert len(result["problems"]) == 5 and (result["changed"], result["steps"]) == (False, [])
    assert "prefix 'x ' ends with a blank" in run([], prefix="x ", purge=True)["msg"] and "use up to 255" in run([], prefix="x" * 256, purge=True)["msg"]
    assert "purge does not go with state absent" in run([GUIDE], prefix="x", purge=True, state="absent")["msg"]
    assert sandbox.calls() == {}


def test_conflicts_with_the_account_are_refused_before_any_change(sandbox: t.Any, run: t.Any) -> None:
    run([GUIDE])
    result = run([MATH, {**COMPOSITE, "alarm_name": GUIDE["alarm_name"], "alarm_rule": "TRUE"}, {**COMPOSITE, "alarm_rule": "OK(nobody)"}])
    assert result["msg"].startswith("Nothing was changed: ")
    left = {one["object"]: one["field"] for one in result["left_alone"]}
    assert left[f"alarm {GUIDE['alarm_name']}"] == "kind" and left["alarm nobody"] == "exists" and f"alarm {MATH['alarm_name']}" in left
    assert "exists as a metric alarm" in result["msg"] and '"nobody", which neither exists nor is listed' in result["msg"]
    assert mutations(sandbox) == {PUT: 1}


def test_what_aws_rejects_after_all_is_explained_and_does_not_keep_the_others(run: t.Any, cloudwatch: t.Any) -> None:
    """A rule deeper than the sandbox reads stands for whatever AWS refuses that nobody foresaw."""
    deep = {**COMPOSITE, "alarm_rule": "(" * 490 + "TRUE" + ")" * 490}
    dependent = {**COMPOSITE, "alarm_name": "huntaze-ai-top", "alarm_rule": f"ALARM({COMPOSITE['alarm_name']})"}
    run([{**GUIDE, "threshold": 1}])
    result = run([dependent, deep, MATH, GUIDE])
    assert result["failed"] and 'Could not create the composite alarm "huntaze-ai-a-group": ' in result["msg"]
    assert 'Done: created "huntaze-ai-math"; updated "huntaze-ai-rate-limit-exceeded". Left to do: create the composite alarm' in result["msg"]
    assert result["changed"] and set(alarms_of(cloudwatch)) == {GUIDE["alarm_name"], MATH["alarm_name"]}
    assert (result["created"], result["updated"], result["removed"]) == ([MATH["alarm_name"]], [GUIDE["alarm_name"]], [])
    assert result["steps"] == ['create the metric alarm "huntaze-ai-math"', 'update the metric alarm "huntaze-ai-rate-limit-exceeded": threshold']
    assert result["left"] == [
        'create the composite alarm "huntaze-ai-a-group"', 'create the composite alarm "huntaze-ai-top" (it refers to "huntaze-ai-a-group")',
    ]
    assert set(result["diff"]["after"]) == {one["object"] for one in result["differences"]} == {f"alarm {alarm['alarm_name']}" for alarm in (MATH, GUIDE)}
    assert len(result["problems"]) == 1


# What stands on the listed alarms, and what is there beside metric and composite alarms

@pytest.mark.parametrize("check", [True, False])
def test_kind_14_an_alarm_that_a_composite_elsewhere_stands_on_is_kept_with_all_others(sandbox: t.Any, run: t.Any, cloudwatch: t.Any, check: bool) -> None:
    run([GUIDE, MATH])
    cloudwatch.put_composite_alarm(AlarmName="theirs", AlarmRule='AT_LEAST(1, ALARM, ("huntaze-ai-math"))')
    for options in ({"state": "absent"}, {"prefix": "huntaze-", "purge": True}):
        result = run([GUIDE, MATH] if "state" in options else [], check=check, **options)
        assert result["msg"].startswith("Nothing was changed: ") and 'the composite alarm "theirs" stands on it' in result["msg"]
    assert set(alarms_of(cloudwatch)) == {"theirs", GUIDE["alarm_name"], MATH["alarm_name"]}
    assert DELETE not in sandbox.calls()
    assert run([MATH, {"alarm_name": "theirs"}], state="absent")["removed"] == ["huntaze-ai-math", "theirs"]


LOG = {
    "AlarmName": "huntaze-ai-errors", "QueryResultsToEvaluate": 1, "QueryResultsToAlarm": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
    "ScheduledQueryConfiguration": {
        "QueryString": "filter level = 'error'", "ScheduledQueryRoleARN": "arn:aws:iam::123456789012:role/q", "AggregationExpression": "count(*)",
        "ScheduleConfiguration": {"ScheduleExpression": "rate(5 minutes)", "StartTimeOffset": 300},
    },
}


def test_kind_12_log_alarms_are_seen_kept_and_their_names_respected(run: t.Any, cloudwatch: t.Any) -> None:
    cloudwatch.put_log_alarm(**LOG)
    clash = run([{**GUIDE, "alarm_name": LOG["AlarmName"]}])
    assert clash["msg"].startswith("Nothing was changed: ") and "exists as a log alarm" in clash["msg"]
    group = {**COMPOSITE, "alarm_rule": 'AT_LEAST(50%, NOT OK, (huntaze-ai-errors, "huntaze-ai-math"))'}
    result = run([group, MATH], prefix="huntaze-", purge=True)
    assert changed(result) and result["kept"] == [LOG["AlarmName"]] and result["steps"][0] == 'create the metric alarm "huntaze-ai-math"'
    assert not changed(run([group, MATH], prefix="huntaze-", purge=True))
    assert run([{"alarm_name": name} for name in (group["alarm_name"], LOG["AlarmName"])], state="absent")["removed"] == [group["alarm_name"], LOG["AlarmName"]]


def test_kind_12_names_that_look_like_a_part_of_an_arn(run: t.Any, cloudwatch: t.Any) -> None:
    odd = {**GUIDE, "alarm_name": "team:alarm:cpu"}
    decoy = {**GUIDE, "alarm_name": "cpu"}
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:team:alarm:cpu"
    group = {**COMPOSITE, "alarm_rule": f'ALARM("{arn}") OR OK(team:alarm:cpu)'}
    assert changed(run([group, odd, decoy]))
    assert not changed(run([group, odd, decoy]))
    assert run([odd], state="absent")["msg"].startswith("Nothing was changed: ")
    assert run([decoy], state="absent")["removed"] == ["cpu"]


def test_kind_12_another_account_or_region_is_refused(run: t.Any) -> None:
    run([GUIDE])
    for place in ("eu-west-1:123456789012", "us-east-1:210987654321"):
        result = run([GUIDE, {**COMPOSITE, "alarm_rule": f"ALARM(arn:aws:cloudwatch:{place}:alarm:{GUIDE['alarm_name']})"}])
        assert result["failed"] and "stands on alarms of its own" in result["msg"]


def test_kind_19_a_muted_alarm_stays_muted_and_is_named(run: t.Any, cloudwatch: t.Any) -> None:
    run([GUIDE, MATH])
    cloudwatch.disable_alarm_actions(AlarmNames=[GUIDE["alarm_name"]])
    result = run([GUIDE, MATH])
    assert not changed(result) and result["muted"] == [GUIDE["alarm_name"]]
    assert [(one["object"], one["field"], one["before"], one["after"]) for one in result["left_alone"]] == [
        ("alarm huntaze-ai-rate-limit-exceeded", "actions_enabled", False, True)
    ]
    assert "huntaze-ai-rate-limit-exceeded" in str(result["warnings"]) and "it tells nobody" in str(result["warnings"])
    assert "deprecations" not in result and len(result["warnings"]) == 1
    result = run([{**GUIDE, "threshold": 7}, MATH])
    assert result["steps"] == ['update the metric alarm "huntaze-ai-rate-limit-exceeded": threshold (its actions are off and stay so)']
    assert alarms_of(cloudwatch)[GUIDE["alarm_name"]]["ActionsEnabled"] is False
    result = run([{**GUIDE, "threshold": 7, "actions_enabled": True}, MATH])
    assert result["muted"] == result["left_alone"] == [] and alarms_of(cloudwatch)[GUIDE["alarm_name"]]["ActionsEnabled"] is True


def test_kind_17_type_errors_name_the_alarm_before_any_call(sandbox: t.Any, run: t.Any) -> None:
    result = run([GUIDE, {**MATH, "evaluation_periods": "three"}, {**BAND, "threshold": True, "actions_enable": False}])
    assert result["msg"].startswith("Nothing was read or changed: ") and sandbox.calls() == {}
    assert result["problems"] == [
        'alarms[1] "huntaze-ai-math": evaluation_periods is \'three\': give a whole number.',
        'alarms[2] "huntaze-ai-band": actions_enable is no option: do you mean actions_enabled?',
        'alarms[2] "huntaze-ai-band": threshold is true: give a number.',
    ]


def test_the_examples_run(run_module: t.Any, estate: t.Any, cloudwatch: t.Any) -> None:
    first, second, removal = (task["huntaze.ai_system.cloudwatch_alarms"] for task in yaml.safe_load(cloudwatch_alarms.EXAMPLES))
    for task in (first, second, removal):
        assert changed(run_module("cloudwatch_alarms", task))
        assert not changed(run_module("cloudwatch_alarms", task))
    assert set(alarms_of(cloudwatch)) == {"huntaze-cache-cpu", "huntaze-cache-misses", "huntaze-cache-unhealthy"}
