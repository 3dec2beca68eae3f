# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS says of the estate: asked once, at the same time, and never taken for known where it was refused."""

from __future__ import annotations

import json
import threading

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.app import readable
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.bucket import is_tls_only
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.estate import EVERY, SUBSETS, chosen, gather, problems, services
from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Reads, joined, spelt, together
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from hypothesis import given
from hypothesis import strategies as st

OPTIONS = ("gather_subset", "cache_name", "db_identifier", "bucket", "app_id", "app_name", "branch", "host_addresses", "security_group_ids")
NAMED = {
    "cache_name": "huntaze-redis", "db_identifier": "huntaze-postgres", "bucket": "huntaze-beta-assets", "app_id": "d1a2b3c4d5e6f7", "branch": "main",
    "host_addresses": ["172.31.16.5", "i-0123456789abcdef0"], "security_group_ids": ["sg-0c0ffee0c0ffee001"],
}


class Refused(Exception):
    def __init__(self, code="AccessDenied"):
        super().__init__(code)
        self.response = {"Error": {"Code": code, "Message": "you may not"}}


class Client:
    """Answers each operation with what it was given, and counts."""

    def __init__(self, **answers):
        self.answers, self.calls, self.meta, self.lock = answers, [], self, threading.Lock()
        self.method_to_api_mapping = {name: name for name in answers}

    def can_paginate(self, operation):
        return False

    def __getattr__(self, operation):
        def call(**parameters):
            with self.lock:
                self.calls.append(operation)
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def reads(**answers):
    client = Client(**answers)
    return Reads({"rds": client}, (Refused,)), client


def options(**named):
    return {**dict.fromkeys(OPTIONS), **named}


def test_what_many_ask_at_once_is_asked_once():
    asked, client = reads(describe={"Instances": [{"DBInstanceIdentifier": "a"}]})
    assert together(*[lambda: asked.ask("rds", "describe", "Instances", Name="a")] * 8) == [[{"db_instance_identifier": "a"}]] * 8
    asked.ask("rds", "describe", "Instances", Name="b")
    assert client.calls == ["describe"] * 2 and [row["source"] for row in asked.rows] == ["rds describe"] * 2


def test_a_refusal_is_none_and_told_and_an_absence_is_what_it_means():
    asked, dummy = reads(denied=Refused(), gone=Refused("NotFound"), broken=KeyError("a fault of ours"))
    assert asked.ask("rds", "denied") is None and asked.ask("rds", "gone", absent=("NotFound",), nothing=[]) == []
    assert [row["error"] for row in asked.rows] == ["AccessDenied: you may not", None] and len(asked.failures) == 1
    with pytest.raises(KeyError):
        together(lambda: asked.ask("rds", "broken"))
    assert joined([[1], None]) is None and joined([[1], [2]]) == [1, 2] and joined([]) == []


def test_names_that_people_have_chosen_stay():
    assert spelt({"EnvVars": 1, "environmentVariables": {"FooBar": "x"}, "CidrIpv4": "", "ResponseMetadata": {}}) == {
        "env_vars": 1, "environment_variables": {"FooBar": "x"}, "cidr_ipv4": "",
    }


def test_all_that_is_named_is_read_and_no_more():
    assert chosen(options()) == ["account"] and set(chosen(options(**NAMED))) == set(SUBSETS) and problems(options(**NAMED)) == []
    assert chosen(options(db_identifier="a")) == ["account", "database", "network"] and services(options(db_identifier="a")) == ["sts", "rds", "ec2"]
    assert services(options(gather_subset=["account", "db_instances"], db_identifier="a")) == ["sts", "rds"]


def test_bad_input_is_refused_all_at_once():
    bad = options(
        gather_subset=["app"], cache_name="a b", db_identifier="arn:aws:rds:us-east-1:1:db:x", bucket="s3://huntaze", branch="main",
        host_addresses=["limiter-1", "172.31.16.5"], security_group_ids=["cache"],
    )
    found = "\n".join(problems(bad))
    for words in ("names app, which needs app_id", "cache_name", "db_identifier is", "bucket is", "host_addresses[0]", "security_group_ids[0]", "goes with app_id"):
        assert words in found, words
    assert "host_addresses[1]" not in found


@pytest.mark.parametrize("name", EVERY)
def test_where_aws_refuses_all_nothing_is_known(name):
    class Denying(Client):
        method_to_api_mapping = meta = None

        def __init__(self):
            super().__init__()
            self.method_to_api_mapping = type("Any", (dict,), {"__missing__": lambda mapping, key: key})()

        def __getattr__(self, operation):
            def call(**parameters):
                raise Refused()

            return call

    denying = Denying()
    estate = gather(Reads(dict.fromkeys(["sts", "rds", "elasticache", "ec2", "s3", "amplify", "logs", "cloudwatch"], denying), (Refused,)),
                    options(**NAMED, gather_subset=[name]))
    told = dict(estate[EVERY[name].member])
    for ours in ("name", "log_group"):
        told.pop(ours, None)
    assert set(told.values()) == {None} and all(row["error"] for row in estate["read"]) and estate["read"]
    assert [key for key in estate if estate[key] is None] == [one.member for one in SUBSETS.values() if one.member != EVERY[name].member]


SECURE = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::a/*"],
          "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


@pytest.mark.parametrize("altered, expected", [
    ({}, True), ({"Principal": {"AWS": "*"}}, True), ({"Effect": "Allow"}, False), ({"Action": "s3:GetObject"}, False),
    ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, False), ({"Resource": "arn:aws:s3:::a"}, False), ({"Condition": {}}, False),
    ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
    ({"Condition": {**SECURE["Condition"], "StringEquals": {"aws:PrincipalOrgID": "o"}}}, False), ({"Resource": "arn:aws:s3:::a/public/*"}, False),
])
def test_only_a_denial_for_everybody_and_everything_makes_a_bucket_tls_only(altered, expected):
    assert is_tls_only(json.dumps({"Statement": [{"Effect": "Allow"}, {**SECURE, **altered}]}), "a") is expected


@given(st.text(min_size=6), st.text(), st.text())
def test_no_value_of_a_variable_is_in_what_an_app_has_logged(value, before, after):
    assert value not in readable(f"{before}{value}{after}", [value]).replace(MASK, "") or value in before + after


def test_the_password_of_an_address_is_masked_though_no_variable_has_it():
    told = readable("Error: connect postgres://u:canary@db:5432/x and rediss://:canary2@c:6379", [])
    assert "canary" not in told and "@db:5432" in told and "@c:6379" in told
