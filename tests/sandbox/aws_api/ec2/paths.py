# SPDX-License-Identifier: GPL-3.0-or-later
"""What moto leaves out of the way that packets take: routes whose target is gone, both sides of a peering connection."""

from __future__ import annotations

import typing as t

from moto.ec2.models.route_tables import Route
from moto.ec2.models.vpc_peering_connections import VPCPeeringConnection


def install() -> None:
    """moto makes both itself, so they learn it in place."""
    Route.state = property(_state)
    VPCPeeringConnection.requester_vpc_info = property(lambda peering: _side(peering, peering.vpc, peering.requester_options, shown=True))
    VPCPeeringConnection.accepter_vpc_info = property(
        lambda peering: _side(peering, peering.peer_vpc, peering.accepter_options, shown=peering.status["Code"] == "active")
    )


def _state(route: Route) -> str:
    return "blackhole" if any(_is_gone(route, target) for target in ("gateway", "vpc_pcx", "nat_gateway", "interface", "instance")) else "active"


def _is_gone(route: Route, kind: str) -> bool:
    target = getattr(route, kind)
    if target is None or route.local:
        return False
    ec2 = route.route_table.ec2_backend
    if kind == "vpc_pcx":
        peering = ec2.vpc_pcxs.get(target.id)
        return peering is None or peering.status["Code"] != "active"
    if kind == "gateway":
        gateway = ec2.internet_gateways.get(target.id) if target.id.startswith("igw-") else target
        return gateway is None or (target.id.startswith("igw-") and getattr(gateway.vpc, "id", None) != route.route_table.vpc_id)
    if kind == "interface":
        return target.id not in ec2.enis
    if kind == "nat_gateway":
        return target.id not in ec2.nat_gateways or target.state == "deleted"
    return target.state == "terminated"


def _side(peering: VPCPeeringConnection, vpc: t.Any, options: dict[str, bool], shown: bool) -> dict[str, t.Any]:
    """What a peering connection says of one VPC: no network before it was accepted, no options of another account."""
    side = {"OwnerId": vpc.owner_id, "Region": vpc.region, "VpcId": vpc.id}
    if shown:
        blocks = [block["cidr_block"] for block in vpc.get_cidr_block_association_set(ipv6=False)]
        side |= {"CidrBlock": vpc.cidr_block, "CidrBlockSet": [{"CidrBlock": block} for block in blocks]}
        if vpc.owner_id == peering.ec2_backend.account_id:
            side["PeeringOptions"] = options
    return side
