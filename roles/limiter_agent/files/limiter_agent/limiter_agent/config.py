# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file, and the files of secrets it names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .address import Address
from .document import Document, Invalid
from .metrics import Destination

SHORTEST_TOKEN = 24
_PATH = (r"/[^\0]+", "an absolute path")
_SECTIONS = ("listen", "tls", "workers", "agents", "most_waiting", "drain_seconds", "rules", "bearer_tokens", "redis", "metrics")


@dataclass(frozen=True)
class Config:
    host: str
    port: int
    certificate: Path | None
    key: Path | None
    workers: int
    agents: int
    most_waiting: int
    drain_seconds: int
    rules: Path
    bearer_tokens: Path
    redis: Address
    credential: Path | None
    deadline_ms: int
    key_prefix: str
    metrics: Destination | None

    @property
    def fixed(self) -> tuple:
        """What only a restart changes."""
        return self.host, self.port, self.certificate is None, self.workers, self.key_prefix, self.metrics

    @classmethod
    def read(cls, path: Path) -> Config:
        document = Document(path)
        top = document.mapping(document.root, "the file", _SECTIONS, ("rules", "bearer_tokens", "redis"))

        def section(name, known, required=()):
            return document.mapping(top[name], name, known, required) if name in top else {}

        def number(nodes, key, default, least, most):
            return document.integer(nodes[key], key, least, most) if key in nodes else default

        def text(nodes, key, default, *rule):
            return document.text(nodes[key], key, *rule) if key in nodes else default

        def file(nodes, key):
            found = text(nodes, key, None, *_PATH)
            return Path(found) if found else None

        listen = section("listen", ("address", "port"))
        tls = section("tls", ("certificate", "key"), ("certificate", "key"))
        redis = section("redis", ("url", "ca", "credential", "deadline_ms", "key_prefix"), ("url",))
        metrics = section("metrics", ("namespace", "region", "endpoint_url", "interval"), ("region",))
        config = cls(
            host=text(listen, "address", "0.0.0.0"),
            port=number(listen, "port", 8443, 0, 65535),
            certificate=file(tls, "certificate"),
            key=file(tls, "key"),
            workers=number(top, "workers", os.cpu_count() or 1, 1, 64),
            agents=number(top, "agents", 1, 1, 1000),
            most_waiting=number(top, "most_waiting", 2000, 1, 100_000),
            drain_seconds=number(top, "drain_seconds", 2, 0, 60),
            rules=file(top, "rules") or path,
            bearer_tokens=file(top, "bearer_tokens") or path,
            redis=_address(document, redis.get("url"), text(redis, "ca", None, *_PATH)),
            credential=file(redis, "credential"),
            deadline_ms=number(redis, "deadline_ms", 200, 5, 10_000),
            key_prefix=text(redis, "key_prefix", "ai:limiter", "[A-Za-z0-9:_-]{1,64}", "letters, digits and : _ -"),
            metrics=Destination(
                text(metrics, "namespace", "Huntaze/AI", "[A-Za-z0-9./_#:-]{1,255}", "a CloudWatch namespace"),
                text(metrics, "region", "", "[a-z0-9-]+", "a region"),
                text(metrics, "endpoint_url", None, "https?://.+", "a URL"),
                number(metrics, "interval", 60, 1, 3600)) if metrics else None)
        document.finish()
        return config


def _address(document: Document, node, ca: str | None) -> Address:
    if node is None:
        return Address("", 0, 0, False)
    url = document.text(node, "url", "rediss?://.+", "redis://HOST:PORT or rediss://HOST:PORT")
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
        database = int(parts.path.strip("/") or 0)
    except ValueError:
        document.wrong(node, "url has a port or a database that is no number")
        return Address("", 0, 0, False)
    if not parts.hostname:
        document.wrong(node, "url has no host")
    if parts.username is not None or parts.password is not None:
        document.wrong(node, "url must not hold a password: put it into a file and name that in credential")
    return Address(parts.hostname or "", port, database, parts.scheme == "rediss", ca)


def read_credential(path: Path | None) -> tuple[str | None, str | None]:
    """Password and user: the file's first line, and its second where an ACL user is meant. Empty: no password."""
    lines = _lines(path) if path else []
    if len(lines) > 2:
        raise Invalid(f"{path}: has {len(lines)} lines; the first is the password, the second a user's name")
    return (lines[0] if lines else None), (lines[1] if len(lines) > 1 else None)


def read_tokens(path: Path) -> list[str]:
    """One a line; lines that begin with # are comments."""
    tokens = [line for line in _lines(path) if not line.startswith("#")]
    if not tokens:
        raise Invalid(f"{path}: holds no bearer token")
    for number, token in enumerate(tokens, 1):
        if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
            raise Invalid(f"{path}: token {number} has to be {SHORTEST_TOKEN} or more visible ASCII characters")
    return tokens


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error
