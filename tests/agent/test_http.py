# SPDX-License-Identifier: GPL-3.0-or-later
"""What callers see, and what hostile ones get."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import psutil
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from support.load import TOKEN, Caller
from support.machines import Agent
from support.waiting import until

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def agent(redis_server, tmp_path_factory):
    agent = Agent(tmp_path_factory.mktemp("http") / "agent", redis_server)
    agent.start()
    yield agent
    agent.end()


def raw(agent, data: bytes, seconds=60.0) -> bytes:
    """Everything that comes back until the agent closes."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=seconds) as connection:
        connection.sendall(data)
        answer = b""
        while True:
            try:
                part = connection.recv(65536)
            except ConnectionResetError:
                return answer
            if not part:
                return answer
            answer += part


def post(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"POST /v1/check HTTP/1.1", b"Host: agent", b"Authorization: Bearer " + TOKEN.encode(),
                         b"Content-Length: %d" % len(body), *headers, b"", body])


def test_an_admission_says_what_is_left(redis, agent):
    status, headers, answer = agent.check("creator", "pro", cost=3)
    assert status == 200
    assert headers["RateLimit-Policy"] == '"hour";q=100;w=3600'
    assert headers["RateLimit"] == '"hour";r=97;t=3600'
    assert answer == {"allowed": True, "exact": True, "limits": [
        {"name": "hour", "limit": 100, "window": 3600, "remaining": 97, "reset": 3600}]}


def test_a_denial_says_when_to_come_back(redis, agent):
    agent.check("creator", "starter", cost=50)
    for _ in range(2):  # by Redis, then from memory
        status, headers, answer = agent.check("creator", "starter")
        assert (status, headers["Content-Type"]) == (429, PROBLEM)
        assert headers["RateLimit"].startswith('"hour";r=0;t=')
        assert 3590 <= int(headers["Retry-After"]) <= 3600
        assert answer["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
        assert (answer["status"], answer["allowed"], answer["violated-policies"]) == (429, False, ["hour"])


def test_a_subject_can_be_looked_at_and_reset(redis, agent):
    agent.check("a@b.example:1", "pro", cost=30)
    status, _, answer = agent.get("/v1/subjects/a%40b.example:1")
    assert status == 200
    assert {name: limits[0]["remaining"] for name, limits in answer["plans"].items()} == {"starter": 20, "pro": 70, "business": 470}
    assert agent.request("DELETE", "/v1/subjects/a%40b.example:1")[0] == 204
    assert agent.get("/v1/subjects/a%40b.example:1?plan=pro")[2]["plans"]["pro"][0]["remaining"] == 100
    assert agent.get("/v1/subjects/x?plan=none")[0] == 400


def test_strangers_learn_only_whether_it_is_ready(agent):
    assert agent.get("/healthz", token=None)[::2] == (200, {"status": "ok"})
    assert agent.get("/readyz", token=None)[::2] == (200, {"status": "ready"})
    assert "workers" in agent.get("/readyz")[2]


@pytest.mark.parametrize("authorization", [None, "", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN} ".replace(" ", "  "), f"bearer{TOKEN}",
                                           f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer \u00e9".encode("latin-1")])
def test_a_wrong_token_is_401(agent, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("POST", "/v1/check"), ("GET", "/v1/subjects/x"), ("DELETE", "/v1/subjects/x")):
        status, answer_headers, answer = agent.request(method, path, {"subject": "x", "plan": "pro"}, token=None, headers=headers)
        assert (status, answer["status"], answer_headers["WWW-Authenticate"]) == (401, 401, "Bearer")


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"[" * 4000, b"{}", b'{"subject": "x"}', b'{"plan": "pro"}',
    b'{"subject": "x", "plan": "gold"}', b'{"subject": "x", "plan": ["pro"]}', b'{"subject": "x", "plan": {}}',
    b'{"subject": "", "plan": "pro"}', b'{"subject": 7, "plan": "pro"}', b'{"subject": "a b", "plan": "pro"}',
    b'{"subject": "a{b}", "plan": "pro"}', b'{"subject": "a\\nb", "plan": "pro"}', b'{"subject": "\\ud800", "plan": "pro"}',
    '{"subject": "é", "plan": "pro"}'.encode(), b'{"subject": "' + b"x" * 129 + b'", "plan": "pro"}',
    *(b'{"subject": "x", "plan": "pro", "cost": %s}' % cost for cost in (
        b"0", b"-1", b"1.0", b"101", b"1e3", b"true", b"null", b'"1"', b"NaN", b"Infinity", b"9" * 3000, b"[1]")),
    b'{"subject": "x", "plan": "pro", "amount": 1}', b'{"subject": "x", "plan": "pro", "cost": 1, "more": 2}',
])
def test_a_wrong_question_is_400(redis, agent, body):
    status, headers, answer = agent.request("POST", "/v1/check", body)
    assert (status, headers["Content-Type"], answer["status"]) == (400, PROBLEM, 400)
    assert answer["detail"] and answer["title"]
    assert not redis.client.keys("ai:limiter:{x*")


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/", 404), ("GET", "/v1/check/", 404), ("GET", "/v1/check", 405), ("PUT", "/v1/check", 405), ("POST", "/healthz", 405),
    ("POST", "/v1/subjects/x", 405), ("GET", "/v1/subjects/", 400), ("GET", "/v1/subjects/a%2Fb", 400), ("GET", "/v1/subjects/%00", 400),
    ("GET", "/v1/subjects/a%7Bb%7D", 400), ("BREW", "/v1/check", 400), ("GET", "/" + "x" * 9000, 404)])
def test_other_ways_in_are_problems(agent, method, path, status):
    found, headers, answer = agent.request(method, path)
    assert (found, headers["Content-Type"], answer["status"]) == (status, PROBLEM, status)


@pytest.mark.parametrize(("data", "status"), [
    (b"\x16\x03\x01\x02\x00\x01\x00", 400),                                              # TLS on the plain port
    (b"hello\r\n\r\n", 400),
    (b"GET / HTTP/9.9\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost agent\r\n\r\n", 400),
    (b"POST /v1/check HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    (b"POST /v1/check HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST /v1/check HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /v1/check HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, 431),                                    # never ends
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", 431),
    (post(b"x" * 5000), 413),
    (b"POST /v1/check HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"100\r\n" + b"x" * 256 + b"\r\n" + (
        b"1000\r\n" + b"x" * 4096 + b"\r\n") * 50, 413),
    (b"POST /v1/check HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 200_000, 413),  # a trailer that never ends
])
def test_what_is_no_decent_http_is_refused_and_closed(agent, data, status):
    answer = raw(agent, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b"Connection: close" in head
    assert json.loads(body)["status"] == status


def test_slow_senders_are_cut_off(agent):
    starts = (b"", b"POST /v1/check HTTP/1.1\r\nHost", post(b"{}")[:-1], b"GET /healthz HTTP/1.1\r\n\r\nGET /he")
    started = time.monotonic()
    connections = [socket.create_connection(("127.0.0.1", agent.port), timeout=60) for _ in starts]
    for connection, start in zip(connections, starts):
        connection.sendall(start)
    for connection, start in zip(connections, starts):
        with connection:
            answer = b"".join(iter(lambda connection=connection: connection.recv(4096), b""))
        assert 4 < time.monotonic() - started < 60
        assert (b"HTTP/1.1 408 " in answer) == bool(start)


def test_a_trickle_does_not_buy_time(agent):
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", agent.port), timeout=60) as connection:
        connection.settimeout(0.2)
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        answer = b""
        while not answer:
            try:
                connection.sendall(b"X: y\r\n")
                answer = connection.recv(4096)
            except TimeoutError:
                assert time.monotonic() - started < 60
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_pipelined_requests_are_answered_in_order(redis, agent):
    costs = [3, 101, 5, 1] * 50
    requests = b"".join(post(json.dumps({"subject": f"p{at}", "plan": "pro", "cost": cost}).encode()) for at, cost in enumerate(costs))
    answer = raw(agent, requests + b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
    found = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert found == [400 if cost > 100 else 200 for cost in costs] + [200]


def test_odd_but_decent_http_is_served(redis, agent):
    body = b'{"subject": "odd", "plan": "pro"}'
    assert raw(agent, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert raw(agent, b"HEAD /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").endswith(b"\r\n\r\n")
    assert raw(agent, b"GET /healthz HTTP/1.1\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert raw(agent, post(body, b"Expect: 100-continue", b"Connection: close")).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert raw(agent, b"GET HTTP://agent:80/healthz HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    chunked = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    assert raw(agent, b"POST /v1/check HTTP/1.1\r\nConnection: close\r\naUTHORIZATION: Bearer " + TOKEN.encode()
               + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    with socket.create_connection(("127.0.0.1", agent.port), timeout=60) as connection:  # byte by byte, then half closed
        for byte in post(body):
            connection.sendall(bytes([byte]))
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_trailer_is_no_head(redis, agent):
    def answer(head, trailer):
        body = b'{"subject": "trailer", "plan": "pro"}'
        return raw(agent, b"POST /v1/check HTTP/1.1\r\n%bConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n%b\r\n" % (
            head, len(body), body, trailer))

    right, wrong = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n", b"Authorization: Bearer no\r\n"
    assert answer(wrong, right).startswith(b"HTTP/1.1 401 ")
    assert answer(right, wrong + b"Expect: 100-continue\r\n").startswith(b"HTTP/1.1 200 ")


def test_memory_stays_flat_under_hostile_input(redis, agent):
    worker = psutil.Process(agent.workers()[0]["pid"])

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(
        st.binary(max_size=2000),
        st.binary(max_size=500).map(post),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["subject", "plan", "cost"]) | st.text(), inner)).map(lambda value: post(json.dumps(value).encode())),
        st.tuples(st.binary(max_size=200), st.binary(max_size=200)).map(lambda parts: b"GET /%b HTTP/1.1\r\n%b\r\n\r\n" % parts)))
    def fuzz(data):
        with socket.create_connection(("127.0.0.1", agent.port), timeout=60) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while part := connection.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
        for part in answer.split(b"HTTP/1.1 ")[1:]:
            assert part[:3] in (b"100", b"200", b"429") or part.startswith(b"4") and b"problem+json" in part

    fuzz()
    before = worker.memory_info().rss
    for _ in range(30):
        for data in (b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000, post(b"x" * 4096), post(b"[" * 4000)):
            raw_or_cut(agent, data)
    many_subjects(agent, 3000)
    fuzz()
    assert worker.is_running() and worker.pid == agent.workers()[0]["pid"]
    assert worker.memory_info().rss - before < 8_000_000
    assert worker.memory_info().rss < 60_000_000
    assert "Traceback" not in agent.log() and '"trace"' not in agent.log()


def raw_or_cut(agent, data):
    try:
        raw(agent, data + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # it stopped listening in the middle, rightly


def many_subjects(agent, count):
    async def ask(caller, numbers):
        for number in numbers:
            assert (await caller.check(f"subject-{number}", "starter", 50))[0] == 200
            assert (await caller.check(f"subject-{number}", "starter"))[0] == 429
        caller.close()

    async def run():
        await asyncio.gather(*(ask(Caller(agent.port), range(start, count, 10)) for start in range(10)))

    asyncio.run(run())


def test_too_many_connections_are_told_so(redis, agents):
    agent = agents(redis)
    worker = psutil.Process(agent.workers()[0]["pid"])
    if worker.rlimit(psutil.RLIMIT_NOFILE)[0] < 5000:
        worker.rlimit(psutil.RLIMIT_NOFILE, (5000, worker.rlimit(psutil.RLIMIT_NOFILE)[1]))
    held = []
    try:
        for _ in range(4096):
            held.append(socket.create_connection(("127.0.0.1", agent.port), timeout=60))
        answer = until(lambda: raw(agent, b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"), what="an answer")
        assert answer.startswith(b"HTTP/1.1 503 ")
    finally:
        for connection in held:
            connection.close()
    until(agent.ready, what="room again")


def test_nothing_secret_is_logged(redis, agents):
    agent = agents(redis)
    agent.write("credential", "canary-password-0123456789")
    agent.request("GET", "/v1/subjects/x", token="canary-wrong-token-0123456789")
    agent.write("tokens", "canary word with spaces\n")
    until(lambda: agent.workers()[0]["problems"], what="the problem")
    assert all(json.loads(line)["level"] for line in agent.log().splitlines())
    assert "canary" not in agent.log() + json.dumps(agent.get("/readyz")[2])
