# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a token that AWS never gives back: from a tag of our own, AWS's dates, and a look at the live cache. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import Answer
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Unknown

TAG_KEY = "huntaze:auth-token"
# A note is written only after AWS has answered the call that it tells of, with the date that AWS showed for the token then:
# a note ahead of a call proves nothing, as a later date may be of anybody's change.
ROTATED, SET = "rotated", "set"
# Notes of v1 were written on less than that, so they are no evidence.
TAG = re.compile(rf"v2/({ROTATED}|{SET})/([0-9a-f]{{32}}/[0-9a-f]{{64}})/(.+)")
NO_DATE = "none"
# From nothing to everything. UNPROVEN: not known to be accepted. NEWEST: accepted, and the last that was added.
UNPROVEN, ACCEPTED, NEWEST, ONLY = "unproven", "accepted", "newest", "only"
STANDINGS = {ROTATED: NEWEST, SET: ONLY}
DEEDS = {ROTATED: "added", SET: "made the only one"}


@dataclass(frozen=True)
class Tag:
    """fingerprint: of the token, as _secrets makes it."""

    phase: str
    fingerprint: str
    date: t.Union[str, Unknown]

    def __str__(self) -> str:
        return f"v2/{self.phase}/{self.fingerprint}/{self.date}"


def read_tag(value: str | None) -> Tag | None:
    """None for a tag that is absent or not ours to understand: both are no evidence."""
    match = TAG.fullmatch(value or "")
    return Tag(*match.groups()) if match else None


def date_of(cache: t.Mapping[str, t.Any]) -> str | Unknown:
    return cache["auth_token_last_modified_date"] or NO_DATE


@dataclass(frozen=True)
class Evidence:
    standing: str
    source: str
    reason: str


def judge(
    cache: t.Mapping[str, t.Any], tag: Tag | None, known: str, answer: Answer | None, unasked: str, earned: Tag | None = None, unread: str | None = None
) -> Evidence:
    """What is known of the token with the fingerprint `known`.

    answer:   what the live cache says of it
    unasked:  why there is no `answer`
    earned:   the note of what AWS has answered this very run, written or not
    unread:   why AWS does not show the tag, if it does not
    """
    if earned and earned.date == date_of(cache):
        return Evidence(STANDINGS[earned.phase], "aws", f"AWS has just reported that the token was {DEEDS[earned.phase]}")
    ours = tag if tag and tag.fingerprint == known else None
    if not cache["auth_token_enabled"] and not cache["auth_token_last_modified_date"]:
        return Evidence(UNPROVEN, "aws", "AUTH is off" + (", although the tag knows the token" if ours else ""))
    standing, reason = (UNPROVEN, unread) if unread else _of_tag(cache, tag, ours)
    busy = bool(unread) and cache["status"] != "available"
    if answer is None:
        return Evidence(standing, "busy" if busy else "tag" if ours else "none", f"{reason}; {unasked}")
    if answer.accepted is None:
        reason += "; the live cache takes any password, which tells nothing of this one"
        # What is taken beside it rules out that it is the only one, and not that it is the last that was added.
        return Evidence(NEWEST if standing == NEWEST else UNPROVEN, "busy" if busy else "tag" if standing == NEWEST else "connection", reason)
    if not answer.accepted:
        return Evidence(UNPROVEN, "connection", f"{reason}; the live cache refuses the token")
    reason += f"; the live cache accepts the token and {'refuses' if answer.required else 'accepts'} clients without"
    if standing == ONLY and not answer.required:
        standing = ACCEPTED
    elif standing == UNPROVEN and not answer.required:
        # The second token closes the way in for clients without: as long as it is open, this token is the only one.
        standing = NEWEST
    elif standing == UNPROVEN:
        standing, reason = ACCEPTED, f"{reason}; whether another token is accepted too cannot be seen"
    return Evidence(standing, "busy" if busy and standing == ACCEPTED else "connection", reason)


def _of_tag(cache: t.Mapping[str, t.Any], tag: Tag | None, ours: Tag | None) -> tuple[str, str]:
    if not ours:
        return UNPROVEN, "the tag is of another token" if tag else f"the tag {TAG_KEY} is missing or unreadable"
    if NO_DATE in (ours.date, date_of(cache)):
        return UNPROVEN, "AWS shows no date for the token, and without one the tag proves nothing"
    if ours.date != date_of(cache):
        return UNPROVEN, f"the token was rotated elsewhere after it was {DEEDS[ours.phase]}, or a run was cut off"
    reason = f"the token was {DEEDS[ours.phase]} and nothing has changed since"
    if ours.phase == SET and not cache["auth_token_enabled"]:
        return UNPROVEN, f"{reason}, but AUTH is off now"
    return STANDINGS[ours.phase], reason
