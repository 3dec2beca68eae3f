# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a deployment, as playbooks/deploy.yml lists them: each is a file of playbooks/stages, and its name is its tag."""

from __future__ import annotations

from pathlib import Path

import yaml

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
# What looks before and after the stages, whatever stages a run has.
LOOKS = ("preflight", "verify")
# Under names that begin so, stages register what their modules told.
TOLD = "huntaze_told_"
# What the one is refused for the other cannot do either.
TOGETHER = (("auth_open", "auth_close"), ("auth_close", "auth_open"))


def every_stage(playbooks=PLAYBOOKS):
    """The names of all stages, in their order."""
    entries = yaml.safe_load((playbooks / "deploy.yml").read_text(encoding="utf-8"))
    names = [Path(entry["ansible.builtin.import_playbook"]).stem for entry in entries]
    return [name for name in names if name not in LOOKS]


def run_stages(tags, skipped=(), looks_only=False, playbooks=PLAYBOOKS):
    """The names of the stages that a run has. `tags` and `skipped` are Ansible's ansible_run_tags and ansible_skip_tags.

    `verify`, alone or as the playbook of that name (`looks_only`), has none. The tag preflight has all of them planned.
    """
    stages = [] if looks_only else every_stage(playbooks)
    if not {"all", "tagged", "preflight"} & set(tags):
        stages = [name for name in stages if name in tags]
    return [name for name in stages if name not in skipped]


def planned_stages(stages, playbooks=PLAYBOOKS):
    """Those of the stages that preflight plans: they have a file in playbooks/stages/tasks."""
    return [name for name in stages if (playbooks / "stages" / "tasks" / f"{name}.yml").exists()]


def stage_plans(told, cache=None, estate=(), playbooks=PLAYBOOKS):
    """What each stage would do, what differs, and what it would be refused for.

    told:   what the stages' modules answered in check mode, by the names that they are registered under: huntaze_told_STAGE or huntaze_told_STAGE_PART
    cache:  the cache as preflight has found it, of elasticache_info; empty if it has not
    estate: why stages cannot work with what was found, sentences. Then some stages are not planned
    Returns planned, the steps of each stage, with what has to be waited for; refusals, sentences; refused, the stages that they are of; unseen, the
    refusals that tell no difference, so that something was not compared, each with its stage; and differences.
    """
    planned = {stage: [] for stage in planned_stages(every_stage(playbooks), playbooks)}
    refusals, refused, differences = [], [], []
    unseen = [{"stage": "preflight", "host": None, "message": problem} for problem in estate]
    for name, result in told.items():
        (stage,) = [stage for stage in planned if f"{name}_".startswith(f"{TOLD}{stage}_")]
        planned[stage] += result.get("steps") or []
        if (result.get("job") or {}).get("status", "SUCCEED") != "SUCCEED":
            planned[stage].append("a build is under way")
        differing = _differing(result)
        differences += differing
        refusal = result.get("msg")
        if refusal is None and result and "steps" not in result and "skipped" not in result:
            # A plan has steps, were it none. This one was not made, and is not taken for a plan of nothing.
            refusal = f"The stage {stage} could not be planned, and gave no reason: run again with -vvv."
        if refusal is not None:
            refusals.append(refusal)
            refused += [stage] + [other for one, other in TOGETHER if one == stage]
            unseen += [] if differing else [{"stage": stage, "host": None, "message": refusal}]
    changing = [] if (cache or {}).get("status") == "available" and not cache.get("auth_token_status") else ["the cache is being changed"]
    # Both take the cache one way.
    planned["auth_open"] = planned["auth_close"] = planned["auth_close"] + planned["auth_open"] + changing
    return {
        "planned": planned, "refusals": list(dict.fromkeys([*estate, *refusals])), "refused": list(dict.fromkeys(refused)), "unseen": unseen,
        "differences": differences,
    }


def _differing(result):
    """What differs, whether a run puts it right or leaves it as it is."""
    return [*(result.get("differences") or []), *(result.get("left_alone") or [])]


def agents_plans(looks, expected=()):
    """What was found on the agents' hosts: refusals, unseen and differences, as `stage_plans` returns them.

    looks:    what the module limiter_agent answered, by the host
    expected: the hosts that should have been looked at
    """
    unseen = [{"stage": "agent", "host": host, "message": f"{host}: nobody has looked at it."} for host in expected if not looks.get(host)]
    refusals, differences = [], []
    for host, look in looks.items():
        told = [f"{host}: {problem}" for problem in look.get("problems") or []]
        if look.get("unreachable"):
            told.insert(0, (
                f"The host {host} of huntaze_limiter_agents cannot be reached: {str(look.get('msg') or 'no reason given').rstrip('. ')}."
                " Bring it up, or take it out of the group."
            ))
        differing = [{**one, "changed_at": (look.get("changed_at") or {}).get(one["field"])} for one in _differing(look)]
        differences += differing
        refusals += told
        unseen += [] if differing else [{"stage": "agent", "host": host, "message": message} for message in told]
    return {"refusals": refusals, "unseen": unseen, "differences": differences}


def agents_without_former_tokens(hosts):
    """The names of the agents' hosts that keep no former bearer token. `hosts`: their variables."""
    seen = {host["inventory_hostname"]: host.get("limiter_agent_result") or host.get("limiter_agent_look") or {} for host in hosts}
    return [name for name, result in seen.items() if result.get("kept_bearer_tokens") == 0]
