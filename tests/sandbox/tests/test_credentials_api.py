# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: callers are known by their keys and held to their policies, and each service refuses in its own words."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
import urllib.error
import urllib.request

import pytest
from support import sandboxes
from botocore.config import Config
from botocore.exceptions import ClientError
from support.caches import api
from support.refusals import refused

pytestmark = pytest.mark.usefixtures("estate")
RULE = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}]
ALARM = {"AlarmName": "a", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
         "ComparisonOperator": "GreaterThanThreshold"}
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}


def allowing(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": list(actions)}]})


def called_by(sandbox: sandboxes.Sandbox, service: str, user: str = "", **options: t.Any) -> t.Any:
    """A client of the deployment's caller, or of another user of the estate."""
    keys = {"aws_access_key_id": sandbox.estate[f"{user}access_key"], "aws_secret_access_key": sandbox.estate[f"{user}secret_key"]}
    return sandbox.client(service, **{**keys, "config": Config(retries={"total_max_attempts": 1}), **options})


def answer_to(call: t.Callable[..., t.Any], **parameters: t.Any) -> tuple[int, str, str]:
    """Status, code and message of the error that AWS answers the call with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


# Keys

CALLS = [
    ("sts", "get_caller_identity"), ("elasticache", "describe_cache_clusters"), ("rds", "describe_db_instances"), ("ec2", "describe_security_groups"),
    ("secretsmanager", "list_secrets"), ("ssm", "describe_parameters"), ("s3", "list_buckets"), ("amplify", "list_apps"),
    ("cloudwatch", "describe_alarms"),
]
UNKNOWN = {
    "sts": (403, "InvalidClientTokenId"), "elasticache": (403, "InvalidClientTokenId"), "rds": (403, "InvalidClientTokenId"), "ec2": (401, "AuthFailure"),
    "secretsmanager": (400, "UnrecognizedClientException"), "ssm": (400, "UnrecognizedClientException"), "s3": (403, "InvalidAccessKeyId"),
    "amplify": (403, "UnrecognizedClientException"), "cloudwatch": (400, "UnrecognizedClientException"),
}
EXPIRED = {"ec2": "RequestExpired", **dict.fromkeys(("sts", "elasticache", "rds", "s3"), "ExpiredToken"),
           **dict.fromkeys(("secretsmanager", "ssm", "amplify", "cloudwatch"), "ExpiredTokenException")}


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_kind_08_only_keys_of_the_estate_are_known(sandbox: sandboxes.Sandbox, service: str, operation: str) -> None:
    status, code, dummy = answer_to(getattr(called_by(sandbox, service, aws_access_key_id="AKIAUNKNOWN000000000"), operation))
    assert (status, code) == UNKNOWN[service]
    getattr(api(sandbox, service), operation)()


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_kind_08_their_secret_key_is_needed_too(sandbox: sandboxes.Sandbox, service: str, operation: str) -> None:
    call = getattr(called_by(sandbox, service, aws_secret_access_key="not-the-secret-key"), operation)
    assert answer_to(call)[:2] == (403, "SignatureDoesNotMatch")


def session_keys(sandbox: sandboxes.Sandbox, seconds: int) -> dict[str, str]:
    """Keys of a session in a role that may do everything of ElastiCache; AWS's shortest are of a quarter of an hour."""
    iam, sts = sandbox.client("iam"), sandbox.client("sts", config=Config(parameter_validation=False))
    role = iam.create_role(RoleName="deployers", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="deployers", PolicyName="policy", PolicyDocument=allowing("elasticache:*"))
    made = sts.assume_role(RoleArn=role, RoleSessionName="ann", DurationSeconds=seconds)["Credentials"]
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"], "aws_session_token": made["SessionToken"]}


def test_kind_08_a_session_has_its_roles_policy(sandbox: sandboxes.Sandbox) -> None:
    keys = session_keys(sandbox, 900)
    called_by(sandbox, "elasticache", **keys).describe_cache_clusters()
    message = answer_to(called_by(sandbox, "rds", **keys).describe_db_instances)[2]
    assert message.startswith("User: arn:aws:sts::123456789012:assumed-role/deployers/ann is not authorized to perform: rds:DescribeDBInstances on ")
    refused("InvalidClientTokenId", called_by(sandbox, "elasticache", **keys | {"aws_session_token": "another"}).describe_cache_clusters)


def test_kind_08_an_expired_session_is_refused_in_each_services_words(sandbox: sandboxes.Sandbox) -> None:
    keys = session_keys(sandbox, 1)
    time.sleep(1)
    for service, operation in CALLS:
        assert answer_to(getattr(called_by(sandbox, service, **keys), operation))[1] == EXPIRED[service]


def test_requests_without_a_signature_are_refused(sandbox: sandboxes.Sandbox) -> None:
    for path in ("/", "/moto-api/data.json", "/huntaze-beta-assets/key"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(sandbox.estate["endpoint_url"] + path)
        assert caught.value.code == 403 and b"MissingAuthenticationToken" in caught.value.read()


def test_the_account_and_the_bucket(sandbox: sandboxes.Sandbox) -> None:
    assert api(sandbox, "sts").get_caller_identity()["Account"] == sandbox.estate["account_id"]
    assert [bucket["Name"] for bucket in api(sandbox, "s3").list_buckets()["Buckets"]] == ["huntaze-beta-assets"]
    api(sandbox, "s3").put_object(Bucket="huntaze-beta-assets", Key="a b/ü", Body=b"content")
    assert api(sandbox, "s3").get_object(Bucket="huntaze-beta-assets", Key="a b/ü")["Body"].read() == b"content"


# Policies


def test_kind_08_the_caller_of_a_deployment_has_the_policy_of_the_readme(sandbox: sandboxes.Sandbox) -> None:
    granted = api(sandbox, "iam").get_user_policy(UserName="deployer", PolicyName="policy")["PolicyDocument"]
    assert json.dumps(granted, sort_keys=True) in [
        json.dumps(json.loads(block.partition("```")[0]), sort_keys=True)
        for block in (sandboxes.REPOSITORY / "README.md").read_text().split("```json\n")[1:]
    ]
    assert called_by(sandbox, "sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/deployer"


@pytest.mark.parametrize(("service", "operation", "parameters", "status", "code", "message"), [
    ("ec2", "describe_images", {}, 403, "UnauthorizedOperation",
     "You are not authorized to perform this operation. User: USER is not authorized to perform: ec2:DescribeImages "
     "because no identity-based policy allows the ec2:DescribeImages action"),
    ("elasticache", "delete_cache_cluster", {"CacheClusterId": "c"}, 403, "AccessDenied",
     "User: USER is not authorized to perform: elasticache:DeleteCacheCluster on resource: arn:aws:elasticache:us-east-1:123456789012:* "
     "because no identity-based policy allows the elasticache:DeleteCacheCluster action"),
    ("rds", "describe_db_snapshots", {}, 403, "AccessDenied", "User: USER is not authorized to perform: rds:DescribeDBSnapshots on "),
    ("amplify", "delete_app", {"appId": "d123"}, 403, "AccessDeniedException", "User: USER is not authorized to perform: amplify:DeleteApp on "),
    ("cloudwatch", "set_alarm_state", {"AlarmName": "a", "StateValue": "OK", "StateReason": "r"}, 400, "AccessDeniedException",
     "User: USER is not authorized to perform: cloudwatch:SetAlarmState on "),
    ("ssm", "describe_parameters", {}, 400, "AccessDeniedException", "User: USER is not authorized to perform: ssm:DescribeParameters on "),
])
def test_kind_08_each_service_denies_in_its_own_words(
    sandbox: sandboxes.Sandbox, service: str, operation: str, parameters: dict[str, t.Any], status: int, code: str, message: str
) -> None:
    answer = answer_to(getattr(called_by(sandbox, service), operation), **parameters)
    assert answer[:2] == (status, code)
    assert answer[2].startswith(message.replace("USER", "arn:aws:iam::123456789012:user/deployer"))


def test_kind_08_the_limiter_hosts_may_publish_and_nothing_else(sandbox: sandboxes.Sandbox) -> None:
    cloudwatch = called_by(sandbox, "cloudwatch", "limiter_")
    cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
    refused("AccessDeniedException", cloudwatch.describe_alarms)
    refused("AccessDenied", called_by(sandbox, "elasticache", "limiter_").describe_cache_clusters)


TAG = {"Key": "k", "Value": "v"}


@pytest.mark.parametrize(("service", "operation", "parameters", "tags", "tagging"), [
    ("ec2", "authorize_security_group_ingress", {"GroupId": "GROUP", "IpPermissions": RULE},
     {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": [TAG]}]}, "ec2:CreateTags"),
    ("cloudwatch", "put_metric_alarm", ALARM, {"Tags": [TAG]}, "cloudwatch:TagResource"),
    ("elasticache", "create_snapshot", {"SnapshotName": "s", "CacheClusterId": "nobody"}, {"Tags": [TAG]}, "elasticache:AddTagsToResource"),
    ("amplify", "create_app", {"name": "n"}, {"tags": {"k": "v"}}, "amplify:TagResource"),
])
def test_kind_08_creating_with_tags_takes_the_action_that_tags(
    sandbox: sandboxes.Sandbox, service: str, operation: str, parameters: dict[str, t.Any], tags: dict[str, t.Any], tagging: str
) -> None:
    own = f"{service}:{''.join(word.title() for word in operation.split('_'))}"
    api(sandbox, "iam").put_user_policy(UserName="deployer", PolicyName="policy", PolicyDocument=allowing(own))
    parameters = {name: sandbox.estate["cache_security_group_id"] if value == "GROUP" else value for name, value in parameters.items()}
    call = getattr(called_by(sandbox, service), operation)
    assert f"is not authorized to perform: {tagging} " in answer_to(call, **parameters, **tags)[2]
    try:
        call(**parameters)
    except ClientError as error:
        assert "NotFound" in error.response["Error"]["Code"] or "Invalid" in error.response["Error"]["Code"], error


def test_kind_08_an_explicit_deny_wins_and_anybody_may_ask_who_they_are(sandbox: sandboxes.Sandbox) -> None:
    denying = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": "*"},
                                                      {"Effect": "Deny", "Resource": "*", "Action": ["rds:*", "sts:*"]}]}
    api(sandbox, "iam").put_user_policy(UserName="deployer", PolicyName="policy", PolicyDocument=json.dumps(denying))
    called_by(sandbox, "elasticache").describe_cache_clusters()
    refused("AccessDenied", called_by(sandbox, "rds").describe_db_instances)
    called_by(sandbox, "sts").get_caller_identity()


def test_a_denied_call_changes_nothing_and_a_reset_brings_the_policy_back(sandbox: sandboxes.Sandbox) -> None:
    api(sandbox, "iam").put_user_policy(UserName="deployer", PolicyName="policy", PolicyDocument=allowing("ec2:Describe*"))
    group = sandbox.estate["cache_security_group_id"]
    refused("UnauthorizedOperation", called_by(sandbox, "ec2").authorize_security_group_ingress, GroupId=group, IpPermissions=RULE)
    assert api(sandbox, "ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"] == []
    sandbox.reset()
    called_by(sandbox, "ec2").authorize_security_group_ingress(GroupId=sandbox.estate["cache_security_group_id"], IpPermissions=RULE)


def test_the_shell_has_the_keys_of_a_deployment_or_of_the_administrator(sandbox: sandboxes.Sandbox) -> None:
    for arguments, user in (["--shell"], ""), (["--shell", "--administrator"], "administrator_"):
        said = sandbox.command("status", *arguments).stdout
        script = 'eval "$1"; echo "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"'
        told = subprocess.run(["sh", "-c", script, "sh", said], capture_output=True, text=True, check=True)
        assert told.stdout.split() == [sandbox.estate[f"{user}access_key"], sandbox.estate[f"{user}secret_key"]]
