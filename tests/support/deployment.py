# SPDX-License-Identifier: GPL-3.0-or-later
"""deploy.yml as an operator runs it, and the estate afterwards as others see it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import jsonschema
import psutil
import pytest
import redis
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from support import sandboxes
import yaml

PROGRAMS = Path(sys.executable).parent
MUTATING = re.compile(r"\.(Authorize|Revoke|Update|Create|Modify|Delete|Add|Remove|Put(?!MetricData))")


class Outcome(t.NamedTuple):
    rc: int
    output: str
    report: dict[str, t.Any]

    @classmethod
    def of(cls, done: subprocess.CompletedProcess[str], report: Path) -> Outcome:
        """The report is empty where the run has written none."""
        return cls(done.returncode, done.stdout, json.loads(report.read_text()) if report.exists() else {})

    def steps(self, *states: str) -> list[tuple[str, str, str]]:
        """(stage, object, sentence) of the steps in these states, at first of those that changed something or would."""
        return [(step["stage"], step["object"]["id"], step["sentence"]) for step in self.report["steps"] if step["state"] in (states or ("done", "to_do"))]

    def stages(self) -> set[str]:
        """Those that changed something, or would."""
        return {stage for stage, dummy, dummy in self.steps()}

    def checks(self, *verdicts: str) -> list[str]:
        """FROM>TO of the checks with these verdicts."""
        return [check["id"] for check in self.report["checks"] if check["verdict"] in verdicts]


def unwrapped(output: str) -> str:
    """What a run printed, as one line, without the gutter of what others said."""
    return " ".join(re.sub(r"^ +(?:message +)?\| ", "", output, flags=re.MULTILINE).split())


def inventory_without_agents(directory: Path) -> Path:
    source = sandboxes.REPOSITORY / "inventories" / "sandbox"
    inventory = shutil.copytree(source, directory / "inventory")
    hosts = yaml.safe_load((source / "hosts.yml").read_text())
    del hosts["all"]["children"]["huntaze_limiter_agents"]
    # On the sandbox's network 127.0.0.1 is a limiter host.
    hosts["all"]["children"]["huntaze_vantage_points"]["hosts"]["limiter"] = {}
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    variables = yaml.safe_load((source / "group_vars" / "all.yml").read_text())
    variables["huntaze_limiter"] = {"security_group_id": variables["huntaze_limiter"]["security_group_id"], "agents": "elsewhere"}
    (inventory / "group_vars" / "all.yml").write_text(yaml.safe_dump(variables))
    return inventory


def run(
    sandbox: sandboxes.Sandbox, *arguments: str, inventory: Path | str = "inventories/sandbox", variables: dict[str, t.Any] | None = None,
    changed: dict[str, str] | None = None, playbook: str = "deploy.yml",
) -> Outcome:
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "report.json")
        done = subprocess.run(
            command(sandbox, *arguments, playbook=playbook, inventory=inventory, variables=variables), cwd=sandboxes.REPOSITORY,
            env={**environment(sandbox, changed), "HUNTAZE_REPORT_JSON": str(report)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
        )
        outcome = Outcome.of(done, report)
    assert_is_a_report(outcome)
    return outcome


def assert_is_a_report(outcome: Outcome) -> None:
    """Whatever became of the run."""
    schema = json.loads((sandboxes.REPOSITORY / "docs" / "report.schema.json").read_text())
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(outcome.report)] == [], outcome.output
    assert words.OUTCOMES[outcome.report["outcome"]["word"]] in outcome.output


def command(
    sandbox: sandboxes.Sandbox, *arguments: str, playbook: str = "deploy.yml", inventory: Path | str = "inventories/sandbox",
    variables: dict[str, t.Any] | None = None,
) -> list[str]:
    # The inventory looks the estate up for each value, which takes an eighth of a run: here it is a constant. In a file, as it holds secrets.
    extra = private_directory() / "variables.json"
    extra.write_text(json.dumps({"sandbox": sandbox.estate, **(variables or {})}))
    return [str(PROGRAMS / "ansible-playbook"), "-i", str(inventory), playbook, "-e", f"@{extra}", *arguments]


@functools.cache
def private_directory() -> Path:
    """Only its user may read it. It ends with the test process."""
    directory = tempfile.mkdtemp(prefix="deployment-")
    atexit.register(shutil.rmtree, directory)
    return Path(directory)


def environment(sandbox: sandboxes.Sandbox, changed: dict[str, str] | None = None) -> dict[str, str]:
    config = str(sandboxes.REPOSITORY / "ansible.cfg")
    return {**os.environ, **sandbox.environment, "ANSIBLE_CONFIG": config, "ANSIBLE_NOCOLOR": "1", **(changed or {})}


def killed_when(condition: t.Callable[[str], bool], sandbox: sandboxes.Sandbox, *arguments: str, inventory: Path | str = "inventories/sandbox") -> bool:
    """Deploy, and kill every process of the run once the condition holds for what it printed; False where the run succeeded before."""
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen(
            command(sandbox, "-v", *arguments, inventory=inventory), cwd=sandboxes.REPOSITORY, env=environment(sandbox), stdout=log, stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 600
        while True:
            ended = process.poll() is not None  # before the look: what it printed last counts
            log.seek(0)
            output = log.read()
            if condition(output) and not ended:
                for victim in [process, *process.children(recursive=True)]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        victim.kill()
                process.wait()
                return True
            if ended:
                assert process.returncode == 0, output
                return False
            assert time.monotonic() < deadline, output
            time.sleep(0.05)


def aws(sandbox: sandboxes.Sandbox, *arguments: str) -> t.Any:
    done = subprocess.run(
        [str(PROGRAMS / "aws"), *arguments, "--output", "json"],
        env={**os.environ, **sandbox.aws_environment}, capture_output=True, text=True, timeout=180, check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def the_group(sandbox: sandboxes.Sandbox) -> dict[str, t.Any]:
    (group,) = sandbox.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    return group


def primary(sandbox: sandboxes.Sandbox) -> str:
    return the_group(sandbox)["NodeGroups"][0]["PrimaryEndpoint"]["Address"]


def the_lock(sandbox: sandboxes.Sandbox) -> dict[str, str]:
    """What stands where runs of the sandbox's inventory have their lock; empty if nothing does."""
    found = sandbox.client("ssm").get_parameters(Names=["/deployment-lock/huntaze-ai"])["Parameters"]
    return json.loads(found[0]["Value"]) if found else {}


def mutating_calls(sandbox: sandboxes.Sandbox) -> dict[str, int]:
    return {call: number for call, number in sandbox.calls().items() if MUTATING.search(call)}


def assert_secured(sandbox: sandboxes.Sandbox, token: str, *, former: str | None = None) -> None:
    """The end state, seen by clients and the API rather than by our modules."""
    group = the_group(sandbox)
    assert (group["TransitEncryptionMode"], group["AuthTokenEnabled"], group["Status"]) == ("required", True, "available")
    address = primary(sandbox)
    assert sandbox.redis(address, token).ping()
    with pytest.raises(redis.AuthenticationError):
        sandbox.redis(address, former or "x" * 32).ping()
    with pytest.raises(redis.AuthenticationError):
        sandbox.redis(address).ping()
    with pytest.raises(redis.TimeoutError):
        sandbox.redis(address, token, tls=False, **sandboxes.MEETS_SILENCE).ping()


def assert_done_as_announced(done: Outcome, announced: Outcome) -> None:
    """The same steps, of whatever stage: check mode opens and closes in one."""
    steps = [step[1:] for step in done.steps("done")]
    assert steps and steps == [step[1:] for step in announced.steps("to_do")], done.output + announced.output


def assert_nothing_left_to_do(outcome: Outcome) -> None:
    """Of no task anything: a task that changes something without telling steps is a step itself."""
    assert (outcome.rc, outcome.report["outcome"]["word"], outcome.report["steps"]) == (0, "clean", []), outcome.output
    assert "Nothing to do: " in outcome.output and len(outcome.output.splitlines()) <= 5, outcome.output


def assert_app_built_once(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    """One build beyond the estate's own: a RELEASE that saw the app's variables and ours."""
    app, branch = ("--app-id", estate["app_id"]), ("--branch-name", estate["app_branch"])
    newest, *others = aws(sandbox, "amplify", "list-jobs", *app, *branch)["jobSummaries"]
    assert (newest["status"], len(others)) == ("SUCCEED", 1)
    theirs = aws(sandbox, "amplify", "get-app", *app)["app"]["environmentVariables"]
    ours = aws(sandbox, "amplify", "get-branch", *app, *branch)["branch"]["environmentVariables"]
    assert theirs and {"GEMINI_MODEL", "DATABASE_URL", "NEXTAUTH_SECRET"} <= set(ours)
    assert estate["auth_token"] not in json.dumps([theirs, ours])
    (seen,) = [job["environment"] for job in sandbox.control.request("GET", "amplify/builds") if job["job_id"] == newest["jobId"]]
    assert seen == {**theirs, **ours}
