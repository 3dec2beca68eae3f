# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/architecture.md and the tree are in step."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docs/architecture.md").read_text()


def test_every_path_that_it_names_is_there():
    paths = set(re.findall(r"`([\w./-]+/[\w./-]*)`", TEXT))
    assert len(paths) > 30
    # NAME stands for the name of what is to come.
    assert not [path for path in paths if "NAME" not in path and not (REPOSITORY / path).exists()]


def test_it_names_every_folder_of_the_collections_code():
    plugins = REPOSITORY / "plugins"
    folders = {path.parent.relative_to(REPOSITORY) for pattern in ("*/*.py", "module_utils/*/*.py", "plugin_utils/*/*.py") for path in plugins.glob(pattern)}
    assert not [folder for folder in folders if f"`{folder}/" not in TEXT]


def test_it_names_every_file_that_modules_share():
    assert not [path.name for path in (REPOSITORY / "plugins/module_utils").glob("*.py") if f"`plugins/module_utils/{path.name}`" not in TEXT]


def test_its_stages_are_those_of_the_playbook():
    stages = re.findall(r"stages/(\w+)\.yml", (REPOSITORY / "playbooks/deploy.yml").read_text())
    (line,) = re.findall(r"^    (preflight -->.*)$", TEXT, re.MULTILINE)
    assert line.split(" --> ") == stages
    assert re.findall(r"^\| `(\w+)` \|", TEXT.partition("## One idea")[0], re.MULTILINE) == stages
