# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight refuses, before anything is changed."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t

import pytest
import yaml
from support import deployment, sandboxes


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
        message = deployment.unwrapped(outcome.output)
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
    message = deployment.unwrapped(outcome.output)
    words = [
        "Nothing was changed", "There is no security group sg-0123456789abcdef0", "no-such-branch", "huntaze-ai-system-unhealthy",
        "The host gone of huntaze_limiter_agents cannot be reached", "bare: /no/python on the host is missing",
    ]
    assert outcome.rc != 0 and [word for word in words if word not in message] == [], outcome.output
    assert len(re.findall(r"^fatal: .*FAILED", outcome.output, re.MULTILINE)) == 1, outcome.output
    assert deployment.mutating_calls(sandbox) == {}


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/verify.yml"])
def test_a_run_without_localhost_is_refused_with_the_way_out(sandbox, estate, tmp_path, playbook):
    hosts = subprocess.run(
        deployment.command(sandbox, "--limit", "stranger", playbook=playbook, inventory=deployment.inventory_without_agents(tmp_path)),
        cwd=sandboxes.REPOSITORY, env=deployment.environment(sandbox), capture_output=True, text=True, timeout=300, check=False,
    )
    message = deployment.unwrapped(hosts.stdout)
    assert hosts.returncode != 0 and "Run again with --limit localhost,stranger, or without --limit" in message, hosts.stdout
    assert "Traceback" not in message and "undefined" not in message
    assert deployment.mutating_calls(sandbox) == {}


def test_no_way_around_preflight_changes_anything(sandbox, estate, deploy):
    for way in (["--start-at-task", "Require TLS and the token, and nothing else"], ["--skip-tags", "always"], ["--skip-tags", "always", "--tags", "verify"]):
        outcome = deploy(*way)
        assert outcome.rc != 0 and "Preflight has not looked at the account" in deployment.unwrapped(outcome.output), outcome.output
    outcome = deploy("-e", "huntaze_drift_correct=maybe", playbook="playbooks/drift.yml")
    assert outcome.rc != 0 and "huntaze_drift_correct 'maybe' must be true or false" in outcome.output and "DEPRECATION" not in outcome.output, outcome.output
    assert deployment.mutating_calls(sandbox) == {}
