# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots, during which the cache is `snapshotting`."""

from __future__ import annotations

import typing as t

from moto.elasticache.models import Snapshot

from .exceptions import InvalidCacheClusterState, InvalidReplicationGroupState, SnapshotFeatureNotSupported
from .resources import AVAILABLE, CREATING, SNAPSHOTTING, CacheCluster, ReplicationGroup


class SnapshotBackend:
    def create_snapshot(
        self, snapshot_name: str, replication_group_id: str | None, cache_cluster_id: str | None, **options: t.Any
    ) -> Snapshot:
        replication_group_id = replication_group_id and replication_group_id.lower()
        cache_cluster_id = cache_cluster_id and cache_cluster_id.lower()
        self.check_tags(options["tags"])
        cache = self.replication_groups.get(replication_group_id) or self.cache_clusters.get(cache_cluster_id)
        if isinstance(cache, CacheCluster) and cache.engine == "memcached":
            raise SnapshotFeatureNotSupported("Snapshots are not supported for memcached.")
        if cache and cache.status != AVAILABLE:
            state = InvalidReplicationGroupState if isinstance(cache, ReplicationGroup) else InvalidCacheClusterState
            raise state("Cache is not in available state.")
        snapshot = super().create_snapshot(
            snapshot_name=snapshot_name, replication_group_id=replication_group_id, cache_cluster_id=cache_cluster_id, **options
        )
        snapshot.snapshot_status = CREATING
        busy = cache.group or cache if isinstance(cache, CacheCluster) else cache
        busy.enter(SNAPSHOTTING)

        def finish() -> None:
            snapshot.snapshot_status = AVAILABLE
            busy.enter(AVAILABLE)

        self.later(finish)
        return snapshot
