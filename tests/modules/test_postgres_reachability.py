# SPDX-License-Identifier: GPL-3.0-or-later
"""postgres_reachability against a real server in every state that a client can meet, and against servers that are none."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import time

import psycopg2
import pytest
from support import strange_servers
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.postgres import saslprep
from data_plane import certificates, postgres
from data_plane import client as data_plane
from instance import Instance
from support.certificates import Authority
from support.waiting import until

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
                    host=host, port=port, dbname=database["name"], user=database["user"], password=database["password"], sslmode=mode, connect_timeout=30
                )
                with contextlib.closing(connection), connection.cursor() as cursor:
                    cursor.execute("SELECT pg_conf_load_time()")
                    return cursor.fetchone()[0]
        raise AssertionError("the database lets nobody in")

    def rewrite(rules):
        before = loaded()
        (files / "pg_hba.conf").write_text(rules)
        os.kill(int((files / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)
        until(lambda: loaded() != before, what="the database's second look at its rules")

    yield rewrite
    rewrite(TLS_AND_PASSWORD)


@pytest.fixture
def look(run_module, sandbox, database):
    """Run the module; whatever happens it succeeds, changes nothing, keeps to its time and keeps the secrets."""

    def run(environment=None, **args):
        args = {"host": database["address"], "user": database["user"], "password": database["password"], "timeout": 5, **args}
        begin = time.monotonic()
        result = run_module("postgres_reachability", {name: value for name, value in args.items() if value is not None}, environment=environment)
        assert time.monotonic() - begin < args["timeout"] + 30
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
    assert 0 < result["latency_ms"]["min"] <= result["latency_ms"]["median"] <= result["latency_ms"]["max"] < 5000
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
    result = look(host=server.host, port=server.port, sslmode=sslmode, timeout=2)
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


@pytest.fixture
def role(database):
    """Make roles for a test; `role(options)` gives the module's options for one."""
    made = []
    with contextlib.closing(
        psycopg2.connect(host=database["address"], dbname=database["name"], user=database["user"], password=database["password"])
    ) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def make(options="LOGIN", password="canary-of-a-role", encryption="scram-sha-256"):
            made.append(f"role{len(made)}")
            cursor.execute(f"SET password_encryption = '{encryption}'")
            cursor.execute(f"CREATE ROLE {made[-1]} {options} PASSWORD %s", [password])
            return {"user": made[-1], "password": password}

        yield make
        for name in made:
            cursor.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    ("rules", "encryption"),
    [
        ("hostssl all all 0.0.0.0/0 scram-sha-256\n", "scram-sha-256"),
        ("hostssl all all 0.0.0.0/0 md5\n", "md5"),
        ("hostssl all all 0.0.0.0/0 password\n", "scram-sha-256"),
    ],
)
def test_each_way_to_give_a_password(look, let_in, role, rules, encryption):
    given = role(encryption=encryption)
    let_in(f"hostssl all role0 0.0.0.0/0 {rules.split()[-1]}\n{TLS_AND_PASSWORD}")
    assert facts(look(**given)) == (None, True, True, True)
    assert facts(look(**{**given, "password": "canary-of-yesterday"})) == ("wrongpass", False, True, True)


@pytest.mark.parametrize("password", ["canary-p\u00e4ssw\u00f6rt", "canary\u00a0\u2168", "canary-\U0001f511", "canary ' \" \\ %", "canary-" + "x" * 900])
def test_passwords_of_any_letters(look, role, password):
    assert facts(look(**role(password=password)))[:2] == (None, True)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("plain", "plain"), ("a\u00a0b", "a b"), ("a\u00adb\u00e9", "ab\u00e9"), ("\u2168", "IX"), ("\u00e9\u0007", "\u00e9\u0007"),
        ("\u06271", "\u06271"), ("\u00ad", "\u00ad"),
    ],
)
def test_passwords_are_prepared_as_rfc_4013_says(text, prepared):
    assert saslprep(text) == prepared


def test_kind_23_the_database_refuses_for_reasons_of_its_own(look, role, database):
    assert look(dbname="template0")["error"]["class"] == "rejected"
    assert look(**role("LOGIN CONNECTION LIMIT 0"))["error"]["class"] == "busy"


@pytest.mark.parametrize(
    ("state", "words", "name"),
    [
        (b"28000", b"This RDS Proxy requires TLS connections", "tls_required"), (b"08P01", b"no more connections allowed (max_client_conn)", "busy"),
        (b"08P01", b"no such database: d", "no_database"), (b"XX000", b"something of its own", "rejected"), (b"57P03", b"das Datenbanksystem startet", "busy"),
        (b"28000", b"connection requires a valid client certificate", "client_certificate"),
    ],
)
def test_kind_23_a_fatal_is_sorted_by_its_state_and_told_in_its_words(look, strange, state, words, name):
    fields = b"SFATAL\0VFATAL\0C" + state + b"\0M" + words + b"\0\0"
    server = strange(strange_servers.saying(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields))
    # The same is said to the request for TLS, so plain text it is.
    result = look(host=server.host, port=server.port, sslmode="disable")
    assert (result["error"]["class"], words.decode() in result["error"]["message"]) == (name, True), result["reason"]
    assert "check host and port" not in result["error"]["advice"]


def test_kind_24_no_encryption_is_the_cause_only_where_tls_is_let_in(look, let_in):
    let_in(f"hostssl all nobody 0.0.0.0/0 reject\n{TLS_AND_PASSWORD}")
    refused = look(sslmode="disable", user="nobody")
    assert facts(refused) == ("not_allowed", None, None, None)
    assert "no encryption" in refused["error"]["message"] and "over TLS too" in refused["error"]["message"]
    required = look(sslmode="disable")
    assert facts(required) == ("tls_required", None, None, True)
    assert "over TLS it is let in" in required["error"]["message"] and "leave sslmode out" in required["error"]["advice"]


def test_kind_24_a_refusal_in_plain_text_without_a_second_look_has_two_candidates(look, strange):
    fields = b'SFATAL\0C28000\0Mno pg_hba.conf entry for host "10.0.0.1", user "u", database "d", no encryption\0\0'
    answer = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields

    def behave(connection):
        # Silent to the request for TLS.
        wants_tls = len(connection.recv(4096, socket.MSG_PEEK)) == 8
        (strange_servers.silent if wants_tls else strange_servers.saying(answer))(connection)

    server = strange(behave)
    result = look(host=server.host, port=server.port, sslmode="disable", timeout=1)
    assert result["error"]["class"] == "not_allowed" and result["tls_enforced"] is None
    assert "encrypted connections only, or" in result["error"]["advice"]


@pytest.mark.parametrize(
    ("wrong", "message", "advice"),
    [
        ({"days": (-9, -1)}, "has expired", "renewed"), ({"days": (1, 9)}, "not yet valid", "clock"),
        ({"address": "127.0.0.2"}, "apart from the name it is trusted", "another name"),
    ],
)
def test_kind_24_each_fault_of_a_certificate_is_told(look, strange, tmp_path, wrong, message, advice):
    authority = Authority(tmp_path)
    context = authority.context(**wrong)

    def behave(connection):
        connection.recv(8)
        connection.sendall(b"S")
        strange_servers.handshaking(context)(connection)

    server = strange(behave)
    result = look(host=server.host, port=server.port, sslrootcert=str(authority.file))
    assert result["error"]["class"] == "certificate"
    assert message in result["error"]["message"] and advice in result["error"]["advice"], result["reason"]
    assert "sslrootcert" not in result["error"]["advice"]


def test_kind_24_a_proxy_that_wants_the_clients_certificate(look, strange, tmp_path):
    authority = Authority(tmp_path)
    context = authority.context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)

    def behave(connection):
        connection.recv(8)
        connection.sendall(b"S")
        strange_servers.handshaking(context)(connection)

    server = strange(behave)
    assert look(host=server.host, port=server.port)["error"]["class"] == "client_certificate"


def test_kind_25_neither_environment_nor_files_of_the_host_decide(look, database, sandbox, tmp_path):
    home = tmp_path / ".postgresql"
    home.mkdir()
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        (home / name).write_text("no certificate")
        (home / name).chmod(0o600)
    (tmp_path / ".pgpass").write_text("*:*:*:*:canary-of-yesterday\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".pg_service.conf").write_text("[mine]\nhost=127.0.0.1\nport=1\n")
    another = Authority(tmp_path)
    environment = {
        "HOME": str(tmp_path), "PGSERVICE": "mine", "PGSERVICEFILE": str(tmp_path / ".pg_service.conf"), "PGHOST": "127.0.0.1", "PGHOSTADDR": "127.0.0.1",
        "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "nothing", "PGPASSWORD": "canary-of-yesterday", "PGPASSFILE": str(tmp_path / ".pgpass"),
        "PGSSLMODE": "disable", "PGSSLROOTCERT": str(another.file), "PGSSLCERT": str(home / "postgresql.crt"), "PGSSLKEY": str(home / "postgresql.key"),
        "PGSSLCRL": str(home / "root.crl"), "PGSSLCRLDIR": str(home), "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none", "PGGSSENCMODE": "require",
        "PGOPTIONS": "-c no_such_setting=1", "PGTARGETSESSIONATTRS": "standby", "PGSSLNEGOTIATION": "direct", "PGSSLMINPROTOCOLVERSION": "TLSv1.3",
        "PGCLIENTENCODING": "no such encoding", "PGCONNECT_TIMEOUT": "1", "PGSYSCONFDIR": str(tmp_path), "SSL_CERT_FILE": str(another.file),
        "SSLKEYLOGFILE": "/nowhere/keys", "LANGUAGE": "de", "LC_ALL": "de_DE.UTF-8",
    }
    for given in ({}, {"sslrootcert": sandbox.estate["ca_file"]}):
        assert facts(look(environment, **given)) == (None, True, True, True)
    assert facts(look(environment, password=None)) == ("noauth", None, True, True)


def test_kind_27_options_that_are_no_host_and_no_name(run_module):
    result = run_module("postgres_reachability", {"host": "/run/postgresql", "user": "u\0", "dbname": "d"})
    assert result.rc == 1 and len(result["problems"]) == 2
    assert "it is a path" in result["msg"] and "user holds a NUL" in result["msg"]


def test_kind_27_blanks_around_values_are_told(look, database):
    result = look(user=f"{database['user']} ", password=f"{database['password']}\r\n")
    assert result["error"]["class"] == "wrongpass" and "ends with a line end" in result["error"]["message"]
    assert "user ends with a blank" in str(result["warnings"]) and "password ends with a line end" in str(result["warnings"])


def test_kind_17_a_refused_run_has_the_keys_of_every_result(run_module):
    result = run_module("postgres_reachability", {"host": "postgres://u:canary@host/d", "user": "u"})
    skipped = run_module("postgres_reachability", {"host": "127.0.0.1", "user": "u"}, check=True)
    assert set(skipped) - {"skipped", "skip_reason"} <= set(result) and "canary" not in result["msg"]
    assert (result["changed"], result["reachable"], result["reason"]) == (False, None, result["msg"])


@pytest.mark.parametrize("challenge", [b"r=%s,s=AAAA,i=2000000000", b"r=%s,s=?,i=4096", b"r=other,s=AAAA,i=4096", b"r=%s,s=AAAA,i=0", b"", b"\xff"])
def test_kind_28_a_challenge_does_not_keep_this_machine_calculating(look, strange, challenge):
    def message(way, body):
        return b"R" + (len(body) + 8).to_bytes(4, "big") + way.to_bytes(4, "big") + body

    def frame(heard):
        if not heard.startswith(b"p"):
            return message(10, b"SCRAM-SHA-256\0\0")
        return message(11, challenge.replace(b"%s", heard.rpartition(b"r=")[2] + b"more"))

    server = strange(strange_servers.echoing(frame))
    assert look(host=server.host, port=server.port, sslmode="disable")["error"]["class"] == "protocol"
