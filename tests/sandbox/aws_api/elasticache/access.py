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
# Texts that AWS answers in more than one place.
NOTHING_REQUESTED = "No modifications were requested"
MODE_WITHOUT_TLS = "To modify transit encryption mode, set encryption-in-transit as enabled."
USER_GROUP_WITHOUT_TLS = "User group based access control requires encryption-in-transit to be enabled on the replication group."
AUTH_BESIDE_USER_GROUP = "Auth tokens can't be enabled with a user group already associated. Pass RemoveUserGroups to proceed."


def check_token(token: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(token):
        raise InvalidParameterValue("Invalid AuthToken provided.")


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@dataclass
class AccessRequest:
    """What a Modify call asks of a cache's access."""

    apply_immediately: bool
    enabled: bool | None = None
    mode: str | None = None
    token: str | None = field(default=None, repr=False)
    given_strategy: str | None = None
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    remove_all: bool = False

    @property
    def tls(self) -> bool:
        return self.enabled is not None or self.mode is not None

    @property
    def token_given(self) -> bool:
        return self.token is not None or self.given_strategy is not None

    @property
    def strategy(self) -> str | None:
        return (self.given_strategy or ROTATE) if self.token_given else None

    @property
    def user_groups_given(self) -> bool:
        return bool(self.add or self.remove or self.remove_all)

    def wanted_mode(self, present: str) -> str:
        """The mode that is asked for, of a cache in mode `present`."""
        return OFF if not self.enabled else self.mode or present


@dataclass
class Access:
    """The access to one cache, shared by a replication group and its members."""

    # AWS may take a token that is in force already, or say that nothing was requested: both are met.
    refuses_token_in_force: t.ClassVar[bool] = False

    engine_version: str
    mode: str = OFF
    credentials: list[str | None] = field(default_factory=lambda: [NO_PASSWORD])
    rotated: bool = False
    last_modified: datetime | None = None
    user_group_ids: list[str] = field(default_factory=list)

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
            raise InvalidParameterCombination(MODE_WITHOUT_TLS)
        if mode and mode not in (PREFERRED, REQUIRED):
            raise InvalidParameterValue(f"Invalid TransitEncryptionMode: {mode}.")
        if tls and mode == PREFERRED and (token or user_group_ids):
            raise InvalidParameterCombination("Transit encryption preferred is not supported with redis access control.")
        if tls and version(self.engine_version) < (3, 2, 6):
            raise InvalidParameterCombination(f"Transit encryption is not supported for engine version {self.engine_version}.")
        self.mode = (mode or REQUIRED) if tls else OFF
        if token and user_group_ids:
            raise InvalidParameterCombination(AUTH_BESIDE_USER_GROUP)
        if token:
            check_token(token, CREATE_TOKEN)
            if self.mode != REQUIRED:  # nobody wrote down what CreateReplicationGroup answers
                raise InvalidParameterCombination("AuthToken can be specified only with TransitEncryptionEnabled.")
            if not ((3, 2, 6) <= version(self.engine_version) < (4,) or version(self.engine_version) >= (4, 0, 10)):
                raise InvalidParameterCombination(f"AuthToken is not supported for engine version {self.engine_version}.")
            self.credentials, self.last_modified = [token], utcnow()
        if user_group_ids:
            if self.mode != REQUIRED:
                raise InvalidParameterCombination(USER_GROUP_WITHOUT_TLS)
            self.user_group_ids = list(user_group_ids)

    def check(self, request: AccessRequest) -> None:
        """Refuse what ModifyReplicationGroup refuses, in the order in which AWS was seen to."""
        self._check_tls_steps(request)
        self._check_token_needs(request)
        if request.tls and (self.controlled or request.token_given or request.user_groups_given):
            # A request with both is a request on a cache with access control: nobody has shown AWS to accept it.
            raise InvalidParameterCombination("Modification of transit encryption is not supported for access control enabled clusters.")
        self._check_mode(request)
        self._check_user_groups(request)
        self._check_token(request)

    def _check_tls_steps(self, request: AccessRequest) -> None:
        if self.mode == OFF and request.enabled and request.mode in (None, REQUIRED):
            raise InvalidParameterCombination(
                "Direct transition from transit-encryption-disabled to transit-encryption-enabled is not allowed. "
                "Update the cluster to transit-encryption-mode preferred prior to enabling transit encryption."
            )
        if request.tls and not request.apply_immediately:
            raise InvalidParameterValue("Transit encryption modification should be called with applied immediately option.")

    def _check_token_needs(self, request: AccessRequest) -> None:
        if not request.token_given:
            return
        if request.strategy not in (ROTATE, SET, DELETE):
            raise InvalidParameterValue(f"Invalid AuthTokenUpdateStrategy: {request.strategy}.")
        if request.token is not None and (self.mode != REQUIRED or (request.mode and request.mode != self.mode)):
            raise InvalidParameterValue("The AUTH token modification is only supported when encryption-in-transit is enabled.")
        deletes_rightly = self.token_enabled and request.add and request.token is None
        if request.strategy == DELETE and not deletes_rightly:
            raise InvalidParameterValue("Auth token update strategy delete is not supported currently")

    def _check_mode(self, request: AccessRequest) -> None:
        if not request.tls:
            return
        if request.mode is not None and not request.enabled:
            raise InvalidParameterCombination(MODE_WITHOUT_TLS)
        if request.mode not in (None, PREFERRED, REQUIRED):
            raise InvalidParameterValue(f"Invalid TransitEncryptionMode: {request.mode}.")
        if request.wanted_mode(self.mode) == self.mode:
            raise InvalidParameterCombination(NOTHING_REQUESTED)
        if version(self.engine_version) < (7, 0, 5):
            raise InvalidParameterCombination(
                f"Transit encryption cannot be modified for engine version {self.engine_version}. It requires 7.0.5 or later."
            )
        if self.mode == REQUIRED and not request.enabled:  # unverified, answered strictly: the way back leads over preferred too
            raise InvalidParameterCombination("Update the cluster to transit-encryption-mode preferred prior to disabling transit encryption.")

    def _check_user_groups(self, request: AccessRequest) -> None:
        if request.remove_all and (request.add or request.remove):
            raise InvalidParameterCombination("RemoveUserGroups cannot be specified with UserGroupIdsToAdd or UserGroupIdsToRemove.")
        for group_id in request.remove:
            if group_id not in self.user_group_ids:
                raise InvalidParameterValue(f"User group {group_id} is not associated with the replication group.")
        if not request.add:
            return
        if (self.token_enabled and request.strategy != DELETE) or request.token is not None:
            raise InvalidParameterCombination("User group can't be associated with auth token enabled. Pass AuthStrategy delete to proceed.")
        if self.mode != REQUIRED:
            raise InvalidParameterCombination(USER_GROUP_WITHOUT_TLS)
        if len(set(self.user_group_ids) - set(request.remove)) + len(set(request.add)) > 1:
            raise InvalidParameterCombination("Only one user group can be associated with a replication group.")

    def _check_token(self, request: AccessRequest) -> None:
        if not request.token_given or request.strategy == DELETE:
            return
        if request.token is None:
            raise InvalidParameterCombination("AuthTokenUpdateStrategy cannot be specified without AuthToken.")
        if self.user_group_ids and not request.remove_all:
            raise InvalidParameterCombination(AUTH_BESIDE_USER_GROUP)
        check_token(request.token, MODIFY_TOKEN)
        if version(self.engine_version) < (5, 0, 6):
            raise InvalidParameterCombination(f"AuthToken cannot be modified for engine version {self.engine_version}.")
        if self.refuses_token_in_force and self._in_force(request.token, request.strategy):
            raise InvalidParameterCombination(NOTHING_REQUESTED)
        if request.strategy == SET and not self.token_enabled:
            # One live report has this text, without its code; Terraform's acceptance tests pass with SET. The strict reading holds.
            raise InvalidParameterValue("There is no AUTH token to SET")
        if request.strategy == SET and not (self.rotated and self.credentials[-1] == request.token) and self.credentials != [request.token]:
            # A new value straight from a single token: the documentation says no, so the strict reading holds.
            raise InvalidParameterCombination("The auth token update strategy SET is allowed only after ROTATE, with the token last rotated.")

    def _in_force(self, token: str, strategy: str) -> bool:
        return self.credentials == [token] if strategy == SET else token in self.credentials

    def change_token(self, token: str | None, strategy: str) -> None:
        if strategy == ROTATE:
            # Two at most; the way in without a password counts as the oldest.
            self.credentials = [known for known in self.credentials if known != token][-1:] + [token]
        else:
            self.credentials = [token]  # DELETE brings no token: [NO_PASSWORD], behind the user group
        self.rotated = strategy == ROTATE
        self.last_modified = utcnow()
