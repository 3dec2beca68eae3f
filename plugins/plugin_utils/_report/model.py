# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report, made of what the tasks of a run returned. Pure; docs/report.schema.json is its shape, and every form is drawn from it alone."""

from __future__ import annotations

import collections
import datetime
import re
import shlex
import typing as t
from urllib.parse import quote

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.stages import every_stage
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.outcome import outcome_of
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import drift, failures, verdicts, words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.judged import Judged, judged
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.objects import KINDS, object_of

STAGES = ("preflight", *every_stage(), "verify")
# Both go one way, whose plan stands in the second.
TOGETHER = {"auth_open": "auth_close"}
# The option that lists what a module compares. Other modules that tell steps compare one object.
LISTS = {"security_group_ingress": "rules", "cloudwatch_alarms": "alarms"}
# Stages that change nothing.
LOOKS = ("preflight", "verify")
# The tasks that look for the cause of a failure, and fail in its place.
RESCUE = "diagnose"
# Tasks that fail without having changed anything.
CHANGES_NOTHING = ("assert", "fail", "debug", "set_fact", "validate_argument_spec")
OWN_PLAYBOOKS = ("deploy", "verify", "drift")


class Event(t.NamedTuple):
    """What one task did on one host."""

    stage: str  # a tag of this collection's stages, or a slug of the play's name
    play: str
    task: str
    action: str
    path: str  # FILE:LINE
    host: str
    state: str  # ok, failed, unreachable, skipped; started if it has not ended
    result: t.Mapping[str, t.Any]
    seconds: float = 0.0


class Run(t.NamedTuple):
    """What is known of the run beside its tasks."""

    command: str  # deploy, verify, drift, or the name of another playbook
    again: str  # the command line that repeats it, without secrets
    check: bool
    began: float  # seconds since 1970
    ended: t.Optional[float]
    collection: str
    failed_hosts: t.Sequence[str] = ()
    interrupted: bool = False
    stages: t.Sequence[str] = ()  # of the playbook
    left_out: t.Sequence[str] = ()  # those that tags leave out
    limit: str = ""
    running: bool = False  # the report is written on the way
    program: str = ""  # what started ansible-playbook for the operator, and again begins with
    playbook: str = ""  # as it was given, where again does not name it


def is_chosen(tags: t.Collection[str], chosen: t.Collection[str], skipped: t.Collection[str]) -> bool:
    """Whether a play of these tags runs under --tags and --skip-tags."""
    wanted = {"all"} | set(tags) | ({"tagged"} if tags else {"untagged"})
    return ("always" in tags or bool(wanted & set(chosen))) and not (set(tags) | (wanted - {"all"})) & set(skipped)


def options(events: t.Sequence[Event]) -> t.Optional[dict[str, t.Any]]:
    """What drift.yml asks of its report, the fact `huntaze_report`; None in other runs."""
    asked = _facts(events, "huntaze_report")
    return asked[-1] if asked and isinstance(asked[-1], dict) else None


def report(events: t.Sequence[Event], run: Run, previous: t.Optional[t.Mapping[str, t.Any]] = None) -> dict[str, t.Any]:
    """The whole report as plain data, with no control character in any text. previous: the report that new, still and gone refer to."""
    asked = options(events)
    looks = asked is not None and not asked.get("correct")
    checks = _checks(events)
    differs = _drift(events, run, asked, previous) if asked else _Drift([], [], [], [])
    troubles = _troubles(events, run, checks, differs.blind)
    steps = _steps(events, run, troubles, looks)
    failures = [_failure(trouble, steps) for trouble in troubles] + [_blind(one) for one in differs.blind]
    told = _judged(events, run, previous)
    made = {
        "version": 1,
        "outcome": {},
        "run": {
            **({"id": words.clean(asked["id"])} if asked and asked.get("id") else {}),
            "command": run.command,
            "mode": "check" if run.check or looks else "apply",
            "account": next(filter(None, map(_account, events)), None),
            "region": next(filter(None, map(_region, events)), None),
            "began": words.iso(run.began),
            "ended": words.iso(run.ended) if run.ended is not None else None,
            "duration_s": round((run.ended if run.ended is not None else run.began) - run.began, 1),
            "objects": _objects(events),
            "collection": run.collection,
            "left_out": list(run.left_out) + ([f"hosts outside of --limit {words.clean(run.limit)}"] if run.limit else []),
            "judged": told.of,
            **({"previous": previous["run"]["began"]} if previous else {}),
        },
        "steps": [step._asdict() for step in steps],
        "drift": differs.records,
        "unseen": differs.unseen,
        "checks": checks,
        "causes": told.causes,
        "security": told.security,
        "cost": told.cost,
        "failures": failures,
        "notes": (differs.notes if asked else []) + _notes(events, failures, bool(asked)) + told.notes,
    }
    idle = all(event.state == "skipped" for event in events)
    made["outcome"] = _outcome(made, run, [trouble.stage for trouble in troubles], idle, asked)
    return words.cleaned(made)


def _judged(events: t.Sequence[Event], run: Run, previous: t.Optional[t.Mapping[str, t.Any]]) -> Judged:
    """What filters said last of causes, security and cost."""
    security, cost = ((_facts(events, f"huntaze_{name}") or [None])[-1] for name in ("findings", "cost"))
    # Each host on which something failed has its own.
    hosts = dict.fromkeys(event.host for event in events)
    causes = [cause for host in hosts for cause in (_facts([event for event in events if event.host == host], "huntaze_causes") or [None])[-1] or []]
    told = judged(causes, security, cost, previous)
    for one in [*told.causes, *told.security]:
        if one["remedy"]["kind"] == "command":
            one["remedy"] = {**one["remedy"], "text": _as_this_run(run, one["remedy"]["text"])}
    return told


def _as_this_run(run: Run, command: str) -> str:
    """A command line that runs one of this collection's playbooks, with the inventory and the variables of this run."""
    named = re.fullmatch(r"ansible-playbook (?:playbooks/)?(deploy|verify|drift)\.yml\b(.*)", command, re.S)
    return f"{_playbook(run, named[1])}{named[2]}" if named else command


# Steps

class Step(t.NamedTuple):
    id: str
    stage: str
    object: dict[str, str]
    sentence: str
    state: str
    duration_s: t.Optional[float] = None


def told(sentence: str, names: t.Sequence[str], host: str) -> tuple[dict[str, str], str]:
    """(object, sentence without it) of one step.

    names: the objects of the result's differences. Where these do not tell, the sentence's head does ("sg-1: let in ..."), and at last the host.
    """
    sentence = words.clean(sentence)
    named = {}
    for each in map(object_of, names):
        place = re.search(rf"(?<![\w-]){re.escape(each['name'])}(?![\w-])", sentence)
        if place:
            named[place.start(), -len(each["name"])] = each
    head, colon, rest = sentence.partition(": ")
    if named or len(names) == 1:
        found = named[min(named)] if named else object_of(names[0])
        if colon and head.lower().endswith(found["name"].lower()) and len(head) <= len(found["name"]) + 20:
            sentence = rest
        else:
            for phrase in _phrases(found):
                if phrase in sentence:
                    sentence = sentence.replace(phrase, "", 1)
                    break
    elif colon and re.fullmatch(r"sg-\w+", head):
        found, sentence = object_of(f"security group {head}"), rest
    elif colon and any(head.lower().startswith(kind + " ") for kind in KINDS):
        found, sentence = object_of(head[0].lower() + head[1:]), rest
    elif alarm := re.search(r'\balarm "([^"]+)"', sentence):
        found, sentence = object_of(f"alarm {alarm[1]}"), re.sub(r'\s*"[^"]+"', "", sentence, count=1)
    else:
        found = object_of(f"host {host}")
    return found, _begun_small(sentence)


def _phrases(found: t.Mapping[str, str]) -> list[str]:
    """How a sentence mentions its object, to be left out beside the object."""
    kind, name = found["kind"], found["name"]
    app, slash, branch = name.partition("/")
    return ([f" of branch {branch} of app {app}"] if slash and kind == "branch" else []) + [f" of {kind} {name}"] + (
        [f' "{name}"', f" {name}"] if kind == "alarm" else []
    )


def _begun_small(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence


def _file(event: Event) -> str:
    """The name of the file that the task stands in."""
    return words.slug(re.sub(r"\.yml(:\d+)?$", "", event.path).rpartition("/")[2])


def _is_plan(event: Event) -> bool:
    """Preflight plans, and the role of the agent looks, whatever stage makes it look."""
    return "steps" in event.result and (event.stage == "preflight" or _file(event) == "look")


def _planned_stage(event: Event) -> str:
    """Preflight plans a stage by the stage's own tasks: their file has its name."""
    return "agent" if event.action.endswith(".limiter_agent") else _file(event)


def _facts(events: t.Sequence[Event], name: str) -> list[t.Any]:
    """The values that set_fact gave to a fact, one after the other."""
    given = [event.result.get("ansible_facts") for event in events]
    return [facts[name] for facts in given if isinstance(facts, dict) and name in facts]


def _made_by(event: Event, state: str, stage: str) -> list[Step]:
    """The steps that a result tells of, or the task itself if it changed something and tells of none. A look that changes nothing may tell of steps too."""
    names = _names(event)
    sentences = list(event.result.get("steps") or []) if event.result.get("changed") or _is_plan(event) else []
    if not sentences and event.result.get("changed"):
        sentences = [event.task.rpartition(" : ")[2]]
    measured = event.result.get("seconds")
    if not (isinstance(measured, list) and len(measured) == len(sentences)):
        measured = [event.seconds if len(sentences) == 1 and state == "done" else None] * len(sentences)
    return [_step(stage, *told(str(one), names, event.host), state, seconds) for one, seconds in zip(sentences, measured)]


def _step(stage: str, found: dict[str, str], sentence: str, state: str, seconds: t.Optional[float] = None) -> Step:
    return Step(f"{stage}/{found['id']}/{words.slug(sentence)}", stage, found, sentence, state, None if seconds is None else round(seconds, 1))


def _steps(events: t.Sequence[Event], run: Run, troubles: t.Sequence[Event], looks: bool) -> list[Step]:
    """looks: the run only looks for drift: what it plans is to do, and nothing is left of it."""
    made: list[Step] = [step for step in _planned(events, "to_do") if step.stage not in run.left_out] if looks else []
    state = "to_do" if run.check else "done"
    for event in events:
        if event.stage == "preflight" or event.state == "skipped" or _is_plan(event):
            continue
        if event.state == "started":
            made += _made_by(event, "done", event.stage) + _running(event)
        else:
            made += _made_by(event, state, event.stage)
        if event in troubles:
            made += _undone(event)
    if run.check:
        # Check mode cannot go on from where an earlier stage would lead to, and plans its steps once more.
        firsts: dict[tuple[str, str], Step] = {}
        for step in made:
            firsts.setdefault((step.object["id"], step.sentence), step)
        made = list(firsts.values())
    if (troubles or run.interrupted) and not looks:
        made += _not_reached(events, made)
    return sorted(made, key=lambda step: STAGES.index(step.stage) if step.stage in STAGES else len(STAGES))


def _names(event: Event) -> list[str]:
    """The objects of the result's differences."""
    return list(dict.fromkeys(str(one.get("object")) for one in event.result.get("differences") or [] if isinstance(one, dict)))


def _running(event: Event) -> list[Step]:
    """What a task that was stopped was at, as far as it has told it."""
    return [_step(event.stage, *told(str(event.result.get("running") or event.task.rpartition(" : ")[2]), _names(event), event.host), "running")]


def _undone(event: Event) -> list[Step]:
    """The step that failed, and those that its task did not come to."""
    names = _names(event)
    failed, *ahead = list(event.result.get("left") or []) or [event.task.rpartition(" : ")[2]]
    return [_step(event.stage, *told(str(failed), names, event.host), "failed")] + [
        _step(event.stage, *told(str(one), names, event.host), "not_reached") for one in ahead
    ]


def _planned(events: t.Sequence[Event], state: str) -> list[Step]:
    """The steps of the last look of each kind."""
    last = {(event.path, event.host): event for event in events if _is_plan(event)}.values()
    return [step for event in last for step in _made_by(event, state, _planned_stage(event))]


def _not_reached(events: t.Sequence[Event], made: t.Sequence[Step]) -> list[Step]:
    """What preflight has planned and no task came to."""
    seen, ahead = collections.Counter(map(_same_as_planned, made)), []
    for step in _planned(events, "not_reached"):
        key = _same_as_planned(step)
        if seen[key]:
            seen[key] -= 1
        else:
            ahead.append(step)
    return ahead


def _same_as_planned(step: Step) -> tuple[str, str, str]:
    """A cache may have another name by then, but no host has."""
    return TOGETHER.get(step.stage, step.stage), step.sentence, step.object["id"] if step.object["kind"] == "host" else ""


# Checks and failures

def _checks(events: t.Sequence[Event]) -> list[dict[str, t.Any]]:
    """The checks that were judged last: a fact `huntaze_checks`, made by verdicts.checks."""
    judged = [checks for checks in _facts(events, "huntaze_checks") if isinstance(checks, list)]
    return [{name: value for name, value in one.items() if name != "line"} for one in judged[-1]] if judged else []


def _troubles(events: t.Sequence[Event], run: Run, checks: t.Sequence[t.Mapping[str, t.Any]], blind: t.Sequence[t.Any]) -> list[Event]:
    """The failures that ended the run on a host: the last of each host, as others were rescued. One that tells failed checks is theirs.

    blind: what could not be looked at, which the playbook's own last task repeats
    """
    told = any(one["verdict"] == "failed" for one in checks) or bool(checks) and not verdicts.proven(checks)
    found = []
    for host in run.failed_hosts:
        last = next((event for event in reversed(events) if event.host == host and event.state in ("failed", "unreachable") and _file(event) != RESCUE), None)
        repeats = last and (told if last.stage == "verify" and last.action.endswith("assert") else blind and _file(last) == "drift")
        if last and not repeats:
            found.append(last)
    return found


def _tells_what_it_changed(event: Event) -> bool:
    if event.state == "unreachable":
        # ssh ends alike where it gets no connection and where it loses one in the middle of a task. Only a look changes nothing either way.
        return event.stage in LOOKS or _file(event) == "look"
    told = "steps" in event.result and not event.result.get("unanswered")
    return told or event.action.rpartition(".")[2] in CHANGES_NOTHING


def _failure(event: Event, steps: t.Sequence[Step]) -> dict[str, t.Any]:
    done = sum(step.state == "done" for step in steps)
    ahead = sum(step.state in ("failed", "not_reached") for step in steps)
    means = failures.meaning(event.result, event.state == "unreachable")
    left = f"goes on from here; {words.plural(ahead, 'step')} left" if done else ""
    return {
        "id": f"{event.stage}/host/{quote(event.host, safe='')}/{words.slug(event.task)}",
        "stage": event.stage,
        "task": words.clean(event.task.rpartition(" : ")[2]),
        "host": words.clean(event.host),
        "message": failures.message(event.result, event.state == "unreachable"),
        "meaning": means.says,
        "state": failures.state(event.result, _tells_what_it_changed(event)),
        "done": f"{words.plural(done, 'step')}, which {'stays' if done == 1 else 'stay'}: nothing has to be undone" if done else "",
        "next_run": ": ".join(filter(None, [means.once and f"once {means.once}", left])),
    }


# Drift

class _Drift(t.NamedTuple):
    records: list[dict[str, t.Any]]
    unseen: list[dict[str, t.Any]]  # records of the report before, of what this run did not look at
    blind: list[dict[str, t.Any]]  # what could not be looked at: stage, host, message
    notes: list[str]


def _drift(events: t.Sequence[Event], run: Run, asked: t.Mapping[str, t.Any], previous: t.Optional[t.Mapping[str, t.Any]]) -> _Drift:
    # Each look at everything ends with this fact.
    ends = [number for number, event in enumerate(events, 1) if _facts([event], "huntaze_unseen")]
    blind = _facts(events, "huntaze_unseen")[-1] if ends else []
    first = drift.found(_looks(events[:ends[0]] if ends else events, run))
    again = drift.found(_looks(events[ends[0]:ends[1]], run)) if len(ends) > 1 else None
    stages = set(_ran(run)) if ends else set()
    looked_at = stages - {TOGETHER.get(one["stage"], one["stage"]) for one in blind} if all(one["stage"] in stages for one in blind) else set()
    began = words.iso(run.began)
    records, unseen = drift.compared(first, again, previous, looked_at, began)
    history = [event.result for event in events if event.action.endswith("change_history_info") and event.state != "skipped"]
    notes = drift.not_comparable(_looks(events[ends[-2] if len(ends) > 1 else 0:], run))
    if history:
        records = drift.with_origins(records, history[-1].get("origins") or [])
        notes += [words.clean(note) for note in history[-1].get("notes") or []]
        if history[-1].get("msg"):
            notes.append(f"Since when it differs, and by whom, could not be looked up: {' '.join(words.lines_of(history[-1]['msg']))}")
    today = datetime.date.fromisoformat(began[:10])
    records, told = drift.with_acceptances(records, asked.get("accepted") or [], today, bool(ends) and not blind and not run.left_out and not run.limit)
    if unseen:
        notes.append(f"{words.plural(len(unseen), 'difference')} of the report before {'is' if len(unseen) == 1 else 'are'} of what this run did not look at.")
    return _Drift(records, unseen, blind, notes + told)


def _looks(events: t.Sequence[Event], run: Run) -> list[drift.Look]:
    """What the modules answered that preflight planned with, of the stages that this run has."""
    looks = []
    for event in events:
        stage, of_agent = _planned_stage(event), event.action.endswith(".limiter_agent")
        if event.stage == "preflight" and event.state == "ok" and stage in STAGES and stage not in (*LOOKS, *run.left_out):
            looks.append(drift.Look(stage, words.clean(event.host) if of_agent else None, event.action.rpartition(".")[2], event.result))
        cache = event.result.get("cache") if event.stage == "preflight" and event.action.endswith(".elasticache_info") else None
        if cache and cache.get("exists") is False:
            missing = drift.missing_cache(drift.options_of(event.result).get("name"))
            looks.append(drift.Look("auth_close", None, "elasticache_info", {"left_alone": [missing]}))
    return looks


def _blind(one: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What could not be looked at, as a failure."""
    host, stage = words.clean(one.get("host") or "localhost"), words.clean(one["stage"])
    message = "\n".join(words.lines_of(one["message"])) or "no reason given"
    return {
        "id": f"{stage}/host/{quote(host, safe='')}/{words.slug(words.headline(message))}", "stage": stage, "task": "Compare with what is declared",
        "host": host, "message": message, "meaning": "", "state": "", "done": "", "next_run": "",
    }


# What is said of the whole

def _objects(events: t.Sequence[Event]) -> int:
    """How many objects were compared with what is declared: rules, alarms, the cache, variables and build of a branch, agents' hosts."""
    compared: dict[t.Any, int] = {}
    for event in events:
        module = event.action.rpartition(".")[2]
        if "steps" in event.result:
            options = (event.result.get("invocation") or {}).get("module_args") or {}
            listed = options.get(LISTS.get(module))
            # The cache is looked at by two stages, an agent's host by preflight and its stage.
            key = (event.action, event.host) if module in ("elasticache_auth", "limiter_agent") else (event.path, event.host)
            compared[key] = len(listed) if isinstance(listed, list) else 1
    return sum(compared.values())


def _account(event: Event) -> t.Optional[str]:
    """What estate_info has read."""
    account = event.result.get("account")
    found = account.get("id") if isinstance(account, dict) else None
    return str(found) if re.fullmatch(r"\d{12}", str(found)) else None


def _region(event: Event) -> t.Optional[str]:
    region = ((event.result.get("invocation") or {}).get("module_args") or {}).get("region")
    return words.clean(region) if isinstance(region, str) and region else None


def _notes(events: t.Sequence[Event], failures: t.Sequence[t.Mapping[str, t.Any]], drift_run: bool) -> list[str]:
    notes = []
    reason = next((event.result["evidence"].get("reason") for event in events
                   if not _is_plan(event) and event.result.get("changed") and isinstance(event.result.get("evidence"), dict)), None)
    if reason:
        notes.append(f"The cache's token, as this run found it: {reason}.")
    if any(event.action.endswith("deployment_lock") and event.state == "ok" and event.result.get("lock", event) is None for event in events):
        notes.append("Nobody holds the lock.")
    # The verification goes on without it, so nothing else tells why.
    unread = [event.result["msg"] for event in events if event.action.endswith(".estate_info") and event.state == "ok" and event.result.get("msg")]
    if unread:
        notes.append(f"Nothing of what AWS says could be read: {' '.join(words.lines_of(unread[-1]))}")
    alarms = [event.result for event in events if event.action.endswith("cloudwatch_alarms") and event.state != "skipped"]
    if drift_run:
        pass  # a muted alarm is a difference there
    elif alarms and alarms[-1].get("muted"):
        notes.append(
            f"MUTED: {', '.join(alarms[-1]['muted'])}: actions are off, so nobody is told. "
            "Turn them on again once the incident is over: actions_enabled: true, or the CloudWatch console."
        )
    elif alarms and (reason := " ".join(words.lines_of(alarms[-1].get("msg") or ""))):
        # A run that only verifies goes on without this look. Other runs fail for it, and their failure tells it.
        if not any(reason in failure["message"].replace("\n", " ") for failure in failures):
            notes.append(f"Which alarms are muted is not known: {reason}")
    return [words.clean(note) for note in notes]


def _outcome(
    made: t.Mapping[str, t.Any], run: Run, stopped: t.Sequence[str], idle: bool, asked: t.Optional[t.Mapping[str, t.Any]],
) -> dict[str, t.Any]:
    """stopped: the stages of the failures; idle: no task ran; asked: what drift.yml asks of its report."""
    if run.running:
        return _said("running", "The run is under way", None, None)
    states = collections.Counter(step["state"] for step in made["steps"])
    judgements = collections.Counter(one["verdict"] for one in made["checks"])
    judged = [f"{judgements[name]} {words.VERDICTS[name]}" for name in ("ok", "not_verified", "skipped") if judgements[name]]
    said = ", ".join([re.sub(r"^(\d+)", lambda found: words.plural(int(found[1]), "check"), judged[0]), *judged[1:]]) if judged else ""
    done, ahead = states["done"], states["failed"] + states["not_reached"] + states["running"]
    stages = len({step["stage"] for step in made["steps"]})
    at = f" at step {done + 1} of {done + ahead}" if done + ahead > 1 and stopped[:1] != ["preflight"] else ""
    # A cause counts where something failed that it may explain.
    explained = made["causes"] and (made["failures"] or judgements["failed"])
    said_why, remedy = outcome_of(made["causes"]) if explained else ("", "")
    once = re.match(r"once .+?(?=: goes on|$)", made["failures"][0]["next_run"]) if len(made["failures"]) == 1 else None
    retry = remedy or f"{run.again}   # {once[0] if once else 'once what is told below is mended'}"
    if made["failures"]:
        first = made["failures"][0]
        others = f", and {words.plural(len(made['failures']) - 1, 'other failure')}" if len(made["failures"]) > 1 else ""
        if not stopped:
            return _said("failed", f"Not everything could be looked at: {words.headline(first['message'])}{others}", drift.effect(made), retry)
        why = (said_why or words.headline(first["message"])) + others
        if remedy and run.command == "deploy":
            # The stages of a remedy are not all that a deployment has left that stopped half-way.
            retry = re.sub(r"(deploy.*?) --tags \S+(   # .*)", r"\1\2, and goes on", retry)
        return _said("failed", f"Stopped in {first['stage']}{at}: {why}", _effect(made, done), retry)
    if run.interrupted:
        where = next((step["stage"] for step in made["steps"] if step["state"] == "running"), None)
        # Ansible ends itself alike for Ctrl-C and for an error of its own, such as an undefined variable in a play's hosts.
        sentence = f"Stopped before its end{f' in {where}' if where else ''}{at} (Ctrl-C, or the error above)"
        return _said("failed", sentence, _effect(made, done), run.again)
    if asked is not None:
        if run.stages and not _ran(run):
            return _said("failed", "Nothing was compared: this run left out every stage", drift.effect(made), None)
        if drift.active(made["drift"]):
            acting = _acting(run) + (" --correct" if run.program else " -e huntaze_drift_correct=true")
            return _said("drift", *drift.outcome(made, acting, bool(asked.get("correct")) and not run.check))
    effect = f"{words.plural(done, 'step is', 'steps are')} done." if done else None
    if judgements["failed"]:
        failed = [f"{words.target(one['to'])} from {one['from']}" for one in made["checks"] if one["verdict"] == "failed"]
        what = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
        sentence = said_why or f"{words.plural(len(failed), 'check')} failed: {what}"
        return _said("failed", sentence, " ".join(filter(None, [effect, _for_clients(made["checks"])])) or None, remedy or _to_look_for_drift(run))
    if run.stages and idle:
        again = run.again.replace(words.clean(f" --limit {shlex.quote(run.limit)}"), "")
        why = f"--limit {words.clean(run.limit)} left nothing to run" if run.limit else "from its beginning"
        return _said("failed", "Nothing was looked at: no task ran", _effect(made, 0), f"{again}   # {why}")
    if judgements["not_verified"] and not run.check and not verdicts.proven(made["checks"]):
        settings = " but the cache's settings" if judgements["ok"] else ""
        sentence = f"Nothing could be verified{settings}: {words.plural(judgements['not_verified'], 'check')} not verified from here"
        return _said("failed", sentence, effect, f"{run.again}   # once the reasons below are mended")
    if run.failed_hosts:
        return _said("failed", f"Failed on {words.joined(list(run.failed_hosts))}", _effect(made, done), retry)
    if states["to_do"] and asked is None:
        sentence = f"{words.plural(states['to_do'], 'step')} to do in {words.plural(stages, 'stage')}; nothing was done"
        return _said("to_do", sentence, None, _acting(run))
    scope = f" by {', '.join(_ran(run))}" if set(run.left_out) - {"verify"} and _ran(run) else ""
    if done:
        whole = run.command == "deploy" and not made["run"]["left_out"] and judgements["ok"]
        right = sum(one["state"] == "gone" and one["action"] == drift.PUT_RIGHT for one in made["drift"])
        begin = "The AI system is up: " if whole else f"{words.plural(right, 'field')} put right: " if right else ""
        return _said("changed", begin + ", ".join(filter(None, [f"{words.plural(done, 'step')} done{scope}", said])))
    if not set(run.stages) - {"preflight", "verify"} - set(run.left_out):
        return _said("clean", ", ".join(filter(None, ["Looked only, nothing was compared" if run.stages else "Nothing was changed", said])))
    objects = made["run"]["objects"]
    if asked is not None:
        accepted = sum(bool(one["accepted"]) for one in made["drift"])
        beyond = f" beyond {words.plural(accepted, 'accepted field')}" if accepted else ""
        return _said("clean", f"Nothing differs{beyond}{scope}: " + ", ".join(filter(None, [f"{words.plural(objects, 'object')} looked at", said])))
    return _said("clean", f"Nothing to do{scope}: " + ", ".join(filter(None, [f"{words.plural(objects, 'object')} as declared", said])))


def _for_clients(checks: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """What failed checks mean for the app now: whether the agents decide. Empty where nobody asked them."""
    asked = [one["verdict"] == "ok" for one in checks if one["from"] == "controller" and one["to"].startswith("agent/") and one["verdict"] in ("ok", "failed")]
    if not asked:
        return ""
    if all(asked):
        return "Each agent decides as declared."
    # What kept the controller from a decision may not keep the app.
    some = f"{sum(asked)} of {words.plural(len(asked), 'agent')} {'decides' if sum(asked) == 1 else 'decide'}" if any(asked) else "no agent decides"
    return f"Asked from the controller, {some} as declared."


def _to_look_for_drift(run: Run) -> str:
    """What to run where checks have failed: a deployment may have left alone what they failed for."""
    if run.command not in ("deploy", "verify"):
        return f"{run.again}   # once the reasons below are mended"
    return _playbook(run, "drift") + "   # tells what differs, and what a run does about it"


def _playbook(run: Run, name: str) -> str:
    """The command line of another playbook of this collection, as the operator started this one."""
    if run.command not in OWN_PLAYBOOKS:
        return f"ansible-playbook {'deploy.yml' if name == 'deploy' else f'playbooks/{name}.yml'}"
    own = run.again.replace(run.program, "ansible-playbook", 1) + f" {run.playbook}" if run.program else run.again
    whole = re.sub(r" --(?:(?:tags|skip-tags) \S+|check|diff|correct)(?= |$)", "", own)
    named = re.sub(rf"(?<=[ /]){run.command}(?=\.ya?ml( |$))|(?<=\.){run.command}(?= |$)", name, whole, count=1)
    # The root of a clone has deploy.yml alone.
    return named if name == "deploy" else named.replace(f" {name}.", f" playbooks/{name}.")


def _acting(run: Run) -> str:
    """The command line of this run, but for check mode."""
    return run.again.replace(" --check", "").replace(" --diff", "")


def _ran(run: Run) -> list[str]:
    return [stage for stage in run.stages if stage not in run.left_out and stage not in ("preflight", "verify")]


def _said(word: str, sentence: str, effect: t.Optional[str] = None, following: t.Optional[str] = None) -> dict[str, t.Any]:
    return {"word": word, "sentence": sentence, "effect": effect, "next": following}


def _effect(made: t.Mapping[str, t.Any], done: int) -> str:
    untold = any(failure["state"].startswith((failures.UNTOLD, failures.UNANSWERED)) for failure in made["failures"])
    unknown = untold or any(step["state"] == "running" for step in made["steps"])
    if made["run"]["mode"] == "check":
        return "Nothing was changed: this run only looked."
    if done:
        running = " What was running may be done too." if any(step["state"] == "running" for step in made["steps"]) else ""
        return f"{words.plural(done, 'step is', 'steps are')} done and {'stays' if done == 1 else 'stay'}; the next run goes on from there.{running}"
    return "What the task had changed by then is not known; no step before it had." if unknown else "Nothing was changed."
