# SPDX-License-Identifier: GPL-3.0-or-later
"""States that last a while: what begins now takes effect later."""

from __future__ import annotations

import time
import typing as t


class Lifecycle:
    """Changes under way. Nothing runs by itself: whoever holds the backend calls `settle`."""

    def __init__(self) -> None:
        self._under_way: list[tuple[float, t.Callable[[], None]]] = []

    def later(self, seconds: float, finish: t.Callable[[], None]) -> None:
        self._under_way.append((time.monotonic() + seconds, finish))

    @property
    def next_due(self) -> float | None:
        """When `settle` will next have something to do, on the monotonic clock."""
        return min((due for due, _ in self._under_way), default=None)

    def settle(self, now: float | None = None) -> bool:
        """Finish what is due, oldest first; whether there was anything."""
        now = time.monotonic() if now is None else now
        due = sorted((item for item in self._under_way if item[0] <= now), key=lambda item: item[0])
        self._under_way = [item for item in self._under_way if item[0] > now]
        for _, finish in due:
            finish()
        return bool(due)
