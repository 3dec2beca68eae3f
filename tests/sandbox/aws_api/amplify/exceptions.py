# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of Amplify Hosting; codes and status codes are the service model's, texts are AWS's where they are known."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class BadRequestException(ServiceException):
    code = "BadRequestException"


class LimitExceededException(ServiceException):
    code = "LimitExceededException"


class NotFoundException(ServiceException):
    code = "NotFoundException"


class ResourceNotFoundException(ServiceException):
    """What the tagging operations answer, where all others answer NotFoundException."""

    code = "ResourceNotFoundException"
