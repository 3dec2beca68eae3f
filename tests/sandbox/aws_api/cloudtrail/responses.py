# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail's operation that moto lacks."""

from __future__ import annotations

import base64
import binascii
import json
import typing as t

from moto.cloudtrail.responses import CloudTrailResponse as MotoCloudTrailResponse

from .events import Event
from .exceptions import InvalidNextTokenException
from .models import MOST_PER_PAGE


class CloudTrailResponse(MotoCloudTrailResponse):
    def lookup_events(self) -> str:
        backend: t.Any = self.cloudtrail_backend
        backend.take_turn()
        given = [self._get_param("LookupAttributes", []), self._get_param("StartTime"), self._get_param("EndTime")]
        token = self._get_param("NextToken")
        size = self._get_int_param("MaxResults")
        page, following = backend.lookup_events(*given, MOST_PER_PAGE if size is None else size, self._read(token, given))
        result: dict[str, t.Any] = {"Events": [self._shown(event) for event in page]}
        if following:
            result["NextToken"] = base64.urlsafe_b64encode(json.dumps([following, given]).encode()).decode()
        return json.dumps(result)

    @staticmethod
    def _read(token: str | None, given: list[t.Any]) -> str | None:
        """The event that a token names; it goes with the parameters that it was made for."""
        if token is None:
            return None
        try:
            event_id, made_for = json.loads(base64.urlsafe_b64decode(token))
        except (binascii.Error, ValueError):
            raise InvalidNextTokenException() from None
        if made_for != given:
            raise InvalidNextTokenException()
        return event_id

    @staticmethod
    def _shown(event: Event) -> dict[str, t.Any]:
        record = event.record
        return {
            "EventId": record["eventID"],
            "EventName": record["eventName"],
            "ReadOnly": str(record["readOnly"]).lower(),
            "AccessKeyId": record["userIdentity"]["accessKeyId"],
            "EventTime": int(event.logged),
            "EventSource": record["eventSource"],
            "Username": event.username,
            "Resources": event.resources,
            "CloudTrailEvent": json.dumps(record),
        }
