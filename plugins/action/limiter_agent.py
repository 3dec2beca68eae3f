# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of the module limiter_agent: names the release, and brings the package to a host that lacks it."""

from __future__ import annotations

import os
import tempfile

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._limiter_package import Package


def unasked(result):
    """Why the module could not even begin, as where sudo refuses: the host's own words before Ansible's. Nothing where it answered, or crashed."""
    if not result.get("failed") or result.get("unreachable") or "steps" in result or "invocation" in result:
        return ""
    # Ansible 2.19 tells of a crash in a result of its own, one before it only by what Python printed.
    if result.get("_ansible_parsed") or any("Traceback (most recent call last)" in str(result.get(key)) for key in ("module_stderr", "module_stdout")):
        return ""
    words = [line.strip() for line in str(result.get("module_stderr") or "").splitlines() if line.strip()]
    return (words or [result.get("msg")])[-1] or "no reason given"


class ActionModule(ActionBase):
    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state") != "absent":
            try:
                package = Package(arguments.get("package"))
                arguments.update(release=package.release(arguments.get("python") or "python3"), rules=arguments.get("rules") or package.rules)
            except OSError as error:
                raise AnsibleActionFail(f"limiter_agent_package cannot be read: {error}") from error
        arguments["host"] = arguments.get("host") or task_vars["inventory_hostname"]
        done = self._execute_module(module_args=arguments, task_vars=task_vars)
        if done.pop("source_wanted", False):
            self._connection._shell.tmpdir = self._make_tmp_path()
            remote = self._connection._shell.join_path(self._connection._shell.tmpdir, "package.zip")
            with tempfile.TemporaryDirectory() as directory:
                archive = os.path.join(directory, "package.zip")
                package.pack(archive, arguments.get("wheelhouse"))
                self._transfer_file(archive, remote)
            self._fixup_perms2((self._connection._shell.tmpdir, remote))
            done = self._execute_module(module_args={**arguments, "source": remote}, task_vars=task_vars)
            self._remove_tmp_path(self._connection._shell.tmpdir)
        why = unasked(done)
        if why:
            done["msg"] = f"The host cannot be asked ({why})."
        result.update(done)
        return result
