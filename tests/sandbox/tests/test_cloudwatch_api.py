# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's CloudWatch, asked with plain boto3, keeps to what AWS documents."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

STATISTICS = ["SampleCount", "Sum", "Minimum", "Maximum", "Average"]
BOTH = ["MetricAlarm", "CompositeAlarm"]
TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"
ALARM: dict[str, t.Any] = {
    "AlarmName": "alarm",
    "Namespace": "Huntaze/AI",
    "MetricName": "RateLimitExceeded",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 100,
    "ComparisonOperator": "GreaterThanThreshold",
}
EVALUATION = {key: ALARM[key] for key in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
STAT = {"Metric": {"Namespace": "Huntaze/AI", "MetricName": "Latency"}, "Period": 60, "Stat": "p99"}
BAND: dict[str, t.Any] = {
    "AlarmName": "band",
    "Metrics": [{"Id": "m", "MetricStat": STAT}, {"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"}],
    "ThresholdMetricId": "b",
    "ComparisonOperator": "GreaterThanUpperThreshold",
    "EvaluationPeriods": 1,
}


@pytest.fixture
def cloudwatch(sandbox: t.Any, estate: t.Any) -> t.Any:
    return sandbox.client("cloudwatch", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(scope="module")
def rejecting(sandbox: t.Any) -> t.Any:
    """For what is rejected and thus leaves nothing behind: no estate has to be made afresh."""
    return sandbox.client("cloudwatch", config=Config(retries={"total_max_attempts": 1}))


def rejected(call: t.Callable[..., t.Any], **parameters: t.Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] // 100 == 4
    return caught.value.response["Error"]["Code"]


def without(alarm: dict[str, t.Any], *fields: str) -> dict[str, t.Any]:
    return {key: value for key, value in alarm.items() if key not in fields}


def described(cloudwatch: t.Any, name: str) -> dict[str, t.Any]:
    answer = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=BOTH)
    (alarm,) = answer["MetricAlarms"] + answer["CompositeAlarms"]
    return alarm


def names(answer: t.Any) -> list[str]:
    return [alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in answer[kind]]


# PutMetricAlarm

def test_put_metric_alarm_overwrites_everything(cloudwatch: t.Any) -> None:
    newer = {
        "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5},
        "EvaluationWindow": {"WallClockWindow": {"Timezone": "UTC"}},
        "ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": True, "IncludedTagKeys": ["team"]}},
    }
    cloudwatch.put_metric_alarm(**ALARM, AlarmDescription="d", AlarmActions=[TOPIC], Dimensions=[{"Name": "a", "Value": "b"}], **newer)
    alarm = described(cloudwatch, "alarm")
    assert {key: alarm[key] for key in newer} == newer
    assert alarm["Dimensions"] == [{"Name": "a", "Value": "b"}]
    cloudwatch.put_metric_alarm(**ALARM)
    alarm = described(cloudwatch, "alarm")
    assert not {"AlarmDescription", *newer} & alarm.keys()
    assert alarm["AlarmActions"] == [] and alarm["Dimensions"] == []
    assert {key: alarm[key] for key in ALARM} == ALARM


def test_an_alarm_starts_without_data_and_an_update_leaves_its_state(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    assert described(cloudwatch, "alarm")["StateValue"] == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName="alarm", StateValue="ALARM", StateReason="test")
    cloudwatch.put_metric_alarm(**{**ALARM, "Threshold": 7})
    alarm = described(cloudwatch, "alarm")
    assert (alarm["StateValue"], alarm["StateReason"], alarm["Threshold"]) == ("ALARM", "test", 7.0)


def test_tags_are_ignored_on_update(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "team", "Value": "first"}])
    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "team", "Value": "second"}])
    arn = described(cloudwatch, "alarm")["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "first"}]
    cloudwatch.delete_alarms(AlarmNames=["alarm"])
    cloudwatch.put_metric_alarm(**ALARM)
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == []


def test_an_alarm_watches_exactly_one_thing(cloudwatch: t.Any) -> None:
    criteria = {"EvaluationCriteria": {"PromQLCriteria": {"Query": "up == 0"}}, "EvaluationInterval": 60}
    metrics = {"Metrics": [{"Id": "m", "MetricStat": STAT}]}
    cloudwatch.put_metric_alarm(AlarmName="prometheus", **criteria)
    assert described(cloudwatch, "prometheus")["EvaluationCriteria"] == criteria["EvaluationCriteria"]
    cloudwatch.put_metric_alarm(AlarmName="math", **metrics, **EVALUATION)
    assert described(cloudwatch, "math")["Metrics"] == metrics["Metrics"]
    for several in (EVALUATION, {**ALARM, **metrics}, {**ALARM, **criteria}, {**metrics, **criteria, **EVALUATION}):
        assert rejected(cloudwatch.put_metric_alarm, **{**several, "AlarmName": "odd"}) == "ValidationError"
    assert "odd" not in names(cloudwatch.describe_alarms())


@pytest.mark.parametrize("field", ["Threshold", "ComparisonOperator", "EvaluationPeriods", "Period", "Statistic", "Namespace"])
def test_fields_that_a_metric_alarm_needs(rejecting: t.Any, field: str) -> None:
    rejected(rejecting.put_metric_alarm, **without(ALARM, field))


@pytest.mark.parametrize(
    "change",
    [
        {"Period": 45},
        {"Period": 300, "EvaluationPeriods": 289},
        {"ExtendedStatistic": "p99"},
        {"DatapointsToAlarm": 2},
        {"TreatMissingData": "nothing"},
        {"EvaluateLowSampleCountPercentile": "never"},
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
        {"ComparisonOperator": "Greater"},
        {"Unit": "Requests"},
        {"AlarmName": "n" * 256},
        {"AlarmDescription": "d" * 1025},
        {"Namespace": ":odd"},
        {"AlarmActions": [TOPIC + str(number) for number in range(6)]},
        {"Dimensions": [{"Name": str(number), "Value": "v"} for number in range(31)]},
        {"EvaluationInterval": 60},
    ],
)
def test_values_that_a_metric_alarm_cannot_have(rejecting: t.Any, change: dict[str, t.Any]) -> None:
    assert rejected(rejecting.put_metric_alarm, **{**ALARM, **change}) == "ValidationError"


def test_an_anomaly_alarm_has_a_band_in_place_of_a_threshold(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**BAND)
    assert {key: described(cloudwatch, "band")[key] for key in BAND} == BAND
    for change in ({"Threshold": 1}, {"ThresholdMetricId": "m"}, {"ThresholdMetricId": "x"}, {"ComparisonOperator": "GreaterThanThreshold"}):
        rejected(cloudwatch.put_metric_alarm, **{**BAND, **change})
    rejected(cloudwatch.put_metric_alarm, **without(BAND, "ThresholdMetricId"))
    rejected(cloudwatch.put_metric_alarm, **{**ALARM, "ThresholdMetricId": "b"})


@pytest.mark.parametrize(
    "metrics",
    [
        [{"Id": "a", "MetricStat": STAT}, {"Id": "b", "Expression": "a * 2"}],  # which of them?
        [{"Id": "a", "MetricStat": STAT, "ReturnData": False}],
        [{"Id": "A", "MetricStat": STAT}],
        [{"Id": "a", "MetricStat": STAT, "Expression": "1"}],
        [{"Id": "a"}],
        [{"Id": "a", "MetricStat": STAT}, {"Id": "a", "Expression": "1", "ReturnData": False}],
        [{"Id": "a", "MetricStat": {**STAT, "Period": 7}}],
        [{"Id": f"e{number}", "Expression": "1", "ReturnData": number == 0} for number in range(11)],
    ],
)
def test_metric_math_that_is_none(rejecting: t.Any, metrics: list[dict[str, t.Any]]) -> None:
    rejected(rejecting.put_metric_alarm, AlarmName="math", Metrics=metrics, **EVALUATION)


def test_metric_math_has_its_metric_in_the_list(rejecting: t.Any) -> None:
    for field in ("Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"):
        beside = {"Namespace": "n", "Dimensions": [], "Period": 60, "Unit": "Count", "Statistic": "Sum", "ExtendedStatistic": "p99"}[field]
        rejected(rejecting.put_metric_alarm, AlarmName="math", Metrics=[{"Id": "m", "MetricStat": STAT}], **EVALUATION, **{field: beside})


# PutCompositeAlarm

def test_a_composite_alarm_stands_on_others(cloudwatch: t.Any) -> None:
    assert rejected(cloudwatch.put_composite_alarm, AlarmName="group", AlarmRule="ALARM(alarm)") == "ValidationError"
    cloudwatch.put_metric_alarm(**ALARM)
    arn = described(cloudwatch, "alarm")["AlarmArn"]
    for rule in (f'ALARM("alarm") AND NOT (OK(alarm) OR INSUFFICIENT_DATA("{arn}"))', "TRUE"):
        cloudwatch.put_composite_alarm(AlarmName="group", AlarmRule=rule)
        assert described(cloudwatch, "group")["AlarmRule"] == rule


@pytest.mark.parametrize(
    "rule",
    [
        "alarm", "ALARM(alarm", "ALARM()", "ALARM(alarm) AND", "ALARM(alarm) OK(alarm)", "NOT", "(TRUE", "TRUE)", 'ALARM("alarm)', "RED(alarm)",
        "TRUE " + "OR TRUE " * 500, "x" * 10241,
    ],
)
def test_a_rule_that_is_none(rejecting: t.Any, rule: str) -> None:
    rejecting.put_metric_alarm(**ALARM)
    assert rejected(rejecting.put_composite_alarm, AlarmName="group", AlarmRule=rule) == "ValidationError"


def test_a_rule_refers_to_a_hundred_alarms(cloudwatch: t.Any) -> None:
    for number in range(101):
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": f"a{number}"})
    cloudwatch.put_composite_alarm(AlarmName="group", AlarmRule=" OR ".join(f"ALARM(a{number})" for number in range(100)))
    rejected(cloudwatch.put_composite_alarm, AlarmName="group", AlarmRule=" OR ".join(f"ALARM(a{number})" for number in range(101)))


def test_a_composite_alarm_follows_its_children(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": "deploying"})
    cloudwatch.put_composite_alarm(AlarmName="inner", AlarmRule="ALARM(alarm)")
    cloudwatch.put_composite_alarm(AlarmName="outer", AlarmRule="ALARM(inner) AND NOT ALARM(deploying)")
    assert described(cloudwatch, "outer")["StateValue"] == "OK"
    cloudwatch.set_alarm_state(AlarmName="alarm", StateValue="ALARM", StateReason="test")
    assert described(cloudwatch, "outer")["StateValue"] == "ALARM"
    assert names(cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"], StateValue="ALARM")) == ["inner", "outer"]
    cloudwatch.set_alarm_state(AlarmName="deploying", StateValue="ALARM", StateReason="test")
    assert described(cloudwatch, "outer")["StateValue"] == "OK"


def test_a_suppressor_comes_with_its_periods(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    suppressor = {"ActionsSuppressor": "alarm", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 0}
    cloudwatch.put_composite_alarm(AlarmName="group", AlarmRule="TRUE", **suppressor)
    assert {key: described(cloudwatch, "group")[key] for key in suppressor} == suppressor
    rejected(cloudwatch.put_composite_alarm, AlarmName="group", AlarmRule="TRUE", ActionsSuppressor="alarm")
    cloudwatch.put_composite_alarm(AlarmName="group", AlarmRule="TRUE")
    assert not suppressor.keys() & described(cloudwatch, "group").keys()


def test_names_are_unique_over_both_kinds(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.put_composite_alarm(AlarmName="group", AlarmRule="ALARM(alarm)")
    rejected(cloudwatch.put_composite_alarm, AlarmName="alarm", AlarmRule="TRUE")
    rejected(cloudwatch.put_metric_alarm, **{**ALARM, "AlarmName": "group"})


# DescribeAlarms

def test_without_alarm_types_only_metric_alarms_come_back(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.put_composite_alarm(AlarmName="group", AlarmRule="ALARM(alarm)")
    assert names(cloudwatch.describe_alarms()) == ["alarm"]
    assert names(cloudwatch.describe_alarms(AlarmNames=["alarm", "group"])) == ["alarm"]
    assert names(cloudwatch.describe_alarms(AlarmTypes=BOTH)) == ["alarm", "group"]
    assert names(cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])) == ["group"]
    rejected(cloudwatch.describe_alarms, AlarmTypes=["Both"])


def test_describe_takes_a_hundred_names(cloudwatch: t.Any) -> None:
    for number in range(101):
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": f"a{number:03}"})
    asked = [f"a{number:03}" for number in range(101)]
    assert rejected(cloudwatch.describe_alarms, AlarmNames=asked) == "ValidationError"
    first = cloudwatch.describe_alarms(AlarmNames=asked[:100])
    assert len(names(first)) == 50 and "NextToken" in first
    assert names(cloudwatch.describe_alarms(AlarmNames=asked[:100], MaxRecords=100)) == asked[:100]
    pages = list(cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix="a", MaxRecords=40))
    assert [len(names(page)) for page in pages] == [40, 40, 21]
    assert rejected(cloudwatch.describe_alarms, NextToken="?") == "InvalidNextToken"


def test_describe_filters_by_prefix_state_and_action(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=[TOPIC])
    cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": "other"})
    assert names(cloudwatch.describe_alarms(AlarmNamePrefix="al")) == ["alarm"]
    assert names(cloudwatch.describe_alarms(ActionPrefix="arn:aws:sns")) == ["alarm"]
    assert names(cloudwatch.describe_alarms(StateValue="OK")) == []
    rejected(cloudwatch.describe_alarms, AlarmNames=["alarm"], AlarmNamePrefix="al")
    assert names({"CompositeAlarms": [], **cloudwatch.describe_alarms_for_metric(Namespace="Huntaze/AI", MetricName="RateLimitExceeded")}) == ["alarm", "other"]


def test_actions_can_be_switched_off(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.disable_alarm_actions(AlarmNames=["alarm"])
    assert described(cloudwatch, "alarm")["ActionsEnabled"] is False


# DeleteAlarms

def test_a_hundred_names_and_one_composite_a_deletion(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    for name in ("a", "b"):
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule="TRUE")
    rejected(cloudwatch.delete_alarms, AlarmNames=["a", "b"])
    rejected(cloudwatch.delete_alarms, AlarmNames=[str(number) for number in range(101)])
    assert names(cloudwatch.describe_alarms(AlarmTypes=BOTH)) == ["alarm", "a", "b"]
    cloudwatch.delete_alarms(AlarmNames=["alarm", "a"])
    assert names(cloudwatch.describe_alarms(AlarmTypes=BOTH)) == ["b"]


def test_an_alarm_that_a_composite_stands_on_stays(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": "other"})
    cloudwatch.put_composite_alarm(AlarmName="inner", AlarmRule='ALARM("alarm")')
    cloudwatch.put_composite_alarm(AlarmName="outer", AlarmRule="OK(inner)")
    assert rejected(cloudwatch.delete_alarms, AlarmNames=["alarm", "other"]) == "ValidationError"
    rejected(cloudwatch.delete_alarms, AlarmNames=["inner"])
    assert len(names(cloudwatch.describe_alarms(AlarmTypes=BOTH))) == 4
    for name in ("outer", "inner", "alarm"):
        cloudwatch.delete_alarms(AlarmNames=[name])
    assert names(cloudwatch.describe_alarms(AlarmTypes=BOTH)) == ["other"]


def test_a_cycle_of_composites_has_to_be_broken_before_it_can_be_deleted(cloudwatch: t.Any) -> None:
    cloudwatch.put_composite_alarm(AlarmName="a", AlarmRule="TRUE")
    cloudwatch.put_composite_alarm(AlarmName="b", AlarmRule="ALARM(a)")
    cloudwatch.put_composite_alarm(AlarmName="a", AlarmRule="ALARM(b)")
    for name in ("a", "b"):
        rejected(cloudwatch.delete_alarms, AlarmNames=[name])
        assert described(cloudwatch, name)
    cloudwatch.put_composite_alarm(AlarmName="a", AlarmRule="FALSE")
    cloudwatch.delete_alarms(AlarmNames=["b"])
    cloudwatch.delete_alarms(AlarmNames=["a"])


def test_names_that_exist_are_deleted_beside_names_that_do_not(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    assert rejected(cloudwatch.delete_alarms, AlarmNames=["alarm", "nobody"]) == "ResourceNotFound"
    assert names(cloudwatch.describe_alarms()) == []


# Log alarms

LOG: dict[str, t.Any] = {
    "AlarmName": "errors", "QueryResultsToEvaluate": 3, "QueryResultsToAlarm": 2, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
    "ScheduledQueryConfiguration": {
        "QueryString": "filter level = 'error'", "ScheduledQueryRoleARN": "arn:aws:iam::123456789012:role/q", "AggregationExpression": "count(*)",
        "ScheduleConfiguration": {"ScheduleExpression": "rate(5 minutes)", "StartTimeOffset": 300},
    },
}


def test_kind_12_log_alarms_are_a_third_kind(cloudwatch: t.Any) -> None:
    cloudwatch.put_log_alarm(**LOG)
    cloudwatch.put_metric_alarm(**ALARM)
    assert names(cloudwatch.describe_alarms()) == ["alarm"]
    answer = cloudwatch.describe_alarms(AlarmTypes=["LogAlarm"])
    assert (answer["MetricAlarms"], answer["CompositeAlarms"]) == ([], [])
    assert {key: answer["LogAlarms"][0][key] for key in LOG} == LOG
    assert rejected(cloudwatch.put_metric_alarm, **{**ALARM, "AlarmName": "errors"}) == "ValidationError"
    for change in ({"QueryResultsToAlarm": 4}, {"ComparisonOperator": "GreaterThanUpperThreshold"}, {"AlarmActions": ["oncall"]}):
        assert rejected(cloudwatch.put_log_alarm, **{**LOG, "AlarmName": "odd", **change}) == "ValidationError"
    assert rejected(cloudwatch.delete_alarms, AlarmNames=["errors", "alarm"]) == "ValidationError"
    cloudwatch.delete_alarms(AlarmNames=["errors"])
    assert cloudwatch.describe_alarms(AlarmTypes=["LogAlarm"])["LogAlarms"] == []


def test_kind_12_at_least_counts_states(cloudwatch: t.Any) -> None:
    for name in "abc":
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": name})
    cloudwatch.put_composite_alarm(AlarmName="two", AlarmRule="AT_LEAST(2, ALARM, (a, b, c))")
    cloudwatch.put_composite_alarm(AlarmName="most", AlarmRule="AT_LEAST(50%, NOT INSUFFICIENT_DATA, (a, b, c))")
    seen = []
    for name in "abc":
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
        seen.append(tuple(described(cloudwatch, composite)["StateValue"] for composite in ("two", "most")))
    assert seen == [("OK", "OK"), ("ALARM", "ALARM"), ("ALARM", "ALARM")]


def test_kind_14_parents_and_children_are_found(cloudwatch: t.Any) -> None:
    for name in ("cpu", "memory", "team:alarm:cpu"):
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": name})
    cloudwatch.put_composite_alarm(AlarmName="one", AlarmRule="AT_LEAST(1, ALARM, (cpu, memory))")
    cloudwatch.put_composite_alarm(AlarmName="two", AlarmRule=f'OK("{described(cloudwatch, "cpu")["AlarmArn"]}") OR OK(team:alarm:cpu)')
    answer = cloudwatch.describe_alarms(ParentsOfAlarmName="cpu")
    assert names(answer) == ["one", "two"] and all(alarm.keys() == {"AlarmName", "AlarmArn"} for alarm in answer["CompositeAlarms"])
    answer = cloudwatch.describe_alarms(ChildrenOfAlarmName="two")
    assert names(answer) == ["cpu", "team:alarm:cpu"]
    assert all(alarm.keys() == {"AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"} for alarm in answer["MetricAlarms"])
    assert names(cloudwatch.describe_alarms(ParentsOfAlarmName="nobody")) == []
    assert rejected(cloudwatch.describe_alarms, ParentsOfAlarmName="cpu", AlarmTypes=BOTH) == "ValidationError"
    assert rejected(cloudwatch.delete_alarms, AlarmNames=["team:alarm:cpu", "memory"]) == "ValidationError"
    for place in ("eu-west-1:123456789012", "us-east-1:210987654321"):
        assert rejected(cloudwatch.put_composite_alarm, AlarmName="far", AlarmRule=f"OK(arn:aws:cloudwatch:{place}:alarm:cpu)") == "ValidationError"


# The fields of AWS's answers, its codes and its words

MINIMAL = {
    "ActionsEnabled", "AlarmActions", "AlarmArn", "AlarmConfigurationUpdatedTimestamp", "AlarmName", "ComparisonOperator", "Dimensions", "EvaluationPeriods",
    "InsufficientDataActions", "MetricName", "Namespace", "OKActions", "Period", "StateReason", "StateTransitionedTimestamp", "StateUpdatedTimestamp",
    "StateValue", "Statistic", "Threshold",
}
OF_A_COMPOSITE = {
    "ActionsEnabled", "AlarmActions", "AlarmArn", "AlarmConfigurationUpdatedTimestamp", "AlarmName", "AlarmRule", "InsufficientDataActions", "OKActions",
    "StateReason", "StateReasonData", "StateTransitionedTimestamp", "StateUpdatedTimestamp", "StateValue",
}


def test_kind_07_answers_have_the_fields_of_recordings_and_no_more(cloudwatch: t.Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.put_composite_alarm(AlarmName="group", AlarmRule="ALARM(alarm)")
    assert set(described(cloudwatch, "alarm")) == MINIMAL
    group = described(cloudwatch, "group")
    assert set(group) == OF_A_COMPOSITE
    assert group["StateReason"] == f"{group['AlarmArn']} was created and its alarm rule evaluates to OK"
    (trigger,) = json.loads(group["StateReasonData"])["triggeringAlarms"]
    assert trigger["arn"].endswith(":alarm:alarm") and trigger["state"]["value"] == "INSUFFICIENT_DATA"
    answer = cloudwatch.describe_alarms()
    assert {"MetricAlarms", "CompositeAlarms", "LogAlarms"} <= set(answer)


def test_kind_29_the_codes_and_texts_of_recordings(rejecting: t.Any) -> None:
    both = {"MetricName": "m", "Value": 1.0}
    path = "MetricData.member.1"
    statistics_of_one = {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}
    sizes = f"The parameters {path}.Values and {path}.Counts must be of the same size."
    for datum, code, text in (
        ({**both, "Values": [1.0]}, "InvalidParameterCombination", f"The parameters {path}.Value and {path}.Values are mutually exclusive"),
        ({"MetricName": "m", "Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue", sizes),
        ({**both, "StatisticValues": statistics_of_one}, "InvalidParameterCombination", f"{path}.Value and {path}.StatisticValues"),
    ):
        with pytest.raises(ClientError) as caught:
            rejecting.put_metric_data(Namespace="Rejected", MetricData=[datum])
        assert caught.value.response["Error"]["Code"] == code and text in caught.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as caught:
        rejecting.set_alarm_state(AlarmName="nobody", StateValue="OK", StateReason="test")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFound" and caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    rejecting.put_metric_alarm(**ALARM)
    with pytest.raises(ClientError) as caught:
        rejecting.set_alarm_state(AlarmName="alarm", StateValue="INVALID", StateReason="test")
    assert "Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]" in caught.value.response["Error"]["Message"]
    assert rejected(rejecting.put_dashboard, DashboardName="a b", DashboardBody="{}") == "InvalidParameterValue"


# Rates

@pytest.mark.parametrize(
    ("operation", "rate", "call"),
    [
        ("PutMetricAlarm", 3, lambda cloudwatch: cloudwatch.put_metric_alarm(**ALARM)),
        ("DeleteAlarms", 3, lambda cloudwatch: cloudwatch.delete_alarms(AlarmNames=["alarm"])),
        ("DescribeAlarms", 9, lambda cloudwatch: cloudwatch.describe_alarms()),
    ],
)
def test_more_calls_a_second_than_the_rate_are_throttled(sandbox: t.Any, cloudwatch: t.Any, operation: str, rate: int, call: t.Any) -> None:
    codes = []
    with sandbox.fault("throttle", service="cloudwatch", operation=operation, rate=rate):
        for _call in range(rate + 1):
            try:
                call(cloudwatch)
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])
        cloudwatch.list_metrics()
    assert codes[-1] == "Throttling"
    assert codes.count("Throttling") == 1


# PutMetricData

def ago(**time: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**time)


def value(**datum: t.Any) -> dict[str, t.Any]:
    return {"MetricName": "Latency", **datum}


def put(cloudwatch: t.Any, *data: dict[str, t.Any]) -> None:
    cloudwatch.put_metric_data(Namespace="Huntaze/AI", MetricData=list(data))


def statistics(cloudwatch: t.Any, name: str = "Latency", **which: t.Any) -> dict[str, float]:
    now = datetime.datetime.now(datetime.timezone.utc)
    answer = cloudwatch.get_metric_statistics(
        Namespace="Huntaze/AI",
        MetricName=name,
        StartTime=now - datetime.timedelta(hours=3),
        EndTime=now + datetime.timedelta(hours=1),
        Period=5 * 3600,
        Statistics=STATISTICS,
        **which,
    )
    (point,) = answer["Datapoints"]
    return {key: point[key] for key in STATISTICS}


def test_values_count_as_often_as_they_were_counted(cloudwatch: t.Any) -> None:
    put(cloudwatch, value(Values=[1.0, 4.0], Counts=[3.0, 1_000_000_000.0]), value(Value=0.5), value(Values=[2.0]))
    assert statistics(cloudwatch) == {
        "SampleCount": 1_000_000_005.0, "Sum": 4_000_000_005.5, "Minimum": 0.5, "Maximum": 4.0, "Average": pytest.approx(4.0),
    }


@pytest.mark.parametrize(
    "datum",
    [
        value(Value=float("nan")), value(Value=float("inf")), value(Value=2.0**361), value(Values=[1.0, float("nan")]),
        value(Values=[float(number) for number in range(151)]), value(Values=[1.0, 2.0], Counts=[1.0]), value(Value=1, StorageResolution=5),
        value(Value=1, Dimensions=[{"Name": str(number), "Value": "v"} for number in range(31)]), value(Value=1, Unit="Requests"),
        value(StatisticValues={"SampleCount": 1, "Sum": float("-inf"), "Minimum": 0, "Maximum": 0}),
        value(), value(Value=1, Values=[1.0]), value(Value=1, Timestamp=ago(days=15)), value(Value=1, Timestamp=ago(hours=-3)),
    ],
)
def test_metric_data_that_is_none(rejecting: t.Any, datum: dict[str, t.Any]) -> None:
    rejected(rejecting.put_metric_data, Namespace="Rejected", MetricData=[value(Value=1), datum])
    assert rejecting.list_metrics(Namespace="Rejected")["Metrics"] == []


def test_a_thousand_metrics_and_150_values_a_call(cloudwatch: t.Any) -> None:
    put(cloudwatch, *[value(MetricName=f"m{number}", Value=1) for number in range(1000)])
    put(cloudwatch, value(Values=[float(number) for number in range(150)]))
    assert statistics(cloudwatch)["SampleCount"] == 150
    rejected(cloudwatch.put_metric_data, Namespace="Huntaze/AI", MetricData=[value(Value=1)] * 1001)


def test_a_megabyte_a_call_which_gzip_may_hold(sandbox: t.Any, cloudwatch: t.Any) -> None:
    long = [value(MetricName=f"{number:0255}", Value=1, Dimensions=[{"Name": "d", "Value": "v" * 1024}]) for number in range(1000)]
    put(cloudwatch, *long)  # botocore compresses it
    assert statistics(cloudwatch, f"{1:0255}", Dimensions=long[1]["Dimensions"])["Sum"] == 1
    plain = sandbox.client("cloudwatch", config=Config(disable_request_compression=True, retries={"total_max_attempts": 1}))
    rejected(plain.put_metric_data, Namespace="Huntaze/AI", MetricData=long)


# GetMetricData and GetMetricStatistics

NOON = ago(hours=1).replace(minute=0, second=0, microsecond=0)  # an hour that is over, less than three hours ago


def at(minutes: int = 0, seconds: float = 0) -> datetime.datetime:
    return NOON + datetime.timedelta(minutes=minutes, seconds=seconds)


def query(name: str = "Latency", stat: str = "Sum", period: int = 60, *, id: str = "m", **metric: t.Any) -> dict[str, t.Any]:
    return {"Id": id, "MetricStat": {"Metric": {"Namespace": "Huntaze/AI", "MetricName": name, **metric}, "Period": period, "Stat": stat}}


def got(cloudwatch: t.Any, *queries: dict[str, t.Any], start: datetime.datetime = NOON, **more: t.Any) -> list[list[tuple[datetime.datetime, float]]]:
    asked = {"MetricDataQueries": list(queries), "StartTime": start, "EndTime": start + datetime.timedelta(hours=1), "ScanBy": "TimestampAscending", **more}
    answer = cloudwatch.get_metric_data(**asked)
    assert [result["Id"] for result in answer["MetricDataResults"]] == [query["Id"] for query in queries]
    assert {result["StatusCode"] for result in answer["MetricDataResults"]} == {"Complete"}
    return [list(zip(result["Timestamps"], result["Values"])) for result in answer["MetricDataResults"]]


def test_both_ways_of_reading_add_up_values_times_counts_by_the_minute(cloudwatch: t.Any) -> None:
    put(cloudwatch, value(Values=[1.0, 4.0], Counts=[3.0, 1.0], Timestamp=at(5, 2)), value(Value=0.5, Timestamp=at(5, 59.9)))
    put(cloudwatch, value(StatisticValues={"SampleCount": 2, "Sum": 9, "Minimum": 4, "Maximum": 5}, Timestamp=at(5)), value(Value=8, Timestamp=at(6)))
    expected = {
        "SampleCount": [7.0, 1.0], "Sum": [16.5, 8.0], "Minimum": [0.5, 8.0], "Maximum": [5.0, 8.0], "Average": [pytest.approx(16.5 / 7), 8.0],
    }
    answers = got(cloudwatch, *(query(stat=stat, id=stat.lower()) for stat in STATISTICS), start=at(0, 34))
    for stat, points in zip(STATISTICS, answers):
        assert points == list(zip((at(5), at(6)), expected[stat]))
    answer = cloudwatch.get_metric_statistics(
        Namespace="Huntaze/AI", MetricName="Latency", StartTime=at(0, 34), EndTime=at(60), Period=60, Statistics=STATISTICS
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    assert [point["Timestamp"] for point in points] == [at(5), at(6)]
    assert {stat: [point[stat] for point in points] for stat in STATISTICS} == expected


def test_the_start_is_rounded_down_and_included_and_the_end_is_not(cloudwatch: t.Any) -> None:
    put(cloudwatch, *(value(Value=2.0**number, Timestamp=at(number, 40)) for number in range(6)))
    assert got(cloudwatch, query(), start=at(1, 59), EndTime=at(3)) == [[(at(1), 2.0), (at(2), 4.0)]]
    assert got(cloudwatch, query(period=300), start=at(0, 59)) == [[(at(0), 31.0), (at(5), 32.0)]]
    assert got(cloudwatch, query(period=120), EndTime=at(4), ScanBy="TimestampDescending") == [[(at(2), 12.0), (at(0), 3.0)]]


def test_each_combination_of_dimensions_is_a_metric_and_so_is_none(cloudwatch: t.Any) -> None:
    a, b = {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}
    put(cloudwatch, *(value(Value=number, Timestamp=NOON, Dimensions=some) for number, some in ((1, []), (2, [a]), (4, [a, b]))))
    cloudwatch.put_metric_data(Namespace="Other", MetricData=[value(Value=8, Timestamp=NOON, Dimensions=[a])])
    asked = ([], [a], [b, a], [b])
    answers = got(cloudwatch, *(query(id=f"m{number}", Dimensions=some) for number, some in enumerate(asked)))
    assert answers == [[(NOON, 1.0)], [(NOON, 2.0)], [(NOON, 4.0)], []]
    for some, total in zip(asked, (1, 2, 4)):
        assert statistics(cloudwatch, Dimensions=some)["Sum"] == total
    put(cloudwatch, value(Value=1))
    assert len(cloudwatch.list_metrics(Namespace="Huntaze/AI")["Metrics"]) == 3


def test_units_are_kept_apart(cloudwatch: t.Any) -> None:
    put(cloudwatch, value(Value=1, Timestamp=NOON, Unit="Seconds"), value(Value=2, Timestamp=NOON), value(Value=4, Timestamp=NOON, Unit="Seconds"))
    answer = cloudwatch.get_metric_statistics(
        Namespace="Huntaze/AI", MetricName="Latency", StartTime=NOON, EndTime=at(1), Period=60, Statistics=["Sum"]
    )
    assert sorted((point["Unit"], point["Sum"]) for point in answer["Datapoints"]) == [("None", 2.0), ("Seconds", 5.0)]
    seconds = query()
    seconds["MetricStat"]["Unit"] = "Seconds"
    assert got(cloudwatch, seconds) == [[(NOON, 5.0)]]


def test_periods_below_a_minute_need_high_resolution(cloudwatch: t.Any) -> None:
    put(cloudwatch, value(Value=1, Timestamp=at(0, 12.5)))
    put(cloudwatch, *(value(MetricName="Fine", Value=1, StorageResolution=1, Timestamp=at(0, second)) for second in (11.2, 19.9, 20)))
    assert got(cloudwatch, query(period=10), query("Fine", period=10, id="fine"), start=at(0, 9)) == [[], [(at(0, 10), 2.0), (at(0, 20), 1.0)]]
    assert got(cloudwatch, query("Fine")) == [[(NOON, 3.0)]]


def test_what_is_old_is_there_in_coarser_periods(cloudwatch: t.Any) -> None:
    hours = NOON - datetime.timedelta(hours=4)
    put(cloudwatch, value(Value=1, StorageResolution=1, Timestamp=hours))
    assert got(cloudwatch, query(period=10), start=hours) == [[]]
    assert got(cloudwatch, query(), start=hours) == [[(hours, 1.0)]]
    month = NOON - datetime.timedelta(days=30, seconds=1)
    assert got(cloudwatch, query(), start=month, EndTime=at(60)) == [[]]
    ((_moment, total),) = got(cloudwatch, query(period=86400 * 60), start=month, EndTime=at(60))[0]
    assert total == 1.0


@pytest.mark.parametrize(
    "queries",
    [
        [query(id="M")], [query(), query()], [query(period=45)], [query(period=90)], [query(id=f"m{number}") for number in range(501)],
        [{"Id": "m"}], [query("n" * 256)], [query(Namespace=":odd")], [query(Dimensions=[{"Name": str(number), "Value": "v"} for number in range(31)])],
    ],
)
def test_queries_that_are_none(rejecting: t.Any, queries: list[dict[str, t.Any]]) -> None:
    assert rejected(rejecting.get_metric_data, MetricDataQueries=queries, StartTime=NOON, EndTime=at(60)) == "ValidationError"


def test_statistics_that_cannot_be_had(rejecting: t.Any) -> None:
    asked = {"Namespace": "Huntaze/AI", "MetricName": "Latency", "StartTime": NOON, "EndTime": at(60), "Period": 60, "Statistics": ["Sum"]}
    for change in ({"Period": 45}, {"EndTime": NOON}, {"Statistics": ["Total"]}, {"EndTime": at(1441)}):
        rejected(rejecting.get_metric_statistics, **{**asked, **change})
    rejecting.get_metric_statistics(**{**asked, "EndTime": at(1440)})


def test_datapoints_come_in_pages(cloudwatch: t.Any) -> None:
    put(cloudwatch, *(value(MetricName=name, Value=number, Timestamp=at(number)) for name in ("a", "b") for number in range(5)))
    asked = {"MetricDataQueries": [query(name, id=name) for name in ("a", "b", "none")], "StartTime": NOON, "EndTime": at(60)}
    pages = list(cloudwatch.get_paginator("get_metric_data").paginate(**asked, PaginationConfig={"PageSize": 4}))
    assert [[(result["Id"], len(result["Values"]), result["StatusCode"]) for result in page["MetricDataResults"]] for page in pages] == [
        [("a", 4, "PartialData"), ("none", 0, "Complete")], [("a", 1, "Complete"), ("b", 3, "PartialData")], [("b", 2, "Complete")],
    ]
    assert pages[0]["MetricDataResults"][0]["Values"] == [4.0, 3.0, 2.0, 1.0]  # the newest first
    assert rejected(cloudwatch.get_metric_data, **asked, NextToken="?") == "InvalidNextToken"
    assert rejected(cloudwatch.get_metric_data, **asked, MaxDatapoints=100801) == "ValidationError"


def test_gzip_may_hold_few_data_too(sandbox: t.Any, cloudwatch: t.Any) -> None:
    compressing = sandbox.client("cloudwatch", config=Config(request_min_compression_size_bytes=1))
    put(compressing, value(Values=[1.0, 2.0], Counts=[2.0, 1.0]))
    assert statistics(cloudwatch)["Sum"] == 4.0


# Clients

def test_the_aws_command_line_is_understood(sandbox: t.Any, cloudwatch: t.Any) -> None:
    """It has a botocore of its own."""
    aws = [sys.executable, str(Path(sys.executable).parent / "aws"), "cloudwatch"]
    environment = {**sandbox.aws_environment, "AWS_DEFAULT_REGION": sandbox.estate["region"]}
    cloudwatch.put_metric_alarm(**ALARM)
    put_composite = [*aws, "put-composite-alarm", "--alarm-name", "group", "--alarm-rule", "ALARM(alarm)"]
    subprocess.run(put_composite, env=environment, check=True, timeout=60)
    shown = subprocess.run(
        [*aws, "describe-alarms", "--alarm-types", *BOTH, "--output", "json"], env=environment, check=True, timeout=60, capture_output=True
    )
    assert names(json.loads(shown.stdout)) == ["alarm", "group"]
