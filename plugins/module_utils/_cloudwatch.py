# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch alarms: from what is listed and what is there to the fewest calls, in an order that AWS takes.

Alarms are the API's own mappings here: `to_api` makes them of the module's snake_case options.
"""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict, snake_dict_to_camel_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Change, Plan

# Calls take this many names.
NAMES_A_CALL = 100
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

Alarm = t.Mapping[str, t.Any]

_ARN = re.compile(r"arn:[^:]+:cloudwatch:[^:]*:[^:]*:alarm:")
_REFERENCE = re.compile(r"""\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]*)"|([^"()]*?))\s*\)""", re.IGNORECASE)


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
    if isinstance(value, t.Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _is_composite(alarm: Alarm) -> bool:
    return "AlarmRule" in alarm


def _kind(alarm: Alarm) -> str:
    return "composite alarm" if _is_composite(alarm) else "metric alarm"


def _name(reference: str) -> str:
    return _ARN.sub("", reference)


def references(alarm: Alarm) -> set[str]:
    """The names of the alarms that this one stands on, which can neither come after it nor go before it."""
    names = {_name(quoted or bare) for quoted, bare in _REFERENCE.findall(alarm.get("AlarmRule", ""))}
    if alarm.get("ActionsSuppressor"):
        names.add(_name(alarm["ActionsSuppressor"]))
    return names


def ordered(composites: t.Iterable[Alarm]) -> tuple[list[Alarm], list[Alarm]]:
    """Composite alarms with children before parents, and those that a cycle keeps from having an order."""
    waiting = {alarm["AlarmName"]: alarm for alarm in composites}
    done: list[Alarm] = []
    while True:
        ready = [alarm for alarm in waiting.values() if not references(alarm) & waiting.keys()]
        if not ready:
            return done, list(waiting.values())
        for alarm in ready:
            done.append(waiting.pop(alarm["AlarmName"]))


def _canonical_metric(metric: Alarm) -> dict[str, t.Any]:
    dimensions = sorted(metric.get("Dimensions", []), key=lambda dimension: (dimension["Name"], dimension["Value"]))
    return {**metric, "Dimensions": dimensions}


def _canonical_query(query: Alarm) -> dict[str, t.Any]:
    canonical = {"ReturnData": True, **query}
    if "MetricStat" in query:
        canonical["MetricStat"] = {**query["MetricStat"], "Metric": _canonical_metric(query["MetricStat"]["Metric"])}
    return canonical


def canonical(alarm: Alarm) -> dict[str, t.Any]:
    """The same for all that mean the same: defaults spelt out, lists whose order says nothing sorted."""
    result = {"ActionsEnabled": True, "AlarmDescription": "", **alarm}
    for actions in ACTIONS:
        result[actions] = sorted(set(alarm.get(actions, [])))
    if _is_composite(alarm):
        if "ActionsSuppressor" in alarm:
            result["ActionsSuppressor"] = _name(alarm["ActionsSuppressor"])
        return result
    result.setdefault("TreatMissingData", "missing")
    result.setdefault("EvaluateLowSampleCountPercentile", "evaluate")
    if "EvaluationPeriods" in alarm:
        result.setdefault("DatapointsToAlarm", alarm["EvaluationPeriods"])
    metrics = result.pop("Metrics", None)
    if metrics:
        result["Metrics"] = sorted(map(_canonical_query, metrics), key=lambda query: query["Id"])
    return _canonical_metric(result)


def shown(alarm: Alarm) -> dict[str, t.Any]:
    """An alarm as the diff has it: the option names, and its tags as a mapping."""
    result = canonical(alarm)
    tags = {tag["Key"]: tag["Value"] for tag in result.pop("Tags", [])}
    return {**camel_dict_to_snake_dict(result), **({"tags": tags} if tags else {})}


def _configuration(alarm: Alarm, accepted: t.Mapping[str, t.Container[str]]) -> dict[str, t.Any]:
    """What of a described alarm its put call takes: not its state, its dates and its ARN."""
    members = accepted[_put(alarm)]
    return {key: value for key, value in alarm.items() if key in members}


def _put(alarm: Alarm) -> str:
    return "put_composite_alarm" if _is_composite(alarm) else "put_metric_alarm"


def _updated(listed: Alarm, existing: Alarm) -> dict[str, t.Any]:
    """`listed` with all that options cannot say taken from `existing`, since a put call replaces the whole alarm."""
    result = {key: value for key, value in existing.items() if key not in KNOWN and key not in REPLACED}
    result.update((key, value) for key, value in listed.items() if key != "Tags")
    queries = {query["Id"]: query for query in existing.get("Metrics", [])}
    if "Metrics" in listed:
        result["Metrics"] = [
            {**{key: value for key, value in queries.get(query["Id"], {}).items() if key not in KNOWN_OF_QUERY}, **query}
            for query in listed["Metrics"]
        ]
    return result


def conflicts(listed: t.Iterable[Alarm], observed: t.Iterable[Alarm]) -> list[str]:
    """What stands against the listed alarms in the account, as sentences that name the way out."""
    listed = list(listed)
    existing = {alarm["AlarmName"]: alarm for alarm in observed}
    names = existing.keys() | {alarm["AlarmName"] for alarm in listed}
    problems = []
    for alarm in listed:
        name = alarm["AlarmName"]
        if name in existing and _is_composite(existing[name]) != _is_composite(alarm):
            problems.append(
                f'"{name}" is listed as a {_kind(alarm)} but exists as a {_kind(existing[name])}:'
                " remove that one first (state: absent), or choose another name."
            )
        missing = sorted(references(alarm) - names)
        if missing:
            quoted = ", ".join(f'"{child}"' for child in missing)
            problems.append(f'"{name}" refers to {quoted}, which neither exists nor is listed: list it, or mend the reference.')
    return problems


def _deletions(doomed: t.Sequence[Alarm]) -> list[Change]:
    """Parents before children, one composite a call, metric alarms by the hundred."""
    children_first, cycle = ordered(alarm for alarm in doomed if _is_composite(alarm))
    changes = [
        # Each of a cycle is some other's child, so AWS would delete none of them.
        Change(
            "put_composite_alarm",
            {"AlarmName": alarm["AlarmName"], "AlarmRule": "FALSE", "ActionsEnabled": False},
            f'break the cycle of references at the composite alarm "{alarm["AlarmName"]}", to delete it',
        )
        for alarm in cycle
    ]
    for alarm in [*cycle, *reversed(children_first)]:
        changes.append(Change("delete_alarms", {"AlarmNames": [alarm["AlarmName"]]}, f'delete the composite alarm "{alarm["AlarmName"]}"'))
    metric_names = [alarm["AlarmName"] for alarm in doomed if not _is_composite(alarm)]
    for start in range(0, len(metric_names), NAMES_A_CALL):
        names = metric_names[start : start + NAMES_A_CALL]
        quoted = ", ".join(f'"{name}"' for name in names)
        changes.append(Change("delete_alarms", {"AlarmNames": names}, f"delete the metric alarm{'s' if names[1:] else ''} {quoted}"))
    return changes


def _removal(doomed: t.Sequence[Alarm], accepted: t.Mapping[str, t.Container[str]]) -> Plan:
    before = {alarm["AlarmName"]: shown(_configuration(alarm, accepted)) for alarm in doomed}
    return Plan(tuple(_deletions(doomed)), before, {})


def plan_absent(names: t.Container[str], observed: t.Iterable[Alarm], accepted: t.Mapping[str, t.Container[str]]) -> Plan:
    """Delete those of `names` that exist."""
    return _removal([alarm for alarm in observed if alarm["AlarmName"] in names], accepted)


def plan_present(
    listed: t.Sequence[Alarm],
    observed: t.Iterable[Alarm],
    accepted: t.Mapping[str, t.Container[str]],
    purge_prefix: t.Optional[str] = None,
) -> Plan:
    """Make the listed alarms as listed, and delete the others whose names start with `purge_prefix`.

    accepted: the parameters that put_metric_alarm and put_composite_alarm take, by operation.
    """
    existing = {alarm["AlarmName"]: alarm for alarm in observed}
    names = {alarm["AlarmName"] for alarm in listed}
    composites, cycle = ordered(alarm for alarm in listed if _is_composite(alarm))
    if cycle:
        raise ValueError("composite alarms refer to each other in a cycle")  # refused with the input
    doomed = [alarm for name, alarm in existing.items() if purge_prefix and name.startswith(purge_prefix) and name not in names]
    removal = _removal(doomed, accepted)
    changes, before, after = [], dict(removal.before), {}
    for alarm in [*(alarm for alarm in listed if not _is_composite(alarm)), *composites]:
        name = alarm["AlarmName"]
        if name not in existing:
            changes.append(Change(_put(alarm), alarm, f'create the {_kind(alarm)} "{name}"'))
            after[name] = shown(alarm)
            continue
        there = _configuration(existing[name], accepted)
        wanted = _updated(alarm, there)
        old, new = canonical(there), canonical(wanted)
        if old != new:
            before[name], after[name] = shown(there), shown(wanted)
            altered = sorted(key for key in before[name].keys() | after[name].keys() if before[name].get(key) != after[name].get(key))
            changes.append(Change(_put(alarm), wanted, f'update the {_kind(alarm)} "{name}": {", ".join(altered)}'))
    return Plan((*changes, *removal.changes), before, after)
