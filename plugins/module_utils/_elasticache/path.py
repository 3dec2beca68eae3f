# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the legal steps that bring a cache to a TLS mode and a token. Pure: no client, no clock, no module."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import evidence as _evidence
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import (
    NO_DATE,
    ROTATED,
    SET,
    TAG_KEY,
    Evidence,
    Look,
    Tag,
    date_of,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import KNOWN_AFTER_APPLY, Change, Plan

RANK = {None: 0, "preferred": 1, "required": 2}
# What to do about a cache that will not become available by itself.
FAILED_STATUSES = {
    "create-failed": "AWS could not create it: delete it and create it anew.",
    "restore-failed": "AWS could not fill it from its snapshot: delete it and restore the snapshot into a new one.",
    "incompatible-network": "its subnets lack what it needs, such as free addresses: create it anew in others, for example from a snapshot.",
    "deleting": "it will soon be gone: name another cache, or create it anew once it is, for example from its last snapshot.",
    "deleted": "it is gone: name another cache, or create it anew, for example from its last snapshot.",
}
ENGINES = ("redis", "valkey")
TOKEN_CHANGES_FROM = (5, 0, 6)
LIVE_TLS_FROM = (7, 0, 5)
ANEW = "restore a snapshot of it into a new replication group with TLS and a token, and name that."
# While AWS takes a snapshot nobody can change a token.
NOT_CHANGING = ("available", "snapshotting")
NOTES = {ROTATED: "the token is accepted", SET: "the token is the only one"}
# A pending modification that waits for a reboot, which no change of ours makes for certain.
REBOOT = "cache_parameter_group"
NOT_ASKED = "the live cache was not asked"


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
    apply_pending_modifications: bool = False


@dataclass(frozen=True)
class Observed:
    """A cache, and what is known beside AWS's description of it.

    group_taken:  the wanted replication group exists without this cluster
    snapshot:     its status, or "foreign"
    tag_unread:   why AWS does not show the tag, if it does not
    earned:       the note that AWS's answers to this very run have earned, written or not
    """

    cache: t.Mapping[str, t.Any]
    group_taken: bool = False
    snapshot: t.Optional[str] = None
    tag: t.Optional[Tag] = None
    tag_unread: t.Optional[str] = None
    look: t.Optional[Look] = None
    not_looked: str = NOT_ASKED
    earned: t.Optional[Tag] = None


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
    return observed.cache["status"] == "available" and observed.snapshot != "creating"


def quiet(observed: Observed) -> bool:
    """Whether the description holds for the token although the cache may be busy: nobody is changing it."""
    return observed.cache["status"] in NOT_CHANGING and not observed.cache["auth_token_status"]


def state_of(cache: t.Mapping[str, t.Any]) -> str:
    """What AWS says of a cache that is not ready, in words."""
    if not cache["status"]:
        return "AWS shows no status of it"
    return f"it has the status {cache['status']}" + (f" and its token is {cache['auth_token_status']}" if cache["auth_token_status"] else "")


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
        return [f"{name} has the status {cache['status']}; {FAILED_STATUSES[cache['status']]}"]
    problems = _unknown_values(desired, cache)
    if problems or not _wants_change(desired, cache):
        return problems
    if cache["global_replication_group_id"]:
        return [
            f"{name} is a member ({cache['global_replication_group_role'] or 'role not shown'}) of the global datastore "
            f"{cache['global_replication_group_id']}, whose members take no change of TLS and AUTH of their own: "
            "take it out of the global datastore first (disassociate-global-replication-group), or name a cache that is in none."
        ]
    problems = _promotion_refusals(desired, observed) if cache["kind"] == "cache_cluster" else _group_refusals(desired, observed)
    return list(dict.fromkeys(problems + _version_refusals(desired, cache)))


def _unknown_values(desired: Desired, cache: t.Mapping[str, t.Any]) -> list[str]:
    problems = []
    if cache["engine"] not in ENGINES:
        found = f"the engine {cache['engine']}, which is unknown here" if cache["engine"] else "no engine that AWS shows"
        problems.append(f"{desired.name} has {found}: name a cache that runs Redis or Valkey, or run again if it is just being created.")
    if cache["transit_encryption_mode"] not in RANK:
        problems.append(
            f"{desired.name} has the transit_encryption_mode {cache['transit_encryption_mode']}, which is unknown here: "
            "bring it to preferred or required by hand, or use a later version of this collection."
        )
    return problems


def _wants_change(desired: Desired, cache: t.Mapping[str, t.Any]) -> bool:
    """Whether anything is asked for that may need a change."""
    return bool(desired.auth_token or desired.replication_group_id or _wants_tls(desired, cache) or desired.transit_encryption_mode == "preferred")


def _wants_tls(desired: Desired, cache: t.Mapping[str, t.Any]) -> bool:
    return RANK[cache["transit_encryption_mode"]] < RANK[desired.transit_encryption_mode]


def _version_refusals(desired: Desired, cache: t.Mapping[str, t.Any]) -> list[str]:
    name = desired.name
    # Valkey came after all of this.
    if cache["engine"] == "valkey" or not (_wants_tls(desired, cache) or desired.auth_token):
        return []
    if not cache["engine_version"]:
        return [f"AWS does not show which version of Redis {name} runs: run again, or look at the cache in the console."]
    version = tuple(int(part) for part in re.findall(r"\d+", cache["engine_version"]))
    if _wants_tls(desired, cache) and version < LIVE_TLS_FROM:
        return [
            f"{name} runs Redis {cache['engine_version']} and TLS can be turned on in a live cache from 7.0.5: "
            "upgrade the engine to that or later, or restore a snapshot into a new replication group with TLS."
        ]
    if desired.auth_token and version < TOKEN_CHANGES_FROM:
        return [f"{name} runs Redis {cache['engine_version']} and tokens can be changed from 5.0.6: upgrade the engine to that or later."]
    return []


def _advised(advice: str, desired: Desired, observed: Observed, **followed: t.Any) -> list[str]:
    """`advice`, unless who follows it is refused next: then what is said to them there."""
    return refusals(replace(desired, **followed), observed) or [advice]


def _promotion_refusals(desired: Desired, observed: Observed) -> list[str]:
    cache, name, group = observed.cache, desired.name, desired.replication_group_id
    if cache["replication_group_id"] not in (None, group):
        return [f"{name} belongs to the replication group {cache['replication_group_id']}, which AWS does not show: run again, or name another cache."]
    if cache["transit_encryption_enabled"]:
        return [f"{name} is a standalone cluster that was created with TLS; AWS does not say that such a one can be promoted: {ANEW}"]
    if (cache["cache_parameter_group_name"] or "").endswith(".cluster.on"):
        return [f"{name} is in cluster mode and cannot be promoted: {ANEW}"]
    if not group:
        advice = f"{name} is a standalone cluster, and TLS and AUTH can be changed in replication groups only: give replication_group_id to promote it."
        return _advised(advice, desired, observed, replication_group_id="group-to-be")
    problems = []
    if observed.group_taken:
        problems.append(f"the replication group {group} exists already and {name} is not in it: give another replication_group_id.")
    if observed.snapshot == "foreign":
        problems.append(f"the snapshot {desired.snapshot_name} is of another cluster, or of an earlier one called {name}: give another snapshot_name.")
    elif observed.snapshot not in (None, "creating", "available"):
        problems.append(f"the snapshot {desired.snapshot_name} has the status {observed.snapshot}: delete it, or give another snapshot_name.")
    return problems + _token_needs_required(desired, observed)


def _group_refusals(desired: Desired, observed: Observed) -> list[str]:
    cache, name, group = observed.cache, desired.name, observed.cache["replication_group_id"]
    problems = []
    if desired.replication_group_id not in (None, group):
        problems.append(f"{name} is in the replication group {group}, not in {desired.replication_group_id}: leave replication_group_id out or give {group}.")
    if desired.transit_encryption_mode == "preferred" and cache["transit_encryption_mode"] == "required":
        problems.append(f"{group} requires TLS and 'preferred' would let plain text in again: ask for 'required', or leave transit_encryption_mode out.")
    if cache["user_group_ids"] and desired.auth_token:
        problems.append(
            f"{group} has the user group {', '.join(cache['user_group_ids'])}, and AUTH and user groups exclude each other: "
            "give its users their passwords instead, or remove the user group first."
        )
    elif (cache["user_group_ids"] or cache["auth_token_enabled"]) and _wants_tls(desired, cache):
        problems.append(f"{group} has access control, and AWS changes TLS only without: {ANEW}")
    return problems + _token_needs_required(desired, observed)


def _token_needs_required(desired: Desired, observed: Observed) -> list[str]:
    cache = observed.cache
    if not desired.auth_token or max(RANK[cache["transit_encryption_mode"]], RANK[desired.transit_encryption_mode]) == RANK["required"]:
        return []
    advice = (
        f"{desired.name} does not require TLS, and AWS takes no token without: add transit_encryption_mode: required "
        "(clients that speak plain text are then shut out)."
    )
    return _advised(advice, desired, observed, transit_encryption_mode="required")


def pending_refusals(desired: Desired, observed: Observed, ahead: t.Sequence[Change]) -> list[str]:
    """Why `ahead` must not begin: what was put off to the maintenance window of an available cache would be made along with it."""
    cache = observed.cache
    if cache["status"] != "available" or not any(change.operation == "modify_replication_group" for change in ahead):
        return []
    window = f" ({cache['maintenance_window']}, UTC)" if cache["maintenance_window"] else ""
    if cache["auth_token_status"]:
        return [
            f"a change of the token of {cache['id']} ({cache['auth_token_status']}) was put off to the maintenance window{window}, so nothing of it is "
            "under way: wait for the window, or have whoever asked for it ask again with --apply-immediately, and run again then. "
            "If it was asked for a moment ago with that, just run again."
        ]
    pending = cache["pending_modifications"]
    if pending and not desired.apply_pending_modifications:
        return [
            f"{cache['id']} has changes that wait for its maintenance window{window} or for a reboot: {_pending_words(pending)}. "
            "AWS makes those of the window at once, together with the first change of this run. "
            "Let them be made or take them back first, or allow it with apply_pending_modifications: true."
        ]
    return []


def _pending_words(pending: t.Mapping[str, t.Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(pending.items()))


def judge(desired: Desired, observed: Observed) -> Evidence:
    return _evidence.judge(
        observed.cache, observed.tag, desired.fingerprint, observed.look, observed.not_looked, observed.earned, observed.tag_unread
    )


def next_change(desired: Desired, observed: Observed) -> Change | None:
    """The one legal step that comes next, or None at the desired point."""
    cache = observed.cache
    if cache["kind"] == "cache_cluster":
        return _promotion(desired, observed) if desired.replication_group_id else None
    if _wants_tls(desired, cache):
        change = _transit_encryption(cache["id"], "required" if cache["transit_encryption_mode"] else "preferred")
    else:
        change = _token_change(desired, observed) if desired.auth_token else None
    put_off = {key: value for key, value in cache["pending_modifications"].items() if key != REBOOT}
    if change and change.operation == "modify_replication_group" and put_off:
        return replace(change, summary=f"{change.summary}; this also makes what was put off: {_pending_words(put_off)}")
    return change


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
    """What cannot be proven is made so: ROTATE, then SET. Only AWS's answers and the note of such an answer prove."""
    group, rotate = observed.cache["id"], desired.auth_token_update_strategy == "ROTATE"
    standing = judge(desired, observed).standing
    if standing == _evidence.UNKNOWN or (standing == _evidence.ACCEPTED and not rotate):
        return _token(group, desired.auth_token, "ROTATE", "accept the token beside what was accepted before (AUTH, ROTATE)")
    if standing == _evidence.NEWEST and not rotate:
        return _token(group, desired.auth_token, "SET", "accept only the token (AUTH, SET)")
    return _note(observed)


def _note(observed: Observed) -> Change | None:
    """The note that is earned, unless it is there or would prove nothing."""
    note, cache = observed.earned, observed.cache
    if not note or note == observed.tag or NO_DATE in (note.date, date_of(cache)) or not cache["arn"]:
        return None
    parameters = {"ResourceName": cache["arn"], "Tags": [{"Key": TAG_KEY, "Value": str(note)}]}
    return Change("add_tags_to_resource", parameters, f"Replication group {cache['id']}: note in the tag {TAG_KEY} that {NOTES[note.phase]}")


def _token(group: str, token: str, strategy: str, summary: str) -> Change:
    return _modify(group, f"Replication group {group}: {summary}", AuthToken=token, AuthTokenUpdateStrategy=strategy)


def strategy_of(change: Change) -> str | None:
    return change.parameters.get("AuthTokenUpdateStrategy")


def earning(desired: Desired, observed: Observed, change: Change) -> Observed:
    """`observed` once AWS has reported that `change` of the token is made, or was before."""
    return replace(observed, earned=Tag(ROTATED if strategy_of(change) == "ROTATE" else SET, desired.fingerprint, date_of(observed.cache)), look=None)


def without_evidence(observed: Observed) -> Observed:
    """`observed` once AWS has contradicted all that spoke for the token."""
    return replace(observed, tag=None, look=None, earned=None)


def _modify(group: str, summary: str, **parameters: t.Any) -> Change:
    return Change("modify_replication_group", {"ReplicationGroupId": group, "ApplyImmediately": True, **parameters}, summary)


def predict(desired: Desired, observed: Observed, change: Change) -> Observed:
    """What AWS shows once `change` is done; only a real run knows the addresses and dates."""
    parameters, cache = change.parameters, observed.cache
    if change.operation == "create_snapshot":
        return replace(observed, snapshot="available")
    if change.operation == "add_tags_to_resource":
        return replace(observed, tag=observed.earned, look=None)
    if change.operation == "create_replication_group":
        group = parameters["ReplicationGroupId"]
        later = dict.fromkeys(("arn", "create_time"), KNOWN_AFTER_APPLY)
        promoted = {"kind": "replication_group", "id": group, "replication_group_id": group, "endpoints": _moved(cache, "primary", "reader"), **later}
        return replace(observed, cache={**cache, **promoted}, snapshot=None)
    altered: dict[str, t.Any] = {"pending_modifications": {key: value for key, value in cache["pending_modifications"].items() if key == REBOOT}}
    if strategy_of(change):
        altered.update(auth_token_enabled=True, auth_token_last_modified_date=_later(cache["auth_token_last_modified_date"]))
        return earning(desired, replace(observed, cache={**cache, **altered}), change)
    altered.update(transit_encryption_enabled=True, transit_encryption_mode=parameters["TransitEncryptionMode"], endpoints=_moved(cache))
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
            if not _unknown(predicted.cache[key]):
                return seen.cache[key] == predicted.cache[key]
            # Where AWS gives no date of a token at all there is none to wait for.
            return seen.cache[key] != before.cache[key] or (seen.cache["auth_token_enabled"] and not seen.cache[key])
    return seen.tag == predicted.tag if predicted.tag != before.tag else seen.snapshot == predicted.snapshot


def changes(desired: Desired, observed: Observed) -> list[tuple[Change, Observed]]:
    """All steps to the desired point, each with what is expected to be there after it."""
    steps = []
    change = next_change(desired, observed)
    while change:
        observed = predict(desired, observed, change)
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
    keys = ("kind", "id", "transit_encryption_mode", "endpoints", "auth_token_enabled", "auth_token_last_modified_date", "pending_modifications")
    cache = shown(observed.cache)
    return {**{key: cache[key] for key in keys}, "evidence": NOTES[observed.tag.phase] if observed.tag else None}


def _later(date: str | None) -> str:
    """A date after `date`: each differs from the one before, as AWS's do."""
    return (date if date and _unknown(date) else KNOWN_AFTER_APPLY) + "+"


def _unknown(value: t.Any) -> bool:
    return str(value).startswith(KNOWN_AFTER_APPLY)
