# SPDX-License-Identifier: GPL-3.0-or-later
"""Interleavings of runs that want one lock, over a model of a store: every order of their calls, answers that are lost, clocks that go on."""

from __future__ import annotations

import io
import typing as t

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._lock import lease, stores
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.locks import LEASE, ORDERS, Run


class Model:
    """A store as S3 and DynamoDB are one, or with `swaps` false as SSM: a put over something, and a removal, ask nothing."""

    trouble = None

    def __init__(self, swaps: bool = True) -> None:
        self.swaps, self.record, self.version, self.now = swaps, None, 0, 100
        self.writers: list[str] = []

    def read(self) -> lease.Seen:
        return lease.Seen(self.record, self.version, self.now)

    def put(self, record: lease.Record, over: lease.Seen) -> t.Optional[lease.Seen]:
        if self._is_another(over):
            return None
        self.record, self.version = record, self.version + 1
        self.writers.append(record.id)
        return lease.Seen(record, self.version, over.now)

    def remove(self, seen: lease.Seen) -> bool:
        if self._is_another(seen):
            return False
        self.record, self.version = None, self.version + 1
        return True

    def _is_another(self, seen: lease.Seen) -> bool:
        if self.swaps:
            return seen.version != self.version
        return seen.record is None and self.record is not None


@settings(max_examples=400, deadline=None)
@given(orders=ORDERS, lossy=st.booleans())
def test_never_two_runs_hold_a_lock_that_is_swapped(orders, lossy):
    store = Model()
    runs = [Run(store, name) for name in "abc"]
    for number, lost, goes_on, passes in orders:
        store.now += passes
        runs[number].step(lost and lossy, goes_on)
        assert sum(run.holds for run in runs) <= 1, [(run.name, run.until) for run in runs]


@settings(max_examples=400, deadline=None)
@given(orders=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=120))
def test_in_ssm_two_runs_never_hold_it_while_calls_take_less_than_a_moment(orders):
    """The race that the documentation names needs a call that AWS makes more than a moment after the look before it. Here each call takes no time, and a run
    that was put off by a call has made it before time goes on."""
    store = Model(swaps=False)
    runs = [Run(store, name) for name in "abc"]
    for number, goes_on in orders:
        runs[number].step(False, goes_on)
        if all(store.now < run.paused for run in runs):
            store.now += 1
        assert sum(run.holds for run in runs) <= 1


def test_in_ssm_a_slow_call_is_the_documented_race_and_the_next_renewal_ends_it():
    store = Model(swaps=False)
    store.record = lease.Record("dead", "d", "host", "deploy", 0, 50)
    first, second = Run(store, "a"), Run(store, "b")
    first.step(False, True), second.step(False, True)  # both see a lease that has run out
    first.step(False, True), first.step(False, True)
    store.now += 1
    first.step(False, True), first.step(False, True)
    assert first.holds
    second.step(False, True), second.step(False, True)  # its call was under way for longer than a moment
    store.now += 1
    second.step(False, True), second.step(False, True)
    assert first.holds and second.holds
    while first.what == "renew" and first.until:
        first.step(False, True)
    assert second.holds and not first.holds


@pytest.mark.parametrize("swaps", [True, False])
def test_a_lock_that_is_held_is_left_and_one_that_ran_out_is_taken(swaps):
    store = Model(swaps)
    pauses: list[float] = []
    taken = lease.carried(lease.take(lease.Record("a", "ann", "h", "deploy"), LEASE, swaps), store, pauses.append)
    assert taken.is_of("a") and taken.is_held and (taken.record.since, taken.record.until) == (100, 110)
    assert pauses == ([] if swaps else [lease.MOMENT])
    store.now = 110
    found = lease.carried(lease.take(lease.Record("b", "bob", "h", "deploy"), LEASE, swaps), store, pauses.append)
    assert found.is_of("a") and store.writers == ["a"]
    renewed = lease.carried(lease.renew("a", LEASE, swaps), store, pauses.append)
    assert (renewed.record.since, renewed.record.until) == (100, 120)
    store.now = 121
    taken = lease.carried(lease.take(lease.Record("b", "bob", "h", "deploy"), LEASE, swaps), store, pauses.append)
    assert taken.is_of("b")
    assert lease.carried(lease.renew("a", LEASE, swaps), store, pauses.append).is_of("b")
    assert lease.carried(lease.remove("a", swaps), store, pauses.append)[0] is None
    removed, seen = lease.carried(lease.remove("b", swaps), store, pauses.append)
    assert (removed.id, seen.record, store.record) == ("b", None, None)


def test_whoever_is_not_answered_at_all_ends_with_the_stores_trouble():
    store = Model()
    store.read = lambda: None
    store.trouble = OSError("no route")
    with pytest.raises(OSError, match="no route"):
        lease.carried(lease.take(lease.Record("a", "ann", "h", "deploy"), LEASE, True), store, lambda seconds: None)


RECORDS = st.builds(lease.Record, *[st.text(max_size=20)] * 4, st.integers(0, 4 * 10**9), st.integers(0, 4 * 10**9))


@given(record=RECORDS)
def test_a_record_is_read_as_it_was_written(record):
    assert lease.Record.read(record.text()) == record


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"id": "a"}', '{"id": "a", "owner": "b", "host": "c", "command": "d", "since": 1, "until": 2}'])
def test_what_is_no_lock_is_told(text):
    with pytest.raises(lease.NotALock):
        lease.Record.read(text)


def test_a_refusal_names_owner_host_times_and_the_way_to_break_it():
    words = lease.refusal(lease.Record("0123", "ann", "operations-1", "ansible-playbook deploy.yml", 1764072000, 1764072300))
    for word in ("ann on operations-1", "2025-11-25T12:00:00Z", "2025-11-25T12:05:00Z", "ansible-playbook deploy.yml", "lock_id=0123", "wait_timeout"):
        assert word in words


@pytest.mark.parametrize(("environment", "owner"), [
    ({}, "ann"),
    ({"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
     "https://github.com/a/b/actions/runs/7"),
    ({"CI_JOB_URL": "https://gitlab.example/a/-/jobs/7"}, "https://gitlab.example/a/-/jobs/7"),
    ({"BUILD_URL": "https://jenkins.example/job/7/"}, "https://jenkins.example/job/7/"),
])
def test_the_owner_is_the_job_of_a_ci_or_the_user(environment, owner):
    assert lease.owner(environment, "ann") == owner


def test_options_that_cannot_work_are_told_together():
    assert [words.partition(" ")[0] for words in lease.problems("a b", 1, -1)] == ["name", "lease_seconds", "wait_timeout"]
    assert not list(lease.problems("/deployment-lock/huntaze-ai", 300, 0))


class Bucket:
    """A client whose bucket holds nothing, and whose caller may not list it: AWS calls what is missing forbidden then."""

    def __init__(self, may_read: bool = True) -> None:
        self.text, self.may_read = "", may_read

    def get_object(self, **dummy: t.Any) -> dict[str, t.Any]:
        if not (self.text and self.may_read):
            raise ClientError({"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPHeaders": {"date": "Tue, 25 Nov 2025 12:00:00 GMT"}}}, "GetObject")
        return {"Body": io.BytesIO(self.text.encode()), "ETag": "1"}

    def put_object(self, Body: bytes, **condition: t.Any) -> dict[str, t.Any]:
        if self.text and "IfNoneMatch" in condition:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.text = Body.decode()
        return {"ETag": "1"}

    def delete_object(self, **dummy: t.Any) -> dict[str, t.Any]:
        self.text = ""
        return {}


def test_in_s3_a_missing_object_may_be_called_forbidden_and_one_that_is_there_may_be_so():
    store, mine = stores.Object(Bucket(), "/lock", "operations"), lease.Record("a", "ann", "h", "deploy")
    taken = lease.carried(lease.take(mine, LEASE, True), store, lambda seconds: None)
    assert taken.is_of("a") and lease.stamp(taken.record.since) == "2025-11-25T12:00:00Z"
    for text in ("", "{}"):
        forbidden = Bucket(may_read=False)
        forbidden.text = text
        with pytest.raises(ClientError, match="AccessDenied"):
            lease.carried(lease.take(mine, LEASE, True), stores.Object(forbidden, "/lock", "operations"), lambda seconds: None)
        assert forbidden.text == text
