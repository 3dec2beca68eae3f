# SPDX-License-Identifier: GPL-3.0-or-later
"""The limiter agents under deploy.yml: what their callers see while everything around them changes."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import typing as t
from pathlib import Path

from support import deployment
import pytest
from support import sandboxes

LOAD = sandboxes.REPOSITORY / "tests" / "support" / "load.py"
PORT = 8443


class Load:
    """Callers of all agents; afterwards what they saw, in sum."""

    def __init__(self, estate: dict[str, t.Any], directory: Path) -> None:
        (directory / "token").write_text(estate["bearer_token"])
        self._stop = directory / "stop"
        self._processes = [
            subprocess.Popen(
                [sys.executable, str(LOAD), host, str(PORT), estate["ca_file"], str(directory / "token"), str(self._stop)],
                stdout=subprocess.PIPE, text=True,
            )
            for host in estate["limiter_hosts"]
        ]

    def end(self) -> dict[str, t.Any]:
        self._stop.touch()
        seen = [json.loads(process.communicate(timeout=60)[0]) for process in self._processes]
        requests = sum(each["requests"] for each in seen)
        return {"requests": requests, "failures": [failure for each in seen for failure in each["failures"]],
                "slowest_seconds": max(each["slowest_seconds"] for each in seen)}

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture
def load(sandbox, estate, tmp_path) -> t.Iterator[t.Callable[[], Load]]:
    with contextlib.ExitStack() as stack:

        def start() -> Load:
            started = Load(estate, tmp_path)
            stack.callback(started.kill)
            return started

        yield start


@pytest.fixture
def deploy(sandbox) -> t.Callable[..., deployment.Outcome]:
    return functools.partial(deployment.run, sandbox)


def ask(estate: dict[str, t.Any], host: str, token: str, path: str = "/readyz") -> tuple[int, dict[str, t.Any]]:
    connection = http.client.HTTPSConnection(host, PORT, timeout=60, context=ssl.create_default_context(cafile=estate["ca_file"]))
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def admits(estate: dict[str, t.Any], token: str) -> list[bool]:
    """Whether each agent lets callers with this token in."""
    answers = [ask(estate, host, token, "/v1/subjects/somebody")[0] for host in estate["limiter_hosts"]]
    assert set(answers) <= {200, 401}
    return [answer == 200 for answer in answers]


def test_no_request_is_refused_from_plain_text_to_the_third_token(sandbox, estate, deploy, load):
    """First activation, killed at each boundary of its stages, and two rotations, all by deploy.yml under 200 requests a second."""
    assert deploy("--tags", "network,agent").rc == 0
    redis = ask(estate, estate["limiter_hosts"][0], estate["bearer_token"])[1]["workers"][0]["redis"]
    assert (redis["tls"], redis["credential"], redis["connected"]) == (False, None, True), "the old way: plain text, no token"

    calls = load()
    for boundary in ("Agent", "Ask the agents before the old way closes", "App"):
        assert deployment.killed_when(lambda output: f"PLAY [{boundary}]" in output, sandbox, "--skip-tags", "verify"), boundary
    first, second, third = estate["auth_token"], estate["next_auth_token"], "the-third-token-of-this-cache-0123"
    assert_deployed(sandbox, deploy(), first)
    assert_deployed(sandbox, deploy("--skip-tags", "alarms", changed={"HUNTAZE_CACHE_AUTH_TOKEN": second}), second, former=first)

    # The second rotation comes with another bearer token for the app, whose build fails at first.
    both = {"HUNTAZE_CACHE_AUTH_TOKEN": third, "HUNTAZE_LIMITER_TOKEN": estate["next_bearer_token"]}
    assert_the_old_way_stays_open_while_an_agent_has_not_moved(sandbox, deploy, second, both)
    sandbox.settings(amplify_fail_step="BUILD")
    failed = deploy(changed=both)
    assert failed.rc != 0 and failed.report["failures"][0]["stage"] == "app", failed.output
    assert ("auth_close" in {stage for stage, *dummy in failed.steps("done")}) and failed.report["outcome"]["sentence"].startswith("Stopped in app"), failed.output
    deployment.assert_secured(sandbox, third, former=second)
    seen = calls.end()
    assert seen["failures"] == []
    assert seen["requests"] > 1000, seen  # 200 a second, where the machine is not busy
    assert admits(estate, estate["next_bearer_token"]) == admits(estate, estate["bearer_token"]) == [True, True], "the app still runs with the old one"

    sandbox.settings(amplify_fail_step=None)
    assert_deployed(sandbox, deploy("--skip-tags", "alarms", changed=both), third, former=second)
    assert admits(estate, estate["next_bearer_token"]) == [True, True] and admits(estate, estate["bearer_token"]) == [False, False]
    newest = sandbox.control.request("GET", "amplify/builds")[-1]["environment"]
    assert newest["LIMITER_TOKEN"] == estate["next_bearer_token"]
    assert newest["LIMITER_URL"] == ",".join(f"https://{host}:{PORT}" for host in estate["limiter_hosts"])


def assert_deployed(sandbox, done: deployment.Outcome, token: str, former: str | None = None) -> None:
    assert done.rc == 0, done.output
    assert len([check for check in done.checks("ok") if check.startswith("controller>agent/")]) == 2, done.output
    deployment.assert_secured(sandbox, token, former=former)


def assert_the_old_way_stays_open_while_an_agent_has_not_moved(sandbox, deploy, old: str, changed: dict[str, str]) -> None:
    refused = deploy("--tags", "auth_open,agent,auth_close", "--limit", "localhost,limiter-1", changed=changed)
    assert refused.rc != 0 and "Not shown to use TLS and the declared token: limiter-2" in deployment.unwrapped(refused.output), refused.output
    address = deployment.primary(sandbox)
    assert sandbox.redis(address, old).ping() and sandbox.redis(address, changed["HUNTAZE_CACHE_AUTH_TOKEN"]).ping()


def test_it_works_installed_from_the_tarball_and_shows_no_secret(sandbox, estate, tmp_path):
    galaxy = str(deployment.PROGRAMS / "ansible-galaxy")
    clean = {**os.environ, **sandbox.environment, "HOME": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
             "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_CALLBACKS_ENABLED": "huntaze.ai_system.report",
             "HUNTAZE_REPORT_JSON": str(tmp_path / "report.json")}
    run = {"cwd": tmp_path, "env": clean, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 600, "check": False}
    shutil.copytree(sandboxes.REPOSITORY / "inventories", tmp_path / "inventories")
    subprocess.run([galaxy, "collection", "build", str(sandboxes.REPOSITORY), "--output-path", str(tmp_path)], **{**run, "check": True})
    (tarball,) = tmp_path.glob("*.tar.gz")
    installed = subprocess.run([galaxy, "collection", "install", "--no-deps", "-p", str(tmp_path / "collections"), str(tarball)], **run)
    assert installed.returncode == 0, installed.stdout

    playbook = deployment.command(sandbox, "-vvv", "--diff", playbook="huntaze.ai_system.deploy")
    announced = deployment.Outcome.of(subprocess.run([*playbook, "--check"], **run), tmp_path / "report.json")
    assert announced.rc == 0, announced.output
    assert deployment.mutating_calls(sandbox) == {}
    done = deployment.Outcome.of(subprocess.run(playbook, **run), tmp_path / "report.json")
    assert done.rc == 0, done.output
    deployment.assert_done_as_announced(done, announced)
    deployment.assert_secured(sandbox, estate["auth_token"])

    key = Path(estate["key_file"]).read_text().splitlines()[1]
    secrets = [estate["auth_token"], estate["secret_key"], estate["bearer_token"], estate["database"]["password"], key]
    assert not [secret for secret in secrets if secret in announced.output + done.output + json.dumps([announced.report, done.report])]
    logs = [*(sandbox.state / "log").iterdir(), *Path(estate["hosts_directory"]).glob("*/run/*.log")]
    assert len([log for log in logs if log.name == "agent.log"]) == 2
    for log in logs:
        text = log.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], log
