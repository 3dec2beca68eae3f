# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which values a build loses that writes `env | grep -e NAME >> .env.production`. Pure.

Each value becomes a line that dotenv reads without quotes; then Next.js expands what looks like a variable.
"""

from __future__ import annotations

import re
import typing as t

# JavaScript's line ends and blanks, which are not Python's.
LINE_ENDS = "\n\r\u2028\u2029"
BLANKS = LINE_ENDS + "\t\v\f \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\ufeff"
EXPANDED = re.compile(r"\\\$|\$\{?\w", re.ASCII)


def lost_by_plain_build(value: str) -> str:
    """What the app would not read as it is written, as the predicate of a sentence; empty if it reads all of it."""
    if any(character in LINE_ENDS for character in value):
        return "has more than one line, of which the app would read the first."
    if value != value.strip(BLANKS):
        return "begins or ends with a blank, which the app would not read."
    if value[:1] in tuple("'\"`"):
        return "begins with a quotation mark, which the app would not read."
    if "#" in value:
        return "contains #, from which on the app would read nothing."
    if EXPANDED.search(value):
        return "contains $, which Next.js replaces together with the name behind it."
    return ""


def plain_build_problems(option: str, variables: t.Optional[t.Mapping[str, t.Any]]) -> list[str]:
    """One sentence for each value that would be lost, never with the value."""
    lost = {name: lost_by_plain_build(str(value)) for name, value in (variables or {}).items() if value is not None}
    return [f"{option}: the value of {name} {what}" for name, what in lost.items() if what]
