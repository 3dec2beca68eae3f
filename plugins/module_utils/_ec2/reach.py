# SPDX-License-Identifier: GPL-3.0-or-later
"""Does A reach B on a port, by AWS's rules? Pure: what EC2 says of the network is given, no packet is sent.

A connection needs both ways. Groups are stateful: the source's egress and the destination's ingress decide. Routes and network ACLs are
stateless: they decide for the packets there and for the answers back. Every block of both ways is told, not the first alone.
"""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.blocks import (
    FORWARD, RETURN, Block, Code, Kept, Way, acl_block, entry_ports, group_block, no_way_in,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.network import (
    Cidr, Interface, Item, Missing, Network, Ports, active, block_of, blocks_of, cidr, is_private, shown, sides, target_of, within,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import protocol_of

__all__ = ["Block", "Code", "Hop", "Kept", "Network", "Reach", "reach"]

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
REACHABLE, BLOCKED = "reachable", "blocked"
ANYWHERE = {4: cidr("0.0.0.0/0"), 6: cidr("::/0")}
# Ports that a NAT gateway, or a client that nobody asked, takes answers on.
ANY_CLIENT: Ports = (1024, 65535)
MOST_GATEWAYS = 3


class Hop(t.NamedTuple):
    """A station of the path.

    hop:  in words, such as route or return ACL
    says: what AWS says of it: where the verdict is ok, a sentence of what is ruled out
    """

    hop: str
    verdict: str
    says: str


class Reach(t.NamedTuple):
    """verdict: reachable; blocked; or unknown, where a fact is missing and what is there blocks nothing. unknown: what is missing."""

    verdict: str
    hops: t.Tuple[Hop, ...]
    blocks: t.Tuple[Block, ...]
    unknown: t.Tuple[str, ...]


class Leg(t.NamedTuple):
    """From an interface to the next that the packet is handed to: a NAT gateway's, or the destination's.

    arrival: None outside of what was read
    goal:    the address that the sender sends to
    seen:    the sender's address as the arrival sees it
    ports:   where the sender takes answers
    joined:  whether rules that name the sender's groups hold
    """

    sender: Interface
    arrival: t.Optional[Interface]
    goal: Cidr
    seen: Cidr
    ports: Ports
    joined: bool


class Carried(t.NamedTuple):
    arrival: t.Optional[Interface]
    seen: Cidr
    joined: bool = False
    by_nat: bool = False


def reach(
    network: Network, source: t.Optional[str], destination: str, protocol: str = "tcp", port: int = 0, answer_ports: Ports = (32768, 60999),
    kept: t.Sequence[Kept] = (),
) -> Reach:
    """Whether a connection comes about.

    source, destination: an address, or the ID of a network interface; a source of None is somebody in no VPC and of no fixed address
    answer_ports:        where the client takes answers: net.ipv4.ip_local_port_range of its host
    kept:                the rules that the collection keeps, for remedies
    """
    path = _Path(network, protocol_of(protocol), int(port), (int(answer_ports[0]), int(answer_ports[1])), kept)
    try:
        path.follow(source, destination)
    except Missing as missing:
        path.miss("path", missing)
    unknown = tuple(dict.fromkeys(path.unknown))
    if any(block.certain for block in path.blocks):
        verdict = BLOCKED
    else:
        verdict = UNKNOWN if unknown or path.blocks else REACHABLE
    return Reach(verdict, tuple(path.hops), tuple(path.blocks), unknown)


class _Path:
    def __init__(self, network: Network, protocol: str, port: int, answer_ports: Ports, kept: t.Sequence[Kept]) -> None:
        self.network, self.protocol, self.port, self.answer_ports, self.kept = network, protocol, port, answer_ports, kept
        self.hops: t.List[Hop] = []
        self.blocks: t.List[Block] = []
        self.unknown: t.List[str] = []
        self.named = False
        # False from where a way is not known: what comes after it may meet other packets than those that are supposed.
        self.sure = True

    def miss(self, hop: str, missing: t.Any) -> None:
        self.unknown.append(str(missing))
        self.hops.append(Hop(hop, UNKNOWN, str(missing)))

    def stop(self, hop: str, block: Block, sure: bool = True) -> None:
        block = block if sure else block._replace(certain=False)
        self.blocks.append(block)
        if not block.certain:
            self.unknown.append(block.says)
        self.hops.append(Hop(hop, FAILED if block.certain else UNKNOWN, block.says))

    def follow(self, source: t.Optional[str], destination: str) -> None:
        there = self._candidates(destination)
        self.named = str(destination).startswith("eni-")
        here = self._candidates(source) if source is not None else []
        if not here:
            own = block_of(source) if source is not None else None
            if own is not None and is_private(own) and not self.network.read("subnets"):
                # Whether it is outside of all VPCs is what their blocks tell.
                self.network.items("vpcs")
            return self._from_outside(own, there, destination)
        # Another VPC's block may hold the address of one that is known; the known one asks.
        here = [one for one in here if one.id] or here
        if here[1:]:
            raise Missing(f"{source} is the address of {' and of '.join(f'{one} in {one.vpc}' for one in here)}: which one asks is not known")
        own, goal = self._addresses(source, here[0], destination, there)
        if goal in here[0].addresses:
            self.hops.append(Hop("itself", OK, f"{here[0]} asks itself: nothing leaves the host"))
            return None
        return self._from_interface(here[0], own, goal, there)

    def _candidates(self, name: t.Any) -> t.List[Interface]:
        if str(name).startswith("eni-"):
            return [self.network.interface(name)]
        try:
            return self.network.located(block_of(name))
        except ValueError:
            raise Missing(f"{name} is neither an address nor the ID of a network interface") from None

    def _addresses(self, source: t.Any, sender: Interface, destination: t.Any, there: t.Sequence[Interface]) -> t.Tuple[Cidr, Cidr]:
        """The two addresses of a connection, of one family."""
        own = sender.addresses if str(source).startswith("eni-") else (sender.private(block_of(source)),)
        goals = there[0].addresses if str(destination).startswith("eni-") else (block_of(destination),)
        for goal in goals:
            for one in own:
                if one.version == goal.version:
                    return one, goal
        # An address of the other family of the same interface leaves it as well.
        for goal in goals:
            for one in sender.addresses:
                if one.version == goal.version:
                    return one, goal
        raise Missing(f"{sender} and {destination} have no addresses of one family")

    # The ways

    def _from_interface(self, sender: Interface, own: Cidr, goal: Cidr, there: t.Sequence[Interface]) -> None:
        legs: t.List[Leg] = []
        here, address = sender, own
        while True:
            carried = self._carry(FORWARD, here, address, goal, (self.port, self.port), there)
            legs.append(Leg(here, carried.arrival, goal, carried.seen, ANY_CLIENT if legs else self.answer_ports, carried.joined and not legs))
            if not carried.by_nat:
                break
            if carried.arrival is None or len(legs) == MOST_GATEWAYS:
                self.miss("NAT gateway", "where the NAT gateways end is not known")
                break
            here = carried.arrival
            address = here.addresses[0]
        last = legs[-1]
        # The source's groups stand at the beginning of the path.
        hops, blocks, self.hops, self.blocks = self.hops, self.blocks, [], []
        sure, self.sure = self.sure, True
        self._group(sender, True, goal, last.arrival if last.joined and sure else None, last.joined or not sure)
        self.sure = sure
        self.hops += hops
        self.blocks += blocks
        if last.arrival is not None:
            self._group(last.arrival, False, last.seen, sender if last.joined else None, last.joined)
        elif not self.blocks:
            self.miss("outside", f"what is at {shown(goal)} is not known: no network interface with this address was read")
        for leg in reversed(legs):
            self._answer(leg)

    def _from_outside(self, own: t.Optional[Cidr], there: t.Sequence[Interface], destination: str) -> None:
        """From somebody who is in no VPC that was read."""
        if not there:
            raise Missing(f"neither {shown(own)} nor {destination} is an address of what was read")
        by_id = destination.startswith("eni-")
        found = [(one, one.public.get(address, address)) for one in there for address in (one.addresses if by_id else (one.private(block_of(destination)),))]
        public = [(one, address) for one, address in found if not is_private(address) or address in one.public.values()]
        called = [(one, address) for one, address in public if by_id or address == block_of(destination)]
        if not called:
            inside = there[0]
            if own is not None:
                self._other_way(inside, own)
            self.stop("way in", no_way_in(self.network, own, inside, inside.addresses[0] if by_id else block_of(destination)))
            return
        arrival, goal = called[0]
        seen = own if own is not None and own.version == goal.version and not is_private(own) else ANYWHERE[goal.version]
        self.hops.append(Hop("internet gateway", OK, f"{shown(goal)} is a public address of {arrival}"))
        self._acl(FORWARD, arrival, False, seen, (self.port, self.port))
        self._group(arrival, False, seen, None, False)
        self._answer(Leg(arrival, arrival, goal, seen, self.answer_ports if seen.prefixlen else ANY_CLIENT, False), outside=True)

    def _other_way(self, inside: Interface, own: Cidr) -> None:
        """Raises where a route leads back to an outsider by a way that is not the internet's: a VPN, a transit gateway."""
        table = self.network.table(inside.subnet, inside.vpc)
        route = _chosen(self.network, table, own)
        target = target_of(route) if route else ""
        if target and not target.startswith(("igw-", "nat-", "eigw-", "local")):
            raise Missing(f"{table['route_table_id']} leads to {shown(own)} by {target}, and what lies behind it was not read")

    def _answer(self, leg: Leg, outside: bool = False) -> None:
        """The answers of a leg, back to who sent."""
        if leg.arrival is None:
            self._acl(RETURN, leg.sender, False, leg.goal, leg.ports)
            return
        if any(block.code == Code.DISCONNECTED_VPCS for block in self.blocks):
            self._acl(RETURN, leg.arrival, True, leg.seen, leg.ports)
            self._acl(RETURN, leg.sender, False, leg.goal, leg.ports)
            return
        self._carry(RETURN, leg.arrival, leg.arrival.private(leg.goal), leg.seen, leg.ports, () if outside else (leg.sender,))

    def _carry(self, direction: str, sender: Interface, own: Cidr, goal: Cidr, ports: Ports, there: t.Sequence[Interface]) -> Carried:
        """Out of the sender's subnet, by a route, into the next one."""
        for one in there:
            if one.subnet and one.subnet == sender.subnet and one.vpc == sender.vpc and goal in one.addresses:
                self.hops.append(Hop(_hop(direction, "subnet"), OK, f"both are in {one.subnet}, where neither routes nor network ACLs decide"))
                return Carried(one, own, joined=True)
        sure, self.sure = self.sure, self.sure and self._apart(sender, goal, there)
        self._acl(direction, sender, True, goal, ports)
        self.sure = sure
        carried = self._route(direction, sender, own, goal, there)
        if carried.arrival is not None:
            self._acl(direction, carried.arrival, False, carried.seen, ports)
        return carried

    def _apart(self, sender: Interface, goal: Cidr, there: t.Sequence[Interface]) -> bool:
        """Whether an address is surely not in the sender's subnet."""
        known = any(one.subnet for one in there) or any(one.get("subnet_id") == sender.subnet for one in self.network.known("subnets"))
        return known or (goal.version == 4 and not is_private(goal))

    def _route(self, direction: str, sender: Interface, own: Cidr, goal: Cidr, there: t.Sequence[Interface]) -> Carried:
        hop = _hop(direction, "route")
        meant = next((one for one in there if one.vpc == sender.vpc), there[0] if len(there) == 1 else None)
        joining = self.network.joining(sender.vpc, meant.vpc) if meant is not None else []
        # Where no route leads on, the rest is judged as if the right one were there.
        supposed = Carried(meant, own, meant is not None and (meant.vpc == sender.vpc or any(_one_region(one) for one in joining)))
        if meant is not None and goal not in meant.addresses:
            # By its public address: who has none of its own is seen by nobody.
            supposed = Carried(meant, sender.public[own]) if own in sender.public else Carried(None, own)
        way = Way(self.network, direction, sender, goal, meant)
        try:
            table = self.network.table(sender.subnet, sender.vpc)
            route = _chosen(self.network, table, goal)
            if route is None:
                raise _Stopped(way.no_route(table))
            if route.get("state") == "blackhole":
                raise _Stopped(way.blackhole(table, route))
            if route.get("state", "active") != "active":
                raise Missing(f"{table['route_table_id']} calls its route to {shown(goal)} {route['state']}, and whether packets follow it is not known")
            carried = self._follow(way, own, there, table, route)
        except Missing as missing:
            self.miss(hop, missing)
            self.sure = False
            return supposed
        except _Stopped as stopped:
            self.stop(hop, stopped.block, self.sure)
            # Whether a peering could carry the rest, and the groups with it, nobody read.
            self.sure = self.sure and (meant is None or meant.vpc == sender.vpc or self.network.read("vpc_peering_connections"))
            return supposed
        self.hops.append(Hop(hop, OK, f"{table['route_table_id']} leads to {shown(goal)}: {_target(route)}"))
        return carried

    def _follow(self, way: Way, own: Cidr, there: t.Sequence[Interface], table: Item, route: Item) -> Carried:
        """Where a route leads."""
        target, sender, goal = target_of(route), way.sender, way.goal
        if target == "local":
            return Carried(self._inside(way, there, sender.vpc, table, route), own, joined=True)
        if target.startswith("pcx-"):
            return self._peered(way, own, there, table, route)
        if target.startswith(("igw-", "eigw-")):
            return self._internet(way, own, there, table, route)
        if target.startswith("nat-"):
            if way.direction == RETURN:
                raise _Stopped(way.translated(table, route))
            gateways = [one for one in self.network.interfaces if target in str(one.item.get("description"))]
            if not gateways:
                raise Missing(f"the network interface of {target} was not read, so where it sends {way.what} is not known")
            return Carried(gateways[0], own, by_nat=True)
        if target.startswith("eni-"):
            middle = self.network.interface(target)
            if middle in there:
                return Carried(middle, own, joined=middle.vpc == sender.vpc)
            if middle.item.get("source_dest_check") is True:
                raise _Stopped(way.source_dest_check(table, route, middle))
        if target.startswith("vpce-") and route.get("destination_prefix_list_id") and not is_private(goal):
            return Carried(None, own)
        raise Missing(f"{table['route_table_id']} sends {way.what} to {target or 'a target that is not named'}, and what lies behind it was not read")

    def _inside(self, way: Way, there: t.Sequence[Interface], vpc: str, table: Item, route: Item) -> Interface:
        """Who has the address in a VPC, of those that are meant."""
        found = [one for one in there if one.vpc == vpc and way.goal in one.addresses]
        if found:
            return found[0]
        # An address that is known elsewhere only may be of an interface that nobody read.
        if way.there is not None and (self.named or way.direction == RETURN):
            raise _Stopped(way.elsewhere(table, route, vpc))
        raise Missing(f"no network interface with the address {shown(way.goal)} was read in {vpc}")

    def _peered(self, way: Way, own: Cidr, there: t.Sequence[Interface], table: Item, route: Item) -> Carried:
        connection = self.network.peering(target_of(route))
        other = next((side for side in sides(connection) if side.get("vpc_id") != way.sender.vpc), {})
        vpc = str(other.get("vpc_id"))
        meant = next((one for one in there if one.vpc == vpc), way.there)
        way = way._replace(there=meant)
        if not active(connection):
            raise _Stopped(way.dead_peering(connection))
        if blocks_of(other) and not any(within(way.goal, block) for block in blocks_of(other)):
            raise _Stopped(way.outside_of_peer(connection, other, table, route))
        return Carried(self._inside(way, there, vpc, table, route), own, joined=_one_region(connection))

    def _internet(self, way: Way, own: Cidr, there: t.Sequence[Interface], table: Item, route: Item) -> Carried:
        goal, target = way.goal, target_of(route)
        holder = next((one for one in there if goal in one.public.values() or (goal.version == 6 and goal in one.addresses)), None)
        if holder is None and is_private(goal):
            raise _Stopped(way.private_target(table, route))
        public = own if own.version == 6 else way.sender.public.get(own)
        if public is None:
            if not way.sender.id:
                raise Missing(f"whether {way.sender} has a public address is not known")
            raise _Stopped(way.no_public_address(table, route))
        if target.startswith("eigw-") and way.direction == RETURN:
            raise Missing(f"{target} is for connections that begin inside; whether it carries {way.what} is not known")
        return Carried(holder and holder._replace(addresses=(holder.private(goal),) + holder.addresses), public)

    # The filters

    def _acl(self, direction: str, interface: Interface, egress: bool, peer: Cidr, ports: Ports) -> None:
        hop = _hop(direction, f"ACL {'out' if egress else 'in'}")
        try:
            acl = self.network.acl(interface.subnet)
        except Missing as missing:
            return self.miss(hop, missing)
        denied, allowed = _decided(acl, egress, self.protocol, peer, ports)
        if not denied:
            what = f"{self.protocol} {ports[0]}" if direction == FORWARD else "the answers"
            return self.hops.append(Hop(
                hop, OK, f"network ACL {acl['network_acl_id']} lets {what} {'out to' if egress else 'in from'} {shown(peer)}"
            ))
        at_source = (direction == FORWARD) == egress
        for entry, dropped in denied:
            self.stop(hop, acl_block(
                acl, entry, egress, direction, self.protocol, peer, dropped, not allowed, "source" if at_source else "destination",
                _near(acl, egress, self.protocol, peer),
            ), self.sure)
        return None

    def _group(self, interface: Interface, egress: bool, peer: Cidr, other: t.Optional[Interface], joined: bool) -> None:
        """The groups of one end. other: the other end, where rules may name its groups; joined: whether they may."""
        hop = "egress rules" if egress else "security group"
        if interface.groups is None:
            return self.miss(hop, f"the security groups of {shown(interface.addresses[0])} are not known: no network interface with this address was read")
        peer_groups = other.groups if joined and other is not None else None if joined else ()
        try:
            rules = [rule for group in interface.groups for rule in self.network.rules(group, egress)]
        except Missing as missing:
            return self.miss(hop, missing)
        said = [(rule, self._lets(rule, peer, peer_groups)) for rule in rules]
        if not self.sure:
            # From another address, a rule for this port may let it in.
            said = [(rule, lets or (None if self._is_protocol(rule) and self._is_port(rule) else False)) for rule, lets in said]
        names = ", ".join(self.network.group_name(group) for group in interface.groups)
        if any(lets for dummy, lets in said):
            return self.hops.append(Hop(
                hop, OK, f"security group {names} lets {self.protocol} {self.port} {'out to' if egress else 'in from'} {shown(peer)}"
            ))
        if not interface.groups:
            return self.hops.append(Hop(hop, OK, f"{interface} has no security group, so none stops anything"))
        block = group_block(
            self.network, interface, egress, rules, self.protocol, self.port, peer, peer_groups or (),
            lambda rule: self._nearness(rule, peer, peer_groups), [rule for rule, lets in said if lets is None], self.kept,
        )
        return self.stop(hop, block)

    def _lets(self, rule: Item, peer: Cidr, peer_groups: t.Optional[t.Sequence[str]]) -> t.Optional[bool]:
        """Whether a rule lets the traffic through; None: that cannot be told."""
        if not (self._is_protocol(rule) and self._is_port(rule)):
            return False
        return self._is_peer(rule, peer, peer_groups)

    def _is_protocol(self, rule: Item) -> bool:
        return protocol_of(rule.get("ip_protocol")) in ("-1", self.protocol)

    def _is_port(self, rule: Item) -> bool:
        first, last = rule.get("from_port"), rule.get("to_port")
        if protocol_of(rule.get("ip_protocol")) == "-1" or first in (None, -1):
            return True
        return int(first) <= self.port <= int(last)

    def _is_peer(self, rule: Item, peer: Cidr, peer_groups: t.Optional[t.Sequence[str]]) -> t.Optional[bool]:
        block = rule.get("cidr_ipv4") or rule.get("cidr_ipv6")
        if block:
            return _holds([cidr(block)], peer)
        if rule.get("prefix_list_id"):
            try:
                return _holds(self.network.prefixes(rule["prefix_list_id"]), peer)
            except Missing:
                return None
        group = (rule.get("referenced_group_info") or {}).get("group_id")
        if group:
            return None if peer_groups is None else group in peer_groups
        return None

    def _nearness(self, rule: Item, peer: Cidr, peer_groups: t.Optional[t.Sequence[str]]) -> str:
        same = (bool(self._is_peer(rule, peer, peer_groups)), self._is_port(rule), self._is_protocol(rule))
        return {(False, True, True): "peer", (True, False, True): "port", (True, True, False): "protocol"}.get(same, "")


class _Stopped(Exception):
    def __init__(self, block: Block) -> None:
        super().__init__(block.says)
        self.block = block


def _hop(direction: str, name: str) -> str:
    return name if direction == FORWARD else f"return {name}"


def _target(route: Item) -> str:
    return "inside of the VPC" if target_of(route) == "local" else f"by {target_of(route)}"


def _one_region(connection: Item) -> bool:
    return active(connection) and len({side.get("region") for side in sides(connection)}) == 1


def _holds(blocks: t.Sequence[Cidr], peer: Cidr) -> t.Optional[bool]:
    """Whether the blocks hold a peer: None where it may have an address of theirs and another one."""
    if any(within(peer, block) for block in blocks):
        return True
    return None if any(within(block, peer) for block in blocks) else False


def _chosen(network: Network, table: Item, goal: Cidr) -> t.Optional[Item]:
    """The route that packets take: the longest prefix; then static before a prefix list's before a propagated one. Local beats all that is propagated."""
    matching: t.List[t.Tuple[int, int, Item]] = []
    unread: t.List[Item] = []
    for route in table.get("routes") or []:
        listed = route.get("destination_prefix_list_id")
        block = route.get("destination_cidr_block") or route.get("destination_ipv6_cidr_block")
        try:
            blocks = network.prefixes(listed) if listed else [cidr(block)] if block else []
        except Missing:
            # The lists of gateway endpoints hold a service's public addresses only.
            if not (target_of(route).startswith("vpce-") and is_private(goal)):
                unread.append(route)
            continue
        rank = 0 if route.get("origin") == "EnableVgwRoutePropagation" else 1 if listed else 2
        matching += [(one.prefixlen, rank, route) for one in blocks if within(goal, one)]
    if any(target_of(route) == "local" for dummy, dummy2, route in matching):
        matching = [one for one in matching if one[1]]
    best = max((one[:2] for one in matching), default=None)
    won = [route for length, rank, route in matching if (length, rank) == best]
    targets = {(target_of(route), route.get("state", "active")) for route in won}
    for route in unread:
        if best is None or best[0] < goal.max_prefixlen:
            targets.add((target_of(route), route.get("state", "active")))
    if len(targets) > 1 or (unread and not won):
        lists = sorted(str(route.get("destination_prefix_list_id")) for route in unread + won if route.get("destination_prefix_list_id"))
        raise Missing(f"which route of {table['route_table_id']} packets to {shown(goal)} take is not known: it depends on {', '.join(dict.fromkeys(lists))}")
    return won[0] if won else None


def _entries(acl: Item, egress: bool, protocol: str, peer: Cidr) -> t.List[Item]:
    """The entries about this traffic, as AWS reads them. One about a part of many peers does not decide for all of them."""
    return sorted((
        entry for entry in acl.get("entries") or []
        if bool(entry.get("egress")) == egress and protocol_of(entry.get("protocol")) in ("-1", protocol)
        and _holds([cidr(block) for block in (entry.get("cidr_block"), entry.get("ipv6_cidr_block")) if block], peer)
    ), key=lambda entry: int(entry["rule_number"]))


def _decided(
    acl: Item, egress: bool, protocol: str, peer: Cidr, ports: Ports,
) -> t.Tuple[t.List[t.Tuple[t.Optional[Item], Ports]], bool]:
    """What of the ports an ACL drops, each with the entry that does, and whether it lets some through."""
    open_, denied, allowed = [ports], [], False
    for entry in [*_entries(acl, egress, protocol, peer), None]:
        first, last = entry_ports(entry) if entry else (0, 65535)
        rest: t.List[Ports] = []
        for low, high in open_:
            hit = max(low, first), min(high, last)
            if hit[0] > hit[1]:
                rest.append((low, high))
                continue
            rest += [one for one in ((low, hit[0] - 1), (hit[1] + 1, high)) if one[0] <= one[1]]
            if entry and entry.get("rule_action") == "allow":
                allowed = True
            else:
                denied.append((entry, hit))
        open_ = rest
    return denied, allowed


def _near(acl: Item, egress: bool, protocol: str, peer: Cidr) -> t.List[Item]:
    """Entries that let other ports of the same traffic through."""
    return [entry for entry in _entries(acl, egress, protocol, peer) if entry.get("rule_action") == "allow" and entry.get("port_range")]
