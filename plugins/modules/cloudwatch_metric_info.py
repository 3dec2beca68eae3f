#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_metric_info
version_added: 0.1.0
short_description: Read metrics from CloudWatch, and wait until they have datapoints
description:
  - Reads the datapoints of metrics since a time. The result says of each metric how many there are and what the latest one is.
  - Waits, if asked to, until every listed metric has a datapoint. If one has none by then, the task fails and says what was found and what may be wrong.
  - Reads up to 500 metrics in one GetMetricData call. While it waits, it reads after 0, 0.25, 0.75, 1.75, 3.75, 7.75 and 15.75
    seconds, and every 15 seconds from then on.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  metrics:
    description:
      - The metrics, at least one. The result has them in the same order.
      - One metric may be listed with several statistics.
    type: list
    elements: raw
    required: true
    suboptions:
      namespace:
        description: Its namespace, such as V(Huntaze/AI). Needed. A blank at its end or another case makes it another namespace.
        type: str
      metric_name:
        description: Its name. Needed.
        type: str
      dimensions:
        description:
          - The names and values of all its dimensions, up to 30. CloudWatch takes each combination for a metric of its own.
          - Left out, the metric without dimensions is read.
        type: dict
      statistic:
        description:
          - V(Sum), V(Average), V(Minimum), V(Maximum) or V(SampleCount).
          - V(Sum) suits counts. For measurements, such as a latency, give one of the others.
        type: str
        default: Sum
  since:
    description:
      - Datapoints from this time on count. Give it in ISO 8601, such as V(2025-11-25T12:00:00Z). Without an offset it is UTC.
      - Left out, it is 15 minutes before the task. It may be up to 455 days ago.
      - CloudWatch keeps one value for each period, under the time at which the period begins. The period that holds O(since) counts as a whole.
    type: str
  period:
    description:
      - Seconds that one datapoint covers; 1, 5, 10, 20, 30 or a multiple of 60. Periods begin at multiples of it since 1970, in UTC.
      - Below 60, only metrics that were put with a storage resolution of 1 second have datapoints.
      - CloudWatch keeps old data in longer periods. Give a multiple of 60 if O(since) is more than 3 hours ago, of 300 beyond 15 days,
        and of 3600 beyond 63 days.
    type: int
    default: 60
  wait:
    description:
      - Wait until every listed metric has a datapoint since O(since). Give O(since) too, or a datapoint from before the task ends the waiting.
      - With V(false), a metric without datapoints is a result, not a failure.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait before the task fails. AWS takes a minute or two to show a datapoint, and its sender may send once a minute only.
      - A call that fails for the moment is repeated within this time. A call that hangs is given up after 20 seconds, or after this time if it is shorter.
    type: int
    default: 300
attributes:
  check_mode:
    description: Changes nothing, in check mode or not. Check mode reads once and does not wait, as the sender may not run yet.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    platforms: posix
notes:
  - Needs the IAM action C(cloudwatch:GetMetricData). AWS bills it by the metric; 1,000 metrics cost about a cent.
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.cloudwatch_alarms
  - module: amazon.aws.cloudwatch_metric_alarm_info
    description: Describes alarms and reads no metrics.
"""

EXAMPLES = r"""
- name: Verify that the limiter agent's metrics arrive
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Note the time
      ansible.builtin.set_fact:
        asked_at: "{{ now(utc=true).isoformat() }}"

    - name: Wait for the metrics that the agent sends from now on
      huntaze.ai_system.cloudwatch_metric_info:
        region: us-east-1
        metrics:
          - {namespace: Huntaze/AI, metric_name: Heartbeat, statistic: SampleCount}
          - {namespace: Huntaze/AI, metric_name: Requests}
          - {namespace: Huntaze/AI, metric_name: RedisLatency, statistic: Average}
        since: "{{ asked_at }}"
        wait: true
      register: seen

    - name: Show how fast Redis was, in milliseconds
      ansible.builtin.debug:
        msg: "{{ (seen.metrics | selectattr('metric_name', 'eq', 'RedisLatency') | first).latest_value }}"
      when: seen.missing == []

- name: Read the load of a cache in periods of five minutes
  huntaze.ai_system.cloudwatch_metric_info:
    region: us-east-1
    metrics:
      - namespace: AWS/ElastiCache
        metric_name: EngineCPUUtilization
        dimensions:
          CacheClusterId: huntaze-redis-production
        statistic: Maximum
    since: "2025-11-25T12:00:00Z"
    period: 300
"""

RETURN = r"""
metrics:
  description: The metrics and what CloudWatch has of them, in the order listed.
  returned: success, and when waiting was in vain
  type: list
  elements: dict
  contains:
    namespace:
      description: Its namespace.
      type: str
      sample: Huntaze/AI
    metric_name:
      description: Its name.
      type: str
      sample: RedisLatency
    dimensions:
      description: The names and values of its dimensions; empty if it has none.
      type: dict
      sample: {}
    statistic:
      description: The statistic that RV(metrics[].latest_value) is.
      type: str
      sample: Average
    datapoints:
      description: The number of periods since RV(since) that have a value.
      type: int
      sample: 2
    latest_timestamp:
      description: The beginning of the latest such period. V(null) if there is none.
      type: str
      sample: "2025-11-25T12:01:00+00:00"
    latest_value:
      description: The statistic's value in that period, in the unit that the metric is put in. V(null) if there is none.
      type: float
      sample: 0.4127
missing:
  description:
    - The names of the metrics that have no datapoint, in the order listed, each once.
    - If metrics share a name, the one with V(0) in RV(metrics[].datapoints) is missing.
  returned: success, and when waiting was in vain
  type: list
  elements: str
  sample: []
since:
  description: The beginning of the first period that was read.
  returned: success, and when waiting was in vain
  type: str
  sample: "2025-11-25T12:00:00+00:00"
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options, credentials, or what AWS shows
  type: list
  elements: str
  sample: ["wait_timeout is -1: give a number of seconds above 0."]
error:
  description: What AWS answered to the call that failed.
  returned: failure because of an error of AWS
  type: dict
  contains:
    code:
      description: AWS's code of the error. Empty if the call got no answer.
      type: str
      sample: AccessDeniedException
    type:
      description: The class of the error in botocore.
      type: str
      sample: ClientError
"""

from datetime import datetime, timezone

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._apply import wait_until
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, client_without_retries, fail_on_aws_error, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.metrics import Observed, awaited, desired, in_vain, observe, problems, shown
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.metrics import typed_metrics
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import is_transient

MOST_OF_A_LOOK = 20


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            metrics=dict(
                type="list",
                # The options of a metric are checked by typed_metrics, which says in which metric one is wrong.
                elements="raw",
                required=True,
            ),
            since=dict(type="str"),
            period=dict(type="int", default=60),
            wait=dict(type="bool", default=False),
            wait_timeout=dict(type="int", default=300),
        ),
        supports_check_mode=True,
    )
    now = datetime.now(timezone.utc)
    since, period, seconds = (module.params[option] for option in ("since", "period", "wait_timeout"))
    metrics, found = typed_metrics(module.params["metrics"])
    found += problems(metrics, since, period, now)
    if seconds < 1:
        found.append(f"wait_timeout is {seconds}: give a number of seconds above 0.")
    refuse(module, "Nothing was read", found)

    wanted = desired(metrics, since, period, now)
    waits = module.params["wait"] and not module.check_mode
    # A call that hangs must not outlast the waiting.
    limits = dict.fromkeys(("connect_timeout", "read_timeout"), min(MOST_OF_A_LOOK, seconds))
    cloudwatch = client_without_retries(module, "cloudwatch", **limits) if waits else client(module, "cloudwatch")
    seen, lost = Observed(), None

    def is_complete():
        nonlocal seen, lost
        try:
            seen, lost = observe(cloudwatch, wanted), None
        except (BotoCoreError, ClientError) as error:
            if not (waits and is_transient(error)):
                fail_on_aws_error(module, error, "Reading the metrics")
            lost = error
        return not (lost or seen.troubles or seen.missing)

    complete = wait_until(is_complete, seconds if waits else 0, waits_for=lambda: awaited(wanted, seen, lost))
    result = shown(wanted, seen)
    if lost:
        fail_on_aws_error(module, lost, f"Reading the metrics failed when the {seconds} s of wait_timeout were over", **result)
    refuse(module, "Not all metrics could be read", seen.troubles, **result)
    if waits and not complete:
        module.fail_json(msg=in_vain(wanted, seen, cloudwatch.meta.region_name, seconds), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
