# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments that are killed, one after the other."""

from __future__ import annotations

from support import deployment, waiting


def test_runs_killed_one_after_the_other_get_there(sandbox, estate, deploy, tmp_path):
    """Every run makes the call that comes next, the one after that or the third, and dies before it hears the answer."""

    def killed_at(change: int) -> bool:
        waiting.until(lambda: not deployment.the_lock(sandbox), what="the lock of the run before to go")
        # The first call of all takes the lock.
        with sandbox.fault("hang", operation="mutating", after=1 + change, times=1):
            return deployment.killed_when(
                lambda output: any(fault.get("held") for fault in sandbox.control.faults()),
                # The alarms' own tests kill at each of theirs.
                sandbox, "--skip-tags", "alarms,verify", inventory=tmp_path / "inventory",
            )

    # A change of the token whose answer nobody heard proves nothing, so the next run makes it anew and has to live longer to get further:
    # at most through ROTATE and SET, to their note.
    kills = 0
    while killed_at(kills % 3):
        kills += 1
        assert kills < 20
    # Two rules, a snapshot, a promotion, two TLS modes, two changes of the token and their note, variables, a build and its notes.
    assert kills >= 6
    deployment.assert_secured(sandbox, estate["auth_token"])
    deployment.assert_app_built_once(sandbox, estate)
    last = deploy()
    assert last.rc == 0 and last.stages() == {"alarms"}, last.output
