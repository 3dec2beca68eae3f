# SPDX-License-Identifier: GPL-3.0-or-later
"""Serverless caches, as records: their only access control is by users, so there is nothing here to rotate."""

from __future__ import annotations

import typing as t

from moto.core.common_models import BaseModel
from moto.core.utils import utcnow

from .exceptions import ServerlessCacheAlreadyExists, ServerlessCacheNotFound
from .resources import AVAILABLE, CREATING


class ServerlessCache(BaseModel):
    def __init__(self, backend: t.Any, serverless_cache_name: str, engine: str, major_engine_version: str | None, **options: t.Any) -> None:
        self.serverless_cache_name = serverless_cache_name
        self.engine = engine
        self.major_engine_version = major_engine_version or backend.full_version(engine, None).split(".")[0]
        self.full_engine_version = backend.full_version(engine, major_engine_version)
        self.description = options["description"]
        self.security_group_ids = options["security_group_ids"] or []
        self.subnet_ids = options["subnet_ids"] or []
        self.user_group_id = options["user_group_id"]
        self.create_time = utcnow()
        self.status = CREATING
        self.arn = f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:serverlesscache:{serverless_cache_name}"
        name = f"{serverless_cache_name}-{backend.domain('serverless')}"
        self.endpoint = {"Address": name, "Port": 6379}
        self.reader_endpoint = {"Address": name, "Port": 6380}


class ServerlessCacheBackend:
    def __init__(self, region_name: str, account_id: str) -> None:
        self.serverless_caches: dict[str, ServerlessCache] = {}
        super().__init__(region_name, account_id)

    def create_serverless_cache(self, serverless_cache_name: str, engine: str, tags: list[dict[str, str]] | None, **options: t.Any) -> ServerlessCache:
        name = self.identifier("ServerlessCacheName", serverless_cache_name, 40)
        if name in self.serverless_caches:
            raise ServerlessCacheAlreadyExists(name=name)
        self.check_tags(tags)
        self.check_security_groups(options["security_group_ids"])
        if options["user_group_id"]:
            self.user_group(options["user_group_id"])
        cache = self.serverless_caches[name] = ServerlessCache(self, name, engine, **options)
        self.tag_new(cache.arn, tags)

        def finish() -> None:
            cache.status = AVAILABLE

        self.later(finish)
        return cache

    def describe_serverless_caches(self, serverless_cache_name: str | None) -> list[ServerlessCache]:
        if serverless_cache_name is None:
            return list(self.serverless_caches.values())
        if serverless_cache_name.lower() not in self.serverless_caches:
            raise ServerlessCacheNotFound(name=serverless_cache_name)
        return [self.serverless_caches[serverless_cache_name.lower()]]
