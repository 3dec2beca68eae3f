# SPDX-License-Identifier: GPL-3.0-or-later
"""elasticache_info against the sandbox: one shape for every kind of cache, in the fewest calls."""

from __future__ import annotations

import pytest

CLUSTER, GROUP = "huntaze-redis-production", "huntaze-redis"


@pytest.fixture
def look_up(sandbox, estate, run_module):
    def run(name, **args):
        sandbox.control.forget_calls()
        result = run_module("elasticache_info", {"name": name, **args})
        assert not result.get("changed")
        return result

    return run


def lookups(sandbox):
    return {name.split(".")[1]: count for name, count in sandbox.calls().items()}


def test_the_guides_cluster(sandbox, estate, look_up):
    cache = look_up(CLUSTER)["cache"]
    assert lookups(sandbox) == {"DescribeCacheClusters": 1, "DescribeCacheSubnetGroups": 1}
    place = {"address": sandbox.address("1.10"), "port": 6379}
    subnets = sandbox.client("elasticache").describe_cache_subnet_groups()["CacheSubnetGroups"][0]
    assert cache.pop("create_time")
    assert cache == {
        "exists": True,
        "kind": "cache_cluster",
        "id": CLUSTER,
        "arn": f"arn:aws:elasticache:us-east-1:123456789012:cluster:{CLUSTER}",
        "replication_group_id": None,
        "member_clusters": [CLUSTER],
        "status": "available",
        "engine": "redis",
        "engine_version": "7.1.0",
        "cache_node_type": "cache.t3.micro",
        "cache_parameter_group_name": "default.redis7",
        "cluster_enabled": False,
        "port": 6379,
        "endpoints": {"primary": place, "reader": None, "configuration": None, "nodes": [place]},
        "transit_encryption_enabled": False,
        "transit_encryption_mode": None,
        "auth_token_enabled": False,
        "auth_token_last_modified_date": None,
        "auth_token_status": None,
        "pending_modifications": {},
        "maintenance_window": "sun:23:00-mon:01:30",
        "global_replication_group_id": None,
        "global_replication_group_role": None,
        "user_group_ids": [],
        "at_rest_encryption_enabled": False,
        "cache_subnet_group_name": subnets["CacheSubnetGroupName"],
        "subnet_ids": [subnet["SubnetIdentifier"] for subnet in subnets["Subnets"]],
        "vpc_id": estate["vpc_id"],
        "security_group_ids": [estate["cache_security_group_id"]],
    }


def test_a_promoted_cluster_by_its_old_name_and_by_its_new_one(sandbox, estate, look_up):
    elasticache = sandbox.client("elasticache")
    elasticache.create_replication_group(ReplicationGroupId=GROUP, ReplicationGroupDescription="test", PrimaryClusterId=CLUSTER)
    elasticache.get_waiter("replication_group_available").wait(ReplicationGroupId=GROUP, WaiterConfig={"Delay": 1})
    by_old = look_up("Huntaze-Redis-Production")["cache"]
    assert lookups(sandbox) == {"DescribeCacheClusters": 1, "DescribeReplicationGroups": 1, "DescribeCacheSubnetGroups": 1}
    assert look_up(GROUP)["cache"] == by_old
    shard = elasticache.describe_replication_groups()["ReplicationGroups"][0]["NodeGroups"][0]
    assert (by_old["kind"], by_old["id"], by_old["member_clusters"], by_old["vpc_id"]) == ("replication_group", GROUP, [CLUSTER], estate["vpc_id"])
    assert by_old["endpoints"]["primary"]["address"] == shard["PrimaryEndpoint"]["Address"]
    assert by_old["endpoints"]["reader"]["address"] == shard["ReaderEndpoint"]["Address"]
    assert by_old["endpoints"]["nodes"][0]["address"] == shard["NodeGroupMembers"][0]["ReadEndpoint"]["Address"]


def test_other_kinds(sandbox, look_up):
    elasticache = sandbox.client("elasticache")
    elasticache.create_serverless_cache(ServerlessCacheName="without-servers", Engine="valkey")
    elasticache.create_cache_cluster(CacheClusterId="forgetful", Engine="memcached", CacheNodeType="cache.t3.micro", NumCacheNodes=2)
    elasticache.create_replication_group(
        ReplicationGroupId="sharded", ReplicationGroupDescription="test", Engine="redis", CacheNodeType="cache.t3.micro", ClusterMode="enabled",
        TransitEncryptionEnabled=True, AtRestEncryptionEnabled=True, NumNodeGroups=1,
    )
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="forgetful", WaiterConfig={"Delay": 1})
    elasticache.get_waiter("replication_group_available").wait(ReplicationGroupId="sharded", WaiterConfig={"Delay": 1})
    cache = look_up("without-servers")["cache"]
    assert (cache["kind"], cache["engine"], cache["transit_encryption_mode"], cache["endpoints"]["nodes"]) == ("serverless_cache", "valkey", "required", [])
    assert cache["endpoints"]["primary"]["port"] == cache["port"] == 6379
    cache = look_up("forgetful")["cache"]
    assert (cache["kind"], cache["engine"], cache["endpoints"]["primary"]) == ("cache_cluster", "memcached", None)
    assert cache["endpoints"]["configuration"]["port"] == cache["port"] == 11211
    assert len(cache["endpoints"]["nodes"]) == 2
    cache = look_up("sharded")["cache"]
    assert (cache["cluster_enabled"], cache["transit_encryption_mode"], cache["at_rest_encryption_enabled"]) == (True, "required", True)
    assert cache["endpoints"]["configuration"]["port"] == cache["port"] == 6379


def test_what_does_not_exist_is_a_result(look_up):
    result = look_up("nowhere")
    assert result.rc == 0
    assert result["cache"]["exists"] is False
    assert result["cache"]["kind"] is result["cache"]["vpc_id"] is result["cache"]["endpoints"]["primary"] is None


def test_wrong_credentials_are_one_clear_message(look_up):
    result = look_up(CLUSTER, secret_key="wrong", access_key="AKIAWRONG")
    assert result.rc == 1
    assert result["msg"].startswith(f"Looking up the cache {CLUSTER}: ")
    assert "AWS does not know these credentials" in result["msg"]
