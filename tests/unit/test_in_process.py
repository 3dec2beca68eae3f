# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action makes of a module that it runs in a fork, and when it runs it there."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import types
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.huntaze.ai_system.plugins.module_utils import _progress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils import _in_process
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._in_process import InProcess

ACTIONS = Path(__file__).parents[2] / "plugins" / "action"


def forked(*given):
    action = object.__new__(InProcess)
    action._used_interpreter = None
    return action._told(_in_process.forked(*given))


def answer(**result):
    print(json.dumps(result))


def test_a_module_reads_its_options_and_tells_its_result():
    def main():
        answer(given=json.load(sys.stdin), name=sys.argv)

    given = {"ANSIBLE_MODULE_ARGS": {"text": "canary" * 100_000}}  # more than a pipe holds
    assert forked(main, "elasticache_info", json.dumps(given)) == {"given": given, "name": ["elasticache_info"]}


def test_a_module_has_a_process_of_its_own():
    before = dict(os.environ)

    def main():
        os.environ["CANARY"] = "1"
        answer(pid=os.getpid())

    assert forked(main, "any", "{}")["pid"] != os.getpid() and dict(os.environ) == before and "CANARY" not in os.environ


@pytest.mark.parametrize("code", [0, 1, None, "words"])
def test_how_a_module_ends_does_not_change_what_it_told(code):
    def main():
        answer(failed=bool(code))
        sys.exit(code)

    result = forked(main, "any", "{}")
    result.pop("exception", None)  # that Ansible makes of any failure
    assert result == {"failed": bool(code)}


@pytest.mark.parametrize(
    ("main", "rc", "told"),
    [
        (lambda: 1 / 0, 1, "ZeroDivisionError"),
        (lambda: os.kill(os.getpid(), 9), -9, ""),
        (lambda: sys.exit("no result"), 1, ""),
        (lambda: print("no JSON"), 1, ""),
    ],
)
def test_kind_01_a_module_that_crashes_has_failed_whatever_it_printed(main, rc, told):
    result = forked(main, "any", json.dumps({"much": "x" * 200_000}))  # that it does not read
    assert result["failed"] and result["rc"] == rc and told in result["module_stderr"]
    assert "steps" not in result
    assert result["msg"] == f"The module ended without a result: {told or f'its process ended with {rc}'}."


def test_kind_26_what_an_exception_says_is_not_in_the_message():
    def main():
        try:
            raise KeyError("canary")
        except KeyError as error:
            raise json.JSONDecodeError("canary\ncanary: ", "canary", 0) from error

    result = forked(main, "any", "{}")
    assert result["msg"] == "The module ended without a result: json.decoder.JSONDecodeError." and "canary" in result["module_stderr"]


def test_a_line_that_a_library_prints_does_not_lose_the_result():
    def main():
        print("DeprecationWarning: something")
        answer(steps=[])

    assert forked(main, "any", "{}")["steps"] == []


def test_kind_26_a_warning_is_in_the_result_as_of_any_module_and_nowhere_else(capfd):
    def main():
        module = AnsibleModule(argument_spec={"token": {"type": "str", "no_log": True}})
        module.warn("It is a canary.")
        module.exit_json(changed=False)

    given = {"token": "secret-token", "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}
    result = forked(main, "any", json.dumps({"ANSIBLE_MODULE_ARGS": given}))
    (warning,) = result["warnings"]
    assert "It is a canary." in str(warning) and not isinstance(warning, dict) and "secret-token" not in str(result)
    assert "canary" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("given", ["{}", "x" * 1_000_000])
def test_a_task_that_is_out_of_time_leaves_no_process_behind(tmp_path, given):
    class OutOfTime(BaseException):
        pass

    def late(*dummy):
        if not (tmp_path / "pid").exists():
            signal.setitimer(signal.ITIMER_REAL, 0.1)  # there is no process yet
        else:
            raise OutOfTime

    def main():
        (tmp_path / "pid.new").write_text(str(os.getpid()))
        (tmp_path / "pid.new").rename(tmp_path / "pid")
        time.sleep(600)

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(OutOfTime):
            _in_process.forked(main, "any", given)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_a_module_tells_while_it_runs_is_heard_while_it_runs(monkeypatch):
    monkeypatch.setattr(_in_process, "NOTICED", 0.1)
    heard = []

    def hear(told):
        """The module goes on only once it was heard; at its end, once its silence was noticed."""
        heard.append(told)
        spoken = [one for one in heard if one]
        if told or len(spoken) == 3:
            os.kill(int(spoken[-1].object), signal.SIGUSR1)

    def main():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        for number in range(3):
            _progress.tell(_progress.Progress(_progress.WAITS, "x" * 100_000, number, 3, str(os.getpid()), "modifying", 2.5, (1.0, 2.0)))
            signal.sigwait([signal.SIGUSR1])
        signal.sigwait([signal.SIGUSR1])
        answer(steps=[])

    assert forked(main, "any", "{}", hear)["steps"] == []
    told = [one for one in heard if one]
    assert [one.step for one in told] == [0, 1, 2] and (told[0].doing, told[0].seconds) == ("x" * 100_000, 2.5)
    assert heard[-1] is None


def test_a_module_that_leaves_a_process_behind_is_over_when_it_ends(monkeypatch):
    monkeypatch.setattr(_in_process, "NOTICED", 0.1)

    def main():
        answer(pid=os.getpid())
        sys.stdout.flush()
        if os.fork() == 0:
            signal.alarm(20)
            time.sleep(60)

    began = time.monotonic()
    assert forked(main, "any", "{}")["pid"] and time.monotonic() - began < 15


def test_a_module_that_tells_nobody_ends():
    def main():
        reading, writing = os.pipe()
        os.close(reading)
        _progress.to(writing)
        _progress.tell(_progress.Progress(_progress.SENDS))
        answer(steps=["more"])

    result = forked(main, "any", "{}")
    assert result["failed"] and "steps" not in result and result["module_stderr"] == ""


def of(transport="local", become=None, delegate_to=None, environment=None, async_val=0, interpreter=sys.executable):
    action = object.__new__(InProcess)
    action._connection = types.SimpleNamespace(transport=transport, become=become)
    action._task = types.SimpleNamespace(delegate_to=delegate_to, environment=environment, async_val=async_val)
    action._templar = types.SimpleNamespace(template=lambda value: value)
    return action._is_here({"ansible_python_interpreter": interpreter} if interpreter else {})


@pytest.mark.parametrize(
    ("task", "here"),
    [
        ({}, True), ({"environment": []}, True), ({"environment": [{}]}, True),
        ({"transport": "ssh"}, False), ({"become": "sudo"}, False), ({"delegate_to": "limiter-1"}, False), ({"environment": [{"A": "b"}]}, False),
        ({"async_val": 60}, False), ({"interpreter": "/usr/bin/python4"}, False), ({"interpreter": None}, False), ({"interpreter": "auto"}, False),
    ],
)
def test_only_what_ansible_would_start_here_as_this_user_is_run_in_a_fork(task, here):
    assert of(**task) is here


@pytest.mark.parametrize("name", sorted(file.stem for file in ACTIONS.glob("*.py") if "InProcess" in file.read_text()))
def test_each_action_runs_the_module_of_its_name(name):
    module = __import__(f"ansible_collections.huntaze.ai_system.plugins.action.{name}", fromlist=["ActionModule"])
    assert issubclass(module.ActionModule, _in_process.InProcess)
    assert module.ActionModule.module.__name__.endswith(f".modules.{name}") and callable(module.ActionModule.module.main)
