# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries of Metrics Insights: SELECT SUM(Requests) FROM SCHEMA("Huntaze/AI", Agent) WHERE Agent = 'a' GROUP BY Agent."""

from __future__ import annotations

import re
import typing as t

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import MetricDatumBase

STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
WORD = r"(?:\"[^\"]+\"|[\w./-]+)"
QUERY = re.compile(
    rf"\s*SELECT\s+(?P<function>\w+)\(\s*(?P<metric>{WORD})\s*\)"
    rf"\s+FROM\s+(?:SCHEMA\(\s*(?P<schema>{WORD})(?P<keys>[^)]*)\)|(?P<namespace>{WORD}))"
    r"(?:\s+WHERE\s+(?P<where>.+?))?(?:\s+GROUP\s+BY\s+(?P<group>.+?))?(?:\s+ORDER\s+BY\s+\w+\(\)(?:\s+(?:DESC|ASC))?)?(?:\s+LIMIT\s+\d+)?\s*",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(rf"\s*({WORD})\s*(!?=)\s*'([^']*)'\s*")


class Insights:
    """A query, and which data it is about. ORDER BY and LIMIT are read and say nothing here."""

    def __init__(self, text: str) -> None:
        found = QUERY.fullmatch(text)
        if not found or found["function"].upper() not in STATISTICS:
            raise ValidationError("The Metrics Insights query cannot be read.")
        self.statistic = STATISTICS[found["function"].upper()]
        self._metric, self._namespace = _bare(found["metric"]), _bare(found["schema"] or found["namespace"])
        self._keys = {_bare(key.strip()) for key in (found["keys"] or "").split(",") if key.strip()} if found["schema"] else None
        conditions = [CONDITION.fullmatch(part) for part in re.split(r"\bAND\b", found["where"] or "", flags=re.IGNORECASE) if part]
        if not all(conditions):
            raise ValidationError("The condition of the Metrics Insights query cannot be read.")
        self._conditions = [(_bare(condition[1]), condition[2], condition[3]) for condition in conditions if condition]
        self._group = [_bare(key.strip()) for key in (found["group"] or "").split(",") if key.strip()]

    def groups(self, data: t.Iterable[MetricDatumBase]) -> dict[str, list[MetricDatumBase]]:
        """The data of each series, by its label; one without a label where there is no GROUP BY."""
        found: dict[str, list[MetricDatumBase]] = {}
        for datum in data:
            own = {dimension.name: dimension.value for dimension in datum.dimensions}
            if (datum.namespace, datum.name) != (self._namespace, self._metric) or self._keys not in (None, set(own)):
                continue
            if all((own.get(key) == value) == (sign == "=") for key, sign, value in self._conditions):
                found.setdefault(" ".join(str(own.get(key)) for key in self._group), []).append(datum)
        return found


def _bare(word: str) -> str:
    return word.strip('"')
