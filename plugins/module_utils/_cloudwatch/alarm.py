# SPDX-License-Identifier: GPL-3.0-or-later
"""One alarm: the parameters of its put call, the alarms that it stands on, and when two mean the same.

An alarm is the API's own mapping here: `to_api` makes it of the module's snake_case options.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict, snake_dict_to_camel_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.rule import RuleError, all_that_may_be_references, name_of, parse

ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
# What options can say; every other field of an alarm that exists is carried over.
KNOWN = frozenset(ACTIONS) | {
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "Tags",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ThresholdMetricId",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    "AlarmRule",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
}
KNOWN_OF_QUERY = frozenset({"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId"})
# The third thing an alarm can watch: AWS takes it neither with MetricName nor with Metrics, which are listed.
REPLACED = frozenset({"EvaluationCriteria", "EvaluationInterval"})

# The kinds of alarms as the API calls them, and as messages do.
METRIC, COMPOSITE, LOG = "MetricAlarm", "CompositeAlarm", "LogAlarm"
LISTED = (METRIC, COMPOSITE)
KINDS = {METRIC: "metric alarm", COMPOSITE: "composite alarm", LOG: "log alarm"}
# An alarm that was described has its kind beside the API's fields, as an answer may lack the field that would tell it.
KIND = "AlarmType"

Alarm = t.Mapping[str, t.Any]


def to_api(alarm: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The parameters of PutMetricAlarm or PutCompositeAlarm that an item of `alarms` stands for."""
    options = {name: value for name, value in _without_nulls(alarm).items() if value != [] and name != "tags"}
    if "alarm_rule" in options:  # a folded YAML block ends with a newline
        options["alarm_rule"] = options["alarm_rule"].strip()
    parameters = snake_dict_to_camel_dict(options, capitalize_first=True)
    if "OkActions" in parameters:
        parameters["OKActions"] = parameters.pop("OkActions")
    if alarm.get("tags"):
        parameters["Tags"] = [{"Key": key, "Value": str(value)} for key, value in sorted(alarm["tags"].items())]
    return parameters


def _without_nulls(value: t.Any) -> t.Any:
    """As amazon.aws's scrub_none_parameters, which would load boto3 wherever an inventory is checked."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def kind_of(alarm: Alarm) -> str:
    if KIND in alarm:
        return alarm[KIND]
    return COMPOSITE if "AlarmRule" in alarm else LOG if "ScheduledQueryConfiguration" in alarm else METRIC


def in_words(kind: str) -> str:
    """Also of a kind that came later than this: AWS's own name in small letters, as in "log alarm"."""
    return KINDS.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def references_as_written(alarm: Alarm) -> set[str]:
    rule = alarm.get("AlarmRule", "")
    try:
        written = set(parse(rule).references) if rule else set()
    except RuleError:
        # Of somebody else's making, in words that are not known here: rather too many than too few.
        written = all_that_may_be_references(rule)
    return written | {alarm.get("ActionsSuppressor", "")} - {""}


def references(alarm: Alarm) -> set[str]:
    """The names of the alarms that this one stands on, which can neither come after it nor go before it."""
    return {name_of(reference) for reference in references_as_written(alarm)}


def ordered(alarms: t.Iterable[Alarm]) -> tuple[list[Alarm], list[Alarm]]:
    """The composite alarms of `alarms` with children before parents, and those that a cycle keeps from having an order."""
    waiting = {alarm["AlarmName"]: alarm for alarm in alarms if kind_of(alarm) == COMPOSITE}
    done: list[Alarm] = []
    while True:
        ready = [alarm for alarm in waiting.values() if not references(alarm) & waiting.keys()]
        if not ready:
            return done, list(waiting.values())
        for alarm in ready:
            done.append(waiting.pop(alarm["AlarmName"]))


def updated(listed: Alarm, existing: Alarm) -> dict[str, t.Any]:
    """`listed` with all that options cannot say taken from `existing`, since a put call replaces the whole alarm.

    So is whether its actions run, unless that is listed: they are switched off for the time of an incident, and no listing knows of it.
    """
    result = {key: value for key, value in existing.items() if key not in KNOWN | REPLACED | {KIND} or key == "ActionsEnabled"}
    result.update((key, value) for key, value in listed.items() if key != "Tags")
    queries = {query.get("Id"): query for query in existing.get("Metrics", [])}
    if "Metrics" in listed:
        result["Metrics"] = [
            {**{key: value for key, value in queries.get(query["Id"], {}).items() if key not in KNOWN_OF_QUERY}, **query}
            for query in listed["Metrics"]
        ]
    return result


def fields(alarm: Alarm) -> dict[str, t.Any]:
    """An alarm's fields in snake case, the same for all that mean the same: defaults spelt out, lists whose order says nothing sorted.

    An empty text or list is left out, as AWS tells it from none nowhere. Each tag is a field of its own, such as "tags.team".
    """
    result = {key: value for key, value in _canonical(alarm).items() if key not in (KIND, "Tags") and value not in ("", [])}
    tags = {f"tags.{tag['Key']}": tag.get("Value", "") for tag in alarm.get("Tags", [])}
    return {**_in_snake_case(result), **tags}


def _in_snake_case(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {_snake_case(name): _in_snake_case(item) for name, item in value.items()}
    return [_in_snake_case(item) for item in value] if isinstance(value, list) else value


@functools.lru_cache(maxsize=None)
def _snake_case(name: str) -> str:
    """Ansible's own reading of a name, which a thousand alarms would ask for ten thousand times."""
    return next(iter(camel_dict_to_snake_dict({name: None})))


def _canonical(alarm: Alarm) -> dict[str, t.Any]:
    result = {"ActionsEnabled": True, **alarm}
    for actions in ACTIONS:
        result[actions] = sorted(set(alarm.get(actions, [])))
    if "ActionsSuppressor" in alarm:
        result["ActionsSuppressor"] = name_of(alarm["ActionsSuppressor"])
    if kind_of(alarm) != METRIC:
        return result
    result.setdefault("TreatMissingData", "missing")
    result.setdefault("EvaluateLowSampleCountPercentile", "evaluate")
    if "EvaluationPeriods" in alarm:
        result.setdefault("DatapointsToAlarm", alarm["EvaluationPeriods"])
    result["Metrics"] = sorted(map(_canonical_query, alarm.get("Metrics", [])), key=lambda query: query.get("Id", ""))
    return _canonical_metric(result)


def _canonical_query(query: Alarm) -> dict[str, t.Any]:
    canonical = {"ReturnData": True, **query}
    if "MetricStat" in query:
        canonical["MetricStat"] = {**query["MetricStat"], "Metric": _canonical_metric(query["MetricStat"].get("Metric", {}))}
    return canonical


def _canonical_metric(metric: Alarm) -> dict[str, t.Any]:
    dimensions = sorted(metric.get("Dimensions", []), key=lambda dimension: (dimension.get("Name", ""), dimension.get("Value", "")))
    return {**metric, "Dimensions": dimensions}
