# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.stages import run_stages

DOCUMENTATION = r"""
name: run_stages
short_description: Lists the stages that a run of the deployment has
version_added: 0.1.0
description:
  - The stages are those that C(playbooks/deploy.yml) of this collection lists. Each bears its name as a tag.
options:
  _input:
    description: The tags that the run was started with, Ansible's C(ansible_run_tags).
    type: list
    elements: str
    required: true
  skipped:
    description: The tags that the run leaves out, Ansible's C(ansible_skip_tags).
    type: list
    elements: str
    default: []
  looks_only:
    description: Whether the run only looks. Then it has no stage.
    type: bool
    default: false
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show the stages of this run
  ansible.builtin.debug:
    msg: "{{ ansible_run_tags | huntaze.ai_system.run_stages(skipped=ansible_skip_tags) }}"
"""

RETURN = r"""
_value:
  description: The names of the stages, in their order.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self):
        return {"run_stages": run_stages}
