# SPDX-License-Identifier: GPL-3.0-or-later
"""Every situation from what the client saw and what AWS says; with facts withheld it becomes less certain and never another one."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import ONLY, SET, TAG_KEY
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import fingerprint
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis import judges, situations
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.causes import diagnose
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.outcome import outcome_of
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.situations import Situation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.diagnosed import (
    AT, CACHE_ADDRESS, CHANGED, DECLARED, DISTANT, PASSWORD, REDIS, TOKEN, cache, estate, from_group, instance, peered, rule, seen, vantage,
)

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "report.schema.json").read_text())
SHAPE = jsonschema.Draft202012Validator(
    {"$defs": SCHEMA["$defs"], "type": "array", "items": {"$ref": "#/$defs/cause"}}, format_checker=jsonschema.FormatChecker(),
)
OTHER_TOKEN = "canary-token-of-another-place"


def at(facts, *path, value):
    """`facts` with another value at the place."""
    facts, here = copy.deepcopy(facts), None
    here = facts
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return facts


def noted(token=TOKEN, date=CHANGED):
    """The tag of our own that tells which token was set, and AWS's date then."""
    return at(estate(), "cache", "tags", value={TAG_KEY: f"v2/{SET}/{fingerprint(token, 'ab' * 16)}/{date}"})


def of_database(**changed):
    return at(estate(), "database", "instances", value=[instance(**changed)])


def moved(address, **changed):
    return seen(met="timeout", addresses=[address], **changed)


TIMED_OUT, HALF = "no answer to the attempt to connect", "connected, but the server does not answer the TLS handshake"
NO_PASSWORD = "the server refuses: ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
WRONG = "the server refuses: WRONGPASS invalid username-password pair or user is disabled"
CERTIFICATE = "the server's certificate is refused: "
PLAIN_REFUSED = 'no pg_hba.conf entry for host "10.0.1.10", user "huntazeadmin", database "postgres", no encryption; over TLS it is let in'
SLOTS = "remaining connection slots are reserved for non-replication superuser connections"
ELSEWHERE = {"endpoints": {"primary": {"address": "master.other.cache.amazonaws.com", "port": 6379}, "nodes": []}}
LAPTOP = {"from_address": "198.51.100.7"}

# What the client saw, estate, cache: the situation that is certain, and words of the evidence.
CERTAIN = [
    (seen(met="name_resolution"), estate(), cache(**ELSEWHERE), "endpoint_gone", "other.cache"),
    (seen(met="timeout"), estate(), cache(**ELSEWHERE), "endpoint_gone", "other.cache"),
    (seen(met="refused"), estate(), {"exists": False}, "service_gone", ""),
    (seen(met="refused"), estate(), cache(status="creating"), "not_available", '"Status": "creating"'),
    (seen(met="refused", port=6380), estate(), cache(), "wrong_port", "6379"),
    (seen(met="name_resolution"), at(estate(), "network", "vpcs", 0, "enable_dns_support", value=False), cache(), "vpc_dns_off", '"EnableDnsSupport": false'),
    (moved("93.184.216.34"), estate(), cache(), "dns_outside", "10.0.0.0/16"),
    (moved("10.0.3.99"), estate(), cache(), "dns_stale", "10.0.3.99"),
    (moved("10.0.2.10"), estate(), cache(), "dns_stale", '"InstanceId"'),
    (seen(met="timeout", **LAPTOP), estate(), cache(), "outside_of_vpc", CACHE_ADDRESS),
    (seen("postgresql", "timeout", **LAPTOP), estate(), cache(), "not_public", "RDSNetworkInterface"),
    (seen(met="tls_required", words="it speaks no Redis in plain text, but takes up TLS", tls=False), estate(), cache(), "plain_to_tls", "takes up TLS"),
    (seen(met="no_answer", tls=False), estate(), cache(), "plain_to_tls", '"TransitEncryptionMode": "required"'),
    (seen(met="reset", tls=False), estate(), cache(), "plain_to_tls", '"TransitEncryptionMode": "required"'),
    (seen(met="tls_not_offered"), estate(), cache(transit_encryption_enabled=False, transit_encryption_mode=None), "tls_to_plain", "met tls_not_offered"),
    (seen(met="no_answer", words=HALF), estate(), cache(transit_encryption_enabled=False, transit_encryption_mode=None), "tls_to_plain", HALF),
    (seen(met="noauth", words="the server refuses: NOAUTH Authentication required"), estate(), cache(), "credentials_wanted", "NOAUTH"),
    (seen(met="wrongpass", words=WRONG), noted(date="2026-11-01T00:00:00+00:00"), cache(), "token_rotated", "2026-11-01"),
    (seen(met="wrongpass", words=WRONG), noted(OTHER_TOKEN), cache(), "token_wrong", TAG_KEY),
    (seen(met="wrongpass", words=NO_PASSWORD), estate(), cache(auth_token_enabled=False), "auth_off", "without any password configured"),
    (seen(met="wrongpass", words=WRONG), estate(), cache(auth_token_enabled=False, user_group_ids=["people"]), "users_decide", "WRONGPASS"),
    (seen(authentication_enforced=False, authenticated=True), estate(), cache(), "auth_optional", '"AuthTokenEnabled": true'),
    (seen(authentication_enforced=False), estate(), cache(auth_token_enabled=False), "auth_off", '"AuthTokenEnabled"'),
    (seen(met="noperm", words="the server refuses: NOPERM this user has no permissions to run the 'info' command"), estate(), cache(), "permission", "NOPERM"),
    (seen(met="busy", words="the server refuses: ERR max number of clients reached"), estate(), cache(), "max_clients", "max number of clients"),
    (seen(met="busy", words="the server refuses: LOADING Redis is loading the dataset in memory"), estate(), cache(), "loading", "LOADING"),
    (seen(name="redis/plain-text", tls=False), estate(), cache(transit_encryption_mode="preferred"), "plain_text_taken", '"TransitEncryptionMode"'),
    (seen("postgresql", "tls_required", PLAIN_REFUSED, tls=False), estate(), cache(), "tls_forced", "rds.force_ssl"),
    (seen("postgresql", "wrongpass", 'password authentication failed for user "huntazeadmin"'), estate(), cache(),
     "database_password", "password authentication"),
    (seen("postgresql", "no_database", 'database "huntaze" does not exist'), estate(), cache(), "database_missing", "does not exist"),
    (seen("postgresql", "busy", SLOTS), estate(), cache(), "too_many_connections", '"ParameterValue": "79"'),
    (seen("postgresql", "busy", 'too many connections for role "huntazeadmin"'), estate(), cache(), "role_limit", "for role"),
    (seen("postgresql", "busy", "the database system is starting up"), estate(), cache(), "loading", "starting up"),
    (seen("postgresql", "busy", "no more connections allowed (max_client_conn)"), estate(), cache(), "pool_full", "max_client_conn"),
    (seen("postgresql", "not_allowed", PLAIN_REFUSED.replace("no encryption; over TLS it is let in", "SSL encryption")), estate(), cache(),
     "own_rules", "pg_hba"),
    (seen("postgresql", "certificate", CERTIFICATE + "certificate has expired"),
     of_database(certificate_details={"valid_till": "2026-11-30T00:00:00+00:00"}), cache(), "certificate_expired", "2026-11-30"),
    (seen("postgresql", "certificate", CERTIFICATE + "Hostname mismatch, certificate is not valid for 'db'", host="db"), estate(), cache(),
     "certificate_name", "Hostname mismatch"),
    (seen("postgresql", "certificate", CERTIFICATE + "self-signed certificate in certificate chain"),
     of_database(ca_certificate_identifier="rds-ca-2019"), cache(), "certificate_ca_old", '"CACertificateIdentifier": "rds-ca-2019"'),
    (seen("postgresql", "certificate", CERTIFICATE + "unable to get local issuer certificate"), estate(), cache(), "certificate_ca", "rds-ca-rsa2048-g1"),
    (seen("postgresql", "refused"), of_database(db_instance_status="stopped"), cache(), "not_available", '"DBInstanceStatus": "stopped"'),
    (seen("postgresql", "name_resolution", host="huntaze-postgres.example"), estate(), cache(), "endpoint_unknown", "huntaze-postgres-production"),
    (seen("postgresql", "refused", host="10.0.7.7", addresses=["10.0.7.7"]), estate(), cache(), "endpoint_unknown", "huntaze-postgres-production"),
]


def ruled(*rules, of="sg-cache", egress=False, facts=None):
    """Other rules of a group, in the place of all that it has in the direction."""
    facts = facts or estate()
    kept = [one for one in facts["network"]["security_group_rules"] if (one["group_id"], one["is_egress"]) != (of, egress)]
    return at(facts, "network", "security_group_rules", value=[*kept, *rules])


def denied(egress, first, last, acl=0):
    entry = {"rule_number": 50, "egress": egress, "rule_action": "deny", "protocol": "6", "cidr_block": "0.0.0.0/0", "port_range": {"from": first, "to": last}}
    return at(estate(), "network", "network_acls", acl, "entries", value=[*estate()["network"]["network_acls"][acl]["entries"], entry])


def routed(table, *routes):
    return at(peered(), "network", "route_tables", table, "routes", value=[*peered()["network"]["route_tables"][table]["routes"][:1], *routes])


SILENT, FROM_AFAR = seen(met="timeout", words=TIMED_OUT), seen(met="timeout", words=TIMED_OUT, from_address=DISTANT)
DEAD = {"destination_cidr_block": "10.0.3.0/24", "network_interface_id": "eni-gone", "state": "blackhole"}
CERTAIN += [
    (SILENT, ruled(), cache(), "ingress_missing", '"GroupId": "sg-cache"'),
    (SILENT, ruled(rule(9, "sg-cache", ports=(22, 22), cidr_ipv4="192.0.2.0/24")), cache(), "ingress_missing", '"FromPort": 22'),
    (SILENT, ruled(rule(9, "sg-cache", ports=(6380, 6380), **from_group("sg-limiter"))), cache(), "ingress_for_another_port", '"FromPort": 6380'),
    (SILENT, ruled(rule(9, "sg-cache", protocol="udp", **from_group("sg-limiter"))), cache(), "ingress_for_another_protocol", '"IpProtocol": "udp"'),
    (SILENT, ruled(rule(9, "sg-cache", cidr_ipv4="10.99.0.0/16")), cache(), "ingress_for_another_source", '"CidrIpv4": "10.99.0.0/16"'),
    (SILENT, ruled(of="sg-limiter", egress=True), cache(), "egress_closed", '"GroupId": "sg-limiter"'),
    (SILENT, denied(False, 6379, 6379), cache(), "acl_denies", '"RuleNumber": 50'),
    (SILENT, denied(True, 32768, 60999), cache(), "acl_denies_answers", '"RuleNumber": 50'),
    (FROM_AFAR, routed(1), cache(), "route_missing", "rtb-2"),
    (FROM_AFAR, routed(0), cache(), "return_route_missing", "rtb-1"),
    (FROM_AFAR, routed(1, DEAD, peered()["network"]["route_tables"][1]["routes"][1]), cache(), "blackhole", '"State": "blackhole"'),
]
PROXY = {"db_proxy_name": "pool", "endpoint": "pool.proxy-1.us-east-1.rds.amazonaws.com", "require_tls": True, "status": "available", "vpc_id": "vpc-1"}
BEHIND_A_PROXY = at(estate(), "database", "proxies", value=[PROXY])
CERTAIN += [
    (seen("postgresql", "tls_required", "This RDS Proxy requires TLS connections", tls=False, host=PROXY["endpoint"]), BEHIND_A_PROXY, cache(),
     "proxy_wants_tls", '"RequireTLS": true'),
    (seen("postgresql", "wrongpass", "This RDS Proxy supports only IAM, MD5, or SCRAM authentication", host=PROXY["endpoint"]), BEHIND_A_PROXY, cache(),
     "proxy_authentication", "supports only IAM"),
]


def explained(result, facts, known, **place):
    return diagnose([vantage(result, **place)], None if result["error"] else [failed(result, place.get("name", "limiter-1"))], facts, known, DECLARED)


def causes_of(result, facts, known, **place):
    causes = explained(result, facts, known, **place)
    SHAPE.validate(causes)
    told = json.dumps(causes)
    assert "canary" not in told, told
    for cause in causes:
        assert len(cause["evidence"]) <= 3 and all(len(one["text"]) <= 300 for one in cause["evidence"])
        assert cause["title"] and cause["client_saw"] and cause["aws_says"] and cause["remedy"]["does"]
    return causes


def failed(result, origin="limiter-1"):
    return {"id": f"{origin}>{result['name']}", "verdict": "failed"}


@pytest.mark.parametrize(("result", "facts", "known", "situation", "words"), CERTAIN, ids=[f"{one[3]}-{number}" for number, one in enumerate(CERTAIN)])
def test_facts_that_decide_name_one_cause_for_certain(result, facts, known, situation, words):
    causes = causes_of(result, facts, known)
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [(situation, "certain")]
    assert words in " ".join(one["text"] for one in causes[0]["evidence"])


@pytest.mark.parametrize(("result", "facts", "known", "situation", "words"), CERTAIN, ids=[f"{one[3]}-{number}" for number, one in enumerate(CERTAIN)])
def test_without_aws_nothing_is_certain_and_what_it_is_stays_among_what_is_possible(result, facts, known, situation, words):
    causes = causes_of(result, None, None)
    assert causes and {cause["confidence"] for cause in causes} <= {"likely", "possible"}
    # What only AWS's answers can bring up is not thought of without them.
    told = {cause["situation"] for cause in causes}
    assert situation in told or situation in ("service_gone", "certificate_ca_old", "proxy_wants_tls") or "routes" in told
    if result["error"] and result["error"]["class"] in ("timeout", "refused", "name_resolution", "no_answer", "reset"):
        assert {cause["confidence"] for cause in causes} == {"possible"} and len(causes) > 1


PLACES = [("network", member) for member in estate()["network"]] + [
    ("database", "instances"), ("database", "parameters"), ("database", "proxies"), ("cache", "tags"), ("cache", "replication_groups"), ("cache", "users"),
] + [(subset,) for subset in ("network", "database", "cache")]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=st.sampled_from(CERTAIN), withheld=st.sets(st.sampled_from(PLACES)), without_cache=st.booleans())
def test_whatever_is_withheld_no_other_cause_becomes_certain(case, withheld, without_cache):
    result, facts, known, situation, _words = case
    for place in sorted(withheld, key=len, reverse=True):
        facts = at(facts, *place, value=None)
    causes = explained(result, facts, None if without_cache else known)
    assert causes
    assert {cause["situation"] for cause in causes if cause["confidence"] == "certain"} <= {situation}


def places_in(facts, *path):
    """Where something stands within, at any depth."""
    members = facts.items() if isinstance(facts, dict) else enumerate(facts) if isinstance(facts, list) else ()
    for key, value in members:
        yield (*path, key)
        yield from places_in(value, *path, key)


# What an object is: without it there is none.
IDENTITY = ("_id", "_identifier", "name", "kind", "host", "source", "rule_number", "_port", "from", "to")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=st.sampled_from(CERTAIN), data=st.data())
def test_answers_of_aws_may_lack_any_member_that_is_not_their_identity(case, data):
    result, facts, known, _situation, _words = case
    whole = copy.deepcopy({"estate": facts, "cache": known, "result": result})
    for place in data.draw(st.lists(st.sampled_from(sorted(places_in(whole), key=str)), max_size=6)):
        here = whole
        for step in place[:-1]:
            here = here[step] if (step in here if isinstance(here, dict) else isinstance(here, list) and step < len(here)) else None
            if here is None:
                break
        if isinstance(here, dict) and here is not whole and not str(place[-1]).endswith(IDENTITY):
            here.pop(place[-1], None)
    diagnose([vantage(whole["result"])], None, whole["estate"], whole["cache"], DECLARED)


def test_everything_allows_it_and_it_fails():
    """What nobody sees from outside is named, as possible, and what was ruled out is told."""
    causes = causes_of(seen(met="refused"), estate(), cache())
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [("not_listening", "possible")]
    assert any("is available" in line for line in causes[0]["ruled_out"]) and any(":6379 is an endpoint of" in line for line in causes[0]["ruled_out"])


def test_one_cause_of_several_places_is_one_record():
    looks = [vantage(seen(met="refused", from_address=address), name=name) for name, address in (("limiter-1", "10.0.1.10"), ("limiter-2", "10.0.2.10"))]
    causes = diagnose(looks, None, estate(), cache(status="creating"), DECLARED)
    assert [(cause["id"], cause["checks"]) for cause in causes] == [("limiter-1>redis:not_available", ["limiter-1>redis", "limiter-2>redis"])]
    assert causes[0]["path"][0]["hop"] == "limiter-1, limiter-2" and "10.0.1.10 and 10.0.2.10" in causes[0]["client_saw"]


def test_who_reaches_the_same_place_rules_out_that_it_is_gone():
    looks = [vantage(seen(met="refused")), vantage(seen(), name="limiter-2")]
    told = {cause["situation"] for cause in diagnose(looks, None, None, None, DECLARED)}
    assert not told & {"endpoint_gone", "not_available", "wrong_port"}
    assert "limiter-2 reaches Redis in 0.61 ms" in diagnose(looks, None, None, None, DECLARED)[0]["ruled_out"]


def test_a_cache_that_is_gone_and_what_is_behind_it_are_told_apart():
    """The address of something else says nothing of the rules on the way to the cache."""
    causes = causes_of(moved("93.184.216.34"), at(estate(), "network", "security_group_rules", value=[]), cache())
    assert [cause["situation"] for cause in causes] == ["dns_outside"]


def test_only_failed_checks_are_explained():
    looks = [vantage(seen(met="timeout"))]
    assert diagnose(looks, [{"id": "limiter-1>redis", "verdict": "ok"}], estate(), cache(), DECLARED) == []
    assert diagnose(looks, [], estate(), cache(), DECLARED) == []


@pytest.mark.parametrize(("line", "public", "told"), [
    ("Error: connect ETIMEDOUT 10.0.3.21:6379", False, [("caller_is_amplify", "certain")]),
    (f"Error: getaddrinfo ENOTFOUND {REDIS}", False, [("caller_is_amplify", "certain")]),
    ("Error: connect ETIMEDOUT 10.0.4.30:5432 (postgresql://huntazeadmin:canary-of-another@db/postgres)", False, [("caller_is_amplify", "certain")]),
    ("Error: connect ETIMEDOUT 10.0.4.30:5432", None, None),
    ("TypeError: x is not a function", False, []),
])
def test_the_app_writes_that_it_does_not_reach_what_stands_in_the_vpc(line, public, told):
    facts = at(of_database(publicly_accessible=public), "app", value={"log_events": [{"at": AT, "stream": "main/1", "message": line}]})
    causes = diagnose([], [{"id": "app>log", "verdict": "failed"}], facts, cache(), DECLARED)
    assert "canary" not in json.dumps(causes)
    if told is None:
        assert causes and {cause["confidence"] for cause in causes} == {"possible"}
    else:
        assert [(cause["situation"], cause["confidence"]) for cause in causes] == told
    if told:
        assert line[:30] in causes[0]["client_saw"] and "app" in outcome_of(causes)[0]


def test_a_stranger_who_gets_in_is_explained_by_the_rule():
    facts = estate()
    facts["network"]["security_group_rules"].append({
        "security_group_rule_id": "sgr-9", "group_id": "sg-cache", "is_egress": False, "ip_protocol": "tcp", "from_port": 6379, "to_port": 6379,
        "cidr_ipv4": "0.0.0.0/0",
    })
    causes = causes_of(seen(from_address="192.0.2.7"), facts, cache(), name="stranger", inside=False)
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [("rule_too_wide", "certain")]
    assert '"CidrIpv4": "0.0.0.0/0"' in causes[0]["evidence"][0]["text"]
    assert causes[0]["title"] == "security group sg-cache lets tcp 6379 in from 0.0.0.0/0, and so from stranger"


def test_secrets_that_others_repeat_are_masked():
    causes = causes_of(seen("postgresql", "rejected", f"what is {PASSWORD}, and {TOKEN}?"), estate(), cache())
    assert causes and "canary" not in json.dumps(causes)


def test_a_server_that_only_tells_words_is_told_with_them():
    causes = causes_of(seen(met="rejected", words="the server refuses: ERR something of tomorrow"), estate(), cache())
    assert [cause["confidence"] for cause in causes] == ["likely"] and "something of tomorrow" in causes[0]["title"]


def test_every_class_of_error_leads_somewhere():
    for kind in ("redis", "postgresql", "https", "tcp"):
        for cause in Cause:
            result = seen("postgresql" if kind == "postgresql" else "redis", str(cause), kind=kind, name=kind)
            assert causes_of(result, estate(), cache())


def test_each_situation_is_told_by_somebody():
    told = {situation for situation in Situation if f"S.{situation.name}" in Path(judges.__file__).read_text() + (
        Path(judges.__file__).parent / "paths.py").read_text()}
    assert told == set(Situation)


def test_words_are_an_operators():
    for situation in Situation:
        words = situation.words
        for sentence in (words.title, words.does, words.tells, words.short):
            assert not sentence.endswith(".") and "please" not in sentence and "'" not in sentence.replace("'s", ""), sentence
        assert words.kind in (situations.COMMAND, situations.VARIABLE) and words.how in (situations.UNREACHED, situations.REFUSES, situations.DISTRUSTED, situations.LETS_IN)


def test_a_run_ends_with_the_cause_and_the_way_out():
    looks = [vantage(seen(met="refused", from_address=address), name=name) for name, address in (("limiter-1", "10.0.1.10"), ("limiter-2", "10.0.2.10"))]
    sentence, following = outcome_of(diagnose(looks, None, estate(), cache(status="creating"), DECLARED))
    assert sentence == "Redis cannot be reached from limiter-1 and limiter-2: it is not available"
    assert following.startswith("aws elasticache wait replication-group-available --replication-group-id huntaze-redis   # ")
    sentence, following = outcome_of(causes_of(seen(met="wrongpass", words=WRONG), noted(date="2026-11-01T00:00:00+00:00"), cache()))
    assert sentence == "Redis refuses limiter-1: the token was changed elsewhere" and following.startswith("ansible-playbook deploy.yml   # makes ")
    (cause,) = causes_of(seen("postgresql", "wrongpass", "password authentication failed"), estate(), cache())
    assert outcome_of([cause]) == ("PostgreSQL refuses limiter-1: the password or the user is wrong", "Set huntaze_database: {user: ..., password: ...}")
    sentence, following = outcome_of(causes_of(seen(met="wrongpass", words=WRONG), estate(), cache()))
    assert sentence == "Redis refuses limiter-1; 2 causes are possible" and "AuthTokenLastModifiedDate" in following


def test_every_block_of_the_path_is_named():
    facts = at(denied(False, 6379, 6379), "network", "security_group_rules", value=ruled()["network"]["security_group_rules"])
    causes = causes_of(SILENT, facts, cache())
    assert {(cause["situation"], cause["confidence"]) for cause in causes} == {("ingress_missing", "certain"), ("acl_denies", "certain")}
    sentence, _following = outcome_of(causes)
    assert "an ingress rule is missing" in sentence and "a network ACL drops the packets" in sentence


def test_a_block_that_is_known_beside_a_layer_that_nobody_read():
    causes = causes_of(SILENT, at(ruled(), "network", "network_acls", value=None), cache())
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [("ingress_missing", "likely"), ("network_acls", "possible")]


def test_what_aws_shows_of_an_endpoint_is_not_called_unknown():
    (told,) = [one for one in causes_of(seen("postgresql", "timeout", host="alias.example"), estate(), cache()) if one["situation"] == "endpoint_unknown"]
    assert "alias.example is none of them" in told["aws_says"] and told["confidence"] == "possible"


def test_the_way_out_is_a_run_where_the_collection_keeps_the_rule_and_else_a_command():
    (ours,), (others,) = causes_of(SILENT, ruled(), cache()), causes_of(SILENT, denied(False, 6379, 6379), cache())
    assert ours["remedy"]["text"] == "ansible-playbook deploy.yml --tags network,verify" and "tcp 6379 from sg-limiter" in ours["remedy"]["does"]
    assert ours["title"] == "security group sg-cache does not let tcp 6379 in from sg-limiter"
    assert [hop["hop"] for hop in ours["path"] if hop["verdict"] == "failed"] == ["security group"]
    assert "network ACLs let tcp 6379 through, and the answers" in ours["ruled_out"] and "routes lead there and back" in ours["ruled_out"]
    assert others["remedy"]["text"].startswith("aws ec2 create-network-acl-entry") and "does not keep" in others["remedy"]["does"]


def test_who_is_let_through_by_all_that_aws_says_looks_at_the_host():
    causes = causes_of(SILENT, estate(), cache())
    assert [cause["situation"] for cause in causes] == ["host_firewall"]
    assert {cause["confidence"] for cause in causes} == {"possible"} and len(causes[0]["ruled_out"]) >= 5


def test_two_checks_of_one_place_are_one_cause():
    looks = [vantage(SILENT, {**SILENT, "name": "redis/plain-text", "tls": False})]
    checks = [failed(SILENT), failed({"name": "redis/plain-text"})]
    causes = diagnose(looks, checks, ruled(), cache(), DECLARED)
    assert [(cause["id"], cause["checks"]) for cause in causes] == [("limiter-1>redis:ingress_missing", ["limiter-1>redis", "limiter-1>redis/plain-text"])]
    assert outcome_of(causes)[0] == "Redis cannot be reached from limiter-1: an ingress rule is missing"


def test_plain_text_that_is_refused_for_want_of_a_token_is_taken():
    met = seen(met="noauth", name="redis/plain-text", tls=False)
    assert [cause["situation"] for cause in causes_of(met, estate(), cache(transit_encryption_mode="preferred"))] == ["plain_text_taken"]


def agents(met, **changed):
    return seen(met=met, name="agent/limiter-2", kind="https", host="10.0.2.10", port=8443, addresses=["10.0.2.10"], from_address="10.0.1.10", **changed)


def test_an_agent_that_no_rule_lets_callers_reach():
    causes = causes_of(agents("timeout"), estate(), cache())
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [("ingress_missing", "certain")]
    assert "agent limiter-2" in outcome_of(causes)[0]
    declared = {**DECLARED, "huntaze_limiter": {**DECLARED["huntaze_limiter"], "listen_from": ["10.0.0.0/16"]}}
    (kept,) = diagnose([vantage(agents("timeout"))], None, estate(), cache(), declared)
    assert kept["remedy"]["text"] == "ansible-playbook deploy.yml --tags network,verify"


def test_an_agent_that_is_down_and_one_that_refuses():
    assert [cause["remedy"]["text"] for cause in causes_of(agents("refused"), estate(), cache())] == ["ansible-playbook deploy.yml --tags agent,verify"]
    told = causes_of(agents("noauth", words="status 401"), estate(), cache())
    assert [cause["situation"] for cause in told] == ["other"] and "401" in told[0]["title"]


def test_an_agent_has_words_of_its_own():
    """AWS shows no endpoint and no failover of it; the way out starts it."""
    (down,) = causes_of(agents("refused"), estate(), cache())
    assert down["remedy"]["does"].startswith("starts the agent") and not [line for line in down["ruled_out"] if "endpoint" in line]
    (silent,) = causes_of(agents("rejected", words="the server answers with status 503"), estate(), cache())
    assert "database" not in silent["aws_says"]
    ended = causes_of(agents("certificate", words=CERTIFICATE + "certificate has expired"), estate(), cache(), name="controller", inside=None)
    assert outcome_of(ended)[0].startswith("agent limiter-2 is not trusted by controller")
    assert not [cause for cause in ended if cause["remedy"]["text"].startswith("ssh controller")]


def test_the_controller_is_neither_inside_nor_a_stranger():
    (cause,) = diagnose([vantage(agents("refused"), name="controller", inside=None)], [{"id": "controller>agent/limiter-2", "verdict": "failed"}],
                        estate(), cache(), DECLARED)
    assert cause["checks"] == ["controller>agent/limiter-2"]
