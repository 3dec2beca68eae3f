# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as estate_info tells them: AWS's items with keys in snake_case. Names end in a letter or a number: vpc-a, subnet-a1, eni-1."""

from __future__ import annotations

import typing as t

ACCOUNT, REGION = "111122223333", "us-east-1"
ALL, ALL6 = "0.0.0.0/0", "::/0"
DENY_ALL = (
    {"egress": True, "number": 32767, "action": "deny", "block": ALL}, {"egress": False, "number": 32767, "action": "deny", "block": ALL},
    {"egress": True, "number": 32768, "action": "deny", "block": ALL6}, {"egress": False, "number": 32768, "action": "deny", "block": ALL6},
)
ALLOW_ALL = (
    {"egress": True, "number": 100, "action": "allow", "block": ALL}, {"egress": False, "number": 100, "action": "allow", "block": ALL},
    {"egress": True, "number": 101, "action": "allow", "block": ALL6}, {"egress": False, "number": 101, "action": "allow", "block": ALL6},
)


class Facts(dict):
    """The member `network` of estate_info, made piece by piece."""

    def __init__(self) -> None:
        super().__init__({name: [] for name in (
            "vpcs", "subnets", "route_tables", "network_acls", "security_groups", "security_group_rules", "network_interfaces", "vpc_peering_connections",
            "prefix_lists",
        )})
        self._made = 0

    def __repr__(self) -> str:
        """What differs between networks, a line each; all of it is too long to read."""
        lines = []
        for table in self["route_tables"] or []:
            lines += [f"{table['route_table_id']}: " + " ".join(str(value) for value in route.values()) for route in table["routes"]]
        for acl in self["network_acls"] or []:
            lines += [f"{acl['network_acl_id']}: {one}" for one in acl["entries"] if one["rule_number"] < 32767 and "ipv6_cidr_block" not in one]
        lines += [" ".join(str(value) for key, value in one.items() if "owner" not in key) for one in self["security_group_rules"] or []]
        lines += [f"{one['vpc_peering_connection_id']} {one['status']['code']} {one['accepter_vpc_info']['region']}" for one in self["vpc_peering_connections"] or []]
        return "\n".join(lines)

    def vpc(self, name: str, *blocks: str) -> str:
        vpc_id = f"vpc-{name}"
        v4, v6 = [one for one in blocks if ":" not in one], [one for one in blocks if ":" in one]
        self["vpcs"].append({
            "vpc_id": vpc_id, "cidr_block": v4[0],
            "cidr_block_association_set": [{"cidr_block": one, "cidr_block_state": {"state": "associated"}} for one in v4],
            "ipv6_cidr_block_association_set": [{"ipv6_cidr_block": one, "ipv6_cidr_block_state": {"state": "associated"}} for one in v6],
            "enable_dns_support": True, "enable_dns_hostnames": True,
        })
        self.table(f"{name}-main", vpc_id, main=True)
        return vpc_id

    def subnet(self, name: str, vpc_id: str, block: str, ipv6: str = "", acl: str = "") -> str:
        subnet_id = f"subnet-{name}"
        self["subnets"].append({
            "subnet_id": subnet_id, "vpc_id": vpc_id, "cidr_block": block, "availability_zone": f"{REGION}a",
            "ipv6_cidr_block_association_set": [{"ipv6_cidr_block": ipv6, "ipv6_cidr_block_state": {"state": "associated"}}] if ipv6 else [],
        })
        if not acl:
            acl = f"acl-{name}"
            self.acl(acl, vpc_id, ALLOW_ALL)
        self.one("network_acls", network_acl_id=acl)["associations"].append(
            {"network_acl_association_id": f"aclassoc-{name}", "network_acl_id": acl, "subnet_id": subnet_id}
        )
        return subnet_id

    def acl(self, acl_id: str, vpc_id: str, entries: t.Iterable[t.Mapping[str, t.Any]]) -> str:
        self["network_acls"].append({
            "associations": [], "entries": [entry(**one) for one in [*entries, *DENY_ALL]], "is_default": False, "network_acl_id": acl_id, "tags": [],
            "vpc_id": vpc_id, "owner_id": ACCOUNT,
        })
        return acl_id

    def table(self, name: str, vpc_id: str, *subnets: str, main: bool = False) -> str:
        table_id = f"rtb-{name}"
        associations = [{"main": False, "subnet_id": one} for one in subnets] + ([{"main": True}] if main else [])
        vpc = self.one("vpcs", vpc_id=vpc_id)
        self["route_tables"].append({
            "associations": [{"route_table_id": table_id, "association_state": {"state": "associated"}, **one} for one in associations],
            "propagating_vgws": [], "route_table_id": table_id, "vpc_id": vpc_id, "owner_id": ACCOUNT, "tags": [], "routes": [
                {"destination_cidr_block": one["cidr_block"], "gateway_id": "local", "origin": "CreateRouteTable", "state": "active"}
                for one in vpc["cidr_block_association_set"]
            ] + [
                {"destination_ipv6_cidr_block": one["ipv6_cidr_block"], "gateway_id": "local", "origin": "CreateRouteTable", "state": "active"}
                for one in vpc["ipv6_cidr_block_association_set"]
            ],
        })
        return table_id

    def route(self, table_id: str, to: str, by: str, state: str = "active", origin: str = "CreateRoute") -> None:
        kind = "destination_prefix_list_id" if to.startswith("pl-") else "destination_ipv6_cidr_block" if ":" in to else "destination_cidr_block"
        target = {
            "pcx-": "vpc_peering_connection_id", "nat-": "nat_gateway_id", "eni-": "network_interface_id", "tgw-": "transit_gateway_id",
            "eigw": "egress_only_internet_gateway_id",
        }.get(by[:4], "gateway_id")
        self.one("route_tables", route_table_id=table_id)["routes"].append({kind: to, target: by, "origin": origin, "state": state})

    def group(self, name: str, vpc_id: str, egress: bool = True) -> str:
        group_id = f"sg-{name}"
        self["security_groups"].append({"group_id": group_id, "group_name": f"huntaze-{name}", "vpc_id": vpc_id, "owner_id": ACCOUNT, "description": name})
        if egress:
            self.rule(group_id, "-1", -1, -1, ALL, egress=True)
            self.rule(group_id, "-1", -1, -1, ALL6, egress=True)
        return group_id

    def rule(self, group_id: str, protocol: str, first: int, last: int, peer: str, egress: bool = False, account: str = ACCOUNT) -> None:
        kind = "prefix_list_id" if peer.startswith("pl-") else "cidr_ipv6" if ":" in peer else "cidr_ipv4"
        found = {"referenced_group_info": {"group_id": peer, "user_id": account}} if peer.startswith("sg-") else {kind: peer}
        self._made += 1
        self["security_group_rules"].append({
            "security_group_rule_id": f"sgr-{self._made:03}", "group_id": group_id, "group_owner_id": ACCOUNT, "is_egress": egress,
            "ip_protocol": protocol, "from_port": first, "to_port": last, **found, "tags": [],
        })

    def interface(self, name: str, subnet_id: str, address: str, *groups: str, public: str = "", ipv6: str = "", **more: t.Any) -> str:
        interface_id = f"eni-{name}"
        association = {"association": {"public_ip": public, "ip_owner_id": "amazon"}} if public else {}
        self["network_interfaces"].append({
            "network_interface_id": interface_id, "subnet_id": subnet_id, "vpc_id": self.one("subnets", subnet_id=subnet_id)["vpc_id"],
            "description": "", "groups": [{"group_id": one, "group_name": f"huntaze-{one[3:]}"} for one in groups],
            "private_ip_address": address, "private_ip_addresses": [{"primary": True, "private_ip_address": address, **association}], **association,
            "ipv6_addresses": [{"ipv6_address": ipv6}] if ipv6 else [], "source_dest_check": True, "status": "in-use", "interface_type": "interface", **more,
        })
        return interface_id

    def peering(self, name: str, requester: str, accepter: str, status: str = "active", region: str = REGION, owner: str = ACCOUNT) -> str:
        def side(vpc_id: str, **more: str) -> dict[str, t.Any]:
            vpc = self.one("vpcs", vpc_id=vpc_id)
            return {
                "cidr_block": vpc["cidr_block"], "cidr_block_set": [{"cidr_block": one["cidr_block"]} for one in vpc["cidr_block_association_set"]],
                "ipv6_cidr_block_set": [{"ipv6_cidr_block": one["ipv6_cidr_block"]} for one in vpc["ipv6_cidr_block_association_set"]],
                "owner_id": ACCOUNT, "vpc_id": vpc_id, "region": REGION, **more,
            }
        connection_id = f"pcx-{name}"
        self["vpc_peering_connections"].append({
            "accepter_vpc_info": side(accepter, region=region, owner_id=owner), "requester_vpc_info": side(requester),
            "status": {"code": status, "message": status}, "tags": [], "vpc_peering_connection_id": connection_id,
        })
        return connection_id

    def one(self, kind: str, **named: str) -> dict[str, t.Any]:
        return next(item for item in self[kind] if all(item.get(key) == value for key, value in named.items()))

    def drop(self, kind: str, item: t.Mapping[str, t.Any]) -> None:
        self[kind].remove(item)


def entry(egress: bool, number: int, action: str, block: str, protocol: str = "-1", ports: t.Optional[tuple[int, int]] = None) -> dict[str, t.Any]:
    """An entry of a network ACL."""
    return {
        ("ipv6_cidr_block" if ":" in block else "cidr_block"): block, "egress": egress, **({"port_range": {"from": ports[0], "to": ports[1]}} if ports else {}),
        "protocol": protocol, "rule_action": action, "rule_number": number,
    }
