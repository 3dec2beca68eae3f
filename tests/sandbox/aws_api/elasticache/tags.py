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
from .resources import AVAILABLE, MODIFYING, ReplicationGroup

VALUE = re.compile(r"[\w +\-=.:/@]{0,256}")
KEY = re.compile(r"(?!aws:)[\w +\-=.:/@]{1,128}")
MOST_TAGS = 50


class TagBackend:
    def tag_new(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Tag what has been created, with tags that have been checked."""
        if tags:
            self.tagging_service.tag_resource(arn, tags)

    def add_tags_to_resource(self, arn: str, tags: list[dict[str, str]]) -> None:
        resource = self._find(arn)
        self.check_tags(tags, arn)
        self.tagging_service.tag_resource(arn, tags)
        self._spread(resource)

    def remove_tags_from_resource(self, arn: str, tags: list[str]) -> None:
        resource = self._find(arn)
        self.tagging_service.untag_resource_using_names(arn, tags)
        self._spread(resource)

    def list_tags_for_resource(self, arn: str) -> dict[str, list[dict[str, str]]]:
        self._find(arn)
        return self.tagging_service.list_tags_for_resource(arn)

    def _spread(self, resource: t.Any) -> None:
        """A group is modifying while its new tags spread to its members (hashicorp/terraform-provider-aws#40320)."""
        if isinstance(resource, ReplicationGroup):
            resource.enter(MODIFYING)
            self.lifecycle.later(self.tagging_seconds, lambda: resource.enter(AVAILABLE))

    def _find(self, arn: str) -> t.Any:
        """What the ARN leads to.

        Refuses an ARN that leads nowhere, and one of a cache that is busy: AWS does not even list its tags (#33859 there).
        """
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
        return resources[matched[2]]

    def check_tags(self, tags: list[dict[str, str]] | None, arn: str = "") -> None:
        """Refuse tags that AWS refuses; `arn` is of the resource that has tags already."""
        tags = tags or []
        for tag in tags:
            if not KEY.fullmatch(tag["Key"]):
                raise InvalidParameterValue(f"Tag key {tag['Key']!r} is invalid: 1 to 128 letters, digits, spaces and + - = . _ : / @.")
            if not VALUE.fullmatch(tag.get("Value") or ""):
                raise InvalidParameterValue(f"The value of tag {tag['Key']!r} is invalid: up to 256 letters, digits, spaces and + - = . _ : / @.")
        known = self.tagging_service.get_tag_dict_for_resource(arn)
        if len(known.keys() | {tag["Key"] for tag in tags}) > MOST_TAGS:
            raise TagQuotaPerResourceExceeded(f"The resource cannot have more than {MOST_TAGS} tags.")
