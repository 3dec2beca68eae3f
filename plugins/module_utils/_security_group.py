# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans the ingress rules of one security group. Pure: no client, no clock, no module."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import KNOWN_AFTER_APPLY, Change, Plan

GROUP_ID = re.compile(r"sg-[0-9a-f]{8,17}")
# How each kind of source is written (None: ipaddress knows) and an example.
SOURCES = {
    "referenced_group_id": (re.compile(r"(\d{12}/)?" + GROUP_ID.pattern), "sg-0123456789abcdef0, or 123456789012/sg-0123456789abcdef0 in another account"),
    "cidr_ipv4": (None, "10.0.0.0/16"),
    "cidr_ipv6": (None, "2001:db8::/32"),
    "prefix_list_id": (re.compile(r"pl-[0-9a-f]{8,17}"), "pl-0123456789abcdef0"),
}
KEYS = {"ip_protocol", "from_port", "to_port", "description", *SOURCES}
# AWS stores these four by name, whatever they were called when they were authorised.
PROTOCOL_NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")


@dataclass(frozen=True)
class Rule:
    """One ingress rule. Two rules are equal when AWS holds them for the same one."""

    ip_protocol: str
    from_port: int
    to_port: int
    source_kind: str
    source: str
    # None: what is there stays; "": there is to be none.
    description: t.Optional[str] = field(default=None, compare=False)
    rule_id: str = field(default=KNOWN_AFTER_APPLY, compare=False)

    def __str__(self) -> str:
        if self.ip_protocol in ("tcp", "udp"):
            ports = str(self.from_port) if self.from_port == self.to_port else f"{self.from_port}-{self.to_port}"
            traffic = f"{self.ip_protocol} {ports}"
        elif self.ip_protocol in ("icmp", "icmpv6"):
            kind = "" if self.from_port == -1 else f" type {self.from_port}"
            traffic = self.ip_protocol + kind + ("" if self.to_port == -1 else f" code {self.to_port}")
        else:
            traffic = "all traffic" if self.ip_protocol == "-1" else f"protocol {self.ip_protocol}"
        return f"{traffic} from {self.source}"

    def as_dict(self) -> dict[str, t.Any]:
        return {
            "security_group_rule_id": self.rule_id,
            "ip_protocol": self.ip_protocol,
            "from_port": self.from_port,
            "to_port": self.to_port,
            self.source_kind: self.source,
            "description": self.description or "",
        }

    def as_permission(self) -> dict[str, t.Any]:
        """The member of IpPermissions that authorises this rule."""
        account, dummy, identifier = self.source.rpartition("/")
        source, container = {
            "referenced_group_id": (dict(GroupId=identifier, **({"UserId": account} if account else {})), "UserIdGroupPairs"),
            "cidr_ipv4": ({"CidrIp": self.source}, "IpRanges"),
            "cidr_ipv6": ({"CidrIpv6": self.source}, "Ipv6Ranges"),
            "prefix_list_id": ({"PrefixListId": self.source}, "PrefixListIds"),
        }[self.source_kind]
        if self.description:
            source["Description"] = self.description
        ports = {} if self.ip_protocol == "-1" else {"FromPort": self.from_port, "ToPort": self.to_port}
        return {"IpProtocol": self.ip_protocol, **ports, container: [source]}


def rule_problems(rules: t.Any) -> list[str]:
    """What is wrong with `rules` as a user wrote them, one sentence each; nothing if they can be planned."""
    if not isinstance(rules, (list, tuple)):
        return ["rules must be a list of rules."]
    problems, positions = [], {}
    for position, rule in enumerate(rules):
        name = f"rules[{position}]"
        found = _problems_of(rule)
        if found:
            problems += [f"{name} {sentence}" for sentence in found]
            continue
        known = _desired(rule)
        if known in positions:
            problems.append(f"{positions[known]} and {name} are the same rule ({known}): a description does not tell rules apart, so remove one.")
        positions.setdefault(known, name)
    return problems


def host_bit_warnings(rules: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """One sentence for each CIDR block that AWS will store as another than the one written."""
    warnings = []
    for position, raw in enumerate(rules):
        rule = _desired(raw)
        if rule.source_kind.startswith("cidr") and ipaddress.ip_interface(raw[rule.source_kind]).ip != ipaddress.ip_network(rule.source).network_address:
            warnings.append(f"rules[{position}]: {raw[rule.source_kind]} lets in all of {rule.source}, which is what AWS stores.")
    return warnings


def plan(
    group_id: str,
    rules: t.Sequence[t.Mapping[str, t.Any]],
    described: t.Sequence[t.Mapping[str, t.Any]],
    state: str = "present",
    purge: bool = False,
) -> Plan:
    """The calls that bring `described` (SecurityGroupRules as AWS returned them) to `rules` (without rule_problems).

    New rules come before old ones go, so that nobody who is let in by both is ever shut out.
    """
    observed = {rule: rule for rule in current_rules(described)}
    owner = next((rule["GroupOwnerId"] for rule in described if rule.get("GroupOwnerId")), "")
    desired = dict.fromkeys(_desired(rule, owner) for rule in rules)
    if state == "absent":
        added, mended, removed = [], [], [observed[rule] for rule in desired if rule in observed]
    else:
        added = [rule for rule in desired if rule not in observed]
        mended = [
            replace(observed[rule], description=rule.description)
            for rule in desired
            if rule in observed and rule.description is not None and rule.description != observed[rule].description
        ]
        removed = [rule for rule in observed.values() if purge and rule not in desired]

    changes = []
    if added:
        parameters = {"GroupId": group_id, "IpPermissions": [rule.as_permission() for rule in added]}
        changes.append(Change("authorize_security_group_ingress", parameters, f"{group_id}: let in {_list(added)}"))
    if mended:
        descriptions = [dict(SecurityGroupRuleId=rule.rule_id, **({"Description": rule.description} if rule.description else {})) for rule in mended]
        parameters = {"GroupId": group_id, "SecurityGroupRuleDescriptions": descriptions}
        changes.append(Change("update_security_group_rule_descriptions_ingress", parameters, f"{group_id}: describe anew {_list(mended)}"))
    if removed:
        parameters = {"GroupId": group_id, "SecurityGroupRuleIds": [rule.rule_id for rule in removed]}
        changes.append(Change("revoke_security_group_ingress", parameters, f"{group_id}: no longer let in {_list(removed)}"))

    after = {**observed, **{rule: rule for rule in [*added, *mended]}}
    for rule in removed:
        del after[rule]
    return Plan(tuple(changes), {"rules": as_dicts(observed.values())}, {"rules": as_dicts(after.values())})


def current_rules(described: t.Iterable[t.Mapping[str, t.Any]]) -> list[Rule]:
    """The ingress rules among the SecurityGroupRules that AWS returned."""
    return [_observed(rule) for rule in described if not rule.get("IsEgress")]


def as_dicts(rules: t.Iterable[Rule]) -> list[dict[str, t.Any]]:
    """Rules as results and diffs show them, in an order that does not depend on AWS."""
    return [rule.as_dict() for rule in sorted(rules, key=lambda rule: (rule.ip_protocol, rule.from_port, rule.to_port, rule.source_kind, rule.source))]


def _problems_of(rule: t.Any) -> list[str]:
    if not isinstance(rule, dict):
        return ["is not a mapping of ip_protocol, from_port, to_port and a source."]
    rule = {key: value for key, value in rule.items() if value is not None}
    problems = [f"has the unknown key {key}: a rule consists of {', '.join(sorted(KEYS))}." for key in sorted(set(rule) - KEYS, key=str)]
    problems += _protocol_problems(rule)
    given = [kind for kind in SOURCES if kind in rule]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has no source"
        problems.append(f"{found}: give exactly one of {', '.join(SOURCES)}" + ("; each source is a rule of its own." if given else "."))
    problems += [problem for kind in given for problem in _source_problems(kind, str(rule[kind]))]
    description = rule.get("description", "")
    if not isinstance(description, str) or len(description) > 255:
        problems.append(f"has a description of {len(str(description))} characters: AWS takes text of up to 255.")
    elif not DESCRIPTION.fullmatch(description):
        refused = "".join(sorted({character for character in description if not DESCRIPTION.fullmatch(character)}))
        problems.append(f"has a description with {refused!r}: AWS takes letters A to Z, digits, spaces and ._-:/()#,@[]+=&;{{}}!$* only.")
    return problems


def _protocol_problems(rule: t.Mapping[str, t.Any]) -> list[str]:
    if "ip_protocol" not in rule:
        return ["has no ip_protocol: name tcp, udp, icmp, icmpv6, a protocol number, or -1 for all traffic."]
    protocol = _protocol(rule["ip_protocol"])
    if protocol not in (*PROTOCOL_NAMES.values(), "-1") and not (re.fullmatch(r"\d{1,3}", protocol) and int(protocol) < 256):
        return [f"has the ip_protocol {protocol!r}: name tcp, udp, icmp, icmpv6, a protocol number (0 to 255), or -1 for all traffic."]
    ports = {}
    for key in ("from_port", "to_port"):
        if not re.fullmatch(r"-?\d+", str(rule.get(key, -1))):
            return [f"has the {key} {rule[key]!r}: it must be a number."]
        ports[key] = int(rule.get(key, -1))
    first, last = ports["from_port"], ports["to_port"]
    if protocol in ("tcp", "udp"):
        missing = [key for key in ports if key not in rule]
        if missing:
            return [f"is for {protocol} and lacks {' and '.join(missing)}: give both, the same number twice for a single port."]
        if not 0 <= first <= last <= 65535:
            return [f"has the ports {first} to {last}: they must lie between 0 and 65535, from_port first."]
    elif protocol in ("icmp", "icmpv6"):
        if not (-1 <= first <= 255 and -1 <= last <= 255) or (first == -1 and last != -1):
            return [f"has the {protocol} type (from_port) {first} and code (to_port) {last}: each is 0 to 255, or -1 for all; all types mean all codes."]
    elif (first, last) != (-1, -1):
        return [f"gives ports for ip_protocol {protocol}, which lets in every port: leave from_port and to_port out, or name tcp or udp."]
    return []


def _source_problems(kind: str, source: str) -> list[str]:
    pattern, example = SOURCES[kind]
    if pattern:
        return [] if pattern.fullmatch(source) else [f"has the {kind} {source!r}: write it as AWS does, such as {example}."]
    version = int(kind[-1])
    try:
        if "/" in source and ipaddress.ip_network(source, strict=False).version == version:
            return []
    except ValueError:
        pass
    return [f"has the {kind} {source!r}: write an IPv{version} block such as {example}, a single address with /{32 if version == 4 else 128}."]


def _protocol(value: t.Any) -> str:
    text = str(value).strip().lower()
    return PROTOCOL_NAMES.get(text, text)


def _desired(rule: t.Mapping[str, t.Any], owner: str = "") -> Rule:
    protocol = _protocol(rule["ip_protocol"])
    kind = next(kind for kind in SOURCES if rule.get(kind) is not None)
    return Rule(protocol, *_ports(protocol, rule.get("from_port"), rule.get("to_port")), kind, _source(kind, str(rule[kind]), owner), rule.get("description"))


def _observed(rule: t.Mapping[str, t.Any]) -> Rule:
    protocol = _protocol(rule["IpProtocol"])
    group = rule.get("ReferencedGroupInfo") or {}
    sources = {
        "referenced_group_id": group.get("GroupId") and "/".join(filter(None, (group.get("UserId"), group["GroupId"]))),
        "cidr_ipv4": rule.get("CidrIpv4"),
        "cidr_ipv6": rule.get("CidrIpv6"),
        "prefix_list_id": rule.get("PrefixListId"),
    }
    kind = next(kind for kind in SOURCES if sources[kind])
    return Rule(
        protocol,
        *_ports(protocol, rule.get("FromPort"), rule.get("ToPort")),
        kind,
        _source(kind, sources[kind], rule.get("GroupOwnerId", "")),
        rule.get("Description") or "",
        rule["SecurityGroupRuleId"],
    )


def _ports(protocol: str, first: t.Any, last: t.Any) -> tuple[int, int]:
    # Protocols without ports read back with ports that mean nothing.
    if protocol not in PROTOCOL_NAMES.values():
        return -1, -1
    return (-1 if first is None else int(first)), (-1 if last is None else int(last))


def _source(kind: str, source: str, owner: str) -> str:
    """A source as AWS compares it: CIDR blocks canonical, groups of the account itself without its number."""
    if kind.startswith("cidr"):
        return str(ipaddress.ip_network(source, strict=False))
    return source[len(owner) + 1:] if owner and source.startswith(owner + "/") else source


def _list(rules: t.Sequence[Rule]) -> str:
    return ", ".join(map(str, rules))
