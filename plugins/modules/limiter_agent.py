#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: limiter_agent
version_added: 0.1.0
short_description: Bring one limiter agent to its declared state and prove it ready
description:
  - Looks at a host once, says how it differs from what is declared, and changes only that.
  - The agent is started anew only if its release, its unit or settings that need it changed. Everything else is reloaded without losing a request.
  - Every run that leaves an agent ends with the proof that each of its workers uses the declared Redis and credential, and that each bearer token lets in.
  - A run that was cut off is completed by the next one.
  - The role P(huntaze.ai_system.limiter_agent#role) has defaults for all options. Messages name the role's variables, which bear the prefix C(limiter_agent_).
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  state:
    description:
      - V(present) installs, configures and runs the agent.
      - V(absent) stops it and removes it, its files and its user.
      - V(ready) changes nothing, waits for the agent to be ready and fails if it is not.
    type: str
    choices: [present, absent, ready]
    default: present
  name:
    description: Names the instance, that is its unit, its user and its directories.
    type: str
    default: limiter-agent
  host:
    description: How differences name the host. The action gives the name in the inventory.
    type: str
  package:
    description: Directory of the agent's package on the controller. The default is the one of this collection.
    type: path
  release:
    description: The name of the release that the package makes. The action gives it.
    type: str
    default: ""
  source:
    description: Archive of the package on the host. The action brings it if the release has to be installed.
    type: path
    default: ""
  wheelhouse:
    description: Directory of wheels on the controller, for hosts that reach no package index.
    type: str
    default: ""
  python:
    description: Python on the host, 3.11 to 3.13, able to make virtual environments.
    type: str
    default: python3
  user:
    description: User and group that the agent runs as. The default is O(name).
    type: str
  create_user:
    description: Whether the user is created, and removed with O(state=absent).
    type: bool
    default: true
  install_directory:
    description: Holds the virtual environments, one a release. The default is C(/opt/) and the name.
    type: path
  config_directory:
    description: Holds configuration, rules and credentials. The default is C(/etc/) and the name.
    type: path
  supervisor_directory:
    description: Holds supervisord's socket, process number and logs, if there is no systemd. The default is C(/var/lib/) and the name.
    type: path
  service_manager:
    description: V(auto) is systemd if systemd runs, otherwise supervisord.
    type: str
    choices: [auto, systemd, supervisord]
    default: auto
  redis:
    description: The cache. Required unless O(state=absent).
    type: dict
    default: {}
    suboptions:
      host:
        description: Its address.
        type: str
      port:
        description: Its port. The default is 6379.
        type: int
      tls:
        description: Whether TLS is spoken.
        type: bool
      tls_ca:
        description: Authorities that its certificate is checked against, as PEM text. The default are the host's.
        type: str
      token:
        description: Its AUTH token, or the password of the user. Sent over TLS or to a loopback address only.
        type: str
      user:
        description: An ACL user.
        type: str
      deadline_ms:
        description: How many milliseconds a check waits for Redis.
        type: int
      key_prefix:
        description: What every key begins with.
        type: str
  bearer_tokens:
    description: Any of them lets a caller in. Each has 24 or more visible ASCII characters.
    type: list
    elements: str
    default: []
  purge_bearer_tokens:
    description: Whether tokens that the agent knows and that are not listed stop letting callers in.
    type: bool
    default: true
  listen:
    description: Where requests come in.
    type: dict
    default: {}
    suboptions:
      address:
        description: An address of the host, or one that stands for all. The default is V(0.0.0.0).
        type: str
      port:
        description: A port. The default is 8443.
        type: int
  tls:
    description: Certificate for HTTPS.
    type: dict
    default: {}
    suboptions:
      certificate:
        description: The certificate and those between it and the authority, as PEM text.
        type: str
      key:
        description: Its private key, as PEM text.
        type: str
  plain_text:
    description: Whether callers may send their bearer tokens to the host in plain text.
    type: bool
    default: false
  rules:
    description: The plans and their limits. The default is the package's.
    type: dict
    default: {}
  workers:
    description: Processes that answer. The agent's default is the number of processors.
    type: int
  agents:
    description: Agents that share the cache.
    type: int
    default: 1
  cloudwatch:
    description: Where metrics go. Without it none are sent.
    type: dict
    default: {}
    suboptions:
      region:
        description: An AWS region.
        type: str
      namespace:
        description: A namespace of metrics.
        type: str
      endpoint_url:
        description: Another endpoint than AWS's.
        type: str
      interval:
        description: Seconds between two calls.
        type: int
      access_key:
        description: Without it botocore finds credentials.
        type: str
      secret_key:
        description: Belongs to the access key.
        type: str
  ready_timeout:
    description: Seconds in which every worker has to be ready and to use the declared credential.
    type: int
    default: 30
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
extends_documentation_fragment:
  - huntaze.ai_system.attributes
seealso:
  - module: huntaze.ai_system.redis_reachability
"""

EXAMPLES = r"""
- name: Run the limiter agent
  huntaze.ai_system.limiter_agent:
    redis:
      host: master.huntaze-redis.abc123.use1.cache.amazonaws.com
      tls: true
      token: "{{ cache_token }}"
    bearer_tokens: ["{{ app_token }}"]
    tls:
      certificate: "{{ lookup('ansible.builtin.file', 'agent.pem') }}"
      key: "{{ lookup('ansible.builtin.file', 'agent.key') }}"

- name: Prove that it uses the declared credential
  huntaze.ai_system.limiter_agent:
    state: ready
    redis:
      host: master.huntaze-redis.abc123.use1.cache.amazonaws.com
      tls: true
      token: "{{ cache_token }}"
    bearer_tokens: ["{{ app_token }}"]
    tls:
      certificate: "{{ lookup('ansible.builtin.file', 'agent.pem') }}"
      key: "{{ lookup('ansible.builtin.file', 'agent.key') }}"

- name: Remove it
  huntaze.ai_system.limiter_agent:
    state: absent
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be, one sentence each. After a failure, what was done before.
  returned: always
  type: list
  elements: str
  sample: ["write agent.yml, credential and reload the agent", "remove former credentials"]
differences:
  description: What differs from what is declared, or differed. After a failure, what was changed before.
  returned: always
  type: list
  elements: dict
  contains:
    object:
      description: The host.
      type: str
      sample: host limiter-1
    field:
      description:
        - C(user), C(directory PATH), C(release), C(supervisord), the name of a file, C(credential), C(bearer_tokens), C(permissions),
          C(unit), C(socket) or C(service). C(release NAME) and C(former credentials) are what is no longer used.
      type: str
      sample: rules.yml
    before:
      description: What was there. Null for nothing.
      type: raw
      sample: null
    after:
      description: What is declared. Null for nothing.
      type: raw
      sample: "0640 limiter-agent"
    secret:
      description: Whether the values are secret, and masked here.
      type: bool
      sample: false
changed_at:
  description:
    - By the fields that differ, or differed, when what was there was changed last, in UTC. A field is missing where the host does not tell.
    - Of a file when it was written, of a release its unit, of permissions when they were set, of a service that is stopped since when.
  returned: success
  type: dict
  sample: {rules.yml: "2026-11-23T18:08:44Z"}
left_alone:
  description:
    - What the host lacks and no run gives it, so that the task is refused. Otherwise empty, as a run brings all of an agent to its declared state.
  returned: always
  type: list
  elements: dict
  contains:
    object:
      description: The host.
      type: str
      sample: host limiter-1
    field:
      description: Always V(python).
      type: str
      sample: python
    before:
      description: The version that was found. Null if there is none of use.
      type: str
      sample: "3.9"
    after:
      description: What is needed.
      type: str
      sample: 3.11 to 3.13
    secret:
      description: Whether the values are masked. Always V(false).
      type: bool
      sample: false
    why:
      description: Why a run leaves it.
      type: str
      sample: python3 on the host is Python 3.9; 3.11 to 3.13 is needed
    remedy:
      description: The way out.
      type: str
      sample: name one in limiter_agent_python
    lowers_security:
      description: Whether somebody gets in who is not meant to. Always V(false).
      type: bool
      sample: false
left:
  description: The steps that were not made.
  returned: failure after the look
  type: list
  elements: str
  sample: ["start the agent anew"]
problems:
  description: What cannot work with these options on this host, one sentence each. Nothing was changed.
  returned: failure because of options or the host
  type: list
  elements: str
  sample: ["limiter_agent_redis.host is missing: the address of the cache."]
ready:
  description: Whether the agent runs as declared. In check mode before the steps.
  returned: success
  type: bool
  sample: true
not_ready:
  description: Why not. Empty if it is ready or does not run.
  returned: success
  type: str
  sample: ""
kept_bearer_tokens:
  description: How many bearer tokens the agent knows that are not declared.
  returned: success
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.apply import Host, Stopped, apply
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.desired import Desired, problems
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.observe import observe
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.plan import plan, refusals
from ansible_collections.huntaze.ai_system.plugins.module_utils._agent.service import Failed
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import Plan, shown_left_alone


def main():
    module = AnsibleModule(argument_spec=dict(
        state=dict(type="str", choices=["present", "absent", "ready"], default="present"),
        name=dict(type="str", default="limiter-agent"),
        host=dict(type="str"),
        package=dict(type="path"),
        release=dict(type="str", default=""),
        source=dict(type="path", default=""),
        wheelhouse=dict(type="str", default=""),
        python=dict(type="str", default="python3"),
        user=dict(type="str"),
        create_user=dict(type="bool", default=True),
        install_directory=dict(type="path"),
        config_directory=dict(type="path"),
        supervisor_directory=dict(type="path"),
        service_manager=dict(type="str", choices=["auto", "systemd", "supervisord"], default="auto"),
        redis=dict(type="dict", default={}, options=dict(
            host=dict(type="str"), port=dict(type="int"), tls=dict(type="bool"), tls_ca=dict(type="str"), token=dict(type="str", no_log=True),
            user=dict(type="str"), deadline_ms=dict(type="int"), key_prefix=dict(type="str", no_log=False),
        )),
        bearer_tokens=dict(type="list", elements="str", default=[], no_log=True),
        purge_bearer_tokens=dict(type="bool", default=True, no_log=False),
        listen=dict(type="dict", default={}, options=dict(address=dict(type="str"), port=dict(type="int"))),
        tls=dict(type="dict", default={}, options=dict(certificate=dict(type="str"), key=dict(type="str", no_log=True))),
        plain_text=dict(type="bool", default=False),
        rules=dict(type="dict", default={}),
        workers=dict(type="int"),
        agents=dict(type="int", default=1),
        cloudwatch=dict(type="dict", default={}, options=dict(
            region=dict(type="str"), namespace=dict(type="str"), endpoint_url=dict(type="str"), interval=dict(type="int"),
            access_key=dict(type="str", no_log=False), secret_key=dict(type="str", no_log=True),
        )),
        ready_timeout=dict(type="int", default=30),
    ), supports_check_mode=True)
    desired = Desired(module.params)

    def run(*command):
        try:
            rc, out, err = module.run_command(list(command), handle_exceptions=False)
        except OSError as error:
            raise Failed(f"{command[0]} cannot be run: {error}") from error
        if rc:
            raise Failed(f"{command[0]} ended with {rc}: {(err.strip() or out.strip())[-2000:] or 'it said nothing'}")
        return out

    nothing_done = dict(changed=False, steps=[], differences=[], left_alone=[])

    def refuse(found, left_alone=()):
        if found:
            result = {**nothing_done, "problems": found, "left_alone": shown_left_alone(left_alone)}
            module.fail_json(msg="The limiter agent was left as it is: " + " ".join(found), **result)

    refuse(problems(desired))
    host = Host(desired, run, module.tmpdir, module.params["source"], bool(module.params["wheelhouse"]))
    try:
        observed = observe(desired, run)
        obstacles = refusals(desired, observed)
        refuse(list(map(str, obstacles)), obstacles)
        planned = plan(desired, observed)
        if not module.check_mode:
            if host.lacks_source(planned):
                module.exit_json(changed=False, source_wanted=True)
            if planned or not observed.ready:
                apply(planned, host)
    except Stopped as stopped:
        module.fail_json(msg=str(stopped), left=planned.steps[len(stopped.made):], **Plan(stopped.made).result())
    except Failed as failed:
        module.fail_json(msg=f"The host cannot be looked at: {failed}", **nothing_done)
    module.exit_json(
        ready=desired.state != "absent" and (observed.ready or not module.check_mode), not_ready=observed.not_ready,
        kept_bearer_tokens=len(observed.kept_tokens), changed_at=observed.changed_at(planned.differences), **planned.result())


if __name__ == "__main__":
    main()
