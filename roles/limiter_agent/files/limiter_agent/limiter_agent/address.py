# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Redis is, and who we are there."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import ssl
import typing as t
from dataclasses import dataclass, field

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_SECONDS = 0.75
FINGERPRINT_SALT = "limiter-agent:"


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    database: int
    tls: bool
    ca: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def fingerprint(self) -> str | None:
        """Names the credential without telling it: whoever knows the password can compute the same."""
        if self.password is None:
            return None
        return hashlib.sha256((FINGERPRINT_SALT + self.password).encode()).hexdigest()[:12]

    async def context(self) -> ssl.SSLContext | None:
        if not self.tls:
            return None
        changed = os.stat(self.ca).st_mtime_ns if self.ca else 0
        return await asyncio.to_thread(_context, self.ca, changed)  # reading authorities takes longer than a request may

    def client(self, context: ssl.SSLContext | None) -> Redis:
        options: dict[str, t.Any] = {"connection_class": _TLSConnection, "context": context} if context else {}
        return Redis(single_connection_client=True, connection_pool=ConnectionPool(
            host=self.host, port=self.port, db=self.database, username=self.username, password=self.password,
            socket_connect_timeout=CONNECT_SECONDS, socket_timeout=None, socket_keepalive=True,
            # A check is repeated here, knowingly, and never below.
            retry=Retry(NoBackoff(), 0), **options))


class _TLSConnection(SSLConnection):
    """With a given context: redis-py would load all the system's authorities anew for every connection."""

    def __init__(self, context: ssl.SSLContext, **options: t.Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = context


@functools.lru_cache(maxsize=4)
def _context(ca: str | None, changed: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)
