#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: amplify_deployment
version_added: 0.1.0
short_description: Build an Amplify Hosting branch when its environment variables are not the ones built last
description:
  - Starts a V(RELEASE) build of a branch if its environment differs from the one that this module built last, and waits until the build has
    succeeded. The environment is the variables of the app and of the branch together. No other change of the app starts a build.
  - AWS does not tell which variables a build saw. The module keeps a note in a tag of the app, C(huntaze:build:BRANCH). The note holds a salted slow
    hash of the variables and the number of the job, and never a value. If the tag is missing or unreadable, the branch is built once.
  - A run that was cut off at any point is completed by the next, without a second build. If a build of the same environment is under way, the module
    waits for it. If another build is, the module waits for it and then starts its own, because Amplify builds a branch one job at a time.
  - A build that failed or was cancelled is started again by the next run.
  - Before a build, the module removes the notes of deleted branches from the app's tags, of which AWS allows 50.
  - A run waits only if it has something to change or its own build is under way. Check mode never waits.
  - The module refuses an app without a repository, the preview branch of a pull request, and an app whose tags leave no room for the note. Check
    mode refuses them too. Asked to build a preview branch, Amplify would build the main branch instead.
  - Builds started elsewhere, by a push or in the console, do not prove which variables they saw. After a change of the environment, the module
    therefore builds once more. While the environment is the one it built last, builds started elsewhere are left alone, as they saw the same.
    The module cannot notice variables that were changed, built elsewhere, and changed back without a build.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  app_id:
    description: The identifier of the app. Exactly one of O(app_id) and O(app_name) is required.
    type: str
  app_name:
    description: The name of the app. Only one app of the region may have it.
    type: str
  branch:
    description: The branch to build. The app must be connected to a repository.
    type: str
    required: true
  environment_changes:
    description:
      - Says that an earlier task of the same play changes the variables. Check mode, in which they are not changed yet, then announces a build.
      - Give it the C(changed) of M(huntaze.ai_system.amplify_environment). A real run looks at the variables and ignores this option.
    type: bool
    default: false
  wait:
    description:
      - Wait until the build is over, and fail if it does not succeed.
      - With V(false), the task ends when the build is started, and fails if another build of the branch is under way.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that the task may wait, for all builds together and for AWS to show what was done, before it fails. The builds go on. At least 0.
    type: int
    default: 2400
notes:
  - Needs the IAM actions C(amplify:GetApp), C(amplify:GetBranch), C(amplify:ListJobs), C(amplify:GetJob), C(amplify:StartJob) and
    C(amplify:TagResource). With O(app_name) it also needs C(amplify:ListApps). If other branches have notes, it also needs C(amplify:ListBranches)
    and C(amplify:UntagResource).
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.amplify_environment
"""

EXAMPLES = r"""
- name: Build the branch if its variables are not the ones built last
  huntaze.ai_system.amplify_deployment:
    region: us-east-1
    app_id: d1a2b3c4d5e6f7
    branch: main

- name: Start a build if one is needed, and do not wait for it
  huntaze.ai_system.amplify_deployment:
    region: us-east-1
    app_name: huntaze
    branch: main
    wait: false
  register: deployment

- name: Show whether a build would be started, and why
  huntaze.ai_system.amplify_deployment:
    region: us-east-1
    app_id: d1a2b3c4d5e6f7
    branch: main
  check_mode: true
  diff: true
"""

RETURN = r"""
app_id:
  description: The identifier of the app.
  returned: success
  type: str
  sample: d1a2b3c4d5e6f7
branch:
  description: The branch.
  returned: success
  type: str
  sample: main
reason:
  description: Why a build was started, or why not.
  returned: success
  type: str
  sample: the environment is not the one that was built last
job:
  description: The job that builds or has built the environment. Null in check mode if it has not been started yet.
  returned: always, if known
  type: dict
  contains:
    job_id:
      description: The number of the job.
      type: str
      sample: "14"
    job_type:
      description: The type of the job. Null if AWS does not tell, as in most answers.
      type: str
      sample: RELEASE
    status:
      description: The status of the job, as the module saw it last.
      type: str
      sample: SUCCEED
    commit_id:
      description: The commit that was built, or V(HEAD). Null if AWS does not tell.
      type: str
      sample: 5f3c2d1e0b9a
    start_time:
      description: When the job was started.
      type: str
      sample: "2025-01-31T12:00:00+00:00"
    end_time:
      description: When the job ended. Null while it runs.
      type: str
      sample: "2025-01-31T12:04:10+00:00"
failed_step:
  description: Where the build failed.
  returned: if the build failed
  type: dict
  contains:
    step_name:
      description: The step.
      type: str
      sample: BUILD
    status_reason:
      description: The reason that Amplify gives, if any.
      type: str
      sample: "Build failed"
    log_url:
      description: The URL of the step's log. Whoever has it can read the log for about an hour.
      type: str
      sample: https://aws-amplify-prod-us-east-1-artifacts.s3.us-east-1.amazonaws.com/d1a2b3c4d5e6f7/main/0000000014/BUILD/log.txt
steps:
  description: The changes made, one sentence a call to AWS, in the order they were made. In check mode, the changes that would be made.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: str
  sample:
    - Note the environment of branch d1a2b3c4d5e6f7/main in a tag of its app, before it is built
    - Start a RELEASE build of branch d1a2b3c4d5e6f7/main
    - Note the environment of branch d1a2b3c4d5e6f7/main in a tag of its app, with the job that builds it
seconds:
  description: How long each of RV(steps) took, in their order. One that was waited for counts until it was seen.
  returned: a run that made a step
  type: list
  elements: float
  sample: [0.6, 1.2, 0.6]
differences:
  description: What the steps change, one item a field. In check mode, what they would change.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The branch with its app; the app where the note of a deleted branch is removed.
      type: str
      sample: branch d1a2b3c4d5e6f7/main
    field:
      description:
        - V(live_environment) is how far the environment is live. V(outdated) means that the branch was built with another environment. V(to be built),
          V(being built) and V(not built) tell of a build that was noted, was started, or has failed. V(current) means that the branch was built with it.
        - V(build) is the number of the job that built the branch last.
        - Another field is a tag of the app.
      type: str
      sample: live_environment
    before:
      description: The value before. Null if nobody knows, or if there was none.
      type: str
      sample: outdated
    after:
      description: The value afterwards. Null if there is none. V((known after apply)) if only a run can tell.
      type: str
      sample: current
    secret:
      description: Whether both values are masked.
      type: bool
      sample: false
left_alone:
  description: A branch or an app that does not exist. No run makes it.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The app, or the branch with its app.
      type: str
      sample: branch d1a2b3c4d5e6f7/main
    field:
      description: Always V(exists).
      type: str
      sample: exists
    before:
      description: Always V(false).
      type: bool
      sample: false
    after:
      description: Always V(true).
      type: bool
      sample: true
    secret:
      description: Whether the values are masked. Always V(false).
      type: bool
      sample: false
    why:
      description: Why a run leaves it.
      type: str
      sample: Amplify does not find it, and a run makes none
    remedy:
      description: The way out.
      type: str
      sample: make it anew, or correct app_id, branch (as the console shows it) or region (us-east-1)
    lowers_security:
      description: Whether somebody gets in who is not meant to. Always V(false).
      type: bool
      sample: false
left:
  description: The changes that are still to be made, one sentence each. After a failed build, those that the next run makes.
  returned: failure
  type: list
  elements: str
  sample: [Start a RELEASE build of branch d1a2b3c4d5e6f7/main]
unanswered:
  description:
    - The changes that were sent, that AWS did not answer and that were not seen afterwards, worded as in RV(steps). Whether they were made is not known.
    - The next run looks. They are also in RV(left).
  returned: failure, if there are any
  type: list
  elements: str
  sample: ['Note the environment of branch d1a2b3c4d5e6f7/main in a tag of its app, with the job that builds it']
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options, credentials, or what AWS shows
  type: list
  elements: str
  sample: ["wait_timeout is -1: give seconds, at least 0."]
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

import time

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import APP_OPTIONS
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.build import Desired, problems, shown
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.policy import NOTHING_DONE, Builds, LookAtBuild, fail, find_app
from ansible_collections.huntaze.ai_system.plugins.module_utils._apply import Failed, converge
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, client_without_retries, refuse


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            APP_OPTIONS,
            branch=dict(type="str", required=True),
            environment_changes=dict(type="bool", default=False),
            wait=dict(type="bool", default=True),
            wait_timeout=dict(type="int", default=2400),
        ),
        mutually_exclusive=[("app_id", "app_name")],
        required_one_of=[("app_id", "app_name")],
        supports_check_mode=True,
    )
    refuse(module, "The branch cannot be built", problems(module.params), **NOTHING_DONE)
    deadline = time.monotonic() + module.params["wait_timeout"]
    reader = client(module, "amplify")
    desired = Desired(find_app(module, reader), module.params["branch"], changes=module.check_mode and module.params["environment_changes"])
    look = LookAtBuild(reader, desired)
    try:
        plan = look()
        result = plan.result()
        if not module.check_mode and (plan.changes or plan.awaited):
            policy = Builds(desired, module.params["wait"], module.params["wait_timeout"])
            result = converge(look, client_without_retries(module, "amplify"), policy, deadline, seen=plan).result()
    except Failed as failed:
        fail(module, failed, f"The build of {desired}", str(desired), job=shown(look.job))
    module.exit_json(**result, app_id=desired.app_id, branch=desired.branch, reason=plan.reason, job=shown(look.job))


if __name__ == "__main__":
    main()
