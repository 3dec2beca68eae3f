# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The life of the reachability modules: one server, or many at once; what is wrong with their options, and the result of a look."""

from __future__ import annotations

import datetime
import ipaddress
import math
import socket
import ssl
import sys
import threading
import time
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.kinds import KINDS, Kind, Params
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.probe import Probe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Deadline, tls_context
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import edges, edges_problem, host_problem, port_problem

TIMEOUT = dict(type="float", default=5.0)
SOURCE_ADDRESS = dict(type="str")
# Every key of a result; a look at a server fills in what it sees.
NOTHING_SEEN = dict.fromkeys((
    "reachable", "port_open", "latency_ms", "version", "role", "tls_version", "certificate", "authenticated", "authentication_enforced", "error",
))
# What only some kinds of servers show. A result of many looks has all of them.
ALSO_SEEN = dict.fromkeys(("tls", "tls_enforced", "status", "from_address"))
CHECK_MODE = "check mode: no connection was made, nothing is verified"
# Seconds that a look which keeps to its deadline may take to end on a busy host.
GRACE = 5.0


def answer(module: t.Any, kind: Kind, *own_keys: str) -> None:
    """The life of a module that looks at one server: refuse, or skip in check mode, or look; then exit.

    own_keys: the keys that its results have beside those of every result
    """
    params, nothing = module.params, dict(NOTHING_SEEN, **dict.fromkeys(own_keys), changed=False)
    source = params.get("source_address")
    # In check mode the task that brings the file has not brought it.
    ca = None if module.check_mode else ca_problem(kind, params)
    wrong = list(filter(None, [timeout_problem(params["timeout"]), source_problem(source), ca])) + problems(kind, params)
    if wrong:
        message = " ".join(wrong)
        module.fail_json(**dict(nothing, msg=message, reason=message, problems=wrong))
    if module.check_mode:
        # Skipped, never ok.
        module.exit_json(**dict(nothing, skipped=True, skip_reason=CHECK_MODE, reason=CHECK_MODE))
    probe = kind.probe(params, Deadline(params["timeout"]), source)
    for warning in warnings(kind, params, probe):
        module.warn(warning)
    module.exit_json(**dict(nothing, **outcome(kind, params, probe, params["timeout"])))


def answer_all(module: t.Any) -> None:
    """The life of the module that looks at many servers at once."""
    seconds, source = module.params["timeout"], module.params["source_address"]
    kinds = [KINDS[target["kind"]] for target in module.params["targets"]]
    targets = [completed(kind, target) for kind, target in zip(kinds, module.params["targets"])]
    wrong = list(filter(None, [timeout_problem(seconds), source_problem(source)]))
    for position, (kind, target, given) in enumerate(zip(kinds, targets, module.params["targets"])):
        told = foreign(kind, given) + problems(kind, target)
        wrong += [f"targets[{position}] ({target['name']}): {problem}" for problem in told]
    nothing = {"changed": False, "local_ports": None}
    if wrong:
        module.fail_json(**dict(nothing, msg=" ".join(wrong), problems=wrong, results=[]))
    unseen = [unmade(target, CHECK_MODE) for target in targets]
    if module.check_mode:
        module.exit_json(**dict(nothing, skipped=True, skip_reason=CHECK_MODE, results=[dict(one, skipped=True, skip_reason=CHECK_MODE) for one in unseen]))
    # A file that one host lacks says nothing of the other servers.
    without_ca = [ca_problem(kind, target) for kind, target in zip(kinds, targets)]
    deadline = Deadline(seconds)
    probes = [kind.probe(target, deadline, source) for kind, target in zip(kinds, targets)]
    for kind, target, probe in zip(kinds, targets, probes):
        for warning in warnings(kind, target, probe):
            module.warn(f"{target['name']}: {warning}")
    looks = [
        lambda kind=kind, target=target, probe=probe, lacks=lacks: unmade(target, lacks) if lacks else seen_of(kind, target, probe, seconds)
        for kind, target, probe, lacks in zip(kinds, targets, probes, without_ca)
    ]
    module.exit_json(changed=False, local_ports=local_ports(), results=[
        result or unmade(target, why) for target, (result, why) in zip(targets, all_at_once(looks, seconds + GRACE))
    ])


def all_at_once(looks: t.Sequence[t.Callable[[], dict]], seconds: float) -> list[tuple[t.Optional[dict], str]]:
    """What each look returns, or None and why it returned nothing, within `seconds`. A look that hangs is left behind, and hinders no exit."""
    found: list[tuple[t.Optional[dict], str]] = [(None, "the look did not end in its time")] * len(looks)

    def run(position: int) -> None:
        try:
            found[position] = looks[position](), ""
        except Exception as error:  # pylint: disable=broad-except  # one look that fails takes no other with it; its words may hold a secret
            found[position] = None, f"the look itself failed: {type(error).__name__}"

    # A thread that has an answer is not to wait until another gives up the interpreter: round trips are shorter than that.
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=run, args=[position], daemon=True) for position in range(len(looks))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))
    finally:
        sys.setswitchinterval(before)
    return list(found)


def seen_of(kind: Kind, target: Params, probe: Probe, seconds: float) -> dict[str, t.Any]:
    """One of many results."""
    at, begin = _now(), time.monotonic()
    told = outcome(kind, target, probe, seconds)
    way, tls = probe.way, probe.tls if kind.words else None
    about = {"at": at, "seconds": round(time.monotonic() - begin, 3), "addresses": way.addresses, "from_address": way.from_address, "tls": tls}
    return dict(unmade(target, ""), **dict(told, **about))


def unmade(target: Params, why: str) -> dict[str, t.Any]:
    """The result of a look that was not made."""
    about = {name: target[name] for name in ("name", "kind", "host", "port")}
    return dict(NOTHING_SEEN, **ALSO_SEEN, **about, reason=why, at=_now(), seconds=0.0, addresses=[])


def completed(kind: Kind, given: Params) -> dict[str, t.Any]:
    """A target with the defaults of its kind."""
    options = {name: option.get("default") if given.get(name) is None else given[name] for name, option in kind.options.items()}
    return dict(options, kind=given["kind"], name=given["name"] or given["host"])


def foreign(kind: Kind, given: Params) -> list[str]:
    """Options that are missing, or that only other kinds have, one sentence each."""
    missing = [f"{name} is missing: {given['kind']} needs it." for name, option in kind.options.items() if option.get("required") and given.get(name) is None]
    own = {"name", "kind", *kind.options}
    return missing + [
        f"{name} is no option of {given['kind']}: leave it out." for name, value in sorted(given.items()) if value is not None and name not in own
    ]


def secret_of(kind: Kind, params: Params) -> t.Optional[str]:
    return params.get(kind.words.get("password", ""))


def warnings(kind: Kind, params: Params, probe: Probe) -> list[str]:
    """What a user should know of his options."""
    told = []
    if secret_of(kind, params) and not probe.tls:
        told.append(f"The password may go to {params['host']} unencrypted: {kind.words['tls_on']} if the server speaks TLS.")
    names = [kind.words[name] for name in ("password", "user", "database") if name in kind.words]
    return told + list(filter(None, (edges_problem(name, params[name]) for name in names)))


def ca_file_problem(option: str, path: str) -> t.Optional[str]:
    """Why the file cannot be used to check a server's certificate, as a sentence."""
    try:
        tls_context(path)
    except ssl.SSLError:
        return f"{option} {path} holds no certificate in PEM form: it must be the CA's, as text."
    except OSError as error:
        return f"{option} {path} cannot be read on this host ({error.strerror}): copy the CA's certificate there first."
    return None


def timeout_problem(seconds: float) -> t.Optional[str]:
    return None if math.isfinite(seconds) and 0 < seconds <= 3600 else f"timeout is {seconds}: it must be more than 0 and at most 3600 seconds."


def source_problem(address: t.Optional[str]) -> t.Optional[str]:
    if not address:
        return None
    try:
        family = socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
    except (ValueError, OSError):
        return f"source_address {address} is not an address of this host: choose one of its own."
    return None


def ca_problem(kind: Kind, params: Params) -> t.Optional[str]:
    """Why the certificate cannot be checked on this host, as a sentence."""
    option = kind.words.get("ca", "")
    return ca_file_problem(option, params[option]) if params.get(option) else None


def problems(kind: Kind, params: Params) -> list[str]:
    """What is wrong with the options of one server, one sentence each."""
    found = [host_problem("host", params["host"]), port_problem("port", params["port"]) if params["port"] is not None else None]
    if secret_of(kind, params) == "":
        name = kind.words["password"]
        found.append(f"{name} is empty: leave it out to connect without one, or look at where it comes from.")
    if not 1 <= params.get("samples", 1) <= 1000:
        found.append(f"samples is {params['samples']}: it must lie between 1 and 1000.")
    return list(filter(None, found)) + ([] if any(params[name] is None for name in _required(kind)) else kind.problems(params))


def _required(kind: Kind) -> list[str]:
    return [name for name, option in kind.options.items() if option.get("required")]


def outcome(kind: Kind, params: Params, probe: Probe, seconds: float) -> dict[str, t.Any]:
    """The result of a look: what was seen, the trouble if there was one, and all of it in one sentence."""
    seen, trouble = probe.run()
    place = f"{params['host']}:{params['port']}"
    if not trouble:
        return dict(seen, reachable=True, reason=probe.success(place))
    secret = secret_of(kind, params)
    error = trouble.as_dict(secret, words=kind.words)
    if trouble.cause in (Cause.TIMEOUT, Cause.NO_ANSWER):
        error["message"] += f" (all looks together have timeout: {seconds:g} s)"
    if trouble.cause is Cause.WRONGPASS and edges(secret or ""):
        error["message"] += f"; the {kind.words['password']} given {edges(secret)}"
    return dict(seen, reachable=False, latency_ms=None, error=error, reason="{place}: {message}. {advice}".format(place=place, **error))


def local_ports() -> t.Optional[list[int]]:
    """The first and the last port that this host connects from; None where the kernel does not tell."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as told:
            first, last = told.read().split()
        return [int(first), int(last)]
    except (OSError, ValueError):
        return None


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
