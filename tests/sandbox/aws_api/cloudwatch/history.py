# SPDX-License-Identifier: GPL-3.0-or-later
"""What DescribeAlarmHistory tells of an alarm's configuration. Changes of its state are not kept.

Recorded is a creation: its data hold the whole alarm, names in small letters. unverified: the data of updates and deletions, all summaries."""

from __future__ import annotations

import datetime
import json
import typing as t

from moto.core.utils import utcnow

from .alarms import Alarm

CREATED, UPDATED, DELETED = "Create", "Update", "Delete"


class HistoryItem(t.NamedTuple):
    name: str
    kind: str
    at: datetime.datetime
    summary: str
    data: str

    @classmethod
    def of(cls, what: str, alarm: Alarm) -> HistoryItem:
        done = what.lower() + "d"
        data = {f"{done}Alarm": _spelt(alarm.description()), "type": what, "version": "1.0"}
        return cls(alarm.name, type(alarm).__name__, utcnow(), f'Alarm "{alarm.name}" {done}', json.dumps(data))

    def shown(self) -> dict[str, t.Any]:
        return {
            "AlarmName": self.name,
            "AlarmType": self.kind,
            "Timestamp": self.at,
            "HistoryItemType": "ConfigurationUpdate",
            "HistorySummary": self.summary,
            "HistoryData": self.data,
        }


def _spelt(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {"okactions" if name == "OKActions" else name[:1].lower() + name[1:]: _spelt(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_spelt(member) for member in value]
    return value.strftime("%Y-%m-%dT%H:%M:%S.%f+0000") if isinstance(value, datetime.datetime) else value
