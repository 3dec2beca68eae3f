# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes where, as far as it can be read off the files: planners are pure, modules are thin."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
PACKAGE = "ansible_collections.huntaze.ai_system.plugins.module_utils"
IMPURE = ("botocore", "boto3", "ansible_collections.amazon")
DOCUMENTED = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
CODE_LINES = 60

MODULES = sorted((PLUGINS / "modules").glob("*.py"))
FILES = {path: ast.parse(path.read_text()) for path in sorted(MODULE_UTILS.rglob("*.py"))}
PLANNERS = [path for path, tree in FILES.items() if {"plan", "refusals"} & {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}]


def imported(path):
    """The modules that a file imports, at its top and within, by their full names."""
    names = set()
    for node in ast.walk(FILES[path]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def file_of(name):
    path = MODULE_UTILS.joinpath(*name[len(PACKAGE) + 1:].split(".")).with_suffix(".py") if name.startswith(f"{PACKAGE}.") else None
    return path if path in FILES else None


def reached(path):
    """The file and all of module_utils that it stands on."""
    found, open_ = set(), [path]
    while open_:
        here = open_.pop()
        found.add(here)
        open_ += [file for file in map(file_of, imported(here)) if file and file not in found]
    return found


def is_impure(path):
    return any(name == impure or name.startswith(f"{impure}.") for name in imported(path) for impure in IMPURE)


def named(path):
    return str(path.relative_to(MODULE_UTILS))


def test_planners_are_found():
    assert {"_ec2/ingress.py", "_cloudwatch/alarms.py"} <= set(map(named, PLANNERS))


@pytest.mark.parametrize("path", PLANNERS, ids=named)
def test_a_planner_stands_on_nothing_that_imports_botocore_or_amazon_aws(path):
    impure = sorted(named(file) for file in reached(path) if is_impure(file))
    assert not impure, impure


def code_lines(path):
    """The lines of a module beside its documentation, the options that it takes, blank lines and comments."""
    text = path.read_text()
    lines = text.splitlines()
    beside = set()
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in DOCUMENTED
        options = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("AnsibleModule", "AnsibleAWSModule")
        if documented or options:
            beside |= set(range(node.lineno, node.end_lineno + 1))
    return [line for number, line in enumerate(lines, 1) if number not in beside and line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_documentation_options_and_a_short_main(path):
    assert len(code_lines(path)) <= CODE_LINES, len(code_lines(path))
