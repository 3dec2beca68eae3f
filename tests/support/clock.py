# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock whose hours pass at once."""

from __future__ import annotations


class Clock:
    """Stands in for the module time: `monkeypatch.setattr(_apply, "time", Clock())`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
