# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as files. Each is written whole or not at all, and only its owner may read it: it holds no secret, but the estate's names and addresses.

A directory of reports has `drift-BEGAN.json` of the last runs, and beside them `report.json`, `report.md` and `report.html` of the last one.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json as formatted
import os
import re
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import html, json, markdown

# By the names of options: the file in a directory, and what draws it.
FORMS: dict[str, tuple[str, t.Callable[[t.Mapping[str, t.Any]], str]]] = {
    "json": ("report.json", json.render),
    "markdown": ("report.md", markdown.render),
    "html": ("report.html", html.render),
}
NAME = re.compile(r"drift-\d{8}T\d{6}Z\.json")
# Outcomes of runs that looked at all that they were to look at.
WHOLE = ("clean", "changed", "to_do", "drift")


class Written(t.NamedTuple):
    paths: list[str]
    problems: list[str]  # a sentence for each file that was asked for and could not be written


def write(report: t.Mapping[str, t.Any], directory: str, formats: t.Iterable[str], keep: int) -> Written:
    """Put the report into its directory, which is made if it is not there, and leave `keep` reports in it.

    What a run writes at its end replaces what it wrote on its way.
    """
    here = Path(directory)
    try:
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return Written([], [_unwritten(here, error)])
    own = here / name(report["run"]["began"])
    wanted = [("json", own)] + [(form, here / FORMS[form][0]) for form in FORMS if form in {"json", *formats}]
    written = write_each(report, wanted)
    if not written.problems and report["outcome"]["word"] != "running":
        _forget(here, own, keep)
    return written


def write_each(report: t.Mapping[str, t.Any], wanted: t.Iterable[tuple[str, Path]]) -> Written:
    """Write the report in each form to its file."""
    written = Written([], [])
    for form, path in wanted:
        try:
            put(path, FORMS[form][1](report))
            written.paths.append(str(path))
        except Exception as error:  # pylint: disable=broad-except
            # A form that cannot be drawn takes no other with it.
            written.problems.append(_unwritten(path, error))
    return written


def put(path: Path, text: str) -> None:
    """Replace the file by this text, or leave it as it is and raise OSError."""
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)  # a full disk may say so only now
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


def name(began: str) -> str:
    """Of the file of the run that began then (ISO 8601, UTC): names sort by time."""
    return f"drift-{re.sub('[-:]', '', began)}.json"


def previous(directory: str, began: str) -> tuple[t.Optional[dict[str, t.Any]], list[str]]:
    """The report of the last run that came to its end before the run that began then; and a sentence for each file that could not be read."""
    notes: list[str] = []
    return next(_before(directory, began, notes), None), notes


def age(report: t.Mapping[str, t.Any], directory: t.Optional[str], now: float) -> t.Optional[float]:
    """Seconds since a run looked at everything: that of this report, or one before. None if no report tells."""
    earlier = _before(directory, report["run"]["began"], []) if directory else iter(())
    last = next((one for one in itertools.chain([report], earlier) if _is_whole(one)), None)
    if not last:
        return None
    ended = datetime.datetime.fromisoformat(last["run"]["ended"].replace("Z", "+00:00"))
    return round(max(now - ended.timestamp(), 0.0), 1)


def _is_whole(report: t.Mapping[str, t.Any]) -> bool:
    return report["outcome"]["word"] in WHOLE and not report["run"].get("left_out")


def _before(directory: str, began: str, notes: list[str]) -> t.Iterator[dict[str, t.Any]]:
    """The reports of runs that came to their end, the last first."""
    for path in reversed(_reports(Path(directory))):
        report = _read(path, notes) if path.name < name(began) else None
        if report and report["outcome"]["word"] != "running":
            yield report


def _reports(directory: Path) -> list[Path]:
    """Those of runs, the oldest first."""
    try:
        return sorted(path for path in directory.iterdir() if NAME.fullmatch(path.name))
    except OSError:
        return []


def _read(path: Path, notes: list[str]) -> t.Optional[dict[str, t.Any]]:
    try:
        report = formatted.loads(path.read_text(encoding="utf-8"))
        if report["version"] == 1 and isinstance(report["drift"], list) and isinstance(report["outcome"]["word"], str) and report["run"]["began"]:
            return report
        reason = "it is no report of version 1"
    except OSError as error:
        reason = error.strerror or repr(error)
    except (ValueError, KeyError, TypeError):
        reason = "it is damaged"
    notes.append(f"The earlier report {path} was passed over: {reason}.")
    return None


def _forget(directory: Path, own: Path, keep: int) -> None:
    """Remove the oldest but `keep`."""
    others = [path for path in _reports(directory) if path != own]
    for path in others[: max(len(others) + 1 - max(keep, 1), 0)]:
        with contextlib.suppress(OSError):
            path.unlink()


def _unwritten(path: Path, error: Exception) -> str:
    return f"The report could not be written to {path}: {getattr(error, 'strerror', None) or repr(error)}"
