# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a cache by whatever name it goes by, and describe it in one shape whatever its kind."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import error_code

NOTHING: dict[str, t.Any] = {
    "exists": False,
    "kind": None,
    "id": None,
    "arn": None,
    "replication_group_id": None,
    "member_clusters": [],
    "status": None,
    "create_time": None,
    "engine": None,
    "engine_version": None,
    "cache_node_type": None,
    "cache_parameter_group_name": None,
    "cluster_enabled": False,
    "port": None,
    "endpoints": {"primary": None, "reader": None, "configuration": None, "nodes": []},
    "transit_encryption_enabled": False,
    "transit_encryption_mode": None,
    "auth_token_enabled": False,
    "auth_token_last_modified_date": None,
    "auth_token_status": None,
    "user_group_ids": [],
    "at_rest_encryption_enabled": False,
    "cache_subnet_group_name": None,
    "subnet_ids": [],
    "vpc_id": None,
    "security_group_ids": [],
}


def find(client: t.Any, name: str, promoted_to: str | None = None) -> dict[str, t.Any]:
    """The cache called `name`, without its network: a cluster, the group it belongs to, a group, a serverless cache, or nothing.

    `promoted_to` is the group that the cluster joins: right after a promotion AWS may show the group before
    the cluster says that it belongs to it.
    """
    name = name.lower()  # as AWS keeps all IDs
    cluster = _one(client.describe_cache_clusters, "CacheClusters", "CacheClusterNotFound", CacheClusterId=name, ShowCacheNodeInfo=True)
    if cluster:
        group_id = cluster.get("ReplicationGroupId") or promoted_to
        group = _group(client, group_id) if group_id else None
        return of_group(group, cluster) if group and name in group["MemberClusters"] else of_cluster(cluster)
    group = _group(client, name)
    if group:
        members = group.get("MemberClusters") or [""]
        return of_group(group, members[0] and _one(client.describe_cache_clusters, "CacheClusters", "CacheClusterNotFound", CacheClusterId=members[0]))
    serverless = _one(client.describe_serverless_caches, "ServerlessCaches", "ServerlessCacheNotFoundFault", ServerlessCacheName=name)
    return of_serverless(serverless) if serverless else dict(NOTHING)


def group_exists(client: t.Any, group_id: str) -> bool:
    return _group(client, group_id) is not None


def find_snapshot(client: t.Any, name: str) -> dict[str, t.Any] | None:
    return _one(client.describe_snapshots, "Snapshots", "SnapshotNotFoundFault", SnapshotName=name)


def network(client: t.Any, cache: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """`cache` with its VPC and subnets."""
    name = cache["cache_subnet_group_name"]
    found = name and _one(client.describe_cache_subnet_groups, "CacheSubnetGroups", "CacheSubnetGroupNotFoundFault", CacheSubnetGroupName=name)
    if not found:
        return dict(cache)
    return dict(cache, vpc_id=found.get("VpcId"), subnet_ids=sorted(subnet["SubnetIdentifier"] for subnet in found.get("Subnets", [])))


def of_cluster(cluster: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    nodes = [_endpoint(node.get("Endpoint")) for node in cluster.get("CacheNodes", [])]
    return _finished(
        kind="cache_cluster",
        id=cluster["CacheClusterId"],
        replication_group_id=cluster.get("ReplicationGroupId"),
        member_clusters=[cluster["CacheClusterId"]],
        status=cluster["CacheClusterStatus"],
        create_time=_date(cluster.get("CacheClusterCreateTime")),
        endpoints={
            "primary": nodes[0] if nodes and cluster["Engine"] != "memcached" else None,
            "reader": None,
            "configuration": _endpoint(cluster.get("ConfigurationEndpoint")),
            "nodes": [node for node in nodes if node],
        },
        **_common(cluster),
        **_of_member(cluster),
    )


def of_group(group: t.Mapping[str, t.Any], member: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """A group has no engine version and no network of its own: `member` is one of its clusters."""
    shards = group.get("NodeGroups", [])
    first = shards[0] if len(shards) == 1 else {}
    pending = group.get("PendingModifiedValues") or {}
    nodes = [_endpoint(node.get("ReadEndpoint")) for shard in shards for node in shard.get("NodeGroupMembers", [])]
    return _finished(
        kind="replication_group",
        id=group["ReplicationGroupId"],
        replication_group_id=group["ReplicationGroupId"],
        member_clusters=list(group.get("MemberClusters", [])),
        status=group["Status"],
        create_time=_date(group.get("ReplicationGroupCreateTime")),
        cluster_enabled=bool(group.get("ClusterEnabled")),
        endpoints={
            "primary": _endpoint(first.get("PrimaryEndpoint")),
            "reader": _endpoint(first.get("ReaderEndpoint")),
            "configuration": _endpoint(group.get("ConfigurationEndpoint")),
            "nodes": [node for node in nodes if node],
        },
        auth_token_status=pending.get("AuthTokenStatus"),
        user_group_ids=sorted(set(group.get("UserGroupIds") or []) | set((pending.get("UserGroups") or {}).get("UserGroupIdsToAdd") or [])),
        **_common(group),
        **_of_member(member or group),
    )


def of_serverless(cache: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return _finished(
        kind="serverless_cache",
        id=cache["ServerlessCacheName"],
        arn=cache.get("ARN"),
        status=cache["Status"],
        create_time=_date(cache.get("CreateTime")),
        engine=cache.get("Engine"),
        engine_version=cache.get("FullEngineVersion") or cache.get("MajorEngineVersion"),
        endpoints=dict(NOTHING["endpoints"], primary=_endpoint(cache.get("Endpoint")), reader=_endpoint(cache.get("ReaderEndpoint"))),
        # A serverless cache is always encrypted, in transit and at rest.
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        at_rest_encryption_enabled=True,
        user_group_ids=[cache["UserGroupId"]] if cache.get("UserGroupId") else [],
        subnet_ids=sorted(cache.get("SubnetIds") or []),
        security_group_ids=sorted(cache.get("SecurityGroupIds") or []),
    )


def _finished(**facts: t.Any) -> dict[str, t.Any]:
    endpoints = facts["endpoints"]
    first = endpoints["primary"] or endpoints["configuration"] or next(iter(endpoints["nodes"]), None)
    return dict(NOTHING, exists=True, port=first["port"] if first else None, **facts)


def _common(found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    encrypted = bool(found.get("TransitEncryptionEnabled"))
    return {
        "arn": found.get("ARN"),
        "cache_node_type": found.get("CacheNodeType"),
        "transit_encryption_enabled": encrypted,
        # Encrypted since before there were modes means that plain text is refused.
        "transit_encryption_mode": (found.get("TransitEncryptionMode") or "required") if encrypted else None,
        "auth_token_enabled": bool(found.get("AuthTokenEnabled")),
        "auth_token_last_modified_date": _date(found.get("AuthTokenLastModifiedDate")),
        "at_rest_encryption_enabled": bool(found.get("AtRestEncryptionEnabled")),
    }


def _of_member(cluster: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "engine": cluster.get("Engine"),
        "engine_version": cluster.get("EngineVersion"),
        "cache_parameter_group_name": (cluster.get("CacheParameterGroup") or {}).get("CacheParameterGroupName"),
        "cache_subnet_group_name": cluster.get("CacheSubnetGroupName"),
        "security_group_ids": sorted(group["SecurityGroupId"] for group in cluster.get("SecurityGroups", [])),
    }


def _group(client: t.Any, group_id: str) -> dict[str, t.Any] | None:
    return _one(client.describe_replication_groups, "ReplicationGroups", "ReplicationGroupNotFoundFault", ReplicationGroupId=group_id)


def _one(describe: t.Callable[..., t.Any], key: str, not_found: str, **parameters: t.Any) -> dict[str, t.Any] | None:
    try:
        return next(iter(describe(**parameters)[key]), None)
    except Exception as error:
        if error_code(error) == not_found:
            return None
        raise


def _endpoint(endpoint: t.Mapping[str, t.Any] | None) -> dict[str, t.Any] | None:
    return {"address": endpoint["Address"], "port": endpoint["Port"]} if endpoint and endpoint.get("Address") else None


def _date(date: t.Any) -> str | None:
    return date.isoformat() if date else None
