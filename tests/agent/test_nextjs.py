# SPDX-License-Identifier: GPL-3.0-or-later
"""The application's side: its TypeScript is type-checked, and its route handlers run under Node against a real agent."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support.load import TOKEN
from support.machines import free_port

EXAMPLE = Path(__file__).parents[2] / "examples/nextjs"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    if not (EXAMPLE / "node_modules/typescript").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=EXAMPLE, check=True)
    folder = tmp_path_factory.mktemp("compiled")
    subprocess.run(["npx", "--no-install", "tsc", "--noEmitOnError", "--outDir", folder, "--rootDir", ".",
                    "--module", "commonjs", "--moduleResolution", "node10"], cwd=EXAMPLE, check=True)
    (folder / "package.json").write_text('{"type": "commonjs"}')  # else one in a folder above would say what these files are
    return folder


@contextlib.contextmanager
def app(folder, route, **variables):
    process = subprocess.Popen(["node", HERE / "serve_route.mjs", folder, route], stdout=subprocess.PIPE, text=True,
                               env={"PATH": os.environ["PATH"], **variables})
    try:
        port = int(process.stdout.readline())

        def ask(method, body=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            with contextlib.closing(connection):
                connection.request(method, "/", body and json.dumps(body), headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, json.loads(answer.read())
        yield ask
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def model():
    """Stands for the model behind the route."""
    prompts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            prompts.append((self.path, self.headers["x-goog-api-key"], json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            body = b'{"candidates": ["hello"]}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {"GEMINI_URL": f"http://127.0.0.1:{server.server_port}", "GEMINI_MODEL": "gemini-x", "GEMINI_API_KEY": "key"}, prompts
    server.shutdown()
    server.server_close()


def limiter(*agents, token=TOKEN):
    return {"LIMITER_URL": ", ".join(f"http://127.0.0.1:{agent if isinstance(agent, int) else agent.port}" for agent in agents),
            "LIMITER_TOKEN": token}


CREATOR = {"x-creator": "creator-1", "x-plan": "starter"}


def test_the_ai_route_is_limited(redis, agents, compiled, model):
    variables, prompts = model
    with app(compiled, "ai/generate", **limiter(agents(redis)), **variables) as ask:
        assert ask("POST", {"prompt": "hi"})[0] == 401
        status, headers, answer = ask("POST", {"prompt": "hi"}, **CREATOR)
        assert (status, answer, headers["RateLimit"]) == (200, {"candidates": ["hello"]}, '"hour";r=49;t=3600')
        assert prompts == [("/models/gemini-x:generateContent", "key", {"contents": [{"parts": [{"text": "hi"}]}]})]
        answers = [ask("POST", {"prompt": "hi"}, **CREATOR) for _ in range(51)]
        assert [status for status, _, _ in answers] == [200] * 49 + [429] * 2
        _, headers, answer = answers[-1]
        assert headers["Content-Type"] == "application/problem+json" and 3500 < int(headers["Retry-After"]) <= 3600
        assert answer["type"].endswith("#quota-exceeded")
        assert len(prompts) == 50
        assert ask("POST", {"prompt": "hi"}, **{**CREATOR, "x-creator": "creator-2"})[0] == 200


def test_a_dead_agent_is_passed_over(redis, agents, compiled, model):
    with app(compiled, "ai/generate", **limiter(free_port(), agents(redis)), **model[0]) as ask:
        assert [ask("POST", {"prompt": "hi"}, **CREATOR)[0] for _ in range(4)] == [200] * 4


def test_without_an_agent_the_answer_is_503_within_its_time(compiled, model):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with app(compiled, "ai/generate", **limiter(silent.getsockname()[1]), **model[0]) as ask:
            started = time.monotonic()
            status, headers, answer = ask("POST", {"prompt": "hi"}, **CREATOR)
            assert 1.9 < time.monotonic() - started < 30
    assert (status, headers["Retry-After"], answer["status"]) == (503, "1", 503)
    assert model[1] == []


def test_a_wrong_token_is_an_error_and_no_denial(redis, agents, compiled, model):
    with app(compiled, "ai/generate", **limiter(agents(redis), token="wrong"), **model[0]) as ask:
        status, _, answer = ask("POST", {"prompt": "hi"}, **CREATOR)
        assert status == 500 and answer["thrown"].startswith("the limiter agent answered 401")


def test_the_guides_test_route_answers_as_the_guide_says(own_redis, agents, compiled):
    agent = agents(own_redis)
    with app(compiled, "test-redis", **limiter(agent)) as ask:
        assert ask("GET")[::2] == (200, {"success": True, "message": "Redis connection successful", "pong": "PONG"})
        own_redis.kill()
        agent.check()
        status, _, answer = ask("GET")
        assert status == 500 and answer["success"] is False and "ConnectionError" in answer["error"]
    with app(compiled, "test-redis", **limiter(agent, token="wrong")) as ask:
        assert ask("GET")[::2] == (500, {"success": False, "error": "the limiter agent does not know LIMITER_TOKEN"})
    with app(compiled, "test-redis") as ask:
        assert ask("GET")[::2] == (500, {"success": False, "error": "LIMITER_URL and LIMITER_TOKEN have to be set"})
