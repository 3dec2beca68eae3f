# SPDX-License-Identifier: GPL-3.0-or-later
"""What an unchanged deployment takes: with more and more agent hosts, and beside the same rules and alarms kept by amazon.aws in loops.

All on one sandbox. Rounds take turns and the median counts, as other work on the machine would otherwise favour one.
"""

from __future__ import annotations

import argparse
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

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict  # noqa: E402
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

    def inventory(self, agents: int) -> Path:
        """The sandbox's, with so many agent hosts, each an address of the loopback range that the certificate names."""
        source, target = sandboxes.REPOSITORY / "inventories" / "sandbox", self.directory / f"agents-{agents}"
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
        (target / "hosts.yml").write_text(yaml.safe_dump(hosts))
        (target / "group_vars" / "all.yml").write_text(yaml.safe_dump(variables))
        return target


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def looked_up(estate: Estate) -> dict[str, t.Any]:
    """What preflight would have found for our stages."""
    sandbox = estate.sandbox
    database = camel_dict_to_snake_dict(sandbox.client("rds").describe_db_instances()["DBInstances"][0])
    return {
        "huntaze_cache_before": dict(sandboxes.run_module(sandbox, "elasticache_info", {"name": "huntaze-redis-production"})),
        "huntaze_database_before": {"instances": [json.loads(json.dumps(database, default=str))]},
    }


def as_theirs(estate: Estate) -> dict[str, t.Any]:
    """The rules and the metric alarms that are there, in the words of amazon.aws."""
    sandbox = estate.sandbox
    ec2, given = sandbox.client("ec2"), sandbox.estate
    rules: dict[str, list[dict[str, t.Any]]] = {}
    for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
        if not rule["IsEgress"] and rule["IpProtocol"] == "tcp":
            source = {"cidr_ip": rule["CidrIpv4"]} if "CidrIpv4" in rule else {"group_id": rule["ReferencedGroupInfo"]["GroupId"]}
            ports = {"proto": "tcp", "from_port": rule["FromPort"], "to_port": rule["ToPort"], "rule_desc": rule["Description"]}
            rules.setdefault(rule["GroupId"], []).append({**ports, **source})
    groups = [
        {"group_id": group["GroupId"], "name": group["GroupName"], "description": group["Description"], "rules": rules[group["GroupId"]]}
        for group in ec2.describe_security_groups(GroupIds=list(rules))["SecurityGroups"]
    ]
    words = {
        "name": "AlarmName", "description": "AlarmDescription", "namespace": "Namespace", "metric_name": "MetricName", "statistic": "Statistic",
        "extended_statistic": "ExtendedStatistic", "period": "Period", "evaluation_periods": "EvaluationPeriods", "threshold": "Threshold",
        "comparison": "ComparisonOperator", "treat_missing_data": "TreatMissingData", "alarm_actions": "AlarmActions",
    }
    alarms = []
    for page in sandbox.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"]):
        for alarm in page["MetricAlarms"]:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
            alarms.append({option: alarm[field] for option, field in words.items() if field in alarm} | ({"dimensions": dimensions} if dimensions else {}))
    connection = {option: given[option] for option in ("region", "endpoint_url", "access_key", "secret_key")}
    return {"security_groups": groups, "alarms": alarms, "connection": connection}


def median(costs: list[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*costs)))


def show(name: str, cost: Cost) -> None:
    print(f"{name:52}{cost.seconds:9.1f}{cost.cpu:9.1f}{cost.tasks:8.0f}{cost.calls:8.0f}", flush=True)


def beside_amazon_aws(estate: Estate, rounds: int) -> float:
    """Print what our stages network and alarms take and what the same takes with amazon.aws; return the ratio of the seconds."""
    inventory = estate.inventory(0)
    estate.run("deploy.yml", "--tags", "network,alarms", inventory=inventory, unchanged=False)
    ours, theirs = looked_up(estate), as_theirs(estate)
    rules = sum(len(group["rules"]) for group in theirs["security_groups"])
    runs: dict[str, t.Callable[[], Cost]] = {
        "stages network and alarms": lambda: estate.run(str(PLAYBOOKS / "ours.yml"), inventory=inventory, variables=ours),
        "the same with preflight": lambda: estate.run("deploy.yml", "--tags", "network,alarms", inventory=inventory),
        "amazon.aws in loops": lambda: estate.run(str(PLAYBOOKS / "theirs.yml"), inventory=inventory, variables=theirs),
    }
    found: dict[str, list[Cost]] = {name: [] for name in runs}
    for _round in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    for name, costs in found.items():
        show(f"{name} ({rules} rules, {len(theirs['alarms'])} alarms)", median(costs))
    return median(found["amazon.aws in loops"]).seconds / median(found["stages network and alarms"]).seconds


def with_more_hosts(estate: Estate, numbers: list[int], rounds: int) -> float:
    """Print what an unchanged deployment takes with so many agent hosts; return the seconds that a further one adds."""
    seconds = {}
    for number in numbers:
        inventory = estate.inventory(number)
        estate.run("deploy.yml", inventory=inventory, unchanged=False)
        cost = median([estate.run("deploy.yml", inventory=inventory) for _round in range(rounds)])
        show(f"unchanged deployment, agent hosts: {number}", cost)
        seconds[number] = cost.seconds
    return (seconds[numbers[-1]] - seconds[numbers[0]]) / (numbers[-1] - numbers[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, nargs="+", default=[2, 10, 30], help="numbers of agent hosts (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if len(set(options.agents)) < 2:
        parser.error("--agents needs two different numbers at least, as what a further host adds is told from them")
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp())
        stack.callback(shutil.rmtree, directory)
        sandbox = sandboxes.Sandbox(directory / "sandbox", stack.enter_context(sandboxes.free_network()))
        os.environ.update(sandbox.environment)
        sandbox.start()
        stack.callback(sandbox.stop)
        sandbox.reset()
        estate = Estate(sandbox, directory)
        print(f"{'unchanged, medians of ' + str(options.rounds) + ' rounds':52}{'seconds':>9}{'CPU s':>9}{'tasks':>8}{'calls':>8}", flush=True)
        ratio = beside_amazon_aws(estate, options.rounds)
        further = with_more_hosts(estate, sorted(options.agents), options.rounds)
    print(f"time ratio of an unchanged deployment: {ratio:.2f}")
    print(f"seconds a further agent host adds: {further:.2f}")


if __name__ == "__main__":
    main()
