# SPDX-License-Identifier: GPL-3.0-or-later
"""estate_info against the sandbox: all that decides whether something is reached, each thing read once, and no secret."""

from __future__ import annotations

import collections
import json
import time

import pytest
from support import caches

CANARY = "canary-of-a-variable-7d1f"


@pytest.fixture
def named(estate):
    return {
        "cache_name": estate["cache_name"], "db_identifier": estate["database"]["identifier"], "bucket": "huntaze-beta-assets", "app_id": estate["app_id"],
        "branch": estate["app_branch"], "host_addresses": [*estate["limiter_hosts"], estate["limiter_address"]],
    }


def refused(result):
    return [row for row in result["read"] if row["error"]]


def test_the_guides_estate_as_aws_tells_it(sandbox, estate, named, run_module):
    sandbox.control.forget_calls()
    result = run_module("estate_info", named, check=True)
    calls = sandbox.calls()
    assert result.get("changed") is False and refused(result) == [], result.output
    assert sum(calls.values()) == len(result["read"])
    # Two attributes of the VPC, two sides of a peering, and the hosts' interfaces beside those of the VPC.
    assert {name for name, times in calls.items() if times > 1} == {
        "ec2.DescribeVpcAttribute", "ec2.DescribeVpcPeeringConnections", "ec2.DescribeNetworkInterfaces",
    } and max(calls.values()) == 2, calls
    assert result["account"] == {"id": estate["account_id"], "arn": f"arn:aws:iam::{estate['account_id']}:user/deployer"}
    database, network = result["database"], result["network"]
    (instance,) = database["instances"]
    assert instance["endpoint"]["address"] == estate["database"]["address"] and database["clusters"] == database["proxies"] == []
    assert database["parameters"]["rds.force_ssl"] == {"value": "1", "source": "system", "apply_type": "dynamic", "apply_method": None}
    assert instance["ca_certificate_identifier"] in {one["certificate_identifier"] for one in database["certificates"]}
    assert {one["engine"] for one in database["major_versions"]} == {"postgres"}
    assert [one["cache_cluster_id"] for one in result["cache"]["clusters"]] == [estate["cache_name"]]
    assert (result["cache"]["replication_groups"], result["cache"]["users"], result["cache"]["tags"]) == ([], [], {})
    (vpc,) = network["vpcs"]
    assert (vpc["vpc_id"], vpc["enable_dns_support"], vpc["enable_dns_hostnames"]) == (estate["vpc_id"], True, True)
    ec2 = sandbox.client("ec2")
    for member, identity, found in (
        ("subnets", "subnet_id", ec2.describe_subnets()["Subnets"]), ("route_tables", "route_table_id", ec2.describe_route_tables()["RouteTables"]),
        ("network_acls", "network_acl_id", ec2.describe_network_acls()["NetworkAcls"]),
        ("network_interfaces", "network_interface_id", ec2.describe_network_interfaces()["NetworkInterfaces"]),
        ("security_groups", "group_id", ec2.describe_security_groups()["SecurityGroups"]),
    ):
        key = "".join(word.capitalize() for word in identity.split("_"))
        assert {one[identity] for one in network[member]} == {one[key] for one in found if one["VpcId"] == estate["vpc_id"]}, member
    assert {one["instance_id"] for one in result["hosts"]["instances"]} == set(estate["limiter_instance_ids"]) and result["hosts"]["volumes"]
    assert [one["vpc_peering_connection_id"] for one in network["vpc_peering_connections"]] == [estate["peer"]["vpc_peering_connection_id"]]
    assert result["bucket"] == {
        "name": "huntaze-beta-assets", "exists": True, "region": "us-east-1", "encryption": "AES256", "policy_status": {"is_public": False}, "tls_only": False,
        "public_access_block": dict.fromkeys(("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets"), True),
    }
    app = result["app"]
    assert (app["app"]["name"], app["branch"]["branch_name"], [job["status"] for job in app["jobs"]]) == ("huntaze", "main", ["SUCCEED"])
    assert {"SESSION_SECRET", "NEXT_PUBLIC_STAGE"} <= set(app["variable_names"])
    assert (app["log_group"]["exists"], app["log_events"]) == (False, None) and set(app["metrics"].values()) == {None}
    variables = sandbox.client("amplify").get_app(appId=estate["app_id"])["app"]["environmentVariables"]
    assert variables["SESSION_SECRET"] not in result.output and "environment_variables" not in result.output


def test_users_clusters_prefix_lists_and_logs(sandbox, estate, named, run_module):
    cache, rds, ec2, amplify, logs, s3 = map(sandbox.client, ("elasticache", "rds", "ec2", "amplify", "logs", "s3"))
    for user in ("default-user", "limiter"):
        cache.create_user(
            UserId=user, UserName="default" if user == "default-user" else user, Engine="redis", Passwords=[f"{CANARY}-{user}"], AccessString="on ~* +@all"
        )
    cache.create_user_group(UserGroupId="limiters", Engine="redis", UserIds=["default-user", "limiter"])
    caches.create(sandbox, TransitEncryptionEnabled=True, UserGroupIds=["limiters"])
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="ours", DBParameterGroupFamily="aurora-postgresql12", Description="ours")
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="ours", Parameters=[{"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}]
    )
    rds.create_db_cluster(
        DBClusterIdentifier="aurora", Engine="aurora-postgresql", MasterUsername="owner", MasterUserPassword=CANARY, DBClusterParameterGroupName="ours"
    )
    for name in ("aurora-1", "aurora-2"):
        rds.create_db_instance(DBInstanceIdentifier=name, DBClusterIdentifier="aurora", Engine="aurora-postgresql", DBInstanceClass="db.t4g.medium")
    listed = ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=2, AddressFamily="IPv4", Entries=[{"Cidr": "198.51.100.0/24", "Description": "an office"}]
    )["PrefixList"]["PrefixListId"]
    ec2.authorize_security_group_ingress(GroupId=estate["cache_security_group_id"], IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "PrefixListIds": [{"PrefixListId": listed}]}
    ])
    near = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    peering = ec2.create_vpc_peering_connection(VpcId=near, PeerVpcId=estate["vpc_id"])["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    amplify.update_branch(appId=estate["app_id"], branchName=estate["app_branch"], environmentVariables={"DATABASE_URL": CANARY})
    group, stream = f"/aws/amplify/{estate['app_id']}", f"{estate['app_branch']}/2026/11/26/abc"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[
        {"timestamp": int(time.time() * 1000), "message": f"Error: connect ETIMEDOUT {CANARY} rediss://:{CANARY[::-1]}@cache:6379"}
    ])
    s3.put_bucket_policy(Bucket=named["bucket"], Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{named['bucket']}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }]}))
    by_name = {option: value for option, value in named.items() if option != "app_id"} | {"app_name": "huntaze"}
    result = run_module("estate_info", {**by_name, "cache_name": "created", "db_identifier": "aurora"})
    assert refused(result) == [], result.output
    assert [one["replication_group_id"] for one in result["cache"]["replication_groups"]] == ["created"]
    assert sorted(one["user_id"] for one in result["cache"]["users"]) == ["default-user", "limiter"]
    assert [one["db_instance_identifier"] for one in result["database"]["instances"]] == ["aurora-1", "aurora-2"]
    assert [one["db_cluster_identifier"] for one in result["database"]["clusters"]] == ["aurora"]
    assert result["database"]["parameters"]["rds.force_ssl"]["value"] == "0"
    assert result["network"]["prefix_lists"] == [{"prefix_list_id": listed, "cidrs": ["198.51.100.0/24"]}]
    # A peered VPC of this account is part of the network, and one of another account is not told.
    assert all({one["vpc_id"] for one in result["network"][member]} == {near, estate["vpc_id"]} for member in ("vpcs", "route_tables", "network_acls"))
    (event,) = result["app"]["log_events"]
    assert event["stream"] == stream and "connect ETIMEDOUT" in event["message"] and result["bucket"]["tls_only"] is True
    assert CANARY not in result.output and CANARY[::-1] not in result.output and "canary" not in result.output


def test_what_aws_refuses_is_null_and_told(sandbox, named, run_module):
    sandbox.client("iam").put_user_policy(UserName="deployer", PolicyName="policy", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": ["rds:DescribeDBInstances", "ec2:DescribeVpcs"]}]}
    ))
    result = run_module("estate_info", named)
    assert result.rc == 0 and result["account"]["id"] and result["bucket"]["exists"] is None, result.output
    database, network = result["database"], result["network"]
    assert [member for member, value in {**database, **network}.items() if value is not None] == ["instances", "clusters", "vpcs"]
    assert network["vpcs"][0]["enable_dns_support"] is None
    assert {value for part in ("cache", "hosts") for value in result[part].values()} == {None}
    told = {row["source"]: row["error"] for row in refused(result)}
    assert "rds:DescribeDBProxies" in told["rds DescribeDBProxies"] and told["ec2 DescribeSubnets"].startswith("UnauthorizedOperation: ")
    assert told["s3 HeadBucket"] and collections.Counter(told)["sts GetCallerIdentity"] == 0


def test_what_is_not_there_is_empty_and_no_refusal(sandbox, estate, run_module):
    named = {"cache_name": "nobody", "db_identifier": "nobody", "bucket": "nobody-has-this-bucket", "app_id": "d0nobody0", "branch": "main"}
    result = run_module("estate_info", {**named, "host_addresses": ["198.51.100.9"], "security_group_ids": ["sg-00000000000000000"]})
    assert refused(result) == [], result.output
    assert result["database"]["instances"] == result["cache"]["clusters"] == result["cache"]["replication_groups"] == result["hosts"]["instances"] == []
    nameless = run_module("estate_info", {"gather_subset": ["app"], "app_name": "nobody", "branch": "main"})
    assert nameless["app"]["app"] == {} and nameless["app"]["jobs"] is None and refused(nameless) == []
    assert (result["bucket"]["exists"], result["app"]["app"], result["app"]["jobs"]) == (False, {}, []) and set(result["network"].values()) == {None}


def test_only_bad_input_bad_credentials_and_silence_fail(sandbox, estate, named, run_module):
    sandbox.control.forget_calls()
    bad = run_module("estate_info", {"gather_subset": ["bucket"], "cache_name": "a b"})
    assert bad["failed"] and len(bad["problems"]) == 2 and sandbox.calls() == {}
    wrong = run_module("estate_info", {**named, "access_key": "AKIAWRONG", "secret_key": CANARY})
    assert wrong["failed"] and "AWS does not know these credentials" in wrong["msg"] and CANARY not in wrong.output
    nobody = run_module("estate_info", {"gather_subset": ["account", "db_instances"], "db_identifier": "x", "endpoint_url": f"http://{sandbox.address('0.98')}:9"})
    assert nobody["failed"] and "Reading the estate: Could not connect to the endpoint URL" in nobody["msg"]
