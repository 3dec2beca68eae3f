# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which parts of the estate are read, from what, and by which services."""

from __future__ import annotations

import functools
import ipaddress
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils import _shapes
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import app as amplify
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate import account, app, bucket, cache, database, hosts, network
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Reads, together


class Subset(t.NamedTuple):
    """member: the part of the result that it fills; needs: the options of which it takes one; services: that it asks."""

    member: str
    read: t.Callable[[Reads, t.Mapping[str, t.Any]], t.Dict[str, t.Any]]
    needs: t.Tuple[str, ...]
    services: t.Tuple[str, ...]


PLACES = {"cache_name": "elasticache", "db_identifier": "rds", "host_addresses": "ec2", "security_group_ids": "ec2"}
SUBSETS = {
    "account": Subset("account", account.account, (), ("sts",)),
    "database": Subset("database", database.database, ("db_identifier",), ("rds",)),
    "cache": Subset("cache", cache.cache, ("cache_name",), ("elasticache",)),
    "network": Subset("network", network.network, tuple(PLACES), ("ec2",)),
    "hosts": Subset("hosts", hosts.hosts, ("host_addresses",), ("ec2",)),
    "bucket": Subset("bucket", bucket.bucket, ("bucket",), ("s3",)),
    "app": Subset("app", app.app, ("app_id", "app_name"), ("amplify", "logs", "cloudwatch")),
}
# The least of a part, for those who need no more: in the same place, all else being null.
LEAST = {
    "db_instances": Subset("database", database.only_instances, ("db_identifier",), ("rds",)),
    "security_groups": Subset("network", network.only_security_groups, ("security_group_ids",), ("ec2",)),
}
EVERY = {**SUBSETS, **LEAST}
BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
HOST_ID = re.compile(r"i-[0-9a-f]{8,17}")


def chosen(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """The subsets that a task names, or all whose objects it names."""
    return list(dict.fromkeys(parameters["gather_subset"] or [name for name, subset in SUBSETS.items() if _can_read(subset, parameters)]))


def _can_read(subset: Subset, parameters: t.Mapping[str, t.Any]) -> bool:
    return not subset.needs or any(parameters[option] for option in subset.needs)


def services(parameters: t.Mapping[str, t.Any]) -> list[str]:
    names = chosen(parameters)
    found = [service for name in names for service in EVERY[name].services]
    if "network" in names:
        found += [service for option, service in PLACES.items() if parameters[option]]
    return list(dict.fromkeys(found))


def problems(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with a task's parameters, one sentence each."""
    found = [
        f"gather_subset names {name}, which needs {' or '.join(EVERY[name].needs)}." for name in chosen(parameters) if not _can_read(EVERY[name], parameters)
    ]
    for option, kind in (("cache_name", "cache"), ("db_identifier", "database instance")):
        if parameters[option] is not None:
            found.append(_shapes.name_problem(option, parameters[option], kind))
    found += [_shapes.name_problem(f"security_group_ids[{at}]", one, "security group") for at, one in enumerate(parameters["security_group_ids"] or [])]
    found += [_host_problem(at, one) for at, one in enumerate(parameters["host_addresses"] or [])]
    if parameters["bucket"] is not None and not BUCKET.fullmatch(parameters["bucket"]):
        found.append(f"bucket is {parameters['bucket']!r}, which is no bucket's name: give the name alone, without s3:// and without a path.")
    found += amplify.problems(parameters)
    if parameters["branch"] is not None and not _can_read(SUBSETS["app"], parameters):
        found.append("branch goes with app_id or app_name: name the app that it is a branch of.")
    if parameters["app_id"] is not None and parameters["app_name"] is not None:
        found.append("app_id and app_name both name the app: give one of them.")
    return [sentence for sentence in found if sentence]


def _host_problem(position: int, value: str) -> t.Optional[str]:
    if HOST_ID.fullmatch(value):
        return None
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return f"host_addresses[{position}] is {value!r}: give a private address of the host or the identifier of its instance."
    return None


def gather(reads: Reads, parameters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The estate as far as it was asked for and AWS tells it."""
    names = chosen(parameters)
    answers = together(*(functools.partial(EVERY[name].read, reads, parameters) for name in names))
    estate: dict[str, t.Any] = dict.fromkeys(subset.member for subset in SUBSETS.values())
    for name, answer in zip(names, answers):
        # The least of a part does not take away what the whole has told.
        known = estate[EVERY[name].member] or {}
        estate[EVERY[name].member] = {key: known.get(key) if value is None else value for key, value in answer.items()}
    return {**estate, "read": sorted(reads.rows, key=lambda row: (row["source"], row["at"]))}
