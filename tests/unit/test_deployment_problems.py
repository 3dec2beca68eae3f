# SPDX-License-Identifier: GPL-3.0-or-later
import datetime
import functools
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.problems import deployment_problems
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import SCHEMA
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TODAY = datetime.datetime.now(datetime.timezone.utc)


@functools.cache
def pair(begins=-1, ends=30, password=None):
    """PEM text of a certificate, valid from and to so many days from today, and of its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "limiter.example")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(TODAY + datetime.timedelta(days=begins)).not_valid_after(TODAY + datetime.timedelta(days=ends)).sign(key, hashes.SHA256())
    )
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return {"certificate": certificate.public_bytes(pem).decode(), "key": key.private_bytes(pem, pkcs8, lock).decode()}


GOOD = {
    "huntaze_aws": {"region": "us-east-1", "expected_account_id": "123456789012"},
    "huntaze_names": {"prefix": "huntaze-ai", "metric_namespace": "Huntaze/AI"},
    "huntaze_cache": {"name": "huntaze-redis-production", "replication_group_id": "huntaze-redis", "auth_token": "0123456789abcdef"},
    "huntaze_limiter": {
        "security_group_id": "sg-0123456789abcdef0", "url": "https://limiter.example:8443,https://[::1]", "bearer_tokens": ["canary-bearer-token-01234"],
        "listen_from": ["0.0.0.0/0", "::/0", "sg-0123456789abcdef0", "pl-0123456789abcdef0"], "port": 8443, "tls": pair(), "agents": "elsewhere",
    },
    "huntaze_database": {"identifier": "huntaze-postgres-production", "name": "postgres", "user": "u", "password": "canary-password"},
    "huntaze_app": {"app_id": "d1a2b3", "branch": "main", "variables": {"GEMINI_MODEL": "m"}, "secret_variables": {"API_KEY": "canary-key"}},
    "huntaze_bucket": {"name": "huntaze-beta-assets"},
    "huntaze_alarms": {"actions": ["arn:aws:sns:us-east-1:123456789012:operators"], "thresholds": {}, "items": []},
}


def variables(**changes):
    """GOOD with `mapping__key` set; a value of None removes the key."""
    changed = deepcopy(GOOD)
    for path, value in changes.items():
        mapping, key = path.split("__")
        changed[mapping].pop(key, None)
        if value is not None:
            changed[mapping][key] = value
    return changed


def test_good_variables_have_no_problem():
    assert deployment_problems(GOOD) == []


def test_kind_16_agents_publish_where_their_alarms_look():
    region = GOOD["huntaze_aws"]["region"]
    assert deployment_problems(variables(huntaze_limiter__cloudwatch={"region": region})) == []
    (problem,) = deployment_problems(variables(huntaze_limiter__cloudwatch={"region": "eu-north-1"}))
    assert problem.startswith(f"huntaze_limiter.cloudwatch.region is 'eu-north-1', but the alarms and the verification look for the agents' metrics in '{region}'")


@pytest.mark.parametrize("name", ["huntaze_database", "huntaze_app", "huntaze_alarms"])
def test_a_deployment_without_one_of_these_is_fine(name):
    assert deployment_problems({key: mapping for key, mapping in GOOD.items() if key != name}) == []


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, subject in SCHEMA.items() for key, declared in subject.keys.items() if declared.wanted])
@pytest.mark.parametrize("value", [None, "", 7])
def test_every_required_variable_is_missed_when_absent_or_empty_or_no_text(name, key, value):
    (problem,) = deployment_problems(variables(**{f"{name}__{key}": value}))
    assert problem.startswith(f"{name}.{key}")
    assert "Set it to" in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"huntaze_aws__region": "us-east"}, "huntaze_aws.region 'us-east'"),
        ({"huntaze_aws__expected_account_id": "12345"}, "12 digits"),
        ({"huntaze_limiter__security_group_id": "limiters"}, "sg-0123456789abcdef0"),
        ({"huntaze_limiter__url": "http://limiter.example"}, "'http://limiter.example' is not usable"),
        ({"huntaze_limiter__url": "https://a.example, https://user@b.example"}, "'https://...@b.example' is not usable"),
        ({"huntaze_limiter__url": ["https://a.example"]}, "huntaze_limiter.url must be text"),
        ({"huntaze_limiter__bearer_tokens": None}, "huntaze_limiter.bearer_tokens is missing"),
        ({"huntaze_limiter__bearer_tokens": ["xy" * 12, "canary"]}, "number 2 is not 24 or more"),
        ({"huntaze_limiter__bearer_tokens": ["x" * 24, "y" * 24, "x" * 24]}, "names a token twice"),
        ({"huntaze_limiter__bearer_tokens": "x" * 24}, "must be a list"),
        ({"huntaze_limiter__listen_from": ["0.0.0.0/33"]}, "'0.0.0.0/33' is not usable"),
        ({"huntaze_limiter__listen_from": "0.0.0.0/0"}, "must be a list"),
        ({"huntaze_limiter__port": "https"}, "'https' must be a number above 0"),
        ({"huntaze_limiter__tls": {"certificate": "canary"}}, "only one of certificate and key"),
        ({"huntaze_limiter__tls": {**pair(), "ca": "x"}}, "huntaze_limiter.tls.ca is not known"),
        ({"huntaze_limiter__cloudwatch": ["x"]}, "huntaze_limiter.cloudwatch must be a mapping"),
        ({"huntaze_limiter__rules": "starter"}, "huntaze_limiter.rules must be a mapping"),
        ({"huntaze_app__variables": {"LIMITER_URL": "https://a.example"}}, "huntaze_app.variables: LIMITER_URL comes from huntaze_limiter"),
        ({"huntaze_cache__requirepass": "canary-password"}, "auth_token"),
        ({"huntaze_cache__tls_ca": "x"}, "tls_ca_file"),
        ({"huntaze_cache__auth_token": ""}, "HUNTAZE_CACHE_AUTH_TOKEN"),
        ({"huntaze_cache__auth_token": "canary"}, "16"),
        ({"huntaze_app__app_name": "huntaze"}, "exactly one of app_id and app_name"),
        ({"huntaze_app__app_id": ""}, "exactly one of app_id and app_name"),
        ({"huntaze_app__variables": {"AWS_REGION": "us-east-1"}}, "AWS_REGION"),
        ({"huntaze_app__secret_variables": {"API_KEY": ""}}, "API_KEY"),
        ({"huntaze_app__variables": ["A"]}, "must be a mapping"),
        ({"huntaze_alarms__thresholds": {"cache_cpu": 3}}, "cache_cpu_percent"),
        ({"huntaze_alarms__thresholds": {"cache_cpu_percent": "forty"}}, "must be a number. Correct"),
        ({"huntaze_alarms__thresholds": [3]}, "must be a mapping"),
        ({"huntaze_alarms__items": {"alarm_name": "x"}}, "must be a list"),
        ({"huntaze_alarms__items": [{"alarm_name": "x" * 300, "alarm_rule": "TRUE"}]}, "huntaze_alarms.items"),
        ({"huntaze_alarms__items": [{"alarm_name": "x", "alarm_rule": "TRUE", "alarm_rool": "y"}]}, "huntaze_alarms.items"),
    ],
)
def test_each_problem_says_the_way_out_and_no_secret(change, words):
    (problem,) = deployment_problems(variables(**change))
    assert words in problem
    assert "canary" not in problem


@pytest.mark.parametrize("user", ["user:canary", "canary", "user:canary/canary", "user:canary@canary"])
@pytest.mark.parametrize("key", ["huntaze_limiter__url", "huntaze_aws__endpoint_url"])
@pytest.mark.parametrize("host", ["b.example", "your-host"])
def test_kind_27_a_password_in_a_url_is_not_shown(key, user, host):
    problems = deployment_problems(variables(**{key: f"https://{user}@{host}"}))
    assert problems and "canary" not in str(problems)


@pytest.mark.parametrize("interval", ["60", 0, -1, True, [60]])
def test_kind_27_an_interval_that_the_alarms_could_not_count_with_is_refused(interval):
    (problem,) = deployment_problems(variables(huntaze_limiter__cloudwatch={"interval": interval}))
    assert problem.startswith(f"huntaze_limiter.cloudwatch.interval {interval!r} must be a number above 0")


@pytest.mark.parametrize("interval", [2, 60, None, ""])
def test_kind_27_an_interval_that_is_a_number_passes(interval):
    assert deployment_problems(variables(huntaze_limiter__cloudwatch={"interval": interval})) == []


def test_agents_need_a_bearer_token_even_where_no_app_asks_them():
    without = {**GOOD, "huntaze_limiter": {"security_group_id": "sg-0123456789abcdef0"}}
    (problem,) = deployment_problems(without, agents=True)
    assert "huntaze_limiter.bearer_tokens is missing" in problem
    assert deployment_problems(variables(huntaze_limiter__agents="deployed"), agents=True) == []


def test_all_problems_come_at_once():
    problems = deployment_problems(variables(huntaze_aws__region="", huntaze_cache__auth_token="short", huntaze_cache__nmae="x"))
    assert len(problems) == 3


def test_a_mapping_that_is_none_is_named():
    assert any("huntaze_aws must be a mapping" in problem for problem in deployment_problems({**GOOD, "huntaze_aws": "us-east-1"}))


@pytest.mark.parametrize(
    ("limiter", "agents", "words"),
    [
        ({}, False, "huntaze_limiter_agents has no host"),
        ({"agents": "deployed"}, False, "huntaze_limiter_agents has no host"),
        ({"agents": "elsewhere"}, True, "huntaze_limiter_agents has hosts"),
        ({"agents": "none"}, True, "huntaze_limiter_agents has hosts"),
        ({"agents": "none", "url": "https://limiter.example"}, False, "huntaze_limiter.url names agents"),
        ({"agents": "elswhere"}, False, "Did you mean elsewhere?"),
        ({"agents": "elsewhere", "listen_from": ["0.0.0.0/0"]}, False, "name the load balancer's security group (sg-)"),
        ({"agents": "elsewhere", "listen_from": ["::/0"]}, False, "in plain text"),
        ({"agents": "elsewhere", "listen_from": ["203.0.113.0/24"]}, False, "in plain text"),
        ({"agents": "elsewhere", "listen_from": ["0.0.0.0/1"]}, False, "in plain text"),
        ({"agents": "elsewhere", "listen_from": ["pl-0123456789abcdef0"]}, False, "in plain text"),
        ({"agents": "elsewhere", "listen_from": ["0.0.0.0/0"], "tls": {"ca_file": None}}, False, "in plain text"),
        ({"agents": "elsewhere", "listen_from": ["0.0.0.0/0"], "tls": {"certificate": "", "key": ""}}, False, "in plain text"),
    ],
)
def test_kind_31_unsafe_defaults_are_refused_with_the_way_out(limiter, agents, words):
    given = {"security_group_id": "sg-0123456789abcdef0", "bearer_tokens": ["x" * 24], **limiter}
    (problem,) = deployment_problems({**GOOD, "huntaze_limiter": given}, agents=agents)
    assert words in problem


@pytest.mark.parametrize("source", ["sg-0123456789abcdef0", "10.0.0.0/16", "172.31.0.0/16", "192.168.7.0/24", "100.64.0.0/10", "fd00::/8"])
def test_kind_31_behind_a_load_balancer_agents_need_no_certificate(source):
    given = {"security_group_id": "sg-0123456789abcdef0", "bearer_tokens": ["x" * 24], "listen_from": [source], "agents": "elsewhere"}
    assert deployment_problems({**GOOD, "huntaze_limiter": given}) == []


@pytest.mark.parametrize("actions", [None, [], ""])
def test_kind_31_alarms_that_tell_nobody_are_refused_unless_that_is_said(actions):
    (problem,) = deployment_problems({**GOOD, "huntaze_alarms": {"actions": actions, "thresholds": {}}})
    assert "would tell nobody" in problem and "huntaze_alarms.actions: none" in problem
    assert deployment_problems(variables(huntaze_alarms__actions="none")) == []


@pytest.mark.parametrize("source", ["10.0.0.0/255.255.0.0", "10.0.0.1", "10.0.0.1/8", "sg-xyz", "0.0.0.0/33", "fe80::1%eth0/64", 7, None, "10.0.0.0/ 8"])
def test_kind_04_sources_of_callers_are_read_as_strictly_as_rules(source):
    (problem,) = deployment_problems(variables(huntaze_limiter__listen_from=[source]))
    assert f"listen_from {source!r} is not usable" in problem


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ({"certificate": "limiter.pem", "key": "limiter.key"}, "certificate is not PEM text"),
        ({**pair(), "key": "canary"}, "key is not PEM text"),
        ({**pair(), "key": pair(password=b"canary")["key"]}, "key is encrypted"),
        ({**pair(), "key": pair(ends=31)["key"]}, "do not belong together"),
        (pair(begins=-60, ends=-1), "is past or within a day"),
        (pair(ends=0.5), "is past or within a day"),
        (pair(begins=2), "is not valid before"),
        ({"certificate": 7, "key": 7}, "certificate is not PEM text"),
    ],
)
def test_kind_16_a_certificate_that_the_agents_cannot_use_is_refused(tls, words):
    (problem,) = deployment_problems(variables(huntaze_limiter__tls=tls))
    assert problem.startswith("huntaze_limiter.tls.") and words in problem and "canary" not in problem


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"plan": {}}, "has no plan; it has plans"),
        ({"plans": {"a b": {"without_redis": "open", "limits": [{"name": "hour", "requests": 1, "seconds": 60}]}}}, "'a b' has to be letters"),
        ({"plans": {"starter": {"without_redis": "open", "limits": [{"name": "hour", "requests": "many", "seconds": 60}]}}}, "whole number from 1"),
        ({"plans": {"starter": {"without_redis": "open", "limits": []}}}, "at least one item"),
    ],
)
def test_kind_16_rules_are_read_by_the_agents_own_reader(rules, words):
    assert any(problem.startswith("huntaze_limiter.rules: ") and words in problem for problem in deployment_problems(variables(huntaze_limiter__rules=rules)))


def test_kind_16_the_rules_of_the_package_pass():
    rules = Path(__file__).parents[2] / "roles" / "limiter_agent" / "files" / "limiter_agent" / "limiter_agent" / "rules.yml"
    for read in (yaml.safe_load, DataLoader().load):  # Ansible's own text types too
        assert deployment_problems(variables(huntaze_limiter__rules=read(rules.read_text()))) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read on the controller: No such file"), ("no certificate", "holds no certificate in PEM format"), (pair()["certificate"], "")],
)
@pytest.mark.parametrize("place", ["huntaze_cache__tls_ca_file", "huntaze_limiter__tls"])
def test_kind_16_files_of_certificates_are_looked_for(content, words, place, tmp_path):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    problems = deployment_problems(variables(**{place: {**pair(), "ca_file": str(path)} if place.endswith("tls") else str(path)}))
    assert [problem for problem in problems if words not in problem] == [] and len(problems) == bool(words)


def test_kind_16_a_relative_path_of_a_file_is_refused():
    (problem,) = deployment_problems(variables(huntaze_cache__tls_ca_file="ca.pem"))
    assert "is a relative path" in problem


@pytest.mark.parametrize(
    "value",
    ["https://your-app.amplifyapp.com", "your-gemini-api-key", "your-secret-here", "changeme", "Change-Me", "<token>", "TODO", "xxx", "...", "https://...",
     "{{ secret }}", "${SECRET}", "%TOKEN%", "password", "postgresql://u:PASSWORD@db.internal:5432/postgres", "https://example.com", "REPLACE_ME",
     "insert-your-key"],
)
def test_kind_21_a_placeholder_is_refused_by_name(value):
    for key in ("variables", "secret_variables"):
        (problem,) = deployment_problems(variables(**{f"huntaze_app__{key}": {"NEXTAUTH_URL": value}, "huntaze_app__build_quotes_values": True}))
        assert problem.startswith(f"huntaze_app.{key}: NEXTAUTH_URL is a placeholder") and value not in problem


@pytest.mark.parametrize("value", ["", None, "  "])
def test_kind_21_an_empty_value_is_refused_by_name(value):
    for key in ("variables", "secret_variables"):
        (problem,) = deployment_problems(variables(**{f"huntaze_app__{key}": {"NEXTAUTH_URL": value}, "huntaze_app__build_quotes_values": True}))
        assert problem.startswith(f"huntaze_app.{key}: NEXTAUTH_URL is empty")


@pytest.mark.parametrize(
    "value", ["https://main.d1a2b3.amplifyapp.com", "gemini-2.0-flash-exp", "huntaze-beta-assets", "true", "0", "you", "AIzaSyD-your3f", "exchangement"],
)
def test_kind_21_real_values_pass(value):
    assert deployment_problems(variables(huntaze_app__variables={"VALUE": value})) == []


@pytest.mark.parametrize(
    "change",
    [
        {"huntaze_cache__name": "your-cache-name"}, {"huntaze_cache__auth_token": "your-token-goes-here"}, {"huntaze_database__password": "changeme"},
        {"huntaze_database__endpoint": "your-database-host"}, {"huntaze_limiter__url": "https://..."},
        {"huntaze_limiter__bearer_tokens": ["your-token-goes-here-0123"]},
        {"huntaze_aws__secret_key": "your-secret-key"}, {"huntaze_aws__profile": "changeme"},
    ],
)
def test_kind_21_placeholders_are_refused_everywhere(change):
    (problem,) = deployment_problems(variables(**change))
    (path,) = change
    assert problem.startswith(path.replace("__", ".")) and "is a placeholder" in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"huntaze_cache__name": "huntaze-redis.asmyhp.0001.use1.cache.amazonaws.com"}, "looks like an endpoint"),
        ({"huntaze_cache__name": "arn:aws:elasticache:us-east-1:123456789012:cluster:huntaze-redis"}, "'huntaze-redis'"),
        ({"huntaze_cache__name": "huntaze-redis:6379"}, "no ID of a cache"),
        ({"huntaze_cache__name": "huntaze-redis "}, "ends with a blank"),
        ({"huntaze_cache__name": "huntaze-redis\n"}, "ends with a line end"),
        ({"huntaze_cache__auth_token": "0123456789abcdef\n"}, "ends with a line end"),
        ({"huntaze_cache__replication_group_id": "arn:aws:elasticache:us-east-1:123456789012:replicationgroup:huntaze"}, "an ARN"),
        ({"huntaze_limiter__security_group_id": "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0123456789abcdef0"}, "'sg-0123456789abcdef0'"),
        ({"huntaze_database__identifier": "db.c2ryoow8c5m4.us-east-1.rds.amazonaws.com"}, "looks like an endpoint"),
        ({"huntaze_database__endpoint": "https://db.internal"}, "it is a URL"),
        ({"huntaze_database__endpoint": "db.internal:5432"}, "'db.internal"),
        ({"huntaze_database__endpoint": " db.internal"}, "begins with a blank"),
        ({"huntaze_database__port": 70000}, "between 1 and 65535"),
        ({"huntaze_database__password": "canary\n"}, "ends with a line end"),
        ({"huntaze_app__app_id": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3"}, "'d1a2b3'"),
        ({"huntaze_app__branch": "refs/heads/main"}, "such as main"),
        ({"huntaze_aws__region": "us-east-1a"}, "a region such as us-east-1"),
        ({"huntaze_aws__endpoint_url": "localhost:4566"}, "Set it to a URL"),
        ({"huntaze_limiter__url": "https://a.example.internal,,https://b.example.internal"}, "a comma too many"),
        ({"huntaze_cache__nmae": "x"}, "Did you mean name?"),
        ({"huntaze_limiter__bearer_token": ["x"]}, "Did you mean bearer_tokens?"),
        ({"huntaze_app__secret_varables": {}}, "Did you mean secret_variables?"),
        ({"huntaze_alarms__thresholds": {"cache_cpu_precent": 3}}, "Did you mean cache_cpu_percent?"),
        ({"huntaze_limiter__cloudwatch": {"intervall": 3}}, "Did you mean interval?"),
        ({"huntaze_cache__wait_timeout": True}, "must be a number above 0"),
        ({"huntaze_cache__wait_timeout": float("nan")}, "must be a number above 0"),
        ({"huntaze_cache__snapshot": "yes"}, "must be true or false"),
        ({"huntaze_alarms__thresholds": {"anomalies": float("nan")}}, "must be a number. Correct"),
        ({"huntaze_alarms__actions": ["operators"]}, "is not an ARN"),
    ],
)
def test_kind_27_a_value_of_another_shape_is_told_what_it_looks_like(change, words):
    (problem,) = deployment_problems(variables(**change))
    assert words in problem and "canary" not in problem


@pytest.mark.parametrize(
    "region", ["us-east-1", "eusc-de-east-1", "us-gov-west-1", "cn-northwest-1", "us-iso-east-1", "us-isob-east-1", "ap-southeast-7", "mx-central-1"],
)
def test_kind_39_regions_of_every_partition_pass(region):
    assert deployment_problems(variables(huntaze_aws__region=region)) == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({}, "huntaze_names.prefix is missing"), ({"metric_namespace": "Acme/AI", "prefix": "acme ai"}, "'acme ai' is not usable"),
        ({"prefix": "acme", "metric_namespace": "AWS/ElastiCache"}, "not one of AWS's own"), ({"prefix": "acme", "metric_namespace": "A B"}, "is not usable"),
        ({"prefix": "acme", "metric_namespace": "Acme/AI", "namespace": "x"}, "huntaze_names.namespace is not known"),
    ],
)
def test_kind_32_names_are_the_inventorys(names, words):
    assert words in deployment_problems({**GOOD, "huntaze_names": names})[0]


@pytest.mark.parametrize("name", ["ELASTICACHE_REDIS_HOST", "ELASTICACHE_REDIS_PORT"])
def test_kind_15_a_variable_that_the_stage_would_write_over_is_refused(name):
    own = variables(huntaze_app__variables={name: "mine"})
    assert deployment_problems(own) == []
    own["huntaze_app"]["elasticache_variables"] = True
    (problem,) = deployment_problems(own)
    assert f"huntaze_app.variables: {name} comes from the live endpoints" in problem


@pytest.mark.parametrize("mapping", ["huntaze_aws", "huntaze_cache", "huntaze_limiter", "huntaze_database", "huntaze_app", "huntaze_alarms"])
def test_kind_15_optional_keys_without_a_value_are_as_if_left_out(mapping):
    nothing = {**GOOD[mapping], **dict.fromkeys({key for key, declared in SCHEMA[mapping].keys.items() if not declared.wanted} - set(GOOD[mapping]))}
    assert deployment_problems({**GOOD, mapping: nothing}) == []


@pytest.mark.parametrize("value", ["a#b", "a$HOME", "'a'", "a\nb", "  a"])
@pytest.mark.parametrize("place", ["huntaze_app__variables", "huntaze_app__secret_variables"])
def test_kind_06_values_that_a_plain_build_loses_are_refused_unless_the_build_quotes_them(value, place):
    (problem,) = deployment_problems(variables(**{place: {"VALUE": value}}))
    assert "VALUE" in problem and value not in problem and "set huntaze_app.build_quotes_values: true" in problem
    assert deployment_problems(variables(**{place: {"VALUE": value}, "huntaze_app__build_quotes_values": True})) == []


def test_kind_06_the_bearer_token_goes_the_same_way():
    token = "canary#0123456789012345678"
    (problem,) = deployment_problems(variables(huntaze_limiter__bearer_tokens=[token]))
    assert "bearer_tokens" in problem and "canary" not in problem
    assert deployment_problems(variables(huntaze_limiter__bearer_tokens=[token], huntaze_app__build_quotes_values=True)) == []


ACCEPTED = {"object": "alarm huntaze-ai-cpu", "field": "threshold", "reason": "load test", "until": "2027-01-31"}


@pytest.mark.parametrize(
    ("drift", "problem"),
    [
        ({"formats": ["markdwn"]}, "huntaze_drift.formats 'markdwn' is not known. Did you mean markdown? Use some of: markdown, html."),
        ({"keep": 1.5}, "huntaze_drift.keep 1.5 is not usable. Set it to a whole number."),
        ({"attribute": "yes"}, "huntaze_drift.attribute 'yes' must be true or false. Correct it, or leave it out."),
        ({"accepted": ["threshold"]}, "huntaze_drift.accepted[0] must be a mapping with object, field, reason, until."),
        ({"accepted": [{**ACCEPTED, "untill": 1}]}, "huntaze_drift.accepted[0].untill is not known. Did you mean until? Remove it."),
        ({"accepted": [ACCEPTED, {**ACCEPTED, "reason": ""}]}, "huntaze_drift.accepted[1].reason is missing. Say why, for those who read the report."),
        ({"accepted": [{**ACCEPTED, "until": "soon"}]}, "huntaze_drift.accepted[0].until 'soon' is no day. Give one as 2027-01-31."),
        ({"accepted": [{**ACCEPTED, "until": 7}]}, "huntaze_drift.accepted[0].until 7 is no day. Give one as 2027-01-31."),
    ],
)
def test_what_a_drift_run_cannot_work_with(drift, problem):
    assert deployment_problems({**GOOD, "huntaze_drift": drift}) == [problem]


@pytest.mark.parametrize("until", ["2027-01-31", datetime.date(2027, 1, 31), datetime.datetime(2027, 1, 31, 5)])
def test_a_day_may_be_one_of_yaml_or_text(until):
    assert deployment_problems({**GOOD, "huntaze_drift": {"accepted": [{**ACCEPTED, "until": until, "by": "owner"}]}}) == []


@pytest.mark.parametrize(("value", "fits"), [(True, True), ("false", True), ("True", True), ("no", True), ("1", True), ("maybe", False), ("", False), ([], False)])
def test_a_switch_of_the_command_line_is_text_and_says_true_or_false(value, fits):
    problems = deployment_problems(GOOD, switches={"huntaze_drift_correct": value})
    assert problems == ([] if fits else [f"huntaze_drift_correct {value!r} must be true or false. Correct it, or leave it out."])
