# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a report writes numbers, times and the words of others. Pure."""

from __future__ import annotations

import datetime
import re
import typing as t
import unicodedata

from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK

OUTCOMES = {"clean": "CLEAN", "changed": "CHANGED", "to_do": "TO DO", "drift": "DRIFT", "failed": "FAILED", "running": "RUNNING"}
VERDICTS = {"ok": "ok", "failed": "FAILED", "not_verified": "not verified from here", "skipped": "skipped"}
STATES = {"done": "done", "to_do": "to do", "running": "running", "failed": "FAILED", "not_reached": "not reached"}
DRIFT = {"new": "new", "still": "still", "accepted": "accepted", "gone": "gone"}
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
TARGETS = {
    "redis": "Redis", "redis/plain-text": "Redis (plaintext)", "postgresql": "PostgreSQL", "cache": "cache's settings", "metrics": "metrics",
    "build": "app build",
}
SECRET = "a secret (masked)"
# Members of a report that quote others word for word, in lines.
QUOTED = ("message", "text")


def target(name: str) -> str:
    """What a check's `to` is called in a sentence: "agent/limiter-1" is the agent limiter-1."""
    return TARGETS.get(name) or name.replace("redis/former/", "former ").replace("/", " ")


def clean(text: t.Any) -> str:
    """`text` without control characters, each line end and each tab a blank."""
    text = str(text)
    return text if text.isprintable() else "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)


def cleaned(report: t.Any, member: str = "") -> t.Any:
    """A report, or a part of it, without any control character, whoever wrote it, and in words where Ansible masked."""
    if isinstance(report, t.Mapping):
        return {name: cleaned(value, name) for name, value in report.items()}
    if isinstance(report, (list, tuple)):
        return [cleaned(value, member) for value in report]
    if isinstance(report, str):
        text = "\n".join(lines_of(report)) if member in QUOTED else clean(report)
        return text.replace(MASK, SECRET)
    return report


def lines_of(text: t.Any) -> list[str]:
    """The lines of a text of others, each without control characters; lists give one line an entry."""
    entries = text if isinstance(text, (list, tuple)) else [text]
    return [clean(line).rstrip() for entry in entries for line in str(entry).splitlines() if line.strip()]


def headline(text: t.Any, longest: int = 120) -> str:
    """The first sentence that tells something, without its stop."""
    line = re.sub(r"^(Nothing was changed\.|Task failed:)\s*", "", (lines_of(text) or ["no reason given"])[0])
    sentence = re.split(r"(?<=[a-z0-9)])(?:\.(?:\s|$)|:$)", line)[0].strip()
    return sentence if len(sentence) <= longest else sentence[: longest - 3].rstrip() + "..."


def plural(number: int, one: str, many: str = "") -> str:
    """1 step, 2 steps, 1,000 steps."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def joined(names: t.Sequence[str]) -> str:
    """a | a and b | a, b and c"""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def duration(seconds: float) -> str:
    """0.4 s | 41 s | 7 min 40 s | 4 h 31 min | 2 days 9 h"""
    if seconds < 0.95:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} days {whole % 86400 // 3600} h"


def latency(milliseconds: float) -> str:
    """0.61 ms | 1.1 ms | 12 ms"""
    digits = 2 if milliseconds < 0.995 else 1 if milliseconds < 9.95 else 0
    return f"{milliseconds:.{digits}f} ms"


def instant(text: str) -> datetime.datetime:
    """From ISO 8601; without an offset it is UTC."""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at.replace(tzinfo=at.tzinfo or datetime.timezone.utc).astimezone(datetime.timezone.utc)


def day(text: str) -> str:
    """1 Dec 2026, from ISO 8601. Not by strftime, which would ask the operator's locale for the month."""
    at = instant(text)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def moment(text: str, seconds: bool = True) -> str:
    """26 Nov 2026 03:12:44 UTC, from ISO 8601."""
    return f"{day(text)} {instant(text):{'%H:%M:%S' if seconds else '%H:%M'}} UTC"


def brief_moment(text: str, year: int) -> str:
    """25 Nov 22:41, for tables whose heading says UTC; of another year than `year` with its own."""
    at = instant(text)
    return f"{at.day} {MONTHS[at.month - 1]}{'' if at.year == year else f' {at.year}'} {at:%H:%M}"


def span(first: str, last: str, year: int) -> str:
    """25 Nov 22:41 | 25 Nov, 22:40 to 22:57 | 16 Nov 05:37 to 25 Nov 22:55"""
    begin, end = brief_moment(first, year), brief_moment(last, year)
    if begin == end:
        return begin
    return f"{begin[:-6]}, {begin[-5:]} to {end[-5:]}" if begin[:-6] == end[:-6] else f"{begin} to {end}"


def shortened(text: str, longest: int) -> str:
    """`text`, or its beginning and how much is missing."""
    return text if len(text) <= longest else f"{text[:longest].rstrip()} ... and {plural(len(text) - longest, 'character')} more"


def iso(seconds: float) -> str:
    """ISO 8601 with Z, from seconds since 1970."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def slug(text: str) -> str:
    """A part of an id: no blanks, no capitals."""
    return re.sub(r"[^a-z0-9_.]+", "-", clean(text).lower()).strip("-.") or "-"
