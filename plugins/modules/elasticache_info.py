#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_info
version_added: 0.1.0
short_description: Describe one ElastiCache cache, whatever its kind
description:
  - Finds a cache cluster, a replication group or a serverless cache by one name and describes it in one shape.
  - A cluster that was promoted to a replication group is still found by its own name, and the group is described.
  - The result has kind, status, endpoints, TLS mode, AUTH, encryption at rest, pending changes, subnets, VPC and security groups.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  name:
    description:
      - The ID of a cache cluster or a replication group, or the name of a serverless cache.
      - The ID of a cluster in a replication group describes the group.
    type: str
    required: true
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
  - Needs the IAM actions C(elasticache:DescribeCacheClusters), C(elasticache:DescribeReplicationGroups),
    C(elasticache:DescribeServerlessCaches) and C(elasticache:DescribeCacheSubnetGroups).
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.elasticache_auth
"""

EXAMPLES = r"""
- name: Look the cache up
  huntaze.ai_system.elasticache_info:
    region: us-east-1
    name: huntaze-redis-production
  register: found

- name: Show where clients connect to
  ansible.builtin.debug:
    msg: "{{ found.cache.endpoints.primary.address }}:{{ found.cache.port }}, TLS {{ found.cache.transit_encryption_mode | default('off', true) }}"
  when: found.cache.exists

- name: Look up a replication group by its own ID
  huntaze.ai_system.elasticache_info:
    region: us-east-1
    name: huntaze-redis
  register: found

- name: Refuse a cache with changes that wait for its maintenance window
  ansible.builtin.assert:
    that: found.cache.pending_modifications == {} and not found.cache.auth_token_status
    fail_msg: "Waiting for {{ found.cache.maintenance_window }}: {{ found.cache.pending_modifications }}"
"""

RETURN = r"""
cache:
  description: The cache. If there is none, C(exists) is false and everything else is null, false or empty.
  returned: success
  type: dict
  contains:
    exists:
      description: Whether there is a cache of this name.
      type: bool
      sample: true
    kind:
      description: V(cache_cluster), V(replication_group) or V(serverless_cache).
      type: str
      sample: replication_group
    id:
      description: The ID of the cluster, group or serverless cache that is described.
      type: str
      sample: huntaze-redis
    arn:
      description: Its ARN.
      type: str
      sample: arn:aws:elasticache:us-east-1:123456789012:replicationgroup:huntaze-redis
    replication_group_id:
      description: The ID of the replication group. Null if the cache is not in one.
      type: str
      sample: huntaze-redis
    member_clusters:
      description: The IDs of its cache clusters.
      type: list
      elements: str
      sample: [huntaze-redis-production]
    status:
      description: AWS's word for its status.
      type: str
      sample: available
    create_time:
      description: When it was created.
      type: str
      sample: "2025-11-02T09:30:00+00:00"
    engine:
      description: V(redis), V(valkey) or V(memcached).
      type: str
      sample: redis
    engine_version:
      description: The version of the engine.
      type: str
      sample: 7.1.0
    cache_node_type:
      description: The type of its nodes.
      type: str
      sample: cache.t3.micro
    cache_parameter_group_name:
      description: Its parameter group.
      type: str
      sample: default.redis7
    cluster_enabled:
      description: Whether it is in cluster mode.
      type: bool
      sample: false
    port:
      description: The port that clients connect to. Null while the cache has no endpoint.
      type: int
      sample: 6379
    endpoints:
      description: Where clients connect to, each a dictionary of C(address) and C(port).
      type: dict
      contains:
        primary:
          description: The endpoint for reads and writes, or the only node of a standalone cluster. Null in cluster mode and for Memcached.
          type: dict
          sample: {address: master.huntaze-redis.asmyhp.use1.cache.amazonaws.com, port: 6379}
        reader:
          description: The endpoint that spreads reads over the replicas. Null if there is none.
          type: dict
          sample: {address: replica.huntaze-redis.asmyhp.use1.cache.amazonaws.com, port: 6379}
        configuration:
          description: The configuration endpoint, for clients in cluster mode and of Memcached. Null otherwise.
          type: dict
          sample: null
        nodes:
          description: The endpoints of single nodes, if AWS names them.
          type: list
          elements: dict
          sample: [{address: huntaze-redis-production.huntaze-redis.asmyhp.use1.cache.amazonaws.com, port: 6379}]
    transit_encryption_enabled:
      description: Whether the cache speaks TLS.
      type: bool
      sample: true
    transit_encryption_mode:
      description: V(required), V(preferred) (plain text is served too) or null (plain text only).
      type: str
      sample: required
    auth_token_enabled:
      description: Whether a token is set.
      type: bool
      sample: true
    auth_token_last_modified_date:
      description: When the token was last changed. Null if never.
      type: str
      sample: "2025-11-02T10:15:30+00:00"
    auth_token_status:
      description: V(ROTATING) or V(SETTING) while a change of the token is under way or waits for the maintenance window. Null otherwise.
      type: str
      sample: null
    pending_modifications:
      description:
        - Changes that are being made, or that wait for the maintenance window or a reboot. A change of the token is in C(auth_token_status).
      type: dict
      sample: {engine_version: 7.1.0}
    maintenance_window:
      description: The weekly maintenance window, in UTC.
      type: str
      sample: sun:05:00-sun:06:00
    global_replication_group_id:
      description: The ID of the global datastore that the cache is a member of. Null if it is in none.
      type: str
      sample: null
    global_replication_group_role:
      description: Its role in the global datastore, V(PRIMARY) or V(SECONDARY). Null if it is in none.
      type: str
      sample: null
    user_group_ids:
      description: The user groups that decide who may do what (RBAC), also one about to be added.
      type: list
      elements: str
      sample: []
    at_rest_encryption_enabled:
      description: Whether it is encrypted at rest.
      type: bool
      sample: false
    cache_subnet_group_name:
      description: Its subnet group.
      type: str
      sample: huntaze-cache
    subnet_ids:
      description: The subnets of that group.
      type: list
      elements: str
      sample: [subnet-0123456789abcdef0]
    vpc_id:
      description: The VPC of that group. Null for a serverless cache, which shows its subnets only.
      type: str
      sample: vpc-0123456789abcdef0
    security_group_ids:
      description: Its security groups.
      type: list
      elements: str
      sample: [sg-0123456789abcdef0]
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options or credentials
  type: list
  elements: str
  sample: ["name is empty: give the ID of the cache."]
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

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, fail_on_aws_error, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.cache import find, network
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import name_problem


def main():
    module = AnsibleAWSModule(argument_spec=dict(name=dict(type="str", required=True)), supports_check_mode=True)
    problem = name_problem("name", module.params["name"], "cache")
    refuse(module, "The options cannot work", [problem] if problem else [], changed=False)
    elasticache = client(module, "elasticache")
    try:
        cache = network(elasticache, find(elasticache, module.params["name"]))
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, f"Looking up the cache {module.params['name']}", changed=False)
    module.exit_json(changed=False, cache=cache)


if __name__ == "__main__":
    main()
