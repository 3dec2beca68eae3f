# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole job, as an operator sees it: `ansible-playbook deploy.yml` against the guide's estate."""

from __future__ import annotations

import functools
import json
import os
import re
import socket
import subprocess
import time
import typing as t
from pathlib import Path

from support import deployment
import pytest
import redis
from support import sandboxes
import yaml


@pytest.fixture
def deploy(sandbox: sandboxes.Sandbox, tmp_path: Path) -> t.Callable[..., deployment.Outcome]:
    """Without limiter agents, which take most of a deployment's time: test_agents.py is about them."""
    return functools.partial(deployment.run, sandbox, inventory=deployment.inventory_without_agents(tmp_path))


GUIDES_ALARM = {
    "AlarmName": "huntaze-ai-rate-limit-exceeded", "AlarmDescription": "Alert when rate limits are frequently exceeded", "MetricName": "RateLimitExceeded",
    "Namespace": "Huntaze/AI", "Statistic": "Sum", "Period": 300, "Threshold": 100.0, "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1,
    "Dimensions": [],
}


def assert_the_app_was_built_once(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    """One build beyond the estate's own: a RELEASE that saw the app's variables and ours."""
    app, branch = ("--app-id", estate["app_id"]), ("--branch-name", estate["app_branch"])
    newest, *others = deployment.aws(sandbox, "amplify", "list-jobs", *app, *branch)["jobSummaries"]
    assert (newest["status"], len(others)) == ("SUCCEED", 1)
    theirs = deployment.aws(sandbox, "amplify", "get-app", *app)["app"]["environmentVariables"]
    ours = deployment.aws(sandbox, "amplify", "get-branch", *app, *branch)["branch"]["environmentVariables"]
    assert theirs and {"GEMINI_MODEL", "DATABASE_URL", "NEXTAUTH_SECRET"} <= set(ours)
    assert estate["auth_token"] not in json.dumps([theirs, ours])
    (seen,) = [job["environment"] for job in sandbox.control.request("GET", "amplify/builds") if job["job_id"] == newest["jobId"]]
    assert seen == {**theirs, **ours}


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
    assert {sandbox.calls()[f"elasticache.{call}"] for call in ("DescribeCacheClusters", "DescribeReplicationGroups")} == {2}, sandbox.calls()
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
    assert_the_app_was_built_once(sandbox, estate)
    assert_the_alarms_watch(sandbox)
    with pytest.raises(redis.ConnectionError):
        sandbox.redis(old, tls=False).ping()


def assert_clients_see_a_secured_cache(sandbox, estate, ioredis):
    address, token, ca = deployment.primary(sandbox), estate["auth_token"], estate["ca_file"]
    cli = ["redis-cli", "--tls", "--cacert", ca, "-h", address]
    assert "NOAUTH" in subprocess.run([*cli, "ping"], capture_output=True, text=True, timeout=10, check=False).stdout
    answer = subprocess.run([*cli, "ping"], env={**os.environ, "REDISCLI_AUTH": token}, capture_output=True, text=True, timeout=10, check=False)
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
        while deployment.the_group(sandbox)["Status"] != "available":
            time.sleep(0.1)
    rules = deployment.aws(sandbox, "ec2", "describe-security-group-rules", "--filters", f"Name=group-id,Values={estate['cache_security_group_id']}")
    (ours,) = [rule for rule in rules["SecurityGroupRules"] if not rule["IsEgress"]]
    deployment.aws(sandbox, "ec2", "revoke-security-group-ingress", "--group-id", estate["cache_security_group_id"],
        "--security-group-rule-ids", ours["SecurityGroupRuleId"])

    mended = deploy()
    assert mended.rc == 0, mended.output
    assert any("rotated elsewhere" in note for note in mended.report["notes"]), mended.output
    assert "network" in mended.stages(), mended.output
    deployment.assert_secured(sandbox, estate["auth_token"], former=other)


def assert_another_token_is_a_rotation(sandbox, estate, deploy):
    rotation = {"HUNTAZE_CACHE_AUTH_TOKEN": estate["next_auth_token"]}
    announced = deploy("--check", changed=rotation)
    rotated = deploy(changed=rotation)
    assert rotated.rc == 0, rotated.output
    deployment.assert_done_as_announced(rotated, announced)
    assert rotated.stages() <= {"auth_open", "auth_close"}, "everything else was as declared"
    deployment.assert_secured(sandbox, estate["next_auth_token"], former=estate["auth_token"])
    deployment.assert_nothing_left_to_do(deploy(changed=rotation))


def test_runs_killed_one_after_the_other_get_there(sandbox, estate, deploy, tmp_path):
    """Every run makes the call that comes next, the one after that or the third, and dies before it hears the answer."""

    def killed_at(change: int) -> bool:
        with sandbox.fault("hang", operation="mutating", after=change, times=1):
            return deployment.killed_when(
                lambda output: any(fault.get("held") for fault in sandbox.control.faults()),
                # The alarms' own tests kill at each of theirs.
                sandbox, "--skip-tags", "alarms,verify", inventory=tmp_path / "inventory",
            )

    # A change of the token whose answer nobody heard proves nothing, so the next run makes it anew and has to live longer to get further:
    # at most through ROTATE and SET, to their note.
    kills = 0
    while killed_at(kills % 3):
        kills += 1
        assert kills < 20
    # Two rules, a snapshot, a promotion, two TLS modes, two changes of the token and their note, variables, a build and its notes.
    assert kills >= 6
    deployment.assert_secured(sandbox, estate["auth_token"])
    assert_the_app_was_built_once(sandbox, estate)
    last = deploy()
    assert last.rc == 0 and last.stages() == {"alarms"}, last.output


def bad_input(estate: dict[str, t.Any]) -> dict[str, tuple[dict[str, t.Any], list[str]]]:
    """Variables that cannot work, and what the message must say."""
    aws_options = {"region": estate["region"], "expected_account_id": estate["account_id"], "endpoint_url": estate["endpoint_url"],
                   "access_key": estate["access_key"], "secret_key": estate["secret_key"]}
    cache = {"name": "huntaze-redis-production", "replication_group_id": "huntaze-redis", "auth_token": estate["auth_token"],
             "tls_ca_file": estate["ca_file"]}
    return {
        "a token of 5 characters": ({"huntaze_cache": {**cache, "auth_token": "cana5"}}, ["auth_token", "5 characters", "16 to 128"]),
        "two things at once": (
            {"huntaze_cache": {**cache, "auth_token": "cana5"}, "huntaze_limiter": {"security_group_id": "the limiters", "agents": "elsewhere"}},
            ["5 characters", "huntaze_limiter.security_group_id is 'the limiters'"],
        ),
        "names that Amplify forbids": (
            {"huntaze_app": {"app_id": estate["app_id"], "branch": "main", "variables": {"AWS_REGION": "us-east-1", "AWS_S3_BUCKET": "b"}}},
            ["AWS_REGION", "AWS_S3_BUCKET"],
        ),
        "the guide's requirepass": ({"huntaze_cache": {**cache, "requirepass": "cana5"}}, ["requirepass", "huntaze_cache.auth_token"]),
        "an unknown cache": ({"huntaze_cache": {**cache, "name": "no-such-cache"}}, ["There is no cache no-such-cache", "Nothing was changed"]),
        "a cache without AUTH of its kind": ({"huntaze_cache": {**cache, "name": "sessions"}}, ["sessions runs memcached"]),
        "wrong credentials": ({"huntaze_aws": {**aws_options, "access_key": "AKIAWRONG"}}, ["InvalidClientTokenId"]),
        "the wrong account": ({"huntaze_aws": {**aws_options, "expected_account_id": "210987654321"}}, ["210987654321", "Nothing was changed"]),
        "an endpoint where nothing listens": ({"huntaze_aws": {**aws_options, "endpoint_url": "http://127.0.0.1:9"}}, ["127.0.0.1:9"]),
    }


def test_bad_input_gets_one_clear_message_and_changes_nothing(sandbox, estate, deploy):
    sandbox.client("elasticache").create_cache_cluster(CacheClusterId="sessions", Engine="memcached", CacheNodeType="cache.t3.micro", NumCacheNodes=1)
    sandbox.control.forget_calls()
    for name, (variables, words) in bad_input(estate).items():
        outcome = deploy(variables=variables)
        assert outcome.rc != 0, name
        message = " ".join(outcome.output.split())
        assert [word for word in words if word not in message] == [], f"{name}:\n{outcome.output}"
        assert len(re.findall(r"^fatal: ", outcome.output, re.MULTILINE)) == 1, f"{name}:\n{outcome.output}"
        assert "Traceback" not in outcome.output and "cana5" not in outcome.output.replace(json.dumps(variables), "")
    assert deployment.mutating_calls(sandbox) == {}


def test_kind_16_preflight_tells_at_once_what_every_stage_would_be_refused_for(sandbox, estate, deploy, tmp_path):
    """Each of these was met half-way through a run, some after the cache had been closed to clients."""
    hosts = tmp_path / "inventory" / "hosts.yml"
    inventory, ssh = yaml.safe_load(hosts.read_text()), tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n")
    ssh.chmod(0o755)
    inventory["all"]["children"]["huntaze_limiter_agents"] = {"hosts": {
        "gone": {"ansible_connection": "ssh", "ansible_ssh_executable": str(ssh)},
        "bare": {"ansible_connection": "local", "limiter_agent_python": "/no/python"},
    }}
    hosts.write_text(yaml.safe_dump(inventory))
    outcome = deploy(variables={
        "huntaze_limiter": {
            "security_group_id": estate["limiter_security_group_id"], "listen_from": ["sg-0123456789abcdef0"], "bearer_tokens": [estate["bearer_token"]],
        },
        "huntaze_app": {"app_id": estate["app_id"], "branch": "no-such-branch", "variables": {"A": "b"}},
        "huntaze_alarms": {"actions": "none", "items": [{"alarm_name": "huntaze-ai-system-unhealthy", "alarm_rule": 'ALARM("nobody")'}]},
    })
    message = " ".join(outcome.output.split())
    words = [
        "Nothing was changed", "There is no security group sg-0123456789abcdef0", "no-such-branch", "huntaze-ai-system-unhealthy",
        "The host gone of huntaze_limiter_agents cannot be reached", "bare: /no/python on the host is missing",
    ]
    assert outcome.rc != 0 and [word for word in words if word not in message] == [], outcome.output
    assert len(re.findall(r"^fatal: .*FAILED", outcome.output, re.MULTILINE)) == 1, outcome.output
    assert deployment.mutating_calls(sandbox) == {}


def alarms_by_name(sandbox: sandboxes.Sandbox) -> dict[str, dict[str, t.Any]]:
    found = deployment.aws(sandbox, "cloudwatch", "describe-alarms", "--alarm-types", "MetricAlarm", "CompositeAlarm")
    return {alarm["AlarmName"]: alarm for alarm in found["MetricAlarms"] + found["CompositeAlarms"]}


def test_kind_32_two_environments_stand_side_by_side_in_one_account_and_kind_19_a_muted_alarm_stays_so(sandbox, estate, deploy):
    ours = deploy("--tags", "alarms")
    assert ours.rc == 0, ours.output
    deployment.aws(sandbox, "cloudwatch", "disable-alarm-actions", "--alarm-names", "huntaze-ai-anomalies")
    before = alarms_by_name(sandbox)
    acme = deploy("--tags", "alarms", variables={"huntaze_names": {"prefix": "acme-staging", "metric_namespace": "Acme/Staging"}})
    assert acme.rc == 0, acme.output
    both = alarms_by_name(sandbox)
    theirs = {name: alarm for name, alarm in both.items() if name.startswith("acme-staging-")}
    assert {name: alarm for name, alarm in both.items() if name not in theirs} == before
    assert len(theirs) == len(before) and "huntaze-ai" not in json.dumps(theirs) and "Huntaze/AI" not in json.dumps(theirs)

    again = deploy("--tags", "alarms,verify")
    assert [note for note in again.report["notes"] if note.startswith("MUTED: huntaze-ai-anomalies")] and "MUTED: huntaze-ai-anomalies" in again.output
    # Nothing was to be changed, and the cache is still the guide's: nothing is called as declared.
    assert (again.report["outcome"]["word"], again.report["steps"]) == ("failed", []) and "as declared" not in again.output, again.output
    assert again.report["run"]["left_out"] == ["network", "auth_open", "agent", "auth_close", "app"] and "Not compared, as this run left it out" in again.output
    assert alarms_by_name(sandbox) == both


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/verify.yml"])
def test_a_run_without_localhost_is_refused_with_the_way_out(sandbox, estate, tmp_path, playbook):
    hosts = subprocess.run(
        deployment.command(sandbox, "--limit", "stranger", playbook=playbook, inventory=deployment.inventory_without_agents(tmp_path)),
        cwd=sandboxes.REPOSITORY, env=deployment.environment(sandbox), capture_output=True, text=True, timeout=100, check=False,
    )
    message = " ".join(hosts.stdout.split())
    assert hosts.returncode != 0 and "Run again with --limit localhost,stranger, or without --limit" in message, hosts.stdout
    assert "Traceback" not in message and "undefined" not in message
    assert deployment.mutating_calls(sandbox) == {}


def test_no_way_around_preflight_changes_anything(sandbox, estate, deploy):
    outcome = deploy("--start-at-task", "Require TLS and the token, and nothing else")
    assert outcome.rc != 0 and "Preflight has not looked at the account" in outcome.output
    assert deployment.mutating_calls(sandbox) == {}
