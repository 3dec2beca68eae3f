# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints: what may be asked, who may ask, and the words of the answers."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import typing as t
from functools import partial
from urllib.parse import parse_qs, unquote

from .http import Connection
from .limiter import Decision, Limiter
from .rules import Plan, Rules

# https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html
_PROBLEM_TYPES = "https://iana.org/assignments/http-problem-types#"
QUOTA_EXCEEDED = _PROBLEM_TYPES + "quota-exceeded"
REDUCED_CAPACITY = _PROBLEM_TYPES + "temporary-reduced-capacity"
ABNORMAL_USAGE = _PROBLEM_TYPES + "abnormal-usage-detected"
_TITLES = {
    QUOTA_EXCEEDED: "The quota is used up",
    REDUCED_CAPACITY: "Capacity is reduced for the moment",
    ABNORMAL_USAGE: "Abnormal usage was detected",
    400: "The request cannot be understood", 401: "A bearer token is needed", 404: "There is no such thing here",
    405: "This method does not apply here", 408: "The request came too slowly", 413: "The body is too large",
    431: "The head is too large", 503: "No decision can be had now"}

_JSON = b"Content-Type: application/json\r\n"
_PROBLEM = b"Content-Type: application/problem+json\r\n"
_SUBJECT = re.compile(r"[A-Za-z0-9_.:@|~+-]{1,128}")
_SUBJECT_RULE = "subject has to be 1 to 128 of the characters A-Z a-z 0-9 _ . : @ | ~ + -"
_SUBJECTS = "/v1/subjects/"
_DECODE = json.JSONDecoder().decode


def problem(status: int, detail: str, kind: str = "about:blank", **members: t.Any) -> bytes:
    """RFC 9457."""
    return json.dumps({
        "type": kind, "title": _TITLES[status if kind == "about:blank" else kind], "status": status, "detail": detail, **members,
    }).encode()


class Refused(Exception):
    def __init__(self, status: int, detail: str, headers: bytes = b"") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class Wording:
    """How answers under a plan read, prepared: what varies is filled in by one formatting."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.policy = "RateLimit-Policy: {}\r\n".format(
            ", ".join(f'"{limit.name}";q={limit.requests};w={limit.seconds}' for limit in plan.limits)).encode()
        self.quota = "RateLimit: {}\r\n".format(", ".join(f'"{limit.name}";r=%d;t=%d' for limit in plan.limits)).encode()
        limits = ", ".join(
            f'{{"name": "{limit.name}", "limit": {limit.requests}, "window": {limit.seconds}, "remaining": %d, "reset": %d}}'
            for limit in plan.limits)
        self.admission = f'{{"allowed": true, "exact": %b, "limits": [{limits}]}}'.encode()
        self.admission_head = _JSON + self.policy + self.quota


class Api:
    """`readiness` gives (ready, details)."""

    def __init__(self, limiter: Limiter, readiness: t.Callable[[], tuple[bool, dict[str, t.Any]]]) -> None:
        self._limiter = limiter
        self._readiness = readiness
        self._tasks: set[asyncio.Task[None]] = set()
        self._wordings: dict[str, Wording] = {}
        self.credentials: tuple[bytes, ...] = ()

    def use_rules(self, rules: Rules) -> None:
        self._wordings = {name: Wording(plan) for name, plan in rules.plans.items()}

    def use_tokens(self, tokens: t.Iterable[str]) -> None:
        self.credentials = tuple(b"Bearer " + token.encode() for token in tokens)

    def handle(self, connection: Connection, method: bytes, target: bytes, authorization: bytes, body: bytes) -> None:
        try:
            if target == b"/v1/check":
                self._need(method, b"POST")
                self._authorize(authorization)
                subject, wording, cost = self._question(body)
                self._limiter.decide(subject, wording.plan, cost, partial(_answer, connection, wording, cost))
            else:
                self._other(connection, method, target, authorization)
        except Refused as refused:
            connection.reply(refused.status, problem(refused.status, refused.detail), _PROBLEM + refused.headers)

    def _other(self, connection: Connection, method: bytes, target: bytes, authorization: bytes) -> None:
        path, dummy, query = target.decode("latin-1").partition("?")
        if path == "/healthz":
            self._need(method, b"GET", b"HEAD")
            connection.reply(200, b'{"status": "ok"}', _JSON)
        elif path == "/readyz":
            self._need(method, b"GET", b"HEAD")
            ready, details = self._readiness()
            if not self._authorized(authorization):
                details = {"status": details["status"]}  # the address is public, the rest is not
            connection.reply(200 if ready else 503, json.dumps(details).encode(), _JSON)
        elif path.startswith(_SUBJECTS):
            self._need(method, b"GET", b"DELETE")
            self._authorize(authorization)
            subject = unquote(path[len(_SUBJECTS):])
            if not _SUBJECT.fullmatch(subject):
                raise Refused(400, _SUBJECT_RULE)
            if method == b"DELETE":
                work = self._reset(connection, subject)
            else:
                work = self._look(connection, subject, self._plans(query))
            task = asyncio.get_running_loop().create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            raise Refused(404, "there are /v1/check, /v1/subjects/{id}, /healthz and /readyz")

    def _need(self, method: bytes, *allowed: bytes) -> None:
        if method not in allowed:
            names = b", ".join(allowed)
            raise Refused(405, f"this takes {names.decode()}", b"Allow: %s\r\n" % names)

    def _authorized(self, authorization: bytes) -> bool:
        found = False
        for credential in self.credentials:  # all of them, always: the time tells nothing
            found |= hmac.compare_digest(credential, authorization)
        return found

    def _authorize(self, authorization: bytes) -> None:
        if not self._authorized(authorization):
            raise Refused(401, "send Authorization: Bearer and a token this agent knows", b"WWW-Authenticate: Bearer\r\n")

    def _question(self, body: bytes) -> tuple[str, Wording, int]:
        try:
            question = _DECODE(body.decode())
        except (ValueError, RecursionError):
            raise Refused(400, "the body has to be JSON") from None
        if not isinstance(question, dict):
            raise Refused(400, "the body has to be a JSON object with subject, plan and perhaps cost")
        subject = question.get("subject")
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise Refused(400, _SUBJECT_RULE)
        plan = question.get("plan")
        wording = self._wordings.get(plan) if isinstance(plan, str) else None
        if wording is None:
            raise Refused(400, f"plan has to be one of {', '.join(self._wordings)}")
        cost, most = question.get("cost", 1), wording.plan.most_at_once
        if isinstance(cost, bool) or not isinstance(cost, int) or not 1 <= cost <= most:
            raise Refused(400, f"cost has to be a whole number from 1 to {most}: more could never be admitted")
        if len(question) > 3 or len(question) == 3 and "cost" not in question:
            raise Refused(400, "the body has members other than subject, plan and cost")
        return subject, wording, cost

    def _plans(self, query: str) -> list[Plan]:
        wanted = parse_qs(query).get("plan", list(self._wordings))
        if any(name not in self._wordings for name in wanted):
            raise Refused(400, f"plan has to be one of {', '.join(self._wordings)}")
        return [self._wordings[name].plan for name in dict.fromkeys(wanted)]

    async def _look(self, connection: Connection, subject: str, plans: list[Plan]) -> None:
        decisions = await self._limiter.look(subject, plans)
        if decisions is None:
            _unavailable(connection)
        else:
            connection.reply(200, json.dumps({"subject": subject, "plans": {
                plan.name: _limits(plan, decision) for plan, decision in zip(plans, decisions)}}).encode(), _JSON)

    async def _reset(self, connection: Connection, subject: str) -> None:
        if await self._limiter.reset(subject):
            connection.reply(204, b"")
        else:
            _unavailable(connection)


def _limits(plan: Plan, decision: Decision) -> list[dict[str, t.Any]]:
    numbers = iter(decision.limits)
    return [{"name": limit.name, "limit": limit.requests, "window": limit.seconds, "remaining": remaining, "reset": reset}
            for limit, remaining, reset in zip(plan.limits, numbers, numbers)]


def _unavailable(connection: Connection) -> None:
    detail = "no decision can be had now; try again in a second"
    connection.reply(503, problem(503, detail, REDUCED_CAPACITY), _PROBLEM + b"Retry-After: 1\r\n")


def _answer(connection: Connection, wording: Wording, cost: int, decision: Decision | None) -> None:
    if decision is None:
        _unavailable(connection)
        return
    wait, numbers, abnormal, exact = decision
    if wait == 0:
        connection.reply(200, wording.admission % (b"true" if exact else b"false", *numbers), wording.admission_head % numbers)
        return
    kind = ABNORMAL_USAGE if abnormal else QUOTA_EXCEEDED if exact else REDUCED_CAPACITY
    limits = _limits(wording.plan, decision)
    body = problem(429, f"cost {cost} fits again in {wait} s", kind, allowed=False, exact=exact, limits=limits, **{
        "violated-policies": [limit["name"] for limit in limits if limit["remaining"] < cost]})
    connection.reply(429, body, b"%s%s%sRetry-After: %d\r\n" % (_PROBLEM, wording.policy, wording.quota % numbers, wait))
