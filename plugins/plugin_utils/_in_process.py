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
import gc
import inspect
import json
import multiprocessing
import os
import re
import select
import signal
import sys
import tempfile
import time
import traceback
import typing as t

from ansible.module_utils.common.json import AnsibleJSONEncoder
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash

from ansible_collections.huntaze.ai_system.plugins.module_utils import _progress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils import _journal, _models
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._progress import Pace
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.model import STAGES

# Seconds after which it is noticed that Ansible has ended without a word.
NOTICED = 1.0
# Seconds between the lines of one wait; the callback quiet sets it before Ansible forks.
interval = 60.0


class InProcess(ActionBase):
    """Base of the actions. Each names its `module`, a Python module with main(), and the `services` of AWS that it asks, if it does."""

    _supports_check_mode = True
    _supports_async = True
    module: t.Any = None
    services: tuple[str, ...] = ()

    def __init_subclass__(cls):
        for service in cls.services:
            _models.read(service)

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        if self._is_here(task_vars or {}):
            options = dict(self._task.args)
            self._update_module_args(self._task.action, options, task_vars)
            given = json.dumps({"ANSIBLE_MODULE_ARGS": options}, cls=AnsibleJSONEncoder, vault_to_text=True)
            return merge_hash(result, self._told(forked(self.module.main, self._task.action, given, self._speaker(task_vars or {}))))
        wrap_async = self._task.async_val and not self._connection.has_native_async
        return merge_hash(result, self._execute_module(task_vars=task_vars, wrap_async=wrap_async))

    def _is_here(self, task_vars):
        """Whether Ansible would start this very Python on this host, as this user, in this environment."""
        return (
            self._connection.transport == "local"
            and self._templar.template(task_vars.get("ansible_python_interpreter")) == sys.executable
            and not (self._connection.become or self._task.delegate_to or self._task.async_val or any(self._task.environment or []))
        )

    def _speaker(self, task_vars):
        """Shows what the module waits for. From a worker, Ansible's main process prints it."""
        stage = next((stage for stage in STAGES if stage in self._task.tags), None) or words.clean(self._task.get_name())
        host = task_vars.get("inventory_hostname", "localhost")
        pace = Pace(stage if host == "localhost" else f"{stage} {host}", time.time(), interval)

        def speak(told):
            if told:
                with contextlib.suppress(OSError):  # a full disk is no reason to stop
                    _journal.note(host, self._task._uuid, told)
            lines = pace.hear(told, time.time()) if told else pace.silent(time.time())
            if lines:
                Display().display("\n".join(lines))

        return speak

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


Hear = t.Callable[[t.Optional[_progress.Progress]], None]


def forked(main: t.Callable[[], t.Any], name: str, given: str, hear: Hear = lambda told: None) -> dict[str, t.Any]:
    """What the module whose `main` this is printed, called in a process of its own: its rc, stdout and stderr. `given` is what it reads.

    hear: gets what it tells meanwhile, and None each time that it has told nothing for a second
    """
    reading, writing = os.pipe()
    hearing, telling = os.pipe()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.close(hearing)
            _become(main, name, (reading, output.fileno(), errors.fileno()), telling)
        try:
            os.close(reading)
            os.close(telling)
            _give(writing, given.encode())
            with open(hearing, "rb", buffering=0) as stream:
                _listen(stream, hear, child)
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


def _listen(stream: t.BinaryIO, hear: Hear, child: int) -> None:
    """Until the module ends, and with it its end of the stream."""
    parent = multiprocessing.parent_process()
    ansible, rest = parent.pid if parent else os.getppid(), b""
    while True:
        if select.select([stream], [], [], NOTICED)[0]:
            told = stream.read(65536)
            if not told:
                return
            *lines, rest = (rest + told).split(b"\n")
            for line in lines:
                hear(_progress.Progress(**json.loads(line)))
        elif os.getppid() != ansible:
            sys.exit("Ansible has ended.")  # it was killed, and the module would go on with what nobody hears of
        elif os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return  # what it has started may hold the stream
        else:
            hear(None)


def _become(main: t.Callable[[], t.Any], name: str, streams: tuple[int, int, int], telling: int) -> t.NoReturn:
    """What Python does with a program: its streams, its arguments, its end."""
    code = 1
    # What was there before has no need of being looked through, and copied for it: with the models that takes longer than to make a client.
    gc.freeze()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # not as a worker of Ansible takes them
        _progress.to(telling)
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        sys.stdin, sys.stdout, sys.stderr = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8"), open(2, "w", encoding="utf-8")
        sys.argv = [name]
        # Else warnings would be shown from here, unmasked, and not be in the result. An older Ansible does not know it.
        with contextlib.suppress(ImportError):
            from ansible.module_utils import _internal

            _internal.is_controller = False
        _models.use()
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
