# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables of a deployment, as sentences without secrets. Only files of CA certificates are read."""

from __future__ import annotations

import difflib
import os
import re
from urllib.parse import urlsplit

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.dotenv import plain_build_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.environment import variable_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.problems import alarm_problems, typed_alarms
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.problems import token_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._lock.lease import problems as lock_option_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import edges_problem, host_problem, name_problem, port_problem
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.limiter import certificate_problems, is_open_to_others, is_source, rules_problems
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.placeholders import is_placeholder
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import NUMBER, PEM, SCHEMA, is_left_out
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.drift import day

# What the stage app gives the app beside what is listed.
LIMITER_VARIABLES = ("LIMITER_URL", "LIMITER_TOKEN")
CACHE_VARIABLES = ("ELASTICACHE_REDIS_HOST", "ELASTICACHE_REDIS_PORT")
# 24 is the agent's limit.
BEARER_TOKEN = re.compile(r"[!-~]{24,}")
FORMATS = ("markdown", "html")
# What an accepted difference has to have.
ACCEPTANCE = {
    "object": "Give it as the report has it, such as alarm huntaze-ai-cache-cpu.", "field": "Give it as the report has it, such as threshold.",
    "reason": "Say why, for those who read the report.", "until": "Give the last day, as 2027-01-31.",
}
WORDS_OF_SWITCHES = ("true", "false", "yes", "no", "on", "off", "1", "0")
# Keys that guides know and AWS does not.
MISTAKEN = {
    "huntaze_cache.requirepass": (
        "huntaze_cache.requirepass: ElastiCache has no such parameter. Remove it and give the password as "
        "huntaze_cache.auth_token, which deploys AUTH together with the TLS it needs."
    ),
}


def deployment_problems(variables, agents=False, switches=None):
    """All problems of `variables` (mapping name -> mapping), as sentences without secrets.

    Mappings that the schema does not need may be absent or empty. `agents`: whether the inventory has hosts for limiter agents. `switches`: variables of the
    command line that are true or false.
    """
    problems = list(switch_problems(switches or {}))
    for name, subject in SCHEMA.items():
        mapping = variables.get(name) or {}
        if mapping or subject.needed:
            problems.extend(mapping_problems(name, mapping, subject.keys))
            if name in FURTHER_PROBLEMS and isinstance(mapping, dict):
                problems.extend(FURTHER_PROBLEMS[name](mapping))
    limiter = variables.get("huntaze_limiter") or {}
    if isinstance(limiter, dict):
        problems.extend(agents_problems(limiter, agents))
        problems.extend(region_problems(limiter, variables.get("huntaze_aws") or {}))
    problems.extend(build_problems(variables))
    return list(dict.fromkeys(problems))


def nearest(name, known):
    """The one of `known` that `name` was meant for, as a question."""
    close = difflib.get_close_matches(str(name), sorted(known), 1, 0.7)
    return f"Did you mean {close[0]}? " if close else ""


def without_user(url):
    """`url` as it may be shown: what stands before an @ may be a password."""
    return re.sub(r"^([a-z]+://)?.*@", r"\1...@", url, flags=re.IGNORECASE | re.DOTALL)


def mapping_problems(path, mapping, keys):
    """What does not fit the schema in one mapping, and in those within it."""
    if not isinstance(mapping, dict):
        yield f"{path} must be a mapping of names to values."
        return
    for name in sorted(set(mapping) - set(keys), key=str):
        yield MISTAKEN.get(f"{path}.{name}") or f"{path}.{name} is not known. {nearest(name, keys)}Remove it, or use one of: {', '.join(sorted(keys))}."
    for name, key in keys.items():
        value, place = mapping.get(name), f"{path}.{name}"
        if key.wanted:
            yield from needed_problems(place, value, key)
        elif is_left_out(value):
            continue
        elif not key.kind.fits(value):
            yield f"{place}{f' {value!r}' if key.kind.shown else ''} must be {key.kind.words}. Correct it, or leave it out."
        elif key.keys:
            yield from mapping_problems(place, value, key.keys)
        elif isinstance(value, str) and key.kind is not PEM:
            yield from text_problems(place, value, key)


def needed_problems(path, value, key):
    found = "" if key.secret else f" {value!r}"
    if is_left_out(value):
        yield f"{path} is missing. Set it to {key.wanted}."
    elif not isinstance(value, str):
        yield f"{path}{found} is not usable. Set it to {key.wanted}."
    elif edges_problem(path, value):
        yield edges_problem(path, value)
    elif is_placeholder(value):
        yield f"{path}{found} is a placeholder. Set it to {key.wanted}."
    elif key.name_of:
        problem = name_problem(path, value, key.name_of)
        if problem:
            yield f"{problem} Set it to {key.wanted}."
    elif key.pattern and not re.fullmatch(key.pattern, value):
        yield f"{path}{found} is not usable. Set it to {key.wanted}."


def text_problems(path, value, key):
    """What is wrong with the text of a key that is not needed, at most one sentence."""
    problem = None
    if edges_problem(path, value):
        problem = edges_problem(path, value)
    elif key.choices:
        problem = None if value in key.choices else f"{path} {value!r} is not known. {nearest(value, key.choices)}Use one of: {', '.join(key.choices)}."
    elif is_placeholder(value) and not key.judged:
        problem = f"{path}{'' if key.secret else f' {without_user(value)!r}'} is a placeholder. Set it to the real value, or leave it out."
    elif key.name_of:
        problem = name_problem(path, value, key.name_of)
    elif key.is_file:
        problem = file_problem(path, value)
    elif path.endswith(".endpoint_url") and not re.fullmatch(r"https?://[^\s/?#@]+/?", value):
        problem = f"{path} {without_user(value)!r} is not usable. Set it to a URL such as https://elasticache.us-east-1.amazonaws.com, or leave it out."
    if problem:
        yield problem


def file_problem(path, value):
    """What is wrong with a file of certificates that the controller reads."""
    if not os.path.isabs(os.path.expanduser(value)):
        return f"{path} {value!r} is a relative path, which stages would look for in different places. Give an absolute one."
    try:
        with open(os.path.expanduser(value), encoding="utf-8", errors="replace") as file:
            if "-----BEGIN CERTIFICATE-----" not in file.read():
                return f"{path} {value!r} holds no certificate in PEM format. Name a file that does, or leave it out to trust the system's authorities."
    except OSError as error:
        return f"{path} {value!r} cannot be read on the controller: {error.strerror}. Copy the certificates there, or correct the path."
    return None


def cache_problems(cache):
    token = cache.get("auth_token")
    if isinstance(token, str) and token and not edges_problem("", token) and not is_placeholder(token):
        yield from (f"huntaze_cache.auth_token: {problem}" for problem in token_problems(token))


def database_problems(database):
    if database.get("endpoint"):
        problem = host_problem("huntaze_database.endpoint", database["endpoint"])
        if problem and isinstance(database["endpoint"], str) and not edges_problem("", database["endpoint"]):
            yield problem
    if NUMBER.fits(database.get("port")):
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
    if NUMBER.fits(port) and port_problem("", port):
        yield f"huntaze_limiter.port {port!r} is not usable. Set it to a number from 1 to 65535."
    yield from tls_problems(limiter, sources)
    if limiter.get("rules") and isinstance(limiter["rules"], dict):
        yield from (f"huntaze_limiter.rules: {problem}." for problem in rules_problems(limiter["rules"]))
    cloudwatch = limiter.get("cloudwatch")
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
    key = SCHEMA["huntaze_limiter"].keys["agents"]
    word = limiter.get("agents") or key.default
    if word not in key.choices:
        return
    if word == "deployed" and not agents:
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
    items = alarms.get("items") or []
    if not isinstance(items, list):
        return
    items, problems = typed_alarms(items)
    yield from (f"huntaze_alarms.items: {problem}" for problem in [*problems, *alarm_problems(items)])


def lock_problems(lock):
    if lock.get("bucket") and lock.get("table"):
        yield "huntaze_lock names a bucket and a table. Take one of them out: the lock stands in one place."
    name, lease, wait = (lock.get(key) for key in ("name", "lease_seconds", "wait_timeout"))
    found = lock_option_problems(name if isinstance(name, str) and name else "lock", lease if NUMBER.fits(lease) else 300, wait if NUMBER.fits(wait) else 0)
    yield from (f"huntaze_lock.{problem}" for problem in found)


def drift_problems(drift):
    formats = drift.get("formats")
    for word in formats if isinstance(formats, list) else []:
        if word not in FORMATS:
            yield f"huntaze_drift.formats {word!r} is not known. {nearest(word, FORMATS)}Use some of: {', '.join(FORMATS)}."
    for name in ("keep", "max_calls", "max_age_hours"):
        if NUMBER.fits(drift.get(name)) and drift[name] != int(drift[name]):
            yield f"huntaze_drift.{name} {drift[name]!r} is not usable. Set it to a whole number."
    if NUMBER.fits(drift.get("max_age_hours")) and drift["max_age_hours"] > 168:
        yield f"huntaze_drift.max_age_hours {drift['max_age_hours']!r} is too much. An alarm looks back a week at most: set it to 168 or less."
    accepted = drift.get("accepted")
    for number, entry in enumerate(accepted if isinstance(accepted, list) else []):
        place = f"huntaze_drift.accepted[{number}]"
        if not isinstance(entry, dict):
            yield f"{place} must be a mapping with {', '.join(ACCEPTANCE)}."
            continue
        yield from (f"{place}.{name} is not known. {nearest(name, ACCEPTANCE)}Remove it." for name in sorted(set(entry) - {*ACCEPTANCE, "by"}, key=str))
        yield from (f"{place}.{name} is missing. {why}" for name, why in ACCEPTANCE.items() if is_left_out(entry.get(name)))
        try:
            if not is_left_out(entry.get("until")):
                day(entry["until"])
        except ValueError:
            yield f"{place}.until {entry['until']!r} is no day. Give one as 2027-01-31."


def switch_problems(switches):
    """What is wrong with the variables that are given on the command line, where everything is text."""
    for name, value in switches.items():
        if isinstance(value, bool) or str(value).strip().lower() in WORDS_OF_SWITCHES:
            continue
        yield f"{name} {value!r} must be true or false. Correct it, or leave it out."


FURTHER_PROBLEMS = {
    "huntaze_cache": cache_problems,
    "huntaze_limiter": limiter_problems,
    "huntaze_database": database_problems,
    "huntaze_app": app_problems,
    "huntaze_alarms": alarms_problems,
    "huntaze_lock": lock_problems,
    "huntaze_drift": drift_problems,
}
