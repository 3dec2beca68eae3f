# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting in tests: for what is to become true, never for a fixed time."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

Seen = t.TypeVar("Seen")


def until(look: t.Callable[[], Seen], seconds: float = 60.0, what: str = "the condition") -> Seen:
    """What `look` answers once that is true; an error after so many seconds, which only a machine at a standstill needs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come true within {seconds} s")


def has_ended(process: int) -> bool:
    """Also where nobody has asked for how, as in a container whose first process does not."""
    try:
        return not Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it may go between two looks, and in the middle of one
        return True
