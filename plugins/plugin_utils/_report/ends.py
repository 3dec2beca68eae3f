# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When AWS's standard support of ElastiCache's engines ends. Pure. No call of AWS tells it; RDS's own ends come from DescribeDBMajorEngineVersions."""

from __future__ import annotations

import datetime
import re
import typing as t

SOURCE = ("endoflife.date a70eca3", "2026-08-01")


class End(t.NamedTuple):
    standard: datetime.date  # the last day
    extended: datetime.date  # the last day of Extended Support, which AWS bills unasked


# Redis OSS by its major version. Version 7 and Valkey have no end yet.
ENDS = {
    "4": End(datetime.date(2026, 1, 31), datetime.date(2029, 1, 31)),
    "5": End(datetime.date(2026, 1, 31), datetime.date(2029, 1, 31)),
    "6": End(datetime.date(2027, 1, 31), datetime.date(2030, 1, 31)),
}


def end_of(engine: str, version: str) -> t.Optional[End]:
    """None where there is no end, and where it is not known."""
    major = re.match(r"\d+", version)
    return ENDS.get(major[0]) if engine == "redis" and major else None


def extended_year(engine: str, version: str, today: datetime.date) -> int:
    """Which year of Extended Support is being billed; 0 where none is."""
    end = end_of(engine, version)
    if not end or not end.standard < today <= end.extended:
        return 0
    years = today.year - end.standard.year
    return years + ((today.month, today.day) > (end.standard.month, end.standard.day))
