# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a token that AWS never gives back: from a tag of our own, AWS's dates, and a look at the live cache. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import typing as t
from dataclasses import dataclass

TAG_KEY = "huntaze:auth-token"
# Notes written ahead of and after each call, with the date AWS showed for the token. A run that is cut off leaves
# ROTATING or SETTING behind; whether its call was made shows in the date that AWS gives now.
ROTATING, ROTATED, SETTING, SET = "rotating", "rotated", "setting", "set"
TAG = re.compile(rf"v1/({ROTATING}|{ROTATED}|{SETTING}|{SET})/([0-9a-f]{{32}}/[0-9a-f]{{64}})/(.+)")
# PBKDF2 rather than scrypt: every Python has it, FIPS builds too, so what one controller writes any other can check.
ITERATIONS = 600_000
# From nothing to everything. UNKNOWN: not known to be accepted. NEWEST: accepted, and the last that was added.
UNKNOWN, ACCEPTED, NEWEST, ONLY = "unknown", "accepted", "newest", "only"
# What the tag proves, given whether AWS shows a later change of the token than the tag does.
PROVES = {
    (ROTATING, False): (UNKNOWN, "a run was cut off before it added the token"),
    (ROTATING, True): (NEWEST, "a run that was cut off added the token"),
    (ROTATED, False): (NEWEST, "the token was added and nothing has changed since"),
    (ROTATED, True): (UNKNOWN, "the token was rotated elsewhere after it was added"),
    (SETTING, False): (NEWEST, "the token was added, and a run was cut off before it became the only one"),
    (SETTING, True): (ONLY, "a run that was cut off made the token the only one"),
    (SET, False): (ONLY, "the token was made the only one and nothing has changed since"),
    (SET, True): (UNKNOWN, "the token was rotated elsewhere after it was made the only one"),
}


@dataclass(frozen=True)
class Tag:
    phase: str
    fingerprint: str
    date: str

    def __str__(self) -> str:
        return f"v1/{self.phase}/{self.fingerprint}/{self.date}"


def read_tag(value: str | None) -> Tag | None:
    """None for a tag that is absent or not ours to understand: both are no evidence."""
    match = TAG.fullmatch(value or "")
    return Tag(*match.groups()) if match else None


def fingerprint(token: str, salt: str = "") -> str:
    """`salt/hash` in hexadecimal, slow to guess from; a new salt unless one is given."""
    salt = salt or secrets.token_hex(16)
    return f"{salt}/{hashlib.pbkdf2_hmac('sha256', token.encode(), bytes.fromhex(salt), ITERATIONS).hex()}"


def is_of(known: str, token: str) -> bool:
    """Whether the fingerprint `known` is that of `token`."""
    return hmac.compare_digest(known, fingerprint(token, known.split("/")[0]))


def date_of(cache: t.Mapping[str, t.Any]) -> str:
    return cache["auth_token_last_modified_date"] or "none"


@dataclass(frozen=True)
class Look:
    """What the live cache answers. One without AUTH may take any password, so acceptance counts only if another one is refused."""

    token_accepted: bool
    password_required: bool


@dataclass(frozen=True)
class Evidence:
    standing: str
    source: str
    reason: str


def judge(cache: t.Mapping[str, t.Any], tag: Tag | None, known: str, look: Look | None, not_looked: str) -> Evidence:
    """What is known of the token with the fingerprint `known`. `not_looked`: why there is no `look`."""
    ours = tag if tag and tag.fingerprint == known else None
    if not cache["auth_token_enabled"] and not cache["auth_token_last_modified_date"]:
        return Evidence(UNKNOWN, "aws", "AUTH is off" + (", although the tag knows the token" if ours and ours.phase != ROTATING else ""))
    if ours:
        standing, reason = PROVES[ours.phase, ours.date != date_of(cache)]
        if standing == ONLY and not cache["auth_token_enabled"]:
            standing, reason = UNKNOWN, f"{reason}, but AUTH is off now"
    else:
        standing, reason = UNKNOWN, "the tag is of another token" if tag else f"the tag {TAG_KEY} is missing or unreadable"
    if look is None:
        return Evidence(standing, "tag" if ours else "none", f"{reason}; {not_looked}")
    if not look.token_accepted:
        return Evidence(UNKNOWN, "connection", f"{reason}; the live cache refuses the token")
    reason += f"; the live cache accepts the token and {'refuses' if look.password_required else 'accepts'} clients without"
    if standing == ONLY and not look.password_required:
        standing = ACCEPTED
    elif standing == UNKNOWN and tag is None and not look.password_required:
        # Clients without a token are let in until the first token becomes the only one, so no other was added after this one.
        standing = NEWEST
    elif standing == UNKNOWN and not (ours and ours.phase == ROTATING):
        standing, reason = ACCEPTED, f"{reason}; whether another token is accepted too cannot be seen"
    return Evidence(standing, "connection", reason)
