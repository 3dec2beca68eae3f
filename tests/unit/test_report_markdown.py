# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report looks like in a pull request's comment or a CI job's summary."""

from __future__ import annotations

import itertools
import re

import markdown_it
import pytest
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import markdown
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import reports

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PARSER = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
OUR_HTML = re.compile(r"<!-- huntaze\.ai_system report [a-z0-9_. -]+ -->|</?(?:details|details open|summary|sub)>|<br>")
# Outside of code these become a mention, an issue, a commit, an emoji, a formula, an address.
ALIVE = re.compile(r"@\w|#\d|\bGH-\d|:(?=\w*[a-z])\w+:|\$\w|://|\bwww\.|\b(?=\w*[a-f])[0-9a-f]{7,40}\b")
NODES = {"text", "code_inline", "softbreak", "html_inline", "em_open", "em_close", "strong_open", "strong_close"}


def parsed(text):
    """All inline parts of a page, and its blocks."""
    blocks = PARSER.parse(text)
    return list(itertools.chain.from_iterable(block.children or [] for block in blocks)), blocks


def rows_of(text):
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]


def test_a_few_differences_are_a_table():
    shown = markdown.render(reports.report(reports.a_few()))
    assert shown.startswith("""\
<!-- huntaze.ai_system report drift 123456789012 us-east-1 -->
### DRIFT: 2 fields differ from what is declared; 1 lowers security

> [!WARNING]
> Strangers reach Redis.
>
> **Next:** `ansible-playbook deploy.yml`, puts back what differs

drift, account 123456789012, us-east-1, 26 Nov 2026 03:12:44 UTC, took 38 s

#### Drift: 2 new, 1 still, 1 accepted, 1 gone

Since the report of 25 Nov 2026 03:12 UTC.

| state | object, field | declared | found | since | by |
| --- | --- | --- | --- | --- | --- |
""")
    for row in (
        "| **new**, lowers security | security group `huntaze-cache`<br>ingress tcp 6379, source | `huntaze-limiter` | `huntaze-limiter, 0.0.0.0/0` "
        "| 25 Nov 2026 22:42 UTC | user oncall (AuthorizeSecurityGroupIngress) |",
        "| **still** | amplify branch `huntaze-app/main`<br>variable `LIMITER_TOKEN` | `a secret (masked)` | `another secret (masked)` "
        "| between 23 Nov 2026 03:12 UTC and 24 Nov 2026 03:12 UTC, by earlier reports "
        "| nobody is proven; last writes by role ci, 23 Nov 2026 18:08 UTC (UpdateBranch); user oncall, 22 Nov 2026 01:00 UTC (UpdateBranch) |",
        "| accepted<br>until 1 Dec 2026 by owner: load test of the new plan | alarm `huntaze-ai-cache-cpu`<br>threshold | `40 %` | `60 %` ",
        "| gone | alarm `huntaze-ai-agent-silent`<br>actions | `1 SNS topic` | this run put it right; was `none` ",
    ):
        assert row in shown
    left = "- Left by a run: cache huntaze-redis: AUTH; a run leaves it: the cache has user groups; take the user group from the cache, then run deploy.yml\n"
    assert left in shown


def test_of_a_thousand_differences_the_first_hundred_are_listed_and_the_rest_is_said():
    shown = markdown.render(reports.report(reports.many()))
    assert "\nThe first 100 of 931; all of them are in report.html and report.json.\n" in shown
    assert "| role ci | 748 | 748 | 0 | 25 Nov, 22:24 to 22:39 |" in shown and "<summary>61 that lower security</summary>" in shown
    assert sum(line.startswith(("| **new**", "| **still**")) for line in shown.splitlines()) == 100
    assert len(shown) < 40_000


def test_sections_stand_in_their_order():
    shown = markdown.render(reports.full())
    heads = re.findall(r"^(?:#### |<details(?: open)?><summary>)(\w+)", shown, re.M)
    assert heads == "Failure Cause Drift Steps Verification Security Cost Notes".split() and "> [!CAUTION]" in shown


def test_a_clean_run_is_short():
    shown = markdown.render(reports.report([], "clean", "Nothing differs", checks=[reports.CHECKS[3]]))
    assert len(shown.splitlines()) < 10 and "- Not verified: controller to PostgreSQL: the controller is outside of the VPC\n" in shown


@pytest.mark.parametrize("size", [3, 300])
def test_however_long_texts_are_a_comment_is_not_too_long_and_says_what_is_missing(size):
    text = "|`" * 5000
    records = [{**one, "declared": text, "found": text, "field": f"{text}{index}", "by": text} for index, one in enumerate(reports.many(size))]
    steps = [reports.step(f"stage-{index}", "alarm", f"{text}{index}", text) for index in range(300)]
    shown = markdown.render(reports.full(drift=records, steps=steps, failures=[reports.FAILURE] * 200, notes=[text] * 100))
    assert len(shown) <= markdown.LONGEST and "report.json" in shown and "### FAILED" in shown
    assert shown.count("<details") == shown.count("</details>") and re.search(r"The first \d+ of|Left out", shown)


@SLOW
@given(st.one_of(reports.HOSTILE, st.text(alphabet="`|\\@#<>&*_[]()!~:$ ax1.-+=\n", max_size=40)))
def test_no_mention_link_or_html_comes_out_of_what_others_wrote(text):
    shown = markdown.render(reports.hostile(text))
    inlines, blocks = parsed(shown)
    assert {node.type for node in inlines} <= NODES
    for node in inlines:
        if node.type == "text":
            assert not ALIVE.search(node.content), node.content
        if node.type == "html_inline":
            assert OUR_HTML.fullmatch(node.content)
    for block in blocks:
        if block.type == "html_block":
            assert re.fullmatch(r"[\w:,;.+ -]*", OUR_HTML.sub("", block.content).strip()), block.content
    assert all(line.isprintable() for line in shown.splitlines())
    # Every row has as many cells as its table has columns.
    tables = re.findall(r"(?:^\|.*\n)+", re.sub(r"^(`{3,})text\n.*?\n\1$", "", shown, flags=re.M | re.S), re.M)
    assert tables and all(len({len(row) for row in rows_of(table)}) == 1 for table in tables)


def test_what_others_wrote_comes_out_as_they_wrote_it():
    for text in ("a|b", "`", "`` ` ``", "<script>", "\\|", "*a*", "a" * 20):
        inlines, dummy = parsed(markdown.render(reports.hostile(text)))
        assert [node for node in inlines if node.type == "code_inline" and node.content == text], text


def test_secrets_stay_masked():
    shown = markdown.render(reports.report(reports.a_few()))
    assert "a secret (masked)" in shown and "another secret (masked)" in shown
