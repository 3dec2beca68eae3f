# SPDX-License-Identifier: GPL-3.0-or-later
"""Cache clusters and replication groups as Describe shows them; `show` draws moto's attributes from the true state."""

from __future__ import annotations

import inspect
import typing as t
from dataclasses import dataclass

from moto.core.utils import utcnow
from moto.elasticache import models as moto

from .access import OFF, REQUIRED, Access
from .modification import Pending

AVAILABLE, CREATING, MODIFYING, SNAPSHOTTING, DELETING = "available", "creating", "modifying", "snapshotting", "deleting"
CREATE_FAILED = "create-failed"


@dataclass(frozen=True)
class Endpoint:
    """A name that clients connect to, before anybody has resolved it."""

    name: str
    port: int
    cluster: CacheCluster

    def shown(self, resolve: t.Callable[[str], str]) -> dict[str, t.Any]:
        return {"Address": resolve(self.name), "Port": self.port}


class CacheCluster(moto.CacheCluster):
    def __init__(self, backend: t.Any, access: Access, **options: t.Any) -> None:
        options |= {"account_id": backend.account_id, "region_name": backend.region_name}
        super().__init__(**{name: options.get(name) for name in inspect.signature(moto.CacheCluster).parameters})
        self.backend = backend
        self.access = access
        self.group: ReplicationGroup | None = None
        self.pending = Pending()
        self.num_cache_nodes = options.get("num_cache_nodes") or 1  # moto knows none of a Valkey node
        self.port = int(options.get("port") or (11211 if self.engine == "memcached" else 6379))
        self.preferred_availability_zone = self.preferred_availability_zone or f"{backend.region_name}a"
        self.cache_parameter_group_name = self.cache_parameter_group_name or backend.default_parameter_group(self.engine, self.engine_version)
        self.at_rest_encryption_enabled = False
        self.enter(CREATING)

    @property
    def node(self) -> str:
        """The server behind it; a group's replicas and its primary have the same."""
        return self.group.members[0].cache_cluster_id if self.group else self.cache_cluster_id

    @property
    def own_endpoint(self) -> Endpoint:
        group = self.group
        if group and group.ready and self.access.tls:
            return Endpoint(f"{self.cache_cluster_id}.{group.domain}", self.port, self)
        return self.plain_endpoint

    @property
    def plain_endpoint(self) -> Endpoint:
        return Endpoint(f"{self.cache_cluster_id}.{self.backend.domain('0001')}", self.port, self)

    def endpoints(self) -> list[Endpoint]:
        """All names that lead to a cluster of its own."""
        return [] if self.engine == "memcached" or self.status in (CREATING, CREATE_FAILED, DELETING) else [self.plain_endpoint]

    def enter(self, status: str) -> None:
        self.status = status
        self.show()

    def become(self, attributes: dict[str, str]) -> None:
        """Take a new node type, engine or parameter group."""
        for name, value in attributes.items():
            setattr(self, name, value)

    def show(self) -> None:
        access, resolve = self.access, self.backend.resolve
        memcached = self.engine == "memcached"
        self.cache_cluster_status = self.status
        self.replication_group_id = self.group.replication_group_id if self.group else None
        self.transit_encryption_enabled = access.tls
        self.transit_encryption_mode = None if access.mode == OFF else access.mode
        self.auth_token_enabled = access.token_enabled
        self.auth_token_last_modified_date = access.last_modified if access.token_enabled else None
        pending = self.group.pending if self.group else self.pending
        token_status = self.pending.access_values.get("AuthTokenStatus")
        self.pending_modified_values = pending.node_values | ({"AuthTokenStatus": token_status} if token_status else {})
        self.security_groups = [{"SecurityGroupId": group_id, "Status": "active"} for group_id in self.security_group_ids]
        self.cache_parameter_group = {
            # Where a new group shows while it waits, nobody wrote down.
            "CacheParameterGroupName": pending.parameter_group or self.cache_parameter_group_name,
            "ParameterApplyStatus": "pending-reboot" if pending.parameter_group else "in-sync",
            "CacheNodeIdsToReboot": ["0001"] if pending.parameter_group else [],
        }
        up = self.status not in (CREATING, CREATE_FAILED)
        self.configuration_endpoint = (
            {"Address": resolve(f"{self.cache_cluster_id}.{self.backend.domain('cfg')}"), "Port": self.port} if memcached and up else None
        )
        self.cache_nodes = [
            {
                "CacheNodeId": f"{number:04}",
                "CacheNodeStatus": self.status,
                "CacheNodeCreateTime": self.cache_cluster_create_time,
                "Endpoint": self.own_endpoint.shown(resolve),
                "ParameterGroupStatus": "in-sync",
                "CustomerAvailabilityZone": self.preferred_availability_zone,
            }
            for number in range(1, (self.num_cache_nodes or 1) + 1)
            if up
        ]


class ReplicationGroup(moto.ReplicationGroup):
    """A group with one shard; cluster mode enabled exists as a record only."""

    def __init__(self, backend: t.Any, members: list[CacheCluster], access: Access, **options: t.Any) -> None:
        super().__init__(account_id=backend.account_id, region_name=backend.region_name, **options)
        self.backend = backend
        self.members = members
        self.access = access
        self.ready = False
        self.pending = Pending()
        self.former: list[Endpoint] = []  # names that AWS has deleted and that clients still know
        self.global_datastore: tuple[str, str] | None = None
        first = members[0]
        self.port, self.engine, self.cache_node_type = first.port, first.engine, first.cache_node_type
        self.replication_group_create_time = utcnow()
        for member in members:
            member.group, member.access = self, access
            member.at_rest_encryption_enabled = self.at_rest_encryption_enabled
        self.enter(CREATING)

    def enter(self, status: str, members: str | None = None) -> None:
        """Be in `status`, with all members in the same one unless told otherwise."""
        self.status = status
        for member in self.members:
            member.status = members or status
        self.show()

    def become(self, attributes: dict[str, str]) -> None:
        """Let all nodes take a new node type, engine or parameter group."""
        for member in self.members:
            member.become(attributes)
        first = self.members[0]
        self.engine, self.cache_node_type = first.engine, first.cache_node_type

    @property
    def global_replication_group_info(self) -> dict[str, str]:
        if not self.global_datastore:
            return {}
        datastore, role = self.global_datastore
        return {"GlobalReplicationGroupId": datastore, "GlobalReplicationGroupMemberRole": role}

    @property
    def domain(self) -> str:
        return f"{self.replication_group_id}.{self.backend.domain()}"

    def _shapes(self) -> list[tuple[Endpoint, Endpoint]]:
        """Primary and reader endpoint in each shape that serves, the one that Describe shows last."""
        name, first, mode = self.replication_group_id, self.members[0], self.access.mode
        shapes = []
        if mode != REQUIRED:
            shard = self.backend.domain("ng.0001")
            shapes.append((Endpoint(f"{name}.{shard}", self.port, first), Endpoint(f"{name}-ro.{shard}", self.port, first)))
        if mode != OFF:
            shapes.append((Endpoint(f"master.{self.domain}", self.port, first), Endpoint(f"replica.{self.domain}", self.port, first)))
        return shapes

    def endpoints(self) -> list[Endpoint]:
        """All names that lead to the group's nodes."""
        if self.cluster_enabled or self.status == DELETING:
            return []
        if not self.ready:  # a cluster being promoted goes on serving
            return [member.plain_endpoint for member in self.members if member.status not in (CREATING, CREATE_FAILED)]
        names = [endpoint for shape in self._shapes() for endpoint in shape]
        for member in self.members:
            names.append(member.own_endpoint)
            if self.access.mode not in (OFF, REQUIRED):
                names.append(member.plain_endpoint)
        return names + self.former

    def show(self) -> None:
        access, resolve = self.access, self.backend.resolve
        self.member_clusters = [member.cache_cluster_id for member in self.members]
        self.transit_encryption_enabled = access.tls
        self.transit_encryption_mode = None if access.mode == OFF else access.mode
        self.auth_token_enabled = access.token_enabled
        self.auth_token_last_modified_date = access.last_modified if access.token_enabled else None
        self.user_group_ids = list(access.user_group_ids) or None
        self.pending_modified_values = self.pending.access_values
        for member in self.members:
            member.show()
        if not self.ready:
            self.node_groups = None
            return
        if self.cluster_enabled:
            self.configuration_endpoint = {"Address": resolve(f"clustercfg.{self.domain}"), "Port": self.port}
            self.node_groups = [{"NodeGroupId": "0001", "Status": self.status, "Slots": "0-16383", "NodeGroupMembers": [
                {"CacheClusterId": member.cache_cluster_id, "CacheNodeId": "0001"} for member in self.members
            ]}]
            return
        primary, reader = self._shapes()[-1]
        self.node_groups = [{
            "NodeGroupId": "0001",
            "Status": self.status,
            "PrimaryEndpoint": primary.shown(resolve),
            "ReaderEndpoint": reader.shown(resolve),
            "NodeGroupMembers": [
                {
                    "CacheClusterId": member.cache_cluster_id,
                    "CacheNodeId": "0001",
                    "ReadEndpoint": member.own_endpoint.shown(resolve),
                    "PreferredAvailabilityZone": member.preferred_availability_zone,
                    "CurrentRole": "primary" if member is self.members[0] else "replica",
                }
                for member in self.members
            ],
        }]
