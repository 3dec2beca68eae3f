# SPDX-License-Identifier: GPL-3.0-or-later
"""The error codes that moto's CloudWatch does not have yet."""

from __future__ import annotations

from moto.cloudwatch.exceptions import CloudWatchException


class InvalidNextToken(CloudWatchException):
    code = "InvalidNextToken"
    message = "Invalid next token"


class RequestEntityTooLarge(CloudWatchException):
    code = "RequestEntityTooLarge"
    message = "The request body must not exceed 1048576 bytes."
