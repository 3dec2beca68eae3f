# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client's conversation with PostgreSQL or a proxy before it: the protocol's version 3.

libpq takes what it is not told from PG* variables and from files under the home directory, and keeps SQLSTATEs to itself while it connects.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import stringprep
import struct
import typing as t
import unicodedata

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, of_postgres
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import MAX_BYTES, Wire

PROTOCOL_3, SSL_REQUEST = 196608, 80877103
# PostgreSQL's own default is 4096; a server must not keep this machine calculating.
MOST_ITERATIONS = 1_000_000
OTHER_AUTHENTICATION = {2: "Kerberos", 6: "SCM credentials", 7: "GSSAPI", 9: "SSPI"}


def ask_for_tls(wire: Wire) -> None:
    """Before the TLS handshake, PostgreSQL is asked whether it takes one."""
    wire.send(struct.pack("!II", 8, SSL_REQUEST))
    answer = wire.read(1)
    if answer == b"N":
        raise Trouble(Cause.TLS_NOT_OFFERED, "the server does not take up TLS")
    if answer == b"E":
        raise _refusal(wire.read(_length(wire.read(4))))
    if answer != b"S":
        raise Trouble(Cause.PROTOCOL, f"the answer to the request for TLS is not what PostgreSQL says: {answer!r}")


class PostgresSession:
    """known: whether the server has let the client in.

    authenticated: whether it accepted the credentials; None if it was not asked. It looks at the password before it looks for the database.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.authenticated: t.Optional[bool] = None

    @property
    def known(self) -> bool:
        return bool(self.authenticated)

    def login(self, user: str, dbname: str, password: t.Optional[str]) -> None:
        try:
            self._start(user, dbname, password)
        except Trouble as trouble:
            # A refusal for another reason says nothing of the password, nor does another server.
            if trouble.cause is Cause.WRONGPASS:
                self.authenticated = False
            elif trouble.cause is Cause.PROTOCOL or not self.authenticated:
                self.authenticated = None
            raise

    def _start(self, user: str, dbname: str, password: t.Optional[str]) -> None:
        startup = {"user": user, "database": dbname, "application_name": "postgres_reachability", "client_encoding": "UTF8"}
        body = struct.pack("!I", PROTOCOL_3) + b"".join(_text(word) for pair in startup.items() for word in pair) + b"\0"
        self.wire.send(struct.pack("!I", len(body) + 4) + body)
        while True:
            kind, body = self._read()
            if kind == b"R":
                self._authenticate(body, user, password)
            elif kind == b"Z":
                return
            elif kind not in b"SKNv":
                raise Trouble(Cause.PROTOCOL, f"the answer is not what PostgreSQL says: {kind!r}")

    def ping(self) -> None:
        answer = self.ask("SELECT 1")
        if answer != ("1",):
            raise Trouble(Cause.PROTOCOL, f"the server answers SELECT 1 with {answer!r}")

    def describe(self) -> dict[str, t.Optional[str]]:
        """The server's version and role, None where it does not tell."""
        version, replica = (self.ask("SELECT current_setting('server_version'), pg_is_in_recovery()") + (None, None))[:2]
        return {"version": (version or "").split(" ")[0] or None, "role": {"t": "replica", "f": "primary"}.get(replica)}

    def ask(self, query: str) -> tuple:
        """The only row of the answer, as texts."""
        self._send(b"Q", _text(query))
        row: t.Optional[tuple] = None
        while True:
            kind, body = self._read()
            if kind == b"D":
                row = _row(body)
            elif kind == b"Z":
                if row is None:
                    raise Trouble(Cause.PROTOCOL, f"the server answers {query} with no row")
                return row
            elif kind not in b"TCNSA":
                raise Trouble(Cause.PROTOCOL, f"the answer is not what PostgreSQL says: {kind!r}")

    def end(self) -> None:
        try:
            self._send(b"X", b"")
        except Trouble:
            pass
        self.wire.close()

    def _authenticate(self, body: bytes, user: str, password: t.Optional[str]) -> None:
        (way,) = _unpack("!I", body[:4])
        if way == 0:
            self.authenticated = True
            return
        if way in OTHER_AUTHENTICATION:
            raise Trouble(Cause.REJECTED, f"the server wants to authenticate this client by {OTHER_AUTHENTICATION[way]}, which is not spoken here")
        if way not in (3, 5, 10):
            raise Trouble(Cause.PROTOCOL, f"the server asks for authentication of an unknown kind ({way})")
        if password is None:
            raise Trouble(Cause.NOAUTH, "the server asks for a password")
        self.authenticated = False
        if way == 3:
            self._send(b"p", _text(password))
        elif way == 5:
            inner = _md5(_text(password)[:-1] + _text(user)[:-1])
            self._send(b"p", b"md5" + _md5(inner + body[4:8]) + b"\0")
        else:
            self._scram(body[4:], password)

    def _scram(self, mechanisms: bytes, password: str) -> None:
        """SCRAM-SHA-256, as in RFC 5802 and RFC 7677."""
        if b"SCRAM-SHA-256" not in mechanisms.split(b"\0"):
            offered = mechanisms.replace(b"\0", b" ").decode(errors="replace")
            raise Trouble(Cause.REJECTED, f"the server offers no way of authentication that is spoken here: {offered}")
        nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        first = f"n=,r={nonce}"
        self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first) + 3) + b"n,," + first.encode())
        challenge = self._sasl(11)
        match = re.fullmatch(r"r=([!-+\--~]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]{0,9})", challenge)
        if not match or not match[1].startswith(nonce) or int(match[3]) > MOST_ITERATIONS:
            raise Trouble(Cause.PROTOCOL, "the server's challenge is none of SCRAM-SHA-256, or asks for too much work")
        salted = hashlib.pbkdf2_hmac("sha256", _text(saslprep(password))[:-1], _decoded(match[2]), int(match[3]))
        key = _hmac(salted, b"Client Key")
        final = f"c=biws,r={match[1]}"
        everything = f"{first},{challenge},{final}".encode()
        signature = _hmac(hashlib.sha256(key).digest(), everything)
        proof = bytes(left ^ right for left, right in zip(key, signature))
        self._send(b"p", f"{final},p={base64.b64encode(proof).decode()}".encode())
        verdict = self._sasl(12)
        if not hmac.compare_digest(verdict.encode(), b"v=" + base64.b64encode(_hmac(_hmac(salted, b"Server Key"), everything))):
            raise Trouble(Cause.PROTOCOL, "the server does not know the password itself: it is not the expected one")

    def _sasl(self, expected: int) -> str:
        while True:
            kind, body = self._read()
            if kind == b"R" and _unpack("!I", body[:4])[0] == expected:
                return body[4:].decode(errors="replace")
            if kind != b"N":
                raise Trouble(Cause.PROTOCOL, "the server breaks off SCRAM-SHA-256")

    def _send(self, kind: bytes, body: bytes) -> None:
        self.wire.send(kind + struct.pack("!I", len(body) + 4) + body)

    def _read(self) -> tuple[bytes, bytes]:
        kind = self.wire.read(1)
        if not kind.isalpha():
            raise Trouble(Cause.PROTOCOL, f"the answer is not what PostgreSQL says: {kind!r}")
        body = self.wire.read(_length(self.wire.read(4)))
        if kind == b"E":
            raise _refusal(body)
        return kind, body


def saslprep(text: str) -> str:
    """RFC 4013; a text that it forbids stays as it is, as PostgreSQL has it."""
    if text.isascii():
        return text
    mapped = "".join(" " if stringprep.in_table_c12(letter) else letter for letter in text if not stringprep.in_table_b1(letter))
    prepared = unicodedata.normalize("NFKC", mapped)
    forbidden = (
        stringprep.in_table_a1, stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4,
        stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
    )
    if not prepared or any(table(letter) for table in forbidden for letter in prepared):
        return text
    right_to_left = [stringprep.in_table_d1(letter) for letter in prepared]
    if any(right_to_left) and (any(map(stringprep.in_table_d2, prepared)) or not (right_to_left[0] and right_to_left[-1])):
        return text
    return prepared


def _refusal(body: bytes) -> Trouble:
    fields = {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
    if b"M" not in fields:
        return Trouble(Cause.PROTOCOL, "the server's error is not of PostgreSQL's form")
    return of_postgres(f"{fields.get(b'V', fields.get(b'S', 'FATAL'))}: {fields[b'M']}", fields.get(b"C"))


def _row(body: bytes) -> tuple:
    values, position = [], 2
    for dummy in range(_unpack("!H", body[:2])[0]):
        (size,) = _unpack("!i", body[position:position + 4])
        position += 4
        values.append(None if size < 0 else body[position:position + size].decode(errors="replace"))
        position += max(size, 0)
    return tuple(values)


def _length(data: bytes) -> int:
    size = _unpack("!I", data)[0] - 4
    if not 0 <= size <= MAX_BYTES:
        raise Trouble(Cause.PROTOCOL, "the answer is not what PostgreSQL says: a message of impossible length")
    return size


def _unpack(form: str, data: bytes) -> tuple:
    try:
        return struct.unpack(form, data)
    except struct.error as error:
        raise Trouble(Cause.PROTOCOL, "the answer is not what PostgreSQL says: a message ends too early") from error


def _text(text: str) -> bytes:
    return text.encode(errors="surrogateescape") + b"\0"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Trouble(Cause.PROTOCOL, "the server's challenge is none of SCRAM-SHA-256") from error


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
