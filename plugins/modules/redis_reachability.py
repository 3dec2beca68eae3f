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
  - Connects to a Redis or Valkey server from the host the module runs on, authenticates if credentials are given, and measures round trips.
  - Finds out whether the server really asks for credentials. A login that succeeds does not prove that, because a server without authentication
    accepts any password. Only a refused PING proves it, on a second connection without credentials.
  - Sorts failures into classes that each have one way out. If the first symptom is ambiguous, the module looks again. It tries plain text at a server
    that does not answer TLS, and TLS at one that is silent in plain text, as ElastiCache is when it requires TLS.
  - Only the options count. The module uses no Redis library, and reads no environment variable and no file of the host's user.
author:
  - The huntaze.ai_system contributors (@huntaze)
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
      - The file with the CA certificates, in PEM format, to check the server's certificate against. It must be on the host the module runs on.
      - Left out, those that the host's OpenSSL trusts are used, whatever C(SSL_CERT_FILE) says.
    type: path
  tls_verify:
    description: Check the server's certificate and that it is for O(host). With V(false), nobody knows who answers.
    type: bool
    default: true
  username:
    description: The ACL user. Left out, it is C(default), the user of an ElastiCache token.
    type: str
  source_address:
    description: The address of this host to connect from, if it has several.
    type: str
extends_documentation_fragment:
  - huntaze.ai_system.reachability
seealso:
  - module: huntaze.ai_system.postgres_reachability
  - module: huntaze.ai_system.elasticache_info
"""

EXAMPLES = r"""
- name: Verify the cache from the limiter hosts
  hosts: limiter
  gather_facts: false
  tasks:
    - name: Connect as the agent does
      huntaze.ai_system.redis_reachability:
        host: master.huntaze-redis.asmyhp.use1.cache.amazonaws.com
        tls: true
        password: "{{ lookup('env', 'HUNTAZE_CACHE_AUTH_TOKEN') }}"
      register: cache

    - name: Require that the token works and that clients without it are refused
      ansible.builtin.assert:
        that:
          - cache.reachable
          - cache.authentication_enforced
        fail_msg: "{{ cache.reason }}"
      when: cache is not skipped

- name: Verify that another host is shut out
  hosts: bastion
  gather_facts: false
  tasks:
    - name: Try to connect
      huntaze.ai_system.redis_reachability:
        host: huntaze-redis-production.asmyhp.0001.use1.cache.amazonaws.com
        timeout: 3
      register: stranger

    - name: Require that packets are dropped
      ansible.builtin.assert:
        that: stranger.error.class == 'timeout'
      when: stranger is not skipped
"""

RETURN = r"""
reachable:
  description: Whether a PING was answered, with the credentials if any are given. V(null) in check mode.
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
  description: The server's version. V(null) unless RV(reachable) and the server tells.
  returned: always
  type: str
  sample: 7.1.0
role:
  description: V(primary) or V(replica). V(null) unless RV(reachable) and the server tells.
  returned: always
  type: str
  sample: primary
tls_version:
  description: The version of TLS agreed on. V(null) without TLS.
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
authenticated:
  description: Whether the server accepted the credentials. V(null) if none were given or it was not asked.
  returned: always
  type: bool
  sample: true
authentication_enforced:
  description:
    - Whether the server refuses a client without credentials, tried on a separate connection. V(null) if that could not be tried.
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
          V(tls), V(certificate), V(client_certificate) (the server wants a client certificate), V(noauth), V(wrongpass), V(noperm), V(busy),
          V(rejected) (it is Redis, and refuses for another reason) or V(protocol) (it is not Redis).
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
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.kinds import REDIS
from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.reachability import SOURCE_ADDRESS, TIMEOUT, answer


def main():
    answer(AnsibleModule(dict(REDIS.options, timeout=TIMEOUT, source_address=SOURCE_ADDRESS), supports_check_mode=True), REDIS)


if __name__ == "__main__":
    main()
