# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules look at: each look finds something at an object, or says in words what could not be judged. Pure."""

from __future__ import annotations

import datetime
import ipaddress
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import Rule as Ingress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.alarms import deployment_alarms
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.known import Item, Known
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.ends import end_of

HIGH, MEDIUM, LOW = "high", "medium", "low"
SEVERITIES = (HIGH, MEDIUM, LOW)
NEAR = datetime.timedelta(days=180)  # an end that is nearer is told
PUBLIC_PORTS = (80, 443)
LOOKS_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PRIVATE|CREDENTIAL|(^|_)KEY$|API_?KEY|DATABASE_URL|REDIS_URL|DSN$", re.IGNORECASE)


class Found(t.NamedTuple):
    """What a rule found at one object."""

    object: str  # "KIND NAME"
    found: str
    key: str = ""  # tells several at one object apart
    aws_id: str = ""
    values: t.Mapping[str, t.Any] = {}  # for the rule's texts, beside {name} and {region}
    severity: str = ""  # where it is not the rule's


def cache_when(found: str, holds: t.Callable[[Known], bool]) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        if holds(known):
            yield Found(known.cache_object, found)
    return look


def lets_everybody_in(known: Known) -> bool:
    return not known.cache.get("auth_token_enabled") and not known.cache.get("user_group_ids")


def in_transit(known: Known) -> t.Iterator[Found]:
    mode = known.cache.get("transit_encryption_mode")
    if mode != "required":
        yield Found(known.cache_object, "plain text is served beside TLS" if mode == "preferred" else "TLS is off")


def users_without_password(known: Known) -> t.Iterator[Found]:
    groups = set(known.cache.get("user_group_ids") or [])
    for user in known.items("cache.users"):
        open_to_all = (user.get("authentication") or {}).get("type") in ("no-password", "no-password-required")
        if groups & set(user.get("user_group_ids") or []) and open_to_all and str(user.get("access_string") or "").split()[:1] == ["on"]:
            yield Found(f"user {user.get('user_id')}", "it needs no password")


def group_when(found: str, holds: t.Callable[[Item], bool]) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        alone = known.cache.get("kind") == "cache_cluster"
        for one in known.items("cache.clusters" if alone else "cache.replication_groups"):
            if one.get("cache_cluster_id" if alone else "replication_group_id") == known.cache.get("id") and holds(one):
                yield Found(known.cache_object, found)
    return look


def cache_end(known: Known) -> t.Iterator[Found]:
    version = str(known.cache.get("engine_version") or "")
    end = end_of(str(known.cache.get("engine") or ""), version)
    if end:
        yield from _ending(known, known.cache_object, f"Redis {version}: AWS's standard support", end.standard)


def _ending(known: Known, name: str, subject: str, end: datetime.date) -> t.Iterator[Found]:
    if end < known.today:
        yield Found(name, f"{subject} ended on {words.day(end.isoformat())}", severity=HIGH)
    elif end - known.today < NEAR:
        yield Found(name, f"{subject} ends on {words.day(end.isoformat())}")


def _public_subnets(known: Known, name: str, subnets: t.Sequence[str]) -> Found:
    own = known.association_of(subnets[0])
    moves = f"replace-route-table-association --association-id {own}" if own else f"associate-route-table --subnet-id {subnets[0]}"
    return Found(name, f"{words.joined(subnets)} {'has' if len(subnets) == 1 else 'have'} a route to the internet", values={"moves": moves})


def in_public_subnets(known: Known) -> t.Iterator[Found]:
    subnets = [subnet for subnet in known.cache.get("subnet_ids") or [] if known.has_way_to_internet(subnet)]
    if subnets:
        yield _public_subnets(known, known.cache_object, subnets)


def instances_when(found: str, holds: t.Callable[[Item], bool], alone: bool = False) -> t.Callable[[Known], t.Iterator[Found]]:
    """alone: what a cluster decides for its instances is not theirs to have."""
    def look(known: Known) -> t.Iterator[Found]:
        for one in known.items("database.instances"):
            if not (alone and one.get("db_cluster_identifier")) and holds(one):
                yield Found(f"database {one.get('db_instance_identifier')}", found)
    return look


def backups(known: Known) -> t.Iterator[Found]:
    for one in known.items("database.instances"):
        days = one.get("backup_retention_period")
        if days is not None and days < 7 and not one.get("db_cluster_identifier"):
            yield Found(
                f"database {one.get('db_instance_identifier')}", f"backups are kept for {words.plural(days, 'day')}" if days else "there are no backups",
                severity=LOW if days else "")


def plain_connections(known: Known) -> t.Iterator[t.Union[Found, str]]:
    value = (known.member("database.parameters").get("rds.force_ssl") or {}).get("value")
    if value is None:
        yield "AWS shows no value of rds.force_ssl, so nothing is said of: PostgreSQL without TLS."
    elif str(value) == "0":
        for one in known.items("database.instances"):
            yield Found(f"database {one.get('db_instance_identifier')}", "rds.force_ssl is 0", values={
                "group": next((group.get("db_parameter_group_name") for group in one.get("db_parameter_groups") or []), "GROUP")})


def certificate(known: Known) -> t.Iterator[t.Union[Found, str]]:
    for one in known.items("database.instances"):
        till = (one.get("certificate_details") or {}).get("valid_till")
        if not till:
            yield f"AWS does not show when the certificate of database {one.get('db_instance_identifier')} ends."
        else:
            yield from _ending(known, f"database {one.get('db_instance_identifier')}", "its certificate", words.instant(str(till)).date())


def database_end(known: Known) -> t.Iterator[Found]:
    for one in known.items("database.instances"):
        version = str(one.get("engine_version") or "")
        for major in known.items("database.major_versions"):
            if major.get("engine") == one.get("engine") and version.partition(".")[0] == major.get("major_engine_version"):
                for life in major.get("supported_engine_lifecycles") or []:
                    if str(life.get("lifecycle_support_name")).endswith("standard-support") and life.get("lifecycle_support_end_date"):
                        end = words.instant(str(life["lifecycle_support_end_date"])).date()
                        yield from _ending(
                            known, f"database {one.get('db_instance_identifier')}", f"PostgreSQL {version}: AWS's standard support", end)


def database_subnets(known: Known) -> t.Iterator[Found]:
    for one in known.items("database.instances"):
        subnets = [each.get("subnet_identifier") for each in (one.get("db_subnet_group") or {}).get("subnets") or []]
        public = [subnet for subnet in subnets if known.has_way_to_internet(subnet)]
        if public and not one.get("publicly_accessible"):
            yield _public_subnets(known, f"database {one.get('db_instance_identifier')}", public)


def _at(known: Known, group: str, rule: Ingress, found: str, **values: t.Any) -> Found:
    return Found(
        f"security group {known.group_name(group)}", found, f"{rule.traffic} from {rule.source}", group,
        {"source": rule.source, "port": rule.to_port, "rule": rule.rule_id or "RULE", "group": group, **values})


def _rules(known: Known, what: str) -> t.Iterator[tuple[str, Ingress]]:
    """The rules that let somebody reach the port."""
    port = known.port_of(what)
    wanted = Ingress("tcp", port, port, "cidr_ipv4", "0.0.0.0/0") if port else None
    for group in known.groups_of(what):
        for rule in known.ingress(group):
            if wanted and rule.opens(wanted):
                yield group, rule


def _is_declared(known: Known, what: str, rule: Ingress) -> bool:
    return rule.source in known.declared_sources(what)


def open_to_world(known: Known, what: str) -> t.Iterator[t.Union[Found, str]]:
    for group, rule in _rules(known, what):
        if rule.source_kind == "prefix_list_id" and not known.networks_of(rule):
            yield f"What the prefix list {rule.source} holds is not known, so nothing is said of whom it lets into {known.group_name(group)}."
        elif known.is_open(rule):
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}")


def wide_source(known: Known, what: str) -> t.Iterator[Found]:
    for group, rule in _rules(known, what):
        several = [cidr for cidr in known.networks_of(rule) if ipaddress.ip_network(cidr, strict=False).num_addresses > 1]
        if several and not known.is_open(rule) and not _is_declared(known, what, rule):
            number = sum(ipaddress.ip_network(cidr, strict=False).num_addresses for cidr in several)
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, {number:,} addresses")


def wide_ports(known: Known, what: str) -> t.Iterator[Found]:
    for group, rule in _rules(known, what):
        if not known.is_open(rule) and (rule.ip_protocol == "-1" or rule.from_port != rule.to_port):
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, where one port would do", port=known.port_of(what))


def unused(known: Known, what: str) -> t.Iterator[Found]:
    interfaces = known.items("network.network_interfaces")
    groups = {group.get("group_id") for one in interfaces for group in one.get("groups") or []}
    addresses = {address.get("private_ip_address") for one in interfaces for address in one.get("private_ip_addresses") or []}
    addresses |= {(address.get("association") or {}).get("public_ip") for one in interfaces for address in one.get("private_ip_addresses") or []}
    addresses |= {one.get("public_ip_address") for one in known.items("hosts.instances")}
    for group, rule in _rules(known, what):
        if _is_declared(known, what, rule):
            continue
        if rule.source_kind == "referenced_group_id" and rule.source not in groups and not rule.account:
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, which no interface of this VPC has: unused by what is known")
        elif rule.source_kind.startswith("cidr"):
            network = ipaddress.ip_network(rule.source, strict=False)
            if network.num_addresses == 1 and str(network.network_address) not in addresses:
                yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, which nothing of this VPC has: unused by what is known")


def agents_open(declared: bool) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        for group, rule in _rules(known, "agents"):
            if known.is_open(rule) and rule.ip_protocol == "tcp" and rule.from_port == rule.to_port and _is_declared(known, "agents", rule) is declared:
                yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}")
    return look


def other_ports(known: Known) -> t.Iterator[Found]:
    port = known.port_of("agents")
    for group in known.groups_of("agents"):
        for rule in known.ingress(group):
            alone = rule.ip_protocol == "tcp" and rule.from_port == rule.to_port
            if known.is_open(rule) and not (alone and rule.to_port in (port, *PUBLIC_PORTS)):
                yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}")


def default_groups(known: Known) -> t.Iterator[Found]:
    for what in ("cache", "database", "agents"):
        for group in known.groups_of(what):
            if known.group_name(group) == "default":
                yield Found("security group default", f"the {what} {'are' if what == 'agents' else 'is'} in it", what, group, {"what": what})


def _name_of(host: Item) -> str:
    tags = host.get("tags") or {}
    if isinstance(tags, list):
        tags = {tag.get("Key"): tag.get("Value") for tag in tags}
    return str(tags.get("Name") or host.get("instance_id"))


def hosts_when(found: str, holds: t.Callable[[Known, Item], t.Any]) -> t.Callable[[Known], t.Iterator[t.Union[Found, str]]]:
    def look(known: Known) -> t.Iterator[t.Union[Found, str]]:
        shown = known.items("hosts.instances")
        if len(shown) < known.agents:
            yield f"EC2 shows {len(shown)} of the {words.plural(known.agents, 'host')} of agents, so nothing is said of the others."
        for one in shown:
            if (one.get("state") or {}).get("name") != "terminated" and holds(known, one):
                yield Found(f"host {_name_of(one)}", found.format(**one), aws_id=str(one.get("instance_id")), values={
                    "interface": next((each.get("network_interface_id") for each in one.get("network_interfaces") or []), "INTERFACE")})
    return look


def public_without_need(known: Known, host: Item) -> bool:
    """An app that calls agents directly needs it: whoever is let in is then not a group."""
    return bool(host.get("public_ip_address")) and all(source.startswith("sg-") for source in known.declared_sources("agents"))


def bucket_when(found: str, holds: t.Callable[[t.Any], bool], path: str) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        if holds(known.member(path)):
            yield Found(f"bucket {known.member('bucket.name')}", found)
    return look


def not_blocked(block: Item) -> bool:
    switches = ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets")
    return not all(block.get(switch) for switch in switches)


def silent_alarms(known: Known) -> t.Iterator[Found]:
    """A member of a composite alarm that tells somebody needs to tell nobody itself."""
    alarms = deployment_alarms(known.given, known.cache, instances=known.items("database.instances"), agents=known.agents)
    spoken_for = " ".join(str(one["alarm_rule"]) for one in alarms if one.get("alarm_rule") and one["alarm_actions"])
    silent = [one["alarm_name"] for one in alarms if not (one["alarm_actions"] and one.get("actions_enabled") is not False)
              and not re.search(rf"(?<![\w-]){re.escape(one['alarm_name'])}(?![\w-])", spoken_for)]
    if silent:
        named = words.joined(silent) if len(silent) < 4 else f"{silent[0]} and {words.plural(len(silent) - 1, 'other')}"
        yield Found(f"alarms {known.declared['huntaze_names']['prefix'] or 'alarms'}", f"{named} {'tells' if len(silent) == 1 else 'tell'} nobody")


def secrets_in_variables(known: Known) -> t.Iterator[Found]:
    app = known.declared["huntaze_app"]
    names = sorted({*app["secret_variables"], *(name for name in known.items("app.variable_names") if LOOKS_SECRET.search(str(name)))})
    if names:
        yield Found(f"app {app['app_id'] or app['app_name']}", f"its variables hold secrets: {words.joined(names)}")


def plain_text_agents(known: Known) -> t.Iterator[Found]:
    if not known.declared["huntaze_limiter"]["tls"]["certificate"]:
        yield Found("agents huntaze_limiter_agents", "they speak plain HTTP")
