# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail's log of calls: who is named, how each service spells what was asked for, how it is looked up."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from support import sandboxes
from support.caches import api
from support.refusals import refused

pytestmark = pytest.mark.usefixtures("estate")
ONCE = Config(retries={"total_max_attempts": 1}, user_agent_extra="somebody/1.2")
ALARM = {
    "AlarmName": "a", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold", "OKActions": ["arn:aws:sns:us-east-1:123456789012:t"], "Dimensions": [{"Name": "D", "Value": "V"}],
}
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/24", "Description": "TLS"}]}
# Of every event, by recordings; some have more.
KEYS = {
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "requestParameters",
    "responseElements", "requestID", "eventID", "readOnly", "eventType", "managementEvent", "recipientAccountId", "eventCategory",
}


@pytest.fixture(autouse=True)
def many_lookups(sandbox: sandboxes.Sandbox, estate: t.Any) -> None:
    sandbox.settings(lookups_per_second=1000)


def trail(sandbox: sandboxes.Sandbox, **options: t.Any) -> t.Any:
    return sandbox.client("cloudtrail", config=ONCE, **options)


def looked_up(sandbox: sandboxes.Sandbox, key: str, value: str, **options: t.Any) -> list[dict[str, t.Any]]:
    found = trail(sandbox).lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], **options)
    return found["Events"]


def records(sandbox: sandboxes.Sandbox, name: str) -> list[dict[str, t.Any]]:
    """What the events of this name hold, newest first."""
    return [json.loads(event["CloudTrailEvent"]) for event in looked_up(sandbox, "EventName", name)]


def test_an_event_has_the_keys_of_a_recorded_one(sandbox: sandboxes.Sandbox) -> None:
    group = sandbox.estate["cache_security_group_id"]
    sandbox.client("ec2", config=ONCE).authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTPS])
    (event,) = looked_up(sandbox, "ResourceName", group)
    assert {key: type(value) for key, value in event.items()} == {
        "EventId": str, "EventName": str, "ReadOnly": str, "AccessKeyId": str, "EventTime": datetime.datetime, "EventSource": str, "Username": str,
        "Resources": list, "CloudTrailEvent": str,
    }
    assert (event["ReadOnly"], event["Username"], event["EventSource"]) == ("false", "administrator", "ec2.amazonaws.com")
    assert {"ResourceType": "AWS::EC2::SecurityGroup", "ResourceName": group} in event["Resources"]
    record = json.loads(event["CloudTrailEvent"])
    assert record.keys() == KEYS
    assert (record["eventVersion"], record["readOnly"], record["eventType"]) == ("1.09", False, "AwsApiCall")
    assert record["userIdentity"] == {
        "type": "IAMUser", "principalId": record["userIdentity"]["principalId"], "arn": f"arn:aws:iam::{sandbox.estate['account_id']}:user/administrator",
        "accountId": sandbox.estate["account_id"], "accessKeyId": sandbox.estate["administrator_access_key"], "userName": "administrator",
    }
    assert record["userAgent"].endswith("somebody/1.2")
    source = {"ipRanges": {"items": [{"cidrIp": "10.0.0.0/24", "description": "TLS"}]}, "groups": {}, "ipv6Ranges": {}, "prefixListIds": {}}
    assert record["requestParameters"] == {
        "groupId": group, "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, **source}]}
    }
    (rule,) = record["responseElements"].pop("securityGroupRuleSet")["items"]
    assert record["responseElements"] == {"requestId": record["requestID"], "_return": True}
    assert rule == {
        "groupOwnerId": sandbox.estate["account_id"], "groupId": group, "securityGroupRuleId": rule["securityGroupRuleId"], "description": "TLS",
        "isEgress": False, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "10.0.0.0/24",
        "securityGroupRuleArn": rule["securityGroupRuleArn"],
    }


def test_the_flat_form_of_a_rule_and_a_call_that_failed(sandbox: sandboxes.Sandbox) -> None:
    ec2, group = sandbox.client("ec2", config=ONCE), sandbox.estate["cache_security_group_id"]
    flat = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    ec2.authorize_security_group_ingress(**flat)
    ec2.revoke_security_group_ingress(**flat)
    refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, **flat)
    asked_for = {"groupId": group, "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0"}
    assert [record["requestParameters"] for record in records(sandbox, "AuthorizeSecurityGroupIngress")] == [asked_for]
    failed, done = records(sandbox, "RevokeSecurityGroupIngress")
    assert done["requestParameters"] == failed["requestParameters"] == asked_for
    assert done["responseElements"] == {"requestId": done["requestID"], "_return": True}
    assert (failed["errorCode"], failed["responseElements"]) == ("Client.InvalidPermission.NotFound", None)
    assert failed.keys() - KEYS == {"errorCode", "errorMessage"}


def test_later_calls_on_rules_have_capitals_and_nest_twice(sandbox: sandboxes.Sandbox) -> None:
    ec2, group = sandbox.client("ec2"), sandbox.estate["cache_security_group_id"]
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTPS])["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    changed = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0", "Description": "x"}
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": changed}])
    (record,) = records(sandbox, "ModifySecurityGroupRules")
    assert record["requestParameters"] == {
        "ModifySecurityGroupRulesRequest": {"GroupId": group, "SecurityGroupRule": {"SecurityGroupRuleId": rule, "SecurityGroupRule": changed}}
    }
    assert record["responseElements"] == {"ModifySecurityGroupRulesResponse": {"return": True}}


def test_how_other_services_spell_what_was_asked_for(sandbox: sandboxes.Sandbox) -> None:
    sandbox.client("cloudwatch").put_metric_alarm(**ALARM)
    sandbox.client("cloudwatch").disable_alarm_actions(AlarmNames=["a"])
    sandbox.client("amplify").update_branch(appId=sandbox.estate["app_id"], branchName="main", environmentVariables={"Some_Name": "v"})
    sandbox.client("rds").modify_db_instance(DBInstanceIdentifier=sandbox.estate["database"]["identifier"], MasterUserPassword="not-to-be-shown")
    (alarm,) = records(sandbox, "PutMetricAlarm")
    assert alarm["eventSource"] == "monitoring.amazonaws.com"
    assert {"alarmName": "a", "metricName": "m", "threshold": 1.0, "period": 60}.items() <= alarm["requestParameters"].items()
    assert alarm["requestParameters"]["dimensions"] == [{"name": "D", "value": "V"}]
    assert records(sandbox, "DisableAlarmActions")[0]["requestParameters"] == {"alarmNames": ["a"]}
    (branch,) = records(sandbox, "UpdateBranch")
    assert branch["requestParameters"] == {"appId": sandbox.estate["app_id"], "branchName": "main", "environmentVariables": {"Some_Name": "v"}}
    (database,) = records(sandbox, "ModifyDBInstance")
    assert database["requestParameters"] == {"dBInstanceIdentifier": sandbox.estate["database"]["identifier"], "masterUserPassword": "****"}


def test_a_call_that_was_denied_keeps_nothing_of_what_it_asked_for(sandbox: sandboxes.Sandbox) -> None:
    denied = sandbox.client(
        "cloudwatch", aws_access_key_id=sandbox.estate["limiter_access_key"], aws_secret_access_key=sandbox.estate["limiter_secret_key"]
    )
    refused("AccessDeniedException", denied.put_metric_alarm, **ALARM)
    with sandbox.fault("throttle", service="cloudwatch", rate=0):
        refused("Throttling", sandbox.client("cloudwatch", config=ONCE).put_metric_alarm, **ALARM)
    throttled, forbidden = records(sandbox, "PutMetricAlarm")
    for record, code, user in ((forbidden, "AccessDenied", "limiter"), (throttled, "Throttling", "administrator")):
        assert record["errorCode"].startswith(code) and record["userIdentity"]["userName"] == user
        assert record["requestParameters"] is record["responseElements"] is None


def test_a_session_is_named_by_its_role_and_itself(sandbox: sandboxes.Sandbox) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    iam, everything = sandbox.client("iam"), {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": "*"}]}
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="ci", PolicyName="policy", PolicyDocument=json.dumps(everything))
    made = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="nightly")["Credentials"]
    keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"], "aws_session_token": made["SessionToken"]}
    sandbox.client("cloudwatch", **keys).put_metric_alarm(**ALARM)
    (event,) = looked_up(sandbox, "EventName", "PutMetricAlarm")
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert (event["Username"], identity["type"]) == ("nightly", "AssumedRole")
    assert identity["arn"].endswith(":assumed-role/ci/nightly")
    assert {"type": "Role", "arn": role, "userName": "ci"}.items() <= identity["sessionContext"]["sessionIssuer"].items()


def test_looking_up_by_attribute_time_and_page(sandbox: sandboxes.Sandbox) -> None:
    cloudwatch, client = sandbox.client("cloudwatch"), trail(sandbox)
    for number in range(7):
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": f"a{number}"})
    by_name = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "PutMetricAlarm"}]}
    first = client.lookup_events(**by_name, MaxResults=3)
    cloudwatch.put_metric_alarm(**ALARM)
    pages, token = [first], first["NextToken"]
    while token:
        pages.append(client.lookup_events(**by_name, MaxResults=3, NextToken=token))
        token = pages[-1].get("NextToken")
    names = [json.loads(event["CloudTrailEvent"])["requestParameters"]["alarmName"] for page in pages for event in page["Events"]]
    assert names == [f"a{number}" for number in reversed(range(7))]
    assert [len(page["Events"]) for page in pages] == [3, 3, 1]
    assert len(looked_up(sandbox, "Username", "administrator")) == len(looked_up(sandbox, "AccessKeyId", sandbox.estate["administrator_access_key"])) == 8
    assert looked_up(sandbox, "EventName", "PutMetricAlarms") == looked_up(sandbox, "ResourceName", "sg-0") == []
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    assert looked_up(sandbox, "EventName", "PutMetricAlarm", StartTime=soon) == []
    assert looked_up(sandbox, "EventName", "PutMetricAlarm", EndTime=soon - datetime.timedelta(hours=1)) == []
    token = {"NextToken": first["NextToken"]}
    refused("InvalidNextTokenException", client.lookup_events, **token)
    refused("InvalidNextTokenException", client.lookup_events, NextToken="x")
    refused("InvalidLookupAttributesException", client.lookup_events, LookupAttributes=[*by_name["LookupAttributes"]] * 2)
    refused("InvalidTimeRangeException", client.lookup_events, StartTime=soon, EndTime=soon - datetime.timedelta(hours=1))


def test_lookups_beyond_the_rate_are_refused_and_events_come_late(sandbox: sandboxes.Sandbox) -> None:
    sandbox.client("cloudwatch").put_metric_alarm(**ALARM)
    sandbox.settings(event_delay_seconds=3600)
    assert looked_up(sandbox, "EventName", "PutMetricAlarm") == []
    sandbox.settings(event_delay_seconds=0, lookups_per_second=0)
    with pytest.raises(ClientError) as caught:
        trail(sandbox).lookup_events()
    assert (caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("ThrottlingException", 400)


def test_reads_and_data_are_no_events_and_a_reset_forgets(sandbox: sandboxes.Sandbox) -> None:
    api(sandbox, "ec2").describe_security_groups()
    sandbox.client("s3").put_object(Bucket="huntaze-beta-assets", Key="k", Body=b"v")
    sandbox.client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
    assert trail(sandbox).lookup_events()["Events"] == []
    sandbox.client("cloudwatch").put_metric_alarm(**ALARM)
    assert len(trail(sandbox).lookup_events()["Events"]) == 1
    sandbox.reset()
    assert trail(sandbox).lookup_events()["Events"] == []


def test_the_history_of_alarms_also_of_those_that_are_gone(sandbox: sandboxes.Sandbox) -> None:
    cloudwatch = sandbox.client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.put_metric_alarm(**{**ALARM, "Threshold": 2.0})
    cloudwatch.put_composite_alarm(AlarmName="c", AlarmRule="ALARM(a)")
    stamp = cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]["AlarmConfigurationUpdatedTimestamp"]
    cloudwatch.delete_alarms(AlarmNames=["c"])
    cloudwatch.delete_alarms(AlarmNames=["a"])
    items = cloudwatch.describe_alarm_history(AlarmName="a", HistoryItemType="ConfigurationUpdate")["AlarmHistoryItems"]
    assert [json.loads(item["HistoryData"])["type"] for item in items] == ["Delete", "Update", "Create"]
    created = json.loads(items[-1]["HistoryData"])["createdAlarm"]
    assert {"alarmName": "a", "threshold": 1.0, "okactions": ALARM["OKActions"]}.items() <= created.items()
    assert abs((items[1]["Timestamp"] - stamp).total_seconds()) < 1
    every = [cloudwatch.describe_alarm_history(AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=2, ScanBy="TimestampAscending")]
    while every[-1].get("NextToken"):
        token = every[-1]["NextToken"]
        every.append(cloudwatch.describe_alarm_history(
            AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=2, ScanBy="TimestampAscending", NextToken=token))
    assert [item["AlarmName"] for page in every for item in page["AlarmHistoryItems"]] == ["a", "a", "c", "c", "a"]
    assert [item["AlarmName"] for item in cloudwatch.describe_alarm_history()["AlarmHistoryItems"]] == ["a", "a", "a"]
