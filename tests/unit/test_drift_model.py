# SPDX-License-Identifier: GPL-3.0-or-later
"""What drift.yml's report makes of plans: a record for each field that differs, and nothing of what a plan only changes along."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.huntaze.ai_system.plugins.filter.drift_options import drift_options
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import drift, model
from hypothesis import example, given
from hypothesis import strategies as st

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text()), format_checker=jsonschema.FormatChecker()
)
RUN = model.Run("drift", "ansible-playbook drift.yml", False, 1796000000.0, 1796000012.0, "0.1.0", stages=model.STAGES)
ASKED = {"kind": "drift", "id": "c0ffee", "correct": False, "accepted": []}
GROUP, CACHE, ALARM, BRANCH = "security group sg-1", "cache huntaze-redis", "alarm huntaze-ai-cpu", "branch d1/main"
MODULES = {"network": "security_group_ingress", "auth_close": "elasticache_auth", "alarms": "cloudwatch_alarms", "app": "amplify_environment", "agent": "limiter_agent"}


def difference(name, field, before, after, secret=False, **more):
    return {"object": name, "field": field, "before": before, "after": after, "secret": secret, **more}


def left(name, field, before, after, lowers=False, why="nobody has declared it", remedy="remove it"):
    return difference(name, field, before, after, why=why, remedy=remedy, lowers_security=lowers)


RULE = difference(GROUP, "tcp 6379 from sg-2", None, "Redis from the limiter hosts")
OPEN = left(GROUP, "tcp 6379 from 0.0.0.0/0", "", None, True)
THRESHOLD = difference(ALARM, "threshold", 60.0, 40.0)


def event(stage, task="Look", host="localhost", state="ok", action="", path="", **result):
    return model.Event(stage, stage, task, action, path, host, state, result)


def looked(stage, *differences, left_alone=(), host="localhost", module="", **result):
    """What preflight saw of a stage."""
    module = module or MODULES[stage]
    path = "roles/limiter_agent/tasks/look.yml:5" if stage == "agent" else f"stages/tasks/{stage}.yml:{len(module)}"
    told = {"steps": [f"put right {one['field']}" for one in differences], "differences": list(differences), "left_alone": list(left_alone), "changed": bool(differences)}
    return event("preflight", host=host, action=f"huntaze.ai_system.{module}", path=path, **{**told, **result})


def fact(name, value):
    return event("preflight", action="ansible.builtin.set_fact", ansible_facts={name: value})


def whole(*events, unseen=()):
    """One look at everything."""
    return [*events, fact("huntaze_unseen", list(unseen))]


def verified(verdict="ok"):
    return event("verify", ansible_facts={"huntaze_checks": [
        {"id": "limiter>redis", "from": "limiter", "to": "redis", "verdict": verdict, "latency_ms": None, "tls": None, "authentication": None, "says": None,
         "line": f"{verdict}: Redis"},
    ]})


def reported(*events, asked=None, previous=None, **run):
    made = model.report([fact("huntaze_report", {**ASKED, **(asked or {})}), *events], RUN._replace(**run), previous)
    assert [error.message for error in SCHEMA.iter_errors(made)] == []
    assert not [character for character in str(made) if not character.isprintable()]
    return made


def told(made, *states):
    return {one["id"]: one for one in made["drift"] if one["state"] in (states or ("new", "still"))}


def test_a_field_that_differs_is_a_record_with_what_a_run_does_about_it():
    made = reported(*whole(looked("network", RULE, left_alone=[OPEN]), looked("alarms", THRESHOLD)), verified())
    rule, wide, threshold = made["drift"]
    assert (rule["id"], rule["declared"], rule["found"]) == ("security_group/sg-1#tcp-6379-from-sg-2", "Redis from the limiter hosts", None)
    assert (rule["stage"], rule["host"], rule["action"], rule["corrects"], rule["severity"]) == ("network", None, "a run puts it back", True, "medium")
    assert (wide["declared"], wide["found"], wide["severity"], wide["corrects"], wide["action"], wide["remedy"]) == (
        None, "a rule without a description", "high", False, "nobody has declared it", "remove it",
    )
    assert (threshold["declared"], threshold["found"], threshold["severity"]) == ("40", "60", "low")
    assert made["outcome"] == {
        "word": "drift", "sentence": "3 fields differ from what is declared; 1 lowers security", "effect": "What was verified works: 1 check ok.",
        "next": "ansible-playbook drift.yml -e huntaze_drift_correct=true   # corrects 2 of 3",
    }
    assert [(step["stage"], step["state"]) for step in made["steps"]] == [("network", "to_do"), ("alarms", "to_do")] and made["run"]["mode"] == "check"


TOKEN = [
    difference(CACHE, "auth_token", "unproven", MASK, True), difference(CACHE, "auth_token_update_strategy", None, "ROTATE"),
    difference(CACHE, "auth_token_update_strategy", "ROTATE", "SET"), difference(CACHE, "auth_token_last_modified_date", "2026", "(known after apply)"),
    difference(CACHE, "tags.huntaze:auth-token", "a", "(known after apply)"), difference(CACHE, "pending_modifications.x", None, 1),
    difference(CACHE, "pending_modifications.x", 1, None),
]


@pytest.mark.parametrize(
    ("look", "found"),
    [
        (looked("auth_close", *TOKEN), {"cache/huntaze-redis#auth_token": ("a secret (masked)", "another secret (masked)", "medium")}),
        (looked("auth_close", difference(CACHE, "transit_encryption_enabled", False, True), difference(CACHE, "transit_encryption_mode", None, "preferred"),
                difference(CACHE, "transit_encryption_mode", "preferred", "required"), difference(CACHE, "endpoints.primary.address", "a", "b")),
         {"cache/huntaze-redis#transit_encryption_mode": ("required", None, "high")}),
        (looked("auth_close", difference(CACHE, "auth_token_enabled", False, True), *TOKEN), {"cache/huntaze-redis#auth_token_enabled": ("true", "false", "high")}),
        (looked("auth_close", left_alone=[left(CACHE, "user_group_ids", ["everybody"], [], True)], msg="the cache has user groups", steps=[]),
         {"cache/huntaze-redis#user_group_ids": ("none", "everybody", "high")}),
        (looked("alarms", difference(ALARM, "threshold", None, 40.0), difference(ALARM, "period", None, 60)),
         {"alarm/huntaze-ai-cpu#exists": ("there", None, "medium")}),
        # A refused run tells what it would have changed too.
        (looked("auth_close", left_alone=[left(CACHE, "pending_modifications", "x", None), *({**one, **left(*list(one.values())[:4])} | {"secret": one["secret"]} for one in TOKEN)],
                msg="something waits for the window", steps=[]), {"cache/huntaze-redis#auth_token": ("a secret (masked)", "another secret (masked)", "medium")}),
        (looked("alarms", left_alone=[left(ALARM, "threshold", None, 40.0), left(ALARM, "period", None, 60)], msg="refused", steps=[]),
         {"alarm/huntaze-ai-cpu#exists": ("there", None, "medium")}),
        (looked("alarms", left_alone=[left(ALARM, "actions_enabled", False, True)]), {"alarm/huntaze-ai-cpu#actions_enabled": ("true", "false", "medium")}),
        (looked("network", difference(GROUP, "tcp 6379 from 0.0.0.0/0", "x", None)), {"security_group/sg-1#tcp-6379-from-0.0.0.0/0": (None, "x", "high")}),
        (looked("network", difference(GROUP, "tcp 6379 from sg-2", "old", "new")), {"security_group/sg-1#tcp-6379-from-sg-2": ("new", "old", "medium")}),
        (looked("network", left_alone=[left(GROUP, "exists", False, True)], msg="no such group", steps=[]), {"security_group/sg-1#exists": ("there", None, "medium")}),
        (looked("app", difference(BRANCH, "environment_variables.TOKEN", MASK, f"{MASK} (changed)", True)),
         {"branch/d1/main#environment_variables.TOKEN": ("a secret (masked)", "another secret (masked)", "medium")}),
        # The app's own value stands in for the branch's, which a run puts back.
        (looked("app", difference(BRANCH, "environment_variables.URL", None, "u"), left_alone=[left("app d1", "environment_variables.URL", MASK, None)]),
         {"branch/d1/main#environment_variables.URL": ("u", None, "medium")}),
        (looked("app", difference(BRANCH, "live_environment", "current", "to be built"), module="amplify_deployment",
                invocation={"module_args": {"environment_changes": True}}), {}),
        (looked("app", difference(BRANCH, "live_environment", "outdated", "current"), difference(BRANCH, "build", None, "(known after apply)"),
                module="amplify_deployment"), {"branch/d1/main#live_environment": ("current", "outdated", "medium")}),
        (looked("agent", difference("host limiter-1", "rules", "a: 1\nb: 2\n" * 30 + "c: 3\n", "a: 1\nb: 2\n" * 30 + "c: 4\n"), host="limiter-1"),
         {"host/limiter-1#rules": ("c: 4", "c: 3", "medium")}),
        (looked("agent", difference("host a", "release", "1", "0"), difference("host a", "unit", "x", "y"), difference("host a", "service", "running with x", "running with y")),
         {"host/a#release": ("0", "1", "medium")}),
        (looked("agent", difference("host a", "unit", "x", "y"), difference("host a", "service", "stopped", "running with y"), difference("host a", "rules.yml", "r", "s")),
         {"host/a#unit": ("y", "x", "medium"), "host/a#service": ("running with y", "stopped", "medium"), "host/a#rules.yml": ("s", "r", "medium")}),
        (looked("agent", host="a", kept_bearer_tokens=2), {"host/a#bearer-tokens-beside-the-declared-ones": (None, "2", "high")}),
    ],
)
def test_what_a_plan_changes_along_is_no_drift(look, found):
    made = reported(*whole(look))
    assert {key: (one["declared"], one["found"], one["severity"]) for key, one in told(made).items()} == found
    assert MASK not in str(made["drift"])


@pytest.mark.parametrize(
    ("known", "more", "word"),
    [
        ({"source": "tag"}, [], "clean"), ({"source": "none"}, [], "clean"), (None, [], "clean"),
        ({"source": "connection"}, [], "drift"),  # the cache itself refuses the token
        ({"source": "aws"}, [difference(CACHE, "auth_token_enabled", False, True)], "drift"),
        ({"source": "tag"}, [difference(CACHE, "transit_encryption_mode", "preferred", "required")], "drift"),
    ],
)
def test_a_token_to_which_aws_gives_no_date_is_neither_as_declared_nor_drift(known, more, word):
    dateless = [{**one, "before": None} if one["field"] == "auth_token_last_modified_date" else one for one in TOKEN]
    made = reported(*whole(looked("auth_close", *more, *dateless, evidence=known)), verified())
    assert made["outcome"]["word"] == word, made["outcome"]
    said = [note for note in made["notes"] if note.startswith("Not comparable: the token of the cache huntaze-redis. ")]
    assert len(said) == (not {"cache/huntaze-redis#auth_token", "cache/huntaze-redis#auth_token_enabled"} & told(made).keys())


def test_a_host_tells_since_when_its_file_is_another():
    since = "2026-11-30T01:02:03Z"
    look = looked("agent", difference("host limiter-1", "rules", "a", "b"), host="limiter-1", changed_at={"rules": since})
    (record,) = reported(*whole(look))["drift"]
    assert (record["host"], record["stage"], record["since"]) == ("limiter-1", "agent", since)


def test_what_could_not_be_looked_at_is_a_failure_beside_what_was_found():
    unseen = [{"stage": "agent", "host": "limiter-2", "message": "The host limiter-2 of huntaze_limiter_agents cannot be reached: no route"}]
    last = event("say", "Fail", state="failed", action="ansible.builtin.fail", path="playbooks/drift.yml:90", msg=[unseen[0]["message"]])
    made = reported(*whole(looked("network", RULE), unseen=unseen), verified(), last, failed_hosts=["localhost"])
    assert made["outcome"]["word"] == "failed" and made["outcome"]["sentence"].startswith("Not everything could be looked at: The host limiter-2")
    assert len(made["drift"]) == 1 and [(one["stage"], one["host"], one["message"]) for one in made["failures"]] == [("agent", "limiter-2", unseen[0]["message"])]


def test_checks_that_failed_do_not_hide_the_drift_that_may_be_their_reason():
    last = event("verify", "Fail", state="failed", action="ansible.builtin.assert", msg="FAILED: Redis")
    made = reported(*whole(looked("network", RULE)), verified("failed"), last, failed_hosts=["localhost"])
    assert (made["outcome"]["word"], made["outcome"]["effect"], made["failures"]) == ("drift", "1 check failed: Redis from limiter.", [])
    clean = reported(*whole(looked("network")), verified("failed"), last, failed_hosts=["localhost"])
    assert (clean["outcome"]["word"], clean["outcome"]["sentence"]) == ("failed", "1 check failed: Redis from limiter")


def test_a_clean_look_says_how_much_was_looked_at():
    made = reported(*whole(looked("network"), looked("alarms")), verified())
    assert made["outcome"]["sentence"] == "Nothing differs: 2 objects looked at, 1 check ok" and made["outcome"]["word"] == "clean"


@pytest.mark.parametrize("correct", [False, True])
def test_check_mode_corrects_nothing_so_the_command_that_corrects_goes_without(correct):
    outcome = reported(*whole(looked("alarms", THRESHOLD)), asked={"correct": correct}, check=True, again="ansible-playbook drift.yml --check --diff")["outcome"]
    assert outcome["next"] == "ansible-playbook drift.yml -e huntaze_drift_correct=true   # corrects it" and "still" not in outcome["sentence"]


def test_what_corrects_is_named_as_the_operator_started_the_run():
    """A program has an option for it."""
    program = {"program": "scripts/huntaze-drift", "again": "scripts/huntaze-drift -i production", "playbook": "playbooks/drift.yml"}
    outcome = reported(*whole(looked("alarms", THRESHOLD)), asked={}, **program)["outcome"]
    assert outcome["next"] == "scripts/huntaze-drift -i production --correct   # corrects it"


def test_the_way_out_names_the_variable_of_the_inventory():
    made = reported(*whole(looked("network", left_alone=[{**OPEN, "remedy": "revoke it, as a run does with purge_ports"}])), asked={})
    assert made["drift"][0]["remedy"] == "revoke it, as a run does with purge_ingress in the inventory"


def test_what_has_to_be_known_of_who_it_was_stays_with_the_difference():
    of = {"object": THRESHOLD["object"], "field": THRESHOLD["field"], "since": None, "by": None, "via": None, "candidates": [], "note": "It is old."}
    history = event("always", action="huntaze.ai_system.change_history_info", origins=[of], notes=[])
    assert reported(*whole(looked("alarms", THRESHOLD)), history, asked={})["drift"][0]["note"] == "It is old."


def test_a_look_without_any_stage_is_not_clean():
    made = reported(*whole(looked("alarms", THRESHOLD)), verified(), left_out=[stage for stage in model.STAGES if stage not in ("preflight", "verify")])
    assert (made["outcome"]["word"], made["drift"], made["steps"]) == ("failed", [], [])


def test_a_report_on_the_way_says_so():
    assert reported(running=True, ended=None)["outcome"]["word"] == "running"


def test_a_correction_tells_what_it_put_right_and_what_stays():
    first = whole(looked("network", RULE, left_alone=[OPEN]))
    again = whole(looked("network", left_alone=[OPEN]))
    done = event("network", action="huntaze.ai_system.security_group_ingress", changed=True, steps=["let it in"], differences=[RULE])
    made = reported(*first, done, *again, verified(), asked={"correct": True})
    assert {key: (one["state"], one["action"]) for key, one in told(made, "new", "gone").items()} == {
        "security_group/sg-1#tcp-6379-from-sg-2": ("gone", "this run put it right"), "security_group/sg-1#tcp-6379-from-0.0.0.0/0": ("new", "nobody has declared it"),
    }
    assert made["outcome"]["sentence"] == "1 field still differs from what is declared; it lowers security" and made["outcome"]["next"] == "remove it"
    whole_again = reported(*whole(looked("network", RULE)), done, *whole(looked("network")), verified(), asked={"correct": True})["outcome"]
    assert (whole_again["word"], whole_again["sentence"]) == ("changed", "1 field put right: 1 step done, 1 check ok")


def test_a_cache_that_is_gone_is_told_though_nothing_else_of_it_could_be_compared():
    look = event("preflight", action="huntaze.ai_system.elasticache_info", cache={"exists": False}, invocation={"module_args": {"name": "huntaze-redis"}})
    made = reported(*whole(look, unseen=[{"stage": "preflight", "host": None, "message": "There is no cache huntaze-redis."}]))
    (record,) = made["drift"]
    assert (record["id"], record["declared"], record["found"], record["corrects"]) == ("cache/huntaze-redis#exists", "there", None, False) and record["remedy"]
    assert made["outcome"]["sentence"] == "Not everything could be looked at: There is no cache huntaze-redis"


def test_what_stands_in_the_report_before_is_still_there_or_gone_or_was_not_looked_at():
    before = reported(*whole(looked("network", RULE), looked("alarms", THRESHOLD)), began=1795000000.0)
    now = reported(*whole(looked("network", RULE, left_alone=[OPEN])), previous=before)
    assert {key: one["state"] for key, one in told(now, "new", "still", "gone").items()} == {
        "security_group/sg-1#tcp-6379-from-sg-2": "still", "security_group/sg-1#tcp-6379-from-0.0.0.0/0": "new", "alarm/huntaze-ai-cpu#threshold": "gone",
    }
    assert told(now)["security_group/sg-1#tcp-6379-from-0.0.0.0/0"]["seen_between"] == [before["run"]["began"], now["run"]["began"]]
    assert now["run"]["previous"] == before["run"]["began"] and before["drift"][0]["seen_between"] is None

    part = reported(*whole(looked("network", RULE)), previous=before, left_out=["alarms"])
    assert [one["id"] for one in part["unseen"]] == ["alarm/huntaze-ai-cpu#threshold"] and not told(part, "gone")
    assert "1 difference of the report before is of what this run did not look at." in part["notes"]
    # The next whole look knows it again.
    assert told(reported(*whole(looked("alarms", THRESHOLD)), previous=part), "still").keys() == {"alarm/huntaze-ai-cpu#threshold"}
    # Nothing is known to be gone where a look failed, or was not finished.
    for events in (whole(unseen=[{"stage": "alarms", "host": None, "message": "AccessDenied"}]), whole(unseen=[{"stage": "preflight", "host": None, "message": "x"}]), []):
        assert "alarm/huntaze-ai-cpu#threshold" in [one["id"] for one in reported(*events, previous=before)["unseen"]]


def test_the_history_tells_who_and_since_when_and_is_not_forgotten():
    origin = {"object": ALARM, "field": "threshold", "since": "2026-11-30T01:02:03Z", "by": "user oncall", "via": "PutMetricAlarm", "candidates": [], "note": None}
    history = event("since", action="huntaze.ai_system.change_history_info", origins=[origin], notes=["Events come late."])
    first = reported(*whole(looked("alarms", THRESHOLD)), history)
    (record,) = first["drift"]
    assert (record["since"], record["by"], record["via"]) == ("2026-11-30T01:02:03Z", "user oncall", "PutMetricAlarm") and "Events come late." in first["notes"]
    refused = event("since", action="huntaze.ai_system.change_history_info", msg="AccessDenied")
    second = reported(*whole(looked("alarms", THRESHOLD)), refused, previous=first)
    assert second["drift"][0]["by"] == "user oncall" and "Since when it differs, and by whom, could not be looked up: AccessDenied" in second["notes"]


ACCEPTED = {"object": ALARM, "field": "threshold", "reason": "load test", "until": "2026-12-31", "by": "owner"}


@pytest.mark.parametrize(
    ("change", "word", "note"),
    [
        ({}, "clean", None), ({"object": "alarm/huntaze-ai-cpu"}, "clean", None), ({"until": datetime.date(2026, 12, 31)}, "clean", None),
        ({"until": "2026-11-29"}, "drift", "Its acceptance has run out on 2026-11-29: alarm huntaze-ai-cpu: threshold (load test)."),
        ({"field": "period"}, "drift", "Accepted in huntaze_drift.accepted, but as declared: alarm huntaze-ai-cpu: period. Take the entry out."),
    ],
)
def test_what_is_accepted_is_no_drift_until_its_day_has_passed(change, word, note):
    made = reported(*whole(looked("alarms", THRESHOLD)), verified(), asked={"accepted": [{**ACCEPTED, **change}]})
    assert (made["outcome"]["word"], made["notes"]) == (word, [note] if note else [])
    if not note:
        assert made["drift"][0]["accepted"] == {"reason": "load test", "until": "2026-12-31", "by": "owner"}
        assert made["outcome"]["sentence"] == "Nothing differs beyond 1 accepted field: 1 object looked at, 1 check ok"


def test_an_acceptance_of_what_was_not_looked_at_is_not_called_useless():
    assert reported(*whole(looked("network")), asked={"accepted": [ACCEPTED]}, left_out=["alarms"])["notes"] == []


FIELDS = st.sampled_from([("network", GROUP, f"tcp {port} from sg-2") for port in (1, 2, 3)] + [("alarms", ALARM, name) for name in ("threshold", "period")])
STATES = st.dictionaries(FIELDS, st.text(max_size=3), max_size=5)


def of(states):
    return whole(*(looked(stage, *(difference(name, field, value, "declared") for (of_stage, name, field), value in states.items() if of_stage == stage))
                   for stage in ("network", "alarms")))


@given(before=STATES, now=STATES, after=st.none() | STATES)
def test_each_field_is_in_one_state(before, now, after):
    """Whatever was there before, is now, and is left of it after a correction."""
    previous = reported(*of(before), began=1795000000.0)
    made = reported(*of(now), *(of(after) if after is not None else []), previous=previous, asked={"correct": after is not None})
    left_now = now if after is None else after
    assert len({one["id"] for one in made["drift"]}) == len(made["drift"])
    keys = {key: f"{'security_group/sg-1' if key[0] == 'network' else 'alarm/huntaze-ai-cpu'}#{key[2].replace(' ', '-')}" for key in {**before, **now, **left_now}}
    assert told(made).keys() == {keys[key] for key in left_now} and told(made, "gone").keys() == {keys[key] for key in {**before, **now} if key not in left_now}
    assert all((one["state"] == "still") == (one["id"] in told(previous)) for one in told(made).values())
    assert (made["outcome"]["word"] == "drift") == bool(left_now)
    assert drift.active(made["drift"]) == list(told(made).values())


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_any_value_has_words(value):
    reported(*whole(looked("alarms", difference(ALARM, "x", value, "declared"), difference(ALARM, "y", "z", value))))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["object", "until"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["directory", "keep", "formats", "accepted", "attribute", "unknown"]), ANYTHING))
@example({"keep": "many"})
@example({"accepted": ["alarm"]})
@example({"accepted": [{"object": ALARM, "field": "threshold", "reason": "a load test", "until": "soon"}]})
def test_a_run_whose_options_are_nonsense_still_has_a_report_to_refuse_them_in(given):
    asked = drift_options({"huntaze_drift": given})
    reported(*whole(looked("alarms", THRESHOLD)), asked=asked)
    assert isinstance(asked["keep"], (int, float)) and set(asked["formats"]) <= {"markdown", "html"}


def test_options_that_fit_stay_beside_one_that_does_not():
    asked = drift_options({"huntaze_drift": {"directory": "/var/reports", "keep": "many", "formats": []}}, correct="yes")
    assert (asked["directory"], asked["keep"], asked["formats"], asked["correct"]) == ("/var/reports", 100, [], True)
