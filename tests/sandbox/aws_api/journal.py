# SPDX-License-Identifier: GPL-3.0-or-later
"""Which IAM actions were taken, by which user and for which module: what the policy's test holds the policy to."""

from __future__ import annotations

import os
import re
from pathlib import Path

from aws_api import permissions
from aws_api.calls import Call
from aws_api.credentials import Caller

DIRECTORY = "HUNTAZE_SANDBOX_JOURNAL"  # this variable names where journals of all instances are gathered; without it they are not kept


def module_of(user_agent: str) -> str:
    """The module that says so itself, others of Ansible under one name; "-": another program."""
    named = re.search(r"\bhuntaze\.ai_system/\S+ module/(\w+)", user_agent)
    return named[1] if named else "another" if "Ansible/" in user_agent else "-"


class Journal:
    def __init__(self) -> None:
        directory = os.environ.get(DIRECTORY)
        self._file = Path(directory, f"{os.getpid()}.txt") if directory else None
        self._written: set[str] = set()
        self._recent: set[str] = set()

    def note(self, call: Call, caller: Caller, allowed: bool) -> None:
        user, module = caller.arn.rpartition("/")[2], module_of(call.environ.get("HTTP_USER_AGENT", ""))
        lines = {f"{user} {module} {action} {'allowed' if allowed else 'denied'}" for action in permissions.actions(call)}
        self._recent |= lines
        if self._file and not lines <= self._written:
            with open(self._file, "a") as file:
                file.writelines(f"{line}\n" for line in sorted(lines - self._written))
            self._written |= lines

    def recent(self) -> list[str]:
        """Lines "USER MODULE ACTION allowed|denied" since the last `forget`."""
        return sorted(self._recent)

    def forget(self) -> None:
        self._recent = set()
