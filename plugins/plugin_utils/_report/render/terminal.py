# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for a terminal or a log: its length follows trouble. Pure.

Headings stand at column 0, labels at 2, all text at 14. Colour repeats what a word says.
"""

from __future__ import annotations

import collections
import itertools
import os.path
import re
import textwrap
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words

WIDEST = 100
TEXT = 14
LONGEST_NAME = 28
NO_BREAK = "\u00a0"
# A number and its unit, a date, an option and the end of a command line stay on one line.
TOGETHER = re.compile("|".join((
    r"(?<=\d) (?=(?:ms|s|min|h|days?|of|steps?|checks?|objects?|ok|FAILED)\b)", r"(?<=of) (?=\d)", r"(?<=min) (?=\d\d s)",
    r"(?<=\d) (?=[A-Z][a-z]{2} \d{4})", r"(?<=[A-Z][a-z]{2}) (?=\d{4})", r"(?<=\d{4}) (?=\d\d:)", r"(?<=:\d\d) (?=UTC)", r"(?<=from) (?=here)", r" (?=\\$)",
)))
BOLD, DIM, RED, GREEN, YELLOW, BLUE = "1", "2", "1;31", "32", "33", "1;34"
OF_OUTCOME = {"clean": "1;32", "changed": "1;33", "to_do": BLUE, "drift": "1;33", "failed": RED, "running": BLUE}
OF_STATE = {"done": GREEN, "to_do": BLUE, "running": YELLOW, "failed": RED, "not_reached": DIM}
OF_VERDICT = {"ok": GREEN, "failed": RED, "not_verified": YELLOW, "skipped": DIM}
# Runners of CI take such a line for a command of theirs, also behind blanks.
COMMAND_OF_CI = re.compile(r"(\s*)(?=::|##\[|##vso|##teamcity)")
EXPECTED = {"reached": "ok", "refused": "ok refused", "kept out": "ok kept out", "gone": "ok gone"}
IN_BRIEF = ("redis", "postgresql", "agents")
CELLS = {"failed": "FAILED", "not_verified": "not verified", "skipped": "skipped"}


def render(report: t.Mapping[str, t.Any], *, width: int = WIDEST, colour: bool = False, ascii_only: bool = True, full: bool = False,
           written: t.Sequence[str] = ()) -> list[str]:
    """The lines. full: the sections of a clean run as well; written: the files that hold the report."""
    page = _Page(min(max(width, 40), WIDEST), colour, ascii_only)
    outcome = report["outcome"]
    _first(page, outcome)
    if outcome["word"] == "clean" and not full:
        for text in filter(None, [_run(report, page.width), _seen(report, page.width), *_beside(report)]):
            page.text(text)
        _reasons(page, [one for one in report["checks"] if one["verdict"] == "not_verified"], unlooked=True)
    else:
        for text in filter(None, [outcome["effect"]]):
            page.text(text)
        if outcome["next"]:
            page.head("Next", outcome["next"])
        page.head("Run", _run(report, page.width), style=DIM)
        for section in (_failures, _steps, _verification, _note):
            section(page, report)
    if written:
        page.gap(outcome["word"] != "clean" or full)
        page.head("Report", ", ".join(written))
    if len(page.lines) > 5 and (outcome["word"] != "clean" or full):
        if not written:
            page.gap()
        _first(page, outcome, again=True)
    return [COMMAND_OF_CI.sub(r"\1| ", line) if COMMAND_OF_CI.match(line) else line for line in page.lines]


class _Page:
    def __init__(self, width: int, colour: bool, ascii_only: bool) -> None:
        self.width = width
        self.narrow = width < WIDEST - 4
        self.colour = colour
        self.gutter = "| " if ascii_only else "\u2502 "
        self.lines: list[str] = []

    def paint(self, text: str, style: t.Optional[str]) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style and text.strip() else text

    def wrapped(self, text: str, indent: int = TEXT) -> list[str]:
        wrapped = textwrap.wrap(TOGETHER.sub(NO_BREAK, text), max(self.width - indent, 20), break_on_hyphens=False)
        return [line.replace(NO_BREAK, " ") for line in wrapped] or [""]

    def gap(self, wanted: bool = True) -> None:
        if wanted and self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self, text: str, indent: int = TEXT) -> None:
        self.lines += [" " * indent + line for line in self.wrapped(text, indent)]

    def labelled(self, label: str, lines: t.Sequence[str], style: t.Optional[str], of_text: t.Optional[str] = None) -> None:
        """`label` before the first line, blanks before the others."""
        for number, line in enumerate(lines):
            self.lines.append((self.paint((label if number == 0 else "").ljust(TEXT), style) + self.paint(line, of_text)).rstrip())

    def head(self, label: str, text: str, style: t.Optional[str] = BOLD, of_text: t.Optional[str] = None) -> None:
        self.labelled(label, self.wrapped(text), style, of_text)

    def row(self, label: str, text: str, style: t.Optional[str] = DIM) -> None:
        self.labelled(f"  {label}", self.wrapped(text), style)

    def quote(self, label: str, text: str) -> None:
        """Word for word what others said, behind a gutter."""
        lines = [line for part in text.splitlines() for line in self.wrapped(part, TEXT + 2)]
        self.labelled(f"  {label}", [self.paint(self.gutter, DIM) + line for line in lines], DIM)


def _first(page: _Page, outcome: t.Mapping[str, t.Any], again: bool = False) -> None:
    page.head(words.OUTCOMES[outcome["word"]], outcome["sentence"], OF_OUTCOME[outcome["word"]], None if again else BOLD)


def _run(report: t.Mapping[str, t.Any], width: int = WIDEST) -> str:
    run = report["run"]
    took = words.duration(run["duration_s"])
    start = [run["command"], "check mode" if run["mode"] == "check" else None]
    middle = [run["region"], words.moment(run["began"])]
    whole = [*start, run["account"] and f"account {run['account']}", *middle, f"took {took}"]
    line = ", ".join(filter(None, whole))
    return line if len(line) <= width - TEXT else ", ".join(filter(None, [*start, run["account"], *middle, took]))


def _seen(report: t.Mapping[str, t.Any], width: int) -> t.Optional[str]:
    """The slowest answers, and what holds for all of them."""
    slowest: dict[str, float] = {}
    for one in report["checks"]:
        if one["verdict"] == "ok" and one["latency_ms"] is not None:
            kind = "agents" if one["to"].startswith("agent/") else one["to"]
            slowest[kind] = max(slowest.get(kind, 0), one["latency_ms"])
    ways = {one["tls"] for one in report["checks"] if one["tls"]}
    enforced = {one["authentication"] for one in report["checks"] if one["authentication"]}
    # The worst of each holds for all: the oldest TLS, and "not enforced" before "enforced".
    held = [f"TLS {way}" for way in sorted(ways)[:1]] + [f"authentication {word}" for word in sorted(enforced, reverse=True)[:1]]
    parts = [", ".join(f"{words.target(to)} {words.latency(number)}" for to, number in slowest.items() if to in IN_BRIEF), ", ".join(held)]
    line = "; ".join(filter(None, parts))
    return (line if len(line) <= width - TEXT else line.replace("authentication", "AUTH")) or None


def _beside(report: t.Mapping[str, t.Any]) -> list[str]:
    left_out = report["run"].get("left_out") or []
    return list(report.get("notes") or []) + ([f"Not compared, as this run left it out: {', '.join(left_out)}"] if left_out else [])


def _note(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    notes = _beside(report)
    page.gap(bool(notes))
    for number, note in enumerate(notes):
        page.head("Note" if number == 0 else "", note)


def _failures(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    failures = report["failures"]
    for failure in failures:
        page.gap()
        page.head("Failure", f"{failure['stage']}: {failure['task']}, on {failure['host']}", RED)
        page.gap()
        page.quote("message", failure["message"])
        for label, text in (("meaning", failure["meaning"]), ("state now", failure["state"]), ("done", failure["done"]), ("next run", failure["next_run"])):
            if text:
                page.row(label, text)


# Steps

def _counts(states: t.Iterable[str], order: t.Mapping[str, str]) -> str:
    counted = collections.Counter(states)
    return ", ".join(f"{counted[state]:,} {order[state]}" for state in order if counted[state])


STATE_ORDER = {state: words.STATES[state] for state in ("failed", "running", "done", "to_do", "not_reached")}
VERDICT_ORDER = {verdict: words.VERDICTS[verdict] for verdict in ("failed", "ok", "not_verified", "skipped")}


def _steps(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    steps = report["steps"]
    if not steps:
        return
    page.gap()
    stages = [(stage, list(group)) for stage, group in itertools.groupby(steps, key=lambda step: step["stage"])]
    page.head("Steps", f"{_counts((step['state'] for step in steps), STATE_ORDER)}, in {words.plural(len(stages), 'stage')}")
    stopped = {step["stage"] for step in steps if step["state"] in ("failed", "running")}
    mixed = len({step["state"] for step in steps}) > 1
    shown = {stage: _alike(group) for stage, group in stages if not mixed or stage in stopped}
    widest = max((len(row["name"]) for rows in shown.values() for row in rows), default=0)
    for stage, group in stages:
        if mixed and stage not in stopped:
            for number, (state, some) in enumerate(itertools.groupby(group, key=lambda step: step["state"])):
                some = list(some)
                taken = [step["duration_s"] for step in some]
                _step_row(page, stage if number == 0 else "", state, words.plural(len(some), "step"), sum(taken) if None not in taken else None)
            continue
        _stage(page, stage, shown[stage], widest, mixed)


def _named(found: t.Mapping[str, str]) -> str:
    kind = found["kind"].rpartition(" ")[2]
    return f"{kind} {found['name']}" if kind in ("branch", "app", "alarm") else found["name"]


def _alike(group: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The same sentence for three objects of a kind or more is one row."""
    rows: list[dict[str, t.Any]] = []
    for key, some in itertools.groupby(group, key=lambda step: (step["object"]["kind"], step["sentence"], step["state"])):
        some = list(some)
        if len(some) < 3:
            rows += [{"name": _named(step["object"]), "text": step["sentence"], "state": step["state"], "took": step["duration_s"]} for step in some]
        else:
            names = [step["object"]["name"] for step in some]
            # What all begin with, up to a dash, tells none from the other.
            begin = os.path.commonprefix(names).rpartition("-")
            names = [name.removeprefix(begin[0] + begin[1]) for name in names]
            rows.append({"name": f"{len(some)} {key[0]}s", "text": f"{key[1]}: {', '.join(names)}", "state": key[2], "took": None})
    return rows


def _stage(page: _Page, stage: str, rows: t.Sequence[t.Mapping[str, t.Any]], widest: int, mixed: bool) -> None:
    state_width = 13 if mixed else 0
    # Long names stand on lines of their own.
    stacked = page.narrow or widest > LONGEST_NAME
    before, label = None, f"  {stage}"
    for row in rows:
        took = words.duration(row["took"]) if row["took"] is not None else ""
        name = row["name"] if row["name"] != before else ""
        before = row["name"]
        state = words.STATES[row["state"]].ljust(state_width) if mixed else ""
        if stacked:
            if name:
                page.lines.append(page.paint(label.ljust(TEXT), BOLD) + name)
                label = ""
            indent = TEXT + 2 + state_width
            lines = page.wrapped(row["text"], indent + (12 if took else 0))
            for number, line in enumerate(lines):
                lead = " " * (TEXT + 2) + (page.paint(state, OF_STATE[row["state"]]) if number == 0 else " " * state_width)
                page.lines.append(_ended(page, lead, line, indent, took if number == 0 else ""))
            continue
        indent = TEXT + state_width + widest + 2
        lines = page.wrapped(row["text"], indent + (13 if took else 0))
        for number, line in enumerate(lines):
            lead = page.paint(label.ljust(TEXT), BOLD) + (page.paint(state, OF_STATE[row["state"]]) if number == 0 else " " * state_width)
            lead += (name if number == 0 else "").ljust(widest + 2)
            page.lines.append(_ended(page, lead, line, indent, took if number == 0 else ""))
            label = ""


def _ended(page: _Page, lead: str, line: str, indent: int, took: str) -> str:
    """A line with a time at its right edge."""
    return lead + line + page.paint(took.rjust(page.width - indent - len(line)), DIM) if took else (lead + line).rstrip()


def _step_row(page: _Page, stage: str, state: str, text: str, seconds: t.Optional[float]) -> None:
    lead = page.paint(f"  {stage}".ljust(TEXT), BOLD) + page.paint(words.STATES[state].ljust(13), OF_STATE[state])
    page.lines.append(_ended(page, lead, text, TEXT + 13, words.duration(seconds) if seconds else ""))


# Verification

def _verification(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    checks = report["checks"]
    left_out = report["run"].get("left_out") or []
    if not checks:
        reason = "this run left out verify" if "verify" in left_out else "the run did not reach verify" if report["outcome"]["word"] == "failed" else None
        if reason:
            page.gap()
            page.head("Verification", f"skipped: {reason}")
        return
    page.gap()
    if all(one["verdict"] == "skipped" for one in checks):
        said = "check mode makes no connections" if report["run"]["mode"] == "check" else checks[0]["says"]
        page.head("Verification", f"skipped, {words.plural(len(checks), 'check')}: {said}")
        return
    page.head("Verification", _counts((one["verdict"] for one in checks), VERDICT_ORDER))
    origins = list(dict.fromkeys(one["from"] for one in checks))
    targets = list(dict.fromkeys(one["to"] for one in checks))
    first = max(len(words.target(to)) for to in targets) + 2
    column = max(12, *map(len, origins)) + 1
    if 2 + first + column * len(origins) + 12 <= page.width and not page.narrow:
        _matrix(page, checks, origins, targets, first, column)
    else:
        _list(page, checks, targets)
    _reasons(page, checks)


def _cell(one: t.Mapping[str, t.Any]) -> str:
    if one["verdict"] != "ok":
        return CELLS[one["verdict"]]
    return f"ok {words.latency(one['latency_ms']):>7}" if one["latency_ms"] is not None else EXPECTED.get(one.get("expected", "reached"), "ok")


def _way(some: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[str, str]:
    """TLS and authentication, as those who got through saw them."""
    return (next((one["tls"] for one in some if one["tls"]), "-"), next((one["authentication"] for one in some if one["authentication"]), "-"))


def _matrix(page: _Page, checks: t.Sequence[t.Mapping[str, t.Any]], origins: t.Sequence[str], targets: t.Sequence[str], first: int, column: int) -> None:
    page.lines.append(page.paint(" " * (2 + first) + "".join(origin.ljust(column) for origin in origins) + "TLS AUTH", DIM))
    for to in targets:
        of_target = {one["from"]: one for one in checks if one["to"] == to}
        line = f"  {words.target(to).ljust(first)}"
        for origin in origins:
            one = of_target.get(origin)
            line += page.paint((_cell(one) if one else "-").ljust(column), OF_VERDICT[one["verdict"]] if one else DIM)
        tls, authentication = _way(list(of_target.values()))
        page.lines.append(f"{line}{tls.ljust(4)}{authentication}")
    page.lines.append(page.paint("  -: no such path; not verified: nobody looked from there; enforced: refused without credentials", DIM))


def _list(page: _Page, checks: t.Sequence[t.Mapping[str, t.Any]], targets: t.Sequence[str]) -> None:
    for to in targets:
        of_target = [one for one in checks if one["to"] == to]
        tls, authentication = _way(of_target)
        way = " ".join(filter(None, [f"TLS {tls}" if tls != "-" else "", f"authentication {authentication}" if authentication != "-" else ""]))
        page.lines.append(f"  {words.target(to).ljust(20)}{way}".rstrip())
        groups: dict[str, list[str]] = {}
        style = {}
        for one in of_target:
            label = EXPECTED.get(one.get("expected", "reached"), "ok").replace("ok ", "ok, ") if one["verdict"] == "ok" else CELLS[one["verdict"]]
            style[label] = OF_VERDICT[one["verdict"]]
            took = f" {words.latency(one['latency_ms'])}" if one["latency_ms"] is not None and one["verdict"] == "ok" else ""
            groups.setdefault(label, []).append(one["from"] + took)
        for label, names in groups.items():
            for number, line in enumerate(page.wrapped(", ".join(names), TEXT + 4)):
                page.lines.append(f"    {page.paint((label if number == 0 else '').ljust(14), style[label])}{line}")


def _reasons(page: _Page, checks: t.Sequence[t.Mapping[str, t.Any]], unlooked: bool = False) -> None:
    """Why something failed, or could not be looked at; what one reason explains is one row. unlooked: also where nobody looked, which a table shows."""
    for verdict, label in (("failed", "FAILED"), ("not_verified", "not seen")):
        groups: dict[tuple[str, str], list[str]] = {}
        for one in checks:
            if one["verdict"] == verdict and one["says"] and (unlooked or one["says"] != "nobody looked"):
                groups.setdefault((one["to"], one["says"]), []).append(one["from"])
        alike: dict[tuple[str, str], list[str]] = {}
        for (to, says), origins in groups.items():
            alike.setdefault((words.joined(origins), says), []).append(words.target(to))
        for (origins, says), targets in alike.items():
            page.row(label, f"{origins} to {words.joined(targets)}: {says}", OF_VERDICT[verdict])
