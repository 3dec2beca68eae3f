# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's estate as AWS tells of it (what estate_info and elasticache_info return), and what a client sees of it, for tests that need neither."""

from __future__ import annotations

import copy
import typing as t

TOKEN, PASSWORD = "canary-token-0123456789", "canary-password-0123456789"
AT = "2026-12-01T10:00:00Z"
REDIS, DATABASE = "master.huntaze-redis.asmyhp.use1.cache.amazonaws.com", "huntaze-postgres-production.c2ryoow8c5m4.us-east-1.rds.amazonaws.com"
LIMITERS, CACHE_ADDRESS, DATABASE_ADDRESS, DISTANT = ("10.0.1.10", "10.0.2.10"), "10.0.3.21", "10.0.4.30", "10.30.1.10"
CHANGED = "2026-11-20T09:30:00+00:00"

DECLARED = {
    "huntaze_cache": {"name": "huntaze-redis-production", "replication_group_id": "huntaze-redis", "auth_token": TOKEN},
    "huntaze_limiter": {"security_group_id": "sg-limiter", "bearer_tokens": ["canary-bearer-0123456789"]},
    "huntaze_database": {
        "identifier": "huntaze-postgres-production", "name": "postgres", "user": "huntazeadmin", "password": PASSWORD, "allow_limiter": True,
    },
}


def cache(**changed: t.Any) -> dict[str, t.Any]:
    """The `cache` of elasticache_info."""
    return {
        "exists": True, "kind": "replication_group", "id": "huntaze-redis", "replication_group_id": "huntaze-redis", "status": "available",
        "arn": "arn:aws:elasticache:us-east-1:123456789012:replicationgroup:huntaze-redis",
        "endpoints": {
            "primary": {"address": REDIS, "port": 6379}, "reader": None, "configuration": None,
            "nodes": [{"address": "huntaze-redis-production.huntaze-redis.asmyhp.use1.cache.amazonaws.com", "port": 6379}],
        },
        "transit_encryption_enabled": True, "transit_encryption_mode": "required", "auth_token_enabled": True, "auth_token_last_modified_date": CHANGED,
        "user_group_ids": [], "vpc_id": "vpc-1", "subnet_ids": ["subnet-cache"], "security_group_ids": ["sg-cache"], **changed,
    }


def instance(**changed: t.Any) -> dict[str, t.Any]:
    """A member of database.instances."""
    return {
        "db_instance_identifier": "huntaze-postgres-production", "db_instance_status": "available", "master_username": "huntazeadmin",
        "db_name": "postgres", "endpoint": {"address": DATABASE, "port": 5432, "hosted_zone_id": "Z2R2ITUGPM61AM"}, "publicly_accessible": False,
        "db_subnet_group": {"vpc_id": "vpc-1"}, "vpc_security_groups": [{"vpc_security_group_id": "sg-database", "status": "active"}],
        "ca_certificate_identifier": "rds-ca-rsa2048-g1",
        "certificate_details": {"ca_identifier": "rds-ca-rsa2048-g1", "valid_till": "2027-08-22T17:08:50+00:00"}, **changed,
    }


def rule(number: int, group: str, egress: bool = False, protocol: str = "tcp", ports: tuple[int, int] = (6379, 6379), **source: t.Any) -> dict[str, t.Any]:
    return {
        "security_group_rule_id": f"sgr-{number}", "group_id": group, "is_egress": egress, "ip_protocol": protocol, "from_port": ports[0],
        "to_port": ports[1], **(source or {"cidr_ipv4": "0.0.0.0/0"}),
    }


def from_group(group: str) -> dict[str, t.Any]:
    return {"referenced_group_info": {"group_id": group, "user_id": "123456789012"}}


def interface(number: int, address: str, subnet: str, group: str, description: str = "", **further: t.Any) -> dict[str, t.Any]:
    return {
        "network_interface_id": f"eni-{number}", "private_ip_address": address, "private_ip_addresses": [{"primary": True, "private_ip_address": address}],
        "subnet_id": subnet, "vpc_id": "vpc-1", "groups": [{"group_id": group, "group_name": group}], "description": description, "status": "in-use",
        "attachment": {"status": "attached"}, "ipv6_addresses": [], **further,
    }


def estate() -> dict[str, t.Any]:
    """What estate_info returns of a healthy estate."""
    subnets = {"subnet-limiter-1": "10.0.1.0/24", "subnet-limiter-2": "10.0.2.0/24", "subnet-cache": "10.0.3.0/24", "subnet-database": "10.0.4.0/24"}
    everywhere = {"protocol": "-1", "cidr_block": "0.0.0.0/0"}
    return copy.deepcopy({
        "account": {"id": "123456789012", "arn": "arn:aws:iam::123456789012:user/operator"},
        "database": {
            "instances": [instance()], "clusters": [], "proxies": [], "certificates": [], "major_versions": [],
            "parameters": {"rds.force_ssl": {"value": "1", "source": "system"}, "max_connections": {"value": "79", "source": "system"}},
        },
        "cache": {
            "replication_groups": [{
                "replication_group_id": "huntaze-redis", "status": "available", "transit_encryption_enabled": True, "transit_encryption_mode": "required",
                "auth_token_enabled": True, "auth_token_last_modified_date": CHANGED,
            }],
            "clusters": [], "subnet_groups": [], "users": [], "tags": None,
        },
        "network": {
            "vpcs": [{"vpc_id": "vpc-1", "cidr_block": "10.0.0.0/16", "cidr_block_association_set": [
                {"cidr_block": "10.0.0.0/16", "cidr_block_state": {"state": "associated"}}], "enable_dns_support": True, "enable_dns_hostnames": True}],
            "subnets": [{"subnet_id": name, "vpc_id": "vpc-1", "cidr_block": block} for name, block in subnets.items()],
            "route_tables": [{
                "route_table_id": "rtb-1", "vpc_id": "vpc-1", "associations": [{"main": True, "route_table_id": "rtb-1"}],
                "routes": [{"destination_cidr_block": "10.0.0.0/16", "gateway_id": "local", "state": "active", "origin": "CreateRouteTable"}],
            }],
            "network_acls": [{
                "network_acl_id": "acl-1", "vpc_id": "vpc-1", "is_default": True, "associations": [{"subnet_id": name} for name in subnets],
                "entries": [
                    {"rule_number": number, "egress": egress, "rule_action": action, **everywhere}
                    for egress in (True, False) for number, action in ((100, "allow"), (32767, "deny"))
                ],
            }],
            "security_groups": [{"group_id": name, "group_name": name, "vpc_id": "vpc-1"} for name in ("sg-limiter", "sg-cache", "sg-database")],
            "security_group_rules": [
                rule(1, "sg-limiter", egress=True, protocol="-1", ports=(-1, -1)), rule(2, "sg-cache", egress=True, protocol="-1", ports=(-1, -1)),
                rule(3, "sg-cache", **from_group("sg-limiter")), rule(4, "sg-database", ports=(5432, 5432), **from_group("sg-limiter")),
            ],
            "network_interfaces": [
                interface(1, LIMITERS[0], "subnet-limiter-1", "sg-limiter", attachment={"instance_id": "i-1", "status": "attached"}),
                interface(2, LIMITERS[1], "subnet-limiter-2", "sg-limiter", attachment={"instance_id": "i-2", "status": "attached"}),
                interface(3, CACHE_ADDRESS, "subnet-cache", "sg-cache", "ElastiCache huntaze-redis-production"),
                interface(4, DATABASE_ADDRESS, "subnet-database", "sg-database", "RDSNetworkInterface", requester_id="amazon-rds"),
            ],
            "vpc_peering_connections": [], "prefix_lists": [],
        },
        "hosts": {"instances": []}, "bucket": None, "app": None,
        "read": [{"source": source, "at": AT, "error": None} for source in (
            "ec2 DescribeSecurityGroupRules", "ec2 DescribeRouteTables", "ec2 DescribeNetworkAcls", "ec2 DescribeNetworkInterfaces", "ec2 DescribeVpcs",
            "elasticache DescribeReplicationGroups", "elasticache ListTagsForResource", "rds DescribeDBInstances", "rds DescribeDBParameters",
        )],
    })


def peered() -> dict[str, t.Any]:
    """The same with a peered VPC, in which a host of its own stands at 10.30.1.10."""
    facts = estate()
    network = facts["network"]
    network["vpcs"].append({"vpc_id": "vpc-2", "cidr_block": "10.30.0.0/16", "enable_dns_support": True, "enable_dns_hostnames": True})
    network["subnets"].append({"subnet_id": "subnet-distant", "vpc_id": "vpc-2", "cidr_block": "10.30.1.0/24"})
    network["network_acls"].append({**network["network_acls"][0], "network_acl_id": "acl-2", "vpc_id": "vpc-2", "associations": [{"subnet_id": "subnet-distant"}]})
    network["security_groups"].append({"group_id": "sg-distant", "group_name": "sg-distant", "vpc_id": "vpc-2"})
    network["security_group_rules"] += [
        rule(11, "sg-distant", egress=True, protocol="-1", ports=(-1, -1)), rule(12, "sg-cache", **from_group("sg-distant")),
    ]
    network["network_interfaces"].append(interface(11, DISTANT, "subnet-distant", "sg-distant", vpc_id="vpc-2", attachment={"instance_id": "i-11"}))
    sides = [{"vpc_id": vpc, "cidr_block": block, "cidr_block_set": [{"cidr_block": block}], "region": "us-east-1"}
             for vpc, block in (("vpc-1", "10.0.0.0/16"), ("vpc-2", "10.30.0.0/16"))]
    network["vpc_peering_connections"] = [{
        "vpc_peering_connection_id": "pcx-1", "status": {"code": "active", "message": "Active"}, "requester_vpc_info": sides[0], "accepter_vpc_info": sides[1],
    }]
    over = {"vpc_peering_connection_id": "pcx-1", "state": "active", "origin": "CreateRoute"}
    network["route_tables"][0]["routes"].append({"destination_cidr_block": "10.30.0.0/16", **over})
    network["route_tables"].append({
        "route_table_id": "rtb-2", "vpc_id": "vpc-2", "associations": [{"main": True, "route_table_id": "rtb-2"}],
        "routes": [{"destination_cidr_block": "10.30.0.0/16", "gateway_id": "local", "state": "active"}, {"destination_cidr_block": "10.0.0.0/16", **over}],
    })
    return facts


def seen(of: str = "redis", met: str = "", words: str = "", **changed: t.Any) -> dict[str, t.Any]:
    """One of the `results` of reachability: trouble of the class `met`, or none."""
    host, address, port = (REDIS, CACHE_ADDRESS, 6379) if of == "redis" else (DATABASE, DATABASE_ADDRESS, 5432)
    shut = met in ("timeout", "refused", "no_route", "name_resolution")
    return {
        "name": of, "kind": of, "host": host, "port": port, "tls": True, "reachable": not met, "port_open": not shut, "at": AT, "seconds": 5.0,
        "addresses": [] if met == "name_resolution" else [address], "from_address": LIMITERS[0], "latency_ms": None if met else {"median": 0.61},
        "authenticated": None, "authentication_enforced": None, "tls_version": None,
        "error": {"class": met, "message": words or f"met {met}", "advice": "-"} if met else None, "reason": words or met or "answers", **changed,
    }


def vantage(*results: dict[str, t.Any], name: str = "limiter-1", inside: bool = True) -> dict[str, t.Any]:
    return {"vantage": name, "inside": inside, "seen": {"results": list(results), "local_ports": [32768, 60999]}}


def row(situation: str, causes: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """A line of the table that test runs end with: what was made to fail, what the client saw, and what was made of it."""
    first = causes[0]
    others = f" and {len(causes) - 1} more" if len(causes) > 1 else ""
    return " | ".join([situation, first["client_saw"], f"{first['situation']}{others}", first["evidence"][0]["text"], first["confidence"]])
