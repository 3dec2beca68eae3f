# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs from what is declared, field by field: what a run does about it, since when, by whom, and whether it is accepted. Pure."""

from __future__ import annotations

import datetime
import difflib
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.objects import id_of, object_of

SECRET, OTHER_SECRET = words.SECRET, "another secret (masked)"
# By the kind of object: fields of which the first that differs is told, as a plan changes the others along with it.
TOLD_BY = {
    "cache": (
        ("transit_encryption_mode", "transit_encryption_enabled"),
        ("auth_token_enabled", "auth_token", "auth_token_update_strategy", "auth_token_last_modified_date", "tags"),
    ),
    "branch": (("live_environment", "build"),),
    "host": (("release", "unit", "socket"),),
}
OF_THE_TOKEN = TOLD_BY["cache"][1]
# Fields that are told only where nothing else of the object differs.
FOLLOWS = {"cache": ("pending_modifications", "endpoints", "snapshot_status"), "branch": ("live_environment", "build")}
# Fields that let more in where they differ.
GUARDS = ("transit_encryption_mode", "transit_encryption_enabled", "auth_token_enabled", "auth_token_update_strategy")
MEDIUM = ("host", "branch", "app", "security group", "cache")
# An object that is created field by field is one that is not there.
MADE_WHOLE = ("alarm",)
EXISTS = "exists"
LONGEST = 300
PUT_RIGHT = "this run put it right"


class Look(t.NamedTuple):
    """What a module answered in check mode."""

    stage: str
    host: t.Optional[str]  # None unless it is of an agent's host
    module: str
    result: t.Mapping[str, t.Any]


def found(looks: t.Iterable[Look]) -> list[dict[str, t.Any]]:
    """A record for each field that differs, without its history. Of a field that several tell the first counts."""
    records: dict[str, dict[str, t.Any]] = {}
    looks = list(looks)
    for look in looks:
        for one in [*_differences(look), *_left_alone(look, looks)]:
            records.setdefault(one["id"], one)
    return list(records.values())


def _differences(look: Look) -> t.Iterator[dict[str, t.Any]]:
    if look.module == "amplify_deployment" and options_of(look.result).get("environment_changes"):
        return  # the build of variables that differ themselves
    refusal = " ".join(words.lines_of(look.result.get("msg") or ""))
    unknown = OF_THE_TOKEN if hides_the_token(look) else ()
    for one in told(one for one in look.result.get("differences") or [] if one["field"].partition(".")[0] not in unknown):
        action = "a run removes it" if one["after"] is None else "a run puts it back" if _is_absent(one) else "a run sets it as declared"
        record = _record(look, one, one["lowers_security"], f"a run is refused: {refusal}" if refusal else action, not refusal)
        yield {**record, "since": (look.result.get("changed_at") or {}).get(one["field"])}
    if look.module == "limiter_agent" and look.result.get("kept_bearer_tokens"):
        # Preflight's look keeps them, as a deployment does until the app is built with the declared one.
        tokens = {"object": f"host {look.host}", "field": "bearer tokens beside the declared ones", "before": look.result["kept_bearer_tokens"], "after": None}
        yield _record(look, tokens, True, "a run removes them", True)


def hides_the_token(look: Look) -> bool:
    """Whether nothing tells if the cache's token is the declared one: AWS gives it no date, and the cache itself has not refused it."""
    plan: dict[str, t.Any] = {}
    for one in look.result.get("differences") or []:
        plan.setdefault(one["field"], one["before"])
    refused = "auth_token" in plan and (look.result.get("evidence") or {}).get("source") == "connection"
    return plan.get("auth_token_last_modified_date", "") is None and "auth_token_enabled" not in plan and not refused


def not_comparable(looks: t.Iterable[Look]) -> list[str]:
    """What a run cannot tell to differ or to be as declared, in sentences."""
    caches = {look.result["differences"][0]["object"]: None for look in looks if hides_the_token(look)}
    why = "AWS shows no date of its last change, so a deployment sets it anew each time."
    return [f"Not comparable: the token of the {words.clean(name)}. {why}" for name in caches]


def told(differences: t.Iterable[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What modules told in their plans and leave alone, without what a plan only changes along. Each says whether it lowers security."""
    by_object: dict[str, list[dict[str, t.Any]]] = {}
    for one in _merged(differences):
        by_object.setdefault(one["object"], []).append(one)
    kept = [one for name, some in by_object.items() for one in _heads(object_of(name)["kind"].lower(), some)]
    return [{**one, "lowers_security": bool(one.get("lowers_security", _lowers_security(one)))} for one in kept]


def _left_alone(look: Look, looks: t.Sequence[Look]) -> t.Iterator[dict[str, t.Any]]:
    put_back = {one["field"] for other in looks if other.module == look.module for one in other.result.get("differences") or []}
    for one in told(look.result.get("left_alone") or []):
        # A variable of the app stands in for that of a branch which is gone, until a run puts that one back.
        if not (look.module == "amplify_environment" and one["field"] in put_back):
            # The inventory has another name for that option.
            remedy = str(one.get("remedy") or "").replace("with purge_ports", "with purge_ingress in the inventory")
            yield _record(look, one, one["lowers_security"], words.clean(one.get("why") or "a run leaves it as it is"), False, remedy)


def missing_cache(name: t.Any) -> dict[str, t.Any]:
    """What is left alone where preflight has found no cache, so that no module was asked about it."""
    return {
        "object": f"cache {name}", "field": EXISTS, "before": False, "after": True, "secret": False, "why": "a run makes no cache",
        "remedy": "restore it from a snapshot under this name, or correct huntaze_cache.name",
    }


def _merged(differences: t.Iterable[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """One difference a field: a plan may take it over several values. What ends where it began is none."""
    merged: dict[tuple[t.Any, t.Any], dict[str, t.Any]] = {}
    for one in differences:
        first = merged.setdefault((one["object"], one["field"]), dict(one))
        first["after"] = one["after"]
    return [one for one in merged.values() if one["secret"] or one["before"] != one["after"]]


def _heads(kind: str, differences: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Of one object. One that is not there is one difference, not one for each of its fields."""
    if kind in MADE_WHOLE and all(one["before"] is None for one in differences):
        return [{**differences[0], "field": EXISTS, "before": False, "after": True, "secret": False}]
    heads = [one["field"].partition(".")[0] for one in differences]
    follows = set(FOLLOWS.get(kind, ()))
    silent = {field for row in TOLD_BY.get(kind, ()) for field in [field for field in row if field in heads][1:]} | (follows if set(heads) - follows else set())
    kept = []
    for one, head in zip(differences, heads):
        # The tags of an app hold notes of builds. An agent that runs names its unit, which differs itself.
        notes = kind == "app" and head == "tags"
        with_unit = kind == "host" and {"release", "unit", "socket"} & set(heads) and head == "service" and str(one["before"]).startswith("running")
        if not (head in silent or notes or with_unit):
            kept.append(one)
    return kept


def _lowers_security(one: t.Mapping[str, t.Any]) -> bool:
    kind = object_of(one["object"])["kind"].lower()
    return one["field"] in GUARDS or (kind == "security group" and one["before"] is not None and one["after"] is None)


def _severity(one: t.Mapping[str, t.Any], lowers: bool) -> str:
    kind = object_of(one["object"])["kind"].lower()
    medium = one.get("secret") or kind in MEDIUM and not one["field"].endswith("description") or one["field"] in (EXISTS, "actions_enabled")
    return "high" if lowers else "medium" if medium else "low"


def _is_absent(one: t.Mapping[str, t.Any]) -> bool:
    return one["before"] is None or (one["field"], one["before"]) == (EXISTS, False)


def _record(
    look: Look, one: t.Mapping[str, t.Any], lowers: bool, action: str, corrects: bool, remedy: t.Any = None,
) -> dict[str, t.Any]:
    thing = object_of(str(one["object"]))
    field = words.clean(one["field"])
    before, after = one.get("before"), one.get("after")
    if one["field"] == EXISTS:
        declared, seen = "there" if after else None, "there" if before else None
    elif one.get("secret"):
        declared, seen = (None if after is None else SECRET), (None if before is None else SECRET if after is None else OTHER_SECRET)
    else:
        declared, seen = _compared(*("a rule without a description" if value == "" and look.stage == "network" else text(value) for value in (after, before)))
    return {
        "id": id_of(thing, field), "object": thing, "field": field, "declared": declared, "found": seen, "state": "new",
        "secret": bool(one.get("secret")), "severity": _severity(one, lowers), "since": None, "by": None, "via": None, "accepted": None,
        "stage": look.stage, "host": look.host, "action": action, "remedy": words.clean(remedy) if remedy else None, "corrects": corrects,
        "candidates": [], "seen_between": None, "note": None,
    }


def text(value: t.Any) -> t.Optional[str]:
    """A value in words. None: not there."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, t.Mapping):
        return ", ".join(f"{name}: {text(member) or 'none'}" for name, member in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(text(member) or "none" for member in value) or "none"
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _compared(declared: t.Optional[str], seen: t.Optional[str]) -> tuple[t.Optional[str], t.Optional[str]]:
    """Both without control characters. Of long texts the lines in which they differ."""
    if declared and seen and max(len(declared), len(seen)) > LONGEST:
        lines = [line for line in difflib.ndiff(seen.splitlines(), declared.splitlines()) if line[2:].strip()]
        declared, seen = ("; ".join(line[2:].strip() for line in lines if line[0] == mark) or "the same without those lines" for mark in "+-")
    return _short(declared), _short(seen)


def _short(value: t.Optional[str]) -> t.Optional[str]:
    value = None if value is None else words.clean(value)
    return value if value is None or len(value) <= LONGEST else f"{value[:LONGEST].rstrip()}... ({words.plural(len(value), 'character')})"


def options_of(result: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """The options that the module was given."""
    return (result.get("invocation") or {}).get("module_args") or {}


# What other reports, AWS's history and the inventory tell of them


def compared(
    first: t.Sequence[dict[str, t.Any]], again: t.Optional[t.Sequence[dict[str, t.Any]]], previous: t.Optional[t.Mapping[str, t.Any]],
    looked_at: t.Collection[str], began: str,
) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """(records, unseen): with new, still and gone.

    first:     what this run found
    again:     what it found once it had corrected; None if it did not look again
    previous:  the report before
    looked_at: the stages that this run has looked at. Of others nothing is known: their records of before are `unseen`
    began:     when this run began, ISO 8601
    """
    now = {one["id"]: one for one in first}
    left = now if again is None else {one["id"]: one for one in again}
    before = {one["id"]: one for one in [*(previous or {}).get("drift", ()), *(previous or {}).get("unseen", ())] if one["state"] != "gone"}
    records = []
    for key, one in {**now, **left}.items():
        known = before.get(key)
        record = {**one, "state": "still" if known else "new", "seen_between": _between(known, previous, began), **_known_origin(known)}
        records.append(record if key in left else {**record, "state": "gone", "action": PUT_RIGHT})
    for key, known in before.items():
        if key not in now and key not in left and known.get("stage") in looked_at:
            records.append({**known, "state": "gone", "accepted": None, "action": "it is as declared again"})
    unseen = [known for key, known in before.items() if key not in now and key not in left and known.get("stage") not in looked_at]
    return records, unseen


def _between(known: t.Optional[t.Mapping[str, t.Any]], previous: t.Optional[t.Mapping[str, t.Any]], began: str) -> t.Optional[list[str]]:
    """Between which reports it came to differ; None if the first report of all shows it."""
    if known:
        return known.get("seen_between")
    return [previous["run"]["began"], began] if previous else None


def _known_origin(known: t.Optional[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    return {name: known[name] for name in ("since", "by", "via", "candidates", "note") if name in known} if known else {}


def with_origins(records: t.Sequence[dict[str, t.Any]], origins: t.Iterable[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """`records` with what change_history_info tells. What is not told now and was told before stays."""
    told = {id_of(object_of(str(one["object"])), str(one["field"])): one for one in origins}
    return [_with_origin(one, told[one["id"]]) if one["id"] in told and one["state"] != "gone" else one for one in records]


def _with_origin(record: dict[str, t.Any], origin: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    clean = {name: None if origin.get(name) is None else words.clean(origin[name]) for name in ("since", "by", "via", "note")}
    candidates = [{name: None if one.get(name) is None else words.clean(one[name]) for name in ("by", "at", "via")} for one in origin.get("candidates") or []]
    return {**record, **clean, "candidates": candidates}


def with_acceptances(
    records: t.Sequence[dict[str, t.Any]], accepted: t.Iterable[t.Mapping[str, t.Any]], today: datetime.date, whole: bool,
) -> tuple[list[dict[str, t.Any]], list[str]]:
    """(records, notes): what is accepted until a day that has not passed.

    whole: whether everything was looked at, so that an acceptance that matches nothing is of nothing
    """
    notes = []
    made = {one["id"]: dict(one) for one in records}
    for entry in accepted:
        name, until = f"{entry['object']}: {entry['field']}", day(entry["until"])
        matches = [one for one in made.values() if one["state"] != "gone" and _is_of(entry, one)]
        if not matches and whole:
            notes.append(f"Accepted in huntaze_drift.accepted, but as declared: {name}. Take the entry out.")
        elif matches and until < today:
            notes.append(f"Its acceptance has run out on {until.isoformat()}: {name} ({entry['reason']}).")
        elif matches:
            acceptance = {"reason": words.clean(entry["reason"]), "until": until.isoformat()}
            by = {"by": words.clean(entry["by"])} if entry.get("by") else {}
            for one in matches:
                one["accepted"] = {**acceptance, **by}
    return list(made.values()), [words.clean(note) for note in notes]


def _is_of(entry: t.Mapping[str, t.Any], record: t.Mapping[str, t.Any]) -> bool:
    thing = record["object"]
    fields = (record["field"], record["id"].partition("#")[2])
    return str(entry["object"]) in (thing["id"], f"{thing['kind']} {thing['name']}") and str(entry["field"]) in fields


def day(value: t.Any) -> datetime.date:
    """A date as YAML gives it: itself, or text. Raises ValueError."""
    if isinstance(value, datetime.datetime):
        return value.date()
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))


def active(records: t.Iterable[t.Mapping[str, t.Any]]) -> list[t.Mapping[str, t.Any]]:
    """Those that make a run end as drift."""
    return [one for one in records if one["state"] != "gone" and not one["accepted"]]


def outcome(made: t.Mapping[str, t.Any], correcting: str, correct: bool) -> tuple[str, t.Optional[str], t.Optional[str]]:
    """(sentence, effect, next) of a report whose run found drift. correcting: the command line that corrects; correct: it has corrected what it could."""
    differing = active(made["drift"])
    high, corrected = sum(one["severity"] == "high" for one in differing), sum(one["corrects"] for one in differing)
    still = " still" if correct else ""
    sentence = f"{words.plural(len(differing), f'field{still} differs', f'fields{still} differ')} from what is declared"
    if high:
        sentence += "; it lowers security" if high == len(differing) == 1 else f"; {words.plural(high, 'lowers', 'lower')} security"
    stay = next((one["remedy"] for one in differing if one["remedy"]), None)
    following = stay
    if corrected and not correct:
        number = "it" if corrected == len(differing) == 1 else "all of it" if corrected == len(differing) else f"{corrected:,} of {len(differing):,}"
        following = f"{correcting}   # corrects {number}"
    return sentence, effect(made), following


def effect(made: t.Mapping[str, t.Any]) -> str:
    """What it means for clients now, as far as it was verified."""
    failed = [one for one in made["checks"] if one["verdict"] == "failed"]
    proven = sum(one["verdict"] == "ok" for one in made["checks"])
    if failed:
        what = [f"{words.target(one['to'])} from {one['from']}" for one in failed[:3]] + ([f"{len(failed) - 3:,} more"] if len(failed) > 3 else [])
        return f"{words.plural(len(failed), 'check')} failed: {words.joined(what)}."
    return f"What was verified works: {words.plural(proven, 'check')} ok." if proven else "Nothing was verified."
