# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as files: whole or not at all, bounded, and the one to compare with."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest
import yaml
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.problems import FORMATS
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import files, model
from hypothesis import given, settings
from hypothesis import strategies as st

CALLBACK = Path(__file__).parents[2] / "plugins" / "callback" / "report.py"
NOON = 1_796_126_400.0  # 1 Dec 2026 12:00:00 UTC
RUN = model.Run("drift", "ansible-playbook playbooks/drift.yml", False, NOON, NOON + 9, "0.1.0")


def report(number=0, word="clean", left_out=()):
    made = model.report([], RUN._replace(began=NOON + 60 * number, ended=NOON + 60 * number + 9, left_out=left_out))
    made["outcome"]["word"] = word
    return made


def put(directory, *words, keep=30, left_out=()):
    for number, word in enumerate(words):
        assert files.write(report(number, word, left_out), str(directory), [], keep).problems == []


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def began(number):
    return report(number)["run"]["began"]


def test_a_run_has_a_file_of_its_own_and_the_last_ones_names_are_always_the_same(tmp_path):
    directory = tmp_path / "new" / "reports"
    for number in range(2):
        files.write(report(number, "running"), str(directory), ["json"], 30)
        written = files.write(report(number), str(directory), ["json"], 30)
        assert written.problems == [] and [path.rpartition("/")[2] for path in written.paths] == [f"drift-20261201T120{number}00Z.json", "report.json"]
    assert names(directory) == ["drift-20261201T120000Z.json", "drift-20261201T120100Z.json", "report.json"]
    assert json.loads((directory / "report.json").read_text()) == report(1)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700 and {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_every_form_has_its_file_also_of_a_run_that_has_not_ended(tmp_path):
    for running in (True, False):
        made = model.report([], RUN._replace(running=running))
        written = files.write(made, str(tmp_path), files.FORMS, 30)
        assert written.problems == [] and names(tmp_path) == sorted([files.name(began(0)), *(file for file, dummy in files.FORMS.values())])
        assert all((tmp_path / file).read_text() == draw(made) for file, draw in files.FORMS.values())


def test_every_form_has_an_option_of_the_callback_and_a_word_of_the_inventory():
    options = yaml.safe_load(CALLBACK.read_text().partition('r"""')[2].partition('"""')[0])["options"]
    assert {name: options[name]["env"][0]["name"] for name in files.FORMS} == {name: f"HUNTAZE_REPORT_{name.upper()}" for name in files.FORMS}
    assert set(files.FORMS) == {"json", *FORMATS}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_what_was_there_and_says_so(tmp_path, monkeypatch, number):
    put(tmp_path, "clean")
    before = {path: path.read_text() for path in tmp_path.iterdir()}

    def full(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    written = files.write(report(1), str(tmp_path), ["json"], 30)
    assert written.paths == [] and all(os.strerror(number) in problem for problem in written.problems) and len(written.problems) == 2
    assert {path: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_place_that_is_no_directory_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        assert files.write(report(), str(tmp_path / place), ["json"], 30).problems[0].startswith(f"The report could not be written to {tmp_path}/{place}: ")
    assert files.previous(str(tmp_path / "nowhere"), began(1)) == (None, [])


def test_a_form_that_cannot_be_drawn_takes_no_other_with_it(tmp_path, monkeypatch):
    monkeypatch.setitem(files.FORMS, "broken", ("report.txt", lambda made: made["nothing"]))
    written = files.write(report(), str(tmp_path), ["broken"], 30)
    assert names(tmp_path) == ["drift-20261201T120000Z.json", "report.json"] and ["report.txt" in problem for problem in written.problems] == [True]


def test_the_report_before_is_of_the_last_other_run_that_came_to_its_end(tmp_path):
    put(tmp_path, "drift", "failed", "running")
    assert files.previous(str(tmp_path), began(3))[0]["run"]["began"] == began(1)
    assert files.previous(str(tmp_path), began(1))[0]["run"]["began"] == began(0)
    assert files.previous(str(tmp_path), began(0)) == (None, [])


def test_the_age_is_since_the_last_run_that_looked_at_everything(tmp_path):
    put(tmp_path, "drift", "failed")
    put(tmp_path, *["running"] * 3, "clean", left_out=["alarms"])
    now = NOON + 600
    assert files.age(report(4), str(tmp_path), now) == files.age(report(4), None, now) == 600 - 240 - 9
    assert files.age(report(4, "failed"), str(tmp_path), now) is None
    put(tmp_path, "drift", "failed")
    assert files.age(report(4, "failed"), str(tmp_path), now) == 591 and files.age(report(4, "failed"), None, now) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 2, "outcome": {"word": "clean"}}', '{"version": 1, "drift": [], "outcome": "clean"}', "\udcff"])
def test_a_damaged_report_is_told_and_passed_over(tmp_path, text):
    put(tmp_path, "clean", "clean")
    (tmp_path / files.name(began(1))).write_bytes(text.encode("utf-8", "surrogateescape"))
    before, notes = files.previous(str(tmp_path), began(2))
    assert before["run"]["began"] == began(0) and len(notes) == 1 and files.name(began(1)) in notes[0]


@settings(deadline=None)  # a disk may be slow
@given(st.integers(1, 12), st.integers(-1, 6))
def test_the_directory_is_bounded_and_keeps_the_last(tmp_path_factory, runs, keep):
    directory = tmp_path_factory.mktemp("reports")
    (directory / "drift-notes.json").write_text("somebody's")
    put(directory, *["clean"] * runs, keep=keep)
    assert names(directory) == sorted(["drift-notes.json", "report.json", *(files.name(began(number)) for number in range(max(runs - max(keep, 1), 0), runs))])
