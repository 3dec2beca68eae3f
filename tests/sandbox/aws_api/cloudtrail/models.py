# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail's backend, with the events of the last 90 days, which it keeps without any trail."""

from __future__ import annotations

import time
import typing as t

from moto.cloudtrail import models as moto

from .events import Event, Logged, event_of
from .exceptions import InvalidLookupAttributesException, InvalidMaxResultsException, InvalidNextTokenException, InvalidTimeRangeException, ThrottlingException

KEPT_SECONDS = 90 * 86_400
MOST_PER_PAGE = 50
# Where each lookup attribute stands in an event.
ATTRIBUTES: dict[str, t.Callable[[Event], t.Collection[str]]] = {
    "EventId": lambda event: (event.record["eventID"],),
    "EventName": lambda event: (event.record["eventName"],),
    "ReadOnly": lambda event: (str(event.record["readOnly"]).lower(),),
    "Username": lambda event: (event.username,),
    "ResourceType": lambda event: [resource["ResourceType"] for resource in event.resources],
    "ResourceName": lambda event: [resource["ResourceName"] for resource in event.resources],
    "EventSource": lambda event: (event.record["eventSource"],),
    "AccessKeyId": lambda event: (event.record["userIdentity"]["accessKeyId"],),
}


class CloudTrailBackend(moto.CloudTrailBackend):
    # Seconds until an event can be looked up; some minutes on AWS.
    delay_seconds: float = 0
    lookups_per_second: int = 2

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._unread: list[Logged] = []
        self._events: list[Event] = []
        self._recent: list[float] = []

    def log(self, logged: Logged) -> None:
        self._unread.append(logged)

    @property
    def events(self) -> list[Event]:
        """All events, oldest first."""
        unread, self._unread = self._unread, []
        self._events += map(event_of, unread)
        return self._events

    def take_turn(self) -> None:
        """Two lookups a second, for the account and region as a whole."""
        now = time.monotonic()
        self._recent = [moment for moment in self._recent if now - moment < 1]
        if len(self._recent) >= self.lookups_per_second:
            raise ThrottlingException()
        self._recent.append(now)

    def lookup_events(
        self, attributes: list[dict[str, str]], start: float | None, end: float | None, size: int, token: str | None
    ) -> tuple[list[Event], str | None]:
        """A page of events, newest first, and the token of the next one."""
        if len(attributes) > 1 or any(one.get("AttributeKey") not in ATTRIBUTES or not one.get("AttributeValue") for one in attributes):
            raise InvalidLookupAttributesException()
        if start is not None and end is not None and start > end:
            raise InvalidTimeRangeException()
        if not 1 <= size <= MOST_PER_PAGE:
            raise InvalidMaxResultsException()
        now = time.time()
        found = [
            event for event in reversed(self.events)
            if max(now - KEPT_SECONDS, start or 0) <= int(event.logged) <= (end or now)
            and event.logged + self.delay_seconds <= now
            and all(one["AttributeValue"] in ATTRIBUTES[one["AttributeKey"]](event) for one in attributes)
        ]
        # What comes in meanwhile must not move the pages: a token names the last event of its page.
        ids = [event.record["eventID"] for event in found]
        if token is not None and token not in ids:
            raise InvalidNextTokenException()
        begin = ids.index(token) + 1 if token is not None else 0
        page = found[begin : begin + size]
        return page, page[-1].record["eventID"] if begin + size < len(found) else None
