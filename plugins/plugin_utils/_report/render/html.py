# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one page that asks nobody for anything. Pure, but for its own template, style and script beside it.

The template escapes whatever it is given. The page's policy lets in its own style and script by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import typing as t
from pathlib import Path

import jinja2
from markupsafe import Markup

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import digest

HERE = Path(__file__).parent
# The template's lines are for its readers. Before a tag or an expression they end without a trace, but where a line begins that a reader of the page knows.
BETWEEN_TAGS = re.compile(r"\s*\n\s*(?=\{|<(?!tr\b|section|article|details|style|script|header|main|footer))|(?<=\n)[ ]+")
POLICY = "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; base-uri 'none'; form-action 'none'"
# Of the tab's icon.
COLOURS = {"clean": "14613a", "changed": "0a4f96", "to_do": "0a4f96", "drift": "e6a817", "failed": "c62822", "running": "0a4f96"}
# Texts of others in a row of many, and elsewhere.
IN_A_ROW = 200
LONGEST = 2_000


def render(report: t.Mapping[str, t.Any]) -> str:
    report = words.cleaned(report)
    style, script = ((HERE / name).read_text() for name in ("page.css", "page.js"))
    drift = digest.drift(report)
    cards, rows = _told(drift)
    return _template().render(
        report=report, drift=drift, cards=cards, rows=rows, year=words.instant(report["run"]["began"]).year, style=Markup(style), script=Markup(script),
        policy=Markup(POLICY.format(style=_hash(style), script=_hash(script))), colour=COLOURS[report["outcome"]["word"]],
    ) + "\n"


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.globals.update(digest=digest, words=words, IN_A_ROW=IN_A_ROW)
    environment.filters["short"] = functools.partial(words.shortened, longest=LONGEST)
    return environment.from_string(BETWEEN_TAGS.sub("", (HERE / "page.html.j2").read_text()))


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _told(drift: digest.Drift) -> tuple[list[digest.Record], list[tuple[str, str, list[digest.Record]]]]:
    """(records that have a card each, others by heading: (state, heading, records))"""
    cards: list[digest.Record] = []
    rows: list[tuple[str, str, list[digest.Record]]] = []
    few = len(drift.open) <= digest.MANY
    if few:
        cards += drift.open
    else:
        for state in ("new", "still"):
            for severe, heading in ((True, f"{state}, lowers security"), (False, state)):
                rows.append((state, heading, [one for one in drift.open if one["state"] == state and (one["severity"] == "high") == severe]))
    for state, records in (("accepted", drift.accepted), ("gone", drift.gone)):
        if few and len(records) <= digest.NAMED:
            cards += records
        else:
            rows.append((state, state, records))
    rows.append(("unseen", "not looked at", drift.unseen))
    return cards, [(state, heading, records) for state, heading, records in rows if records]
