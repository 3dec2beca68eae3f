# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the reachability modules share: options and what is wrong with them, and the result of a look."""

from __future__ import annotations

import math
import ssl
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.probe import Probe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import tls_context
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
Params = t.Mapping[str, t.Any]


def answer(
    module: t.Any, words: t.Mapping[str, str], problems: t.Callable[[Params], list], probe: t.Callable[[Params], Probe], *own_keys: str
) -> None:
    """The life of a reachability module: refuse, or skip in check mode, or look; then exit.

    words: what its options are called, in place of cause.WORDS; problems: what is wrong with its own options, one sentence each;
    own_keys: the keys that its results have beside those of every result
    """
    params, nothing = module.params, dict(NOTHING_SEEN, **dict.fromkeys(own_keys), changed=False)
    wrong = shared_problems(params, words["ca"], module.check_mode) + problems(params)
    if wrong:
        message = " ".join(wrong)
        module.fail_json(**dict(nothing, msg=message, reason=message, problems=wrong))
    if module.check_mode:
        # Skipped, never ok.
        reason = "check mode: no connection was made, nothing is verified"
        module.exit_json(**dict(nothing, skipped=True, skip_reason=reason, reason=reason))
    look = probe(params)
    if params["password"] and not look.tls:
        module.warn(f"The password may go to {params['host']} unencrypted: {words['tls_on']} if the server speaks TLS.")
    for option in (words[name] for name in ("password", "user", "database") if name in words):
        warning = edges_problem(option, params[option])
        if warning:
            module.warn(warning)
    seen, trouble = look.run()
    module.exit_json(**outcome(params, dict(nothing, **seen), trouble, words))


def ca_file_problem(option: str, path: str) -> t.Optional[str]:
    """Why the file cannot be used to check a server's certificate, as a sentence."""
    try:
        tls_context(path)
    except ssl.SSLError:
        return f"{option} {path} holds no certificate in PEM form: it must be the CA's, as text."
    except OSError as error:
        return f"{option} {path} cannot be read on this host ({error.strerror}): copy the CA's certificate there first."
    return None


def shared_problems(params: Params, ca_option: str, check_mode: bool) -> list[str]:
    """What is wrong with the shared options, one sentence each."""
    problems = [host_problem("host", params["host"]), port_problem("port", params["port"])]
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


def outcome(params: Params, seen: Params, trouble: t.Optional[Trouble], words: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The result of a look: what was seen, the trouble if there was one, and all of it in one sentence."""
    place = f"{params['host']}:{params['port']}"
    if not trouble:
        way = f"over {seen['tls_version']}" if seen["tls_version"] else "in plain text"
        if seen["tls_version"] and seen.get("tls_enforced") is False:
            way += " (it takes plain text too)"
        reason = f"{place} answers in {seen['latency_ms']['median']} ms (median of {params['samples']}) {way}; {_credentials(seen)}."
        return dict(seen, reachable=True, reason=reason)
    error = trouble.as_dict(params["password"], words=words)
    if trouble.cause in (Cause.TIMEOUT, Cause.NO_ANSWER):
        error["message"] += f" (all looks together have timeout: {params['timeout']:g} s)"
    if trouble.cause is Cause.WRONGPASS and edges(params["password"] or ""):
        error["message"] += f"; the password given {edges(params['password'])}"
    return dict(seen, reachable=False, latency_ms=None, error=error, reason="{place}: {message}. {advice}".format(place=place, **error))


def _credentials(seen: Params) -> str:
    accepted = "it accepts the credentials" if seen["authenticated"] else "no credentials were given"
    if seen["authentication_enforced"] is None:
        return f"{accepted}; whether it refuses a client without could not be seen"
    if seen["authentication_enforced"]:
        return f"{accepted} and refuses a client without"
    return f"{accepted}, but takes clients without any" if seen["authenticated"] else f"{accepted}, and it asks for none"
