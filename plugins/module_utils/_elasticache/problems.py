# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a cache cannot be brought to the point that is asked for: bad options, and what AWS does not allow. Each sentence names the way out."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.reachability import ca_file_problem
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.path import RANK, Desired, Observed, object_of, pending_words
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Difference, LeftAlone, missing
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import name_problem

# What to do about a cache that will not become available by itself.
FAILED_STATUSES = {
    "create-failed": ("AWS could not create it", "delete it and create it anew"),
    "restore-failed": ("AWS could not fill it from its snapshot", "delete it and restore the snapshot into a new one"),
    "incompatible-network": ("its subnets lack what it needs, such as free addresses", "create it anew in others, for example from a snapshot"),
    "deleting": ("it will soon be gone", "name another cache, or create it anew once it is, for example from its last snapshot"),
    "deleted": ("it is gone", "name another cache, or create it anew, for example from its last snapshot"),
}
ENGINES = ("redis", "valkey")
TOKEN_CHANGES_FROM = (5, 0, 6)
LIVE_TLS_FROM = (7, 0, 5)
ANEW = "restore a snapshot of it into a new replication group with TLS and a token, and name that"


def problems(params: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with the options, one sentence each, none with a secret."""
    found = []
    if params["requirepass"] is not None:
        found.append("requirepass is not a parameter of ElastiCache: give the password as auth_token, with transit_encryption_mode: required.")
    found.append(name_problem("name", params["name"], "cache"))
    for option, kind in (("replication_group_id", "replication group"), ("snapshot_name", "snapshot")):
        if params[option] is not None:
            found.append(name_problem(option, params[option], kind))
    if params["auth_token"] is not None:
        found += [f"auth_token: {problem}" for problem in token_problems(params["auth_token"])]
        if params["transit_encryption_mode"] == "preferred":
            found.append("auth_token needs TLS to be required: give transit_encryption_mode: required, or leave the token for a later run.")
    for option in ("wait_timeout", "probe_timeout"):
        if not 0 < params[option] <= 86400:
            found.append(f"{option} is {params[option]}: give a number of seconds above 0 and at most 86400.")
    if params["tls_ca_file"]:
        found.append(ca_file_problem("tls_ca_file", params["tls_ca_file"]))
    return [problem for problem in found if problem]


def token_problems(token: str) -> list[str]:
    """Why AWS would refuse `token`, in sentences that do not repeat any of it."""
    found = []
    if not 16 <= len(token) <= 128:
        found.append(f"The token has {len(token)} characters and AWS takes 16 to 128: generate one of 32 or more.")
    if not re.fullmatch(r"[A-Za-z0-9!&#$^<>-]*", token):
        found.append("The token holds characters that AWS refuses: use ASCII letters, digits and ! & # $ ^ < > - only.")
    return found


def refusals(desired: Desired, observed: Observed) -> list[str]:
    """Why the desired point cannot be reached from where the cache is, each with the way out."""
    return [str(one) for one in obstacles(desired, observed)]


def obstacles(desired: Desired, observed: Observed) -> list[LeftAlone]:
    """The same by the fields that stand in the way: what a run can neither bring to the desired point nor leave aside."""
    cache, name = observed.cache, desired.name
    if not cache["exists"]:
        return [missing(
            object_of(desired, cache), f"there is no cache cluster, replication group or serverless cache called {name} in this region and account",
            "check name, region and credentials; if the cluster was replaced since its promotion, name the replication group",
        )]
    stands = _obstacles_of(desired, cache)
    if cache["kind"] == "serverless_cache":
        why = f"{name} is a serverless cache, which always has TLS and knows users instead of AUTH"
        return [stands("kind", "replication_group", why, "associate a user group with it instead")]
    if cache["engine"] == "memcached":
        return [stands("engine", "redis", f"{name} runs memcached, which has no AUTH", "create a Redis or Valkey cache instead")]
    if cache["status"] in FAILED_STATUSES:
        why, remedy = FAILED_STATUSES[cache["status"]]
        return [stands("status", "available", f"{name} has the status {cache['status']}; {why}", remedy)]
    found = _unknown_values(desired, cache)
    if found or not _wants_change(desired, cache):
        return found
    if cache["global_replication_group_id"]:
        return [stands(
            "global_replication_group_id", None,
            f"{name} is a member ({cache['global_replication_group_role'] or 'role not shown'}) of the global datastore "
            f"{cache['global_replication_group_id']}, whose members take no change of TLS and AUTH of their own",
            "take it out of the global datastore first (disassociate-global-replication-group), or name a cache that is in none",
        )]
    found = _obstacles_of_cluster(desired, observed) if cache["kind"] == "cache_cluster" else _obstacles_of_group(desired, observed)
    return list({str(one): one for one in found + _obstacles_of_version(desired, cache)}.values())


def _obstacles_of(desired: Desired, cache: t.Mapping[str, t.Any]) -> t.Callable[..., LeftAlone]:
    def stands(field: str, wanted: t.Any, why: str, remedy: str) -> LeftAlone:
        found = cache[field] or None
        lowers = field == "transit_encryption_mode" and RANK.get(found, 2) < RANK[wanted]
        return LeftAlone(Difference(object_of(desired, cache), field, found, wanted), why, remedy, lowers)

    return stands


def _unknown_values(desired: Desired, cache: t.Mapping[str, t.Any]) -> list[LeftAlone]:
    found, stands = [], _obstacles_of(desired, cache)
    if cache["engine"] not in ENGINES:
        engine = f"the engine {cache['engine']}, which is unknown here" if cache["engine"] else "no engine that AWS shows"
        found.append(stands(
            "engine", "redis", f"{desired.name} has {engine}", "name a cache that runs Redis or Valkey, or run again if it is just being created",
        ))
    if cache["transit_encryption_mode"] not in RANK:
        found.append(stands(
            "transit_encryption_mode", desired.transit_encryption_mode,
            f"{desired.name} has the transit_encryption_mode {cache['transit_encryption_mode']}, which is unknown here",
            "bring it to preferred or required by hand, or use a later version of this collection",
        ))
    return found


def _wants_change(desired: Desired, cache: t.Mapping[str, t.Any]) -> bool:
    """Whether anything is asked for that may need a change."""
    return bool(desired.auth_token or desired.replication_group_id or desired.wants_tls(cache) or desired.transit_encryption_mode == "preferred")


def _obstacles_of_version(desired: Desired, cache: t.Mapping[str, t.Any]) -> list[LeftAlone]:
    name, version, stands = desired.name, cache["engine_version"], _obstacles_of(desired, cache)
    # Valkey came after all of this.
    if cache["engine"] == "valkey" or not (desired.wants_tls(cache) or desired.auth_token):
        return []
    if not version:
        why = f"AWS does not show which version of Redis {name} runs"
        return [stands("engine_version", "7.0.5 or later", why, "run again, or look at the cache in the console")]
    numbers = tuple(int(part) for part in re.findall(r"\d+", version))
    if desired.wants_tls(cache) and numbers < LIVE_TLS_FROM:
        return [stands(
            "engine_version", "7.0.5 or later", f"{name} runs Redis {version} and TLS can be turned on in a live cache from 7.0.5",
            "upgrade the engine to that or later, or restore a snapshot into a new replication group with TLS",
        )]
    if desired.auth_token and numbers < TOKEN_CHANGES_FROM:
        why = f"{name} runs Redis {version} and tokens can be changed from 5.0.6"
        return [stands("engine_version", "5.0.6 or later", why, "upgrade the engine to that or later")]
    return []


def _advised(advice: LeftAlone, desired: Desired, observed: Observed, **followed: t.Any) -> list[LeftAlone]:
    """`advice`, unless who follows it is refused next: then what is said to them there."""
    return obstacles(replace(desired, **followed), observed) or [advice]


def _obstacles_of_cluster(desired: Desired, observed: Observed) -> list[LeftAlone]:
    cache, name, group = observed.cache, desired.name, desired.replication_group_id
    stands = _obstacles_of(desired, cache)
    if cache["replication_group_id"] not in (None, group):
        why = f"{name} belongs to the replication group {cache['replication_group_id']}, which AWS does not show"
        return [stands("replication_group_id", group, why, "run again, or name another cache")]
    if cache["transit_encryption_enabled"]:
        why = f"{name} is a standalone cluster that was created with TLS; AWS does not say that such a one can be promoted"
        return [stands("kind", "replication_group", why, ANEW)]
    if (cache["cache_parameter_group_name"] or "").endswith(".cluster.on"):
        return [stands("cache_parameter_group_name", "one without cluster mode", f"{name} is in cluster mode and cannot be promoted", ANEW)]
    if not group:
        advice = stands(
            "kind", "replication_group", f"{name} is a standalone cluster, and TLS and AUTH can be changed in replication groups only",
            "give replication_group_id to promote it",
        )
        return _advised(advice, desired, observed, replication_group_id="group-to-be")
    found = []
    if observed.group_taken:
        why = f"the replication group {group} exists already and {name} is not in it"
        found.append(stands("replication_group_id", group, why, "give another replication_group_id"))
    if observed.snapshot not in (None, "creating", "available"):
        snapshot, remedy = desired.snapshot_name, "give another snapshot_name"
        why = f"the snapshot {snapshot} has the status {observed.snapshot}"
        if observed.snapshot == "foreign":
            why = f"the snapshot {snapshot} is of another cluster, or of an earlier one called {name}"
        else:
            remedy = f"delete it, or {remedy}"
        found.append(LeftAlone(Difference(f"snapshot {snapshot}", "snapshot_status", observed.snapshot, "available"), why, remedy))
    return found + _token_needs_required(desired, observed)


def _obstacles_of_group(desired: Desired, observed: Observed) -> list[LeftAlone]:
    cache, name, group = observed.cache, desired.name, observed.cache["replication_group_id"]
    found, stands = [], _obstacles_of(desired, cache)
    if desired.replication_group_id not in (None, group):
        why = f"{name} is in the replication group {group}, not in {desired.replication_group_id}"
        found.append(stands("replication_group_id", desired.replication_group_id, why, f"leave replication_group_id out or give {group}"))
    if desired.transit_encryption_mode == "preferred" and cache["transit_encryption_mode"] == "required":
        why = f"{group} requires TLS and 'preferred' would let plain text in again"
        found.append(stands("transit_encryption_mode", "preferred", why, "ask for 'required', or leave transit_encryption_mode out"))
    if cache["user_group_ids"] and desired.auth_token:
        found.append(stands(
            "user_group_ids", None, f"{group} has the user group {', '.join(cache['user_group_ids'])}, and AUTH and user groups exclude each other",
            "give its users their passwords instead, or remove the user group first",
        ))
    elif (cache["user_group_ids"] or cache["auth_token_enabled"]) and desired.wants_tls(cache):
        why = f"{group} has access control, and AWS changes TLS only without"
        found.append(stands("transit_encryption_mode", desired.transit_encryption_mode, why, ANEW))
    return found + _token_needs_required(desired, observed)


def _token_needs_required(desired: Desired, observed: Observed) -> list[LeftAlone]:
    cache = observed.cache
    if not desired.auth_token or max(RANK[cache["transit_encryption_mode"]], RANK[desired.transit_encryption_mode]) == RANK["required"]:
        return []
    advice = _obstacles_of(desired, cache)(
        "transit_encryption_mode", "required", f"{desired.name} does not require TLS, and AWS takes no token without",
        "add transit_encryption_mode: required (clients that speak plain text are then shut out)",
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
            f"{cache['id']} has changes that wait for its maintenance window{window} or for a reboot: {pending_words(pending)}. "
            "AWS makes those of the window at once, together with the first change of this run. "
            "Let them be made or take them back first, or allow it with apply_pending_modifications: true."
        ]
    return []
