# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameter groups; a password is not among their parameters."""

from __future__ import annotations

import re
import typing as t

from moto.core.common_models import BaseModel
from moto.elasticache.exceptions import InvalidParameterValueException as InvalidParameterValue

from .exceptions import CacheParameterGroupAlreadyExists, CacheParameterGroupNotFound, InvalidCacheParameterGroupState

CLUSTER_MODE_FAMILIES = ("redis3", "redis4", "redis5", "redis6", "redis7", "valkey")
FAMILIES = ("redis2.6", "redis2.8", "redis3.2", "redis4.0", "redis5.0", "redis6.x", "redis7", "valkey7", "valkey8", "memcached1.6")
# Name: value, what it may be, type, whether it can be changed. Those of redis7 that are in common use.
PARAMETERS = {
    "acllog-max-len": ("128", "1-10000", "integer", True),
    "activedefrag": ("no", "yes,no", "string", True),
    "activerehashing": ("yes", "yes,no", "string", True),
    "appendonly": ("no", "yes,no", "string", False),
    "close-on-replica-write": ("yes", "yes,no", "string", True),
    "cluster-enabled": ("no", "yes,no", "string", False),
    "databases": ("16", "1-1200000", "integer", True),
    "lazyfree-lazy-eviction": ("no", "yes,no", "string", True),
    "maxclients": ("65000", "1-65000", "integer", False),
    "maxmemory-policy": (
        "volatile-lru", "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction", "string", True,
    ),
    "maxmemory-samples": ("3", "1-", "integer", True),
    "notify-keyspace-events": ("", "", "string", True),
    "reserved-memory-percent": ("25", "0-100", "integer", True),
    "slowlog-log-slower-than": ("10000", "-1-", "integer", True),
    "slowlog-max-len": ("128", "0-", "integer", True),
    "tcp-keepalive": ("300", "0-", "integer", True),
    "timeout": ("0", "0,20-", "integer", True),
}


class CacheParameterGroup(BaseModel):
    def __init__(self, backend: t.Any, name: str, family: str, description: str) -> None:
        self.cache_parameter_group_name = name
        self.cache_parameter_group_family = family
        self.description = description
        self.is_global = False
        self.arn = f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:parametergroup:{name}"
        self.changed: dict[str, str] = {}

    def parameters(self, source: str | None) -> list[dict[str, t.Any]]:
        return [
            {
                "ParameterName": name,
                "ParameterValue": self.changed.get(name, value),
                "Source": "user" if name in self.changed else "system",
                "DataType": kind,
                "AllowedValues": allowed,
                "IsModifiable": modifiable,
                "MinimumEngineVersion": "2.8.6",
            }
            for name, (value, allowed, kind, modifiable) in PARAMETERS.items()
            if not source or source == ("user" if name in self.changed else "system")
        ]


class ParameterGroupBackend:
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.parameter_groups = {
            f"default.{family}": CacheParameterGroup(self, f"default.{family}", family, f"Default parameter group for {family}")
            for family in FAMILIES
        } | {
            f"default.{family}.cluster.on": CacheParameterGroup(
                self, f"default.{family}.cluster.on", family, f"Customized default parameter group for {family} with cluster mode on"
            )
            for family in FAMILIES if family.startswith(CLUSTER_MODE_FAMILIES)
        }

    @staticmethod
    def default_parameter_group(engine: str, version: str) -> str:
        major, minor = version.split(".")[:2]
        if engine == "memcached":
            return "default.memcached1.6"
        if engine == "redis" and major == "6":
            return "default.redis6.x"
        return f"default.{engine}{major}" if int(major) >= 7 else f"default.{engine}{major}.{minor}"

    def create_cache_parameter_group(self, name: str, family: str, description: str, tags: list[dict[str, str]] | None) -> CacheParameterGroup:
        if not re.fullmatch(r"[a-z](?!.*--)[a-z0-9-]{0,254}(?<!-)", name.lower()):
            raise InvalidParameterValue("The parameter CacheParameterGroupName is not a valid identifier.")
        if family not in FAMILIES:
            raise InvalidParameterValue(f"CacheParameterGroupFamily {family} is not a valid parameter group family.")
        if name.lower() in self.parameter_groups:
            raise CacheParameterGroupAlreadyExists(name=name)
        self.check_tags(tags)
        group = self.parameter_groups[name.lower()] = CacheParameterGroup(self, name.lower(), family, description)
        self.tag_new(group.arn, tags)
        return group

    def parameter_group(self, name: str) -> CacheParameterGroup:
        if name.lower() not in self.parameter_groups:
            raise CacheParameterGroupNotFound(name=name)
        return self.parameter_groups[name.lower()]

    def describe_cache_parameter_groups(self, name: str | None) -> list[CacheParameterGroup]:
        return [self.parameter_group(name)] if name else list(self.parameter_groups.values())

    def modify_cache_parameter_group(self, name: str, values: list[dict[str, str]]) -> CacheParameterGroup:
        group = self.parameter_group(name)
        if name.lower().startswith("default."):
            raise InvalidCacheParameterGroupState("Cannot modify a default parameter group.")
        for value in values:
            parameter = value.get("ParameterName", "")
            if parameter not in PARAMETERS:
                raise InvalidParameterValue(f"Could not find parameter {parameter} in parameter group family {group.cache_parameter_group_family}.")
            if not PARAMETERS[parameter][3]:
                raise InvalidParameterValue(f"The parameter {parameter} cannot be modified.")
        group.changed |= {value["ParameterName"]: value.get("ParameterValue", "") for value in values}
        return group

    def delete_cache_parameter_group(self, name: str) -> None:
        group = self.parameter_group(name)
        if name.lower().startswith("default."):
            raise InvalidCacheParameterGroupState("Cannot delete a default parameter group.")
        if any(cluster.cache_parameter_group_name == group.cache_parameter_group_name for cluster in self.cache_clusters.values()):
            raise InvalidCacheParameterGroupState("One or more cache clusters are using this parameter group.")
        del self.parameter_groups[name.lower()]
