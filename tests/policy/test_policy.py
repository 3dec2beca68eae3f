# SPDX-License-Identifier: GPL-3.0-or-later
"""The IAM policy of the README, and the actions that modules document, held to the calls that all other tests made.

It runs after them (`make pytest`), as HUNTAZE_SANDBOX_JOURNAL names the directory where the sandboxes wrote down what was called."""

from __future__ import annotations

import os
import re
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests" / "sandbox"))

from aws_api.permissions import documented  # noqa: E402

MODULES = {path.stem: path for path in sorted((REPOSITORY / "plugins" / "modules").glob("*.py")) if "AnsibleAWSModule" in path.read_text()}


class Taken(t.NamedTuple):
    """An action that the caller of a deployment was allowed."""

    module: str
    action: str


@pytest.fixture(scope="session")
def taken() -> set[Taken]:
    directory = os.environ.get("HUNTAZE_SANDBOX_JOURNAL")
    if not directory:
        pytest.skip("HUNTAZE_SANDBOX_JOURNAL names no directory with what the other tests called: `make pytest` does")
    lines = {line for journal in Path(directory).glob("*.txt") for line in journal.read_text().splitlines()}
    found = {Taken(module, action) for user, module, action, verdict in map(str.split, lines) if (user, verdict) == ("deployer", "allowed") and module != "-"}
    assert found, f"{directory} holds nothing that a module called"
    return found


def in_readme() -> set[str]:
    (statement,) = documented(REPOSITORY / "README.md")["Statement"]
    return set(statement["Action"])


def in_documentation(module: str) -> set[str]:
    """The actions that the notes of a module name, such as C(ec2:DescribeSecurityGroups)."""
    documentation = re.search(r'^DOCUMENTATION = r?"""(.*?)"""', MODULES[module].read_text(), re.MULTILINE | re.DOTALL)
    notes = " ".join(yaml.safe_load(documentation[1]).get("notes", []))
    return set(re.findall(r"C\(([a-z0-9]+:[A-Z]\w+)\)", notes))


def test_kind_08_the_policy_of_the_readme_is_what_modules_and_playbooks_call(taken: set[Taken]) -> None:
    called = {one.action for one in taken}
    assert {"never called": in_readme() - called, "missing": called - in_readme()} == {"never called": set(), "missing": set()}


@pytest.mark.parametrize("module", MODULES)
def test_kind_08_a_module_documents_the_actions_that_it_takes(taken: set[Taken], module: str) -> None:
    called = {one.action for one in taken if one.module == module}
    assert {"never called": in_documentation(module) - called, "not documented": called - in_documentation(module)} == {
        "never called": set(), "not documented": set(),
    }


@pytest.mark.parametrize("module", MODULES)
def test_kind_08_what_a_module_documents_stands_in_the_policy(module: str) -> None:
    assert in_documentation(module) and in_documentation(module) <= in_readme()
