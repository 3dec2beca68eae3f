# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.stages import agents_plans

DOCUMENTATION = r"""
name: agents_plans
short_description: Says what was found on the hosts of the limiter agents
version_added: 0.1.0
description:
  - Reads what M(huntaze.ai_system.limiter_agent) answered in check mode.
options:
  _input:
    description: Its results, by the name of the host. Empty where nobody has looked.
    type: dict
    required: true
  expected:
    description: The hosts that should have been looked at.
    type: list
    elements: str
    default: []
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show what the agents would be refused for
  ansible.builtin.debug:
    msg: "{{ ({'limiter-1': limiter_agent_look} | huntaze.ai_system.agents_plans).refusals }}"
"""

RETURN = r"""
_value:
  description: What was found.
  type: dict
  contains:
    refusals:
      description: What the agents would be refused for, and which hosts cannot be reached, one sentence each.
      type: list
      elements: str
    unseen:
      description: What could not be compared, each with C(stage), C(host) and C(message).
      type: list
      elements: dict
    differences:
      description: What differs, as the module told it.
      type: list
      elements: dict
"""


class FilterModule:
    def filters(self):
        return {"agents_plans": agents_plans}
