# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that waits for AWS, read through a pipe as it goes on, and stopped on the way by each signal."""

from __future__ import annotations

import json
import re
import secrets
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
import yaml
from support import deployment, sandboxes
from support.waiting import until

TOKEN = f"canary-{secrets.token_hex(16)}"
LINE = re.compile(r"\d\d:\d\d:\d\d  auth_close (?:before )?step (\d) of (\d) +(.+?)  +(?:\d+ min )?[\d.]+ s(?:, usually .*)?")


class Run:
    """elasticache_auth as a stage of a playbook. `output` is what the pipe has given so far."""

    def __init__(self, sandbox: sandboxes.Sandbox, directory: Path) -> None:
        options = {
            "name": "huntaze-redis-production", "replication_group_id": "huntaze-redis", "transit_encryption_mode": "required", "auth_token": TOKEN,
            "probe": False, "wait_timeout": 120,
            **{name: sandbox.estate[name] for name in ("endpoint_url", "region", "access_key", "secret_key")},
        }
        task = {"name": "Close", "huntaze.ai_system.elasticache_auth": options}
        playbook, self.report = directory / "site.yml", directory / "report.json"
        playbook.write_text(yaml.safe_dump([{"name": "Auth close", "hosts": "localhost", "gather_facts": False, "tags": ["auth_close"], "tasks": [task]}]))
        python = "ansible_python_interpreter={{ ansible_playbook_python }}"
        command = [str(deployment.PROGRAMS / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", python]
        self.process = psutil.Popen(
            [*command, str(playbook)], cwd=sandboxes.REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env=deployment.environment(sandbox, {"HUNTAZE_PROGRESS_SECONDS": "2", "HUNTAZE_REPORT_JSON": str(self.report), "PYTHONUNBUFFERED": ""}),
        )
        self.output = ""

    def read_until(self, text: str) -> None:
        """While it goes on."""
        while text not in self.output:
            line = self.process.stdout.readline()
            assert line, self.output
            self.output += line
        assert self.process.children(), "the line came only with the end, when no task runs any more"

    def ended(self) -> int:
        self.output += self.process.stdout.read()
        code = self.process.wait(120)
        assert "canary" not in self.output
        return code

    def told(self) -> list[tuple[str, str, str]]:
        return [found.groups() for found in map(LINE.fullmatch, self.output.splitlines()) if found]


@pytest.fixture
def run(sandbox, estate, tmp_path):
    return lambda: Run(sandbox, tmp_path)


def test_what_is_waited_for_is_told_at_once_through_a_pipe(sandbox, run):
    sandbox.settings(transition_seconds=1.5)
    going = run()
    going.read_until("huntaze-redis modifying")
    assert going.ended() == 0, going.output
    took = [step["duration_s"] for step in json.loads(going.report.read_text())["steps"]]
    assert len(took) == 7 and min(took[:6]) >= 1.4, took
    told = going.told()
    assert ("3", "7", "huntaze-redis modifying") in told and ("4", "7", "huntaze-redis available, done") in told, going.output
    # Each wait by its beginning and its end, and what came at once not at all.
    assert [int(step) for step, dummy, dummy in told] == sorted(int(step) for step, dummy, dummy in told)
    assert going.output.index("huntaze-redis modifying") < going.output.index("CHANGED ")


def test_a_run_that_is_stopped_while_it_waits_leaves_nothing_behind_and_the_next_one_completes_it(sandbox, run):
    sandbox.settings(transition_seconds=4)
    for stop, text in ((signal.SIGKILL, "before-huntaze-redis creating"), (signal.SIGTERM, "  huntaze-redis creating "), (signal.SIGINT, "modifying")):
        going = run()
        going.read_until(text)
        processes = [going.process, *going.process.children(recursive=True)]
        assert len(processes) > 2  # Ansible, its worker, the module
        going.process.send_signal(stop)
        assert (going.ended() == 99) == (stop is not signal.SIGKILL) == going.report.exists(), going.output
        until(lambda: not any(map(alive, processes)), what=f"the end of all processes after {stop.name}")
    report = json.loads(going.report.read_text())
    steps = [(step["object"]["name"], step["sentence"], step["state"]) for step in report["steps"]]
    assert ("huntaze-redis", "offer TLS beside plain text", "running") in steps and [state for *dummy, state in steps][:-1] == ["done"] * (len(steps) - 1), steps
    assert report["outcome"]["word"] == "failed" and report["outcome"]["sentence"].startswith("Stopped before its end in auth_close"), going.output
    assert len(steps) == 1 or report["outcome"]["effect"].endswith("the next run goes on from there. What was running may be done too."), going.output
    sandbox.settings(transition_seconds=0.2)
    last = run()
    assert last.ended() == 0 and "CHANGED " in last.output, last.output
    group = deployment.the_group(sandbox)
    assert (group["TransitEncryptionMode"], group["AuthTokenEnabled"], group["Status"]) == ("required", True, "available")


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
