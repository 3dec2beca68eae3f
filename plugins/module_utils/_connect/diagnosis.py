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

# What the reader of an advice can set. Each module has its own words for it.
WORDS = {
    "tls_on": "turn TLS on", "tls_off": "turn TLS off", "ca": "the CA file", "password": "the password", "user": "the user", "database": "the database",
}

ADVICE = {
    "name_resolution": "Check the host's spelling and this machine's resolver; an endpoint's name vanishes when the endpoint does.",
    "timeout": "Packets are dropped on the way: check the server's security group (does it let this machine in on this port?), "
    "network ACLs, the routes, and that this machine is in the server's VPC.",
    "no_route": "This machine has no route to the server: check its VPC, subnets and route tables.",
    "refused": "The network lets this machine through, but nothing listens there: check the port, and that the server is available.",
    "reset": "The network lets this machine through, but the connection is cut: check that this is the right server and port, "
    "and that it is not at its limit of clients.",
    "no_answer": "The network lets this machine through, but the server stays silent or is too slow: check that this is the right server and port, "
    "and its load.",
    "tls_required": "The server takes encrypted connections only: {tls_on}.",
    "tls_not_offered": "The server speaks plain text only: {tls_off}, or turn encryption in transit on for the server.",
    "tls": "TLS could not be agreed on: check that the server speaks it on this port, and the protocol versions of both sides.",
    "certificate": "The server's certificate is not trusted: {ca} must hold the certificate of the CA that signed it.",
    "client_certificate": "The server lets in only clients that show a certificate, and none can be given here: "
    "let it take clients without one (tls-auth-clients of Redis, clientcert in pg_hba.conf).",
    "noauth": "The server asks for credentials: give {password}.",
    "wrongpass": "The server knows other credentials: check {user} and {password}, and whether they were rotated.",
    "noperm": "The credentials are accepted, but the user may not do this: extend the user's permissions.",
    "not_allowed": "The server's own rules refuse this machine, user or database: check pg_hba.conf, or the parameters of the RDS instance.",
    "no_database": "The server is fine, but has no database of this name: check {database}.",
    "busy": "The server answers but takes no clients now: wait, or look at its load and its number of connections.",
    "rejected": "The expected server answers, and refuses: act on its words.",
    "protocol": "Something else than the expected server answers: check host and port.",
}

# Where one class has several causes, the advice for the one that was met.
CERTIFICATE_NAME = "The certificate is for another name: give the host as the certificate names it."
CERTIFICATE_EXPIRED = "Have the server's certificate renewed; if it has not expired, set this machine's clock."
CERTIFICATE_EARLY = "Set this machine's clock if it is slow; else the certificate is to be replaced by one that is valid already."
HANDSHAKE_REFUSED = "Two causes look alike here: the server wants a client's certificate, which cannot be given here, or both sides have no " \
    "protocol version and cipher in common."
CUT_AFTER_HANDSHAKE = "Two causes look alike here: the server wants a client's certificate, which cannot be given here, or it is at its limit of clients."
REDIS_ADVICE = {
    "DENIED": "Redis is in protected mode: give it a password, or turn protected-mode off if its network is closed.",
    "MASTERDOWN": "The replica has lost its primary: look at the primary and at the way between both.",
    "LOADING": "The server is loading its data: wait until it is done.",
    "BUSY": "A script or function keeps the server busy: wait, or end it with SCRIPT KILL or FUNCTION KILL.",
    "CLUSTERDOWN": "The cluster has slots that nobody serves: look at its nodes.",
}
NO_PASSWORD_SET = "AUTH is off on the server: turn it on there, or leave {password} out."

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

REDIS_CODES = {
    "NOAUTH": "noauth",
    "WRONGPASS": "wrongpass",
    "NOPERM": "noperm",
    "LOADING": "busy",
    "BUSY": "busy",
}
# The code ERR stands for anything. Before Redis 6 a wrong password was one of them.
REDIS_WORDS = (
    (r"max number of clients", "busy"),
    (r"invalid password", "wrongpass"),
    (r"AUTH.* (no password is set|without any password configured)", "wrongpass"),
)

# SQLSTATEs, or how they begin. PostgreSQL translates its words and never these.
POSTGRES_STATES = (
    ("28P01", "wrongpass"),
    ("3D000", "no_database"),
    ("42501", "noperm"),
    ("53", "busy"),
    ("57P", "busy"),
)
# For states that stand for many things: 28000, and 08P01, which PgBouncer gives to nearly all.
POSTGRES_WORDS = (
    (r"pg_hba\.conf", "not_allowed"),
    (r"requires TLS|SSL required|only with SSL", "tls_required"),
    (r"client certificate|certificate authentication failed|TLS certificate", "client_certificate"),
    (r"login rejected", "not_allowed"),
    (r"no such database|database .* does not exist", "no_database"),
    (r"is not permitted to log in|permission denied", "noperm"),
    (r"authentication failed|auth failed|no such user|role .* does not exist|password .* is wrong|has no credentials for", "wrongpass"),
    (
        r"max_client_conn|connections? (allowed|exceeded)|too many (clients|connections)|connection slots|query_wait_timeout|client_login_timeout"
        r"|[Tt]imed[- ]out waiting to acquire|is (starting up|shutting down)|in recovery mode|not yet accepting",
        "busy",
    ),
)


class Trouble(Exception):
    """One class of ADVICE and the message that led to it; `advice` where the class has several ways out."""

    # OpenSSL's reason to refuse a certificate, if it was one.
    verify_code: t.Optional[int] = None

    def __init__(self, name: str, message: str, advice: t.Optional[str] = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.advice = advice or ADVICE[name]

    def as_dict(self, *secrets: t.Optional[str], words: t.Optional[t.Mapping[str, str]] = None) -> dict[str, str]:
        """`words`: the options that the reader has, in place of some of WORDS."""
        return {"class": self.name, "message": scrub(self.message, *secrets), "advice": self.advice.format(**dict(WORDS, **(words or {})))}


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
    """Trouble met on a socket; `waiting_for` is "connect", "tls", "answer", or "encrypted" for an answer over TLS."""
    if isinstance(error, socket.gaierror):
        return Trouble("name_resolution", f"the name cannot be resolved: {error.strerror or error}")
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return of_tls(error)
    if isinstance(error, socket.timeout):
        name, message = {
            "connect": ("timeout", "no answer to the attempt to connect"),
            "tls": ("no_answer", "connected, but the server does not answer the TLS handshake"),
        }.get(waiting_for, ("no_answer", "connected, but the server does not answer in time"))
        return Trouble(name, message)
    if waiting_for == "connect":
        return Trouble(CONNECT_ERRORS.get(error.errno, "no_route"), f"cannot connect: {error.strerror or error}")
    return closed(waiting_for, error.strerror or str(error))


def closed(waiting_for: str, how: str) -> Trouble:
    """The server has ended the connection."""
    if waiting_for == "encrypted":
        return Trouble("reset", f"the server closed the connection after the TLS handshake ({how})", CUT_AFTER_HANDSHAKE)
    during = " during the TLS handshake" if waiting_for == "tls" else ""
    return Trouble("reset", f"the server closed the connection{during} ({how})")


def of_tls(error: ssl.SSLError) -> Trouble:
    """Trouble that TLS itself tells."""
    if isinstance(error, ssl.SSLCertVerificationError):
        # OpenSSL's X509_V_ERR_*: not yet valid, expired, a host or an address that is not named.
        advice = {9: CERTIFICATE_EARLY, 10: CERTIFICATE_EXPIRED, 62: CERTIFICATE_NAME, 64: CERTIFICATE_NAME}.get(error.verify_code)
        trouble = Trouble("certificate", f"the server's certificate is refused: {error.verify_message}", advice)
        trouble.verify_code = error.verify_code
        return trouble
    reason = getattr(error, "reason", None) or str(error)
    # A server's alert on certificates speaks of the client's.
    if re.search(r"ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA", reason):
        return Trouble("client_certificate", f"the server asks for a client's certificate: {reason}")
    return Trouble("tls", f"the TLS handshake failed: {reason}", HANDSHAKE_REFUSED if "ALERT_HANDSHAKE_FAILURE" in reason else None)


def of_redis_reply(reply: bytes) -> t.Optional[bool]:
    """What the answer to a PING without credentials says: are credentials asked for? None if it does not tell."""
    if reply.startswith(b"-NOAUTH"):
        return True
    return False if reply.startswith((b"+PONG", b"-NOPERM")) else None


def of_redis_error(words: str) -> Trouble:
    """Trouble that Redis or Valkey tells: a code in capitals, then words."""
    code = words.partition(" ")[0]
    name = REDIS_CODES.get(code) or _by_words(REDIS_WORDS, words) or "rejected"
    advice = NO_PASSWORD_SET if re.search(REDIS_WORDS[-1][0], words) else REDIS_ADVICE.get(code)
    return Trouble(name, f"the server refuses: {words}", advice)


def of_postgres(message: str, state: t.Optional[str] = None) -> Trouble:
    """Trouble that PostgreSQL or a proxy before it tells: by SQLSTATE where it is telling, else by the words."""
    for beginning, name in POSTGRES_STATES:
        if state and state.startswith(beginning):
            return Trouble(name, message)
    return Trouble(_by_words(POSTGRES_WORDS, message) or "rejected", message)


def _by_words(table: t.Sequence[tuple[str, str]], words: str) -> t.Optional[str]:
    return next((name for pattern, name in table if re.search(pattern, words)), None)
