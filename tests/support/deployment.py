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

import psutil
import pytest
import redis
from support import sandboxes
import yaml

PROGRAMS = Path(sys.executable).parent
MUTATING = re.compile(r"\.(Authorize|Revoke|Update|Create|Modify|Delete|Add|Remove|Put(?!MetricData))")


class Outcome(t.NamedTuple):
    rc: int
    output: str

    @classmethod
    def of(cls, done: subprocess.CompletedProcess[str]) -> Outcome:
        return cls(done.returncode, done.stdout)

    @property
    def changed(self) -> int:
        """The sum of `changed` over all hosts of the recap."""
        recap = self.output.rpartition("PLAY RECAP")[2]
        return sum(int(number) for number in re.findall(r"changed=(\d+)", recap))

    def lines(self, beginning: str) -> list[str]:
        """What the summary says, one entry a line, those that begin so."""
        text = re.sub(r"\n\s{6,}", " ", self.output.partition("PLAY [Summary]")[2].partition("TASK [Fail")[0])
        return [line.strip("-' ") for line in text.splitlines() if line.strip("-' ").startswith(beginning)]


def inventory_without_agents(directory: Path) -> Path:
    source = sandboxes.REPOSITORY / "inventories" / "sandbox"
    inventory = shutil.copytree(source, directory / "inventory")
    hosts = yaml.safe_load((source / "hosts.yml").read_text())
    del hosts["all"]["children"]["huntaze_limiter_agents"]
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    variables = yaml.safe_load((source / "group_vars" / "all.yml").read_text())
    variables["huntaze_limiter"] = {"security_group_id": variables["huntaze_limiter"]["security_group_id"], "agents": "elsewhere"}
    (inventory / "group_vars" / "all.yml").write_text(yaml.safe_dump(variables))
    return inventory


def run(
    sandbox: sandboxes.Sandbox, *arguments: str, inventory: Path | str = "inventories/sandbox", variables: dict[str, t.Any] | None = None,
    changed: dict[str, str] | None = None,
) -> Outcome:
    done = subprocess.run(
        command(sandbox, *arguments, inventory=inventory, variables=variables), cwd=sandboxes.REPOSITORY, env=environment(sandbox, changed),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
    )
    return Outcome.of(done)


def command(
    sandbox: sandboxes.Sandbox, *arguments: str, playbook: str = "deploy.yml", inventory: Path | str = "inventories/sandbox",
    variables: dict[str, t.Any] | None = None,
) -> list[str]:
    # The inventory looks the estate up for each value, which takes an eighth of a run: here it is a constant. In a file, as it holds secrets.
    extra = warm_python().with_name("variables.json")
    extra.write_text(json.dumps({"ansible_python_interpreter": str(warm_python()), "sandbox": sandbox.estate, **(variables or {})}))
    return [str(PROGRAMS / "ansible-playbook"), "-i", str(inventory), playbook, "-e", f"@{extra}", *arguments]


@functools.cache
def warm_python() -> Path:
    """The interpreter of this test process, in a directory that only its user may read; it ends with it, as its input does."""
    directory = tempfile.mkdtemp(prefix="warm-python-")
    atexit.register(shutil.rmtree, directory)
    program = Path(directory, "python")
    server = subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("warm_python.py")), str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    atexit.register(server.communicate)
    assert server.stdout.readline() == b"ready\n"
    return program


def environment(sandbox: sandboxes.Sandbox, changed: dict[str, str] | None = None) -> dict[str, str]:
    config = str(sandboxes.REPOSITORY / "ansible.cfg")
    return {**os.environ, **sandbox.environment, "ANSIBLE_CONFIG": config, "ANSIBLE_NOCOLOR": "1", **(changed or {})}


def killed_when(condition: t.Callable[[str], bool], sandbox: sandboxes.Sandbox, *arguments: str, inventory: Path | str = "inventories/sandbox") -> bool:
    """Deploy, and kill every process of the run once the condition holds for what it printed; False where the run succeeded before."""
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen(
            command(sandbox, *arguments, inventory=inventory), cwd=sandboxes.REPOSITORY, env=environment(sandbox), stdout=log, stderr=subprocess.STDOUT,
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
        env={**os.environ, **sandbox.aws_environment}, capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def the_group(sandbox: sandboxes.Sandbox) -> dict[str, t.Any]:
    (group,) = sandbox.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    return group


def primary(sandbox: sandboxes.Sandbox) -> str:
    return the_group(sandbox)["NodeGroups"][0]["PrimaryEndpoint"]["Address"]


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
        sandbox.redis(address, token, tls=False).ping()


def assert_done_as_announced(done: Outcome, announced: Outcome) -> None:
    """The same sentences, of whatever stage: check mode opens and closes in one."""
    steps = [line.partition(": ")[2] for line in done.lines("done in")]
    assert steps and steps == [line.partition(": ")[2] for line in announced.lines("to do in")], done.output + announced.output


def assert_nothing_left_to_do(outcome: Outcome) -> None:
    assert (outcome.rc, outcome.changed) == (0, 0), outcome.output
    assert "Nothing done: everything was as declared." in outcome.output
