# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.drift import told

DOCUMENTATION = r"""
name: drift_differences
short_description: Leaves out of plans' differences what a plan only changes along
version_added: 0.1.0
description:
  - A field that a plan takes over several values is one difference. An alarm that is not there is one, and so is a cache's token.
options:
  _input:
    description: Members of C(differences) and C(left_alone) of this collection's modules.
    type: list
    elements: dict
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ (look.differences + look.left_alone) | huntaze.ai_system.drift_differences }}"
"""

RETURN = r"""
_value:
  description: What differs. C(lowers_security) of each says whether it lets more in.
  type: list
  elements: dict
"""


class FilterModule:
    def filters(self):
        return {"drift_differences": told}
