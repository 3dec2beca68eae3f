# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_metric_data against the sandbox: what it puts, as another client reads it, and what it refuses before any call."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import data
from hypothesis import given
from hypothesis import strategies as st

METRICS = {"DriftDetected": 3, "DriftRunFailed": 0}


@pytest.fixture
def put(sandbox, estate, run_module):
    def run(metrics, check=False, **options):
        sandbox.control.forget_calls()
        return run_module("cloudwatch_metric_data", {"namespace": "Huntaze/AI", "metrics": metrics, **options}, check=check)

    return run


def test_all_metrics_go_in_one_call_and_others_read_them(sandbox, put):
    result = put(METRICS, unit="Count")
    assert result["changed"] and result["steps"] == ["put DriftDetected 3 to Huntaze/AI", "put DriftRunFailed 0 to Huntaze/AI"]
    assert sandbox.calls() == {"cloudwatch.PutMetricData": 1}
    now = datetime.datetime.now(datetime.timezone.utc)
    for name, value in METRICS.items():
        (point,) = sandbox.client("cloudwatch").get_metric_statistics(
            Namespace="Huntaze/AI", MetricName=name, StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(minutes=5), Period=3600 * 24,
            Statistics=["Maximum"],
        )["Datapoints"]
        assert (point["Maximum"], point["Unit"]) == (value, "Count")


def test_check_mode_puts_nothing(sandbox, put):
    result = put(METRICS, check=True)
    assert result["changed"] and len(result["steps"]) == 2 and sandbox.calls() == {}


def test_what_cloudwatch_would_refuse_is_refused_in_one_message_before_any_call(sandbox, put):
    result = put({"": 1, "Good": "many", "Yes": True}, namespace="AWS/Mine")
    assert result["failed"] and len(result["problems"]) == 4 and sandbox.calls() == {}
    assert all(problem in result["msg"] for problem in result["problems"]) and "metrics.Good is 'many': give a number" in result["msg"]
    assert put({})["problems"] == ["metrics has 0 entries: name 1 to 1000."]


@given(st.floats())
def test_every_number_is_put_or_refused(value):
    assert (data.number(value) == value) == (data.problems("N", {"M": value}) == [])
    assert data.number(str(value)) == data.number(value)
