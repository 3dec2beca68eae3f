# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the tasks of a run, one for each host and each item of a loop, and those that changed something."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: counting
type: aggregate
short_description: Count the tasks of a run
description: Writes their numbers to the file that BENCHMARK_COUNTS names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "counting"

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def v2_runner_on_ok(self, result):
        self.counts.update(tasks=0 if result._task.loop else 1, changed=int(result.is_changed()))

    def v2_runner_item_on_ok(self, result):
        self.counts.update(tasks=1)

    def v2_runner_on_skipped(self, result):
        self.counts.update(tasks=1)

    def v2_playbook_on_stats(self, stats):
        Path(os.environ["BENCHMARK_COUNTS"]).write_text(json.dumps({"changed": 0, **self.counts}))
