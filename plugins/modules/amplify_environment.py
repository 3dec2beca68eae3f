#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: amplify_environment
version_added: 0.1.0
short_description: Keep environment variables of an Amplify Hosting app
description:
  - Brings the listed environment variables of an app, or of one of its branches, to their declared state, in one call.
  - When a branch is built, its own variables override those of the app.
  - New values reach the running app only with its next build, see M(huntaze.ai_system.amplify_deployment).
  - Variables that are not listed stay, unless O(purge=true). Variables that Amplify reads itself stay even then, and RV(kept) names them. By Amplify's
    reference these are V(USER_BRANCH), V(USER_DISABLE_TESTS), and the names that begin with V(_) or V(AMPLIFY_).
  - Amplify replaces all variables at once and keeps no versions, so two writers can undo each other. The module writes right after it has read.
    It reads back at once and again a second later. If its values are gone, it merges them into what is there and writes again.
    Parallel runs of this module lose nothing of each other. A change that somebody else makes between the module's read and its write is lost unnoticed.
author:
  - The huntaze.ai_system contributors (@huntaze)
options:
  app_id:
    description: The identifier of the app. Exactly one of O(app_id) and O(app_name) is required.
    type: str
  app_name:
    description: The name of the app. Only one app of the region may have it.
    type: str
  branch:
    description: The branch whose own variables are kept. Left out, they are those of the app, which all its branches share.
    type: str
  variables:
    description:
      - Names and values that anybody may see. Diffs show them. A former value is shown only if it is the same as the new one.
      - Values are strings; an integer becomes its digits. A value has at most 5,500 characters, a name at most 255.
      - Amplify rejects names that begin with V(AWS).
      - At least one of O(variables) and O(secret_variables) is required.
    type: dict
  secret_variables:
    description:
      - Names and values that must stay secret. Only the names are shown. A value must not be empty.
      - A name may be in one of the two mappings only.
    type: dict
  state:
    description:
      - V(present) gives the variables these values.
      - V(absent) removes the variables of these names. The values given do not matter.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Also remove every variable that is not listed, except those that Amplify reads itself. Not with O(state=absent).
    type: bool
    default: false
notes:
  - Needs the IAM actions C(amplify:GetApp) and C(amplify:UpdateApp). With O(branch) it needs C(amplify:GetBranch) and C(amplify:UpdateBranch);
    C(amplify:GetApp) only where the branch lacks a listed variable. With O(app_name) it also needs C(amplify:ListApps).
  - Whoever may call C(amplify:GetApp) or C(amplify:GetBranch) reads all values in clear text.
  - Diffs and messages mask the values of O(secret_variables). They also mask the values of variables that are not listed, as those may be somebody
    else's secrets.
  - Server code of a Next.js app sees a variable only if the build writes it to C(.env.production). Many builds lose parts of some values there.
    The build in C(examples/nextjs) of this collection loses none.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
extends_documentation_fragment:
  - huntaze.ai_system.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: huntaze.ai_system.amplify_deployment
"""

EXAMPLES = r"""
- name: Give a branch the URL and the token of the limiter
  huntaze.ai_system.amplify_environment:
    region: us-east-1
    app_id: d1a2b3c4d5e6f7
    branch: main
    variables:
      GEMINI_MODEL: gemini-2.0-flash-exp
      LIMITER_URL: https://limiter.example.com
    secret_variables:
      LIMITER_TOKEN: "{{ lookup('env', 'LIMITER_TOKEN') }}"

- name: Show what would be removed from the app if these were its only variables
  huntaze.ai_system.amplify_environment:
    region: us-east-1
    app_name: huntaze
    variables:
      NEXTAUTH_URL: https://app.example.com
    purge: true
  check_mode: true
  diff: true

- name: Remove two variables, whatever their values
  huntaze.ai_system.amplify_environment:
    region: us-east-1
    app_id: d1a2b3c4d5e6f7
    state: absent
    variables:
      ELASTICACHE_REDIS_HOST:
      ELASTICACHE_REDIS_PORT:
"""

RETURN = r"""
app_id:
  description: The identifier of the app.
  returned: success
  type: str
  sample: d1a2b3c4d5e6f7
branch:
  description: The branch. Null if the variables are those of the app.
  returned: success
  type: str
  sample: main
variable_names:
  description: The names of all variables that exist afterwards, listed or not. In check mode, of those that would exist.
  returned: success
  type: list
  elements: str
  sample: [GEMINI_MODEL, LIMITER_TOKEN, LIMITER_URL]
kept:
  description: The names that are not listed and that O(purge) left, because Amplify reads these variables itself.
  returned: success
  type: list
  elements: str
  sample: [_LIVE_UPDATES]
steps:
  description: The changes made, one sentence each. In check mode, the changes that would be made.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: str
  sample: ["Update the variables of branch d1a2b3c4d5e6f7/main: add LIMITER_TOKEN, LIMITER_URL; change GEMINI_MODEL"]
seconds:
  description: How long each of RV(steps) took, in their order. One that was waited for counts until it was seen.
  returned: a run that made a step
  type: list
  elements: float
  sample: [1.4]
differences:
  description:
    - What the steps change, one item a variable. In check mode, what they would change.
    - A former value is masked even under a public name, unless it is the same as the new one.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The app, or the branch with its app.
      type: str
      sample: branch d1a2b3c4d5e6f7/main
    field:
      description: The variable.
      type: str
      sample: environment_variables.GEMINI_MODEL
    before:
      description: The value before. Null if there was none.
      type: str
      sample: VALUE_SPECIFIED_IN_NO_LOG_PARAMETER
    after:
      description: The value afterwards. Null if there is none.
      type: str
      sample: gemini-2.0-flash-exp
    secret:
      description: Whether both values are masked.
      type: bool
      sample: false
left_alone:
  description:
    - What differs and no run changes.
    - A variable of the app that has the name of a listed one, another value than the listed, and takes effect because the branch has none of its own.
    - A branch or an app that does not exist.
  returned: always, except for options that are refused, credentials that cannot work and a missing region
  type: list
  elements: dict
  contains:
    object:
      description: The app, or the branch with its app.
      type: str
      sample: app d1a2b3c4d5e6f7
    field:
      description: The variable. V(exists) stands for the app or the branch itself.
      type: str
      sample: environment_variables.GEMINI_MODEL
    before:
      description: The value of the app's variable, always masked. V(false) for what does not exist.
      type: raw
      sample: VALUE_SPECIFIED_IN_NO_LOG_PARAMETER
    after:
      description: Null for a variable. V(true) for what does not exist.
      type: raw
      sample:
    secret:
      description: Whether the values are masked.
      type: bool
      sample: true
    why:
      description: Why it matters, and why a run leaves it.
      type: str
      sample: branch d1a2b3c4d5e6f7/main has none of its own, so its builds take this one; other branches may need it
    remedy:
      description: The way out.
      type: str
      sample: remove it from the app unless other branches need it
    lowers_security:
      description: Whether somebody gets in who is not meant to. Always V(false).
      type: bool
      sample: false
left:
  description: The changes that are still to be made, one sentence each.
  returned: failure
  type: list
  elements: str
  sample: ["Update the variables of app d1a2b3c4d5e6f7: add LIMITER_TOKEN"]
unanswered:
  description:
    - The changes that were sent, that AWS did not answer and that were not seen afterwards, worded as in RV(steps). Whether they were made is not known.
    - The next run looks. They are also in RV(left).
  returned: failure, if there are any
  type: list
  elements: str
  sample: ['Update the variables of branch d1a2b3c4d5e6f7/main: add LIMITER_TOKEN, LIMITER_URL; change GEMINI_MODEL']
problems:
  description: What is wrong, one sentence each.
  returned: failure because of options, credentials, or what AWS shows
  type: list
  elements: str
  sample: ["wait_timeout is -1: give seconds, at least 0."]
error:
  description: What AWS answered to the call that failed.
  returned: failure because of an error of AWS
  type: dict
  contains:
    code:
      description: AWS's code of the error. Empty if the call got no answer.
      type: str
      sample: AccessDeniedException
    type:
      description: The class of the error in botocore.
      type: str
      sample: ClientError
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import APP_OPTIONS
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.environment import Desired, problems, shown, warnings
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.policy import (
    NOTHING_DONE,
    LookAtVariables,
    Variables,
    fail,
    find_app,
    without_values_of,
)
from ansible_collections.huntaze.ai_system.plugins.module_utils._apply import Failed, converge
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import client, client_without_retries, refuse, warn


def main():
    module = AnsibleAWSModule(
        argument_spec=dict(
            variables=dict(type="dict"),
            secret_variables=dict(type="dict", no_log=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            purge=dict(type="bool", default=False),
            **APP_OPTIONS,
        ),
        mutually_exclusive=[("app_id", "app_name")],
        required_one_of=[("app_id", "app_name"), ("variables", "secret_variables")],
        supports_check_mode=True,
    )
    refuse(module, "The variables cannot be set", problems(module.params), **NOTHING_DONE)
    for warning in warnings(module.params):
        warn(warning)
    reader = client(module, "amplify")
    desired = Desired.of(find_app(module, reader), module.params)
    look = LookAtVariables(reader, desired)
    failure = None
    try:
        plan = look()
        result, variables = plan.result(), desired.wanted(look.variables)
        if plan and not module.check_mode:
            writer = client_without_retries(module, "amplify")
            result = converge(look, writer, Variables(desired), deadline=float("inf"), seen=plan).result()
            variables = look.variables
        module.exit_json(**result, **shown(desired, variables))
    except Failed as failed:
        failed.error = without_values_of(failed.error, look.secrets)
        failure = failed
    # Not where the error was caught: its traceback quotes variables as its text does.
    fail(module, failure, f"The variables of {desired}", str(desired))


if __name__ == "__main__":
    main()
