# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call asked for and was answered, in the spelling that events have.

As recorded: names begin in small letters (dBInstanceIdentifier); EC2 wraps lists in `items`, an empty one is {}; the later calls of EC2
have their names in capitals within NAMERequest. unverified: UpdateSecurityGroupRuleDescriptionsIngress, and rule ids in a Revoke."""

from __future__ import annotations

import datetime
import typing as t

from botocore.awsrequest import HeadersDict
from botocore.parsers import ResponseParserFactory
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model

from aws_api.calls import Answer, Call

# What recordings show in the place of a secret, by service and name. Nothing shows that other services' secrets are masked.
MASKED = {"rds": {"masterUserPassword": "****"}}
# How the calls on rules spell what the model calls otherwise.
OF_A_RULE = {
    "UserIdGroupPairs": "groups", "IpRanges": "ipRanges", "Ipv6Ranges": "ipv6Ranges", "PrefixListIds": "prefixListIds",
    "SecurityGroupRules": "securityGroupRuleSet",
}
ON_RULES = {f"{verb}SecurityGroup{direction}" for verb in ("Authorize", "Revoke") for direction in ("Ingress", "Egress")}
IN_CAPITALS = {"ModifySecurityGroupRules", "UpdateSecurityGroupRuleDescriptionsIngress", "UpdateSecurityGroupRuleDescriptionsEgress"}


def asked(call: Call) -> dict[str, t.Any] | None:
    """The call's parameters by the model's names; None where it is no call of the service."""
    model = get_service_model(call.service)
    if call.operation not in model.operation_names:
        return None
    request = Request(call.again())
    try:
        in_path = get_service_router(call.service).match(Request(call.again()))[1]
    except Exception:  # query services have no routes to match
        in_path = {}
    given = {"method": request.method, "values": request.values, "headers": request.headers, "body": request.data, "url_path": request.path}
    return PROTOCOL_PARSERS[call.protocol](model.operation_model(call.operation)).parse({**given, "url_params": in_path})


def answered(call: Call, answer: Answer) -> dict[str, t.Any]:
    """The answer as botocore reads it: also an error, under "Error"."""
    model = get_service_model(call.service)
    shape = model.operation_model(call.operation).output_shape if call.operation in model.operation_names else None
    response = {"body": answer.body, "headers": HeadersDict(answer.headers), "status_code": answer.status}
    parsed = ResponseParserFactory().create_parser(call.protocol).parse(response, shape)
    return {key: value for key, value in parsed.items() if key != "ResponseMetadata"}


def request_parameters(call: Call, given: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    if not given:
        return None
    if call.service == "ec2" and call.operation in IN_CAPITALS:
        return {f"{call.operation}Request": _in_capitals(given)}
    if call.service == "ec2" and call.operation in ON_RULES:
        lists = {"ipPermissions": _items(given.get("IpPermissions"))}
        return {**{_small(name): value for name, value in given.items() if not isinstance(value, list)}, **lists, **_rule_ids(given)}
    return {name: MASKED.get(call.service, {}).get(name, value) for name, value in _spelt(given).items()}


def response_elements(call: Call, told: dict[str, t.Any], request_id: str) -> dict[str, t.Any] | None:
    if call.service == "ec2" and call.operation in IN_CAPITALS:
        return {f"{call.operation}Response": {"return": True}}
    if call.service == "ec2" and call.operation in ON_RULES:
        rules = {"securityGroupRuleSet": _items(told["SecurityGroupRules"])} if told.get("SecurityGroupRules") else {}
        return {"requestId": request_id, "_return": True, **rules}
    return _spelt(told) or None


def _rule_ids(given: dict[str, t.Any]) -> dict[str, t.Any]:
    ids = given.get("SecurityGroupRuleIds")
    return {"securityGroupRuleIds": {"items": [{"securityGroupRuleId": each} for each in ids]}} if ids else {}


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


def _spelt(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        # The names of an app's variables are data, not the API's.
        return {_small(name): member if name in ("environmentVariables", "tags") else _spelt(member) for name, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [_spelt(member) for member in value]
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def _items(members: t.Any) -> dict[str, t.Any]:
    """A list of EC2 as events have it."""
    return {"items": [_permission(member) for member in members]} if members else {}


def _permission(member: t.Any) -> t.Any:
    spelt = {OF_A_RULE.get(name, _small(name)): _items(value) if isinstance(value, list) else value for name, value in member.items() if name != "Tags"}
    if "referencedGroupInfo" in spelt:
        spelt["referencedGroupInfo"] = _spelt(spelt["referencedGroupInfo"])
    # A permission names all four kinds of sources, a source does not.
    return {**spelt, **{kind: spelt.get(kind, {}) for kind in ("groups", "ipRanges", "ipv6Ranges", "prefixListIds")}} if "IpRanges" in member or (
        "IpProtocol" in member and "SecurityGroupRuleId" not in member) else spelt


def _in_capitals(value: t.Any) -> t.Any:
    """As the query's own names: in the singular, a list of one without the list."""
    if isinstance(value, dict):
        singular = {"SecurityGroupRules": "SecurityGroupRule", "SecurityGroupRuleDescriptions": "SecurityGroupRuleDescription"}
        return {singular.get(name, name): _in_capitals(member) for name, member in value.items()}
    if isinstance(value, list):
        members = [_in_capitals(member) for member in value]
        return members[0] if len(members) == 1 else members
    return value
