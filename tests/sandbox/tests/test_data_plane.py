# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of the data plane see is what clients on AWS see."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
import typing as t

import psutil
import pytest
import redis
from data_plane.client import DataPlaneError, apply
from data_plane.security_group import Filter, Signatures, networks
from support import sandboxes
from support.waiting import until

A, B = "token-A-0123456789", "token-B-0123456789"
OPEN = {"passwords": [], "open": True}
OPEN_AND_A = {"passwords": [A], "open": True}
ONLY_A = {"passwords": [A], "open": False}
A_AND_B = {"passwords": [A, B], "open": False}
ONLY_B = {"passwords": [B], "open": False}
NOAUTH = "Authentication required."
WRONGPASS = "invalid username-password pair or user is disabled."


@pytest.fixture(scope="module", autouse=True)
def undisturbed(sandbox: t.Any) -> None:
    """The control plane has nothing left to apply; the tests here take its place."""
    sandbox.reset()


class Cache:
    """A cache of the test's own on the data plane, and clients of it."""

    def __init__(self, sandbox: t.Any) -> None:
        self.sandbox = sandbox
        self.address = sandbox.address("1.77")
        self.node = {"default": {**OPEN, "access_string": "on ~* &* +@all"}}
        self.endpoint = {
            "address": self.address, "port": 6379, "node": "cache-of-a-test",
            "transit_encryption_mode": "off", "ingress": ["127.0.0.0/8"],
        }
        apply({"nodes": {}, "endpoints": []})
        self.apply()

    def apply(self, user: dict[str, t.Any] | None = None, users: dict[str, t.Any] | None = None, **endpoint: t.Any) -> None:
        self.node = {**self.node, **(users or {})}
        self.node["default"] = {**self.node["default"], **(user or {})}
        self.endpoint.update(endpoint)
        apply({"nodes": {"cache-of-a-test": {"users": self.node}}, "endpoints": [self.endpoint]})

    def client(self, password: str | None = None, *, tls: bool = True, protocol: int = 3, **options: t.Any) -> redis.Redis:
        return self.sandbox.redis(self.address, password, tls=tls, protocol=protocol, **options)

    def connect(self, source: str = "127.0.0.1", timeout: float = 20) -> socket.socket:
        return socket.create_connection((self.address, 6379), timeout=timeout, source_address=(source, 0))

    def drops(self, source: str = "127.0.0.1") -> bool:
        """Whether who knocks gets no answer at all."""
        with pytest.raises(TimeoutError):
            self.connect(source, timeout=0.5)
        return True


@pytest.fixture
def cache(sandbox: t.Any) -> Cache:
    return Cache(sandbox)


resp = pytest.mark.parametrize("protocol", [3, 2])


@resp
@pytest.mark.parametrize("mode, tls", [("off", False), ("preferred", False), ("preferred", True), ("required", True)])
def test_each_mode_speaks_what_it_says(cache: Cache, mode: str, tls: bool, protocol: int) -> None:
    cache.apply(transit_encryption_mode=mode)
    assert cache.client(tls=tls, protocol=protocol).ping()


@resp
def test_tls_spoken_to_a_plain_port_times_out(cache: Cache, protocol: int) -> None:
    with pytest.raises(redis.TimeoutError):
        cache.client(protocol=protocol, **sandboxes.MEETS_SILENCE).ping()


@resp
def test_kind_09_plain_text_spoken_to_a_tls_port_meets_silence(cache: Cache, protocol: int) -> None:
    cache.apply(transit_encryption_mode="required")
    with pytest.raises(redis.TimeoutError):
        cache.client(tls=False, protocol=protocol, **sandboxes.MEETS_SILENCE).ping()
    assert cache.client(protocol=protocol).ping()


@pytest.mark.parametrize("sent", [b"PING\r\n", b"*1\r\n$4\r\nPING\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00", b"x" * 200_000])
def test_kind_09_silence_lasts_as_long_as_the_client_stays(cache: Cache, sent: bytes) -> None:
    cache.apply(transit_encryption_mode="required")
    with cache.connect() as client:
        client.sendall(sent)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(20)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


def test_nothing_listening_refuses(cache: Cache) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((cache.sandbox.address("1.78"), 6379), timeout=1)


@pytest.mark.parametrize("mode, tls", [("off", False), ("required", True)])
def test_a_password_sent_to_a_cache_without_auth(cache: Cache, mode: str, tls: bool) -> None:
    cache.apply(transit_encryption_mode=mode)
    assert cache.client("any password at all", tls=tls).ping()
    with pytest.raises(redis.AuthenticationError, match="called without any password configured"):
        cache.client("any password at all", tls=tls, protocol=2).ping()


@resp
def test_after_rotate_from_none_the_token_works_and_no_password_works_too(cache: Cache, protocol: int) -> None:
    cache.apply(OPEN_AND_A, transit_encryption_mode="required")
    assert cache.client(protocol=protocol).ping()
    assert cache.client(A, protocol=protocol).ping()
    with pytest.raises(redis.AuthenticationError, match=WRONGPASS):
        cache.client(B, protocol=protocol).ping()


@resp
@pytest.mark.parametrize("user, live, dead", [(ONLY_A, [A], [B]), (A_AND_B, [A, B], []), (ONLY_B, [B], [A])])
def test_live_tokens_work_and_others_do_not(cache: Cache, user: dict, live: list[str], dead: list[str], protocol: int) -> None:
    cache.apply(user, transit_encryption_mode="required")
    for token in live:
        assert cache.client(token, protocol=protocol).ping()
    for token in dead:
        with pytest.raises(redis.AuthenticationError, match=WRONGPASS):
            cache.client(token, protocol=protocol).ping()


def test_no_password_gets_noauth(cache: Cache) -> None:
    cache.apply(ONLY_A, transit_encryption_mode="required")
    with pytest.raises(redis.AuthenticationError, match=f"^{NOAUTH}$"):
        cache.client(protocol=2).ping()
    with pytest.raises(redis.AuthenticationError, match="^HELLO must be called with the client already authenticated"):
        cache.client(protocol=3).ping()


def test_noperm_is_authenticated_but_not_allowed(cache: Cache) -> None:
    reader = {"passwords": [B], "open": False, "access_string": "on ~app:* &* -@all +get +ping"}
    cache.apply(ONLY_A, users={"reader": reader}, transit_encryption_mode="required")
    client = cache.client(B, username="reader")
    assert client.get("app:1") is None
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.set("app:1", "x")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.get("other")
    del cache.node["reader"]
    cache.apply()
    with pytest.raises(redis.AuthenticationError, match=WRONGPASS):
        cache.client(B, username="reader").ping()


@pytest.mark.parametrize("command", [
    "CONFIG GET maxmemory", "DEBUG JMAP", "SHUTDOWN NOSAVE", "SAVE", "BGSAVE", "BGREWRITEAOF", "REPLICAOF NO ONE",
    "SLAVEOF NO ONE", "MODULE LIST", "SYNC", "MIGRATE 127.0.0.1 1 key 0 1",
])
def test_commands_that_elasticache_withholds_are_unknown(cache: Cache, command: str) -> None:
    with pytest.raises(redis.ResponseError, match="unknown command"):
        cache.client(tls=False).execute_command(*command.split())


@pytest.mark.parametrize("command", ["ACL SETUSER me on", "ACL DELUSER me", "ACL SAVE", "ACL LOAD"])
def test_users_cannot_be_changed_past_the_api(cache: Cache, command: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        cache.client(tls=False).execute_command(*command.split())


def test_established_connections_keep_what_they_have(cache: Cache) -> None:
    cache.apply(transit_encryption_mode="required")
    with cache.client() as before:
        before.set("kept", "yes")
        for user in (OPEN_AND_A, ONLY_A, A_AND_B, ONLY_B):
            cache.apply(user)
            assert before.get("kept") == b"yes"
        cache.apply(ingress=[])
        assert before.get("kept") == b"yes"


def test_no_client_is_refused_while_the_token_is_introduced(cache: Cache) -> None:
    cache.apply(transit_encryption_mode="required")
    failures: list[Exception] = []
    done = threading.Event()

    def come_without_password() -> None:
        while not done.is_set():
            try:
                with cache.client(protocol=2) as client:
                    client.ping()
            except redis.RedisError as error:
                failures.append(error)

    clients = [threading.Thread(target=come_without_password) for _ in range(4)]
    for client in clients:
        client.start()
    for _ in range(150):
        cache.apply(OPEN_AND_A)
        cache.apply(OPEN)
    done.set()
    for client in clients:
        client.join()
    assert failures == []


def test_a_stranger_times_out_and_the_limiter_does_not(cache: Cache) -> None:
    stranger = cache.sandbox.estate["stranger_address"]
    cache.apply(ingress=["127.0.0.1/32"])
    cache.connect().close()
    assert cache.drops(stranger)
    cache.apply(ingress=["127.0.0.1/32", f"{stranger}/32"])
    cache.connect(stranger).close()
    cache.apply(ingress=[])
    assert cache.drops()
    cache.apply(ingress=["0.0.0.0/0", "::/0"])
    cache.connect(stranger).close()


@pytest.mark.parametrize("means", [Filter, Signatures])
def test_either_means_of_the_kernel_drops_who_is_not_let_in(means: type) -> None:
    def let_in(*ingress: str) -> None:
        group.let_in(networks(ingress))

    def connect(source: str, timeout: float = 20) -> socket.socket:
        return socket.create_connection(listener.getsockname(), timeout=timeout, source_address=(source, 0))

    def dropped(source: str) -> None:
        with pytest.raises(TimeoutError):
            connect(source, timeout=0.5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        group = means(listener)
        let_in("127.0.0.1/32", "10.0.0.0/8", "fd00::/8")
        with connect("127.0.0.1") as before, listener.accept()[0] as accepted:
            dropped("127.0.0.2")
            let_in("127.0.0.2/31", "127.0.0.4/32")
            connect("127.0.0.2").close()
            connect("127.0.0.4").close()
            for source in ("127.0.0.1", "127.0.0.5"):
                dropped(source)
            let_in()
            dropped("127.0.0.2")
            before.sendall(b"still")
            assert accepted.recv(5) == b"still"
        let_in("0.0.0.0/0")
        connect("127.0.0.5").close()


def test_a_client_waiting_gets_in_once_the_rule_exists(cache: Cache) -> None:
    cache.apply(ingress=[])
    with socket.socket() as waiting:
        waiting.setblocking(False)
        assert waiting.connect_ex((cache.address, 6379))
        cache.apply(ingress=["127.0.0.1/32"])
        waiting.settimeout(20)
        waiting.sendall(b"PING\r\n")  # once TCP has tried again
        assert waiting.recv(64) == b"+PONG\r\n"


def test_sixty_rules_and_far_more_are_carried(cache: Cache) -> None:
    cache.apply(ingress=[f"10.0.{number}.0/25" for number in range(200)] + ["127.0.0.1/32"])
    cache.connect().close()
    assert cache.drops(cache.sandbox.estate["stranger_address"])


def test_a_removed_endpoint_is_gone_with_its_connections(cache: Cache) -> None:
    other = {**cache.endpoint, "address": cache.sandbox.address("1.79")}
    nodes = {"cache-of-a-test": {"users": cache.node}}
    apply({"nodes": nodes, "endpoints": [cache.endpoint, other]})
    with cache.connect() as connection, cache.sandbox.redis(other["address"], tls=False) as stays:
        stays.set("key", "value")
        connection.sendall(b"PING\r\n")
        assert connection.recv(64) == b"+PONG\r\n"
        apply({"nodes": nodes, "endpoints": [other]})
        with pytest.raises(ConnectionRefusedError):
            cache.connect()
        try:
            assert connection.recv(64) == b""
        except ConnectionResetError:
            pass
        assert stays.get("key") == b"value"


def test_data_outlives_changes_and_dies_with_the_node(cache: Cache) -> None:
    cache.client(tls=False).set("key", "value")
    cache.apply(A_AND_B, transit_encryption_mode="required", address=cache.sandbox.address("1.80"))
    cache.address = cache.endpoint["address"]
    assert cache.client(B).get("key") == b"value"
    apply({"nodes": {}, "endpoints": []})
    cache.apply()
    assert cache.client(B).get("key") is None


def test_a_node_that_dies_comes_back_empty_with_its_users(cache: Cache) -> None:
    cache.apply(ONLY_A, transit_encryption_mode="required")
    client = cache.client(A)
    client.set("key", "value")
    node = next(
        process for process in psutil.process_iter(["cmdline"])
        if any(f"{cache.sandbox.state}/nodes/cache-of-a-test/" in word for word in process.info["cmdline"] or [])
    )
    node.send_signal(signal.SIGKILL)

    def is_back() -> bool:
        try:
            return client.get("key") is None
        except redis.ConnectionError:
            return False

    until(is_back, what="the node")
    with pytest.raises(redis.AuthenticationError):
        cache.client().ping()


@pytest.mark.parametrize("user", [OPEN, OPEN_AND_A])
def test_large_values_pass_both_ways(cache: Cache, user: dict) -> None:
    cache.apply(user, transit_encryption_mode="required")
    value = os.urandom(8 * 1024 * 1024)
    client = cache.client(socket_timeout=60)
    client.set("large", value)
    assert client.get("large") == value
    assert [len(each) for each in client.mget(["large"] * 4)] == [len(value)] * 4


def test_who_has_sent_everything_still_gets_answers(cache: Cache) -> None:
    slowly = "local n = 0 while n < 1e6 do n = n + 1 end return 'done'"
    with cache.connect() as connection:
        connection.sendall(f'EVAL "{slowly}" 0\r\n'.encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == b"$4\r\ndone\r\n"


@pytest.mark.parametrize("user", [OPEN, OPEN_AND_A])
def test_certificates_name_the_endpoint_and_come_from_the_instances_ca(cache: Cache, user: dict) -> None:
    cache.apply(user, transit_encryption_mode="required")
    trusting = ssl.create_default_context(cafile=cache.sandbox.estate["ca_file"])
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trusting.minimum_version = trusting.maximum_version = version
        with cache.connect() as connection, trusting.wrap_socket(connection, server_hostname=cache.address) as tls:
            tls.sendall(b"PING\r\n")
            assert tls.recv(64) == b"+PONG\r\n"
    with cache.connect() as connection, pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        trusting.wrap_socket(connection, server_hostname="127.0.0.1")
    with cache.connect() as connection, pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        ssl.create_default_context().wrap_socket(connection, server_hostname=cache.address)


def test_what_cannot_be_is_refused_with_a_sentence(cache: Cache) -> None:
    with pytest.raises(DataPlaneError, match="names the node nobody"):
        cache.apply(node="nobody")
    cache.endpoint["node"] = "cache-of-a-test"
    with pytest.raises(DataPlaneError, match="Redis refuses the users of cache-of-a-test"):
        cache.apply(users={"broken": {**ONLY_A, "access_string": "on +no-such-command"}})
    del cache.node["broken"]
    with socket.create_server((cache.sandbox.address("1.81"), 6379)):
        with pytest.raises(DataPlaneError, match="1.81:6379 cannot be opened: Address already in use"):
            cache.apply(address=cache.sandbox.address("1.81"))
    cache.apply(address=cache.address)
    assert cache.client(tls=False).ping()


def test_what_node_clients_see(cache: Cache, ioredis: t.Callable[..., dict]) -> None:
    def ping(password: str | None = None, tls: bool = True) -> str:
        options = {"host": cache.address, "password": password, "ca": cache.sandbox.estate["ca_file"] if tls else None}
        answer = ioredis(**{name: value for name, value in options.items() if value})
        return answer.get("answer") or answer["code"] or answer["message"]

    assert ping(tls=False) == "PONG"
    assert ping("any password at all", tls=False) == "PONG"
    assert ping() == "ETIMEDOUT"
    cache.apply(transit_encryption_mode="required")
    assert ping() == "PONG"
    assert ping(tls=False) == "Command timed out"
    cache.apply(OPEN_AND_A)
    assert (ping(), ping(A)) == ("PONG", "PONG")
    cache.apply(ONLY_A)
    assert ping(A) == "PONG"
    assert ping(B).startswith("WRONGPASS invalid username-password pair")
    assert ping().startswith(("NOAUTH Authentication required", "NOAUTH HELLO must be called"))
    cache.apply(ingress=[])
    assert ping(A) == "ETIMEDOUT"
    cache.apply(address=cache.sandbox.address("1.82"))
    assert ping(A) == "ECONNREFUSED"
