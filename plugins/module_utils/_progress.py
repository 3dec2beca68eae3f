# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells while it goes on: a line of JSON each time, to whoever has started the module. Silent where nobody listens."""

from __future__ import annotations

import json
import os
import typing as t

# What becomes of a step: something is in its way, it is about to be sent, AWS has answered that it is made, it is looked for, a look has shown it.
BLOCKED, SENDS, MADE, WAITS, SEEN = "blocked", "sends", "made", "waits", "seen"


class Progress(t.NamedTuple):
    """What a run is at.

    phase:   BLOCKED, SENDS, MADE, WAITS or SEEN
    doing:   the step, as results name it; empty where something is waited for that is none
    step:    its number, of so many `steps`; 0: none
    object:  "KIND NAME", as differences name it
    state:   the last word about it, AWS's own where AWS has one
    seconds: since the wait began
    usually: the seconds that it takes, from and to; None: not known
    left:    seconds until the run gives up; None: it does not
    """

    phase: str
    doing: str = ""
    step: int = 0
    steps: int = 0
    object: str = ""
    state: str = ""
    seconds: float = 0.0
    usually: t.Optional[tuple[float, float]] = None
    left: t.Optional[float] = None


_stream: t.Optional[int] = None


def to(stream: int) -> None:
    """Tell it to this descriptor from now on."""
    global _stream
    _stream = stream


def tell(progress: Progress) -> None:
    if _stream is not None:
        line = json.dumps(progress._asdict()).encode() + b"\n"
        try:
            while line:
                line = line[os.write(_stream, line):]
        except BrokenPipeError:
            # Nobody would hear of a change that is made now. The next run goes on from here.
            raise SystemExit("The run that this module belongs to has ended.") from None
