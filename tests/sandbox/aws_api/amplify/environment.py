# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment variables as Amplify Hosting keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from .exceptions import BadRequestException

NAME_LIMIT, VALUE_LIMIT = 255, 5500
# The one map that clears; it reads back as no variables at all.
CLEAR = {" ": ""}


def _quoted(given: Mapping[str, str]) -> str:
    """The whole map, values and all, as AWS's validation quotes what it refuses."""
    return "{" + ", ".join(f"{name}={value}" for name, value in given.items()) + "}"


def replaced(current: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """The map after an update: replaced as a whole, left alone when none (or an empty one) is given."""
    if not given:
        return dict(current)
    if given == CLEAR:
        return {}
    for name, value in given.items():
        # A blank name beside others was never seen to work: refused, so that nobody depends on it.
        if not name.strip():
            raise BadRequestException("Environment variables cannot have an empty key.")
        if name.startswith("AWS"):
            raise BadRequestException('Environment variables cannot start with the reserved prefix "AWS".')
        for what, text, limit in (("key", name, NAME_LIMIT), ("value", value, VALUE_LIMIT)):
            if len(text) > limit:
                raise BadRequestException(
                    f"1 validation error detected: Value '{_quoted(given)}' at 'environmentVariables' failed to satisfy constraint: "
                    f"Map {what} must satisfy constraint: [Member must have length less than or equal to {limit}]"
                )
    return dict(given)
