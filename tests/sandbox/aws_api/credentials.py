# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a request is signed with the estate's keys."""

from __future__ import annotations

import hmac
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import parse_qs

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aws_api.calls import Answer, Call

SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)
# What services call an access key that they do not know, and a signature that another secret key made, by their protocol.
UNKNOWN_KEY = {"query": "InvalidClientTokenId", "ec2": "AuthFailure", "rest-xml": "InvalidAccessKeyId"}
WRONG_SIGNATURE = {"query": "SignatureDoesNotMatch", "ec2": "AuthFailure", "rest-xml": "SignatureDoesNotMatch"}


@dataclass(frozen=True)
class Keys:
    access_key: str
    secret_key: str

    def refusal(self, call: Call) -> Answer | None:
        """What the caller is told if these keys are not its own."""
        signed = SIGNED.match(call.environ.get("HTTP_AUTHORIZATION", ""))
        key = signed["key"] if signed else _presigned_with(call.environ)
        if key is None:
            return call.error("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        if key != self.access_key:
            code = UNKNOWN_KEY.get(call.protocol, "UnrecognizedClientException")
            return call.error(code, "The security token included in the request is invalid.", 403)
        # The signature of a presigned URL is not looked at.
        if signed and not hmac.compare_digest(self._signature(call, signed), signed["signature"]):
            code = WRONG_SIGNATURE.get(call.protocol, "InvalidSignatureException")
            return call.error(code, "The request signature we calculated does not match the signature you provided.", 403)
        return None

    def _signature(self, call: Call, signed: re.Match[str]) -> str:
        environ = call.environ
        request = AWSRequest(
            method=environ["REQUEST_METHOD"],
            url=f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI']}",
            headers={name: _header(environ, name) for name in signed["headers"].split(";")},
            data=call.body,
        )
        request.context["timestamp"] = environ.get("HTTP_X_AMZ_DATE", "")
        kind = S3SigV4Auth if signed["service"] == "s3" else SigV4Auth
        auth = kind(Credentials(self.access_key, self.secret_key), signed["service"], signed["region"])
        return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def _header(environ: dict[str, t.Any], name: str) -> str:
    key = name.upper().replace("-", "_")
    return environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")


def _presigned_with(environ: dict[str, t.Any]) -> str | None:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    return query["X-Amz-Credential"][0].split("/")[0] if "X-Amz-Credential" in query else None
