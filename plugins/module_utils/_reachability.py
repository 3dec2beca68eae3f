# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the reachability modules share: options, one deadline for everything, and the way to a TCP connection."""

from __future__ import annotations

import math
import socket
import ssl
import statistics
import threading
import time
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._diagnosis import Trouble, of_socket

SHARED_OPTIONS = dict(
    host=dict(type="str", required=True),
    password=dict(type="str", no_log=True),
    timeout=dict(type="float", default=5.0),
    samples=dict(type="int", default=5),
)
# Every key of a result; a look at a server fills in what it sees.
NOTHING_SEEN = dict.fromkeys(
    ("reachable", "port_open", "latency_ms", "version", "role", "tls_version", "authenticated", "authentication_enforced", "error")
)


def input_problems(params: t.Mapping[str, t.Any], ca_option: str, check_mode: bool) -> list[str]:
    """What is wrong with the shared options, one sentence each."""
    problems = []
    if not params["host"].strip():
        problems.append("host is empty: name the server.")
    if not 1 <= params["port"] <= 65535:
        problems.append(f"port is {params['port']}: it must lie between 1 and 65535.")
    if params["password"] == "":
        problems.append("password is empty: leave it out to connect without one, or look at where it comes from.")
    if not (math.isfinite(params["timeout"]) and 0 < params["timeout"] <= 3600):
        problems.append(f"timeout is {params['timeout']}: it must be more than 0 and at most 3600 seconds.")
    if not 1 <= params["samples"] <= 1000:
        problems.append(f"samples is {params['samples']}: it must lie between 1 and 1000.")
    # In check mode the task that brings the file has not brought it.
    if params[ca_option] and not check_mode:
        try:
            ssl.create_default_context(cafile=params[ca_option])
        except ssl.SSLError:
            problems.append(f"{ca_option} {params[ca_option]} holds no certificate in PEM form: it must be the CA's, as text.")
        except OSError as error:
            problems.append(f"{ca_option} {params[ca_option]} cannot be read on this host ({error.strerror}): copy the CA's certificate there first.")
    return problems


class Deadline:
    """A moment by which everything ends."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left; socket.timeout if there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise socket.timeout("the time allowed is over")
        return seconds

    def part(self, share: float) -> Deadline:
        return Deadline(self.left() * share)


def resolve(host: str, port: int, deadline: Deadline, family: int = socket.AF_UNSPEC) -> list[tuple]:
    """The socket addresses of host and port; the resolver, which knows no deadline, is left behind when it is over."""
    found: list[t.Any] = []

    def look() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            found.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(deadline.left())
    if not found:
        raise Trouble("name_resolution", f"the resolver does not answer for {host}")
    if isinstance(found[0], Exception):
        raise Trouble("name_resolution", f"{host} cannot be resolved: {getattr(found[0], 'strerror', None) or found[0]}")
    return [item[4] for item in found[0]]


def open_tcp(addresses: t.Sequence[tuple], deadline: Deadline, source_address: t.Optional[str] = None) -> socket.socket:
    """A connection to the first of `addresses` that takes one. Each has its share of the time, so that one dead address hides no live one."""
    trouble = Trouble("name_resolution", "the name has no address")
    for position, address in enumerate(addresses):
        try:
            allowed = deadline.part(1 / (len(addresses) - position)).left()
            return socket.create_connection(address[:2], allowed, (source_address, 0) if source_address else None)
        except OSError as error:
            trouble = of_socket(error, "connect")
    raise trouble


def latency(seconds: t.Sequence[float]) -> dict[str, float]:
    """Round trips in milliseconds."""
    return {
        name: round(measure(seconds) * 1000, 3) for name, measure in (("min", min), ("median", statistics.median), ("max", max))
    }


def skip(*own_keys: str) -> dict[str, t.Any]:
    """The result of a run that looks at nothing: skipped, never ok."""
    reason = "check mode: no connection was made, nothing is verified"
    return dict(NOTHING_SEEN, **dict.fromkeys(own_keys), changed=False, skipped=True, skip_reason=reason, reason=reason)


def outcome(params: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any], trouble: t.Optional[Trouble]) -> dict[str, t.Any]:
    """The result of a look at a server: what was seen, the error if there was one, and all of it in one sentence."""
    result = dict(NOTHING_SEEN, **seen)
    place = f"{params['host']}:{params['port']}"
    if trouble:
        result.update(reachable=False, latency_ms=None, error=trouble.as_dict(params["password"]))
        reason = "{place}: {message}. {advice}".format(place=place, **result["error"])
    else:
        result["reachable"] = True
        way = f"over {result['tls_version']}" if result["tls_version"] else "in plain text"
        if result["tls_version"] and result.get("tls_enforced") is False:
            way += " (it takes plain text too)"
        reason = f"{place} answers in {result['latency_ms']['median']} ms (median of {params['samples']}) {way}; {_credentials(result)}."
    return dict(result, changed=False, reason=reason)


def _credentials(result: t.Mapping[str, t.Any]) -> str:
    accepted = "it accepts the credentials" if result["authenticated"] else "no credentials were given"
    if result["authentication_enforced"] is None:
        return f"{accepted}; whether it refuses a client without could not be seen"
    if result["authentication_enforced"]:
        return f"{accepted} and refuses a client without"
    return f"{accepted}, but takes clients without any" if result["authenticated"] else f"{accepted}, and it asks for none"
