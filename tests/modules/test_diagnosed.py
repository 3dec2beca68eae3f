# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations made for real, nearly all of which are not the network's fault: what the module reachability sees and what AWS says lead to it.

The diagnosis gets nothing else: no name of a test, and nothing of what was done. Without AWS's answers it is never certain.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
from urllib.parse import urlsplit

import psycopg2
import pytest
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._diagnosis.causes import diagnose
from data_plane import certificates
from instance import Instance
from support import caches, diagnosed, strange_servers
from support.certificates import Authority
from support.machines import free_port
from support.waiting import until

TOKEN, OTHER, NEXT = "canary-token-0123456789", "canary-token-of-another-place", "canary-token-set-elsewhere"
PLAIN = {"tls": False}


@pytest.fixture
def explain(run_module, record_property, sandbox):
    """Look at one target, read what AWS says unless it is given, and name the cause."""

    def run(situation, target, confidence="certain", token=TOKEN, facts=None, known=None, timeout=20, **declared):
        # A second look tells where the host stands, also where the first one sends no packet.
        aws = urlsplit(sandbox.estate["endpoint_url"])
        other = {"name": "metrics", "kind": "tcp", "host": aws.hostname, "port": aws.port}
        seen = run_module("reachability", {"targets": [{"name": target["kind"], **target}, other], "timeout": timeout})
        assert seen.rc == 0, seen.output
        named = declared.pop("cache", None) or sandbox.estate["cache_name"]
        cache = known or run_module("elasticache_info", {"name": named})["cache"]
        facts = facts or run_module("estate_info", {
            "gather_subset": ["cache", "database", "network"], "cache_name": named, "db_identifier": "huntaze-postgres-production",
            "host_addresses": ["127.0.0.1"],
        })
        database = {"identifier": "huntaze-postgres-production", "user": "huntazeadmin", "name": target.get("dbname", "postgres")}
        given = {"huntaze_cache": {"name": sandbox.estate["cache_name"], "auth_token": token}, "huntaze_database": database, **declared}
        checks = [{"id": f"limiter-1>{target['kind']}", "verdict": "failed"}]
        places = [{"vantage": "limiter-1", "inside": True, "seen": seen}]
        causes = diagnose(places, checks, facts, cache, given)
        blind = diagnose(places, checks, None, None, given)
        record_property("diagnosis", diagnosed.row(situation, causes))
        assert "canary" not in json.dumps([causes, blind])
        told = [(cause["situation"], cause["confidence"]) for cause in causes]
        assert told[0] == (situation, confidence) and [one for one in told if one[1] == "certain"] == [one for one in told[:1] if confidence == "certain"], told
        assert blind and not [cause for cause in blind if cause["confidence"] == "certain"], [(cause["situation"], cause["confidence"]) for cause in blind]
        return causes

    return run


@pytest.fixture
def strange():
    with contextlib.ExitStack() as stack:

        def start(behave):
            server = strange_servers.StrangeServer(behave)
            stack.callback(server.close)
            return {"host": server.host, "port": server.port}

        yield start


@pytest.fixture
def tls(sandbox):
    return {"kind": "redis", "tls": True, "tls_ca_file": sandbox.estate["ca_file"], "password": TOKEN}


def test_the_cache_of_the_guide(explain, sandbox, estate, tls):
    """Standalone: no TLS, no AUTH, one endpoint, and at first no rule that lets the limiter hosts in."""
    host = caches.cluster(sandbox)["CacheNodes"][0]["Endpoint"]["Address"]
    explain("ingress_missing", {**tls, "host": host}, timeout=1, huntaze_limiter={"security_group_id": estate["limiter_security_group_id"]})
    caches.open_to_limiter(sandbox, 6380)
    explain("ingress_for_another_port", {**tls, "host": host}, timeout=1)
    caches.open_to_limiter(sandbox)
    explain("tls_to_plain", {**tls, "host": host}, timeout=3)  # most of it passes in silence
    explain("wrong_port", {**tls, "host": host, "port": 6380})
    explain("endpoint_gone", {**tls, "host": "huntaze-redis-production.asmyhp.0001.use1.cache.invalid"})
    explain("auth_off", {"kind": "redis", "host": host, "tls": False, "password": TOKEN})
    cache = caches.promote(sandbox)
    cache.modify(TransitEncryptionEnabled=True, TransitEncryptionMode="preferred")
    cache.modify(TransitEncryptionEnabled=True, TransitEncryptionMode="required")
    explain("endpoint_gone", {"kind": "redis", "host": host, "tls": False})
    explain("plain_to_tls", {"kind": "redis", "host": cache.address, "tls": False}, timeout=3)


def test_a_cache_and_its_token(explain, sandbox, estate, run_module, tls):
    caches.open_to_limiter(sandbox)
    cache = caches.create(sandbox, TransitEncryptionEnabled=True)
    target = {**tls, "host": cache.address}
    explain("auth_off", target, cache=cache.id)
    cache.modify(AuthToken=TOKEN, AuthTokenUpdateStrategy="ROTATE")
    explain("auth_optional", target, cache=cache.id)
    kept = run_module("elasticache_auth", {"name": cache.id, "auth_token": TOKEN, "replication_group_id": cache.id})
    assert kept.rc == 0, kept.output
    explain("credentials_wanted", {**target, "password": None}, cache=cache.id)
    explain("token_wrong", {**target, "password": OTHER}, cache=cache.id, token=OTHER)
    cache.modify(AuthToken=NEXT, AuthTokenUpdateStrategy="ROTATE")
    cache.modify(AuthToken=NEXT, AuthTokenUpdateStrategy="SET")
    explain("token_rotated", target, cache=cache.id)


def test_a_cache_whose_users_decide(explain, sandbox, estate, tls):
    caches.open_to_limiter(sandbox)
    aws = caches.api(sandbox)
    for name, access in (("default", "off ~* -@all"), ("reader", "on ~* -@all +get")):
        aws.create_user(UserId=f"people-{name}", UserName=name, Engine="redis", AccessString=access, Passwords=["canary-user-0123456789"])
    aws.create_user_group(UserGroupId="people", Engine="redis", UserIds=["people-default", "people-reader"])
    cache = caches.create(sandbox, TransitEncryptionEnabled=True, UserGroupIds=["people"])
    explain("users_decide", {**tls, "host": cache.address}, cache=cache.id)
    explain("permission", {**tls, "host": cache.address, "username": "reader", "password": "canary-user-0123456789"}, cache=cache.id)


def test_a_cache_on_its_way_out(explain, sandbox, estate, tls):
    caches.open_to_limiter(sandbox)
    cache = caches.create(sandbox, TransitEncryptionEnabled=True, AuthToken=TOKEN)
    host = cache.address
    sandbox.settings(transition_seconds=600)
    cache.aws.delete_replication_group(ReplicationGroupId=cache.id)
    until(lambda: cache.group["Status"] == "deleting")
    explain("not_available", {**tls, "host": host}, cache=cache.id)
    sandbox.settings(transition_seconds=0.2)


@pytest.fixture
def redis_server(tmp_path):
    """A redis-server of its own, with options that no cache has."""
    processes = []

    def start(*options):
        port = free_port()
        command = [shutil.which("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", "", *options]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for line in processes[-1].stdout:
            if "Ready to accept connections" in line:
                return {"host": "127.0.0.1", "port": port}
        raise AssertionError("redis-server ended while starting")

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def cache_at(place, **changed):
    """A cache whose endpoint is the place."""
    return diagnosed.cache(endpoints={"primary": {"address": place["host"], "port": place["port"]}, "nodes": []}, **changed)


def database_at(place, **changed):
    """AWS's answers where the database has its endpoint at the place."""
    facts = diagnosed.estate()
    facts["database"]["instances"] = [diagnosed.instance(endpoint={"address": place["host"], "port": place["port"]}, **changed)]
    return facts


def test_a_cache_without_room(explain, redis_server, sandbox):
    place = redis_server("--maxclients", "1")
    with socket.create_connection((place["host"], place["port"])) as taken:
        taken.sendall(b"PING\r\n")
        assert taken.recv(64).startswith(b"+PONG")
        explain("max_clients", {"kind": "redis", **place, **PLAIN}, facts=diagnosed.estate(), known=cache_at(place))


def here(facts, dns=True):
    """AWS's answers where this host is an instance of the VPC, at 127.0.0.1, and the VPC has addresses of loopback too."""
    network = facts["network"]
    network["vpcs"][0].update(enable_dns_support=dns, cidr_block_association_set=[{"cidr_block": "10.0.0.0/16"}, {"cidr_block": "127.0.0.0/8"}])
    network["network_interfaces"].append(diagnosed.interface(9, "127.0.0.1", "subnet-limiter-1", "sg-limiter", attachment={"instance_id": "i-9"}))
    return facts


def test_names_that_lead_elsewhere_and_nowhere(explain, strange):
    """The resolver is this host's own; the endpoint's name is one that it knows, or none."""
    place = {**strange(strange_servers.silent), "host": "localhost"}
    target = {"kind": "redis", **place, "tls": True}
    explain("dns_outside", target, timeout=1, facts=diagnosed.estate(), known=cache_at(place))
    explain("dns_stale", target, timeout=1, facts=here(diagnosed.estate()), known=cache_at(place))
    place = {"host": "master.huntaze-redis.invalid", "port": 6379}
    target = {"kind": "redis", **place, "tls": True}
    explain("vpc_dns_off", target, facts=here(diagnosed.estate(), dns=False), known=cache_at(place))
    explain("resolver", target, "possible", facts=here(diagnosed.estate()), known=cache_at(place))


def test_a_server_that_is_there_and_silent(explain, strange):
    place = strange(strange_servers.silent)
    facts = here(diagnosed.estate())
    facts["network"]["network_interfaces"][-1].update(description="ElastiCache huntaze-redis-production", attachment={})
    explain("overloaded", {"kind": "redis", **place, "tls": True}, "possible", timeout=1, facts=facts, known=cache_at(place))
    plain = cache_at(place, transit_encryption_enabled=False, transit_encryption_mode=None)
    explain("tls_to_plain", {"kind": "redis", **place, "tls": True}, timeout=1, facts=facts, known=plain)
    explain("plain_to_tls", {"kind": "redis", **place, "tls": False}, timeout=1, facts=facts, known=cache_at(place))


@pytest.fixture(scope="module")
def database(sandbox):
    sandbox.reset()
    estate = sandbox.estate
    caches.api(sandbox, "ec2").authorize_security_group_ingress(
        GroupId=estate["database"]["security_group_id"] if "security_group_id" in estate["database"] else caches.api(sandbox, "rds").describe_db_instances()[
            "DBInstances"][0]["VpcSecurityGroups"][0]["VpcSecurityGroupId"],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": estate["limiter_security_group_id"]}]}],
    )
    database = estate["database"]
    return {
        "kind": "postgresql", "host": database["address"], "port": database["port"], "user": database["user"], "password": database["password"],
        "dbname": database["name"], "sslrootcert": estate["ca_file"],
    }


def test_a_database_that_refuses(explain, database, sandbox, tmp_path):
    explain("tls_forced", {**database, "sslmode": "disable", "sslrootcert": None})
    explain("database_password", {**database, "password": "canary-of-yesterday"})
    explain("database_missing", {**database, "dbname": "huntaze"})
    another = Instance(tmp_path, sandbox.network)
    certificates.make(another)
    explain("certificate_ca", {**database, "sslrootcert": str(another.ca)})
    login = {"host": database["host"], "dbname": database["dbname"], "user": database["user"], "password": database["password"]}
    with contextlib.closing(psycopg2.connect(**login)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("CREATE ROLE crowded LOGIN PASSWORD 'canary-crowded-0123' CONNECTION LIMIT 0")
        try:
            explain("role_limit", {**database, "user": "crowded", "password": "canary-crowded-0123"})
        finally:
            cursor.execute("DROP ROLE crowded")


def test_a_database_that_lets_nobody_see_it(explain, database):
    explain("endpoint_unknown", {**database, "host": "huntaze-postgres-production.c2ryoow8c5m4.us-east-1.rds.invalid"})


def asking(connection):
    """Asks every login for its password."""
    while connection.recv(4096):
        connection.sendall(b"R\0\0\0\x08\0\0\0\x03")


def refusing(context, state, message):
    """PostgreSQL, or a proxy before it, that ends every login in plain text with its words."""

    def behave(connection):
        while heard := connection.recv(4096):
            if heard[4:8] == (80877103).to_bytes(4, "big"):
                connection.sendall(b"S")
                strange_servers.handshaking(context, then=asking)(connection)
                return
            said = f"SFATAL\0VFATAL\0C{state}\0M{message}\0\0".encode()
            connection.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)
            return

    return behave


@pytest.mark.parametrize(("situation", "state", "words"), [
    ("too_many_connections", "53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute"),
    ("loading", "57P03", "the database system is starting up"),
    ("pool_full", "08P01", "no more connections allowed (max_client_conn)"),
    ("proxy_wants_tls", "28000", "This RDS Proxy requires TLS connections"),
    ("proxy_authentication", "28000", "This RDS Proxy supports only IAM, MD5, or SCRAM authentication"),
])
def test_the_words_of_a_database_and_of_proxies(explain, strange, tmp_path, situation, state, words):
    place = strange(refusing(Authority(tmp_path).context(), state, words))
    target = {"kind": "postgresql", **place, "user": "huntazeadmin", "password": diagnosed.PASSWORD, "sslmode": "disable"}
    facts = database_at(place)
    if "proxy" in situation:
        facts = diagnosed.estate()
        facts["database"]["proxies"] = [{"db_proxy_name": "pool", "endpoint": place["host"], "require_tls": True, "status": "available", "vpc_id": "vpc-1"}]
    explain(situation, target, facts=facts, known=diagnosed.cache())


def encrypted(context):
    def behave(connection):
        connection.recv(8)
        connection.sendall(b"S")
        strange_servers.handshaking(context)(connection)

    return behave


def test_certificates_of_a_database(explain, strange, tmp_path):
    authority, gone = Authority(tmp_path / "authority"), Authority(tmp_path / "gone", "gone")

    def look(situation, context, ca, **instance):
        place = strange(encrypted(context))
        target = {"kind": "postgresql", **place, "user": "huntazeadmin", "password": diagnosed.PASSWORD, "sslrootcert": str(ca)}
        return explain(situation, target, facts=database_at(place, **instance), known=diagnosed.cache())

    ended = {"ca_identifier": "rds-ca-2019", "valid_till": "2024-08-22T17:08:50+00:00"}
    look("certificate_expired", authority.context(days=(-30, -1)), authority.file, certificate_details=ended)
    look("certificate_name", authority.context(address="127.0.0.9"), authority.file)
    look("certificate_ca_old", gone.context(), authority.file, ca_certificate_identifier="rds-ca-2019", certificate_details=ended)
    look("certificate_ca", gone.context(), authority.file)
