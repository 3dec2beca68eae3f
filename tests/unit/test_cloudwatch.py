# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarm plans: whatever is listed and whatever is there, the calls are ones that CloudWatch takes, and they lead there."""

from __future__ import annotations

import copy
import random
import typing as t

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarm as one
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import alarms as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch import problems as checked
from ansible_collections.huntaze.ai_system.plugins.module_utils._cloudwatch.actions import Place
from support.alarms import MODEL, Account
from support.laws import applied, check_changes, check_left_alone, left_alone

PREFIX = "ours-"
UNKNOWN_FIELDS = {
    "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 7},
    "EvaluationWindow": {"WallClockWindow": {"Timezone": "Europe/Paris"}},
    "ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": True}},
}

SNAKE = {"WarmUpConfiguration": "warm_up_configuration", "EvaluationWindow": "evaluation_window", "ActionConfiguration": "action_configuration"}


def validated(alarms: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The alarms as the module gets them: with every option, and those not given None."""
    result, problems = checked.typed_alarms(copy.deepcopy(alarms))
    assert problems == []
    return result


def listed(alarms: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    alarms = validated(alarms)
    assert checked.alarm_problems(alarms) == []
    return [one.to_api(alarm) for alarm in alarms]


def desired(alarms: list[dict[str, t.Any]], purge_prefix: str | None = None) -> planner.Desired:
    return planner.Desired(tuple(listed(alarms)), purge_prefix=purge_prefix)


def seen(changes: t.Iterable[t.Any]) -> list[t.Any]:
    """The differences that DescribeAlarms shows, which has no tags."""
    return [difference for change in changes for difference in change.differences if not difference.field.startswith("tags.")]


def plan(account: Account, alarms: list[dict[str, t.Any]], purge_prefix: str | None = None) -> t.Any:
    wanted = desired(alarms, purge_prefix)
    return planner.plan(wanted, planner.observe(account, wanted))


def removal(account: Account, names: t.Iterable[str]) -> t.Any:
    wanted = planner.Desired(absent=frozenset(names))
    return planner.plan(wanted, planner.observe(account, wanted))


def refusals(account: Account, alarms: list[dict[str, t.Any]], purge_prefix: str | None = None) -> list[str]:
    wanted = desired(alarms, purge_prefix)
    return planner.refusals(wanted, planner.observe(account, wanted))


# What can be listed

actions = st.lists(st.sampled_from(["arn:aws:sns:us-east-1:123456789012:a", "arn:aws:sns:us-east-1:123456789012:b"]), max_size=2, unique=True)
dimensions = st.dictionaries(st.sampled_from(["Host", "Role", "Zone"]), st.sampled_from(["a", "b"])).map(
    lambda pairs: [{"name": name, "value": value} for name, value in pairs.items()]
)
periods = st.sampled_from([10, 30, 60, 300])


def with_options(required: dict[str, t.Any], options: dict[str, t.Any]) -> st.SearchStrategy[dict[str, t.Any]]:
    return st.fixed_dictionaries(required, optional=options)


ANY_ALARM = {
    "alarm_description": st.sampled_from(["", "Call somebody"]),
    "actions_enabled": st.booleans(),
    "alarm_actions": actions,
    "ok_actions": actions,
    "insufficient_data_actions": actions,
    "tags": st.just({"team": "platform"}),
}
EVALUATED = {"treat_missing_data": st.sampled_from(["missing", "ignore", "breaching", "notBreaching"]), "datapoints_to_alarm": st.just(2)}
ABOVE = {"threshold": st.sampled_from([1, 80, 80.5]), "comparison_operator": st.sampled_from(checked.THRESHOLD_OPERATORS)}

single = with_options(
    {
        "namespace": st.just("Huntaze/AI"),
        "metric_name": st.sampled_from(["Latency", "RateLimitExceeded"]),
        "period": periods,
        "evaluation_periods": st.sampled_from([2, 3]),
        **ABOVE,
    },
    {"dimensions": dimensions, "unit": st.sampled_from(["Count", "None"]), **EVALUATED, **ANY_ALARM},
).flatmap(
    lambda alarm: st.sampled_from(
        [{**alarm, "statistic": "Sum"}, {**alarm, "extended_statistic": "p99", "evaluate_low_sample_count_percentile": "ignore"}]
    )
)
metric_stat = st.fixed_dictionaries(
    {
        "metric": with_options({"namespace": st.just("Huntaze/AI"), "metric_name": st.sampled_from(["Hits", "Misses"])}, {"dimensions": dimensions}),
        "period": st.just(60),
        "stat": st.sampled_from(["Sum", "p99"]),
    }
)
math = with_options(
    {
        "metrics": st.tuples(metric_stat, metric_stat).map(
            lambda stats: [
                {"id": "hits", "metric_stat": stats[0], "return_data": False},
                {"id": "misses", "metric_stat": stats[1], "return_data": False},
                {"id": "share", "expression": "misses / (hits + misses)", "label": "Share of misses"},
            ]
        ),
        "evaluation_periods": st.sampled_from([2, 3]),
        **ABOVE,
    },
    {**EVALUATED, **ANY_ALARM},
)
band = with_options(
    {
        "metrics": metric_stat.map(lambda stat: [{"id": "m", "metric_stat": stat}, {"id": "b", "expression": "ANOMALY_DETECTION_BAND(m, 3)"}]),
        "threshold_metric_id": st.just("b"),
        "comparison_operator": st.sampled_from(checked.BAND_OPERATORS),
        "evaluation_periods": st.sampled_from([2, 3]),
    },
    {**EVALUATED, **ANY_ALARM},
)
METRIC_NAMES = [f"{prefix}{letter}" for prefix in (PREFIX, "theirs-") for letter in "abcd"]
COMPOSITE_NAMES = [f"{prefix}group-{letter}" for prefix in (PREFIX, "theirs-") for letter in "abc"]


@st.composite
def estates(draw: t.Any) -> list[dict[str, t.Any]]:
    """A list of alarms that CloudWatch could have; theirs never stand on ours."""
    alarms = [
        {"alarm_name": name, **draw(st.one_of(single, math, band))} for name in draw(st.lists(st.sampled_from(METRIC_NAMES), min_size=1, unique=True))
    ]
    for name in draw(st.lists(st.sampled_from(COMPOSITE_NAMES), unique=True)):
        candidates = [alarm["alarm_name"] for alarm in alarms if name.startswith(PREFIX) or not alarm["alarm_name"].startswith(PREFIX)]
        children = draw(st.lists(st.sampled_from(candidates), unique=True, max_size=3)) if candidates else []
        rule = " AND ".join(f'{draw(st.sampled_from(["ALARM", "NOT OK"]))}("{child}")' for child in children) or "FALSE"
        composite = {"alarm_name": name, "alarm_rule": rule, **draw(st.fixed_dictionaries({}, optional=ANY_ALARM))}
        if candidates and draw(st.booleans()):
            waits = {"actions_suppressor_wait_period": 60, "actions_suppressor_extension_period": 0}
            composite |= {"actions_suppressor": draw(st.sampled_from(candidates)), **waits}
        alarms.append(composite)
    return draw(st.permutations(alarms))


@st.composite
def accounts(draw: t.Any) -> Account:
    """An account with alarms, some of which have fields that no option names."""
    account = Account()
    account.apply(plan(account, draw(estates())))
    for alarm in account.backend.alarms.values():
        for field in draw(st.lists(st.sampled_from(sorted(UNKNOWN_FIELDS)), unique=True)):
            if field in MODEL.operation_model("PutCompositeAlarm" if alarm.rule else "PutMetricAlarm").input_shape.members:
                alarm.configuration[field] = UNKNOWN_FIELDS[field]
    ours = sorted(name for name, alarm in account.backend.alarms.items() if alarm.rule and name.startswith(PREFIX))
    if len(ours) > 1 and draw(st.booleans()):
        for name, other in zip(ours, [*ours[1:], ours[0]]):
            account.put_composite_alarm(AlarmName=name, AlarmRule=f"ALARM({other})")
    return account


# The laws

examples = settings(max_examples=100, deadline=None)


@examples
@given(account=accounts(), alarms=estates(), data=st.data())
def test_a_plan_leads_to_what_is_listed_even_when_it_is_cut_off(account: Account, alarms: t.Any, data: t.Any) -> None:
    purge_prefix = data.draw(st.sampled_from([PREFIX, None]))
    for name in data.draw(st.lists(st.sampled_from(sorted(account.backend.alarms)))) if account.backend.alarms else ():
        account.backend.alarms[name].configuration["ActionsEnabled"] = False
    before = account.shown()
    whole = plan(account, alarms, purge_prefix)
    check_left_alone(whole)
    cut = copy.deepcopy(account)
    account.apply(whole)
    after = account.shown()

    assert not plan(account, alarms, purge_prefix)
    assert left_alone(plan(account, alarms, purge_prefix)) == left_alone(whole)
    names = {planner.object_of(alarm["alarm_name"]) for alarm in alarms}
    assert set(after) == names | {name for name in before if not (purge_prefix and name.startswith(planner.object_of(PREFIX)))}
    # What is said is what happened, no more and no less.
    check_changes(whole)
    assert applied(before, seen(whole.changes)) == after
    for name, fields in after.items():
        for field in map(SNAKE.get, UNKNOWN_FIELDS):
            if name in before:
                assert fields.get(field) == before[name].get(field)

    calls = data.draw(st.integers(0, len(whole.changes)))
    cut.apply(whole, calls)
    assert cut.shown() == applied(before, seen(whole.changes[:calls]))
    cut.apply(plan(cut, alarms, purge_prefix))
    assert cut.shown() == after


@examples
@given(account=accounts(), data=st.data())
def test_removal_takes_the_named_and_nothing_else(account: Account, data: t.Any) -> None:
    before = account.shown()
    named = set(data.draw(st.lists(st.sampled_from(METRIC_NAMES + COMPOSITE_NAMES), unique=True)))
    for _round in before:  # what stands on a named one has to go too, or AWS refuses
        named |= {alarm.name for alarm in account.backend.alarms.values() if one.references(alarm.configuration) & named}
    whole = removal(account, named)
    account.apply(whole)
    assert account.shown() == {name: alarm for name, alarm in before.items() if name not in map(planner.object_of, named)}
    check_changes(whole)
    assert applied(before, seen(whole.changes)) == account.shown()
    assert not removal(account, named)


@examples
@given(alarms=estates(), seed=st.randoms(use_true_random=False))
def test_nothing_is_drift_that_means_the_same(alarms: t.Any, seed: random.Random) -> None:
    account = Account()
    account.apply(plan(account, alarms))
    for alarm in account.backend.alarms.values():
        configuration = alarm.configuration
        for field in ("Dimensions", "Metrics", *one.ACTIONS):
            seed.shuffle(configuration.get(field, []))
        for query in configuration.get("Metrics", []):
            seed.shuffle(query.get("MetricStat", {}).get("Metric", {}).get("Dimensions", []))
            if seed.random() < 0.5:
                query.setdefault("ReturnData", True)
        defaults = {"ActionsEnabled": True, "AlarmDescription": "", "OKActions": []}
        if alarm.rule is None:
            defaults |= {"TreatMissingData": "missing", "Dimensions": [], "Metrics": [], "DatapointsToAlarm": configuration["EvaluationPeriods"]}
            if configuration.get("Threshold") == 80:
                configuration["Threshold"] = seed.choice([80, 80.0])
        for field, value in defaults.items():
            if seed.random() < 0.5:
                configuration.setdefault(field, value)
            elif configuration.get(field) == value:
                del configuration[field]
    assert not plan(account, alarms)


FAULTS: dict[str, st.SearchStrategy[t.Any]] = {
    "period": st.sampled_from([None, 0, 15, 45, 90, 86400, 604800]),
    "evaluation_periods": st.sampled_from([None, 0, 1, 2000]),
    "datapoints_to_alarm": st.sampled_from([0, 4]),
    "threshold": st.sampled_from([None, float("inf"), float("nan"), 3.5]),
    "threshold_metric_id": st.sampled_from(["b", "m"]),
    "comparison_operator": st.sampled_from([None, "AboveThreshold", *checked.THRESHOLD_OPERATORS, *checked.BAND_OPERATORS]),
    "treat_missing_data": st.just("zero"),
    "evaluate_low_sample_count_percentile": st.just("never"),
    "statistic": st.sampled_from([None, "Sum", "Median"]),
    "extended_statistic": st.sampled_from([None, "p99"]),
    "unit": st.just("Requests"),
    "namespace": st.sampled_from([None, ":odd", "n" * 256]),
    "metric_name": st.sampled_from([None, "", "Latency", "m" * 256]),
    "metrics": st.sampled_from([None, [{"id": "M", "expression": "1"}], [{"id": "a"}], [{"id": "a", "expression": "1"}, {"id": "b", "expression": "2"}]]),
    "dimensions": st.sampled_from([[{"name": f"d{number}", "value": "x"} for number in range(31)], [{"name": "a", "value": ""}]]),
    "alarm_description": st.just("d" * 1025),
    "alarm_actions": st.just([f"arn:aws:sns:us-east-1:123456789012:{number}" for number in range(6)]),
    "alarm_rule": st.sampled_from(["TRUE", "x" * 10241]),
    "alarm_name": st.sampled_from(["n" * 256, "ours-z"]),
}


@settings(max_examples=400, deadline=None)
@given(alarm=st.one_of(single, math, band), faulty=st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=2), data=st.data())
def test_what_cloudwatch_rejects_is_refused_before(alarm: dict[str, t.Any], faulty: list[str], data: t.Any) -> None:
    # Few faults at a time, or one would hide that another is not noticed.
    faults = {option: data.draw(FAULTS[option], option) for option in faulty}
    options = validated([{"alarm_name": "ours-a", **alarm, **faults}])
    if checked.alarm_problems(options):
        return
    account = Account()
    try:
        account.apply(planner.plan(planner.Desired((one.to_api(options[0]),)), planner.Observed()))
    except ClientError as error:
        pytest.fail(f"not refused: {error}")


# The words of a refusal

GOOD = {
    "alarm_name": "good",
    "namespace": "Huntaze/AI",
    "metric_name": "Latency",
    "statistic": "Sum",
    "period": 60,
    "evaluation_periods": 3,
    "threshold": 1,
    "comparison_operator": "GreaterThanThreshold",
}
QUERY = {"id": "m", "metric_stat": {"metric": {"namespace": "n", "metric_name": "m"}, "period": 60, "stat": "Sum"}}
MATH = {"alarm_name": "math", "metrics": [QUERY], "evaluation_periods": 1, "threshold": 1, "comparison_operator": "GreaterThanThreshold"}
BAND = {
    "alarm_name": "band",
    "metrics": [QUERY, {"id": "b", "expression": "ANOMALY_DETECTION_BAND(m, 2)"}],
    "threshold_metric_id": "b",
    "evaluation_periods": 1,
    "comparison_operator": "GreaterThanUpperThreshold",
}
COMPOSITE = {"alarm_name": "composite", "alarm_rule": 'ALARM("good")'}


def problems(*alarms: dict[str, t.Any], place: Place = Place("us-east-1", "aws")) -> list[str]:
    return checked.alarm_problems(validated(list(alarms)), place)


def test_good_alarms_have_no_problem() -> None:
    assert problems(GOOD, MATH, BAND, COMPOSITE) == []


@pytest.mark.parametrize(
    ("alarm", "words"),
    [
        ({**GOOD, "alarm_name": "x" * 256}, ["256 characters", "1 to 255"]),
        ({**GOOD, "metric_name": None}, ["neither metric_name nor metrics nor alarm_rule", "exactly one"]),
        ({**GOOD, "metrics": [QUERY]}, ["metric_name and metrics", "exactly one"]),
        ({**GOOD, "period": 45}, ["period is 45", "10, 20, 30 or a multiple of 60"]),
        ({**GOOD, "period": None}, ["period is missing", "add it"]),
        ({**GOOD, "period": 300, "evaluation_periods": 289}, ["86700 seconds", "86400"]),
        ({**GOOD, "statistic": None}, ["neither statistic nor extended_statistic", "exactly one"]),
        ({**GOOD, "extended_statistic": "p99"}, ["statistic and extended_statistic", "exactly one"]),
        ({**GOOD, "statistic": None, "extended_statistic": "q1"}, ['"q1" is unknown', "p99"]),
        ({**GOOD, "statistic": "Median"}, ['"Median" is unknown', "Sum"]),
        ({**GOOD, "threshold": None}, ["threshold is missing", "add it"]),
        ({**GOOD, "threshold": float("nan")}, ["threshold is nan", "finite"]),
        ({**GOOD, "comparison_operator": ">"}, ['">" is unknown', "GreaterThanThreshold"]),
        ({**GOOD, "comparison_operator": "LessThanLowerThreshold"}, ["needs a band", "threshold_metric_id"]),
        ({**GOOD, "datapoints_to_alarm": 4}, ["datapoints_to_alarm is 4", "evaluation_periods, which is 3"]),
        ({**GOOD, "evaluation_periods": 0}, ["evaluation_periods is 0", "1 or more"]),
        ({**GOOD, "treat_missing_data": "nothing"}, ['"nothing" is unknown', "notBreaching"]),
        ({**GOOD, "evaluate_low_sample_count_percentile": "x"}, ['"x" is unknown', "evaluate or ignore"]),
        ({**GOOD, "unit": "Requests"}, ['"Requests" is unknown', "Count"]),
        ({**GOOD, "namespace": None}, ["namespace is missing", "add it"]),
        ({**GOOD, "dimensions": [{"name": str(number), "value": "v"} for number in range(31)]}, ["31 entries", "30"]),
        ({**GOOD, "dimensions": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}, ['"a" more than once', "keep one"]),
        ({**GOOD, "dimensions": [{"name": "a"}]}, ["the value of a dimension has 0 characters", "1 to 1024"]),
        ({**GOOD, "alarm_actions": ["oncall"]}, ['"oncall", which is no ARN', "give the ARN"]),
        ({**GOOD, "ok_actions": [f"arn:{number}" for number in range(6)]}, ["ok_actions has 6", "5"]),
        ({**GOOD, "tags": {"aws:team": "x"}}, ['"aws:team" begins with aws:', "another key"]),
        ({**GOOD, "actions_suppressor": "x"}, ["actions_suppressor does not go with a metric alarm", "remove it"]),
        ({**MATH, "period": 60, "unit": "Count"}, ["period, unit do not go with metrics", "remove them"]),
        ({**MATH, "metrics": [QUERY, QUERY]}, ['the id "m" more than once', "its own"]),
        ({**MATH, "metrics": [{**QUERY, "id": "M"}]}, ['metrics "M": id is missing or malformed', "lowercase"]),
        ({**MATH, "metrics": [{"id": "m"}]}, ["neither metric_stat nor expression", "exactly one"]),
        ({**MATH, "metrics": [{**QUERY, "expression": "1"}]}, ["metric_stat and expression", "exactly one"]),
        ({**MATH, "metrics": [QUERY, {"id": "e", "expression": "m * 2"}]}, ['returns data of "m", "e"', "false for all others"]),
        ({**MATH, "metrics": [{**QUERY, "return_data": False}]}, ["returns data of no entry", "must be true"]),
        ({**MATH, "metrics": [{**QUERY, "metric_stat": {**QUERY["metric_stat"], "period": 7}}]}, ["metric_stat.period is 7", "multiple of 60"]),
        ({**MATH, "metrics": [{**QUERY, "metric_stat": {"stat": "Sum"}}]}, ["metric is missing in metric_stat", "period is missing in metric_stat"]),
        ({**MATH, "metrics": [{"id": f"e{n}", "expression": "1", "return_data": n == 0} for n in range(11)]}, ["11 entries with expression", "10"]),
        ({**BAND, "threshold": 1}, ["threshold does not go with threshold_metric_id", "remove it"]),
        ({**BAND, "threshold_metric_id": "m"}, ['"m" is the id of no ANOMALY_DETECTION_BAND', "name one"]),
        ({**BAND, "comparison_operator": "GreaterThanThreshold"}, ["compares with a number", "GreaterThanUpperThreshold"]),
        ({**BAND, "metrics": [QUERY, {**BAND["metrics"][1], "return_data": False}]}, ["a band has to return data", "leave return_data out"]),
        ({**COMPOSITE, "alarm_rule": "x" * 10241}, ["10241 characters", "1 to 10240"]),
        ({**COMPOSITE, "alarm_rule": " \n"}, ["0 characters", "1 to 10240"]),
        ({**COMPOSITE, "alarm_rule": "ALARM(composite)"}, ["refers to itself", "remove that reference"]),
        ({**COMPOSITE, "threshold": 1}, ["threshold does not go with alarm_rule", "remove it"]),
        ({**COMPOSITE, "actions_suppressor": "good"}, ["actions_suppressor_wait_period is missing", "add it"]),
        ({**COMPOSITE, "actions_suppressor_wait_period": 1}, ["needs actions_suppressor", "add that"]),
        ({**COMPOSITE, "alarm_rule": " OR ".join(f"ALARM(a{number})" for number in range(101))}, ["101 alarms", "100"]),
    ],
)
def test_a_refusal_names_the_alarm_what_was_found_and_the_way_out(alarm: dict[str, t.Any], words: list[str]) -> None:
    found = " ".join(problems(alarm))
    assert f'alarms[0] "{alarm["alarm_name"][:40]}' in found
    for word in words:
        assert word in found


def test_refusals_come_together() -> None:
    circle = {**COMPOSITE, "alarm_name": "a", "alarm_rule": "OK(b)"}
    found = problems({**GOOD, "period": 7}, GOOD, circle, {**COMPOSITE, "alarm_name": "b", "alarm_rule": "OK(a)"})
    assert len(found) == 3
    assert '"good" is listed already as alarms[0]' in found[0]
    assert "period is 7" in found[1]
    assert '"a", "b" lead into a cycle' in found[2]


def test_a_composite_cannot_stand_on_what_the_purge_removes() -> None:
    account = Account()
    account.apply(plan(account, [{**GOOD, "alarm_name": name} for name in ("ours-old", "theirs")]))
    composite = {**COMPOSITE, "alarm_rule": 'ALARM("ours-old") OR ALARM("theirs")'}
    assert refusals(account, [composite]) == []
    (found,) = refusals(account, [composite], PREFIX)
    assert '"composite" refers to "ours-old", which the purge of "ours-" removes' in found


def test_conflicts_with_the_account_are_named() -> None:
    account = Account()
    account.apply(plan(account, [GOOD, {**COMPOSITE, "alarm_name": "group"}]))
    found = refusals(account, [{**GOOD, "alarm_name": "group"}, {**COMPOSITE, "alarm_name": "new", "alarm_rule": "OK(nobody)"}])
    assert len(found) == 2
    assert '"group" is listed as a metric alarm but exists as a composite alarm' in found[0]
    assert '"new" refers to "nobody", which neither exists nor is listed' in found[1]


# Cases worth a name

def test_an_alarm_on_a_query_of_prometheus_is_taken_over_by_the_listed_metric() -> None:
    account = Account()
    criteria = {"PromQLCriteria": {"Query": "up"}}
    warm_up = UNKNOWN_FIELDS["WarmUpConfiguration"]
    account.put_metric_alarm(AlarmName="good", EvaluationCriteria=criteria, EvaluationInterval=60, WarmUpConfiguration=warm_up)
    change = plan(account, [GOOD])
    assert "evaluation_criteria" in change.steps[0]
    account.apply(change)
    (alarm,) = account.backend.alarms.values()
    assert "EvaluationCriteria" not in alarm.configuration
    assert alarm.configuration["WarmUpConfiguration"] == warm_up


def test_a_field_of_metric_math_that_no_option_names_survives() -> None:
    (there,) = listed([MATH])
    there = {**there, "Metrics": [{**there["Metrics"][0], "Newer": 1}]}
    assert not planner.plan(desired([MATH]), planner.Observed((there,)))
    change = planner.plan(desired([{**MATH, "threshold": 2}]), planner.Observed((there,))).changes[0]
    assert change.parameters["Metrics"][0]["Newer"] == 1


def test_a_suppressor_may_come_back_as_its_arn() -> None:
    alarm = {**COMPOSITE, "actions_suppressor": "good", "actions_suppressor_wait_period": 1, "actions_suppressor_extension_period": 1}
    (there,) = listed([alarm])
    there = {**there, "ActionsSuppressor": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:good"}
    assert not planner.plan(desired([alarm]), planner.Observed((there,)))


def test_differences_are_told_by_alarm_and_field_in_snake_case() -> None:
    account = Account()
    account.apply(plan(account, [GOOD, MATH]))
    change = plan(account, [{**GOOD, "threshold": 2}, MATH, {**GOOD, "alarm_name": "new", "tags": {"Team": 1}}], "m")
    first, *others = change.differences
    assert first == ("alarm good", "threshold", 1, 2, False)
    assert {difference.object for difference in others} == {"alarm new"} and {difference.before for difference in others} == {None}
    assert {difference.field: difference.after for difference in others} == {
        "alarm_name": "new", "namespace": "Huntaze/AI", "metric_name": "Latency", "statistic": "Sum", "period": 60, "evaluation_periods": 3,
        "datapoints_to_alarm": 3, "threshold": 1, "comparison_operator": "GreaterThanThreshold", "treat_missing_data": "missing",
        "evaluate_low_sample_count_percentile": "evaluate", "actions_enabled": True, "tags.Team": "1",
    }
    assert change.steps == ['update the metric alarm "good": threshold', 'create the metric alarm "new"']
    assert planner.happened(change.differences) == {"created": ["new"], "updated": ["good"], "removed": []}


def test_a_hundred_names_a_deletion() -> None:
    account = Account()
    account.apply(plan(account, [{**GOOD, "alarm_name": f"ours-{number:03}"} for number in range(201)]))
    assert [len(change.parameters["AlarmNames"]) for change in plan(account, [], PREFIX).changes] == [100, 100, 1]
