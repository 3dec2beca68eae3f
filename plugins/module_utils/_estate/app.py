# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app on Amplify Hosting: its builds, what it has written last, and the names of its variables. Never a value of one."""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import variables_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Reads, together
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import masked

MEMBERS = ("app", "branch", "jobs", "variable_names", "log_group", "log_events", "metrics")
# What is told. The build specification, the password of the site and the variables may be secrets.
OF_AN_APP = (
    "app_id", "app_arn", "name", "default_domain", "platform", "repository", "iam_service_role_arn", "production_branch", "enable_basic_auth", "create_time",
    "update_time",
)
OF_A_BRANCH = (
    "branch_name", "branch_arn", "stage", "framework", "active_job_id", "enable_auto_build", "enable_basic_auth", "total_number_of_jobs", "create_time",
    "update_time",
)
OF_A_JOB = ("job_id", "job_arn", "commit_id", "commit_time", "start_time", "end_time", "status", "job_type")
# Amplify's functions write as those of Lambda do.
ERRORS = "?Error ?ERROR ?ETIMEDOUT ?ECONNREFUSED ?ECONNRESET ?ENOTFOUND"
HOUR = datetime.timedelta(hours=1)
MOST_EVENTS, MOST_JOBS, LONGEST = 50, 200, 2000
METRICS = {"requests": ("Requests", "Sum"), "errors_4xx": ("4xxErrors", "Sum"), "errors_5xx": ("5xxErrors", "Sum"), "latency": ("Latency", "Average")}
GONE = ("NotFoundException",)
# A value of fewer characters is found in other words too: it cannot be told from them.
SHORTEST = 6
USER_IN_URL = re.compile(r"(://[^\s:/@]*:)[^\s@]+@")


def app(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    app_id, branch_name = named["app_id"] or _app_id(reads, named["app_name"]), named["branch"]
    if not app_id:
        return {**dict.fromkeys(MEMBERS), "app": None if app_id is None else {}}
    at_branch = {"appId": app_id, "branchName": branch_name}
    now = datetime.datetime.now(datetime.timezone.utc)
    found, branch, jobs, groups, metrics = together(
        lambda: reads.ask("amplify", "get_app", "app", absent=GONE, nothing={}, appId=app_id),
        lambda: reads.ask("amplify", "get_branch", "branch", absent=GONE, nothing={}, **at_branch) if branch_name else None,
        lambda: reads.ask(
            "amplify", "list_jobs", "jobSummaries", absent=GONE, nothing=[], PaginationConfig={"MaxItems": MOST_JOBS}, **at_branch
        ) if branch_name else None,
        lambda: reads.ask("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=f"/aws/amplify/{app_id}"),
        lambda: _metrics(reads, app_id, now),
    )
    group = f"/aws/amplify/{app_id}"
    exists = None if groups is None else any(one.get("log_group_name") == group for one in groups)
    values = {**_variables(found), **_variables(branch)}
    known = found is not None and (branch is not None or not branch_name)
    return {
        "app": _of(found, OF_AN_APP), "branch": _of(branch, OF_A_BRANCH),
        "jobs": None if jobs is None else [_of(job, OF_A_JOB) for job in jobs],
        "variable_names": sorted(values) if known else None,
        "log_group": {"name": group, "exists": exists},
        # What cannot be masked is not told.
        "log_events": _events(reads, group, branch_name, now, values.values()) if exists and known else None,
        "metrics": metrics,
    }


def _app_id(reads: Reads, name: str) -> t.Optional[str]:
    """Of the one app of that name; empty where there is none, and None where AWS does not tell which."""
    apps = reads.ask("amplify", "list_apps", "apps")
    found = [one["app_id"] for one in apps or [] if one.get("name") == name]
    return None if apps is None or len(found) > 1 else "".join(found)


def _of(found: t.Optional[t.Mapping[str, t.Any]], told: t.Sequence[str]) -> t.Optional[dict[str, t.Any]]:
    """None where it is not known, and empty where it is known not to be there."""
    return None if found is None else {key: found[key] for key in told if key in found}


def _variables(found: t.Optional[t.Mapping[str, t.Any]]) -> dict[str, str]:
    return variables_of({"environmentVariables": (found or {}).get("environment_variables")})


def _events(reads: Reads, group: str, branch: t.Optional[str], now: datetime.datetime, values: t.Collection[str]) -> t.Optional[list[dict[str, t.Any]]]:
    found = reads.ask(
        "logs", "filter_log_events", "events", absent=("ResourceNotFoundException",), nothing=[], logGroupName=group, filterPattern=ERRORS,
        startTime=int((now - HOUR).timestamp() * 1000), PaginationConfig={"MaxItems": MOST_EVENTS},
        **({"logStreamNamePrefix": f"{branch}/"} if branch else {}),
    )
    return None if found is None else [
        {"at": _instant(one.get("timestamp")), "stream": one.get("log_stream_name"), "message": readable(one.get("message") or "", values)} for one in found
    ]


def readable(message: str, values: t.Iterable[str]) -> str:
    """What an app has written, without the values of its variables and the passwords of addresses."""
    return USER_IN_URL.sub(rf"\g<1>{MASK}@", masked(message, values, SHORTEST))[:LONGEST]


def _metrics(reads: Reads, app_id: str, now: datetime.datetime) -> t.Optional[dict[str, t.Any]]:
    """Of the last hour; None for one that has no value, as nobody has asked for a page."""
    queries = [
        {"Id": key, "MetricStat": {
            "Metric": {"Namespace": "AWS/AmplifyHosting", "MetricName": name, "Dimensions": [{"Name": "App", "Value": app_id}]},
            "Period": 3600, "Stat": statistic,
        }} for key, (name, statistic) in METRICS.items()
    ]
    found = reads.ask("cloudwatch", "get_metric_data", "MetricDataResults", MetricDataQueries=queries, StartTime=now - HOUR, EndTime=now)
    if found is None:
        return None
    values = {one.get("id"): one.get("values") or [] for one in found}
    return {key: values[key][0] if values.get(key) else None for key in METRICS}


def _instant(milliseconds: t.Any) -> t.Optional[str]:
    if not milliseconds:
        return None
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
