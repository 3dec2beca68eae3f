#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_metric_data
version_added: 0.1.0
short_description: Put datapoints of metrics to CloudWatch
description:
  - Puts one datapoint a metric, under the time of the call, all in one PutMetricData call.
  - Each run puts datapoints, so it always reads changed.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  namespace:
    description: The metrics' namespace, such as V(Huntaze/AI). None of AWS's own.
    type: str
    required: true
  metrics:
    description: The metrics, 1 to 1000, without dimensions. Their names have 1 to 255 characters.
    type: dict
    required: true
  unit:
    description: The unit of all of them.
    type: str
    choices: [None, Count, Seconds, Milliseconds, Bytes, Percent]
    default: None
attributes:
  check_mode:
    description: Puts nothing.
    support: full
  diff_mode:
    description: There is nothing to compare with.
    support: none
  platform:
    platforms: posix
notes:
  - Needs the IAM action C(cloudwatch:PutMetricData).
  - A call whose answer is lost is repeated, and its datapoints may then count twice. Watch V(Maximum) or V(Minimum) of such metrics, not V(Sum).
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.cloudwatch_metric_info
  - module: huntaze.ai_system.cloudwatch_alarms
"""

EXAMPLES = r"""
- name: Tell CloudWatch how the drift run ended
  huntaze.ai_system.cloudwatch_metric_data:
    region: us-east-1
    namespace: Huntaze/AI
    metrics: {DriftDetected: 2, DriftRunFailed: 0}
    unit: Count

- name: Tell how long a backup took
  huntaze.ai_system.cloudwatch_metric_data:
    region: us-east-1
    namespace: Huntaze/AI
    metrics:
      BackupDuration: "{{ (ended | int) - (began | int) }}"
    unit: Seconds
  vars:
    began: 1796126400
    ended: 1796126521
"""

RETURN = r"""
steps:
  description: What was put, or in check mode what a run would put.
  returned: success
  type: list
  elements: str
  sample: ["put DriftDetected 2 to Huntaze/AI"]
problems:
  description: What is wrong with the options, one sentence each.
  returned: failure because of options or credentials
  type: list
  elements: str
  sample: ["metrics has 0 entries: name 1 to 1000."]
error:
  description: What AWS answered.
  returned: failure because of an error of AWS
  type: dict
  contains:
    code:
      description: AWS's code of the error. Empty if the call got no answer.
      type: str
      sample: AccessDenied
    type:
      description: The class of the error in botocore.
      type: str
      sample: ClientError
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, fail_on_aws_error, refuse
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.data import datapoints, problems, steps


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            namespace=dict(type="str", required=True),
            metrics=dict(type="dict", required=True),
            unit=dict(type="str", choices=["None", "Count", "Seconds", "Milliseconds", "Bytes", "Percent"], default="None"),
        ),
        supports_check_mode=True,
    )
    namespace, metrics = module.params["namespace"], module.params["metrics"]
    refuse(module, "Nothing was put", problems(namespace, metrics))
    if not module.check_mode:
        try:
            client(module, "cloudwatch").put_metric_data(Namespace=namespace, MetricData=datapoints(metrics, module.params["unit"]))
        except (BotoCoreError, ClientError) as error:
            fail_on_aws_error(module, error, "Putting the metrics")
    module.exit_json(changed=True, steps=steps(namespace, metrics))


if __name__ == "__main__":
    main()
