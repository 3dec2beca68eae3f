# SPDX-License-Identifier: GPL-3.0-or-later
"""One event of CloudTrail: what of it may be read, and who made the call. Pure.

Nothing shows that AWS masks tokens and variables in events, so nothing is read but what is asked for by name."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field

OWN = "huntaze.ai_system/"
# Names that programs give their sessions, where people and jobs have none of their own.
NAMELESS = re.compile(r"(aws-|botocore-session-|AWSCLI-Session|GitHubActions$|i-[0-9a-f]{8,}$)|^[0-9]{10,}$|^[0-9a-f-]{30,}$")
OF_SSO = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]+")
SERVICES = {"cloudformation.amazonaws.com": "CloudFormation"}


def named(given: t.Any, *names: str) -> t.Any:
    """The member that has one of these names; services differ in capitals only. None: there is none."""
    wanted = {name.lower() for name in names}
    return next((value for name, value in given.items() if name.lower() in wanted), None) if isinstance(given, t.Mapping) else None


@dataclass(frozen=True)
class Event:
    """A call that AWS made, as far as it is read here."""

    source: str
    name: str
    at: str  # ISO 8601, in UTC
    by: str
    own: bool  # made by this collection
    id: str = ""
    resources: t.Tuple[str, ...] = ()  # what the call touched, by AWS's names
    asked: t.Any = field(repr=False, default=None)
    answered: t.Any = field(repr=False, default=None)

    @classmethod
    def read(cls, answered: t.Mapping[str, t.Any]) -> t.Optional[Event]:
        """From a member of LookupEvents' answer. None for a call that changed nothing, and for what cannot be read."""
        try:
            record = json.loads(answered.get("CloudTrailEvent") or "")
        except ValueError:
            return None
        if not isinstance(record, dict) or record.get("errorCode") or record.get("errorMessage") or not record.get("eventTime"):
            return None
        asked = record.get("requestParameters")
        # The later calls of EC2 have all that was asked for within NAMERequest.
        within = named(asked, f"{record.get('eventName')}Request")
        return cls(
            str(record.get("eventSource", "")), str(record.get("eventName", "")), str(record["eventTime"]).replace(" ", "T").rstrip("Z") + "Z",
            who(record.get("userIdentity") or {}), OWN in str(record.get("userAgent")), str(record.get("eventID") or ""),
            tuple(one.get("ResourceName") or "" for one in answered.get("Resources") or []),
            asked if within is None else within, record.get("responseElements"),
        )


def who(identity: t.Mapping[str, t.Any]) -> str:
    """Who made a call, as people call them."""
    kind, arn, service = identity.get("type"), str(identity.get("arn") or ""), str(identity.get("invokedBy") or "")
    account = identity.get("accountId") or "unknown"
    through = f" through {SERVICES.get(service, service)}" if "." in service else ""
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    if kind == "AssumedRole":
        return _session(str(issuer.get("userName") or arn.split("/")[-2:][0]), str(issuer.get("arn") or ""), arn.rpartition("/")[2], through)
    if kind == "Root":
        return f"root of account {account}{through}"
    if kind == "AWSService" or (not kind and service):
        return f"AWS service {service or 'unknown'}"
    if kind == "AWSAccount":
        return f"account {account}{through}"
    name = identity.get("userName") or issuer.get("userName") or arn.rpartition("/")[2] or identity.get("principalId")
    return f"user {name}{through}" if name else "somebody whom CloudTrail does not name"


def _session(role: str, role_arn: str, session: str, through: str) -> str:
    of_service = re.search(r":role/aws-service-role/([^/]+)/", role_arn)
    if of_service:
        return f"AWS service {of_service[1]}"
    permission_set = OF_SSO.fullmatch(role)
    if permission_set:
        return f"user {session} of Identity Center ({permission_set[1]}){through}"
    return f"role {role}{through}" if not session or NAMELESS.search(session) else f"role {role}, session {session}{through}"
