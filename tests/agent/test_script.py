# SPDX-License-Identifier: GPL-3.0-or-later
"""check.lua on a real Redis against an exact log kept in Python."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from limiter_agent.rules import ANOMALY_SECONDS, Limit, Plan
from limiter_agent.script import MICROSECONDS, SOURCE, Check, deliver, encode, keys_of

PLANS = {
    "one": Plan("one", (Limit("minute", 4, 60),), True),
    "three": Plan("three", (Limit("second", 2, 1), Limit("minute", 6, 60), Limit("hour", 9, 3600)), True),
    "hourly": Plan("hourly", (Limit("hour", 5, 3600),), True),
}
LONGEST = 3600
# The same script on a clock that the test moves.
CLOCK = SOURCE.replace(b"local clock = call('TIME')", b"local clock = {ARGV[#ARGV - 1], ARGV[#ARGV]}")
assert CLOCK != SOURCE


def decide(client, checks, now=None):
    """[(plan, subject, cost, denied)] -> [reply]"""
    answers = []
    made = [Check(keys_of("test", subject), PLANS[plan], cost, denied, answers.append) for plan, subject, cost, denied in checks]
    keys, arguments = encode(made, LONGEST)
    clock = [] if now is None else [now // MICROSECONDS, now % MICROSECONDS]
    deliver(made, client.eval(SOURCE if now is None else CLOCK, len(keys), *keys, *arguments, *clock))
    return answers


class Oracle:
    """Every charge and every attempt ever made, in a list."""

    def __init__(self):
        self.charges, self.attempts = [], []
        self.found_until = 0

    def look(self, plan, cost, now):
        wait, numbers = 0, []
        for limit in plan.limits:
            window = limit.seconds * MICROSECONDS
            live = [(at, charged) for at, charged in self.charges if at > now - window]
            used = sum(charged for _, charged in live)
            moments = [0, *(at + window - now for at, _ in live)]
            wait = max(wait, next(moment for moment in moments if cost + sum(
                charged for at, charged in live if at > now + moment - window) <= limit.requests))
            numbers += [max(limit.requests - used, 0), moments[1] if live else 0]
        return wait, numbers

    def expect(self, plan, cost, denied, now):
        wait, numbers = self.look(plan, cost, now)
        admitted = wait == 0 and denied == 0
        if admitted and cost:
            self.charges.append((now, cost))
            self.attempts.append((now, 1))
            for place, limit in enumerate(plan.limits):
                numbers[2 * place] -= cost
                numbers[2 * place + 1] = numbers[2 * place + 1] or limit.seconds * MICROSECONDS
        elif not admitted and plan.anomaly_threshold:
            self.attempts.append((now, denied or 1))
        return wait, numbers, admitted

    def attempted_since(self, moment):
        return sum(count for at, count in self.attempts if at > moment)


class Histories(RuleBasedStateMachine):
    client = None

    def __init__(self):
        super().__init__()
        self.client.flushall()
        self.now = 1_800_000_000_000_000
        self.oracles = {}

    @rule(step=st.one_of(
        st.integers(0, 3 * MICROSECONDS), st.integers(0, 70).map(lambda seconds: seconds * MICROSECONDS),
        st.sampled_from([1, MICROSECONDS - 1, MICROSECONDS, 60 * MICROSECONDS - 1, 60 * MICROSECONDS, 3600 * MICROSECONDS])))
    def time_passes(self, step):
        self.now += step

    @rule(checks=st.lists(st.tuples(
        st.sampled_from(sorted(PLANS)), st.sampled_from(["a", "b"]), st.integers(0, 2), st.sampled_from([0, 0, 0, 0, 1, 4])),
        min_size=1, max_size=12))
    def a_batch(self, checks):
        self.ask(checks)

    def ask(self, checks):
        replies = decide(self.client, checks, self.now)
        for (name, subject, cost, denied), (wait, anomaly, *numbers) in zip(checks, replies):
            oracle, plan = self.oracles.setdefault(subject, Oracle()), PLANS[name]
            expected, expected_numbers, admitted = oracle.expect(plan, cost, denied, self.now)
            assert (wait, numbers) == (expected, expected_numbers)
            self.check_anomaly(oracle, plan, admitted, anomaly)
        return [reply[0] for reply in replies]

    def check_anomaly(self, oracle, plan, admitted, anomaly):
        threshold = plan.anomaly_threshold
        if admitted or not threshold:
            assert anomaly == 0
        elif self.now < oracle.found_until:
            assert anomaly == 2
        else:
            # Denials of one second are kept as one: the count may lag by that second.
            window = ANOMALY_SECONDS * MICROSECONDS
            if oracle.attempted_since(self.now - window) < threshold:
                assert anomaly == 0
            if oracle.attempted_since(self.now - window + MICROSECONDS) >= threshold:
                assert anomaly == 1
        if anomaly == 1:
            oracle.found_until = self.now + ANOMALY_SECONDS * MICROSECONDS

    @rule(subject=st.sampled_from(["a", "b"]))
    def a_denied_caller_returns_when_told(self, subject):
        wait, _ = self.oracles.setdefault(subject, Oracle()).look(PLANS["three"], 2, self.now)
        if wait:
            self.now += wait - 1
            assert self.ask([("three", subject, 2, 0)]) == [1]
            self.now += 1
        assert self.ask([("three", subject, 2, 0)]) == [0]

    @invariant()
    def every_key_expires_and_lies_in_its_subjects_slot(self):
        for key in self.client.keys():
            assert 0 < self.client.pttl(key) <= LONGEST * 1000
            assert key.startswith(("test:{a}", "test:{b}"))


def test_agrees_with_an_exact_log_on_every_decision(redis):
    Histories.client = redis.client
    run_state_machine_as_test(Histories, settings=settings(
        max_examples=300, stateful_step_count=30, deadline=None, phases=set(Phase) - {Phase.shrink, Phase.explain},
        suppress_health_check=list(HealthCheck)))


def test_the_clock_is_that_of_redis(redis):
    seconds, microseconds = redis.client.time()
    decide(redis.client, [("one", "a", 4, 0)])
    wait = decide(redis.client, [("one", "a", 1, 0)])[0][0]
    later_seconds, later_microseconds = redis.client.time()
    passed = (later_seconds - seconds) * MICROSECONDS + later_microseconds - microseconds
    assert 60 * MICROSECONDS - passed <= wait <= 60 * MICROSECONDS


def test_a_clock_that_falls_back_admits_nobody_too_much(redis):
    now = 1_800_000_000_000_000
    assert decide(redis.client, [("one", "a", 4, 0)], now)[0][0] == 0
    for behind in (1, 30, 3600):
        wait = decide(redis.client, [("one", "a", 1, 0)], now - behind * MICROSECONDS)[0][0]
        assert wait == 60 * MICROSECONDS
    assert decide(redis.client, [("one", "a", 1, 0)], now + 60 * MICROSECONDS)[0][0] == 0


@pytest.mark.parametrize("hours", [1, 30])
def test_a_log_does_not_grow_with_time(redis, hours):
    now = 1_800_000_000_000_000
    for step in range(hours * 20):
        decide(redis.client, [("hourly", "a", 1, 0)], now + step * 180 * MICROSECONDS)
    assert redis.client.strlen("test:{a}") <= 12 * (5 + 2)
    assert redis.client.strlen("test:{a}:denied") <= 7 + 12 * 5
