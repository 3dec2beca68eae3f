# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever bytes a server sends, the conversations end in a result or in Trouble, never in another error."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import live as _live_cache
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Deadline, Wire
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, attempt
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import Answer
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.postgres import PostgresSession, ask_for_tls
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import RedisSession
from hypothesis import example, given
from hypothesis import strategies as st


class Said:
    """A socket on which the server has said all it will say."""

    def __init__(self, data):
        self.data = data

    def settimeout(self, seconds):
        assert seconds > 0

    def sendall(self, data):
        pass

    def close(self):
        pass

    def recv(self, size):
        data, self.data = self.data[:size], self.data[size:]
        return data


def ends_well(converse, data):
    try:
        converse(Wire(Said(data), Deadline(10)))
    except Trouble as trouble:
        assert isinstance(trouble.cause, Cause) and trouble.as_dict("canary")["advice"]


def redis(wire):
    session = RedisSession(wire)
    session.login("user", "canary")
    session.ask("PING")
    session.describe()


def postgres(wire):
    session = PostgresSession(wire)
    session.login("user", "database", "canary")
    session.ask("SELECT 1")
    session.end()


LINES = st.lists(
    st.one_of(
        st.sampled_from([b"+OK\r\n", b"+PONG\r\n", b"*-1\r\n", b"*2\r\n", b"$-1\r\n", b"$3\r\n", b"$9999999\r\n", b":1\r\n", b"-ERR x\r\n"]),
        st.sampled_from([b"-\r\n", b"*1\r\n" * 20]),
        st.binary(max_size=20).map(lambda text: b"$%d\r\n%s\r\n" % (len(text), text)),
        st.binary(max_size=20),
    )
).map(b"".join)


@given(LINES)
@example(b"*2\r\n*0\r\n:1\r\n+PONG\r\n*1\r\n$4\r\nrole\r\n")
@example(b"$" + b"9" * 5000 + b"\r\n")
def test_redis_may_say_anything(data):
    ends_well(redis, data)


MESSAGES = st.lists(
    st.tuples(st.sampled_from(b"RESKZNTDCvAn1"), st.one_of(
        st.binary(max_size=30),
        st.tuples(st.sampled_from([0, 2, 3, 5, 7, 10, 11, 12, 99]), st.binary(max_size=20)).map(lambda pair: struct.pack("!I", pair[0]) + pair[1]),
        st.lists(st.binary(max_size=9), max_size=3).map(lambda fields: b"\0".join(fields) + b"\0\0"),
    )).map(lambda pair: bytes([pair[0]]) + struct.pack("!I", len(pair[1]) + 4) + pair[1])
).map(b"".join)


@given(st.one_of(MESSAGES, st.binary(max_size=60)))
@example(b"R\0\0\0\x08\0\0\0\0" b"Z\0\0\0\x05I" b"D\0\0\0\x06\0\x05")
@example(b"R\0\0\0\x16\0\0\0\x0aSCRAM-SHA-256\0\0" b"R\0\0\0\x0a\0\0\0\x0b\xff\xff")
def test_postgresql_may_say_anything(data):
    ends_well(postgres, data)
    ends_well(ask_for_tls, data)


@pytest.mark.parametrize("about", [b"*2\r\n*0\r\n:1\r\n", b"*2\r\n$4\r\nrole\r\n*0\r\n", b"*2\r\n$7\r\nversion\r\n*1\r\n:7\r\n"])
def test_kind_07_a_description_of_odd_shapes_tells_nothing(about):
    session = RedisSession(Wire(Said(about), Deadline(10)))
    assert session.describe() == {"version": None, "role": None}


@pytest.mark.parametrize("password", ["canary", "\udcff canary", "", "\u00e9"])
def test_passwords_of_any_bytes_are_sent(password):
    ends_well(lambda wire: RedisSession(wire).ask("AUTH", password), b"+OK\r\n")
    for ask in (b"R\0\0\0\x08\0\0\0\x03", b"R\0\0\0\x0c\0\0\0\x05salt", b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"):
        ends_well(lambda wire: PostgresSession(wire).login("u", "d", password), ask + b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")


@pytest.mark.parametrize(("said", "accepted", "required"), [
    (b"+PONG\r\n+OK\r\n+OK\r\n", None, False),
    (b"+PONG\r\n+OK\r\n-WRONGPASS no\r\n", True, False),
    (b"+PONG\r\n-WRONGPASS no\r\n", False, False),
    (b"-NOAUTH no\r\n+OK\r\n", True, True),
    (b"-NOAUTH no\r\n-WRONGPASS no\r\n", False, True),
])
def test_kind_01_only_a_cache_that_refuses_another_password_tells_of_the_token(monkeypatch, said, accepted, required):
    monkeypatch.setattr(_live_cache.Way, "open_tls", lambda way, deadline, *dummy: Wire(Said(said), deadline))
    look, trouble, dummy = _live_cache.ask({"address": "cache.example", "port": 6379}, "canary", None, 10)
    assert (look, trouble) == (Answer(accepted, required), None)


@pytest.mark.parametrize(
    ("reply", "asked"),
    [
        (b"-NOAUTH Authentication required.\r\n", True),
        (b"+PONG\r\n", False),
        (b"-NOPERM this user has no permissions to run the 'ping' command\r\n", False),
        (b"-DENIED Redis is running in protected mode\r\n", None),
        (b"-ERR max number of clients reached\r\n", None),
        (b"+OK\r\n", None),
        (b"HTTP/1.1 400 Bad Request\r\n", None),
        (b"", None),
    ],
)
def test_only_noauth_proves_that_credentials_are_asked_for(reply, asked):
    answer, trouble = attempt(RedisSession(Wire(Said(reply), Deadline(10))).asks_for_password)
    assert (answer, trouble is None) == (asked, asked is not None)
