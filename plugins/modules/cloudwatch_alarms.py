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
    If CloudWatch throttles them, they slow down to its pace. The task fails if that takes longer than a minute and a second for each write.
  - After writing, the alarms are described again until CloudWatch shows them as listed.
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
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: str
  sample:
    - 'create the metric alarm "huntaze-cache-cpu"'
    - 'update the composite alarm "huntaze-cache-unhealthy": alarm_rule'
    - 'delete the metric alarms "huntaze-cache-a", "huntaze-cache-b"'
seconds:
  description: How long each of RV(steps) took, in their order. One that was waited for counts until it was seen.
  returned: a run that made a step
  type: list
  elements: float
  sample: [0.3, 0.3, 0.4]
differences:
  description: What the writes alter, or in check mode would alter, one entry for each field of an alarm.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The alarm, as C(alarm) and its name.
      type: str
      sample: alarm huntaze-cache-cpu
    field:
      description: The field, named as the options of an alarm are. A tag is a field of its own. An alarm that is made or deleted has an entry for each field.
      type: str
      sample: threshold
    before:
      description: Its value before. V(null) if there was none.
      type: raw
      sample: 80.0
    after:
      description: Its value afterwards. V(null) if there is none.
      type: raw
      sample: 40.0
    secret:
      description: Whether the values are masked. Always V(false), as alarms hold no secrets.
      type: bool
      sample: false
left_alone:
  description:
    - The listed alarms whose actions somebody switched off, while the listing says nothing of O(alarms[].actions_enabled).
    - If the task is refused, also listed alarms that exist as another kind, alarms that listed ones stand on and that are gone, and all that
      it would change.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The alarm, as C(alarm) and its name.
      type: str
      sample: alarm huntaze-cache-cpu
    field:
      description: The field, named as the options of an alarm are. V(kind) of an alarm that exists as another kind, V(exists) of one that is gone.
      type: str
      sample: actions_enabled
    before:
      description: What was found.
      type: raw
      sample: false
    after:
      description: What is listed, or needed.
      type: raw
      sample: true
    secret:
      description: Whether the values are masked. Always V(false), as alarms hold no secrets.
      type: bool
      sample: false
    why:
      description: Why a run leaves it.
      type: str
      sample: its actions are switched off, so it tells nobody; a run leaves that, as it may be for the time of an incident
    remedy:
      description: The way out.
      type: str
      sample: >-
        switch them on (aws cloudwatch enable-alarm-actions --alarm-names huntaze-cache-cpu), or list actions_enabled: true
    lowers_security:
      description: Whether somebody gets in who is not meant to. Always V(false).
      type: bool
      sample: false
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
unanswered:
  description:
    - The changes that were sent, that AWS did not answer and that were not seen afterwards, worded as in RV(steps). Whether they were made is not known.
    - The next run looks. They are also in RV(left).
  returned: failure, if there are any
  type: list
  elements: str
  sample: ['delete the metric alarms "huntaze-cache-a", "huntaze-cache-b"']
problems:
  description: What is wrong with the options, what in the account contradicts the list, or what AWS refused; one sentence each.
  returned: failure, unless AWS could not be asked
  type: list
  elements: str
  sample:
    - 'alarms[17] "huntaze-cache-cpu": evaluation_periods is ''three'': give a whole number.'
"""

import functools

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import carry_out, client, hint, looked, refuse, warn
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.actions import Place
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarm import to_api
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarms import Desired, Look, happened, kept, muted, obstacles, refusals
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.policy import AlarmPolicy, quoted, seconds_for
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.problems import problems, typed_alarms
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import shown_left_alone

NOTHING_DONE = {"changed": False, "steps": [], "differences": [], "left_alone": []}


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
    absent, prefix, purge = module.params["state"] == "absent", module.params["prefix"] or "", module.params["purge"]
    cloudwatch = client(module, "cloudwatch")
    alarms, found = typed_alarms(module.params["alarms"])
    found += problems(alarms, Place(cloudwatch.meta.region_name, cloudwatch.meta.partition), absent=absent, prefix=prefix, purge=purge)
    refuse(module, "Nothing was read or changed", found, **NOTHING_DONE)

    names = frozenset(alarm["alarm_name"] for alarm in alarms)
    desired = Desired(absent=names) if absent else Desired(tuple(map(to_api, alarms)), purge_prefix=prefix if purge else None)
    look = Look(cloudwatch, desired)
    plan = looked(module, "Nothing was changed, as the alarms could not be described", look)
    left_alone = shown_left_alone(plan.held_back(obstacles(desired, look.observed)))
    refuse(module, "Nothing was changed", refusals(desired, look.observed), **{**NOTHING_DONE, "left_alone": left_alone})

    silent = muted(desired, look.observed)
    if silent:
        warn(
            f"The actions of {quoted(silent)} are off: whatever happens, {'they tell' if silent[1:] else 'it tells'} nobody. "
            "Set actions_enabled to true in the list, or switch them on in CloudWatch, to be told again."
        )
    differing = happened(plan.differences)
    unchanged = names.difference(differing["created"], differing["updated"])
    common = dict(muted=silent, unchanged=[] if absent else sorted(unchanged), kept=kept(desired, look.observed))
    if module.check_mode or not plan:
        module.exit_json(**plan.result(), **common, **differing)
    policy = AlarmPolicy(look, functools.partial(hint, module=module), **common)
    applied = carry_out(module, "Not all alarms are as listed", look, plan, policy, "cloudwatch", seconds_for(plan))
    module.exit_json(**applied.result(), **common, **happened(applied.differences))


if __name__ == "__main__":
    main()
