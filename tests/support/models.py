# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's service models, read once in the process of which modules are forks, as Ansible's actions do."""

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils import _models

for service in ("amplify", "cloudwatch", "ec2", "elasticache"):
    _models.read(service)
use = _models.use
