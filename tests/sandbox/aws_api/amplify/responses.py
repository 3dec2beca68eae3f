# SPDX-License-Identifier: GPL-3.0-or-later
"""Handles incoming amplify requests, invokes methods, returns responses."""

from __future__ import annotations

import time
from typing import Any

from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from .models import AmplifyBackend, App, Branch, Job, amplify_backends


class AmplifyResponse(BaseResponse):
    """Handler for Amplify Hosting requests and responses."""

    def __init__(self) -> None:
        super().__init__(service_name="amplify")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> AmplifyBackend:
        backend = amplify_backends[self.current_account][self.region]
        backend.begin_builds()
        return backend

    def _app(self, app: App) -> dict[str, Any]:
        return {**app.describe(), **self._tags(app.arn)}

    def _branch(self, branch: Branch) -> dict[str, Any]:
        return {**branch.describe(), **self._tags(branch.arn)}

    def _tags(self, arn: str) -> dict[str, Any]:
        tags = self.backend.tagger.get_tag_dict_for_resource(arn)
        return {"tags": tags} if tags else {}

    @property
    def _page(self) -> dict[str, Any]:
        return {"next_token": self._get_param("nextToken"), "max_results": self._get_param("maxResults")}

    @property
    def _app_id(self) -> str:
        return self._get_param("appId")

    @property
    def _where(self) -> tuple[str, str]:
        return self._app_id, self._get_param("branchName")

    def create_app(self) -> ActionResult:
        return ActionResult({"app": self._app(self.backend.create_app(self.params))})

    def get_app(self) -> ActionResult:
        return ActionResult({"app": self._app(self.backend.get_app(self._app_id))})

    def list_apps(self) -> ActionResult:
        apps, token = self.backend.list_apps(**self._page)
        return ActionResult({"apps": [self._app(app) for app in apps], "nextToken": token})

    def update_app(self) -> ActionResult:
        return ActionResult({"app": self._app(self.backend.update_app(self._app_id, self.params))})

    def delete_app(self) -> ActionResult:
        return ActionResult({"app": self._app(self.backend.delete_app(self._app_id))})

    def create_branch(self) -> ActionResult:
        return ActionResult({"branch": self._branch(self.backend.create_branch(self._app_id, self.params))})

    def get_branch(self) -> ActionResult:
        return ActionResult({"branch": self._branch(self.backend.get_branch(*self._where))})

    def list_branches(self) -> ActionResult:
        branches, token = self.backend.list_branches(self._app_id, **self._page)
        return ActionResult({"branches": [self._branch(branch) for branch in branches], "nextToken": token})

    def update_branch(self) -> ActionResult:
        return ActionResult({"branch": self._branch(self.backend.update_branch(*self._where, self.params))})

    def delete_branch(self) -> ActionResult:
        return ActionResult({"branch": self._branch(self.backend.delete_branch(*self._where))})

    def start_job(self) -> ActionResult:
        return self._summary(self.backend.start_job(*self._where, self.params))

    def create_deployment(self) -> ActionResult:
        job_id = self.backend.create_deployment(*self._where)
        return ActionResult({"jobId": job_id, "fileUploadUrls": {}, "zipUploadUrl": f"{self.backend.log_base}/upload/{job_id}.zip"})

    def start_deployment(self) -> ActionResult:
        job = self.backend.start_deployment(*self._where, self.params)
        return ActionResult({"jobSummary": job.started_summary(time.time())})

    def get_job(self) -> ActionResult:
        job = self.backend.get_job(*self._where, self._get_param("jobId"))
        return ActionResult({"job": job.describe(time.time())})

    def list_jobs(self) -> ActionResult:
        jobs, token = self.backend.list_jobs(*self._where, **self._page)
        now = time.time()
        return ActionResult({"jobSummaries": [job.summary(now) for job in jobs], "nextToken": token})

    def stop_job(self) -> ActionResult:
        return self._summary(self.backend.stop_job(*self._where, self._get_param("jobId")))

    def delete_job(self) -> ActionResult:
        return self._summary(self.backend.delete_job(*self._where, self._get_param("jobId")))

    def _summary(self, job: Job) -> ActionResult:
        return ActionResult({"jobSummary": job.summary(time.time())})

    def tag_resource(self) -> ActionResult:
        self.backend.tag_resource(self._get_param("resourceArn"), self._get_param("tags"))
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        self.backend.untag_resource(self._get_param("resourceArn"), self._get_param("tagKeys"))
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        return ActionResult({"tags": self.backend.list_tags_for_resource(self._get_param("resourceArn"))})
