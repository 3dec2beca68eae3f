# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals in AWS's own codes and words, and the way back from TLS."""

from __future__ import annotations

import typing as t

import pytest
from support import sandboxes
from support.caches import TLS, A, B, Cache, api, create, open_to_limiter, promote
from support.refusals import refused
from support.waiting import until

PREFERRED, REQUIRED = {**TLS, "TransitEncryptionMode": "preferred"}, {**TLS, "TransitEncryptionMode": "required"}
OFF = {"TransitEncryptionEnabled": False}
NOW, LATER = {"ApplyImmediately": True}, {"ApplyImmediately": False}
PASSWORD = "password-0123456789"
COMBINATION, VALUE = "InvalidParameterCombination", "InvalidParameterValue"

DIRECT = (COMBINATION, "Direct transition from transit-encryption-disabled to transit-encryption-enabled is not allowed. "
          "Update the cluster to transit-encryption-mode preferred prior to enabling transit encryption.")
NOT_AT_ONCE = (VALUE, "Transit encryption modification should be called with applied immediately option.")
TOKEN_WITHOUT_TLS = (VALUE, "The AUTH token modification is only supported when encryption-in-transit is enabled.")
NOTHING_TO_SET = (VALUE, "There is no AUTH token to SET")
NO_DELETE = (VALUE, "Auth token update strategy delete is not supported currently")
TLS_UNDER_CONTROL = (COMBINATION, "Modification of transit encryption is not supported for access control enabled clusters.")
MODE_ALONE = (COMBINATION, "To modify transit encryption mode, set encryption-in-transit as enabled.")
GROUP_BESIDE_TOKEN = (COMBINATION, "User group can't be associated with auth token enabled. Pass AuthStrategy delete to proceed.")
TOKEN_BESIDE_GROUP = (COMBINATION, "Auth tokens can't be enabled with a user group already associated. Pass RemoveUserGroups to proceed.")
GROUP_WITHOUT_TLS = (COMBINATION, "User group based access control requires encryption-in-transit to be enabled on the replication group.")
BAD_TOKEN = (VALUE, "Invalid AuthToken provided.")
NOTHING = (COMBINATION, "No modifications were requested")


@pytest.fixture(autouse=True)
def quick(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    sandbox.settings(transition_seconds=0.05, tagging_seconds=0.05)


@pytest.fixture
def users(sandbox: sandboxes.Sandbox, quick: None) -> str:
    aws = api(sandbox)
    aws.create_user(UserId="guarded", UserName="default", Engine="redis", AccessString="on ~* +@all", Passwords=[PASSWORD])
    aws.create_user_group(UserGroupId="users", Engine="redis", UserIds=["guarded"])
    until(lambda: aws.describe_user_groups(UserGroupId="users")["UserGroups"][0]["Status"] == "active")
    return "users"


def refuses(cache: Cache, expected: tuple[str, str], **parameters: t.Any) -> None:
    assert (expected[0], cache.refuses(expected[0], **parameters)) == expected, parameters


def test_kind_29_refusals_of_a_group_without_tls(sandbox: sandboxes.Sandbox, users: str) -> None:
    cache = promote(sandbox)
    for parameters, expected in (
        (TLS, DIRECT), (REQUIRED, DIRECT), ({**REQUIRED, **LATER}, DIRECT), ({**REQUIRED, "AuthToken": A}, DIRECT),
        ({**PREFERRED, **LATER}, NOT_AT_ONCE), ({"TransitEncryptionMode": "preferred", **LATER}, NOT_AT_ONCE),
        ({"AuthToken": A}, TOKEN_WITHOUT_TLS), ({"AuthToken": A, "AuthTokenUpdateStrategy": "SET"}, TOKEN_WITHOUT_TLS),
        ({"AuthToken": "short"}, TOKEN_WITHOUT_TLS), ({**PREFERRED, "AuthToken": A}, TOKEN_WITHOUT_TLS),
        ({"AuthTokenUpdateStrategy": "DELETE"}, NO_DELETE),
        ({"TransitEncryptionMode": "preferred"}, MODE_ALONE), ({**PREFERRED, **OFF}, MODE_ALONE),
        ({"UserGroupIdsToAdd": [users]}, GROUP_WITHOUT_TLS), ({}, NOTHING), (LATER, NOTHING), (OFF, NOTHING),
    ):
        refuses(cache, expected, **parameters)


def test_kind_29_refusals_of_a_group_that_prefers_tls(sandbox: sandboxes.Sandbox, users: str) -> None:
    cache = create(sandbox, **PREFERRED)
    for parameters, expected in (
        ({**REQUIRED, **LATER}, NOT_AT_ONCE), ({"AuthToken": A}, TOKEN_WITHOUT_TLS), ({**REQUIRED, "AuthToken": A}, TOKEN_WITHOUT_TLS),
        ({"UserGroupIdsToAdd": [users]}, GROUP_WITHOUT_TLS), (PREFERRED, NOTHING),
    ):
        refuses(cache, expected, **parameters)


def test_kind_29_refusals_of_a_group_with_a_token(sandbox: sandboxes.Sandbox, users: str) -> None:
    cache = create(sandbox, **TLS)
    refuses(cache, NOTHING_TO_SET, AuthToken=A, AuthTokenUpdateStrategy="SET")
    refuses(cache, BAD_TOKEN, AuthToken="short")
    cache.modify(AuthToken=A)
    for parameters, expected in (
        (TLS, TLS_UNDER_CONTROL), (REQUIRED, TLS_UNDER_CONTROL), (PREFERRED, TLS_UNDER_CONTROL), (OFF, TLS_UNDER_CONTROL),
        ({**REQUIRED, "AuthToken": B}, TLS_UNDER_CONTROL), ({**PREFERRED, "AuthToken": B}, TOKEN_WITHOUT_TLS),
        ({"AuthTokenUpdateStrategy": "DELETE"}, NO_DELETE), ({"AuthToken": A, "AuthTokenUpdateStrategy": "DELETE"}, NO_DELETE),
        ({"UserGroupIdsToAdd": [users]}, GROUP_BESIDE_TOKEN), ({"UserGroupIdsToAdd": [users], "AuthToken": A}, GROUP_BESIDE_TOKEN),
    ):
        refuses(cache, expected, **parameters)


def test_kind_29_refusals_of_a_group_with_users(sandbox: sandboxes.Sandbox, users: str) -> None:
    cache = create(sandbox, **TLS, UserGroupIds=[users])
    for parameters, expected in (
        (REQUIRED, TLS_UNDER_CONTROL), (OFF, TLS_UNDER_CONTROL), ({"AuthToken": A}, TOKEN_BESIDE_GROUP),
        ({"AuthToken": A, "AuthTokenUpdateStrategy": "SET"}, TOKEN_BESIDE_GROUP), ({"AuthTokenUpdateStrategy": "DELETE"}, NO_DELETE),
        ({"AuthToken": A, "AuthTokenUpdateStrategy": "SET", "RemoveUserGroups": True}, NOTHING_TO_SET),
    ):
        refuses(cache, expected, **parameters)


@pytest.mark.parametrize(("parameters", "expected"), [
    ({**PREFERRED, "UserGroupIds": ["users"]}, (COMBINATION, "Transit encryption preferred is not supported with redis access control.")),
    ({**PREFERRED, "AuthToken": A}, (COMBINATION, "Transit encryption preferred is not supported with redis access control.")),
    ({"UserGroupIds": ["users"]}, GROUP_WITHOUT_TLS), ({"TransitEncryptionMode": "required"}, MODE_ALONE),
    ({**TLS, "AuthToken": "short"}, BAD_TOKEN), ({**TLS, "AuthToken": A, "UserGroupIds": ["users"]}, TOKEN_BESIDE_GROUP),
], ids=str)
@pytest.mark.usefixtures("users")
def test_kind_29_refusals_of_a_new_group(sandbox: sandboxes.Sandbox, parameters: dict[str, t.Any], expected: tuple[str, str]) -> None:
    message = refused(
        expected[0], api(sandbox).create_replication_group,
        ReplicationGroupId="g", ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", **parameters,
    )
    assert message == expected[1]


@pytest.mark.parametrize(("parameters", "text"), [
    ({"Engine": "redis", **TLS}, "Encryption feature is not supported for engine REDIS."),
    ({"Engine": "redis", "AuthToken": A}, "Encryption feature is not supported for engine REDIS."),
    ({"Engine": "redis", **TLS, "AuthToken": A}, "Encryption feature is not supported for engine REDIS."),
    ({"Engine": "memcached", "EngineVersion": "1.6.6", **TLS},
     "Encryption features are not supported for engine version 1.6.6. Please use engine version 1.6.12"),
], ids=str)
def test_kind_29_refusals_of_a_new_cluster(sandbox: sandboxes.Sandbox, parameters: dict[str, t.Any], text: str) -> None:
    new = {"CacheClusterId": "c", "CacheNodeType": "cache.t3.micro", "NumCacheNodes": 1}
    assert refused(COMBINATION, api(sandbox).create_cache_cluster, **new, **parameters) == text


def test_kind_29_memcached_has_tls_from_1_6_12(sandbox: sandboxes.Sandbox) -> None:
    created = api(sandbox).create_cache_cluster(
        CacheClusterId="c", CacheNodeType="cache.t3.micro", NumCacheNodes=1, Engine="memcached", EngineVersion="1.6.12", **TLS
    )
    assert created["CacheCluster"]["TransitEncryptionEnabled"] is True


def test_kind_29_refusals_of_a_busy_group(sandbox: sandboxes.Sandbox) -> None:
    cache = create(sandbox)
    arn = cache.group["ARN"]
    sandbox.settings(transition_seconds=3600)
    cache.aws.modify_replication_group(ReplicationGroupId=cache.id, **NOW, **PREFERRED)
    message = refused("InvalidReplicationGroupState", cache.aws.modify_replication_group, ReplicationGroupId=cache.id, **NOW, **REQUIRED)
    assert message == "Replication group must be in available state to modify."
    assert refused(*NOTHING[:1], cache.aws.modify_replication_group, ReplicationGroupId=cache.id) == NOTHING[1]
    tags = {"ResourceName": arn, "Tags": [{"Key": "k", "Value": "v"}]}
    message = refused("InvalidReplicationGroupState", cache.aws.add_tags_to_resource, **tags)
    assert message == "Cluster not in available state to perform tagging operations."


def test_kind_29_the_way_back_from_tls(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, **TLS)
    secure = cache.address
    cache.refuses(COMBINATION, **OFF)  # not in one step
    assert cache.modify(**PREFERRED)["TransitEncryptionMode"] == "preferred"
    assert sandbox.redis(secure, tls=False).ping() and sandbox.redis(secure).ping()
    answer = cache.aws.modify_replication_group(ReplicationGroupId=cache.id, **NOW, **OFF)["ReplicationGroup"]
    assert answer["PendingModifiedValues"] == {"TransitEncryptionEnabled": False}
    group = cache.settled()
    assert group["TransitEncryptionEnabled"] is False and "TransitEncryptionMode" not in group
    assert cache.address != secure and sandbox.redis(cache.address, tls=False).ping()
