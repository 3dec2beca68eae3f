# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's VPC: what AWS's answers say of the way between the limiter hosts, the cache and the database."""

from __future__ import annotations

import typing as t

import pytest
from support import sandboxes
from support.waiting import until


@pytest.fixture
def ec2(sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> t.Any:
    return sandbox.client("ec2")


def interfaces(ec2: t.Any, **filters: str) -> list[dict[str, t.Any]]:
    asked = [{"Name": name.replace("__", ".").replace("_", "-"), "Values": [value]} for name, value in filters.items()]
    return ec2.describe_network_interfaces(Filters=asked)["NetworkInterfaces"]


def test_a_node_of_a_cache_is_found_by_the_address_that_clients_use(ec2: t.Any, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    (cache,) = interfaces(ec2, vpc_id=estate["vpc_id"], addresses__private_ip_address=sandbox.address("1.10"))
    assert (cache["Description"], cache["RequesterId"], cache["RequesterManaged"]) == (f"ElastiCache {estate['cache_name']}", "amazon-elasticache", True)
    assert "InstanceId" not in cache["Attachment"] and "Association" not in cache and "DenyAllIgwTraffic" not in cache
    assert [group["GroupId"] for group in cache["Groups"]] == [estate["cache_security_group_id"]]
    (subnet,) = ec2.describe_subnets(SubnetIds=[cache["SubnetId"]])["Subnets"]
    assert subnet["CidrBlock"] == sandbox.address("1.0/24")


def test_the_interface_of_a_database_does_not_name_it_and_tells_whether_it_is_public(ec2: t.Any, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    (database,) = interfaces(ec2, addresses__private_ip_address=estate["database"]["address"])
    assert (database["Description"], database["RequesterId"]) == ("RDSNetworkInterface", "amazon-rds")
    assert estate["database"]["identifier"] not in str(database)
    assert database["Association"]["IpOwnerId"] == "amazon-rds" and database["PrivateIpAddresses"][0]["Association"] == database["Association"]
    sandbox.client("rds").modify_db_instance(DBInstanceIdentifier=estate["database"]["identifier"], PubliclyAccessible=False)
    (private,) = interfaces(ec2, addresses__private_ip_address=estate["database"]["address"])
    assert private["DenyAllIgwTraffic"] is True and "Association" not in private
    assert private["NetworkInterfaceId"] == database["NetworkInterfaceId"]


def test_interfaces_come_and_go_with_the_nodes_and_keep_their_ids(ec2: t.Any, sandbox: sandboxes.Sandbox, estate: dict[str, t.Any]) -> None:
    elasticache = sandbox.client("elasticache")
    (before,) = interfaces(ec2, requester_id="amazon-elasticache")
    elasticache.create_replication_group(
        ReplicationGroupId="grown", ReplicationGroupDescription="d", PrimaryClusterId=estate["cache_name"], NumCacheClusters=2,
    )
    until(lambda: elasticache.describe_replication_groups()["ReplicationGroups"][0]["Status"] == "available", what="the replication group")
    found = {each["Description"]: each for each in interfaces(ec2, requester_id="amazon-elasticache")}
    (group,) = elasticache.describe_replication_groups()["ReplicationGroups"]
    assert set(found) == {f"ElastiCache {member}" for member in group["MemberClusters"]}
    assert found[before["Description"]]["NetworkInterfaceId"] == before["NetworkInterfaceId"]
    primary = group["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    (entrance,) = interfaces(ec2, addresses__private_ip_address=primary)
    assert entrance["Description"] == before["Description"] and entrance["PrivateIpAddresses"][0]["PrivateIpAddress"] == before["PrivateIpAddress"]
    elasticache.modify_replication_group(
        ReplicationGroupId="grown", SecurityGroupIds=[estate["limiter_security_group_id"]], ApplyImmediately=True
    )
    (moved,) = interfaces(ec2, addresses__private_ip_address=primary)
    assert [each["GroupId"] for each in moved["Groups"]] == [estate["limiter_security_group_id"]]
    until(lambda: elasticache.describe_replication_groups()["ReplicationGroups"][0]["Status"] == "available", what="the replication group")
    elasticache.delete_replication_group(ReplicationGroupId="grown")
    until(lambda: not interfaces(ec2, requester_id="amazon-elasticache"), what="the end of the interfaces")


def test_each_limiter_host_is_an_instance_with_the_address_of_its_agent(ec2: t.Any, estate: dict[str, t.Any]) -> None:
    found = ec2.describe_instances(InstanceIds=estate["limiter_instance_ids"])["Reservations"]
    hosts = [reservation["Instances"][0] for reservation in found]
    assert [host["PrivateIpAddress"] for host in hosts] == estate["limiter_hosts"]
    assert {group["GroupId"] for host in hosts for group in host["SecurityGroups"]} == {estate["limiter_security_group_id"]}
    (sender,) = interfaces(ec2, addresses__private_ip_address=estate["limiter_address"])
    assert sender["Attachment"]["InstanceId"] == estate["limiter_instance_ids"][0]
    assert [group["GroupId"] for group in sender["Groups"]] == [estate["limiter_security_group_id"]]


def test_the_cache_is_private_and_the_others_have_a_way_to_the_internet(ec2: t.Any, estate: dict[str, t.Any]) -> None:
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [estate["vpc_id"]]}])["RouteTables"]
    (main,) = [table for table in tables if any(association["Main"] for association in table["Associations"])]
    assert {route["GatewayId"] for route in main["Routes"]} == {"local"}
    (cache,) = interfaces(ec2, requester_id="amazon-elasticache")
    assert cache["SubnetId"] not in [association.get("SubnetId") for table in tables for association in table["Associations"]], "the main table is its own"
    (public,) = [table for table in tables if table is not main]
    assert [route["DestinationCidrBlock"] for route in public["Routes"] if route["GatewayId"].startswith("igw-")] == ["0.0.0.0/0"]


def states(ec2: t.Any, table: str) -> dict[str, str]:
    (found,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return {route["DestinationCidrBlock"]: route["State"] for route in found["Routes"]}


def test_a_route_whose_target_is_gone_stays_as_a_black_hole(ec2: t.Any, estate: dict[str, t.Any]) -> None:
    vpc, other = (ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for block in ("10.40.0.0/16", "10.50.0.0/16"))
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.50.0.0/16", VpcPeeringConnectionId=peering)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert states(ec2, table) == {"10.40.0.0/16": "active", "10.50.0.0/16": "blackhole", "0.0.0.0/0": "active"}, "the peering waits for acceptance"
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert states(ec2, table) == {"10.40.0.0/16": "active", "10.50.0.0/16": "active", "0.0.0.0/0": "blackhole"}
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert states(ec2, table)["10.50.0.0/16"] == "blackhole"


def test_a_peering_connection_shows_all_networks_once_it_is_accepted(ec2: t.Any, estate: dict[str, t.Any]) -> None:
    (partner,) = ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    assert len(partner["RequesterVpcInfo"]["CidrBlockSet"]) >= 1 and "PeeringOptions" in partner["RequesterVpcInfo"]
    assert partner["AccepterVpcInfo"]["CidrBlockSet"] == [{"CidrBlock": "10.99.0.0/16"}] and "PeeringOptions" not in partner["AccepterVpcInfo"]
    other = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    asked = ec2.create_vpc_peering_connection(VpcId=estate["vpc_id"], PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    (pending,) = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[asked])["VpcPeeringConnections"]
    assert pending["Status"]["Code"] == "pending-acceptance" and "CidrBlock" not in pending["AccepterVpcInfo"]
