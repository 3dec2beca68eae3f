# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a client meets, sorted into causes. Pure."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import WORDS, Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import masked

T = t.TypeVar("T")

# Where one cause shows in several ways, the way out of the one that was met.
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
    "MOVED": "The cache is in cluster mode, and another node has the key: give the configuration endpoint to a client that knows clusters.",
    "READONLY": "This is a replica: give the primary endpoint. After a failover a connection may still lead to the former primary: connect anew.",
}
NO_PASSWORD_SET = "AUTH is off on the server: turn it on there, or leave {password} out."

CONNECT_ERRORS = {
    errno.ECONNREFUSED: Cause.REFUSED,
    errno.ECONNRESET: Cause.RESET,
    errno.ETIMEDOUT: Cause.TIMEOUT,
    errno.EHOSTUNREACH: Cause.NO_ROUTE,
    errno.ENETUNREACH: Cause.NO_ROUTE,
    # A local firewall that rejects instead of dropping.
    errno.EPERM: Cause.NO_ROUTE,
    errno.EACCES: Cause.NO_ROUTE,
}

REDIS_CODES = {
    "NOAUTH": Cause.NOAUTH,
    "WRONGPASS": Cause.WRONGPASS,
    "NOPERM": Cause.NOPERM,
    "LOADING": Cause.BUSY,
    "BUSY": Cause.BUSY,
}
# The code ERR stands for anything. Before Redis 6 a wrong password was one of them.
REDIS_WORDS = (
    (r"max number of clients", Cause.BUSY),
    (r"invalid password", Cause.WRONGPASS),
    (r"AUTH.* (no password is set|without any password configured)", Cause.WRONGPASS),
)

# SQLSTATEs, or how they begin. PostgreSQL translates its words and never these.
POSTGRES_STATES = (
    ("28P01", Cause.WRONGPASS),
    ("3D000", Cause.NO_DATABASE),
    ("42501", Cause.NOPERM),
    ("53", Cause.BUSY),
    ("57P", Cause.BUSY),
)
# For states that stand for many things: 28000, and 08P01, which PgBouncer gives to nearly all.
POSTGRES_WORDS = (
    (r"pg_hba\.conf", Cause.NOT_ALLOWED),
    (r"requires TLS|SSL required|only with SSL", Cause.TLS_REQUIRED),
    (r"client certificate|certificate authentication failed|TLS certificate", Cause.CLIENT_CERTIFICATE),
    (r"login rejected", Cause.NOT_ALLOWED),
    (r"no such database|database .* does not exist", Cause.NO_DATABASE),
    (r"is not permitted to log in|permission denied", Cause.NOPERM),
    (r"authentication failed|auth failed|no such user|role .* does not exist|password .* is wrong|has no credentials for", Cause.WRONGPASS),
    (
        r"max_client_conn|connections? (allowed|exceeded)|too many (clients|connections)|connection slots|query_wait_timeout|client_login_timeout"
        r"|[Tt]imed[- ]out waiting to acquire|is (starting up|shutting down)|in recovery mode|not yet accepting",
        Cause.BUSY,
    ),
)


class Trouble(Exception):
    """A cause and the message that led to it; `advice` where the cause shows in several ways."""

    # OpenSSL's reason to refuse a certificate, if it was one.
    verify_code: t.Optional[int] = None

    def __init__(self, cause: Cause, message: str, advice: t.Optional[str] = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message
        self.advice = advice or cause.advice

    def as_dict(self, *secrets: t.Optional[str], words: t.Optional[t.Mapping[str, str]] = None) -> dict[str, str]:
        """`words`: the options that the reader has, in place of some of WORDS."""
        advice = self.advice.format(**dict(WORDS, **(words or {})))
        return {"class": self.cause.value, "message": scrub(self.message, *secrets), "advice": advice}


def attempt(look: t.Callable[[], T]) -> tuple[t.Optional[T], t.Optional[Trouble]]:
    """What `look` returns, and the trouble that it met."""
    try:
        return look(), None
    except Trouble as trouble:
        return None, trouble
    except socket.timeout as error:
        return None, of_socket(error, "answer")


def scrub(text: str, *secrets: t.Optional[str]) -> str:
    """What a server said, on one line of bounded length, without the secrets that it may have repeated."""
    # Twice: the secret may hold blanks that go, or come about as they go.
    text = masked(text, secrets)
    text = masked(" ".join("".join(character if character.isprintable() else " " for character in text).split()), secrets)
    return text.rstrip(".") if len(text) <= 300 else text[:300] + "..."


def of_socket(error: OSError, waiting_for: str) -> Trouble:
    """Trouble met on a socket; `waiting_for` is "connect", "tls", "answer", or "encrypted" for an answer over TLS."""
    if isinstance(error, socket.gaierror):
        return Trouble(Cause.NAME_RESOLUTION, f"the name cannot be resolved: {error.strerror or error}")
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return of_tls(error)
    if isinstance(error, socket.timeout):
        cause, message = {
            "connect": (Cause.TIMEOUT, "no answer to the attempt to connect"),
            "tls": (Cause.NO_ANSWER, "connected, but the server does not answer the TLS handshake"),
        }.get(waiting_for, (Cause.NO_ANSWER, "connected, but the server does not answer in time"))
        return Trouble(cause, message)
    if waiting_for == "connect":
        return Trouble(CONNECT_ERRORS.get(error.errno, Cause.NO_ROUTE), f"cannot connect: {error.strerror or error}")
    return closed(waiting_for, error.strerror or str(error))


def closed(waiting_for: str, how: str) -> Trouble:
    """The server has ended the connection."""
    if waiting_for == "encrypted":
        return Trouble(Cause.RESET, f"the server closed the connection after the TLS handshake ({how})", CUT_AFTER_HANDSHAKE)
    during = " during the TLS handshake" if waiting_for == "tls" else ""
    return Trouble(Cause.RESET, f"the server closed the connection{during} ({how})")


def of_tls(error: ssl.SSLError) -> Trouble:
    """Trouble that TLS itself tells."""
    if isinstance(error, ssl.SSLCertVerificationError):
        # OpenSSL's X509_V_ERR_*: not yet valid, expired, a host or an address that is not named.
        advice = {9: CERTIFICATE_EARLY, 10: CERTIFICATE_EXPIRED, 62: CERTIFICATE_NAME, 64: CERTIFICATE_NAME}.get(error.verify_code)
        trouble = Trouble(Cause.CERTIFICATE, f"the server's certificate is refused: {error.verify_message}", advice)
        trouble.verify_code = error.verify_code
        return trouble
    reason = getattr(error, "reason", None) or str(error)
    # A server's alert on certificates speaks of the client's.
    if re.search(r"ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA", reason):
        return Trouble(Cause.CLIENT_CERTIFICATE, f"the server asks for a client's certificate: {reason}")
    return Trouble(Cause.TLS, f"the TLS handshake failed: {reason}", HANDSHAKE_REFUSED if "ALERT_HANDSHAKE_FAILURE" in reason else None)


def of_redis_error(words: str) -> Trouble:
    """Trouble that Redis or Valkey tells: a code in capitals, then words."""
    code = words.partition(" ")[0]
    cause = REDIS_CODES.get(code) or _by_words(REDIS_WORDS, words) or Cause.REJECTED
    advice = NO_PASSWORD_SET if re.search(REDIS_WORDS[-1][0], words) else REDIS_ADVICE.get(code)
    return Trouble(cause, f"the server refuses: {words}", advice)


def of_postgres(message: str, state: t.Optional[str] = None) -> Trouble:
    """Trouble that PostgreSQL or a proxy before it tells: by SQLSTATE where it is telling, else by the words."""
    for beginning, cause in POSTGRES_STATES:
        if state and state.startswith(beginning):
            return Trouble(cause, message)
    return Trouble(_by_words(POSTGRES_WORDS, message) or Cause.REJECTED, message)


def of_status(status: int, with_token: bool) -> Trouble:
    """Trouble that a server of HTTP tells by a status that was not expected."""
    cause = {401: Cause.WRONGPASS if with_token else Cause.NOAUTH, 403: Cause.NOPERM, 429: Cause.BUSY, 503: Cause.BUSY}.get(status, Cause.REJECTED)
    advice = None if cause is not Cause.REJECTED else \
        "The server leads elsewhere, and is not followed: give the host that it means." if 300 <= status < 400 else \
        "The server answers, but not as expected: look at what it says at this path."
    return Trouble(cause, f"the server answers with status {status}", advice)


def _by_words(table: t.Sequence[tuple[str, Cause]], words: str) -> t.Optional[Cause]:
    return next((cause for pattern, cause in table if re.search(pattern, words)), None)
