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
  description: The steps made, one sentence each. In check mode, those that would be made. After a failure, those made before it.
  returned: always, except for credentials that cannot work
  type: list
  elements: str
  sample:
    - "Replication group huntaze-redis: accept the token beside what was accepted before (AUTH, ROTATE)"
    - "Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is accepted"
differences:
  description:
    - What the steps alter, one entry a field, in their order. After a failure, what was altered before it.
    - The cache is C(cache NAME) with the name of its replication group, also before its promotion. A snapshot is C(snapshot NAME).
  returned: always, except for credentials that cannot work
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
left:
  description: The steps that are left to later runs. Empty unless O(wait=false) or after a failure.
  returned: always, except for credentials that cannot work
  type: list
  elements: str
  sample: []
evidence:
  description: What was known of O(auth_token) before the first step. It explains the steps. Null without O(auth_token), and after a failure.
  returned: always, except for credentials that cannot work
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
    - The cache afterwards, as M(huntaze.ai_system.elasticache_info) returns it. In check mode, as it would be. Null after a failure.
  returned: always, except for credentials that cannot work
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
from dataclasses import replace
from functools import cached_property

try:
    from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError, HTTPClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import cache as caches, evidence, live, path as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import pending_refusals, problems, refusals
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import (
    RETRIES,
    client,
    client_without_retries,
    error_code,
    fail_on_aws_error,
    refuse,
    wait_until,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Plan

# The change is there already: somebody else made it, or this run with a call whose answer was lost.
MADE_BEFORE = ("ReplicationGroupAlreadyExists", "SnapshotAlreadyExistsFault")
# Nothing was changed, and the same call will do later.
TRY_AGAIN = (
    "InvalidReplicationGroupState", "InvalidCacheClusterState",
    "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException",
)
# AWS itself cannot say whether anything was changed.
FAULTS_OF_AWS = ("InternalFailure", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException")
MADE = "made"
UNNEEDED = "unneeded"
NOT_MADE = "not made"
REFUSED = "refused"
LOST = "lost"
# How long a change whose call got no answer may take to show before this run goes on from what it sees.
LOST_SECONDS = 60
NOTHING_DONE = {"changed": False, "steps": [], "left": [], "differences": [], "diff": {"before": {}, "after": {}}, "cache": None, "evidence": None}


def patient(params):
    """Settings of botocore under which no hanging call takes longer than all waiting together may."""
    seconds = max(1.0, min(60.0, params["wait_timeout"] / 3))
    attempts = max(3, min(RETRIES["max_attempts"], int(params["wait_timeout"] // seconds)))
    return {"connect_timeout": min(10.0, seconds), "read_timeout": seconds, "retries": dict(RETRIES, max_attempts=attempts)}


def settled(seen):
    return seen.settled


def count(changes, change):
    return [one.parameters for one in changes].count(change.parameters)


class Run:
    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.reader = client(module, "elasticache", **patient(self.params))
        self.deadline = time.monotonic() + self.params["wait_timeout"]
        # The steps; of the calls behind them those that AWS has answered and those whose answer was lost; and those that AWS did not need.
        self.made = []
        self.answered = []
        self.unanswered = []
        self.unneeded = []
        self.pause = 0.25
        self.promoting = False
        self.refused = 0
        self.excuse = ""
        self.ahead = []
        # AWS keeps all IDs in lower case.
        name, group, snapshot = (value and value.lower() for value in map(self.params.get, ("name", "replication_group_id", "snapshot_name")))
        self.desired = planner.Desired(
            name=name,
            replication_group_id=group,
            snapshot_name=(snapshot or f"{name}-before-{group}") if self.params["snapshot"] else None,
            transit_encryption_mode=self.params["transit_encryption_mode"],
            auth_token=self.params["auth_token"],
            auth_token_update_strategy=self.params["auth_token_update_strategy"],
            apply_pending_modifications=self.params["apply_pending_modifications"],
        )

    @cached_property
    def writer(self):
        # No retries of botocore's: a ROTATE repeated after a lost answer would drop the token that clients still use.
        return client_without_retries(self.module, "elasticache", connect_timeout=10)

    def run(self):
        before = self.before()
        self.ahead = planner.path(self.desired, before)
        self.stop(pending_refusals(self.desired, before, [change for change, dummy in self.ahead]))
        if self.module.check_mode:
            made, after = [change for change, dummy in self.ahead], self.ahead[-1][1] if self.ahead else before
        else:
            made, after = self.made, self.apply(before)
        cache = caches.network(self.reader, planner.shown(after))
        result = Plan(tuple(made)).result()
        left = [] if self.params["wait"] or self.module.check_mode else self.left()
        self.module.exit_json(left=left, cache=cache, evidence=self.evidence(before), **result)

    def before(self):
        """What is there before the first step. Only what changes something waits for a busy cache."""
        seen = self.prepared(self.observe())
        if not self.ready(seen) and planner.path(self.desired, seen):
            seen = self.prepared(self.wait_for(settled, "Waiting for the cache to be available"))
        if self.desired.auth_token:
            seen = replace(seen, **self.look(seen.cache))
            if not self.ready(seen) and planner.path(self.desired, seen):
                waited = self.prepared(self.wait_for(settled, "Waiting for the cache to be available"))
                seen = replace(waited, answer=seen.answer, unasked=seen.unasked)
        return seen

    def ready(self, seen):
        return self.module.check_mode or seen.settled

    def prepared(self, seen):
        """`seen`, with the fingerprint to compare with chosen: the tag's where that is of the token, else a new one."""
        if self.desired.auth_token and not (self.desired.fingerprint and seen.tag is None):
            known = seen.tag and seen.tag.fingerprint
            ours = known and (known == self.desired.fingerprint or evidence.is_of(known, self.desired.auth_token))
            chosen = known if ours else self.desired.fingerprint or evidence.fingerprint(self.desired.auth_token)
            self.desired = replace(self.desired, fingerprint=chosen)
        return seen

    def evidence(self, before):
        if not self.desired.auth_token:
            return None
        judged = planner.judge(self.desired, before)
        return {"source": judged.source, "reason": judged.reason}

    def observe(self):
        """The cache as AWS shows it; fails where there is no way on."""
        observed = planner.observe(self.reader, self.desired, self.promoting)
        self.stop(refusals(self.desired, observed))
        return observed

    def stop(self, problems):
        refuse(self.module, self.desired.name, problems, **self.progress())

    def apply(self, observed):
        """Change after change until there is none, and what is there then; without `wait` no further than a step that takes long."""
        change = planner.next_change(self.desired, observed)
        while change:
            self.check_progress(change)
            observed = self.make(change, observed)
            change = planner.next_change(self.desired, observed) if self.waits_for(change) else None
        return observed

    def waits_for(self, change):
        # What was done to a token can be noted only by the run that has seen it done; it takes AWS seconds.
        return self.params["wait"] or bool(planner.strategy_of(change)) or change.operation == "add_tags_to_resource"

    def check_progress(self, change):
        """A change comes again only where the token has moved meanwhile or an answer was lost, and then once."""
        token = planner.strategy_of(change)
        if count(self.answered, change) > (1 if token else 0):
            self.fail(f"{change.summary}: AWS reported success, but the cache is as if that had not been. Is somebody else changing it?")
        if token and count(self.unanswered, change) > 1:
            self.fail(f"{change.summary}: AWS's answer was lost twice, so that it is not known whether that was done. Run again")

    def make(self, change, before):
        """Make one change and return what AWS shows once it shows the change, or where it was not made what is there instead."""
        token = planner.strategy_of(change)
        predicted = planner.predict(self.desired, before, change)
        answer, sent_at = self.send(change), time.monotonic()
        if answer == REFUSED:
            return self.contradicted(change, before)
        if answer in (NOT_MADE, LOST):
            self.breathe(change, before)
        else:
            self.pause = 0.25

        def done(seen):
            if not self.waits_for(change):
                return True
            if not seen.settled or seen.cache["auth_token_status"]:
                return False
            if answer == NOT_MADE or (answer == UNNEEDED and token) or planner.shows(before, predicted, seen):
                return True
            self.check_tag_writers(change, before, predicted, seen)
            # A ROTATE is not repeated before it is clear that it was not made: the oldest token would go.
            return answer == LOST and (token != "ROTATE" or time.monotonic() - sent_at > LOST_SECONDS)

        seen = self.wait_for(done, change.summary)
        return self.learned(change, before, seen, answer, shown=planner.shows(before, predicted, seen))

    def breathe(self, change, seen):
        """Wait a moment before the same call again, longer each time."""
        if time.monotonic() + self.pause > self.deadline:
            self.late(change.summary, seen)
        time.sleep(self.pause)
        self.pause = min(self.pause * 2, 15.0)

    def learned(self, change, before, seen, answer, shown):
        """What is known after AWS's `answer` to `change`: only an answer proves that it was this run that made it."""
        token = planner.strategy_of(change)
        if answer == MADE:
            self.answered.append(change)
        if answer == UNNEEDED:
            self.unneeded.append(change)
        if answer == LOST:
            self.unanswered.append(change)
            if token == "ROTATE" and not shown:
                self.fail(f"{change.summary}: AWS's answer was lost, and the cache shows no change since. Run again")
        if answer == MADE or (answer == LOST and shown):
            self.made.append(planner.known(self.desired, change, seen) if shown else change)
        if token and answer in (MADE, UNNEEDED):
            return planner.earning(self.desired, seen, change)
        if token and answer == LOST:
            # A later date may be of anybody's change; the connection decides.
            return replace(seen, **self.look(seen.cache))
        if answer == NOT_MADE and evidence.date_of(seen.cache) == evidence.date_of(before.cache):
            seen = replace(seen, answer=before.answer, unasked=before.unasked)
        return replace(seen, earned=before.earned)

    def contradicted(self, change, before):
        """AWS refuses a SET: the token is not the last that was added, whatever spoke for it. It is added anew, once."""
        self.refused += 1
        if self.refused > 1:
            self.fail(
                f"{change.summary}: AWS refused it twice, also right after the token was added{self.excuse}. The token is accepted, and whether another "
                "one is accepted too cannot be told: give a new auth_token, which AWS adds and then makes the only one."
            )
        return planner.without_evidence(before)

    def check_tag_writers(self, change, before, predicted, seen):
        # Each run salts a fingerprint of its own; answers may be older than a change, but never of a third one.
        ours = (predicted.tag and predicted.tag.fingerprint, before.tag and before.tag.fingerprint)
        if change.operation == "add_tags_to_resource" and seen.tag and seen.tag.fingerprint not in ours:
            self.fail(f"{change.summary}: somebody else writes that tag. Let the other deployment finish and run again")

    def send(self, change):
        self.promoting = self.promoting or change.operation == "create_replication_group"
        try:
            getattr(self.writer, change.operation)(**change.parameters)
            self.excuse = ""
            return MADE
        except (BotoCoreError, ClientError) as error:
            if error_code(error) in MADE_BEFORE:
                return MADE
            if "No modifications were requested" in str(error) and change.operation == "modify_replication_group":
                return UNNEEDED
            self.excuse = f" ({error})"
            if planner.strategy_of(change) == "SET" and (error_code(error).startswith("InvalidParameter") or "AUTH token" in str(error)):
                return REFUSED
            waits = self.waits_for(change)
            if waits and (error_code(error) in TRY_AGAIN or isinstance(error, (ConnectTimeoutError, EndpointConnectionError))):
                return NOT_MADE
            if waits and (isinstance(error, HTTPClientError) or error_code(error) in FAULTS_OF_AWS):
                return LOST
            fail_on_aws_error(self.module, error, change.summary, **self.progress())
        finally:
            # The next change may be many minutes off, and a connection that a gateway forgot meanwhile would lose its answer.
            self.writer.close()

    def wait_for(self, done, what):
        """Observe until `done` says so; only once without `wait`, but for what `done` waits for all the same."""
        last = None

        def attempt():
            nonlocal last
            last = self.observe()
            return last if done(last) else None

        waits = self.params["wait"] or done is not settled
        found = wait_until(attempt, self.deadline - time.monotonic()) if waits else attempt()
        if found is None:
            self.late(what, last, waits)
        return found

    def late(self, what, seen, waited=True):
        snapshot = f"; its snapshot {self.desired.snapshot_name} is still being made" if seen.snapshot == "creating" else ""
        way_out = "It is not waited for, as wait is false: run again later, or with wait: true."
        if waited:
            way_out = f"All waiting and asking together may take {self.params['wait_timeout']} seconds: run again later, or with a longer wait_timeout."
        self.fail(f"{what}: not done yet{self.excuse}. The cache is {seen.cache['id']}; {seen.state}{snapshot}. {way_out}")

    def left(self):
        """The planned steps that are neither made nor unneeded."""
        done = [change.summary for change in self.made + self.unneeded]
        return [change.summary for change, dummy in self.ahead if change.summary not in done]

    def progress(self):
        """What a failure tells: the keys of a result that did no more than was done."""
        result = NOTHING_DONE.copy()
        result.update(Plan(tuple(self.made)).result(), left=self.left())
        return result

    def fail(self, message):
        self.module.fail_json(msg=message, **self.progress())

    def look(self, cache):
        """What the live cache says of the token, or why it was not asked."""
        if not self.params["probe"]:
            return {"unasked": f"{planner.NOT_ASKED}, as probe is false"}
        # Never send the token where it could be read, nor ask a cache that has no AUTH to tell of.
        if not cache["auth_token_enabled"] or cache["transit_encryption_mode"] != "required":
            return {}
        endpoint = caches.endpoint(cache)
        if not (endpoint and endpoint["port"]):
            return {"unasked": f"{planner.NOT_ASKED}, as AWS shows no endpoint of it"}
        seconds = min(self.params["probe_timeout"], max(0.1, self.deadline - time.monotonic()))
        answer, trouble, why = live.ask(endpoint, self.desired.auth_token, self.params["tls_ca_file"], seconds)
        if answer:
            return {"answer": answer}
        if trouble not in live.OUTSIDE:
            self.module.warn(f"{self.desired.name}: {why}. So the tag is the only evidence.")
        return {"unasked": why}


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
    run = Run(module)
    try:
        run.run()
    except (BotoCoreError, ClientError) as error:
        doing = f"Looking at the cache {run.desired.name} (all waiting and asking together may take wait_timeout: {module.params['wait_timeout']} seconds)"
        fail_on_aws_error(module, error, doing, **run.progress())


if __name__ == "__main__":
    main()
