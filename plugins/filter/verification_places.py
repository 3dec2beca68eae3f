# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verification_places
short_description: Says where everything is that a verification looks at
version_added: 0.1.0
description:
  - The result holds no secret.
  - P(huntaze.ai_system.verification_targets#filter) makes targets of it.
options:
  _input:
    description: The inventory's mappings by name, such as C(huntaze_cache) and C(huntaze_limiter).
    type: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  former:
    description: The endpoints of the cache's nodes as they were before the run. Those that are gone are looked at too.
    type: list
    elements: dict
    default: []
  instances:
    description: The database's instances as AWS describes them, in snake case.
    type: list
    elements: dict
    default: []
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show where the database is looked for
  ansible.builtin.debug:
    msg: "{{ (declared | huntaze.ai_system.verification_places(found.cache)).database }}"
"""

RETURN = r"""
_value:
  description: Places by name. A place that nobody knows is null.
  type: dict
"""

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment import looks


def verification_places(variables, cache, former=(), instances=()):
    return looks.places(variables, cache or {}, former, instances)


class FilterModule:
    def filters(self):
        return {"verification_places": verification_places}
