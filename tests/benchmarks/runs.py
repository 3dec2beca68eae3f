# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks of playbooks share: a sandbox with the guide's estate, runs against it, and what each of them takes."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import yaml

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / ".collections"), str(HERE.parent)]

from support import sandboxes  # noqa: E402

PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
PLAYBOOKS = HERE / "playbooks"


class Cost(t.NamedTuple):
    """Of one run: seconds by the clock, CPU seconds of all its processes, results of tasks, and API calls."""

    seconds: float
    cpu: float
    tasks: int
    calls: int


class Estate:
    """A sandbox, and the playbooks that are run against it."""

    def __init__(self, sandbox: sandboxes.Sandbox, directory: Path) -> None:
        self.sandbox, self.directory = sandbox, directory

    def run(self, playbook: str, *arguments: str, inventory: Path, variables: dict[str, t.Any] | None = None, unchanged: bool = True) -> Cost:
        """Run a playbook; one that fails, or changes something where nothing is to be changed, ends the benchmark."""
        extra, counts = self.directory / "variables.json", self.directory / "counts.json"
        extra.write_text(json.dumps(variables or {}))
        environment = {
            **os.environ, **self.sandbox.environment, "ANSIBLE_CONFIG": str(sandboxes.REPOSITORY / "ansible.cfg"), "BENCHMARK_COUNTS": str(counts),
            "ANSIBLE_CALLBACK_PLUGINS": str(PLAYBOOKS / "callback_plugins"),
        }
        self.sandbox.control.forget_calls()
        began, cpu = time.monotonic(), _children_cpu()
        done = subprocess.run(
            [PROGRAM, "-i", str(inventory), playbook, "-e", f"@{extra}", *arguments], cwd=sandboxes.REPOSITORY, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        seconds, cpu = time.monotonic() - began, _children_cpu() - cpu
        if done.returncode:
            raise SystemExit(f"{playbook} failed:\n{done.stdout}")
        counted = json.loads(counts.read_text())
        if unchanged and counted["changed"]:
            raise SystemExit(f"{playbook} changed something where nothing was to be changed:\n{done.stdout}")
        calls = sum(number for call, number in self.sandbox.calls().items() if not call.endswith(".PutMetricData"))  # those are the agents'
        return Cost(seconds, cpu, counted["tasks"], calls)

    def inventory(self, agents: int, alarms: t.Sequence[dict[str, t.Any]] = ()) -> Path:
        """The sandbox's, with so many agent hosts, each an address of the loopback range that the certificate names, and with these further alarms."""
        source, target = sandboxes.REPOSITORY / "inventories" / "sandbox", self.directory / f"agents-{agents}-alarms-{len(alarms)}"
        if target.exists():
            return target
        shutil.copytree(source, target)
        addresses = [self.sandbox.address(f"2.{100 + number}") for number in range(agents)]
        hosts = yaml.safe_load((source / "hosts.yml").read_text())
        group = hosts["all"]["children"]["huntaze_limiter_agents"]
        group["hosts"] = {f"limiter-{number}": {"huntaze_agent": {"address": address}} for number, address in enumerate(addresses)}
        variables = yaml.safe_load((source / "group_vars" / "all.yml").read_text())
        limiter = variables["huntaze_limiter"]
        limiter["url"] = ",".join(f"https://{address}:8443" for address in addresses)
        limiter["cloudwatch"]["interval"] = max(2, agents)  # as many beats a second however many they are
        if not agents:
            del hosts["all"]["children"]["huntaze_limiter_agents"]
            variables["huntaze_limiter"] = {"agents": "elsewhere", **{key: limiter[key] for key in ("security_group_id", "listen_from", "tls")}}
        if alarms:
            variables["huntaze_alarms"]["items"] = list(alarms)
        (target / "hosts.yml").write_text(yaml.safe_dump(hosts))
        (target / "group_vars" / "all.yml").write_text(yaml.safe_dump(variables))
        return target


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median(costs: list[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*costs)))


def show(name: str, cost: Cost) -> None:
    print(f"{name:52}{cost.seconds:9.1f}{cost.cpu:9.1f}{cost.tasks:8.0f}{cost.calls:8.0f}", flush=True)


@contextlib.contextmanager
def fresh_estate() -> t.Iterator[Estate]:
    """The guide's estate, on a sandbox of its own."""
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp())
        stack.callback(shutil.rmtree, directory)
        sandbox = sandboxes.Sandbox(directory / "sandbox", stack.enter_context(sandboxes.free_network()))
        os.environ.update(sandbox.environment)
        sandbox.start()
        stack.callback(sandbox.stop)
        sandbox.reset()
        yield Estate(sandbox, directory)
