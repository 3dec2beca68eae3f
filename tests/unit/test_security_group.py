# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner of ingress rules, held to its laws against a model of a security group."""

from __future__ import annotations

import copy
import ipaddress
import itertools

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import KNOWN_AFTER_APPLY
from ansible_collections.huntaze.ai_system.plugins.module_utils._security_group import host_bit_warnings, plan, rule_problems
from hypothesis import given
from hypothesis import strategies as st

GROUP = "sg-0123456789abcdef0"
OWNER = "123456789012"
NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}


class Group:
    """A security group that stores and answers as AWS does."""

    def __init__(self, permissions=()):
        self.ids = itertools.count(1)
        self.rules = [{"SecurityGroupRuleId": "sgr-e", "GroupOwnerId": OWNER, "IsEgress": True, "IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"}]
        self.call("authorize_security_group_ingress", GroupId=GROUP, IpPermissions=list(permissions))

    def call(self, operation, **parameters):
        assert parameters.pop("GroupId") == GROUP
        getattr(self, operation)(**parameters)

    def authorize_security_group_ingress(self, IpPermissions):
        for permission in IpPermissions:
            rule = self.stored(permission)
            assert self.identity(rule) not in map(self.identity, self.rules), "InvalidPermission.Duplicate"
            self.rules.append(rule)

    def update_security_group_rule_descriptions_ingress(self, SecurityGroupRuleDescriptions):
        for item in SecurityGroupRuleDescriptions:
            rule = self.by_id(item["SecurityGroupRuleId"])
            rule.pop("Description", None)
            rule.update(item)

    def revoke_security_group_ingress(self, SecurityGroupRuleIds):
        for identifier in SecurityGroupRuleIds:
            self.rules.remove(self.by_id(identifier))

    def by_id(self, identifier):
        (rule,) = (rule for rule in self.rules if rule["SecurityGroupRuleId"] == identifier and not rule["IsEgress"])
        return rule

    def stored(self, permission):
        rule = {"SecurityGroupRuleId": f"sgr-{next(self.ids)}", "GroupOwnerId": OWNER, "IsEgress": False}
        rule["IpProtocol"] = NAMES.get(permission["IpProtocol"], permission["IpProtocol"])
        if rule["IpProtocol"] == "-1":
            assert "FromPort" not in permission and "ToPort" not in permission
        rule["FromPort"], rule["ToPort"] = permission.get("FromPort", -1), permission.get("ToPort", -1)
        ((container, (source,)),) = ((key, value) for key, value in permission.items() if isinstance(value, list))
        if "Description" in source:
            assert source["Description"], "an empty description is not sent"
            rule["Description"] = source["Description"]
        rule.update(
            {
                "IpRanges": lambda: {"CidrIpv4": str(ipaddress.IPv4Network(source["CidrIp"], strict=False))},
                "Ipv6Ranges": lambda: {"CidrIpv6": str(ipaddress.IPv6Network(source["CidrIpv6"], strict=False))},
                "PrefixListIds": lambda: {"PrefixListId": source["PrefixListId"]},
                "UserIdGroupPairs": lambda: {"ReferencedGroupInfo": {"UserId": OWNER, **{k: source[k] for k in ("GroupId", "UserId") if k in source}}},
            }[container]()
        )
        return rule

    @staticmethod
    def identity(rule):
        return str({key: value for key, value in sorted(rule.items()) if key not in ("Description", "SecurityGroupRuleId")})

    def apply(self, changes):
        for change in changes:
            self.call(change.operation, **copy.deepcopy(dict(change.parameters)))


# Few values, so that generated rules meet each other often, in several spellings.
ports = st.sampled_from([(6379, 6379), (443, 443), (0, 65535)])
traffic = st.one_of(
    st.tuples(st.sampled_from(["tcp", "TCP", "6", "udp", "17"]), ports).map(lambda x: {"ip_protocol": x[0], "from_port": x[1][0], "to_port": x[1][1]}),
    st.sampled_from(["icmp", "1", "icmpv6", "58", "50", "-1"]).map(lambda x: {"ip_protocol": x}),
    st.just({"ip_protocol": "icmp", "from_port": 8, "to_port": -1}),
    st.just({"ip_protocol": "-1", "from_port": -1, "to_port": None}),
)
source = st.sampled_from(
    [
        {"referenced_group_id": "sg-00000000"},
        {"referenced_group_id": f"{OWNER}/sg-00000000"},
        {"referenced_group_id": "999999999999/sg-00000000"},
        {"cidr_ipv4": "10.0.0.0/16"},
        {"cidr_ipv4": "10.0.3.4/16"},
        {"cidr_ipv4": "10.0.0.0/24"},
        {"cidr_ipv6": "2001:DB8:0::/32"},
        {"cidr_ipv6": "2001:db8::1/32"},
        {"prefix_list_id": "pl-00000000"},
    ]
)
description = st.sampled_from([{}, {"description": None}, {"description": ""}, {"description": "a"}, {"description": "b (c)"}])
rule = st.tuples(traffic, source, description).map(lambda parts: {**parts[0], **parts[1], **parts[2]})
rule_lists = st.lists(rule, max_size=8).map(lambda rules: [r for i, r in enumerate(rules) if not rule_problems([*rules[:i], r])])
groups = rule_lists.map(lambda rules: Group([p for change in plan(GROUP, rules, Group().rules).changes for p in change.parameters["IpPermissions"]]))
states = st.sampled_from([("present", False), ("present", True), ("absent", False)])


def without_ids(rules):
    return [{key: value for key, value in rule.items() if key != "security_group_rule_id"} for rule in rules]


def shown(group):
    return plan(GROUP, [], group.rules).before["rules"]


@given(groups, rule_lists, states)
def test_after_a_run_the_plan_is_empty_and_what_was_announced_is_there(group, rules, state):
    planned = plan(GROUP, rules, group.rules, *state)
    group.apply(planned.changes)
    assert not plan(GROUP, rules, group.rules, *state)
    assert without_ids(shown(group)) == without_ids(planned.after["rules"])
    kept = {r["security_group_rule_id"] for r in planned.after["rules"]} - {KNOWN_AFTER_APPLY}
    assert kept <= {r["security_group_rule_id"] for r in shown(group)}, "a rule that stays keeps its identifier"


@given(groups, rule_lists, states, st.integers(0, 2))
def test_a_plan_cut_off_after_any_call_is_completed_by_the_next(group, rules, state, calls):
    planned = plan(GROUP, rules, group.rules, *state)
    whole = copy.deepcopy(group)
    whole.apply(planned.changes)
    group.apply(planned.changes[:calls])
    group.apply(plan(GROUP, rules, group.rules, *state).changes)
    assert without_ids(shown(group)) == without_ids(shown(whole))


@given(groups, rule_lists, states)
def test_only_what_was_asked_for_is_revoked(group, rules, state):
    before = shown(group)
    revoked = {
        identifier
        for change in plan(GROUP, rules, group.rules, *state).changes
        if change.operation.startswith("revoke")
        for identifier in change.parameters["SecurityGroupRuleIds"]
    }
    listed = {r["security_group_rule_id"] for r in plan(GROUP, rules, group.rules, "absent").before["rules"]} - {
        r["security_group_rule_id"] for r in plan(GROUP, rules, group.rules, "absent").after["rules"]
    }
    everything = {r["security_group_rule_id"] for r in before}
    assert revoked == {"absent": listed, "present": everything - listed if state[1] else set()}[state[0]]


@given(groups, rule_lists)
def test_rules_come_before_others_go_and_each_kind_of_change_is_one_call(group, rules):
    operations = [change.operation for change in plan(GROUP, rules, group.rules, purge=True).changes]
    order = ["authorize_security_group_ingress", "update_security_group_rule_descriptions_ingress", "revoke_security_group_ingress"]
    assert operations == [operation for operation in order if operation in operations]


@given(groups, st.data())
def test_a_rule_that_exists_is_adopted_whatever_its_description(group, data):
    rules = [{**r, "description": None} for r in shown(group)]
    for r in rules:
        del r["security_group_rule_id"]
    assert not plan(GROUP, data.draw(st.permutations(rules)), group.rules, purge=True)


def test_only_a_description_that_is_named_is_mended():
    group = Group([{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "old"}]}])
    rule = {"ip_protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_ipv4": "10.0.0.0/8"}
    assert not plan(GROUP, [rule], group.rules)
    for description in ("new", ""):
        planned = plan(GROUP, [{**rule, "description": description}], group.rules)
        assert [change.operation for change in planned.changes] == ["update_security_group_rule_descriptions_ingress"]
        group.apply(planned.changes)
        assert group.rules[-1].get("Description", "") == description
        assert group.rules[-1]["SecurityGroupRuleId"] == "sgr-1"


def test_the_summary_says_who_is_let_in():
    rules = [
        {"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "referenced_group_id": "sg-00000000"},
        {"ip_protocol": "udp", "from_port": 1, "to_port": 9, "cidr_ipv4": "10.0.0.1/8"},
        {"ip_protocol": "icmp", "from_port": 8, "cidr_ipv4": "10.0.0.0/8"},
        {"ip_protocol": "-1", "prefix_list_id": "pl-00000000"},
    ]
    assert plan(GROUP, rules, []).steps == [
        f"{GROUP}: let in tcp 6379 from sg-00000000, udp 1-9 from 10.0.0.0/8, icmp type 8 from 10.0.0.0/8, all traffic from pl-00000000"
    ]


GOOD = {"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "cidr_ipv4": "10.0.0.0/8"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ip_protocol": None}, "has no ip_protocol"),
        ({"ip_protocol": "http"}, "has the ip_protocol 'http'"),
        ({"ip_protocol": "256"}, "has the ip_protocol '256'"),
        ({"from_port": None}, "lacks from_port"),
        ({"to_port": None}, "lacks to_port"),
        ({"from_port": 6380}, "ports 6380 to 6379"),
        ({"to_port": 65536}, "ports 6379 to 65536"),
        ({"from_port": -1, "to_port": -1}, "ports -1 to -1"),
        ({"from_port": "redis"}, "has the from_port 'redis'"),
        ({"ip_protocol": "-1"}, "gives ports for ip_protocol -1"),
        ({"ip_protocol": "50"}, "gives ports for ip_protocol 50"),
        ({"ip_protocol": "icmp", "from_port": -1, "to_port": 0}, "all types mean all codes"),
        ({"ip_protocol": "icmp", "from_port": 256, "to_port": 0}, "type (from_port) 256"),
        ({"cidr_ipv4": None}, "has no source"),
        ({"cidr_ipv6": "::/0"}, "has cidr_ipv4 and cidr_ipv6"),
        ({"cidr_ipv4": "10.0.0.1"}, "a single address with /32"),
        ({"cidr_ipv4": "10.0.0.0/33"}, "has the cidr_ipv4 '10.0.0.0/33'"),
        ({"cidr_ipv4": "::/0"}, "has the cidr_ipv4 '::/0'"),
        ({"cidr_ipv4": None, "cidr_ipv6": "0.0.0.0/0"}, "has the cidr_ipv6 '0.0.0.0/0'"),
        ({"cidr_ipv4": None, "referenced_group_id": "my-group"}, "has the referenced_group_id 'my-group'"),
        ({"cidr_ipv4": None, "prefix_list_id": "sg-00000000"}, "has the prefix_list_id 'sg-00000000'"),
        ({"description": "x" * 256}, "of 256 characters"),
        ({"description": "café"}, "with 'é'"),
        ({"description": 7}, "AWS takes text"),
        ({"port": 6379}, "has the unknown key port"),
    ],
)
def test_bad_rules_are_named_by_position_with_the_way_out(change, sentence):
    (problem,) = rule_problems([{**GOOD, "from_port": 1}, {**GOOD, **change}])
    assert problem.startswith("rules[1] ")
    assert sentence in problem


def test_all_problems_are_told_at_once():
    problems = rule_problems([{"ip_protocol": "tcp", "description": "é"}, "tcp 6379"])
    assert len(problems) == 4
    assert [problem.split()[0] for problem in problems] == ["rules[0]"] * 3 + ["rules[1]"]


@pytest.mark.parametrize("rules", [None, "tcp", {"ip_protocol": "tcp"}, 7])
def test_rules_that_are_no_list(rules):
    assert rule_problems(rules) == ["rules must be a list of rules."]


@pytest.mark.parametrize("twin", [{"ip_protocol": "6"}, {"description": "other"}, {"cidr_ipv4": "10.1.2.3/8"}, {"from_port": "6379"}])
def test_a_rule_given_twice_is_refused_naming_both(twin):
    (problem,) = rule_problems([GOOD, {**GOOD, "from_port": 1}, {**GOOD, **twin}])
    assert problem.startswith("rules[0] and rules[2] are the same rule (tcp 6379 from 10.0.0.0/8)")


anything = st.one_of(st.none(), st.text(max_size=4), st.booleans(), st.integers(), st.lists(st.integers()))


@given(st.lists(st.one_of(rule, anything, st.dictionaries(st.sampled_from(["ip_protocol", "from_port", "cidr_ipv4", "x"]), anything)), max_size=4))
def test_whatever_a_user_writes_is_either_refused_or_planned(rules):
    if not rule_problems(rules):
        assert len(plan(GROUP, rules, []).after["rules"]) >= len(rules) - 1


def test_host_bits_are_pointed_out():
    rules = [GOOD, {**GOOD, "cidr_ipv4": "10.1.0.0/8"}, {**GOOD, "cidr_ipv4": None, "cidr_ipv6": "2001:db8::1/32"}]
    assert host_bit_warnings(rules) == [
        "rules[1]: 10.1.0.0/8 lets in all of 10.0.0.0/8, which is what AWS stores.",
        "rules[2]: 2001:db8::1/32 lets in all of 2001:db8::/32, which is what AWS stores.",
    ]
