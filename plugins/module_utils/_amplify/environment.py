# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans the environment variables of an Amplify app or branch. Pure: no client, no clock, no module."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK, Change, Plan

NAME_LIMIT, VALUE_LIMIT = 255, 5500
# Amplify takes no empty map for an answer; this one clears.
CLEAR = {" ": ""}


# By Amplify's reference of environment variables.
READ_BY_AMPLIFY = ("USER_BRANCH", "USER_DISABLE_TESTS")
READ_BY_AMPLIFY_PREFIXES = ("_", "AMPLIFY_")


def is_reserved(name: str) -> bool:
    """Whether Amplify itself reads this variable; purging leaves it alone unless it is listed."""
    return name in READ_BY_AMPLIFY or name.startswith(READ_BY_AMPLIFY_PREFIXES)


@dataclass(frozen=True)
class Desired:
    """What a task asks for. absent: the names listed are to go, whatever their values."""

    public: t.Mapping[str, str]
    secret: t.Mapping[str, str] = field(repr=False)
    absent: bool = False
    purge: bool = False

    @property
    def values(self) -> dict[str, str]:
        return {**self.public, **self.secret}

    def wanted(self, observed: t.Mapping[str, str]) -> dict[str, str]:
        """The whole map that is to replace `observed`."""
        if self.absent:
            return {name: value for name, value in observed.items() if name not in self.values}
        kept = {name: observed[name] for name in self.kept(observed)} if self.purge else observed
        return {**kept, **self.values}

    def kept(self, observed: t.Mapping[str, str]) -> list[str]:
        """The names that purging leaves alone although they are not listed."""
        return sorted(name for name in observed if self.purge and is_reserved(name) and name not in self.values)

    @classmethod
    def of(cls, parameters: t.Mapping[str, t.Any]) -> Desired:
        """From a task's parameters without variable_problems."""
        return cls(
            *({name: "" if value is None else str(value) for name, value in (parameters[key] or {}).items()} for key in ("variables", "secret_variables")),
            absent=parameters["state"] == "absent",
            purge=parameters["purge"],
        )


@dataclass(frozen=True)
class Place:
    """Where variables are kept: an app, or one of its branches."""

    app_id: str
    branch: t.Optional[str] = None

    def __str__(self) -> str:
        return f"branch {self.branch} of app {self.app_id}" if self.branch else f"app {self.app_id}"

    @property
    def _key(self) -> dict[str, str]:
        return {"appId": self.app_id, **({"branchName": self.branch} if self.branch else {})}

    def replace(self, variables: t.Mapping[str, str], summary: str) -> Change:
        return Change(
            "update_branch" if self.branch else "update_app",
            {**self._key, "environmentVariables": dict(variables) or CLEAR},
            summary,
        )


def variable_problems(variables: t.Any, secret_variables: t.Any, state: str = "present", purge: bool = False) -> list[str]:
    """What is wrong with the two mappings, one sentence each and never a value; nothing if they can be planned."""
    problems = []
    if purge and state == "absent":
        problems.append("purge removes what is not listed and state=absent what is listed: use one of them.")
    for option, mapping in (("variables", variables), ("secret_variables", secret_variables)):
        for name, value in (mapping or {}).items():
            problems += _name_problems(option, name, state)
            if state == "present":
                wrong = _value_problem(value, secret=option == "secret_variables")
                problems += [f"{option}: the value of {name} {wrong}"] if wrong else []
    problems += [
        f"{name} is both in variables and in secret_variables: leave it in one of them."
        for name in (variables or {}) if name in (secret_variables or {})
    ]
    return problems


def _name_problems(option: str, name: t.Any, state: str) -> list[str]:
    if not isinstance(name, str):
        return [f"{option}: the name {name!r} is not a string: write it in quotes."]
    if not name.strip():
        return [f"{option} has a variable without a name: name it, or take it out."]
    if name != name.strip() and state == "present":
        return [f"{option}: the name {name!r} begins or ends with a blank: write {name.strip()!r}."]
    problems = []
    if "=" in name or "\0" in name:
        problems.append(f"{option}: the name {name!r} has a character that no environment variable's name can have: take it out.")
    if name.startswith("AWS"):
        suggestion = "APP" + name[len("AWS"):]
        problems.append(f"{option}: Amplify rejects {name}, as it reserves names that begin with AWS: rename it (to {suggestion}, say) here and in the app.")
    if len(name) > NAME_LIMIT:
        problems.append(f"{option}: the name {name[:20]}... has {len(name)} characters, of which Amplify takes {NAME_LIMIT}: shorten it.")
    return problems


def _value_problem(value: t.Any, secret: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return f"is a {type(value).__name__}, not a string: write it in quotes, exactly as the app is to read it."
    if secret and not str(value):
        return "is empty: the environment variable or vault it comes from is probably not set."
    if "\0" in str(value) or any("\ud800" <= character <= "\udfff" for character in str(value)):
        return "has a character that no environment variable can have (NUL or half of a surrogate pair): give it as text, such as base64."
    if len(str(value)) > VALUE_LIMIT:
        return f"has {len(str(value))} characters, of which Amplify takes {VALUE_LIMIT}: keep it in S3 or Secrets Manager and give the app its address."
    return ""


def plan(place: Place, desired: Desired, observed: t.Mapping[str, str]) -> Plan:
    """The one call that brings the variables `observed` to those desired, or none."""
    wanted = desired.wanted(observed)
    if wanted == dict(observed):
        shown = _shown(desired, observed)
        return Plan(before=shown, after=shown)
    verbs = {
        "add": sorted(set(wanted) - set(observed)),
        "change": sorted(name for name in set(wanted) & set(observed) if wanted[name] != observed[name]),
        "remove": sorted(set(observed) - set(wanted)),
    }
    what = "; ".join(f"{verb} {', '.join(names)}" for verb, names in verbs.items() if names)
    return Plan(
        changes=(place.replace(wanted, f"Update the variables of {place}: {what}"),),
        before=_shown(desired, observed),
        # A mask that stays the same would hide that something changes.
        after={**_shown(desired, wanted), **{name: f"{MASK} (changed)" for name in verbs["change"] if name not in desired.public}},
    )


def _is_public(desired: Desired, name: str, value: str) -> bool:
    """Only what is declared public is nobody's secret: what was there under a public name may have been one."""
    return not desired.absent and desired.public.get(name) == value


def _shown(desired: Desired, variables: t.Mapping[str, str]) -> dict[str, str]:
    return {name: value if _is_public(desired, name, value) else MASK for name, value in sorted(variables.items())}


def secrets_among(desired: Desired, variables: t.Mapping[str, str]) -> set[str]:
    """The values that nobody may be shown: those of `variables` and of the task that are not declared public."""
    public = set() if desired.absent else set(desired.public.values())
    return ({*variables.values(), *desired.secret.values()} - public) | set(desired.secret.values())


def value_warnings(variables: t.Any, secret_variables: t.Any) -> list[str]:
    """What is probably not meant, one sentence each and never a value."""
    warnings = []
    for option, mapping in (("variables", variables), ("secret_variables", secret_variables)):
        for name, value in (mapping or {}).items():
            end = str(value)[-1:]
            if end.isspace():
                what = "a line end" if end in "\r\n" else "a blank"
                warnings.append(f"{option}: the value of {name} ends with {what}, which is set as it is; trim it if it is not meant.")
    return warnings
