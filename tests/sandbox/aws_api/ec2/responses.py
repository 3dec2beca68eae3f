# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations on security-group rules."""

from __future__ import annotations

import copy
import typing as t

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response as MotoEC2Response


def shown(rules: list[t.Any]) -> list[t.Any]:
    """Rules as all operations on rules show them: every port is -1, where describing a group says nothing of ports."""
    rules = [copy.copy(rule) for rule in rules]
    for rule in rules:
        if rule.from_port is None:
            rule.from_port = rule.to_port = -1
    return rules


class EC2Response(MotoEC2Response):
    def authorize_security_group_ingress(self) -> ActionResult:
        return self._authorize(is_egress=False)

    def authorize_security_group_egress(self) -> ActionResult:
        return self._authorize(is_egress=True)

    def revoke_security_group_ingress(self) -> ActionResult:
        return self._revoke(is_egress=False)

    def revoke_security_group_egress(self) -> ActionResult:
        return self._revoke(is_egress=True)

    def update_security_group_rule_descriptions_ingress(self) -> ActionResult:
        return self._update_descriptions(is_egress=False)

    def update_security_group_rule_descriptions_egress(self) -> ActionResult:
        return self._update_descriptions(is_egress=True)

    def describe_security_group_rules(self) -> ActionResult:
        self.error_on_dryrun()
        rules, token = self.ec2_backend.describe_rules(
            self._get_param("SecurityGroupRuleIds", []),
            self._filters_from_querystring(),
            self._get_int_param("MaxResults"),
            self._get_param("NextToken"),
        )
        return ActionResult({"SecurityGroupRules": rules, "NextToken": token})

    def _authorize(self, is_egress: bool) -> ActionResult:
        self.error_on_dryrun()
        tags = self._parse_tag_specification("security-group-rule").get("security-group-rule", {})
        rules = self.ec2_backend.authorize_rules(self._group(), self._permissions(), is_egress, tags)
        return ActionResult({"Return": True, "SecurityGroupRules": [rule.as_authorized() for rule in shown(rules)]})

    def _revoke(self, is_egress: bool) -> ActionResult:
        self.error_on_dryrun()
        revoked, unknown = self.ec2_backend.revoke_rules(
            self._group(), self._permissions(), self._get_param("SecurityGroupRuleIds", []), is_egress
        )
        return ActionResult({"Return": True, "RevokedSecurityGroupRules": shown(revoked), "UnknownIpPermissions": unknown})

    def _update_descriptions(self, is_egress: bool) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.update_rule_descriptions(
            self._group(), self._permissions(), self._get_param("SecurityGroupRuleDescriptions", []), is_egress
        )
        return ActionResult({"Return": True})

    def _group(self) -> str | None:
        return self._get_param("GroupId") or self._get_param("GroupName")

    def _permissions(self) -> list[dict[str, t.Any]]:
        """The permissions asked for; those of the older parameters, one rule a call, in the same form."""
        permissions = self._get_param("IpPermissions", [])
        single = {name: self._get_param(name) for name in ("IpProtocol", "FromPort", "ToPort")}
        if self._get_param("CidrIp"):
            permissions = [*permissions, single | {"IpRanges": [{"CidrIp": self._get_param("CidrIp")}]}]
        if self._get_param("SourceSecurityGroupName"):
            permissions = [*permissions, single | {"UserIdGroupPairs": [{"GroupName": self._get_param("SourceSecurityGroupName")}]}]
        return permissions
