# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes put off to the maintenance window, groups that came to nothing, members of a global datastore, and names that outlive their day."""

from __future__ import annotations

import typing as t

import pytest
import redis
from support import sandboxes
from support.caches import TLS, A, Cache, api, cluster, create, open_to_limiter, promote
from support.refusals import refused
from support.waiting import until


@pytest.fixture(autouse=True)
def quick(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    sandbox.settings(transition_seconds=0.05, tagging_seconds=0.05)


# Put off to the window

NODES = [
    ({"CacheNodeType": "cache.t3.small"}, {"CacheNodeType": "cache.t3.small"}, "CacheNodeType", "cache.t3.small"),
    ({"EngineVersion": "7.2"}, {"EngineVersion": "7.2.0"}, "EngineVersion", "7.2.0"),
    ({"Engine": "valkey", "EngineVersion": "7.2"}, {"EngineVersion": "7.2.6"}, "Engine", "valkey"),
]


@pytest.mark.parametrize(("asked", "pending", "field", "value"), NODES)
def test_kind_10_what_is_put_off_of_the_nodes_shows_at_the_members(
    sandbox: sandboxes.Sandbox, asked: dict[str, str], pending: dict[str, str], field: str, value: str
) -> None:
    cache = promote(sandbox)
    before = cluster(sandbox)
    answer = cache.aws.modify_replication_group(ReplicationGroupId=cache.id, **asked)["ReplicationGroup"]
    assert (answer["Status"], answer["PendingModifiedValues"]) == ("available", {})
    assert {**cluster(sandbox), "PendingModifiedValues": {}, "CacheParameterGroup": None} == {**before, "CacheParameterGroup": None}
    assert cluster(sandbox)["PendingModifiedValues"] == pending
    cache.modify(ReplicationGroupDescription="whatever is applied at once applies what waits")
    assert cluster(sandbox)[field] == value and cluster(sandbox)["PendingModifiedValues"] == {}


def test_kind_10_a_parameter_group_that_is_put_off_shows_as_not_in_sync(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    cache.aws.create_cache_parameter_group(CacheParameterGroupName="own", CacheParameterGroupFamily="redis7", Description="d")
    refused("CacheParameterGroupNotFound", cache.aws.modify_replication_group, ReplicationGroupId=cache.id, CacheParameterGroupName="nowhere")
    cache.aws.modify_replication_group(ReplicationGroupId=cache.id, CacheParameterGroupName="own")
    assert cache.group["Status"] == "available"
    group = cluster(sandbox)["CacheParameterGroup"]
    assert group == {"CacheParameterGroupName": "own", "ParameterApplyStatus": "pending-reboot", "CacheNodeIdsToReboot": ["0001"]}
    cache.modify(ReplicationGroupDescription="x")
    group = cluster(sandbox)["CacheParameterGroup"]
    assert group == {"CacheParameterGroupName": "own", "ParameterApplyStatus": "in-sync", "CacheNodeIdsToReboot": []}


def test_kind_10_a_window_applies_all_that_waits(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, **TLS)
    for parameters in ({"AuthToken": A}, {"CacheNodeType": "cache.t3.small"}):
        cache.aws.modify_replication_group(ReplicationGroupId=cache.id, ApplyImmediately=False, **parameters)
    assert cache.group["PendingModifiedValues"] == {"AuthTokenStatus": "ROTATING"} and cache.group["Status"] == "available"
    cache.aws.modify_replication_group(ReplicationGroupId=cache.id, ReplicationGroupDescription="not at once")
    cache.settled()
    assert cache.group["PendingModifiedValues"] == {"AuthTokenStatus": "ROTATING"} and not cache.accepts(A)
    sandbox.control.open_window()
    until(lambda: cache.group["AuthTokenEnabled"])
    assert cache.settled()["CacheNodeType"] == "cache.t3.small" and cache.group["PendingModifiedValues"] == {}
    assert cache.accepts(A) and cache.accepts(None)


def test_kind_10_a_standalone_cluster_waits_too(sandbox: sandboxes.Sandbox) -> None:
    modified = api(sandbox).modify_cache_cluster(CacheClusterId=sandbox.estate["cache_name"], CacheNodeType="cache.t3.small")["CacheCluster"]
    assert (modified["CacheClusterStatus"], modified["PendingModifiedValues"]) == ("available", {"CacheNodeType": "cache.t3.small"})
    sandbox.control.open_window()
    until(lambda: cluster(sandbox)["CacheNodeType"] == "cache.t3.small")


# What came to nothing


def test_kind_29_a_group_may_end_as_create_failed(sandbox: sandboxes.Sandbox) -> None:
    sandbox.settings(creation_fails=True)
    cache = Cache(sandbox, "failed")
    cache.aws.create_replication_group(ReplicationGroupId=cache.id, ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro")
    until(lambda: cache.group["Status"] == "create-failed")
    assert "NodeGroups" not in cache.group
    refused("InvalidReplicationGroupState", cache.aws.modify_replication_group, ReplicationGroupId=cache.id, ReplicationGroupDescription="x")
    cache.aws.delete_replication_group(ReplicationGroupId=cache.id)
    until(lambda: not cache.aws.describe_replication_groups()["ReplicationGroups"])


# Global datastores


def test_kind_10_a_member_of_a_global_datastore_is_modified_with_it_only(sandbox: sandboxes.Sandbox) -> None:
    cache = create(sandbox, **TLS, CacheNodeType="cache.m5.large")
    assert cache.group["GlobalReplicationGroupInfo"] == {}
    aws = cache.aws
    aws.create_global_replication_group(GlobalReplicationGroupIdSuffix="all", PrimaryReplicationGroupId=cache.id)
    until(lambda: aws.describe_global_replication_groups()["GlobalReplicationGroups"][0]["Status"] == "primary-only")
    assert cache.group["GlobalReplicationGroupInfo"] == {"GlobalReplicationGroupId": "ldgnf-all", "GlobalReplicationGroupMemberRole": "PRIMARY"}
    member = aws.describe_global_replication_groups(ShowMemberInfo=True)["GlobalReplicationGroups"][0]["Members"][0]
    assert member["ReplicationGroupId"] == cache.id and member["Role"] == "PRIMARY"
    for parameters in ({"AuthToken": A}, {"CacheNodeType": "cache.m5.xlarge"}, {**TLS, "TransitEncryptionMode": "preferred"}):
        message = cache.refuses("InvalidParameterValue", **parameters)
        assert message == "Cluster [created] is part of a global cluster [ldgnf-all]. Request rejected."
    refused("InvalidParameterValue", aws.delete_replication_group, ReplicationGroupId=cache.id)
    aws.delete_global_replication_group(GlobalReplicationGroupId="ldgnf-all", RetainPrimaryReplicationGroup=True)
    until(lambda: cache.group["GlobalReplicationGroupInfo"] == {})
    refused("GlobalReplicationGroupNotFoundFault", aws.describe_global_replication_groups, GlobalReplicationGroupId="ldgnf-all")


# Names that outlive their day


def test_kind_30_former_names_may_lead_to_the_cache_for_a_while(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    sandbox.settings(former_endpoint_seconds=3600)
    cache = promote(sandbox)
    former = cache.address
    cache.modify(**TLS, TransitEncryptionMode="preferred")
    cache.modify(**TLS, TransitEncryptionMode="required")
    assert cache.address != former
    with pytest.raises(redis.TimeoutError):
        sandbox.redis(former, tls=False, **sandboxes.MEETS_SILENCE).ping()
    sandbox.control.finish()
    with pytest.raises(redis.ConnectionError, match="refused"):
        sandbox.redis(former, tls=False).ping()
