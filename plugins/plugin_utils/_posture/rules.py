# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of security posture, a row each. docs/posture.py makes a table for people of them. Pure."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture import looks
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.known import Known
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.looks import HIGH, LOW, MEDIUM, Found

# What a rule may need, as a reader calls it, and the calls that it takes.
SUBJECTS: dict[str, tuple[str, ...]] = {
    "cache.replication_groups": ("the cache's replication group", "elasticache DescribeReplicationGroups", "elasticache DescribeCacheClusters"),
    "cache.users": ("the cache's users", "elasticache DescribeUsers", "elasticache DescribeReplicationGroups", "elasticache DescribeCacheClusters"),
    "database.instances": ("the database", "rds DescribeDBInstances"),
    "database.parameters": (
        "the database's parameters", "rds DescribeDBParameters", "rds DescribeDBClusterParameters", "rds DescribeDBClusters", "rds DescribeDBInstances"),
    "database.major_versions": ("the ends of PostgreSQL's versions", "rds DescribeDBMajorEngineVersions", "rds DescribeDBInstances"),
    "network.route_tables": ("the routes", "ec2 DescribeRouteTables"),
    "network.security_groups": ("the security groups", "ec2 DescribeSecurityGroups"),
    "network.security_group_rules": ("the security groups' rules", "ec2 DescribeSecurityGroupRules", "ec2 DescribeSecurityGroups"),
    "network.network_interfaces": ("the network interfaces", "ec2 DescribeNetworkInterfaces"),
    "hosts.instances": ("the agents' hosts", "ec2 DescribeInstances", "ec2 DescribeNetworkInterfaces"),
    "bucket.public_access_block": ("the bucket's public access block", "s3 GetPublicAccessBlock", "s3 HeadBucket"),
    "bucket.policy_status": ("the bucket's policy", "s3 GetBucketPolicyStatus", "s3 HeadBucket"),
    "bucket.tls_only": ("the bucket's policy", "s3 GetBucketPolicy", "s3 HeadBucket"),
    "bucket.encryption": ("the bucket's encryption", "s3 GetBucketEncryption", "s3 HeadBucket"),
}


class Rule(t.NamedTuple):
    id: str
    severity: str
    title: str  # what it looks for, in the tables for people
    source: str
    needs: tuple[str, ...]
    looks: t.Callable[[Known], t.Iterable[t.Union[Found, str]]]  # a text tells what could not be judged
    means: str
    remedy: tuple[str, str]  # command or variable, and its text
    breaks: str
    about: str = ""  # without which there is nothing to look at: a mapping of the inventory, hosts or bucket


_AWS = " --region {region}"
_CLOSES_CACHE = ("variable", "huntaze_cache: {{purge_ingress: true}}")
_CLOSES_DATABASE = ("variable", "huntaze_database: {{allow_limiter: true, purge_ingress: true}}")
_REVOKES = ("command", "aws ec2 revoke-security-group-ingress --group-id {group} --security-group-rule-ids {rule}" + _AWS)
_CUTS_AMPLIFY = "The app's own way to the database, if it comes in by this rule: Amplify Hosting has no fixed addresses. It is cut off at once."
_MODIFIES_DATABASE = "aws rds modify-db-instance --db-instance-identifier {name} %s --apply-immediately" + _AWS
_MODIFIES_CACHE = "aws elasticache modify-replication-group --replication-group-id {name} %s --apply-immediately" + _AWS
_MOVES_SUBNET = ("command", "aws ec2 {moves} --route-table-id PRIVATE" + _AWS)
_LEAVES_SUBNET = "The way to the internet of all that is in these subnets."
_CACHE, _DATABASE, _AGENTS = "huntaze_cache", "huntaze_database", "huntaze_limiter"
_INSTANCES = ("database.instances",)
_RULES = ("network.security_group_rules", "network.security_groups")  # an id has the group's name, as AWS's own changes with the group
_DATABASE_RULES = (*_INSTANCES, *_RULES)
_NOTHING = "Nothing."

RULES: tuple[Rule, ...] = (
    # The cache
    Rule("redis/in_transit", HIGH, "Redis without TLS", "Security Hub ElastiCache.5", (), looks.in_transit,
         "The token and all data can be read on their way.", ("command", "ansible-playbook deploy.yml"),
         "Clients of the cache other than the limiter agents, if they speak plain text: the old endpoints go.", _CACHE),
    Rule("redis/authentication", HIGH, "Redis without AUTH and users", "Security Hub ElastiCache.6",
         (), looks.cache_when("neither AUTH nor users are on", looks.lets_everybody_in),
         "Whoever reaches the port reads and writes everything.", ("command", "ansible-playbook deploy.yml"),
         "Clients of the cache other than the limiter agents: they need TLS and the token.", _CACHE),
    Rule("redis/users", HIGH, "users of Redis without a password", "own rule", ("cache.users",), looks.users_without_password,
         "Whoever reaches the port comes in as this user.",
         ("command", "aws elasticache modify-user --user-id {name} --authentication-mode Type=password,Passwords=..." + _AWS),
         "Clients that come as this user without a password.", _CACHE),
    Rule("redis/at_rest", LOW, "encryption of Redis at rest", "Security Hub ElastiCache.4",
         (), looks.cache_when("encryption at rest is off", lambda known: known.cache.get("at_rest_encryption_enabled") is False),
         "Snapshots and swap hold the counters in plain text. It can be set at creation only.",
         ("command", "aws elasticache create-replication-group --replication-group-id NEW --replication-group-description ... --snapshot-name SNAPSHOT "
                     "--at-rest-encryption-enabled ..." + _AWS),
         "The endpoint changes, as it needs a new cache from a snapshot: huntaze_cache.name names it then. What is counted after the snapshot is lost.",
         _CACHE),
    Rule("redis/open", HIGH, "the cache's port open to the world", "Security Hub EC2.18, Prowler ec2_securitygroup_..._redis_6379",
         _RULES, functools.partial(looks.open_to_world, what="cache"), "Whatever gets into the VPC may try tokens. Nothing outside needs this rule.",
         _CLOSES_CACHE,
         "Clients other than the limiter agents, and every other undeclared rule for the port: purging revokes them all.", _CACHE),
    Rule("redis/wide", MEDIUM, "the cache's port open to more than the agents", "own rule", _RULES, functools.partial(looks.wide_source, what="cache"),
         "Everything in this network may try tokens; the agents come by their security group.", _CLOSES_CACHE,
         "Clients other than the limiter agents, and every other undeclared rule for the port: purging revokes them all.", _CACHE),
    Rule("redis/ports", LOW, "more ports of the cache open than its own", "own rule", _RULES, functools.partial(looks.wide_ports, what="cache"),
         "More is open than clients need: what will listen there is open already.", _REVOKES,
         "What {source} does at other ports than {port}. Let {port} in first.",
         _CACHE),
    Rule("redis/unused", LOW, "rules of the cache that nobody uses", "own rule", (*_RULES, "network.network_interfaces"),
         functools.partial(looks.unused, what="cache"), "Whoever gets this group or address next reaches the cache.", _REVOKES,
         "Whatever comes from {source} and was not seen, such as a host that is only started for a job.", _CACHE),
    Rule("redis/public_subnet", LOW, "subnets of the cache with a route to the internet", "own rule", ("network.route_tables",), looks.in_public_subnets,
         "The cache has private addresses only, so nobody comes in this way today.", _MOVES_SUBNET, _LEAVES_SUBNET, _CACHE),
    Rule("redis/subnet_group", LOW, "the cache in the default subnet group", "Security Hub ElastiCache.7",
         (), looks.cache_when("it is in the default subnet group", lambda known: known.cache.get("cache_subnet_group_name") == "default"),
         "The default VPC's subnets are public as AWS makes them, and everything that names none is in them.",
         ("command", "aws elasticache create-cache-subnet-group --cache-subnet-group-name NEW --cache-subnet-group-description ... --subnet-ids ..." + _AWS),
         "The endpoint changes: a cache keeps its subnet group, so it needs a new cache.", _CACHE),
    Rule("redis/snapshots", LOW, "snapshots of Redis", "Security Hub ElastiCache.1", ("cache.replication_groups",),
         looks.group_when("there are no snapshots", lambda group: group.get("snapshot_retention_limit") == 0),
         "A cache that is lost takes the counters with it: creators begin with fresh limits.",
         ("command", _MODIFIES_CACHE % "--snapshot-retention-limit 1"), "Nothing. Snapshots beyond the first cost storage.", _CACHE),
    Rule("redis/failover", LOW, "a second node of Redis", "Security Hub ElastiCache.3", ("cache.replication_groups",),
         looks.group_when("failover is off", lambda group: group.get("automatic_failover") == "disabled"),
         "While a lost node is replaced, agents decide without Redis.",
         ("command", "aws elasticache increase-replica-count --replication-group-id {name} --new-replica-count 1 --apply-immediately" + _AWS),
         "Nothing. A second node costs as much as the first. Then turn failover on.", _CACHE),
    Rule("redis/minor_versions", LOW, "minor versions of Redis", "Security Hub ElastiCache.2", ("cache.replication_groups",),
         looks.group_when("minor versions are not installed by themselves", lambda group: group.get("auto_minor_version_upgrade") is False),
         "Security fixes wait until somebody installs them.", ("command", _MODIFIES_CACHE % "--auto-minor-version-upgrade"),
         "Connections, for seconds, in a maintenance window.", _CACHE),
    Rule("redis/end", MEDIUM, "the end of the Redis version", "own table, of endoflife.date", (), looks.cache_end,
         "AWS then bills Extended Support unasked, 80 percent of the node's price and 160 percent in the third year.",
         ("command", _MODIFIES_CACHE % "--engine-version 7.1"), "Connections, while nodes are replaced. There is no way back to the older version.", _CACHE),
    # The database
    Rule("postgresql/public", HIGH, "a public database", "Security Hub RDS.2", _INSTANCES,
         looks.instances_when("publicly accessible", lambda one: one.get("publicly_accessible")),
         "Anybody whom the security group lets in may try passwords; it is the only wall.",
         ("command", _MODIFIES_DATABASE % "--no-publicly-accessible"),
         "DATABASE_URL of the app, at once: Amplify Hosting comes from outside of the VPC. Let the app reach its data through something in the VPC first.",
         _DATABASE),
    Rule("postgresql/open", HIGH, "the database's port open to the world", "Security Hub EC2.19", _DATABASE_RULES,
         functools.partial(looks.open_to_world, what="database"), "Anybody may try passwords, if the database is public; else whatever gets into the VPC.",
         _CLOSES_DATABASE, _CUTS_AMPLIFY, _DATABASE),
    Rule("postgresql/wide", MEDIUM, "the database's port open to a network", "own rule", _DATABASE_RULES, functools.partial(looks.wide_source, what="database"),
         "Everything in this network may try passwords.", _CLOSES_DATABASE, "Whatever of this network uses the database. " + _CUTS_AMPLIFY, _DATABASE),
    Rule("postgresql/ports", LOW, "more ports of the database open than its own", "own rule", _DATABASE_RULES,
         functools.partial(looks.wide_ports, what="database"), "More is open than clients need: what will listen there is open already.", _REVOKES,
         "What {source} does at other ports than {port}. Let {port} in first.", _DATABASE),
    Rule("postgresql/unused", LOW, "rules of the database that nobody uses", "own rule", (*_DATABASE_RULES, "network.network_interfaces"),
         functools.partial(looks.unused, what="database"), "Whoever gets this group or address next reaches the database.", _REVOKES,
         "Whatever comes from {source} and was not seen, such as somebody's office.", _DATABASE),
    Rule("postgresql/force_ssl", MEDIUM, "PostgreSQL without TLS", "Security Hub RDS.38", (*_INSTANCES, "database.parameters"), looks.plain_connections,
         "A client that does not ask for TLS sends its data in plain text.",
         ("command", "aws rds modify-db-parameter-group --db-parameter-group-name {group} "
                     "--parameters ParameterName=rds.force_ssl,ParameterValue=1,ApplyMethod=immediate" + _AWS),
         "Clients that speak plain text. A default parameter group cannot be changed: the database needs its own first.", _DATABASE),
    Rule("postgresql/at_rest", MEDIUM, "encryption of the database at rest", "Security Hub RDS.3", _INSTANCES,
         looks.instances_when("encryption at rest is off", lambda one: one.get("storage_encrypted") is False),
         "Storage, backups and logs are in plain text. It can be set at creation only.",
         ("command", "aws rds copy-db-snapshot --source-db-snapshot-identifier SNAPSHOT --target-db-snapshot-identifier ENCRYPTED --kms-key-id alias/aws/rds"
                     + _AWS),
         "The database is restored from the encrypted copy as a new instance. What is written after the snapshot is missing, and the endpoint changes.",
         _DATABASE),
    Rule("postgresql/certificate", MEDIUM, "the end of the database's certificate", "Prowler rds_instance_certificate_expiration", _INSTANCES,
         looks.certificate,
         "Clients that check the certificate are then refused by their own check.",
         ("command", _MODIFIES_DATABASE % "--ca-certificate-identifier rds-ca-rsa2048-g1"),
         "Clients that check it and do not have RDS's new authorities: give them global-bundle.pem first. The database may restart.", _DATABASE),
    Rule("postgresql/end", MEDIUM, "the end of the PostgreSQL version", "DescribeDBMajorEngineVersions", (*_INSTANCES, "database.major_versions"),
         looks.database_end, "AWS then bills Extended Support unasked.",
         ("command", _MODIFIES_DATABASE % "--engine-version NEW --allow-major-version-upgrade"),
         "The database is away for minutes, and there is no way back but a snapshot. Try it on a restored copy first.", _DATABASE),
    Rule("postgresql/backups", MEDIUM, "backups of the database", "Security Hub RDS.11", _INSTANCES, looks.backups,
         "What is older than the oldest backup cannot be had back.", ("command", _MODIFIES_DATABASE % "--backup-retention-period 7"),
         "From none to some, the database may be away for a moment. Backups beyond the database's size cost storage.", _DATABASE),
    Rule("postgresql/deletion", LOW, "protection of the database from deletion", "Security Hub RDS.8", _INSTANCES,
         looks.instances_when("one call may delete it", lambda one: one.get("deletion_protection") is False, alone=True), "A mistake deletes the database.",
         ("command", _MODIFIES_DATABASE % "--deletion-protection"), _NOTHING, _DATABASE),
    Rule("postgresql/multi_az", LOW, "a database in one zone", "Security Hub RDS.5", _INSTANCES,
         looks.instances_when("it stands in one zone", lambda one: one.get("multi_az") is False, alone=True), "A zone that fails takes the database with it.",
         ("command", _MODIFIES_DATABASE % "--multi-az"), "Nothing, but writes are slower while the standby is made. It costs about double.", _DATABASE),
    Rule("postgresql/minor_versions", LOW, "minor versions of PostgreSQL", "Security Hub RDS.13", _INSTANCES,
         looks.instances_when("minor versions are not installed by themselves", lambda one: one.get("auto_minor_version_upgrade") is False),
         "Security fixes wait until somebody installs them.", ("command", _MODIFIES_DATABASE % "--auto-minor-version-upgrade"),
         "Connections, for minutes, in a maintenance window.", _DATABASE),
    Rule("postgresql/public_subnet", LOW, "subnets of a private database with a route to the internet", "own rule", (*_INSTANCES, "network.route_tables"),
         looks.database_subnets, "Nobody comes in this way today. One switch, publicly accessible, would change that.",
         _MOVES_SUBNET, _LEAVES_SUBNET, _DATABASE),
    # The agents and their hosts
    Rule("agents/open", MEDIUM, "the agents' port open to the world, as declared", "Security Hub EC2.18", _RULES, looks.agents_open(declared=True),
         "Anybody may try bearer tokens. Amplify Hosting has no fixed addresses, so an app that calls the agents directly comes in this way.",
         ("variable", "huntaze_limiter: {{listen_from: [SECURITY GROUP OF A LOAD BALANCER], purge_ingress: true}}"),
         "Every caller that does not come through the load balancer.", _AGENTS),
    Rule("agents/undeclared", HIGH, "the agents' port open to the world, undeclared", "Security Hub EC2.18", _RULES, looks.agents_open(declared=False),
         "Anybody may try bearer tokens, and nobody declared it.", ("variable", "huntaze_limiter: {{purge_ingress: true}}"),
         "Callers that come in by this rule, and every other undeclared rule for the port.", _AGENTS),
    Rule("agents/other_ports", HIGH, "other ports of the agents' hosts open to the world", "Security Hub EC2.18, EC2.19", _RULES, looks.other_ports,
         "Anybody may try what listens there, such as SSH.", _REVOKES, "Whoever works on the hosts this way. Session Manager needs no open port.", _AGENTS),
    Rule("agents/unused", LOW, "rules of the agents that nobody uses", "own rule", (*_RULES, "network.network_interfaces"),
         functools.partial(looks.unused, what="agents"), "Whoever gets this group or address next reaches the agents.", _REVOKES,
         "Whatever comes from {source} and was not seen.", _AGENTS),
    Rule("agents/plain_text", LOW, "agents that speak plain HTTP", "own rule", (), looks.plain_text_agents,
         "Bearer tokens can be read between the load balancer and the agents, in the VPC.",
         ("variable", "huntaze_limiter: {{tls: {{certificate: ..., key: ...}}}}"),
         "A load balancer that speaks HTTP to the agents: let it speak HTTPS.", "hosts"),
    Rule("hosts/imds", MEDIUM, "hosts that take IMDSv1", "Security Hub EC2.8", ("hosts.instances",),
         looks.hosts_when("IMDSv1 is on", lambda known, host: (host.get("metadata_options") or {}).get("http_tokens") == "optional"),
         "A request that is forged through some software on the host gets the credentials of its role.",
         ("command", "aws ec2 modify-instance-metadata-options --instance-id {aws_id} --http-tokens required" + _AWS),
         "Software on the host that speaks IMDSv1. The agent does not.", "hosts"),
    Rule("hosts/public_address", MEDIUM, "hosts with a public address behind a load balancer", "Security Hub EC2.9", ("hosts.instances",),
         looks.hosts_when("it has the public address {public_ip_address}", looks.public_without_need),
         "Only the security group keeps the internet out. Callers come by a security group, so nobody needs the address.",
         ("command", "aws ec2 modify-network-interface-attribute --network-interface-id {interface} --no-associate-public-ip-address" + _AWS),
         "The host's way out: updates and CloudWatch need a NAT gateway or endpoints then.", "hosts"),
    Rule("network/default_group", MEDIUM, "the default security group in use", "Security Hub EC2.2", ("network.security_groups",), looks.default_groups,
         "Everything that is started without a group is in it, and reaches what is in it.",
         ("command", "aws ec2 create-security-group --group-name huntaze-{what} --description ... --vpc-id ..." + _AWS),
         "What else of the group uses the {what}.", _CACHE),
    # The app
    Rule("bucket/public", HIGH, "a public bucket", "Security Hub S3.8", ("bucket.policy_status",),
         looks.bucket_when("its policy lets anybody in", lambda status: bool(status.get("is_public")), "bucket.policy_status"),
         "Anybody reads what is in it, or writes.", ("command", "aws s3api put-public-access-block --bucket {name} --public-access-block-configuration "
                                                     "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"),
         "Whatever is served from the bucket without a signature.", "bucket"),
    Rule("bucket/public_access_block", MEDIUM, "a bucket that may become public", "Security Hub S3.8",
         ("bucket.public_access_block",), looks.bucket_when("public access is not blocked", looks.not_blocked, "bucket.public_access_block"),
         "One policy or one ACL makes it public.", ("command", "aws s3api put-public-access-block --bucket {name} --public-access-block-configuration "
                                                    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"),
         "Whatever is served from the bucket without a signature.", "bucket"),
    Rule("bucket/tls", LOW, "a bucket without TLS", "Security Hub S3.5", ("bucket.tls_only",),
         looks.bucket_when("its policy lets plain HTTP in", lambda only: only is False, "bucket.tls_only"),
         "A client that does not use TLS sends its data in plain text.",
         ("command", "aws s3api put-bucket-policy --bucket {name} --policy ...   # deny all where aws:SecureTransport is false"),
         "Clients that speak plain HTTP.", "bucket"),
    Rule("bucket/at_rest", LOW, "encryption of the bucket at rest", "own rule", ("bucket.encryption",),
         looks.bucket_when("it names no encryption", lambda encryption: not encryption, "bucket.encryption"),
         "AWS encrypts new objects by itself since 2023. Older ones may be in plain text.",
         ("command", "aws s3api put-bucket-encryption --bucket {name} --server-side-encryption-configuration "
                     "'{{\"Rules\":[{{\"ApplyServerSideEncryptionByDefault\":{{\"SSEAlgorithm\":\"AES256\"}}}}]}}'"), _NOTHING, "bucket"),
    Rule("app/secrets", LOW, "secrets in the app's variables", "Prowler amplify_app_no_secrets_in_environment", (), looks.secrets_in_variables,
         "Whoever may call GetApp or GetBranch, or reads a build's artifact, reads them.",
         ("command", "aws secretsmanager create-secret --name {name}/... --secret-string ..." + _AWS),
         "The app, until its code fetches them with a compute role. Then take them out of huntaze_app.secret_variables.", "huntaze_app"),
    Rule("alarms/silent", MEDIUM, "alarms that tell nobody", "Security Hub CloudWatch.15, CloudWatch.17", (), looks.silent_alarms,
         "Something fails, and nobody hears of it.", ("variable", "huntaze_alarms: {{actions: [ARN OF AN SNS TOPIC]}}"), _NOTHING, "huntaze_alarms"),
)
