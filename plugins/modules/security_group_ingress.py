#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: security_group_ingress
version_added: 0.1.0
short_description: Keep the ingress rules of an EC2 security group
description:
  - Brings the listed ingress rules of one security group to their declared state, all in one describe call and at most three changing calls.
  - A rule is identified by protocol, ports and source, as AWS does. A rule that exists already is adopted; only its description is mended, in place.
  - New rules are authorised before old ones are revoked, so that nobody who is let in by both is shut out in between. Only where the group is at
    its limit of rules is it done the other way round.
  - Rules that are not listed stay, unless O(purge=true). Egress rules are never touched.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  group_id:
    description: The security group, such as V(sg-0123456789abcdef0).
    type: str
    required: true
  rules:
    description:
      - The rules, each with exactly one source. Every source is a rule of its own.
      - Naming the same rule twice is refused, also when only the descriptions differ.
    type: list
    elements: dict
    required: true
    suboptions:
      ip_protocol:
        description:
          - V(tcp), V(udp), V(icmp), V(icmpv6), a protocol number, or V(-1) for all traffic.
        type: str
        required: true
      from_port:
        description:
          - The first port. Required for V(tcp) and V(udp).
          - The type of message for V(icmp) and V(icmpv6), V(-1) or nothing for all.
          - For any other protocol AWS lets in every port; leave it out.
        type: int
      to_port:
        description:
          - The last port. Required for V(tcp) and V(udp).
          - The code of the message for V(icmp) and V(icmpv6), V(-1) or nothing for all.
        type: int
      referenced_group_id:
        description:
          - Lets in the network interfaces that are in this security group.
          - A group of another account is written V(123456789012/sg-0123456789abcdef0).
        type: str
      cidr_ipv4:
        description:
          - Lets in this IPv4 block. A single address ends in C(/32).
          - AWS clears the bits beyond the prefix. So does the module, with a warning.
        type: str
      cidr_ipv6:
        description: Lets in this IPv6 block. A single address ends in C(/128).
        type: str
      prefix_list_id:
        description: Lets in the blocks of this managed prefix list.
        type: str
      description:
        description:
          - What the rule is for, up to 255 characters of those AWS takes.
          - Left out, the description that a rule already has stays. An empty string removes it.
          - Not looked at with O(state=absent).
        type: str
  state:
    description:
      - V(present) sees to it that the rules exist.
      - V(absent) sees to it that they do not.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Also revoke every ingress rule of the group that is not listed. Not with O(state=absent).
    type: bool
    default: false
  wait:
    description: Read the group again after a change until it shows the change, because AWS may answer as before for a moment.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for that before the task fails.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.redis_reachability
"""

EXAMPLES = r"""
- name: Let the limiter hosts reach the cache
  huntaze.ai_system.security_group_ingress:
    region: us-east-1
    group_id: sg-0c0ffee0c0ffee001
    rules:
      - ip_protocol: tcp
        from_port: 6379
        to_port: 6379
        referenced_group_id: sg-0c0ffee0c0ffee002
        description: Redis from the limiter hosts

- name: See what would be let in, and what not any more, if these were the only rules
  huntaze.ai_system.security_group_ingress:
    region: us-east-1
    group_id: sg-0c0ffee0c0ffee001
    purge: true
    rules:
      - ip_protocol: tcp
        from_port: 443
        to_port: 443
        cidr_ipv4: 203.0.113.0/24
      - ip_protocol: tcp
        from_port: 443
        to_port: 443
        cidr_ipv6: 2001:db8::/32
  check_mode: true
  diff: true

- name: Shut a door that was open for a while
  huntaze.ai_system.security_group_ingress:
    region: us-east-1
    group_id: sg-0c0ffee0c0ffee001
    state: absent
    rules:
      - ip_protocol: tcp
        from_port: 5432
        to_port: 5432
        cidr_ipv4: 198.51.100.7/32
"""

RETURN = r"""
rules:
  description:
    - All ingress rules that the group has afterwards. In check mode, all that it would have.
  returned: success
  type: list
  elements: dict
  contains:
    security_group_rule_id:
      description: The identifier of the rule, V((known after apply\)) where only a run can know it.
      type: str
      sample: sgr-0123456789abcdef0
    ip_protocol:
      description: The protocol.
      type: str
      sample: tcp
    from_port:
      description: The first port, V(-1) for protocols without ports.
      type: int
      sample: 6379
    to_port:
      description: The last port, V(-1) for protocols without ports.
      type: int
      sample: 6379
    referenced_group_id:
      description: The source, where it is a security group.
      type: str
      sample: sg-0c0ffee0c0ffee002
    cidr_ipv4:
      description: The source, where it is an IPv4 block.
      type: str
      sample: 203.0.113.0/24
    cidr_ipv6:
      description: The source, where it is an IPv6 block.
      type: str
      sample: 2001:db8::/32
    prefix_list_id:
      description: The source, where it is a prefix list.
      type: str
      sample: pl-0123456789abcdef0
    description:
      description: What the rule is for; empty if nothing is said.
      type: str
      sample: Redis from the limiter hosts
steps:
  description:
    - The changes made, one sentence a call to AWS, in the order they were made. In check mode, the changes that would be made.
    - After a failure, the changes made before it.
  returned: always, except for options that are refused
  type: list
  elements: str
  sample:
    - "sg-0c0ffee0c0ffee001: let in tcp 6379 from sg-0c0ffee0c0ffee002"
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, error_code, fail_on_aws_error, refuse, wait_until
from ansible_collections.huntaze.ai_system.plugins.module_utils._security_group import (
    GROUP_ID,
    as_dicts,
    current_rules,
    host_bit_warnings,
    plan,
    rule_problems,
)

# What was planned is there, or gone, already: another run was quicker, or botocore repeated a call whose answer was lost.
OVERTAKEN = {"InvalidPermission.Duplicate", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"}
AT_LIMIT = "RulesPerSecurityGroupLimitExceeded"
ROUNDS = 4


class Ingress:
    """Observes, plans and applies for the group and rules of one task."""

    def __init__(self, module):
        self.module = module
        self.group_id = module.params["group_id"]
        self.ec2 = client(module, "ec2")
        self.described = []
        self.steps = []

    def observe(self):
        # The API filters by group only: 1,000 rules of both directions a call.
        pages = self.ec2.get_paginator("describe_security_group_rules").paginate(
            Filters=[{"Name": "group-id", "Values": [self.group_id]}], PaginationConfig={"PageSize": 1000}
        )
        self.described = [rule for page in pages for rule in page["SecurityGroupRules"]]
        if not self.described:
            # A group without any rule looks like one that does not exist.
            self.ec2.describe_security_groups(GroupIds=[self.group_id])

    def plan(self):
        return plan(self.group_id, self.module.params["rules"], self.described, self.module.params["state"], self.module.params["purge"])

    def observed_plan(self):
        self.observe()
        return self.plan()

    def apply(self, planned):
        changes = planned.changes
        for dummy in range(ROUNDS):
            try:
                for change in changes:
                    getattr(self.ec2, change.operation)(**change.parameters)
                    self.steps.append(change.summary)
                return
            except ClientError as error:
                if error_code(error) == AT_LIMIT and changes[-1].operation == "revoke_security_group_ingress" and len(changes) > 1:
                    changes = (changes[-1], *changes[:-1])
                elif error_code(error) in OVERTAKEN:
                    if error.response["ResponseMetadata"].get("RetryAttempts"):
                        self.steps.append(change.summary)
                    changes = self.changes_after(changes[changes.index(change):], error)
                else:
                    raise
        self.module.fail_json(msg=f"{self.group_id}: its rules were changed by others {ROUNDS} times meanwhile. Run the task again.", steps=self.steps)

    def changes_after(self, refused, error):
        """What is still to be done once the group can be seen as AWS saw it when it refused the call."""

        def look():
            changes = self.observed_plan().changes
            return None if changes == refused else (changes,)

        seen = wait_until(look, self.module.params["wait_timeout"], delay=5)
        if seen is None:
            raise error
        return seen[0]

    def wait(self):
        """Read until the group shows what was done; return its rules."""
        if wait_until(lambda: not self.observed_plan(), self.module.params["wait_timeout"], delay=5) is None:
            self.module.fail_json(
                msg=f"{self.group_id}: the changes were made, but after {self.module.params['wait_timeout']} s AWS still shows the group without them, "
                "or somebody else changes it. Run the task again, or raise wait_timeout.",
                steps=self.steps,
                rules=as_dicts(current_rules(self.described)),
            )
        return as_dicts(current_rules(self.described))

    def run(self):
        planned = self.observed_plan()
        result = dict(planned.result(), rules=planned.after["rules"])
        if planned and not self.module.check_mode:
            self.apply(planned)
            result.update(steps=self.steps, changed=bool(self.steps))
            if self.module.params["wait"]:
                result["rules"] = self.wait()
        return result


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            group_id=dict(type="str", required=True),
            rules=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    ip_protocol=dict(type="str", required=True),
                    from_port=dict(type="int"),
                    to_port=dict(type="int"),
                    referenced_group_id=dict(type="str"),
                    cidr_ipv4=dict(type="str"),
                    cidr_ipv6=dict(type="str"),
                    prefix_list_id=dict(type="str"),
                    description=dict(type="str"),
                ),
            ),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            purge=dict(type="bool", default=False),
            wait=dict(type="bool", default=True),
            wait_timeout=dict(type="int", default=60),
        ),
        supports_check_mode=True,
    )
    group_id = module.params["group_id"]
    problems = rule_problems(module.params["rules"])
    if not GROUP_ID.fullmatch(group_id):
        problems.insert(0, f"group_id {group_id!r} is no security group identifier: write it as AWS does, such as sg-0123456789abcdef0.")
    if module.params["purge"] and module.params["state"] == "absent":
        problems.append("purge goes with state=present: it revokes what is not listed, and state=absent revokes what is listed.")
    refuse(module, f"The rules of {group_id} cannot be used", problems)
    for warning in host_bit_warnings(module.params["rules"]):
        module.warn(warning)
    ingress = Ingress(module)
    try:
        result = ingress.run()
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, f"The ingress rules of {group_id}", changed=bool(ingress.steps), steps=ingress.steps)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
