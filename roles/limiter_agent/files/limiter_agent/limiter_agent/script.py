# SPDX-License-Identifier: GPL-3.0-or-later
"""The one script: what goes to it and what comes back."""

from __future__ import annotations

import hashlib
import struct
import typing as t
from pathlib import Path

from .rules import ANOMALY_SECONDS, Plan

SOURCE = Path(__file__).with_name("check.lua").read_bytes()
SHA = hashlib.sha1(SOURCE).hexdigest().encode()
_CHECK = struct.Struct(">BHI")
MICROSECONDS = 1_000_000


class Check:
    """One question on its way to Redis. `answer` is called once: with (wait, anomaly, (remaining, reset), ...) in
    microseconds, or with None when Redis did not answer."""

    __slots__ = ("keys", "plan", "cost", "denied", "answer", "retried")

    def __init__(self, keys: tuple[bytes, bytes], plan: Plan, cost: int, denied: int,
                 answer: t.Callable[[list[int] | None], None]) -> None:
        self.keys = keys
        self.plan = plan
        self.cost = cost
        self.denied = denied
        self.answer = answer
        self.retried = False


def keys_of(prefix: str, subject: str) -> tuple[bytes, bytes]:
    """The braces are Redis Cluster's hash tag: all keys of a subject live in one slot."""
    log = f"{prefix}:{{{subject}}}"
    return log.encode(), (log + ":denied").encode()


def encode(checks: t.Sequence[Check], longest_window: int) -> tuple[list[bytes], list[bytes]]:
    """KEYS and ARGV of one call. Only the plans that occur travel."""
    keys: list[bytes] = []
    packed = []
    indexes: dict[int, int] = {}
    specs = []
    for check in checks:
        keys += check.keys
        # By identity: after a reload, checks under two versions of a plan may wait side by side.
        index = indexes.get(id(check.plan))
        if index is None:
            index = indexes[id(check.plan)] = len(specs)
            specs.append(_spec(check.plan))
        packed.append(_CHECK.pack(index, check.cost, check.denied))
    return keys, [b"".join(packed), b"%d" % (longest_window * MICROSECONDS), *specs]


def _spec(plan: Plan) -> bytes:
    numbers = [plan.anomaly_threshold, ANOMALY_SECONDS * MICROSECONDS]
    for limit in plan.limits:
        numbers += (limit.requests, limit.seconds * MICROSECONDS)
    return struct.pack(f">{len(numbers)}Q", *numbers)


def deliver(checks: t.Sequence[Check], reply: list[int]) -> None:
    """Hands every check its part of the reply."""
    at = 0
    for check in checks:
        end = at + 2 + 2 * len(check.plan.limits)
        check.answer(reply[at:end])
        at = end
