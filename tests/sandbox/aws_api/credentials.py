# SPDX-License-Identifier: GPL-3.0-or-later
"""Who makes a request: the user or the session whose keys it is signed with. Both are moto's."""

from __future__ import annotations

import hmac
import re
import typing as t
from urllib.parse import parse_qs

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from moto.core.utils import utcnow
from moto.iam.access_control import AssumedRoleAccessKey, CreateAccessKeyFailure, IAMUserAccessKey, create_access_key
from moto.sts.models import sts_backends

from aws_api.calls import Answer, Call

Caller = t.Union[IAMUserAccessKey, AssumedRoleAccessKey]

SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)
PARTITION = "aws"
# What services say about keys, by their protocol; None is the rest of them, which speak JSON.
INVALID, EXPIRED = "The security token included in the request is invalid", "The security token included in the request is expired"
UNKNOWN_KEY = {
    "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
    "query": ("InvalidClientTokenId", f"{INVALID}.", 403),
    "rest-xml": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
    "json": ("UnrecognizedClientException", f"{INVALID}.", 400),
    None: ("UnrecognizedClientException", f"{INVALID}.", 403),
}
EXPIRED_SESSION = {
    "ec2": ("RequestExpired", "Request has expired.", 400),
    "query": ("ExpiredToken", EXPIRED, 403),
    "rest-xml": ("ExpiredToken", "The provided token has expired.", 400),
    "json": ("ExpiredTokenException", EXPIRED, 400),
    None: ("ExpiredTokenException", EXPIRED, 403),
}
WRONG_SIGNATURE = (
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details.",
    403,
)


def caller_of(call: Call, account_id: str) -> Caller | Answer:
    """The caller, or what whoever signed the request is told instead."""
    signed = SIGNED.match(call.environ.get("HTTP_AUTHORIZATION", ""))
    key = signed["key"] if signed else _presigned_with(call.environ)
    if key is None:
        return call.error("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    token = call.environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
    try:
        caller = create_access_key(account_id, PARTITION, key, {} if token is None else {"X-Amz-Security-Token": token})
    except CreateAccessKeyFailure:
        return _told(call, UNKNOWN_KEY)
    # The signature of a presigned URL is not looked at.
    if signed and not hmac.compare_digest(_signature(call, signed, caller), signed["signature"]):
        return call.error(*WRONG_SIGNATURE)
    session = sts_backends[account_id][PARTITION].get_assumed_role_from_access_key(key)
    if session and session.expiration <= utcnow():
        return _told(call, EXPIRED_SESSION)
    return caller


def _told(call: Call, words: dict[str | None, tuple[str, str, int]]) -> Answer:
    return call.error(*words.get(call.protocol, words[None]))


def _signature(call: Call, signed: re.Match[str], caller: Caller) -> str:
    environ = call.environ
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI']}",
        headers={name: _header(environ, name) for name in signed["headers"].split(";")},
        data=call.body,
    )
    request.context["timestamp"] = environ.get("HTTP_X_AMZ_DATE", "")
    kind = S3SigV4Auth if signed["service"] == "s3" else SigV4Auth
    auth = kind(caller.create_credentials(), signed["service"], signed["region"])
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def _header(environ: dict[str, t.Any], name: str) -> str:
    key = name.upper().replace("-", "_")
    return environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")


def _presigned_with(environ: dict[str, t.Any]) -> str | None:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    return query["X-Amz-Credential"][0].split("/")[0] if "X-Amz-Credential" in query else None
