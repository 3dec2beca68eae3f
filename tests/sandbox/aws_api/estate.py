# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate of the deployment guide: a cache without TLS and AUTH, a database, a bucket, and no rule of ours."""

from __future__ import annotations

import json
import math
import os
import pwd
import secrets as random_secrets
import typing as t

from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends
from moto.iam.models import IAMBackend, iam_backends
from moto.rds.models import rds_backends
from moto.s3.models import PublicAccessBlock, s3_backends

from aws_api import permissions
from aws_api.amplify.models import AmplifyBackend, amplify_backends
from aws_api.elasticache.models import ElastiCacheBackend
from aws_api.rds.models import AUTHORITIES, DEFAULT_AUTHORITY, instant
from instance import Instance, write_private

REGION, PARTITION = "us-east-1", "aws"
CACHE, DATABASE, BUCKET = "huntaze-redis-production", "huntaze-postgres-production", "huntaze-beta-assets"
APP, BRANCH = "huntaze", "main"
IMAGE = "ami-0c1b2a3d4e5f60718"
DATABASE_CERTIFICATE_ENDS = 2030
DATABASE_NAME, DATABASE_USER = "postgres", "huntazeadmin"
# Most clients cannot choose their source address: they are the limiter host, whatever the instance's network.
LIMITER_ADDRESS = "127.0.0.1"
# Another account, whose VPC is peered with the estate's.
PEER_ACCOUNT = "210987654321"


def build(instance: Instance, secrets: dict[str, str], policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """Create the estate in an empty account and say how to use it. The caller of a deployment has the policy."""
    account = secrets["account_id"]
    _add_users(iam_backends[account][PARTITION], secrets, policy)
    network = _build_network(ec2_backends[account][REGION], instance)
    _build_cache(elasticache_backends[account][REGION], network)
    _build_database(rds_backends[account][REGION], network, secrets["database_password"])
    _build_bucket(s3_backends[account][PARTITION])
    app_id = _build_app(amplify_backends[account][REGION])
    host, port = instance.api
    address, database_port = instance.address("2.10"), 5432
    return {
        "endpoint_url": f"http://{host}:{port}",
        "region": REGION,
        "account_id": account,
        "access_key": secrets["access_key"],
        "secret_key": secrets["secret_key"],
        "administrator_access_key": secrets["administrator_access_key"],
        "administrator_secret_key": secrets["administrator_secret_key"],
        "limiter_access_key": secrets["limiter_access_key"],
        "limiter_secret_key": secrets["limiter_secret_key"],
        "ca_file": str(instance.ca),
        "certificate_file": str(instance.certificate),
        "key_file": str(instance.key),
        "cache_name": CACHE,
        "auth_token": secrets["auth_token"],
        "next_auth_token": secrets["next_auth_token"],
        "limiter_security_group_id": network["limiter"],
        "cache_security_group_id": network["cache"],
        "database_security_group_id": network["database"],
        "vpc_id": network["vpc"],
        "peer": _build_peer(ec2_backends[account][REGION], network["vpc"]),
        "app_id": app_id,
        "app_branch": BRANCH,
        "bearer_token": secrets["bearer_token"],
        "next_bearer_token": secrets["next_bearer_token"],
        "limiter_address": LIMITER_ADDRESS,
        "limiter_hosts": instance.limiter_hosts,
        "limiter_instance_ids": network["hosts"],
        "hosts_directory": str(instance.hosts),
        "hosts_user": pwd.getpwuid(os.getuid()).pw_name,
        "stranger_address": instance.address("0.99"),
        "database": {
            "identifier": DATABASE,
            "address": address,
            "port": database_port,
            "name": DATABASE_NAME,
            "user": DATABASE_USER,
            "password": secrets["database_password"],
        },
    }


def write(instance: Instance, estate: dict[str, t.Any]) -> None:
    write_private(instance.estate_file, json.dumps(estate, indent=2) + "\n")


def _add_users(iam: IAMBackend, secrets: dict[str, str], policy: dict[str, t.Any]) -> None:
    """Who deploys, whoever else there is, and the limiter hosts, which have a role on AWS."""
    users = {"deployer": ("", policy), "administrator": ("administrator_", permissions.allowing("*")),
             "limiter": ("limiter_", permissions.allowing("cloudwatch:PutMetricData"))}
    for name, (prefix, granted) in users.items():
        permissions.add_user(iam, name, (secrets[f"{prefix}access_key"], secrets[f"{prefix}secret_key"]), granted)


def _build_network(ec2: t.Any, instance: Instance) -> dict[str, t.Any]:
    """A VPC laid on the loopback network: the limiter hosts and the database are public, the cache is not."""
    vpc = ec2.create_vpc(instance.address("0.0/16"))
    if instance.network != "127.0":
        ec2.associate_vpc_cidr_block(vpc.id, "127.0.0.0/16", amazon_provided_ipv6_cidr_block=False)
    ec2.modify_vpc_attribute(vpc.id, "enable_dns_hostnames", "true")
    blocks = {
        "limiter": ("127.0.0.0/24", "a"),
        "cache": (instance.address("1.0/24"), "f"),
        "database": (instance.address("2.0/24"), "a"),
        "database_standby": (instance.address("3.0/24"), "b"),
    }
    if instance.network != "127.0":
        blocks["agents"] = (instance.address("0.0/24"), "a")
    subnets = {name: ec2.create_subnet(vpc.id, block, availability_zone=f"{REGION}{zone}").id for name, (block, zone) in blocks.items()}
    _make_public(ec2, vpc.id, [subnet for name, subnet in subnets.items() if name != "cache"])
    groups = {
        name: ec2.create_security_group(f"huntaze-{name}", f"The {name} of the Huntaze AI system", vpc_id=vpc.id).id
        for name in ("limiter", "cache", "database")
    }
    hosts = _build_limiter_hosts(ec2, instance, subnets, groups["limiter"])
    return {"vpc": vpc.id, "hosts": hosts, **groups, **{f"{name}_subnet": subnet_id for name, subnet_id in subnets.items()}}


def _make_public(ec2: t.Any, vpc_id: str, subnets: list[str]) -> None:
    gateway = ec2.create_internet_gateway()
    ec2.attach_internet_gateway(gateway.id, vpc_id)
    table = ec2.create_route_table(vpc_id)
    ec2.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)
    for subnet_id in subnets:
        ec2.associate_route_table(table.id, subnet_id)


def _build_limiter_hosts(ec2: t.Any, instance: Instance, subnets: dict[str, str], group_id: str) -> list[str]:
    """Each host has the address that its agent listens on. What they send comes from LIMITER_ADDRESS, which AWS would give one of them only."""
    hosts = []
    for number, address in enumerate(instance.limiter_hosts, 1):
        reservation = ec2.run_instances(
            IMAGE, 1, None, [], instance_type="t4g.micro", is_instance_type_default=False, subnet_id=subnets.get("agents", subnets["limiter"]),
            private_ip=address, security_group_ids=[group_id], associate_public_ip=True, tags={"instance": {"Name": f"limiter-{number}"}},
            region_name=REGION, nics=[], metadata_options={"HttpTokens": "required"},
        )
        hosts.append(reservation.instances[0])
    sender = ec2.create_network_interface(subnets["limiter"], LIMITER_ADDRESS, group_ids=[group_id], description="limiter host")
    ec2.attach_network_interface(sender.id, hosts[0].id, 1)
    return [host.id for host in hosts]


def _build_peer(ec2: t.Any, vpc_id: str) -> dict[str, str]:
    """A partner's VPC with a group of its own: what rules of the estate may name although it is in another account."""
    theirs = ec2_backends[PEER_ACCOUNT][REGION]
    vpc = theirs.create_vpc("10.99.0.0/16")
    group = theirs.create_security_group("partner", "A partner's hosts", vpc_id=vpc.id)
    peering = ec2.create_vpc_peering_connection(ec2.vpcs[vpc_id], vpc)
    theirs.accept_vpc_peering_connection(peering.id)
    return {"account_id": PEER_ACCOUNT, "security_group_id": group.id, "vpc_id": vpc.id, "vpc_peering_connection_id": peering.id}


def _build_cache(elasticache: ElastiCacheBackend, network: dict[str, str]) -> None:
    elasticache.create_cache_subnet_group("huntaze-cache", "Subnets of the cache", [network["cache_subnet"]], [])
    elasticache.create_cache_cluster(
        cache_cluster_id=CACHE,
        cache_node_type="cache.t3.micro",
        engine="redis",
        engine_version="7.1.0",
        num_cache_nodes=1,
        preferred_availability_zone=f"{REGION}f",
        cache_subnet_group_name="huntaze-cache",
        security_group_ids=[network["cache"]],
    )
    elasticache.lifecycle.settle(math.inf)  # the guide's cache has been there for long


def _build_bucket(s3: t.Any) -> None:
    """As AWS makes them since 2023: encrypted, and shut to the public."""
    bucket = s3.create_bucket(BUCKET, REGION)
    bucket.encryption = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}}
    bucket.public_access_block = PublicAccessBlock(True, True, True, True)


def _build_app(amplify: AmplifyBackend) -> str:
    """The app as its developers left it: connected to a repository, with variables of its own, built once by a push."""
    app = amplify.create_app({
        "name": APP,
        "repository": "https://github.com/huntaze/huntaze",
        "platform": "WEB_COMPUTE",
        "environmentVariables": {
            "_LIVE_UPDATES": json.dumps([{"pkg": "node", "type": "nvm", "version": "20"}]),
            "NEXT_PUBLIC_APP_NAME": "Huntaze",
            "SESSION_SECRET": random_secrets.token_hex(24),
        },
    })
    amplify.create_branch(app.app_id, {
        "branchName": BRANCH,
        "stage": "PRODUCTION",
        "framework": "Next.js - SSR",
        "environmentVariables": {"NEXT_PUBLIC_STAGE": "production"},
    })
    job = amplify.start_job(app.app_id, BRANCH, {"jobType": "RELEASE"})
    job.started, job.fail_step = job.started - 86_400, None
    return app.app_id


def _build_database(rds: t.Any, network: dict[str, str], password: str) -> None:
    ec2 = ec2_backends[rds.account_id][REGION]
    rds.create_subnet_group(
        "huntaze-database", "Subnets of the database", ec2.describe_subnets([network["database_subnet"], network["database_standby_subnet"]]), []
    )
    database = rds.create_db_instance({
        "db_instance_identifier": DATABASE,
        "db_instance_class": "db.t3.micro",
        "engine": "postgres",
        "engine_version": "15.7",
        "allocated_storage": 20,
        "master_username": DATABASE_USER,
        "master_user_password": password,
        "db_name": DATABASE_NAME,
        "db_subnet_group_name": "huntaze-database",
        "vpc_security_group_ids": [network["database"]],
        "publicly_accessible": True,
        "port": 5432,
    })
    database.ca_certificate_identifier = DEFAULT_AUTHORITY
    # A server's own certificate ends before its authority's.
    database.certificate_details = {"CAIdentifier": DEFAULT_AUTHORITY, "ValidTill": instant(AUTHORITIES[DEFAULT_AUTHORITY][2]).replace(year=DATABASE_CERTIFICATE_ENDS)}
    # Defaults of PostgreSQL 15 on RDS; moto's default groups are empty.
    database.db_parameter_groups()[0].update_parameters([
        {"ParameterName": name, "ParameterValue": value, "Source": "system", "ApplyType": kind, "DataType": data, "IsModifiable": True}
        for name, value, kind, data in (
            ("rds.force_ssl", "1", "dynamic", "boolean"), ("max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)", "static", "integer"),
        )
    ])
