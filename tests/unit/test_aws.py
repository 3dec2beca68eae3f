# SPDX-License-Identifier: GPL-3.0-or-later
"""How clients name themselves."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.huntaze.ai_system.plugins.module_utils import _aws

REPOSITORY = Path(__file__).parents[2]


def test_clients_bear_the_version_of_the_collection():
    assert _aws.VERSION == yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["version"]
