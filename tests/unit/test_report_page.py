# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of a report's page under Node, on a stand-in for a browser's document: what is filtered, copied and printed."""

from __future__ import annotations

import html.parser
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import html as form
from support import reports

STAND_IN = Path(__file__).parents[1] / "support" / "node" / "page.js"
# Elements whose end tag the page leaves out, by what ends them.
ENDED_BY = {
    "td": ("td", "th"), "th": ("td", "th"), "tr": ("td", "th", "tr"), "tbody": ("td", "th", "tr", "thead", "tbody"), "thead": ("colgroup",), "li": ("li",),
    "dt": ("dt", "dd"), "dd": ("dt", "dd"),
}
WITHOUT_END = ("meta", "link", "col", "br", "circle")


class Tree(html.parser.HTMLParser):
    """[tag, attributes, children] of the page's body."""

    def __init__(self, text):
        super().__init__()
        self.open = [["html", {}, []]]
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        while self.open[-1][0] in ENDED_BY.get(tag, ()):
            self.open.pop()
        element = [tag, {name: value or "" for name, value in attrs}, []]
        self.open[-1][2].append(element)
        if tag not in WITHOUT_END:
            self.open.append(element)

    def handle_endtag(self, tag):
        if any(one[0] == tag for one in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        self.open[-1][2].append(data)


@pytest.fixture
def page():
    if not shutil.which("node"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node is missing: no look at what the page's script does")

    def after(records, *asked, **more):
        """What can be seen after each thing that a reader does."""
        tree = Tree(form.render(reports.report(records, **more))).open[0]
        lines = "\n".join(map(json.dumps, [tree, *asked]))
        done = subprocess.run(["node", STAND_IN, form.HERE / "page.js"], input=lines, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return after


def test_what_differs_is_filtered_by_word_actor_and_state(page):
    records = reports.many(100)
    all_of_it, by, new, word, nothing = page(records, {}, {"by": "role ci"}, {"without": ["still", "accepted"]}, {"word": "ALARM period"}, {"word": "no such thing"})
    assert (all_of_it["shown"], all_of_it["said"]) == (100, "100 fields")
    of_ci = sum(one["by"] == "role ci" for one in records)
    assert (by["shown"], by["said"]) == (of_ci, f"{of_ci} of 100 fields shown")
    assert new["shown"] == sum(one["state"] == "new" and not one["accepted"] for one in records)
    assert word["shown"] == sum(one["object"]["kind"] == "alarm" and one["field"] == "period" for one in records) > 0
    assert (nothing["shown"], nothing["folds"]) == (0, 0)


def test_paper_has_all_of_it_and_the_filter_is_back_afterwards(page):
    filtered, printed, back = page(reports.many(100), {"by": "role ci"}, {"event": "beforeprint"}, {"event": "afterprint"})
    assert printed["shown"] == 100 and printed["folds"] >= filtered["folds"] and back == filtered


def test_a_command_is_copied_as_it_is(page):
    (done,) = page([], {"copy": True}, word="failed", causes=[reports.CAUSE])
    assert done["copied"] == ["ansible-playbook deploy.yml"]


def test_a_few_differences_need_no_filter(page):
    (done,) = page(reports.a_few(), {"event": "beforeprint"})
    assert done["said"] is None and done["shown"] == 5
