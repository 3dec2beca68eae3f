# SPDX-License-Identifier: GPL-3.0-or-later
"""Our extensions of moto, and how they get into it."""

from __future__ import annotations

import typing as t

from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends
from moto.rds.models import DBInstance

from aws_api.ec2.models import EC2Backend
from aws_api.elasticache.models import ElastiCacheBackend

# moto builds a service's backend from the class that its dictionary of backends names, and finds urls.py beside that class.
BACKENDS: list[tuple[t.Any, type]] = [
    (ec2_backends, EC2Backend),
    (elasticache_backends, ElastiCacheBackend),
]
# What a test may set at run time: the name of the setting and the attribute it is.
SETTINGS: dict[str, tuple[type, str]] = {
    "transition_seconds": (ElastiCacheBackend, "transition_seconds"),
    "rules_per_security_group": (EC2Backend, "rules_per_security_group"),
}


def install(resolve_cache: t.Callable[[str], str], database_address: str) -> None:
    """Put the extensions in moto's place; before the first request."""
    for backends, extension in BACKENDS:
        backends.backend = extension
    ElastiCacheBackend.resolve = staticmethod(resolve_cache)
    DBInstance.address = property(lambda instance: database_address)


def settings() -> dict[str, t.Any]:
    return {name: getattr(owner, attribute) for name, (owner, attribute) in SETTINGS.items()}


def change_settings(changes: dict[str, t.Any]) -> None:
    unknown = set(changes) - set(SETTINGS)
    if unknown:
        raise ValueError(f"There is no setting {', '.join(sorted(unknown))}: there are {', '.join(sorted(SETTINGS))}.")
    for name, value in changes.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ValueError(f"{name} is {value!r}: give a number that is not negative.")
    for name, value in changes.items():
        owner, attribute = SETTINGS[name]
        setattr(owner, attribute, value)
