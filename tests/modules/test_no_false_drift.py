# SPDX-License-Identifier: GPL-3.0-or-later
"""No false drift: what a module has made it finds as declared, however AWS shows it, however it is written, and whatever a month brings."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import ipaddress
import itertools
import random
import re
import typing as t

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.options import UNITS
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.problems import BAND_OPERATORS, THRESHOLD_OPERATORS
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.problems import rule_problems
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import sandboxes
from support.in_process import Modules
from support.waiting import until

Options = dict[str, t.Any]
TOKEN = "canary-token-0123456789"
CACHE = "drifting"


class Declared(t.NamedTuple):
    """What a task declares: a module's options, and others that mean the same."""

    options: Options
    otherwise: Options


# Rules

DESCRIBED = "abcXYZ019 ._-:/()#,@[]+=&;{}!$*"
GROUPS = ("own", "limiter", "partner")
ports = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted)
kinds = st.sampled_from([(-1, -1), (0, 0), (8, -1), (3, 4), (255, 255)])
traffic = st.one_of(
    st.tuples(st.sampled_from(["tcp", "udp"]), ports),
    st.tuples(st.sampled_from(["icmp", "icmpv6"]), kinds),
    st.tuples(st.sampled_from(["-1", "0", "2", "47", "50", "255"]), st.just((-1, -1))),
)
sources = st.one_of(
    st.tuples(st.just("referenced_group_id"), st.sampled_from(GROUPS)),
    st.tuples(st.just("cidr_ipv4"), st.tuples(st.ip_addresses(v=4), st.integers(1, 32))),
    st.tuples(st.just("cidr_ipv6"), st.tuples(st.ip_addresses(v=6), st.integers(1, 128))),
    st.tuples(st.sampled_from(["cidr_ipv4", "cidr_ipv6"]), st.none()),
    st.tuples(st.just("prefix_list_id"), st.just("listed")),
)
descriptions = st.none() | st.text(DESCRIBED, max_size=255)
NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}


def everybody(kind: str) -> str:
    return "0.0.0.0/0" if kind == "cidr_ipv4" else "::/0"


@st.composite
def rules(draw: t.Any) -> list[tuple[Options, Options]]:
    """Rules whose sources are yet to be named, each in two spellings."""
    written = []
    for (protocol, (first, last)), (kind, source), description in draw(st.lists(st.tuples(traffic, sources, descriptions), max_size=10)):
        one: Options = {"ip_protocol": protocol, "from_port": first, "to_port": last}
        name = draw(st.sampled_from([protocol.upper(), NUMBERS.get(protocol, protocol)]))
        other: Options = {"ip_protocol": name, "from_port": str(first), "to_port": str(last)}
        if protocol not in ("tcp", "udp"):
            other = {key: value for key, value in other.items() if key == "ip_protocol" or value != "-1" or draw(st.booleans())}
        one[kind], other[kind] = source, source
        if kind.startswith("cidr") and source is None:
            one[kind] = other[kind] = everybody(kind)
        elif kind.startswith("cidr"):
            network = ipaddress.ip_network(f"{source[0]}/{source[1]}", strict=False)
            one[kind], other[kind] = str(network), f"{source[0].exploded.upper()}/{source[1]}"
        if description is not None:
            one["description"] = description
        if description is not None and draw(st.booleans()):
            other["description"] = description
        written.append((one, other))
    return written


def ingress(world: World, group: str, written: list[tuple[Options, Options]], shuffle: t.Callable[[list], None]) -> Declared:
    """Without the rules that contradict another one of the list."""
    estate = world.sandbox.estate
    names = {"own": group, "limiter": estate["limiter_security_group_id"], "partner": f"{estate['peer']['account_id']}/{estate['peer']['security_group_id']}",
             "listed": world.prefix_list}
    kept: tuple[list[Options], list[Options]] = ([], [])
    for pair in written:
        named = [{key: names.get(value, value) if key in ("referenced_group_id", "prefix_list_id") else value for key, value in rule.items()} for rule in pair]
        if not any(rule_problems([*rules, rule]) for rules, rule in zip(kept, named)):
            for rules, rule in zip(kept, named):
                rules.append(rule)
    shuffle(kept[1])
    # What else is there is AWS's own, such as what a group lets out: a purge leaves it.
    return Declared({"group_id": group, "rules": kept[0]}, {"group_id": group, "rules": kept[1], "purge": True})


# Variables

plain = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
values = st.one_of(
    st.sampled_from(["", " ", "\n", "#", "$HOME", "'", '"', "\\", "a b", "a=b", "a\nb", "`x`", "\u00e9\u2603\U0001f600", "null", "true", "007", " end "]),
    st.text(plain, max_size=40), st.integers(0, 99999).map(str), st.integers(1, 5500).map("x".__mul__),
)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}", fullmatch=True).filter(lambda name: not name.startswith("AWS"))
variables = st.dictionaries(names, values, max_size=12)


@st.composite
def environments(draw: t.Any) -> Declared:
    declared = draw(variables)
    hidden = {name: value for name, value in declared.items() if value and draw(st.booleans())}
    public = {name: value for name, value in declared.items() if name not in hidden}
    # A number in YAML is the text that it reads as.
    numbers = {name: int(value) if re.fullmatch("0|[1-9][0-9]*", value, re.ASCII) else value for name, value in public.items()}
    return Declared(
        {"variables": public, "secret_variables": hidden},
        {"variables": dict(reversed(numbers.items())), "secret_variables": dict(reversed(hidden.items()))},
    )


# Alarms

TOPICS = [f"arn:aws:sns:us-east-1:123456789012:{name}" for name in ("oncall", "archive", "pager")]
actions = st.lists(st.sampled_from(TOPICS), max_size=3, unique=True)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
dimensions = st.dictionaries(texts.filter(lambda name: not name.startswith(":")), texts, max_size=4).map(
    lambda pairs: [{"name": name, "value": value} for name, value in pairs.items()])
thresholds = st.one_of(st.integers(-1000, 1000), st.floats(-1e9, 1e9, allow_nan=False), st.sampled_from([0, 0.1, 1e-9, 1e15, 2147483648]))
statistics = st.sampled_from(["Sum", "Average", "SampleCount", "Minimum", "Maximum", "p99", "p99.9", "tm90", "IQM", "PR(:300)", "TM(10%:90%)", "TC(0.5:10)"])
metric = st.fixed_dictionaries({"namespace": st.just("Huntaze/AI"), "metric_name": texts.filter(lambda name: not name.startswith(":"))},
                               optional={"dimensions": dimensions})
anything = {
    "alarm_description": st.sampled_from(["", "Look at the slow log \u2603"]), "actions_enabled": st.booleans(),
    "alarm_actions": actions, "ok_actions": actions, "insufficient_data_actions": actions,
}
evaluated = {"treat_missing_data": st.sampled_from(["missing", "ignore", "breaching", "notBreaching"]), "datapoints_to_alarm": st.integers(1, 2)}
above = {"threshold": thresholds, "comparison_operator": st.sampled_from(THRESHOLD_OPERATORS)}


@st.composite
def single(draw: t.Any) -> Options:
    statistic = draw(statistics)
    percentile = statistic not in ("Sum", "Average", "SampleCount", "Minimum", "Maximum")
    how = {"extended_statistic": statistic} if percentile else {"statistic": statistic}
    if percentile and draw(st.booleans()):
        how["evaluate_low_sample_count_percentile"] = draw(st.sampled_from(["evaluate", "ignore"]))
    required = {"period": st.sampled_from([10, 30, 60, 3600]), "evaluation_periods": st.integers(2, 5), **above}
    return {**draw(metric), **how, **draw(st.fixed_dictionaries(required, optional={"unit": st.sampled_from(UNITS), **evaluated, **anything}))}


@st.composite
def math(draw: t.Any) -> Options:
    stat = st.fixed_dictionaries({"metric": metric, "period": st.just(60), "stat": statistics}, optional={"unit": st.sampled_from(UNITS)})
    optional = {"label": texts}
    inputs = [{"id": name, "metric_stat": draw(stat), "return_data": False, **draw(st.fixed_dictionaries({}, optional=optional))} for name in ("a", "b")]
    queries = [*inputs, {"id": "c", "expression": draw(st.sampled_from(["a / b", "100 * a / (a + b)", "FILL(a, 0) + b"])), **draw(
        st.fixed_dictionaries({}, optional={**optional, "return_data": st.just(True)}))}]
    return {"metrics": queries, **draw(st.fixed_dictionaries({"evaluation_periods": st.integers(2, 5), **above}, optional={**evaluated, **anything}))}


@st.composite
def query(draw: t.Any) -> Options:
    queries = [{"id": "q", "expression": 'SELECT AVG(CPUUtilization) FROM "AWS/RDS"', "period": 60, **draw(
        st.fixed_dictionaries({}, optional={"label": texts, "return_data": st.just(True)}))}]
    return {"metrics": queries, **draw(st.fixed_dictionaries({"evaluation_periods": st.integers(2, 5), **above}, optional={**evaluated, **anything}))}


@st.composite
def band(draw: t.Any) -> Options:
    width = draw(st.sampled_from(["2", "2.5", "10"]))
    queries = [{"id": "m", "metric_stat": {"metric": draw(metric), "period": 300, "stat": draw(statistics)}},
               {"id": "b", "expression": f"ANOMALY_DETECTION_BAND(m, {width})", **draw(st.fixed_dictionaries({}, optional={"label": texts}))}]
    required = {"comparison_operator": st.sampled_from(BAND_OPERATORS), "evaluation_periods": st.integers(2, 5)}
    return {"metrics": queries, "threshold_metric_id": "b", **draw(st.fixed_dictionaries(required, optional={**evaluated, **anything}))}


@st.composite
def alarms(draw: t.Any) -> list[Options]:
    names = ("a", "b \u2603", 'c "d"', "e/f(g)")[: draw(st.integers(0, 4))]
    found = [{"alarm_name": name, **draw(st.one_of(single(), math(), query(), band()))} for name in names]
    for name in ("z1", "z2")[: draw(st.integers(0, 2)) if found else 0]:
        children = draw(st.lists(st.sampled_from([one["alarm_name"] for one in found]), min_size=1, max_size=3, unique=True))
        quoted = ['"{}"'.format(child.replace('"', '\\"')) for child in children]
        rule = draw(st.sampled_from([
            " AND ".join(f"ALARM({child})" for child in quoted), " OR ".join(f"NOT OK({child})" for child in quoted),
            f"AT_LEAST(1, ALARM, ({', '.join(quoted)}))", f"(INSUFFICIENT_DATA({quoted[0]}) OR FALSE)",
        ]))
        composite = {"alarm_name": name, "alarm_rule": rule, **draw(st.fixed_dictionaries({}, optional=anything))}
        if draw(st.booleans()):
            composite |= {"actions_suppressor": draw(st.sampled_from(children)), "actions_suppressor_wait_period": 60, "actions_suppressor_extension_period": 0}
        found.append(composite)
    return found


# What AWS takes in place of a value that is left out.
DEFAULTS = {"treat_missing_data": "missing", "actions_enabled": True, "alarm_description": ""}


def otherwise(alarm: Options, chance: random.Random) -> Options:
    """An alarm in other words: defaults left out or spelt out, lists in another order, whole numbers as decimals."""
    defaults = {key: value for key, value in DEFAULTS.items() if "alarm_rule" not in alarm or key != "treat_missing_data"}
    if "alarm_rule" not in alarm:
        defaults["datapoints_to_alarm"] = alarm["evaluation_periods"]
        if "extended_statistic" in alarm:
            defaults["evaluate_low_sample_count_percentile"] = "evaluate"
    told = {key: value for key, value in alarm.items() if key not in defaults or value != defaults[key] or chance.random() < 0.5}
    told = {**{key: value for key, value in defaults.items() if key not in alarm and chance.random() < 0.5}, **told}
    if "threshold" in told:
        told["threshold"] = float(told["threshold"]) if chance.random() < 0.5 else str(told["threshold"])
    if "alarm_rule" in told:
        told["alarm_rule"] = f"\n{told['alarm_rule']}\n"
    for option in ("alarm_actions", "ok_actions", "insufficient_data_actions", "dimensions", "metrics"):
        if option in told:
            told[option] = shuffled(told[option], chance)
    for entry in told.get("metrics", []):
        if "dimensions" in entry.get("metric_stat", {}).get("metric", {}):
            entry = entry["metric_stat"]["metric"]
            entry["dimensions"] = shuffled(entry["dimensions"], chance)
    return told


def shuffled(items: list[t.Any], chance: random.Random) -> list[t.Any]:
    return chance.sample(items, len(items))


# Caches

STARTS: dict[str, Options] = {
    "without TLS": {},
    "two nodes": {"NumCacheClusters": 2, "AutomaticFailoverEnabled": True},
    "in cluster mode": {"NumNodeGroups": 2, "ReplicasPerNodeGroup": 0, "CacheParameterGroupName": "default.redis7.cluster.on"},
    "Valkey": {"Engine": "valkey"},
    "encrypted": {"TransitEncryptionEnabled": True},
    "with the token": {"TransitEncryptionEnabled": True, "AuthToken": TOKEN},
    "standalone": {},
}
GOALS: dict[str, Options] = {
    "as it is": {},
    "preferred": {"transit_encryption_mode": "preferred"},
    "required": {"transit_encryption_mode": "required"},
    "token added": {"transit_encryption_mode": "required", "auth_token": TOKEN, "auth_token_update_strategy": "ROTATE"},
    "token only": {"transit_encryption_mode": "required", "auth_token": TOKEN},
}
caches = st.sampled_from([
    (start, goal) for start, goal in itertools.product(STARTS, GOALS)
    if not ("TransitEncryptionEnabled" in STARTS[start] and goal == "preferred")
])


# The world


@dataclasses.dataclass
class World:
    sandbox: sandboxes.Sandbox
    run: Modules
    prefix_list: str

    def __post_init__(self) -> None:
        self.ec2, self.cloudwatch, self.amplify, self.elasticache = map(self.sandbox.client, ("ec2", "cloudwatch", "amplify", "elasticache"))

    @contextlib.contextmanager
    def group(self) -> t.Iterator[str]:
        group = self.ec2.create_security_group(GroupName="estate", Description="d", VpcId=self.sandbox.estate["vpc_id"])["GroupId"]
        try:
            yield group
        finally:
            self.ec2.delete_security_group(GroupId=group)

    @contextlib.contextmanager
    def app(self) -> t.Iterator[str]:
        """An app with a branch, both with variables of others."""
        others = {"_LIVE_UPDATES": "[]", "OTHERS": "1"}
        app = self.amplify.create_app(name="estate", repository="https://github.com/huntaze/estate", environmentVariables=others)["app"]
        where = {"appId": app["appId"]}
        self.amplify.create_branch(branchName="main", environmentVariables={"OTHERS": "2"}, **where)
        try:
            yield where["appId"]
        finally:
            self.amplify.delete_app(**where)

    @contextlib.contextmanager
    def cache(self, start: str, goal: str) -> t.Iterator[Declared]:
        groups = [self.sandbox.estate["cache_security_group_id"]]
        shared = {"CacheNodeType": "cache.t3.micro", "CacheSubnetGroupName": "huntaze-cache", "SecurityGroupIds": groups}
        members = {"name": CACHE}
        if start == "standalone":
            self.elasticache.create_cache_cluster(CacheClusterId=CACHE, Engine="redis", EngineVersion="7.1", NumCacheNodes=1, **shared)
            members["replication_group_id"] = f"{CACHE}-group"
        else:
            self.elasticache.create_replication_group(**{
                "ReplicationGroupId": CACHE, "ReplicationGroupDescription": "d", "Engine": "redis", **shared, **STARTS[start]})
        asked = {**members, "probe": False, "snapshot": False, **GOALS[goal]}
        try:
            self.at_rest()
            yield Declared(asked, {**asked, **{option: name.upper() for option, name in members.items()}})
        finally:
            self.at_rest()
            for group in self.elasticache.describe_replication_groups()["ReplicationGroups"]:
                self.elasticache.delete_replication_group(ReplicationGroupId=group["ReplicationGroupId"])
            until(lambda: not self.elasticache.describe_replication_groups()["ReplicationGroups"])
            if self.has_cluster():
                self.elasticache.delete_cache_cluster(CacheClusterId=CACHE)
                until(lambda: not self.has_cluster())

    def at_rest(self) -> None:
        until(lambda: all(group["Status"] == "available" for group in self.elasticache.describe_replication_groups()["ReplicationGroups"])
              and all(cluster["CacheClusterStatus"] == "available" for cluster in self.elasticache.describe_cache_clusters()["CacheClusters"]))

    def has_cluster(self) -> bool:
        return CACHE in [cluster["CacheClusterId"] for cluster in self.elasticache.describe_cache_clusters()["CacheClusters"]]

    @contextlib.contextmanager
    def alarms(self, listed: list[Options], chance: random.Random) -> t.Iterator[Declared]:
        """Alarms that are yet to be made, beside one of somebody else."""
        self.cloudwatch.put_metric_alarm(AlarmName="others", Namespace="N", MetricName="M", Statistic="Sum", Period=60, Threshold=1, EvaluationPeriods=1,
                                         ComparisonOperator="GreaterThanThreshold")
        try:
            yield Declared({"alarms": listed}, {"alarms": shuffled([otherwise(alarm, chance) for alarm in listed], chance)})
        finally:
            names = ["others", *(alarm["alarm_name"] for alarm in listed)]
            self.run("cloudwatch_alarms", {"alarms": [{"alarm_name": name} for name in names], "state": "absent"})

    def differing(self, declared: dict[tuple[str, str], Options]) -> dict[str, t.Any]:
        """What the modules tell of what is not as declared; nothing, if all is well."""
        told = {}
        for (module, what), options in declared.items():
            result = self.run(module, options, check=True)
            found = {key: result[key] for key in ("differences", "left_alone", "steps") if result.get(key)}
            if found or result["changed"]:
                told[f"{module} {what}"] = found
        return told


@pytest.fixture(scope="module")
def world(sandbox: sandboxes.Sandbox) -> t.Iterator[World]:
    sandbox.reset()
    sandbox.settings(transition_seconds=0, tagging_seconds=0)
    ec2 = sandbox.client("ec2")
    listed = ec2.create_managed_prefix_list(
        PrefixListName="listed", MaxEntries=3, AddressFamily="IPv4", Entries=[{"Cidr": "10.0.0.0/8"}])["PrefixList"]["PrefixListId"]
    with pytest.MonkeyPatch.context() as patch:
        yield World(sandbox, Modules(sandbox, patch), listed)


# What happens beside


def by_another_hand(world: World, app: str, chance: random.Random) -> None:
    """The same alarms and variables written once more, as another program writes them."""
    for page in world.cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"]):
        for alarm in page["MetricAlarms"]:
            taken = world.cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
            same = {key: shuffled(value, chance) if isinstance(value, list) else value for key, value in alarm.items() if key in taken and value != []}
            spelt_out = {"TreatMissingData": "missing", "AlarmDescription": "", "DatapointsToAlarm": alarm["EvaluationPeriods"], "ActionsEnabled": True}
            world.cloudwatch.put_metric_alarm(**{**spelt_out, **same})
    for get, update, where in ((world.amplify.get_app, world.amplify.update_app, {"appId": app}),
                               (world.amplify.get_branch, world.amplify.update_branch, {"appId": app, "branchName": "main"})):
        (found,) = (value for key, value in get(**where).items() if key in ("app", "branch"))
        update(environmentVariables=dict(reversed(found["environmentVariables"].items())), **where)


def a_month(world: World, app: str, listed: list[Options], chance: random.Random) -> None:
    """What changes of itself, or by people who leave alone what is declared: states, metrics, builds, backups, maintenance."""
    now = datetime.datetime.now(datetime.timezone.utc)
    for alarm in listed:
        for state in shuffled(["ALARM", "INSUFFICIENT_DATA", "OK"], chance):
            if "alarm_rule" not in alarm:
                world.cloudwatch.set_alarm_state(AlarmName=alarm["alarm_name"], StateValue=state, StateReason="Threshold Crossed", StateReasonData="{}")
        if alarm.get("actions_enabled", True):
            world.cloudwatch.disable_alarm_actions(AlarmNames=[alarm["alarm_name"]])
            world.cloudwatch.enable_alarm_actions(AlarmNames=[alarm["alarm_name"]])
    datum = {"MetricName": "Latency", "Value": 7.0, "Timestamp": now - datetime.timedelta(days=3)}
    world.cloudwatch.put_metric_data(Namespace="Huntaze/AI", MetricData=[datum])
    for _push in range(3):
        world.amplify.start_job(appId=app, branchName="main", jobType="RELEASE", commitId="HEAD")
    for group in world.elasticache.describe_replication_groups()["ReplicationGroups"]:
        name = group["ReplicationGroupId"]
        world.elasticache.create_snapshot(ReplicationGroupId=name, SnapshotName="daily")
        world.at_rest()
        world.elasticache.delete_snapshot(SnapshotName="daily")
        world.elasticache.modify_replication_group(ReplicationGroupId=name, CacheNodeType="cache.t3.small", ApplyImmediately=False)
        world.sandbox.control.open_window()
        world.at_rest()
        world.elasticache.add_tags_to_resource(ResourceName=group["ARN"], Tags=[{"Key": "team", "Value": "platform"}])
        world.at_rest()


# The law


# An example is a whole deployment, so none is made smaller.
@settings(max_examples=50, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rules=rules(), of_app=environments(), of_branch=environments(), listed=alarms(), cache=caches, chance=st.randoms(use_true_random=False))
def test_what_is_deployed_is_as_declared_however_it_is_written_and_whatever_a_month_brings(
    world: World, rules: t.Any, of_app: Declared, of_branch: Declared, listed: list[Options], cache: tuple[str, str], chance: random.Random
) -> None:
    with world.group() as group, world.app() as app, world.alarms(listed, chance) as watched, world.cache(*cache) as guarded:
        on_app, on_branch = {"app_id": app}, {"app_id": app, "branch": "main"}
        built = Declared(on_branch, {"app_name": "estate", "branch": "main"})
        estate = {
            ("security_group_ingress", group): ingress(world, group, rules, chance.shuffle),
            ("amplify_environment", "app"): Declared(*({**options, **on_app} for options in of_app)),
            ("amplify_environment", "branch"): Declared(*({**options, **on_branch} for options in of_branch)),
            ("amplify_deployment", "branch"): built,
            ("cloudwatch_alarms", "all"): watched,
            ("elasticache_auth", " to ".join(cache)): guarded,
        }
        for (module, dummy), declared in estate.items():
            world.run(module, declared.options)
        world.at_rest()
        as_declared = {which: declared.options for which, declared in estate.items()}
        in_other_words = {which: declared.otherwise for which, declared in estate.items()}
        assert world.differing(as_declared) == {}, "as it was deployed"
        assert world.differing(in_other_words) == {}, "in other words"
        by_another_hand(world, app, chance)
        a_month(world, app, listed, chance)
        assert world.differing(in_other_words) == {}, "after a month, in other words"
