# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role limiter_agent gets of a deployment, whichever stage runs it. Reads the file of the cache's authorities on the controller."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.limiter import metric_namespace
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import filled, is_left_out


def agent_inputs(variables, cache, agents, address=None):
    """The role's variables without their prefix limiter_agent_.

    `variables` are the deployment's, `cache` is what elasticache_info says of it, `agents` how many agents share it, and `address` where this one listens.
    """
    declared = filled(variables)
    limiter, of_cache = declared["huntaze_limiter"], declared["huntaze_cache"]
    speaks_tls = cache["transit_encryption_mode"] is not None
    primary = cache["endpoints"]["primary"]
    ca_file = of_cache["tls_ca_file"]
    return {
        "redis": {
            "host": primary["address"],
            "port": primary["port"],
            "tls": speaks_tls,
            "tls_ca": Path(ca_file).expanduser().read_text(encoding="utf-8").rstrip() if ca_file else "",
            # A token is never sent in plain text. Over TLS it is sent before the cache asks for it, so that clients move in one step.
            "token": of_cache["auth_token"] if speaks_tls else "",
        },
        "bearer_tokens": limiter["bearer_tokens"],
        "listen": {"address": address or "0.0.0.0", "port": limiter["port"]},
        "tls": {name: limiter["tls"][name] or "" for name in ("certificate", "key")},
        # Problems of the variables have been refused: without a certificate nobody outside the VPC is let in.
        "plain_text": True,
        "rules": limiter["rules"] or {},
        "agents": agents,
        # What is left out is the agent's own default.
        "cloudwatch": {
            "region": declared["huntaze_aws"]["region"], "namespace": metric_namespace(declared),
            **{name: value for name, value in (variables["huntaze_limiter"].get("cloudwatch") or {}).items() if not is_left_out(value)},
        },
    }
