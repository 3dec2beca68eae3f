# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache's backend: what its parts share."""

from __future__ import annotations

import re
import typing as t

from moto.ec2.models import ec2_backends
from moto.elasticache import models as moto
from moto.elasticache.exceptions import InvalidParameterValueException as InvalidParameterValue, InvalidSubnet

from .access import PREFERRED, REQUIRED
from .cache_clusters import CacheClusterBackend
from .global_datastores import GlobalDatastoreBackend
from .lifecycle import Lifecycle
from .modification import Modification
from .parameter_groups import ParameterGroupBackend
from .replication_groups import ReplicationGroupBackend
from .resources import AVAILABLE, MODIFYING, CacheCluster, Endpoint, ReplicationGroup
from .serverless import ServerlessCacheBackend
from .snapshots import SnapshotBackend
from .tags import TagBackend
from .users import UserBackend

DEFAULT_VERSIONS = {"redis": "7.1.0", "valkey": "8.0.1", "memcached": "1.6.22"}
# What Describe shows of a version that is given without its patch level.
PATCH_LEVELS = {("redis", "6.2"): "6.2.6", ("redis", "7.0"): "7.0.7", ("valkey", "7.2"): "7.2.6", ("valkey", "8.0"): "8.0.1"}
IDENTIFIER = re.compile(r"[a-z](?!.*--)[a-z0-9-]*(?<!-)")


class ElastiCacheBackend(
    CacheClusterBackend,
    ReplicationGroupBackend,
    GlobalDatastoreBackend,
    ParameterGroupBackend,
    UserBackend,
    SnapshotBackend,
    ServerlessCacheBackend,
    TagBackend,
    moto.ElastiCacheBackend,
):
    # How long a cache stays creating, modifying, snapshotting, deleting.
    transition_seconds = 1.0
    # How long a replication group is modifying after its tags have changed.
    tagging_seconds = 0.2
    # How long the names that went with plain text still lead to the cache: name servers and resolvers remember.
    former_endpoint_seconds = 0.0
    # What is created ends as create-failed.
    creation_fails = False

    @staticmethod
    def resolve(name: str) -> str:
        """Where an endpoint's name leads; a place without AWS's name servers overrides it to show addresses."""
        return name

    def __init__(self, region_name: str, account_id: str) -> None:
        self.lifecycle = Lifecycle()
        super().__init__(region_name, account_id)
        self.cache_clusters: dict[str, CacheCluster] = {}
        self.replication_groups: dict[str, ReplicationGroup] = {}

    def domain(self, *labels: str) -> str:
        """The end of every endpoint's name in this account and region: us-east-1 is use1 there."""
        area, direction, number = self.region_name.rsplit("-", 2)
        return ".".join(["asmyhp", *labels, f"{area.replace('-', '')}{direction[0]}{number}", "cache.amazonaws.com"])

    def endpoints(self) -> list[Endpoint]:
        """Every name that leads to a live cache."""
        owners = [*self.replication_groups.values(), *(cluster for cluster in self.cache_clusters.values() if not cluster.group)]
        return [endpoint for owner in owners for endpoint in owner.endpoints()]

    def create_cache_subnet_group(
        self, cache_subnet_group_name: str, cache_subnet_group_description: str, subnet_ids: list[str], tags: list[dict[str, str]] | None
    ) -> moto.CacheSubnetGroup:
        known = {subnet.id for subnet in ec2_backends[self.account_id][self.region_name].describe_subnets()}
        for subnet_id in subnet_ids:
            if subnet_id not in known:
                raise InvalidSubnet(subnet_id)
        group = super().create_cache_subnet_group(cache_subnet_group_name, cache_subnet_group_description, subnet_ids, tags)
        for subnet in group.subnets:  # moto gives the zone's name where its structure belongs
            subnet["subnet_availability_zone"] = {"Name": subnet["subnet_availability_zone"]}
        return group

    def later(self, finish: t.Callable[[], None]) -> None:
        self.lifecycle.later(self.transition_seconds, finish)

    def change(self, cache: CacheCluster | ReplicationGroup, modification: Modification, apply_immediately: bool | None) -> None:
        """Begin a modification and whatever waits beside it, or let it wait for the maintenance window."""
        if modification:
            cache.pending.append(modification)
        if apply_immediately:
            self._begin(cache)
        elif modification:
            cache.show()
        else:  # what no window is needed for
            cache.enter(MODIFYING)
            self.later(lambda: cache.enter(AVAILABLE))

    def open_window(self) -> None:
        """The maintenance window of every cache: what was put off to it begins."""
        for cache in (*self.replication_groups.values(), *self.cache_clusters.values()):
            if cache.pending and cache.status == AVAILABLE:
                self._begin(cache)

    def _begin(self, cache: CacheCluster | ReplicationGroup) -> None:
        def finish() -> None:
            before, former = cache.access.mode, cache.endpoints()
            for modification in cache.pending:
                modification.apply(cache.access)
                cache.become(modification.node_attributes)
            cache.pending.clear()
            cache.enter(AVAILABLE)
            if (before, cache.access.mode) == (PREFERRED, REQUIRED):
                self._remember(cache, former)

        cache.enter(MODIFYING)
        self.later(finish)

    def _remember(self, cache: ReplicationGroup, former: list[Endpoint]) -> None:
        """Let names that AWS has deleted lead to the cache for a while."""
        if self.former_endpoint_seconds:
            cache.former = [endpoint for endpoint in former if endpoint not in cache.endpoints()]
            self.lifecycle.later(self.former_endpoint_seconds, cache.former.clear)

    @staticmethod
    def identifier(parameter: str, value: str, limit: int) -> str:
        """The identifier in lower case, as AWS stores it."""
        value = (value or "").lower()
        if len(value) > limit or not IDENTIFIER.fullmatch(value):
            raise InvalidParameterValue(
                f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, "
                f"digits, and hyphens; must have at most {limit} characters; and must not end with a hyphen or contain two consecutive hyphens."
            )
        return value

    @staticmethod
    def full_version(engine: str, given: str | None) -> str:
        """Redis 7.1 is 7.1.0."""
        if engine not in DEFAULT_VERSIONS:
            raise InvalidParameterValue(f"Invalid engine: {engine}.")
        number = PATCH_LEVELS.get((engine, given), given) or DEFAULT_VERSIONS[engine]
        if not re.fullmatch(r"\d+(\.\d+){0,2}", number):
            raise InvalidParameterValue(f"Invalid engine version: {number}.")
        return number + ".0" * (2 - number.count("."))

    def check_network(self, options: dict[str, t.Any]) -> None:
        """Refuse security groups, subnet groups and parameter groups that are not there."""
        if options.get("cache_subnet_group_name"):
            self.describe_cache_subnet_groups(options["cache_subnet_group_name"])
        self.check_security_groups(options.get("security_group_ids"))
        if options.get("cache_parameter_group_name"):
            self.parameter_group(options["cache_parameter_group_name"])

    def check_security_groups(self, group_ids: list[str] | None) -> None:
        ec2 = ec2_backends[self.account_id][self.region_name]
        for group_id in group_ids or []:
            if not ec2.get_security_group_from_id(group_id):
                raise InvalidParameterValue(f"Invalid security group: {group_id}.")
