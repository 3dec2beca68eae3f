# SPDX-License-Identifier: GPL-3.0-or-later
"""One security-group rule: what identifies it, and what AWS makes of what it was given."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import security_groups as moto

DESCRIPTION = re.compile(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{0,255}")
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
WITH_PORTS = ("tcp", "udp")
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
        if from_port is None or to_port is None:
            raise invalid("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
        if protocol in WITH_PORTS and not 0 <= int(from_port) <= int(to_port) <= 65535:
            raise invalid(f"Invalid value '{from_port}-{to_port}' for portRange.")
        return protocol, int(from_port), int(to_port)

    @staticmethod
    def _canonical(backend: t.Any, group: t.Any, kind: str, source: dict[str, t.Any]) -> dict[str, t.Any]:
        field = SOURCES[kind]
        value = source.get(field)
        if kind in ("IpRanges", "Ipv6Ranges"):
            family = ipaddress.IPv4Network if kind == "IpRanges" else ipaddress.IPv6Network
            try:
                if "/" not in str(value):
                    raise ValueError
                source[field] = str(family(value, strict=False))
            except ValueError:
                raise invalid(f"CIDR block {value} is malformed") from None
        elif kind == "PrefixListIds":
            if value not in backend.managed_prefix_lists:
                raise EC2ClientError("InvalidPrefixListID.NotFound", f"The prefix list ID '{value}' does not exist")
        else:
            # moto finds groups by name too, and says what AWS says when there is none
            found = backend.find_security_group(value or source.get("GroupName"), group.vpc_id)
            source.pop("GroupName", None)
            source |= {"GroupId": found.id, "UserId": backend.account_id}
        return source

    @property
    def description(self) -> str | None:
        return self._source.get("Description")

    def describe(self, description: str | None) -> None:
        """Give the rule a description, or take it away."""
        check_description(description)
        self._source.pop("Description", None)
        if description:
            self._source["Description"] = description

    def get_tags(self) -> list[dict[str, str]]:
        """Its tags, without moto's search of all tags there are: groups have hundreds of rules."""
        return [{"key": key, "value": value} for key, value in self.ec2_backend.tags.get(self.id, {}).items()]

    @property
    def referenced_group_id(self) -> str | None:
        return self.source_group.get("GroupId")


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
