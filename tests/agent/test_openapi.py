# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent answers as docs/agent-api.openapi.yml says: each path, method and status, with its headers and the shape of its body."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import jsonschema
import pytest
import yaml

from support.load import TOKEN
from support.machines import Agent
from support.waiting import until

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs/agent-api.openapi.yml").read_text())
QUESTION = {"subject": "creator", "plan": "closed"}
RULES = """
plans:
  pro: {without_redis: open, limits: [{name: hour, requests: 100, seconds: 3600}, {name: day, requests: 1000, seconds: 86400}]}
  tiny: {without_redis: open, limits: [{name: hour, requests: 1, seconds: 3600}]}
  closed: {without_redis: closed, limits: [{name: hour, requests: 100, seconds: 3600}]}
"""


def resolved(part: dict) -> dict:
    """What a reference within the document stands for."""
    while "$ref" in part:
        found = DOCUMENT
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def valid(schema: dict, value: object) -> None:
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


OPERATIONS = {(path, method): operation for path, item in DOCUMENT["paths"].items() for method, operation in item.items() if method != "parameters"}
# Every answer that the document promises by its status, and how to get it.
ASKED = {
    ("/v1/check", "post", 200): QUESTION,
    ("/v1/check", "post", 400): {**QUESTION, "plan": "gold"},
    ("/v1/check", "post", 401): QUESTION,
    ("/v1/check", "post", 413): {**QUESTION, "more": "x" * 5000},
    ("/v1/check", "post", 429): {**QUESTION, "plan": "tiny"},
    ("/v1/check", "post", 503): QUESTION,
    ("/v1/subjects/{subject}", "get", 200): "creator?plan=pro&plan=tiny",
    ("/v1/subjects/{subject}", "get", 400): "a%7Bb%7D",
    ("/v1/subjects/{subject}", "get", 401): "creator",
    ("/v1/subjects/{subject}", "get", 503): "creator",
    ("/v1/subjects/{subject}", "delete", 204): "creator",
    ("/v1/subjects/{subject}", "delete", 400): "a%7Bb%7D",
    ("/v1/subjects/{subject}", "delete", 401): "creator",
    ("/v1/subjects/{subject}", "delete", 503): "creator",
    ("/healthz", "get", 200): None,
    ("/readyz", "get", 200): None,
    ("/readyz", "get", 503): None,
}


@pytest.fixture(scope="module")
def agent(redis_server, tmp_path_factory):
    """With a Redis that answers."""
    agent = Agent(tmp_path_factory.mktemp("openapi") / "agent", redis_server, rules=RULES)
    agent.start()
    agent.check(plan="tiny")
    yield agent
    agent.end()


@pytest.fixture(scope="module")
def alone(redis_server, tmp_path_factory):
    """Without Redis, and with time to see it stop."""
    agent = Agent(tmp_path_factory.mktemp("alone") / "agent", redis_server, rules=RULES, redis={"url": "redis://127.0.0.1:1"}, drain_seconds=5)
    agent.start()
    yield agent
    agent.end()


def holds(path: str, method: str, status: int, headers, body) -> None:
    responses = OPERATIONS[path, method]["responses"]
    promised = resolved(responses.get(str(status)) or responses["default"])
    for name, header in promised.get("headers", {}).items():
        header = resolved(header)
        if header.get("required"):
            assert name in headers
        if name in headers:
            valid(header["schema"], headers[name])
    if "content" in promised:
        ((kind, content),) = promised["content"].items()
        assert headers["Content-Type"] == kind
        valid(content["schema"], body)
    else:
        assert body is None and "Content-Type" not in headers


def test_the_document_says_how_to_get_each_of_its_answers():
    promised = {(path, method, int(status)) for (path, method), operation in OPERATIONS.items() for status in operation["responses"] if status != "default"}
    assert promised == set(ASKED)
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("path", "method", "status"), [asked for asked in ASKED if asked != ("/readyz", "get", 503)])
def test_each_answer_is_as_documented(redis_server, agent, alone, path, method, status):
    asked = ASKED[path, method, status]
    body = asked if method == "post" else None
    if status in (200, 400):
        # What the document says of the question is what the agent takes.
        schema = OPERATIONS[path, method].get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if schema:
            valid(schema, asked)
    answered = (alone if status == 503 else agent).request(
        method.upper(), re.sub("{.*}", str(asked), path), body, token=None if status == 401 else TOKEN)
    assert answered[0] == status
    holds(path, method, *answered)


@pytest.mark.parametrize("changed", [{"subject": "a b"}, {"subject": ""}, {"cost": 0}, {"cost": 1.5}, {"cost": True}, {"cost": 101}, {"more": 1}, {"plan": None}])
def test_what_the_document_forbids_is_refused(agent, changed):
    question = {**QUESTION, **changed}
    if changed != {"cost": 101}:  # which depends on the plan
        with pytest.raises(jsonschema.ValidationError):
            valid(DOCUMENT["components"]["schemas"]["Question"], question)
    answered = agent.request("POST", "/v1/check", question)
    assert answered[0] == 400
    holds("/v1/check", "post", *answered)


def test_decisions_without_redis_are_as_documented(alone):
    for plan in ("pro", "tiny", "tiny"):
        answered = alone.check("lonely", plan)
        holds("/v1/check", "post", *answered)
        assert answered[2]["exact"] is False
    assert (answered[0], answered[2]["type"].partition("#")[2]) == (429, "temporary-reduced-capacity")


@pytest.mark.parametrize("token", [TOKEN, None])
def test_readiness_is_told_in_full_to_who_has_a_token(agent, token):
    answered = agent.get("/readyz", token=token)
    holds("/readyz", "get", *answered)
    assert set(answered[2]) == ({"status", "version", "workers"} if token else {"status"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", [path for path in DOCUMENT["paths"]] + ["/", "/v1"])
def test_there_are_no_other_ways_in(agent, path, method):
    """HEAD is taken where GET is, and a body is left out of its answer."""
    asked = "get" if method == "HEAD" and not path.startswith("/v1/") else method.lower()
    if (path, asked) in OPERATIONS:
        return
    status, headers, body = agent.request(method, path.replace("{subject}", "creator"))
    assert status == (405 if path in DOCUMENT["paths"] else 404)
    if status == 405:
        assert set(headers["Allow"].split(", ")) - {"HEAD"} == {method.upper() for known, method in OPERATIONS if known == path}
    if method != "HEAD":
        assert headers["Content-Type"] == "application/problem+json"
        valid(DOCUMENT["components"]["schemas"]["Problem"], body)


def test_an_agent_that_stops_says_so(alone):
    alone.signal(signal.SIGTERM)
    answered = until(lambda: (found := alone.get("/readyz"))[0] == 503 and found, what="stopping")
    holds("/readyz", "get", *answered)
    assert answered[2]["status"] == "stopping"
