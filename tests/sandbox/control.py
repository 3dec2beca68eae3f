# SPDX-License-Identifier: GPL-3.0-or-later
"""The control URL beside the AWS API: calls counted, faults, settings, reset."""

from __future__ import annotations

import json
import typing as t
import urllib.error
import urllib.request


class Control:
    def __init__(self, endpoint_url: str) -> None:
        self._base = endpoint_url + "/_sandbox/"
        # A proxy of the environment must not come between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def request(self, method: str, path: str, body: t.Any = None, timeout: float = 30) -> t.Any:
        """The answer of the control URL, as data; ValueError with its sentence when it refuses."""
        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode(errors="replace").strip() or str(error)) from None

    def health(self) -> t.Any:
        return self.request("GET", "health", timeout=2)

    def reset(self) -> t.Any:
        return self.request("POST", "reset")

    def calls(self) -> dict[str, int]:
        return self.request("GET", "calls")

    def actions(self) -> list[str]:
        """IAM actions taken since calls were forgotten: lines "USER MODULE ACTION allowed|denied"."""
        return self.request("GET", "actions")

    def fields(self) -> dict[str, list[str]]:
        """The fields that answers had since calls were forgotten, such as {"elasticache.DescribeCacheClusters": ["CacheClusters", ...]}."""
        return self.request("GET", "fields")

    def forget_calls(self) -> t.Any:
        return self.request("DELETE", "calls")

    def faults(self) -> list[dict[str, t.Any]]:
        return self.request("GET", "faults")

    def add_fault(self, **fault: t.Any) -> t.Any:
        return self.request("POST", "faults", fault)

    def clear_faults(self) -> t.Any:
        return self.request("DELETE", "faults")

    def open_window(self) -> t.Any:
        """Let the maintenance windows of all caches come: what was put off to them begins."""
        return self.request("POST", "window")

    def finish(self) -> t.Any:
        """Let what caches are becoming take effect now, however long it was to last."""
        return self.request("POST", "finish")

    def settings(self, **changed: t.Any) -> dict[str, t.Any]:
        if changed:
            self.request("POST", "settings", changed)
        return self.request("GET", "settings")
