# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS's description of the network says of the way that a look took: reach's answer, as situations. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.facts import record
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.judges import Case, Finding, State, dns_outside, dns_stale, endpoint, port
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.situations import Situation as S

try:
    from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.reach import Network, reach
except ImportError:
    reach = None  # then nothing decides about the path

EPHEMERAL = (32768, 60999)
# A situation of each layer that may drop packets, and the words of what is missing that leave it open.
LAYERS = ((S.INGRESS_MISSING, r"group|rule|interface"), (S.ACL_DENIES, r"acl|interface|subnet"), (S.ROUTE_MISSING, r"route|subnet|peering|vpc|interface"))
# The situation that a code of reach is, on the way there and back; the rest is PATH_BLOCKED.
CODES = {
    "SUBNET_ACL_RESTRICTION": (S.ACL_DENIES, S.ACL_DENIES_ANSWERS),
    "NO_ROUTE_TO_DESTINATION": (S.ROUTE_MISSING, S.RETURN_ROUTE_MISSING),
    "CANNOT_ROUTE": (S.ROUTE_MISSING, S.RETURN_ROUTE_MISSING),
    "DISCONNECTED_VPCS": (S.ROUTE_MISSING, S.RETURN_ROUTE_MISSING),
    "BAD_STATE_ROUTE": (S.BLACKHOLE, S.BLACKHOLE),
    "BAD_STATE_ATTACHMENT": (S.PEERING, S.PEERING),
    "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR": (S.PEERING, S.PEERING),
}


class Path(t.NamedTuple):
    findings: t.Sequence[Finding]
    hops: t.Sequence[t.Mapping[str, str]] = ()


def judged(case: Case) -> Path:
    """Every block of both directions. A block is proven only where the address and the port that were asked are the service's own."""
    source, addresses = str(case.look.result.get("from_address") or ""), case.look.addresses
    if reach is None or case.facts.estate.get("network") is None or not source or not addresses:
        return Path(_open_layers("interface"))
    asked = case.look.place[1]
    right = asked if asked in case.service.ports or not case.service.ports else sorted(case.service.ports)[0]
    found = reach(Network.of(case.facts.estate["network"]), source, addresses[0], "tcp", right, tuple(case.look.local_ports or EPHEMERAL))
    # The port may be another one: then the way is told for the right one.
    sure = all(judge(case).state is State.EXCLUDED for judge in (endpoint, dns_outside, dns_stale)) and port(case).state is not State.OPEN
    hops = [{"hop": hop.hop, "verdict": hop.verdict} for hop in found.hops]
    findings = [_finding(case, block, right, sure) for block in found.blocks]
    if found.verdict == "reachable":
        findings += [Finding(situation, State.EXCLUDED, says) for situation, says in _let_through(found, right)]
    elif found.unknown or not findings:
        findings += _open_layers(" ".join(map(str, found.unknown)) or "interface", {finding.situation for finding in findings})
    return Path(findings, hops)


def _open_layers(missing: str, named: t.Collection[S] = ()) -> list[Finding]:
    left = [situation for situation, pattern in LAYERS if re.search(pattern, missing, re.IGNORECASE)] or [situation for situation, _pattern in LAYERS]
    return [Finding(situation, State.OPEN) for situation in left if situation not in named]


def _finding(case: Case, block: t.Any, right: int, sure: bool) -> Finding:
    code, back = str(getattr(block.code, "value", block.code)), block.direction == "return"
    if code in ("ENI_SG_RULES_MISMATCH", "SG_HAS_NO_RULES", "UNKNOWN_PEERED_SGS"):
        situation = S.EGRESS_CLOSED if is_egress(block) else S.INGRESS_MISSING
    else:
        situation = CODES.get(code, (S.PATH_BLOCKED, S.PATH_BLOCKED))[back]
    evidence = [case.facts.evidence(block.source, block.evidence, case.look.at)] if block.evidence else [
        record(block.source, case.facts.at(block.source, case.look.at), str(block.says))
    ]
    words = {"title": str(block.says), "component": str(block.component), "port": right, "remedy": block.remedy}
    return Finding(situation, State.PROVEN if sure else State.OPEN, str(block.says), evidence, words)


def is_egress(block: t.Any) -> bool:
    return bool(getattr(block, "egress", False)) or "egress" in str(block.says) or " out " in f" {block.says} "


def _let_through(found: t.Any, right: int) -> list[tuple[S, str]]:
    said = [f"{hop.hop}: {hop.says}" for hop in found.hops if hop.says][:3]
    return [(situation, says) for situation, says in zip((S.INGRESS_MISSING, S.ACL_DENIES, S.ROUTE_MISSING), said)] or [
        (S.INGRESS_MISSING, f"security groups let tcp {right} in"), (S.ACL_DENIES, f"network ACLs let tcp {right} in and the answers out"),
        (S.ROUTE_MISSING, "routes lead there and back"),
    ]
