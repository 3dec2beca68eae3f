# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every form of a report says alike: counted, grouped, in an order, in the same words. Pure."""

from __future__ import annotations

import collections
import itertools
import os.path
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words

Record = t.Mapping[str, t.Any]
# Up to so many differences are told one by one, more by actor, by kind and by pattern.
MANY = 10
# Up to so many they are listed all the same, in few lines each.
LISTED = 30
NAMED = 5
LONGEST = 300
SEVERITIES = ("high", "medium", "low")
STATE_ORDER = {state: words.STATES[state] for state in ("failed", "running", "done", "to_do", "not_reached")}
VERDICT_ORDER = {verdict: words.VERDICTS[verdict] for verdict in ("failed", "ok", "not_verified", "skipped")}
# Columns of verification behind those of hosts.
PLACES = ("controller", "app", "anywhere")
# States of findings that are there now.
WEAKENS = ("found", "new", "still")
HOPS = {"failed": "FAILED", "not_verified": "not verified"}


def counts(states: t.Iterable[str], order: t.Mapping[str, str]) -> str:
    """1 FAILED, 14 done"""
    counted = collections.Counter(states)
    return ", ".join(f"{counted[state]:,} {order[state]}" for state in order if counted[state])


def kinds(number: int, kind: str) -> str:
    """1 alarm, 9 alarms, 2 branches"""
    return words.plural(number, kind, kind + ("es" if kind.endswith(("ch", "s", "x")) else "s"))


def some(names: t.Sequence[str], most: int = NAMED) -> str:
    """a, b and 30 more"""
    return words.joined(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most:,} more"


# The run

def run(report: Record, brief: bool = False) -> list[str]:
    """drift, account 123456789012, us-east-1, 26 Nov 2026 03:12:44 UTC, took 38 s"""
    facts = report["run"]
    # That a run for drift only looks is its nature.
    mode = "check mode" if facts["mode"] == "check" and facts["command"] != "drift" else None
    account = facts["account"] and ("" if brief else "account ") + facts["account"]
    took = ("" if brief else "took ") + words.duration(facts["duration_s"])
    return [fact for fact in (facts["command"], mode, account, facts["region"], words.moment(facts["began"]), took) if fact]


def beside(report: Record) -> list[str]:
    """What a reader has to know besides."""
    left_out = report["run"].get("left_out") or []
    return list(report.get("notes") or []) + ([f"Not compared, as this run left it out: {', '.join(left_out)}"] if left_out else [])


def following(text: str) -> tuple[str, str]:
    """What is next, as a command to paste and its comment, or as ("", a sentence)."""
    command, dummy, comment = text.partition("   # ")
    return (command, comment) if comment or command.startswith("ansible-playbook ") else ("", text)


def standing(report: Record) -> list[str]:
    """What a clean run says beside its verdict: what is known to differ, to be weak, to cost."""
    counted = report["cost"]
    prices = f" (prices of {words.day(counted['price_table'])})" if counted["price_table"] else ""
    month = f"{money(counted['month'], counted['currency'])} a month{prices}" if counted["items"] else ""
    found = ", ".join(filter(None, [words.plural(len(findings(report)), "security finding"), security_news(report)])) if report["security"] else ""
    return known(report) + list(filter(None, ["; ".join(filter(None, [found, month]))])) + beside(report)


# Drift

class Drift(t.NamedTuple):
    """The differences by what they ask of the reader, the worst first."""

    open: list[Record]  # differ, and nobody has accepted it
    accepted: list[Record]
    gone: list[Record]
    unseen: list[Record]  # differed in the report before, and this run did not look


def state(record: Record) -> str:
    """new, still, accepted or gone"""
    return "accepted" if record["accepted"] and record["state"] != "gone" else record["state"]


def drift(report: Record) -> Drift:
    def rank(record: Record) -> tuple[t.Any, ...]:
        return SEVERITIES.index(record["severity"]), record["state"], record["object"]["kind"], record["object"]["name"], record["field"]

    found = sorted(report["drift"], key=rank)
    unseen = sorted(report.get("unseen") or [], key=rank)
    return Drift(
        [record for record in found if state(record) in ("new", "still")],
        [record for record in found if state(record) == "accepted"],
        [record for record in found if state(record) == "gone"],
        unseen,
    )


def drift_counts(report: Record) -> str:
    """1 new, 1 still, 1 accepted, 1 gone"""
    unseen = len(report.get("unseen") or [])
    return ", ".join(filter(None, [counts(map(state, report["drift"]), words.DRIFT), f"{unseen:,} not looked at" if unseen else ""]))


def compared_with(report: Record) -> str:
    """What new, still and gone refer to."""
    previous = report["run"].get("previous")
    return f"since the report of {words.moment(previous, seconds=False)}" if previous else "there is no report before this one"


def title(record: Record) -> str:
    """security group huntaze-cache: ingress tcp 6379, source"""
    found, host = record["object"], record.get("host")
    return f"{found['kind']} {found['name']}: {record['field']}" + (f", on {host}" if host and host != found["name"] else "")


def value(text: t.Optional[str], longest: int = 10**9) -> str:
    return "nothing" if text is None else words.shortened(text, longest) or "an empty text"


def since(record: Record, now: str = "") -> str:
    """25 Nov 2026 22:41 UTC, 4 h 31 min ago"""
    if record["since"]:
        seconds = (words.instant(now) - words.instant(record["since"])).total_seconds() if now else -1
        return words.moment(record["since"], seconds=False) + (f", {words.duration(seconds)} ago" if seconds >= 0 else "")
    if record.get("seen_between"):
        first, last = (words.moment(at, seconds=False) for at in record["seen_between"])
        return f"between {first} and {last}, by earlier reports"
    return ""


def via(event: t.Optional[str]) -> str:
    return f" ({event})" if event else ""


def origin(record: Record, now: str) -> list[tuple[str, str]]:
    """Since when and by whom, as labelled texts. A writer who is not proven is called a candidate."""
    when, by = since(record, now), f"by {record['by']}{via(record['via'])}" if record["by"] else ""
    rows = [("since", ", ".join(filter(None, [when, by])) or "not known")] if when or by or not record.get("candidates") else []
    rows += [("by", writers(record))] if not record["by"] and record.get("candidates") else []
    return rows + ([("note", record["note"])] if record.get("note") else [])


def writers(record: Record) -> str:
    """The candidates, where nobody is proven."""
    writes = []
    for one in record["candidates"][:NAMED]:
        at = words.moment(one["at"], seconds=False) if one["at"] else ""
        writes.append(", ".join(filter(None, [one["by"] or "somebody", at])) + via(one["via"]))
    return f"nobody is proven; last writes by {'; '.join(writes)}"


def actor(record: Record) -> str:
    """Who is named for a difference in few words."""
    names = list(dict.fromkeys(one["by"] for one in record.get("candidates") or [] if one["by"]))
    return record["by"] or (f"perhaps {some(names, 2)}" if names else "not known")


def remains(record: Record) -> bool:
    """Whether a run leaves it as it is."""
    return record.get("corrects") is False


def way_out(record: Record) -> list[tuple[str, str]]:
    """What a run does about it and what a person can do, where a run does not put it right."""
    return [(label, words.shortened(record[label], LONGEST)) for label in ("action", "remedy") if remains(record) and record.get(label)]


def became(record: Record) -> str:
    """What is said of a difference that is gone."""
    return f"{record.get('action') or 'as declared again'}: {value(record['declared'], LONGEST)}; was {value(record['found'], LONGEST)}"


def acceptance(accepted: Record) -> str:
    """until 1 Dec 2026 by example-owner: load test of the new plan"""
    by = f" by {accepted['by']}" if accepted.get("by") else ""
    return f"until {words.day(accepted['until'])}{by}: {accepted['reason']}"


class Group(t.NamedTuple):
    """Differences that have something in common."""

    of: t.Any
    records: list[Record]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(record["object"]["name"] for record in self.records))

    def number(self, wanted: str) -> int:
        return sum(state(record) == wanted for record in self.records)

    def when(self, year: int) -> str:
        """The time that the changes span."""
        times = [(record["since"], record["since"]) if record["since"] else record.get("seen_between") for record in self.records]
        begins, ends = zip(*filter(None, times)) if any(times) else ((), ())
        return words.span(min(begins, key=words.instant), max(ends, key=words.instant), year) if begins else "not known"

    def often(self) -> str:
        """threshold 361, period 248, actions: the fields and how often each differs, most often first."""
        counted = collections.Counter(words.shortened(record["field"], LONGEST) for record in self.records).most_common(3)
        return ", ".join(f"{field} {number:,}" if number > 1 else field for field, number in counted)


def grouped(records: t.Iterable[Record], key: t.Callable[[Record], t.Any]) -> list[Group]:
    """The largest group first."""
    found: dict[t.Any, list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return sorted((Group(of, some) for of, some in found.items()), key=lambda group: -len(group.records))


def by_actor(records: t.Iterable[Record]) -> list[Group]:
    return grouped(records, actor)


def by_kind(records: t.Iterable[Record]) -> list[Group]:
    return grouped(records, lambda record: record["object"]["kind"])


def lowering(records: t.Iterable[Record]) -> list[Group]:
    """What lowers security, as patterns: (kind, field, declared, found)."""
    return grouped((one for one in records if one["severity"] == "high"), lambda one: (one["object"]["kind"], one["field"], one["declared"], one["found"]))


def remaining(records: t.Iterable[Record]) -> list[Group]:
    """What a run leaves as it is: (kind, field, action, remedy)."""
    return grouped(filter(remains, records), lambda one: (one["object"]["kind"], one["field"], one.get("action") or "a run leaves it", one.get("remedy") or ""))


def acceptances(records: t.Iterable[Record]) -> list[Group]:
    return grouped(records, lambda record: acceptance(record["accepted"]))


def accepted(told: Drift) -> list[str]:
    return [f"{words.plural(len(group.records), 'field')} accepted {group.of}" for group in acceptances(told.accepted)]


def gone(told: Drift) -> list[str]:
    return [f"{len(told.gone):,} gone, as declared again: {some(list(map(title, told.gone)))}"] if told.gone else []


def unseen(told: Drift) -> list[str]:
    return [f"{len(told.unseen):,} not looked at: {some(list(map(title, told.unseen)))}"] if told.unseen else []


def known(report: Record) -> list[str]:
    """What a clean run says of differences: those that were accepted or are gone, and those that it did not look at."""
    told = drift(report)
    return accepted(told) + gone(told) + unseen(told)


# Steps

def stages(steps: t.Sequence[Record]) -> list[tuple[str, list[Record]]]:
    return [(stage, list(group)) for stage, group in itertools.groupby(steps, key=lambda step: step["stage"])]


def step_counts(steps: t.Sequence[Record]) -> str:
    """1 FAILED, 14 done, in 3 stages"""
    return f"{counts((step['state'] for step in steps), STATE_ORDER)}, in {words.plural(len(stages(steps)), 'stage')}"


def named(found: t.Mapping[str, str]) -> str:
    kind = found["kind"].rpartition(" ")[2]
    return f"{kind} {found['name']}" if kind in ("branch", "app", "alarm") else found["name"]


def alike(group: t.Sequence[Record]) -> list[dict[str, t.Any]]:
    """The rows of a stage. The same sentence for three objects of a kind or more is one."""
    rows: list[dict[str, t.Any]] = []
    for key, same in itertools.groupby(group, key=lambda step: (step["object"]["kind"], step["sentence"], step["state"])):
        same = list(same)
        if len(same) < 3:
            rows += [{"name": named(step["object"]), "text": step["sentence"], "state": step["state"], "took": step["duration_s"]} for step in same]
        else:
            names = [step["object"]["name"] for step in same]
            # What all begin with, up to a dash, tells none from the other.
            begin = os.path.commonprefix(names).rpartition("-")
            names = [name.removeprefix(begin[0] + begin[1]) for name in names]
            rows.append({"name": kinds(len(same), key[0]), "text": f"{key[1]}: {', '.join(names)}", "state": key[2], "took": None})
    return rows


# Verification

def unverified(report: Record) -> str:
    """Why there is no verdict to show; empty where there are some."""
    checks, left_out = report["checks"], report["run"].get("left_out") or []
    if not checks:
        reached = "the run did not reach verify" if report["outcome"]["word"] == "failed" else ""
        return f"skipped: {'this run left out verify' if 'verify' in left_out else reached}" if "verify" in left_out or reached else ""
    if all(one["verdict"] == "skipped" for one in checks):
        said = "check mode makes no connections" if report["run"]["mode"] == "check" and report["run"]["command"] != "drift" else checks[0]["says"]
        return f"skipped, {words.plural(len(checks), 'check')}: {said}"
    return ""


def verdict_counts(checks: t.Sequence[Record]) -> str:
    return counts((one["verdict"] for one in checks), VERDICT_ORDER)


def explained(report: Record) -> list[Record]:
    """The checks. Of those that a cause explains, why they failed is said in one sentence: the cause says the rest."""
    known = {check for cause in report["causes"] for check in cause["checks"]}
    return [{**one, "says": words.headline(one["says"], LONGEST)} if one["id"] in known and one["says"] else one for one in report["checks"]]


def reasons(checks: t.Sequence[Record], verdict: str, unlooked: bool = False) -> list[str]:
    """Why a verdict is what it is; what one reason explains is one text. unlooked: also where nobody looked, which a table shows."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in checks:
        if one["verdict"] == verdict and one["says"] and (unlooked or one["says"] != "nobody looked"):
            groups.setdefault((one["to"], one["says"]), []).append(one["from"])
    same: dict[tuple[str, str], list[str]] = {}
    for (to, says), origins in groups.items():
        same.setdefault((words.joined(origins), says), []).append(words.target(to))
    return [f"{origins} to {words.joined(targets)}: {says}" for (origins, says), targets in same.items()]


def way(checks: t.Sequence[Record]) -> tuple[str, str]:
    """TLS and authentication, as those who got through saw them. The worst counts: the oldest TLS, and "not enforced" before "enforced"."""
    versions, enforced = ({one[member] for one in checks if one[member]} for member in ("tls", "authentication"))
    return min(versions, default=""), max(enforced, default="")


def matrix(checks: t.Sequence[Record]) -> tuple[list[str], dict[str, dict[str, Record]]]:
    """(the places that were looked from, the checks by target and place). Hosts come first, and strangers last."""
    targets: dict[str, dict[str, Record]] = {}
    for one in checks:
        targets.setdefault(one["to"], {})[one["from"]] = one
    origins = dict.fromkeys(one["from"] for one in checks)
    strangers = origins.keys() - {one["from"] for one in checks if one.get("expected") != "kept out"}
    return sorted(origins, key=lambda origin: len(PLACES) if origin in strangers else PLACES.index(origin) if origin in PLACES else -1), targets


# Causes, security and cost

def causes_heading(causes: t.Sequence[Record]) -> str:
    if all(cause["confidence"] == "certain" for cause in causes):
        return words.plural(len(causes), "cause")
    failures = len({tuple(sorted(cause["checks"])) for cause in causes})
    if failures == len(causes):  # none stands beside another one for the same failure
        return words.plural(len(causes), "cause") + (", the surest first" if failures > 1 else "")
    what = "one failure" if failures == 1 else f"{failures} failures"
    return f"{words.plural(len(causes), 'candidate')} for {what}, the likelier first"


def causes(report: Record) -> list[Record]:
    """The causes, each without what the one before it has said alike."""
    told: list[Record] = []
    for before, cause in zip([{}, *report["causes"]], report["causes"]):
        alike = {name: type(cause[name])() for name in ("path", "client_saw", "aws_says", "evidence", "ruled_out") if cause[name] == before.get(name)}
        told.append({**cause, **alike})
    return told


def source(evidence: Record) -> str:
    """Where it was seen, and when."""
    return f"{evidence['source']}, {words.moment(evidence['at'])}"


def path(cause: Record) -> list[tuple[str, str, str]]:
    """The hops of a connection: (hop, what is said of it, its verdict). Where it comes from needs no word."""
    return [(one["hop"], "" if one["verdict"] == "from" else HOPS.get(one["verdict"], one["verdict"]), one["verdict"]) for one in cause["path"]]


def findings(report: Record) -> list[Record]:
    """What weakens the estate now, the worst first."""
    return sorted((one for one in report["security"] if one["state"] in WEAKENS), key=lambda one: SEVERITIES.index(one["severity"]))


def in_full(report: Record) -> list[Record]:
    """The findings that are told with what they mean: those that are new, and where that is not known the worst, unless the run has worse to tell."""
    first = [one for one in findings(report) if one["state"] == "found"][:NAMED] if report["outcome"]["word"] not in ("failed", "drift") else []
    return [one for one in findings(report) if one["state"] == "new"] + first


def security_counts(report: Record) -> str:
    """3 findings: 1 high, 1 medium, 1 low; none new"""
    found = findings(report)
    severities = counts((one["severity"] for one in found), {each: each for each in SEVERITIES})
    return "; ".join(filter(None, [f"{words.plural(len(found), 'finding')}{severities and ': '}{severities}", security_news(report)]))


def security_news(report: Record) -> str:
    """none new, 2 gone. Empty where no report before judged, so that nobody knows what is new."""
    states = collections.Counter(one["state"] for one in report["security"])
    if states["found"]:
        return ""
    others = [f"{states[state]} {said}" for state, said in (("gone", "gone"), ("unseen", "not looked at")) if states[state]]
    return ", ".join([f"{states['new'] or 'none'} new", *others])


def money(amount: float, currency: str) -> str:
    return f"{amount:,.2f} {currency}"


def cost(report: Record) -> list[str]:
    """61.92 USD a month, +18.49 USD by this run | prices of 1 Nov 2026 | without data transfer; nothing where nothing was counted."""
    counted = report["cost"]
    if not counted["items"]:
        return []
    change = f", {counted['change']:+,.2f} {counted['currency']} by this run" if counted["change"] else ""
    prices = f"prices of {words.day(counted['price_table'])}" if counted["price_table"] else ""
    month = f"{money(counted['month'], counted['currency'])} a month"
    return [text for text in (month + change, prices, counted["not_counted"] and f"without {counted['not_counted']}") if text]
