# SPDX-License-Identifier: GPL-3.0-or-later
"""drift.yml on the guide's estate, which others change by hand: each kind of drift is found by object and field, and corrected or explained."""

from __future__ import annotations

import contextlib
import json
import subprocess
import typing as t
from pathlib import Path

import pytest
from support import deployment, sandboxes
from support.waiting import until

EVICTIONS, ANOMALIES, LATENCY = "huntaze-ai-cache-evictions-huntaze-redis-production", "huntaze-ai-anomalies", "huntaze-ai-redis-latency"
STRANGER = "canary-4b1d-of-a-stranger"


class Hands:
    """Somebody with the aws CLI, and with a shell on the limiter hosts."""

    def __init__(self, sandbox: sandboxes.Sandbox) -> None:
        self.sandbox, self.estate = sandbox, sandbox.estate
        self.app = ("--app-id", self.estate["app_id"])
        self.branch = (*self.app, "--branch-name", self.estate["app_branch"])

    def aws(self, *arguments: str) -> t.Any:
        return deployment.aws(self.sandbox, *arguments)

    def group(self, verb: str, group: str, port: int, **source: t.Any) -> None:
        permission = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}]
        self.aws("ec2", f"{verb}-security-group-ingress" if "-" not in verb else verb, "--group-id", self.estate[group], "--ip-permissions", json.dumps(permission))

    def variables(self, kind: str, **changed: str | None) -> None:
        """Of the branch or the app; None takes one away."""
        where = self.branch if kind == "branch" else self.app
        found = self.aws("amplify", f"get-{kind}", *where)[kind]["environmentVariables"]
        kept = {name: value for name, value in {**found, **changed}.items() if value is not None}
        self.aws("amplify", f"update-{kind}", *where, "--environment-variables", json.dumps(kept))

    def threshold(self, name: str, threshold: float) -> None:
        (alarm,) = self.aws("cloudwatch", "describe-alarms", "--alarm-names", name)["MetricAlarms"]
        told = {key: value for key, value in alarm.items() if not key.startswith("State") and not key.endswith(("Timestamp", "Arn"))}
        self.aws("cloudwatch", "put-metric-alarm", "--cli-input-json", json.dumps({**told, "Threshold": threshold}))

    def cache(self, *arguments: str) -> None:
        group = deployment.the_group(self.sandbox)["ReplicationGroupId"]
        self.aws("elasticache", "modify-replication-group", "--replication-group-id", group, "--apply-immediately", *arguments)
        until(lambda: deployment.the_group(self.sandbox)["Status"] == "available", what="an available group")

    def file(self, host: str, name: str) -> Path:
        return Path(self.estate["hosts_directory"], host, "etc", name)

    def supervisorctl(self, host: str, *command: str) -> None:
        program = Path(self.estate["hosts_directory"], "opt", "supervisord", "bin", "supervisorctl")
        done = subprocess.run([program, "-c", self.file(host, "supervisord.conf"), *command], capture_output=True, text=True, timeout=60, check=False)
        assert "stopped" in done.stdout, done


@pytest.fixture(scope="module")
def hands(sandbox: sandboxes.Sandbox) -> t.Iterator[Hands]:
    """The guide's estate, deployed once for this file."""
    sandbox.reset()
    deployed = deployment.run(sandbox)
    assert deployed.rc == 0, deployed.output
    hands = Hands(sandbox)
    hands.deployed = deployed
    yield hands
    sandbox.reset()


@pytest.fixture
def drift(sandbox: sandboxes.Sandbox) -> t.Callable[..., deployment.Outcome]:
    def look(*arguments: str, **more: t.Any) -> deployment.Outcome:
        outcome = deployment.run(sandbox, *arguments, playbook="playbooks/drift.yml", **more)
        secrets = (STRANGER, sandbox.estate["auth_token"], sandbox.estate["next_auth_token"], sandbox.estate["bearer_token"])
        assert not [secret for secret in secrets if secret in outcome.output or secret in json.dumps(outcome.report)]
        return outcome

    return look


def found(outcome: deployment.Outcome, *states: str) -> set[tuple[str, str]]:
    """(object, field) of the records in these states."""
    return {(f"{one['object']['kind']} {one['object']['name']}", one["field"]) for one in outcome.report["drift"] if one["state"] in (states or ("new", "still"))}


def test_01_the_deployment_has_told_how_safe_it_is_and_what_it_costs(hands):
    """From what AWS says once the stages have done their work."""
    deployed = hands.deployed
    found = {one["id"]: one["severity"] for one in deployed.report["security"]}
    assert found["postgresql/public/huntaze-postgres-production"] == "high" and found["agents/open/huntaze-limiter/tcp-8443-from-0.0.0.0-0"] == "medium"
    assert "redis/at_rest/huntaze-redis" in found
    assert not [name for name in found if name.startswith(("redis/in_transit", "redis/authentication", "redis/open"))]
    assert not [note for note in deployed.report["notes"] if "nothing is said of" in note], deployed.output
    cost = deployed.report["cost"]
    amounts = {item["id"]: item["usd_month"] for item in cost["items"]}
    assert (amounts["elasticache/node/cache.t3.micro"], amounts["ec2/limiter/t4g.micro"], amounts["ec2/address"]) == (12.41, 12.26, 10.95)
    assert cost["change"] == 3.5, "12 metrics of alarms, a composite one, and the agents' 6 metrics"


def test_01_a_clean_estate_costs_little_and_nothing_is_changed(hands, drift, sandbox):
    sandbox.control.forget_calls()
    clean = drift()
    assert (clean.rc, clean.report["outcome"]["word"], clean.report["drift"]) == (0, "clean", []), clean.output
    assert clean.checks("ok") and not clean.checks("failed", "skipped"), "the verification is made for real"
    calls = {name: number for name, number in sandbox.calls().items() if not name.endswith("PutMetricData")}  # the agents'
    assert deployment.mutating_calls(sandbox) == {} and sum(calls.values()) <= 60, calls
    assert len(clean.output.splitlines()) <= 9, clean.output  # long names of files take a line each, and three latencies two


def test_01_verification_names_the_cause_of_a_way_that_is_cut(hands, sandbox):
    """One rule is gone: what clients meet is explained by AWS's own item, once for both hosts, and the way out is the stage that keeps the rule."""
    ec2, group = sandbox.client("ec2"), hands.estate["cache_security_group_id"]
    permissions = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=permissions)
    try:
        verified = deployment.run(sandbox, playbook="playbooks/verify.yml")
    finally:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
    assert verified.checks("failed") == ["limiter-1>redis", "limiter-2>redis"] and verified.rc != 0, verified.output
    (cause,) = verified.report["causes"]
    assert (cause["situation"], cause["confidence"], cause["checks"]) == ("ingress_missing", "certain", ["limiter-1>redis", "limiter-2>redis"]), cause
    assert any(one["source"].startswith("ec2 Describe") and group in one["text"] for one in cause["evidence"]), cause["evidence"]
    assert "--tags network,verify" in cause["remedy"]["text"] and "--tags network,verify" in verified.report["outcome"]["next"]
    assert verified.report["security"] and verified.report["cost"]["month"] > 0
    assert {"controller>bucket", "controller>build", "limiter-2>postgresql", "stranger>agent/" + hands.estate["limiter_hosts"][0]} <= set(verified.checks("ok"))
    assert {"stranger>redis", "limiter-1>redis/plain-text"} <= set(verified.checks("not_verified")), "a cache that nobody reaches proves nothing"


def by_hand(hands: Hands) -> None:
    """Every kind of drift that can be side by side."""
    limiter, world = [{"GroupId": hands.estate["limiter_security_group_id"]}], [{"CidrIp": "0.0.0.0/0"}]
    hands.group("revoke", "cache_security_group_id", 6379, UserIdGroupPairs=limiter)
    hands.group("authorize", "cache_security_group_id", 6379, IpRanges=world)
    described = [{**limiter[0], "Description": "whatever"}]
    hands.group("update-security-group-rule-descriptions-ingress", "database_security_group_id", 5432, UserIdGroupPairs=described)
    hands.group("authorize", "cache_security_group_id", 22, IpRanges=[{"CidrIp": "10.0.0.0/8"}])  # nobody's business
    hands.variables("branch", GEMINI_MODEL="another", NEXTAUTH_URL=None, GEMINI_API_KEY=None, OTHERS="of theirs")
    hands.variables("app", GEMINI_API_KEY=STRANGER, OTHERS="of theirs")
    hands.threshold(EVICTIONS, 77)
    hands.aws("cloudwatch", "delete-alarms", "--alarm-names", ANOMALIES)
    hands.aws("cloudwatch", "disable-alarm-actions", "--alarm-names", LATENCY)
    for strategy in ("ROTATE", "SET"):
        hands.cache("--auth-token", hands.estate["next_auth_token"], "--auth-token-update-strategy", strategy)
    rules = hands.file("limiter-1", "rules.yml")
    rules.write_text(rules.read_text().replace("50", "5000", 1))
    hands.supervisorctl("limiter-2", "stop", "limiter-2")


def by_hand_is_found_as(hands: Hands) -> dict[tuple[str, str], tuple[str, bool]]:
    """(object, field): severity, whether a run corrects it."""
    estate = hands.estate
    cache, database = (f"security group {estate[name]}" for name in ("cache_security_group_id", "database_security_group_id"))
    limiter, branch = estate["limiter_security_group_id"], f"branch {estate['app_id']}/{estate['app_branch']}"
    return {
        (cache, f"tcp 6379 from {limiter}"): ("medium", True), (cache, "tcp 6379 from 0.0.0.0/0"): ("high", False),
        (database, f"tcp 5432 from {limiter}"): ("medium", True),
        (branch, "environment_variables.GEMINI_MODEL"): ("medium", True), (branch, "environment_variables.NEXTAUTH_URL"): ("medium", True),
        (branch, "environment_variables.GEMINI_API_KEY"): ("medium", True),
        (f"alarm {EVICTIONS}", "threshold"): ("low", True), (f"alarm {ANOMALIES}", "exists"): ("medium", True), (f"alarm {LATENCY}", "actions_enabled"): ("medium", False),
        ("cache huntaze-redis", "auth_token"): ("medium", True),
        ("host limiter-1", "rules.yml"): ("medium", True), ("host limiter-2", "service"): ("medium", True),
    }


def test_02_each_kind_is_found_by_object_and_field_and_nothing_else_is(hands, drift, sandbox):
    by_hand(hands)
    sandbox.control.forget_calls()
    asked = {"attribute": True, "directory": str(sandbox.state / "reports"), "max_calls": 30}
    seen = drift("-e", "huntaze_drift_correct=false", variables={"huntaze_drift": asked})
    assert deployment.mutating_calls(sandbox) == {}, "only a correction changes something"
    kinds = by_hand_is_found_as(hands)
    assert seen.report["outcome"]["word"] == "drift" and found(seen) == set(kinds), seen.output
    for one in seen.report["drift"]:
        assert (one["severity"], one["corrects"]) == kinds[f"{one['object']['kind']} {one['object']['name']}", one["field"]], one
        assert one["action"] and (one["corrects"] or one["remedy"]), one
    stages = {"security group": "network", "branch": "app", "alarm": "alarms", "cache": "auth_close", "host": "agent"}
    assert {one["stage"] for one in seen.report["drift"]} == set(stages.values())
    assert all(one["stage"] == stages[one["object"]["kind"]] for one in seen.report["drift"])
    # Who it was is told, or is among those who wrote last.
    for one in seen.report["drift"]:
        assert one["host"] or "administrator" in json.dumps([one["by"], one["candidates"]]), (one, seen.report["notes"])
    since = {one["host"]: one["since"] for one in seen.report["drift"] if one["host"]}
    assert set(since) == {"limiter-1", "limiter-2"} and all(since.values()), "hosts tell since when"


def test_03_a_run_by_tags_tells_of_its_stages_only(hands, drift):
    alarms = drift("--tags", "alarms")
    assert {object.partition(" ")[0] for object, dummy in found(alarms)} == {"alarm"} and "network" in alarms.report["run"]["left_out"], alarms.output


def test_04_a_correction_puts_right_what_a_run_can_and_proves_it(hands, drift, sandbox):
    corrected = drift("-e", "huntaze_drift_correct=true")
    stays = {key for key, (dummy, corrects) in by_hand_is_found_as(hands).items() if not corrects}
    assert found(corrected) == stays and corrected.report["outcome"]["word"] == "drift", corrected.output
    assert found(corrected, "gone") == set(by_hand_is_found_as(hands)) - stays, corrected.output
    deployment.assert_secured(sandbox, hands.estate["auth_token"], former=hands.estate["next_auth_token"])


def test_05_what_stays_is_explained_and_once_it_is_done_the_run_is_clean(hands, drift):
    hands.group("revoke", "cache_security_group_id", 6379, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    hands.aws("cloudwatch", "enable-alarm-actions", "--alarm-names", LATENCY)
    clean = drift()
    assert (clean.rc, clean.report["outcome"]["word"], found(clean)) == (0, "clean", set()), clean.output


def test_06_users_in_the_place_of_the_token_and_another_release_are_told(hands, drift):
    aws, estate = hands.aws, hands.estate
    aws("elasticache", "create-user", "--user-id", "default-1", "--user-name", "default", "--engine", "redis", "--no-password-required", "--access-string", "on ~* +@all")
    aws("elasticache", "create-user-group", "--user-group-id", "people", "--engine", "redis", "--user-ids", "default-1")
    hands.cache("--user-group-ids-to-add", "people", "--auth-token-update-strategy", "DELETE")
    unit = hands.file("limiter-1", "supervisord.conf")
    software = Path(estate["hosts_directory"], "opt")
    (release,) = [path.name for path in software.iterdir() if len(path.name) == 16]
    (software / ("1" * 16)).mkdir()
    (software / ("1" * 16) / "complete").touch()
    try:
        unit.write_text(unit.read_text().replace(release, "1" * 16))
        seen = drift()
        assert seen.report["outcome"]["word"] == "drift", seen.output
        assert found(seen) == {("cache huntaze-redis", "user_group_ids"), ("host limiter-1", "release")}, seen.output
        (users,) = [one for one in seen.report["drift"] if one["field"] == "user_group_ids"]
        assert (users["corrects"], users["severity"]) == (False, "medium") and users["remedy"]
    finally:
        with contextlib.suppress(OSError):
            (software / ("1" * 16) / "complete").unlink()
            (software / ("1" * 16)).rmdir()
