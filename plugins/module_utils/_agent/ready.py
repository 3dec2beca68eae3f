# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an agent is ready: every worker answers over the connection, and with the credential, that is declared; every bearer token lets in."""

from __future__ import annotations

import http.client
import json
import ssl
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.desired import Desired

SECONDS = 5.0  # for each answer


class Answer(t.NamedTuple):
    """To GET /readyz. error: why there is none; workers: null where the token does not let in."""

    error: str = ""
    status: int = 0
    said: str = ""
    workers: t.Optional[list[dict[str, t.Any]]] = None


def ask(desired: Desired) -> list[Answer]:
    """An answer for each bearer token; one where nobody answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(desired.address, desired.address)
    if desired.has_tls:
        # Asked by its address, which its certificate need not bear: so no authorities are read either.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, desired.port, timeout=SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(host, desired.port, timeout=SECONDS)
    answers: list[Answer] = []
    try:
        for token in desired.bearer_tokens:
            connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            status, body = response.status, response.read().decode(errors="replace")
            try:
                details = json.loads(body)
                answers.append(Answer("", status, str(details.get("status")), details.get("workers")))
            except (ValueError, AttributeError):
                answers.append(Answer(f"status {status} and no JSON", status))
    except (OSError, http.client.HTTPException) as error:
        answers.append(Answer(f"no answer ({error or type(error).__name__})"))
    finally:
        connection.close()
    return answers


def not_ready(desired: Desired, answers: t.Sequence[Answer]) -> str:
    """Why the agent is not as declared, as a sentence; empty where it is."""
    reasons: list[str] = []
    for number, answer in enumerate(answers, 1):
        if answer.error:
            reasons.append(answer.error)
        elif answer.workers is None:
            reasons.append(f"it does not know bearer token {number} of {len(answers)}")
        elif answer.status != 200 or not answer.workers:
            reasons.append(f"it says {answer.said}")
        for worker in answer.workers or []:
            reasons.extend(f"worker {(worker or {}).get('pid', 'without a number')} {reason}" for reason in _of(desired, worker or {}))
    if not reasons:
        return ""
    return f"The agent at http{'s' if desired.has_tls else ''}://{desired.socket} is not as declared: {'; '.join(dict.fromkeys(reasons))}."


def _of(desired: Desired, worker: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """What one worker does not as declared."""
    for problem in worker.get("problems") or []:
        yield f"has a problem: {problem}"
    redis = worker.get("redis") or {}
    host, port = desired.redis_place
    if not redis.get("connected"):
        yield f"has no connection to Redis at {host}:{port}: {redis.get('error') or 'no reason given'}"
        return
    for what, found, wanted in (
        ("its address", f"{redis.get('host')}:{redis.get('port')}".lower(), f"{host}:{port}".lower()),
        ("TLS", redis.get("tls"), desired.redis_tls),
        ("the credential", redis.get("credential"), desired.fingerprint),
        ("the ACL user", redis.get("user"), desired.redis.get("user") or None),
    ):
        if found != wanted:
            yield f"uses Redis with {what} {_word(found)}, not {_word(wanted)}"
    if not redis.get("as_configured"):
        yield "has not moved to the Redis of its configuration yet"


def _word(value: t.Any) -> str:
    return "none" if value is None else {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
