# SPDX-License-Identifier: GPL-3.0-or-later
"""How elasticache_auth takes its steps and what it says of them: the engine on a model of AWS that loses answers, is busy, shows old states and is killed."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from support.clock import Clock
from support.elasticache import CLUSTER, GROUP, HABITS, PRINTS, TOKENS, Aws, Habits

from ansible_collections.huntaze.ai_system.plugins.module_utils import _apply, _secrets
from ansible_collections.huntaze.ai_system.plugins.module_utils._apply import Failed, converge
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import live, path as planner, policy as policies
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import problems
from ansible_collections.huntaze.ai_system.plugins.modules import elasticache_auth

OPTIONS = {
    "name": CLUSTER, "replication_group_id": GROUP, "snapshot": True, "snapshot_name": None, "transit_encryption_mode": "required", "auth_token": TOKENS[0],
    "auth_token_update_strategy": "SET", "apply_pending_modifications": False, "requirepass": None, "wait": True, "wait_timeout": 600, "probe": False,
    "probe_timeout": 1.0, "tls_ca_file": None,
}
NOTHING_TO_DO = ("InvalidParameterCombination", "No modifications were requested")


class Killed(BaseException):
    """SIGKILL."""


def refusal(code, message="no", status=400):
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "call")


TROUBLE = {
    "killed before": Killed, "killed after": Killed,
    "busy before": lambda: refusal("InvalidReplicationGroupState"), "snapshotting before": lambda: refusal("InvalidCacheClusterState"),
    "throttled before": lambda: refusal("Throttling"),
    "not reached before": lambda: ConnectTimeoutError(endpoint_url="https://aws"),
    "lost before": lambda: ReadTimeoutError(endpoint_url="https://aws"), "lost after": lambda: ReadTimeoutError(endpoint_url="https://aws"),
    "fault after": lambda: refusal("InternalFailure", status=500),
}


class World:
    """AWS, with what happens to which call, and how many states ago each look shows."""

    def __init__(self, aws, trouble=None, lags=()):
        self.aws, self.trouble, self.lags = aws, dict(trouble or {}), list(lags)
        self.states, self.calls = [copy.deepcopy(aws)], []
        self.asks = False

    def observe(self, client, desired, promoting=False):
        lag = self.lags.pop(0) if self.lags else 0
        return self.states[max(0, len(self.states) - 1 - lag)].observe()

    def ask(self, place, token, tls_ca_file, seconds):
        return self.aws.observe(token).answer, None, ""

    def __getattr__(self, operation):
        def call(**parameters):
            trouble = self.trouble.get(len(self.calls), "")
            self.calls.append((operation, parameters.get("AuthTokenUpdateStrategy")))
            if trouble.endswith("before"):
                raise TROUBLE[trouble]()
            answer = self.make(operation, parameters)
            if trouble.endswith("after"):
                raise TROUBLE[trouble]()
            if answer:
                raise refusal(*NOTHING_TO_DO) if answer == "nothing" else refusal("InvalidParameterValue")

        return call

    def close(self):
        pass

    def make(self, operation, parameters):
        # What AWS refuses in its words, as the model takes it for a mistake.
        if operation == "create_snapshot" and self.aws.snapshot:
            raise refusal("SnapshotAlreadyExistsFault")
        if operation == "create_replication_group" and self.aws.promoted:
            raise refusal("ReplicationGroupAlreadyExists")
        if parameters.get("TransitEncryptionMode") == self.aws.mode and self.aws.mode:
            raise refusal(*NOTHING_TO_DO)
        answer = self.aws.call(operation, parameters)
        self.states.append(copy.deepcopy(self.aws))
        return answer


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Fingerprints that cost nothing, and hours that pass at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_secrets, "fingerprint", PRINTS.get)
        patched.setattr(_secrets, "is_of", lambda found, token: found == PRINTS.get(token))
        clock = Clock()
        patched.setattr(_apply, "time", clock)
        patched.setattr(policies, "time", clock)
        yield clock


def run(world, client=None, **options):
    """One life of the module."""
    options = {**OPTIONS, "probe": world.asks, **options}
    policy = policies.CachePolicy(None, options, _apply.time.monotonic() + 600, lambda sentence: None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(policies, "observe", world.observe)
        patched.setattr(live, "ask", world.ask)
        return policy.told(converge(policy.look, client or world, policy, _apply.time.monotonic() + 600))


def at_rest(world, **options):
    """Whether a run finds nothing to do."""
    return not run(World(world.aws), **options).made


troubles = st.dictionaries(st.integers(0, 12), st.sampled_from(sorted(TROUBLE)), max_size=6)
lags = st.lists(st.integers(0, 2), max_size=12)
strategies = st.sampled_from(["ROTATE", "SET"])


@given(troubles, lags, st.booleans(), strategies)
def test_a_run_is_completed_by_the_next_whatever_happens_to_its_calls(trouble, old, snapshot, strategy):
    aws, options = Aws(), {"snapshot": snapshot, "auth_token_update_strategy": strategy}
    with suppress(Killed, Failed):
        run(World(aws, trouble, old), **options)
    run(World(aws), **options)
    assert aws.mode == "required" and aws.credentials[-1] == TOKENS[0] and (strategy == "ROTATE" or aws.credentials == [TOKENS[0]])
    assert at_rest(World(aws), **options)


@pytest.mark.parametrize("kind", ["killed before", "killed after"])
@pytest.mark.parametrize("number", range(7))
def test_a_run_killed_at_any_call_is_completed_by_the_next(kind, number):
    aws = Aws()
    with pytest.raises(Killed):
        run(World(aws, {number: kind}))
    run(World(aws))
    assert aws.credentials == [TOKENS[0]] and at_rest(World(aws))


@given(st.sampled_from(HABITS), troubles, lags, st.lists(strategies, min_size=1, max_size=3))
def test_kind_01_no_former_token_is_alive_after_a_set_that_succeeds(habits, trouble, old, others):
    aws = Aws(promoted=True, mode="required", habits=habits)
    for strategy in others:
        aws.change_token("a-strangers-token", strategy)
    try:
        run(World(aws, trouble, old))
    except (Killed, Failed):
        return
    assert aws.credentials == [TOKENS[0]]


@pytest.mark.parametrize("reaches", [True, False], ids=["reached", "not_reached"])
@pytest.mark.parametrize("alive", ["one", "two", "none", "former"])
@pytest.mark.parametrize("tag", ["right", "foreign", "stripped"])
def test_kind_01_no_former_token_is_alive_after_set(tag, alive, reaches):
    """Whatever the tag says, whichever tokens are alive, and whether the cache can be asked."""
    aws = Aws(promoted=True, mode="required", credentials=["a-former-token"], changes=1)
    if tag == "right":
        run(World(aws))
    for token, strategy in {"one": [(TOKENS[0], "ROTATE"), (TOKENS[0], "SET")], "two": [("a-former-token", "ROTATE"), (TOKENS[0], "ROTATE")],
                            "none": [(TOKENS[1], "ROTATE"), (TOKENS[1], "SET")], "former": [("a-former-token", "ROTATE")]}[alive]:
        if (tag, alive) != ("right", "one"):
            aws.change_token(token, strategy)
    aws.tag = {"right": aws.tag, "foreign": "v2/set/somebody/elses", "stripped": None}[tag]
    world = World(aws)
    world.asks = reaches
    applied = run(world)
    assert [change.operation for change in applied.made] == ([] if (tag, alive) == ("right", "one") else [
        "modify_replication_group", "modify_replication_group", "add_tags_to_resource"
    ])
    assert aws.credentials == [TOKENS[0]] and aws.tag.startswith("v2/set/")


@given(troubles, lags)
def test_rotate_shuts_nobody_out_whatever_happens_to_its_calls(trouble, old):
    """AWS has two tokens at most, and takes each ROTATE for another: none is sent twice where the cache can be asked."""
    aws = Aws(promoted=True, mode="required", credentials=["the-token-in-use"], changes=1, habits=Habits(rotate_in_force="drops"))
    for attempt in (trouble, {}):
        world = World(aws, attempt, old)
        world.asks = True
        with suppress(Killed, Failed):
            run(world, auth_token_update_strategy="ROTATE")
        assert "the-token-in-use" in aws.credentials


@given(troubles, lags)
def test_what_is_told_is_what_was_done(trouble, old):
    aws = Aws()
    world = World(aws, trouble, old)
    try:
        applied = run(world)
    except Killed:
        return
    except Failed as failed:
        applied = failed.applied
        assert failed.result()["left"] or str(failed)
    told = {(change.operation, planner.strategy_of(change), change.parameters.get("TransitEncryptionMode")) for change in applied.made}
    assert {operation for operation, *_others in told} <= {operation for operation, _strategy in world.calls}
    assert (("modify_replication_group", None, "required") in told) <= (aws.mode == "required")
    assert all(one.before != one.after for one in applied.differences)
    assert "canary" not in str(applied.result())


class Ended(Exception):
    """The module has ended, with this result."""


class Module:
    check_mode, params = False, OPTIONS

    def warn(self, sentence):
        pass

    def fail_json(self, **result):
        raise Ended(result)

    exit_json = fail_json


def test_what_was_done_is_told_also_where_the_network_cannot_be_looked_up_afterwards(monkeypatch, quick):
    world = World(Aws())

    def denied(client, cache):
        raise refusal("AccessDenied", status=403)

    for name, stand_in in {"AnsibleAWSModule": lambda **spec: Module(), "client": lambda *args, **config: None, "network": denied, "time": quick,
                           "client_without_retries": lambda *args, **config: world}.items():
        monkeypatch.setattr(elasticache_auth, name, stand_in)
    monkeypatch.setattr(policies, "observe", world.observe)
    with pytest.raises(Ended) as ended:
        elasticache_auth.main()
    result = ended.value.args[0]
    assert result["error"]["code"] == "AccessDenied" and len(result["steps"]) == 7 and result["changed"] and result["left"] == []


def test_kind_11_a_step_that_aws_does_not_need_is_not_made_and_is_no_reason_to_stop():
    aws = Aws(promoted=True, mode="required", credentials=[TOKENS[0]], changes=1, habits=Habits(rotate_in_force="nothing", set_only="nothing"))
    world = World(aws)
    applied = run(world)
    assert world.calls == [("modify_replication_group", "ROTATE"), ("modify_replication_group", "SET"), ("add_tags_to_resource", None)]
    assert [change.operation for change in applied.made] == ["add_tags_to_resource"] and at_rest(world)


def test_kind_01_a_lost_answer_that_is_not_waited_for_is_named():
    world = World(Aws(), {0: "lost before"})
    with pytest.raises(Failed) as failed:
        run(world, wait=False)
    assert len(world.calls) == 1 and len(failed.value.result()["unanswered"]) == 1 and not failed.value.result()["steps"]


def test_kind_01_a_rotate_without_an_answer_is_awaited_and_not_repeated(quick):
    world, begin = World(Aws(promoted=True, mode="required", credentials=["the-token-in-use"], changes=1), {0: "lost before"}), quick.now
    with pytest.raises(Failed, match="the cache shows no change since") as failed:
        run(world)
    assert len(world.calls) == 1 and quick.now - begin > policies.LOST_SECONDS and failed.value.result()["left"]


def test_a_token_that_somebody_else_rotates_all_the_time_is_not_added_for_ever():
    world = World(Aws(promoted=True, mode="required", credentials=["a-former-token"], changes=1))

    class Stranger:
        def __getattr__(self, operation):
            def call(**parameters):
                if parameters["AuthTokenUpdateStrategy"] == "ROTATE":
                    return getattr(world, operation)(**parameters)
                world.aws.change_token("a-strangers-token", "ROTATE")
                world.states.append(copy.deepcopy(world.aws))
                raise refusal("InvalidReplicationGroupState")

            return call

    with pytest.raises(Failed, match="as if that had not been. Is somebody else changing it?"):
        run(world, Stranger())
    assert world.calls == [("modify_replication_group", "ROTATE")] * 2


@pytest.mark.parametrize(("wait", "advice"), [
    (True, "All waiting and asking together may take 600 seconds: run again later, or with a longer wait_timeout."),
    (False, "It is not waited for, as wait is false: run again later, or with wait: true."),
])
@pytest.mark.parametrize(("snapshot", "cache", "words"), [
    ("creating", {}, "it has the status available; its snapshot huntaze-redis-production-before-huntaze-redis is still being made. "),
    (None, {"status": "modifying"}, "it has the status modifying. "),
])
def test_kind_35_a_cache_that_is_busy_is_told_with_what_it_is_busy_and_a_way_out_that_helps(wait, advice, snapshot, cache, words):
    world = World(Aws())
    there = world.aws.observe()
    world.observe = lambda client, desired, promoting: replace(there, snapshot=snapshot, cache={**there.cache, **cache})
    with pytest.raises(Failed) as failed:
        run(world, wait=wait)
    assert words + advice in str(failed.value) and world.calls == []


@pytest.mark.parametrize(("content", "words"), [
    (None, "cannot be read on this host (No such file or directory)"), ("directory", "cannot be read on this host"), ("no certificate", "holds no certificate"),
])
def test_kind_26_a_ca_file_that_cannot_be_used_is_refused_before_anything_is_asked(tmp_path, content, words):
    file = tmp_path / "ca.pem"
    if content == "directory":
        file.mkdir()
    elif content:
        file.write_text(content)
    (problem,) = problems({**OPTIONS, "tls_ca_file": str(file)})
    assert problem.startswith(f"tls_ca_file {file}") and words in problem
    assert problems(OPTIONS) == []
