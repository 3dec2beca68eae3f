# SPDX-License-Identifier: GPL-3.0-or-later
"""What every AWS module of this collection shares: clients, retries, refusals and errors worth reading."""

from __future__ import annotations

import os
import re
import time
import typing as t

try:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible.module_utils.common import warnings
from ansible_collections.amazon.aws.plugins.module_utils.botocore import boto3_inventory_conn, get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.huntaze.ai_system.plugins.module_utils import _apply, _credentials
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import LeftAlone, shown_left_alone

VERSION = "0.1.0"
# CloudTrail shows it of every call, and the module after it: how a run knows what an earlier one did.
USER_AGENT = f"huntaze.ai_system/{VERSION}"
# Adaptive mode paces the client below the service's rate once it has been throttled.
RETRIES = {"mode": "adaptive", "max_attempts": 10}
# The object that a task names does not exist.
NOT_FOUND = ("InvalidGroup.NotFound", "NotFoundException", "ResourceNotFoundException")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
# What AWS answers, and what the reader can do about it.
HINTS = {
    "InvalidGroup.NotFound": "there is no such security group in this account and region: check its identifier and the region",
    "RulesPerSecurityGroupLimitExceeded": "the group holds as many rules as its quota allows: remove rules, or have the quota raised",
}


def client(module: AnsibleAWSModule, service: str, **config: t.Any) -> t.Any:
    """A boto3 client of `service` that retries what is transient.

    config: options of botocore's Config, which `aws_config` of the task overrides.
    """
    return _connect(module, service, config=Config(**{"retries": dict(RETRIES), **config}))


def client_without_retries(module: AnsibleAWSModule, service: str, **config: t.Any) -> t.Any:
    """For calls that must not be repeated without looking first: an answer can be lost although the change was made.

    config: options of botocore's Config, which `aws_config` of the task overrides.
    """
    once = Config(**{**config, **(module.params["aws_config"] or {})}).merge(Config(retries={"total_max_attempts": 1}))
    return _connect(module, service, aws_config=once)


def _connect(module: AnsibleAWSModule, service: str, **options: t.Any) -> t.Any:
    """A client, or a failure that says which credentials were tried, why they do not work and what helps."""
    refuse(module, "The AWS credentials cannot work", _credentials_of(module).problems())
    region, endpoint, connection = get_aws_connection_info(module)
    options = {**connection, **options}
    try:
        last = options.pop("aws_config", None) or Config()
        us = f"{USER_AGENT} module/{module._name.rpartition('.')[2]}"
        named = last.merge(Config(user_agent_extra=" ".join(filter(None, (last.user_agent_extra, us)))))
        return boto3_inventory_conn(conn_type="client", resource=service, region=region, endpoint=endpoint, aws_config=named, **options)
    except NoRegionError:
        module.fail_json(msg="No AWS region is given: set the option region, the variable AWS_REGION or the region of the profile.")
    except (ValueError, BotoCoreError) as error:
        fail_on_aws_error(module, error, f"Connecting to {service}")


def _credentials_of(module: AnsibleAWSModule) -> _credentials.Credentials:
    return _credentials.Credentials(module.params, os.environ)


def warn(text: str) -> None:
    """Not AnsibleAWSModule.warn: it tells each warning once more, in a way for which ansible-core 2.19 shows a deprecation."""
    warnings.warn(text)


def refuse(module: AnsibleAWSModule, subject: str, problems: t.Sequence[str], **result: t.Any) -> None:
    """Fail with all of `problems` (sentences that name the way out) in one message, if there is any."""
    if problems:
        module.fail_json(msg=f"{subject}: " + " ".join(problems), problems=list(problems), **result)


def fail_on_aws_error(module: AnsibleAWSModule, error: Exception, doing: str, **result: t.Any) -> t.NoReturn:
    """Fail with what was being done, what AWS answered, and a way out where one is known."""
    way_out = hint(error, module)
    module.fail_json(
        msg=f"{doing}: {error}" + (f" -- {way_out}" if way_out else ""),
        error={"code": error_code(error), "type": type(error).__name__},
        **result,
    )


def failed_look(module: AnsibleAWSModule, error: Exception, doing: str) -> str:
    """A sentence on a look that failed and that the task can do without."""
    way_out = hint(error, module)
    return f"{doing} failed: {error}" + (f" -- {way_out}" if way_out else "")


def looked(module: AnsibleAWSModule, doing: str, look: t.Callable[[], t.Any], gone: LeftAlone | None = None) -> t.Any:
    """What the first look of a task gives, or a failure that says that nothing was done; `gone` is told where what the task names is not there."""
    try:
        return look()
    except _apply.Failed as failed:
        fail_on_failure(module, failed, doing)
    except (BotoCoreError, ClientError) as error:
        found = (gone,) if gone and error_code(error) in NOT_FOUND else ()
        fail_on_aws_error(module, error, doing, **_apply.Failed(left_alone=shown_left_alone(found)).result())


def carry_out(
    module: AnsibleAWSModule, doing: str, look: t.Callable[[], t.Any], planned: t.Any, policy: _apply.Policy, service: str, seconds: float, **config: t.Any
) -> _apply.Applied:
    """Bring what AWS shows to what `look` plans, or fail with all that was done and is left.

    planned: the plan of the first look
    seconds: that all waiting together may take
    config:  of the client that sends the changes
    """
    try:
        writer = client_without_retries(module, service, **config)
        return _apply.converge(look, writer, policy, time.monotonic() + seconds, seen=planned)
    except _apply.Failed as failed:
        fail_on_failure(module, failed, doing)


def fail_on_failure(module: AnsibleAWSModule, failed: _apply.Failed, doing: str, **result: t.Any) -> t.NoReturn:
    """Fail with what ended a run, what it has done and what is left."""
    result = {**failed.result(), **result}
    if failed.error:
        fail_on_aws_error(module, failed.error, f"{doing}.{failed.aside} AWS's answer" if failed.aside else doing, **result)
    module.fail_json(msg=f"{doing}: {failed}", **result)


def hint(error: Exception, module: AnsibleAWSModule | None = None) -> str | None:
    """What the reader can do about an error of AWS, where that is known; with the module also which credentials it has."""
    code = error_code(error)
    if code in DENIED:
        return f"not allowed: {denied_action(error)}; add it to the IAM policy of these credentials (the README lists the policy needed)"
    if _credentials.concerns(code, error):
        return _credentials.told(_credentials_of(module), code) if module else _credentials.reason(code)
    return HINTS.get(code)


def denied_action(error: Exception) -> str:
    """The IAM action that AWS refuses, such as "ec2:CreateTags": not always that of the call itself."""
    named = re.search(r"not authorized to perform: ([a-z0-9-]+:\w+)", str(error))
    if named:
        return named[1]
    service = "ec2:" if error_code(error) == "UnauthorizedOperation" else ""  # no other service says it so
    return service + (getattr(error, "operation_name", None) or "the action")
