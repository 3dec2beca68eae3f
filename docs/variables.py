# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of the deployment's variables into the documents that have them, between `<!-- NAME -->` and `<!-- /NAME -->`.

`python docs/variables.py` from the root. A test holds the documents to it.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "variables.md")
SCHEMA = ROOT / "plugins" / "plugin_utils" / "_deployment" / "schema.py"


def schema():
    """The schema's module, from its file: it needs no collection."""
    spec = importlib.util.spec_from_file_location("huntaze_schema", SCHEMA)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def default_of(key) -> str:
    if key.wanted:
        return "needed"
    return "" if key.default is None or key.default in ((), {}) else f"`{str(key.default).lower() if isinstance(key.default, bool) else key.default}`"


def variables(module) -> str:
    """A line a mapping, for README."""
    lines = [row("mapping", "what it is", "keys that are needed", "others"), row("---", "---", "---", "---")]
    for name, subject in module.SCHEMA.items():
        needed, others = ([f"`{key}`" for key, declared in subject.keys.items() if bool(declared.wanted) is wanted] for wanted in (True, False))
        lines.append(row(f"`{name}`", subject.meaning, ", ".join(needed), ", ".join(others)))
    return "\n".join(lines)


def thresholds(module) -> str:
    lines = [row("threshold", "default", "what it depends on"), row("---", "---", "---")]
    lines += [row(f"`{name}`", str(key.default), key.meaning) for name, key in module.THRESHOLDS.items()]
    return "\n".join(lines)


def reference(module) -> str:
    """A table a mapping, a line a key."""
    parts = []
    for name, subject in module.SCHEMA.items():
        parts += [f"## {name}", "", subject.meaning, "", row("key", "kind", "default", "meaning"), row("---", "---", "---", "---")]
        for path, key in keys_of(subject.keys):
            parts.append(row(f"`{path}`", key.kind.words + (", a secret" if key.secret else ""), default_of(key), key.meaning))
        parts.append("")
    return "\n".join(parts).rstrip()


def keys_of(keys, path=""):
    for name, key in keys.items():
        yield f"{path}{name}", key
        yield from keys_of(key.keys, f"{path}{name}.")


def written(text: str, module) -> str:
    """`text` with its tables as the schema has them."""
    for name, table in (("variables", variables), ("thresholds", thresholds), ("reference", reference)):
        marked = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        text = marked.sub(lambda found, table=table: f"{found[1]}{table(module)}{found[2]}", text)
    return text


if __name__ == "__main__":
    loaded = schema()
    for document in DOCUMENTS:
        document.write_text(written(document.read_text(), loaded))
