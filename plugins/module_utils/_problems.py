# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with options, whatever they are about. Pure.

A problem is a sentence that names the option, what was found and the way out.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.huntaze.ai_system.plugins.module_utils._shapes import edges

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


def typed_items(
    option: str, items: t.Sequence[t.Any], options: t.Mapping[str, t.Any], name: str
) -> tuple[list[t.Optional[dict[str, t.Any]]], list[str]]:
    """The items with every option of the type that it has, those not given None or their default; and a sentence for each value of another type.

    An item with such a value is None in the result. Ansible's own check would not say in which of many items a value is wrong, and takes true for 1.0.

    option: what the list is called
    options: an item's argument spec: type, elements, options, required and default
    name: the option that tells an item from others
    """
    result: list[t.Optional[dict[str, t.Any]]] = []
    problems = []
    for position, item in enumerate(items):
        found: list[str] = []
        typed: dict[str, t.Any] = {}
        named = None
        if isinstance(item, t.Mapping):
            named = item.get(name)
            typed = _typed_options(item, options, "", found)
            if not found:
                found += [f"{key} is missing: add it." for key, spec in options.items() if spec.get("required") and typed[key] is None]
        else:
            found.append(f"it is {_shown(item)}: write its options, such as {name}.")
        problems += [f"{_where(option, position, named)}: {problem}" for problem in found]
        result.append(None if found else typed)
    return result, problems


def _where(option: str, position: int, name: t.Any) -> str:
    return f"{option}[{position}]" + (f' "{str(name)[:255]}"' if name is not None else "")


def _shown(value: t.Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:80] + "..."


def _typed_options(given: t.Mapping[t.Any, t.Any], options: t.Mapping[str, t.Any], where: str, problems: list[str]) -> dict[str, t.Any]:
    for option in given:
        if option not in options:
            near = difflib.get_close_matches(str(option), options, 1)
            problems.append(f"{where}{option} is no option: " + (f"do you mean {near[0]}?" if near else f"remove it; the options are {', '.join(options)}."))
    return {option: _typed(given.get(option), spec, f"{where}{option}", problems) for option, spec in options.items()}


def _typed(value: t.Any, spec: t.Mapping[str, t.Any], where: str, problems: list[str]) -> t.Any:
    if value is None:
        return spec.get("default")
    if spec["type"] == "list":
        return _typed_list(value, spec, where, problems)
    if spec["type"] == "dict":
        if not isinstance(value, t.Mapping):
            problems.append(f"{where} is {_shown(value)}: write names and values, such as name: value.")
            return None
        return _typed_options(value, spec["options"], f"{where}.", problems) if "options" in spec else value
    try:
        return _SCALARS[spec["type"]](value)
    except (TypeError, ValueError, OverflowError):
        problems.append(f"{where} is {_shown(value)}: {_WANTED[spec['type']]}.")
        return None


def _typed_list(value: t.Any, spec: t.Mapping[str, t.Any], where: str, problems: list[str]) -> t.Any:
    if isinstance(value, str) and spec["elements"] == "str":
        value = [word.strip() for word in value.split(",")] if value.strip() else []
    if not isinstance(value, list):
        problems.append(f"{where} is {_shown(value)}: write a list, a dash before each entry.")
        return None
    element = {"type": spec["elements"], **({"options": spec["options"]} if "options" in spec else {})}
    for number, item in enumerate(value):
        if item is None:
            problems.append(f"{where}[{number}] is empty: remove it, or give it a value.")
    typed = [_typed(item, element, f"{where}[{number}]", problems) for number, item in enumerate(value)]
    return [item for item in typed if item is not None]


def _to_int(value: t.Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise TypeError
    return int(value)


def _to_float(value: t.Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _to_bool(value: t.Any) -> bool:
    if isinstance(value, float):
        raise TypeError
    return boolean(value)


def _to_str(value: t.Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError
    return str(value)


_SCALARS: dict[str, t.Callable[[t.Any], t.Any]] = {"int": _to_int, "float": _to_float, "bool": _to_bool, "str": _to_str}
_WANTED = {"int": "give a whole number", "float": "give a number", "bool": "give true or false", "str": "give a text, in quotation marks"}
