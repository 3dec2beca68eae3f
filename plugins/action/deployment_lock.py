# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of the module deployment_lock: names the run that holds the lock, and has it wait at its end until the lock is given back."""

from __future__ import annotations

import atexit
import os
import shlex

from ansible import context
from ansible.utils.display import Display

from ansible_collections.huntaze.ai_system.plugins.module_utils._lock.keeper import farewell, open_lifeline
from ansible_collections.huntaze.ai_system.plugins.modules import deployment_lock
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._in_process import InProcess


def part(process):
    if process == os.getpid():
        why = farewell()
        if why:
            Display().error(why)


# Ansible loads an action before it forks for its task.
open_lifeline()
atexit.register(part, os.getpid())


class ActionModule(InProcess):
    module = deployment_lock

    def run(self, tmp=None, task_vars=None):
        # Extra variables may be secrets. The parent of the process of a task is the run.
        command = shlex.join(["ansible-playbook", *map(str, context.CLIARGS.get("args") or [])])
        self._task.args = {"command": command, "process": os.getppid(), **self._task.args}
        return super().run(tmp, task_vars)
