# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look at a server of HTTPS shows: its certificate, the status of one request, and whether it refuses one without a token.

A redirect is a status like any other: it is never followed, so that the token reaches nobody else.
"""

from __future__ import annotations

import re
import time
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, attempt, of_status
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.probe import Probe, latency
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Way, Wire

REFUSES = (401, 403)


class HttpsSession:
    """One request a connection."""

    known = False

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def ask(self, host: str, path: str, token: t.Optional[str] = None) -> int:
        """The status of the answer."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: reachability", "Accept: */*", "Connection: close"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        self.wire.send("\r\n".join(lines + ["", ""]).encode())
        # Who begins otherwise may never end the line.
        beginning = self.wire.read(5)
        line = beginning + self.wire.read_line() if beginning == b"HTTP/" else beginning
        match = re.match(rb"HTTP/\d(?:\.\d)? ([1-5]\d\d)(?: |$)", line)
        if not match:
            raise Trouble(Cause.PROTOCOL, f"the answer is not what a server of HTTP says: {line[:80]!r}")
        self.known = True
        return int(match[1])

    def end(self) -> None:
        self.wire.close()


class HttpsProbe(Probe):
    """expected: the statuses that are as they should be; none for all from 200 to 399"""

    Session = HttpsSession

    def __init__(self, way: Way, path: str, token: t.Optional[str], expected: t.Optional[t.Sequence[int]], verify: bool = True) -> None:
        super().__init__(way, verify=verify)
        self._path, self._token, self._expected = path, token, expected or range(200, 400)

    def look(self) -> None:
        with self.session(True, share=2 / 3) as session:
            self.seen.update(tls_version=session.wire.tls_version, certificate=session.wire.certificate)
            try:
                begin = time.perf_counter()
                status = self._ask(session, self._token)
                self.seen.update(status=status, latency_ms=latency([time.perf_counter() - begin]))
            finally:
                self.known = session.known
        if self._token:
            self.seen["authenticated"] = False if status == 401 else True if 200 <= status < 300 or status == 429 else None
        if status not in self._expected:
            raise of_status(status, bool(self._token))

    def look_again(self, trouble: t.Optional[Trouble]) -> t.Optional[Trouble]:
        trouble = super().look_again(trouble)
        if self.known:
            without = attempt(self._status_without_token)[0] if self._token else self.seen["status"]
            self.seen["authentication_enforced"] = True if without in REFUSES else False if without and 200 <= without < 300 else None
        return trouble

    def success(self, place: str) -> str:
        status, took = self.seen["status"], self.seen["latency_ms"]["median"]
        return f"{place} answers with status {status} in {took} ms over {self.seen['tls_version']}; {self._credentials()}."

    def _ask(self, session: HttpsSession, token: t.Optional[str] = None) -> int:
        host = f"[{self.way.host}]" if ":" in self.way.host else self.way.host
        return session.ask(host if self.way.port == 443 else f"{host}:{self.way.port}", self._path, token)

    def _status_without_token(self) -> int:
        with self.session(True) as session:
            return self._ask(session)
