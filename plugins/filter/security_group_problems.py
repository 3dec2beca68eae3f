# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.estate import group_problems

DOCUMENTATION = r"""
name: security_group_problems
short_description: Lists the security groups that a deployment names and AWS does not have
version_added: 0.1.0
description:
  - Judges what preflight has looked up, before anything is changed.
  - AWS refuses a rule that names a group that is not there, and only then.
options:
  _input:
    description: The result of M(huntaze.ai_system.estate_info), which has read the security groups.
    type: dict
    required: true
  named:
    description: The identifiers of the groups that the deployment names.
    type: list
    elements: str
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Refuse groups that are not there
  ansible.builtin.assert:
    that: estate | huntaze.ai_system.security_group_problems(named=['sg-0123456789abcdef0']) | length == 0
"""

RETURN = r"""
_value:
  description: One sentence for each problem. Empty if there is none.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self):
        return {"security_group_problems": group_problems}
