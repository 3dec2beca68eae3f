# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the reachability modules share: options and what is wrong with them, and the result of a look."""

from __future__ import annotations

import math
import ssl
import statistics
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import tls_context
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import edges, edges_problem, host_problem, port_problem

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
    problems = list(filter(None, [host_problem("host", params["host"]), port_problem("port", params["port"])]))
    if params["password"] == "":
        problems.append("password is empty: leave it out to connect without one, or look at where it comes from.")
    if not (math.isfinite(params["timeout"]) and 0 < params["timeout"] <= 3600):
        problems.append(f"timeout is {params['timeout']}: it must be more than 0 and at most 3600 seconds.")
    if not 1 <= params["samples"] <= 1000:
        problems.append(f"samples is {params['samples']}: it must lie between 1 and 1000.")
    # In check mode the task that brings the file has not brought it.
    if params[ca_option] and not check_mode:
        problems.append(ca_file_problem(ca_option, params[ca_option]))
    return list(filter(None, problems))


def ca_file_problem(option: str, path: str) -> t.Optional[str]:
    """Why the file cannot be used to check a server's certificate, as a sentence."""
    try:
        tls_context(path)
    except ssl.SSLError:
        return f"{option} {path} holds no certificate in PEM form: it must be the CA's, as text."
    except OSError as error:
        return f"{option} {path} cannot be read on this host ({error.strerror}): copy the CA's certificate there first."
    return None


def edge_warnings(params: t.Mapping[str, t.Any], *options: str) -> list[str]:
    """Blanks and line ends around values that may hold them, though they seldom should."""
    return list(filter(None, [edges_problem(option, params[option]) for option in options]))


def latency(seconds: t.Sequence[float]) -> dict[str, float]:
    """Round trips in milliseconds."""
    return {
        name: round(measure(seconds) * 1000, 3) for name, measure in (("min", min), ("median", statistics.median), ("max", max))
    }


def skip(*own_keys: str) -> dict[str, t.Any]:
    """The result of a run that looks at nothing: skipped, never ok."""
    reason = "check mode: no connection was made, nothing is verified"
    return dict(NOTHING_SEEN, **dict.fromkeys(own_keys), changed=False, skipped=True, skip_reason=reason, reason=reason)


def refusal(problems: t.Sequence[str], *own_keys: str) -> dict[str, t.Any]:
    """The result of a run whose options are wrong: the keys of every result, with nothing seen."""
    message = " ".join(problems)
    return dict(NOTHING_SEEN, **dict.fromkeys(own_keys), changed=False, msg=message, reason=message, problems=list(problems))


def outcome(
    params: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any], trouble: t.Optional[Trouble], words: t.Mapping[str, str]
) -> dict[str, t.Any]:
    """The result of a look at a server: what was seen, the error if there was one, and all of it in one sentence.

    words: what the module's options are called, for the advice
    """
    result = dict(NOTHING_SEEN, **seen)
    place = f"{params['host']}:{params['port']}"
    if trouble:
        result.update(reachable=False, latency_ms=None, error=trouble.as_dict(params["password"], words=words))
        if trouble.name in ("timeout", "no_answer"):
            result["error"]["message"] += f" (all looks together have timeout: {params['timeout']:g} s)"
        if trouble.name == "wrongpass" and edges(params["password"] or ""):
            result["error"]["message"] += f"; the password given {edges(params['password'])}"
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
