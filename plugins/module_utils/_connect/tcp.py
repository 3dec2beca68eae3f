# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way to a server: one deadline for everything, the resolver too, then TCP, then TLS with nothing taken from the environment."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import threading
import time
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import CERTIFICATE_EXPIRED, Trouble, closed, of_socket

# Far more than the answers that are asked for; a server that sends more is none of ours.
MAX_BYTES = 1 << 20


class Deadline:
    """A moment by which everything ends."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left; socket.timeout if there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise socket.timeout("the time allowed is over")
        return seconds

    def part(self, share: float) -> Deadline:
        return Deadline(self.left() * share)


def resolve(host: str, port: int, deadline: Deadline, family: int = socket.AF_UNSPEC) -> list[tuple]:
    """The socket addresses of host and port; the resolver, which knows no deadline, is left behind when it is over."""
    found: list[t.Any] = []
    seconds = deadline.left()

    def look() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            found.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise Trouble(Cause.NAME_RESOLUTION, f"the resolver does not answer for {host}")
    if isinstance(found[0], Exception):
        raise Trouble(Cause.NAME_RESOLUTION, f"{host} cannot be resolved: {getattr(found[0], 'strerror', None) or found[0]}")
    return [item[4] for item in found[0]]


def open_tcp(addresses: t.Sequence[tuple], deadline: Deadline, source_address: t.Optional[str] = None) -> socket.socket:
    """A connection to the first of `addresses` that takes one. Each has its share of the time, so that one dead address hides no live one."""
    trouble = Trouble(Cause.NAME_RESOLUTION, "the name has no address")
    for position, address in enumerate(addresses):
        try:
            allowed = deadline.part(1 / (len(addresses) - position)).left()
            return socket.create_connection(address[:2], allowed, (source_address, 0) if source_address else None)
        except OSError as error:
            trouble = of_socket(error, "connect")
    raise trouble


def tls_context(ca_file: t.Optional[str], verify: bool = True, check_host: bool = True) -> ssl.SSLContext:
    """Nothing of it comes from the environment: create_default_context would take SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verify and check_host
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    elif verify:
        built_in = ssl.get_default_verify_paths()
        places = {"cafile": built_in.openssl_cafile, "capath": built_in.openssl_capath}
        places = {name: place for name, place in places.items() if os.path.exists(place)}
        if places:
            context.load_verify_locations(**places)
    return context


def leaving_from(address: t.Sequence[t.Any]) -> t.Optional[str]:
    """This host's address that packets to `address` leave from, also where nothing answers. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(tuple(address[:2]))
            return sock.getsockname()[0]
    except OSError:
        return None


class Wire:
    """A connection on which everything together ends by a deadline and within MAX_BYTES.

    A socket's own timeout starts anew with every byte that trickles in.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.deadline = deadline
        self._sock = sock
        self._buffer = b""
        self._bytes_left = MAX_BYTES
        self._waiting_for = "answer"

    @property
    def tls_version(self) -> t.Optional[str]:
        return self._sock.version() if isinstance(self._sock, ssl.SSLSocket) else None

    @property
    def certificate(self) -> t.Optional[dict[str, t.Any]]:
        """Until when the server's certificate is valid. None where it was not checked: then Python does not read it."""
        ends = (self._sock.getpeercert() or {}).get("notAfter") if isinstance(self._sock, ssl.SSLSocket) else None
        if not ends:
            return None
        seconds = ssl.cert_time_to_seconds(ends)
        at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return {"ends": f"{at:%Y-%m-%dT%H:%M:%SZ}", "days_left": int((seconds - time.time()) // 86400)}

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        # What comes before the handshake is nobody's word.
        if self._buffer:
            raise Trouble(Cause.PROTOCOL, "the server speaks before TLS is agreed on")
        try:
            self._sock.settimeout(self.deadline.left())
            self._sock = context.wrap_socket(self._sock, server_hostname=host)
        except OSError as error:
            raise of_socket(error, "tls") from error
        self._waiting_for = "encrypted"

    def send(self, data: bytes) -> None:
        try:
            self._sock.settimeout(self.deadline.left())
            self._sock.sendall(data)
        except socket.timeout as error:
            raise of_socket(error, self._waiting_for) from error
        except OSError:
            # The reason may lie in the socket already: it is read next, or told here.
            self._receive()

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def read_line(self) -> bytes:
        """Up to a line end, which is taken off."""
        while b"\n" not in self._buffer:
            self._receive()
        line, dummy, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def beginning(self, size: int) -> bytes:
        """What the server says first, up to a line end, `size` bytes or the deadline; empty if nothing."""
        try:
            while b"\n" not in self._buffer and len(self._buffer) < size:
                self._receive()
        except Trouble:
            pass
        return self._buffer[:size]

    def close(self) -> None:
        self._sock.close()

    def _receive(self) -> None:
        try:
            self._sock.settimeout(self.deadline.left())
            received = self._sock.recv(16384)
        except OSError as error:
            raise of_socket(error, self._waiting_for) from error
        if not received:
            raise closed(self._waiting_for, "without an answer")
        self._bytes_left -= len(received)
        if self._bytes_left < 0:
            raise Trouble(Cause.PROTOCOL, "the server sends without end")
        self._buffer += received


class Way:
    """The way to one server. Its name is resolved once, and the address that took a connection is used again."""

    def __init__(
        self,
        host: str,
        port: int,
        deadline: Deadline,
        source_address: t.Optional[str] = None,
        ca_file: t.Optional[str] = None,
        ask_for_tls: t.Callable[[Wire], None] = lambda wire: None,
    ) -> None:
        self.host, self.port, self.deadline = host, port, deadline
        self.port_open: t.Optional[bool] = None
        self._source_address = source_address
        self._ca_file = ca_file
        self._ask_for_tls = ask_for_tls
        self._addresses: t.Optional[list[tuple]] = None
        # What the resolver answered, and the address of this host that packets leave from.
        self.addresses: list[str] = []
        self.from_address: t.Optional[str] = source_address

    def open(self, deadline: Deadline, share: float = 1.0) -> Wire:
        """TCP. What is said then has `share` of the time that is left: the rest is for further looks."""
        if self._addresses is None:
            self.port_open = False
            family = socket.AF_UNSPEC
            if self._source_address:
                family = socket.AF_INET6 if ":" in self._source_address else socket.AF_INET
            self._addresses = resolve(self.host, self.port, deadline, family)
            self.addresses = list(dict.fromkeys(str(address[0]) for address in self._addresses))
            self.from_address = self._source_address or leaving_from(self._addresses[0])
        try:
            sock = open_tcp(self._addresses, deadline, self._source_address)
        except Trouble as trouble:
            # Only who has taken a connection can cut it; nobody to take it would read "refused".
            self.port_open = self.port_open or trouble.cause is Cause.RESET
            raise
        self.port_open = True
        try:
            self._addresses = [sock.getpeername()]
        except OSError:
            pass  # It is cut already: who speaks on it meets that.
        return Wire(sock, deadline.part(share))

    def open_tls(self, deadline: Deadline, verify: bool = True, check_host: bool = True, share: float = 1.0) -> Wire:
        """TCP and TLS."""
        try:
            return self._handshake(deadline, verify, check_host, share)
        except Trouble as trouble:
            if trouble.cause is Cause.CERTIFICATE:
                raise self._certificate(trouble, check_host) from trouble
            raise

    def speaks_tls(self) -> bool:
        """Whether the server takes up TLS, whoever it is."""
        try:
            self._handshake(self.deadline, verify=False).close()
            return True
        except Trouble as trouble:
            # Only a server that speaks TLS refuses in its words.
            return trouble.cause is Cause.CLIENT_CERTIFICATE or "ALERT" in trouble.message
        except socket.timeout:
            return False

    def alert(self) -> t.Optional[Trouble]:
        """The server's reason to cut the connection after the handshake. Who speaks to it as it does so may lose it, so nothing is said here."""
        try:
            wire = self._handshake(self.deadline, verify=False)
            try:
                wire.read(1)
            finally:
                wire.close()
        except Trouble as trouble:
            return trouble if trouble.cause is Cause.CLIENT_CERTIFICATE else None
        except socket.timeout:
            pass
        return None

    def _handshake(self, deadline: Deadline, verify: bool = True, check_host: bool = True, share: float = 1.0) -> Wire:
        try:
            context = tls_context(self._ca_file, verify, check_host)
        except OSError as error:
            raise Trouble(Cause.CERTIFICATE, f"{self._ca_file} cannot be used ({error.strerror or type(error).__name__})") from error
        wire = self.open(deadline, share)
        try:
            self._ask_for_tls(wire)
            wire.encrypt(context, self.host)
            return wire
        except BaseException:
            wire.close()
            raise

    def _certificate(self, trouble: Trouble, check_host: bool) -> Trouble:
        """OpenSSL names one reason of several: a second look tells what else there is."""
        now = datetime.datetime.now(datetime.timezone.utc)
        if trouble.verify_code in (62, 64) and check_host:
            try:
                self._handshake(self.deadline, check_host=False).close()
                trouble.message += "; apart from the name it is trusted"
            except Trouble as other:
                if other.cause is Cause.CERTIFICATE:
                    trouble.message += f", and {other.message.rpartition(': ')[2]}"
                    trouble.advice += f" {other.advice}"
            except socket.timeout:
                pass
        elif trouble.verify_code in (9, 10):
            trouble.message += f" (this machine's clock says {now:%Y-%m-%d %H:%M} UTC)"
            expired = self._expired_authorities(now)
            if expired:
                trouble.message += f"; the CA file holds a certificate that has expired too: {', '.join(expired)}"
                trouble.advice = f"Renew {{ca}}: it holds a certificate that has expired. If that is not enough: {CERTIFICATE_EXPIRED}"
        return trouble

    def _expired_authorities(self, now: datetime.datetime) -> list[str]:
        if not self._ca_file:
            return []
        return [
            ", ".join(value for part in authority.get("subject", ()) for dummy, value in part)
            for authority in tls_context(self._ca_file).get_ca_certs()
            if "notAfter" in authority and ssl.cert_time_to_seconds(authority["notAfter"]) < now.timestamp()
        ]
