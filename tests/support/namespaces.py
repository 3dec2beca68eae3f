# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's network namespaces. They have no names, so none is left when the process ends, however it ends."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import subprocess
import typing as t

import pytest

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


@functools.cache
def problem() -> str | None:
    """Why no network can be made on this machine; None where it can."""
    missing = [program for program in ("ip", "nft") if not shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")]
    if missing:
        return f"{' and '.join(missing)} missing: tests/sandbox/install-servers, run as root on Debian or Ubuntu, installs what is needed"
    try:
        with Namespace() as one, Namespace() as other:
            one.ip(f"link add eth0 type veth peer name eth0 netns {other.path}")
            one.nft("table inet t {\n chain c {\n type filter hook input priority 0; policy drop;\n ct state established accept\n counter\n }\n}")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"network namespaces cannot be made here: {(getattr(error, 'stderr', '') or str(error)).strip()}"
    return None


def require() -> None:
    """Skip where no network can be made; on CI that is an error."""
    if problem():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no look at real packets: {problem()}")


class Namespace:
    def __init__(self) -> None:
        self._handle = -1
        home = _current()
        try:
            if LIBC.unshare(CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")
            self._handle = _current()
            _enter(home)
        finally:
            os.close(home)

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def path(self) -> str:
        """What `ip` and `nsenter` take for it, for as long as this process lives."""
        return f"/proc/{os.getpid()}/fd/{self._handle}"

    def close(self) -> None:
        """Let it end with the last process and socket in it."""
        os.close(self._handle)

    @contextlib.contextmanager
    def entered(self) -> t.Iterator[None]:
        """This thread in it: what the thread opens or starts meanwhile stays in it."""
        home = _current()
        try:
            _enter(self._handle)
            yield
        finally:
            _enter(home)
            os.close(home)

    def run(self, *command: str, text: str | None = None) -> str:
        with self.entered():
            return subprocess.run(
                command, input=text, text=True, capture_output=True, check=True, env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
            ).stdout

    def ip(self, *lines: str) -> None:
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def nft(self, rules: str) -> None:
        """Have just these rules. What connection tracking knows stays."""
        self.run("nft", "-f", "-", text=f"flush ruleset\n{rules}\n")

    def sysctl(self, **settings: int) -> None:
        with self.entered():
            for name, value in settings.items():
                with open(f"/proc/sys/net/{name.replace('__', '/')}", "w") as file:
                    file.write(str(value))


def enter(path: str) -> None:
    """This thread into a namespace, for good."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    _enter(handle)
    os.close(handle)


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(handle: int) -> None:
    if LIBC.setns(handle, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")
