# SPDX-License-Identifier: GPL-3.0-or-later
"""Which credentials a task has, why they cannot work, and the command that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._aws import denied_action
from ansible_collections.huntaze.ai_system.plugins.module_utils._credentials import Credentials, concerns, told
from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError, UnauthorizedSSOTokenError

CONFIG = """\
[default]
region = us-east-1
[profile plain]
[profile sso]
sso_session = company
[profile old-sso]
sso_start_url = https://company.awsapps.com/start
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/deployer
source_profile = plain
mfa_serial = arn:aws:iam::123456789012:mfa/ann
[profile chained]
role_arn = arn:aws:iam::123456789012:role/other
source_profile = mfa
[profile circle]
role_arn = arn:aws:iam::123456789012:role/other
source_profile = circle
[profile process]
credential_process = /usr/bin/give-me keys --password secret-of-process
[profile role]
role_arn = arn:aws:iam::123456789012:role/deployer
source_profile = plain
"""
FILE = "[plain]\naws_access_key_id = AKIAPLAIN\naws_secret_access_key = secret-of-plain\n"
KEYS = {"access_key": "AKIAANN", "secret_key": "secret-of-ann"}
SESSION = {"access_key": "ASIAANN", "secret_key": "secret-of-ann", "session_token": "token-of-ann"}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(FILE)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.mark.parametrize(("given", "environment"), [
    ({}, {}), (dict.fromkeys((*KEYS, "session_token", "profile")), {}), (KEYS, {}),
    (SESSION, {}), ({"profile": "plain"}, {}), ({"profile": "role"}, {}), ({"profile": "sso"}, {}), ({"profile": "process"}, {}),
    ({"profile": "circle"}, {}), ({"profile": "default"}, {}),
])
def test_kind_36_credentials_that_may_work_are_not_refused(given: dict[str, str], environment: dict[str, str]) -> None:
    assert Credentials(given, environment).problems() == []


@pytest.mark.parametrize(("given", "environment", "words"), [
    ({"access_key": "AKIAANN"}, {}, ["Only half", "option access_key, but no secret_key"]),
    ({"access_key": "AKIAANN"}, {"AWS_ACCESS_KEY_ID": "AKIAANN"}, ["AWS_ACCESS_KEY_ID, but no secret_key"]),
    ({"secret_key": "s"}, {"AWS_SECRET_KEY": "s"}, ["AWS_SECRET_KEY, but no access_key"]),
    ({"session_token": "t"}, {"AWS_SESSION_TOKEN": "t"}, ["AWS_SESSION_TOKEN, but no access_key and secret_key"]),
    ({**KEYS, "session_token": "t"}, {"AWS_SESSION_TOKEN": "t"}, ["AKIAANN (option access_key)", "AWS_SESSION_TOKEN", "Take it away"]),
    ({**KEYS, "profile": "plain"}, {"AWS_PROFILE": "plain", "AWS_ACCESS_KEY_ID": "AKIAANN", "AWS_SECRET_ACCESS_KEY": "secret-of-ann"},
     ["plain (AWS_PROFILE)", "`unset AWS_PROFILE` or `unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY`"]),
    ({**KEYS, "profile": "plain"}, {"AWS_PROFILE": "plain"}, ["option access_key and option secret_key", "`unset AWS_PROFILE`."]),
    ({**KEYS, "profile": "plain"}, {}, ["option profile", "leave the options of one of them out"]),
    ({"profile": "nobody"}, {"AWS_PROFILE": "nobody"}, ["no profile nobody (AWS_PROFILE)", "plain", "`aws configure --profile nobody`"]),
    ({"profile": "mfa"}, {"AWS_PROFILE": "mfa"}, ["profile mfa", "arn:aws:iam::123456789012:mfa/ann", "no terminal", "`aws sts assume-role --role-arn",
                                                  "--profile plain`", "aws sts get-session-token --serial-number"]),
    ({"profile": "chained"}, {}, ["profile chained", "arn:aws:iam::123456789012:mfa/ann"]),
])
def test_kind_36_credentials_that_cannot_work_are_refused_with_their_origin(given: dict[str, str], environment: dict[str, str], words: list[str]) -> None:
    (problem,) = Credentials(given, environment).problems()
    assert all(word in problem for word in words), problem
    assert "secret-of" not in problem and "token-of" not in problem


def failed(code: str, message: str = "no", operation: str = "DescribeAlarms") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(("given", "code", "words"), [
    (SESSION, "ExpiredToken", ["the session has expired", "ASIAANN with a session token (option access_key)", "`aws sts get-session-token`"]),
    (SESSION, "RequestExpired", ["the session has expired"]),
    ({"profile": "sso"}, "ExpiredTokenException", ["the profile sso (option profile)", "`aws sso login --profile sso`"]),
    ({"profile": "old-sso"}, "", ["could not be obtained", "`aws sso login --profile old-sso`"]),
    ({"profile": "process"}, "", ["Run the credential_process of the profile process", "~/.aws/config"]),
    ({"profile": "plain"}, "InvalidClientTokenId", ["does not know these credentials", "`aws sts get-caller-identity --profile plain`"]),
    (KEYS, "SignatureDoesNotMatch", ["the secret key is not the one", "AKIAANN", "`aws sts get-caller-identity`"]),
    (KEYS, "AuthFailure", ["check access_key and secret_key"]),
    ({}, "", ["what boto3 finds by itself", "could not be obtained"]),
])
def test_kind_36_what_was_tried_and_what_helps(given: dict[str, str], code: str, words: list[str]) -> None:
    said = told(Credentials(given, {}), code)
    assert all(word in said for word in words), said
    assert "secret-of" not in said and "token-of" not in said


def test_kind_36_without_any_profile_the_ways_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    said = told(Credentials({}, {}), "")
    assert "AWS_ACCESS_KEY_ID" in said and "AWS_PROFILE" in said and "an instance can have a role" in said
    assert "there is none at all" in Credentials({"profile": "nobody"}, {}).problems()[0]


@pytest.mark.parametrize(("error", "is_one"), [
    (failed("ExpiredToken"), True), (failed("SignatureDoesNotMatch"), True), (failed("Throttling"), False), (failed("AccessDenied"), False),
    (NoCredentialsError(), True), (CredentialRetrievalError(provider="custom-process", error_msg="exit 1"), True), (UnauthorizedSSOTokenError(), True),
    (OSError("no route"), False),
])
def test_kind_36_errors_of_credentials_are_told_from_others(error: Exception, is_one: bool) -> None:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    assert concerns(code, error) == is_one


@pytest.mark.parametrize(("error", "action"), [
    (failed("AccessDenied", "User: arn:aws:iam::1:user/u is not authorized to perform: cloudwatch:TagResource on resource: x", "PutMetricAlarm"),
     "cloudwatch:TagResource"),
    (failed("UnauthorizedOperation", "You are not authorized to perform this operation.", "DescribeSecurityGroups"), "ec2:DescribeSecurityGroups"),
    (failed("AccessDeniedException", "denied", "GetApp"), "GetApp"),
])
def test_kind_08_the_action_that_is_not_allowed_is_named(error: ClientError, action: str) -> None:
    assert denied_action(error) == action
