# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What botocore reads of AWS's services before it can call one, read once in Ansible's own process: that takes longer than a look at AWS.

A fork that finds nothing here reads for itself.
"""

from __future__ import annotations

import contextlib
import os

try:
    import botocore.session
    from botocore.loaders import Loader, create_loader
except ImportError:  # the modules report the missing library
    botocore = None

_loader: Loader | None = None


def read(service: str) -> None:
    """Read what a client of `service` needs; before Ansible forks."""
    global _loader  # pylint: disable=global-statement
    if botocore is None or "AWS_DATA_PATH" in os.environ:  # whoever sets it has models of their own
        return
    _loader = _loader or create_loader()
    with contextlib.suppress(Exception):
        for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
            _loader.load_data(name)
        for kind in ("service-2", "endpoint-rule-set-1"):
            _loader.list_available_services(kind)
            _loader.load_service_model(service, kind)
        _loader.load_service_model(service, "paginators-1")
        # A client's methods: botocore keeps the names that it makes of those of operations, EC2's 830 take longest.
        for operation in _loader.load_service_model(service, "service-2")["operations"]:
            botocore.xform_name(operation)


def use() -> None:
    """Let every session of this process take what was read; in a fork, as it is not to be shared with other plugins."""
    if _loader is not None:
        botocore.session.create_loader = lambda *paths: _loader
