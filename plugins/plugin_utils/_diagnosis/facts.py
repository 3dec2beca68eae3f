# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known: what one client saw, and what AWS says. None stands for what nobody could look at, which is never a fact. Pure."""

from __future__ import annotations

import ipaddress
import json
import typing as t

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict, snake_dict_to_camel_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause

Mapping = t.Mapping[str, t.Any]
# A modification and a snapshot do not stop a cache or a database from answering, and may yet be the reason that it does not.
UP, BUSY = ("available",), ("modifying", "snapshotting", "backing-up", "upgrading", "configuring-enhanced-monitoring", "storage-optimization")
JUDGED = ("status", "transit_encryption_enabled", "transit_encryption_mode", "auth_token_enabled")
LONGEST = 300


class Look(t.NamedTuple):
    """What one vantage point saw of one target: a result of `reachability`."""

    vantage: str
    inside: bool
    result: Mapping
    local_ports: t.Sequence[int] = ()
    others: t.Sequence[str] = ()  # sentences on other vantage points that have reached the same host and port

    @property
    def to(self) -> str:
        return str(self.result.get("name") or self.result.get("kind") or "unknown")

    @property
    def kind(self) -> str:
        return str(self.result.get("kind") or self.to.partition("/")[0])

    @property
    def cause(self) -> t.Optional[Cause]:
        return Cause.met_in(self.result)

    @property
    def words(self) -> str:
        """The client's, or what it was told."""
        return str((self.result.get("error") or {}).get("message") or self.result.get("reason") or "no reason given")

    @property
    def place(self) -> tuple[str, t.Optional[int]]:
        port = self.result.get("port")
        return str(self.result.get("host") or "").lower().rstrip("."), int(port) if port else None

    @property
    def tls(self) -> t.Optional[bool]:
        """Whether TLS was asked for."""
        return self.result.get("tls")

    @property
    def addresses(self) -> list[str]:
        return [str(address) for address in self.result.get("addresses") or []]

    @property
    def at(self) -> str:
        return str(self.result.get("at") or "")


class Service(t.NamedTuple):
    """What AWS says of the thing that was looked at."""

    label: str  # Redis
    object: str  # replication group huntaze-redis
    name: str
    places: t.Optional[t.Sequence[tuple[str, int]]]  # AWS's endpoints: host, port
    status: t.Optional[str] = None
    vpc: t.Optional[str] = None
    groups: t.Optional[t.Sequence[str]] = None
    public: t.Optional[bool] = None
    elsewhere: bool = False  # in no VPC of ours
    source: str = ""  # the call that tells it
    raw: t.Optional[Mapping] = None  # AWS's item, its keys in snake_case

    @property
    def absent(self) -> bool:
        """AWS says that nothing of it can answer anywhere."""
        return self.places is not None and not self.places

    @property
    def ports(self) -> set[int]:
        return {port for _host, port in self.places or ()}


class Facts:
    """AWS's answers (estate_info), the cache in our shape (elasticache_info) and what the inventory declares."""

    def __init__(self, estate: t.Optional[Mapping], cache: t.Optional[Mapping], declared: t.Optional[Mapping]) -> None:
        self.estate, self.cache, self.declared = estate or {}, cache or None, declared or {}

    def part(self, subset: str, member: str) -> t.Any:
        """One member of the estate; None where it is not known."""
        return (self.estate.get(subset) or {}).get(member)

    def network(self, member: str) -> t.Optional[list]:
        return self.part("network", member)

    # Services

    def service(self, look: Look) -> Service:
        if look.kind == "redis":
            return self._redis()
        if look.kind == "postgresql":
            return self._postgresql(look)
        # Of an agent, the bucket, CloudWatch and the app AWS shows no endpoint and no status: they are asked where the inventory has them.
        name = look.to.replace("/", " ")
        return Service(
            name, name, look.to, [(look.place[0], look.place[1] or 443)], vpc=self._vpc_of(look.addresses), elsewhere=not look.to.startswith("agent/"),
        )

    def _redis(self) -> Service:
        cache, declared = self.cache, str((self.declared.get("huntaze_cache") or {}).get("name") or "")
        if cache is None or "exists" not in cache:
            return Service("Redis", f"the cache {declared}".strip(), declared, None)
        if not cache["exists"]:
            return Service("Redis", f"the cache {declared}".strip(), declared, [], status="gone")
        ends = cache.get("endpoints") or {}
        listed = [ends.get(kind) for kind in ("primary", "configuration", "reader")] + list(ends.get("nodes") or [])
        kind, name = str(cache.get("kind") or "cache"), str(cache.get("id") or "")
        call, members, key = "elasticache DescribeCacheClusters", "clusters", "cache_cluster_id"
        if kind == "replication_group":
            call, members, key = "elasticache DescribeReplicationGroups", "replication_groups", "replication_group_id"
        # Of two answers of different moments, the one that is judged is the one that is shown.
        raw = next((item for item in self.part("cache", members) or [] if item.get(key) == name and all(
            item.get(judged, cache.get(judged)) == cache.get(judged) for judged in JUDGED)), None)
        return Service(
            "Redis", f"{kind.replace('_', ' ')} {name}", name, _places(listed), status=cache.get("status"), vpc=cache.get("vpc_id"),
            groups=cache.get("security_group_ids"), public=False, source=call,
            raw=raw or {key: value for key, value in cache.items() if value not in (None, [], {})},
        )

    def _postgresql(self, look: Look) -> Service:
        declared = str((self.declared.get("huntaze_database") or {}).get("identifier") or "")
        proxy, instances = self.proxy(look), self.part("database", "instances")
        if proxy:
            name = str(proxy.get("db_proxy_name"))  # AWS does not tell its port
            return Service(
                "PostgreSQL", f"RDS Proxy {name}", name, [(look.place[0], look.place[1] or 5432)], status=proxy.get("status"), vpc=proxy.get("vpc_id"),
                groups=proxy.get("vpc_security_group_ids"), public=False, source="rds DescribeDBProxies", raw=proxy,
            )
        if not instances:
            known = {} if instances is None else {"status": "gone"}
            return Service("PostgreSQL", f"the database {declared}".strip(), declared, instances, **known)
        places = _places(instance.get("endpoint") for instance in instances)
        for cluster in self.part("database", "clusters") or []:
            places += _places({"address": cluster.get(key), "port": cluster.get("port")} for key in ("endpoint", "reader_endpoint"))
        raw = next((one for one in instances if look.place[0] in dict(_places([one.get("endpoint")]))), instances[0])
        name, groups = str(raw.get("db_instance_identifier")), raw.get("vpc_security_groups")
        return Service(
            "PostgreSQL", f"DB instance {name}", name, places, status=raw.get("db_instance_status"), vpc=(raw.get("db_subnet_group") or {}).get("vpc_id"),
            groups=None if groups is None else [group.get("vpc_security_group_id") for group in groups], public=raw.get("publicly_accessible"),
            source="rds DescribeDBInstances", raw=raw,
        )

    def proxy(self, look: Look) -> t.Optional[Mapping]:
        """The RDS Proxy that the look went to; None where it went to none, or nobody knows."""
        return next((one for one in self.part("database", "proxies") or [] if str(one.get("endpoint") or "").lower() == look.place[0]), None)

    # The network

    def interface(self, address: str, vpc: t.Optional[str] = None) -> t.Optional[Mapping]:
        """The interface that has the address; of several VPCs that use it, the one in `vpc`, else none."""
        found = [one for one in self.network("network_interfaces") or [] if address in (*private_addresses(one), *public_addresses(one))]
        near = [one for one in found if one.get("vpc_id") == vpc]
        return near[0] if near else found[0] if len(found) == 1 else None

    def _vpc_of(self, addresses: t.Sequence[str]) -> t.Optional[str]:
        found = [self.interface(address) for address in addresses]
        return found[0].get("vpc_id") if found and found[0] else None

    def blocks(self, vpc: t.Optional[str] = None) -> t.Optional[list]:
        """The networks of the VPC, or of all that are known."""
        vpcs = self.network("vpcs")
        if vpcs is None or (vpc and not any(one.get("vpc_id") == vpc for one in vpcs)):
            return None
        found = []
        for one in vpcs:
            if vpc in (None, one.get("vpc_id")):
                listed = [one.get("cidr_block")] + [entry.get("cidr_block") for entry in one.get("cidr_block_association_set") or []]
                listed += [entry.get("ipv6_cidr_block") for entry in one.get("ipv6_cidr_block_association_set") or []]
                found += [ipaddress.ip_network(block) for block in listed if block]
        return found

    # Evidence

    def at(self, source: str, otherwise: str = "") -> str:
        """When AWS was asked."""
        rows = [row for row in self.estate.get("read") or [] if row.get("at")]
        known = [row["at"] for row in rows if str(row.get("source")).startswith(source)] or [row["at"] for row in rows]
        return str(known[0] if known else otherwise)

    def evidence(self, source: str, item: Mapping, otherwise: str, *keys: str) -> dict[str, str]:
        """AWS's item word for word: the keys as AWS writes them, those of an item of ours in snake_case."""
        wanted = list(zip(keys, camel_dict_to_snake_dict(dict.fromkeys(keys)))) if keys else [(key, key) for key in item]
        told = {name: _as_aws(item[key] if key in item else item[name]) for name, key in wanted if key in item or name in item}
        return record(source, self.at(source, otherwise), json.dumps(told, default=str)[1:-1])


def _as_aws(value: t.Any) -> t.Any:
    """A member of AWS's item with the keys within as AWS writes them."""
    if isinstance(value, t.Mapping):
        return {{"CaIdentifier": "CAIdentifier"}.get(name, name): _as_aws(value[key])
                for key in value for name in snake_dict_to_camel_dict({key: None}, capitalize_first=True)}
    return [_as_aws(each) for each in value] if isinstance(value, list) else value


def record(source: str, at: str, text: str) -> dict[str, str]:
    return {"source": source, "at": at, "text": text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."}


def _places(listed: t.Iterable[t.Optional[Mapping]]) -> list[tuple[str, int]]:
    return [(str(one["address"]).lower().rstrip("."), int(one.get("port") or 0)) for one in listed if one and one.get("address")]


def private_addresses(interface: Mapping) -> list[str]:
    listed = [interface.get("private_ip_address")] + [one.get("private_ip_address") for one in interface.get("private_ip_addresses") or []]
    return [address for address in listed + [one.get("ipv6_address") for one in interface.get("ipv6_addresses") or []] if address]


def public_addresses(interface: Mapping) -> list[str]:
    pairs = [interface] + list(interface.get("private_ip_addresses") or [])
    return [address for address in ((one.get("association") or {}).get("public_ip") for one in pairs) if address]


def within(address: str, blocks: t.Iterable) -> bool:
    try:
        return any(ipaddress.ip_address(address) in block for block in blocks)
    except ValueError:
        return False
