# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client meets is sorted into classes, and no message gives a secret away."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import (
    Trouble,
    of_postgres,
    of_redis_error,
    of_socket,
    scrub,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
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
    assert of_socket(met, waiting_for).cause == name


@pytest.mark.parametrize("answer", [b"-ERR unknown command\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x46"])
def test_what_is_no_tls(answer):
    incoming = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="host")
    incoming.write(answer)
    with pytest.raises(ssl.SSLError) as met:
        client.do_handshake()
    assert of_socket(met.value, "tls").cause == "tls"


@pytest.mark.parametrize(
    ("state", "words", "name"),
    [
        ("28P01", 'password authentication failed for user "u"', "wrongpass"),
        ("28P01", 'Passwort-Authentifizierung für Benutzer »u« fehlgeschlagen', "wrongpass"),
        ("28000", 'PAM authentication failed for user "u"', "wrongpass"),
        ("28000", 'role "u" does not exist', "wrongpass"),
        ("28000", 'role "u" is not permitted to log in', "noperm"),
        ("28000", 'no pg_hba.conf entry for host "10.0.3.7", user "u", database "d", no encryption', "not_allowed"),
        ("28000", 'no pg_hba.conf entry for host "10.0.3.7", user "u", database "d", SSL off', "not_allowed"),
        ("28000", 'pg_hba.conf rejects connection for host "10.0.3.7", user "u", database "d", SSL encryption', "not_allowed"),
        ("28000", "kein pg_hba.conf-Eintrag für Host »10.0.3.7«, Benutzer »u«, Datenbank »d«, keine Verschlüsselung", "not_allowed"),
        ("28000", "connection requires a valid client certificate", "client_certificate"),
        ("28000", 'certificate authentication failed for user "u"', "client_certificate"),
        ("3D000", 'database "d" does not exist', "no_database"),
        ("42501", 'permission denied for database "d"', "noperm"),
        ("53300", "sorry, too many clients already", "busy"),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute", "busy"),
        ("53300", 'too many connections for role "u"', "busy"),
        ("57P03", "the database system is starting up", "busy"),
        ("57P03", "das Datenbanksystem startet", "busy"),
        ("57P01", "terminating connection due to administrator command", "busy"),
        ("55000", 'database "template0" is not currently accepting connections', "rejected"),
        ("0A000", "unsupported frontend protocol 3.0", "rejected"),
        ("22023", 'unrecognized configuration parameter', "rejected"),
        (None, "sorry, too many clients already", "busy"),
        # RDS Proxy
        ("28000", "This RDS Proxy requires TLS connections", "tls_required"),
        ("28000", "IAM authentication is allowed only with SSL connections.", "tls_required"),
        ("28000", "IAM authentication failed for user u. Check the IAM token for this user and try again.", "wrongpass"),
        ("28P01", "The password that was provided for the role u is wrong.", "wrongpass"),
        ("28000", "The password that was provided for the role u is wrong.", "wrongpass"),
        ("28000", "This RDS proxy has no credentials for the role u. Check the credentials for this role and try again.", "wrongpass"),
        ("28000", "RDS Proxy supports only IAM, MD5, or SCRAM authentication", "rejected"),
        (None, "Timed-out waiting to acquire database connection", "busy"),
        # PgBouncer
        ("08P01", "no such database: d", "no_database"),
        ("08P01", "no such user: u", "wrongpass"),
        ("08P01", "password authentication failed", "wrongpass"),
        ("08P01", "SASL authentication failed", "wrongpass"),
        ("08P01", "SSL required", "tls_required"),
        ("08P01", "login rejected", "not_allowed"),
        ("08P01", "no more connections allowed (max_client_conn)", "busy"),
        ("08P01", "client connections exceeded (max_db_client_connections)", "busy"),
        ("08P01", "query_wait_timeout", "busy"),
        ("08P01", "client_login_timeout (server down)", "busy"),
        ("08P01", "TLS certificate name mismatch", "client_certificate"),
        ("08P01", "server login failed: wrong password type", "rejected"),
        ("08P01", "unsupported startup parameter: extra_float_digits", "rejected"),
    ],
)
def test_kind_23_what_postgresql_and_its_proxies_say(state, words, name):
    assert of_postgres(f"FATAL: {words}", state).cause == name


@pytest.mark.parametrize(
    ("words", "name", "advice"),
    [
        ("NOAUTH Authentication required.", "noauth", "password"),
        ("NOAUTH HELLO must be called with the client already authenticated", "noauth", "password"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "wrongpass", "rotated"),
        ("ERR invalid password", "wrongpass", "rotated"),
        ("ERR Client sent AUTH, but no password is set", "wrongpass", "AUTH is off"),
        ("ERR AUTH <password> called without any password configured for the default user.", "wrongpass", "AUTH is off"),
        ("NOPERM this user has no permissions to run the 'ping' command", "noperm", "permissions"),
        ("LOADING Redis is loading the dataset in memory", "busy", "loading"),
        ("BUSY Redis is busy running a script.", "busy", "SCRIPT KILL"),
        ("ERR max number of clients reached", "busy", "number of connections"),
        ("DENIED Redis is running in protected mode because protected mode is enabled", "rejected", "protected"),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "rejected", "primary"),
        ("MOVED 3999 10.0.0.5:6379", "rejected", "configuration endpoint"),
        ("READONLY You can't write against a read only replica.", "rejected", "primary endpoint"),
        ("CLUSTERDOWN The cluster is down", "rejected", "slots"),
        ("ERR unknown command 'PING'", "rejected", "act on its words"),
        ("MISCONF Redis is configured to save RDB snapshots", "rejected", "act on its words"),
    ],
)
def test_kind_23_what_redis_says(words, name, advice):
    trouble = of_redis_error(words)
    assert (trouble.cause, words in trouble.message) == (name, True)
    assert advice in trouble.as_dict()["advice"]


@pytest.mark.parametrize(
    ("reason", "name", "advice"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "client_certificate", "let it take clients without one"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "client_certificate", "let it take clients without one"),
        ("TLSV1_ALERT_UNKNOWN_CA", "client_certificate", "let it take clients without one"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "tls", "Two causes look alike"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "tls", "protocol versions"),
        ("WRONG_VERSION_NUMBER", "tls", "speaks it on this port"),
    ],
)
def test_kind_24_an_alert_of_the_server_speaks_of_the_client(reason, name, advice):
    error = ssl.SSLError(1, reason)
    error.reason = reason
    trouble = of_socket(error, "encrypted")
    assert trouble.cause == name and advice in trouble.as_dict()["advice"]


@pytest.mark.parametrize(
    ("code", "words", "advice"),
    [
        (9, "certificate is not yet valid", "clock"), (10, "certificate has expired", "renewed"), (18, "self-signed certificate", "CA"),
        (20, "unable to get local issuer certificate", "CA"), (62, "Hostname mismatch", "another name"), (64, "IP address mismatch", "another name"),
    ],
)
def test_kind_24_each_fault_of_a_certificate_has_its_own_way_out(code, words, advice):
    error = ssl.SSLCertVerificationError(1, words)
    error.verify_code, error.verify_message = code, words
    trouble = of_socket(error, "tls")
    assert trouble.cause == "certificate" and words in trouble.message and advice in trouble.as_dict()["advice"]
    assert ("CA that signed" in trouble.advice) is (code in (18, 20))


def test_kind_24_a_cut_after_the_handshake_names_both_candidates():
    advice = of_socket(error(errno.ECONNRESET), "encrypted").advice
    assert "certificate" in advice and "limit of clients" in advice
    assert "certificate" not in of_socket(error(errno.ECONNRESET), "answer").advice


def test_kind_22_the_advice_uses_the_words_of_its_reader():
    assert Trouble(Cause.TLS_REQUIRED, "m").as_dict()["advice"] == "The server takes encrypted connections only: turn TLS on."
    assert Trouble(Cause.TLS_REQUIRED, "m").as_dict(words={"tls_on": "set tls to true"})["advice"].endswith("only: set tls to true.")


@given(st.text(min_size=6), st.text(), st.text())
def test_no_secret_passes_and_messages_stay_short(secret, before, after):
    assume(secret.strip() and not any(part in MASK for part in secret.split()))
    for said in (before + secret + after, before + repr(secret) + after):
        shown = scrub(said, None, secret)
        assert secret not in shown
        assert len(shown) <= 303
        assert shown.isprintable()
