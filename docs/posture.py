# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/posture.md's tables: the rules of security posture, the ends of engines and the prices, between `<!-- NAME -->` and `<!-- /NAME -->`.

`python docs/posture.py` from the root, with the requirements of development. A test holds the page to it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "posture.md"
sys.path.append(str(ROOT / ".collections"))

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.rules import RULES  # noqa: E402
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import ends, prices  # noqa: E402


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def rules() -> str:
    lines = [row("finding", "severity", "what is looked for", "what the way out breaks", "source"), row(*["---"] * 5)]
    for each in RULES:
        breaks = re.sub(r"\{(\w+)\}", lambda name: {"source": "the source", "port": "the port"}.get(name[1], "it"), each.breaks)
        lines.append(row(f"`{each.id}`", each.severity, each.title, breaks, each.source))
    return "\n".join(lines)


def engines() -> str:
    lines = [row("Redis OSS", "standard support ends", "Extended Support ends"), row(*["---"] * 3)]
    return "\n".join(lines + [row(version, end.standard.isoformat(), end.extended.isoformat()) for version, end in ends.ENDS.items()])


def table() -> str:
    lines = [row("item", prices.CURRENCY, "a", "source", "day"), row(*["---"] * 5)]
    return "\n".join(lines + [row(name, f"{one.usd:g}", one.unit, one.source, one.day or "not known") for name, one in prices.PRICES.items()])


def written(text: str) -> str:
    """`text` with its tables as the code has them."""
    for name, made in (("rules", rules), ("engines", engines), ("prices", table)):
        text = re.sub(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", lambda found, made=made: f"{found[1]}{made()}{found[2]}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
