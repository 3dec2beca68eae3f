# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin of pytest: moto's tests see the sandbox's extensions, and what is known to differ is expected to fail.

differences/SERVICE.txt has a line a test, `ID -- reason`. A listed test that passes fails the run, so does a listed one that is not there.
A reason that begins with `By the clock:` is one of some seconds of a minute only, one with `By chance:` of some random values; such a test may pass.
"""

from __future__ import annotations

import math
import typing as t
from pathlib import Path

import pytest
from aws_api import extensions
from aws_api.elasticache.models import ElastiCacheBackend
from aws_api.elasticache.responses import ElastiCacheResponse
from moto.elasticache.responses import ElastiCacheResponse as MotoElastiCacheResponse

SOMETIMES = ("By the clock:", "By chance:")
DIFFERENCES = Path(__file__).with_name("differences")
extensions.install(lambda name: name, "database.example", "http://127.0.0.1/_sandbox/")


def _settled(response: ElastiCacheResponse) -> ElastiCacheBackend:
    """The backend, with nothing under way any more unless the call only looks: moto's tests wait for nothing."""
    backend = MotoElastiCacheResponse.elasticache_backend.fget(response)
    if not response._get_action().startswith("Describe"):
        backend.lifecycle.settle(math.inf)
    return backend


ElastiCacheResponse.elasticache_backend = property(_settled)


def differences(service: str) -> dict[str, str]:
    """Test and reason, of one service."""
    path = DIFFERENCES / f"{service}.txt"
    known = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            test, dash, reason = line.partition(" -- ")
            if not dash or not reason.strip() or test in known:
                raise pytest.UsageError(f"{path}: {line!r} is not `ID -- reason`, or is there twice.")
            known[test] = reason.strip()
    return known


def _module(test: str) -> str:
    return test.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    collected: dict[str, pytest.Item] = {item.nodeid: item for item in items}
    modules = {_module(test) for test in collected}
    lacking: list[str] = []
    for service in sorted({Path(module).parent.name.removeprefix("test_") for module in modules}):
        for test, reason in differences(service).items():
            if test in collected:
                collected[test].add_marker(pytest.mark.xfail(reason=reason, strict=not reason.startswith(SOMETIMES)))
            elif _module(test) in modules:
                lacking.append(test)
    if lacking:
        raise pytest.UsageError("Listed as different, but moto has no such test: " + ", ".join(lacking))


def pytest_report_header() -> t.Iterable[str]:
    return ["moto's tests with the sandbox's extensions loaded; what is listed in tests/moto/differences is expected to fail"]
