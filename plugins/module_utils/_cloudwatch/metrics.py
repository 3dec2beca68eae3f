# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of CloudWatch: what is asked of GetMetricData, and what its answers come to.

Metrics are the module's own mappings here: `namespace`, `metric_name`, `dimensions` (a mapping, or None) and `statistic`.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.options import METRIC_OPTIONS, METRIC_STATISTICS, metric_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._problems import choice_problems, typed_items

# One GetMetricData takes this many.
QUERIES_A_CALL = 500
# The sender's clock and that of the task may be so far ahead; periods until then are looked at too.
CLOCK_SKEW = timedelta(minutes=5)
_SHORT_PERIODS = (1, 5, 10, 20, 30)
# Beyond such an age CloudWatch keeps one value in so many seconds (API reference, GetMetricData).
_KEPT = ((timedelta(days=63), 3600), (timedelta(days=15), 300), (timedelta(hours=3), 60))
_KEPT_AT_ALL = timedelta(days=455)

Metric = t.Mapping[str, t.Any]
LOOK_BACK = timedelta(minutes=15)
# What stands for an answer where CloudWatch has none.
_WAYS_OUT = {"InternalError": "run the task again", "Forbidden": "give these credentials access to it"}


class Desired(t.NamedTuple):
    """What is to be read: metrics in periods of so many seconds, and the beginning of the first one."""

    metrics: t.Sequence[Metric]
    period: int
    start: datetime


class Observed(t.NamedTuple):
    """What CloudWatch has of the metrics, in their order; and a sentence for each that it could not answer for."""

    metrics: t.Sequence[dict[str, t.Any]] = ()
    troubles: t.Sequence[str] = ()

    @property
    def missing(self) -> list[dict[str, t.Any]]:
        return [metric for metric in self.metrics if not metric["datapoints"]]


def desired(metrics: t.Sequence[Metric], since: str | None, period: int, now: datetime) -> Desired:
    """The period that holds `since` counts as a whole: CloudWatch would begin at its minute instead, and count periods from there."""
    return Desired(metrics, period, period_start(moment(since) if since is not None else now - LOOK_BACK, period))


def observe(cloudwatch: t.Any, wanted: Desired) -> Observed:
    """One call for 500 metrics, or a page of them."""
    queries = [to_query(number, metric, wanted.period) for number, metric in enumerate(wanted.metrics)]
    end = datetime.now(timezone.utc) + CLOCK_SKEW
    ask = cloudwatch.get_paginator("get_metric_data").paginate
    pages = (
        page for first in range(0, len(queries), QUERIES_A_CALL)
        for page in ask(MetricDataQueries=queries[first : first + QUERIES_A_CALL], StartTime=wanted.start, EndTime=end)
    )
    return summary(wanted.metrics, pages)


def shown(wanted: Desired, seen: Observed) -> dict[str, t.Any]:
    """The result of cloudwatch_metric_info."""
    missing = dict.fromkeys(metric["metric_name"] for metric in seen.missing)
    return {"metrics": list(seen.metrics), "missing": list(missing), "since": wanted.start.isoformat()}


def awaited(wanted: Desired, seen: Observed, lost: t.Optional[Exception]) -> tuple[str, str]:
    """What is waited for, and how far it has come. lost: why the last look showed nothing"""
    missing = [metric["metric_name"] for metric in seen.missing or wanted.metrics]
    return f"metrics {', '.join(dict.fromkeys(missing))}", "CloudWatch does not answer" if lost else "not in CloudWatch yet"


def in_vain(wanted: Desired, seen: Observed, region: str, seconds: int) -> str:
    """What to tell whoever waited `seconds` for what did not come."""
    here = [
        f"{named(metric)} (datapoints: {metric['datapoints']}, the latest {metric['latest_value']} at {metric['latest_timestamp']})"
        for metric in seen.metrics if metric["datapoints"]
    ]
    return (
        f"After {seconds} s CloudWatch in {region} has no datapoint since {wanted.start.isoformat()} of "
        f"{', '.join(map(named, seen.missing))}. It has {', '.join(here) or 'none of the other listed metrics'}. "
        "Look whether what puts these metrics runs, whether its credentials allow cloudwatch:PutMetricData (its log says so if not), and whether it puts "
        "them in this account, region and namespace, under these names and with exactly these dimensions. "
        "AWS may take two minutes to show what was put: raise wait_timeout if it is shorter than that and the sender's interval together."
    )


def moment(text: str) -> datetime:
    """The time that `text` names in ISO 8601, in UTC, which is also what it is in without an offset. ValueError if it names none."""
    try:
        named = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text.strip()))
        return named.astimezone(timezone.utc) if named.tzinfo else named.replace(tzinfo=timezone.utc)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def period_start(time: datetime, period: int) -> datetime:
    """The beginning of the period of `period` seconds that `time` is in."""
    return datetime.fromtimestamp(time.timestamp() // period * period, timezone.utc)


def named(metric: Metric) -> str:
    """A metric as a message names it: Sum of Huntaze/AI Requests (Agent=a)."""
    dimensions = ", ".join(f"{dimension['name']}={dimension['value']}" for dimension in _dimensions(metric))
    return f"{metric['statistic']} of {metric['namespace']} {metric['metric_name']}" + (f" ({dimensions})" if dimensions else "")


def _dimensions(metric: Metric) -> list[dict[str, str]]:
    return [{"name": str(name), "value": "" if value is None else str(value)} for name, value in (metric["dimensions"] or {}).items()]


def typed_metrics(metrics: t.Sequence[t.Any]) -> tuple[list[t.Optional[dict[str, t.Any]]], list[str]]:
    """The metrics with every option of the type that it has, and what is wrong with others, whose place None takes."""
    typed, found = typed_items("metrics", metrics, METRIC_OPTIONS, "metric_name")
    for position, metric in enumerate(typed):
        for name, value in ((metric or {}).get("dimensions") or {}).items():
            if isinstance(value, (bool, dict, list)):
                found.append(f'metrics[{position}] "{metric["metric_name"]}": dimensions.{name} is no text: write its value in quotation marks.')
                typed[position] = None
    return typed, found


def problems(metrics: t.Sequence[t.Optional[Metric]], since: str | None, period: int, now: datetime) -> list[str]:
    """All that CloudWatch would reject or could not answer, as sentences that name the option and the way out.

    since: ISO 8601, or None where nothing is old; period: seconds; now: with its time zone.
    """
    found = [] if metrics else ["metrics is empty: list at least one."]
    seen: dict[t.Any, int] = {}
    for position, metric in enumerate(metrics):
        if metric is None:  # refused already
            continue
        given = {name: value for name, value in metric.items() if value is not None}
        dimensions = _dimensions(metric)
        of_it = [
            *metric_problems("", {**given, "dimensions": dimensions}),
            *choice_problems("statistic", metric["statistic"], METRIC_STATISTICS),
        ]
        key = (metric["namespace"], metric["metric_name"], tuple(sorted(map(str, dimensions))), metric["statistic"])
        if seen.setdefault(key, position) != position:
            of_it.append(f"it is listed already as metrics[{seen[key]}]: remove one of them.")
        found += [f'metrics[{position}] "{(metric["metric_name"] or "")[:255]}": {problem}' for problem in of_it]
    period_fits = period in _SHORT_PERIODS or (period >= 60 and period % 60 == 0)
    if not period_fits:
        found.append(f"period is {period}: use 1, 5, 10, 20, 30 or a multiple of 60 seconds.")
    if since is not None:
        try:
            start = period_start(moment(since), period if period_fits else 1)
        except ValueError:
            found.append(f"since is {since[:80]!r}, which is no time: write it as 2025-11-25T12:00:00Z.")
        else:
            found += _age_problems(since, start, period if period_fits else None, now)
    return found


def _age_problems(since: str, start: datetime, period: int | None, now: datetime) -> t.Iterator[str]:
    age = now - start
    if age <= -CLOCK_SKEW:
        clock = now.isoformat(timespec="seconds")
        yield f"since is {since}, which is ahead of this host's clock ({clock}): give a time that has passed, with its offset or in UTC."
    if age > _KEPT_AT_ALL:
        yield f"since is {since}, but CloudWatch keeps metrics for {_KEPT_AT_ALL.days} days: give a later time."
        return
    kept = next((seconds for limit, seconds in _KEPT if age > limit), 1)
    if period and period % kept:
        yield f"period is {period}, but of {since} CloudWatch has one value in {kept} seconds: use a multiple of {kept}, or a later since."


def to_query(number: int, metric: Metric, period: int) -> dict[str, t.Any]:
    """The MetricDataQuery for `metric`, with the Id m`number`."""
    dimensions = [{"Name": dimension["name"], "Value": dimension["value"]} for dimension in _dimensions(metric)]
    named_metric = {"Namespace": metric["namespace"], "MetricName": metric["metric_name"], "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": named_metric, "Period": period, "Stat": metric["statistic"]}}


def summary(metrics: t.Sequence[Metric], pages: t.Iterable[t.Mapping[str, t.Any]]) -> Observed:
    """What the pages of GetMetricData say of each of `metrics`, and a sentence for each that CloudWatch could not answer for.

    The results of pages have the Ids of `to_query`. A metric's datapoints may be spread over pages, and come in any order.
    """
    points: dict[str, list[tuple[datetime, float]]] = {}
    status: dict[str, str] = {}
    for page in pages:
        for result in page.get("MetricDataResults") or []:
            name = result.get("Id", "")
            points.setdefault(name, []).extend(zip(result.get("Timestamps") or [], result.get("Values") or []))
            status[name] = result.get("StatusCode", "Complete")
    summaries, troubles = [], []
    for number, metric in enumerate(metrics):
        timestamp, value = max(points.get(f"m{number}", []), default=(None, None))
        summaries.append(
            {
                "namespace": metric["namespace"],
                "metric_name": metric["metric_name"],
                "dimensions": {dimension["name"]: dimension["value"] for dimension in _dimensions(metric)},
                "statistic": metric["statistic"],
                "datapoints": len(points.get(f"m{number}", [])),
                "latest_timestamp": timestamp and timestamp.astimezone(timezone.utc).isoformat(),
                "latest_value": value,
            }
        )
        if f"m{number}" not in status:
            troubles.append(f"CloudWatch's answer says nothing of {named(metric)}: run the task again.")
        elif status[f"m{number}"] in _WAYS_OUT:
            troubles.append(f"CloudWatch answers {status[f'm{number}']} for {named(metric)}: {_WAYS_OUT[status[f'm{number}']]}.")
    return Observed(summaries, troubles)
