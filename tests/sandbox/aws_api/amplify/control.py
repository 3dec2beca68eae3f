# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control URL tells of builds (the variables they saw, their logs), and what Amplify does of its own accord."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .jobs import STEPS, Job
from .models import AmplifyBackend, App, Branch, amplify_backends


def _jobs() -> Iterator[tuple[App, Branch, Job]]:
    backends: list[AmplifyBackend] = [backend for account in amplify_backends.values() for backend in account.values()]
    for backend in backends:
        backend.begin_builds()
        for app in backend.apps.values():
            for branch in app.branches.values():
                for job in branch.jobs.values():
                    yield app, branch, job


def builds() -> list[dict[str, Any]]:
    """All jobs, oldest first. environment: null as long as the build has not begun."""
    now = time.time()
    return [
        {"app_id": app.app_id, "branch": branch.name, "job_id": job.job_id, "status": job.status(now), "environment": job.environment}
        for app, branch, job in _jobs()
    ]


def log(url: str) -> str | None:
    """The text that a step's logUrl leads to."""
    for _app, _branch, job in _jobs():
        for step in STEPS:
            if job.log_url(step).endswith("/" + url):
                return job.log(step, time.time())
    return None


def open_pull_request(given: dict[str, Any]) -> None:
    """Make the preview branch that a pull request of app_id makes: number, source, destination."""
    for backend in [backend for account in amplify_backends.values() for backend in account.values()]:
        if given["app_id"] in backend.apps:
            name = f"pr-{given['number']}"
            branch = backend.create_branch(given["app_id"], {"branchName": name, "stage": "PULL_REQUEST"})
            branch.pull_request = {"sourceBranch": given["source"], "destinationBranch": given["destination"]}
