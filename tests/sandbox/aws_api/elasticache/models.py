# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache's backend: what its parts share."""

from __future__ import annotations

import re
import typing as t

from moto.ec2.models import ec2_backends
from moto.elasticache import models as moto
from moto.elasticache.exceptions import InvalidParameterValueException as InvalidParameterValue

from .cache_clusters import CacheClusterBackend
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
IDENTIFIER = re.compile(r"[a-z](?!.*--)[a-z0-9-]*(?<!-)")


class ElastiCacheBackend(
    CacheClusterBackend,
    ReplicationGroupBackend,
    ParameterGroupBackend,
    UserBackend,
    SnapshotBackend,
    ServerlessCacheBackend,
    TagBackend,
    moto.ElastiCacheBackend,
):
    # How long a cache stays creating, modifying, snapshotting, deleting.
    transition_seconds = 1.0

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

    def create_cache_subnet_group(self, *given: t.Any, **options: t.Any) -> moto.CacheSubnetGroup:
        group = super().create_cache_subnet_group(*given, **options)
        for subnet in group.subnets:  # moto gives the zone's name where its structure belongs
            subnet["subnet_availability_zone"] = {"Name": subnet["subnet_availability_zone"]}
        return group

    def later(self, finish: t.Callable[[], None]) -> None:
        self.lifecycle.later(self.transition_seconds, finish)

    def change_access(self, cache: CacheCluster | ReplicationGroup, modification: Modification, apply_immediately: bool | None) -> None:
        """Begin a modification, and what was waiting, or let it wait."""
        modification = modification.after(cache.deferred)
        cache.access.pending = modification.shown()
        if modification and not apply_immediately:
            cache.deferred = modification
            cache.show()
            return

        def finish() -> None:
            modification.apply(cache.access)
            cache.enter(AVAILABLE)

        cache.deferred = None
        cache.enter(MODIFYING)
        self.later(finish)

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
        number = given or DEFAULT_VERSIONS[engine]
        if not re.fullmatch(r"\d+(\.\d+){0,2}", number):
            raise InvalidParameterValue(f"Invalid engine version: {number}.")
        return number + ".0" * (2 - number.count("."))

    def check_network(self, options: dict[str, t.Any]) -> None:
        """Refuse security groups and subnet groups that are not there."""
        if options.get("cache_subnet_group_name"):
            self.describe_cache_subnet_groups(options["cache_subnet_group_name"])
        self.check_security_groups(options.get("security_group_ids"))

    def check_security_groups(self, group_ids: list[str] | None) -> None:
        ec2 = ec2_backends[self.account_id][self.region_name]
        for group_id in group_ids or []:
            if not ec2.get_security_group_from_id(group_id):
                raise InvalidParameterValue(f"Invalid security group: {group_id}.")
