# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner of ingress rules, held to its laws against a model of a security group."""

from __future__ import annotations

import copy
import ipaddress
import itertools

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2 import ingress, problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.ingress import Desired, Observed
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.problems import group_id_problems, host_bit_warnings, rule_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.quota import no_room, proof_of_room, size
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import as_dicts
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import UNKNOWN
from hypothesis import given
from hypothesis import strategies as st
from support import laws

GROUP = "sg-0123456789abcdef0"
OWNER = "123456789012"
NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}


def desired(rules, state="present", purge=False, purge_ports=False):
    return Desired.of({"group_id": GROUP, "rules": rules, "state": state, "purge": purge, "purge_ports": purge_ports})


def plan(rules, described, state="present", purge=False, purge_ports=False):
    return ingress.plan(desired(rules, state, purge, purge_ports), Observed(tuple(described)))


def contradictions(rules, described):
    return problems.contradictions(desired(rules), Observed(tuple(described)))


def peering_warnings(rules, described):
    return problems.peering_warnings(desired(rules), Observed(tuple(described)))


def unreadable(described):
    return problems.unreadable(Observed(tuple(described)))


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
        identity = {key: value for key, value in sorted(rule.items()) if key not in ("Description", "SecurityGroupRuleId")}
        if "ReferencedGroupInfo" in identity:
            identity["ReferencedGroupInfo"] = identity["ReferencedGroupInfo"]["GroupId"]  # whatever the account
        return str(identity)

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
groups = rule_lists.map(lambda rules: Group([p for change in plan(rules, Group().rules).changes for p in change.parameters["IpPermissions"]]))
states = st.sampled_from([("present", False), ("present", True), ("present", False, True), ("absent", False)])


def state_of(group):
    """The rules by what tells them apart, each with its description."""
    rules = Observed(tuple(group.rules)).rules
    return {f"security group {GROUP}": {rule.field: rule.description for rule in rules}} if rules else {}


def without_ids(rules):
    return [{key: value for key, value in rule.items() if key != "security_group_rule_id"} for rule in rules]


def shown(group):
    return as_dicts(Observed(tuple(group.rules)).rules)


@given(groups, rule_lists, states)
def test_after_a_run_the_plan_is_empty_and_what_was_announced_is_there(group, rules, state):
    planned = plan(rules, group.rules, *state)
    group.apply(planned.changes)
    assert not plan(rules, group.rules, *state)
    assert without_ids(shown(group)) == without_ids(planned.rules)
    kept = {r["security_group_rule_id"] for r in planned.rules} - {str(UNKNOWN)}
    assert kept <= {r["security_group_rule_id"] for r in shown(group)}, "a rule that stays keeps its identifier"


@given(groups, rule_lists, states)
def test_the_differences_are_those_that_a_run_makes(group, rules, state):
    planned = plan(rules, group.rules, *state)
    laws.check_changes(planned)
    announced = laws.applied(state_of(group), planned.differences)
    group.apply(planned.changes)
    assert state_of(group) == announced


@given(groups, rule_lists, states)
def test_what_is_left_alone_is_no_change_and_a_run_leaves_it(group, rules, state):
    planned = plan(rules, group.rules, *state)
    laws.check_left_alone(planned)
    group.apply(planned.changes)
    assert laws.left_alone(plan(rules, group.rules, *state)) == laws.left_alone(planned)
    assert not planned.left_alone or state == ("present", False)


@given(groups, rule_lists)
def test_purging_the_ports_makes_differences_of_what_is_left_alone_and_touches_nothing_else(group, rules):
    leaving, purging = plan(rules, group.rules), plan(rules, group.rules, purge_ports=True)
    assert sorted(purging.differences) == sorted([*leaving.differences, *laws.left_alone(leaving)])


@given(groups, rule_lists, states, st.data())
def test_a_change_in_halves_or_without_what_was_made_comes_to_the_same(group, rules, state, data):
    for change in plan(rules, group.rules, *state).changes:
        halves = change.halves()
        assert bool(halves) == (len(change.rules) > 1)
        if halves:
            first, second = data.draw(st.permutations(halves))
            assert sorted([*first.differences, *second.differences]) == sorted(change.differences)
            assert change.without([first]).parameters == second.parameters and change.without([first]).differences == second.differences
        assert change.without([change]) is None and change.without(()).parameters == change.parameters


@given(groups, rule_lists, states, st.integers(0, 2))
def test_a_plan_cut_off_after_any_call_is_completed_by_the_next(group, rules, state, calls):
    planned = plan(rules, group.rules, *state)
    whole = copy.deepcopy(group)
    whole.apply(planned.changes)
    group.apply(planned.changes[:calls])
    group.apply(plan(rules, group.rules, *state).changes)
    assert without_ids(shown(group)) == without_ids(shown(whole))


@given(groups, rule_lists, states)
def test_only_what_was_asked_for_is_revoked(group, rules, state):
    before = shown(group)
    revoked = {
        identifier
        for change in plan(rules, group.rules, *state).changes
        if change.operation.startswith("revoke")
        for identifier in change.parameters["SecurityGroupRuleIds"]
    }
    everything = {r["security_group_rule_id"] for r in before}
    listed = everything - {r["security_group_rule_id"] for r in plan(rules, group.rules, "absent").rules}
    if len(state) == 3:
        fields = {one.field for one in laws.left_alone(plan(rules, group.rules))}
        assert revoked == {rule.rule_id for rule in Observed(tuple(group.rules)).rules if rule.field in fields} <= everything - listed
    else:
        assert revoked == {"absent": listed, "present": everything - listed if state[1] else set()}[state[0]]


@given(groups, rule_lists)
def test_rules_come_before_others_go_and_each_kind_of_change_is_one_call(group, rules):
    operations = [change.operation for change in plan(rules, group.rules, purge=True).changes]
    order = ["authorize_security_group_ingress", "update_security_group_rule_descriptions_ingress", "revoke_security_group_ingress"]
    assert operations == [operation for operation in order if operation in operations]


@given(groups, st.data())
def test_a_rule_that_exists_is_adopted_whatever_its_description(group, data):
    rules = [{**r, "description": None} for r in shown(group)]
    for r in rules:
        del r["security_group_rule_id"]
    assert not plan(data.draw(st.permutations(rules)), group.rules, purge=True)


def test_only_a_description_that_is_named_is_mended():
    group = Group([{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "old"}]}])
    rule = {"ip_protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_ipv4": "10.0.0.0/8"}
    assert not plan([rule], group.rules)
    for description in ("new", ""):
        planned = plan([{**rule, "description": description}], group.rules)
        assert [change.operation for change in planned.changes] == ["update_security_group_rule_descriptions_ingress"]
        group.apply(planned.changes)
        assert group.rules[-1].get("Description", "") == description
        assert group.rules[-1]["SecurityGroupRuleId"] == "sgr-1"


REDIS = {"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "cidr_ipv4": "10.0.0.0/16"}


@pytest.mark.parametrize(
    ("undeclared", "lowers"),
    [
        ({"cidr_ipv4": "0.0.0.0/0"}, True),
        ({"cidr_ipv4": "10.0.3.0/24"}, False),  # within the declared block
        ({"cidr_ipv4": "10.0.0.0/8"}, True),
        ({"cidr_ipv6": "::/0"}, True),
        ({"prefix_list_id": "pl-00000000"}, True),
        ({"referenced_group_id": "sg-00000000"}, True),
        ({"from_port": 6000, "to_port": 7000}, True),  # from the declared block, but to other ports too
        ({"from_port": 0, "to_port": 65535, "cidr_ipv4": "192.0.2.0/24"}, True),
        ({"ip_protocol": "-1", "from_port": None, "to_port": None}, True),
        ({"from_port": 6380, "to_port": 6390}, None),  # of others
        ({"ip_protocol": "udp"}, None),
        ({"ip_protocol": "icmp", "from_port": None, "to_port": None}, None),
        ({"ip_protocol": "50", "from_port": None, "to_port": None}, None),
    ],
)
def test_an_undeclared_rule_that_opens_a_declared_port_is_told_and_no_other(undeclared, lowers):
    rule = {**REDIS, **({"cidr_ipv4": None} if not undeclared.get("cidr_ipv4") and {"cidr_ipv6", "prefix_list_id", "referenced_group_id"} & set(undeclared)
                        else {}), **undeclared}
    group = Group([permission for one in ([REDIS], [rule]) for permission in plan(one, Group().rules).changes[0].parameters["IpPermissions"]])
    planned = plan([REDIS], group.rules)
    assert not planned.changes
    told = [(one.difference.object, one.difference.field, one.lowers_security) for one in planned.left_alone]
    (field,) = [known.field for known in Observed(tuple(group.rules)).rules if known.field != "tcp 6379 from 10.0.0.0/16"]
    assert told == ([] if lowers is None else [(f"security group {GROUP}", field, lowers)])


@pytest.mark.parametrize("stays", [True, False])
def test_a_widened_rule_is_told_beside_the_declared_one_and_in_its_place(stays):
    wide = {**REDIS, "cidr_ipv4": "0.0.0.0/0"}
    group = Group([p for rule in ([REDIS, wide] if stays else [wide]) for p in plan([rule], Group().rules).changes[0].parameters["IpPermissions"]])
    planned = plan([REDIS], group.rules)
    assert [(one.field, one.before, one.after) for one in planned.differences] == ([] if stays else [("tcp 6379 from 10.0.0.0/16", None, "")])
    (one,) = planned.left_alone
    assert one.difference[1:4] == ("tcp 6379 from 0.0.0.0/0", "", None)
    replaced = "" if stays else "; tcp 6379 from 10.0.0.0/16 is not there, so it may stand in that place"
    assert one.why == f"it is not declared, and it opens tcp 6379{replaced}"


def test_the_summary_says_who_is_let_in():
    rules = [
        {"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "referenced_group_id": "sg-00000000"},
        {"ip_protocol": "udp", "from_port": 1, "to_port": 9, "cidr_ipv4": "10.0.0.1/8"},
        {"ip_protocol": "icmp", "from_port": 8, "cidr_ipv4": "10.0.0.0/8"},
        {"ip_protocol": "-1", "prefix_list_id": "pl-00000000"},
    ]
    assert plan(rules, []).steps == [
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
        ({"description": 7}, "has a description that is no text (7): write it in quotes"),
        ({"description": True}, "has a description that is no text (True)"),
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
        assert len(plan(rules, []).rules) >= len(rules) - 1


def test_host_bits_are_pointed_out():
    rules = [GOOD, {**GOOD, "cidr_ipv4": "10.1.0.0/8"}, {**GOOD, "cidr_ipv4": None, "cidr_ipv6": "2001:db8::1/32"}]
    assert host_bit_warnings(rules) == [
        "rules[1]: 10.1.0.0/8 lets in all of 10.0.0.0/8, which is what AWS stores.",
        "rules[2]: 2001:db8::1/32 lets in all of 2001:db8::/32, which is what AWS stores.",
    ]


# The quota


def rules_of(kinds):
    """Rules by a letter each: 4 and 6 for blocks, g for groups, p for prefix lists; their places make them differ."""
    sources = {
        "4": lambda n: {"cidr_ipv4": f"10.0.{n}.0/24"},
        "6": lambda n: {"cidr_ipv6": f"2001:db8:{n}::/48"},
        "g": lambda n: {"referenced_group_id": f"sg-{n:08x}"},
        "p": lambda n: {"prefix_list_id": f"pl-{n:08x}"},
    }
    return [{"ip_protocol": "-1", **sources[kind](number)} for number, kind in enumerate(kinds)]


def purge_to(there, wanted):
    """The plan that leads from the rules `there` to `wanted`; the letters of both count from one row, so none is in both."""
    letters = rules_of(there + wanted)
    group = Group(plan(letters[: len(there)], Group().rules).changes[0].parameters["IpPermissions"] if there else ())
    return plan(letters[len(there):], group.rules, purge=True)


@pytest.mark.parametrize(
    ("there", "counted"), [("", (0, 0)), ("444", (3, 0)), ("466", (1, 2)), ("g", (1, 1)), ("4g6g", (3, 3)), ("p", (0, 0)), ("4p", (1, 0))]
)
def test_kind_02_rules_are_counted_as_aws_does(there, counted):
    assert size(Observed(tuple(Group(plan(rules_of(there), []).changes[0].parameters["IpPermissions"] if there else ()).rules)).rules) == counted


@pytest.mark.parametrize(
    ("there", "wanted", "proof"),
    [
        ("444", "444", ""),  # what fits now fits then
        ("444", "44", ""),
        ("4", "444", "44"),
        ("444", "4444", "4"),
        ("444", "44466", ""),
        ("444", "666", ""),  # one quota holds for both families
        ("444", "6666", "6666"),
        ("44", "ggg", "g"),
        ("gg", "446", ""),
        ("66", "4g4", "4g"),
        ("6666", "44g", ""),
        ("44", "444p", "4p"),  # nobody knows how many entries it may have: it has to go in first
        ("44", "gp", None),  # nor of which family
        ("p4", "444", "44"),
        ("44", "4p", "p"),
        ("44", "44p", "p"),
    ],
)
def test_kind_02_what_has_to_be_taken_by_aws_before_anything_goes(there, wanted, proof):
    planned = purge_to(there, wanted)
    found = proof_of_room(planned)
    if proof is None or found is None:
        assert (found is None) == (proof is None)
        return
    kinds = {"cidr_ipv4": "4", "cidr_ipv6": "6", "referenced_group_id": "g", "prefix_list_id": "p"}
    assert sorted(kinds[each.source_kind] for each in found) == sorted(proof)


quantities = st.lists(st.sampled_from("46g"), max_size=5).map("".join)


@given(quantities, quantities, st.integers(1, 8))
def test_kind_02_once_the_proof_is_in_the_end_fits_and_a_proof_that_is_refused_means_that_it_cannot(there, wanted, quota):
    planned = purge_to(there, wanted)
    if max(size([*planned.kept, *planned.removed])) > quota:
        return
    end = max(size([*planned.kept, *planned.added]))
    proof = proof_of_room(planned)
    assert proof is not None
    assert (max(size([*planned.kept, *planned.removed, *proof])) <= quota) == (end <= quota) or not proof
    assert proof or end <= quota


@pytest.mark.parametrize(
    ("there", "wanted", "refused", "words"),
    [
        ("444", "4444", 1, "room for 4 for IPv4 and 0 for IPv6, but its quota is 3 "),
        ("44", "44444", 3, "room for 5 for IPv4 and 0 for IPv6, but its quota lies between 2 and 4 "),
        ("gg", "ggg6", 1, "room for 3 for IPv4 and 4 for IPv6, but its quota is 2 "),
        ("44", "44p", 3, "room for 2 for IPv4 and 0 for IPv6, but the group holds 2 for IPv4 and 0 for IPv6, and AWS refused 4 for IPv4"),
    ],
)
def test_kind_02_both_numbers_are_told(there, wanted, refused, words):
    planned = purge_to(there, wanted)
    assert words in no_room(planned, planned.added[:refused])


# Identity


PEER, OTHER = "210987654321", "999999999999"
PEERS_GROUP = "sg-0aaaaaaaaaaaaaaa1"
FROM_PEER = {
    "SecurityGroupRuleId": "sgr-1", "GroupId": GROUP, "GroupOwnerId": OWNER, "IsEgress": False, "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379,
    "ReferencedGroupInfo": {
        "GroupId": PEERS_GROUP, "UserId": PEER, "VpcId": "vpc-1", "VpcPeeringConnectionId": "pcx-1", "PeeringStatus": "active",
    },
    "Tags": [],
}
SPELLINGS = [PEERS_GROUP, f"{PEER}/{PEERS_GROUP}"]


def answered(**changes):
    """The peer's rule with other facts about its source; None takes one out."""
    group = {**FROM_PEER["ReferencedGroupInfo"], **changes}
    return {**FROM_PEER, "ReferencedGroupInfo": {key: value for key, value in group.items() if value is not None}}


def from_group(source, port=6379):
    return {"ip_protocol": "tcp", "from_port": port, "to_port": port, "referenced_group_id": source}


@pytest.mark.parametrize("written", SPELLINGS)
@pytest.mark.parametrize("user", [PEER, None])
def test_kind_03_a_peers_group_is_one_source_whoever_names_its_account(written, user):
    described = [answered(UserId=user)]
    assert not plan([from_group(written)], described)
    assert not plan([from_group(written)], described, purge=True)
    (change,) = plan([from_group(written)], described, "absent").changes
    assert change.parameters["SecurityGroupRuleIds"] == ["sgr-1"]
    assert contradictions([from_group(written)], described) == []


@pytest.mark.parametrize("owner", [OWNER, None])
@pytest.mark.parametrize("user", [OWNER, None])
@pytest.mark.parametrize("written", [PEERS_GROUP, f"{OWNER}/{PEERS_GROUP}"])
def test_kind_03_a_group_of_the_account_itself_too(written, user, owner):
    described = [{**answered(UserId=user), "GroupOwnerId": owner}]
    assert not plan([from_group(written)], described, purge=True)
    assert contradictions([from_group(written)], described) == []


@pytest.mark.parametrize("first", SPELLINGS)
@pytest.mark.parametrize("second", SPELLINGS)
def test_kind_03_one_group_in_two_spellings_is_one_rule_and_said_so(first, second):
    (problem,) = rule_problems([from_group(first), from_group(second)])
    assert problem.startswith("rules[0] and rules[1] are the same rule")
    assert ("a group's identifier alone decides" in problem) == (first != second)


def test_kind_03_one_group_in_two_accounts_is_refused():
    (problem,) = rule_problems([from_group(f"{PEER}/{PEERS_GROUP}", 1), from_group(PEERS_GROUP, 2), from_group(f"{OTHER}/{PEERS_GROUP}", 3)])
    assert problem.startswith(f"rules[0] and rules[2] name {PEERS_GROUP} in two accounts")


@pytest.mark.parametrize("port", [6379, 1])
def test_kind_03_an_account_that_aws_contradicts_is_refused(port):
    (problem,) = contradictions([from_group(f"{OTHER}/{PEERS_GROUP}", port)], [FROM_PEER])
    assert problem.startswith("rules[0] names") and f"{PEERS_GROUP} is in account {PEER}" in problem
    (own,) = contradictions([from_group(f"{OTHER}/{GROUP}")], [FROM_PEER])
    assert f"in account {OWNER}" in own


@pytest.mark.parametrize(("status", "warned"), [("active", False), (None, False), ("deleted", True), ("expired", True), ("a-status-to-come", True)])
def test_kind_03_a_rule_whose_peering_is_not_active_is_warned_about(status, warned):
    warnings = peering_warnings([from_group(PEERS_GROUP)], [answered(PeeringStatus=status)])
    assert bool(warnings) == warned
    assert all(f"rules[0] (tcp 6379 from {PEERS_GROUP}) is there" in each and f"pcx-1 is {status}" in each for each in warnings)
    assert peering_warnings([from_group(PEERS_GROUP, 1)], [answered(PeeringStatus=status)]) == []


# Blocks, ports and protocols are read strictly


@pytest.mark.parametrize(
    "block",
    [
        "10.3.0.0/0.0.0.0", "10.3.0.0/255.255.0.0", "10.3.0.0/0.0.255.255", "10.3.0.0/016", "10.3.0.0/+16", "10.3.0.0/-1", "10.3.0.0/1_6", "10.3.0.0/",
        "10.3.0.0", "/16", "", " ", "10.3.0.0/16 ", " 10.3.0.0/16", "10.3.0.0 /16", "10.3.0.0/ 16", "10.3.0.0/16\n", "10.3.0.0/16/16", "10.3.0.0/33",
        "010.3.0.0/16", "10.3/16", "10.3.0/16", "0xa.3.0.0/16", "167772160/8", "10.3.0.256/16", "\u0661\u0660.3.0.0/16", "10.3.0.0/\u0661\u0666",
        "10.3.0.0\u2215\u0031", "10.3.0.0/0", "10.0.0.1/0", "::/0", "2001:db8::/32", "any", 10, 0, True, ["10.0.0.0/8"], 10.0,
    ],
)
def test_kind_04_what_is_no_ipv4_block(block):
    (problem,) = rule_problems([{**GOOD, "cidr_ipv4": block}])
    assert problem.startswith("rules[0] has the cidr_ipv4 ")


@pytest.mark.parametrize(
    "block",
    [
        "fe80::1%eth0/64", "fe80::1%25eth0/64", "2001:db8::/032", "2001:db8::/ffff::", "2001:db8::/129", "2001:db8::", "2001:db8::/32 ",
        "2001:db8::/\u0663\u0662",
        "::ffff:10.0.0.0/104", "::ffff:a00:0/120", "2001:db8::1/0",
        "0.0.0.0/0", "10.0.0.0/8", "2001:db8:::/32", "[2001:db8::]/32", "", True, 0,
    ],
)
def test_kind_04_what_is_no_ipv6_block(block):
    rule = {key: value for key, value in GOOD.items() if key != "cidr_ipv4"}
    (problem,) = rule_problems([{**rule, "cidr_ipv6": block}])
    assert problem.startswith("rules[0] has the cidr_ipv6 ")


@pytest.mark.parametrize("block", ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "10.1.2.3/8"])
def test_kind_04_what_is_an_ipv4_block(block):
    assert rule_problems([{**GOOD, "cidr_ipv4": block}]) == []


@pytest.mark.parametrize("block", ["::/0", "2001:db8::/32", "2001:DB8:0:0::1/128", "64:ff9b::192.0.2.33/128"])
def test_kind_04_what_is_an_ipv6_block(block):
    assert rule_problems([{**{key: value for key, value in GOOD.items() if key != "cidr_ipv4"}, "cidr_ipv6": block}]) == []


@pytest.mark.parametrize("port", [True, False, 6379.0, "6379.0", "06379", " 6379", "6379 ", "6_379", "+6379", "\u0666", "0x18EB", "", "redis", [6379], {}])
@pytest.mark.parametrize("key", ["from_port", "to_port"])
def test_kind_04_what_is_no_port(key, port):
    problems = rule_problems([{**GOOD, key: port}])
    assert [problem.partition(":")[0] for problem in problems] == [f"rules[0] has the {key} {port!r}"]


@pytest.mark.parametrize("protocol", [" tcp", "tcp ", "006", "06", "+6", "6.0", 6.0, True, "\u0666", "256", "-2", "all", "", [], "t c p", "tcp\n"])
def test_kind_04_what_is_no_protocol(protocol):
    (problem,) = rule_problems([{**GOOD, "ip_protocol": protocol}])
    assert problem.startswith("rules[0] has the ip_protocol ")


@pytest.mark.parametrize(
    ("written", "canonical"), [("TCP", "tcp"), ("6", "tcp"), (6, "tcp"), (17, "udp"), ("1", "icmp"), ("58", "icmpv6"), (-1, "-1"), ("50", "50"), (0, "0")]
)
def test_kind_04_a_protocol_has_one_canonical_form(written, canonical):
    ports = {"from_port": 1, "to_port": 1} if canonical in ("tcp", "udp", "icmp", "icmpv6") else {}
    rule = {"ip_protocol": written, "cidr_ipv4": "10.0.0.0/8", **ports}
    assert rule_problems([rule]) == []
    assert plan([rule], []).rules[0]["ip_protocol"] == canonical
    assert not plan([rule], [{"SecurityGroupRuleId": "sgr-1", "IsEgress": False, "IpProtocol": canonical, "CidrIpv4": "10.0.0.0/8",
                                     "FromPort": 1 if ports else -1, "ToPort": 1 if ports else -1}], purge=True)


@pytest.mark.parametrize("description", ["a\nb", "a\n", "tab\t", "<x>", "100%", "\u0661", "quo'te", 'quo"te', "a" * 256, True, ["a"]])
def test_kind_04_descriptions_that_aws_refuses(description):
    (problem,) = rule_problems([{**GOOD, "description": description}])
    assert problem.startswith("rules[0] has a description ")


@pytest.mark.parametrize("name", ["SG-00000000", "sg-0000000", "sg-000000000", "sg-0000000g", "sg-00000000 ", "sg-00000000\n", "12345/sg-00000000", "", 7])
def test_kind_04_groups_are_named_as_aws_does(name):
    rule = {key: value for key, value in GOOD.items() if key != "cidr_ipv4"}
    (problem,) = rule_problems([{**rule, "referenced_group_id": name}])
    assert problem.startswith("rules[0] has the referenced_group_id ")


# Fields that an answer may lack


@pytest.mark.parametrize("lacking", sorted(FROM_PEER) + ["CidrIpv4"])
def test_kind_07_no_field_of_a_rule_is_needed_to_go_on(lacking):
    whole = FROM_PEER if lacking != "CidrIpv4" else {**FROM_PEER, "ReferencedGroupInfo": None}
    described = [{key: value for key, value in whole.items() if key != lacking}]
    planned = plan([from_group(PEERS_GROUP)], described)
    as_known = lacking in ("GroupId", "GroupOwnerId", "Tags")
    assert (unreadable(described) == []) == as_known
    assert bool(planned) == (lacking in ("ReferencedGroupInfo", "IpProtocol", "FromPort", "ToPort", "CidrIpv4"))
    assert contradictions([from_group(PEERS_GROUP)], described) == []
    assert peering_warnings([from_group(PEERS_GROUP)], described) == []
    assert len(planned.observed.rules) == 1


@pytest.mark.parametrize("lacking", sorted(FROM_PEER["ReferencedGroupInfo"]))
def test_kind_07_nor_of_its_source(lacking):
    described = [answered(**{lacking: None})]
    assert bool(plan([from_group(PEERS_GROUP)], described)) == (lacking == "GroupId")
    assert bool(unreadable(described)) == (lacking == "GroupId")


def test_kind_07_an_unknown_kind_of_source_is_named():
    described = [{**FROM_PEER, "ReferencedGroupInfo": None, "ReferencedCloudInfo": {"CloudId": "c-1"}}]
    (sentence,) = unreadable(described)
    assert "The rule sgr-1" in sentence and "ReferencedCloudInfo" in sentence
    (shown_rule,) = as_dicts(Observed(tuple(described)).rules)
    assert shown_rule["unknown_source"] == "an unknown source (sgr-1)"


@pytest.mark.parametrize("protocol", ["icmp", "icmpv6"])
@pytest.mark.parametrize("ports", [{}, {"FromPort": -1, "ToPort": -1}, {"FromPort": -1}])
def test_kind_07_icmp_without_ports_reads_back_with_minus_one_or_none(protocol, ports):
    described = [{"SecurityGroupRuleId": "sgr-1", "IsEgress": False, "IpProtocol": protocol, "CidrIpv4": "10.0.0.0/8", **ports}]
    assert not plan([{"ip_protocol": protocol, "cidr_ipv4": "10.0.0.0/8"}], described, purge=True)
    assert unreadable(described) == []


# Messages name what is wrong


@pytest.mark.parametrize("item", ["tcp 6379", 7, None, ["tcp"], True])
def test_kind_17_an_item_of_another_type_is_named(item):
    (problem,) = rule_problems([GOOD, item])
    assert problem.startswith("rules[1] is ")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "is empty"), ("  ", "is empty"), ("sg-00000000 ", "a blank or a line end"), ("\nsg-00000000", "a blank or a line end"),
        ("arn:aws:ec2:us-east-1:123456789012:security-group/sg-00000000", "is an ARN"), ("my-group", "names are not taken"), ("sg-xyz", "is no identifier"),
        ("SG-00000000", "is no identifier"), ("123456789012/sg-00000000", "is no identifier"), ("sg-00000000,sg-00000001", "is no identifier"),
    ],
)
def test_kind_27_a_group_id_of_another_shape_is_told_what_it_is(value, words):
    (problem,) = group_id_problems(value)
    assert problem.startswith(f"group_id is {value!r}") and words in problem and "sg-0123456789abcdef0" in problem
