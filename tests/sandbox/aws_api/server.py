# SPDX-License-Identifier: GPL-3.0-or-later
"""The WSGI application: moto behind credentials, faults and counting, and the control URL beside it."""

from __future__ import annotations

import json
import logging
import math
import socket
import threading
import time
import typing as t
from collections import Counter
from http import HTTPStatus

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from aws_api import extensions, permissions
from aws_api.calls import Answer, Call
from aws_api.credentials import Caller, caller_of
from aws_api.faults import LOST_ANSWER, Faults
from aws_api.fields import fields, without
from aws_api.journal import Journal
from aws_api.world import World

CONTROL = "/_sandbox/"
log = logging.getLogger("aws_api")


class Server:
    def __init__(self, world: World, account_id: str, build: t.Callable[[], None]) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._world, self._account_id, self._build = world, account_id, build
        self._calls: Counter[str] = Counter()
        self._faults, self._journal = Faults(), Journal()
        self._answers: dict[str, list[tuple[Call, Answer]]] = {}  # the last ones of each operation
        # One call at a time sees and changes the world; the timer takes its turn like a caller.
        self._turn = threading.Condition(threading.RLock())
        self.reset()
        threading.Thread(target=self._keep_time, daemon=True).start()

    def __call__(self, environ: dict[str, t.Any], start_response: t.Any) -> t.Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(CONTROL):
            answer = self._control(environ)
        else:
            answer = self._answer(environ)
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
        return [answer.body]

    def _answer(self, environ: dict[str, t.Any]) -> Answer:
        call = Call.read(environ, self._moto)
        self._calls[call.name] += 1
        with self._turn:
            caller = caller_of(call, self._account_id)
        if isinstance(caller, Answer):
            return caller
        refusal = self._refusal(call, caller)
        if refusal:
            with self._turn:
                extensions.log(call, caller, refusal)
            return refusal
        stale = self._faults.stale(call)
        if stale:
            return stale
        with self._turn:
            try:
                answer = self._take_turn(call)
            except Exception as error:
                log.exception("%s", call.name)
                answer = call.error("InternalFailure", str(error), 500)
            extensions.log(call, caller, answer)
        self._answers[call.name] = [*self._answers.get(call.name, [])[-9:], (call, answer)]
        for field in self._faults.vanished(call):
            answer = without(call, answer, field)
        fault = self._faults.after_change(call)
        if fault and fault.kind == LOST_ANSWER:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError(f"the answer to {call.name} is lost, as a fault wants it")
        if fault:
            fault.hold()
        return answer

    def _refusal(self, call: Call, caller: Caller) -> Answer | None:
        """What the caller is told if it may not do this, or asks too often."""
        with self._turn:
            denial = permissions.denial(call, caller)
            self._journal.note(call, caller, denial is None)
        if denial is None and self._faults.throttled(call):
            return call.error("Throttling", "Rate exceeded")
        return denial

    def _take_turn(self, call: Call) -> Answer:
        self._world.settle()
        if call.reading:
            self._faults.remember(call)
        if not call.mutating:
            return self._ask_moto(call)
        before = self._faults.before_change(self._ask_moto)
        answer = self._ask_moto(call)
        if answer.status < 400:
            self._faults.changed(before)
        self._world.sync()
        self._turn.notify_all()
        return answer

    def _ask_moto(self, call: Call) -> Answer:
        try:
            body, status, headers = run_wsgi_app(self._moto, call.again(), buffered=True)
            return Answer(int(status.split()[0]), list(headers), b"".join(body))
        except NotImplementedError as error:
            return call.error("NotImplemented", f"The sandbox cannot do {call.name}: {error}", 501)

    def _keep_time(self) -> None:
        """Let changes take effect when they are due, though nobody asks."""
        with self._turn:
            while True:
                due = self._world.next_due
                self._turn.wait(None if due is None else max(0.0, due - time.monotonic()))
                try:
                    self._world.settle()
                except Exception:
                    log.exception("a change that was due did not take effect")

    def reset(self) -> None:
        with self._turn:
            self._faults.clear()
            self._faults.forget()
            self._build()
            self._forget_calls()
            self._turn.notify_all()

    def _open_window(self) -> None:
        with self._turn:
            extensions.open_window()
            self._turn.notify_all()

    def _finish(self) -> None:
        with self._turn:
            self._world.settle(math.inf)
            self._turn.notify_all()

    def _forget_calls(self) -> None:
        self._calls.clear()
        self._answers.clear()
        self._journal.forget()

    def _fields(self) -> dict[str, list[str]]:
        return {name: sorted({field for one in answers for field in fields(*one)}) for name, answers in list(self._answers.items())}

    def _control(self, environ: dict[str, t.Any]) -> Answer:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(CONTROL).strip("/")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        routes: dict[tuple[str, str], t.Callable[[t.Any], t.Any]] = {
            ("GET", "health"): lambda given: {"status": "running"},
            ("GET", "calls"): lambda given: dict(sorted(self._calls.items())),
            ("DELETE", "calls"): lambda given: self._forget_calls(),
            ("GET", "fields"): lambda given: self._fields(),
            ("GET", "actions"): lambda given: self._journal.recent(),
            ("POST", "reset"): lambda given: self.reset(),
            ("GET", "faults"): lambda given: self._faults.shown(),
            ("POST", "faults"): self._faults.add,
            ("DELETE", "faults"): lambda given: self._faults.clear(),
            ("POST", "window"): lambda given: self._open_window(),
            ("POST", "finish"): lambda given: self._finish(),
            ("GET", "settings"): lambda given: extensions.settings(),
            ("POST", "settings"): extensions.change_settings,
            ("POST", "amplify/pull-requests"): extensions.amplify_control.open_pull_request,
        }
        route = routes.get((method, path))
        if route is None:
            shown = extensions.look(path) if method == "GET" else None
            if isinstance(shown, str):
                return Answer(200, [("Content-Type", "text/plain; charset=utf-8")], shown.encode())
            if shown is not None:
                return Answer(200, [("Content-Type", "application/json")], json.dumps(shown).encode())
            return Answer(404, [("Content-Type", "text/plain")], f"There is no {method} {CONTROL}{path}.".encode())
        try:
            given = json.loads(environ["wsgi.input"].read(length)) if length else {}
            return Answer(200, [("Content-Type", "application/json")], json.dumps(route(given)).encode())
        except (ValueError, TypeError) as error:
            return Answer(400, [("Content-Type", "text/plain")], str(error).encode())
        except Exception as error:
            log.exception("%s %s", method, path)
            return Answer(500, [("Content-Type", "text/plain")], str(error).encode())
