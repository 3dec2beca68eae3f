# SPDX-License-Identifier: GPL-3.0-or-later
"""security_group_ingress against the sandbox: what it changes, what it says, and what it survives."""

from __future__ import annotations

import uuid

import pytest
import redis
from support import sandboxes

AUTHORIZE, UPDATE, REVOKE = "AuthorizeSecurityGroupIngress", "UpdateSecurityGroupRuleDescriptionsIngress", "RevokeSecurityGroupIngress"
DESCRIBE = "ec2.DescribeSecurityGroupRules"


def rule(port, cidr="10.0.0.0/8", **more):
    return {"ip_protocol": "tcp", "from_port": port, "to_port": port, "cidr_ipv4": cidr, **more}


class Group:
    """A security group, through the module and through eyes that are not the module's."""

    def __init__(self, sandbox, run_module, group_id):
        self.id = group_id
        self.ec2 = sandbox.client("ec2")
        self.sandbox = sandbox
        self._run_module = run_module

    def run(self, rules, check=False, kill_after=None, **args):
        self.sandbox.control.forget_calls()
        return self._run_module("security_group_ingress", {"group_id": self.id, "rules": rules, **args}, check=check, kill_after=kill_after)

    def rules(self):
        pages = self.ec2.get_paginator("describe_security_group_rules").paginate(Filters=[{"Name": "group-id", "Values": [self.id]}])
        return [r for page in pages for r in page["SecurityGroupRules"] if not r["IsEgress"]]

    def seen(self):
        """Port, IPv4 block and description of every rule."""
        return sorted((r["FromPort"], r["CidrIpv4"], r.get("Description", "")) for r in self.rules())

    def authorize(self, *rules):
        """Somebody else's doing."""
        made = self.ec2.authorize_security_group_ingress(
            GroupId=self.id,
            IpPermissions=[
                {
                    "IpProtocol": "tcp", "FromPort": r["from_port"], "ToPort": r["to_port"],
                    "IpRanges": [{"CidrIp": r["cidr_ipv4"], **({"Description": r["description"]} if r.get("description") else {})}],
                }
                for r in rules
            ],
        )
        return [r["SecurityGroupRuleId"] for r in made["SecurityGroupRules"]]


@pytest.fixture
def group(sandbox, run_module):
    """A new group in the estate's VPC: quicker than a new estate."""
    made = sandbox.client("ec2").create_security_group(GroupName=uuid.uuid4().hex, Description="of a test", VpcId=sandbox.estate["vpc_id"])
    yield Group(sandbox, run_module, made["GroupId"])
    sandbox.settings(rules_per_security_group=60)


def changed_by(sandbox):
    """The changing calls made since the last run began."""
    return {name.split(".")[1]: count for name, count in sandbox.calls().items() if not name.startswith("ec2.Describe")}


def without_ids(rules):
    return [{key: value for key, value in r.items() if key != "security_group_rule_id"} for r in rules]


def test_a_rule_lets_the_limiter_host_in_and_nobody_else(sandbox, estate, run_module):
    group = Group(sandbox, run_module, estate["cache_security_group_id"])
    address = sandbox.client("elasticache").describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"][0]["CacheNodes"][0]["Endpoint"]["Address"]
    with pytest.raises(redis.TimeoutError):
        sandbox.redis(address, tls=False, **sandboxes.MEETS_SILENCE).ping()
    rules = [
        {
            "ip_protocol": "tcp", "from_port": 6379, "to_port": 6379,
            "referenced_group_id": estate["limiter_security_group_id"], "description": "Redis from the limiter hosts",
        }
    ]
    result = group.run(rules)
    assert result["changed"], result.output
    assert result["steps"] == [f"{group.id}: let in tcp 6379 from {estate['limiter_security_group_id']}"]
    assert changed_by(sandbox) == {AUTHORIZE: 1}
    (made,) = group.rules()
    assert result["rules"] == [{"security_group_rule_id": made["SecurityGroupRuleId"], **rules[0]}]
    assert made["ReferencedGroupInfo"]["GroupId"] == estate["limiter_security_group_id"]
    assert sandbox.redis(address, tls=False).ping()

    again = group.run(rules)
    assert (again["changed"], again["steps"], again["rules"]) == (False, [], result["rules"])
    assert sandbox.calls() == {DESCRIBE: 1}

    assert group.run(rules, state="absent")["changed"]
    assert group.rules() == []
    with pytest.raises(redis.TimeoutError):
        sandbox.redis(address, tls=False, **sandboxes.MEETS_SILENCE).ping()


def test_every_kind_of_rule_is_made_once_and_found_again(sandbox, group):
    prefix_list = sandbox.client("ec2").create_managed_prefix_list(PrefixListName="offices", MaxEntries=2, AddressFamily="IPv4")
    rules = [
        {"ip_protocol": "6", "from_port": 1, "to_port": 65535, "cidr_ipv4": "10.0.0.0/8"},
        {"ip_protocol": "UDP", "from_port": 53, "to_port": 53, "cidr_ipv6": "2001:DB8:0:0::/48", "description": "names"},
        {"ip_protocol": "icmp", "from_port": 8, "to_port": -1, "cidr_ipv4": "0.0.0.0/0"},
        {"ip_protocol": "icmp", "cidr_ipv4": "10.0.0.0/8"},
        {"ip_protocol": "icmpv6", "cidr_ipv6": "::/0"},
        {"ip_protocol": "-1", "referenced_group_id": group.id},
        {"ip_protocol": "50", "cidr_ipv4": "192.0.2.1/32"},
        {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "prefix_list_id": prefix_list["PrefixList"]["PrefixListId"]},
    ]
    result = group.run(rules)
    assert result["changed"], result.output
    assert changed_by(sandbox) == {AUTHORIZE: 1}
    assert len(group.rules()) == len(rules)
    again = group.run(rules, purge=True)
    assert (again["changed"], again["rules"]) == (False, result["rules"])
    assert group.run(rules, state="absent")["changed"]
    assert changed_by(sandbox) == {REVOKE: 1}
    assert group.rules() == []


def test_host_bits_are_cleared_as_aws_does_with_a_warning(group):
    result = group.run([rule(80, "10.1.2.3/16")])
    assert group.seen() == [(80, "10.1.0.0/16", "")]
    assert "10.1.2.3/16 lets in all of 10.1.0.0/16" in str(result["warnings"])
    assert not group.run([rule(80, "10.1.9.9/16")])["changed"]


def test_a_rule_that_exists_is_adopted_and_only_its_description_mended(sandbox, group):
    (made,) = group.authorize(rule(80, description="by hand"))
    adopted = group.run([rule(80)])
    assert not adopted["changed"]
    assert adopted["rules"][0]["description"] == "by hand"
    for description in ("the app", ""):
        result = group.run([rule(80, description=description)])
        assert result["changed"]
        assert changed_by(sandbox) == {UPDATE: 1}
        assert group.seen() == [(80, "10.0.0.0/8", description)]
        assert group.rules()[0]["SecurityGroupRuleId"] == made
        assert not group.run([rule(80, description=description)])["changed"]


def test_what_is_not_listed_stays_unless_purged_and_egress_always(sandbox, group):
    group.authorize(rule(1), rule(2))
    egress = sandbox.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]["IpPermissionsEgress"]
    assert group.run([rule(2), rule(3)])["changed"]
    assert [port for port, _cidr, _description in group.seen()] == [1, 2, 3]
    result = group.run([rule(2), rule(4)], purge=True)
    assert result["steps"] == [
        f"{group.id}: let in tcp 4 from 10.0.0.0/8",
        f"{group.id}: no longer let in tcp 1 from 10.0.0.0/8, tcp 3 from 10.0.0.0/8",
    ]
    assert [port for port, _cidr, _description in group.seen()] == [2, 4]
    assert group.run([], purge=True)["changed"]
    assert group.seen() == []
    assert egress == sandbox.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]["IpPermissionsEgress"] != []


def test_absent_revokes_what_is_listed_whatever_its_description(sandbox, group):
    group.authorize(rule(1, description="x"), rule(2))
    result = group.run([rule(1, description="y"), rule(9)], state="absent")
    assert result["steps"] == [f"{group.id}: no longer let in tcp 1 from 10.0.0.0/8"]
    assert group.seen() == [(2, "10.0.0.0/8", "")]
    assert not group.run([rule(1), rule(9)], state="absent")["changed"]
    assert sandbox.calls() == {DESCRIBE: 1}


@pytest.mark.parametrize("args", [{}, {"purge": True}, {"state": "absent"}])
def test_check_mode_announces_what_the_run_then_does(sandbox, group, args):
    group.authorize(rule(1), rule(2, description="old"), rule(3))
    rules = [rule(2, description="new"), rule(3), rule(4)]
    before = group.seen()
    announced = group.run(rules, check=True, **args)
    assert sandbox.calls() == {DESCRIBE: 1}
    assert group.seen() == before
    done = group.run(rules, **args)
    assert announced["changed"] and announced["steps"] == done["steps"] and announced["diff"] == done["diff"]
    assert without_ids(announced["rules"]) == without_ids(done["rules"])
    assert announced["differences"] == done["differences"] and bool(done["differences"])
    again = group.run(rules, check=True, **args)
    assert (again["changed"], again["rules"]) == (False, done["rules"])


def test_200_unchanged_rules_cost_one_call(sandbox, group):
    sandbox.settings(rules_per_security_group=200)
    rules = [rule(port, description=f"port {port}") for port in range(1, 201)]
    assert group.run(rules)["changed"]
    assert changed_by(sandbox) == {AUTHORIZE: 1}
    assert len(group.rules()) == 200
    again = group.run(rules, purge=True)
    assert not again["changed"]
    assert len(again["rules"]) == 200
    assert sandbox.calls() == {DESCRIBE: 1}


def test_at_the_limit_old_rules_go_first(sandbox, group):
    sandbox.settings(rules_per_security_group=2)
    group.authorize(rule(1), rule(2))
    refused = group.run([rule(3)])
    assert refused.rc == 1
    assert "RulesPerSecurityGroupLimitExceeded" in refused["msg"] and "quota" in refused["msg"]
    assert len(group.rules()) == 2
    result = group.run([rule(2, description="kept"), rule(3)], purge=True)
    assert [step.split()[1] for step in result["steps"]] == ["no", "let", "describe"]
    assert group.seen() == [(2, "10.0.0.0/8", "kept"), (3, "10.0.0.0/8", "")]


def test_kind_02_an_end_beyond_the_quota_is_refused_before_anything_is_revoked(sandbox, group):
    sandbox.settings(rules_per_security_group=3)
    group.authorize(rule(1), rule(2), rule(4))
    result = group.run([rule(port) for port in (1, 2, 5, 6)], purge=True)
    assert (result.rc, result["changed"], result["steps"]) == (1, False, [])
    assert "need room for 4 for IPv4" in result["msg"] and "its quota is 3 " in result["msg"]
    assert [port for port, _cidr, _description in group.seen()] == [1, 2, 4]
    assert REVOKE not in changed_by(sandbox)


def test_kind_02_families_have_a_quota_each(sandbox, group):
    sandbox.settings(rules_per_security_group=2)
    group.authorize(rule(1), rule(2))
    ipv6 = [{**{key: value for key, value in rule(port).items() if key != "cidr_ipv4"}, "cidr_ipv6": "2001:db8::/64"} for port in (3, 4)]
    from_itself = {"ip_protocol": "tcp", "from_port": 5, "to_port": 5, "referenced_group_id": group.id}
    assert group.run([rule(1), rule(2), *ipv6])["changed"]
    assert group.run([rule(1), *ipv6, from_itself], purge=True).rc == 1
    assert group.run([rule(1), ipv6[0], from_itself], purge=True)["changed"]
    assert len(group.rules()) == 3


def test_kind_02_a_rule_that_aws_refuses_revokes_nothing_at_the_quota(sandbox, group):
    sandbox.settings(rules_per_security_group=1)
    (made,) = group.authorize(rule(1, description="the only way in"))
    unknown = {"ip_protocol": "-1", "referenced_group_id": "sg-00000000000000000"}
    result = group.run([unknown], purge=True)
    assert result.rc == 1 and "rules[0]" in result["msg"]
    assert [each["SecurityGroupRuleId"] for each in group.rules()] == [made]


@pytest.mark.parametrize("spelling", ["{security_group_id}", "{account_id}/{security_group_id}"])
def test_kind_03_a_peers_group_is_found_again_whoever_names_its_account(sandbox, estate, run_module, spelling):
    group, peer = Group(sandbox, run_module, estate["cache_security_group_id"]), estate["peer"]
    rules = [{"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "referenced_group_id": spelling.format(**peer)}]
    group.ec2.authorize_security_group_ingress(GroupId=group.id, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [{"GroupId": peer["security_group_id"]}]}
    ])
    for purge in (False, True):
        result = group.run(rules, purge=purge)
        assert not result["changed"] and result["rules"][0]["referenced_group_id"] == f"{peer['account_id']}/{peer['security_group_id']}"
        assert "warnings" not in result
    assert group.run(rules, state="absent")["changed"]
    assert group.rules() == []
    assert group.run(rules)["changed"]
    contradicted = group.run([{**rules[0], "referenced_group_id": f"999999999999/{peer['security_group_id']}"}], state="absent")
    assert contradicted.rc == 1 and f"is in account {peer['account_id']}" in contradicted["msg"]
    group.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peer["vpc_peering_connection_id"])
    assert "lets nobody in" in str(group.run(rules)["warnings"])
    assert group.run(rules, state="absent")["changed"] and group.rules() == []


def test_kind_17_a_bad_rule_is_named_and_the_others_are_let_in(group):
    group.authorize(rule(9))
    result = group.run([rule(1), {"ip_protocol": "-1", "prefix_list_id": "pl-00000000000000000"}, rule(3)], purge=True)
    assert result.rc == 1 and result["changed"]
    assert result["refused"][0].startswith("rules[1] (all traffic from pl-00000000000000000): InvalidPrefixListID.NotFound")
    assert [port for port, _cidr, _description in group.seen()] == [1, 3, 9]
    assert len(result["left"]) == 2


@pytest.fixture
def three_changes(group):
    """A group and rules that take each kind of call, in the order authorise, describe anew, revoke."""
    group.authorize(rule(1), rule(2, description="old"))
    return [rule(2, description="new"), rule(3)]


AFTER_THREE_CHANGES = [(2, "10.0.0.0/8", "new"), (3, "10.0.0.0/8", "")]


def test_a_killed_run_is_completed_by_the_next_whatever_answer_is_lost(sandbox, group, three_changes):
    """One life; every other is lived by the engine's generated tests."""
    assert group.run(three_changes, purge=True, kill_after=1).killed
    with sandbox.fault("lost_answer", service="ec2", operation=REVOKE, times=1):
        finished = group.run(three_changes, purge=True)
    assert [step.split()[1] for step in finished["steps"]] == ["describe", "no"]
    assert finished["steps"][1].endswith("(the answer was lost)")
    assert [change["field"] for change in finished["differences"]] == ["tcp 2 from 10.0.0.0/8", "tcp 1 from 10.0.0.0/8"]
    assert group.seen() == AFTER_THREE_CHANGES and len(finished["rules"]) == 2
    assert changed_by(sandbox) == {UPDATE: 1, REVOKE: 1}
    assert not group.run(three_changes, purge=True)["changed"]


def test_reads_that_lag_behind_are_waited_for(sandbox, group, three_changes):
    with sandbox.fault("stale_reads", service="ec2", times=2):
        result = group.run(three_changes, purge=True)
    assert result.rc == 0
    assert [r["from_port"] for r in result["rules"]] == [2, 3]
    assert sandbox.calls()[DESCRIBE] > 2


def test_reads_that_never_catch_up_fail_with_what_was_done(sandbox, group):
    with sandbox.fault("stale_reads", service="ec2"):
        result = group.run([rule(1)], wait_timeout=1)
    assert result.rc == 1
    assert "wait_timeout" in result["msg"]
    assert result["steps"] == [f"{group.id}: let in tcp 1 from 10.0.0.0/8"]
    with sandbox.fault("stale_reads", service="ec2"):
        assert group.run([rule(2)], wait=False)["changed"]
    assert [port for port, _cidr, _description in group.seen()] == [1, 2]


def test_another_was_quicker(sandbox, group):
    assert not group.run([rule(9)], state="absent")["changed"]  # a read to be stale
    with sandbox.fault("stale_reads", service="ec2", times=5):
        group.authorize(rule(1))
        result = group.run([rule(1), rule(2)])
    assert result["steps"] == [f"{group.id}: let in tcp 2 from 10.0.0.0/8"]
    assert len(group.rules()) == 2

    with sandbox.fault("stale_reads", service="ec2", times=1):
        group.ec2.revoke_security_group_ingress(GroupId=group.id, SecurityGroupRuleIds=[group.rules()[0]["SecurityGroupRuleId"]])
        gone = group.run([rule(1), rule(2)], state="absent")
    assert gone.rc == 0 and group.rules() == []


def test_throttling_is_waited_out(sandbox, group):
    with sandbox.fault("throttle", service="ec2", operation=AUTHORIZE, rate=0, times=2):
        assert group.run([rule(1)]).rc == 0
    assert group.seen() == [(1, "10.0.0.0/8", "")]
    assert sandbox.calls()["ec2.AuthorizeSecurityGroupIngress"] == 3


def test_all_that_is_wrong_is_told_at_once_and_before_any_call(sandbox, group):
    result = group.run(
        [
            rule(80),
            {"ip_protocol": "tcp", "cidr_ipv4": "10.0.0.0/8"},
            rule(80, description="again"),
            rule(1, cidr_ipv6="::/0"),
            rule(2, "10.0.0.1"),
            rule(3, description="é"),
            rule(70000),
        ],
        state="absent",
        purge=True,
    )
    assert result.rc == 1
    assert len(result["problems"]) == 7
    assert "rules[0] and rules[2] are the same rule" in result["msg"]
    assert "Traceback" not in result.output
    assert sandbox.calls() == {}


@pytest.mark.parametrize("check", [False, True])
def test_an_unknown_group_is_named(run_module, check):
    result = run_module("security_group_ingress", {"group_id": "sg-00000000000000000", "rules": [rule(1)]}, check=check)
    assert result.rc == 1
    assert "sg-00000000000000000" in result["msg"] and result["error"]["code"] == "InvalidGroup.NotFound"
    assert "region" in result["msg"]
    result = run_module("security_group_ingress", {"group_id": "my-group", "rules": [rule(1)]})
    assert "group_id is 'my-group', which is no identifier of a security group" in result["msg"]


def test_purging_the_ports_revokes_what_opens_them_and_nothing_else(sandbox, group):
    ours = rule(6379, description="ours")
    group.authorize(rule(6379, "0.0.0.0/0"), {**rule(6000), "to_port": 7000}, rule(22))
    told = group.run([ours])
    fields = ["tcp 6000-7000 from 10.0.0.0/8", "tcp 6379 from 0.0.0.0/0"]
    assert [(one["field"], one["lowers_security"]) for one in told["left_alone"]] == [(field, True) for field in fields]
    announced, done = (group.run([ours], purge_ports=True, check=check) for check in (True, False))
    assert announced["differences"] == done["differences"] and changed_by(sandbox) == {REVOKE: 1}
    assert {(one["field"], one["after"]) for one in done["differences"]} == {(field, None) for field in fields}
    assert group.seen() == [(22, "10.0.0.0/8", ""), (6379, "10.0.0.0/8", "ours")]
    assert group.run([ours], purge_ports=True)["left_alone"] == []
    assert "purge_ports goes with state=present" in group.run([ours], purge_ports=True, state="absent")["msg"]


def test_a_group_without_any_rule_at_all_is_no_unknown_group(sandbox, group):
    group.ec2.revoke_security_group_egress(GroupId=group.id, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    assert group.run([rule(1)])["changed"]
    assert group.seen() == [(1, "10.0.0.0/8", "")]


def test_an_unknown_source_group_is_named(group):
    result = group.run([{"ip_protocol": "tcp", "from_port": 1, "to_port": 1, "referenced_group_id": "sg-00000000000000000"}])
    assert (result.rc, result["changed"], result["steps"]) == (1, False, [])
    assert "sg-00000000000000000" in result["msg"]
    assert group.rules() == []


def test_wrong_credentials_are_said_to_be_wrong(run_module, group):
    args = {"group_id": group.id, "rules": [rule(1)], "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "canary-secret-key"}
    result = run_module("security_group_ingress", args)
    assert result.rc == 1
    assert "does not know these credentials" in result["msg"]
    assert "canary" not in result.output
