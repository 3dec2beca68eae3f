# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric data as AWS keeps it and adds it up, in periods that begin on the clock. Times are naive and UTC, as moto has them."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import MetricDatumBase, Statistics

Parameters = dict[str, t.Any]
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
MAX_DATAPOINTS = 100_800
MAX_DATAPOINTS_OF_STATISTICS = 1440
MAX_QUERIES = 500
SHORT_PERIODS = (1, 5, 10, 20, 30)
EPOCH = datetime(1970, 1, 1)


def floor(time: datetime, seconds: int) -> datetime:
    return time - (time - EPOCH) % timedelta(seconds=seconds)


def is_period(period: int) -> bool:
    return period in SHORT_PERIODS or (period >= 60 and period % 60 == 0)


def kept(metric: Parameters, now: datetime, path: str) -> Parameters:
    """A datum as it is kept: under its minute, or its second in high resolution; values with their counts as statistics.

    moto would keep a value as many times as it was counted.
    """
    given = [key for key in ("Value", "Values", "StatisticValues") if metric.get(key) not in (None, [], {})]
    if not given:
        raise InvalidParameterCombination(f"At least one of the parameters must be specified: {path}.Value, {path}.Values, {path}.StatisticValues.")
    timestamp = metric.get("Timestamp") or now
    if not now - timedelta(days=14) <= timestamp <= now + timedelta(hours=2):
        raise InvalidParameterValue(f"The parameter {path}.Timestamp must be no more than two weeks in the past and two hours in the future.")
    datum = {"Unit": "None", **metric, "Timestamp": floor(timestamp, metric.get("StorageResolution", 60))}
    if given == ["Values"]:
        values = datum.pop("Values")
        counts = datum.pop("Counts", None) or [1] * len(values)
        total = sum(value * count for value, count in zip(values, counts))
        datum["StatisticValues"] = {"SampleCount": sum(counts), "Sum": total, "Minimum": min(values), "Maximum": max(values)}
    return datum


def has_dimensions(datum: MetricDatumBase, dimensions: t.Iterable[Parameters]) -> bool:
    """Whether it has these and no others: each combination is a metric of its own, that of none too."""
    return {(own.name, own.value) for own in datum.dimensions} == {(given["Name"], given["Value"]) for given in dimensions}


def in_periods(
    data: t.Iterable[MetricDatumBase], start: datetime, end: datetime, period: int, stats: list[str], now: datetime
) -> list[Statistics]:
    """The statistics of each period that has data, oldest first.

    The start is rounded down, by its age, and periods are counted from there. What is finer than AWS keeps at that age has no datapoints.
    """
    age = now - start
    finest = next((seconds for days, seconds in ((63, 3600), (15, 300)) if age > timedelta(days=days)), 60)
    high_resolution = period < 60
    if period % finest and not (high_resolution and age <= timedelta(hours=3)):
        return []
    # unverified: that AWS counts periods longer than `finest` from the start, not from their multiples.
    start = floor(start, min(period, finest))
    periods: dict[datetime, Statistics] = {}
    for datum in data:
        # unverified: what AWS has of regular metrics below a minute. It documents that it cannot be asked for.
        if start <= datum.timestamp < end and not (high_resolution and getattr(datum, "storage_resolution", 60) != 1):
            begin = start + (datum.timestamp - start) // timedelta(seconds=period) * timedelta(seconds=period)
            periods.setdefault(begin, Statistics(stats, begin)).metric_data.append(datum)
    return [periods[begin] for begin in sorted(periods)]


def is_insights(query: Parameters) -> bool:
    return query.get("Expression", "").lstrip().upper().startswith("SELECT ")


def check_times(start: datetime, end: datetime) -> None:
    """Times count in whole seconds."""
    if start.replace(microsecond=0) > end.replace(microsecond=0):
        raise ValidationError("The parameter EndTime must be greater than StartTime.")
    if start.replace(microsecond=0) == end.replace(microsecond=0):
        raise ValidationError("The parameter StartTime must not equal parameter EndTime.")


def check_queries(queries: list[Parameters]) -> None:
    if len(queries) > MAX_QUERIES:
        raise ValidationError(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids) or not all(re.fullmatch(r"[a-z]\w*", name, re.ASCII) for name in ids):
        raise ValidationError("Each Id in MetricDataQueries must be unique, and begin with a lowercase letter.")
    for number, query in enumerate(queries, 1):
        path = f"MetricDataQueries.member.{number}"
        if query.get("MetricStat", {}).get("Stat", "Sum") not in STATISTICS:
            raise ValidationError(f"{path}: this sandbox has {', '.join(STATISTICS)}, and no percentiles.")
        if "Expression" in query:
            if query["Expression"] not in ids and not is_insights(query):
                raise ValidationError(f"{path}: this sandbox has queries of Metrics Insights and expressions that are the Id of another query, and no metric math.")
            if is_insights(query) and not is_period(query.get("Period", 0)):
                raise ValidationError(f"The parameter {path}.Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
            continue
        if "MetricStat" not in query:
            raise ValidationError(f"The parameter {path}.MetricStat is required.\n")
        if not is_period(query["MetricStat"]["Period"]):
            raise ValidationError(f"The parameter {path}.MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple of 60.")


def check_statistics(start: datetime, end: datetime, period: int) -> None:
    if not is_period(period):
        raise InvalidParameterValue("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
    if start.replace(microsecond=0) >= end.replace(microsecond=0):
        raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
    asked = -(-(end - start) // timedelta(seconds=period))
    if asked > MAX_DATAPOINTS_OF_STATISTICS:
        raise InvalidParameterCombination(
            f"You have requested up to {asked:,} datapoints, which exceeds the limit of {MAX_DATAPOINTS_OF_STATISTICS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )


def page(results: list[Parameters], offset: int, size: int) -> tuple[list[Parameters], int | None]:
    """The datapoints from `offset` on, counted over all results, and where the next page begins if there is one."""
    shown, before = [], 0
    for result in results:
        count = len(result["Values"])
        first, last = (min(max(edge - before, 0), count) for edge in (offset, offset + size))
        if first < last or not (count or offset):
            points = {key: result[key][first:last] for key in ("Timestamps", "Values")}
            shown.append({**result, **points, "StatusCode": "Complete" if last == count else "PartialData"})
        before += count
    return shown, offset + size if before > offset + size else None
