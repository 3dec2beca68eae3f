# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated networks: what is judged reachable is what a model finds that sends each packet of each connection, one by one."""

from __future__ import annotations

import copy
import ipaddress
import random
import shlex

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.reach import Code, Network, reach
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks import ALL, Facts, entry

PORT, ANSWERS = 6379, (40000, 40003)
VPCS = {"a": "10.0.0.0/16", "b": "10.1.0.0/16", "c": "10.2.0.0/16"}
HOSTS = {"a1": "10.0.1.10", "a2": "10.0.2.10", "b1": "10.1.1.10", "c1": "10.2.1.10"}
PUBLIC = {"a1": "203.0.113.1", "a2": "", "b1": "203.0.113.11", "c1": ""}
PREFIX_LIST = {"prefix_list_id": "pl-1", "cidrs": ["10.1.0.0/17", "10.0.2.0/24"]}
BLOCKS = [ALL, ALL, "10.0.0.0/8", *VPCS.values(), "10.0.2.0/24", "10.1.1.0/28", "10.0.1.10/32", "203.0.113.0/24", "203.0.113.11/32"]
RANGES = [(0, 65535), (0, 65535), (PORT, PORT), (1024, 65535), (40000, 40001), (22, 22), (6000, 40002)]

# The model.


def address(text):
    return int(ipaddress.ip_address(text))


def span(block):
    network = ipaddress.ip_network(block)
    return range(int(network[0]), int(network[-1]) + 1)


class Model:
    """The same network as a world of packets. Rules are painted over each other, the stronger one later, and nothing is searched for a first match."""

    def __init__(self, facts):
        self.facts = facts
        self.hosts = {one["private_ip_address"]: one for one in facts["network_interfaces"]}
        self.public = {one["association"]["public_ip"]: own for own, one in self.hosts.items() if one.get("association")}

    def painted(self, subnet, goal):
        """The route of a subnet to an address: weak ones are painted first."""
        tables = self.facts["route_tables"]
        own = [one for one in tables for association in one["associations"] if association.get("subnet_id") == subnet["subnet_id"]]
        main = [one for one in tables for association in one["associations"] if association["main"] and one["vpc_id"] == subnet["vpc_id"]]
        strokes = []
        for route in (own + main)[0]["routes"]:
            blocks = PREFIX_LIST["cidrs"] if route.get("destination_prefix_list_id") else [route["destination_cidr_block"]]
            propagated = route["origin"] == "EnableVgwRoutePropagation"
            for block in blocks:
                if route.get("gateway_id") == "local":
                    # Over all that is propagated, and by its length among the others.
                    strokes += [(0, 99, 0, block, route), (1, int(block.split("/")[1]), 2, block, route)]
                else:
                    strokes.append((0 if propagated else 1, int(block.split("/")[1]), 1 if route.get("destination_prefix_list_id") else 2, block, route))
        # Without a local route that matches, what is propagated competes by length alone.
        local = any(route.get("gateway_id") == "local" and goal in span(block) for dummy, dummy2, dummy3, block, route in strokes)
        order = (lambda one: one[:3]) if local else (lambda one: (one[1], one[0], one[2]))
        canvas = None
        for stroke in sorted(strokes, key=order):
            if goal in span(stroke[3]) and not (not local and stroke[1] == 99):
                canvas = stroke[4]
        return canvas

    def lets(self, subnet, egress, peer, port):
        acl = next(one for one in self.facts["network_acls"] for association in one["associations"] if association["subnet_id"] == subnet["subnet_id"])
        canvas = False
        for one in sorted(acl["entries"], key=lambda one: -one["rule_number"]):
            ports = one.get("port_range") or {"from": 0, "to": 65535}
            if one["egress"] == egress and "cidr_block" in one and one["protocol"] in ("-1", "6"):
                if peer in span(one["cidr_block"]) and port in range(ports["from"], ports["to"] + 1):
                    canvas = one["rule_action"] == "allow"
        return canvas

    def grouped(self, host, egress, peer, peer_groups):
        groups = {one["group_id"] for one in host["groups"]}
        admitted = set()
        for rule in self.facts["security_group_rules"]:
            if rule["group_id"] not in groups or rule["is_egress"] != egress or "cidr_ipv6" in rule:
                continue
            ports = range(65536) if rule["ip_protocol"] == "-1" else range(rule["from_port"], rule["to_port"] + 1) if rule["ip_protocol"] == "tcp" else ()
            named = rule.get("referenced_group_info", {}).get("group_id")
            blocks = PREFIX_LIST["cidrs"] if rule.get("prefix_list_id") else [rule["cidr_ipv4"]] if "cidr_ipv4" in rule else []
            if PORT in ports and (named in peer_groups or any(peer in span(block) for block in blocks)):
                admitted.add(rule["security_group_rule_id"])
        return bool(admitted)

    def send(self, own, seen, goal, port):
        """A packet from a host to an address, and by which way: the host that it arrives at, and the address that it bears then; None where it is lost."""
        sender = self.hosts[own]
        subnet = self.facts.one("subnets", subnet_id=sender["subnet_id"])
        if goal in self.hosts and self.hosts[goal]["subnet_id"] == subnet["subnet_id"]:
            return goal, own, "near"
        if not self.lets(subnet, True, address(goal), port):
            return None
        route = self.painted(subnet, address(goal))
        if route is None or route["state"] != "active":
            return None
        arrival, way, bears = goal, "local", own
        if "vpc_peering_connection_id" in route:
            connection = self.facts.one("vpc_peering_connections", vpc_peering_connection_id=route["vpc_peering_connection_id"])
            other = [connection[side] for side in ("requester_vpc_info", "accepter_vpc_info") if connection[side]["vpc_id"] != subnet["vpc_id"]][0]
            if connection["status"]["code"] != "active" or not any(address(goal) in span(one["cidr_block"]) for one in other["cidr_block_set"]):
                return None
            way = "peer" if connection["requester_vpc_info"]["region"] == connection["accepter_vpc_info"]["region"] else "far"
        elif route["gateway_id"] != "local":
            if goal not in self.public or not sender.get("association"):
                return None
            arrival, way, bears = self.public[goal], "internet", sender["association"]["public_ip"]
        there = self.hosts.get(arrival)
        if there is None or (way == "local" and there["vpc_id"] != subnet["vpc_id"]):
            return None
        if not self.lets(self.facts.one("subnets", subnet_id=there["subnet_id"]), False, address(seen or bears), port):
            return None
        return arrival, bears, way

    def connects(self, source, goal, answer_port):
        sent = self.send(source, None, goal, PORT)
        if sent is None:
            return False
        arrival, bears, way = sent
        here, there = self.hosts[source], self.hosts[arrival]
        groups = [{one["group_id"] for one in host["groups"]} if way in ("near", "local", "peer") else set() for host in (here, there)]
        if not self.grouped(here, True, address(goal), groups[1]) or not self.grouped(there, False, address(bears), groups[0]):
            return False
        answered = self.send(arrival, goal, bears, answer_port)
        return answered is not None and answered[0] == source

    def verdict(self, source, goal):
        passed = {self.connects(source, goal, port) for port in range(ANSWERS[0], ANSWERS[1] + 1)}
        return {(True,): "reachable", (False,): "blocked"}.get(tuple(passed), "unknown")


# Generated networks: each a working one with a few things changed, so that about half of them connect.


USUALLY, SELDOM = st.sampled_from([True] * 7 + [False]), st.sampled_from([False] * 7 + [True])


@st.composite
def networks(draw):
    made = Facts()
    made["prefix_lists"].append(PREFIX_LIST)
    for name, block in VPCS.items():
        vpc = made.vpc(name, block)
        made.group(name, vpc)
        made.rule(f"sg-{name}", "tcp", PORT, PORT, draw(st.sampled_from([ALL, ALL, ALL, ALL, ALL, "10.0.0.0/8", "sg-a", "sg-b", "pl-1"])))
    made.group("extra", "vpc-a", egress=False)
    for name, own in HOSTS.items():
        vpc = name[0]
        subnet = made.subnet(name, f"vpc-{vpc}", own.rsplit(".", 1)[0] + ".0/24")
        more = draw(st.sampled_from([(), (), ("sg-extra",)])) if vpc == "a" else ()
        made.interface(name, subnet, own, f"sg-{vpc}", *more, public=PUBLIC[name])
    made.interface("near", "subnet-a1", "10.0.1.20", draw(st.sampled_from(["sg-a", "sg-extra"])))
    if draw(st.booleans()):
        made.table("own", "vpc-a", "subnet-a1")
    pairs = ("ab", "bc", "ac") if draw(USUALLY) else ("ab", "bc")
    for pair in pairs:
        made.peering(
            pair, f"vpc-{pair[0]}", f"vpc-{pair[1]}", draw(st.sampled_from(["active"] * 8 + ["pending-acceptance"])),
            region=draw(st.sampled_from(["us-east-1"] * 4 + ["eu-west-1"])),
        )
    for item in made["route_tables"]:
        table, vpc = item["route_table_id"], item["vpc_id"][-1]
        peers = [f"pcx-{pair}" for pair in pairs if vpc in pair]
        for pair in pairs:
            if vpc in pair and draw(USUALLY):
                made.route(table, VPCS[pair.replace(vpc, "")], f"pcx-{pair}")
        if draw(USUALLY):
            made.route(table, ALL, f"igw-{vpc}", draw(st.sampled_from(["active"] * 4 + ["blackhole"])))
        if draw(SELDOM):
            block = draw(st.sampled_from(["10.1.1.0/28", "10.1.1.0/24", "10.0.2.0/24", "203.0.113.0/24", "pl-1"]))
            state, origin = draw(st.sampled_from(["active", "blackhole"])), draw(st.sampled_from(["CreateRoute", "EnableVgwRoutePropagation"]))
            made.route(table, block, draw(st.sampled_from([*peers, f"igw-{vpc}"])), state, "CreateRoute" if block == "pl-1" else origin)
    for item in made["network_acls"]:
        numbers = draw(st.lists(st.integers(1, 150), max_size=2, unique=True)) if draw(SELDOM) else []
        if draw(SELDOM):
            item["entries"] = [one for one in item["entries"] if one["rule_number"] not in (100, 101) or draw(st.booleans())]
        for number in numbers:
            if number not in (100, 101):
                item["entries"].append(entry(
                    draw(st.booleans()), number, draw(st.sampled_from(["allow", "deny"])), draw(st.sampled_from(BLOCKS)),
                    *draw(st.sampled_from([("-1", None), ("17", (0, 65535)), *[("6", ports) for ports in RANGES]])),
                ))
    if draw(SELDOM):
        rules = made["security_group_rules"]
        rules.remove(draw(st.sampled_from(rules)))
    for dummy in range(draw(st.integers(0, 2))):
        made.rule(
            draw(st.sampled_from(["sg-a", "sg-b", "sg-c", "sg-extra"])),
            *draw(st.sampled_from([("-1", -1, -1), ("udp", 0, 65535), *[("tcp", *ports) for ports in RANGES]])),
            draw(st.sampled_from([*BLOCKS, "sg-a", "sg-b", "sg-extra", "pl-1"])), egress=draw(st.booleans()),
        )
    return made


SOURCES = st.sampled_from([*HOSTS.values(), "10.0.1.20"])
GOALS = st.sampled_from([*HOSTS.values(), *HOSTS.values(), "203.0.113.1", "203.0.113.11"])


def look(facts, source, goal):
    return reach(Network.of(facts), source, goal, "tcp", PORT, ANSWERS)


def said(found):
    return found.verdict, sorted((str(one.code), one.component, one.direction, one.says) for one in found.blocks), sorted(found.unknown)


@given(networks(), SOURCES, GOALS)
@settings(max_examples=300)
def test_it_is_reachable_exactly_when_the_model_gets_each_packet_through(facts, source, goal):
    if source != goal:
        assert look(facts, source, goal).verdict == Model(facts).verdict(source, goal)


@given(networks(), SOURCES, GOALS, st.randoms(use_true_random=False))
def test_the_order_of_what_is_listed_never_matters(facts, source, goal, shuffler):
    before = said(look(facts, source, goal))
    shuffle(facts, shuffler)
    assert said(look(facts, source, goal)) == before


def shuffle(value, shuffler: random.Random):
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, (dict, list)):
            shuffle(one, shuffler)
    if isinstance(value, list):
        shuffler.shuffle(value)


@given(networks(), SOURCES, GOALS, st.data())
def test_a_rule_that_lets_in_never_blocks(facts, source, goal, data):
    before = look(facts, source, goal)
    group = data.draw(st.sampled_from([one["group_id"] for one in facts["security_groups"]]))
    peer = data.draw(st.sampled_from([*BLOCKS, "sg-a", "sg-b"]))
    facts.rule(group, "tcp", *data.draw(st.sampled_from(RANGES)), peer, egress=data.draw(st.booleans()))
    after = look(facts, source, goal)
    assert len(after.blocks) <= len(before.blocks)
    assert after.verdict == before.verdict or before.verdict != "reachable"


@given(networks(), SOURCES, GOALS, st.data())
@settings(max_examples=100)
def test_who_knows_less_is_never_sure_of_something_else(facts, source, goal, data):
    whole = look(facts, source, goal)
    for name in data.draw(st.lists(st.sampled_from(sorted(facts)), min_size=1, max_size=4, unique=True)):
        items = facts[name]
        # These are read whole or not at all; of others each item tells of itself.
        if name not in ("network_interfaces", "network_acls", "prefix_lists") or data.draw(st.booleans()):
            facts[name] = None
        else:
            kept = data.draw(st.lists(st.sampled_from(range(len(items))), unique=True))
            facts[name] = [items[position] for position in sorted(kept)]
    found = look(facts, source, goal)
    assert found.verdict in (whole.verdict, "unknown"), (whole, found)
    assert found.verdict != "unknown" or found.unknown
    # Of two VPCs that nothing joins, the way back is not judged.
    apart = any(one.code == Code.DISCONNECTED_VPCS for one in whole.blocks)
    sure = {(one.component, one.direction) for one in whole.blocks}
    assert {(one.component, one.direction) for one in found.blocks if one.certain and not (apart and one.direction == "return")} <= sure


@given(networks(), SOURCES, st.sampled_from([*HOSTS.values()]))
@settings(max_examples=100)
def test_the_commands_of_the_remedies_make_the_way(facts, source, goal):
    """Each round does what the blocks say, as the AWS CLI would. A peering that is new needs routes, and a route other filters: a few rounds."""
    found = look(facts, source, goal)
    for dummy in range(6):
        if found.verdict == "reachable":
            return
        assert found.blocks, found
        for command in dict.fromkeys(block.remedy["text"] for block in found.blocks):
            carry_out(facts, command)
        before, found = found, look(facts, source, goal)
        # A new peering connection shows in what is to be done next.
        assert (said(found), [block.remedy for block in found.blocks]) != (said(before), [block.remedy for block in before.blocks]), before
    raise AssertionError(found)


def carry_out(facts, command):
    aws, ec2, operation, *rest = shlex.split(command)
    assert (aws, ec2) == ("aws", "ec2")
    options = {}
    while rest:
        name = rest.pop(0)
        options[name] = rest.pop(0) if rest and not rest[0].startswith("--") else True
    if operation.startswith("authorize-security-group-"):
        peer = options.get("--source-group") or options["--cidr"]
        facts.rule(options["--group-id"], options["--protocol"], int(options["--port"]), int(options["--port"]), peer, egress=operation.endswith("egress"))
    elif operation == "create-network-acl-entry":
        item = facts.one("network_acls", network_acl_id=options["--network-acl-id"])
        number, egress = int(options["--rule-number"]), "--egress" in options
        assert not [one for one in item["entries"] if (one["rule_number"], one["egress"]) == (number, egress)] and 1 <= number <= 32766
        ports = dict(part.split("=") for part in options["--port-range"].split(","))
        item["entries"].append(entry(egress, number, "allow", options["--cidr-block"], options["--protocol"], (int(ports["From"]), int(ports["To"]))))
    elif operation == "delete-network-acl-entry":
        item = facts.one("network_acls", network_acl_id=options["--network-acl-id"])
        item["entries"].remove(next(
            one for one in item["entries"] if (one["rule_number"], one["egress"]) == (int(options["--rule-number"]), "--egress" in options)
        ))
    elif operation.endswith("-route"):
        table = facts.one("route_tables", route_table_id=options["--route-table-id"])
        to = options.get("--destination-cidr-block") or options.get("--destination-prefix-list-id")
        there = [one for one in table["routes"] if to in (one.get("destination_cidr_block"), one.get("destination_prefix_list_id"))]
        static = [one for one in there if one["origin"] != "EnableVgwRoutePropagation"]
        assert bool(static) == (not operation.startswith("create"))
        for one in there:
            table["routes"].remove(one)
        if not operation.startswith("delete"):
            facts.route(options["--route-table-id"], to, options["--vpc-peering-connection-id"])
    elif operation == "accept-vpc-peering-connection":
        facts.one("vpc_peering_connections", vpc_peering_connection_id=options["--vpc-peering-connection-id"])["status"]["code"] = "active"
    else:
        assert operation == "create-vpc-peering-connection", command
        facts.peering(f"new-{len(facts['vpc_peering_connections'])}", options["--vpc-id"], options["--peer-vpc-id"])


def test_the_generated_networks_are_worth_it():
    """Neither answer is the easy one."""
    verdicts = []

    @given(networks(), SOURCES, GOALS)
    @settings(max_examples=150, database=None, derandomize=True)
    def gather(facts, source, goal):
        if source != goal:
            verdicts.append(Model(copy.deepcopy(facts)).verdict(source, goal))

    gather()
    assert {"reachable", "blocked"} <= set(verdicts) and verdicts.count("reachable") > len(verdicts) / 8, verdicts
