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

HEX = "(?:[0-9a-f]{8}|[0-9a-f]{17})"
GROUP_ID = re.compile("sg-" + HEX)
REFERENCED_GROUP = re.compile(f"(?:([0-9]{{12}})/)?({GROUP_ID.pattern})")
PREFIX_LIST_ID = re.compile("pl-" + HEX)
SOURCES = ("referenced_group_id", "cidr_ipv4", "cidr_ipv6", "prefix_list_id")
UNKNOWN_SOURCE = "unknown_source"
KEYS = {"ip_protocol", "from_port", "to_port", "description", *SOURCES}
# AWS stores these four by name, whatever they were called when they were authorised.
PROTOCOL_NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")
NUMBER = re.compile("-?(?:0|[1-9][0-9]*)")
PREFIX_LENGTH = re.compile("0|[1-9][0-9]{0,2}")

AUTHORIZE = "authorize_security_group_ingress"
DESCRIBE_ANEW = "update_security_group_rule_descriptions_ingress"
REVOKE = "revoke_security_group_ingress"


@dataclass(frozen=True)
class Rule:
    """One ingress rule. Two rules are equal when AWS holds them for the same one: a source group's identifier decides, its account does not."""

    ip_protocol: str
    from_port: int
    to_port: int
    source_kind: str
    source: str
    # The account of the source group, where it is named and not the group's own.
    account: str = field(default="", compare=False)
    # None: what is there stays; "": there is to be none.
    description: t.Optional[str] = field(default=None, compare=False)
    rule_id: str = field(default=KNOWN_AFTER_APPLY, compare=False)
    # What the task calls it, such as rules[3].
    name: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.ip_protocol in ("tcp", "udp"):
            ports = str(self.from_port) if self.from_port == self.to_port else f"{self.from_port}-{self.to_port}"
            traffic = f"{self.ip_protocol} {ports}"
        elif self.ip_protocol in ("icmp", "icmpv6"):
            kind = "" if self.from_port == -1 else f" type {self.from_port}"
            traffic = self.ip_protocol + kind + ("" if self.to_port == -1 else f" code {self.to_port}")
        else:
            traffic = "all traffic" if self.ip_protocol == "-1" else f"protocol {self.ip_protocol}"
        return f"{traffic} from {self.written_source}"

    @property
    def written_source(self) -> str:
        return f"{self.account}/{self.source}" if self.account else self.source

    @property
    def named(self) -> str:
        return f"{self.name} ({self})" if self.name else str(self)

    def as_dict(self) -> dict[str, t.Any]:
        return {
            "security_group_rule_id": self.rule_id,
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


@dataclass(frozen=True)
class RuleChange(Change):
    """One call, and the rules it is about."""

    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class IngressPlan(Plan):
    """A plan, and what it does to which rules; `kept` are those that stay whatever happens."""

    added: tuple[Rule, ...] = ()
    mended: tuple[Rule, ...] = ()
    removed: tuple[Rule, ...] = ()
    kept: tuple[Rule, ...] = ()


def authorize(group_id: str, rules: t.Sequence[Rule], again: bool = False) -> RuleChange:
    parameters = {"GroupId": group_id, "IpPermissions": [rule.as_permission() for rule in rules]}
    return RuleChange(AUTHORIZE, parameters, f"{group_id}: let in{' again' if again else ''} {listed(rules)}", rules=tuple(rules))


def describe_anew(group_id: str, rules: t.Sequence[Rule]) -> RuleChange:
    descriptions = [dict(SecurityGroupRuleId=rule.rule_id, **({"Description": rule.description} if rule.description else {})) for rule in rules]
    parameters = {"GroupId": group_id, "SecurityGroupRuleDescriptions": descriptions}
    return RuleChange(DESCRIBE_ANEW, parameters, f"{group_id}: describe anew {listed(rules)}", rules=tuple(rules))


def revoke(group_id: str, rules: t.Sequence[Rule]) -> RuleChange:
    parameters = {"GroupId": group_id, "SecurityGroupRuleIds": [rule.rule_id for rule in rules]}
    return RuleChange(REVOKE, parameters, f"{group_id}: no longer let in {listed(rules)}", rules=tuple(rules))


def listed(rules: t.Iterable[Rule]) -> str:
    return ", ".join(map(str, rules))


# What a user wrote


def rule_problems(rules: t.Any) -> list[str]:
    """What is wrong with `rules` as a user wrote them, one sentence each; nothing if they can be planned."""
    if not isinstance(rules, (list, tuple)):
        return ["rules must be a list of rules."]
    problems, positions, accounts = [], {}, {}
    for position, raw in enumerate(rules):
        found = _problems_of(raw)
        if found:
            problems += [f"rules[{position}] {sentence}" for sentence in found]
            continue
        rule = _desired(position, raw)
        first = positions.setdefault(rule, rule)
        if first is not rule:
            apart = "a group's identifier alone decides, its account does not tell rules apart" if rule.account != first.account else (
                "a description does not tell rules apart")
            problems.append(f"{first.name} and {rule.name} are the same rule ({rule}): {apart}, so remove one.")
        if rule.account:
            other = accounts.setdefault(rule.source, rule)
            if other.account != rule.account:
                problems.append(f"{other.name} and {rule.name} name {rule.source} in two accounts, {other.account} and {rule.account}: a group is in one.")
    return problems


def group_id_problems(value: t.Any) -> list[str]:
    """Why `value` is not the identifier of the group whose rules are kept, as a sentence."""
    shape = _identifier_problem(value, GROUP_ID, "security group", "sg-0123456789abcdef0")
    return [f"group_id is {shape}"] if shape else []


def host_bit_warnings(rules: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """One sentence for each CIDR block that AWS will store as another than the one written."""
    warnings = []
    for position, raw in enumerate(rules):
        rule = _desired(position, raw)
        if rule.source_kind.startswith("cidr") and ipaddress.ip_interface(raw[rule.source_kind]).ip != ipaddress.ip_network(rule.source).network_address:
            warnings.append(f"{rule.name}: {raw[rule.source_kind]} lets in all of {rule.source}, which is what AWS stores.")
    return warnings


def _problems_of(rule: t.Any) -> list[str]:
    if not isinstance(rule, dict):
        return [f"is {rule!r}, not a mapping of ip_protocol, from_port, to_port and a source."]
    rule = {key: value for key, value in rule.items() if value is not None}
    problems = [f"has the unknown key {key}: a rule consists of {', '.join(sorted(KEYS))}." for key in sorted(set(rule) - KEYS, key=str)]
    problems += _protocol_problems(rule)
    given = [kind for kind in SOURCES if kind in rule]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has no source"
        problems.append(f"{found}: give exactly one of {', '.join(SOURCES)}" + ("; each source is a rule of its own." if given else "."))
    problems += [f"has the {kind} {problem}" for kind in given for problem in [_source_problem(kind, rule[kind])] if problem]
    description = rule.get("description", "")
    if not isinstance(description, str):
        problems.append(f"has a description that is no text ({description!r}): write it in quotes.")
    elif len(description) > 255:
        problems.append(f"has a description of {len(description)} characters: AWS takes text of up to 255.")
    elif not DESCRIPTION.fullmatch(description):
        refused = "".join(sorted({character for character in description if not DESCRIPTION.fullmatch(character)}))
        problems.append(f"has a description with {refused!r}: AWS takes letters A to Z, digits, spaces and ._-:/()#,@[]+=&;{{}}!$* only.")
    return problems


def _protocol_problems(rule: t.Mapping[str, t.Any]) -> list[str]:
    if "ip_protocol" not in rule:
        return ["has no ip_protocol: name tcp, udp, icmp, icmpv6, a protocol number, or -1 for all traffic."]
    protocol = _protocol(rule["ip_protocol"])
    if protocol not in (*PROTOCOL_NAMES.values(), "-1") and not (NUMBER.fullmatch(protocol) and 0 <= int(protocol) < 256):
        return [f"has the ip_protocol {str(rule['ip_protocol'])!r}: name tcp, udp, icmp, icmpv6, a protocol number (0 to 255), or -1 for all traffic."]
    wrong = [key for key in ("from_port", "to_port") if _port(rule.get(key, -1)) is None]
    if wrong:
        return [f"has the {key} {rule[key]!r}: it must be a whole number, in decimal digits." for key in wrong]
    ports = {key: _port(rule.get(key, -1)) for key in ("from_port", "to_port")}
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


def _port(value: t.Any) -> t.Optional[int]:
    """A whole number as a user may write it; None for anything else, True and 6379.0 among them."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return int(value) if NUMBER.fullmatch(str(value)) else None


def _protocol(value: t.Any) -> str:
    text = str(value).lower()
    return PROTOCOL_NAMES.get(text, text)


def _source_problem(kind: str, source: t.Any) -> str:
    """What follows "has the KIND" where `source` is none."""
    if kind == "referenced_group_id":
        return _identifier_problem(source, REFERENCED_GROUP, "security group", "sg-0123456789abcdef0, or 123456789012/sg-0123456789abcdef0 in another account")
    if kind == "prefix_list_id":
        return _identifier_problem(source, PREFIX_LIST_ID, "prefix list", "pl-0123456789abcdef0")
    return _block_problem(source, int(kind[-1]))


def _identifier_problem(value: t.Any, pattern: re.Pattern, thing: str, example: str) -> str:
    """What follows the option's name where `value` is not AWS's identifier of `thing`."""
    if isinstance(value, str) and pattern.fullmatch(value):
        return ""
    text = str(value)
    if not text.strip():
        what = "is empty" if isinstance(value, str) else "is no text"
    elif text != text.strip():
        what = "has a blank or a line end at its beginning or end"
    elif text.startswith("arn:"):
        what = "is an ARN, of which AWS takes the last part only"
    else:
        what = f"is no identifier of a {thing}, and names are not taken"
    return f"{text!r}, which {what}: write it as AWS does, such as {example}."


def _block_problem(source: t.Any, version: int) -> str:
    """What follows "has the cidr_ipv4" or "has the cidr_ipv6" where `source` is no such block, read to the letter: a wrong guess opens a door."""
    family, most, example = (ipaddress.IPv4Network, 32, "10.0.0.0/16") if version == 4 else (ipaddress.IPv6Network, 128, "2001:db8::/32")
    wanted = f"write an IPv{version} block such as {example}, a single address with /{most}."
    address, slash, length = str(source).partition("/")
    if isinstance(source, str) and source != source.strip():
        return f"{source!r}, which has a blank or a line end at its beginning or end: {wanted}"
    if not (isinstance(source, str) and slash and re.fullmatch("[0-9A-Fa-f:.]+", address)):
        return f"{source!r}: {wanted}"
    if not PREFIX_LENGTH.fullmatch(length) or int(length) > most:
        return f"{source!r}, whose prefix length {length!r} is no decimal number from 0 to {most}: {wanted}"
    try:
        network = family(source, strict=False)
    except ValueError:
        return f"{source!r}: {wanted}"
    if version == 6 and network.network_address.ipv4_mapped:
        return f"{source!r}, which is an IPv4 block in the notation of IPv6: write it as cidr_ipv4."
    if network.prefixlen == 0 and ipaddress.ip_interface(source).ip != network.network_address:
        return f"{source!r}, which lets in everybody although it names an address: write {network} if that is meant, a single address with /{most}."
    return ""


def _desired(position: int, rule: t.Mapping[str, t.Any], owner: str = "") -> Rule:
    protocol = _protocol(rule["ip_protocol"])
    kind = next(kind for kind in SOURCES if rule.get(kind) is not None)
    ports = _ports(protocol, _port(rule.get("from_port")), _port(rule.get("to_port")))
    source, account = rule[kind], ""
    if kind == "referenced_group_id":
        account, source = REFERENCED_GROUP.fullmatch(source).groups(default="")
    elif kind.startswith("cidr"):
        source = str(ipaddress.ip_network(source, strict=False))
    return Rule(protocol, *ports, kind, source, "" if account == owner else account, rule.get("description"), name=f"rules[{position}]")


def _ports(protocol: str, first: t.Optional[int], last: t.Optional[int]) -> tuple[int, int]:
    # Protocols without ports read back with ports that mean nothing.
    if protocol not in PROTOCOL_NAMES.values():
        return -1, -1
    return (-1 if first is None else first), (-1 if last is None else last)


# What AWS answered


def current_rules(described: t.Iterable[t.Mapping[str, t.Any]]) -> list[Rule]:
    """The ingress rules among the SecurityGroupRules that AWS returned; one that does not say its direction may be one."""
    return [_observed(rule) for rule in described if not rule.get("IsEgress")]


def as_dicts(rules: t.Iterable[Rule]) -> list[dict[str, t.Any]]:
    """Rules as results and diffs show them, in an order that does not depend on AWS."""
    return [rule.as_dict() for rule in sorted(rules, key=lambda rule: (rule.ip_protocol, rule.from_port, rule.to_port, rule.source_kind, rule.source))]


def unreadable(described: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """One sentence for each rule of which AWS's answer does not say enough to tell which one it is."""
    sentences = []
    for rule in described:
        lacking = _lacking(rule)
        if lacking and not rule.get("IsEgress"):
            sentences.append(f"The rule {rule.get('SecurityGroupRuleId', 'without an identifier')} cannot be told apart: {lacking}.")
    return sentences


def contradictions(
    group_id: str, rules: t.Sequence[t.Mapping[str, t.Any]], described: t.Iterable[t.Mapping[str, t.Any]]
) -> list[str]:
    """One sentence for each rule whose source group is, as AWS says, in another account than the one written."""
    known = {}
    for rule in described:
        group = rule.get("ReferencedGroupInfo") or {}
        known.setdefault(group.get("GroupId"), group.get("UserId"))
        if rule.get("GroupOwnerId"):
            known[group_id] = rule["GroupOwnerId"]
    desired = [_desired(position, rule) for position, rule in enumerate(rules)]
    return [
        f"{rule.name} names {rule.written_source}, but AWS says that {rule.source} is in account {known[rule.source]}: "
        f"write {known[rule.source]}/{rule.source}, or {rule.source} alone."
        for rule in desired
        if rule.account and known.get(rule.source) and known[rule.source] != rule.account
    ]


def peering_warnings(rules: t.Sequence[t.Mapping[str, t.Any]], described: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """One sentence for each rule that is there, but lets nobody in because its peering connection is not active."""
    listed_rules = {rule: rule for rule in (_desired(position, rule) for position, rule in enumerate(rules))}
    warnings = []
    for rule in described:
        group = rule.get("ReferencedGroupInfo") or {}
        status = group.get("PeeringStatus")
        listed_rule = listed_rules.get(_observed(rule)) if status and not rule.get("IsEgress") else None
        if listed_rule and status != "active":
            peering = group.get("VpcPeeringConnectionId") or "of its source group"
            warnings.append(f"{listed_rule.named} is there, but lets nobody in: the peering connection {peering} is {status}.")
    return warnings


def _lacking(rule: t.Mapping[str, t.Any]) -> str:
    """What AWS's answer does not say of a rule and identifies it; empty if it says all."""
    missing = [key for key in ("SecurityGroupRuleId", "IpProtocol", "IsEgress") if rule.get(key) is None]
    if rule.get("IpProtocol") in ("tcp", "udp"):
        missing += [key for key in ("FromPort", "ToPort") if rule.get(key) is None]
    if missing:
        return f"AWS's answer lacks {' and '.join(missing)}"
    if _observed(rule).source_kind == UNKNOWN_SOURCE:
        return f"its source is of none of the kinds {', '.join(SOURCES)}; AWS's answer has {', '.join(sorted(rule))}"
    return ""


def _observed(rule: t.Mapping[str, t.Any]) -> Rule:
    protocol = _protocol(rule.get("IpProtocol", "unknown"))
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


def _canonical(kind: str, source: str) -> str:
    """A source as AWS compares it: the blocks of old rules may read otherwise."""
    if not kind.startswith("cidr"):
        return source
    try:
        return str(ipaddress.ip_network(source, strict=False))
    except ValueError:
        return source


# The plan


def plan(
    group_id: str,
    rules: t.Sequence[t.Mapping[str, t.Any]],
    described: t.Sequence[t.Mapping[str, t.Any]],
    state: str = "present",
    purge: bool = False,
) -> IngressPlan:
    """The calls that bring `described` (SecurityGroupRules as AWS returned them) to `rules` (without rule_problems).

    New rules come before old ones go, so that nobody who is let in by both is ever shut out.
    """
    observed = {rule: rule for rule in current_rules(described)}
    owner = next((rule["GroupOwnerId"] for rule in described if rule.get("GroupOwnerId")), "")
    desired = dict.fromkeys(_desired(position, rule, owner) for position, rule in enumerate(rules))
    if state == "absent":
        added, mended, removed = [], [], [observed[rule] for rule in desired if rule in observed]
    else:
        added = [rule for rule in desired if rule not in observed]
        mended = [
            replace(observed[rule], description=rule.description, name=rule.name)
            for rule in desired
            if rule in observed and rule.description is not None and rule.description != observed[rule].description
        ]
        removed = [rule for rule in observed.values() if purge and rule not in desired]

    after = {**observed, **{rule: rule for rule in [*added, *mended]}}
    for rule in removed:
        del after[rule]
    kept = tuple(rule for rule in observed.values() if rule not in removed)
    before, after = {"rules": as_dicts(observed.values())}, {"rules": as_dicts(after.values())}
    return IngressPlan(changes(group_id, added, mended, removed), before, after, tuple(added), tuple(mended), tuple(removed), kept)


def changes(group_id: str, added: t.Sequence[Rule], mended: t.Sequence[Rule], removed: t.Sequence[Rule]) -> tuple[RuleChange, ...]:
    """A call for each kind of change that there is, in the order they are made."""
    kinds = ((authorize, added), (describe_anew, mended), (revoke, removed))
    return tuple(change(group_id, rules) for change, rules in kinds if rules)


# The quota


class Size(t.NamedTuple):
    """Rules as AWS counts them against the quota, which holds for each family by itself."""

    ipv4: int
    ipv6: int

    def __str__(self) -> str:
        return f"{self.ipv4} for IPv4 and {self.ipv6} for IPv6"


def size(rules: t.Iterable[Rule]) -> Size:
    """Without prefix lists: each counts as many entries as it may have, in its own family, and the rules name neither."""
    kinds = [rule.source_kind for rule in rules]
    groups = kinds.count("referenced_group_id")
    return Size(kinds.count("cidr_ipv4") + groups, kinds.count("cidr_ipv6") + groups)


def _has_prefix_list(rules: t.Iterable[Rule]) -> bool:
    return any(rule.source_kind == "prefix_list_id" for rule in rules)


def proof_of_room(planned: IngressPlan) -> t.Optional[tuple[Rule, ...]]:
    """The new rules that prove, once AWS has taken them beside all that is there, that the quota has room for the end.

    None of them if that is known already; None if nothing can prove it before a rule goes.
    """
    now, end = size([*planned.kept, *planned.removed]), size([*planned.kept, *planned.added])
    unknown = _has_prefix_list([*planned.kept, *planned.added])

    def enough(reached: Size) -> bool:
        # One quota holds for both families, so either one shows it, unless a prefix list counts in one that is not known.
        return reached.ipv4 >= end.ipv4 and reached.ipv6 >= end.ipv6 if unknown else max(reached) >= max(end)

    most = Size(max(now.ipv4, end.ipv4), max(now.ipv6, end.ipv6)) if unknown else Size(max(end), max(end))
    proof = [rule for rule in planned.added if rule.source_kind == "prefix_list_id"]
    for rule in planned.added:
        if enough(now):
            break
        one = size([rule])
        grown = Size(now.ipv4 + one.ipv4, now.ipv6 + one.ipv6)
        if rule.source_kind != "prefix_list_id" and grown.ipv4 <= most.ipv4 and grown.ipv6 <= most.ipv6:
            proof.append(rule)
            now = grown
    return tuple(proof) if enough(now) else None


def no_room(planned: IngressPlan, refused: t.Sequence[Rule]) -> str:
    """The sentence that says that the end does not fit, with both numbers: AWS refused to take `refused` beside what is there."""
    there = [*planned.kept, *planned.removed]
    now, end, tried = size(there), size([*planned.kept, *planned.added]), size([*there, *refused])
    if _has_prefix_list([*there, *planned.added]):
        quota = f"the group holds {now}, and AWS refused {tried}; prefix lists, each of which counts as many entries as it may have, come on top"
    else:
        least, most = max(now), max(tried) - 1
        quota = f"its quota is {least}" if least == most else f"its quota lies between {least} and {most}"
    return (
        f"the rules need room for {end}, but {quota} (RulesPerSecurityGroupLimitExceeded). A rule for a security group counts for both. "
        "List fewer rules, remove what is not needed with state=absent, or have the quota raised."
    )
