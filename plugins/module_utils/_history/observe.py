# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS shows of objects that differ, beside who changed them: dates, the history of alarms, what a difference masks. Pure but for the clients given."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import app
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarm import LISTED
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarms import NAMES_A_CALL
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.origin import Found, Observed, Trail, by_object
from ansible_collections.huntaze.ai_system.plugins.module_utils._history.write import Groups, from_history

# Up to so many alarms are asked for by name; of more the region's whole history is read, newest first.
BY_NAME, MOST_PAGES = 5, 20
# What DisableAlarmActions changes: nothing documents that the stamp of an alarm moves with it.
UNDATED = ("actions_enabled",)
OF_THE_TOKEN = ("auth_token", "auth_token_update_strategy", "auth_token_last_modified_date")

Clients = t.Callable[[str], t.Any]
# Does a look; None where it fails, which is noted.
Attempt = t.Callable[[str, t.Callable[[], t.Any]], t.Any]


def observe(clients: Clients, differences: t.Sequence[Found], attribute: bool, attempt: Attempt) -> Observed:
    """attribute: whether it is going to be asked who made them so"""
    stamps: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    names = _names(differences, "alarm")
    alarms = attempt("Reading when alarms changed", lambda: _alarms(clients("cloudwatch"), names)) if names else {}
    history = attempt("Reading the history of alarms", lambda: _history(clients("cloudwatch"), names)) if names else None
    for name, alarm in (alarms or {}).items():
        stamps[f"alarm {name}"] = _iso(alarm.get("AlarmConfigurationUpdatedTimestamp"))
    for kind in ("app", "branch"):
        for name in _names(differences, kind):
            described = attempt(f"Reading when {kind} {name} changed", lambda kind=kind, name=name: _described(clients("amplify"), kind, name))
            if described is not None:
                stamps[f"{kind} {name}"] = _iso(described.get("updateTime"))
                values[f"{kind} {name}"] = app.variables_of(described)
    tokens = {
        f"cache {name}": _iso(attempt(f"Reading when the token of cache {name} changed", lambda name=name: _token_date(clients("elasticache"), name)))
        for name in sorted({one.name for one in differences if one.kind == "cache" and one.field in OF_THE_TOKEN})
    }
    groups = _names(differences, "security group") if attribute else []
    dated = {one.key: stamps.get(one.object) for one in differences if one.field not in UNDATED}
    dated.update({one.key: tokens[one.object] for one in differences if one.field in OF_THE_TOKEN and one.object in tokens})
    return Observed(
        {key: stamp for key, stamp in dated.items() if stamp},
        frozenset(stamps),
        values,
        None if alarms is None else {f"alarm {name}": alarm["kind"] for name, alarm in alarms.items()},
        history,
        (attempt("Reading rules of security groups", lambda: _groups(clients("ec2"), groups)) if groups else None) or Groups(),
    )


def _names(differences: t.Iterable[Found], kind: str) -> list[str]:
    return list(dict.fromkeys(one.name for one in differences if one.kind == kind))


def _iso(moment: t.Any) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(moment, "strftime") else ""


def _alarms(cloudwatch: t.Any, names: t.Sequence[str]) -> dict[str, t.Any]:
    found = {}
    for start in range(0, len(names), NAMES_A_CALL):
        asked = {"AlarmNames": names[start : start + NAMES_A_CALL], "AlarmTypes": list(LISTED), "MaxRecords": NAMES_A_CALL}
        for page in cloudwatch.get_paginator("describe_alarms").paginate(**asked):
            found.update({alarm["AlarmName"]: {**alarm, "kind": kind} for kind in LISTED for alarm in page.get(f"{kind}s") or []})
    return found


def _history(cloudwatch: t.Any, names: t.Sequence[str]) -> Trail:
    asked = {"HistoryItemType": "ConfigurationUpdate", "AlarmTypes": list(LISTED), "ScanBy": "TimestampDescending", "MaxRecords": 100}
    items: list[t.Any] = []
    wanted = set(names)
    for which in [{"AlarmName": name} for name in names] if len(names) <= BY_NAME else [{}]:
        pages = cloudwatch.get_paginator("describe_alarm_history").paginate(PaginationConfig={"MaxItems": 100 * MOST_PAGES}, **which, **asked)
        items += [item for page in pages for item in page.get("AlarmHistoryItems") or [] if item.get("AlarmName") in wanted]
    written = [write for write in map(from_history, items) if write]
    return by_object(sorted(reversed(written), key=lambda write: write.at))


def _described(amplify: t.Any, kind: str, name: str) -> t.Mapping[str, t.Any]:
    app_id, dummy, branch = name.partition("/")
    return amplify.get_branch(appId=app_id, branchName=branch)["branch"] if kind == "branch" else amplify.get_app(appId=app_id)["app"]


def _token_date(elasticache: t.Any, name: str) -> t.Any:
    groups = elasticache.describe_replication_groups(ReplicationGroupId=name).get("ReplicationGroups") or [{}]
    return groups[0].get("AuthTokenLastModifiedDate")


def _groups(ec2: t.Any, groups: t.Sequence[str]) -> Groups:
    filters = [{"Name": "group-id", "Values": list(groups)}]
    rules = [
        rule for page in ec2.get_paginator("describe_security_group_rules").paginate(Filters=filters, PaginationConfig={"PageSize": 1000})
        for rule in page.get("SecurityGroupRules") or [] if not rule.get("IsEgress")
    ]
    described = [group for page in ec2.get_paginator("describe_security_groups").paginate(Filters=filters) for group in page.get("SecurityGroups") or []]
    return Groups(rules, {group["GroupName"]: group["GroupId"] for group in described if group.get("GroupName")})
