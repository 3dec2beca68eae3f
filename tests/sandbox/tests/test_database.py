# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of the sandbox's database see is what clients of RDS with forced TLS see."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import typing as t

import psycopg2
import pytest
from data_plane.client import apply


class Database:
    def __init__(self, sandbox: t.Any) -> None:
        self.sandbox, self.place = sandbox, sandbox.estate["database"]
        self.open_to("127.0.0.1/32")

    def open_to(self, *ingress: str) -> None:
        address, port = self.place["address"], self.place["port"]
        apply({"nodes": {}, "endpoints": [{"address": address, "port": port, "node": "postgres", "ingress": ingress}]})

    def ask(self, query: str, **options: t.Any) -> tuple:
        known = {"host": "address", "port": "port", "dbname": "name", "user": "user", "password": "password"}
        settings = {option: self.place[name] for option, name in known.items()}
        tls = {"sslmode": "verify-full", "sslrootcert": self.sandbox.estate["ca_file"], "connect_timeout": 2}
        connection = psycopg2.connect(**{**settings, **tls, **options})
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def undisturbed(sandbox: t.Any) -> None:
    """The control plane has nothing left to apply; the tests here take its place."""
    sandbox.reset()


@pytest.fixture
def database(sandbox: t.Any, undisturbed: None) -> Database:
    return Database(sandbox)


def test_a_client_with_tls_gets_in_and_is_known_by_its_address(database: Database) -> None:
    version, source = database.ask("SELECT version, inet_client_addr() FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert (version, source) == ("TLSv1.3", "127.0.0.1")


def test_the_master_user_is_no_superuser_but_owns_the_database(database: Database) -> None:
    assert database.ask("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user") == (False, True, True)
    assert database.ask("CREATE TABLE own (n int); DROP TABLE own; SELECT 1") == (1,)


def test_plain_text_is_refused_because_tls_is_forced(database: Database) -> None:
    refusal = 'no pg_hba.conf entry for host "127.0.0.1", user "huntazeadmin", database "postgres", no encryption'
    with pytest.raises(psycopg2.OperationalError, match=refusal):
        database.ask("SELECT 1", sslmode="disable")


def test_the_refusal_names_the_true_client(database: Database) -> None:
    stranger = database.sandbox.estate["stranger_address"]
    database.open_to(f"{stranger}/32")
    place = database.place["address"], database.place["port"]
    parameters = b"user\0huntazeadmin\0database\0postgres\0\0"
    with socket.create_connection(place, timeout=5, source_address=(stranger, 0)) as connection:
        connection.sendall(struct.pack("!II", 8 + len(parameters), 3 << 16) + parameters)  # a plain StartupMessage
        assert f'no pg_hba.conf entry for host "{stranger}"'.encode() in connection.makefile("rb").read()


def test_a_wrong_password_is_refused(database: Database) -> None:
    with pytest.raises(psycopg2.OperationalError, match='password authentication failed for user "huntazeadmin"'):
        database.ask("SELECT 1", password="wrong")


def test_who_is_not_let_in_times_out(database: Database) -> None:
    database.open_to()
    with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
        database.ask("SELECT 1")


def test_the_certificate_is_of_the_instances_ca(database: Database, tmp_path: t.Any) -> None:
    other = tmp_path / "ca.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
         "-keyout", os.devnull, "-out", str(other)], check=True, capture_output=True,
    )
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        database.ask("SELECT 1", sslrootcert=str(other))
