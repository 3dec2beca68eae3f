# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of CloudWatch's input share: words, lengths, and what makes a metric.

Every check yields sentences that name the option, what was found and the way out.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import edges

METRIC_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits")
UNITS = ("Seconds", "Microseconds", "Milliseconds", *_SIZES, "Percent", "Count", *(f"{size}/Second" for size in _SIZES), "Count/Second", "None")

_PERCENTILE = re.compile(r"(p|tm|tc|ts|wm)(\d{1,3}(?:\.\d{1,10})?)", re.ASCII)
_RANGE = re.compile(r"(PR|TC|TM|TS|WM)\(([^():]*):([^():]*)\)")
_BOUND = re.compile(r"(-?\d+(?:\.\d+)?)(%?)", re.ASCII)

Options = t.Mapping[str, t.Any]
Problems = t.Iterator[str]


def quoted(words: t.Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def choice_problems(option: str, value: t.Any, choices: t.Sequence[str]) -> Problems:
    if value is not None and value not in choices:
        yield f'{option} "{value}" is unknown: use {" or ".join([", ".join(choices[:-1]), choices[-1]])}.'


def length_problems(option: str, value: t.Optional[str], most: int, least: int = 1) -> Problems:
    if value is not None and not least <= len(value) <= most:
        yield f"{option} has {len(value)} characters: use {least} to {most}."


def edge_problems(option: str, value: t.Optional[str]) -> Problems:
    found = edges(value or "")
    if found:
        yield f"{option} {(value or '')[:80]!r} {found}: remove it."


def required_problems(given: Options, options: t.Iterable[str], why: str = "") -> Problems:
    for option in options:
        if option not in given:
            yield f"{option} is missing{why}: add it."


def unwanted_problems(given: Options, options: t.Iterable[str], why: str) -> Problems:
    found = [option for option in options if option in given]
    if found:
        yield f"{', '.join(found)} {'do' if found[1:] else 'does'} not go with {why}: remove {'them' if found[1:] else 'it'}."


def metric_problems(where: str, metric: Options) -> Problems:
    """A metric's name, namespace and dimensions, which single metrics and those of metric math share."""
    for option in ("metric_name", "namespace"):
        yield from required_problems(metric, (option,), where)
        yield from length_problems(f"{option}{where}", metric.get(option), 255)
        yield from edge_problems(f"{option}{where}", metric.get(option))
    if metric.get("namespace", "").startswith(":"):
        yield f'namespace "{metric["namespace"]}"{where} begins with a colon: remove it.'
    dimensions = metric.get("dimensions") or []
    if len(dimensions) > 30:
        yield f"dimensions{where} has {len(dimensions)} entries: AWS takes 30."
    names = [dimension.get("name") for dimension in dimensions]
    repeated = {str(name) for name in names if names.count(name) > 1}
    if repeated:
        yield f"dimensions{where} names {quoted(sorted(repeated))} more than once: keep one of each."
    for dimension in dimensions:
        for option, most in (("name", 255), ("value", 1024)):
            yield from length_problems(f"the {option} of a dimension{where}", dimension.get(option) or "", most)
        if (dimension.get("name") or "").startswith(":"):
            yield f'the name of a dimension{where} "{dimension["name"]}" begins with a colon: remove it.'


def period_problems(option: str, period: t.Optional[int]) -> Problems:
    if period is not None and period not in (10, 20, 30) and (period < 60 or period % 60):
        yield f"{option} is {period}: use 10, 20, 30 or a multiple of 60."


def is_extended_statistic(text: str) -> bool:
    """p0 to p100, tm90, IQM, PR(n:m), or a range such as TM(10%:90%), TC(:0.5) and WM(150:1000)."""
    percentile = _PERCENTILE.fullmatch(text)
    if percentile:
        return float(percentile[2]) <= 100
    found = _RANGE.fullmatch(text)
    if not found:
        return text == "IQM"
    bounds = [_BOUND.fullmatch(bound) for bound in found.groups()[1:] if bound]
    if not bounds or not all(bounds):
        return False
    signs = {bound[2] for bound in bounds if bound}
    numbers = [float(bound[1]) for bound in bounds if bound]
    if len(signs) > 1 or ("%" in signs and (found[1] == "PR" or not all(0 <= number <= 100 for number in numbers))):
        return False
    return len(numbers) < 2 or numbers[0] < numbers[1]
