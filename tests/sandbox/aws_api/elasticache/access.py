# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use a cache: its TLS mode, its AUTH tokens, its user group, and the rules that bind the three."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from datetime import datetime

from moto.core.utils import utcnow
from moto.elasticache.exceptions import (
    InvalidParameterCombinationException as InvalidParameterCombination,
    InvalidParameterValueException as InvalidParameterValue,
)

# What a default user without a password is: the way in that closes with the first SET.
NO_PASSWORD = None
CREATE_TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")
MODIFY_TOKEN = re.compile(r"""(?:(?![/"@%])[!-~]){16,128}""")
ROTATE, SET, DELETE = "ROTATE", "SET", "DELETE"
OFF, PREFERRED, REQUIRED = "off", "preferred", "required"


def check_token(token: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(token):
        raise InvalidParameterValue("Invalid AuthToken provided.")


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@dataclass
class Access:
    """The access to one cache, shared by a replication group and its members."""

    engine_version: str
    mode: str = OFF
    credentials: list[str | None] = field(default_factory=lambda: [NO_PASSWORD])
    rotated: bool = False
    last_modified: datetime | None = None
    user_group_ids: list[str] = field(default_factory=list)
    pending: dict[str, t.Any] = field(default_factory=dict)

    @property
    def token_enabled(self) -> bool:
        return not self.user_group_ids and self.credentials != [NO_PASSWORD]

    @property
    def controlled(self) -> bool:
        return self.token_enabled or bool(self.user_group_ids)

    @property
    def tls(self) -> bool:
        return self.mode != OFF

    def create(self, token: str | None, tls: bool | None, mode: str | None, user_group_ids: list[str]) -> None:
        """Take the access that a new cache is created with."""
        if mode and not tls:
            raise InvalidParameterCombination("TransitEncryptionMode cannot be specified without TransitEncryptionEnabled.")
        if mode and mode not in (PREFERRED, REQUIRED):
            raise InvalidParameterValue(f"Invalid TransitEncryptionMode: {mode}.")
        if tls and version(self.engine_version) < (3, 2, 6):
            raise InvalidParameterCombination(f"Transit encryption is not supported for engine version {self.engine_version}.")
        self.mode = (mode or REQUIRED) if tls else OFF
        if token:
            check_token(token, CREATE_TOKEN)
            if user_group_ids:
                raise InvalidParameterCombination("User groups and AuthToken cannot be specified together.")
            self._refuse_unless_tls_required("AuthToken")
            if not ((3, 2, 6) <= version(self.engine_version) < (4,) or version(self.engine_version) >= (4, 0, 10)):
                raise InvalidParameterCombination(f"AuthToken is not supported for engine version {self.engine_version}.")
            self.credentials, self.last_modified = [token], utcnow()
        if user_group_ids:
            self._refuse_unless_tls_required("User groups")
            self.user_group_ids = list(user_group_ids)

    def check_mode(self, enabled: bool | None, mode: str | None, with_access_control: bool) -> None:
        """Refuse what ModifyReplicationGroup refuses of the TLS fields."""
        # A request with both is a request on a cache with access control: nobody has shown AWS to accept it.
        if self.controlled or with_access_control:
            raise InvalidParameterCombination("Transit encryption cannot be modified while access control is enabled.")
        if mode is not None and not enabled:
            raise InvalidParameterCombination("TransitEncryptionMode cannot be specified without TransitEncryptionEnabled.")
        if not enabled:
            # The way back to plain text is not among the verified facts: nobody may depend on it.
            raise InvalidParameterCombination("Transit encryption cannot be disabled.")
        if mode is None:
            raise InvalidParameterCombination("TransitEncryptionMode must be specified to enable transit encryption.")
        if mode not in (PREFERRED, REQUIRED):
            raise InvalidParameterValue(f"Invalid TransitEncryptionMode: {mode}.")
        if version(self.engine_version) < (7, 0, 5):
            raise InvalidParameterCombination(
                f"Transit encryption cannot be modified for engine version {self.engine_version}. It requires 7.0.5 or later."
            )
        if self.mode == OFF and mode == REQUIRED:
            raise InvalidParameterCombination("TransitEncryptionMode must be set to preferred before it can be set to required.")
        if mode == self.mode or (self.mode, mode) == (REQUIRED, PREFERRED):
            # A mode that is set already, and the way back: unverified, answered strictly.
            raise InvalidParameterCombination(f"TransitEncryptionMode cannot be changed from {self.mode} to {mode}.")

    def check_token_change(self, token: str | None, strategy: str | None, adds_user_groups: bool, removes_user_groups: bool) -> None:
        """Refuse what ModifyReplicationGroup and ModifyCacheCluster refuse of the token fields."""
        strategy = strategy or ROTATE
        if strategy not in (ROTATE, SET, DELETE):
            raise InvalidParameterValue(f"Invalid AuthTokenUpdateStrategy: {strategy}.")
        if strategy == DELETE:
            if token is not None:
                raise InvalidParameterCombination("AuthToken cannot be specified with the auth token update strategy DELETE.")
            if not adds_user_groups:
                raise InvalidParameterCombination("The auth token update strategy DELETE is allowed only when transitioning to RBAC.")
            if not self.token_enabled:
                raise InvalidParameterCombination("There is no auth token to delete.")
            return
        if token is None:
            raise InvalidParameterCombination("AuthTokenUpdateStrategy cannot be specified without AuthToken.")
        check_token(token, MODIFY_TOKEN)
        if version(self.engine_version) < (5, 0, 6):
            raise InvalidParameterCombination(f"AuthToken cannot be modified for engine version {self.engine_version}.")
        self._refuse_unless_tls_required("AuthToken")
        if adds_user_groups:
            raise InvalidParameterCombination("User groups and AuthToken cannot be specified together.")
        if self.user_group_ids and not (removes_user_groups and strategy == SET):
            raise InvalidParameterCombination("AuthToken cannot be used with user groups. Pass RemoveUserGroups and SET to proceed.")
        if self.user_group_ids:
            return
        if strategy == SET and not (self.rotated and self.credentials[-1] == token):
            # From none, and a new value from a single token: the sources disagree, so the strict reading holds.
            raise InvalidParameterCombination("The auth token update strategy SET is allowed only after ROTATE, with the token last rotated.")

    def check_user_groups(self, add: list[str], remove: list[str], remove_all: bool, token: str | None, strategy: str | None) -> None:
        if remove_all and (add or remove):
            raise InvalidParameterCombination("RemoveUserGroups cannot be specified with UserGroupIdsToAdd or UserGroupIdsToRemove.")
        for group_id in remove:
            if group_id not in self.user_group_ids:
                raise InvalidParameterValue(f"User group {group_id} is not associated with the replication group.")
        if add:
            self._refuse_unless_tls_required("User groups")
            if self.token_enabled and strategy != DELETE:
                raise InvalidParameterCombination("User group can't be associated with auth token enabled. Pass AuthStrategy delete to proceed.")
            if len(set(self.user_group_ids) - set(remove)) + len(set(add)) > 1:
                raise InvalidParameterCombination("Only one user group can be associated with a replication group.")

        if self.user_group_ids and not add and (remove or remove_all) and token is None:
            # It would leave the cache open to everybody: unverified, answered strictly.
            raise InvalidParameterCombination("User groups can be removed only with AuthToken and the auth token update strategy SET.")

    def _refuse_unless_tls_required(self, what: str) -> None:
        if self.mode != REQUIRED:
            raise InvalidParameterCombination(f"{what} can be specified only with TransitEncryptionMode required.")

    def change_token(self, token: str | None, strategy: str) -> None:
        if strategy == ROTATE:
            # Two at most; the way in without a password counts as the oldest.
            self.credentials = [known for known in self.credentials if known != token][-1:] + [token]
        else:
            self.credentials = [token]  # DELETE brings no token: [NO_PASSWORD], behind the user group
        self.rotated = strategy == ROTATE
        self.last_modified = utcnow()
