# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The note of what was built last, in a tag of the app. Pure.

AWS does not tell which variables a job saw. So the note says, before StartJob, which environment is about to be built
and which job was the newest then, and after it, which job builds it. The environment is always read before the jobs
are, hence a job newer than the note's began after that environment was in place, whoever started it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.huntaze.ai_system.plugins.module_utils import _secrets
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import variables_of

INTENDED, STARTED = "intended", "started"
VALUE = re.compile(rf"v1/({INTENDED}|{STARTED})/(\d+)/([0-9a-f]+/[0-9a-f]+)")
PREFIX = "huntaze:build:"
KEY = re.compile(r"[a-zA-Z0-9+\-=._:/]{1,128}")


def key_of(branch: str) -> str:
    """The tag that keeps the note of a branch. Branches have names that a tag cannot have."""
    key = PREFIX + branch
    return key if KEY.fullmatch(key) else f"{PREFIX}sha256:{hashlib.sha256(branch.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class Note:
    """phase INTENDED: `job_id` was the newest job before the build. STARTED: `job_id` is the build."""

    phase: str
    job_id: int
    fingerprint: str

    def __str__(self) -> str:
        return f"v1/{self.phase}/{self.job_id}/{self.fingerprint}"

    @classmethod
    def read(cls, value: t.Optional[str]) -> t.Optional[Note]:
        """None where there is none, or none of ours: then nothing is known."""
        match = VALUE.fullmatch(value or "")
        return cls(match[1], int(match[2]), match[3]) if match else None


def environment_of(app: t.Mapping[str, t.Any], branch: t.Mapping[str, t.Any]) -> str:
    """What a build of the branch would see now, as one text.

    It names the branch by its creation too: one deleted and made anew has built nothing yet.
    """
    variables = {**variables_of(app), **variables_of(branch)}
    created = branch.get("createTime")
    return json.dumps([branch.get("branchArn"), created and int(created.timestamp()), sorted(variables.items())])


def fingerprint_of(environment: str, note: t.Optional[Note]) -> str:
    """With the salt of the note, so that it is the note's own if the note is of this environment."""
    return _fingerprint(environment, note.fingerprint.split("/")[0] if note else "")


# Slow by design, and asked for with every look.
_fingerprint = functools.lru_cache(maxsize=None)(_secrets.fingerprint)
