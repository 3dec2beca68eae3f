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


def stage_plans(told, cache=None, playbooks=PLAYBOOKS):
    """What each stage would do, and what it would be refused for.

    told:  what the stages' modules answered in check mode, by the names that they are registered under: huntaze_told_STAGE or huntaze_told_STAGE_PART
    cache: the cache as preflight has found it, of elasticache_info; empty if it has not
    Returns planned, the steps of each stage, with what has to be waited for; and refusals, sentences.
    """
    planned = {stage: [] for stage in planned_stages(every_stage(playbooks), playbooks)}
    refusals = []
    for name, result in told.items():
        (stage,) = [stage for stage in planned if f"{name}_".startswith(f"{TOLD}{stage}_")]
        planned[stage] += result.get("steps") or []
        if (result.get("job") or {}).get("status", "SUCCEED") != "SUCCEED":
            planned[stage].append("a build is under way")
        if result.get("msg") is not None:
            refusals.append(result["msg"])
        elif result and "steps" not in result and "skipped" not in result:
            # A plan has steps, were it none. This one was not made, and is not taken for a plan of nothing.
            refusals.append(f"The stage {stage} could not be planned, and gave no reason: run again with -vvv.")
    changing = [] if (cache or {}).get("status") == "available" and not cache.get("auth_token_status") else ["the cache is being changed"]
    # Both take the cache one way.
    planned["auth_open"] = planned["auth_close"] = planned["auth_close"] + planned["auth_open"] + changing
    return {"planned": planned, "refusals": list(dict.fromkeys(refusals))}
