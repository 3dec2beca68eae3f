# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, ports and names have shapes; what has another is told what it looks like and what to give instead."""

from __future__ import annotations

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import edges_problem, host_problem, name_problem, port_problem


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "10.0.1.10", "::1", "2600:1f18::5", "fe80::1%eth0", "cache", "cache.", "a_b.example", "xn--bcher-kva.example", "bücher.example",
        "master.huntaze-redis.asmyhp.use1.cache.amazonaws.com", "4.example", "a" * 63 + ".invalid",
    ],
)
def test_kind_27_a_host(host):
    assert host_problem("host", host) is None


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("", "host is empty"), (" ", "host is empty"), (None, "host is empty"), (5, "host is empty"),
        ("cache ", "'cache' ends with a blank"), ("cache\n", "ends with a line end"), ("\tcache", "begins with a blank"), ("cache\r\n", "ends with a line end"),
        ("redis://cache.example:6379/0", "it is a URL. Give the host alone, 'cache.example'"),
        ("rediss://user:canary@cache.example", "'cache.example'"), ("https://", "it is a URL"), ("http://[::1", "it is a URL"),
        ("cache.example:6379", "Give the host alone, 'cache.example', and 6379 as the port"), ("cache:", "it holds a port"),
        ("[::1]", "Give the host alone, '::1'"), ("[::1]:6379", "'::1', and 6379 as the port"), ("[cache]", "'cache'"),
        ("/run/postgresql", "it is a path"), ("./redis.sock", "it is a path"), ("@abstract", "it is a path"), ("cache/0", "it is a path"),
        ("arn:aws:elasticache:us-east-1:123456789012:cluster:huntaze-redis", "it is an ARN"),
        ("user@cache.example", "'cache.example'"), ("10.0.0.1,10.0.0.2", "more than one word"), ("a b", "more than one word"),
        ("127.1", "four decimal numbers"), ("010.0.0.1", "four decimal numbers"), ("0x7f.0.0.1", "four decimal numbers"), ("0x7f000001", "four decimal"),
        ("2130706433", "four decimal numbers"), ("10.0.0.256", "four decimal numbers"), ("10.0.0.1.", "four decimal numbers"), ("1:2:3", "no IPv6 address"),
        ("nul\0byte", "a control character"), ("a" * 64 + ".invalid", "63 between two dots"), ("a." * 130 + "a", "at most 253"), ("a..b", "single dots"),
        ("-a.example", "letters, digits"), ("a-.example", "letters, digits"), ("*.example", "letters, digits"), ("${HOST}", "letters, digits"),
        (".", "single dots"), ("ü..b", "no DNS name"),
    ],
)
def test_kind_27_what_is_no_host(host, words):
    problem = host_problem("host", host)
    assert problem.startswith("host ") and words in problem and problem.endswith(".") and "canary" not in problem


@pytest.mark.parametrize("port", [1, 6379, 65535, "6379"])
def test_kind_27_a_port(port):
    assert port_problem("port", port) is None


@pytest.mark.parametrize("port", [0, -1, 65536, True, None, 1.0, "", "0", "06379", " 6379", "6379/tcp", "٦٣٧٩", "99999", [6379]])
def test_kind_27_what_is_no_port(port):
    assert "between 1 and 65535" in port_problem("port", port)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("huntaze-redis", "cache cluster"), ("huntaze-redis", "cache"), ("a" * 255, "snapshot"), ("A1", "replication group"),
     ("huntaze-postgres-production", "database instance"),
     ("sg-0123456789abcdef0", "security group"), ("d2gd4kw6lpwzxa", "Amplify app")],
)
def test_kind_27_a_name(value, kind):
    assert name_problem("name", value, kind) is None


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("", "cache cluster", "is empty"), (None, "cache cluster", "is empty"), ("huntaze-redis\n", "cache cluster", "ends with a line end"),
        ("arn:aws:elasticache:us-east-1:123456789012:replicationgroup:huntaze-redis", "replication group", "the ID alone, 'huntaze-redis'"),
        ("huntaze-redis.asmyhp.use1.cache.amazonaws.com", "cache cluster", "looks like an endpoint"),
        ("a" * 51, "cache cluster", "1 to 50"), ("a" * 51, "cache", "1 to 50"), ("a" * 256, "snapshot", "1 to 255"),
        ("a" * 41, "replication group", "1 to 40"), ("a--b", "cache cluster", "single hyphens"),
        ("a-", "cache cluster", "single hyphens"), ("1a", "database instance", "a letter first"), ("limiter", "security group", "hexadecimal"),
        ("arn:aws:amplify:us-east-1:123456789012:apps/d2gd4kw6lpwzxa", "Amplify app", "'d2gd4kw6lpwzxa'"),
    ],
)
def test_kind_27_what_is_no_name(value, kind, words):
    assert words in name_problem("name", value, kind)


@pytest.mark.parametrize("secret", ["canary\n", " canary", "canary ", "canary\r\n", "\u00a0canary"])
def test_kind_27_a_blank_around_a_secret_is_told_and_the_secret_is_not(secret):
    problem = edges_problem("password", secret)
    assert problem.startswith("password ") and "canary" not in problem
    assert edges_problem("password", "canary of two words") is None
    assert edges_problem("password", None) is None
