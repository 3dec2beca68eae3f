# SPDX-License-Identifier: GPL-3.0-or-later
"""The limiter hosts. What is deployed to them starts itself, as on real hosts, so it has to be ended here."""

from __future__ import annotations

import contextlib
import shutil
import typing as t

import psutil

from instance import Instance

SOFTWARE = "opt"  # what agents share and never alter


def end(instance: Instance) -> None:
    """Leave hosts on which nothing runs and nothing is configured. Installed software stays."""
    for directory in instance.hosts.glob("*"):
        if directory.name != SOFTWARE:
            ended = list(_processes(f"{directory}/"))
            for process in ended:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(ended, timeout=10)
            shutil.rmtree(directory)


def _processes(path: str) -> t.Iterator[psutil.Process]:
    """Those whose command line names a file below the path, supervisord before what it would start again."""
    for process in psutil.process_iter(["cmdline"]):
        if any(argument.startswith(path) for argument in process.info["cmdline"] or []):
            yield process
