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
  - Rules that are not listed stay, unless O(purge=true). Egress rules are never touched.
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
  returned: always, except for options that are refused and credentials that cannot work
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

import time
from dataclasses import replace

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, error_code, fail_on_aws_error, refuse, wait_until
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.ingress import (
    AUTHORIZE,
    DESCRIBE_ANEW,
    REVOKE,
    as_dicts,
    authorize,
    changes,
    contradictions,
    current_rules,
    describe_anew,
    group_id_problems,
    host_bit_warnings,
    listed,
    no_room,
    peering_warnings,
    plan,
    proof_of_room,
    revoke,
    rule_problems,
    unreadable,
)

# What was planned is there, or gone, already: another run was quicker, or botocore repeated a call whose answer was lost.
OVERTAKEN = {"InvalidPermission.Duplicate", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"}
AT_LIMIT = "RulesPerSecurityGroupLimitExceeded"
ROUNDS = 4


class Incomplete(Exception):
    """The task cannot go on, for a reason beyond one error of AWS; the message says why."""


def is_about_rules(error, group_id):
    """Whether AWS refused what single rules say, so that it may take others; that the group itself is gone is another matter."""
    code = error_code(error)
    if code == "InvalidGroup.NotFound" and group_id in str(error):
        return False
    return code.startswith(("Invalid", "MissingParameter")) and code not in OVERTAKEN


class Ingress:
    """Observes, plans and applies for the group and rules of one task."""

    def __init__(self, module):
        self.module = module
        self.group_id = module.params["group_id"]
        self.ec2 = client(module, "ec2")
        self.described = []
        self.planned = None
        self.steps = []
        self.refused = []
        # What is made of self.planned, by operation.
        self.made = {AUTHORIZE: set(), DESCRIBE_ANEW: set(), REVOKE: set()}
        # What was revoked to make room for rules that are not yet in.
        self.taken_away = ()
        # What of that AWS has said is gone: a reading may be older.
        self.gone = ()
        self.calling = None
        self.deadline = None

    def observe(self):
        # The API filters by group only: 1,000 rules of both directions a call.
        pages = self.ec2.get_paginator("describe_security_group_rules").paginate(
            Filters=[{"Name": "group-id", "Values": [self.group_id]}], PaginationConfig={"PageSize": 1000}
        )
        self.described = [rule for page in pages for rule in page.get("SecurityGroupRules") or []]
        if not self.described:
            # A group without any rule looks like one that does not exist.
            self.ec2.describe_security_groups(GroupIds=[self.group_id])

    def observed_plan(self):
        self.observe()
        params = self.module.params
        self.planned = plan(self.group_id, params["rules"], self.described, params["state"], params["purge"])
        for rules in self.made.values():
            rules.clear()
        return self.planned

    def refuse_what_aws_contradicts(self):
        """Also where AWS does not tell enough of a rule that might have to be revoked."""
        params = self.module.params
        problems, unknown = contradictions(self.group_id, params["rules"], self.described), unreadable(self.described)
        if unknown and (params["purge"] or params["state"] == "absent"):
            problems += [*unknown, "So it is not known whether it is to be revoked: see to that rule by other means, or use neither purge nor state=absent."]
        elif unknown:
            self.module.warn(f"{self.group_id}: {' '.join(unknown)}")
        refuse(self.module, f"{self.group_id}: nothing was changed", problems, changed=False, steps=[], left=self.left())

    def call(self, change):
        self.calling = change
        answer = getattr(self.ec2, change.operation)(**change.parameters)
        if answer.get("Return") is False:
            raise Incomplete(f"AWS answered that it has not done this: {change.summary}.")
        self.note(change)

    def note(self, change, remark=""):
        self.steps.append(change.summary + remark)
        self.made[change.operation].update(change.rules)

    def apply(self, planned):
        for dummy in range(ROUNDS):
            try:
                self.carry_out(planned)
                return
            except ClientError as error:
                if error_code(error) not in OVERTAKEN:
                    raise
                overtaken = self.calling
                planned = self.as_aws_sees_it(error)
                if error.response["ResponseMetadata"].get("RetryAttempts"):
                    self.steps.append(f"{overtaken.summary} (the answer was lost)")
        raise Incomplete(f"its rules were changed by others {ROUNDS} times meanwhile. Run the task again.")

    def carry_out(self, planned):
        """New rules come in first, and old ones go when all of the new ones are in."""
        self.refused, removed = [], planned.removed
        if planned.added:
            try:
                self.refused = self.let_in(planned.added)
            except ClientError as error:
                if error_code(error) != AT_LIMIT:
                    raise
                self.exchange(planned)
                removed = ()
        if not self.refused:
            self.taken_away = ()
        if planned.mended:
            self.call(describe_anew(self.group_id, planned.mended))
        if self.refused:
            kept = f" Nothing was revoked, as they may have been meant to replace {listed(removed)}." if removed and not self.taken_away else ""
            raise Incomplete(f"AWS refused {len(self.refused)} of the rules. {' '.join(self.refused)}{kept}")
        if removed:
            self.call(revoke(self.group_id, removed))

    def let_in(self, rules, part=False):
        """Let in what AWS takes of `rules`; returns a sentence for each that it refuses, because it refuses a call as a whole."""
        try:
            self.call(authorize(self.group_id, rules))
            return []
        except ClientError as error:
            if not is_about_rules(error, self.group_id) and not (part and error_code(error) == AT_LIMIT):
                raise
            if len(rules) == 1:
                return [f"{rules[0].named}: {error_code(error)}: {error.response['Error'].get('Message', 'no reason is given')}"]
        half = len(rules) // 2
        return self.let_in(rules[:half], True) + self.let_in(rules[half:], True)

    def exchange(self, planned):
        """At the quota, old rules go before the last new ones come in, once it is known that these fit."""
        proof = proof_of_room(planned)
        if not planned.removed or proof is None or len(proof) == len(planned.added):
            raise Incomplete(no_room(planned, planned.added))
        if proof:
            try:
                self.call(authorize(self.group_id, proof))
            except ClientError as error:
                if error_code(error) != AT_LIMIT:
                    raise
                raise Incomplete(no_room(planned, proof)) from error
        # A round before, which others broke off, may have taken away some.
        self.taken_away = tuple(dict.fromkeys((*self.taken_away, *planned.removed)))
        self.call(revoke(self.group_id, planned.removed))
        self.gone = self.taken_away
        self.call(authorize(self.group_id, [rule for rule in planned.added if rule not in proof]))

    def put_back(self):
        """After a failure, let in again what made room for rules that are not in; returns the sentences that say so."""
        if not self.taken_away:
            return ""
        taken_away, self.taken_away = self.taken_away, ()
        try:
            if not self.observed_plan().added:
                return ""  # what it made room for is in
            there = current_rules(self.described)
        except (BotoCoreError, ClientError) as error:
            unseen = "was revoked, and whether the new rules are in" if set(taken_away) <= set(self.gone) else "was to be revoked, and whether it was"
            return f" To make room, {listed(taken_away)} {unseen} cannot be seen ({error}): look at the group."
        missing = [rule for rule in taken_away if rule in self.gone or rule not in there]
        lost = self.let_in_again(missing)
        again = [rule for rule in missing if rule not in lost]
        self.planned = replace(self.planned, removed=tuple(dict.fromkeys((*self.planned.removed, *again))))
        said = f" To make room, {listed(again)} was revoked; it is let in again." if again else ""
        return said + (f" To make room, {listed(lost)} was revoked, and it could not be let in again: this access is lost." if lost else "")

    def let_in_again(self, rules):
        """Returns the rules that AWS does not take back."""
        if not rules:
            return []
        try:
            self.call(authorize(self.group_id, rules, again=True))
            return []
        except ClientError as error:
            if len(rules) == 1:
                return [] if error_code(error) in OVERTAKEN else rules
        except (BotoCoreError, Incomplete):
            return rules
        half = len(rules) // 2
        return self.let_in_again(rules[:half]) + self.let_in_again(rules[half:])

    def left(self):
        """What is still to be done, as far as the group could be seen."""
        if not self.planned:
            return []
        kinds = ((self.planned.added, AUTHORIZE), (self.planned.mended, DESCRIBE_ANEW), (self.planned.removed, REVOKE))
        return [change.summary for change in changes(self.group_id, *([rule for rule in rules if rule not in self.made[made]] for rules, made in kinds))]

    def result_of_failure(self):
        return dict(changed=bool(self.steps), steps=self.steps, left=self.left(), **({"refused": self.refused} if self.refused else {}))

    def patience(self):
        """Seconds left of wait_timeout, which all waiting of the task shares."""
        if self.deadline is None:
            self.deadline = time.monotonic() + self.module.params["wait_timeout"]
        return max(0.0, self.deadline - time.monotonic())

    def as_aws_sees_it(self, error):
        """The plan once the group can be seen as AWS saw it when it refused a call."""
        refused = self.planned.changes

        def look():
            planned = self.observed_plan()
            return None if planned.changes == refused else (planned,)

        seen = wait_until(look, self.patience(), delay=5)
        if seen is None:
            raise error
        return seen[0]

    def wait(self):
        """Read until the group shows what was done; return its rules."""
        if wait_until(lambda: not self.observed_plan(), self.patience(), delay=5) is None:
            raise Incomplete(
                f"the changes were made, but after {self.module.params['wait_timeout']} s (wait_timeout) AWS still shows the group without them, "
                "or somebody else changes it. Run the task again, or raise wait_timeout."
            )
        return as_dicts(current_rules(self.described))

    def run(self):
        planned = self.observed_plan()
        self.refuse_what_aws_contradicts()
        result = dict(planned.result(), rules=planned.after["rules"])
        if planned and not self.module.check_mode:
            self.apply(planned)
            result.update(steps=self.steps, changed=bool(self.steps))
            if self.module.params["wait"]:
                result["rules"] = self.wait()
        if self.module.params["state"] == "present":
            for warning in peering_warnings(self.module.params["rules"], self.described):
                self.module.warn(f"{self.group_id}: {warning}")
        return result


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            group_id=dict(type="str", required=True),
            # Not spelt out here, where Ansible would say that an item is wrong, but not which.
            rules=dict(type="list", elements="raw", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            purge=dict(type="bool", default=False),
            wait=dict(type="bool", default=True),
            wait_timeout=dict(type="int", default=60),
        ),
        supports_check_mode=True,
    )
    group_id = module.params["group_id"]
    problems = group_id_problems(group_id) + rule_problems(module.params["rules"])
    if module.params["purge"] and module.params["state"] == "absent":
        problems.append("purge goes with state=present: it revokes what is not listed, and state=absent revokes what is listed.")
    if module.params["wait_timeout"] < 0:
        problems.append(f"wait_timeout is {module.params['wait_timeout']}: give the seconds to wait, 0 or more.")
    refuse(module, f"The rules of {group_id} cannot be used", problems)
    for warning in host_bit_warnings(module.params["rules"]):
        module.warn(warning)
    ingress = Ingress(module)
    try:
        result = ingress.run()
    except Incomplete as problem:
        taken_away = ingress.put_back()
        nothing = "" if ingress.steps else " Nothing was changed."
        module.fail_json(msg=f"{group_id}: {problem}{taken_away}{nothing}", **ingress.result_of_failure())
    except (BotoCoreError, ClientError) as error:
        taken_away = ingress.put_back()
        fail_on_aws_error(module, error, f"The ingress rules of {group_id}.{taken_away} AWS's answer" if taken_away else f"The ingress rules of {group_id}",
                          **ingress.result_of_failure())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
