# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that has already imported what a deployment's modules import, which is more than half of their time.

`python -P warm_python.py PROGRAM` makes PROGRAM, which Ansible takes for its interpreter: it hands its standard streams, arguments, environment
and directory to a fork of the server, and ends as that does. The collection's code comes from what Ansible sends, as always. A fork ends with
its program, and the server with its input, however they end."""

from __future__ import annotations

import json
import os
import re
import runpy
import select
import signal
import socket
import sys
import types
import typing as t
from pathlib import Path

CALLER = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect({address!r})
    socket.send_fds(server, [json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()], [0, 1, 2])
    sys.exit(int(server.recv(4) or 1))
"""
MOST_BYTES = 200_000  # of arguments and environment


def serve(program: Path) -> t.Callable[[], None]:
    """Runs until its input ends. Returns in a fork, with what the fork is to run once it has left the server's frames."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(f"{program}.socket")
        listener.listen(64)
        program.write_text(CALLER.format(python=sys.executable, address=f"{program}.socket"))
        program.chmod(0o755)
        print("ready", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks that answer
        while True:
            if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
                os._exit(0)
            caller, dummy = listener.accept()
            if os.fork() == 0:
                break
            caller.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, descriptors, *dummy = socket.recv_fds(caller, MOST_BYTES, 3)
    child = os.fork()
    os.setpgid(child, child)  # by both, as either may be the first
    if child:
        answer(caller, child)
    caller.close()
    return lambda: become(*json.loads(message), descriptors)


def answer(caller: socket.socket, child: int) -> t.NoReturn:
    """Tell the caller how the child ended, or end the child with the caller."""
    ended = os.pidfd_open(child)
    if ended in select.select([caller, ended], [], [])[0]:
        caller.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) % 256).encode())
    else:
        os.killpg(child, signal.SIGKILL)
    os._exit(0)


def become(arguments: list[str], environment: dict[str, str], directory: str, descriptors: list[int]) -> None:
    """What `python` does when it is called so: a program in a file, or from standard input."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = arguments or ["-"]
    if arguments:
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        program = sys.stdin.read()
        module = re.search(r"plugins\.modules\.(\w+)", program)
        if module:
            runpy.run_path(str(Path(__file__).with_name("naming.py")))["name_calls"](module[1])
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(program, "<stdin>", "exec"), main.__dict__)


if __name__ == "__main__":
    import ansible.module_utils.basic  # noqa: F401
    import boto3  # noqa: F401
    import psycopg2  # noqa: F401
    import redis  # noqa: F401

    serve(Path(sys.argv[1]))()
