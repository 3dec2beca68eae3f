# SPDX-License-Identifier: GPL-3.0-or-later
"""Real packets: needs network namespaces and nftables."""

from __future__ import annotations

import typing as t

import pytest
from grounds import Ground, Grounds
from support import namespaces, sandboxes


@pytest.fixture(scope="session", autouse=True)
def real_packets() -> None:
    namespaces.require()


@pytest.fixture(scope="session")
def ground(real_packets: None, sandbox: sandboxes.Sandbox, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Ground]:
    """The VPCs of grounds.py with servers that answer. A test alters EC2, has the fabric follow, and leaves EC2 as it was."""
    sandbox.reset()
    ground = Ground(Grounds(sandbox.client("ec2")), tmp_path_factory.mktemp("ground"))
    yield ground
    ground.close()
