# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything read from files, each read again when it changes; a bad file keeps the old value and says so."""

from __future__ import annotations

import logging
import ssl
import typing as t
from dataclasses import replace
from pathlib import Path

from .address import Address
from .config import Config, read_credential, read_tokens
from .document import Invalid
from .rules import Rules

log = logging.getLogger(__name__)


class Settings:
    def __init__(self, path: Path) -> None:
        """Raises Invalid with everything that is wrong."""
        self._path = path
        self._seen: dict[str, t.Any] = {}
        self.problems: dict[str, str] = {}
        self.config: Config = None  # type: ignore[assignment]  # the first refresh sets it or raises
        self.rules = Rules({})
        self.tokens: list[str] = []
        self._credential: tuple[str | None, str | None] = (None, None)
        self.tls: ssl.SSLContext | None = None
        self.refresh()
        if self.problems:
            raise Invalid("\n".join(self.problems.values()))

    @property
    def redis(self) -> Address:
        password, username = self._credential
        return replace(self.config.redis, password=password, username=username)

    def refresh(self, force: bool = False) -> bool:
        """Reads what changed since, or everything; tells whether anything did."""
        changed = self._refresh("configuration", [self._path], self._read_config, force)
        if self.config is None:
            return changed
        config = self.config
        for name, paths, read in (
                ("rules", [config.rules], self._read_rules),
                ("bearer tokens", [config.bearer_tokens], self._read_tokens),
                ("credential", [config.credential], self._read_credential),
                ("certificate", [config.certificate, config.key], self._read_certificate)):
            changed |= self._refresh(name, paths, read, force)
        return changed

    def _refresh(self, name: str, paths: list[Path | None], read: t.Callable[[], None], force: bool) -> bool:
        signature = [_signature(path) for path in paths]
        if signature == self._seen.get(name) and not force:
            return False
        again = name in self._seen
        self._seen[name] = signature
        try:
            read()
        except Invalid as error:
            self.problems[name] = str(error)
            if again:
                log.error("kept the old %s: the file is not valid", name, extra={"problems": str(error).splitlines()})
            return False
        self.problems.pop(name, None)
        if again:
            log.info("read the %s again", name)
        return True

    def _read_config(self) -> None:
        config = Config.read(self._path)
        if self.config is not None and config.fixed != self.config.fixed:
            log.warning("a restart is needed for changes of listen, tls on or off, workers, key_prefix and metrics")
        self.config = config

    def _read_rules(self) -> None:
        self.rules = Rules.read(self.config.rules)

    def _read_tokens(self) -> None:
        self.tokens = read_tokens(self.config.bearer_tokens)

    def _read_credential(self) -> None:
        self._credential = read_credential(self.config.credential)

    def _read_certificate(self) -> None:
        certificate, key = self.config.certificate, self.config.key
        if certificate is None:
            return
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # create_default_context would write keys where SSLKEYLOGFILE says
            context.load_cert_chain(certificate, key)
            if self.tls is None:
                context.set_alpn_protocols(["http/1.1"])
                self.tls = context
            else:
                self.tls.load_cert_chain(certificate, key)  # proven above; new handshakes get it
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f"{certificate} and {key}: {error}") from error


def _signature(path: Path | None) -> tuple[Path, int, int, int] | None:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return path, 0, 0, 0
    return path, status.st_mtime_ns, status.st_size, status.st_ino
