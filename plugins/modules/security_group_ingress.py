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
  - Brings the listed ingress rules of one security group to their declared state. Three changing calls do it, unless AWS refuses one of them.
  - Protocol, ports and source identify a rule, as on AWS. A rule that exists already is adopted; only its description is corrected, in place.
  - The identifier of a source group decides, whatever its account. The account is compared only if the task and AWS both name one. If the two
    differ, the task is refused.
  - New rules are authorised before old ones are revoked. A client that both let in is never shut out in between.
  - If the group is at its quota of rules, old rules are revoked first, but only once it is known that the new ones fit. AWS does not tell the quota.
    So the module first authorises as many new rules as the group is to grow by. If AWS refuses them, nothing is revoked, and the task fails with
    both numbers. Rules that were revoked and could not be replaced are let in again, and the message says so.
  - If AWS refuses a rule, the other rules are still let in. Nothing is revoked then, as the refused rule may have been meant to replace something.
  - Rules that are not listed stay, unless O(purge=true) or O(purge_ports=true). Egress rules are never touched.
  - A rule that is not listed and opens a port of the listed ones is told in RV(left_alone).
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  group_id:
    description: The identifier of the security group, such as V(sg-0123456789abcdef0). Names and ARNs are refused.
    type: str
    required: true
  rules:
    description:
      - The rules, each with exactly one source. Every source is a rule of its own.
      - The same rule listed twice is refused, even if the descriptions or the accounts of the source group differ.
      - A message about a rule names its place in the list, such as C(rules[3]).
    type: list
    elements: raw
    required: true
    suboptions:
      ip_protocol:
        description:
          - V(tcp), V(udp), V(icmp), V(icmpv6), a protocol number, or V(-1) for all traffic. Always required.
        type: str
      from_port:
        description:
          - The first port, a whole number in decimal digits. Required for V(tcp) and V(udp).
          - For V(icmp) and V(icmpv6) it is the type of message. V(-1) or nothing means all types.
          - For any other protocol AWS lets in every port. Leave it out.
        type: int
      to_port:
        description:
          - The last port. Required for V(tcp) and V(udp).
          - For V(icmp) and V(icmpv6) it is the code of the message. V(-1) or nothing means all codes.
        type: int
      referenced_group_id:
        description:
          - Lets in the network interfaces that are in this security group.
          - A group of another account is written V(123456789012/sg-0123456789abcdef0). The account may be left out if the rule exists already.
        type: str
      cidr_ipv4:
        description:
          - Lets in this IPv4 block. A single address ends in C(/32). The part after the slash is the length of the prefix, never a netmask.
          - AWS clears the bits beyond the prefix. So does the module, with a warning. An address other than V(0.0.0.0) with C(/0) is refused.
        type: str
      cidr_ipv6:
        description: Lets in this IPv6 block. A single address ends in C(/128). Zones and IPv4 blocks in IPv6 notation are refused.
        type: str
      prefix_list_id:
        description: Lets in the blocks of this managed prefix list.
        type: str
      description:
        description:
          - What the rule is for, in up to 255 of the characters that AWS allows.
          - Left out, the description that a rule already has stays. An empty string removes it.
          - Not compared with O(state=absent).
        type: str
  state:
    description:
      - V(present) lets the rules in.
      - V(absent) revokes them.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Also revoke every ingress rule of the group that is not listed. Not with O(state=absent).
    type: bool
    default: false
  purge_ports:
    description:
      - Also revoke every ingress rule of the group that is not listed and opens a port of the listed ones, from wherever.
      - A rule that opens other ports besides, such as all traffic, is revoked as a whole. Rules that open only other ports stay.
      - Not with O(state=absent).
    type: bool
    default: false
  wait:
    description: Read the group again after a change until it shows the change, because AWS may show the former rules for a moment.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that the whole task may wait for AWS to show the changes, before the task fails. Check mode never waits.
    type: int
    default: 60
attributes:
  check_mode:
    description: Announces the changes that a run then makes. At the quota a run may make them in another order.
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
notes:
  - Needs the IAM actions C(ec2:DescribeSecurityGroupRules), C(ec2:DescribeSecurityGroups) (for a group without any rule),
    C(ec2:AuthorizeSecurityGroupIngress), C(ec2:RevokeSecurityGroupIngress) and C(ec2:UpdateSecurityGroupRuleDescriptionsIngress).
  - Warns of a listed rule that lets nobody in because the peering connection to its source group is not active.
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

- name: Show what would be let in and what would be revoked if these were the only rules
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
      description: The identifier of the rule. V((known after apply\)) if only a run can know it.
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
      description: The source, if it is a security group. A group of another account is written with its account.
      type: str
      sample: sg-0c0ffee0c0ffee002
    cidr_ipv4:
      description: The source, if it is an IPv4 block.
      type: str
      sample: 203.0.113.0/24
    cidr_ipv6:
      description: The source, if it is an IPv6 block.
      type: str
      sample: 2001:db8::/32
    prefix_list_id:
      description: The source, if it is a prefix list.
      type: str
      sample: pl-0123456789abcdef0
    unknown_source:
      description: Stands for the source, if AWS names none of a kind that this module knows.
      type: str
      sample: an unknown source (sgr-0123456789abcdef0)
    description:
      description: What the rule is for. Empty if it has no description.
      type: str
      sample: Redis from the limiter hosts
steps:
  description:
    - The changes made, one sentence a call to AWS, in the order they were made. In check mode, the changes that would be made.
    - After a failure, the changes made before it.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: str
  sample:
    - "sg-0c0ffee0c0ffee001: let in tcp 6379 from sg-0c0ffee0c0ffee002"
left:
  description: The changes that are still to be made, worded as in RV(steps). Empty if the group could not be read.
  returned: failure, except for options that are refused and credentials that cannot work
  type: list
  elements: str
  sample:
    - "sg-0c0ffee0c0ffee001: no longer let in tcp 6379 from 0.0.0.0/0"
unanswered:
  description:
    - The changes that were sent, that AWS did not answer and that were not seen afterwards, worded as in RV(steps). Whether they were made is not known.
    - The next run looks. They are also in RV(left).
  returned: failure, if there are any
  type: list
  elements: str
  sample: ['sg-0c0ffee0c0ffee001: let in tcp 6379 from sg-0c0ffee0c0ffee002']
seconds:
  description: How long each of RV(steps) took, in their order. One that was waited for counts until it was seen.
  returned: a run that made a step
  type: list
  elements: float
  sample: [0.8]
differences:
  description:
    - What was altered, field by field. In check mode, what would be altered. After a failure, what was altered before it.
    - A run that others interfere with may alter a field more than once. Each time is listed.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The security group.
      type: str
      sample: security group sg-0c0ffee0c0ffee001
    field:
      description: The rule, by what identifies it.
      type: str
      sample: tcp 6379 from sg-0c0ffee0c0ffee002
    before:
      description: The rule's description. Null if the rule was not there.
      type: str
      sample:
    after:
      description: The rule's description. Null if the rule is no longer there.
      type: str
      sample: Redis from the limiter hosts
    secret:
      description: Whether the values are masked. Never, as a rule holds no secret.
      type: bool
      sample: false
left_alone:
  description: >-
    The rules of the group that are not listed and open a port of the listed ones, as far as O(purge) and O(purge_ports) leave them.
    A group that does not exist. If the run is refused, also all that it would change.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The security group.
      type: str
      sample: security group sg-0c0ffee0c0ffee001
    field:
      description: The rule, by what identifies it. V(exists) stands for the group itself.
      type: str
      sample: tcp 6379 from 0.0.0.0/0
    before:
      description: The rule's description. V(false) for a group that does not exist.
      type: raw
      sample: Redis for a test
    after:
      description: Null, as the rule is not listed. V(true) for a group that does not exist.
      type: raw
      sample:
    secret:
      description: Whether the values are masked. Never, as a rule holds no secret.
      type: bool
      sample: false
    why:
      description: What the rule opens, and why it stays.
      type: str
      sample: it is not declared, and it opens tcp 6379
    remedy:
      description: The way out.
      type: str
      sample: if it is meant, list it or accept it (huntaze_drift.accepted); else revoke it, as a run does with purge_ports
    lowers_security:
      description: Whether it lets in somebody whom the listed rules do not.
      type: bool
      sample: true
refused:
  description: The rules that AWS refused, one sentence each.
  returned: failure because of single rules
  type: list
  elements: str
  sample:
    - "rules[1] (tcp 443 from pl-0123456789abcdef0): InvalidPrefixListID.NotFound: The prefix list ID 'pl-0123456789abcdef0' does not exist"
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options, credentials, or what AWS shows of the group
  type: list
  elements: str
  sample: ["wait_timeout is -1: give the seconds to wait, 0 or more."]
error:
  description: What AWS answered to the call that failed.
  returned: failure because of an error of AWS
  type: dict
  contains:
    code:
      description: AWS's code of the error. Empty if the call got no answer.
      type: str
      sample: AccessDenied
    type:
      description: The class of the error in botocore.
      type: str
      sample: ClientError
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import carry_out, client, looked, refuse, warn
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.ingress import Desired, gone, observe, plan
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.policy import Ingress
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.problems import host_bit_warnings, peering_warnings, problems, refusals, unreadable
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import shown_left_alone


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            group_id=dict(type="str", required=True),
            # Not spelt out here, where Ansible would say that an item is wrong, but not which.
            rules=dict(type="list", elements="raw", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            purge=dict(type="bool", default=False),
            purge_ports=dict(type="bool", default=False),
            wait=dict(type="bool", default=True),
            wait_timeout=dict(type="int", default=60),
        ),
        supports_check_mode=True,
    )
    group_id, seconds = module.params["group_id"], module.params["wait_timeout"]
    doing = f"The ingress rules of {group_id}"
    refuse(module, f"The rules of {group_id} cannot be used", problems(module.params))
    desired = Desired.of(module.params)
    ec2 = client(module, "ec2")

    def look():
        return plan(desired, observe(ec2, group_id))

    planned = looked(module, doing, look, gone(group_id))
    result = planned.result()
    nothing_done = dict(changed=False, steps=[], differences=[], left=planned.steps, left_alone=shown_left_alone(planned.held_back()))
    refuse(module, f"{group_id}: nothing was changed", refusals(desired, planned.observed), **nothing_done)
    warnings = host_bit_warnings(module.params["rules"]) + [f"{group_id}: {doubt}" for doubt in unreadable(planned.observed)]
    if planned and not module.check_mode:
        applied = carry_out(module, doing, look, planned, Ingress(group_id, module.params["wait"], seconds), "ec2", seconds)
        planned, result = applied.plan, applied.result()
    for warning in warnings + [f"{group_id}: {warning}" for warning in peering_warnings(desired, planned.observed)]:
        warn(warning)
    module.exit_json(rules=planned.rules, **result)


if __name__ == "__main__":
    main()
