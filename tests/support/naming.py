# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that tell the sandbox which module makes them."""

from __future__ import annotations

import typing as t

import botocore.handlers


def name_calls(module: str) -> None:
    """Have each AWS call of this process bear the name of the module."""

    def name(params: dict[str, t.Any], **dummy: t.Any) -> None:
        params["headers"]["X-Sandbox-Module"] = module

    botocore.handlers.BUILTIN_HANDLERS.append(("before-call", name))
