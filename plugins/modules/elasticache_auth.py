#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_auth
version_added: 0.1.0
short_description: Bring a live ElastiCache cache to TLS and AUTH, and rotate its token
description:
  - Takes a Redis or Valkey cache from its present state to the TLS mode and the token that the options name, by the steps that AWS allows.
    A standalone cluster is promoted to a replication group. TLS is offered, then required. A token is added, then made the only one.
    The data survives.
  - The module makes one step at a time. After each it waits for the cache and reads it again. A run that was cut off, or a cache that somebody
    else has changed meanwhile, is therefore taken up from where it is.
  - AWS never gives a token back. The module keeps evidence of its own in the tag C(huntaze:auth-token) of the replication group, a salted slow
    hash with the date that AWS shows for the token. By it the module sees a token that was rotated elsewhere. If the host the module runs on
    reaches the cache, a connection decides.
  - The tag is written only after AWS has answered the change that it tells of.
  - If it is not proven that the token is the only one, the module adds it and makes it the only one again. That is safe for clients that use it.
  - The module waits for a busy cache only if something is to be changed, and never in check mode.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  name:
    description:
      - The ID of a cache cluster or of a replication group.
      - The ID of a cluster still finds it after its promotion.
    type: str
    required: true
  replication_group_id:
    description:
      - The ID of the replication group that a standalone cluster is promoted to. TLS and AUTH can be changed in replication groups only.
      - Not needed for a cache that is in a replication group already.
      - Clients have to move to the endpoints of the group, which are in RV(cache).
    type: str
  snapshot:
    description: Take a snapshot of a standalone cluster before it is promoted.
    type: bool
    default: true
  snapshot_name:
    description:
      - The name of that snapshot. A second run finds it by its name and takes no second one.
      - Left out, it is made of O(name) and O(replication_group_id).
    type: str
  transit_encryption_mode:
    description:
      - V(preferred) serves TLS and plain text. V(required) refuses plain text and shuts out clients that speak it.
      - Left out, TLS stays as it is. The module never weakens it.
    type: str
    choices: [preferred, required]
  auth_token:
    description:
      - "The token, 16 to 128 ASCII letters, digits and C(! & # $ ^ < > -)."
      - AWS takes a token only where TLS is required.
      - Left out, AUTH stays as it is.
    type: str
  auth_token_update_strategy:
    description:
      - V(ROTATE) makes the cache accept O(auth_token) beside the former token. If there was none, it goes on accepting clients without a token.
      - V(SET) makes the cache accept O(auth_token) only. If the token is new, the module adds it first, as with V(ROTATE).
    type: str
    choices: [ROTATE, SET]
    default: SET
  requirepass:
    description:
      - Always refused, as ElastiCache has no such parameter. Use O(auth_token).
    type: str
  wait:
    description:
      - Wait for the cache before and after each step. With V(false), the run ends once a step that takes long is begun; later runs do the rest.
      - The module waits for a change of the token all the same, as only the run that has seen it done can note it. AWS takes seconds for it.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that the module may wait and ask in all. AWS can take 40 minutes for one step.
    type: int
    default: 3600
  apply_pending_modifications:
    description:
      - Allow AWS to make pending changes at once that wait for the maintenance window, such as another node type or engine version.
        AWS makes them along with the first change of TLS or of the token.
      - With V(false), a cache with such changes is refused before anything is changed. M(huntaze.ai_system.elasticache_info) shows them as
        C(pending_modifications).
      - A cache with a pending change of the token is always refused.
    type: bool
    default: false
  probe:
    description:
      - Ask the live cache, from the host the module runs on, whether it accepts the token and refuses clients without one. The module asks once,
        before the first step, over TLS with a verified certificate only.
      - If no answer comes, the tag is the only evidence, and RV(evidence.reason) says why none came.
    type: bool
    default: true
  probe_timeout:
    description: Seconds that asking the live cache may take, within O(wait_timeout).
    type: float
    default: 5.0
  tls_ca_file:
    description: The file with the CA certificates to trust when asking the live cache. Left out, the system's are used, which trust AWS.
    type: path
attributes:
  check_mode:
    description: Announces the very steps that a run then makes. A value that only a run can know reads C((known after apply\)).
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
notes:
  - Needs the IAM actions C(elasticache:DescribeCacheClusters), C(elasticache:DescribeReplicationGroups), C(elasticache:DescribeServerlessCaches),
    C(elasticache:DescribeCacheSubnetGroups), C(elasticache:DescribeSnapshots), C(elasticache:ListTagsForResource), C(elasticache:AddTagsToResource),
    C(elasticache:CreateSnapshot), C(elasticache:CreateReplicationGroup) and C(elasticache:ModifyReplicationGroup).
  - The module creates no new cache, as encryption at rest would need. Other modules do.
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.elasticache_info
  - module: huntaze.ai_system.redis_reachability
"""

EXAMPLES = r"""
- name: Offer TLS beside plain text, so that clients can move
  huntaze.ai_system.elasticache_auth:
    region: us-east-1
    name: huntaze-redis-production
    replication_group_id: huntaze-redis
    transit_encryption_mode: preferred

- name: Require TLS and accept clients with the token and without
  huntaze.ai_system.elasticache_auth:
    region: us-east-1
    name: huntaze-redis-production
    transit_encryption_mode: required
    auth_token: "{{ lookup('env', 'HUNTAZE_CACHE_AUTH_TOKEN') }}"
    auth_token_update_strategy: ROTATE

- name: Accept the token only, now that all clients send it
  huntaze.ai_system.elasticache_auth:
    region: us-east-1
    name: huntaze-redis-production
    transit_encryption_mode: required
    auth_token: "{{ lookup('env', 'HUNTAZE_CACHE_AUTH_TOKEN') }}"

- name: Show whether somebody else has changed the token
  huntaze.ai_system.elasticache_auth:
    region: us-east-1
    name: huntaze-redis-production
    auth_token: "{{ lookup('env', 'HUNTAZE_CACHE_AUTH_TOKEN') }}"
  check_mode: true
  diff: true
"""

RETURN = r"""
steps:
  description:
    - The steps made, one sentence each. In check mode, those that would be made. After a failure, those that AWS has taken before it.
    - A step whose answer was lost says so.
  returned: always, except for credentials that cannot work and a missing region
  type: list
  elements: str
  sample:
    - "Replication group huntaze-redis: accept the token beside what was accepted before (AUTH, ROTATE)"
    - "Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is accepted"
seconds:
  description: How long each of RV(steps) took, in their order. One that was waited for counts until it was seen.
  returned: a run that made a step
  type: list
  elements: float
  sample: [6.2, 3.1]
differences:
  description:
    - What the steps alter, one entry a field, in their order. After a failure, what was altered before it.
    - The cache is C(cache NAME) with the name of its replication group, also before its promotion. A snapshot is C(snapshot NAME).
  returned: always, except for credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: What is altered, stable from run to run.
      type: str
      sample: cache huntaze-redis
    field:
      description: The field, as AWS names it. C(tags.huntaze:auth-token) is the evidence.
      type: str
      sample: transit_encryption_mode
    before:
      description: The value before. Null if there is none.
      type: raw
      sample: preferred
    after:
      description: The value afterwards. Null if there is none. C((known after apply\)) if only AWS knows.
      type: raw
      sample: required
    secret:
      description: Whether the values are masked.
      type: bool
      sample: false
left_alone:
  description:
    - What keeps the cache from the point wanted and no run changes, one entry a field, such as a user group in the place of AUTH, or a serverless cache
      under the name. The run is refused for it, and RV(problems) says the same in sentences.
    - If pending modifications keep the run from its first step, all that it would change.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The cache or the snapshot, named as in RV(differences).
      type: str
      sample: cache huntaze-redis
    field:
      description: The field, named as in RV(cache). C(exists) if there is no such cache. C(snapshot_status) of a snapshot.
      type: str
      sample: user_group_ids
    before:
      description: What was found. Null if there is nothing.
      type: raw
      sample: [people]
    after:
      description: What is needed. Null if it has to be gone.
      type: raw
      sample:
    secret:
      description: Whether the values are masked.
      type: bool
      sample: false
    why:
      description: Why a run leaves it.
      type: str
      sample: huntaze-redis has the user group people, and AUTH and user groups exclude each other
    remedy:
      description: The way out.
      type: str
      sample: give its users their passwords instead, or remove the user group first
    lowers_security:
      description: Whether the cache has less TLS than is wanted.
      type: bool
      sample: false
left:
  description: The steps that are left to later runs. Empty unless O(wait=false) or after a failure.
  returned: always, except for credentials that cannot work and a missing region
  type: list
  elements: str
  sample: []
unanswered:
  description:
    - The changes that were sent, that AWS did not answer and that were not seen afterwards, worded as in RV(steps). Whether they were made is not known.
    - The next run looks. They are also in RV(left).
  returned: failure, if there are any
  type: list
  elements: str
  sample: ['Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is accepted']
evidence:
  description: What was known of O(auth_token) before the first step. It explains the steps. Null without O(auth_token), and after a failure.
  returned: always, except for credentials that cannot work and a missing region
  type: dict
  contains:
    source:
      description:
        - V(connection) if the live cache was asked, V(tag) if the tag decided, V(aws) if AWS says that AUTH is off, V(none) if nothing is known.
        - V(busy) if AWS lists no tags because the cache is busy. Check mode does not wait. It then announces the steps that a run makes without a tag.
      type: str
      sample: tag
    reason:
      description: The same in one sentence.
      type: str
      sample: the token was made the only one and nothing has changed since; the live cache was not asked, as probe is false
cache:
  description:
    - The cache afterwards, as M(huntaze.ai_system.elasticache_info) returns it. In check mode, as it would be.
      After a failure as it was seen last, without its VPC and subnets. Null if it was not.
  returned: always, except for credentials that cannot work and a missing region
  type: dict
  sample:
    exists: true
    kind: replication_group
    id: huntaze-redis
    status: available
    transit_encryption_mode: required
    auth_token_enabled: true
    endpoints:
      primary: {address: master.huntaze-redis.asmyhp.use1.cache.amazonaws.com, port: 6379}
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options, credentials, or a cache that cannot be brought to the point wanted
  type: list
  elements: str
  sample: ["probe_timeout is 0.0: give a number of seconds above 0 and at most 86400."]
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

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._apply import Failed, converge
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import RETRIES, client, client_without_retries, fail_on_failure, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.cache import network
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.path import judge, shown
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.policy import CachePolicy, Sender
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import problems

NOTHING_DONE = {
    "changed": False, "steps": [], "left": [], "differences": [], "left_alone": [], "diff": {"before": {}, "after": {}}, "cache": None, "evidence": None,
}


def patient(wait_timeout):
    """Settings of botocore under which no hanging call takes longer than all waiting together may."""
    seconds = max(1.0, min(60.0, wait_timeout / 3))
    attempts = max(3, min(RETRIES["max_attempts"], int(wait_timeout // seconds)))
    return {"connect_timeout": min(10.0, seconds), "read_timeout": seconds, "retries": dict(RETRIES, max_attempts=attempts)}


def evidence_of(policy):
    """What was known of the token before the first step."""
    if not policy.desired.auth_token:
        return None
    judged = judge(policy.desired, policy.before)
    return {"source": judged.source, "reason": judged.reason}


def run(module, reader, policy, deadline):
    """The result of taking the cache along its path, or in check mode of what that would be."""
    plan = policy.look()
    if module.check_mode:
        return dict(plan.result(), left=[], cache=network(reader, shown(policy.end)))
    # No retries of botocore's: a ROTATE repeated after a lost answer would drop the token that clients still use.
    sender = Sender(lambda: client_without_retries(module, "elasticache", connect_timeout=10))
    policy.applied = converge(policy.look, sender, policy, deadline, seen=plan)
    if policy.applied.after:
        policy.look()
    return dict(policy.told(policy.applied).result(), left=policy.applied.left, cache=network(reader, shown(policy.seen)))


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            replication_group_id=dict(type="str"),
            snapshot=dict(type="bool", default=True),
            snapshot_name=dict(type="str"),
            transit_encryption_mode=dict(type="str", choices=["preferred", "required"]),
            auth_token=dict(type="str", no_log=True),
            auth_token_update_strategy=dict(type="str", choices=["ROTATE", "SET"], default="SET", no_log=False),
            requirepass=dict(type="str", no_log=True),
            apply_pending_modifications=dict(type="bool", default=False),
            wait=dict(type="bool", default=True),
            wait_timeout=dict(type="int", default=3600),
            probe=dict(type="bool", default=True),
            probe_timeout=dict(type="float", default=5.0),
            tls_ca_file=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    refuse(module, "The options cannot work", problems(module.params), **NOTHING_DONE)
    reader = client(module, "elasticache", **patient(module.params["wait_timeout"]))
    deadline = time.monotonic() + module.params["wait_timeout"]
    policy = CachePolicy(reader, module.params, deadline, module.warn)
    try:
        result = run(module, reader, policy, deadline)
    except (BotoCoreError, ClientError, Failed) as error:
        failed = error if isinstance(error, Failed) else Failed(error=error)
        failed.applied = policy.told(policy.applied if policy.applied.made else failed.applied)
        fail_on_failure(module, failed, policy.doing(failed), cache=shown(policy.seen) if policy.seen.cache else None, evidence=None)
    module.exit_json(evidence=evidence_of(policy), **result)


if __name__ == "__main__":
    main()
