# SPDX-License-Identifier: GPL-3.0-or-later
"""Cache clusters and replication groups as Describe shows them; `show` draws moto's attributes from the true state."""

from __future__ import annotations

import inspect
import typing as t
from dataclasses import dataclass
from types import SimpleNamespace

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


SHOWN_WHILE_DELETING = (
    "replication_group_id", "description", "global_replication_group_info", "status", "pending_modified_values", "automatic_failover", "multi_az",
    "snapshot_retention_limit", "snapshot_window", "auth_token_enabled", "transit_encryption_enabled", "at_rest_encryption_enabled", "arn",
    "log_delivery_configurations",
)
SLOTS = 16384
MAINTENANCE_WINDOW, SNAPSHOT_WINDOW = "sun:23:00-mon:01:30", "05:00-06:00"


class CacheCluster(moto.CacheCluster):
    def __init__(self, backend: t.Any, access: Access, **options: t.Any) -> None:
        options |= {"account_id": backend.account_id, "region_name": backend.region_name}
        super().__init__(**{name: options.get(name) for name in inspect.signature(moto.CacheCluster).parameters})
        self.backend = backend
        self.access = access
        self.group: ReplicationGroup | None = None
        self.shard_id = "0001"
        self.pending = Pending()
        self.num_cache_nodes = options.get("num_cache_nodes") or 1  # moto knows none of a Valkey node
        self.port = int(options.get("port") or (11211 if self.engine == "memcached" else 6379))
        self.preferred_availability_zone = self.preferred_availability_zone or f"{backend.region_name}a"
        self.cache_parameter_group_name = self.cache_parameter_group_name or backend.default_parameter_group(self.engine, self.engine_version)
        self.at_rest_encryption_enabled = False
        self.client_download_landing_page = "https://console.aws.amazon.com/elasticache/home#client-download:"
        self.preferred_maintenance_window = self.preferred_maintenance_window or MAINTENANCE_WINDOW
        self.auto_minor_version_upgrade = self.auto_minor_version_upgrade is not False
        self.network_type, self.ip_discovery = self.network_type or "ipv4", self.ip_discovery or "ipv4"
        self.cache_security_groups: list[t.Any] = []
        self.replication_group_log_delivery_enabled = False
        # Memcached has no snapshots.
        memcached = self.engine == "memcached"
        self.snapshot_window = None if memcached else options.get("snapshot_window") or SNAPSHOT_WINDOW
        self.snapshot_retention_limit = None if memcached else self.snapshot_retention_limit
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

    def node_endpoint(self, number: int) -> Endpoint:
        """Of one of its nodes: Memcached may have several."""
        if number == 1:
            return self.own_endpoint
        return Endpoint(f"{self.cache_cluster_id}.{self.backend.domain(f'{number:04}')}", self.port, self)

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

    def shown_in_group(self) -> dict[str, t.Any]:
        """Its entry in a shard; with cluster mode disabled it has a role and an endpoint there."""
        entry = {
            "CacheClusterId": self.cache_cluster_id, "CacheNodeId": "0001", "PreferredAvailabilityZone": self.preferred_availability_zone,
            "PreferredOutpostArn": self.preferred_outpost_arn,
        }
        if self.group.cluster_enabled:
            return entry
        return entry | {
            "ReadEndpoint": self.own_endpoint.shown(self.backend.resolve),
            "CurrentRole": "primary" if self is self.group.members[0] else "replica",
        }

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
        # Fields that would be empty are left out, but for those that AWS was seen to show empty.
        self.security_groups = [{"SecurityGroupId": group_id, "Status": "active"} for group_id in self.security_group_ids] or None
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
                "Endpoint": self.node_endpoint(number).shown(resolve),
                "ParameterGroupStatus": "in-sync",
                "CustomerAvailabilityZone": self.preferred_availability_zone,
            }
            for number in range(1, (self.num_cache_nodes or 1) + 1)
            if up
        ] or None


class ReplicationGroup(moto.ReplicationGroup):
    """A group with cluster mode disabled, or enabled with a shard or more: all its nodes are the same server."""

    def __init__(self, backend: t.Any, members: list[CacheCluster], access: Access, **options: t.Any) -> None:
        super().__init__(account_id=backend.account_id, region_name=backend.region_name, **options)
        # Slots as they were asked for, else the same number for each shard.
        given = {shard.get("NodeGroupId"): shard.get("Slots") for shard in options["node_group_configuration"] or []}
        ids = list(dict.fromkeys(member.shard_id for member in members))
        starts = [SLOTS * number // len(ids) + bool(SLOTS * number % len(ids)) for number in range(len(ids) + 1)]
        self.slots = {
            shard_id: given.get(shard_id) or f"{start}-{end - 1}" for shard_id, start, end in zip(ids, starts, starts[1:])
        }
        self.snapshot_window = options["snapshot_window"] or SNAPSHOT_WINDOW  # moto's has an hour of one digit
        self.auto_minor_version_upgrade = options["auto_minor_version_upgrade"] not in (False, "false")
        self.member_clusters_outpost_arns = [member.preferred_outpost_arn for member in members if member.preferred_outpost_arn] or None
        self.backend = backend
        self.members = members
        self.access = access
        self.ready = False
        self.pending = Pending()
        self.former: list[Endpoint] = []  # names that AWS has deleted and that clients still know
        self.global_datastore = ""  # of which it is the primary
        first = members[0]
        self.port, self.engine, self.cache_node_type = first.port, first.engine, first.cache_node_type
        self.replication_group_create_time = utcnow()
        for member in members:
            member.group, member.access = self, access
            member.at_rest_encryption_enabled = self.at_rest_encryption_enabled
        self.enter(CREATING)

    def enter(self, status: str) -> None:
        """Be in `status`, with all members in the same one."""
        self.status = status
        for member in self.members:
            member.status = status
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
        return {"GlobalReplicationGroupId": self.global_datastore, "GlobalReplicationGroupMemberRole": "PRIMARY"}

    @property
    def domain(self) -> str:
        return f"{self.replication_group_id}.{self.backend.domain()}"

    def _entrances(self) -> list[list[Endpoint]]:
        """The names of the group as a whole in each shape that serves, the one that Describe shows last: primary and reader, or all shards."""
        name, mode, backend = self.replication_group_id, self.access.mode, self.backend
        if self.cluster_enabled:
            plain, secure = [f"{name}.{backend.domain('clustercfg')}"], [f"clustercfg.{self.domain}"]
        else:
            shard = backend.domain("ng.0001")
            plain, secure = [f"{name}.{shard}", f"{name}-ro.{shard}"], [f"master.{self.domain}", f"replica.{self.domain}"]
        shapes = [plain] * (mode != REQUIRED) + [secure] * (mode != OFF)
        return [[Endpoint(each, self.port, self.members[0]) for each in shape] for shape in shapes]

    def endpoints(self) -> list[Endpoint]:
        """All names that lead to the group's nodes."""
        if self.status == DELETING:
            return []
        if not self.ready:  # a cluster being promoted goes on serving
            return [member.plain_endpoint for member in self.members if member.status not in (CREATING, CREATE_FAILED)]
        names = [endpoint for shape in self._entrances() for endpoint in shape]
        for member in self.members:
            names.append(member.own_endpoint)
            if self.access.mode not in (OFF, REQUIRED):
                names.append(member.plain_endpoint)
        return names + self.former

    def show(self) -> None:
        access, resolve = self.access, self.backend.resolve
        # A promoted cluster stands last, as in the guide's example; else the primary is the first.
        self.member_clusters = [member.cache_cluster_id for member in self.members]
        if self.primary_cluster_id:
            self.snapshotting_cluster_id = self.primary_cluster_id if self.snapshot_retention_limit else None
            self.member_clusters = self.member_clusters[1:] + self.member_clusters[:1]
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
        entrances = [endpoint.shown(resolve) for endpoint in self._entrances()[-1]]
        if self.cluster_enabled:
            self.configuration_endpoint = entrances[0]
        self.node_groups = [self._shown_shard(shard_id, entrances) for shard_id in self.slots]

    def _shown_shard(self, shard_id: str, entrances: list[dict[str, t.Any]]) -> dict[str, t.Any]:
        members = [member for member in self.members if member.shard_id == shard_id]
        shard: dict[str, t.Any] = {"NodeGroupId": shard_id, "Status": AVAILABLE}  # also while the group is modifying
        if self.cluster_enabled:
            shard["Slots"] = self.slots[shard_id]
        else:
            shard |= {"PrimaryEndpoint": entrances[0], "ReaderEndpoint": entrances[1]}
        return shard | {"NodeGroupMembers": [member.shown_in_group() for member in members]}

    def shown(self, *left_out: str) -> t.Any:
        """What answers hold of it: of a group that is being deleted AWS tells little."""
        if self.status != DELETING:
            return self
        return SimpleNamespace(**{name: getattr(self, name) for name in SHOWN_WHILE_DELETING if name not in left_out})
