# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.stages import stage_plans

DOCUMENTATION = r"""
name: stage_plans
short_description: Says what each stage would do, and what it would be refused for
version_added: 0.1.0
description:
  - Reads what the modules of the stages told in check mode.
options:
  _input:
    description: >-
      Their results, by the names that they are registered under, C(huntaze_told_STAGE) or C(huntaze_told_STAGE_PART).
    type: dict
    required: true
  cache:
    description: The cache as M(huntaze.ai_system.elasticache_info) has found it. Empty if it has not.
    type: dict
    default: {}
  estate:
    description: Why stages cannot work with what was found, as P(huntaze.ai_system.estate_problems#filter) says it.
    type: list
    elements: str
    default: []
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show what the stage alarms would do
  ansible.builtin.debug:
    msg: "{{ ({'huntaze_told_alarms': kept} | huntaze.ai_system.stage_plans(cache=found.cache)).planned.alarms }}"
"""

RETURN = r"""
_value:
  description: The plans.
  type: dict
  contains:
    planned:
      description: By the name of the stage, its steps, and what has to be waited for.
      type: dict
      sample: {network: [], auth_open: [], auth_close: [], app: [a build is under way], alarms: []}
    refusals:
      description: What the stages would be refused for, one sentence each.
      type: list
      elements: str
    refused:
      description: The names of the stages that would be refused.
      type: list
      elements: str
    unseen:
      description: What could not be compared, each with C(stage), C(host), which is null, and C(message).
      type: list
      elements: dict
    differences:
      description: What differs, as the modules told it, whether a run puts it right or leaves it as it is.
      type: list
      elements: dict
"""


class FilterModule:
    def filters(self):
        return {"stage_plans": stage_plans}
