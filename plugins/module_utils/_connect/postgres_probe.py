# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look at PostgreSQL shows: whether it is reached, and whether it really asks for a password and insists on TLS."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, attempt
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.postgres import PostgresSession
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.probe import Probe

# Trouble that a server of PostgreSQL's kind reports after it has looked at the client.
DECIDED = (Cause.TLS_REQUIRED, Cause.NOT_ALLOWED, Cause.NOAUTH, Cause.WRONGPASS, Cause.NO_DATABASE, Cause.NOPERM)
# How a login without a password ends past the server's rules for addresses and TLS: without trouble, or with the wish for a password.
PAST_THE_RULES = (None, Cause.NOAUTH)
# How it ends where the server has taken up TLS and found no fault with it.
TLS_LET_IN = PAST_THE_RULES + (Cause.WRONGPASS, Cause.NO_DATABASE, Cause.NOPERM, Cause.CLIENT_CERTIFICATE)


class PostgresProbe(Probe):
    Session = PostgresSession

    def look_again(self, trouble: t.Optional[Trouble]) -> t.Optional[Trouble]:
        """See what the server does with clients that bring no password, over TLS and in plain text."""
        trouble = super().look_again(trouble)
        if trouble and trouble.cause not in DECIDED:
            return trouble
        met = trouble.cause if trouble and not self.login.get("password") else self._without_password(self.tls)
        self.seen["authentication_enforced"] = {None: False, Cause.NOAUTH: True}.get(met)
        if not self.tls:
            if met in PAST_THE_RULES:
                self.seen["tls_enforced"] = False
            elif trouble and trouble.cause in (Cause.TLS_REQUIRED, Cause.NOT_ALLOWED):
                return self._behind_a_refusal_of_plain_text(trouble)
        elif met in PAST_THE_RULES:
            # Only where TLS gets past pg_hba.conf does a refusal of plain text speak of TLS.
            plain = self._without_password(tls=False)
            self.seen["tls_enforced"] = {None: False, Cause.NOAUTH: False, Cause.TLS_REQUIRED: True, Cause.NOT_ALLOWED: True}.get(plain)
        return trouble

    def _behind_a_refusal_of_plain_text(self, trouble: Trouble) -> Trouble:
        """The words of PostgreSQL, "no encryption", only say how the client came: whether TLS is let in decides."""
        encrypted = self._without_password(tls=True)
        if encrypted in TLS_LET_IN:
            self.seen["tls_enforced"] = True
            how = "it is asked for a certificate" if encrypted is Cause.CLIENT_CERTIFICATE else "it is let in"
            return Trouble(Cause.TLS_REQUIRED, f"{trouble.message}; over TLS {how}")
        if encrypted in (Cause.NOT_ALLOWED, Cause.TLS_NOT_OFFERED):
            how = "refuses this client over TLS too" if encrypted is Cause.NOT_ALLOWED else "does not take up TLS"
            return Trouble(Cause.NOT_ALLOWED, f"{trouble.message}; the server {how}")
        if trouble.cause is Cause.NOT_ALLOWED:
            advice = f"The server takes encrypted connections only, or its rules refuse this client: {{tls_on}} first. {trouble.advice}"
            return Trouble(Cause.NOT_ALLOWED, f"{trouble.message}; whether TLS is let in could not be seen ({encrypted})", advice)
        self.seen["tls_enforced"] = True
        return trouble

    def _without_password(self, tls: bool) -> t.Optional[Cause]:
        """The cause for which a client without a password is refused; None if it is let in."""

        def log_in() -> None:
            with self.session(tls, share=1 / 2) as session:
                session.login(**{**self.login, "password": None})

        trouble = attempt(log_in)[1]
        return trouble.cause if trouble else None
