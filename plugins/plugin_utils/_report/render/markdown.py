# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for a comment of a pull request or a CI job's summary. Pure.

Words that could mean something to Markdown or to GitHub are code, so no mention, link or HTML comes out of what others wrote.
"""

from __future__ import annotations

import re
import typing as t
from html import escape

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import digest

# GitHub refuses a comment of more than 65,536.
LONGEST = 60_000
LONGEST_QUOTE = 4_000
# So many rows of each table; fewer where the whole is too long.
ROWS = (100, 30, 10, 3)
ALERTS = {"failed": "CAUTION", "drift": "WARNING", "to_do": "IMPORTANT", "changed": "NOTE", "running": "NOTE"}
# A word with what stands around it; one that means nothing but itself; one that GitHub takes for a commit, an issue or an address.
WORD = re.compile(r"([(\"]?)(.*?)([)\",.;:?!]*)", re.S)
HARMLESS = re.compile(r"[^\W_](?:[^\W_]|['%/.,=+-])*|\d\d?:\d\d(?::\d\d)?|-|")
REFERENCE = re.compile(r"(?=.*[a-f])[0-9a-f]{7,40}|GH-\d+|www\..*", re.I)


def render(report: t.Mapping[str, t.Any]) -> str:
    report = words.cleaned(report)
    for rows in ROWS:
        blocks = _blocks(report, rows)
        if sum(len(block) + 2 for block in blocks.values()) <= LONGEST:
            return "\n\n".join(filter(None, blocks.values())) + "\n"
    missing = []
    while sum(len(block) + 2 for block in blocks.values()) > LONGEST - 1_000:
        longest = max((name for name in blocks if name not in ("head", "foot")), key=lambda name: len(blocks[name]))
        missing.append(longest)
        blocks[longest] = ""
    blocks["foot"] = f"Left out, as this would be too long: {', '.join(missing)}. All of it is in report.html and report.json.\n\n{blocks['foot']}"
    return "\n\n".join(filter(None, blocks.values())) + "\n"


def _blocks(report: t.Mapping[str, t.Any], rows: int) -> dict[str, str]:
    blocks = {"head": _head(report)}
    if report["outcome"]["word"] == "clean":
        texts = digest.standing(report) + [f"Not verified: {text}" for text in digest.reasons(report["checks"], "not_verified", unlooked=True)]
        blocks["notes"] = _list(texts, rows)
    else:
        for section in (_failures, _causes, _drift, _steps, _verification, _security, _cost, _notes):
            blocks[section.__name__.strip("_")] = section(report, rows)
    blocks["foot"] = f"<sub>huntaze.ai_system {plain(report['run']['collection'])}; secrets are masked; every field is in report.json.</sub>"
    return blocks


# The words of others

def code(text: str) -> str:
    """A span that ends where it is meant to, whatever is in it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text.strip() else "` `"


def plain(text: str, longest: int = digest.LONGEST) -> str:
    """A sentence; each of its words that is not harmless is code."""
    told = []
    for word in words.shortened(text, longest).split():
        before, core, after = WORD.fullmatch(word).groups()
        begins_list = not told and (re.fullmatch(r"\d+[.)]+", word) or not word[0].isalnum())
        harmless = HARMLESS.fullmatch(core) and not REFERENCE.fullmatch(core) and not begins_list
        told.append(word if harmless else f"{before}{code(core)}{after}" if core and not begins_list else code(word))
    return " ".join(told)


def quote(text: str) -> str:
    """Word for word, between fences that are longer than any within."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}text\n{words.shortened(text, LONGEST_QUOTE)}\n{fence}"


def _table(heads: t.Sequence[str], rows: t.Sequence[t.Sequence[str]]) -> str:
    """A head that ends in a colon is of numbers."""
    lines = [[head.rstrip(":") for head in heads], ["---:" if head.endswith(":") else "---" for head in heads], *rows]
    # A bar stands in code only, and there a table alone takes its escape away.
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _list(texts: t.Sequence[str], rows: int) -> str:
    return "\n".join([f"- {plain(text, 1000)}" for text in texts[:rows]] + _more(len(texts), rows))


def _more(number: int, rows: int) -> list[str]:
    return [f"\nThe first {rows} of {number:,}; all of them are in report.html and report.json."] if number > rows else []


def _details(summary: str, body: str, is_open: bool = False) -> str:
    """The summary stands in HTML, where nothing is Markdown: it holds words of ours and numbers."""
    return f"<details{' open' if is_open else ''}><summary>{escape(summary)}</summary>\n\n{body}\n\n</details>"


# Sections

def _head(report: t.Mapping[str, t.Any]) -> str:
    outcome, run = report["outcome"], report["run"]
    marker = " ".join(words.slug(part) for part in (run["command"], run["account"], run["region"]) if part)
    lines = [f"<!-- huntaze.ai_system report {marker} -->", f"### {words.OUTCOMES[outcome['word']]}: {plain(outcome['sentence'], 1000)}"]
    command, comment = digest.following(outcome["next"] or "")
    following = ", ".join(filter(None, [command and code(words.shortened(command, 1000)), plain(comment)]))
    alert = [plain(outcome["effect"] or ""), following and f"**Next:** {following}"]
    if any(alert) and outcome["word"] in ALERTS:
        lines += ["", f"> [!{ALERTS[outcome['word']]}]", "\n>\n".join(f"> {text}" for text in alert if text)]
    return "\n".join([*lines, "", plain(", ".join(digest.run(report)))])


def _failures(report: t.Mapping[str, t.Any], rows: int) -> str:
    told = []
    for failure in report["failures"][:rows]:
        told += [f"#### Failure: {plain(failure['stage'])}, {plain(failure['task'])}, on {plain(failure['host'])}", quote(failure["message"])]
        facts = (("meaning", "meaning"), ("state now", "state"), ("done", "done"), ("next run", "next_run"))
        told.append("\n".join(f"- **{label}** {plain(failure[name], 1000)}" for label, name in facts if failure[name]))
    return "\n\n".join(filter(None, told + _more(len(report["failures"]), rows)))


def _causes(report: t.Mapping[str, t.Any], rows: int) -> str:
    causes, told = digest.causes(report), []
    for number, cause in enumerate(causes[:rows], 1):
        which = f" {number} of {len(causes)}" if len(causes) > 1 else ""
        hops = [f"{plain(hop)} {'**FAILED**' if verdict == 'failed' else plain(said)}".strip() for hop, said, verdict in digest.path(cause)]
        facts = (("path", " → ".join(hops)), ("client saw", plain(cause["client_saw"])), ("AWS says", plain(cause["aws_says"])),
                 ("ruled out", plain("; ".join(cause["ruled_out"]), 1000)))
        told += [f"#### Cause{which}, {cause['confidence']}: {plain(cause['title'])}", "\n".join(f"- **{label}** {text}" for label, text in facts if text)]
        for one in cause["evidence"]:
            told += [f"**Evidence** {plain(digest.source(one))}", quote(one["text"])]
        does = cause["remedy"].get("does")
        told += [f"**Remedy**{f' ({plain(does)})' if does else ''}", quote(cause["remedy"]["text"])]
    return "\n\n".join(filter(None, told + _more(len(causes), rows)))


def _drift(report: t.Mapping[str, t.Any], rows: int) -> str:
    drift = digest.drift(report)
    if not any(drift):
        return ""
    since = digest.compared_with(report)
    told, settled, texts = [f"#### Drift: {digest.drift_counts(report)}", f"{since[:1].upper()}{since[1:]}."], [], []
    left: list[str] = []
    if len(drift.open) > digest.MANY:
        told += _groups(drift.open, words.instant(report["run"]["began"]).year)
        high = [record for record in drift.open if record["severity"] == "high"][:rows]
        others = [record for record in drift.open if record["severity"] != "high"][: rows - len(high)]
        for records, summary in ((high, f"{len(high)} that lower security"), (others, f"{len(others)} others")):
            told += [_details(summary, _records(records))] if records else []
        told += _more(len(drift.open), rows)
    else:
        settled += drift.open
        left = ["; ".join([f"Left by a run: {digest.title(one)}", *(text for dummy, text in digest.way_out(one))]) for one in drift.open if digest.remains(one)]
    for records, said in ((drift.accepted, digest.accepted(drift)), (drift.gone, digest.gone(drift))):
        if len(records) <= digest.NAMED:
            settled += records
        else:
            texts += said
    return "\n\n".join(filter(None, [*told, _records(settled), _list(left + texts + digest.unseen(drift), rows)]))


def _groups(records: t.Sequence[t.Mapping[str, t.Any]], year: int) -> list[str]:
    def counted(group: digest.Group) -> list[str]:
        return [f"{len(group.records):,}", f"{group.number('new'):,}", f"{group.number('still'):,}"]

    actors, kinds = digest.by_actor(records)[: digest.MANY], digest.by_kind(records)[: digest.MANY]
    told = [
        _table(["changed by", "fields:", "new:", "still:", "when, UTC"], [[plain(group.of), *counted(group), group.when(year)] for group in actors]),
        _table(["kind", "fields:", "new:", "still:", "fields, most often first"], [
            [plain(group.of), *counted(group), plain(group.often())] for group in kinds
        ]),
    ]
    lowering, remaining = digest.lowering(records)[: digest.MANY], digest.remaining(records)[: digest.MANY]
    if lowering:
        told.append(_table(["lowers security", "objects:", "declared", "found"], [
            [plain(f"{kind}: {field}"), f"{len(group.names):,}", _value(declared), _value(found)]
            for group in lowering for kind, field, declared, found in [group.of]
        ]))
    if remaining:
        told.append(_table(["a run leaves", "objects:", "why", "remedy"], [
            [plain(f"{kind}: {field}"), f"{len(group.names):,}", plain(action), plain(remedy)]
            for group in remaining for kind, field, action, remedy in [group.of]
        ]))
    return told


def _value(text: t.Optional[str]) -> str:
    told = digest.value(text, digest.LONGEST)
    return code(told) if text else told


def _records(records: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    return _table(["state", "object, field", "declared", "found", "since", "by"], list(map(_record, records))) if records else ""


def _record(record: t.Mapping[str, t.Any]) -> list[str]:
    state, name = digest.state(record), words.shortened(record["object"]["name"], digest.LONGEST)
    said = f"**{state}**" if state in ("new", "still") else state
    if record["severity"] == "high" and state in ("new", "still"):
        said += ", lowers security"
    if state == "accepted":
        said += f"<br>{plain(digest.acceptance(record['accepted']))}"
    again = plain(record.get("action") or "as declared again")
    found = f"{again}; was {_value(record['found'])}" if state == "gone" else _value(record["found"])
    by = plain(f"{record['by']}{digest.via(record['via'])}") if record["by"] else plain(digest.writers(record)) if record.get("candidates") else "not known"
    on = f" on {plain(record['host'])}" if record.get("host") and record["host"] != record["object"]["name"] else ""
    return [
        said, f"{plain(record['object']['kind'])} {code(name)}{on}<br>{plain(record['field'])}", _value(record["declared"]), found,
        digest.since(record) or "not known", by,
    ]


def _steps(report: t.Mapping[str, t.Any], rows: int) -> str:
    steps = report["steps"]
    if not steps:
        return ""
    to_do = all(step["state"] == "to_do" for step in steps)
    lines: list[list[str]] = []
    for stage, group in digest.stages(steps):
        for number, row in enumerate(digest.alike(group)):
            state = "**FAILED**" if row["state"] == "failed" else words.STATES[row["state"]]
            took = words.duration(row["took"]) if row["took"] is not None else ""
            lines.append([plain(stage) if number == 0 else "", plain(row["name"]), plain(row["text"], 1000), *([] if to_do else [state, took])])
    table = _table(["stage", "object", "step", *([] if to_do else ["state", "took:"])], lines[:rows])
    is_open = report["outcome"]["word"] == "drift" and len(lines) <= digest.MANY
    return _details(f"Steps: {digest.step_counts(steps)}", "\n".join([table, *_more(len(lines), rows)]), is_open)


def _verification(report: t.Mapping[str, t.Any], rows: int) -> str:
    checks, unmade = report["checks"], digest.unverified(report)
    if unmade or not checks:
        return f"#### Verification: skipped\n\n{plain(unmade.removeprefix('skipped').lstrip(':, '))}." if unmade else ""
    origins, targets = digest.matrix(checks)
    lines = []
    for to, of_target in list(targets.items())[:rows]:
        cells = [_cell(of_target.get(origin)) for origin in origins]
        lines.append([plain(words.target(to)), *cells, *map(plain, digest.way(list(of_target.values())))])
    heads = ["to", *(f"from {plain(origin)}" for origin in origins), "TLS", "authentication"]
    told = [f"#### Verification: {digest.verdict_counts(checks)}", _table(heads, lines)]
    told += _more(len(targets), rows)
    for verdict, label in (("failed", "FAILED"), ("not_verified", "Not verified")):
        told.append(_list([f"{label}: {text}" for text in digest.reasons(digest.explained(report), verdict)], rows))
    return "\n\n".join(filter(None, told))


def _cell(one: t.Optional[t.Mapping[str, t.Any]]) -> str:
    if not one:
        return "no path"
    if one["verdict"] != "ok":
        return {"failed": "**FAILED**", "not_verified": "*not verified from here*"}.get(one["verdict"], "skipped")
    expected = one.get("expected", "reached")
    return "ok" + (f", {expected}" if expected != "reached" else f" {words.latency(one['latency_ms'])}" if one["latency_ms"] is not None else "")


def _security(report: t.Mapping[str, t.Any], rows: int) -> str:
    if not report["security"]:
        return ""
    found = digest.findings(report)
    lines = []
    for one in found[:rows]:
        remedy = code(words.shortened(one["remedy"]["text"], digest.LONGEST))
        lines.append([one["severity"], f"{code(one['object']['name'])}: {plain(one['found'])}", plain(one["means"]), remedy, plain(one["breaks"])])
    table = _table(["severity", "found", "means", "remedy", "breaks"], lines)
    return _details(f"Security: {digest.security_counts(report)}", "\n".join([table, *_more(len(found), rows)]))


def _cost(report: t.Mapping[str, t.Any], rows: int) -> str:
    told, counted = digest.cost(report), report["cost"]
    if not told:
        return ""
    lines = [[plain(item["label"]), plain(item["quantity"]) + (", estimated" if item["basis"] == "estimated" else ""), f"{item['usd_month']:,.2f}"]
             for item in counted["items"][:rows]]
    lines.append(["**all**", plain("; ".join(told[1:])), f"**{counted['month']:,.2f}**"])
    table = _table(["item", "quantity", f"{plain(counted['currency'])} a month:"], lines)
    return _details(f"Cost: {told[0]}", "\n".join([table, *_more(len(counted["items"]), rows)]))


def _notes(report: t.Mapping[str, t.Any], rows: int) -> str:
    texts = digest.beside(report)
    return f"#### Notes\n\n{_list(texts, rows)}" if texts else ""
