# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.stages import planned_stages

DOCUMENTATION = r"""
name: planned_stages
short_description: Lists the stages that preflight plans
version_added: 0.1.0
description:
  - A stage is planned by the tasks that it runs itself, in check mode. They stand in C(playbooks/stages/tasks/NAME.yml) of this collection.
options:
  _input:
    description: Names of stages.
    type: list
    elements: str
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show the stages of this run that preflight plans
  ansible.builtin.debug:
    msg: "{{ ansible_run_tags | huntaze.ai_system.run_stages | huntaze.ai_system.planned_stages }}"
"""

RETURN = r"""
_value:
  description: Those of the stages that have such a file, in the order given.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self):
        return {"planned_stages": planned_stages}
