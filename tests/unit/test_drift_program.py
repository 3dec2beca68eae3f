# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/huntaze-drift with stand-ins for Ansible's programs: its exit status is that of this run, whatever becomes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import until

ROOT = Path(__file__).parents[2]
OUTCOME = {"word": "clean", "sentence": "", "unwritten": [], "drift": 0, "metrics": False, "age_s": None}
# Notes how it was called, does what the test asks for, and is stopped by Ctrl-C as ansible-playbook is.
ANSIBLE_PLAYBOOK = """
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
asked = json.loads((here / "asked.json").read_text())
try:
    # The test waits for this line: from here on Ctrl-C is heard.
    with open(here / "calls", "a") as calls:
        calls.write(json.dumps([sys.argv[1:], {**os.environ, "GROUP": str(os.getpgrp())}]) + "\\n")
    if "drift_metrics" in sys.argv[1]:
        sys.exit(asked["published"])
    while asked["waits"]:
        time.sleep(0.02)
except KeyboardInterrupt:
    asked.update(rc=99)
if asked["outcome"]:
    pathlib.Path(os.environ["HUNTAZE_REPORT_OUTCOME"]).write_text(json.dumps(asked["outcome"]))
if asked["killed"]:
    os.kill(os.getpid(), 9)
sys.exit(asked["rc"])
"""
ANSIBLE_CONFIG = "import pathlib; print((pathlib.Path(__file__).parent / 'settings.json').read_text())"


class Entry:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name, text in (("ansible-playbook", ANSIBLE_PLAYBOOK), ("ansible-config", ANSIBLE_CONFIG)):
            (directory / name).write_text(f"#!{sys.executable} -I\n{text}")
            (directory / name).chmod(0o755)
        self.set({})

    def set(self, settings: dict[str, object], **asked: object) -> None:
        asked = {"rc": 0, "outcome": OUTCOME, "waits": False, "killed": False, "published": 0, **asked}
        (self.directory / "asked.json").write_text(json.dumps(asked))
        (self.directory / "settings.json").write_text(json.dumps([{"name": name, "value": value} for name, value in settings.items()] + [{"GALAXY_SERVERS": {}}]))

    def start(self, *arguments: str, program: Path = ROOT / "scripts" / "huntaze-drift", **options: object) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "HUNTAZE_"))}
        environ["PATH"] = f"{self.directory}:{environ['PATH']}"
        return subprocess.Popen([program, *arguments], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, **options)

    def answer(self, *arguments: str, settings: dict[str, object] | None = None, **asked: object) -> tuple[int, str]:
        self.set(settings or {}, **asked)
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=180)
        assert "Traceback" not in errors
        return process.returncode, output + errors

    @property
    def calls(self) -> list[tuple[list[str], dict[str, str]]]:
        calls = self.directory / "calls"
        lines = calls.read_text().splitlines(keepends=True) if calls.exists() else []
        return [tuple(json.loads(line)) for line in lines if line.endswith("\n")]  # one that is being written is none yet


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Entry(tmp_path)


@pytest.mark.parametrize(
    ("word", "rc", "status"),
    [("clean", 0, 0), ("changed", 0, 0), ("drift", 0, 2), ("to_do", 0, 2), ("failed", 0, 1), ("failed", 2, 1), ("running", 0, 1), ("another", 0, 1),
     ("clean", 2, 1), ("changed", 4, 1), ("drift", 2, 2)],
)
def test_the_status_is_by_the_outcome_and_never_clean_where_ansible_failed(entry, word, rc, status):
    assert entry.answer(outcome={**OUTCOME, "word": word}, rc=rc)[0] == status


@pytest.mark.parametrize("rc", [0, 1, 2, 4, 250])
def test_without_a_report_of_this_run_it_failed(entry, rc):
    """As where Ansible found no inventory, an option is wrong, or the callback died."""
    assert entry.answer(outcome=None, rc=rc) == (1, f"huntaze-drift: ansible-playbook ended with status {rc} and made no report.\n")


def test_a_report_that_was_not_written_is_a_failure(entry):
    assert entry.answer(outcome={**OUTCOME, "unwritten": ["No space left on device"]})[0] == 1


def test_a_run_that_was_killed_failed(entry):
    assert entry.answer(outcome=None, killed=True)[0] == 1 and entry.answer(killed=True)[0] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_stops_it_gets_1_and_ansible_a_ctrl_c(entry, number):
    """Also where a shell has started it in the background, which ignores Ctrl-C."""
    entry.set({}, waits=True)
    process = entry.start(start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    until(lambda: entry.calls or process.poll() is not None, what="the start of ansible-playbook")
    # What stops the whole group reaches Ansible once: it ends without a report upon a second one.
    os.killpg(process.pid, number)
    dummy, errors = process.communicate(timeout=180)
    assert (process.returncode, errors) == (1, "huntaze-drift: stopped before its end.\n")
    assert entry.calls[0][1]["GROUP"] != str(process.pid)


def test_it_is_told_where_ansible_is_not_there(entry):
    (entry.directory / "ansible-playbook").unlink()
    environ = {**os.environ, "PATH": f"{entry.directory}:/usr/bin:/bin"}
    program = entry.directory / "clone" / "scripts" / "huntaze-drift"  # whose root has no virtual environment
    program.parent.mkdir(parents=True)
    for source in (ROOT / "scripts").glob("huntaze*drift*"):
        (program.parent / source.name).write_bytes(source.read_bytes())
    done = subprocess.run(["sh", program], env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("huntaze-drift: ansible-playbook cannot be started: No such file")


def test_all_other_arguments_go_to_ansible_in_their_order(entry):
    given = ["-i", "inventories/sandbox", "--tags", "network", "-e", "a=1 b=--correct", "-vv", "--limit=localhost"]
    assert entry.answer(*given)[0] == entry.answer("--correct", *given)[0] == 0
    looked, corrected = ([argument for argument in arguments] for arguments, dummy in entry.calls)
    assert looked == ["playbooks/drift.yml", *given] and corrected == [*looked, "-e", "huntaze_drift_correct=true"]


def test_its_callbacks_stand_beside_the_callers(entry):
    entry.answer()
    entry.answer(settings={"CALLBACKS_ENABLED": ["timer", "huntaze.ai_system.report"], "DEFAULT_STDOUT_CALLBACK": "minimal"})
    (dummy, alone), (dummy, beside) = entry.calls
    assert (alone["ANSIBLE_CALLBACKS_ENABLED"], alone["ANSIBLE_STDOUT_CALLBACK"]) == ("huntaze.ai_system.report", "huntaze.ai_system.quiet")
    assert (beside["ANSIBLE_CALLBACKS_ENABLED"], beside["ANSIBLE_STDOUT_CALLBACK"]) == ("timer,huntaze.ai_system.report", "minimal")
    assert alone["HUNTAZE_REPORT_PROGRAM"] == "scripts/huntaze-drift", "what the report names as next"
    assert alone["PYTHONUNBUFFERED"] == "1" and alone["ANSIBLE_CONFIG"] == str(ROOT / "ansible.cfg")


def test_it_says_what_its_statuses_mean(entry):
    status, output = entry.answer("--help")
    assert status == 0 and "  2  drift: " in output and entry.calls == []


def published(entry):
    calls = [arguments for arguments, dummy in entry.calls if "drift_metrics" in arguments[0]]
    return [json.loads(arguments[-1])["huntaze_drift_metrics"] for arguments in calls]


def test_how_a_run_ended_is_published_where_the_inventory_asks_for_it(entry):
    asked = {**OUTCOME, "metrics": True}
    assert entry.answer("-i", "here", outcome=asked)[0] == 0
    assert entry.answer(outcome={**asked, "word": "drift", "drift": 3, "age_s": 0})[0] == 2
    assert entry.answer(outcome={**asked, "word": "failed", "age_s": 86400.0})[0] == entry.answer(outcome={**asked, "word": "failed"}, rc=2)[0] == 1
    assert entry.answer(outcome=OUTCOME)[0] == 0 and entry.answer(outcome=None)[0] == 1
    assert published(entry) == [
        {"DriftRunFailed": 0, "DriftDetected": 0, "DriftRunAge": 0}, {"DriftRunFailed": 0, "DriftDetected": 3, "DriftRunAge": 0},
        {"DriftRunFailed": 1, "DriftRunAge": 86400.0}, {"DriftRunFailed": 1},
    ]
    assert entry.calls[1][0][:3] == ["playbooks/drift_metrics.yml", "-i", "here"] and entry.calls[1][1]["ANSIBLE_CALLBACKS_ENABLED"] == "huntaze.ai_system.quiet"


def test_metrics_that_were_not_published_are_a_failure(entry):
    status, output = entry.answer(outcome={**OUTCOME, "metrics": True}, published=2)
    assert (status, output) == (1, "huntaze-drift: the metrics of this run were not published.\n")
