# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache: what a cache is, how it is promoted, and TLS on a live one."""

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
    sandbox.settings(transition_seconds=0.05)


# The guide's cache


def test_the_guides_cache_is_standalone_with_neither_tls_nor_auth(sandbox: sandboxes.Sandbox) -> None:
    cache = cluster(sandbox)
    assert cache["CacheClusterStatus"] == "available"
    assert (cache["Engine"], cache["EngineVersion"], cache["CacheNodeType"]) == ("redis", "7.1.0", "cache.t3.micro")
    assert cache["PreferredAvailabilityZone"] == "us-east-1f"
    assert not cache["TransitEncryptionEnabled"] and not cache["AuthTokenEnabled"] and not cache["AtRestEncryptionEnabled"]
    assert "ReplicationGroupId" not in cache and "TransitEncryptionMode" not in cache and "AuthTokenLastModifiedDate" not in cache
    assert "ConfigurationEndpoint" not in cache
    assert api(sandbox).describe_replication_groups()["ReplicationGroups"] == []


def test_endpoints_come_only_with_show_cache_node_info(sandbox: sandboxes.Sandbox) -> None:
    shown = api(sandbox).describe_cache_clusters(CacheClusterId=sandbox.estate["cache_name"])["CacheClusters"][0]
    assert not shown.get("CacheNodes")
    assert cluster(sandbox)["CacheNodes"][0]["Endpoint"] == {"Address": sandbox.address("1.10"), "Port": 6379}


def test_its_network_is_found_from_the_cluster(sandbox: sandboxes.Sandbox) -> None:
    cache = cluster(sandbox)
    assert cache["SecurityGroups"] == [{"SecurityGroupId": sandbox.estate["cache_security_group_id"], "Status": "active"}]
    group = api(sandbox).describe_cache_subnet_groups(CacheSubnetGroupName=cache["CacheSubnetGroupName"])["CacheSubnetGroups"][0]
    assert group["VpcId"] == sandbox.estate["vpc_id"]
    assert [subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]] == ["us-east-1f"]


@pytest.mark.parametrize(("code", "operation", "parameters"), [
    ("ReplicationGroupNotFoundFault", "describe_replication_groups", {"ReplicationGroupId": "nowhere"}),
    ("ReplicationGroupNotFoundFault", "modify_replication_group", {"ReplicationGroupId": "nowhere", "ReplicationGroupDescription": "x"}),
    ("CacheClusterNotFound", "describe_cache_clusters", {"CacheClusterId": "nowhere"}),
    ("CacheClusterNotFound", "modify_cache_cluster", {"CacheClusterId": "nowhere", "SnapshotRetentionLimit": 1}),
    ("CacheClusterNotFound", "create_replication_group", {
        "ReplicationGroupId": "group", "ReplicationGroupDescription": "x", "PrimaryClusterId": "nowhere",
    }),
    ("CacheSubnetGroupNotFoundFault", "describe_cache_subnet_groups", {"CacheSubnetGroupName": "nowhere"}),
    ("ServerlessCacheNotFoundFault", "describe_serverless_caches", {"ServerlessCacheName": "nowhere"}),
    ("SnapshotNotFoundFault", "describe_snapshots", {"SnapshotName": "nowhere"}),
])
def test_not_found_codes(sandbox: sandboxes.Sandbox, code: str, operation: str, parameters: dict[str, t.Any]) -> None:
    refused(code, getattr(api(sandbox), operation), **parameters)


def test_names_are_matched_in_lower_case(sandbox: sandboxes.Sandbox) -> None:
    assert cluster(sandbox, "Huntaze-Redis-PRODUCTION")["CacheClusterId"] == sandbox.estate["cache_name"]


# States


@pytest.fixture
def unhurried(sandbox: sandboxes.Sandbox, quick: None) -> None:
    """Transitions long enough to be looked at on a busy machine."""
    sandbox.settings(transition_seconds=1)


@pytest.mark.usefixtures("unhurried")
def test_a_cache_is_creating_then_available(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    created = aws.create_cache_cluster(CacheClusterId="new", CacheNodeType="cache.t3.micro", Engine="redis", NumCacheNodes=1)
    assert created["CacheCluster"]["CacheClusterStatus"] == "creating"
    assert not cluster(sandbox, "new").get("CacheNodes")
    until(lambda: cluster(sandbox, "new")["CacheClusterStatus"] == "available")
    assert cluster(sandbox, "new")["CacheNodes"][0]["Endpoint"]["Address"] != sandbox.address("1.10")


def test_a_change_lasts_as_long_as_the_setting_says(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    sandbox.settings(transition_seconds=3600)
    cache.aws.modify_replication_group(ReplicationGroupId=cache.id, ApplyImmediately=True, **TLS, TransitEncryptionMode="preferred")
    assert cache.group["Status"] == "modifying"
    assert cluster(sandbox)["CacheClusterStatus"] == "modifying"
    assert cache.group["PendingModifiedValues"] == {"TransitEncryptionEnabled": True, "TransitEncryptionMode": "preferred"}
    assert cache.group["TransitEncryptionEnabled"] is False
    refused("InvalidReplicationGroupState", cache.aws.modify_replication_group, ReplicationGroupId=cache.id, ReplicationGroupDescription="x")
    refused("InvalidReplicationGroupState", cache.aws.delete_replication_group, ReplicationGroupId=cache.id)
    refused("InvalidReplicationGroupState", cache.aws.create_snapshot, ReplicationGroupId=cache.id, SnapshotName="snap")


@pytest.mark.usefixtures("unhurried")
def test_a_snapshot_takes_a_moment(sandbox: sandboxes.Sandbox) -> None:
    aws, name = api(sandbox), sandbox.estate["cache_name"]
    assert aws.create_snapshot(CacheClusterId=name, SnapshotName="before")["Snapshot"]["SnapshotStatus"] == "creating"
    assert cluster(sandbox)["CacheClusterStatus"] == "snapshotting"
    refused("InvalidCacheClusterState", aws.create_replication_group, ReplicationGroupId="g", ReplicationGroupDescription="d", PrimaryClusterId=name)
    until(lambda: cluster(sandbox)["CacheClusterStatus"] == "available")
    assert aws.describe_snapshots(SnapshotName="before")["Snapshots"][0]["SnapshotStatus"] == "available"
    refused("SnapshotAlreadyExistsFault", aws.create_snapshot, CacheClusterId=name, SnapshotName="before")


def test_a_deleted_group_is_deleting_then_gone_with_its_cluster(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    assert cache.aws.delete_replication_group(ReplicationGroupId=cache.id)["ReplicationGroup"]["Status"] == "deleting"
    until(lambda: not cache.aws.describe_replication_groups()["ReplicationGroups"])
    refused("CacheClusterNotFound", cache.aws.describe_cache_clusters, CacheClusterId=sandbox.estate["cache_name"])


def test_a_retained_primary_is_standalone_again(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    cache.aws.delete_replication_group(ReplicationGroupId=cache.id, RetainPrimaryCluster=True)
    until(lambda: not cache.aws.describe_replication_groups()["ReplicationGroups"])
    assert "ReplicationGroupId" not in cluster(sandbox)


# Promotion


@pytest.mark.usefixtures("unhurried")
def test_promotion_makes_a_group_of_the_cluster_and_keeps_its_data(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    name = sandbox.estate["cache_name"]
    old = sandbox.redis(sandbox.address("1.10"), tls=False)
    old.set("kept", "yes")
    aws = api(sandbox)
    created = aws.create_replication_group(ReplicationGroupId="Group-1", ReplicationGroupDescription="d", PrimaryClusterId=name)["ReplicationGroup"]
    assert (created["ReplicationGroupId"], created["Status"], created["MemberClusters"]) == ("group-1", "creating", [name])
    assert not created.get("NodeGroups")
    assert cluster(sandbox)["CacheClusterStatus"] == "modifying"
    assert cluster(sandbox)["ReplicationGroupId"] == "group-1"
    group = Cache(sandbox, "group-1").settled()
    assert cluster(sandbox)["CacheClusterStatus"] == "available"
    assert group["ClusterEnabled"] is False and "SecurityGroups" not in group and "CacheSubnetGroupName" not in group
    shard = group["NodeGroups"][0]
    assert shard["NodeGroupMembers"][0]["ReadEndpoint"]["Address"] == sandbox.address("1.10")
    for endpoint in (shard["PrimaryEndpoint"], shard["ReaderEndpoint"]):
        assert sandbox.redis(endpoint["Address"], tls=False).get("kept") == b"yes"
    assert old.get("kept") == b"yes"  # the same connection


@pytest.mark.parametrize("parameters", [
    TLS, {**TLS, "TransitEncryptionMode": "preferred"}, {"AuthToken": A}, {**TLS, "AuthToken": A}, {"AtRestEncryptionEnabled": True},
    {"ClusterMode": "enabled"}, {"NumNodeGroups": 2},
], ids=str)
def test_promotion_takes_neither_tls_nor_auth_nor_shards(sandbox: sandboxes.Sandbox, parameters: dict[str, t.Any]) -> None:
    refused(
        "InvalidParameterCombination", api(sandbox).create_replication_group,
        ReplicationGroupId="g", ReplicationGroupDescription="d", PrimaryClusterId=sandbox.estate["cache_name"], **parameters,
    )
    assert "ReplicationGroupId" not in cluster(sandbox)


def test_promotion_happens_once(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    again = {"ReplicationGroupDescription": "d", "PrimaryClusterId": sandbox.estate["cache_name"]}
    refused("ReplicationGroupAlreadyExists", cache.aws.create_replication_group, ReplicationGroupId=cache.id, **again)
    refused("InvalidCacheClusterState", cache.aws.create_replication_group, ReplicationGroupId="other", **again)


# TLS on a live cache


def addresses(shard: dict[str, t.Any]) -> set[str]:
    endpoints = [shard["PrimaryEndpoint"], shard["ReaderEndpoint"], *[member["ReadEndpoint"] for member in shard["NodeGroupMembers"]]]
    return {endpoint["Address"] for endpoint in endpoints}


def test_tls_in_two_steps_changes_the_endpoints(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    cache = promote(sandbox)
    plain = cache.group["NodeGroups"][0]
    cache.modify(**TLS, TransitEncryptionMode="preferred")
    both = cache.group["NodeGroups"][0]
    assert cache.group["TransitEncryptionEnabled"] is True and cache.group["TransitEncryptionMode"] == "preferred"
    assert cluster(sandbox)["TransitEncryptionMode"] == "preferred"
    assert not addresses(plain) & addresses(both)
    for address in addresses(plain) | addresses(both):
        assert sandbox.redis(address, tls=False).ping() and sandbox.redis(address).ping()
    cache.modify(**TLS, TransitEncryptionMode="required")
    assert cache.group["TransitEncryptionMode"] == "required"
    assert cache.group["NodeGroups"][0]["PrimaryEndpoint"] == both["PrimaryEndpoint"]
    assert sandbox.redis(cache.address).ping()
    with pytest.raises(redis.TimeoutError):
        sandbox.redis(cache.address, tls=False, **sandboxes.MEETS_SILENCE).ping()
    for old in addresses(plain):
        with pytest.raises(redis.ConnectionError, match="refused"):
            sandbox.redis(old, tls=False).ping()
    assert cluster(sandbox)["CacheNodes"][0]["Endpoint"] == cache.group["NodeGroups"][0]["NodeGroupMembers"][0]["ReadEndpoint"]


@pytest.mark.parametrize("parameters", [
    {"TransitEncryptionMode": "preferred"}, {"TransitEncryptionEnabled": False, "TransitEncryptionMode": "preferred"},
    TLS, {**TLS, "TransitEncryptionMode": "required"}, {},
], ids=str)
def test_tls_refusals_on_a_plain_group(sandbox: sandboxes.Sandbox, parameters: dict[str, t.Any]) -> None:
    promote(sandbox).refuses("InvalidParameterCombination", **parameters)


def test_no_modifications_were_requested(sandbox: sandboxes.Sandbox) -> None:
    assert promote(sandbox).refuses("InvalidParameterCombination") == "No modifications were requested"


def test_tls_preferred_goes_with_no_access_control(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    cache.refuses("InvalidParameterValue", **TLS, TransitEncryptionMode="preferred", AuthToken=A)
    cache.modify(**TLS, TransitEncryptionMode="preferred")
    cache.refuses("InvalidParameterValue", AuthToken=A)
    cache.refuses("InvalidParameterValue", AuthToken=A, **TLS, TransitEncryptionMode="required")


def test_any_tls_field_is_refused_on_a_cache_with_access_control(sandbox: sandboxes.Sandbox) -> None:
    cache = create(sandbox, **TLS, AuthToken=A)
    cache.refuses("InvalidParameterCombination", **TLS, TransitEncryptionMode="required")
    cache.refuses("InvalidParameterCombination", TransitEncryptionEnabled=True)


def test_tls_on_a_live_cache_needs_engine_7_0_5(sandbox: sandboxes.Sandbox) -> None:
    create(sandbox, EngineVersion="7.0.4").refuses("InvalidParameterCombination", **TLS, TransitEncryptionMode="preferred")
    other = Cache(sandbox, "newer")
    other.aws.create_replication_group(
        ReplicationGroupId="newer", ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", Engine="redis", EngineVersion="7.0.5"
    )
    other.settled()
    assert other.modify(**TLS, TransitEncryptionMode="preferred")["TransitEncryptionEnabled"] is True


def test_modify_cache_cluster_has_no_tls_parameter(sandbox: sandboxes.Sandbox) -> None:
    members = api(sandbox).meta.service_model.operation_model("ModifyCacheCluster").input_shape.members
    assert not [name for name in members if "Transit" in name] and {"AuthToken", "AuthTokenUpdateStrategy"} <= set(members)
    refused(
        "InvalidParameterValue", api(sandbox).modify_cache_cluster,
        CacheClusterId=sandbox.estate["cache_name"], AuthToken=A, AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True,
    )


def test_encryption_at_rest_exists_only_at_creation(sandbox: sandboxes.Sandbox) -> None:
    cache = create(sandbox, AtRestEncryptionEnabled=True)
    assert cache.group["AtRestEncryptionEnabled"] is True
    assert "AtRestEncryptionEnabled" not in cache.aws.meta.service_model.operation_model("ModifyReplicationGroup").input_shape.members


def test_a_new_group_may_start_with_tls_preferred(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, **TLS, TransitEncryptionMode="preferred")
    assert sandbox.redis(cache.address, tls=False).ping() and sandbox.redis(cache.address).ping()
    member = cluster(sandbox, cache.group["MemberClusters"][0])
    assert member["CacheSubnetGroupName"] == "huntaze-cache" and member["ReplicationGroupId"] == cache.id


def test_a_group_has_as_many_members_as_it_was_created_with(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, NumCacheClusters=2, AutomaticFailoverEnabled=True)
    members = cache.group["NodeGroups"][0]["NodeGroupMembers"]
    assert [(member["CacheClusterId"], member["CurrentRole"]) for member in members] == [("created-001", "primary"), ("created-002", "replica")]
    assert all(sandbox.redis(member["ReadEndpoint"]["Address"], tls=False).ping() for member in members)
    cluster_mode = Cache(sandbox, "sharded")
    cluster_mode.aws.create_replication_group(
        ReplicationGroupId="sharded", ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", ClusterMode="enabled"
    )
    group = cluster_mode.settled()
    assert group["ClusterEnabled"] is True and group["ConfigurationEndpoint"]["Port"] == 6379
    assert "PrimaryEndpoint" not in group["NodeGroups"][0]


def test_security_groups_of_a_cache_are_modified_at_once(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    other = sandbox.estate["limiter_security_group_id"]
    cache.modify(SecurityGroupIds=[other])
    assert [group["SecurityGroupId"] for group in cluster(sandbox)["SecurityGroups"]] == [other]
    cache.refuses("InvalidParameterValue", SecurityGroupIds=["sg-0123456789abcdef0"])
