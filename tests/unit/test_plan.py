# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of differences: all of them, in a result and in Ansible's diff, and no secret in either."""

from __future__ import annotations

import copy
import json
import pickle
import re
from pathlib import Path

import yaml
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import UNKNOWN, Change, Difference, LeftAlone, Plan, diff, plain, shown, shown_left_alone
from hypothesis import given
from hypothesis import strategies as st

MODULES = Path(__file__).parents[2] / "plugins" / "modules"
CANARY = "canary-c0ffee"
values = st.none() | st.just(UNKNOWN) | st.booleans() | st.integers() | st.sampled_from(["", "a", "b"]) | st.lists(st.just(UNKNOWN) | st.integers(), max_size=2)
fields = st.tuples(st.sampled_from(["app a", "app b", "cache c"]), st.sampled_from("xyz"))


@st.composite
def histories(draw):
    """Differences one after the other, each beginning where the last of its field ended."""
    now, made = {}, []
    for place in draw(st.lists(fields, max_size=8)):
        before = now.setdefault(place, draw(values))
        now[place] = draw(values)
        made.append(Difference(*place, before, now[place]))
    return made


@given(histories())
def test_a_diff_leads_from_the_first_state_of_every_field_to_its_last(made):
    drawn = diff(made)
    for one in made:
        same = [other for other in made if other[:2] == one[:2]]
        assert drawn["before"].get(one.object, {}).get(one.field) == plain(same[0].before)
        assert drawn["after"].get(one.object, {}).get(one.field) == plain(same[-1].after)
    names = {one.object for one in made}
    assert drawn["before"].keys() <= names and drawn["after"].keys() <= names
    assert all(drawn["before"].values()) and all(drawn["after"].values())


@given(histories())
def test_every_difference_is_returned_as_plain_data(made):
    returned = shown(made)
    assert [(one["object"], one["field"], one["before"], one["after"], one["secret"]) for one in returned] == [
        (one.object, one.field, plain(one.before), plain(one.after), False) for one in made
    ]
    json.dumps([returned, diff(made)])


def test_a_secret_is_never_shown_and_its_change_always_is():
    there = Difference("app a", "variables.TOKEN", CANARY + "1", CANARY + "2", True)
    for one in (there, there._replace(before=None), there._replace(after=None), there._replace(before=UNKNOWN), there._replace(after=UNKNOWN)):
        plan = Plan((Change("update_app", {"token": CANARY}, (one,), "Update"),))
        assert CANARY not in json.dumps(plan.result())
        assert plan.result()["diff"]["before"] != plan.result()["diff"]["after"]
        left = Plan(left_alone=(LeftAlone(one, "why", "remedy"),)).result()
        assert CANARY not in json.dumps(left) and left["left_alone"][0]["before"] != left["left_alone"][0]["after"]
        assert plan.result()["differences"][0]["before"] != plan.result()["differences"][0]["after"]


def test_a_plan_is_shown_by_its_changes():
    first, second = Difference("app a", "x", None, 1), Difference("app a", "y", UNKNOWN, 2)
    others = LeftAlone(Difference("app b", "z", 1, None), "it is of others", "take it out", True)
    plan = Plan((Change("create", {}, (first,), "Create it"), Change("update", {}, (second,), "Update it")), (others,))
    assert plan and not Plan()
    assert plan.result() == {
        "changed": True,
        "steps": ["Create it", "Update it"],
        "differences": [
            {"object": "app a", "field": "x", "before": None, "after": 1, "secret": False},
            {"object": "app a", "field": "y", "before": "(known after apply)", "after": 2, "secret": False},
        ],
        "diff": {"before": {"app a": {"y": "(known after apply)"}}, "after": {"app a": {"x": 1, "y": 2}}},
        "left_alone": [{
            "object": "app b", "field": "z", "before": 1, "after": None, "secret": False,
            "why": "it is of others", "remedy": "take it out", "lowers_security": True,
        }],
    }
    assert str(plan.left_alone[0]) == "it is of others: take it out."


@given(histories())
def test_a_run_that_is_refused_leaves_alone_all_that_it_would_change(made):
    plan = Plan((Change("update", {}, tuple(made), "Update it"),)) if made else Plan()
    held = {one.difference[:2]: one.difference for one in plan.held_back()}
    drawn = diff(made)
    for place, one in held.items():
        assert plain(one.before) == drawn["before"].get(place[0], {}).get(place[1]) and plain(one.after) == drawn["after"].get(place[0], {}).get(place[1])
    assert {one[:2] for one in made if one[:2] not in held} == {
        one[:2] for one in made if [each for each in made if each[:2] == one[:2]][0].before == [each for each in made if each[:2] == one[:2]][-1].after
    }
    if made:
        first = made[0]
        refused = LeftAlone(first, "it is in the way", "take it out")
        assert plan.held_back([refused])[0] == refused and [one.difference.object for one in plan.held_back([refused])].count(first.object) == 1


def test_every_module_that_documents_differences_documents_what_it_leaves_alone():
    documented = 0
    for path in MODULES.glob("*.py"):
        (returned,) = re.findall(r'^RETURN = r"""(.*?)"""', path.read_text(), re.MULTILINE | re.DOTALL)
        keys = yaml.safe_load(returned) or {}
        if "differences" in keys:
            told = shown_left_alone([LeftAlone(Difference("app a", "x", 1, 2), "it is of others", "take it out")])[0]
            assert set(keys["differences"]["contains"]) | {"why", "remedy", "lowers_security"} == set(keys["left_alone"]["contains"]) == set(told), path.name
            documented += 1
    assert documented > 5


def test_unknown_is_one_instance_however_it_is_copied():
    assert copy.deepcopy(UNKNOWN) is UNKNOWN and pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN and str(UNKNOWN) == "(known after apply)"
