# SPDX-License-Identifier: GPL-3.0-or-later
"""Security posture: each rule finds what it is for in an estate that is altered in one place, and says nothing of what nobody looked at."""

from __future__ import annotations

import copy
import importlib.util
import json
import random
from pathlib import Path

import botocore.session
import jsonschema
import pytest
import yaml
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import SCHEMA
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.findings import security_findings
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.looks import SEVERITIES
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.rules import RULES, SUBJECTS
from botocore import xform_name
from hypothesis import given, settings
from hypothesis import strategies as st
from support.estates import CACHE, CACHE_GROUP, DATABASE_GROUP, DECLARED, ESTATE, LIMITER_GROUP, altered, rule, with_rules

REPORT = json.loads((Path(__file__).parents[2] / "docs/report.schema.json").read_text())
BOTOCORE = botocore.session.get_session()
NOW = "2026-12-01T12:00:00Z"
DATABASE = "database__instances__0__"
# The guide's estate as declared: its hosts have public addresses, which a load balancer makes needless.
ALWAYS = ["hosts/public_address/limiter-1", "hosts/public_address/limiter-2"]


def posture(estate=ESTATE, cache=CACHE, declared=DECLARED, agents=2, now=NOW):
    made = security_findings(estate, cache, declared, agents, now)
    for one in made["findings"]:
        jsonschema.validate({"state": "new", **one}, {**REPORT["$defs"]["finding"], "$defs": REPORT["$defs"]})
        assert "{" not in one["means"] + one["breaks"] + one["found"]
    return made


def found(*arguments, **options):
    """The findings by id, without those that are always there."""
    return {one["id"]: one for one in posture(*arguments, **options)["findings"] if one["id"] not in ALWAYS}


def test_the_guides_estate_once_it_is_deployed_has_little_to_tell():
    made = posture()
    assert [one["id"] for one in made["findings"]] == ALWAYS and made["unseen"] == []
    assert made["findings"][0]["remedy"]["text"].endswith("--network-interface-id eni-h1 --no-associate-public-ip-address --region us-east-1")


OPEN = {"listen_from": ["0.0.0.0/0"]}
STANDALONE = {**CACHE, "kind": "cache_cluster", "id": "huntaze-redis-production"}
WITHOUT_TLS = {key: value for key, value in DECLARED["huntaze_limiter"].items() if key != "tls"}
CASES = [
    ("redis/in_transit/huntaze-redis", "high", {"cache": {**CACHE, "transit_encryption_mode": "preferred"}}),
    ("redis/in_transit/huntaze-redis-production", "high", {"cache": {**STANDALONE, "transit_encryption_mode": None}}),
    ("redis/authentication/huntaze-redis", "high", {"cache": {**CACHE, "auth_token_enabled": False}}),
    ("redis/users/open", "high", {
        "cache": {**CACHE, "user_group_ids": ["g"]},
        "estate": altered(ESTATE, cache__users=[
            {"user_id": name, "user_group_ids": ["g"], "access_string": access, "authentication": {"type": kind}}
            for name, access, kind in (("open", "on ~* +@all", "no-password"), ("shut", "off -@all", "no-password"), ("fine", "on ~*", "password"))])}),
    ("redis/at_rest/huntaze-redis", "low", {"cache": {**CACHE, "at_rest_encryption_enabled": False}}),
    ("redis/open/huntaze-cache/tcp-6379-from-0.0.0.0-0", "high", {"estate": with_rules(rule(CACHE_GROUP, "0.0.0.0/0"))}),
    ("redis/open/huntaze-cache/all-traffic-from-0", "high", {"estate": with_rules(rule(CACHE_GROUP, "::/0", -1, protocol="-1"))}),
    ("redis/wide/huntaze-cache/tcp-6379-from-10.0.0.0-16", "medium", {"estate": with_rules(rule(CACHE_GROUP, "10.0.0.0/16"))}),
    ("redis/ports/huntaze-cache/tcp-6000-7000-from-sg-00000011", "low", {"estate": with_rules(rule(CACHE_GROUP, LIMITER_GROUP, 6000, 7000))}),
    ("redis/unused/huntaze-cache/tcp-6379-from-sg-000000ee", "low", {"estate": with_rules(rule(CACHE_GROUP, "sg-000000ee"))}),
    ("redis/unused/huntaze-cache/tcp-6379-from-203.0.113.9-32", "low", {"estate": with_rules(rule(CACHE_GROUP, "203.0.113.9/32"))}),
    ("redis/public_subnet/huntaze-redis", "low", {"cache": {**CACHE, "subnet_ids": ["subnet-c1", "subnet-l1"]}}),
    ("redis/subnet_group/huntaze-redis", "low", {"cache": {**CACHE, "cache_subnet_group_name": "default"}}),
    ("redis/snapshots/huntaze-redis", "low", {"estate": altered(ESTATE, cache__replication_groups__0__snapshot_retention_limit=0)}),
    ("redis/failover/huntaze-redis", "low", {"estate": altered(ESTATE, cache__replication_groups__0__automatic_failover="disabled")}),
    ("redis/minor_versions/huntaze-redis", "low", {"estate": altered(ESTATE, cache__replication_groups__0__auto_minor_version_upgrade=False)}),
    ("redis/minor_versions/huntaze-redis-production", "low", {
        "cache": STANDALONE, "estate": altered(ESTATE, cache__clusters__0__auto_minor_version_upgrade=False)}),
    ("redis/end/huntaze-redis", "medium", {"cache": {**CACHE, "engine_version": "6.2.6"}}),
    ("redis/end/huntaze-redis", "high", {"cache": {**CACHE, "engine_version": "5.0.6"}}),
    ("postgresql/public/huntaze-postgres-production", "high", {"estate": altered(ESTATE, **{DATABASE + "publicly_accessible": True})}),
    ("postgresql/open/huntaze-database/tcp-5432-from-0.0.0.0-0", "high", {"estate": with_rules(rule(DATABASE_GROUP, "0.0.0.0/0", 5432))}),
    ("postgresql/wide/huntaze-database/tcp-5432-from-192.0.2.0-24", "medium", {"estate": with_rules(rule(DATABASE_GROUP, "192.0.2.0/24", 5432))}),
    ("postgresql/ports/huntaze-database/all-traffic-from-sg-00000011", "low", {"estate": with_rules(rule(DATABASE_GROUP, LIMITER_GROUP, -1, protocol="-1"))}),
    ("postgresql/unused/huntaze-database/tcp-5432-from-192.0.2.7-32", "low", {"estate": with_rules(rule(DATABASE_GROUP, "192.0.2.7/32", 5432))}),
    ("postgresql/force_ssl/huntaze-postgres-production", "medium", {"estate": altered(ESTATE, database__parameters={"rds.force_ssl": {"value": "0"}})}),
    ("postgresql/at_rest/huntaze-postgres-production", "medium", {"estate": altered(ESTATE, **{DATABASE + "storage_encrypted": False})}),
    ("postgresql/certificate/huntaze-postgres-production", "medium", {
        "estate": altered(ESTATE, **{DATABASE + "certificate_details__valid_till": "2027-01-20T00:00:00+00:00"})}),
    ("postgresql/certificate/huntaze-postgres-production", "high", {
        "estate": altered(ESTATE, **{DATABASE + "certificate_details__valid_till": "2024-08-22T17:08:50+00:00"})}),
    ("postgresql/end/huntaze-postgres-production", "high", {"now": "2029-03-01T00:00:00Z"}),
    ("postgresql/backups/huntaze-postgres-production", "medium", {"estate": altered(ESTATE, **{DATABASE + "backup_retention_period": 0})}),
    ("postgresql/backups/huntaze-postgres-production", "low", {"estate": altered(ESTATE, **{DATABASE + "backup_retention_period": 1})}),
    ("postgresql/deletion/huntaze-postgres-production", "low", {"estate": altered(ESTATE, **{DATABASE + "deletion_protection": False})}),
    ("postgresql/multi_az/huntaze-postgres-production", "low", {"estate": altered(ESTATE, **{DATABASE + "multi_az": False})}),
    ("postgresql/minor_versions/huntaze-postgres-production", "low", {"estate": altered(ESTATE, **{DATABASE + "auto_minor_version_upgrade": False})}),
    ("postgresql/public_subnet/huntaze-postgres-production", "low", {
        "estate": altered(ESTATE, **{DATABASE + "db_subnet_group__subnets": [{"subnet_identifier": "subnet-l1"}]})}),
    ("agents/open/huntaze-limiter/tcp-8443-from-0.0.0.0-0", "medium", {
        "estate": with_rules(rule(LIMITER_GROUP, "0.0.0.0/0", 8443)),
        "declared": altered(DECLARED, huntaze_limiter__listen_from=["0.0.0.0/0", "sg-000000b1"])}),
    ("agents/undeclared/huntaze-limiter/tcp-8443-from-0.0.0.0-0", "high", {"estate": with_rules(rule(LIMITER_GROUP, "0.0.0.0/0", 8443))}),
    ("agents/other_ports/huntaze-limiter/tcp-22-from-0.0.0.0-0", "high", {
        "estate": with_rules(rule(LIMITER_GROUP, "0.0.0.0/0", 22), rule(LIMITER_GROUP, "0.0.0.0/0", 443, number=2))}),
    ("agents/unused/huntaze-limiter/tcp-8443-from-sg-000000ee", "low", {"estate": with_rules(rule(LIMITER_GROUP, "sg-000000ee", 8443))}),
    ("agents/plain_text/huntaze_limiter_agents", "low", {"declared": {**DECLARED, "huntaze_limiter": WITHOUT_TLS}}),
    ("hosts/imds/limiter-2", "medium", {"estate": altered(ESTATE, hosts__instances__1__metadata_options={"http_tokens": "optional"})}),
    ("network/default_group/default/cache", "medium", {"estate": altered(ESTATE, network__security_groups__0__group_name="default")}),
    ("bucket/public/huntaze-beta-assets", "high", {"estate": altered(ESTATE, bucket__policy_status={"is_public": True})}),
    ("bucket/public_access_block/huntaze-beta-assets", "medium", {"estate": altered(ESTATE, bucket__public_access_block={})}),
    ("bucket/tls/huntaze-beta-assets", "low", {"estate": altered(ESTATE, bucket__tls_only=False)}),
    ("bucket/at_rest/huntaze-beta-assets", "low", {"estate": altered(ESTATE, bucket__encryption="")}),
    ("app/secrets/d1", "low", {"estate": altered(ESTATE, app__variable_names=["GEMINI_MODEL", "NEXTAUTH_SECRET", "DATABASE_URL"])}),
    ("alarms/silent/huntaze-ai", "medium", {"declared": altered(DECLARED, huntaze_alarms__actions="none")}),
]


@pytest.mark.parametrize(("name", "severity", "of"), CASES, ids=[f"{name}-{severity}" for name, severity, _ in CASES])
def test_a_rule_finds_what_it_is_for_and_nothing_else_speaks(name, severity, of):
    (one,) = found(**of).values()
    assert (one["id"], one["severity"]) == (name, severity), one["found"]


def test_every_rule_is_tested_and_has_all_its_texts():
    assert {each.id for each in RULES} == {"/".join(name.split("/")[:2]) for name in [case[0] for case in CASES] + ALWAYS}
    assert len({each.id for each in RULES}) == len(RULES) == len({each.title for each in RULES})
    for each in RULES:
        assert each.severity in SEVERITIES and each.source and each.means.endswith(".") and each.breaks.endswith("."), each.id
        assert each.remedy[0] in ("command", "variable") and set(each.needs) <= set(SUBJECTS), each.id


@pytest.mark.parametrize("each", [one for one in RULES if one.remedy[1].startswith("aws ")], ids=lambda one: one.id)
def test_a_command_is_one_of_aws_and_lacks_nothing_that_it_needs(each):
    words = each.remedy[1].replace("{moves}", "associate-route-table --subnet-id").replace("{{", "{").replace("}}", "}").split()
    model = BOTOCORE.get_service_model({"s3api": "s3"}.get(words[1], words[1]))
    (operation,) = [name for name in model.operation_names if xform_name(name, "-") == words[2]]
    shape = model.operation_model(operation).input_shape
    known, given = {xform_name(name, "-") for name in shape.members}, {word[2:] for word in words if word.startswith("--")} - {"region"}
    assert {name if name in known else name.removeprefix("no-") for name in given} <= known
    assert {xform_name(name, "-") for name in shape.required_members} <= given


def test_a_variable_is_one_of_the_inventory():
    for each in RULES:
        if each.remedy[0] == "variable":
            for name, keys in yaml.safe_load(each.remedy[1].replace("{{", "{").replace("}}", "}")).items():
                assert set(keys) <= set(SCHEMA[name].keys), each.id


def test_hosts_that_the_app_calls_directly_need_their_public_addresses():
    assert not [one for one in posture(declared=altered(DECLARED, huntaze_limiter__listen_from=["0.0.0.0/0"]))["findings"]]


def test_a_subnet_moves_to_a_private_route_table_by_its_own_association_or_by_a_new_one():
    cache = {**CACHE, "subnet_ids": ["subnet-l1"]}
    (one,) = found(cache=cache).values()
    assert one["remedy"]["text"] == "aws ec2 replace-route-table-association --association-id rtbassoc-1 --route-table-id PRIVATE --region us-east-1"
    tables = copy.deepcopy(ESTATE["network"]["route_tables"])
    tables[0]["routes"], tables[1]["associations"] = tables[1]["routes"], []
    (one, _) = found(altered(ESTATE, network__route_tables=tables), cache=cache).values()
    assert "associate-route-table --subnet-id subnet-l1 " in one["remedy"]["text"]
    tables[1]["associations"] = [{"main": False, "subnet_id": name} for name in ("subnet-c1", "subnet-d1", "subnet-l1")]
    tables[1]["routes"] = tables[1]["routes"][:1]
    assert not found(altered(ESTATE, network__route_tables=tables), cache=cache)  # a table of its own stands before the main one


def test_what_is_declared_is_neither_wide_nor_unused():
    declared = altered(DECLARED, huntaze_limiter__security_group_id="sg-000000ee", huntaze_limiter__listen_from=["sg-000000ff"])
    estate = altered(ESTATE, network__security_group_rules=[rule(CACHE_GROUP, "sg-000000ee"), rule("sg-000000ee", "sg-000000ff", 8443)])
    assert not found(estate, declared=declared)


def test_a_group_of_a_peer_is_not_called_unused_as_nobody_has_read_its_interfaces():
    of_a_peer = rule(CACHE_GROUP, "sg-000000ee")
    of_a_peer["referenced_group_info"] |= {"user_id": "210987654321", "vpc_peering_connection_id": "pcx-1"}
    assert not found(with_rules(of_a_peer))


def test_findings_come_by_severity_and_do_not_depend_on_the_order_of_aws():
    estate = with_rules(rule(CACHE_GROUP, "0.0.0.0/0"), rule(CACHE_GROUP, "10.0.0.0/16", number=2), rule(DATABASE_GROUP, "192.0.2.7/32", 5432, number=3))
    made = posture(estate)["findings"]
    assert [one["severity"] for one in made] == sorted((one["severity"] for one in made), key=SEVERITIES.index)
    mixed = copy.deepcopy(estate)
    for rows in mixed["network"].values():
        random.Random(1).shuffle(rows)
    assert {one["id"] for one in posture(mixed)["findings"]} == {one["id"] for one in made} and len(made) == 5


def test_a_public_database_says_what_closing_it_cuts_off_and_names_the_region():
    one = found(altered(ESTATE, **{DATABASE + "publicly_accessible": True}))["postgresql/public/huntaze-postgres-production"]
    assert one["object"] == {"id": "database/huntaze-postgres-production", "kind": "database", "name": "huntaze-postgres-production"}
    assert one["remedy"] == {"kind": "command", "text": (
        "aws rds modify-db-instance --db-instance-identifier huntaze-postgres-production --no-publicly-accessible --apply-immediately --region us-east-1")}
    assert "DATABASE_URL of the app, at once" in one["breaks"]


def test_subnets_of_a_public_database_need_their_way_to_the_internet():
    public = altered(ESTATE, **{DATABASE + "db_subnet_group__subnets": [{"subnet_identifier": "subnet-l1"}], DATABASE + "publicly_accessible": True})
    assert list(found(public)) == ["postgresql/public/huntaze-postgres-production"]


def test_an_instance_of_a_cluster_is_not_blamed_for_what_the_cluster_decides():
    assert not found(altered(ESTATE, **{
        DATABASE + "db_cluster_identifier": "c", DATABASE + "multi_az": False, DATABASE + "deletion_protection": False,
        DATABASE + "backup_retention_period": 1}))


def test_members_of_a_composite_that_tells_somebody_need_not_tell_anybody():
    composite = {"alarm_name": "all", "alarm_rule": "ALARM(mine)", "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:operators"]}
    mine = {"alarm_name": "mine", "namespace": "N", "metric_name": "M", "actions_enabled": False}
    assert not found(declared=altered(DECLARED, huntaze_alarms__items=[mine, composite]))
    (one,) = found(declared=altered(DECLARED, huntaze_alarms__items=[mine])).values()
    assert one["found"] == "mine tells nobody"


def test_what_was_refused_is_told_with_the_reason_and_nothing_is_found_there():
    estate = altered(ESTATE, network__security_group_rules=None, database__parameters=None, read=[
        {"source": "ec2 DescribeSecurityGroupRules", "at": NOW, "error": "UnauthorizedOperation: You are not authorized to perform this operation."},
        {"source": "ec2 DescribeSubnets", "at": NOW, "error": None}])
    unseen = posture(estate)["unseen"]
    assert unseen[0].startswith("Nobody looked at the security groups' rules (AWS refused ec2 DescribeSecurityGroupRules: UnauthorizedOperation). So")
    assert "the cache's port open to the world" in unseen[0]
    assert unseen[1] == "Nobody looked at the database's parameters. So nothing is said of: PostgreSQL without TLS."
    assert posture(altered(ESTATE, database__parameters={}))["unseen"] == [
        "AWS shows no value of rds.force_ssl, so nothing is said of: PostgreSQL without TLS."]
    assert posture(agents=3)["unseen"] == ["EC2 shows 2 of the 3 hosts of agents, so nothing is said of the others."]
    listed = with_rules(rule(CACHE_GROUP, "pl-00000001"))
    assert posture(listed)["unseen"] == ["What the prefix list pl-00000001 holds is not known, so nothing is said of whom it lets into huntaze-cache."]
    told = found(altered(listed, network__prefix_lists=[{"prefix_list_id": "pl-00000001", "cidrs": ["0.0.0.0/1"]}]))
    assert list(told) == ["redis/open/huntaze-cache/tcp-6379-from-pl-00000001"]


def test_where_there_is_nothing_there_is_nothing_to_say():
    declared = {name: DECLARED[name] for name in ("huntaze_aws", "huntaze_names", "huntaze_cache", "huntaze_limiter")}
    made = posture({}, {"exists": False}, declared, agents=0)
    assert made["findings"] == [] and len(made["unseen"]) == 1 and "the agents' port open to the world" in made["unseen"][0]


MEMBERS = sorted({path for each in RULES for path in each.needs})


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(MEMBERS)), st.sampled_from(CASES))
def test_facts_that_are_withheld_take_findings_away_and_never_add_one(withheld, case):
    """And each rule that could not look is told."""
    of = {"estate": ESTATE, "cache": CACHE, "declared": DECLARED, "agents": 2, "now": NOW, **case[2]}
    blind = altered(of["estate"], **{path.replace(".", "__"): None for path in withheld})
    whole, less = security_findings(**of), security_findings(**{**of, "estate": blind})
    assert {one["id"] for one in less["findings"]} <= {one["id"] for one in whole["findings"]}
    for each in RULES:
        if set(each.needs) & withheld:
            assert any(each.title in sentence for sentence in less["unseen"]), each.id


def test_no_secret_and_no_control_character_comes_out():
    declared = altered(DECLARED, huntaze_app__secret_variables={"NEXTAUTH_SECRET": "canary-posture-1"}, huntaze_cache__auth_token="canary-posture-2")
    estate = altered(ESTATE, network__security_groups__0__group_name="evil\x1b[2J\n::error::", network__security_group_rules=[rule(CACHE_GROUP, "0.0.0.0/0")])
    text = json.dumps(posture(estate, declared=declared), ensure_ascii=False)
    assert "canary" not in text and "NEXTAUTH_SECRET" in text and text.isprintable()
    assert "\\u001b" not in text and "\\n" not in text


def test_the_page_has_the_tables_of_the_code():
    root = Path(__file__).parents[2]
    spec = importlib.util.spec_from_file_location("posture_page", root / "docs" / "posture.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    page = (root / "docs" / "posture.md").read_text()
    assert page == writer.written(page), "run python docs/posture.py: docs/posture.md is not what the code says"
    assert all(f"`{each.id}`" in page for each in RULES) and "Price List" in page and "2027-01-31" in page
