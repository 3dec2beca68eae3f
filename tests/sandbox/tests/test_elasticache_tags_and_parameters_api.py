# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache: tags, and what parameter groups are not for."""

from __future__ import annotations

import typing as t

import pytest
from support import sandboxes
from support.caches import TLS, api, cluster, promote
from support.refusals import refused

pytestmark = pytest.mark.usefixtures("estate")


def tag(sandbox: sandboxes.Sandbox, arn: str, value: str = "x", key: str = "purpose") -> list[dict[str, str]]:
    return api(sandbox).add_tags_to_resource(ResourceName=arn, Tags=[{"Key": key, "Value": value}])["TagList"]


def arn_of(sandbox: sandboxes.Sandbox) -> str:
    return cluster(sandbox)["ARN"]


@pytest.mark.parametrize("value", ["", "a" * 256, "0123abcdef", "QmFzZTY0+/=", "letters 09 + - = . _ : / @"])
def test_tag_values_that_aws_takes(sandbox: sandboxes.Sandbox, value: str) -> None:
    arn = arn_of(sandbox)
    assert tag(sandbox, arn, value) == [{"Key": "purpose", "Value": value}]
    assert api(sandbox).list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "purpose", "Value": value}]


@pytest.mark.parametrize("value", ["a" * 257, "$6$rounds=5000$salt", "a,b", "{}", "a\nb", "#"])
def test_tag_values_that_aws_refuses(sandbox: sandboxes.Sandbox, value: str) -> None:
    arn = arn_of(sandbox)
    refused("InvalidParameterValue", api(sandbox).add_tags_to_resource, ResourceName=arn, Tags=[{"Key": "k", "Value": value}])
    refused(
        "InvalidParameterValue", api(sandbox).create_replication_group, ReplicationGroupId="g", ReplicationGroupDescription="d",
        CacheNodeType="cache.t3.micro", Tags=[{"Key": "k", "Value": value}],
    )
    assert api(sandbox).list_tags_for_resource(ResourceName=arn)["TagList"] == []
    assert api(sandbox).describe_replication_groups()["ReplicationGroups"] == []


def test_tags_are_out_of_reach_while_a_cache_is_not_available(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    sandbox.settings(transition_seconds=3600)
    cache.aws.modify_replication_group(ReplicationGroupId=cache.id, ApplyImmediately=True, **TLS, TransitEncryptionMode="preferred")
    for arn in (cache.group["ARN"], arn_of(sandbox)):
        tags = [{"Key": "k", "Value": "v"}]
        refused("InvalidReplicationGroupState", cache.aws.add_tags_to_resource, ResourceName=arn, Tags=tags)
        refused("InvalidReplicationGroupState", cache.aws.remove_tags_from_resource, ResourceName=arn, TagKeys=["k"])
        refused("InvalidReplicationGroupState", cache.aws.list_tags_for_resource, ResourceName=arn)


def test_a_group_is_modifying_while_its_tags_spread(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    sandbox.settings(tagging_seconds=1)  # long enough to be looked at on a busy machine
    tag(sandbox, cache.group["ARN"])
    assert cache.group["Status"] == "modifying"
    refused("InvalidReplicationGroupState", cache.aws.modify_replication_group, ReplicationGroupId=cache.id, ReplicationGroupDescription="x")
    cache.settled()
    assert cache.aws.remove_tags_from_resource(ResourceName=cache.group["ARN"], TagKeys=["purpose"])["TagList"] == []


def test_tags_of_nothing(sandbox: sandboxes.Sandbox) -> None:
    arn = arn_of(sandbox)
    for code, wrong in (
        ("CacheClusterNotFound", arn.replace("huntaze", "other")),
        ("ReplicationGroupNotFoundFault", arn.replace(":cluster:", ":replicationgroup:")),
        ("InvalidARN", "arn:aws:nonsense"),
    ):
        refused(code, api(sandbox).list_tags_for_resource, ResourceName=wrong)


def test_fifty_tags_at_most(sandbox: sandboxes.Sandbox) -> None:
    arn, aws = arn_of(sandbox), api(sandbox)
    aws.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": f"k{number}", "Value": "v"} for number in range(50)])
    refused("TagQuotaPerResourceExceeded", aws.add_tags_to_resource, ResourceName=arn, Tags=[{"Key": "one-more", "Value": "v"}])
    tag(sandbox, arn, "changed", "k0")


# The guide's first mistake: requirepass


def test_requirepass_is_not_a_parameter(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    name = "huntaze-redis-auth"
    aws.create_cache_parameter_group(CacheParameterGroupName=name, CacheParameterGroupFamily="redis7", Description="Redis with AUTH enabled")
    message = refused(
        "InvalidParameterValue", aws.modify_cache_parameter_group, CacheParameterGroupName=name,
        ParameterNameValues=[{"ParameterName": "requirepass", "ParameterValue": "YOUR_STRONG_PASSWORD"}],
    )
    assert "requirepass" in message and "YOUR_STRONG_PASSWORD" not in message
    assert "requirepass" not in parameters(aws, name)


def parameters(aws: t.Any, name: str) -> dict[str, t.Any]:
    pages = aws.get_paginator("describe_cache_parameters").paginate(CacheParameterGroupName=name)
    return {parameter["ParameterName"]: parameter for page in pages for parameter in page["Parameters"]}


def test_parameters_that_exist_are_modified_all_or_none(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    aws.create_cache_parameter_group(CacheParameterGroupName="own", CacheParameterGroupFamily="redis7", Description="d")
    timeout = {"ParameterName": "timeout", "ParameterValue": "60"}
    for other in ("requirepass", "cluster-enabled"):
        refused("InvalidParameterValue", aws.modify_cache_parameter_group, CacheParameterGroupName="own",
                ParameterNameValues=[timeout, {"ParameterName": other, "ParameterValue": "yes"}])
    assert parameters(aws, "own")["timeout"]["ParameterValue"] == "0"
    aws.modify_cache_parameter_group(CacheParameterGroupName="own", ParameterNameValues=[timeout])
    assert parameters(aws, "own")["timeout"]["ParameterValue"] == "60"
    refused("InvalidCacheParameterGroupState", aws.modify_cache_parameter_group,
            CacheParameterGroupName="default.redis7", ParameterNameValues=[timeout])


def test_parameter_group_codes(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    assert cluster(sandbox)["CacheParameterGroup"]["CacheParameterGroupName"] == "default.redis7"
    assert aws.describe_cache_parameter_groups(CacheParameterGroupName="default.redis7")["CacheParameterGroups"][0]["CacheParameterGroupFamily"] == "redis7"
    refused("CacheParameterGroupNotFound", aws.describe_cache_parameter_groups, CacheParameterGroupName="nowhere")
    refused("CacheParameterGroupNotFound", aws.describe_cache_parameters, CacheParameterGroupName="nowhere")
    refused("InvalidParameterValue", aws.create_cache_parameter_group,
            CacheParameterGroupName="own", CacheParameterGroupFamily="redis99", Description="d")
    own = {"CacheParameterGroupName": "own", "CacheParameterGroupFamily": "redis7", "Description": "d"}
    aws.create_cache_parameter_group(**own)
    refused("CacheParameterGroupAlreadyExists", aws.create_cache_parameter_group, **own)


def test_an_iam_users_id_is_its_name(sandbox: sandboxes.Sandbox) -> None:
    options = {"Engine": "redis", "AccessString": "on ~* +@all", "AuthenticationMode": {"Type": "iam"}}
    refused("InvalidParameterValue", api(sandbox).create_user, UserId="one", UserName="other", **options)
    assert api(sandbox).create_user(UserId="same", UserName="same", **options)["Authentication"]["Type"] == "iam"
