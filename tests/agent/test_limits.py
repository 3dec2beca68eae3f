# SPDX-License-Identifier: GPL-3.0-or-later
"""Many callers through agents: never too much, never too late, all or nothing."""

from __future__ import annotations

import asyncio
import time

from support.load import Caller
from support.machines import script_calls
from support.waiting import until

BURST = """
plans:
  burst:
    without_redis: open
    limits:
      - {name: second, requests: 40, seconds: 1}
      - {name: hour, requests: 10000, seconds: 3600}
  small: {without_redis: open, limits: [{name: hour, requests: 10, seconds: 3600}]}
  both:
    without_redis: closed
    limits:
      - {name: short, requests: 2, seconds: 1}
      - {name: hour, requests: 100, seconds: 3600}
"""


def all_at_once(agents, callers, work):
    async def run():
        clients = [Caller(agents[number % len(agents)].port) for number in range(callers)]
        try:
            return [answer for answers in await asyncio.gather(*(work(client) for client in clients)) for answer in answers]
        finally:
            for client in clients:
                client.close()
    return asyncio.run(run())


def test_512_callers_through_two_agents_get_exactly_the_limit(redis, agents):
    pair = [agents(redis, workers=2, agents=2), agents(redis, workers=2, agents=2)]

    async def three_times(client):
        return [await client.check("everybody", "business") for _ in range(3)]

    answers = all_at_once(pair, 512, three_times)
    assert sorted({status for status, _ in answers}) == [200, 429]
    assert all(answer["exact"] for _, answer in answers)
    assert sum(status == 200 for status, _ in answers) == 500


def times_charged(redis, subject):
    """In microseconds, by the clock of Redis: the log itself."""
    log = redis.client.execute_command("GET", f"ai:limiter:{{{subject}}}", NEVER_DECODE=True)
    return [int.from_bytes(log[at:at + 7]) for at in range(12, len(log), 12)]


def test_no_sliding_window_holds_more_than_the_limit(redis, agents):
    pair = [agents(redis, rules=BURST), agents(redis, rules=BURST)]
    answers = []

    async def hammer(client):
        while answers.count(200) <= 120:  # three windows, and one more that a fourth has to admit
            answers.append((await client.check("everybody", "burst"))[0])
        return []

    all_at_once(pair, 512, hammer)
    times = times_charged(redis, "everybody")
    assert set(answers) == {200, 429}
    assert answers.count(200) == len(times)
    assert all(last - first >= 1_000_000 for first, last in zip(times, times[40:]))


def test_a_denied_caller_who_keeps_retrying_is_admitted_when_the_window_frees(redis, agents):
    agent = agents(redis, rules=BURST)

    async def retry(client):
        for _ in range(2):
            assert (await client.check("eager", "both"))[0] == 200
        attempts = []
        while not attempts or attempts[-1][1] == 429:
            sent = time.time()
            attempts.append((sent, (await client.check("eager", "both"))[0]))
        return attempts

    attempts = all_at_once([agent], 1, retry)
    times = [moment / 1e6 for moment in times_charged(redis, "eager")]
    freed, admitted = times[0] + 1, times[-1]
    assert len(times) == 3 and len(attempts) > 1
    assert admitted >= freed
    assert all(sent < freed for sent, status in attempts if status == 429), "an attempt after the window freed was denied"


def test_a_denial_over_several_limits_charges_nothing(redis, agents):
    agent = agents(redis, rules=BURST)
    calls = script_calls(redis)
    agent.check("careful", "both", cost=2)
    assert script_calls(redis) - calls <= 2, "both limits in one call, and perhaps a look at the connection"
    before = agent.get("/v1/subjects/careful?plan=both")[2]["plans"]["both"][1]["remaining"]
    for _ in range(20):
        assert agent.check("careful", "both")[0] == 429
    assert agent.get("/v1/subjects/careful?plan=both")[2]["plans"]["both"][1]["remaining"] == before == 98


def test_a_change_of_plan_keeps_the_usage(redis, agents):
    agent = agents(redis)
    assert agent.check("climber", "starter", cost=50)[0] == 200
    assert agent.check("climber", "starter")[0] == 429
    status, _, answer = agent.check("climber", "pro")
    assert (status, answer["limits"][0]["remaining"]) == (200, 49)


def test_who_is_over_the_limit_is_answered_without_redis(redis, agents):
    agent = agents(redis, rules=BURST)
    agent.check("loud", "small", cost=10)
    assert agent.check("loud", "small")[0] == 429
    before, started = script_calls(redis), time.monotonic()
    for _ in range(200):
        assert agent.check("loud", "small")[0] == 429
    # A note of the denials and a look at the connection, each once a second.
    assert script_calls(redis) - before <= 2 * (time.monotonic() - started + 1)


def test_a_reset_frees_the_subject_in_all_workers(redis, agents):
    pair = [agents(redis, workers=2), agents(redis)]
    for agent in pair:
        for _ in range(8):
            agent.check("forgiven", "pro", cost=100)
    assert pair[1].check("forgiven", "pro")[0] == 429
    assert pair[0].request("DELETE", "/v1/subjects/forgiven")[0] == 204
    for agent in pair:
        for _ in range(8):  # whichever worker the connection reaches
            until(lambda agent=agent: agent.check("forgiven", "pro")[0] == 200, what="the reset in every worker")


def test_abnormal_usage_is_counted_and_logged_once(redis, agents):
    agent = agents(redis, rules=BURST)

    async def insist(client):
        return [await client.check("robot", "small") for _ in range(30)]

    all_at_once([agent], 2, insist)
    until(lambda: "abnormal usage" in agent.log(), what="the anomaly's log line")
    status, _, answer = agent.check("robot", "small")
    assert status == 429
    until(lambda: agent.check("robot", "small")[2]["type"].endswith("abnormal-usage-detected"), what="the type of the problem")
    all_at_once([agent], 2, insist)
    agent.check("robot", "small")
    assert agent.log().count("abnormal usage") == 1
