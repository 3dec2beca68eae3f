# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a long wait is spoken of, and in which words. Pure: the caller has the clock."""

from __future__ import annotations

import time

from ansible_collections.huntaze.ai_system.plugins.module_utils._progress import BLOCKED, MADE, SEEN, SENDS, WAITS, Progress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.objects import object_of

# Where the object has no state of its own.
STATES = {BLOCKED: "not ready yet", SENDS: "is asked for", MADE: "AWS has taken it", WAITS: "not seen yet", SEEN: "seen"}
# Longer than the engine pauses between two looks.
LONGEST_PAUSE = 30.0


class Pace:
    """Says a line at each change of state and one an interval; none of what is over at once.

    head:     what each line begins with after the time
    now:      seconds since 1970
    interval: seconds between the lines of one wait
    """

    def __init__(self, head: str, now: float, interval: float = 60.0) -> None:
        self._head, self._interval = head, interval
        # What is over sooner is not spoken of.
        self._at_once = interval / 12
        self._heard, self._heard_at, self._spoken_at = Progress(SEEN), now, now
        self._speaks = self._late = False

    def hear(self, told: Progress, now: float) -> list[str]:
        before, self._heard, self._heard_at = self._heard, told, now
        if (before.doing, before.object) != (told.doing, told.object):
            self._speaks = self._late = False
        late = bool(told.usually and told.seconds > told.usually[1] and told.phase != SEEN)
        if told.phase == SEEN:
            speaks = self._speaks
        else:
            news = not self._speaks or told.state != before.state or late and not self._late
            speaks = news and told.seconds >= self._at_once or now - self._spoken_at >= self._interval
        if not speaks:
            return []
        lines = [line(self._head, told, now, late)] + (way_out(told) if late and not self._late else [])
        self._speaks, self._late, self._spoken_at = told.phase != SEEN, late, now
        return lines

    def silent(self, now: float) -> list[str]:
        """Nothing was heard meanwhile."""
        if self._heard.phase == SEEN or now - max(self._heard_at, self._spoken_at) < max(self._interval, LONGEST_PAUSE):
            return []
        self._speaks, self._spoken_at = True, now
        state = f"{_state(self._heard)} when last seen at {_clock(self._heard_at)}"
        return [line(self._head, self._heard._replace(state=state, seconds=self._heard.seconds + now - self._heard_at), now)]


def line(head: str, told: Progress, now: float, late: bool = False) -> str:
    """03:13:44  auth_close step 3 of 6  huntaze-redis modifying  1 min 00 s, usually 8 to 18 min"""
    step = f" step {told.step:,} of {told.steps:,}" if told.step else ""
    before = "before " if step and told.phase == BLOCKED else ""
    name = object_of(told.object)["name"] if told.object else ""
    what = words.clean(" ".join(filter(None, [name, _state(told)])))
    done = ", done" if told.phase == SEEN else ", longer than usual" if late else ""
    usually = f", usually {span(*told.usually)}" if told.usually and told.phase != SEEN and not late else ""
    return f"{_clock(now)}  {head + ' ' + before + step.strip():<24}  {what + done:<31} {words.duration(told.seconds):>11}{usually}"


def way_out(told: Progress) -> list[str]:
    """What comes of a wait that lasts longer than usual."""
    until = f"It waits {words.duration(told.left)} more at most, then stops; the" if told.left is not None else "The"
    return [f"          Usual is {span(*told.usually)}. {until} next run goes on with this step."]


def span(least: float, most: float) -> str:
    """8 to 18 min | up to 1 min"""
    return f"{least / 60:.0f} to {most / 60:.0f} min" if least else f"up to {most / 60:.0f} min"


def _state(told: Progress) -> str:
    return told.state or STATES[told.phase]


def _clock(now: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(now))
