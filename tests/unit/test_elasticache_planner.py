# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner of elasticache_auth against a small model of AWS that refuses every illegal call."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import laws
from support.elasticache import CLUSTER, GROUP, HABITS, NO_PASSWORD, PRINTS, TOKENS, Aws, Habits, desire

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import Answer
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import path as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.cache import NOTHING
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import (
    ROTATED,
    SET,
    TAG_KEY,
    Tag,
    read_tag,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import obstacles, pending_refusals, refusals, token_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK, UNKNOWN, Plan


class Refused(Exception):
    """AWS has refused to SET the token twice: the run fails."""


def run(aws: Aws, desired: planner.Desired, ask: bool = False, calls: int = 99, meanwhile=lambda: None) -> list[str]:
    """What the module does, cut off after `calls` calls; the steps made. `meanwhile`: what somebody else does ahead of each call."""
    observed, steps, refused = aws.observe(desired.auth_token if ask else None), [], 0
    while calls and (change := planner.next_change(desired, observed)):
        meanwhile()
        answer = aws.call(change.operation, dict(change.parameters))
        assert (calls := calls - 1) > 0 or len(steps) < 20
        if answer == "refused":
            refused += 1
            if refused > 1:
                raise Refused
            observed = planner.without_evidence(observed)
            continue
        seen = aws.observe()
        if not answer:
            assert planner.shows(observed, planner.predict(desired, observed, change), seen), change.summary
            steps.append(change.summary)
        observed = planner.earning(desired, seen, change) if planner.strategy_of(change) else replace(seen, earned=observed.earned)
    return steps


def at_point(aws: Aws, desired: planner.Desired) -> bool:
    ranks = planner.RANK
    return (
        aws.promoted
        and ranks[aws.mode] >= ranks[desired.transit_encryption_mode]
        and (desired.auth_token is None or (desired.auth_token in aws.credentials if desired.auth_token_update_strategy == "ROTATE"
                                            else aws.credentials == [desired.auth_token]))
    )


desires = st.one_of(
    st.builds(desire, mode=st.sampled_from(["preferred", "required"]), snapshot=st.booleans()),
    st.builds(desire, token=st.sampled_from(TOKENS), mode=st.just("required"), strategy=st.sampled_from(["ROTATE", "SET"]), snapshot=st.booleans()),
)


@st.composite
def histories(draw):
    """A cache that earlier runs of ours have brought somewhere, each perhaps cut off, the connection seen or not."""
    aws = Aws()
    for _number in range(draw(st.integers(0, 4))):
        desired = draw(desires)
        if not refusals(desired, aws.observe()):
            run(aws, desired, ask=draw(st.booleans()), calls=draw(st.integers(0, 10)))
    return aws


@given(histories(), desires, st.booleans())
def test_reaches_the_point_by_legal_steps_and_then_rests(aws, desired, ask):
    assume(not refusals(desired, aws.observe()))
    announced = [change.summary for change, _ in planner.path(desired, aws.observe(desired.auth_token if ask else None))]
    made = run(aws, desired, ask)
    # AWS may answer that nothing is to be modified.
    assert [step for step in announced if step in made] == made
    assert at_point(aws, desired)
    # What a connection alone has shown, a later run without one cannot know.
    assert run(aws, desired, ask) == run(aws, desired, ask=True) == []


@given(histories(), desires, st.integers(1, 10), st.booleans(), st.booleans())
def test_a_run_cut_off_anywhere_is_completed_by_the_next(aws, desired, calls, ask, ask_again):
    assume(not refusals(desired, aws.observe()))
    run(aws, desired, ask, calls)
    run(aws, desired, ask_again)
    assert at_point(aws, desired)
    assert run(aws, desired, ask_again) == []


@given(histories(), st.sampled_from(TOKENS), st.integers(0, 10), st.booleans(), st.sampled_from(HABITS))
def test_rotate_never_shuts_out_who_used_the_newest_way_in(aws, token, calls, ask, habits):
    aws.habits, newest = habits, aws.credentials[-1]
    desired = desire(token, "required", "ROTATE")
    run(aws, desired, ask, calls)
    # A run cut off between ROTATE and its note adds the token once more, unless it sees that it is accepted.
    run(aws, desired, ask=ask or habits.rotate_in_force == "drops")
    assert newest in aws.credentials and token in aws.credentials


DEEDS = {
    "rotate": lambda aws: aws.change_token("a-strangers-token", "ROTATE"),
    "set": lambda aws: [aws.change_token("a-strangers-token", strategy) for strategy in ("ROTATE", "SET")],
    "strip": lambda aws: setattr(aws, "tag", None),
    "scribble": lambda aws: setattr(aws, "tag", "v2/set/somebody else's"),
    "foreign": lambda aws: setattr(aws, "tag", str(Tag(SET, f"{9:032x}/{9:064x}", "2025-01-01T00:00:02+00:00"))),
    "nothing": lambda aws: None,
}
deeds = st.lists(st.sampled_from(sorted(DEEDS)), max_size=3)


def claims(aws: Aws, token: str) -> bool:
    """Whether the tag says that the token is the only one."""
    evidence = planner.judge(desire(token, "required"), aws.observe())
    return evidence.source == "tag" and evidence.standing == "only"


@given(st.sampled_from(HABITS), st.sampled_from(TOKENS), st.lists(st.tuples(desires, st.integers(0, 10), deeds), max_size=3), deeds, st.booleans())
def test_kind_01_no_former_token_outlives_a_set(habits, token, history, last, ask):
    """Whatever happened to tokens and tag before, and whichever way AWS reads its own documentation."""
    aws = Aws(promoted=True, mode="required", habits=habits)
    for desired, calls, others in history:
        if not refusals(desired, aws.observe()):
            with contextlib.suppress(Refused):
                run(aws, desired, calls=calls)
        for deed in others:
            DEEDS[deed](aws)
    for deed in last:
        DEEDS[deed](aws)
    try:
        run(aws, desire(token, "required"), ask)
    except Refused:
        assert not claims(aws, token) and habits != Habits()
    else:
        assert aws.credentials == [token]
    assert claims(aws, token) <= (aws.credentials == [token])


@given(st.sampled_from(HABITS), st.sampled_from(TOKENS[:2]), st.lists(st.sampled_from(sorted(DEEDS)), max_size=8), st.booleans())
def test_kind_01_what_others_do_during_a_run_is_never_noted_as_ours(habits, token, others, ask):
    aws = Aws(promoted=True, mode="required", habits=habits)
    remaining = iter(others)
    with contextlib.suppress(Refused):
        run(aws, desire(token, "required"), ask, calls=15, meanwhile=lambda: DEEDS[next(remaining, "nothing")](aws))
    assert claims(aws, token) <= (aws.credentials == [token])


@pytest.mark.parametrize("phase", [ROTATED, SET])
@pytest.mark.parametrize("date", ["none", "2024-01-01T00:00:00+00:00"])
@pytest.mark.parametrize("shown", [None, "2025-01-01T00:00:00+00:00"])
def test_kind_01_only_a_date_that_is_there_and_the_same_proves(phase, date, shown):
    there = observed(REQUIRED, auth_token_enabled=True, auth_token_last_modified_date=shown)
    evidence = planner.judge(desire(TOKENS[0], "required"), replace(there, tag=Tag(phase, PRINTS[TOKENS[0]], date)))
    assert evidence.standing == "unproven"
    assert ("no date" in evidence.reason) == ("none" in (date, shown or "none"))


@pytest.mark.parametrize("note", ["v1/set", "v1/setting", "v1/rotating", "v1/rotated", "v2/setting", "v2/rotating"])
def test_kind_01_a_note_ahead_of_a_change_is_no_evidence(note):
    assert read_tag(f"{note}/{PRINTS[TOKENS[0]]}/2025-01-01T00:00:00+00:00") is None


@given(
    histories(),
    st.sampled_from(TOKENS),
    st.sampled_from(["ROTATE", "SET"]),
    st.sampled_from(["ROTATE", "SET"]),
    st.lists(st.sampled_from(sorted(DEEDS)), min_size=1, max_size=3),
    st.booleans(),
)
def test_what_others_did_to_the_token_is_put_right(aws, token, strategy_before, strategy, others, ask):
    run(aws, desire(token, "required", strategy_before))
    for deed in others:
        DEEDS[deed](aws)
    desired = desire(token, "required", strategy)
    run(aws, desired, ask)
    assert at_point(aws, desired)
    assert run(aws, desired, ask) == []


def converged(token: str = TOKENS[0]) -> Aws:
    aws = Aws()
    run(aws, desire(token, "required"))
    return aws


def test_all_steps_in_their_order():
    aws = Aws()
    assert run(aws, desire(TOKENS[0], "required")) == [
        "Take the snapshot before of the cache cluster huntaze-redis-production",
        "Promote the cache cluster huntaze-redis-production to the replication group huntaze-redis",
        "Replication group huntaze-redis: offer TLS beside plain text",
        "Replication group huntaze-redis: require TLS and refuse plain text",
        "Replication group huntaze-redis: accept the token beside what was accepted before (AUTH, ROTATE)",
        "Replication group huntaze-redis: accept only the token (AUTH, SET)",
        "Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is the only one",
    ]


@pytest.mark.parametrize(
    ("prepare", "ask", "source", "reason"),
    [
        (lambda aws: None, False, "tag", "nothing has changed since"),
        (lambda aws: None, True, "connection", "accepts the token and refuses clients without"),
        (lambda aws: aws.change_token("b" * 16, "ROTATE"), False, "tag", "rotated elsewhere"),
        (lambda aws: setattr(aws, "tag", None), False, "none", "missing or unreadable"),
        (lambda aws: setattr(aws, "tag", None), True, "connection", "whether another token is accepted too cannot be seen"),
        (lambda aws: setattr(aws, "credentials", ["b" * 16]), True, "connection", "refuses the token"),
        (lambda aws: setattr(aws, "credentials", [NO_PASSWORD, TOKENS[0]]), True, "connection", "accepts clients without"),
        (lambda aws: setattr(aws, "credentials", [NO_PASSWORD]), False, "aws", "AUTH is off, although the tag knows the token"),
    ],
)
def test_evidence_says_what_it_rests_on(prepare, ask, source, reason):
    aws = converged()
    prepare(aws)
    evidence = planner.judge(desire(TOKENS[0], "required"), aws.observe(TOKENS[0] if ask else None))
    assert evidence.source == source
    assert reason in evidence.reason


@pytest.mark.parametrize(("strategy", "standing", "source"), [("ROTATE", "newest", "tag"), ("SET", "unproven", "connection"), (None, "unproven", "connection")])
def test_kind_01_a_cache_that_takes_any_password_is_not_said_to_refuse_the_token(strategy, standing, source):
    """It proves nothing of the token: what AWS has answered to its ROTATE still holds, and neither that it is the only one nor that it is there."""
    aws = Aws()
    desired = desire(TOKENS[0], "required", strategy or "ROTATE")
    run(aws, desired)
    there = replace(aws.observe(), answer=Answer(None, False))
    evidence = planner.judge(desired, there if strategy else replace(there, tag=None))
    assert (evidence.standing, evidence.source) == (standing, source)
    assert "takes any password" in evidence.reason and "refuses the token" not in evidence.reason


@pytest.mark.parametrize("ask", [False, True])
def test_kind_01_a_stripped_tag_is_no_reason_to_believe_the_token_is_the_only_one(ask):
    aws = converged()
    aws.change_token("a-former-token", "ROTATE")
    aws.change_token(TOKENS[0], "ROTATE")
    aws.tag = None
    assert [step.split(": ")[1] for step in run(aws, desire(TOKENS[0], "required"), ask)] == [
        "accept the token beside what was accepted before (AUTH, ROTATE)",
        "accept only the token (AUTH, SET)",
        "note in the tag huntaze:auth-token that the token is the only one",
    ]
    assert aws.credentials == [TOKENS[0]]


def test_a_connection_outweighs_the_tag():
    aws = converged()
    aws.credentials = ["a-strangers-token"]  # although neither tag nor date tells
    run(aws, desire(TOKENS[0], "required"), ask=True)
    assert aws.credentials == [TOKENS[0]]
    aws.credentials = [NO_PASSWORD, TOKENS[0]]
    run(aws, desire(TOKENS[0], "required"), ask=True)
    assert aws.credentials == [TOKENS[0]]


def test_a_stripped_tag_does_not_leave_the_door_open_for_clients_without_a_token():
    aws = Aws()
    run(aws, desire(TOKENS[0], "required", "ROTATE"))
    aws.tag = None
    run(aws, desire(TOKENS[0], "required"), ask=True)
    assert aws.credentials == [TOKENS[0]] and aws.changes == 2


@given(histories(), desires)
def test_neither_steps_nor_differences_hold_a_token(aws, desired):
    before = aws.observe()
    assume(not refusals(desired, before))
    steps = planner.path(desired, before)
    result = planner.plan(desired, before).result()
    assert "canary" not in f"{result} {desired} {planner.shown(steps[-1][1] if steps else before)}"
    assert result["changed"] == bool(steps) == (result["diff"]["before"] != result["diff"]["after"])
    assert all(difference["secret"] == ("token" in difference["field"] and difference["field"] in planner.SECRET) for difference in result["differences"])


def state(desired, there):
    """What is there as the laws write it."""
    found: dict = {}
    for (name, field), value in planner.facts(desired, there).items():
        if value is not None:
            found.setdefault(name, {})[field] = value
    return found


@given(histories(), desires, st.booleans())
def test_every_change_has_a_difference_and_every_difference_a_change(aws, desired, ask):
    before = aws.observe(desired.auth_token if ask else None)
    assume(not refusals(desired, before))
    steps, planned = planner.path(desired, before), planner.plan(desired, before)
    laws.check_changes(planned)
    assert laws.applied(state(desired, before), planned.differences) == state(desired, steps[-1][1] if steps else before)


@given(histories(), desires)
def test_the_differences_applied_to_what_was_observed_are_what_is_observed_afterwards(aws, desired):
    before = aws.observe(desired.auth_token)
    assume(not refusals(desired, before))
    announced = laws.applied(state(desired, before), planner.plan(desired, before).differences)
    run(aws, desired, ask=True)
    seen = state(desired, aws.observe(desired.auth_token))
    for name, fields in announced.items():
        # Only a real run knows dates and addresses.
        assert {field: UNKNOWN if fields.get(field) is UNKNOWN else value for field, value in seen.pop(name).items()} == fields
    assert seen == {}


def test_differences_say_in_the_words_of_aws_what_is_altered():
    result = planner.plan(desire(TOKENS[0], "required"), Aws().observe()).result()
    assert result["diff"]["before"] == {f"cache {GROUP}": {"endpoints.primary.address": "10.0.0.1", "transit_encryption_enabled": False,
                                                           "auth_token_enabled": False}}
    assert result["diff"]["after"] == {
        "snapshot before": {"snapshot_status": "available"},
        f"cache {GROUP}": {
            "replication_group_id": GROUP,
            "endpoints.primary.address": str(UNKNOWN),
            "endpoints.reader.address": str(UNKNOWN),
            "transit_encryption_enabled": True,
            "transit_encryption_mode": "required",
            "auth_token_enabled": True,
            "auth_token_last_modified_date": str(UNKNOWN),
            "auth_token": MASK,
            "auth_token_update_strategy": "SET",
            f"tags.{TAG_KEY}": str(UNKNOWN),
        },
    }


def test_what_only_a_run_can_know_says_so():
    before = Aws().observe()
    after = planner.path(desire(TOKENS[0], "required"), before)[-1][1]
    shown = planner.shown(after)
    place = {"address": str(UNKNOWN), "port": 6379}
    assert shown["endpoints"] == {"primary": place, "reader": place, "configuration": None, "nodes": [place]}
    assert shown["auth_token_last_modified_date"] == shown["arn"] == str(UNKNOWN)
    assert (shown["kind"], shown["id"]) == ("replication_group", GROUP)


@given(st.text(), st.sampled_from([ROTATED, SET]))
def test_a_tag_reads_back_as_written_and_nothing_else_reads(text, phase):
    tag = Tag(phase, PRINTS[TOKENS[0]], "2025-01-01T00:00:00+00:00")
    assert read_tag(str(tag)) == tag
    assert read_tag(text) is None
    assert read_tag(None) is None


def test_token_problems():
    assert token_problems("aZ09!&#$^<>-aZ09") == []
    assert token_problems("a" * 128) == []
    assert token_problems("abc12") == ["The token has 5 characters and AWS takes 16 to 128: generate one of 32 or more."]
    assert len(token_problems("é@")) == 2
    assert token_problems("a" * 129) and token_problems("") and token_problems("a" * 16 + "\n")


@given(st.text().filter(lambda text: not re.fullmatch(r"[A-Za-z0-9!&#$^<>-]{10,122}", text)))
def test_a_refused_token_is_not_repeated(text):
    problems = token_problems(f"canary{text}")
    assert problems
    assert "canary" not in " ".join(problems)


def observed(aws: Aws | None = None, **cache) -> planner.Observed:
    found = (aws or Aws()).observe()
    return replace(found, cache={**found.cache, **cache})


def group_of(**cache) -> planner.Observed:
    return observed(REQUIRED, maintenance_window="sun:05:00-sun:06:00", **cache)


IN_GROUP = Aws(promoted=True)
REQUIRED = Aws(promoted=True, mode="required")


@pytest.mark.parametrize(
    ("desired", "there", "sentence"),
    [
        (desire(TOKENS[0], "required"), planner.Observed(NOTHING), f"no cache cluster, replication group or serverless cache called {CLUSTER}"),
        (desire(TOKENS[0], "required"), observed(kind="serverless_cache"), "serverless"),
        (desire(TOKENS[0], "required"), observed(engine="memcached"), "memcached"),
        (desire(mode="required"), observed(status="create-failed"), "create-failed"),
        (desire(mode="required"), observed(IN_GROUP, status="deleting"), "deleting"),
        (desire(mode="required"), observed(engine_version="7.0.4"), "from 7.0.5"),
        (desire(TOKENS[0]), observed(REQUIRED, engine_version="5.0.5"), "from 5.0.6"),
        (desire(TOKENS[0]), observed(REQUIRED, user_group_ids=["people"]), "user group people"),
        (desire(mode="preferred"), observed(REQUIRED), "let plain text in again"),
        (desire(TOKENS[0]), observed(IN_GROUP), "does not require TLS"),
        (desire(TOKENS[0]), observed(), "does not require TLS"),
        (replace(desire(TOKENS[0], "required"), replication_group_id=None), observed(), "give replication_group_id"),
        (replace(desire(mode="preferred"), replication_group_id=None), observed(), "give replication_group_id"),
        (replace(desire(mode="preferred"), replication_group_id="other"), observed(IN_GROUP), "is in the replication group huntaze-redis, not in other"),
        (desire(mode="required"), observed(transit_encryption_enabled=True, transit_encryption_mode="required"), "created with TLS"),
        (desire(mode="required"), observed(cache_parameter_group_name="default.redis7.cluster.on"), "cluster mode"),
        (desire(mode="required"), replace(observed(), group_taken=True), "exists already"),
        (desire(mode="required"), replace(observed(), snapshot="foreign"), "of another cluster"),
        (desire(mode="required"), replace(observed(), snapshot="failed"), "has the status failed"),
    ],
)
def test_refuses_what_cannot_be_reached(desired, there, sentence):
    problems = refusals(desired, there)
    assert len(problems) == 1
    assert sentence in problems[0]
    assert "canary" not in problems[0]
    stands = obstacles(desired, there)
    laws.check_left_alone(Plan(left_alone=tuple(stands)))
    assert {one.difference.object for one in stands} <= {f"cache {GROUP}", f"cache {CLUSTER}", "snapshot before"}


@pytest.mark.parametrize(
    ("desired", "there"),
    [
        (desire(mode="required"), observed(engine="valkey", engine_version="7.2")),
        (desire(mode="required"), observed(REQUIRED, engine_version="6.2.6")),
        (desire(TOKENS[0]), observed(REQUIRED, engine_version="5.0.6")),
        (desire(mode="required"), observed(REQUIRED, user_group_ids=["people"])),
        (replace(desire(), replication_group_id=None), observed()),
        (replace(desire(mode="required"), replication_group_id=None), observed(transit_encryption_enabled=True, transit_encryption_mode="required")),
        (desire(mode="required"), replace(observed(), snapshot="creating")),
    ],
)
def test_does_not_refuse_what_can_be_reached(desired, there):
    assert refusals(desired, there) == []


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (observed(), True),
        (observed(status="snapshotting"), False),
        (observed(status=None), False),
        (observed(status="modifying", auth_token_status="ROTATING"), False),
        (observed(auth_token_status="ROTATING"), True),
        (replace(observed(), snapshot="creating"), False),
    ],
)
def test_waits_for_what_is_under_way(there, expected):
    assert there.settled is expected


def refused(desired: planner.Desired, there: planner.Observed) -> list[str]:
    """As the module does it ahead of its first step."""
    return refusals(desired, there) or pending_refusals(desired, there, [change for change, _ in planner.path(desired, there)])


@pytest.mark.parametrize(
    ("there", "sentences"),
    [
        (group_of(auth_token_status="ROTATING"), ["change of the token", "sun:05:00-sun:06:00", "--apply-immediately", "wait for the window"]),
        (group_of(auth_token_status="SETTING"), ["change of the token", "SETTING"]),
        (group_of(pending_modifications={"cache_node_type": "cache.m6g.large"}), ["cache_node_type cache.m6g.large", "apply_pending_modifications: true"]),
        (
            group_of(pending_modifications={"engine_version": "7.2.0", "cache_parameter_group": "pending-reboot"}),
            ["cache_parameter_group", "engine_version 7.2.0"],
        ),
        (group_of(pending_modifications={"log_delivery_configurations": [{"log_type": "slow-log"}]}), ["log_delivery_configurations"]),
        (
            group_of(global_replication_group_id="ldgnf-shop", global_replication_group_role="SECONDARY"),
            ["member (SECONDARY) of the global datastore ldgnf-shop"],
        ),
    ],
)
def test_kind_10_what_waits_is_told_before_the_first_step(there, sentences):
    problems = refused(desire(TOKENS[0], "required"), there)
    assert len(problems) == 1 and all(sentence in problems[0] for sentence in sentences)


def test_kind_10_what_waits_stands_in_plan_and_diff_where_it_is_allowed():
    there = group_of(pending_modifications={"cache_node_type": "cache.m6g.large", "cache_parameter_group": "pending-reboot"})
    desired = replace(desire(TOKENS[0], "required"), apply_pending_modifications=True)
    assert refused(desired, there) == []
    steps = planner.path(desired, there)
    words = "this also makes what was put off: cache_node_type cache.m6g.large"
    assert [words in change.summary for change, _ in steps] == [True, False, False]
    (made,) = [one for one in planner.plan(desired, there).differences if one.field.startswith("pending_modifications")]
    assert made == (f"cache {GROUP}", "pending_modifications.cache_node_type", "cache.m6g.large", None, False)


def test_kind_10_what_waits_does_not_matter_where_nothing_is_to_be_done():
    aws = converged()
    for waiting in ({"pending_modifications": {"engine_version": "7.2.0"}}, {"auth_token_status": "SETTING"}, {"global_replication_group_id": None}):
        assert refused(desire(TOKENS[0], "required"), observed(aws, **waiting)) == []


@pytest.mark.parametrize(
    ("desired", "there", "wanted", "unwanted"),
    [
        (desire(TOKENS[0]), observed(IN_GROUP, engine_version="6.2.6"), "from 7.0.5", "add transit_encryption_mode"),
        (replace(desire(TOKENS[0], "required"), replication_group_id=None), observed(engine_version="6.2.6"), "from 7.0.5", "give replication_group_id"),
        (replace(desire(TOKENS[0]), replication_group_id=None), observed(engine_version="6.2.6"), "from 7.0.5", "give replication_group_id"),
        (replace(desire(TOKENS[0]), replication_group_id=None), observed(), "add transit_encryption_mode: required", "group-to-be"),
        (desire(TOKENS[0]), observed(status="deleting"), "name another cache", "repair"),
        (desire(TOKENS[0]), observed(status="create-failed"), "delete it and create it anew", "repair"),
        (desire(TOKENS[0]), observed(status="restore-failed"), "restore the snapshot into a new one", "repair"),
        (desire(TOKENS[0]), observed(status="incompatible-network"), "create it anew in others", "repair"),
        (desire(mode="required"), observed(REQUIRED, transit_encryption_mode="preferred", user_group_ids=["people"]), "access control", "add"),
    ],
)
def test_kind_22_advice_leads_somewhere(desired, there, wanted, unwanted):
    problems = " ".join(refusals(desired, there))
    assert wanted in problems and unwanted not in problems


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        (observed(IN_GROUP, engine_version="6.2.6"), "from 7.0.5"),
        (observed(IN_GROUP, engine_version=None), "does not show which version"),
        (observed(cache_parameter_group_name="default.redis7.cluster.on"), "is in cluster mode and cannot be promoted: restore a snapshot"),
        (observed(REQUIRED, global_replication_group_id="ldgnf-shop"), "disassociate-global-replication-group"),
    ],
)
def test_kind_39_what_aws_does_not_allow_is_refused_with_the_way_out(there, sentence):
    assert [sentence in problem for problem in refusals(desire(TOKENS[0], "required"), there)] == [True]


def test_kind_39_a_group_in_cluster_mode_gets_there_by_its_configuration_endpoint():
    place = {"address": "shop.abcdef.clustercfg.use1.cache.amazonaws.com", "port": 6379}
    there = observed(IN_GROUP, cluster_enabled=True, endpoints={"primary": None, "reader": None, "configuration": place, "nodes": []})
    assert refused(desire(TOKENS[0], "required"), there) == []
    after = planner.path(desire(TOKENS[0], "required"), there)[-1][1]
    assert after.cache["endpoints"] == {"primary": None, "reader": None, "configuration": {"address": UNKNOWN, "port": 6379}, "nodes": []}


@pytest.mark.parametrize(("engine", "version"), [("redis", "7.1.0"), ("valkey", "7.2.6"), ("valkey", "8.0.1")])
@pytest.mark.parametrize("mode", [None, "preferred", "required"])
def test_kind_12_valkey_takes_the_same_steps_as_redis(engine, version, mode):
    there = observed(Aws(promoted=True, mode=mode), engine=engine, engine_version=version)
    steps = [change.summary for change, _ in planner.path(desire(TOKENS[0], "required"), there)]
    assert refused(desire(TOKENS[0], "required"), there) == [] and len(steps) == 5 - planner.RANK[mode]


@pytest.mark.parametrize(
    ("status", "answer", "source", "words"),
    [
        ("modifying", None, "busy", "has the status modifying"),
        ("snapshotting", Answer(True, True), "busy", "whether another token is accepted too cannot be seen"),
        ("snapshotting", Answer(False, True), "connection", "refuses the token"),
        ("available", None, "none", "has the status"),
    ],
)
def test_kind_34_a_busy_cache_is_judged_without_its_tag(status, answer, source, words):
    there = replace(observed(converged(), status=status), tag=None, tag_unread=f"the cache has the status {status}", answer=answer)
    evidence = planner.judge(desire(TOKENS[0], "required"), there)
    assert (evidence.source, words in evidence.reason) == (source, True)
