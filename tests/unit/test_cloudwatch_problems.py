# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused of alarms before the first call, and that the sandbox's CloudWatch refuses the same on its own side."""

from __future__ import annotations

import copy
import sys
import typing as t
from pathlib import Path

import botocore.session
import pytest
import yaml
from moto.core.exceptions import ServiceException

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarm as one
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import actions
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import options as option_specs
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import problems as checked
from ansible_collections.huntaze.ai_system.plugins.modules import cloudwatch_alarms

sys.path.append(str(Path(__file__).resolve().parents[1] / "sandbox"))

from aws_api.cloudwatch.alarms import CompositeAlarm, MetricAlarm  # noqa: E402
from aws_api.cloudwatch.constraints import violations  # noqa: E402
from aws_api.cloudwatch.models import CloudWatchBackend  # noqa: E402

MODEL = botocore.session.get_session().get_service_model("cloudwatch")
HERE = actions.Place("us-east-1", "aws")
TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"
LIMIT = {"evaluation_periods": 1, "threshold": 1, "comparison_operator": "GreaterThanThreshold"}
SINGLE: dict[str, t.Any] = {"alarm_name": "cpu", "namespace": "N", "metric_name": "M", "statistic": "Sum", "period": 60, **LIMIT}
STAT: dict[str, t.Any] = {"metric": {"namespace": "N", "metric_name": "M"}, "period": 60, "stat": "Sum"}
COMPOSITE: dict[str, t.Any] = {"alarm_name": "cpu", "alarm_rule": "TRUE"}


def metric(name: str = "m", period: int = 60, **more: t.Any) -> dict[str, t.Any]:
    return {"id": name, "return_data": False, "metric_stat": {**STAT, "period": period}, **more}


def expression(text: str, name: str = "e", **more: t.Any) -> dict[str, t.Any]:
    return {"id": name, "expression": text, **more}


def math(*metrics: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    return {"alarm_name": "cpu", "metrics": list(metrics), **LIMIT, **more}


def band(*metrics: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    return {
        "alarm_name": "cpu", "metrics": list(metrics), "threshold_metric_id": "b", "evaluation_periods": 1,
        "comparison_operator": "GreaterThanUpperThreshold", **more,
    }


def problems(*alarms: t.Any, place: actions.Place = HERE) -> list[str]:
    typed, found = checked.typed_alarms(copy.deepcopy(list(alarms)))
    return [*found, *checked.alarm_problems(typed, place)]


def put(alarm: dict[str, t.Any]) -> None:
    """Have the sandbox take an alarm, without the module's refusals; ServiceException if it does not."""
    backend = CloudWatchBackend("us-east-1", "123456789012")
    (typed,), found = checked.typed_alarms([copy.deepcopy(alarm)])
    assert typed is not None and not found
    parameters = one.to_api(typed)
    operation, kind = ("PutCompositeAlarm", CompositeAlarm) if "AlarmRule" in parameters else ("PutMetricAlarm", MetricAlarm)
    assert not list(violations(MODEL.operation_model(operation).input_shape, parameters))
    backend.put_alarm(kind, parameters)


INSIGHTS = "SELECT MAX(CPUUtilization) FROM SCHEMA(\"AWS/EC2\", InstanceId)"
GOOD = [
    SINGLE, COMPOSITE,
    math(metric(), expression("m * 2")),
    math(metric(return_data=True)),
    math(metric(), metric("n"), expression("IF(m > 1e3 AND n > 0.5, FILL(m, REPEAT), RATE(n))")),
    math(metric(), expression("m", "f", return_data=False), expression("f + f")),
    math(metric(), expression("METRICS('errors of m')", return_data=False, name="f"), expression("SUM([f, m])")),
    math(expression(INSIGHTS, period=60)),
    math(expression(INSIGHTS + " GROUP BY InstanceId\nORDER  BY MAX() DESC LIMIT 5", period=60)),
    math(expression("INSIGHT_RULE_METRIC('r', 'UniqueContributors')", period=300)),
    math(metric(account_id="012345678901"), expression("m")),
    band(metric(return_data=True), expression("ANOMALY_DETECTION_BAND(m, 2)", "b")),
    {**SINGLE, "period": 3600, "evaluation_periods": 168},
    {**SINGLE, "period": 60, "evaluation_periods": 1440},
    *({**SINGLE, "period": period} for period in (10, 20, 30, 86400)),
    *(
        {**SINGLE, "statistic": None, "extended_statistic": statistic}
        for statistic in (
            "p0", "p99", "p99.999", "p100", "tm90", "wm50", "IQM", "PR(:300)", "PR(100:2000)", "TM(10%:90%)", "TM(2%:98%)", "TC(:0.5)", "WM(150:)",
        )
    ),
    *(
        {**SINGLE, "alarm_actions": [action]}
        for action in (
            TOPIC, TOPIC + ".fifo", "arn:aws:lambda:us-east-1:123456789012:function:wake:live",
            "arn:aws:ssm:us-east-1:123456789012:opsitem:1#CATEGORY=Security",
            "arn:aws:ssm-incidents::123456789012:responseplan/down", "arn:aws:aiops:us-east-1:123456789012:investigation-group:g1",
            "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1-2:autoScalingGroupName/g:policyName/p",
        )
    ),
    {**SINGLE, "dimensions": [{"name": "InstanceId", "value": "i-1"}], "alarm_actions": ["arn:aws:automate:us-east-1:ec2:recover"]},
    {**COMPOSITE, "alarm_actions": [TOPIC, "arn:aws:ssm:us-east-1:123456789012:opsitem:3"]},
]
BAD: list[tuple[dict[str, t.Any], str]] = [
    (math(expression(INSIGHTS)), "period is missing, which a Metrics Insights query needs"),
    (math(expression("  select 1 from x")), "period is missing, which a Metrics Insights query needs"),
    (math(expression(INSIGHTS + " GROUP BY InstanceId", period=60)), "GROUP BY without ORDER BY"),
    (math(expression("SEARCH('{N} M', 'Sum', 60)", period=60)), "SEARCH is for dashboards"),
    (math(expression("SUM(SEARCH('{N} M', 'Sum', 60))", period=60)), "SEARCH is for dashboards"),
    (math(expression("INSIGHT_RULE_METRIC('r', 'Sum')")), "period is missing, as the expression stands on no metric"),
    (math(expression("TIME_SERIES(1)")), "period is missing, as the expression stands on no metric"),
    (math(metric(), expression("m + n")), 'refers to "n", which metrics does not have'),
    (math(metric(), expression("SUM([m,n1,n2])")), 'refers to "n1", "n2", which metrics does not have'),
    (band(metric(return_data=True), expression("ANOMALY_DETECTION_BAND(x, 2)", "b")), 'refers to "x", which metrics does not have'),
    (math(metric(), expression("m + e")), '"e" refer to each other in a circle'),
    (math(metric(), expression("f + m"), expression("e", "f", return_data=False)), '"e", "f" refer to each other in a circle'),
    (math(metric("M"), expression("1", period=60)), "begin with a lowercase letter"),
    (math(metric("1m"), expression("1", period=60)), "begin with a lowercase letter"),
    (math(metric(), expression("m"), expression("m * 2", "f")), 'returns data of "e", "f"'),
    (math(metric(), expression("m", return_data=False)), "returns data of no entry"),
    (math(metric(period=60), metric("n", period=300), expression("m + n")), "has the periods 60, 300"),
    (math(metric(period=300), expression("m"), evaluation_periods=289), "period times evaluation_periods is 86700"),
    (math(metric(period=3600), expression("m"), evaluation_periods=169), "period times evaluation_periods is 608400"),
    (math(expression(INSIGHTS, period=300), evaluation_periods=289), "period times evaluation_periods is 86700"),
    (band(metric(period=3600, return_data=True), expression("ANOMALY_DETECTION_BAND(m)", "b"), evaluation_periods=169), "is 608400"),
    ({**SINGLE, "period": 3600, "evaluation_periods": 169}, "is 608400"),
    ({**SINGLE, "period": 60, "evaluation_periods": 1441}, "is 86460"),
    (math(metric(account_id="12345"), expression("m")), 'account_id "12345" is no account'),
    (math(metric(account_id="12345678901a"), expression("m")), "is no account"),
    (math(expression("m", period=7), metric()), "period is 7"),
    *(
        ({**SINGLE, "statistic": None, "extended_statistic": statistic}, "is unknown: use such as p99")
        for statistic in ("p101", "p100.1", "p", "P99", "p99%", "tm101", "iqm", "TM(10%:101%)", "TM(:)", "PR(10)", "PR()", "TM(10%:90)", "XX(1:2)", "p99 ")
    ),
    (math({**metric(return_data=True), "metric_stat": {**STAT, "stat": "p101"}}), 'metric_stat.stat "p101" is unknown'),
    *(
        ({**SINGLE, "alarm_actions": [action]}, words)
        for action, words in (
            ("oncall", "which is no ARN"), ("arn:aws:sns:us-east-1", "which is no ARN"), ("https://hooks.example.com/x", "which is no ARN"),
            (TOPIC.replace("us-east-1", "eu-west-1"), "AWS takes only targets of us-east-1"), (TOPIC.replace("us-east-1", ""), "region (none)"),
            (TOPIC.replace("arn:aws:", "arn:aws-cn:"), "in the partition aws-cn, while the alarm is in aws"),
            (TOPIC.replace("1234567", "12"), "no target of sns"),
            ("arn:aws:sqs:us-east-1:123456789012:queue", "whose service sqs no alarm can tell"), ("arn:aws:iam::123456789012:role/x", "whose service iam"),
            ("arn:aws:ssm:us-east-1:123456789012:opsitem:5", "no target of ssm"), ("arn:aws:lambda:us-east-1:123456789012:layer:x", "no target of lambda"),
            ("arn:aws:automate:us-east-1:ec2:explode", "no target of automate"), ("arn:aws:automate:us-east-1:ec2:stop", "watches no single instance"),
        )
    ),
    (math(metric(), expression("m"), alarm_actions=["arn:aws:automate:us-east-1:ec2:stop"]), "metric math cannot act on EC2"),
    ({**COMPOSITE, "alarm_actions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "of a composite alarm are of sns, lambda"),
    ({**COMPOSITE, "ok_actions": ["arn:aws:ssm:us-east-1:123456789012:opsitem:1"]}, "ok_actions of a composite alarm are of sns, lambda"),
    (
        band(
            metric(return_data=True), expression("ANOMALY_DETECTION_BAND(m, 2)", "b"),
            alarm_actions=["arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:autoScalingGroupName/g:policyName/p"],
        ),
        "on an anomaly band cannot scale",
    ),
    ({**SINGLE, "dimensions": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}, '"a" more than once'),
    ({**COMPOSITE, "alarm_rule": "ALARM(a) XOR TRUE"}, "alarm_rule cannot be read: at character 10 XOR"),
    ({**COMPOSITE, "alarm_rule": " OR ".join(["TRUE"] * 501)}, "501 elements"),
    ({**COMPOSITE, "alarm_rule": "ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:x)"}, "of the region eu-west-1"),
]


@pytest.mark.parametrize("alarm", GOOD, ids=range(len(GOOD)))
def test_kind_13_what_is_documented_is_taken(alarm: dict[str, t.Any]) -> None:
    assert problems(alarm) == []
    put(alarm)


@pytest.mark.parametrize(("alarm", "words"), BAD, ids=range(len(BAD)))
def test_kind_13_what_aws_rejects_is_refused_before_the_first_call_and_by_the_sandbox(alarm: dict[str, t.Any], words: str) -> None:
    found = " ".join(problems(alarm))
    assert words in found and found.startswith('alarms[0] "cpu": ')
    with pytest.raises(ServiceException) as caught:
        put(alarm)
    assert caught.value.code in ("ValidationError", "InvalidParameterValue")


@pytest.mark.parametrize(
    ("alarm", "words"),
    [
        ({**SINGLE, "alarm_name": " cpu"}, "begins with a blank"), ({**SINGLE, "namespace": "N\n"}, "ends with a line end"),
        ({**SINGLE, "dimensions": [{"name": ":a", "value": "1"}]}, "begins with a colon"),
        ({**COMPOSITE, "actions_suppressor": "x", "actions_suppressor_wait_period": -1, "actions_suppressor_extension_period": 0}, "wait_period is -1"),
        (
            {**COMPOSITE, "actions_suppressor": "arn:aws:cloudwatch:eu-west-1:1:alarm:x", "actions_suppressor_wait_period": 1,
             "actions_suppressor_extension_period": 1},
            "actions_suppressor refers to",
        ),
        (band(metric(return_data=True), expression("ANOMALY_DETECTION_BAND(2)", "b")), "the band names no metric"),
        *(({**SINGLE, "tags": {"team": value}}, 'the tag "team" is no text') for value in (None, True, ["a"], {"a": "b"})),
    ],
)
def test_kind_13_what_leads_to_nothing_is_refused_too(alarm: dict[str, t.Any], words: str) -> None:
    assert words in " ".join(problems(alarm))


def test_kind_13_a_place_that_is_not_known_is_no_reason_to_refuse() -> None:
    assert problems({**SINGLE, "alarm_actions": [TOPIC.replace("us-east-1", "eu-west-1")]}, place=actions.Place()) == []


# Values of the wrong type

@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"evaluation_periods": "three"}, "evaluation_periods is 'three': give a whole number."),
        ({"evaluation_periods": 1.5}, "evaluation_periods is 1.5: give a whole number."),
        ({"evaluation_periods": True}, "evaluation_periods is true: give a whole number."),
        ({"period": [60]}, "period is [60]: give a whole number."),
        ({"threshold": True}, "threshold is true: give a number."),
        ({"threshold": "high"}, "threshold is 'high': give a number."),
        ({"threshold": {}}, "threshold is {}: give a number."),
        ({"actions_enabled": "perhaps"}, "actions_enabled is 'perhaps': give true or false."),
        ({"actions_enabled": 2}, "actions_enabled is 2: give true or false."),
        ({"alarm_description": False}, "alarm_description is false: give a text, in quotation marks."),
        ({"alarm_description": ["x"]}, "alarm_description is ['x']: give a text"),
        ({"tags": ["team"]}, "tags is ['team']: write names and values"),
        ({"dimensions": {"Host": "a"}}, "dimensions is {'Host': 'a'}: write a list"),
        ({"dimensions": ["Host"]}, "dimensions[0] is 'Host': write names and values"),
        ({"dimensions": [{"name": "a", "valu": "b"}]}, "dimensions[0].valu is no option: do you mean value?"),
        ({"alarm_actions": [None]}, "alarm_actions[0] is empty"),
        ({"alarm_actions": [{"arn": 1}]}, "alarm_actions[0] is {'arn': 1}: give a text"),
        ({"metrics": [{"id": "m", "metric_stat": {"period": "minute"}}]}, "metrics[0].metric_stat.period is 'minute': give a whole number."),
        ({"metrics": [{"id": "m", "metric_stat": {"metric": {"name": "x"}}}]}, "metrics[0].metric_stat.metric.name is no option"),
        ({"treshold": 1}, "treshold is no option: do you mean threshold?"),
        ({"xyz": 1}, "xyz is no option: remove it"),
    ],
)
def test_kind_17_a_value_of_another_type_names_its_item(change: dict[str, t.Any], words: str) -> None:
    found = problems({**SINGLE, "alarm_name": "first"}, {**SINGLE, **change})
    assert found == [problem for problem in found if problem.startswith('alarms[1] "cpu": ')]
    assert any(words in problem for problem in found)


@pytest.mark.parametrize("alarm", [3, "cpu", ["cpu"], None, {}, {"threshold": 1}, {"alarm_name": True}, {"alarm_name": ["x"]}])
def test_kind_17_what_is_no_alarm_is_named_by_its_place(alarm: t.Any) -> None:
    (found,) = problems({**SINGLE, "alarm_name": "first"}, alarm)
    assert found.startswith("alarms[1]")


def test_kind_17_all_that_is_wrong_comes_at_once() -> None:
    found = problems({**SINGLE, "threshold": True, "period": "x"}, {**SINGLE, "alarm_name": "b", "period": 45}, 3)
    assert [problem[:9] for problem in found] == ["alarms[0]", "alarms[0]", "alarms[2]", "alarms[1]"]


def test_kind_17_what_a_template_or_yaml_makes_of_a_value_is_taken() -> None:
    (typed,), found = checked.typed_alarms([
        {**SINGLE, "threshold": "80", "period": "60", "evaluation_periods": 3.0, "actions_enabled": "no", "alarm_actions": "a, b", "alarm_description": 7}
    ])
    assert not found and typed is not None
    assert [typed[name] for name in ("threshold", "period", "evaluation_periods", "actions_enabled", "alarm_actions", "alarm_description")] == [
        80.0, 60, 3, False, ["a", "b"], "7"
    ]


def documented(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        name: {key: documented(option["suboptions"]) if key == "options" else option[key] for key in ("type", "elements", "options")
               if key in option or (key == "options" and "suboptions" in option)}
        for name, option in options.items()
    }


def specified(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        name: {key: specified(option[key]) if key == "options" else option[key] for key in ("type", "elements", "options") if key in option}
        for name, option in options.items()
    }


def test_the_documentation_has_the_options_of_an_alarm() -> None:
    options = yaml.safe_load(cloudwatch_alarms.DOCUMENTATION)["options"]["alarms"]["suboptions"]
    assert documented(options) == specified(option_specs.ALARM_OPTIONS)


# Lists that AWS may lengthen

@pytest.mark.parametrize(
    ("ours", "shape"),
    [
        (option_specs.METRIC_STATISTICS, "Statistic"), (option_specs.UNITS, "StandardUnit"),
        ((*checked.THRESHOLD_OPERATORS, *checked.BAND_OPERATORS), "ComparisonOperator"), (tuple(one.KINDS), "AlarmType"),
    ],
)
def test_kind_18_lists_are_those_of_the_service_model(ours: tuple[str, ...], shape: str) -> None:
    assert set(ours) == set(MODEL.shape_for(shape).metadata["enum"])


def test_kind_18_every_service_that_the_model_documents_can_be_told() -> None:
    documentation = "".join(
        MODEL.operation_model(operation).input_shape.members[f"{state}Actions"].documentation
        for operation in ("PutMetricAlarm", "PutCompositeAlarm") for state in ("OK", "Alarm", "InsufficientData")
    )
    services = {part.split(":")[2] for part in documentation.split("<code>") if part.startswith("arn:aws:")}
    assert services == set(actions._RESOURCES)


@pytest.mark.parametrize("operation", ["PutMetricAlarm", "PutCompositeAlarm"])
def test_kind_18_every_field_of_an_alarm_is_an_option_or_carried_over(operation: str) -> None:
    members = set(MODEL.operation_model(operation).input_shape.members)
    carried = {"EvaluationWindow", "WarmUpConfiguration", "ActionConfiguration", *one.REPLACED}
    assert members - one.KNOWN <= carried
