# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for a terminal or a log: its length follows trouble. Pure.

Headings stand at column 0, labels at 2, all text at 14. Colour repeats what a word says.
"""

from __future__ import annotations

import itertools
import re
import textwrap
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import digest

WIDEST = 100
TEXT = 14
FIELD = 24
LONGEST_NAME = 28
# Longer lists are told by their beginning. All of it stands in the HTML and the JSON.
MOST_ROWS = 8
MOST_STEPS = 40
MOST_UNSEEN = 3
NO_BREAK = "\u00a0"
# A number and its unit, a date, an option and the end of a command line stay on one line.
TOGETHER = re.compile("|".join((
    r"(?<=\d) (?=(?:ms|s|min|h|days?|of|steps?|checks?|objects?|fields?|ok|FAILED|new|still|accepted|gone|more|USD)\b)", r"(?<=of) (?=\d)",
    r"(?<=min) (?=\d\d s)", r"(?<=\d h) (?=\d\d min)", r"(?<=days) (?=\d)", r"(?<=[hs]) (?=ago)", r"(?<=min) (?=ago)",
    r"(?<=\d) (?=[A-Z][a-z]{2} \d{4})", r"(?<=[A-Z][a-z]{2}) (?=\d{4})", r"(?<=\d{4}) (?=\d\d:)", r"(?<=:\d\d) (?=UTC)", r"(?<=from) (?=here)", r" (?=\\$)",
)))
BOLD, DIM, RED, GREEN, YELLOW, BLUE = "1", "2", "1;31", "32", "33", "1;34"
OF_OUTCOME = {"clean": "1;32", "changed": "1;33", "to_do": BLUE, "drift": "1;33", "failed": RED, "running": BLUE}
OF_STATE = {"done": GREEN, "to_do": BLUE, "running": YELLOW, "failed": RED, "not_reached": DIM}
OF_DRIFT = {"new": "1;33", "still": YELLOW, "accepted": DIM, "gone": GREEN}
OF_SEVERITY = {"high": RED, "medium": "1;33", "low": BOLD}
OF_VERDICT = {"ok": GREEN, "failed": RED, "not_verified": YELLOW, "skipped": DIM}
# Runners of CI take such a line for a command of theirs, also behind blanks.
COMMAND_OF_CI = re.compile(r"((?:\s|\x1b\[[\d;]*m)*)(?=::|##\[|##vso|##teamcity)")
EXPECTED = {"reached": "ok", "refused": "ok refused", "kept out": "ok kept out", "gone": "ok gone"}
IN_BRIEF = ("redis", "postgresql", "agents")
CELLS = {"failed": "FAILED", "not_verified": "not verified", "skipped": "skipped"}


def render(report: t.Mapping[str, t.Any], *, width: int = WIDEST, colour: bool = False, ascii_only: bool = True, full: bool = False,
           written: t.Sequence[str] = ()) -> list[str]:
    """The lines. full: the sections of a clean run as well; written: the files that hold the report."""
    report = words.cleaned(report)
    page = _Page(min(max(width, 40), WIDEST), colour, ascii_only)
    outcome = report["outcome"]
    _first(page, outcome)
    if outcome["word"] == "clean" and not full:
        for text in filter(None, [_run(report, page.width), _seen(report, page.width), *digest.standing(report)]):
            page.text(text)
        _unseen(page, digest.reasons(report["checks"], "not_verified", unlooked=True))
    else:
        for text in filter(None, [outcome["effect"]]):
            page.text(text)
        if outcome["next"]:
            page.labelled("Next", _next(page, outcome["next"]), BOLD)
        page.head("Run", _run(report, page.width), style=DIM)
        for section in (_failures, _causes, _drift, _steps, _verification, _security, _cost, _note):
            section(page, report)
    if written:
        page.gap(outcome["word"] != "clean" or full)
        page.head("Report", _places(written) + (" list every field" if len(digest.drift(report).open) > digest.LISTED else ""))
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

    def pasted(self, text: str, command: bool = True, indent: int = TEXT) -> list[str]:
        """Lines that a shell takes for one command."""
        if not command or len(text) <= self.width - indent:
            return [line for part in text.splitlines() for line in self.wrapped(part, indent)]
        *lines, last = textwrap.wrap(text, max(self.width - indent - 4, 20), break_on_hyphens=False, break_long_words=False)
        return [("  " if number else "") + line + end for number, (line, end) in enumerate([*((line, " \\") for line in lines), (last, "")])]

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

    def under(self, label: str, text: str, style: t.Optional[str] = None, command: bool = False) -> None:
        """A row of what a row before it names."""
        for number, line in enumerate(self.pasted(text, command, FIELD)):
            lead = (label if number == 0 else "").ljust(FIELD - TEXT)
            self.lines.append(" " * TEXT + self.paint(lead, DIM) + self.paint(line, style))

    def quote(self, label: str, text: str) -> None:
        """Word for word what others said, behind a gutter."""
        lines = [line for part in text.splitlines() for line in self.wrapped(part, TEXT + 2)]
        self.labelled(f"  {label}", [self.paint(self.gutter, DIM) + line for line in lines], DIM)


def _first(page: _Page, outcome: t.Mapping[str, t.Any], again: bool = False) -> None:
    page.head(words.OUTCOMES[outcome["word"]], outcome["sentence"], OF_OUTCOME[outcome["word"]], None if again else BOLD)


def _next(page: _Page, following: str) -> list[str]:
    """A command stays one to a shell, whatever the width: its comment then stands on lines of its own."""
    command, comment = digest.following(following)
    if len(following) <= page.width - TEXT or not command:
        return page.wrapped(following)
    return page.pasted(command) + [f"# {line}" for line in (page.wrapped(comment, TEXT + 2) if comment else ())]


def _run(report: t.Mapping[str, t.Any], width: int = WIDEST) -> str:
    line = ", ".join(digest.run(report))
    return line if len(line) <= width - TEXT else ", ".join(digest.run(report, brief=True))


def _places(written: t.Sequence[str]) -> str:
    """The files, a directory's together."""
    places: dict[str, list[str]] = {}
    for path in written:
        directory, dummy, name = path.rpartition("/")
        places.setdefault(directory, []).append(name if len(written) > 1 else path)
    return "; ".join(words.joined(names) + (f" in {directory}" if directory and len(written) > 1 else "") for directory, names in places.items())


def _seen(report: t.Mapping[str, t.Any], width: int) -> t.Optional[str]:
    """The slowest answers, and what holds for all of them."""
    slowest: dict[str, float] = {}
    for one in report["checks"]:
        if one["verdict"] == "ok" and one["latency_ms"] is not None:
            kind = "agents" if one["to"].startswith("agent/") else one["to"]
            slowest[kind] = max(slowest.get(kind, 0), one["latency_ms"])
    tls, authentication = digest.way(report["checks"])
    held = [f"TLS {tls}"] * bool(tls) + [f"authentication {authentication}"] * bool(authentication)
    parts = [", ".join(f"{words.target(to)} {words.latency(number)}" for to, number in slowest.items() if to in IN_BRIEF), ", ".join(held)]
    line = "; ".join(filter(None, parts))
    return (line if len(line) <= width - TEXT else line.replace("authentication", "AUTH")) or None


def _note(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    notes = digest.beside(report)
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


# Causes

def _causes(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    causes = digest.causes(report)
    if len(causes) > 1:
        page.gap()
        page.head("Causes", digest.causes_heading(causes))
    for number, cause in enumerate(causes, 1):
        page.gap()
        if len(causes) == 1:
            page.head("Cause", f"{cause['title']} ({cause['confidence']})", RED)
            page.gap()
        else:
            page.row(f"{number} {cause['confidence']}", cause["title"], BOLD)
        if cause["path"]:
            page.row("path", " > ".join(f"{hop} {said}".strip() for hop, said, dummy in digest.path(cause)))
        for label, text in (("client saw", cause["client_saw"]), ("AWS says", cause["aws_says"])):
            if text:
                page.row(label, text)
        for one in cause["evidence"]:
            page.row("evidence", digest.source(one))
            page.quote("", one["text"])
        for index, text in enumerate(cause["ruled_out"]):
            page.row("ruled out" if index == 0 else "", text)
        page.labelled("  remedy", page.pasted(cause["remedy"]["text"], cause["remedy"]["kind"] == "command"), DIM)
        if cause["remedy"].get("does"):
            page.text(cause["remedy"]["does"])


# Drift

def _drift(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    told = digest.drift(report)
    if not any(told):
        return
    page.gap()
    page.head("Drift", f"{digest.drift_counts(report)}; {digest.compared_with(report)}")
    if len(told.open) > digest.MANY:
        _groups(page, told.open, words.instant(report["run"]["began"]).year)
    else:
        for record in told.open:
            _record(page, record, report["run"]["began"])
    _settled(page, told)
    if told.open and len(told.open) <= digest.MANY:
        page.gap()
        page.text("To accept one, list its object and field with a reason and a last day in huntaze_drift.accepted.", 2)


def _record(page: _Page, record: t.Mapping[str, t.Any], now: str) -> None:
    page.gap()
    _titled(page, record)
    page.under("declared", digest.value(record["declared"], digest.LONGEST))
    page.under("found", digest.value(record["found"], digest.LONGEST), YELLOW)
    for label, text in (*digest.origin(record, now), *digest.way_out(record)):
        page.under(label, text)


def _titled(page: _Page, record: t.Mapping[str, t.Any]) -> None:
    lines = page.wrapped(digest.title(record))
    page.labelled(f"  {digest.state(record)}", lines, OF_DRIFT[digest.state(record)], BOLD)
    if record["severity"] == "high":
        mark = "lowers security"
        if len(lines[-1]) + 2 + len(mark) <= page.width - TEXT:
            page.lines[-1] += "  " + page.paint(mark, RED)
        else:
            page.lines.append(" " * TEXT + page.paint(mark, RED))


def _settled(page: _Page, told: digest.Drift) -> None:
    """What needs nobody now: accepted, gone; and what was not looked at."""
    page.gap(len(told.accepted) > digest.NAMED)
    for record in told.accepted if len(told.accepted) <= digest.NAMED else ():
        page.gap()
        page.row("accepted", digest.title(record))
        page.text(f"declared {digest.value(record['declared'], digest.LONGEST)}, found {digest.value(record['found'], digest.LONGEST)}")
        page.text(digest.acceptance(record["accepted"]))
    for group in _first_of(page, digest.acceptances(told.accepted)) if len(told.accepted) > digest.NAMED else ():
        page.row("accepted", f"{words.plural(len(group.records), 'field')} {group.of}")
    for record in told.gone if len(told.gone) <= digest.NAMED else ():
        page.gap()
        page.row("gone", digest.title(record), GREEN)
        page.text(digest.became(record))
    many_gone = told.gone if len(told.gone) > digest.NAMED else ()
    for label, records, said in (("gone", many_gone, "as declared again"), ("not seen", told.unseen, "this run did not look")):
        if records:
            page.gap()
            page.row(label, f"{words.plural(len(records), 'field')}, {said}: {digest.some(list(map(digest.title, records)))}", OF_DRIFT.get(label, YELLOW))


def _groups(page: _Page, records: t.Sequence[t.Mapping[str, t.Any]], year: int) -> None:
    """Many differences: by actor, by kind, and as patterns what lowers security and what a run leaves."""
    _table(page, "changed by", "when, UTC", [(group.of, group, group.when(year)) for group in digest.by_actor(records)])
    if len(records) <= digest.LISTED:
        _listed(page, records, year)
        return
    _table(page, "kind", "fields, most often first", [(group.of, group, group.often()) for group in digest.by_kind(records)])
    _patterns(page, digest.lowering(records), ("lowers security", "lower security"), RED, ("declared", "found"))
    _patterns(page, digest.remaining(records), ("a run leaves as it is", "a run leaves as they are"), BOLD, ("action", "remedy"))


def _listed(page: _Page, records: t.Sequence[t.Mapping[str, t.Any]], year: int) -> None:
    """Each in few lines."""
    page.gap()
    for record in records:
        _titled(page, record)
        values = f"declared {digest.value(record['declared'], digest.LONGEST)}, found {digest.value(record['found'], digest.LONGEST)}"
        when, by = digest.Group("", [record]).when(year), digest.actor(record)
        page.text(f"{values}; {when}, by {by}" if by != "not known" else f"{values}; {when}" if when != "not known" else values, TEXT + 2)
        for dummy, text in digest.way_out(record):
            page.text(text, TEXT + 2)


def _patterns(page: _Page, groups: t.Sequence[digest.Group], heading: tuple[str, str], style: str, labels: t.Sequence[str]) -> None:
    """The same of several objects is told once."""
    page.gap(bool(groups))
    if groups:
        number = sum(len(group.records) for group in groups)
        page.lines.append(page.paint(f"  {number:,} of them {heading[number > 1]}:", style))
    for group in groups[:MOST_ROWS]:
        kind, field, *texts = group.of
        page.gap()
        page.lines += ["  " + page.paint(line, BOLD) for line in page.wrapped(f"{digest.kinds(len(group.names), kind)}: {field}", 2)]
        for label, text in zip(labels, texts):
            if text != "" or label != "remedy":
                page.row(label, digest.value(text, digest.LONGEST))
        page.row("which", digest.some(group.names))
    _rest(page, groups, "patterns")


def _rest(page: _Page, groups: t.Sequence[digest.Group], what: str) -> None:
    if len(groups) > MOST_ROWS:
        page.gap()
        page.text(f"and {len(groups) - MOST_ROWS:,} more {what}, of {words.plural(sum(len(group.records) for group in groups[MOST_ROWS:]), 'field')}", 2)


def _first_of(page: _Page, groups: t.Sequence[digest.Group]) -> t.Iterator[digest.Group]:
    yield from groups[:MOST_ROWS]
    _rest(page, groups, "acceptances")


def _table(page: _Page, name: str, last: str, rows: t.Sequence[tuple[str, digest.Group, str]]) -> None:
    """Names with their counts, and a text behind them."""
    page.gap()
    page.lines.append(page.paint(f"  {name.ljust(27)}{'fields':>8}{'new':>6}{'still':>6}   {last}", DIM))
    for text, group, behind in rows[:MOST_ROWS]:
        *above, text = page.wrapped(text, page.width - 26)
        numbers = f"{len(group.records):>8,}{group.number('new'):>6,}{group.number('still'):>6,}   "
        page.lines += [f"  {line}" for line in above]
        first, *others = page.wrapped(behind, 52)
        page.lines += [f"  {text.ljust(27)}{numbers}{first}", *(" " * 52 + line for line in others)]
    _rest(page, [group for dummy, group, behind in rows], "rows")


# Steps

def _steps(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    steps = report["steps"]
    if not steps:
        return
    page.gap()
    stages = digest.stages(steps)
    page.head("Steps", digest.step_counts(steps))
    stopped = {step["stage"] for step in steps if step["state"] in ("failed", "running")}
    mixed = len({step["state"] for step in steps}) > 1
    shown = {stage: digest.alike(group) for stage, group in stages if not mixed or stage in stopped}
    if sum(map(len, shown.values())) > MOST_STEPS:
        shown = {stage: rows for stage, rows in shown.items() if stage in stopped and len(rows) <= MOST_STEPS}
    widest = max((len(row["name"]) for rows in shown.values() for row in rows), default=0)
    for stage, group in stages:
        if stage in shown:
            _stage(page, stage, shown[stage], widest, mixed)
            continue
        for number, (state, some) in enumerate(itertools.groupby(group, key=lambda step: step["state"])):
            some = list(some)
            taken = [step["duration_s"] for step in some]
            _step_row(page, stage if number == 0 else "", state, words.plural(len(some), "step"), sum(taken) if None not in taken else None)


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
    checks, unmade = report["checks"], digest.unverified(report)
    if not checks and not unmade:
        return
    page.gap()
    page.head("Verification", unmade or digest.verdict_counts(checks))
    if unmade:
        return
    origins, targets = digest.matrix(checks)
    first = max(len(words.target(to)) for to in targets) + 2
    column = max(12, *map(len, origins)) + 1
    if 2 + first + column * len(origins) + 12 <= page.width and not page.narrow:
        _matrix(page, origins, targets, first, column)
    else:
        _list(page, targets)
    _reasons(page, digest.explained(report))


def _cell(one: t.Mapping[str, t.Any]) -> str:
    if one["verdict"] != "ok":
        return CELLS[one["verdict"]]
    expected = EXPECTED.get(one.get("expected", "reached"), "ok")
    return f"ok {words.latency(one['latency_ms']):>7}" if one["latency_ms"] is not None and expected == "ok" else expected


def _matrix(page: _Page, origins: t.Sequence[str], targets: t.Mapping[str, t.Mapping[str, t.Any]], first: int, column: int) -> None:
    page.lines.append(page.paint(" " * (2 + first) + "".join(origin.ljust(column) for origin in origins) + "TLS AUTH", DIM))
    for to, of_target in targets.items():
        line = f"  {words.target(to).ljust(first)}"
        for origin in origins:
            one = of_target.get(origin)
            line += page.paint((_cell(one) if one else "-").ljust(column), OF_VERDICT[one["verdict"]] if one else DIM)
        tls, authentication = digest.way(list(of_target.values()))
        page.lines.append(f"{line}{(tls or '-').ljust(4)}{authentication or '-'}")
    page.lines.append(page.paint("  -: no such path; not verified: nobody looked from there; enforced: refused without credentials", DIM))


def _list(page: _Page, targets: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    for to, of_target in targets.items():
        tls, authentication = digest.way(list(of_target.values()))
        way = " ".join(filter(None, [f"TLS {tls}" if tls else "", f"authentication {authentication}" if authentication else ""]))
        page.lines.append(f"  {words.target(to).ljust(20)}{way}".rstrip())
        groups: dict[str, list[str]] = {}
        style = {}
        for one in of_target.values():
            label = EXPECTED.get(one.get("expected", "reached"), "ok").replace("ok ", "ok, ") if one["verdict"] == "ok" else CELLS[one["verdict"]]
            style[label] = OF_VERDICT[one["verdict"]]
            took = f" {words.latency(one['latency_ms'])}" if one["latency_ms"] is not None and label == "ok" else ""
            groups.setdefault(label, []).append(one["from"] + took)
        for label, names in groups.items():
            for number, line in enumerate(page.wrapped(", ".join(names), TEXT + 4)):
                page.lines.append(f"    {page.paint((label if number == 0 else '').ljust(14), style[label])}{line}")


def _reasons(page: _Page, checks: t.Sequence[t.Mapping[str, t.Any]]) -> None:
    """Why something failed, or could not be looked at."""
    for verdict, label in (("failed", "FAILED"), ("not_verified", "not seen")):
        for text in digest.reasons(checks, verdict):
            page.row(label, text, OF_VERDICT[verdict])


def _unseen(page: _Page, texts: t.Sequence[str]) -> None:
    """What a clean run could not look at, in few lines: most of it is so in every run."""
    shown = texts if len(texts) <= MOST_UNSEEN else texts[: MOST_UNSEEN - 1]
    for text in shown:
        page.row("not seen", text, OF_VERDICT["not_verified"])
    if len(texts) > len(shown):
        page.text(f"and {len(texts) - len(shown)} more; -v shows them")


# Security and cost

def _security(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    if not report["security"]:
        return
    page.gap()
    page.head("Security", digest.security_counts(report))
    in_full, before = digest.in_full(report), False
    for finding in digest.findings(report):
        page.gap(before or finding in in_full)
        before = finding in in_full
        page.row(finding["severity"], f"{finding['object']['name']}: {finding['found']}", OF_SEVERITY[finding["severity"]])
        if finding in in_full:
            page.under("means", finding["means"])
            page.under("remedy", finding["remedy"]["text"], command=finding["remedy"]["kind"] == "command")
            page.under("breaks", finding["breaks"])


def _cost(page: _Page, report: t.Mapping[str, t.Any]) -> None:
    told = digest.cost(report)
    if not told:
        return
    page.gap()
    page.head("Cost", "; ".join(told))
    items = report["cost"]["items"] if report["cost"]["change"] else []
    names, numbers = (max((len(item[name]) for item in items), default=0) + 2 for name in ("label", "quantity"))
    for item in items:
        amount = digest.money(item["usd_month"], report["cost"]["currency"])
        line = f"  {item['label'].ljust(names)}{item['quantity'].ljust(numbers)}{amount:>12}{'  estimated' if item['basis'] == 'estimated' else ''}"
        page.lines += [f"  {part}" for part in page.wrapped(line, 2)] if len(line) > page.width else [line]
