# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the app wrote of a connection that failed, as a look of the app's: nobody else looks from Amplify Hosting. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.facts import Facts, Look

APP, LOG = "app", "log"
# Node's words.
MET = {
    "ETIMEDOUT": Cause.TIMEOUT, "ECONNREFUSED": Cause.REFUSED, "ECONNRESET": Cause.RESET, "ENOTFOUND": Cause.NAME_RESOLUTION,
    "EAI_AGAIN": Cause.NAME_RESOLUTION, "EHOSTUNREACH": Cause.NO_ROUTE, "ENETUNREACH": Cause.NO_ROUTE,
}
# A URL in a log may bear a password that nobody has declared here.
PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]+(?=@)")


def look(facts: Facts) -> t.Optional[Look]:
    """The last line of the app's log that tells of a connection to the cache or the database; None where there is none."""
    for event in reversed(facts.part("app", "log_events") or []):
        message = PASSWORD.sub(rf"\g<1>{MASK}", str(event.get("message") or ""))
        met = next((cause for word, cause in MET.items() if word in message), None)
        for kind in ("redis", "postgresql") if met else ():
            asked = Look(APP, True, {"name": LOG, "kind": kind})
            places = facts.service(asked).places or []
            place = next((place for place in places if place[0] in message or re.search(rf":{place[1]}\b", message)), None)
            if place:
                error = {"class": met, "message": message, "advice": ""}
                return asked._replace(result={**asked.result, "host": place[0], "port": place[1], "error": error, "at": event.get("at")})
    return None
