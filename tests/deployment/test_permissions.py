# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module without each of its IAM actions, and with credentials that do not work: it says what is missing, and the next run completes."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from support import sandboxes

GROUP, TOKEN = "huntaze-redis", "token-0123456789abcdef"
RULES = [{"ip_protocol": "tcp", "from_port": port, "to_port": port, "cidr_ipv4": "10.0.0.0/24", "description": "new"} for port in (1, 2)]
METRIC = {"namespace": "N", "metric_name": "M", "statistic": "Sum", "period": 60, "threshold": 1, "evaluation_periods": 1,
          "comparison_operator": "GreaterThanThreshold"}
COMPOSITE = {"alarm_name": "a-both", "alarm_rule": "ALARM(a-one)", "tags": {"team": "t"}}


class Scenario(t.NamedTuple):
    """A run of a module that takes all of these actions, in an estate that is prepared for it."""

    module: str
    args: t.Callable[[sandboxes.Sandbox], dict[str, t.Any]]
    actions: tuple[str, ...]
    prepare: t.Callable[[sandboxes.Sandbox], None] = lambda sandbox: None


def rules_to_change(sandbox: sandboxes.Sandbox) -> None:
    sandbox.client("ec2").authorize_security_group_ingress(GroupId=sandbox.estate["cache_security_group_id"], IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/24", "Description": "old"}]} for port in (2, 3)
    ])


def alarm_to_remove(sandbox: sandboxes.Sandbox) -> None:
    sandbox.client("cloudwatch").put_metric_alarm(
        AlarmName="a-old", Namespace="N", MetricName="M", Statistic="Sum", Period=60, Threshold=1, EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
    )


def slow_build_of_an_app_with_an_outdated_note(sandbox: sandboxes.Sandbox) -> None:
    sandbox.settings(transition_seconds=2)  # to be seen running on a busy machine too
    amplify = sandbox.client("amplify")
    app = amplify.get_app(appId=sandbox.estate["app_id"])["app"]
    amplify.tag_resource(resourceArn=app["appArn"], tags={"huntaze:build:gone": ""})


def metric_to_read(sandbox: sandboxes.Sandbox) -> None:
    sandbox.client("cloudwatch").put_metric_data(Namespace="N", MetricData=[{"MetricName": "M", "Value": 1.0}])


def quick_transitions(sandbox: sandboxes.Sandbox) -> None:
    sandbox.settings(transition_seconds=0.02)


SCENARIOS = {
    "look": Scenario(
        "elasticache_info", lambda sandbox: {"name": sandbox.estate["cache_name"]},
        ("elasticache:DescribeCacheClusters", "elasticache:DescribeCacheSubnetGroups"),
    ),
    "look in vain": Scenario(
        "elasticache_info", lambda sandbox: {"name": "nobody"},
        ("elasticache:DescribeReplicationGroups", "elasticache:DescribeServerlessCaches"),
    ),
    "secure": Scenario(
        "elasticache_auth",
        lambda sandbox: {"name": sandbox.estate["cache_name"], "replication_group_id": GROUP, "transit_encryption_mode": "required", "auth_token": TOKEN,
                         "probe": False, "wait_timeout": 30},
        ("elasticache:DescribeSnapshots", "elasticache:CreateSnapshot", "elasticache:CreateReplicationGroup", "elasticache:ModifyReplicationGroup",
         "elasticache:ListTagsForResource", "elasticache:AddTagsToResource"),
        quick_transitions,
    ),
    "rules": Scenario(
        "security_group_ingress", lambda sandbox: {"group_id": sandbox.estate["cache_security_group_id"], "rules": RULES, "purge": True},
        ("ec2:DescribeSecurityGroupRules", "ec2:AuthorizeSecurityGroupIngress", "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
         "ec2:RevokeSecurityGroupIngress"),
        rules_to_change,
    ),
    "variables of the app": Scenario(
        "amplify_environment", lambda sandbox: {"app_name": "huntaze", "variables": {"A": "1"}}, ("amplify:ListApps", "amplify:GetApp", "amplify:UpdateApp")
    ),
    "variables of a branch": Scenario(
        "amplify_environment", lambda sandbox: {"app_id": sandbox.estate["app_id"], "branch": "main", "variables": {"A": "1"}},
        ("amplify:GetBranch", "amplify:UpdateBranch"),
    ),
    "build": Scenario(
        "amplify_deployment", lambda sandbox: {"app_name": "huntaze", "branch": "main"},
        ("amplify:ListApps", "amplify:GetApp", "amplify:GetBranch", "amplify:ListJobs", "amplify:StartJob", "amplify:GetJob", "amplify:TagResource",
         "amplify:ListBranches", "amplify:UntagResource"),
        slow_build_of_an_app_with_an_outdated_note,
    ),
    "alarms": Scenario(
        "cloudwatch_alarms", lambda sandbox: {"alarms": [{"alarm_name": "a-one", **METRIC}, COMPOSITE], "prefix": "a-", "purge": True},
        ("cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:PutCompositeAlarm", "cloudwatch:TagResource", "cloudwatch:DeleteAlarms"),
        alarm_to_remove,
    ),
    "metrics": Scenario(
        "cloudwatch_metric_info", lambda sandbox: {"metrics": [{"namespace": "N", "metric_name": "M"}]}, ("cloudwatch:GetMetricData",), metric_to_read
    ),
    "data": Scenario("cloudwatch_metric_data", lambda sandbox: {"namespace": "N", "metrics": {"M": 1}}, ("cloudwatch:PutMetricData",)),
}


def readme_policy(sandbox: sandboxes.Sandbox) -> dict[str, t.Any]:
    return sandbox.client("iam").get_user_policy(UserName="deployer", PolicyName="policy")["PolicyDocument"]


def grant(sandbox: sandboxes.Sandbox, policy: dict[str, t.Any], without: str | None = None) -> None:
    statements = [{**one, "Action": [action for action in one["Action"] if action != without]} for one in policy["Statement"]]
    sandbox.client("iam").put_user_policy(UserName="deployer", PolicyName="policy", PolicyDocument=json.dumps({**policy, "Statement": statements}))


@pytest.mark.parametrize(("name", "action"), [(name, action) for name, scenario in SCENARIOS.items() for action in scenario.actions])
def test_kind_08_without_an_action_a_module_names_it_and_the_next_run_completes(
    sandbox: sandboxes.Sandbox, estate: dict[str, t.Any], run_module: t.Callable[..., sandboxes.Result], name: str, action: str
) -> None:
    scenario = SCENARIOS[name]
    scenario.prepare(sandbox)
    args, policy = scenario.args(sandbox), readme_policy(sandbox)
    grant(sandbox, policy, without=action)
    denied = run_module(scenario.module, args)
    assert denied.get("failed") and f"not allowed: {action}; add it to the IAM policy" in denied["msg"], denied.output
    grant(sandbox, policy)
    done = run_module(scenario.module, args)
    assert done.rc == 0, done.output
    again = run_module(scenario.module, args)
    assert (again.rc, again.get("changed")) == (0, name == "data"), again.output  # each run puts a datapoint


def test_kind_08_a_group_without_any_rule_takes_one_more_action(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any], run_module: t.Any) -> None:
    """As Terraform makes them: a group with not even a rule for egress."""
    ec2, group = sandbox.client("ec2"), estate["cache_security_group_id"]
    egress = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"] for rule in egress])
    args, policy = {"group_id": group, "rules": RULES}, readme_policy(sandbox)
    grant(sandbox, policy, without="ec2:DescribeSecurityGroups")
    assert "not allowed: ec2:DescribeSecurityGroups; " in run_module("security_group_ingress", args)["msg"]
    grant(sandbox, policy)
    assert run_module("security_group_ingress", args)["changed"] is True


@pytest.mark.parametrize("action", ["elasticache:DescribeCacheClusters", "elasticache:DescribeReplicationGroups", "elasticache:DescribeServerlessCaches"])
def test_kind_08_a_cache_that_cannot_be_looked_for_is_not_told_missing(
    sandbox: sandboxes.Sandbox, estate: dict[str, t.Any], run_module: t.Any, action: str
) -> None:
    args, policy = {**SCENARIOS["secure"].args(sandbox), "name": "nobody"}, readme_policy(sandbox)
    grant(sandbox, policy, without=action)
    assert f"not allowed: {action}; " in run_module("elasticache_auth", args)["msg"]
    grant(sandbox, policy)
    assert "not allowed" not in run_module("elasticache_auth", args)["msg"]


# Credentials

NO_KEYS = {"access_key": "", "secret_key": ""}
CONFIG = """\
[profile process]
credential_process = {process}
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/deployer
source_profile = process
mfa_serial = arn:aws:iam::123456789012:mfa/ann
[profile sso]
sso_start_url = https://company.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = deployer
"""


@pytest.mark.parametrize(("args", "environment", "words"), [
    (NO_KEYS, {}, ["Unable to locate credentials", "Tried: what boto3 finds by itself", "AWS_PROFILE"]),
    ({**NO_KEYS, "profile": "process"}, {}, ["no keys today", "Tried: the profile process (option profile)", "Run the credential_process"]),
    ({**NO_KEYS, "profile": "mfa"}, {}, ["arn:aws:iam::123456789012:mfa/ann", "no terminal", "aws sts get-session-token"]),
    ({**NO_KEYS, "profile": "sso"}, {}, ["`aws sso login --profile sso`"]),
    ({**NO_KEYS, "profile": "nobody"}, {}, ["no profile nobody", "mfa, process and sso"]),
    ({"secret_key": ""}, {}, ["Only half", "no secret_key"]),
    ({}, {"AWS_PROFILE": "process"}, ["process (AWS_PROFILE)", "`unset AWS_PROFILE`"]),
    ({}, {"AWS_SESSION_TOKEN": "of-another"}, ["AWS_SESSION_TOKEN"]),
    ({"access_key": "AKIAUNKNOWN"}, {}, ["InvalidClientTokenId", "AKIAUNKNOWN (option access_key)", "aws sts get-caller-identity"]),
    ({"secret_key": "wrong"}, {}, ["SignatureDoesNotMatch", "the secret key is not the one"]),
])
def test_kind_36_a_failure_tells_which_credentials_were_tried_and_what_helps(
    sandbox: sandboxes.Sandbox, estate: dict[str, t.Any], run_module: t.Any, tmp_path: Path, args: dict[str, t.Any], environment: dict[str, str],
    words: list[str],
) -> None:
    process = tmp_path / "process"
    process.write_text("#!/bin/sh\necho no keys today >&2\nexit 1\n")
    process.chmod(0o755)
    (tmp_path / "config").write_text(CONFIG.format(process=process))
    environment = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path), "PATH": os.environ["PATH"], **environment}
    result = run_module("elasticache_info", {"name": estate["cache_name"], **args}, environment=environment)
    assert result.get("failed"), result.output
    assert all(word in result["msg"] for word in words), result["msg"]
    assert "Traceback" not in result.output and estate["secret_key"] not in result.output
