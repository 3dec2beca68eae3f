# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch alarms: from what is listed and what is there to the fewest calls, in an order that AWS takes.

Alarms are the API's own mappings here: `to_api` makes them of the module's snake_case options.
"""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict, snake_dict_to_camel_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.rule import (
    RuleError,
    account_of,
    all_that_may_be_references,
    elsewhere,
    name_of,
    parse,
)
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

# The kinds of alarms as the API calls them, and as messages do.
METRIC, COMPOSITE, LOG = "MetricAlarm", "CompositeAlarm", "LogAlarm"
LISTED = (METRIC, COMPOSITE)
KINDS = {METRIC: "metric alarm", COMPOSITE: "composite alarm", LOG: "log alarm"}
_PUTS = {METRIC: "put_metric_alarm", COMPOSITE: "put_composite_alarm", LOG: "put_log_alarm"}

# Alarms that were described have their kind beside the API's fields, as an answer may lack the field that would tell it.
KIND = "AlarmType"

Alarm = t.Mapping[str, t.Any]
# The parameters that the put calls take, by operation.
Accepted = t.Mapping[str, t.Container[str]]


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


def kind_of(alarm: Alarm) -> str:
    if KIND in alarm:
        return alarm[KIND]
    return COMPOSITE if "AlarmRule" in alarm else LOG if "ScheduledQueryConfiguration" in alarm else METRIC


def _is_composite(alarm: Alarm) -> bool:
    return kind_of(alarm) == COMPOSITE


def kind_in_words(alarm: Alarm) -> str:
    """Also of a kind that came later than this: AWS's own name in small letters, as in "log alarm"."""
    kind = kind_of(alarm)
    return KINDS.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _references_as_written(alarm: Alarm) -> set[str]:
    rule = alarm.get("AlarmRule", "")
    try:
        written = set(parse(rule).references) if rule else set()
    except RuleError:
        # Of somebody else's making, in words that are not known here: rather too many than too few.
        written = all_that_may_be_references(rule)
    return written | {alarm.get("ActionsSuppressor", "")} - {""}


def references(alarm: Alarm) -> set[str]:
    """The names of the alarms that this one stands on, which can neither come after it nor go before it."""
    return {name_of(reference) for reference in _references_as_written(alarm)}


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
    dimensions = sorted(metric.get("Dimensions", []), key=lambda dimension: (dimension.get("Name", ""), dimension.get("Value", "")))
    return {**metric, "Dimensions": dimensions}


def _canonical_query(query: Alarm) -> dict[str, t.Any]:
    canonical = {"ReturnData": True, **query}
    if "MetricStat" in query:
        canonical["MetricStat"] = {**query["MetricStat"], "Metric": _canonical_metric(query["MetricStat"].get("Metric", {}))}
    return canonical


def canonical(alarm: Alarm) -> dict[str, t.Any]:
    """The same for all that mean the same: defaults spelt out, lists whose order says nothing sorted."""
    result = {"ActionsEnabled": True, "AlarmDescription": "", **alarm}
    for actions in ACTIONS:
        result[actions] = sorted(set(alarm.get(actions, [])))
    if _is_composite(alarm):
        if "ActionsSuppressor" in alarm:
            result["ActionsSuppressor"] = name_of(alarm["ActionsSuppressor"])
        return result
    if kind_of(alarm) != METRIC:
        return result
    result.setdefault("TreatMissingData", "missing")
    result.setdefault("EvaluateLowSampleCountPercentile", "evaluate")
    if "EvaluationPeriods" in alarm:
        result.setdefault("DatapointsToAlarm", alarm["EvaluationPeriods"])
    metrics = result.pop("Metrics", None)
    if metrics:
        result["Metrics"] = sorted(map(_canonical_query, metrics), key=lambda query: query.get("Id", ""))
    return _canonical_metric(result)


def shown(alarm: Alarm) -> dict[str, t.Any]:
    """An alarm as the diff has it: the option names, and its tags as a mapping."""
    result = canonical(alarm)
    tags = {tag["Key"]: tag.get("Value", "") for tag in result.pop("Tags", [])}
    return {**camel_dict_to_snake_dict(result), **({"tags": tags} if tags else {})}


def _configuration(alarm: Alarm, accepted: Accepted) -> dict[str, t.Any]:
    """What of a described alarm its put call takes: not its state, its dates and its ARN."""
    members = accepted.get(_put(alarm), ())
    found = {key: value for key, value in alarm.items() if key in members}
    return {"AlarmRule": "", **found} if _is_composite(alarm) else found


def _put(alarm: Alarm) -> str:
    return _PUTS.get(kind_of(alarm), "")


def _updated(listed: Alarm, existing: Alarm) -> dict[str, t.Any]:
    """`listed` with all that options cannot say taken from `existing`, since a put call replaces the whole alarm.

    So is whether its actions run, unless that is listed: they are switched off for the time of an incident, and no listing knows of it.
    """
    result = {key: value for key, value in existing.items() if (key not in KNOWN and key not in REPLACED) or key == "ActionsEnabled"}
    result.update((key, value) for key, value in listed.items() if key != "Tags")
    queries = {query.get("Id"): query for query in existing.get("Metrics", [])}
    if "Metrics" in listed:
        result["Metrics"] = [
            {**{key: value for key, value in queries.get(query["Id"], {}).items() if key not in KNOWN_OF_QUERY}, **query}
            for query in listed["Metrics"]
        ]
    return result


def muted(listed: t.Iterable[Alarm], observed: t.Iterable[Alarm]) -> list[str]:
    """Names of the listed alarms whose actions do not run, by the listing or because somebody switched them off."""
    there = {alarm["AlarmName"]: alarm.get("ActionsEnabled", True) for alarm in observed}
    return sorted(alarm["AlarmName"] for alarm in listed if not alarm.get("ActionsEnabled", there.get(alarm["AlarmName"], True)))


def _quoted(names: t.Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


def conflicts(listed: t.Iterable[Alarm], observed: t.Iterable[Alarm], purge_prefix: t.Optional[str] = None) -> list[str]:
    """What stands against the listed alarms in the account, as sentences that name the way out."""
    listed = list(listed)
    existing = {alarm["AlarmName"]: alarm for alarm in observed}
    own = {alarm["AlarmName"] for alarm in listed}
    doomed = {alarm["AlarmName"] for alarm in purged(own, existing.values(), purge_prefix)}
    account = next(filter(None, (account_of(alarm.get("AlarmArn", "")) for alarm in existing.values())), None)
    problems = []
    for alarm in listed:
        name = alarm["AlarmName"]
        if name in existing and kind_of(existing[name]) != kind_of(alarm):
            problems.append(
                f'"{name}" is listed as a {kind_in_words(alarm)} but exists as a {kind_in_words(existing[name])}:'
                " remove that one first (state: absent), or choose another name."
            )
        foreign = {written for written in _references_as_written(alarm) if elsewhere(written, None, account)}
        problems += [
            f'"{name}" refers to "{written}" {elsewhere(written, None, account)}: a composite alarm stands on alarms of its own account; name one of those.'
            for written in sorted(foreign)
        ]
        missing = references(alarm) - existing.keys() - own - set(map(name_of, foreign))
        if missing:
            problems.append(f'"{name}" refers to {_quoted(missing)}, which neither exists nor is listed: list it, or mend the reference.')
        if references(alarm) & doomed:
            problems.append(
                f'"{name}" refers to {_quoted(references(alarm) & doomed)}, which the purge of "{purge_prefix}" removes: list it, or remove the reference.'
            )
    return problems


def purged(listed: t.Container[str], observed: t.Iterable[Alarm], purge_prefix: t.Optional[str]) -> list[Alarm]:
    """The alarms that a purge removes; of a kind that cannot be listed, it removes none."""
    return [
        alarm for alarm in observed
        if purge_prefix and alarm["AlarmName"].startswith(purge_prefix) and alarm["AlarmName"] not in listed and kind_of(alarm) in LISTED
    ]


def parents_that_stay(doomed: t.Collection[str], listed: t.Iterable[Alarm], composites: t.Iterable[Alarm], purging: bool) -> list[str]:
    """What composite alarms stand on alarms that are to be deleted and stay themselves, as sentences: AWS deletes none of those.

    composites: all of the region; what is listed counts instead of what exists, as it is written first.
    """
    written = {alarm["AlarmName"]: alarm for alarm in listed}
    problems = []
    for parent in composites:
        name = parent["AlarmName"]
        children = references(written.get(name, parent)) & set(doomed)
        if children and name not in doomed:
            way_out = f"list {_quoted(children)} to keep" if purging else "list that one too"
            problems.append(
                f'{_quoted(children)} cannot be deleted, as the composite alarm "{name}" stands on it: {way_out}, '
                f'or first take the reference out of alarm_rule or actions_suppressor of "{name}".'
            )
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
    changes += [deletion(kind_in_words(alarm), [alarm["AlarmName"]]) for alarm in [*cycle, *reversed(children_first)]]
    # AWS deletes log alarms one by one, too.
    changes += [deletion(kind_in_words(alarm), [alarm["AlarmName"]]) for alarm in doomed if kind_of(alarm) not in LISTED]
    metric_names = [alarm["AlarmName"] for alarm in doomed if kind_of(alarm) == METRIC]
    for start in range(0, len(metric_names), NAMES_A_CALL):
        changes.append(deletion(KINDS[METRIC], metric_names[start : start + NAMES_A_CALL]))
    return changes


def deletion(kind: str, names: t.Sequence[str]) -> Change:
    quoted = ", ".join(f'"{name}"' for name in names)
    return Change("delete_alarms", {"AlarmNames": list(names)}, f"delete the {kind}{'s' if names[1:] else ''} {quoted}")


def _removal(doomed: t.Sequence[Alarm], accepted: Accepted) -> Plan:
    before = {alarm["AlarmName"]: shown(_configuration(alarm, accepted)) for alarm in doomed}
    return Plan(tuple(_deletions(doomed)), before, {})


def plan_absent(names: t.Container[str], observed: t.Iterable[Alarm], accepted: Accepted) -> Plan:
    """Delete those of `names` that exist."""
    return _removal([alarm for alarm in observed if alarm["AlarmName"] in names], accepted)


def plan_present(
    listed: t.Sequence[Alarm],
    observed: t.Iterable[Alarm],
    accepted: Accepted,
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
    removal = _removal(purged(names, existing.values(), purge_prefix), accepted)
    changes, before, after = [], dict(removal.before), {}
    for alarm in [*(alarm for alarm in listed if not _is_composite(alarm)), *composites]:
        name = alarm["AlarmName"]
        if name not in existing:
            changes.append(Change(_put(alarm), alarm, f'create the {kind_in_words(alarm)} "{name}"'))
            after[name] = shown(alarm)
            continue
        there = _configuration(existing[name], accepted)
        wanted = _updated(alarm, there)
        old, new = canonical(there), canonical(wanted)
        if old != new:
            before[name], after[name] = shown(there), shown(wanted)
            altered = sorted(key for key in before[name].keys() | after[name].keys() if before[name].get(key) != after[name].get(key))
            silent = " (its actions are off and stay so)" if wanted.get("ActionsEnabled") is False and "actions_enabled" not in altered else ""
            changes.append(Change(_put(alarm), wanted, f'update the {kind_in_words(alarm)} "{name}": {", ".join(altered)}{silent}'))
    return Plan((*changes, *removal.changes), before, after)
