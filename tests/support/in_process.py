# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules called in the test's own process, with clients that are made once: for thousands of looks."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import time
import typing as t

import pytest
from ansible.module_utils import basic
from ansible_collections.huntaze.ai_system.plugins.module_utils import _apply, _aws, _secrets
from support.clock import Clock
from support.sandboxes import Sandbox


class Modules:
    """Calls modules by name, as an administrator of the sandbox. Pauses pass at once, and fingerprints are made quickly."""

    def __init__(self, sandbox: Sandbox, patch: pytest.MonkeyPatch) -> None:
        self._sandbox, self._clients, self._connect = sandbox, {}, _aws.boto3_inventory_conn
        patch.setattr(_aws, "boto3_inventory_conn", self._client)
        patch.setattr(_secrets, "ITERATIONS", 1)

    def _client(self, resource: str, **options: t.Any) -> t.Any:
        key = resource, "aws_config" in options  # the one that repeats no call
        if key not in self._clients:
            self._clients[key] = self._connect(resource=resource, **options)
        return self._clients[key]

    def __call__(self, name: str, args: t.Mapping[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        """The result of a module that ends well."""
        result = self.told(name, args, check=check)
        assert not result.get("failed"), f"{name}: {result['msg']}"
        return result

    def told(self, name: str, args: t.Mapping[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        """The result of a module, however it ends; what it raises is raised."""
        estate, output = self._sandbox.estate, io.StringIO()
        connection = {
            "endpoint_url": estate["endpoint_url"], "region": estate["region"],
            "access_key": estate["administrator_access_key"], "secret_key": estate["administrator_secret_key"],
        }
        given = json.dumps({"ANSIBLE_MODULE_ARGS": {**connection, **args, "_ansible_check_mode": check}}).encode()
        module = importlib.import_module(f"ansible_collections.huntaze.ai_system.plugins.modules.{name}")
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            # Whoever sets a deadline may look at the machine's clock: this one begins there each time, and never gets ahead of it.
            patch.setattr(_apply, "time", Clock(time.monotonic()))
            patch.setattr(basic, "_ANSIBLE_ARGS", given)
            patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)  # an older Ansible does not know it
            module.main()
        return json.loads(output.getvalue())
