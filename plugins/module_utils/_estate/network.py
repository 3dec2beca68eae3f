# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network that the cache, the database and the hosts stand in: their VPCs, each thing of them read by one call."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._estate import cache, database, hosts
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Found, Reads, joined, together

MEMBERS = (
    "vpcs", "subnets", "route_tables", "network_acls", "security_groups", "security_group_rules", "network_interfaces", "vpc_peering_connections",
    "prefix_lists",
)
# What AWS takes in one filter.
VALUES = 200
SIDES = ("requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id")
ATTRIBUTES = ("enable_dns_support", "enable_dns_hostnames")


def only_security_groups(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Those that are named. A filter, as one that is not there is no error."""
    return {**dict.fromkeys(MEMBERS), "security_groups": _filtered(reads, "security_groups", "group-id", named["security_group_ids"])}


def network(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    concerned = _vpcs_concerned(reads, named)
    if not concerned:
        return dict.fromkeys(MEMBERS)
    peerings = _peerings(reads, concerned)
    # A client may stand at the other end, which decides too; of another account or region AWS tells nothing by these calls.
    vpcs = sorted({*concerned, *(end for one in peerings or [] for end in _ends(one))})
    vpcs_found, subnets, tables, acls, groups, rules, interfaces = together(
        lambda: _vpcs(reads, vpcs),
        lambda: _filtered(reads, "subnets", "vpc-id", vpcs),
        lambda: _filtered(reads, "route_tables", "vpc-id", vpcs),
        lambda: _filtered(reads, "network_acls", "vpc-id", vpcs),
        lambda: _filtered(reads, "security_groups", "vpc-id", vpcs),
        lambda: _rules(reads, vpcs),
        lambda: _filtered(reads, "network_interfaces", "vpc-id", vpcs),
    )
    return dict(zip(MEMBERS, (
        vpcs_found, subnets, tables, acls, groups, rules, interfaces, peerings, _prefix_lists(reads, tables, rules),
    )))


def _ends(peering: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if (peering.get("status") or {}).get("code") == "active":
        for side in ("requester_vpc_info", "accepter_vpc_info"):
            if (peering.get(side) or {}).get("vpc_id"):
                yield peering[side]["vpc_id"]


def _vpcs_concerned(reads: Reads, named: t.Mapping[str, t.Any]) -> list[str]:
    asked = []
    if named["cache_name"]:
        asked.append(lambda: cache.subnet_groups_of(reads, cache.clusters(reads, named)))
    if named["db_identifier"]:
        asked.append(lambda: [one.get("db_subnet_group") or {} for one in database.instances(reads, named) or []])
    if named["host_addresses"]:
        asked.append(lambda: hosts.instances(reads, named))
    if named["security_group_ids"]:
        asked.append(lambda: _filtered(reads, "security_groups", "group-id", named["security_group_ids"]))
    return sorted({one["vpc_id"] for found in together(*asked) for one in found or [] if one.get("vpc_id")})


def _filtered(reads: Reads, what: str, name: str, values: t.Sequence[str]) -> Found:
    parts = [list(values[first:first + VALUES]) for first in range(0, len(values), VALUES)]
    key = "".join(word.capitalize() for word in what.split("_"))
    return joined(together(*(lambda part=part: reads.ask("ec2", f"describe_{what}", key, Filters=[{"Name": name, "Values": part}]) for part in parts)))


def _vpcs(reads: Reads, vpcs: t.Sequence[str]) -> Found:
    """With what DNS does in them, which AWS tells by a call for each VPC and attribute."""
    found = _filtered(reads, "vpcs", "vpc-id", vpcs)
    asked = [(one["vpc_id"], attribute) for one in found or [] for attribute in ATTRIBUTES]
    known = dict(zip(asked, together(*(lambda one=one: _attribute(reads, *one) for one in asked))))
    return None if found is None else [{**one, **{attribute: known[one["vpc_id"], attribute] for attribute in ATTRIBUTES}} for one in found]


def _attribute(reads: Reads, vpc: str, attribute: str) -> t.Optional[bool]:
    head, *rest = attribute.split("_")
    asked = head + "".join(word.capitalize() for word in rest)
    return ((reads.ask("ec2", "describe_vpc_attribute", VpcId=vpc, Attribute=asked) or {}).get(attribute) or {}).get("value")


def _rules(reads: Reads, vpcs: t.Sequence[str]) -> Found:
    """AWS filters rules by group only."""
    groups = _filtered(reads, "security_groups", "vpc-id", vpcs)
    return None if groups is None else _filtered(reads, "security_group_rules", "group-id", sorted(one["group_id"] for one in groups))


def _peerings(reads: Reads, vpcs: t.Sequence[str]) -> Found:
    found = joined(together(*(lambda side=side: _filtered(reads, "vpc_peering_connections", side, vpcs) for side in SIDES)))
    return None if found is None else list({one["vpc_peering_connection_id"]: one for one in found}.values())


def _prefix_lists(reads: Reads, tables: Found, rules: Found) -> Found:
    if tables is None or rules is None:
        return None
    named = {route.get("destination_prefix_list_id") for table in tables for route in table.get("routes") or []} | {one.get("prefix_list_id") for one in rules}
    names = sorted(filter(None, named))
    entries = together(*(lambda name=name: reads.ask("ec2", "get_managed_prefix_list_entries", "Entries", PrefixListId=name) for name in names))
    return [
        {"prefix_list_id": name, "cidrs": None if found is None else [entry["cidr"] for entry in found if entry.get("cidr")]}
        for name, found in zip(names, entries)
    ]
