# SPDX-License-Identifier: GPL-3.0-or-later
"""Network interfaces: those that ElastiCache and RDS place in the VPC, and filters that know each address."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

from moto.core.utils import utcnow
from moto.ec2.models import elastic_network_interfaces as moto
from moto.ec2.utils import generate_dns_from_ip, generic_filter, random_eni_attach_id, random_public_ip


class Wanted(t.NamedTuple):
    """An interface that a service has for one of its nodes."""

    node: str  # which it is; AWS shows it of caches in the description, and of databases nowhere
    service: str
    description: str
    subnet: t.Any
    addresses: list[str]  # the node's own first
    group_ids: list[str]
    public: bool = False


class ServiceInterface(moto.NetworkInterface):
    """An interface of a service: attached to something that the account does not see."""

    def __init__(self, backend: t.Any, wanted: Wanted) -> None:
        super().__init__(backend, wanted.subnet, wanted.addresses[0], description=wanted.description, group_ids=wanted.group_ids)
        self.requester_id, self.requester_managed, self.status = wanted.service, True, "in-use"
        self._attached_at, self._attachment_id = utcnow(), random_eni_attach_id()
        self.become(wanted)

    def become(self, wanted: Wanted) -> None:
        self.public_ip = (self.public_ip or random_public_ip()) if wanted.public else None
        self.private_ip_address = wanted.addresses[0]
        self.private_ip_addresses = [
            {"Primary": False, "PrivateIpAddress": address, "PrivateDnsName": generate_dns_from_ip(address)} for address in wanted.addresses
        ]
        self.private_ip_addresses[0] |= {"Primary": True, **({"Association": self.association} if self.public_ip else {})}
        self._group_set = [group for group in map(self.ec2_backend.get_security_group_from_id, wanted.group_ids) if group]

    @property
    def deny_all_igw_traffic(self) -> bool | None:
        """Of RDS: whether it is not public."""
        return True if self.requester_id == "amazon-rds" and not self.public_ip else None

    @property
    def association(self) -> dict[str, t.Any]:
        if not self.public_ip:
            return {}
        return {"PublicIp": self.public_ip, "PublicDnsName": f"ec2-{self.public_ip.replace('.', '-')}.compute-1.amazonaws.com", "IpOwnerId": self.requester_id}

    @property
    def attachment(self) -> SimpleNamespace:
        return SimpleNamespace(
            attach_time=self._attached_at, attachment_id=self._attachment_id, delete_on_termination=False, device_index=1, network_card_index=0,
            instance_owner_id=self.requester_id, status="attached",
        )


class InterfaceBackend:
    def keep_service_interfaces(self, wanted: t.Iterable[Wanted]) -> None:
        """Have just these interfaces of services. One that stays keeps its id."""
        known = self.__dict__.setdefault("_service_interfaces", {})
        nodes = {(each.service, each.node): each for each in wanted}
        for node in set(known) - set(nodes):
            self.enis.pop(known.pop(node).id, None)
        for node, each in nodes.items():
            if node in known:
                known[node].become(each)
            else:
                known[node] = ServiceInterface(self, each)
            self.enis[known[node].id] = known[node]

    def get_all_network_interfaces(self, eni_ids: list[str] | None = None, filters: t.Any = None) -> list[t.Any]:
        """moto's filters know the first private address only, and no service."""
        filters = dict(filters or {})
        own = {
            "addresses.private-ip-address": lambda eni: [address["PrivateIpAddress"] for address in eni.private_ip_addresses],
            "requester-id": lambda eni: [eni.requester_id],
            "requester-managed": lambda eni: [str(eni.requester_managed).lower()],
            "association.public-ip": lambda eni: [eni.public_ip],
        }
        ours = {name: filters.pop(name) for name in list(filters) if name in own}
        found = super().get_all_network_interfaces(eni_ids, filters)
        for name, values in ours.items():
            found = [eni for eni in found if generic_filter({name: values}, [Values(own[name](eni))])]
        return found


class Values:
    """What moto's filter, with its wildcards, is to look at."""

    def __init__(self, values: list[str | None]) -> None:
        self._values = [value for value in values if value]

    def get_filter_value(self, _name: str, _method: str | None = None) -> list[str]:
        return self._values
