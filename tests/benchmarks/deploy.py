# SPDX-License-Identifier: GPL-3.0-or-later
"""What an unchanged deployment takes: with more and more agent hosts, and beside the same rules and alarms kept by amazon.aws in loops.

All on one sandbox. Rounds take turns and the median counts, as other work on the machine would otherwise favour one.
"""

from __future__ import annotations

import argparse
import json
import typing as t

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from runs import PLAYBOOKS, Cost, Estate, fresh_estate, median, sandboxes, show


def looked_up(estate: Estate) -> dict[str, t.Any]:
    """What preflight would have found for our stages."""
    sandbox = estate.sandbox
    database = camel_dict_to_snake_dict(sandbox.client("rds").describe_db_instances()["DBInstances"][0])
    return {
        "huntaze_cache_before": dict(sandboxes.run_module(sandbox, "elasticache_info", {"name": "huntaze-redis-production"})),
        "huntaze_estate_before": {"account": {"id": sandbox.estate["account_id"]}, "database": {"instances": [json.loads(json.dumps(database, default=str))]}},
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
    with fresh_estate() as estate:
        print(f"{'unchanged, medians of ' + str(options.rounds) + ' rounds':52}{'seconds':>9}{'CPU s':>9}{'tasks':>8}{'calls':>8}", flush=True)
        ratio = beside_amazon_aws(estate, options.rounds)
        further = with_more_hosts(estate, sorted(options.agents), options.rounds)
    print(f"time ratio of an unchanged deployment: {ratio:.2f}")
    print(f"seconds a further agent host adds: {further:.2f}")


if __name__ == "__main__":
    main()
