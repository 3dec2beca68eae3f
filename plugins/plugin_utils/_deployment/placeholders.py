# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that stand for a value that nobody has given yet. Pure."""

from __future__ import annotations

import re

# Texts of guides and templates. What is not anchored is improbable in a real value, a random token above all.
PLACEHOLDER = re.compile(
    r"""(?<![a-z0-9])your[-_ ][a-z]
      | (?<![a-z0-9])change[-_ ]?(?:me|this|it)(?![a-z0-9])
      | (?<![a-z0-9])(?:replace|insert|enter)[-_ ](?:me|this|with|your|here)(?![a-z0-9])
      | ^<[^<>]*>$ | ^\{\{.*\}\}$ | ^\$\{[^{}]*\}$ | ^%[a-z_]+%$
      | (?:\.\.\.|\u2026)$
      | :(?:password|\*+)@
      | ^(?:todo|tbd|fixme|x{3,12}|placeholder|password|secret|token|example|sample|dummy|none|null|undefined|n/a|\?+|-+)$
      | ^https?://(?:[a-z0-9-]+\.)*example\.(?:com|org|net)(?:[:/]|$)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_placeholder(value):
    """Whether `value` is text that stands for a value still to be given."""
    return isinstance(value, str) and bool(PLACEHOLDER.search(value.strip()))
