# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role drift_schedule gives to systemd. The scenario limiter_agent of molecule runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROLE = Path(__file__).parents[2] / "roles" / "drift_schedule"
HARD = """a "quoted" $HOME `id` back\\slash \\n %h 'single' #\nsecond line"""
ENVIRONMENT = {"HUNTAZE_CACHE_AUTH_TOKEN": HARD, "EMPTY": "", "NUMBER": 7}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of a schedule whose words are hard to quote."""
    directory = tmp_path_factory.mktemp("units")
    program = directory / "100% drift"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    given = {
        "drift_schedule_name": "estate", "drift_schedule_program": str(program), "drift_schedule_inventory": "/srv/the estate", "drift_schedule_directory": "/srv",
        "drift_schedule_arguments": ["--correct", "-e", 'a="$b" 50%'], "drift_schedule_calendar": ["hourly", "Mon *-*-* 04:05:00 UTC"],
        "drift_schedule_environment": ENVIRONMENT, "drift_schedule_on_failure": ["mail@%n.service"],
    }
    tasks = [
        {"ansible.builtin.template": {"src": str(ROLE / "templates" / f"{name}.j2"), "dest": str(directory / f"estate.{name}"), "mode": "0600"}}
        for name in ("service", "timer", "environment")
    ]
    playbook = directory / "playbook.yml"
    playbook.write_text(yaml.safe_dump([{
        "hosts": "localhost", "gather_facts": False, "vars_files": [str(ROLE / "defaults" / "main.yml")], "tasks": [{"vars": given, "block": tasks}],
    }]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", playbook],
        cwd=directory, capture_output=True, text=True, check=False, timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def test_systemd_finds_nothing_wrong_with_the_units(written):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", written / "estate.service", written / "estate.timer"],
        capture_output=True, text=True, check=False, timeout=60,
    )
    told = [line for line in (done.stdout + done.stderr).splitlines() if "estate." in line]
    assert told == []


def test_words_reach_the_program_as_they_were_given(written):
    (line,) = [line for line in (written / "estate.service").read_text().splitlines() if line.startswith("ExecStart=")]
    program = str(written / "100%% drift")
    assert line == f'ExecStart=/usr/bin/flock --no-fork "{program}" "{program}" -i "/srv/the estate" "--correct" "-e" "a=\\"$$b\\" 50%%"'


def test_the_environment_is_read_as_it_was_given(written):
    """By a shell, whose rules within double quotes are those of systemd."""
    for name, value in ENVIRONMENT.items():
        read = subprocess.run(["sh", "-c", f'. "{written}/estate.environment"; printf %s "${name}"'], capture_output=True, text=True, check=True)
        assert read.stdout == str(value)


def test_secrets_are_in_the_environments_file_alone(written):
    assert all("HUNTAZE_CACHE_AUTH_TOKEN" not in (written / f"estate.{name}").read_text() for name in ("service", "timer"))


def test_the_timer_has_every_time_and_the_jitter(written):
    lines = (written / "estate.timer").read_text().splitlines()
    assert {"OnCalendar=hourly", "OnCalendar=Mon *-*-* 04:05:00 UTC", "RandomizedDelaySec=1800", "Persistent=true"} <= set(lines)


def test_defaults_are_those_of_the_argument_specification():
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    assert set(options) == set(defaults) and {**documented, "drift_schedule_directory": "/var/lib/{{ drift_schedule_name }}", "drift_schedule_inventory": ""} == defaults
