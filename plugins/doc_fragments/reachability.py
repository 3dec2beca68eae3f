# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options and attributes that redis_reachability and postgres_reachability share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description:
      - The server's name or address, as the host the module runs on reaches it.
      - A URL, a name with a port, an ARN or a path is refused.
    type: str
    required: true
  password:
    description:
      - The password or token. Left out, the module connects without one.
      - The module warns of a blank or line end at its beginning or end.
    type: str
  timeout:
    description:
      - Seconds that the whole task may take. They include name resolution, all addresses and all connections.
    type: float
    default: 5.0
  samples:
    description: The number of round trips to measure.
    type: int
    default: 5
attributes:
  check_mode:
    description: Makes no connection in check mode and says C(skipped), because what has not been looked at is not verified.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Operating systems and platforms the module runs on.
    platforms: posix
    support: full
notes:
  - Never changes anything, and a server that cannot be reached is a result, not a failure. Look at RV(reachable) and RV(error).
  - The password is never shown, not even where a server repeats it.
"""
