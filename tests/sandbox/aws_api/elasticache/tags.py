# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags: their characters, and the state a cache must be in."""

from __future__ import annotations

import re
import typing as t

from moto.elasticache.exceptions import (
    CacheClusterNotFound,
    CacheSubnetGroupNotFound,
    InvalidARNFault,
    InvalidParameterValueException as InvalidParameterValue,
    ReplicationGroupNotFound,
    SnapshotNotFound,
    UserNotFound,
)

from .exceptions import CacheParameterGroupNotFound, InvalidReplicationGroupState, ServerlessCacheNotFound, TagQuotaPerResourceExceeded, UserGroupNotFound
from .resources import AVAILABLE

VALUE = re.compile(r"[\w +\-=.:/@]{0,256}")
KEY = re.compile(r"(?!aws:)[\w +\-=.:/@]{1,128}")
MOST_TAGS = 50


class TagBackend:
    def tag_new(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Tag what is being created."""
        if tags:
            self._check_tags(arn, tags)
            self.tagging_service.tag_resource(arn, tags)

    def add_tags_to_resource(self, arn: str, tags: list[dict[str, str]]) -> None:
        self._find(arn)
        self._check_tags(arn, tags)
        self.tagging_service.tag_resource(arn, tags)

    def remove_tags_from_resource(self, arn: str, tags: list[str]) -> None:
        self._find(arn)
        self.tagging_service.untag_resource_using_names(arn, tags)

    def list_tags_for_resource(self, arn: str) -> dict[str, list[dict[str, str]]]:
        self._find(arn)
        return self.tagging_service.list_tags_for_resource(arn)

    def _find(self, arn: str) -> None:
        """Refuse an ARN that leads nowhere, and one of a cache that is busy: AWS does not even list the tags of those."""
        kinds: dict[str, tuple[dict[str, t.Any], t.Callable[[str], Exception]]] = {
            "cluster": (self.cache_clusters, CacheClusterNotFound),
            "replicationgroup": (self.replication_groups, ReplicationGroupNotFound),
            "subnetgroup": (self.cache_subnet_groups, CacheSubnetGroupNotFound),
            "parametergroup": (self.parameter_groups, lambda name: CacheParameterGroupNotFound(name=name)),
            "snapshot": (self.snapshots, SnapshotNotFound),
            "user": (self.users, UserNotFound),
            "usergroup": (self.user_groups, lambda name: UserGroupNotFound(name=name)),
            "serverlesscache": (self.serverless_caches, lambda name: ServerlessCacheNotFound(name=name)),
        }
        matched = re.fullmatch(r"arn:aws:elasticache:[a-z0-9-]+:\d{12}:(\w+):(.+)", arn or "")
        if not matched or matched[1] not in kinds:
            raise InvalidARNFault(arn)
        resources, not_found = kinds[matched[1]]
        if matched[2] not in resources:
            raise not_found(matched[2])
        if matched[1] in ("cluster", "replicationgroup") and resources[matched[2]].status != AVAILABLE:
            # The service model of the tag operations has no InvalidCacheClusterState.
            raise InvalidReplicationGroupState("Cluster not in available state to perform tagging operations.")

    def _check_tags(self, arn: str, tags: list[dict[str, str]]) -> None:
        for tag in tags:
            if not KEY.fullmatch(tag["Key"]):
                raise InvalidParameterValue(f"Tag key {tag['Key']!r} is invalid: 1 to 128 letters, digits, spaces and + - = . _ : / @.")
            if not VALUE.fullmatch(tag.get("Value") or ""):
                raise InvalidParameterValue(f"The value of tag {tag['Key']!r} is invalid: up to 256 letters, digits, spaces and + - = . _ : / @.")
        known = self.tagging_service.get_tag_dict_for_resource(arn)
        if len(known.keys() | {tag["Key"] for tag in tags}) > MOST_TAGS:
            raise TagQuotaPerResourceExceeded(f"The resource cannot have more than {MOST_TAGS} tags.")
