# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to a cache in a given state, in raw API calls, and what its clients see."""

from __future__ import annotations

import functools
import typing as t

import redis
from botocore.config import Config

from support import sandboxes
from support.refusals import refused
from support.waiting import until

GROUP = "huntaze-redis"
TLS = {"TransitEncryptionEnabled": True}
A, B, C = "token-a-0123456789", "token-b-0123456789", "token-c-0123456789"


@functools.cache
def api(sandbox: sandboxes.Sandbox, service: str = "elasticache") -> t.Any:
    """A client that does not repeat a call."""
    return sandbox.client(service, config=Config(retries={"total_max_attempts": 1}))


class Cache:
    """A replication group under test."""

    def __init__(self, sandbox: sandboxes.Sandbox, group_id: str = GROUP) -> None:
        self.sandbox, self.id, self.aws = sandbox, group_id, api(sandbox)

    @property
    def group(self) -> dict[str, t.Any]:
        return self.aws.describe_replication_groups(ReplicationGroupId=self.id)["ReplicationGroups"][0]

    def settled(self) -> dict[str, t.Any]:
        return until(lambda: (lambda group: group if group["Status"] == "available" else None)(self.group))

    def modify(self, **parameters: t.Any) -> dict[str, t.Any]:
        """Modify at once and wait."""
        self.aws.modify_replication_group(ReplicationGroupId=self.id, ApplyImmediately=True, **parameters)
        return self.settled()

    def refuses(self, code: str, **parameters: t.Any) -> str:
        before = self.group
        message = refused(code, self.aws.modify_replication_group, **{"ReplicationGroupId": self.id, "ApplyImmediately": True, **parameters})
        assert self.group == before
        return message

    @property
    def address(self) -> str:
        return self.group["NodeGroups"][0]["PrimaryEndpoint"]["Address"]

    def accepts(self, password: str | None = None, username: str | None = None) -> bool:
        """Whether a TLS client with this password gets in; anything but yes and no is an error."""
        client = self.sandbox.redis(self.address, password, username=username, protocol=2)
        try:
            return client.ping()
        except redis.AuthenticationError:
            return False
        finally:
            client.close()


def open_to_limiter(sandbox: sandboxes.Sandbox, port: int = 6379) -> None:
    estate = sandbox.estate
    api(sandbox, "ec2").authorize_security_group_ingress(
        GroupId=estate["cache_security_group_id"],
        IpPermissions=[{
            "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": estate["limiter_security_group_id"]}],
        }],
    )


def cluster(sandbox: sandboxes.Sandbox, cluster_id: str | None = None) -> dict[str, t.Any]:
    found = api(sandbox).describe_cache_clusters(CacheClusterId=cluster_id or sandbox.estate["cache_name"], ShowCacheNodeInfo=True)
    return found["CacheClusters"][0]


def promote(sandbox: sandboxes.Sandbox) -> Cache:
    cache = Cache(sandbox)
    cache.aws.create_replication_group(
        ReplicationGroupId=GROUP, ReplicationGroupDescription="test", PrimaryClusterId=sandbox.estate["cache_name"]
    )
    cache.settled()
    return cache


def create(sandbox: sandboxes.Sandbox, **parameters: t.Any) -> Cache:
    """A new group, in the place of the guide's cache."""
    cache = Cache(sandbox, "created")
    cache.aws.create_replication_group(**{
        "ReplicationGroupId": cache.id,
        "ReplicationGroupDescription": "test",
        "CacheNodeType": "cache.t3.micro",
        "Engine": "redis",
        "CacheSubnetGroupName": "huntaze-cache",
        "SecurityGroupIds": [sandbox.estate["cache_security_group_id"]],
        **parameters,
    })
    cache.settled()
    return cache
