# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_alarms beside amazon.aws.cloudwatch_metric_alarm: the same alarms, and fewer false changes."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t

import pytest

TOPICS = [f"arn:aws:sns:us-east-1:123456789012:{name}" for name in ("oncall", "archive")]
EVALUATED = {"evaluation_periods": 3, "threshold": 80, "comparison": "GreaterThanThreshold"}
SINGLE = {"namespace": "AWS/ElastiCache", "metric_name": "EngineCPUUtilization", "statistic": "Average", "period": 60, **EVALUATED}
STAT = {"metric": {"namespace": "Huntaze/AI", "metric_name": "Latency", "dimensions": [{"name": "Agent", "value": "a"}]}, "period": 60, "stat": "p99"}
PERCENTILE = {key: value for key, value in SINGLE.items() if key != "statistic"} | {"extended_statistic": "p99.9"}

# In the words of amazon.aws.
CASES: dict[str, dict[str, t.Any]] = {
    "plain": SINGLE,
    "described": {**SINGLE, "description": "Look at the slow log", "unit": "Percent"},
    "dimensioned": {**SINGLE, "dimensions": {"CacheClusterId": "huntaze", "CacheNodeId": "0001"}},
    "told": {**SINGLE, "alarm_actions": TOPICS, "ok_actions": TOPICS[:1], "insufficient_data_actions": TOPICS[1:]},
    "some-of-many": {**SINGLE, "datapoints_to_alarm": 2, "treat_missing_data": "notBreaching"},
    "below": {**SINGLE, "comparison": "LessThanOrEqualToThreshold", "threshold": 0.5, "period": 300},
    "percentile": {**PERCENTILE, "evaluate_low_sample_count_percentile": "ignore"},
    "high-resolution": {**SINGLE, "period": 10},
    "math": {
        "metrics": [
            {"id": "latency", "metric_stat": STAT, "return_data": False},
            {"id": "twice", "expression": "latency * 2", "label": "Twice", "return_data": True},
        ],
        **EVALUATED,
    },
}
OURS = {"name": "alarm_name", "description": "alarm_description", "comparison": "comparison_operator"}


def ours(name: str, case: dict[str, t.Any]) -> dict[str, t.Any]:
    """A case in the words of cloudwatch_alarms."""
    alarm = {OURS.get(option, option): value for option, value in {"name": name, **case}.items()}
    if "dimensions" in case:
        alarm["dimensions"] = [{"name": key, "value": value} for key, value in case["dimensions"].items()]
    return alarm


@pytest.fixture
def run_theirs(sandbox: t.Any, estate: t.Any) -> t.Callable[..., dict[str, t.Any]]:
    connection = {option: estate[option] for option in ("endpoint_url", "region", "access_key", "secret_key")}

    def run(name: str, case: dict[str, t.Any]) -> dict[str, t.Any]:
        done = subprocess.run(
            [sys.executable, "-m", "ansible_collections.amazon.aws.plugins.modules.cloudwatch_metric_alarm"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {"name": name, **case, **connection}}), capture_output=True, text=True, timeout=60, check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


@pytest.fixture
def run_ours(run_module: t.Any, estate: t.Any) -> t.Callable[..., dict[str, t.Any]]:
    def run(cases: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
        result = run_module("cloudwatch_alarms", {"alarms": [ours(name, case) for name, case in cases.items()]})
        assert not result.get("failed"), result["msg"]
        return result

    return run


def described(sandbox: t.Any) -> dict[str, dict[str, t.Any]]:
    """All alarms as CloudWatch has them, but for their dates and for defaults that only one of the modules spells out."""
    alarms = {}
    for alarm in sandbox.client("cloudwatch").describe_alarms()["MetricAlarms"]:
        meant = {"TreatMissingData": "missing", **alarm}
        alarms[alarm["AlarmName"]] = {key: value for key, value in meant.items() if not key.endswith("Timestamp")}
    return alarms


def test_both_make_the_same_alarms(sandbox: t.Any, run_theirs: t.Any, run_ours: t.Any) -> None:
    for name, case in CASES.items():
        assert run_theirs(name, case)["changed"]
    theirs = described(sandbox)
    assert not run_ours(CASES)["changed"]  # ours has nothing to add to theirs

    sandbox.client("cloudwatch").delete_alarms(AlarmNames=list(CASES))
    assert run_ours(CASES)["created"] == sorted(CASES)
    assert described(sandbox) == theirs


def test_both_make_the_same_of_an_alarm_that_differs(sandbox: t.Any, run_theirs: t.Any, run_ours: t.Any) -> None:
    case = {**SINGLE, "dimensions": {"CacheClusterId": "huntaze"}}
    other = {**SINGLE, "threshold": 5, "alarm_actions": TOPICS, "unit": "Percent", "description": "d"}
    results = []
    for run in (run_theirs, lambda name, case: run_ours({name: case})):
        for state in (case, other, case):
            assert run("alarm", state)["changed"]
            results.append(described(sandbox))
        sandbox.client("cloudwatch").delete_alarms(AlarmNames=["alarm"])
    assert results[:3] == results[3:]


REORDERED = {
    "dimensioned": {**SINGLE, "dimensions": {"CacheNodeId": "0001", "CacheClusterId": "huntaze"}},
    "told": {**CASES["told"], "alarm_actions": TOPICS[::-1]},
    "math": CASES["math"],
}


@pytest.mark.parametrize("name", REORDERED)
def test_theirs_reports_a_change_that_is_none_and_ours_does_not(run_theirs: t.Any, run_ours: t.Any, name: str) -> None:
    run_ours({name: CASES[name]})
    assert not run_ours({name: REORDERED[name]})["changed"]
    assert run_theirs(name, REORDERED[name])["changed"]
    assert not run_ours({name: CASES[name]})["changed"]
