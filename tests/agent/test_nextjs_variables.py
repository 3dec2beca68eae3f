# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a variable from Amplify's build to server code: the example's amplify.yml, and the real @next/env that reads what it wrote."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.dotenv import lost_by_plain_build, plain_build_problems
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples/nextjs"
NODE = Path(__file__).parent / "node"
COMMANDS = yaml.safe_load((EXAMPLE / "amplify.yml").read_text())["frontend"]["phases"]["build"]["commands"]
PACKAGES = ["next-env-15", "next-env-16"]
# What the line often seen loses, each with something of why.
LOST = {
    "a#b": "#", "a #b": "#", "#": "#", "a$b": "$", "a${b}": "$", r"a\$b": "$", "$1x": "$", "p$$w": "$", '"a"': "quotation", "'a'": "quotation",
    "`a`": "quotation", "'a' #": "quotation", '"': "quotation", "a ": "blank", " a": "blank", "a\t": "blank", "a\u00a0": "blank", "\ufeffa": "blank",
    "a\nb": "line", "a\n": "line", "a\rb": "line", "a\r\nb": "line", "a\u2028'b'": "line", "-----BEGIN KEY-----\nMIIE\n-----END KEY-----\n": "line",
}
# What it passes on.
KEPT = [
    "", "plain", "a=b", "=a", "a b", "it's", 'say "x"', "a\\", r"a\nb", "a\\\\", "US$", "$", "a$ b", "a$-b", "ümläut ☃ 😀", "a:b/c?d=e&f=g%20@h", "x" * 5500,
]
HARD = [
    "\r", "\r\n", "a\r\nb\r", "'\"`", "'\"`\r\n\\", "\\", "\\'", "'\\", "`'\\", "\\\\'`\"", "'" * 50 + "`" * 60, r"\$", r"\\$a",
    "$'", "${A}", "${_0}", "$&", "$$", "$`",
    "${__0}'`\"",
    '\\"', "\\n'`\r", "'#", "\n#'`", "\u2028'a'\u2028\"b\"`c`", ("'`\"\\\r\n$ #" * 700)[:5500], ("'`" * 2750), "\r" * 5500, "$" * 5500,
]
HOSTILE = [*LOST, *KEPT, *HARD]
CHARACTERS = st.one_of(st.sampled_from("'\"`$\\\r\n\t #={}_a0nr-:\u2028\ufeffé😀"), st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.text(CHARACTERS, max_size=30)
KEPT_VALUES = st.one_of(VALUES, st.sampled_from(KEPT)).filter(lambda value: not lost_by_plain_build(value))


@pytest.fixture(scope="module")
def next_env(tmp_path_factory):
    """One Node process that answers what next_env.mjs says."""
    if not (shutil.which("node") and shutil.which("npm")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node and npm are missing: no look at variables as Next.js reads them")
    with open(NODE / "package.json") as package:
        fcntl.flock(package, fcntl.LOCK_EX)
        subprocess.run(["npm", "install", "--no-package-lock", "--prefer-offline", "--no-audit", "--no-fund", "--silent"], cwd=NODE, check=True)
    folder = tmp_path_factory.mktemp("server")
    with subprocess.Popen(
        ["node", "next_env.mjs"], cwd=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env={"PATH": os.environ["PATH"]}
    ) as node:

        def ask(**question):
            node.stdin.write(json.dumps({"folder": str(folder), **question}) + "\n")
            node.stdin.flush()
            return json.loads(node.stdout.readline())

        ask.file = folder / ".env.production"
        yield ask


def read_back(next_env, package, text, environment=None):
    next_env.file.write_bytes(text.encode())
    return next_env(package=package, variables=environment or {})


def named(values):
    return {f"V{number}": value for number, value in enumerate(values)}


@pytest.mark.parametrize("package", PACKAGES)
def test_kind_06_every_hostile_value_reaches_server_code_as_it_was_set(next_env, package):
    variables = named(HOSTILE)
    answer = read_back(next_env, package, next_env(written=variables))
    assert {name: answer.get(name) for name in variables} == variables


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from(PACKAGES))
def test_kind_06_whatever_a_value_is_server_code_reads_it(next_env, values, package):
    variables = named(values)
    answer = read_back(next_env, package, next_env(written=variables))
    assert {name: answer.get(name) for name in variables} == variables


def plain(variables):
    """What `env | grep -e ^NAME= >> .env.production` writes."""
    lines = "".join(f"{name}={value}\n" for name, value in variables.items()).split("\n")
    return "".join(line + "\n" for line in lines if line.startswith(tuple(f"{name}=" for name in variables)))


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("value", LOST)
def test_kind_06_what_the_plain_way_loses_is_said(next_env, package, value):
    assert LOST[value] in lost_by_plain_build(value)
    (problem,) = plain_build_problems("variables", {"A": value, "B": "plain", "C": None})
    assert problem.startswith("variables: the value of A ") and (len(value) < 8 or value not in problem)
    environment = {"V0": value, "V1": "plain"}
    server = read_back(next_env, package, plain(environment))
    build = next_env(package=package, variables=environment)
    # Refused as well are two that may survive, as they do where no later line has such a quotation mark.
    assert [server.get("V0"), build.get("V0")] != [value, value] or value in ('"', "'a' #")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KEPT_VALUES, min_size=1, max_size=4), st.sampled_from(PACKAGES))
def test_kind_06_what_is_not_refused_survives_the_plain_way_too(next_env, values, package):
    variables = named(values)
    text = plain(variables)
    for environment in ({}, variables):
        answer = read_back(next_env, package, text, environment)
        assert {name: answer.get(name) for name in variables} == variables


@pytest.mark.parametrize("value", KEPT)
def test_kind_06_what_the_plain_way_passes_on_is_not_refused(value):
    assert not lost_by_plain_build(value)


def run_build(tmp_path, command, **environment):
    """Amplify's build: the commands of amplify.yml in the application's folder; `command` is what "npm run build" does."""
    shutil.copy(EXAMPLE / "build.mjs", tmp_path)
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"build": command}}))
    for line in COMMANDS:
        subprocess.run(["bash", "-ec", line], cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment}, check=True)


def example_names():
    """The variables that the example's server code reads, but those with a default."""
    files = [file for file in EXAMPLE.glob("*/**/*.ts") if "node_modules" not in file.parts]
    return {name for file in files for name in re.findall(r"process\.env\.(\w+)", file.read_text())} - {"GEMINI_URL"}


def inventory_names(inventory):
    """The variables that a deployment with this inventory sets: the inventory's own and those of the stage."""
    app = yaml.safe_load((REPOSITORY / f"inventories/{inventory}/group_vars/all.yml").read_text())["huntaze_app"]
    stage = "".join(file.read_text() for file in (REPOSITORY / "playbooks/stages").glob("**/app.yml"))
    return {*(app.get("variables") or {}), *(app.get("secret_variables") or {}), *re.findall(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)'?:", stage)}


@pytest.mark.parametrize("names", [example_names(), inventory_names("production"), inventory_names("sandbox")], ids=["example", "production", "sandbox"])
def test_kind_21_the_build_hands_on_every_variable_that_is_set(names, tmp_path, next_env):
    assert {"LIMITER_URL", "LIMITER_TOKEN"} <= names
    variables = {name: f"{value} of {name}" for name, value in zip(sorted(names), [*HARD, *KEPT])}
    run_build(tmp_path, "true", OTHER="x", **variables)
    answer = next_env(package="next-env-16", folder=str(tmp_path))
    assert {name: answer.get(name) for name in names} == variables
    assert "OTHER" not in answer


@pytest.mark.parametrize("package", PACKAGES)
def test_kind_06_next_build_itself_sees_the_values_as_they_were_set(package, tmp_path):
    """It expands `$` in what it finds in its environment, and prerenders pages with that."""
    look = f"const read = require('{NODE / 'node_modules' / package}').loadEnvConfig; read('.'); console.log(JSON.stringify(process.env))"
    (tmp_path / "look.cjs").write_text(look)
    variables = {"DATABASE_URL": "postgres://u:p$$w${x}\\$#'@h/d", "NEXTAUTH_SECRET": '"$NEXTAUTH_URL"\r\n`', "NEXTAUTH_URL": "https://x"}
    run_build(tmp_path, "node look.cjs > seen.json", **variables)
    seen = json.loads((tmp_path / "seen.json").read_text().strip().splitlines()[-1])
    assert {name: seen[name] for name in variables} == variables


def test_a_build_that_fails_fails_and_keeps_what_the_application_committed(tmp_path):
    (tmp_path / ".env.production").write_text("COMMITTED=yes")
    with pytest.raises(subprocess.CalledProcessError):
        run_build(tmp_path, "exit 3", LIMITER_URL="https://x")
    assert "COMMITTED=yes\n" in (tmp_path / ".env.production").read_text()


def test_build_says_how_it_is_called(tmp_path):
    called = subprocess.run(["node", EXAMPLE / "build.mjs", "NAME"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert called.returncode and "build.mjs NAME... -- COMMAND..." in called.stderr
    assert not (tmp_path / ".env.production").exists()
