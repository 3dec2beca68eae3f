# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS says when it refuses a call."""

from __future__ import annotations

import typing as t

import pytest
from botocore.exceptions import ClientError


def refused(code: str, call: t.Callable[..., t.Any], **parameters: t.Any) -> str:
    """Assert that AWS answers the call with this code; its message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response["Error"]["Message"]
