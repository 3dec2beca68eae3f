# SPDX-License-Identifier: GPL-3.0-or-later
"""Global datastores: a replication group here as the primary of one. Their secondaries are in other regions, which are not here."""

from __future__ import annotations

import typing as t

from moto.elasticache.exceptions import InvalidParameterValueException as InvalidParameterValue

from .access import AccessRequest
from .exceptions import GlobalReplicationGroupAlreadyExists, GlobalReplicationGroupNotFound, InvalidReplicationGroupState
from .resources import AVAILABLE, MODIFYING, ReplicationGroup

PREFIX = "ldgnf-"  # of us-east-1


class GlobalDatastoreBackend:
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.global_datastores: dict[str, dict[str, t.Any]] = {}

    def create_global_replication_group(self, suffix: str, description: str | None, primary_id: str) -> dict[str, t.Any]:
        name, group = f"{PREFIX}{suffix}", self.replication_group(primary_id)
        if name in self.global_datastores:
            raise GlobalReplicationGroupAlreadyExists(name=name)
        if group.status != AVAILABLE:
            raise InvalidReplicationGroupState("Replication group must be in available state to modify.")
        self.refuse_global_member(group)
        first = group.members[0]
        datastore = self.global_datastores[name] = {
            "GlobalReplicationGroupId": name,
            "GlobalReplicationGroupDescription": description or " ",
            "Status": "creating",
            "CacheNodeType": first.cache_node_type,
            "Engine": first.engine,
            "EngineVersion": first.engine_version,
            "Members": [{
                "ReplicationGroupId": group.replication_group_id,
                "ReplicationGroupRegion": self.region_name,
                "Role": "PRIMARY",
                "AutomaticFailover": group.automatic_failover,
                "Status": "associated",
            }],
            "ClusterEnabled": group.cluster_enabled,
            "AuthTokenEnabled": group.auth_token_enabled,
            "TransitEncryptionEnabled": group.transit_encryption_enabled,
            "AtRestEncryptionEnabled": group.at_rest_encryption_enabled,
            "ARN": f"arn:aws:elasticache::{self.account_id}:globalreplicationgroup:{name}",
        }

        def finish() -> None:
            datastore["Status"], group.global_datastore = "primary-only", name
            group.enter(AVAILABLE)

        group.enter(MODIFYING)
        self.later(finish)
        return datastore

    def describe_global_replication_groups(self, name: str | None) -> list[dict[str, t.Any]]:
        if name and name not in self.global_datastores:
            raise GlobalReplicationGroupNotFound(name=name)
        return [self.global_datastores[name]] if name else list(self.global_datastores.values())

    def delete_global_replication_group(self, name: str, retain_primary: bool | None) -> dict[str, t.Any]:
        datastore = self.describe_global_replication_groups(name)[0]
        group = self.replication_group(datastore["Members"][0]["ReplicationGroupId"])
        datastore["Status"] = "deleting"

        def finish() -> None:
            del self.global_datastores[name]
            group.global_datastore = ""
            if not retain_primary:
                self.delete_replication_group(group.replication_group_id, False)

        self.later(finish)
        return datastore

    def check_global_datastore(self, group: ReplicationGroup, request: AccessRequest, nodes: dict[str, str], changes: dict[str, t.Any]) -> None:
        """Refuse for one member what the members of a global datastore have in common."""
        if request.tls or request.token_given or request.user_groups_given or nodes or "automatic_failover" in changes:
            self.refuse_global_member(group)

    def refuse_secondary(self, name: str) -> None:
        self.describe_global_replication_groups(name)
        raise InvalidParameterValue(f"The global replication group {name} has its primary in {self.region_name} already.")

    @staticmethod
    def refuse_global_member(group: ReplicationGroup) -> None:
        if group.global_datastore:
            raise InvalidParameterValue(
                f"Cluster [{group.replication_group_id}] is part of a global cluster [{group.global_datastore}]. Request rejected."
            )
