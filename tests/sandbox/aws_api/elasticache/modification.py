# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Modify call changes of a cache, once it takes effect."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields

from .access import OFF, ROTATE, Access


@dataclass
class Modification:
    mode: str | None = None
    token: str | None = field(default=None, repr=False)
    strategy: str | None = None
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    cache_node_type: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    cache_parameter_group_name: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    @property
    def access_values(self) -> dict[str, t.Any]:
        """PendingModifiedValues of a replication group: nothing of node type, engine version and parameter group is among them."""
        values: dict[str, t.Any] = {}
        if self.mode == OFF:
            values["TransitEncryptionEnabled"] = False
        elif self.mode:
            values |= {"TransitEncryptionEnabled": True, "TransitEncryptionMode": self.mode}
        if self.token:
            values["AuthTokenStatus"] = "ROTATING" if self.strategy == ROTATE else "SETTING"
        if self.add or self.remove:
            values["UserGroups"] = {"UserGroupIdsToAdd": self.add, "UserGroupIdsToRemove": self.remove}
        return values

    @property
    def node_values(self) -> dict[str, t.Any]:
        """PendingModifiedValues of a cache cluster, beside the status of its token."""
        values = {"CacheNodeType": self.cache_node_type, "EngineVersion": self.engine_version}
        return {name: value for name, value in values.items() if value}

    @property
    def node_attributes(self) -> dict[str, str]:
        """What becomes of a cache's nodes."""
        names = ("cache_node_type", "engine", "engine_version", "cache_parameter_group_name")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def apply(self, access: Access) -> None:
        """Make it true of who may use the cache."""
        if self.mode:
            access.mode = self.mode
        if self.strategy:
            access.change_token(self.token, self.strategy)
        if self.engine_version:
            access.engine_version = self.engine_version
        access.user_group_ids = [group_id for group_id in access.user_group_ids if group_id not in self.remove] + self.add


class Pending(list[Modification]):
    """The changes that a cache has before it, oldest first: under way while it is `modifying`, else put off to its maintenance window."""

    @property
    def access_values(self) -> dict[str, t.Any]:
        return self._merged("access_values")

    @property
    def node_values(self) -> dict[str, t.Any]:
        return self._merged("node_values")

    @property
    def parameter_group(self) -> str | None:
        return self._merged("node_attributes").get("cache_parameter_group_name")

    def _merged(self, attribute: str) -> dict[str, t.Any]:
        merged: dict[str, t.Any] = {}
        for modification in self:
            merged |= getattr(modification, attribute)
        return merged
