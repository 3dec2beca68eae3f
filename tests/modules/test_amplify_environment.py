# SPDX-License-Identifier: GPL-3.0-or-later
"""amplify_environment against the sandbox: what it changes, what it says, and what it survives."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

CANARY = "canary-8f1c2e"


class App:
    """The estate's app, through the module and through eyes that are not the module's."""

    def __init__(self, sandbox, run_module, estate):
        self.id, self.branch = estate["app_id"], estate["app_branch"]
        self.sandbox, self._run_module = sandbox, run_module
        self.amplify = sandbox.client("amplify")

    def run(self, check=False, kill_after=None, **args):
        self.sandbox.control.forget_calls()
        where = {} if "app_name" in args else {"app_id": self.id}
        return self._run_module("amplify_environment", {**where, **args}, check=check, kill_after=kill_after)

    @property
    def variables(self):
        return self.amplify.get_app(appId=self.id)["app"].get("environmentVariables", {})

    @property
    def own_of_branch(self):
        return self.amplify.get_branch(appId=self.id, branchName=self.branch)["branch"].get("environmentVariables", {})

    def diff(self, result):
        """The variables of Ansible's diff, before and after."""
        fields = [result["diff"][side].get(f"app {self.id}", {}) for side in ("before", "after")]
        return [{name.removeprefix("environment_variables."): value for name, value in side.items()} for side in fields]

    def write(self, **variables):
        """Somebody else's doing: they read, merge and write as well."""
        self.amplify.update_app(appId=self.id, environmentVariables={**self.variables, **variables})

    def writes(self):
        """The changing calls made since the last run began."""
        return {name: count for name, count in self.sandbox.calls().items() if not name.startswith(("amplify.Get", "amplify.List"))}


@pytest.fixture
def app(sandbox, run_module, estate):
    return App(sandbox, run_module, estate)


def test_variables_are_set_beside_those_that_are_there(app):
    before = app.variables
    result = app.run(variables={"LIMITER_URL": "https://limiter.example.com", "PORT": 6379}, secret_variables={"LIMITER_TOKEN": CANARY})
    assert result["changed"], result.output
    assert result["steps"] == [f"Update the variables of app {app.id}: add LIMITER_TOKEN, LIMITER_URL, PORT"]
    assert app.variables == {**before, "LIMITER_URL": "https://limiter.example.com", "PORT": "6379", "LIMITER_TOKEN": CANARY}
    assert result["variable_names"] == sorted(app.variables)
    assert app.own_of_branch == {"NEXT_PUBLIC_STAGE": "production"}


def test_a_second_run_reads_once_and_writes_nothing(app):
    app.run(variables={"A": "1"}, secret_variables={"B": CANARY})
    result = app.run(variables={"A": "1"}, secret_variables={"B": CANARY})
    assert not result["changed"] and result["steps"] == []
    assert app.sandbox.calls() == {"amplify.GetApp": 1}


def test_those_of_a_branch_are_another_matter(app):
    before = app.variables
    result = app.run(branch="main", variables={"NEXT_PUBLIC_APP_NAME": "of the branch"})
    assert result["branch"] == "main"
    assert app.own_of_branch == {"NEXT_PUBLIC_STAGE": "production", "NEXT_PUBLIC_APP_NAME": "of the branch"}
    assert app.variables == before
    assert not app.run(branch="main", variables={"NEXT_PUBLIC_APP_NAME": "of the branch"})["changed"]


def test_drift_is_put_right(app):
    app.run(variables={"A": "1", "B": "2"})
    app.write(A="changed in the console")
    result = app.run(variables={"A": "1", "B": "2"})
    assert result["steps"] == [f"Update the variables of app {app.id}: change A"]
    assert app.variables["A"] == "1"


@pytest.mark.parametrize(
    "args",
    [
        {"variables": {"A": "2", "NEW": "x"}, "secret_variables": {"S": CANARY}},
        {"variables": {"A": None}, "state": "absent"},
        {"variables": {"A": "2"}, "purge": True},
        {"variables": {"A": "1"}},
    ],
)
def test_check_mode_announces_what_the_run_does(app, args):
    app.write(A="1")
    before = app.variables
    announced = app.run(check=True, **args)
    assert app.variables == before and app.writes() == {}
    made = app.run(**args)
    for key in ("changed", "steps", "differences", "diff", "variable_names", "app_id", "branch"):
        assert announced[key] == made[key], key
    assert made["variable_names"] == sorted(app.variables)


def test_names_are_removed_whatever_their_values(app):
    before = app.variables
    app.write(A="1", B="2", C="3")
    result = app.run(state="absent", variables={"A": None, "NOT_THERE": ""}, secret_variables={"B": None})
    assert result["steps"] == [f"Update the variables of app {app.id}: remove A, B"]
    assert app.variables == {**before, "C": "3"}


def test_kind_18_purge_spares_what_amplify_reads_itself_and_says_so(app):
    reserved = {"_LIVE_UPDATES": "[]", "_BUILD_TIMEOUT": "60", "USER_BRANCH": "main", "USER_DISABLE_TESTS": "true", "AMPLIFY_MONOREPO_APP_ROOT": "web"}
    app.write(OTHER="x", **reserved)
    args = {"variables": {"A": "1", "_BUILD_TIMEOUT": "90"}, "purge": True}
    for check in (True, False, False):
        assert app.run(check=check, **args)["kept"] == sorted(set(reserved) - {"_BUILD_TIMEOUT"})
    assert app.variables == {**reserved, "A": "1", "_BUILD_TIMEOUT": "90"}
    assert app.run(variables={"A": "1"})["kept"] == []


def test_the_last_variable_goes_and_stays_gone(app):
    assert app.run(branch="main", variables={}, purge=True)["changed"]
    assert app.own_of_branch == {}
    again = app.run(branch="main", variables={}, purge=True)
    assert not again["changed"] and again["variable_names"] == []


def test_an_app_is_found_by_its_name(app):
    assert app.run(app_name="huntaze", variables={"A": "1"})["app_id"] == app.id
    assert app.variables["A"] == "1"


def test_a_name_that_two_apps_have_or_none_is_refused(app):
    twin = app.amplify.create_app(name="huntaze")["app"]["appId"]
    ambiguous = app.run(app_name="huntaze", variables={"A": "1"})
    assert ambiguous["failed"] and app.id in ambiguous["msg"] and twin in ambiguous["msg"] and "app_id" in ambiguous["msg"]
    unknown = app.run(app_name="hunaze", variables={"A": "1"})
    assert unknown["failed"] and "hunaze" in unknown["msg"] and "there is huntaze" in unknown["msg"]
    assert app.writes() == {}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("args", [{"app_id": "dnosuchapp"}, {"branch": "nope"}])
def test_kind_16_what_is_not_found_is_named_with_the_way_out(app, args, check):
    result = app.run(check=check, **{"variables": {"A": "1"}, **args})
    assert (result["changed"], result["steps"], result["left"]) == (False, [], [])
    assert result["failed"] and list(args.values())[0] in result["msg"] and "Correct app_id, branch" in result["msg"]


def test_all_that_cannot_be_is_refused_in_one_message_before_the_first_call(app):
    result = app.run(
        app_id="huntaze", branch="", purge=True,
        variables={"AWS_REGION": "us-east-1", "AWS_S3_BUCKET": "x", "": "x", "N" * 256: "x", "LONG": "x" * 5501, "BOTH": "1", "YES": True},
        secret_variables={"BOTH": CANARY, "HUGE": CANARY * 500, "EMPTY": ""},
    )
    assert result["failed"] and len(result["problems"]) == 11
    for expected in ("'huntaze'", "branch is empty", "AWS_REGION", "APP_S3_BUCKET", "without a name", "256", "LONG", "BOTH", "YES", "HUGE", "EMPTY"):
        assert expected in result["msg"]
    assert CANARY not in result.output
    assert app.sandbox.calls() == {}


def test_purge_with_absent_is_refused(app):
    result = app.run(variables={"A": None}, state="absent", purge=True)
    assert result["failed"] and "purge" in result["msg"]


def test_wrong_credentials_are_explained(app):
    result = app.run(variables={"A": "1"}, access_key="AKIAXXXXXXXXXXXXXXXX")
    assert result["failed"] and "check access_key and secret_key" in result["msg"]


def test_kind_05_no_secret_is_ever_shown(app):
    """Neither ours, nor those of others that GetApp returns in clear, nor what ours replaces."""
    app.write(THEIRS=CANARY + "-theirs", OURS=CANARY + "-old")
    for check in (True, False):
        result = app.run(variables={"PUBLIC": "may be seen"}, secret_variables={"OURS": CANARY + "-new", "MORE": CANARY}, check=check)
        assert CANARY not in result.output
        before, after = app.diff(result)
        assert after["PUBLIC"] == "may be seen" and set(after) == {"PUBLIC", "OURS", "MORE"}
        assert before["OURS"] != after["OURS"]
    # What was a secret once is none of a name's that is public now.
    result = app.run(variables={"MORE": "may be seen", "THEIRS": "may be seen too"})
    assert CANARY not in result.output and app.diff(result)[1]["MORE"] == "may be seen"
    app.write(THEIRS=CANARY + "-theirs")
    assert CANARY not in app.run(state="absent", variables={"THEIRS": None}).output
    assert CANARY not in app.run(branch="nope", secret_variables={"OURS": CANARY}).output


def test_a_run_killed_after_its_write_leaves_nothing_to_do(app):
    before = app.variables
    assert app.run(variables={"A": "1"}, kill_after=1).killed
    assert app.variables == {**before, "A": "1"}
    assert not app.run(variables={"A": "1"})["changed"]


def test_a_lost_answer_is_no_second_write(app):
    before = app.variables
    with app.sandbox.fault("lost_answer", service="amplify", operation="UpdateApp", times=1):
        result = app.run(variables={"A": "1"})
    assert result["changed"] and result["steps"], result.output
    assert app.writes() == {"amplify.UpdateApp": 1}
    assert app.variables == {**before, "A": "1"}


def test_throttled_writes_are_made_in_the_end(app):
    with app.sandbox.fault("throttle", service="amplify", operation="UpdateApp", rate=0, times=2):
        result = app.run(variables={"A": "1"})
    assert result["changed"], result.output
    assert app.writes() == {"amplify.UpdateApp": 3}
    assert app.variables["A"] == "1"


def test_stale_reads_after_the_write_lose_nothing(app):
    before = app.variables
    with app.sandbox.fault("stale_reads", service="amplify", operation="GetApp", times=2):
        result = app.run(variables={"A": "1"})
    assert result["changed"], result.output
    assert app.variables == {**before, "A": "1"}


def test_another_writer_who_undoes_ours_is_merged_with(app):
    """They read before our write and write after it: ours are gone, until the module reads back."""
    before = app.variables
    undone = threading.Event()

    def undo():
        while not app.sandbox.calls().get("amplify.UpdateApp"):
            pass
        app.amplify.update_app(appId=app.id, environmentVariables={**before, "THEIRS": "x"})
        undone.set()

    other = threading.Thread(target=undo)
    app.sandbox.control.forget_calls()
    other.start()
    result = app.run(variables={"OURS": "1"})
    other.join()
    assert undone.is_set() and result["changed"], result.output
    assert app.variables == {**before, "THEIRS": "x", "OURS": "1"}


def test_runs_at_the_same_time_lose_nothing_of_each_other(app):
    before = app.variables
    names = [f"WRITER_{number}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        results = list(pool.map(lambda name: app._run_module("amplify_environment", {"app_id": app.id, "variables": {name: "x"}}), names))
    assert all(result["changed"] for result in results), [result.output for result in results]
    assert app.variables == {**before, **dict.fromkeys(names, "x")}


def test_it_gives_up_on_a_writer_who_never_stops(app):
    with app.sandbox.fault("throttle", service="amplify", operation="UpdateApp", rate=0):
        result = app.run(variables={"A": "1"})
    assert result["failed"] and "Run the task again" in result["msg"]
    # Nothing was written, and nothing else is claimed.
    assert (result["changed"], result["steps"]) == (False, [])
    assert result["left"] == [f"Update the variables of app {app.id}: add A"]


def test_kind_17_a_write_whose_effect_cannot_be_read_is_told(app):
    with app.sandbox.fault("throttle", service="amplify", operation="GetApp", rate=0, after=1):
        result = app.run(variables={"A": "1"}, aws_config={"retries": {"total_max_attempts": 1}})
    assert result["failed"] and result["changed"], result.output
    assert result["steps"] == [f"Update the variables of app {app.id}: add A"] and result["left"] == []


def test_kind_27_a_value_that_ends_with_a_line_end_is_told(app):
    result = app.run(variables={"A": "x\n"}, secret_variables={"B": CANARY + " "})
    assert len(result["warnings"]) == 2 and "A ends with a line end" in str(result["warnings"]) and CANARY not in result.output
    assert app.variables["A"] == "x\n"
