# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller may do, by the actions of its policies; resources and conditions are not looked at."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path
from urllib.parse import parse_qs

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import IAMBackend

from aws_api.calls import Answer, Call
from aws_api.credentials import Caller

# Anybody may ask who they are, whatever the policy says.
FREE = {"sts:GetCallerIdentity"}
# Whoever creates something with tags needs the action that tags, too.
TAGGING = {
    "amplify": "amplify:TagResource", "cloudwatch": "cloudwatch:TagResource", "ec2": "ec2:CreateTags",
    "elasticache": "elasticache:AddTagsToResource", "rds": "rds:AddTagsToResource",
}
# Where an action is not called as the operation is.
OTHERWISE_NAMED = {
    "s3:HeadBucket": "s3:ListBucket", "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration", "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
CREATING = re.compile(r"(Create|Put|Authorize|Run|Copy|Restore)(?!Tags)")


def documented(readme: Path) -> dict[str, t.Any]:
    """The policy that stands in the README."""
    for block in re.findall(r"^```json\n(.*?)^```", readme.read_text(), re.MULTILINE | re.DOTALL):
        if '"Statement"' in block:
            return json.loads(block)
    raise ValueError(f"{readme} holds no policy: the sandbox's caller is to have it.")


def allowing(*actions: str) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": list(actions)}]}


def add_user(iam: IAMBackend, name: str, keys: tuple[str, str], policy: dict[str, t.Any]) -> None:
    """A user with these keys (access key, secret key) and this policy."""
    iam.create_user("us-east-1", name)
    key = iam.create_access_key(name)
    key.access_key_id, key.secret_access_key = keys
    iam.put_user_policy(name, "policy", json.dumps(policy))


def actions(call: Call) -> list[str]:
    """The IAM actions that a call takes."""
    operation = f"{call.service}:{call.operation}"
    own = OTHERWISE_NAMED.get(operation, operation)
    tagging = TAGGING.get(call.service)
    return [own, tagging] if tagging and CREATING.match(call.operation) and _has_tags(call) else [own]


def denial(call: Call, caller: Caller) -> Answer | None:
    """What the caller is told if its policies do not allow what the call takes."""
    missing = next((action for action in actions(call) if action not in FREE and not _allowed(action, caller)), None)
    if missing is None:
        return None
    reason = f"because no identity-based policy allows the {missing} action"
    sentence = f"User: {caller.arn} is not authorized to perform: {missing}"
    if call.protocol == "ec2":
        resource = "" if call.reading else f" on resource: arn:aws:ec2:us-east-1:{caller.account_id}:*/*"
        return call.error("UnauthorizedOperation", f"You are not authorized to perform this operation. {sentence}{resource} {reason}", 403)
    code, status = {"query": ("AccessDenied", 403), "rest-xml": ("AccessDenied", 403), "json": ("AccessDeniedException", 400)}.get(
        call.protocol, ("AccessDeniedException", 403)
    )
    return call.error(code, f"{sentence} on resource: arn:aws:{call.service}:us-east-1:{caller.account_id}:* {reason}", status)


def _allowed(action: str, caller: Caller) -> bool:
    results = {IAMPolicy(policy).is_action_permitted(action) for policy in caller.collect_policies()}
    return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results


def _has_tags(call: Call) -> bool:
    if call.protocol in ("query", "ec2"):
        return any(re.match(r"Tags?\.|TagSpecification", name) for name in parse_qs(call.body.decode(errors="replace")))
    try:
        body = json.loads(call.body or b"{}")
    except ValueError:
        return False
    return bool(body.get("Tags") or body.get("tags"))
