# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of alarms and of metrics: their argument specs, and what a metric, a statistic and a period may be."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._problems import Options, Problems, edge_problems, length_problems, quoted, required_problems

METRIC_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits")
UNITS = ("Seconds", "Microseconds", "Milliseconds", *_SIZES, "Percent", "Count", *(f"{size}/Second" for size in _SIZES), "Count/Second", "None")

_PERCENTILE = re.compile(r"(p|tm|tc|ts|wm)(\d{1,3}(?:\.\d{1,10})?)", re.ASCII)
_RANGE = re.compile(r"(PR|TC|TM|TS|WM)\(([^():]*):([^():]*)\)")
_BOUND = re.compile(r"(-?\d+(?:\.\d+)?)(%?)", re.ASCII)

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

METRIC_OPTIONS: dict[str, t.Any] = dict(
    namespace=dict(type="str"),
    metric_name=dict(type="str"),
    dimensions=dict(type="dict"),
    statistic=dict(type="str", default="Sum"),
)


def metric_problems(where: str, metric: Options) -> Problems:
    """A metric's name, namespace and dimensions, which single metrics and those of metric math share."""
    for option in ("metric_name", "namespace"):
        yield from required_problems(metric, (option,), where)
        yield from length_problems(f"{option}{where}", metric.get(option), 255)
        yield from edge_problems(f"{option}{where}", metric.get(option))
    if metric.get("namespace", "").startswith(":"):
        yield f'namespace "{metric["namespace"]}"{where} begins with a colon: remove it.'
    dimensions = metric.get("dimensions") or []
    if len(dimensions) > 30:
        yield f"dimensions{where} has {len(dimensions)} entries: AWS takes 30."
    names = [dimension.get("name") for dimension in dimensions]
    repeated = {str(name) for name in names if names.count(name) > 1}
    if repeated:
        yield f"dimensions{where} names {quoted(sorted(repeated))} more than once: keep one of each."
    for dimension in dimensions:
        for option, most in (("name", 255), ("value", 1024)):
            yield from length_problems(f"the {option} of a dimension{where}", dimension.get(option) or "", most)
        if (dimension.get("name") or "").startswith(":"):
            yield f'the name of a dimension{where} "{dimension["name"]}" begins with a colon: remove it.'


def period_problems(option: str, period: t.Optional[int]) -> Problems:
    if period is not None and period not in (10, 20, 30) and (period < 60 or period % 60):
        yield f"{option} is {period}: use 10, 20, 30 or a multiple of 60."


def is_extended_statistic(text: str) -> bool:
    """p0 to p100, tm90, IQM, PR(n:m), or a range such as TM(10%:90%), TC(:0.5) and WM(150:1000)."""
    percentile = _PERCENTILE.fullmatch(text)
    if percentile:
        return float(percentile[2]) <= 100
    found = _RANGE.fullmatch(text)
    if not found:
        return text == "IQM"
    bounds = [_BOUND.fullmatch(bound) for bound in found.groups()[1:] if bound]
    if not bounds or not all(bounds):
        return False
    signs = {bound[2] for bound in bounds if bound}
    numbers = [float(bound[1]) for bound in bounds if bound]
    if len(signs) > 1 or ("%" in signs and (found[1] == "PR" or not all(0 <= number <= 100 for number in numbers))):
        return False
    return len(numbers) < 2 or numbers[0] < numbers[1]
