# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says first of a run whose checks failed for causes that are known. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words


def outcome_of(causes: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[str, str]:
    """(sentence, what is next: a command with its comment, or a sentence) of causes, the likeliest first."""
    first = causes[0]
    origins: dict[str, list[str]] = {}
    for origin, dummy, to in (check.partition(">") for check in first["checks"]):
        origins.setdefault(words.target(to), []).append(origin)
    what = words.joined([f"{target} from {words.joined(names)}" for target, names in origins.items()])
    others = f", and {words.plural(len(causes) - 1, 'other cause')}" if len(causes) > 1 else ""
    unsure = {"likely": "probably ", "possible": "perhaps "}.get(first["confidence"], "")
    sentence = f"{what} {'do' if len(origins) > 1 else 'does'} not work: {unsure}{first['title']}{others}"
    remedy = first["remedy"]
    if remedy["kind"] == "command" and "\n" not in remedy["text"]:
        return sentence, remedy["text"] + (f"   # {remedy['does']}" if remedy.get("does") else "")
    return sentence, f"Set {remedy['text']}" if remedy["kind"] == "variable" else "The remedy of the first cause below"
