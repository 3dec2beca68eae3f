# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds of servers that can be looked at: their options, what is wrong with them, and the probe that looks."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.https_probe import HttpsProbe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.postgres import ask_for_tls
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.postgres_probe import PostgresProbe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.probe import Probe, TcpProbe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis_probe import RedisProbe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Deadline, Way

Params = t.Mapping[str, t.Any]


class Kind(t.NamedTuple):
    """One kind of server.

    options: an argument spec: those of one server, without what is said once for all: the time and the source address
    words: what its options are called, in place of cause.WORDS
    problems: what is wrong with its own options, one sentence each
    probe: looks within a deadline, from a source address
    """

    options: dict[str, dict[str, t.Any]]
    words: dict[str, str]
    problems: t.Callable[[Params], list[str]]
    probe: t.Callable[[Params, Deadline, t.Optional[str]], Probe]


HOST = dict(type="str", required=True)
PASSWORD = dict(type="str", no_log=True)
SAMPLES = dict(type="int", default=5)


def _redis_problems(params: Params) -> list[str]:
    found = []
    if params["username"] is not None and not params["password"]:
        found.append("username is given without a password: give both, or neither.")
    if not params["tls"] and params["tls_ca_file"]:
        found.append("tls_ca_file is given, but tls is not: set tls to true.")
    return found


def _redis_probe(params: Params, deadline: Deadline, source: t.Optional[str] = None) -> Probe:
    way = Way(params["host"], params["port"], deadline, source, params["tls_ca_file"])
    login = {"username": params["username"], "password": params["password"]}
    return RedisProbe(way, login, params["samples"], params["tls"], params["tls_verify"])


REDIS = Kind(
    dict(
        host=HOST,
        port=dict(type="int", default=6379),
        tls=dict(type="bool", default=False),
        tls_ca_file=dict(type="path"),
        tls_verify=dict(type="bool", default=True),
        username=dict(type="str"),
        password=PASSWORD,
        samples=SAMPLES,
    ),
    {"tls_on": "set tls to true", "tls_off": "set tls to false", "ca": "tls_ca_file", "password": "password", "user": "username"},
    _redis_problems,
    _redis_probe,
)


def _postgresql_problems(params: Params) -> list[str]:
    found = []
    if params["sslmode"] in ("verify-ca", "verify-full") and not params["sslrootcert"]:
        found.append(f"sslmode {params['sslmode']} needs sslrootcert: name the file with the CA's certificate.")
    if params["sslmode"] == "disable" and params["sslrootcert"]:
        found.append("sslrootcert is given, but sslmode disable uses no certificate: leave one of them out.")
    return found + [f"{name} holds a NUL, which PostgreSQL does not take." for name in ("user", "dbname", "password") if "\0" in (params[name] or "")]


def _postgresql_probe(params: Params, deadline: Deadline, source: t.Optional[str] = None) -> Probe:
    way = Way(params["host"], params["port"], deadline, source, params["sslrootcert"], ask_for_tls)
    login = {name: params[name] for name in ("user", "dbname", "password")}
    check_host = params["sslmode"] in (None, "verify-full")
    return PostgresProbe(way, login, params["samples"], params["sslmode"] != "disable", bool(params["sslrootcert"]), check_host)


POSTGRESQL = Kind(
    dict(
        host=HOST,
        port=dict(type="int", default=5432),
        dbname=dict(type="str", default="postgres"),
        user=dict(type="str", required=True),
        sslmode=dict(type="str", choices=["disable", "require", "verify-ca", "verify-full"]),
        sslrootcert=dict(type="path"),
        password=PASSWORD,
        samples=SAMPLES,
    ),
    {
        "tls_on": "leave sslmode out, or set it to more than disable", "tls_off": "set sslmode to disable", "ca": "sslrootcert", "password": "password",
        "user": "user", "database": "dbname",
    },
    _postgresql_problems,
    _postgresql_probe,
)


def _https_problems(params: Params) -> list[str]:
    found = []
    if not re.fullmatch(r"/[!-~]*", params["path"]):
        found.append(f"path is {params['path']!r}: it begins with / and holds visible ASCII characters only.")
    if params["token"] is not None and not re.fullmatch(r"[!-~]+", params["token"]):
        found.append("token holds something else than visible ASCII characters, which no header can carry: look at where it comes from.")
    strange = [str(status) for status in params["status"] or [] if not 100 <= status <= 599]
    return found + ([f"status holds {', '.join(strange)}: a status lies between 100 and 599."] if strange else [])


def _https_probe(params: Params, deadline: Deadline, source: t.Optional[str] = None) -> Probe:
    way = Way(params["host"], params["port"], deadline, source, params["tls_ca_file"])
    return HttpsProbe(way, params["path"], params["token"], params["status"], params["tls_verify"])


HTTPS = Kind(
    dict(
        host=HOST,
        port=dict(type="int", default=443),
        tls_ca_file=dict(type="path"),
        tls_verify=dict(type="bool", default=True),
        path=dict(type="str", default="/"),
        token=dict(type="str", no_log=True),
        status=dict(type="list", elements="int"),
    ),
    {"ca": "tls_ca_file", "password": "token"},
    _https_problems,
    _https_probe,
)


def _tcp_probe(params: Params, deadline: Deadline, source: t.Optional[str] = None) -> Probe:
    return TcpProbe(Way(params["host"], params["port"], deadline, source))


TCP = Kind(dict(host=HOST, port=dict(type="int", required=True)), {}, lambda params: [], _tcp_probe)

KINDS = {"redis": REDIS, "postgresql": POSTGRESQL, "https": HTTPS, "tcp": TCP}
# The options of one of many servers, of whatever kind. Each kind has its own defaults, and says itself what it needs.
TARGET = {
    **{
        name: {key: value for key, value in option.items() if key not in ("default", "required")}
        for kind in KINDS.values() for name, option in kind.options.items()
    },
    "name": dict(type="str"), "kind": dict(type="str", choices=list(KINDS), required=True), "host": HOST,
}
