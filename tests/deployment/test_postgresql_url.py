# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's URL, read back by the two libraries that applications read it with: libpq and node-postgres."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import psycopg2.extensions
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.huntaze.ai_system.plugins.filter.postgresql_url import postgresql_url
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = [
    "secret", "a/b", "//host/", "a@b", "user:pass", "a?b=c", "a#b", "a%b", "%2F", "100%25", "a b", " a ", "a+b", "a&b=c", "[::1]", "a\\b", "'a'", '"a"', "$HOME",
    "!#$^<>-", "schön", "пароль", "密码", "🔑", "a\tb", ";,=", "~", "..", "{}|`",
]
UNREADABLE_NAMES = [".", "..", "a/b", "//host/", "a?b=c", "a#b", "!#$^<>-"]  # node-postgres does not read these from a URL
CASES = [(field, value) for field in ("user", "password", "name") for value in HOSTILE if field != "name" or value not in UNREADABLE_NAMES]
DATABASE = {"endpoint": "db.example.com", "port": 5433, "name": "app", "user": "app", "password": "secret"}


def read_by_libpq(url: str) -> dict[str, t.Any]:
    read = psycopg2.extensions.parse_dsn(url)
    return {"host": read["host"], "port": read["port"], "user": read["user"], "password": read["password"], "database": read["dbname"]}


def meant(database: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"host": database["endpoint"], "port": str(database["port"]), "user": database["user"], "password": database["password"],
            "database": database["name"]}


@pytest.mark.parametrize("field, value", CASES)
def test_kind_37_libpq_reads_what_was_meant(field: str, value: str) -> None:
    database = {**DATABASE, field: value}
    assert read_by_libpq(postgresql_url(database)) == meant(database)


@given(st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), min_size=1))
def test_kind_37_libpq_reads_any_password(password: str) -> None:
    database = {**DATABASE, "password": password}
    assert read_by_libpq(postgresql_url(database)) == meant(database)


def test_kind_37_node_postgres_reads_what_was_meant(node_directory: Path) -> None:
    databases = [{**DATABASE, field: value} for field, value in CASES]
    lines = "".join(json.dumps(postgresql_url(database)) + "\n" for database in databases)
    done = subprocess.run(
        ["node", "read_url.js"], cwd=node_directory, input=lines, capture_output=True, text=True, timeout=60, check=True,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{**meant(database), "ssl": True} for database in databases]


@pytest.mark.parametrize("endpoint, written", [("db.example.com", "db.example.com"), ("10.0.0.1", "10.0.0.1"), ("fd00::1", "[fd00::1]")])
def test_kind_37_the_endpoint_stands_where_it_belongs(endpoint: str, written: str) -> None:
    url = postgresql_url({**DATABASE, "endpoint": endpoint})
    assert f"@{written}:5433/app?" in url
    assert psycopg2.extensions.parse_dsn(url)["host"] == endpoint


def test_kind_37_tls_is_asked_for() -> None:
    assert psycopg2.extensions.parse_dsn(postgresql_url(DATABASE))["sslmode"] == "require"
    checked = psycopg2.extensions.parse_dsn(postgresql_url(DATABASE, sslmode="verify-full", sslrootcert="certs/rds bundle.pem"))
    assert (checked["sslmode"], checked["sslrootcert"]) == ("verify-full", "certs/rds bundle.pem")


def test_kind_37_the_port_may_be_left_out() -> None:
    assert psycopg2.extensions.parse_dsn(postgresql_url({**DATABASE, "port": None}))["port"] == "5432"


@pytest.mark.parametrize("changed, said", [
    ({"password": ""}, "password must be given"),
    ({"user": None, "name": ""}, "name, user must be given"),
    ({"endpoint": "db.example.com:5432"}, "'db.example.com:5432' is neither a host name nor an address"),
    ({"endpoint": "postgresql://db.example.com"}, "is neither a host name nor an address"),
    ({"endpoint": "db.example.com/other"}, "is neither a host name nor an address"),
    *(({"name": name}, "node-postgres does not read the name") for name in UNREADABLE_NAMES),
    ({"port": "five"}, "port 'five' is not a number"),
    ({"port": 70000}, "port 70000 is not a number"),
])
def test_kind_37_what_would_mean_another_url_is_refused(changed: dict[str, t.Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said) as refused:
        postgresql_url({**DATABASE, "password": "canary-of-the-url", **changed})
    assert "canary-of-the-url" not in str(refused.value)


def test_kind_37_an_unknown_sslmode_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="sslmode 'on' is not known"):
        postgresql_url(DATABASE, sslmode="on")
