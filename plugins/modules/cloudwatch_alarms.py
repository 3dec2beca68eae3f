#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_alarms
version_added: 0.1.0
short_description: Keep many CloudWatch alarms as listed
description:
  - Makes metric alarms, metric-math alarms, anomaly-band alarms and composite alarms as listed, with the fewest calls.
    One call describes a hundred alarms; one call writes each alarm that differs.
  - The options of an alarm have the names of the API's fields, in snake case.
  - Alarms are written children first and deleted parents first. A run that was cut off is completed by the next.
  - Nothing is changed if an alarm is to be deleted that a remaining composite alarm refers to.
  - If AWS refuses an alarm, the others are still written and deleted. The task then fails, and says what is done and what is left.
  - CloudWatch takes three writes a second of an account unless its quota was raised. Writes go out as fast as CloudWatch takes them.
    If CloudWatch throttles them, they slow down to its pace and do not fail.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  alarms:
    description:
      - The alarms, as many as are wanted. Each has exactly one of O(alarms[].metric_name), O(alarms[].metrics) and O(alarms[].alarm_rule).
      - An option that is left out returns to its default, except O(alarms[].actions_enabled), which then stays as it is.
      - Fields of an existing alarm that no option names, such as its warm-up and its evaluation window, stay as they are.
      - The order of alarms, dimensions, actions and metrics does not matter.
      - With O(state=absent) only the names count.
    type: list
    elements: raw
    required: true
    suboptions:
      alarm_name:
        description: Its name, unique in the region, up to 255 characters.
        type: str
        required: true
      alarm_description:
        description: What it means and what to do, up to 1,024 characters. Left out, it is empty.
        type: str
      actions_enabled:
        description:
          - Whether its actions run when its state changes.
          - Left out, it is true for a new alarm and stays as it is for an existing one. An alarm that was muted during an incident stays muted.
            RV(muted) names it.
        type: bool
      alarm_actions:
        description:
          - ARNs, up to five, of the actions that it takes when it goes into V(ALARM). Left out, it takes none.
          - They belong to the alarm's own region. They are SNS topics, Lambda functions, and what else the API documentation lists for the kind of alarm.
        type: list
        elements: str
      ok_actions:
        description: ARNs, up to five, of the actions that it takes when it goes into V(OK).
        type: list
        elements: str
      insufficient_data_actions:
        description: ARNs, up to five, of the actions that it takes when it goes into V(INSUFFICIENT_DATA).
        type: list
        elements: str
      tags:
        description:
          - Tags given to the alarm when it is created.
          - The tags of an existing alarm are neither read nor changed. AWS ignores them in later writes, and reading them costs a call for every alarm.
        type: dict
      metric_name:
        description: The one metric that is watched. Needs O(alarms[].namespace), O(alarms[].period), and a statistic.
        type: str
      namespace:
        description: The namespace of O(alarms[].metric_name), such as V(AWS/ElastiCache).
        type: str
      statistic:
        description:
          - V(SampleCount), V(Average), V(Sum), V(Minimum) or V(Maximum).
          - Exactly one of this and O(alarms[].extended_statistic) goes with O(alarms[].metric_name).
        type: str
      extended_statistic:
        description: A percentile or the like, such as V(p99), V(tm90) or V(IQM).
        type: str
      dimensions:
        description: The metric's dimensions, up to 30.
        type: list
        elements: dict
        suboptions:
          name:
            description: Needed; up to 255 characters.
            type: str
          value:
            description: Needed; up to 1,024 characters.
            type: str
      period:
        description:
          - Seconds that one data point covers; 10, 20, 30 or a multiple of 60.
          - Multiplied by O(alarms[].evaluation_periods), it is at most a day (86,400), or a week (604,800) if the period is 3,600 or more.
        type: int
      unit:
        description:
          - Counts only data published with this unit. AWS advises to leave it out.
          - V(Seconds), V(Microseconds), V(Milliseconds), V(Percent), V(Count), V(Count/Second), V(None), or a size such as V(Bytes) or V(Gigabits),
            which may be by the second, as in V(Bytes/Second).
        type: str
      metrics:
        description:
          - Metrics and expressions over them. O(alarms[].metrics[].return_data) is true for the entry that the alarm watches, and for the band of an
            anomaly alarm.
          - O(alarms[].namespace), O(alarms[].dimensions), O(alarms[].period), O(alarms[].unit) and the statistics belong in its entries, not beside it.
        type: list
        elements: dict
        suboptions:
          id:
            description: Needed; the name that expressions use for this entry. A lowercase letter, then letters, digits and underscores.
            type: str
          metric_stat:
            description: A metric to fetch. Exactly one of this and O(alarms[].metrics[].expression) is needed.
            type: dict
            suboptions:
              metric:
                description: Needed; which metric.
                type: dict
                suboptions:
                  namespace:
                    description: Needed; its namespace.
                    type: str
                  metric_name:
                    description: Needed; its name.
                    type: str
                  dimensions:
                    description: The metric's dimensions, up to 30.
                    type: list
                    elements: dict
                    suboptions:
                      name:
                        description: Needed; up to 255 characters.
                        type: str
                      value:
                        description: Needed; up to 1,024 characters.
                        type: str
              period:
                description: Needed; seconds that one data point covers; 10, 20, 30 or a multiple of 60.
                type: int
              stat:
                description: Needed; a statistic or an extended statistic.
                type: str
              unit:
                description: Counts only data published with this unit.
                type: str
          expression:
            description: Metric math over the ids of other entries, or a Metrics Insights query, which needs a period; up to 2,048 characters.
            type: str
          label:
            description: The name that dashboards show.
            type: str
          return_data:
            description: Whether the alarm watches this entry. Left out, it is true.
            type: bool
          period:
            description: Seconds that one data point of an expression covers.
            type: int
          account_id:
            description: The account that has the metric, where it is another one.
            type: str
      evaluation_periods:
        description: How many periods are looked at. A metric alarm needs it.
        type: int
      datapoints_to_alarm:
        description: How many of the periods must be beyond the threshold. Left out, all of them.
        type: int
      threshold:
        description: The number to compare with. A metric alarm needs either this or O(alarms[].threshold_metric_id).
        type: float
      threshold_metric_id:
        description: The id of the C(ANOMALY_DETECTION_BAND) expression in O(alarms[].metrics) to compare with.
        type: str
      comparison_operator:
        description:
          - A metric alarm needs one.
          - With O(alarms[].threshold), V(GreaterThanOrEqualToThreshold), V(GreaterThanThreshold), V(LessThanThreshold) or V(LessThanOrEqualToThreshold).
          - With O(alarms[].threshold_metric_id), V(LessThanLowerOrGreaterThanUpperThreshold), V(LessThanLowerThreshold) or V(GreaterThanUpperThreshold).
        type: str
      treat_missing_data:
        description: How periods without data count; V(breaching), V(notBreaching), V(ignore) or V(missing). Left out, V(missing).
        type: str
      evaluate_low_sample_count_percentile:
        description: Whether percentiles of too few samples count; V(evaluate) or V(ignore). Left out, V(evaluate).
        type: str
      alarm_rule:
        description:
          - Makes it a composite alarm. The rule is an expression over the states of other alarms, up to 10,240 characters,
            such as C(ALARM("cpu") OR NOT OK("memory")) or C(AT_LEAST(2, ALARM, (a, b, c))). Its keywords are in capitals.
          - The alarms it names have to exist or be listed.
        type: str
      actions_suppressor:
        description: The name or ARN of an alarm that, while in V(ALARM), keeps the composite alarm's actions from running.
        type: str
      actions_suppressor_wait_period:
        description: Seconds to wait for the suppressor. Needed with O(alarms[].actions_suppressor).
        type: int
      actions_suppressor_extension_period:
        description: Seconds to wait after the suppressor. Needed with O(alarms[].actions_suppressor).
        type: int
  state:
    description: V(present) keeps the listed alarms as listed. V(absent) deletes them.
    type: str
    choices: [present, absent]
    default: present
  prefix:
    description: How the names of all alarms that belong to this list begin. Needed for O(purge).
    type: str
  purge:
    description:
      - Also delete metric alarms and composite alarms whose names begin with O(prefix) and that are not listed.
      - Log alarms, and kinds of alarms that CloudWatch adds later, cannot be listed. They are kept, and RV(kept) names them.
      - Only with O(state=present).
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
notes:
  - Needs the IAM actions C(cloudwatch:DescribeAlarms), C(cloudwatch:PutMetricAlarm), C(cloudwatch:PutCompositeAlarm), C(cloudwatch:DeleteAlarms), and
    C(cloudwatch:TagResource) for alarms with tags.
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: amazon.aws.cloudwatch_metric_alarm
    description: One metric alarm at a time.
"""

EXAMPLES = r"""
- name: Keep a metric alarm that notifies a topic, and an anomaly-band alarm
  huntaze.ai_system.cloudwatch_alarms:
    alarms:
      - alarm_name: huntaze-ai-rate-limit-exceeded
        alarm_description: Alert when rate limits are frequently exceeded
        namespace: Huntaze/AI
        metric_name: RateLimitExceeded
        statistic: Sum
        period: 300
        evaluation_periods: 1
        threshold: 100
        comparison_operator: GreaterThanThreshold
        alarm_actions: ["arn:aws:sns:us-east-1:123456789012:oncall"]
      - alarm_name: huntaze-ai-latency-unusual
        metrics:
          - id: latency
            metric_stat:
              metric:
                namespace: Huntaze/AI
                metric_name: RedisLatency
              period: 300
              stat: p99
          - id: band
            expression: ANOMALY_DETECTION_BAND(latency, 3)
        threshold_metric_id: band
        comparison_operator: GreaterThanUpperThreshold
        evaluation_periods: 3

- name: Keep a composite alarm over two others, one of metric math; delete all other alarms that begin with huntaze-cache-
  huntaze.ai_system.cloudwatch_alarms:
    prefix: huntaze-cache-
    purge: true
    alarms:
      - alarm_name: huntaze-cache-cpu
        namespace: AWS/ElastiCache
        metric_name: EngineCPUUtilization
        dimensions:
          - name: CacheClusterId
            value: huntaze-redis-production
        statistic: Average
        period: 60
        evaluation_periods: 5
        datapoints_to_alarm: 3
        threshold: 80
        comparison_operator: GreaterThanThreshold
      - alarm_name: huntaze-cache-misses
        metrics:
          - id: hits
            return_data: false
            metric_stat:
              metric:
                namespace: AWS/ElastiCache
                metric_name: CacheHits
              period: 300
              stat: Sum
          - id: misses
            return_data: false
            metric_stat:
              metric:
                namespace: AWS/ElastiCache
                metric_name: CacheMisses
              period: 300
              stat: Sum
          - id: share
            expression: misses / (hits + misses)
        threshold: 0.5
        comparison_operator: GreaterThanThreshold
        evaluation_periods: 3
        treat_missing_data: notBreaching
      - alarm_name: huntaze-cache-unhealthy
        alarm_rule: ALARM("huntaze-cache-cpu") AND ALARM("huntaze-cache-misses")
        tags:
          team: platform

- name: Delete two alarms
  huntaze.ai_system.cloudwatch_alarms:
    state: absent
    alarms:
      - alarm_name: huntaze-ai-rate-limit-exceeded
      - alarm_name: huntaze-ai-latency-unusual
"""

RETURN = r"""
steps:
  description: The writes made, in their order. In check mode, those that a run would make. Empty if the task was refused.
  returned: always
  type: list
  elements: str
  sample:
    - 'create the metric alarm "huntaze-cache-cpu"'
    - 'update the composite alarm "huntaze-cache-unhealthy": alarm_rule'
    - 'delete the metric alarms "huntaze-cache-a", "huntaze-cache-b"'
created:
  description: Names of the alarms that were not there before, sorted.
  returned: success, and after a failure once writing has begun
  type: list
  elements: str
  sample: [huntaze-cache-cpu]
updated:
  description: Names of the alarms that were there and differed, sorted.
  returned: success, and after a failure once writing has begun
  type: list
  elements: str
  sample: [huntaze-cache-unhealthy]
removed:
  description: Names of the alarms that are no longer there, sorted.
  returned: success, and after a failure once writing has begun
  type: list
  elements: str
  sample: [huntaze-cache-a, huntaze-cache-b]
unchanged:
  description: Names of the listed alarms that are as listed, sorted.
  returned: success, and after a failure once writing has begun
  type: list
  elements: str
  sample: [huntaze-cache-misses]
muted:
  description:
    - Names of the listed alarms whose actions are off, as listed or as before, sorted. They notify nobody.
    - Alarm mute rules, which silence alarms for a time, are not looked at.
  returned: success, and after a failure once writing has begun
  type: list
  elements: str
  sample: [huntaze-cache-cpu]
kept:
  description: Names of the log alarms, and of alarms of later kinds, that begin with O(prefix) and that O(purge) kept, sorted.
  returned: success, and after a failure once writing has begun
  type: list
  elements: str
  sample: []
left:
  description: The writes that were not made, in their order.
  returned: after a failure once writing has begun
  type: list
  elements: str
  sample:
    - 'update the composite alarm "huntaze-cache-unhealthy": alarm_rule (it refers to "huntaze-cache-cpu")'
problems:
  description: What is wrong with the options, what in the account contradicts the list, or what AWS refused; one sentence each.
  returned: failure, unless AWS could not be asked
  type: list
  elements: str
  sample:
    - 'alarms[17] "huntaze-cache-cpu": evaluation_periods is ''three'': give a whole number.'
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.rule import name_of
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, error_code, fail_on_aws_error, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarms import (
    COMPOSITE,
    KIND,
    LISTED,
    NAMES_A_CALL,
    conflicts,
    kind_of,
    muted,
    parents_that_stay,
    plan_absent,
    plan_present,
    references,
    to_api,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.actions import Place
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.apply import Run
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.checks import edge_problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.problems import alarm_problems, name_problems, typed_alarms

# So many names stand in a message; the result has all of them.
NAMES_SHOWN = 20
NOTHING_DONE = {"changed": False, "steps": []}


class Account:
    """What there is of alarms in the account and region."""

    def __init__(self, module):
        self.cloudwatch = client(module, "cloudwatch")
        self.model = self.cloudwatch.meta.service_model
        # All that this botocore knows, later ones too: what it does not know, it could not read in the answer.
        known = self.model.operation_model("DescribeAlarms").input_shape.members["AlarmTypes"].member.metadata.get("enum")
        self.kinds = list(known or LISTED)

    def describe(self, kinds, **which):
        # Without AlarmTypes only metric alarms come back.
        alarms = []
        for page in self.cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=kinds, MaxRecords=NAMES_A_CALL, **which):
            for kind in kinds:
                for alarm in page.get(f"{kind}s") or []:
                    name = alarm.get("AlarmName") or name_of(alarm.get("AlarmArn", ""))
                    if name:
                        alarms.append({**alarm, "AlarmName": name, KIND: kind})
        return alarms

    def observe(self, names, prefix):
        """The alarms named and, if `prefix` is given, all whose names begin with it."""
        alarms = self.describe(self.kinds, AlarmNamePrefix=prefix) if prefix else []
        others = sorted(name for name in names if not (prefix and name.startswith(prefix)))
        for start in range(0, len(others), NAMES_A_CALL):
            alarms += self.describe(self.kinds, AlarmNames=others[start : start + NAMES_A_CALL])
        return alarms

    def composites(self):
        """All composite alarms: one call for a hundred, while their parents would have to be asked for name by name."""
        return self.describe([COMPOSITE])

    def accepted(self):
        """The parameters that each put call takes."""
        operations = {"put_metric_alarm": "PutMetricAlarm", "put_composite_alarm": "PutCompositeAlarm", "put_log_alarm": "PutLogAlarm"}
        return {
            name: self.model.operation_model(operation).input_shape.members
            for name, operation in operations.items() if operation in self.model.operation_names
        }


def sorted_by_what_happened(plan, written, deleted):
    """What of the plan was made of the alarms: names, and the part of the diff that is theirs."""
    before = {name: alarm for name, alarm in plan.before.items() if name in written or name in deleted}
    after = {name: alarm for name, alarm in plan.after.items() if name in written}
    return dict(
        created=sorted(after.keys() - before.keys()),
        updated=sorted(after.keys() & before.keys()),
        removed=sorted(before.keys() & deleted),
        diff={"before": before, "after": after},
    )


def quoted(names):
    shown = ", ".join(f'"{name}"' for name in names[:NAMES_SHOWN])
    return shown + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")


def fail_half_way(module, run, plan, common):
    """Say what AWS refused, what is done all the same, and what is left."""
    happened = sorted_by_what_happened(plan, run.written, run.deleted)
    done = [f"{what} {quoted(happened[what])}" for what in ("created", "updated", "removed") if happened[what]]
    result = {
        **common,
        **happened,
        "msg": (
            " ".join(f"{failure.rstrip('.')}." for failure in run.failures[:NAMES_SHOWN])
            + (f" And {len(run.failures) - NAMES_SHOWN} refusals more." if len(run.failures) > NAMES_SHOWN else "")
            + f" Done: {'; '.join(done) or 'nothing'}. Left to do: {'; '.join(run.left[:NAMES_SHOWN])}"
            + (f"; and {len(run.left) - NAMES_SHOWN} steps more" if len(run.left) > NAMES_SHOWN else "")
            + ". What was done stays; the next run does the rest."
        ),
        "problems": run.failures,
        "error": {"code": error_code(run.error), "type": type(run.error).__name__},
        "changed": bool(run.done),
        "steps": run.done,
        "left": run.left,
    }
    module.fail_json(**result)


def input_problems(module, place):
    """The alarms as they are typed, and all that is wrong with the options."""
    absent, purge = module.params["state"] == "absent", module.params["purge"]
    alarms, problems = typed_alarms(module.params["alarms"])
    problems += name_problems(alarms) if absent else alarm_problems(alarms, place)
    prefix = module.params["prefix"] or ""
    problems += edge_problems("prefix", prefix)
    if len(prefix) > 255:
        problems.append(f"prefix has {len(prefix)} characters: use up to 255, as names have.")
    if purge and not prefix:
        problems.append("purge needs a prefix, which must not be empty, or it would remove every alarm of the region: set prefix.")
    if purge and absent:
        problems.append("purge does not go with state absent: to remove all alarms of a prefix, use state present with an empty list.")
    return [alarm for alarm in alarms if alarm], problems


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            # The options of an alarm are checked by typed_alarms, which says in which alarm one is wrong.
            alarms=dict(type="list", elements="raw", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            prefix=dict(type="str"),
            purge=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    absent = module.params["state"] == "absent"
    purge_prefix = module.params["prefix"] if module.params["purge"] else None
    account = Account(module)
    alarms, problems = input_problems(module, Place(account.cloudwatch.meta.region_name, account.cloudwatch.meta.partition))
    refuse(module, "Nothing was read or changed", problems, **NOTHING_DONE)

    names = {alarm["alarm_name"] for alarm in alarms}
    listed = [] if absent else [to_api(alarm) for alarm in alarms]
    try:
        observed = account.observe(names.union(*map(references, listed)), purge_prefix)
        refuse(module, "Nothing was changed", conflicts(listed, observed, purge_prefix), **NOTHING_DONE)
        plan = plan_absent(names, observed, account.accepted()) if absent else plan_present(listed, observed, account.accepted(), purge_prefix)
        doomed = plan.before.keys() - plan.after.keys()
        parents = parents_that_stay(doomed, listed, account.composites(), bool(purge_prefix)) if doomed else []
        refuse(module, "Nothing was changed", parents, **NOTHING_DONE)
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, "Nothing was changed, as the alarms could not be described", **NOTHING_DONE)
    silent = muted(listed, observed)
    if silent:
        module.warn(
            f"The actions of {quoted(silent)} are off: whatever happens, {'they tell' if silent[1:] else 'it tells'} nobody. "
            "Set actions_enabled to true in the list, or switch them on in CloudWatch, to be told again."
        )
    common = dict(
        muted=silent,
        unchanged=[] if absent else sorted(names - plan.after.keys()),
        kept=sorted(alarm["AlarmName"] for alarm in observed if purge_prefix and kind_of(alarm) not in LISTED and alarm["AlarmName"].startswith(purge_prefix)),
    )
    if not module.check_mode:
        run = Run(account.cloudwatch, observed)
        run.apply(plan)
        if run.failures:
            fail_half_way(module, run, plan, common)
    result = {**plan.result(), **common, **sorted_by_what_happened(plan, plan.after.keys(), doomed)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
