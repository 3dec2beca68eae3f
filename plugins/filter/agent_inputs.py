# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.agent import agent_inputs

DOCUMENTATION = r"""
name: agent_inputs
short_description: Says what the role limiter_agent gets of a deployment
version_added: 0.1.0
description:
  - Each key of the result is a variable of the role P(huntaze.ai_system.limiter_agent#role) without C(limiter_agent_).
  - Reads the file of the cache's certificate authorities on the controller. Nothing else is read.
options:
  _input:
    description: The inventory's mappings by name, such as C(huntaze_cache) and C(huntaze_limiter).
    type: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  agents:
    description: How many agents share the cache.
    type: int
    required: true
  address:
    description: The address that the agent listens on. Without it, all of the host.
    type: str
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show where the agent finds the cache
  ansible.builtin.debug:
    msg: "{{ (declared | huntaze.ai_system.agent_inputs(found.cache, agents=2)).redis.host }}"
"""

RETURN = r"""
_value:
  description: The role's variables. They hold secrets.
  type: dict
"""


class FilterModule:
    def filters(self):
        return {"agent_inputs": agent_inputs}
