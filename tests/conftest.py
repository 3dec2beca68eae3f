# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox for every test process, put back to the guide's estate before each test that asks for it."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import typing as t
from pathlib import Path

import hypothesis
import pytest
from support import sandboxes

# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile("ours", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("ours")

# A shell has what it starts in the background ignore Ctrl-C, and so would all that tests start and stop by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = (
    "test_agents", "test_drift", "test_deploy", "test_killed", "test_two_runs", "test_elasticache_auth", "test_drift_entry", "test_generated_networks", "test_paths",
    "test_diagnosed", "test_refused", "test_documented_lines", "test_permissions",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest files first, else one process works at one when the other has nothing left to do.
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[sandboxes.Sandbox]:
    # Nothing of the caller's account may reach a test.
    for name in [name for name in os.environ if name.startswith(("AWS_", "HUNTAZE_")) and name != "HUNTAZE_SANDBOX_JOURNAL"]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true", AWS_PAGER=""
    )
    with sandboxes.free_network() as network:
        instance = sandboxes.Sandbox(tmp_path_factory.mktemp("sandbox"), network)
        os.environ.update(instance.environment)
        for name in ("no_proxy", "NO_PROXY"):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), instance.address("0.1")]))
        instance.start()
        try:
            yield instance
        finally:
            instance.stop()


@pytest.fixture
def estate(sandbox: sandboxes.Sandbox) -> dict[str, t.Any]:
    """The guide's estate, fresh."""
    sandbox.reset()
    return sandbox.estate


@pytest.fixture
def run_module(sandbox: sandboxes.Sandbox) -> t.Callable[..., sandboxes.Result]:
    return functools.partial(sandboxes.run_module, sandbox)


@pytest.fixture(scope="session")
def node_directory() -> Path:
    """Where Node finds the packages of node/package.json."""
    if not (shutil.which("node") and shutil.which("npm")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node and npm are missing: no look at the cache as Node clients see it")
    directory = sandboxes.REPOSITORY / "tests" / "support" / "node"
    with open(directory / "package.json") as package:
        fcntl.flock(package, fcntl.LOCK_EX)  # one installation at a time, whatever the number of test processes
        installed = subprocess.run(
            ["npm", "install", "--no-package-lock", "--prefer-offline", "--no-audit", "--no-fund"],
            cwd=directory, capture_output=True, text=True, timeout=300, check=False,
        )
    assert installed.returncode == 0, installed.stderr
    return directory


@pytest.fixture(scope="session", params=["ioredis-5", "ioredis-6"])
def ioredis(request: pytest.FixtureRequest, node_directory: Path) -> t.Iterator[t.Callable[..., dict[str, t.Any]]]:
    """ioredis under Node as applications have it: connects, and tells what PING answered or why not."""
    with subprocess.Popen(
        ["node", "ping.js"], cwd=node_directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as node:

        def ping(**options: t.Any) -> dict[str, t.Any]:
            node.stdin.write(json.dumps({"client": request.param, **options}) + "\n")
            node.stdin.flush()
            return json.loads(node.stdout.readline())

        yield ping


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of what was made to fail and what was made of it, from the tests that recorded a `diagnosis`."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports if getattr(report, "when", "") == "call"]
    rows = [value for report in reports for name, value in report.user_properties if name == "diagnosis"]
    if rows:
        terminalreporter.section("situation | client saw | verdict | evidence | confidence")
        for row in dict.fromkeys(rows):
            terminalreporter.write_line(row)
