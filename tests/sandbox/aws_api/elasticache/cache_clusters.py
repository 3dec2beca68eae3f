# SPDX-License-Identifier: GPL-3.0-or-later
"""Cache clusters: a cache of its own, or a member of a replication group."""

from __future__ import annotations

import typing as t

from moto.elasticache.exceptions import (
    CacheClusterAlreadyExists,
    CacheClusterNotFound,
    InvalidParameterCombinationException as InvalidParameterCombination,
    InvalidParameterValueException as InvalidParameterValue,
)

from .access import REQUIRED, ROTATE, Access
from .exceptions import InvalidCacheClusterState
from .modification import Modification
from .resources import AVAILABLE, DELETING, CacheCluster


class CacheClusterBackend:
    def create_cache_cluster(self, **options: t.Any) -> CacheCluster:
        options["cache_cluster_id"] = cluster_id = self.identifier("CacheClusterId", options["cache_cluster_id"], 50)
        if cluster_id in self.cache_clusters:
            raise CacheClusterAlreadyExists(cluster_id)
        if options.get("replication_group_id"):
            raise NotImplementedError("clusters that join a group")
        if not options.get("cache_node_type"):
            raise InvalidParameterValue("The parameter CacheNodeType must be provided and must not be null.")
        options["engine"] = engine = options.get("engine") or "redis"
        options["engine_version"] = self.full_version(engine, options.get("engine_version"))
        if engine != "memcached" and (options.get("num_cache_nodes") or 1) != 1:
            raise InvalidParameterValue("Cannot create a Redis cluster with a NumCacheNodes parameter greater than 1.")
        self.check_network(options)
        self.check_tags(options.get("tags"))
        access = Access(options["engine_version"])
        if engine == "memcached" and options.get("auth_token"):
            raise InvalidParameterCombination("AuthToken is not supported for memcached.")
        if engine == "memcached":
            access.mode = REQUIRED if options.get("transit_encryption_enabled") else access.mode
        else:
            access.create(options.get("auth_token"), options.get("transit_encryption_enabled"), None, [])
        cluster = self.cache_clusters[cluster_id] = CacheCluster(self, access, **options | {"auth_token": None})
        self.tag_new(cluster.arn, options.get("tags"))
        self.later(lambda: cluster.enter(AVAILABLE))
        return cluster

    def describe_cache_clusters(
        self, cache_cluster_id: str | None = None, show_cache_clusters_not_in_replication_groups: bool | None = None
    ) -> list[CacheCluster]:
        clusters = super().describe_cache_clusters(cache_cluster_id and cache_cluster_id.lower())
        return [cluster for cluster in clusters if not (show_cache_clusters_not_in_replication_groups and cluster.group)]

    def modify_cache_cluster(
        self,
        cache_cluster_id: str,
        apply_immediately: bool | None,
        auth_token: str | None,
        auth_token_update_strategy: str | None,
        **changes: t.Any,
    ) -> CacheCluster:
        cluster = self.cache_cluster(cache_cluster_id)
        changes = {name: value for name, value in changes.items() if value is not None}
        if auth_token is None and auth_token_update_strategy is None and not changes:
            raise InvalidParameterCombination("No modifications were requested")
        if cluster.status != AVAILABLE:
            raise InvalidCacheClusterState(f"Cache cluster {cluster.cache_cluster_id} is not in available state.")
        if auth_token is not None or auth_token_update_strategy is not None:
            if cluster.group:
                raise InvalidParameterCombination("The AuthToken of a replication group's member is modified with ModifyReplicationGroup.")
            if cluster.engine == "memcached":
                raise InvalidParameterCombination("AuthToken is not supported for memcached.")
            cluster.access.check_token_change(auth_token, auth_token_update_strategy, False, False)
        self.check_security_groups(changes.get("security_group_ids"))
        for name, value in changes.items():
            setattr(cluster, name, value)
        strategy = (auth_token_update_strategy or ROTATE) if auth_token else None
        self.change_access(cluster, Modification(token=auth_token, strategy=strategy), apply_immediately)
        return cluster

    def delete_cache_cluster(self, cache_cluster_id: str) -> CacheCluster:
        cluster = self.cache_cluster(cache_cluster_id)
        if cluster.status != AVAILABLE:
            raise InvalidCacheClusterState(f"Cache cluster {cluster.cache_cluster_id} is not in available state.")
        if cluster.group and cluster is cluster.group.members[0]:
            raise InvalidCacheClusterState(f"Cache cluster {cluster.cache_cluster_id} is serving as primary and cannot be deleted.")
        cluster.enter(DELETING)

        def finish() -> None:
            del self.cache_clusters[cluster.cache_cluster_id]
            if cluster.group:
                cluster.group.members.remove(cluster)
                cluster.group.show()

        self.later(finish)
        return cluster

    def cache_cluster(self, cluster_id: str) -> CacheCluster:
        cluster = self.cache_clusters.get(cluster_id.lower())
        if cluster is None:
            raise CacheClusterNotFound(cluster_id)
        return cluster
