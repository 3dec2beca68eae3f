# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment cannot do with the cache and the database that were found. Pure. What the modules refuse themselves is left out."""

from __future__ import annotations


def cache_problems(found):
    name, stages = found["cache_name"], found["stages"]
    cache, account = found["cache"].get("cache"), found["estate"]["account"]["id"]
    if cache is None:
        yield f"The cache {name} could not be looked up: {found['cache'].get('msg', 'no reason given')}"
        return
    if not cache.get("exists"):
        yield (
            f"There is no cache {name} in account {account}, region {found['region']}: neither a cluster nor a replication group nor a "
            "serverless cache. Correct huntaze_cache.name, huntaze_aws.region or the credentials."
        )
        return
    endpoints = cache.get("endpoints") or {}
    if not (endpoints.get("primary") or endpoints.get("configuration")):
        yield f"The cache {name} has the status {cache.get('status')} and shows no endpoint of a primary node. Run again once it is available."
    refused_anyway = cache.get("engine") == "memcached" or cache.get("kind") == "serverless_cache"
    if "network" in stages and not refused_anyway and not found["cache_security_group_id"] and not cache.get("security_group_ids"):
        yield f"AWS shows no security group of the cache {name}. Name the group that lets clients in: huntaze_cache.security_group_id."
    if cache.get("cluster_enabled") and found["agents"] == "deployed" and {"agent", "app", "auth_open", "auth_close"} & set(stages):
        yield (
            f"The cache {name} is in cluster mode, and the limiter agent speaks to one primary only. Name a cache with cluster mode disabled for the limiter, "
            "or take the hosts out of huntaze_limiter_agents and set huntaze_limiter.agents: none."
        )


def database_problems(found):
    name = found["database_identifier"]
    if not name:
        return
    instances = found["estate"]["database"]["instances"]
    if instances is None:
        yield f"The database {name} could not be looked up (rds:DescribeDBInstances): {why_unread(found['estate'], 'rds')}"
        return
    if not instances:
        yield (
            f"There is no database {name} in account {found['estate']['account']['id']}, region {found['region']}: neither a DB instance nor a DB cluster "
            "with instances. Correct huntaze_database.identifier, or leave huntaze_database out."
        )
        return
    first = instances[0]
    if not (first.get("endpoint") or {}).get("address"):
        yield (
            f"The database {first.get('db_instance_identifier', name)} has the status {first.get('db_instance_status')} and shows no endpoint. "
            "Run again once it is available."
        )
    if found["allow_limiter"] and "network" in found["stages"] and not any(
        group.get("vpc_security_group_id") for group in first.get("vpc_security_groups") or []
    ):
        yield f"AWS shows no security group of the database {name}, so the limiter hosts cannot be let in. Set huntaze_database.allow_limiter: false."


def why_unread(estate, service):
    """What AWS said where it refused to tell something."""
    return next((row["error"] for row in estate["read"] if row["error"] and row["source"].startswith(f"{service} ")), "no reason given")


def group_problems(estate, named):
    """Security groups that are named and not there. estate: what estate_info has read of them."""
    groups = (estate.get("network") or {}).get("security_groups")
    if groups is None:
        return [f"The security groups that new rules name could not be looked up: {why_unread(estate, 'ec2')}"]
    there = {group["group_id"] for group in groups}
    return [
        f"There is no security group {name} in this account and region, which huntaze_limiter names: correct it." for name in named if name not in there
    ]


def estate_problems(found):
    """All problems of what was found, as sentences."""
    return [*cache_problems(found), *database_problems(found)]
