# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client sees when something is wrong with the way, produced for real."""

from __future__ import annotations

import typing as t

import pytest
from grounds import CACHE, DATABASE, DISTANT, EVERYWHERE, LIMITER, PASSWORD, POSTGRESQL, REDIS, TOKEN, USER, Ground
from support import sandboxes
from support.waiting import until

ALL = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": EVERYWHERE}]}


def look(ground: Ground, sandbox: sandboxes.Sandbox, source: str, *targets: str, timeout: float = 1, port: int = REDIS) -> dict[str, t.Any]:
    """What `reachability` says from the namespace of an interface."""
    ca = str(ground.authority.file)
    known = {
        "redis": {"kind": "redis", "host": CACHE, "port": port, "tls": True, "tls_ca_file": ca, "password": TOKEN},
        "postgresql": {"kind": "postgresql", "host": DATABASE, "port": POSTGRESQL, "dbname": "postgres", "user": USER, "password": PASSWORD, "sslrootcert": ca},
    }
    result = sandboxes.run_module(
        sandbox, "reachability", {"timeout": timeout, "targets": [{"name": name, **known[name]} for name in targets or known]},
        namespace=ground.fabric.host(source))
    assert result.rc == 0 and TOKEN not in result.output and PASSWORD not in result.output, result.output
    return result


@pytest.fixture(scope="module", autouse=True)
def servers(ground: Ground, sandbox: sandboxes.Sandbox) -> None:
    until(lambda: all(each["reachable"] for each in look(ground, sandbox, LIMITER, timeout=20)["results"]), 60, "the servers")


class Situation(t.NamedTuple):
    name: str
    broken: t.Callable[[t.Any], t.ContextManager[t.Any]]
    source: str = LIMITER
    target: str = "redis"


SITUATIONS = [
    Situation("no ingress rule", lambda aws: aws.revoked("cache", aws.rule(REDIS, "limiter"))),
    Situation("no ingress rule of the database", lambda aws: aws.revoked("database", aws.rule(POSTGRESQL, "limiter")), target="postgresql"),
    Situation("no ingress rule for a peer's group", lambda aws: aws.revoked("cache", aws.rule(REDIS, "distant")), DISTANT),
    Situation("rule for another port", lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(6380, "limiter"))),
    Situation("rule for another protocol", lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(REDIS, "limiter", "udp"))),
    Situation("rule for another source", lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(REDIS, "10.99.0.0/16"))),
    Situation("egress closed", lambda aws: aws.revoked("limiter", ALL, egress=True)),
    Situation("other VPC without a route", lambda aws: aws.unrouted(aws.other, "10.20.0.0/16"), DISTANT),
    Situation("peering without a route back", lambda aws: aws.unrouted(aws.vpc, "10.30.0.0/16"), DISTANT, "postgresql"),
    Situation("a longer prefix leads into a black hole", lambda aws: aws.swallowed(aws.other, "10.20.2.0/24"), DISTANT),
    Situation("ACL denies at the cache", lambda aws: aws.denied("data", False, REDIS, REDIS)),
    Situation("ACL denies at the client", lambda aws: aws.denied("limiter", True, REDIS, REDIS)),
    Situation("ACL denies the answers at the cache", lambda aws: aws.denied("data", True, 1024, 65535)),
    Situation("ACL denies the answers at the client", lambda aws: aws.denied("limiter", False, 1024, 65535, "10.20.2.0/24")),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name.replace(" ", "-"))
def test_packets_are_dropped_and_the_client_times_out(ground: Ground, sandbox: sandboxes.Sandbox, situation: Situation) -> None:
    with ground.altered(situation.broken):
        (seen,) = look(ground, sandbox, situation.source, situation.target)["results"]
    assert (seen["error"]["class"], seen["port_open"], seen["from_address"]) == ("timeout", False, situation.source)


@pytest.mark.parametrize("source", [LIMITER, DISTANT])
def test_both_servers_answer_where_nothing_is_wrong(ground: Ground, sandbox: sandboxes.Sandbox, source: str) -> None:
    """After all of that, too."""
    seen = look(ground, sandbox, source, timeout=20)["results"]
    assert [(each["reachable"], each["from_address"]) for each in seen] == [(True, source)] * 2


def test_a_port_that_is_let_in_and_has_no_server_refuses(ground: Ground, sandbox: sandboxes.Sandbox) -> None:
    with ground.altered(lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(6380, "limiter"))):
        (seen,) = look(ground, sandbox, LIMITER, "redis", port=6380, timeout=20)["results"]
    assert seen["error"]["class"] == "refused"
