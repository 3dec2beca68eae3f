# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the legal steps that bring a cache to a TLS mode and a token, and says what each of them alters."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import cache as caches, evidence
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import NO_DATE, ROTATED, SET, TAG_KEY, Answer, Evidence, Tag, date_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import UNKNOWN, Change, Difference, Plan, plain

RANK = {None: 0, "preferred": 1, "required": 2}
# While AWS takes a snapshot nobody can change a token.
NOT_CHANGING = ("available", "snapshotting")
NOTES = {ROTATED: "the token is accepted", SET: "the token is the only one"}
# A pending modification that waits for a reboot, which no change of ours makes for certain.
REBOOT = "cache_parameter_group"
NOT_ASKED = "the live cache was not asked"
# The strategy that the token was last sent with, where the evidence tells.
STRATEGIES = {evidence.NEWEST: "ROTATE", evidence.ONLY: "SET"}
SECRET = ("auth_token", f"tags.{TAG_KEY}")


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

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Desired:
        """From the options of elasticache_auth. AWS keeps all IDs in lower case."""
        name, group, snapshot = (value and value.lower() for value in map(params.get, ("name", "replication_group_id", "snapshot_name")))
        same = ("transit_encryption_mode", "auth_token", "auth_token_update_strategy", "apply_pending_modifications")
        snapshot_name = (snapshot or f"{name}-before-{group}") if params["snapshot"] else None
        return cls(name, group, snapshot_name, **{option: params[option] for option in same})

    def wants_tls(self, cache: t.Mapping[str, t.Any]) -> bool:
        return RANK[cache["transit_encryption_mode"]] < RANK[self.transit_encryption_mode]


@dataclass(frozen=True)
class Observed:
    """A cache, and what is known beside AWS's description of it.

    group_taken:  the wanted replication group exists without this cluster
    snapshot:     its status, or "foreign"
    tag_unread:   why AWS does not show the tag, if it does not
    answer:       what the live cache says of the token
    unasked:      why there is no answer
    earned:       the note that AWS's answers to this very run have earned, written or not
    """

    cache: t.Mapping[str, t.Any]
    group_taken: bool = False
    snapshot: t.Optional[str] = None
    tag: t.Optional[Tag] = None
    tag_unread: t.Optional[str] = None
    answer: t.Optional[Answer] = None
    unasked: str = NOT_ASKED
    earned: t.Optional[Tag] = None

    @property
    def settled(self) -> bool:
        """Whether the cache can be changed now. Changes put off to the maintenance window do not stand in the way."""
        return self.cache["status"] == "available" and self.snapshot != "creating"

    @property
    def quiet(self) -> bool:
        """Whether the description holds for the token although the cache may be busy: nobody is changing it."""
        return self.cache["status"] in NOT_CHANGING and not self.cache["auth_token_status"]

    @property
    def state(self) -> str:
        """What AWS says of a cache that is not ready, in words."""
        cache = self.cache
        if not cache["status"]:
            return "AWS shows no status of it"
        return f"it has the status {cache['status']}" + (f" and its token is {cache['auth_token_status']}" if cache["auth_token_status"] else "")


# What is there


def observe(client: t.Any, desired: Desired, promoting: bool = False) -> Observed:
    """The cache as AWS shows it, with the tag or the snapshot where they matter.

    promoting: this run has asked for the group, so that one without members is the one that is being made
    """
    group = desired.replication_group_id
    cache = caches.find(client, desired.name, group)
    if cache["kind"] == "cache_cluster" and group:
        return Observed(cache, not promoting and caches.group_exists(client, group), _snapshot_status(client, desired.snapshot_name, cache))
    if cache["kind"] == "replication_group" and desired.auth_token:
        return _with_tag(client, Observed(cache))
    return Observed(cache)


def _snapshot_status(client: t.Any, name: str | None, cache: t.Mapping[str, t.Any]) -> str | None:
    found = caches.find_snapshot(client, name) if name else None
    if not found:
        return None
    created = found.get("CacheClusterCreateTime")
    same = found.get("CacheClusterId") == cache["id"] and created and created.isoformat() == cache["create_time"]
    return found.get("SnapshotStatus") or "unknown" if same else "foreign"


def _with_tag(client: t.Any, observed: Observed) -> Observed:
    cache = observed.cache
    if not cache["arn"]:
        return replace(observed, tag_unread="AWS shows no ARN of the cache, so that its tags cannot be read")
    tags = caches.tags(client, cache) if observed.quiet or cache["status"] == "available" else None
    if tags is not None:
        return replace(observed, tag=evidence.read_tag(tags.get(TAG_KEY)))
    if cache["status"] == "available":
        # AWS lists no tags of a busy cache, so it is one, whatever its description said a moment ago.
        cache = dict(cache, status="modifying")
    unread = f"the cache has the status {cache['status']}, in which AWS lists no tags that could be relied on: what they prove is told once it is available"
    return replace(observed, cache=cache, tag_unread=unread)


def judge(desired: Desired, observed: Observed) -> Evidence:
    return evidence.judge(
        observed.cache, observed.tag, desired.fingerprint, observed.answer, observed.unasked, observed.earned, observed.tag_unread
    )


def object_of(desired: Desired, cache: t.Mapping[str, t.Any]) -> str:
    """By the group's name from the start, so that a report knows the cache again after its promotion."""
    return f"cache {cache['replication_group_id'] or desired.replication_group_id or cache['id'] or desired.name}"


def facts(desired: Desired, observed: Observed) -> dict[tuple[str, str], t.Any]:
    """What is there, by object and field: what differences are drawn from."""
    cache = observed.cache
    fields = {key: cache[key] for key in ("replication_group_id", "transit_encryption_enabled", "transit_encryption_mode")}
    for name in ("primary", "reader", "configuration"):
        fields[f"endpoints.{name}.address"] = (cache["endpoints"][name] or {}).get("address")
    for key, value in cache["pending_modifications"].items():
        fields[f"pending_modifications.{key}"] = value
    if desired.auth_token:
        standing = judge(desired, observed).standing
        fields.update({key: cache[key] for key in ("auth_token_enabled", "auth_token_last_modified_date")})
        fields[f"tags.{TAG_KEY}"] = observed.tag and (UNKNOWN if observed.tag.date is UNKNOWN else str(observed.tag))
        if cache["auth_token_enabled"] or standing != evidence.UNPROVEN:
            # AWS never shows a token, so one that is not proven to be there has no value to tell.
            token = evidence.UNPROVEN if standing == evidence.UNPROVEN else desired.auth_token
            fields.update(auth_token=token, auth_token_update_strategy=STRATEGIES.get(standing))
    name = object_of(desired, cache)
    there = {(name, key): value for key, value in fields.items()}
    return {**there, (f"snapshot {desired.snapshot_name}", "snapshot_status"): observed.snapshot} if observed.snapshot else there


def _differences(desired: Desired, before: Observed, after: Observed) -> tuple[Difference, ...]:
    was, will = facts(desired, before), facts(desired, after)
    return tuple(Difference(*key, was.get(key), will.get(key), key[1] in SECRET) for key in {**was, **will} if was.get(key) != will.get(key))


def known(desired: Desired, change: Change, seen: Observed) -> Change:
    """`change` with what only a real run could know, now that AWS shows it: what turns out to be as before is no difference."""
    there = facts(desired, seen)
    differences = [one._replace(after=there.get(one[:2])) if one.after is UNKNOWN else one for one in change.differences]
    return replace(change, differences=tuple(one for one in differences if one.before != one.after))


def shown(observed: Observed) -> dict[str, t.Any]:
    """The cache as a module returns it, with words for what only a run can know."""
    return plain(observed.cache)


# The plan


def plan(desired: Desired, observed: Observed) -> Plan:
    """All steps to the desired point."""
    return Plan(tuple(change for change, dummy in path(desired, observed)))


def path(desired: Desired, observed: Observed) -> list[tuple[Change, Observed]]:
    """All steps to the desired point, each with what is expected to be there after it."""
    steps = []
    change = next_change(desired, observed)
    while change:
        observed = predict(desired, observed, change)
        steps.append((change, observed))
        change = next_change(desired, observed)
    return steps


def next_change(desired: Desired, observed: Observed) -> Change | None:
    """The one legal step that comes next, or None at the desired point."""
    cache = observed.cache
    if cache["kind"] == "cache_cluster":
        change = _promotion(desired, observed) if desired.replication_group_id else None
    elif desired.wants_tls(cache):
        change = _transit_encryption(cache["id"], "required" if cache["transit_encryption_mode"] else "preferred")
    else:
        change = _token_change(desired, observed) if desired.auth_token else None
    if not change:
        return None
    put_off = {key: value for key, value in cache["pending_modifications"].items() if key != REBOOT}
    also = f"; this also makes what was put off: {pending_words(put_off)}" if put_off and change.operation == "modify_replication_group" else ""
    return replace(change, differences=_differences(desired, observed, predict(desired, observed, change)), summary=change.summary + also)


def pending_words(pending: t.Mapping[str, t.Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(pending.items()))


def _promotion(desired: Desired, observed: Observed) -> Change:
    name, group = desired.name, desired.replication_group_id
    if desired.snapshot_name and observed.snapshot is None:
        return Change(
            "create_snapshot",
            {"CacheClusterId": name, "SnapshotName": desired.snapshot_name},
            summary=f"Take the snapshot {desired.snapshot_name} of the cache cluster {name}",
        )
    return Change(
        "create_replication_group",
        {"ReplicationGroupId": group, "ReplicationGroupDescription": f"Promoted from the cache cluster {name}", "PrimaryClusterId": name},
        summary=f"Promote the cache cluster {name} to the replication group {group}",
    )


def _transit_encryption(group: str, mode: str) -> Change:
    return _modify(
        group,
        "require TLS and refuse plain text" if mode == "required" else "offer TLS beside plain text",
        # AWS refuses a mode that comes without the switch itself.
        TransitEncryptionEnabled=True,
        TransitEncryptionMode=mode,
    )


def _token_change(desired: Desired, observed: Observed) -> Change | None:
    """What cannot be proven is made so: ROTATE, then SET. Only AWS's answers and the note of such an answer prove."""
    group, rotate = observed.cache["id"], desired.auth_token_update_strategy == "ROTATE"
    standing = judge(desired, observed).standing
    if standing == evidence.UNPROVEN or (standing == evidence.ACCEPTED and not rotate):
        return _token(group, desired.auth_token, "ROTATE", "accept the token beside what was accepted before (AUTH, ROTATE)")
    if standing == evidence.NEWEST and not rotate:
        return _token(group, desired.auth_token, "SET", "accept only the token (AUTH, SET)")
    return _note(observed)


def _note(observed: Observed) -> Change | None:
    """The note that is earned, unless it is there or would prove nothing."""
    note, cache = observed.earned, observed.cache
    if not note or note == observed.tag or NO_DATE in (note.date, date_of(cache)) or not cache["arn"]:
        return None
    parameters = {"ResourceName": cache["arn"], "Tags": [{"Key": TAG_KEY, "Value": str(note)}]}
    return Change("add_tags_to_resource", parameters, summary=f"Replication group {cache['id']}: note in the tag {TAG_KEY} that {NOTES[note.phase]}")


def _token(group: str, token: str, strategy: str, words: str) -> Change:
    return _modify(group, words, AuthToken=token, AuthTokenUpdateStrategy=strategy)


def _modify(group: str, words: str, **parameters: t.Any) -> Change:
    parameters = {"ReplicationGroupId": group, "ApplyImmediately": True, **parameters}
    return Change("modify_replication_group", parameters, summary=f"Replication group {group}: {words}")


def strategy_of(change: Change) -> str | None:
    return change.parameters.get("AuthTokenUpdateStrategy")


# What AWS does


def predict(desired: Desired, observed: Observed, change: Change) -> Observed:
    """What AWS shows once `change` is done; only a real run knows the addresses and dates."""
    parameters, cache = change.parameters, observed.cache
    if change.operation == "create_snapshot":
        return replace(observed, snapshot="available")
    if change.operation == "add_tags_to_resource":
        return replace(observed, tag=observed.earned, answer=None)
    if change.operation == "create_replication_group":
        group = parameters["ReplicationGroupId"]
        later = dict.fromkeys(("arn", "create_time"), UNKNOWN)
        promoted = {"kind": "replication_group", "id": group, "replication_group_id": group, "endpoints": _moved(cache, "primary", "reader"), **later}
        return replace(observed, cache={**cache, **promoted})
    altered: dict[str, t.Any] = {"pending_modifications": {key: value for key, value in cache["pending_modifications"].items() if key == REBOOT}}
    if strategy_of(change):
        altered.update(auth_token_enabled=True, auth_token_last_modified_date=UNKNOWN)
        return earning(desired, replace(observed, cache={**cache, **altered}), change)
    altered.update(transit_encryption_enabled=True, transit_encryption_mode=parameters["TransitEncryptionMode"], endpoints=_moved(cache))
    return replace(observed, cache={**cache, **altered}, answer=None)


def _moved(cache: t.Mapping[str, t.Any], *appearing: str) -> dict[str, t.Any]:
    """The endpoints of `cache` and those `appearing`, at addresses to come."""
    place = {"address": UNKNOWN, "port": cache["port"]}
    moved = {key: place if key in appearing or cache["endpoints"][key] else None for key in ("primary", "reader", "configuration")}
    return {**moved, "nodes": [place for dummy in cache["endpoints"]["nodes"]]}


def earning(desired: Desired, observed: Observed, change: Change) -> Observed:
    """`observed` once AWS has reported that `change` of the token is made, or was before."""
    return replace(observed, earned=Tag(ROTATED if strategy_of(change) == "ROTATE" else SET, desired.fingerprint, date_of(observed.cache)), answer=None)


def without_evidence(observed: Observed) -> Observed:
    """`observed` once AWS has contradicted all that spoke for the token."""
    return replace(observed, tag=None, answer=None, earned=None)


def shows(before: Observed, predicted: Observed, seen: Observed) -> bool:
    """Whether AWS shows the change that was to lead from `before` to `predicted`: answers can be older than a change."""
    for key in ("kind", "transit_encryption_mode", "auth_token_last_modified_date"):
        if predicted.cache[key] != before.cache[key]:
            if predicted.cache[key] is not UNKNOWN:
                return seen.cache[key] == predicted.cache[key]
            # Where AWS gives no date of a token at all there is none to wait for.
            return seen.cache[key] != before.cache[key] or (seen.cache["auth_token_enabled"] and not seen.cache[key])
    return seen.tag == predicted.tag if predicted.tag != before.tag else seen.snapshot == predicted.snapshot
