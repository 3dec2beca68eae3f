# SPDX-License-Identifier: GPL-3.0-or-later
"""Which AWS credentials a task has, how they were found, why they cannot work, and the command that helps."""

from __future__ import annotations

import typing as t

try:
    import botocore.session
    from botocore.exceptions import BotoCoreError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

KEYS = ("access_key", "secret_key", "session_token")
# Where AnsibleAWSModule looks for an option that the task does not give; the first of them is what people know.
VARIABLES = {
    "access_key": ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
    "secret_key": ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
    "session_token": ("AWS_SESSION_TOKEN",),
    "profile": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
}
SET_THE_THREE = "and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to what it prints"
UNKNOWN = ("AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId")
WRONG_SECRET = ("SignatureDoesNotMatch", "InvalidSignatureException")
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
# botocore's errors, by name: older versions lack some.
NOT_OBTAINED = (
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "SSOError", "SSOTokenLoadError", "UnauthorizedSSOTokenError",
    "PendingAuthorizationExpiredError", "TokenRetrievalError", "MetadataRetrievalError", "InvalidConfigError", "InfiniteLoopConfigError", "ProfileNotFound",
    "UnknownCredentialError", "ConfigParseError", "LoginRefreshRequired", "LoginTokenLoadError",
)


class Credentials:
    """The credentials of a task, from its options and the environment."""

    def __init__(self, params: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> None:
        self._given = {name: params.get(name) or "" for name in (*KEYS, "profile")}
        self._environment = environment
        self._profiles: dict[str, dict[str, str]] | None = None

    def problems(self) -> list[str]:
        """Why these credentials cannot work, found without asking anybody; sentences that name the way out."""
        given = {name: self._source(name) for name in KEYS if self._given[name]}
        if self._given["profile"]:
            return self._profile_beside_keys(given) or self._profile_problems()
        half = {"access_key", "secret_key"} - set(given)
        if given and half:
            return [f"Only half of the credentials is there: {_listed(given.values())}, but no {_listed(sorted(half))}. Give both keys or neither."]
        if "session_token" in given and self._given["access_key"].startswith("AKIA"):
            return [
                f"The access key {self._given['access_key']} ({given['access_key']}) is a user's own, which has no session token, but there is one "
                f"({given['session_token']}). Take it away, or give the keys that it was issued with."
            ]
        return [] if given or not self._chosen_profile() else self._profile_problems()

    def origin(self) -> str:
        """Which credentials are used, and how they were found."""
        if self._given["access_key"] and not self._given["profile"]:
            session = " with a session token" if self._given["session_token"] else ""
            return f"the access key {self._given['access_key']}{session} ({self._source('access_key')})"
        if self._given["profile"]:
            return f"the profile {self._given['profile']} ({self._source('profile')})"
        return "what boto3 finds by itself: the profile default in ~/.aws, or the role of the instance or container"

    def advice(self) -> str:
        """The command that obtains new ones, a sentence."""
        name, profile = self._chosen_profile(), self._settings(self._chosen_profile())
        option = f" --profile {name}"
        if profile.get("sso_session") or profile.get("sso_start_url"):
            return f"Log in again: `aws sso login{option}`."
        if profile.get("login_session"):
            return f"Log in again: `aws login{option}`."
        if profile.get("credential_process"):
            # The command itself may hold a secret.
            return f"Run the credential_process of the profile {name} by itself, as ~/.aws/config has it, to see what is wrong."
        if profile.get("role_arn"):
            return f"Try the role by itself: `aws sts get-caller-identity{option}`."
        if self._given["session_token"] or profile.get("aws_session_token"):
            return f"Obtain a new session, such as with `aws sts get-session-token`, {SET_THE_THREE}."
        if self._given["access_key"] or profile:
            shown = "" if self._given["access_key"] else option
            return f"Check the keys: `aws sts get-caller-identity{shown}` says whose they are; `aws configure{shown}` sets others."
        return (
            "Give some: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or the options access_key and secret_key or profile; `aws configure` "
            "makes a profile, and an instance can have a role."
        )

    def _source(self, name: str) -> str:
        """How an option came to its value, such as "AWS_PROFILE" or "option profile"."""
        variable = next((one for one in VARIABLES[name] if self._environment.get(one)), None)
        same = variable is not None and self._environment[variable] == self._given[name]
        return t.cast(str, variable) if same else f"option {name}"

    def _profile_beside_keys(self, given: dict[str, str]) -> list[str]:
        if not given:
            return []
        return [
            f"A profile and keys are both given: {self._given['profile']} ({self._source('profile')}) and {_listed(given.values())}. Only one can count: "
            + _way_out([self._source("profile")], list(given.values()))
        ]

    def _profile_problems(self) -> list[str]:
        name = self._chosen_profile()
        profiles = self._read()
        if name not in profiles:
            if name == "default" and not self._given["profile"]:
                return []
            known = f"there are {_listed(sorted(profiles))}" if profiles else "there is none at all"
            return [
                f"There is no profile {name} ({self._source('profile')}) in ~/.aws/config and ~/.aws/credentials: {known}. "
                f"`aws configure --profile {name}` makes it."
            ]
        return self._mfa_problems(name)

    def _mfa_problems(self, name: str) -> list[str]:
        """boto3 asks for the code of an MFA device at a terminal, which a task has not."""
        seen: list[str] = []
        while name and name not in seen:
            seen.append(name)
            profile = self._settings(name)
            device, role = profile.get("mfa_serial"), profile.get("role_arn")
            if device and role:
                option = f" --profile {profile['source_profile']}" if profile.get("source_profile") else ""
                return [
                    f"The profile {seen[0]} needs a code of the MFA device {device}, and a task has no terminal to ask at. Ask beforehand: "
                    f"`aws sts assume-role --role-arn {role} --role-session-name ansible --serial-number {device} --token-code CODE{option}`, "
                    f"{SET_THE_THREE}, without a profile. Without the role: `aws sts get-session-token --serial-number {device} --token-code CODE{option}`."
                ]
            name = profile.get("source_profile", "") if role else ""
        return []

    def _chosen_profile(self) -> str:
        return self._given["profile"] or ("" if self._given["access_key"] else "default")

    def _settings(self, profile: str) -> dict[str, str]:
        return self._read().get(profile, {})

    def _read(self) -> dict[str, dict[str, str]]:
        if self._profiles is None:
            try:
                self._profiles = botocore.session.Session().full_config.get("profiles", {})
            except (BotoCoreError, ValueError):
                self._profiles = {}  # the client will say what is wrong with the file
        return self._profiles


def concerns(code: str, error: BaseException) -> bool:
    """Whether an error is one of the credentials, by AWS's code of it or by its kind."""
    return code in (*UNKNOWN, *WRONG_SECRET, *EXPIRED) or type(error).__name__ in NOT_OBTAINED


def reason(code: str) -> str:
    """What an error of the credentials means, beside AWS's words."""
    if code in EXPIRED:
        return "the session has expired"
    if code in WRONG_SECRET:
        return "AWS knows the access key, but the secret key is not the one that belongs to it"
    if code in UNKNOWN:
        return "AWS does not know these credentials: check access_key and secret_key, or the profile"
    return "the credentials could not be obtained"


def told(credentials: Credentials, code: str) -> str:
    """What to say of an error of these credentials beside AWS's words."""
    return f"{reason(code)}. Tried: {credentials.origin()}. {credentials.advice()}"


def _way_out(*sides: list[str]) -> str:
    """How to have only one of what is given."""
    variables = [[one for one in side if one.startswith("AWS_")] for side in sides]
    ways = [f"`unset {' '.join(side)}`" for side in variables if side]
    return (" or ".join(ways) if ways else "leave the options of one of them out") + "."


def _listed(names: t.Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
