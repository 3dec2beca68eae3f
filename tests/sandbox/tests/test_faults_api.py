# SPDX-License-Identifier: GPL-3.0-or-later
"""The control URL: counting, settings, reset, and the faults that tests switch on."""

from __future__ import annotations

import json
import threading
import typing as t

import pytest
from support import sandboxes
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from support.caches import api, cluster, promote
from support.refusals import refused
from support.waiting import until

pytestmark = pytest.mark.usefixtures("estate")
RULE = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}]


def rules(sandbox: sandboxes.Sandbox) -> list[dict[str, t.Any]]:
    answer = api(sandbox, "ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [sandbox.estate["cache_security_group_id"]]}]
    )
    return [rule for rule in answer["SecurityGroupRules"] if not rule["IsEgress"]]


def authorize(sandbox: sandboxes.Sandbox, client: t.Any = None) -> t.Any:
    ec2 = client or api(sandbox, "ec2")
    return ec2.authorize_security_group_ingress(GroupId=sandbox.estate["cache_security_group_id"], IpPermissions=RULE)


# Counting, settings, reset


def test_calls_are_counted_by_service_and_operation(sandbox: sandboxes.Sandbox) -> None:
    sandbox.control.forget_calls()
    cluster(sandbox)
    cluster(sandbox)
    api(sandbox, "sts").get_caller_identity()
    api(sandbox, "cloudwatch").describe_alarms()
    api(sandbox, "ssm").describe_parameters()
    api(sandbox, "s3").list_buckets()
    assert sandbox.calls() == {
        "elasticache.DescribeCacheClusters": 2, "sts.GetCallerIdentity": 1, "cloudwatch.DescribeAlarms": 1, "ssm.DescribeParameters": 1,
        "s3.ListBuckets": 1,
    }
    sandbox.control.forget_calls()
    assert sandbox.calls() == {}


def test_reset_brings_the_guides_estate_back(sandbox: sandboxes.Sandbox) -> None:
    api(sandbox, "s3").put_object(Bucket="huntaze-beta-assets", Key="k", Body=b"v")
    authorize(sandbox)
    promote(sandbox)
    sandbox.reset()
    assert "ReplicationGroupId" not in cluster(sandbox) and rules(sandbox) == []
    assert cluster(sandbox)["CacheNodes"][0]["Endpoint"]["Address"] == sandbox.address("1.10")
    assert api(sandbox, "s3").list_objects_v2(Bucket="huntaze-beta-assets")["KeyCount"] == 0
    assert json.loads((sandbox.state / "estate.json").read_text()) == sandbox.estate


@pytest.mark.parametrize(("change", "named"), [({"nonsense": 1}, "nonsense"), ({"transition_seconds": "soon"}, "transition_seconds"),
                                               ({"transition_seconds": -1}, "transition_seconds")])
def test_settings_that_are_none(sandbox: sandboxes.Sandbox, change: dict[str, t.Any], named: str) -> None:
    before = sandbox.settings()
    with pytest.raises(ValueError, match=named):
        sandbox.settings(**change)
    assert sandbox.settings() == before


@pytest.mark.parametrize(("fault", "named"), [
    ({"kind": "nonsense"}, "nonsense"), ({"kind": "throttle"}, "rate"), ({"kind": "hang", "rate": 1}, "rate"),
    ({"kind": "vanish"}, "names the field"), ({"kind": "hang", "field": "A"}, "no other fault"), ({"kind": "hang", "sometimes": 1}, "sometimes"), ({"kind": "hang", "times": "once"}, "times"),
])
def test_faults_that_are_none(sandbox: sandboxes.Sandbox, fault: dict[str, t.Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        sandbox.control.add_fault(**fault)
    assert sandbox.control.faults() == []


def test_what_the_sandbox_cannot_do_it_says(sandbox: sandboxes.Sandbox) -> None:
    message = refused("NotImplemented", api(sandbox).describe_reserved_cache_nodes)
    assert "describe_reserved_cache_nodes" in message


# Faults


def test_throttling_over_a_rate(sandbox: sandboxes.Sandbox) -> None:
    with sandbox.fault("throttle", service="elasticache", operation="*", rate=2):
        codes = []
        for _ in range(6):
            try:
                cluster(sandbox)
                codes.append(None)
            except ClientError as error:
                assert error.response["Error"]["Message"] == "Rate exceeded"
                codes.append(error.response["Error"]["Code"])
        assert codes[:2] == [None, None] and "Throttling" in codes
        api(sandbox, "sts").get_caller_identity()
        patient = sandbox.client("elasticache", config=Config(retries={"mode": "adaptive", "max_attempts": 10}))
        patient.describe_cache_clusters()
    cluster(sandbox)


def test_throttling_everything_so_many_times(sandbox: sandboxes.Sandbox) -> None:
    with sandbox.fault("throttle", service="ec2", operation="mutating", rate=0, times=2):
        rules(sandbox)
        refused("Throttling", authorize, sandbox=sandbox)
        refused("Throttling", authorize, sandbox=sandbox)
        authorize(sandbox)


def test_a_lost_answer_leaves_the_change_made(sandbox: sandboxes.Sandbox) -> None:
    with sandbox.fault("lost_answer", service="ec2", operation="AuthorizeSecurityGroupIngress", times=1):
        with pytest.raises(ConnectionClosedError):
            authorize(sandbox)
    assert len(rules(sandbox)) == 1


def test_botocore_repeats_a_call_whose_answer_was_lost(sandbox: sandboxes.Sandbox) -> None:
    with sandbox.fault("lost_answer", service="ec2", operation="mutating", times=1):
        refused("InvalidPermission.Duplicate", authorize, sandbox=sandbox, client=sandbox.client("ec2"))
    assert sandbox.calls()["ec2.AuthorizeSecurityGroupIngress"] == 2


def test_some_calls_pass_first(sandbox: sandboxes.Sandbox) -> None:
    with sandbox.fault("lost_answer", operation="mutating", after=1, times=1):
        rules(sandbox)
        authorize(sandbox)
        refused("InvalidPermission.Duplicate", authorize, sandbox=sandbox, client=sandbox.client("ec2"))


def test_a_hanging_answer_is_held_until_the_fault_is_lifted(sandbox: sandboxes.Sandbox) -> None:
    answers: list[t.Any] = []
    client = api(sandbox, "ec2")
    with sandbox.fault("hang", operation="mutating", times=1):
        caller = threading.Thread(target=lambda: answers.append(authorize(sandbox, client)))
        caller.start()
        until(lambda: sandbox.control.faults()[0]["held"] == 1)
        assert len(rules(sandbox)) == 1 and not answers
    caller.join(60)
    assert answers[0]["Return"] is True


def test_a_client_that_gives_up_on_a_hanging_answer_leaves_nothing_behind(sandbox: sandboxes.Sandbox) -> None:
    impatient = sandbox.client("ec2", config=Config(read_timeout=0.2, retries={"total_max_attempts": 1}))
    with sandbox.fault("hang", operation="mutating", times=1):
        with pytest.raises(HTTPClientError):
            authorize(sandbox, impatient)
    until(lambda: len(rules(sandbox)) == 1, what="the call, whose client may have left before it was made")


def test_stale_reads_answer_as_before_the_last_change(sandbox: sandboxes.Sandbox) -> None:
    assert rules(sandbox) == []
    with sandbox.fault("stale_reads", service="ec2", operation="*", times=2):
        authorize(sandbox)
        assert rules(sandbox) == [] and rules(sandbox) == []
        assert len(rules(sandbox)) == 1


def test_stale_reads_know_the_last_change_only(sandbox: sandboxes.Sandbox) -> None:
    rules(sandbox)
    with sandbox.fault("stale_reads", service="ec2", operation="DescribeSecurityGroupRules", times=1):
        rule_id = authorize(sandbox)["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        api(sandbox, "ec2").revoke_security_group_ingress(
            GroupId=sandbox.estate["cache_security_group_id"], SecurityGroupRuleIds=[rule_id]
        )
        assert len(rules(sandbox)) == 1
        assert rules(sandbox) == []


@pytest.mark.parametrize(("service", "operation", "field", "look"), [
    ("elasticache", "DescribeCacheClusters", "CacheClusters.CacheNodes.Endpoint",
     lambda sandbox: [node for cluster in api(sandbox).describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"] for node in cluster["CacheNodes"]]),
    ("ec2", "DescribeSecurityGroups", "SecurityGroups.Description", lambda sandbox: api(sandbox, "ec2").describe_security_groups()["SecurityGroups"]),
    ("rds", "DescribeDBInstances", "DBInstances.VpcSecurityGroups",
     lambda sandbox: api(sandbox, "rds").describe_db_instances()["DBInstances"]),
    ("amplify", "ListApps", "apps.environmentVariables", lambda sandbox: api(sandbox, "amplify").list_apps()["apps"]),
    ("cloudwatch", "DescribeAlarms", "MetricAlarms.StateReason", lambda sandbox: api(sandbox, "cloudwatch").describe_alarms()["MetricAlarms"]),
])
def test_kind_07_a_field_vanishes_from_answers(
    sandbox: sandboxes.Sandbox, service: str, operation: str, field: str, look: t.Callable[[sandboxes.Sandbox], list[dict[str, t.Any]]]
) -> None:
    api(sandbox, "cloudwatch").put_metric_alarm(
        AlarmName="a", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold"
    )
    sandbox.control.forget_calls()
    key = field.rpartition(".")[2]
    before = [set(one) for one in look(sandbox)]
    assert field in sandbox.control.fields()[f"{service}.{operation}"]
    with sandbox.fault("vanish", service=service, operation=operation, field=field):
        assert [set(one) for one in look(sandbox)] == [names - {key} for names in before] != before
    assert [set(one) for one in look(sandbox)] == before
