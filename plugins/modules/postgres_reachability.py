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
  - Looks at whether the server really asks for a password and really insists on TLS, on connections of their own that carry no password. A login that
    succeeds proves neither.
  - Sorts what went wrong into classes that each have one way out.
  - Only the options count. Neither C(PG*) environment variables nor C(~/.pgpass) of the host are read.
author:
  - The huntaze.ai_system contributors (@huntaze)
requirements:
  - psycopg2 >= 2.8 (Python library)
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
      - V(disable) speaks plain text, V(require) TLS with whoever answers. V(verify-ca) checks the server's certificate against O(sslrootcert),
        V(verify-full) also that it is for O(host).
      - Left out, it is V(verify-full) with O(sslrootcert) and V(require) without.
      - The modes of libpq that fall back to plain text are left out, because nobody would know what was verified.
    type: str
    choices: [disable, require, verify-ca, verify-full]
  sslrootcert:
    description:
      - File with the CA certificates, in PEM form, that the server's certificate is checked against.
      - It must be on the host the module runs on.
    type: path
extends_documentation_fragment:
  - huntaze.ai_system.reachability
seealso:
  - module: huntaze.ai_system.redis_reachability
"""

EXAMPLES = r"""
- name: Look at the database from the limiter hosts
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

    - name: It works, it asks for the password, and it insists on TLS
      ansible.builtin.assert:
        that:
          - database.reachable
          - database.authentication_enforced
          - database.tls_enforced
        fail_msg: "{{ database.reason }}"
      when: database is not skipped
"""

RETURN = r"""
reachable:
  description: Whether C(SELECT 1) was answered. V(null) in check mode.
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
  description: The server's version. V(null) unless RV(reachable).
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
  description: Whether the server refuses plain text, seen on a connection of its own. V(null) if this could not be looked at.
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
    - Whether the server refuses a client without a password, seen on a connection of its own. V(null) if this could not be looked at.
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
          V(tls), V(certificate), V(noauth), V(wrongpass), V(noperm), V(not_allowed), V(no_database), V(busy) or V(protocol).
      type: str
      sample: tls_required
    message:
      description: What happened.
      type: str
      sample: 'FATAL: no pg_hba.conf entry for host "10.0.3.7", user "huntazeadmin", database "postgres", no encryption'
    advice:
      description: What to look at.
      type: str
      sample: "The server takes encrypted connections only: turn TLS on."
skip_reason:
  description: Why nothing was looked at.
  returned: in check mode
  type: str
  sample: "check mode: no connection was made, nothing is verified"
"""

import os
import select
import socket
import time
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.huntaze.ai_system.plugins.module_utils._diagnosis import Trouble, of_postgres, of_socket
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

PSYCOPG2_IMPORT_ERROR = None
try:
    import psycopg2
    from psycopg2 import extensions
except ImportError:
    PSYCOPG2_IMPORT_ERROR = traceback.format_exc()

# Trouble that a server of PostgreSQL's kind reports after it has looked at the client.
DECIDED = {"tls_required", "not_allowed", "noauth", "wrongpass", "no_database", "noperm"}
# It looks at the password before it looks for the database.
AUTHENTICATED = {"wrongpass": False, "no_database": True, "noperm": True}


class Session:
    """One connection to the database. libpq's own timeouts do not cover every wait, so it is polled against the deadline."""

    def __init__(self, deadline, **parameters):
        self.deadline = deadline
        self._connection = None
        try:
            self._connection = psycopg2.connect(async_=True, **parameters)
            self._wait()
        except BaseException:
            self.close()
            raise

    def ask(self, query):
        """The only row of the answer."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            self._wait()
            return cursor.fetchone()

    def tls_version(self):
        return self._connection.info.ssl_attribute("protocol") if self._connection.info.ssl_in_use else None

    def close(self):
        if self._connection:
            self._connection.close()

    def _wait(self):
        while True:
            # Also while the server keeps sending.
            left = self.deadline.left()
            state = self._connection.poll()
            if state == extensions.POLL_OK:
                return
            select.select(
                [self._connection] if state == extensions.POLL_READ else [], [self._connection] if state == extensions.POLL_WRITE else [], [], left
            )


class Probe:
    """Looks at one database within one deadline."""

    def __init__(self, params):
        self.params = params
        self.deadline = Deadline(params["timeout"])
        self.sslmode = params["sslmode"] or ("verify-full" if params["sslrootcert"] else "require")
        self.address = None
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
            self.look_without_password(trouble)
        return self.seen, trouble

    def look(self):
        self.seen["port_open"] = False
        addresses = resolve(self.params["host"], self.params["port"], self.deadline)
        with open_tcp(addresses, self.deadline) as sock:
            # libpq would ask the resolver again, and wait for it without end.
            self.address = sock.getpeername()[0]
        self.seen["port_open"] = True
        session = self.session(self.deadline.part(2 / 3), self.sslmode, self.params["password"])
        try:
            if self.params["password"]:
                self.seen["authenticated"] = True
            self.seen["tls_version"] = session.tls_version()
            rounds = [self.round_trip(session) for dummy in range(self.params["samples"])]
            version, replica = self.ask(session, "SELECT current_setting('server_version'), pg_is_in_recovery()")
            self.seen.update(latency_ms=latency(rounds), version=version.split()[0], role="replica" if replica else "primary")
        finally:
            session.close()

    def session(self, deadline, sslmode, password=None):
        parameters = dict(
            host=self.params["host"],
            hostaddr=self.address,
            port=self.params["port"],
            dbname=self.params["dbname"],
            user=self.params["user"],
            password=password,
            sslmode=sslmode,
            sslrootcert=self.params["sslrootcert"],
            application_name="postgres_reachability",
        )
        try:
            return Session(deadline, **{name: value for name, value in parameters.items() if value is not None})
        except psycopg2.Error as error:
            trouble = of_postgres(str(error))
            if password:
                self.seen["authenticated"] = AUTHENTICATED.get(trouble.name)
            raise trouble from error

    @staticmethod
    def ask(session, query):
        try:
            return session.ask(query)
        except psycopg2.Error as error:
            raise of_postgres(str(error)) from error

    def round_trip(self, session):
        begin = time.perf_counter()
        answer = self.ask(session, "SELECT 1")
        seconds = time.perf_counter() - begin
        if answer != (1,):
            raise Trouble("protocol", f"the server answers SELECT 1 with {answer!r}")
        return seconds

    def look_without_password(self, trouble):
        """See what the server does with clients that bring no password: over TLS as before, and in plain text."""
        answer = trouble.name if trouble and not self.params["password"] else self.answer_without_password(self.sslmode)
        self.seen["authentication_enforced"] = {"accepted": False, "noauth": True}.get(answer)
        if self.sslmode == "disable":
            self.seen["tls_enforced"] = True if answer == "tls_required" else {"accepted": False, "noauth": False}.get(answer)
        elif answer in ("accepted", "noauth"):
            # Only where TLS gets past pg_hba.conf does a refusal of plain text speak of TLS.
            plain = self.answer_without_password("disable")
            self.seen["tls_enforced"] = {"accepted": False, "noauth": False, "tls_required": True}.get(plain)

    def answer_without_password(self, sslmode):
        """The class of trouble met, or "accepted"."""
        try:
            self.session(self.deadline.part(1 / 2), sslmode).close()
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
    if PSYCOPG2_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("psycopg2"), exception=PSYCOPG2_IMPORT_ERROR)
    problems = input_problems(params, "sslrootcert", module.check_mode)
    if params["sslmode"] in ("verify-ca", "verify-full") and not params["sslrootcert"]:
        problems.append(f"sslmode {params['sslmode']} needs sslrootcert: name the file with the CA's certificate.")
    if params["sslmode"] == "disable" and params["sslrootcert"]:
        problems.append("sslrootcert is given, but sslmode disable uses no certificate: leave one of them out.")
    if problems:
        module.fail_json(msg=" ".join(problems), problems=problems)
    if module.check_mode:
        module.exit_json(**skip("tls_enforced"))
    if params["password"] and params["sslmode"] == "disable":
        module.warn(f"The password may go to {params['host']} unencrypted: leave sslmode out if the server speaks TLS.")
    # The host's environment, password files and Kerberos tickets would answer in place of the options, in the user's language.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    os.environ.update(PGPASSFILE=os.path.join(os.devnull, "none"), PGGSSENCMODE="disable", LANGUAGE="en")
    module.exit_json(**outcome(params, *Probe(params).run()))


if __name__ == "__main__":
    main()
