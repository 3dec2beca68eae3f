#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: change_history_info
version_added: 0.1.0
short_description: Tell since when fields differ from what is declared, and who made them so
description:
  - Takes the differences that other modules of this collection return in check mode, and looks up when each field came to be as it was found.
  - The dates come from AWS's own stamps and from the history of alarms.
  - With O(attribute), CloudTrail is asked for the calls of the last 90 days. It needs no trail. It is asked in the task's region.
  - A writer is named only where an event holds the value that was found. Else those who wrote the field last are listed as candidates, and nobody
    is proven. Calls that failed blame nobody. Calls of this collection are known by their user agent.
  - Variables of apps are compared and never shown. A token of a cache is not read at all, so a change of it has candidates only.
  - What cannot be looked up is a note and no failure.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  differences:
    description:
      - Members of C(differences) and C(left_alone) of other modules. What lowers security is looked up first.
      - Security groups, alarms, apps, branches and caches can be looked up. Of other objects O(differences[].changed_at) is handed on.
    type: list
    elements: dict
    required: true
    suboptions:
      object:
        description: The object, such as V(alarm huntaze-ai-cache-cpu).
        type: str
        required: true
      field:
        description: The field within the object.
        type: str
        required: true
      before:
        description: What was found. Null if it is not there.
        type: raw
      after:
        description: What is declared. It is not used.
        type: raw
      secret:
        description: Whether the values are masked.
        type: bool
        default: false
      lowers_security:
        description: Whether somebody gets in, or sees, who is not meant to.
        type: bool
        default: false
      changed_at:
        description: When it changed, where that is known already, such as from a file. In ISO 8601, in UTC.
        type: str
      why:
        description: Why a run leaves it. It is not used.
        type: str
      remedy:
        description: The way out. It is not used.
        type: str
  attribute:
    description: Whether to ask CloudTrail who made the differences.
    type: bool
    default: true
  max_calls:
    description:
      - How many times CloudTrail may be asked. AWS allows two lookups a second for all of the account and region, so 30 take about 17 seconds.
      - A group, and each kind of call on alarms, apps and caches, takes one lookup or more; a lookup shows 50 calls.
    type: int
    default: 30
attributes:
  check_mode:
    description: Changes nothing, in check mode or not.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    platforms: posix
notes:
  - Needs the IAM action C(cloudtrail:LookupEvents), which knows no resource but C(*), for O(attribute).
  - Needs for alarms C(cloudwatch:DescribeAlarms) and C(cloudwatch:DescribeAlarmHistory), for apps and branches C(amplify:GetApp) and
    C(amplify:GetBranch), for caches C(elasticache:DescribeReplicationGroups), for security groups C(ec2:DescribeSecurityGroupRules) and
    C(ec2:DescribeSecurityGroups).
  - CloudTrail shows a call about five minutes after it was made, and promises no time.
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.security_group_ingress
  - module: huntaze.ai_system.cloudwatch_alarms
"""

EXAMPLES = r"""
- name: Tell who touched the cache's security group
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Look what differs
      huntaze.ai_system.security_group_ingress:
        region: us-east-1
        group_id: sg-0c0ffee0c0ffee001
        rules:
          - {ip_protocol: tcp, from_port: 6379, to_port: 6379, referenced_group_id: sg-0c0ffee0c0ffee002}
      check_mode: true
      register: look

    - name: Ask since when, and who it was
      huntaze.ai_system.change_history_info:
        region: us-east-1
        differences: "{{ look.differences + look.left_alone }}"
      register: history

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ item.object }}, {{ item.field }}: {{ item.by | default('nobody is proven', true) }}, {{ item.since | default('unknown since when', true) }}"
      loop: "{{ history.origins }}"

- name: Ask AWS's own dates since when an alarm is not there, without CloudTrail
  huntaze.ai_system.change_history_info:
    region: us-east-1
    differences:
      - {object: alarm huntaze-ai-cache-cpu, field: exists, before: false, after: true}
    attribute: false
"""

RETURN = r"""
origins:
  description: The differences in the order given, each once.
  returned: success
  type: list
  elements: dict
  contains:
    object:
      description: The object.
      type: str
      sample: security group sg-0c0ffee0c0ffee001
    field:
      description: The field.
      type: str
      sample: tcp 6379 from 0.0.0.0/0
    since:
      description: When it came to be as it was found, in UTC. V(null) if nothing tells.
      type: str
      sample: "2025-11-25T22:41:44Z"
    by:
      description: Who made it so. V(null) if nobody is proven.
      type: str
      sample: user example-oncall
    via:
      description: The call that made it so, and whether it was one of a run of this collection. V(null) if nobody is proven.
      type: str
      sample: AuthorizeSecurityGroupIngress
    candidates:
      description: The last writes, up to three, newest first, where nobody is proven.
      type: list
      elements: dict
      contains:
        by:
          description: Who made the call.
          type: str
          sample: role example-ci
        at:
          description: When, in UTC.
          type: str
          sample: "2025-11-23T18:08:44Z"
        via:
          description: The call.
          type: str
          sample: UpdateBranch
      sample: []
    note:
      description: What has to be known with it, sentences. V(null) if nothing has.
      type: str
      sample: null
calls:
  description: How many times CloudTrail was asked.
  returned: success
  type: int
  sample: 2
notes:
  description: What could not be looked up, and why, sentences.
  returned: success
  type: list
  elements: str
  sample: []
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options or credentials
  type: list
  elements: str
  sample: ["max_calls is 0: give a number of calls above 0."]
"""

import functools
from datetime import datetime, timezone

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, client_without_retries, failed_look, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.observe import observe
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.origin import differences_of, lateness, origin, plan, problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.trail import CloudTrail, gather


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            differences=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    object=dict(type="str", required=True),
                    field=dict(type="str", required=True),
                    before=dict(type="raw"),
                    after=dict(type="raw"),
                    secret=dict(type="bool", default=False, no_log=False),
                    lowers_security=dict(type="bool", default=False),
                    changed_at=dict(type="str"),
                    why=dict(type="str"),
                    remedy=dict(type="str"),
                ),
            ),
            attribute=dict(type="bool", default=True),
            max_calls=dict(type="int", default=30),
        ),
        supports_check_mode=True,
    )
    refuse(module, "Nothing was looked up", problems(module.params))
    differences, attribute, notes = differences_of(module.params["differences"]), module.params["attribute"], []

    def attempt(doing, look):
        try:
            return look()
        except (BotoCoreError, ClientError) as error:
            notes.append(failed_look(module, error, doing))

    observed = observe(functools.lru_cache(None)(lambda service: client(module, service)), differences, attribute, attempt)
    now = datetime.now(timezone.utc)
    lookups, gathered, calls = plan(differences, observed, now) if attribute else [], None, 0
    if lookups:
        cloudtrail = CloudTrail(client_without_retries(module, "cloudtrail"), module.params["max_calls"])
        gathered = gather(cloudtrail, lookups, differences, observed)
        calls = cloudtrail.calls
        if gathered.error:
            notes.append(failed_look(module, gathered.error, "Looking up events of CloudTrail"))
        elif gathered.unfinished:
            missing = ", ".join(sorted(gathered.unfinished))
            notes.append(f"The {calls} calls of max_calls were used up before all events were read of: {missing}. Give it more calls.")
    trail, unfinished = (gathered.trail, gathered.unfinished) if gathered else ({} if attribute else None, set())
    origins = [origin(found, observed, trail, found.object not in unfinished, now) for found in differences]
    notes += lateness(origins, now) if attribute else []
    module.exit_json(changed=False, origins=origins, calls=calls, notes=notes)


if __name__ == "__main__":
    main()
