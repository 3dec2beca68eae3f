# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and user groups: access control by roles."""

from __future__ import annotations

import typing as t

from moto.core.common_models import BaseModel
from moto.elasticache.exceptions import InvalidParameterValueException as InvalidParameterValue, PasswordTooShort, UserNotFound
from moto.elasticache.models import User

from .exceptions import (
    DefaultUserAssociatedToUserGroup,
    DefaultUserRequired,
    DuplicateUserName,
    InvalidUserGroupState,
    InvalidUserState,
    UserGroupAlreadyExists,
    UserGroupNotFound,
)

MOST_PASSWORDS = 2


class UserGroup(BaseModel):
    def __init__(self, backend: t.Any, user_group_id: str, engine: str, user_ids: list[str]) -> None:
        self.backend = backend
        self.user_group_id = user_group_id
        self.engine = engine
        self.user_ids = user_ids
        self.status = "creating"
        self.minimum_engine_version = "6.0"
        self.pending_changes: dict[str, t.Any] = {}
        self.arn = f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:usergroup:{user_group_id}"

    @property
    def replication_groups(self) -> list[str]:
        groups = self.backend.replication_groups.values()
        return [group.replication_group_id for group in groups if self.user_group_id in group.access.user_group_ids]

    @property
    def serverless_caches(self) -> list[str]:
        return [name for name, cache in self.backend.serverless_caches.items() if cache.user_group_id == self.user_group_id]


class UserBackend:
    def __init__(self, region_name: str, account_id: str) -> None:
        self.user_groups: dict[str, UserGroup] = {}
        self.users_in_force: dict[str, dict[str, t.Any]] = {}  # of users that are being modified
        super().__init__(region_name, account_id)

    def create_user(self, user_id: str, passwords: list[str], **options: t.Any) -> User:
        self._check_passwords(passwords)
        self.check_tags(options["tags"])
        if options["authentication_type"] == "iam" and options["user_name"].lower() != user_id.lower():
            raise InvalidParameterValue("For a user with IAM authentication, the user ID and the user name must be the same.")
        return super().create_user(user_id=user_id.lower(), passwords=passwords, **options)

    @staticmethod
    def _check_passwords(passwords: list[str] | None) -> None:
        passwords = passwords or []
        if len(passwords) > MOST_PASSWORDS:
            raise InvalidParameterValue(f"A user can have at most {MOST_PASSWORDS} passwords.")
        if any(not 16 <= len(password) <= 128 for password in passwords):
            raise PasswordTooShort

    def user(self, user_id: str) -> User:
        if user_id.lower() not in self.users:
            raise UserNotFound(user_id)
        return self.users[user_id.lower()]

    def in_force(self, user: User) -> dict[str, t.Any]:
        """How caches take this user now."""
        now = {"passwords": user.passwords, "open": bool(user.no_password_required), "access_string": user.access_string}
        return self.users_in_force.get(user.id, now)

    def modify_user(self, user_id: str, access_string: str | None, append: str | None, passwords: list[str] | None, no_password: bool | None) -> User:
        user = self.user(user_id)
        if user.id == "default":
            raise InvalidParameterValue("The default user cannot be modified.")
        if user.status != "active":
            raise InvalidUserState("User is not in active state.")
        if passwords and no_password:
            raise InvalidParameterValue("Passwords cannot be specified with NoPasswordRequired.")
        self._check_passwords(passwords)
        in_force, user.status = self.in_force(user), "modifying"
        # Describe shows the new values while the caches have the old ones.
        if access_string:
            user.access_string = access_string
        if append:
            user.access_string += f" {append}"
        if passwords:
            user.passwords, user.no_password_required, user.authentication_type = passwords, False, "password"
        if no_password:
            user.passwords, user.no_password_required, user.authentication_type = [], True, "no-password-required"
        self.users_in_force[user.id] = in_force

        def finish() -> None:
            user.status = "active"
            del self.users_in_force[user.id]

        self.later(finish)
        return user

    def delete_user(self, user_id: str) -> User:
        user = self.user(user_id)
        if user.id == "default":
            raise InvalidParameterValue("The default user cannot be deleted.")
        groups = [group for group in self.user_groups.values() if user.id in group.user_ids]
        if user.name == "default" and groups:
            raise DefaultUserAssociatedToUserGroup("The user named default is associated with a user group and cannot be deleted.")
        user.status = "deleting"

        def finish() -> None:
            del self.users[user.id]
            for group in groups:
                group.user_ids.remove(user.id)

        self.later(finish)
        return user

    def describe_users(self, user_id: str | None) -> list[User]:
        for user in self.users.values():
            user.user_group_ids = [group.user_group_id for group in self.user_groups.values() if user.id in group.user_ids]
        return [self.user(user_id)] if user_id else list(self.users.values())

    def create_user_group(self, user_group_id: str, engine: str, user_ids: list[str], tags: list[dict[str, str]] | None) -> UserGroup:
        name = self.identifier("UserGroupId", user_group_id, 40)
        if name in self.user_groups:
            raise UserGroupAlreadyExists(name=name)
        self.check_tags(tags)
        group = UserGroup(self, name, engine, self._check_members(user_ids))
        self.tag_new(group.arn, tags)
        self.user_groups[name] = group
        self._activate(group)
        return group

    def _check_members(self, user_ids: list[str]) -> list[str]:
        names = [self.user(user_id).name for user_id in user_ids]
        for name in names:
            if names.count(name) > 1:
                raise DuplicateUserName(name=name)
        if "default" not in names:
            raise DefaultUserRequired
        return [user_id.lower() for user_id in user_ids]

    def _activate(self, group: UserGroup) -> None:
        def finish() -> None:
            group.status, group.pending_changes = "active", {}

        self.later(finish)

    def user_group(self, user_group_id: str) -> UserGroup:
        if user_group_id.lower() not in self.user_groups:
            raise UserGroupNotFound(name=user_group_id)
        return self.user_groups[user_group_id.lower()]

    def describe_user_groups(self, user_group_id: str | None) -> list[UserGroup]:
        return [self.user_group(user_group_id)] if user_group_id else list(self.user_groups.values())

    def modify_user_group(self, user_group_id: str, add: list[str], remove: list[str]) -> UserGroup:
        group = self.user_group(user_group_id)
        if not add and not remove:
            raise InvalidParameterValue("At least one user must be added or removed.")
        if group.status != "active":
            raise InvalidUserGroupState("User group is not in active state.")
        for user_id in remove:
            if user_id.lower() not in group.user_ids:
                raise UserNotFound(user_id)
        removed = {user_id.lower() for user_id in remove}
        members = self._check_members([user_id for user_id in group.user_ids if user_id not in removed] + add)
        group.status, group.pending_changes = "modifying", {"UserIdsToAdd": add, "UserIdsToRemove": remove}

        def finish() -> None:
            group.user_ids, group.status, group.pending_changes = members, "active", {}

        self.later(finish)
        return group

    def delete_user_group(self, user_group_id: str) -> UserGroup:
        group = self.user_group(user_group_id)
        if group.replication_groups or group.serverless_caches:
            raise InvalidUserGroupState("User group is associated with a cache and cannot be deleted.")
        group.status = "deleting"
        self.later(lambda: self.user_groups.pop(group.user_group_id, None))
        return group
