# SPDX-License-Identifier: GPL-3.0-or-later
"""The default sandbox, whose packets meet security groups alone: what EC2 says of it is what its clients see."""

from __future__ import annotations

import socket
import typing as t

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.reach import Network, reach
from support import sandboxes
from support.fabric import described

AGENT = 8443


def connects(place: tuple[str, int], source: str, expected: bool) -> bool:
    """Waits for a connection that is expected for as long as it takes."""
    try:
        socket.create_connection(place, timeout=20 if expected else 0.3, source_address=(source, 0)).close()
    except TimeoutError:
        return False
    return True


def test_what_ec2_says_of_the_sandbox_is_what_clients_see(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    ec2, limiter, stranger = sandbox.client("ec2"), estate["limiter_address"], estate["stranger_address"]
    places = {
        "cache": (sandbox.address("1.10"), 6379), "database": (estate["database"]["address"], estate["database"]["port"]),
        "limiter": (estate["limiter_hosts"][1], AGENT),
    }
    # The stranger is one of the VPC's hosts here, as AWS says nothing of others.
    (subnet,) = ec2.describe_subnets(Filters=[{"Name": "cidr-block", "Values": [sandbox.address("0.0/24")]}])["Subnets"]
    ec2.create_network_interface(SubnetId=subnet["SubnetId"], PrivateIpAddress=stranger)
    limiters = {"UserIdGroupPairs": [{"GroupId": estate["limiter_security_group_id"]}]}
    with socket.create_server(places["limiter"]):
        # From the limiter to itself nothing is asked: what a host sends to itself meets no group.
        for name, source, others in (
            ("cache", limiter, limiters), ("database", limiter, limiters),
            *((name, stranger, {"IpRanges": [{"CidrIp": f"{stranger}/32"}]}) for name in places),
        ):
            place, group = places[name], estate[f"{name}_security_group_id"]
            given = {"GroupId": group, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": place[1], "ToPort": place[1], **others}]}
            assert (told(ec2, source, place), connects(place, source, False)) == ("blocked", False), (name, source)
            ec2.authorize_security_group_ingress(**given)
            assert (told(ec2, source, place), connects(place, source, True)) == ("reachable", True), (name, source)
            ec2.revoke_security_group_ingress(**given)


def told(ec2: t.Any, source: str, place: tuple[str, int]) -> str:
    return reach(Network.of(camel_dict_to_snake_dict(described(ec2))), source, place[0], "tcp", place[1]).verdict
