# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball holds what users need and nothing else."""

import posixpath
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "roles",
    "scripts",
}


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    target = tmp_path_factory.mktemp("tarball")
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", REPOSITORY, "--output-path", target], check=True, capture_output=True)
    (tarball,) = target.iterdir()
    with tarfile.open(tarball) as archive:
        return archive.getmembers()


def test_its_top_level(members):
    assert {member.name.split("/")[0] for member in members} == TOP_LEVEL


def test_it_holds_all_that_is_tracked_of_what_users_need(members):
    shipped = ["docs", "examples", "meta", "playbooks", "plugins", "roles", "scripts"]
    tracked = subprocess.run(["git", "ls-files", *shipped], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split()
    assert set(tracked) <= {member.name for member in members}


def test_no_link_leads_out_of_it(members):
    assert not [member.name for member in members if member.issym() or member.islnk()]


def test_links_of_the_documents_lead_to_what_it_holds(members):
    names = {member.name for member in members}
    links = [
        (name, posixpath.normpath(posixpath.join(posixpath.dirname(name), link)))
        for name in names if name.endswith(".md")
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (REPOSITORY / name).read_text()) if "://" not in link
    ]
    assert links and not [(name, link) for name, link in links if link not in names]
