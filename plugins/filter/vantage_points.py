# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vantage_points
short_description: Says of hosts of the inventory what each saw in a verification
version_added: 0.1.0
description: P(huntaze.ai_system.diagnose#filter) takes the result.
options:
  _input:
    description: The variables of the hosts. C(inventory_hostname), C(group_names), C(huntaze_vantage) and C(huntaze_seen) count.
    type: list
    elements: dict
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show where packets leave from
  ansible.builtin.debug:
    msg: "{{ [hostvars['limiter-1']] | huntaze.ai_system.vantage_points | map(attribute='seen.results') | flatten | map(attribute='from_address') }}"
"""

RETURN = r"""
_value:
  description:
    - A mapping a host. C(vantage) is its name in the report, and C(inside) whether what it looks at is to let it in. C(agent) tells whether a limiter agent
      runs there, and C(seen) is the result of M(huntaze.ai_system.reachability).
  type: list
  elements: dict
"""

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.looks import Vantage


def vantage_points(hosts):
    return [{"vantage": at.name, "inside": at.inside is not False, "agent": at.agent, "seen": seen} for at, seen in map(_looked, hosts)]


def _looked(host):
    return Vantage.of(host), host.get("huntaze_seen") or {}


class FilterModule:
    def filters(self):
        return {"vantage_points": vantage_points}
