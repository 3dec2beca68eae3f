# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether A reaches B: AWS's rules one by one, each from AWS's items as Describe calls tell them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.network import as_answered, block_of, text
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.reach import Code, Kept, Network, reach
from support.networks import ALL, Facts, entry

LIMITER, CACHE, PORT = "10.0.1.10", "10.0.2.10", 6379
PEER = "10.9.1.10"


@pytest.fixture
def facts():
    """A limiter host and a cache in two subnets of a VPC, and a stranger in another VPC. All that is needed is let through within the first."""
    made = Facts()
    vpc = made.vpc("a", "10.0.0.0/16", "2001:db8:a::/56")
    made.subnet("a1", vpc, "10.0.1.0/24", ipv6="2001:db8:a:1::/64")
    made.subnet("a2", vpc, "10.0.2.0/24", ipv6="2001:db8:a:2::/64")
    made.group("limiter", vpc)
    made.group("cache", vpc, egress=False)
    made.rule("sg-cache", "tcp", PORT, PORT, "sg-limiter")
    made.interface("limiter", "subnet-a1", LIMITER, "sg-limiter", ipv6="2001:db8:a:1::a")
    made.interface("cache", "subnet-a2", CACHE, "sg-cache", ipv6="2001:db8:a:2::a", description="ElastiCache huntaze-redis-0001-001")
    other = made.vpc("b", "10.9.0.0/16")
    made.subnet("b1", other, "10.9.1.0/24")
    made.group("peer", other)
    made.rule("sg-peer", "-1", -1, -1, ALL)
    made.interface("peer", "subnet-b1", PEER, "sg-peer")
    return made


def look(facts, source=LIMITER, destination=CACHE, port=PORT, protocol="tcp", **more):
    return reach(Network.of(facts), source, destination, protocol, port, **more)


def codes(found):
    return [(str(block.code), block.component, block.direction, block.side) for block in found.blocks]


def without_rules(facts, group, egress=False):
    facts["security_group_rules"] = [one for one in facts["security_group_rules"] if (one["group_id"], one["is_egress"]) != (group, egress)]


def peered(facts, **more):
    """The two VPCs, peered, with routes both ways."""
    facts.peering("1", "vpc-a", "vpc-b", **more)
    facts.route("rtb-a-main", "10.9.0.0/16", "pcx-1")
    facts.route("rtb-b-main", "10.0.0.0/16", "pcx-1")
    return facts


def test_what_is_let_through_both_ways_is_reachable_and_each_station_says_so(facts):
    found = look(facts)
    assert found.verdict == "reachable" and not found.blocks and not found.unknown
    assert [hop.hop for hop in found.hops] == [
        "egress rules", "ACL out", "route", "ACL in", "security group", "return ACL out", "return route", "return ACL in",
    ]
    assert {hop.verdict for hop in found.hops} == {"ok"}


# Security groups


def test_a_group_without_ingress_rules(facts):
    without_rules(facts, "sg-cache")
    found = look(facts)
    assert found.verdict == "blocked" and codes(found) == [("SG_HAS_NO_RULES", "sg-cache", "forward", "destination")]
    assert found.blocks[0].says == "huntaze-cache (sg-cache) has no ingress rule, so tcp 6379 from 10.0.1.10 of huntaze-limiter (sg-limiter) does not pass"
    assert found.blocks[0].evidence == {"GroupId": "sg-cache", "GroupName": "huntaze-cache", "VpcId": "vpc-a"}


@pytest.mark.parametrize(("rule", "near"), [
    (("tcp", 22, 22, "sg-limiter"), "port"), (("udp", PORT, PORT, "sg-limiter"), "protocol"), (("tcp", PORT, PORT, "10.0.3.0/24"), "peer"),
    (("tcp", 22, 22, "10.0.3.0/24"), ""),
])
def test_a_rule_for_something_else_is_shown(facts, rule, near):
    without_rules(facts, "sg-cache")
    facts.rule("sg-cache", *rule)
    (block,) = look(facts).blocks
    assert (block.code, block.near, block.source) == (Code.ENI_SG_RULES_MISMATCH, near, "ec2 DescribeSecurityGroupRules")
    assert (block.evidence["IpProtocol"], block.evidence["FromPort"]) == rule[:2]


@pytest.mark.parametrize("rule", [
    ("-1", -1, -1, "sg-limiter"), ("6", PORT, PORT, "sg-limiter"), ("tcp", 0, 65535, "10.0.1.0/24"), ("tcp", PORT, 6380, "10.0.1.10/32"),
    ("tcp", PORT, PORT, "pl-1"),
])
def test_a_rule_that_covers_it_lets_it_in(facts, rule):
    without_rules(facts, "sg-cache")
    facts.rule("sg-cache", *rule)
    facts["prefix_lists"].append({"prefix_list_id": "pl-1", "cidrs": ["10.0.0.0/23"]})
    assert look(facts).verdict == "reachable"


def test_egress_of_the_source_counts_and_egress_of_the_destination_does_not(facts):
    without_rules(facts, "sg-limiter", egress=True)
    assert codes(look(facts)) == [("SG_HAS_NO_RULES", "sg-limiter", "forward", "source")]
    facts.rule("sg-limiter", "tcp", 443, 443, ALL, egress=True)
    assert codes(look(facts)) == [("ENI_SG_RULES_MISMATCH", "sg-limiter", "forward", "source")]
    for peer in ("sg-cache", "10.0.2.10/32"):
        facts.rule("sg-limiter", "tcp", PORT, PORT, peer, egress=True)
        assert look(facts).verdict == "reachable"
        facts["security_group_rules"].pop()


def test_one_of_several_groups_is_enough(facts):
    facts.group("more", "vpc-a", egress=False)
    facts.one("network_interfaces", network_interface_id="eni-cache")["groups"].insert(0, {"group_id": "sg-more"})
    assert look(facts).verdict == "reachable"


def test_a_group_that_names_itself_lets_its_members_in_alone(facts):
    without_rules(facts, "sg-cache")
    facts.rule("sg-cache", "-1", -1, -1, "sg-cache")
    assert look(facts).verdict == "blocked"
    facts.one("network_interfaces", network_interface_id="eni-limiter")["groups"].append({"group_id": "sg-cache"})
    assert look(facts).verdict == "reachable"


def test_both_ends_are_named_at_once(facts):
    without_rules(facts, "sg-cache")
    without_rules(facts, "sg-limiter", egress=True)
    facts.one("network_acls", network_acl_id="acl-a1")["entries"].append(entry(True, 90, "deny", "10.0.2.0/24", "6", (PORT, PORT)))
    facts.one("network_acls", network_acl_id="acl-a2")["entries"].append(entry(True, 90, "deny", "10.0.1.0/24"))
    assert codes(look(facts)) == [
        ("SG_HAS_NO_RULES", "sg-limiter", "forward", "source"), ("SUBNET_ACL_RESTRICTION", "acl-a1", "forward", "source"),
        ("SG_HAS_NO_RULES", "sg-cache", "forward", "destination"), ("SUBNET_ACL_RESTRICTION", "acl-a2", "return", "destination"),
    ]


# Network ACLs


def acl(facts, name, *entries):
    item = facts.one("network_acls", network_acl_id=name)
    item["entries"] = [one for one in item["entries"] if one["rule_number"] > 32000] + [entry(*one) for one in entries]


def test_entries_are_read_by_number_not_by_place(facts):
    acl(facts, "acl-a2", (True, 100, "allow", ALL), (False, 200, "deny", ALL), (False, 100, "allow", ALL))
    assert look(facts).verdict == "reachable"
    acl(facts, "acl-a2", (True, 100, "allow", ALL), (False, 200, "allow", ALL), (False, 100, "deny", ALL))
    assert codes(look(facts)) == [("SUBNET_ACL_RESTRICTION", "acl-a2", "forward", "destination")]


def test_a_new_acl_lets_nothing_through_in_any_of_four_places(facts):
    acl(facts, "acl-a1")
    acl(facts, "acl-a2")
    found = look(facts)
    assert [(block.component, block.direction, block.evidence["RuleNumber"]) for block in found.blocks] == [
        ("acl-a1", "forward", 32767), ("acl-a2", "forward", 32767), ("acl-a2", "return", 32767), ("acl-a1", "return", 32767),
    ]


def test_the_return_ports_need_an_entry_of_their_own(facts):
    acl(facts, "acl-a1", (True, 100, "allow", ALL), (False, 110, "allow", "10.0.0.0/16", "6", (1024, 32767)))
    found = look(facts)
    assert found.verdict == "blocked" and codes(found) == [("SUBNET_ACL_RESTRICTION", "acl-a1", "return", "source")]
    (block,) = found.blocks
    assert block.says == (
        "network ACL acl-a1 drops answers from 10.0.2.10, tcp ports 32768-60999, by its last rule; it lets tcp 1024-32767 through"
    )
    assert text(block.beside[0]) == (
        '"CidrBlock": "10.0.0.0/16", "Egress": false, "PortRange": {"From": 1024, "To": 32767}, "Protocol": "6", "RuleAction": "allow", "RuleNumber": 110'
    )
    assert look(facts, answer_ports=(1024, 32767)).verdict == "reachable"


def test_ports_of_which_some_pass_are_no_certain_cause(facts):
    acl(facts, "acl-a1", (True, 100, "allow", ALL), (False, 110, "allow", ALL, "6", (1024, 50000)))
    found = look(facts)
    assert found.verdict == "unknown" and [block.certain for block in found.blocks] == [False]
    assert "tcp ports 50001-60999" in found.blocks[0].says


def test_no_acl_decides_inside_of_one_subnet(facts):
    facts.interface("near", "subnet-a2", "10.0.2.20", "sg-limiter")
    acl(facts, "acl-a2")
    facts.one("route_tables", route_table_id="rtb-a-main")["routes"].clear()
    assert look(facts, source="10.0.2.20").verdict == "reachable"


def test_an_entry_for_another_protocol_does_not_match(facts):
    acl(facts, "acl-a2", (True, 100, "allow", ALL), (False, 90, "deny", ALL, "17"), (False, 95, "deny", ALL, "1"), (False, 100, "allow", ALL, "6", (0, 65535)))
    assert look(facts).verdict == "reachable"


# Routes


def test_the_longest_prefix_wins_and_families_stay_apart(facts):
    facts.route("rtb-a-main", "10.0.2.0/24", "tgw-1")
    found = look(facts)
    assert found.verdict == "unknown" and "rtb-a-main sends packets to 10.0.2.10 to tgw-1, and what lies behind it was not read" in found.unknown
    facts.one("route_tables", route_table_id="rtb-a-main")["routes"].pop()
    facts.route("rtb-a-main", "2001:db8:a:2::/64", "eni-gone", state="blackhole")
    facts.rule("sg-cache", "tcp", PORT, PORT, "::/0")
    assert look(facts).verdict == "reachable"
    found = look(facts, "2001:db8:a:1::a", "2001:db8:a:2::a")
    assert codes(found) == [("BAD_STATE_ROUTE", "rtb-a-main", "forward", "source")]
    assert found.blocks[0].remedy["text"] == "aws ec2 delete-route --route-table-id rtb-a-main --destination-ipv6-cidr-block 2001:db8:a:2::/64"


def test_local_beats_a_more_specific_route_that_is_propagated(facts):
    facts.route("rtb-a-main", "10.0.2.0/24", "vgw-1", origin="EnableVgwRoutePropagation")
    assert look(facts).verdict == "reachable"


def test_static_beats_a_prefix_list_which_beats_what_is_propagated(facts):
    peered(facts)
    facts["prefix_lists"].append({"prefix_list_id": "pl-1", "cidrs": ["10.9.0.0/16"]})
    facts.rule("sg-peer", "tcp", PORT, PORT, ALL)
    facts.route("rtb-a-main", "10.9.0.0/16", "vgw-1", origin="EnableVgwRoutePropagation")
    facts.route("rtb-a-main", "pl-1", "tgw-1")
    assert look(facts, destination=PEER).verdict == "reachable"
    facts.drop("route_tables", facts.one("route_tables", route_table_id="rtb-a-main"))
    facts.table("a-main", "vpc-a", main=True)
    facts.route("rtb-a-main", "10.9.0.0/16", "vgw-1", origin="EnableVgwRoutePropagation")
    facts.route("rtb-a-main", "pl-1", "pcx-1")
    assert look(facts, destination=PEER).verdict == "reachable"


def test_a_prefix_list_that_was_not_read_is_no_guess(facts):
    peered(facts)
    facts.route("rtb-a-main", "pl-2", "tgw-1")
    assert look(facts, destination=PEER).verdict == "unknown"
    # A gateway endpoint's list holds public addresses of a service.
    facts.one("route_tables", route_table_id="rtb-a-main")["routes"].pop()
    facts.route("rtb-a-main", "pl-2", "vpce-1")
    assert look(facts, destination=PEER).verdict == "reachable"


def test_a_subnet_with_a_table_of_its_own_does_not_use_the_main_one(facts):
    facts.table("own", "vpc-a", "subnet-a1")
    facts.route("rtb-own", "10.0.2.0/24", "eni-gone", state="blackhole")
    assert codes(look(facts)) == [("BAD_STATE_ROUTE", "rtb-own", "forward", "source")]
    facts.one("route_tables", route_table_id="rtb-own")["associations"][0]["association_state"]["state"] = "disassociated"
    assert look(facts).verdict == "reachable"


def test_a_middlebox_with_the_check_on_drops(facts):
    facts.interface("middle", "subnet-a1", "10.0.1.99", "sg-limiter")
    facts.route("rtb-a-main", "10.0.2.0/24", "eni-middle")
    assert codes(look(facts)) == [("ENI_SOURCE_DEST_CHECK_RESTRICTION", "rtb-a-main", "forward", "source")]
    facts.one("network_interfaces", network_interface_id="eni-middle")["source_dest_check"] = False
    assert look(facts).verdict == "unknown"


# Peering


def test_another_vpc_without_a_route_and_nothing_that_joins_them(facts):
    found = look(facts, destination=PEER)
    assert found.verdict == "blocked" and codes(found) == [("DISCONNECTED_VPCS", "rtb-a-main", "forward", "source")]
    assert found.blocks[0].says == "rtb-a-main, the route table of subnet-a1, has no route for packets to 10.9.1.10, and nothing joins vpc-a and vpc-b"
    assert found.blocks[0].evidence["Routes"][0] == {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}


def test_peering_needs_routes_both_ways(facts):
    assert look(peered(facts), destination=PEER).verdict == "reachable"
    facts.one("route_tables", route_table_id="rtb-b-main")["routes"].pop()
    found = look(facts, destination=PEER)
    assert codes(found) == [("NO_ROUTE_TO_DESTINATION", "rtb-b-main", "return", "destination")]
    assert found.blocks[0].remedy["text"] == (
        "aws ec2 create-route --route-table-id rtb-b-main --destination-cidr-block 10.0.0.0/16 --vpc-peering-connection-id pcx-1"
    )
    facts.one("route_tables", route_table_id="rtb-a-main")["routes"].pop()
    assert [block.direction for block in look(facts, destination=PEER).blocks] == ["forward", "return"]


def test_a_peering_that_nobody_accepted_carries_nothing(facts):
    found = look(peered(facts, status="pending-acceptance"), destination=PEER)
    assert [block.code for block in found.blocks] == [Code.BAD_STATE_ATTACHMENT] * 2
    assert found.blocks[0].remedy["text"] == "aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id pcx-1"


def test_a_peering_carries_secondary_blocks_and_leads_no_further(facts):
    third = facts.vpc("c", "10.20.0.0/16", "10.21.0.0/16")
    facts.subnet("c1", third, "10.21.1.0/24")
    facts.group("third", third)
    facts.rule("sg-third", "-1", -1, -1, ALL)
    facts.interface("third", "subnet-c1", "10.21.1.10", "sg-third")
    peered(facts)
    facts.peering("2", "vpc-b", "vpc-c")
    facts.route("rtb-a-main", "10.21.0.0/16", "pcx-1")
    facts.route("rtb-b-main", "10.21.0.0/16", "pcx-2")
    facts.route("rtb-c-main", "10.9.0.0/16", "pcx-2")
    assert look(facts, PEER, "10.21.1.10").verdict == "reachable"
    found = look(facts, LIMITER, "10.21.1.10")
    assert found.blocks[0].code == Code.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR and found.blocks[0].component == "pcx-1"


@pytest.mark.parametrize(("region", "verdict"), [("us-east-1", "reachable"), ("eu-west-1", "blocked")])
def test_a_rule_may_name_a_group_of_an_active_peer_in_the_same_region(facts, region, verdict):
    peered(facts, region=region)
    facts.rule("sg-cache", "tcp", PORT, PORT, "sg-peer")
    assert look(facts, PEER, CACHE).verdict == verdict


def test_whose_groups_are_not_known_is_not_let_in_and_not_surely_kept_out(facts):
    peered(facts, owner="444455556666")
    facts.drop("network_interfaces", facts.one("network_interfaces", network_interface_id="eni-peer"))
    facts.rule("sg-cache", "tcp", PORT, PORT, "sg-theirs", account="444455556666")
    found = look(facts, PEER, CACHE)
    assert found.verdict == "unknown" and [(block.code, block.certain) for block in found.blocks] == [(Code.UNKNOWN_PEERED_SGS, False)]
    facts["security_group_rules"].clear()
    assert look(facts, PEER, CACHE).verdict == "blocked"


# The internet


@pytest.fixture
def public(facts):
    """The database of the guide: publicly accessible, open to all."""
    facts.group("database", "vpc-a")
    facts.rule("sg-database", "tcp", 5432, 5432, ALL)
    facts.interface("database", "subnet-a2", "10.0.2.50", "sg-database", public="203.0.113.5", description="RDSNetworkInterface", requester_id="amazon-rds")
    facts.route("rtb-a-main", ALL, "igw-1")
    return facts


def test_who_is_in_no_vpc_reaches_a_public_address_that_is_open_to_all(public):
    assert look(public, None, "203.0.113.5", 5432).verdict == "reachable"
    assert look(public, "198.51.100.7", "eni-database", 5432).verdict == "reachable"
    # A laptop's own address is not the one that AWS sees.
    assert look(public, "192.168.1.5", "203.0.113.5", 5432).verdict == "reachable"


def test_an_address_of_no_vpc_is_matched_by_blocks_and_never_by_groups(public):
    without_rules(public, "sg-database")
    public.rule("sg-database", "tcp", 5432, 5432, "198.51.100.0/24")
    assert look(public, "198.51.100.7", "203.0.113.5", 5432).verdict == "reachable"
    assert look(public, "198.51.101.7", "203.0.113.5", 5432).verdict == "blocked"
    # Amplify has no fixed address: some of its may be in the block.
    assert look(public, None, "203.0.113.5", 5432).verdict == "unknown"


def test_nobody_outside_reaches_a_private_address(public):
    found = look(public, None, CACHE)
    assert found.verdict == "blocked" and codes(found) == [("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "eni-cache", "forward", "destination")]
    assert look(public, "198.51.100.7", CACHE).verdict == "blocked"
    # It may be translated on its way.
    assert look(public, "192.168.1.5", CACHE).verdict == "unknown"


def test_a_way_in_that_is_not_the_internets_is_no_guess(public):
    public.route("rtb-a-main", "192.168.0.0/16", "vgw-1")
    found = look(public, "192.168.1.5", CACHE)
    assert found.verdict == "unknown" and not found.blocks


def test_a_public_address_needs_the_answers_to_leave_by_the_gateway(public):
    public.one("route_tables", route_table_id="rtb-a-main")["routes"].pop()
    found = look(public, None, "203.0.113.5", 5432)
    assert codes(found) == [("NO_ROUTE_TO_DESTINATION", "rtb-a-main", "return", "destination")]


def test_a_public_address_asked_from_inside_loses_the_groups(public):
    without_rules(public, "sg-database")
    public.rule("sg-database", "tcp", 5432, 5432, "sg-limiter")
    assert look(public, LIMITER, "10.0.2.50", 5432).verdict == "reachable"
    found = look(public, LIMITER, "203.0.113.5", 5432)
    assert Code.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS in [block.code for block in found.blocks]
    item = public.one("network_interfaces", network_interface_id="eni-limiter")
    item["private_ip_addresses"][0]["association"] = {"public_ip": "203.0.113.6"}
    found = look(public, LIMITER, "203.0.113.5", 5432)
    assert codes(found) == [("ENI_SG_RULES_MISMATCH", "sg-database", "forward", "destination")] and "from 203.0.113.6" in found.blocks[0].says
    public.rule("sg-database", "tcp", 5432, 5432, "203.0.113.6/32")
    # The answers come from the address that was called.
    acl(public, "acl-a1", (True, 100, "allow", ALL), (False, 100, "allow", "203.0.113.5/32"))
    assert look(public, LIMITER, "203.0.113.5", 5432).verdict == "reachable"


def test_an_internet_gateway_drops_private_targets(public):
    found = look(public, destination=PEER)
    assert codes(found)[0] == ("IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", "rtb-a-main", "forward", "source")
    assert "nothing joins vpc-a and vpc-b" in found.blocks[0].says


def nat(facts):
    facts.subnet("a9", "vpc-a", "10.0.9.0/24")
    facts.table("public", "vpc-a", "subnet-a9")
    facts.route("rtb-public", ALL, "igw-1")
    facts.interface(
        "nat", "subnet-a9", "10.0.9.9", public="203.0.113.9", description="Interface for NAT Gateway nat-1", interface_type="nat_gateway",
    )
    facts.table("private", "vpc-a", "subnet-a1")
    facts.route("rtb-private", ALL, "nat-1")
    return facts


def test_a_private_target_sent_to_a_nat_gateway_ends_at_the_internet_gateway(facts):
    found = look(nat(facts), destination=PEER)
    assert ("IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", "rtb-public", "forward", "source") in codes(found)
    facts.drop("network_interfaces", facts.one("network_interfaces", network_interface_id="eni-nat"))
    found = look(facts, destination=PEER)
    assert any("the network interface of nat-1 was not read" in one for one in found.unknown)


def test_behind_a_nat_gateway_its_address_is_seen_and_its_ports_take_answers(public):
    nat(public)
    without_rules(public, "sg-database")
    public.rule("sg-database", "tcp", 5432, 5432, "203.0.113.9/32")
    assert look(public, LIMITER, "203.0.113.5", 5432).verdict == "reachable"
    acl(public, "acl-a9", (True, 100, "allow", ALL), (False, 100, "allow", "10.0.0.0/16"), (False, 110, "allow", ALL, "6", (1024, 9999)))
    found = look(public, LIMITER, "203.0.113.5", 5432)
    assert [(block.component, block.direction, block.certain) for block in found.blocks] == [("acl-a9", "return", False)]


def test_behind_a_nat_gateway_rules_that_name_groups_do_not_hold(facts):
    nat(peered(facts))
    facts.route("rtb-private", "10.9.0.0/16", "nat-1")
    facts.route("rtb-public", "10.9.0.0/16", "pcx-1")
    without_rules(facts, "sg-peer")
    facts.rule("sg-peer", "tcp", PORT, PORT, "sg-limiter")
    assert codes(look(facts, destination=PEER)) == [("ENI_SG_RULES_MISMATCH", "sg-peer", "forward", "destination")]
    facts.rule("sg-peer", "tcp", PORT, PORT, "10.0.9.9/32")
    assert look(facts, destination=PEER).verdict == "reachable"


def test_what_lies_in_the_internet_is_not_known_and_our_side_is(public):
    item = public.one("network_interfaces", network_interface_id="eni-limiter")
    item["private_ip_addresses"][0]["association"] = {"public_ip": "203.0.113.6"}
    found = look(public, LIMITER, "198.51.100.99", 443)
    assert found.verdict == "unknown" and not found.blocks
    acl(public, "acl-a1", (True, 100, "allow", ALL), (False, 100, "allow", "10.0.0.0/16"))
    assert codes(look(public, LIMITER, "198.51.100.99", 443)) == [("SUBNET_ACL_RESTRICTION", "acl-a1", "return", "source")]


def test_over_ipv6_each_address_is_a_public_one(facts):
    facts.rule("sg-cache", "tcp", PORT, PORT, "2001:db8:c::/48")
    facts.route("rtb-a-main", "::/0", "igw-1")
    goal = "2001:db8:a:2::a"
    assert look(facts, "2001:db8:c::1", goal).verdict == "reachable"
    assert codes(look(facts, "2001:db8:d::1", goal)) == [("ENI_SG_RULES_MISMATCH", "sg-cache", "forward", "destination")]
    item = facts.one("network_acls", network_acl_id="acl-a2")
    item["entries"] = [one for one in item["entries"] if "cidr_block" in one or one["rule_number"] > 32000]
    assert [block.direction for block in look(facts, "2001:db8:c::1", goal).blocks] == ["forward", "return"]
    assert look(facts).verdict == "reachable"
    facts.one("route_tables", route_table_id="rtb-a-main")["routes"][-1].update(gateway_id=None, egress_only_internet_gateway_id="eigw-1")
    assert look(facts, "2001:db8:a:1::a", "2001:db8:c::1").unknown


# What is not known


def test_an_address_that_several_vpcs_have(facts):
    twin = facts.vpc("t", "10.0.0.0/16")
    facts.subnet("t2", twin, "10.0.2.0/24")
    facts.group("twin", twin)
    facts.interface("twin", "subnet-t2", CACHE, "sg-twin")
    assert [one.id for one in Network.of(facts).holding(block_of(CACHE))] == ["eni-cache", "eni-twin"]
    # The route decides whom the packets meet.
    assert look(facts).verdict == "reachable"
    found = look(facts, destination="eni-twin")
    assert found.verdict == "blocked" and found.blocks[0].code == Code.NO_PATH
    facts.interface("source-twin", "subnet-t2", LIMITER, "sg-twin")
    found = look(facts)
    assert found.verdict == "unknown" and "eni-limiter in vpc-a and of eni-source-twin in vpc-t" in found.unknown[0]


@pytest.mark.parametrize("member", [
    "subnets", "route_tables", "network_acls", "security_group_rules", "network_interfaces",
])
def test_what_nobody_read_is_unknown(facts, member):
    facts[member] = None
    found = look(facts)
    if member == "subnets":
        assert found.verdict == "reachable"
    else:
        assert found.verdict == "unknown" and found.unknown and not any(block.certain for block in found.blocks)
    assert reach(Network.of(None), LIMITER, CACHE, "tcp", PORT).verdict == "unknown"


def test_where_the_way_is_not_known_nobody_knows_whom_the_other_end_sees(facts):
    without_rules(peered(facts), "sg-peer")
    facts.rule("sg-peer", "tcp", PORT, PORT, "sg-limiter")
    assert look(facts, destination=PEER).verdict == "reachable"
    facts["vpc_peering_connections"] = []
    assert look(facts, destination=PEER).verdict == "unknown"
    # A rule for another port lets nobody in, whoever asks.
    without_rules(facts, "sg-peer")
    facts.rule("sg-peer", "tcp", 22, 22, ALL)
    assert codes(look(facts, destination=PEER)) == [("ENI_SG_RULES_MISMATCH", "sg-peer", "forward", "destination")]
    assert look(facts, destination=PEER).verdict == "blocked"


def test_an_acl_decides_only_where_the_two_are_surely_in_two_subnets(facts):
    facts["network_interfaces"] = [one for one in facts["network_interfaces"] if one["network_interface_id"] != "eni-cache"]
    acl(facts, "acl-a1")
    assert look(facts).verdict == "blocked"
    facts["subnets"] = None
    assert look(facts).verdict == "unknown"


def test_whether_a_private_address_is_outside_is_told_by_the_vpcs_alone(public):
    public["network_interfaces"] = [one for one in public["network_interfaces"] if one["network_interface_id"] != "eni-limiter"]
    assert look(public, "192.168.1.5", "203.0.113.5", 5432).verdict == "reachable"
    public["vpcs"] = public["subnets"] = None
    assert look(public, "192.168.1.5", "203.0.113.5", 5432).unknown == ("ec2 DescribeVpcs was not read",)


def test_a_group_without_rules_looks_like_one_that_nobody_read(facts):
    facts["security_groups"] = None
    without_rules(facts, "sg-cache")
    found = look(facts)
    assert found.verdict == "unknown" and "the rules of security group sg-cache were not read" in found.unknown


def test_an_interface_reaches_itself(facts):
    without_rules(facts, "sg-cache")
    assert look(facts, CACHE, CACHE).verdict == "reachable"


def test_what_is_no_address_is_told(facts):
    assert look(facts, "localhost").unknown == ("localhost is neither an address nor the ID of a network interface",)


# Who has which interface


def test_interfaces_are_found_by_what_has_them(facts):
    facts.interface("instance", "subnet-a1", "10.0.1.30", "sg-limiter", attachment={"instance_id": "i-1", "device_index": 0})
    facts.group("database", "vpc-a")
    facts.interface("database", "subnet-a2", "10.0.2.50", "sg-database", description="RDSNetworkInterface", requester_id="amazon-rds")
    network = Network.of(facts)
    assert [one.id for one in network.of_instance("i-1")] == ["eni-instance"]
    assert [one.id for one in network.of_cache_node("huntaze-redis-0001-001")] == ["eni-cache"]
    database = {"db_subnet_group": {"vpc_id": "vpc-a"}, "vpc_security_groups": [{"vpc_security_group_id": "sg-database"}]}
    assert [one.id for one in network.of_database(database)] == ["eni-database"]
    assert network.of_instance("i-2") == network.of_cache_node("huntaze-redis-0001-002") == []


# Ways out


def test_a_rule_that_the_collection_keeps_is_made_by_its_stage(facts):
    without_rules(facts, "sg-cache")
    kept = [Kept("sg-cache", PORT, ("sg-limiter",))]
    (block,) = look(facts, kept=kept).blocks
    assert block.remedy == {
        "kind": "command", "text": "ansible-playbook deploy.yml --tags network,verify", "does": "adds 1 rule: tcp 6379 from huntaze-limiter (sg-limiter)",
    }
    # The collection lets the limiter hosts in, and nobody else.
    (block,) = look(peered(facts), PEER, CACHE, kept=kept).blocks
    assert block.remedy["text"] == "aws ec2 authorize-security-group-ingress --group-id sg-cache --protocol tcp --port 6379 --source-group sg-peer"
    assert block.remedy["does"] == "changes an object that this collection does not keep"


def test_a_variable_that_has_to_be_set_first(facts):
    without_rules(facts, "sg-cache")
    (block,) = look(facts, kept=[Kept("sg-cache", PORT, None, "huntaze_limiter.listen_from: [{peer}]")]).blocks
    assert (block.remedy["kind"], block.remedy["text"]) == ("variable", "huntaze_limiter.listen_from: [10.0.1.10/32]")


def test_evidence_has_awss_names_in_awss_order_and_is_short():
    item = {
        "security_group_rule_id": "sgr-1", "group_id": "sg-1", "is_egress": False, "ip_protocol": "tcp", "from_port": 22, "to_port": 22,
        "cidr_ipv4": "10.0.0.0/16", "description": "", "tags": [],
    }
    assert text(as_answered(item)) == (
        '"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IsEgress": false, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/16"'
    )
    long = text({"A": "x" * 100, "B": {"C": "y" * 150}, "D": "z" * 100})
    assert len(long) <= 300 and json.loads("{" + long + "}") == {"A": "x" * 100, "B": {"C": "y" * 150}}
    routes = text({"RouteTableId": "rtb-1", "Routes": [{"DestinationCidrBlock": f"10.{number}.0.0/16", "GatewayId": "local"} for number in range(20)]})
    assert routes.startswith('"RouteTableId": "rtb-1", "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}, {')
    assert routes.endswith(", ... 16 more]") and len(routes) <= 300
