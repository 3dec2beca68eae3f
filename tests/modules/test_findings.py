# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever others change by hand stands in a module's check mode by object and field, and nothing else does; the next run corrects or leaves it."""

from __future__ import annotations

import json
import os
import socketserver
import threading
import typing as t
import xmlrpc.server
from pathlib import Path

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.desired import Desired
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import SET, Tag
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import fingerprint
from support.waiting import until

TOKEN, STRANGER, APP_TOKEN = "canary-token-0123456789", "canary-stranger-0123456789", "canary-app-0123456789"
ALARM = {
    "alarm_name": "huntaze-ai-cpu", "namespace": "Huntaze/AI", "metric_name": "Cpu", "statistic": "Sum", "period": 60, "evaluation_periods": 1,
    "threshold": 40, "comparison_operator": "GreaterThanThreshold",
}


class Network:
    """A group with the declared rule, and one of others for another port."""

    module, rule = "security_group_ingress", "tcp 6379 from {limiter_security_group_id}"

    def __init__(self, sandbox: t.Any) -> None:
        self.ec2, self.id, limiter = sandbox.client("ec2"), sandbox.estate["cache_security_group_id"], sandbox.estate["limiter_security_group_id"]
        self.object = f"security group {self.id}"
        ours = {"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "referenced_group_id": limiter, "description": "Redis"}
        self.args = {"group_id": self.id, "rules": [ours]}
        self.ours = {"UserIdGroupPairs": [{"GroupId": limiter, "Description": "Redis"}]}
        self.authorize(22, IpRanges=[{"CidrIp": "10.0.0.0/8"}])

    def authorize(self, port: int, **source: t.Any) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=self.id, IpPermissions=[{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}])

    def revoke(self, **source: t.Any) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=self.id, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, **source}])

    def removed(self) -> None:
        self.revoke(**self.ours)

    def widened(self) -> None:
        self.authorize(6379, IpRanges=[{"CidrIp": "0.0.0.0/0"}])

    def closed(self) -> None:
        self.revoke(IpRanges=[{"CidrIp": "0.0.0.0/0"}])

    def replaced(self) -> None:
        self.removed()
        self.widened()

    def described(self) -> None:
        pair = {**self.ours["UserIdGroupPairs"][0], "Description": "whatever"}
        permission = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [pair]}
        self.ec2.update_security_group_rule_descriptions_ingress(GroupId=self.id, IpPermissions=[permission])


class Variables:
    """Two variables of a branch, beside one of others."""

    module = "amplify_environment"

    def __init__(self, sandbox: t.Any) -> None:
        self.amplify, self.id, self.branch = sandbox.client("amplify"), sandbox.estate["app_id"], sandbox.estate["app_branch"]
        self.object = f"branch {self.id}/{self.branch}"
        self.args = {"app_id": self.id, "branch": self.branch, "variables": {"MODEL": "gemini"}, "secret_variables": {"LIMITER_TOKEN": APP_TOKEN}}

    def write(self, **changed: str | None) -> None:
        where = {"appId": self.id, "branchName": self.branch}
        variables = {**self.amplify.get_branch(**where)["branch"]["environmentVariables"], **changed}
        self.amplify.update_branch(**where, environmentVariables={name: value for name, value in variables.items() if value is not None})

    def changed(self) -> None:
        self.write(LIMITER_TOKEN=STRANGER, OTHERS="of theirs")

    def removed(self) -> None:
        self.write(MODEL=None)

    def moved(self) -> None:
        self.write(LIMITER_TOKEN=None)
        variables = self.amplify.get_app(appId=self.id)["app"]["environmentVariables"]
        self.amplify.update_app(appId=self.id, environmentVariables={**variables, "LIMITER_TOKEN": STRANGER, "OTHERS": "of theirs"})


class Alarms:
    """An alarm, beside one of others."""

    module, object, args = "cloudwatch_alarms", f"alarm {ALARM['alarm_name']}", {"alarms": [ALARM]}

    def __init__(self, sandbox: t.Any) -> None:
        self.cloudwatch, self.name = sandbox.client("cloudwatch"), ALARM["alarm_name"]
        self.put("theirs", 1)

    def put(self, name: str, threshold: float) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="Huntaze/AI", MetricName="Cpu", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=threshold,
            ComparisonOperator="GreaterThanThreshold",
        )

    def raised(self) -> None:
        self.put(self.name, 60)
        self.put("theirs", 2)

    def deleted(self) -> None:
        self.cloudwatch.delete_alarms(AlarmNames=[self.name])

    def muted(self) -> None:
        self.cloudwatch.disable_alarm_actions(AlarmNames=[self.name, "theirs"])

    def unmuted(self) -> None:
        self.cloudwatch.enable_alarm_actions(AlarmNames=[self.name])


class Cache:
    """A group that takes one token only."""

    module, id, object = "elasticache_auth", "huntaze-redis", "cache huntaze-redis"

    def __init__(self, sandbox: t.Any) -> None:
        self.aws = sandbox.client("elasticache")
        self.args = {"name": self.id, "transit_encryption_mode": "required", "auth_token": TOKEN, "probe": False, "wait_timeout": 30}
        self.aws.create_replication_group(
            ReplicationGroupId=self.id, ReplicationGroupDescription="test", Engine="redis", EngineVersion="7.1", CacheNodeType="cache.t3.micro",
            CacheSubnetGroupName="huntaze-cache", SecurityGroupIds=[sandbox.estate["cache_security_group_id"]], TransitEncryptionEnabled=True, AuthToken=TOKEN,
        )
        note = Tag(SET, fingerprint(TOKEN), self.settled()["AuthTokenLastModifiedDate"].isoformat())
        self.aws.add_tags_to_resource(ResourceName=self.settled()["ARN"], Tags=[{"Key": "huntaze:auth-token", "Value": str(note)}])
        self.settled()
        self.aws.create_user(UserId="default-1", UserName="default", Engine="redis", NoPasswordRequired=True, AccessString="on ~* +@all")
        self.aws.create_user_group(UserGroupId="people", Engine="redis", UserIds=["default-1"])

    def settled(self) -> dict[str, t.Any]:
        def available() -> dict[str, t.Any] | None:
            (group,) = self.aws.describe_replication_groups(ReplicationGroupId=self.id)["ReplicationGroups"]
            return group if group["Status"] == "available" else None

        return until(available, what="an available group")

    def modify(self, **parameters: t.Any) -> None:
        self.aws.modify_replication_group(ReplicationGroupId=self.id, ApplyImmediately=True, **parameters)
        self.settled()

    def rotated(self) -> None:
        for strategy in ("ROTATE", "SET"):
            self.modify(AuthToken=STRANGER, AuthTokenUpdateStrategy=strategy)

    def given_users(self) -> None:
        self.modify(UserGroupIdsToAdd=["people"], AuthTokenUpdateStrategy="DELETE")

    def lowered(self) -> None:
        """AWS lowers TLS only where there is no access control."""
        self.given_users()
        self.modify(UserGroupIdsToRemove=["people"])
        self.modify(TransitEncryptionEnabled=True, TransitEncryptionMode="preferred")

    def taken_users(self) -> None:
        self.modify(RemoveUserGroups=True, AuthToken=TOKEN, AuthTokenUpdateStrategy="ROTATE")


class Supervisor:
    """What a supervisord answers of an agent, over the socket that the module asks."""

    state, stop = "RUNNING", 0

    def __init__(self, path: Path) -> None:
        class Handler(xmlrpc.server.SimpleXMLRPCRequestHandler):
            rpc_paths, disable_nagle_algorithm = (), False
            address_string = str

        class Server(socketserver.ThreadingUnixStreamServer, xmlrpc.server.SimpleXMLRPCDispatcher):
            logRequests, daemon_threads = False, True

        self._server = Server(str(path), Handler, bind_and_activate=True)
        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self._server, allow_none=True)
        self._server.register_function(lambda name: {"statename": self.state, "stop": self.stop}, "supervisor.getProcessInfo")
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Agent:
    """A host with the files of an agent as they are declared, and a supervisord that says that it runs. In check mode nothing is done to either."""

    module, object, args = "limiter_agent", "host limiter-1", {}
    since = "2026-11-23T18:08:44Z"

    def __init__(self, root: Path) -> None:
        folders = {f"{name}_directory": str(root / name) for name in ("install", "config", "supervisor")}
        self.args = {
            "host": "limiter-1", "release": "0" * 16, "service_manager": "supervisord", "create_user": False, "bearer_tokens": [APP_TOKEN + "x" * 8],
            "redis": {"host": "127.0.0.1", "port": 1}, "tls": {}, "listen": {"address": "127.0.0.1", "port": 1}, "rules": {"plans": {}}, **folders,
        }
        left_out = dict.fromkeys(("user", "workers"))
        given = {"state": "present", "name": "limiter-agent", "python": "python3", "purge_bearer_tokens": True, "plain_text": False, "agents": 1}
        self.desired = Desired({**left_out, **given, "ready_timeout": 1, "cloudwatch": {}, **self.args})
        self.config = root / "config"
        for path, mode in self.desired.directories.items():
            os.makedirs(path)
            os.chmod(path, int(mode, 8))
        for environment in (self.desired.release_directory, self.desired.supervisord_directory, f"{root}/install/{'1' * 16}"):
            os.makedirs(environment)
            Path(environment, "complete").touch()
        texts = {f"{self.config}/{file.name}": file.text for file in self.desired.files() if file.text}
        texts.update({path: file.text for path, file in self.desired.units.items()}, **{f"{self.config}/started": json.dumps(self.desired.unit_marks())})
        for path, text in texts.items():
            Path(path).write_text(text)
            os.chmod(path, 0o640)
        self.supervisor = Supervisor(root / "supervisor" / "supervisor.sock")

    def edit(self, name: str, text: str) -> None:
        (self.config / name).write_text(text)
        os.utime(self.config / name, (1795457324, 1795457324))

    def edited(self) -> None:
        self.edit("rules.yml", "plans: {free: {}}\n")

    def mended(self) -> None:
        self.edit("rules.yml", next(file.text for file in self.desired.files() if file.name == "rules.yml"))
        self.edit("supervisord.conf", next(iter(self.desired.units.values())).text)
        self.supervisor.state = "RUNNING"

    def stopped(self) -> None:
        self.supervisor.state, self.supervisor.stop = "STOPPED", 1795457324

    def of_another_release(self) -> None:
        self.edit("supervisord.conf", next(iter(self.desired.units.values())).text.replace("0" * 16, "1" * 16))


ALARM_FIELDS = {
    "actions_enabled", "alarm_name", "comparison_operator", "datapoints_to_alarm", "evaluate_low_sample_count_percentile", "evaluation_periods",
    "metric_name", "namespace", "period", "statistic", "threshold", "treat_missing_data",
}
TOKEN_FIELDS = {"auth_token", "auth_token_update_strategy", "auth_token_last_modified_date", "tags.huntaze:auth-token"}
MOVED = {"endpoints.primary.address", "endpoints.reader.address"}  # as TLS has names of its own
WIDE = "tcp 6379 from 0.0.0.0/0"
# What was done by hand; the fields that a run brings back; those that it leaves, of this object or of another; and who undoes what a run leaves.
KINDS: list[tuple[t.Any, str, t.Any, t.Any, str]] = [
    (Network, "removed", {Network.rule}, set(), ""),
    (Network, "widened", set(), {WIDE}, "closed"),
    (Network, "replaced", {Network.rule}, {WIDE}, "closed"),
    (Network, "described", {Network.rule}, set(), ""),
    (Variables, "changed", {"environment_variables.LIMITER_TOKEN"}, set(), ""),
    (Variables, "removed", {"environment_variables.MODEL"}, set(), ""),
    (Variables, "moved", {"environment_variables.LIMITER_TOKEN"}, {("app {app_id}", "environment_variables.LIMITER_TOKEN")}, ""),
    (Alarms, "raised", {"threshold"}, set(), ""),
    (Alarms, "deleted", ALARM_FIELDS, set(), ""),
    (Alarms, "muted", set(), {"actions_enabled"}, "unmuted"),
    (Cache, "rotated", TOKEN_FIELDS, set(), ""),
    (Cache, "lowered", TOKEN_FIELDS | {"auth_token_enabled", "transit_encryption_mode"} | MOVED, set(), ""),
    (Cache, "given_users", set(), {"user_group_ids"}, "taken_users"),
    (Agent, "edited", {"rules.yml"}, set(), "mended"),
    (Agent, "stopped", {"service"}, set(), "mended"),
    (Agent, "of_another_release", {"release", "unit", "service"}, set(), "mended"),
]


@pytest.mark.parametrize("place", [Network, Variables, Alarms, Cache])
def test_each_kind_of_drift_is_found_by_object_and_field_and_then_corrected_or_explained(place, sandbox, estate, run_module):
    there = place(sandbox)

    def run(check=False):
        result = run_module(place.module, there.args, check=check)
        assert "canary" not in result.output
        return result

    assert run().rc == 0
    for kind, differs, left, undo in [kind[1:] for kind in KINDS if kind[0] is place]:
        assert found(run(check=True)) == (set(), set()), kind
        getattr(there, kind)()
        told = run(check=True)
        differs, left = (named(there, fields, estate) for fields in (differs, left))
        assert found(told) == (differs, left), (kind, told.output)
        assert all(one["why"] and one["remedy"] for one in told["left_alone"])
        assert [one["lowers_security"] for one in told["left_alone"]] == [one["field"] == WIDE for one in told["left_alone"]]
        done = run()
        # A cache that has users in the place of AUTH is refused, all else is brought back.
        assert (done.rc != 0) == (kind == "given_users") and found(run(check=True))[0] == set()
        if undo:
            assert found(run(check=True))[1] == left
            getattr(there, undo)()
            run()
    assert found(run(check=True)) == (set(), set())


def test_each_kind_of_drift_of_a_host_is_found_with_its_time(tmp_path, sandbox, run_module):
    there = Agent(tmp_path)
    try:
        assert found(run_module("limiter_agent", there.args, check=True)) == (set(), set())
        for kind, differs, left, undo in [kind[1:] for kind in KINDS if kind[0] is Agent]:
            getattr(there, kind)()
            told = run_module("limiter_agent", there.args, check=True)
            assert found(told) == (named(there, differs, {}), set()), (kind, told.output)
            assert set(told["changed_at"].values()) == {Agent.since} and "canary" not in told.output
            getattr(there, undo)()
        assert found(run_module("limiter_agent", there.args, check=True)) == (set(), set())
    finally:
        there.supervisor.end()


def test_a_group_a_branch_or_a_cache_that_is_gone_is_named(sandbox, estate, run_module):
    gone = "sg-0123456789abcdef0"
    rules = [{"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "cidr_ipv4": "10.0.0.0/8"}]
    for module, args, name in (
        ("security_group_ingress", {"group_id": gone, "rules": rules}, f"security group {gone}"),
        ("amplify_environment", {"app_id": estate["app_id"], "branch": "gone", "variables": {"A": "b"}}, f"branch {estate['app_id']}/gone"),
        ("amplify_deployment", {"app_id": estate["app_id"], "branch": "gone"}, f"branch {estate['app_id']}/gone"),
        ("elasticache_auth", {"name": "gone", "replication_group_id": "gone-group", "auth_token": TOKEN}, "cache gone-group"),
    ):
        result = run_module(module, args, check=True)
        assert result["failed"] and result["msg"]
        (one,) = result["left_alone"]
        assert (one["object"], one["field"], one["before"], one["after"]) == (name, "exists", False, True) and one["why"] and one["remedy"]


def test_a_cache_of_another_kind_under_the_name_is_named(sandbox, estate, run_module):
    sandbox.client("elasticache").create_serverless_cache(ServerlessCacheName="huntaze-redis", Engine="redis")
    result = run_module("elasticache_auth", {"name": "huntaze-redis", "auth_token": TOKEN}, check=True)
    (one,) = result["left_alone"]
    assert (one["object"], one["field"], one["before"], one["after"]) == ("cache huntaze-redis", "kind", "serverless_cache", "replication_group")
    assert one["why"] in result["msg"] and one["remedy"] in result["msg"]


def found(result):
    """What a result names: what a run brings back, and what it leaves."""
    return tuple({(one["object"], one["field"]) for one in result[key]} for key in ("differences", "left_alone"))


def named(there, fields, estate):
    return {tuple(part.format(**estate) for part in (field if isinstance(field, tuple) else (there.object, field))) for field in fields}
