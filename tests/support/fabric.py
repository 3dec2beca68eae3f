# SPDX-License-Identifier: GPL-3.0-or-later
"""A real network, made from what EC2 says of one.

Each network interface is a host: a namespace with its addresses, and with its security groups as nftables that track connections. Each VPC is
a router: a namespace with a routing table for each subnet and, at the subnets' edges, their network ACLs as rules without memory. An active
peering connection is a link between two routers. What routes send to an internet gateway comes to a router that knows public addresses only.

It is made from AWS's documentation and from recorded answers, and shares nothing with the collection: that is held to what packets meet here.
"""

from __future__ import annotations

import ipaddress
import itertools
import typing as t

from support.namespaces import Namespace

Item = dict[str, t.Any]
Answers = dict[str, list[Item]]

READS = {
    "Vpcs": "describe_vpcs", "Subnets": "describe_subnets", "RouteTables": "describe_route_tables", "NetworkAcls": "describe_network_acls",
    "SecurityGroupRules": "describe_security_group_rules", "NetworkInterfaces": "describe_network_interfaces",
    "VpcPeeringConnections": "describe_vpc_peering_connections",
}
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp"}  # those that have ports, or a word, in nftables
MAC = "02:00:00:00:00:01"  # of both ends of every link: with nobody else on it, nobody has to be asked for
DELIVERY = 99  # the routing table with the interfaces of a VPC
FIRST_TABLE = 100
NOWHERE = "blackhole"


def described(ec2: t.Any) -> Answers:
    """What a client of EC2 is told of all networks there are."""
    answers = {}
    for key, operation in READS.items():
        answers[key] = [item for page in ec2.get_paginator(operation).paginate() for item in page[key]]
    lists = [each["PrefixListId"] for each in ec2.describe_managed_prefix_lists()["PrefixLists"]]
    answers["PrefixLists"] = [
        {"PrefixListId": each, "Cidrs": [entry["Cidr"] for entry in ec2.get_managed_prefix_list_entries(PrefixListId=each)["Entries"]]} for each in lists
    ]
    return answers


class Host:
    """A namespace with one interface, eth0."""

    def __init__(self, link: str) -> None:
        self.link = link  # its name on the router
        self.namespace = Namespace()
        self.addresses: list[str] = []
        self._rules: str | None = None

    def become(self, addresses: list[str], rules: str) -> None:
        if addresses != self.addresses:
            self.namespace.ip(
                "link set lo up", "link set eth0 arp off up", "addr flush dev eth0", *(f"addr add {address}/32 dev eth0" for address in addresses),
                f"route replace default dev eth0 src {addresses[0]}",
            )
            self.addresses = addresses
        if rules != self._rules:
            self.namespace.nft(rules)
            self._rules = rules


class Router:
    def __init__(self) -> None:
        self.namespace = Namespace()
        self.namespace.sysctl(ipv4__ip_forward=1, ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0)
        self._links: list[str] = []
        self._tables: set[int] = set()
        self._said: tuple[list[str], str] | None = None

    def link(self, name: str, other: Namespace, other_name: str) -> None:
        """To be laid by `lay`, with all others at once."""
        self._links += [f"link add {name} address {MAC} type veth peer name {other_name} address {MAC} netns {other.path}", f"link set {name} arp off up"]

    def unlink(self, name: str) -> None:
        self._links.append(f"link del {name}")

    def lay(self) -> None:
        if self._links:
            self.namespace.ip(*self._links)
            self._links = []

    def become(self, routes: dict[int, list[str]], choice: list[str], rules: str) -> None:
        """Have these routing tables, chosen by these rules, and these rules for packets."""
        lines = [f"route add {route} table {table}" for table, found in routes.items() for route in found] + [f"rule add {each}" for each in choice]
        if self._said != (lines, rules):
            self.namespace.ip(*(f"route flush table {table}" for table in self._tables), "rule flush", *lines)
            self.namespace.nft(rules)
            self._tables, self._said = {table for table, found in routes.items() if found}, (lines, rules)


class Fabric:
    def __init__(self) -> None:
        self._routers: dict[str, Router] = {}
        self._hosts: dict[str, Host] = {}
        self._peerings: dict[str, tuple[str, str, str]] = {}  # a link's name, and its two VPCs
        self._numbers = itertools.count(1)
        self._internet: Router | None = None
        self._gateways: dict[str, str] = {}  # by VPC, the name of its link on the internet's router
        self._outsiders: dict[str, Host] = {}
        self._answers: Answers = {}

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for owner in (*self._hosts.values(), *self._outsiders.values(), *self._routers.values(), *filter(None, [self._internet])):
            owner.namespace.close()

    def host(self, name: str) -> Namespace:
        """The namespace of an interface, by its id or one of its private addresses."""
        for key, host in self._hosts.items():
            if name == key or name in host.addresses:
                return host.namespace
        raise KeyError(f"no interface is or has {name}")

    def outsider(self, address: str) -> Namespace:
        """Somebody on the internet."""
        if address not in self._outsiders:
            host = self._outsiders[address] = Host(f"o{next(self._numbers)}")
            self._the_internet().link(host.link, host.namespace, "eth0")
            self._the_internet().lay()
            host.become([address], "")
            self._route_the_internet(self._answers)
        return self._outsiders[address].namespace

    def apply(self, answers: Answers) -> None:
        """Become what EC2 says; whatever has not changed goes on undisturbed."""
        self._answers = answers
        self._lay_links(answers)
        groups = Groups(answers)
        for interface in answers.get("NetworkInterfaces", []):
            self._hosts[interface["NetworkInterfaceId"]].become(_addresses(interface), groups.rules(interface))
        for vpc in answers.get("Vpcs", []):
            Vpc(answers, vpc, {key: host.link for key, host in self._hosts.items()}, self._links_of(vpc["VpcId"]), vpc["VpcId"] in self._gateways).build(
                self._routers[vpc["VpcId"]])
        self._route_the_internet(answers)

    def _lay_links(self, answers: Answers) -> None:
        interfaces = {each["NetworkInterfaceId"]: each["VpcId"] for each in answers.get("NetworkInterfaces", [])}
        vpcs = {vpc["VpcId"] for vpc in answers.get("Vpcs", [])}
        for gone in set(self._hosts) - set(interfaces):
            self._hosts.pop(gone).namespace.close()
        for gone in set(self._routers) - vpcs:
            self._routers.pop(gone).namespace.close()
        for vpc in vpcs - set(self._routers):
            self._routers[vpc] = Router()
        for name, vpc in interfaces.items():
            if name not in self._hosts:
                host = self._hosts[name] = Host(f"h{next(self._numbers)}")
                self._routers[vpc].link(host.link, host.namespace, "eth0")
        active, ends = {}, []
        for peering in answers.get("VpcPeeringConnections", []):
            sides = peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"]
            if peering["Status"]["Code"] == "active" and set(sides) <= vpcs:
                active[peering["VpcPeeringConnectionId"]] = sides
        for gone in set(self._peerings) - set(active):
            name, one, dummy = self._peerings.pop(gone)
            if one in self._routers:
                self._routers[one].unlink(name)
        for peering_id, (one, other) in active.items():
            if peering_id not in self._peerings:
                name = f"p{next(self._numbers)}"
                self._routers[one].link(name, self._routers[other].namespace, name)
                self._peerings[peering_id] = name, one, other
                ends.append((other, name))
        for vpc in vpcs - set(self._gateways):
            if any(_target(route).startswith("igw-") and route["State"] == "active" for table in _of(answers, "RouteTables", vpc) for route in table["Routes"]):
                name = self._gateways[vpc] = f"g{next(self._numbers)}"
                self._the_internet().link(name, self._routers[vpc].namespace, "igw")
                ends.append((vpc, "igw"))
        for router in (*self._routers.values(), *filter(None, [self._internet])):
            router.lay()
        for vpc, name in ends:
            self._routers[vpc].namespace.ip(f"link set {name} arp off up")

    def _links_of(self, vpc_id: str) -> dict[str, str]:
        return {peering_id: name for peering_id, (name, *sides) in self._peerings.items() if vpc_id in sides}

    def _the_internet(self) -> Router:
        if self._internet is None:
            self._internet = Router()
        return self._internet

    def _route_the_internet(self, answers: Answers) -> None:
        if self._internet is None:
            return
        routes = [f"{address} dev {host.link}" for address, host in self._outsiders.items()]
        for interface in answers.get("NetworkInterfaces", []):
            if interface["VpcId"] in self._gateways:
                routes += [f"{public} dev {self._gateways[interface['VpcId']]}" for public in _public(interface).values()]
        self._internet.become({DELIVERY: routes}, [f"pref 1 lookup {DELIVERY}", f"pref 2 {NOWHERE}"], "")


class Vpc:
    """What the router of one VPC has to be."""

    def __init__(self, answers: Answers, vpc: Item, links: dict[str, str], peerings: dict[str, str], gateway: bool) -> None:
        self._answers, self._id, self._peerings, self._gateway = answers, vpc["VpcId"], peerings, gateway
        self._interfaces = [(each, links[each["NetworkInterfaceId"]]) for each in _of(answers, "NetworkInterfaces", self._id)]
        self._subnets = [subnet["SubnetId"] for subnet in _of(answers, "Subnets", self._id)]

    def build(self, router: Router) -> None:
        routes = {DELIVERY: [f"{address} dev {link}" for interface, link in self._interfaces for address in _addresses(interface)]}
        choice = []
        for number, subnet in enumerate(self._subnets, FIRST_TABLE):
            links = self._links(subnet)
            if links:
                routes[number] = self._routes(subnet)
                choice += [f"pref {pref} iif {link} lookup {table}" for link in links for pref, table in ((1, number), (2, DELIVERY))]
        # A peering connection, and an internet gateway, deliver to interfaces of the VPC and lead nowhere else.
        entrances = [*self._peerings.values(), *(["igw"] if self._gateway else [])]
        choice += [f"pref 3 iif {entrance} lookup {DELIVERY}" for entrance in entrances]
        router.become(routes, [*choice, f"pref 4 {NOWHERE}"], self._rules())

    def _links(self, subnet_id: str) -> list[str]:
        return [link for interface, link in self._interfaces if interface["SubnetId"] == subnet_id]

    def _routes(self, subnet_id: str) -> list[str]:
        """The kernel takes the longest prefix. `throw` goes on to the VPC's own interfaces."""
        table = self._table(subnet_id)
        lists = {each["PrefixListId"]: each["Cidrs"] for each in self._answers.get("PrefixLists", [])}
        own = [route["DestinationCidrBlock"] for route in table["Routes"] if _target(route) == "local" and "DestinationCidrBlock" in route]
        local = list(map(ipaddress.ip_network, own))
        chosen: dict[ipaddress.IPv4Network, tuple[int, str]] = {}
        for route in table["Routes"]:
            if route["State"] == "filtered":
                continue
            if "DestinationPrefixListId" in route:
                rank, blocks = 2, lists.get(route["DestinationPrefixListId"], [])
            else:
                rank, blocks = 1, [route[key] for key in ("DestinationCidrBlock",) if key in route]
            if route.get("Origin") == "EnableVgwRoutePropagation":
                rank = 3
            if _target(route) == "local":
                rank = 0
            for block in (ipaddress.ip_network(each) for each in blocks if ":" not in each):
                if rank == 3 and any(block.subnet_of(each) for each in local):
                    continue
                chosen[block] = min(chosen.get(block, (9, "")), (rank, self._way(route)))
        # Who is in the same subnet is asked for directly: what leaves for the router goes to another one.
        near = {ipaddress.ip_network(each): f"{each} dev {link}" for interface, link in self._interfaces if interface["SubnetId"] == subnet_id
                for each in _addresses(interface)}
        ways = {block: way.format(block) for block, (dummy, way) in chosen.items()} | near
        return [*ways.values(), f"{NOWHERE} default metric 9999"]

    def _way(self, route: Item) -> str:
        target = _target(route)
        if route["State"] == "blackhole":
            return f"{NOWHERE} {{}}"
        if target == "local":
            return "throw {}"
        if target in self._peerings:
            return f"{{}} dev {self._peerings[target]}"
        if target.startswith("igw-") and self._gateway:
            return "{} dev igw"
        return f"{NOWHERE} {{}}"  # nothing that is built here stands there

    def _table(self, subnet_id: str) -> Item:
        tables = _of(self._answers, "RouteTables", self._id)
        own = [table for table in tables if any(each.get("SubnetId") == subnet_id for each in table["Associations"])]
        return (own or [table for table in tables if any(each.get("Main") for each in table["Associations"])])[0]

    def _rules(self) -> str:
        """ACLs at the edges: out of the sender's subnet, into the receiver's, and neither inside of one."""
        chains, inside, out, into = [], [], [], []
        for number, subnet in enumerate(self._subnets):
            links = self._links(subnet)
            if links:
                acl = self._acl(subnet)
                chains += [_chain(f"out{number}", _acl_rules(acl, True)), _chain(f"in{number}", _acl_rules(acl, False))]
                inside.append(f"iifname {_set(links)} oifname {_set(links)} accept")
                out += [f'"{link}" : jump out{number}' for link in links]
                into += [f'"{link}" : jump in{number}' for link in links]
        edges = [f"iifname vmap {_set(out, quoted=True)}", f"oifname vmap {_set(into, quoted=True)}"] if out else []
        public = {private: public for interface, dummy in self._interfaces for private, public in _public(interface).items()}
        nat = []
        if self._gateway:
            edges.insert(0, f'oifname "igw" ip saddr != {_set(public, quoted=True)} drop' if public else 'oifname "igw" drop')
        if self._gateway and public:
            nat = [
                _chain("arrive", ["type nat hook prerouting priority -100;",
                                  f'iifname "igw" dnat to ip daddr map {_set([f"{there} : {here}" for here, there in public.items()], quoted=True)}']),
                _chain("leave", ["type nat hook postrouting priority 100;",
                                 f'oifname "igw" snat to ip saddr map {_set([f"{here} : {there}" for here, there in public.items()], quoted=True)}']),
            ]
        return "\n".join(["table ip edges {", *chains, _chain("forward", ["type filter hook forward priority 0; policy accept;", *inside, *edges]), *nat, "}"])

    def _acl(self, subnet_id: str) -> Item:
        return next(acl for acl in _of(self._answers, "NetworkAcls", self._id) if any(each["SubnetId"] == subnet_id for each in acl["Associations"]))


def _acl_rules(acl: Item, egress: bool) -> list[str]:
    """By number; the first that fits decides. Allowed: on to what comes behind this ACL."""
    rules = []
    for entry in sorted((each for each in acl["Entries"] if each["Egress"] == egress), key=lambda each: each["RuleNumber"]):
        if "CidrBlock" in entry:
            ports = entry.get("PortRange", {})
            rules.append(" ".join(filter(None, [
                f"ip {'daddr' if egress else 'saddr'} {entry['CidrBlock']}", _traffic(entry["Protocol"], ports.get("From"), ports.get("To")),
                "return" if entry["RuleAction"] == "allow" else "counter drop",
            ])))
    return [*rules, "counter drop"]


class Groups:
    """Security groups as what an interface lets in and out; all that belongs to a connection follows it."""

    def __init__(self, answers: Answers) -> None:
        self._rules = answers.get("SecurityGroupRules", [])
        self._lists = {each["PrefixListId"]: each["Cidrs"] for each in answers.get("PrefixLists", [])}
        self._members: dict[str, list[str]] = {}
        for interface in answers.get("NetworkInterfaces", []):
            for group in interface["Groups"]:
                self._members.setdefault(group["GroupId"], []).extend(_addresses(interface))

    def rules(self, interface: Item) -> str:
        own = [group["GroupId"] for group in interface["Groups"]]
        chains = []
        for name, hook, egress, device in (("ingress", "input", False, "iifname"), ("egress", "output", True, "oifname")):
            rules = [rule for rule in self._rules if rule["GroupId"] in own and rule["IsEgress"] == egress]
            chains.append(_chain(name, [
                f"type filter hook {hook} priority 0; policy drop;", f'{device} "lo" accept', "ct state established,related accept",
                *(line for rule in rules for line in self._lines(rule, "daddr" if egress else "saddr")), "counter",
            ]))
        return "\n".join(["table ip groups {", *chains, "}"])

    def _lines(self, rule: Item, side: str) -> list[str]:
        ports = (rule["FromPort"], rule["ToPort"]) if rule["FromPort"] not in (None, -1) and rule["IpProtocol"] in ("tcp", "udp", "6", "17") else (None, None)
        traffic = _traffic({"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}.get(rule["IpProtocol"], rule["IpProtocol"]), *ports)
        others = [str(each) for each in ipaddress.collapse_addresses(map(ipaddress.ip_network, self._others(rule)))]
        return [f"ip {side} {_set(others, quoted=True)} {traffic} accept"] if others else []

    def _others(self, rule: Item) -> list[str]:
        if "CidrIpv4" in rule:
            return [rule["CidrIpv4"]]
        if "PrefixListId" in rule:
            return [each for each in self._lists.get(rule["PrefixListId"], []) if ":" not in each]
        referenced = rule.get("ReferencedGroupInfo", {})
        if referenced.get("PeeringStatus", "active") != "active":
            return []
        return self._members.get(referenced.get("GroupId"), [])


def _traffic(protocol: str, first: int | None, last: int | None) -> str:
    """What nftables calls a protocol and a range of destination ports."""
    if protocol == "-1":
        return ""
    word = PROTOCOLS.get(protocol, protocol)
    return f"{word} dport {first}-{last}" if first is not None and word in ("tcp", "udp") else f"ip protocol {word}"


def _of(answers: Answers, kind: str, vpc_id: str) -> list[Item]:
    return [each for each in answers.get(kind, []) if each["VpcId"] == vpc_id]


def _target(route: Item) -> str:
    names = ("GatewayId", "VpcPeeringConnectionId", "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId", "EgressOnlyInternetGatewayId")
    return next((route[name] for name in names if route.get(name)), "")


def _addresses(interface: Item) -> list[str]:
    return [each["PrivateIpAddress"] for each in sorted(interface["PrivateIpAddresses"], key=lambda each: not each["Primary"])]


def _public(interface: Item) -> dict[str, str]:
    """Its private addresses that have a public one."""
    addresses = [each for each in interface["PrivateIpAddresses"] if each.get("Association", {}).get("PublicIp")]
    found = {each["PrivateIpAddress"]: each["Association"]["PublicIp"] for each in addresses}
    if interface.get("Association", {}).get("PublicIp"):
        found.setdefault(_addresses(interface)[0], interface["Association"]["PublicIp"])
    return found


def _chain(name: str, rules: t.Iterable[str]) -> str:
    return "\n".join([f"chain {name} {{", *rules, "}"])


def _set(members: t.Iterable[str], quoted: bool = False) -> str:
    """A set of nftables; names of interfaces are to be quoted, all else is as it stands."""
    return "{ " + ", ".join(each if quoted else f'"{each}"' for each in members) + " }"
