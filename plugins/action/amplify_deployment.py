# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.huntaze.ai_system.plugins.modules import amplify_deployment
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._in_process import InProcess


class ActionModule(InProcess):
    module = amplify_deployment
    services = ("amplify",)
