# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import difflib
import math
import os
import re
from urllib.parse import urlsplit

from ansible.errors import AnsibleFilterError

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.build import plain_build_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.environment import variable_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.problems import alarm_problems, typed_alarms
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import token_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import NAMES as KINDS, edges_problem, host_problem, name_problem, port_problem
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._limiter_input import certificate_problems, is_open_to_others, is_source, rules_problems
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._placeholders import is_placeholder

DOCUMENTATION = r"""
name: deployment_problems
short_description: Lists what is wrong with the variables of a deployment
version_added: 0.1.0
description:
  - Checks all mappings at once, so that one run tells everything that needs attention.
  - Each sentence names the variable, what was found and the way out. No sentence quotes a secret.
  - Reads the files of CA certificates on the controller. Nothing else is read.
options:
  _input:
    description: The inventory's mappings by name, such as C(huntaze_aws) and C(huntaze_cache).
    type: dict
    required: true
  agents:
    description: Whether the inventory's group C(huntaze_limiter_agents) has hosts. C(huntaze_limiter.agents) has to agree with that.
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
  description: One sentence for each problem. Empty if there is none.
  type: list
  elements: str
"""

# Per mapping: its keys, and the pattern of those that must be given (None: any text; a word: the kind of name that _shapes knows).
REQUIRED = {
    "huntaze_aws": {
        "region": (r"[a-z]{2,}(-[a-z]+)+-\d{1,2}", "a region such as us-east-1"),
        "expected_account_id": (r"\d{12}", "the account's 12 digits, as a quoted string"),
    },
    "huntaze_names": {
        "prefix": (
            r"(?=.{1,60}\Z)[A-Za-z](-?[A-Za-z0-9])*",
            "what the names of alarms begin with, such as huntaze-ai: letters, digits and single hyphens, 60 at most",
        ),
        "metric_namespace": (
            r"(?!AWS/)[A-Za-z0-9./_#-]{1,255}",
            "the CloudWatch namespace of the agents' metrics, such as Huntaze/AI, not one of AWS's own",
        ),
    },
    "huntaze_cache": {
        "name": ("cache", "the name of a cluster or a replication group"),
    },
    "huntaze_limiter": {
        "security_group_id": ("security group", "the ID of the limiter hosts' security group, such as sg-0123456789abcdef0"),
    },
    "huntaze_database": {
        "identifier": ("database instance", "the identifier of a DB instance or of a DB cluster"),
        "name": (None, "the name of a database"),
        "user": (None, "the name of a database user"),
        "password": (None, "the password of that user, from the environment or a vault"),
    },
    "huntaze_app": {
        "branch": (r"(?!refs/)\S+", "the branch that Amplify builds, such as main"),
    },
    "huntaze_alarms": {},
}
# What may be given beside, and of which type; text is looked at more closely below.
NUMBER = (int, float)
YES_OR_NO = bool
TEXT = str
LIST = list
MAPPING = dict
LIST_OR_WORD = (list, str)
OPTIONAL = {
    "huntaze_aws": {"endpoint_url": TEXT, "profile": TEXT, "access_key": TEXT, "secret_key": TEXT, "session_token": TEXT},
    "huntaze_names": {},
    "huntaze_cache": {
        "replication_group_id": TEXT, "auth_token": TEXT, "tls_ca_file": TEXT, "security_group_id": TEXT, "snapshot": YES_OR_NO, "snapshot_name": TEXT,
        "wait_timeout": NUMBER, "probe": YES_OR_NO, "probe_timeout": NUMBER, "apply_pending_modifications": YES_OR_NO,
    },
    "huntaze_limiter": {
        "agents": TEXT, "url": TEXT, "listen_from": LIST, "port": NUMBER, "tls": MAPPING, "bearer_tokens": LIST, "rules": MAPPING, "cloudwatch": MAPPING,
        "wait_timeout": NUMBER,
    },
    "huntaze_database": {"endpoint": TEXT, "port": NUMBER, "tls_ca_file": TEXT, "allow_limiter": YES_OR_NO},
    "huntaze_app": {
        "app_id": TEXT, "app_name": TEXT, "elasticache_variables": YES_OR_NO, "variables": MAPPING, "secret_variables": MAPPING,
        "build_quotes_values": YES_OR_NO, "wait_timeout": NUMBER,
    },
    "huntaze_alarms": {"actions": LIST_OR_WORD, "thresholds": MAPPING, "items": LIST},
}
WORDS = {
    NUMBER: "a number above 0",
    YES_OR_NO: "true or false",
    TEXT: "text",
    LIST: "a list",
    MAPPING: "a mapping of names to values",
    LIST_OR_WORD: "a list, or the word none",
}
# Left out, there is nothing of the kind to look after.
OPTIONAL_MAPPINGS = ("huntaze_database", "huntaze_app", "huntaze_alarms")
# Optional text that is the name of something: the kinds that _shapes knows.
NAMES = {
    ("huntaze_cache", "replication_group_id"): "replication group",
    ("huntaze_cache", "security_group_id"): "security group",
    ("huntaze_cache", "snapshot_name"): "snapshot",
    ("huntaze_app", "app_id"): "Amplify app",
}
LOOKED_AT_BELOW = {("huntaze_limiter", "agents"), ("huntaze_limiter", "url"), ("huntaze_alarms", "actions")}
# Files that the controller reads.
FILES = (("huntaze_cache", "tls_ca_file"), ("huntaze_limiter", "tls", "ca_file"))
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
# What the stage app gives the app beside what is listed.
LIMITER_VARIABLES = ("LIMITER_URL", "LIMITER_TOKEN")
CACHE_VARIABLES = ("ELASTICACHE_REDIS_HOST", "ELASTICACHE_REDIS_PORT")
# Who runs agents.
AGENTS = ("deployed", "elsewhere", "none")
CLOUDWATCH = ("namespace", "region", "endpoint_url", "interval", "access_key", "secret_key")
TLS = ("certificate", "key", "ca_file")
# 24 is the agent's limit.
BEARER_TOKEN = re.compile(r"[!-~]{24,}")
SECRETS = {"password", "access_key", "secret_key", "session_token", "auth_token"}


def nearest(name, known):
    """`known` in words, the one that `name` was meant for first."""
    close = difflib.get_close_matches(str(name), sorted(known), 1, 0.7)
    return f"Did you mean {close[0]}? " if close else ""


def unknown_key(path, key, known):
    return f"{path}.{key} is not known. {nearest(key, known)}Remove it, or use one of: {', '.join(sorted(known))}."


def without_user(url):
    """`url` as it may be shown: what stands before an @ may be a password."""
    return re.sub(r"^([a-z]+://)?.*@", r"\1...@", url, flags=re.IGNORECASE | re.DOTALL)


def is_of(kind, value):
    """Whether `value` is of the kind that OPTIONAL says."""
    if kind is NUMBER:
        return isinstance(value, NUMBER) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return isinstance(value, kind)


def problems_of(name, mapping):
    """The problems of the one mapping `name`, as sentences."""
    if not isinstance(mapping, dict):
        yield f"{name} must be a mapping of names to values."
        return
    known = {*REQUIRED[name], *OPTIONAL[name]}
    for key in sorted(set(mapping) - known, key=str):
        if (name, key) == ("huntaze_cache", "requirepass"):
            yield (
                "huntaze_cache.requirepass: ElastiCache has no such parameter. Remove it and give the password as "
                "huntaze_cache.auth_token, which deploys AUTH together with the TLS it needs."
            )
        else:
            yield unknown_key(name, key, known)
    for key, (pattern, meaning) in REQUIRED[name].items():
        yield from required_problems(name, key, mapping.get(key), pattern, meaning)
    for key, kind in OPTIONAL[name].items():
        value = mapping.get(key)
        if value is None or value == "":
            continue
        if not is_of(kind, value):
            found = f" {value!r}" if kind in (NUMBER, YES_OR_NO) else ""  # what else is there may be secret
            yield f"{name}.{key}{found} must be {WORDS[kind]}. Correct it, or leave it out."
        elif isinstance(value, str):
            yield from text_problems(name, key, value)


def required_problems(name, key, value, pattern, meaning):
    path = f"{name}.{key}"
    found = "" if key in SECRETS else f" {value!r}"
    if value is None or value == "":
        yield f"{path} is missing. Set it to {meaning}."
    elif not isinstance(value, str):
        yield f"{path}{found} is not usable. Set it to {meaning}."
    elif edges_problem(path, value):
        yield edges_problem(path, value)
    elif is_placeholder(value):
        yield f"{path}{found} is a placeholder. Set it to {meaning}."
    elif pattern in KINDS:
        problem = name_problem(path, value, pattern)
        if problem:
            yield f"{problem} Set it to {meaning}."
    elif pattern and not re.fullmatch(pattern, value):
        yield f"{path}{found} is not usable. Set it to {meaning}."


def text_problems(name, key, value):
    """What is wrong with the text of an optional key, at most one sentence."""
    path = f"{name}.{key}"
    if edges_problem(path, value):
        yield edges_problem(path, value)
    elif is_placeholder(value) and (name, key) not in LOOKED_AT_BELOW:
        yield f"{path}{'' if key in SECRETS else f' {without_user(value)!r}'} is a placeholder. Set it to the real value, or leave it out."
    elif (name, key) in NAMES:
        problem = name_problem(path, value, NAMES[(name, key)])
        if problem:
            yield problem
    elif key == "endpoint_url" and not re.fullmatch(r"https?://[^\s/?#@]+/?", value):
        yield f"{path} {without_user(value)!r} is not usable. Set it to a URL such as https://elasticache.us-east-1.amazonaws.com, or leave it out."


def file_problems(variables):
    """What is wrong with the files of certificates that the controller reads."""
    for name, *keys in FILES:
        value = variables.get(name)
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, str) or not value:
            continue
        path = ".".join([name, *keys])
        if not os.path.isabs(os.path.expanduser(value)):
            yield f"{path} {value!r} is a relative path, which stages would look for in different places. Give an absolute one."
            continue
        try:
            with open(os.path.expanduser(value), encoding="utf-8", errors="replace") as file:
                if "-----BEGIN CERTIFICATE-----" not in file.read():
                    yield f"{path} {value!r} holds no certificate in PEM format. Name a file that does, or leave it out to trust the system's authorities."
        except OSError as error:
            yield f"{path} {value!r} cannot be read on the controller: {error.strerror}. Copy the certificates there, or correct the path."


def cache_problems(cache):
    token = cache.get("auth_token")
    if token is None or token == "":
        yield (
            "huntaze_cache.auth_token is missing. Set it from the environment (HUNTAZE_CACHE_AUTH_TOKEN) or a vault; "
            "`openssl rand -hex 32` makes a good one."
        )
    elif isinstance(token, str) and not edges_problem("", token) and not is_placeholder(token):
        yield from (f"huntaze_cache.auth_token: {problem}" for problem in token_problems(token))


def database_problems(database):
    if database.get("endpoint"):
        problem = host_problem("huntaze_database.endpoint", database["endpoint"])
        if problem and isinstance(database["endpoint"], str) and not edges_problem("", database["endpoint"]):
            yield problem
    if database.get("port") is not None and is_of(NUMBER, database["port"]):
        problem = port_problem("huntaze_database.port", database["port"])
        if problem:
            yield problem


def limiter_problems(limiter):
    yield from bearer_problems(limiter)
    yield from url_problems(limiter)
    sources = limiter.get("listen_from")
    sources = sources if isinstance(sources, list) else []
    yield from (
        f"huntaze_limiter.listen_from {source!r} is not usable. Set it to a network such as 10.0.0.0/16 or 0.0.0.0/0, "
        "a security group (sg-) or a prefix list (pl-)."
        for source in sources if not is_source(source)
    )
    port = limiter.get("port")
    if port is not None and is_of(NUMBER, port) and port_problem("", port):
        yield f"huntaze_limiter.port {port!r} is not usable. Set it to a number from 1 to 65535."
    for key, known in (("tls", TLS), ("cloudwatch", CLOUDWATCH)):
        if isinstance(limiter.get(key), dict):
            yield from (unknown_key(f"huntaze_limiter.{key}", inner, known) for inner in sorted(set(limiter[key]) - set(known), key=str))
    yield from tls_problems(limiter, sources)
    if limiter.get("rules") and isinstance(limiter["rules"], dict):
        yield from (f"huntaze_limiter.rules: {problem}." for problem in rules_problems(limiter["rules"]))
    cloudwatch = limiter.get("cloudwatch")
    interval = cloudwatch.get("interval") if isinstance(cloudwatch, dict) else None
    if interval not in (None, "") and not is_of(NUMBER, interval):
        yield f"huntaze_limiter.cloudwatch.interval {interval!r} must be {WORDS[NUMBER]}. Correct it, or leave it out."
    if isinstance(cloudwatch, dict) and bool(cloudwatch.get("access_key")) != bool(cloudwatch.get("secret_key")):
        yield "huntaze_limiter.cloudwatch has only one of access_key and secret_key. Give both, or neither where the hosts have an instance role."


def region_problems(limiter, aws):
    """The limiter's alarms and the verification look where everything else is."""
    agents = limiter["cloudwatch"].get("region") if isinstance(limiter.get("cloudwatch"), dict) else None
    region = aws.get("region") if isinstance(aws, dict) else None
    if agents and region and agents != region:
        yield (
            f"huntaze_limiter.cloudwatch.region is {agents!r}, but the alarms and the verification look for the agents' metrics in {region!r}, "
            "which huntaze_aws.region names. Leave it out."
        )


def bearer_problems(limiter):
    tokens = limiter.get("bearer_tokens")
    if not isinstance(tokens, list):
        return
    for number, token in enumerate(tokens, 1):
        if not (isinstance(token, str) and BEARER_TOKEN.fullmatch(token)):
            yield f"huntaze_limiter.bearer_tokens: number {number} is not 24 or more visible ASCII characters. `openssl rand -hex 32` makes a good one."
        elif is_placeholder(token):
            yield f"huntaze_limiter.bearer_tokens: number {number} is a placeholder. `openssl rand -hex 32` makes a good one."
    if len({str(token) for token in tokens}) < len(tokens):
        yield "huntaze_limiter.bearer_tokens names a token twice. Take one of them out."


def url_problems(limiter):
    if not limiter.get("url") or not isinstance(limiter["url"], str):
        return
    for url in limiter["url"].split(","):
        if not url.strip():
            yield "huntaze_limiter.url has a comma too many: an https URL stands before and after each."
        elif is_placeholder(url):
            yield f"huntaze_limiter.url {without_user(url.strip())!r} is a placeholder. Set it to https://HOST or https://HOST:PORT."
        elif not re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", url.strip()) or not _has_port(url):
            shown = without_user(url.strip())
            yield f"huntaze_limiter.url {shown!r} is not usable. Set it to https://HOST or https://HOST:PORT: tokens are not sent in plain text."
    if not limiter.get("bearer_tokens"):
        yield "huntaze_limiter.bearer_tokens is missing: the app needs a token for huntaze_limiter.url. Set it from the environment or a vault."


def tls_problems(limiter, sources):
    """Bearer tokens cross a network that others share over TLS only."""
    tls = limiter.get("tls") or {}
    if not isinstance(tls, dict):
        return
    certificate, key = tls.get("certificate"), tls.get("key")
    if bool(certificate) != bool(key):
        yield "huntaze_limiter.tls has only one of certificate and key. Give both as PEM text, or neither behind a load balancer."
    elif certificate:
        yield from (f"huntaze_limiter.tls.{problem}" for problem in certificate_problems(certificate, key))
    else:
        yield from (
            f"huntaze_limiter.listen_from {source} lets callers in from outside the VPC, and huntaze_limiter.tls has no certificate: bearer tokens "
            "would cross the internet in plain text. Give huntaze_limiter.tls (certificate and key), or where TLS ends at a load balancer, "
            "name the load balancer's security group (sg-) as the source."
            for source in sources if is_source(source) and is_open_to_others(source)
        )


def _has_port(url):
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def agents_problems(limiter, agents):
    """Requiring TLS and the token shuts out every client that has not moved, so it has to be said who runs the agents."""
    word = limiter.get("agents") or "deployed"
    if word not in AGENTS:
        yield f"huntaze_limiter.agents {word!r} is not known. {nearest(word, AGENTS)}Use one of: {', '.join(AGENTS)}."
    elif word == "deployed" and not agents:
        yield (
            "The inventory's group huntaze_limiter_agents has no host, so no client would be asked whether it has moved before the cache requires TLS "
            "and the token. Add the hosts, or say who the clients are: huntaze_limiter.agents: elsewhere (other tools run the agents, and they use TLS and "
            "the token), or none (no agent runs; every client of the cache uses TLS and the token already)."
        )
    elif word != "deployed" and agents:
        yield f"huntaze_limiter.agents is {word}, but the inventory's group huntaze_limiter_agents has hosts. Take them out, or set it to deployed."
    elif word == "none" and limiter.get("url"):
        yield "huntaze_limiter.url names agents for the app, but huntaze_limiter.agents is none. Take the URL out, or set agents to elsewhere."
    if agents and not limiter.get("bearer_tokens") and not limiter.get("url"):
        yield "huntaze_limiter.bearer_tokens is missing: the hosts of huntaze_limiter_agents run agents, which need at least one."


def app_problems(app):
    if bool(app.get("app_id")) == bool(app.get("app_name")):
        yield "huntaze_app needs exactly one of app_id and app_name, and it must not be empty."
    given = {key: app.get(key) or {} for key in ("variables", "secret_variables")}
    if not all(isinstance(values, dict) for values in given.values()):
        return
    taken = dict.fromkeys(LIMITER_VARIABLES, "huntaze_limiter")
    if app.get("elasticache_variables"):
        taken.update(dict.fromkeys(CACHE_VARIABLES, "the live endpoints"))
    for key, values in given.items():
        yield from (f"huntaze_app.{key}: {name} comes from {source}. Take it out here." for name, source in taken.items() if name in values)
        for name, value in values.items():
            if value is None or str(value).strip() == "":
                yield f"huntaze_app.{key}: {name} is empty. Give it a value, or take it out."
            elif is_placeholder(value):
                yield f"huntaze_app.{key}: {name} is a placeholder. Give it its real value, or take it out."
    empty = {name for values in given.values() for name, value in values.items() if value is None or str(value).strip() == ""}
    problems = variable_problems(*({name: value for name, value in values.items() if name not in empty} for values in given.values()))
    yield from (f"huntaze_app: {problem}" for problem in problems)


def build_problems(variables):
    """Values that the app would not read as they are, unless its build writes them quoted."""
    app, limiter = variables.get("huntaze_app") or {}, variables.get("huntaze_limiter") or {}
    if not isinstance(app, dict) or not app or app.get("build_quotes_values"):
        return
    mappings = {f"huntaze_app.{key}": app.get(key) for key in ("variables", "secret_variables")}
    if isinstance(limiter, dict) and limiter.get("url") and isinstance(limiter.get("bearer_tokens"), list):
        mappings["huntaze_limiter"] = {"url": limiter["url"], "bearer_tokens": next(iter(limiter["bearer_tokens"]), None)}
    lost = [problem for option, mapping in mappings.items() if isinstance(mapping, dict) for problem in plain_build_problems(option, mapping)]
    yield from (
        f"{problem} Choose another value, or write the variables as examples/nextjs/amplify.yml does and set huntaze_app.build_quotes_values: true."
        for problem in lost
    )


def alarms_problems(alarms):
    actions = alarms.get("actions")
    if actions is None or actions == [] or actions == "":
        yield (
            "huntaze_alarms.actions is empty, so the alarms would tell nobody. List the ARNs of SNS topics, or say that nobody is to be told: "
            "huntaze_alarms.actions: none."
        )
    elif isinstance(actions, str) and actions != "none":
        yield f"huntaze_alarms.actions {actions!r} is not usable. Set it to a list of ARNs of SNS topics, or to the word none."
    elif isinstance(actions, list):
        unfit = [action for action in actions if not (isinstance(action, str) and re.fullmatch(r"arn:aws[a-z-]*:[a-z0-9-]+:\S*", action))]
        yield from (f"huntaze_alarms.actions {action!r} is not an ARN. Give one such as arn:aws:sns:us-east-1:123456789012:operators." for action in unfit)
    thresholds = alarms.get("thresholds") or {}
    for name, value in thresholds.items() if isinstance(thresholds, dict) else ():
        if name not in THRESHOLDS:
            yield unknown_key("huntaze_alarms.thresholds", name, THRESHOLDS)
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            yield f"huntaze_alarms.thresholds.{name} {value!r} is not a number."
    items = alarms.get("items") or []
    if not isinstance(items, list):
        return
    items, problems = typed_alarms(items)
    yield from (f"huntaze_alarms.items: {problem}" for problem in [*problems, *alarm_problems(items)])


FURTHER_PROBLEMS = {
    "huntaze_cache": cache_problems,
    "huntaze_limiter": limiter_problems,
    "huntaze_database": database_problems,
    "huntaze_app": app_problems,
    "huntaze_alarms": alarms_problems,
}


def deployment_problems(variables, agents=False):
    """All problems of `variables` (mapping name -> mapping), as sentences without secrets.

    The mappings of OPTIONAL_MAPPINGS may be absent or empty; every other one is needed. `agents`: whether the inventory has hosts for limiter agents.
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
    if isinstance(limiter, dict):
        problems.extend(agents_problems(limiter, agents))
        problems.extend(region_problems(limiter, variables.get("huntaze_aws") or {}))
    problems.extend(file_problems(variables))
    problems.extend(build_problems(variables))
    return list(dict.fromkeys(problems))


class FilterModule:
    def filters(self):
        return {"deployment_problems": deployment_problems}
