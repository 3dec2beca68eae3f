# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen from the vantage points, judged: the checks of a report. Pure."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words

OK = "ok"
FAILED = "failed"
SKIPPED = "skipped"
NOT_VERIFIED = "not_verified"
# How a look at something that must not work ends. Plain text that is met by silence or a cut is refused as well as by words, from where TLS gets through.
PLAIN_TEXT_REFUSED = (Cause.TLS_REQUIRED, Cause.NO_ANSWER, Cause.RESET)
# A deleted endpoint's name no longer resolves, and an address that is left over refuses or drops. For as long as the name lives on, it leads to
# the cache that requires TLS now.
GONE = (Cause.NAME_RESOLUTION, Cause.REFUSED, Cause.TIMEOUT) + PLAIN_TEXT_REFUSED
# What proves something only from where the cache is reached: otherwise the resolver, the network or the cache may be at fault.
PROVES_FROM_INSIDE = (Cause.NAME_RESOLUTION, Cause.TIMEOUT, Cause.NO_ANSWER, Cause.RESET)
# Where the inventory has what a failed look was made with.
CACHE_VARIABLES = {
    Cause.CERTIFICATE: "huntaze_cache.tls_ca_file", Cause.NOAUTH: "huntaze_cache.auth_token", Cause.WRONGPASS: "huntaze_cache.auth_token",
    Cause.TLS_NOT_OFFERED: "huntaze_cache.name",
}
DATABASE_VARIABLES = {
    Cause.CERTIFICATE: "huntaze_database.tls_ca_file", Cause.NOAUTH: "huntaze_database.password",
    Cause.WRONGPASS: "huntaze_database.user and .password", Cause.NO_DATABASE: "huntaze_database.name", Cause.NOPERM: "huntaze_database.user",
    Cause.NAME_RESOLUTION: "huntaze_database.endpoint", Cause.REFUSED: "huntaze_database.port",
}


Result = t.Mapping[str, t.Any]
Judgement = tuple[str, str]  # verdict, reason


def seen_by(host: t.Mapping[str, t.Any], database: bool) -> dict[str, t.Any]:
    """What one vantage point saw, from its host's variables: those that the play of verify.yml registers."""
    return {
        "vantage": host.get("inventory_hostname") or "somewhere",
        "inside": ((host.get("huntaze_vantage") or {}).get("expect") or "reachable") == "reachable",
        "tls": host.get("huntaze_seen_tls") or {},
        "plain": host.get("huntaze_seen_plain") or {},
        "former": (host.get("huntaze_seen_former") or {}).get("results") or [],
        "database": (host.get("huntaze_seen_database") or {}) if database else None,
    }


def seen_nothing(result: t.Optional[Result]) -> t.Optional[Judgement]:
    """The judgement where a look was not made; None where it was."""
    if not result:
        return NOT_VERIFIED, "nobody looked"
    if result.get("skipped"):
        # The modules skip in check mode and keep all their keys; a task that a condition left out has none of them.
        return (SKIPPED, result.get("skip_reason", "check mode")) if "reachable" in result else (NOT_VERIFIED, "nobody looked")
    # failed_when: false hides the failure of a module that could not start, but not that it saw nothing.
    if result.get("unreachable") or result.get("failed") or result.get("reachable") is None:
        return NOT_VERIFIED, f"could not look: {result.get('msg', 'no reason given')}"
    return None


def gets_through(result: t.Optional[Result]) -> bool:
    """Whether a look has reached the server itself."""
    return bool(result) and not seen_nothing(result) and bool(result.get("reachable") or result.get("port_open"))


def judge(result: t.Optional[Result], variables: t.Optional[t.Mapping[str, str]] = None) -> Judgement:
    """One look that must work. variables: where the inventory has what it was made with, by class of error."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    works = result.get("reachable") and result.get("authenticated") and result.get("authentication_enforced")
    reason = result.get("reason") or (result.get("error") or {}).get("message") or "no reason given"
    variable = (variables or {}).get(Cause.met_in(result))
    return (OK, reason) if works else (FAILED, f"{reason} In the inventory this is {variable}." if variable else reason)


def judge_refusal(result: t.Optional[Result], expected: t.Sequence[str], inside: bool) -> Judgement:
    """One look that must end in a class of `expected`. inside: whether the cache is known to be reached."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    name = Cause.met_in(result)
    # Advice on how to get through is no use where nobody is to get through.
    message = (result.get("error") or {}).get("message") or "no reason given"
    if name not in expected:
        return FAILED, result.get("reason") or message
    if name in PROVES_FROM_INSIDE and not inside:
        return NOT_VERIFIED, f"{message}, but nobody has got through from inside, so the cache or the network may be at fault"
    return OK, message


def judge_stranger(result: t.Optional[Result], inside: bool) -> Judgement:
    """A look from where packets must be dropped."""
    if not seen_nothing(result) and Cause.met_in(result) in (Cause.NAME_RESOLUTION, Cause.NO_ROUTE):
        return NOT_VERIFIED, f"{(result.get('error') or {}).get('message') or 'no reason given'}, so the cache's security group was not asked"
    return judge_refusal(result, (Cause.TIMEOUT,), inside)


def judge_decision(result: Result) -> Judgement:
    """One request for a decision."""
    if result.get("skipped"):
        return SKIPPED, "check mode asks for no decision"
    answer = result["json"] if isinstance(result.get("json"), dict) else {}
    status = result.get("status")
    limits = answer.get("limits")
    if status in (200, 429) and isinstance(limits, list):
        left = [
            f"{limit['remaining']} of {limit['limit']} left this {limit['name']}"
            for limit in limits if isinstance(limit, dict) and {"remaining", "limit", "name"} <= set(limit)
        ]
        said = ", ".join(["allowed" if status == 200 else "over the limit"] + left)
        return (OK, said) if answer.get("exact") else (FAILED, f"{said}, but decided without Redis: look at the agent's /readyz")
    if status == 401:
        return FAILED, "it does not know the first of huntaze_limiter.bearer_tokens: run the stage agent"
    return FAILED, answer.get("detail") or f"no decision: {result.get('msg') or 'no reason given'}"


def judge_metrics(result: Result) -> Judgement:
    """The look for what the agents publish."""
    if result.get("skipped"):
        return SKIPPED, "check mode waits for no metric"
    if result.get("msg"):  # failed_when: false hides the failure
        return FAILED, result["msg"]
    if "missing" not in result:  # a module that could not start has no result
        return FAILED, "CloudWatch could not be asked, and the look gave no reason: run again with -vvv"
    if result["missing"]:
        return FAILED, f"no datapoint of {', '.join(result['missing'])} since {result.get('since')}, and it was not waited for"
    return OK, ", ".join(metric.get("metric_name", "?") for metric in result.get("metrics") or [])


def place_of(endpoint: Result) -> str:
    """address:port, or what is known of it."""
    return ":".join(str(part) for part in (endpoint.get("address"), endpoint.get("port")) if part) or "(AWS shows no endpoint)"


def agent_at(url: str) -> str:
    """The host of an agent's URL, or what stands in its place."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def check(origin: str, to: str, judgement: Judgement, result: t.Optional[Result] = None, expected: str = "reached") -> dict[str, t.Any]:
    """One member of a report's `checks`, and all of it in one line."""
    verdict, reason = judgement
    seen = result if verdict in (OK, FAILED) and result else {}
    enforced = seen.get("authentication_enforced")
    return {
        "id": f"{words.slug(origin)}>{'/'.join(words.slug(part) for part in to.split('/'))}",
        "from": words.clean(origin),
        "to": words.clean(to),
        "expected": expected,
        "verdict": verdict,
        "latency_ms": (seen.get("latency_ms") or {}).get("median"),
        "tls": (seen.get("tls_version") or "").replace("TLSv", "") or None,
        "authentication": {True: "enforced", False: "not enforced"}.get(enforced),
        "says": words.clean(reason),
        "line": f"{words.VERDICTS[verdict]}: {SUBJECTS[expected].format(words.target(words.clean(to)))}, from {words.clean(origin)}: {words.clean(reason)}",
    }


SUBJECTS = {"reached": "{}", "refused": "{} is refused", "kept out": "{} lets no stranger in", "gone": "{} is gone"}


def checks_from(seen: t.Mapping[str, t.Any], anybody_inside: bool) -> t.Iterator[dict[str, t.Any]]:
    """What was seen from one vantage point."""
    origin, tls = seen.get("vantage", "somewhere"), seen.get("tls")
    if not seen.get("inside"):
        yield check(origin, "redis", judge_stranger(tls, anybody_inside), tls, "kept out")
        return
    inside = gets_through(tls)
    yield check(origin, "redis", judge(tls, CACHE_VARIABLES), tls)
    yield check(origin, "redis/plain-text", judge_refusal(seen.get("plain"), PLAIN_TEXT_REFUSED, inside), expected="refused")
    for result in seen.get("former") or []:
        yield check(origin, f"redis/former/{place_of(result.get('item') or {})}", judge_refusal(result, GONE, inside), expected="gone")
    if seen.get("database") is not None:
        yield check(origin, "postgresql", judge(seen["database"], DATABASE_VARIABLES), seen["database"])


def checks(
    seen_from: t.Sequence[t.Mapping[str, t.Any]], cache: Result, database: bool = False, limiter: t.Optional[Result] = None,
) -> list[dict[str, t.Any]]:
    """Every judgement.

    seen_from: one mapping of `seen_by` a vantage point
    cache:     the `cache` of elasticache_info
    database:  whether there is one to look at, for the case that nobody looked
    limiter:   `decisions` (of limiter_decisions) and `metrics` (of cloudwatch_metric_info); None without agents
    """
    mode, auth = cache.get("transit_encryption_mode"), cache.get("auth_token_enabled")
    declared = f"transit encryption is {mode or 'off'}, AUTH is {'on' if auth else 'off'}"
    unmade = seen_from and all((seen_nothing(seen.get("tls")) or [None])[0] == SKIPPED for seen in seen_from)
    judged = [check("controller", "cache", (SKIPPED if unmade else OK if mode == "required" and auth else FAILED, declared))]
    anybody_inside = any(seen.get("inside") and gets_through(seen.get("tls")) for seen in seen_from)
    for seen in seen_from:
        judged += checks_from(seen, anybody_inside)
    if not seen_from:
        nobody = (NOT_VERIFIED, "the inventory's group huntaze_vantage_points has no host")
        judged += [check("anywhere", to, nobody) for to in ["redis"] + (["postgresql"] if database else [])]
    if limiter:
        decisions = limiter.get("decisions") or []
        judged += [check("controller", f"agent/{agent_at(str(one.get('url', 'unknown')))}", judge_decision(one)) for one in decisions]
        if not decisions:
            judged.append(check("anywhere", "agent", (NOT_VERIFIED, "huntaze_limiter.url is not set")))
        judged.append(check("controller", "metrics", judge_metrics(limiter.get("metrics") or {})))
    return judged


def proven(judged: t.Sequence[t.Mapping[str, t.Any]]) -> bool:
    """Whether a look at the system itself showed something. What AWS says of the cache counts only where nobody was to look."""
    looks = [one for one in judged if one["to"] != "cache" and one["from"] != "anywhere"]
    return any(one["verdict"] == OK for one in looks or judged)


def failures(judged: t.Sequence[t.Mapping[str, t.Any]], check_mode: bool = False) -> list[str]:
    """What a verification fails for, a line each: failed checks, or that none shows anything, which check mode does not claim."""
    failed = [one["line"] for one in judged if one["verdict"] == FAILED]
    unseen = [one["line"] for one in judged if one["verdict"] == NOT_VERIFIED]
    return failed or (["Nothing could be verified.", *unseen] if unseen and not check_mode and not proven(judged) else [])
