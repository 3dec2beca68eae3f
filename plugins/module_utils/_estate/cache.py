# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cache as AWS answers, whatever its kind; its one shape for readers is elasticache_info's."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Found, Reads, joined, together

MEMBERS = ("replication_groups", "clusters", "subnet_groups", "users", "tags")


def cache(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    groups, members = _groups_and_clusters(reads, named["cache_name"].lower())
    first = (groups or members or [{}])[0]
    subnet_groups, users, tags = together(
        lambda: subnet_groups_of(reads, members), lambda: _users(reads, groups), lambda: _tags(reads, first.get("arn"))
    )
    return {"replication_groups": groups, "clusters": members, "subnet_groups": subnet_groups, "users": users, "tags": tags}


def clusters(reads: Reads, named: t.Mapping[str, t.Any]) -> Found:
    return _groups_and_clusters(reads, named["cache_name"].lower())[1]


def subnet_groups_of(reads: Reads, members: t.Optional[t.Sequence[t.Mapping[str, t.Any]]]) -> Found:
    if members is None:
        return None
    names = dict.fromkeys(one["cache_subnet_group_name"] for one in members if one.get("cache_subnet_group_name"))
    return joined(together(*(lambda name=name: reads.ask(
        "elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups", absent=("CacheSubnetGroupNotFoundFault",), nothing=[], CacheSubnetGroupName=name,
    ) for name in names)))


def _groups_and_clusters(reads: Reads, name: str) -> tuple[Found, Found]:
    """The cluster of that name and the group it is in, or the group of that name and its clusters."""
    named = _cluster(reads, name)
    group = name if named == [] else named[0].get("replication_group_id") if named else None
    if not group:
        return (None if named is None else []), named
    groups = reads.ask(
        "elasticache", "describe_replication_groups", "ReplicationGroups", absent=("ReplicationGroupNotFoundFault",), nothing=[], ReplicationGroupId=group
    )
    if not groups:
        return groups, named
    members = groups[0].get("member_clusters") or []
    return groups, joined(together(*(lambda one=one: _cluster(reads, one) for one in members)))


def _cluster(reads: Reads, name: str) -> Found:
    return reads.ask(
        "elasticache", "describe_cache_clusters", "CacheClusters", absent=("CacheClusterNotFound",), nothing=[], CacheClusterId=name, ShowCacheNodeInfo=True
    )


def _users(reads: Reads, groups: t.Optional[t.Sequence[t.Mapping[str, t.Any]]]) -> Found:
    """Those of the cache's user groups. AWS tells no password."""
    if groups is None:
        return None
    named = {name for group in groups for name in group.get("user_group_ids") or []}
    if not named:
        return []
    found = reads.ask("elasticache", "describe_users", "Users")
    return None if found is None else [user for user in found if named.intersection(user.get("user_group_ids") or [])]


def _tags(reads: Reads, arn: t.Optional[str]) -> t.Optional[dict[str, str]]:
    found = reads.ask("elasticache", "list_tags_for_resource", "TagList", ResourceName=arn) if arn else None
    return None if found is None else {one["key"]: one.get("value") for one in found}
