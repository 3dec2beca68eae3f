# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report calls an object and a field, the same in every run. Pure."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words

KINDS = ("security group", "replication group", "cache cluster", "cache", "alarm", "app", "branch", "host", "snapshot", "user group", "user", "database")
UNQUOTED = "/:@.-_"


def object_of(name: str) -> dict[str, str]:
    """The object that a Difference calls "KIND NAME"."""
    kind = next((kind for kind in KINDS if name.lower().startswith(kind + " ")), name.partition(" ")[0])
    rest = name[len(kind) + 1:] or kind
    return {"id": f"{words.slug(kind).replace('-', '_')}/{quote(rest, safe=UNQUOTED)}", "kind": words.clean(kind), "name": words.clean(rest)}


def id_of(found: t.Mapping[str, str], field: str) -> str:
    """The id of one field of an object. Capitals stay: two variables may differ in nothing else."""
    return f"{found['id']}#{quote(re.sub(r' +', '-', words.clean(field).strip()), safe=UNQUOTED) or '-'}"
