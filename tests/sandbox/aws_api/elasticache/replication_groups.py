# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication groups: promotion, and TLS, tokens and user groups on live ones."""

from __future__ import annotations

import typing as t

from moto.elasticache import models as moto
from moto.elasticache.exceptions import (
    CacheClusterAlreadyExists,
    InvalidParameterCombinationException as InvalidParameterCombination,
    InvalidParameterValueException as InvalidParameterValue,
    ReplicationGroupAlreadyExists,
    ReplicationGroupNotFound,
)

from .access import NOTHING_REQUESTED, Access, AccessRequest
from .exceptions import InvalidCacheClusterState, InvalidReplicationGroupState
from .modification import Modification
from .resources import AVAILABLE, CREATE_FAILED, DELETING, MODIFYING, CacheCluster, ReplicationGroup


# What the nodes of a group have in common.
SHARED = (
    "cache_node_type", "cache_parameter_group_name", "cache_subnet_group_name", "network_type", "ip_discovery", "snapshot_name",
    "preferred_maintenance_window", "port", "notification_topic_arn", "auto_minor_version_upgrade", "snapshot_retention_limit",
    "snapshot_window", "cache_security_group_names", "security_group_ids", "snapshot_arns", "log_delivery_configurations",
)


class ReplicationGroupBackend:
    def create_replication_group(self, **options: t.Any) -> ReplicationGroup:
        options["replication_group_id"] = group_id = self.identifier("ReplicationGroupId", options["replication_group_id"], 40)
        if group_id in self.replication_groups:
            raise ReplicationGroupAlreadyExists(group_id)
        self.check_tags(options["tags"])
        if options["global_replication_group_id"]:
            self.refuse_secondary(options["global_replication_group_id"])
        promoted, fails = options["primary_cluster_id"], self.creation_fails
        members, access = self._promote(group_id, options) if promoted else self._create_members(group_id, options)
        group = ReplicationGroup(self, members, access, **options | {"auth_token": None})
        if promoted:
            members[0].enter(MODIFYING)
        self.cache_clusters.update({member.cache_cluster_id: member for member in members})
        self.replication_groups[group_id] = group
        self.tag_new(group.arn, options["tags"])

        def finish() -> None:
            group.ready = not fails
            group.enter(CREATE_FAILED if fails else AVAILABLE)
            if promoted:
                members[0].enter(AVAILABLE)

        self.later(finish)
        return group

    def _promote(self, group_id: str, options: dict[str, t.Any]) -> tuple[list[CacheCluster], Access]:
        cluster = self.cache_cluster(options["primary_cluster_id"])
        if cluster.engine == "memcached":
            raise InvalidParameterCombination("Replication groups are not supported for memcached.")
        for name in (
            "auth_token", "transit_encryption_enabled", "transit_encryption_mode", "user_group_ids",  # assumed to be refused
            "at_rest_encryption_enabled", "kms_key_id",  # exist only at the cache's creation
            "engine", "engine_version", "cache_node_type", "cache_parameter_group_name", "cache_subnet_group_name",
            "security_group_ids", "port", "snapshot_arns", "snapshot_name",  # the primary's; unverified, so refused
        ):
            if options[name]:
                raise InvalidParameterCombination(f"{name.replace('_', ' ')} cannot be specified with PrimaryClusterId.")
        if options["cluster_mode"] not in (None, "disabled") or (options["num_node_groups"] or 1) > 1 or options["replicas_per_node_group"]:
            raise InvalidParameterCombination("A replication group with PrimaryClusterId must have cluster mode disabled.")
        count = options["num_cache_clusters"] or 1
        if options["automatic_failover_enabled"]:
            self.check_failover(count)
        if cluster.group:
            raise InvalidCacheClusterState(f"Cache cluster {cluster.cache_cluster_id} is already in a replication group.")
        if cluster.status != AVAILABLE:
            raise InvalidCacheClusterState(f"Cache cluster {cluster.cache_cluster_id} is not in available state.")
        alike = {name: getattr(cluster, name) for name in (*SHARED, "engine", "engine_version")}
        replicas = [self._member(f"{group_id}-{number:03}", cluster.access, **alike) for number in range(1, count)]
        return [cluster, *replicas], cluster.access

    def _create_members(self, group_id: str, options: dict[str, t.Any]) -> tuple[list[CacheCluster], Access]:
        engine = options["engine"] or "redis"
        if engine == "memcached":
            raise InvalidParameterCombination("Replication groups are not supported for memcached.")
        if not options["cache_node_type"]:
            raise InvalidParameterValue("The parameter CacheNodeType must be provided and must not be null.")
        engine_version = self.full_version(engine, options["engine_version"])
        self.check_network(options)
        for user_group_id in options["user_group_ids"] or []:
            self.user_group(user_group_id)
        access = Access(engine_version)
        access.create(
            options["auth_token"], options["transit_encryption_enabled"], options["transit_encryption_mode"], options["user_group_ids"] or []
        )
        sharded = self._sharded(options)
        options["cluster_mode"] = "enabled" if sharded else "disabled"
        options["cache_parameter_group_name"] = (
            options["cache_parameter_group_name"] or self.default_parameter_group(engine, engine_version) + (".cluster.on" if sharded else "")
        )
        options["replicas_per_node_group"] = options["replicas_per_node_group"] or (options["num_cache_clusters"] or 1) - 1
        layout = moto.ReplicationGroup(account_id=self.account_id, region_name=self.region_name, **options).node_groups
        if options["automatic_failover_enabled"] and not sharded:
            self.check_failover(len(layout[0]["node_group_members"]))
        shared = {name: options[name] for name in SHARED} | {"engine": engine, "engine_version": engine_version}
        return [
            self._member(node["cache_cluster_id"], access, shard["node_group_id"], **shared, **{
                name: node.get(name) for name in ("preferred_availability_zone", "preferred_outpost_arn")
            })
            for shard in layout for node in shard["node_group_members"]
        ], access

    @staticmethod
    def _sharded(options: dict[str, t.Any]) -> bool:
        """Whether cluster mode is enabled: by its own name, by the parameter group, or by the number of shards."""
        by_group = (options["cache_parameter_group_name"] or "").lower().endswith(".cluster.on")
        return options["cluster_mode"] in ("enabled", "compatible") or by_group or (options["num_node_groups"] or 1) > 1

    def _member(self, cluster_id: str, access: Access, shard_id: str = "0001", **options: t.Any) -> CacheCluster:
        if cluster_id in self.cache_clusters:
            raise CacheClusterAlreadyExists(cluster_id)
        cluster = CacheCluster(self, access, cache_cluster_id=cluster_id, **options)
        cluster.shard_id = shard_id
        return cluster

    def describe_replication_groups(self, replication_group_id: str | None = None) -> list[ReplicationGroup]:
        return super().describe_replication_groups(replication_group_id and replication_group_id.lower())

    def modify_replication_group(
        self,
        replication_group_id: str,
        apply_immediately: bool | None,
        auth_token: str | None,
        auth_token_update_strategy: str | None,
        transit_encryption_enabled: bool | None,
        transit_encryption_mode: str | None,
        user_group_ids_to_add: list[str],
        user_group_ids_to_remove: list[str],
        remove_user_groups: bool | None,
        security_group_ids: list[str] | None,
        nodes: dict[str, str | None],
        **changes: t.Any,
    ) -> ReplicationGroup:
        group = self.replication_group(replication_group_id)
        access = group.access
        request = AccessRequest(
            apply_immediately=bool(apply_immediately),
            enabled=transit_encryption_enabled,
            mode=transit_encryption_mode,
            token=auth_token,
            given_strategy=auth_token_update_strategy,
            add=user_group_ids_to_add,
            remove=user_group_ids_to_remove,
            remove_all=bool(remove_user_groups),
        )
        changes = {name: value for name, value in changes.items() if value is not None}
        nodes = {name: value for name, value in nodes.items() if value}
        if not (request.tls or request.token_given or request.user_groups_given or security_group_ids or changes or nodes):
            raise InvalidParameterCombination(NOTHING_REQUESTED)
        if group.status != AVAILABLE:
            raise InvalidReplicationGroupState("Replication group must be in available state to modify.")
        self.check_global_datastore(group, request, nodes, changes)
        access.check(request)
        for user_group_id in user_group_ids_to_add:
            self.user_group(user_group_id)
        if changes.get("automatic_failover"):
            self.check_failover(len(group.members))
        self.check_security_groups(security_group_ids)
        modification = Modification(
            mode=request.wanted_mode(access.mode) if request.tls else None,
            token=auth_token,
            strategy=request.strategy,
            add=user_group_ids_to_add,
            remove=access.user_group_ids if remove_user_groups else user_group_ids_to_remove,
            **self.checked_nodes(group.members[0], nodes),
        )
        self._modify_plainly(group, security_group_ids, changes)
        self.change(group, modification, apply_immediately)
        return group

    @staticmethod
    def check_failover(nodes: int) -> None:
        if nodes < 2:
            raise InvalidParameterCombination("When using automatic failover, there must be at least 2 cache clusters in the replication group.")

    def _modify_plainly(self, group: ReplicationGroup, security_group_ids: list[str] | None, changes: dict[str, t.Any]) -> None:
        """Set what is a record only."""
        for name, value in changes.items():
            if isinstance(value, bool) and name in ("automatic_failover", "multi_az"):
                value = "enabled" if value else "disabled"
            setattr(group, name, value)
        for member in group.members:
            if security_group_ids:
                member.security_group_ids = security_group_ids

    def delete_replication_group(
        self, replication_group_id: str, retain_primary_cluster: bool | None
    ) -> ReplicationGroup:
        group = self.replication_group(replication_group_id)
        if group.status not in (AVAILABLE, CREATE_FAILED):
            raise InvalidReplicationGroupState("Replication group must be in available state to delete.")
        self.refuse_global_member(group)
        group.enter(DELETING)

        def finish() -> None:
            for member in group.members:
                if retain_primary_cluster and member is group.members[0]:
                    member.group = None
                    member.enter(AVAILABLE)
                else:
                    del self.cache_clusters[member.cache_cluster_id]
            del self.replication_groups[group.replication_group_id]

        self.later(finish)
        return group

    def replication_group(self, group_id: str) -> ReplicationGroup:
        group = self.replication_groups.get(group_id.lower())
        if group is None:
            raise ReplicationGroupNotFound(group_id)
        return group
