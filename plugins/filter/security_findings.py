# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.findings import security_findings

DOCUMENTATION = r"""
name: security_findings
short_description: Says what of an estate could be safer
version_added: 0.1.0
description:
  - Holds what AWS says of the estate, and what is declared, to a table of rules. C(docs/posture.md) of the repository has the table.
  - Each finding says what was found, what that means, the way out, and what the way out breaks.
  - What nobody could look at is no finding, and is not fine either. It is told in C(unseen).
  - Secrets are named, never shown.
options:
  _input:
    description: The result of M(huntaze.ai_system.estate_info).
    type: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  declared:
    description: The inventory's mappings by name, such as C(huntaze_limiter) and C(huntaze_database).
    type: dict
    required: true
  agents:
    description: How many limiter agents the inventory deploys.
    type: int
    default: 0
  now:
    description: The time, in ISO 8601. Default is the clock's.
    type: str
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Read what there is
  huntaze.ai_system.estate_info:
    region: us-east-1
    cache_name: huntaze-redis-production
  register: estate

- name: Show what of the cache could be safer
  ansible.builtin.debug:
    msg: "{{ (estate | huntaze.ai_system.security_findings(found.cache, {})).findings | map(attribute='found') }}"
"""

RETURN = r"""
_value:
  description:
    - C(findings), as C(security) of the report has them, the gravest first. C(state) is the report's own.
    - C(unseen), a sentence for each thing that nobody could look at.
  type: dict
"""


class FilterModule:
    def filters(self):
        return {"security_findings": security_findings}
