# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine against a model of AWS that loses answers, throttles, shows old states, is changed by others, and kills the run: after any call."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils import _apply
from ansible_collections.huntaze.ai_system.plugins.module_utils._apply import Failed, Policy, Sent, converge
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Difference, Plan
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from support import laws
from support.clock import Clock

OBJECTS, FIELDS = ("box a", "box b"), "xyz"


class Killed(BaseException):
    """SIGKILL."""


def refusal(code, status=400):
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "call")


def silence():
    return ReadTimeoutError(endpoint_url="https://aws")


TROUBLE = {
    "killed before": Killed, "killed after": Killed,
    "throttled before": lambda: refusal("ThrottlingException"),
    "not reached before": lambda: EndpointConnectionError(endpoint_url="https://aws"),
    "lost before": silence, "lost after": silence,
    "fault before": lambda: refusal("InternalError", 500), "fault after": lambda: refusal("ServiceUnavailable", 503),
    "denied before": lambda: refusal("AccessDenied", 403),
}
NOT_MADE_FOR_CERTAIN = ("throttled before", "not reached before")


class AWS:
    """Boxes with fields. `put` and `drop` are made as a whole or not at all, and refused where something is there, or gone, already.

    trouble: by number of a changing call, what happens before it is made, or after
    lags:    by number of a reading, how many states ago it shows
    never:   the fields that AWS does not take
    """

    def __init__(self, state, trouble=None, lags=(), never=()):
        self.states = [copy.deepcopy(state)]
        self.trouble, self.lags, self.never = dict(trouble or {}), list(lags), set(never)
        self.calls, self.answered, self.others = [], [], 0
        self.to_be_looked_at, self.careful = False, True

    @property
    def state(self):
        return self.states[-1]

    def read(self):
        self.calls.append("read")
        lag = self.lags.pop(0) if self.lags else 0
        if lag == "trouble":
            raise silence()
        self.to_be_looked_at = False
        return copy.deepcopy(self.states[max(0, len(self.states) - 1 - lag)])

    def put(self, box, fields):
        self.change("put", box, fields)

    def drop(self, box, fields):
        self.change("drop", box, dict.fromkeys(fields))

    def change(self, operation, box, fields):
        assert not (self.careful and self.to_be_looked_at), "sent again without a look"
        self.calls.append(operation)
        trouble = self.trouble.pop(len(self.calls) - self.calls.count("read"), "")
        if trouble == "overtaken":
            self.others += 1
            self.make(box, dict(sorted(fields.items())[:1]))
        if trouble.endswith("before"):
            self.to_be_looked_at = trouble not in NOT_MADE_FOR_CERTAIN
            raise TROUBLE[trouble]()
        if any(self.state.get(box, {}).get(name) == value for name, value in fields.items()):
            self.to_be_looked_at = True
            raise refusal("Already")
        if self.never & {(box, name) for name in fields}:
            raise refusal("Never")
        self.make(box, fields)
        if trouble.endswith("after"):
            self.to_be_looked_at = True
            raise TROUBLE[trouble]()
        self.answered.append((operation, box, frozenset(fields)))

    def make(self, box, fields):
        there = {name: value for name, value in {**self.state.get(box, {}), **fields}.items() if value is not None}
        self.states.append({**{name: kept for name, kept in self.state.items() if name != box}, **({box: there} if there else {})})


@dataclass(frozen=True)
class BoxChange(Change):
    """One call for one box."""

    @classmethod
    def of(cls, differences):
        operation, box = "drop" if differences[0].after is None else "put", differences[0].object
        fields = [one.field for one in differences] if operation == "drop" else {one.field: one.after for one in differences}
        return cls(operation, {"box": box, "fields": fields}, tuple(differences), f"{operation} {', '.join(one.field for one in differences)} of {box}")

    def halves(self):
        half = len(self.differences) // 2
        return (self.of(self.differences[:half]), self.of(self.differences[half:])) if half else ()

    def without(self, made):
        done = {aim[1:3] for change in made for aim in change.aims if aim[0] == self.operation}
        kept = [one for one in self.differences if one[:2] not in done]
        return self.of(kept) if kept else None


def plan(desired, observed):
    changes = []
    for box in OBJECTS:
        wanted, there = desired.get(box, {}), observed.get(box, {})
        differing = [Difference(box, name, there.get(name), wanted.get(name)) for name in FIELDS if wanted.get(name) != there.get(name)]
        for kind in ([one for one in differing if one.after is not None], [one for one in differing if one.after is None]):
            changes += [BoxChange.of(kind)] if kind else []
    return Plan(tuple(changes))


class Boxes(Policy):
    rounds = 30

    def meaning(self, change, error):
        return {"Already": Sent.OVERTAKEN, "Never": Sent.REFUSED}.get(error_code(error)) or super().meaning(change, error)


class OneByOne(Boxes):
    """Of a kind whose next change is known only once the last one is seen; throttled calls are not repeated without a look."""

    def ready(self, plan):
        return plan.changes[:1]

    def repeat(self, change, sent, seconds):
        return sent is not Sent.LATER and super().repeat(change, sent, seconds)


def run(aws, desired, policy=None, seconds=3600, seen=None, tell=lambda one: None):
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(_apply, "time", clock)
        return converge(lambda: plan(desired, aws.read()), aws, policy or Boxes(), clock.now + seconds, tell, seen)


states = st.dictionaries(st.sampled_from(OBJECTS), st.dictionaries(st.sampled_from(FIELDS), st.integers(1, 2), min_size=1))
harmless = st.sampled_from([*NOT_MADE_FOR_CERTAIN, "lost before", "lost after", "fault before", "fault after", "overtaken"])
troubles = st.dictionaries(st.integers(1, 6), harmless, max_size=4)
lags = st.lists(st.sampled_from([0, 1, 2, 3, "trouble"]), max_size=10)
policies = st.sampled_from([Boxes, OneByOne])


def check_what_is_told(aws, applied):
    """What holds of every run, however it ends."""
    steps = [(change.operation, change.parameters["box"], frozenset(one.field for one in change.differences)) for change in applied.made]
    assert len(set(steps)) == len(applied.steps) == len(set(applied.steps))
    # All that AWS has answered is a step, and every step is what some state has shown.
    assert set(aws.answered) <= set(steps) and len(applied.seconds) == len(steps) and min(applied.seconds, default=0) >= 0
    for one in applied.differences:
        assert any(state.get(one.object, {}).get(one.field) == one.after for state in aws.states)
    result = applied.result()
    assert result["changed"] == bool(applied.made) == bool(result["differences"])
    json.dumps(result)


@given(states, states, troubles, lags, policies)
def test_whatever_happens_on_the_way_the_desired_state_is_reached(before, desired, trouble, lags, policy):
    aws = AWS(before, trouble, lags)
    applied = run(aws, desired, policy())
    check_what_is_told(aws, applied)
    assert aws.state == desired and not applied.left
    if not aws.others:
        # Of a field that was made twice, the first state and the last.
        assert {(one.object, one.field) for one in applied.differences} == {(one.object, one.field) for one in plan(desired, before).differences}
    if not (trouble or lags):
        assert applied.differences == plan(desired, before).differences
        assert laws.applied(before, applied.differences) == desired
    aws.calls.clear()
    aws.lags.clear()
    assert not run(aws, desired).made and aws.calls == ["read"]


@given(states, states, troubles, lags, policies, st.integers(1, 8), st.sampled_from(["killed before", "killed after"]))
def test_a_run_killed_at_any_call_is_completed_by_the_next(before, desired, trouble, lags, policy, number, death):
    aws = AWS(before, {**trouble, number: death}, lags)
    try:
        run(aws, desired, policy())
    except Killed:
        pass
    aws.trouble.clear()
    run(aws, desired, policy())
    assert aws.state == desired


@given(states, states, troubles, lags, policies, st.integers(1, 6), st.sampled_from([0, 0.2, 1, 3600]))
def test_a_run_that_fails_tells_what_was_done_and_what_is_left(before, desired, trouble, lags, policy, number, seconds):
    aws = AWS(before, {**trouble, number: "denied before"}, lags)
    try:
        applied = run(aws, desired, policy(), seconds)
        assert aws.state == desired
    except Failed as failed:
        unanswered = {"unanswered": [change.summary for change in failed.unanswered]} if failed.unanswered else {}
        assert str(failed) and failed.result() == {**failed.applied.result(), "left": failed.applied.left, **unanswered}
        applied = failed.applied
        # Whatever this run may have changed is told: as made, or as not known.
        told = {one[:2] for change in (*applied.made, *failed.unanswered) for one in change.differences}
        differing = {(box, name) for state in aws.states for box in OBJECTS for name in FIELDS if state.get(box, {}).get(name) != before.get(box, {}).get(name)}
        assert aws.others or differing <= told
    check_what_is_told(aws, applied)
    if not (aws.others or lags or any(text.endswith("after") for text in trouble.values())):
        assert applied.left == plan(desired, aws.state).steps


@given(states, states, st.sets(st.tuples(st.sampled_from(OBJECTS), st.sampled_from(FIELDS)), max_size=3), policies)
def test_what_aws_never_takes_is_named_and_keeps_nothing_else_from_being_made(before, desired, never, policy):
    aws = AWS(before, never=never)
    bad = [one for one in plan(desired, before).differences if one[:2] in never]
    try:
        run(aws, desired, policy())
        assert not bad and aws.state == desired
    except Failed as failed:
        check_what_is_told(aws, failed.applied)
        named = [one for change, error in failed.refusals for one in change.differences]
        assert named and set(named) <= set(bad) and error_code(failed.error) == "Never"
        if policy is Boxes:
            assert named == bad and plan(desired, aws.state).differences == tuple(bad)


# What single members of a policy decide


def test_what_was_made_is_looked_for_until_the_time_is_over_and_never_made_again():
    aws = AWS({}, lags=[1] * 100)
    with pytest.raises(Failed, match="AWS does not show yet what was done") as failed:
        run(aws, {"box a": {"x": 1}}, seconds=60)
    assert aws.calls.count("put") == 1 and 8 < aws.calls.count("read") < 20
    assert failed.value.applied.steps == ["put x of box a"] == failed.value.applied.left


def test_without_waiting_the_run_ends_when_all_is_sent():
    class Hasty(Boxes):
        wait = False

    aws = AWS({"box b": {"z": 1}})
    applied = run(aws, {"box a": {"x": 1}, "box b": {"y": 1}}, Hasty())
    assert aws.calls == ["read", "put", "put", "drop"] and len(applied.steps) == 3 and not applied.left


def test_a_call_is_tried_once_although_the_time_is_over():
    aws = AWS({}, {1: "throttled before"})
    with pytest.raises(Failed) as failed:
        run(aws, {"box a": {"x": 1}}, seconds=0)
    assert aws.calls == ["read", "put"] and error_code(failed.value.error) == "ThrottlingException" and not failed.value.applied.steps


def test_a_lost_answer_is_a_step_that_says_so():
    aws = AWS({}, {1: "lost after"})
    assert run(aws, {"box a": {"x": 1}}).steps == ["put x of box a (the answer was lost)"]
    assert aws.calls.count("put") == 1


def test_kind_01_what_is_never_answered_nor_seen_is_named():
    aws = AWS({}, {1: "lost after"}, lags=[0] + ["trouble"] * 100)
    with pytest.raises(Failed) as failed:
        run(aws, {"box a": {"x": 1}}, seconds=60)
    assert failed.value.result()["unanswered"] == ["put x of box a"] == failed.value.result()["left"]
    assert not failed.value.applied.steps and str(failed.value).endswith(" Whether this was done is not known: put x of box a.")


def test_kind_01_a_policy_that_does_not_wait_for_a_lost_answer_names_it_all_the_same():
    class Hasty(Boxes):
        def meaning(self, change, error):
            return Sent.FAILED

    with pytest.raises(Failed) as failed:
        run(AWS({}, {1: "lost after"}), {"box a": {"x": 1}}, Hasty())
    assert failed.value.result()["unanswered"] == ["put x of box a"]
    with pytest.raises(Failed) as failed:
        run(AWS({}, {1: "denied before"}), {"box a": {"x": 1}}, Hasty())
    assert "unanswered" not in failed.value.result()


def test_a_look_that_fails_with_words_while_it_is_made_good_loses_nothing():
    class Careful(Boxes):
        def owes(self):
            return True

    aws = AWS({}, {2: "denied before"})

    def look():
        if aws.calls.count("put") == 2:
            raise Failed("The group is gone.")
        return plan({"box a": {"x": 1}, "box b": {"x": 1}}, aws.read())

    with pytest.raises(Failed) as failed:
        converge(look, aws, Careful(), _apply.time.monotonic() + 60)
    assert error_code(failed.value.error) == "AccessDenied" and failed.value.applied.steps == ["put x of box a"]
    assert str(failed.value.unseen) == "The group is gone."


def test_somebody_who_undoes_it_every_time_is_given_way():
    class Undone(Boxes):
        rounds = 3

        def repeat(self, change, sent, seconds):
            return True

    aws = AWS({})
    aws.make = lambda box, fields: None
    with pytest.raises(Failed, match="sent 3 times") as failed:
        run(aws, {"box a": {"x": 1}}, Undone())
    assert aws.calls.count("put") == 3 and failed.value.applied.steps == ["put x of box a"]


def test_what_is_in_the_way_is_waited_for():
    class Busy(Boxes):
        def ready(self, plan):
            return plan.changes if aws.calls.count("read") > 3 else ()

    aws = AWS({})
    run(aws, {"box a": {"x": 1}}, Busy())
    assert aws.calls == ["read"] * 4 + ["put", "read"]


def test_another_order_takes_the_place_of_the_rest():
    class Other(Boxes):
        def instead(self, change, error, rest):
            return [*rest, change] if change.operation == "put" and rest else None

    aws = AWS({"box a": {"y": 1}}, never={("box a", "x")})
    with pytest.raises(Failed):
        run(aws, {"box a": {"x": 1}}, Other())
    assert aws.calls == ["read", "put", "drop", "put"] and aws.state == {}


def test_a_look_or_a_policy_ends_the_run_with_words_and_keys_of_its_own():
    class Stubborn(Boxes):
        def ready(self, plan):
            raise Failed("A job is in the way.", job={"id": 7})

    with pytest.raises(Failed, match="A job is in the way.") as failed:
        run(AWS({}), {"box a": {"x": 1}}, Stubborn())
    assert failed.value.result()["job"] == {"id": 7} and failed.value.result()["left"] == ["put x of box a"]


def told(aws, desired, policy=None, **how):
    heard = []
    try:
        run(aws, desired, policy, tell=heard.append, **how)
    except Failed:
        pass
    return heard


def test_what_becomes_of_a_step_is_told_as_it_becomes_it():
    heard = told(AWS({"box b": {"z": 1}}, lags=[0, 1, 1]), {"box a": {"x": 1}}, OneByOne())
    assert [(one.phase, one.doing, f"{one.step}/{one.steps}", one.object) for one in heard] == [
        ("sends", "put x of box a", "1/2", "box a"), ("made", "put x of box a", "1/2", "box a"),
        ("waits", "put x of box a", "1/2", "box a"), ("waits", "put x of box a", "1/2", "box a"), ("seen", "put x of box a", "1/2", "box a"),
        ("sends", "drop z of box b", "2/2", "box b"), ("made", "drop z of box b", "2/2", "box b"), ("seen", "drop z of box b", "2/2", "box b"),
    ]
    assert [one.seconds for one in heard[2:5]] == [0, 0.25, 0.75] and heard[3].left == 3600 - 0.25


def test_what_is_in_the_way_of_the_next_step_is_told_and_why_aws_cannot_be_seen():
    class Busy(Boxes):
        def ready(self, plan):
            return plan.changes if aws.calls.count("read") > 3 else ()

        def awaited(self, plan, change):
            return "box a", "modifying"

        def usually(self, change):
            return 5, 6

    aws = AWS({}, lags=[0, "trouble"])
    heard = told(aws, {"box a": {"x": 1}}, Busy())
    assert [(one.phase, one.state, one.usually) for one in heard] == [
        ("blocked", "modifying", None), ("blocked", "AWS does not answer", None), ("blocked", "modifying", None),
        ("sends", "modifying", (5, 6)), ("made", "modifying", (5, 6)), ("seen", "modifying", (5, 6)),
    ]
    assert {(one.doing, one.step, one.steps) for one in heard} == {("put x of box a", 1, 1)}
    throttled = told(AWS({}, {1: "throttled before"}), {"box a": {"x": 1}})
    assert ("blocked", "AWS answers ThrottlingException") in [(one.phase, one.state) for one in throttled]


@given(states, states, troubles, lags, policies)
def test_whatever_happens_each_step_is_told_before_it_is_made_and_by_its_number(before, desired, trouble, lags, policy):
    aws, heard, sent = AWS(before, trouble, lags), [], []

    def hear(one):
        heard.append(one)
        if one.phase == "sends":
            sent.append(len(aws.calls))
        json.dumps(one)

    applied = run(aws, desired, policy(), tell=hear)
    assert len(sent) <= len(aws.calls) and all(1 <= one.step <= one.steps for one in heard if one.doing)
    made = list(dict.fromkeys(one.doing for one in heard if one.phase == "made"))
    assert made == applied.steps and set(made) <= {one.doing for one in heard if one.phase == "sends"} | {step for step in made if "lost" in step}


def test_what_is_waited_for_without_a_plan_is_told_too(monkeypatch):
    heard, looks = [], iter([0, 0, 0, "there"])
    monkeypatch.setattr(_apply, "time", Clock())
    monkeypatch.setattr(_apply._progress, "tell", heard.append)
    assert _apply.wait_until(lambda: next(looks), 60, waits_for=lambda: ("metrics Requests", "not in CloudWatch yet")) == "there"
    assert [(one.phase, one.object, one.seconds, one.left) for one in heard] == [("waits", "metrics Requests", at, 60 - at) for at in (0, 0.25, 0.75)]
    assert _apply.wait_until(lambda: 0, 1) is None


def test_each_step_has_the_seconds_until_it_was_seen():
    applied = run(AWS({"box b": {"z": 1}}, lags=[0, 1, 1]), {"box a": {"x": 1}}, OneByOne())
    assert applied.seconds == (0.75, 0.0) and applied.result()["seconds"] == [0.8, 0.0]


def test_a_look_that_was_just_taken_is_not_taken_again():
    aws = AWS({})
    run(aws, {"box a": {"x": 1}}, seen=plan({"box a": {"x": 1}}, {}))
    assert aws.calls == ["put", "read"]


def test_what_was_taken_away_for_a_failed_run_is_put_back():
    class Careful(Boxes):
        def owes(self):
            return True

        def amends(self, plan):
            return [BoxChange.of([Difference("box b", name, None, 1) for name in "xy"])]

    aws = AWS({}, {1: "denied before", 2: "lost before", 4: "lost after"}, never={("box b", "y")})
    aws.careful = False
    with pytest.raises(Failed) as failed:
        run(aws, {"box a": {"x": 1}}, Careful(), seconds=0)
    assert aws.state == {"box b": {"x": 1}}
    assert [change.summary for change in failed.value.amended] == ["put x of box b"] == failed.value.applied.steps
    assert [change.summary for change in failed.value.lost] == ["put y of box b"]
