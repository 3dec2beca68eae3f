# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches CloudWatch, here moto's, from all workers together."""

from __future__ import annotations

import datetime
import logging
import urllib.request

import boto3
import pytest
from moto.server import ThreadedMotoServer

from limiter_agent.metrics import REQUESTS, Board, Destination, Publisher

from support.machines import free_port
from support.waiting import until

ACCESS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "canary-secret-key", "AWS_EC2_METADATA_DISABLED": "true"}
logging.getLogger("werkzeug").setLevel(logging.ERROR)


class CloudWatch:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self._server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        self.client = boto3.client("cloudwatch", region_name="us-east-1", endpoint_url=self.url,
                                   aws_access_key_id="test", aws_secret_access_key="test")

    def start(self):
        """Empty: moto's memory belongs to the process, not to a server."""
        self._server.start()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=10).close()

    def stop(self):
        self._server.stop()

    def total(self, metric, statistic="Sum"):
        now = datetime.datetime.now(datetime.timezone.utc)
        points = self.client.get_metric_statistics(
            Namespace="Huntaze/AI", MetricName=metric, StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(hours=1),
            Period=60, Statistics=[statistic])["Datapoints"]
        return sum(point[statistic] for point in points)


@pytest.fixture
def cloudwatch():
    server = CloudWatch(free_port())
    server.start()
    yield server
    server.stop()


def test_all_workers_count_together_and_the_heart_beats_once(redis, agents, cloudwatch):
    agent = agents(redis, workers=3, metrics={"region": "us-east-1", "endpoint_url": cloudwatch.url, "interval": 1}, environment=ACCESS)
    for number in range(60):
        agent.check(f"creator-{number % 3}", "starter", cost=5)
    for _ in range(120):
        agent.check("robot", "starter", cost=50)
    until(lambda: cloudwatch.total("AnomaliesDetected") == 1, what="the robot")
    until(lambda: cloudwatch.total("Requests") == 180, what="all requests")
    assert cloudwatch.total("RateLimitExceeded") == 30 + 119
    assert cloudwatch.total("Fallbacks") == 0
    measured = cloudwatch.total("RedisLatency", "SampleCount")
    assert 0 < measured <= redis.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert cloudwatch.total("Heartbeat", "Sum") == cloudwatch.total("Heartbeat", "SampleCount") == cloudwatch.total("Requests", "SampleCount")
    metrics = cloudwatch.client.list_metrics(Namespace="Huntaze/AI")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} == {
        "RateLimitExceeded", "RedisLatency", "AnomaliesDetected", "Requests", "Fallbacks", "Heartbeat"}
    assert not any(metric["Dimensions"] for metric in metrics)


def test_what_cloudwatch_misses_is_sent_later_and_the_rest_at_the_end(own_redis, agents):
    port = free_port()
    metrics = {"region": "us-east-1", "endpoint_url": f"http://127.0.0.1:{port}", "interval": 1}
    agent = agents(own_redis, metrics=metrics, environment=ACCESS)
    for _ in range(7):
        agent.check("early")
    until(lambda: "metrics are kept" in agent.log(), what="the failure")
    late = CloudWatch(port)
    late.start()
    try:
        until(lambda: late.total("Requests") == 7, what="what was kept")
        own_redis.kill()
        until(lambda: agent.get("/readyz")[2]["status"] == "degraded", what="the breaker")
        for _ in range(5):
            agent.check("late")
        agent.end()
        assert late.total("Requests") == 12
        assert late.total("Fallbacks") == 5
    finally:
        late.stop()
    own_redis.start()
    agent.start()
    assert "canary" not in agent.log()


def test_credentials_may_come_later(redis, agents, cloudwatch, tmp_path):
    credentials = tmp_path / "credentials"
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_EC2_METADATA_DISABLED": "true"}
    agent = agents(redis, metrics={"region": "us-east-1", "endpoint_url": cloudwatch.url, "interval": 1}, environment=environment)
    until(lambda: "metrics are kept" in agent.log(), what="the failure")
    credentials.write_text("[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
    until(lambda: "metrics are sent again" in agent.log(), what="the metrics")


def test_what_is_kept_is_bounded(monkeypatch):
    for name, value in ACCESS.items():
        monkeypatch.setenv(name, value)
    port, board = free_port(), Board(1)
    publisher = Publisher(board, Destination("Huntaze/AI", "us-east-1", f"http://127.0.0.1:{port}", 60))
    for _ in range(130):
        board.workers[0].add(REQUESTS)
        publisher.collect()
    publisher.send()
    late = CloudWatch(port)
    late.start()
    try:
        publisher.send()
        assert late.total("Requests") == late.total("Heartbeat") == 120, "two hours; the oldest ten minutes are lost"
    finally:
        late.stop()


def test_without_metrics_there_is_no_publisher(redis, agents):
    agent = agents(redis, workers=2)
    children = {int(pid) for pid in open(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children").read().split()}
    assert children == {worker["pid"] for worker in agent.workers()}
