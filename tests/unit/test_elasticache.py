# SPDX-License-Identifier: GPL-3.0-or-later
"""How a cache is found and described, from answers like those of the real AWS: any field may be missing, and any may hold what nobody knows."""

from __future__ import annotations

import ast
import copy
import datetime
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from botocore.exceptions import ClientError

from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import cache as caches
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import path as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.cache import NOTHING
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import pending_refusals, refusals
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import name_problem

DATE = datetime.datetime(2025, 3, 1, 12, 0, tzinfo=datetime.timezone.utc)
ARN = "arn:aws:elasticache:us-east-1:123456789012:"


def endpoint(name: str) -> dict[str, t.Any]:
    return {"Address": f"{name}.abcdef.use1.cache.amazonaws.com", "Port": 6379}


MEMBER = {
    "CacheClusterId": "shop-001",
    "CacheNodeType": "cache.m5.large",
    "Engine": "redis",
    "EngineVersion": "7.1.0",
    "CacheClusterStatus": "available",
    "NumCacheNodes": 1,
    "CacheClusterCreateTime": DATE,
    "PreferredMaintenanceWindow": "tue:06:00-tue:07:00",
    "PendingModifiedValues": {"EngineVersion": "7.2.0"},
    "CacheParameterGroup": {"CacheParameterGroupName": "default.redis7", "ParameterApplyStatus": "pending-reboot", "CacheNodeIdsToReboot": ["0001"]},
    "CacheSubnetGroupName": "inside",
    "CacheNodes": [{"CacheNodeId": "0001", "CacheNodeStatus": "available", "Endpoint": endpoint("shop-001")}],
    "ReplicationGroupId": "shop",
    "AuthTokenEnabled": True,
    "TransitEncryptionEnabled": True,
    "AtRestEncryptionEnabled": True,
    "ARN": f"{ARN}cluster:shop-001",
    "SecurityGroups": [{"SecurityGroupId": "sg-00000001", "Status": "active"}],
    "TransitEncryptionMode": "required",
    "ConfigurationEndpoint": endpoint("cfg"),
}
GROUP = {
    "ReplicationGroupId": "shop",
    "Description": " ",
    "GlobalReplicationGroupInfo": {"GlobalReplicationGroupId": "ldgnf-shop", "GlobalReplicationGroupMemberRole": "PRIMARY"},
    "Status": "available",
    "PendingModifiedValues": {"AuthTokenStatus": "ROTATING", "UserGroups": {"UserGroupIdsToAdd": ["people"], "UserGroupIdsToRemove": []}},
    "MemberClusters": ["shop-001"],
    "NodeGroups": [{
        "NodeGroupId": "0001",
        "Status": "available",
        "PrimaryEndpoint": endpoint("master.shop"),
        "ReaderEndpoint": endpoint("replica.shop"),
        "NodeGroupMembers": [{"CacheClusterId": "shop-001", "CacheNodeId": "0001", "ReadEndpoint": endpoint("shop-001.shop"), "CurrentRole": "primary"}],
    }],
    "ClusterEnabled": False,
    "CacheNodeType": "cache.m5.large",
    "AuthTokenEnabled": True,
    "AuthTokenLastModifiedDate": DATE,
    "TransitEncryptionEnabled": True,
    "AtRestEncryptionEnabled": True,
    "ARN": f"{ARN}replicationgroup:shop",
    "ReplicationGroupCreateTime": DATE,
    "TransitEncryptionMode": "required",
    "UserGroupIds": [],
    "ConfigurationEndpoint": endpoint("clustercfg.shop"),
}
SERVERLESS = {
    "ServerlessCacheName": "light",
    "CreateTime": DATE,
    "Status": "available",
    "Engine": "valkey",
    "MajorEngineVersion": "8",
    "FullEngineVersion": "8.0",
    "SecurityGroupIds": ["sg-00000001"],
    "Endpoint": endpoint("light"),
    "ReaderEndpoint": endpoint("light-ro"),
    "ARN": f"{ARN}serverlesscache:light",
    "UserGroupId": "people",
    "SubnetIds": ["subnet-00000001"],
}
SUBNETS = {"CacheSubnetGroupName": "inside", "VpcId": "vpc-00000001", "Subnets": [{"SubnetIdentifier": "subnet-00000001"}]}


class Client:
    """Answers as AWS does, from the objects given."""

    def __init__(self, clusters: t.Sequence[dict] = (), groups: t.Sequence[dict] = (), serverless: t.Sequence[dict] = ()) -> None:
        self._there = {
            "describe_cache_clusters": ("CacheClusters", "CacheClusterId", "CacheClusterNotFound", clusters),
            "describe_replication_groups": ("ReplicationGroups", "ReplicationGroupId", "ReplicationGroupNotFoundFault", groups),
            "describe_serverless_caches": ("ServerlessCaches", "ServerlessCacheName", "ServerlessCacheNotFoundFault", serverless),
            "describe_cache_subnet_groups": ("CacheSubnetGroups", "CacheSubnetGroupName", "CacheSubnetGroupNotFoundFault", [SUBNETS]),
        }
        self.calls: list[str] = []

    def __getattr__(self, operation: str) -> t.Callable[..., dict]:
        key, identity, not_found, objects = self._there[operation]

        def describe(**parameters: t.Any) -> dict:
            self.calls.append(operation)
            # All of them where no name is given, as AWS does.
            found = [item for item in objects if not parameters[identity] or item[identity] == parameters[identity]]
            if not found:
                raise ClientError({"Error": {"Code": not_found, "Message": "not found"}}, operation)
            return {key: copy.deepcopy(found)}

        return describe


def described(client: Client, name: str) -> dict[str, t.Any]:
    return caches.network(client, caches.find(client, name))


def paths(item: t.Any, *keys: t.Any) -> t.Iterator[tuple]:
    """Where each field of an answer stands."""
    pairs = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    for key, value in pairs:
        if isinstance(key, str):
            yield (*keys, key)
        yield from paths(value, *keys, key)


def without(item: dict, path: tuple, value: t.Any = None) -> dict:
    stripped = copy.deepcopy(item)
    place = stripped
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return stripped


IDENTITIES = ("CacheClusterId", "ReplicationGroupId", "ServerlessCacheName")
STRIPPED = [
    (kind, path) for kind, item in (("member", MEMBER), ("group", GROUP), ("serverless", SERVERLESS)) for path in paths(item)
    if (kind, path) not in {("member", (IDENTITIES[0],)), ("group", (IDENTITIES[1],)), ("serverless", (IDENTITIES[2],))}
]


@pytest.mark.parametrize(("kind", "path"), STRIPPED, ids=lambda value: value if isinstance(value, str) else ".".join(map(str, value)))
def test_kind_07_any_field_may_be_missing(kind, path):
    """Found by each of its names, described with every key, and refused or planned with a sentence."""
    there = {"member": MEMBER, "group": GROUP, "serverless": SERVERLESS}
    there[kind] = without(there[kind], path)
    client = Client([there["member"]], [there["group"]], [there["serverless"]])
    for name in ("light",) if kind == "serverless" else ("shop-001", "shop"):
        cache = described(client, name)
        assert cache.keys() == NOTHING.keys() and cache["exists"]
        desired = planner.Desired(name, transit_encryption_mode="required", auth_token="a" * 16, fingerprint=f"{1:032x}/{1:064x}")
        calm = planner.Observed(dict(cache, global_replication_group_id=None, user_group_ids=[]))
        assert all(map(str, refusals(desired, planner.Observed(cache)))) and planner.Observed(cache).state
        if not refusals(desired, calm):
            planner.plan(desired, calm)
            pending_refusals(desired, calm, [])


@pytest.mark.parametrize(
    ("kind", "path", "value", "words"),
    [
        ("group", ("Status",), "rehydrating", "has the status rehydrating"),
        ("group", ("TransitEncryptionMode",), "quantum", "transit_encryption_mode quantum, which is unknown here"),
        ("member", ("Engine",), "dragonfly", "the engine dragonfly, which is unknown here"),
        ("member", ("EngineVersion",), "next", "runs Redis next"),
    ],
)
def test_kind_07_a_value_that_nobody_knows_is_named(kind, path, value, words):
    there = {"member": MEMBER, "group": dict(without(GROUP, ("GlobalReplicationGroupInfo",)), PendingModifiedValues={})}
    there[kind] = without(there[kind], path, value)
    cache = described(Client([there["member"]], [there["group"]]), "shop")
    problems = refusals(planner.Desired("shop", auth_token="a" * 16), planner.Observed(cache))
    assert words in " ".join([*problems, planner.Observed(cache).state])


@pytest.mark.parametrize(
    "group",
    [
        # While it is being deleted, and as in 2016.
        {"ReplicationGroupId": "shop", "Description": " ", "Status": "deleting", "PendingModifiedValues": {}, "CacheNodeType": "cache.m5.large"},
        {"ReplicationGroupId": "shop", "Status": "available", "MemberClusters": ["shop-001"], "NodeGroups": [{"NodeGroupId": "0001"}]},
    ],
)
@pytest.mark.parametrize("name", ["shop", "shop-001"])
def test_kind_07_groups_that_show_little(group, name):
    cache = described(Client([MEMBER], [group]), name)
    assert (cache["kind"], cache["id"], cache["status"]) == ("replication_group", "shop", group["Status"])
    assert (cache["auth_token_enabled"], cache["transit_encryption_mode"], cache["arn"]) == (False, None, None)


@pytest.mark.parametrize("name", ["shop-001", "SHOP-001", "shop"])
def test_one_description_by_every_name_in_the_fewest_calls(name):
    client = Client([MEMBER], [GROUP])
    cache = described(client, name)
    assert (cache["id"], cache["vpc_id"], cache["port"], cache["engine_version"]) == ("shop", "vpc-00000001", 6379, "7.1.0")
    assert len(client.calls) == (4 if name == "shop" else 3)


def test_kind_10_what_waits_for_the_window_is_in_the_description():
    cache = described(Client([MEMBER], [GROUP]), "shop")
    assert cache["pending_modifications"] == {
        "engine_version": "7.2.0",
        "cache_parameter_group": "pending-reboot",
        "user_groups": {"user_group_ids_to_add": ["people"], "user_group_ids_to_remove": []},
    }
    assert (cache["auth_token_status"], cache["maintenance_window"]) == ("ROTATING", "tue:06:00-tue:07:00")
    assert (cache["global_replication_group_id"], cache["global_replication_group_role"]) == ("ldgnf-shop", "PRIMARY")


NO_NAMES = [
    "", " ", "\n", "shop\n", " shop", "redis://shop:6379", "https://shop", f"{ARN}replicationgroup:shop", "shop:6379",
    "master.shop.abcdef.use1.cache.amazonaws.com", "master.shop.abcdef.use1.cache.amazonaws.com:6379", "1shop", "shop--a", "shop-", "shöp", "s" * 51, "a b",
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_kind_27_what_is_no_name_is_told_by_its_shape(name):
    assert name_problem("name", name, "cache").startswith("name ")


@pytest.mark.parametrize("name", ["", "sho", "s"])
def test_kind_27_the_first_cache_of_the_account_never_comes_out_of_another_name(name):
    assert caches.find(Client([MEMBER], [GROUP], [SERVERLESS]), name) == NOTHING


MODULES = Path(__file__).resolve().parents[2] / "plugins"


def documented(module, part):
    return yaml.safe_load(ast.literal_eval(re.search(rf'{part} = (r"""(?:.|\n)*?""")', (MODULES / "modules" / f"{module}.py").read_text())[1]))


def test_a_cache_is_documented_as_it_is_described():
    fields = documented("elasticache_info", "RETURN")["cache"]["contains"]
    assert fields.keys() == NOTHING.keys() and fields["endpoints"]["contains"].keys() == NOTHING["endpoints"].keys()


def test_kind_35_messages_name_options_that_exist():
    """Words with an underscore in the sentences of refusals and failures are options of the module."""
    source = (MODULES / "modules" / "elasticache_auth.py").read_text()
    options = set(documented("elasticache_auth", "DOCUMENTATION")["options"])
    sentences: list[str] = []
    for text in (source[source.index("import time"):], *(file.read_text() for file in (MODULES / "module_utils" / "_elasticache").glob("*.py"))):
        tree = ast.parse(text)
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        sentences += [
            node.value for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip() and id(node) not in docstrings
        ]
    named = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", " ".join(sentences)))
    assert {"wait_timeout", "snapshot_name", "apply_pending_modifications", "replication_group_id"} <= named
    assert named - options == set()
