# SPDX-License-Identifier: GPL-3.0-or-later
"""One call as CloudTrail logs it, with the keys of recorded events (version 1.09)."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t
import uuid
from dataclasses import dataclass, field

from moto.iam.access_control import AssumedRoleAccessKey

from aws_api.calls import Answer, Call
from aws_api.credentials import Caller

from .parameters import answered, asked, request_parameters, response_elements

SOURCES = {"cloudwatch": "monitoring"}
# Objects and items are data, which no event is about unless a trail asks for it.
DATA = ("s3", "dynamodb")
# Calls that were refused for who called, or how often: events keep nothing of what they asked for.
WITHOUT_PARAMETERS = re.compile(r"AccessDenied|UnauthorizedOperation|Throttl")


class Event(t.NamedTuple):
    """What LookupEvents tells of a call. logged: when it happened, to the fraction."""

    logged: float
    record: dict[str, t.Any]
    resources: list[dict[str, str]]

    @property
    def username(self) -> str:
        return self.record["userIdentity"]["arn"].rpartition("/")[2]


@dataclass(frozen=True)
class Logged:
    """A call that an event is made of once somebody asks: most logs are never read."""

    call: Call
    caller: Caller
    answer: Answer
    region: str
    at: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.timezone.utc))

    @classmethod
    def of(cls, call: Call, caller: Caller, answer: Answer) -> Logged:
        """Without what belongs to the connection."""
        environ = {name: value for name, value in call.environ.items() if isinstance(value, str)}
        signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        return cls(dataclasses.replace(call, environ=environ), caller, answer, signed[1] if signed else "us-east-1")


def event_of(logged: Logged) -> Event:
    call, caller, answer, now = logged.call, logged.caller, logged.answer, logged.at
    request_id, told, given = str(uuid.uuid4()), answered(call, answer), asked(call)
    record = {
        "eventVersion": "1.09",
        "userIdentity": _identity(caller, call),
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{SOURCES.get(call.service, call.service)}.amazonaws.com",
        "eventName": call.operation,
        "awsRegion": logged.region,
        "sourceIPAddress": call.environ.get("REMOTE_ADDR", ""),
        "userAgent": call.environ.get("HTTP_USER_AGENT", ""),
        **_error(call, answer, told),
    }
    failed = "errorCode" in record
    kept = not (failed and WITHOUT_PARAMETERS.search(record["errorCode"]))
    record.update(
        requestParameters=request_parameters(call, given) if kept else None,
        responseElements=None if failed else response_elements(call, told, request_id),
        requestID=request_id,
        eventID=str(uuid.uuid4()),
        readOnly=False,
        eventType="AwsApiCall",
        managementEvent=True,
        recipientAccountId=caller.account_id,
        eventCategory="Management",
    )
    return Event(now.timestamp(), record, _resources(given or {}) if kept else [])


def _identity(caller: Caller, call: Call) -> dict[str, t.Any]:
    key = re.search(r"Credential=([^/]+)/", call.environ.get("HTTP_AUTHORIZATION", ""))
    shared = {"arn": caller.arn, "accountId": caller.account_id, "accessKeyId": key[1] if key else ""}
    name = caller.arn.rpartition("/")[2]
    if not isinstance(caller, AssumedRoleAccessKey):
        return {"type": "IAMUser", "principalId": "AIDASANDBOXSANDBOX00", **shared, "userName": name}
    role = caller.arn.split("/")[-2]
    issuer = {
        "type": "Role", "principalId": "AROASANDBOXSANDBOX00", "arn": f"arn:aws:iam::{caller.account_id}:role/{role}", "accountId": caller.account_id,
        "userName": role,
    }
    context = {"sessionIssuer": issuer, "webIdFederationData": {}, "attributes": {"mfaAuthenticated": "false"}}
    return {"type": "AssumedRole", "principalId": f"AROASANDBOXSANDBOX00:{name}", **shared, "sessionContext": context}


def _error(call: Call, answer: Answer, told: dict[str, t.Any]) -> dict[str, str]:
    if answer.status < 400:
        return {}
    error = told.get("Error") or {}
    side = ("Client." if answer.status < 500 else "Server.") if call.service == "ec2" else ""
    return {"errorCode": side + error.get("Code", ""), "errorMessage": error.get("Message", "")}


def _resources(given: dict[str, t.Any]) -> list[dict[str, str]]:
    """A group stands there by its id or its name, whatever call touches it. unverified: what else of these services does."""
    named = [given.get("GroupId"), given.get("GroupName"), given.get("DBInstanceIdentifier"), *(given.get("VpcSecurityGroupIds") or [])]
    kinds = {"DBInstanceIdentifier": "AWS::RDS::DBInstance"}
    kind = kinds.get(next((key for key in kinds if given.get(key)), ""), "AWS::EC2::SecurityGroup")
    return [{"ResourceType": "AWS::EC2::SecurityGroup" if str(name).startswith("sg-") else kind, "ResourceName": str(name)} for name in named if name]
