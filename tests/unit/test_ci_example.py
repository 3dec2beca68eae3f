# SPDX-License-Identifier: GPL-3.0-or-later
"""examples/ci/drift.yml calls what is there, and makes of each exit status what it says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / "examples" / "ci" / "drift.yml").read_text())
STEPS = {step["name"]: step for step in WORKFLOW["jobs"]["drift"]["steps"] if "name" in step}
PROGRAM = ".ansible/collections/ansible_collections/huntaze/ai_system/scripts/huntaze-drift"


@pytest.fixture
def run(tmp_path):
    """A step as GitHub runs it, with a stand-in for the program that ends with this status."""
    def of(name, status=0):
        program = tmp_path / PROGRAM
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexit {status}\n')
        program.chmod(0o755)
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30,
            env={**os.environ, "HOME": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")},
        )

    return of


def test_its_program_stands_in_the_collection():
    assert PROGRAM in STEPS["Look for drift"]["run"]
    name = PROGRAM.rpartition("ai_system/")[2]
    assert os.access(ROOT / name, os.X_OK)
    # git keeps it executable, and so does ansible-galaxy.
    assert subprocess.run(["git", "ls-files", "-s", name], cwd=ROOT, capture_output=True, text=True, check=True).stdout.startswith("100755")


@pytest.mark.parametrize(("status", "answer", "warnings"), [(0, 0, 0), (2, 0, 1), (1, 1, 0), (137, 137, 0)])
def test_drift_is_a_warning_and_a_failure_a_failure(run, tmp_path, status, answer, warnings):
    done = run("Look for drift", status)
    assert (done.returncode, done.stdout.count("::warning title=Drift::")) == (answer, warnings)
    assert (tmp_path / "calls").read_text() == "-i production\n"


def test_the_report_becomes_the_summary_if_there_is_one(run, tmp_path):
    assert run("Show the report").returncode == 0 and not (tmp_path / "summary").exists()
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.md").write_text("# DRIFT\n")
    assert run("Show the report").returncode == 0 and (tmp_path / "summary").read_text() == "# DRIFT\n"
    assert STEPS["Show the report"]["if"] == "always()"


def test_it_hands_over_what_the_inventory_takes_from_the_environment():
    taken = set(re.findall(r"HUNTAZE_\w+", (ROOT / "inventories" / "production" / "group_vars" / "all.yml").read_text()))
    given = STEPS["Look for drift"]["env"]
    assert {name for name in given if name.startswith("HUNTAZE_")} == taken
    assert all(re.fullmatch(rf"\$\{{\{{ (vars|secrets)\.{name} \}}\}}", given[name]) for name in taken)
    secret = [name for name in taken if re.search("TOKEN|PASSWORD|SECRET$|KEY", name)]
    assert all("secrets." in given[name] for name in secret) and "id-token" in WORKFLOW["permissions"]
