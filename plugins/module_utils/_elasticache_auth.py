# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the legal steps that bring a cache to a TLS mode and a token. Pure: no client, no clock, no module."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.huntaze.ai_system.plugins.module_utils import _evidence
from ansible_collections.huntaze.ai_system.plugins.module_utils._evidence import (
    ROTATED,
    ROTATING,
    SET,
    SETTING,
    TAG_KEY,
    Evidence,
    Look,
    Tag,
    date_of,
    read_tag,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import KNOWN_AFTER_APPLY, Change, Plan

RANK = {None: 0, "preferred": 1, "required": 2}
FAILED_STATUSES = ("create-failed", "restore-failed", "incompatible-network", "deleting", "deleted")
TOKEN_CHANGES_FROM = (5, 0, 6)
LIVE_TLS_FROM = (7, 0, 5)
NOTES = {
    ROTATING: "the token is about to be added",
    ROTATED: "the token is accepted",
    SETTING: "the token is about to become the only one",
    SET: "the token is the only one",
}


@dataclass(frozen=True)
class Desired:
    """`fingerprint` is the one in the tag when that is of `auth_token`, else a new one; `snapshot_name` None: no snapshot."""

    name: str
    replication_group_id: t.Optional[str] = None
    snapshot_name: t.Optional[str] = None
    transit_encryption_mode: t.Optional[str] = None
    auth_token: t.Optional[str] = field(default=None, repr=False)
    auth_token_update_strategy: str = "SET"
    fingerprint: str = ""


@dataclass(frozen=True)
class Observed:
    """`group_taken`: the wanted replication group exists without this cluster; `snapshot` is its status, or "foreign"."""

    cache: t.Mapping[str, t.Any]
    group_taken: bool = False
    snapshot: t.Optional[str] = None
    tag: t.Optional[Tag] = None
    look: t.Optional[Look] = None
    not_looked: str = "the live cache was not asked"


def token_problems(token: str) -> list[str]:
    """Why AWS would refuse `token`, in sentences that do not repeat any of it."""
    problems = []
    if not 16 <= len(token) <= 128:
        problems.append(f"The token has {len(token)} characters and AWS takes 16 to 128: generate one of 32 or more.")
    if not re.fullmatch(r"[A-Za-z0-9!&#$^<>-]*", token):
        problems.append("The token holds characters that AWS refuses: use ASCII letters, digits and ! & # $ ^ < > - only.")
    return problems


def settled(observed: Observed) -> bool:
    """Whether the cache can be changed now. Changes put off to the maintenance window do not stand in the way."""
    return observed.cache["status"] == "available" and not observed.cache["auth_token_status"] and observed.snapshot != "creating"


def refusals(desired: Desired, observed: Observed) -> list[str]:
    """Why the desired point cannot be reached from where the cache is, each with the way out."""
    cache, name = observed.cache, desired.name
    if not cache["exists"]:
        return [
            f"there is no cache cluster, replication group or serverless cache called {name} in this region and account: "
            "check name, region and credentials; if the cluster was replaced since its promotion, name the replication group."
        ]
    if cache["kind"] == "serverless_cache":
        return [f"{name} is a serverless cache, which always has TLS and knows users instead of AUTH: associate a user group with it instead."]
    if cache["engine"] == "memcached":
        return [f"{name} runs memcached, which has no AUTH: create a Redis or Valkey cache instead."]
    if cache["status"] in FAILED_STATUSES:
        return [f"{name} has the status {cache['status']}: repair it, or create it anew, for example from a snapshot."]
    problems = _promotion_refusals(desired, observed) if cache["kind"] == "cache_cluster" else _group_refusals(desired, cache)
    version = tuple(int(part) for part in re.findall(r"\d+", cache["engine_version"] or ""))
    # Valkey came after all of this.
    if cache["engine"] == "redis" and RANK[cache["transit_encryption_mode"]] < RANK[desired.transit_encryption_mode] and version < LIVE_TLS_FROM:
        problems.append(
            f"{name} runs Redis {cache['engine_version']} and TLS can be turned on in a live cache from 7.0.5: "
            "upgrade the engine, or restore a snapshot into a new replication group with TLS."
        )
    if cache["engine"] == "redis" and desired.auth_token and version < TOKEN_CHANGES_FROM:
        problems.append(f"{name} runs Redis {cache['engine_version']} and tokens can be changed from 5.0.6: upgrade the engine.")
    return problems


def _promotion_refusals(desired: Desired, observed: Observed) -> list[str]:
    cache, name, group = observed.cache, desired.name, desired.replication_group_id
    wanted = RANK[cache["transit_encryption_mode"]] < RANK[desired.transit_encryption_mode] or desired.auth_token
    if not (wanted or group):
        return []
    if cache["transit_encryption_enabled"]:
        return [
            f"{name} is a standalone cluster that was created with TLS; AWS does not say that such a one can be promoted: "
            "restore a snapshot of it into a new replication group with TLS and a token, and name that."
        ]
    if not group:
        return [f"{name} is a standalone cluster, and TLS and AUTH can be changed in replication groups only: give replication_group_id to promote it."]
    problems = []
    if (cache["cache_parameter_group_name"] or "").endswith(".cluster.on"):
        problems.append(f"{name} is in cluster mode and cannot be promoted: restore a snapshot of it into a new replication group.")
    if observed.group_taken:
        problems.append(f"the replication group {group} exists already and {name} is not in it: give another replication_group_id.")
    if observed.snapshot == "foreign":
        problems.append(f"the snapshot {desired.snapshot_name} is of another cluster, or of an earlier one called {name}: give another snapshot_name.")
    elif observed.snapshot not in (None, "creating", "available"):
        problems.append(f"the snapshot {desired.snapshot_name} has the status {observed.snapshot}: delete it, or give another snapshot_name.")
    return problems + _token_needs_required(desired, cache)


def _group_refusals(desired: Desired, cache: t.Mapping[str, t.Any]) -> list[str]:
    name, group = desired.name, cache["replication_group_id"]
    problems = []
    if desired.replication_group_id not in (None, group):
        problems.append(f"{name} is in the replication group {group}, not in {desired.replication_group_id}: leave replication_group_id out or give {group}.")
    if desired.transit_encryption_mode == "preferred" and cache["transit_encryption_mode"] == "required":
        problems.append(f"{group} requires TLS and 'preferred' would let plain text in again: ask for 'required', or leave transit_encryption_mode out.")
    if desired.auth_token and cache["user_group_ids"]:
        problems.append(
            f"{group} has the user group {', '.join(cache['user_group_ids'])}, and AUTH and user groups exclude each other: "
            "give its users their passwords instead, or remove the user group first."
        )
    return problems + _token_needs_required(desired, cache)


def _token_needs_required(desired: Desired, cache: t.Mapping[str, t.Any]) -> list[str]:
    if desired.auth_token and max(RANK[cache["transit_encryption_mode"]], RANK[desired.transit_encryption_mode]) < RANK["required"]:
        return [
            f"{desired.name} does not require TLS, and AWS takes no token without: add transit_encryption_mode: required "
            "(clients that speak plain text are then shut out)."
        ]
    return []


def judge(desired: Desired, observed: Observed) -> Evidence:
    return _evidence.judge(observed.cache, observed.tag, desired.fingerprint, observed.look, observed.not_looked)


def next_change(desired: Desired, observed: Observed) -> Change | None:
    """The one legal step that comes next, or None at the desired point."""
    cache = observed.cache
    if cache["kind"] == "cache_cluster":
        return _promotion(desired, observed) if desired.replication_group_id else None
    mode = cache["transit_encryption_mode"]
    if RANK[mode] < RANK[desired.transit_encryption_mode]:
        return _transit_encryption(cache["id"], "required" if mode else "preferred")
    return _token_change(desired, observed) if desired.auth_token else None


def _promotion(desired: Desired, observed: Observed) -> Change:
    name, group = desired.name, desired.replication_group_id
    if desired.snapshot_name and observed.snapshot is None:
        return Change(
            "create_snapshot",
            {"CacheClusterId": name, "SnapshotName": desired.snapshot_name},
            f"Take the snapshot {desired.snapshot_name} of the cache cluster {name}",
        )
    return Change(
        "create_replication_group",
        {"ReplicationGroupId": group, "ReplicationGroupDescription": f"Promoted from the cache cluster {name}", "PrimaryClusterId": name},
        f"Promote the cache cluster {name} to the replication group {group}",
    )


def _transit_encryption(group: str, mode: str) -> Change:
    return _modify(
        group,
        f"Replication group {group}: " + ("require TLS and refuse plain text" if mode == "required" else "offer TLS beside plain text"),
        # AWS refuses a mode that comes without the switch itself.
        TransitEncryptionEnabled=True,
        TransitEncryptionMode=mode,
    )


def _token_change(desired: Desired, observed: Observed) -> Change | None:
    group, rotate = observed.cache["id"], desired.auth_token_update_strategy == "ROTATE"
    standing = judge(desired, observed).standing

    def noted(phase: str) -> Change | None:
        tag = Tag(phase, desired.fingerprint, date_of(observed.cache))
        if observed.tag == tag:
            return None
        parameters = {"ResourceName": observed.cache["arn"], "Tags": [{"Key": TAG_KEY, "Value": str(tag)}]}
        return Change("add_tags_to_resource", parameters, f"Replication group {group}: note in the tag {TAG_KEY} that {NOTES[phase]}")

    def token(strategy: str, summary: str) -> Change:
        return _modify(group, f"Replication group {group}: {summary}", AuthToken=desired.auth_token, AuthTokenUpdateStrategy=strategy)

    # Accepted with the tag gone: what the connection shows is written down anew instead of rotating.
    if standing == _evidence.ONLY or (standing == _evidence.ACCEPTED and not rotate and observed.tag is None):
        return noted(SET)
    if standing == _evidence.UNKNOWN or (standing == _evidence.ACCEPTED and not rotate):
        return noted(ROTATING) or token("ROTATE", "accept the token beside what was accepted before (AUTH, ROTATE)")
    if standing == _evidence.ACCEPTED:
        return None
    if rotate:
        # A run cut off before its SET left a note that proves as much.
        proven = observed.tag and observed.tag.phase == SETTING and observed.tag.fingerprint == desired.fingerprint
        return None if proven else noted(ROTATED)
    return noted(SETTING) or token("SET", "accept only the token (AUTH, SET)")


def _modify(group: str, summary: str, **parameters: t.Any) -> Change:
    return Change("modify_replication_group", {"ReplicationGroupId": group, "ApplyImmediately": True, **parameters}, summary)


def predict(observed: Observed, change: Change) -> Observed:
    """What AWS shows once `change` is done; only a real run knows the addresses and dates."""
    parameters, cache = change.parameters, observed.cache
    if change.operation == "create_snapshot":
        return replace(observed, snapshot="available")
    if change.operation == "add_tags_to_resource":
        return replace(observed, tag=read_tag(parameters["Tags"][0]["Value"]), look=None)
    if change.operation == "create_replication_group":
        group = parameters["ReplicationGroupId"]
        later = dict.fromkeys(("arn", "create_time"), KNOWN_AFTER_APPLY)
        promoted = {"kind": "replication_group", "id": group, "replication_group_id": group, "endpoints": _moved(cache, "primary", "reader"), **later}
        return replace(observed, cache={**cache, **promoted}, snapshot=None)
    if "AuthToken" in parameters:
        altered = {"auth_token_enabled": True, "auth_token_last_modified_date": _later(cache["auth_token_last_modified_date"])}
    else:
        altered = {
            "transit_encryption_enabled": True,
            "transit_encryption_mode": parameters["TransitEncryptionMode"],
            "endpoints": _moved(cache),
        }
    return replace(observed, cache={**cache, **altered}, look=None)


def _moved(cache: t.Mapping[str, t.Any], *appearing: str) -> dict[str, t.Any]:
    """The endpoints of `cache` and those `appearing`, at addresses to come."""
    place = {"address": KNOWN_AFTER_APPLY, "port": cache["port"]}
    moved = {key: place if key in appearing or cache["endpoints"][key] else None for key in ("primary", "reader", "configuration")}
    return {**moved, "nodes": [place for dummy in cache["endpoints"]["nodes"]]}


def shows(before: Observed, predicted: Observed, seen: Observed) -> bool:
    """Whether AWS shows the change that was to lead from `before` to `predicted`: answers can be older than a change."""
    for key in ("kind", "transit_encryption_mode", "auth_token_last_modified_date"):
        if predicted.cache[key] != before.cache[key]:
            known = not _unknown(predicted.cache[key])
            return seen.cache[key] == predicted.cache[key] if known else seen.cache[key] != before.cache[key]
    return seen.tag == predicted.tag if predicted.tag != before.tag else seen.snapshot == predicted.snapshot


def changes(desired: Desired, observed: Observed) -> list[tuple[Change, Observed]]:
    """All steps to the desired point, each with what is expected to be there after it."""
    steps = []
    change = next_change(desired, observed)
    while change:
        observed = predict(observed, change)
        steps.append((change, observed))
        change = next_change(desired, observed)
    return steps


def plan(made: t.Sequence[Change], before: Observed, after: Observed) -> Plan:
    return Plan(tuple(made), _view(before), _view(after))


def shown(cache: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """`cache` with a date to come in words."""
    date = cache["auth_token_last_modified_date"]
    return dict(cache, auth_token_last_modified_date=KNOWN_AFTER_APPLY if _unknown(date) else date)


def _view(observed: Observed) -> dict[str, t.Any]:
    keys = ("kind", "id", "transit_encryption_mode", "endpoints", "auth_token_enabled", "auth_token_last_modified_date")
    cache = shown(observed.cache)
    return {**{key: cache[key] for key in keys}, "evidence": NOTES[observed.tag.phase] if observed.tag else None}


def _later(date: str | None) -> str:
    """A date after `date`: each differs from the one before, as AWS's do."""
    return (date if date and _unknown(date) else KNOWN_AFTER_APPLY) + "+"


def _unknown(value: t.Any) -> bool:
    return str(value).startswith(KNOWN_AFTER_APPLY)
