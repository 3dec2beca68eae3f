# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where verification looks from, and at what: the targets of each vantage point. Pure.

The name of a target is the `to` of the check that its look becomes.
"""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import filled

CONTROLLER = "controller"
# What an agent is asked for: it needs a token and Redis, and charges nothing.
AGENT_PATH = "/v1/subjects/deployment-verification"
# Who shows a bucket to nobody answers 403 to one that brings no credentials.
CLOSED = [403]
HTTPS = 443

Mapping = t.Mapping[str, t.Any]


class Vantage(t.NamedTuple):
    """A place that is looked from.

    inside: whether the cache and the database are to let it in; None where neither is expected of it, as of a controller outside of the VPC
    agent: whether an agent runs there
    """

    name: str
    inside: t.Optional[bool]
    agent: bool = False

    @property
    def controls(self) -> bool:
        return self.name == CONTROLLER

    @classmethod
    def of(cls, host: Mapping) -> Vantage:
        """From the variables of an inventory's host."""
        name, groups = str(host.get("inventory_hostname") or "somewhere"), host.get("group_names") or []
        expected = ((host.get("huntaze_vantage") or {}).get("expect") or "reachable") == "reachable"
        if name == "localhost":
            return cls(CONTROLLER, expected if "huntaze_vantage_points" in groups else None)
        return cls(name, expected, "huntaze_limiter_agents" in groups)


def agent_at(url: str) -> str:
    """The host of an agent's URL, or what stands in its place."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def places(variables: Mapping, cache: Mapping, former: t.Sequence[Mapping], instances: t.Sequence[Mapping]) -> dict[str, t.Any]:
    """Where everything is, without a secret.

    cache: the `cache` of elasticache_info; former: the endpoints of its nodes before this run; instances: of the database, as AWS describes them
    """
    declared = filled(variables)
    endpoints = cache.get("endpoints") or {}
    database, region, limiter = declared["huntaze_database"], declared["huntaze_aws"]["region"], declared["huntaze_limiter"]
    bucket, cloudwatch = declared["huntaze_bucket"], limiter["cloudwatch"]
    shown = (instances[0].get("endpoint") or {}) if instances else {}
    own = declared["huntaze_aws"]["endpoint_url"]  # another AWS than AWS's, whose names are not known
    return {
        "redis": endpoints.get("primary") or endpoints.get("configuration"),
        "former": [endpoint for endpoint in former if endpoint not in (endpoints.get("nodes") or [])],
        "has_database": bool(variables.get("huntaze_database")),
        "database": {
            "address": database["endpoint"] or shown.get("address"), "port": database["port"] or shown.get("port"),
        } if instances and (database["endpoint"] or shown.get("address")) else None,
        "agents": [url for url in (part.strip().rstrip("/") for part in (limiter["url"] or "").split(",")) if url],
        "metrics": _place(cloudwatch["endpoint_url"] or f"https://monitoring.{cloudwatch['region'] or region}.amazonaws.com"),
        "bucket": bucket["name"],
        "bucket_at": {"address": f"s3.{bucket['region'] or region}.amazonaws.com", "port": HTTPS} if bucket["name"] and not own else None,
        "app": declared["huntaze_app"]["test_url"],
    }


def _place(url: str) -> t.Optional[dict[str, t.Any]]:
    try:
        parts = urlsplit(url)
        return {"address": parts.hostname, "port": parts.port or (HTTPS if parts.scheme == "https" else 80)} if parts.hostname else None
    except ValueError:
        return None


def targets(at: Mapping, variables: Mapping, vantage: Vantage) -> list[dict[str, t.Any]]:
    """What is looked at from a vantage point: the targets of the module reachability. at: what `places` returned."""
    declared = filled(variables)
    looks = _of_controller(at, declared) if vantage.controls else []
    if vantage.inside:
        looks += _inside(at, declared)
    elif vantage.inside is False:
        looks += _outside(at, declared)
    if vantage.agent:
        looks += [{"name": "metrics", "kind": "tcp", **_at(at["metrics"])}] * bool(at["metrics"])
        looks += [{"name": "bucket", "kind": "https", **_at(at["bucket_at"]), "path": f"/{at['bucket']}", "status": CLOSED}] * bool(at["bucket_at"])
    return [{name: value for name, value in look.items() if value is not None} for look in looks]


def names(at: Mapping, vantage: Vantage) -> list[str]:
    """What was to be looked at from a vantage point."""
    return [look["name"] for look in targets(at, {}, vantage)]


def expected(variables: Mapping) -> dict[str, t.Any]:
    """What of AWS's own answers is judged: whether there is a bucket, its region, and the names of the app's variables, None without an app."""
    declared = filled(variables)
    app = declared["huntaze_app"]
    return {
        "bucket": bool(declared["huntaze_bucket"]["name"]), "region": declared["huntaze_bucket"]["region"] or declared["huntaze_aws"]["region"],
        "variables": sorted({**app["variables"], **app["secret_variables"]}) if variables.get("huntaze_app") else None,
    }


def _at(endpoint: t.Optional[Mapping]) -> dict[str, t.Any]:
    return {"host": endpoint.get("address"), "port": endpoint.get("port")} if endpoint else {}


def _agents(at: Mapping, **options: t.Any) -> list[dict[str, t.Any]]:
    return [{"name": f"agent/{agent_at(url)}", "kind": "https", **_at(_place(url) or {"address": url}), **options} for url in at["agents"]]


def _of_controller(at: Mapping, declared: Mapping) -> list[dict[str, t.Any]]:
    limiter = declared["huntaze_limiter"]
    looks = _agents(at, path=AGENT_PATH, token=next(iter(limiter["bearer_tokens"]), None), tls_ca_file=limiter["tls"]["ca_file"] or None)
    if at["app"]:
        parts = urlsplit(at["app"])
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        looks.append({"name": "app", "kind": "https", **_at(_place(at["app"]) or {"address": at["app"]}), "path": path, "status": [200]})
    return looks


def _inside(at: Mapping, declared: Mapping) -> list[dict[str, t.Any]]:
    cache, database = declared["huntaze_cache"], declared["huntaze_database"]
    looks = []
    if at["redis"]:
        looks.append({
            "name": "redis", "kind": "redis", **_at(at["redis"]), "tls": True, "tls_ca_file": cache["tls_ca_file"] or None,
            "password": cache["auth_token"] or None,
        })
        looks.append({"name": "redis/plain-text", "kind": "redis", **_at(at["redis"]), "tls": False})
    for former in at["former"]:
        looks.append({"name": f"redis/former/{former.get('address')}:{former.get('port')}", "kind": "redis", **_at(former), "tls": False})
    if at["database"]:
        looks.append({
            "name": "postgresql", "kind": "postgresql", **_at(at["database"]), "dbname": database["name"], "user": database["user"] or "",
            "password": database["password"] or None, "sslrootcert": database["tls_ca_file"] or None,
        })
    return looks


def _outside(at: Mapping, declared: Mapping) -> list[dict[str, t.Any]]:
    """Who is to be kept out brings no secret, and nobody there has the authorities to check a certificate against."""
    looks = [{"name": "redis", "kind": "redis", **_at(at["redis"]), "tls": True, "tls_verify": False}] * bool(at["redis"])
    if at["database"]:
        looks.append({"name": "postgresql", "kind": "postgresql", **_at(at["database"]), "user": declared["huntaze_database"]["user"] or "postgres"})
    looks += _agents(at, path=AGENT_PATH, status=[401], tls_verify=False)
    return looks + [{"name": "bucket", "kind": "https", **_at(at["bucket_at"]), "path": f"/{at['bucket']}", "status": CLOSED}] * bool(at["bucket_at"])
