#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: reachability
version_added: 0.1.0
short_description: Find out which of many servers a host reaches, all at once, and if not, why
description:
  - Looks at all O(targets) at the same time from the host the module runs on. One deadline ends all looks, so twenty dead servers take no longer than one.
  - A look at Redis is what M(huntaze.ai_system.redis_reachability) makes, and one at PostgreSQL what M(huntaze.ai_system.postgres_reachability) makes.
  - A look at a server of HTTPS checks its certificate and makes one C(GET). With a token it makes a second one without, to see whether that is refused.
    A redirect is never followed.
  - A look at a TCP port only connects.
  - The host needs Python and no library.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  targets:
    description: The servers. An option that is left out has the default of the module for one server of this kind.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the server is called in RV(results). Left out, it is the host.
        type: str
      kind:
        description: What answers there. An option that this kind does not have is refused.
        type: str
        choices: [redis, postgresql, https, tcp]
        required: true
      host:
        description: The server's name or address, as the host the module runs on reaches it.
        type: str
        required: true
      port:
        description: The server's port. Left out, it is the usual one of the kind. V(tcp) has none.
        type: int
      samples:
        description: The number of round trips to measure. For V(redis) and V(postgresql).
        type: int
      password:
        description: The password or token. For V(redis) and V(postgresql).
        type: str
      tls:
        description: Speak TLS. For V(redis).
        type: bool
      tls_ca_file:
        description: The file with the CA certificates, in PEM format, on the host the module runs on. For V(redis) and V(https).
        type: path
      tls_verify:
        description: Check the server's certificate and that it is for the host. V(true) if left out. For V(redis) and V(https).
        type: bool
      username:
        description: The ACL user. For V(redis).
        type: str
      dbname:
        description: The database. For V(postgresql).
        type: str
      user:
        description: The user. V(postgresql) needs it.
        type: str
      sslmode:
        description: How TLS is spoken. For V(postgresql).
        type: str
        choices: [disable, require, verify-ca, verify-full]
      sslrootcert:
        description: The file with the CA certificates, in PEM format, on the host the module runs on. For V(postgresql).
        type: path
      path:
        description: What is asked for. V(/) if left out. For V(https).
        type: str
      token:
        description: A bearer token. For V(https).
        type: str
      status:
        description: The statuses that are as they should be. Left out, those from 200 to 399. For V(https).
        type: list
        elements: int
  source_address:
    description: The address of this host to connect from, if it has several.
    type: str
  timeout:
    description: Seconds that all looks together may take. They include name resolution, all addresses and all connections.
    type: float
    default: 5.0
extends_documentation_fragment:
  - huntaze.ai_system.attributes
attributes:
  check_mode:
    description: Makes no connection in check mode and says C(skipped), because what has not been looked at is not verified.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    platforms: posix
notes:
  - Never changes anything, and a server that cannot be reached is a result, not a failure.
  - Passwords and tokens are never shown, not even where a server repeats them.
seealso:
  - module: huntaze.ai_system.redis_reachability
  - module: huntaze.ai_system.postgres_reachability
"""

EXAMPLES = r"""
- name: Verify what the limiter hosts need
  hosts: limiter
  gather_facts: false
  tasks:
    - name: Look at the cache, the database and an agent
      huntaze.ai_system.reachability:
        targets:
          - name: redis
            kind: redis
            host: master.huntaze-redis.asmyhp.use1.cache.amazonaws.com
            tls: true
            password: "{{ lookup('env', 'HUNTAZE_CACHE_AUTH_TOKEN') }}"
          - name: postgresql
            kind: postgresql
            host: huntaze-postgres-production.c2ryoow8c5m4.us-east-1.rds.amazonaws.com
            user: huntazeadmin
            password: "{{ lookup('env', 'HUNTAZE_DATABASE_PASSWORD') }}"
            sslrootcert: /etc/ssl/certs/rds-global-bundle.pem
          - name: agent
            kind: https
            host: limiter.example.com
            path: /v1/subjects/creator-1
            status: [401]
      register: seen

    - name: Require that all of them are reached
      ansible.builtin.assert:
        that: seen.results | rejectattr('reachable') | length == 0
        fail_msg: "{{ seen.results | rejectattr('reachable') | map(attribute='reason') | list }}"
      when: seen is not skipped

- name: See that this host is let out, to CloudWatch and to a bucket that shows itself to nobody
  huntaze.ai_system.reachability:
    timeout: 3
    targets:
      - {name: metrics, kind: tcp, host: monitoring.us-east-1.amazonaws.com, port: 443}
      - {name: bucket, kind: https, host: huntaze-beta-assets.s3.us-east-1.amazonaws.com, status: [403]}
"""

RETURN = r"""
results:
  description: What was seen of each server, in the order of O(targets). Every member has all keys; what was not seen is V(null).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: As in O(targets).
      type: str
      sample: redis
    kind:
      description: As in O(targets).
      type: str
      sample: redis
    host:
      description: As in O(targets).
      type: str
      sample: master.huntaze-redis.asmyhp.use1.cache.amazonaws.com
    port:
      description: The port that was tried.
      type: int
      sample: 6379
    at:
      description: When the look began, in UTC.
      type: str
      sample: "2026-11-26T03:12:44Z"
    seconds:
      description: How long it took.
      type: float
      sample: 0.031
    addresses:
      description: What the resolver answered.
      type: list
      elements: str
      sample: [10.0.1.10]
    from_address:
      description: The address of this host that packets leave from, also where nothing answers.
      type: str
      sample: 10.0.1.20
    reachable:
      description:
        - Whether the server answered as it should, with the credentials if any are given.
        - V(null) in check mode, and where this host could not look, as it lacks the file with the CA certificates. RV(results[].reason) says why.
      type: bool
      sample: true
    port_open:
      description: Whether a TCP connection came about. If so, the network lets this host through.
      type: bool
      sample: true
    reason:
      description: The outcome in one sentence.
      type: str
      sample: >-
        10.0.1.10:6379 answers in 0.412 ms (median of 5) over TLSv1.3; it accepts the credentials and refuses a client without.
    latency_ms:
      description: Round trips in milliseconds; of V(tcp), the time to connect. V(null) unless RV(results[].reachable).
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
      description: The server's version, where it tells.
      type: str
      sample: 7.1.0
    role:
      description: V(primary) or V(replica), where the server tells.
      type: str
      sample: primary
    status:
      description: The status of a server of HTTPS.
      type: int
      sample: 200
    tls:
      description: Whether TLS was asked for. V(null) for V(tcp).
      type: bool
      sample: true
    tls_version:
      description: The version of TLS agreed on. V(null) without TLS.
      type: str
      sample: TLSv1.3
    tls_enforced:
      description: Whether PostgreSQL refuses plain text.
      type: bool
      sample: true
    certificate:
      description: Until when the server's certificate is valid. V(null) without TLS, and where it was not checked.
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
    authenticated:
      description: Whether the server accepted the credentials. V(null) if none were given or it was not asked.
      type: bool
      sample: true
    authentication_enforced:
      description: Whether the server refuses a client without credentials, tried on a separate connection. V(null) if that could not be tried.
      type: bool
      sample: true
    error:
      description: Why the server is not reachable. V(null) if it is.
      type: dict
      contains:
        class:
          description:
            - V(name_resolution), V(timeout) (packets are dropped), V(no_route), V(refused), V(reset), V(no_answer), V(tls_required), V(tls_not_offered),
              V(tls), V(certificate), V(client_certificate) (the server wants a client certificate), V(noauth), V(wrongpass), V(noperm), V(not_allowed),
              V(no_database), V(busy), V(rejected) (it is the expected server, and refuses for another reason) or V(protocol)
              (it is another one).
          type: str
          sample: timeout
        message:
          description: What happened.
          type: str
          sample: no answer to the attempt to connect
        advice:
          description: What to check or change.
          type: str
          sample: "Packets are dropped on the way: check the server's security group (does it let this machine in on this port?), network ACLs, ..."
    skipped:
      description: Whether nothing was looked at. Only in check mode.
      type: bool
      sample: true
    skip_reason:
      description: Why no connection was made. Only in check mode.
      type: str
      sample: "check mode: no connection was made, nothing is verified"
local_ports:
  description: The first and the last port that this host connects from. V(null) where it does not tell.
  returned: always
  type: list
  elements: int
  sample: [32768, 60999]
problems:
  description: What is wrong with the options, one sentence each. No connection was made.
  returned: when options are wrong
  type: list
  elements: str
  sample: ["targets[0] (redis): port is 0: it must lie between 1 and 65535."]
skip_reason:
  description: Why no connection was made.
  returned: in check mode
  type: str
  sample: "check mode: no connection was made, nothing is verified"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.kinds import TARGET
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.reachability import SOURCE_ADDRESS, TIMEOUT, answer_all


def main():
    targets = dict(type="list", elements="dict", required=True, options=TARGET)
    answer_all(AnsibleModule(dict(targets=targets, source_address=SOURCE_ADDRESS, timeout=TIMEOUT), supports_check_mode=True))


if __name__ == "__main__":
    main()
