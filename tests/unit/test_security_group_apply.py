# SPDX-License-Identifier: GPL-3.0-or-later
"""security_group_ingress against an EC2 of a few lines that refuses and breaks off where a test wants it: what is done, said and left."""

from __future__ import annotations

import copy
import itertools

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils import _aws
from ansible_collections.huntaze.ai_system.plugins.modules import security_group_ingress
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

GROUP = "sg-0123456789abcdef0"
OWNER = "123456789012"
AUTHORIZE, UPDATE, REVOKE = (
    "authorize_security_group_ingress", "update_security_group_rule_descriptions_ingress", "revoke_security_group_ingress",
)
DESCRIBE = "describe_security_group_rules"
LIMIT = "RulesPerSecurityGroupLimitExceeded"
LOST = "the connection is lost"


class Failed(Exception):
    """A module's failure, with its result."""


class EC2:
    """One group. `trouble` holds, by call number of an operation, what happens instead of it; "after" that it is made all the same."""

    def __init__(self, ports=(), quota=60, known_groups=(), trouble=None):
        self.ids = itertools.count(1)
        self.quota, self.known_groups, self.trouble = quota, known_groups, trouble or {}
        self.rules, self.calls = [], []
        for port in ports:
            self.rules.append(self.stored(permission(port)))

    def stored(self, asked):
        ((container, (source,)),) = ((key, value) for key, value in asked.items() if isinstance(value, list))
        rule = {"SecurityGroupRuleId": f"sgr-{next(self.ids)}", "GroupOwnerId": OWNER, "IsEgress": False, "IpProtocol": asked["IpProtocol"],
                "FromPort": asked["FromPort"], "ToPort": asked["ToPort"], "Description": source.get("Description", "")}
        if container == "IpRanges":
            return {**rule, "CidrIpv4": source["CidrIp"]}
        return {**rule, "ReferencedGroupInfo": {"GroupId": source["GroupId"]}}

    def ports(self):
        return sorted(rule["FromPort"] for rule in self.rules)

    def made(self):
        return [name for name in self.calls if name != DESCRIBE]

    def get_paginator(self, operation):
        ec2 = self

        class Pages:
            def paginate(self, **dummy):
                ec2.happen(operation)
                return [{"SecurityGroupRules": copy.deepcopy(ec2.rules)}]

        return Pages()

    def describe_security_groups(self, GroupIds):
        self.happen("describe_security_groups")
        return {"SecurityGroups": [{"GroupId": GroupIds[0]}]}

    def happen(self, operation):
        self.calls.append(operation)
        trouble = self.trouble.get((operation, self.calls.count(operation))) or self.trouble.get((operation, "ever"))
        if trouble == LOST:
            raise EndpointConnectionError(endpoint_url="https://ec2")
        if trouble:
            raise refusal(trouble, operation)

    def authorize_security_group_ingress(self, GroupId, IpPermissions):
        self.happen(AUTHORIZE)
        new = [self.stored(asked) for asked in IpPermissions]
        for rule in new:
            source = rule.get("ReferencedGroupInfo", {}).get("GroupId")
            if source and source not in self.known_groups:
                raise refusal("InvalidGroup.NotFound", AUTHORIZE, f"The security group '{source}' does not exist")
            if any((rule["FromPort"], rule.get("CidrIpv4")) == (other["FromPort"], other.get("CidrIpv4")) for other in self.rules):
                raise refusal("InvalidPermission.Duplicate", AUTHORIZE)
        if len(self.rules) + len(new) > self.quota:
            raise refusal(LIMIT, AUTHORIZE)
        self.rules += new
        if self.trouble.get((AUTHORIZE, "answer", self.calls.count(AUTHORIZE))):
            raise ReadTimeoutError(endpoint_url="https://ec2")
        return {"Return": True}

    def update_security_group_rule_descriptions_ingress(self, GroupId, SecurityGroupRuleDescriptions):
        self.happen(UPDATE)
        for each in SecurityGroupRuleDescriptions:
            (rule,) = (rule for rule in self.rules if rule["SecurityGroupRuleId"] == each["SecurityGroupRuleId"])
            rule["Description"] = each.get("Description", "")
        return {"Return": True}

    def revoke_security_group_ingress(self, GroupId, SecurityGroupRuleIds):
        self.happen(REVOKE)
        self.rules = [rule for rule in self.rules if rule["SecurityGroupRuleId"] not in SecurityGroupRuleIds]
        if self.trouble.get((REVOKE, "answer", self.calls.count(REVOKE))):
            raise ReadTimeoutError(endpoint_url="https://ec2")
        return {"Return": True}


def refusal(code, operation, message="no"):
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation)


def permission(port):
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def rule(port, **more):
    return {"ip_protocol": "tcp", "from_port": port, "to_port": port, "cidr_ipv4": "10.0.0.0/8", **more}


def from_group(port, source):
    return {"ip_protocol": "tcp", "from_port": port, "to_port": port, "referenced_group_id": source}


@pytest.fixture
def run(monkeypatch):
    """Runs the module against `ec2`: its result, or its failure as a dictionary with msg."""
    return make_run(monkeypatch)


def make_run(monkeypatch):
    def run(ec2, rules, check=False, **params):
        class Module:
            check_mode = check
            warnings = []

            def __init__(self, **dummy):
                self.params = {
                    "group_id": GROUP, "rules": rules, "state": "present", "purge": False, "purge_ports": False, "wait": True, "wait_timeout": 0, **params,
                }

            def fail_json(self, **result):
                raise Failed({"failed": True, **result})

            def exit_json(self, **result):
                raise Failed({"failed": False, **result})

        monkeypatch.setattr(security_group_ingress, "AnsibleAWSModule", Module)
        monkeypatch.setattr(security_group_ingress, "warn", Module.warnings.append)
        monkeypatch.setattr(security_group_ingress, "client", lambda module, service: ec2)
        monkeypatch.setattr(_aws, "client_without_retries", lambda module, service: ec2)
        with pytest.raises(Failed) as ended:
            security_group_ingress.main()
        return {"warnings": Module.warnings, **ended.value.args[0]}

    return run


# The quota


def test_kind_02_an_end_that_cannot_fit_fails_before_anything_is_revoked_with_both_numbers(run):
    ec2 = EC2([1, 2, 4], quota=3)
    result = run(ec2, [rule(port) for port in (1, 2, 5, 6)], purge=True)
    assert (result["failed"], result["changed"], result["steps"]) == (True, False, [])
    assert "need room for 4 for IPv4" in result["msg"] and "its quota is 3 " in result["msg"] and "Nothing was changed" in result["msg"]
    assert ec2.made() == [AUTHORIZE, AUTHORIZE] and ec2.ports() == [1, 2, 4]
    assert len(result["left"]) == 2


def test_kind_02_without_purge_too(run):
    ec2 = EC2([1, 2], quota=3)
    result = run(ec2, [rule(port) for port in (3, 4)])
    assert result["failed"] and not result["changed"] and "lies between 2 and 3" in result["msg"]
    assert ec2.made() == [AUTHORIZE]


def test_kind_02_growth_is_tried_before_a_rule_goes(run):
    ec2 = EC2([1, 2, 4], quota=4)
    result = run(ec2, [rule(port) for port in (1, 2, 5, 6)], purge=True)
    assert not result["failed"] and ec2.ports() == [1, 2, 5, 6]
    assert ec2.made() == [AUTHORIZE, AUTHORIZE, REVOKE, AUTHORIZE]
    assert [step.partition(": ")[2] for step in result["steps"]] == [
        "let in tcp 5 from 10.0.0.0/8", "no longer let in tcp 4 from 10.0.0.0/8", "let in tcp 6 from 10.0.0.0/8",
    ]


@pytest.mark.parametrize("trouble", ["UnauthorizedOperation", "InvalidParameterValue", "InternalError", LOST])
def test_kind_02_what_was_taken_away_is_put_back_and_named(run, trouble):
    ec2 = EC2([1, 2], quota=2, trouble={(AUTHORIZE, 2): trouble})
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and ec2.ports() == [1, 2]
    assert "tcp 1 from 10.0.0.0/8, tcp 2 from 10.0.0.0/8 was revoked; it is let in again" in result["msg"]
    assert [step.partition(" tcp")[0] for step in result["steps"]] == [f"{GROUP}: no longer let in", f"{GROUP}: let in again"]
    assert [step.partition(" tcp")[0] for step in result["left"]] == [f"{GROUP}: let in", f"{GROUP}: no longer let in"]


def test_kind_02_what_cannot_be_put_back_is_named_rule_by_rule(run):
    ec2 = EC2([1, 2], quota=2, trouble={(AUTHORIZE, 2): "InternalError", (AUTHORIZE, 3): LIMIT, (AUTHORIZE, 5): LIMIT})
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and ec2.ports() == [1]
    assert "tcp 1 from 10.0.0.0/8 was revoked; it is let in again" in result["msg"]
    assert "tcp 2 from 10.0.0.0/8 was revoked, and it could not be let in again: this access is lost" in result["msg"]


def test_kind_02_a_connection_lost_after_the_revoke_is_said(run):
    ec2 = EC2([1, 2], quota=2, trouble={(AUTHORIZE, 2): LOST, (DESCRIBE, 2): LOST})
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and result["changed"]
    assert "tcp 1 from 10.0.0.0/8, tcp 2 from 10.0.0.0/8 was revoked, and whether the new rules are in cannot be seen" in result["msg"]
    assert ec2.ports() == []
    assert not run(ec2, [rule(3), rule(4)], purge=True)["failed"] and ec2.ports() == [3, 4]


def test_kind_02_a_connection_lost_at_the_revoke_is_said(run):
    ec2 = EC2([1, 2], quota=2, trouble={(REVOKE, "answer", 1): True, (DESCRIBE, 2): LOST, (DESCRIBE, 3): LOST})
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and not result["steps"]
    assert "tcp 1 from 10.0.0.0/8, tcp 2 from 10.0.0.0/8 was to be revoked, and whether it was cannot be seen" in result["msg"]


@pytest.mark.parametrize(("operation", "call"), [(REVOKE, 1), (AUTHORIZE, 2)])
def test_kind_02_a_lost_answer_takes_nothing_away(run, operation, call):
    ec2 = EC2([1, 2], quota=2, trouble={(operation, "answer", call): True})
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert not result["failed"] and ec2.ports() == [3, 4] and ec2.made().count(operation) == (1 if operation == REVOKE else 2)
    (lost,) = [step for step in result["steps"] if step.endswith("(the answer was lost)")]
    assert ("no longer let in" in lost) == (operation == REVOKE)


def test_kind_02_an_answer_older_than_the_revoke_does_not_keep_the_access_lost(run):
    ec2 = EC2([1, 2], quota=2, trouble={(AUTHORIZE, 2): "InternalError"})
    before = copy.deepcopy(ec2.rules)
    paginator = ec2.get_paginator

    def older(operation):
        pages = paginator(operation)
        if ec2.calls.count(DESCRIBE) == 1:  # the reading after the failure
            pages.paginate = lambda **dummy: ec2.happen(operation) or [{"SecurityGroupRules": before}]
        return pages

    ec2.get_paginator = older
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and ec2.ports() == [1, 2]
    assert "tcp 1 from 10.0.0.0/8, tcp 2 from 10.0.0.0/8 was revoked; it is let in again" in result["msg"]
    assert result["left"][1] == f"{GROUP}: no longer let in tcp 1 from 10.0.0.0/8, tcp 2 from 10.0.0.0/8"


def test_kind_02_what_an_earlier_round_took_away_is_put_back_too(run):
    ec2 = EC2([1, 2], quota=2, trouble={(AUTHORIZE, 2): "InvalidPermission.Duplicate", (AUTHORIZE, 4): "InternalError"})
    authorize = ec2.authorize_security_group_ingress

    def beside_another_run(**asked):
        if ec2.calls.count(AUTHORIZE) == 1:
            ec2.rules += [ec2.stored(permission(port)) for port in (7, 8)]
        return authorize(**asked)

    ec2.authorize_security_group_ingress = beside_another_run
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and ec2.ports() == [1, 2]
    assert "tcp 1 from 10.0.0.0/8, tcp 2 from 10.0.0.0/8 was revoked; it is let in again" in result["msg"]
    assert "tcp 7 from 10.0.0.0/8, tcp 8 from 10.0.0.0/8 was revoked, and it could not be let in again" in result["msg"]


def test_kind_02_what_made_room_for_a_rule_that_is_refused_later_is_put_back(run):
    ec2 = EC2([1, 2], quota=3, trouble={(AUTHORIZE, 1): LIMIT, (AUTHORIZE, 2): "InvalidPermission.Duplicate"})
    result = run(ec2, [rule(3), from_group(4, "sg-00000001")], purge=True)
    assert result["failed"] and len(result["refused"]) == 1 and ec2.ports() == [1, 2, 3]
    assert "it is let in again" in result["msg"] and "Nothing was revoked" not in result["msg"]


def test_kind_02_an_answer_that_says_no_while_access_is_put_back_is_said(run):
    ec2 = EC2([1, 2], quota=2, trouble={(AUTHORIZE, 2): "InternalError"})
    authorize = ec2.authorize_security_group_ingress
    ec2.authorize_security_group_ingress = lambda **asked: {"Return": False} if ec2.calls.count(AUTHORIZE) == 2 else authorize(**asked)
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and result["changed"] and "this access is lost" in result["msg"]


def test_kind_02_a_revoke_that_is_refused_takes_nothing_away(run):
    ec2 = EC2([1, 2], quota=2, trouble={(REVOKE, 1): "UnauthorizedOperation"})
    result = run(ec2, [rule(3), rule(4)], purge=True)
    assert result["failed"] and not result["changed"] and ec2.ports() == [1, 2]
    assert "let in again" not in result["msg"]


ports = st.sets(st.integers(1, 6), max_size=5)


@given(ports, ports, st.integers(1, 6), st.integers(0, 6), st.sampled_from(["InternalError", LOST, "UnauthorizedOperation"]))
def test_kind_02_whatever_breaks_off_nobody_who_was_let_in_is_shut_out(before, wanted, quota, call, trouble):
    ec2 = EC2(sorted(before), quota=max(quota, len(before)), trouble={(AUTHORIZE, call): trouble})
    with pytest.MonkeyPatch.context() as monkeypatch:
        result = make_run(monkeypatch)(ec2, [rule(port) for port in sorted(wanted)], purge=True)
    if result["failed"]:
        assert before <= set(ec2.ports())
        assert result["left"]
    else:
        assert set(ec2.ports()) == wanted
    assert result["changed"] == bool(result["steps"])


# Refused rules


def test_kind_17_one_bad_rule_does_not_keep_the_others_out_and_is_named(run):
    ec2 = EC2([9])
    rules = [rule(1), from_group(2, "sg-00000001"), rule(3), from_group(4, "sg-00000002"), rule(5)]
    result = run(ec2, rules, purge=True)
    assert result["failed"] and result["changed"] and ec2.ports() == [1, 3, 5, 9]
    assert [sentence.partition(":")[0] for sentence in result["refused"]] == ["rules[1] (tcp 2 from sg-00000001)", "rules[3] (tcp 4 from sg-00000002)"]
    assert all(sentence in result["msg"] for sentence in result["refused"])
    assert "nothing was revoked" in result["msg"].lower() and "tcp 9 from 10.0.0.0/8" in result["msg"]
    assert result["left"] == [
        f"{GROUP}: let in tcp 2 from sg-00000001, tcp 4 from sg-00000002", f"{GROUP}: no longer let in tcp 9 from 10.0.0.0/8",
    ]


def test_kind_17_a_group_that_is_gone_is_not_asked_for_rule_by_rule(run):
    ec2 = EC2([9])

    def gone(GroupId, IpPermissions):
        ec2.calls.append(AUTHORIZE)
        raise refusal("InvalidGroup.NotFound", AUTHORIZE, f"The security group '{GroupId}' does not exist")

    ec2.authorize_security_group_ingress = gone
    result = run(ec2, [rule(1), rule(2), rule(3)])
    assert result["failed"] and ec2.made() == [AUTHORIZE] and result["error"]["code"] == "InvalidGroup.NotFound"


def test_kind_17_descriptions_are_mended_although_a_rule_is_refused(run):
    ec2 = EC2([1])
    result = run(ec2, [rule(1, description="new"), from_group(2, "sg-00000001")])
    assert result["failed"] and ec2.rules[0]["Description"] == "new" and len(result["steps"]) == 1


@pytest.mark.parametrize("operation", [AUTHORIZE, UPDATE, REVOKE])
@pytest.mark.parametrize("trouble", ["UnauthorizedOperation", "InternalError", LOST])
def test_kind_17_a_failure_tells_what_was_done_and_what_is_left(run, operation, trouble):
    ec2 = EC2([1, 2], trouble={(operation, "ever"): trouble})
    result = run(ec2, [rule(2, description="new"), rule(3)], purge=True)
    order = [AUTHORIZE, UPDATE, REVOKE]
    whole = [f"{GROUP}: let in tcp 3 from 10.0.0.0/8", f"{GROUP}: describe anew tcp 2 from 10.0.0.0/8", f"{GROUP}: no longer let in tcp 1 from 10.0.0.0/8"]
    done = order.index(operation)
    assert (result["failed"], result["changed"], result["steps"], result["left"]) == (True, done > 0, whole[:done], whole[done:])


def test_kind_17_a_failure_to_read_tells_that_nothing_was_done(run):
    result = run(EC2([1], trouble={(DESCRIBE, "ever"): "UnauthorizedOperation"}), [rule(1)])
    assert (result["failed"], result["changed"], result["steps"], result["left"]) == (True, False, [], [])


# Contradictions, unknown sources, and waiting


def test_kind_03_an_account_that_aws_contradicts_is_refused_before_any_change(run):
    ec2 = EC2([1])
    ec2.rules[0] = {**ec2.rules[0], "CidrIpv4": None, "ReferencedGroupInfo": {"GroupId": "sg-00000001", "UserId": "210987654321"}}
    for state in ("present", "absent"):
        result = run(ec2, [from_group(1, "999999999999/sg-00000001")], state=state)
        assert result["failed"] and "rules[0] names 999999999999/sg-00000001" in result["msg"] and ec2.made() == []


@pytest.mark.parametrize("args", [{"purge": True}, {"state": "absent"}])
def test_kind_07_nothing_is_revoked_while_a_rules_source_is_unknown(run, args):
    ec2 = EC2([1])
    del ec2.rules[0]["CidrIpv4"]
    result = run(ec2, [rule(2)], **args)
    assert result["failed"] and "The rule sgr-1 cannot be told apart" in result["msg"] and ec2.made() == []


def test_kind_07_without_revoking_an_unknown_source_is_warned_about(run):
    ec2 = EC2([1])
    del ec2.rules[0]["CidrIpv4"]
    result = run(ec2, [rule(2)])
    assert not result["failed"] and "The rule sgr-1 cannot be told apart" in str(result["warnings"])


def test_kind_08_a_group_without_any_rule_is_asked_for(run):
    ec2 = EC2()
    run(ec2, [], check=True)
    assert ec2.calls == [DESCRIBE, "describe_security_groups"]


def test_kind_11_an_answer_that_says_no_is_no_change(run):
    ec2 = EC2()
    ec2.authorize_security_group_ingress = lambda **dummy: {"Return": False}
    result = run(ec2, [rule(1)])
    assert result["failed"] and not result["changed"] and "has not done this" in result["msg"]


def test_kind_28_what_was_waited_for_and_how_long_is_said(run):
    ec2 = EC2()
    ec2.authorize_security_group_ingress = lambda **dummy: {"Return": True}
    result = run(ec2, [rule(1)])
    assert result["failed"] and "after 0 s (wait_timeout) AWS still shows the group without them" in result["msg"] and result["left"]


@pytest.mark.parametrize("seconds", [-1, -60])
def test_kind_28_a_wait_below_zero_is_refused(run, seconds):
    ec2 = EC2()
    assert "wait_timeout is" in run(ec2, [rule(1)], wait_timeout=seconds)["msg"] and ec2.calls == []


def test_kind_34_check_mode_looks_once_and_does_not_wait(run):
    ec2 = EC2([1])
    assert run(ec2, [rule(2)], check=True, purge=True, wait_timeout=600)["changed"]
    assert ec2.calls == [DESCRIBE]
