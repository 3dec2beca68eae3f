# SPDX-License-Identifier: GPL-3.0-or-later
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from ansible_collections.huntaze.ai_system.plugins.filter.deployment_problems import REQUIRED, THRESHOLDS, deployment_problems

GOOD = {
    "huntaze_aws": {"region": "us-east-1", "expected_account_id": "123456789012"},
    "huntaze_cache": {"name": "huntaze-redis-production", "replication_group_id": "huntaze-redis", "auth_token": "0123456789abcdef"},
    "huntaze_limiter": {
        "security_group_id": "sg-0123456789abcdef0", "url": "https://limiter.example:8443,https://[::1]", "bearer_tokens": ["canary-bearer-token-0123"],
        "listen_from": ["0.0.0.0/0", "::/0", "sg-0123456789abcdef0", "pl-0123456789abcdef0"], "port": 8443, "tls": {"certificate": "c", "key": "canary-key"},
    },
    "huntaze_database": {"identifier": "huntaze-postgres-production", "name": "postgres", "user": "u", "password": "canary-password"},
    "huntaze_app": {"app_id": "d1a2b3", "branch": "main", "variables": {"GEMINI_MODEL": "m"}, "secret_variables": {"API_KEY": "canary-key"}},
    "huntaze_alarms": {"actions": [], "thresholds": {}, "items": []},
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


@pytest.mark.parametrize("name", ["huntaze_database", "huntaze_app", "huntaze_alarms"])
def test_a_deployment_without_one_of_these_is_fine(name):
    assert deployment_problems({key: mapping for key, mapping in GOOD.items() if key != name}) == []


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in REQUIRED.items() for key in keys])
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
        ({"huntaze_limiter__url": "https://a.example, https://user@b.example"}, "'https://user@b.example' is not usable"),
        ({"huntaze_limiter__url": ["https://a.example"]}, "separated by commas"),
        ({"huntaze_limiter__bearer_tokens": None}, "huntaze_limiter.bearer_tokens is missing"),
        ({"huntaze_limiter__bearer_tokens": ["x" * 24, "canary"]}, "number 2 is not 24 or more"),
        ({"huntaze_limiter__bearer_tokens": ["canary-$HOME-0123456789012"]}, "without $"),
        ({"huntaze_limiter__bearer_tokens": "x" * 24}, "must be a list"),
        ({"huntaze_limiter__listen_from": ["0.0.0.0/33"]}, "'0.0.0.0/33' is not usable"),
        ({"huntaze_limiter__listen_from": "0.0.0.0/0"}, "must be a list"),
        ({"huntaze_limiter__port": "https"}, "'https' is not usable"),
        ({"huntaze_limiter__tls": {"certificate": "canary"}}, "only one of certificate and key"),
        ({"huntaze_limiter__tls": {"ca": "x"}}, "huntaze_limiter.tls.ca is not known"),
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
        ({"huntaze_alarms__thresholds": {"cache_cpu_percent": "forty"}}, "is not a number"),
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


def test_agents_need_a_bearer_token_even_where_no_app_asks_them():
    without = {**GOOD, "huntaze_limiter": {"security_group_id": "sg-0123456789abcdef0"}}
    assert deployment_problems(without) == []
    (problem,) = deployment_problems(without, agents=True)
    assert "huntaze_limiter.bearer_tokens is missing" in problem
    assert deployment_problems(GOOD, agents=True) == []


def test_all_problems_come_at_once():
    problems = deployment_problems(variables(huntaze_aws__region="", huntaze_cache__auth_token="short", huntaze_cache__nmae="x"))
    assert len(problems) == 3


def test_a_mapping_that_is_none_is_named():
    assert any("huntaze_aws must be a mapping" in problem for problem in deployment_problems({**GOOD, "huntaze_aws": "us-east-1"}))


def test_the_thresholds_known_are_those_of_the_playbooks():
    playbook = yaml.safe_load((Path(__file__).parents[2] / "playbooks" / "vars" / "alarms.yml").read_text())
    assert {name for name in THRESHOLDS if f"'{name}':" in playbook["huntaze_alarm_thresholds"]} == THRESHOLDS
    assert playbook["huntaze_alarm_thresholds"].count("':") == len(THRESHOLDS)
