# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look at Redis or Valkey shows: whether it is reached, and whether it really asks for credentials."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, attempt
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.probe import Probe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import Answer, RedisSession

# The head of a TLS record of 2,570 bytes. A server of TLS waits for them, also one that is slow, and also one that takes plain text beside TLS;
# to Redis in plain text it is an unknown command and a line end.
HALF_A_RECORD = b"\x16\x03\x01\x0a\x0a"
# Trouble that another way to speak may explain.
AMBIGUOUS = (Cause.NO_ANSWER, Cause.RESET, Cause.TLS, Cause.PROTOCOL)


class RedisProbe(Probe):
    Session = RedisSession

    def look_again(self, trouble: t.Optional[Trouble]) -> t.Optional[Trouble]:
        if trouble and trouble.cause in AMBIGUOUS and not self.known:
            trouble = self._behind(trouble)
        if self.known:
            self.seen["authentication_enforced"] = attempt(self._asks_for_password)[0]
        return trouble

    def judge(self, password: str) -> Answer:
        """What the server says of a password; Trouble where it does not get as far."""
        with self.session(self.tls) as session:
            return session.judge(password)

    def _behind(self, trouble: Trouble) -> Trouble:
        if not self.tls:
            # A cache of ElastiCache that takes TLS only is silent; others cut the connection, or answer with an alert of TLS.
            behind = Trouble(Cause.TLS_REQUIRED, "the server does not speak Redis in plain text, but takes up TLS")
            return behind if attempt(self.way.speaks_tls)[0] else trouble
        if "tls_version" not in self.seen and attempt(self._answers_plain_text)[0]:
            return Trouble(Cause.TLS_NOT_OFFERED, "the server does not take up TLS, but answers in plain text")
        return super().look_again(trouble) or trouble

    def _asks_for_password(self) -> bool:
        with self.session(self.tls) as session:
            return session.asks_for_password()

    def _answers_plain_text(self) -> bool:
        wire = self.way.open(self.way.deadline)
        try:
            wire.send(HALF_A_RECORD)
            return wire.beginning(512)[:1] in (b"+", b"-")
        finally:
            wire.close()
