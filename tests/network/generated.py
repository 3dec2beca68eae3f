# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks at random, in the words of EC2's answers. Most of what is drawn lets packets through, else nothing ever would."""

from __future__ import annotations

import itertools
import typing as t

from hypothesis import strategies as st

Item = dict[str, t.Any]
PORTS = (6379, 5432)
EVERYWHERE = "0.0.0.0/0"
# Rules of ports that either hold all ports from which clients send, or none of them.
PORT_RANGES = [(6379, 6379), (5432, 6379), (0, 65535), (1024, 65535), (32768, 60999), (5432, 5432), (22, 443), (6380, 7000)]


def one_in(draw: t.Any, number: int) -> bool:
    return draw(st.sampled_from([False] * (number - 1) + [True]))


@st.composite
def networks(draw: t.Any, prefix: str) -> dict[str, list[Item]]:
    """prefix: what its ids begin with, so that many networks can stand side by side."""
    ids = itertools.count(1)

    def new(kind: str) -> str:
        return f"{kind}-{prefix}{next(ids):03}"

    answers: dict[str, list[Item]] = {key: [] for key in (
        "Vpcs", "Subnets", "RouteTables", "NetworkAcls", "SecurityGroups", "SecurityGroupRules", "NetworkInterfaces", "VpcPeeringConnections", "PrefixLists")}
    for number in range(draw(st.sampled_from([1, 1, 2, 2, 2, 3]))):
        _add_vpc(draw, new, answers, number)
    if one_in(draw, 2):
        _add_public_addresses(draw, answers, prefix)
    _add_peerings(draw, new, answers)
    _add_prefix_list(draw, new, answers)
    _add_rules(draw, new, answers)
    for vpc in answers["Vpcs"]:
        _add_routes(draw, new, answers, vpc)
        _add_acls(draw, new, answers, vpc)
    return {key: draw(st.permutations(items)) if len(items) < 20 else items for key, items in answers.items()}


def of(answers: dict[str, list[Item]], kind: str, vpc: Item) -> list[Item]:
    return [each for each in answers[kind] if each.get("VpcId") == vpc["VpcId"]]


def address(interface: Item) -> str:
    return interface["PrivateIpAddress"]


def blocks_of(vpc: Item) -> list[str]:
    return [each["CidrBlock"] for each in vpc["CidrBlockAssociationSet"]]


def _add_vpc(draw: t.Any, new: t.Any, answers: dict[str, list[Item]], number: int) -> None:
    vpc_id = new("vpc")
    blocks = [f"10.{number}.0.0/16", *([f"10.{100 + number}.0.0/16"] if one_in(draw, 4) else [])]
    answers["Vpcs"].append({
        "VpcId": vpc_id, "CidrBlock": blocks[0], "State": "available", "IsDefault": False, "OwnerId": "123456789012", "Tags": [],
        "CidrBlockAssociationSet": [
            {"AssociationId": new("vpc-cidr-assoc"), "CidrBlock": block, "CidrBlockState": {"State": "associated"}} for block in blocks],
    })
    subnets = [f"10.{number}.1.0/24", f"10.{number}.2.0/24"][:draw(st.sampled_from([1, 2, 2]))]
    subnets += [f"10.{100 + number}.1.0/24"] if len(blocks) > 1 else []
    for block in subnets:
        answers["Subnets"].append({"SubnetId": new("subnet"), "VpcId": vpc_id, "CidrBlock": block, "AvailabilityZone": "us-east-1a", "State": "available",
                                   "OwnerId": "123456789012", "Ipv6CidrBlockAssociationSet": [], "Tags": []})
    groups = [new("sg") for dummy in range(2)]
    answers["SecurityGroups"] += [{"GroupId": group, "GroupName": group, "Description": group, "VpcId": vpc_id, "OwnerId": "123456789012"} for group in groups]
    mine = answers["Subnets"][-len(subnets):]
    for host in range(draw(st.sampled_from([1, 2, 2] if number else [2, 2, 3]))):
        subnet = draw(st.sampled_from(mine))
        place = subnet["CidrBlock"].removesuffix("0/24") + str(10 + host)
        chosen = draw(st.sampled_from([groups[:1], groups[1:], groups]))
        answers["NetworkInterfaces"].append({
            "NetworkInterfaceId": new("eni"), "VpcId": vpc_id, "SubnetId": subnet["SubnetId"], "PrivateIpAddress": place, "Status": "in-use",
            "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": place}], "Groups": [{"GroupId": group, "GroupName": group} for group in chosen],
            "Description": "", "InterfaceType": "interface", "SourceDestCheck": True, "Ipv6Addresses": [], "OwnerId": "123456789012",
            "AvailabilityZone": "us-east-1a", "TagSet": [],
        })


def outsider(prefix: str) -> str:
    """Somebody on the internet, one for each network."""
    return f"18.20.{int(prefix) % 250}.7"


def public_address(interface: Item) -> str | None:
    return interface.get("Association", {}).get("PublicIp")


def _add_public_addresses(draw: t.Any, answers: dict[str, list[Item]], prefix: str) -> None:
    for number, interface in enumerate(answers["NetworkInterfaces"], 1):
        if not one_in(draw, 3):
            public = f"54.10.{int(prefix) % 250}.{number}"
            interface["Association"] = {"IpOwnerId": "123456789012", "PublicDnsName": "", "PublicIp": public}
            interface["PrivateIpAddresses"][0]["Association"] = interface["Association"]


def _add_peerings(draw: t.Any, new: t.Any, answers: dict[str, list[Item]]) -> None:
    for one, other in itertools.combinations(answers["Vpcs"], 2):
        if one_in(draw, 12):
            continue
        status = draw(st.sampled_from(["active"] * 10 + ["pending-acceptance", "deleted"]))

        def side(vpc: Item, shown: bool = True) -> Item:
            known = {"OwnerId": "123456789012", "VpcId": vpc["VpcId"], "Region": "us-east-1"}
            networks = {"CidrBlock": vpc["CidrBlock"], "CidrBlockSet": [{"CidrBlock": block} for block in blocks_of(vpc)]}
            return known | (networks if shown else {})

        answers["VpcPeeringConnections"].append({
            "VpcPeeringConnectionId": new("pcx"), "RequesterVpcInfo": side(one), "AccepterVpcInfo": side(other, status == "active"),
            "Status": {"Code": status, "Message": status}, "Tags": [],
        })


def _add_prefix_list(draw: t.Any, new: t.Any, answers: dict[str, list[Item]]) -> None:
    blocks = [block for vpc in answers["Vpcs"] for block in blocks_of(vpc)] + [subnet["CidrBlock"] for subnet in answers["Subnets"]] + ["192.0.2.0/24"]
    answers["PrefixLists"].append({"PrefixListId": new("pl"), "Cidrs": draw(st.lists(st.sampled_from(blocks), min_size=1, max_size=3, unique=True))})


def _add_rules(draw: t.Any, new: t.Any, answers: dict[str, list[Item]]) -> None:
    active = {frozenset((each["RequesterVpcInfo"]["VpcId"], each["AccepterVpcInfo"]["VpcId"])): each["VpcPeeringConnectionId"]
              for each in answers["VpcPeeringConnections"] if each["Status"]["Code"] == "active"}
    wide = [EVERYWHERE, EVERYWHERE, "10.0.0.0/8", *(block for vpc in answers["Vpcs"] for block in blocks_of(vpc))]
    public = [f"{public_address(each)}/32" for each in answers["NetworkInterfaces"] if public_address(each)]
    narrow = [f"{address(each)}/32" for each in answers["NetworkInterfaces"]] + public + ["192.0.2.0/24", "18.0.0.0/8", "10.0.0.0/9"]
    for group in answers["SecurityGroups"]:
        members = [other for other in answers["SecurityGroups"]
                   if other["VpcId"] == group["VpcId"] or frozenset((other["VpcId"], group["VpcId"])) in active]
        for egress in (False, True):
            if egress and not one_in(draw, 4):
                rules = [("-1", -1, -1, {"CidrIpv4": EVERYWHERE})]
            else:
                rules = [(*_traffic(draw), _others(draw, answers, group, members, active, wide, narrow))
                         for dummy in range(draw(st.sampled_from([0, 2, 3, 3, 4])))]
            for protocol, first, last, others in rules:
                answers["SecurityGroupRules"].append({
                    "SecurityGroupRuleId": new("sgr"), "GroupId": group["GroupId"], "GroupOwnerId": "123456789012", "IsEgress": egress,
                    "IpProtocol": protocol, "FromPort": first, "ToPort": last, **others, "Tags": [],
                })


def _traffic(draw: t.Any) -> tuple[str, int, int]:
    protocol = draw(st.sampled_from(["tcp"] * 5 + ["-1"] * 4 + ["udp", "icmp", "50"]))
    if protocol in ("tcp", "udp"):
        return (protocol, *draw(st.sampled_from([(6379, 6379), (0, 65535), *PORT_RANGES])))
    return protocol, -1, -1


def _others(
    draw: t.Any, answers: dict[str, list[Item]], group: Item, members: list[Item], active: dict[t.Any, str], wide: list[str], narrow: list[str],
) -> Item:
    kind = draw(st.sampled_from(["wide"] * 5 + ["narrow", "group", "group", "list"]))
    if kind == "list":
        return {"PrefixListId": answers["PrefixLists"][0]["PrefixListId"]}
    if kind != "group":
        return {"CidrIpv4": draw(st.sampled_from(wide if kind == "wide" else narrow))}
    other = draw(st.sampled_from(members))
    referenced = {"GroupId": other["GroupId"], "UserId": "123456789012"}
    if other["VpcId"] != group["VpcId"]:
        peering = active[frozenset((other["VpcId"], group["VpcId"]))]
        referenced |= {"VpcId": other["VpcId"], "VpcPeeringConnectionId": peering, "PeeringStatus": "active"}
    return {"ReferencedGroupInfo": referenced}


def _add_routes(draw: t.Any, new: t.Any, answers: dict[str, list[Item]], vpc: Item) -> None:
    subnets = [subnet["SubnetId"] for subnet in of(answers, "Subnets", vpc)]
    own = draw(st.lists(st.sampled_from(subnets), max_size=len(subnets), unique=True)) if one_in(draw, 2) else []
    has_public = any(public_address(each) for each in answers["NetworkInterfaces"])
    state = draw(st.sampled_from(["active"] * 6 + ["blackhole"] if has_public else [None, "active", "blackhole"]))
    gateway = {"GatewayId": new("igw"), "State": state} if state else None
    for associated in [None, own] if own else [None]:
        table = new("rtb")
        associations: list[Item] = [{"Main": True, "RouteTableAssociationId": new("rtbassoc"), "RouteTableId": table}] if associated is None else [
            {"Main": False, "RouteTableAssociationId": new("rtbassoc"), "RouteTableId": table, "SubnetId": subnet} for subnet in associated]
        routes: list[Item] = [
            {"DestinationCidrBlock": block, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"} for block in blocks_of(vpc)]
        for peering in answers["VpcPeeringConnections"]:
            sides = {peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"]}
            if vpc["VpcId"] in sides:
                (there,) = [each for each in answers["Vpcs"] if each["VpcId"] in sides - {vpc["VpcId"]}]
                routes += _routes_over(draw, answers, peering, there)
        if gateway and not one_in(draw, 3):
            routes.append({"DestinationCidrBlock": EVERYWHERE, "Origin": "CreateRoute", **gateway})
        unique = {(route.get("DestinationCidrBlock"), route.get("DestinationPrefixListId")): route for route in reversed(routes)}
        answers["RouteTables"].append({
            "RouteTableId": table, "VpcId": vpc["VpcId"], "OwnerId": "123456789012", "PropagatingVgws": [], "Tags": [],
            "Associations": associations, "Routes": draw(st.permutations(list(unique.values()))),
        })


def _routes_over(draw: t.Any, answers: dict[str, list[Item]], peering: Item, there: Item) -> t.Iterator[Item]:
    """Routes to a peer: to all its networks, as a rule; to some, to none, by a prefix list, into a black hole."""
    target = {"VpcPeeringConnectionId": peering["VpcPeeringConnectionId"], "Origin": "CreateRoute",
              "State": "active" if peering["Status"]["Code"] == "active" else "blackhole"}
    kind = draw(st.sampled_from(["all"] * 10 + ["none", "first", "subnets", "list", "wide"]))
    if kind in ("all", "first"):
        yield from ({"DestinationCidrBlock": block, **target} for block in blocks_of(there)[: 1 if kind == "first" else None])
    elif kind == "subnets":
        chosen = draw(st.lists(st.sampled_from(of(answers, "Subnets", there)), max_size=2, unique_by=lambda each: each["SubnetId"]))
        yield from ({"DestinationCidrBlock": subnet["CidrBlock"], **target} for subnet in chosen)
    elif kind == "list":
        yield {"DestinationPrefixListId": answers["PrefixLists"][0]["PrefixListId"], **target}
    elif kind == "wide":
        yield {"DestinationCidrBlock": "10.0.0.0/8", **target}
    if one_in(draw, 8):  # a longer prefix that leads into a black hole
        subnet = draw(st.sampled_from(of(answers, "Subnets", there)))
        yield {"DestinationCidrBlock": subnet["CidrBlock"], "NetworkInterfaceId": "eni-gone", "Origin": "CreateRoute", "State": "blackhole"}


def _add_acls(draw: t.Any, new: t.Any, answers: dict[str, list[Item]], vpc: Item) -> None:
    subnets = [subnet["SubnetId"] for subnet in of(answers, "Subnets", vpc)]
    custom = draw(st.lists(st.sampled_from(subnets), max_size=len(subnets), unique=True)) if one_in(draw, 3) else []
    plain = [subnet for subnet in subnets if subnet not in custom]
    for associated in [plain, *([custom] if custom else [])]:
        acl = new("acl")
        entries = [_entry(egress, 100, "allow", EVERYWHERE) for egress in (True, False)]
        if associated is custom:
            entries = [entry for egress in (True, False) for entry in _entries(draw, answers, egress)]
        entries += [_entry(egress, 32767, "deny", EVERYWHERE) for egress in (True, False)]
        answers["NetworkAcls"].append({
            "NetworkAclId": acl, "VpcId": vpc["VpcId"], "IsDefault": associated is plain, "OwnerId": "123456789012", "Tags": [],
            "Associations": [{"NetworkAclAssociationId": new("aclassoc"), "NetworkAclId": acl, "SubnetId": subnet} for subnet in associated],
            "Entries": draw(st.permutations(entries)),
        })


def _entries(draw: t.Any, answers: dict[str, list[Item]], egress: bool) -> list[Item]:
    if one_in(draw, 2):  # as people write them: what is asked for, and what answers come back on
        ports = draw(st.sampled_from([(1024, 65535), (1024, 65535), (32768, 60999), (5432, 6379), (22, 443)]))
        servers = [_entry(egress, 110, "allow", EVERYWHERE, "6", (5432, 6379))] if one_in(draw, 2) else []
        return [_entry(egress, 100, "allow", EVERYWHERE, "6", ports), *servers]
    blocks = [EVERYWHERE, EVERYWHERE, "10.0.0.0/8", *(subnet["CidrBlock"] for subnet in answers["Subnets"]),
              *(f"{address(each)}/32" for each in answers["NetworkInterfaces"])]
    numbers = draw(st.lists(st.integers(1, 200), min_size=1, max_size=4, unique=True))
    entries = []
    for number in numbers:
        protocol = draw(st.sampled_from(["6", "6", "6", "-1", "-1", "17", "1"]))
        ports = draw(st.sampled_from(PORT_RANGES)) if protocol in ("6", "17") else None
        entries.append(_entry(egress, number, draw(st.sampled_from(["allow", "allow", "deny"])), draw(st.sampled_from(blocks)), protocol, ports))
    if not one_in(draw, 4):
        entries.append(_entry(egress, 300, "allow", EVERYWHERE))
    return entries


def _entry(egress: bool, number: int, action: str, block: str, protocol: str = "-1", ports: tuple[int, int] | None = None) -> Item:
    entry: Item = {"CidrBlock": block, "Egress": egress, "Protocol": protocol, "RuleAction": action, "RuleNumber": number}
    if protocol == "1":
        entry["IcmpTypeCode"] = {"Code": -1, "Type": -1}
    if ports:
        entry["PortRange"] = {"From": ports[0], "To": ports[1]}
    return entry
