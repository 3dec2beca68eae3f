# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a live cache what it says of a token, over TLS with a verified certificate only."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import attempt
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import Answer
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis_probe import RedisProbe
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Deadline, Way

WORDS = {"ca": "tls_ca_file", "password": "auth_token"}
# What keeps a host outside the VPC from asking, as is usual; any other cause is worth a warning.
OUTSIDE = (Cause.NAME_RESOLUTION, Cause.TIMEOUT, Cause.NO_ROUTE, Cause.REFUSED)


def ask(endpoint: t.Mapping[str, t.Any], token: str, tls_ca_file: str | None, timeout: float) -> tuple[Answer | None, Cause | None, str]:
    """What the cache at `endpoint` says of `token`; or None, the cause and what to do about it. All within `timeout` seconds."""
    probe = RedisProbe(Way(endpoint["address"], endpoint["port"], Deadline(timeout), ca_file=tls_ca_file))
    answer, trouble = attempt(lambda: probe.judge(token))
    if answer:
        return answer, None, ""
    told = trouble.as_dict(token, words=WORDS)
    within = f" within {timeout:g} seconds" if trouble.cause in (Cause.TIMEOUT, Cause.NO_ANSWER) else ""
    return None, trouble.cause, "the live cache could not be asked from here{within} ({class}): {message}. {advice}".format(within=within, **told).rstrip(".")
