# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as the model makes them, for the tests of their forms: of a few differences, of a thousand, of hostile ones."""

from __future__ import annotations

import json
import random
import typing as t
from pathlib import Path
from urllib.parse import quote

import jsonschema
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from hypothesis import strategies as st

SCHEMA = jsonschema.Draft202012Validator(json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text()))
BEGAN = 1795662764.0  # 26 Nov 2026 03:12:44 UTC
DAY = 86400
ACCEPTED = {"reason": "load test of the new plan", "until": "2026-12-01", "by": "owner"}
# What others may have put into a name, a value or a message.
CANARIES = (
    "::error::no", "##[error]no", "<script>alert(1)</script>", "<img src=//x.example/a onerror=alert(1)>", "</style><b>", "--><!--", "```\n# heading\n```",
    "`` ` ``", "a|b\\|c\\", "@everyone", "owner/repository#12", "GH-12", "https://x.example/?a=1&b=2", "www.x.example", "[link](//x.example)",
    "![x](//x.example/y)",
    "\u202eevil\u202c", "\u2066x\u2069", "\x1b[2J\x1b]0;title\x07", "a\r\nb\x00c\u2028d", "&lt;b&gt;&amp;", "$(rm -r x)", "' onclick='x",
    '" autofocus onfocus="x',
    "{{ 7 * 7 }}", "{% raw %}", "| a | b |\n| --- | --- |", "- item", "1. item", "_a_ *b* ~~c~~ __d__", ":warning:", "0123456789abcdef" * 2,
    "x" * 10_000, " ", "",
    "\u00e9\u4e2d\U0001f600", "\ud800",
)
HOSTILE = st.one_of(st.sampled_from(CANARIES), st.text(max_size=30), st.lists(st.sampled_from(CANARIES), min_size=2, max_size=3).map(" ".join))


def record(kind, name, field, declared: t.Optional[str], found: t.Optional[str], state="new", severity="low", days: t.Optional[float] = None, **more):
    path = f"{words.slug(kind).replace('-', '_')}/{quote(words.clean(name), safe='/:@.-_')}"
    return {
        "id": f"{path}#{words.slug(field)}", "object": {"id": path, "kind": kind, "name": name}, "field": field, "declared": declared, "found": found,
        "state": state, "secret": False, "severity": severity, "since": words.iso(BEGAN - days * DAY) if days is not None else None, "by": None, "via": None,
        "accepted": None, "stage": "network", "host": None, "action": "a run puts it back", "remedy": None, "corrects": True, "candidates": [],
        "seen_between": None, **more,
    }


def report(drift=(), word="drift", sentence="2 fields differ from what is declared; 1 lowers security", previous=True, **more):
    """Valid by the schema, which is asked."""
    run = {
        "command": "drift", "mode": "check", "account": "123456789012", "region": "us-east-1", "began": words.iso(BEGAN), "ended": words.iso(BEGAN + 38),
        "duration_s": 38.0, "objects": 61, "collection": "0.4.0", "left_out": [], **({"previous": words.iso(BEGAN - DAY)} if previous else {}),
    }
    made = {
        "version": 1,
        "outcome": {
            "word": word, "sentence": sentence, "effect": "Strangers reach Redis.", "next": "ansible-playbook deploy.yml   # puts back what differs",
        },
        "run": run, "steps": [], "drift": list(drift), "checks": [], "causes": [], "security": [], "failures": [], "notes": [],
        "cost": {"currency": "USD", "month": 0, "change": 0, "price_table": None, "not_counted": "", "items": []}, **more,
    }
    assert [error.message for error in SCHEMA.iter_errors(made)] == []
    return made


def a_few():
    return [
        record("security group", "huntaze-cache", "ingress tcp 6379, source", "huntaze-limiter", "huntaze-limiter, 0.0.0.0/0", severity="high", days=0.188,
               by="user oncall", via="AuthorizeSecurityGroupIngress"),
        record("amplify branch", "huntaze-app/main", "variable LIMITER_TOKEN", "a secret (masked)", "another secret (masked)", "still", "medium", secret=True,
               candidates=[{"by": "role ci", "at": "2026-11-23T18:08:00Z", "via": "UpdateBranch"},
                           {"by": "user oncall", "at": "2026-11-22T01:00:00Z", "via": "UpdateBranch"}],
               seen_between=["2026-11-23T03:12:00Z", "2026-11-24T03:12:00Z"]),
        record("cache", "huntaze-redis", "AUTH", "the token", "user group everybody", severity="high", corrects=False,
               action="a run leaves it: the cache has user groups", remedy="take the user group from the cache, then run deploy.yml"),
        record("alarm", "huntaze-ai-cache-cpu", "threshold", "40 %", "60 %", "still", days=6, by="user oncall", via="PutMetricAlarm", accepted=ACCEPTED),
        record("alarm", "huntaze-ai-agent-silent", "actions", "1 SNS topic", "none", "gone", days=1.1, action="this run put it right"),
    ]


def many(number=1000, seed=1):
    """A night on which a role rewrote half of an estate."""
    chance = random.Random(seed)
    fields = [
        ("alarm", "huntaze-{0}-queue", "threshold", "40 %", "60 %", "low"),
        ("alarm", "huntaze-{0}-queue", "period", "300 s", "60 s", "low"),
        ("alarm", "huntaze-{0}-queue", "actions", "1 SNS topic", "none", "low"),
        ("security group", "huntaze-{0}", "tag owner", "platform", "none", "low"),
        ("security group", "huntaze-{0}", "ingress tcp 443, source", "huntaze-edge", "huntaze-edge, 0.0.0.0/0", "high"),
        ("replication group", "huntaze-redis-{0}", "transit encryption", "required", "preferred", "high"),
        ("amplify branch", "huntaze-{0}/main", "variable GEMINI_MODEL", "gemini-2.5-flash", "gemini-2.5-pro", "medium"),
    ]
    places = "search feed media chat billing export import notify report studio payout checkout".split()
    made = []
    for index in range(number):
        kind, name, field, declared, found, severity = chance.choices(fields, [337, 222, 115, 56, 35, 15, 90])[0]
        who = chance.choices([("role ci", 0.19, 0.01), ("user oncall", 3, 8), ("role terraform", 20, 30), (None, 0, 0)], [75, 8, 5, 6])[0]
        days = who[1] + who[2] * chance.random() if who[0] else None
        made.append(record(
            kind, name.format(f"{places[index % len(places)]}-{index:03}"), field, declared, found, "new" if days and days < 1 else "still", severity, days,
            by=who[0], via=who[0] and "PutMetricAlarm", accepted=ACCEPTED if chance.random() < 0.06 else None, corrects=kind != "replication group",
            action="a run leaves it: the cache has user groups" if kind == "replication group" else "a run puts it back",
        ))
    return made


def step(stage, kind, name, sentence, state="to_do", duration=None):
    path = f"{words.slug(kind)}/{words.slug(name)}"
    return {
        "id": f"{stage}/{path}/{words.slug(sentence)}", "stage": stage, "object": {"id": path, "kind": kind, "name": name}, "sentence": sentence,
        "state": state, "duration_s": duration,
    }


def check(origin, to, verdict="ok", latency=None, says=None, expected="reached", tls=None, authentication=None):
    return {
        "id": f"{words.slug(origin)}>{words.slug(to)}", "from": origin, "to": to, "expected": expected, "verdict": verdict, "latency_ms": latency,
        "tls": tls, "authentication": authentication, "says": says,
    }


CHECKS = [
    check("limiter-1", "redis", "failed", says="no answer in 5.0 s"), check("stranger", "redis", says="no answer", expected="kept out"),
    check("limiter-1", "postgresql", latency=1.14, says="answers", tls="1.3", authentication="enforced"),
    check("controller", "postgresql", "not_verified", says="the controller is outside of the VPC"),
]
FAILURE = {
    "id": "auth_close/host/localhost/x", "stage": "auth_close", "task": "Accept the token too", "host": "localhost",
    "meaning": "Somebody else modifies the group now.", "message": "An error occurred (InvalidReplicationGroupState):\nhuntaze-redis has status modifying",
    "state": "TLS is required", "done": "14 steps", "next_run": "goes on from here",
}
CAUSE = {
    "id": "limiter-1>redis:ingress_missing", "checks": ["limiter-1>redis"], "confidence": "certain",
    "title": "security group huntaze-cache does not let tcp 6379 in from huntaze-limiter",
    "path": [{"hop": "limiter-1", "verdict": "from"}, {"hop": "route", "verdict": "ok"}, {"hop": "security group", "verdict": "failed"}],
    "client_saw": "no answer in 5.0 s", "aws_says": "huntaze-cache has 1 ingress rule, for tcp 22.",
    "evidence": [{"source": "ec2 DescribeSecurityGroupRules", "at": "2026-11-26T03:13:03Z", "text": '"FromPort": 22,\n"ToPort": 22'}],
    "ruled_out": ["routes are local"],
    "remedy": {"kind": "command", "text": "ansible-playbook deploy.yml --tags network,verify", "does": "adds 1 rule"},
}
FINDING = {
    "id": "postgresql/public", "state": "new", "severity": "high", "object": {"id": "db_instance/x", "kind": "db instance", "name": "huntaze-production"},
    "found": "publicly accessible", "means": "Anybody may try passwords.",
    "remedy": {"kind": "variable", "text": "huntaze_database: {publicly_accessible: false}"}, "breaks": "DATABASE_URL of the app.",
}
COST = {
    "currency": "USD", "month": 61.92, "change": 18.49, "price_table": "2026-11-01", "not_counted": "data transfer, requests, taxes",
    "items": [
        {"id": "elasticache/node", "label": "ElastiCache cache.t3.micro", "quantity": "1 node, 730 h", "usd_month": 12.41, "basis": "listed"},
        {"id": "s3/bucket", "label": "S3 Standard", "quantity": "5 GB", "usd_month": 0.12, "basis": "estimated"},
    ],
}


def full(**more):
    """Every section has something to say."""
    return report(**{
        "drift": a_few(), "word": "failed", "sentence": "Stopped in auth_close at step 15 of 30: ElastiCache refused the token",
        "failures": [FAILURE], "causes": [CAUSE], "checks": CHECKS, "security": [FINDING], "cost": COST,
        "notes": ["CloudTrail's events come late, by minutes."],
        "steps": [step("network", "security group", "huntaze-cache", "remove ingress tcp 6379 from 0.0.0.0/0", "done", 3.0),
                  step("app", "branch", "huntaze-app/main", "set LIMITER_TOKEN (masked)", "failed")], **more,
    })


def hostile(text: str):
    """A report whose every text of others is `text`."""
    said = " ".join(words.lines_of(text)) or "-"
    changed = record("alarm", text, text, text, text, severity="high", days=1, by=text, via=text, action=text, remedy=text, corrects=False, host=text)
    return full(
        drift=[
            changed, {**changed, "state": "still", "by": None, "candidates": [{"by": text, "at": words.iso(BEGAN), "via": text}]},
            {**changed, "accepted": {"reason": text, "until": "2026-12-01", "by": text}}, {**changed, "state": "gone"},
        ],
        failures=[{**FAILURE, "message": text, "task": text, "host": text, "meaning": text}],
        causes=[{
            **CAUSE, "title": text, "path": [{"hop": text, "verdict": text}], "evidence": [{"source": text, "at": words.iso(BEGAN), "text": text}],
            "remedy": {"kind": "command", "text": text, "does": text},
        }],
        security=[{**FINDING, "found": text, "means": text}], notes=[said],
        checks=[check(text, text, "failed", says=text), check("limiter-1", text, says=text)],
        steps=[step("network", "alarm", text, text)],
        outcome={"word": "failed", "sentence": said, "effect": text, "next": text},
    )
