# SPDX-License-Identifier: GPL-3.0-or-later
"""change_history_info against the sandbox: what somebody else changed with the aws CLI is dated and attributed, and nothing secret is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.huntaze.ai_system.plugins.modules import change_history_info

AWS = str(Path(sys.executable).with_name("aws"))
LOOKUP = "cloudtrail.LookupEvents"
CANARY, PLAIN_CANARY = "canary-7c1f0e-secret", "canary-55aa10-plain"
ALARM = {
    "namespace": "Huntaze/AI", "metric_name": "RateLimitExceeded", "statistic": "Sum", "period": 300, "evaluation_periods": 1, "threshold": 100,
    "comparison_operator": "GreaterThanThreshold",
}


@pytest.fixture
def oncall(sandbox: t.Any, estate: t.Any) -> t.Callable[..., t.Any]:
    """Somebody else with keys of their own, at the aws CLI."""
    iam = sandbox.client("iam")
    iam.create_user(UserName="oncall")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": "*"}]}
    iam.put_user_policy(UserName="oncall", PolicyName="policy", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="oncall")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def run(*arguments: str) -> t.Any:
        done = subprocess.run(
            [AWS, *arguments], env={**os.environ, **sandbox.aws_environment, **keys}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def looked_at(run_module: t.Any, module: str, **options: t.Any) -> list[dict[str, t.Any]]:
    result = run_module(module, options, check=True)
    assert result.rc == 0, result["msg"]
    return result["differences"] + result["left_alone"]


def by_field(result: t.Any) -> dict[tuple[str, str], dict[str, t.Any]]:
    assert result.rc == 0, result.get("msg")
    return {(one["object"], one["field"]): one for one in result["origins"]}


def named(origin: dict[str, t.Any]) -> tuple[t.Any, t.Any]:
    assert bool(origin["by"]) == bool(origin["via"])
    assert origin["by"] is None or (origin["since"].endswith("Z") and not origin["candidates"])
    return origin["by"], origin["via"]


def test_rules_of_a_group_are_attributed_to_whoever_changed_them(sandbox: t.Any, estate: t.Any, run_module: t.Any, oncall: t.Any) -> None:
    group, limiter = estate["cache_security_group_id"], estate["limiter_security_group_id"]
    rules = [
        {"ip_protocol": "tcp", "from_port": port, "to_port": port, "cidr_ipv4": "10.0.0.0/24", "description": f"port {port}"} for port in (6379, 6380, 6381)
    ] + [{"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "referenced_group_id": limiter}]
    desired = {"group_id": group, "rules": rules}
    deployed = run_module("security_group_ingress", desired)
    ids = {rule["from_port"]: rule["security_group_rule_id"] for rule in deployed["rules"] if "cidr_ipv4" in rule}
    ec2 = ("ec2", "revoke-security-group-ingress", "--group-id", group)
    oncall(*ec2, "--ip-permissions", f"IpProtocol=tcp,FromPort=6379,ToPort=6379,UserIdGroupPairs=[{{GroupId={limiter}}}]")
    oncall(*ec2, "--security-group-rule-ids", ids[6380])
    oncall("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "6379", "--cidr", "0.0.0.0/0")
    oncall(
        "ec2", "update-security-group-rule-descriptions-ingress", "--group-id", group, "--security-group-rule-descriptions",
        f"SecurityGroupRuleId={ids[6381]},Description=mine",
    )
    wider = "{IpProtocol=tcp,FromPort=6379,ToPort=6379,CidrIpv4=10.0.0.0/8,Description=wider}"
    oncall(
        "ec2", "modify-security-group-rules", "--group-id", group, "--security-group-rules",
        f"SecurityGroupRuleId={ids[6379]},SecurityGroupRule={wider}",
    )
    failed = subprocess.run(
        [AWS, *ec2, "--protocol", "tcp", "--port", "6380", "--cidr", "10.0.0.0/24"], env={**os.environ, **sandbox.aws_environment}, check=False,
        capture_output=True, timeout=60,
    )
    assert failed.returncode != 0  # blames nobody
    differences = looked_at(run_module, "security_group_ingress", purge=True, **desired)
    sandbox.control.forget_calls()
    result = run_module("change_history_info", {"differences": differences})
    found = {field: named(origin) for (_object, field), origin in by_field(result).items()}
    assert found == {
        f"tcp 6379 from {limiter}": ("user oncall", "RevokeSecurityGroupIngress"),
        "tcp 6380 from 10.0.0.0/24": ("user oncall", "RevokeSecurityGroupIngress"),
        "tcp 6379 from 0.0.0.0/0": ("user oncall", "AuthorizeSecurityGroupIngress"),
        "tcp 6381 from 10.0.0.0/24": ("user oncall", "UpdateSecurityGroupRuleDescriptionsIngress"),
        "tcp 6379 from 10.0.0.0/24": ("user oncall", "ModifySecurityGroupRules"),
        "tcp 6379 from 10.0.0.0/8": ("user oncall", "ModifySecurityGroupRules"),
    }
    assert result["calls"] == sandbox.calls()[LOOKUP] <= 2
    assert any("last 15 minutes" in note for note in result["notes"])
    without = run_module("change_history_info", {"differences": differences, "attribute": False})
    assert {named(origin) for origin in without["origins"]} == {(None, None)} and without["calls"] == 0
    sandbox.settings(event_delay_seconds=3600)
    late = run_module("change_history_info", {"differences": differences[:1]})
    assert named(late["origins"][0]) == (None, None)
    assert "the last 15 minutes may still be missing" in late["origins"][0]["note"]


def test_alarms_are_dated_by_their_history_and_attributed_also_once_deleted(sandbox: t.Any, estate: t.Any, run_module: t.Any, oncall: t.Any) -> None:
    names = ("threshold", "deleted", "muted", "own")
    alarms = [{**ALARM, "alarm_name": name} for name in names]
    assert run_module("cloudwatch_alarms", {"alarms": alarms}).rc == 0
    put = [
        "cloudwatch", "put-metric-alarm", "--alarm-name", "threshold", "--namespace", "Huntaze/AI", "--metric-name", "RateLimitExceeded", "--statistic", "Sum",
        "--period", "300", "--evaluation-periods", "1", "--comparison-operator", "GreaterThanThreshold", "--threshold",
    ]
    oncall(*put, "60")
    # Somebody who sets the same again did not make it so.
    sandbox.client("cloudwatch").put_metric_alarm(
        AlarmName="threshold", Namespace="Huntaze/AI", MetricName="RateLimitExceeded", Statistic="Sum", Period=300, EvaluationPeriods=1, Threshold=60.0,
        ComparisonOperator="GreaterThanThreshold", AlarmDescription="mine",
    )
    oncall("cloudwatch", "delete-alarms", "--alarm-names", "deleted")
    oncall("cloudwatch", "disable-alarm-actions", "--alarm-names", "muted")
    run_module("cloudwatch_alarms", {"alarms": [{**ALARM, "alarm_name": "own", "threshold": 7}]})
    differences = looked_at(run_module, "cloudwatch_alarms", alarms=alarms)
    missing = {"object": "alarm deleted", "field": "exists", "before": False, "after": True}
    result = run_module("change_history_info", {"differences": [*differences, missing]})
    found = by_field(result)
    assert named(found["alarm threshold", "threshold"]) == ("user oncall", "PutMetricAlarm")
    assert named(found["alarm threshold", "alarm_description"]) == ("user administrator", "PutMetricAlarm")
    assert {named(one) for (name, _field), one in found.items() if name == "alarm deleted"} == {("user oncall", "DeleteAlarms")}
    assert named(found["alarm muted", "actions_enabled"]) == ("user oncall", "DisableAlarmActions")
    assert named(found["alarm own", "threshold"]) == ("user deployer", "PutMetricAlarm, a run of this collection")
    dated = by_field(run_module("change_history_info", {"differences": [*differences, missing], "attribute": False}))
    for key in (("alarm threshold", "threshold"), ("alarm deleted", "exists"), ("alarm own", "threshold")):
        assert (dated[key]["since"], dated[key]["by"]) == (found[key]["since"], None)


def test_variables_are_compared_and_never_shown_and_tokens_not_even_read(sandbox: t.Any, estate: t.Any, run_module: t.Any, oncall: t.Any) -> None:
    app = estate["app_id"]
    desired = {"app_id": app, "branch": "main", "variables": {"PLAIN": "declared"}, "secret_variables": {"TOKEN": "declared-token", "GONE": "declared-too"}}
    assert run_module("amplify_environment", desired).rc == 0
    oncall("amplify", "update-branch", "--app-id", app, "--branch-name", "main", "--environment-variables", f"PLAIN={PLAIN_CANARY},TOKEN={CANARY}")
    oncall("amplify", "update-app", "--app-id", app, "--environment-variables", f"GONE={CANARY}-at-app-level")
    # A later writer who keeps what is there.
    sandbox.client("amplify").update_branch(
        appId=app, branchName="main", environmentVariables={"PLAIN": PLAIN_CANARY, "TOKEN": CANARY, "OTHER": "x"}, description="later"
    )
    cache = {"object": "cache huntaze-redis", "field": "auth_token", "before": None, "after": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "secret": True}
    differences = [*looked_at(run_module, "amplify_environment", **desired), cache]
    result = run_module("change_history_info", {"differences": differences})
    found = by_field(result)
    branch = f"branch {app}/main"
    for name in ("PLAIN", "TOKEN", "GONE"):
        assert named(found[branch, f"environment_variables.{name}"]) == ("user oncall", "UpdateBranch")
    assert named(found[f"app {app}", "environment_variables.GONE"]) == ("user oncall", "UpdateApp")
    assert named(found["cache huntaze-redis", "auth_token"]) == (None, None)
    assert "CloudTrail shows nobody" in found["cache huntaze-redis", "auth_token"]["note"]
    for canary in (CANARY, PLAIN_CANARY):
        assert canary not in result.output
    dated = by_field(run_module("change_history_info", {"differences": differences, "attribute": False}))
    assert dated[branch, "environment_variables.TOKEN"]["since"]
    assert "may differ for longer" in dated[branch, "environment_variables.TOKEN"]["note"]


def test_what_cannot_be_looked_up_is_said(sandbox: t.Any, estate: t.Any, run_module: t.Any) -> None:
    rule = {"object": f"security group {estate['cache_security_group_id']}", "field": "tcp 1 from 10.0.0.0/24", "before": "", "after": None}
    file = {"object": "host limiter-1", "field": "rules", "before": "x", "after": "y", "changed_at": "2026-11-20T10:00:00Z"}
    sandbox.client("cloudwatch").put_metric_alarm(
        AlarmName="a", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    alarm = {"object": "alarm a", "field": "threshold", "before": 2.0, "after": 3.0, "lowers_security": True}
    spent = run_module("change_history_info", {"differences": [rule, file, alarm], "max_calls": 1})
    assert spent["calls"] == 1
    assert spent["notes"][0] == (
        f"The 1 calls of max_calls were used up before all events were read of: {rule['object']}. Give it more calls."
    )
    assert [origin["since"] for origin in spent["origins"]][1] == "2026-11-20T10:00:00Z"
    assert spent["origins"][0]["note"] == "It was not looked up to the end."
    assert spent["origins"][2]["candidates"][0]["by"] == "user administrator"  # whose value is another one
    sandbox.control.forget_calls()
    denied = run_module("change_history_info", {"differences": [rule], "access_key": estate["limiter_access_key"], "secret_key": estate["limiter_secret_key"]})
    assert denied.rc == 0 and denied["origins"][0]["by"] is None
    assert any("cloudtrail:LookupEvents" in note for note in denied["notes"]) and sandbox.calls()[LOOKUP] == 1
    sandbox.settings(lookups_per_second=0)
    throttled = run_module("change_history_info", {"differences": [rule], "max_calls": 2})
    assert (throttled["calls"], sandbox.calls()[LOOKUP]) == (2, 3)


def test_bad_input_is_refused_in_one_message_before_the_first_call(sandbox: t.Any, estate: t.Any, run_module: t.Any) -> None:
    sandbox.control.forget_calls()
    result = run_module("change_history_info", {"differences": [{"object": "", "field": "f", "changed_at": "yesterday"}], "max_calls": 0})
    assert result.rc == 1 and len(result["problems"]) == 3 and sandbox.calls() == {}


def test_the_documented_examples_run(sandbox: t.Any, estate: t.Any, run_module: t.Any) -> None:
    play, task = yaml.safe_load(change_history_info.EXAMPLES)
    look = dict(play["tasks"][0]["huntaze.ai_system.security_group_ingress"])
    rules = [{**rule, "referenced_group_id": estate["limiter_security_group_id"]} for rule in look["rules"]]
    result = run_module("security_group_ingress", {"group_id": estate["cache_security_group_id"], "rules": rules}, check=True)
    history = run_module("change_history_info", {"differences": result["differences"] + result["left_alone"]})
    assert len(history["origins"]) == 1
    second = run_module("change_history_info", {**task["huntaze.ai_system.change_history_info"], "region": estate["region"]})
    assert (second["origins"][0]["by"], second["calls"]) == (None, 0)
