# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Redis and a real agent for every test that asks."""

from __future__ import annotations

import pytest

from support.certificates import Authority
from support.machines import Agent, Redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        server.deadline_ms = 9000  # nobody stops it: where an answer comes late, the machine is busy
        yield server


@pytest.fixture
def redis(redis_server):
    """The session's server, empty."""
    redis_server.client.flushall()
    return redis_server


@pytest.fixture
def own_redis(tmp_path):
    """One that a test may stop, break and reconfigure."""
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def agents(tmp_path):
    """Starts agents that end with the test: agents(server, **configuration)."""
    started = []

    def start(server, /, **configuration):
        agent = Agent(tmp_path / f"agent{len(started)}", server, **configuration)
        started.append(agent)
        agent.start()
        return agent

    yield start
    for agent in started:
        agent.end()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")
