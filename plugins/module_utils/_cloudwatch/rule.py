# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of composite alarms: read them as CloudWatch documents them, and refuse what cannot be read.

ALARM("a") AND NOT (OK(b) OR FALSE) OR AT_LEAST(50%, NOT OK, (a, "b", c))
"""

from __future__ import annotations

import functools
import re
import typing as t

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
# Child alarms, TRUE, FALSE and parentheses count; a pair of parentheses is counted once.
MOST_ELEMENTS = 500
MOST_CHILDREN = 100

_TOKEN = re.compile(r'\s*(?P<token>"(?:[^"\\]|\\.)*"|[(),]|[^\s(),"]+|"|$)', re.DOTALL)
_ARN = re.compile(r"arn:(?P<partition>[^:]+):cloudwatch:(?P<region>[^:]*):(?P<account>[^:]*):alarm:(?P<name>.+)", re.DOTALL)
_OPERANDS = "ALARM, OK, INSUFFICIENT_DATA, AT_LEAST, NOT, TRUE, FALSE or ("


class RuleError(ValueError):
    """A rule that cannot be read; it says where, what was found there and what may stand there."""


class Rule(t.NamedTuple):
    """references: what the rule calls alarms by, names and ARNs, in the order of their first mention."""

    references: tuple[str, ...]
    elements: int


class Token(t.NamedTuple):
    text: str
    position: int


def _tokens(rule: str) -> list[Token]:
    """All of `rule`; the last one is empty and stands for the end."""
    return [Token(found["token"], found.start("token") + 1) for found in _TOKEN.finditer(rule.rstrip())]


def _unquoted(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text[1:-1]) if len(text) > 1 and text[0] == '"' else text


class _Reader:
    def __init__(self, rule: str) -> None:
        self._tokens = iter(_tokens(rule))

    def next(self) -> Token:
        return next(self._tokens)

    @staticmethod
    def error(token: Token, expected: str) -> RuleError:
        if token.text == '"':
            return RuleError(f"at character {token.position} a quotation mark is never closed: close it, or write \\\" within a name")
        found = f"{token.text[:60]} stands" if token.text else "it ends"
        return RuleError(f"at character {token.position} {found} where {expected} has to stand")

    def expect(self, mark: str) -> None:
        token = self.next()
        if token.text != mark:
            raise self.error(token, mark)

    def reference(self) -> str:
        token = self.next()
        name = _unquoted(token.text)
        if token.text in ("", "(", ")", ",", '"', '""') or not name.strip():
            raise self.error(token, "the name or the ARN of an alarm")
        return name

    def at_least(self) -> list[str]:
        """The alarms of AT_LEAST(n or n%, STATE or NOT STATE, (a, b, ...)), whose word has been read."""
        self.expect("(")
        least = self.next()
        number = re.fullmatch(r"(\d{1,5})(%?)", least.text, re.ASCII)
        if not number:
            raise self.error(least, "a number or a percentage, such as 2 or 50%,")
        self.expect(",")
        state = self.next()
        if state.text == "NOT":
            state = self.next()
        if state.text not in STATES:
            raise self.error(state, "ALARM, OK, INSUFFICIENT_DATA, or NOT and one of them,")
        self.expect(",")
        self.expect("(")
        alarms = [self.reference()]
        mark = self.next()
        while mark.text == ",":
            alarms.append(self.reference())
            mark = self.next()
        if mark.text != ")":
            raise self.error(mark, "a comma or )")
        self.expect(")")
        most = 100 if number[2] else len(alarms)
        if not 1 <= int(number[1]) <= most:
            raise self.error(least, f"1{number[2]} to {most}{number[2]}")
        return alarms


@functools.lru_cache(maxsize=4096)
def parse(rule: str) -> Rule:
    """What `rule` says, or RuleError. Without recursion, as a rule may nest deeper than Python does."""
    reader = _Reader(rule)
    references: dict[str, None] = {}
    elements = depth = 0
    operand = True  # or else an operator
    while True:
        token = reader.next()
        if operand:
            if token.text == "NOT":
                continue
            elements += 1
            if token.text == "(":
                depth += 1
                continue
            if token.text in STATES:
                reader.expect("(")
                references[reader.reference()] = None
                reader.expect(")")
            elif token.text == "AT_LEAST":
                alarms = reader.at_least()
                elements += len(alarms) - 1
                references.update(dict.fromkeys(alarms))
            elif token.text.upper() not in ("TRUE", "FALSE"):
                raise reader.error(token, _OPERANDS)
            operand = False
        elif token.text in ("AND", "OR"):
            operand = True
        elif token.text == ")" and depth:
            depth -= 1
        elif not token.text and not depth:
            return Rule(tuple(references), elements)
        else:
            raise reader.error(token, "AND, OR or )" if depth else "AND, OR or the end")


def all_that_may_be_references(rule: str) -> set[str]:
    """Every word of a rule that cannot be read: more than its references, and never less."""
    return {_unquoted(token.text) for token in _tokens(rule)} - {"", "(", ")", ","}


def name_of(reference: str) -> str:
    """The name that a reference leads to. Names may hold `:alarm:` themselves."""
    arn = _ARN.fullmatch(reference)
    return arn["name"] if arn else reference


def elsewhere(reference: str, region: t.Optional[str], account: t.Optional[str] = None) -> str:
    """Why `reference` leads out of this region or account, as far as they are known; empty if it does not."""
    arn = _ARN.fullmatch(reference)
    if arn and region and arn["region"] != region:
        return f"of the region {arn['region'] or '(none)'}"
    if arn and account and arn["account"] != account:
        return f"of the account {arn['account'] or '(none)'}"
    return ""


def account_of(arn: str) -> t.Optional[str]:
    """The account in the ARN of an alarm."""
    found = _ARN.fullmatch(arn)
    return found["account"] if found else None
