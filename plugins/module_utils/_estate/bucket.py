# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bucket: whether it is there, and who may read it how."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Reads, together

MEMBERS = ("name", "exists", "region", "encryption", "public_access_block", "policy_status", "tls_only")
NO_BUCKET = ("NoSuchBucket", "404")
NO_POLICY = ("NoSuchBucketPolicy",)


def bucket(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    name = named["bucket"]
    found = reads.ask("s3", "head_bucket", absent=NO_BUCKET, nothing=False, Bucket=name)
    if found is None or found is False:
        return {**dict.fromkeys(MEMBERS), "name": name, "exists": found}
    encryption, block, status, policy = together(
        lambda: reads.ask(
            "s3", "get_bucket_encryption", "ServerSideEncryptionConfiguration", absent=("ServerSideEncryptionConfigurationNotFoundError",), nothing={},
            Bucket=name
        ),
        lambda: reads.ask(
            "s3", "get_public_access_block", "PublicAccessBlockConfiguration", absent=("NoSuchPublicAccessBlockConfiguration",), nothing={}, Bucket=name
        ),
        lambda: reads.ask("s3", "get_bucket_policy_status", "PolicyStatus", absent=NO_POLICY, nothing={"is_public": False}, Bucket=name),
        lambda: reads.ask("s3", "get_bucket_policy", "Policy", absent=NO_POLICY, nothing="{}", Bucket=name),
    )
    return {
        "name": name, "exists": True, "region": found.get("bucket_region"), "encryption": None if encryption is None else _algorithm(encryption),
        "public_access_block": block, "policy_status": status, "tls_only": None if policy is None else is_tls_only(policy, name),
    }


def _algorithm(encryption: t.Mapping[str, t.Any]) -> str:
    """AES256, aws:kms, or empty where there is none."""
    defaults = [rule.get("apply_server_side_encryption_by_default") or {} for rule in encryption.get("rules") or []]
    return next((str(one["sse_algorithm"]) for one in defaults if one.get("sse_algorithm")), "")


def is_tls_only(policy: str, name: str) -> bool:
    """Whether a statement of the bucket's policy denies all that does not come by TLS, to everybody and for every object."""
    statements = json.loads(policy).get("Statement") or []
    return any(_denies_plain_text(one, name) for one in (statements if isinstance(statements, list) else [statements]))


def _denies_plain_text(statement: t.Mapping[str, t.Any], name: str) -> bool:
    condition = statement.get("Condition") or {}
    (operator, wanted), = condition.items() if len(condition) == 1 else [("", {})]
    return (
        statement.get("Effect") == "Deny"
        and operator == "Bool"
        and {key.lower(): str(value).lower() for key, value in wanted.items()} == {"aws:securetransport": "false"}
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and bool({"*", "s3:*"} & set(_listed(statement.get("Action"))))
        and any(one == "*" or one.endswith(f":::{name}/*") for one in _listed(statement.get("Resource")))
    )


def _listed(value: t.Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
