# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as text in JSON: the source of every other form."""

from __future__ import annotations

import json
import typing as t


def render(report: t.Mapping[str, t.Any]) -> str:
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"
