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
from redis.maint_notifications import MaintNotificationsConfig

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
            # Named, as the library's defaults have changed between versions: with RESP 3 a cache without AUTH takes any password, so that an agent
            # can have the token before the cache asks for it.
            protocol=3, decode_responses=False, encoding="utf-8", encoding_errors="strict", health_check_interval=0, client_name=None,
            credential_provider=None, maint_notifications_config=MaintNotificationsConfig(enabled=False),
            # A check is repeated here, knowingly, and never below.
            retry=Retry(NoBackoff(), 0), **options))


class _TLSConnection(SSLConnection):
    """With a given context: redis-py would load all the system's authorities anew for every connection."""

    def __init__(self, context: ssl.SSLContext, **options: t.Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = context


@functools.lru_cache(maxsize=4)
def _context(ca: str | None, changed: int) -> ssl.SSLContext:
    """Nothing of it comes from the environment: create_default_context would take SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and names
    built_in = ssl.get_default_verify_paths()
    places = {"cafile": ca} if ca else {"cafile": built_in.openssl_cafile, "capath": built_in.openssl_capath}
    places = {name: place for name, place in places.items() if ca or os.path.exists(place)}
    if places:
        context.load_verify_locations(**places)
    return context
