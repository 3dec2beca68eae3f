# SPDX-License-Identifier: GPL-3.0-or-later
"""What limiter_decisions makes of what agents answer."""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from ansible_collections.huntaze.ai_system.plugins.modules import limiter_decisions

PARAMS = {"subject": "somebody", "plan": "starter", "bearer_token": "canary-token", "timeout": 5, "ca_path": None}


@pytest.fixture
def agent():
    """Answers as it is told by `answers`, and keeps the requests."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.seen.append((self.path, self.headers["Authorization"], json.loads(body)))
            status, text = server.answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [200, 429, 401, 503])
def test_whatever_an_agent_answers_is_told(agent, status):
    agent.answers.append((status, b'{"allowed": true}'))
    url = f"http://127.0.0.1:{agent.server_port}"
    assert limiter_decisions.ask(url, PARAMS) == {"url": url, "skipped": False, "status": status, "json": {"allowed": True}, "msg": ""}
    assert agent.seen == [("/v1/check", "Bearer canary-token", {"subject": "somebody", "plan": "starter"})]


def test_an_answer_that_is_no_json_and_none_at_all_say_so(agent):
    agent.answers.append((502, b"<html>"))
    said = limiter_decisions.ask(f"http://127.0.0.1:{agent.server_port}", PARAMS)
    assert (said["status"], said["json"], said["msg"]) == (502, None, "status 502 and no JSON")
    silent = limiter_decisions.ask("http://127.0.0.1:9", PARAMS)
    assert (silent["status"], silent["json"]) == (None, None) and "Connection refused" in silent["msg"]
    assert "unknown url type" in limiter_decisions.ask("nowhere", PARAMS)["msg"]
