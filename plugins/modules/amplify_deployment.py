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
  - Starts a V(RELEASE) build of a branch if its environment variables, those of the app and its own together, differ from those that this module
    built last, and waits until it has succeeded. Anything else that changes about the app starts no build.
  - AWS does not tell which variables a build saw. The module keeps a note in a tag of the app, C(huntaze:build:BRANCH), with a salted slow hash of
    the variables and the number of the job. The tag never holds a value. Without the tag, or if it was made unreadable, the branch is built once.
  - A run that was cut off at any point is completed by the next, without a second build. A build of the same environment that is under way is
    awaited. So is a build of any other one, because Amplify builds a branch one job at a time; then the right one is started.
  - A build that failed or was cancelled is started anew by the next run.
  - Builds started elsewhere (by a push, in the console) are nobody's proof of a changed environment, because it is unknown what they saw; after such a
    change the module builds once more. As long as the environment is the one it built last, later builds made elsewhere saw the same and are left
    alone. It cannot notice variables that were changed, built elsewhere, and changed back without a build.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  app_id:
    description: The identifier of the app. Exactly one of O(app_id) and O(app_name) is required.
    type: str
  app_name:
    description: The name of the app, where only one app of the region has it.
    type: str
  branch:
    description: The branch to build. The app must be connected to a repository.
    type: str
    required: true
  environment_changes:
    description:
      - Says that an earlier task of the same run changes the variables. In check mode, which has not changed them, a build is then announced.
      - Give it the C(changed) of M(huntaze.ai_system.amplify_environment). A run looks at the variables and ignores it.
    type: bool
    default: false
  wait:
    description:
      - Wait until the build is over, and fail if it does not succeed.
      - Without it the task ends when the build is started, and fails if another build of the branch is in the way.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that the task may wait, for builds in the way and its own together, before it fails. The builds go on.
    type: int
    default: 2400
notes:
  - Needs the IAM actions C(amplify:GetApp), C(amplify:GetBranch), C(amplify:ListJobs), C(amplify:GetJob), C(amplify:StartJob) and
    C(amplify:TagResource), and C(amplify:ListApps) for O(app_name).
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
- name: Let the app see its variables
  huntaze.ai_system.amplify_deployment:
    region: us-east-1
    app_id: d1a2b3c4d5e6f7
    branch: main

- name: Start the build if one is needed, and look at it later
  huntaze.ai_system.amplify_deployment:
    region: us-east-1
    app_name: huntaze
    branch: main
    wait: false
  register: deployment

- name: See whether a build would be started, and why
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
  description: The job that builds, or has built, the environment. None in check mode if it has not been started yet.
  returned: always, if known
  type: dict
  contains:
    job_id:
      description: The number of the job.
      type: str
      sample: "14"
    job_type:
      description: How the job was started.
      type: str
      sample: RELEASE
    status:
      description: The state of the job, as the module saw it last.
      type: str
      sample: SUCCEED
    commit_id:
      description: The commit that was built.
      type: str
      sample: 5f3c2d1e0b9a
    start_time:
      description: When the job was started.
      type: str
      sample: "2025-01-31T12:00:00+00:00"
    end_time:
      description: When the job ended; none while it runs.
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
      description: What Amplify says about it, if anything.
      type: str
      sample: "Build failed"
    log_url:
      description: Where the log of the step can be read, for about an hour by whoever has this address.
      type: str
      sample: https://aws-amplify-prod-us-east-1-artifacts.s3.us-east-1.amazonaws.com/d1a2b3c4d5e6f7/main/0000000014/BUILD/log.txt
steps:
  description: The changes made, one sentence a call to AWS, in the order they were made. In check mode, the changes that would be made.
  returned: success
  type: list
  elements: str
  sample:
    - Note the environment of branch main in a tag of app d1a2b3c4d5e6f7, before it is built
    - Start a RELEASE build of branch main of app d1a2b3c4d5e6f7
    - Note the environment of branch main in a tag of app d1a2b3c4d5e6f7, with the job that builds it
"""

import time

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import (
    APP_OPTIONS,
    app_problems,
    fail_on_amplify_error,
    find_app,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify_deployment import Job, Note, Seen, environment_of, plan, tag_key
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import (
    client,
    client_without_retries,
    error_code,
    is_transient,
    refuse,
    wait_until,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._evidence import fingerprint, is_of

# Attempts at one change.
ATTEMPTS = 5
# Seconds to see it before the second attempt; twice as many before each later one.
SEE = 2


class Deployment:
    """Observes, plans and applies for the branch of one task."""

    def __init__(self, module):
        self.module = module
        self.branch = module.params["branch"]
        self.amplify = client(module, "amplify")
        # StartJob repeated blindly is a second build. Looking at the jobs tells whether the first was started.
        self.once = client_without_retries(module, "amplify")
        self.app_id = find_app(module, self.amplify)
        self.deadline = time.monotonic() + module.params["wait_timeout"]
        self.fingerprints = {}
        self.summaries = {}

    @property
    def where(self):
        return dict(appId=self.app_id, branchName=self.branch)

    def observe(self):
        # The environment before the jobs: the planner counts on it.
        app = self.amplify.get_app(appId=self.app_id)["app"]
        if not app.get("repository"):
            self.module.fail_json(
                msg=f"App {self.app_id} ({app['name']}) is not connected to a repository, so Amplify has nothing to build. "
                "Connect it in the console, or deploy it by hand and leave this module out."
            )
        branch = self.amplify.get_branch(**self.where)["branch"]
        # The newest come first.
        summaries = self.amplify.list_jobs(maxResults=50, **self.where)["jobSummaries"]
        note = Note.read(app.get("tags", {}).get(tag_key(self.branch)))
        if note and note.job_id and not any(int(summary["jobId"]) == note.job_id for summary in summaries):
            summaries += self.describe(note.job_id)
        self.summaries = {int(summary["jobId"]): summary for summary in summaries}
        environment = environment_of(app, branch)
        known = self.fingerprints.get(environment)
        if note and note.fingerprint != known and is_of(note.fingerprint, environment):
            known = note.fingerprint
        self.fingerprints[environment] = known = known or fingerprint(environment)
        return Seen(
            app_id=self.app_id,
            app_arn=app["appArn"],
            branch=self.branch,
            note=note,
            current=note is not None and note.fingerprint == known and not (self.module.check_mode and self.module.params["environment_changes"]),
            fingerprint=known,
            jobs=tuple(Job.of(summary) for summary in summaries),
        )

    def describe(self, job_id):
        """The summary of one job, or nothing if it does not exist any more."""
        try:
            return [self.amplify.get_job(jobId=str(job_id), **self.where)["job"]["summary"]]
        except ClientError as error:
            if error_code(error) != "NotFoundException":
                raise
            return []

    def observed_plan(self):
        return plan(self.observe())

    def apply(self, build):
        """Make the first change of the plan; return whether it was made here, and the plan of what remains."""
        change = build.changes[0]
        for attempt in range(ATTEMPTS):
            error, refused = None, False
            try:
                getattr(self.once, change.operation)(**change.parameters)
            except (BotoCoreError, ClientError) as caught:
                # Refused because another job or call was quicker, or made although the answer was lost: looking tells.
                if not is_transient(caught):
                    raise
                error, refused = caught, isinstance(caught, ClientError) and caught.response["ResponseMetadata"]["HTTPStatusCode"] < 500
            remaining = wait_until(lambda: self.beyond(build), SEE * 2**attempt, delay=5)
            if remaining:
                return not refused, remaining[0]
        if error:
            raise error
        self.module.fail_json(msg=f"{change.summary}: done {ATTEMPTS} times, but AWS does not show it. Does somebody else remove tags from the app?")

    def beyond(self, before):
        """The plan now, unless nothing has come of the first change of the one before."""
        build = self.observed_plan()
        same = build.changes[:1] and build.changes[0].summary == before.changes[0].summary
        return None if same and not build.blocked_by and build.lost == before.lost else (build,)

    def wait_for(self, job):
        def look():
            found = self.describe(job.job_id)
            return not found or not Job.of(found[0]).active

        if wait_until(look, self.deadline - time.monotonic()) is None:
            self.module.fail_json(
                msg=f"Job {job.job_id} of branch {self.branch} is not over after {self.module.params['wait_timeout']} s. It goes on. Run the task again "
                "to go on waiting (nothing is built twice), or raise wait_timeout.",
                job=self.shown(job),
            )

    def fail_on(self, job):
        """The build of this environment ended without success, while this task was looking."""
        steps = self.amplify.get_job(jobId=str(job.job_id), **self.where)["job"]["steps"]
        failed = next((step for step in steps if step["status"] == "FAILED"), None)
        if not failed:
            self.module.fail_json(
                msg=f"Job {job.job_id} of branch {self.branch} ended {job.status}. Run the task again to build the branch.", job=self.shown(job)
            )
        reason, log = failed.get("statusReason"), failed.get("logUrl")
        self.module.fail_json(
            msg=f"Job {job.job_id} of branch {self.branch} failed at the step {failed['stepName']}"
            + (f": {reason}" if reason else "")
            + f". Its log: {log or 'see the console'}. Put right what it names and run the task again, which builds the branch anew.",
            job=self.shown(job),
            failed_step=dict(step_name=failed["stepName"], status_reason=reason, log_url=log),
        )

    def shown(self, job):
        summary = self.summaries.get(job.job_id) if job else None
        if not summary:
            return None
        times = {key: summary[name].isoformat() if summary.get(name) else None for key, name in (("start_time", "startTime"), ("end_time", "endTime"))}
        return dict(job_id=summary["jobId"], job_type=summary["jobType"], status=summary["status"], commit_id=summary["commitId"], **times)

    def run(self):
        build = first = self.observed_plan()
        # What ended badly before this task is reason for a new build; what does so meanwhile is its failure.
        past = first.lost
        steps = []
        while not self.module.check_mode:
            if build.lost and build.lost != past:
                self.fail_on(build.lost)
            if build.blocked_by:
                if not self.module.params["wait"]:
                    self.module.fail_json(
                        msg=f"Job {build.blocked_by.job_id} of branch {self.branch} is {build.blocked_by.status}, and Amplify builds "
                        "a branch one job at a time. Run the task again when it is over, or with wait=true.",
                        job=self.shown(build.blocked_by),
                    )
                self.wait_for(build.blocked_by)
                build = self.observed_plan()
            elif build.changes:
                step = build.changes[0].summary
                made, build = self.apply(build)
                steps += [step] if made else []
            elif build.job.active and self.module.params["wait"]:
                self.wait_for(build.job)
                build = self.observed_plan()
            else:
                break
        result = dict(first.result(), app_id=self.app_id, branch=self.branch, reason=first.reason, job=self.shown(build.job))
        if not self.module.check_mode:
            result.update(changed=bool(steps), steps=steps, diff=dict(before=first.before, after=build.after))
        return result


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
    refuse(module, "The branch cannot be built", app_problems(module.params))
    deployment = Deployment(module)
    try:
        result = deployment.run()
    except (BotoCoreError, ClientError) as error:
        fail_on_amplify_error(module, error, f"The build of branch {deployment.branch} of app {deployment.app_id}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
