# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether connections get through, asked of the kernel, many side by side."""

from __future__ import annotations

import contextlib
import errno
import resource
import select
import socket
import time
import typing as t

from support.namespaces import Namespace

PATIENCE = 60.0  # for a connection that is expected
# The kernel repeats a first packet after a second. What has not come through by then has been dropped twice.
REPEATED = 1.5


class Question(t.NamedTuple):
    source: Namespace
    source_address: str
    destination: Namespace
    destination_address: str
    port: int


def got_through(questions: dict[t.Hashable, Question], expected: t.Container[t.Hashable] = ()) -> set[t.Hashable]:
    """Those whose TCP connection is made. Those that are expected are waited for; the others have as much time as those take, and REPEATED at least."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        for namespace, port in dict.fromkeys((question.destination, question.port) for question in questions.values()):
            stack.enter_context(_listener(namespace, port))
        poll, waiting, through = select.poll(), {}, set()
        began = time.monotonic()
        for key, question in questions.items():
            client = stack.enter_context(_client(question))
            poll.register(client, select.POLLOUT)
            waiting[client.fileno()] = key, client
        while waiting:
            spent = time.monotonic() - began
            missing = any(key in expected for key, dummy in waiting.values())
            if spent > PATIENCE or (spent > REPEATED and not missing):
                break
            for number, dummy in poll.poll(100):
                key, client = waiting.pop(number)
                poll.unregister(number)
                error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not error:
                    through.add(key)
                elif error not in (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH):
                    raise OSError(error, f"{questions[key].destination_address}:{questions[key].port}")
        return through


def gets_through(question: Question, expected: bool) -> bool:
    return bool(got_through({True: question}, {True} if expected else ()))


def _listener(namespace: Namespace, port: int) -> socket.socket:
    with namespace.entered():
        return socket.create_server(("0.0.0.0", port), backlog=1024)


def _client(question: Question) -> socket.socket:
    with question.source.entered():
        client = socket.socket()
    client.setblocking(False)
    client.bind((question.source_address, 0))
    refused = client.connect_ex((question.destination_address, question.port))
    # A dropped packet is told at once where it is dropped on the host itself; the kernel repeats it all the same.
    assert refused in (errno.EINPROGRESS, 0, errno.EPERM, errno.ENETUNREACH, errno.EHOSTUNREACH), errno.errorcode[refused]
    return client
