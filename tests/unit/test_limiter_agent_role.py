# SPDX-License-Identifier: GPL-3.0-or-later
"""The role limiter_agent: what it refuses, what it would change on a host, and what it takes for ready."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import tempfile
import xmlrpc.client
import zipfile
from pathlib import Path
from unittest import mock

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.huntaze.ai_system.plugins.action.limiter_agent import unasked
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import apply as applying
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import desired as declaring
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import observe as observing
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import plan as planning
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import ready
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.service import Failed
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Plan, shown
from ansible_collections.huntaze.ai_system.plugins.modules import limiter_agent
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._limiter_package import Package
from hypothesis import given, settings
from hypothesis import strategies as st

with mock.patch.object(limiter_agent, "AnsibleModule", side_effect=InterruptedError) as made, contextlib.suppress(InterruptedError):
    limiter_agent.main()
ARGUMENTS = made.call_args.kwargs["argument_spec"]
ROLE = Path(__file__).parents[2] / "roles" / "limiter_agent"
GOOD = {
    "limiter_agent_redis": {"host": "master.huntaze.use1.cache.amazonaws.com", "tls": True, "token": "canary-token-0123"},
    "limiter_agent_bearer_tokens": ["canary-" + "x" * 24],
    "limiter_agent_tls": {"certificate": "PEM", "key": "canary"},
}


def desired(**changed):
    """From the role's variables, as the module sees them."""
    variables = {}
    for file in ("defaults", "vars"):
        for name, value in yaml.safe_load((ROLE / file / "main.yml").read_text()).items():
            variables[name] = trust(value)
    variables |= GOOD | {f"limiter_agent_{name}": value for name, value in changed.items()} | {"role_path": str(ROLE)}
    options = json.loads(json.dumps(Templar(DataLoader(), variables=variables).template(trust_as_template("{{ limiter_agent_options }}"))))
    return of_options(**options)


def of_options(**options):
    result = ArgumentSpecValidator(ARGUMENTS).validate({"release": "0" * 16, "host": "limiter-1", **options})
    assert not result.error_messages
    return declaring.Desired(result.validated_parameters)


def trust(value):
    if isinstance(value, dict):
        return {name: trust(member) for name, member in value.items()}
    return trust_as_template(value) if isinstance(value, str) else value


def problems(**changed):
    told = declaring.problems(desired(**changed))
    assert "canary" not in " ".join(told)
    return told


def test_what_is_as_it_should_be_is_not_refused():
    assert problems() == []
    assert declaring.problems(desired(state="absent", redis={}, bearer_tokens=[], tls={})) == []


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.1.10", "::", "127x.example"])
def test_kind_31_bearer_tokens_are_not_taken_in_plain_text_unless_that_is_said(address):
    open_to_all = {"tls": {}, "listen": {"address": address}}
    (problem,) = problems(**open_to_all)
    assert f"bearer tokens reach {address} in plain text" in problem and "limiter_agent_plain_text: true" in problem
    assert problems(**open_to_all, plain_text=True) == []


def test_kind_31_the_default_address_without_a_certificate_is_refused():
    (problem,) = problems(tls={})
    assert "0.0.0.0" in problem


@pytest.mark.parametrize("address", ["127.0.0.1", "127.19.0.3", "::1", "localhost"])
def test_kind_31_nobody_else_reads_along_on_a_loopback_address(address):
    assert problems(tls={}, listen={"address": address}) == []
    assert problems(redis={"host": address, "token": "canary-token-0123"}) == []


@pytest.mark.parametrize("tls", [{}, {"tls": False}, {"tls": None}])
def test_kind_31_a_token_is_not_sent_to_redis_in_plain_text(tls):
    (problem,) = problems(redis={"host": "redis.internal", "token": "canary-token-0123", **tls})
    assert "limiter_agent_redis.token would be sent in plain text" in problem
    assert problems(redis={"host": "redis.internal", **tls}) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"redis": {}}, "limiter_agent_redis.host is missing"),
        ({"bearer_tokens": []}, "limiter_agent_bearer_tokens is empty"),
        ({"bearer_tokens": ["canary-short"]}, "has 1 that cannot serve"),
        ({"tls": {"key": "canary"}, "plain_text": True}, "only one of certificate and key"),
        ({"redis": {"host": "127.0.0.1", "user": "limiter"}}, "limiter_agent_redis.user has no limiter_agent_redis.token"),
        ({"cloudwatch": {"interval": 2}}, "limiter_agent_cloudwatch.region is missing"),
        ({"cloudwatch": {"region": "us-east-1", "access_key": "AKIA"}}, "only one of access_key and secret_key"),
    ],
)
def test_what_cannot_work_is_told_in_a_sentence_that_names_the_variable(changed, words):
    (problem,) = problems(**changed)
    assert words in problem


@pytest.mark.parametrize(
    ("version", "problem", "words"),
    [("3.14", "", "is Python 3.14"), ("3.10", "", "is Python 3.10"), ("", "is missing, or cannot make virtual environments", "is missing")],
)
def test_kind_39_a_python_that_the_agent_has_no_wheels_for_is_told(version, problem, words):
    (refusal,) = planning.refusals(desired(), observing.Observed(python=version, python_problem=problem))
    assert words in str(refusal) and "3.11 to 3.13 is needed" in str(refusal)
    assert refusal.difference == ("host limiter-1", "python", version or None, "3.11 to 3.13", False)
    assert planning.refusals(desired(), observing.Observed(python="3.12")) == planning.refusals(desired(), observing.Observed()) == []


def test_kind_39_the_python_is_asked_only_where_a_release_has_to_be_made(tmp_path):
    def run(program, *arguments):
        raise Failed("No such file")

    wanted = desired(install_directory=str(tmp_path), config_directory=str(tmp_path), service_manager="supervisord", python="/no/python")
    assert "is missing" in observing.observe(wanted, run).python_problem
    (tmp_path / ("0" * 16)).mkdir()
    (tmp_path / ("0" * 16) / "complete").touch()
    assert observing.observe(wanted, run).python_problem == ""


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"failed": True, "msg": "Missing sudo password"}, "Missing sudo password"),
        ({"failed": True, "rc": 1, "module_stdout": "", "module_stderr": "\nops is not in the sudoers file.\n", "msg": "x"}, "ops is not in the sudoers file."),
        ({"failed": True, "rc": 127, "module_stdout": "", "module_stderr": "", "msg": "The interpreter was not found."}, "The interpreter was not found."),
        ({"failed": True, "rc": 1, "module_stdout": ""}, "no reason given"),
        ({"failed": True, "msg": "x", "steps": []}, ""),
        ({"failed": True, "msg": "x", "exception": "y", "_ansible_parsed": True}, ""),
        ({"failed": True, "rc": 1, "module_stdout": "", "module_stderr": "Traceback (most recent call last):\n  File\nKeyError: 'x'\n", "msg": "x"}, ""),
        ({"failed": True, "msg": "unknown option", "invocation": {}}, ""),
        ({"failed": True, "unreachable": True, "msg": "x"}, ""),
        ({"changed": False, "steps": []}, ""),
    ],
)
def test_kind_39_a_host_that_cannot_be_asked_says_so_in_its_own_words(result, why):
    assert unasked(result) == why


def test_kind_15_null_options_are_as_if_left_out():
    assert problems(tls={"certificate": None, "key": None}, plain_text=True) == []
    assert problems(cloudwatch={"region": "us-east-1", "access_key": None, "secret_key": None}) == []
    assert desired(redis={"host": "a", "port": None, "key_prefix": None}).facts() == desired(redis={"host": "a"}).facts()


class Manager:
    """Runs an agent as systemd and supervisord do: with the units that it found when it was started."""

    running, at_boot = False, True

    def __init__(self, wanted, run):
        pass

    def state(self):
        return Manager.running, Manager.at_boot

    def stopped_at(self):
        return 86400.0

    def start(self, frees_port, restarts):
        Manager.running = Manager.at_boot = True

    def reload(self):
        assert Manager.running

    def stop(self):
        Manager.running = False

    def forget(self):
        pass


class TestHost:
    """Plans carried out on a directory, under a manager and an installer that only note what they are told."""

    @pytest.fixture(autouse=True)
    def host(self):
        def install(self, environment, requirements, with_package):
            os.makedirs(environment, exist_ok=True)
            Path(environment, "complete").touch()

        with contextlib.ExitStack() as stack:
            for module in (observing, applying):
                stack.enter_context(mock.patch.object(module, "Supervisord", Manager))
                stack.enter_context(mock.patch.object(module.ready, "ask", lambda wanted: []))
            stack.enter_context(mock.patch.object(applying.Host, "_install", install))
            yield

    def wanted(self, root, **changed):
        directories = {f"{name}_directory": f"{root}/{name}" for name in ("install", "config", "supervisor")}
        good = {name.removeprefix("limiter_agent_"): value for name, value in GOOD.items()}
        return of_options(**{**good, "service_manager": "supervisord", "create_user": False, **directories, **changed})

    def look(self, wanted):
        observed = observing.observe(wanted, lambda *command: "3.12")
        return observed, planning.plan(wanted, observed)

    def carry_out(self, wanted, most=None):
        """Makes at most so many changes; returns whether that was all."""
        observed, plan = self.look(wanted)
        applying.apply(Plan(plan.changes[:most]), applying.Host(wanted, lambda *command: "", str(wanted), "", False))
        return most is None or len(plan.changes) <= most

    variants = st.fixed_dictionaries({
        "redis": st.sampled_from([
            {"host": "127.0.0.1"}, {"host": "127.0.0.1", "token": "canary-token-0123"}, {"host": "redis.internal", "tls": True, "tls_ca": "PEM", "token": "canary-2"},
            {"host": "127.0.0.1", "token": "canary-token-0123", "user": "limiter"}, {"host": "127.0.0.1", "key_prefix": "other"}]),
        "bearer_tokens": st.sampled_from([["canary-" + "x" * 24], ["canary-" + "y" * 24, "canary-" + "x" * 24]]),
        "purge_bearer_tokens": st.booleans(),
        "tls": st.sampled_from([{}, {"certificate": "PEM", "key": "canary"}]),
        "rules": st.sampled_from([{"plans": {"a": {}}}, {"plans": {"ü": {}}}]),
        "workers": st.sampled_from([None, 2]),
        "cloudwatch": st.sampled_from([{}, {"region": "us-east-1"}, {"region": "us-east-1", "access_key": "AKIA", "secret_key": "canary"}]),
        "release": st.sampled_from(["0" * 16, "1" * 16, "2" * 16]),
        "state": st.sampled_from(["present", "present", "present", "absent"]),
    })

    @settings(max_examples=120, deadline=None)
    @given(history=st.lists(st.tuples(variants, st.integers(0, 9), st.booleans()), max_size=3),
           last=variants, cut=st.integers(0, 9), seed=st.integers(0, 1_000_000))
    def test_the_laws(self, history, last, cut, seed):
        """After apply the plan is empty; what was cut off is completed; changes and differences belong together; differences lead to what is then seen."""
        chance = random.Random(seed)
        with tempfile.TemporaryDirectory() as root:
            Manager.running, Manager.at_boot = False, True
            for variant, most, tampers in history:
                self.carry_out(self.wanted(root, **variant), most)
                if tampers:
                    self.tamper(chance, root)
            wanted = self.wanted(root, **last)
            before, plan = self.look(wanted)
            assert all(change.differences and change.summary for change in plan.changes)
            fields = [difference.field for difference in plan.differences]
            assert len(set(fields)) == len(fields), "a difference belongs to one change"
            assert {difference.object for difference in plan.differences} <= {"host limiter-1"}
            assert "canary" not in json.dumps(shown(plan.differences)) + json.dumps(plan.result())
            predicted = {**before.facts, **{difference.field: difference.after for difference in plan.differences}}
            self.carry_out(wanted, cut)
            self.carry_out(wanted)
            after, rest = self.look(wanted)
            assert not rest, rest.steps
            assert {name: fact for name, fact in predicted.items() if fact is not None} == dict(after.facts)
            assert Manager.running == (wanted.state == "present")

    @staticmethod
    def tamper(chance, root):
        files = [path for path in Path(root).glob("*/*") if path.is_file()]
        if files:
            path = chance.choice(files)
            chance.choice([path.unlink, lambda: path.chmod(0o644), lambda: None if path.name == "started" else path.write_text("else")])()
        Manager.running = Manager.running and chance.random() < 0.7

    def test_what_stays_as_declared_costs_no_step_and_what_changed_costs_its_own(self, tmp_path):
        Manager.running = False
        first = self.wanted(tmp_path)
        assert self.look(first)[1].steps == [
            "set up directories", "install the agent (release 0000000000000000)", "install supervisord",
            "write agent.yml, bearer-tokens, certificate.pem, credential, key.pem, rules.yml", "write supervisord.conf", "start the agent",
        ]
        self.carry_out(first)
        assert self.look(first)[1].steps == []
        other_user = {**GOOD["limiter_agent_redis"], "user": "limiter"}
        assert self.look(self.wanted(tmp_path, redis=other_user))[1].steps == ["write agent.yml, credential and reload the agent", "remove former credentials"]
        assert self.look(self.wanted(tmp_path, workers=2))[1].steps == ["write agent.yml", "write supervisord.conf", "start the agent anew"]
        assert self.look(self.wanted(tmp_path, release="1" * 16))[1].steps == [
            "install the agent (release 1111111111111111)", "write supervisord.conf", "start the agent anew"]
        Manager.running = False
        assert self.look(first)[1].steps == ["start the agent"]
        assert self.look(self.wanted(tmp_path, state="absent"))[1].steps == ["stop the agent", "remove the agent"]
        assert self.look(self.wanted(tmp_path, state="ready"))[1].steps == []

    def test_an_agent_that_may_run_with_a_unit_edited_by_hand_is_started_anew(self, tmp_path):
        wanted = self.wanted(tmp_path)
        self.carry_out(wanted)
        unit = tmp_path / "config" / "supervisord.conf"
        unit.write_text(unit.read_text() + "; edited\n")
        assert self.look(wanted)[1].steps == ["write supervisord.conf", "start the agent anew"]
        self.carry_out(wanted)
        assert not self.look(wanted)[1]

    def test_each_difference_has_the_time_of_its_change(self, tmp_path):
        wanted = self.wanted(tmp_path)
        self.carry_out(wanted)
        for days, name in enumerate(("rules.yml", "key.pem", "supervisord.conf"), 2):
            (tmp_path / "config" / name).write_text("edited by hand")
            os.utime(tmp_path / "config" / name, (days * 86400, days * 86400))
        (tmp_path / "config" / "certificate.pem").unlink()
        Manager.running = False
        observed, plan = self.look(wanted)
        # Nothing tells when a file went, nor which release ran with a unit that names none.
        assert {one.field for one in plan.differences} == {"rules.yml", "key.pem", "unit", "release", "certificate.pem", "service"}
        assert observed.changed_at(plan.differences) == {
            "service": "1970-01-02T00:00:00Z", "rules.yml": "1970-01-03T00:00:00Z", "key.pem": "1970-01-04T00:00:00Z", "unit": "1970-01-05T00:00:00Z"}

    def test_former_bearer_tokens_stay_until_they_are_purged(self, tmp_path):
        old, new = "canary-" + "o" * 24, "canary-" + "n" * 24
        self.carry_out(self.wanted(tmp_path, bearer_tokens=[old]))
        keeping = self.wanted(tmp_path, bearer_tokens=[new], purge_bearer_tokens=False)
        self.carry_out(keeping)
        assert (tmp_path / "config" / "bearer-tokens").read_text().split() == [new, old]
        observed, plan = self.look(keeping)
        assert list(observed.kept_tokens) == [old] and not plan
        self.carry_out(self.wanted(tmp_path, bearer_tokens=[new]))
        assert (tmp_path / "config" / "bearer-tokens").read_text().split() == [new]

    def test_the_release_before_is_kept_and_those_before_it_go(self, tmp_path):
        for number in range(4):
            self.carry_out(self.wanted(tmp_path, release=str(number) * 16))
        assert sorted(path.name for path in (tmp_path / "install").iterdir()) == ["2" * 16, "3" * 16, "supervisord"]

    def test_what_the_agent_would_refuse_replaces_nothing_and_the_failure_says_what_was_made(self, tmp_path):
        self.carry_out(self.wanted(tmp_path))
        before = {path.name: path.read_text() for path in (tmp_path / "config").iterdir()}
        wanted = self.wanted(tmp_path, rules={"plans": "perhaps"}, redis={"host": "127.0.0.1"}, release="1" * 16)
        observed, plan = self.look(wanted)

        def run(*command):
            if command[1] == "-c":
                raise Failed("plans has to be a mapping")

        with pytest.raises(applying.Stopped, match="rules.yml would be refused by the agent.*plans has to be a mapping") as stopped:
            applying.apply(plan, applying.Host(wanted, run, str(tmp_path), "", False))
        assert [change.operation for change in stopped.value.made] == ["install_release"]
        assert {path.name: path.read_text() for path in (tmp_path / "config").iterdir()} == before

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (xmlrpc.client.Fault(10, "BAD_NAME: limiter-agent"), "supervisord refused it: BAD_NAME: limiter-agent"),
            (xmlrpc.client.ProtocolError("supervisord/RPC2", 500, "Internal Server Error", {}), "500 Internal Server Error"),
            (http.client.BadStatusLine("x"), "answered nothing of use: x"),
            (http.client.IncompleteRead(b""), "answered nothing of use: IncompleteRead"),
            (zipfile.BadZipFile("File is not a zip file"), "File is not a zip file"),
        ],
    )
    def test_kind_17_what_supervisord_or_an_archive_raises_is_told_with_what_was_made_before(self, tmp_path, monkeypatch, error, words):
        wanted = self.wanted(tmp_path)
        observed, plan = self.look(wanted)

        def refuse(host, **parameters):
            raise error

        monkeypatch.setattr(applying.Host, plan.changes[-1].operation, refuse)
        with pytest.raises(applying.Stopped, match=words) as stopped:
            self.carry_out(wanted)
        assert stopped.value.made == plan.changes[:-1]

    def test_nothing_is_removed_before_the_agent_is_proven_ready(self, tmp_path):
        self.carry_out(self.wanted(tmp_path))
        wanted = self.wanted(tmp_path, redis={"host": "127.0.0.1", "token": "canary-another"}, ready_timeout=0)
        with mock.patch.object(ready, "not_ready", lambda wanted, answers: "Redis is down."):
            with pytest.raises(applying.Stopped, match="Redis is down.*waited for 0 s") as stopped:
                applying.apply(self.look(wanted)[1], applying.Host(wanted, lambda *command: "", str(tmp_path), "", False))
        assert [change.operation for change in stopped.value.made] == ["write"]
        assert len(list((tmp_path / "config").glob("credential-*"))) == 2

    def test_files_of_other_permissions_are_written_again(self, tmp_path):
        wanted = self.wanted(tmp_path)
        self.carry_out(wanted)
        (tmp_path / "config" / "rules.yml").chmod(0o644)
        (tmp_path / "install").chmod(0o700)
        plan = self.look(wanted)[1]
        assert [(one.field, one.before, one.after) for one in plan.differences] == [
            (f"directory {tmp_path}/install", "0700", "0755"), ("permissions", "rules.yml 0644", "0640")]
        self.carry_out(wanted)
        assert (tmp_path / "config" / "rules.yml").stat().st_mode & 0o777 == 0o640 and not self.look(wanted)[1]


REDIS = {"connected": True, "host": "127.0.0.1", "port": 6379, "tls": False, "user": "limiter", "credential": None, "as_configured": True, "error": None}


def not_ready(status=200, body=None, token="canary-token-0123", **redis):
    wanted = desired(redis={"host": "127.0.0.1", "token": token, "user": "limiter"})
    workers = [{"pid": 42, "problems": [], "redis": {**REDIS, "credential": wanted.fingerprint, **redis}}]
    told = ready.not_ready(wanted, [ready.Answer("", status, "ready", workers if body is None else body)])
    assert "canary" not in told
    return told


def test_an_agent_that_uses_what_is_declared_is_ready():
    assert not_ready() == ""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"connected": False, "error": "Connection refused."}, "worker 42 has no connection to Redis at 127.0.0.1:6379: Connection refused."),
        ({"port": 6380}, "its address 127.0.0.1:6380, not 127.0.0.1:6379"),
        ({"tls": True}, "TLS on, not off"),
        ({"credential": None}, "the credential none, not "),
        ({"user": None}, "the ACL user none, not limiter"),
        ({"user": "default"}, "the ACL user default, not limiter"),
        ({"as_configured": False}, "has not moved"),
        ({"body": [], "status": 503}, "it says ready"),
        ({"body": [None], "status": 503}, "it says ready"),
        ({"body": [{"pid": 7, "problems": ["rules.yml: no"], "redis": REDIS}]}, "worker 7 has a problem: rules.yml: no"),
    ],
)
def test_what_keeps_an_agent_from_being_ready_is_told(changed, words):
    assert words in not_ready(**changed)


def test_a_bearer_token_that_lets_nobody_in_and_a_silent_agent_are_told():
    wanted = desired(bearer_tokens=["canary-" + "x" * 24, "canary-" + "y" * 24])
    good = ready.Answer("", 200, "ready", [])
    assert "does not know bearer token 2 of 2" in ready.not_ready(wanted, [good, ready.Answer("", 200, "ready", None)])
    (silent,) = ready.ask(desired(tls={}, listen={"address": "127.0.0.1", "port": 9}))
    assert "no answer ([Errno 111] Connection refused)" in ready.not_ready(wanted, [silent])


def test_a_release_is_named_after_all_that_it_is_made_of(tmp_path):
    shutil.copytree(ROLE / "files" / "limiter_agent", tmp_path / "package")
    ours, copied = Package(), Package(tmp_path / "package")
    assert ours.release("python3") == copied.release("python3") != copied.release("python3.12")
    assert ours.rules == yaml.safe_load((ROLE / "files/limiter_agent/limiter_agent/rules.yml").read_text())
    (tmp_path / "package" / "limiter_agent" / "check.lua").write_text("return 1")
    assert Package(tmp_path / "package").release("python3") != ours.release("python3")


def test_the_modules_options_are_the_roles_variables():
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    of_role = {name.removeprefix("limiter_agent_") for name in specs["main"]["options"]}
    assert of_role == set(ARGUMENTS) - {"host", "release", "source"}
    for name in ("redis", "listen", "tls", "cloudwatch"):
        assert set(specs["main"]["options"][f"limiter_agent_{name}"]["options"]) == set(ARGUMENTS[name]["options"])
