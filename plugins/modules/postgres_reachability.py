#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_reachability
version_added: 0.1.0
short_description: Find out whether a host reaches a PostgreSQL server, how fast, and if not, why
description:
  - Connects to a PostgreSQL database from the host the module runs on and measures round trips of C(SELECT 1).
  - Finds out whether the server really asks for a password and really insists on TLS, on separate connections that carry no password. A login that
    succeeds proves neither.
  - Sorts failures into classes that each have one way out.
  - Looks again if the first symptom is ambiguous. PostgreSQL's words C(no encryption) say how the client connected, and not what would be let in.
  - Only the options count. The module does not use libpq. It reads no C(PG*) environment variables, no C(~/.pgpass), no service files and no files
    under C(~/.postgresql).
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  port:
    description: The server's port.
    type: int
    default: 5432
  dbname:
    description: The database.
    type: str
    default: postgres
  user:
    description: The user.
    type: str
    required: true
  sslmode:
    description:
      - V(disable) speaks plain text. V(require) speaks TLS with whoever answers. V(verify-ca) checks the server's certificate against O(sslrootcert).
        V(verify-full) also checks that it is for O(host). With O(sslrootcert), V(require) checks what V(verify-ca) does.
      - Left out, it is V(verify-full) with O(sslrootcert) and V(require) without.
      - The modes of libpq that fall back to plain text are missing, because they prove neither TLS nor plain text.
    type: str
    choices: [disable, require, verify-ca, verify-full]
  sslrootcert:
    description:
      - The file with the CA certificates, in PEM format, to check the server's certificate against.
      - It must be on the host the module runs on.
    type: path
extends_documentation_fragment:
  - huntaze.ai_system.reachability
seealso:
  - module: huntaze.ai_system.redis_reachability
"""

EXAMPLES = r"""
- name: Verify the database from the limiter hosts
  hosts: limiter
  gather_facts: false
  tasks:
    - name: Connect as the app does
      huntaze.ai_system.postgres_reachability:
        host: huntaze-postgres-production.c2ryoow8c5m4.us-east-1.rds.amazonaws.com
        user: huntazeadmin
        password: "{{ lookup('env', 'HUNTAZE_DATABASE_PASSWORD') }}"
        sslrootcert: /etc/ssl/certs/rds-global-bundle.pem
      register: database

    - name: Require that the database works, asks for the password, and insists on TLS
      ansible.builtin.assert:
        that:
          - database.reachable
          - database.authentication_enforced
          - database.tls_enforced
        fail_msg: "{{ database.reason }}"
      when: database is not skipped

- name: Find out why a program that connects without TLS fails
  hosts: limiter
  gather_facts: false
  tasks:
    - name: Connect as the program does
      huntaze.ai_system.postgres_reachability:
        host: huntaze-postgres-production.c2ryoow8c5m4.us-east-1.rds.amazonaws.com
        user: huntazeadmin
        sslmode: disable
        timeout: 10
      register: plain

    - name: Show what was found and what to do about it
      ansible.builtin.debug:
        var: plain.reason
"""

RETURN = r"""
reachable:
  description: Whether C(SELECT 1) was answered. V(null) in check mode.
  returned: always
  type: bool
  sample: true
port_open:
  description: Whether a TCP connection came about. If so, the network lets this host through. V(null) in check mode.
  returned: always
  type: bool
  sample: true
reason:
  description: The outcome in one sentence.
  returned: always
  type: str
  sample: >-
    10.0.2.10:5432 answers in 0.61 ms (median of 5) over TLSv1.3; it accepts the credentials and refuses a client without.
latency_ms:
  description: Round trips of C(SELECT 1) in milliseconds. V(null) unless RV(reachable).
  returned: always
  type: dict
  contains:
    min:
      description: The shortest.
      type: float
      sample: 0.52
    median:
      description: The median.
      type: float
      sample: 0.61
    max:
      description: The longest.
      type: float
      sample: 1.34
version:
  description: The server's version. V(null) unless RV(reachable) and the server tells.
  returned: always
  type: str
  sample: "15.7"
role:
  description: V(primary) or V(replica). V(null) unless RV(reachable).
  returned: always
  type: str
  sample: primary
tls_version:
  description: The version of TLS agreed on with the server or the proxy that answers. V(null) without TLS.
  returned: always
  type: str
  sample: TLSv1.3
tls_enforced:
  description: Whether the server refuses plain text, tried on a separate connection. V(null) if that could not be tried.
  returned: always
  type: bool
  sample: true
authenticated:
  description: Whether the server accepted the credentials. V(null) if none were given or it was not asked.
  returned: always
  type: bool
  sample: true
authentication_enforced:
  description:
    - Whether the server refuses a client without a password, tried on a separate connection. V(null) if that could not be tried.
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
          V(tls), V(certificate), V(client_certificate) (the server wants a client certificate), V(noauth), V(wrongpass), V(noperm), V(not_allowed),
          V(no_database), V(busy), V(rejected) (it is PostgreSQL, or a proxy before it, and refuses for another reason) or V(protocol)
          (it is not PostgreSQL).
      type: str
      sample: tls_required
    message:
      description: What happened.
      type: str
      sample: 'FATAL: no pg_hba.conf entry for host "10.0.3.7", user "huntazeadmin", database "postgres", no encryption;
        over TLS it is let in'
    advice:
      description: What to check or change.
      type: str
      sample: "The server takes encrypted connections only: leave sslmode out, or set it to more than disable."
problems:
  description: What is wrong with the options, one sentence each. No connection was made.
  returned: when options are wrong
  type: list
  elements: str
  sample: ["port is 0: it must lie between 1 and 65535."]
skip_reason:
  description: Why no connection was made.
  returned: in check mode
  type: str
  sample: "check mode: no connection was made, nothing is verified"
"""

import socket
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.tcp import Deadline, Way
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.diagnosis import Trouble, of_socket
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.postgres import PostgresSession, ask_for_tls
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.reachability import (
    SHARED_OPTIONS,
    edge_warnings,
    input_problems,
    latency,
    outcome,
    refusal,
    skip,
)

# What the advice calls the options.
WORDS = {
    "tls_on": "leave sslmode out, or set it to more than disable", "tls_off": "set sslmode to disable", "ca": "sslrootcert", "password": "password",
    "user": "user", "database": "dbname",
}
# What shows that the server asks TLS and plain text the same questions, as both get past its rules.
LET_IN = ("accepted", "noauth")
# Trouble that a server of PostgreSQL's kind reports after it has looked at the client.
DECIDED = {"tls_required", "not_allowed", "noauth", "wrongpass", "no_database", "noperm"}


class Probe:
    """Looks at one database within one deadline."""

    def __init__(self, params):
        self.params = params
        self.deadline = Deadline(params["timeout"])
        self.tls = params["sslmode"] != "disable"
        self.verify = bool(params["sslrootcert"])
        self.check_host = params["sslmode"] in (None, "verify-full")
        self.way = Way(params["host"], params["port"], self.deadline, ca_file=params["sslrootcert"], ask_for_tls=ask_for_tls)
        self.seen = {"tls_enforced": None}

    def run(self):
        """What was seen, and the trouble met if any."""
        trouble = None
        try:
            self.look()
        except Trouble as met:
            trouble = met
        except socket.timeout as error:
            trouble = of_socket(error, "answer")
        if trouble is None or trouble.name in DECIDED:
            trouble = self.look_without_password(trouble)
        self.seen["port_open"] = self.way.port_open
        return self.seen, trouble

    def look(self):
        # TCP may take all the time, as nothing is to be seen without it; the rest leaves some for the other looks.
        wire = self.connect(self.tls, share=2 / 3)
        self.seen["tls_version"] = wire.tls_version
        session = PostgresSession(wire)
        try:
            self.log_in(session)
            rounds = [self.round_trip(session) for dummy in range(self.params["samples"])]
            version, replica = (session.ask("SELECT current_setting('server_version'), pg_is_in_recovery()") + (None, None))[:2]
            self.seen.update(latency_ms=latency(rounds), version=(version or "").split(" ")[0] or None)
            self.seen.update(role={"t": "replica", "f": "primary"}.get(replica))
        finally:
            session.end()

    def connect(self, tls, share):
        return self.way.open_tls(self.deadline, self.verify, self.check_host, share) if tls else self.way.open(self.deadline, share)

    def log_in(self, session):
        try:
            session.login(self.params["user"], self.params["dbname"], self.params["password"])
        except Trouble as trouble:
            # A refusal for another reason says nothing of the password, nor does another server.
            session.authenticated = False if trouble.name == "wrongpass" else (session.authenticated and trouble.name != "protocol") or None
            if trouble.name == "reset" and self.tls:
                raise self.way.alert() or trouble from trouble
            raise
        finally:
            if self.params["password"]:
                self.seen["authenticated"] = session.authenticated

    @staticmethod
    def round_trip(session):
        begin = time.perf_counter()
        answer = session.ask("SELECT 1")
        seconds = time.perf_counter() - begin
        if answer != ("1",):
            raise Trouble("protocol", f"the server answers SELECT 1 with {answer!r}")
        return seconds

    def look_without_password(self, trouble):
        """See what the server does with clients that bring no password, over TLS and in plain text; the trouble, as that shows it."""
        answer = trouble.name if trouble and not self.params["password"] else self.answer_without_password(self.tls)
        self.seen["authentication_enforced"] = {"accepted": False, "noauth": True}.get(answer)
        if not self.tls:
            if answer in LET_IN:
                self.seen["tls_enforced"] = False
            elif trouble and trouble.name in ("tls_required", "not_allowed"):
                return self.behind_a_refusal_of_plain_text(trouble)
        elif answer in LET_IN:
            # Only where TLS gets past pg_hba.conf does a refusal of plain text speak of TLS.
            plain = self.answer_without_password(tls=False)
            self.seen["tls_enforced"] = {"accepted": False, "noauth": False, "tls_required": True, "not_allowed": True}.get(plain)
        return trouble

    def behind_a_refusal_of_plain_text(self, trouble):
        """The words of PostgreSQL, "no encryption", only say how the client came: whether TLS is let in decides."""
        encrypted = self.answer_without_password(tls=True)
        if encrypted in LET_IN + ("wrongpass", "no_database", "noperm", "client_certificate"):
            self.seen["tls_enforced"] = True
            how = "it is asked for a certificate" if encrypted == "client_certificate" else "it is let in"
            return Trouble("tls_required", f"{trouble.message}; over TLS {how}")
        if encrypted in ("not_allowed", "tls_not_offered"):
            how = "refuses this client over TLS too" if encrypted == "not_allowed" else "does not take up TLS"
            return Trouble("not_allowed", f"{trouble.message}; the server {how}")
        if trouble.name == "not_allowed":
            advice = f"The server takes encrypted connections only, or its rules refuse this client: {{tls_on}} first. {trouble.advice}"
            return Trouble("not_allowed", f"{trouble.message}; whether TLS is let in could not be seen ({encrypted})", advice)
        self.seen["tls_enforced"] = True
        return trouble

    def answer_without_password(self, tls):
        """The class of trouble met, or "accepted"."""
        try:
            session = PostgresSession(self.connect(tls, share=1 / 2))
            try:
                session.login(self.params["user"], self.params["dbname"], None)
            finally:
                session.end()
            return "accepted"
        except Trouble as trouble:
            return trouble.name
        except socket.timeout:
            return "no_answer"


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SHARED_OPTIONS,
            port=dict(type="int", default=5432),
            dbname=dict(type="str", default="postgres"),
            user=dict(type="str", required=True),
            sslmode=dict(type="str", choices=["disable", "require", "verify-ca", "verify-full"]),
            sslrootcert=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    params = module.params
    problems = input_problems(params, "sslrootcert", module.check_mode)
    if params["sslmode"] in ("verify-ca", "verify-full") and not params["sslrootcert"]:
        problems.append(f"sslmode {params['sslmode']} needs sslrootcert: name the file with the CA's certificate.")
    if params["sslmode"] == "disable" and params["sslrootcert"]:
        problems.append("sslrootcert is given, but sslmode disable uses no certificate: leave one of them out.")
    problems += [f"{name} holds a NUL, which PostgreSQL does not take." for name in ("user", "dbname", "password") if "\0" in (params[name] or "")]
    if problems:
        module.fail_json(**refusal(problems, "tls_enforced"))
    if module.check_mode:
        module.exit_json(**skip("tls_enforced"))
    if params["password"] and params["sslmode"] == "disable":
        module.warn(f"The password may go to {params['host']} unencrypted: leave sslmode out if the server speaks TLS.")
    for warning in edge_warnings(params, "password", "user", "dbname"):
        module.warn(warning)
    module.exit_json(**outcome(params, *Probe(params).run(), WORDS))


if __name__ == "__main__":
    main()
