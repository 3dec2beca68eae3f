# SPDX-License-Identifier: GPL-3.0-or-later
"""Datapoints for PutMetricData, one a metric."""

from __future__ import annotations

import math
import re
import typing as t

MOST = 1000  # in one call
# The API reference has CloudWatch refuse numbers beyond these powers of two.
SMALLEST, LARGEST = 2.0 ** -360, 2.0 ** 360


def problems(namespace: str, metrics: t.Mapping[t.Any, t.Any]) -> list[str]:
    """What CloudWatch would refuse, a sentence each."""
    found = []
    if not re.fullmatch(r"(?!AWS/)[A-Za-z0-9./_#:-]{1,255}", namespace):
        found.append(f"namespace is {namespace!r}: give 1 to 255 letters, digits and characters of . - _ / # :, and none of AWS's own.")
    if not 1 <= len(metrics) <= MOST:
        found.append(f"metrics has {len(metrics)} entries: name 1 to {MOST}.")
    for name, value in metrics.items():
        if not re.fullmatch(r"(?!:)[ -~]{1,255}", str(name)):
            found.append(f"metrics has the name {name!r}: give 1 to 255 visible ASCII characters, the first no colon.")
        if number(value) is None:
            found.append(f"metrics.{name} is {value!r}: give a number, its magnitude between 2^-360 and 2^360, or 0.")
    return found


def number(value: t.Any) -> float | None:
    """A template makes text of numbers; of what is none, None."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        return None
    return found if found == 0 or SMALLEST <= abs(found) <= LARGEST else None


def datapoints(metrics: t.Mapping[str, t.Any], unit: str) -> list[dict[str, t.Any]]:
    return [{"MetricName": name, "Value": number(value), "Unit": unit} for name, value in metrics.items()]


def steps(namespace: str, metrics: t.Mapping[str, t.Any]) -> list[str]:
    return [f"put {name} {number(value):g} to {namespace}" for name, value in metrics.items()]
