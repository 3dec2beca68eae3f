# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verification_targets
short_description: Says what a host of the inventory looks at in a verification
version_added: 0.1.0
description:
  - A host that is to get through looks at the cache, the database and the endpoints that a run has replaced. A limiter host also looks at the way to
    CloudWatch.
  - A host that is to be kept out looks at the same and at the agents. It gets no secret.
  - The controller looks at the agents, and at the app's test route.
options:
  _input:
    description: What P(huntaze.ai_system.verification_places#filter) returned.
    type: dict
    required: true
  declared:
    description: The inventory's mappings by name, such as C(huntaze_cache) and C(huntaze_limiter).
    type: dict
    required: true
  host:
    description: The host's variables. C(inventory_hostname), C(group_names) and C(huntaze_vantage) count.
    type: dict
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Look at all of it
  huntaze.ai_system.reachability:
    targets: "{{ places | huntaze.ai_system.verification_targets(declared, hostvars[inventory_hostname]) }}"
"""

RETURN = r"""
_value:
  description: The option C(targets) of M(huntaze.ai_system.reachability). They hold secrets.
  type: list
  elements: dict
"""

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment import looks


def verification_targets(places, declared, host):
    return looks.targets(places, declared, looks.Vantage.of(host))


class FilterModule:
    def filters(self):
        return {"verification_targets": verification_targets}
