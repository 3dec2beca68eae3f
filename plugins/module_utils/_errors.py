# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error of AWS says. It imports no botocore, so planners may use it."""

from __future__ import annotations

import typing as t


def error_code(error: BaseException) -> str:
    """AWS's error code, or the empty string for errors that never reached AWS."""
    return (_response(error).get("Error") or {}).get("Code", "")


def status(error: BaseException) -> int:
    """The status of AWS's answer, 0 if there was none."""
    return (_response(error).get("ResponseMetadata") or {}).get("HTTPStatusCode", 0)


def is_throttled(error: BaseException) -> bool:
    """Whether AWS has not even begun, as it was asked too often."""
    code = error_code(error)
    return status(error) == 429 or "Throttl" in code or code in ("RequestLimitExceeded", "TooManyRequestsException", "SlowDown")


def _response(error: BaseException) -> t.Mapping[str, t.Any]:
    return getattr(error, "response", None) or {}
