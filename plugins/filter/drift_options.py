# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import secrets

DOCUMENTATION = r"""
name: drift_options
short_description: Says what a run that looks for drift asks of its report
version_added: 0.1.0
description:
  - Fills in the defaults of C(huntaze_drift). What does not fit counts as left out here; P(huntaze.ai_system.deployment_problems#filter) refuses it.
options:
  _input:
    description: The inventory's mappings by name, such as C(huntaze_drift).
    type: dict
    required: true
  correct:
    description: Whether the run corrects what it finds, as a boolean or as the text that C(-e) makes of it.
    type: raw
    default: false
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Show where the reports are kept
  ansible.builtin.debug:
    msg: "{{ ({'huntaze_drift': huntaze_drift} | huntaze.ai_system.drift_options).directory }}"
"""

RETURN = r"""
_value:
  description:
    - C(kind) is C(drift). C(id) is another one for each run. C(directory) is an absolute path.
    - C(correct) is a boolean. Everything else is as C(huntaze_drift) declares it.
  type: dict
"""

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.problems import drift_problems, mapping_problems
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import SCHEMA, filled

SUBJECT = "huntaze_drift"


def drift_options(variables, correct=False):
    declared = filled({SUBJECT: usable(variables.get(SUBJECT))})[SUBJECT]
    return {
        **declared, "kind": "drift", "id": secrets.token_hex(8), "correct": boolean(correct, strict=False),
        "directory": os.path.abspath(os.path.expanduser(str(declared["directory"]))),
    }


def usable(given):
    """What fits. The report of a run is begun before anything is refused, and has to tell the refusal."""
    one_by_one = [{name: value} for name, value in given.items()] if isinstance(given, dict) else []
    fitting = [one for one in one_by_one if not any(mapping_problems(SUBJECT, one, SCHEMA[SUBJECT].keys)) and not any(drift_problems(one))]
    return {name: value for one in fitting for name, value in one.items()}


class FilterModule:
    def filters(self):
        return {"drift_options": drift_options}
