# SPDX-License-Identifier: GPL-3.0-or-later
"""The `metrics` of an alarm: what of metric math, anomaly bands and Metrics Insights AWS would reject."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.options import (
    METRIC_STATISTICS,
    UNITS,
    is_extended_statistic,
    metric_problems,
    period_problems,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._problems import Options, Problems, choice_problems, length_problems, quoted, required_problems

MOST_OF_A_KIND = 10
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
# Ids begin with a lowercase letter; what a parenthesis follows is a function, and 1e3 is a number.
_ID = re.compile(r"(?<![\w.])[a-z]\w*(?!\w*\s*\()", re.ASCII)
_WORDS = {"and", "or", "not"}


def _plain(expression: str) -> str:
    """Without its strings, which may hold any word."""
    return _STRING.sub("''", expression)


def is_band(query: Options) -> bool:
    return (query.get("expression") or "").lstrip().upper().startswith("ANOMALY_DETECTION_BAND")


def is_insights(query: Options) -> bool:
    """Whether it is a query of Metrics Insights, which is SQL and not metric math."""
    return re.match(r"\s*SELECT\b", query.get("expression") or "", re.IGNORECASE) is not None


def ids_of(query: Options) -> list[str]:
    """The ids of other entries that an expression refers to."""
    if is_insights(query):
        return []
    return [name for name in dict.fromkeys(_ID.findall(_plain(query.get("expression") or ""))) if name not in _WORDS]


def reached(start: str, queries: t.Mapping[str, Options]) -> set[str]:
    """The ids that the entry `start` stands on, itself only if it is in a circle."""
    seen: set[str] = set()
    following = [start]
    while following:
        for name in ids_of(queries.get(following.pop(), {})):
            if name not in seen:
                seen.add(name)
                following.append(name)
    return seen


def period_of(start: str, queries: t.Mapping[str, Options]) -> t.Optional[int]:
    """The period that an entry is computed in: its own, or the longest of what it stands on."""
    own = _own_period(queries.get(start, {}))
    if own:
        return own
    return max((_own_period(queries.get(name, {})) or 0 for name in reached(start, queries)), default=0) or None


def _own_period(query: Options) -> t.Optional[int]:
    return query.get("period") or (query.get("metric_stat") or {}).get("period")


def watched(given: Options) -> list[str]:
    """The ids of the entries that return data and are not the band to compare with; one, if all is well."""
    return [
        query.get("id") or "" for query in given["metrics"]
        if query.get("return_data") in (None, True) and query.get("id") != given.get("threshold_metric_id", "")
    ]


def math_problems(given: Options) -> Problems:
    """Everything about `metrics` but its look-back."""
    queries = [{option: value for option, value in query.items() if value is not None} for query in given["metrics"]]
    ids = [query.get("id", "") for query in queries]
    for kind in ("metric_stat", "expression"):
        count = sum(kind in query for query in queries)
        if count > MOST_OF_A_KIND:
            yield f"metrics has {count} entries with {kind}: AWS takes {MOST_OF_A_KIND}."
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        yield f"metrics has the id {quoted(repeated)} more than once: give each entry its own."
    by_id = dict(zip(ids, queries))
    for name, query in zip(ids, queries):
        yield from (f'metrics "{name}": {problem}' for problem in [*_query_problems(query), *_expression_problems(name, by_id)])
    circle = sorted(name for name in by_id if name in reached(name, by_id))
    if circle:
        yield f"the expressions of metrics {quoted(circle)} refer to each other in a circle: take one reference out."
    periods = sorted({query["metric_stat"]["period"] for query in queries if (query.get("metric_stat") or {}).get("period")})
    if len(periods) > 1:
        yield f"metrics has the periods {', '.join(map(str, periods))}: AWS takes one period for all metrics of an alarm; use the same."
    yield from _return_problems(given, by_id)


def _return_problems(given: Options, queries: t.Mapping[str, Options]) -> Problems:
    found = watched(given)
    band = given.get("threshold_metric_id")
    if len(found) != 1:
        yield f"metrics returns data of {quoted(found) or 'no entry'}: return_data must be true for the one that is watched, and false for all others."
    elif "expression" in queries.get(found[0], {}) and not is_insights(queries[found[0]]) and not period_of(found[0], queries):
        yield f'metrics "{found[0]}": period is missing, as the expression stands on no metric: add it.'
    if band in queries and queries[band].get("return_data") is False:
        yield f'metrics "{band}": a band has to return data: leave return_data out.'


def _expression_problems(name: str, queries: t.Mapping[str, Options]) -> Problems:
    query = queries[name]
    plain = _plain(query.get("expression", ""))
    if re.search(r"\bSEARCH\s*\(", plain, re.IGNORECASE):
        yield "SEARCH is for dashboards, and AWS takes it in no alarm: name the metrics, or use a Metrics Insights query (SELECT ...)."
    if is_insights(query):
        if "period" not in query:
            yield "period is missing, which a Metrics Insights query needs: add it."
        if re.search(r"\bGROUP\s+BY\b", plain, re.IGNORECASE) and not re.search(r"\bORDER\s+BY\b", plain, re.IGNORECASE):
            yield "the query has GROUP BY without ORDER BY, which an alarm needs: add ORDER BY, or take GROUP BY out."
    unknown = [other for other in ids_of(query) if other not in queries]
    if unknown:
        yield f"the expression refers to {quoted(unknown)}, which metrics does not have: add an entry with that id, or mend the expression."
    if is_band(query) and not ids_of(query):
        yield "the band names no metric: write ANOMALY_DETECTION_BAND(id, 2) with the id of the entry that is watched."


def _query_problems(query: Options) -> Problems:
    if not re.fullmatch(r"[a-z][A-Za-z0-9_]{0,254}", query.get("id", "")):
        yield "id is missing or malformed: begin with a lowercase letter, go on with letters, digits and underscores, 255 characters at most."
    kinds = [kind for kind in ("metric_stat", "expression") if kind in query]
    if len(kinds) != 1:
        yield f"it has {' and '.join(kinds) or 'neither metric_stat nor expression'}: give exactly one."
    yield from length_problems("expression", query.get("expression"), 2048)
    yield from period_problems("period", query.get("period"))
    account = query.get("account_id")
    if account is not None and not re.fullmatch(r"\d{12}", account, re.ASCII):
        yield f'account_id "{account[:80]}" is no account: give its 12 digits, in quotation marks.'
    if "metric_stat" in query:
        yield from _metric_stat_problems({option: value for option, value in query["metric_stat"].items() if value is not None})


def _metric_stat_problems(stat: Options) -> Problems:
    yield from required_problems(stat, ("metric", "period", "stat"), " in metric_stat")
    yield from period_problems("metric_stat.period", stat.get("period"))
    if stat.get("stat", "Sum") not in METRIC_STATISTICS and not is_extended_statistic(stat["stat"]):
        yield f'metric_stat.stat "{stat["stat"]}" is unknown: use {", ".join(METRIC_STATISTICS)} or such as p99.'
    yield from choice_problems("metric_stat.unit", stat.get("unit"), UNITS)
    metric = {option: value for option, value in stat.get("metric", {}).items() if value is not None}
    yield from metric_problems(" of metric_stat", metric)
