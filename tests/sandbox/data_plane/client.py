# SPDX-License-Identifier: GPL-3.0-or-later
"""How the control plane tells the data plane what there is to be."""

from __future__ import annotations

import json
import socket
import typing as t

from instance import Instance

TIMEOUT = 60.0


class DataPlaneError(Exception):
    """Why the data plane could not become what was asked for, in a sentence."""


def apply(desired: dict[str, t.Any]) -> None:
    """Make the data plane exactly `desired` (see the README beside); returns when it is."""
    _request({"apply": desired})


def endpoints() -> list[dict[str, t.Any]]:
    """What clients can connect to now, as it was last applied."""
    return _request({"endpoints": None})["endpoints"]


def _request(request: dict[str, t.Any]) -> dict[str, t.Any]:
    path = Instance.from_environment().data_plane_socket
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline()
        except OSError as error:
            raise DataPlaneError(f"The data plane does not answer on {path}: {error}.") from error
    if not line:
        raise DataPlaneError("The data plane broke off without an answer: see data_plane.log.")
    answer = json.loads(line)
    if answer["error"]:
        raise DataPlaneError(answer["error"])
    return answer
