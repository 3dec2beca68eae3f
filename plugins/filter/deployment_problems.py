# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.problems import deployment_problems

DOCUMENTATION = r"""
name: deployment_problems
short_description: Lists what is wrong with the variables of a deployment
version_added: 0.1.0
description:
  - Checks all mappings at once, so that one run tells everything that needs attention.
  - Each sentence names the variable, what was found and the way out. No sentence quotes a secret.
  - Reads the files of CA certificates on the controller. Nothing else is read.
options:
  _input:
    description: The inventory's mappings by name, such as C(huntaze_aws) and C(huntaze_cache).
    type: dict
    required: true
  agents:
    description: Whether the inventory's group C(huntaze_limiter_agents) has hosts. C(huntaze_limiter.agents) has to agree with that.
    type: bool
    default: false
  switches:
    description: Variables of the command line that have to be true or false, by name. C(-e) makes text of them.
    type: dict
    default: {}
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Refuse a deployment that cannot work
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: "{{ {'huntaze_aws': huntaze_aws, 'huntaze_cache': huntaze_cache} | huntaze.ai_system.deployment_problems }}"
"""

RETURN = r"""
_value:
  description: One sentence for each problem. Empty if there is none.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self):
        return {"deployment_problems": deployment_problems}
