# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress rules that a deployment declares, in the fields of security_group_ingress. Pure."""

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.schema import filled

KINDS = {"sg-": "referenced_group_id", "pl-": "prefix_list_id"}


def callers_ingress(limiter):
    """A rule for each source that callers of the agents come from. `limiter` is huntaze_limiter."""
    limiter = filled({"huntaze_limiter": limiter})["huntaze_limiter"]
    return [
        {
            "ip_protocol": "tcp", "from_port": limiter["port"], "to_port": limiter["port"], _kind(source): source,
            "description": "HTTPS to the limiter agents",
        }
        for source in limiter["listen_from"]
    ]


def _kind(source):
    return KINDS.get(source[:3]) or ("cidr_ipv6" if ":" in source else "cidr_ipv4")
