# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments without limiter agents."""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

import pytest
from support import deployment, sandboxes


@pytest.fixture
def deploy(sandbox: sandboxes.Sandbox, tmp_path: Path) -> t.Callable[..., deployment.Outcome]:
    """Without limiter agents, which take most of a deployment's time: test_agents.py is about them."""
    return functools.partial(deployment.run, sandbox, inventory=deployment.inventory_without_agents(tmp_path))
