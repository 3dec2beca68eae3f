# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose the credentials are."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Reads


def account(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found = reads.ask("sts", "get_caller_identity") or {}
    return {"id": found.get("account"), "arn": found.get("arn")}
