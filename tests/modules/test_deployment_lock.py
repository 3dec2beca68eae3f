# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock on each of its three stores, held by keepers of real processes that are really killed."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import psutil
import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._lock import lease, stores
from ansible_collections.huntaze.ai_system.plugins.module_utils._lock.lease import Record
from hypothesis import HealthCheck, Phase, given, settings
from support import sandboxes  # before what stands in the sandbox's own directory
from aws_api.permissions import documented
from support.locks import ORDERS, Run
from support.waiting import until

NAME = "/deployment-lock/huntaze-ai"


class Place(t.NamedTuple):
    """One of the stores: what the module gets, and how others look at it."""

    options: dict[str, str]
    read: t.Callable[[], dict[str, t.Any]]
    write: t.Callable[[str], t.Any]
    service: str


def in_ssm(sandbox: sandboxes.Sandbox) -> Place:
    ssm = sandbox.client("ssm")

    def read() -> dict[str, t.Any]:
        found = ssm.get_parameters(Names=[NAME])["Parameters"]
        return json.loads(found[0]["Value"]) if found else {}

    return Place({"name": NAME}, read, lambda text: ssm.put_parameter(Name=NAME, Value=text, Type="String", Overwrite=True), "ssm")


def in_s3(sandbox: sandboxes.Sandbox) -> Place:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="operations")
    key = NAME.lstrip("/")

    def read() -> dict[str, t.Any]:
        try:
            return json.loads(s3.get_object(Bucket="operations", Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return {}

    return Place({"name": NAME, "bucket": "operations"}, read, lambda text: s3.put_object(Bucket="operations", Key=key, Body=text), "s3")


def in_dynamodb(sandbox: sandboxes.Sandbox) -> Place:
    dynamodb = sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="locks", KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )
    key = {"LockID": {"S": NAME}}

    def read() -> dict[str, t.Any]:
        found = dynamodb.get_item(TableName="locks", Key=key).get("Item")
        return json.loads(found["Lock"]["S"]) if found else {}

    return Place({"name": NAME, "table": "locks"}, read, lambda text: dynamodb.put_item(TableName="locks", Item={**key, "Lock": {"S": text}}), "dynamodb")


@pytest.fixture(params=[in_ssm, in_s3, in_dynamodb], ids=["ssm", "s3", "dynamodb"])
def place(request, sandbox, estate) -> Place:
    return request.param(sandbox)


@pytest.fixture
def alone(sandbox, estate) -> Place:
    """Where the store makes no difference."""
    return in_ssm(sandbox)


@pytest.fixture
def lock(run_module, place) -> t.Callable[..., sandboxes.Result]:
    return functools.partial(run_lock, run_module, place)


def run_lock(run_module, place: Place, run: subprocess.Popen | None = None, **options: t.Any) -> sandboxes.Result:
    check, environment = options.pop("check", False), options.pop("environment", None)
    process = {"process": run.pid} if run else {}
    return run_module("deployment_lock", {"owner": "ann", "command": "ansible-playbook deploy.yml", **place.options, **process, **options}, check=check,
                      environment=environment)


# What stands for a run: it says farewell at its end, as the action has a run do.
RUN = """
import sys, time
from ansible_collections.huntaze.ai_system.plugins.module_utils._lock.keeper import farewell
try:
    print("ready", flush=True)
    time.sleep(600)
finally:
    print(farewell(), flush=True)
"""


@pytest.fixture
def begin() -> t.Iterator[t.Callable[[], subprocess.Popen]]:
    """Starts what stands for a run."""
    runs = []

    def started() -> subprocess.Popen:
        runs.append(subprocess.Popen(
            [sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(sandboxes.REPOSITORY / ".collections")},
        ))
        assert runs[-1].stdout.readline() == b"ready\n"
        return runs[-1]

    yield started
    for run in runs:
        run.kill()
        run.communicate()


def test_one_run_holds_it_until_its_end_and_others_are_refused_with_the_owner(sandbox, place, lock, begin):
    first, second = begin(), begin()
    assert lock(state="shown")["lock"] is None
    assert lock(first, check=True)["changed"] and not place.read()  # check mode takes nothing
    taken = lock(first)
    assert taken["changed"] and place.read() == taken["lock"]
    refused = lock(second, owner="bob")
    for word in ("Nothing was changed", "ann on ", taken["lock"]["since"], taken["lock"]["until"], f"lock_id={taken['lock']['id']}"):
        assert word in refused["msg"], refused["msg"]
    assert refused["failed"] and refused["lock"] == taken["lock"]
    assert lock(second, check=True)["failed"]
    assert lock(state="shown")["lock"] == taken["lock"]

    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: not place.read(), what="the killed run's lock to go")
    assert lock(second, owner="bob")["lock"]["owner"] == "bob"
    second.send_signal(signal.SIGINT)
    second.wait()
    assert not place.read()  # a run that ends by itself waits for that
    assert sandbox.estate["secret_key"] not in taken.output + refused.output


def test_it_is_broken_by_its_id_only_and_the_run_is_stopped(place, lock, begin):
    run = begin()
    taken = lock(run, lease_seconds=3)["lock"]
    wrong = lock(state="broken", id="0123")
    assert wrong["failed"] and taken["id"] in wrong["msg"] and place.read()
    assert lock(state="broken", id=taken["id"], check=True)["changed"] and place.read()
    assert lock(state="broken", id=taken["id"])["lock"]["id"] == taken["id"]
    run.wait(timeout=60)
    assert b"somebody has taken it away" in run.stdout.read()
    again = lock(state="broken", id=taken["id"])
    assert (again["changed"], again["lock"], place.read()) == (False, None, {})


def test_it_is_renewed_and_one_whose_machine_vanished_is_taken_over(place, lock, begin):
    first, second = begin(), begin()
    taken = lock(first, lease_seconds=3)["lock"]
    until(lambda: place.read()["until"] > taken["until"], what="the renewal")
    (keeper,) = [one for one in psutil.process_iter() if one.pid != os.getpid() and is_keeper_of(one, first)]
    keeper.kill()  # as where the machine vanishes
    waited = lock(second, owner="bob", wait_timeout=50)
    assert waited["lock"]["owner"] == "bob", waited.output
    assert first.poll() is None  # nobody was left to stop it


def is_keeper_of(process: psutil.Process, run: subprocess.Popen) -> bool:
    with contextlib.suppress(OSError):  # it may end meanwhile
        for name in os.listdir(f"/proc/{process.pid}/fdinfo"):
            with contextlib.suppress(OSError):  # or close one
                if f"Pid:\t{run.pid}\n" in Path(f"/proc/{process.pid}/fdinfo", name).read_text():
                    return True
    return False


def test_a_run_whose_lease_cannot_be_renewed_is_stopped_before_it_ends(sandbox, run_module, alone, begin):
    run = begin()
    run_lock(run_module, alone, run, lease_seconds=4)
    with sandbox.fault("throttle", service=alone.service, operation="mutating", rate=0):
        run.wait(timeout=60)
    assert b"could not be renewed" in run.stdout.read()
    assert run_lock(run_module, alone, begin(), owner="bob", wait_timeout=50)["lock"]["owner"] == "bob"


def test_an_answer_that_is_lost_costs_nothing(sandbox, place, lock, begin):
    run = begin()
    with sandbox.fault("lost_answer", service=place.service, operation="mutating", times=1):
        taken = lock(run)
    assert taken["changed"] and place.read()["id"] == taken["lock"]["id"], taken.output
    with sandbox.fault("lost_answer", service=place.service, operation="mutating", times=1):
        run.kill()
        until(lambda: not place.read(), what="the lock to go")


def test_a_run_killed_while_it_takes_the_lock_leaves_none(run_module, alone, begin):
    run = begin()
    killed = run_module("deployment_lock", {**alone.options, "process": run.pid}, kill_after=1)
    assert killed.killed
    run.kill()
    until(lambda: not alone.read(), what="the lock to go")


def test_a_lease_that_ran_out_long_ago_is_replaced_and_a_record_of_something_else_is_not(place, lock, begin):
    place.write(Record("dead", "eve", "gone", "deploy", 1_700_000_000, 1_700_000_300).text())
    assert lock(state="shown")["lock"] is None
    assert lock(begin())["lock"]["owner"] == "ann"
    place.write('{"color": "blue"}')
    refused = lock(begin())
    assert refused["failed"] and "Something else stands where the lock should be" in refused["msg"]
    assert place.read() == {"color": "blue"}


def test_a_lock_that_cannot_be_given_back_is_told(sandbox, run_module, alone, begin):
    run = begin()
    assert run_lock(run_module, alone, run)["changed"]
    without(sandbox, "ssm:DeleteParameter")
    run.send_signal(signal.SIGINT)
    told = run.communicate(timeout=60)[0].decode()
    assert "The lock could not be given back, and ends with its lease in " in told and "ssm:DeleteParameter" in told, told


def without(sandbox: sandboxes.Sandbox, action: str) -> None:
    """From now on, modules may do what README's policy allows, but for this."""
    policy = documented(sandboxes.REPOSITORY / "README.md")
    statements = [{**one, "Action": [other for other in one["Action"] if other != action]} for one in policy["Statement"]]
    sandbox.client("iam").put_user_policy(UserName="deployer", PolicyName="policy", PolicyDocument=json.dumps({**policy, "Statement": statements}))


ACTIONS = {"ssm": ("GetParameter", "PutParameter"), "s3": ("GetObject", "PutObject"), "dynamodb": ("GetItem", "PutItem")}


def test_what_is_not_allowed_is_named_and_nothing_is_locked(sandbox, place, lock, begin):
    run = begin()
    for action in (f"{place.service}:{name}" for name in ACTIONS[place.service]):
        without(sandbox, action)
        refused = lock(run)
        assert refused["failed"] and f"not allowed: {action}; add it" in refused["msg"] and not place.read(), refused.output


def test_a_lock_that_is_broken_in_the_middle_of_its_renewal_does_not_come_back(sandbox, estate):
    """Also in SSM, which binds no put to what was read."""
    client = sandbox.client("ssm")
    store = stores.Parameter(client, NAME)
    mine = Record("mine", "ann", "here", "deploy", 0, 0)
    assert lease.carried(lease.take(mine, 60, store.swaps), store, lambda seconds: None).is_of("mine")
    assert lease.carried(lease.renew("mine", 60, store.swaps), store, lambda seconds: None).is_of("mine")
    renewal = lease.renew("mine", 60, store.swaps)
    assert next(renewal) == lease.Read()
    put = renewal.send(store.read())
    client.delete_parameter(Name=NAME)
    assert store.put(put.record, put.over) is None and store.read().record is None


class Timed:
    """A store whose time goes on only when a test lets it."""

    trouble = None

    def __init__(self, store: stores.Store) -> None:
        self._store, self.swaps, self.now = store, store.swaps, 100

    def read(self) -> lease.Seen | None:
        seen = self._store.read()
        return seen and seen._replace(now=self.now)

    def put(self, record: Record, over: lease.Seen) -> lease.Seen | None:
        return self._store.put(record, over)

    def remove(self, seen: lease.Seen) -> bool:
        return self._store.remove(seen)


@pytest.mark.parametrize("where", [in_s3, in_dynamodb], ids=["s3", "dynamodb"])
def test_never_two_runs_hold_it_in_any_order_of_their_calls(sandbox, estate, where):
    found = where(sandbox)
    kind = stores.of(found.options.get("bucket"), found.options.get("table"))
    client, names = sandbox.client(kind.service), iter(range(1000))

    @settings(max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(orders=ORDERS)
    def hold(orders):
        store = Timed(kind(client, f"lock-{next(names)}", found.options.get("bucket") or found.options["table"]))
        runs = [Run(store, name) for name in "abc"]
        for number, lost, goes_on, passes in orders:
            store.now += passes
            runs[number].step(lost, goes_on)
            assert sum(run.holds for run in runs) <= 1, [(run.name, run.until) for run in runs]

    hold()


@pytest.mark.parametrize(("options", "words"), [
    ({"name": "a b", "lease_seconds": 1, "wait_timeout": -1}, ["name 'a b'", "lease_seconds is 1", "wait_timeout is -1"]),
    ({"name": NAME, "process": 2**22 + 1}, ["could not be used"]),
    ({"name": NAME, "bucket": "no-such-bucket"}, ["no-such-bucket", "huntaze_lock.enabled: false"]),
])
def test_what_cannot_work_is_told(sandbox, estate, run_module, options, words):
    failed = run_module("deployment_lock", options)
    assert failed["failed"] and not [word for word in words if word not in failed["msg"]], failed.output
    assert "Traceback" not in failed.output
