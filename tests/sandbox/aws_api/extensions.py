# SPDX-License-Identifier: GPL-3.0-or-later
"""Our extensions of moto, and how they get into it."""

from __future__ import annotations

import re
import sys
import typing as t

from moto.backend_index import backend_url_patterns
from moto.cloudtrail.models import cloudtrail_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends
from moto.rds.models import DBInstance, rds_backends

import aws_api.amplify.models
from aws_api.amplify import control as amplify_control
from aws_api.amplify.jobs import STEPS
from aws_api.amplify.models import AmplifyBackend
from aws_api.amplify.urls import url_bases
from aws_api.calls import Answer, Call
from aws_api.cloudtrail.events import DATA, Logged
from aws_api.cloudtrail.models import CloudTrailBackend
from aws_api.cloudwatch.models import CloudWatchBackend
from aws_api.credentials import Caller
from aws_api.ec2 import paths
from aws_api.ec2.models import EC2Backend
from aws_api.elasticache.access import Access
from aws_api.elasticache.models import ElastiCacheBackend
from aws_api.rds.models import RDSBackend

# moto builds a service's backend from the class that its dictionary of backends names, and finds urls.py beside that class.
BACKENDS: list[tuple[t.Any, type]] = [
    (cloudtrail_backends, CloudTrailBackend),
    (cloudwatch_backends, CloudWatchBackend),
    (ec2_backends, EC2Backend),
    (elasticache_backends, ElastiCacheBackend),
    (rds_backends, RDSBackend),
]
# Services that moto has not at all: the module that holds their backends, and the addresses that are theirs.
SERVICES = {"amplify": (aws_api.amplify.models, url_bases)}


class Setting(t.NamedTuple):
    """What a test may set at run time: the attribute it is, of which classes, and what it can be."""

    attribute: str
    owners: tuple[type, ...]
    choices: tuple[t.Any, ...] = ()

    def problem(self, value: t.Any) -> str | None:
        if self.choices:
            return None if value in self.choices else f"give one of {', '.join(map(repr, self.choices))}"
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return None if is_number and value >= 0 else "give a number that is not negative"


SETTINGS = {
    "transition_seconds": Setting("transition_seconds", (ElastiCacheBackend, AmplifyBackend)),
    "tagging_seconds": Setting("tagging_seconds", (ElastiCacheBackend,)),
    "former_endpoint_seconds": Setting("former_endpoint_seconds", (ElastiCacheBackend,)),
    "creation_fails": Setting("creation_fails", (ElastiCacheBackend,), (False, True)),
    "refuses_token_in_force": Setting("refuses_token_in_force", (Access,), (False, True)),
    "rules_per_security_group": Setting("rules_per_security_group", (EC2Backend,)),
    "event_delay_seconds": Setting("delay_seconds", (CloudTrailBackend,)),
    "lookups_per_second": Setting("lookups_per_second", (CloudTrailBackend,)),
    "amplify_fail_step": Setting("fail_step", (AmplifyBackend,), (None, *STEPS)),
}


def install(resolve_cache: t.Callable[[str], str], database_address: str, control_url: str) -> None:
    """Put the extensions in moto's place; before the first request."""
    for backends, extension in BACKENDS:
        backends.backend = extension
    for service, (models, addresses) in SERVICES.items():
        sys.modules[f"moto.{service}"] = models
        backend_url_patterns.extend((service, re.compile(address)) for address in addresses)
    paths.install()
    AmplifyBackend.log_base = f"{control_url}amplify/logs"
    ElastiCacheBackend.resolve = staticmethod(resolve_cache)
    DBInstance.address = property(lambda instance: database_address)


def settings() -> dict[str, t.Any]:
    return {name: getattr(setting.owners[0], setting.attribute) for name, setting in SETTINGS.items()}


def change_settings(changes: dict[str, t.Any]) -> None:
    unknown = set(changes) - set(SETTINGS)
    if unknown:
        raise ValueError(f"There is no setting {', '.join(sorted(unknown))}: there are {', '.join(sorted(SETTINGS))}.")
    for name, value in changes.items():
        problem = SETTINGS[name].problem(value)
        if problem:
            raise ValueError(f"{name} is {value!r}: {problem}.")
    for name, value in changes.items():
        for owner in SETTINGS[name].owners:
            setattr(owner, SETTINGS[name].attribute, value)


def open_window() -> None:
    """Let the maintenance windows of all caches come."""
    for account in elasticache_backends.values():
        for backend in account.values():
            backend.open_window()


def log(call: Call, caller: Caller, answer: Answer) -> None:
    """Have CloudTrail keep a call that changes something, made or refused."""
    if call.mutating and call.service not in DATA:
        logged = Logged.of(call, caller, answer)
        cloudtrail_backends[caller.account_id][logged.region].log(logged)


def look(path: str) -> t.Any:
    """What else the control URL shows; None where it shows nothing."""
    if path == "amplify/builds":
        return amplify_control.builds()
    return amplify_control.log(path) if path.startswith("amplify/logs/") else None
