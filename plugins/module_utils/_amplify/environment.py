# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans the environment variables of an Amplify app or branch, in one call that replaces them all."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify import app
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK, Change, Difference, LeftAlone, Plan

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
    """What a task asks for.

    branch: None: the variables are those of the app
    public: names and values that anybody may see
    secret: names and values that nobody may see
    absent: the names listed are to go, whatever their values
    purge:  the names that are not listed are to go, except those that Amplify reads
    """

    app_id: str
    branch: t.Optional[str]
    public: t.Mapping[str, str]
    secret: t.Mapping[str, str] = field(repr=False)
    absent: bool = False
    purge: bool = False

    def __str__(self) -> str:
        return app.object_of(self.app_id, self.branch)

    @property
    def where(self) -> dict[str, str]:
        """The parameters that say in every call which app or branch is meant."""
        return {"appId": self.app_id, **({"branchName": self.branch} if self.branch else {})}

    @property
    def values(self) -> dict[str, str]:
        return {**self.public, **self.secret}

    def wanted(self, variables: t.Mapping[str, str]) -> dict[str, str]:
        """The whole map that is to replace `variables`."""
        if self.absent:
            return {name: value for name, value in variables.items() if name not in self.values}
        kept = {name: variables[name] for name in self.kept(variables)} if self.purge else variables
        return {**kept, **self.values}

    def kept(self, variables: t.Iterable[str]) -> list[str]:
        """The names that purging leaves alone although they are not listed."""
        return sorted(name for name in variables if self.purge and is_reserved(name) and name not in self.values)

    def is_public(self, name: str, value: t.Optional[str]) -> bool:
        """Only what is declared public is nobody's secret: what was there under a public name may have been one."""
        return not self.absent and name in self.public and self.public[name] == value

    @classmethod
    def of(cls, app_id: str, parameters: t.Mapping[str, t.Any]) -> Desired:
        """From a task's parameters without problems."""
        return cls(
            app_id,
            parameters["branch"],
            *({name: "" if value is None else str(value) for name, value in (parameters[key] or {}).items()} for key in ("variables", "secret_variables")),
            absent=parameters["state"] == "absent",
            purge=parameters["purge"],
        )


@dataclass(frozen=True)
class Observed:
    """The variables that are there; any of them may be somebody's secret.

    shared: those of the app, where the branch lacks one that is listed
    """

    variables: t.Mapping[str, str] = field(repr=False)
    shared: t.Mapping[str, str] = field(default_factory=dict, repr=False)


def observe(client: t.Any, desired: Desired) -> Observed:
    if not desired.branch:
        return Observed(app.variables_of(client.get_app(**desired.where)["app"]))
    variables = app.variables_of(client.get_branch(**desired.where)["branch"])
    lacks = not desired.absent and not desired.values.keys() <= variables.keys()
    return Observed(variables, app.variables_of(client.get_app(appId=desired.app_id)["app"]) if lacks else {})


def plan(desired: Desired, observed: Observed) -> Plan:
    """The one call that brings the variables observed to those desired, or none."""
    there, wanted = observed.variables, desired.wanted(observed.variables)
    names = {
        "add": sorted(set(wanted) - set(there)),
        "change": sorted(name for name in set(wanted) & set(there) if wanted[name] != there[name]),
        "remove": sorted(set(there) - set(wanted)),
    }
    if not any(names.values()):
        return Plan()
    return Plan(left_alone=tuple(_stand_ins(desired, observed)), changes=(
        Change(
            "update_branch" if desired.branch else "update_app",
            {**desired.where, "environmentVariables": wanted or CLEAR},
            tuple(_difference(desired, name, there.get(name), wanted.get(name)) for name in sorted(sum(names.values(), []))),
            f"Update the variables of {desired}: " + "; ".join(f"{verb} {', '.join(found)}" for verb, found in names.items() if found),
        ),
    ))


def _stand_ins(desired: Desired, observed: Observed) -> t.Iterator[LeftAlone]:
    """The app's variables that take effect in the branch, and are not what is listed for it."""
    for name, value in sorted(observed.shared.items()):
        if name not in observed.variables and desired.values.get(name, value) != value:
            yield LeftAlone(
                Difference(app.object_of(desired.app_id), f"environment_variables.{name}", value, None, secret=True),
                f"{desired} has none of its own, so its builds take this one; other branches may need it",
                "remove it from the app unless other branches need it",
            )


def _difference(desired: Desired, name: str, before: t.Optional[str], after: t.Optional[str]) -> Difference:
    public = desired.is_public(name, after)
    hidden = MASK if public and before is not None else before
    return Difference(str(desired), f"environment_variables.{name}", hidden, after, secret=not public)


def shown(desired: Desired, variables: t.Iterable[str]) -> dict[str, t.Any]:
    """What a result tells of `variables` (names) beside what has changed: where they are, and which of them a purge has left."""
    return {"app_id": desired.app_id, "branch": desired.branch, "variable_names": sorted(variables), "kept": desired.kept(variables)}


def secrets_among(desired: Desired, variables: t.Mapping[str, str]) -> set[str]:
    """The values that nobody may be shown: those of `variables` and of the task that are not declared public."""
    public = set() if desired.absent else set(desired.public.values())
    return ({*variables.values(), *desired.secret.values()} - public) | set(desired.secret.values())


# What a user wrote


def problems(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with a task's options, one sentence each and never a value."""
    variables = {key: parameters[key] for key in ("variables", "secret_variables", "state", "purge")}
    return [*app.problems(parameters), *variable_problems(**variables)]


def variable_problems(variables: t.Any, secret_variables: t.Any, state: str = "present", purge: bool = False) -> list[str]:
    """What is wrong with the two mappings, one sentence each and never a value; nothing if they can be planned."""
    found = []
    if purge and state == "absent":
        found.append("purge removes what is not listed and state=absent what is listed: use one of them.")
    for option, mapping in (("variables", variables), ("secret_variables", secret_variables)):
        for name, value in (mapping or {}).items():
            found += _name_problems(option, name, state)
            if state == "present":
                wrong = _value_problem(value, secret=option == "secret_variables")
                found += [f"{option}: the value of {name} {wrong}"] if wrong else []
    found += [
        f"{name} is both in variables and in secret_variables: leave it in one of them."
        for name in (variables or {}) if name in (secret_variables or {})
    ]
    return found


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


def warnings(parameters: t.Mapping[str, t.Any]) -> list[str]:
    """What is probably not meant, one sentence each and never a value."""
    found = []
    for option in ("variables", "secret_variables") if parameters["state"] == "present" else ():
        for name, value in (parameters[option] or {}).items():
            end = str(value)[-1:]
            if end.isspace():
                what = "a line end" if end in "\r\n" else "a blank"
                found.append(f"{option}: the value of {name} ends with {what}, which is set as it is; trim it if it is not meant.")
    return found
