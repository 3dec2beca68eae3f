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
  - What nobody looked at reads C(not verified from here), and what check mode left out reads C(skipped); neither is ever C(ok).
options:
  _input:
    description:
      - What was seen, one mapping a vantage point.
      - C(vantage) is its name; C(inside) tells whether it is meant to get through.
      - C(tls), C(plain) and C(database) are registered results, C(former) a list of them for endpoints that were replaced.
        C(database) is C(none) when there is no database to look at.
    type: list
    elements: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  database:
    description: Whether there is a database to look at; said where there is no vantage point.
    type: bool
    default: false
  limiter:
    description:
      - What was seen of the limiter agents; left out where there are none.
      - C(decisions) is the list of results of M(ansible.builtin.uri) asking C(/v1/check), each with its URL as C(item).
      - C(metrics) is the result of M(huntaze.ai_system.cloudwatch_metric_info).
    type: dict
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Judge one look at a cache
  ansible.builtin.debug:
    msg: "{{ [{'vantage': 'limiter', 'inside': true, 'tls': seen}] | huntaze.ai_system.verification_verdicts(cache_info.cache) }}"
"""

RETURN = r"""
_value:
  description:
    - One mapping a judgement with C(subject), C(vantage), C(verdict) (C(ok), C(failed), C(skipped), C(not verified from here)),
      C(reason), and C(line), all of it as one line of text.
  type: list
  elements: dict
"""

OK = "ok"
FAILED = "failed"
SKIPPED = "skipped"
NOT_VERIFIED = "not verified from here"
# How a look at something that must not work ends: error classes of the reachability modules.
DROPPED = ("timeout",)
PLAIN_TEXT_REFUSED = ("tls_required",)
# A deleted endpoint's name no longer resolves; an address that is left over refuses or drops.
GONE = ("name_resolution", "refused", "timeout")


def judge(result, expected_errors=None):
    """(verdict, reason) of one look.

    result:          the registered result of a reachability module; empty when nobody looked
    expected_errors: the classes of errors that are right; None when the connection must work
    """
    if not result:
        return NOT_VERIFIED, "nobody looked"
    if result.get("unreachable") or result.get("failed"):
        return NOT_VERIFIED, f"could not look: {result.get('msg', 'no reason given')}"
    if result.get("skipped"):
        # The modules skip in check mode and keep all their keys; a task that a condition left out has none of them.
        return (SKIPPED, result["skip_reason"]) if "reachable" in result else (NOT_VERIFIED, "nobody looked")
    if "reachable" not in result:
        # failed_when: false hides the failure of a module that could not start, but not that it saw nothing.
        return NOT_VERIFIED, f"could not look: {result.get('msg', 'no reason given')}"
    if expected_errors is None:
        works = result["reachable"] and result.get("authenticated") and result.get("authentication_enforced")
        return OK if works else FAILED, result["reason"]
    error = result.get("error") or {}
    # Advice on how to get through is no use where nobody is to get through.
    return (OK, error["message"]) if error.get("class") in expected_errors else (FAILED, result["reason"])


def looks_of(seen, endpoint):
    """(subject, verdict, reason) of everything seen from one vantage point."""
    if not seen["inside"]:
        yield f"Redis {endpoint} lets no stranger in", *judge(seen.get("tls"), DROPPED)
        return
    yield f"Redis {endpoint} over TLS with the token", *judge(seen.get("tls"))
    yield f"Redis {endpoint} refuses plain text", *judge(seen.get("plain"), PLAIN_TEXT_REFUSED)
    for result in seen.get("former") or []:
        item = result.get("item", {})
        yield f"former endpoint {item.get('address')}:{item.get('port')} is gone", *judge(result, GONE)
    if seen.get("database") is not None:
        yield "PostgreSQL", *judge(seen["database"])


def judge_decision(result):
    """(verdict, reason) of one request for a decision."""
    if result.get("skipped"):
        return SKIPPED, "check mode asks for no decision"
    answer = result["json"] if isinstance(result.get("json"), dict) else {}
    status = result.get("status")
    if status in (200, 429) and "limits" in answer:
        left = ", ".join(f"{limit['remaining']} of {limit['limit']} left this {limit['name']}" for limit in answer["limits"])
        said = f"{'allowed' if status == 200 else 'over the limit'}, {left}"
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
    return OK, ", ".join(metric["metric_name"] for metric in result["metrics"])


def verification_verdicts(seen_from, cache, database=False, limiter=None):
    """Every judgement over `seen_from` (one mapping a vantage point), `cache` and `limiter`, as documented above."""
    judgements = []

    def add(subject, vantage, verdict, reason):
        line = f"{verdict}: {subject}, from {vantage}: {reason}"
        judgements.append({"subject": subject, "vantage": vantage, "verdict": verdict, "reason": reason, "line": line})

    mode, auth = cache.get("transit_encryption_mode"), cache.get("auth_token_enabled")
    declared = f"transit encryption is {mode or 'off'}, AUTH is {'on' if auth else 'off'}"
    if seen_from and all(judge(seen.get("tls"))[0] == SKIPPED for seen in seen_from):
        add("AWS's description of the cache", "the API", SKIPPED, declared)
    else:
        add("AWS's description of the cache", "the API", OK if mode == "required" and auth else FAILED, declared)
    primary = (cache.get("endpoints") or {}).get("primary") or {}
    endpoint = f"{primary.get('address')}:{primary.get('port')}"
    for seen in seen_from:
        for subject, verdict, reason in looks_of(seen, endpoint):
            add(subject, seen["vantage"], verdict, reason)
    if not seen_from:
        for subject in [f"Redis {endpoint}"] + (["PostgreSQL"] if database else []):
            add(subject, "anywhere", NOT_VERIFIED, "the inventory's group huntaze_vantage_points has no host")
    if limiter:
        for result in limiter["decisions"]:
            add(f"a decision of the limiter agent at {result['item']}", "the controller", *judge_decision(result))
        if not limiter["decisions"]:
            add("a decision of a limiter agent", "anywhere", NOT_VERIFIED, "huntaze_limiter.url is not set")
        add("the agents' metrics arrive in CloudWatch", "the API", *judge_metrics(limiter["metrics"]))
    return judgements


class FilterModule:
    def filters(self):
        return {"verification_verdicts": verification_verdicts}
