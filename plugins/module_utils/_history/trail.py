# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks CloudTrail for events: two calls a second at most, within a number of calls."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import is_throttled
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.event import Event
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.origin import Found, Lookup, Observed, Trail, by_object, proven, settled
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.write import writes
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import is_transient

PACE = 0.55
LONGEST_PAUSE = 8.0
TRIES = 5
KNOWN_NAMES = frozenset({"EventSource", "EventName", "Resources", "CloudTrailEvent"})


class Spent(Exception):
    """There is no call left."""


class CloudTrail:
    """client: one that does not repeat calls by itself, as each counts"""

    def __init__(self, client: t.Any, most: int) -> None:
        self._client, self._most = client, most
        self._next = 0.0
        self.calls = 0

    def pages(self, lookup: Lookup) -> t.Iterator[list[Event]]:
        """The events of a lookup, newest first, page by page. Raises Spent, and what AWS answers."""
        asked: dict[str, t.Any] = {"LookupAttributes": [{"AttributeKey": lookup.attribute, "AttributeValue": lookup.value}], "MaxResults": 50}
        asked.update({name: moment for name, moment in (("StartTime", lookup.start), ("EndTime", lookup.end)) if moment})
        while True:
            answer = self._call(asked)
            yield list(filter(None, (Event.read({key: one.get(key) for key in KNOWN_NAMES}) for one in answer.get("Events") or [])))
            if not answer.get("NextToken"):
                return
            asked["NextToken"] = answer["NextToken"]

    def _call(self, asked: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
        pause = PACE
        for attempt in range(1, TRIES + 1):
            if self.calls >= self._most:
                raise Spent
            time.sleep(max(0.0, self._next - time.monotonic()))
            self.calls += 1
            try:
                return self._client.lookup_events(**asked)
            except (BotoCoreError, ClientError) as error:
                if attempt == TRIES or not (is_throttled(error) or is_transient(error)):
                    raise
                # Others of the account ask, too.
                pause = min(2 * pause, LONGEST_PAUSE)
            finally:
                self._next = time.monotonic() + pause
        raise Spent


@dataclass
class Gathered:
    """What lookups brought. unfinished: the objects whose events were not looked up to the end; error: what AWS answered, if that is why."""

    trail: Trail = field(default_factory=dict)
    unfinished: t.Set[str] = field(default_factory=set)
    error: t.Optional[Exception] = None


def gather(cloudtrail: CloudTrail, lookups: t.Sequence[Lookup], differences: t.Sequence[Found], observed: Observed) -> Gathered:
    """The writes that the lookups show; none is carried further than it can tell something."""
    gathered, events = Gathered(), []

    def all_are(known: t.Callable[[Found, Observed, Trail], bool], names: t.Container[str]) -> bool:
        return all(known(found, observed, gathered.trail) for found in differences if found.object in names)

    for number, lookup in enumerate(lookups):
        try:
            for page in cloudtrail.pages(lookup) if not all_are(proven, lookup.objects) else ():
                events += page
                gathered.trail = by_object(writes(events, observed.groups))
                if all_are(settled, lookup.objects):
                    break
        except (Spent, BotoCoreError, ClientError) as error:
            gathered.error = None if isinstance(error, Spent) else error
            left = {name for left in lookups[number:] for name in left.objects}
            gathered.unfinished = {name for name in left if not all_are(proven, {name})}
            break
    return gathered
