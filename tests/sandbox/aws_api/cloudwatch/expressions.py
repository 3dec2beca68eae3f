# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS takes for the Metrics of an alarm, and the statistics and actions of any.

Texts without a source are unverified.
"""

from __future__ import annotations

import re
import typing as t

from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError

Parameters = dict[str, t.Any]
PLAIN_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
STRINGS = re.compile(r"'[^']*'|\"[^\"]*\"")
NAMES = re.compile(r"(?<![\w.])([a-z][A-Za-z0-9_]*)\b(?!\s*\()")
BOUND = r"-?[0-9]+(?:\.[0-9]+)?%?"
TARGETS = {
    "sns": r"[0-9]{12}:[\w-]+(\.fifo)?",
    "lambda": r"[0-9]{12}:function:[\w-]+(:[\w$-]+)?",
    "ssm": r"[0-9]{12}:opsitem:[1-4](#CATEGORY=.+)?",
    "ssm-incidents": r"[0-9]{12}:response-?plan/.+",
    "aiops": r"[0-9]{12}:investigation-group:.+",
    "autoscaling": r"[0-9]{12}:scalingPolicy:.+",
    "automate": r"ec2:(stop|terminate|reboot|recover)",
    "swf": r"[0-9]{12}:action/actions/AWS_EC2\.InstanceId\.(Stop|Terminate|Reboot|Recover)/1\.0",
}


def check_statistic(text: str) -> None:
    if text in (*PLAIN_STATISTICS, "IQM"):
        return
    percentile = re.fullmatch(r"(?:p|tm|tc|ts|wm)([0-9]{1,3}(?:\.[0-9]{1,10})?)", text)
    if percentile and float(percentile[1]) <= 100:
        return
    bounds = re.fullmatch(rf"(?:PR|T[CMS]|WM)\(({BOUND})?:({BOUND})?\)", text)
    if not bounds or not any(bounds.groups()):
        raise InvalidParameterValue(f"The value {text} for parameter ExtendedStatistic is not supported.")
    given = [bound for bound in bounds.groups() if bound]
    if len({bound.endswith("%") for bound in given}) > 1 or any(bound.endswith("%") and not 0 <= float(bound[:-1]) <= 100 for bound in given):
        raise InvalidParameterValue(f"The value {text} for parameter ExtendedStatistic is not supported.")


def check_actions(alarm: Parameters, region: str, partition: str) -> None:
    composite, math = "AlarmRule" in alarm, bool(alarm.get("Metrics"))
    instance = any(dimension["Name"] == "InstanceId" for dimension in alarm.get("Dimensions", []))
    for state in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        for action in alarm.get(state, []):
            parts = action.split(":", 4)
            if len(parts) < 5 or parts[0] != "arn" or not re.fullmatch(TARGETS.get(parts[2], "(?!)"), parts[4], re.DOTALL):
                raise ValidationError(f"Invalid arn syntax: {action}")
            service = parts[2]
            if parts[1] != partition:
                raise ValidationError(f"Invalid partition {parts[1]} specified. Only {partition} is supported.")
            if service != "ssm-incidents" and parts[3] != region:
                raise ValidationError(f"Invalid region {parts[3]} specified. Only {region} is supported.")
            allowed = ("sns", "lambda", "ssm", "ssm-incidents", "aiops") if state == "AlarmActions" else ("sns", "lambda")
            if composite and service not in allowed:
                raise ValidationError(f"Invalid use of {service} action in a composite alarm")
            if service in ("automate", "swf") and (math or not instance) and not composite:
                raise ValidationError("Invalid use of EC2 action: the alarm must watch a metric of one instance")
            if service == "autoscaling" and "ThresholdMetricId" in alarm:
                raise ValidationError("Alarms based on anomaly detection models cannot have Auto Scaling actions.")


def _insights(query: Parameters) -> bool:
    return query.get("Expression", "").lstrip().upper().startswith("SELECT ")


def _names(query: Parameters) -> set[str]:
    if "Expression" not in query or _insights(query):
        return set()
    return set(NAMES.findall(STRINGS.sub("0", query["Expression"]))) - {"and", "or", "not"}


def check_expressions(alarm: Parameters) -> None:
    queries = {query["Id"]: query for query in alarm["Metrics"]}
    for name, query in queries.items():
        if "AccountId" in query and not re.fullmatch("[0-9]{12}", query["AccountId"]):
            raise ValidationError(f"AccountId {query['AccountId']} is not valid.")
        text = STRINGS.sub("0", query.get("Expression", "")).upper()
        if re.search(r"\bSEARCH\s*\(", text):
            raise ValidationError("SEARCH is not supported on Metric Alarms")
        if _insights(query):
            if "Period" not in query:
                raise ValidationError("Period must not be null")
            if "GROUP BY" in " ".join(text.split()) and "ORDER BY" not in " ".join(text.split()):
                raise ValidationError("A query with GROUP BY must have ORDER BY to be used in an alarm.")
        unknown = sorted(_names(query) - queries.keys())
        if unknown:
            raise ValidationError(f"Invalid metrics list: {', '.join(unknown)} of expression {name} not in list.")
    _check_circles(queries)
    periods = {query["MetricStat"]["Period"] for query in queries.values() if "MetricStat" in query}
    if len(periods) > 1:
        raise ValidationError("Metrics list contains metrics with different periods.")
    for name, query in queries.items():
        if query.get("ReturnData", True) and name != alarm.get("ThresholdMetricId"):
            period = _period(name, queries)
            if not period:
                raise ValidationError("Period must not be null")
            check_look_back(period, alarm["EvaluationPeriods"])


def _check_circles(queries: dict[str, Parameters]) -> None:
    waiting = {name: _names(query) for name, query in queries.items()}
    while True:
        ready = [name for name, needed in waiting.items() if not needed & waiting.keys()]
        if not ready:
            break
        for name in ready:
            del waiting[name]
    if waiting:
        raise ValidationError(f"Invalid metrics list: circular reference of {', '.join(sorted(waiting))}.")


def _period(name: str, queries: dict[str, Parameters]) -> int:
    query = queries[name]
    own = query.get("Period") or query.get("MetricStat", {}).get("Period")
    return own or max((_period(other, queries) for other in _names(query)), default=0)


def check_look_back(period: int, periods: int) -> None:
    if period * periods > (86400 if period < 3600 else 604800):
        raise ValidationError("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or a week from 3600 on.")
