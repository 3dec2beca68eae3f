# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each situation held against what is known. Pure.

Every judge answers PROVEN, EXCLUDED or OPEN. With fewer facts it answers the same, or OPEN: what nobody looked at decides nothing.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import TAG_KEY, date_of, read_tag
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import is_of
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.facts import (
    BUSY, UP, Facts, Look, Service, public_addresses, record, within,
)
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.situations import Situation as S
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words as report_words

# What AWS shows an endpoint and a status of.
SERVERS = ("redis", "postgresql")


class State(enum.Enum):
    PROVEN = "proven"
    EXCLUDED = "excluded"
    OPEN = "open"


class Finding(t.NamedTuple):
    """says: what AWS, or who else knows, says; of an excluded situation the line under `ruled out`, or nothing worth a line

    words: what the situation's words name beside those of every look
    """

    situation: S
    state: State
    says: str = ""
    evidence: t.Sequence[t.Mapping[str, str]] = ()
    words: t.Mapping[str, t.Any] = {}


class Case(t.NamedTuple):
    """All that a judge may look at."""

    look: Look
    facts: Facts
    service: Service

    def saw(self) -> dict[str, str]:
        """What the client was told, word for word."""
        if self.look.to == "log":
            return record("logs FilterLogEvents", self.look.at or self.facts.at("logs FilterLogEvents"), self.look.words)
        return record(f"{self.look.vantage}, the client's own look", self.look.at, self.look.words)

    def item(self, *keys: str) -> list[dict[str, str]]:
        """AWS's own item of the service, as far as it has these keys."""
        told = self.facts.evidence(self.service.source, self.service.raw or {}, self.look.at, *keys)
        return [told] if told["text"] else []

    def endpoints(self) -> list[dict[str, str]]:
        """AWS's endpoint of the service."""
        ends = (self.facts.cache or {}).get("endpoints") or {} if self.look.kind == "redis" else {}
        named = {"PrimaryEndpoint": ends.get("primary"), "ConfigurationEndpoint": ends.get("configuration")}
        listed = {name: end for name, end in named.items() if end}
        return [self.facts.evidence(self.service.source, listed, self.look.at, *listed)] if listed else self.item("Endpoint")


def _proven(case: Case, situation: S, says: str, *evidence: t.Mapping[str, str], **words: t.Any) -> Finding:
    return Finding(situation, State.PROVEN, says, evidence or (case.saw(),), words)


def _excluded(situation: S, says: str = "") -> Finding:
    return Finding(situation, State.EXCLUDED, says)


def _open(situation: S) -> Finding:
    return Finding(situation, State.OPEN)


# What decides about a situation, and the calls of AWS that tell it.
NEEDS = {
    S.GROUPS_UNREAD: ("security group rules", "DescribeSecurityGroupRules|DescribeNetworkInterfaces"),
    S.ACLS_UNREAD: ("network ACLs", "DescribeNetworkAcls|DescribeSubnets"),
    S.ROUTES_UNREAD: ("routes", "DescribeRouteTables|DescribeSubnets|DescribeVpc"),
    S.DNS_OUTSIDE: ("the networks of the VPC", "DescribeVpcs"),
    S.DNS_STALE: ("the interfaces of the VPC", "DescribeNetworkInterfaces|DescribeVpcs"),
    S.VPC_DNS_OFF: ("the DNS attributes of the VPC", "DescribeVpcAttribute|DescribeNetworkInterfaces"),
    S.RULE_TOO_WIDE: ("a rule for the address; one for a group or a prefix list may let it in", "DescribeSecurityGroupRules"),
    S.TLS_FORCED: ("rds.force_ssl", "DescribeDBParameters"),
    S.TOKEN_ROTATED: ("the note of the last deployment (huntaze:auth-token)", "ListTagsForResource"),
    S.TOKEN_WRONG: ("the note of the last deployment (huntaze:auth-token)", "ListTagsForResource"),
}
_OF_REDIS, _OF_POSTGRESQL = ("the cache", "elasticache Describe"), ("the database", "rds DescribeDB")


def unknown(case: Case, situation: S) -> str:
    """What AWS has not told of a situation that is open, and its own words where it has refused."""
    if situation not in NEEDS and case.look.kind not in SERVERS:
        return "Nothing of it: it is no service of AWS's that shows its state."
    what, calls = NEEDS.get(situation) or (_OF_REDIS if case.look.kind == "redis" else _OF_POSTGRESQL)
    refusals = [f"{row['source']}: {row['error']}" for row in case.facts.estate.get("read") or [] if row.get("error") and re.search(calls, row["source"])]
    return f"nothing known of {what}" + (f" ({refusals[0]})" if refusals else "")


# The endpoint

def service_gone(case: Case) -> list[Finding]:
    """Where nobody knows, the endpoint is open, which is one word less."""
    return [_proven(case, S.SERVICE_GONE, f"{case.service.object} is not in this account and region.")] if case.service.status == "gone" else []


def endpoint(case: Case) -> Finding:
    """Whether AWS still shows the host that was asked."""
    redis = case.look.kind == "redis"
    situation = S.ENDPOINT_GONE if redis else S.ENDPOINT_UNKNOWN
    service, host = case.service, case.look.place[0]
    if case.look.others or service.absent:  # a cache that is being made or deleted has none yet, or none any more: its status tells
        return _excluded(situation, *case.look.others[:1])
    if service.places is None:
        return _open(situation)
    if case.look.kind not in SERVERS:
        return _excluded(situation)  # AWS shows no endpoint of it
    if host in dict(service.places):
        exact = case.look.place in service.places
        return _excluded(situation, f"{host}:{case.look.place[1]} is an endpoint of {service.object}" if exact else f"{host} is a host of {service.object}")
    says = f"{service.object} has the endpoints {', '.join(dict(service.places))}; {host} is none of them."
    if redis or case.look.cause is Cause.NAME_RESOLUTION or _is_nobodys(host, case):
        return _proven(case, situation, says, *case.endpoints())
    return Finding(situation, State.OPEN, f"{says} It may be another name of one, or a proxy's.")


def _is_nobodys(host: str, case: Case) -> bool:
    """Whether an address stands in the place of the name, and nothing in the VPC of the service has it. It is no name that leads elsewhere."""
    interfaces, blocks = case.facts.network("network_interfaces"), case.facts.blocks(case.service.vpc) if case.service.vpc else None
    return bool(interfaces and blocks and within(host, blocks)) and not case.facts.interface(host, case.service.vpc)


def port(case: Case) -> Finding:
    service, asked = case.service, case.look.place[1]
    if case.look.others:
        return _excluded(S.WRONG_PORT)
    if not service.ports:
        return _excluded(S.WRONG_PORT) if service.absent else _open(S.WRONG_PORT)
    if asked in service.ports:
        return _excluded(S.WRONG_PORT)
    right = dict(service.places or ()).get(case.look.place[0]) or sorted(service.ports)[0]
    return _proven(case, S.WRONG_PORT, f"{service.object} has its endpoint on port {right}.", *case.endpoints(), right_port=right)


def available(case: Case) -> Finding:
    service = case.service
    if case.look.others or service.status == "gone":
        return _excluded(S.NOT_AVAILABLE, *case.look.others[:1])
    if service.status is None:
        return _open(S.NOT_AVAILABLE) if case.look.kind in SERVERS else _excluded(S.NOT_AVAILABLE)
    if service.status in BUSY:
        return Finding(S.NOT_AVAILABLE, State.OPEN, f"{service.object} is {service.status}, which by itself cuts nobody off.")
    if service.status in UP:
        return _excluded(S.NOT_AVAILABLE, f"{service.object} is {service.status}")
    keys = ("ReplicationGroupId", "CacheClusterId", "Status", "CacheClusterStatus", "DBInstanceIdentifier", "DBInstanceStatus")
    return _proven(case, S.NOT_AVAILABLE, f"{service.object} has the status {service.status}.", *case.item(*keys))


# Names

def dns_outside(case: Case) -> Finding:
    blocks = case.facts.blocks(case.service.vpc) if case.service.vpc else None
    if case.service.absent or case.service.elsewhere or endpoint(case).state is State.PROVEN:
        return _excluded(S.DNS_OUTSIDE)
    if case.look.kind not in SERVERS:
        return _excluded(S.DNS_OUTSIDE) if case.service.vpc else _open(S.DNS_OUTSIDE)
    if not case.look.addresses or blocks is None:
        return _open(S.DNS_OUTSIDE)
    outside = [address for address in case.look.addresses if not within(address, blocks)]
    if not outside:
        told = f"{case.look.addresses[0]} is in the VPC of {case.service.object}"
        return _excluded(S.DNS_OUTSIDE, "" if case.facts.network("network_interfaces") else told)  # dns_stale tells more
    if case.service.public is not False:
        # The public address of a public database is right from outside of its VPC; from inside, the VPC's resolver answers the private one.
        interfaces = case.facts.network("network_interfaces")
        source = str(case.look.result.get("from_address") or "")
        if case.service.public is None or interfaces is None or not source:
            return _open(S.DNS_OUTSIDE)
        known = {address for one in interfaces for address in public_addresses(one)}
        if not within(source, blocks):
            return _excluded(S.DNS_OUTSIDE, f"{outside[0]} is public, as {case.service.object} is") if set(outside) <= known else _open(S.DNS_OUTSIDE)
    vpcs = [one for one in case.facts.network("vpcs") or [] if one.get("vpc_id") == case.service.vpc]
    networks = case.facts.evidence("ec2 DescribeVpcs", vpcs[0], case.look.at, "VpcId", "CidrBlock", "CidrBlockAssociationSet")
    says = f"The VPC of {case.service.object} is {', '.join(map(str, blocks))}; {', '.join(outside)} is outside of it."
    return _proven(case, S.DNS_OUTSIDE, says, networks, address=outside[0])


def dns_stale(case: Case) -> Finding:
    """Whether the address belongs to the service. ElastiCache's and RDS's interfaces do not name what they belong to for certain, an instance's does."""
    interfaces, blocks = case.facts.network("network_interfaces"), case.facts.blocks(case.service.vpc) if case.service.vpc else None
    if case.service.absent or case.service.elsewhere or endpoint(case).state is State.PROVEN:
        return _excluded(S.DNS_STALE)
    if case.look.kind not in SERVERS:  # an agent's host, or a load balancer before it
        return _excluded(S.DNS_STALE) if case.service.vpc else _open(S.DNS_STALE)
    if not case.look.addresses or interfaces is None or blocks is None:
        return _open(S.DNS_STALE)
    address = case.look.addresses[0]
    if not within(address, blocks):
        return _excluded(S.DNS_STALE)  # dns_outside tells it
    found = case.facts.interface(address, case.service.vpc)
    if not found:
        same = [one for one in interfaces if one.get("vpc_id") == case.service.vpc]
        evidence = record("ec2 DescribeNetworkInterfaces", case.facts.at("ec2 DescribeNetworkInterfaces", case.look.at),
                          f"no item has PrivateIpAddress {address} in {case.service.vpc}; {len(same)} items do not")
        if not same:
            return _open(S.DNS_STALE)
        return _proven(case, S.DNS_STALE, f"No interface in {case.service.vpc} has the address {address}.", evidence, address=address)
    described = str(found.get("description") or "")
    mine = {"redis": "ElastiCache", "postgresql": "RDSNetworkInterface"}.get(case.look.kind, "")
    groups = {group.get("group_id") for group in found.get("groups") or []}
    instance = (found.get("attachment") or {}).get("instance_id")
    if (mine and described.startswith(mine)) or (case.service.groups and groups >= set(case.service.groups)):
        return _excluded(S.DNS_STALE, f"{address} is the address of {described or instance or found.get('network_interface_id')}")
    if not instance:
        return _open(S.DNS_STALE)
    evidence = case.facts.evidence("ec2 DescribeNetworkInterfaces", found, case.look.at, "NetworkInterfaceId", "PrivateIpAddress", "Description", "Attachment")
    return _proven(case, S.DNS_STALE, f"{address} is an address of the instance {instance}.", evidence, address=address)


def vpc_dns(case: Case) -> Finding:
    source = case.facts.interface(str(case.look.result.get("from_address") or ""))
    vpc = next((one for one in case.facts.network("vpcs") or [] if source and one.get("vpc_id") == source.get("vpc_id")), None)
    on = vpc.get("enable_dns_support") if vpc else None
    on = on.get("value") if isinstance(on, t.Mapping) else on
    if on is None:
        return _open(S.VPC_DNS_OFF)
    if on:
        return _excluded(S.VPC_DNS_OFF, f"DNS support is on in {vpc['vpc_id']}")
    evidence = case.facts.evidence("ec2 DescribeVpcAttribute", vpc, case.look.at, "VpcId", "EnableDnsSupport", "EnableDnsHostnames")
    return _proven(case, S.VPC_DNS_OFF, f"enableDnsSupport of {vpc['vpc_id']} is false.", evidence, from_vpc=vpc["vpc_id"])


# Where the client stands

def _is_public(case: Case) -> t.Optional[bool]:
    """Whether the service has a public address; a cache never has one."""
    return False if case.look.kind == "redis" else case.service.public


def amplify(case: Case) -> Finding:
    public = _is_public(case)
    if case.look.vantage != "app":
        return _excluded(S.CALLER_IS_AMPLIFY)
    if public is None:
        return _open(S.CALLER_IS_AMPLIFY)
    if public:
        return _excluded(S.CALLER_IS_AMPLIFY, f"{case.service.object} is publicly accessible")
    says = "A cache has private addresses only." if case.look.kind == "redis" else f"{case.service.object} is not publicly accessible."
    return _proven(case, S.CALLER_IS_AMPLIFY, says, *case.item("DBInstanceIdentifier", "PubliclyAccessible"), case.saw())


# TLS

def plain_to_tls(case: Case) -> Finding:
    mode = (case.facts.cache or {}).get("transit_encryption_mode")
    if case.look.cause is Cause.TLS_REQUIRED:
        evidence = case.item("TransitEncryptionEnabled", "TransitEncryptionMode") if mode else []
        return _proven(case, S.PLAIN_TO_TLS, f"Transit encryption is {mode or 'not known'}.", case.saw(), *evidence)
    if case.look.tls or (case.facts.cache and not mode):
        return _excluded(S.PLAIN_TO_TLS)
    if case.look.tls is None or mode != "required":
        return _open(S.PLAIN_TO_TLS)
    return _proven(case, S.PLAIN_TO_TLS, "Transit encryption is required.", *case.item("TransitEncryptionEnabled", "TransitEncryptionMode"), case.saw())


def tls_to_plain(case: Case) -> Finding:
    cache = case.facts.cache
    enabled = cache.get("transit_encryption_enabled") if cache and cache.get("exists") else None
    if case.look.cause is Cause.TLS_NOT_OFFERED:
        evidence = case.item("TransitEncryptionEnabled") if enabled is False else []
        said = {None: "not known", True: "on", False: "off"}[enabled]
        return _proven(case, S.TLS_TO_PLAIN, f"Transit encryption is {said}.", case.saw(), *evidence)
    if case.look.tls is False or enabled:
        return _excluded(S.TLS_TO_PLAIN, f"{case.service.object} speaks TLS" if enabled else "")
    if case.look.tls is None or enabled is None:
        return _open(S.TLS_TO_PLAIN)
    return _proven(case, S.TLS_TO_PLAIN, "Transit encryption is off.", *case.item("TransitEncryptionEnabled"), case.saw())


def something_else(case: Case) -> Finding:
    """A server's own words speak for the service only where the endpoint is AWS's."""
    if case.service.places and case.look.place in case.service.places:
        return _excluded(S.SOMETHING_ELSE, f"{case.look.place[0]}:{case.look.place[1]} is an endpoint of {case.service.object}")
    told = "" if case.service.places is None else f"{case.look.place[0]}:{case.look.place[1]} is no endpoint that AWS shows of {case.service.object}."
    return Finding(S.SOMETHING_ELSE, State.OPEN, told)


def tls_forced(case: Case) -> Finding:
    parameter = (case.facts.part("database", "parameters") or {}).get("rds.force_ssl")
    value = None if parameter is None else str(parameter.get("value"))
    if _says(case, "RDS Proxy|PgBouncer|SSL required"):
        return _excluded(S.TLS_FORCED)
    if value == "0":
        return _excluded(S.TLS_FORCED, "rds.force_ssl is 0")
    if value is None or case.look.tls or case.look.cause not in (Cause.TLS_REQUIRED, Cause.NOT_ALLOWED) or not _says(case, "no encryption"):
        return _excluded(S.TLS_FORCED) if case.look.tls else _open(S.TLS_FORCED)
    evidence = record("rds DescribeDBParameters", case.facts.at("rds DescribeDBParameters", case.look.at),
                      f'"ParameterName": "rds.force_ssl", "ParameterValue": "{value}"')
    return _proven(case, S.TLS_FORCED, f"rds.force_ssl is {value}.", case.saw(), evidence)


def proxy_tls(case: Case) -> Finding:
    proxy = case.facts.proxy(case.look)
    if not _says(case, "RDS Proxy requires TLS|SSL required"):
        return _excluded(S.PROXY_TLS)
    evidence = [case.facts.evidence("rds DescribeDBProxies", proxy, case.look.at, "DBProxyName", "RequireTLS", "Endpoint")] if proxy else []
    says = f"RDS Proxy {proxy.get('db_proxy_name')} stands before the database." if proxy else "A proxy says so itself."
    return _proven(case, S.PROXY_TLS, says, case.saw(), *evidence)


def proxy_authentication(case: Case) -> Finding:
    if not _says(case, "supports only IAM|RDS [Pp]roxy has no credentials"):
        return _excluded(S.PROXY_AUTH)
    return _proven(case, S.PROXY_AUTH, "RDS Proxy stands before the database, and says so itself.", case.saw(), *case.item("DBProxyName", "Auth"))


# Certificates: OpenSSL's words tell them apart.

EXPIRED, NOT_YET, NAME = "certificate has expired", "not yet valid", "[Hh]ostname mismatch|IP address mismatch|not valid for|does not match"


def _is_rds(case: Case) -> bool:
    return case.look.kind == "postgresql"


def certificate_expired(case: Case) -> Finding:
    if not _says(case, EXPIRED):
        return _excluded(S.CERT_EXPIRED)
    ends = ((case.service.raw or {}).get("certificate_details") or {}).get("valid_till") if _is_rds(case) else None
    if not _is_rds(case):
        return _proven(case, S.CERT_EXPIRED, "Nothing of the certificate's end; the certificate itself tells it.")
    if not ends or not case.look.at:
        return _open(S.CERT_EXPIRED)
    if _instant(ends) > _instant(case.look.at):
        return _excluded(S.CERT_EXPIRED, f"the certificate of {case.service.object} is valid until {_day(ends)}")
    evidence = case.item("CertificateDetails", "CACertificateIdentifier")
    return _proven(case, S.CERT_EXPIRED, f"The certificate was valid until {_day(ends)}.", case.saw(), *evidence)


def clock(case: Case) -> Finding:
    if not _says(case, f"{EXPIRED}|{NOT_YET}"):
        return _excluded(S.CLOCK)
    ends = ((case.service.raw or {}).get("certificate_details") or {}).get("valid_till") if _is_rds(case) else None
    if _says(case, NOT_YET) or not ends or not case.look.at:
        return _open(S.CLOCK) if _is_rds(case) or _says(case, NOT_YET) else _excluded(S.CLOCK)
    # Both are told: the client's clock stands in the time of its look.
    return _open(S.CLOCK) if _instant(ends) > _instant(case.look.at) else _excluded(S.CLOCK)


def certificate_name(case: Case) -> Finding:
    if not _says(case, NAME):
        return _excluded(S.CERT_NAME)
    if case.service.places is None:
        return _open(S.CERT_NAME)
    shown = ", ".join(dict(case.service.places)) or "none"
    return _proven(case, S.CERT_NAME, f"{case.service.object} has the endpoint {shown}; certificates are for endpoints.", case.saw(), *case.item("Endpoint"))


def _of_a_ca(case: Case) -> bool:
    return not _says(case, f"{EXPIRED}|{NOT_YET}|{NAME}")


def certificate_ca_old(case: Case) -> Finding:
    if not _of_a_ca(case) or not _is_rds(case):
        return _excluded(S.CERT_CA_OLD)
    identifier = (case.service.raw or {}).get("ca_certificate_identifier")
    if not identifier:
        return _open(S.CERT_CA_OLD)
    if not re.fullmatch(r"rds-ca-20\d\d", identifier):
        return _excluded(S.CERT_CA_OLD, f"{case.service.object} has a certificate of {identifier}")
    evidence = case.item("DBInstanceIdentifier", "CACertificateIdentifier", "CertificateDetails")
    return _proven(case, S.CERT_CA_OLD, f"The certificate of {case.service.object} is of {identifier}.", *evidence, case.saw(), ca_id=identifier)


def certificate_ca(case: Case) -> Finding:
    if not _of_a_ca(case):
        return _excluded(S.CERT_CA)
    old = certificate_ca_old(case)
    if old.state is not State.EXCLUDED:
        return _open(S.CERT_CA) if old.state is State.OPEN else _excluded(S.CERT_CA)
    identifier = (case.service.raw or {}).get("ca_certificate_identifier") if _is_rds(case) else None
    says = f"The certificate of {case.service.object} is of {identifier}." if identifier else "Nothing of the CA."
    return _proven(case, S.CERT_CA, says, case.saw(), *case.item("DBInstanceIdentifier", "CACertificateIdentifier"), ca=f", {identifier}" if identifier else "")


# Credentials

NO_PASSWORD_SET = "no password is set|without any password configured"


def credentials_wanted(case: Case) -> Finding:
    return _proven(case, S.AUTH_WANTED, "Credentials are asked for." if case.service.raw else "Nothing; the server says it itself.", case.saw(),
                   *case.item("AuthTokenEnabled", "UserGroupIds", "MasterUsername"))


def auth_off(case: Case) -> Finding:
    if case.look.cause is Cause.WRONGPASS and not _says(case, NO_PASSWORD_SET):
        return _excluded(S.AUTH_OFF)
    enabled = (case.facts.cache or {}).get("auth_token_enabled") if (case.facts.cache or {}).get("exists") else None
    if enabled is None:
        return _open(S.AUTH_OFF)
    if enabled:
        return _excluded(S.AUTH_OFF, f"AUTH is on at {case.service.object}")
    return _proven(case, S.AUTH_OFF, "AuthTokenEnabled is false.", *case.item("AuthTokenEnabled"), case.saw())


def auth_optional(case: Case) -> Finding:
    """A token that was added to a cache without one: it works, and no token works too, until it is made the only one."""
    enabled = (case.facts.cache or {}).get("auth_token_enabled") if (case.facts.cache or {}).get("exists") else None
    if enabled is None:
        return _open(S.AUTH_OPTIONAL)
    if not enabled:
        return _excluded(S.AUTH_OPTIONAL)
    says = "AuthTokenEnabled is true, and a client without a token was let in: the token was added, and not yet made the only way in."
    return _proven(case, S.AUTH_OPTIONAL, says, *case.item("AuthTokenEnabled", "AuthTokenLastModifiedDate", "PendingModifiedValues"), case.saw())


def users_decide(case: Case) -> Finding:
    cache = case.facts.cache if (case.facts.cache or {}).get("exists") else None
    if _says(case, NO_PASSWORD_SET) or (cache and not cache.get("user_group_ids")):
        return _excluded(S.USERS_DECIDE)
    if not cache:
        return _open(S.USERS_DECIDE)
    users = ", ".join(cache["user_group_ids"])
    evidence = case.item("UserGroupIds", "AuthTokenEnabled")
    return _proven(case, S.USERS_DECIDE, f"The user group {users} decides who gets in.", *evidence, case.saw(), users=users)


def token(case: Case) -> list[Finding]:
    """What the note of the last deployment and AWS's date tell of the token that was refused."""
    cache = case.facts.cache if (case.facts.cache or {}).get("exists") else None
    if _says(case, NO_PASSWORD_SET) or (cache and not cache.get("auth_token_enabled")):
        return [_excluded(S.TOKEN_ROTATED), _excluded(S.TOKEN_WRONG)]
    tags, declared = case.facts.part("cache", "tags"), str((case.facts.declared.get("huntaze_cache") or {}).get("auth_token") or "")
    tag = read_tag((tags or {}).get(TAG_KEY))
    if not cache or not tag or not declared:
        return [_open(S.TOKEN_ROTATED), _open(S.TOKEN_WRONG)]
    ours, now = is_of(tag.fingerprint, declared), date_of(cache)
    evidence = case.item("AuthTokenEnabled", "AuthTokenLastModifiedDate")
    told_at = case.facts.at("elasticache ListTagsForResource", case.look.at)
    note = record("elasticache ListTagsForResource", told_at, f"{TAG_KEY}: v2/{tag.phase}/.../{tag.date}")
    if tag.date != now:
        says = f"The token was last changed {_day(now)}; the last deployment had noted {_day(tag.date)}."
        return [_proven(case, S.TOKEN_ROTATED, says, *evidence, note, case.saw(), since=f", {_day(now)}"), _excluded(S.TOKEN_WRONG)]
    unchanged = _excluded(S.TOKEN_ROTATED, f"the token was not changed since the last deployment, {_day(now)}")
    if ours:
        return [unchanged, _excluded(S.TOKEN_WRONG, "huntaze_cache.auth_token is the token that the last deployment noted")]
    says = f"The last deployment noted another token, and nobody changed it since, {_day(now)}."
    return [unchanged, _proven(case, S.TOKEN_WRONG, says, note, *evidence, case.saw())]


def permission(case: Case) -> Finding:
    users = [user for user in case.facts.part("cache", "users") or [] if user.get("access_string")] if case.look.kind == "redis" else []
    evidence = [case.facts.evidence("elasticache DescribeUsers", user, case.look.at, "UserName", "AccessString", "Status") for user in users[:2]]
    return _proven(case, S.PERMISSION, "Users have an access string each." if users else "Nothing; the server says it itself.", case.saw(), *evidence)


def database_password(case: Case) -> Finding:
    if proxy_authentication(case).state is State.PROVEN:
        return _excluded(S.DATABASE_PASSWORD)
    return _proven(case, S.DATABASE_PASSWORD, "Nothing of passwords; the server says it itself.", case.saw(), *case.item("MasterUsername"))


def password_managed(case: Case) -> Finding:
    raw = case.service.raw
    if not raw:
        return _open(S.PASSWORD_MANAGED)
    secret = (raw.get("master_user_secret") or {}).get("secret_arn")
    if not secret or raw.get("master_username") != (case.facts.declared.get("huntaze_database") or {}).get("user"):
        return _excluded(S.PASSWORD_MANAGED, f"no secret of Secrets Manager changes the password of {case.service.object}" if not secret else "")
    says = f"Secrets Manager keeps the password of {raw['master_username']}."
    return _proven(case, S.PASSWORD_MANAGED, says, *case.item("MasterUserSecret"), case.saw(), secret=secret)


def no_database(case: Case) -> Finding:
    return _proven(case, S.NO_DATABASE, "Nothing of databases but the first." if case.service.raw else "Nothing; the server says it itself.", case.saw(),
                   *(case.item("DBInstanceIdentifier", "DBName") if (case.service.raw or {}).get("db_name") else []))


def own_rules(case: Case) -> Finding:
    if proxy_tls(case).state is State.PROVEN:
        return _excluded(S.HBA)
    forced = tls_forced(case)
    if forced.state is not State.EXCLUDED:
        return _open(S.HBA) if forced.state is State.OPEN else _excluded(S.HBA)
    return _proven(case, S.HBA, "Nothing of such rules; the server says it itself.", case.saw())


# Room: the words tell.

ROOM = {
    S.MAX_CLIENTS: "max number of clients", S.ROLE_LIMIT: "too many connections for role",
    S.TOO_MANY_CONNECTIONS: "too many clients|connection slots|too many connections(?! for role)",
    S.POOL_FULL: "max_client_conn|no more connections allowed|query_wait_timeout|client_login_timeout|[Tt]imed[- ]out waiting to acquire",
}


def room(case: Case) -> list[Finding]:
    found = []
    for situation, pattern in ROOM.items():
        if not _says(case, pattern):
            continue
        largest = (case.facts.part("database", "parameters") or {}).get("max_connections") if situation is S.TOO_MANY_CONNECTIONS else None
        evidence = [record("rds DescribeDBParameters", case.facts.at("rds DescribeDBParameters", case.look.at),
                           f'"ParameterName": "max_connections", "ParameterValue": "{largest.get("value")}"')] if largest else []
        limit = f"; max_connections is {largest['value']}" if largest else ""
        found.append(_proven(case, situation, f"max_connections is {largest['value']}." if largest else "Nothing of connections; the server says it itself.",
                             case.saw(), *evidence, limit=limit))
    return found or [_proven(case, S.LOADING, f"{case.service.object} is {case.service.status or 'in a state that is not known'}.", case.saw())]


# What must not work, and does

def plain_text_taken(case: Case) -> Finding:
    cache = case.facts.cache if (case.facts.cache or {}).get("exists") else None
    if not cache:
        return _open(S.PLAIN_TEXT_TAKEN)
    mode = cache.get("transit_encryption_mode")
    if mode == "required":
        return _excluded(S.PLAIN_TEXT_TAKEN, f"transit encryption of {case.service.object} is required")
    evidence = case.item("TransitEncryptionEnabled", "TransitEncryptionMode")
    return _proven(case, S.PLAIN_TEXT_TAKEN, f"Transit encryption is {mode or 'off'}.", *evidence, case.saw(), mode=mode or "off")


def rule_too_wide(case: Case) -> Finding:
    rules, groups, source = case.facts.network("security_group_rules"), case.service.groups, str(case.look.result.get("from_address") or "")
    if rules is None or groups is None or not source:
        return _open(S.RULE_TOO_WIDE)
    for rule in rules:
        block = rule.get("cidr_ipv4") or rule.get("cidr_ipv6")
        ports = rule.get("from_port", -1), rule.get("to_port", -1)
        if (rule.get("group_id") in groups and not rule.get("is_egress") and rule.get("ip_protocol") in ("tcp", "6", "-1") and block
                and (rule["ip_protocol"] == "-1" or ports[0] <= (case.look.place[1] or 0) <= ports[1]) and within(source, [ipaddress.ip_network(block)])):
            keys = ("SecurityGroupRuleId", "GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6")
            evidence = case.facts.evidence("ec2 DescribeSecurityGroupRules", rule, case.look.at, *keys)
            named = next((one.get("group_name") for one in case.facts.network("security_groups") or [] if one.get("group_id") == rule["group_id"]), None)
            group = f"security group {named or rule['group_id']}"
            return _proven(case, S.RULE_TOO_WIDE, f"{group} has a rule for {block}.", evidence, case.saw(), rule_group=group, source=block)
    return _open(S.RULE_TOO_WIDE)  # by a group or a prefix list


def _says(case: Case, pattern: str) -> bool:
    return bool(re.search(pattern, case.look.words))


def _day(text: t.Any) -> str:
    """A moment that AWS tells, for people; its own word where it is none."""
    try:
        return report_words.moment(str(text))
    except ValueError:
        return str(text)


def _instant(text: t.Any) -> datetime.datetime:
    return report_words.instant(str(text))


def other(case: Case) -> Finding:
    """The words of the server are all that there is."""
    proxy = proxy_authentication(case)
    return proxy if proxy.state is State.PROVEN else Finding(S.OTHER, State.OPEN, evidence=(case.saw(),))


# Which situations may stand behind what a client met. `suspects` are told where everything else is excluded: nobody can exclude them from outside.

class Row(t.NamedTuple):
    judges: t.Sequence[t.Callable[[Case], t.Any]]
    suspects: t.Sequence[S] = ()
    path: bool = False


_END = (service_gone, endpoint, port, available)
_NAME = (dns_outside, dns_stale, amplify)
_CERTIFICATE = Row((certificate_expired, clock, certificate_name, certificate_ca, certificate_ca_old), (S.CLOCK,))
_BOTH = {
    Cause.NAME_RESOLUTION: Row((service_gone, endpoint, available, vpc_dns, amplify), (S.RESOLVER,)),
    Cause.TIMEOUT: Row((*_END, *_NAME), (S.HOST_FIREWALL, S.DNS_STALE), path=True),
    Cause.NO_ROUTE: Row((*_END, *_NAME), (S.HOST_ROUTE,)),
    Cause.REFUSED: Row((*_END, *_NAME), (S.NOT_LISTENING,)),
    Cause.RESET: Row((*_END, *_NAME), (S.OVERLOADED, S.SOMETHING_ELSE)),
    Cause.NO_ANSWER: Row((*_END, *_NAME), (S.OVERLOADED, S.SOMETHING_ELSE)),
    Cause.PROTOCOL: Row((*_END, *_NAME), (S.SOMETHING_ELSE,)),
    Cause.TLS: Row(_END, (S.TLS_DISAGREES,)),
    Cause.CERTIFICATE: _CERTIFICATE,
}
_SERVERS = {
    Cause.NOAUTH: Row((credentials_wanted, something_else)),
    Cause.NOPERM: Row((permission, something_else)),
    Cause.BUSY: Row((room, something_else)),
}
_REDIS = {
    **_SERVERS,
    Cause.RESET: Row((*_END, *_NAME, plain_to_tls), (S.MAX_CLIENTS, S.SOMETHING_ELSE)),
    Cause.NO_ANSWER: Row((*_END, *_NAME, plain_to_tls, tls_to_plain), (S.OVERLOADED, S.SOMETHING_ELSE)),
    Cause.TLS_REQUIRED: Row((plain_to_tls, something_else)),
    Cause.TLS_NOT_OFFERED: Row((tls_to_plain, endpoint, port)),
    Cause.WRONGPASS: Row((token, auth_off, users_decide), (S.SOMETHING_ELSE,)),
}
_POSTGRESQL = {
    **_SERVERS,
    Cause.TLS_REQUIRED: Row((tls_forced, proxy_tls, something_else), (S.HBA,)),
    Cause.NOT_ALLOWED: Row((tls_forced, proxy_tls, own_rules, something_else)),
    Cause.TLS_NOT_OFFERED: Row((endpoint, port), (S.NO_TLS_SERVER,)),
    Cause.WRONGPASS: Row((database_password, password_managed, proxy_authentication, something_else)),
    Cause.NO_DATABASE: Row((no_database, something_else)),
    Cause.REJECTED: Row((other, something_else)),
}


# What only a server says that takes plain text.
_SPOKEN = (Cause.NOAUTH, Cause.WRONGPASS, Cause.NOPERM, Cause.BUSY, Cause.REJECTED)


def row(look: Look) -> t.Optional[Row]:
    """None where nothing is to be explained, or the words of the server are all that there is."""
    result = look.result
    if not look.inside:
        return Row((rule_too_wide,)) if look.kind == "redis" and (result.get("reachable") or result.get("port_open")) else None
    if look.tls is False and look.to.startswith("redis/") and (result.get("reachable") or look.cause in _SPOKEN):
        return Row((plain_text_taken,))
    if result.get("reachable"):
        return Row((auth_off, auth_optional)) if look.kind == "redis" and result.get("authentication_enforced") is False else None
    return {**_BOTH, **(_REDIS if look.kind == "redis" else _POSTGRESQL if look.kind == "postgresql" else {})}.get(look.cause, Row((other,)))
