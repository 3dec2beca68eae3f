# SPDX-License-Identifier: GPL-3.0-or-later
"""One ingress rule, as a user writes it and as AWS answers it. Pure: no client, no clock, no module."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import UNKNOWN, plain

HEX = "(?:[0-9a-f]{8}|[0-9a-f]{17})"
GROUP_ID = re.compile("sg-" + HEX)
REFERENCED_GROUP = re.compile(f"(?:([0-9]{{12}})/)?({GROUP_ID.pattern})")
SOURCES = ("referenced_group_id", "cidr_ipv4", "cidr_ipv6", "prefix_list_id")
UNKNOWN_SOURCE = "unknown_source"
# AWS stores these four by name, whatever they were called when they were authorised.
PROTOCOL_NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
NUMBER = re.compile("-?(?:0|[1-9][0-9]*)")


@dataclasses.dataclass(frozen=True)
class Rule:
    """One ingress rule. Two rules are equal when AWS holds them for the same one: a source group's identifier decides, its account does not."""

    ip_protocol: str
    from_port: int
    to_port: int
    source_kind: str
    source: str
    # The account of the source group, where it is named and not the group's own.
    account: str = dataclasses.field(default="", compare=False)
    # None: what is there stays; "": there is to be none.
    description: t.Optional[str] = dataclasses.field(default=None, compare=False)
    rule_id: t.Any = dataclasses.field(default=UNKNOWN, compare=False)
    # What the task calls it, such as rules[3].
    name: str = dataclasses.field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.traffic} from {self.written_source}"

    @property
    def field(self) -> str:
        """What tells the rule from others of its group, in words: without the account of a source group."""
        return f"{self.traffic} from {self.source}"

    @property
    def traffic(self) -> str:
        if self.ip_protocol in ("tcp", "udp"):
            ports = str(self.from_port) if self.from_port == self.to_port else f"{self.from_port}-{self.to_port}"
            return f"{self.ip_protocol} {ports}"
        if self.ip_protocol in ("icmp", "icmpv6"):
            kind = "" if self.from_port == -1 else f" type {self.from_port}"
            return self.ip_protocol + kind + ("" if self.to_port == -1 else f" code {self.to_port}")
        return "all traffic" if self.ip_protocol == "-1" else f"protocol {self.ip_protocol}"

    def opens(self, other: Rule) -> bool:
        """Whether this rule lets in some of the traffic of `other`, from wherever. Ports that AWS does not show may be any."""
        if "-1" in (self.ip_protocol, other.ip_protocol):
            return True
        if self.ip_protocol != other.ip_protocol:
            return False
        if -1 in (self.from_port, other.from_port):
            return True
        if self.ip_protocol in ("tcp", "udp"):
            return max(self.from_port, other.from_port) <= min(self.to_port, other.to_port)
        return self.from_port == other.from_port and (-1 in (self.to_port, other.to_port) or self.to_port == other.to_port)

    def covers(self, other: Rule) -> bool:
        """Whether all that `other` lets in comes in by this rule too, as far as the two tell."""
        if self.ip_protocol in ("tcp", "udp"):
            within = self.from_port <= other.from_port and other.to_port <= self.to_port
        else:
            within = self.from_port in (-1, other.from_port) and self.to_port in (-1, other.to_port)
        traffic = self.ip_protocol == "-1" or (self.ip_protocol == other.ip_protocol and within)
        return traffic and self.source_kind == other.source_kind and (self.source == other.source or _holds(self.source, other.source))

    @property
    def written_source(self) -> str:
        return f"{self.account}/{self.source}" if self.account else self.source

    @property
    def named(self) -> str:
        return f"{self.name} ({self})" if self.name else str(self)

    def as_dict(self) -> dict[str, t.Any]:
        return {
            "security_group_rule_id": plain(self.rule_id),
            "ip_protocol": self.ip_protocol,
            "from_port": self.from_port,
            "to_port": self.to_port,
            self.source_kind: self.written_source,
            "description": self.description or "",
        }

    def as_permission(self) -> dict[str, t.Any]:
        """The member of IpPermissions that authorises this rule."""
        source, container = {
            "referenced_group_id": (dict(GroupId=self.source, **({"UserId": self.account} if self.account else {})), "UserIdGroupPairs"),
            "cidr_ipv4": ({"CidrIp": self.source}, "IpRanges"),
            "cidr_ipv6": ({"CidrIpv6": self.source}, "Ipv6Ranges"),
            "prefix_list_id": ({"PrefixListId": self.source}, "PrefixListIds"),
        }[self.source_kind]
        if self.description:
            source["Description"] = self.description
        ports = {} if self.ip_protocol == "-1" else {"FromPort": self.from_port, "ToPort": self.to_port}
        return {"IpProtocol": self.ip_protocol, **ports, container: [source]}


def _holds(block: str, other: str) -> bool:
    """Whether both are blocks, and one is within the other."""
    try:
        return ipaddress.ip_network(other).subnet_of(ipaddress.ip_network(block))
    except ValueError:
        return False


def listed(rules: t.Iterable[Rule]) -> str:
    return ", ".join(map(str, rules))


def as_dicts(rules: t.Iterable[Rule]) -> list[dict[str, t.Any]]:
    """Rules as results and diffs show them, in an order that does not depend on AWS."""
    return [rule.as_dict() for rule in sorted(rules, key=lambda rule: (rule.ip_protocol, rule.from_port, rule.to_port, rule.source_kind, rule.source))]


# As a user writes it


def written(position: int, rule: t.Mapping[str, t.Any]) -> Rule:
    """The rule that stands at `position` of a list without problems."""
    protocol = protocol_of(rule["ip_protocol"])
    kind = next(kind for kind in SOURCES if rule.get(kind) is not None)
    ports = _ports(protocol, port_of(rule.get("from_port")), port_of(rule.get("to_port")))
    source, account = rule[kind], ""
    if kind == "referenced_group_id":
        account, source = REFERENCED_GROUP.fullmatch(source).groups(default="")
    elif kind.startswith("cidr"):
        source = str(ipaddress.ip_network(source, strict=False))
    return Rule(protocol, *ports, kind, source, account, rule.get("description"), name=f"rules[{position}]")


def port_of(value: t.Any) -> t.Optional[int]:
    """A whole number as a user may write it; None for anything else, True and 6379.0 among them."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return int(value) if NUMBER.fullmatch(str(value)) else None


def protocol_of(value: t.Any) -> str:
    text = str(value).lower()
    return PROTOCOL_NAMES.get(text, text)


def _ports(protocol: str, first: t.Optional[int], last: t.Optional[int]) -> tuple[int, int]:
    # Protocols without ports read back with ports that mean nothing.
    if protocol not in PROTOCOL_NAMES.values():
        return -1, -1
    return (-1 if first is None else first), (-1 if last is None else last)


# As AWS answers it


def answered(rule: t.Mapping[str, t.Any]) -> Rule:
    """A member of SecurityGroupRules, whatever of it AWS leaves out."""
    protocol = protocol_of(rule.get("IpProtocol", "unknown"))
    group = rule.get("ReferencedGroupInfo") or {}
    sources = {
        "referenced_group_id": group.get("GroupId"),
        "cidr_ipv4": rule.get("CidrIpv4"),
        "cidr_ipv6": rule.get("CidrIpv6"),
        "prefix_list_id": rule.get("PrefixListId"),
    }
    rule_id = rule.get("SecurityGroupRuleId") or "unknown"
    kind = next((kind for kind in SOURCES if sources[kind]), UNKNOWN_SOURCE)
    account = group.get("UserId") or "" if kind == "referenced_group_id" else ""
    return Rule(
        protocol,
        *_ports(protocol, rule.get("FromPort"), rule.get("ToPort")),
        kind,
        _canonical(kind, sources.get(kind) or f"an unknown source ({rule_id})"),
        "" if account == rule.get("GroupOwnerId") else account,
        rule.get("Description") or "",
        rule_id,
    )


def lacking(rule: t.Mapping[str, t.Any]) -> str:
    """What AWS's answer does not say of a rule and identifies it; empty if it says all."""
    missing = [key for key in ("SecurityGroupRuleId", "IpProtocol", "IsEgress") if rule.get(key) is None]
    if rule.get("IpProtocol") in ("tcp", "udp"):
        missing += [key for key in ("FromPort", "ToPort") if rule.get(key) is None]
    if missing:
        return f"AWS's answer lacks {' and '.join(missing)}"
    if answered(rule).source_kind == UNKNOWN_SOURCE:
        return f"its source is of none of the kinds {', '.join(SOURCES)}; AWS's answer has {', '.join(sorted(rule))}"
    return ""


def _canonical(kind: str, source: str) -> str:
    """A source as AWS compares it: the blocks of old rules may read otherwise."""
    if not kind.startswith("cidr"):
        return source
    try:
        return str(ipaddress.ip_network(source, strict=False))
    except ValueError:
        return source
