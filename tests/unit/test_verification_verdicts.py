# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
from ansible_collections.huntaze.ai_system.plugins.filter.verification_verdicts import verification_verdicts

CACHE = {
    "transit_encryption_mode": "required",
    "auth_token_enabled": True,
    "endpoints": {"primary": {"address": "10.0.0.1", "port": 6379}},
}
WORKS = {"reachable": True, "authenticated": True, "authentication_enforced": True, "reason": "reachable"}


def error(kind):
    return {"reachable": False, "error": {"class": kind, "message": kind}, "reason": kind}


def seen(**results):
    """One vantage point inside at which everything is as it should be, but for `results`."""
    return {"vantage": "limiter", "inside": True, "tls": WORKS, "plain": error("tls_required"), "former": [], "database": WORKS, **results}


def verdicts(*seen_from, cache=CACHE):
    return [judgement["verdict"] for judgement in verification_verdicts(list(seen_from), cache)]


def test_everything_as_it_should_be():
    assert verdicts(seen()) == ["ok", "ok", "ok", "ok"]


@pytest.mark.parametrize(
    ("results", "place"),
    [
        ({"tls": error("timeout")}, 1),
        ({"tls": {**WORKS, "authentication_enforced": False}}, 1),
        ({"tls": {**WORKS, "authentication_enforced": None}}, 1),
        ({"tls": {**WORKS, "authenticated": False}}, 1),
        ({"plain": WORKS}, 2),
        ({"plain": error("noauth")}, 2),
        ({"plain": error("timeout")}, 2),
        ({"database": error("timeout")}, 3),
    ],
)
def test_what_is_not_as_it_should_be_fails(results, place):
    assert verdicts(seen(**results))[place] == "failed"


@pytest.mark.parametrize("kind", ["refused", "noauth", "reset"])
def test_a_stranger_that_gets_an_answer_fails(kind):
    assert verdicts({"vantage": "stranger", "inside": False, "tls": error(kind)})[1] == "failed"


def test_a_stranger_that_gets_through_fails():
    assert verdicts({"vantage": "stranger", "inside": False, "tls": WORKS})[1] == "failed"


def test_a_stranger_whose_packets_are_dropped_is_right():
    assert verdicts({"vantage": "stranger", "inside": False, "tls": error("timeout")}) == ["ok", "ok"]


def test_a_former_endpoint_that_still_answers_fails():
    former = [{**error("refused"), "item": {"address": "10.0.0.9", "port": 6379}}, {**WORKS, "item": {"address": "10.0.0.8", "port": 6379}}]
    assert verdicts(seen(former=former))[3:5] == ["ok", "failed"]


@pytest.mark.parametrize("result", [{}, {"unreachable": True, "msg": "no route"}, {"failed": True, "msg": "redis-py is missing"}, {"skipped": True, "skip_reason": "Conditional result was False"},
                                    {"failed_when_result": False, "failed": False, "changed": False, "msg": "redis is missing"}])
def test_what_nobody_looked_at_is_never_ok(result):
    assert verdicts(seen(tls=result, plain=result, database=result))[1:] == ["not verified from here"] * 3


def test_no_vantage_point_is_said():
    assert verdicts() == ["ok", "not verified from here"]
    assert [judgement["verdict"] for judgement in verification_verdicts([], CACHE, True)] == ["ok", "not verified from here", "not verified from here"]


def test_check_mode_is_skipped_and_never_ok():
    skipped = {"skipped": True, "reachable": None, "reason": None, "skip_reason": "check mode makes no connections"}
    assert set(verdicts(seen(tls=skipped, plain=skipped, database=skipped))) == {"skipped"}


@pytest.mark.parametrize("change", [{"transit_encryption_mode": "preferred"}, {"auth_token_enabled": False}])
def test_a_cache_that_aws_calls_open_fails(change):
    assert verdicts(seen(), cache={**CACHE, **change})[0] == "failed"


DECISION = {"item": "https://limiter.example", "status": 200, "json": {"allowed": True, "exact": True, "limits": [{"name": "hour", "limit": 50, "remaining": 49}]}}
METRICS = {"metrics": [{"metric_name": "Heartbeat"}], "missing": []}


def of_the_limiter(*decisions, metrics=METRICS):
    return verification_verdicts([seen()], CACHE, limiter={"decisions": list(decisions), "metrics": metrics})[4:]


def test_a_decision_by_redis_and_metrics_that_arrive_are_right():
    decision, metrics = of_the_limiter(DECISION)
    assert decision["line"] == (
        "ok: a decision of the limiter agent at https://limiter.example, from the controller: allowed, 49 of 50 left this hour"
    )
    assert metrics["verdict"] == "ok"


def test_a_creator_over_the_limit_is_a_decision_too():
    assert of_the_limiter({**DECISION, "status": 429})[0]["verdict"] == "ok"


@pytest.mark.parametrize(("answer", "reason"), [
    ({"json": {**DECISION["json"], "exact": False}}, "without Redis"),
    ({"status": 401, "json": {"detail": "send a token"}}, "does not know the first of huntaze_limiter.bearer_tokens"),
    ({"status": 503, "json": {"detail": "no decision can be had now"}}, "no decision can be had now"),
    ({"status": -1, "json": None, "msg": "connection refused"}, "connection refused"),
    ({"status": 200, "json": {"hello": "I am another server"}}, "no decision"),
    ({"status": 200, "json": ["x"], "msg": "OK (2 bytes)"}, "OK (2 bytes)"),
])
def test_anything_else_is_no_decision(answer, reason):
    decision, dummy = of_the_limiter({**DECISION, **answer})
    assert decision["verdict"] == "failed" and reason in decision["reason"]


@pytest.mark.parametrize("found", [{}, {**METRICS, "missing": ["Heartbeat"]}])
def test_metrics_that_do_not_arrive_fail(found):
    (dummy, metrics) = of_the_limiter(DECISION, metrics={**found, "failed": False, "msg": "After 300 s CloudWatch has no datapoint"})
    assert (metrics["verdict"], metrics["reason"]) == ("failed", "After 300 s CloudWatch has no datapoint")


def test_check_mode_claims_nothing_of_the_limiter():
    skipped = {"skipped": True}
    assert [judgement["verdict"] for judgement in of_the_limiter({**skipped, "item": "https://limiter.example"}, metrics=skipped)] == ["skipped", "skipped"]


def test_agents_that_nobody_can_ask_are_not_verified():
    assert of_the_limiter()[0]["verdict"] == "not verified from here"
