# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could be safer, from what AWS says of the estate and what is declared: rules in a table. Pure.

A rule tells what it found, what that means, the way out, and what the way out breaks. What nobody could look at is neither found nor fine: it is told as such.
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._ec2.rule import Rule as Ingress
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.alarms import deployment_alarms
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import filled
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.ends import end_of
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.objects import object_of

Item = t.Mapping[str, t.Any]
HIGH, MEDIUM, LOW = "high", "medium", "low"
SEVERITIES = (HIGH, MEDIUM, LOW)
NEAR = datetime.timedelta(days=180)  # an end that is nearer is told
PUBLIC_PORTS = (80, 443)
LOOKS_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PRIVATE|CREDENTIAL|(^|_)KEY$|API_?KEY|DATABASE_URL|REDIS_URL|DSN$", re.IGNORECASE)
# What a rule may need, as a reader calls it, and the calls that look at it.
SUBJECTS = {
    "cache.replication_groups": ("the cache's replication group", "DescribeReplicationGroups"),
    "cache.users": ("the cache's users", "DescribeUsers"),
    "database.instances": ("the database", "DescribeDBInstances"),
    "database.parameters": ("the database's parameters", "DescribeDBParameters"),
    "database.major_versions": ("the ends of PostgreSQL's versions", "DescribeDBMajorEngineVersions"),
    "network.route_tables": ("the routes", "DescribeRouteTables"),
    "network.security_groups": ("the security groups", "DescribeSecurityGroups"),
    "network.security_group_rules": ("the security groups' rules", "DescribeSecurityGroupRules"),
    "network.network_interfaces": ("the network interfaces", "DescribeNetworkInterfaces"),
    "hosts.instances": ("the agents' hosts", "DescribeInstances"),
    "bucket.public_access_block": ("the bucket's public access block", "GetPublicAccessBlock"),
    "bucket.policy_status": ("the bucket's policy", "GetBucketPolicyStatus"),
    "bucket.tls_only": ("the bucket's policy", "GetBucketPolicy"),
    "bucket.encryption": ("the bucket's encryption", "GetBucketEncryption"),
}


class Found(t.NamedTuple):
    """What a rule found at one object."""

    object: str  # "KIND NAME"
    found: str
    key: str = ""  # tells several at one object apart
    aws_id: str = ""
    values: t.Mapping[str, t.Any] = {}  # for the rule's texts, beside {name} and {region}
    severity: str = ""  # where it is not the rule's


class Rule(t.NamedTuple):
    id: str
    severity: str
    title: str  # what it looks for, in the tables for people
    source: str
    needs: tuple[str, ...]
    looks: t.Callable[[Known], t.Iterable[t.Union[Found, str]]]  # a text tells what could not be judged
    means: str
    remedy: tuple[str, str]  # command or variable, and its text
    breaks: str
    about: str = ""  # the mapping of the inventory without which there is nothing to look at


class Known:
    """What is known of the estate."""

    def __init__(self, estate: t.Optional[Item], cache: t.Optional[Item], declared: Item, agents: int, today: datetime.date) -> None:
        self.estate, self.cache, self.today, self.agents = estate or {}, cache or {}, today, agents
        self.given, self.declared = declared, filled(declared)

    def member(self, path: str) -> t.Any:
        """A member of the estate; None where nobody could look, or was to look."""
        place: t.Any = self.estate
        for part in path.split("."):
            place = place.get(part) if isinstance(place, dict) else None
        return place

    def items(self, path: str) -> list[Item]:
        return self.member(path) or []

    @property
    def has_cache(self) -> bool:
        return bool(self.cache.get("exists"))

    @property
    def cache_object(self) -> str:
        return f"{str(self.cache.get('kind') or 'cache').replace('_', ' ')} {self.cache.get('id')}"

    def groups_of(self, what: str) -> list[str]:
        """The security groups of the cache, the database or the agents."""
        if what == "cache":
            return list(self.cache.get("security_group_ids") or [])
        if what == "agents":
            return [group for group in [self.declared["huntaze_limiter"]["security_group_id"]] if group]
        return list(dict.fromkeys(
            group["vpc_security_group_id"] for one in self.items("database.instances") for group in one.get("vpc_security_groups") or []))

    def port_of(self, what: str) -> t.Optional[int]:
        if what == "cache":
            return self.cache.get("port")
        if what == "agents":
            return int(self.declared["huntaze_limiter"]["port"])
        return next((one["endpoint"]["port"] for one in self.items("database.instances") if (one.get("endpoint") or {}).get("port")), None)

    def declared_sources(self, what: str) -> list[str]:
        limiter = self.declared["huntaze_limiter"]
        if what == "agents":
            return [str(source) for source in limiter["listen_from"]]
        lets_in = what == "cache" or self.declared["huntaze_database"]["allow_limiter"]
        return [limiter["security_group_id"]] if lets_in and limiter["security_group_id"] else []

    def group_name(self, group_id: str) -> str:
        return next((one.get("group_name") or group_id for one in self.items("network.security_groups") if one.get("group_id") == group_id), group_id)

    def ingress(self, group_id: str) -> list[Ingress]:
        found = []
        for one in self.items("network.security_group_rules"):
            if one.get("group_id") != group_id or one.get("is_egress"):
                continue
            kind = next((kind for kind in ("cidr_ipv4", "cidr_ipv6", "prefix_list_id") if one.get(kind)), "referenced_group_id")
            source = one.get(kind) or (one.get("referenced_group_info") or {}).get("group_id") or "an unknown source"
            found.append(Ingress(
                str(one.get("ip_protocol")), one.get("from_port", -1), one.get("to_port", -1), kind, str(source), rule_id=one.get("security_group_rule_id")))
        return found

    def networks_of(self, rule: Ingress) -> list[str]:
        """The networks that a rule lets in: its own, or those of its prefix list."""
        if rule.source_kind == "prefix_list_id":
            return [cidr for one in self.items("network.prefix_lists") if one.get("prefix_list_id") == rule.source for cidr in one.get("cidrs") or []]
        return [rule.source] if rule.source_kind.startswith("cidr") else []

    def is_open(self, rule: Ingress) -> bool:
        """Whether it lets in the world, or a good part of it."""
        return any(ipaddress.ip_network(cidr, strict=False).prefixlen < 8 for cidr in self.networks_of(rule))

    def has_way_to_internet(self, subnet_id: str) -> bool:
        tables = self.items("network.route_tables")
        own = [one for one in tables if any(a.get("subnet_id") == subnet_id for a in one.get("associations") or [])]
        vpc = next((one.get("vpc_id") for one in self.items("network.subnets") if one.get("subnet_id") == subnet_id), None)
        main = [one for one in tables if vpc and one.get("vpc_id") == vpc and any(a.get("main") for a in one.get("associations") or [])]
        routes = [route for one in (own or main)[:1] for route in one.get("routes") or []]
        return any(
            str(route.get("gateway_id") or "").startswith("igw-") and route.get("state", "active") == "active"
            and (route.get("destination_cidr_block") == "0.0.0.0/0" or route.get("destination_ipv6_cidr_block") == "::/0") for route in routes)


def security_findings(
    estate: t.Optional[Item], cache: t.Optional[Item], declared: Item, agents: int = 0, now: t.Optional[str] = None,
) -> dict[str, t.Any]:
    """`findings`, the gravest first, and `unseen`, a sentence for each thing that nobody could look at.

    estate, cache: what estate_info and elasticache_info tell; declared: the deployment's mappings; agents: how many hosts the inventory deploys to
    """
    today = (words.instant(now) if now else datetime.datetime.now(datetime.timezone.utc)).date()
    known = Known(estate, cache, declared, agents, today)
    findings: list[dict[str, t.Any]] = []
    unseen: list[str] = []
    blind: dict[str, list[str]] = {}
    for rule in RULES:
        if not _applies(rule, known):
            continue
        missing = [path for path in rule.needs if known.member(path) is None]
        if missing:
            blind.setdefault(missing[0], []).append(rule.title)
            continue
        looked = list(rule.looks(known))
        findings += [_finding(rule, one, known) for one in looked if isinstance(one, Found)]
        unseen += [words.clean(one) for one in looked if isinstance(one, str)]
    findings.sort(key=lambda one: SEVERITIES.index(one["severity"]))
    return {"findings": findings, "unseen": _unseen(blind, known) + list(dict.fromkeys(unseen))}


def _applies(rule: Rule, known: Known) -> bool:
    if rule.about == "huntaze_cache":
        return known.has_cache
    if rule.about == "hosts":
        return known.agents > 0
    if rule.about == "bucket":
        named = any("S3_BUCKET" in name for name in known.declared["huntaze_app"]["variables"])
        return known.member("bucket.exists") or (named and known.member("bucket.exists") is None)
    return not rule.about or bool(known.given.get(rule.about))


def _finding(rule: Rule, one: Found, known: Known) -> dict[str, t.Any]:
    found = object_of(words.clean(one.object))
    values = {"name": found["name"], "region": known.declared["huntaze_aws"]["region"] or "REGION", "aws_id": one.aws_id, **one.values}
    kind, text = rule.remedy
    return {
        "id": "/".join([rule.id, *(words.slug(part) for part in found["name"].split("/")), *([words.slug(one.key)] if one.key else [])]),
        "severity": one.severity or rule.severity,
        "object": {**found, **({"aws_id": words.clean(one.aws_id)} if one.aws_id else {})},
        "found": words.clean(one.found),
        "means": words.clean(rule.means.format(**values)),
        "remedy": {"kind": kind, "text": words.clean(text.format(**values))},
        "breaks": words.clean(rule.breaks.format(**values)),
    }


def _unseen(blind: t.Mapping[str, t.Sequence[str]], known: Known) -> list[str]:
    """A sentence for each reason why nobody looked at something."""
    subjects: dict[str, list[str]] = {}
    titles: dict[str, list[str]] = {}
    for path, named in blind.items():
        subject, call = SUBJECTS[path]
        refused = next((one for one in known.estate.get("read") or [] if one.get("error") and str(one.get("source")).endswith(f" {call}")), None)
        why = f": {words.headline(refused['error'])}" if refused else ""
        subjects.setdefault(why, []).append(subject)
        titles.setdefault(why, []).extend(named)
    return [
        f"Nobody looked at {words.joined(list(dict.fromkeys(named)))}{why}. So nothing is said of: {', '.join(titles[why])}."
        for why, named in subjects.items()]


# What the rules look at

def _cache_when(found: str, holds: t.Callable[[Known], bool]) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        if holds(known):
            yield Found(known.cache_object, found)
    return look


def _in_transit(known: Known) -> t.Iterator[Found]:
    mode = known.cache.get("transit_encryption_mode")
    if mode != "required":
        yield Found(known.cache_object, "plain text is served beside TLS" if mode == "preferred" else "TLS is off")


def _users_without_password(known: Known) -> t.Iterator[Found]:
    groups = set(known.cache.get("user_group_ids") or [])
    for user in known.items("cache.users"):
        open_to_all = (user.get("authentication") or {}).get("type") in ("no-password", "no-password-required")
        if groups & set(user.get("user_group_ids") or []) and open_to_all and str(user.get("access_string") or "").split()[:1] == ["on"]:
            yield Found(f"user {user.get('user_id')}", "it needs no password")


def _group_when(found: str, holds: t.Callable[[Item], bool]) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        alone = known.cache.get("kind") == "cache_cluster"
        for one in known.items("cache.clusters" if alone else "cache.replication_groups"):
            if one.get("cache_cluster_id" if alone else "replication_group_id") == known.cache.get("id") and holds(one):
                yield Found(known.cache_object, found)
    return look


def _cache_end(known: Known) -> t.Iterator[Found]:
    version = str(known.cache.get("engine_version") or "")
    end = end_of(str(known.cache.get("engine") or ""), version)
    if end:
        yield from _ending(known, known.cache_object, f"Redis {version}: AWS's standard support", end.standard)


def _ending(known: Known, name: str, subject: str, end: datetime.date) -> t.Iterator[Found]:
    if end < known.today:
        yield Found(name, f"{subject} ended on {words.day(end.isoformat())}", severity=HIGH)
    elif end - known.today < NEAR:
        yield Found(name, f"{subject} ends on {words.day(end.isoformat())}")


def _in_public_subnets(known: Known) -> t.Iterator[Found]:
    subnets = [subnet for subnet in known.cache.get("subnet_ids") or [] if known.has_way_to_internet(subnet)]
    if subnets:
        yield Found(known.cache_object, f"{words.joined(subnets)} {'has' if len(subnets) == 1 else 'have'} a route to the internet")


def _instances(found: str, holds: t.Callable[[Item], bool], alone: bool = False) -> t.Callable[[Known], t.Iterator[Found]]:
    """alone: what a cluster decides for its instances is not theirs to have."""
    def look(known: Known) -> t.Iterator[Found]:
        for one in known.items("database.instances"):
            if not (alone and one.get("db_cluster_identifier")) and holds(one):
                yield Found(f"database {one.get('db_instance_identifier')}", found)
    return look


def _backups(known: Known) -> t.Iterator[Found]:
    for one in known.items("database.instances"):
        days = one.get("backup_retention_period")
        if days is not None and days < 7 and not one.get("db_cluster_identifier"):
            yield Found(
                f"database {one.get('db_instance_identifier')}", f"backups are kept for {words.plural(days, 'day')}" if days else "there are no backups",
                severity=LOW if days else "")


def _plain_connections(known: Known) -> t.Iterator[t.Union[Found, str]]:
    value = (known.member("database.parameters").get("rds.force_ssl") or {}).get("value")
    if value is None:
        yield "AWS shows no value of rds.force_ssl, so nothing is said of: PostgreSQL without TLS."
    elif str(value) == "0":
        for one in known.items("database.instances"):
            yield Found(f"database {one.get('db_instance_identifier')}", "rds.force_ssl is 0", values={
                "group": next((group.get("db_parameter_group_name") for group in one.get("db_parameter_groups") or []), "GROUP")})


def _certificate(known: Known) -> t.Iterator[t.Union[Found, str]]:
    for one in known.items("database.instances"):
        till = (one.get("certificate_details") or {}).get("valid_till")
        if not till:
            yield f"AWS does not show when the certificate of database {one.get('db_instance_identifier')} ends."
        else:
            yield from _ending(known, f"database {one.get('db_instance_identifier')}", "its certificate", words.instant(str(till)).date())


def _database_end(known: Known) -> t.Iterator[Found]:
    for one in known.items("database.instances"):
        version = str(one.get("engine_version") or "")
        for major in known.items("database.major_versions"):
            if major.get("engine") == one.get("engine") and version.partition(".")[0] == major.get("major_engine_version"):
                for life in major.get("supported_engine_lifecycles") or []:
                    if str(life.get("lifecycle_support_name")).endswith("standard-support") and life.get("lifecycle_support_end_date"):
                        end = words.instant(str(life["lifecycle_support_end_date"])).date()
                        yield from _ending(
                            known, f"database {one.get('db_instance_identifier')}", f"PostgreSQL {version}: AWS's standard support", end)


def _database_subnets(known: Known) -> t.Iterator[Found]:
    for one in known.items("database.instances"):
        subnets = [each.get("subnet_identifier") for each in (one.get("db_subnet_group") or {}).get("subnets") or []]
        public = [subnet for subnet in subnets if known.has_way_to_internet(subnet)]
        if public and not one.get("publicly_accessible"):
            yield Found(
                f"database {one.get('db_instance_identifier')}", f"{words.joined(public)} {'has' if len(public) == 1 else 'have'} a route to the internet")


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


def _open_to_world(known: Known, what: str) -> t.Iterator[t.Union[Found, str]]:
    for group, rule in _rules(known, what):
        if rule.source_kind == "prefix_list_id" and not known.networks_of(rule):
            yield f"What the prefix list {rule.source} holds is not known, so nothing is said of whom it lets into {known.group_name(group)}."
        elif known.is_open(rule):
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}")


def _wide_source(known: Known, what: str) -> t.Iterator[Found]:
    for group, rule in _rules(known, what):
        several = [cidr for cidr in known.networks_of(rule) if ipaddress.ip_network(cidr, strict=False).num_addresses > 1]
        if several and not known.is_open(rule) and not _is_declared(known, what, rule):
            number = sum(ipaddress.ip_network(cidr, strict=False).num_addresses for cidr in several)
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, {number:,} addresses")


def _wide_ports(known: Known, what: str) -> t.Iterator[Found]:
    for group, rule in _rules(known, what):
        if not known.is_open(rule) and (rule.ip_protocol == "-1" or rule.from_port != rule.to_port):
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, where one port would do", port=known.port_of(what))


def _unused(known: Known, what: str) -> t.Iterator[Found]:
    interfaces = known.items("network.network_interfaces")
    groups = {group.get("group_id") for one in interfaces for group in one.get("groups") or []}
    addresses = {address.get("private_ip_address") for one in interfaces for address in one.get("private_ip_addresses") or []}
    addresses |= {(address.get("association") or {}).get("public_ip") for one in interfaces for address in one.get("private_ip_addresses") or []}
    addresses |= {one.get("public_ip_address") for one in known.items("hosts.instances")}
    for group, rule in _rules(known, what):
        if _is_declared(known, what, rule):
            continue
        if rule.source_kind == "referenced_group_id" and rule.source not in groups:
            yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, which no interface of this VPC has: unused by what is known")
        elif rule.source_kind.startswith("cidr"):
            network = ipaddress.ip_network(rule.source, strict=False)
            if network.num_addresses == 1 and str(network.network_address) not in addresses:
                yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}, which nothing of this VPC has: unused by what is known")


def _agents_open(declared: bool) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        for group, rule in _rules(known, "agents"):
            if known.is_open(rule) and rule.ip_protocol == "tcp" and rule.from_port == rule.to_port and _is_declared(known, "agents", rule) is declared:
                yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}")
    return look


def _other_ports(known: Known) -> t.Iterator[Found]:
    port = known.port_of("agents")
    for group in known.groups_of("agents"):
        for rule in known.ingress(group):
            alone = rule.ip_protocol == "tcp" and rule.from_port == rule.to_port
            if known.is_open(rule) and not (alone and rule.to_port in (port, *PUBLIC_PORTS)):
                yield _at(known, group, rule, f"{rule.traffic} is open to {rule.source}")


def _default_groups(known: Known) -> t.Iterator[Found]:
    for what in ("cache", "database", "agents"):
        for group in known.groups_of(what):
            if known.group_name(group) == "default":
                yield Found("security group default", f"the {what} {'are' if what == 'agents' else 'is'} in it", what, group, {"what": what})


def _name_of(host: Item) -> str:
    tags = host.get("tags") or {}
    if isinstance(tags, list):
        tags = {tag.get("key"): tag.get("value") for tag in tags}
    return str(tags.get("Name") or tags.get("name") or host.get("instance_id"))


def _hosts(found: str, holds: t.Callable[[Known, Item], t.Any]) -> t.Callable[[Known], t.Iterator[t.Union[Found, str]]]:
    def look(known: Known) -> t.Iterator[t.Union[Found, str]]:
        shown = known.items("hosts.instances")
        if len(shown) < known.agents:
            yield f"EC2 shows {len(shown)} of the {words.plural(known.agents, 'host')} of agents, so nothing is said of the others."
        for one in shown:
            if (one.get("state") or {}).get("name") != "terminated" and holds(known, one):
                yield Found(f"host {_name_of(one)}", found.format(**one), aws_id=str(one.get("instance_id")), values={
                    "interface": next((each.get("network_interface_id") for each in one.get("network_interfaces") or []), "INTERFACE")})
    return look


def _public_without_need(known: Known, host: Item) -> bool:
    """An app that calls agents directly needs it: whoever is let in is then not a group."""
    return bool(host.get("public_ip_address")) and all(source.startswith("sg-") for source in known.declared_sources("agents"))


def _bucket(found: str, holds: t.Callable[[t.Any], bool], path: str) -> t.Callable[[Known], t.Iterator[Found]]:
    def look(known: Known) -> t.Iterator[Found]:
        if holds(known.member(path)):
            yield Found(f"bucket {known.member('bucket.name')}", found)
    return look


def _not_blocked(block: Item) -> bool:
    switches = ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets")
    return not all(block.get(switch) for switch in switches)


def _silent_alarms(known: Known) -> t.Iterator[Found]:
    """A member of a composite alarm that tells somebody needs to tell nobody itself."""
    alarms = deployment_alarms(known.given, known.cache, instances=known.items("database.instances"), agents=known.agents)
    spoken_for = " ".join(str(one["alarm_rule"]) for one in alarms if one.get("alarm_rule") and one["alarm_actions"])
    silent = [one["alarm_name"] for one in alarms if not (one["alarm_actions"] and one.get("actions_enabled") is not False)
              and not re.search(rf"(?<![\w-]){re.escape(one['alarm_name'])}(?![\w-])", spoken_for)]
    if silent:
        named = words.joined(silent) if len(silent) < 4 else f"{silent[0]} and {words.plural(len(silent) - 1, 'other')}"
        yield Found(f"alarms {known.declared['huntaze_names']['prefix'] or 'alarms'}", f"{named} {'tells' if len(silent) == 1 else 'tell'} nobody")


def _secrets_in_variables(known: Known) -> t.Iterator[Found]:
    app = known.declared["huntaze_app"]
    names = sorted({*app["secret_variables"], *(name for name in known.items("app.variable_names") if LOOKS_SECRET.search(str(name)))})
    if names:
        yield Found(f"app {app['app_id'] or app['app_name']}", f"its variables hold secrets: {words.joined(names)}")


def _plain_text_agents(known: Known) -> t.Iterator[Found]:
    if not known.declared["huntaze_limiter"]["tls"]["certificate"]:
        yield Found("agents huntaze_limiter_agents", "they speak plain HTTP")


_AWS = " --region {region}"
_CLOSES_CACHE = ("variable", "huntaze_cache: {{purge_ingress: true}}")
_CLOSES_DATABASE = ("variable", "huntaze_database: {{allow_limiter: true, purge_ingress: true}}")
_REVOKES = ("command", "aws ec2 revoke-security-group-ingress --group-id {group} --security-group-rule-ids {rule}" + _AWS)
_CUTS_AMPLIFY = "The app's own way to the database, if it comes in by this rule: Amplify Hosting has no fixed addresses. It is cut off at once."
_MODIFIES_DATABASE = "aws rds modify-db-instance --db-instance-identifier {name} %s --apply-immediately" + _AWS
_MODIFIES_CACHE = "aws elasticache modify-replication-group --replication-group-id {name} %s --apply-immediately" + _AWS
_CACHE, _DATABASE, _AGENTS = "huntaze_cache", "huntaze_database", "huntaze_limiter"
_INSTANCES = ("database.instances",)
_RULES = ("network.security_group_rules", "network.security_groups")  # an id has the group's name, as AWS's own changes with the group
_DATABASE_RULES = (*_INSTANCES, *_RULES)
_NOTHING = "Nothing."

RULES: tuple[Rule, ...] = (
    # The cache
    Rule("redis/in_transit", HIGH, "Redis without TLS", "Security Hub ElastiCache.5", (), _in_transit,
         "The token and all data can be read on their way.", ("command", "ansible-playbook deploy.yml"),
         "Clients of the cache other than the limiter agents, if they speak plain text: the old endpoints go.", _CACHE),
    Rule("redis/authentication", HIGH, "Redis without AUTH and users", "Security Hub ElastiCache.6",
         (), _cache_when("neither AUTH nor users are on", lambda known: not known.cache.get("auth_token_enabled") and not known.cache.get("user_group_ids")),
         "Whoever reaches the port reads and writes everything.", ("command", "ansible-playbook deploy.yml"),
         "Clients of the cache other than the limiter agents: they need TLS and the token.", _CACHE),
    Rule("redis/users", HIGH, "users of Redis without a password", "own rule", ("cache.users",), _users_without_password,
         "Whoever reaches the port comes in as this user.",
         ("command", "aws elasticache modify-user --user-id {name} --authentication-mode Type=password,Passwords=..." + _AWS),
         "Clients that come as this user without a password.", _CACHE),
    Rule("redis/at_rest", LOW, "encryption of Redis at rest", "Security Hub ElastiCache.4",
         (), _cache_when("encryption at rest is off", lambda known: known.cache.get("at_rest_encryption_enabled") is False),
         "Snapshots and swap hold the counters in plain text. It can be set at creation only.",
         ("command", "aws elasticache create-replication-group --replication-group-id NEW --snapshot-name SNAPSHOT --at-rest-encryption-enabled ..." + _AWS),
         "The endpoint changes, as it needs a new cache from a snapshot: huntaze_cache.name names it then. What is counted after the snapshot is lost.",
         _CACHE),
    Rule("redis/open", HIGH, "the cache's port open to the world", "Security Hub EC2.18, Prowler ec2_securitygroup_..._redis_6379",
         _RULES, functools.partial(_open_to_world, what="cache"), "Whatever gets into the VPC may try tokens. Nothing outside needs this rule.", _CLOSES_CACHE,
         "Clients other than the limiter agents, and every other undeclared rule for the port: purging revokes them all.", _CACHE),
    Rule("redis/wide", MEDIUM, "the cache's port open to more than the agents", "own rule", _RULES, functools.partial(_wide_source, what="cache"),
         "Everything in this network may try tokens; the agents come by their security group.", _CLOSES_CACHE,
         "Clients other than the limiter agents, and every other undeclared rule for the port: purging revokes them all.", _CACHE),
    Rule("redis/ports", LOW, "more ports of the cache open than its own", "own rule", _RULES, functools.partial(_wide_ports, what="cache"),
         "Nothing else listens today. What will listen is open already.", _REVOKES, "What {source} does at other ports than {port}. Let {port} in first.",
         _CACHE),
    Rule("redis/unused", LOW, "rules of the cache that nobody uses", "own rule", (*_RULES, "network.network_interfaces"),
         functools.partial(_unused, what="cache"), "Whoever gets this group or address next reaches the cache.", _REVOKES,
         "Whatever comes from {source} and was not seen, such as a host that is only started for a job.", _CACHE),
    Rule("redis/public_subnet", LOW, "subnets of the cache with a route to the internet", "own rule", ("network.route_tables",), _in_public_subnets,
         "The cache has private addresses only, so nobody comes in this way today.",
         ("command", "aws elasticache create-cache-subnet-group --cache-subnet-group-name NEW --subnet-ids ..." + _AWS),
         "The endpoint changes: a cache keeps its subnet group, so it needs a new cache.", _CACHE),
    Rule("redis/subnet_group", LOW, "the cache in the default subnet group", "Security Hub ElastiCache.7",
         (), _cache_when("it is in the default subnet group", lambda known: known.cache.get("cache_subnet_group_name") == "default"),
         "The default VPC's subnets are public, and everything else is in them too.",
         ("command", "aws elasticache create-cache-subnet-group --cache-subnet-group-name NEW --subnet-ids ..." + _AWS),
         "The endpoint changes: a cache keeps its subnet group, so it needs a new cache.", _CACHE),
    Rule("redis/snapshots", LOW, "snapshots of Redis", "Security Hub ElastiCache.1", ("cache.replication_groups",),
         _group_when("there are no snapshots", lambda group: group.get("snapshot_retention_limit") == 0),
         "A cache that is lost takes the counters with it: creators begin with fresh limits.",
         ("command", _MODIFIES_CACHE % "--snapshot-retention-limit 1"), "Nothing. Snapshots beyond the first cost storage.", _CACHE),
    Rule("redis/failover", LOW, "a second node of Redis", "Security Hub ElastiCache.3", ("cache.replication_groups",),
         _group_when("failover is off", lambda group: group.get("automatic_failover") == "disabled"),
         "While a lost node is replaced, agents decide without Redis.",
         ("command", "aws elasticache increase-replica-count --replication-group-id {name} --new-replica-count 1 --apply-immediately" + _AWS),
         "Nothing. A second node costs as much as the first. Then turn failover on.", _CACHE),
    Rule("redis/minor_versions", LOW, "minor versions of Redis", "Security Hub ElastiCache.2", ("cache.replication_groups",),
         _group_when("minor versions are not installed by themselves", lambda group: group.get("auto_minor_version_upgrade") is False),
         "Security fixes wait until somebody installs them.", ("command", _MODIFIES_CACHE % "--auto-minor-version-upgrade"),
         "Connections, for seconds, in a maintenance window.", _CACHE),
    Rule("redis/end", MEDIUM, "the end of the Redis version", "own table, of endoflife.date", (), _cache_end,
         "AWS then bills Extended Support unasked, 80 percent of the node's price and 160 percent in the third year.",
         ("command", _MODIFIES_CACHE % "--engine-version 7.1"), "Connections, while nodes are replaced. There is no way back to the older version.", _CACHE),
    # The database
    Rule("postgresql/public", HIGH, "a public database", "Security Hub RDS.2", _INSTANCES,
         _instances("publicly accessible", lambda one: one.get("publicly_accessible")),
         "Anybody whom the security group lets in may try passwords; it is the only wall.",
         ("command", _MODIFIES_DATABASE % "--no-publicly-accessible"),
         "DATABASE_URL of the app, at once: Amplify Hosting comes from outside of the VPC. Let the app reach its data through something in the VPC first.",
         _DATABASE),
    Rule("postgresql/open", HIGH, "the database's port open to the world", "Security Hub EC2.19", _DATABASE_RULES,
         functools.partial(_open_to_world, what="database"), "Anybody may try passwords, if the database is public; else whatever gets into the VPC.",
         _CLOSES_DATABASE, _CUTS_AMPLIFY, _DATABASE),
    Rule("postgresql/wide", MEDIUM, "the database's port open to a network", "own rule", _DATABASE_RULES, functools.partial(_wide_source, what="database"),
         "Everything in this network may try passwords.", _CLOSES_DATABASE, "Whatever of this network uses the database. " + _CUTS_AMPLIFY, _DATABASE),
    Rule("postgresql/ports", LOW, "more ports of the database open than its own", "own rule", _DATABASE_RULES,
         functools.partial(_wide_ports, what="database"), "Nothing else listens today. What will listen is open already.", _REVOKES,
         "What {source} does at other ports than {port}. Let {port} in first.", _DATABASE),
    Rule("postgresql/unused", LOW, "rules of the database that nobody uses", "own rule", (*_DATABASE_RULES, "network.network_interfaces"),
         functools.partial(_unused, what="database"), "Whoever gets this group or address next reaches the database.", _REVOKES,
         "Whatever comes from {source} and was not seen, such as somebody's office.", _DATABASE),
    Rule("postgresql/force_ssl", MEDIUM, "PostgreSQL without TLS", "Security Hub RDS.38", (*_INSTANCES, "database.parameters"), _plain_connections,
         "A client that does not ask for TLS sends its data in plain text.",
         ("command", "aws rds modify-db-parameter-group --db-parameter-group-name {group} "
                     "--parameters ParameterName=rds.force_ssl,ParameterValue=1,ApplyMethod=immediate" + _AWS),
         "Clients that speak plain text. A default parameter group cannot be changed: the database needs its own first.", _DATABASE),
    Rule("postgresql/at_rest", MEDIUM, "encryption of the database at rest", "Security Hub RDS.3", _INSTANCES,
         _instances("encryption at rest is off", lambda one: one.get("storage_encrypted") is False),
         "Storage, backups and logs are in plain text. It can be set at creation only.",
         ("command", "aws rds copy-db-snapshot --source-db-snapshot-identifier SNAPSHOT --target-db-snapshot-identifier ENCRYPTED --kms-key-id alias/aws/rds"
                     + _AWS),
         "The database is restored from the encrypted copy as a new instance. What is written after the snapshot is missing, and the endpoint changes.",
         _DATABASE),
    Rule("postgresql/certificate", MEDIUM, "the end of the database's certificate", "Prowler rds_instance_certificate_expiration", _INSTANCES, _certificate,
         "Clients that check the certificate are then refused by their own check.",
         ("command", _MODIFIES_DATABASE % "--ca-certificate-identifier rds-ca-rsa2048-g1"),
         "Clients that check it and do not have RDS's new authorities: give them global-bundle.pem first. The database may restart.", _DATABASE),
    Rule("postgresql/end", MEDIUM, "the end of the PostgreSQL version", "DescribeDBMajorEngineVersions", (*_INSTANCES, "database.major_versions"),
         _database_end, "AWS then bills Extended Support unasked.",
         ("command", _MODIFIES_DATABASE % "--engine-version NEW --allow-major-version-upgrade"),
         "The database is away for minutes, and there is no way back but a snapshot. Try it on a restored copy first.", _DATABASE),
    Rule("postgresql/backups", MEDIUM, "backups of the database", "Security Hub RDS.11", _INSTANCES, _backups,
         "What is older than the oldest backup cannot be had back.", ("command", _MODIFIES_DATABASE % "--backup-retention-period 7"),
         "From none to some, the database may be away for a moment. Backups beyond the database's size cost storage.", _DATABASE),
    Rule("postgresql/deletion", LOW, "protection of the database from deletion", "Security Hub RDS.8", _INSTANCES,
         _instances("one call may delete it", lambda one: one.get("deletion_protection") is False, alone=True), "A mistake deletes the database.",
         ("command", _MODIFIES_DATABASE % "--deletion-protection"), _NOTHING, _DATABASE),
    Rule("postgresql/multi_az", LOW, "a database in one zone", "Security Hub RDS.5", _INSTANCES,
         _instances("it stands in one zone", lambda one: one.get("multi_az") is False, alone=True), "A zone that fails takes the database with it.",
         ("command", _MODIFIES_DATABASE % "--multi-az"), "Nothing, but writes are slower while the standby is made. It costs about double.", _DATABASE),
    Rule("postgresql/minor_versions", LOW, "minor versions of PostgreSQL", "Security Hub RDS.13", _INSTANCES,
         _instances("minor versions are not installed by themselves", lambda one: one.get("auto_minor_version_upgrade") is False),
         "Security fixes wait until somebody installs them.", ("command", _MODIFIES_DATABASE % "--auto-minor-version-upgrade"),
         "Connections, for minutes, in a maintenance window.", _DATABASE),
    Rule("postgresql/public_subnet", LOW, "subnets of a private database with a route to the internet", "own rule", (*_INSTANCES, "network.route_tables"),
         _database_subnets, "Nobody comes in this way today. One switch, publicly accessible, would change that.",
         ("command", "aws rds create-db-subnet-group --db-subnet-group-name NEW --db-subnet-group-description private --subnet-ids ..." + _AWS),
         "The database is away while it moves to the new subnets.", _DATABASE),
    # The agents and their hosts
    Rule("agents/open", MEDIUM, "the agents' port open to the world, as declared", "Security Hub EC2.18", _RULES, _agents_open(declared=True),
         "Anybody may try bearer tokens. Amplify Hosting has no fixed addresses, so an app that calls the agents directly comes in this way.",
         ("variable", "huntaze_limiter: {{listen_from: [SECURITY GROUP OF A LOAD BALANCER], purge_ingress: true}}"),
         "Every caller that does not come through the load balancer.", _AGENTS),
    Rule("agents/undeclared", HIGH, "the agents' port open to the world, undeclared", "Security Hub EC2.18", _RULES, _agents_open(declared=False),
         "Anybody may try bearer tokens, and nobody declared it.", ("variable", "huntaze_limiter: {{purge_ingress: true}}"),
         "Callers that come in by this rule, and every other undeclared rule for the port.", _AGENTS),
    Rule("agents/other_ports", HIGH, "other ports of the agents' hosts open to the world", "Security Hub EC2.18, EC2.19", _RULES, _other_ports,
         "Anybody may try what listens there, such as SSH.", _REVOKES, "Whoever works on the hosts this way. Session Manager needs no open port.", _AGENTS),
    Rule("agents/unused", LOW, "rules of the agents that nobody uses", "own rule", (*_RULES, "network.network_interfaces"),
         functools.partial(_unused, what="agents"), "Whoever gets this group or address next reaches the agents.", _REVOKES,
         "Whatever comes from {source} and was not seen.", _AGENTS),
    Rule("agents/plain_text", LOW, "agents that speak plain HTTP", "own rule", (), _plain_text_agents,
         "Bearer tokens can be read between the load balancer and the agents, in the VPC.",
         ("variable", "huntaze_limiter: {{tls: {{certificate: ..., key: ...}}}}"),
         "A load balancer that speaks HTTP to the agents: let it speak HTTPS.", "hosts"),
    Rule("hosts/imds", MEDIUM, "hosts that take IMDSv1", "Security Hub EC2.8", ("hosts.instances",),
         _hosts("IMDSv1 is on", lambda known, host: (host.get("metadata_options") or {}).get("http_tokens") == "optional"),
         "A request that is forged through some software on the host gets the credentials of its role.",
         ("command", "aws ec2 modify-instance-metadata-options --instance-id {aws_id} --http-tokens required" + _AWS),
         "Software on the host that speaks IMDSv1. The agent does not.", "hosts"),
    Rule("hosts/public_address", MEDIUM, "hosts with a public address behind a load balancer", "Security Hub EC2.9", ("hosts.instances",),
         _hosts("it has the public address {public_ip_address}", _public_without_need),
         "Only the security group keeps the internet out. Callers come by a security group, so nobody needs the address.",
         ("command", "aws ec2 modify-network-interface-attribute --network-interface-id {interface} --no-associate-public-ip-address" + _AWS),
         "The host's way out: updates and CloudWatch need a NAT gateway or endpoints then.", "hosts"),
    Rule("network/default_group", MEDIUM, "the default security group in use", "Security Hub EC2.2", ("network.security_groups",), _default_groups,
         "Everything that is started without a group is in it, and reaches what is in it.",
         ("command", "aws ec2 create-security-group --group-name huntaze-{what} --description ... --vpc-id ..." + _AWS),
         "What else of the group uses the {what}.", _CACHE),
    # The app
    Rule("bucket/public", HIGH, "a public bucket", "Security Hub S3.8", ("bucket.policy_status",),
         _bucket("its policy lets anybody in", lambda status: bool(status.get("is_public")), "bucket.policy_status"),
         "Anybody reads what is in it, or writes.", ("command", "aws s3api put-public-access-block --bucket {name} --public-access-block-configuration "
                                                     "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"),
         "Whatever is served from the bucket without a signature.", "bucket"),
    Rule("bucket/public_access_block", MEDIUM, "a bucket that may become public", "Security Hub S3.8",
         ("bucket.public_access_block",), _bucket("public access is not blocked", _not_blocked, "bucket.public_access_block"),
         "One policy or one ACL makes it public.", ("command", "aws s3api put-public-access-block --bucket {name} --public-access-block-configuration "
                                                    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"),
         "Whatever is served from the bucket without a signature.", "bucket"),
    Rule("bucket/tls", LOW, "a bucket without TLS", "Security Hub S3.5", ("bucket.tls_only",),
         _bucket("its policy lets plain HTTP in", lambda only: only is False, "bucket.tls_only"),
         "A client that does not use TLS sends its data in plain text.",
         ("command", "aws s3api put-bucket-policy --bucket {name} --policy ...   # deny all where aws:SecureTransport is false"),
         "Clients that speak plain HTTP.", "bucket"),
    Rule("bucket/at_rest", LOW, "encryption of the bucket at rest", "own rule", ("bucket.encryption",),
         _bucket("it names no encryption", lambda encryption: not encryption, "bucket.encryption"),
         "AWS encrypts new objects by itself since 2023. Older ones may be in plain text.",
         ("command", "aws s3api put-bucket-encryption --bucket {name} --server-side-encryption-configuration "
                     "'{{\"Rules\":[{{\"ApplyServerSideEncryptionByDefault\":{{\"SSEAlgorithm\":\"AES256\"}}}}]}}'"), _NOTHING, "bucket"),
    Rule("app/secrets", LOW, "secrets in the app's variables", "Prowler amplify_app_no_secrets_in_environment", (), _secrets_in_variables,
         "Whoever may call GetApp or GetBranch, or reads a build's artifact, reads them.",
         ("command", "aws secretsmanager create-secret --name {name}/... --secret-string ..." + _AWS),
         "The app, until its code fetches them with a compute role. Then take them out of huntaze_app.secret_variables.", "huntaze_app"),
    Rule("alarms/silent", MEDIUM, "alarms that tell nobody", "Security Hub CloudWatch.15, CloudWatch.17", (), _silent_alarms,
         "Something fails, and nobody hears of it.", ("variable", "huntaze_alarms: {{actions: [ARN OF AN SNS TOPIC]}}"), _NOTHING, "huntaze_alarms"),
)
