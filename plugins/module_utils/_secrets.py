# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of a secret: words in its place where others may read, a fingerprint where it is to be known again. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK

# PBKDF2 rather than scrypt: every Python has it, FIPS builds too, so what one controller writes any other can check.
ITERATIONS = 600_000


def masked(text: str, hidden: t.Iterable[t.Optional[str]], shortest: int = 1) -> str:
    """A text that others wrote, with MASK for each of the values `hidden`, as it is or as Python quotes it.

    shortest: a value of fewer characters is no secret, and would be found in every other word
    """
    values = {value for value in hidden if value and len(value) >= shortest}
    # The longest first: one may be part of another, and of what Python makes of it.
    forms = sorted(values | {repr(value)[1:-1] for value in values}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, forms)), MASK, text) if forms else text


def fingerprint(secret: str, salt: str = "") -> str:
    """`salt/hash` in hexadecimal, slow to guess from; a new salt unless one is given."""
    salt = salt or secrets.token_hex(16)
    return f"{salt}/{hashlib.pbkdf2_hmac('sha256', secret.encode(), bytes.fromhex(salt), ITERATIONS).hex()}"


def is_of(known: str, secret: str) -> bool:
    """Whether the fingerprint `known` is that of `secret`."""
    return hmac.compare_digest(known, fingerprint(secret, known.split("/")[0]))
