# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report looks like at a terminal and in a log."""

from __future__ import annotations

import re
import shlex
import typing as t

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import model, verdicts, words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import terminal
from hypothesis import given
from hypothesis import strategies as st
from support import reports
from unit.test_report_model import AUTH, CACHE, EVENTS, RUN, SLOW, event, plan

BEGAN = 1795662764.0  # 26 Nov 2026 03:12:44 UTC
LOOK_UP = event("preflight", action="huntaze.ai_system.estate_info", account={"id": "123456789012"}, invocation={"module_args": {"region": "us-east-1"}})


def works(latency):
    return {
        "reachable": True, "authenticated": True, "authentication_enforced": True, "reason": "answers", "latency_ms": {"median": latency}, "tls_version": "TLSv1.3",
    }


def trouble(kind, message):
    return {"reachable": False, "port_open": False, "error": {"class": kind, "message": message}, "reason": message}


def checked(**limiter):
    seen = [
        {"vantage": "limiter", "inside": True, "tls": works(0.613), "plain": {**trouble("tls_required", "silence"), "port_open": True}, "database": works(1.14), **limiter},
        {"vantage": "stranger", "inside": False, "tls": trouble("timeout", "no answer in 5.0 s")},
    ]
    facts = {"huntaze_checks": verdicts.checks(seen, CACHE, True)}
    return event("verify", action="ansible.builtin.set_fact", ansible_facts=facts)


def page(*events, width=100, options: t.Mapping[str, t.Any] = {}, **run):
    made = model.report([LOOK_UP, *events], RUN._replace(began=BEGAN, ended=BEGAN + 41, **run))
    return "\n".join(terminal.render(made, width=width, **options)) + "\n"


def test_an_unchanged_run_takes_five_lines_at_most():
    shown = page(plan("network", [], invocation={"module_args": {"rules": [{}] * 61}}), checked(), options={"written": ["report.json"]})
    assert shown == """\
CLEAN         Nothing to do: 61 objects as declared, 5 checks ok
              deploy, account 123456789012, us-east-1, 26 Nov 2026 03:12:44 UTC, took 41 s
              Redis 0.61 ms, PostgreSQL 1.1 ms; TLS 1.3, authentication enforced
Report        report.json
"""


@pytest.mark.parametrize("latency", [0.27, 14.2])
def test_at_80_columns_too_what_was_seen_is_one_line(latency):
    seen = checked(tls=works(latency), database=works(latency))
    shown = page(plan("network", [], invocation={"module_args": {"rules": [{}] * 61}}), seen, width=80, options={"written": ["report.json"]})
    assert len(shown.splitlines()) == 4 and shown.splitlines()[2].endswith("TLS 1.3, AUTH enforced" if latency < 1 else "TLS 1.3, authentication enforced")


def test_a_clean_run_says_why_something_is_not_verified():
    shown = page(plan("network", []), checked(plain={}, database={"failed": True, "msg": "no driver"}), options={"written": ["report.json"]})
    assert shown == """\
CLEAN         Nothing to do: 1 object as declared, 3 checks ok, 2 not verified from here
              deploy, account 123456789012, us-east-1, 26 Nov 2026 03:12:44 UTC, took 41 s
              Redis 0.61 ms; TLS 1.3, authentication enforced
  not seen    limiter to Redis (plaintext): nobody looked
  not seen    limiter to PostgreSQL: could not look: no driver
Report        report.json
"""


def test_of_much_that_a_clean_run_could_not_look_at_it_names_the_first():
    checks = [reports.check(f"host-{number}", "redis", "not_verified", says=f"reason {number}") for number in range(5)]
    made = reports.report([], "clean", "Nothing to do", checks=[reports.check("limiter-1", "redis"), *checks])
    assert drawn(made).splitlines()[-3:] == [
        "  not seen    host-0 to Redis: reason 0", "  not seen    host-1 to Redis: reason 1", "              and 3 more; -v shows them",
    ]
    assert drawn(made, full=True).count("  not seen    ") == 5


FAILED = [
    plan("network", ["sg-1: let in tcp 6379 from sg-2"]),
    plan("auth_close", ["Replication group huntaze-redis: require TLS and refuse plain text", "Replication group huntaze-redis: accept the token too (AUTH, ROTATE)",
                        "Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is the only one"]),
    plan("app", ["Build", "Note"]),
    event("network", changed=True, steps=["sg-1: let in tcp 6379 from sg-2"], seconds=3.2),
    event("auth_close", "failed", task="Require TLS and the token", action=AUTH, changed=True, steps=["Replication group huntaze-redis: require TLS and refuse plain text"],
          left=["Replication group huntaze-redis: accept the token too (AUTH, ROTATE)",
                "Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is the only one"],
          msg="The token could not be added: InvalidReplicationGroupState, Replication group huntaze-redis has status modifying.\n::error::not a command"),
]


def test_a_run_that_stops_shows_its_stage_in_full_and_the_others_as_a_row():
    assert page(*FAILED, failed_hosts=["localhost"]) == """\
FAILED        Stopped in auth_close at step 3 of 6: The token could not be added:
              InvalidReplicationGroupState, Replication group huntaze-redis has status modifying
              2 steps are done and stay; the next run goes on from there.
Next          ansible-playbook deploy.yml   # once what is told below is mended
Run           deploy, account 123456789012, us-east-1, 26 Nov 2026 03:12:44 UTC, took 41 s

Failure       auth_close: Require TLS and the token, on localhost

  message     | The token could not be added: InvalidReplicationGroupState, Replication group
              | huntaze-redis has status modifying.
              | ::error::not a command
  done        2 steps, which stay: nothing has to be undone
  next run    goes on from here; 4 steps left

Steps         1 FAILED, 2 done, 3 not reached, in 3 stages
  network     done         1 step                                                                3 s
  auth_close  done         huntaze-redis  require TLS and refuse plain text                      1 s
              FAILED                      accept the token too (AUTH, ROTATE)
              not reached                 note in the tag huntaze:auth-token that the token is the
                                          only one
  app         not reached  2 steps

Verification  skipped: the run did not reach verify

FAILED        Stopped in auth_close at step 3 of 6: The token could not be added:
              InvalidReplicationGroupState, Replication group huntaze-redis has status modifying
"""


def test_at_80_columns_objects_stand_on_lines_of_their_own():
    steps = page(*FAILED, failed_hosts=["localhost"], width=80).partition("Steps")[2].partition("Verification")[0]
    assert "Steps" + steps == """\
Steps         1 FAILED, 2 done, 3 not reached, in 3 stages
  network     done         1 step                                            3 s
  auth_close  huntaze-redis
                done         require TLS and refuse plain text               1 s
                FAILED       accept the token too (AUTH, ROTATE)
                not reached  note in the tag huntaze:auth-token that the token
                             is the only one
  app         not reached  2 steps

"""


REFUSED = checked(tls=trouble("timeout", "no answer in 5.0 s"), database={})


def test_verification_is_a_table_and_what_failed_says_why():
    assert page(REFUSED).partition("Verification")[2].partition("\n\n")[0] == """\
  1 FAILED, 2 ok, 2 not verified from here
                     limiter      controller   stranger     TLS AUTH
  cache's settings   -            ok           -            -   -
  Redis              FAILED       -            not verified -   -
  Redis (plaintext)  ok refused   -            -            -   -
  PostgreSQL         not verified -            -            -   -
  -: no such path; not verified: nobody looked from there; enforced: refused without credentials
  FAILED      limiter to Redis: no answer in 5.0 s
  not seen    stranger to Redis: no answer in 5.0 s, but nobody has got through from inside, so the
              cache or the network may be at fault"""


def test_verification_is_a_list_at_80_columns():
    shown = page(checked(), event(changed=True, steps=["sg-1: let in tcp 22 from sg-2"]), width=80).partition("Verification")[2].partition("\n\n")[0]
    assert shown == """\
  5 ok
  cache's settings
    ok            controller
  Redis               TLS 1.3 authentication enforced
    ok            limiter 0.61 ms
    ok, kept out  stranger
  Redis (plaintext)
    ok, refused   limiter
  PostgreSQL          TLS 1.3 authentication enforced
    ok            limiter 1.1 ms"""


def test_alike_alarms_are_one_row():
    names = ["huntaze-ai-cpu", "huntaze-ai-memory", "huntaze-ai-silent"]
    shown = page(event("alarms", changed=True, steps=[f'create the metric alarm "{name}"' for name in names]))
    assert "  alarms      3 alarms  create the metric alarm: cpu, memory, silent\n" in shown


def test_check_mode_has_made_no_connection():
    skipped = {"skipped": True, "reachable": None, "skip_reason": "check mode"}
    seen = {"vantage": "limiter", "inside": True, "tls": skipped, "plain": skipped, "database": skipped}
    facts = {"huntaze_checks": verdicts.checks([seen], CACHE, True)}
    shown = page(event("verify", ansible_facts=facts), event(changed=True, steps=["sg-1: let in tcp 22 from sg-2"]), check=True)
    assert "TO DO         1 step to do in 1 stage; nothing was done\n" in shown
    assert "Verification  skipped, 4 checks: check mode makes no connections\n" in shown


def test_what_was_left_out_and_muted_is_said_in_a_clean_run_too():
    shown = page(plan("alarms", [], action="huntaze.ai_system.cloudwatch_alarms", muted=["cpu"]), left_out=["agent"])
    assert "              MUTED: cpu: actions are off" in shown and "              Not compared, as this run left it out: agent" in shown


def test_v_shows_a_clean_run_in_full():
    assert "Verification  5 ok" in page(checked(), options={"full": True}) and "Verification" not in page(checked())


@pytest.mark.parametrize("width", [80, 100])
def test_colour_repeats_what_a_word_says(width):
    plain = page(*FAILED, failed_hosts=["localhost"], width=width)
    coloured = page(*FAILED, failed_hosts=["localhost"], width=width, options={"colour": True, "ascii_only": False})
    assert "\x1b[1;31mFAILED" in coloured and "\x1b" not in plain and plain.isascii()
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).replace("\u2502", "|") == plain


@SLOW
@given(st.lists(EVENTS, max_size=4), st.sampled_from([40, 80, 120]), st.sampled_from([[], ["localhost"]]), st.booleans())
def test_no_text_of_others_begins_a_line_or_commands_a_terminal(events, width, failed_hosts, full):
    foreign = event("app", "failed", task="::warning::task", msg="::error::no\r\n\x1b[2J##[error]no\n\u202e::set-output::x " + "y" * 200)
    shown = page(*events, foreign, width=width, failed_hosts=failed_hosts, options={"full": full})
    for line in shown.splitlines():
        assert not re.match(r"\s*(::|##\[)", line)
        assert not line or line[0] == " " or re.match(r"(CLEAN|CHANGED|TO DO|FAILED|Next|Run|Failure|Steps|Verification|Note|Report) ", line)
    assert not [character for character in shown.replace("\n", "") if not character.isprintable()]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.1 s"), (0.4, "0.4 s"), (3, "3 s"), (59.6, "1 min 00 s"), (460, "7 min 40 s"), (1260, "21 min 00 s"), (16260, "4 h 31 min"), (205200, "2 days 9 h")]
)
def test_durations(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("milliseconds", "text"), [(0.613, "0.61 ms"), (1.14, "1.1 ms"), (12.2, "12 ms"), (0.999, "1.0 ms"), (9.96, "10 ms")])
def test_latencies(milliseconds, text):
    assert words.latency(milliseconds) == text


@pytest.mark.parametrize(
    ("message", "headline"),
    [
        ("The token is refused. Give another.", "The token is refused"),
        (["Nothing was changed. The variables of the inventory need attention:", "huntaze_cache.name is missing."], "The variables of the inventory need attention"),
        ("Task failed: no such file: /etc/x.pem", "no such file: /etc/x.pem"), ("", "no reason given"), (None, "None"), ("a" * 200, "a" * 117 + "..."),
    ],
)
def test_the_first_line_has_the_first_sentence(message, headline):
    assert words.headline(message) == headline


def drawn(report, width=100, **options):
    return "\n".join(terminal.render(report, width=width, **options)) + "\n"


def test_differences_are_told_one_by_one_with_since_when_and_by_whom():
    shown = drawn(reports.report(reports.a_few(), notes=["CloudTrail's events come late."]), written=["report.html", "report.json"])
    assert shown == """\
DRIFT         2 fields differ from what is declared; 1 lowers security
              Strangers reach Redis.
Next          ansible-playbook deploy.yml   # puts back what differs
Run           drift, account 123456789012, us-east-1, 26 Nov 2026 03:12:44 UTC, took 38 s

Drift         2 new, 1 still, 1 accepted, 1 gone; since the report of 25 Nov 2026 03:12 UTC

  new         cache huntaze-redis: AUTH  lowers security
              declared  the token
              found     user group everybody
              since     not known
              action    a run leaves it: the cache has user groups
              remedy    take the user group from the cache, then run deploy.yml

  new         security group huntaze-cache: ingress tcp 6379, source  lowers security
              declared  huntaze-limiter
              found     huntaze-limiter, 0.0.0.0/0
              since     25 Nov 2026 22:42 UTC, 4 h 30 min ago, by user oncall
                        (AuthorizeSecurityGroupIngress)

  still       amplify branch huntaze-app/main: variable LIMITER_TOKEN
              declared  a secret (masked)
              found     another secret (masked)
              since     between 23 Nov 2026 03:12 UTC and 24 Nov 2026 03:12 UTC, by earlier reports
              by        nobody is proven; last writes by role ci, 23 Nov 2026 18:08 UTC
                        (UpdateBranch); user oncall, 22 Nov 2026 01:00 UTC (UpdateBranch)

  accepted    alarm huntaze-ai-cache-cpu: threshold
              declared 40 %, found 60 %
              until 1 Dec 2026 by owner: load test of the new plan

  gone        alarm huntaze-ai-agent-silent: actions
              this run put it right: 1 SNS topic; was none

  To accept one, list its object and field with a reason and a last day in huntaze_drift.accepted.

Note          CloudTrail's events come late.

Report        report.html and report.json
DRIFT         2 fields differ from what is declared; 1 lowers security
"""


@pytest.mark.parametrize("width", [80, 100])
def test_a_thousand_differences_are_told_by_actor_kind_and_pattern(width):
    shown = drawn(reports.report(reports.many()), width)
    assert len(shown.splitlines()) < 70 and max(map(len, shown.splitlines())) <= width
    for line in ("  changed by                   fields   new still   when, UTC\n",
                 "  kind                         fields   new still   fields, most often first\n",
                 "  role ci                         748   748     0   25 Nov, 22:24 to 22:39\n"):
        assert line in shown
    assert "\n  61 of them lower security:\n\n  42 security groups: ingress tcp 443, source\n  declared    huntaze-edge\n" in shown
    assert "  found       huntaze-edge, 0.0.0.0/0\n  which       huntaze-billing-508, huntaze-chat-243, " in shown
    assert "\n  19 of them a run leaves as they are:\n\n  19 replication groups: transit encryption\n  action      a run leaves it: the cache has user groups\n" in shown
    assert re.search(r"\n  accepted    \d+ fields until 1 Dec 2026 by owner: load test of the new\s+plan\n", shown)


def test_some_differences_are_told_by_actor_and_listed():
    records = [reports.record("alarm", f"alarm-{index:02}", "threshold", "40", MASK, days=1, by="user oncall") for index in range(11)]
    shown = drawn(reports.report([*records, {**reports.a_few()[2], "seen_between": ["2026-11-23T03:12:00Z", "2026-11-24T03:12:00Z"]}]))
    assert "\n  user oncall                      11    11     0   25 Nov 03:12\n" in shown
    assert """
  new         cache huntaze-redis: AUTH  lowers security
                declared the token, found user group everybody; 23 Nov 03:12 to 24 Nov 03:12
                a run leaves it: the cache has user groups
                take the user group from the cache, then run deploy.yml
  new         alarm alarm-00: threshold
                declared 40, found a secret (masked); 25 Nov 03:12, by user oncall
""" in shown


def test_files_of_a_directory_are_told_together():
    shown = drawn(reports.report(reports.a_few()), written=["/srv/a.json", "/var/reports/report.json", "/var/reports/report.md", "/var/reports/report.html"])
    assert "Report        a.json in /srv; report.json, report.md and report.html in /var/reports\n" in shown
    assert "Report        /srv/a.json\n" in drawn(reports.report(reports.a_few()), written=["/srv/a.json"])
    assert "Report        report.json and report.md\n" in drawn(reports.report(reports.a_few()), written=["report.json", "report.md"])


def test_many_actors_and_patterns_are_told_by_the_largest():
    records = [reports.record("security group", f"group-{index:02}", f"tcp {index}", None, "open", severity="high", by=f"user {index % 20}") for index in range(40)]
    shown = drawn(reports.report(records))
    assert "\n  and 12 more rows, of 24 fields\n" in shown and "\n  and 32 more patterns, of 32 fields\n" in shown
    assert "  declared    nothing\n  found       open\n" in shown and len(shown.splitlines()) < 80


def test_what_is_accepted_gone_or_was_not_looked_at_is_said_in_a_clean_run_too():
    accepted, gone = (one for one in reports.a_few() if one["accepted"] or one["state"] == "gone")
    shown = drawn(reports.report([accepted, gone], "clean", "Nothing differs", unseen=[reports.a_few()[0]]))
    assert "              1 field accepted until 1 Dec 2026 by owner: load test of the new plan\n" in shown
    assert "              1 gone, as declared again: alarm huntaze-ai-agent-silent: actions\n" in shown
    assert "              1 not looked at: security group huntaze-cache: ingress tcp 6379, source\n" in shown


def test_sections_stand_in_their_order():
    shown = drawn(reports.full())
    assert re.findall(r"^[A-Z][A-Za-z]+", shown, re.M) == "FAILED Next Run Failure Cause Drift Steps Verification Security Cost Note FAILED".split()
    assert "  remedy      ansible-playbook deploy.yml --tags network,verify\n              adds 1 rule\n" in shown
    assert "Cost          61.92 USD a month, +18.49 USD by this run; prices of 1 Nov 2026; without data" in shown


def causes_in(causes):
    return drawn(reports.full(causes=causes)).partition("\nCause")[2].partition("\nDrift")[0]


def test_a_cause_is_told_from_the_path_to_the_remedy():
    evidence = [*reports.CAUSE["evidence"], {"source": "limiter-1", "at": "2026-11-26T03:13:22Z", "text": "Operation not permitted"}]
    assert causes_in([{**reports.CAUSE, "evidence": evidence}]) == """\
         security group huntaze-cache does not let tcp 6379 in from huntaze-limiter (certain)

  path        limiter-1 > route ok > security group FAILED
  client saw  no answer in 5.0 s
  AWS says    huntaze-cache has 1 ingress rule, for tcp 22.
  evidence    ec2 DescribeSecurityGroupRules, 26 Nov 2026 03:13:03 UTC
              | "FromPort": 22,
              | "ToPort": 22
  evidence    limiter-1, 26 Nov 2026 03:13:22 UTC
              | Operation not permitted
  ruled out   routes are local
  remedy      ansible-playbook deploy.yml --tags network,verify
              adds 1 rule
"""


@pytest.mark.parametrize(
    ("confidences", "checks", "heading"),
    [
        (["certain", "certain"], ["a>redis", "a>redis"], "2 causes"),
        (["likely", "possible"], ["a>redis", "a>redis"], "2 candidates for one failure, the likelier first"),
        (["certain", "possible"], ["a>redis", "b>redis"], "2 causes, the surest first"),
        (["certain", "possible", "possible"], ["a>redis", "b>redis", "b>redis"], "3 candidates for 2 failures, the likelier first"),
    ],
)
def test_several_causes_say_of_how_many_failures_they_are(confidences, checks, heading):
    causes = [{**reports.CAUSE, "confidence": confidence, "checks": [check]} for confidence, check in zip(confidences, checks)]
    told = causes_in(causes)
    assert told.startswith(f"s        {heading}\n\n  1 {confidences[0].ljust(10)}security group") and f"\n  2 {confidences[1]}" in told


def test_a_cause_does_not_repeat_what_the_one_before_it_says():
    told = causes_in([{**reports.CAUSE, "confidence": "possible"}, {**reports.CAUSE, "confidence": "possible", "title": "a route is missing", "ruled_out": []}])
    assert told.partition("\n  2 ")[2] == """\
possible  a route is missing
  remedy      ansible-playbook deploy.yml --tags network,verify
              adds 1 rule
"""


def test_what_a_cause_explains_is_one_sentence_among_the_checks():
    failed = [reports.check("limiter-1", to, "failed", says="no answer in 5.0 s (all looks together). Check the group: is it open?") for to in ("redis", "postgresql")]
    told = drawn(reports.full(checks=failed)).partition("\nVerification")[2].partition("\nSecurity")[0]
    assert "  FAILED      limiter-1 to Redis: no answer in 5.0 s (all looks together)\n" in told
    assert "  FAILED      limiter-1 to PostgreSQL: no answer in 5.0 s (all looks together). Check the group: is" in told


def test_what_lacks_in_a_cause_has_no_row():
    told = causes_in([{**reports.CAUSE, "path": [], "aws_says": "", "evidence": [], "ruled_out": []}])
    assert re.findall(r"^  (\w+)", told, re.M) == ["client", "remedy"]


@pytest.mark.parametrize(
    ("word", "states", "heading", "in_full"),
    [
        ("failed", ["found", "found"], "2 findings: 2 high", 0), ("changed", ["found"] * 7, "7 findings: 7 high", 5),
        ("failed", ["new", "still"], "2 findings: 2 high; 1 new", 1), ("changed", ["still", "gone", "unseen"], "1 finding: 1 high; none new, 1 gone, 1 not looked at", 0),
    ],
)
def test_a_known_finding_is_a_line_and_a_new_one_is_told_in_full(word, states, heading, in_full):
    found = [{**reports.FINDING, "id": f"finding/{number}", "state": state} for number, state in enumerate(states)]
    told = drawn(reports.report([], word, "x", security=found)).partition("\nSecurity")[2]
    assert told.startswith(f"      {heading}\n") and told.count("  means     Anybody may try passwords.") == in_full
    assert told.count("  high        huntaze-production: publicly accessible\n") == len(states) - states.count("gone") - states.count("unseen")


def test_a_remedy_that_is_a_command_can_be_pasted():
    long = "aws rds modify-db-instance --db-instance-identifier huntaze-production --no-publicly-accessible --apply-immediately"
    told = drawn(reports.report([], "changed", "x", security=[{**reports.FINDING, "remedy": {"kind": "command", "text": long}}]))
    command = told.partition("remedy    ")[2].partition("breaks")[0]
    assert " \\\n" in command and shlex.split(command.replace("\\\n", "")) == shlex.split(long)


def test_a_clean_run_tells_security_and_cost_in_one_line():
    shown = drawn(reports.report([], "clean", "Nothing to do", security=[{**reports.FINDING, "state": "still"}], cost=reports.COST))
    assert "\n              1 security finding, none new; 61.92 USD a month (prices of 1 Nov 2026)\n" in shown


def test_a_stranger_who_is_kept_out_by_an_answer_is_shown_as_kept_out():
    checks = [reports.check("stranger", "agent/limiter-1", latency=12, expected="kept out", tls="1.3", authentication="enforced"),
              reports.check("limiter-1", "agent/limiter-1", latency=9, tls="1.2", authentication="not enforced")]
    made = reports.report([], "changed", "x", checks=checks)
    assert re.search(r"\n  agent limiter-1 +ok  9\.0 ms +ok kept out +1\.2 not enforced\n", drawn(made))
    assert "    ok, kept out  stranger\n    ok            limiter-1 9.0 ms\n" in drawn(made, 80)


def test_a_command_that_is_too_long_is_still_one_to_a_shell():
    long = "ansible-playbook " + " ".join(f"-e option_{number}=..." for number in range(9))
    report = reports.report(outcome={"word": "drift", "sentence": "x", "effect": None, "next": f"{long}   # puts back what differs"})
    told = drawn(report).partition("Next")[2].partition("Run")[0]
    assert shlex.split(told.replace("\\\n", ""), comments=True) == shlex.split(long)


@SLOW
@given(reports.HOSTILE, st.sampled_from([40, 80, 100]), st.booleans())
def test_no_text_of_others_leaves_its_column(text, width, colour):
    for line in drawn(reports.hostile(text), width, colour=colour).splitlines():
        line = re.sub(r"\x1b\[[\d;]*m", "", line)
        assert line.isprintable() and not re.match(r"\s*(::|##\[)", line)
        assert not line or line[0] == " " or re.match(r"(FAILED|Next|Run|Failure|Cause|Drift|Steps|Verification|Security|Cost|Note)( |$)", line)
