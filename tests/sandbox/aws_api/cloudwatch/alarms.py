# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric, composite and log alarms, and what AWS takes for one."""

from __future__ import annotations

import math
import re
import typing as t

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.utils import make_arn_for_alarm
from moto.core.common_models import BaseModel
from moto.core.utils import utcnow

from .alarm_rule import AlarmRule
from .expressions import check_actions, check_expressions, check_look_back, check_statistic

BAND_OPERATORS = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
PLAIN_OPERATORS = ("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold")
OF_ONE_METRIC = ("Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
OF_A_THRESHOLD = ("Threshold", "ComparisonOperator", "ThresholdMetricId", "EvaluationPeriods", "DatapointsToAlarm")

Parameters = dict[str, t.Any]


class Alarm(BaseModel):
    """An alarm with its configuration just as it was put, so that no field of the API is lost."""

    rule: AlarmRule | None = None
    # Where DescribeAlarms answers it.
    answered_under: str

    def __init__(self, account_id: str, region_name: str, configuration: Parameters) -> None:
        self.name = configuration["AlarmName"]
        self.alarm_arn = make_arn_for_alarm(region_name, account_id, self.name)
        self.partition, self.region_name = self.alarm_arn.split(":")[1], region_name
        self.transitioned = utcnow()
        self.history: list[t.Any] = []
        self.configuration: Parameters = {}
        self.state: Parameters = {}
        self.configure(configuration)
        self.update_state("Unchecked: Initial alarm creation", None, "INSUFFICIENT_DATA")

    def configure(self, configuration: Parameters) -> None:
        """Replace everything but the state."""
        check_actions(configuration, self.region_name, self.partition)
        self.configuration = {key: value for key, value in configuration.items() if key != "Tags"}
        self.configuration_updated = utcnow()

    def update_state(self, reason: str, reason_data: str | None, state_value: str) -> None:
        if self.state.get("StateValue") != state_value:
            self.transitioned = utcnow()
        self.state = {"StateReason": reason, "StateValue": state_value, "StateUpdatedTimestamp": utcnow()}
        if reason_data:
            self.state["StateReasonData"] = reason_data

    @property
    def actions_enabled(self) -> bool:
        return self.configuration.get("ActionsEnabled", True)

    @actions_enabled.setter
    def actions_enabled(self, enabled: bool) -> None:
        self.configuration["ActionsEnabled"] = enabled

    @property
    def metric_name(self) -> str | None:
        return self.configuration.get("MetricName")

    @property
    def namespace(self) -> str | None:
        return self.configuration.get("Namespace")

    @property
    def actions(self) -> list[str]:
        return [action for state in ("OKActions", "AlarmActions", "InsufficientDataActions") for action in self.configuration.get(state, [])]

    def description(self) -> Parameters:
        return {
            "AlarmArn": self.alarm_arn,
            "AlarmConfigurationUpdatedTimestamp": self.configuration_updated,
            "StateTransitionedTimestamp": self.transitioned,
            "ActionsEnabled": True,
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            **self.state,
            **self.configuration,
        }


class MetricAlarm(Alarm):
    answered_under = "MetricAlarms"

    def configure(self, configuration: Parameters) -> None:
        check_metric_alarm(configuration)
        super().configure(configuration)

    def description(self) -> Parameters:
        return {"Dimensions": [], **super().description()}


class CompositeAlarm(Alarm):
    answered_under = "CompositeAlarms"
    rule: AlarmRule

    def configure(self, configuration: Parameters) -> None:
        self.rule = AlarmRule(configuration["AlarmRule"])
        suppressor = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
        if 0 < sum(key in configuration for key in suppressor) < 3:
            raise ValidationError("ActionsSuppressor, ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must be specified together.")
        super().configure(configuration)

    def own(self, reference: str) -> str:
        """The name that a reference leads to; an ARN of another region or account leads to none of here."""
        here = self.alarm_arn.removesuffix(self.name)
        return reference.removeprefix(here)

    def children(self) -> set[str]:
        return {self.own(child) for child in self.rule.children}

    def stands_on(self) -> set[str]:
        return self.children() | {self.own(self.configuration.get("ActionsSuppressor", ""))} - {""}


class LogAlarm(Alarm):
    answered_under = "LogAlarms"

    def configure(self, configuration: Parameters) -> None:
        if configuration["QueryResultsToAlarm"] > configuration["QueryResultsToEvaluate"]:
            raise ValidationError("QueryResultsToAlarm must be less than or equal to QueryResultsToEvaluate.")
        if configuration["ComparisonOperator"] not in PLAIN_OPERATORS:
            raise ValidationError("The comparison operator is not supported for log alarms.")
        if not math.isfinite(configuration["Threshold"]):
            raise ValidationError("Threshold must be a finite number.")
        super().configure(configuration)


def check_metric_alarm(alarm: Parameters) -> None:
    watched = [key for key in ("MetricName", "Metrics", "EvaluationCriteria") if alarm.get(key)]
    if len(watched) != 1:
        raise ValidationError("Exactly one of MetricName, Metrics and EvaluationCriteria must be specified.")
    criteria = watched == ["EvaluationCriteria"]
    if ("EvaluationInterval" in alarm) != criteria:
        raise ValidationError("EvaluationInterval is required with EvaluationCriteria and must not be specified without.")
    unwanted = {"MetricName": (), "Metrics": OF_ONE_METRIC, "EvaluationCriteria": (*OF_ONE_METRIC, *OF_A_THRESHOLD, "EvaluationWindow")}[watched[0]]
    names = [dimension["Name"] for dimension in alarm.get("Dimensions", [])]
    if len(set(names)) < len(names):
        raise ValidationError("Dimensions must not have the same name more than once.")
    for key in unwanted:
        if key in alarm:
            raise ValidationError(f"{watched[0]} and {key} are mutually exclusive and you have specified both.")
    if alarm.get("TreatMissingData", "missing") not in ("breaching", "notBreaching", "ignore", "missing"):
        raise ValidationError(f"Option {alarm['TreatMissingData']} is not supported for parameter TreatMissingData.")
    if alarm.get("EvaluateLowSampleCountPercentile", "evaluate") not in ("evaluate", "ignore"):
        raise ValidationError(
            f"Option {alarm['EvaluateLowSampleCountPercentile']} is not supported. "
            "Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."
        )
    if criteria:
        return
    _require(alarm, "EvaluationPeriods", "ComparisonOperator")
    if alarm.get("DatapointsToAlarm", 1) > alarm["EvaluationPeriods"]:
        raise ValidationError("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    _check_limit(alarm)
    if watched == ["Metrics"]:
        _check_metrics(alarm["Metrics"], alarm.get("ThresholdMetricId"))
        check_expressions(alarm)
    else:
        _check_metric(alarm)


def _require(parameters: Parameters, *keys: str) -> None:
    for key in keys:
        if key not in parameters:
            raise ValidationError(f"The parameter {key} is required.")


def _check_period(period: int) -> None:
    if period not in (10, 20, 30) and period % 60:
        raise ValidationError("Period must be 10, 20, 30 or a multiple of 60")


def _check_metric(alarm: Parameters) -> None:
    _require(alarm, "Namespace", "Period")
    if ("Statistic" in alarm) == ("ExtendedStatistic" in alarm):
        raise ValidationError("Exactly one of Statistic and ExtendedStatistic must be specified.")
    _check_period(alarm["Period"])
    if "ExtendedStatistic" in alarm:
        check_statistic(alarm["ExtendedStatistic"])
    check_look_back(alarm["Period"], alarm["EvaluationPeriods"])


def _check_limit(alarm: Parameters) -> None:
    if "ThresholdMetricId" not in alarm:
        if alarm["ComparisonOperator"] in BAND_OPERATORS:
            raise ValidationError("The comparison operator requires ThresholdMetricId.")
        _require(alarm, "Threshold")
        if not math.isfinite(alarm["Threshold"]):
            raise ValidationError("Threshold must be a finite number.")
        return
    if "Threshold" in alarm:
        raise ValidationError("Threshold and ThresholdMetricId are mutually exclusive and you have specified both.")
    if alarm["ComparisonOperator"] not in BAND_OPERATORS:
        raise ValidationError("The comparison operator is not supported for alarms based on an anomaly detection band.")
    bands = [query["Id"] for query in alarm.get("Metrics", []) if query.get("Expression", "").startswith("ANOMALY_DETECTION_BAND")]
    if alarm["ThresholdMetricId"] not in bands:
        raise ValidationError("ThresholdMetricId must be the Id of an ANOMALY_DETECTION_BAND expression.")


def _check_metrics(queries: list[Parameters], band: str | None) -> None:
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids) or not all(re.fullmatch(r"[a-z]\w*", name, re.ASCII) for name in ids):
        raise ValidationError("Each Id in the metrics list must be unique, and begin with a lowercase letter.")
    for kind in ("MetricStat", "Expression"):
        if sum(kind in query for query in queries) > 10:
            raise ValidationError(f"The metrics list must not have more than 10 elements with {kind}.")
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            raise ValidationError(f"Exactly one of MetricStat and Expression must be specified for {query['Id']}.")
        if "MetricStat" in query:
            _check_period(query["MetricStat"]["Period"])
            check_statistic(query["MetricStat"]["Stat"])
        if "Period" in query:
            _check_period(query["Period"])
    returning = sum(query.get("ReturnData", True) for query in queries)
    if returning != (2 if band else 1):
        raise ValidationError(f"Exactly {'two elements' if band else 'one element'} of the metrics list should return data.")
