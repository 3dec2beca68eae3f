# SPDX-License-Identifier: GPL-3.0-or-later
"""ElastiCache: AUTH tokens on both planes, users, and the rules between the two."""

from __future__ import annotations

import typing as t

import pytest
from support import sandboxes
from support.caches import TLS, A, B, C, Cache, api, cluster, create, open_to_limiter, promote
from support.refusals import refused
from support.waiting import until

PASSWORDS = ["first-password-0123456789", "second-password-0123456789"]


@pytest.fixture(autouse=True)
def quick(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    sandbox.settings(transition_seconds=0.05)


@pytest.fixture
def secured(sandbox: sandboxes.Sandbox) -> Cache:
    """TLS required, nobody asked for a password, the way open."""
    open_to_limiter(sandbox)
    return create(sandbox, **TLS)


# The token table


def test_rotate_from_none_accepts_the_token_and_no_password_too(secured: Cache) -> None:
    secured.modify(AuthToken=A, AuthTokenUpdateStrategy="ROTATE")
    assert secured.accepts(A) and secured.accepts(None)
    assert not secured.accepts(B)


def test_set_from_none_is_not_relied_on(secured: Cache) -> None:
    secured.refuses("InvalidParameterValue", AuthToken=A, AuthTokenUpdateStrategy="SET")


def test_rotate_from_one_accepts_both(secured: Cache) -> None:
    set_alone(secured, A)
    secured.modify(AuthToken=B, AuthTokenUpdateStrategy="ROTATE")
    assert secured.accepts(A) and secured.accepts(B) and not secured.accepts(None)


def test_rotate_from_two_drops_the_oldest(secured: Cache) -> None:
    set_alone(secured, A)
    secured.modify(AuthToken=B)
    secured.modify(AuthToken=C)
    assert not secured.accepts(A) and secured.accepts(B) and secured.accepts(C)


def test_set_leaves_only_the_token_last_rotated(secured: Cache) -> None:
    set_alone(secured, A)
    secured.modify(AuthToken=B)
    secured.refuses("InvalidParameterCombination", AuthToken=A, AuthTokenUpdateStrategy="SET")
    secured.refuses("InvalidParameterCombination", AuthToken=C, AuthTokenUpdateStrategy="SET")
    secured.modify(AuthToken=B, AuthTokenUpdateStrategy="SET")
    assert secured.accepts(B) and not secured.accepts(A) and not secured.accepts(None)


def test_set_of_a_new_value_straight_from_a_single_token_is_refused(secured: Cache) -> None:
    set_alone(secured, A)
    secured.refuses("InvalidParameterCombination", AuthToken=B, AuthTokenUpdateStrategy="SET")
    assert secured.accepts(A)


def test_rotate_is_the_default(secured: Cache) -> None:
    answer = secured.aws.modify_replication_group(ReplicationGroupId=secured.id, ApplyImmediately=True, AuthToken=A)["ReplicationGroup"]
    assert answer["PendingModifiedValues"] == {"AuthTokenStatus": "ROTATING"}
    secured.settled()
    assert secured.accepts(None)


def test_delete_is_for_moving_to_users_only(secured: Cache) -> None:
    set_alone(secured, A)
    users = with_users(secured)
    for parameters in ({}, {"AuthToken": A}, {"AuthToken": A, "UserGroupIdsToAdd": [users]}):
        message = secured.refuses("InvalidParameterValue", AuthTokenUpdateStrategy="DELETE", **parameters)
        assert message == "Auth token update strategy delete is not supported currently"


def test_a_token_takes_effect_when_the_change_completes(sandbox: sandboxes.Sandbox, secured: Cache) -> None:
    sandbox.settings(transition_seconds=3600)
    secured.aws.modify_replication_group(ReplicationGroupId=secured.id, ApplyImmediately=True, AuthToken=A)
    assert secured.group["AuthTokenEnabled"] is False
    # A cache without AUTH takes any password from clients that speak RESP3, and refuses it to this one.
    assert secured.accepts(None) and not secured.accepts(A)


def test_a_token_that_is_not_applied_immediately_waits(secured: Cache) -> None:
    answer = secured.aws.modify_replication_group(ReplicationGroupId=secured.id, AuthToken=A)["ReplicationGroup"]
    assert (answer["Status"], answer["PendingModifiedValues"]) == ("available", {"AuthTokenStatus": "ROTATING"})
    assert not secured.accepts(A)


# What Describe tells


def test_describe_tells_that_there_is_a_token_and_since_when_and_no_more(secured: Cache) -> None:
    assert "AuthTokenLastModifiedDate" not in secured.group
    first = secured.modify(AuthToken=A)
    assert first["AuthTokenEnabled"] is True and first["PendingModifiedValues"] == {}
    answer = secured.aws.modify_replication_group(
        ReplicationGroupId=secured.id, ApplyImmediately=True, AuthToken=A, AuthTokenUpdateStrategy="SET"
    )["ReplicationGroup"]
    assert answer["PendingModifiedValues"] == {"AuthTokenStatus": "SETTING"}
    second = secured.settled()
    assert second["AuthTokenLastModifiedDate"] > first["AuthTokenLastModifiedDate"]
    member = cluster(secured.sandbox, second["MemberClusters"][0])
    assert member["AuthTokenEnabled"] is True and member["AuthTokenLastModifiedDate"] == second["AuthTokenLastModifiedDate"]
    assert A not in str(answer) + str(second) + str(member)


# Tokens that AWS refuses


@pytest.mark.parametrize("token", ["x" * 15, "x" * 129, "with space 0123456789", "slash/0123456789ab", 'quote"0123456789ab', "at@0123456789abcdef",
                                   "percent%0123456789", "umlautä0123456789"])
def test_tokens_that_modify_refuses(secured: Cache, token: str) -> None:
    secured.refuses("InvalidParameterValue", AuthToken=token)


@pytest.mark.parametrize("token", ["x" * 15, "x" * 129, "equals=0123456789", "at@0123456789abcdef", "with space 0123456789"])
def test_tokens_that_create_refuses(sandbox: sandboxes.Sandbox, token: str) -> None:
    refused(
        "InvalidParameterValue", api(sandbox).create_replication_group,
        ReplicationGroupId="g", ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", **TLS, AuthToken=token,
    )


@pytest.mark.parametrize("token", ["x" * 16, "x" * 128, "Aa0!&#$^<>-0123456"])
def test_tokens_that_both_take(secured: Cache, token: str) -> None:
    secured.modify(AuthToken=token)
    assert secured.accepts(token)
    assert create_elsewhere(secured.sandbox, AuthToken=token)["AuthTokenEnabled"] is True


# What AUTH needs


def test_auth_needs_tls(sandbox: sandboxes.Sandbox) -> None:
    promote(sandbox).refuses("InvalidParameterValue", AuthToken=A)
    for parameters in ({}, {"TransitEncryptionEnabled": False}, {**TLS, "TransitEncryptionMode": "preferred"}):
        refused(
            "InvalidParameterCombination", api(sandbox).create_replication_group,
            ReplicationGroupId="g", ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", AuthToken=A, **parameters,
        )


@pytest.mark.parametrize(("version", "possible"), [("3.2.5", False), ("3.2.6", True), ("4.0.9", False), ("4.0.10", True)])
def test_auth_needs_a_recent_engine(sandbox: sandboxes.Sandbox, version: str, possible: bool) -> None:
    parameters = {"AuthToken": A, "EngineVersion": version}
    if possible:
        assert create_elsewhere(sandbox, **parameters)["AuthTokenEnabled"] is True
    else:
        refused(
            "InvalidParameterCombination", api(sandbox).create_replication_group,
            ReplicationGroupId="g", ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", **TLS, **parameters,
        )


def test_changing_the_token_needs_engine_5_0_6(sandbox: sandboxes.Sandbox) -> None:
    create(sandbox, **TLS, AuthToken=A, EngineVersion="5.0.5").refuses("InvalidParameterCombination", AuthToken=B)


def test_a_group_created_with_a_token_asks_for_it(sandbox: sandboxes.Sandbox) -> None:
    open_to_limiter(sandbox)
    cache = create(sandbox, **TLS, AuthToken=A)
    assert cache.accepts(A) and not cache.accepts(None)


def test_memcached_has_neither_groups_nor_tokens(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    aws.create_cache_cluster(CacheClusterId="memory", CacheNodeType="cache.t3.micro", Engine="memcached", NumCacheNodes=2)
    until(lambda: cluster(sandbox, "memory")["CacheClusterStatus"] == "available")
    memory = cluster(sandbox, "memory")
    assert memory["ConfigurationEndpoint"]["Port"] == 11211 and len(memory["CacheNodes"]) == 2
    refused("InvalidParameterCombination", aws.create_replication_group,
            ReplicationGroupId="g", ReplicationGroupDescription="d", PrimaryClusterId="memory")
    refused("InvalidParameterCombination", aws.modify_cache_cluster, CacheClusterId="memory", AuthToken=A, ApplyImmediately=True)
    refused("SnapshotFeatureNotSupportedFault", aws.create_snapshot, CacheClusterId="memory", SnapshotName="s")


def test_serverless_caches_have_users_only(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    assert "AuthToken" not in aws.meta.service_model.operation_model("CreateServerlessCache").input_shape.members
    assert aws.create_serverless_cache(ServerlessCacheName="floating", Engine="redis")["ServerlessCache"]["Status"] == "creating"
    shown = until(lambda: [
        cache for cache in aws.describe_serverless_caches(ServerlessCacheName="floating")["ServerlessCaches"] if cache["Status"] == "available"
    ])[0]
    assert (shown["Engine"], shown["MajorEngineVersion"], shown["Endpoint"]["Port"]) == ("redis", "7", 6379)


# Users


def with_users(cache: Cache) -> str:
    """A user group with a guarded default user and an application's user, active."""
    cache.aws.create_user(UserId="guarded", UserName="default", Engine="redis", AccessString="on ~* +@all", Passwords=PASSWORDS[:1])
    cache.aws.create_user(UserId="app", UserName="app", Engine="redis", AccessString="on ~app:* +@all", Passwords=PASSWORDS)
    cache.aws.create_user_group(UserGroupId="users", Engine="redis", UserIds=["guarded", "app"])
    until(lambda: cache.aws.describe_user_groups(UserGroupId="users")["UserGroups"][0]["Status"] == "active")
    return "users"


def test_from_auth_to_users_and_back(secured: Cache) -> None:
    set_alone(secured, A)
    users = with_users(secured)
    message = secured.refuses("InvalidParameterCombination", UserGroupIdsToAdd=[users])
    assert "auth token" in message
    secured.modify(UserGroupIdsToAdd=[users], AuthTokenUpdateStrategy="DELETE")
    assert secured.group["UserGroupIds"] == [users] and secured.group["AuthTokenEnabled"] is False
    assert secured.accepts(PASSWORDS[0]) and not secured.accepts(A) and not secured.accepts(None)
    assert all(secured.accepts(password, "app") for password in PASSWORDS)
    secured.refuses("InvalidParameterCombination", AuthToken=B, AuthTokenUpdateStrategy="ROTATE")
    secured.refuses("InvalidParameterCombination", AuthToken=B, AuthTokenUpdateStrategy="SET")
    secured.refuses("InvalidParameterCombination", **TLS, TransitEncryptionMode="required")
    secured.refuses("InvalidParameterValue", RemoveUserGroups=True, AuthToken=B, AuthTokenUpdateStrategy="SET")
    secured.modify(RemoveUserGroups=True, AuthToken=B, AuthTokenUpdateStrategy="ROTATE")
    assert secured.accepts(B) and not secured.accepts(PASSWORDS[0], "app")
    secured.modify(AuthToken=B, AuthTokenUpdateStrategy="SET")
    assert not secured.group.get("UserGroupIds") and secured.group["AuthTokenEnabled"] is True
    assert secured.accepts(B) and not secured.accepts(None) and not secured.accepts(PASSWORDS[0], "app")


@pytest.mark.parametrize("parameters", [{"UserGroupIdsToRemove": ["users"]}, {"RemoveUserGroups": True}], ids=str)
def test_kind_29_removing_the_user_group_alone_turns_access_control_off(secured: Cache, parameters: dict[str, t.Any]) -> None:
    secured.modify(UserGroupIdsToAdd=[with_users(secured)])
    assert not secured.accepts(None)
    answer = secured.aws.modify_replication_group(ReplicationGroupId=secured.id, **parameters)["ReplicationGroup"]
    assert answer["PendingModifiedValues"] == {"UserGroups": {"UserGroupIdsToAdd": [], "UserGroupIdsToRemove": ["users"]}}
    secured.modify(ReplicationGroupDescription="apply what waits")
    assert secured.accepts(None) and "UserGroupIds" not in secured.group and secured.group["AuthTokenEnabled"] is False


@pytest.mark.parametrize(("strategy", "again"), [("ROTATE", A), ("ROTATE", B), ("SET", B)])
def test_kind_11_a_token_in_force_may_be_no_modification(
    sandbox: sandboxes.Sandbox, secured: Cache, strategy: str, again: str
) -> None:
    set_alone(secured, A)
    secured.modify(AuthToken=B, AuthTokenUpdateStrategy="ROTATE")
    if strategy == "SET":
        secured.modify(AuthToken=B, AuthTokenUpdateStrategy="SET")
    sandbox.settings(refuses_token_in_force=True)
    message = secured.refuses("InvalidParameterCombination", AuthToken=again, AuthTokenUpdateStrategy=strategy)
    assert message == "No modifications were requested"
    sandbox.settings(refuses_token_in_force=False)
    secured.modify(AuthToken=again, AuthTokenUpdateStrategy=strategy)


def test_users_need_tls_required(sandbox: sandboxes.Sandbox) -> None:
    cache = promote(sandbox)
    users = with_users(cache)
    cache.refuses("InvalidParameterCombination", UserGroupIdsToAdd=[users])
    cache.modify(**TLS, TransitEncryptionMode="preferred")
    cache.refuses("InvalidParameterCombination", UserGroupIdsToAdd=[users])
    cache.modify(**TLS, TransitEncryptionMode="required")
    cache.modify(UserGroupIdsToAdd=[users])
    assert cache.group["UserGroupIds"] == [users]


def test_one_user_group_a_replication_group(secured: Cache) -> None:
    users = with_users(secured)
    secured.aws.create_user_group(UserGroupId="others", Engine="redis", UserIds=["default"])
    secured.refuses("InvalidParameterCombination", UserGroupIdsToAdd=[users, "others"])
    secured.refuses("UserGroupNotFound", UserGroupIdsToAdd=["nowhere"])
    secured.modify(UserGroupIdsToAdd=[users])
    secured.refuses("InvalidParameterCombination", UserGroupIdsToAdd=["others"])
    refused("InvalidUserGroupState", secured.aws.delete_user_group, UserGroupId=users)


def test_a_user_group_holds_a_user_named_default(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    aws.create_user(UserId="app", UserName="app", Engine="redis", AccessString="on ~* +@all", Passwords=PASSWORDS)
    refused("DefaultUserRequired", aws.create_user_group, UserGroupId="g", Engine="redis", UserIds=["app"])
    refused("UserNotFound", aws.create_user_group, UserGroupId="g", Engine="redis", UserIds=["nobody"])
    aws.create_user_group(UserGroupId="g", Engine="redis", UserIds=["default", "app"])
    until(lambda: aws.describe_user_groups(UserGroupId="g")["UserGroups"][0]["Status"] == "active")
    refused("DefaultUserRequired", aws.modify_user_group, UserGroupId="g", UserIdsToRemove=["default"])


def test_a_user_has_two_passwords_at_most(sandbox: sandboxes.Sandbox) -> None:
    refused(
        "InvalidParameterValue", api(sandbox).create_user,
        UserId="app", UserName="app", Engine="redis", AccessString="on ~* +@all", Passwords=[*PASSWORDS, "third-password-0123456789"],
    )


def test_the_built_in_default_user_has_full_access_and_stays_so(sandbox: sandboxes.Sandbox) -> None:
    aws = api(sandbox)
    user = aws.describe_users(UserId="default")["Users"][0]
    assert user["UserName"] == "default" and "+@all" in user["AccessString"]
    refused("InvalidParameterValue", aws.modify_user, UserId="default", NoPasswordRequired=True)
    refused("InvalidParameterValue", aws.delete_user, UserId="default")


def test_a_users_new_password_reaches_the_cache(secured: Cache) -> None:
    users = with_users(secured)
    secured.modify(UserGroupIdsToAdd=[users])
    new = "brand-new-password-0123456789"
    assert secured.aws.modify_user(UserId="app", Passwords=[new])["Status"] == "modifying"
    until(lambda: secured.aws.describe_users(UserId="app")["Users"][0]["Status"] == "active")
    assert secured.accepts(new, "app") and not secured.accepts(PASSWORDS[0], "app")


def set_alone(cache: Cache, token: str) -> None:
    """Let `token` be the only one, by the way that is known to work."""
    cache.modify(AuthToken=token, AuthTokenUpdateStrategy="ROTATE")
    cache.modify(AuthToken=token, AuthTokenUpdateStrategy="SET")


def create_elsewhere(sandbox: sandboxes.Sandbox, **parameters: t.Any) -> dict[str, t.Any]:
    cache = Cache(sandbox, "elsewhere")
    cache.aws.create_replication_group(
        ReplicationGroupId=cache.id, ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", **TLS, **parameters
    )
    return cache.settled()
