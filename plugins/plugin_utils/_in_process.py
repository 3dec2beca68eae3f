# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection on the controller in a fork of Ansible's own process.

To pack a module for another host, and to start a Python there that imports boto3, costs twice what a look at AWS does. On the controller, with its own
Python, neither is needed: Ansible loads an action before it forks for the task, and with the action what the module imports. Everything else stays as
it is: a process of its own for each module, its options by its standard input, its result by its standard output.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import signal
import sys
import tempfile
import traceback
import typing as t

from ansible.module_utils.common.json import AnsibleJSONEncoder
from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash


class InProcess(ActionBase):
    """Base of the actions. Each names its `module`, a Python module with main()."""

    _supports_check_mode = True
    _supports_async = True
    module: t.Any = None

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        if self._is_here(task_vars or {}):
            options = dict(self._task.args)
            self._update_module_args(self._task.action, options, task_vars)
            given = json.dumps({"ANSIBLE_MODULE_ARGS": options}, cls=AnsibleJSONEncoder, vault_to_text=True)
            return merge_hash(result, self._told(forked(self.module.main, self._task.action, given)))
        wrap_async = self._task.async_val and not self._connection.has_native_async
        return merge_hash(result, self._execute_module(task_vars=task_vars, wrap_async=wrap_async))

    def _is_here(self, task_vars):
        """Whether Ansible would start this very Python on this host, as this user, in this environment."""
        return (
            self._connection.transport == "local"
            and self._templar.template(task_vars.get("ansible_python_interpreter")) == sys.executable
            and not (self._connection.become or self._task.delegate_to or self._task.async_val or any(self._task.environment or []))
        )

    def _told(self, ended):
        """The result in what a module printed, read as Ansible reads it; a failure in Ansible's fields where there is none."""
        profile = ("legacy",) if "profile" in inspect.signature(self._parse_returned_data).parameters else ()
        told = self._parse_returned_data(ended, *profile)
        if told.pop("_ansible_parsed", False):
            return told
        # What an exception says may hold a secret: the message has its class only.
        crash = re.findall(r"^(?:Traceback \(most recent call last\):\n(?:[ \t].*\n)+)([\w.]+)", ended["stderr"], re.MULTILINE)
        why = crash[-1] if crash else f"its process ended with {ended['rc']}"
        streams = {"module_stdout": ended["stdout"], "module_stderr": ended["stderr"]}
        return {"failed": True, "msg": f"The module ended without a result: {why}.", "rc": ended["rc"], **streams}


def forked(main: t.Callable[[], t.Any], name: str, given: str) -> dict[str, t.Any]:
    """What the module whose `main` this is printed, called in a process of its own: its rc, stdout and stderr. `given` is what it reads."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if child == 0:
            os.close(writing)
            _become(main, name, (reading, output.fileno(), errors.fileno()))
        try:
            os.close(reading)
            _give(writing, given.encode())
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except BaseException:  # as of a task's timeout: nobody would wait for what the child still does
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            raise
        output.seek(0)
        errors.seek(0)
        return {"rc": code, "stdout": output.read(), "stderr": errors.read()}


def _give(stream: int, given: bytes) -> None:
    """Without a buffer, which closing would flush: into a full pipe for ever."""
    try:
        # What a child that has died does not read, it does not need.
        with contextlib.suppress(BrokenPipeError):
            while given:
                given = given[os.write(stream, given):]
    finally:
        os.close(stream)


def _become(main: t.Callable[[], t.Any], name: str, streams: tuple[int, int, int]) -> t.NoReturn:
    """What Python does with a program: its streams, its arguments, its end."""
    code = 1
    try:
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        sys.stdin, sys.stdout, sys.stderr = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8"), open(2, "w", encoding="utf-8")
        sys.argv = [name]
        # Else warnings would be shown from here, unmasked, and not be in the result. An older Ansible does not know it.
        with contextlib.suppress(ImportError):
            from ansible.module_utils import _internal

            _internal.is_controller = False
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # as Python's own: it tells what ended the program, and ends
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
