# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS's description of the network says of the way that a look took: reach's answer, as situations. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.network import text
from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.reach import Block, Code, Kept, Network, Reach, reach
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.facts import record
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.judges import Case, Finding, State, dns_outside, dns_stale, endpoint, port
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.situations import Situation as S

EPHEMERAL = (32768, 60999)
OF_A_GROUP = (Code.ENI_SG_RULES_MISMATCH, Code.SG_HAS_NO_RULES, Code.UNKNOWN_PEERED_SGS)
NEAREST = {"port": S.INGRESS_OTHER_PORT, "protocol": S.INGRESS_OTHER_PROTOCOL, "peer": S.INGRESS_OTHER_SOURCE}
# The situation that a block is, on the way there and back; of the rest a route leads elsewhere.
CODES = {
    Code.SUBNET_ACL_RESTRICTION: (S.ACL_DENIES, S.ACL_DENIES_ANSWERS),
    Code.NO_ROUTE_TO_DESTINATION: (S.ROUTE_MISSING, S.RETURN_ROUTE_MISSING),
    Code.DISCONNECTED_VPCS: (S.ROUTE_MISSING, S.RETURN_ROUTE_MISSING),
    Code.BAD_STATE_ROUTE: (S.BLACKHOLE, S.BLACKHOLE),
    Code.BAD_STATE_ATTACHMENT: (S.PEERING, S.PEERING),
    Code.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR: (S.PEERING, S.PEERING),
}


class Layer(t.NamedTuple):
    """A layer that may drop packets. words: of the hops that it decides; passes: what is ruled out where all of them let it through"""

    unread: S
    words: t.Sequence[str]
    passes: str


LAYERS = (
    Layer(S.GROUPS_UNREAD, ("egress rules", "security group"), "security groups let tcp {port} out and in"),
    Layer(S.ACLS_UNREAD, ("ACL",), "network ACLs let tcp {port} through, and the answers"),
    Layer(S.ROUTES_UNREAD, ("route", "subnet", "gateway"), "routes lead there and back"),
)


class Path(t.NamedTuple):
    findings: t.Sequence[Finding]
    hops: t.Sequence[t.Mapping[str, str]] = ()


def judged(case: Case) -> Path:
    """Every block of both directions. A block is proven only where the address and the port that were asked are the service's own."""
    source, addresses, asked = str(case.look.result.get("from_address") or ""), case.look.addresses, case.look.place[1]
    if not source or not addresses:
        return Path([Finding(layer.unread, State.OPEN) for layer in LAYERS])
    # Where another port was asked, the way is told for the right one.
    right = asked if asked in case.service.ports or not case.service.ports else sorted(case.service.ports)[0]
    network = Network.of(case.facts.estate.get("network"))
    found = reach(network, source, addresses[0], "tcp", right, tuple(case.look.local_ports or EPHEMERAL)[:2], kept(case))
    sure = all(judge(case).state is State.EXCLUDED for judge in (endpoint, dns_outside, dns_stale)) and port(case).state is not State.OPEN
    findings = [_finding(case, network, block, right, sure) for block in found.blocks]
    return Path([*findings, *_layers(found, right)], [{"hop": hop.hop, "verdict": _VERDICTS.get(hop.verdict, hop.verdict)} for hop in _shown(found)])


_VERDICTS = {"unknown": "not_verified"}


def _shown(found: Reach) -> list[t.Any]:
    """The way there, and of the way back only what does not let the answers through."""
    return [hop for hop in found.hops if not hop.hop.startswith("return") or hop.verdict != "ok"]


def _layers(found: Reach, right: int) -> t.Iterator[Finding]:
    """What was not read of a layer leaves it open; what lets all through is ruled out."""
    for layer in LAYERS:
        hops = [hop for hop in found.hops if any(word in hop.hop for word in layer.words)]
        missing = next((hop.says for hop in hops if hop.verdict == "unknown" and not any(block.says == hop.says for block in found.blocks)), None)
        if missing or (not hops and not found.blocks):
            yield Finding(layer.unread, State.OPEN, f"{missing}." if missing else "")
        elif hops and all(hop.verdict == "ok" for hop in hops):
            yield Finding(layer.unread, State.EXCLUDED, layer.passes.format(port=right))


def _finding(case: Case, network: Network, block: Block, right: int, sure: bool) -> Finding:
    back = block.direction == "return"
    if block.code in OF_A_GROUP:
        situation = S.EGRESS_CLOSED if block.side == "source" else NEAREST.get(block.near, S.INGRESS_MISSING)
    elif block.code is Code.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS:
        situation = S.OUTSIDE_OF_VPC if case.look.kind == "redis" else S.NOT_PUBLIC
    else:
        situation = CODES.get(block.code, (S.PATH_BLOCKED, S.PATH_BLOCKED))[back]
    source = case.facts.interface(str(case.look.result.get("from_address")))
    names = [group.get("group_name") or group.get("group_id") for group in (source or {}).get("groups") or []]
    words = {
        "component": block.component, "port": right, "origin": ", ".join(names) or case.look.vantage, "way": "back" if back else "there",
        "groups_named": f"security group {network.group_name(block.component).partition(' (')[0]}",
    }
    if situation not in (S.OUTSIDE_OF_VPC, S.NOT_PUBLIC):
        words["remedy"] = block.remedy
    at = case.facts.at(block.source, case.look.at)
    evidence = [record(block.source, at, text(item)) for item in (block.evidence, *block.beside) if item]
    return Finding(situation, State.PROVEN if sure and block.certain else State.OPEN, f"{block.says}.", evidence, words)


def kept(case: Case) -> list[Kept]:
    """The ingress rules that the collection keeps, so that the way out is one of its own runs."""
    declared = case.facts.declared
    limiter, database = declared.get("huntaze_limiter") or {}, declared.get("huntaze_database") or {}
    group, asked = str(limiter.get("security_group_id") or ""), case.look.place[1] or 0
    if not group:
        return []
    if case.look.kind == "redis":
        own = (declared.get("huntaze_cache") or {}).get("security_group_id")
        return [Kept(one, number, (group,)) for one in ([own] if own else case.service.groups or [])[:1] for number in case.service.ports]
    if case.look.kind == "postgresql":
        variable = "" if database.get("allow_limiter") else "huntaze_database: {allow_limiter: true}"
        return [Kept(one, number, (group,), variable) for one in (case.service.groups or [])[:1] for number in case.service.ports]
    if case.look.to.startswith("agent/"):
        return [Kept(group, asked, tuple(map(str, limiter.get("listen_from") or []))), Kept(group, asked, None, "huntaze_limiter: {listen_from: [{peer}]}")]
    return []
