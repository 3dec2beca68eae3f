# SPDX-License-Identifier: GPL-3.0-or-later
"""The callbacks under ansible-playbook itself, with playbooks that are not this collection's."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import jsonschema
import pytest
import yaml
from support.waiting import until

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "report.schema.json").read_text()))
CANARY = "canary-6a1f9c"


class Ran(t.NamedTuple):
    rc: int
    output: str
    errors: str
    report: dict[str, t.Any]


@pytest.fixture
def play(tmp_path: Path) -> t.Callable[..., Ran]:
    """Run these tasks on localhost as in a clone; `stopped` ends the run with Ctrl-C once that file is there."""

    def run(*tasks: dict[str, t.Any], arguments: t.Sequence[str] = (), stopped: Path | None = None, **of_play: t.Any) -> Ran:
        playbook, report = tmp_path / "site.yml", tmp_path / "report.json"
        playbook.write_text(yaml.safe_dump([{"name": "Try", "hosts": "localhost", "gather_facts": False, "tags": ["network"], "tasks": list(tasks), **of_play}]))
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "HUNTAZE_REPORT_JSON": str(report)}
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
        process = subprocess.Popen(
            [*command, *arguments, str(playbook)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )
        if stopped:
            until(lambda: stopped.exists() or process.poll() is not None, what="the task")
            os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=300)
        ran = Ran(process.returncode, output, errors, json.loads(report.read_text()) if report.is_file() else {})
        assert not report.is_file() or [error.message for error in SCHEMA.iter_errors(ran.report)] == []
        assert "Traceback" not in errors and CANARY not in output + errors + str(ran.report)
        return ran

    return run


def copy(path: Path, text: str = "x") -> dict[str, t.Any]:
    return {"name": "Write the file", "ansible.builtin.copy": {"content": text, "dest": str(path), "mode": "0600"}}


def test_a_run_ends_with_its_report_and_nothing_else(play, tmp_path):
    first, again = (play(copy(tmp_path / "file")) for dummy in range(2))
    assert first.rc == again.rc == 0
    assert first.output.startswith("CHANGED       1 step done\n") and re.search(r"^  network +localhost\s+write the file", first.output, re.MULTILINE)
    assert "PLAY" not in first.output and "TASK" not in first.output
    assert again.output.startswith("CLEAN         Nothing to do: 0 objects as declared\n") and len(again.output.splitlines()) <= 5


def test_check_mode_says_what_is_to_do_and_which_command_does_it(play, tmp_path):
    ran = play(copy(tmp_path / "file"), arguments=["--check", "-e", f"secret={CANARY}"])
    assert ran.report["outcome"]["word"] == "to_do" and [step["state"] for step in ran.report["steps"]] == ["to_do"]
    assert ran.report["outcome"]["next"] == f"ansible-playbook -i localhost, {tmp_path}/site.yml -e ..."


def test_v_brings_ansibles_own_lines_back(play, tmp_path):
    output = play(copy(tmp_path / "file"), arguments=["-v"]).output
    assert "PLAY [Try]" in output and "TASK [Write the file]" in output and "PLAY RECAP" in output and "CHANGED       1 step done\n" in output


def test_warnings_and_failures_are_never_hidden(play):
    ran = play(
        {"name": "Warn", "huntaze.ai_system.redis_reachability": {"host": "127.0.0.1", "port": 9, "password": CANARY, "timeout": 1}},
        {"name": "Say", "ansible.builtin.debug": {"msg": "{{ 'hid' ~ 'den' }}"}},
        {"name": "Fail", "ansible.builtin.fail": {"msg": "It is broken. Mend it."}},
    )
    assert ran.rc != 0 and "127.0.0.1 unencrypted: set tls to true" in ran.errors + ran.output and "hidden" not in ran.output
    (line,) = [line for line in ran.output.splitlines() if "fatal" in line]
    assert line == "fatal: [localhost]: FAILED! => Fail: It is broken" and "FAILED        Stopped in network: It is broken\n" in ran.output
    assert ran.report["failures"][0]["message"] == "It is broken. Mend it." and ran.report["outcome"]["effect"] == "Nothing was changed."


def test_a_run_that_is_stopped_with_ctrl_c_still_reports(play, tmp_path):
    there = tmp_path / "there"
    slow = {"name": "Wait for long", "ansible.builtin.shell": f"touch {there}; sleep 600"}
    ran = play(copy(tmp_path / "file"), slow, stopped=there)
    assert ran.rc != 0 and ran.report["outcome"]["sentence"] == "Stopped before its end in network at step 2 of 2 (Ctrl-C, or the error above)", ran.output
    assert [(step["sentence"], step["state"]) for step in ran.report["steps"]] == [("write the file", "done"), ("wait for long", "running")]
    assert "FAILED        Stopped before its end in network" in ran.output


def test_a_run_that_ansible_itself_ends_is_not_called_interrupted(play):
    ran = play(hosts="{{ nowhere }}")
    assert ran.rc != 0 and ran.report["outcome"]["sentence"] == "Stopped before its end (Ctrl-C, or the error above)", ran.output
    assert ran.report["outcome"]["effect"] == "Nothing was changed."


def test_a_report_that_cannot_be_written_is_still_printed(play, tmp_path):
    (tmp_path / "report.json").mkdir()
    ran = play(copy(tmp_path / "file"))
    assert ran.rc == 0 and ran.output.startswith("CHANGED       1 step done\n") and "Report  " not in ran.output
    assert f"The report could not be written to {tmp_path}/report.json: Is a directory" in " ".join(ran.errors.split())


def test_a_run_in_which_no_task_ran_is_not_clean(play, tmp_path):
    ran = play(copy(tmp_path / "file"), arguments=["--start-at-task", "no such task"])
    assert ran.report["outcome"]["sentence"] == "Nothing was looked at: no task ran" and "FAILED        Nothing was looked at" in ran.output


def test_a_limit_that_leaves_no_host_is_told(play, tmp_path):
    limited = play(copy(tmp_path / "file"), arguments=["--limit", "other", "-i", "localhost,other"])
    assert "skipping: no hosts matched in the play Try\n" in limited.output and "FAILED        Nothing was looked at: no task ran" in limited.output
    assert "no hosts matched" not in play(copy(tmp_path / "file"), hosts="nobody,").output
    assert "no hosts matched" not in play(copy(tmp_path / "file"), hosts="{{ [] }}", arguments=["--limit", "localhost"]).output


def test_warnings_of_a_task_that_skips_are_shown(play, tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "skips.py").write_text(
        "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n"
        "module = AnsibleModule({})\nmodule.warn('mind the gap')\nmodule.exit_json(skipped=True)\n"
    )
    for skips in ({"name": "Skip", "skips": {}}, {"name": "Skip each", "skips": {}, "loop": [1]}):
        ran = play(skips)
        assert "mind the gap" in ran.errors + ran.output


def test_secrets_and_commands_of_others_stay_out(play, tmp_path):
    """A secret in a task's options and result, and text that a terminal or a runner of CI would obey."""
    secret = {**copy(tmp_path / "secret", CANARY), "no_log": True}
    foreign = {"name": "Fail", "ansible.builtin.fail": {"msg": "\x1b[2Jgone\n::error::obeyed"}}
    ran = play(secret, foreign)
    told = ran.output.partition("\nFAILED  ")[2]
    assert told and "\x1b" not in told and "              | ::error::obeyed\n" not in told.replace("message     | ", "") or "| ::error::obeyed" in told
    assert not [line for line in told.splitlines() if line.lstrip().startswith("::")]
    assert [step["sentence"] for step in ran.report["steps"] if step["state"] == "done"] == ["write the file"]


def test_a_failure_is_one_line_and_v_shows_all_of_it(play):
    fails = {"name": "Fail", "ansible.builtin.fail": {"msg": "no {{ item }}. More."}, "loop": ["a", "b"]}
    ran, told = play(fails), play(fails, arguments=["-v"])
    assert [line for line in ran.output.splitlines() if "FAILED!" in line] == [f"fatal: [localhost]: FAILED! => Fail: no {item}" for item in "ab"]
    assert ran.report["failures"][0]["message"] == "no a. More.\nno b. More." and "msg:" not in ran.output
    assert "msg: no a. More." in told.output


def test_a_failure_that_is_rescued_or_ignored_is_none(play):
    fails = {"name": "Fail", "ansible.builtin.fail": {"msg": "no"}}
    ran = play({"name": "Try", "block": [fails], "rescue": [{"name": "Go on", "ansible.builtin.debug": {"msg": "on"}}]}, {**fails, "ignore_errors": True})
    assert (ran.rc, ran.report["failures"], ran.report["outcome"]["word"]) == (0, [], "clean")
    assert "fatal: [localhost]: FAILED! => Fail: no (ignored)\n" in ran.output


def test_failed_checks_are_told_by_the_report_alone(play):
    check = {"id": "limiter>redis", "from": "limiter", "to": "redis", "expected": "reached", "verdict": "failed", "latency_ms": None, "tls": None,
             "authentication": None, "says": "The server asks for credentials."}
    ran = play(
        {"name": "Judge", "ansible.builtin.set_fact": {"huntaze_checks": [check]}},
        {"name": "Fail", "ansible.builtin.assert": {"that": False, "fail_msg": "limiter cannot reach redis"}}, tags=["verify"],
    )
    assert ran.rc == 2 and ran.output.startswith("FAILED        1 check failed: Redis from limiter"), ran.output
    assert "The server asks for credentials." in ran.output and "limiter cannot reach redis" not in ran.output + ran.errors
