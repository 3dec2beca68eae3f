# SPDX-License-Identifier: GPL-3.0-or-later
"""The error codes that moto's ElastiCache does not have yet."""

from __future__ import annotations

from moto.elasticache.exceptions import ElastiCacheException


class InvalidCacheClusterState(ElastiCacheException):
    code = "InvalidCacheClusterState"


class InvalidReplicationGroupState(ElastiCacheException):
    code = "InvalidReplicationGroupState"


class SnapshotFeatureNotSupported(ElastiCacheException):
    code = "SnapshotFeatureNotSupportedFault"


class TagQuotaPerResourceExceeded(ElastiCacheException):
    code = "TagQuotaPerResourceExceeded"


class CacheParameterGroupAlreadyExists(ElastiCacheException):
    code = "CacheParameterGroupAlreadyExists"
    message = "Parameter group {name} already exists"


class CacheParameterGroupNotFound(ElastiCacheException):
    code = "CacheParameterGroupNotFound"
    message = "CacheParameterGroup not found: {name}"


class InvalidCacheParameterGroupState(ElastiCacheException):
    code = "InvalidCacheParameterGroupState"


class ServerlessCacheAlreadyExists(ElastiCacheException):
    code = "ServerlessCacheAlreadyExistsFault"
    message = "Serverless cache {name} already exists."


class ServerlessCacheNotFound(ElastiCacheException):
    code = "ServerlessCacheNotFoundFault"
    message = "Serverless cache {name} not found."


class GlobalReplicationGroupAlreadyExists(ElastiCacheException):
    code = "GlobalReplicationGroupAlreadyExistsFault"
    message = "Global Replication Group {name} already exists."


class GlobalReplicationGroupNotFound(ElastiCacheException):
    code = "GlobalReplicationGroupNotFoundFault"
    message = "Global Replication Group {name} not found."


class UserGroupAlreadyExists(ElastiCacheException):
    code = "UserGroupAlreadyExists"
    message = "User group {name} already exists."


class UserGroupNotFound(ElastiCacheException):
    code = "UserGroupNotFound"
    message = "User group {name} not found."


class InvalidUserGroupState(ElastiCacheException):
    code = "InvalidUserGroupState"


class InvalidUserState(ElastiCacheException):
    code = "InvalidUserState"


class DefaultUserRequired(ElastiCacheException):
    code = "DefaultUserRequired"
    message = "A user group must contain a user with the user name default."


class DefaultUserAssociatedToUserGroup(ElastiCacheException):
    code = "DefaultUserAssociatedToUserGroup"


class DuplicateUserName(ElastiCacheException):
    code = "DuplicateUserName"
    message = "The user name {name} is used more than once in the user group."
