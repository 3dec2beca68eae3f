# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verification_verdicts
short_description: Judges what was seen from the vantage points
version_added: 0.1.0
description:
  - Turns what M(huntaze.ai_system.elasticache_info), M(huntaze.ai_system.estate_info), M(huntaze.ai_system.limiter_decisions),
    M(huntaze.ai_system.cloudwatch_metric_info) and M(huntaze.ai_system.reachability) found into verdicts.
  - What nobody looked at is C(not_verified). What check mode left out is C(skipped). Neither is ever C(ok).
  - Dropped packets of an outside host are C(ok) only if an inside host has got through. Otherwise the cache may be down.
  - A former endpoint that still resolves counts as gone if it refuses plain text, by an error, by silence or by a reset.
options:
  _input:
    description:
      - The variables of the hosts that looked, one mapping for each.
      - C(inventory_hostname) names the vantage point. It is meant to get through unless C(huntaze_vantage.expect) is C(unreachable). localhost is the
        controller, which is meant to get through only as a member of C(huntaze_vantage_points).
      - C(huntaze_seen) is the registered result of M(huntaze.ai_system.reachability).
    type: list
    elements: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  places:
    description: What P(huntaze.ai_system.verification_places#filter) returned.
    type: dict
    required: true
  limiter:
    description:
      - What was seen of the limiter agents. Leave it out if there are none.
      - C(decisions) is what M(huntaze.ai_system.limiter_decisions) returns as such.
      - C(metrics) is the result of M(huntaze.ai_system.cloudwatch_metric_info).
    type: dict
  estate:
    description: The result of M(huntaze.ai_system.estate_info). What it lacks is C(not_verified).
    type: dict
  declared:
    description: The inventory's mappings by name. Without them, nothing is said of the bucket and the app.
    type: dict
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Judge what one host saw
  ansible.builtin.debug:
    msg: "{{ [hostvars['limiter-1']] | huntaze.ai_system.verification_verdicts(found.cache, declared | huntaze.ai_system.verification_places(found.cache)) }}"
"""

RETURN = r"""
_value:
  description:
    - One mapping for each judgement, as C(checks) of the report has them.
    - C(from) and C(to) name the way, and C(expected) what should come of it, C(reached), C(refused), C(kept out) or C(gone).
      C(verdict) is C(ok), C(failed), C(skipped) or C(not_verified). C(says) tells why.
      C(latency_ms), C(tls) and C(authentication) are what the client saw, or null.
    - C(line) has all of it in one line of text.
  type: list
  elements: dict
"""

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment import looks
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import verdicts


def verification_verdicts(hosts, cache, places, limiter=None, estate=None, declared=None):
    seen_from = [verdicts.seen_by(host, places) for host in hosts]
    return verdicts.checks(seen_from, cache or {}, places.get("has_database", False), limiter, estate, looks.expected(declared or {}))


class FilterModule:
    def filters(self):
        return {"verification_verdicts": verification_verdicts}
