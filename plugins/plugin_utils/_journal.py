# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules have told by now. The report finds it here if Ansible is stopped: a task that is stopped returns nothing."""

from __future__ import annotations

import json
import os
import tempfile
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._progress import MADE, SENDS, WAITS, Progress

_file: t.Optional[t.IO[bytes]] = None


def begin() -> None:
    """Before Ansible forks, as all its processes write to one file."""
    global _file
    _file = tempfile.TemporaryFile()


def note(host: str, task: str, told: Progress) -> None:
    if _file:
        os.write(_file.fileno(), json.dumps([host, task, told]).encode() + b"\n")


def result_of(host: str, task: str) -> dict[str, t.Any]:
    """A result as far as it was told: steps, objects of differences, and running, the step that may be made or not."""
    lines = os.pread(_file.fileno(), os.fstat(_file.fileno()).st_size, 0).splitlines() if _file else []
    heard = [Progress(*told) for *of, told in map(json.loads, lines) if of == [host, task]]
    if not heard:
        return {}
    running = heard[-1].doing if heard[-1].phase in (SENDS, MADE, WAITS) else ""
    steps = list(dict.fromkeys(one.doing for one in heard if one.phase == MADE and one.doing != running))
    objects = dict.fromkeys(one.object for one in heard if one.object)
    return {"changed": bool(steps), "steps": steps, "differences": [{"object": name} for name in objects], "running": running}
