# SPDX-License-Identifier: GPL-3.0-or-later
"""The expressions of composite alarms: ALARM("a") AND NOT (OK(b) OR FALSE)."""

from __future__ import annotations

import re
import typing as t

from moto.cloudwatch.exceptions import ValidationError

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
TOKEN = re.compile(r'\s*([()]|"[^"]*"|[^\s()"]+)')
# Does the rule hold, given the state of an alarm by name?
Holds = t.Callable[[t.Callable[[str], str]], bool]


class AlarmRule:
    """A parsed expression; `children` are the names of the alarms that it stands on."""

    def __init__(self, text: str) -> None:
        self.children: list[str] = []
        self._elements = 0
        self._tokens = TOKEN.findall(text)
        if "".join(self._tokens) != re.sub(r'("[^"]*")|\s', r"\1", text):
            raise ValidationError("Error in alarm rule: unbalanced quotes.")
        self.holds = self._chain("OR", any, lambda: self._chain("AND", all, self._factor))
        if self._tokens:
            raise ValidationError(f"Error in alarm rule: unexpected {self._tokens[0]}.")
        if len(set(self.children)) > 100:
            raise ValidationError("Alarm rule must not refer to more than 100 alarms.")
        if self._elements > 500:
            raise ValidationError("Alarm rule must not have more than 500 elements.")

    def _next(self, expected: str | None = None) -> str:
        found = self._tokens.pop(0) if self._tokens else "end of rule"
        if found == "end of rule" or (expected and found != expected):
            raise ValidationError(f"Error in alarm rule: unexpected {found}.")
        return found

    def _chain(self, word: str, combine: t.Callable[[t.Iterable[bool]], bool], part: t.Callable[[], Holds]) -> Holds:
        parts = [part()]
        while self._tokens and self._tokens[0] == word:
            self._next()
            parts.append(part())
        return lambda state_of: combine(holds(state_of) for holds in parts)

    def _factor(self) -> Holds:
        token = self._next()
        self._elements += token != "NOT"
        if token == "NOT":
            factor = self._factor()
            return lambda state_of: not factor(state_of)
        if token == "(":
            inner = self._chain("OR", any, lambda: self._chain("AND", all, self._factor))
            self._next(")")
            self._elements += 1
            return inner
        if token in ("TRUE", "FALSE"):
            return lambda state_of: token == "TRUE"
        if token not in STATES:
            raise ValidationError(f"Error in alarm rule: unexpected {token}.")
        self._next("(")
        name = self._next().strip('"').rpartition(":alarm:")[2]
        if name in ("", "(", ")"):
            raise ValidationError("Error in alarm rule: the name of an alarm is missing.")
        self._next(")")
        self.children.append(name)
        return lambda state_of: state_of(name) == token
