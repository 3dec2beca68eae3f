# SPDX-License-Identifier: GPL-3.0-or-later
"""Every word for a failed connection stands in the enumeration, in the modules' documentation, and nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import WORDS, Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble
from ansible_collections.huntaze.ai_system.plugins.modules import postgres_reachability, reachability, redis_reachability

REPOSITORY = Path(__file__).parents[2]
ENUMERATION = REPOSITORY / "plugins/module_utils/_connect/cause.py"
# Words that are also options, fields of AWS or states of a connection.
COMMON = {"timeout", "refused", "reset", "tls", "certificate", "busy", "rejected", "protocol"}


@pytest.mark.parametrize(
    ("module", "meets"),
    [(redis_reachability, set(Cause) - {Cause.NOT_ALLOWED, Cause.NO_DATABASE}), (postgres_reachability, set(Cause)), (reachability, set(Cause))],
)
def test_the_documentation_lists_every_cause_that_the_module_can_meet(module, meets):
    told = yaml.safe_load(module.RETURN)
    (listed,) = told.get("results", {"contains": told})["contains"]["error"]["contains"]["class"]["description"]
    assert sorted(re.findall(r"V\((\w+)\)", listed)) == sorted(meets)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "plugins").rglob("*.py")), ids=lambda path: path.stem)
def test_no_word_stands_in_a_second_place(path):
    texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert path == ENUMERATION or not texts & {str(cause) for cause in Cause} - COMMON


def test_what_is_compared_with_a_class_is_a_cause():
    """In documentation, examples and playbooks, which cannot use the enumeration."""
    places = [path for folder in ("plugins", "playbooks", "roles", "examples", "extensions", "docs") for path in (REPOSITORY / folder).rglob("*.*")]
    compared = [
        word for path in [REPOSITORY / "README.md", *places] if path.suffix in (".py", ".yml", ".md", ".j2")
        for word in re.findall(r"error\.class *[!=]= *['\"](\w+)", path.read_text())
    ]
    assert compared and set(compared) <= set(Cause)


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_is_its_word_and_has_a_way_out(cause):
    assert (cause, str(cause), f"{cause}", cause.lower()) == (cause.name.lower(),) * 4
    told = Trouble(cause, "m").as_dict()
    assert (told["class"], type(told["class"]), told["message"]) == (cause, str, "m")
    assert told["advice"] == cause.advice.format(**WORDS) and told["advice"].endswith(".")


def test_the_cause_in_a_result():
    assert Cause.met_in({"error": {"class": "timeout"}}) is Cause.TIMEOUT
    for result in ({}, {"error": None}, {"error": {}}, {"error": {"class": "a class of tomorrow"}}):
        assert Cause.met_in(result) is None
