# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verification_verdicts
short_description: Judges what was seen from the vantage points
version_added: 0.1.0
description:
  - Turns what M(huntaze.ai_system.elasticache_info), M(huntaze.ai_system.redis_reachability) and
    M(huntaze.ai_system.postgres_reachability) found into verdicts.
  - What nobody looked at reads C(not verified from here). What check mode left out reads C(skipped). Neither is ever C(ok).
  - Dropped packets of an outside host are C(ok) only if an inside host has got through. Otherwise the cache may be down.
  - A former endpoint that still resolves counts as gone if it refuses plain text, by an error, by silence or by a reset.
options:
  _input:
    description:
      - What was seen, one mapping for each vantage point.
      - C(vantage) is its name. C(inside) tells whether it is meant to get through.
      - C(tls), C(plain) and C(database) are registered results. C(former) is a list of them, for endpoints that were replaced.
        C(database) is C(none) if there is no database to look at.
    type: list
    elements: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  database:
    description: Whether there is a database to look at. Needed if there is no vantage point.
    type: bool
    default: false
  limiter:
    description:
      - What was seen of the limiter agents. Leave it out if there are none.
      - C(decisions) lists the results of M(ansible.builtin.uri) for requests to C(/v1/check), each with its URL as C(item).
      - C(metrics) is the result of M(huntaze.ai_system.cloudwatch_metric_info).
    type: dict
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Judge one connection to a cache
  ansible.builtin.debug:
    msg: "{{ [{'vantage': 'limiter', 'inside': true, 'tls': seen}] | huntaze.ai_system.verification_verdicts(cache_info.cache) }}"
"""

RETURN = r"""
_value:
  description:
    - One mapping for each judgement. C(verdict) is C(ok), C(failed), C(skipped) or C(not verified from here). C(subject) is what was judged,
      C(vantage) from where, and C(reason) why. C(line) has all of it in one line of text.
  type: list
  elements: dict
"""

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause

OK = "ok"
FAILED = "failed"
SKIPPED = "skipped"
NOT_VERIFIED = "not verified from here"
# How a look at something that must not work ends.
# Plain text that is met by silence or a cut is refused as well as by words, from where TLS gets through.
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


def seen_nothing(result):
    """(verdict, reason) where a look was not made; None where it was."""
    if not result:
        return NOT_VERIFIED, "nobody looked"
    if result.get("skipped"):
        # The modules skip in check mode and keep all their keys; a task that a condition left out has none of them.
        return (SKIPPED, result.get("skip_reason", "check mode")) if "reachable" in result else (NOT_VERIFIED, "nobody looked")
    # failed_when: false hides the failure of a module that could not start, but not that it saw nothing.
    if result.get("unreachable") or result.get("failed") or result.get("reachable") is None:
        return NOT_VERIFIED, f"could not look: {result.get('msg', 'no reason given')}"
    return None


def error_class(result):
    return (result.get("error") or {}).get("class")


def gets_through(result):
    """Whether a look has reached the server itself."""
    return bool(result) and not seen_nothing(result) and bool(result.get("reachable") or result.get("port_open"))


def judge(result, variables=None):
    """(verdict, reason) of one look that must work. variables: where the inventory has what it was made with, by class of error."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    works = result.get("reachable") and result.get("authenticated") and result.get("authentication_enforced")
    reason = result.get("reason") or (result.get("error") or {}).get("message") or "no reason given"
    variable = (variables or {}).get(error_class(result))
    return (OK, reason) if works else (FAILED, f"{reason} In the inventory this is {variable}." if variable else reason)


def judge_refusal(result, expected, inside):
    """(verdict, reason) of one look that must end in a class of `expected`. inside: whether the cache is known to be reached."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    name = error_class(result)
    # Advice on how to get through is no use where nobody is to get through.
    message = (result.get("error") or {}).get("message") or name
    if name not in expected:
        return FAILED, result.get("reason") or message or "no reason given"
    if name in PROVES_FROM_INSIDE and not inside:
        return NOT_VERIFIED, f"{message}, but nobody has got through from inside, so the cache or the network may be at fault"
    return OK, message


def judge_stranger(result, inside):
    """(verdict, reason) of a look from where packets must be dropped."""
    if not seen_nothing(result) and error_class(result) in (Cause.NAME_RESOLUTION, Cause.NO_ROUTE):
        return NOT_VERIFIED, f"{(result.get('error') or {}).get('message') or error_class(result)}, so the cache's security group was not asked"
    return judge_refusal(result, (Cause.TIMEOUT,), inside)


def place_of(endpoint):
    """address:port, or what is known of it."""
    return ":".join(str(part) for part in (endpoint.get("address"), endpoint.get("port")) if part) or "(AWS shows no endpoint)"


def looks_of(seen, endpoint, anybody_inside):
    """(subject, verdict, reason) of everything seen from one vantage point."""
    if not seen.get("inside"):
        yield f"Redis {endpoint} lets no stranger in", *judge_stranger(seen.get("tls"), anybody_inside)
        return
    inside = gets_through(seen.get("tls"))
    yield f"Redis {endpoint} over TLS with the token", *judge(seen.get("tls"), CACHE_VARIABLES)
    yield f"Redis {endpoint} refuses plain text", *judge_refusal(seen.get("plain"), PLAIN_TEXT_REFUSED, inside)
    for result in seen.get("former") or []:
        yield f"former endpoint {place_of(result.get('item') or {})} is gone", *judge_refusal(result, GONE, inside)
    if seen.get("database") is not None:
        yield "PostgreSQL", *judge(seen["database"], DATABASE_VARIABLES)


def judge_decision(result):
    """(verdict, reason) of one request for a decision."""
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
    return FAILED, answer.get("detail") or f"no decision: {result.get('msg', 'no reason given')}"


def judge_metrics(result):
    """(verdict, reason) of the look for what the agents publish."""
    if result.get("skipped"):
        return SKIPPED, "check mode waits for no metric"
    if result.get("missing", True):  # failed_when: false hides the failure, and a module that could not start has no result
        return FAILED, result.get("msg", "no reason given")
    return OK, ", ".join(metric.get("metric_name", "?") for metric in result.get("metrics") or [])


def verification_verdicts(seen_from, cache, database=False, limiter=None):
    """Every judgement over `seen_from` (one mapping a vantage point), `cache` and `limiter`, as documented above."""
    judgements = []

    def add(subject, vantage, verdict, reason):
        line = f"{verdict}: {subject}, from {vantage}: {reason}"
        judgements.append({"subject": subject, "vantage": vantage, "verdict": verdict, "reason": reason, "line": line})

    mode, auth = cache.get("transit_encryption_mode"), cache.get("auth_token_enabled")
    declared = f"transit encryption is {mode or 'off'}, AUTH is {'on' if auth else 'off'}"
    if seen_from and all((seen_nothing(seen.get("tls")) or [None])[0] == SKIPPED for seen in seen_from):
        add("AWS's description of the cache", "the API", SKIPPED, declared)
    else:
        add("AWS's description of the cache", "the API", OK if mode == "required" and auth else FAILED, declared)
    endpoints = cache.get("endpoints") or {}
    endpoint = place_of(endpoints.get("primary") or endpoints.get("configuration") or {})
    anybody_inside = any(seen.get("inside") and gets_through(seen.get("tls")) for seen in seen_from)
    for seen in seen_from:
        for subject, verdict, reason in looks_of(seen, endpoint, anybody_inside):
            add(subject, seen.get("vantage", "somewhere"), verdict, reason)
    if not seen_from:
        for subject in [f"Redis {endpoint}"] + (["PostgreSQL"] if database else []):
            add(subject, "anywhere", NOT_VERIFIED, "the inventory's group huntaze_vantage_points has no host")
    if limiter:
        decisions = limiter.get("decisions") or []
        for result in decisions:
            add(f"a decision of the limiter agent at {result.get('item', 'an unknown place')}", "the controller", *judge_decision(result))
        if not decisions:
            add("a decision of a limiter agent", "anywhere", NOT_VERIFIED, "huntaze_limiter.url is not set")
        add("the agents' metrics arrive in CloudWatch", "the API", *judge_metrics(limiter.get("metrics") or {}))
    return judgements


class FilterModule:
    def filters(self):
        return {"verification_verdicts": verification_verdicts}
