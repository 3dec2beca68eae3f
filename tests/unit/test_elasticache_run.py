# SPDX-License-Identifier: GPL-3.0-or-later
"""How elasticache_auth makes its steps and what it says of them, without any AWS: what AWS answers and shows is given."""

from __future__ import annotations

import time

import pytest

from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import path as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.cache import NOTHING
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import problems
from ansible_collections.huntaze.ai_system.plugins.modules import elasticache_auth

TOKEN = "canary-token-aaaaaaaa"
GROUP = dict(NOTHING, exists=True, kind="replication_group", id="group", status="available", engine="redis", engine_version="7.1.0", arn="arn",
             replication_group_id="group", transit_encryption_enabled=True, transit_encryption_mode="required")


OPTIONS = {
    "requirepass": None, "name": "group", "replication_group_id": None, "snapshot_name": None, "auth_token": TOKEN, "transit_encryption_mode": "required",
    "wait_timeout": 1, "probe_timeout": 1.0, "tls_ca_file": None,
}


class Failed(Exception):
    """The module's failure, with its result."""


class Module:
    check_mode = False

    def fail_json(self, **result):
        raise Failed(result)


@pytest.fixture
def run():
    """A run without clients, of a module with these options."""
    def make(observed, **params):
        run = object.__new__(elasticache_auth.Run)
        run.module, run.params = Module(), {"wait": True, "wait_timeout": 1, "probe": False, **params}
        run.deadline = time.monotonic() + run.params["wait_timeout"]
        run.made, run.answered, run.unanswered, run.unneeded = [], [], [], []
        run.pause, run.promoting, run.refused, run.excuse = 0.01, False, 0, ""
        run.desired = planner.Desired(name="group", snapshot_name="before", auth_token=TOKEN, fingerprint="0/0")
        run.ahead = planner.path(run.desired, observed)
        run.observe = lambda: observed
        return run

    return make


@pytest.mark.parametrize(("wait", "advice"), [
    (True, "All waiting and asking together may take 1 seconds: run again later, or with a longer wait_timeout."),
    (False, "It is not waited for, as wait is false: run again later, or with wait: true."),
])
@pytest.mark.parametrize(("snapshot", "cache", "words"), [
    ("creating", {}, "it has the status available; its snapshot before is still being made. "),
    (None, {"status": "modifying"}, "it has the status modifying. "),
])
def test_kind_35_a_cache_that_is_busy_is_told_with_what_it_is_busy_and_a_way_out_that_helps(run, wait, advice, snapshot, cache, words):
    busy = run(planner.Observed(dict(GROUP, **cache), snapshot=snapshot), wait=wait)
    busy.deadline = time.monotonic()
    with pytest.raises(Failed) as failed:
        busy.wait_for(elasticache_auth.settled, "Waiting for the cache to be available")
    message = failed.value.args[0]["msg"]
    assert words + advice in message, message


def test_kind_11_a_step_that_aws_does_not_need_is_neither_made_nor_left(run):
    there = planner.Observed(dict(GROUP, auth_token_enabled=True, auth_token_last_modified_date="2025-01-01T00:00:00+00:00"))
    rotate_set = run(there)
    rotate_set.send = lambda change: elasticache_auth.UNNEEDED if planner.strategy_of(change) else elasticache_auth.MADE
    change = planner.next_change(rotate_set.desired, there)
    rotate_set.make(change, there)
    assert planner.strategy_of(change) == "ROTATE" and rotate_set.made == []
    assert rotate_set.left() == [step.summary for step, dummy in rotate_set.ahead][1:]


@pytest.mark.parametrize(("content", "words"), [
    (None, "cannot be read on this host (No such file or directory)"), ("directory", "cannot be read on this host"), ("no certificate", "holds no certificate"),
])
def test_kind_26_a_ca_file_that_cannot_be_used_is_refused_before_anything_is_asked(tmp_path, content, words):
    file = tmp_path / "ca.pem"
    if content == "directory":
        file.mkdir()
    elif content:
        file.write_text(content)
    (problem,) = problems({**OPTIONS, "tls_ca_file": str(file)})
    assert problem.startswith(f"tls_ca_file {file}") and words in problem
    assert problems(OPTIONS) == []
