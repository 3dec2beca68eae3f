# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS would reject of the alarms that are listed, told before the first call."""

from __future__ import annotations

import math
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.actions import Place, action_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarm import ordered, references, to_api
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.math import is_band, math_problems, period_of, watched
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.options import (
    ALARM_OPTIONS,
    METRIC_STATISTICS,
    UNITS,
    is_extended_statistic,
    metric_problems,
    period_problems,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.rule import MOST_CHILDREN, MOST_ELEMENTS, RuleError, elsewhere, name_of, parse
from ansible_collections.huntaze.ai_system.plugins.module_utils._problems import (
    Options,
    Problems,
    choice_problems,
    edge_problems,
    length_problems,
    quoted,
    required_problems,
    typed_items,
    unwanted_problems,
)

THRESHOLD_OPERATORS = ("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold")
BAND_OPERATORS = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
_DAY, _WEEK = 86400, 604800

_OF_ALL = ("alarm_name", "alarm_description", "actions_enabled", "ok_actions", "alarm_actions", "insufficient_data_actions", "tags")
_OF_COMPOSITES = ("alarm_rule", "actions_suppressor", "actions_suppressor_wait_period", "actions_suppressor_extension_period")
_OF_ONE_METRIC = ("metric_name", "namespace", "dimensions", "period", "unit", "statistic", "extended_statistic")


def typed_alarms(alarms: t.Sequence[t.Any]) -> tuple[list[t.Optional[dict[str, t.Any]]], list[str]]:
    """The alarms with every option of the type that it has, and what is wrong with others, whose place None takes."""
    return typed_items("alarms", alarms, ALARM_OPTIONS, "alarm_name")


def problems(alarms: t.Sequence[t.Optional[Options]], place: Place, *, absent: bool = False, prefix: str = "", purge: bool = False) -> list[str]:
    """What is wrong with the options of cloudwatch_alarms. None stands for an alarm that was refused already."""
    found = name_problems(alarms) if absent else alarm_problems(alarms, place)
    found += edge_problems("prefix", prefix)
    if len(prefix) > 255:
        found.append(f"prefix has {len(prefix)} characters: use up to 255, as names have.")
    if purge and not prefix:
        found.append("purge needs a prefix, which must not be empty, or it would remove every alarm of the region: set prefix.")
    if purge and absent:
        found.append("purge does not go with state absent: to remove all alarms of a prefix, use state present with an empty list.")
    return found


def name_problems(alarms: t.Sequence[t.Optional[Options]]) -> list[str]:
    """What is wrong with the names of `alarms`, which is all that counts for removing them. None stands for one that was refused already."""
    found = []
    seen: dict[str, int] = {}
    for position, alarm in enumerate(alarms):
        if alarm is None:
            continue
        name = alarm["alarm_name"]
        if not 1 <= len(name) <= 255:
            found.append(f'alarms[{position}] "{name[:40]}{"..." * (len(name) > 40)}": alarm_name has {len(name)} characters: use 1 to 255.')
        if re.search(r"[\x00-\x1f\x7f]", name):
            found.append(f"alarms[{position}] {name!r}: alarm_name has control characters: remove them.")
        else:
            found += [f'alarms[{position}] "{name[:255]}": {problem}' for problem in edge_problems("alarm_name", name)]
        if name in seen:
            found.append(f'alarms[{position}] "{name}" is listed already as alarms[{seen[name]}]: remove one of them, or give it another name.')
        seen.setdefault(name, position)
    return found


def alarm_problems(alarms: t.Sequence[t.Optional[Options]], place: Place = Place()) -> list[str]:
    """All that AWS would reject of `alarms`, as sentences that name the alarm and the way out."""
    found = name_problems(alarms)
    for position, alarm in enumerate(alarms):
        if alarm is None:
            continue
        given = {name: value for name, value in alarm.items() if value is not None and value != []}
        found += [f'alarms[{position}] "{alarm["alarm_name"][:255]}": {problem}' for problem in _problems_of(given, place)]
    cycle = ordered(to_api(alarm) for alarm in alarms if alarm and alarm.get("alarm_rule"))[1]
    if cycle and not any(alarm["AlarmName"] in references(alarm) for alarm in cycle):
        names = quoted(alarm["AlarmName"] for alarm in cycle)
        found.append(f"The references of {names} lead into a cycle, which AWS does not evaluate: remove one of them.")
    return found


def _problems_of(given: Options, place: Place) -> Problems:
    yield from length_problems("alarm_description", given.get("alarm_description"), 1024, 0)
    yield from action_problems(given, place)
    yield from _tag_problems(given.get("tags", {}))
    kinds = [option for option in ("metric_name", "metrics", "alarm_rule") if option in given]
    if len(kinds) != 1:
        yield (
            f"it has {' and '.join(kinds) or 'neither metric_name nor metrics nor alarm_rule'}:"
            " give exactly one, metric_name for one metric, metrics for metric math or an anomaly band, alarm_rule for a composite alarm."
        )
    elif kinds == ["alarm_rule"]:
        yield from _composite_problems(given, place)
    else:
        yield from _metric_alarm_problems(given)


def _tag_problems(tags: t.Mapping[str, t.Any]) -> Problems:
    if len(tags) > 50:
        yield f"tags has {len(tags)} entries: AWS takes 50."
    for key, value in tags.items():
        if value is None or isinstance(value, (bool, dict, list)):
            yield f'the tag "{str(key)[:128]}" is no text: write its value in quotation marks.'
        yield from length_problems("a key of tags", str(key), 128)
        yield from length_problems(f'the tag "{str(key)[:128]}"', str(value), 256, 0)
        if str(key).lower().startswith("aws:"):
            yield f'the tag "{key}" begins with aws:, which is reserved: choose another key.'


def _composite_problems(given: Options, place: Place) -> Problems:
    alarm = to_api(given)
    yield from length_problems("alarm_rule", alarm["AlarmRule"], 10240)
    yield from unwanted_problems(given, (option for option in ALARM_OPTIONS if option not in (*_OF_ALL, *_OF_COMPOSITES)), "alarm_rule")
    if 1 <= len(alarm["AlarmRule"]) <= 10240:
        yield from _rule_problems(alarm["AlarmRule"], place)
    if alarm["AlarmName"] in references(alarm):
        yield "it refers to itself: remove that reference."
    yield from length_problems("actions_suppressor", given.get("actions_suppressor"), 1600)
    yield from _elsewhere_problems("actions_suppressor", [given.get("actions_suppressor", "")], place)
    periods = ("actions_suppressor_wait_period", "actions_suppressor_extension_period")
    for option in periods:
        if given.get(option, 0) < 0:
            yield f"{option} is {given[option]}: use 0 or more seconds."
    if "actions_suppressor" in given:
        yield from required_problems(given, periods, " beside actions_suppressor")
    else:
        for option in periods:
            if option in given:
                yield f"{option} needs actions_suppressor: add that, or remove this."


def _rule_problems(rule: str, place: Place) -> Problems:
    try:
        read = parse(rule)
    except RuleError as error:
        yield f"alarm_rule cannot be read: {error}. Mend it; words such as ALARM and AND are in capitals."
        return
    if read.elements > MOST_ELEMENTS:
        yield f"alarm_rule has {read.elements} elements: AWS takes {MOST_ELEMENTS}; group them under further composite alarms."
    children = {name_of(reference) for reference in read.references}
    if len(children) > MOST_CHILDREN:
        yield f"it refers to {len(children)} alarms: AWS takes {MOST_CHILDREN}; group them under further composite alarms."
    yield from _elsewhere_problems("alarm_rule", read.references, place)


def _elsewhere_problems(option: str, found: t.Iterable[str], place: Place) -> Problems:
    for reference in found:
        where = elsewhere(reference, place.region)
        if where:
            yield f'{option} refers to "{reference}" {where}: a composite alarm stands on alarms of its own region and account; name one of those.'


def _metric_alarm_problems(given: Options) -> Problems:
    yield from unwanted_problems(given, _OF_COMPOSITES, "a metric alarm")
    yield from required_problems(given, ("evaluation_periods", "comparison_operator"))
    evaluation_periods, datapoints = given.get("evaluation_periods", 1), given.get("datapoints_to_alarm", 1)
    if evaluation_periods < 1:
        yield f"evaluation_periods is {evaluation_periods}: use 1 or more."
    elif not 1 <= datapoints <= evaluation_periods:
        yield f"datapoints_to_alarm is {datapoints}: use 1 to evaluation_periods, which is {evaluation_periods}."
    yield from choice_problems("comparison_operator", given.get("comparison_operator"), (*THRESHOLD_OPERATORS, *BAND_OPERATORS))
    yield from choice_problems("treat_missing_data", given.get("treat_missing_data"), ("breaching", "notBreaching", "ignore", "missing"))
    yield from choice_problems("evaluate_low_sample_count_percentile", given.get("evaluate_low_sample_count_percentile"), ("evaluate", "ignore"))
    yield from _limit_problems(given)
    if "metrics" in given:
        yield from unwanted_problems(given, _OF_ONE_METRIC[1:], "metrics, whose entries have their own")
        yield from math_problems(given)
        by_id = {query.get("id"): query for query in given["metrics"]}
        period = max((period_of(name, by_id) or 0 for name in watched(given)), default=0)
    else:
        yield from _one_metric_problems(given)
        period = given.get("period", 0)
    most = _DAY if period < 3600 else _WEEK
    if period * evaluation_periods > most:
        yield f"period times evaluation_periods is {period * evaluation_periods} seconds: AWS looks back at most {most} at this period; lower one of them."


def _one_metric_problems(given: Options) -> Problems:
    yield from metric_problems("", given)
    yield from required_problems(given, ("period",))
    yield from period_problems("period", given.get("period"))
    statistics = [option for option in ("statistic", "extended_statistic") if option in given]
    if len(statistics) != 1:
        yield f"it has {' and '.join(statistics) or 'neither statistic nor extended_statistic'}: give exactly one."
    yield from choice_problems("statistic", given.get("statistic"), METRIC_STATISTICS)
    if not is_extended_statistic(given.get("extended_statistic", "p90")):
        yield f'extended_statistic "{given["extended_statistic"]}" is unknown: use such as p99, p99.9, tm90, IQM or PR(:300); p0 to p100.'
    yield from choice_problems("unit", given.get("unit"), UNITS)


def _limit_problems(given: Options) -> Problems:
    """A number to compare with, or the band that is its stead."""
    banded = given.get("comparison_operator") in BAND_OPERATORS
    if "threshold_metric_id" in given:
        if not banded and given.get("comparison_operator") in THRESHOLD_OPERATORS:
            yield f"comparison_operator {given['comparison_operator']} compares with a number, not with a band: use {' or '.join(BAND_OPERATORS)}."
        yield from unwanted_problems(given, ("threshold",), "threshold_metric_id")
        bands = [query.get("id") for query in given.get("metrics", []) if is_band(query)]
        if given["threshold_metric_id"] not in bands:
            yield f'threshold_metric_id "{given["threshold_metric_id"]}" is the id of no ANOMALY_DETECTION_BAND expression in metrics: name one.'
    elif banded:
        yield f"comparison_operator {given['comparison_operator']} needs a band: set threshold_metric_id to the id of an ANOMALY_DETECTION_BAND expression."
    elif "threshold" not in given:
        yield "threshold is missing: add it, or threshold_metric_id for an anomaly band."
    elif not math.isfinite(given["threshold"]):
        yield f"threshold is {given['threshold']}: use a finite number."
