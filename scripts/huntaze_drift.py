# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the playbook drift.yml of this collection and answers by an exit status that CI and timers can use.

  0  clean: everything that tags and --limit leave in was looked at, and is as declared, is accepted or was corrected
  2  drift: something differs that nobody has accepted
  1  anything else: the look failed, nothing was looked at, a report could not be written, it was stopped

All arguments but those below go to ansible-playbook: -i, -e, --tags, --limit, --vault-password-file, -v, ...
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLEAN, FAILED, DRIFT = 0, 1, 2
STATUS = {"clean": CLEAN, "changed": CLEAN, "drift": DRIFT, "to_do": DRIFT}
REPORT, QUIET = "huntaze.ai_system.report", "huntaze.ai_system.quiet"


def main(arguments: t.Sequence[str]) -> int:
    parser = argparse.ArgumentParser("huntaze-drift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--correct", action="store_true", help="correct what is found, and prove that nothing is left")
    ours, others = parser.parse_known_args(arguments)
    environ = environment()
    own = settings(environ)
    with tempfile.TemporaryDirectory(prefix="huntaze-drift-") as directory:
        told = Path(directory, "outcome.json")
        look = [playbook("drift"), *others, *(["-e", "huntaze_drift_correct=true"] if ours.correct else [])]
        try:
            ended, stopped = run(look, {**environ, **callbacks(own, report=True), "HUNTAZE_REPORT_OUTCOME": str(told), "HUNTAZE_REPORT_PROGRAM": program()})
        except OSError as error:
            return failed(f"ansible-playbook cannot be started: {error.strerror}. Install Ansible, or put its directory into PATH.")
        outcome = outcome_in(told)
        answer = status(ended, stopped, outcome)
        if outcome.get("metrics") and not stopped and not publish(answer, outcome, others, {**environ, **callbacks(own, report=False)}):
            return failed("the metrics of this run were not published.")
        return answer


def status(ended: int, stopped: bool, outcome: t.Mapping[str, t.Any]) -> int:
    """The answer of this run: by what its report says, and never clean where Ansible itself failed."""
    if stopped:
        return failed("stopped before its end.")
    if not outcome:
        return failed(f"ansible-playbook ended with status {ended} and made no report.")
    if outcome["unwritten"]:
        return FAILED
    answer = STATUS.get(outcome["word"], FAILED)
    # A check that failed because of what differs ends the run as a failure, and its report says drift.
    if ended and answer == CLEAN:
        return failed(f"ansible-playbook ended with status {ended}, although its report says {outcome['word']}.")
    return answer


def publish(answer: int, outcome: t.Mapping[str, t.Any], arguments: t.Sequence[str], environ: t.Mapping[str, str]) -> bool:
    """Tell CloudWatch how the run ended, by a playbook that has the inventory's account and credentials; whether it was told.

    The run itself cannot: it may die at any point. What was not looked at is never told as clean.
    """
    metrics: dict[str, float] = {"DriftRunFailed": int(answer == FAILED)}
    if answer != FAILED:
        metrics.update(DriftDetected=outcome["drift"], DriftRunAge=0)
    elif outcome["age_s"] is not None:
        metrics["DriftRunAge"] = outcome["age_s"]
    told = ["-e", json.dumps({"huntaze_drift_metrics": metrics})]
    return run([playbook("drift_metrics"), *arguments, *told], environ) == (0, False)


def failed(reason: str) -> int:
    print(f"huntaze-drift: {reason}", file=sys.stderr, flush=True)
    return FAILED


def outcome_in(file: Path) -> dict[str, t.Any]:
    """What the report of this run says; nothing where none was made. The file was not there before, so it is of no other run."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def run(arguments: t.Sequence[str], environ: t.Mapping[str, str]) -> tuple[int, bool]:
    """How ansible-playbook ended, and whether it was stopped on its way: by Ctrl-C, upon which it still says what was done."""
    stops: list[int] = []
    process: t.Optional[subprocess.Popen[bytes]] = None
    at_terminal = is_in_foreground()

    def stop(number: int, frame: t.Any) -> None:
        # Ctrl-C at a terminal reaches ansible-playbook too, and a second one would end it in the middle of its report.
        if process and not stops and not (number == signal.SIGINT and at_terminal and is_in_foreground()):
            process.send_signal(signal.SIGINT)
        stops.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    # A shell that starts something in the background has it ignore Ctrl-C; what has a handler here does its default there.
    # Without a terminal, what stops a whole group of processes would reach Ansible too: a second Ctrl-C ends it without a report.
    process = subprocess.Popen(["ansible-playbook", *arguments], env=environ, preexec_fn=None if at_terminal else os.setpgrp)
    if stops:
        process.send_signal(signal.SIGINT)
    return process.wait(), bool(stops)


def is_in_foreground() -> bool:
    """Whether a terminal sends its Ctrl-C to this process and those that it starts."""
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def is_clone() -> bool:
    return (ROOT / "ansible.cfg").is_file()


def playbook(name: str) -> str:
    return os.path.relpath(ROOT / "playbooks" / f"{name}.yml") if is_clone() else f"huntaze.ai_system.{name}"


def program() -> str:
    """What starts this again, from here."""
    near, path = (str(make(ROOT / "scripts" / "huntaze-drift")) for make in (os.path.relpath, os.path.abspath))
    return path if near.startswith(os.pardir) else near


def environment() -> dict[str, str]:
    """The caller's. In a clone, its settings and its virtual environment count where the caller has no others. Each line is seen at once, also in a pipe."""
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if is_clone():
        environ.setdefault("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
        environ["PATH"] = os.pathsep.join([environ.get("PATH", os.defpath), str(ROOT / ".venv" / "bin")])
    return environ


def callbacks(own: t.Mapping[str, t.Any], report: bool) -> dict[str, str]:
    """The caller's own, and the report's or not; what Ansible itself prints of a run that goes well is left out."""
    others = [name for name in own.get("CALLBACKS_ENABLED", ()) if name != REPORT]
    return {
        "ANSIBLE_CALLBACKS_ENABLED": ",".join(others + [REPORT] * report) or QUIET,  # Ansible takes no empty list
        "ANSIBLE_STDOUT_CALLBACK": own.get("DEFAULT_STDOUT_CALLBACK", QUIET) if report else QUIET,
    }


def settings(environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The settings of Ansible that are not its defaults."""
    asked = subprocess.run(["ansible-config", "dump", "--only-changed", "--format", "json"], env=environ, stdout=subprocess.PIPE, check=False)
    try:
        return {one["name"]: one["value"] for one in json.loads(asked.stdout) if "name" in one}
    except ValueError:
        return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
