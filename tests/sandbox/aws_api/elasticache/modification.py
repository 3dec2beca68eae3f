# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Modify call changes of a cache's access, once it takes effect."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields

from .access import ROTATE, Access


@dataclass
class Modification:
    mode: str | None = None
    token: str | None = field(default=None, repr=False)
    strategy: str | None = None
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def after(self, deferred: Modification | None) -> Modification:
        """This modification together with one that was waiting; the newer wins."""
        if not deferred:
            return self
        return Modification(**{each.name: getattr(self, each.name) or getattr(deferred, each.name) for each in fields(self)})

    def shown(self) -> dict[str, t.Any]:
        """PendingModifiedValues while it lasts."""
        values: dict[str, t.Any] = {}
        if self.mode:
            values |= {"TransitEncryptionEnabled": True, "TransitEncryptionMode": self.mode}
        if self.token:
            values["AuthTokenStatus"] = "ROTATING" if self.strategy == ROTATE else "SETTING"
        if self.add or self.remove:
            values["UserGroups"] = {"UserGroupIdsToAdd": self.add, "UserGroupIdsToRemove": self.remove}
        return values

    def apply(self, access: Access) -> None:
        if self.mode:
            access.mode = self.mode
        if self.strategy:
            access.change_token(self.token, self.strategy)
        access.user_group_ids = [group_id for group_id in access.user_group_ids if group_id not in self.remove] + self.add
        access.pending = {}
