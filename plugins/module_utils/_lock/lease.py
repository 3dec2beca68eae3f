# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may change an environment: how its lock is taken, renewed, given back and broken. Pure.

The functions are generators. They yield what the store is to be asked, and are sent its answer. `carried` does that with a store.

All times are AWS's own, as it says in each answer: clocks of other machines count for nothing. A lock is a lease, as a machine can vanish. Whose lease has
run out may be replaced, by a put that AWS makes only if the record is still the one that was read. A store whose puts have no such condition, as SSM's,
`swaps` not: there a record counts once it is still seen a moment after it was written.
"""

from __future__ import annotations

import json
import re
import typing as t
from datetime import datetime, timezone

# Seconds after which a record must still stand, where a store cannot swap.
MOMENT = 1.0
# How often a store is asked that gives no answer or shows each time something else.
TRIES = 8
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
FIELDS = ("id", "owner", "host", "command", "since", "until")


class NotALock(Exception):
    """Something else stands where the lock should be."""


class Unsettled(Exception):
    """AWS was asked again and again, and it did not become clear whose the lock is."""


class Record(t.NamedTuple):
    """What stands in the store while a run has the lock; times in seconds since 1970."""

    id: str
    owner: str
    host: str
    command: str
    since: int = 0
    until: int = 0

    def text(self) -> str:
        return json.dumps(self.shown(), sort_keys=True)

    def shown(self) -> dict[str, str]:
        return {**self._asdict(), "since": stamp(self.since), "until": stamp(self.until)}

    @classmethod
    def read(cls, text: str) -> Record:
        try:
            given = json.loads(text)
            times = {name: int(datetime.strptime(given[name], FORMAT).replace(tzinfo=timezone.utc).timestamp()) for name in ("since", "until")}
            return cls(**{name: str(given[name]) for name in FIELDS[:4]}, **times)
        except (ValueError, KeyError, TypeError) as error:
            raise NotALock from error


class Seen(t.NamedTuple):
    """What stands in the store: a record or none, the version that a swap names, and AWS's time of the answer."""

    record: t.Optional[Record]
    version: t.Any
    now: int

    def is_of(self, name: str) -> bool:
        return self.record is not None and self.record.id == name

    @property
    def is_held(self) -> bool:
        return self.record is not None and self.now <= self.record.until


class Read(t.NamedTuple):
    """Asks for what stands there. Answered with Seen, or with None where no answer came."""


class Put(t.NamedTuple):
    """Asks to write `record` in place of what was `over`. Answered with Seen if that is done, with None if somebody was quicker or no answer tells."""

    record: Record
    over: Seen


class Remove(t.NamedTuple):
    """Asks to take away what was seen. Answered with whether that is done; False may also mean that no answer tells."""

    seen: Seen


class Pause(t.NamedTuple):
    seconds: float


class Removed(t.NamedTuple):
    """What was taken away, if anything was, and what stands there then."""

    record: t.Optional[Record]
    after: Seen


Steps = t.Generator[t.Any, t.Any, t.Any]


def look() -> Steps:
    for dummy in range(TRIES):
        seen = yield Read()
        if seen is not None:
            return seen
        yield Pause(MOMENT)
    raise Unsettled


def take(mine: Record, lease: int, swaps: bool) -> Steps:
    """Returns what stands there then: one's own record, or that of the holder."""
    for dummy in range(TRIES):
        seen = yield from look()
        if seen.is_held:  # one's own too, where the answer that it was written was lost
            return seen
        done = yield Put(mine._replace(since=seen.now, until=seen.now + lease), seen)
        if not swaps:
            yield Pause(MOMENT)
        elif done:
            return done
    raise Unsettled


def renew(name: str, lease: int, swaps: bool) -> Steps:
    """Returns what stands there then. It is not of `name`, or not held, if the lock is lost.

    A lease that has run out is renewed if nobody has replaced it. Without a swap that cannot be known.
    """
    for dummy in range(TRIES):
        seen = yield from look()
        if not seen.is_of(name) or not (swaps or seen.is_held):
            return seen
        done = yield Put(seen.record._replace(until=seen.now + lease), seen)
        if done:
            return done
    raise Unsettled


def remove(name: str, swaps: bool) -> Steps:
    """Give back or break the lock that has this id. Returns Removed."""
    removed = None
    for dummy in range(TRIES):
        seen = yield from look()
        # Without a swap, a lease that has run out is left: it binds nobody, and what is taken away might be the next one's.
        if not seen.is_of(name) or not (swaps or seen.is_held):
            return Removed(removed, seen)
        removed = seen.record
        if (yield Remove(seen)):
            return Removed(removed, Seen(None, None, seen.now))
    raise Unsettled


def carried(steps: Steps, store: t.Any, pause: t.Callable[[float], t.Any]) -> t.Any:
    """What `steps` return, with a store that answers. Where it never became clear, the store's trouble is the reason."""
    answer = None
    while True:
        try:
            asked = steps.send(answer)
        except StopIteration as ended:
            return ended.value
        except Unsettled as unsettled:
            raise store.trouble or unsettled
        if isinstance(asked, Read):
            answer = store.read()
        elif isinstance(asked, Put):
            answer = store.put(asked.record, asked.over)
        elif isinstance(asked, Remove):
            answer = store.remove(asked.seen)
        else:
            answer = pause(asked.seconds)


def problems(name: str, lease: float, wait: float) -> t.Iterator[str]:
    """What is wrong with the options of a lock, sentences."""
    if not re.fullmatch(r"[A-Za-z0-9_./-]{1,512}", name):
        yield f"name {name[:80]!r} is not usable: give up to 512 letters, digits and . _ - /, such as /deployment-lock/huntaze-ai."
    if lease != int(lease) or not 3 <= lease <= 43200:
        yield f"lease_seconds is {lease}: give 3 to 43200, a whole number."
    if wait != int(wait) or wait < 0:
        yield f"wait_timeout is {wait}: give 0, which refuses at once, or more, a whole number."


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(FORMAT)


def told(record: Record) -> str:
    """Who holds the lock, since when and how long, a sentence."""
    return (
        f"{record.owner} on {record.host} has held the lock since {stamp(record.since)}: {record.command}. Its lease lasts until {stamp(record.until)}, "
        "and that run renews it."
    )


def refusal(record: Record) -> str:
    """Why a run may not begin, and the ways out."""
    return (
        f"{told(record)} Wait for that run to end, or let this one wait for it: huntaze_lock.wait_timeout. If that run is dead, its lock ends by itself "
        f"when the lease does. To take it away before: ansible-playbook huntaze.ai_system.unlock -e lock_id={record.id}"
    )


def owner(environment: t.Mapping[str, str], user: str) -> str:
    """Who a run belongs to: a job of a CI, by its address or name, or a person."""
    if environment.get("GITHUB_ACTIONS"):
        server, repository, run = (environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
        return f"{server}/{repository}/actions/runs/{run}"
    return environment.get("CI_JOB_URL") or environment.get("BUILD_URL") or user
