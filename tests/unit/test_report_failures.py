# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report makes of the failure of a task."""

from __future__ import annotations

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils import _aws
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import failures
from botocore import exceptions
from support import reports
from unit.test_report_model import AUTH, event, plan, reported


class Ended(Exception):
    """A module has ended."""


class Module:
    """Hears how a module of AWS would fail."""

    params = {"access_key": "AKIAX", "secret_key": "y", "session_token": None, "profile": None}

    def fail_json(self, **result):
        self.result = result
        raise Ended


def answered(code, message="no", operation="ModifyReplicationGroup"):
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, operation)


def result_of(error):
    """As our modules return it."""
    module = Module()
    with pytest.raises(Ended):
        _aws.fail_on_aws_error(module, error, "Doing it", steps=[])
    return module.result


@pytest.mark.parametrize(
    ("error", "says", "once"),
    [
        (answered("AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform: elasticache:ModifyReplicationGroup on resource: y"),
         "AWS does not let these credentials do elasticache:ModifyReplicationGroup.", "their IAM policy allows elasticache:ModifyReplicationGroup"),
        (answered("UnauthorizedOperation", operation="DescribeSubnets"), "AWS does not let these credentials do ec2:DescribeSubnets.",
         "their IAM policy allows ec2:DescribeSubnets"),
        (answered("Throttling"), "AWS was asked too often. Calls of everybody in this account count together.", "some minutes have passed"),
        (answered("InvalidReplicationGroupState"), "AWS is still changing it, or somebody else is.", "the change under way is over"),
        (answered("ConflictException"), "AWS is still changing it, or somebody else is.", "the change under way is over"),
        (answered("RulesPerSecurityGroupLimitExceeded"), "This account has used up a quota of AWS.", "the quota is raised, or something is removed"),
        (answered("NodeQuotaForCustomerExceeded"), "This account has used up a quota of AWS.", "the quota is raised, or something is removed"),
        (answered("InsufficientCacheClusterCapacity"), "AWS has no room for a node of this type in these zones now.", "AWS has room, or another type is declared"),
        (answered("ExpiredToken"), "The session of these credentials has expired.", "there are new credentials"),
        (answered("InvalidGroup.NotFound"), "AWS knows no such thing in this account and region.", "its name or the region is right"),
        (answered("InternalFailure"), "AWS itself failed.", "AWS works again"),
        (exceptions.NoCredentialsError(), "There are no credentials that work.", "there are credentials"),
        (exceptions.EndpointConnectionError(endpoint_url="http://x"), "AWS did not answer this machine.", "AWS can be reached from here"),
        (answered("InvalidParameterCombination"), "", ""),
    ],
)
def test_an_error_of_aws_is_told_by_what_it_means_and_when_to_go_on(error, says, once):
    assert failures.meaning(result_of(error)) == (says, once)
    failed = event("auth_close", "failed", action=AUTH, **result_of(error))
    made = reported(plan("auth_close", ["Cache c: one", "Cache c: two"]), failed, failed_hosts=["localhost"])
    (failure,) = made["failures"]
    assert failure["meaning"] == says and failure["next_run"] == (f"once {once}" if once else "")
    assert made["outcome"]["next"] == f"ansible-playbook deploy.yml   # once {once or 'what is told below is mended'}"


def test_what_is_done_stays_and_the_next_run_goes_on_once_it_can():
    busy = {**result_of(answered("InvalidReplicationGroupState")), "steps": ["Cache c: one"], "left": ["Cache c: two"]}
    (failure,) = reported(event("auth_close", "failed", action=AUTH, changed=True, **busy), failed_hosts=["localhost"])["failures"]
    assert failure["next_run"] == "once the change under way is over: goes on from here; 1 step left"


def test_a_change_without_an_answer_is_not_said_to_be_made_or_not():
    (failure,) = reported(event(state="failed", msg="no answer", steps=[], unanswered=["let in tcp 6379"]), failed_hosts=["localhost"])["failures"]
    assert failure["state"] == "AWS has not answered whether this is done: let in tcp 6379. The next run looks first."


@pytest.mark.parametrize(
    ("cache", "state"),
    [
        ({"id": "c", "status": "modifying", "transit_encryption_mode": "required", "auth_token_enabled": False}, "c is modifying; TLS required; AUTH off"),
        ({"id": "c", "status": "available", "transit_encryption_mode": None, "auth_token_enabled": True}, "c is available; TLS off; AUTH on"),
        (None, ""), ({}, ""), ("x", ""),
    ],
)
def test_what_the_cache_was_seen_as_last_is_what_holds(cache, state):
    made = reported(event("auth_close", "failed", action=AUTH, msg="no", steps=[], cache=cache), failed_hosts=["localhost"])
    assert made["failures"][0]["state"] == state and made["outcome"]["effect"] == "Nothing was changed."


def test_a_host_that_is_lost_and_a_lock_that_is_held_are_told():
    lost = event("agent", "unreachable", host="limiter-1", msg="Failed to connect")
    held = event("preflight", "failed", action="huntaze.ai_system.deployment_lock", msg="Nothing was changed. Ann holds it.", lock={"id": "x"})
    for one, host, says in ((lost, "limiter-1", failures.UNREACHABLE), (held, "localhost", failures.HELD)):
        (failure,) = reported(one, failed_hosts=[host])["failures"]
        assert (failure["meaning"], failure["next_run"]) == (says.says, f"once {says.once}")


def test_of_several_failures_next_waits_for_none_in_particular():
    lost = [event("agent", "unreachable", host=host, msg="no") for host in ("a", "b")]
    assert reported(*lost, failed_hosts=["a", "b"])["outcome"]["next"].endswith("# once what is told below is mended")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"msg": "One or more items failed", "results": [{"failed": True, "msg": "a"}, {"msg": "fine"}, {"failed": True, "msg": "b"}]}, "a\nb"),
        ({"censored": "the output has been hidden"}, "the output has been hidden"), ({"rc": 1, "stderr": "boom\n\n\x1b[2J"}, "boom\n [2J"),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback:\n  File x\nKeyError: 'y'\n"}, "MODULE FAILURE\nKeyError: 'y'"),
        ({"msg": ["a", "b"]}, "a\nb"), ({}, "no reason given"), ({"msg": "", "results": 3}, "no reason given"),
    ],
)
def test_the_message_is_what_the_task_said(result, message):
    assert failures.message(result) == message


def test_a_rescue_fails_in_the_place_of_the_task_and_its_cause_says_why():
    failed = event("agent", "failed", task="limiter_agent : Bring it up", action="huntaze.ai_system.limiter_agent", host="limiter-1", msg="It is not ready. Look.",
                   steps=["start the agent"], left=[], changed=True)
    why = event("agent", action="ansible.builtin.set_fact", host="limiter-1", path="stages/tasks/diagnose.yml:20", ansible_facts={"huntaze_causes": [reports.CAUSE]})
    again = event("agent", "failed", task="Fail for the first reason", action="ansible.builtin.fail", host="limiter-1", path="stages/tasks/diagnose.yml:30",
                  msg=["It is not ready. Look.", "Cause: x"])
    made = reported(failed, why, again, failed_hosts=["limiter-1"])
    assert [(failure["task"], failure["message"]) for failure in made["failures"]] == [("Bring it up", "It is not ready. Look.")]
    assert made["causes"] == [reports.CAUSE] and made["outcome"]["next"] == "ansible-playbook deploy.yml   # adds 1 rule, and goes on"
    assert made["outcome"]["sentence"].startswith("Stopped in agent at step 2 of 2: Redis")


@pytest.mark.parametrize("order", [["limiter-1", "limiter-2"], ["limiter-2", "limiter-1"]])
def test_what_one_host_has_done_is_not_taken_for_what_another_was_to_do(order):
    def agent(stage, host, **result):
        return event(stage, action="huntaze.ai_system.limiter_agent", path="roles/limiter_agent/tasks/look.yml:5" if stage == "preflight" else "", host=host,
                     steps=["start the agent"], differences=[{"object": f"host {host}"}], **result)

    made = reported(*(agent("preflight", host) for host in order), agent("agent", "limiter-1", changed=True, state="failed", msg="no", left=["wait"]),
                    failed_hosts=["limiter-1"])
    assert [(step["object"]["name"], step["state"]) for step in made["steps"]] == [("limiter-1", "done"), ("limiter-1", "failed"), ("limiter-2", "not_reached")]
