# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens on a limiter host stands behind the host's security groups."""

from __future__ import annotations

import contextlib
import socket
import typing as t

import pytest
from support import namespaces, sandboxes

PORT = 8443


@pytest.fixture
def listening(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> t.Iterator[None]:
    """As an agent does, on its host's address."""
    namespaces.require()
    with contextlib.ExitStack() as stack:
        for address in estate["limiter_hosts"]:
            stack.enter_context(socket.create_server((address, PORT)))
        yield


def reaches(sandbox: sandboxes.Sandbox, host: int = 0, source: str | None = None, seconds: float = 0.3) -> bool:
    source = source or sandbox.estate["stranger_address"]
    try:
        with socket.create_connection((sandbox.estate["limiter_hosts"][host], PORT), timeout=seconds, source_address=(source, 0)):
            return True
    except TimeoutError:
        return False


def rule(source: str, first: int = PORT, last: int = PORT, protocol: str = "tcp") -> dict[str, t.Any]:
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last, "IpRanges": [{"CidrIp": source}]}


@pytest.mark.usefixtures("listening")
def test_a_stranger_waits_in_vain_until_a_rule_lets_it_in(sandbox: sandboxes.Sandbox) -> None:
    ec2, group, stranger = sandbox.client("ec2"), sandbox.estate["limiter_security_group_id"], sandbox.estate["stranger_address"]
    assert not reaches(sandbox) and not reaches(sandbox, 1)
    for given, opens in (
        (rule(f"{stranger}/32"), True), (rule("0.0.0.0/0"), True), (rule("127.0.0.0/8", 8000, 9000), True), (rule("0.0.0.0/0", 443, 443), False),
        (rule("0.0.0.0/0", protocol="udp"), False), (rule("10.0.0.0/8"), False),
    ):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[given])
        assert reaches(sandbox, seconds=20 if opens else 0.3) is opens, given
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[given])
    assert not reaches(sandbox)


@pytest.mark.usefixtures("listening")
def test_what_the_hosts_send_to_themselves_meets_no_group(sandbox: sandboxes.Sandbox) -> None:
    assert all(reaches(sandbox, host, sandbox.estate["limiter_address"], 20) for host in (0, 1))


@pytest.mark.usefixtures("listening")
def test_a_connection_that_stands_outlives_its_rule(sandbox: sandboxes.Sandbox) -> None:
    ec2, group = sandbox.client("ec2"), sandbox.estate["limiter_security_group_id"]
    address = sandbox.address("0.77"), 0
    with socket.create_server((sandbox.estate["limiter_hosts"][0], 9443)) as server:
        given = [rule("0.0.0.0/0", 9443, 9443)]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=given)
        with socket.create_connection(server.getsockname(), timeout=20, source_address=address) as client, server.accept()[0] as accepted:
            ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=given)
            client.sendall(b"still here")
            accepted.settimeout(20)
            assert accepted.recv(10) == b"still here"
