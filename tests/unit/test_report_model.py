# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report makes of what the tasks of a run returned."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import model, verdicts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import reports

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text()), format_checker=jsonschema.FormatChecker()
)
RUN = model.Run("deploy", "ansible-playbook deploy.yml", False, 1000.0, 1041.0, "0.1.0", stages=model.STAGES)
INGRESS, AUTH, ALARMS = (f"huntaze.ai_system.{name}" for name in ("security_group_ingress", "elasticache_auth", "cloudwatch_alarms"))


def event(stage="network", state="ok", task="Let them in", action=INGRESS, host="localhost", path="", seconds=1.0, **result):
    return model.Event(stage, stage.title(), task, action, path or f"stages/tasks/{stage}.yml:5", host, state, result, seconds)


def plan(stage, steps, **result):
    return event("preflight", path=f"stages/tasks/{stage}.yml:5", steps=steps, changed=False, **result)


def reported(*events, **run):
    """Every report is one by the schema."""
    made = model.report(events, RUN._replace(**run))
    assert [error.message for error in SCHEMA.iter_errors(made)] == []
    assert not [character for character in str(made) if not character.isprintable()]
    return made


def told(made, state):
    return [(step["stage"], step["object"]["id"], step["sentence"]) for step in made["steps"] if step["state"] == state]


RULE = "sg-1: let in tcp 6379 from sg-2"


def test_what_a_module_did_is_a_step_of_its_stage():
    made = reported(event(changed=True, steps=[RULE]))
    (step,) = made["steps"]
    assert step == {
        "id": "network/security_group/sg-1/let-in-tcp-6379-from-sg-2", "stage": "network", "state": "done", "duration_s": 1.0,
        "object": {"id": "security_group/sg-1", "kind": "security group", "name": "sg-1"}, "sentence": "let in tcp 6379 from sg-2",
    }
    assert made["outcome"]["word"] == "changed" and "1 step done" in made["outcome"]["sentence"]


@pytest.mark.parametrize(
    ("sentence", "objects", "found"),
    [
        ("sg-1: let in tcp 22 from sg-2", [], ("security group", "sg-1", "let in tcp 22 from sg-2")),
        ("sg-1: let in tcp 22 from sg-2", ["security group sg-1"], ("security group", "sg-1", "let in tcp 22 from sg-2")),
        ("Replication group r: offer TLS", [], ("replication group", "r", "offer TLS")),
        ("Replication group r: offer TLS", ["cache r"], ("cache", "r", "offer TLS")),
        ('create the metric alarm "cpu-high"', [], ("alarm", "cpu-high", "create the metric alarm")),
        ('create the metric alarm "cpu-high"', ["alarm cpu", "alarm cpu-high"], ("alarm", "cpu-high", "create the metric alarm")),
        ("Start a RELEASE build of branch main of app d1", ["branch d1/main"], ("branch", "d1/main", "start a RELEASE build")),
        ("Promote the cache cluster old to the replication group new", ["cache new", "cache old"],
         ("cache", "old", "promote the cache cluster old to the replication group new")),
        ("Replication group r-1: note in the tag of r", ["cache r", "cache r-1"], ("cache", "r-1", "note in the tag of r")),
        ("TLS is on", [], ("host", "localhost", "TLS is on")),
        ("install the agent", ["host limiter-1"], ("host", "limiter-1", "install the agent")),
    ],
)
def test_a_step_has_its_object_from_the_differences_or_from_its_sentence(sentence, objects, found):
    made = reported(event(changed=True, steps=[sentence], differences=[{"object": name} for name in objects]))
    (step,) = made["steps"]
    assert (step["object"]["kind"], step["object"]["name"], step["sentence"]) == found


def test_a_task_that_changes_something_without_telling_steps_is_a_step():
    """Else an unchanged run could not be told from one that changed something with another's module."""
    made = reported(event("agent", task="limiter_agent : Write the rules", action="ansible.builtin.copy", host="limiter-1", changed=True))
    assert told(made, "done") == [("agent", "host/limiter-1", "write the rules")]


def test_a_look_at_an_agent_is_a_plan_in_whatever_stage_and_the_last_one_counts():
    def look(stage, steps):
        return event(stage, action="huntaze.ai_system.limiter_agent", path="roles/limiter_agent/tasks/look.yml:5", host="limiter-1", steps=steps)

    looks = [look("preflight", ["write agent.yml"]), look("agent", ["write agent.yml, credential"])]
    visit = event("agent", action="huntaze.ai_system.limiter_agent", host="limiter-1", steps=["write agent.yml, credential"], changed=True)
    assert told(reported(*looks, visit), "done") == [("agent", "host/limiter-1", "write agent.yml, credential")]
    assert told(reported(*looks, visit), "not_reached") == [] and reported(*looks, visit)["run"]["objects"] == 1
    stopped = [*looks, event("agent", state="failed", host="limiter-2", msg="no")]
    assert told(reported(*stopped, failed_hosts=["limiter-2"]), "not_reached") == [("agent", "host/limiter-1", "write agent.yml, credential")]


def test_a_look_outside_of_preflight_makes_no_step():
    assert reported(event("auth_close", changed=False, steps=[RULE]))["steps"] == []


def test_what_preflight_plans_for_an_agents_host_is_a_part_of_its_stage():
    agent = {"action": "huntaze.ai_system.limiter_agent", "differences": [{"object": "host limiter-1"}], "host": "limiter-1"}
    look = event("preflight", path="roles/limiter_agent/tasks/plan.yml:3", steps=["limiter-1: write rules.yml"], changed=False, **agent)
    failed = event("network", "failed", action=INGRESS, msg="no", steps=[], left=[RULE])
    made = reported(look, failed, failed_hosts=["localhost"])
    assert told(made, "not_reached") == [("agent", "host/limiter-1", "write rules.yml")] and made["run"]["objects"] == 2
    assert reported(look, event("agent", steps=[], changed=False, **agent))["run"]["objects"] == 1


def test_an_unchanged_run_is_clean_and_says_what_it_compared():
    rules = {"module_args": {"rules": [{}, {}], "region": "us-east-1"}}
    events = [plan("network", [], invocation=rules), plan("auth_close", []), event("preflight", action="huntaze.ai_system.estate_info", account={"id": "123456789012"})]
    made = reported(*events)
    assert made["outcome"] == {"word": "clean", "sentence": "Nothing to do: 3 objects as declared", "effect": None, "next": None}
    assert (made["run"]["account"], made["run"]["region"], made["run"]["objects"], made["steps"]) == ("123456789012", "us-east-1", 3, [])


def test_what_is_planned_only_is_not_told_as_done():
    """kind_01: the tag preflight has all stages planned and none run."""
    made = reported(plan("network", [RULE]), left_out=["network", "auth_open", "agent", "auth_close", "app", "alarms"])
    assert made["steps"] == [] and made["outcome"]["sentence"] == "Looked only, nothing was compared"
    assert made["run"]["left_out"] == ["network", "auth_open", "agent", "auth_close", "app", "alarms"]


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [([], "Nothing to do: 1 object as declared"), (["verify"], "Nothing to do: 1 object as declared"), (["agent", "app", "alarms"], "Nothing to do by network, auth_open, auth_close: 1 object as declared")],
)
def test_kind_01_a_run_of_some_stages_does_not_call_everything_as_declared(left_out, sentence):
    assert reported(plan("network", []), left_out=left_out)["outcome"]["sentence"] == sentence


def test_a_playbook_that_only_looks_compares_nothing():
    looked = event("preflight", action="huntaze.ai_system.estate_info")
    assert reported(looked, command="verify", stages=["preflight", "verify"])["outcome"]["sentence"] == "Looked only, nothing was compared"


def test_a_look_in_check_mode_says_that_its_checks_are_skipped():
    left = event("verify", ansible_facts={"huntaze_checks": [verdicts.check("limiter-1", "redis", ("skipped", "check mode"))]})
    made = reported(left, command="verify", stages=["preflight", "verify"], check=True)
    assert made["outcome"]["sentence"] == "Looked only, nothing was compared, 1 check skipped"


@pytest.mark.parametrize(
    ("run", "following"),
    [
        ({"again": "ansible-playbook deploy.yml --tags alarms --limit limiter-1", "limit": "limiter-1"},
         "ansible-playbook deploy.yml --tags alarms   # --limit limiter-1 left nothing to run"),
        ({"again": "ansible-playbook deploy.yml --limit 'a:!b c'", "limit": "a:!b c"}, "ansible-playbook deploy.yml   # --limit a:!b c left nothing to run"),
        # --start-at-task is no part of `again`.
        ({}, "ansible-playbook deploy.yml   # from its beginning"),
    ],
)
@pytest.mark.parametrize("events", [[], [event("alarms", "skipped")]])
def test_kind_01_a_run_in_which_no_task_ran_is_not_clean(events, run, following):
    assert reported(*events, **run)["outcome"] == {
        "word": "failed", "sentence": "Nothing was looked at: no task ran", "effect": "Nothing was changed.", "next": following,
    }


def test_a_playbook_without_stages_may_have_nothing_to_run():
    assert reported(stages=[])["outcome"]["word"] == "clean"


def test_a_limit_leaves_hosts_out():
    assert reported(limit="limiter-1")["run"]["left_out"] == ["hosts outside of --limit limiter-1"]


@pytest.mark.parametrize(
    ("tags", "chosen", "skipped", "runs"),
    [
        (["network"], ["all"], [], True), (["network"], ["network", "verify"], [], True), (["network"], ["verify"], [], False),
        (["preflight", "always"], ["verify"], [], True), (["network"], ["all"], ["network"], False), (["network"], ["tagged"], [], True),
        ([], ["tagged"], [], False), ([], ["untagged"], [], True), (["preflight", "always"], ["all"], ["always"], False),
    ],
)
def test_a_play_is_chosen_as_ansible_chooses_it(tags, chosen, skipped, runs):
    assert model.is_chosen(tags, chosen, skipped) is runs


def test_check_mode_tells_each_step_once():
    """It cannot close from where opening would lead to, so it plans opening once more."""
    # The last step of opening, a note, comes first of closing.
    opening = ["Replication group r: offer TLS", "Replication group r: note"]
    closing = ["Replication group r: note", "Replication group r: offer TLS", "Replication group r: require TLS"]
    events = [plan("auth_close", closing), event("auth_open", action=AUTH, changed=True, steps=opening), event("auth_close", action=AUTH, changed=True, steps=closing)]
    made = reported(*events, check=True, again="ansible-playbook deploy.yml --check --diff")
    assert told(made, "to_do") == [
        ("auth_open", "replication_group/r", "offer TLS"), ("auth_open", "replication_group/r", "note"), ("auth_close", "replication_group/r", "require TLS"),
    ]
    assert made["outcome"]["sentence"] == "3 steps to do in 2 stages; nothing was done" and made["outcome"]["next"] == "ansible-playbook deploy.yml"


ALL_STAGES = ("network", "auth_open", "agent", "auth_close", "app", "alarms")


@pytest.mark.parametrize("stage", ALL_STAGES)
def test_kind_17_a_run_that_stops_says_what_was_done_before_and_what_is_left(stage):
    names = {name: [f"Cache c: {name} one", f"Cache c: {name} two", f"Cache c: {name} three"] for name in ALL_STAGES}
    events = [plan(name, steps) for name, steps in names.items()]
    before = ALL_STAGES[:ALL_STAGES.index(stage)]
    events += [event(name, changed=True, steps=names[name]) for name in before]
    events.append(event(stage, "failed", task="Do it", changed=True, steps=names[stage][:1], left=names[stage][1:], msg="AWS said no. Try again."))
    made = reported(*events, failed_hosts=["localhost"])
    assert len(told(made, "done")) == 3 * len(before) + 1
    assert told(made, "failed") == [(stage, "cache/c", f"{stage} two")]
    assert len(told(made, "not_reached")) == 18 - 3 * len(before) - 2
    number = 3 * len(before) + 2
    assert made["outcome"]["word"] == "failed" and made["outcome"]["sentence"] == f"Stopped in {stage} at step {number} of 18: AWS said no"
    assert made["outcome"]["next"].startswith("ansible-playbook deploy.yml   # ")
    (failure,) = made["failures"]
    assert (failure["stage"], failure["task"], failure["host"], failure["message"]) == (stage, "Do it", "localhost", "AWS said no. Try again.")


@pytest.mark.parametrize(
    ("before", "result", "action", "check", "effect"),
    [
        ([], {"msg": "refused", "steps": []}, AUTH, False, "Nothing was changed."),
        ([RULE], {"msg": "refused", "steps": []}, AUTH, False, "1 step is done and stays; the next run goes on from there."),
        ([], {"msg": "staying"}, "ansible.builtin.assert", False, "Nothing was changed."),
        ([], {"msg": "not ready"}, "ansible.builtin.fail", False, "Nothing was changed."),
        ([], {"msg": "not ready"}, "ansible.builtin.fail", True, "Nothing was changed: this run only looked."),
        ([], {"msg": "no answer", "steps": [], "unanswered": [RULE]}, INGRESS, False, "What the task had changed by then is not known; no step before it had."),
        # A module that crashes tells nothing.
        ([], {"rc": 1}, ALARMS, False, "What the task had changed by then is not known; no step before it had."),
        ([], {}, "ansible.builtin.command", False, "What the task had changed by then is not known; no step before it had."),
    ],
)
def test_kind_01_a_task_that_did_not_tell_its_steps_is_not_said_to_have_changed_nothing(before, result, action, check, effect):
    events = [event("network", changed=True, steps=before)] if before else []
    made = reported(*events, event("auth_open", "failed", action=action, **result), failed_hosts=["localhost"], check=check)
    assert made["outcome"]["effect"] == effect
    assert bool(made["failures"][0]["state"]) == ("is not known" in effect)
    assert bool(made["failures"][0]["done"]) == bool(before)


@pytest.mark.parametrize(
    ("stage", "path", "effect"),
    [
        ("agent", "", "What the task had changed by then is not known; no step before it had."),
        ("agent", "roles/limiter_agent/tasks/look.yml:5", "Nothing was changed."),
        ("preflight", "", "Nothing was changed."),
        ("verify", "", "Nothing was changed."),
    ],
)
def test_kind_01_a_host_that_is_lost_may_have_been_lost_in_the_middle_of_a_change(stage, path, effect):
    """ssh ends with 255 where it gets no connection, and also where it loses one."""
    made = reported(event(stage, "unreachable", host="limiter-1", path=path, msg="Shared connection closed"), failed_hosts=["limiter-1"])
    assert made["outcome"]["effect"] == effect and bool(made["failures"][0]["state"]) == ("is not known" in effect)


def test_only_the_failure_that_ended_a_host_is_one():
    events = [event("preflight", "failed", host="limiter-1", task="Look", msg="rescued"), event("agent", "failed", host="limiter-1", task="Run", msg="not ready")]
    assert [failure["task"] for failure in reported(*events, failed_hosts=["limiter-1"])["failures"]] == ["Run"]
    assert reported(*events)["failures"] == []


def test_hosts_that_fail_alike_are_all_told():
    events = [event("agent", "unreachable", host=host, msg="no route to host") for host in ("limiter-1", "limiter-2")]
    made = reported(*events, failed_hosts=["limiter-1", "limiter-2"])
    assert [failure["host"] for failure in made["failures"]] == ["limiter-1", "limiter-2"]
    assert made["outcome"]["sentence"].endswith("no route to host, and 1 other failure")


def test_a_run_that_is_stopped_says_where():
    events = [plan("network", [RULE, "sg-1: let in tcp 1 from sg-3"]), event(state="started", task="Let them in")]
    made = reported(*events, interrupted=True)
    assert made["outcome"]["word"] == "failed" and made["outcome"]["sentence"] == "Stopped before its end in network at step 1 of 3 (Ctrl-C, or the error above)"
    assert told(made, "running") == [("network", "host/localhost", "let them in")]
    assert made["outcome"]["effect"] == "What the task had changed by then is not known; no step before it had."


CACHE = {"transit_encryption_mode": "required", "auth_token_enabled": True}
WORKS = {"reachable": True, "authenticated": True, "authentication_enforced": True, "reason": "answers"}


def judged(**seen):
    checks = verdicts.checks([{"vantage": "limiter", "inside": True, "tls": WORKS, "plain": {}, **seen}], CACHE)
    return event("verify", action="ansible.builtin.set_fact", ansible_facts={"huntaze_checks": checks})


def test_checks_come_from_the_facts_of_the_last_play():
    made = reported(judged())
    assert [(check["from"], check["to"], check["verdict"]) for check in made["checks"]] == [
        ("controller", "cache", "ok"), ("limiter", "redis", "ok"), ("limiter", "redis/plain-text", "not_verified"),
    ]
    assert made["outcome"]["sentence"] == "Nothing to do: 0 objects as declared, 2 checks ok, 1 not verified from here"


LOST = {"tls": {"unreachable": True, "msg": "no route"}, "plain": {"unreachable": True, "msg": "no route"}}


@pytest.mark.parametrize("command", ["deploy", "verify"])
@pytest.mark.parametrize(("steps", "effect"), [([], None), ([RULE], "1 step is done.")])
def test_kind_01_a_verification_that_saw_nothing_is_not_clean(command, steps, effect):
    """What AWS says of the cache's settings is no look at the cache."""
    made = reported(event(changed=bool(steps), steps=steps), judged(**LOST), command=command)
    assert made["outcome"] == {
        "word": "failed", "sentence": "Nothing could be verified but the cache's settings: 2 checks not verified from here", "effect": effect,
        "next": "ansible-playbook deploy.yml   # once the reasons below are mended",
    }


def test_kind_01_where_not_one_check_is_ok_nothing_is_verified():
    lonely = event("verify", ansible_facts={"huntaze_checks": [verdicts.check("anywhere", "redis", ("not_verified", "nobody looked"))]})
    assert reported(lonely)["outcome"]["sentence"] == "Nothing could be verified: 1 check not verified from here"
    assert reported(lonely, check=True)["outcome"]["word"] == "clean"


def test_a_deployment_without_vantage_points_may_be_clean():
    """Nobody was to look."""
    made = reported(event("verify", ansible_facts={"huntaze_checks": verdicts.checks([], CACHE)}))
    assert made["outcome"]["word"] == "clean" and made["outcome"]["sentence"].endswith("1 check ok, 1 not verified from here")


def test_a_failed_check_is_the_outcome_and_no_failure_of_a_task():
    says = event("verify", "failed", task="Fail when something is not as it should be", action="ansible.builtin.assert", msg=["FAILED: ..."])
    made = reported(event(changed=True, steps=[RULE]), judged(tls={**WORKS, "authentication_enforced": False}), says, failed_hosts=["localhost"])
    assert made["failures"] == [] and made["outcome"]["word"] == "failed"
    assert made["outcome"]["sentence"] == "1 check failed: Redis from limiter"
    assert made["outcome"]["effect"] == "1 step is done."


@pytest.mark.parametrize(
    ("command", "again", "following"),
    [
        ("verify", "ansible-playbook -i production huntaze.ai_system.verify", "ansible-playbook -i production huntaze.ai_system.drift"),
        ("verify", "ansible-playbook playbooks/verify.yml", "ansible-playbook playbooks/drift.yml"),
        ("deploy", "ansible-playbook -i deploy deploy.yml --tags alarms,verify -e ...", "ansible-playbook -i deploy playbooks/drift.yml -e ..."),
    ],
)
def test_what_verification_found_is_looked_for_as_drift(command, again, following):
    """A deployment may leave alone what is in the way, and then promises nothing."""
    made = reported(judged(tls={**WORKS, "authentication_enforced": False}), command=command, again=again)
    assert made["outcome"]["next"] == f"{following}   # tells what differs, and what a run does about it"


def test_muted_alarms_and_the_reason_of_a_rotation_are_noted():
    muted = plan("alarms", [], action=ALARMS, muted=["huntaze-ai-anomalies"])
    rotated = event("auth_open", action=AUTH, changed=True, steps=["Cache c: accept"], evidence={"reason": "AUTH is off"})
    # The stage has nothing to do, so it does not look again.
    first, second = reported(muted, rotated, event("alarms", "skipped", action=ALARMS, skip_reason="False"))["notes"]
    assert first == "The cache's token, as this run found it: AUTH is off." and second.startswith("MUTED: huntaze-ai-anomalies: ")
    unread = plan("alarms", [], action=ALARMS, msg="AccessDenied")
    assert reported(unread)["notes"] == ["Which alarms are muted is not known: AccessDenied"]
    assert reported(plan("auth_close", ["Cache c: accept"], action=AUTH, evidence={"reason": "AUTH is off"}))["notes"] == []


def test_kind_03_that_nothing_of_aws_could_be_read_is_told_with_the_reason():
    """The verification goes on without it."""
    unread = event("verify", action="huntaze.ai_system.estate_info", msg="branch goes with app_id: name the app.")
    assert reported(unread)["notes"] == ["Nothing of what AWS says could be read: branch goes with app_id: name the app."]
    assert reported(event("verify", action="huntaze.ai_system.estate_info", read=[]))["notes"] == []


def test_kind_03_that_alarms_were_not_seen_is_told_also_where_verification_fails():
    unread = event("preflight", action=ALARMS, path="stages/tasks/alarms.yml:5", msg="AccessDenied")
    note = "Which alarms are muted is not known: AccessDenied"
    says = event("verify", "failed", action="ansible.builtin.assert", msg=["FAILED: ..."])
    assert reported(unread, judged(tls={**WORKS, "authentication_enforced": False}), says, failed_hosts=["localhost"])["notes"] == [note]
    # Preflight's answer, or the stage itself, has told it already.
    refused = event("preflight", "failed", action="ansible.builtin.fail", msg=["Nothing was changed.", "AccessDenied"])
    assert reported(unread, refused, failed_hosts=["localhost"])["notes"] == []
    assert reported(event("alarms", "failed", action=ALARMS, msg="AccessDenied"), failed_hosts=["localhost"])["notes"] == []


PROGRAM = {"program": "scripts/huntaze-drift", "again": "scripts/huntaze-drift -i production --tags alarms -e ...", "playbook": "playbooks/drift.yml"}


@pytest.mark.parametrize(
    ("name", "run", "line"),
    [
        ("deploy", {"command": "drift", **PROGRAM}, "ansible-playbook -i production -e ... playbooks/deploy.yml"),
        ("deploy", {"command": "drift", **PROGRAM, "playbook": "huntaze.ai_system.drift"}, "ansible-playbook -i production -e ... huntaze.ai_system.deploy"),
        ("deploy", {"command": "verify", "again": "ansible-playbook playbooks/verify.yml --limit 'a b'"}, "ansible-playbook playbooks/deploy.yml --limit 'a b'"),
        ("verify", {"again": "ansible-playbook deploy.yml --check --diff"}, "ansible-playbook playbooks/verify.yml"),
        ("deploy", {"command": "site", "again": "ansible-playbook -i x site.yml"}, "ansible-playbook deploy.yml"),
        ("drift", {"command": "site", "again": "ansible-playbook -i x site.yml"}, "ansible-playbook playbooks/drift.yml"),
    ],
)
def test_another_playbook_is_named_as_the_operator_started_this_one(name, run, line):
    assert model._playbook(RUN._replace(**run), name) == line


def judgements(**facts):
    return event("verify", action="ansible.builtin.set_fact", ansible_facts={f"huntaze_{name}": value for name, value in facts.items()})


def finding(name, **more):
    return {name: value for name, value in {**reports.FINDING, "id": name, **more}.items() if name != "state"}


FAILS = {"tls": {**WORKS, "authentication_enforced": False}}


def test_a_failed_check_with_a_cause_is_told_by_it_and_what_helps_is_next():
    made = reported(judged(**FAILS), judgements(causes=[reports.CAUSE]), again="ansible-playbook -i production huntaze.ai_system.verify -e ...", command="verify")
    assert made["outcome"]["sentence"] == "Redis cannot be reached from limiter-1: an ingress rule is missing"
    helps = "ansible-playbook -i production huntaze.ai_system.deploy -e ... --tags network,verify"
    assert made["outcome"]["next"] == f"{helps}   # adds 1 rule" and made["causes"] == [{**reports.CAUSE, "remedy": {**reports.CAUSE["remedy"], "text": helps}}]


@pytest.mark.parametrize(
    ("verdicts_of_agents", "effect"),
    [
        (["ok", "ok"], "Each agent decides as declared."),
        (["ok", "failed"], "Asked from the controller, 1 of 2 agents decides as declared."),
        (["failed"], "Asked from the controller, no agent decides as declared."),
        (["not_verified"], None),
        ([], None),
    ],
)
def test_failed_checks_say_whether_the_agents_decide(verdicts_of_agents, effect):
    agents = [reports.check("controller", f"agent/{number}", verdict, says="x") for number, verdict in enumerate(verdicts_of_agents)]
    assert reported(judgements(checks=[reports.check("limiter-1", "redis", "failed", says="no answer"), *agents]))["outcome"]["effect"] == effect


def test_a_cause_of_nothing_that_failed_says_nothing_first():
    made = reported(judged(), judgements(causes=[reports.CAUSE]))
    assert made["outcome"]["word"] == "clean" and made["causes"]


def test_findings_are_new_still_or_gone_only_against_a_report_that_judged():
    first = reported(judgements(findings=[finding("a"), finding("b")]))
    assert [one["state"] for one in first["security"]] == ["found", "found"] and first["run"]["judged"] == ["security"]
    again = [plan("network", []), judgements(findings=[finding("b"), finding("c")])]
    made = model.report(again, RUN, previous=first)
    assert {one["id"]: one["state"] for one in made["security"]} == {"b": "still", "c": "new", "a": "gone"}
    # Where something could not be looked at, what is not found may be there all the same.
    blind = model.report([judgements(findings={"findings": [finding("b")], "unseen": ["Nobody could look at the database: AccessDenied"]})], RUN, previous=first)
    assert {one["id"]: one["state"] for one in blind["security"]} == {"b": "still", "a": "unseen"}
    assert blind["notes"] == ["Nobody could look at the database: AccessDenied"]
    unjudged = model.report([plan("network", [])], RUN, previous=first)
    assert unjudged["security"] == unjudged["run"]["judged"] == []
    later = model.report(again, RUN, previous=unjudged)
    assert {one["state"] for one in later["security"]} == {"found"}


def test_what_nobody_counted_costs_nothing_that_is_told():
    assert reported(plan("network", []))["cost"]["items"] == [] and reported(plan("network", []))["run"]["judged"] == []
    made = reported(judgements(cost={**reports.COST, "change": None, "notes": ["db.t9.odd has no price."]}))
    assert made["cost"] == {**reports.COST, "change": 0} and made["run"]["judged"] == ["cost"] and made["notes"] == ["db.t9.odd has no price."]


def test_whatever_ansible_masked_is_called_a_secret():
    made = reported(event("app", "failed", msg=f"no {MASK} here"), failed_hosts=["localhost"])
    assert MASK not in str(made) and made["failures"][0]["message"] == "no a secret (masked) here"


TEXTS = st.one_of(st.text(), st.lists(st.text(), max_size=3), st.none(), st.integers())
RESULTS = st.fixed_dictionaries({}, optional={
    "steps": st.lists(st.text(), max_size=3), "left": st.lists(st.text(), max_size=3), "changed": st.booleans(), "msg": TEXTS, "account": TEXTS,
    "evidence": st.one_of(st.none(), st.fixed_dictionaries({"reason": st.text()})), "muted": st.lists(st.text(), max_size=2),
    "differences": st.lists(st.fixed_dictionaries({"object": st.text()}), max_size=3), "ansible_facts": st.one_of(TEXTS, st.dictionaries(st.text(), TEXTS)),
    "invocation": st.fixed_dictionaries({"module_args": st.fixed_dictionaries({}, optional={"region": TEXTS, "rules": TEXTS, "alarms": TEXTS})}),
})
EVENTS = st.builds(
    model.Event, st.one_of(st.sampled_from(model.STAGES), st.from_regex(r"[a-z-]+", fullmatch=True)), st.text(), st.text(), st.sampled_from([INGRESS, ALARMS, AUTH, "x"]),
    st.text(), st.sampled_from(["localhost", "limiter 1", "\x1bhost"]), st.sampled_from(["ok", "failed", "unreachable", "skipped", "started"]), RESULTS,
    st.floats(0, 1e6),
)


# On a busy machine, making the events takes long.
SLOW = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)


@SLOW
@given(st.lists(EVENTS, max_size=5), st.booleans(), st.booleans(), st.lists(st.sampled_from(["localhost", "limiter 1", "\x1bhost"]), unique=True))
def test_whatever_tasks_return_there_is_a_report(events, check, interrupted, failed_hosts):
    made = reported(*events, check=check, interrupted=interrupted, failed_hosts=failed_hosts)
    assert (made["outcome"]["word"] == "failed") == bool(failed_hosts or interrupted or all(event.state == "skipped" for event in events))


@pytest.mark.parametrize(("lock", "notes"), [(None, ["Nobody holds the lock."]), ({"id": "c0ffee"}, [])])
def test_a_look_at_a_lock_that_nobody_holds_says_so(lock, notes):
    looked = event("unlock", action="huntaze.ai_system.deployment_lock", lock=lock, changed=False)
    assert reported(looked, command="unlock", stages=[])["notes"] == notes
