# SPDX-License-Identifier: GPL-3.0-or-later
"""When a long wait is spoken of, and how its lines read, by a clock of the tests' own."""

from __future__ import annotations

import calendar
import os
import unicodedata

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._progress import BLOCKED, MADE, SEEN, SENDS, WAITS, Progress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils import _journal
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._progress import Pace
from hypothesis import given
from hypothesis import strategies as st

BEGAN = calendar.timegm((2026, 11, 26, 3, 12, 44))
TLS = Progress(WAITS, "Replication group huntaze-redis: require TLS", 3, 6, "cache huntaze-redis", "modifying", usually=(480, 1080), left=3600)


def lines_of(*heard, head="auth_close"):
    """What is said of (seconds since the beginning, Progress or None)."""
    pace = Pace(head, BEGAN)
    return [line for after, told in heard for line in (pace.hear(told, BEGAN + after) if told else pace.silent(BEGAN + after))]


def wait(*until, told=TLS):
    """A look each 15 seconds."""
    return [(after, told._replace(seconds=float(after), left=3600.0 - after)) for after in range(0, until[0] + 1, 15)]


def test_a_wait_reads_as_designed():
    seen = (678, TLS._replace(phase=SEEN, state="available", seconds=674.0))
    lines = lines_of((0, TLS._replace(phase=SENDS)), (1, TLS._replace(phase=MADE)), *wait(660), seen)
    assert lines[0] == "03:12:59  auth_close step 3 of 6    huntaze-redis modifying                15 s, usually 8 to 18 min"
    assert lines[1] == "03:13:59  auth_close step 3 of 6    huntaze-redis modifying          1 min 15 s, usually 8 to 18 min"
    assert lines[-1] == "03:24:02  auth_close step 3 of 6    huntaze-redis available, done   11 min 14 s"
    assert len(lines) == 12 and max(map(len, lines)) <= 100


def test_a_change_of_state_is_told_at_once_and_nothing_twice():
    build = Progress(WAITS, object="branch main of app d1", state="job 7 PENDING")
    heard = [(after, build._replace(seconds=float(after), state=f"job 7 {'PENDING' if after < 20 else 'RUNNING'}")) for after in range(0, 80, 10)]
    assert [(line[:8], " ".join(line[8:].split())) for line in lines_of(*heard, head="app")] == [
        ("03:12:54", "app main of app d1 job 7 PENDING 10 s"), ("03:13:04", "app main of app d1 job 7 RUNNING 20 s"),
    ]


def test_what_is_over_at_once_is_not_spoken_of():
    heard = []
    for number in range(1, 13):
        step = Progress(SENDS, f"step {number}", number, 12, f"alarm {number}")
        heard += [(number, step), (number, step._replace(phase=MADE)), (number + 0.2, step._replace(phase=WAITS, seconds=0.2)), (number + 0.9, step._replace(phase=SEEN))]
    assert lines_of(*heard) == []


def test_many_steps_are_told_of_once_a_minute():
    steps = [Progress(SENDS, f"put alarm {number}", number, 1000, f"alarm {number}") for number in range(1, 1001)]
    lines = lines_of(*((number / 3, step) for number, step in enumerate(steps, 1)), head="alarms")
    assert [line.split("  ")[1].strip() for line in lines] == [f"alarms step {180 * minute} of 1,000" for minute in range(1, 6)]


def test_a_wait_that_lasts_longer_than_usual_says_so_and_when_the_run_gives_up():
    lines = lines_of(*wait(1200))
    assert not any("longer" in line for line in lines[:18])
    assert lines[18] == "03:30:59  auth_close step 3 of 6    huntaze-redis modifying, longer than usual 18 min 15 s"
    assert lines[19] == "          Usual is 8 to 18 min. It waits 41 min 45 s more at most, then stops; the next run goes on with this step."
    assert "longer than usual" in lines[-1] and sum("at most" in line for line in lines) == 1


def test_what_is_in_the_way_of_a_step_is_told_as_that():
    (line,) = lines_of((20, TLS._replace(phase=BLOCKED, state="snapshotting", seconds=20.0, usually=None)))
    assert line == "03:13:04  auth_close before step 3 of 6  huntaze-redis snapshotting             20 s"


def test_silence_is_told_as_silence_and_what_was_never_waited_for_not_at_all():
    lines = lines_of((10, TLS._replace(seconds=10.0)), *((after, None) for after in range(11, 140)))
    assert [line[:8] for line in lines] == ["03:12:54", "03:13:54", "03:14:54"]
    assert "huntaze-redis modifying when last seen at 03:12:54 " in lines[1] and "1 min 10 s, usually 8 to 18 min" in lines[1]
    assert lines_of(*((after, None) for after in range(200))) == []


@given(st.lists(st.tuples(st.floats(0, 100), st.one_of(st.none(), st.builds(
    Progress, st.sampled_from([BLOCKED, SENDS, MADE, WAITS, SEEN]), st.text(), st.integers(0, 3), st.integers(3, 5), st.text(), st.text(),
    st.floats(0, 5000), st.one_of(st.none(), st.just((480.0, 1080.0))), st.one_of(st.none(), st.floats(0, 5000)),
))), max_size=12))
def test_kind_26_no_text_of_others_begins_a_line_or_moves_the_cursor(heard):
    for line in lines_of(*heard, head="network"):
        assert line.startswith("          Usual is") or line[10:].startswith("network")
        assert not any(unicodedata.category(character)[0] == "C" for character in line)


@pytest.mark.parametrize(("usually", "words"), [((480, 1080), "usually 8 to 18 min"), ((0, 60), "usually up to 1 min")])
def test_what_is_usual(usually, words):
    (line,) = lines_of((10, TLS._replace(seconds=10.0, usually=usually)))
    assert line.endswith(f"10 s, {words}")


def test_what_was_told_by_several_processes_is_the_result_of_a_task_that_never_returned(monkeypatch):
    monkeypatch.setattr(_journal, "_file", None)
    assert _journal.result_of("localhost", "7") == {}
    _journal.note("localhost", "7", TLS)  # nobody asked for it
    _journal.begin()
    child = os.fork()
    if child == 0:
        for phase in (SENDS, MADE, WAITS, SEEN):
            _journal.note("localhost", "7", TLS._replace(doing="first", phase=phase))
        _journal.note("localhost", "8", TLS._replace(doing="of another task", phase=MADE))
        os._exit(0)
    os.waitpid(child, 0)
    _journal.note("localhost", "7", TLS._replace(doing="second", phase=SENDS))
    told = {"changed": True, "steps": ["first"], "differences": [{"object": "cache huntaze-redis"}], "running": "second"}
    assert _journal.result_of("localhost", "7") == told
    _journal.note("localhost", "7", TLS._replace(doing="second", phase=MADE))
    assert _journal.result_of("localhost", "7") == told
    _journal.note("localhost", "7", TLS._replace(doing="second", phase=SEEN))
    assert _journal.result_of("localhost", "7") == {**told, "steps": ["first", "second"], "running": ""}
    _journal.note("localhost", "9", TLS._replace(doing="third", phase=BLOCKED))
    assert _journal.result_of("localhost", "9")["steps"] == [] and _journal.result_of("localhost", "9")["running"] == ""
