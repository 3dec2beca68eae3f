# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters that all processes of the agent share, and the process that sends them to CloudWatch.

Counters only grow and live in memory shared by inheritance, one slot a worker: no lock, no message, and a worker
that dies takes nothing along. The publisher sends what was added since it sent last, once for the whole agent.
"""

from __future__ import annotations

import collections
import json
import logging
import math
import mmap
import os
import signal
import time
import typing as t
import zlib
from dataclasses import dataclass

log = logging.getLogger(__name__)

REQUESTS, LIMITED, FALLBACKS, ANOMALIES, SHED = range(5)
_BUCKETS_AT = 8
_BUCKETS = 120               # PutMetricData takes 150 values
_LEAST_MS, _GROWTH = 0.05, 1.12  # to 36 s in steps of 12 %
_NUMBERS = _BUCKETS_AT + _BUCKETS
_STATUS_AT = 8 * _NUMBERS
_SLOT = 65536  # room for a status at its longest: five problems and an error, each character escaped
# What waits while CloudWatch cannot be reached: two hours, then the oldest goes. Six metrics each; a call takes 1000.
_KEPT = 120


class Counters:
    """One process's slot."""

    def __init__(self, memory: memoryview) -> None:
        self._numbers = memory[:_STATUS_AT].cast("Q")
        self._status = memory[_STATUS_AT:_SLOT]

    def add(self, which: int, count: int = 1) -> None:
        self._numbers[which] += count

    def redis_call(self, seconds: float) -> None:
        bucket = int(math.log(max(seconds * 1000 / _LEAST_MS, 1)) / math.log(_GROWTH))
        self._numbers[_BUCKETS_AT + min(bucket, _BUCKETS - 1)] += 1

    def numbers(self) -> list[int]:
        return self._numbers.tolist()

    def set_numbers(self, numbers: t.Sequence[int]) -> None:
        for index, number in enumerate(numbers):
            self._numbers[index] = number

    def set_status(self, status: dict[str, t.Any]) -> None:
        text = json.dumps(status).encode()
        self._status[:8 + len(text)] = len(text).to_bytes(4) + zlib.crc32(text).to_bytes(4) + text

    def status(self) -> dict[str, t.Any] | None:
        """None when there is none, or the writer was interrupted in the middle."""
        for dummy in range(3):
            length = int.from_bytes(self._status[:4])
            text = bytes(self._status[8:8 + length])
            if length and zlib.crc32(text) == int.from_bytes(self._status[4:8]):
                return json.loads(text)
        return None


class Board:
    """The slots of all workers, and one for what was published."""

    def __init__(self, workers: int) -> None:
        memory = memoryview(mmap.mmap(-1, _SLOT * (workers + 1)))
        slots = [Counters(memory[_SLOT * index:_SLOT * (index + 1)]) for index in range(workers + 1)]
        self.workers, self._published = slots[:-1], slots[-1]

    def take(self) -> list[int]:
        """What was counted since the last call; in the shared memory, so that a new publisher goes on where it ended."""
        total = [sum(column) for column in zip(*(worker.numbers() for worker in self.workers))]
        new = [now - before for now, before in zip(total, self._published.numbers())]
        self._published.set_numbers(total)
        return new


@dataclass(frozen=True)
class Destination:
    namespace: str
    region: str
    endpoint_url: str | None
    interval: int


def data_of(numbers: t.Sequence[int], timestamp: float) -> list[dict[str, t.Any]]:
    """Without dimensions: the alarms have none, and each combination would be billed."""
    counts = {"RateLimitExceeded": LIMITED, "AnomaliesDetected": ANOMALIES, "Requests": REQUESTS, "Fallbacks": FALLBACKS}
    data: list[dict[str, t.Any]] = [
        {"MetricName": name, "Unit": "Count", "Value": float(numbers[index])} for name, index in counts.items()]
    data.append({"MetricName": "Heartbeat", "Unit": "Count", "Value": 1.0})
    buckets = [(index, count) for index, count in enumerate(numbers[_BUCKETS_AT:_NUMBERS]) if count]
    if buckets:
        data.append({
            "MetricName": "RedisLatency", "Unit": "Milliseconds",
            "Values": [round(_LEAST_MS * _GROWTH ** (index + 0.5), 4) for index, dummy in buckets],
            "Counts": [float(count) for dummy, count in buckets]})
    return [{**item, "Timestamp": timestamp} for item in data]


# What botocore may take from the environment and from files: who the agent is. Where and how it sends is in its configuration.
_IDENTITY = {
    "profile", "config_file", "credentials_file", "metadata_service_timeout", "metadata_service_num_attempts", "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode", "ec2_metadata_v1_disabled", "imds_use_ipv6", "sts_regional_endpoints"}


def _session() -> t.Any:
    """A session of botocore to which everything but credentials is told here."""
    import botocore.configprovider
    import botocore.loaders
    import botocore.session
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        os.environ.pop(name, None)  # OpenSSL's and urllib3's; this process is the publisher's own
    known = botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES
    session = botocore.session.Session(session_vars={
        name: (None, None, default, convert) for name, (dummy, dummy, default, convert) in known.items() if name not in _IDENTITY})
    # Without ~/.aws/models, which would redefine the service.
    loader = botocore.loaders.Loader(extra_search_paths=[botocore.loaders.Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return session


class Publisher:
    def __init__(self, board: Board, destination: Destination) -> None:
        self._board = board
        self._destination = destination
        self._waiting: collections.deque[list[dict[str, t.Any]]] = collections.deque(maxlen=_KEPT)
        self._failing = False
        self._client: t.Any = None

    def _connect(self) -> t.Any:
        import botocore.config  # 15 MB that the workers do without
        return _session().create_client(
            "cloudwatch", region_name=self._destination.region, endpoint_url=self._destination.endpoint_url, use_ssl=True, verify=True,
            config=botocore.config.Config(
                connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}, ignore_configured_endpoint_urls=True,
                proxies={}, proxies_config={}, tcp_keepalive=False, signature_version="v4", use_fips_endpoint=False, use_dualstack_endpoint=False))

    def run(self) -> None:
        """Until SIGTERM, which sends what there is."""
        waited_for = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
        parent, due = os.getppid(), time.monotonic()
        ending = False
        while not ending:
            due = max(due + self._destination.interval, time.monotonic())
            while not ending and (left := due - time.monotonic()) > 0:
                # Woken now and then to see whether the parent, and with it the agent, is gone.
                ending = signal.sigtimedwait(waited_for, min(left, 1)) is not None or os.getppid() != parent
            self.collect()
            self.send()

    def collect(self) -> None:
        self._waiting.append(data_of(self._board.take(), time.time()))

    def send(self) -> None:
        """All that waits, which one call can take."""
        try:
            self._client = self._client or self._connect()
            self._client.put_metric_data(
                Namespace=self._destination.namespace, MetricData=[item for data in self._waiting for item in data])
            self._waiting.clear()
        except Exception as error:  # whatever CloudWatch or the credentials do, the next minute tries again
            if not self._failing:
                log.error("metrics are kept: CloudWatch cannot be reached", extra={"reason": str(error)})
            self._failing = True
            self._client = None  # the next looks for credentials anew: they may come later, with a file or the instance's role
        else:
            if self._failing:
                log.info("metrics are sent again")
            self._failing = False
