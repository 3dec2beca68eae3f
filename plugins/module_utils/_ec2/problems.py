# SPDX-License-Identifier: GPL-3.0-or-later
"""Why ingress rules cannot be kept as a task has them: by what is written, and by what AWS shows. Pure: no client, no clock, no module."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.ingress import Desired, Observed
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import (
    GROUP_ID,
    HEX,
    NUMBER,
    PROTOCOL_NAMES,
    REFERENCED_GROUP,
    SOURCES,
    answered,
    lacking,
    port_of,
    protocol_of,
    written,
)

KEYS = {"ip_protocol", "from_port", "to_port", "description", *SOURCES}
PREFIX_LIST_ID = re.compile("pl-" + HEX)
DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")
PREFIX_LENGTH = re.compile("0|[1-9][0-9]{0,2}")


def problems(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with a task's parameters, one sentence each; nothing if they can be planned."""
    found = group_id_problems(parameters["group_id"]) + rule_problems(parameters["rules"])
    for option in ("purge", "purge_ports"):
        if parameters[option] and parameters["state"] == "absent":
            found.append(f"{option} goes with state=present: it revokes what is not listed, and state=absent revokes what is listed.")
    if parameters["wait_timeout"] < 0:
        found.append(f"wait_timeout is {parameters['wait_timeout']}: give the seconds to wait, 0 or more.")
    return found


def rule_problems(rules: t.Any) -> list[str]:
    """What is wrong with `rules` as a user wrote them, one sentence each; nothing if they can be planned."""
    if not isinstance(rules, (list, tuple)):
        return ["rules must be a list of rules."]
    sentences, positions, accounts = [], {}, {}
    for position, raw in enumerate(rules):
        found = _problems_of(raw)
        if found:
            sentences += [f"rules[{position}] {sentence}" for sentence in found]
            continue
        rule = written(position, raw)
        first = positions.setdefault(rule, rule)
        if first is not rule:
            apart = "a group's identifier alone decides, its account does not tell rules apart" if rule.account != first.account else (
                "a description does not tell rules apart")
            sentences.append(f"{first.name} and {rule.name} are the same rule ({rule}): {apart}, so remove one.")
        if rule.account:
            other = accounts.setdefault(rule.source, rule)
            if other.account != rule.account:
                sentences.append(f"{other.name} and {rule.name} name {rule.source} in two accounts, {other.account} and {rule.account}: a group is in one.")
    return sentences


def group_id_problems(value: t.Any) -> list[str]:
    """Why `value` is not the identifier of the group whose rules are kept, as a sentence."""
    shape = _identifier_problem(value, GROUP_ID, "security group", "sg-0123456789abcdef0")
    return [f"group_id is {shape}"] if shape else []


def host_bit_warnings(rules: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """One sentence for each CIDR block that AWS will store as another than the one written."""
    warnings = []
    for position, raw in enumerate(rules):
        rule = written(position, raw)
        if rule.source_kind.startswith("cidr") and ipaddress.ip_interface(raw[rule.source_kind]).ip != ipaddress.ip_network(rule.source).network_address:
            warnings.append(f"{rule.name}: {raw[rule.source_kind]} lets in all of {rule.source}, which is what AWS stores.")
    return warnings


def _problems_of(rule: t.Any) -> list[str]:
    if not isinstance(rule, dict):
        return [f"is {rule!r}, not a mapping of ip_protocol, from_port, to_port and a source."]
    rule = {key: value for key, value in rule.items() if value is not None}
    sentences = [f"has the unknown key {key}: a rule consists of {', '.join(sorted(KEYS))}." for key in sorted(set(rule) - KEYS, key=str)]
    sentences += _protocol_problems(rule)
    given = [kind for kind in SOURCES if kind in rule]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has no source"
        sentences.append(f"{found}: give exactly one of {', '.join(SOURCES)}" + ("; each source is a rule of its own." if given else "."))
    sentences += [f"has the {kind} {problem}" for kind in given for problem in [_source_problem(kind, rule[kind])] if problem]
    description = rule.get("description", "")
    if not isinstance(description, str):
        sentences.append(f"has a description that is no text ({description!r}): write it in quotes.")
    elif len(description) > 255:
        sentences.append(f"has a description of {len(description)} characters: AWS takes text of up to 255.")
    elif not DESCRIPTION.fullmatch(description):
        refused = "".join(sorted({character for character in description if not DESCRIPTION.fullmatch(character)}))
        sentences.append(f"has a description with {refused!r}: AWS takes letters A to Z, digits, spaces and ._-:/()#,@[]+=&;{{}}!$* only.")
    return sentences


def _protocol_problems(rule: t.Mapping[str, t.Any]) -> list[str]:
    if "ip_protocol" not in rule:
        return ["has no ip_protocol: name tcp, udp, icmp, icmpv6, a protocol number, or -1 for all traffic."]
    protocol = protocol_of(rule["ip_protocol"])
    if protocol not in (*PROTOCOL_NAMES.values(), "-1") and not (NUMBER.fullmatch(protocol) and 0 <= int(protocol) < 256):
        return [f"has the ip_protocol {str(rule['ip_protocol'])!r}: name tcp, udp, icmp, icmpv6, a protocol number (0 to 255), or -1 for all traffic."]
    wrong = [key for key in ("from_port", "to_port") if port_of(rule.get(key, -1)) is None]
    if wrong:
        return [f"has the {key} {rule[key]!r}: it must be a whole number, in decimal digits." for key in wrong]
    ports = {key: port_of(rule.get(key, -1)) for key in ("from_port", "to_port")}
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


# By what AWS shows


def refusals(desired: Desired, observed: Observed) -> list[str]:
    """Why nothing must be changed, one sentence each with the way out."""
    unknown = unreadable(observed) if desired.revokes else []
    way_out = ["So it is not known whether it is to be revoked: see to that rule by other means, or use neither purge nor purge_ports nor state=absent."]
    return contradictions(desired, observed) + unknown + (way_out if unknown else [])


def unreadable(observed: Observed) -> list[str]:
    """One sentence for each rule of which AWS's answer does not say enough to tell which one it is."""
    sentences = []
    for rule in observed.described:
        missing = lacking(rule)
        if missing and not rule.get("IsEgress"):
            sentences.append(f"The rule {rule.get('SecurityGroupRuleId', 'without an identifier')} cannot be told apart: {missing}.")
    return sentences


def contradictions(desired: Desired, observed: Observed) -> list[str]:
    """One sentence for each rule whose source group is, as AWS says, in another account than the one written."""
    known: dict[t.Any, str] = {}
    for rule in observed.described:
        group = rule.get("ReferencedGroupInfo") or {}
        known.setdefault(group.get("GroupId"), group.get("UserId"))
        if rule.get("GroupOwnerId"):
            known[desired.group_id] = rule["GroupOwnerId"]
    return [
        f"{rule.name} names {rule.written_source}, but AWS says that {rule.source} is in account {known[rule.source]}: "
        f"write {known[rule.source]}/{rule.source}, or {rule.source} alone."
        for rule in desired.rules
        if rule.account and known.get(rule.source) and known[rule.source] != rule.account
    ]


def peering_warnings(desired: Desired, observed: Observed) -> list[str]:
    """One sentence for each rule that is there, but lets nobody in because its peering connection is not active."""
    listed_rules = {} if desired.absent else {rule: rule for rule in desired.rules}
    warnings = []
    for rule in observed.described:
        group = rule.get("ReferencedGroupInfo") or {}
        status = group.get("PeeringStatus")
        listed_rule = listed_rules.get(answered(rule)) if status and not rule.get("IsEgress") else None
        if listed_rule and status != "active":
            peering = group.get("VpcPeeringConnectionId") or "of its source group"
            warnings.append(f"{listed_rule.named} is there, but lets nobody in: the peering connection {peering} is {status}.")
    return warnings
