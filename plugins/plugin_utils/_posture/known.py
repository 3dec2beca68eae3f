# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of an estate, as the rules ask for it. Pure."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import Rule as Ingress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import filled

Item = t.Mapping[str, t.Any]


class Known:
    """What is known of the estate."""

    def __init__(self, estate: t.Optional[Item], cache: t.Optional[Item], declared: Item, agents: int, today: datetime.date) -> None:
        self.estate, self.cache, self.today, self.agents = estate or {}, cache or {}, today, agents
        self.given, self.declared = declared, filled(declared)

    def member(self, path: str) -> t.Any:
        """A member of the estate; None where nobody could look, or was to look."""
        place: t.Any = self.estate
        for part in path.split("."):
            place = place.get(part) if isinstance(place, dict) else None
        return place

    def items(self, path: str) -> list[Item]:
        return self.member(path) or []

    @property
    def has_cache(self) -> bool:
        return bool(self.cache.get("exists"))

    @property
    def cache_object(self) -> str:
        return f"{str(self.cache.get('kind') or 'cache').replace('_', ' ')} {self.cache.get('id')}"

    def groups_of(self, what: str) -> list[str]:
        """The security groups of the cache, the database or the agents."""
        if what == "cache":
            return list(self.cache.get("security_group_ids") or [])
        if what == "agents":
            return [group for group in [self.declared["huntaze_limiter"]["security_group_id"]] if group]
        return list(dict.fromkeys(
            group["vpc_security_group_id"] for one in self.items("database.instances") for group in one.get("vpc_security_groups") or []))

    def port_of(self, what: str) -> t.Optional[int]:
        if what == "cache":
            return self.cache.get("port")
        if what == "agents":
            return int(self.declared["huntaze_limiter"]["port"])
        return next((one["endpoint"]["port"] for one in self.items("database.instances") if (one.get("endpoint") or {}).get("port")), None)

    def declared_sources(self, what: str) -> list[str]:
        limiter = self.declared["huntaze_limiter"]
        if what == "agents":
            return [str(source) for source in limiter["listen_from"]]
        lets_in = what == "cache" or self.declared["huntaze_database"]["allow_limiter"]
        return [limiter["security_group_id"]] if lets_in and limiter["security_group_id"] else []

    def group_name(self, group_id: str) -> str:
        return next((one.get("group_name") or group_id for one in self.items("network.security_groups") if one.get("group_id") == group_id), group_id)

    def ingress(self, group_id: str) -> list[Ingress]:
        found = []
        for one in self.items("network.security_group_rules"):
            if one.get("group_id") != group_id or one.get("is_egress"):
                continue
            kind = next((kind for kind in ("cidr_ipv4", "cidr_ipv6", "prefix_list_id") if one.get(kind)), "referenced_group_id")
            other = one.get("referenced_group_info") or {}
            # Of another VPC, whose interfaces nobody has read.
            elsewhere = str(other.get("user_id") or "") if other.get("vpc_peering_connection_id") else ""
            source = str(one.get(kind) or other.get("group_id") or "an unknown source")
            found.append(Ingress(
                str(one.get("ip_protocol")), one.get("from_port", -1), one.get("to_port", -1), kind, source, elsewhere,
                rule_id=one.get("security_group_rule_id")))
        return found

    def networks_of(self, rule: Ingress) -> list[str]:
        """The networks that a rule lets in: its own, or those of its prefix list."""
        if rule.source_kind == "prefix_list_id":
            return [cidr for one in self.items("network.prefix_lists") if one.get("prefix_list_id") == rule.source for cidr in one.get("cidrs") or []]
        return [rule.source] if rule.source_kind.startswith("cidr") else []

    def is_open(self, rule: Ingress) -> bool:
        """Whether it lets in the world, or a good part of it."""
        return any(ipaddress.ip_network(cidr, strict=False).prefixlen < 8 for cidr in self.networks_of(rule))

    def association_of(self, subnet_id: str) -> t.Optional[str]:
        """AWS's identifier of what gives a subnet its route table; None where it has the main table."""
        return next((
            str(one.get("route_table_association_id")) for table in self.items("network.route_tables") for one in table.get("associations") or []
            if one.get("subnet_id") == subnet_id), None)

    def has_way_to_internet(self, subnet_id: str) -> bool:
        tables = self.items("network.route_tables")
        own = [one for one in tables if any(a.get("subnet_id") == subnet_id for a in one.get("associations") or [])]
        vpc = next((one.get("vpc_id") for one in self.items("network.subnets") if one.get("subnet_id") == subnet_id), None)
        main = [one for one in tables if vpc and one.get("vpc_id") == vpc and any(a.get("main") for a in one.get("associations") or [])]
        routes = [route for one in (own or main)[:1] for route in one.get("routes") or []]
        return any(
            str(route.get("gateway_id") or "").startswith("igw-") and route.get("state", "active") == "active"
            and (route.get("destination_cidr_block") == "0.0.0.0/0" or route.get("destination_ipv6_cidr_block") == "::/0") for route in routes)
