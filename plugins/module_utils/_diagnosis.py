# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a server could not be reached: what a client meets, sorted into classes that each have one way out. Pure."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK

ADVICE = {
    "name_resolution": "Check the host's spelling and this machine's resolver; an endpoint's name vanishes when the endpoint does.",
    "timeout": "Packets are dropped on the way: check the server's security group (does it let this machine in on this port?), "
    "network ACLs, the routes, and that this machine is in the server's VPC.",
    "no_route": "This machine has no route to the server: check its VPC, subnets and route tables.",
    "refused": "The network lets this machine through, but nothing listens there: check the port, and that the server is available.",
    "reset": "The network lets this machine through, but the connection is cut: check that this is the right server and port.",
    "no_answer": "The network lets this machine through, but the server stays silent or is too slow: check that this is the right server and port, "
    "that it speaks TLS if TLS was spoken to it, and its load.",
    "tls_required": "The server takes encrypted connections only: turn TLS on.",
    "tls_not_offered": "The server speaks plain text only: turn TLS off here, or turn encryption in transit on for the server.",
    "tls": "TLS could not be agreed on: check that the server speaks it on this port, and the protocol versions of both sides.",
    "certificate": "The server's certificate is not trusted: check the CA file and that the host is named as in the certificate.",
    "noauth": "The server asks for credentials: give them.",
    "wrongpass": "The server knows other credentials: check user and password, and whether they were rotated.",
    "noperm": "The credentials are accepted, but the user may not do this: extend the user's permissions.",
    "not_allowed": "The server's own rules refuse this machine, user or database: check pg_hba.conf, or the parameters of the RDS instance.",
    "no_database": "The server is fine, but has no database of this name: check the name.",
    "busy": "The server answers but takes no clients now: wait, or look at its number of connections.",
    "protocol": "Something else than the expected server answers: check host and port.",
}

CONNECT_ERRORS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "no_route",
    errno.ENETUNREACH: "no_route",
    # A local firewall that rejects instead of dropping.
    errno.EPERM: "no_route",
    errno.EACCES: "no_route",
}

# What libpq and PostgreSQL say, most telling first.
POSTGRES_ERRORS = (
    (r"pg_hba\.conf .*(no encryption|SSL off)", "tls_required"),
    (r"pg_hba\.conf ", "not_allowed"),
    (r"certificate", "certificate"),
    (r"does not support SSL", "tls_not_offered"),
    (r"no password supplied", "noauth"),
    (r"authentication failed|role .* does not exist", "wrongpass"),
    (r"database .* does not exist", "no_database"),
    (r"permission denied|is not permitted to log in", "noperm"),
    (r"too many (clients|connections)|remaining connection slots|is starting up|is shutting down|in recovery mode|not (currently|yet) accepting", "busy"),
    (r"closed the connection|Connection reset|Broken pipe|EOF detected|unexpected eof", "reset"),
    (r"SSL error|could not establish SSL", "tls"),
)


class Trouble(Exception):
    """One class of ADVICE and the message that led to it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message

    def as_dict(self, *secrets: t.Optional[str]) -> dict[str, str]:
        return {"class": self.name, "message": scrub(self.message, *secrets), "advice": ADVICE[self.name]}


def scrub(text: str, *secrets: t.Optional[str]) -> str:
    """What a server said, on one line of bounded length, without the secrets that it may have repeated."""

    def masked(text: str) -> str:
        for secret in filter(None, secrets):
            text = text.replace(secret, MASK).replace(repr(secret)[1:-1], MASK)
        return text

    # Twice: the secret may hold blanks that go, or come about as they go.
    text = masked(text)
    text = masked(" ".join("".join(character if character.isprintable() else " " for character in text).split()))
    return text.rstrip(".") if len(text) <= 300 else text[:300] + "..."


def of_socket(error: OSError, waiting_for: str) -> Trouble:
    """Trouble met on a socket; `waiting_for` is "connect", "tls" or "answer"."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble("certificate", f"the server's certificate is refused: {error.verify_message}")
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Trouble("tls", f"the TLS handshake failed: {error.reason or error}")
    if isinstance(error, socket.timeout):
        name, message = {
            "connect": ("timeout", "no answer to the attempt to connect"),
            "tls": ("no_answer", "connected, but the server does not answer the TLS handshake"),
            "answer": ("no_answer", "connected, but the server does not answer in time"),
        }[waiting_for]
        return Trouble(name, message)
    if waiting_for == "connect":
        return Trouble(CONNECT_ERRORS.get(error.errno, "no_route"), f"cannot connect: {error.strerror or error}")
    return Trouble("reset", f"the server closed the connection ({error.strerror or error})")


def of_redis_reply(reply: bytes) -> t.Optional[bool]:
    """What the answer to a PING without credentials says: are credentials asked for? None if it does not tell."""
    if reply.startswith(b"-NOAUTH"):
        return True
    return False if reply.startswith((b"+PONG", b"-NOPERM")) else None


def of_postgres(message: str) -> Trouble:
    """Trouble that libpq reports: it has no codes for what happens before a session exists."""
    for pattern, name in POSTGRES_ERRORS:
        if re.search(pattern, message):
            return Trouble(name, message)
    return Trouble("protocol", message)
