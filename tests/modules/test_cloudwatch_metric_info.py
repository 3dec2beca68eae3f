# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudwatch_metric_info against the sandbox: what it says of metrics that are there and of those that are not, and when it gives up."""

from __future__ import annotations

import datetime
import threading
import time
import typing as t

import pytest
import yaml
from limiter_agent.metrics import Board, LIMITED, REQUESTS, data_of

from ansible_collections.huntaze.ai_system.plugins.modules import cloudwatch_metric_info

GET = "cloudwatch.GetMetricData"
NAMES = ("Requests", "Heartbeat", "RedisLatency")


@pytest.fixture
def cloudwatch(sandbox: t.Any, estate: t.Any) -> t.Any:
    return sandbox.client("cloudwatch")


@pytest.fixture
def look(sandbox: t.Any, estate: t.Any, run_module: t.Any) -> t.Callable[..., t.Any]:
    def run(*metrics: dict[str, t.Any], check: bool = False, **options: t.Any) -> t.Any:
        sandbox.control.forget_calls()
        result = run_module("cloudwatch_metric_info", {"metrics": list(metrics), **options}, check=check)
        assert not result.get("changed")
        return result

    return run


def metric(name: str, **more: t.Any) -> dict[str, t.Any]:
    return {"namespace": "Huntaze/AI", "metric_name": name, **more}


class Clock:
    """Stands while a test runs; the whole run may take longer than what is asked for looks back."""

    minute: datetime.datetime


@pytest.fixture(autouse=True)
def clock() -> None:
    Clock.minute = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)


def minute(minutes: int = 0) -> datetime.datetime:
    """A minute counted from that in which the test began."""
    return Clock.minute + datetime.timedelta(minutes=minutes)


def put(cloudwatch: t.Any, name: str, timestamp: datetime.datetime | None = None, **datum: t.Any) -> None:
    item = {"MetricName": name, "Timestamp": timestamp or datetime.datetime.now(datetime.timezone.utc), **datum}
    cloudwatch.put_metric_data(Namespace="Huntaze/AI", MetricData=[item])


def seen(result: t.Any) -> list[tuple[t.Any, ...]]:
    return [(item["metric_name"], item["statistic"], item["datapoints"], item["latest_value"]) for item in result["metrics"]]


def test_each_metric_in_the_order_listed_in_one_call(sandbox: t.Any, cloudwatch: t.Any, look: t.Any) -> None:
    put(cloudwatch, "Requests", minute(-3), Value=5.0)
    put(cloudwatch, "Requests", minute(-2), Value=7.0)
    put(cloudwatch, "Requests", minute(-2) + datetime.timedelta(seconds=30), Value=1.0)
    put(cloudwatch, "RedisLatency", minute(-1), Values=[1.0, 4.0], Counts=[3.0, 1.0], Unit="Milliseconds")
    put(cloudwatch, "Requests", minute(-1), Value=100.0, Dimensions=[{"Name": "Agent", "Value": "a"}])
    statistics = ("SampleCount", "Minimum", "Maximum", "Sum", "Average")
    result = look(
        *(metric("RedisLatency", statistic=statistic) for statistic in statistics),
        metric("Requests"), metric("Requests", dimensions={"Agent": "a"}), metric("Fallbacks"),
        since=minute(-3).isoformat(),
    )
    assert sandbox.calls() == {GET: 1}
    assert seen(result) == [
        *(("RedisLatency", statistic, 1, value) for statistic, value in zip(statistics, (4.0, 1.0, 4.0, 7.0, 1.75))),
        ("Requests", "Sum", 2, 8.0), ("Requests", "Sum", 1, 100.0), ("Fallbacks", "Sum", 0, None),
    ]
    assert result["missing"] == ["Fallbacks"]
    assert result["since"] == minute(-3).isoformat()
    assert result["metrics"][5] == {
        "namespace": "Huntaze/AI", "metric_name": "Requests", "dimensions": {}, "statistic": "Sum", "datapoints": 2,
        "latest_timestamp": minute(-2).isoformat(), "latest_value": 8.0,
    }
    assert result["metrics"][6]["dimensions"] == {"Agent": "a"}
    assert result["metrics"][7]["latest_timestamp"] is None


def test_the_period_that_since_is_in_counts_and_none_before(cloudwatch: t.Any, look: t.Any) -> None:
    put(cloudwatch, "Requests", minute(-3), Value=1.0)
    inside = (minute(-3) + datetime.timedelta(seconds=59)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert seen(look(metric("Requests"), since=inside)) == [("Requests", "Sum", 1, 1.0)]
    assert look(metric("Requests"), since=minute(-2).strftime("%Y-%m-%d %H:%M:%S"))["missing"] == ["Requests"]
    elsewhere = minute(-3).astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    assert look(metric("Requests"), since=elsewhere.isoformat())["missing"] == []
    assert look(metric("Requests"))["missing"] == []  # a quarter of an hour
    hour = minute(-3).replace(minute=0)
    result = look(metric("Requests"), since=inside, period=3600)
    assert (result["since"], result["metrics"][0]["latest_timestamp"]) == (hour.isoformat(), hour.isoformat())


def test_what_the_limiter_agent_sends(cloudwatch: t.Any, look: t.Any) -> None:
    board = Board(workers=1)
    board.workers[0].add(REQUESTS, 3)
    board.workers[0].add(LIMITED)
    for milliseconds in (0.4, 0.4, 30):
        board.workers[0].redis_call(milliseconds / 1000)
    data = data_of(board.take(), time.time())
    cloudwatch.put_metric_data(Namespace="Huntaze/AI", MetricData=data)
    counted = look(*(metric(item["MetricName"]) for item in data if item["MetricName"] != "RedisLatency"), since=minute().isoformat())
    assert {name: value for name, _statistic, _count, value in seen(counted)} == {
        "RateLimitExceeded": 1.0, "AnomaliesDetected": 0.0, "Requests": 3.0, "Fallbacks": 0.0, "Heartbeat": 1.0,
    }
    latency = seen(look(*(metric("RedisLatency", statistic=statistic) for statistic in ("SampleCount", "Minimum", "Maximum")), since=minute().isoformat()))
    assert [value for _name, _statistic, _count, value in latency] == [3.0, pytest.approx(0.4, rel=0.12), pytest.approx(30, rel=0.12)]


def test_five_hundred_metrics_a_call(sandbox: t.Any, cloudwatch: t.Any, look: t.Any) -> None:
    put(cloudwatch, "m500", Value=3.0)
    result = look(*(metric(f"m{number}") for number in range(501)))
    assert sandbox.calls() == {GET: 2}
    assert (len(result["missing"]), result["metrics"][500]["latest_value"]) == (500, 3.0)


def test_it_waits_until_the_last_one_has_come(sandbox: t.Any, cloudwatch: t.Any, look: t.Any) -> None:
    def send() -> None:
        for name in NAMES:
            put(cloudwatch, name, Value=1.0)
            time.sleep(1)

    sender, began = threading.Thread(target=send), time.monotonic()
    sender.start()
    result = look(*map(metric, NAMES), since=minute().isoformat(), wait=True, wait_timeout=30)
    sender.join()
    assert (result.rc, result["missing"]) == (0, [])
    assert sandbox.calls()[GET] <= 3 + time.monotonic() - began


def test_waiting_in_vain_says_what_was_found_and_what_to_look_at(sandbox: t.Any, cloudwatch: t.Any, look: t.Any) -> None:
    put(cloudwatch, "Requests", Value=2.0)
    result = look(metric("Requests"), metric("RedisLatency", statistic="Average", dimensions={"Agent": "a"}), wait=True, wait_timeout=1)
    assert result.rc == 1
    assert result["missing"] == ["RedisLatency"]
    assert result["metrics"][0]["latest_value"] == 2.0
    message = result["msg"]
    assert "After 1 s CloudWatch in us-east-1 has no datapoint since" in message
    assert "of Average of Huntaze/AI RedisLatency (Agent=a). It has Sum of Huntaze/AI Requests (datapoints: 1, the latest 2.0 at" in message
    assert "cloudwatch:PutMetricData" in message and "namespace" in message
    assert "It has none of the other listed metrics." in look(metric("Fallbacks"), wait=True, wait_timeout=1)["msg"]


def test_kind_34_check_mode_reads_and_does_not_wait(sandbox: t.Any, cloudwatch: t.Any, look: t.Any) -> None:
    put(cloudwatch, "Requests", Value=2.0)
    result = look(metric("Requests"), metric("Fallbacks"), wait=True, check=True)
    assert (result.rc, result["missing"]) == (0, ["Fallbacks"])
    assert seen(result)[0] == ("Requests", "Sum", 1, 2.0)
    assert sandbox.calls() == {GET: 1}


def test_bad_input_is_refused_in_one_message_before_the_first_call(sandbox: t.Any, look: t.Any) -> None:
    result = look(
        metric("Requests", statistic="Total"), {"metric_name": "Requests"}, metric("Heartbeat", dimensions={"Agent": ""}), metric("Fallbacks"),
        metric("Fallbacks", statistic="Sum"), 3, metric("Lost", dimension={"a": 1}), since="yesterday", period=45, wait_timeout=0,
    )
    assert result.rc == 1
    assert len(result["problems"]) == 9
    for part in (
        'metrics[0] "Requests": statistic "Total" is unknown', 'metrics[1] "Requests": namespace is missing', "the value of a dimension",
        'metrics[4] "Fallbacks": it is listed already as metrics[3]', "since is 'yesterday'", "period is 45", "wait_timeout is 0",
        "metrics[5]: it is 3", 'metrics[6] "Lost": dimension is no option: do you mean dimensions?',
    ):
        assert part in result["msg"]
    assert "metrics is empty" in look()["msg"]
    assert sandbox.calls() == {}


def test_kind_28_a_look_that_hangs_does_not_outlast_the_waiting(sandbox: t.Any, cloudwatch: t.Any, look: t.Any) -> None:
    put(cloudwatch, "Requests", Value=2.0)
    with sandbox.fault("hang", service="cloudwatch", operation="GetMetricData"):
        result = look(metric("Requests"), wait=True, wait_timeout=2)  # ends, or `look` gives up on it
    assert result.rc == 1
    assert "failed when the 2 s of wait_timeout were over" in result["msg"] and "Read timeout" in result["msg"]
    with sandbox.fault("throttle", service="cloudwatch", operation="GetMetricData", rate=0, times=2):
        assert look(metric("Requests"), wait=True, wait_timeout=50)["missing"] == []


def test_wrong_credentials_are_one_clear_message(look: t.Any) -> None:
    result = look(metric("Requests"), access_key="AKIAWRONG", secret_key="wrong")
    assert result.rc == 1
    assert result["msg"].startswith("Reading the metrics: ")
    assert "AWS does not know these credentials" in result["msg"]


def test_throttling_is_waited_out(sandbox: t.Any, cloudwatch: t.Any, look: t.Any) -> None:
    put(cloudwatch, "Requests", Value=2.0)
    with sandbox.fault("throttle", service="cloudwatch", operation="GetMetricData", rate=0, times=2):
        assert look(metric("Requests"))["missing"] == []


def test_the_documented_examples_run(cloudwatch: t.Any, look: t.Any) -> None:
    play, task = yaml.safe_load(cloudwatch_metric_info.EXAMPLES)
    for name in NAMES:
        put(cloudwatch, name, Value=1.0)
    first = play["tasks"][1]["huntaze.ai_system.cloudwatch_metric_info"]
    assert look(*first["metrics"], since=minute().isoformat(), wait=first["wait"])["missing"] == []
    second = task["huntaze.ai_system.cloudwatch_metric_info"]
    since = minute(-60).isoformat()  # the time that is written there grows too old
    assert look(*second["metrics"], since=since, period=second["period"])["missing"] == ["EngineCPUUtilization"]
