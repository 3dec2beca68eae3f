# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.causes import diagnose

DOCUMENTATION = r"""
name: diagnose
short_description: Names the causes of failed looks, from what clients saw and what AWS says
version_added: 0.1.0
description:
  - Turns what vantage points saw and what AWS says of the estate into causes, each with its evidence and the way out.
  - Errors that look alike from the client stay apart only where facts of AWS decide. Where they are missing, several causes are C(possible),
    each with the command that tells.
options:
  _input:
    description:
      - What was seen, one mapping for each vantage point.
      - C(vantage) is its name. C(inside) tells whether it is meant to get through. C(seen) is the result of M(huntaze.ai_system.reachability), whose
        targets are named as the C(to) of their checks.
    type: list
    elements: dict
    required: true
  checks:
    description: The verdicts, of the filter P(huntaze.ai_system.verification_verdicts#filter). A look whose check has not failed is not explained.
    type: list
    elements: dict
    required: true
  estate:
    description: What M(huntaze.ai_system.estate_info) returns. A member that is null was not looked at, and decides nothing.
    type: dict
    required: true
  cache:
    description: The C(cache) of M(huntaze.ai_system.elasticache_info).
    type: dict
    required: true
  declared:
    description: The mappings of the inventory, by their names. Their secrets are masked in whatever others have said.
    type: dict
    required: true
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Say why checks have failed
  ansible.builtin.set_fact:
    huntaze_causes: "{{ seen_from | huntaze.ai_system.diagnose(huntaze_checks, estate, huntaze_cache_now.cache, huntaze_declared) }}"
"""

RETURN = r"""
_value:
  description:
    - The causes, as C(causes) of the report has them, the surest first. One that several vantage points met is told once.
    - C(confidence) is C(certain) where all else is excluded, C(likely) beside what nobody could look at, else C(possible).
  type: list
  elements: dict
"""


class FilterModule:
    def filters(self):
        return {"diagnose": diagnose}
