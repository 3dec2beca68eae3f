# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from ansible.errors import AnsibleFilterError

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify_environment import variable_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch_input import alarm_problems, typed_alarms
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache_auth import token_problems

DOCUMENTATION = r"""
name: deployment_problems
short_description: Lists what is wrong with the variables of a deployment
version_added: 0.1.0
description:
  - Looks at all mappings at once, so that one run tells everything that needs attention.
  - The sentences name the variable, what was found and the way out. A secret is never quoted.
options:
  _input:
    description: The mappings of the inventory by their names, such as C(huntaze_aws) and C(huntaze_cache).
    type: dict
    required: true
  agents:
    description: Whether limiter agents are deployed, which need bearer tokens.
    type: bool
    default: false
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Refuse a deployment that cannot work
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: "{{ {'huntaze_aws': huntaze_aws, 'huntaze_cache': huntaze_cache} | huntaze.ai_system.deployment_problems }}"
"""

RETURN = r"""
_value:
  description: One sentence a problem; empty when there is none.
  type: list
  elements: str
"""

# Per mapping: its keys, and the pattern of those that must be given (None: any text).
REQUIRED = {
    "huntaze_aws": {
        "region": (r"[a-z]{2}(-[a-z]+)+-\d", "a region such as us-east-1"),
        "expected_account_id": (r"\d{12}", "the account's 12 digits, as a quoted string"),
    },
    "huntaze_cache": {
        "name": (r"[A-Za-z](-?[A-Za-z0-9])*", "the name of a cluster or a replication group"),
    },
    "huntaze_limiter": {
        "security_group_id": (r"sg-[0-9a-f]+", "the ID of the limiter hosts' security group, such as sg-0123456789abcdef0"),
    },
    "huntaze_database": {
        "identifier": (r"[A-Za-z](-?[A-Za-z0-9])*", "the identifier of a DB instance"),
        "name": (None, "the name of a database"),
        "user": (None, "the name of a database user"),
        "password": (None, "the password of that user, from the environment or a vault"),
    },
    "huntaze_app": {
        "branch": (None, "the branch that Amplify builds, such as main"),
    },
    "huntaze_alarms": {},
}
OPTIONAL = {
    "huntaze_aws": {"endpoint_url", "profile", "access_key", "secret_key", "session_token"},
    "huntaze_cache": {"replication_group_id", "auth_token", "tls_ca_file", "security_group_id"},
    "huntaze_limiter": {"url", "listen_from", "port", "tls", "bearer_tokens", "rules", "cloudwatch"},
    "huntaze_database": {"endpoint", "port", "tls_ca_file", "allow_limiter"},
    "huntaze_app": {"app_id", "app_name", "elasticache_variables", "variables", "secret_variables"},
    "huntaze_alarms": {"actions", "thresholds", "items"},
}
# Left out, there is nothing of the kind to look after.
OPTIONAL_MAPPINGS = ("huntaze_database", "huntaze_app", "huntaze_alarms")
# The thresholds of playbooks/vars/alarms.yml.
THRESHOLDS = {
    "anomalies",
    "cache_connections",
    "cache_cpu_credits",
    "cache_cpu_percent",
    "cache_evictions",
    "cache_memory_percent",
    "database_connections",
    "database_cpu_percent",
    "database_free_storage_bytes",
    "redis_latency_ms",
}
# What the stage app gives the app of huntaze_limiter.
LIMITER_VARIABLES = ("LIMITER_URL", "LIMITER_TOKEN")
# 24 is the agent's limit. Next.js expands a dollar sign in .env.production.
BEARER_TOKEN = re.compile(r"[!-#%-~]{24,}")
SECRETS = {"password", "secret_key", "session_token", "auth_token"}


def problems_of(name, mapping):
    """The problems of the one mapping `name`, as sentences."""
    if not isinstance(mapping, dict):
        yield f"{name} must be a mapping of names to values."
        return
    for key in sorted(set(mapping) - set(REQUIRED[name]) - OPTIONAL[name]):
        if (name, key) == ("huntaze_cache", "requirepass"):
            yield (
                "huntaze_cache.requirepass: ElastiCache has no such parameter. Remove it and give the password as "
                "huntaze_cache.auth_token, which deploys AUTH together with the TLS it needs."
            )
        else:
            known = ", ".join(sorted(set(REQUIRED[name]) | OPTIONAL[name]))
            yield f"{name}.{key} is not known. Remove it, or use one of: {known}."
    for key, (pattern, meaning) in REQUIRED[name].items():
        value = mapping.get(key)
        if value is None or value == "":
            yield f"{name}.{key} is missing. Set it to {meaning}."
        elif not isinstance(value, str) or (pattern and not re.fullmatch(pattern, value)):
            found = "" if key in SECRETS else f" {value!r}"
            yield f"{name}.{key}{found} is not usable. Set it to {meaning}."


def cache_problems(cache):
    token = cache.get("auth_token")
    if token is None or token == "":
        yield (
            "huntaze_cache.auth_token is missing. Set it from the environment (HUNTAZE_CACHE_AUTH_TOKEN) or a vault; "
            "`openssl rand -hex 32` makes a good one."
        )
    else:
        yield from (f"huntaze_cache.auth_token: {problem}" for problem in token_problems(token))


def limiter_problems(limiter):
    tokens = limiter.get("bearer_tokens") or []
    if not isinstance(tokens, list):
        yield "huntaze_limiter.bearer_tokens must be a list of tokens, the one that the app sends first."
    else:
        unfit = [number for number, token in enumerate(tokens, 1) if not (isinstance(token, str) and BEARER_TOKEN.fullmatch(token))]
        for number in unfit:
            yield (
                f"huntaze_limiter.bearer_tokens: number {number} is not 24 or more visible ASCII characters without $. "
                "`openssl rand -hex 32` makes a good one."
            )
    if limiter.get("url"):
        if not isinstance(limiter["url"], str):
            yield "huntaze_limiter.url must be text: an https URL, or several separated by commas."
        else:
            for url in limiter["url"].split(","):
                if not re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", url.strip()) or not _has_port(url):
                    yield f"huntaze_limiter.url {url.strip()!r} is not usable. Set it to https://HOST or https://HOST:PORT: tokens are not sent in plain text."
        if not tokens:
            yield "huntaze_limiter.bearer_tokens is missing: the app needs a token for huntaze_limiter.url. Set it from the environment or a vault."
    sources = limiter.get("listen_from") or []
    if not isinstance(sources, list):
        yield "huntaze_limiter.listen_from must be a list of networks, security groups (sg-) and prefix lists (pl-)."
        sources = []
    yield from (
        f"huntaze_limiter.listen_from {source!r} is not usable. Set it to a network such as 0.0.0.0/0, a security group (sg-) or a prefix list (pl-)."
        for source in sources if not _is_source(source)
    )
    port = limiter.get("port", 8443)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        yield f"huntaze_limiter.port {port!r} is not usable. Set it to a number from 1 to 65535."
    tls, cloudwatch = limiter.get("tls") or {}, limiter.get("cloudwatch") or {}
    for key, mapping in (("tls", tls), ("cloudwatch", cloudwatch), ("rules", limiter.get("rules") or {})):
        if not isinstance(mapping, dict):
            yield f"huntaze_limiter.{key} must be a mapping."
    if isinstance(tls, dict):
        unknown = sorted(set(tls) - {"certificate", "key", "ca_file"})
        yield from (f"huntaze_limiter.tls.{key} is not known. Use certificate, key and ca_file." for key in unknown)
        if bool(tls.get("certificate")) != bool(tls.get("key")):
            yield "huntaze_limiter.tls has only one of certificate and key. Give both as PEM text, or neither behind a load balancer."


def _has_port(url):
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _is_source(source):
    if not isinstance(source, str):
        return False
    try:
        return bool(re.fullmatch(r"(sg|pl)-[0-9a-f]+", source) or ipaddress.ip_network(source))
    except ValueError:
        return False


def app_problems(app):
    if bool(app.get("app_id")) == bool(app.get("app_name")):
        yield "huntaze_app needs exactly one of app_id and app_name, and it must not be empty."
    for key in ("variables", "secret_variables"):
        if not isinstance(app.get(key) or {}, dict):
            yield f"huntaze_app.{key} must be a mapping of names to values."
            return
        yield from (f"huntaze_app.{key}: {name} comes from huntaze_limiter. Take it out here." for name in LIMITER_VARIABLES if name in (app.get(key) or {}))
    yield from (f"huntaze_app: {problem}" for problem in variable_problems(app.get("variables") or {}, app.get("secret_variables") or {}))


def alarms_problems(alarms):
    thresholds = alarms.get("thresholds") or {}
    if not isinstance(thresholds, dict):
        yield "huntaze_alarms.thresholds must be a mapping of names to numbers."
        thresholds = {}
    for name, value in thresholds.items():
        if name not in THRESHOLDS:
            yield f"huntaze_alarms.thresholds.{name} is not known. Use one of: {', '.join(sorted(THRESHOLDS))}."
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            yield f"huntaze_alarms.thresholds.{name} {value!r} is not a number."
    for key in ("actions", "items"):
        if not isinstance(alarms.get(key) or [], list):
            yield f"huntaze_alarms.{key} must be a list."
            return
    items, problems = typed_alarms(alarms.get("items") or [])
    yield from (f"huntaze_alarms.items: {problem}" for problem in [*problems, *alarm_problems(items)])


FURTHER_PROBLEMS = {"huntaze_cache": cache_problems, "huntaze_limiter": limiter_problems, "huntaze_app": app_problems, "huntaze_alarms": alarms_problems}


def deployment_problems(variables, agents=False):
    """All problems of `variables` (mapping name -> mapping), as sentences without secrets.

    The mappings of OPTIONAL_MAPPINGS may be absent or empty; every other one is needed. `agents`: whether limiter agents are deployed.
    """
    if not isinstance(variables, dict):
        raise AnsibleFilterError("deployment_problems needs a mapping of mappings.")
    problems = []
    for name in REQUIRED:
        mapping = variables.get(name) or {}
        if mapping or name not in OPTIONAL_MAPPINGS:
            problems.extend(problems_of(name, mapping))
            if name in FURTHER_PROBLEMS and isinstance(mapping, dict):
                problems.extend(FURTHER_PROBLEMS[name](mapping))
    limiter = variables.get("huntaze_limiter") or {}
    if agents and isinstance(limiter, dict) and not limiter.get("url") and not limiter.get("bearer_tokens"):
        problems.append("huntaze_limiter.bearer_tokens is missing: the hosts of huntaze_limiter_agents run agents, which need at least one.")
    return problems


class FilterModule:
    def filters(self):
        return {"deployment_problems": deployment_problems}
