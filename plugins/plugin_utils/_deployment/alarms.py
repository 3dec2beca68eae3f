# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alarms of a deployment, in the fields of cloudwatch_alarms: the guide's, those beyond it, and the inventory's own. Pure."""

from __future__ import annotations

import math
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.limiter import metric_namespace
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import filled

ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"


class Watch(t.NamedTuple):
    """A metric of AWS's own, and the threshold of the schema that it is watched by."""

    name: str  # of the alarm, after the prefix and before what is watched
    description: str
    metric_name: str
    statistic: str
    evaluation_periods: int
    threshold: str
    comparison_operator: str = ABOVE


OF_A_NODE = [
    Watch(
        "cache-cpu", "The cache's node is busy. Redis works on one core, so a node of two is full at half of this metric's range.",
        "CPUUtilization", "Average", 3, "cache_cpu_percent",
    ),
    Watch("cache-memory", "The cache fills up. Full, it evicts or refuses writes.", "DatabaseMemoryUsagePercentage", "Maximum", 2, "cache_memory_percent"),
    Watch(
        "cache-evictions", "The cache evicts keys. An evicted key of the limiter gives its creator a fresh limit.", "Evictions", "Sum", 1, "cache_evictions",
    ),
    Watch(
        "cache-connections", "More clients than the limiter hosts open. Somebody else is connected, or connections leak.",
        "CurrConnections", "Maximum", 1, "cache_connections",
    ),
]
# Only nodes of the classes cache.t* have credits; at none they slow down to their baseline.
OF_A_BURSTABLE_NODE = [
    Watch(
        "cache-cpu-credits", "The cache's node runs out of CPU credits and will slow down to its baseline.",
        "CPUCreditBalance", "Minimum", 2, "cache_cpu_credits", BELOW,
    ),
]
OF_AN_INSTANCE = [
    Watch("database-cpu", "The database is busy.", "CPUUtilization", "Average", 3, "database_cpu_percent"),
    Watch("database-storage", "The database runs out of storage. Full, it stops.", "FreeStorageSpace", "Minimum", 2, "database_free_storage_bytes", BELOW),
    Watch(
        "database-connections", "The database nears the connections that its class allows.", "DatabaseConnections", "Maximum", 2, "database_connections",
    ),
]
# Instances of Aurora have none: their cluster's storage grows by itself.
NOT_OF_AURORA = {"FreeStorageSpace"}
# What makes the whole unhealthy.
GRAVE_OF_A_NODE = ("cache-cpu", "cache-memory", "cache-evictions")
GRAVE_OF_THE_LIMITER = ("redis-latency", "agent-silent")


def deployment_alarms(variables, cache, instances=(), agents=0):
    """Every alarm of the deployment, as a list of cloudwatch_alarms' items.

    `variables` are the deployment's, `cache` is what elasticache_info says of it, `instances` are the database's as estate_info describes them,
    and `agents` says how many this inventory deploys.
    """
    declared = filled(variables)
    prefix, namespace = declared["huntaze_names"]["prefix"], metric_namespace(declared)
    thresholds = declared["huntaze_alarms"]["thresholds"]
    # Every node and every instance is watched: after a failover another one is the primary.
    nodes = cache.get("member_clusters") or [declared["huntaze_cache"]["name"]]
    has_limiter = declared["huntaze_limiter"]["agents"] != "none"
    watches_drift = declared["huntaze_drift"]["metrics"]
    items = [
        _of_the_guide(prefix, namespace),
        *_of_nodes(prefix, nodes, cache.get("cache_node_type") or "", thresholds),
        *_of_instances(prefix, instances, thresholds),
        *(_of_the_limiter(prefix, namespace, thresholds, declared["huntaze_limiter"]["cloudwatch"]["interval"], agents) if has_limiter else ()),
        _of_the_whole(prefix, nodes, has_limiter),
        *(_of_drift(prefix, declared["huntaze_names"]["metric_namespace"], declared["huntaze_drift"]["max_age_hours"]) if watches_drift else ()),
        *declared["huntaze_alarms"]["items"],
    ]
    return [{**item, "alarm_actions": _actions(item, declared["huntaze_alarms"]["actions"])} for item in items]


def _actions(item, common):
    """An alarm tells whom it names itself, and those that all tell. The common actions may be the word none."""
    own = item.get("alarm_actions") or []
    own = [part.strip() for part in own.split(",")] if isinstance(own, str) else own
    return list(dict.fromkeys([*own, *(common if isinstance(common, list) else ())]))


def _of_the_guide(prefix, namespace):
    return {
        "alarm_name": f"{prefix}-rate-limit-exceeded",
        "alarm_description": "Alert when rate limits are frequently exceeded",
        "namespace": namespace,
        "metric_name": "RateLimitExceeded",
        "statistic": "Sum",
        "period": 300,
        "evaluation_periods": 1,
        "threshold": 100,
        "comparison_operator": ABOVE,
    }


def _of_nodes(prefix, nodes, node_type, thresholds):
    watches = OF_A_NODE + (OF_A_BURSTABLE_NODE if node_type.startswith("cache.t") else [])
    return [_watching(watch, prefix, "AWS/ElastiCache", "CacheClusterId", node, thresholds) for node in nodes for watch in watches]


def _of_instances(prefix, instances, thresholds):
    return [
        _watching(watch, prefix, "AWS/RDS", "DBInstanceIdentifier", instance["db_instance_identifier"], thresholds)
        for instance in instances
        for watch in OF_AN_INSTANCE
        if not (watch.metric_name in NOT_OF_AURORA and re.match("aurora", instance.get("engine") or ""))
    ]


def _watching(watch, prefix, namespace, dimension, watched, thresholds):
    return {
        "alarm_name": f"{prefix}-{watch.name}-{watched}",
        "alarm_description": watch.description,
        "namespace": namespace,
        "metric_name": watch.metric_name,
        "dimensions": [{"name": dimension, "value": watched}],
        "statistic": watch.statistic,
        "period": 300,
        "evaluation_periods": watch.evaluation_periods,
        "threshold": thresholds[watch.threshold],
        "comparison_operator": watch.comparison_operator,
    }


def _of_the_limiter(prefix, namespace, thresholds, interval, agents):
    period, fewest = heartbeat(agents, interval)
    return [
        {
            "alarm_name": f"{prefix}-redis-latency",
            "alarm_description": "The limiter's calls to Redis are slow.",
            "namespace": namespace,
            "metric_name": "RedisLatency",
            "extended_statistic": "p99",
            "period": 300,
            "evaluation_periods": 2,
            "threshold": thresholds["redis_latency_ms"],
            "comparison_operator": ABOVE,
            "treat_missing_data": "notBreaching",
        },
        {
            "alarm_name": f"{prefix}-anomalies",
            "alarm_description": "A creator makes twice the requests of an hour within five minutes.",
            "namespace": namespace,
            "metric_name": "AnomaliesDetected",
            "statistic": "Sum",
            "period": 300,
            "evaluation_periods": 1,
            "threshold": thresholds["anomalies"],
            "comparison_operator": ABOVE,
            "treat_missing_data": "notBreaching",
        },
        {
            "alarm_name": f"{prefix}-agent-silent",
            "alarm_description": "Fewer limiter agents report than are declared.",
            "namespace": namespace,
            "metric_name": "Heartbeat",
            "statistic": "SampleCount",
            "period": period,
            "evaluation_periods": 1,
            "threshold": fewest,
            "comparison_operator": BELOW,
            "treat_missing_data": "breaching",
        },
    ]


def heartbeat(agents, interval):
    """The period, in seconds, and the number of beats that fewer of tell of a silent agent.

    An agent beats once an interval (seconds), and each may have a beat more or less within a period. So the period has more than two beats for each
    agent: one that is silent then shows, whatever the others' edges. Of agents elsewhere the number is not known, and one of them is enough.
    """
    agents = max(agents, 1)
    period = max(300, math.ceil(interval * (2 * agents + 1) / 60) * 60)
    return period, (agents - 0.5) * period / interval


def _of_drift(prefix, namespace, hours):
    """What scripts/huntaze-drift tells once a run: an alarm keeps its state until the next one, and that of the age does not wait for it."""
    common = {"namespace": namespace, "comparison_operator": ABOVE}
    of_the_last = {**common, "statistic": "Maximum", "period": 300, "evaluation_periods": 1, "threshold": 0, "treat_missing_data": "ignore"}
    return [
        {
            "alarm_name": f"{prefix}-drift-detected",
            "alarm_description": "Something differs from what is declared, and nobody has accepted it. The report of the last drift run tells what.",
            "metric_name": "DriftDetected",
            **of_the_last,
        },
        {
            "alarm_name": f"{prefix}-drift-run-failed",
            "alarm_description": "The last drift run failed, so nobody knows what differs.",
            "metric_name": "DriftRunFailed",
            **of_the_last,
        },
        {
            "alarm_name": f"{prefix}-drift-run-age",
            "alarm_description": f"No drift run has looked at everything for {hours:g} hours.",
            "metric_name": "DriftRunAge",
            **common,
            "statistic": "Minimum",
            "period": 3600,
            "evaluation_periods": int(hours),
            "threshold": int(hours) * 3600,
            "treat_missing_data": "breaching",
        },
    ]


def _of_the_whole(prefix, nodes, has_limiter):
    names = [f"{name}-{node}" for node in nodes for name in GRAVE_OF_A_NODE] + list(GRAVE_OF_THE_LIMITER if has_limiter else ())
    return {
        "alarm_name": f"{prefix}-system-unhealthy",
        "alarm_description": "AI system unhealthy. One of the alarms that it is made of tells what it is.",
        "alarm_rule": " OR ".join(f'ALARM("{prefix}-{name}")' for name in names),
    }
