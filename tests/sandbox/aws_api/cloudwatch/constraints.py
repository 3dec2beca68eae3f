# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service model says of its parameters beyond what botocore checks before sending."""

from __future__ import annotations

import re
import typing as t


def violations(shape: t.Any, value: t.Any, path: str = "") -> t.Iterator[str]:
    """A sentence for each value that breaks a length, a range, a pattern or an enumeration of the model."""
    kind, rules = shape.type_name, shape.metadata
    if kind == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from violations(member, value[name], f"{path}.{name[0].lower()}{name[1:]}".lstrip("."))
        return
    size = len(value) if kind in ("list", "string", "map") else value
    if kind in ("list", "string", "integer", "long") and not rules.get("min", size) <= size <= rules.get("max", size):
        what = "value" if kind in ("integer", "long") else "length"
        limits = " and ".join(f"{word} than or equal to {rules[end]}" for word, end in (("greater", "min"), ("less", "max")) if end in rules)
        yield _failed(value, path, f"Member must have {what} {limits}")
    if kind == "string" and "enum" in rules and value not in rules["enum"]:
        yield _failed(value, path, f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]")
    if kind == "string" and "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        yield _failed(value, path, f"Member must satisfy regular expression pattern: {rules['pattern']}")
    if kind == "list":
        for number, item in enumerate(value, 1):
            yield from violations(shape.member, item, f"{path}.{number}.member")


def _failed(value: t.Any, path: str, constraint: str) -> str:
    return f"Value '{str(value)[:100]}' at '{path}' failed to satisfy constraint: {constraint}"
