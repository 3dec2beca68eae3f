# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a cache by whatever name it goes by, and describe it in one shape whatever its kind."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code

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
    "pending_modifications": {},
    "maintenance_window": None,
    "global_replication_group_id": None,
    "global_replication_group_role": None,
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
    cluster = _cluster(client, name)
    if cluster:
        own = cluster.get("ReplicationGroupId")
        group = _group(client, own or promoted_to) if own or promoted_to else None
        # A group that is being deleted names no members any more; what the cluster says of itself stands.
        return of_group(group, cluster) if group and (own or name in _listed(group, "MemberClusters")) else of_cluster(cluster)
    group = _group(client, name)
    if group:
        return of_group(group, next((_cluster(client, member) for member in _listed(group, "MemberClusters")[:1]), None))
    serverless = _one(client.describe_serverless_caches, "ServerlessCaches", "ServerlessCacheNotFoundFault", ServerlessCacheName=name)
    return of_serverless(serverless) if serverless else dict(NOTHING)


def group_exists(client: t.Any, group_id: str) -> bool:
    return _group(client, group_id) is not None


def find_snapshot(client: t.Any, name: str) -> dict[str, t.Any] | None:
    return _one(client.describe_snapshots, "Snapshots", "SnapshotNotFoundFault", SnapshotName=name)


def tags(client: t.Any, cache: t.Mapping[str, t.Any]) -> dict[str, str] | None:
    """Its tags by key; None while AWS lists none, as it does of a busy cache."""
    try:
        found = client.list_tags_for_resource(ResourceName=cache["arn"])
    except Exception as error:
        if error_code(error) == "InvalidReplicationGroupState":
            return None
        raise
    return {tag.get("Key"): tag.get("Value") for tag in _listed(found, "TagList")}


def endpoint(cache: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """Where clients write to, by address and port."""
    return cache["endpoints"]["primary"] or cache["endpoints"]["configuration"]


def network(client: t.Any, cache: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """`cache` with its VPC and subnets."""
    name = cache["cache_subnet_group_name"]
    found = name and _one(client.describe_cache_subnet_groups, "CacheSubnetGroups", "CacheSubnetGroupNotFoundFault", CacheSubnetGroupName=name)
    if not found:
        return dict(cache)
    return dict(cache, vpc_id=found.get("VpcId"), subnet_ids=_ids(found, "Subnets", "SubnetIdentifier"))


def of_cluster(cluster: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    nodes = [place for place in (_endpoint(node, "Endpoint") for node in _listed(cluster, "CacheNodes")) if place]
    return _finished(
        kind="cache_cluster",
        id=cluster["CacheClusterId"],
        replication_group_id=cluster.get("ReplicationGroupId"),
        member_clusters=[cluster["CacheClusterId"]],
        status=cluster.get("CacheClusterStatus"),
        create_time=_date(cluster.get("CacheClusterCreateTime")),
        endpoints={
            "primary": nodes[0] if nodes and cluster.get("Engine") != "memcached" else None,
            "reader": None,
            "configuration": _endpoint(cluster, "ConfigurationEndpoint"),
            "nodes": nodes,
        },
        pending_modifications=_pending(cluster),
        **_common(cluster),
        **_of_member(cluster),
    )


def of_group(group: t.Mapping[str, t.Any], member: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """A group has no engine version and no network of its own: `member` is one of its clusters."""
    shards = _listed(group, "NodeGroups")
    first = shards[0] if len(shards) == 1 else {}
    pending = group.get("PendingModifiedValues") or {}
    worldwide = group.get("GlobalReplicationGroupInfo") or {}
    nodes = [_endpoint(node, "ReadEndpoint") for shard in shards for node in _listed(shard, "NodeGroupMembers")]
    return _finished(
        kind="replication_group",
        id=group["ReplicationGroupId"],
        replication_group_id=group["ReplicationGroupId"],
        member_clusters=list(_listed(group, "MemberClusters")),
        status=group.get("Status"),
        create_time=_date(group.get("ReplicationGroupCreateTime")),
        cluster_enabled=bool(group.get("ClusterEnabled")),
        endpoints={
            "primary": _endpoint(first, "PrimaryEndpoint"),
            "reader": _endpoint(first, "ReaderEndpoint"),
            "configuration": _endpoint(group, "ConfigurationEndpoint"),
            "nodes": [node for node in nodes if node],
        },
        auth_token_status=pending.get("AuthTokenStatus"),
        pending_modifications={**_pending(member or {}), **_pending(group)},
        global_replication_group_id=worldwide.get("GlobalReplicationGroupId"),
        global_replication_group_role=worldwide.get("GlobalReplicationGroupMemberRole"),
        user_group_ids=sorted({*_listed(group, "UserGroupIds"), *_listed(pending.get("UserGroups") or {}, "UserGroupIdsToAdd")}),
        **_common(group),
        **_of_member(member or group),
    )


def of_serverless(cache: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return _finished(
        kind="serverless_cache",
        id=cache["ServerlessCacheName"],
        arn=cache.get("ARN"),
        status=cache.get("Status"),
        create_time=_date(cache.get("CreateTime")),
        engine=cache.get("Engine"),
        engine_version=cache.get("FullEngineVersion") or cache.get("MajorEngineVersion"),
        endpoints=dict(NOTHING["endpoints"], primary=_endpoint(cache, "Endpoint"), reader=_endpoint(cache, "ReaderEndpoint")),
        # A serverless cache is always encrypted, in transit and at rest.
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        at_rest_encryption_enabled=True,
        user_group_ids=[cache["UserGroupId"]] if cache.get("UserGroupId") else [],
        subnet_ids=sorted(_listed(cache, "SubnetIds")),
        security_group_ids=sorted(_listed(cache, "SecurityGroupIds")),
    )


def _finished(**facts: t.Any) -> dict[str, t.Any]:
    first = endpoint(facts) or next(iter(facts["endpoints"]["nodes"]), None)
    return dict(NOTHING, exists=True, port=first["port"] if first else None, **facts)


def _common(found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    mode = found.get("TransitEncryptionMode")
    encrypted = bool(found.get("TransitEncryptionEnabled", mode))
    return {
        "arn": found.get("ARN"),
        "cache_node_type": found.get("CacheNodeType"),
        "transit_encryption_enabled": encrypted,
        # Encrypted since before there were modes means that plain text is refused.
        "transit_encryption_mode": (mode or "required") if encrypted else None,
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
        "security_group_ids": _ids(cluster, "SecurityGroups", "SecurityGroupId"),
        "maintenance_window": cluster.get("PreferredMaintenanceWindow"),
    }


def _pending(found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What is asked for and not made yet, but for the token, whose change has a field of its own."""
    asked = {key: value for key, value in (found.get("PendingModifiedValues") or {}).items() if key != "AuthTokenStatus" and value not in (None, "", [], {})}
    applied = (found.get("CacheParameterGroup") or {}).get("ParameterApplyStatus", "in-sync")
    if applied != "in-sync":
        asked["CacheParameterGroup"] = applied
    return camel_dict_to_snake_dict(asked)


def _cluster(client: t.Any, name: str) -> dict[str, t.Any] | None:
    return _one(client.describe_cache_clusters, "CacheClusters", "CacheClusterNotFound", CacheClusterId=name, ShowCacheNodeInfo=True)


def _group(client: t.Any, group_id: str) -> dict[str, t.Any] | None:
    return _one(client.describe_replication_groups, "ReplicationGroups", "ReplicationGroupNotFoundFault", ReplicationGroupId=group_id)


def _one(describe: t.Callable[..., t.Any], key: str, not_found: str, **parameters: t.Any) -> dict[str, t.Any] | None:
    """The one object that was asked for; never another one, which AWS answers where a name is empty."""
    identity, name = next(iter(parameters.items()))
    try:
        found = describe(**parameters)
    except Exception as error:
        if error_code(error) == not_found:
            return None
        raise
    return next((item for item in _listed(found, key) if str(item.get(identity)).lower() == name.lower()), None)


def _listed(found: t.Mapping[str, t.Any], key: str) -> t.Sequence[t.Any]:
    return found.get(key) or []


def _ids(found: t.Mapping[str, t.Any], key: str, identity: str) -> list[str]:
    return sorted(item[identity] for item in _listed(found, key) if item.get(identity))


def _endpoint(found: t.Mapping[str, t.Any], key: str) -> dict[str, t.Any] | None:
    endpoint = found.get(key) or {}
    return {"address": endpoint["Address"], "port": endpoint.get("Port")} if endpoint.get("Address") else None


def _date(date: t.Any) -> str | None:
    return date.isoformat() if date else None
