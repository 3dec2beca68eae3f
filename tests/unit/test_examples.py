# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every module and filter: they are YAML, and they use the options that the documentation lists."""

from __future__ import annotations

import ast
import re
import typing as t
from pathlib import Path

import pytest
import yaml

PLUGINS = Path(__file__).parents[2] / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
FILTERS = sorted(path.stem for path in (PLUGINS / "filter").glob("*.py"))
COLLECTION = "huntaze.ai_system."


def texts(path: Path) -> dict[str, str]:
    """DOCUMENTATION, EXAMPLES, and RETURN of a file, without importing it."""
    return {
        node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }


def options_of(module: str) -> dict[str, t.Any]:
    """The documented options, those of the documentation's fragments of this collection among them."""
    documentation = yaml.safe_load(texts(PLUGINS / "modules" / f"{module}.py")["DOCUMENTATION"])
    options = dict(documentation.get("options", {}))
    for fragment in documentation.get("extends_documentation_fragment", []):
        if fragment.startswith(COLLECTION):
            name = fragment.removeprefix(COLLECTION).partition(".")[0]
            tree = ast.parse((PLUGINS / "doc_fragments" / f"{name}.py").read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and "options:" in node.value:
                    options.update(yaml.safe_load(node.value).get("options") or {})
    return options


def problems_of(given: t.Any, options: dict[str, t.Any], place: str) -> t.Iterator[str]:
    """What an example gives that is not documented, and what it leaves out though it is required."""
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        if name not in options:
            yield f"{place}: {name} is not documented"
            continue
        option = options[name]
        choices = option.get("choices")
        for entry in value if isinstance(value, list) else [value]:
            if choices and isinstance(entry, (str, int)) and "{{" not in str(entry) and entry not in choices:
                yield f"{place}: {name} {entry!r} is none of the choices"
            yield from problems_of(entry, option["suboptions"], f"{place}: {name}") if "suboptions" in option else ()
    yield from (f"{place}: {name} is required" for name, option in options.items() if option.get("required") and name not in given)


def tasks_in(tasks: list[dict[str, t.Any]]) -> t.Iterator[dict[str, t.Any]]:
    for task in tasks:
        for key in ("tasks", "block", "rescue", "always"):
            yield from tasks_in(task.get(key) or [])
        yield task


@pytest.mark.parametrize("module", MODULES)
def test_kind_33_examples_of_modules_use_documented_options(module: str) -> None:
    examples = list(tasks_in(yaml.safe_load(texts(PLUGINS / "modules" / f"{module}.py")["EXAMPLES"])))
    own = [task for task in examples if COLLECTION + module in task]
    assert len(own) >= 2, f"{module} has {len(own)} examples of its own"
    assert problems_in(examples) == []


def test_readme_has_an_example_of_each_module() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (PLUGINS.parent / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lists = [block for block in map(yaml.safe_load, blocks) if isinstance(block, list)]  # others are variables
    examples = [task for block in lists for task in tasks_in(block)]
    assert {name for task in examples for name in task} - {"name", "register"} == {COLLECTION + module for module in MODULES}
    assert problems_in(examples) == []


def problems_in(examples: list[dict[str, t.Any]]) -> list[str]:
    options = {name: options_of(name) for name in MODULES}
    return [
        problem for task in examples for name in MODULES if COLLECTION + name in task
        for problem in problems_of(task[COLLECTION + name], options[name] | AWS_OPTIONS, task.get("name", "a task without a name"))
    ]


# What amazon.aws documents in the fragments that the modules name.
AWS_OPTIONS: dict[str, t.Any] = {name: {} for name in ("region", "profile", "endpoint_url", "access_key", "secret_key", "session_token", "aws_ca_bundle")}


@pytest.mark.parametrize("name", FILTERS)
def test_kind_33_examples_of_filters_use_the_filter(name: str) -> None:
    read = texts(PLUGINS / "filter" / f"{name}.py")
    assert isinstance(yaml.safe_load(read["EXAMPLES"]), list)
    assert COLLECTION + name in read["EXAMPLES"]


@pytest.mark.parametrize("given, said", [
    ({"group_id": "sg-1", "rules": [{"ip_protocol": "tcp", "colour": "red"}]}, "colour is not documented"),
    ({"group": "sg-1"}, "group is not documented"),
    ({}, "group_id is required"),
    ({"group_id": "sg-1", "rules": [], "state": "there"}, "state 'there' is none of the choices"),
])
def test_kind_33_a_wrong_example_would_be_seen(given: dict[str, t.Any], said: str) -> None:
    assert any(problem.endswith(said) for problem in problems_of(given, options_of("security_group_ingress"), "a task"))


@pytest.mark.parametrize("module", ["elasticache_auth", "elasticache_info", "security_group_ingress"])
def test_kind_17_what_a_failure_tells_is_documented(module):
    assert {"problems", "error"} <= set(yaml.safe_load(texts(PLUGINS / "modules" / f"{module}.py")["RETURN"]))
