# SPDX-License-Identifier: GPL-3.0-or-later
"""The alarms that the stage hands over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.problems import alarm_problems
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.alarms import deployment_alarms, heartbeat

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
COMMON, OWN = "arn:aws:sns:us-east-1:123456789012:operators", "arn:aws:sns:us-east-1:123456789012:mine"


def handed_over(agents=2, instances=("huntaze-postgres",), nodes=("huntaze-001",), **inventory):
    """The alarms by their names. `instances` are names, or what AWS says of each."""
    variables = {
        "huntaze_names": {"prefix": "huntaze-ai", "metric_namespace": "Huntaze/AI"},
        "huntaze_alarms": {"actions": [COMMON]},
        "huntaze_limiter": {},
        "huntaze_cache": {"name": "huntaze"},
        **inventory,
    }
    alarms = deployment_alarms(
        variables, {"member_clusters": list(nodes), "cache_node_type": "cache.t3.micro"},
        [{"db_instance_identifier": each} if isinstance(each, str) else each for each in instances], agents,
    )
    assert len({alarm["alarm_name"] for alarm in alarms}) == len(alarms)
    return {alarm["alarm_name"]: alarm for alarm in alarms}


def test_the_module_takes_what_is_handed_over():
    options = ("metric_name", "metrics", "alarm_rule", "statistic", "extended_statistic")
    alarms = [{**dict.fromkeys(options), **alarm, "period": alarm.get("period") and int(alarm["period"])} for alarm in handed_over().values()]
    assert alarm_problems(alarms) == []


@pytest.mark.parametrize(
    ("own", "common", "told"),
    [
        ([OWN], [COMMON], [OWN, COMMON]), ([OWN], [], [OWN]), ([OWN], "none", [OWN]), ([OWN], None, [OWN]), ([OWN, COMMON], [COMMON], [OWN, COMMON]),
        (OWN, [COMMON], [OWN, COMMON]), (f"{OWN}, {COMMON}", [COMMON], [OWN, COMMON]), (OWN, "none", [OWN]),
        ([], [COMMON], [COMMON]), (None, [COMMON], [COMMON]), ("left out", [COMMON], [COMMON]), ("left out", "none", []),
    ],
)
def test_kind_15_an_alarm_tells_its_own_actions_and_the_common_ones(own, common, told):
    item = {"alarm_name": "mine", "alarm_rule": "TRUE", **({} if own == "left out" else {"alarm_actions": own})}
    assert handed_over(huntaze_alarms={"actions": common, "items": [item]})["mine"]["alarm_actions"] == told


@pytest.mark.parametrize("alarms", [{"items": None, "thresholds": None}, {"actions": None}, {}])
@pytest.mark.parametrize("limiter", [{"cloudwatch": None, "agents": None}, {"cloudwatch": {"interval": None, "namespace": None}}])
def test_kind_15_null_mappings_are_as_if_left_out(alarms, limiter):
    assert handed_over(huntaze_alarms=alarms, huntaze_limiter=limiter).keys() == handed_over().keys()


def test_kind_15_other_options_of_an_item_are_kept_and_no_default_is_merged_over_them():
    item = {"alarm_name": "mine", "alarm_rule": "TRUE", "ok_actions": [OWN], "actions_enabled": False, "treat_missing_data": "ignore"}
    assert handed_over(huntaze_alarms={"actions": [COMMON], "items": [item]})["mine"] == {**item, "alarm_actions": [COMMON]}


def test_kind_19_the_stage_leaves_muting_to_operations():
    assert not [alarm for alarm in handed_over().values() if "actions_enabled" in alarm]


@pytest.mark.parametrize("nodes", [("a-001",), ("a-001", "a-002"), ("a-001", "a-002", "a-003")])
def test_kind_38_every_node_of_the_cache_is_watched(nodes):
    alarms = handed_over(nodes=nodes)
    for metric in ("CPUUtilization", "DatabaseMemoryUsagePercentage", "Evictions", "CurrConnections", "CPUCreditBalance"):
        watched = [alarm["dimensions"] for alarm in alarms.values() if alarm.get("metric_name") == metric and alarm["namespace"] == "AWS/ElastiCache"]
        assert watched == [[{"name": "CacheClusterId", "value": node}] for node in nodes], metric
    rule = alarms["huntaze-ai-system-unhealthy"]["alarm_rule"]
    assert [name for name in alarms if f'ALARM("{name}")' in rule and "-cache-" in name] == [
        f"huntaze-ai-cache-{what}-{node}" for node in nodes for what in ("cpu", "memory", "evictions")
    ]


def test_kind_38_every_instance_of_a_database_cluster_is_watched():
    alarms = handed_over(instances=("db-1", "db-2", "db-3"))
    assert [name for name in alarms if "database-cpu" in name] == [f"huntaze-ai-database-cpu-db-{number}" for number in (1, 2, 3)]
    assert not [name for name in handed_over(instances=()) if "database" in name]


@pytest.mark.parametrize(
    ("engine", "watched"),
    [("postgres", True), (None, True), ("left out", True), ("aurora-postgresql", False), ("aurora-mysql", False), ("aurora", False)],
)
def test_kind_38_no_alarm_waits_for_a_metric_that_aurora_does_not_have(engine, watched):
    instance = {"db_instance_identifier": "db", **({} if engine == "left out" else {"engine": engine})}
    names = [name for name in handed_over(instances=(instance,)) if "-database-" in name]
    assert names == [f"huntaze-ai-database-{what}-db" for what in ("cpu", *(["storage"] if watched else []), "connections")]


@pytest.mark.parametrize("agents", [1, 3, 20])
@pytest.mark.parametrize("interval", [2, 60, 90])
def test_kind_38_one_silent_agent_of_several_is_noticed_and_none_is_missed_by_the_edge_of_a_period(agents, interval):
    alarm = handed_over(agents=agents, huntaze_limiter={"cloudwatch": {"interval": interval}})["huntaze-ai-agent-silent"]
    assert (alarm["statistic"], alarm["comparison_operator"], alarm["treat_missing_data"]) == ("SampleCount", "LessThanThreshold", "breaching")
    period, threshold = int(alarm["period"]), float(alarm["threshold"])
    beats = period / interval
    assert (period, alarm["threshold"]) == heartbeat(agents, interval)
    assert period % 60 == 0 and period * int(alarm["evaluation_periods"]) <= 86400
    assert (agents - 1) * (beats + 1) < threshold, "the others beat once more each, and it shows all the same"
    assert agents * (beats - 1) > threshold, "each beats once less, and none is silent"


def test_kind_38_of_agents_elsewhere_one_is_enough_and_without_agents_nothing_waits_for_them():
    assert float(handed_over(agents=0, huntaze_limiter={"agents": "elsewhere"})["huntaze-ai-agent-silent"]["threshold"]) == 2.5
    without = handed_over(agents=0, huntaze_limiter={"agents": "none"})
    assert "huntaze-ai-agent-silent" not in without and "agent-silent" not in without["huntaze-ai-system-unhealthy"]["alarm_rule"]


@pytest.mark.parametrize("hours", [1, 26, 168])
def test_drift_runs_are_watched_where_they_tell_of_themselves(hours):
    declared = {"metrics": True, "max_age_hours": hours}
    drift = {name.removeprefix("huntaze-ai-drift-"): alarm for name, alarm in handed_over(huntaze_drift=declared).items() if "-drift-" in name}
    assert {name: (alarm["metric_name"], alarm["threshold"], alarm["treat_missing_data"]) for name, alarm in drift.items()} == {
        "detected": ("DriftDetected", 0, "ignore"), "run-failed": ("DriftRunFailed", 0, "ignore"), "run-age": ("DriftRunAge", hours * 3600, "breaching"),
    }
    assert drift["run-age"]["period"] * drift["run-age"]["evaluation_periods"] == hours * 3600
    assert alarm_problems([{**dict.fromkeys(("metrics", "alarm_rule", "extended_statistic")), **alarm} for alarm in drift.values()]) == []
    assert handed_over(huntaze_drift={"metrics": False}).keys() == handed_over().keys()


def test_kind_32_everything_follows_the_prefix_and_the_namespace():
    names = {"prefix": "acme-staging", "metric_namespace": "Acme/Staging"}
    alarms = handed_over(huntaze_names=names, nodes=("acme-001",), instances=("acme-db",))
    assert "huntaze" not in json.dumps(alarms, default=str).lower()
    assert all(name.startswith("acme-staging-") for name in alarms)


@pytest.mark.parametrize("limiter", [{"cloudwatch": {"namespace": "Mine"}}, {"cloudwatch": {"namespace": "Mine", "region": "eu-west-1"}}])
def test_kind_32_the_limiters_alarms_look_where_the_agents_publish(limiter):
    namespaces = {alarm["namespace"] for alarm in handed_over(huntaze_limiter=limiter).values() if "namespace" in alarm}
    assert namespaces == {"AWS/ElastiCache", "AWS/RDS", "Mine"}


def test_kind_32_no_playbook_and_no_default_of_the_role_bears_a_companys_name():
    for file in [*PLAYBOOKS.rglob("*.yml"), *(PLAYBOOKS.parent / "roles" / "limiter_agent").glob("[dtv]*/*.yml")]:
        text = file.read_text().replace("huntaze.ai_system", "").replace("huntaze_", "").replace("scripts/huntaze-drift", "")
        assert "huntaze" not in text.lower(), file
