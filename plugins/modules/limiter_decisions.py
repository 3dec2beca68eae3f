#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: limiter_decisions
version_added: 0.1.0
short_description: Ask limiter agents for a decision each, as the app does
description:
  - Asks all agents at the same time whether one subject may make a request now.
  - The request is charged to the subject. Nothing else changes.
  - Never fails because of an agent. What each answered, or why it did not, is in RV(decisions).
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  urls:
    description: Where the agents are, each without a path.
    type: list
    elements: str
    required: true
  bearer_token:
    description: Lets the caller in.
    type: str
    required: true
  subject:
    description: Whose request it is.
    type: str
    default: deployment-verification
  plan:
    description: A plan of the agents' rules.
    type: str
    required: true
  ca_path:
    description: Authorities in a file, in PEM format, that the agents' certificates are checked against. The default are the host's.
    type: path
  timeout:
    description: How many seconds an answer may take.
    type: int
    default: 10
attributes:
  check_mode:
    description: In check mode nobody is asked, and every decision is C(skipped).
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
  platform:
    platforms: posix
extends_documentation_fragment:
  - huntaze.ai_system.attributes
seealso:
  - module: huntaze.ai_system.limiter_agent
"""

EXAMPLES = r"""
- name: Ask two agents for a decision
  huntaze.ai_system.limiter_decisions:
    urls: [https://limiter-1.example.com:8443, https://limiter-2.example.com:8443]
    bearer_token: "{{ app_token }}"
    plan: starter
  register: asked

- name: Ask an agent whose certificate is of an authority of its own
  huntaze.ai_system.limiter_decisions:
    urls: [https://10.0.1.10:8443]
    bearer_token: "{{ app_token }}"
    plan: pro
    ca_path: /etc/ssl/agents.pem

- name: Say which of them gave one
  ansible.builtin.debug:
    msg: "{{ asked.decisions | selectattr('status', 'in', [200, 429]) | map(attribute='url') }}"
"""

RETURN = r"""
decisions:
  description: What each agent answered, in the order of O(urls).
  returned: success
  type: list
  elements: dict
  contains:
    url:
      description: The agent.
      type: str
      sample: https://limiter-1.example.com:8443
    skipped:
      description: Whether it was not asked, because of check mode.
      type: bool
      sample: false
    status:
      description: The status of its answer. V(200) admits, V(429) denies. Null if there was no answer.
      type: int
      sample: 200
    json:
      description: The answer, if it was JSON.
      type: raw
      sample: {"allowed": true, "exact": true, "limits": [{"name": "hour", "limit": 50, "window": 3600, "remaining": 49, "reset": 3600}]}
    msg:
      description: Why there was no answer. Empty if there was one.
      type: str
      sample: ""
"""

import http.client
import json
import ssl
import urllib.error
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

MOST_AT_ONCE = 16
MOST_BYTES = 65536


def ask(url, params):
    """One of `decisions`."""
    said = {"url": url, "skipped": False, "status": None, "json": None, "msg": ""}
    try:
        try:
            answer = open_url(
                f"{url}/v1/check", json.dumps({"subject": params["subject"], "plan": params["plan"]}), method="POST", timeout=params["timeout"],
                headers={"Authorization": f"Bearer {params['bearer_token']}", "Content-Type": "application/json"}, ca_path=params["ca_path"],
            )
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            said["status"], body = answer.status, answer.read(MOST_BYTES)
        said["json"] = json.loads(body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        said["msg"] = f"status {said['status']} and no JSON" if said["status"] else str(getattr(error, "reason", None) or error or type(error).__name__)
    return said


def main():
    module = AnsibleModule(argument_spec=dict(
        urls=dict(type="list", elements="str", required=True),
        bearer_token=dict(type="str", required=True, no_log=True),
        subject=dict(type="str", default="deployment-verification"),
        plan=dict(type="str", required=True),
        ca_path=dict(type="path"),
        timeout=dict(type="int", default=10),
    ), supports_check_mode=True)
    urls = module.params["urls"]
    if module.check_mode or not urls:
        module.exit_json(changed=False, decisions=[{"url": url, "skipped": True, "status": None, "json": None, "msg": ""} for url in urls])
    try:
        ssl.create_default_context(cafile=module.params["ca_path"])
    except (OSError, ssl.SSLError) as error:
        module.fail_json(msg=f"ca_path {module.params['ca_path']} cannot be read: {error}", changed=False)
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        module.exit_json(changed=False, decisions=list(pool.map(lambda url: ask(url, module.params), urls)))


if __name__ == "__main__":
    main()
