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
  - Makes metric alarms, metric-math alarms, anomaly-band alarms and composite alarms as listed, with the fewest calls;
    one description for every hundred alarms, and one write for each alarm that differs.
  - The options of an alarm have the names of the API's fields, in snake case.
  - Alarms are written children first and deleted parents first. A run that was cut off is completed by the next.
  - CloudWatch takes three writes a second of an account unless its quota was raised. Writes go out as fast as CloudWatch takes them,
    and slow down to its pace, without failing, once it answers that this was too fast.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  alarms:
    description:
      - The alarms, as many as are wanted. Each has exactly one of O(alarms[].metric_name), O(alarms[].metrics) and O(alarms[].alarm_rule).
      - The listed options are the whole truth; an option left out returns to its default.
        Fields of an existing alarm that no option names, such as its warm-up and its evaluation window, stay as they are.
      - Order says nothing, neither of alarms nor of dimensions, actions and metrics.
      - With O(state=absent) only the names count.
    type: list
    elements: dict
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
        description: Whether its actions run when its state changes. Left out, they do.
        type: bool
      alarm_actions:
        description: ARNs, up to five, of what is told when it goes into V(ALARM). Left out, nobody is.
        type: list
        elements: str
      ok_actions:
        description: ARNs, up to five, of what is told when it goes into V(OK).
        type: list
        elements: str
      insufficient_data_actions:
        description: ARNs, up to five, of what is told when it goes into V(INSUFFICIENT_DATA).
        type: list
        elements: str
      tags:
        description:
          - Tags given to the alarm when it is created.
          - AWS ignores them in later writes and reading them costs a call for every alarm; hence the tags of an existing alarm are neither read nor changed.
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
        description: What tells the metric from others of its name, up to 30.
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
          - Times O(alarms[].evaluation_periods), it is at most a day (86,400), or a week (604,800) if it is 3,600 or more.
        type: int
      unit:
        description:
          - Counts only data published with this unit. AWS advises to leave it out.
          - V(Seconds), V(Microseconds), V(Milliseconds), V(Percent), V(Count), V(Count/Second), V(None), or a size such as V(Bytes) or V(Gigabits),
            which may be by the second, as in V(Bytes/Second).
        type: str
      metrics:
        description:
          - Metrics and expressions over them. O(alarms[].metrics[].return_data) is true for the one that is watched, and for the band of an anomaly alarm.
          - O(alarms[].namespace), O(alarms[].dimensions), O(alarms[].period), O(alarms[].unit) and the statistics stand in its entries, not beside it.
        type: list
        elements: dict
        suboptions:
          id:
            description: Needed; what expressions call this entry. A lowercase letter, then letters, digits and underscores.
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
                    description: What tells it from others of its name.
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
            description: Metric math over the ids of other entries, or a Metrics Insights query; up to 2,048 characters.
            type: str
          label:
            description: What a dashboard calls it.
            type: str
          return_data:
            description: Whether this is what the alarm watches. Left out, it is.
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
        description: What periods without data are taken for; V(breaching), V(notBreaching), V(ignore) or V(missing). Left out, V(missing).
        type: str
      evaluate_low_sample_count_percentile:
        description: Whether percentiles of too few samples count; V(evaluate) or V(ignore). Left out, V(evaluate).
        type: str
      alarm_rule:
        description:
          - Makes it a composite alarm; an expression over the states of other alarms, up to 10,240 characters,
            such as C(ALARM("cpu") OR NOT OK("memory")).
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
    description: Whether the listed alarms are there as listed, or not there.
    type: str
    choices: [present, absent]
    default: present
  prefix:
    description: How the names of all alarms that belong to this list begin. Needed for O(purge).
    type: str
  purge:
    description:
      - Whether alarms whose names begin with O(prefix) and are not listed are removed, metric alarms and composite alarms.
      - Only with O(state=present).
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
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
- name: A metric alarm and an anomaly band, told to a topic
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

- name: Metric math and a composite alarm over two others; what else begins with huntaze-cache- is removed
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

- name: Two alarms less
  huntaze.ai_system.cloudwatch_alarms:
    state: absent
    alarms:
      - alarm_name: huntaze-ai-rate-limit-exceeded
      - alarm_name: huntaze-ai-latency-unusual
"""

RETURN = r"""
steps:
  description: The writes made, or in check mode those that a run would make, in their order.
  returned: success
  type: list
  elements: str
  sample:
    - 'create the metric alarm "huntaze-cache-cpu"'
    - 'update the composite alarm "huntaze-cache-unhealthy": alarm_rule'
    - 'delete the metric alarms "huntaze-cache-a", "huntaze-cache-b"'
created:
  description: Names of the alarms that were not there before, sorted.
  returned: success
  type: list
  elements: str
  sample: [huntaze-cache-cpu]
updated:
  description: Names of the alarms that were there and differed, sorted.
  returned: success
  type: list
  elements: str
  sample: [huntaze-cache-unhealthy]
removed:
  description: Names of the alarms that are no longer there, sorted.
  returned: success
  type: list
  elements: str
  sample: [huntaze-cache-a, huntaze-cache-b]
unchanged:
  description: Names of the listed alarms that are as listed, sorted.
  returned: success
  type: list
  elements: str
  sample: [huntaze-cache-misses]
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, error_code, fail_on_aws_error, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import NAMES_A_CALL, conflicts, plan_absent, plan_present, references, to_api
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch_input import ALARM_OPTIONS, alarm_problems, name_problems


def observe(cloudwatch, names, prefix):
    """The alarms named and, if `prefix` is given, all whose names begin with it."""

    def described(**which):
        # Without AlarmTypes only metric alarms come back.
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=NAMES_A_CALL, **which)
        return [alarm for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page.get(kind, [])]

    alarms = described(AlarmNamePrefix=prefix) if prefix else []
    others = sorted(name for name in names if not (prefix and name.startswith(prefix)))
    for start in range(0, len(others), NAMES_A_CALL):
        alarms += described(AlarmNames=others[start : start + NAMES_A_CALL])
    return alarms


def apply(module, cloudwatch, plan):
    for change in plan.changes:
        try:
            getattr(cloudwatch, change.operation)(**change.parameters)
        except (BotoCoreError, ClientError) as error:
            # Gone already, by somebody else or by a call whose answer was lost; the names that were there are deleted all the same.
            if not (change.operation == "delete_alarms" and error_code(error) in ("ResourceNotFound", "ResourceNotFoundException")):
                fail_on_aws_error(module, error, f"Could not {change.summary}")


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            alarms=dict(type="list", elements="dict", required=True, options=ALARM_OPTIONS),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            prefix=dict(type="str"),
            purge=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    alarms, absent = module.params["alarms"], module.params["state"] == "absent"
    purge_prefix = module.params["prefix"] if module.params["purge"] else None
    problems = name_problems(alarms) if absent else alarm_problems(alarms, purge_prefix)
    if module.params["purge"] and not purge_prefix:
        problems.append("purge needs a prefix, which must not be empty, or it would remove every alarm of the region: set prefix.")
    if module.params["purge"] and absent:
        problems.append("purge does not go with state absent: to remove all alarms of a prefix, use state present with an empty list.")
    refuse(module, "Nothing was read or changed", problems)

    names = {alarm["alarm_name"] for alarm in alarms}
    listed = [] if absent else [to_api(alarm) for alarm in alarms]
    cloudwatch = client(module, "cloudwatch")
    try:
        observed = observe(cloudwatch, names.union(*map(references, listed)), purge_prefix)
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, "Could not describe the alarms")
    refuse(module, "Nothing was changed", conflicts(listed, observed))
    accepted = {
        "put_metric_alarm": cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members,
        "put_composite_alarm": cloudwatch.meta.service_model.operation_model("PutCompositeAlarm").input_shape.members,
    }
    plan = plan_absent(names, observed, accepted) if absent else plan_present(listed, observed, accepted, purge_prefix)
    if not module.check_mode:
        apply(module, cloudwatch, plan)
    before, after = plan.before.keys(), plan.after.keys()
    module.exit_json(
        created=sorted(after - before),
        updated=sorted(after & before),
        removed=sorted(before - after),
        unchanged=[] if absent else sorted(names - after),
        **plan.result(),
    )


if __name__ == "__main__":
    main()
