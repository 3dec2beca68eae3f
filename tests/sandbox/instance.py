# SPDX-License-Identifier: GPL-3.0-or-later
"""One sandbox: a state directory and a loopback network, and where everything lies in them."""

from __future__ import annotations

import ipaddress
import json
import os
import typing as t
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class SandboxError(Exception):
    """What went wrong and what to do about it, in a sentence for the user."""


@dataclass(frozen=True)
class Instance:
    state: Path
    network: str

    @classmethod
    def from_environment(cls) -> Instance:
        state = Path(os.environ.get("HUNTAZE_SANDBOX_STATE") or REPOSITORY / ".sandbox").absolute()
        network = os.environ.get("HUNTAZE_SANDBOX_NETWORK") or "127.0"
        try:
            ipaddress.ip_network(f"{network}.0.0/16")
        except ValueError:
            raise SandboxError(
                f"HUNTAZE_SANDBOX_NETWORK is {network!r}: give the first two numbers of the sandbox's addresses, such as 127.21."
            ) from None
        return cls(state, network)

    def environment(self) -> dict[str, str]:
        return {"HUNTAZE_SANDBOX_STATE": str(self.state), "HUNTAZE_SANDBOX_NETWORK": self.network}

    def address(self, host: str) -> str:
        return f"{self.network}.{host}"

    @property
    def api(self) -> tuple[str, int]:
        return self.address("0.1"), 4566

    @property
    def database(self) -> tuple[str, int]:
        """PostgreSQL itself; clients come to an endpoint of the front."""
        return self.address("255.2"), 5432

    @property
    def redis_address(self) -> str:
        """Where the nodes speak TLS, a port each; clients come to endpoints of the front."""
        return self.address("255.1")

    @property
    def limiter_hosts(self) -> list[str]:
        """Addresses that limiter agents listen on, a host each. What they connect to sees LIMITER_ADDRESS."""
        return [self.address("0.11"), self.address("0.12")]

    @property
    def hosts(self) -> Path:
        """The disks of those hosts: whoever deploys agents puts their files here."""
        return self.run / "hosts"

    @property
    def run(self) -> Path:
        """Sockets, whose paths must be short, and files that another user has to reach."""
        return (self.state / "run").resolve()

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def data_plane_socket(self) -> Path:
        return self.run / "data_plane.sock"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def nodes(self) -> Path:
        return self.state / "nodes"

    @property
    def ca(self) -> Path:
        return self.state / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.state / "server.pem"

    @property
    def key(self) -> Path:
        return self.state / "server.key"

    @property
    def estate_file(self) -> Path:
        return self.state / "estate.json"

    def estate(self) -> dict[str, t.Any]:
        try:
            return json.loads(self.estate_file.read_text())
        except FileNotFoundError:
            raise SandboxError("The sandbox is not running: `python tests/sandbox start` starts it.") from None

    def secrets(self) -> dict[str, str]:
        return json.loads((self.state / "secrets.json").read_text())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, and that is never seen half-written."""
    draft = path.with_name(path.name + ".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
