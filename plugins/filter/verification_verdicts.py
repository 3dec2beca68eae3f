# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verification_verdicts
short_description: Judges what was seen from the vantage points
version_added: 0.1.0
description:
  - Turns what M(huntaze.ai_system.elasticache_info), M(huntaze.ai_system.redis_reachability) and
    M(huntaze.ai_system.postgres_reachability) found into verdicts.
  - What nobody looked at is C(not_verified). What check mode left out is C(skipped). Neither is ever C(ok).
  - Dropped packets of an outside host are C(ok) only if an inside host has got through. Otherwise the cache may be down.
  - A former endpoint that still resolves counts as gone if it refuses plain text, by an error, by silence or by a reset.
options:
  _input:
    description:
      - The variables of the hosts that looked, one mapping for each.
      - C(inventory_hostname) names the vantage point. It is meant to get through unless C(huntaze_vantage.expect) is C(unreachable).
      - C(huntaze_seen_tls), C(huntaze_seen_plain) and C(huntaze_seen_database) are registered results.
        C(huntaze_seen_former) is one of a loop over the endpoints that were replaced.
    type: list
    elements: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  database:
    description: Whether there is a database to look at.
    type: bool
    default: false
  limiter:
    description:
      - What was seen of the limiter agents. Leave it out if there are none.
      - C(decisions) is what M(huntaze.ai_system.limiter_decisions) returns as such.
      - C(metrics) is the result of M(huntaze.ai_system.cloudwatch_metric_info).
    type: dict
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Judge one connection to a cache
  ansible.builtin.debug:
    msg: "{{ [{'inventory_hostname': 'limiter', 'huntaze_seen_tls': seen}] | huntaze.ai_system.verification_verdicts(cache_info.cache) }}"
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

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import verdicts


def verification_verdicts(hosts, cache, database=False, limiter=None):
    return verdicts.checks([verdicts.seen_by(host, database) for host in hosts], cache, database, limiter)


class FilterModule:
    def filters(self):
        return {"verification_verdicts": verification_verdicts}
