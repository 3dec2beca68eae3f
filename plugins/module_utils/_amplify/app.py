# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app of Amplify Hosting and its branch: how a task names them, how a result does, and what AWS describes of them."""

from __future__ import annotations

import re
import typing as t

APP_ID = re.compile(r"d[a-z0-9]{1,19}")
# Where an app's identifier stands in its ARN, in an address of its site, and in one of the console.
APP_ID_WITHIN = re.compile(r"(?:apps/|/|\.|^)(d[a-z0-9]{9,19})(?:[/.?#]|$)")
BRANCH_LIMIT = 255
APP_OPTIONS = dict(app_id=dict(type="str"), app_name=dict(type="str"), branch=dict(type="str"))


def problems(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with app_id, app_name and branch as a user wrote them, one sentence each."""
    app_id, app_name, branch = (parameters.get(key) for key in ("app_id", "app_name", "branch"))
    return [
        *([] if app_id is None or APP_ID.fullmatch(app_id) else [_app_id_problem(app_id)]),
        *([] if app_name is None else _app_name_problems(app_name)),
        *([] if branch is None else _branch_problems(branch)),
    ]


def _app_id_problem(app_id: str) -> str:
    if not app_id.strip():
        return "app_id is empty: the environment variable or vault it comes from is probably not set."
    within = APP_ID_WITHIN.search(app_id.strip())
    way_out = f"write {within[1]}" if within else "write it as AWS does (d1a2b3c4d5e6f7), or use app_name"
    return f"app_id {app_id!r} is no app's identifier: {way_out}."


def _app_name_problems(name: str) -> list[str]:
    if not name.strip():
        return ["app_name is empty: the environment variable or vault it comes from is probably not set."]
    if name != name.strip():
        return [f"app_name {name!r} begins or ends with a blank: write {name.strip()!r}."]
    if name.startswith("arn:") or "://" in name:
        within = APP_ID_WITHIN.search(name)
        return [f"app_name {name!r} is an address and no name: " + (f"use app_id: {within[1]}." if within else "write the name as the console shows it.")]
    return []


def _branch_problems(branch: str) -> list[str]:
    if not branch.strip():
        return ["branch is empty: name the branch as the console shows it."]
    if branch != branch.strip():
        return [f"branch {branch!r} begins or ends with a blank: write {branch.strip()!r}."]
    within = re.fullmatch(r"refs/heads/(.+)|arn:.*/branches/(.+)|https?://.*?/(?:branches|tree)/(.+)", branch)
    if within:
        return [f"branch {branch!r} is an address and no branch's name: write {next(filter(None, within.groups()))!r}."]
    if "://" in branch or branch.startswith("arn:"):
        return [f"branch {branch!r} is an address and no branch's name: name the branch as the console shows it."]
    if len(branch) > BRANCH_LIMIT:
        return [f"branch {branch[:20]}... has {len(branch)} characters, of which Amplify takes {BRANCH_LIMIT}: name the branch as the console shows it."]
    return []


def variables_of(described: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The variables of an app or branch as AWS describes it, without the blank name that clears them."""
    return {name: value for name, value in (described.get("environmentVariables") or {}).items() if name.strip()}


def object_of(app_id: str, branch: t.Optional[str] = None) -> str:
    """The object of a Difference."""
    return f"branch {app_id}/{branch}" if branch else f"app {app_id}"


def named(client: t.Any, name: str) -> tuple[str, list[str]]:
    """The identifier of the one app of this name; without one, why not."""
    apps = client.get_paginator("list_apps").paginate().build_full_result().get("apps") or []
    region, found = client.meta.region_name, sorted(app["appId"] for app in apps if app.get("name") == name)
    if len(found) == 1:
        return found[0], []
    if found:
        return "", [f"{len(found)} apps of {region} are named {name}: {', '.join(found)}. Say which by app_id."]
    if any(app["appId"] == name for app in apps):
        return "", [f"No app of {region} is named {name}, which is the identifier of one: use app_id."]
    names = ", ".join(sorted({app.get("name") or app["appId"] for app in apps})) or "none at all"
    return "", [f"No app of {region} is named {name}; there is {names}. Correct app_name or region."]
