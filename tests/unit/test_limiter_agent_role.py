# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role limiter_agent refuses, from its own variables."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[2] / "roles" / "limiter_agent"
GOOD = {
    "limiter_agent_redis": {"host": "master.huntaze.use1.cache.amazonaws.com", "tls": True, "token": "canary-token-0123"},
    "limiter_agent_bearer_tokens": ["canary-" + "x" * 24],
    "limiter_agent_tls": {"certificate": "PEM", "key": "canary"},
    "limiter_agent_python_found": {"rc": 0, "stdout": "3.12"},
}


def problems(**changed):
    variables = {}
    for file in ("defaults", "vars"):
        for name, value in yaml.safe_load((ROLE / file / "main.yml").read_text()).items():
            variables[name] = trust_as_template(value) if isinstance(value, str) else value
    variables |= GOOD | changed | {"role_path": str(ROLE)}
    told = Templar(DataLoader(), variables=variables).template(trust_as_template("{{ limiter_agent_problems }}"))
    assert "canary" not in " ".join(told)
    return told


def test_what_is_as_it_should_be_is_not_refused():
    assert problems() == []


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.1.10", "::", "127x.example"])
def test_kind_31_bearer_tokens_are_not_taken_in_plain_text_unless_that_is_said(address):
    open_to_all = {"limiter_agent_tls": {}, "limiter_agent_listen": {"address": address}}
    (problem,) = problems(**open_to_all)
    assert f"bearer tokens reach {address} in plain text" in problem and "limiter_agent_plain_text: true" in problem
    assert problems(**open_to_all, limiter_agent_plain_text=True) == []


def test_kind_31_the_default_address_without_a_certificate_is_refused():
    (problem,) = problems(limiter_agent_tls={})
    assert "0.0.0.0" in problem


@pytest.mark.parametrize("address", ["127.0.0.1", "127.19.0.3", "::1", "localhost"])
def test_kind_31_nobody_else_reads_along_on_a_loopback_address(address):
    assert problems(limiter_agent_tls={}, limiter_agent_listen={"address": address}) == []
    assert problems(limiter_agent_redis={"host": address, "token": "canary-token-0123"}) == []


@pytest.mark.parametrize("tls", [{}, {"tls": False}, {"tls": None}])
def test_kind_31_a_token_is_not_sent_to_redis_in_plain_text(tls):
    (problem,) = problems(limiter_agent_redis={"host": "redis.internal", "token": "canary-token-0123", **tls})
    assert "limiter_agent_redis.token would be sent in plain text" in problem
    assert problems(limiter_agent_redis={"host": "redis.internal", **tls}) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"rc": 0, "stdout": "3.14"}, "is Python 3.14"), ({"rc": 0, "stdout": "3.10"}, "is Python 3.10"), ({"rc": 1, "stdout": ""}, "is missing"),
        ({"rc": 2, "msg": "No such file"}, "is missing"), ({"msg": "Missing sudo password"}, "cannot be asked (Missing sudo password)"),
        ({"rc": 2, "stdout": "", "stderr": "", "msg": "Error executing command."}, "is missing"),
        ({"rc": 1, "module_stdout": "", "module_stderr": "\nops is not in the sudoers file.\n", "msg": "x"}, "asked (ops is not in the sudoers file.)"),
        ({"rc": 127, "module_stdout": "", "module_stderr": "", "msg": "The interpreter was not found."}, "asked (The interpreter was not found.)"),
        ({"rc": 1, "module_stdout": ""}, "cannot be asked (no reason given)"),
    ],
)
def test_kind_39_a_python_that_the_agent_has_no_wheels_for_is_told(found, words):
    (problem,) = problems(limiter_agent_python_found=found)
    assert words in problem and "3.11 to 3.13 is needed" in problem


def test_kind_15_null_options_are_as_if_left_out():
    assert problems(limiter_agent_tls={"certificate": None, "key": None}, limiter_agent_plain_text=True) == []
    assert problems(limiter_agent_cloudwatch={"region": "us-east-1", "access_key": None, "secret_key": None}) == []
