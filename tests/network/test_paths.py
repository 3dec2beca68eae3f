# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client sees when something is wrong with the way, produced for real."""

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.causes import diagnose
from botocore import xform_name
from grounds import CACHE, DATABASE, DISTANT, EVERYWHERE, LIMITER, PASSWORD, POSTGRESQL, REDIS, TOKEN, USER, Ground
from support import diagnosed, sandboxes
from support.waiting import until

OUTSIDE = "198.51.100.7"
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
        namespace=ground.fabric.outsider(source) if source == OUTSIDE else ground.fabric.host(source))
    assert result.rc == 0 and TOKEN not in result.output and PASSWORD not in result.output, result.output
    return result


@pytest.fixture(scope="module", autouse=True)
def servers(ground: Ground, sandbox: sandboxes.Sandbox) -> None:
    until(lambda: all(each["reachable"] for each in look(ground, sandbox, LIMITER, timeout=20)["results"]), 60, "the servers")


class Situation(t.NamedTuple):
    """told: what the diagnosis has to make of it. It gets neither this nor the name."""

    name: str
    told: str
    broken: t.Callable[[t.Any], t.ContextManager[t.Any]]
    source: str = LIMITER
    target: str = "redis"


SITUATIONS = [
    # Another rule lets the distant worker in to the same ports.
    Situation("no ingress rule", "ingress_for_another_source", lambda aws: aws.revoked("cache", aws.rule(REDIS, "limiter"))),
    Situation("no ingress rule of the database", "ingress_for_another_source",
              lambda aws: aws.revoked("database", aws.rule(POSTGRESQL, "limiter")), target="postgresql"),
    Situation("no ingress rule for a peer's group", "ingress_for_another_source", lambda aws: aws.revoked("cache", aws.rule(REDIS, "distant")), DISTANT),
    Situation("rule for another port", "ingress_for_another_port", lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(6380, "limiter"))),
    Situation("rule for another protocol", "ingress_for_another_protocol",
              lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(REDIS, "limiter", "udp"))),
    Situation("rule for another source", "ingress_for_another_source",
              lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(REDIS, "10.99.0.0/16"))),
    Situation("no ingress rule at all", "ingress_missing", lambda aws: aws.revoked("cache", aws.rule(REDIS, "limiter"), aws.rule(REDIS, "distant"))),
    Situation("egress closed", "egress_closed", lambda aws: aws.revoked("limiter", ALL, egress=True)),
    Situation("other VPC without a route", "route_missing", lambda aws: aws.unrouted(aws.other, "10.20.0.0/16"), DISTANT),
    Situation("peering without a route back", "return_route_missing", lambda aws: aws.unrouted(aws.vpc, "10.30.0.0/16"), DISTANT, "postgresql"),
    Situation("a longer prefix leads into a black hole", "blackhole", lambda aws: aws.swallowed(aws.other, "10.20.2.0/24"), DISTANT),
    Situation("ACL denies at the cache", "acl_denies", lambda aws: aws.denied("data", False, REDIS, REDIS)),
    Situation("ACL denies at the client", "acl_denies", lambda aws: aws.denied("limiter", True, REDIS, REDIS)),
    Situation("ACL denies the answers at the cache", "acl_denies_answers", lambda aws: aws.denied("data", True, 32768, 65535)),
    Situation("ACL denies the answers at the client", "acl_denies_answers", lambda aws: aws.denied("limiter", False, 1024, 65535, "10.20.2.0/24")),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name.replace(" ", "-"))
def test_packets_are_dropped_and_the_client_times_out_and_it_is_told_why(
    ground: Ground, sandbox: sandboxes.Sandbox, situation: Situation, record_property: t.Callable[[str, t.Any], None],
) -> None:
    with ground.altered(situation.broken):
        seen = look(ground, sandbox, situation.source, situation.target)
        answers = answered(ground)
    (result,) = seen["results"]
    assert (result["error"]["class"], result["port_open"], result["from_address"]) == ("timeout", False, situation.source)
    causes = explained(ground, seen, answers)
    record_property("diagnosis", diagnosed.row(situation.name, causes))
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [(situation.told, "certain")]
    blind = explained(ground, seen, None)
    assert len(blind) > 1 and {cause["confidence"] for cause in blind} == {"possible"}


def test_two_things_that_are_wrong_at_once_are_both_named(
    ground: Ground, sandbox: sandboxes.Sandbox, record_property: t.Callable[[str, t.Any], None],
) -> None:
    with ground.altered(lambda aws: aws.revoked("cache", aws.rule(REDIS, "limiter"))):
        with ground.altered(lambda aws: aws.denied("data", True, 32768, 65535)):
            seen = look(ground, sandbox, LIMITER, "redis")
            causes = explained(ground, seen, answered(ground))
    record_property("diagnosis", diagnosed.row("no ingress rule, and an ACL denies the answers", causes))
    assert {(cause["situation"], cause["confidence"]) for cause in causes} == {
        ("ingress_for_another_source", "certain"), ("acl_denies_answers", "certain"),
    }


def answered(ground: Ground) -> dict[str, t.Any]:
    """All that EC2 says now: a group without rules is known by its name alone."""
    return {**ground.answers, "SecurityGroups": ground.aws.ec2.describe_security_groups()["SecurityGroups"]}


def explained(ground: Ground, seen: dict[str, t.Any], answers: t.Optional[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What the diagnosis makes of what a client saw. answers: of EC2, None where they are withheld."""
    (result,) = seen["results"]
    cache = diagnosed.cache(
        endpoints={"primary": {"address": CACHE, "port": REDIS}, "nodes": []}, vpc_id=ground.aws.vpc, security_group_ids=[ground.aws.groups["cache"]],
    )
    database = diagnosed.instance(
        endpoint={"address": DATABASE, "port": POSTGRESQL}, db_subnet_group={"vpc_id": ground.aws.vpc},
        vpc_security_groups=[{"vpc_security_group_id": ground.aws.groups["database"]}],
    )
    network = None if answers is None else {xform_name(member): [camel_dict_to_snake_dict(item) for item in items] for member, items in answers.items()}
    facts = {"network": network, "database": {"instances": [database]}, "read": []}
    checks = [{"id": f"limiter-1>{result['name']}", "verdict": "failed"}]
    return diagnose([{"vantage": "limiter-1", "inside": True, "seen": seen}], checks, facts, cache, {})


@pytest.mark.parametrize("source", [LIMITER, DISTANT])
def test_both_servers_answer_where_nothing_is_wrong(ground: Ground, sandbox: sandboxes.Sandbox, source: str) -> None:
    """After all of that, too."""
    seen = look(ground, sandbox, source, timeout=20)["results"]
    assert [(each["reachable"], each["from_address"]) for each in seen] == [(True, source)] * 2


def test_a_port_that_is_let_in_and_has_no_server_refuses(
    ground: Ground, sandbox: sandboxes.Sandbox, record_property: t.Callable[[str, t.Any], None],
) -> None:
    with ground.altered(lambda aws: aws.instead("cache", aws.rule(REDIS, "limiter"), aws.rule(6380, "limiter"))):
        seen = look(ground, sandbox, LIMITER, "redis", port=6380, timeout=20)
        causes = explained(ground, seen, answered(ground))
    record_property("diagnosis", diagnosed.row("wrong port", causes))
    assert seen["results"][0]["error"]["class"] == "refused"
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [("wrong_port", "certain")]


def test_nobody_outside_of_the_vpc_reaches_a_private_address(
    ground: Ground, sandbox: sandboxes.Sandbox, record_property: t.Callable[[str, t.Any], None],
) -> None:
    seen = look(ground, sandbox, OUTSIDE, "redis")
    causes = explained(ground, seen, answered(ground))
    record_property("diagnosis", diagnosed.row("outside of the VPC", causes))
    assert (seen["results"][0]["error"]["class"], seen["results"][0]["from_address"]) == ("timeout", OUTSIDE)
    assert [(cause["situation"], cause["confidence"]) for cause in causes] == [("outside_of_vpc", "certain")]
