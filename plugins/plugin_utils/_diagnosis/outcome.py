# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says first of a run whose checks failed for causes that are known. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.situations import UNREACHED, Situation
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words


def outcome_of(causes: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[str, str]:
    """(sentence, what is next: a command with its comment, or a sentence) of causes, the likeliest first."""
    first = causes[0]
    # Those that explain the same failure as surely: all that are proven, or all that are possible.
    same = [cause for cause in causes if cause["checks"] == first["checks"] and (cause["confidence"] == "possible") is (first["confidence"] == "possible")]
    others = len({tuple(cause["checks"]) for cause in causes}) - 1
    way = _told(first)[0]
    shorts = [_told(cause)[1] for cause in same]
    if first["confidence"] == "possible" and len(same) > 1:
        why = f"; {len(same)} causes are possible"
    else:
        unsure = {"likely": "probably ", "possible": "perhaps "}.get(first["confidence"], "")
        why = f": {unsure}{words.joined(list(dict.fromkeys(shorts)))}"
    rest = f", and {words.plural(others, 'other failure')}" if others else ""
    remedy = first["remedy"]
    if remedy["kind"] == "command" and "\n" not in remedy["text"]:
        return f"{way}{why}{rest}", remedy["text"] + (f"   # {remedy['does']}" if remedy.get("does") else "")
    return f"{way}{why}{rest}", f"Set {remedy['text']}" if remedy["kind"] == "variable" else "The remedy of the first cause below"


def _told(cause: t.Mapping[str, t.Any]) -> tuple[str, str]:
    """("Redis cannot be reached from limiter-1", "an ingress rule is missing")"""
    ways = [check.partition(">") for check in cause["checks"]]
    target = words.target(ways[0][2])
    origins = words.joined(list(dict.fromkeys(origin for origin, dummy, dummy2 in ways)))
    try:
        situation = Situation(cause["id"].rpartition(":")[2].partition("/")[0]).words
    except ValueError:
        return f"{target} {UNREACHED} {origins}", cause["title"]
    return f"{target} {situation.how} {origins}", situation.short
