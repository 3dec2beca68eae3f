# SPDX-License-Identifier: GPL-3.0-or-later
"""Two environments in one account, and alarms that somebody has muted."""

from __future__ import annotations

import json
import typing as t

from support import deployment, sandboxes


def alarms_by_name(sandbox: sandboxes.Sandbox) -> dict[str, dict[str, t.Any]]:
    found = deployment.aws(sandbox, "cloudwatch", "describe-alarms", "--alarm-types", "MetricAlarm", "CompositeAlarm")
    return {alarm["AlarmName"]: alarm for alarm in found["MetricAlarms"] + found["CompositeAlarms"]}


def test_kind_32_two_environments_stand_side_by_side_in_one_account_and_kind_19_a_muted_alarm_stays_so(sandbox, estate, deploy):
    ours = deploy("--tags", "alarms")
    assert ours.rc == 0, ours.output
    deployment.aws(sandbox, "cloudwatch", "disable-alarm-actions", "--alarm-names", "huntaze-ai-anomalies")
    before = alarms_by_name(sandbox)
    acme = deploy("--tags", "alarms", variables={"huntaze_names": {"prefix": "acme-staging", "metric_namespace": "Acme/Staging"}})
    assert acme.rc == 0, acme.output
    both = alarms_by_name(sandbox)
    theirs = {name: alarm for name, alarm in both.items() if name.startswith("acme-staging-")}
    assert {name: alarm for name, alarm in both.items() if name not in theirs} == before
    assert len(theirs) == len(before) and "huntaze-ai" not in json.dumps(theirs) and "Huntaze/AI" not in json.dumps(theirs)

    again = deploy("--tags", "alarms,verify")
    assert [note for note in again.report["notes"] if note.startswith("MUTED: huntaze-ai-anomalies")] and "MUTED: huntaze-ai-anomalies" in again.output
    # Nothing was to be changed, and the cache is still the guide's: nothing is called as declared.
    assert (again.report["outcome"]["word"], again.report["steps"]) == ("failed", []) and "as declared" not in again.output, again.output
    assert again.report["run"]["left_out"] == ["network", "auth_open", "agent", "auth_close", "app"] and "Not compared, as this run left it out" in again.output
    assert alarms_by_name(sandbox) == both
