# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could be safer, from what AWS says of the estate and what is declared. Pure.

A rule tells what it found, what that means, the way out, and what the way out breaks. What nobody could look at is neither found nor fine: it is told as such.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.known import Item, Known
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.looks import SEVERITIES, Found
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._posture.rules import RULES, SUBJECTS, Rule
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.objects import object_of


def security_findings(
    estate: t.Optional[Item], cache: t.Optional[Item], declared: Item, agents: int = 0, now: t.Optional[str] = None,
) -> dict[str, t.Any]:
    """`findings`, the gravest first, and `unseen`, a sentence for each thing that nobody could look at.

    estate, cache: what estate_info and elasticache_info tell; declared: the deployment's mappings; agents: how many hosts the inventory deploys to
    """
    today = (words.instant(now) if now else datetime.datetime.now(datetime.timezone.utc)).date()
    known = Known(estate, cache, declared, agents, today)
    findings: list[dict[str, t.Any]] = []
    unseen: list[str] = []
    blind: dict[str, list[str]] = {}
    for rule in RULES:
        if not _applies(rule, known):
            continue
        missing = [path for path in rule.needs if known.member(path) is None]
        if missing:
            blind.setdefault(missing[0], []).append(rule.title)
            continue
        looked = list(rule.looks(known))
        findings += [_finding(rule, one, known) for one in looked if isinstance(one, Found)]
        unseen += [words.clean(one) for one in looked if isinstance(one, str)]
    findings.sort(key=lambda one: SEVERITIES.index(one["severity"]))
    return {"findings": findings, "unseen": _unseen(blind, known) + list(dict.fromkeys(unseen))}


def _applies(rule: Rule, known: Known) -> bool:
    if rule.about == "huntaze_cache":
        return known.has_cache
    if rule.about == "hosts":
        return known.agents > 0
    if rule.about == "bucket":
        named = any("S3_BUCKET" in name for name in known.declared["huntaze_app"]["variables"])
        return known.member("bucket.exists") or (named and known.member("bucket.exists") is None)
    return not rule.about or bool(known.given.get(rule.about))


def _finding(rule: Rule, one: Found, known: Known) -> dict[str, t.Any]:
    found = object_of(words.clean(one.object))
    values = {"name": found["name"], "region": known.declared["huntaze_aws"]["region"] or "REGION", "aws_id": one.aws_id, **one.values}
    kind, text = rule.remedy
    return {
        "id": "/".join([rule.id, *(words.slug(part) for part in found["name"].split("/")), *([words.slug(one.key)] if one.key else [])]),
        "severity": one.severity or rule.severity,
        "object": {**found, **({"aws_id": words.clean(one.aws_id)} if one.aws_id else {})},
        "found": words.clean(one.found),
        "means": words.clean(rule.means.format(**values)),
        "remedy": {"kind": kind, "text": words.clean(text.format(**values))},
        "breaks": words.clean(rule.breaks.format(**values)),
    }


def _unseen(blind: t.Mapping[str, t.Sequence[str]], known: Known) -> list[str]:
    """A sentence for each reason why nobody looked at something."""
    codes = {one.get("source"): str(one["error"]).partition(":")[0] for one in known.estate.get("read") or [] if one.get("error")}
    subjects: dict[str, list[str]] = {}
    titles: dict[str, list[str]] = {}
    for path, named in blind.items():
        subject, *calls = SUBJECTS[path]
        why = next((f" (AWS refused {call}: {words.clean(codes[call])})" for call in calls if call in codes), "")
        subjects.setdefault(why, []).append(subject)
        titles.setdefault(why, []).extend(named)
    return [
        f"Nobody looked at {words.joined(list(dict.fromkeys(named)))}{why}. So nothing is said of: {', '.join(titles[why])}."
        for why, named in subjects.items()]
