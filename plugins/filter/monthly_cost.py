# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.cost import monthly_cost

DOCUMENTATION = r"""
name: monthly_cost
short_description: Says what a month of the estate costs
version_added: 0.1.0
description:
  - Counts the cache's nodes, the limiter agents' hosts with their disks and public addresses, the database, alarms, metrics and builds.
  - Prices are those of a table in this collection, on demand in us-east-1. C(price_table) is the day of the oldest of those that were counted.
  - What has no price in the table, and what nobody looked at, is named in C(not_counted). Nothing is guessed.
  - A month has 730 hours.
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
    description: The inventory's mappings by name, such as C(huntaze_limiter) and C(huntaze_alarms).
    type: dict
    required: true
  agents:
    description: How many limiter agents the inventory deploys.
    type: int
    default: 0
  created:
    description:
      - The names of the alarms that this run has made. C(change) is what they cost a month.
      - Where the alarm for silent agents is among them, the agents' metrics are as new as it is, and count too.
    type: list
    elements: str
    default: []
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

- name: Show what a month of the cache costs
  ansible.builtin.debug:
    msg: "{{ estate | huntaze.ai_system.monthly_cost(found.cache, {}) }}"
"""

RETURN = r"""
_value:
  description:
    - The C(cost) of the report.
    - C(month) is the sum of C(items), in C(currency). An item whose quantity or whose price's day is not known is C(estimated), others are C(listed).
    - C(notes) names what would be counted, had somebody been able to look at it.
  type: dict
"""


class FilterModule:
    def filters(self):
        return {"monthly_cost": monthly_cost}
