# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a YAML file and says for every mistake in it where it stands."""

from __future__ import annotations

import contextlib
import re
import typing as t
from pathlib import Path

import yaml


class Invalid(Exception):
    """Everything that is wrong with a file, one line each."""


class Document:
    """Collects problems while a reader walks the nodes; `finish` raises them together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        try:
            self.root = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            raise Invalid(f"{path}:{mark.line + 1}:{mark.column + 1}: {error.problem}") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise Invalid(f"{path}: {error}") from error
        if self.root is None:
            raise Invalid(f"{path}: is empty")

    def wrong(self, node: yaml.Node, problem: str) -> None:
        mark = node.start_mark
        self.problems.append(f"{self.path}:{mark.line + 1}:{mark.column + 1}: {problem}")

    def finish(self) -> None:
        if self.problems:
            raise Invalid("\n".join(self.problems))

    def mapping(self, node: yaml.Node, name: str, known: t.Collection[str] | None = None,
                required: t.Iterable[str] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{name} has to be a mapping")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(key, f"{name} has a key that is not a word")
            elif key.value in found:
                self.wrong(key, f"{name} has {key.value} twice")
            elif known is not None and key.value not in known:
                self.wrong(key, f"{name} has no {key.value}; it has {', '.join(known)}")
            else:
                found[key.value] = value
        for key in required:
            if key not in found:
                self.wrong(node, f"{name} lacks {key}")
        return found

    def sequence(self, node: yaml.Node, name: str) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode) and node.value:
            return node.value
        self.wrong(node, f"{name} has to be a list with at least one item")
        return []

    def integer(self, node: yaml.Node, name: str, least: int, most: int) -> int:
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:int":
            with contextlib.suppress(ValueError, IndexError):  # what YAML's pattern or an explicit tag lets pass
                value = yaml.SafeLoader("").construct_yaml_int(node)
                if least <= value <= most:
                    return value
        self.wrong(node, f"{name} has to be a whole number from {least} to {most}")
        return least

    def text(self, node: yaml.Node, name: str, pattern: str = r"[^\s]+", meaning: str = "one word") -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str" and re.fullmatch(pattern, node.value):
            return node.value
        self.wrong(node, f"{name} has to be {meaning}")
        return ""
