# SPDX-License-Identifier: GPL-3.0-or-later
"""Where caches and databases stand in the VPC: the interfaces that AWS keeps for them, with the addresses that clients use."""

from __future__ import annotations

import ipaddress
import typing as t

from aws_api.ec2.interfaces import Wanted


def of_caches(elasticache: t.Any, ec2: t.Any) -> t.Iterator[Wanted]:
    """One a node. All names that lead to it are addresses of it, as here each name has an address of its own."""
    addresses: dict[t.Any, list[str]] = {}
    for endpoint in elasticache.endpoints():
        addresses.setdefault(endpoint.cluster, []).append(elasticache.resolve(endpoint.name))
    for cluster, found in addresses.items():
        own = elasticache.resolve(cluster.own_endpoint.name)
        subnet = _subnet(ec2, _cache_subnets(elasticache, cluster), own)
        if subnet:
            ordered = list(dict.fromkeys([own, *found] if own in found else found))
            name = cluster.cache_cluster_id
            yield Wanted(name, "amazon-elasticache", f"ElastiCache {name}", subnet, ordered, cluster.security_group_ids)


def of_databases(rds: t.Any, ec2: t.Any) -> t.Iterator[Wanted]:
    for database in rds.databases.values():
        group = getattr(database, "db_subnet_group", None)  # moto keeps none of a cluster's member
        subnets = [subnet["SubnetIdentifier"] for subnet in group.subnets] if group else []
        subnet = _subnet(ec2, subnets, database.address)
        if subnet:
            yield Wanted(
                database.db_instance_identifier, "amazon-rds", "RDSNetworkInterface", subnet, [database.address], database.vpc_security_group_ids,
                bool(database.publicly_accessible),
            )


def _cache_subnets(elasticache: t.Any, cluster: t.Any) -> list[str]:
    group = elasticache.cache_subnet_groups.get(cluster.cache_subnet_group_name)
    return [subnet["subnet_identifier"] for subnet in group.subnets] if group else []


def _subnet(ec2: t.Any, subnet_ids: list[str], address: str) -> t.Any:
    """That of the group's subnets in which the address lies; the first where it lies in none."""
    subnets = [subnet for subnet in ec2.describe_subnets() if subnet.id in subnet_ids]
    return next((subnet for subnet in subnets if ipaddress.ip_address(address) in ipaddress.ip_network(subnet.cidr_block)), next(iter(subnets), None))
