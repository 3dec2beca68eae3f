# SPDX-License-Identifier: GPL-3.0-or-later
"""What EC2's Describe calls say of a network, and what is looked up in it. Pure.

Items are AWS's own with keys in snake_case. A member that nobody read is None: it raises Missing, as the absence of a fact is no fact.
"""

from __future__ import annotations

import ipaddress
import json
import typing as t

Item = t.Mapping[str, t.Any]
Cidr = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Ports = t.Tuple[int, int]

SOURCES = {
    "vpcs": "ec2 DescribeVpcs",
    "subnets": "ec2 DescribeSubnets",
    "route_tables": "ec2 DescribeRouteTables",
    "network_acls": "ec2 DescribeNetworkAcls",
    "security_groups": "ec2 DescribeSecurityGroups",
    "security_group_rules": "ec2 DescribeSecurityGroupRules",
    "network_interfaces": "ec2 DescribeNetworkInterfaces",
    "vpc_peering_connections": "ec2 DescribeVpcPeeringConnections",
    "prefix_lists": "ec2 GetManagedPrefixListEntries",
}
# What no internet gateway carries: RFC 1918, RFC 6598, a host's own, local to a link, unique local.
PRIVATE = [
    ipaddress.ip_network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10")
]
TARGETS = (
    "vpc_peering_connection_id", "nat_gateway_id", "gateway_id", "transit_gateway_id", "network_interface_id", "instance_id",
    "egress_only_internet_gateway_id", "local_gateway_id", "carrier_gateway_id", "core_network_arn",
)
LONGEST_TEXT = 300


class Missing(Exception):
    """A fact that is needed and was not read. The text says which."""


class Interface(t.NamedTuple):
    """Where packets of a host begin and end.

    id:        empty where only the address is known, by the block of its VPC
    subnet:    empty where it is not known
    groups:    None where they are not known
    addresses: its private ones
    public:    its public addresses, by the private one that each stands for
    """

    id: str
    vpc: str
    subnet: str
    groups: t.Optional[t.Tuple[str, ...]]
    addresses: t.Tuple[Cidr, ...]
    public: t.Mapping[Cidr, Cidr]
    item: Item

    def __str__(self) -> str:
        return self.id or str(self.addresses[0].network_address)

    def private(self, address: Cidr) -> Cidr:
        """The address of its own that stands behind `address`."""
        return next((private for private, public in self.public.items() if public == address), address)


class Network:
    def __init__(self, facts: t.Mapping[str, t.Any]) -> None:
        self._facts = facts
        self._interfaces: t.Optional[t.List[Interface]] = None

    @classmethod
    def of(cls, network: t.Optional[t.Mapping[str, t.Any]]) -> Network:
        """From the member `network` of what estate_info returns."""
        return cls({name: (network or {}).get(name) for name in SOURCES})

    def items(self, name: str) -> t.Sequence[Item]:
        found = self._facts.get(name)
        if found is None:
            raise Missing(f"{SOURCES[name]} was not read")
        return found

    def read(self, name: str) -> bool:
        return self._facts.get(name) is not None

    def known(self, name: str) -> t.Sequence[Item]:
        return self._facts.get(name) or ()

    # Interfaces

    @property
    def interfaces(self) -> t.List[Interface]:
        if self._interfaces is None:
            self._interfaces = [_interface(item) for item in self.known("network_interfaces")]
        return self._interfaces

    def interface(self, interface_id: str) -> Interface:
        found = [one for one in self.interfaces if one.id == interface_id]
        if not found:
            self.items("network_interfaces")
            raise Missing(f"{interface_id} is none of the network interfaces that were read")
        return found[0]

    def holding(self, address: Cidr) -> t.List[Interface]:
        """The interfaces that have the address: several where it repeats across VPCs."""
        return [one for one in self.interfaces if address in one.addresses or address in one.public.values()]

    def located(self, address: Cidr) -> t.List[Interface]:
        """The same, and an interface of which nobody knows more than its address where the block of a VPC holds it."""
        known = self.holding(address)
        vpcs = {one.vpc for one in known}
        return known + [Interface("", vpc, self._subnet_of(vpc, address), None, (address,), {}, {}) for vpc in self.vpcs_around(address) if vpc not in vpcs]

    def of_instance(self, instance_id: str) -> t.List[Interface]:
        """Of an EC2 instance, its first one first."""
        found = [one for one in self.interfaces if (one.item.get("attachment") or {}).get("instance_id") == instance_id]
        return sorted(found, key=lambda one: ((one.item.get("attachment") or {}).get("device_index") or 0, one.id))

    def of_cache_node(self, cluster_id: str) -> t.List[Interface]:
        """Of a node of ElastiCache, by the ID of its cluster, such as huntaze-redis-0001-001."""
        return [one for one in self.interfaces if one.item.get("description") == f"ElastiCache {cluster_id}"]

    def of_database(self, instance: Item) -> t.List[Interface]:
        """Those that may be of a DB instance, a member of DBInstances: RDS writes no name on an interface. An address that the endpoint has is surer."""
        vpc = (instance.get("db_subnet_group") or {}).get("vpc_id")
        groups = {one.get("vpc_security_group_id") for one in instance.get("vpc_security_groups") or []}
        return [
            one for one in self.interfaces
            if one.item.get("description") == "RDSNetworkInterface" and one.vpc == vpc and groups == set(one.groups or ())
        ]

    def _subnet_of(self, vpc: str, address: Cidr) -> str:
        return next((
            one["subnet_id"] for one in self.known("subnets")
            if one.get("vpc_id") == vpc and any(within(address, block) for block in _blocks(one))
        ), "")

    # VPCs and what joins them

    def vpcs_around(self, address: Cidr) -> t.List[str]:
        """The VPCs whose blocks hold the address, ours and those that ours are peered with."""
        blocks = [(one["vpc_id"], block) for one in [*self.known("vpcs"), *self.known("subnets")] for block in _blocks(one)]
        blocks += [(side.get("vpc_id"), block) for one in self.known("vpc_peering_connections") if alive(one) for side in sides(one) for block in _blocks(side)]
        return list(dict.fromkeys(vpc for vpc, block in blocks if vpc and within(address, block)))

    def peering(self, connection_id: str) -> Item:
        for one in self.items("vpc_peering_connections"):
            if one.get("vpc_peering_connection_id") == connection_id:
                return one
        raise Missing(f"the peering connection {connection_id} was not read")

    def joining(self, vpc: str, other: str) -> t.List[Item]:
        """The peering connections between two VPCs that are or may become active, the active one first."""
        found = [one for one in self.known("vpc_peering_connections") if alive(one) and {vpc, other} == {side.get("vpc_id") for side in sides(one)}]
        return sorted(found, key=lambda one: (not active(one), one["vpc_peering_connection_id"]))

    # Subnets

    def table(self, subnet: str, vpc: str) -> Item:
        """The route table of a subnet: the one that names it, else the VPC's main one."""
        _named(subnet)
        tables = self.items("route_tables")
        own = [one for one in tables if any(one_of(association) and association.get("subnet_id") == subnet for association in one.get("associations") or [])]
        main = [
            one for one in tables
            if one.get("vpc_id") == vpc and any(one_of(association) and association.get("main") for association in one.get("associations") or [])
        ]
        for one in own or main:
            return one
        raise Missing(f"the route table of {subnet} was not read")

    def acl(self, subnet: str) -> Item:
        _named(subnet)
        for one in self.items("network_acls"):
            if any(association.get("subnet_id") == subnet for association in one.get("associations") or []):
                return one
        raise Missing(f"the network ACL of {subnet} was not read")

    def prefixes(self, list_id: str) -> t.List[Cidr]:
        for one in self.items("prefix_lists"):
            if one.get("prefix_list_id") == list_id and one.get("cidrs") is not None:
                return [cidr(block) for block in one["cidrs"]]
        raise Missing(f"the entries of prefix list {list_id} were not read")

    # Security groups

    def rules(self, group: str, egress: bool) -> t.List[Item]:
        found = [one for one in self.items("security_group_rules") if one.get("group_id") == group]
        # A group without any rule looks like one whose rules nobody read.
        if not found and not any(one.get("group_id") == group for one in self.known("security_groups")):
            raise Missing(f"the rules of security group {group} were not read")
        return sorted((one for one in found if bool(one.get("is_egress")) == egress), key=lambda one: str(one.get("security_group_rule_id")))

    def group(self, group: str) -> t.Optional[Item]:
        return next((one for one in self.known("security_groups") if one.get("group_id") == group), None)

    def group_name(self, group: str) -> str:
        """Its name and its ID, or its ID alone."""
        named = [self.group(group) or {}] + [one for interface in self.interfaces for one in interface.item.get("groups") or [] if one.get("group_id") == group]
        name = next((one["group_name"] for one in named if one.get("group_name")), None)
        return f"{name} ({group})" if name else group


def cidr(written: t.Any) -> Cidr:
    return ipaddress.ip_network(str(written), strict=False)


def block_of(address: t.Any) -> Cidr:
    """An address, as the block that holds it alone."""
    return ipaddress.ip_network(str(address).partition("%")[0])


def within(address: Cidr, block: Cidr) -> bool:
    return address.version == block.version and address.subnet_of(block)  # type: ignore[arg-type]


def is_private(address: Cidr) -> bool:
    return any(within(address, block) for block in PRIVATE)


def shown(block: t.Optional[Cidr]) -> str:
    if block is None or block.prefixlen == 0:
        return "anywhere"
    return str(block.network_address if block.prefixlen == block.max_prefixlen else block)


def target_of(route: Item) -> str:
    return next((str(route[key]) for key in TARGETS if route.get(key)), "")


def destination_of(route: Item) -> str:
    return str(next((route[key] for key in ("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id") if route.get(key)), ""))


def sides(connection: Item) -> t.List[Item]:
    return [connection.get("requester_vpc_info") or {}, connection.get("accepter_vpc_info") or {}]


def status(connection: Item) -> str:
    return str((connection.get("status") or {}).get("code"))


def active(connection: Item) -> bool:
    return status(connection) == "active"


def alive(connection: Item) -> bool:
    return status(connection) in ("active", "pending-acceptance", "provisioning", "initiating-request")


def one_of(association: Item) -> bool:
    """Whether an association of a route table is one; older answers do not tell its state."""
    return (association.get("association_state") or {}).get("state", "associated") in ("associated", "associating")


def blocks_of(side: Item) -> t.List[Cidr]:
    return _blocks(side)


def as_answered(item: t.Any) -> t.Any:
    """An item with AWS's own names of members, in the order in which it came."""
    if isinstance(item, dict):
        return {"".join(part[:1].upper() + part[1:] for part in key.split("_")): as_answered(value) for key, value in item.items()}
    return [as_answered(one) for one in item] if isinstance(item, (list, tuple)) else item


def text(item: Item) -> str:
    """An item of AWS word for word, as JSON without its outer braces. Members that tell nothing stay out, and of a long one what stands last."""
    kept = [(name, value) for name, value in item.items() if value not in (None, "", [], {}) and name not in ("Tags", "TagSet") and not name.endswith("Arn")]
    members: t.List[str] = []
    for name, value in kept:
        for shorter in _shortened(value):
            member = f"{json.dumps(name)}: {shorter}"
            if len(", ".join([*members, member])) <= LONGEST_TEXT:
                members.append(member)
                break
    return ", ".join(members)


def _shortened(value: t.Any) -> t.Iterator[str]:
    """A value as JSON, and of a list what its first members are, shorter and shorter."""
    yield json.dumps(value, default=str)
    if isinstance(value, list):
        for length in range(len(value) - 1, 0, -1):
            shown_ = ", ".join(json.dumps(one, default=str) for one in value[:length])
            yield f"[{shown_}, ... {len(value) - length} more]"


def _interface(item: Item) -> Interface:
    addresses, public = [], {}
    for one in [*(item.get("private_ip_addresses") or []), item]:
        if not one.get("private_ip_address"):
            continue
        address = block_of(one["private_ip_address"])
        if address not in addresses:
            addresses.append(address)
        if (one.get("association") or {}).get("public_ip"):
            public[address] = block_of(one["association"]["public_ip"])
    # The first one first: packets leave from it.
    if item.get("private_ip_address"):
        addresses.sort(key=lambda address: address != block_of(item["private_ip_address"]))
    addresses += [block_of(one["ipv6_address"]) for one in item.get("ipv6_addresses") or [] if one.get("ipv6_address")]
    groups = None if item.get("groups") is None else tuple(sorted(one["group_id"] for one in item["groups"]))
    return Interface(
        str(item.get("network_interface_id")), str(item.get("vpc_id")), str(item.get("subnet_id") or ""), groups, tuple(addresses), public, item
    )


def _blocks(item: Item) -> t.List[Cidr]:
    """All blocks of a VPC, of a subnet, or of a side of a peering."""
    found = [item.get("cidr_block")]
    for name in ("cidr_block_association_set", "ipv6_cidr_block_association_set", "cidr_block_set", "ipv6_cidr_block_set"):
        for one in item.get(name) or []:
            state = one.get("cidr_block_state") or one.get("ipv6_cidr_block_state") or {}
            if state.get("state", "associated") == "associated":
                found += [one.get("cidr_block"), one.get("ipv6_cidr_block")]
    return list(dict.fromkeys(cidr(block) for block in found if block))


def _named(subnet: str) -> None:
    if not subnet:
        raise Missing("the subnet of an address is not known")
