# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every way a connection or a check can fail, each with its way out. In code, these words stand nowhere else."""

from __future__ import annotations

import enum
import typing as t

# What the reader of an advice can set. Each module has its own words for it.
WORDS = {
    "tls_on": "turn TLS on", "tls_off": "turn TLS off", "ca": "the CA file", "password": "the password", "user": "the user", "database": "the database",
}


class Cause(str, enum.Enum):
    """A cause is its word: it equals the text that results carry as `class`.

    advice: the way out; it may hold the fields of WORDS
    """

    advice: str

    def __new__(cls, word: str, advice: str) -> Cause:
        cause = str.__new__(cls, word)
        cause._value_ = word
        cause.advice = advice
        return cause

    # The same in text on every Python: the word.
    __str__ = str.__str__

    NAME_RESOLUTION = (
        "name_resolution", "Check the host's spelling and this machine's resolver; an endpoint's name vanishes when the endpoint does."
    )
    TIMEOUT = (
        "timeout", "Packets are dropped on the way: check the server's security group (does it let this machine in on this port?), "
        "network ACLs, the routes, and that this machine is in the server's VPC."
    )
    NO_ROUTE = ("no_route", "This machine has no route to the server: check its VPC, subnets and route tables.")
    REFUSED = ("refused", "The network lets this machine through, but nothing listens there: check the port, and that the server is available.")
    RESET = (
        "reset", "The network lets this machine through, but the connection is cut: check that this is the right server and port, "
        "and that it is not at its limit of clients."
    )
    NO_ANSWER = (
        "no_answer", "The network lets this machine through, but the server stays silent or is too slow: check that this is the right server and port, "
        "and its load."
    )
    TLS_REQUIRED = ("tls_required", "The server takes encrypted connections only: {tls_on}.")
    TLS_NOT_OFFERED = ("tls_not_offered", "The server speaks plain text only: {tls_off}, or turn encryption in transit on for the server.")
    TLS = ("tls", "TLS could not be agreed on: check that the server speaks it on this port, and the protocol versions of both sides.")
    CERTIFICATE = ("certificate", "The server's certificate is not trusted: {ca} must hold the certificate of the CA that signed it.")
    CLIENT_CERTIFICATE = (
        "client_certificate", "The server lets in only clients that show a certificate, and none can be given here: "
        "let it take clients without one (tls-auth-clients of Redis, clientcert in pg_hba.conf)."
    )
    NOAUTH = ("noauth", "The server asks for credentials: give {password}.")
    WRONGPASS = ("wrongpass", "The server knows other credentials: check {user} and {password}, and whether they were rotated.")
    NOPERM = ("noperm", "The credentials are accepted, but the user may not do this: extend the user's permissions.")
    NOT_ALLOWED = (
        "not_allowed", "The server's own rules refuse this machine, user or database: check pg_hba.conf, or the parameters of the RDS instance."
    )
    NO_DATABASE = ("no_database", "The server is fine, but has no database of this name: check {database}.")
    BUSY = ("busy", "The server answers but takes no clients now: wait, or look at its load and its number of connections.")
    REJECTED = ("rejected", "The expected server answers, and refuses: act on its words.")
    PROTOCOL = ("protocol", "Something else than the expected server answers: check host and port.")

    @classmethod
    def met_in(cls, result: t.Mapping[str, t.Any]) -> t.Optional[Cause]:
        """The cause in a result of a reachability module; None where there is none, or none that is known here."""
        try:
            return cls((result.get("error") or {}).get("class"))
        except ValueError:
            return None
