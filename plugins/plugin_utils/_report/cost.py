# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a month of the estate costs, by the table of prices.py. Pure. What has no price, and what nobody looked at, is named and not guessed."""

from __future__ import annotations

import collections
import datetime
import math
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.alarms import deployment_alarms
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import filled
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.ends import extended_year
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.prices import CURRENCY, HOURS, PRICES, REGION, Price

# What the agents publish, all of them the same, without dimensions.
AGENTS_METRICS = 6
# What a run of scripts/huntaze-drift tells.
DRIFT_METRICS = 3
NEVER_COUNTED = ("data transfer", "requests", "taxes", "AWS's free tier")


class Item(t.NamedTuple):
    id: str
    label: str
    quantity: str
    usd: float
    basis: str
    price: Price


def monthly_cost(
    estate: t.Optional[t.Mapping[str, t.Any]], cache: t.Optional[t.Mapping[str, t.Any]], declared: t.Mapping[str, t.Any], agents: int = 0,
    created: t.Collection[str] = (), now: t.Optional[str] = None,
) -> dict[str, t.Any]:
    """The `cost` of a report.

    estate, cache: what estate_info and elasticache_info tell; declared: the deployment's mappings; agents: how many hosts the inventory deploys to;
    created: the names of the alarms that this run has made; now: ISO 8601
    """
    estate, cache, variables = estate or {}, cache or {}, filled(declared)
    at = words.instant(now) if now else datetime.datetime.now(datetime.timezone.utc)
    alarms = _alarms(declared, cache, estate, agents)
    counted = _Counted()
    _cache(counted, estate, cache, at.date())
    _hosts(counted, estate, agents)
    _database(counted, estate, bool(declared.get("huntaze_database")))
    _addresses(counted, estate)
    _watching(counted, alarms, _publishes(variables), variables["huntaze_drift"]["metrics"])
    _builds(counted, estate, bool(declared.get("huntaze_app")), at)
    if estate.get("bucket"):
        counted.unknown("S3")
    if any(str(source).startswith("sg-") for source in variables["huntaze_limiter"]["listen_from"]):
        counted.unknown("the load balancer")
    region = variables["huntaze_aws"]["region"] or REGION
    if region != REGION:
        counted.unknown(f"what {words.clean(region)} costs more or less than {REGION}")
    days = [item.price.day for item in counted.items if item.price.day]
    return {
        "currency": CURRENCY,
        "month": round(sum(round(item.usd, 2) for item in counted.items), 2),
        "change": _change(alarms, set(created), agents > 0),
        "price_table": min(days, default=None),
        "not_counted": ", ".join([*dict.fromkeys(counted.named), *NEVER_COUNTED]),
        "items": [
            {"id": item.id, "label": item.label, "quantity": item.quantity, "usd_month": round(item.usd, 2), "basis": item.basis} for item in counted.items
        ],
        # A clean run says the month in one line, without what it leaves out.
        "notes": [f"The month's cost lacks {words.joined(counted.unseen)}: nobody could look."] if counted.unseen else [],
    }


class _Counted:
    """What was counted by now, and the names of what was not."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.named: list[str] = []
        self.unseen: list[str] = []

    def unknown(self, name: str) -> None:
        self.named.append(words.clean(name))

    def unread(self, name: str) -> None:
        """What would be counted, had somebody been able to look."""
        self.unknown(name)
        self.unseen.append(name)

    def add(self, key: str, label: str, price_of: str, number: float, quantity: str, name: str = "", estimated: bool = False, factor: int = 1) -> None:
        """One line, or the name of what has no price. A price whose source has no day is an estimate too."""
        price = PRICES.get(price_of)
        if price is None:
            self.unknown(name or label)
        elif number:
            usd = number * price.usd * factor * (HOURS if price.unit == "hour" else 1)
            self.items.append(Item(key, words.clean(label), quantity, usd, "estimated" if estimated or not price.day else "listed", price))


def _of_a_month(number: int, one: str, many: str = "") -> str:
    return f"{words.plural(number, one, many)}, {HOURS} h"


def _cache(counted: _Counted, estate: t.Mapping[str, t.Any], cache: t.Mapping[str, t.Any], today: datetime.date) -> None:
    if not cache.get("exists", bool(cache)):
        return
    kind, engine = str(cache.get("cache_node_type") or ""), str(cache.get("engine") or "")
    if not kind:
        counted.unknown(f"ElastiCache {cache.get('kind') or ''}".strip().replace("_", " "))
        return
    clusters = [one for one in (estate.get("cache") or {}).get("clusters") or [] if one.get("cache_cluster_id") in (cache.get("member_clusters") or [])]
    nodes = sum(one.get("num_cache_nodes") or 1 for one in clusters) or max(1, len(cache.get("member_clusters") or []))
    counted.add(f"elasticache/node/{words.slug(kind)}", f"ElastiCache {kind}", f"ElastiCache {kind} {engine}", nodes, _of_a_month(nodes, "node"))
    year = extended_year(engine, str(cache.get("engine_version") or ""), today)
    if year:
        years = "year 3" if year > 2 else "years 1 and 2"
        counted.add(
            "elasticache/extended_support", f"ElastiCache Extended Support, year {year}", f"ElastiCache Extended Support {kind}, {years}", nodes,
            _of_a_month(nodes, "node"),
        )
    groups = (estate.get("cache") or {}).get("replication_groups") or []
    if any(group.get("snapshot_retention_limit") for group in groups):
        counted.unknown("ElastiCache snapshots")


def _is_there(host: t.Mapping[str, t.Any]) -> bool:
    return (host.get("state") or {}).get("name") not in ("terminated", "shutting-down")


def _hosts(counted: _Counted, estate: t.Mapping[str, t.Any], agents: int) -> None:
    hosts = estate.get("hosts") or {}
    found = hosts.get("instances")
    if found is None:
        if agents:
            counted.unread(f"the {words.plural(agents, 'host')} of agents")
        return
    there = [one for one in found if _is_there(one)]
    running = [one for one in there if (one.get("state") or {}).get("name", "running") in ("running", "pending")]
    for kind, number in sorted(collections.Counter(str(one.get("instance_type") or "of an unknown type") for one in running).items()):
        counted.add(f"ec2/limiter/{words.slug(kind)}", f"EC2 {kind}, limiter hosts", f"EC2 {kind}", number, _of_a_month(number, "host"), f"EC2 {kind}")
    if agents > len(there):
        counted.unknown(f"{words.plural(agents - len(there), 'host')} of agents that EC2 does not show")
    _disks(counted, hosts.get("volumes"), {one.get("instance_id") for one in there})


def _disks(counted: _Counted, volumes: t.Optional[t.Sequence[t.Mapping[str, t.Any]]], hosts: t.Collection[t.Any]) -> None:
    if volumes is None:
        if hosts:
            counted.unread("the hosts' disks")
        return
    sizes: collections.Counter[str] = collections.Counter()
    for one in volumes:
        if any(attachment.get("instance_id") in hosts for attachment in one.get("attachments") or []):
            sizes[str(one.get("volume_type") or "of an unknown type")] += one.get("size") or 0
    for kind, size in sorted(sizes.items()):
        counted.add(f"ec2/disk/{words.slug(kind)}", f"EBS {kind}, limiter hosts", f"EBS {kind}", size, f"{size:,} GB", f"EBS {kind}")


def _database(counted: _Counted, estate: t.Mapping[str, t.Any], wanted: bool) -> None:
    instances = (estate.get("database") or {}).get("instances")
    if not instances:
        if wanted:
            (counted.unread if instances is None else counted.unknown)("the database")
        return
    for (kind, engine, several), number in sorted(collections.Counter(
        (str(one.get("db_instance_class") or "of an unknown class"), str(one.get("engine") or ""), bool(one.get("multi_az"))) for one in instances
    ).items()):
        zones = "Multi-AZ" if several else "Single-AZ"
        # A standby costs as much as what it stands by.
        counted.add(
            f"rds/instance/{words.slug(kind)}", f"RDS {kind}, {zones}", f"RDS {kind} {engine}", number, _of_a_month(number, "instance"), f"RDS {kind}",
            factor=2 if several else 1,
        )
    for one in instances:
        if re.match("aurora", str(one.get("engine") or "")):
            counted.unknown("Aurora's storage")
            continue
        size, kind = one.get("allocated_storage") or 0, str(one.get("storage_type") or "of an unknown type")
        name = str(one.get("db_instance_identifier") or "")
        counted.add(
            f"rds/storage/{words.slug(name)}", f"RDS {kind} storage", f"RDS storage {kind}", size, f"{size:,} GB", f"RDS storage {kind}",
            factor=2 if one.get("multi_az") else 1,
        )


def _addresses(counted: _Counted, estate: t.Mapping[str, t.Any]) -> None:
    """A database that is publicly accessible has an address too, which AWS bills as one of a host."""
    hosts, databases = (estate.get("hosts") or {}).get("instances") or [], (estate.get("database") or {}).get("instances") or []
    number = sum(bool(one.get("public_ip_address")) and _is_there(one) for one in hosts) + sum(bool(one.get("publicly_accessible")) for one in databases)
    counted.add("ec2/address", "Public IPv4 addresses", "public IPv4 address", number, _of_a_month(number, "address", "addresses"))


def _alarms(declared: t.Mapping[str, t.Any], cache: t.Mapping[str, t.Any], estate: t.Mapping[str, t.Any], agents: int) -> list[dict[str, t.Any]]:
    if not declared.get("huntaze_alarms"):
        return []
    return deployment_alarms(declared, cache, instances=(estate.get("database") or {}).get("instances") or [], agents=agents)


def metrics_of(alarm: t.Mapping[str, t.Any]) -> int:
    """How many metrics AWS bills an alarm for: those that it reads, and two more for a band."""
    queries = alarm.get("metrics") or []
    read = sum(bool(one.get("metric_stat")) for one in queries) or 1
    return read + 2 * sum("ANOMALY_DETECTION_BAND" in str(one.get("expression") or "") for one in queries)


def _is_quick(alarm: t.Mapping[str, t.Any]) -> bool:
    periods = [alarm.get("period")] + [(one.get("metric_stat") or {}).get("period") for one in alarm.get("metrics") or []]
    return any(isinstance(period, (int, float)) and period < 60 for period in periods)


def _by_kind(alarms: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, int]:
    """How much of what a price is for."""
    numbers: collections.Counter[str] = collections.Counter()
    for one in alarms:
        if one.get("alarm_rule"):
            numbers["CloudWatch composite alarm"] += 1
        else:
            numbers["CloudWatch high-resolution alarm metric" if _is_quick(one) else "CloudWatch alarm metric"] += metrics_of(one)
    return numbers


def _publishes(variables: t.Mapping[str, t.Any]) -> bool:
    return variables["huntaze_limiter"]["agents"] != "none"


def _watching(counted: _Counted, alarms: t.Sequence[t.Mapping[str, t.Any]], agents: bool, drift: bool) -> None:
    numbers = _by_kind(alarms)
    for key, label, price, one in (
        ("alarms", "CloudWatch metric alarms", "CloudWatch alarm metric", "metric"),
        ("high-resolution", "CloudWatch high-resolution alarms", "CloudWatch high-resolution alarm metric", "metric"),
        ("composite", "CloudWatch composite alarms", "CloudWatch composite alarm", "alarm"),
    ):
        counted.add(f"cloudwatch/{key}", label, price, numbers.get(price, 0), words.plural(numbers.get(price, 0), one))
    metrics = AGENTS_METRICS * agents + DRIFT_METRICS * bool(drift)
    counted.add("cloudwatch/metrics", "CloudWatch custom metrics", "CloudWatch custom metric", metrics, words.plural(metrics, "metric"))


def _change(alarms: t.Sequence[t.Mapping[str, t.Any]], created: t.Collection[str], agents: bool) -> float:
    """What the alarms cost that the run has made. Where that for silent agents is one, the metrics of agents that are deployed here are as new as it."""
    made = [one for one in alarms if one.get("alarm_name") in created]
    usd = sum(number * PRICES[kind].usd for kind, number in _by_kind(made).items())
    heartbeats = [one for one in alarms if one.get("metric_name") == "Heartbeat"]
    if agents and heartbeats and all(one in made for one in heartbeats):
        usd += AGENTS_METRICS * PRICES["CloudWatch custom metric"].usd
    return round(usd, 2)


def _builds(counted: _Counted, estate: t.Mapping[str, t.Any], wanted: bool, at: datetime.datetime) -> None:
    """The builds of the last 30 days, as far as AWS lists them."""
    jobs = (estate.get("app") or {}).get("jobs")
    if jobs is None:
        if wanted:
            counted.unread("builds of the app")
        return
    minutes = 0
    for one in jobs:
        if one.get("start_time") and one.get("end_time"):
            began, ended = words.instant(str(one["start_time"])), words.instant(str(one["end_time"]))
            if at - began < datetime.timedelta(days=30):
                minutes += math.ceil(max((ended - began).total_seconds(), 0) / 60)
    counted.add("amplify/build", "Amplify build minutes", "Amplify build minute", minutes, f"{minutes:,} min", estimated=True)
