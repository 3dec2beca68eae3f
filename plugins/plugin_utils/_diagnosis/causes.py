# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what clients saw and what AWS says to causes: the `causes` of a report. Pure.

A look's class of error leaves a set of situations. Each is held against the facts. One that is proven with all others excluded is certain; proven beside
one that nobody could look at it is likely. Where nothing is proven, what is open is possible, each with the command that tells. Where all is excluded,
what nobody sees from outside is possible, and what was ruled out is told.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import masked
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.looks import CONTROLLER
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import SCHEMA, Key
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis import judges, logs, paths
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.facts import Facts, Look
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.judges import Case, Finding, State
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.situations import COMMAND, OF_A_KIND, Situation
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words as report_words

CERTAIN, LIKELY, POSSIBLE = "certain", "likely", "possible"
CONFIDENCES = (CERTAIN, LIKELY, POSSIBLE)
MOST_EVIDENCE = 3
# Who asks another address than the service's has not met the network on the way to it.
ELSEWHERE = (Situation.SERVICE_GONE, Situation.ENDPOINT_GONE, Situation.ENDPOINT_UNKNOWN, Situation.DNS_OUTSIDE, Situation.DNS_STALE,
             Situation.CALLER_IS_AMPLIFY)

Mapping = t.Mapping[str, t.Any]


class Explanation(t.NamedTuple):
    """One situation behind one look."""

    case: Case
    finding: Finding
    confidence: str
    hops: t.Sequence[Mapping]
    ruled_out: t.Sequence[str]

    @property
    def key(self) -> tuple:
        """Explanations of one key are one cause, seen from several places."""
        return self.case.look.kind, self.case.look.place, self.finding.situation, self.finding.words.get("component")


def diagnose(
    seen_from: t.Sequence[Mapping], checks: t.Optional[t.Sequence[Mapping]], estate: t.Optional[Mapping], cache: t.Optional[Mapping],
    declared: t.Optional[Mapping],
) -> list[dict[str, t.Any]]:
    """The causes of what failed, the surest first.

    seen_from: a mapping of vantage, inside and seen (the result of `reachability`) for each vantage point
    checks:    the verdicts; a look whose check has not failed is not explained. None: every look that met trouble is
    estate:    what estate_info returns; cache: the `cache` of elasticache_info; declared: the inventory's mappings
    """
    facts = Facts(estate, cache, declared)
    failed = None if checks is None else {check["id"] for check in checks if check.get("verdict") == "failed"}
    found: dict[tuple, list[Explanation]] = {}
    for look in [*looks(seen_from), *filter(None, [logs.look(facts)])]:
        if (failed is None and not look.result.get("error")) or (failed is not None and check_of(look) not in failed):
            continue
        for explanation in explained(Case(look, facts, facts.service(look))):
            found.setdefault(explanation.key, []).append(explanation)
    told = sorted(map(_cause, found.values()), key=lambda cause: (CONFIDENCES.index(cause["confidence"]), -len(cause["checks"])))
    return [_without(cause, secrets_of(declared or {})) for cause in _briefly(told)]


def _briefly(causes: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Each id once, and what several causes of one failure have in common only with the first."""
    ids: dict[str, int] = {}
    told: dict[tuple, dict[str, t.Any]] = {}
    for cause in causes:
        ids[cause["id"]] = ids.get(cause["id"], 0) + 1
        if ids[cause["id"]] > 1:
            cause["id"] += f"/{ids[cause['id']]}"
        first = told.setdefault(tuple(cause["checks"]), cause)
        if first is not cause:
            cause["client_saw"] = "the same"
            cause["ruled_out"] = [line for line in cause["ruled_out"] if line not in first["ruled_out"]]
            cause["evidence"] = [one for one in cause["evidence"] if one not in first["evidence"]]
            cause["path"] = [] if cause["path"] == first["path"] else cause["path"]
    return list(causes)


def looks(seen_from: t.Sequence[Mapping]) -> list[Look]:
    made = []
    for place in seen_from:
        seen = place.get("seen") or {}
        results = seen.get("results") or []
        # A name that is not resolved leaves no packet; where the others leave from tells where this host stands.
        origin = next((result["from_address"] for result in results if result.get("from_address")), None)
        made += [
            Look(str(place.get("vantage") or "somewhere"), place.get("inside") is not False, {**result, "from_address": result.get("from_address") or origin},
                 tuple(seen.get("local_ports") or ()))
            for result in results
        ]
    return [look._replace(others=tuple(_reached(other) for other in made if _is_answered(other, look))) for look in made]


def _is_answered(other: Look, look: Look) -> bool:
    return other.vantage != look.vantage and other.inside and bool(other.result.get("reachable")) and other.place == look.place and other.to == look.to


def _reached(look: Look) -> str:
    latency = (look.result.get("latency_ms") or {}).get("median")
    return f"{look.vantage} reaches {report_words.target(look.to)}" + (f" in {report_words.latency(latency)}" if latency else "")


def check_of(look: Look) -> str:
    return f"{report_words.slug(look.vantage)}>{'/'.join(report_words.slug(part) for part in look.to.split('/'))}"


def explained(case: Case) -> list[Explanation]:
    row = judges.row(case.look)
    if row is None:
        return []
    findings: list[Finding] = []
    for judge in row.judges:
        answer = judge(case)
        findings += answer if isinstance(answer, list) else [answer]
    path = paths.Path(())
    if any(one.state is State.PROVEN and one.situation is Situation.CALLER_IS_AMPLIFY for one in findings):
        findings = [one for one in findings if one.state is not State.OPEN]  # where no way leads in, nothing else decides
    if row.path and not any(one.state is State.PROVEN and one.situation in ELSEWHERE for one in findings):
        path = paths.judged(case)
        findings = [*path.findings, *findings]
    proven = [one for one in findings if one.state is State.PROVEN]
    left = [one for one in findings if one.state is State.OPEN]
    ruled_out = list(dict.fromkeys(one.says for one in findings if one.state is State.EXCLUDED and one.says))
    if not proven and not left:
        excluded = {one.situation for one in findings}
        left = [Finding(situation, State.OPEN, "AWS's description lets it through." if path.hops else "Nothing that explains it.") for situation in row.suspects
                if situation not in excluded]
    sure = [Explanation(case, one, LIKELY if left else CERTAIN, path.hops, ruled_out) for one in proven]
    # The only one that is left, with something to show, is more than a guess.
    unsure = LIKELY if not proven and len(left) == 1 and left[0].evidence else POSSIBLE
    return sure + [Explanation(case, one, unsure, path.hops, ruled_out) for one in left]


# The record

def _cause(explanations: t.Sequence[Explanation]) -> dict[str, t.Any]:
    first = min(explanations, key=lambda one: CONFIDENCES.index(one.confidence))
    case, finding = first.case, first.finding
    situation, proven = finding.situation, finding.state is State.PROVEN
    words = words_of(explanations, first)
    title = situation.words.title.format_map(words)
    if not proven and not finding.evidence:
        title = re.sub("^its? ", lambda found: words["target"] + ("'s " if found[0] == "its " else " "), situation.words.short)
    return {
        "id": f"{check_of(explanations[0].case.look)}:{situation}",
        "situation": str(situation),
        "target": case.look.to,
        "checks": list(dict.fromkeys(check_of(one.case.look) for one in explanations)),
        "confidence": first.confidence,
        "title": report_words.clean(title),
        "path": _path(first, words["vantages"]),
        "client_saw": _client_saw(explanations),
        "aws_says": report_words.clean(finding.says or judges.unknown(case, situation)),
        "evidence": [dict(one, text=report_words.clean(one["text"])) for one in (finding.evidence or [case.saw()])[:MOST_EVIDENCE]],
        "ruled_out": [report_words.clean(line) for line in first.ruled_out],
        "remedy": _remedy(finding, words),
    }


class _Words(dict):
    """What nobody knows stands as its name in capitals, for the reader to fill in."""

    def __missing__(self, key: str) -> str:
        return key.upper()


def words_of(explanations: t.Sequence[Explanation], first: Explanation) -> _Words:
    """The fields that the words of a situation may hold."""
    case = first.case
    look, service, facts = case.look, case.service, case.facts
    vantages = list(dict.fromkeys(one.case.look.vantage for one in explanations))
    host, port = look.place
    interface = facts.interface(str(look.result.get("from_address") or ""))
    raw, database = service.raw or {}, facts.declared.get("huntaze_database") or {}
    known = {
        "vantages": vantages, "vantage": report_words.joined(vantages), "first": vantages[0], "target": service.label, "object": service.object,
        "name": service.name, "host": host, "port": port, "endpoint": next((place[0] for place in service.places or ()), None), "status": service.status,
        "address": next(iter(look.addresses), None), "from_address": look.result.get("from_address"), "vpc": service.vpc,
        "groups": ",".join(service.groups) if service.groups else None, "from_vpc": (interface or {}).get("vpc_id"),
        "from_group": next((group.get("group_id") for group in (interface or {}).get("groups") or []), None),
        "local_ports": "{}-{}".format(*(look.local_ports or paths.EPHEMERAL)), "words": look.words, "arn": (facts.cache or {}).get("arn"),
        "user": database.get("user"), "database": database.get("name"),
        "first_database": f"; the instance was made with {raw['db_name']}" if raw.get("db_name") else "",
        "ca": "", "since": "", "limit": "", **first.finding.words,
    }
    words = _Words({name: value for name, value in known.items() if value is not None})
    kind = "agent" if look.to.startswith("agent/") else look.kind
    own = {**OF_A_KIND.get(kind, OF_A_KIND["else"]), **(OF_A_KIND["cluster"] if service.object.startswith("cache cluster") else {})}
    words.update({name: text.format_map(words) for name, text in own.items()})
    return words


def _remedy(finding: Finding, words: _Words) -> dict[str, str]:
    situation = finding.situation.words
    given = finding.words.get("remedy")
    if isinstance(given, t.Mapping):
        return dict(given)
    if finding.state is State.PROVEN or finding.evidence:
        if given:
            return {"kind": COMMAND, "text": str(given)}
        kind, text, does = situation.kind, situation.remedy, situation.does
    else:
        kind, text, does = COMMAND, situation.tell, situation.tells
    # The run itself is on the controller, which has no such name for ssh.
    return {"kind": kind, "text": re.sub(f"^ssh {CONTROLLER} ", "", text.format_map(words)), "does": does.format_map(words)}


def _path(explanation: Explanation, vantages: t.Sequence[str]) -> list[dict[str, str]]:
    case = explanation.case
    begin = {"hop": ", ".join(vantages), "verdict": "from"}
    end = {"hop": case.service.label, "verdict": case.service.status or ("reached" if case.look.result.get("port_open") else "not reached")}
    between = list(explanation.hops) or ([{"hop": "network", "verdict": "ok"}] if case.look.result.get("port_open") else [])
    return [begin, *map(dict, between), end]


def _client_saw(explanations: t.Sequence[Explanation]) -> str:
    look = explanations[0].case.look
    said, seconds = look.words.split(" (all looks together")[0].rstrip("."), look.result.get("seconds")
    if look.cause in (Cause.TIMEOUT, Cause.NO_ANSWER) and seconds:
        said += f" in {seconds:.1f} s"
    origins = list(dict.fromkeys(str(one.case.look.result["from_address"]) for one in explanations if one.case.look.result.get("from_address")))
    host, port = look.place
    place = next(iter(look.addresses), host)
    way = f"to {place}:{port}" if ":" not in place else f"to [{place}]:{port}"
    return report_words.clean(f"{said}, {'from ' + report_words.joined(origins) + ' ' if origins else ''}{way}")


# Secrets

def secrets_of(declared: Mapping) -> list[str]:
    """Every value of the inventory that the schema calls secret, of four characters or more: a shorter one would be found in every other word."""
    found: list[str] = []
    for name, subject in SCHEMA.items():
        found += _secret_values(declared.get(name), subject.keys)
    return [value for value in found if len(value) >= 4]


def _secret_values(given: t.Any, keys: t.Mapping[str, Key]) -> t.Iterator[str]:
    for name, key in keys.items():
        value = given.get(name) if isinstance(given, t.Mapping) else None
        if key.secret:
            yield from _texts(value)
        elif key.keys:
            yield from _secret_values(value, key.keys)


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, t.Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)


def _without(told: t.Any, hidden: t.Sequence[str]) -> t.Any:
    if isinstance(told, str):
        return masked(told, hidden)
    if isinstance(told, dict):
        return {key: _without(value, hidden) for key, value in told.items()}
    return [_without(value, hidden) for value in told] if isinstance(told, list) else told
