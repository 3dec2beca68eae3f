# SPDX-License-Identifier: GPL-3.0-or-later
"""What events wrote: by the object and the field of a Difference, the value that was there afterwards. Pure.

Only what is named here is read of an event. Values are compared and never shown."""

from __future__ import annotations

import enum
import json
import typing as t
from dataclasses import dataclass, field

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import app
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarm as alarms
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import Rule, answered
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.event import Event, named

# What AWS writes in the place of a secret.
HIDDEN = ("HIDDEN_DUE_TO_SECURITY_REASONS", "****")
EXISTS = "exists"
VARIABLES = "environment_variables."
# The API's names, by how any service may spell them.
OF_AN_ALARM = {
    name.lower(): name
    for name in (alarms.KNOWN - {"Tags"}) | alarms.KNOWN_OF_QUERY | {"Metric", "Stat", "Name", "Value"}
}
# What a difference of a cache calls the parameters of ModifyReplicationGroup.
OF_A_CACHE = {
    "transit_encryption_mode": "transitEncryptionMode", "transit_encryption_enabled": "transitEncryptionEnabled", "engine_version": "engineVersion",
    "engine": "engine", "cache_node_type": "cacheNodeType", "cache_parameter_group_name": "cacheParameterGroupName",
}


class Sign(enum.Enum):
    UNREAD = "it was written, and the event does not say with what"
    UNTOUCHED = "it was not written"


UNREAD, UNTOUCHED = Sign.UNREAD, Sign.UNTOUCHED


@dataclass(frozen=True)
class Write:
    """What one call made of one object.

    values: by field what is there afterwards; None: it is not there
    rest:   (prefix, value): what all other fields that begin with it hold afterwards
    """

    object: str
    at: str
    by: str
    via: str
    own: bool
    values: t.Mapping[str, t.Any] = field(repr=False, default_factory=dict)
    rest: t.Optional[t.Tuple[str, t.Any]] = field(repr=False, default=None)

    @property
    def call(self) -> str:
        return f"{self.via}, a run of this collection" if self.own else self.via

    def value(self, name: str) -> t.Any:
        if name in self.values:
            return self.values[name]
        return self.rest[1] if self.rest and name.startswith(self.rest[0]) else UNTOUCHED


class Groups(t.NamedTuple):
    """What the security groups show now.

    rules: members of SecurityGroupRules
    names: by the name of a group its identifier
    """

    rules: t.Sequence[t.Mapping[str, t.Any]] = ()
    names: t.Mapping[str, str] = {}


def writes(events: t.Iterable[Event], groups: Groups = Groups()) -> list[Write]:
    """What the events wrote, oldest first. events: newest first, as AWS lists them."""
    in_order = sorted(reversed(list({event.id or id(event): event for event in events}.values())), key=lambda event: event.at)
    rules = _Rules(in_order, groups)
    made: list[Write] = []
    for event in in_order:
        reader = READERS.get((event.source, event.name))
        if reader:
            made += reader(event)
        elif (event.source, event.name) in ON_RULES:
            made += rules.read(event)
    return made


def _write(event: Event, name: str, values: t.Mapping[str, t.Any], rest: t.Optional[t.Tuple[str, t.Any]] = None) -> Write:
    return Write(name, event.at, event.by, event.name, event.own, values, rest)


# Alarms


def alarm_fields(given: t.Any) -> dict[str, t.Any]:
    """The fields of an alarm that an event or its history holds, whatever their spelling."""
    return alarms.fields(_recased(given)) if isinstance(given, t.Mapping) else {}


def _recased(value: t.Any) -> t.Any:
    if isinstance(value, t.Mapping):
        return {OF_AN_ALARM[name.lower()]: _recased(member) for name, member in value.items() if name.lower() in OF_AN_ALARM and member is not None}
    return [_recased(member) for member in value] if isinstance(value, list) else value


def _alarm_put(event: Event) -> t.Iterator[Write]:
    name = named(event.asked, "alarmName")
    if name:
        # Tags are given by a put call only to an alarm that it creates.
        yield _write(event, f"alarm {name}", {**alarm_fields(event.asked), EXISTS: True}, ("", None))


def _alarms_deleted(event: Event) -> t.Iterator[Write]:
    for name in _texts(named(event.asked, "alarmNames")):
        yield _write(event, f"alarm {name}", {EXISTS: False}, ("", None))


def _alarms_switched(event: Event) -> t.Iterator[Write]:
    for name in _texts(named(event.asked, "alarmNames")):
        yield _write(event, f"alarm {name}", {"actions_enabled": event.name == "EnableAlarmActions"})


def from_history(item: t.Mapping[str, t.Any]) -> t.Optional[Write]:
    """What an item of an alarm's history says of its configuration; by whom it does not say."""
    try:
        data = json.loads(item.get("HistoryData") or "")
    except ValueError:
        return None
    name = f"alarm {item.get('AlarmName')}"
    moment = item.get("Timestamp")
    at = moment.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(moment, "strftime") else str(moment)
    if named(data, "type") == "Delete":
        return Write(name, at, "", "", False, {EXISTS: False}, ("", None))
    whole = next((value for key, value in data.items() if key in ("createdAlarm", "updatedAlarm") and isinstance(value, dict)), None)
    return Write(name, at, "", "", False, {**alarm_fields(whole), EXISTS: True}, ("", None if whole else UNREAD))


# Apps and branches


def _variables_put(event: Event) -> t.Iterator[Write]:
    app_id, given = named(event.asked, "appId"), named(event.asked, "environmentVariables")
    if not app_id or given is None:
        return
    name = app.object_of(str(app_id), named(event.asked, "branchName"))
    if not isinstance(given, t.Mapping):
        yield _write(event, name, {}, (VARIABLES, UNREAD))
        return
    values = {VARIABLES + key: UNREAD if value in HIDDEN else value for key, value in app.variables_of({"environmentVariables": given}).items()}
    yield _write(event, name, values, (VARIABLES, None))


def _branch_deleted(event: Event) -> t.Iterator[Write]:
    if named(event.asked, "appId"):
        yield _write(event, app.object_of(named(event.asked, "appId"), named(event.asked, "branchName")), {EXISTS: False}, ("", None))


# Caches


def _cache_modified(event: Event) -> t.Iterator[Write]:
    name = named(event.asked, "replicationGroupId")
    if not name:
        return
    values = {ours: named(event.asked, theirs) for ours, theirs in OF_A_CACHE.items()}
    values = {ours: value for ours, value in values.items() if value is not None}
    strategy = named(event.asked, "authTokenUpdateStrategy")
    if named(event.asked, "authToken") is not None or strategy == "DELETE":
        # A token is not read, not even to be compared.
        values.update(auth_token=UNREAD, auth_token_update_strategy=UNREAD, auth_token_last_modified_date=UNREAD, auth_token_enabled=strategy != "DELETE")
    added = _texts(named(event.asked, "userGroupIdsToAdd"))
    if added:
        values.update(user_group_ids=added, auth_token=UNREAD, auth_token_enabled=False)
    elif named(event.asked, "removeUserGroups") or _texts(named(event.asked, "userGroupIdsToRemove")):
        values.update(user_group_ids=None if named(event.asked, "removeUserGroups") else UNREAD)
    yield _write(event, f"cache {str(name).lower()}", values)


def _cache_deleted(event: Event) -> t.Iterator[Write]:
    yield _write(event, f"cache {str(named(event.asked, 'replicationGroupId', 'cacheClusterId')).lower()}", {EXISTS: False}, ("", None))


def _tagged(event: Event) -> t.Iterator[Write]:
    arn = str(named(event.asked, "resourceName") or "")
    tags = named(event.asked, "tags") or []
    keys = {named(tag, "key"): named(tag, "value") for tag in tags} if isinstance(tags, list) else {}
    gone = _texts(named(event.asked, "tagKeys"))
    yield _write(event, f"cache {arn.rpartition(':')[2]}", {**{f"tags.{key}": value for key, value in keys.items()}, **{f"tags.{key}": None for key in gone}})


# Rules of security groups


class _Rules:
    """Follows rules through events by their identifiers, as a call may name nothing else of one."""

    def __init__(self, events: t.Sequence[Event], groups: Groups) -> None:
        self._names = groups.names
        self._known: dict[str, Rule] = {}
        changed = {identifier for event in events if event.name == "ModifySecurityGroupRules" for identifier in _identifiers(event.asked)}
        # What a rule is now it was before, unless a call has changed it.
        self._now = {rule.get("SecurityGroupRuleId"): answered(rule) for rule in groups.rules if rule.get("SecurityGroupRuleId") not in changed}

    def read(self, event: Event) -> t.Iterator[Write]:
        group, certain = self._group(event)
        if not group:
            return
        values = getattr(self, "_" + event.name)(event)
        rest = ("", None) if event.name == "DeleteSecurityGroup" else None
        yield _write(event, f"security group {group}", values if certain else dict.fromkeys(values, UNREAD), rest)

    def _group(self, event: Event) -> t.Tuple[t.Optional[str], bool]:
        """The group, and whether it is certain: a name belongs to one group in each VPC."""
        answers = _members(named(event.answered, "securityGroupRuleSet"))
        touched = [name for name in event.resources if name.startswith("sg-")]
        group = named(event.asked, "groupId") or next((named(rule, "groupId") for rule in answers), None) or (touched[0] if len(touched) == 1 else None)
        return (str(group), True) if group else (self._names.get(str(named(event.asked, "groupName"))), False)

    def _of(self, identifier: str) -> t.Optional[Rule]:
        return self._known.get(identifier) or self._now.get(identifier)

    def _AuthorizeSecurityGroupIngress(self, event: Event) -> dict[str, t.Any]:
        told = [_rule(member) for member in _members(named(event.answered, "securityGroupRuleSet"))]
        self._known.update({str(rule.rule_id): rule for rule in told})
        return {rule.field: rule.description or "" for rule in told or _asked_for(event.asked)}

    def _RevokeSecurityGroupIngress(self, event: Event) -> dict[str, t.Any]:
        by_identifier = filter(None, map(self._of, _identifiers(event.asked)))
        return {rule.field: None for rule in [*_asked_for(event.asked), *by_identifier]}

    def _ModifySecurityGroupRules(self, event: Event) -> dict[str, t.Any]:
        values: dict[str, t.Any] = {}
        for member in _members(named(event.asked, "securityGroupRule", "securityGroupRules")):
            identifier, given = str(named(member, "securityGroupRuleId")), named(member, "securityGroupRule")
            before, after = self._of(identifier), _rule(given)
            if before:
                values.setdefault(before.field, None)
            values[after.field] = after.description or ""
            self._known[identifier] = after
        return values

    def _UpdateSecurityGroupRuleDescriptionsIngress(self, event: Event) -> dict[str, t.Any]:
        values = {rule.field: rule.description or "" for rule in _asked_for(event.asked)}
        for member in _members(named(event.asked, "securityGroupRuleDescription", "securityGroupRuleDescriptions")):
            rule = self._of(str(named(member, "securityGroupRuleId")))
            if rule:
                values[rule.field] = named(member, "description") or ""
        return values

    def _DeleteSecurityGroup(self, event: Event) -> dict[str, t.Any]:
        return {EXISTS: False}


def _rule(member: t.Any) -> Rule:
    """A rule from a member of securityGroupRuleSet, or of what ModifySecurityGroupRules asks for."""
    keys = ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "PrefixListId", "Description", "SecurityGroupRuleId", "GroupOwnerId")
    group = named(member, "referencedGroupId") or named(named(member, "referencedGroupInfo"), "groupId")
    return answered({**{key: named(member, key) for key in keys if named(member, key) is not None}, "ReferencedGroupInfo": {"GroupId": group}})


SOURCES = {
    "ipRanges": ("cidrIp", "CidrIpv4"), "ipv6Ranges": ("cidrIpv6", "CidrIpv6"), "prefixListIds": ("prefixListId", "PrefixListId"),
    "groups": ("groupId", "ReferencedGroupId"), "userIdGroupPairs": ("groupId", "ReferencedGroupId"),
}


def _asked_for(asked: t.Any) -> list[Rule]:
    """The rules that a call names by their properties, in either of the two forms."""
    if named(asked, "cidrIp"):
        return [_rule({**{key: named(asked, key) for key in ("ipProtocol", "fromPort", "toPort")}, "cidrIpv4": named(asked, "cidrIp")})]
    found = []
    for permission in _members(named(asked, "ipPermissions")):
        shared = {key: named(permission, key) for key in ("ipProtocol", "fromPort", "toPort")}
        for kind, (theirs, ours) in SOURCES.items():
            for source in _members(named(permission, kind)):
                if named(source, theirs):
                    found.append(_rule({**shared, ours: named(source, theirs), "description": named(source, "description")}))
    return found


def _identifiers(asked: t.Any) -> list[str]:
    """The identifiers of rules that a call names, however it lists them."""
    members = _members(named(asked, "securityGroupRuleIds", "securityGroupRuleId")) + _members(named(asked, "securityGroupRule", "securityGroupRules"))
    texts = [member if isinstance(member, str) else named(member, "securityGroupRuleId", "content") for member in members]
    return [text for text in texts if isinstance(text, str) and text.startswith("sgr-")]


def _members(given: t.Any) -> list[t.Any]:
    """The members of a list of EC2: {items: [...]}, a list, or the one member itself. {} is an empty list."""
    if isinstance(given, t.Mapping) and named(given, "items") is not None:
        given = named(given, "items")
    return list(given) if isinstance(given, (list, tuple)) else [given] if given else []


def _texts(given: t.Any) -> list[str]:
    return [str(member) for member in _members(given) if isinstance(member, str)]


MONITORING, AMPLIFY, ELASTICACHE, EC2 = (f"{name}.amazonaws.com" for name in ("monitoring", "amplify", "elasticache", "ec2"))
READERS: dict[t.Tuple[str, str], t.Callable[[Event], t.Iterator[Write]]] = {
    (MONITORING, "PutMetricAlarm"): _alarm_put,
    (MONITORING, "PutCompositeAlarm"): _alarm_put,
    (MONITORING, "DeleteAlarms"): _alarms_deleted,
    (MONITORING, "EnableAlarmActions"): _alarms_switched,
    (MONITORING, "DisableAlarmActions"): _alarms_switched,
    (AMPLIFY, "UpdateApp"): _variables_put,
    (AMPLIFY, "UpdateBranch"): _variables_put,
    (AMPLIFY, "CreateBranch"): _variables_put,
    (AMPLIFY, "DeleteApp"): _branch_deleted,
    (AMPLIFY, "DeleteBranch"): _branch_deleted,
    (ELASTICACHE, "ModifyReplicationGroup"): _cache_modified,
    (ELASTICACHE, "DeleteReplicationGroup"): _cache_deleted,
    (ELASTICACHE, "DeleteCacheCluster"): _cache_deleted,
    (ELASTICACHE, "AddTagsToResource"): _tagged,
    (ELASTICACHE, "RemoveTagsFromResource"): _tagged,
}
ON_RULES = {
    (EC2, name) for name in (
        "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "ModifySecurityGroupRules", "UpdateSecurityGroupRuleDescriptionsIngress",
        "DeleteSecurityGroup",
    )
}
