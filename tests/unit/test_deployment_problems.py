# SPDX-License-Identifier: GPL-3.0-or-later
from copy import deepcopy

import pytest
from ansible_collections.huntaze.ai_system.plugins.filter.deployment_problems import REQUIRED, deployment_problems

GOOD = {
    "huntaze_aws": {"region": "us-east-1", "expected_account_id": "123456789012"},
    "huntaze_cache": {"name": "huntaze-redis-production", "replication_group_id": "huntaze-redis", "auth_token": "0123456789abcdef"},
    "huntaze_limiter": {"security_group_id": "sg-0123456789abcdef0"},
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
        ({"huntaze_cache__requirepass": "canary-password"}, "auth_token"),
        ({"huntaze_cache__tls_ca": "x"}, "tls_ca_file"),
        ({"huntaze_cache__auth_token": ""}, "HUNTAZE_CACHE_AUTH_TOKEN"),
        ({"huntaze_cache__auth_token": "canary"}, "16"),
        ({"huntaze_app__app_name": "huntaze"}, "exactly one of app_id and app_name"),
        ({"huntaze_app__app_id": ""}, "exactly one of app_id and app_name"),
        ({"huntaze_app__variables": {"AWS_REGION": "us-east-1"}}, "AWS_REGION"),
        ({"huntaze_app__secret_variables": {"API_KEY": ""}}, "API_KEY"),
        ({"huntaze_alarms__items": [{"alarm_name": "x" * 300, "alarm_rule": "TRUE"}]}, "huntaze_alarms.items"),
        ({"huntaze_alarms__items": [{"alarm_name": "x", "alarm_rule": "TRUE", "alarm_rool": "y"}]}, "huntaze_alarms.items"),
    ],
)
def test_each_problem_says_the_way_out_and_no_secret(change, words):
    (problem,) = deployment_problems(variables(**change))
    assert words in problem
    assert "canary" not in problem


def test_all_problems_come_at_once():
    problems = deployment_problems(variables(huntaze_aws__region="", huntaze_cache__auth_token="short", huntaze_cache__nmae="x"))
    assert len(problems) == 3


def test_a_mapping_that_is_none_is_named():
    assert any("huntaze_aws must be a mapping" in problem for problem in deployment_problems({**GOOD, "huntaze_aws": "us-east-1"}))
