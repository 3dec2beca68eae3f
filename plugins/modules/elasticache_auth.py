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
  - Takes a Redis or Valkey cache from wherever it is to the point that the options name, by the steps that AWS allows and in their order.
    A standalone cluster is promoted to a replication group, TLS is offered, then required, a token is added, then made the only one.
    Its data survives.
  - One step is made at a time. The cache is waited for and read again after each, so that a run that was cut off, or a cache that somebody
    has moved meanwhile, is taken up from where it is.
  - AWS never gives a token back. The module keeps evidence of its own in the tag C(huntaze:auth-token) of the replication group, a salted slow
    hash with the date AWS shows for the token, so that it sees a token that was rotated elsewhere. Where the cache can be reached from the host
    the module runs on, a connection decides.
  - A token that cannot be proven to be in place is added and made the only one anew. That is safe for clients that use it.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  name:
    description:
      - The ID of a cache cluster or of a replication group.
      - A cluster is found by its own ID after its promotion too.
    type: str
    required: true
  replication_group_id:
    description:
      - The replication group that a standalone cluster is to become the primary of. TLS and AUTH can be changed in replication groups only.
      - Not needed for a cache that is in a replication group already.
      - Clients have to follow to the endpoints of the group, which are in RV(cache).
    type: str
  snapshot:
    description: Take a snapshot of a standalone cluster before it is promoted.
    type: bool
    default: true
  snapshot_name:
    description:
      - The name of that snapshot. It is found again by its name, so that a second run does not take a second one.
      - Made of O(name) and O(replication_group_id) if left out.
    type: str
  transit_encryption_mode:
    description:
      - V(preferred) serves TLS and plain text. V(required) refuses plain text, and clients that speak it are shut out.
      - Left out, TLS stays as it is. It is never weakened.
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
      - V(ROTATE) brings the cache to accept O(auth_token), beside the token that was added before it, or beside no token at all.
      - V(SET) brings the cache to accept O(auth_token) only. It is added first if need be, as with V(ROTATE).
    type: str
    choices: [ROTATE, SET]
    default: SET
  requirepass:
    description:
      - Always refused, as ElastiCache has no such parameter. Use O(auth_token).
    type: str
  wait:
    description:
      - Wait for the cache before and after each step. Without, the first step is begun and the rest is left to later runs.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that all waiting together may take. AWS can take 40 minutes for one step.
    type: int
    default: 3600
  probe:
    description:
      - Ask the live cache, from the host the module runs on, whether it accepts the token and refuses clients without one. This is done over
        TLS with a verified certificate only, once, before the first step.
      - Without an answer, or without the Python library redis, the tag is the only evidence.
    type: bool
    default: true
  probe_timeout:
    description: Seconds that asking the live cache may take.
    type: float
    default: 5.0
  tls_ca_file:
    description: The CA certificates to trust when asking the live cache. The system's are used if left out, and trust AWS.
    type: path
attributes:
  check_mode:
    description: Announces the very steps that a run then makes. What only a run can know reads C((known after apply\)).
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
notes:
  - Needs the IAM actions C(elasticache:DescribeCacheClusters), C(elasticache:DescribeReplicationGroups), C(elasticache:DescribeServerlessCaches),
    C(elasticache:DescribeCacheSubnetGroups), C(elasticache:DescribeSnapshots), C(elasticache:ListTagsForResource), C(elasticache:AddTagsToResource),
    C(elasticache:CreateSnapshot), C(elasticache:CreateReplicationGroup) and C(elasticache:ModifyReplicationGroup).
  - A cache that has to be created anew for what is wanted, such as one to be encrypted at rest, is left to other modules.
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

- name: Require TLS and accept the token beside clients without
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

- name: See whether somebody has changed the token since
  huntaze.ai_system.elasticache_auth:
    region: us-east-1
    name: huntaze-redis-production
    auth_token: "{{ lookup('env', 'HUNTAZE_CACHE_AUTH_TOKEN') }}"
  check_mode: true
  diff: true
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be, one sentence each.
  returned: always
  type: list
  elements: str
  sample:
    - "Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is about to be added"
    - "Replication group huntaze-redis: accept the token beside what was accepted before (AUTH, ROTATE)"
remaining:
  description: The steps that later runs have to make. Empty unless O(wait=false).
  returned: success
  type: list
  elements: str
  sample: []
evidence:
  description: What was known of O(auth_token) before the first step, and thus why steps were made or not.
  returned: success and O(auth_token) given
  type: dict
  contains:
    source:
      description:
        - V(connection) if the live cache was asked, V(tag) if the tag decided, V(aws) if AWS says that AUTH is off, V(none) if nothing is known.
      type: str
      sample: tag
    reason:
      description: The same in a sentence.
      type: str
      sample: the token was made the only one and nothing has changed since; the live cache did not answer from here within 5 seconds
cache:
  description: The cache afterwards, in the shape that M(huntaze.ai_system.elasticache_info) describes. In check mode, as it would be.
  returned: success
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
"""

import os
import re
import secrets
import threading
import time
from dataclasses import replace
from functools import cached_property

try:
    from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError, HTTPClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError:
    redis = None  # the live cache is not asked then

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils import _elasticache, _elasticache_auth as planner, _evidence
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import (
    client,
    client_without_retries,
    error_code,
    fail_on_aws_error,
    refuse,
    wait_until,
)

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
NOT_MADE = "not made"
LOST = "lost"
# How long a token whose ROTATE got no answer may take to show before this run gives up on it.
LOST_SECONDS = 60


class Run:
    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.reader = client(module, "elasticache")
        self.deadline = time.monotonic() + self.params["wait_timeout"]
        self.made = []
        self.excuse = ""
        # AWS keeps all IDs in lower case.
        name, group, snapshot = (value and value.lower() for value in map(self.params.get, ("name", "replication_group_id", "snapshot_name")))
        self.desired = planner.Desired(
            name=name,
            replication_group_id=group,
            snapshot_name=(snapshot or f"{name}-before-{group}") if self.params["snapshot"] else None,
            transit_encryption_mode=self.params["transit_encryption_mode"],
            auth_token=self.params["auth_token"],
            auth_token_update_strategy=self.params["auth_token_update_strategy"],
        )

    @cached_property
    def writer(self):
        # No retries of botocore's: a ROTATE repeated after a lost answer would drop the token that clients still use.
        return client_without_retries(self.module, "elasticache")

    def run(self):
        before = self.wait_for(planner.settled, "Waiting for the cache to be available")
        if self.desired.auth_token:
            before = replace(before, **self.look(before.cache))
            known = before.tag and before.tag.fingerprint
            ours = known and _evidence.is_of(known, self.desired.auth_token)
            self.desired = replace(self.desired, fingerprint=known if ours else _evidence.fingerprint(self.desired.auth_token))
        ahead = planner.changes(self.desired, before)
        if self.module.check_mode:
            made, after = [change for change, dummy in ahead], ahead[-1][1] if ahead else before
        else:
            made, after = self.made, self.apply(before)
        result = planner.plan(made, before, after).result()
        if self.desired.auth_token:
            evidence = planner.judge(self.desired, before)
            result["evidence"] = {"source": evidence.source, "reason": evidence.reason}
        left = [] if self.params["wait"] or self.module.check_mode else ahead[1:]
        cache = _elasticache.network(self.reader, planner.shown(after.cache))
        self.module.exit_json(remaining=[change.summary for change, dummy in left], cache=cache, **result)

    def observe(self):
        """The cache as AWS shows it, with the tag or the snapshot where they matter; fails where there is no way on."""
        group = self.desired.replication_group_id
        observed = planner.Observed(_elasticache.find(self.reader, self.desired.name, group))
        cache = observed.cache
        if cache["kind"] == "cache_cluster" and group:
            observed = replace(observed, group_taken=_elasticache.group_exists(self.reader, group), snapshot=self.snapshot_status(cache))
        elif cache["kind"] == "replication_group" and self.desired.auth_token and planner.settled(observed):
            observed = self.with_tag(observed)
        refuse(self.module, self.desired.name, planner.refusals(self.desired, observed), **self.progress())
        return observed

    def with_tag(self, observed):
        try:
            tags = self.reader.list_tags_for_resource(ResourceName=observed.cache["arn"])["TagList"]
        except ClientError as error:
            if error_code(error) != "InvalidReplicationGroupState":
                raise
            # AWS lists no tags of a busy cache, so it is one, whatever its description said a moment ago.
            return replace(observed, cache=dict(observed.cache, status="modifying"))
        value = next((tag["Value"] for tag in tags if tag["Key"] == _evidence.TAG_KEY), None)
        return replace(observed, tag=_evidence.read_tag(value))

    def snapshot_status(self, cache):
        if not self.desired.snapshot_name:
            return None
        found = _elasticache.find_snapshot(self.reader, self.desired.snapshot_name)
        if not found:
            return None
        created = found.get("CacheClusterCreateTime")
        same = found.get("CacheClusterId") == cache["id"] and created and created.isoformat() == cache["create_time"]
        return found["SnapshotStatus"] if same else "foreign"

    def apply(self, observed):
        """Change after change until there is none, and what is there then; only the first without `wait`."""
        change = planner.next_change(self.desired, observed)
        while change:
            if change in self.made:
                self.fail(f"{change.summary}: AWS reported success, but the cache is as if that had not been. Is somebody else changing it?")
            observed = self.make(change, observed)
            self.made.append(change)
            change = planner.next_change(self.desired, observed) if self.params["wait"] else None
        return observed

    def make(self, change, before):
        """Make one change and return what AWS shows once it shows the change."""
        predicted = planner.predict(before, change)
        sent, lost_at = self.send(change), time.monotonic()

        def done(seen):
            nonlocal sent
            if not self.params["wait"]:
                return True
            if not planner.settled(seen):
                return False
            if planner.shows(before, predicted, seen):
                return True
            if sent == LOST and time.monotonic() - lost_at > LOST_SECONDS:
                self.fail(f"{change.summary}: AWS's answer was lost, and the cache shows no change since. Run again")
            if sent == NOT_MADE or (sent == LOST and change.parameters.get("AuthTokenUpdateStrategy") != "ROTATE"):
                sent = self.send(change)
            return False

        return self.wait_for(done, change.summary)

    def send(self, change):
        try:
            getattr(self.writer, change.operation)(**change.parameters)
            self.excuse = ""
            return MADE
        except (BotoCoreError, ClientError) as error:
            if error_code(error) in MADE_BEFORE:
                return MADE
            self.excuse = f" ({error})"
            if self.params["wait"] and (error_code(error) in TRY_AGAIN or isinstance(error, (ConnectTimeoutError, EndpointConnectionError))):
                return NOT_MADE
            if self.params["wait"] and (isinstance(error, HTTPClientError) or error_code(error) in FAULTS_OF_AWS):
                return LOST
            fail_on_aws_error(self.module, error, change.summary, **self.progress())
        finally:
            # The next change may be many minutes off, and a connection that a gateway forgot meanwhile would lose its answer.
            self.writer.close()

    def wait_for(self, done, what):
        """Observe until `done` says so; only once without `wait`."""
        last = None

        def attempt():
            nonlocal last
            last = self.observe()
            return last if done(last) else None

        found = wait_until(attempt, self.deadline - time.monotonic()) if self.params["wait"] else attempt()
        if found is None:
            cache = last.cache
            pending = f" and its token is {cache['auth_token_status']}" if cache["auth_token_status"] else ""
            self.fail(
                f"{what}: not done yet{self.excuse}, the cache {cache['id']} has the status {cache['status']}{pending}. "
                "Run again later, or with a longer wait_timeout."
            )
        return found

    def progress(self):
        return {"changed": bool(self.made), "steps": [change.summary for change in self.made]}

    def fail(self, message):
        self.module.fail_json(msg=message, **self.progress())

    def look(self, cache):
        """What the live cache says of the token, or why it was not asked."""
        if not self.params["probe"]:
            return {"not_looked": "the live cache was not asked"}
        # Never send the token where it could be read, nor ask a cache that has no AUTH to tell of.
        if not cache["auth_token_enabled"] or cache["transit_encryption_mode"] != "required":
            return {}
        endpoint = cache["endpoints"]["primary"] or cache["endpoints"]["configuration"]
        if redis is None or endpoint is None:
            return {"not_looked": "the live cache was not asked, as " + ("the Python library redis is missing" if endpoint else "it shows no endpoint")}
        return ask(endpoint, self.desired.auth_token, self.params["tls_ca_file"], self.params["probe_timeout"])


def ask(endpoint, token, tls_ca_file, timeout):
    """What the cache at `endpoint` says of `token`, or why it does not, in all within `timeout` seconds."""
    answers = []

    def converse():
        try:
            answers.append({"look": look(endpoint, token, tls_ca_file, timeout)})
        except Exception as error:
            # A stranger's bytes can bring redis-py to any error. Only its kind is told: the text is the server's.
            answers.append({"not_looked": f"the live cache could not be asked from here ({type(error).__name__})"})

    # A socket's own timeout starts anew with every byte that trickles in.
    thread = threading.Thread(target=converse, daemon=True)
    thread.start()
    thread.join(timeout)
    return answers[0] if answers else {"not_looked": f"the live cache did not answer from here within {timeout:g} seconds"}


def look(endpoint, token, tls_ca_file, timeout):
    # RESP2 and AUTH with a password alone: a cache without AUTH then refuses it instead of taking any.
    connection = redis.Redis(
        host=endpoint["address"],
        port=endpoint["port"],
        ssl=True,
        ssl_ca_certs=tls_ca_file,
        protocol=2,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),  # redis-py asks again, slowly, when a token is refused
    )

    def accepts(*command):
        try:
            connection.execute_command(*command)
            return True
        except redis.AuthenticationError:
            return False

    try:
        required = not accepts("PING")
        accepted = accepts("AUTH", token) and (required or not accepts("AUTH", secrets.token_hex(16)))
        return _evidence.Look(token_accepted=accepted, password_required=required)
    finally:
        connection.close()


def problems_of(params):
    """What is wrong with the options, one sentence each, none with a secret."""
    problems = []
    if params["requirepass"] is not None:
        problems.append("requirepass is not a parameter of ElastiCache: give the password as auth_token, with transit_encryption_mode: required.")
    if not re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9])*", params["name"]):
        problems.append("name is not the ID of a cache: it begins with a letter and holds letters, digits and single hyphens.")
    group = params["replication_group_id"]
    if group is not None and not re.fullmatch(r"(?=.{1,40}$)[A-Za-z](-?[A-Za-z0-9])*", group):
        problems.append(f"replication_group_id {group!r} would be refused: give 1 to 40 letters, digits and single hyphens, a letter first.")
    if params["auth_token"] is not None:
        problems += [f"auth_token: {problem}" for problem in planner.token_problems(params["auth_token"])]
        if params["transit_encryption_mode"] == "preferred":
            problems.append("auth_token needs TLS to be required: give transit_encryption_mode: required, or leave the token for a later run.")
    for name in ("wait_timeout", "probe_timeout"):
        if not params[name] > 0:
            problems.append(f"{name} is {params[name]}: give a number of seconds above 0.")
    if params["tls_ca_file"] and not os.access(params["tls_ca_file"], os.R_OK):
        problems.append(f"tls_ca_file {params['tls_ca_file']} cannot be read on this host: copy the CA certificates there first.")
    return problems


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
            wait=dict(type="bool", default=True),
            wait_timeout=dict(type="int", default=3600),
            probe=dict(type="bool", default=True),
            probe_timeout=dict(type="float", default=5.0),
            tls_ca_file=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    refuse(module, module.params["name"], problems_of(module.params))
    run = Run(module)
    try:
        run.run()
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, f"Looking at the cache {module.params['name']}", **run.progress())


if __name__ == "__main__":
    main()
