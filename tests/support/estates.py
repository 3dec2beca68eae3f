# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's estate, as estate_info and elasticache_info tell of it once it is deployed, and ways to alter it."""

from __future__ import annotations

import copy

VPC = "vpc-0a1"
CACHE_GROUP, LIMITER_GROUP, DATABASE_GROUP = "sg-000000c1", "sg-00000011", "sg-000000d1"
CACHE = {
    "exists": True, "kind": "replication_group", "id": "huntaze-redis", "member_clusters": ["huntaze-redis-production"], "engine": "redis",
    "engine_version": "7.1.0", "cache_node_type": "cache.t3.micro", "port": 6379, "transit_encryption_mode": "required",
    "transit_encryption_enabled": True, "auth_token_enabled": True, "user_group_ids": [], "at_rest_encryption_enabled": True,
    "cache_subnet_group_name": "huntaze-cache", "subnet_ids": ["subnet-c1"], "vpc_id": VPC, "security_group_ids": [CACHE_GROUP],
}


def rule(group, source, port=6379, to_port=None, protocol="tcp", number=1):
    """One ingress rule as DescribeSecurityGroupRules tells it, in snake_case."""
    kind = {"sg-": "referenced_group_info", "pl-": "prefix_list_id"}.get(source[:3], "cidr_ipv6" if ":" in source else "cidr_ipv4")
    return {
        "security_group_rule_id": f"sgr-{group[3:]}{number}", "group_id": group, "is_egress": False, "ip_protocol": protocol, "from_port": port,
        "to_port": port if to_port is None else to_port, kind: {"group_id": source} if kind == "referenced_group_info" else source,
    }


def _interface(name, group, address, subnet):
    return {
        "network_interface_id": f"eni-{name}", "groups": [{"group_id": group, "group_name": name}], "vpc_id": VPC, "subnet_id": subnet,
        "private_ip_address": address, "private_ip_addresses": [{"private_ip_address": address, "primary": True}],
    }


def _host(number):
    return {
        "instance_id": f"i-{number}", "instance_type": "t4g.micro", "state": {"code": 16, "name": "running"}, "public_ip_address": f"198.51.100.{number}",
        "private_ip_address": f"10.0.0.{number}", "metadata_options": {"http_tokens": "required"}, "tags": [{"Key": "Name", "Value": f"limiter-{number}"}],
        "security_groups": [{"group_id": LIMITER_GROUP, "group_name": "huntaze-limiter"}],
        "network_interfaces": [{"network_interface_id": f"eni-h{number}"}],
    }


ESTATE = {
    "account": {"id": "123456789012", "arn": "arn:aws:sts::123456789012:assumed-role/deployer/x"},
    "database": {
        "instances": [{
            "db_instance_identifier": "huntaze-postgres-production", "db_instance_class": "db.t4g.micro", "engine": "postgres", "engine_version": "16.4",
            "publicly_accessible": False, "storage_encrypted": True, "multi_az": True, "backup_retention_period": 7, "deletion_protection": True,
            "auto_minor_version_upgrade": True, "allocated_storage": 20, "storage_type": "gp3", "endpoint": {"address": "db.example", "port": 5432},
            "ca_certificate_identifier": "rds-ca-rsa2048-g1",
            "certificate_details": {"ca_identifier": "rds-ca-rsa2048-g1", "valid_till": "2031-05-24T00:00:00+00:00"},
            "vpc_security_groups": [{"vpc_security_group_id": DATABASE_GROUP, "status": "active"}],
            "db_subnet_group": {"db_subnet_group_name": "huntaze-database", "vpc_id": VPC, "subnets": [{"subnet_identifier": "subnet-d1"}]},
            "db_parameter_groups": [{"db_parameter_group_name": "huntaze-postgres16", "parameter_apply_status": "in-sync"}],
        }],
        "clusters": [],
        "parameters": {"rds.force_ssl": {"value": "1", "source": "system", "apply_type": "dynamic", "apply_method": None}},
        "proxies": [], "certificates": [],
        "major_versions": [{
            "engine": "postgres", "major_engine_version": "16", "supported_engine_lifecycles": [
                {"lifecycle_support_name": "open-source-rds-standard-support", "lifecycle_support_end_date": "2029-02-28T23:59:59+00:00"},
                {"lifecycle_support_name": "open-source-rds-extended-support", "lifecycle_support_end_date": "2032-02-29T23:59:59+00:00"},
            ],
        }],
    },
    "cache": {
        "replication_groups": [{
            "replication_group_id": "huntaze-redis", "snapshot_retention_limit": 1, "automatic_failover": "enabled", "auto_minor_version_upgrade": True,
        }],
        "clusters": [{"cache_cluster_id": "huntaze-redis-production", "num_cache_nodes": 1, "auto_minor_version_upgrade": True}],
        "subnet_groups": [{"cache_subnet_group_name": "huntaze-cache", "vpc_id": VPC}], "users": [],
    },
    "network": {
        "vpcs": [{"vpc_id": VPC, "cidr_block": "10.0.0.0/16"}],
        "subnets": [{"subnet_id": name, "vpc_id": VPC} for name in ("subnet-c1", "subnet-d1", "subnet-l1")],
        "route_tables": [
            {"route_table_id": "rtb-main", "vpc_id": VPC, "associations": [{"main": True}], "routes": [
                {"destination_cidr_block": "10.0.0.0/16", "gateway_id": "local", "state": "active"}]},
            {"route_table_id": "rtb-public", "vpc_id": VPC, "associations": [
                {"main": False, "subnet_id": "subnet-l1", "route_table_association_id": "rtbassoc-1"}], "routes": [
                {"destination_cidr_block": "10.0.0.0/16", "gateway_id": "local", "state": "active"},
                {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "igw-1", "state": "active"}]},
        ],
        "security_groups": [
            {"group_id": group, "group_name": name, "vpc_id": VPC}
            for group, name in ((CACHE_GROUP, "huntaze-cache"), (LIMITER_GROUP, "huntaze-limiter"), (DATABASE_GROUP, "huntaze-database"))
        ],
        "security_group_rules": [
            rule(CACHE_GROUP, LIMITER_GROUP), rule(DATABASE_GROUP, LIMITER_GROUP, 5432), rule(LIMITER_GROUP, "sg-000000b1", 8443),
            *({**rule(group, "0.0.0.0/0", -1, protocol="-1", number=9), "is_egress": True} for group in (CACHE_GROUP, LIMITER_GROUP, DATABASE_GROUP)),
        ],
        "network_acls": [], "prefix_lists": [], "vpc_peering_connections": [],
        "network_interfaces": [
            _interface("c1", CACHE_GROUP, "10.0.1.5", "subnet-c1"), _interface("d1", DATABASE_GROUP, "10.0.2.5", "subnet-d1"),
            _interface("h1", LIMITER_GROUP, "10.0.0.1", "subnet-l1"), _interface("h2", LIMITER_GROUP, "10.0.0.2", "subnet-l1"),
            _interface("b1", "sg-000000b1", "10.0.0.9", "subnet-l1"),
        ],
    },
    "hosts": {
        "instances": [_host(1), _host(2)],
        "volumes": [
            {"volume_id": f"vol-{number}", "volume_type": "gp3", "size": 8, "attachments": [{"instance_id": f"i-{number}"}]} for number in (1, 2)
        ],
    },
    "bucket": {
        "name": "huntaze-beta-assets", "exists": True, "region": "us-east-1", "encryption": "AES256", "tls_only": True, "policy_status": {"is_public": False},
        "public_access_block": {"block_public_acls": True, "ignore_public_acls": True, "block_public_policy": True, "restrict_public_buckets": True},
    },
    "app": {"app": {"name": "huntaze"}, "branch": {"branch_name": "main"}, "jobs": [], "variable_names": ["GEMINI_MODEL"]},
    "read": [],
}
DECLARED = {
    "huntaze_aws": {"region": "us-east-1", "expected_account_id": "123456789012"},
    "huntaze_names": {"prefix": "huntaze-ai", "metric_namespace": "Huntaze/AI"},
    "huntaze_cache": {"name": "huntaze-redis-production", "auth_token": "x" * 32},
    "huntaze_limiter": {
        "security_group_id": LIMITER_GROUP, "agents": "deployed", "listen_from": ["sg-000000b1"], "tls": {"certificate": "PEM", "key": "PEM"},
    },
    "huntaze_database": {"identifier": "huntaze-postgres-production", "allow_limiter": True},
    "huntaze_app": {"app_id": "d1", "branch": "main", "variables": {"APP_AWS_S3_BUCKET": "huntaze-beta-assets"}},
    "huntaze_alarms": {"actions": ["arn:aws:sns:us-east-1:123456789012:operators"]},
}


def altered(of, **changes):
    """A copy with other values: altered(ESTATE, database__instances__0__multi_az=False)."""
    made = copy.deepcopy(of)
    for path, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in path.split("__")]
        place = made
        for part in above:
            place = place[part]
        place[last] = value
    return made


def with_rules(*rules):
    """The guide's estate with further ingress rules."""
    return altered(ESTATE, network__security_group_rules=[*ESTATE["network"]["security_group_rules"], *rules])
