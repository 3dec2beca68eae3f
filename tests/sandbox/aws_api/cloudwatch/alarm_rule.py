# SPDX-License-Identifier: GPL-3.0-or-later
"""The expressions of composite alarms: ALARM("a") AND NOT (OK(b) OR FALSE) OR AT_LEAST(50%, NOT OK, (a, b))."""

from __future__ import annotations

import re
import typing as t

from moto.cloudwatch.exceptions import ValidationError

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
TOKEN = re.compile(r'\s*([(),]|"(?:\\.|[^"\\])*"|[^\s(),"]+)', re.DOTALL)
MARKS = ("(", ")", ",")
# Does the rule hold, given the state of an alarm by what the rule calls it?
Holds = t.Callable[[t.Callable[[str], str]], bool]


class AlarmRule:
    """A parsed expression; `children` are the names and ARNs of the alarms that it stands on, as it calls them."""

    def __init__(self, text: str) -> None:
        self.children: list[str] = []
        self._elements = 0
        if not text or text != text.strip():
            raise ValidationError("AlarmRule must not contain leading or trailing whitespace or be null")
        self._tokens = TOKEN.findall(text)
        if TOKEN.sub("", text).strip():
            raise ValidationError("Error in alarm rule: unbalanced quotes.")
        try:
            self.holds = self._expression()
        except RecursionError:
            raise ValidationError("Error in alarm rule: nested too deeply.") from None
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

    def _expression(self) -> Holds:
        return self._chain("OR", any, lambda: self._chain("AND", all, self._factor))

    def _chain(self, word: str, combine: t.Callable[[t.Iterable[bool]], bool], part: t.Callable[[], Holds]) -> Holds:
        parts = [part()]
        while self._tokens and self._tokens[0] == word:
            self._next()
            parts.append(part())
        return lambda state_of: combine(holds(state_of) for holds in parts)

    def _factor(self) -> Holds:
        token = self._next()
        self._elements += token not in ("NOT", "AT_LEAST")
        if token == "NOT":
            factor = self._factor()
            return lambda state_of: not factor(state_of)
        if token == "(":
            inner = self._expression()
            self._next(")")
            return inner
        if token == "AT_LEAST":
            return self._at_least()
        if token.upper() in ("TRUE", "FALSE"):
            return lambda state_of: token.upper() == "TRUE"
        if token not in STATES:
            raise ValidationError(f"Error in alarm rule: unexpected {token}.")
        self._next("(")
        child = self._child()
        self._next(")")
        return lambda state_of: state_of(child) == token

    def _child(self) -> str:
        token = self._next()
        child = re.sub(r'\\(["\\])', r"\1", token[1:-1]) if token.startswith('"') else token
        if child == "" or token in MARKS:
            raise ValidationError("Error in alarm rule: the name of an alarm is missing.")
        self.children.append(child)
        return child

    def _at_least(self) -> Holds:
        self._next("(")
        least = self._next()
        self._next(",")
        state = self._next()
        negated = state == "NOT"
        if negated:
            state = self._next()
        self._next(",")
        self._next("(")
        children = [self._child()]
        while self._tokens and self._tokens[0] == ",":
            self._next()
            children.append(self._child())
        self._next(")")
        self._next(")")
        self._elements += len(children)
        count = re.fullmatch(r"([0-9]+)(%?)", least)
        if not count or state not in STATES or not 1 <= int(count[1]) <= (100 if count[2] else len(children)):
            raise ValidationError(f"Error in alarm rule: AT_LEAST({least}, {state}) of {len(children)} alarms.")
        # unverified: whether a percentage counts in whole alarms, rounded up. "At least" says so.
        needed = int(count[1]) * len(children) / 100 if count[2] else int(count[1])
        return lambda state_of: sum((state_of(child) == state) != negated for child in children) >= needed
