# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of cloudwatch_alarms' `alarms`: their argument spec, and all that AWS would reject about them."""

from __future__ import annotations

import math
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import ordered, references, to_api

METRIC_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
THRESHOLD_OPERATORS = ("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold")
BAND_OPERATORS = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits")
UNITS = ("Seconds", "Microseconds", "Milliseconds", *_SIZES, "Percent", "Count", *(f"{size}/Second" for size in _SIZES), "Count/Second", "None")
_EXTENDED = re.compile(r"(p|tm|tc|ts|wm)\d{1,3}(\.\d+)?|IQM|(PR|TC|TM|TS|WM)\([^():]*:[^():]*\)")
_DAY, _WEEK = 86400, 604800

_DIMENSIONS = dict(type="list", elements="dict", options=dict(name=dict(type="str"), value=dict(type="str")))
_ACTIONS = dict(type="list", elements="str")
ALARM_OPTIONS: dict[str, t.Any] = dict(
    alarm_name=dict(type="str", required=True),
    alarm_description=dict(type="str"),
    actions_enabled=dict(type="bool"),
    ok_actions=_ACTIONS,
    alarm_actions=_ACTIONS,
    insufficient_data_actions=_ACTIONS,
    tags=dict(type="dict"),
    metric_name=dict(type="str"),
    namespace=dict(type="str"),
    statistic=dict(type="str"),
    extended_statistic=dict(type="str"),
    dimensions=_DIMENSIONS,
    period=dict(type="int"),
    unit=dict(type="str"),
    metrics=dict(
        type="list",
        elements="dict",
        options=dict(
            id=dict(type="str"),
            metric_stat=dict(
                type="dict",
                options=dict(
                    metric=dict(
                        type="dict",
                        options=dict(namespace=dict(type="str"), metric_name=dict(type="str"), dimensions=_DIMENSIONS),
                    ),
                    period=dict(type="int"),
                    stat=dict(type="str"),
                    unit=dict(type="str"),
                ),
            ),
            expression=dict(type="str"),
            label=dict(type="str"),
            return_data=dict(type="bool"),
            period=dict(type="int"),
            account_id=dict(type="str"),
        ),
    ),
    evaluation_periods=dict(type="int"),
    datapoints_to_alarm=dict(type="int"),
    threshold=dict(type="float"),
    threshold_metric_id=dict(type="str"),
    comparison_operator=dict(type="str"),
    treat_missing_data=dict(type="str"),
    evaluate_low_sample_count_percentile=dict(type="str"),
    alarm_rule=dict(type="str"),
    actions_suppressor=dict(type="str"),
    actions_suppressor_wait_period=dict(type="int"),
    actions_suppressor_extension_period=dict(type="int"),
)

_OF_ALL = ("alarm_name", "alarm_description", "actions_enabled", "ok_actions", "alarm_actions", "insufficient_data_actions", "tags")
_OF_COMPOSITES = ("alarm_rule", "actions_suppressor", "actions_suppressor_wait_period", "actions_suppressor_extension_period")
_OF_ONE_METRIC = ("metric_name", "namespace", "dimensions", "period", "unit", "statistic", "extended_statistic")

Options = t.Mapping[str, t.Any]
Problems = t.Iterator[str]


def name_problems(alarms: t.Sequence[Options]) -> list[str]:
    """What is wrong with the names of `alarms`, which is all that counts for removing them."""
    problems = []
    seen: dict[str, int] = {}
    for position, alarm in enumerate(alarms):
        name = alarm["alarm_name"]
        if not 1 <= len(name) <= 255:
            problems.append(f'alarms[{position}] "{name[:40]}{"..." * (len(name) > 40)}": alarm_name has {len(name)} characters: use 1 to 255.')
        if re.search(r"[\x00-\x1f\x7f]", name):
            problems.append(f"alarms[{position}] {name!r}: alarm_name has control characters: remove them.")
        if name in seen:
            problems.append(f'alarms[{position}] "{name}" is listed already as alarms[{seen[name]}]: remove one of them, or give it another name.')
        seen.setdefault(name, position)
    return problems


def alarm_problems(alarms: t.Sequence[Options], purge_prefix: t.Optional[str] = None) -> list[str]:
    """All that AWS would reject of `alarms`, as sentences that name the alarm and the way out."""
    problems = name_problems(alarms)
    for position, alarm in enumerate(alarms):
        given = {name: value for name, value in alarm.items() if value is not None and value != []}
        problems += [f'alarms[{position}] "{alarm["alarm_name"][:255]}": {problem}' for problem in _problems(given)]
    composites = [to_api(alarm) for alarm in alarms if alarm.get("alarm_rule")]
    cycle = ordered(composites)[1]
    if cycle and not any(alarm["AlarmName"] in references(alarm) for alarm in cycle):
        names = _quoted(alarm["AlarmName"] for alarm in cycle)
        problems.append(f"The references of {names} lead into a cycle, which AWS does not evaluate: remove one of them.")
    if purge_prefix:
        names = {alarm["alarm_name"] for alarm in alarms}
        for composite in composites:
            unlisted = sorted(name for name in references(composite) - names if name.startswith(purge_prefix))
            if unlisted:
                problems.append(
                    f'"{composite["AlarmName"]}" refers to {_quoted(unlisted)}, which the purge of "{purge_prefix}" removes: list it, or remove the reference.'
                )
    return problems


def _quoted(words: t.Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def choice_problems(option: str, value: t.Any, choices: t.Sequence[str]) -> Problems:
    if value is not None and value not in choices:
        yield f'{option} "{value}" is unknown: use {" or ".join([", ".join(choices[:-1]), choices[-1]])}.'


def _length(option: str, value: t.Optional[str], most: int, least: int = 1) -> Problems:
    if value is not None and not least <= len(value) <= most:
        yield f"{option} has {len(value)} characters: use {least} to {most}."


def _required(given: Options, options: t.Iterable[str], why: str = "") -> Problems:
    for option in options:
        if option not in given:
            yield f"{option} is missing{why}: add it."


def _unwanted(given: Options, options: t.Iterable[str], why: str) -> Problems:
    found = [option for option in options if option in given]
    if found:
        yield f"{', '.join(found)} {'do' if found[1:] else 'does'} not go with {why}: remove {'them' if found[1:] else 'it'}."


def _problems(given: Options) -> Problems:
    yield from _length("alarm_description", given.get("alarm_description"), 1024, 0)
    for option in ("ok_actions", "alarm_actions", "insufficient_data_actions"):
        if len(given.get(option, [])) > 5:
            yield f"{option} has {len(given[option])} entries: AWS takes 5."
        for action in given.get(option, []):
            if not action.startswith("arn:"):
                yield f'{option} has "{action[:80]}", which is no ARN: give the ARN of the topic or of another target.'
            yield from _length(f"an entry of {option}", action, 1024)
    yield from _tag_problems(given.get("tags", {}))
    kinds = [option for option in ("metric_name", "metrics", "alarm_rule") if option in given]
    if len(kinds) != 1:
        yield (
            f"it has {' and '.join(kinds) or 'neither metric_name nor metrics nor alarm_rule'}:"
            " give exactly one, metric_name for one metric, metrics for metric math or an anomaly band, alarm_rule for a composite alarm."
        )
    elif kinds == ["alarm_rule"]:
        yield from _composite_problems(given)
    else:
        yield from _metric_alarm_problems(given)


def _tag_problems(tags: t.Mapping[str, t.Any]) -> Problems:
    if len(tags) > 50:
        yield f"tags has {len(tags)} entries: AWS takes 50."
    for key, value in tags.items():
        yield from _length("a key of tags", str(key), 128)
        yield from _length(f'the tag "{str(key)[:128]}"', str(value), 256, 0)
        if str(key).lower().startswith("aws:"):
            yield f'the tag "{key}" begins with aws:, which is reserved: choose another key.'


def _composite_problems(given: Options) -> Problems:
    alarm = to_api(given)
    yield from _length("alarm_rule", alarm["AlarmRule"], 10240)
    yield from _unwanted(given, (option for option in ALARM_OPTIONS if option not in (*_OF_ALL, *_OF_COMPOSITES)), "alarm_rule")
    if alarm["AlarmName"] in references(alarm):
        yield "it refers to itself: remove that reference."
    if len(references(alarm)) > 100:
        yield f"it refers to {len(references(alarm))} alarms: AWS takes 100; group them under further composite alarms."
    periods = ("actions_suppressor_wait_period", "actions_suppressor_extension_period")
    if "actions_suppressor" in given:
        yield from _required(given, periods, " beside actions_suppressor")
    else:
        for option in periods:
            if option in given:
                yield f"{option} needs actions_suppressor: add that, or remove this."


def _metric_alarm_problems(given: Options) -> Problems:
    yield from _unwanted(given, _OF_COMPOSITES, "a metric alarm")
    yield from _required(given, ("evaluation_periods", "comparison_operator"))
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
        yield from _unwanted(given, _OF_ONE_METRIC[1:], "metrics, whose entries have their own")
        yield from _math_problems(given)
        return
    yield from metric_problems("", given)
    yield from _required(given, ("period",))
    yield from _period_problems("period", given.get("period"))
    period = given.get("period", 60)
    most = _DAY if period < 3600 else _WEEK
    if period * evaluation_periods > most:
        yield f"period times evaluation_periods is {period * evaluation_periods} seconds: AWS looks back at most {most} at this period; lower one of them."
    statistics = [option for option in ("statistic", "extended_statistic") if option in given]
    if len(statistics) != 1:
        yield f"it has {' and '.join(statistics) or 'neither statistic nor extended_statistic'}: give exactly one."
    yield from choice_problems("statistic", given.get("statistic"), METRIC_STATISTICS)
    if not _EXTENDED.fullmatch(given.get("extended_statistic", "p90")):
        yield f'extended_statistic "{given["extended_statistic"]}" is unknown: use such as p99, p99.9, tm90, IQM or PR(:300).'
    yield from choice_problems("unit", given.get("unit"), UNITS)


def _limit_problems(given: Options) -> Problems:
    """A number to compare with, or the band that is its stead."""
    banded = given.get("comparison_operator") in BAND_OPERATORS
    if "threshold_metric_id" in given:
        if not banded and given.get("comparison_operator") in THRESHOLD_OPERATORS:
            yield f"comparison_operator {given['comparison_operator']} compares with a number, not with a band: use {' or '.join(BAND_OPERATORS)}."
        yield from _unwanted(given, ("threshold",), "threshold_metric_id")
        bands = [query.get("id") for query in given.get("metrics", []) if _is_band(query)]
        if given["threshold_metric_id"] not in bands:
            yield f'threshold_metric_id "{given["threshold_metric_id"]}" is the id of no ANOMALY_DETECTION_BAND expression in metrics: name one.'
    elif banded:
        yield f"comparison_operator {given['comparison_operator']} needs a band: set threshold_metric_id to the id of an ANOMALY_DETECTION_BAND expression."
    elif "threshold" not in given:
        yield "threshold is missing: add it, or threshold_metric_id for an anomaly band."
    elif not math.isfinite(given["threshold"]):
        yield f"threshold is {given['threshold']}: use a finite number."


def _is_band(query: Options) -> bool:
    return (query.get("expression") or "").lstrip().upper().startswith("ANOMALY_DETECTION_BAND")


def metric_problems(where: str, metric: Options) -> Problems:
    """A metric's name, namespace and dimensions, which single metrics and those of metric math share."""
    for option in ("metric_name", "namespace"):
        yield from _required(metric, (option,), where)
        yield from _length(f"{option}{where}", metric.get(option), 255)
    if metric.get("namespace", "").startswith(":"):
        yield f'namespace "{metric["namespace"]}"{where} begins with a colon: remove it.'
    dimensions = metric.get("dimensions") or []
    if len(dimensions) > 30:
        yield f"dimensions{where} has {len(dimensions)} entries: AWS takes 30."
    names = [dimension.get("name") for dimension in dimensions]
    repeated = {str(name) for name in names if names.count(name) > 1}
    if repeated:
        yield f"dimensions{where} names {_quoted(sorted(repeated))} more than once: keep one of each."
    for dimension in dimensions:
        for option, most in (("name", 255), ("value", 1024)):
            yield from _length(f"the {option} of a dimension{where}", dimension.get(option) or "", most)


def _period_problems(option: str, period: t.Optional[int]) -> Problems:
    if period is not None and period not in (10, 20, 30) and (period < 60 or period % 60):
        yield f"{option} is {period}: use 10, 20, 30 or a multiple of 60."


def _math_problems(given: Options) -> Problems:
    queries = [{option: value for option, value in query.items() if value is not None} for query in given["metrics"]]
    ids = [query.get("id", "") for query in queries]
    for kind in ("metric_stat", "expression"):
        count = sum(kind in query for query in queries)
        if count > 10:
            yield f"metrics has {count} entries with {kind}: AWS takes 10."
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        yield f"metrics has the id {_quoted(repeated)} more than once: give each entry its own."
    for name, query in zip(ids, queries):
        yield from (f'metrics "{name}": {problem}' for problem in _query_problems(query))
    banded = "threshold_metric_id" in given
    watched = [
        name for name, query in zip(ids, queries) if query.get("return_data", True) and not (banded and name == given["threshold_metric_id"])
    ]
    if len(watched) != 1:
        yield f"metrics returns data of {_quoted(watched) or 'no entry'}: return_data must be true for the one that is watched, and false for all others."
    if banded and any(name == given["threshold_metric_id"] and not query.get("return_data", True) for name, query in zip(ids, queries)):
        yield f'metrics "{given["threshold_metric_id"]}": a band has to return data: leave return_data out.'


def _query_problems(query: Options) -> Problems:
    if not re.fullmatch(r"[a-z][A-Za-z0-9_]{0,254}", query.get("id", "")):
        yield "id is missing or malformed: begin with a lowercase letter, go on with letters, digits and underscores, 255 characters at most."
    kinds = [kind for kind in ("metric_stat", "expression") if kind in query]
    if len(kinds) != 1:
        yield f"it has {' and '.join(kinds) or 'neither metric_stat nor expression'}: give exactly one."
    yield from _length("expression", query.get("expression"), 2048)
    yield from _period_problems("period", query.get("period"))
    if "metric_stat" in query:
        stat = {option: value for option, value in query["metric_stat"].items() if value is not None}
        yield from _required(stat, ("metric", "period", "stat"), " in metric_stat")
        yield from _period_problems("metric_stat.period", stat.get("period"))
        if stat.get("stat", "Sum") not in METRIC_STATISTICS and not _EXTENDED.fullmatch(stat["stat"]):
            yield f'metric_stat.stat "{stat["stat"]}" is unknown: use {", ".join(METRIC_STATISTICS)} or such as p99.'
        yield from choice_problems("metric_stat.unit", stat.get("unit"), UNITS)
        metric = {option: value for option, value in stat.get("metric", {}).items() if value is not None}
        yield from metric_problems(" of metric_stat", metric)
