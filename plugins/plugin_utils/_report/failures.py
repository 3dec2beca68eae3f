# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the failure of a task means, what holds now, and when the next run gets further. Pure: a table over what modules return."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words


class Meaning(t.NamedTuple):
    says: str = ""
    once: str = ""  # when the next run gets further, after "once"


DENIED = Meaning("AWS does not let these credentials do {action}.", "their IAM policy allows {action}")
BUSY = Meaning("AWS is still changing it, or somebody else is.", "the change under way is over")
QUOTA = Meaning("This account has used up a quota of AWS.", "the quota is raised, or something is removed")
# AWS's codes, as regular expressions of the whole code. The first that matches counts.
BY_CODE = {
    r"AccessDenied(Exception)?|UnauthorizedOperation": DENIED,
    r".*Throttl.*|RequestLimitExceeded|TooManyRequestsException|SlowDown": Meaning(
        "AWS was asked too often. Calls of everybody in this account count together.", "some minutes have passed"),
    r"Insufficient.*Capacity.*": Meaning("AWS has no room for a node of this type in these zones now.", "AWS has room, or another type is declared"),
    r".*(LimitExceeded|QuotaExceeded|QuotaForCustomerExceeded).*": QUOTA,
    r"Invalid(ReplicationGroup|CacheCluster|DBInstance|DBCluster|UserGroup|User|Snapshot)State(Fault)?|.*Conflict(Exception)?|ConcurrentModification.*"
    r"|OperationAborted(Exception)?|ConditionalCheckFailedException|IncorrectState.*|ResourceInUse.*": BUSY,
    r"ExpiredToken(Exception)?|RequestExpired": Meaning("The session of these credentials has expired.", "there are new credentials"),
    r"SignatureDoesNotMatch|InvalidSignatureException": Meaning("The secret key is not the one of this access key.", "the keys are right"),
    r"AuthFailure|InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId": Meaning("AWS does not know these credentials.", "the keys are right"),
    r".*NotFound(Fault|Exception)?|NoSuch.*": Meaning("AWS knows no such thing in this account and region.", "its name or the region is right"),
    r"InternalFail(ure|ureException)|InternalServer.*|InternalError|ServiceUnavailable.*|ServiceFailure.*": Meaning("AWS itself failed.", "AWS works again"),
}
# Errors of botocore that have no code, as no answer came.
BY_TYPE = {
    r".*(Credential|Token|SSO|Profile).*": Meaning("There are no credentials that work.", "there are credentials"),
    r"(EndpointConnection|ConnectTimeout|ReadTimeout|ConnectionClosed|Connection|ProxyConnection|SSL|HTTPClient)Error": Meaning(
        "AWS did not answer this machine.", "AWS can be reached from here"),
}
UNREACHABLE = Meaning("Ansible gets no connection to this host, or has lost it.", "the host can be reached")
HELD = Meaning("Another run changes this environment now.", "that run has ended")
TLS = {"required": "TLS required", "preferred": "TLS beside plain text"}
UNANSWERED = "AWS has not answered whether this is done"
UNTOLD = "What the failed task had changed by then is not known: it failed before it could say so."


def message(result: t.Mapping[str, t.Any], unreachable: bool = False) -> str:
    """What a failed result says, in lines: that of each item that failed in a loop."""
    items = [one for one in result.get("results") or [] if isinstance(one, t.Mapping) and one.get("failed")] if isinstance(result.get("results"), list) else []
    said = [one.get("msg") or one.get("stderr") for one in items] if items else result.get("msg") or result.get("stderr") or result.get("censored")
    crashed = words.lines_of(result.get("module_stderr") or "")[-1:]
    nothing = "the host cannot be reached" if unreachable else "no reason given"
    return "\n".join(dict.fromkeys(words.lines_of(said or nothing) + crashed)) or nothing


def meaning(result: t.Mapping[str, t.Any], unreachable: bool = False) -> Meaning:
    """What a failed result means. Empty where that is not known."""
    if unreachable:
        return UNREACHABLE
    if result.get("lock"):
        return HELD
    error = result.get("error")
    code, kind = (str(error.get(name) or "") for name in ("code", "type")) if isinstance(error, t.Mapping) else ("", "")
    found = next((one for table, value in ((BY_CODE, code), (BY_TYPE, "" if code else kind)) for pattern, one in table.items() if re.fullmatch(pattern, value)),
                 Meaning())
    named = re.search(r"not allowed: (\S+);", str(result.get("msg") or ""))
    return Meaning(*(words.clean(text.format(action=named[1] if named else "this")) for text in found))


def state(result: t.Mapping[str, t.Any], told: bool) -> str:
    """What holds now. told: whether the task said what it had changed."""
    unanswered = [str(one) for one in result.get("unanswered") or []] if isinstance(result.get("unanswered"), list) else []
    if unanswered:
        return words.clean(f"{UNANSWERED}: {'; '.join(unanswered)}. The next run looks first.")
    return _of_cache(result.get("cache")) if told else UNTOLD


def _of_cache(cache: t.Any) -> str:
    """huntaze-redis is modifying; TLS required; AUTH off: a cache as it was seen last."""
    if not (isinstance(cache, t.Mapping) and cache.get("id") and cache.get("status")):
        return ""
    way = TLS.get(str(cache.get("transit_encryption_mode")), "TLS off")
    return words.clean(f"{cache['id']} is {cache['status']}; {way}; AUTH {'on' if cache.get('auth_token_enabled') else 'off'}")
