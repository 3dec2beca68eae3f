# SPDX-License-Identifier: GPL-3.0-or-later
"""Who made a field so: what is read of events, and that nobody is named whose call does not hold what was found."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from hypothesis import example, given, strategies as st
from support.clock import Clock

from ansible_collections.huntaze.ai_system.plugins.module_utils._history import trail as trails
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.event import Event, who
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.origin import (
    Found, Lookup, Observed, by_object, differences_of, lateness, origin, plan, problems, settled
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.write import UNREAD, UNTOUCHED, Groups, from_history, writes
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK, UNKNOWN

NOW = datetime.datetime(2026, 11, 26, 3, 0, tzinfo=datetime.timezone.utc)
GROUP, RULE = "sg-0a1b2c3d4e5f60718", "sgr-0a1b2c3d4e5f60001"
CANARY = "canary-31f00d"


def at(minutes: float) -> str:
    """So many minutes before now."""
    return (NOW - datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def answered(source: str, name: str, asked: t.Any, *, user: str = "alice", minutes: float = 60, resources: t.Sequence[str] = (), **more: t.Any) -> dict[str, t.Any]:
    """A member of LookupEvents' answer, with the keys that recorded events have."""
    record = {
        "eventVersion": "1.09", "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::123456789012:user/{user}", "userName": user},
        "eventTime": at(minutes), "eventSource": f"{source}.amazonaws.com", "eventName": name, "awsRegion": "us-east-1", "userAgent": "aws-cli/2",
        "requestParameters": asked, "responseElements": None, "eventID": f"{name}-{minutes}-{user}", "readOnly": False, **more,
    }
    return {"CloudTrailEvent": json.dumps(record), "Resources": [{"ResourceName": resource} for resource in resources]}


def event(*args: t.Any, **options: t.Any) -> Event:
    read = Event.read(answered(*args, **options))
    assert read
    return read


# Who


def role(name: str, session: str, path: str = "", **more: t.Any) -> dict[str, t.Any]:
    issuer = {"type": "Role", "arn": f"arn:aws:iam::123456789012:role/{path}{name}", "userName": name}
    return {
        "type": "AssumedRole", "arn": f"arn:aws:sts::123456789012:assumed-role/{name}/{session}", "accountId": "123456789012",
        "sessionContext": {"sessionIssuer": issuer, "webIdFederationData": {}}, **more,
    }


@pytest.mark.parametrize(("identity", "told"), [
    ({"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/bob", "userName": "bob"}, "user bob"),
    ({"type": "IAMUser", "userName": "bob", "invokedBy": "AWS Internal", "sessionContext": {"sessionIssuer": {}}}, "user bob"),
    ({"type": "IAMUser", "userName": "bob", "invokedBy": "cloudformation.amazonaws.com"}, "user bob through CloudFormation"),
    (role("deploy", "nightly"), "role deploy, session nightly"),
    (role("deploy", "aws-go-sdk-1688990515440126480"), "role deploy"),
    (role("deploy", "botocore-session-1700000000"), "role deploy"),
    (role("deploy", "i-0abcdef0123456789"), "role deploy"),
    (role("AWSReservedSSO_Operators_0123456789abcdef", "ann@example.com"), "user ann@example.com of Identity Center (Operators)"),
    (role("AWSServiceRoleForRDS", "SLRManagement", "aws-service-role/rds.amazonaws.com/", invokedBy="rds.amazonaws.com"), "AWS service rds.amazonaws.com"),
    ({"type": "Root", "accountId": "123456789012", "arn": "arn:aws:iam::123456789012:root"}, "root of account 123456789012"),
    ({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}, "AWS service lambda.amazonaws.com"),
    ({"accountId": "123456789012", "invokedBy": "ec2.amazonaws.com"}, "AWS service ec2.amazonaws.com"),
    ({"type": "AWSAccount", "accountId": "210987654321"}, "account 210987654321"),
    ({}, "somebody whom CloudTrail does not name"),
])
def test_who_made_a_call_as_people_call_them(identity, told):
    assert who(identity) == told


def test_a_call_that_failed_and_what_is_no_event_are_not_read():
    assert Event.read(answered("ec2", "RevokeSecurityGroupIngress", {"groupId": GROUP}, errorCode="Client.InvalidPermission.NotFound")) is None
    assert Event.read({"CloudTrailEvent": "no JSON"}) is Event.read({}) is Event.read({"CloudTrailEvent": "[]"}) is None
    assert event("ec2", "X", None, userAgent="APN/1.0 Ansible/2.19 huntaze.ai_system/0.1.0").own and not event("ec2", "X", None).own


# What was written


def rule_items(*sources: dict[str, t.Any], port: int = 22) -> dict[str, t.Any]:
    empty: dict[str, t.Any] = {"groups": {}, "ipRanges": {}, "ipv6Ranges": {}, "prefixListIds": {}}
    kinds = {"cidrIp": "ipRanges", "cidrIpv6": "ipv6Ranges", "groupId": "groups", "prefixListId": "prefixListIds"}
    return {"items": [
        {"ipProtocol": "tcp", "fromPort": port, "toPort": port, **empty, kinds[next(iter(source))]: {"items": [source]}} for source in sources
    ]}


def written(*events: Event, **options: t.Any) -> dict[tuple[str, str], t.Any]:
    """By object and field what the last of the events wrote; events are given newest first."""
    return {(write.object, name): value for write in writes(events, **options) for name, value in write.values.items()}


FLAT = {"ipPermissions": {}, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0"}
ANYBODY = (f"security group {GROUP}", "tcp 22 from 0.0.0.0/0")


def told_rules(*cidrs: str) -> dict[str, t.Any]:
    return {"_return": True, "securityGroupRuleSet": {"items": [
        {"groupId": GROUP, "groupOwnerId": "123456789012", "securityGroupRuleId": f"{RULE[:-1]}{number}", "isEgress": False, "ipProtocol": "tcp",
         "fromPort": 22, "toPort": 22, "cidrIpv4": cidr} for number, cidr in enumerate(cidrs)
    ]}}


def test_both_forms_of_a_rule_and_every_kind_of_source():
    authorize = "AuthorizeSecurityGroupIngress"
    assert written(event("ec2", authorize, {"groupId": GROUP, **FLAT})) == {ANYBODY: ""}
    sources = [{"cidrIp": "0.0.0.0/0", "description": "x"}, {"cidrIpv6": "::/0"}, {"groupId": "sg-00000002", "userId": "1"}, {"prefixListId": "pl-1"}]
    assert written(event("ec2", authorize, {"groupId": GROUP, "ipPermissions": rule_items(*sources)})) == {
        ANYBODY: "x", **{(ANYBODY[0], f"tcp 22 from {source}"): "" for source in ("::/0", "sg-00000002", "pl-1")}
    }


def test_rules_of_a_group_that_a_call_names_by_its_name():
    by_name = {"groupName": "cache", **FLAT}
    told = event("ec2", "AuthorizeSecurityGroupIngress", by_name, responseElements=told_rules("0.0.0.0/0"))
    assert written(told) == {ANYBODY: ""}
    assert written(event("ec2", "RevokeSecurityGroupIngress", by_name, resources=[GROUP, "cache"])) == {ANYBODY: None}
    # Which VPC's group of that name it was nothing tells.
    unsure = written(event("ec2", "RevokeSecurityGroupIngress", by_name, resources=["cache"]), groups=Groups(names={"cache": GROUP}))
    assert unsure == {ANYBODY: UNREAD}
    assert written(event("ec2", "RevokeSecurityGroupIngress", by_name, resources=["cache"])) == {}


@pytest.mark.parametrize("spelt", [
    {"securityGroupRuleIds": {"items": [{"securityGroupRuleId": f"{RULE[:-1]}0"}]}}, {"securityGroupRuleIds": [f"{RULE[:-1]}0"]},
    {"RevokeSecurityGroupIngressRequest": {"GroupId": GROUP, "SecurityGroupRuleId": {"tag": 1, "content": f"{RULE[:-1]}0"}}},
])
def test_a_rule_that_was_removed_is_found_by_what_it_was_however_it_was_named(spelt):
    made = event("ec2", "AuthorizeSecurityGroupIngress", {"groupId": GROUP, **FLAT}, minutes=90, responseElements=told_rules("0.0.0.0/0"))
    gone = event("ec2", "RevokeSecurityGroupIngress", {"groupId": GROUP, **spelt}, resources=[GROUP])
    assert written(gone, made) == {ANYBODY: None}
    assert written(gone) == {}  # nothing tells which rule it was


def test_a_rule_that_was_changed_is_followed_by_its_identifier():
    inner = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0", "Description": "wider"}
    request = {"GroupId": GROUP, "SecurityGroupRule": {"SecurityGroupRuleId": f"{RULE[:-1]}0", "SecurityGroupRule": inner}}
    widened = event("ec2", "ModifySecurityGroupRules", {"ModifySecurityGroupRulesRequest": request})
    made = event("ec2", "AuthorizeSecurityGroupIngress", {"groupId": GROUP, **FLAT}, minutes=90, responseElements=told_rules("10.0.0.0/8"))
    narrow = (ANYBODY[0], "tcp 22 from 10.0.0.0/8")
    assert written(widened, made) == {narrow: None, ANYBODY: "wider"}
    described = {"GroupId": GROUP, "SecurityGroupRuleDescription": {"SecurityGroupRuleId": f"{RULE[:-1]}0", "Description": "mine"}}
    anew = event("ec2", "UpdateSecurityGroupRuleDescriptionsIngress", {"UpdateSecurityGroupRuleDescriptionsIngressRequest": described}, minutes=30)
    assert written(anew, widened, made)[ANYBODY] == "mine"
    now = {"SecurityGroupRuleId": f"{RULE[:-1]}0", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}
    assert written(anew, groups=Groups(rules=[now])) == {ANYBODY: "mine"}
    # What it is now it was not before the call that changed it.
    before = event("ec2", "UpdateSecurityGroupRuleDescriptionsIngress", {"UpdateSecurityGroupRuleDescriptionsIngressRequest": described}, minutes=120)
    assert [write.values for write in writes([widened, before], Groups(rules=[now]))] == [{}, {ANYBODY[1]: "wider"}]


def test_alarms_in_any_spelling_are_compared_field_by_field():
    asked = {"alarmName": "a", "threshold": 60, "period": 300, "oKActions": ["arn:b", "arn:a"], "dimensions": [{"name": "D", "value": "V"}], "other": "x"}
    (write,) = writes([event("monitoring", "PutMetricAlarm", asked)])
    assert (write.object, write.value("threshold"), write.value("ok_actions"), write.value("alarm_description")) == ("alarm a", 60, ["arn:a", "arn:b"], None)
    assert write.value("dimensions") == [{"name": "D", "value": "V"}] and write.value("exists") is True and write.value("actions_enabled") is True
    item = {"AlarmName": "a", "Timestamp": NOW, "HistoryData": json.dumps({"type": "Create", "createdAlarm": {"alarmName": "a", "okactions": ["arn:a"]}})}
    assert from_history(item).value("ok_actions") == ["arn:a"]
    gone = from_history({**item, "HistoryData": json.dumps({"type": "Delete"})})
    assert (gone.value("exists"), gone.value("threshold")) == (False, None)
    assert from_history({**item, "HistoryData": json.dumps({"type": "Update"})}).value("threshold") is UNREAD
    assert from_history({**item, "HistoryData": "?"}) is None


def test_the_wrong_service_and_reads_write_nothing():
    assert writes([event("apprunner", "UpdateApp", {"appId": "d1", "environmentVariables": {"A": "1"}}), event("ec2", "RunInstances", {"groupId": GROUP})]) == []


def test_nothing_secret_is_in_what_is_printed_of_events_and_writes():
    asked = {"appId": "d1", "branchName": "main", "environmentVariables": {"TOKEN": CANARY}, "accessToken": CANARY}
    cache = {"replicationGroupId": "r", "authToken": CANARY, "authTokenUpdateStrategy": "ROTATE"}
    read = [event("amplify", "UpdateBranch", asked, responseElements={"x": CANARY}), event("elasticache", "ModifyReplicationGroup", cache)]
    made = writes(read)
    assert CANARY not in repr(read) + repr(made) + repr(Observed(values={"branch d1/main": {"TOKEN": CANARY}})) + repr(Found("a b", "f", CANARY))
    assert {write.object: write.value("auth_token") for write in made} == {"branch d1/main": UNTOUCHED, "cache r": UNREAD}


@pytest.mark.parametrize("masked", ["HIDDEN_DUE_TO_SECURITY_REASONS", {"TOKEN": "****"}])
def test_what_aws_masks_names_nobody(masked):
    made = by_object(writes([event("amplify", "UpdateBranch", {"appId": "d1", "branchName": "main", "environmentVariables": masked})]))
    found = Found("branch d1/main", "environment_variables.TOKEN", MASK)
    told = origin(found, Observed(values={"branch d1/main": {"TOKEN": "v"}}), made, True, NOW)
    assert (told["by"], [one["by"] for one in told["candidates"]]) == (None, ["user alice"]) and "no value can be compared" in told["note"]


def test_a_token_that_was_rotated_has_its_date_and_candidates():
    rotated = event("elasticache", "ModifyReplicationGroup", {"replicationGroupId": "R", "authToken": CANARY, "authTokenUpdateStrategy": "SET"})
    group = event("elasticache", "ModifyReplicationGroup", {"replicationGroupId": "R", "userGroupIdsToAdd": ["people"]}, user="bob", minutes=30)
    found, trail = Found("cache r", "auth_token", MASK), by_object(writes([group, rotated]))
    told = origin(found, Observed(stamps={found.key: at(58)}), trail, True, NOW)
    assert (told["by"], told["since"], [one["by"] for one in told["candidates"]]) == (None, at(58), ["user bob", "user alice"])
    ours = event("elasticache", "ModifyReplicationGroup", {"replicationGroupId": "R", "authToken": CANARY}, user="run", minutes=10, **OWN)
    last = origin(found, Observed(), by_object(writes([ours, rotated])), True, NOW)
    assert [(one["by"], one["via"]) for one in last["candidates"]] == [("user run", "ModifyReplicationGroup, a run of this collection")]
    groups = origin(Found("cache r", "user_group_ids", ["people"]), Observed(), trail, True, NOW)
    assert (groups["by"], groups["since"], groups["via"]) == ("user bob", at(30), "ModifyReplicationGroup")


@pytest.mark.parametrize(("source", "name", "asked", "found"), [
    ("elasticache", "DeleteCacheCluster", {"cacheClusterId": "R"}, "cache r"),
    ("elasticache", "DeleteReplicationGroup", {"replicationGroupId": "r"}, "cache r"),
    ("amplify", "DeleteBranch", {"appId": "d1", "branchName": "main"}, "branch d1/main"),
    ("amplify", "DeleteApp", {"appId": "d1"}, "app d1"),
    ("ec2", "DeleteSecurityGroup", {"groupId": GROUP}, f"security group {GROUP}"),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["a"]}, "alarm a"),
])
def test_whoever_deleted_an_object_is_named(source, name, asked, found):
    gone = Found(found, "exists", False)
    assert origin(gone, Observed(), by_object(writes([event(source, name, asked)])), True, NOW)["via"] == name
    assert plan([gone], Observed(kinds={}), NOW)[0].value in (name, GROUP, "DeleteReplicationGroup")


# What it shows together

OWN = {"userAgent": "APN/1.0 Ansible/2.19 huntaze.ai_system/0.1.0"}
CALLS = st.lists(st.tuples(
    st.sampled_from(("alice", "bob", "run")), st.sampled_from(("put", "put", "disable", "enable", "delete")), st.sampled_from((40, 60, 60.0, 80)),
    st.booleans(),
), min_size=1, max_size=8)


def played(calls: t.Sequence[tuple[str, str, t.Any, bool]]) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """The answers of CloudTrail to these calls on one alarm, oldest first, and what was there after each."""
    answers, states, state = [], [], {"exists": False}
    for number, (user, what, threshold, fails) in enumerate(calls):
        options = {"user": user, "minutes": 1000 - 5 * number, **(OWN if user == "run" else {})}
        failed = fails or (what != "put" and not state["exists"])
        if failed:
            options["errorCode"] = "AccessDenied"
        if what == "put":
            answers.append(answered("monitoring", "PutMetricAlarm", {"alarmName": "a", "threshold": threshold}, **options))
        else:
            name = {"disable": "DisableAlarmActions", "enable": "EnableAlarmActions", "delete": "DeleteAlarms"}[what]
            answers.append(answered("monitoring", name, {"alarmNames": ["a"]}, **options))
        if not failed:
            state = {
                "put": {"exists": True, "threshold": threshold, "actions_enabled": True}, "delete": {"exists": False},
                "disable": {**state, "actions_enabled": False}, "enable": {**state, "actions_enabled": True},
            }[what]
        states.append(state)
    return answers, states


def looked_up(answers: t.Sequence[dict[str, t.Any]]) -> list[Event]:
    """As lookups by name bring them: newest first, one name after the other."""
    return sorted((read for read in map(Event.read, reversed(answers)) if read), key=lambda event: event.name)


FIELDS = st.sampled_from(("threshold", "actions_enabled", "exists"))


@given(calls=CALLS, field=FIELDS)
def test_with_all_events_the_writer_is_whoever_made_it_so(calls, field):
    answers, states = played(calls)
    value = states[-1].get(field)
    first = next((number for number in range(len(calls)) if all(state.get(field) == value for state in states[number:])), 0)
    events = looked_up(answers)
    told = origin(Found("alarm a", field, value), Observed(), by_object(writes(events)), True, NOW)
    changed = states[first].get(field) == value and (first > 0 or states[0] != {"exists": False})
    if not events:
        assert told["by"] is None and not told["candidates"]
    elif changed:
        assert (told["by"], told["since"]) == (f"user {calls[first][0]}", at(1000 - 5 * first))


@given(calls=CALLS, field=FIELDS, value=st.sampled_from((None, False, True, 40, 60, 80, 99)), missing=st.sets(st.integers(0, 7)))
@example(calls=[("alice", "put", 40, False), ("alice", "delete", 40, False)], field="threshold", value=False, missing=set())
def test_nobody_is_named_whose_call_does_not_hold_what_was_found(calls, field, value, missing):
    answers, dummy = played(calls)
    events = looked_up([answer for number, answer in enumerate(answers) if number not in missing])
    told = origin(Found("alarm a", field, value), Observed(), by_object(writes(events)), True, NOW)
    if told["by"]:
        (write,) = [write for write in writes(events) if write.at == told["since"]]
        held = write.value(field)
        assert held == value and isinstance(held, bool) == isinstance(value, bool) and f"user {write.by[5:]}" == told["by"]
    else:
        assert told["via"] is None and len(told["candidates"]) <= 3
        assert not {one["by"] for one in told["candidates"]} & {"user run"}
    # Candidates wrote after the last run of this collection did.
    runs = [write.at for write in writes(events) if write.own and write.value(field) is not UNTOUCHED]
    assert all(one["at"] > max(runs, default="") for one in told["candidates"])


def test_a_call_that_set_the_same_value_again_is_not_taken_for_the_first():
    again = event("monitoring", "PutMetricAlarm", {"alarmName": "a", "threshold": 60}, user="bob", minutes=10)
    past = {"AlarmName": "a", "HistoryData": json.dumps({"type": "Update", "updatedAlarm": {"alarmName": "a", "threshold": 60.0}})}
    history = [from_history({**past, "Timestamp": NOW - datetime.timedelta(minutes=minutes)}) for minutes in (500, 10)]
    observed = Observed(history=by_object(history))
    told = origin(Found("alarm a", "threshold", 60), observed, by_object(writes([again])), True, NOW)
    assert (told["by"], told["since"], [one["by"] for one in told["candidates"]]) == (None, at(500), ["user bob"])
    assert origin(Found("alarm a", "threshold", 60), observed, None, True, NOW)["note"] is None


# What is looked up


def test_lookups_are_few_what_lowers_security_first_and_of_alarms_only_the_minutes_around_a_change():
    past = {"AlarmName": "a", "HistoryData": json.dumps({"type": "Update", "updatedAlarm": {"alarmName": "a", "threshold": 60.0}})}
    history = by_object([from_history({**past, "Timestamp": NOW - datetime.timedelta(minutes=500)})])
    observed = Observed(kinds={"alarm a": "MetricAlarm", "alarm c": "CompositeAlarm"}, history=history, groups=Groups(names={"cache": GROUP}))
    found = [
        Found("alarm a", "threshold", 60.0), Found("alarm b", "exists", False), Found("alarm c", "alarm_rule", "FALSE"),
        Found("alarm a", "actions_enabled", False), Found("branch d1/main", "environment_variables.A"), Found("host h", "rules"),
        Found(f"security group {GROUP}", "tcp 22 from 0.0.0.0/0", "", urgent=True), Found(f"security group {GROUP}", "tcp 23 from 0.0.0.0/0", ""),
    ]
    lookups = plan(found, observed, NOW)
    assert [(lookup.attribute, lookup.value) for lookup in lookups] == [
        ("ResourceName", GROUP), ("ResourceName", "cache"), ("EventName", "PutMetricAlarm"), ("EventName", "DeleteAlarms"),
        ("EventName", "PutCompositeAlarm"), ("EventName", "DisableAlarmActions"), ("EventName", "UpdateBranch"),
    ]
    around = datetime.timedelta(minutes=2)
    assert lookups[2][3:] == (NOW - datetime.timedelta(minutes=500) - around, NOW - datetime.timedelta(minutes=500) + around)
    assert {lookup.start for lookup in lookups[3:]} == {None}
    old = Observed(stamps={("alarm a", "threshold"): at(91 * 1440)}, kinds={"alarm a": "MetricAlarm"})
    assert plan(found[:1], old, NOW) == []
    assert "older than the 90 days" in origin(found[0], old, {}, True, NOW)["note"]


class Service:
    """Answers lookups from pages, or with an error."""

    def __init__(self, *answers: t.Any) -> None:
        self.answers, self.asked = list(answers), []

    def lookup_events(self, **asked: t.Any) -> t.Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock(monkeypatch):
    moved = Clock()
    monkeypatch.setattr(trails, "time", moved)
    return moved


def refusal(code: str) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "LookupEvents")


def put(minutes: float, threshold: t.Any, **options: t.Any) -> dict[str, t.Any]:
    return answered("monitoring", "PutMetricAlarm", {"alarmName": "a", "threshold": threshold}, minutes=minutes, **options)


LOOKUP, FOUND = Lookup("EventName", "PutMetricAlarm", ("alarm a",)), Found("alarm a", "threshold", 60)


def test_lookups_keep_to_two_a_second_wait_when_throttled_and_end_when_all_is_told(clock):
    service = Service({"Events": [put(1, 60)], "NextToken": "t"}, refusal("ThrottlingException"), {"Events": [put(2, 40, **OWN)], "NextToken": "u"})
    cloudtrail = trails.CloudTrail(service, 9)
    began = clock.now
    gathered = trails.gather(cloudtrail, [LOOKUP, LOOKUP._replace(value="other")], [FOUND], Observed())
    assert (cloudtrail.calls, gathered.unfinished, gathered.error) == (3, set(), None)  # neither a third page nor the other lookup
    assert 1.5 < clock.now - began < 3
    assert [asked.get("NextToken") for asked in service.asked] == [None, "t", "t"]
    assert origin(FOUND, Observed(), gathered.trail, True, NOW)["by"] == "user alice"
    assert settled(FOUND, Observed(), gathered.trail)


def test_lookups_end_with_the_calls_that_they_may_take_and_at_a_refusal(clock):
    spent = trails.gather(trails.CloudTrail(Service(*[refusal("ThrottlingException")] * 3), 3), [LOOKUP], [FOUND], Observed())
    assert (spent.unfinished, spent.error) == ({"alarm a"}, None)
    denied = trails.gather(trails.CloudTrail(Service(refusal("AccessDeniedException")), 3), [LOOKUP, LOOKUP], [FOUND], Observed())
    assert denied.unfinished == {"alarm a"} and denied.error
    assert origin(FOUND, Observed(), {}, False, NOW)["note"] == "It was not looked up to the end."


def test_what_a_task_gives():
    given_twice = [{"object": "a b", "field": "f", "before": before, "lowers_security": False, "changed_at": None} for before in (1, 2)]
    assert [one.value for one in differences_of(given_twice)] == [1]
    bad = {"object": " ", "field": "", "changed_at": "soon"}
    assert len(problems({"differences": [bad], "max_calls": 0})) == 4
    assert Observed().value(Found("cache r", "auth_token", MASK)) is UNKNOWN


def test_a_change_of_the_last_minutes_is_said():
    told = {"since": at(5), "by": None, "candidates": []}
    assert lateness([told], NOW) and lateness([{"since": None, "by": None, "candidates": [{"at": at(5)}]}], NOW)
    assert not lateness([{**told, "since": at(16)}], NOW)
