# SPDX-License-Identifier: GPL-3.0-or-later
"""What every AWS module of this collection shares: retries, waiting, refusals and errors worth reading."""

from __future__ import annotations

import time
import typing as t

try:
    from botocore.config import Config
    from botocore.exceptions import ClientError, ConnectionError as ConnectError, HTTPClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

# Adaptive mode paces the client below the service's rate once it has been throttled.
RETRIES = {"mode": "adaptive", "max_attempts": 10}
# What AWS answers, and what the reader can do about it.
HINTS = {
    "AuthFailure": "AWS does not know these credentials: check access_key and secret_key, or the profile",
    "InvalidClientTokenId": "AWS does not know these credentials: check access_key and secret_key, or the profile",
    "UnrecognizedClientException": "AWS does not know these credentials: check access_key and secret_key, or the profile",
    "ExpiredToken": "the session token has expired: obtain a new one",
    "AccessDenied": "the IAM policy of these credentials lacks this action; the README lists the policy needed",
    "AccessDeniedException": "the IAM policy of these credentials lacks this action; the README lists the policy needed",
    "UnauthorizedOperation": "the IAM policy of these credentials lacks this action; the README lists the policy needed",
    "InvalidGroup.NotFound": "there is no such security group in this account and region: check its identifier and the region",
    "RulesPerSecurityGroupLimitExceeded": "the group holds as many rules as its quota allows: remove rules, or have the quota raised",
}


def client(module: AnsibleAWSModule, service: str) -> t.Any:
    """A boto3 client of `service` that retries what is transient; `aws_config` of the task overrides it."""
    return module.client(service, config=Config(retries=RETRIES))


def client_without_retries(module: AnsibleAWSModule, service: str) -> t.Any:
    """For calls that must not be repeated without looking first: an answer can be lost although the change was made."""
    once = Config(**(module.params["aws_config"] or {})).merge(Config(retries={"total_max_attempts": 1}))
    return module.client(service, aws_config=once)


def error_code(error: BaseException) -> str:
    """AWS's error code, or the empty string for errors that never reached AWS."""
    return (getattr(error, "response", None) or {}).get("Error", {}).get("Code", "")


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later. Unless AWS refused it, the change may have been made all the same."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status == 429 or status >= 500 or "Throttl" in error_code(error)
    return isinstance(error, (ConnectError, HTTPClientError))


def refuse(module: AnsibleAWSModule, subject: str, problems: t.Sequence[str], **result: t.Any) -> None:
    """Fail with all of `problems` (sentences that name the way out) in one message, if there is any."""
    if problems:
        module.fail_json(msg=f"{subject}: " + " ".join(problems), problems=list(problems), **result)


def fail_on_aws_error(module: AnsibleAWSModule, error: Exception, doing: str, **result: t.Any) -> t.NoReturn:
    """Fail with what was being done, what AWS answered, and a way out where one is known."""
    hint = HINTS.get(error_code(error))
    module.fail_json(
        msg=f"{doing}: {error}" + (f" -- {hint}" if hint else ""),
        error={"code": error_code(error), "type": type(error).__name__},
        **result,
    )


def wait_until(look: t.Callable[[], t.Any], timeout: float, delay: float = 15.0) -> t.Any:
    """Call `look` until it answers something true and return that; None after `timeout` seconds.

    The first pause is short, as much is done at once; each is twice the one before, up to `delay` seconds.
    """
    deadline, pause = time.monotonic() + timeout, 0.25
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() + pause > deadline:
            return None
        time.sleep(pause)
        pause = min(pause * 2, delay)
