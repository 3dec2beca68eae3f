# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once: one is refused or waits, and what the first changed is there for the second."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest
from support import deployment, sandboxes
from support.waiting import until

LOCK_CALLS = ("ssm.GetParameter", "ssm.PutParameter", "ssm.DeleteParameter")


class Run:
    """A run in the background."""

    def __init__(self, sandbox: sandboxes.Sandbox, inventory: Path, *arguments: str, playbook: str = "deploy.yml", **variables: t.Any) -> None:
        self._log = tempfile.TemporaryFile("w+")
        # In forks of Ansible, as operators have modules.
        variables["ansible_python_interpreter"] = "{{ ansible_playbook_python }}"
        self.process = subprocess.Popen(
            deployment.command(sandbox, *arguments, playbook=playbook, inventory=inventory, variables=variables), cwd=sandboxes.REPOSITORY, stdout=self._log,
            stderr=subprocess.STDOUT, env={**deployment.environment(sandbox), "LOGNAME": "ann", "HUNTAZE_PROGRESS_SECONDS": "1"},
        )

    @property
    def output(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def ended(self, seconds: float = 300) -> int:
        return self.process.wait(seconds)


@pytest.fixture
def begin(sandbox, deploy) -> t.Iterator[t.Callable[..., Run]]:
    inventory, runs = deploy.keywords["inventory"], []

    def begun(*arguments: str, **options: t.Any) -> Run:
        runs.append(Run(sandbox, inventory, *arguments, **options))
        return runs[-1]

    yield begun
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def rules(sandbox: sandboxes.Sandbox) -> list[str]:
    found = sandbox.client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [sandbox.estate["cache_security_group_id"]]}])
    return [rule["SecurityGroupRuleId"] for rule in found["SecurityGroupRules"] if not rule["IsEgress"]]


@contextlib.contextmanager
def under_way(sandbox: sandboxes.Sandbox, run: Run) -> t.Iterator[None]:
    """The run changes an alarm, and AWS's answer is not there yet."""
    with sandbox.fault("hang", service="cloudwatch", operation="PutMetricAlarm", times=1):
        until(lambda: any(fault.get("held") for fault in sandbox.control.faults()) or run.process.poll() is not None, what="the change")
        assert run.process.poll() is None, run.output
        yield


def test_of_two_runs_one_waits_or_is_refused_and_a_run_that_changes_nothing_takes_no_lock(sandbox, estate, deploy, begin):
    assert deploy("--tags", "network").rc == 0
    assert not deployment.the_lock(sandbox)
    sandbox.control.forget_calls()
    looked = begin("--tags", "network,alarms", playbook="playbooks/drift.yml")
    looked.ended()
    assert "DRIFT" in looked.output, looked.output
    assert not set(LOCK_CALLS) & set(sandbox.calls()), sandbox.calls()

    first = begin("--tags", "alarms")
    with under_way(sandbox, first):
        held = deployment.the_lock(sandbox)
        assert (held["owner"], held["command"]) == ("ann", "ansible-playbook deploy.yml")
        refused = deploy("--tags", "alarms")
        message = deployment.unwrapped(refused.output)
        assert refused.rc != 0 and "Nothing was changed. ann on " in message and f"lock_id={held['id']}" in message, refused.output
        assert "Traceback" not in message and refused.report["outcome"]["word"] == "failed"

        waiting = begin("--tags", "network,alarms", playbook="playbooks/drift.yml", huntaze_drift_correct=True, huntaze_lock={"wait_timeout": 90})
        asked = sandbox.calls()["ssm.GetParameter"]
        until(lambda: sandbox.calls()["ssm.GetParameter"] > asked + 1 or waiting.process.poll() is not None, what="the second run to wait")
        # The second run has seen the rule as declared. What the first changes meanwhile it sees all the same.
        sandbox.client("ec2").revoke_security_group_ingress(GroupId=estate["cache_security_group_id"], SecurityGroupRuleIds=rules(sandbox))
    assert first.ended() == 0, first.output
    assert waiting.ended() == 0, waiting.output
    assert len(rules(sandbox)) == 1 and "held by ann" in waiting.output, waiting.output
    assert not deployment.the_lock(sandbox)
    sandbox.control.forget_calls()
    again = deploy("--tags", "network,alarms")
    assert (again.rc, again.report["outcome"]["word"]) == (0, "clean"), again.output
    assert not set(LOCK_CALLS) & set(sandbox.calls()), sandbox.calls()


def test_the_lock_of_a_killed_run_is_gone_and_a_run_whose_lock_is_broken_is_stopped(sandbox, estate, deploy, begin):
    killed = begin("--tags", "alarms")
    with under_way(sandbox, killed):
        assert deployment.the_lock(sandbox)
        killed.process.send_signal(signal.SIGKILL)
        killed.ended()
        until(lambda: not deployment.the_lock(sandbox), what="the lock to go")

    broken = begin("--tags", "alarms", huntaze_lock={"lease_seconds": 20})
    with under_way(sandbox, broken):
        shown = begin(playbook="playbooks/unlock.yml")
        assert shown.ended() != 0 and f"lock_id={deployment.the_lock(sandbox)['id']}" in deployment.unwrapped(shown.output), shown.output + broken.output
        assert deployment.the_lock(sandbox)
        taken = begin("-e", f"lock_id={deployment.the_lock(sandbox)['id']}", playbook="playbooks/unlock.yml")
        assert taken.ended() == 0 and not deployment.the_lock(sandbox), taken.output
        assert broken.ended() != 0
    told = deployment.unwrapped(broken.output)
    assert "This run is stopped, as it has lost its lock: somebody has taken it away." in told, broken.output
    assert begin(playbook="playbooks/unlock.yml").ended() == 0


def test_a_run_that_may_not_lock_is_told_what_it_lacks_and_how_to_do_without(sandbox, estate, deploy):
    iam = sandbox.client("iam")
    policy = iam.get_user_policy(UserName="deployer", PolicyName="policy")["PolicyDocument"]
    actions = [action for action in policy["Statement"][0]["Action"] if not action.startswith("ssm:")]
    iam.put_user_policy(UserName="deployer", PolicyName="policy", PolicyDocument=json.dumps({**policy, "Statement": [{**policy["Statement"][0], "Action": actions}]}))
    refused = deploy("--tags", "alarms")
    message = deployment.unwrapped(refused.output)
    assert refused.rc != 0 and "Nothing was changed" in message and "huntaze_lock.enabled: false" in message, refused.output
    assert "not allowed: ssm:GetParameter" in message
    done = deploy("--tags", "alarms", variables={"huntaze_lock": {"enabled": False}})
    assert done.rc == 0 and done.stages() == {"alarms"}, done.output
