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

from .access import NOTHING_REQUESTED, REQUIRED, Access, AccessRequest, version
from .exceptions import InvalidCacheClusterState
from .modification import Modification
from .resources import AVAILABLE, CREATE_FAILED, DELETING, CacheCluster


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
        if engine not in ("redis", "memcached"):  # Valkey has replication groups and serverless caches only
            raise InvalidParameterValue(f"Invalid engine: {engine}.")
        options["engine_version"] = self.full_version(engine, options.get("engine_version"))
        if engine != "memcached" and (options.get("num_cache_nodes") or 1) != 1:
            raise InvalidParameterValue("Cannot create a Redis cluster with a NumCacheNodes parameter greater than 1.")
        self.check_network(options)
        self._check_parameter_group(options.get("cache_parameter_group_name"))
        self.check_tags(options.get("tags"))
        access = Access(options["engine_version"])
        self._check_encryption(engine, options)
        if options.get("transit_encryption_enabled"):
            access.mode = REQUIRED
        cluster = self.cache_clusters[cluster_id] = CacheCluster(self, access, **options | {"auth_token": None})
        self.tag_new(cluster.arn, options.get("tags"))
        status = CREATE_FAILED if self.creation_fails else AVAILABLE
        self.later(lambda: cluster.enter(status))
        return cluster

    @staticmethod
    def _check_parameter_group(name: str | None) -> None:
        if name and name.lower().endswith(".cluster.on"):
            raise InvalidParameterCombination("Cluster mode should be disabled in parameter group, but found it is enabled.")

    @staticmethod
    def _check_encryption(engine: str, options: dict[str, t.Any]) -> None:
        """A cache cluster of its own has TLS with memcached only, and never a token."""
        encrypted, token = options.get("transit_encryption_enabled"), options.get("auth_token")
        if engine == "redis" and (encrypted or token):
            raise InvalidParameterCombination("Encryption feature is not supported for engine REDIS.")
        if token:
            raise InvalidParameterCombination("AuthToken is not supported for memcached.")
        if encrypted and version(options["engine_version"]) < (1, 6, 12):
            raise InvalidParameterCombination(
                f"Encryption features are not supported for engine version {options['engine_version']}. Please use engine version 1.6.12"
            )

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
        nodes: dict[str, str | None],
        **changes: t.Any,
    ) -> CacheCluster:
        cluster = self.cache_cluster(cache_cluster_id)
        request = AccessRequest(bool(apply_immediately), token=auth_token, given_strategy=auth_token_update_strategy)
        changes = {name: value for name, value in changes.items() if value is not None}
        nodes = {name: value for name, value in nodes.items() if value}
        if not (request.token_given or changes or nodes):
            raise InvalidParameterCombination(NOTHING_REQUESTED)
        if cluster.status != AVAILABLE:
            raise InvalidCacheClusterState(f"Cache cluster {cluster.cache_cluster_id} is not in available state.")
        if cluster.group and (request.token_given or nodes):
            raise InvalidParameterCombination("The nodes and the AuthToken of a replication group are modified with ModifyReplicationGroup.")
        if request.token_given and cluster.engine == "memcached":
            raise InvalidParameterCombination("AuthToken is not supported for memcached.")
        cluster.access.check(request)
        self.check_security_groups(changes.get("security_group_ids"))
        modification = Modification(token=auth_token, strategy=request.strategy, **self.checked_nodes(cluster, nodes))
        for name, value in changes.items():
            setattr(cluster, name, value)
        self.change(cluster, modification, apply_immediately)
        return cluster

    def checked_nodes(self, cluster: CacheCluster, nodes: dict[str, str]) -> dict[str, str]:
        """What a Modify call asks of node type, engine and parameter group, without what is so already."""
        engine = nodes.get("engine") or cluster.engine
        if engine != cluster.engine and (cluster.engine, engine) != ("redis", "valkey"):
            raise InvalidParameterCombination(f"The engine cannot be changed from {cluster.engine} to {engine}.")
        wanted = dict(nodes)
        if "engine" in nodes or "engine_version" in nodes:
            wanted["engine_version"] = self.full_version(engine, nodes.get("engine_version"))
        if "cache_parameter_group_name" in nodes:
            wanted["cache_parameter_group_name"] = self.parameter_group(nodes["cache_parameter_group_name"]).cache_parameter_group_name
        elif engine != cluster.engine or self._family(wanted, cluster) != self._family({}, cluster):
            wanted["cache_parameter_group_name"] = self._family(wanted, cluster)
        return {name: value for name, value in wanted.items() if value != getattr(cluster, name)}

    def _family(self, wanted: dict[str, str], cluster: CacheCluster) -> str:
        suffix = ".cluster.on" if cluster.cache_parameter_group_name.endswith(".cluster.on") else ""
        return self.default_parameter_group(wanted.get("engine") or cluster.engine, wanted.get("engine_version") or cluster.engine_version) + suffix

    def delete_cache_cluster(self, cache_cluster_id: str) -> CacheCluster:
        cluster = self.cache_cluster(cache_cluster_id)
        if cluster.status not in (AVAILABLE, CREATE_FAILED):
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
