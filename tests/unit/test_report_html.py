# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as a page: what it may do, what it shows, whether it can be read."""

from __future__ import annotations

import base64
import functools
import hashlib
import html.parser
import re

import pytest
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import html as form
from hypothesis import HealthCheck, given, settings
from support import reports

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
STYLE, SCRIPT = ((form.HERE / name).read_text() for name in ("page.css", "page.js"))


class Page(html.parser.HTMLParser):
    """The elements of a page with their attributes, and its text without style and script."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.inside, self.text = [], {"style": "", "script": ""}, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cdata_elem:
            self.inside[self.cdata_elem] += data
        else:
            self.text += data

    def shapes(self):
        return {(tag, *sorted(attributes)) for tag, attributes in self.elements}

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def drawn(report):
    return Page(form.render(report))


@functools.cache
def benign():
    """The shapes of elements where nobody means harm."""
    return drawn(reports.full(drift=reports.a_few() + reports.many(20))).shapes() | drawn(reports.hostile("x")).shapes() | {("i",)}


def test_the_page_asks_nobody_for_anything():
    text = form.render(reports.full(drift=reports.a_few() + reports.many(20)))
    page = Page(text)
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    hashes = [base64.b64encode(hashlib.sha256(page.inside[name].encode()).digest()).decode() for name in ("style", "script")]
    assert page.inside == {"style": STYLE, "script": SCRIPT}
    assert policy == f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; base-uri 'none'; form-action 'none'"
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "img", "form", "base")
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset", "action", "ping")]
        assert attributes.get("href", "#").startswith(("#", "data:image/svg+xml,"))
    assert not re.search(r"//(?!www\.w3\.org/2000/svg)\w", text) and "@import" not in STYLE and "url(" not in STYLE
    assert not re.search(r"fetch|XMLHttp|WebSocket|import\(|eval|innerHTML|document\.write", SCRIPT)


@SLOW
@given(reports.HOSTILE)
def test_nothing_that_others_wrote_becomes_an_element_or_an_attribute(text):
    shown = form.render(reports.hostile(text))
    page = Page(shown)
    assert page.shapes() <= benign() and page.inside == {"style": STYLE, "script": SCRIPT}
    assert all(line.isprintable() for line in shown.splitlines())
    shown.encode()
    said = words.clean(text)
    assert said[:form.IN_A_ROW].strip() in page.text


@pytest.mark.parametrize("records", [reports.a_few(), reports.many(40), reports.many()], ids=len)
def test_every_difference_is_there_without_the_script(records):
    page = drawn(reports.report(records))
    for record in records:
        assert record["object"]["name"] in page.text
    assert len(page.all("article")) + form.render(reports.report(records)).count("<tr><td>") == len(records)


def test_a_thousand_differences_are_a_small_page():
    text = form.render(reports.report(reports.many()))
    assert len(text.encode()) < 130_000
    for part in ("<th scope=row>role ci<td class=n>748<td class=n>748<td class=n>0<td>25 Nov, 22:24 to 22:39", "new, lowers security",
                 "<caption>A run leaves these", "<th scope=row>security group: ingress tcp 443, source<td class=n data-l=objects>42"):
        assert part in text


def test_long_texts_are_shortened_and_it_is_said():
    text = form.render(reports.report([{**one, "found": "y" * 10_000, "field": "z" * 10_000} for one in reports.many(100)]))
    assert len(text) < 120_000 and "yyy ... and 9,800 characters more" in text


def test_one_by_one_a_difference_says_since_when_by_whom_and_what_to_do():
    page = drawn(reports.report(reports.a_few()))
    for said in ("25 Nov 2026 22:42 UTC, 4 h 30 min ago, by user oncall (AuthorizeSecurityGroupIngress)", "a run leaves it: the cache has user groups",
                 "take the user group from the cache, then run deploy.yml", "until 1 Dec 2026 by owner: load test of the new plan",
                 "nobody is proven; last writes by role ci, 23 Nov 2026 18:08 UTC (UpdateBranch); user oncall",
                 "lowers security", "this run put it right", "a secret (masked)", "another secret (masked)"):
        assert said in page.text


def test_sections_stand_in_their_order_and_trouble_is_open():
    page = drawn(reports.full())
    assert [one["id"] for one in page.all("section")] == "failure cause drift steps verification security cost notes".split()
    assert [one["href"][1:] for one in page.all("a")] == [one["id"] for one in page.all("section")]
    assert all("open" in one for one in page.all("details"))
    assert "FAILED" in page.text and drawn(reports.report([], "clean", "Nothing differs")).all("section") == []


def contrast(one, other):
    """By WCAG 2."""
    light = []
    for colour in (one, other):
        colour = colour if len(colour) == 7 else "#" + "".join(letter * 2 for letter in colour[1:])
        channels = [int(colour[at: at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(light) / min(light)


@pytest.mark.parametrize("scheme", [":root {", "@media (prefers-color-scheme: dark) { :root {", "@media print {\n:root {"])
def test_every_text_can_be_read(scheme):
    names = dict(re.findall(r"--([\w-]+): (#\w+)", STYLE.partition(":root {")[2].partition("}")[0]))
    names |= dict(re.findall(r"--([\w-]+): (#\w+)", STYLE.partition(scheme)[2].partition("}")[0]))
    pairs = [(text, ground) for text in ("ink", "mute") for ground in ("page", "card", "soft")]
    pairs += [(tone, ground) for tone in ("good", "bad", "warn", "info") for ground in ("card", f"{tone}-on")]
    pairs += [("info", "soft"), ("card", "bad"), ("card", "info")]
    assert {pair: round(contrast(*map(names.get, pair)), 2) for pair in pairs if contrast(*map(names.get, pair)) < 5.2} == {}
    bar = dict(re.findall(r"--(bar|on): (#\w+)", STYLE.partition("body.drift {")[2].partition("}")[0]))
    assert contrast(bar["bar"], bar["on"]) > 5.2
