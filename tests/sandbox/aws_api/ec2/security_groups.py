# SPDX-License-Identifier: GPL-3.0-or-later
"""Security-group rules as AWS keeps them: each call as a whole or not at all, identities without descriptions."""

from __future__ import annotations

import typing as t

from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidFilter,
    InvalidGroupIdMalformedError,
    InvalidNextToken,
    InvalidParameterCombination,
    InvalidPermissionNotFoundError,
    InvalidSecurityGroupNotFoundError,
    InvalidSecurityGroupRuleIdNotFoundError,
    MissingParameter,
    MissingParameterError,
    RulesPerSecurityGroupLimitExceededError,
)
from moto.ec2.utils import is_tag_filter, is_valid_security_group_id

from .rules import FAMILIES, SOURCES, SecurityGroupRule, check_description, described, identity, invalid, kind_of_source, size

Permission = dict[str, t.Any]
MOST_PER_PAGE = 1000
FEWEST_PER_PAGE = 5
REQUESTED = {"CidrIpv4": ("IpRanges", "CidrIp"), "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"), "PrefixListId": ("PrefixListIds", "PrefixListId"),
             "ReferencedGroupId": ("UserIdGroupPairs", "GroupId")}


def duplicate(rule: t.Any) -> EC2ClientError:
    return EC2ClientError("InvalidPermission.Duplicate", f'the specified rule "{described(rule)}" already exists')


class SecurityGroupBackend:
    # The quota of a direction and an address family.
    rules_per_security_group = 60

    def create_security_group(self, *args: t.Any, **options: t.Any) -> t.Any:
        """A group whose first rules are like all others; the default one of a VPC lets in itself."""
        group = super().create_security_group(*args, **options)
        group.egress_rules[:] = [
            SecurityGroupRule(self, group, {"IpProtocol": rule.ip_protocol}, "Ipv6Ranges" if rule.cidr_ipv6 else "IpRanges", rule.ip_range, True)
            for rule in group.egress_rules
        ]
        if group.is_default:
            group.ingress_rules.append(SecurityGroupRule(self, group, {"IpProtocol": "-1"}, "UserIdGroupPairs", {"GroupId": group.id}, False))
        return group

    def find_security_group(self, name_or_id: str | None, vpc_id: str | None = None) -> t.Any:
        if not name_or_id:
            raise MissingParameterError("groupName or groupId")
        if name_or_id.startswith("sg-") and not is_valid_security_group_id(name_or_id):
            raise InvalidGroupIdMalformedError(name_or_id)
        group = self.get_security_group_by_name_or_id(name_or_id, vpc_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(name_or_id)
        return group

    def _requested(
        self, group: t.Any, permissions: list[Permission], is_egress: bool, tags: dict[str, str] | None = None
    ) -> list[tuple[SecurityGroupRule, Permission]]:
        """The single rules that `permissions` ask for, each with the permission that asks for just it."""
        rules = []
        for permission in permissions:
            shared = {name: value for name, value in permission.items() if name not in SOURCES}
            for kind in SOURCES:
                for source in permission.get(kind) or []:
                    rule = SecurityGroupRule(self, group, permission, kind, source, is_egress, tags)
                    rules.append((rule, shared | {kind: [source]}))
        if not rules:
            raise MissingParameterError("ipPermissions")
        identities = [identity(rule) for rule, _ in rules]
        if len(set(identities)) < len(identities):
            raise invalid("The same permission must not appear multiple times")
        return rules

    @staticmethod
    def _rules(group: t.Any, is_egress: bool) -> list[t.Any]:
        return group.egress_rules if is_egress else group.ingress_rules

    def authorize_rules(
        self, name_or_id: str, permissions: list[Permission], is_egress: bool, tags: dict[str, str]
    ) -> list[SecurityGroupRule]:
        group = self.find_security_group(name_or_id)
        rules = [rule for rule, _ in self._requested(group, permissions, is_egress, tags)]
        existing = self._rules(group, is_egress)
        known = {identity(rule) for rule in existing}
        for rule in rules:
            if identity(rule) in known:
                raise duplicate(rule)
            if rule.source_group.get("PeeringStatus", "active") != "active":
                raise InvalidSecurityGroupNotFoundError(rule.source_group["GroupId"])
        for family in FAMILIES:
            if size(self, rules, family) and size(self, [*existing, *rules], family) > self.rules_per_security_group:
                raise RulesPerSecurityGroupLimitExceededError()
        existing.extend(rules)
        return rules

    def revoke_rules(
        self, name_or_id: str, permissions: list[Permission], rule_ids: list[str], is_egress: bool
    ) -> tuple[list[t.Any], list[Permission]]:
        """The rules revoked, and the permissions that no rule had: only a default VPC's group lets those pass."""
        group = self.find_security_group(name_or_id)
        existing = self._rules(group, is_egress)
        unknown: list[Permission] = []
        if rule_ids:
            if permissions:
                raise EC2ClientError("InvalidParameterCombination", "Rule IDs and rule properties cannot be specified together.")
            revoked = [self._rule(existing, rule_id) for rule_id in rule_ids]
        else:
            by_identity = {identity(rule): rule for rule in existing}
            wanted = [(identity(rule), permission) for rule, permission in self._requested(group, permissions, is_egress)]
            revoked = [by_identity[key] for key, _ in wanted if key in by_identity]
            unknown = [permission for key, permission in wanted if key not in by_identity]
            if unknown and not self.vpcs[group.vpc_id].is_default:
                raise InvalidPermissionNotFoundError()
        gone = {rule.id for rule in revoked}
        existing[:] = [rule for rule in existing if rule.id not in gone]
        return revoked, unknown

    @staticmethod
    def _rule(rules: list[t.Any], rule_id: str) -> t.Any:
        for rule in rules:
            if rule.id == rule_id:
                return rule
        raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)

    def update_rule_descriptions(
        self, name_or_id: str, permissions: list[Permission], descriptions: list[dict[str, str]], is_egress: bool
    ) -> None:
        group = self.find_security_group(name_or_id)
        existing = self._rules(group, is_egress)
        if descriptions:
            changes = [(self._rule(existing, each["SecurityGroupRuleId"]), each.get("Description")) for each in descriptions]
        else:
            by_identity = {identity(rule): rule for rule in existing}
            wanted = [rule for rule, _ in self._requested(group, permissions, is_egress)]
            if any(identity(rule) not in by_identity for rule in wanted):
                raise InvalidPermissionNotFoundError()
            changes = [(by_identity[identity(rule)], rule.description) for rule in wanted]
        for _, description in changes:
            check_description(description)
        for rule, description in changes:
            rule.describe(description)

    def modify_security_group_rules(self, group_id: str, rules: dict[str, dict[str, t.Any]]) -> None:
        group = self.find_security_group(group_id)
        changes = []
        for rule_id, request in rules.items():
            rule = self._rule([*group.ingress_rules, *group.egress_rules], rule_id)
            given = [name for name in REQUESTED if request.get(name)]
            if not given:
                raise MissingParameter("The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId")
            if len(given) > 1:
                raise InvalidParameterCombination("Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
            if given[0] != kind_of_source(rule):
                raise invalid(
                    f"Invalid rule type for security group rule '{rule_id}'. "
                    f"You may not specify {given[0]} for an existing {kind_of_source(rule)} rule."
                )
            kind, field = REQUESTED[given[0]]
            source = {field: request[given[0]], **({"Description": request["Description"]} if request.get("Description") else {})}
            changed = SecurityGroupRule(self, group, request, kind, source, rule.is_egress)
            others = [other for other in self._rules(group, rule.is_egress) if other is not rule]
            if identity(changed) in map(identity, others):
                raise duplicate(changed)
            changed.id = rule.id
            changes.append(changed)
        for changed in changes:
            existing = self._rules(group, changed.is_egress)
            existing[[rule.id for rule in existing].index(changed.id)] = changed

    def describe_rules(
        self, rule_ids: list[str], filters: dict[str, list[str]], page: int | None, token: str | None
    ) -> tuple[list[t.Any], str | None]:
        """One page of rules of both directions, and the token of the next."""
        for name in filters:
            if name not in ("group-id", "security-group-rule-id") and not is_tag_filter(name):
                raise InvalidFilter(name, error_type="InvalidParameterValue")
        if page is not None and not FEWEST_PER_PAGE <= page <= MOST_PER_PAGE:
            raise invalid(f"Value ( {page} ) for parameter maxResults is invalid. Expecting a value between {FEWEST_PER_PAGE} and {MOST_PER_PAGE}.")
        if token is not None and not token.isdecimal():
            raise InvalidNextToken(token)
        start, end = int(token or 0), int(token or 0) + (page or MOST_PER_PAGE)
        rules = self.describe_security_group_rules(rule_ids, filters)
        return rules[start:end], str(end) if end < len(rules) else None
