# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of composite alarms: read as documented, by the module and by the sandbox alike, and refused with the position otherwise."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.core.exceptions import ServiceException

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import rule as rules
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarm as one
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.alarms import Desired, Observed, obstacles, plan, refusals

sys.path.append(str(Path(__file__).resolve().parents[1] / "sandbox"))

from aws_api.cloudwatch.alarm_rule import AlarmRule  # noqa: E402

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"


@pytest.mark.parametrize(
    ("rule", "references"),
    [
        ("TRUE", ()),
        ("false", ()),  # as the documentation writes it where it tells how to break a cycle
        ("NOT NOT TRUE", ()),
        ("ALARM(a)", ("a",)),
        ('ALARM("a")', ("a",)),
        ("ALARM( a )AND\nNOT(OK(b)OR INSUFFICIENT_DATA(c))", ("a", "b", "c")),
        ("ALARM(a) OR OK(a)", ("a",)),
        ('ALARM("a, b (c)") AND OK("ALARM(d)")', ("a, b (c)", "ALARM(d)")),
        (r'ALARM("say \"hi\"")', ('say "hi"',)),
        (r'ALARM("back\\slash")', ("back\\slash",)),
        ("ALARM(AND) OR OK(NOT)", ("AND", "NOT")),
        (f"ALARM({ARN}a) OR OK(\"{ARN}b\")", (f"{ARN}a", f"{ARN}b")),
        ("ALARM(team:alarm:cpu)", ("team:alarm:cpu",)),
        ("AT_LEAST(2, ALARM, (a, b, c))", ("a", "b", "c")),
        ("AT_LEAST(1,NOT OK,(a))", ("a",)),
        ('AT_LEAST(50%, NOT INSUFFICIENT_DATA, ("a b", c)) OR ALARM(d)', ("a b", "c", "d")),
        ("(((ALARM(a))))", ("a",)),
        ("(" * 499 + "TRUE" + ")" * 499, ()),
    ],
)
def test_kind_12_a_rule_is_read(rule: str, references: tuple[str, ...]) -> None:
    assert rules.parse(rule).references == references


@pytest.mark.parametrize(
    ("rule", "position", "words"),
    [
        ("", 1, "it ends where ALARM"),
        ("alarm", 1, "alarm stands where ALARM, OK"),
        ("ALARM(a) XOR TRUE", 10, "XOR stands where AND, OR or the end"),
        ("ALARM(a) and OK(b)", 10, "and stands"),
        ("ALARM(a) OK(b)", 10, "OK stands"),
        ("ALARM(a", 8, "it ends where )"),
        ("ALARM()", 7, "the name or the ARN of an alarm"),
        ('ALARM("")', 7, "the name or the ARN of an alarm"),
        ("ALARM(a b)", 9, "b stands where )"),
        ("ALARM(a, b)", 8, ", stands where )"),
        ('ALARM("a)', 7, "a quotation mark is never closed"),
        ("ALARM(a) AND", 13, "it ends"),
        ("NOT", 4, "it ends"),
        ("(TRUE", 6, "it ends where AND, OR or )"),
        ("TRUE)", 5, ") stands where AND, OR or the end"),
        ("AT_LEAST(0, ALARM, (a, b))", 10, "0 stands where 1 to 2"),
        ("AT_LEAST(3, ALARM, (a, b))", 10, "3 stands where 1 to 2"),
        ("AT_LEAST(101%, ALARM, (a, b))", 10, "101% stands where 1% to 100%"),
        ("AT_LEAST(1.5, ALARM, (a, b))", 10, "a number or a percentage"),
        ("AT_LEAST(-1, ALARM, (a, b))", 10, "a number or a percentage"),
        ("AT_LEAST(1, RED, (a, b))", 13, "ALARM, OK, INSUFFICIENT_DATA, or NOT"),
        ("AT_LEAST(1, NOT NOT OK, (a, b))", 17, "ALARM, OK, INSUFFICIENT_DATA, or NOT"),
        ("AT_LEAST(1, OK, a, b)", 17, "a stands where ("),
        ("AT_LEAST(1, OK, ())", 18, "the name or the ARN"),
        ("AT_LEAST(1, OK, (a b))", 20, "a comma or )"),
        ("AT_LEAST(1, OK, (a, ))", 21, "the name or the ARN"),
        ("AT_LEAST(1, OK, (a)", 20, "it ends where )"),
        ("AT_MOST(1, OK, (a))", 1, "AT_MOST stands"),
    ],
)
def test_kind_12_a_rule_that_cannot_be_read_is_refused_with_its_position(rule: str, position: int, words: str) -> None:
    with pytest.raises(rules.RuleError) as caught:
        rules.parse(rule)
    assert str(caught.value).startswith(f"at character {position} ") and words in str(caught.value)
    with pytest.raises(ServiceException):
        AlarmRule(rule)


names = st.sampled_from(["a", "b-1", '"a b"', r'"q\"q"', "team:alarm:x", f"{ARN}c"])
states = st.sampled_from(rules.STATES)
leaves = st.one_of(
    st.sampled_from(["TRUE", "FALSE"]),
    st.builds("{}({})".format, states, names),
    st.builds(
        "AT_LEAST({}, {}{}, ({}))".format,
        st.sampled_from(["1", "50%"]), st.sampled_from(["", "NOT "]), states, st.lists(names, min_size=1).map(", ".join),
    ),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("NOT {}".format, inner), st.builds("({})".format, inner),
        st.builds("{} AND {}".format, inner, inner), st.builds("{} OR\n{}".format, inner, inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(rule=expressions, cut=st.integers(0, 60), extra=st.sampled_from(["", "", ")", "(", " AND", '"', ",", " x"]))
def test_kind_12_the_module_and_the_sandbox_read_the_same(rule: str, cut: int, extra: str) -> None:
    rule = (rule[:-cut] + extra if cut else rule).strip()
    try:
        theirs: t.Optional[set[str]] = set(AlarmRule(rule).children)
    except ServiceException:
        theirs = None
    try:
        ours: t.Optional[set[str]] = set(rules.parse(rule).references)
    except rules.RuleError:
        ours = None
    assert ours == theirs


@pytest.mark.parametrize(
    ("alarm", "names_of_it"),
    [
        ({"AlarmRule": "AT_LEAST(2, ALARM, (a, b))"}, {"a", "b"}),
        ({"AlarmRule": f"ALARM({ARN}team:alarm:cpu) OR OK(team:alarm:memory)"}, {"team:alarm:cpu", "team:alarm:memory"}),
        ({"AlarmRule": "TRUE", "ActionsSuppressor": f"{ARN}quiet"}, {"quiet"}),
        ({"AlarmRule": "TRUE", "ActionsSuppressor": "quiet"}, {"quiet"}),
        ({"AlarmRule": ""}, set()),
        ({}, set()),
    ],
)
def test_kind_12_what_an_alarm_stands_on(alarm: dict[str, t.Any], names_of_it: set[str]) -> None:
    assert one.references(alarm) == names_of_it


def test_kind_12_a_rule_of_words_not_known_here_hides_no_reference() -> None:
    assert {"a", "b c", "d"} <= one.references({"AlarmRule": 'EXACTLY(2, ALARM, (a, "b c")) BUT NOT d'})


def composite(name: str, rule: str, **more: t.Any) -> dict[str, t.Any]:
    return {"AlarmName": name, "AlarmRule": rule, **more}


@pytest.mark.parametrize(
    "parent", [
        composite("a-parent", "AT_LEAST(1, ALARM, (z-child, other))"), composite("a-parent", f"ALARM({ARN}z-child)"),
        composite("a-parent", "TRUE", ActionsSuppressor="z-child"),
    ],
)
def test_kind_12_children_come_first_whatever_refers_to_them(parent: dict[str, t.Any]) -> None:
    child = composite("z-child", "FALSE")
    assert [alarm["AlarmName"] for alarm in one.ordered([parent, child])[0]] == ["z-child", "a-parent"]
    assert len(one.ordered([parent, composite("z-child", "OK(a-parent)")])[1]) == 2


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("cpu", ""), (f"{ARN}cpu", ""), ("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu", "of the region eu-west-1"),
        ("arn:aws:cloudwatch:us-east-1:999999999999:alarm:cpu", "of the account 999999999999"), ("team:alarm:cpu", ""),
    ],
)
def test_kind_12_a_reference_to_another_region_or_account_is_known(reference: str, why: str) -> None:
    assert rules.elsewhere(reference, "us-east-1", "123456789012") == why


def existing(name: str, kind: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"AlarmName": name, one.KIND: kind, **fields}


def test_kind_12_a_log_alarm_is_kept_by_a_purge_and_its_name_is_taken() -> None:
    there = Observed((existing("ours-errors", one.LOG, QueryResultsToAlarm=1),))
    listed: dict[str, t.Any] = {"AlarmName": "ours-errors", "MetricName": "m"}
    assert not plan(Desired(purge_prefix="ours-"), there)
    (found,) = refusals(Desired((listed,), purge_prefix="ours-"), there)
    assert '"ours-errors" is listed as a metric alarm but exists as a log alarm' in found
    assert refusals(Desired((composite("group", "ALARM(ours-errors)"),), purge_prefix="ours-"), there) == []
    assert plan(Desired(absent=frozenset({"ours-errors"})), there).steps == ['delete the log alarm "ours-errors"']


def test_kind_12_a_kind_that_comes_later_is_kept_and_named_too() -> None:
    there = Observed((existing("ours-slow", "TraceSpanAlarm"),))
    listed: dict[str, t.Any] = {"AlarmName": "ours-slow", "MetricName": "m"}
    assert not plan(Desired(purge_prefix="ours-"), there)
    assert "exists as a trace span alarm" in refusals(Desired((listed,)), there)[0]
    assert [one.difference for one in obstacles(Desired((listed,)), there)] == [("alarm ours-slow", "kind", "trace span alarm", "metric alarm", False)]
    assert plan(Desired(absent=frozenset({"ours-slow"})), there).steps == ['delete the trace span alarm "ours-slow"']


def test_kind_12_a_reference_to_another_account_is_refused() -> None:
    there = Observed((existing("cpu", one.METRIC),), account="123456789012")
    (found,) = refusals(Desired((composite("group", "ALARM(arn:aws:cloudwatch:us-east-1:999999999999:alarm:cpu)"),)), there)
    assert "of the account 999999999999" in found and "own account" in found


def test_an_alarm_that_is_gone_and_that_others_stand_on_is_named() -> None:
    wanted = Desired((composite("group", "ALARM(cpu) OR ALARM(memory)"), {"AlarmName": "cpu", "MetricName": "m"}))
    assert [one.difference for one in obstacles(wanted, Observed())] == [("alarm memory", "exists", False, True, False)]
    assert obstacles(wanted, Observed((existing("memory", one.METRIC),))) == []


# What stands on what is to be deleted

PARENTS = [
    composite("group", 'ALARM("cpu") OR ALARM(memory)'), composite("most", "AT_LEAST(50%, ALARM, (cpu, disk))"),
    composite("quiet", "TRUE", ActionsSuppressor=f"{ARN}cpu"), composite("new-words", "EXACTLY(1, (cpu))"),
]


def stand_against(going: t.Iterable[str], parents: t.Iterable[dict[str, t.Any]], *listed: dict[str, t.Any], purging: bool = False) -> list[str]:
    """What is refused of the removal of alarms, where the region has these composite alarms."""
    there = Observed((*(existing(name, one.METRIC) for name in sorted(going)), existing("memory", one.METRIC)), tuple(parents))
    if purging:
        kept = [existing(name, one.METRIC) for name in ("memory",)]
        return refusals(Desired((*kept, *listed), purge_prefix=sorted(going)[0]), there)
    return refusals(Desired(absent=frozenset(going)), there)


@pytest.mark.parametrize("parent", PARENTS, ids=lambda parent: parent["AlarmName"])
def test_kind_14_a_parent_that_stays_is_named_with_the_way_out(parent: dict[str, t.Any]) -> None:
    (found,) = stand_against({"cpu", "other"}, [parent])
    assert f'"cpu" cannot be deleted, as the composite alarm "{parent["AlarmName"]}" stands on it: list that one too' in found
    assert 'list "cpu" to keep' in stand_against({"cpu"}, [parent], purging=True)[0]


def test_kind_14_a_parent_that_goes_or_lets_go_is_no_hindrance() -> None:
    assert stand_against({"cpu", "group"}, PARENTS[:1]) == []
    assert stand_against({"cpu"}, PARENTS[:1], composite("group", "ALARM(memory)"), purging=True) == []
    assert stand_against({"unrelated"}, PARENTS) == []
