#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_reachability
version_added: 0.1.0
short_description: Find out whether a host reaches a Redis server, how fast, and if not, why
description:
  - Connects to a Redis or Valkey server (6 or later) from the host the module runs on, authenticates if credentials are given, and measures round trips.
  - Looks at whether the server really asks for credentials. A login that succeeds does not prove that, because a server without authentication
    accepts any password. Only a refused PING on a second connection, made without credentials, does.
  - Sorts what went wrong into classes that each have one way out. Where the first symptom is ambiguous it looks again, for example whether a server
    that does not answer TLS answers plain text.
author:
  - The huntaze.ai_system contributors (@huntaze)
requirements:
  - redis >= 5 (Python library)
options:
  port:
    description: The server's port.
    type: int
    default: 6379
  tls:
    description: Speak TLS.
    type: bool
    default: false
  tls_ca_file:
    description:
      - File with the certificates, in PEM form, that the server's certificate is checked against. Left out, those that the host trusts.
      - It must be on the host the module runs on.
    type: path
  tls_verify:
    description: Check the server's certificate and that it is for O(host). Without this, nobody knows who answers.
    type: bool
    default: true
  username:
    description: The ACL user. Left out, the user C(default), as with a token of ElastiCache.
    type: str
  source_address:
    description: The address of this host to connect from, on hosts that have several.
    type: str
extends_documentation_fragment:
  - huntaze.ai_system.reachability
seealso:
  - module: huntaze.ai_system.postgres_reachability
  - module: huntaze.ai_system.elasticache_info
"""

EXAMPLES = r"""
- name: Look at the cache from the limiter hosts
  hosts: limiter
  gather_facts: false
  tasks:
    - name: Connect as the agent does
      huntaze.ai_system.redis_reachability:
        host: master.huntaze-redis-production.asmyhp.use1.cache.amazonaws.com
        tls: true
        password: "{{ lookup('env', 'HUNTAZE_CACHE_AUTH_TOKEN') }}"
      register: cache

    - name: The token works, and nothing else does
      ansible.builtin.assert:
        that:
          - cache.reachable
          - cache.authentication_enforced
        fail_msg: "{{ cache.reason }}"
      when: cache is not skipped

- name: See that a host that is not let in is shut out
  hosts: bastion
  gather_facts: false
  tasks:
    - name: Try to connect
      huntaze.ai_system.redis_reachability:
        host: huntaze-redis-production.asmyhp.0001.use1.cache.amazonaws.com
        timeout: 3
      register: stranger

    - name: Packets must be dropped
      ansible.builtin.assert:
        that: stranger.error.class == 'timeout'
      when: stranger is not skipped
"""

RETURN = r"""
reachable:
  description: Whether a PING was answered, with the credentials given if any. V(null) in check mode.
  returned: always
  type: bool
  sample: true
port_open:
  description: Whether a TCP connection came about, so that the network lets this host through. V(null) in check mode.
  returned: always
  type: bool
  sample: true
reason:
  description: The outcome in one sentence.
  returned: always
  type: str
  sample: >-
    10.0.1.10:6379 answers in 0.412 ms (median of 5) over TLSv1.3; it accepts the credentials and refuses a client without.
latency_ms:
  description: Round trips of PING in milliseconds. V(null) unless RV(reachable).
  returned: always
  type: dict
  contains:
    min:
      description: The shortest.
      type: float
      sample: 0.388
    median:
      description: The median.
      type: float
      sample: 0.412
    max:
      description: The longest.
      type: float
      sample: 0.954
version:
  description: The server's version. V(null) unless RV(reachable).
  returned: always
  type: str
  sample: 7.1.0
role:
  description: V(primary) or V(replica). V(null) unless RV(reachable).
  returned: always
  type: str
  sample: primary
tls_version:
  description: The version of TLS agreed on. V(null) without TLS.
  returned: always
  type: str
  sample: TLSv1.3
authenticated:
  description: Whether the server accepted the credentials. V(null) if none were given or it was not asked.
  returned: always
  type: bool
  sample: true
authentication_enforced:
  description:
    - Whether the server refuses a client without credentials, seen on a connection of its own. V(null) if this could not be looked at.
  returned: always
  type: bool
  sample: true
error:
  description: Why the server is not reachable. V(null) if it is.
  returned: always
  type: dict
  contains:
    class:
      description:
        - V(name_resolution), V(timeout) (packets are dropped), V(no_route), V(refused), V(reset), V(no_answer), V(tls_required), V(tls_not_offered),
          V(tls), V(certificate), V(noauth), V(wrongpass), V(noperm), V(busy) or V(protocol).
      type: str
      sample: timeout
    message:
      description: What happened.
      type: str
      sample: no answer to the attempt to connect
    advice:
      description: What to look at.
      type: str
      sample: "Packets are dropped on the way: check the server's security group (does it let this machine in on this port?), network ACLs, ..."
skip_reason:
  description: Why nothing was looked at.
  returned: in check mode
  type: str
  sample: "check mode: no connection was made, nothing is verified"
"""

import ipaddress
import socket
import ssl
import time
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.huntaze.ai_system.plugins.module_utils._diagnosis import Trouble, of_redis_reply, of_socket
from ansible_collections.huntaze.ai_system.plugins.module_utils._reachability import (
    SHARED_OPTIONS,
    Deadline,
    input_problems,
    latency,
    open_tcp,
    outcome,
    resolve,
    skip,
)

REDIS_IMPORT_ERROR = None
try:
    import redis
except ImportError:
    REDIS_IMPORT_ERROR = traceback.format_exc()

    class redis:
        """Lets the module load and say what is missing."""

        Connection = object


# Far more than the answers to HELLO and PING; a server that sends more is none of ours.
MAX_BYTES = 1 << 20


class BoundedSocket:
    """A connected socket on which everything together ends by a deadline and within MAX_BYTES.

    A socket's own timeout starts anew with every byte that trickles in.
    """

    def __init__(self, sock, deadline):
        self._sock = sock
        self._deadline = deadline
        self._bytes_left = MAX_BYTES

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def sendall(self, data):
        self._sock.settimeout(self._deadline.left())
        self._sock.sendall(data)

    def recv(self, size):
        self._sock.settimeout(self._deadline.left())
        return self._counted(self._sock.recv(size))

    def recv_into(self, buffer):
        self._sock.settimeout(self._deadline.left())
        return self._counted(self._sock.recv_into(buffer))

    def _counted(self, received):
        self._bytes_left -= received if isinstance(received, int) else len(received)
        if self._bytes_left < 0:
            raise Trouble("protocol", "the server sends without end")
        return received


class Connection(redis.Connection):
    """A client's connection over a socket that is connected already."""

    def __init__(self, sock, **options):
        super().__init__(**options)
        self._connected = sock

    def _connect(self):
        return self._connected

    def ask(self, *command):
        self.send_command(*command)
        return self.read_response()


class Probe:
    """Looks at one server within one deadline."""

    def __init__(self, params):
        self.params = params
        self.deadline = Deadline(params["timeout"])
        self.addresses = []
        # Whether the server has shown that it is Redis and decides about credentials.
        self.is_redis = False
        self.seen = {}

    def run(self):
        """What was seen, and the trouble met if any."""
        trouble = None
        try:
            self.look()
        except Trouble as met:
            trouble = met
        except socket.timeout as error:
            trouble = of_socket(error, "answer")
        if self.is_redis:
            self.seen["authentication_enforced"] = self.asks_for_credentials()
        return self.seen, trouble

    def look(self):
        source, family = self.params["source_address"], socket.AF_UNSPEC
        if source:
            family = socket.AF_INET if ipaddress.ip_address(source).version == 4 else socket.AF_INET6
        self.seen["port_open"] = False
        self.addresses = resolve(self.params["host"], self.params["port"], self.deadline, family)
        sock = self.connect(self.deadline)
        self.seen["port_open"] = True
        # The rest is for a second look at what the first could not tell.
        session = self.deadline.part(2 / 3)
        try:
            if self.params["tls"]:
                sock = self.encrypt(sock, session)
                self.seen["tls_version"] = sock.version()
            self.converse(BoundedSocket(sock, session))
        except Trouble as trouble:
            raise self.second_look(trouble) from trouble
        finally:
            sock.close()

    def connect(self, deadline):
        return open_tcp(self.addresses, deadline, self.params["source_address"])

    def encrypt(self, sock, deadline, verify=True):
        context = ssl.create_default_context(cafile=self.params["tls_ca_file"])
        if not (verify and self.params["tls_verify"]):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            sock.settimeout(deadline.left())
            return context.wrap_socket(sock, server_hostname=self.params["host"])
        except OSError as error:
            sock.close()
            raise of_socket(error, "tls") from error

    def converse(self, sock):
        """Log in, measure, and ask what answers, as redis-py does it for an application."""
        connection = Connection(
            sock,
            host=self.params["host"],
            port=self.params["port"],
            username=self.params["username"],
            password=self.params["password"],
            protocol=3,
            decode_responses=True,
            encoding_errors="replace",
        )
        try:
            connection.connect()
            self.is_redis = True
            if self.params["password"]:
                self.seen["authenticated"] = True
            rounds = [self.round_trip(connection) for dummy in range(self.params["samples"])]
            server = connection.ask("HELLO")
            self.seen.update(
                latency_ms=latency(rounds),
                version=server["version"],
                role={"master": "primary"}.get(server["role"], server["role"]),
            )
        except redis.exceptions.AuthenticationError as error:
            self.is_redis = True
            if self.params["password"]:
                self.seen["authenticated"] = False
                raise Trouble("wrongpass", f"the server refuses the credentials: {error}") from error
            raise Trouble("noauth", "the server refuses a client without credentials (NOAUTH)") from error
        except redis.exceptions.NoPermissionError as error:
            raise Trouble("noperm", f"the server refuses the command: {error}") from error
        except redis.exceptions.TimeoutError as error:
            raise Trouble("no_answer", "connected, but the server does not answer in time") from error
        except redis.exceptions.BusyLoadingError as error:
            raise Trouble("busy", f"the server takes no clients now: {error}") from error
        except redis.exceptions.ConnectionError as error:
            if "max number of clients" in str(error):
                raise Trouble("busy", f"the server takes no clients now: {error}") from error
            if isinstance(error.__context__, OSError):
                raise of_socket(error.__context__, "answer") from error
            raise Trouble("reset", f"the server closed the connection: {error}") from error
        except Trouble:
            raise
        # A stranger's bytes bring redis-py to errors of any type.
        except Exception as error:
            raise Trouble("protocol", f"the answer is not what Redis says: {error}") from error
        finally:
            connection.disconnect()

    @staticmethod
    def round_trip(connection):
        begin = time.perf_counter()
        answer = connection.ask("PING")
        seconds = time.perf_counter() - begin
        if answer != "PONG":
            raise Trouble("protocol", f"the server answers PING with {answer!r}")
        return seconds

    def second_look(self, trouble):
        """The same trouble, or what is behind it: one side speaks TLS and the other does not."""
        if self.is_redis:
            return trouble
        if self.params["tls"]:
            if trouble.name in ("no_answer", "reset", "tls") and self.first_line(tls=False)[:1] in (b"+", b"-"):
                return Trouble("tls_not_offered", "the server does not take up TLS, but answers in plain text")
        elif trouble.name in ("reset", "protocol") and self.speaks_tls():
            return Trouble("tls_required", "the server does not answer in plain text, but takes up TLS")
        return trouble

    def speaks_tls(self):
        try:
            self.encrypt(self.connect(self.deadline), self.deadline, verify=False).close()
            return True
        except Trouble:
            return False

    def first_line(self, tls):
        """The beginning of the answer to a PING without credentials, empty if there is none."""
        try:
            sock = self.connect(self.deadline)
            if tls:
                sock = self.encrypt(sock, self.deadline)
        except Trouble:
            return b""
        answer, bounded = b"", BoundedSocket(sock, self.deadline)
        try:
            bounded.sendall(b"PING\r\n")
            while b"\n" not in answer and len(answer) < 512:
                received = bounded.recv(512)
                if not received:
                    break
                answer += received
        except OSError:
            pass
        finally:
            sock.close()
        return answer

    def asks_for_credentials(self):
        return of_redis_reply(self.first_line(self.params["tls"]))


def redis_problems(params, check_mode):
    """What is wrong with the options, one sentence each."""
    problems = input_problems(params, "tls_ca_file", check_mode)
    if params["username"] is not None and not params["password"]:
        problems.append("username is given without a password: give both, or neither.")
    if not params["tls"] and params["tls_ca_file"]:
        problems.append("tls_ca_file is given, but tls is not: set tls to true.")
    if params["source_address"]:
        try:
            family = socket.AF_INET if ipaddress.ip_address(params["source_address"]).version == 4 else socket.AF_INET6
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.bind((params["source_address"], 0))
        except (ValueError, OSError):
            problems.append(f"source_address {params['source_address']} is not an address of this host: choose one of its own.")
    return problems


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SHARED_OPTIONS,
            port=dict(type="int", default=6379),
            tls=dict(type="bool", default=False),
            tls_ca_file=dict(type="path"),
            tls_verify=dict(type="bool", default=True),
            username=dict(type="str"),
            source_address=dict(type="str"),
        ),
        supports_check_mode=True,
    )
    if REDIS_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("redis>=5"), exception=REDIS_IMPORT_ERROR)
    problems = redis_problems(module.params, module.check_mode)
    if problems:
        module.fail_json(msg=" ".join(problems), problems=problems)
    if module.check_mode:
        module.exit_json(**skip())
    if module.params["password"] and not module.params["tls"]:
        module.warn(f"The password goes to {module.params['host']} unencrypted: set tls to true if the server speaks TLS.")
    module.exit_json(**outcome(module.params, *Probe(module.params).run()))


if __name__ == "__main__":
    main()
