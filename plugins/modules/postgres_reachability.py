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
certificate:
  description: Until when the server's certificate is valid. V(null) without TLS, and where it was not checked.
  returned: always
  type: dict
  contains:
    ends:
      description: The moment, in UTC.
      type: str
      sample: "2027-05-24T22:59:57Z"
    days_left:
      description: Whole days until then.
      type: int
      sample: 173
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.kinds import POSTGRESQL
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.reachability import TIMEOUT, answer


def main():
    answer(AnsibleModule(dict(POSTGRESQL.options, timeout=TIMEOUT), supports_check_mode=True), POSTGRESQL, "tls_enforced")


if __name__ == "__main__":
    main()
