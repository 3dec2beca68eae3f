# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verification_failures
short_description: Says what a verification fails for
version_added: 0.1.0
description:
  - A verification fails for each check that failed, and where no check shows anything.
options:
  _input:
    description: The checks of P(huntaze.ai_system.verification_verdicts#filter).
    type: list
    elements: dict
    required: true
  check_mode:
    description: Whether the run only says what it would do. Then nobody expects checks to show something.
    type: bool
    default: false
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Fail when something is not as it should be
  ansible.builtin.assert:
    that: checks | huntaze.ai_system.verification_failures | length == 0
"""

RETURN = r"""
_value:
  description: A line of text for each. Empty if the verification holds.
  type: list
  elements: str
"""

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import verdicts


class FilterModule:
    def filters(self):
        return {"verification_failures": verdicts.failures}
