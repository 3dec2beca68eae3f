# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.estate import estate_problems

DOCUMENTATION = r"""
name: estate_problems
short_description: Lists what a deployment cannot do with the cache and the database that were found
version_added: 0.1.0
description:
  - Judges the cache and the database that preflight has looked up, before anything is changed.
  - Leaves out what the modules refuse themselves.
options:
  _input:
    description:
      - What the deployment asks for, and what was found.
      - C(region), C(cache_name), C(cache_security_group_id), C(agents), C(database_identifier), C(allow_limiter) and C(stages) are what
        the deployment asks for.
      - C(cache) is the result of M(huntaze.ai_system.elasticache_info), C(estate) that of M(huntaze.ai_system.estate_info), which has read the
        account and the database's instances.
    type: dict
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Refuse an estate that the stages cannot work with
  ansible.builtin.assert:
    that: looked_up | huntaze.ai_system.estate_problems | length == 0
"""

RETURN = r"""
_value:
  description: One sentence for each problem. Empty if there is none.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self):
        return {"estate_problems": estate_problems}
