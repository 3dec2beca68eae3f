# SPDX-License-Identifier: GPL-3.0-or-later
"""Security-group rules: identities, descriptions, revoking, limits; and packets that obey them."""

from __future__ import annotations

import contextlib
import socket
import typing as t

import pytest
import redis
from support import sandboxes
from support.caches import api
from support.refusals import refused

pytestmark = pytest.mark.usefixtures("estate")


class Group:
    """A security group in raw API calls."""

    def __init__(self, sandbox: sandboxes.Sandbox, group_id: str | None = None) -> None:
        self.id = group_id or sandbox.estate["cache_security_group_id"]
        self.ec2 = api(sandbox, "ec2")

    def authorize(self, *permissions: dict[str, t.Any], **more: t.Any) -> list[dict[str, t.Any]]:
        answer = self.ec2.authorize_security_group_ingress(GroupId=self.id, IpPermissions=list(permissions), **more)
        assert answer["Return"] is True
        return answer["SecurityGroupRules"]

    def refuses(self, code: str, *permissions: dict[str, t.Any]) -> str:
        before = self.rules()
        message = refused(code, self.ec2.authorize_security_group_ingress, GroupId=self.id, IpPermissions=list(permissions))
        assert self.rules() == before
        return message

    def rules(self, egress: bool = False) -> list[dict[str, t.Any]]:
        pages = self.ec2.get_paginator("describe_security_group_rules").paginate(Filters=[{"Name": "group-id", "Values": [self.id]}])
        return [rule for page in pages for rule in page["SecurityGroupRules"] if rule["IsEgress"] is egress]


@pytest.fixture
def group(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> Group:
    return Group(sandbox)


def tcp(port: int, *cidrs: str, **sources: t.Any) -> dict[str, t.Any]:
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **sources}
    return permission | ({"IpRanges": [{"CidrIp": cidr} for cidr in cidrs]} if cidrs else {})


# Identity


def test_the_guides_groups_have_no_ingress_rule(sandbox: sandboxes.Sandbox, group: Group) -> None:
    for name in ("limiter", "cache", "database"):
        assert Group(sandbox, sandbox.estate[f"{name}_security_group_id"]).rules() == []


def test_authorize_returns_the_rules_with_their_ids(group: Group) -> None:
    rules = group.authorize(tcp(1, "10.0.0.0/24", "10.0.1.0/24"), tcp(2, "10.0.0.0/24"))
    assert sorted((rule["FromPort"], rule["CidrIpv4"]) for rule in rules) == [(1, "10.0.0.0/24"), (1, "10.0.1.0/24"), (2, "10.0.0.0/24")]
    assert {rule["SecurityGroupRuleId"] for rule in rules} == {rule["SecurityGroupRuleId"] for rule in group.rules()}
    assert all(rule["GroupId"] == group.id and rule["IsEgress"] is False for rule in rules)


def test_a_rule_that_exists_is_a_duplicate_whatever_its_description_and_tags(sandbox: sandboxes.Sandbox, group: Group) -> None:
    source = sandbox.estate["limiter_security_group_id"]
    group.authorize(tcp(1, "10.0.0.0/24"), tcp(1, UserIdGroupPairs=[{"GroupId": source, "Description": "first"}]))
    group.refuses("InvalidPermission.Duplicate", tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/24", "Description": "other"}]))
    group.refuses("InvalidPermission.Duplicate", tcp(1, UserIdGroupPairs=[{"GroupId": source, "Description": "second"}]))
    group.refuses("InvalidPermission.Duplicate", tcp(2, "10.0.0.0/24"), tcp(1, "10.0.0.0/24"))
    group.authorize(tcp(2, "10.0.0.0/24"))


def test_the_same_rule_twice_in_one_call_is_refused(group: Group) -> None:
    group.refuses("InvalidParameterValue", tcp(1, "10.0.0.0/24"), tcp(1, "10.0.0.0/24"))
    group.refuses("InvalidParameterValue", tcp(1, "10.0.0.0/24", "10.0.0.7/24"))


@pytest.mark.parametrize(("given", "canonical"), [("10.1.2.3/24", "10.1.2.0/24"), ("10.1.2.3/32", "10.1.2.3/32"), ("10.1.2.3/0", "0.0.0.0/0")])
def test_cidrs_come_back_canonical(group: Group, given: str, canonical: str) -> None:
    assert group.authorize(tcp(1, given))[0]["CidrIpv4"] == canonical
    assert group.rules()[0]["CidrIpv4"] == canonical
    group.refuses("InvalidPermission.Duplicate", tcp(1, canonical))


@pytest.mark.parametrize(("given", "canonical"), [("2001:DB8:0:0::1/64", "2001:db8::/64"), ("0:0:0:0:0:0:0:0/0", "::/0")])
def test_ipv6_cidrs_too(group: Group, given: str, canonical: str) -> None:
    group.authorize(tcp(1, Ipv6Ranges=[{"CidrIpv6": given}]))
    assert group.rules()[0]["CidrIpv6"] == canonical


def test_protocol_minus_one_reads_back_with_ports_minus_one(group: Group) -> None:
    permission = {"IpProtocol": "-1", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}
    for rule in (group.authorize(permission)[0], group.rules()[0]):
        assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("-1", -1, -1)


def test_protocol_numbers_are_names(group: Group) -> None:
    group.authorize({"IpProtocol": "6", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]})
    assert group.rules()[0]["IpProtocol"] == "tcp"
    group.refuses("InvalidPermission.Duplicate", tcp(1, "10.0.0.0/24"))


@pytest.mark.parametrize(("code", "permission"), [
    ("InvalidParameterValue", tcp(1, "10.0.0.999/24")),
    ("InvalidParameterValue", tcp(1, "10.0.0.1")),
    ("InvalidParameterValue", {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}),
    ("InvalidParameterValue", {"IpProtocol": "tcp", "FromPort": 2, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}),
    ("InvalidParameterValue", {"IpProtocol": "nonsense", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}),
    ("InvalidGroup.NotFound", tcp(1, UserIdGroupPairs=[{"GroupId": "sg-0123456789abcdef0"}])),
    ("InvalidGroupId.Malformed", tcp(1, UserIdGroupPairs=[{"GroupId": "sg-nonsense"}])),
    ("InvalidPrefixListID.NotFound", tcp(1, PrefixListIds=[{"PrefixListId": "pl-0123456789abcdef0"}])),
    ("MissingParameter", tcp(1)),
], ids=str)
def test_permissions_that_are_none(group: Group, code: str, permission: dict[str, t.Any]) -> None:
    group.refuses(code, tcp(7, "10.9.0.0/16"), permission) if code != "MissingParameter" else group.refuses(code, permission)


def test_unknown_groups(sandbox: sandboxes.Sandbox) -> None:
    authorize = api(sandbox, "ec2").authorize_security_group_ingress
    refused("InvalidGroup.NotFound", authorize, GroupId="sg-0123456789abcdef0", IpPermissions=[tcp(1, "10.0.0.0/24")])
    refused("InvalidGroupId.Malformed", authorize, GroupId="sg-x", IpPermissions=[tcp(1, "10.0.0.0/24")])
    refused("InvalidGroupId.Malformed", Group(sandbox, "sg-x").rules)


@pytest.mark.parametrize("cidr", [
    "10.3.0.0/0.0.0.0", "10.3.0.0/255.255.0.0", "10.3.0.0/016", "10.3.0.0/", "10.3.0.0/33", "10.3.0.0/16 ", "10.3/16", "010.3.0.0/16",
])
def test_kind_29_lenient_blocks_are_malformed(group: Group, cidr: str) -> None:
    assert group.refuses("InvalidParameterValue", tcp(1, cidr)) == f"CIDR block {cidr} is malformed"


@pytest.mark.parametrize("cidr", ["fe80::1%eth0/64", "2001:db8::/ffff::", "2001:db8::/032", "2001:db8::/129"])
def test_kind_29_lenient_ipv6_blocks_too(group: Group, cidr: str) -> None:
    group.refuses("InvalidParameterValue", tcp(1, Ipv6Ranges=[{"CidrIpv6": cidr}]))


@pytest.mark.parametrize("protocol", ["icmp", "icmpv6", "1"])
def test_kind_29_icmp_without_ports_reads_back_with_minus_one(group: Group, protocol: str) -> None:
    group.authorize({"IpProtocol": protocol, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]})
    assert [(rule["FromPort"], rule["ToPort"]) for rule in group.rules()] == [(-1, -1)]


@pytest.mark.parametrize(("permission", "quoted"), [
    (tcp(22, "0.0.0.0/0"), "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW"),
    ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "peer: 10.0.0.0/8, ALL, ALLOW"),
])
def test_kind_29_a_duplicate_is_quoted(group: Group, permission: dict[str, t.Any], quoted: str) -> None:
    group.authorize(permission)
    assert group.refuses("InvalidPermission.Duplicate", permission) == f'the specified rule "{quoted}" already exists'


# Groups of other VPCs and accounts


@pytest.fixture
def peer(sandbox: sandboxes.Sandbox) -> dict[str, str]:
    """The partner's group, in a VPC of another account that is peered with the estate's."""
    return sandbox.estate["peer"]


def test_kind_29_a_peers_group_reads_back_with_its_account_and_peering(group: Group, peer: dict[str, str]) -> None:
    (made,) = group.authorize(tcp(1, UserIdGroupPairs=[{"GroupId": peer["security_group_id"], "UserId": peer["account_id"]}]))
    there = {"VpcId": peer["vpc_id"], "VpcPeeringConnectionId": peer["vpc_peering_connection_id"], "PeeringStatus": "active"}
    assert made["ReferencedGroupInfo"] == {"GroupId": peer["security_group_id"], **there}
    assert group.rules()[0]["ReferencedGroupInfo"] == {"GroupId": peer["security_group_id"], "UserId": peer["account_id"], **there}
    (pair,) = group.ec2.describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]["IpPermissions"][0]["UserIdGroupPairs"]
    assert pair == {"GroupId": peer["security_group_id"], "UserId": peer["account_id"], **there}


def test_kind_29_a_peers_group_is_the_same_with_and_without_its_account(group: Group, peer: dict[str, str]) -> None:
    bare, full = ([{"GroupId": peer["security_group_id"], **more}] for more in ({}, {"UserId": peer["account_id"]}))
    group.authorize(tcp(1, UserIdGroupPairs=bare))
    group.refuses("InvalidPermission.Duplicate", tcp(1, UserIdGroupPairs=full))
    group.refuses("InvalidGroup.NotFound", tcp(2, UserIdGroupPairs=[{**bare[0], "UserId": "999999999999"}]))
    group.ec2.revoke_security_group_ingress(GroupId=group.id, IpPermissions=[tcp(1, UserIdGroupPairs=full)])
    assert group.rules() == []


def test_kind_29_a_rule_outlives_its_peering(sandbox: sandboxes.Sandbox, group: Group, peer: dict[str, str]) -> None:
    pairs = [{"GroupId": peer["security_group_id"]}]
    group.authorize(tcp(1, UserIdGroupPairs=pairs))
    Group(sandbox).ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peer["vpc_peering_connection_id"])
    (rule,) = group.rules()
    assert rule["ReferencedGroupInfo"]["PeeringStatus"] == "deleted" and rule["ReferencedGroupInfo"]["UserId"] == peer["account_id"]
    group.refuses("InvalidGroup.NotFound", tcp(2, UserIdGroupPairs=pairs))
    group.ec2.revoke_security_group_ingress(GroupId=group.id, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    assert group.rules() == []


def test_kind_29_a_group_of_a_vpc_that_is_not_peered_is_refused(group: Group) -> None:
    vpc = group.ec2.create_vpc(CidrBlock="10.98.0.0/16")["Vpc"]["VpcId"]
    other = group.ec2.create_security_group(GroupName="elsewhere", Description="d", VpcId=vpc)["GroupId"]
    assert "belong to different networks" in group.refuses("InvalidGroup.NotFound", tcp(1, UserIdGroupPairs=[{"GroupId": other}]))


def test_kind_29_the_default_group_of_a_vpc_lets_in_itself(sandbox: sandboxes.Sandbox) -> None:
    ec2 = api(sandbox, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.97.0.0/16")["Vpc"]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    default = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
    (rule,) = Group(sandbox, default["GroupId"]).rules()
    assert (rule["IpProtocol"], rule["ReferencedGroupInfo"]) == ("-1", {"GroupId": default["GroupId"], "UserId": default["OwnerId"]})


def test_kind_29_answers_leave_out_what_aws_leaves_out(group: Group) -> None:
    identity = {"SecurityGroupRuleId", "GroupId", "GroupOwnerId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "SecurityGroupRuleArn"}
    (made,) = group.authorize(tcp(1, "10.0.0.0/24"))
    assert set(made) == identity | {"CidrIpv4"}
    (own,) = group.authorize(tcp(1, UserIdGroupPairs=[{"GroupId": group.id}]))
    assert set(own) == identity | {"ReferencedGroupInfo"} and own["ReferencedGroupInfo"] == {"GroupId": group.id}
    assert all(set(rule) - {"CidrIpv4", "ReferencedGroupInfo"} == identity | {"Tags"} for rule in (*group.rules(), *group.rules(egress=True)))


def test_kind_29_the_default_egress_rule_is_a_rule_like_others(group: Group) -> None:
    (egress,) = group.rules(egress=True)
    assert egress["GroupOwnerId"]
    update = group.ec2.update_security_group_rule_descriptions_egress
    update(GroupId=group.id, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": egress["SecurityGroupRuleId"], "Description": "by id"}])
    assert group.rules(egress=True)[0]["Description"] == "by id"
    everywhere = {"CidrIp": "0.0.0.0/0", "Description": "by property"}
    update(GroupId=group.id, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [everywhere]}])
    assert group.rules(egress=True)[0]["Description"] == "by property"
    group.ec2.revoke_security_group_egress(GroupId=group.id, SecurityGroupRuleIds=[egress["SecurityGroupRuleId"]])
    assert group.rules(egress=True) == []


# Descriptions


@pytest.mark.parametrize("description", ["a" * 255, "a-Z 0.9_:/()#,@[]+=&;{}!$*-"])
def test_descriptions_that_aws_takes(sandbox: sandboxes.Sandbox, group: Group, description: str) -> None:
    source = {"GroupId": sandbox.estate["limiter_security_group_id"], "Description": description}
    group.authorize(tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/24", "Description": description}], UserIdGroupPairs=[source]))
    assert [rule["Description"] for rule in group.rules()] == [description] * 2


@pytest.mark.parametrize("description", ["a" * 256, "quo'te", "é", "a\nb", "<>", "100%"])
def test_descriptions_that_aws_refuses(group: Group, description: str) -> None:
    group.refuses("InvalidParameterValue", tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/24", "Description": description}]))
    group.authorize(tcp(1, "10.0.0.0/24"))
    refused(
        "InvalidParameterValue", group.ec2.update_security_group_rule_descriptions_ingress,
        GroupId=group.id, IpPermissions=[tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/24", "Description": description}])],
    )


def test_a_description_is_mended_in_place_and_removed_by_omission(sandbox: sandboxes.Sandbox, group: Group) -> None:
    pair = {"GroupId": sandbox.estate["limiter_security_group_id"]}
    ids = [rule["SecurityGroupRuleId"] for rule in group.authorize(
        tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/24", "Description": "old"}], UserIdGroupPairs=[{**pair, "Description": "old"}])
    )]
    update = group.ec2.update_security_group_rule_descriptions_ingress
    update(GroupId=group.id, IpPermissions=[
        tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/24", "Description": "new"}], UserIdGroupPairs=[{**pair, "Description": "new"}])
    ])
    assert [(rule["SecurityGroupRuleId"], rule["Description"]) for rule in group.rules()] == [(rule_id, "new") for rule_id in ids]
    update(GroupId=group.id, IpPermissions=[tcp(1, "10.0.0.0/24")])
    assert [rule.get("Description") for rule in group.rules()] == [None, "new"]
    update(GroupId=group.id, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": ids[0], "Description": "by id"}, {"SecurityGroupRuleId": ids[1]}])
    assert [rule.get("Description") for rule in group.rules()] == ["by id", None]
    refused("InvalidPermission.NotFound", update, GroupId=group.id, IpPermissions=[tcp(2, "10.0.0.0/24")])
    refused("InvalidSecurityGroupRuleId.NotFound", update, GroupId=group.id,
            SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": "sgr-0123456789abcdef0", "Description": "x"}])


# Modify


def test_modify_cannot_change_the_kind_of_source(sandbox: sandboxes.Sandbox, group: Group) -> None:
    rule_id = group.authorize(tcp(1, "10.0.0.0/24"))[0]["SecurityGroupRuleId"]
    ports = {"IpProtocol": "tcp", "FromPort": 2, "ToPort": 2}

    def modify(**source: str) -> None:
        change = {"SecurityGroupRuleId": rule_id, "SecurityGroupRule": ports | source}
        group.ec2.modify_security_group_rules(GroupId=group.id, SecurityGroupRules=[change])

    before = group.rules()
    refused("InvalidParameterValue", modify, CidrIpv6="2001:db8::/64")
    refused("InvalidParameterValue", modify, ReferencedGroupId=sandbox.estate["limiter_security_group_id"])
    refused("MissingParameter", modify)
    refused("InvalidParameterCombination", modify, CidrIpv4="10.0.0.0/24", CidrIpv6="2001:db8::/64")
    assert group.rules() == before
    modify(CidrIpv4="10.0.1.9/24", Description="moved")
    changed = group.rules()
    assert [(rule["SecurityGroupRuleId"], rule["FromPort"], rule["CidrIpv4"], rule["Description"]) for rule in changed] == [
        (rule_id, 2, "10.0.1.0/24", "moved")
    ]


# Describe


def test_describe_filters_by_group_id_rule_id_and_tag_only(sandbox: sandboxes.Sandbox, group: Group) -> None:
    tagged = group.authorize(tcp(1, "10.0.0.0/24"), TagSpecifications=[
        {"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "me"}]}
    ])[0]["SecurityGroupRuleId"]
    group.authorize(tcp(2, "10.0.0.0/24"))

    def described(name: str, value: str) -> list[str]:
        answer = group.ec2.describe_security_group_rules(Filters=[{"Name": name, "Values": [value]}])
        return [rule["SecurityGroupRuleId"] for rule in answer["SecurityGroupRules"]]

    assert described("security-group-rule-id", tagged) == described("tag:owner", "me") == [tagged]
    assert len(described("group-id", group.id)) == 3
    for name in ("ip-permission.cidr", "is-egress", "description", "from-port"):
        refused("InvalidParameterValue", described, name=name, value="1")
    refused("InvalidSecurityGroupRuleId.NotFound", group.ec2.describe_security_group_rules, SecurityGroupRuleIds=["sgr-0123456789abcdef0"])


def test_describe_includes_egress(group: Group) -> None:
    assert [(rule["IpProtocol"], rule["CidrIpv4"]) for rule in group.rules(egress=True)] == [("-1", "0.0.0.0/0")]


def test_a_page_has_a_thousand_rules_at_most(sandbox: sandboxes.Sandbox, group: Group) -> None:
    sandbox.settings(rules_per_security_group=2000)
    for first in range(0, 1000, 50):  # moto reads long requests slowly
        group.authorize(*[tcp(port, "10.0.0.0/24") for port in range(first, first + 50)])
    filters = [{"Name": "group-id", "Values": [group.id]}]
    page = group.ec2.describe_security_group_rules(Filters=filters)
    assert len(page["SecurityGroupRules"]) == 1000
    last = group.ec2.describe_security_group_rules(Filters=filters, NextToken=page["NextToken"])
    assert len(last["SecurityGroupRules"]) == 1 and "NextToken" not in last
    assert len(group.ec2.describe_security_group_rules(Filters=filters, MaxResults=5)["SecurityGroupRules"]) == 5
    refused("InvalidParameterValue", group.ec2.describe_security_group_rules, Filters=filters, MaxResults=1001)


# Revoke and the limit


def test_revoke_by_rule_id(group: Group) -> None:
    first, second = group.authorize(tcp(1, "10.0.0.0/24"), tcp(2, "10.0.0.0/24"))
    answer = group.ec2.revoke_security_group_ingress(GroupId=group.id, SecurityGroupRuleIds=[first["SecurityGroupRuleId"]])
    assert answer["Return"] is True
    assert [rule["SecurityGroupRuleId"] for rule in answer["RevokedSecurityGroupRules"]] == [first["SecurityGroupRuleId"]]
    assert [rule["SecurityGroupRuleId"] for rule in group.rules()] == [second["SecurityGroupRuleId"]]
    refused("InvalidSecurityGroupRuleId.NotFound", group.ec2.revoke_security_group_ingress,
            GroupId=group.id, SecurityGroupRuleIds=[second["SecurityGroupRuleId"], first["SecurityGroupRuleId"]])
    assert len(group.rules()) == 1


def test_revoke_by_properties_needs_no_description(group: Group) -> None:
    group.authorize(tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/24", "Description": "x"}]))
    group.ec2.revoke_security_group_ingress(GroupId=group.id, IpPermissions=[tcp(1, "10.0.0.5/24")])
    assert group.rules() == []


def test_revoking_unknown_properties_fails_outside_a_default_vpc(group: Group) -> None:
    group.authorize(tcp(1, "10.0.0.0/24"))
    refused("InvalidPermission.NotFound", group.ec2.revoke_security_group_ingress,
            GroupId=group.id, IpPermissions=[tcp(1, "10.0.0.0/24"), tcp(2, "10.0.0.0/24")])
    assert len(group.rules()) == 1


def test_revoking_unknown_properties_passes_in_a_default_vpc(sandbox: sandboxes.Sandbox) -> None:
    ec2 = api(sandbox, "ec2")
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = Group(sandbox, ec2.create_security_group(GroupName="in-default", Description="d", VpcId=default)["GroupId"])
    group.authorize(tcp(1, "10.0.0.0/24"))
    answer = ec2.revoke_security_group_ingress(GroupId=group.id, IpPermissions=[tcp(1, "10.0.0.0/24"), tcp(2, "10.0.0.0/24")])
    assert answer["Return"] is True
    assert [(unknown["FromPort"], unknown["IpRanges"]) for unknown in answer["UnknownIpPermissions"]] == [(2, [{"CidrIp": "10.0.0.0/24"}])]
    assert group.rules() == []


def test_sixty_rules_a_direction_by_default(group: Group) -> None:
    group.authorize(*[tcp(port, "10.0.0.0/24") for port in range(1, 60)])
    group.refuses("RulesPerSecurityGroupLimitExceeded", tcp(60, "10.0.0.0/24"), tcp(61, "10.0.0.0/24"))
    group.authorize(tcp(60, "10.0.0.0/24"))
    group.refuses("RulesPerSecurityGroupLimitExceeded", tcp(61, "10.0.0.0/24"))
    group.ec2.authorize_security_group_egress(GroupId=group.id, IpPermissions=[tcp(1, "10.0.0.0/24")])


@pytest.mark.parametrize(("kinds", "more", "fits"), [
    ("444", "6", True), ("444", "666", True), ("444", "6666", False), ("44g", "4", False), ("44g", "6", True), ("44g", "g", False), ("66g", "44", True),
    ("4p", "4", False), ("4p", "6", True), ("p", "4", True), ("p", "p", False), ("44", "p", False), ("666", "p", True),
])
def test_kind_29_the_limit_holds_for_each_address_family(sandbox: sandboxes.Sandbox, group: Group, kinds: str, more: str, fits: bool) -> None:
    sandbox.settings(rules_per_security_group=3)
    ports = iter(range(1, 20))
    prefix_list = group.ec2.create_managed_prefix_list(PrefixListName="two", MaxEntries=2, AddressFamily="IPv4")["PrefixList"]["PrefixListId"]
    sources = {
        "4": {"IpRanges": [{"CidrIp": "10.0.0.0/24"}]}, "6": {"Ipv6Ranges": [{"CidrIpv6": "2001:db8::/64"}]},
        "g": {"UserIdGroupPairs": [{"GroupId": group.id}]}, "p": {"PrefixListIds": [{"PrefixListId": prefix_list}]},
    }
    group.authorize(*[tcp(next(ports), **sources[kind]) for kind in kinds])
    asked = [tcp(next(ports), **sources[kind]) for kind in more]
    group.authorize(*asked) if fits else group.refuses("RulesPerSecurityGroupLimitExceeded", *asked)


def test_the_limit_is_a_setting(sandbox: sandboxes.Sandbox, group: Group) -> None:
    sandbox.settings(rules_per_security_group=1)
    group.authorize(tcp(1, "10.0.0.0/24"))
    group.refuses("RulesPerSecurityGroupLimitExceeded", tcp(2, "10.0.0.0/24"))


# The data plane


def reaches(sandbox: sandboxes.Sandbox, source: str = "127.0.0.1", address: str = "1.10", port: int = 6379) -> bool:
    with contextlib.closing(socket.socket()) as client:
        client.settimeout(1)  # the kernel answers at once, or never
        client.bind((source, 0))
        try:
            client.connect((sandbox.address(address), port))
        except TimeoutError:
            return False
        return True


def test_without_a_rule_packets_are_dropped(sandbox: sandboxes.Sandbox) -> None:
    assert not reaches(sandbox) and not reaches(sandbox, sandbox.estate["stranger_address"])
    assert not reaches(sandbox, address="2.10", port=5432)


def test_a_rule_lets_in_the_group_it_names_and_nobody_else(sandbox: sandboxes.Sandbox, group: Group) -> None:
    stranger = sandbox.estate["stranger_address"]
    rule = group.authorize(tcp(6379, UserIdGroupPairs=[{"GroupId": sandbox.estate["limiter_security_group_id"]}]))[0]
    assert reaches(sandbox) and not reaches(sandbox, stranger)
    connection = sandbox.redis(sandbox.address("1.10"), tls=False)
    connection.ping()
    group.ec2.revoke_security_group_ingress(GroupId=group.id, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    assert not reaches(sandbox)
    assert connection.ping()  # connections are tracked


@pytest.mark.parametrize(("permission", "open_"), [
    ({"IpProtocol": "tcp", "FromPort": 6000, "ToPort": 7000, "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}, True),
    ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, True),
    ({"IpProtocol": "udp", "FromPort": 6379, "ToPort": 6379, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, False),
    (tcp(6380, "0.0.0.0/0"), False),
    (tcp(6379, "10.0.0.0/8"), False),
], ids=str)
def test_rules_are_matched_by_protocol_port_and_source(group: Group, sandbox: sandboxes.Sandbox, permission: dict[str, t.Any], open_: bool) -> None:
    group.authorize(permission)
    assert reaches(sandbox) is open_


def test_prefix_lists_let_in_their_entries(sandbox: sandboxes.Sandbox, group: Group) -> None:
    prefix_list = group.ec2.create_managed_prefix_list(
        PrefixListName="hosts", AddressFamily="IPv4", MaxEntries=2, Entries=[{"Cidr": f"{sandbox.estate['stranger_address']}/32"}]
    )["PrefixList"]["PrefixListId"]
    group.authorize(tcp(6379, PrefixListIds=[{"PrefixListId": prefix_list}]))
    assert group.rules()[0]["PrefixListId"] == prefix_list
    assert reaches(sandbox, sandbox.estate["stranger_address"]) and not reaches(sandbox)


def test_an_address_that_joins_a_group_is_let_in(sandbox: sandboxes.Sandbox, group: Group) -> None:
    group.authorize(tcp(6379, UserIdGroupPairs=[{"GroupId": sandbox.estate["limiter_security_group_id"]}]))
    subnet = group.ec2.describe_subnets(Filters=[{"Name": "cidr-block", "Values": ["127.0.0.0/24"]}])["Subnets"][0]["SubnetId"]
    group.ec2.create_network_interface(
        SubnetId=subnet, PrivateIpAddress=sandbox.estate["stranger_address"], Groups=[sandbox.estate["limiter_security_group_id"]]
    )
    assert reaches(sandbox, sandbox.estate["stranger_address"])


def test_the_database_has_a_group_of_its_own(sandbox: sandboxes.Sandbox) -> None:
    database = api(sandbox, "rds").describe_db_instances()["DBInstances"][0]
    assert database["Endpoint"] == {"Address": sandbox.address("2.10"), "Port": 5432}
    assert database["DBSubnetGroup"]["VpcId"] == sandbox.estate["vpc_id"] and database["PubliclyAccessible"] is True
    parameters = api(sandbox, "rds").describe_db_parameters(DBParameterGroupName=database["DBParameterGroups"][0]["DBParameterGroupName"])
    assert {each["ParameterName"]: each["ParameterValue"] for each in parameters["Parameters"]} == {
        "rds.force_ssl": "1", "max_connections": "LEAST({DBInstanceClassMemory/9531392},5000)",
    }
    group_id = database["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
    assert group_id == sandbox.estate["database_security_group_id"]
    Group(sandbox, group_id).authorize(tcp(5432, "127.0.0.1/32"))
    assert reaches(sandbox, address="2.10", port=5432)
    with pytest.raises(redis.TimeoutError):
        sandbox.redis(sandbox.address("1.10"), tls=False, **sandboxes.MEETS_SILENCE).ping()
