# SPDX-License-Identifier: GPL-3.0-or-later
"""elasticache_auth against the sandbox: real connections say where a cache has got to, not the module."""

from __future__ import annotations

import os
import re
import secrets
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from botocore.exceptions import ClientError
from support import strange_servers
from support.waiting import until

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import Answer
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import live
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import SET, Tag
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import fingerprint

CLUSTER, GROUP, TAG = "huntaze-redis-production", "huntaze-redis", "huntaze:auth-token"
DESCRIBES = {"DescribeCacheClusters": 1, "DescribeReplicationGroups": 1, "ListTagsForResource": 1, "DescribeCacheSubnetGroups": 1}
ACTIVATION = [
    "Take the snapshot huntaze-redis-production-before-huntaze-redis of the cache cluster huntaze-redis-production",
    "Promote the cache cluster huntaze-redis-production to the replication group huntaze-redis",
    "Replication group huntaze-redis: offer TLS beside plain text",
    "Replication group huntaze-redis: require TLS and refuse plain text",
    "Replication group huntaze-redis: accept the token beside what was accepted before (AUTH, ROTATE)",
    "Replication group huntaze-redis: accept only the token (AUTH, SET)",
    "Replication group huntaze-redis: note in the tag huntaze:auth-token that the token is the only one",
]
ROTATION = ACTIVATION[4:]


def new_token():
    return f"canary-{secrets.token_hex(16)}"


def changing(sandbox):
    calls = {name.split(".")[1]: count for name, count in sandbox.calls().items()}
    return {name: count for name, count in calls.items() if not name.startswith(("Describe", "List"))}


class Cache:
    """The guide's cache, through the module and through eyes that are not the module's."""

    def __init__(self, sandbox, run_module):
        self.sandbox, self._run_module = sandbox, run_module
        self.aws = sandbox.client("elasticache")
        self.clients = []
        estate = sandbox.estate
        sandbox.client("ec2").authorize_security_group_ingress(
            GroupId=estate["cache_security_group_id"],
            IpPermissions=[{
                "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [{"GroupId": estate["limiter_security_group_id"]}],
            }],
        )

    def run(self, check=False, kill_after=None, **args):
        """The module, looking at the tag alone unless told otherwise."""
        self.sandbox.control.forget_calls()
        args = {"name": CLUSTER, "replication_group_id": GROUP, "probe": False, "wait_timeout": 30, **args}
        args = {option: value for option, value in args.items() if value is not None}
        result = self._run_module("elasticache_auth", args, check=check, kill_after=kill_after)
        assert "canary" not in result.output
        return result

    def looking(self, check=False, **args):
        return self.run(check, probe=True, tls_ca_file=self.sandbox.estate["ca_file"], **args)

    def ok(self, **args):
        result = self.run(**args)
        assert result.rc == 0, result.output
        return result

    def close(self, token, **args):
        """Bring the cache to take this token only."""
        return self.ok(transit_encryption_mode="required", auth_token=token, **args)

    @property
    def group(self):
        return self.aws.describe_replication_groups(ReplicationGroupId=GROUP)["ReplicationGroups"][0]

    def settled(self):
        return until(lambda: next((group for group in [self.group] if group["Status"] == "available"), None), what="an available group")

    def by_hand(self, **parameters):
        """Somebody else's doing."""
        self.settled()
        self.aws.modify_replication_group(ReplicationGroupId=GROUP, ApplyImmediately=True, **parameters)
        return self.settled()

    def rotate_by_hand(self, token, *strategies):
        for strategy in strategies:
            self.by_hand(AuthToken=token, AuthTokenUpdateStrategy=strategy)

    @property
    def tag(self):
        self.settled()
        tags = self.aws.list_tags_for_resource(ResourceName=self.group["ARN"])["TagList"]
        return next((tag["Value"] for tag in tags if tag["Key"] == TAG), None)

    def retag(self, value):
        self.settled()
        self.aws.add_tags_to_resource(ResourceName=self.group["ARN"], Tags=[{"Key": TAG, "Value": value}])
        self.settled()

    def note(self, token):
        """As a run does that has made the token the only one."""
        self.retag(str(Tag(SET, fingerprint(token), self.settled()["AuthTokenLastModifiedDate"].isoformat())))

    def strip_tag(self):
        self.settled()
        self.aws.remove_tags_from_resource(ResourceName=self.group["ARN"], TagKeys=[TAG])
        self.settled()

    def client(self, password=None, *, tls=True, address=None):
        if address is None:
            group = self.settled()
            address = (group.get("ConfigurationEndpoint") or group["NodeGroups"][0]["PrimaryEndpoint"])["Address"]
        client = self.sandbox.redis(address, password, tls=tls, protocol=2)
        self.clients.append(client)
        return client

    def accepts(self, password=None, **options):
        try:
            return self.client(password, **options).ping()
        except redis.AuthenticationError as error:
            assert re.search("NOAUTH|WRONGPASS|invalid|required|without any password", str(error), re.IGNORECASE)
            return False

    def takes_only(self, token):
        return self.accepts(token) and not self.accepts() and not self.accepts("another-token-0123456789")


@pytest.fixture
def cache(sandbox, estate, run_module):
    cache = Cache(sandbox, run_module)
    yield cache
    for client in cache.clients:
        client.close()


@pytest.fixture
def make_group(sandbox, cache):
    """Make the group by hand; runs of the module are on it then."""

    def make(engine="redis 7.1", **more):
        name, version = engine.split()
        cache.aws.create_replication_group(
            ReplicationGroupId=GROUP, ReplicationGroupDescription="test", Engine=name, EngineVersion=version, CacheNodeType="cache.t3.micro",
            CacheSubnetGroupName="huntaze-cache", SecurityGroupIds=[sandbox.estate["cache_security_group_id"]], **more,
        )
        cache.settled()
        run = cache.run
        cache.run = lambda *args, **options: run(*args, **{"name": GROUP, **options})

    return make


@pytest.fixture
def closed(request, make_group):
    """A group that takes one token only, made by somebody else, and that token. A test's parameter `engine` is its engine."""
    token = new_token()
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    make_group(parameters.get("engine", "redis 7.1"), TransitEncryptionEnabled=True, AuthToken=token)
    return token


def same(announced, done):
    """Whether a run made what check mode announced. What only a run could know is known now, and may turn out to be as before."""
    def told(result):
        assert all(difference["before"] != difference["after"] for difference in result["differences"])
        return [{(name, field): value for name, fields in result["diff"][when].items() for field, value in fields.items()} for when in ("before", "after")]

    (before, after), (before_done, after_done) = told(announced), told(done)
    to_come = {key for key, value in after.items() if value == "(known after apply)"}
    assert after.keys() - to_come <= after_done.keys() <= after.keys() and "(known after apply)" not in after_done.values()
    assert all(after_done[key] == after[key] for key in after.keys() - to_come)
    assert before_done == {key: value for key, value in before.items() if key in after_done}
    return announced["steps"] == done["steps"]


def test_the_guides_cache_to_the_end_and_then_nothing(sandbox, cache):
    token = new_token()
    plain = sandbox.address("1.10")
    cache.client(tls=False, address=plain).set("survives", "everything")
    announced = cache.close(token, check=True)
    assert announced["steps"] == ACTIVATION and announced["changed"] and changing(sandbox) == {}
    assert announced["cache"]["endpoints"]["primary"] == {"address": "(known after apply)", "port": 6379}
    assert announced["diff"]["after"][f"cache {GROUP}"]["auth_token_last_modified_date"] == "(known after apply)"

    done = cache.close(token)
    assert (done["steps"], done["changed"], done["left"]) == (ACTIVATION, True, [])
    assert same(announced, done)
    assert changing(sandbox) == {"CreateSnapshot": 1, "CreateReplicationGroup": 1, "ModifyReplicationGroup": 4, "AddTagsToResource": 1}
    assert cache.aws.describe_snapshots()["Snapshots"][0]["SnapshotStatus"] == "available"
    endpoints = done["cache"]["endpoints"]
    assert endpoints["primary"]["address"] == cache.group["NodeGroups"][0]["PrimaryEndpoint"]["Address"] != plain
    assert done["cache"]["vpc_id"] == sandbox.estate["vpc_id"]
    assert cache.takes_only(token)
    assert cache.client(token).get("survives") == b"everything"
    with pytest.raises(redis.TimeoutError):
        cache.client(tls=False).ping()
    with pytest.raises(redis.ConnectionError, match="refused"):
        cache.client(tls=False, address=plain).ping()
    assert token not in cache.tag and len(cache.tag) <= 256

    again = cache.close(token)
    assert (again["changed"], again["steps"], again["cache"]) == (False, [], done["cache"])
    assert again["evidence"]["source"] == "tag"
    assert (again["differences"], again["diff"]) == ([], {"before": {}, "after": {}})
    assert {name.split(".")[1]: count for name, count in sandbox.calls().items()} == DESCRIBES


def test_one_point_after_the_other(cache):
    """Announced, reached, kept: at every point that stages name, in the order they name them."""
    token, plain = new_token(), cache.sandbox.address("1.10")
    points = [
        ({"snapshot": False, "transit_encryption_mode": "preferred"}, 2,
         lambda: cache.accepts() and cache.accepts(tls=False) and cache.accepts(tls=False, address=plain)),
        ({"transit_encryption_mode": "required"}, 1, lambda: cache.accepts()),
        ({"auth_token": token, "auth_token_update_strategy": "ROTATE"}, 2, lambda: cache.accepts() and cache.accepts(token)),
        ({"auth_token": token}, 2, lambda: cache.takes_only(token)),
        ({"auth_token": token, "auth_token_update_strategy": "ROTATE"}, 0, lambda: cache.takes_only(token)),
    ]
    for point, steps, holds in points:
        announced = cache.ok(check=True, **point)
        assert len(announced["steps"]) == steps
        assert same(announced, cache.ok(**point)) and holds()


def test_a_life_killed_after_every_call_in_turn_ends_where_it_should_and_shuts_nobody_out(sandbox, cache):
    """Every call of an activation is the last of one run: the steps of a token with those that only the run that made them can note."""
    token, closing = new_token(), {"transit_encryption_mode": "required"}
    for last in (1, 1, 1, 1, 1, 2, 3):
        killed = cache.run(auth_token=token, kill_after=last, **closing)
        assert killed.killed and sum(changing(sandbox).values()) == last
    done = cache.close(token)
    # What was done to the token and not noted yet is done again.
    assert done["steps"] in ([], ROTATION)
    assert cache.takes_only(token)
    with pytest.raises(redis.ConnectionError, match="refused"):
        cache.client(tls=False, address=sandbox.address("1.10")).ping()
    assert len(cache.aws.describe_snapshots()["Snapshots"]) == 1

    new = new_token()
    assert cache.run(auth_token=new, auth_token_update_strategy="ROTATE", kill_after=1).killed
    assert cache.looking(auth_token=new, auth_token_update_strategy="ROTATE").rc == 0
    assert cache.accepts(new) and cache.accepts(token) and not cache.accepts()
    with sandbox.fault("throttle", service="elasticache", operation="mutating", rate=0, times=4):
        assert cache.run(auth_token=new)["steps"] == ROTATION
    assert cache.takes_only(new) and not cache.accepts(token)
    assert cache.looking(auth_token=new)["steps"] == []


def test_a_token_rotated_behind_our_back_is_found_and_put_right(cache, closed):
    cache.note(closed)
    for run, strategies in ((cache.looking, ["ROTATE"]), (cache.run, ["ROTATE"]), (cache.run, ["ROTATE", "SET"])):
        stranger = new_token()
        cache.rotate_by_hand(stranger, *strategies)
        announced = run(auth_token=closed, check=True)
        done = run(auth_token=closed)
        assert announced["steps"] == done["steps"] == ROTATION
        assert "rotated elsewhere" in done["evidence"]["reason"]
        assert done["evidence"]["source"] == ("connection" if run == cache.looking else "tag")
        assert cache.takes_only(closed) and not cache.accepts(stranger)


def unreachable(cache):
    """From now on no packet of the host that runs the module reaches the cache."""
    ec2, group = cache.sandbox.client("ec2"), cache.sandbox.estate["cache_security_group_id"]
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"] for rule in rules if rule["GroupId"] == group and not rule["IsEgress"]]
    )


def redis_cli(cache, token):
    """What redis-cli gets from the cache with a token, as an application would."""
    address = cache.settled()["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    asked = subprocess.run(
        ["redis-cli", "-h", address, "--tls", "--cacert", cache.sandbox.estate["ca_file"], "--no-auth-warning", "PING"],
        env={**os.environ, "REDISCLI_AUTH": token}, capture_output=True, text=True, timeout=60, check=False,
    )
    return asked.stdout.strip().splitlines()[-1:] == ["PONG"]


@pytest.mark.parametrize(("tag", "engine"), [("right", "redis 7.1"), ("foreign", "valkey 7.2"), ("stripped", "valkey 8.0")])
def test_kind_01_no_former_token_is_alive_after_set(sandbox, cache, closed, tag, engine):
    """Whatever the tag says, whichever tokens are alive, and whether the cache can be asked: redis-cli tells."""
    sandbox.settings(transition_seconds=0.05, tagging_seconds=0.05)
    for number, alive in enumerate(("one", "two", "none", "former"), start=tag == "foreign"):
        reaches = number % 2 == 0
        token, former = new_token(), new_token()
        cache.rotate_by_hand(former, "ROTATE", "SET")
        cache.rotate_by_hand(token, *{"one": ["ROTATE", "SET"], "two": ["ROTATE"]}.get(alive, ["ROTATE", "SET"] if tag == "right" else []))
        if tag == "right":
            cache.note(token)
            cache.rotate_by_hand(former, *{"none": ["ROTATE", "SET"], "former": ["ROTATE", "SET"], "two": ["ROTATE"]}.get(alive, []))
        if tag == "foreign":
            cache.retag("v2/set/somebody/elses")
        if tag == "stripped":
            cache.strip_tag()
        if alive == "none":
            cache.rotate_by_hand(new_token(), "ROTATE", "SET")
        steps = [] if (tag, alive) == ("right", "one") else ROTATION
        if reaches and alive in ("one", "two"):
            assert cache.looking(auth_token=token, check=True)["steps"] == steps
        done = (cache.looking if reaches else cache.run)(auth_token=token)
        assert done["steps"] == steps
        assert (redis_cli(cache, token), redis_cli(cache, former), cache.accepts()) == (True, False, False)
        assert cache.tag.startswith("v2/set/")
        assert ("was not asked, as probe is false" in done["evidence"]["reason"]) == (not reaches)


def test_a_stripped_tag_is_rotated_over_where_the_cache_cannot_be_asked(cache, closed):
    cache.note(closed)
    cache.strip_tag()
    unreachable(cache)
    done = cache.looking(auth_token=closed, probe_timeout=0.5)
    assert done["steps"] == ROTATION
    assert done["evidence"]["source"] == "none"
    assert "missing" in done["evidence"]["reason"] and "within 0.5 seconds (timeout)" in done["evidence"]["reason"]
    assert "security group" in done["evidence"]["reason"]


def test_a_connection_decides_against_tag_and_date(cache, closed):
    cache.note(closed)
    stranger = new_token()
    cache.rotate_by_hand(stranger, "ROTATE", "SET")
    date = cache.group["AuthTokenLastModifiedDate"].isoformat()
    cache.retag("/".join([*cache.tag.split("/")[:4], date]))
    assert cache.run(auth_token=closed)["steps"] == []
    done = cache.looking(auth_token=closed)
    assert done["steps"] == ROTATION
    assert "refuses the token" in done["evidence"]["reason"]
    assert cache.takes_only(closed)


def test_the_token_is_not_sent_where_the_certificate_is_not_trusted(cache, closed):
    cache.note(closed)
    done = cache.run(auth_token=closed, probe=True)
    assert (done["steps"], done["evidence"]["source"]) == ([], "tag")
    assert "(certificate)" in done["evidence"]["reason"] and "tls_ca_file must hold the certificate of the CA" in done["evidence"]["reason"]


@pytest.fixture
def ask_strange(sandbox):
    """Ask a cache that is none, but has a certificate that is trusted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sandbox.state / "server.pem", sandbox.state / "server.key")

    class Server(strange_servers.StrangeServer):
        host = sandbox.address("1.200")

    def ask(behave, timeout=1.0):
        server = Server(lambda connection: behave(context.wrap_socket(connection, server_side=True)))
        try:
            endpoint = {"address": server.host, "port": server.port}
            return live.ask(endpoint, new_token(), sandbox.estate["ca_file"], timeout)
        finally:
            server.close()

    return ask


def test_a_cache_that_takes_any_password_proves_nothing(ask_strange):
    assert ask_strange(strange_servers.echoing(lambda heard: b"+PONG\r\n" if b"PING" in heard else b"+OK\r\n"))[0] == Answer(accepted=None, required=False)


@pytest.mark.parametrize(
    ("behave", "trouble", "reason"),
    [
        (strange_servers.silent, "no_answer", "within 0.7 seconds"),
        (strange_servers.trickling(b"+"), "no_answer", "within 0.7 seconds"),
        (strange_servers.closing, "reset", "closed the connection"),
        (strange_servers.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "protocol", "not what Redis says"),
        (strange_servers.saying(b"-LOADING Redis is loading the dataset in memory\r\n"), "busy", "LOADING"),
        (strange_servers.echoing(lambda heard: b"-ERR " + heard.replace(b"\r\n", b" ") + b"\r\n"), "rejected", "refuses"),
    ],
)
def test_kind_26_asking_ends_in_time_and_tells_the_class_and_no_secret(ask_strange, behave, trouble, reason):
    begin = time.monotonic()
    look, found, why = ask_strange(behave, timeout=0.7)
    assert time.monotonic() - begin < 20
    assert (look, found) == (None, trouble) and f"({trouble})" in why and reason in why
    assert "canary" not in why


def test_kind_01_a_lost_answer_proves_nothing(sandbox, cache):
    token, rotate = new_token(), ROTATION[0]
    for operation, times in (("CreateSnapshot", 1), ("CreateReplicationGroup", 1), ("ModifyReplicationGroup", 3), ("AddTagsToResource", 1)):
        sandbox.control.add_fault(kind="lost_answer", service="elasticache", operation=operation, times=times)
    done = cache.close(token)
    # A later date after a ROTATE without an answer may be of anybody's: the token is added once more.
    unheard = [f"{step} (the answer was lost)" for step in (*ACTIVATION[:5], ACTIVATION[6])]
    assert done["steps"] == [*unheard[:5], rotate, ACTIVATION[5], unheard[5]]
    assert changing(sandbox) == {"CreateSnapshot": 1, "CreateReplicationGroup": 1, "ModifyReplicationGroup": 5, "AddTagsToResource": 1}
    assert cache.takes_only(token)
    new = new_token()
    with sandbox.fault("lost_answer", service="elasticache", operation="ModifyReplicationGroup", times=1):
        seen = cache.looking(auth_token=new, auth_token_update_strategy="ROTATE")
    assert (seen["steps"], changing(sandbox)) == ([unheard[4]], {"ModifyReplicationGroup": 1})
    assert cache.accepts(token) and cache.accepts(new)
    with sandbox.fault("lost_answer", service="elasticache", operation="ModifyReplicationGroup"):
        lost = cache.run(auth_token=new)
    assert lost.rc == 1 and "answer was lost twice" in lost["msg"] and lost["changed"]
    # Whether it was added is not known, so the next run adds it.
    assert lost["left"] == ROTATION and not cache.tag.startswith(f"v2/set/{cache.group['AuthTokenLastModifiedDate'].isoformat()}")
    assert cache.close(new)["steps"] == ROTATION


def test_answers_older_than_a_change_make_no_call_twice(sandbox, cache):
    token = new_token()
    olds = [("DescribeSnapshots", 0), ("DescribeCacheClusters", 2)] + [("DescribeReplicationGroups", after) for after in (3, 6, 9)]
    for operation, after in olds:
        sandbox.control.add_fault(kind="stale_reads", service="elasticache", operation=operation, times=2, after=after)
    assert cache.close(token)["steps"] == ACTIVATION
    assert [fault["times"] for fault in sandbox.control.faults()] == [0] * len(olds)
    assert changing(sandbox) == {"CreateSnapshot": 1, "CreateReplicationGroup": 1, "ModifyReplicationGroup": 4, "AddTagsToResource": 1}
    assert cache.takes_only(token)


def test_waits_for_what_somebody_else_is_doing(sandbox, cache, closed):
    cache.note(closed)
    sandbox.settings(transition_seconds=3600)
    new, another = new_token(), new_token()
    cache.aws.modify_replication_group(ReplicationGroupId=GROUP, ApplyImmediately=True, AuthToken=another, AuthTokenUpdateStrategy="ROTATE")
    refused = cache.run(auth_token=new, wait=False)
    assert refused.rc == 1 and "has the status modifying and its token is ROTATING" in refused["msg"]
    sandbox.settings(transition_seconds=0.2)
    sandbox.control.forget_calls()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.run, auth_token=new)
        until(lambda: sandbox.calls().get("elasticache.DescribeReplicationGroups", 0) > 1, what="the run to look again")
        sandbox.control.finish()
        assert waiting.result()["steps"] == ROTATION
    assert cache.takes_only(new)


def test_a_cache_that_became_busy_meanwhile_lists_no_tags_and_is_waited_for(sandbox, cache, closed):
    cache.note(closed)
    cache.run(auth_token=closed)  # so that the sandbox knows what is going to be read
    with sandbox.fault("stale_reads", service="elasticache", operation="DescribeReplicationGroups", times=3):
        cache.aws.modify_replication_group(ReplicationGroupId=GROUP, ApplyImmediately=True, ReplicationGroupDescription="somebody else's")
        assert cache.run(auth_token=closed)["steps"] == []


def test_without_waiting_the_first_step_is_begun(sandbox, cache):
    sandbox.settings(transition_seconds=3600)
    begun = cache.close(new_token(), wait=False)
    assert (begun["changed"], begun["steps"], begun["left"]) == (True, ACTIVATION[:1], ACTIVATION[1:])
    assert begun["cache"]["status"] == "snapshotting"
    late = cache.run(transit_encryption_mode="preferred", wait_timeout=1)
    assert late.rc == 1 and changing(sandbox) == {}
    assert "has the status snapshotting" in late["msg"] and "wait_timeout" in late["msg"]


def test_a_failure_tells_what_was_done_before_it(sandbox, cache):
    sandbox.settings(transition_seconds=3600)
    late = cache.run(transit_encryption_mode="preferred", snapshot=False, wait_timeout=1)
    assert late.rc == 1
    assert late["msg"].startswith("Promote the cache cluster huntaze-redis-production")
    # AWS has taken the call, so that it is done even though nobody has seen it.
    assert (late["changed"], late["steps"], late["left"]) == (True, ACTIVATION[1:2], ACTIVATION[2:3])


def test_bad_options_are_refused_in_one_message_before_any_call(sandbox, cache):
    refused = cache.run(
        auth_token="canar", requirepass="canary-0123456789", transit_encryption_mode="preferred", replication_group_id="no_group",
        wait_timeout=0, probe_timeout=0, tls_ca_file="/nowhere.pem",
    )
    assert refused.rc == 1 and sandbox.calls() == {}
    assert len(refused["problems"]) == 7
    for words in ("requirepass is not a parameter of ElastiCache", "5 characters", "needs TLS to be required", "'no_group'", "wait_timeout", "probe_timeout",
                  "/nowhere.pem"):
        assert words in refused["msg"]
    assert "characters that AWS refuses" in cache.run(auth_token="canary/0123456789@")["msg"]
    assert sandbox.calls() == {}


def refuses(cache, sentence, **args):
    result = cache.run(**{"transit_encryption_mode": "required", "auth_token": new_token(), **args})
    assert result.rc == 1 and sentence in result["msg"], result.output
    assert changing(cache.sandbox) == {} and not result.get("changed")
    assert {"changed", "steps", "left", "diff", "cache", "evidence"} <= result.keys() and result["steps"] == []


def test_caches_that_cannot_get_there_are_refused_before_any_change(sandbox, cache):
    new = {"CacheNodeType": "cache.t3.micro", "Engine": "redis"}
    cache.aws.create_serverless_cache(ServerlessCacheName="without-servers", Engine="valkey")
    cache.aws.create_cache_cluster(CacheClusterId="forgetful", NumCacheNodes=1, **{**new, "Engine": "memcached"})
    cache.aws.create_cache_cluster(CacheClusterId="elderly", **new, EngineVersion="6.2.6")
    cache.aws.create_user(UserId="default-1", UserName="default", Engine="redis", NoPasswordRequired=True, AccessString="on ~* +@all")
    cache.aws.create_user_group(UserGroupId="people", Engine="redis", UserIds=["default-1"])
    for name, more in (("taken", {}), ("peopled", {"TransitEncryptionEnabled": True, "UserGroupIds": ["people"]})):
        cache.aws.create_replication_group(ReplicationGroupId=name, ReplicationGroupDescription="test", **new, **more)
    for name in ("taken", "peopled"):
        cache.aws.get_waiter("replication_group_available").wait(ReplicationGroupId=name, WaiterConfig={"Delay": 1})
    cache.aws.create_snapshot(ReplicationGroupId="taken", SnapshotName="of-another")

    refuses(cache, "no cache cluster, replication group or serverless cache called nowhere", name="nowhere")
    refuses(cache, "serverless", name="without-servers")
    refuses(cache, "memcached", name="forgetful")
    refuses(cache, "runs Redis 6.2.6", name="elderly")
    refuses(cache, "user group people", name="peopled", replication_group_id=None)
    refuses(cache, "give replication_group_id", replication_group_id=None)
    refuses(cache, "exists already", replication_group_id="taken")
    refuses(cache, "of another cluster", snapshot_name="of-another")
    refuses(cache, "add transit_encryption_mode: required", transit_encryption_mode=None)


def test_tls_is_never_weakened(cache, closed):
    refuses(cache, "let plain text in again", transit_encryption_mode="preferred", auth_token=None)
    assert not cache.accepts()
    with pytest.raises(ClientError):
        cache.by_hand(TransitEncryptionEnabled=True, TransitEncryptionMode="preferred")


def test_kind_10_what_was_put_off_to_the_window_is_told_at_once(sandbox, cache, closed):
    put_off, token = new_token(), new_token()
    cache.aws.modify_replication_group(ReplicationGroupId=GROUP, AuthToken=put_off, AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=False)
    for check in (True, False):
        refused = cache.run(auth_token=token, check=check)
        assert refused.rc == 1 and "was put off to the maintenance window" in refused["msg"] and "--apply-immediately" in refused["msg"]
        assert changing(sandbox) == {} and (refused["changed"], refused["left"]) == (False, ROTATION)
        assert "auth_token" in {one["field"] for one in refused["left_alone"]} and refused["differences"] == []
    sandbox.control.open_window()
    cache.settled()
    cache.aws.modify_replication_group(ReplicationGroupId=GROUP, CacheNodeType="cache.m6g.large", ApplyImmediately=False)
    assert "cache_node_type cache.m6g.large" in cache.run(auth_token=token)["msg"] and changing(sandbox) == {}
    done = cache.ok(auth_token=token, apply_pending_modifications=True)
    assert [step.partition("; this also makes what was put off")[0] for step in done["steps"]] == ROTATION
    assert done["cache"]["pending_modifications"] == {} and cache.takes_only(token)


def test_kind_11_nothing_to_modify_is_the_point_reached(sandbox, cache, closed):
    sandbox.settings(refuses_token_in_force=True)
    done = cache.ok(auth_token=closed)
    assert done["steps"][-1:] == ROTATION[-1:]
    assert cache.takes_only(closed) and cache.ok(auth_token=closed)["steps"] == []


def test_kind_34_only_what_changes_something_waits(sandbox, cache, closed):
    cache.note(closed)
    sandbox.settings(transition_seconds=3600)
    cache.aws.create_snapshot(ReplicationGroupId=GROUP, SnapshotName="nightly")
    assert cache.ok(transit_encryption_mode="required")["cache"]["status"] == "snapshotting"
    seen = cache.ok(auth_token=new_token(), check=True)
    assert (seen["steps"], seen["cache"]["status"]) == (ROTATION, "snapshotting")
    late = cache.run(auth_token=new_token(), wait_timeout=1)
    assert late.rc == 1 and "has the status snapshotting" in late["msg"] and "may take 1 seconds" in late["msg"]


def test_kind_28_calls_that_hang_end_within_the_time_allowed(sandbox, cache, closed):
    with sandbox.fault("hang", service="elasticache", operation="DescribeCacheClusters"):
        late = cache.run(transit_encryption_mode="required", wait_timeout=3)
    assert late.rc == 1 and "wait_timeout: 3 seconds" in late["msg"]


@pytest.mark.parametrize(("engine", "shape"), [("valkey 8.0", {}), ("redis 7.1", {"ClusterMode": "enabled", "NumNodeGroups": 1})])
def test_kind_12_and_kind_39_valkey_and_cluster_mode_get_there_like_redis(cache, make_group, engine, shape):
    make_group(engine, **shape)
    old, new = new_token(), new_token()
    done = cache.close(old)
    assert done["steps"] == ACTIVATION[2:]
    assert (done["cache"]["engine"], done["cache"]["cluster_enabled"]) == (engine.split()[0], bool(shape))
    assert cache.takes_only(old)
    assert len(cache.looking(auth_token=new, auth_token_update_strategy="ROTATE")["steps"]) == 2
    assert cache.accepts(old) and cache.accepts(new)
    assert cache.looking(auth_token=new)["evidence"]["source"] == "connection"
    assert cache.takes_only(new) and cache.looking(auth_token=new)["steps"] == []


def test_kind_01_a_set_that_aws_refuses_twice_fails_with_the_way_out(sandbox, cache, closed):
    """The token is the older of two, and AWS says of its ROTATE that nothing is to be modified."""
    former, new = new_token(), new_token()
    cache.rotate_by_hand(former, "ROTATE")
    sandbox.settings(refuses_token_in_force=True)
    refused = cache.run(auth_token=closed)
    assert refused.rc == 1 and "AWS refused it twice" in refused["msg"] and "give a new auth_token" in refused["msg"]
    assert (refused["changed"], refused["steps"], cache.tag) == (False, [], None)
    done = cache.ok(auth_token=new, wait=False)
    assert (done["steps"], done["left"]) == (ROTATION, [])
    assert cache.takes_only(new) and not cache.accepts(former) and not cache.accepts(closed)
