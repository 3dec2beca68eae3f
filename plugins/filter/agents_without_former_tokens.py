# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.stages import agents_without_former_tokens

DOCUMENTATION = r"""
name: agents_without_former_tokens
short_description: Lists the hosts whose limiter agents keep no former bearer token
version_added: 0.1.0
description:
  - Reads what M(huntaze.ai_system.limiter_agent) answered last on each host. A host of which nothing is known is not listed.
options:
  _input:
    description: The variables of the hosts.
    type: list
    elements: dict
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show which agents have nothing to forget
  ansible.builtin.debug:
    msg: "{{ groups.huntaze_limiter_agents | map('extract', hostvars) | huntaze.ai_system.agents_without_former_tokens }}"
"""

RETURN = r"""
_value:
  description: The names of the hosts.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self):
        return {"agents_without_former_tokens": agents_without_former_tokens}
