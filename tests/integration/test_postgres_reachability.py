# SPDX-License-Identifier: GPL-3.0-or-later
"""postgres_reachability against a real server in every state that a client can meet, and against servers that are none."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import psycopg2
import pytest
import strange_servers
from data_plane import certificates, postgres
from data_plane import client as data_plane
from instance import Instance

# What the sandbox's database does of itself: TLS only, and a password always.
TLS_AND_PASSWORD = postgres.AUTHENTICATION
PLAIN_TOO = "host all all 0.0.0.0/0 scram-sha-256\n"
NO_PASSWORD = "hostssl all all 0.0.0.0/0 trust\n"
TLS_NOT_AT_ALL = "hostnossl all all 0.0.0.0/0 scram-sha-256\n"


@pytest.fixture(scope="module")
def database(sandbox):
    """The estate's database with its door open to the limiter host, at two addresses: the certificate does not name the second."""
    sandbox.reset()
    database = sandbox.estate["database"]
    places = [database["address"], sandbox.address("4.10")]
    data_plane.apply(
        {"nodes": {}, "endpoints": [{"address": place, "port": 5432, "node": "postgres", "ingress": ["127.0.0.1/32"]} for place in places]}
    )
    return {**database, "unnamed": places[1]}


@pytest.fixture
def let_in(sandbox, database):
    """Rewrite the server's rules on who may connect how; afterwards they are as before."""
    instance = Instance(sandbox.state, sandbox.network)
    files = instance.run / "postgres"
    host, port = instance.database

    def loaded():
        for mode in ("require", "disable"):
            with contextlib.suppress(psycopg2.OperationalError):
                connection = psycopg2.connect(
                    host=host, port=port, dbname=database["name"], user=database["user"], password=database["password"], sslmode=mode, connect_timeout=5
                )
                with contextlib.closing(connection), connection.cursor() as cursor:
                    cursor.execute("SELECT pg_conf_load_time()")
                    return cursor.fetchone()[0]
        raise AssertionError("the database lets nobody in")

    def rewrite(rules):
        before, deadline = loaded(), time.monotonic() + 20
        (files / "pg_hba.conf").write_text(rules)
        os.kill(int((files / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)
        while loaded() == before:
            assert time.monotonic() < deadline, "the database does not read its rules again"

    yield rewrite
    rewrite(TLS_AND_PASSWORD)


@pytest.fixture
def look(run_module, sandbox, database):
    """Run the module; whatever happens it succeeds, changes nothing, keeps to its time and keeps the secrets."""

    def run(environment=None, **args):
        args = {"host": database["address"], "user": database["user"], "password": database["password"], "timeout": 3, **args}
        begin = time.monotonic()
        result = run_module("postgres_reachability", {name: value for name, value in args.items() if value is not None}, environment=environment)
        assert time.monotonic() - begin < args["timeout"] + 5
        assert result.rc == 0, result.output
        assert result["changed"] is False
        assert database["password"] not in result.output and "canary" not in result.output
        assert bool(result["reachable"]) is (result["error"] is None) is (result["latency_ms"] is not None)
        return result

    return run


def facts(result):
    return result["error"] and result["error"]["class"], result["authenticated"], result["authentication_enforced"], result["tls_enforced"]


@pytest.fixture
def strange():
    with contextlib.ExitStack() as stack:

        def start(behave):
            server = strange_servers.StrangeServer(behave)
            stack.callback(server.close)
            return server

        yield start


def test_the_database_as_it_is(look, sandbox):
    result = look(sslrootcert=sandbox.estate["ca_file"], samples=20)
    assert result["reachable"] and result["port_open"], result["reason"]
    assert facts(result) == (None, True, True, True)
    assert result["tls_version"].startswith("TLSv1.")
    assert result["role"] == "primary"
    assert result["version"].split(".")[0].isdigit()
    assert 0 < result["latency_ms"]["min"] <= result["latency_ms"]["median"] <= result["latency_ms"]["max"] < 3000
    assert "refuses a client without" in result["reason"]


def test_a_database_that_takes_plain_text_too(look, let_in):
    let_in(PLAIN_TOO)
    encrypted = look()
    assert facts(encrypted) == (None, True, True, False)
    assert "takes plain text too" in encrypted["reason"]
    plain = look(sslmode="disable")
    assert facts(plain) == (None, True, True, False)
    assert plain["tls_version"] is None
    assert "unencrypted" in str(plain["warnings"])


def test_a_database_that_asks_for_no_password(look, let_in):
    let_in(NO_PASSWORD)
    result = look()
    assert facts(result) == (None, True, False, True)
    assert "takes clients without" in result["reason"]
    assert facts(look(password=None)) == (None, None, False, True)


def test_a_database_that_lets_tls_in_nowhere(look, let_in):
    let_in(TLS_NOT_AT_ALL)
    assert facts(look()) == ("not_allowed", None, None, None)


def test_plain_text_where_tls_is_forced(look):
    result = look(sslmode="disable")
    assert facts(result) == ("tls_required", None, None, True)
    assert result["port_open"]


def test_no_password_and_none_taken_from_the_host(look, database, tmp_path):
    (tmp_path / ".pgpass").write_text(f"*:*:*:*:{database['password']}\n")
    (tmp_path / ".pgpass").chmod(0o600)
    host = {"PGPASSWORD": database["password"], "PGPASSFILE": str(tmp_path / ".pgpass"), "HOME": str(tmp_path)}
    assert facts(look(host, password=None)) == ("noauth", None, True, True)


def test_a_wrong_password(look):
    assert facts(look(password="canary-of-yesterday")) == ("wrongpass", False, True, True)
    assert facts(look(user="nobody")) == ("wrongpass", False, True, True)


def test_a_database_that_does_not_exist(look):
    assert facts(look(dbname="huntaze")) == ("no_database", True, True, True)


def test_a_user_who_may_not_log_in(look, database):
    with contextlib.closing(
        psycopg2.connect(host=database["address"], dbname=database["name"], user=database["user"], password=database["password"])
    ) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("CREATE ROLE reader NOLOGIN PASSWORD 'canary-reader'")
        try:
            assert facts(look(user="reader", password="canary-reader")) == ("noperm", True, True, True)
        finally:
            cursor.execute("DROP ROLE reader")


def test_a_certificate_of_an_unknown_ca(look, sandbox, tmp_path):
    another = Instance(tmp_path, sandbox.network)
    certificates.make(another)
    assert facts(look(sslrootcert=str(another.ca))) == ("certificate", None, None, None)
    assert look(sslrootcert=str(another.ca), sslmode="require")["error"]["class"] == "certificate"


def test_a_certificate_for_another_host(look, sandbox, database):
    ca_file = sandbox.estate["ca_file"]
    assert look(host=database["unnamed"], sslrootcert=ca_file)["error"]["class"] == "certificate"
    assert look(host=database["unnamed"], sslrootcert=ca_file, sslmode="verify-ca")["reachable"]
    assert look(host=database["unnamed"])["reachable"]


def test_packets_are_dropped_where_no_rule_lets_the_host_in(look, sandbox, database):
    closed = sandbox.address("2.11")
    data_plane.apply(
        {
            "nodes": {},
            "endpoints": [
                {"address": place, "port": 5432, "node": "postgres", "ingress": ingress}
                for place, ingress in ((database["address"], ["127.0.0.1/32"]), (database["unnamed"], ["127.0.0.1/32"]), (closed, []))
            ],
        }
    )
    result = look(host=closed, timeout=1)
    assert (facts(result), result["port_open"]) == (("timeout", None, None, None), False)
    assert "security group" in result["reason"]


def test_nothing_listens(look, sandbox):
    result = look(host=sandbox.address("2.99"))
    assert (result["error"]["class"], result["port_open"]) == ("refused", False)


def test_a_name_that_does_not_resolve(look):
    result = look(host="nowhere.invalid")
    assert (result["error"]["class"], result["port_open"]) == ("name_resolution", False)


@pytest.mark.parametrize(
    ("behave", "plain", "encrypted"),
    [
        (strange_servers.silent, "no_answer", "no_answer"),
        (strange_servers.closing, "reset", "reset"),
        (strange_servers.saying(b"N"), "no_answer", "tls_not_offered"),
        (strange_servers.saying(b"S"), "no_answer", "no_answer"),
        (strange_servers.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "protocol", "protocol"),
        (strange_servers.saying(b"-ERR unknown command\r\n"), "protocol", "protocol"),
        (strange_servers.trickling(b"S\x16\x03\x03\x40\x00"), "protocol", "no_answer"),
        (strange_servers.trickling(b"E\x00\x00\x20\x00"), "no_answer", "no_answer"),
        (strange_servers.flooding(b""), "protocol", "protocol"),
        # Lets everybody in, then never comes to the end of a message.
        (strange_servers.flooding(b"R\0\0\0\x08\0\0\0\0" b"N\x3f\xff\xff\xff"), "protocol", "protocol"),
    ],
)
@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_a_server_that_is_not_postgresql(look, strange, behave, plain, encrypted, sslmode):
    server = strange(behave)
    result = look(host=server.host, port=server.port, sslmode=sslmode, timeout=1)
    assert result["error"]["class"] == (plain if sslmode == "disable" else encrypted), result["reason"]
    assert result["port_open"] is True
    assert facts(result)[1:] == (None, None, None)
    assert len(result["reason"]) < 1000


def test_a_server_that_asks_for_the_password_and_repeats_it(look, strange):
    def frame(heard):
        if not heard.startswith(b"p"):
            return b"R\0\0\0\x08\0\0\0\x03"  # the password in clear, please
        said = b"SFATAL\0C28P01\0M" + heard[5:-1] + b"\0\0"
        return b"E" + (len(said) + 4).to_bytes(4, "big") + said

    server = strange(strange_servers.echoing(frame))
    result = look(host=server.host, port=server.port, sslmode="disable")
    assert result["error"], result["reason"]


def test_check_mode_looks_at_nothing_and_says_so(run_module, strange):
    server = strange(strange_servers.silent)
    args = {"host": server.host, "port": server.port, "user": "u", "password": "canary", "sslrootcert": "/nowhere/ca.pem"}
    result = run_module("postgres_reachability", args, check=True)
    assert (result.rc, result["changed"], result["skipped"], result["reachable"], result["tls_enforced"]) == (0, False, True, None, None)
    assert "nothing is verified" in result["skip_reason"]
    assert server.connections == []
    assert "canary" not in result.output


def test_all_that_is_wrong_with_the_options_is_told_at_once(run_module):
    result = run_module(
        "postgres_reachability", {"host": " ", "port": 0, "user": "u", "timeout": -1, "samples": 0, "password": "", "sslmode": "verify-full"}
    )
    assert (result.rc, result["failed"]) == (1, True)
    said = ("host is empty", "port is 0", "timeout is -1", "samples is 0", "password is empty", "needs sslrootcert")
    assert len(result["problems"]) == len(said)
    for words in said:
        assert words in result["msg"]
    result = run_module("postgres_reachability", {"host": "h", "user": "u", "sslmode": "disable", "sslrootcert": "/nowhere/ca.pem"})
    assert "cannot be read" in result["msg"] and "uses no certificate" in result["msg"]
