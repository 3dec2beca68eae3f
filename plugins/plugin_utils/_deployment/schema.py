# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a deployment, each once: what it means, its kind, whether it is needed, its default. Pure.

problems.py refuses what does not fit, the filters that make alarms, ingress rules and agents' inputs fill in the defaults, and docs/variables.py writes the
tables for people.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t


class Kind(t.NamedTuple):
    """A kind of value: in words, what is of it, and whether a value of another kind may be shown. What is text may be a secret."""

    words: str
    fits: t.Callable[[t.Any], bool]
    shown: bool = False


def _is_number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


TEXT = Kind("text", lambda value: isinstance(value, str))
NUMBER = Kind("a number above 0", lambda value: _is_number(value) and value > 0, shown=True)
ANY_NUMBER = Kind("a number", _is_number, shown=True)
YES_OR_NO = Kind("true or false", lambda value: isinstance(value, bool), shown=True)
LIST = Kind("a list", lambda value: isinstance(value, list))
MAPPING = Kind("a mapping of names to values", lambda value: isinstance(value, dict))
PEM = Kind("PEM text", lambda value: True)  # problems.py reads it together with what belongs to it
LIST_OR_WORD = Kind("a list, or the word none", lambda value: isinstance(value, (list, str)))


@dataclasses.dataclass(frozen=True)
class Key:
    """One variable. Left out, null and empty text are the same."""

    meaning: str  # a sentence for the tables, without its full stop
    kind: Kind = TEXT
    wanted: str = ""  # what to set it to. It is needed if it has this
    pattern: str = ""  # of the whole text
    name_of: str = ""  # what the text names, a kind of _shapes.NAMES
    default: t.Any = None
    secret: bool = False  # never shown
    is_file: bool = False  # a file that the controller reads
    judged: bool = False  # problems.py itself tells its placeholders
    choices: tuple[str, ...] = ()
    keys: t.Mapping[str, Key] = dataclasses.field(default_factory=dict)  # all that a mapping may hold; without them it may hold anything


class Subject(t.NamedTuple):
    """One mapping of the inventory."""

    meaning: str
    keys: t.Mapping[str, Key]
    needed: bool = True  # else it may be left out: then there is nothing of the kind to look after


_PURGE = "Whether rules of its security group are revoked that open {} and that nobody declared. Else they stay, and a drift run tells them"
_WAIT = "How many seconds the stages wait for AWS. The modules' own default is in their documentation"

SCHEMA: dict[str, Subject] = {
    "huntaze_aws": Subject("The account, and the way to it. Credentials are found as boto3 finds them, or given here.", {
        "region": Key("The region of everything", wanted="a region such as us-east-1", pattern=r"[a-z]{2,}(-[a-z]+)+-\d{1,2}"),
        "expected_account_id": Key(
            "The account that the credentials have to belong to", wanted="the account's 12 digits, as a quoted string", pattern=r"\d{12}",
        ),
        "profile": Key("A profile of AWS's configuration files"),
        "access_key": Key("An access key", secret=True),
        "secret_key": Key("What belongs to the access key", secret=True),
        "session_token": Key("What belongs to a temporary access key", secret=True),
        "endpoint_url": Key("Another endpoint than AWS's, for all services"),
    }),
    "huntaze_names": Subject("The names that are this environment's own. Each environment of an account and region needs its own.", {
        "prefix": Key(
            "What the names of alarms begin with",
            wanted="what the names of alarms begin with, such as huntaze-ai: letters, digits and single hyphens, 60 at most",
            pattern=r"(?=.{1,60}\Z)[A-Za-z](-?[A-Za-z0-9])*",
        ),
        "metric_namespace": Key(
            "The CloudWatch namespace that agents publish to and the limiter's alarms watch",
            wanted="the CloudWatch namespace of the agents' metrics, such as Huntaze/AI, not one of AWS's own",
            pattern=r"(?!AWS/)[A-Za-z0-9./_#-]{1,255}",
        ),
    }),
    "huntaze_cache": Subject("The cache.", {
        "name": Key("A cluster or a replication group", wanted="the name of a cluster or a replication group", name_of="cache"),
        "auth_token": Key(
            "The token. Deploying another one rotates it",
            wanted="a token from the environment (HUNTAZE_CACHE_AUTH_TOKEN) or a vault; `openssl rand -hex 32` makes a good one", secret=True,
        ),
        "replication_group_id": Key("The replication group that a standalone cluster becomes the first member of", name_of="replication group"),
        "security_group_id": Key("The group that lets clients in, if it is not the cache's first", name_of="security group"),
        "purge_ingress": Key(_PURGE.format("the cache's port"), YES_OR_NO, default=False),
        "tls_ca_file": Key("Authorities that the cache's certificate is checked against. Default: the system's", is_file=True),
        "snapshot": Key("Whether a snapshot is made before a promotion", YES_OR_NO),
        "snapshot_name": Key("The name of that snapshot", name_of="snapshot"),
        "wait_timeout": Key(_WAIT, NUMBER),
        "probe": Key("Whether the cache itself is asked which token it accepts", YES_OR_NO),
        "probe_timeout": Key("How many seconds its answer may take", NUMBER),
        "apply_pending_modifications": Key("Whether changes that wait for the maintenance window may be made along", YES_OR_NO),
    }),
    "huntaze_limiter": Subject("The limiter agents.", {
        "security_group_id": Key(
            "The security group of the hosts that call the cache",
            wanted="the ID of the limiter hosts' security group, such as sg-0123456789abcdef0", name_of="security group",
        ),
        "agents": Key(
            "Who runs agents: `deployed` (this collection), `elsewhere` (other tools) or `none`", default="deployed", choices=("deployed", "elsewhere", "none"),
        ),
        "url": Key("Where the app reaches the agents: one https URL, or several separated by commas", judged=True),
        "bearer_tokens": Key(
            "The tokens that let callers in, each of 24 or more visible ASCII characters. The app sends the first", LIST, default=(), secret=True,
        ),
        "listen_from": Key("Who may reach the agents' port: networks, security groups (`sg-`), prefix lists (`pl-`)", LIST, default=()),
        "purge_ingress": Key(_PURGE.format("the agents' port"), YES_OR_NO, default=False),
        "port": Key("The port that agents listen on", NUMBER, default=8443),
        "tls": Key("The agents' certificate. Leave it out where TLS ends at a load balancer", MAPPING, keys={
            "certificate": Key("The certificate and those between it and the authority, as PEM text", PEM),
            "key": Key("Its private key, as PEM text, without a passphrase", PEM, secret=True),
            "ca_file": Key("Authorities that verification checks the certificate against. Default: the system's", is_file=True),
        }),
        "rules": Key("The plans and their limits. Default: starter, pro and business with 50, 100 and 500 requests an hour", MAPPING),
        "cloudwatch": Key("How agents publish their metrics", MAPPING, keys={
            "namespace": Key("Default: `huntaze_names.metric_namespace`"),
            "region": Key("The same as `huntaze_aws.region`, which is the default"),
            "endpoint_url": Key("Another endpoint than AWS's"),
            "interval": Key("How many seconds lie between two calls", NUMBER, default=60),
            "access_key": Key("An access key. Default: the role of the host", secret=True),
            "secret_key": Key("What belongs to the access key", secret=True),
        }),
        "wait_timeout": Key(_WAIT, NUMBER),
    }),
    "huntaze_database": Subject("The database. Leave it out if there is none.", {
        "identifier": Key("A DB instance or a DB cluster", wanted="the identifier of a DB instance or of a DB cluster", name_of="database instance"),
        "name": Key("A database on it", wanted="the name of a database"),
        "user": Key("A database user", wanted="the name of a database user"),
        "password": Key("The user's password", wanted="the password of that user, from the environment or a vault", secret=True),
        "endpoint": Key("The host that clients connect to. Default: the one that AWS shows"),
        "port": Key("The port. Default: the one that AWS shows", NUMBER),
        "tls_ca_file": Key("RDS's certificates, a file on the vantage points"),
        "allow_limiter": Key("Whether the limiter hosts are let in. What can reach the database today stays as it is", YES_OR_NO, default=False),
        "purge_ingress": Key(
            "The same for the database's port, with `allow_limiter`. An app outside of the VPC then loses its way to the database", YES_OR_NO, default=False,
        ),
    }, needed=False),
    "huntaze_app": Subject("The Amplify app. Leave it out if there is none.", {
        "app_id": Key("The app's ID. Either this or `app_name` is needed", name_of="Amplify app"),
        "app_name": Key("The app's name"),
        "branch": Key("The branch that Amplify builds", wanted="the branch that Amplify builds, such as main", pattern=r"(?!refs/)\S+"),
        "variables": Key("Variables of the branch", MAPPING, default={}),
        "secret_variables": Key("Variables that are never shown", MAPPING, default={}, secret=True),
        "elasticache_variables": Key("Whether ELASTICACHE_REDIS_HOST and ELASTICACHE_REDIS_PORT are set from the live endpoints", YES_OR_NO, default=False),
        "build_quotes_values": Key("Whether the app's build writes variables as `examples/nextjs/amplify.yml` does", YES_OR_NO, default=False),
        "test_url": Key("A route of the app that answers 200 if its agents reach Redis, such as `https://.../api/test-redis` of `examples/nextjs`"),
        "wait_timeout": Key(_WAIT, NUMBER),
    }, needed=False),
    "huntaze_bucket": Subject("The bucket of the app's files. Leave it out if there is none. It is looked at and never changed.", {
        "name": Key("The bucket. Empty for none"),
        "region": Key("Its region. Default: `huntaze_aws.region`"),
    }, needed=False),
    "huntaze_alarms": Subject("The alarms. Leave it out for none.", {
        "actions": Key("ARNs of the SNS topics that all alarms notify; the word `none` if nobody is to be notified", LIST_OR_WORD, judged=True),
        "thresholds": Key("Thresholds that differ from their defaults", MAPPING, keys={
            "cache_cpu_percent": Key(
                "Redis works on one core, so a node of two vCPUs, such as a cache.t3.micro, is full near 50; for one of four, choose 20",
                ANY_NUMBER, default=40,
            ),
            "cache_cpu_credits": Key(
                "Classes `cache.t*` only; at 0 the node falls to its baseline. Larger classes earn more an hour, so choose what lasts until somebody can act",
                ANY_NUMBER, default=30,
            ),
            "cache_memory_percent": Key("The same for all classes, as it is a share", ANY_NUMBER, default=80),
            "cache_evictions": Key("An evicted key gives its creator a fresh limit", ANY_NUMBER, default=0),
            "cache_connections": Key("What the limiter hosts open; the class only sets how much memory they take", ANY_NUMBER, default=1000),
            "database_cpu_percent": Key("For classes `db.t*` watch credits too", ANY_NUMBER, default=80),
            "database_free_storage_bytes": Key(
                "A tenth of the allocated storage is a good start; not for Aurora, whose storage grows by itself", ANY_NUMBER, default=2147483648,
            ),
            "database_connections": Key(
                "The class's memory sets `max_connections`; stay below it by what migrations and people need", ANY_NUMBER, default=60,
            ),
            "redis_latency_ms": Key("p99 of the agents' calls to Redis, in milliseconds", ANY_NUMBER, default=50),
            "anomalies": Key("Creators at twice their hourly limit within five minutes", ANY_NUMBER, default=0),
        }),
        "items": Key("Further alarms, in the fields of `huntaze.ai_system.cloudwatch_alarms`", LIST, default=()),
    }, needed=False),
    "huntaze_lock": Subject("The lock that lets one run at a time change the environment. Leave it out for the defaults.", {
        "enabled": Key("Whether a run that changes something takes the lock", YES_OR_NO, default=True),
        "name": Key("The lock's name. Default: `/deployment-lock/PREFIX` with `huntaze_names.prefix`"),
        "bucket": Key("An S3 bucket to keep it in, instead of an SSM parameter"),
        "table": Key("A DynamoDB table to keep it in, with the partition key `LockID`, a string"),
        "lease_seconds": Key("How long it outlives a run whose machine has vanished", NUMBER, default=300),
        "wait_timeout": Key("How many seconds a run waits for another one to end. Left out, it is refused at once", NUMBER),
    }, needed=False),
    "huntaze_drift": Subject("What drift.yml reports, and where. Leave it out for the defaults.", {
        "directory": Key("Where reports are kept, on the controller. A relative path begins where the run is started", default="reports"),
        "keep": Key("How many former reports are kept", NUMBER, default=100),
        "formats": Key("In which forms the last report is written beside JSON: `markdown`, `html`", LIST, default=("markdown", "html")),
        "attribute": Key("Whether CloudTrail is asked who made each difference", YES_OR_NO, default=False),
        "max_calls": Key("How many calls that may take. AWS allows two a second", NUMBER, default=30),
        "accepted": Key(
            "Differences that make no drift until a day, each with `object` and `field` as the report has them, `reason`, `until` and, if you like, `by`",
            LIST, default=(),
        ),
        "metrics": Key("Whether `scripts/huntaze-drift` tells CloudWatch how each run ended, and whether alarms watch that", YES_OR_NO, default=False),
        "max_age_hours": Key("After how many hours without a run that looked at everything an alarm tells, 168 at most", NUMBER, default=26),
    }, needed=False),
}
THRESHOLDS = SCHEMA["huntaze_alarms"].keys["thresholds"].keys


def is_left_out(value: t.Any) -> bool:
    return value is None or value == ""


def filled(variables: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Every mapping of the schema with every key: as declared, else its default, else None. What is not of its kind counts as left out."""
    return {name: _filled(subject.keys, variables.get(name)) for name, subject in SCHEMA.items()}


def _filled(keys: t.Mapping[str, Key], given: t.Any) -> dict[str, t.Any]:
    given = given if isinstance(given, dict) else {}
    return {name: _value(key, given.get(name)) for name, key in keys.items()}


def _value(key: Key, given: t.Any) -> t.Any:
    if key.keys:
        return _filled(key.keys, given)
    if not is_left_out(given):
        return given
    return list(key.default) if isinstance(key.default, tuple) else dict(key.default) if isinstance(key.default, dict) else key.default
