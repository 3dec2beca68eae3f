# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole job, as an operator sees it: `ansible-playbook deploy.yml` against the guide's estate."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import pytest
import redis
from support import deployment, sandboxes
from support.waiting import until

GUIDES_ALARM = {
    "AlarmName": "huntaze-ai-rate-limit-exceeded", "AlarmDescription": "Alert when rate limits are frequently exceeded", "MetricName": "RateLimitExceeded",
    "Namespace": "Huntaze/AI", "Statistic": "Sum", "Period": 300, "Threshold": 100.0, "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1,
    "Dimensions": [],
}


def assert_the_alarms_watch(sandbox: sandboxes.Sandbox) -> None:
    found = deployment.aws(sandbox, "cloudwatch", "describe-alarms", "--alarm-types", "MetricAlarm", "CompositeAlarm", "--alarm-name-prefix", "huntaze-ai-")
    alarms = {alarm["AlarmName"]: alarm for alarm in found["MetricAlarms"]}
    guides = alarms["huntaze-ai-rate-limit-exceeded"]
    assert {name: guides.get(name) for name in GUIDES_ALARM} == GUIDES_ALARM
    assert len(alarms) >= 12 and all(alarm["AlarmActions"] for alarm in alarms.values())
    assert [alarm["AlarmName"] for alarm in found["CompositeAlarms"]] == ["huntaze-ai-system-unhealthy"]


@pytest.mark.parametrize("ioredis", ["ioredis-6"], indirect=True)
def test_the_guides_cache_is_secured_and_what_changes_afterwards_is_put_right(sandbox, estate, deploy, ioredis):
    """One estate's life, as every deployment but the first begins where another ended."""
    assert_activation_does_what_was_announced(sandbox, estate, deploy)
    sandbox.control.forget_calls()
    deployment.assert_nothing_left_to_do(deploy())
    # Before anything, to plan, and to verify.
    assert {sandbox.calls()[f"elasticache.{call}"] for call in ("DescribeCacheClusters", "DescribeReplicationGroups")} == {3}, sandbox.calls()
    assert_clients_see_a_secured_cache(sandbox, estate, ioredis)
    assert_what_others_changed_is_put_right(sandbox, estate, deploy)
    assert_another_token_is_a_rotation(sandbox, estate, deploy)


def assert_activation_does_what_was_announced(sandbox, estate, deploy):
    old = sandbox.address("1.10")
    announced = deploy("--check", "--diff")
    assert announced.rc == 0, announced.output
    assert deployment.mutating_calls(sandbox) == {}
    assert announced.checks("skipped") and not announced.checks("ok", "failed")  # verification in check mode claims nothing

    first = deploy()
    assert first.rc == 0, first.output
    deployment.assert_done_as_announced(first, announced)
    assert not first.checks("failed") and len(first.checks("ok")) >= 5, first.output
    deployment.assert_secured(sandbox, estate["auth_token"])
    deployment.assert_app_built_once(sandbox, estate)
    assert_the_alarms_watch(sandbox)
    with pytest.raises(redis.ConnectionError):
        sandbox.redis(old, tls=False).ping()


def assert_clients_see_a_secured_cache(sandbox, estate, ioredis):
    address, token, ca = deployment.primary(sandbox), estate["auth_token"], estate["ca_file"]
    cli = ["redis-cli", "--tls", "--cacert", ca, "-h", address]
    assert "NOAUTH" in subprocess.run([*cli, "ping"], capture_output=True, text=True, timeout=60, check=False).stdout
    answer = subprocess.run([*cli, "ping"], env={**os.environ, "REDISCLI_AUTH": token}, capture_output=True, text=True, timeout=60, check=False)
    assert answer.stdout.strip() == "PONG"
    options = {"host": address, "port": 6379, "tls": True, "ca": ca}
    assert ioredis(**options, password=token) == {"answer": "PONG"}
    assert "NOAUTH" in json.dumps(ioredis(**options))
    with pytest.raises(TimeoutError):
        socket.create_connection((address, 6379), timeout=1, source_address=(estate["stranger_address"], 0))


def assert_what_others_changed_is_put_right(sandbox, estate, deploy):
    group, other = deployment.the_group(sandbox)["ReplicationGroupId"], estate["next_auth_token"]
    for strategy in ("ROTATE", "SET"):
        deployment.aws(sandbox, "elasticache", "modify-replication-group", "--replication-group-id", group, "--apply-immediately",
            "--auth-token", other, "--auth-token-update-strategy", strategy)
        until(lambda: deployment.the_group(sandbox)["Status"] == "available", what="an available group")
    rules = deployment.aws(sandbox, "ec2", "describe-security-group-rules", "--filters", f"Name=group-id,Values={estate['cache_security_group_id']}")
    (ours,) = [rule for rule in rules["SecurityGroupRules"] if not rule["IsEgress"]]
    deployment.aws(sandbox, "ec2", "revoke-security-group-ingress", "--group-id", estate["cache_security_group_id"],
        "--security-group-rule-ids", ours["SecurityGroupRuleId"])

    assert_the_cause_is_named(estate, deploy("--tags", "verify"))
    mended = deploy()
    assert mended.rc == 0, mended.output
    assert any("rotated elsewhere" in note for note in mended.report["notes"]), mended.output
    assert "network" in mended.stages(), mended.output
    deployment.assert_secured(sandbox, estate["auth_token"], former=other)


def assert_the_cause_is_named(estate, looked):
    """What AWS says decides; and what stands behind the missing rule, a token of somebody else's, cannot be seen."""
    (cause,), outcome = looked.report["causes"], looked.report["outcome"]
    assert looked.rc != 0 and (cause["situation"], cause["confidence"]) == ("ingress_missing", "certain"), looked.output
    assert cause["checks"] == ["limiter>redis"] and estate["cache_security_group_id"] in cause["evidence"][0]["text"]
    assert outcome["sentence"] == "Redis cannot be reached from limiter: an ingress rule is missing", looked.output
    assert "--tags network,verify" in outcome["next"] and estate["auth_token"] not in looked.output


def assert_another_token_is_a_rotation(sandbox, estate, deploy):
    rotation = {"HUNTAZE_CACHE_AUTH_TOKEN": estate["next_auth_token"]}
    announced = deploy("--check", changed=rotation)
    rotated = deploy(changed=rotation)
    assert rotated.rc == 0, rotated.output
    deployment.assert_done_as_announced(rotated, announced)
    assert rotated.stages() <= {"auth_open", "auth_close"}, "everything else was as declared"
    deployment.assert_secured(sandbox, estate["next_auth_token"], former=estate["auth_token"])
    deployment.assert_nothing_left_to_do(deploy(changed=rotation))
