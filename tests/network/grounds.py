# SPDX-License-Identifier: GPL-3.0-or-later
"""Two VPCs of the sandbox's EC2 with real servers in them, and what can be wrong with the way there.

Everything is changed by calls to EC2 alone; the fabric follows what EC2 then says.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import typing as t
from pathlib import Path

from data_plane.postgres import binary
from support.certificates import Authority
from support.fabric import Fabric, described
from support.namespaces import Namespace

LIMITER, CACHE, DATABASE, DISTANT = "10.20.1.10", "10.20.2.10", "10.20.2.20", "10.30.1.10"
TOKEN, PASSWORD, USER = "canary-path-token-0123456789", "canary-path-password-0123456789", "huntazeadmin"
REDIS, POSTGRESQL = 6379, 5432
EVERYWHERE = "0.0.0.0/0"


class Grounds:
    """The limiter host and the data in one VPC, and another host in a VPC that is peered with it."""

    def __init__(self, ec2: t.Any) -> None:
        self.ec2 = ec2
        self.vpc, self.other = (ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for block in ("10.20.0.0/16", "10.30.0.0/16"))
        self.subnets = {
            name: ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]
            for name, vpc, block in (("limiter", self.vpc, "10.20.1.0/24"), ("data", self.vpc, "10.20.2.0/24"), ("distant", self.other, "10.30.1.0/24"))
        }
        self.groups = {
            name: ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
            for name, vpc in (("limiter", self.vpc), ("cache", self.vpc), ("database", self.vpc), ("distant", self.other))
        }
        self.peering = ec2.create_vpc_peering_connection(VpcId=self.vpc, PeerVpcId=self.other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=self.peering)
        self.tables = {vpc: self._main_table(vpc) for vpc in (self.vpc, self.other)}
        for vpc, block in ((self.vpc, "10.30.0.0/16"), (self.other, "10.20.0.0/16")):
            ec2.create_route(RouteTableId=self.tables[vpc], DestinationCidrBlock=block, VpcPeeringConnectionId=self.peering)
        for name, address, subnet, group in (
            ("limiter-1", LIMITER, "limiter", "limiter"), ("ElastiCache paths-0001-001", CACHE, "data", "cache"),
            ("RDSNetworkInterface", DATABASE, "data", "database"), ("worker", DISTANT, "distant", "distant"),
        ):
            ec2.create_network_interface(SubnetId=self.subnets[subnet], PrivateIpAddress=address, Groups=[self.groups[group]], Description=name)
        for group, port in (("cache", REDIS), ("database", POSTGRESQL)):
            for source in ("limiter", "distant"):
                ec2.authorize_security_group_ingress(GroupId=self.groups[group], IpPermissions=[self.rule(port, source)])

    def _main_table(self, vpc: str) -> str:
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
        return self.ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]

    def rule(self, port: int, source: str, protocol: str = "tcp") -> dict[str, t.Any]:
        """source: a network, or one of the groups here."""
        others = {"IpRanges": [{"CidrIp": source}]} if "/" in source else {"UserIdGroupPairs": [{"GroupId": self.groups[source]}]}
        return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, **others}

    # What can be wrong. Each is done at once, and undone at the end of `with`.

    def revoked(self, group: str, *rules: dict[str, t.Any], egress: bool = False) -> contextlib.ExitStack:
        way, given = "egress" if egress else "ingress", {"GroupId": self.groups[group], "IpPermissions": list(rules)}
        getattr(self.ec2, f"revoke_security_group_{way}")(**given)
        return undone_by(lambda: getattr(self.ec2, f"authorize_security_group_{way}")(**given))

    def instead(self, group: str, rule: dict[str, t.Any], other: dict[str, t.Any]) -> contextlib.ExitStack:
        """Another rule where the right one was."""
        undone, given = self.revoked(group, rule), {"GroupId": self.groups[group], "IpPermissions": [other]}
        self.ec2.authorize_security_group_ingress(**given)
        undone.callback(lambda: self.ec2.revoke_security_group_ingress(**given))
        return undone

    def denied(self, subnet: str, egress: bool, first: int, last: int, block: str = EVERYWHERE) -> contextlib.ExitStack:
        """The ACL of a subnet denies ports to a network, or from it."""
        filters = [{"Name": "association.subnet-id", "Values": [self.subnets[subnet]]}]
        acl = self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["NetworkAclId"]
        entry = {"NetworkAclId": acl, "RuleNumber": 50, "Egress": egress}
        self.ec2.create_network_acl_entry(**entry, Protocol="6", RuleAction="deny", CidrBlock=block, PortRange={"From": first, "To": last})
        return undone_by(lambda: self.ec2.delete_network_acl_entry(**entry))

    def unrouted(self, vpc: str, block: str) -> contextlib.ExitStack:
        """No route over the peering connection from a VPC."""
        route = {"RouteTableId": self.tables[vpc], "DestinationCidrBlock": block}
        self.ec2.delete_route(**route)
        return undone_by(lambda: self.ec2.create_route(**route, VpcPeeringConnectionId=self.peering))

    def swallowed(self, vpc: str, block: str) -> contextlib.ExitStack:
        """A route with a longer prefix to an interface that is gone."""
        route = {"RouteTableId": self.tables[vpc], "DestinationCidrBlock": block}
        interface = self.ec2.create_network_interface(SubnetId=self.subnets["distant"])["NetworkInterface"]["NetworkInterfaceId"]
        self.ec2.create_route(**route, NetworkInterfaceId=interface)
        self.ec2.delete_network_interface(NetworkInterfaceId=interface)
        return undone_by(lambda: self.ec2.delete_route(**route))


def undone_by(call: t.Callable[[], t.Any]) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    stack.callback(call)
    return stack


class Ground:
    """The same as real packets meet it, with the servers running."""

    def __init__(self, grounds: Grounds, folder: Path) -> None:
        self.aws, self.fabric = grounds, Fabric()
        self.follow()
        self.authority = Authority(folder / "authority")
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            self._start_redis(folder)
            self._start_postgres(folder)
        except BaseException:
            self.close()
            raise

    def follow(self) -> None:
        self.answers = described(self.aws.ec2)
        self.fabric.apply(self.answers)

    @contextlib.contextmanager
    def altered(self, alteration: t.Callable[[Grounds], t.ContextManager[t.Any]]) -> t.Iterator[None]:
        """With something wrong in EC2, and in what packets meet."""
        try:
            with alteration(self.aws):
                self.follow()
                yield
        finally:
            self.follow()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.fabric.__exit__()

    def _start(self, place: Namespace, *command: str) -> None:
        # setpriv ties it to this process, however that ends.
        with place.entered():
            self._processes.append(subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _start_redis(self, folder: Path) -> None:
        files = self.authority.issue("cache", CACHE)
        self._start(
            self.fabric.host(CACHE), "--", "redis-server", "--bind", CACHE, "--port", "0", "--tls-port", str(REDIS), "--tls-auth-clients", "no",
            "--tls-cert-file", str(files["certificate"]), "--tls-key-file", str(files["key"]), "--tls-ca-cert-file", str(files["ca"]),
            "--requirepass", TOKEN, "--save", "", "--dir", str(folder), "--protected-mode", "no",
        )

    def _start_postgres(self, folder: Path) -> None:
        data, files = folder / "postgres", self.authority.issue("database", DATABASE)
        data.mkdir(mode=0o700)
        identity = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        owner = pwd.getpwnam("postgres") if identity else None
        (folder / "password").write_text(PASSWORD)
        for name in ("certificate", "key"):
            copy = folder / f"postgres.{name}"
            copy.write_bytes(files[name].read_bytes())
            copy.chmod(0o600)
        if owner:
            for path in (data, folder / "password", *(folder / f"postgres.{name}" for name in ("certificate", "key"))):
                os.chown(path, owner.pw_uid, owner.pw_gid)
            for parent in [folder, *folder.parents]:
                if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        subprocess.run(
            ["setpriv", *identity, "--", binary("initdb"), "-D", data, "-U", USER, "--pwfile", folder / "password", "--no-sync", "-E", "UTF8", "--locale=C",
             "-A", "scram-sha-256"], check=True, capture_output=True, cwd="/")
        with open(data / "postgresql.conf", "a") as file:
            file.write(f"listen_addresses = '{DATABASE}'\nport = {POSTGRESQL}\nunix_socket_directories = ''\nfsync = off\nssl = on\n"
                       f"ssl_cert_file = '{folder}/postgres.certificate'\nssl_key_file = '{folder}/postgres.key'\n")
        (data / "pg_hba.conf").write_text("hostssl all all 0.0.0.0/0 scram-sha-256\n")
        self._start(self.fabric.host(DATABASE), *identity, "--", binary("postgres"), "-D", str(data))
