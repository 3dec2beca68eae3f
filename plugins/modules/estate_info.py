#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: estate_info
version_added: 0.1.0
short_description: Read what AWS says of a cache, a database, their network, a bucket and an app
description:
  - Reads all that decides whether clients reach the services of the AI system, each thing once and many at a time.
  - The answers are AWS's own, with keys in snake_case. A part or a member that was not to be read, or that AWS refused to tell, is null.
  - A refused read does not fail the task. RV(read) has it, with AWS's words. Only credentials that do not work, and an AWS that does not answer at all, do.
  - Of an app it tells the names of its variables, and never a value. Values and passwords are masked in what the app has logged.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  gather_subset:
    description:
      - The parts to read. Left out, all parts are read whose objects are named.
      - V(db_instances) reads only RV(database.instances), and V(security_groups) only those of O(security_group_ids).
      - V(network) reads the VPCs of all that is named, and those of this account and region that are peered with them.
    type: list
    elements: str
    choices: [account, database, cache, network, hosts, bucket, app, db_instances, security_groups]
  cache_name:
    description: The ID of a cache cluster or of a replication group.
    type: str
  db_identifier:
    description: The identifier of a DB instance or of a DB cluster.
    type: str
  bucket:
    description: The name of a bucket of S3.
    type: str
  app_id:
    description: The identifier of an app of Amplify Hosting.
    type: str
  app_name:
    description: The name of that app, in the place of O(app_id). Where several apps have it, nothing is known of the app.
    type: str
  branch:
    description: A branch of that app. Without it, the app's branch and builds are not read.
    type: str
  host_addresses:
    description: The hosts of the limiter agents, each by a private address or by the identifier of its instance.
    type: list
    elements: str
  security_group_ids:
    description: Security groups to look at besides.
    type: list
    elements: str
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
  - V(account) takes the IAM action C(sts:GetCallerIdentity).
  - V(db_instances) takes C(rds:DescribeDBInstances). V(database) takes also C(rds:DescribeDBProxies), C(rds:DescribeCertificates),
    C(rds:DescribeDBClusters), C(rds:DescribeDBParameters), C(rds:DescribeDBClusterParameters) and C(rds:DescribeDBMajorEngineVersions).
  - V(cache) takes C(elasticache:DescribeCacheClusters), C(elasticache:DescribeReplicationGroups), C(elasticache:DescribeCacheSubnetGroups),
    C(elasticache:DescribeUsers) and C(elasticache:ListTagsForResource).
  - V(security_groups) takes C(ec2:DescribeSecurityGroups). V(network) takes also C(ec2:DescribeVpcs), C(ec2:DescribeVpcAttribute), C(ec2:DescribeSubnets),
    C(ec2:DescribeRouteTables), C(ec2:DescribeNetworkAcls), C(ec2:DescribeSecurityGroupRules), C(ec2:DescribeNetworkInterfaces),
    C(ec2:DescribeVpcPeeringConnections) and C(ec2:GetManagedPrefixListEntries), and what finds the objects that are named.
  - V(hosts) takes C(ec2:DescribeNetworkInterfaces), C(ec2:DescribeInstances) and C(ec2:DescribeVolumes).
  - V(bucket) takes C(s3:ListBucket), C(s3:GetEncryptionConfiguration), C(s3:GetBucketPublicAccessBlock), C(s3:GetBucketPolicyStatus) and
    C(s3:GetBucketPolicy).
  - V(app) takes C(amplify:GetApp), C(amplify:GetBranch), C(amplify:ListJobs), C(logs:DescribeLogGroups), C(logs:FilterLogEvents) and
    C(cloudwatch:GetMetricData). By O(app_name) it takes C(amplify:ListApps) too.
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.elasticache_info
"""

EXAMPLES = r"""
- name: Read what AWS says of the cache and the database
  huntaze.ai_system.estate_info:
    region: us-east-1
    cache_name: huntaze-redis-production
    db_identifier: huntaze-postgres-production
  register: estate

- name: Show what AWS refused to tell
  ansible.builtin.debug:
    msg: "{{ estate.read | selectattr('error') | map(attribute='error') }}"

- name: Look up the database alone
  huntaze.ai_system.estate_info:
    region: us-east-1
    gather_subset: [db_instances]
    db_identifier: huntaze-postgres-production
  register: found

- name: Show where its clients connect to
  ansible.builtin.debug:
    msg: "{{ found.database.instances | map(attribute='endpoint.address') }}"
"""

RETURN = r"""
account:
  description: Whose the credentials are.
  returned: success
  type: dict
  contains:
    id:
      description: The account.
      type: str
      sample: "123456789012"
    arn:
      description: The ARN of the user or the session.
      type: str
      sample: arn:aws:iam::123456789012:user/deployer
database:
  description: The database.
  returned: success
  type: dict
  contains:
    instances:
      description: The instance that was named, or all of the cluster that was named or that the instance is in.
      type: list
      elements: dict
      sample: [{db_instance_identifier: huntaze-postgres-production, db_instance_status: available}]
    clusters:
      description: The cluster of these instances.
      type: list
      elements: dict
      sample: []
    parameters:
      description: The parameters that have a value, by name, of the parameter groups of the instance and of its cluster.
      type: dict
      sample: {rds.force_ssl: {value: "1", source: system, apply_type: dynamic, apply_method: null}}
    proxies:
      description: All RDS proxies of the account and region.
      type: list
      elements: dict
      sample: []
    certificates:
      description: The certificate authorities that RDS knows.
      type: list
      elements: dict
      sample: [{certificate_identifier: rds-ca-rsa2048-g1, valid_till: "2061-05-24T22:59:00+00:00"}]
    major_versions:
      description: The major versions of the engine, with the dates of their support.
      type: list
      elements: dict
      sample: [{engine: postgres, major_engine_version: "15"}]
cache:
  description: The cache.
  returned: success
  type: dict
  contains:
    replication_groups:
      description: The replication group. Empty if the cache is in none.
      type: list
      elements: dict
      sample: [{replication_group_id: huntaze-redis, status: available}]
    clusters:
      description: Its cache clusters, with their nodes.
      type: list
      elements: dict
      sample: [{cache_cluster_id: huntaze-redis-production, num_cache_nodes: 1}]
    subnet_groups:
      description: Their subnet groups.
      type: list
      elements: dict
      sample: [{cache_subnet_group_name: huntaze-cache, vpc_id: vpc-0123456789abcdef0}]
    users:
      description: The users of its user groups. Empty if it has none.
      type: list
      elements: dict
      sample: []
    tags:
      description: The tags of the group, or of the cluster that is in none.
      type: dict
      sample: {Environment: production}
network:
  description: The VPCs that the named objects stand in and those peered with them, and all that is in them.
  returned: success
  type: dict
  contains:
    vpcs:
      description: The VPCs. C(enable_dns_support) and C(enable_dns_hostnames) are among the keys.
      type: list
      elements: dict
      sample: [{vpc_id: vpc-0123456789abcdef0, cidr_block: 172.31.0.0/16, enable_dns_support: true, enable_dns_hostnames: true}]
    subnets:
      description: Their subnets.
      type: list
      elements: dict
      sample: [{subnet_id: subnet-0123456789abcdef0, cidr_block: 172.31.16.0/20}]
    route_tables:
      description: Their route tables.
      type: list
      elements: dict
      sample: [{route_table_id: rtb-0123456789abcdef0, routes: [{destination_cidr_block: 172.31.0.0/16, gateway_id: local}]}]
    network_acls:
      description: Their network ACLs.
      type: list
      elements: dict
      sample: [{network_acl_id: acl-0123456789abcdef0, is_default: true}]
    security_groups:
      description: Their security groups. With V(security_groups) in O(gather_subset), those that were named.
      type: list
      elements: dict
      sample: [{group_id: sg-0c0ffee0c0ffee001, group_name: huntaze-cache}]
    security_group_rules:
      description: The rules of those groups, of both directions.
      type: list
      elements: dict
      sample: [{security_group_rule_id: sgr-0123456789abcdef0, is_egress: false, from_port: 6379}]
    network_interfaces:
      description: Their network interfaces.
      type: list
      elements: dict
      sample: [{network_interface_id: eni-0123456789abcdef0, private_ip_address: 172.31.16.10}]
    vpc_peering_connections:
      description: Their peering connections, from either side.
      type: list
      elements: dict
      sample: []
    prefix_lists:
      description: The prefix lists that routes and rules name. C(cidrs) is null where AWS does not tell them.
      type: list
      elements: dict
      sample: [{prefix_list_id: pl-0123456789abcdef0, cidrs: [198.51.100.0/24]}]
hosts:
  description: The hosts of the limiter agents.
  returned: success
  type: dict
  contains:
    instances:
      description: Their instances. Another VPC may have a host of the same address.
      type: list
      elements: dict
      sample: [{instance_id: i-0123456789abcdef0, instance_type: t4g.micro}]
    volumes:
      description: Their disks.
      type: list
      elements: dict
      sample: [{volume_id: vol-0123456789abcdef0, volume_type: gp3, size: 8}]
bucket:
  description: The bucket.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: huntaze-beta-assets
    exists:
      description: Whether there is one. Null if AWS does not tell, as of a bucket of somebody else.
      type: bool
      sample: true
    region:
      description: Where it is.
      type: str
      sample: us-east-1
    encryption:
      description: How new objects are encrypted. Empty if they are not.
      type: str
      sample: AES256
    public_access_block:
      description: What is blocked. Empty if there is no block.
      type: dict
      sample: {block_public_acls: true, ignore_public_acls: true, block_public_policy: true, restrict_public_buckets: true}
    policy_status:
      description: Whether AWS calls its policy public.
      type: dict
      sample: {is_public: false}
    tls_only:
      description: Whether a statement of its policy denies everybody every action that comes without TLS.
      type: bool
      sample: false
app:
  description: The app.
  returned: success
  type: dict
  contains:
    app:
      description: The app, without its variables, its build specification and its passwords. Empty if there is none.
      type: dict
      sample: {app_id: d1a2b3c4d5e6f7, name: huntaze}
    branch:
      description: The branch, likewise.
      type: dict
      sample: {branch_name: main, stage: PRODUCTION}
    jobs:
      description: Its last builds, the newest first.
      type: list
      elements: dict
      sample: [{job_id: "7", status: SUCCEED, job_type: RELEASE}]
    variable_names:
      description: The names of the variables of the app and the branch.
      type: list
      elements: str
      sample: [DATABASE_URL, REDIS_URL]
    log_group:
      description: The name of the app's log group, and whether C(exists) it. Without one, nothing is known of the app's errors.
      type: dict
      sample: {name: /aws/amplify/d1a2b3c4d5e6f7, exists: true}
    log_events:
      description: The errors that the app has written in the last hour.
      type: list
      elements: dict
      sample: [{at: "2026-11-26T10:15:30.000Z", stream: main/2026/11/26/abc, message: "Error: connect ETIMEDOUT"}]
    metrics:
      description: Amplify's metrics of the last hour. A metric that has no value is null.
      type: dict
      sample: {requests: 420.0, errors_4xx: 2.0, errors_5xx: 0.0, latency: 0.12}
read:
  description: The calls to AWS.
  returned: success
  type: list
  elements: dict
  contains:
    source:
      description: The service and the call.
      type: str
      sample: ec2 DescribeRouteTables
    at:
      description: When it was answered.
      type: str
      sample: "2026-11-26T10:15:30Z"
    error:
      description: AWS's code and words, if it refused.
      type: str
      sample: null
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options or credentials
  type: list
  elements: str
  sample: ["gather_subset names bucket, which needs bucket."]
error:
  description: What AWS answered to the call that failed.
  returned: failure because of an error of AWS
  type: dict
  contains:
    code:
      description: AWS's code of the error. Empty if the call got no answer.
      type: str
      sample: InvalidClientTokenId
    type:
      description: The class of the error in botocore.
      type: str
      sample: ClientError
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    BotoCoreError = ClientError = Exception  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, fail_on_aws_error, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._credentials import concerns
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.estate import EVERY, gather, problems, services
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Reads

# Somebody waits for the answers, and others are asked meanwhile.
PATIENCE = dict(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 4}, max_pool_connections=30)


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            gather_subset=dict(type="list", elements="str", choices=list(EVERY)),
            cache_name=dict(type="str"),
            db_identifier=dict(type="str"),
            bucket=dict(type="str"),
            app_id=dict(type="str"),
            app_name=dict(type="str"),
            branch=dict(type="str"),
            host_addresses=dict(type="list", elements="str"),
            security_group_ids=dict(type="list", elements="str"),
        ),
        supports_check_mode=True,
    )
    refuse(module, "Nothing was read", problems(module.params), changed=False)
    reads = Reads({service: client(module, service, **PATIENCE) for service in services(module.params)}, (BotoCoreError, ClientError))
    estate = gather(reads, module.params)
    for error in reads.failures:
        nobody_answers = not error_code(error) and len(reads.failures) == len(reads.rows)
        if concerns(error_code(error), error) or nobody_answers:
            fail_on_aws_error(module, error, "Reading the estate", changed=False)
    module.exit_json(changed=False, **estate)


if __name__ == "__main__":
    main()
