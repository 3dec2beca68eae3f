#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_lock
version_added: 0.1.0
short_description: Keep other runs from changing an environment
description:
  - Takes a lock that runs on all machines see, or says who holds it.
  - The lock is held until the run ends, however it ends. A process beside the run renews its lease at each third of it, and gives the lock back. If that
    process dies too, the lock ends with its lease.
  - If the lock is lost, because somebody has broken it or AWS could not be reached in time, the run is stopped with C(SIGINT), and the reason is written
    to its standard error.
  - The lock stands in an SSM parameter, which needs no set-up. O(bucket) or O(table) put it into S3 or DynamoDB.
  - With a bucket or a table, two runs never hold the lock at the same time, as AWS replaces a record only if it is the one that was read. SSM has no such
    condition. There a lock counts once it is still seen a second after it was written. If AWS takes longer than that to write the lock of a second
    run, both go on until the next renewal, which stops one of them.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  name:
    description: The lock's name. Of an SSM parameter, the key of an S3 object, or the V(LockID) of an item.
    type: str
    required: true
  bucket:
    description: An S3 bucket to keep the lock in.
    type: str
  table:
    description: A DynamoDB table to keep the lock in. Its partition key is the string V(LockID), as Terraform's tables of locks have it.
    type: str
  state:
    description:
      - V(held) takes the lock. If another run has it, the task fails, and says who that is.
      - V(broken) takes the lock away from the run that holds it under O(id). That run is stopped at its next renewal.
      - V(shown) says who holds it.
    type: str
    choices: [held, broken, shown]
    default: held
  id:
    description: The ID of the lock to break, which the failure of a refused run names.
    type: str
  lease_seconds:
    description:
      - How long the lock outlives a run whose machine has vanished. The run is stopped if the lease cannot be renewed for five sixths of this time.
      - Give 3 to 43200.
    type: int
    default: 300
  wait_timeout:
    description: Seconds to wait for another run to end. V(0) refuses at once.
    type: int
    default: 0
  owner:
    description: Who the run belongs to. Left out, it is the address of the CI's job, or the user.
    type: str
  command:
    description: What the run does, for others to read. Left out, it is the command line with its playbooks.
    type: str
  process:
    description: The process whose end gives the lock back. Left out, it is the run of Ansible.
    type: int
attributes:
  check_mode:
    description: Looks who holds the lock, and fails where a run would. Takes and breaks nothing.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
  platform:
    platforms: posix
notes:
  - Runs on the controller.
  - In SSM it needs the IAM actions C(ssm:GetParameter), C(ssm:PutParameter) and C(ssm:DeleteParameter).
  - In S3 it needs C(s3:GetObject), C(s3:PutObject) and C(s3:DeleteObject).
  - In DynamoDB it needs C(dynamodb:GetItem), C(dynamodb:PutItem) and C(dynamodb:DeleteItem).
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.elasticache_auth
"""

EXAMPLES = r"""
- name: Let no other run change anything until this one ends
  huntaze.ai_system.deployment_lock:
    region: us-east-1
    name: /deployment-lock/huntaze-ai

- name: Wait up to half an hour for a run that has the lock, which is an object in S3
  huntaze.ai_system.deployment_lock:
    region: us-east-1
    name: deployment-lock/huntaze-ai
    bucket: example-operations
    wait_timeout: 1800

- name: Say who holds the lock
  huntaze.ai_system.deployment_lock:
    region: us-east-1
    name: /deployment-lock/huntaze-ai
    state: shown

- name: Take the lock away from a run that is dead
  huntaze.ai_system.deployment_lock:
    region: us-east-1
    name: /deployment-lock/huntaze-ai
    state: broken
    id: 0123456789abcdef
"""

RETURN = r"""
lock:
  description: The lock that is held now, that was broken, or that is in the way. V(null) if nobody holds it.
  returned: success, and when another run holds the lock
  type: dict
  contains:
    id:
      description: Its ID, which breaking it asks for.
      type: str
      sample: 0123456789abcdef
    owner:
      description: Who the run belongs to.
      type: str
      sample: ann
    host:
      description: The machine that it runs on.
      type: str
      sample: operations-1
    command:
      description: What it does.
      type: str
      sample: ansible-playbook deploy.yml
    since:
      description: When it was taken, by AWS's clock.
      type: str
      sample: "2025-11-25T12:00:00Z"
    until:
      description: When its lease ends unless it is renewed.
      type: str
      sample: "2025-11-25T12:05:00Z"
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options or credentials
  type: list
  elements: str
  sample: ["lease_seconds is 1: give 3 to 43200."]
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

import os
import socket
import time
import uuid

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client_without_retries, fail_on_aws_error, refuse

from ansible_collections.huntaze.ai_system.plugins.module_utils._lock import keeper, lease, stores
from ansible_collections.huntaze.ai_system.plugins.module_utils._progress import SEEN, WAITS, Progress, tell


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            bucket=dict(type="str"),
            table=dict(type="str"),
            state=dict(type="str", choices=["held", "broken", "shown"], default="held"),
            id=dict(type="str"),
            lease_seconds=dict(type="int", default=300),
            wait_timeout=dict(type="int", default=0),
            owner=dict(type="str"),
            command=dict(type="str"),
            process=dict(type="int"),
        ),
        mutually_exclusive=[("bucket", "table")],
        required_if=[("state", "broken", ["id"])],
        supports_check_mode=True,
    )
    given = module.params
    refuse(module, "Nothing was locked", list(lease.problems(given["name"], given["lease_seconds"], given["wait_timeout"])))
    store = stores.of(given["bucket"], given["table"])
    # No call may take as long as the lease.
    limits = dict.fromkeys(("connect_timeout", "read_timeout"), max(1, min(10, given["lease_seconds"] // 10)))

    def connect():
        return store(client_without_retries(module, store.service, **limits), given["name"], given["bucket"] or given["table"] or "")

    place, gone, mine = connect(), None, lease.Record(
        given["id"] or uuid.uuid4().hex[:16], given["owner"] or lease.owner(os.environ, keeper.user()), socket.gethostname(), given["command"] or "a task",
    )
    changes, began = not module.check_mode, time.monotonic()

    def hear(seen):
        waits, seconds = not seen.is_of(mine.id), time.monotonic() - began
        tell(Progress(
            WAITS if waits else SEEN, "take the lock", object=f"lock {given['name']}", state=f"held by {seen.record.owner}" if waits else "",
            seconds=seconds, left=given["wait_timeout"] - seconds,
        ))

    try:
        if given["state"] == "held" and changes:
            seen = keeper.held(connect, mine, given["lease_seconds"], given["wait_timeout"], given["process"] or os.getppid(), hear)
        elif given["state"] == "broken" and changes:
            removed = lease.carried(lease.remove(mine.id, place.swaps), place, time.sleep)
            gone, seen = removed.record, removed.after
        else:
            seen = lease.carried(lease.look(), place, time.sleep)
    except (BotoCoreError, ClientError) as error:
        fail_on_aws_error(module, error, f"Nothing was changed, as the lock in {place} could not be used (huntaze_lock.enabled: false does without one)")
    except (lease.NotALock, lease.Unsettled, OSError, RuntimeError) as error:
        module.fail_json(msg=f"Nothing was changed, as the lock in {place} could not be used: {str(error) or error.__doc__}")

    stands = gone or (seen.record if seen.is_held else None)
    lock = stands.shown() if stands else None
    if stands and stands.id != mine.id and given["state"] != "shown":
        why = lease.refusal(stands) if given["state"] == "held" else f"{lease.told(stands)} Its id is {stands.id}, not {mine.id}."
        module.fail_json(msg=f"Nothing was changed. {why}", lock=lock)
    module.exit_json(changed=given["state"] == "held" or (given["state"] == "broken" and stands is not None), lock=lock)


if __name__ == "__main__":
    main()
