# SPDX-License-Identifier: GPL-3.0-or-later
"""`reach` says that a server can be reached exactly when packets get through: held to real packets in networks at random."""

from __future__ import annotations

import json
import os
import typing as t

import pytest
from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.reach import Network, reach
from generated import PORTS, address, networks, outsider, public_address
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from support.fabric import Fabric
from support.packets import Question, got_through

NETWORKS, SEED = int(os.environ.get("HUNTAZE_NETWORKS", "300")), os.environ.get("HUNTAZE_SEED")
SIDE_BY_SIDE = 50
Case = tuple[str, str, int]  # the interface that asks, or somebody outside; the interface or the public address that is asked; the port


def drawn(number: int) -> list[dict[str, t.Any]]:
    """The same ones at each run, unless the environment names a seed."""
    found: list[dict[str, t.Any]] = []

    @settings(
        max_examples=number, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=SEED is None)
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        found.append(data.draw(networks(f"{len(found):04}")))

    (draw if SEED is None else seed(int(SEED))(draw))()
    return found[:number]


def told(answers: dict[str, t.Any]) -> dict[Case, t.Any]:
    """What the collection makes of EC2's answers."""
    network = Network.of(camel_dict_to_snake_dict(answers))
    return {(client, server, port): reach(network, client, server, "tcp", port) for client, server, port in cases_of(answers)}


def cases_of(answers: dict[str, t.Any]) -> list[Case]:
    servers = {each["NetworkInterfaceId"]: [each["NetworkInterfaceId"], *filter(None, [public_address(each)])] for each in answers["NetworkInterfaces"]}
    outside = [outsider_of(answers)] if any(public_address(each) for each in answers["NetworkInterfaces"]) else []
    return [
        (client, server, port) for client in [*sorted(servers), *outside] for name, names in servers.items() for server in names for port in PORTS
        if client != name and (client in servers or server != name)
    ]


def outsider_of(answers: dict[str, t.Any]) -> str:
    return outsider(answers["Vpcs"][0]["VpcId"].removeprefix("vpc-")[:4])


def packets_of(found: list[dict[str, t.Any]], expected: set[Case]) -> set[Case]:
    """The cases whose connections are made, of all these networks side by side."""
    interfaces = [each for answers in found for each in answers["NetworkInterfaces"]]
    with Fabric() as fabric:
        fabric.apply({kind: [item for answers in found for item in answers[kind]] for kind in found[0]})
        ends = {each["NetworkInterfaceId"]: (fabric.host(each["NetworkInterfaceId"]), address(each)) for each in interfaces}
        ends |= {public: (fabric.host(each["NetworkInterfaceId"]), public) for each in interfaces if (public := public_address(each))}
        ends |= {(name := outsider_of(answers)): (fabric.outsider(name), name) for answers in found}
        return got_through({case: Question(*ends[case[0]], *ends[case[1]], case[2]) for answers in found for case in cases_of(answers)}, expected)


def test_reachable_exactly_when_a_packet_gets_through(capsys: pytest.CaptureFixture[str]) -> None:
    found, wrong, asked, through = drawn(NETWORKS), [], 0, 0
    for start in range(0, len(found), SIDE_BY_SIDE):
        batch = found[start:start + SIDE_BY_SIDE]
        said = {case: one for answers in batch for case, one in told(answers).items()}
        real = packets_of(batch, {case for case, one in said.items() if one.verdict == "reachable"})
        asked, through = asked + len(said), through + len(real)
        wrong += [(case, one, case in real) for case, one in said.items() if one.verdict != ("reachable" if case in real else "blocked")]
    with capsys.disabled():
        print(f"\n{len(found)} generated networks, {asked} connections, {through} got through, {len(wrong)} told wrongly")
    for case, one, got in wrong[:1]:
        answers = next(each for each in found if case in cases_of(each))
        pytest.fail(f"{case}: packets {'get through' if got else 'are dropped'}, and reach says {one.verdict}\n"
                    + "\n".join(map(str, (*one.hops, *one.unknown))) + "\n" + json.dumps(answers, indent=1))
    assert asked > 10 * NETWORKS and asked * 0.1 < through < asked * 0.9, "what is drawn says little: nearly all gets through, or nearly nothing"
