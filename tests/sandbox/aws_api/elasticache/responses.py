# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache's operations that moto lacks or answers too gently."""

from __future__ import annotations

import copy
import typing as t

from moto.core.responses import ActionResult, EmptyResult, PaginatedResult
from moto.elasticache.responses import ElastiCacheResponse as MotoElastiCacheResponse


class ElastiCacheResponse(MotoElastiCacheResponse):
    @property
    def backend(self) -> t.Any:
        return self.elasticache_backend

    def describe_cache_clusters(self) -> ActionResult:
        clusters = self.backend.describe_cache_clusters(
            self._get_param("CacheClusterId"), self._get_bool_param("ShowCacheClustersNotInReplicationGroups")
        )
        if not self._get_bool_param("ShowCacheNodeInfo"):
            clusters = [copy.copy(cluster) for cluster in clusters]
            for cluster in clusters:
                cluster.cache_nodes = None
        return PaginatedResult({"CacheClusters": clusters})

    def modify_cache_cluster(self) -> ActionResult:
        cluster = self.backend.modify_cache_cluster(
            cache_cluster_id=self._get_param("CacheClusterId"),
            apply_immediately=self._get_bool_param("ApplyImmediately"),
            auth_token=self._get_param("AuthToken"),
            auth_token_update_strategy=self._get_param("AuthTokenUpdateStrategy"),
            security_group_ids=self._get_param("SecurityGroupIds"),
            nodes=self._nodes(),
            preferred_maintenance_window=self._get_param("PreferredMaintenanceWindow"),
            snapshot_retention_limit=self._get_int_param("SnapshotRetentionLimit"),
            snapshot_window=self._get_param("SnapshotWindow"),
        )
        return ActionResult({"CacheCluster": cluster})

    def describe_replication_groups(self) -> ActionResult:
        groups = self.backend.describe_replication_groups(self._get_param("ReplicationGroupId"))
        return PaginatedResult({"ReplicationGroups": [group.shown() for group in groups]})

    def delete_replication_group(self) -> ActionResult:
        group = self.backend.delete_replication_group(self._get_param("ReplicationGroupId"), self._get_bool_param("RetainPrimaryCluster"))
        return ActionResult({"ReplicationGroup": group.shown("auth_token_enabled")})

    def modify_replication_group(self) -> ActionResult:
        group = self.backend.modify_replication_group(
            replication_group_id=self._get_param("ReplicationGroupId"),
            apply_immediately=self._get_bool_param("ApplyImmediately"),
            auth_token=self._get_param("AuthToken"),
            auth_token_update_strategy=self._get_param("AuthTokenUpdateStrategy"),
            transit_encryption_enabled=self._get_bool_param("TransitEncryptionEnabled"),
            transit_encryption_mode=self._get_param("TransitEncryptionMode"),
            user_group_ids_to_add=self._get_param("UserGroupIdsToAdd", []),
            user_group_ids_to_remove=self._get_param("UserGroupIdsToRemove", []),
            remove_user_groups=self._get_bool_param("RemoveUserGroups"),
            security_group_ids=self._get_param("SecurityGroupIds"),
            nodes=self._nodes(),
            description=self._get_param("ReplicationGroupDescription"),
            automatic_failover=self._get_bool_param("AutomaticFailoverEnabled"),
            multi_az=self._get_bool_param("MultiAZEnabled"),
            snapshot_retention_limit=self._get_int_param("SnapshotRetentionLimit"),
            snapshot_window=self._get_param("SnapshotWindow"),
        )
        return ActionResult({"ReplicationGroup": group})

    def _nodes(self) -> dict[str, str | None]:
        """What a Modify call asks of the nodes themselves."""
        return {
            "cache_node_type": self._get_param("CacheNodeType"),
            "engine": self._get_param("Engine"),
            "engine_version": self._get_param("EngineVersion"),
            "cache_parameter_group_name": self._get_param("CacheParameterGroupName"),
        }

    # Global datastores

    def create_global_replication_group(self) -> ActionResult:
        datastore = self.backend.create_global_replication_group(
            self._get_param("GlobalReplicationGroupIdSuffix"), self._get_param("GlobalReplicationGroupDescription"),
            self._get_param("PrimaryReplicationGroupId"),
        )
        return ActionResult({"GlobalReplicationGroup": datastore})

    def describe_global_replication_groups(self) -> ActionResult:
        datastores = self.backend.describe_global_replication_groups(self._get_param("GlobalReplicationGroupId"))
        if not self._get_bool_param("ShowMemberInfo"):
            datastores = [{name: value for name, value in datastore.items() if name != "Members"} for datastore in datastores]
        return PaginatedResult({"GlobalReplicationGroups": datastores})

    def delete_global_replication_group(self) -> ActionResult:
        datastore = self.backend.delete_global_replication_group(
            self._get_param("GlobalReplicationGroupId"), self._get_bool_param("RetainPrimaryReplicationGroup")
        )
        return ActionResult({"GlobalReplicationGroup": datastore})

    # Tags: all three operations answer with the tags that are left.

    def add_tags_to_resource(self) -> ActionResult:
        self.backend.add_tags_to_resource(self._get_param("ResourceName"), self._get_param("Tags", []))
        return self._tags()

    def remove_tags_from_resource(self) -> ActionResult:
        self.backend.remove_tags_from_resource(self._get_param("ResourceName"), self._get_param("TagKeys", []))
        return self._tags()

    def _tags(self) -> ActionResult:
        tags = self.backend.tagging_service.list_tags_for_resource(self._get_param("ResourceName"))
        return ActionResult({"TagList": tags["Tags"]})

    # Parameter groups

    def create_cache_parameter_group(self) -> ActionResult:
        group = self.backend.create_cache_parameter_group(
            self._get_param("CacheParameterGroupName"), self._get_param("CacheParameterGroupFamily"), self._get_param("Description"),
            self._get_param("Tags"),
        )
        return ActionResult({"CacheParameterGroup": group})

    def describe_cache_parameter_groups(self) -> ActionResult:
        groups = self.backend.describe_cache_parameter_groups(self._get_param("CacheParameterGroupName"))
        return PaginatedResult({"CacheParameterGroups": groups})

    def describe_cache_parameters(self) -> ActionResult:
        group = self.backend.parameter_group(self._get_param("CacheParameterGroupName"))
        return PaginatedResult({"Parameters": group.parameters(self._get_param("Source"))})

    def modify_cache_parameter_group(self) -> ActionResult:
        group = self.backend.modify_cache_parameter_group(self._get_param("CacheParameterGroupName"), self._get_param("ParameterNameValues", []))
        return ActionResult({"CacheParameterGroupName": group.cache_parameter_group_name})

    def delete_cache_parameter_group(self) -> ActionResult:
        self.backend.delete_cache_parameter_group(self._get_param("CacheParameterGroupName"))
        return EmptyResult()

    # Users and user groups

    def modify_user(self) -> ActionResult:
        mode = self._get_param("AuthenticationMode", {})
        user = self.backend.modify_user(
            self._get_param("UserId"),
            self._get_param("AccessString"),
            self._get_param("AppendAccessString"),
            self._get_param("Passwords") or mode.get("Passwords"),
            self._get_bool_param("NoPasswordRequired") or mode.get("Type") == "no-password-required",
        )
        return ActionResult(user)

    def create_user_group(self) -> ActionResult:
        group = self.backend.create_user_group(
            self._get_param("UserGroupId"), self._get_param("Engine", "").lower(), self._get_param("UserIds", []), self._get_param("Tags")
        )
        return ActionResult(group)

    def describe_user_groups(self) -> ActionResult:
        return PaginatedResult({"UserGroups": self.backend.describe_user_groups(self._get_param("UserGroupId"))})

    def modify_user_group(self) -> ActionResult:
        group = self.backend.modify_user_group(
            self._get_param("UserGroupId"), self._get_param("UserIdsToAdd", []), self._get_param("UserIdsToRemove", [])
        )
        return ActionResult(group)

    def delete_user_group(self) -> ActionResult:
        return ActionResult(self.backend.delete_user_group(self._get_param("UserGroupId")))

    # Serverless caches

    def create_serverless_cache(self) -> ActionResult:
        cache = self.backend.create_serverless_cache(
            serverless_cache_name=self._get_param("ServerlessCacheName"),
            engine=self._get_param("Engine"),
            major_engine_version=self._get_param("MajorEngineVersion"),
            description=self._get_param("Description"),
            security_group_ids=self._get_param("SecurityGroupIds"),
            subnet_ids=self._get_param("SubnetIds"),
            user_group_id=self._get_param("UserGroupId"),
            tags=self._get_param("Tags"),
        )
        return ActionResult({"ServerlessCache": cache})

    def describe_serverless_caches(self) -> ActionResult:
        return PaginatedResult({"ServerlessCaches": self.backend.describe_serverless_caches(self._get_param("ServerlessCacheName"))})
