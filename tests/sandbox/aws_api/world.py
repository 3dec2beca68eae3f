# SPDX-License-Identifier: GPL-3.0-or-later
"""What the data plane has to be for the control plane's word to be true."""

from __future__ import annotations

import ipaddress
import itertools
import typing as t

from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends
from moto.rds.models import rds_backends

from aws_api import interfaces
from aws_api.elasticache.access import Access
from aws_api.estate import LIMITER_ADDRESS
from data_plane.client import apply

ANYTHING = "on ~* &* +@all"


class Addresses:
    """An address for each name of a cache endpoint: no name server here knows AWS's names."""

    def __init__(self, network: str) -> None:
        self._network = network
        self.forget()

    def forget(self) -> None:
        self._known: dict[str, str] = {}
        self._free = itertools.count(10)

    def resolve(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = f"{self._network}.1.{next(self._free)}"
        return self._known[name]


class World:
    def __init__(self, account_id: str, region: str, addresses: Addresses) -> None:
        self._account_id, self._region, self._addresses = account_id, region, addresses
        self._applied: dict[str, t.Any] | None = None

    def _backend(self, backends: t.Any) -> t.Any:
        return backends[self._account_id][self._region]

    @property
    def next_due(self) -> float | None:
        return self._backend(elasticache_backends).lifecycle.next_due

    def settle(self, now: float | None = None) -> None:
        """Let what is due take effect, in both planes."""
        if self._backend(elasticache_backends).lifecycle.settle(now):
            self.sync()

    def clear(self) -> None:
        """Make the data plane empty: nothing of a former world's data stays."""
        self._apply({"nodes": {}, "endpoints": []})
        self._addresses.forget()

    def sync(self) -> None:
        """Make the data plane what the control plane says, unless it is so already."""
        ec2, elasticache, rds = map(self._backend, (ec2_backends, elasticache_backends, rds_backends))
        ec2.keep_service_interfaces([*interfaces.of_caches(elasticache, ec2), *interfaces.of_databases(rds, ec2)])
        endpoints = [*self._cache_endpoints(), *self._database_endpoints()]
        self._apply({"nodes": self._nodes(), "endpoints": endpoints, "hosts": self._hosts()})

    def _apply(self, desired: dict[str, t.Any]) -> None:
        if desired != self._applied:
            self._applied = None  # unknown, should it fail
            apply(desired)
            self._applied = desired

    def _nodes(self) -> dict[str, t.Any]:
        """A redis-server for each cache; replicas share their primary's, they never lag."""
        caches = {endpoint.cluster.node: endpoint.cluster.access for endpoint in self._backend(elasticache_backends).endpoints()}
        return {node: {"users": self._users(access)} for node, access in caches.items()}

    def _users(self, access: Access) -> dict[str, t.Any]:
        if not access.user_group_ids:
            passwords = [token for token in access.credentials if token is not None]
            return {"default": {"passwords": passwords, "open": None in access.credentials, "access_string": ANYTHING}}
        elasticache = self._backend(elasticache_backends)
        users = [elasticache.user(user_id) for group_id in access.user_group_ids for user_id in elasticache.user_group(group_id).user_ids]
        return {user.name: elasticache.in_force(user) for user in users}

    def _cache_endpoints(self) -> list[dict[str, t.Any]]:
        return [
            {
                "address": self._addresses.resolve(endpoint.name),
                "port": endpoint.port,
                "node": endpoint.cluster.node,
                "transit_encryption_mode": endpoint.cluster.access.mode,
                "ingress": self._ingress(endpoint.cluster.security_group_ids, endpoint.port),
            }
            for endpoint in self._backend(elasticache_backends).endpoints()
        ]

    def _database_endpoints(self) -> list[dict[str, t.Any]]:
        return [
            {
                "address": database.address,
                "port": int(database.port),
                "node": "postgres",
                "ingress": self._ingress(database.vpc_security_group_ids, int(database.port)),
            }
            for database in self._backend(rds_backends).databases.values()
        ]

    def _hosts(self) -> dict[str, list[dict[str, t.Any]]]:
        """By the address of a limiter host, what its groups let in. No group judges what a host sends to itself, and all they send has one address."""
        own = {"first": 0, "last": 65535, "networks": [f"{LIMITER_ADDRESS}/32"]}
        interfaces = [eni for eni in self._backend(ec2_backends).enis.values() if eni.instance and eni.private_ip_address.startswith("127.")]
        return {
            eni.private_ip_address: [own, *self._opened(sorted(group.id for group in eni.group_set))]
            for eni in interfaces if eni.private_ip_address != LIMITER_ADDRESS
        }

    def _ingress(self, group_ids: list[str], port: int) -> list[str]:
        """The networks that the rules of these groups let in."""
        return sorted({network for each in self._opened(group_ids) if each["first"] <= port <= each["last"] for network in each["networks"]})

    def _opened(self, group_ids: list[str]) -> list[dict[str, t.Any]]:
        """The ranges of TCP ports that the rules of these groups open, each with the networks it is open to."""
        ec2 = self._backend(ec2_backends)
        groups = [group for group in map(ec2.get_security_group_from_id, group_ids) if group]
        rules = [rule for group in groups for rule in group.ingress_rules if rule.ip_protocol in ("tcp", "-1")]
        return [
            {
                "first": 0 if rule.ip_protocol == "-1" else int(rule.from_port), "last": 65535 if rule.ip_protocol == "-1" else int(rule.to_port),
                "networks": self._sources(ec2, rule),
            }
            for rule in rules
        ]

    @staticmethod
    def _sources(ec2: t.Any, rule: t.Any) -> list[str]:
        if rule.cidr_ipv4:
            return [str(ipaddress.ip_network(rule.cidr_ipv4, strict=False))]
        if rule.prefix_list_id:
            prefix_list = ec2.managed_prefix_lists[rule.prefix_list_id]
            return [entry["Cidr"] for entry in prefix_list.entries.get(prefix_list.version, []) if ":" not in entry["Cidr"]]
        referenced = rule.source_group.get("GroupId")
        interfaces = [eni for eni in ec2.enis.values() if referenced in [group.id for group in eni.group_set]]
        return [f"{address['PrivateIpAddress']}/32" for eni in interfaces for address in eni.private_ip_addresses]
