# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that tests switch on: what AWS does on a bad day."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
import typing as t
from dataclasses import dataclass

from aws_api.calls import Answer, Call

THROTTLE, LOST_ANSWER, HANG, STALE_READS, VANISH = KINDS = ("throttle", "lost_answer", "hang", "stale_reads", "vanish")
FIELDS = {"kind": str, "service": str, "operation": str, "rate": (int, float), "times": int, "after": int, "field": str}


@dataclass
class Fault:
    kind: str
    service: str = "*"
    operation: str = "*"
    rate: float | None = None
    times: int | None = None
    after: int = 0
    field: str | None = None
    held: int = 0
    _recent: list[float] = dataclasses.field(default_factory=list)
    _lifted: threading.Event = dataclasses.field(default_factory=threading.Event)

    @classmethod
    def described(cls, given: dict[str, t.Any]) -> Fault:
        """The fault that `given` describes; ValueError with a sentence where it describes none."""
        for name, value in given.items():
            if name not in FIELDS:
                raise ValueError(f"A fault has no {name!r}: it has {', '.join(FIELDS)}.")
            if not isinstance(value, FIELDS[name]) or isinstance(value, bool):
                raise ValueError(f"A fault's {name} cannot be {value!r}.")
        if given.get("kind") not in KINDS:
            raise ValueError(f"A fault's kind is one of {', '.join(KINDS)}, not {given.get('kind')!r}.")
        if (given["kind"] == THROTTLE) != ("rate" in given):
            raise ValueError("A throttle has a rate, in calls per second; no other fault has one.")
        if (given["kind"] == VANISH) != ("field" in given):
            raise ValueError("A vanish names the field that answers lack, such as ReplicationGroups.MemberClusters; no other fault has one.")
        return cls(**given)

    def shown(self) -> dict[str, t.Any]:
        named = {"kind": self.kind, "service": self.service, "operation": self.operation, "after": self.after}
        optional = {"rate": self.rate, "times": self.times, "field": self.field, "held": self.held if self.kind == HANG else None}
        return named | {name: value for name, value in optional.items() if value is not None}

    def hits(self, call: Call) -> bool:
        """Whether this call is one that the fault strikes; counts it."""
        if self.times == 0 or self.service not in ("*", call.service):
            return False
        if self.operation not in ("*", call.operation) and not (self.operation == "mutating" and call.mutating):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.kind == THROTTLE:
            now = time.monotonic()
            self._recent = [moment for moment in self._recent if now - moment < 1]
            if len(self._recent) < (self.rate or 0):
                self._recent.append(now)
                return False
        if self.times is not None:
            self.times -= 1
        return True

    def hold(self) -> None:
        """Keep the answer back until the fault is lifted."""
        self.held += 1
        self._lifted.wait()
        self.held -= 1

    def lift(self) -> None:
        self._lifted.set()


class Faults:
    """The faults that are switched on, and what stale reads need to remember."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._reads: dict[tuple[str, ...], Call] = {}
        self._stale: dict[tuple[str, ...], Answer] = {}

    def add(self, given: dict[str, t.Any]) -> None:
        with self._lock:
            self._faults.append(Fault.described(given))

    def shown(self) -> list[dict[str, t.Any]]:
        return [fault.shown() for fault in self._faults]

    def clear(self) -> None:
        with self._lock:
            faults, self._faults, self._stale = self._faults, [], {}
        for fault in faults:
            fault.lift()

    def _struck(self, kind: str, call: Call) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fault.kind == kind and fault.hits(call)), None)

    def throttled(self, call: Call) -> bool:
        return self._struck(THROTTLE, call) is not None

    def stale(self, call: Call) -> Answer | None:
        """The answer from before the last change, where that is what the caller shall get."""
        if call.mutating or call.key not in self._stale:
            return None
        return self._stale[call.key] if self._struck(STALE_READS, call) else None

    def remember(self, call: Call) -> None:
        """Note a read, to know what to look at before the next change."""
        self._reads.pop(call.key, None)
        self._reads[call.key] = call
        for old in list(itertools.islice(self._reads, max(0, len(self._reads) - 100))):
            del self._reads[old]

    def forget(self) -> None:
        """Forget what was read: the world is a new one."""
        self._reads = {}

    def before_change(self, answer: t.Callable[[Call], Answer]) -> dict[tuple[str, ...], Answer]:
        """What reads answer before a change, if anybody is going to be shown that after it."""
        if any(fault.kind == STALE_READS for fault in self._faults):
            return {key: answer(call) for key, call in self._reads.items()}
        return {}

    def changed(self, before: dict[tuple[str, ...], Answer]) -> None:
        """Keep what reads answered before the last change; a call that was refused was none."""
        self._stale = before

    def vanished(self, call: Call) -> list[str]:
        """The fields that the answer shall lack."""
        with self._lock:
            return [fault.field for fault in self._faults if fault.kind == VANISH and fault.field and fault.hits(call)]

    def after_change(self, call: Call) -> Fault | None:
        """The fault that keeps the caller from the answer, if any."""
        return self._struck(LOST_ANSWER, call) or self._struck(HANG, call)
