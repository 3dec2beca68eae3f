# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of GetMetricData and what its pages come to, without CloudWatch."""

from __future__ import annotations

import random
import sys
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import metrics

sys.path.append(str(Path(__file__).resolve().parents[1] / "sandbox"))

from aws_api.cloudwatch.constraints import violations  # noqa: E402
from aws_api.cloudwatch.metrics import check_queries  # noqa: E402

SHAPE = botocore.session.get_session().get_service_model("cloudwatch").operation_model("GetMetricData").input_shape
NOW = datetime(2025, 11, 25, 12, 34, 56, tzinfo=timezone.utc)
METRIC = {"namespace": "Huntaze/AI", "metric_name": "Requests", "dimensions": None, "statistic": "Sum"}
TEXT = st.one_of(st.text(max_size=3), st.text("ab:", min_size=254, max_size=257))
METRICS = st.fixed_dictionaries(
    {
        "namespace": st.none() | TEXT,
        "metric_name": st.none() | TEXT,
        "dimensions": st.none() | st.dictionaries(TEXT, st.none() | st.integers() | TEXT, max_size=31),
        "statistic": st.sampled_from(("Sum", "Average", "Minimum", "Maximum", "SampleCount", "Total", "p99")),
    }
)


def problems(since: str | None = None, period: int = 60, *listed: dict[str, t.Any]) -> list[str]:
    return metrics.problems(listed or [METRIC], since, period, NOW)


@given(st.lists(METRICS, min_size=1, max_size=4), st.integers(0, 400) | st.integers(1, 50).map(lambda minutes: minutes * 60))
def test_what_is_not_refused_is_a_query_that_cloudwatch_takes(listed: list[dict[str, t.Any]], period: int) -> None:
    if not metrics.problems(listed, None, period, NOW):
        queries = [metrics.to_query(number, metric, period) for number, metric in enumerate(listed)]
        assert not list(violations(SHAPE, {"MetricDataQueries": queries}))
        check_queries(queries)


@pytest.mark.parametrize(
    "text", ["2025-11-25T12:00:00Z", "2025-11-25 12:00", "2025-11-25T13:30:00.000+01:30", "2025-11-25T12:00:00.000000", " 2025-11-25T12:00:00z "]
)
def test_a_time_is_iso_8601_and_utc_without_an_offset(text: str) -> None:
    assert metrics.moment(text) == NOW.replace(minute=0, second=0)


@pytest.mark.parametrize("text", ["", "yesterday", "300", "0001-01-01T00:00:00+05:00", "0001-01-01", "2025-13-01"])
def test_what_is_no_time(text: str) -> None:
    assert "which is no time" in problems(text, 7 * 86400)[0]


@pytest.mark.parametrize(
    ("age", "period", "fragment"),
    [
        (timedelta(0), 1, None), (-timedelta(minutes=4), 60, None), (-timedelta(minutes=6), 60, "ahead of this host's clock"),
        (timedelta(hours=2), 10, None), (timedelta(hours=4), 10, "one value in 60 seconds"), (timedelta(days=14), 60, None),
        (timedelta(days=16), 60, "one value in 300 seconds"), (timedelta(days=16), 600, None), (timedelta(days=64), 300, "one value in 3600 seconds"),
        (timedelta(days=64), 7200, None), (timedelta(days=456), 3600, "for 455 days"), (timedelta(days=456), 45, "for 455 days"),
    ],
)
def test_what_is_old_needs_a_longer_period(age: timedelta, period: int, fragment: str | None) -> None:
    found = problems((NOW - age).isoformat(), period)
    assert [fragment in problem for problem in found if "use 1, 5" not in problem] == ([True] if fragment else [])


def test_periods_begin_on_the_clock() -> None:
    begins = {period: metrics.period_start(NOW, period).strftime("%d %H:%M:%S") for period in (1, 30, 60, 300, 3600, 86400)}
    assert list(begins.values()) == ["25 12:34:56", "25 12:34:30", "25 12:34:00", "25 12:30:00", "25 12:00:00", "25 00:00:00"]


def test_a_metric_is_listed_once_whatever_the_order_of_its_dimensions() -> None:
    twins = [{**METRIC, "dimensions": dict(pairs)} for pairs in ([("a", 1), ("b", 2)], [("b", "2"), ("a", "1")])]
    assert problems(None, 60, *twins) == ['metrics[1] "Requests": it is listed already as metrics[0]: remove one of them.']
    assert problems(None, 60, twins[0], METRIC, {**METRIC, "statistic": "Average"}) == []


@given(st.lists(st.lists(st.integers(0, 100), unique=True, max_size=6), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_latest_is_found_however_the_datapoints_are_paged(points: list[list[int]], chance: random.Random) -> None:
    parts = [(f"m{number}", minute) for number, minutes in enumerate(points) for minute in minutes]
    chance.shuffle(parts)
    pages = [{"MetricDataResults": [{"Id": f"m{number}", "Timestamps": [], "Values": []} for number in range(len(points))]}]
    pages += [
        {"MetricDataResults": [{"Id": name, "Timestamps": [NOW + timedelta(minutes=minute)], "Values": [float(-minute)], "StatusCode": "PartialData"}]}
        for name, minute in parts
    ]
    seen, troubles = metrics.summary([METRIC] * len(points), pages)
    assert not troubles
    for found, minutes in zip(seen, points):
        latest = max(minutes, default=None)
        assert found["datapoints"] == len(minutes)
        assert found["latest_value"] == (None if latest is None else -latest)
        assert found["latest_timestamp"] == (None if latest is None else (NOW + timedelta(minutes=latest)).isoformat())


FULL = {"Id": "m0", "Label": "x", "Timestamps": [NOW], "Values": [1.0], "StatusCode": "Complete"}


@pytest.mark.parametrize("lacking", ["Id", "Label", "Timestamps", "Values", "StatusCode"])
def test_kind_07_a_result_may_lack_any_field(lacking: str) -> None:
    (seen,), troubles = metrics.summary([METRIC], [{"MetricDataResults": [{key: value for key, value in FULL.items() if key != lacking}]}])
    assert seen["datapoints"] == (0 if lacking in ("Id", "Timestamps", "Values") else 1)
    assert bool(troubles) == (lacking == "Id")


def test_kind_07_an_answer_without_results_is_not_taken_for_no_data() -> None:
    (seen,), (trouble,) = metrics.summary([METRIC], [{}])
    assert seen["latest_value"] is None and "CloudWatch's answer says nothing of Sum of Huntaze/AI Requests" in trouble


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"namespace": "Huntaze/AI "}, "namespace 'Huntaze/AI ' ends with a blank"), ({"metric_name": "\nRequests"}, "begins with a line end"),
        ({"namespace": ":AWS"}, "begins with a colon"), ({"dimensions": {"": "a"}}, "the name of a dimension has 0 characters"),
        ({"dimensions": {"a": None}}, "the value of a dimension has 0 characters"), ({"dimensions": {":a": "b"}}, "begins with a colon"),
        ({"dimensions": {"a": True}}, "dimensions.a is no text"), ({"dimensions": {"a": ["b"]}}, "dimensions.a is no text"),
        ({"dimensions": "Agent=a"}, "dimensions is 'Agent=a': write names and values"),
        ({"dimensions": [{"name": "a", "value": "b"}]}, "write names and values"),
        ({"statistic": "p99"}, 'statistic "p99" is unknown'), ({"statistic": True}, "statistic is true: give a text"),
        ({"namespace": None}, "namespace is missing"), ({"metric_name": ["x"]}, "metric_name is ['x']: give a text"),
        ({"metricname": "x"}, "metricname is no option: do you mean metric_name?"),
    ],
)
def test_kind_27_a_metric_of_another_shape_is_named_by_its_place(change: dict[str, t.Any], words: str) -> None:
    listed, found = metrics.typed_metrics([{"namespace": "n", "metric_name": "first"}, {**METRIC, **change}])
    found += metrics.problems(listed, None, 60, NOW)
    assert found and all(problem.startswith("metrics[1]") for problem in found) and any(words in problem for problem in found)


@pytest.mark.parametrize("since", ["", "now", "1700000000", "2025-11-25T25:00:00Z", "12:00", "2025-11-25T12:00:00 UTC"])
def test_kind_27_since_of_another_shape_is_told_how_to_be_written(since: str) -> None:
    assert "which is no time: write it as 2025-11-25T12:00:00Z." in problems(since)[0]


def test_what_cloudwatch_could_not_answer_is_not_taken_for_no_data() -> None:
    pages = [{"MetricDataResults": [{"Id": "m0", "Timestamps": [], "Values": [], "StatusCode": status}]} for status in ("InternalError", "Complete")]
    assert metrics.summary([METRIC], pages)[1] == []
    assert metrics.summary([METRIC], pages[:1])[1] == ["CloudWatch answers InternalError for Sum of Huntaze/AI Requests: run the task again."]
