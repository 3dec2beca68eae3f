# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.ingress import callers_ingress

DOCUMENTATION = r"""
name: callers_ingress
short_description: Lists the ingress rules that let callers reach the limiter agents
version_added: 0.1.0
description:
  - One rule for each source of C(listen_from).
  - The result is what M(huntaze.ai_system.security_group_ingress) takes as C(rules).
options:
  _input:
    description: The inventory's C(huntaze_limiter).
    type: dict
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Let callers in
  huntaze.ai_system.security_group_ingress:
    group_id: "{{ huntaze_limiter.security_group_id }}"
    rules: "{{ huntaze_limiter | huntaze.ai_system.callers_ingress }}"
"""

RETURN = r"""
_value:
  description: The rules, in the fields of M(huntaze.ai_system.security_group_ingress).
  type: list
  elements: dict
"""


class FilterModule:
    def filters(self):
        return {"callers_ingress": callers_ingress}
