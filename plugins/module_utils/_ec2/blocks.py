# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a packet, in words: what AWS says, the item that says it, and the way out. Pure. Whether it stops one is decided in reach.py."""

from __future__ import annotations

import enum
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.network import (
    SOURCES, Cidr, Interface, Item, Network, Ports, as_answered, blocks_of, cidr, destination_of, is_private, shown, sides, status, target_of,
    within,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import PROTOCOL_NAMES, answered, protocol_of

FORWARD, RETURN = "forward", "return"
NOT_KEPT = "changes an object that this collection does not keep"
DEPLOY = "ansible-playbook deploy.yml --tags network,verify"
NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
# The * of an ACL: what no numbered entry decides.
LAST_NUMBER = 32766


class Code(str, enum.Enum):
    """The words of AWS's Reachability Analyzer."""

    ENI_SG_RULES_MISMATCH = "ENI_SG_RULES_MISMATCH"
    SG_HAS_NO_RULES = "SG_HAS_NO_RULES"
    UNKNOWN_PEERED_SGS = "UNKNOWN_PEERED_SGS"
    SUBNET_ACL_RESTRICTION = "SUBNET_ACL_RESTRICTION"
    NO_ROUTE_TO_DESTINATION = "NO_ROUTE_TO_DESTINATION"
    BAD_STATE_ROUTE = "BAD_STATE_ROUTE"
    BAD_STATE_ATTACHMENT = "BAD_STATE_ATTACHMENT"
    DISCONNECTED_VPCS = "DISCONNECTED_VPCS"
    NO_PATH = "NO_PATH"
    PCX_REQUIRES_ADDRESS_IN_VPC_CIDR = "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
    ENI_SOURCE_DEST_CHECK_RESTRICTION = "ENI_SOURCE_DEST_CHECK_RESTRICTION"
    IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"
    IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
    IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"

    __str__ = str.__str__


class Block(t.NamedTuple):
    """One thing that stops packets.

    component: the ID of AWS's object
    direction: forward or return, whose packets it stops
    evidence:  AWS's item, with AWS's names of members
    source:    the call that told it
    remedy:    kind, text, does, as reports have it
    side:      source or destination: whose group, subnet or VPC it is
    near:      for a group, in what the nearest of its rules is another one: peer, port or protocol; empty where none is near
    certain:   False where it stops only some connections, or where AWS does not tell enough to be sure
    beside:    further items worth showing
    """

    code: Code
    component: str
    direction: str
    says: str
    evidence: t.Mapping[str, t.Any]
    source: str
    remedy: t.Mapping[str, str]
    side: str = "source"
    near: str = ""
    certain: bool = True
    beside: t.Tuple[t.Mapping[str, t.Any], ...] = ()


class Kept(t.NamedTuple):
    """An ingress rule that the collection keeps.

    peers:    groups, blocks and prefix lists that it lets in; None: whoever `variable` names
    variable: what has to stand in the inventory before a run makes the rule, where it does not yet; {peer} becomes who is to be let in
    """

    group: str
    port: int
    peers: t.Optional[t.Tuple[str, ...]] = None
    variable: str = ""


def command(words: str, does: str = NOT_KEPT) -> t.Dict[str, str]:
    return {"kind": "command", "text": f"aws ec2 {words}", "does": does}


def group_block(
    network: Network, interface: Interface, egress: bool, rules: t.Sequence[Item], protocol: str, port: int, peer: Cidr, peer_groups: t.Sequence[str],
    nearness: t.Callable[[Item], str], unsure: t.Sequence[Item], kept: t.Sequence[Kept],
) -> Block:
    """None of the rules of the interface's groups lets the traffic through. nearness: what of a rule is another one; unsure: rules that may let it through."""
    groups = interface.groups or ()
    names = _joined([network.group_name(group) for group in groups]) or f"{interface}"
    direction, preposition, who = ("egress", "to", shown(peer)) if egress else ("ingress", "from", shown(peer))
    # A rule for the same peer tells more than one for others.
    near = sorted(rules, key=lambda rule: (rule not in unsure, ("port", "protocol", "peer", "").index(nearness(rule))))
    traffic = f"{protocol} {port}"
    wanted = f"{traffic} {preposition} {who}" + (f" of {_joined([network.group_name(group) for group in peer_groups])}" if peer_groups else "")
    if rules:
        count = f"{len(rules)} {direction} rule{'s' if rules[1:] else ''}"
        nearest = ", ".join(_rule(one, preposition) for one in near[:2])
        says = f"{names} {'have' if groups[1:] else 'has'} {count}, none for {wanted}; there {'are' if rules[1:] else 'is'} {nearest}"
        says += f" and {len(rules) - 2} more" if rules[2:] else ""
        evidence, source = as_answered(near[0]), SOURCES["security_group_rules"]
    else:
        says = f"{names} {'have' if groups[1:] else 'has'} no {direction} rule, so {wanted} does not pass"
        item = (network.group(groups[0]) if groups else None) or {"group_id": groups[0] if groups else ""}
        evidence, source = as_answered({key: item[key] for key in ("group_id", "group_name", "vpc_id") if key in item}), SOURCES["security_groups"]
    code = Code.ENI_SG_RULES_MISMATCH if rules else Code.SG_HAS_NO_RULES
    if unsure:
        code = Code.UNKNOWN_PEERED_SGS if any(one.get("referenced_group_info") for one in unsure) else code
        says += f"; whether {_rule(unsure[0], preposition)} is about the other side is not known"
    remedy = None if egress else _kept_remedy(network, groups, port, peer, peer_groups, traffic, kept)
    if remedy is None:
        remedy = _authorize(groups[0] if groups else "", egress, protocol, port, peer, peer_groups)
    return Block(
        code, groups[0] if groups else str(interface), FORWARD, says, evidence, source, remedy, "source" if egress else "destination",
        nearness(near[0]) if near else "", not unsure, tuple(as_answered(one) for one in near[1:3]),
    )


def _kept_remedy(
    network: Network, groups: t.Sequence[str], port: int, peer: Cidr, peer_groups: t.Sequence[str], traffic: str, kept: t.Sequence[Kept],
) -> t.Optional[t.Dict[str, str]]:
    for one in kept:
        if one.group not in groups or one.port != port:
            continue
        named = [name for name in one.peers or () if name in peer_groups or (_is_cidr(name) and within(peer, cidr(name)))]
        if one.peers is not None and not named:
            continue
        who = network.group_name(named[0]) if named else shown(peer)
        adds = f"adds 1 rule: {traffic} from {who}"
        if one.variable:
            return {"kind": "variable", "text": one.variable.replace("{peer}", str(peer)), "does": f"{DEPLOY} then {adds}"}
        return {"kind": "command", "text": DEPLOY, "does": adds}
    return None


def _authorize(group: str, egress: bool, protocol: str, port: int, peer: Cidr, peer_groups: t.Sequence[str]) -> t.Dict[str, str]:
    words = f"authorize-security-group-{'egress' if egress else 'ingress'} --group-id {group}"
    if peer_groups:
        return command(f"{words} --protocol {protocol} --port {port} --source-group {peer_groups[0]}")
    if peer.version == 4:
        return command(f"{words} --protocol {protocol} --port {port} --cidr {peer}")
    return command(f"{words} --ip-permissions IpProtocol={protocol},FromPort={port},ToPort={port},Ipv6Ranges=[{{CidrIpv6={peer}}}]")


def acl_block(
    acl: Item, entry: t.Optional[Item], egress: bool, direction: str, protocol: str, peer: Cidr, ports: Ports, certain: bool, side: str,
    allowed: t.Sequence[Item],
) -> Block:
    """An entry of a network ACL denies packets to `ports`. allowed: entries that let some of the traffic through, to other ports."""
    acl_id, number = str(acl.get("network_acl_id")), int(entry["rule_number"]) if entry else LAST_NUMBER + 1
    name = f"rule {number}" if number <= LAST_NUMBER else "its last rule"
    what = "answers" if direction == RETURN else "what goes"
    way = f"{what} {'out to' if egress else 'in from'} {shown(peer)}" if direction == FORWARD else f"answers {'to' if egress else 'from'} {shown(peer)}"
    says = f"network ACL {acl_id} drops {way}, {protocol} {'port' if ports[0] == ports[1] else 'ports'} {_range(ports)}, by {name}"
    if allowed:
        says += f"; it lets {protocol} {', '.join(_range(entry_ports(one)) for one in allowed[:2])} through"
    if not certain:
        says += "; other ports of answers pass, so it depends on the port of a connection"
    remedy = _allow_entry(acl, egress, number, protocol, peer, ports)
    return Block(
        Code.SUBNET_ACL_RESTRICTION, acl_id, direction, says, as_answered(entry or acl), SOURCES["network_acls"], remedy, side, "", certain,
        tuple(as_answered(one) for one in allowed[:2]),
    )


def _allow_entry(acl: Item, egress: bool, before: int, protocol: str, peer: Cidr, ports: Ports) -> t.Dict[str, str]:
    """A numbered entry in front of the one that denies."""
    used = {int(one["rule_number"]) for one in acl.get("entries") or [] if bool(one.get("egress")) == egress}
    highest = max([number for number in used if number < before], default=0)
    # Between its neighbours, with room on both sides where there is some.
    number = next((one for one in (highest + 10, highest + 1) if one < min(before, LAST_NUMBER)), None)
    number = number or next((one for one in range(min(before, LAST_NUMBER) - 1, 0, -1) if one not in used), None)
    way = "--egress" if egress else "--ingress"
    if number is None:
        return command(f"delete-network-acl-entry --network-acl-id {acl.get('network_acl_id')} {way} --rule-number {before}")
    family = "--cidr-block" if peer.version == 4 else "--ipv6-cidr-block"
    return command(
        f"create-network-acl-entry --network-acl-id {acl.get('network_acl_id')} {way} --rule-number {number} --protocol {NUMBERS.get(protocol, protocol)} "
        f"--rule-action allow {family} {peer} --port-range From={ports[0]},To={ports[1]}"
    )


def entry_ports(entry: Item) -> Ports:
    """The ports that an entry of an ACL is about. There are none in it where it is about all."""
    found = entry.get("port_range")
    return (int(found["from"]), int(found["to"])) if found and protocol_of(entry.get("protocol")) != "-1" else (0, 65535)


class Way(t.NamedTuple):
    """A packet that looks for its route.

    goal:  the address that it goes to
    there: whose address that is, where it is known
    """

    network: Network
    direction: str
    sender: Interface
    goal: Cidr
    there: t.Optional[Interface]

    @property
    def side(self) -> str:
        return "source" if self.direction == FORWARD else "destination"

    @property
    def what(self) -> str:
        return f"{'packets' if self.direction == FORWARD else 'answers'} to {shown(self.goal)}"

    def no_route(self, table: Item) -> Block:
        code, says = Code.NO_ROUTE_TO_DESTINATION, f"{table['route_table_id']}, the route table of {self.sender.subnet}, has no route for {self.what}"
        if self._apart:
            code, says = Code.DISCONNECTED_VPCS, f"{says}, and nothing joins {self.sender.vpc} and {self.there.vpc}"  # type: ignore[union-attr]
        return self._block(code, table, says, _table(table), self._route_to_there(table, None))

    def blackhole(self, table: Item, route: Item) -> Block:
        says = f"{table['route_table_id']} sends {self.what} to {target_of(route) or 'a target'} ({destination_of(route)}), which is gone: a blackhole"
        return self._block(Code.BAD_STATE_ROUTE, table, says, as_answered(route), self._route_to_there(table, route))

    def private_target(self, table: Item, route: Item) -> Block:
        says = f"{table['route_table_id']} sends {self.what} to {target_of(route)} ({destination_of(route)}), and an internet gateway drops private addresses"
        if self._apart:
            says += f"; nothing joins {self.sender.vpc} and {self.there.vpc}"  # type: ignore[union-attr]
        return self._block(
            Code.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS, table, says, as_answered(route), self._route_to_there(table, route, self._apart)
        )

    def no_public_address(self, table: Item, route: Item) -> Block:
        says = f"{table['route_table_id']} sends {self.what} to {target_of(route)}, and {self.sender} has no public address: an internet gateway drops them"
        remedy = command(
            f"associate-address --network-interface-id {self.sender.id} --allocation-id ALLOCATION",
            f"gives it a public address, where ALLOCATION is what aws ec2 allocate-address told; a route by a NAT gateway does too; {NOT_KEPT}",
        )
        return self._block(Code.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS, table, says, as_answered(route), remedy)

    def dead_peering(self, connection: Item) -> Block:
        name, state = connection["vpc_peering_connection_id"], status(connection)
        says = f"{self.what} go by the peering connection {name}, which is {state} and not active"
        remedy = command(f"accept-vpc-peering-connection --vpc-peering-connection-id {name}") if state == "pending-acceptance" else self._peer()
        return Block(
            Code.BAD_STATE_ATTACHMENT, name, self.direction, says, _connection(connection), SOURCES["vpc_peering_connections"], remedy, self.side
        )

    def outside_of_peer(self, connection: Item, other: Item, table: Item, route: Item) -> Block:
        blocks = _joined([str(one) for one in blocks_of(other)])
        says = (
            f"{table['route_table_id']} sends {self.what} to {connection['vpc_peering_connection_id']}, "
            f"which carries to {other.get('vpc_id')} alone: {blocks}. Peering leads no further"
        )
        return Block(
            Code.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR, connection["vpc_peering_connection_id"], self.direction, says, _connection(connection),
            SOURCES["vpc_peering_connections"], self._route_to_there(table, route, self._apart), self.side, beside=(as_answered(route),),
        )

    def elsewhere(self, table: Item, route: Item, vpc: str) -> Block:
        says = f"{table['route_table_id']} sends {self.what} to {target_of(route)} ({destination_of(route)}), into {vpc}, and {self.there} is not there"
        if self.there is not None and self.there.vpc != vpc:
            says = f"{says} but in {self.there.vpc}"
        return self._block(Code.NO_PATH, table, says, as_answered(route), self._route_to_there(table, route, self._apart))

    def translated(self, table: Item, route: Item) -> Block:
        says = f"{table['route_table_id']} sends {self.what} to {target_of(route)}: they would bear another address than the one that was called"
        return self._block(Code.NO_PATH, table, says, as_answered(route), self._route_to_there(table, route))

    def source_dest_check(self, table: Item, route: Item, middle: Interface) -> Block:
        says = f"{table['route_table_id']} sends {self.what} to {middle.id}, which drops them: its source/destination check is on"
        remedy = command(f"modify-network-interface-attribute --network-interface-id {middle.id} --no-source-dest-check")
        return self._block(Code.ENI_SOURCE_DEST_CHECK_RESTRICTION, table, says, as_answered(route), remedy)

    @property
    def _apart(self) -> bool:
        """Whether what was read shows that nothing joins the two VPCs."""
        if self.there is None or self.there.vpc == self.sender.vpc or self.network.joining(self.sender.vpc, self.there.vpc):
            return False
        return bool(self.network.read("vpc_peering_connections"))

    def _block(self, code: Code, table: Item, says: str, evidence: t.Mapping[str, t.Any], remedy: t.Mapping[str, str]) -> Block:
        return Block(code, str(table["route_table_id"]), self.direction, says, evidence, SOURCES["route_tables"], remedy, self.side)

    def _route_to_there(self, table: Item, bad: t.Optional[Item], apart: bool = False) -> t.Dict[str, str]:
        """A route that leads where the packet goes, in place of the one that does not or beside it."""
        name = table["route_table_id"]
        if self.there is not None and self.there.vpc == self.sender.vpc and bad is not None:
            # The VPC's own route lies below.
            return command(f"delete-route --route-table-id {name} {_option(bad)}")
        if apart or self._apart:
            return self._peer()
        joining = self.network.joining(self.sender.vpc, self.there.vpc) if self.there is not None else []
        if joining:
            target = f"--vpc-peering-connection-id {joining[0]['vpc_peering_connection_id']}"
            blocks = [block for side in sides(joining[0]) if side.get("vpc_id") == self.there.vpc for block in blocks_of(side)]  # type: ignore[union-attr]
            block = next((one for one in blocks if within(self.goal, one)), self.goal)
        else:
            target, block = ("--gateway-id IGW", self.goal) if not is_private(self.goal) else ("--vpc-peering-connection-id PCX", self.goal)
        if bad is not None and destination_of(bad).startswith("pl-"):
            # What else the list holds stays where it leads.
            block = self.goal
        elif bad is not None and cidr(destination_of(bad)).subnet_of(block):  # type: ignore[arg-type]
            if bad.get("origin") != "EnableVgwRoutePropagation":
                return command(f"replace-route --route-table-id {name} {_option(bad)} {target}")
            # A static route beats a propagated one to the same block.
            block = cidr(destination_of(bad))
        family = "" if block.version == 4 else "-ipv6"
        return command(f"create-route --route-table-id {name} --destination{family}-cidr-block {block} {target}")

    def _peer(self) -> t.Dict[str, str]:
        there = self.there.vpc if self.there is not None else "VPC"
        return command(
            f"create-vpc-peering-connection --vpc-id {self.sender.vpc} --peer-vpc-id {there}",
            "asks for a connection of the two VPCs, which has to be accepted and needs routes on both sides; or move one host into the other's VPC",
        )


def no_way_in(network: Network, source: t.Optional[Cidr], there: Interface, goal: Cidr) -> Block:
    """Somebody outside of all VPCs asks for a private address."""
    who = f"{shown(source)}, outside of every VPC that was read," if source is not None and source.prefixlen else "Who is outside of the VPC"
    says = f"{who} cannot reach {shown(goal)}: it is a private address of {there.vpc}"
    public = there.public.get(goal)
    says += f", whose public address is {shown(public)}" if public is not None else ", and it has no public one"
    keys = ("network_interface_id", "description", "private_ip_address", "subnet_id", "vpc_id", "association", "deny_all_igw_traffic")
    item = {key: value for key, value in there.item.items() if key in keys} or {"private_ip_address": shown(goal), "vpc_id": there.vpc}
    remedy = command(
        f"describe-network-interfaces --filters Name=private-ip-address,Values={shown(goal)}",
        f"shows the interface. Ask from a host inside of {there.vpc}, or give the object a public address where it can have one",
    )
    return Block(
        Code.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS, str(there), FORWARD, says, as_answered(item), SOURCES["network_interfaces"], remedy, "destination",
        # A client's own address may be translated on its way: only who has no place in a VPC at all is surely outside.
        certain=source is None or not is_private(source),
    )


def _table(table: Item) -> t.Mapping[str, t.Any]:
    """Of a route table what tells where it leads."""
    routes = [{key: value for key, value in route.items() if key.startswith("destination") or key == "state" or value == target_of(route)}
              for route in table.get("routes") or []]
    return as_answered({"route_table_id": table["route_table_id"], "routes": routes})


def _connection(connection: Item) -> t.Mapping[str, t.Any]:
    kept = {"vpc_peering_connection_id": connection["vpc_peering_connection_id"], "status": connection.get("status")}
    for side in ("requester_vpc_info", "accepter_vpc_info"):
        kept[side] = {key: value for key, value in (connection.get(side) or {}).items() if key in ("vpc_id", "cidr_block", "region")}
    return as_answered(kept)


def _rule(rule: Item, preposition: str) -> str:
    found = answered(as_answered(dict(rule)))
    return f"{found.traffic} {preposition} {found.written_source}"


def _range(ports: Ports) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def _joined(names: t.Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _option(route: Item) -> str:
    for key, option in (("destination_cidr_block", "cidr-block"), ("destination_ipv6_cidr_block", "ipv6-cidr-block")):
        if route.get(key):
            return f"--destination-{option} {route[key]}"
    return f"--destination-prefix-list-id {route.get('destination_prefix_list_id')}"


def _is_cidr(name: str) -> bool:
    return not name.startswith(("sg-", "pl-"))
