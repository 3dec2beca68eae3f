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
