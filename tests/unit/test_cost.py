# SPDX-License-Identifier: GPL-3.0-or-later
"""What a month costs: counted from what is declared and found, by the table, and what has no price is named."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.alarms import deployment_alarms
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import cost as cost_of
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.ends import extended_year
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.prices import PRICES
from support.estates import CACHE, DECLARED, ESTATE, altered

REPORT = json.loads((Path(__file__).parents[2] / "docs/report.schema.json").read_text())
NOW = "2026-12-01T12:00:00Z"
BARE = {**DECLARED, "huntaze_alarms": {}, "huntaze_database": {}, "huntaze_app": {}, "huntaze_limiter": {**DECLARED["huntaze_limiter"], "agents": "none"}}


def cost(estate=ESTATE, cache=CACHE, declared=DECLARED, **options):
    made = cost_of.monthly_cost(estate, cache, declared, **{"agents": 2, "now": NOW, **options})
    jsonschema.validate({key: value for key, value in made.items() if key != "notes"}, {**REPORT["$defs"]["cost"], "$defs": REPORT["$defs"]})
    return made


def line(made, key):
    (item,) = [item for item in made["items"] if item["id"].startswith(key)]
    return item["quantity"], item["usd_month"], item["basis"]


def test_the_guides_estate_without_alarms_costs_what_the_guide_does_not_say():
    """One cache.t3.micro and two agents t4g.micro with 8 GB gp3 and a public address."""
    made = cost(altered(ESTATE, database__instances=[], bucket=None), declared=BARE)
    assert made["month"] == 33.25 and made["currency"] == "USD"
    assert [(item["id"], item["usd_month"]) for item in made["items"]] == [
        ("elasticache/node/cache.t3.micro", 12.41), ("ec2/limiter/t4g.micro", 12.26), ("ec2/disk/gp3", 1.28), ("ec2/address", 7.3)]
    assert line(made, "ec2/address")[0] == "2 addresses, 730 h"
    assert made["not_counted"] == "ElastiCache snapshots, the load balancer, data transfer, requests, taxes, AWS's free tier"


def test_redis_5_costs_extended_support_on_top():
    made = cost(cache={**CACHE, "engine_version": "5.0.6"})
    assert line(made, "elasticache/extended_support") == ("1 node, 730 h", 10.22, "estimated")


@pytest.mark.parametrize(("version", "day", "year"), [
    ("5.0.6", "2026-01-31", 0), ("5.0.6", "2026-02-01", 1), ("5.0.6", "2027-01-31", 1), ("5.0.6", "2027-02-01", 2), ("5.0.6", "2028-02-01", 3),
    ("5.0.6", "2029-01-31", 3), ("5.0.6", "2029-02-01", 0), ("6.2.6", "2026-12-01", 0), ("7.1.0", "2035-01-01", 0), ("", "2026-12-01", 0),
])
def test_years_of_extended_support_begin_when_the_standard_one_ends(version, day, year):
    assert extended_year("redis", version, datetime.date.fromisoformat(day)) == year


def test_all_of_the_estate():
    made = cost()
    assert not made["notes"]
    declared = deployment_alarms(DECLARED, CACHE, ESTATE["database"]["instances"], 2)
    metric = [one for one in declared if "alarm_rule" not in one]
    assert line(made, "cloudwatch/alarms") == (f"{len(metric)} metrics", round(len(metric) * 0.1, 2), "listed")
    assert line(made, "cloudwatch/composite") == ("1 alarm", 0.5, "estimated")
    assert line(made, "cloudwatch/metrics") == ("6 metrics", 1.8, "listed")
    assert line(made, "rds/instance") == ("1 instance, 730 h", 23.36, "listed")  # two of them stand in two zones
    assert line(made, "rds/storage") == ("20 GB", 4.6, "listed")
    assert made["month"] == round(sum(item["usd_month"] for item in made["items"]), 2)
    assert made["price_table"] == PRICES["CloudWatch custom metric"].day  # the oldest


def test_bands_and_quick_alarms_cost_more():
    band = {"alarm_name": "band", "metrics": [
        {"id": "m1", "metric_stat": {"metric": {"metric_name": "M", "namespace": "N"}, "period": 300, "stat": "Sum"}},
        {"id": "ad1", "expression": "ANOMALY_DETECTION_BAND(m1, 2)"}]}
    quick = {"alarm_name": "quick", "metric_name": "M", "namespace": "N", "period": 10}
    assert cost_of.metrics_of(band) == 3
    declared = altered(DECLARED, huntaze_alarms__items=[band, quick])
    before, after = cost(), cost(declared=declared)
    assert line(after, "cloudwatch/high-resolution") == ("1 metric", 0.3, "listed")
    assert round(after["month"] - before["month"], 2) == 0.6


def test_what_has_no_price_and_what_nobody_saw_is_named_and_not_guessed():
    made = cost(altered(ESTATE, database__instances__0__db_instance_class="db.r9.huge", hosts__instances__1__instance_type="x9.large", hosts__volumes=None))
    assert not [item for item in made["items"] if item["id"].startswith(("rds/instance", "ec2/disk"))]
    assert line(made, "ec2/limiter") == ("1 host, 730 h", 6.13, "estimated")
    assert made["not_counted"].startswith("ElastiCache snapshots, EC2 x9.large, the hosts' disks, RDS db.r9.huge, S3, the load balancer, data transfer")
    blind = cost(altered(ESTATE, database=None, hosts=None, app=None), cache={**CACHE, "cache_node_type": "cache.x"})
    assert blind["not_counted"].startswith("ElastiCache cache.x, ElastiCache snapshots, the 2 hosts of agents, the database, builds of the app, S3")
    assert blind["notes"] == ["The month's cost lacks the 2 hosts of agents, the database and builds of the app: nobody could look."]
    assert [item["id"] for item in blind["items"]] == ["cloudwatch/alarms", "cloudwatch/composite", "cloudwatch/metrics"]
    assert cost(declared=altered(DECLARED, huntaze_aws__region="eu-west-1"))["not_counted"].count("what eu-west-1 costs more or less than us-east-1") == 1
    nothing = cost(None, {"exists": False}, BARE, agents=0)
    assert (nothing["month"], nothing["items"], nothing["price_table"]) == (0, [], None)


def test_a_host_that_is_gone_costs_nothing_and_one_that_is_stopped_keeps_its_disk():
    gone = cost(altered(ESTATE, hosts__instances__1__state={"name": "terminated"}))
    assert (line(gone, "ec2/limiter")[0], line(gone, "ec2/disk")[0], line(gone, "ec2/address")[0]) == ("1 host, 730 h", "8 GB", "1 address, 730 h")
    assert "1 host of agents that EC2 does not show" in gone["not_counted"]
    stopped = cost(altered(ESTATE, hosts__instances__1__state={"name": "stopped"}))
    assert (line(stopped, "ec2/limiter")[0], line(stopped, "ec2/disk")[0]) == ("1 host, 730 h", "16 GB")


def test_a_public_database_has_an_address_that_costs():
    public = altered(ESTATE, database__instances__0__publicly_accessible=True)
    private = altered(ESTATE, database__instances__0__publicly_accessible=False)
    assert (line(cost(public), "ec2/address")[:2], line(cost(private), "ec2/address")[:2]) == (("3 addresses, 730 h", 10.95), ("2 addresses, 730 h", 7.3))
    assert line(cost(altered(public, hosts=None)), "ec2/address")[0] == "1 address, 730 h"


def test_builds_of_the_last_month_are_estimated():
    jobs = [{"start_time": "2026-11-30T10:00:00+00:00", "end_time": "2026-11-30T10:04:10+00:00"},
            {"start_time": "2026-11-29T10:00:00+00:00"}, {"start_time": "2026-09-01T10:00:00+00:00", "end_time": "2026-09-01T11:00:00+00:00"}]
    assert line(cost(altered(ESTATE, app__jobs=jobs)), "amplify/build") == ("5 min", 0.05, "estimated")


def test_a_run_adds_the_alarms_it_made_and_the_metrics_of_agents_that_are_new_with_them():
    names = [one["alarm_name"] for one in deployment_alarms(DECLARED, CACHE, ESTATE["database"]["instances"], 2)]
    assert cost()["change"] == 0
    assert cost(created=["huntaze-ai-redis-latency"])["change"] == 0.1
    assert cost(created=names, agents=0)["change"] == round(0.1 * (len(names) - 1) + 0.5, 2)  # agents elsewhere
    assert cost(created=names)["change"] == round(0.1 * (len(names) - 1) + 0.5 + 1.8, 2)


def test_every_price_names_its_source_and_days_are_days():
    for name, price in PRICES.items():
        assert price.source and price.usd > 0 and price.unit in ("hour", "GB", "month", "minute"), name
        assert price.day is None or datetime.date.fromisoformat(price.day)
