# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clean look for drift takes: 1 cache, 1 database, 200 rules in 10 groups, 5 branches of 60 variables, 20 and 1,000 alarms, 10 agent hosts.

Of these drift.yml has the cache, the database, one branch, the guide's groups, the alarms and the agents; it verifies live besides. It is measured as it
is. The ratios compare what both collections can compare: a play of our modules with all of the estate but the agents, beside a play of amazon.aws with
the same rules and alarms, both with --check. amazon.aws has nothing for Amplify's variables and the cache's token, so it does less. Its alarms are
measured at some numbers; a line through them tells the seconds at 1,000.

All on one sandbox. Rounds take turns and the median counts.
"""

from __future__ import annotations

import argparse
import math
import statistics
import typing as t

from runs import PLAYBOOKS, Cost, Estate, fresh_estate, median, show

AGENTS, GROUPS, RULES, BRANCHES, VARIABLES, FEW, MANY = 10, 10, 200, 5, 60, 20, 1000
ALARMS_A_CALL = 100


def alarms(number: int) -> list[dict[str, t.Any]]:
    return [{
        "alarm_name": f"huntaze-ai-bench-{position:04}", "alarm_description": "A queue is long", "namespace": "Huntaze/AI", "metric_name": "QueueLength",
        "dimensions": [{"name": "Queue", "value": f"queue-{position}"}], "statistic": "Average", "period": 300, "evaluation_periods": 2,
        "threshold": 100 + position, "comparison_operator": "GreaterThanThreshold", "treat_missing_data": "notBreaching",
        "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:huntaze-operators"],
    } for position in range(number)]


def in_their_words(found: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    words = {"alarm_name": "name", "alarm_description": "description", "comparison_operator": "comparison"}
    return [
        {words.get(option, option): {one["name"]: one["value"] for one in value} if option == "dimensions" else value for option, value in alarm.items()}
        for alarm in found
    ]


def both(estate: Estate) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """What our play and theirs declare beside the alarms. Groups and branches are made here, empty."""
    sandbox, given = estate.sandbox, estate.sandbox.estate
    ec2, amplify = sandbox.client("ec2"), sandbox.client("amplify")
    ours: dict[str, t.Any] = {
        "aws_connection": {option: given[option] for option in ("region", "endpoint_url", "access_key", "secret_key")},
        "database": given["database"]["identifier"], "app_id": given["app_id"],
        "cache": {"name": given["cache_name"], "replication_group_id": "huntaze-redis", "auth_token": given["auth_token"], "tls_ca_file": given["ca_file"]},
        "groups_declared": [], "branches": [],
    }
    theirs: dict[str, t.Any] = {**ours, "groups_declared": []}
    # The controller reaches the cache, whose token it asks for.
    ec2.authorize_security_group_ingress(GroupId=given["cache_security_group_id"], IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [{"GroupId": given["limiter_security_group_id"]}]}])
    for number in range(GROUPS):
        named = {"name": f"bench-{number}", "description": "A group of the benchmark"}
        group_id = ec2.create_security_group(GroupName=named["name"], Description=named["description"], VpcId=given["vpc_id"])["GroupId"]
        ports = range(1000, 1000 + RULES // GROUPS)
        ours["groups_declared"].append({"group_id": group_id, "rules": [
            {"ip_protocol": "tcp", "from_port": port, "to_port": port, "cidr_ipv4": f"10.{number}.0.0/16", "description": f"port {port}"} for port in ports]})
        theirs["groups_declared"].append({"group_id": group_id, **named, "rules": [
            {"proto": "tcp", "from_port": port, "to_port": port, "cidr_ip": f"10.{number}.0.0/16", "rule_desc": f"port {port}"} for port in ports]})
    for number in range(BRANCHES):
        amplify.create_branch(appId=given["app_id"], branchName=f"bench-{number}")
        ours["branches"].append({"branch": f"bench-{number}", "variables": {f"NAME_{position}": f"value {position}" for position in range(VARIABLES)}})
    return ours, theirs


class Runs:
    """Runs of one kind, a cost for each number of alarms."""

    def __init__(self) -> None:
        self._costs: dict[int, list[Cost]] = {}

    def add(self, number: int, cost: Cost) -> None:
        self._costs.setdefault(number, []).append(cost)

    @property
    def medians(self) -> dict[int, Cost]:
        return {number: median(costs) for number, costs in sorted(self._costs.items())}

    def show(self, name: str) -> None:
        for number, cost in self.medians.items():
            show(f"{name}, {number} alarms", cost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--theirs", type=int, nargs="+", default=[20, 50, 200], help="numbers of alarms that amazon.aws is measured at (default: %(default)s)")
    parser.add_argument("--without-playbook", action="store_true", help="leave out drift.yml as it is, with its agents")
    options = parser.parse_args()
    if FEW not in options.theirs or len(set(options.theirs)) < 2:
        parser.error(f"--theirs needs {FEW} and another number, as a line is drawn through them")
    play, theirs, whole = Runs(), Runs(), Runs()
    with fresh_estate() as estate:
        print(f"{'clean, medians of ' + str(options.rounds) + ' rounds':52}{'seconds':>9}{'CPU s':>9}{'tasks':>8}{'calls':>8}", flush=True)
        declared, in_theirs = both(estate)
        most = alarms(MANY)
        plain = estate.inventory(0)
        estate.run(str(PLAYBOOKS / "drift_ours.yml"), inventory=plain, variables={**declared, "alarms": most}, unchanged=False)
        for _round in range(options.rounds):
            for number in (FEW, MANY):
                variables = {**declared, "alarms": most[:number]}
                play.add(number, estate.run(str(PLAYBOOKS / "drift_ours.yml"), "--check", inventory=plain, variables=variables))
        play.show("our modules")
        for _round in range(options.rounds):
            for number in sorted(options.theirs):
                variables = {**in_theirs, "alarms": in_their_words(most[:number])}
                theirs.add(number, estate.run(str(PLAYBOOKS / "drift_theirs.yml"), "--check", inventory=plain, variables=variables))
        theirs.show("amazon.aws in loops")
        if not options.without_playbook:
            for number in (FEW, MANY):
                inventory = estate.inventory(AGENTS, most[:number])
                estate.run("deploy.yml", inventory=inventory, unchanged=False)
                for _round in range(options.rounds):
                    whole.add(number, estate.run("playbooks/drift.yml", inventory=inventory))
            whole.show(f"drift.yml, {AGENTS} agent hosts")
    tell(play.medians, theirs.medians, whole.medians)


def tell(play: dict[int, Cost], theirs: dict[int, Cost], whole: dict[int, Cost]) -> None:
    slope, intercept = statistics.linear_regression(list(theirs), [cost.seconds for cost in theirs.values()])
    at_many = intercept + slope * MANY
    print(f"amazon.aws at {MANY} alarms, by the line through {', '.join(map(str, theirs))}: {at_many:.0f} seconds, {slope:.2f} an alarm (not measured)")
    more = math.ceil(MANY / ALARMS_A_CALL) - math.ceil(FEW / ALARMS_A_CALL)
    if play[MANY].calls - play[FEW].calls != more:
        raise SystemExit(f"{MANY - FEW} alarms more took {play[MANY].calls - play[FEW].calls:.0f} calls more, and not {more}")
    for number, cost in whole.items():
        beside = theirs[FEW].seconds if number == FEW else at_many
        print(f"amazon.aws, which looks at no agent and verifies nothing, beside drift.yml at {number} alarms: {beside / cost.seconds:.1f}")
    ours = (play[MANY].seconds - play[FEW].seconds) / (MANY - FEW)
    print(f"seconds that an alarm more adds: amazon.aws {slope:.3f}, ours {ours:.4f}")
    print(f"time ratio at {FEW} alarms: {theirs[FEW].seconds / play[FEW].seconds:.1f}")
    print(f"time ratio at {MANY} alarms: {at_many / play[MANY].seconds:.1f}")
    print(f"calls at {MANY} alarms: {play[MANY].calls:.0f}")


if __name__ == "__main__":
    main()
