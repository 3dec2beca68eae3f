# SPDX-License-Identifier: GPL-3.0-or-later
"""The limiter hosts. What is deployed to them starts itself, as on real hosts, so it has to be ended here."""

from __future__ import annotations

import shutil

import psutil

from instance import Instance
from supervision import kill

SOFTWARE = "opt"  # what agents share and never alter
END_SECONDS = 10.0


def end(instance: Instance) -> None:
    """Leave hosts on which nothing runs and nothing is configured. Installed software stays."""
    directories = [directory for directory in instance.hosts.glob("*") if directory.name != SOFTWARE]
    kill(_processes(tuple(f"{directory}/" for directory in directories)), END_SECONDS)
    for directory in directories:
        shutil.rmtree(directory)


def _processes(paths: tuple[str, ...]) -> list[psutil.Process]:
    """Those whose command line names a file below a path, supervisord before what it would start again."""
    return [process for process in psutil.process_iter(["cmdline"]) if any(argument.startswith(paths) for argument in process.info["cmdline"] or [])]
