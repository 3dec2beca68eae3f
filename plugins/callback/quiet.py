# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: quiet
type: stdout
short_description: Prints failures and asked-for diffs only
version_added: 0.1.0
description:
  - Leaves away the plays, tasks and hosts that went well, for runs that end with the report of P(huntaze.ai_system.report#callback).
  - Warnings are never hidden. A failure is one line where the report is enabled, which tells the rest; the assertion that ends the verification is none, as
    the report names all checks itself. Under C(--limit), a play without hosts is told too.
    C(-v) brings everything back, as P(ansible.builtin.default#callback) prints it.
  - While a module of this collection waits for AWS, a line tells what it waits for, at each change of state and once a minute.
    Lines are printed at once, also into a pipe.
options:
  progress_seconds:
    description: Seconds between two lines of one wait. What is over in a twelfth of it is not told.
    type: float
    default: 60
    env:
      - name: HUNTAZE_PROGRESS_SECONDS
    ini:
      - section: callback_huntaze_quiet
        key: progress_seconds
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - to be set as C(stdout_callback)
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

import contextlib
import sys

from ansible import constants as C
from ansible import context
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.huntaze.ai_system.plugins.plugin_utils import _in_process
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import failures, words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.model import RESCUE

REPORT = "huntaze.ai_system.report"


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "huntaze.ai_system.quiet"

    def set_options(self, *args, **kwargs):
        super().set_options(*args, **kwargs)
        # Ansible forks for its tasks after this.
        _in_process.interval = self.get_option("progress_seconds")
        # Display flushes nothing, and a pipe is read as it comes.
        with contextlib.suppress(AttributeError):  # an output that is no file
            sys.stdout.reconfigure(line_buffering=True)

    @property
    def is_quiet(self):
        return self._display.verbosity == 0

    def get_option(self, k):
        # The default one prints a task's banner at once unless it has to wait for a result that is shown.
        return False if self.is_quiet and k in ("display_ok_hosts", "display_skipped_hosts") else super().get_option(k)

    def v2_playbook_on_play_start(self, play):
        self._play = play
        if not self.is_quiet:
            super().v2_playbook_on_play_start(play)

    def tell_trouble(self, result):
        """Warnings and, from ansible-core 2.19, an exception, as the default callback shows them beside a result."""
        if hasattr(self, "_handle_warnings_and_exception"):
            self._handle_warnings_and_exception(result)
        else:
            self._handle_warnings(result._result)

    def v2_runner_on_ok(self, result):
        if not self.is_quiet:
            super().v2_runner_on_ok(result)
        else:
            self.tell_trouble(result)

    def v2_runner_item_on_ok(self, result):
        if not self.is_quiet:
            super().v2_runner_item_on_ok(result)
        else:
            self.tell_trouble(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not self.is_in_the_report():
            super().v2_runner_on_failed(result, ignore_errors)
        elif not (self.is_repeated(result) or result._task.loop and "results" in result._result):
            self.tell_failure(result, "FAILED", C.COLOR_ERROR, ignore_errors)

    def v2_runner_item_on_failed(self, result):
        if not self.is_in_the_report():
            super().v2_runner_item_on_failed(result)
        else:
            self.tell_failure(result, "FAILED", C.COLOR_ERROR)

    def v2_runner_on_unreachable(self, result):
        if not self.is_in_the_report():
            super().v2_runner_on_unreachable(result)
        else:
            self.tell_failure(result, "UNREACHABLE", C.COLOR_UNREACHABLE, result._task.ignore_unreachable)

    def is_in_the_report(self):
        """Whether the report tells of failures, so that a line is enough here."""
        return self.is_quiet and REPORT in C.CALLBACKS_ENABLED

    def is_repeated(self, result):
        """Verification ends with an assertion that names all checks, as the report does, and a rescue with the failure that it was for."""
        task = result._task
        checks = "verify" in self._play.tags and task.action.endswith("assert")
        return checks or task.action.endswith("fail") and f"/stages/tasks/{RESCUE}.yml" in (task.get_path() or "")

    def tell_failure(self, result, word, color, ignored=False):
        """One line. A failure that is rescued or ignored comes to no report, so it says what it is about."""
        self._handle_warnings(result._result)
        said = words.headline(failures.message(result._result, word == "UNREACHABLE"))
        told = f"fatal: [{result._host.get_name()}]: {word}! => {result._task.get_name().rpartition(' : ')[2]}: {said}"
        self._display.display(told + (" (ignored)" if ignored else ""), color=color, stderr=self.get_option("display_failed_stderr"))

    def v2_runner_on_skipped(self, result):
        if not self.is_quiet:
            super().v2_runner_on_skipped(result)
        else:
            self.tell_trouble(result)

    def v2_runner_item_on_skipped(self, result):
        if not self.is_quiet:
            super().v2_runner_item_on_skipped(result)
        else:
            self.tell_trouble(result)

    def v2_runner_retry(self, result):
        if not self.is_quiet:
            super().v2_runner_retry(result)

    def v2_playbook_on_include(self, included_file):
        if not self.is_quiet:
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_no_hosts_matched(self):
        if not self.is_quiet:
            super().v2_playbook_on_no_hosts_matched()
        elif context.CLIARGS.get("subset") and self._play.hosts:
            # A play that names no hosts is one that has nothing to do, with --limit or without.
            self._display.display(f"skipping: no hosts matched in the play {self._play.get_name()}", color=C.COLOR_SKIP)

    def v2_playbook_on_no_hosts_remaining(self):
        if not self.is_quiet:
            super().v2_playbook_on_no_hosts_remaining()

    def v2_playbook_on_stats(self, stats):
        if not self.is_quiet:
            super().v2_playbook_on_stats(stats)
