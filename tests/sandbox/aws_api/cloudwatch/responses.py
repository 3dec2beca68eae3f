# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch's operations that moto lacks or answers too gently."""

from __future__ import annotations

import base64
import binascii
import typing as t

from moto.cloudwatch.exceptions import InvalidParameterCombination, ValidationError
from moto.cloudwatch.responses import CloudWatchResponse as MotoCloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model

from .alarms import Alarm, CompositeAlarm, LogAlarm, MetricAlarm
from .constraints import violations
from .exceptions import InvalidNextToken, RequestEntityTooLarge
from .metrics import MAX_DATAPOINTS, page

MAX_BODY = 1024 * 1024


class CloudWatchResponse(MotoCloudWatchResponse):
    @property
    def backend(self) -> t.Any:
        return self.cloudwatch_backend

    def _checked(self) -> dict[str, t.Any]:
        """The call's parameters, if they keep to the service model."""
        parameters = dict(self._get_params())
        broken = list(violations(get_service_model("cloudwatch").operation_model(self._get_action()).input_shape, parameters))
        if broken:
            raise ValidationError(f"{len(broken)} validation error{'s' * (len(broken) > 1)} detected: {'; '.join(broken)}")
        return parameters

    def put_metric_alarm(self) -> ActionResult:
        self.backend.put_alarm(MetricAlarm, self._checked())
        return EmptyResult()

    def put_composite_alarm(self) -> ActionResult:
        self.backend.put_alarm(CompositeAlarm, self._checked())
        return EmptyResult()

    def put_log_alarm(self) -> ActionResult:
        self.backend.put_alarm(LogAlarm, self._checked())
        return EmptyResult()

    def describe_alarms(self) -> ActionResult:
        given = self._checked()
        for relation, field in (("ParentsOfAlarmName", "parents"), ("ChildrenOfAlarmName", "children")):
            if relation in given:
                if given.keys() - {relation, "MaxRecords", "NextToken"}:
                    raise ValidationError(f"{relation} cannot be combined with other parameters than MaxRecords and NextToken.")
                return self._page(getattr(self.backend, field)(given[relation]), given, self._parent if field == "parents" else self._child)
        if given.get("AlarmNames") and given.get("AlarmNamePrefix"):
            raise ValidationError("AlarmNames and AlarmNamePrefix are mutually exclusive and you have specified both.")
        alarms = self.backend.find_alarms(
            given.get("AlarmNames"), given.get("AlarmNamePrefix"), given.get("AlarmTypes"), given.get("StateValue"), given.get("ActionPrefix")
        )
        return self._page(alarms, given, self._described)

    def _page(self, alarms: list[Alarm], given: dict[str, t.Any], shown: t.Callable[[Alarm], dict[str, t.Any]]) -> ActionResult:
        after = self._untokened(given.get("NextToken"))
        alarms = [alarm for alarm in alarms if alarm.name > after]
        page = alarms[: given.get("MaxRecords", 50)]
        result: dict[str, t.Any] = {kind.answered_under: [] for kind in (MetricAlarm, CompositeAlarm, LogAlarm)}
        for alarm in page:
            result[alarm.answered_under].append(shown(alarm))
        if len(alarms) > len(page):
            result["NextToken"] = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
        return ActionResult(result)

    @staticmethod
    def _parent(alarm: Alarm) -> dict[str, t.Any]:
        return {"AlarmName": alarm.name, "AlarmArn": alarm.alarm_arn}

    def _child(self, alarm: Alarm) -> dict[str, t.Any]:
        described = self._described(alarm)
        return {**self._parent(alarm), **{key: described[key] for key in ("StateValue", "StateUpdatedTimestamp")}}

    def describe_alarms_for_metric(self) -> ActionResult:
        found = self.filter_alarms(self.backend.describe_alarms(), self._get_param("MetricName"), self._get_param("Namespace"))
        return ActionResult({"MetricAlarms": [self._described(alarm) for alarm in found]})

    def _described(self, alarm: Alarm) -> dict[str, t.Any]:
        state = self.backend.state_of(alarm.name)
        reason = self.backend.reason_of(alarm, state) if isinstance(alarm, CompositeAlarm) else {}
        return {**alarm.description(), **reason, "StateValue": state}

    @staticmethod
    def _untokened(token: str | None) -> str:
        try:
            return base64.b64decode(token or "", altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidNextToken() from None

    def describe_alarm_history(self) -> ActionResult:
        given = self._checked()
        kinds, wanted = given.get("AlarmTypes", ["MetricAlarm"]), given.get("HistoryItemType", "ConfigurationUpdate")
        # The order of a page stays the same whatever comes in meanwhile.
        numbered = [
            (number, item) for number, item in enumerate(self.backend.alarm_history, 1)
            if item.kind in kinds and wanted == "ConfigurationUpdate" and given.get("AlarmName", item.name) == item.name
            and given.get("StartDate", item.at) <= item.at <= given.get("EndDate", item.at)
        ]
        ascending = given.get("ScanBy") == "TimestampAscending"
        token = self._untokened(given.get("NextToken"))
        if token and not token.isdecimal():
            raise InvalidNextToken()
        left = [
            (number, item) for number, item in (numbered if ascending else reversed(numbered))
            if not token or (number > int(token) if ascending else number < int(token))
        ]
        page = left[: given.get("MaxRecords", 100)]
        result: dict[str, t.Any] = {"AlarmHistoryItems": [item.shown() for _number, item in page]}
        if len(left) > len(page):
            result["NextToken"] = base64.urlsafe_b64encode(str(page[-1][0]).encode()).decode()
        return ActionResult(result)

    def delete_alarms(self) -> ActionResult:
        self.backend.delete_alarms(self._checked()["AlarmNames"])
        return EmptyResult()

    def put_metric_data(self) -> ActionResult:
        # As sent, which may be compressed.
        if (self.normalized_request.content_length or 0) > MAX_BODY:
            raise RequestEntityTooLarge()
        given = self._checked()
        self.backend.put_metric_data(given["Namespace"], given.get("MetricData", []))
        return EmptyResult()

    def get_metric_data(self) -> ActionResult:
        given = self._checked()
        size = given.get("MaxDatapoints", MAX_DATAPOINTS)
        if not 1 <= size <= MAX_DATAPOINTS:
            raise ValidationError(f"The parameter MaxDatapoints must be between 1 and {MAX_DATAPOINTS}.")
        scan_by = given.get("ScanBy", "TimestampDescending")
        results = self.backend.metric_data_results(given.get("MetricDataQueries", []), given["StartTime"], given["EndTime"], scan_by)
        token = self._untokened(given.get("NextToken")) or "0"
        if not token.isdecimal():
            raise InvalidNextToken()
        shown, following = page(results, int(token), size)
        result: dict[str, t.Any] = {"MetricDataResults": shown, "Messages": []}
        if following is not None:
            result["NextToken"] = base64.urlsafe_b64encode(str(following).encode()).decode()
        return ActionResult(result)

    def get_metric_statistics(self) -> ActionResult:
        given = self._checked()
        if given.get("ExtendedStatistics"):
            raise InvalidParameterCombination("This sandbox has no percentiles.")
        return super().get_metric_statistics()
