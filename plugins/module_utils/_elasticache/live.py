# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a live cache what it says of a token, over TLS with a verified certificate only."""

from __future__ import annotations

import secrets
import socket
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Deadline, Way
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, of_socket
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import Answer
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import RedisSession, Refusal

WORDS = {"ca": "tls_ca_file", "password": "auth_token"}


def ask(endpoint: t.Mapping[str, t.Any], token: str, tls_ca_file: str | None, timeout: float) -> tuple[Answer | None, str | None, str]:
    """What the cache at `endpoint` says of `token`; or None, the class of the trouble and what to do about it. All within `timeout` seconds."""
    try:
        return _look(endpoint, token, tls_ca_file, Deadline(timeout)), None, ""
    except Trouble as met:
        trouble = met
    except socket.timeout as error:
        trouble = of_socket(error, "answer")
    except OSError as error:
        trouble = Trouble("certificate", f"{tls_ca_file} cannot be used ({error.strerror or type(error).__name__})")
    told = trouble.as_dict(token, words=WORDS)
    within = f" within {timeout:g} seconds" if trouble.name in ("timeout", "no_answer") else ""
    return None, trouble.name, "the live cache could not be asked from here{within} ({class}): {message}. {advice}".format(within=within, **told).rstrip(".")


def _look(endpoint: t.Mapping[str, t.Any], token: str, tls_ca_file: str | None, deadline: Deadline) -> Answer:
    wire = Way(endpoint["address"], endpoint["port"], deadline, ca_file=tls_ca_file).open_tls(deadline)
    try:
        session = RedisSession(wire)
        required = not _accepts(session, "PING")
        accepted = _accepts(session, "AUTH", token)
        # A cache without AUTH refuses a password; one that takes any proves nothing.
        proves = required or not accepted or not _accepts(session, "AUTH", secrets.token_hex(16))
        return Answer(accepted=accepted if proves else None, required=required)
    finally:
        wire.close()


def _accepts(session: RedisSession, *command: str) -> bool:
    """A command's answer as a yes or a no about credentials; any other answer is Trouble."""
    try:
        answer = session.ask(*command)
    except Refusal as refusal:
        if refusal.name in ("noauth", "wrongpass"):
            return False
        raise
    if answer not in ("OK", "PONG"):
        raise Trouble("protocol", "the answer is not what Redis says")
    return True
