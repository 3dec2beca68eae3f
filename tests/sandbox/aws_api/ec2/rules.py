# SPDX-License-Identifier: GPL-3.0-or-later
"""One security-group rule: what identifies it, and what AWS makes of what it was given."""

from __future__ import annotations

import copy
import ipaddress
import re
import typing as t

from moto.ec2.exceptions import EC2ClientError, InvalidSecurityGroupNotFoundError
from moto.ec2.models import security_groups as moto

DESCRIPTION = re.compile(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{0,255}")
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
WITH_PORTS = ("tcp", "udp")
# A decimal length: neither a netmask nor a zone.
BLOCK = re.compile(r"[0-9A-Fa-f.:]+/(0|[1-9][0-9]{0,2})")
FAMILIES = ("IPv4", "IPv6")
SOURCES = {"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "PrefixListIds": "PrefixListId", "UserIdGroupPairs": "GroupId"}


def invalid(message: str) -> EC2ClientError:
    return EC2ClientError("InvalidParameterValue", message)


def check_description(description: str | None) -> None:
    if description is not None and not DESCRIPTION.fullmatch(description):
        raise invalid(
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  "
            "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        )


class SecurityGroupRule(moto.SecurityGroupRule):
    """A rule with one source, in AWS's canonical form."""

    _just_authorized = False

    def __init__(
        self, backend: t.Any, group: t.Any, permission: dict[str, t.Any], kind: str, source: dict[str, t.Any], is_egress: bool,
        tags: dict[str, str] | None = None,
    ) -> None:
        protocol, from_port, to_port = self._protocol_and_ports(permission)
        check_description(source.get("Description"))
        source = self._canonical(backend, group, kind, dict(source))
        super().__init__(
            backend, protocol, group.id, str(from_port), str(to_port),
            source if kind in ("IpRanges", "Ipv6Ranges") else None,
            source if kind == "UserIdGroupPairs" else None,
            source if kind == "PrefixListIds" else None,
            is_egress=is_egress,
            tags=tags,
        )
        self._source = source
        self.group_owner_id = backend.account_id
        self.security_group_rule_arn = f"arn:aws:ec2:{backend.region_name}:{backend.account_id}:security-group-rule/{self.id}"

    @staticmethod
    def _protocol_and_ports(permission: dict[str, t.Any]) -> tuple[str, int, int]:
        given = str(permission.get("IpProtocol") or "").lower()
        if not given:
            raise invalid("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
        protocol = PROTOCOLS.get(given, given)
        if not (protocol in (*WITH_PORTS, "icmp", "icmpv6", "-1") or (protocol.isdecimal() and int(protocol) <= 255)):
            raise invalid(f"Invalid value '{given}' for IP protocol. Unknown protocol.")
        from_port, to_port = permission.get("FromPort"), permission.get("ToPort")
        if protocol not in (*WITH_PORTS, "icmp", "icmpv6"):
            return protocol, -1, -1  # all ports, whatever was said
        if protocol not in WITH_PORTS:
            return protocol, int(-1 if from_port is None else from_port), int(-1 if to_port is None else to_port)
        if from_port is None or to_port is None:
            raise invalid("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
        if not 0 <= int(from_port) <= int(to_port) <= 65535:
            raise invalid(f"Invalid value '{from_port}-{to_port}' for portRange.")
        return protocol, int(from_port), int(to_port)

    @staticmethod
    def _canonical(backend: t.Any, group: t.Any, kind: str, source: dict[str, t.Any]) -> dict[str, t.Any]:
        field = SOURCES[kind]
        value = source.get(field)
        if kind in ("IpRanges", "Ipv6Ranges"):
            family = ipaddress.IPv4Network if kind == "IpRanges" else ipaddress.IPv6Network
            try:
                if not BLOCK.fullmatch(str(value)):
                    raise ValueError
                source[field] = str(family(value, strict=False))
            except ValueError:
                raise invalid(f"CIDR block {value} is malformed") from None
        elif kind == "PrefixListIds":
            if value not in backend.managed_prefix_lists:
                raise EC2ClientError("InvalidPrefixListID.NotFound", f"The prefix list ID '{value}' does not exist")
        else:
            source = source_group(backend, group, source)
        return source

    @property
    def source_group(self) -> dict[str, t.Any]:
        """The group it names, and what has become of the peering connection to it: the rule outlives both."""
        given = self._source_group
        peering = self.ec2_backend.vpc_pcxs.get(given.get("VpcPeeringConnectionId"))
        if peering is None:
            return given
        shown = given | {"PeeringStatus": peering.status["Code"]}
        there = [vpc for vpc in (peering.vpc, peering.peer_vpc) if vpc.id == given["VpcId"]]
        if not any(given["GroupId"] in vpc.ec2_backend.groups[vpc.id] for vpc in there):
            shown.pop("UserId", None)
        return shown

    @source_group.setter
    def source_group(self, given: dict[str, t.Any]) -> None:
        self._source_group = given

    @property
    def description(self) -> str | None:
        return self._source.get("Description")

    def describe(self, description: str | None) -> None:
        """Give the rule a description, or take it away."""
        check_description(description)
        self._source.pop("Description", None)
        if description:
            self._source["Description"] = description

    def get_tags(self) -> list[dict[str, str]] | None:
        """Its tags, without moto's search of all tags there are: groups have hundreds of rules."""
        tags = [{"key": key, "value": value} for key, value in self.ec2_backend.tags.get(self.id, {}).items()]
        return tags or (None if self._just_authorized else tags)

    def as_authorized(self) -> SecurityGroupRule:
        """The rule as the answer to its authorisation shows it: without tags where it has none, its source group without the account."""
        rule = copy.copy(self)
        rule.source_group = {name: value for name, value in self.source_group.items() if name != "UserId"}
        rule._just_authorized = True
        return rule

    @property
    def referenced_group_id(self) -> str | None:
        return self.source_group.get("GroupId")


def source_group(backend: t.Any, group: t.Any, asked: dict[str, t.Any]) -> dict[str, t.Any]:
    """The source that `asked` means: a group of the same VPC, or of one that is peered with it, in whichever account."""
    wanted, account = asked.get("GroupId") or asked.get("GroupName"), asked.get("UserId")
    named = {name: value for name, value in asked.items() if name == "Description"}
    for peering in backend.vpc_pcxs.values():
        vpcs = {peering.vpc.id: peering.vpc, peering.peer_vpc.id: peering.peer_vpc}
        if vpcs.pop(group.vpc_id, None) is None:
            continue
        for vpc in vpcs.values():
            if wanted in vpc.ec2_backend.groups[vpc.id] and account in (None, vpc.owner_id):
                return named | {"GroupId": wanted, "UserId": vpc.owner_id, "VpcId": vpc.id, "VpcPeeringConnectionId": peering.id,
                                "PeeringStatus": peering.status["Code"]}
    # moto finds groups by name too, and says what AWS says when there is none
    found = backend.find_security_group(wanted, group.vpc_id)
    if account not in (None, backend.account_id):
        raise InvalidSecurityGroupNotFoundError(wanted)
    if found.vpc_id != group.vpc_id:
        raise EC2ClientError("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
    return named | {"GroupId": found.id, "UserId": backend.account_id}


def size(backend: t.Any, rules: t.Iterable[moto.SecurityGroupRule], family: str) -> int:
    """How many rules of the quota of `family` these take: groups count in both, prefix lists with the entries they may have."""
    taken = 0
    for rule in rules:
        if rule.prefix_list_id:
            prefix_list = backend.managed_prefix_lists[rule.prefix_list_id]
            taken += int(prefix_list.max_entries or len(prefix_list.entries)) if prefix_list.address_family == family else 0
        else:
            taken += not (rule.cidr_ipv6 if family == "IPv4" else rule.cidr_ipv4)
    return taken


def described(rule: moto.SecurityGroupRule) -> str:
    """A rule as errors quote it."""
    peer = rule.cidr_ipv4 or rule.cidr_ipv6 or rule.prefix_list_id or rule.source_group.get("GroupId")
    if rule.ip_protocol in WITH_PORTS:
        return f"peer: {peer}, {rule.ip_protocol.upper()}, from port: {rule.from_port}, to port: {rule.to_port}, ALLOW"
    if rule.ip_protocol == "-1":
        return f"peer: {peer}, ALL, ALLOW"
    return f"peer: {peer}, {rule.ip_protocol.upper()}, type: {rule.from_port}, code: {rule.to_port}, ALLOW"


def identity(rule: moto.SecurityGroupRule) -> tuple[t.Any, ...]:
    """What makes two rules of one direction in one group the same: not the description, not the tags."""
    ports = (None, None) if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    return rule.ip_protocol, ports, rule.cidr_ipv4, rule.cidr_ipv6, rule.prefix_list_id, rule.source_group.get("GroupId")


def kind_of_source(rule: moto.SecurityGroupRule) -> str:
    if rule.cidr_ipv4:
        return "CidrIpv4"
    if rule.cidr_ipv6:
        return "CidrIpv6"
    return "PrefixListId" if rule.prefix_list_id else "ReferencedGroupId"
