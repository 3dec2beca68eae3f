# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/huntaze-drift on a deployed estate: its exit status, the reports that it leaves, and what it tells CloudWatch."""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import typing as t
from pathlib import Path

import pytest
from support import deployment, sandboxes
from support.waiting import until

PROGRAM = sandboxes.REPOSITORY / "scripts" / "huntaze-drift"


class Runs:
    """The program on one estate, with a directory of reports."""

    def __init__(self, sandbox: sandboxes.Sandbox, directory: Path) -> None:
        self.sandbox, self.directory = sandbox, directory
        self.reports = directory / "reports"
        self.inventory = deployment.inventory_without_agents(directory)
        self.wished = {"huntaze_drift": {"directory": str(self.reports), "metrics": True, "keep": 10}}

    def start(self, *arguments: str, **wished: t.Any) -> subprocess.Popen[str]:
        variables = {"huntaze_drift": {**self.wished["huntaze_drift"], **wished}}
        given = deployment.command(self.sandbox, *arguments, playbook="", inventory=self.inventory, variables=variables)[1:]
        environ = {**deployment.environment(self.sandbox), "PATH": f"{deployment.PROGRAMS}:{os.environ['PATH']}"}
        return subprocess.Popen(
            [PROGRAM, *filter(None, given)], cwd=sandboxes.REPOSITORY, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def run(self, *arguments: str, **wished: t.Any) -> tuple[int, str]:
        process = self.start(*arguments, **wished)
        output, dummy = process.communicate(timeout=300)
        return process.returncode, output

    def report(self) -> dict[str, t.Any]:
        return json.loads((self.reports / "report.json").read_text())

    def told(self, statistic: str) -> tuple[float | None, ...]:
        """DriftDetected, DriftRunFailed and DriftRunAge of the last minute that has any. Runs may share a minute: a statistic tells them apart."""
        now, names = datetime.datetime.now(datetime.timezone.utc), ("DriftDetected", "DriftRunFailed", "DriftRunAge")
        found = self.sandbox.client("cloudwatch").get_metric_data(
            StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(minutes=5), ScanBy="TimestampDescending",
            MetricDataQueries=[
                {"Id": name.lower(), "MetricStat": {"Metric": {"Namespace": "Huntaze/AI", "MetricName": name}, "Period": 60, "Stat": statistic}} for name in names
            ],
        )["MetricDataResults"]
        return tuple(one["Values"][0] if one["Values"] else None for one in found)


@pytest.fixture(scope="module")
def runs(sandbox: sandboxes.Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    sandbox.reset()
    return Runs(sandbox, tmp_path_factory.mktemp("drift"))


def test_drift_is_2_until_it_is_corrected_and_cloudwatch_is_told(runs, sandbox):
    """The guide's estate, of which nearly all is to be changed."""
    status, output = runs.run()
    assert status == 2 and runs.report()["outcome"]["word"] == "drift", output
    differs = len(runs.report()["drift"])
    assert differs > 10 and runs.told("Maximum") == (differs, 0, 0)
    # Its own output is the report alone: that of the playbook that publishes is not seen.
    assert len(re.findall(r"^DRIFT ", output, re.MULTILINE)) == 2 and "drift_metrics" not in output and "PLAY" not in output, output

    status, output = runs.run("--correct")
    assert status == 0 and runs.report()["outcome"]["word"] == "changed" and {one["state"] for one in runs.report()["drift"]} == {"gone"}, output
    status, output = runs.run()
    assert status == 0 and runs.report()["outcome"]["word"] == "clean" and runs.told("Minimum") == (0, 0, 0), output
    assert len(list(runs.reports.glob("drift-*.json"))) == 3 and (runs.reports / "report.md").exists()

    told = sandbox.calls()["cloudwatch.PutMetricData"]
    deployment.aws(sandbox, "cloudwatch", "delete-alarms", "--alarm-names", "huntaze-ai-drift-run-age")
    status, output = runs.run("--tags", "alarms")
    assert (status, [one["object"]["name"] for one in runs.report()["drift"]]) == (2, ["huntaze-ai-drift-run-age"]), output
    assert sandbox.calls()["cloudwatch.PutMetricData"] == told == 3  # of a part of the estate nothing is told


def test_a_run_that_looked_at_nothing_is_1(runs):
    before = len(list(runs.reports.glob("drift-*.json")))
    for arguments in (["--limit", "nobody"], ["--start-at-task", "nothing"], ["--tags", "no-such-stage"], ["--no-such-option"]):
        assert runs.run(*arguments)[0] == 1, arguments
    assert len(list(runs.reports.glob("drift-*.json"))) <= before + 1


def test_a_run_that_preflight_refuses_is_1_and_told_as_failed(runs):
    status, output = runs.run("-e", '{"huntaze_cache": {"name": "nobody", "auth_token": "x"}}')
    assert status == 1 and runs.report()["outcome"]["word"] == "failed", output
    assert runs.told("Maximum")[1] == 1


def test_a_report_that_cannot_be_written_is_1(runs, tmp_path):
    (tmp_path / "file").write_text("")
    status, output = runs.run("--tags", "alarms", directory=str(tmp_path / "file"))
    assert status == 1 and f"could not be written to {tmp_path}/file" in " ".join(output.split()), output
    assert "FAILED  " in output


def test_a_run_that_is_stopped_is_1_and_its_report_says_so(runs):
    before = set(runs.reports.glob("drift-*.json"))
    process = runs.start()
    try:
        (own,) = until(lambda: [path for path in runs.reports.glob("drift-*.json") if path not in before], what="the beginning of the run")
        assert json.loads(own.read_text())["outcome"]["word"] == "running"
        process.send_signal(signal.SIGTERM)
        output, dummy = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 1 and "huntaze-drift: stopped before its end." in output, output
    assert runs.report()["outcome"]["sentence"].startswith("Stopped before its end"), output


def test_it_runs_installed_from_any_directory(tmp_path):
    """An inventory without any variable: preflight says so, by the collection's own playbook and callbacks."""
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", sandboxes.REPOSITORY, "--output-path", tmp_path], check=True, capture_output=True)
    installed = tmp_path / "collections" / "ansible_collections" / "huntaze" / "ai_system"
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        archive.extractall(installed, filter="data")
    link = tmp_path / "huntaze-drift"
    link.symlink_to(installed / "scripts" / "huntaze-drift")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "HUNTAZE_"))}
    environ.update(PATH=f"{deployment.PROGRAMS}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "collections"), ANSIBLE_NOCOLOR="1")
    done = subprocess.run([link, "-i", "localhost,", "-c", "local"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=300)
    report = json.loads((tmp_path / "reports" / "report.json").read_text())
    assert done.returncode == 1 and report["outcome"]["word"] == "failed" and "huntaze_aws" in done.stdout, done.stdout + done.stderr
    # In the JSON, as a long name of a directory wraps the line.
    assert report["run"]["command"] == "drift" and "scripts/huntaze-drift -i localhost," in report["outcome"]["next"]
