# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client's conversation with Redis or Valkey: what is said is all that is said, and no library's defaults are in it."""

from __future__ import annotations

import secrets
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, of_redis_error
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Wire

KINDS = "+-:$*"
DEEPEST = 8


class Refusal(Trouble):
    """An error that the server answers with."""

    def __init__(self, words: str) -> None:
        trouble = of_redis_error(words)
        super().__init__(trouble.cause, trouble.message, trouble.advice)
        self.code = words.partition(" ")[0]


class Answer(t.NamedTuple):
    """What a server says of a password: whether it accepts it (None: it takes any, which proves nothing), and whether it requires one."""

    accepted: t.Optional[bool]
    required: bool


class RedisSession:
    """known: whether the server has shown that it is Redis, and decides about credentials.

    authenticated: whether it accepted the credentials; None if it was not asked
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.known = False
        self.authenticated: t.Optional[bool] = None

    def ask(self, *command: str) -> t.Any:
        """The answer to one command; Refusal if it is an error."""
        words = [word.encode(errors="surrogateescape") for word in command]
        self.wire.send(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        answer = self._read()
        if isinstance(answer, Refusal):
            # Any server of lines may say ERR.
            self.known = self.known or answer.code != "ERR"
            raise answer
        return answer

    def login(self, username: t.Optional[str] = None, password: t.Optional[str] = None) -> None:
        """With the password alone where there is no HELLO, which came with Redis 6."""
        try:
            self._hello(username, password)
        except Refusal as refusal:
            if refusal.cause is Cause.WRONGPASS:
                self.authenticated = False
            raise
        if password:
            self.authenticated = True

    def judge(self, password: str) -> Answer:
        """To be asked before a login, as asks_for_password."""
        required = self.asks_for_password()
        accepted = self._accepts(password)
        # A server without AUTH refuses a password, or takes any.
        proves = required or not accepted or not self._accepts(secrets.token_hex(16))
        return Answer(accepted if proves else None, required)

    def asks_for_password(self) -> bool:
        """Whether a client without credentials is refused: only NOAUTH says so. To be asked before a login."""
        try:
            self.ping()
        except Refusal as refusal:
            if refusal.cause not in (Cause.NOAUTH, Cause.NOPERM):
                raise
            return refusal.cause is Cause.NOAUTH
        return False

    def ping(self) -> None:
        answer = self.ask("PING")
        if answer != "PONG":
            raise Trouble(Cause.PROTOCOL, f"the server answers PING with {answer!r}")
        self.known = True

    def describe(self) -> dict[str, t.Optional[str]]:
        """The server's version and role, None where it does not tell."""
        try:
            answer = self.ask("HELLO")
            pairs = zip(answer[::2], answer[1::2]) if isinstance(answer, list) else ()
            about = {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, str)}
        except Refusal:
            about = self._info()
        role = about.get("role")
        return {"version": about.get("version"), "role": {"master": "primary", "slave": "replica"}.get(role, role)}

    def end(self) -> None:
        self.wire.close()

    def _accepts(self, password: str) -> bool:
        try:
            answer = self.ask("AUTH", password)
        except Refusal as refusal:
            if refusal.cause in (Cause.NOAUTH, Cause.WRONGPASS):
                return False
            raise
        if answer != "OK":
            raise Trouble(Cause.PROTOCOL, f"the server answers AUTH with {answer!r}")
        return True

    def _hello(self, username: t.Optional[str], password: t.Optional[str]) -> None:
        try:
            self.ask("HELLO", "2", *(("AUTH", username or "default", password) if password else ()))
            self.known = True
        except Refusal as refusal:
            if refusal.code not in ("ERR", "NOPROTO") or refusal.cause is not Cause.REJECTED:
                raise
            if password:
                self.ask("AUTH", *filter(None, [username]), password)
                self.known = True

    def _info(self) -> dict[str, t.Optional[str]]:
        about = {}
        for section in ("server", "replication"):
            try:
                answer = self.ask("INFO", section)
            except Refusal:
                continue
            about.update(line.split(":", 1) for line in str(answer).splitlines() if ":" in line)
        return {"version": about.get("redis_version"), "role": about.get("role")}

    def _read(self, depth: int = 0) -> t.Any:
        kind = self.wire.read(1).decode(errors="replace")
        # Who begins otherwise may never end the line.
        rest = self.wire.read_line().decode(errors="replace") if kind in KINDS else ""
        if kind == "+":
            return rest
        if kind == "-" and rest:
            return Refusal(rest)
        try:
            number = int(rest)
        except ValueError:
            number = None
        if number is not None and kind == ":":
            return number
        if number is not None and number >= -1 and kind == "$":
            return None if number == -1 else self.wire.read(number + 2)[:-2].decode(errors="replace")
        if number is not None and number >= -1 and kind == "*" and depth < DEEPEST:
            return None if number == -1 else [self._read(depth + 1) for dummy in range(number)]
        raise Trouble(Cause.PROTOCOL, f"the answer is not what Redis says: {(kind + rest)[:80]!r}")
