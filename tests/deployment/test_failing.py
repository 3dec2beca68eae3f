# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments that fail on their way: each ends with the diagnosis of what failed, and with what helps."""

from __future__ import annotations

import json

from support import deployment


def test_an_agent_that_does_not_get_ready_ends_the_run_with_the_cause(sandbox, estate):
    """Nothing lets it reach Redis, as the stage network is left out."""
    failed = deployment.run(sandbox, "--tags", "agent", variables={"limiter_agent_ready_timeout": 2})
    (failure,), (cause,) = failed.report["failures"], failed.report["causes"]
    assert failed.rc != 0
    assert (failure["stage"], failure["host"]) == ("agent", "limiter-1") and "has no connection to Redis" in failure["message"], failed.output
    assert (cause["id"], cause["confidence"]) == ("limiter-1>redis:ingress_missing", "certain"), failed.output
    assert failed.report["outcome"]["sentence"] == "Stopped in agent at step 7 of 13: Redis cannot be reached from limiter-1: an ingress rule is missing"
    assert failed.report["outcome"]["next"].startswith("ansible-playbook deploy.yml -e ...   # adds 1 rule: tcp 6379 from huntaze-limiter")
    assert "{" not in failed.output and "[ERROR]" not in failed.output and failed.output.count("fatal: ") == 1, "no result of a module is printed"
    secrets = [estate["auth_token"], estate["bearer_token"], estate["secret_key"]]
    assert not [secret for secret in secrets if secret in failed.output + json.dumps(failed.report)]
