# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stages hand over to the modules, and what preflight makes of what it found."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.huntaze.ai_system.plugins.filter.estate_problems import estate_problems
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.stages import (
    PLAYBOOKS,
    agents_plans,
    agents_without_former_tokens,
    every_stage,
    planned_stages,
    run_stages,
    stage_plans,
)
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import verdicts

ROOT = Path(__file__).parents[2]
STAGES = ROOT / "playbooks" / "stages"
HERE = "huntaze.ai_system."
# Options that a message may name although no stage sets them: what each is about cannot happen in a deployment.
NOT_OF_A_STAGE = {
    "elasticache_auth": {"requirepass"},  # preflight refuses it by its own name
    "amplify_environment": {"app_name"},
    "deployment_lock": {"lease_seconds", "wait_timeout"},  # the play hands over huntaze_lock
    "estate_info": {"app_id", "app_name", "gather_subset"},  # each look asks for what it needs, and it speaks of parts only where a task names them
}


def tasks_of(node):
    """Every task below `node`, whatever blocks it stands in."""
    if isinstance(node, list):
        for item in node:
            yield from tasks_of(item)
    elif isinstance(node, dict):
        if any(isinstance(key, str) and key.startswith(HERE) for key in node):
            yield node
        for key in ("tasks", "block", "rescue", "always"):
            yield from tasks_of(node.get(key))


def module_tasks():
    for file in sorted([*STAGES.glob("*.yml"), *STAGES.glob("tasks/*.yml")]):
        for task in tasks_of(yaml.safe_load(file.read_text())):
            (module,) = [key for key in task if key.startswith(HERE)]
            yield module.removeprefix(HERE), file.name, task["name"], task[module]


def sources_of(path, seen):
    """The tree of a module and of each of the collection's module_utils that it imports."""
    if path in seen:
        return
    seen.add(path)
    tree = ast.parse(path.read_text())
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ansible_collections.huntaze.ai_system.plugins.module_utils"):
            room = node.module.partition(".module_utils")[2].replace(".", "/").lstrip("/")
            files = [ROOT / "plugins" / "module_utils" / f"{room}.py", *(ROOT / "plugins" / "module_utils" / room / f"{alias.name}.py" for alias in node.names)]
            for file in filter(Path.is_file, files):
                yield from sources_of(file, seen)


def sentences_of(module):
    """What the module can say: its texts of several words but for documentation."""
    for tree in sources_of(ROOT / "plugins" / "modules" / f"{module}.py", set()):
        silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        silent |= {id(node.value) for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip() and id(node) not in silent:
                yield node.value


def options_of(module):
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text())
    (text,) = [node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION"]
    return set(yaml.safe_load(text)["options"])


@pytest.mark.parametrize(("module", "file", "task", "given"), [pytest.param(*found, id=f"{found[1]}-{found[2]}") for found in module_tasks()])
def test_kind_35_what_a_message_names_can_be_set_by_the_stage(module, file, task, given):
    said = " ".join(sentences_of(module))
    named = {option for option in options_of(module) if "_" in option and re.search(rf"\b{option}\b", said)}
    if not given.get("wait", True) or module.endswith("_info") and "wait" not in given:
        named.discard("wait_timeout")
    if given.get("tls") is False:
        named.discard("tls_ca_file")  # refused beside plain text
    assert named - set(given) - NOT_OF_A_STAGE.get(module, set()) == set(), f"{module} speaks of options that {file} does not hand over"


def test_every_stage_that_changes_aws_is_planned_by_its_own_tasks():
    assert planned_stages(EVERY) == ["network", "auth_open", "auth_close", "app", "alarms"]
    registered = []
    for name in planned_stages(EVERY):
        assert f"import_tasks: tasks/{name}.yml" in (STAGES / f"{name}.yml").read_text()
        for task in tasks_of(yaml.safe_load((STAGES / "tasks" / f"{name}.yml").read_text())):
            register = task["register"]
            assert f"{register}_".startswith(f"huntaze_told_{name}_"), "what preflight reads as told by this stage, and forgets afterwards"
            assert task["changed_when"] == f"{register} is changed and not huntaze_planning | default(false)"
            assert task["failed_when"] == f"{register} is failed and not (huntaze_planning | default(false) and {register}.msg is defined)"
            registered.append(register)
    assert len(registered) == len(set(registered)) == 8


def test_drift_yml_has_the_stages_of_deploy_yml_and_acts_only_where_it_corrects():
    drift = yaml.safe_load((PLAYBOOKS / "drift.yml").read_text())
    parts = {}
    for part in drift:
        if "ansible.builtin.import_playbook" in part:
            parts.setdefault(Path(part["ansible.builtin.import_playbook"]).stem, part)
    assert [name for name in parts if name in EVERY] == EVERY and [name for name in parts if name not in EVERY] == ["preflight", "history", "verify"]
    assert all(parts[name]["vars"] == {"huntaze_finds_drift": True} and parts[name]["when"] == "huntaze_corrects | bool" for name in EVERY)
    for name in EVERY:
        for play in yaml.safe_load((STAGES / f"{name}.yml").read_text()):
            assert play["hosts"] == "{{ huntaze_acting_host }}" or "huntaze_acts" in play["hosts"] or play["hosts"] == "{{ huntaze_agents_while_the_cache_changes }}"


@pytest.mark.parametrize(
    ("variables", "acts", "looks"),
    [
        ({}, True, True),
        ({"huntaze_finds_drift": True}, False, True),
        ({"huntaze_finds_drift": True, "huntaze_drift_correct": "false"}, False, True),
        ({"huntaze_finds_drift": True, "huntaze_drift_correct": "true", "unseen": []}, True, True),
        ({"huntaze_finds_drift": True, "huntaze_drift_correct": True, "unseen": [{}]}, False, True),
        # Where nobody has looked, nothing is done.
        ({"huntaze_finds_drift": True, "huntaze_drift_correct": True}, False, True),
        ({"huntaze_finds_drift": True, "huntaze_looks_again": True}, False, False),
        ({"huntaze_finds_drift": True, "huntaze_looks_again": True, "huntaze_drift_correct": "yes", "unseen": []}, True, True),
        ({"huntaze_finds_drift": True, "huntaze_looks_again": True, "huntaze_drift_correct": "yes", "unseen": [], "ansible_check_mode": True}, True, False),
    ],
)
def test_a_drift_run_acts_only_where_it_corrects_and_has_seen_everything(variables, acts, looks):
    main = yaml.safe_load((PLAYBOOKS / "vars" / "main.yml").read_text())
    told = {name: trust_as_template(main[name]) for name in ("huntaze_corrects", "huntaze_acts", "huntaze_acting_host", "huntaze_looking_host")}
    localhost = {"huntaze_unseen": variables["unseen"]} if "unseen" in variables else {}
    templar = Templar(DataLoader(), variables={"ansible_check_mode": False, "hostvars": {"localhost": localhost}, **told, **variables})
    assert templar.template(trust_as_template("{{ huntaze_acting_host }}")) == ("localhost" if acts else [])
    assert templar.template(trust_as_template("{{ huntaze_looking_host }}")) == ("localhost" if looks else [])


FREE = {"status": "available", "auth_token_status": None}


@pytest.mark.parametrize(
    ("cache", "job", "run"),
    [
        ({"status": "available"}, {"status": "SUCCEED"}, []),
        ({"status": "modifying"}, {"status": "SUCCEED"}, ["auth_open", "auth_close"]),
        ({"status": "available", "auth_token_status": "SETTING"}, None, ["auth_open", "auth_close"]),
        (FREE, {"status": "RUNNING"}, ["app"]),
        ({}, {"status": "PENDING"}, ["auth_open", "auth_close", "app"]),
    ],
)
def test_kind_16_a_stage_that_has_to_wait_for_something_is_run_although_it_has_no_step(cache, job, run):
    """Else the report would call a cache or an app as declared that is not there yet."""
    told = {"huntaze_told_auth_close": {"steps": []}, "huntaze_told_app_environment": {"steps": []}, "huntaze_told_app_deployment": {"steps": [], "job": job}}
    plans = stage_plans(told, cache)
    assert [stage for stage, steps in plans["planned"].items() if steps] == run and plans["refusals"] == []


@pytest.mark.parametrize(
    ("result", "refusals"),
    [
        ({}, 0), ({"steps": [], "changed": False}, 0), ({"msg": "refused"}, 1), ({"skipped": True, "changed": False}, 0),
        ({"changed": False, "failed_when_result": False}, 1), ({"changed": False}, 1),
    ],
)
def test_kind_01_what_was_not_planned_is_not_taken_for_a_plan_of_nothing(result, refusals):
    plans = stage_plans({"huntaze_told_network_cache": result, "huntaze_told_alarms": {"steps": ["keep it"]}}, FREE)
    assert len(plans["refusals"]) == refusals and plans["planned"]["network"] == [] and plans["planned"]["alarms"] == ["keep it"]
    if refusals:
        assert plans["refusals"] == ["refused" if "msg" in result else "The stage network could not be planned, and gave no reason: run again with -vvv."]


def test_what_several_parts_of_a_stage_told_is_one_plan_and_a_refusal_is_said_once():
    told = {"huntaze_told_network_cache": {"steps": ["a"]}, "huntaze_told_network_agents": {"steps": ["b"], "msg": "no"}, "huntaze_told_auth_open": {"msg": "no"},
            "huntaze_told_auth_close": {"steps": ["c"]}}
    plans = stage_plans(told, FREE)
    assert plans["planned"] == {"network": ["a", "b"], "auth_open": ["c"], "auth_close": ["c"], "app": [], "alarms": []}
    assert plans["refusals"] == ["no"]


RULE = {"object": "security group sg-1", "field": "tcp 6379 from sg-2", "before": None, "after": "", "secret": False}
OPEN = {**RULE, "field": "tcp 6379 from 0.0.0.0/0", "why": "nobody has declared it", "remedy": None, "lowers_security": True}


def test_a_refusal_that_tells_a_difference_was_a_look_and_another_was_none():
    told = {"huntaze_told_network_cache": {"steps": [], "differences": [RULE], "left_alone": [OPEN]}, "huntaze_told_auth_close": {"msg": "a user group", "left_alone": [OPEN]},
            "huntaze_told_alarms": {"msg": "AccessDenied"}}
    plans = stage_plans(told, FREE, ["no database"])
    assert plans["differences"] == [RULE, OPEN, OPEN] and plans["refused"] == ["auth_close", "auth_open", "alarms"]
    assert plans["refusals"] == ["no database", "a user group", "AccessDenied"]
    assert [(one["stage"], one["message"]) for one in plans["unseen"]] == [("preflight", "no database"), ("alarms", "AccessDenied")]


def test_an_agents_host_that_nobody_saw_is_told():
    looks = {"a": {"steps": [], "differences": [RULE], "changed_at": {RULE["field"]: "2026-11-30T01:02:03Z"}}, "b": {"unreachable": True, "msg": "no route"}, "c": {"problems": ["no Python"]}, "d": {}}
    plans = agents_plans(looks, ["a", "b", "c", "d"])
    assert plans["differences"] == [{**RULE, "changed_at": "2026-11-30T01:02:03Z"}] and {one["host"]: one["stage"] for one in plans["unseen"]} == {"d": "agent", "b": "agent", "c": "agent"}
    assert plans["refusals"] == ["The host b of huntaze_limiter_agents cannot be reached: no route. Bring it up, or take it out of the group.", "c: no Python"]
    assert agents_plans({"d": {}})["unseen"] == []


def test_agents_that_keep_no_former_token_are_those_that_said_so_last():
    hosts = [{"inventory_hostname": "a", "limiter_agent_look": {"kept_bearer_tokens": 0}, "limiter_agent_result": {"kept_bearer_tokens": 1}},
             {"inventory_hostname": "b", "limiter_agent_look": {"kept_bearer_tokens": 0}}, {"inventory_hostname": "c"}]
    assert agents_without_former_tokens(hosts) == ["b"]


def test_kind_16_an_agents_host_that_fails_in_preflight_is_refused_and_not_left_out():
    (play,) = [play for play in yaml.safe_load((STAGES / "preflight.yml").read_text()) if play["name"] == "Preflight of the agents' hosts"]
    (look,) = play["tasks"]
    (keep,) = look["rescue"]
    fact = keep["ansible.builtin.set_fact"]["limiter_agent_look"]["problems"][0]
    for result, said in (({"msg": "Validation of arguments failed"}, "Validation of arguments failed"), ({}, "gave no reason")):
        assert said in Templar(DataLoader(), variables={"ansible_failed_result": result}).template(trust_as_template(fact))


@pytest.mark.parametrize(
    ("app", "planned", "run"),
    [
        ({"branch": "main"}, {"app": [], "auth_close": ["rotate"]}, False),
        ({"elasticache_variables": True}, {"app": [], "auth_close": ["the cache is being changed"]}, True),
        ({"elasticache_variables": True}, {"app": [], "auth_close": []}, False),
        ({"elasticache_variables": None}, {"app": ["set"], "auth_close": []}, True),
        ({}, {"app": [], "auth_close": ["rotate"]}, False),
    ],
)
def test_kind_16_an_app_that_is_told_the_endpoints_is_looked_at_again_after_the_cache_was_changed(app, planned, run):
    tasks = yaml.safe_load((STAGES / "app.yml").read_text())[0]["tasks"]
    (carry_out,) = [task for task in tasks if task.get("ansible.builtin.import_tasks") == "tasks/app.yml"]
    variables = {name: trust_as_template(text) for name, text in carry_out["vars"].items()}
    variables |= {"huntaze_app": app, "huntaze_has_app": bool(app), "huntaze_planned": planned}
    assert Templar(DataLoader(), variables=variables).template(trust_as_template(f"{{{{ {carry_out['when']} }}}}")) is run


@pytest.mark.parametrize(
    ("stages", "results", "waits"),
    [
        (["agent", "drift"], [{"status": 200}], False),
        (["agent"], [{"status": 200}, {"status": 429}], True),
        (["agent"], [], True),
        (["agent"], [{"status": 200}, {"status": None}], False),
        (["agent"], [{"status": 503}], False),
        (["agent"], None, False),
        ([], [{"status": 200}], False),
        (["alarms"], [{"status": 200}], False),
    ],
)
def test_kind_34_nobody_waits_for_metrics_who_only_looks_or_has_got_no_decision(stages, results, waits):
    plays = yaml.safe_load((STAGES / "verify.yml").read_text())
    (look,) = [task for task in plays[0]["tasks"] if task["name"] == "Look for what the agents publish"]
    variables = {name: trust_as_template(text) for name, text in look["vars"].items()}
    asked = {"msg": "the module crashed"} if results is None else {"decisions": results}
    variables |= {"huntaze_acts": "drift" not in stages, "huntaze_stages": stages, "huntaze_decisions": asked, "huntaze_limiter_urls": ["https://an-agent"] * len([None] if results is None else results)}
    assert Templar(DataLoader(), variables=variables).template(trust_as_template("{{ waits }}")) is waits
    assert look["huntaze.ai_system.cloudwatch_metric_info"]["wait"] == "{{ waits }}"


def test_kind_36_the_first_call_to_aws_is_one_whose_failure_says_which_credentials_were_tried():
    preflight = yaml.safe_load((STAGES / "preflight.yml").read_text())
    first = next(task for task in preflight[0]["tasks"] if not any(name.startswith("ansible.builtin.") for name in task))
    assert "huntaze.ai_system.elasticache_info" in first and not {"failed_when", "ignore_errors"} & set(first)


@pytest.mark.parametrize(("verdict", "fails"), [("ok", False), ("failed", True), ("not_verified", False), ("skipped", False)])
def test_the_last_task_says_every_verdict_and_fails_for_one_that_failed(verdict, fails):
    """Also without the callback that reports the run."""
    say = yaml.safe_load((STAGES / "verify.yml").read_text())[-1]["tasks"][-1]
    way = {"from": "limiter", "to": "redis"}
    checks = [{"verdict": "ok", "line": "ok: Redis", **way}, {"verdict": verdict, "line": "PostgreSQL", **way}]
    assert say["vars"]["failures"] == "{{ huntaze_checks | huntaze.ai_system.verification_failures(check_mode=ansible_check_mode) }}"
    causes = [{"title": "an ingress rule is missing"}] if fails else []
    variables = {"huntaze_checks": checks, "failures": verdicts.failures(checks), "huntaze_causes": causes, "why": trust_as_template(say["vars"]["why"])}
    templar = Templar(DataLoader(), variables=variables)
    options = say["ansible.builtin.assert"]
    assert templar.template(trust_as_template(f"{{{{ {options['that']} }}}}")) is not fails
    assert templar.template(trust_as_template(options["success_msg"])) == ["ok: Redis", "PostgreSQL"]
    assert templar.template(trust_as_template(options["fail_msg"])) == (["PostgreSQL", "Cause: an ingress rule is missing", "ok: Redis"] if fails else ["ok: Redis", "PostgreSQL"])


@pytest.mark.parametrize(
    ("judged", "check_mode", "told"),
    [
        ([("cache", "ok"), ("redis", "not_verified")], False, ["Nothing could be verified.", "redis not_verified"]),
        ([("cache", "ok"), ("redis", "not_verified")], True, []),
        ([("cache", "ok"), ("redis", "not_verified"), ("postgresql", "ok")], False, []),
        ([("cache", "skipped"), ("redis", "skipped")], False, []),
        ([("redis", "failed"), ("postgresql", "not_verified")], True, ["redis failed"]),
        ([], False, []),
    ],
)
def test_kind_01_a_verification_that_saw_nothing_fails(judged, check_mode, told):
    checks = [{"from": "limiter", "to": to, "verdict": verdict, "line": f"{to} {verdict}"} for to, verdict in judged]
    assert verdicts.failures(checks, check_mode) == told


ENDPOINT = {"address": "a.example.internal", "port": 6379}
CACHE = {
    "exists": True, "kind": "replication_group", "status": "available", "engine": "redis", "security_group_ids": ["sg-1"], "endpoints": {"primary": ENDPOINT},
}
INSTANCE = {
    "db_instance_identifier": "db", "db_instance_status": "available", "endpoint": ENDPOINT, "vpc_security_groups": [{"vpc_security_group_id": "sg-2"}],
}
EVERY = ["network", "auth_open", "agent", "auth_close", "app", "alarms"]


def read(instances, error=None):
    return {
        "account": {"id": "123456789012"}, "database": {"instances": instances}, "read": [{"source": "rds DescribeDBInstances", "at": "", "error": error}],
    }


def found(cache=None, instance=None, **changed):
    return {
        "region": "us-east-1", "cache_name": "huntaze", "cache_security_group_id": "", "agents": "deployed", "stages": EVERY,
        "database_identifier": "db", "allow_limiter": True, "cache": {"cache": {**CACHE, **(cache or {})}},
        "estate": read([{**INSTANCE, **(instance or {})}]), **changed,
    }


def test_an_estate_as_it_should_be_has_no_problem():
    assert estate_problems(found()) == []
    assert estate_problems(found(database_identifier="", estate=read(None))) == []


@pytest.mark.parametrize(
    ("looked_up", "words"),
    [
        (found({"exists": False}), "There is no cache huntaze in account 123456789012"),
        (found(cache={}, estate=read([])), "There is no database db"),
        (found(estate=read(None, "AccessDenied: User")), "could not be looked up (rds:DescribeDBInstances): AccessDenied: User"),
        ({**found(), "cache": {"msg": "no answer"}}, "could not be looked up: no answer"),
        (found({"status": "creating", "endpoints": {"primary": None}}), "status creating and shows no endpoint of a primary"),
        (found({"status": "creating", "endpoints": None}), "status creating and shows no endpoint of a primary"),
        (found({"status": "modifying", "endpoints": {"primary": None, "nodes": [ENDPOINT]}}), "status modifying and shows no endpoint of a primary"),
        (found({"security_group_ids": []}), "huntaze_cache.security_group_id"),
        (found(instance={"endpoint": None, "db_instance_status": "creating"}), "has the status creating and shows no endpoint"),
        (found(instance={"vpc_security_groups": []}), "shows no security group of the database"),
    ],
)
def test_kind_16_what_the_stages_cannot_work_with_is_told_before_anything_is_changed(looked_up, words):
    (problem,) = estate_problems(looked_up)
    assert words in problem


def test_kind_39_a_cache_in_cluster_mode_is_refused_where_agents_are_deployed():
    sharded = {"cluster_enabled": True, "endpoints": {"configuration": ENDPOINT}}
    (problem,) = estate_problems(found(sharded))
    assert "is in cluster mode, and the limiter agent speaks to one primary only" in problem
    assert estate_problems(found(sharded, agents="none")) == []
    for stage in ("agent", "app", "auth_open", "auth_close"):  # the last part of app runs the role of the agent too
        assert estate_problems(found(sharded, stages=[stage])) == [problem]
    assert estate_problems(found(sharded, stages=["alarms"])) == estate_problems(found(sharded, stages=[])) == []


@pytest.mark.parametrize("closing", [None, {}, {"cache": None, "msg": "refused"}, {"cache": {"id": "closed"}}])
@pytest.mark.parametrize("opening", [None, {}, {"cache": None, "msg": "refused"}, {"cache": {"id": "opened"}}])
def test_kind_16_a_refused_plan_of_the_cache_does_not_hide_the_cache_from_what_is_planned_next(closing, opening):
    text = yaml.safe_load((ROOT / "playbooks" / "vars" / "main.yml").read_text())["huntaze_cache_latest"]
    seen = {"huntaze_cache_before": {"cache": {"id": "before"}}}
    seen |= {name: result for name, result in (("huntaze_told_auth_close", closing), ("huntaze_told_auth_open", opening)) if result is not None}
    latest = next((result["cache"]["id"] for result in (closing, opening) if result and result.get("cache")), "before")
    assert Templar(DataLoader(), variables={"hostvars": {"localhost": seen}}).template(trust_as_template(text)) == {"id": latest}


@pytest.mark.parametrize("database", [None, {}, {"password": ""}, {"password": None}])
def test_kind_15_the_url_of_a_database_that_is_left_out_is_empty_and_no_crash(database):
    inventory = yaml.safe_load((ROOT / "inventories" / "production" / "group_vars" / "all.yml").read_text())
    url = trust_as_template(inventory["huntaze_app"]["secret_variables"]["DATABASE_URL"])
    for variables in ({"huntaze_database": database}, {} if not database else {"huntaze_database": database}):
        assert Templar(DataLoader(), variables=variables).template(url) == ""


@pytest.mark.parametrize("key", [key for key in CACHE if key not in ("exists", "endpoints", "security_group_ids")])
def test_kind_07_no_field_of_the_cache_is_needed(key):
    assert estate_problems({**found(), "cache": {"cache": {name: value for name, value in CACHE.items() if name != key}}}) == []


@pytest.mark.parametrize(
    ("tags", "skipped", "looks_only", "run"),
    [
        (["all"], [], False, EVERY),
        (["all"], ["auth_close", "verify"], False, [name for name in EVERY if name != "auth_close"]),
        (["tagged"], [], False, EVERY),
        (["preflight"], [], False, EVERY),
        (["agent", "network"], [], False, ["network", "agent"]),
        (["verify"], [], False, []),
        (["all"], [], True, []),
        (["alarms"], [], True, []),
    ],
)
def test_a_run_has_the_stages_that_its_tags_name(tags, skipped, looks_only, run):
    assert every_stage() == EVERY
    assert run_stages(tags, skipped, looks_only) == run


def test_a_stage_is_added_by_its_own_file_and_one_line_of_deploy_yml(tmp_path):
    """In a copy: Ansible runs it in its place, by its tag, and what the collection knows of stages knows it."""
    playbooks = shutil.copytree(PLAYBOOKS, tmp_path / "playbooks")
    (playbooks / "stages" / "budget.yml").write_text(
        "- name: Budget\n  hosts: localhost\n  gather_facts: false\n  tags: [budget]\n  tasks:\n    - name: Keep the budget\n      ansible.builtin.debug:\n"
    )
    deploy = playbooks / "deploy.yml"
    line = "- name: Watch it\n"
    assert line in deploy.read_text()
    deploy.write_text(deploy.read_text().replace(line, f"- {{name: Keep to the budget, ansible.builtin.import_playbook: stages/budget.yml}}\n\n{line}"))

    assert every_stage(playbooks) == [*EVERY[:-1], "budget", "alarms"]
    assert run_stages(["budget"], playbooks=playbooks) == ["budget"]
    # With tasks of its own it is planned as well.
    (playbooks / "stages" / "tasks" / "budget.yml").write_text("")
    assert planned_stages(["budget", "agent"], playbooks) == ["budget"]
    assert stage_plans({"huntaze_told_budget": {"steps": ["spend less"]}}, FREE, playbooks=playbooks)["planned"]["budget"] == ["spend less"]
    listed = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(deploy), "--list-tasks", "--tags", "budget", "-i", "localhost,"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )
    assert listed.returncode == 0 and "Keep the budget" in listed.stdout and "Keep the alarms" not in listed.stdout, listed.stdout + listed.stderr


def test_a_role_is_imported_without_the_task_that_validates_it_as_that_runs_for_every_tag():
    """Else --tags network would need what only the stage agent has looked up."""
    imports = [text for file in STAGES.glob("*.yml") for text in file.read_text().split("import_role:")[1:]]
    assert len(imports) >= 5 and all("rolespec_validate: false" in text[:250] for text in imports)
