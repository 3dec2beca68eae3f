# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.alarms import deployment_alarms

DOCUMENTATION = r"""
name: deployment_alarms
short_description: Lists the alarms of a deployment
version_added: 0.1.0
description:
  - The guide's alarm, those of each node of the cache, each instance of the database and the limiter agents, one of the whole, and the inventory's own.
  - The result is what M(huntaze.ai_system.cloudwatch_alarms) takes as C(alarms).
options:
  _input:
    description: The inventory's mappings by name, such as C(huntaze_names) and C(huntaze_alarms).
    type: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  instances:
    description: The database's instances, as M(huntaze.ai_system.estate_info) describes them.
    type: list
    elements: dict
    default: []
  agents:
    description: How many limiter agents the inventory deploys.
    type: int
    default: 0
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show the alarms of a deployment
  ansible.builtin.debug:
    msg: "{{ declared | huntaze.ai_system.deployment_alarms(found.cache, agents=2) }}"
  vars:
    declared: {'huntaze_names': "{{ huntaze_names }}", 'huntaze_cache': "{{ huntaze_cache }}", 'huntaze_alarms': {'actions': none}}
"""

RETURN = r"""
_value:
  description: The alarms, in the fields of M(huntaze.ai_system.cloudwatch_alarms).
  type: list
  elements: dict
"""


class FilterModule:
    def filters(self):
        return {"deployment_alarms": deployment_alarms}
