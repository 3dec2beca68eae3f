# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox for every test process, put back to the guide's estate before each test that asks for it."""

from __future__ import annotations

import functools
import os
import typing as t

import pytest
import support


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[support.Sandbox]:
    # Nothing of the caller's account may reach a test.
    for name in [name for name in os.environ if name.startswith(("AWS_", "HUNTAZE_"))]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true", AWS_PAGER=""
    )
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    instance = support.Sandbox(tmp_path_factory.mktemp("sandbox"), f"127.{20 + int(worker)}")
    os.environ.update(instance.environment)
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), instance.address("0.1")]))
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()


@pytest.fixture
def estate(sandbox: support.Sandbox) -> dict[str, t.Any]:
    """The guide's estate, fresh."""
    sandbox.reset()
    return sandbox.estate


@pytest.fixture
def run_module(sandbox: support.Sandbox) -> t.Callable[..., support.Result]:
    return functools.partial(support.run_module, sandbox)
