# SPDX-License-Identifier: GPL-3.0-or-later
"""Callers that ask without pause until a file appears, or its directory goes; then says how many requests there were, and which failed.

Usage: load.py HOST PORT CA TOKEN_FILE STOP_FILE"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import time
import uuid
from pathlib import Path

CALLERS = 4
EACH_PER_SECOND = 27
MOST_SECONDS = 1800

host, port, ca, token, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]).read_text().strip(), Path(sys.argv[5])
context = ssl.create_default_context(cafile=ca)
until = time.monotonic() + MOST_SECONDS
failures: list[str] = []
slowest = 0.0
total = 0
lock = threading.Lock()


def call() -> None:
    global slowest, total
    connection = http.client.HTTPSConnection(host, port, timeout=10, context=context)
    due = time.monotonic()
    while stop.parent.exists() and not stop.exists() and due < until:
        due += 1 / EACH_PER_SECOND
        began = time.monotonic()
        try:
            connection.request("POST", "/v1/check", json.dumps({"subject": uuid.uuid4().hex, "plan": "starter"}),
                               {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read()
            failure = None if response.status == 200 else f"{response.status} {body.decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            failure = repr(error)
        took = time.monotonic() - began
        with lock:
            total += 1
            slowest = max(slowest, took)
            if failure:
                failures.append(failure)
        time.sleep(max(0.0, due - time.monotonic()))


threads = [threading.Thread(target=call) for _ in range(CALLERS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"requests": total, "failed": len(failures), "failures": failures[:5], "slowest_seconds": round(slowest, 3)}))
