# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client meets is sorted into classes, and no message gives a secret away."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils import _diagnosis
from ansible_collections.huntaze.ai_system.plugins.module_utils._diagnosis import ADVICE, Trouble, of_postgres, of_redis_reply, of_socket, scrub
from hypothesis import assume, given
from hypothesis import strategies as st


def error(number):
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("met", "waiting_for", "name"),
    [
        (socket.timeout("timed out"), "connect", "timeout"),
        (error(errno.ETIMEDOUT), "connect", "timeout"),
        (error(errno.ECONNREFUSED), "connect", "refused"),
        (error(errno.EHOSTUNREACH), "connect", "no_route"),
        (error(errno.ENETUNREACH), "connect", "no_route"),
        (error(errno.EPERM), "connect", "no_route"),
        (error(errno.ECONNRESET), "connect", "reset"),
        (socket.timeout("timed out"), "tls", "no_answer"),
        (socket.timeout("timed out"), "answer", "no_answer"),
        (error(errno.ECONNRESET), "tls", "reset"),
        (error(errno.ECONNRESET), "answer", "reset"),
        (error(errno.EPIPE), "answer", "reset"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "tls", "reset"),
        (ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed (EOF)"), "tls", "reset"),
    ],
)
def test_what_a_socket_meets(met, waiting_for, name):
    assert of_socket(met, waiting_for).name == name


@pytest.mark.parametrize("answer", [b"-ERR unknown command\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x46"])
def test_what_is_no_tls(answer):
    incoming = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="host")
    incoming.write(answer)
    with pytest.raises(ssl.SSLError) as met:
        client.do_handshake()
    assert of_socket(met.value, "tls").name == "tls"


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ('FATAL:  no pg_hba.conf entry for host "10.0.3.7", user "u", database "d", no encryption', "tls_required"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.3.7", user "u", database "d", SSL off', "tls_required"),
        ('FATAL:  pg_hba.conf rejects connection for host "10.0.3.7", user "u", database "d", no encryption', "tls_required"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.3.7", user "u", database "d", SSL encryption', "not_allowed"),
        ("SSL error: certificate verify failed", "certificate"),
        ('server certificate for "db" does not match host name "10.0.2.10"', "certificate"),
        ("server does not support SSL, but SSL was required", "tls_not_offered"),
        ("fe_sendauth: no password supplied", "noauth"),
        ('FATAL:  password authentication failed for user "u"', "wrongpass"),
        ('FATAL:  PAM authentication failed for user "u"', "wrongpass"),
        ('FATAL:  database "d" does not exist', "no_database"),
        ('FATAL:  permission denied for database "d"', "noperm"),
        ('FATAL:  role "u" is not permitted to log in', "noperm"),
        ("FATAL:  sorry, too many clients already", "busy"),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "busy"),
        ("FATAL:  the database system is starting up", "busy"),
        ("server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally", "reset"),
        ("SSL error: tlsv1 alert protocol version", "tls"),
        ("received invalid response to SSL negotiation: H", "protocol"),
    ],
)
def test_what_postgresql_says(message, name):
    assert of_postgres(message).name == name


@pytest.mark.parametrize(
    ("reply", "asked"),
    [
        (b"-NOAUTH Authentication required.\r\n", True),
        (b"+PONG\r\n", False),
        (b"-NOPERM this user has no permissions to run the 'ping' command\r\n", False),
        (b"-DENIED Redis is running in protected mode\r\n", None),
        (b"-ERR max number of clients reached\r\n", None),
        (b"HTTP/1.1 400 Bad Request\r\n", None),
        (b"", None),
    ],
)
def test_only_noauth_proves_that_credentials_are_asked_for(reply, asked):
    assert of_redis_reply(reply) is asked


def test_every_class_has_its_advice():
    assert {name for _pattern, name in _diagnosis.POSTGRES_ERRORS} | set(_diagnosis.CONNECT_ERRORS.values()) <= set(ADVICE)
    for name, advice in ADVICE.items():
        assert Trouble(name, "m").as_dict() == {"class": name, "message": "m", "advice": advice}


@given(st.text(min_size=6), st.text(), st.text())
def test_no_secret_passes_and_messages_stay_short(secret, before, after):
    assume(secret.strip() and not any(part in _diagnosis.MASK for part in secret.split()))
    for said in (before + secret + after, before + repr(secret) + after):
        shown = scrub(said, None, secret)
        assert secret not in shown
        assert len(shown) <= 303
        assert shown.isprintable()
