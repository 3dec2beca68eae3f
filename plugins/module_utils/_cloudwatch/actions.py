# SPDX-License-Identifier: GPL-3.0-or-later
"""What an alarm may tell: the targets that the API documentation of PutMetricAlarm and PutCompositeAlarm lists."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.math import is_band
from ansible_collections.huntaze.ai_system.plugins.module_utils._problems import Options, Problems, length_problems

OPTIONS = ("ok_actions", "alarm_actions", "insufficient_data_actions")
MOST_ACTIONS = 5
_ARN = re.compile(r"arn:(?P<partition>[a-z0-9-]+):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>[^:]*):(?P<resource>.+)", re.DOTALL)
# How the rest of the ARN has to look, by service.
_RESOURCES = {
    "sns": (r"[A-Za-z0-9_-]{1,256}(\.fifo)?", "arn:aws:sns:REGION:ACCOUNT:TOPIC"),
    "lambda": (r"function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?", "arn:aws:lambda:REGION:ACCOUNT:function:NAME"),
    "ssm": (r"opsitem:[1-4](#CATEGORY=.+)?", "arn:aws:ssm:REGION:ACCOUNT:opsitem:1"),
    "ssm-incidents": (r"response-?plan/.+", "arn:aws:ssm-incidents::ACCOUNT:responseplan/NAME"),
    "aiops": (r"investigation-group:.+", "arn:aws:aiops:REGION:ACCOUNT:investigation-group:ID"),
    "autoscaling": (r"scalingPolicy:.+", "arn:aws:autoscaling:REGION:ACCOUNT:scalingPolicy:ID:autoScalingGroupName/NAME:policyName/NAME"),
    "automate": (r"(stop|terminate|reboot|recover)", "arn:aws:automate:REGION:ec2:stop"),
    "swf": (
        r"action/actions/AWS_EC2\.InstanceId\.(Stop|Terminate|Reboot|Recover)/1\.0",
        "arn:aws:swf:REGION:ACCOUNT:action/actions/AWS_EC2.InstanceId.Stop/1.0",
    ),
}
_OF_EC2 = ("automate", "swf")
# Of composite alarms, those that go into ALARM act through more than those that leave it.
_OF_COMPOSITES = {"alarm_actions": ("sns", "lambda", "ssm", "ssm-incidents", "aiops")}
_OF_OTHER_STATES = ("sns", "lambda")
_WITHOUT_REGION = ("ssm-incidents",)


class Place(t.NamedTuple):
    """Where the alarms are, as far as it is known."""

    region: t.Optional[str] = None
    partition: t.Optional[str] = None


def action_problems(given: Options, place: Place) -> Problems:
    """What is wrong with the actions of an alarm, each with the option it is in."""
    for option in OPTIONS:
        actions = given.get(option, [])
        if len(actions) > MOST_ACTIONS:
            yield f"{option} has {len(actions)} entries: AWS takes {MOST_ACTIONS}."
        for action in actions:
            yield from (f'{option} has "{action[:120]}", {problem}' for problem in _problems_of(action, option, given, place))
            yield from length_problems(f"an entry of {option}", action, 1024)


def _problems_of(action: str, option: str, given: Options, place: Place) -> Problems:
    arn = _ARN.fullmatch(action)
    if not arn:
        yield "which is no ARN: give the ARN of the topic or of another target."
        return
    service = arn["service"]
    if service not in _RESOURCES:
        yield f"whose service {service} no alarm can tell: use a topic of SNS, or one of {', '.join(sorted(set(_RESOURCES) - {'sns'}))}."
        return
    pattern, example = _RESOURCES[service]
    account = "ec2" if service == "automate" else r"\d{12}"
    if not re.fullmatch(pattern, arn["resource"], re.DOTALL) or not re.fullmatch(account, arn["account"], re.ASCII):
        yield f"which is no target of {service}: write it as {example}, with an account of 12 digits."
    if place.partition and arn["partition"] != place.partition:
        yield f"which is in the partition {arn['partition']}, while the alarm is in {place.partition}: give a target of {place.partition}."
    elif service not in _WITHOUT_REGION and (not arn["region"] or (place.region and arn["region"] != place.region)):
        here = place.region or "the alarm's region"
        yield f"which is in the region {arn['region'] or '(none)'}: AWS takes only targets of {here}; give one of those."
    yield from _kind_problems(service, option, given)


def _kind_problems(service: str, option: str, given: Options) -> Problems:
    """What the kind of the alarm and the state it goes into rule out."""
    if "alarm_rule" in given:
        possible = _OF_COMPOSITES.get(option, _OF_OTHER_STATES)
        if service not in possible:
            yield f"but the {option} of a composite alarm are of {', '.join(possible)}, not of {service}: tell a topic instead."
        return
    if service == "aiops" and option != "alarm_actions":
        yield "but an investigation begins with an alarm: move it to alarm_actions."
    if service in _OF_EC2 and "metrics" in given:
        yield "but an alarm on metric math cannot act on EC2: use metric_name, or tell a topic."
    elif service in _OF_EC2 and "InstanceId" not in [dimension.get("name") for dimension in given.get("dimensions") or []]:
        yield "but the alarm watches no single instance: add the dimension InstanceId, or tell a topic."
    if service == "autoscaling" and any(is_band(query) for query in given.get("metrics", [])):
        yield "but an alarm on an anomaly band cannot scale: use a threshold, or tell a topic."
