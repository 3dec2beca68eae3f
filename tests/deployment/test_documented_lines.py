# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command that the documents show is run as they show it, in an empty directory; one that is not has its reason here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from support import sandboxes

PROGRAMS = Path(sys.executable).parent
DOCUMENTS = sorted(
    name for name in subprocess.run(["git", "ls-files", "*.md"], cwd=sandboxes.REPOSITORY, capture_output=True, text=True, check=True).stdout.split()
    if name != "CHANGELOG.md"
)
# What a block without a language holds is commands. Others say what they are.
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = ("", "sh", "shell", "bash", "console")
OTHERS = ("json", "yaml", "text", "python", "mermaid", "typescript", "http")

PATIENCE = 600.0  # seconds for the commands of one document

NOT_RUN = {
    "make deploy": "The scenario `default` and test_deploy.py run the same deployment.",
    "make test": "This is a part of it.",
    "curl --cacert": "No agent runs in this test. test_agents.py asks agents over HTTPS.",
    "ansible-playbook -i inventories/production deploy.yml": "The line before runs it in check mode. test_deploy.py runs it on the sandbox's inventory.",
    "scripts/huntaze-drift -i inventories/production": "Its status is 2 on an estate that is not deployed. test_drift_entry.py runs it on the sandbox's inventory.",
    "scripts/huntaze-drift -i inventories/production --correct": "As the line before.",
    "ansible-playbook -i production huntaze.ai_system.verify": "It is the last stage of the line before.",
}


def commands_of(document: str) -> list[str]:
    """Its command lines, continued ones as one, without what stands after `#`."""
    lines = []
    for block in BLOCK.finditer((sandboxes.REPOSITORY / document).read_text()):
        if block["language"] in COMMANDS:
            lines += re.sub(r"\\\n\s*", "", block["text"]).splitlines()
    return [line for line in (re.sub(r"\s+# .*$", "", line).strip() for line in lines) if line]


def is_run(command: str) -> bool:
    return command not in NOT_RUN and not any(command.startswith(beginning + " ") for beginning in NOT_RUN if beginning.startswith("curl"))


class Answer(t.NamedTuple):
    rc: int
    output: str


def answers(commands: list[str], directory: Path, environment: dict[str, str]) -> dict[str, Answer]:
    """What each command ended with, all in one shell, as a reader types them one after the other."""
    script, log = directory.parent / "commands.sh", directory.parent / "commands.log"
    script.write_text("".join(f"{command}\nprintf '\\n<end %d>\\n' $?\n" for command in commands))  # a file, as it holds secrets
    with open(log, "w") as output, subprocess.Popen(
        ["bash", str(script)], cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
    ) as shell:
        try:
            shell.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
    printed = log.read_text()
    parts = re.split(r"\n<end (\d+)>\n", printed)
    assert len(parts) == 2 * len(commands) + 1, f"not ended after {PATIENCE} s:\n{printed}"
    return {command: Answer(int(rc), output) for command, output, rc in zip(commands, parts[::2], parts[1::2])}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone holds, and the virtual environment that `make` would make in it."""
    directory = tmp_path / "clone"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=sandboxes.REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, tracked):
        source, target = sandboxes.REPOSITORY / name, directory / name
        if source.exists() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    (directory / ".venv").symlink_to(PROGRAMS.parent)
    return directory


@pytest.fixture
def environment(sandbox: sandboxes.Sandbox, tmp_path: Path) -> dict[str, str]:
    """A stranger's: an empty home, and the account of the sandbox as AWS's own variables name it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTEST", "HUNTAZE_", "AWS_")) and name != "PYTHONPATH"}
    home = tmp_path / "home"
    home.mkdir()
    return {**kept, **sandbox.environment, "HOME": str(home), "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", "PIP_NO_INPUT": "1"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_kind_33_every_block_says_what_it_holds(document: str) -> None:
    text = (sandboxes.REPOSITORY / document).read_text()
    languages = [block["language"] for block in BLOCK.finditer(text)]
    assert 2 * len(languages) == len(re.findall(r"^```", text, re.MULTILINE))
    assert set(languages) <= {*COMMANDS, *OTHERS}


def test_kind_33_every_documented_command_is_looked_at() -> None:
    assert {document for document in DOCUMENTS if commands_of(document)} == {"README.md", "tests/sandbox/README.md"}
    documented = commands_of("README.md")
    assert all(any(command.startswith(reasoned) for command in documented) for reasoned in NOT_RUN), "a reason is left of a line that is gone"


def test_kind_33_readmes_commands_do_what_it_says(sandbox, estate, run_module, clone: Path, environment: dict[str, str]) -> None:
    # The network and the cache as `make deploy` leaves them.
    let_in = run_module("security_group_ingress", {
        "group_id": estate["cache_security_group_id"],
        "rules": [{"ip_protocol": "tcp", "from_port": 6379, "to_port": 6379, "referenced_group_id": estate["limiter_security_group_id"]}],
    })
    assert let_in.rc == 0, let_in.output
    secured = run_module("elasticache_auth", {
        "name": "huntaze-redis-production", "replication_group_id": "huntaze-redis", "transit_encryption_mode": "required",
        "auth_token": estate["auth_token"], "auth_token_update_strategy": "SET", "tls_ca_file": estate["ca_file"],
    })
    assert secured.rc == 0, secured.output
    say_who_runs_agents(clone)
    commands = [filled(command, estate) for command in commands_of("README.md") if is_run(command)]
    given = {**environment, "AWS_ENDPOINT_URL": estate["endpoint_url"], "AWS_ACCESS_KEY_ID": estate["access_key"], "AWS_SECRET_ACCESS_KEY": estate["secret_key"]}

    answered = answers(commands, clone, given)

    failed = {command: answer for command, answer in answered.items() if answer.rc}
    assert not failed, "\n".join(f"{command}: {answer.rc}\n{answer.output}" for command, answer in failed.items())
    told = {beginning: answer.output for beginning in SAID for command, answer in answered.items() if command.startswith(beginning)}
    assert {beginning: said for beginning, said in SAID.items() if said not in told[beginning]} == {}, told
    assert not [command for command, answer in answered.items() if "Traceback" in answer.output or "Nothing to do" in answer.output]


SAID = {
    "make help": "make deploy",
    ".venv/bin/aws elasticache": '"required"',
    "redis-cli": "NOAUTH Authentication required.",
    "REDISCLI_AUTH": "PONG",
    "ansible-galaxy collection install": "was installed successfully",
    "ansible-playbook -i production huntaze.ai_system.deploy": "PLAY RECAP",
}


def filled(command: str, estate: dict[str, t.Any]) -> str:
    """The command with the values that a reader puts in place of the dots."""
    values = {
        "HUNTAZE_AWS_ACCOUNT_ID": estate["account_id"],
        "HUNTAZE_CACHE_AUTH_TOKEN": estate["auth_token"],
        "HUNTAZE_LIMITER_SECURITY_GROUP_ID": estate["limiter_security_group_id"],
        "HUNTAZE_LIMITER_URL": "https://limiter.acme-creators.com",
        "HUNTAZE_DATABASE_PASSWORD": estate["database"]["password"],
        "HUNTAZE_DATABASE_CA_FILE": estate["ca_file"],
        "HUNTAZE_AMPLIFY_APP_ID": estate["app_id"],
        "HUNTAZE_GEMINI_API_KEY": "a-key",
        "HUNTAZE_APP_URL": "https://app.acme-creators.com",
        "HUNTAZE_ALARM_TOPIC_ARN": f"arn:aws:sns:us-east-1:{estate['account_id']}:operators",
        "HUNTAZE_LOAD_BALANCER_SECURITY_GROUP_ID": estate["limiter_security_group_id"],
    }
    for name, value in values.items():
        command = re.sub(rf"\b{name}=(\S*\.\.\.|\$\(.*?\))", f"{name}='{value}'", command)
    assert "..." not in command, command
    return command


def say_who_runs_agents(clone: Path) -> None:
    """README asks for the hosts of the agents, or for the word that other tools run them: there is no host for them here."""
    variables = clone / "inventories" / "production" / "group_vars" / "all.yml"
    text = variables.read_text()
    assert "agents: deployed" in text
    variables.write_text(text.replace("agents: deployed", "agents: elsewhere"))


def test_kind_33_the_sandboxs_commands_do_what_its_readme_says(clone: Path, environment: dict[str, str], tmp_path: Path) -> None:
    with sandboxes.free_network() as network:
        own = {**environment, "HUNTAZE_SANDBOX_STATE": str(tmp_path / "state"), "HUNTAZE_SANDBOX_NETWORK": network}
        answered = answers(commands_of("tests/sandbox/README.md"), clone, own)
    failed = {command: answer for command, answer in answered.items() if answer.rc}
    assert not failed, "\n".join(f"{command}: {answer.rc}\n{answer.output}" for command, answer in failed.items())
