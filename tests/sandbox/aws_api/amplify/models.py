# SPDX-License-Identifier: GPL-3.0-or-later
"""Amplify Hosting: apps, their branches, and builds. By the service model and docs on the web hosting API."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Union
from urllib.parse import quote

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import BaseModel
from moto.moto_api._internal import mock_random
from moto.utilities.paginator import paginate
from moto.utilities.tagging_service import TaggingService

from .environment import replaced
from .exceptions import (
    BadRequestException,
    LimitExceededException,
    NotFoundException,
    ResourceNotFoundException,
)
from .jobs import Job

PAGINATION_MODEL = {
    name: {
        "input_token": "next_token",
        "limit_key": "max_results",
        "limit_default": limit,
        "unique_attribute": key,
    }
    for name, limit, key in (("list_apps", 100, "app_id"), ("list_branches", 50, "name"), ("list_jobs", 50, "job_id"))
}
# Of a request, what is not kept: what identifies, tags, and credentials that AWS does not store.
NOT_SETTINGS = {"appId", "branchName", "tags", "oauthToken", "accessToken", "environmentVariables"}
TAG_KEY = re.compile(r"(?!aws:)[a-zA-Z+-=._:/]{1,128}")
TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")
TAG_LIMIT = 50


class Resource(BaseModel):
    """What an app and a branch have in common: settings, variables, times."""

    def __init__(self, arn: str, defaults: Mapping[str, Any], request: Mapping[str, Any]):
        self.arn = arn
        self.settings = dict(defaults)
        self.environment: dict[str, str] = {}
        self.created = time.time()
        self.update(request)

    def update(self, request: Mapping[str, Any]) -> None:
        """Only what is given changes; the map of variables as a whole."""
        self.environment = replaced(self.environment, request.get("environmentVariables"))
        self.settings.update({key: value for key, value in request.items() if key not in NOT_SETTINGS and value is not None})
        self.updated = time.time()

    def describe(self) -> dict[str, Any]:
        """What was not given is not in the answer, whatever the service model calls required: as recorded."""
        return {
            **self.settings,
            **({"environmentVariables": self.environment} if self.environment else {}),
            "createTime": self.created,
            "updateTime": self.updated,
        }


class Branch(Resource):
    DEFAULTS = {
        "stage": "NONE",
        "enableNotification": False,
        "enableAutoBuild": True,
        "enableBasicAuth": False,
        "enablePullRequestPreview": False,
        "ttl": "5",
    }

    def __init__(self, app: "App", request: Mapping[str, Any]):
        self.app_id = app.app_id
        self.name = request["branchName"]
        self.jobs: dict[str, Job] = {}
        self.last_job = 0
        # The number of a deployment whose files are still to be uploaded.
        self.created_deployment: str | None = None
        # Of the preview of a pull request: the branches it comes from and goes into.
        self.pull_request: dict[str, str] = {}
        super().__init__(f"{app.arn}/branches/{self.name}", {**self.DEFAULTS, "displayName": self.name}, request)

    def describe(self) -> dict[str, Any]:
        now = time.time()
        deployed = [job.job_id for job in self.jobs.values() if job.status(now) == "SUCCEED"]
        return {
            **super().describe(),
            **self.pull_request,
            "branchArn": self.arn,
            "branchName": self.name,
            **({"activeJobId": deployed[-1]} if deployed else {}),
            "totalNumberOfJobs": str(len(self.jobs)),
        }


class App(Resource):
    DEFAULTS = {
        "platform": "WEB",
        "enableBranchAutoBuild": False,
        "enableBranchAutoDeletion": False,
        "enableBasicAuth": False,
        "enableAutoBranchCreation": False,
        "customRules": [],
    }

    def __init__(self, account_id: str, region: str, partition: str, request: Mapping[str, Any]):
        self.app_id = "d" + mock_random.get_random_string(length=13, lower_case=True)
        self.branches: dict[str, Branch] = {}
        super().__init__(f"arn:{partition}:amplify:{region}:{account_id}:apps/{self.app_id}", self.DEFAULTS, request)

    def describe(self) -> dict[str, Any]:
        return {
            **super().describe(),
            "appId": self.app_id,
            "appArn": self.arn,
            "defaultDomain": f"{self.app_id}.amplifyapp.com",
        }


class AmplifyBackend(BaseBackend):
    """Implementation of Amplify Hosting APIs."""

    # How long a build takes, the step that builds fail at (none: they succeed) and where logs are read.
    transition_seconds: float = 1.0
    fail_step: Union[str, None] = None
    log_base: str = "https://aws-amplify-prod-us-east-1-artifacts.s3.us-east-1.amazonaws.com"

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.apps: dict[str, App] = {}
        self.tagger = TaggingService()

    def begin_builds(self) -> None:
        """Let every build that has begun by now see the variables of its time.

        Nothing but a request changes variables, and this runs before each of them: what a build finds here is
        what was there at the moment it began.
        """
        now = time.time()
        for app in self.apps.values():
            for branch in app.branches.values():
                for job in branch.jobs.values():
                    if job.environment is None and not job.is_deployment and job.build_begins <= min(now, job.ends):
                        # A preview is built by its pull request alone: who asks for a build of it has the other branch built.
                        built = app.branches.get(branch.pull_request.get("destinationBranch", ""), branch)
                        job.environment = {**app.environment, **built.environment}

    # Apps

    def create_app(self, request: Mapping[str, Any]) -> App:
        app = App(self.account_id, self.region_name, self.partition, request)
        self._tag(app.arn, request.get("tags") or {})
        self.apps[app.app_id] = app
        return app

    def get_app(self, app_id: str) -> App:
        if app_id not in self.apps:
            raise NotFoundException(f"App {app_id} not found.")
        return self.apps[app_id]

    @paginate(PAGINATION_MODEL)
    def list_apps(self) -> list[App]:
        return list(self.apps.values())

    def update_app(self, app_id: str, request: Mapping[str, Any]) -> App:
        app = self.get_app(app_id)
        app.update(request)
        return app

    def delete_app(self, app_id: str) -> App:
        app = self.get_app(app_id)
        for resource in (app, *app.branches.values()):
            self.tagger.delete_all_tags_for_resource(resource.arn)
        return self.apps.pop(app_id)

    # Branches

    def create_branch(self, app_id: str, request: Mapping[str, Any]) -> Branch:
        app = self.get_app(app_id)
        if request["branchName"] in app.branches:
            raise BadRequestException(f"The requested branch {request['branchName']} already exists.")
        branch = Branch(app, request)
        self._tag(branch.arn, request.get("tags") or {})
        app.branches[branch.name] = branch
        return branch

    def get_branch(self, app_id: str, branch_name: str) -> Branch:
        app = self.get_app(app_id)
        if branch_name not in app.branches:
            raise NotFoundException(f"Branch {branch_name} not found.")
        return app.branches[branch_name]

    @paginate(PAGINATION_MODEL)
    def list_branches(self, app_id: str) -> list[Branch]:
        return list(self.get_app(app_id).branches.values())

    def update_branch(self, app_id: str, branch_name: str, request: Mapping[str, Any]) -> Branch:
        branch = self.get_branch(app_id, branch_name)
        branch.update(request)
        return branch

    def delete_branch(self, app_id: str, branch_name: str) -> Branch:
        branch = self.get_branch(app_id, branch_name)
        self.tagger.delete_all_tags_for_resource(branch.arn)
        return self.get_app(app_id).branches.pop(branch_name)

    # Jobs

    def start_job(self, app_id: str, branch_name: str, request: Mapping[str, Any]) -> Job:
        branch = self.get_branch(app_id, branch_name)
        job_type = request["jobType"]
        if job_type not in ("RELEASE", "RETRY"):
            raise BadRequestException(f"The requested jobType {job_type} does not support.")
        if not self._repository(app_id):
            raise BadRequestException(f"Operation not supported. App {app_id} is not connected to a repository.")
        if job_type == "RETRY":
            # The same commit again.
            request = {**self.get_job(app_id, branch_name, request.get("jobId") or "").request, **request}
        now = time.time()
        if any(job.active(now) for job in branch.jobs.values()):
            raise LimitExceededException(f"The requested branch {branch_name} already have pending or running jobs")
        return self._run(branch, request, now)

    def _repository(self, app_id: str) -> str:
        return self.get_app(app_id).settings.get("repository") or ""

    def _run(self, branch: Branch, request: Mapping[str, Any], now: float) -> Job:
        branch.last_job += 1
        job_id = str(branch.last_job)
        job = Job(
            arn=f"{branch.arn}/jobs/{job_id:0>10}",
            job_id=job_id,
            request=request,
            started=now,
            duration=self.transition_seconds,
            fail_step=self.fail_step,
            log_base=f"{self.log_base}/{branch.app_id}/{quote(branch.name, safe='')}/{job_id:0>10}",
        )
        branch.jobs[job_id] = job
        return job

    # Deployments of files that were uploaded: they build nothing and see no variables.

    def create_deployment(self, app_id: str, branch_name: str) -> str:
        branch, now = self.get_branch(app_id, branch_name), time.time()
        if self._repository(app_id):
            raise BadRequestException("Operation not supported. App is already connected a repository.")
        unfinished = [job.job_id for job in branch.jobs.values() if job.active(now)] or [branch.created_deployment]
        if unfinished[-1]:
            raise BadRequestException(
                f"The last job(deployment) {unfinished[-1]} was not finished, please wait until it finish or use StopJob operation to cancel it "
                "before creating a new deployment."
            )
        branch.created_deployment = str(branch.last_job + 1)
        return branch.created_deployment

    def start_deployment(self, app_id: str, branch_name: str, request: Mapping[str, Any]) -> Job:
        branch = self.get_branch(app_id, branch_name)
        job_id, source = request.get("jobId"), request.get("sourceUrl")
        if not job_id and not source:
            raise BadRequestException("Must specify jobId or sourceUrl for StartDeploymentRequest.")
        if job_id and job_id != branch.created_deployment:
            raise NotFoundException(f"Job {job_id} not found.")
        if not job_id:
            self.create_deployment(app_id, branch_name)
        branch.created_deployment = None
        return self._run(branch, {key: request.get(key) for key in ("sourceUrl", "sourceUrlType")}, time.time())

    def get_job(self, app_id: str, branch_name: str, job_id: str) -> Job:
        branch = self.get_branch(app_id, branch_name)
        if job_id not in branch.jobs:
            raise NotFoundException(f"Job {job_id} not found.")
        return branch.jobs[job_id]

    @paginate(PAGINATION_MODEL)
    def list_jobs(self, app_id: str, branch_name: str) -> list[Job]:
        """Newest first."""
        return list(reversed(self.get_branch(app_id, branch_name).jobs.values()))

    def stop_job(self, app_id: str, branch_name: str, job_id: str) -> Job:
        job, now = self.get_job(app_id, branch_name, job_id), time.time()
        if not job.active(now) or job.stopped is not None:
            raise BadRequestException(f"Job {job_id} is not in a state that can be stopped.")
        job.stop(now, 0.1 * self.transition_seconds)
        return job

    def delete_job(self, app_id: str, branch_name: str, job_id: str) -> Job:
        job = self.get_job(app_id, branch_name, job_id)
        if job.active(time.time()):
            raise BadRequestException(f"Job {job_id} is running: stop it first.")
        return self.get_branch(app_id, branch_name).jobs.pop(job_id)

    # Tags

    def _tag(self, arn: str, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            if not TAG_KEY.fullmatch(key) or not TAG_VALUE.fullmatch(value):
                raise BadRequestException("1 validation error detected: Value at 'tags' failed to satisfy constraint")
        if len({*self.tagger.get_tag_dict_for_resource(arn), *tags}) > TAG_LIMIT:
            raise BadRequestException(f"A resource can have at most {TAG_LIMIT} tags")
        self.tagger.tag_resource(arn, self.tagger.convert_dict_to_tags_input(dict(tags)))

    def _known(self, arn: str) -> str:
        for app in self.apps.values():
            if arn == app.arn or any(arn == branch.arn for branch in app.branches.values()):
                return arn
        raise ResourceNotFoundException(f"Resource {arn} not found.")

    def tag_resource(self, arn: str, tags: Mapping[str, str]) -> None:
        self._tag(self._known(arn), tags)

    def untag_resource(self, arn: str, keys: list[str]) -> None:
        self.tagger.untag_resource_using_names(self._known(arn), keys)

    def list_tags_for_resource(self, arn: str) -> dict[str, str]:
        return self.tagger.get_tag_dict_for_resource(self._known(arn))


amplify_backends = BackendDict(AmplifyBackend, "amplify")
