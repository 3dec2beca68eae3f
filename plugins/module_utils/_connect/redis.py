# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client's conversation with Redis or Valkey: what is said is all that is said, and no library's defaults are in it."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Wire
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, of_redis_error

KINDS = "+-:$*"
DEEPEST = 8


class Refusal(Trouble):
    """An error that the server answers with."""

    def __init__(self, words: str) -> None:
        trouble = of_redis_error(words)
        super().__init__(trouble.name, trouble.message, trouble.advice)
        self.code = words.partition(" ")[0]


class RedisSession:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        # Whether the server has shown that it is Redis, and decides about credentials.
        self.is_redis = False

    def ask(self, *command: str) -> t.Any:
        """The answer to one command; Refusal if it is an error."""
        words = [word.encode(errors="surrogateescape") for word in command]
        self._wire.send(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        answer = self._read()
        if isinstance(answer, Refusal):
            # Any server of lines may say ERR.
            self.is_redis = self.is_redis or answer.code != "ERR"
            raise answer
        return answer

    def login(self, username: t.Optional[str] = None, password: t.Optional[str] = None) -> None:
        """With the password alone where there is no HELLO, which came with Redis 6."""
        try:
            self.ask("HELLO", "2", *(("AUTH", username or "default", password) if password else ()))
            self.is_redis = True
        except Refusal as refusal:
            if refusal.code not in ("ERR", "NOPROTO") or refusal.name != "rejected":
                raise
            if password:
                self.ask("AUTH", *filter(None, [username]), password)
                self.is_redis = True

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
        kind = self._wire.read(1).decode(errors="replace")
        # Who begins otherwise may never end the line.
        rest = self._wire.read_line().decode(errors="replace") if kind in KINDS else ""
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
            return None if number == -1 else self._wire.read(number + 2)[:-2].decode(errors="replace")
        if number is not None and number >= -1 and kind == "*" and depth < DEEPEST:
            return None if number == -1 else [self._read(depth + 1) for dummy in range(number)]
        raise Trouble("protocol", f"the answer is not what Redis says: {(kind + rest)[:80]!r}")
