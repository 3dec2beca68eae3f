# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fields an answer has in which state: what AWS leaves out, the sandbox leaves out."""

from __future__ import annotations

import typing as t

import pytest
from support import sandboxes
from aws_api.elasticache.models import ElastiCacheBackend
from support.caches import TLS, A, api, cluster, create, promote
from support.waiting import until

GROUP_ALWAYS = {
    "ReplicationGroupId", "Description", "GlobalReplicationGroupInfo", "Status", "PendingModifiedValues", "AutomaticFailover", "MultiAZ",
    "SnapshotRetentionLimit", "SnapshotWindow", "TransitEncryptionEnabled", "AtRestEncryptionEnabled", "ARN", "LogDeliveryConfigurations",
}
GROUP_ALIVE = GROUP_ALWAYS | {
    "MemberClusters", "ClusterEnabled", "CacheNodeType", "AuthTokenEnabled", "ReplicationGroupCreateTime", "DataTiering", "AutoMinorVersionUpgrade",
    "NetworkType", "IpDiscovery", "ClusterMode", "Engine",
}
CLUSTER = {
    "CacheClusterId", "ClientDownloadLandingPage", "CacheNodeType", "Engine", "EngineVersion", "CacheClusterStatus", "NumCacheNodes",
    "PreferredAvailabilityZone", "CacheClusterCreateTime", "PreferredMaintenanceWindow", "PendingModifiedValues", "CacheSecurityGroups",
    "CacheParameterGroup", "AutoMinorVersionUpgrade", "AuthTokenEnabled", "TransitEncryptionEnabled", "AtRestEncryptionEnabled", "ARN",
    "ReplicationGroupLogDeliveryEnabled", "LogDeliveryConfigurations", "NetworkType", "IpDiscovery",
}
REDIS_CLUSTER = CLUSTER | {"SnapshotRetentionLimit", "SnapshotWindow"}


@pytest.fixture(autouse=True)
def quick(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    sandbox.settings(transition_seconds=0.05, tagging_seconds=0.05)


def test_kind_29_fields_of_a_group_from_creation_to_deletion(sandbox: sandboxes.Sandbox) -> None:
    sandbox.settings(transition_seconds=3600)
    aws, name = api(sandbox), sandbox.estate["cache_name"]
    created = aws.create_replication_group(ReplicationGroupId="g", ReplicationGroupDescription=" ", PrimaryClusterId=name)["ReplicationGroup"]
    assert set(created) == GROUP_ALIVE
    sandbox.reset()
    sandbox.settings(transition_seconds=0.05)
    cache = promote(sandbox)
    assert set(cache.group) == GROUP_ALIVE | {"NodeGroups"}
    cache.modify(**TLS, TransitEncryptionMode="preferred")
    cache.modify(**TLS, TransitEncryptionMode="required")
    assert set(cache.modify(AuthToken=A)) == GROUP_ALIVE | {"NodeGroups", "TransitEncryptionMode", "AuthTokenLastModifiedDate"}
    sandbox.settings(transition_seconds=3600)
    deleted = cache.aws.delete_replication_group(ReplicationGroupId=cache.id)["ReplicationGroup"]
    assert (deleted["Status"], set(deleted)) == ("deleting", GROUP_ALWAYS)
    assert (cache.group["Status"], set(cache.group)) == ("deleting", GROUP_ALWAYS | {"AuthTokenEnabled"})


def test_kind_29_shards_stay_available_while_their_group_is_modifying(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    shard = cache.group["NodeGroups"][0]
    assert set(shard) == {"NodeGroupId", "Status", "PrimaryEndpoint", "ReaderEndpoint", "NodeGroupMembers"}
    member = shard["NodeGroupMembers"][0]
    assert set(member) == {"CacheClusterId", "CacheNodeId", "ReadEndpoint", "PreferredAvailabilityZone", "CurrentRole"}
    sandbox.settings(transition_seconds=3600)
    answer = cache.aws.modify_replication_group(ReplicationGroupId=cache.id, SnapshotRetentionLimit=1, ApplyImmediately=True)["ReplicationGroup"]
    for group in (answer, cache.group):
        assert (group["Status"], group["NodeGroups"]) == ("modifying", [shard])


def test_kind_29_a_group_is_modifying_after_tagging_with_its_shards_available(sandbox: sandboxes.Sandbox) -> None:
    sandbox.settings(tagging_seconds=3600)
    cache = promote(sandbox)
    before = cache.group
    cache.aws.add_tags_to_resource(ResourceName=before["ARN"], Tags=[{"Key": "k", "Value": "v"}])
    assert cache.group == {**before, "Status": "modifying"}


def test_kind_29_fields_of_clusters(sandbox: sandboxes.Sandbox) -> None:
    network = {"SecurityGroups", "CacheSubnetGroupName"}
    assert set(cluster(sandbox)) == REDIS_CLUSTER | network | {"CacheNodes"}
    without = api(sandbox).describe_cache_clusters()["CacheClusters"][0]
    assert set(without) == REDIS_CLUSTER | network
    plain = create(sandbox, **TLS, SecurityGroupIds=[])
    assert set(cluster(sandbox, plain.group["MemberClusters"][0])) == (
        REDIS_CLUSTER | {"CacheSubnetGroupName", "CacheNodes", "ReplicationGroupId", "TransitEncryptionMode"}
    )


def test_kind_29_fields_of_memcached(sandbox: sandboxes.Sandbox) -> None:
    api(sandbox).create_cache_cluster(CacheClusterId="memory", CacheNodeType="cache.t3.micro", Engine="memcached", NumCacheNodes=2)
    assert set(cluster(sandbox, "memory")) == CLUSTER
    until(lambda: cluster(sandbox, "memory")["CacheClusterStatus"] == "available")
    memory = cluster(sandbox, "memory")
    assert set(memory) == CLUSTER | {"ConfigurationEndpoint", "CacheNodes"}
    assert len({node["Endpoint"]["Address"] for node in memory["CacheNodes"]}) == 2
    assert set(memory["CacheNodes"][0]) == {
        "CacheNodeId", "CacheNodeStatus", "CacheNodeCreateTime", "Endpoint", "ParameterGroupStatus", "CustomerAvailabilityZone",
    }


def test_kind_29_a_user_shows_its_new_values_while_it_is_modifying_and_all_while_it_is_deleting(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    aws.create_user(UserId="u", UserName="u", Engine="redis", AccessString="off -@all", NoPasswordRequired=True)

    def shown() -> dict[str, t.Any]:
        return aws.describe_users(UserId="u")["Users"][0]

    first = shown()
    assert (first["Status"], first["Authentication"]) == ("active", {"Type": "no-password"})
    sandbox.settings(transition_seconds=0.5)
    aws.modify_user(UserId="u", Passwords=["password-0123456789"], AccessString="on +@all")
    new = {"AccessString": "on +@all", "Authentication": {"Type": "password", "PasswordCount": 1}}
    assert shown() == {**first, **new, "Status": "modifying"}
    until(lambda: shown()["Status"] == "active")
    sandbox.settings(transition_seconds=3600)
    aws.delete_user(UserId="u")
    assert shown() == {**first, **new, "Status": "deleting"}


# Names, which the sandbox itself shows as addresses


@pytest.mark.parametrize(("cluster_mode", "mode", "names"), [
    ("disabled", None, ["g.asmyhp.ng.0001.use1.cache.amazonaws.com", "g-ro.asmyhp.ng.0001.use1.cache.amazonaws.com",
                        "g-001.asmyhp.0001.use1.cache.amazonaws.com"]),
    ("disabled", "required", ["master.g.asmyhp.use1.cache.amazonaws.com", "replica.g.asmyhp.use1.cache.amazonaws.com",
                              "g-001.g.asmyhp.use1.cache.amazonaws.com"]),
    ("enabled", None, ["g.asmyhp.clustercfg.use1.cache.amazonaws.com", "g-0001-001.asmyhp.0001.use1.cache.amazonaws.com"]),
    ("enabled", "required", ["clustercfg.g.asmyhp.use1.cache.amazonaws.com", "g-0001-001.g.asmyhp.use1.cache.amazonaws.com"]),
])
def test_kind_39_names_of_endpoints(cluster_mode: str, mode: str | None, names: list[str]) -> None:
    options = dict.fromkeys((
        "replication_group_description", "global_replication_group_id", "primary_cluster_id", "automatic_failover_enabled", "multi_az_enabled",
        "num_cache_clusters", "preferred_cache_cluster_azs", "num_node_groups", "replicas_per_node_group", "node_group_configuration", "engine",
        "engine_version", "cache_parameter_group_name", "cache_subnet_group_name", "cache_security_group_names", "security_group_ids", "tags",
        "snapshot_arns", "snapshot_name", "preferred_maintenance_window", "port", "notification_topic_arn", "auto_minor_version_upgrade",
        "snapshot_retention_limit", "snapshot_window", "auth_token", "at_rest_encryption_enabled", "kms_key_id", "user_group_ids",
        "log_delivery_configurations", "data_tiering_enabled", "network_type", "ip_discovery", "serverless_cache_snapshot_name",
    ))
    backend = ElastiCacheBackend("us-east-1", "123456789012")
    group = backend.create_replication_group(**options | {
        "replication_group_id": "g", "cache_node_type": "cache.t3.micro", "cluster_mode": cluster_mode,
        "transit_encryption_enabled": bool(mode), "transit_encryption_mode": mode,
    })
    backend.lifecycle.settle(float("inf"))
    assert [endpoint.name for endpoint in group.endpoints()] == names
