# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
from ansible_collections.huntaze.ai_system.plugins.filter.verification_verdicts import verification_verdicts
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.kinds import KINDS
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.reachability import completed, foreign, problems
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.looks import Vantage, places, targets
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.verdicts import checks, proven

CACHE = {
    "transit_encryption_mode": "required",
    "auth_token_enabled": True,
    "endpoints": {"primary": {"address": "10.0.0.1", "port": 6379}},
}
WORKS = {"reachable": True, "authenticated": True, "authentication_enforced": True, "reason": "reachable"}


def error(kind):
    port_open = kind not in ("name_resolution", "timeout", "no_route", "refused")
    return {"reachable": False, "port_open": port_open, "error": {"class": kind, "message": kind}, "reason": kind}


def seen(**results):
    """One vantage point inside at which everything is as it should be, but for `results`."""
    return {"vantage": "limiter", "inside": True, "tls": WORKS, "plain": error("tls_required"), "former": [], "database": WORKS, **results}


def verdicts(*seen_from, cache=CACHE):
    return [judgement["verdict"] for judgement in checks(list(seen_from), cache)]


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
        ({"plain": error("a class of tomorrow")}, 2),
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


STRANGER = {"vantage": "stranger", "inside": False, "tls": error("timeout")}


def test_a_stranger_whose_packets_are_dropped_is_right():
    assert verdicts(STRANGER, seen())[1] == "ok"


@pytest.mark.parametrize(
    "inside",
    [
        [], [seen(tls=error("timeout"))], [seen(tls=error("name_resolution"))], [seen(tls={})], [seen(tls={"unreachable": True})], [STRANGER],
        [seen(tls={"failed": True, "reachable": None, "port_open": None, "msg": "port is 0"})], [seen(tls={**error("timeout"), "port_open": None})],
    ],
)
def test_kind_30_lost_packets_prove_nothing_where_nobody_gets_through(inside):
    judgement = checks([STRANGER, *inside], CACHE)[1]
    assert judgement["verdict"] == "not_verified" and "nobody has got through from inside" in judgement["says"]


@pytest.mark.parametrize("kind", ["name_resolution", "no_route"])
def test_kind_30_a_stranger_that_never_came_to_the_door_proves_nothing(kind):
    assert verdicts({**STRANGER, "tls": error(kind)}, seen())[1] == "not_verified"


@pytest.mark.parametrize("kind", ["tls_required", "no_answer", "reset", "name_resolution", "refused", "timeout"])
def test_kind_30_a_former_endpoint_that_refuses_plain_text_is_as_good_as_gone(kind):
    former = [{**error(kind), "item": {"address": "10.0.0.9", "port": 6379}}]
    assert verdicts(seen(former=former))[3] == "ok"


@pytest.mark.parametrize("kind", ["noauth", "wrongpass", "busy", "rejected", "protocol", "a class of tomorrow"])
def test_kind_30_a_former_endpoint_that_speaks_plain_text_fails(kind):
    assert verdicts(seen(former=[{**error(kind), "item": {"address": "10.0.0.9", "port": 6379}}]))[3] == "failed"


@pytest.mark.parametrize("kind", ["tls_required", "no_answer", "reset"])
def test_kind_30_plain_text_met_by_silence_or_a_cut_is_refused(kind):
    assert verdicts(seen(plain=error(kind)))[2] == "ok"


@pytest.mark.parametrize("kind", ["no_answer", "reset", "timeout", "name_resolution"])
def test_kind_30_silence_proves_nothing_from_where_nobody_gets_through(kind):
    found = verdicts(seen(tls=error("timeout"), plain=error(kind), former=[{**error(kind), "item": {}}]))
    assert found[1] == "failed" and "ok" not in found[2:4]


@pytest.mark.parametrize(
    ("results", "place", "words"),
    [
        ({"tls": error("wrongpass")}, 1, "huntaze_cache.auth_token"), ({"tls": error("certificate")}, 1, "huntaze_cache.tls_ca_file"),
        ({"database": error("wrongpass")}, 3, "huntaze_database.user and .password"), ({"database": error("no_database")}, 3, "huntaze_database.name"),
    ],
)
def test_kind_22_a_failed_look_names_the_variable_of_the_inventory(results, place, words):
    assert words in checks([seen(**results)], CACHE)[place]["says"]


@pytest.mark.parametrize("known", [
    {"transit_encryption_mode": "required", "auth_token_enabled": True},
    {"endpoints": None}, {"endpoints": {"primary": None}}, {"endpoints": {"primary": {"address": "10.0.0.1"}}},
    {"endpoints": {"configuration": {"address": "10.0.0.1", "port": 6379}}}, {},
])
@pytest.mark.parametrize("result", [
    {"reachable": True}, {"reachable": False}, {"reachable": False, "error": {}}, {"reachable": False, "error": {"class": "new"}},
    {"skipped": True, "reachable": None},
])
def test_kind_07_whatever_a_look_or_the_cache_lacks_there_is_a_verdict(known, result):
    decisions = [{}, {"status": 200, "json": {"limits": [{}, None, {"name": "hour"}]}}, {"status": 429, "json": {"limits": 1}}]
    limiter = {"decisions": decisions, "metrics": {"missing": [], "metrics": [{}]}}
    everything = seen(tls=result, plain=result, database=result, former=[result, {**result, "item": None}])
    seen_from = [everything, {"tls": result, "inside": False}]
    for about in (limiter, {}, {"decisions": None, "metrics": None}):
        judgements = checks(seen_from, known, True, about)
        assert judgements and all(judgement["says"] and "None" not in judgement["line"] for judgement in judgements)
        assert not any(judgement["verdict"] == "ok" for judgement in judgements[1:8])


def test_a_former_endpoint_that_still_answers_fails():
    former = [{**error("refused"), "item": {"address": "10.0.0.9", "port": 6379}}, {**WORKS, "item": {"address": "10.0.0.8", "port": 6379}}]
    assert verdicts(seen(former=former))[3:5] == ["ok", "failed"]


@pytest.mark.parametrize("result", [{}, {"unreachable": True, "msg": "no route"}, {"failed": True, "msg": "redis-py is missing"}, {"skipped": True, "skip_reason": "Conditional result was False"},
                                    {"failed_when_result": False, "failed": False, "changed": False, "msg": "redis is missing"}])
def test_what_nobody_looked_at_is_never_ok(result):
    assert verdicts(seen(tls=result, plain=result, database=result))[1:] == ["not_verified"] * 3


def test_no_vantage_point_is_said():
    assert verdicts() == ["ok", "not_verified"]
    assert [judgement["verdict"] for judgement in checks([], CACHE, True)] == ["ok", "not_verified", "not_verified"]


def test_check_mode_is_skipped_and_never_ok():
    skipped = {"skipped": True, "reachable": None, "reason": None, "skip_reason": "check mode makes no connections"}
    assert set(verdicts(seen(tls=skipped, plain=skipped, database=skipped))) == {"skipped"}


@pytest.mark.parametrize("change", [{"transit_encryption_mode": "preferred"}, {"auth_token_enabled": False}])
def test_a_cache_that_aws_calls_open_fails(change):
    assert verdicts(seen(), cache={**CACHE, **change})[0] == "failed"


DECISION = {"url": "https://limiter.example", "status": 200, "json": {"allowed": True, "exact": True, "limits": [{"name": "hour", "limit": 50, "remaining": 49}]}}
METRICS = {"metrics": [{"metric_name": "Heartbeat"}], "missing": []}


def of_the_limiter(*decisions, metrics=METRICS):
    return checks([seen()], CACHE, limiter={"decisions": list(decisions), "metrics": metrics})[4:]


def test_a_decision_by_redis_and_metrics_that_arrive_are_right():
    decision, metrics = of_the_limiter(DECISION)
    assert decision["line"] == (
        "ok: agent limiter.example, from controller: allowed, 49 of 50 left this hour"
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
    assert decision["verdict"] == "failed" and reason in decision["says"]


@pytest.mark.parametrize("found", [{}, {**METRICS, "missing": ["Heartbeat"]}])
def test_metrics_that_do_not_arrive_fail(found):
    (dummy, metrics) = of_the_limiter(DECISION, metrics={**found, "failed": False, "msg": "After 300 s CloudWatch has no datapoint"})
    assert (metrics["verdict"], metrics["says"]) == ("failed", "After 300 s CloudWatch has no datapoint")


def test_check_mode_claims_nothing_of_the_limiter():
    skipped = {"skipped": True}
    assert [judgement["verdict"] for judgement in of_the_limiter({**skipped, "url": "https://limiter.example"}, metrics=skipped)] == ["skipped", "skipped"]


def test_agents_that_nobody_can_ask_are_not_verified():
    assert of_the_limiter()[0]["verdict"] == "not_verified"


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"missing": ["Requests"], "since": "now"}, "no datapoint of Requests since now, and it was not waited for"),
        ({"changed": False}, "CloudWatch could not be asked"),
    ],
)
def test_kind_01_a_look_for_metrics_that_crashed_has_not_seen_that_there_are_none(metrics, said):
    found = of_the_limiter(DECISION, metrics=metrics)[1]
    assert found["verdict"] == "failed" and said in found["says"]


def test_a_check_tells_what_the_client_saw():
    saw = {**WORKS, "latency_ms": {"min": 0.3, "median": 0.41, "max": 2.0}, "tls_version": "TLSv1.3"}
    redis = checks([seen(tls=saw)], CACHE)[1]
    assert redis == {
        "id": "limiter>redis", "from": "limiter", "to": "redis", "expected": "reached", "verdict": "ok", "latency_ms": 0.41, "tls": "1.3",
        "authentication": "enforced", "says": "reachable", "line": "ok: Redis, from limiter: reachable",
    }


def test_what_others_said_comes_without_control_characters():
    found = checks([seen(tls={**error("rejected"), "reason": "\x1b[2Jgone\r\n::error::no"})], CACHE)[1]
    assert found["says"] == " [2Jgone  ::error::no"


CONTROLLER = {"vantage": "controller", "inside": None}
LOOK = {"reachable": True, "authentication_enforced": True, "status": 200, "certificate": {"days_left": 90}, "port_open": True, "tls_version": "TLSv1.3"}
REFUSED = {"reachable": True, "status": 401, "port_open": True, "reason": "refused"}


def only(origin, to, judged):
    (one,) = [one for one in judged if (one["from"], one["to"]) == (origin, to)]
    return one["verdict"], one["says"]


@pytest.mark.parametrize(("changed", "verdict", "says"), [
    ({}, "ok", "allowed, 49 of 50 left this hour"), ({"authentication_enforced": False}, "failed", "it lets in who brings no token"),
    ({"authentication_enforced": None}, "ok", "allowed"), ({"certificate": {"days_left": 3}}, "ok", "its certificate ends in 3 days"),
])
def test_an_agent_is_judged_by_its_decision_and_by_how_it_answered(changed, verdict, says):
    asked = {**CONTROLLER, "agents": {"limiter.example": {**LOOK, **changed}}}
    limiter = {"decisions": [DECISION], "metrics": METRICS}
    found = only("controller", "agent/limiter.example", checks([asked, seen()], CACHE, limiter=limiter))
    assert found[0] == verdict and says in found[1]
    refused = only("controller", "agent/limiter.example", checks([asked], CACHE, limiter={**limiter, "decisions": [{**DECISION, "status": 503, "json": None}]}))
    assert refused[0] == "failed"


@pytest.mark.parametrize(("result", "lives", "verdict"), [
    (REFUSED, False, "ok"), ({**REFUSED, "status": 200, **error("rejected")}, True, "failed"), (error("timeout"), True, "ok"),
    (error("timeout"), False, "not_verified"), (error("refused"), True, "not_verified"), (error("tls"), True, "not_verified"), ({}, True, "not_verified"),
])
def test_a_stranger_at_an_agent(result, lives, verdict):
    asked = {**CONTROLLER, "agents": {"a": LOOK if lives else error("timeout")}}
    assert only("stranger", "agent/a", checks([asked, {**STRANGER, "agents": {"a": result}}, seen()], CACHE))[0] == verdict


@pytest.mark.parametrize(("result", "verdict"), [
    (error("timeout"), "ok"), (error("noauth"), "ok"), (error("not_allowed"), "ok"), (WORKS, "failed"), (error("refused"), "not_verified"), ({}, "not_verified"),
])
def test_a_stranger_at_the_database(result, verdict):
    assert only("stranger", "postgresql", checks([{**STRANGER, "database": result}, seen()], CACHE))[0] == verdict


def test_a_stranger_is_kept_out_of_what_others_reach():
    """One that is dead for all proves nothing, whatever else is alive."""
    both = {**STRANGER, "database": error("timeout")}
    for place, (redis, database) in ((seen(tls=error("timeout")), ("not_verified", "ok")), (seen(database=error("timeout")), ("ok", "not_verified"))):
        found = checks([both, place], CACHE)
        assert (only("stranger", "redis", found)[0], only("stranger", "postgresql", found)[0]) == (redis, database)


@pytest.mark.parametrize("kind", ["timeout", "name_resolution", "no_route", "refused"])
def test_one_fault_is_told_once(kind):
    """A host that does not get to the cache has not asked it about plain text."""
    found = checks([seen(tls=error(kind), plain=error(kind))], CACHE)
    assert [one["verdict"] for one in found[1:3]] == ["failed", "not_verified"]


@pytest.mark.parametrize(("status", "verdict"), [(403, "ok"), (200, "failed"), (301, "failed"), (404, "failed"), (503, "not_verified"), (None, "not_verified")])
def test_the_bucket_as_clients_see_it(status, verdict):
    result = {**(error("timeout") if status is None else error("rejected")), "status": status, "reachable": status == 403}
    for place in (seen(bucket=result), {**STRANGER, "bucket": result}):
        assert only(place["vantage"], "bucket", checks([place], CACHE))[0] == verdict


@pytest.mark.parametrize(("result", "arrive", "verdict"), [
    ({"reachable": True}, False, "ok"), (error("timeout"), False, "failed"), (error("timeout"), True, "not_verified"), ({}, True, "not_verified"),
])
def test_the_way_out_to_cloudwatch(result, arrive, verdict):
    limiter = {"decisions": [DECISION], "metrics": METRICS if arrive else {"missing": ["Heartbeat"]}}
    assert only("limiter", "metrics", checks([seen(metrics=result)], CACHE, limiter=limiter))[0] == verdict


@pytest.mark.parametrize(("result", "verdict"), [
    ({"reachable": True, "status": 200}, "ok"), ({**error("rejected"), "status": 500}, "failed"), ({**error("wrongpass"), "status": 401}, "not_verified"),
    ({**error("busy"), "status": 429}, "not_verified"), (error("timeout"), "failed"), ({}, "not_verified"),
])
def test_the_apps_own_route(result, verdict):
    assert only("app", "agent", checks([{**CONTROLLER, "app": result}], CACHE))[0] == verdict


BUCKET = {
    "name": "b", "exists": True, "region": "us-east-1", "encryption": "AES256", "policy_status": {"is_public": False},
    "public_access_block": {"ignore_public_acls": True},
}
APP = {"jobs": [{"job_id": "12", "status": "SUCCEED"}], "variable_names": ["A", "B"], "log_group": {"exists": True}, "log_events": []}
DECLARED = {"bucket": True, "region": "us-east-1", "variables": ["A"]}


@pytest.mark.parametrize(("changed", "verdict"), [
    ({}, "ok"), ({"exists": False}, "failed"), ({"exists": None}, "not_verified"), ({"region": "eu-west-1"}, "failed"), ({"policy_status": {"is_public": True}}, "failed"),
    ({"encryption": []}, "failed"), ({"policy_status": None}, "not_verified"), ({"public_access_block": None}, "not_verified"),
    ({"public_access_block": {}}, "not_verified"), ({"public_access_block": {"ignore_public_acls": False}}, "not_verified"),
])
def test_the_bucket_as_aws_describes_it(changed, verdict):
    assert only("controller", "bucket", checks([], CACHE, estate={"bucket": {**BUCKET, **changed}}, declared=DECLARED))[0] == verdict


@pytest.mark.parametrize(("changed", "verdict"), [
    ({}, "ok"), ({"jobs": []}, "failed"), ({"jobs": None}, "not_verified"), ({"jobs": [{"job_id": "1", "status": "FAILED"}]}, "failed"),
    ({"jobs": [{"job_id": "1", "status": "RUNNING"}]}, "not_verified"), ({"variable_names": ["B"]}, "failed"), ({"variable_names": None}, "not_verified"),
])
def test_the_build_as_aws_describes_it(changed, verdict):
    assert only("controller", "build", checks([], CACHE, estate={"app": {**APP, **changed}}, declared=DECLARED))[0] == verdict


@pytest.mark.parametrize(("changed", "verdicts_"), [
    ({}, ["ok"]), ({"log_group": {"exists": False}}, []), ({"log_group": None}, []), ({"log_events": None}, []),
    ({"log_events": [{"at": "then", "message": "Error: what is it"}]}, ["ok"]),
    ({"log_events": [{"at": "then", "message": "connect ETIMEDOUT 10.0.0.1:6379"}, {"message": None}]}, ["failed"]),
])
def test_what_the_app_writes(changed, verdicts_):
    found = checks([], CACHE, estate={"app": {**APP, **changed}}, declared=DECLARED)
    assert [one["verdict"] for one in found if one["to"] == "log"] == verdicts_


def test_what_aws_says_is_no_look_at_the_system():
    found = checks([seen(tls={}, plain={}, database={})], CACHE, estate={"bucket": BUCKET, "app": {**APP, "log_group": None}}, declared=DECLARED)
    assert {one["verdict"] for one in found} == {"ok", "not_verified"} and not proven(found)


def test_without_an_answer_of_aws_nothing_of_it_is_claimed():
    found = checks([], CACHE, estate=None, declared=DECLARED)
    assert [(one["to"], one["verdict"]) for one in found if one["to"] in ("bucket", "build", "log")] == [("bucket", "not_verified"), ("build", "not_verified")]


PLACES = places(
    {
        "huntaze_limiter": {"url": "https://a.example:8443, https://b.example"}, "huntaze_database": {"identifier": "db"}, "huntaze_aws": {"region": "us-east-1"},
        "huntaze_bucket": {"name": "files"}, "huntaze_app": {"test_url": "https://app.example/api/test-redis?x=1"},
    },
    CACHE, [{"address": "10.0.0.9", "port": 6379}], [{"endpoint": {"address": "db.example", "port": 5432}}],
)
SECRETS = {
    "huntaze_cache": {"auth_token": "canary-token"}, "huntaze_database": {"name": "d", "user": "u", "password": "canary-password"},
    "huntaze_limiter": {"bearer_tokens": ["canary-bearer", "canary-former"], "tls": {"ca_file": "/ca.pem"}},
}
INSIDE = {"redis", "redis/plain-text", "redis/former/10.0.0.9:6379", "postgresql"}


def host(name, *groups, **variables):
    return {"inventory_hostname": name, "group_names": list(groups), **variables}


@pytest.mark.parametrize(("variables", "names", "secrets"), [
    (host("limiter-1", "huntaze_limiter_agents"), INSIDE | {"metrics", "bucket"}, {"canary-token", "canary-password"}),
    (host("bastion", "huntaze_vantage_points"), INSIDE, {"canary-token", "canary-password"}),
    (host("stranger", "huntaze_vantage_points", huntaze_vantage={"expect": "unreachable"}), {"redis", "postgresql", "agent/a.example", "agent/b.example", "bucket"}, set()),
    (host("localhost"), {"agent/a.example", "agent/b.example", "app"}, {"canary-bearer"}),
    (host("localhost", "huntaze_vantage_points"), INSIDE | {"agent/a.example", "agent/b.example", "app"}, {"canary-bearer", "canary-token", "canary-password"}),
])
def test_what_each_place_looks_at_and_which_secrets_it_gets(variables, names, secrets):
    found = targets(PLACES, SECRETS, Vantage.of(variables))
    assert {one["name"] for one in found} == names and len(found) == len(names)
    assert {value for one in found for value in one.values() if "canary" in str(value)} == secrets
    for one in found:
        kind = KINDS[one["kind"]]
        assert foreign(kind, one) == [] and problems(kind, completed(kind, {"name": None, **one})) == []


def test_where_everything_is():
    assert PLACES == {
        "redis": {"address": "10.0.0.1", "port": 6379}, "former": [{"address": "10.0.0.9", "port": 6379}], "has_database": True,
        "database": {"address": "db.example", "port": 5432}, "agents": ["https://a.example:8443", "https://b.example"],
        "metrics": {"address": "monitoring.us-east-1.amazonaws.com", "port": 443}, "bucket": "files",
        "bucket_at": {"address": "s3.us-east-1.amazonaws.com", "port": 443}, "app": "https://app.example/api/test-redis?x=1",
    }
    nowhere = places({}, {}, [], [])
    assert not any(nowhere[name] for name in ("redis", "former", "has_database", "database", "agents", "bucket", "bucket_at", "app"))


def test_the_filter_takes_the_variables_of_the_hosts_that_looked():
    """As the stage verify registers them; what a host lacks nobody has looked at."""

    def saw(**results):
        return {"huntaze_seen": {"results": [{"name": name.replace("_", "/").replace("/plain", "/plain-text"), **result} for name, result in results.items()]}}

    where = {**PLACES, "former": [], "bucket_at": None, "metrics": None, "app": None}
    looked = saw(redis=WORKS, redis_plain=error("tls_required"), postgresql=WORKS)
    hosts = [
        host("localhost"), host("limiter", "huntaze_limiter_agents", **looked),
        host("stranger", huntaze_vantage={"expect": "unreachable"}, huntaze_seen={"results": [{"name": "redis", **error("timeout")}]}),
        host("lost", huntaze_seen={"unreachable": True, "msg": "no route"}), host("left-out"),
    ]
    found = verification_verdicts(hosts, CACHE, where)
    assert [(one["from"], one["to"], one["expected"], one["verdict"]) for one in found] == [
        ("controller", "cache", "reached", "ok"),
        ("limiter", "redis", "reached", "ok"), ("limiter", "redis/plain-text", "refused", "ok"), ("limiter", "postgresql", "reached", "ok"),
        ("stranger", "redis", "kept out", "ok"),
        *[("stranger", to, "kept out", "not_verified") for to in ("postgresql", "agent/a.example", "agent/b.example")],
        *[(name, to, expected, "not_verified") for name in ("lost", "left-out")
          for to, expected in (("redis", "reached"), ("redis/plain-text", "refused"), ("postgresql", "reached"))],
    ]
    assert "could not look: no route" in only("lost", "redis", found)[1]
    assert not any(one["to"] == "postgresql" for one in verification_verdicts(hosts, CACHE, {**where, "has_database": False, "database": None}))
