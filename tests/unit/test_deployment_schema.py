# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema of the deployment's variables, and that nothing else describes them."""

from __future__ import annotations

import importlib.util
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import NAMES
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment import alarms, schema
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.agent import agent_inputs
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.ingress import callers_ingress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import SCHEMA, THRESHOLDS, filled

ROOT = Path(__file__).parents[2]


def every_key(keys: t.Mapping[str, schema.Key], path: str) -> t.Iterator[tuple[str, schema.Key]]:
    for name, key in keys.items():
        yield f"{path}.{name}", key
        yield from every_key(key.keys, f"{path}.{name}")


EVERY = [found for name, subject in SCHEMA.items() for found in every_key(subject.keys, name)]


@pytest.mark.parametrize(("path", "key"), [pytest.param(*found, id=found[0]) for found in EVERY])
def test_every_key_is_described_and_its_default_is_of_its_kind(path, key):
    assert key.meaning and not key.meaning.endswith(".")
    assert not key.name_of or key.name_of in NAMES
    if key.default is not None:
        assert not key.wanted and key.kind.fits(list(key.default) if isinstance(key.default, tuple) else key.default)
        assert not key.choices or key.default in key.choices
    if re.search(r"(password|token|tokens|[a-z]_key|tls[.]key)$", path):
        assert key.secret


def test_the_documents_say_what_the_schema_says():
    spec = importlib.util.spec_from_file_location("variables", ROOT / "docs" / "variables.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    for document in writer.DOCUMENTS:
        text = document.read_text()
        assert text == writer.written(text, writer.schema()), f"run python docs/variables.py: {document.name} is not what the schema says"
    reference = (ROOT / "docs" / "variables.md").read_text()
    for path, key in EVERY:
        assert f"`{path.partition('.')[2]}`" in reference and key.meaning in reference
    assert all(f"`{name}`" in (ROOT / "README.md").read_text() for name in [*SCHEMA, *THRESHOLDS])


@pytest.mark.parametrize("inventory", ["production", "sandbox"])
def test_the_inventories_name_keys_of_the_schema(inventory):
    declared = yaml.safe_load((ROOT / "inventories" / inventory / "group_vars" / "all.yml").read_text())
    assert set(SCHEMA) == {name for name in declared if name.startswith("huntaze_")}
    for name, subject in SCHEMA.items():
        assert set(declared[name]) <= set(subject.keys), name
        assert {key for key, of in subject.keys.items() if of.wanted} <= set(declared[name]), name


def test_the_playbooks_hand_over_every_mapping_and_ask_for_known_keys():
    variables = yaml.safe_load((ROOT / "playbooks" / "vars" / "main.yml").read_text())
    assert variables["huntaze_declared"] == {name: f"{{{{ {name} | default({{}}) }}}}" for name in SCHEMA}
    for file in (ROOT / "playbooks").rglob("*.yml"):
        for name, key in re.findall(rf"\b({'|'.join(SCHEMA)})\.(\w+)", file.read_text()):
            assert key in SCHEMA[name].keys, f"{file.name}: {name}.{key}"


def test_every_threshold_is_used_and_is_the_schemas():
    used = {watch.threshold for watch in [*alarms.OF_A_NODE, *alarms.OF_A_BURSTABLE_NODE, *alarms.OF_AN_INSTANCE]}
    assert used | {"redis_latency_ms", "anomalies"} == set(THRESHOLDS)


@pytest.mark.parametrize("nothing", [{}, {"huntaze_limiter": None}, {"huntaze_limiter": {"port": None, "agents": "", "cloudwatch": None, "tls": ""}}])
def test_what_is_left_out_null_or_empty_has_its_default(nothing):
    limiter = filled(nothing)["huntaze_limiter"]
    assert (limiter["port"], limiter["agents"], limiter["listen_from"], limiter["cloudwatch"]["interval"]) == (8443, "deployed", [], 60)
    assert limiter["tls"] == {"certificate": None, "key": None, "ca_file": None} and limiter["url"] is None


def test_what_is_declared_stands_even_where_it_is_false_or_zero():
    declared = filled({"huntaze_cache": {"probe": False}, "huntaze_alarms": {"thresholds": {"cache_cpu_percent": 0}}})
    assert declared["huntaze_cache"]["probe"] is False and declared["huntaze_alarms"]["thresholds"]["cache_cpu_percent"] == 0


def test_no_default_is_shared_between_two_deployments():
    filled({})["huntaze_app"]["variables"]["A"] = "b"
    assert filled({})["huntaze_app"]["variables"] == {}


@pytest.mark.parametrize(
    ("source", "field"),
    [("10.0.0.0/16", "cidr_ipv4"), ("::/0", "cidr_ipv6"), ("sg-0123456789abcdef0", "referenced_group_id"), ("pl-0123456789abcdef0", "prefix_list_id")],
)
def test_each_source_of_callers_has_its_rule(source, field):
    rule = {"ip_protocol": "tcp", "from_port": 8443, "to_port": 8443, field: source, "description": "HTTPS to the limiter agents"}
    assert callers_ingress({"listen_from": [source]}) == [rule]
    assert callers_ingress({"listen_from": [source], "port": 443}) == [{**rule, "from_port": 443, "to_port": 443}]
    assert callers_ingress({"listen_from": None}) == callers_ingress({}) == []


DECLARED = {
    "huntaze_aws": {"region": "us-east-1"},
    "huntaze_names": {"metric_namespace": "Huntaze/AI"},
    "huntaze_cache": {"auth_token": "canary"},
    "huntaze_limiter": {"bearer_tokens": ["x" * 24]},
}
PRIMARY = {"address": "a.example.internal", "port": 6379}


@pytest.mark.parametrize(("mode", "tls", "token"), [(None, False, ""), ("preferred", True, "canary"), ("required", True, "canary")])
def test_no_agent_sends_a_token_in_plain_text(mode, tls, token):
    redis = agent_inputs(DECLARED, {"transit_encryption_mode": mode, "endpoints": {"primary": PRIMARY}}, 2)["redis"]
    assert redis == {"host": "a.example.internal", "port": 6379, "tls": tls, "tls_ca": "", "token": token}


def test_an_agent_gets_what_is_declared_and_nothing_that_is_left_out(tmp_path):
    authorities = tmp_path / "ca.pem"
    authorities.write_text("-----BEGIN CERTIFICATE-----\n\n")
    cache = {"transit_encryption_mode": "required", "endpoints": {"primary": PRIMARY}}
    plain = agent_inputs(DECLARED, cache, 2)
    assert plain["cloudwatch"] == {"region": "us-east-1", "namespace": "Huntaze/AI"}
    assert (plain["listen"], plain["tls"], plain["rules"], plain["agents"]) == ({"address": "0.0.0.0", "port": 8443}, {"certificate": "", "key": ""}, {}, 2)
    given = {
        **DECLARED,
        "huntaze_cache": {"auth_token": "canary", "tls_ca_file": str(authorities)},
        "huntaze_limiter": {
            "bearer_tokens": ["x" * 24], "port": 443, "tls": {"certificate": "c", "key": "k", "ca_file": "f"}, "rules": {"plans": {}},
            "cloudwatch": {"interval": 2, "namespace": "Mine", "endpoint_url": None, "access_key": ""},
        },
    }
    full = agent_inputs(given, cache, 2, "127.0.1.10")
    assert full["redis"]["tls_ca"] == "-----BEGIN CERTIFICATE-----"
    assert full["cloudwatch"] == {"region": "us-east-1", "namespace": "Mine", "interval": 2}
    assert (full["listen"], full["tls"], full["rules"]) == ({"address": "127.0.1.10", "port": 443}, {"certificate": "c", "key": "k"}, {"plans": {}})


def literal(text: str) -> t.Any:
    return {"true": True, "false": False, "none": None}.get(text, yaml.safe_load(text.replace("none", "null")))


def test_playbooks_repeat_no_other_default_than_the_schemas():
    """`subject.key | default(LITERAL)`, wherever a playbook says it. Nothing, an empty value and omit say only that it may be left out."""
    keys = dict(EVERY)
    said = [
        (path, found[1], found[2])
        for path in ROOT.glob("playbooks/**/*.yml")
        for found in re.finditer(r"\b(huntaze_\w+\.\w+) \| default\(('[^']*'|\[[^\]]*\]|true|false|\d+|none)", path.read_text())
    ]
    declared = [(path.name, name, literal(text), keys[name].default) for path, name, text in said if name in keys]
    assert len(declared) > 10
    assert not [one for one in declared if one[3] is not None and one[2] != (list(one[3]) if isinstance(one[3], tuple) else one[3])]
    assert not [one for one in declared if one[3] is None and one[2]]
