# SPDX-License-Identifier: GPL-3.0-or-later
"""The law for every answer: a field may be missing. Each that a module's code names is left out of AWS's answers, one after the other;
the module ends well, or says what is missing, and never crashes."""

from __future__ import annotations

import functools
import json
import re
import typing as t

import pytest
from support import sandboxes
from support.in_process import Modules
from support.waiting import until

TOKEN = "token-0123456789abcdef"
# What an object is known by, and what holds the object itself: an answer without it is none.
IDENTITY = {
    "CacheClusterId", "ReplicationGroupId", "ServerlessCacheName", "AlarmName", "SecurityGroupRuleId", "GroupId", "appId", "branchName", "jobId", "app",
    "branch", "job", "job.summary", "Id",
}
METRIC = {"namespace": "N", "metric_name": "M", "statistic": "Sum", "period": 60, "threshold": 1, "evaluation_periods": 1,
          "comparison_operator": "GreaterThanThreshold"}
MATH = {"metrics": [{"id": "a", "metric_stat": {"metric": {"namespace": "N", "metric_name": "M"}, "period": 60, "stat": "Sum"}, "return_data": False},
                    {"id": "b", "expression": "a / 2"}], "threshold": 1, "evaluation_periods": 1, "comparison_operator": "GreaterThanThreshold"}


@functools.cache
def named_in_code() -> frozenset[str]:
    """Words in quotes: a field whose name is none of them is read by nobody."""
    sources = [path.read_text() for directory in ("modules", "module_utils") for path in (sandboxes.REPOSITORY / "plugins" / directory).rglob("*.py")]
    return frozenset(word for source in sources for word in re.findall(r"""["']([A-Za-z]\w+)["']""", source))


class Scenario(t.NamedTuple):
    module: str
    args: t.Callable[[sandboxes.Sandbox], dict[str, t.Any]]
    prepare: t.Callable[[sandboxes.Sandbox], None] = lambda sandbox: None
    check: bool = True


def auth(sandbox: sandboxes.Sandbox, **more: t.Any) -> dict[str, t.Any]:
    return {"name": sandbox.estate["cache_name"], "replication_group_id": "huntaze-redis", "transit_encryption_mode": "required", "auth_token": TOKEN,
            "probe": False, "wait_timeout": 1, **more}


def group(sandbox: sandboxes.Sandbox) -> None:
    sandbox.settings(transition_seconds=0)
    elasticache = sandbox.client("elasticache")
    elasticache.create_replication_group(
        ReplicationGroupId="huntaze-redis", ReplicationGroupDescription="d", PrimaryClusterId=sandbox.estate["cache_name"], Tags=[{"Key": "k", "Value": "v"}]
    )
    until(lambda: elasticache.describe_replication_groups()["ReplicationGroups"][0]["Status"] == "available", what="an available group")


def rules(sandbox: sandboxes.Sandbox) -> None:
    estate = sandbox.estate
    sandbox.client("ec2").authorize_security_group_ingress(GroupId=estate["cache_security_group_id"], IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/24", "Description": "old"}]},
        {"IpProtocol": "tcp", "FromPort": 2, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": estate["limiter_security_group_id"]}]},
        {"IpProtocol": "tcp", "FromPort": 3, "ToPort": 3, "Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}]},
    ])


def alarms(sandbox: sandboxes.Sandbox) -> None:
    cloudwatch = sandbox.client("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName="a-one", Namespace="N", MetricName="M", Statistic="Sum", Period=60, Threshold=1, EvaluationPeriods=1,
                                ComparisonOperator="GreaterThanThreshold", Dimensions=[{"Name": "d", "Value": "v"}])
    cloudwatch.put_metric_alarm(
        AlarmName="a-math", Threshold=1, EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold",
        Metrics=[{"Id": "a", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
                 {"Id": "b", "Expression": "a / 2", "Label": "l"}],
    )
    for name, rule in (("a-both", "ALARM(a-one)"), ("a-old", "ALARM(a-math)")):
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=rule)


def datum(sandbox: sandboxes.Sandbox) -> None:
    sandbox.client("cloudwatch").put_metric_data(Namespace="N", MetricData=[{"MetricName": "M", "Value": 1.0}])


def build(sandbox: sandboxes.Sandbox) -> None:
    sandbox.settings(transition_seconds=0)


SCENARIOS = {
    "cluster": Scenario("elasticache_info", lambda sandbox: {"name": sandbox.estate["cache_name"]}),
    "group": Scenario("elasticache_info", lambda sandbox: {"name": "huntaze-redis"}, group),
    "auth of a cluster": Scenario("elasticache_auth", auth),
    "auth of a group": Scenario("elasticache_auth", auth, group),
    "rules": Scenario(
        "security_group_ingress",
        lambda sandbox: {"group_id": sandbox.estate["cache_security_group_id"], "purge": True,
                         "rules": [{"ip_protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_ipv4": "10.0.0.0/24", "description": "new"}]},
        rules,
    ),
    "variables of the app": Scenario("amplify_environment", lambda sandbox: {"app_name": "huntaze", "variables": {"A": "1"}}),
    "variables of a branch": Scenario(
        "amplify_environment", lambda sandbox: {"app_id": sandbox.estate["app_id"], "branch": "main", "variables": {"A": "1"}, "purge": True}
    ),
    "build": Scenario("amplify_deployment", lambda sandbox: {"app_id": sandbox.estate["app_id"], "branch": "main", "wait_timeout": 1}, build, check=False),
    "alarms": Scenario(
        "cloudwatch_alarms",
        lambda sandbox: {"alarms": [{"alarm_name": "a-one", **METRIC, "threshold": 2}, {"alarm_name": "a-math", **MATH},
                                    {"alarm_name": "a-both", "alarm_rule": "OK(a-one)"}], "prefix": "a-", "purge": True},
        alarms,
    ),
    "metrics": Scenario(
        "cloudwatch_metric_info", lambda sandbox: {"metrics": [{"namespace": "N", "metric_name": "M"}], "wait": False}, datum
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_kind_07_a_module_ends_well_whatever_field_is_missing(
    sandbox: sandboxes.Sandbox, estate: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    scenario, run = SCENARIOS[name], Modules(sandbox, monkeypatch)
    scenario.prepare(sandbox)
    args = scenario.args(sandbox)
    sandbox.control.forget_calls()
    run(scenario.module, args, check=scenario.check)
    read = {(call, field) for call, found in sandbox.control.fields().items() for field in found if wanted(call, field)}
    assert read
    crashes = {}
    for call, field in sorted(read):
        service, operation = call.split(".")
        with sandbox.fault("vanish", service=service, operation=operation, field=field):
            problem = crash(run, scenario, args)
        if problem:
            crashes[f"{call} {field}"] = problem
    assert not crashes, "\n".join(f"{where}: {problem}" for where, problem in crashes.items())


def wanted(call: str, field: str) -> bool:
    last = field.rpartition(".")[2]
    return last in named_in_code() and field not in IDENTITY and last not in IDENTITY and not call.startswith("sts.")


def crash(run: Modules, scenario: Scenario, args: dict[str, t.Any]) -> str:
    """What is wrong with how the module ends; empty if nothing is."""
    try:
        result = run.told(scenario.module, args, check=scenario.check)
    except Exception as error:
        return repr(error)
    output = json.dumps(result)
    if "Traceback" in output or "Error: '" in output:
        return output
    if result.get("failed") and len(result.get("msg", "").split()) < 5:
        return f"it fails with {result.get('msg')!r}"
    return ""
