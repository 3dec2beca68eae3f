# SPDX-License-Identifier: GPL-3.0-or-later
"""Valkey, cluster mode, and replicas of a promoted cluster."""

from __future__ import annotations

import typing as t

import pytest
import redis
from support import sandboxes
from support.caches import TLS, A, B, Cache, api, cluster, create, open_to_limiter
from support.refusals import refused

PROMOTED = {"ReplicationGroupId": "huntaze-redis", "ReplicationGroupDescription": "test"}


@pytest.fixture(autouse=True)
def quick(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    sandbox.settings(transition_seconds=0.05, tagging_seconds=0.05)


# Valkey


@pytest.mark.parametrize(("asked", "version", "family"), [
    ("7.2", "7.2.6", "default.valkey7"), ("8.0", "8.0.1", "default.valkey8"), ("8.1", "8.1.0", "default.valkey8"), (None, "8.0.1", "default.valkey8"),
])
def test_kind_12_valkey_in_a_group(sandbox: sandboxes.Sandbox, asked: str | None, version: str, family: str) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, Engine="valkey", **TLS, **({"EngineVersion": asked} if asked else {}))
    member = cluster(sandbox, cache.group["MemberClusters"][0])
    assert (cache.group["Engine"], member["Engine"], member["EngineVersion"]) == ("valkey", "valkey", version)
    assert member["CacheParameterGroup"]["CacheParameterGroupName"] == family and member["NumCacheNodes"] == 1
    assert cache.accepts(None)
    cache.modify(AuthToken=A, AuthTokenUpdateStrategy="ROTATE")
    cache.modify(AuthToken=A, AuthTokenUpdateStrategy="SET")
    cache.modify(AuthToken=B, AuthTokenUpdateStrategy="ROTATE")
    assert cache.accepts(A) and cache.accepts(B) and not cache.accepts(None)


def test_kind_12_valkey_takes_tls_step_by_step(sandbox: sandboxes.Sandbox) -> None:
    cache = create(sandbox, Engine="valkey", EngineVersion="7.2")
    for mode in ("preferred", "required"):
        assert cache.modify(**TLS, TransitEncryptionMode=mode)["TransitEncryptionMode"] == mode


def test_kind_29_valkey_has_no_cache_cluster_of_its_own(sandbox: sandboxes.Sandbox) -> None:
    refused("InvalidParameterValue", api(sandbox).create_cache_cluster,
            CacheClusterId="v", Engine="valkey", CacheNodeType="cache.t3.micro", NumCacheNodes=1)
    assert api(sandbox).create_serverless_cache(ServerlessCacheName="v", Engine="valkey")["ServerlessCache"]["Engine"] == "valkey"


# Cluster mode


@pytest.mark.parametrize("parameters", [
    {"ClusterMode": "enabled", "NumNodeGroups": 3, "ReplicasPerNodeGroup": 1},
    {"NumNodeGroups": 3, "ReplicasPerNodeGroup": 1},
    {"CacheParameterGroupName": "default.redis7.cluster.on", "NumNodeGroups": 3, "ReplicasPerNodeGroup": 1},
], ids="-".join)
def test_kind_39_cluster_mode_as_it_was_recorded(sandbox: sandboxes.Sandbox, parameters: dict[str, t.Any]) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, AutomaticFailoverEnabled=True, **parameters)
    group = cache.group
    assert (group["ClusterEnabled"], group["ClusterMode"]) == (True, "enabled")
    assert group["MemberClusters"] == [f"created-{shard}-{number}" for shard in ("0001", "0002", "0003") for number in ("001", "002")]
    assert [shard["Slots"] for shard in group["NodeGroups"]] == ["0-5461", "5462-10922", "10923-16383"]
    for shard in group["NodeGroups"]:
        assert set(shard) == {"NodeGroupId", "Status", "Slots", "NodeGroupMembers"}
        assert all(set(member) == {"CacheClusterId", "CacheNodeId", "PreferredAvailabilityZone"} for member in shard["NodeGroupMembers"])
    member = cluster(sandbox, "created-0002-001")
    assert member["CacheParameterGroup"]["CacheParameterGroupName"] == "default.redis7.cluster.on"
    assert sandbox.redis(group["ConfigurationEndpoint"]["Address"], tls=False).ping()


def test_kind_39_cluster_mode_with_tls_and_a_token(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, ClusterMode="enabled", AutomaticFailoverEnabled=True)
    plain = cache.group["ConfigurationEndpoint"]["Address"]
    cache.modify(**TLS, TransitEncryptionMode="preferred")
    cache.modify(**TLS, TransitEncryptionMode="required")
    address = cache.group["ConfigurationEndpoint"]["Address"]
    assert address != plain
    cache.modify(AuthToken=A)
    cache.modify(AuthToken=A, AuthTokenUpdateStrategy="SET")
    assert sandbox.redis(address, A).ping()
    with pytest.raises(redis.AuthenticationError):
        sandbox.redis(address).ping()
    with pytest.raises(redis.ConnectionError, match="refused"):
        sandbox.redis(plain, tls=False).ping()


def test_kind_29_a_cache_cluster_has_no_cluster_mode(sandbox: sandboxes.Sandbox) -> None:
    message = refused(
        "InvalidParameterCombination", api(sandbox).create_cache_cluster, CacheClusterId="c", Engine="redis", CacheNodeType="cache.t3.micro",
        NumCacheNodes=1, CacheParameterGroupName="default.redis7.cluster.on",
    )
    assert message == "Cluster mode should be disabled in parameter group, but found it is enabled."


# Replicas


def test_kind_38_a_promoted_cluster_may_get_replicas_in_the_same_call(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    name = sandbox.estate["cache_name"]
    created = api(sandbox).create_replication_group(**PROMOTED, PrimaryClusterId=name, NumCacheClusters=3, AutomaticFailoverEnabled=True)
    replicas = ["huntaze-redis-001", "huntaze-redis-002"]
    assert created["ReplicationGroup"]["MemberClusters"] == [*replicas, name]
    group = Cache(sandbox).settled()
    roles = {member["CacheClusterId"]: member["CurrentRole"] for member in group["NodeGroups"][0]["NodeGroupMembers"]}
    assert roles == {name: "primary", "huntaze-redis-001": "replica", "huntaze-redis-002": "replica"}
    assert {cluster(sandbox, member)["CacheNodeType"] for member in roles} == {"cache.t3.micro"}
    assert all(sandbox.redis(member["ReadEndpoint"]["Address"], tls=False).ping() for member in group["NodeGroups"][0]["NodeGroupMembers"])


@pytest.mark.parametrize("operation", ["create", "promote", "modify"])
def test_kind_29_automatic_failover_needs_two_nodes(sandbox: sandboxes.Sandbox, operation: str) -> None:
    aws, failover = api(sandbox), {"AutomaticFailoverEnabled": True}
    if operation == "modify":
        message = create(sandbox).refuses("InvalidParameterCombination", **failover)
    else:
        new = {"CacheNodeType": "cache.t3.micro"} if operation == "create" else {"PrimaryClusterId": sandbox.estate["cache_name"]}
        message = refused("InvalidParameterCombination", aws.create_replication_group, **PROMOTED, **new, **failover)
    assert message == "When using automatic failover, there must be at least 2 cache clusters in the replication group."


# Subnets


def test_kind_29_a_subnet_group_of_unknown_subnets_is_refused(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    refused("InvalidSubnet", aws.create_cache_subnet_group,
            CacheSubnetGroupName="s", CacheSubnetGroupDescription="d", SubnetIds=["subnet-0123456789abcdef0"])
    assert [group["CacheSubnetGroupName"] for group in aws.describe_cache_subnet_groups()["CacheSubnetGroups"]] == ["huntaze-cache"]
