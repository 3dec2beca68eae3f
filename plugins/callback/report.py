# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: aggregate
short_description: Says at the end of a run what was done and what was verified
version_added: 0.1.0
description:
  - Gathers the steps, the differences and the failures that tasks return, and the judgements of
    P(huntaze.ai_system.verification_verdicts#filter).
  - Prints one report at the end of the run, also if the run fails or is stopped with Ctrl-C or SIGTERM. Its length follows trouble.
    A run in which no task ran, or no check could be made, is not called clean.
  - Secrets are in none of it. Control characters of what others said are taken out.
  - A playbook may keep the reports of its runs in a directory. C(drift.yml) of this collection does, as C(huntaze_drift) of its inventory says. Of such a
    run a report that says C(running) is there from its beginning, and a run whose report cannot be written reads FAILED.
options:
  json:
    description:
      - A file to write the report to, as JSON. Its form is C(docs/report.schema.json) of this collection.
      - The file is replaced if it is there. Only its owner may read it. If it cannot be written, a warning says why, and the report is printed all the same.
    type: path
    env:
      - name: HUNTAZE_REPORT_JSON
    ini:
      - section: callback_huntaze_report
        key: json
  markdown:
    description: The same as Markdown, for a comment or the summary of a CI job.
    type: path
    env:
      - name: HUNTAZE_REPORT_MARKDOWN
    ini:
      - section: callback_huntaze_report
        key: markdown
  html:
    description: The same as one page that loads nothing from elsewhere.
    type: path
    env:
      - name: HUNTAZE_REPORT_HTML
    ini:
      - section: callback_huntaze_report
        key: html
  outcome:
    description:
      - A file for the program that started the run. It gets one line of JSON once the run has ended and its reports are written - C(word) and C(sentence)
        of the outcome, C(unwritten) (why reports that were asked for are not there), C(drift) (how many differences stand that nobody has accepted),
        C(metrics) (whether they are to be published) and C(age_s) (seconds since a run last looked at everything, this one or one before).
      - C(scripts/huntaze-drift) of this collection sets it.
    type: path
    env:
      - name: HUNTAZE_REPORT_OUTCOME
  program:
    description: The program that started the run, as a shell names it. The command that the report says is next begins with it instead of C(ansible-playbook).
    type: str
    env:
      - name: HUNTAZE_REPORT_PROGRAM
requirements:
  - to be enabled in C(callbacks_enabled)
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

import atexit
import json
import os
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

import yaml

from ansible import constants as C
from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.utils.color import ANSIBLE_COLOR
from ansible_collections.huntaze.ai_system.plugins.plugin_utils import _journal
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import drift, files, model
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import terminal


# The extra variable that a program gives for its --correct.
CORRECTS = "huntaze_drift_correct=true"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "huntaze.ai_system.report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.events = []
        self.started = {}
        self.play = None
        self.began = None
        self.playbooks = []
        self.stages = []
        self.left_out = []
        self.told = False
        self.options = {}
        self.previous = None
        self.notes = []

    def v2_playbook_on_start(self, playbook):
        tags, skipped = context.CLIARGS.get("tags") or ["all"], context.CLIARGS.get("skip_tags") or []
        for play in playbook.get_plays():
            stage = self.stage_of(play)
            if stage in model.STAGES and stage not in self.stages:
                self.stages.append(stage)
                if not model.is_chosen(play.tags, tags, skipped):
                    self.left_out.append(stage)
        if self.began is None:
            self.began = time.time()
            _journal.begin()
            # A run that is stopped half-way, by Ctrl-C or by an error of Ansible's own, never comes to its statistics.
            atexit.register(self.at_exit, os.getpid())
            signal.signal(signal.SIGTERM, as_ctrl_c(os.getpid()))

    def v2_playbook_on_play_start(self, play):
        self.play = play

    def v2_runner_on_start(self, host, task):
        self.started[host.get_name(), task._uuid] = (time.time(), self.event(host.get_name(), task, "started", {}))

    def v2_runner_on_ok(self, result):
        self.ended(result, "ok")

    def v2_runner_on_skipped(self, result):
        self.ended(result, "skipped")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.ended(result, "ok" if ignore_errors else "failed")

    def v2_runner_on_unreachable(self, result):
        self.ended(result, "skipped" if result._task.ignore_unreachable else "unreachable")

    def v2_playbook_on_stats(self, stats):
        self.tell([host for host in stats.processed if stats.failures.get(host) or stats.dark.get(host)])

    def at_exit(self, process):
        if process == os.getpid() and not self.told:
            self.events += [event._replace(result=_journal.result_of(*of)) for of, (dummy, event) in self.started.items()]
            self.tell([], interrupted=True)

    @staticmethod
    def stage_of(play):
        return next((stage for stage in model.STAGES if stage in play.tags), model.words.slug(play.get_name()))

    def event(self, host, task, state, result, seconds=0.0):
        return model.Event(self.stage_of(self.play), self.play.get_name(), task.get_name(), task.action, task.get_path() or "", host, state, result, seconds)

    def ended(self, result, state):
        host, task = result._host.get_name(), result._task
        since, dummy = self.started.pop((host, task._uuid), (time.time(), None))
        self.events.append(self.event(host, task, state, result._result, time.time() - since))
        if not self.options and (options := model.options(self.events[-1:])):
            self.options = options
            self.begin_directory()

    @property
    def program(self):
        return model.words.clean(shlex.quote(self.get_option("program"))) if self.get_option("program") else ""

    @property
    def directory(self):
        return self.options.get("directory") or None

    def begin_directory(self):
        """Read the report before, and leave one of this run for the case that it never comes to its end."""
        if self.directory:
            self.previous, self.notes = files.previous(self.directory, model.words.iso(self.began))
            self.write(self.report(running=True))

    def report(self, **of_run):
        report = model.report(self.events, model.Run(
            command=command(), again=again(self.program), program=self.program, playbook=playbook() if self.program else "",
            check=bool(context.CLIARGS.get("check")), began=self.began, ended=time.time(), collection=version(),
            stages=self.stages, left_out=self.left_out, limit=context.CLIARGS.get("subset") or "", **of_run,
        ), previous=self.previous)
        report["notes"] += self.notes
        return report

    def write(self, report):
        """Write it wherever it was asked for; warn of what could not be written."""
        written = files.write_each(report, [(form, Path(self.get_option(form))) for form in files.FORMS if self.get_option(form)])
        if self.directory:
            kept = files.write(report, self.directory, self.options.get("formats") or (), int(self.options["keep"]))
            written = files.Written(written.paths + kept.paths, written.problems + kept.problems)
        for problem in written.problems:
            self._display.warning(problem)
        return written

    def tell(self, failed_hosts, interrupted=False):
        self.told = True
        report = self.report(failed_hosts=failed_hosts, interrupted=interrupted)
        written = self.write(report)
        if self.options and written.problems:
            found = f"The run found: {report['outcome']['sentence']}"
            report["outcome"] = {"word": "failed", "sentence": written.problems[0], "effect": found, "next": f"{again()}   # once it can be written"}
        encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
        lines = terminal.render(
            report, width=shutil.get_terminal_size((terminal.WIDEST, 24)).columns, colour=ANSIBLE_COLOR, ascii_only=not (ANSIBLE_COLOR and "utf" in encoding),
            full=self._display.verbosity > 0, written=[path for path in written.paths if not files.NAME.fullmatch(Path(path).name)],
        )
        self._display.display("\n".join(lines))
        if self.get_option("outcome"):
            files.put(Path(self.get_option("outcome")), json.dumps(self.outcome(report, written.problems)) + "\n")

    def outcome(self, report, unwritten):
        """For the program that started the run."""
        return {
            "word": report["outcome"]["word"],
            "sentence": report["outcome"]["sentence"],
            "unwritten": unwritten,
            "drift": len(drift.active(report["drift"])),
            # What tags or --limit left out was not looked at, so the run tells CloudWatch nothing.
            "metrics": bool(self.options.get("metrics")) and not report["run"]["left_out"],
            "age_s": files.age(report, self.directory, time.time()),
        }


def as_ctrl_c(run):
    """What CI and systemd stop runs with ends `run` as Ctrl-C does, with a report. Its workers get it from Ansible."""
    def stop(number, dummy):
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT if os.getpid() == run else number)

    return stop


def playbook():
    return str((context.CLIARGS.get("args") or ["run"])[0])


def command():
    """deploy, verify, drift: the playbook's name without collection and folder."""
    return Path(playbook()).name.removesuffix(".yml").removesuffix(".yaml").rpartition(".")[2]


def again(program=""):
    """The command line as it was given, but for the values of extra variables, as they may be secrets. A program names its playbook itself."""
    given = context.CLIARGS
    words, variables = [], list(given.get("extra_vars") or ())
    default = {os.path.abspath(str(path)) for path in C.DEFAULT_HOST_LIST}
    for inventory in given.get("inventory") or []:
        if os.path.abspath(str(inventory)) not in default:
            near = os.path.relpath(inventory) if os.path.exists(inventory) else str(inventory)
            words += ["-i", str(inventory) if near.startswith("..") else near]
    words += [] if program else map(str, given.get("args") or [])
    for option, name in (("tags", "--tags"), ("skip_tags", "--skip-tags")):
        chosen = [tag for tag in given.get(option) or [] if tag != "all"]
        words += [name, ",".join(chosen)] if chosen else []
    words += ["--limit", given["subset"]] if given.get("subset") else []
    words += [name for option, name in (("check", "--check"), ("diff", "--diff")) if given.get(option)]
    if program and CORRECTS in variables:
        variables.remove(CORRECTS)
        words.append("--correct")
    return model.words.clean(" ".join(filter(None, [program or "ansible-playbook", shlex.join(words)])) + (" -e ..." if variables else ""))


def version():
    """The collection's, from its manifest or, in a clone, from galaxy.yml."""
    root = Path(__file__).parents[2]
    try:
        return json.loads((root / "MANIFEST.json").read_text())["collection_info"]["version"]
    except FileNotFoundError:
        return str(yaml.safe_load((root / "galaxy.yml").read_text())["version"])
