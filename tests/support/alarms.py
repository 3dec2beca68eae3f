# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch without HTTP: the sandbox's, which has tests of its own against AWS's documentation."""

from __future__ import annotations

import copy
import sys
import types
import typing as t
from pathlib import Path

import botocore.session
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarms as planner
from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

sys.path.append(str(Path(__file__).resolve().parents[1] / "sandbox"))

from aws_api.cloudwatch.alarms import CompositeAlarm, MetricAlarm  # noqa: E402
from aws_api.cloudwatch.constraints import violations  # noqa: E402
from aws_api.cloudwatch.models import CloudWatchBackend  # noqa: E402

MODEL = botocore.session.get_session().get_service_model("cloudwatch")
SHAPES = {operation: MODEL.operation_model(operation).input_shape for operation in ("PutMetricAlarm", "PutCompositeAlarm", "DeleteAlarms")}


def refusal(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")


class Account:
    """A client of boto3 and the alarms behind it.

    refused: by the name of an alarm, what calls that have to do with it raise; nothing of such a call is done, as AWS does
    calls:   the names of each changing call
    done:    the names of those that were made
    """

    meta = types.SimpleNamespace(service_model=MODEL)

    def __init__(self) -> None:
        self.backend = CloudWatchBackend("us-east-1", "123456789012")
        self.refused: dict[str, Exception] = {}
        self.calls: list[list[str]] = []
        self.done: list[str] = []

    def get_paginator(self, operation: str) -> t.Any:
        assert operation == "describe_alarms"
        return types.SimpleNamespace(paginate=self._pages)

    def _pages(self, AlarmTypes: list[str], AlarmNames: t.Any = None, AlarmNamePrefix: str = "", **_paging: t.Any) -> t.Iterator[dict[str, t.Any]]:
        for alarm in self.backend.find_alarms(AlarmNames, AlarmNamePrefix, AlarmTypes, None, None):
            yield copy.deepcopy({alarm.answered_under: [alarm.description()]})

    def put_metric_alarm(self, **parameters: t.Any) -> None:
        self._call("PutMetricAlarm", parameters, [parameters["AlarmName"]], lambda: self.backend.put_alarm(MetricAlarm, copy.deepcopy(parameters)))

    def put_composite_alarm(self, **parameters: t.Any) -> None:
        self._call("PutCompositeAlarm", parameters, [parameters["AlarmName"]], lambda: self.backend.put_alarm(CompositeAlarm, copy.deepcopy(parameters)))

    def delete_alarms(self, AlarmNames: list[str]) -> None:
        self._call("DeleteAlarms", {"AlarmNames": AlarmNames}, AlarmNames, lambda: self.backend.delete_alarms(AlarmNames))

    def _call(self, operation: str, parameters: dict[str, t.Any], names: list[str], made: t.Callable[[], None]) -> None:
        assert not list(violations(SHAPES[operation], parameters)) and set(parameters) <= set(SHAPES[operation].members)
        self.calls.append(list(names))
        for name in names:
            if name in self.refused:
                raise self.refused[name]
        try:
            made()
        except ServiceException as error:
            raise ClientError({"Error": {"Code": error.code, "Message": error.message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation) from error
        self.done.extend(names)

    def apply(self, plan: t.Any, calls: int | None = None) -> None:
        for change in plan.changes[:calls]:
            getattr(self, change.operation)(**change.parameters)

    def shown(self) -> dict[str, t.Any]:
        """All alarms, as differences speak of them."""
        return planner.shown(planner.observe(self, planner.Desired(absent=frozenset(self.backend.alarms))))
