# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A look at one server within one deadline: what the probes of all kinds of servers have in common."""

from __future__ import annotations

import contextlib
import statistics
import time
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, attempt
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Way, Wire


class Probe:
    """Logs in, measures, asks what answers; then looks again where the first look leaves a question.

    login: what the session's login takes
    seen: the keys of a result that were seen
    """

    # Speaks with the server over a Wire: login, ping, describe, end; wire, known, authenticated.
    Session: t.Callable[[Wire], t.Any]

    def __init__(
        self, way: Way, login: t.Optional[t.Mapping[str, t.Any]] = None, samples: int = 1,
        tls: bool = True, verify: bool = True, check_host: bool = True,
    ) -> None:
        self.way = way
        self.login = login or {}
        self.samples = samples
        self.tls = tls
        self.verify = verify
        self.check_host = check_host
        self.seen: dict[str, t.Any] = {}
        # Whether the server has shown that it is the expected one.
        self.known = False

    def run(self) -> tuple[dict[str, t.Any], t.Optional[Trouble]]:
        """What was seen, and the trouble met if any."""
        trouble = self.look_again(attempt(self.look)[1])
        self.seen["port_open"] = self.way.port_open
        return self.seen, trouble

    def look(self) -> None:
        # TCP may take all the time, as nothing is to be seen without it; the rest leaves some for further looks.
        with self.session(self.tls, share=2 / 3) as session:
            self.seen.update(tls_version=session.wire.tls_version, certificate=session.wire.certificate)
            try:
                session.login(**self.login)
                rounds = [_seconds(session.ping) for dummy in range(self.samples)]
                self.seen.update(session.describe(), latency_ms=latency(rounds))
            finally:
                self.known = session.known
                if self.login.get("password"):
                    self.seen["authenticated"] = session.authenticated

    def look_again(self, trouble: t.Optional[Trouble]) -> t.Optional[Trouble]:
        """The same trouble, or what is behind it."""
        if trouble and trouble.cause is Cause.RESET and self.seen.get("tls_version") and not self.known:
            return self.way.alert() or trouble
        return trouble

    def success(self, place: str) -> str:
        """What was seen where no trouble was met, in one sentence."""
        way = f"over {self.seen['tls_version']}" if self.seen.get("tls_version") else "in plain text"
        if self.seen.get("tls_version") and self.seen.get("tls_enforced") is False:
            way += " (it takes plain text too)"
        return f"{place} answers in {self.seen['latency_ms']['median']} ms (median of {self.samples}) {way}; {self._credentials()}."

    def _credentials(self) -> str:
        accepted, enforced = self.seen.get("authenticated"), self.seen.get("authentication_enforced")
        said = "it accepts the credentials" if accepted else "no credentials were given"
        if enforced is None:
            return f"{said}; whether it refuses a client without could not be seen"
        if enforced:
            return f"{said} and refuses a client without"
        return f"{said}, but takes clients without any" if accepted else f"{said}, and it asks for none"

    @contextlib.contextmanager
    def session(self, tls: bool, share: float = 1.0) -> t.Iterator[t.Any]:
        """A conversation on a connection of its own. It has `share` of the time that is left when it begins."""
        deadline = self.way.deadline
        wire = self.way.open_tls(deadline, self.verify, self.check_host, share) if tls else self.way.open(deadline, share)
        session = self.Session(wire)
        try:
            yield session
        finally:
            session.end()


class TcpProbe(Probe):
    """Whether a connection comes about; nothing is said on it."""

    def __init__(self, way: Way) -> None:
        super().__init__(way, tls=False)

    def look(self) -> None:
        opened = []
        self.seen["latency_ms"] = latency([_seconds(lambda: opened.append(self.way.open(self.way.deadline)))])
        opened[0].close()

    def success(self, place: str) -> str:
        return f"{place} takes connections, in {self.seen['latency_ms']['median']} ms; nothing was said on it."


def latency(seconds: t.Sequence[float]) -> dict[str, float]:
    """Round trips in milliseconds."""
    return {name: round(measure(seconds) * 1000, 3) for name, measure in (("min", min), ("median", statistics.median), ("max", max))}


def _seconds(work: t.Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
