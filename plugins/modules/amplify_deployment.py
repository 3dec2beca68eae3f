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
    description: Seconds that the task may wait for all builds together before it fails. The builds go on. At least 0.
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
  returned: always
  type: list
  elements: str
  sample:
    - Note the environment of branch main in a tag of app d1a2b3c4d5e6f7, before it is built
    - Start a RELEASE build of branch main of app d1a2b3c4d5e6f7
    - Note the environment of branch main in a tag of app d1a2b3c4d5e6f7, with the job that builds it
left:
  description: The changes that are still to be made, one sentence each. After a failed build, those that the next run makes.
  returned: failure
  type: list
  elements: str
  sample: [Start a RELEASE build of branch main of app d1a2b3c4d5e6f7]
"""

import time
from dataclasses import replace

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import (
    APP_OPTIONS,
    NOTHING_DONE,
    app_problems,
    fail_on_amplify_error,
    find_app,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.deployment import (
    Job,
    Note,
    Seen,
    arn_of,
    environment_of,
    plan,
    tag_key,
    unbuildable,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import (
    client,
    client_without_retries,
    error_code,
    is_transient,
    refuse,
    wait_until,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import fingerprint, is_of

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
        self.branches = None
        self.build = None
        self.steps = []

    @property
    def where(self):
        return dict(appId=self.app_id, branchName=self.branch)

    def observe(self):
        # The environment before the jobs: the planner counts on it.
        app = self.amplify.get_app(appId=self.app_id)["app"]
        branch = self.amplify.get_branch(**self.where)["branch"]
        arn = arn_of(app, branch)
        refused = unbuildable(app, self.app_id, branch, self.branch)
        if refused or not arn:
            self.fail(refused or f"AWS describes app {self.app_id} without its ARN, so that its tags cannot be written. Run the task again.")
        # The newest come first.
        summaries = self.amplify.list_jobs(maxResults=50, **self.where).get("jobSummaries") or []
        tags = app.get("tags") or {}
        note = Note.read(tags.get(tag_key(self.branch)))
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
            app_arn=arn,
            branch=self.branch,
            note=note,
            current=note is not None and note.fingerprint == known and not (self.module.check_mode and self.module.params["environment_changes"]),
            fingerprint=known,
            jobs=tuple(Job.of(summary) for summary in summaries),
            tags=frozenset(tags),
            branches=self.branches,
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
        seen = self.observe()
        self.build = plan(seen)
        if self.build.notes and seen.other_notes and self.branches is None:
            pages = self.amplify.get_paginator("list_branches").paginate(appId=self.app_id)
            self.branches = frozenset(branch["branchName"] for page in pages for branch in page.get("branches") or [])
            self.build = plan(replace(seen, branches=self.branches))
        if self.build.refused:
            self.fail(self.build.refused, job=self.shown(self.build.job))
        return self.build

    def progress(self):
        """What a failure tells: the changes made, and those that were still to be made."""
        return dict(changed=bool(self.steps), steps=self.steps, left=self.build.steps if self.build else [])

    def fail(self, msg, **result):
        done = f" Done before: {'; '.join(self.steps)}." if self.steps else ""
        self.module.fail_json(msg=msg + done, **self.progress(), **result)

    def apply(self, build):
        """Make the first change of the plan; return the plan of what remains."""
        change, made = build.changes[0], False
        for attempt in range(ATTEMPTS):
            error, refused = None, False
            try:
                getattr(self.once, change.operation)(**change.parameters)
            except (BotoCoreError, ClientError) as caught:
                # Refused because another job or call was quicker, or made although the answer was lost: looking tells.
                if not is_transient(caught):
                    raise
                error, refused = caught, isinstance(caught, ClientError) and caught.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500
            if not error and not made:
                made = True
                self.made(build)
            remaining = wait_until(lambda: self.beyond(build), SEE * 2**attempt, delay=5)
            if remaining:
                if not made and not refused:
                    self.made(build)
                return remaining[0]
        if error:
            raise error
        self.fail(f"{change.summary}: done {ATTEMPTS} times, but AWS does not show it. Does somebody else change the tags of the app? Then stop that first.")

    def made(self, build):
        """Note the first change of the plan as made, whatever the next look at AWS comes to."""
        self.steps.append(build.steps[0])
        if self.build is build:
            self.build = replace(build, changes=build.changes[1:])

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
            self.fail(
                f"Job {job.job_id} of branch {self.branch} is not over after {self.module.params['wait_timeout']} s. It goes on. Run the task again "
                "to go on waiting (nothing is built twice), or raise wait_timeout.",
                job=self.shown(job),
            )

    def fail_on(self, job):
        """The build of this environment ended without success, while this task was looking."""
        steps = self.amplify.get_job(jobId=str(job.job_id), **self.where)["job"].get("steps") or []
        failed = next((step for step in steps if step.get("status") == "FAILED"), None)
        which = f"Job {job.job_id} of branch {self.branch} of app {self.app_id}"
        if job.status == "CANCELLED":
            self.fail(
                f"{which} was cancelled before it was over: by somebody, or by Amplify itself, which with AMPLIFY_DIFF_DEPLOY cancels a push that changes "
                "nothing. Run the task again to build the branch.",
                job=self.shown(job),
            )
        if not failed:
            self.fail(
                f"{which} ended {job.status}, and AWS does not tell at which step. Look at the job in the Amplify console, put right what it names and run "
                "the task again, which builds the branch anew.",
                job=self.shown(job),
            )
        step, reason, log = failed.get("stepName"), failed.get("statusReason"), failed.get("logUrl")
        self.fail(
            f"{which} failed at the step {step or 'without a name'}"
            + (f": {reason}" if reason else "")
            + f". Its log: {log or 'see the job in the Amplify console'}. Put right what it names and run the task again, which builds the branch anew. "
            "Until then the app goes on as it was built before.",
            job=self.shown(job),
            failed_step=dict(step_name=step, status_reason=reason, log_url=log),
        )

    def shown(self, job):
        summary = self.summaries.get(job.job_id) if job else None
        if not summary:
            return None
        times = {key: summary[name].isoformat() if summary.get(name) else None for key, name in (("start_time", "startTime"), ("end_time", "endTime"))}
        named = {key: summary.get(name) for key, name in (("job_type", "jobType"), ("status", "status"), ("commit_id", "commitId"))}
        return dict(job_id=summary["jobId"], **named, **times)

    def run(self):
        build = first = self.observed_plan()
        # What ended badly before this task is reason for a new build; what does so meanwhile is its failure.
        past = first.lost
        while not self.module.check_mode:
            if build.lost and build.lost != past:
                self.fail_on(build.lost)
            if build.blocked_by:
                if not self.module.params["wait"]:
                    self.fail(
                        f"Job {build.blocked_by.job_id} of branch {self.branch} is {build.blocked_by.status}, and Amplify builds "
                        "a branch one job at a time. Run the task again when it is over, or with wait=true.",
                        job=self.shown(build.blocked_by),
                    )
                self.wait_for(build.blocked_by)
                build = self.observed_plan()
            elif build.changes:
                build = self.apply(build)
            elif build.job.active and self.module.params["wait"]:
                self.wait_for(build.job)
                build = self.observed_plan()
            else:
                break
        result = dict(first.result(), app_id=self.app_id, branch=self.branch, reason=first.reason, job=self.shown(build.job))
        if not self.module.check_mode:
            result.update(changed=bool(self.steps), steps=self.steps, diff=dict(before=first.before, after=build.after))
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
    problems = app_problems(module.params)
    if module.params["wait_timeout"] < 0:
        problems.append(f"wait_timeout is {module.params['wait_timeout']}: give seconds, at least 0.")
    refuse(module, "The branch cannot be built", problems, **NOTHING_DONE)
    deployment = Deployment(module)
    try:
        result = deployment.run()
    except (BotoCoreError, ClientError) as error:
        fail_on_amplify_error(module, error, f"The build of branch {deployment.branch} of app {deployment.app_id}", **deployment.progress())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
