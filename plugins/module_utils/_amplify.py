# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules for Amplify Hosting share: how an app is found, what its variables are, what its errors mean."""

from __future__ import annotations

import re
import typing as t

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import error_code, fail_on_aws_error

APP_ID = re.compile(r"d[a-z0-9]{1,19}")
APP_OPTIONS = dict(app_id=dict(type="str"), app_name=dict(type="str"), branch=dict(type="str"))


def app_problems(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with app_id and branch as a user wrote them, one sentence each."""
    problems = []
    app_id, branch = parameters["app_id"], parameters["branch"]
    if app_id is not None and not APP_ID.fullmatch(app_id):
        problems.append(f"app_id {app_id!r} is no app's identifier: write it as AWS does (d1a2b3c4d5e6f7), or use app_name.")
    if branch is not None and not branch.strip():
        problems.append("branch is empty: name the branch as the console shows it.")
    return problems


def variables_of(described: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The variables of an app or branch as AWS describes it, without the blank name that clears them."""
    return {name: value for name, value in (described.get("environmentVariables") or {}).items() if name.strip()}


def find_app(module: t.Any, client: t.Any) -> str:
    """The id of the app that app_id or app_name names."""
    app_id, name = module.params["app_id"], module.params["app_name"]
    if app_id:
        return app_id
    try:
        apps = client.get_paginator("list_apps").paginate().build_full_result()["apps"]
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, f"Looking for the app named {name}")
    found = sorted(app["appId"] for app in apps if app["name"] == name)
    if len(found) == 1:
        return found[0]
    if found:
        module.fail_json(msg=f"{len(found)} apps of {module.region} are named {name}: {', '.join(found)}. Say which by app_id.")
    names = ", ".join(sorted({app["name"] for app in apps})) or "none at all"
    module.fail_json(msg=f"No app of {module.region} is named {name}; there is {names}. Correct app_name or region.")


def fail_on_amplify_error(module: t.Any, error: Exception, doing: str) -> t.NoReturn:
    """As fail_on_aws_error; where something was not found, with the way out."""
    if error_code(error) == "NotFoundException":
        module.fail_json(
            msg=f"{doing}: {error} Correct app_id, branch (as the console shows it) or region ({module.region}).",
            error={"code": "NotFoundException", "type": type(error).__name__},
        )
    fail_on_aws_error(module, error, doing)
