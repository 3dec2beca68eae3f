# SPDX-License-Identifier: GPL-3.0-or-later
"""The error codes that moto's CloudTrail does not have yet. unverified: their words."""

from __future__ import annotations

from moto.core.exceptions import JsonRESTError


class InvalidLookupAttributesException(JsonRESTError):
    def __init__(self) -> None:
        super().__init__("InvalidLookupAttributesException", "You must provide exactly one lookup attribute, with a key and a value.")


class InvalidTimeRangeException(JsonRESTError):
    def __init__(self) -> None:
        super().__init__("InvalidTimeRangeException", "The start time must not be after the end time.")


class InvalidMaxResultsException(JsonRESTError):
    def __init__(self) -> None:
        super().__init__("InvalidMaxResultsException", "MaxResults must be between 1 and 50.")


class InvalidNextTokenException(JsonRESTError):
    def __init__(self) -> None:
        super().__init__("InvalidNextTokenException", "The next token is invalid, or was made for other parameters.")


class ThrottlingException(JsonRESTError):
    """HTTP 400, as CloudTrail has it."""

    def __init__(self) -> None:
        super().__init__("ThrottlingException", "Rate exceeded")
