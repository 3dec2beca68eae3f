# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report looks like at a terminal and in a log."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import model, verdicts, words
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report.render import terminal
from hypothesis import given
from hypothesis import strategies as st
from unit.test_report_model import AUTH, CACHE, EVENTS, RUN, SLOW, event, plan

BEGAN = 1795662764.0  # 26 Nov 2026 03:12:44 UTC
LOOK_UP = event("preflight", action="amazon.aws.aws_caller_info", account="123456789012", invocation={"module_args": {"region": "us-east-1"}})


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
                     controller   limiter      stranger     TLS AUTH
  cache's settings   ok           -            -            -   -
  Redis              -            FAILED       not verified -   -
  Redis (plaintext)  -            ok refused   -            -   -
  PostgreSQL         -            not verified -            -   -
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
