# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that change under load: credentials, address, rules, tokens, certificate. No request is lost."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import socket
import ssl
import subprocess
import time

import pytest

from support.load import TOKEN, Caller, Load
from support.machines import PACKAGE, RULES, Redis
from support.waiting import until

OLD, NEW = "old-token-0123456789abcdef", "new-token-0123456789abcdef"


def fingerprint(password):
    return hashlib.sha256(f"limiter-agent:{password}".encode()).hexdigest()[:12]


@contextlib.contextmanager
def under_load(*agents, callers=8, context=None):
    """Callers that ask without pause while the test goes on; each of them ends at its first error."""
    with Load(caller=lambda number: Caller(agents[number % len(agents)].port, context), callers=callers, plan="business",
              subjects=lambda number, count: f"creator-{number}-{count // 400}") as load:
        more(load)
        yield load


def more(load, count=200):
    """Returns when that many more were answered."""
    target = len(load.answers) + count
    until(lambda: len(load.answers) >= target or load.errors, what="answers")


# The machine may be slow; what is shown here is that nothing is lost, not how fast it is.
PATIENT = {"deadline_ms": 9000}


def all_moved(agent, **expected):
    return all(expected.items() <= worker["redis"].items() and worker["redis"]["as_configured"] for worker in agent.workers())


def test_from_plain_to_tls_and_through_rotations_nothing_is_lost(tmp_path, agents, authority):
    with Redis(tmp_path / "redis", tls=authority.issue("redis")) as server:
        acl = server.client.acl_setuser
        pair = [agents(server, workers=2, agents=2, redis=PATIENT), agents(server, agents=2, redis=PATIENT)]
        with under_load(*pair) as load:
            for agent in pair:
                agent.configure(redis={"url": f"rediss://127.0.0.1:{server.tls_port}", "ca": str(authority.file)})
                agent.signal(signal.SIGHUP)
                until(lambda agent=agent: all_moved(agent, tls=True, credential=None), what="TLS in every worker")
            more(load)
            # As ElastiCache does: ROTATE keeps the old way, SET ends it.
            server.client.execute_command("ACL", "SETUSER", "default", f">{OLD}")
            for old, new in ((None, OLD), (OLD, NEW), (NEW, OLD + "2")):
                acl("default", enabled=True, passwords=[f"+{new}"], keys=["*"], commands=["+@all"], nopass=False) if old else None
                for agent in pair:
                    agent.write("credential", new)
                    until(lambda agent=agent: all_moved(agent, tls=True, credential=fingerprint(new)), what="the new credential")
                more(load)
                if old:
                    server.client.execute_command("ACL", "SETUSER", "default", f"<{old}")
                more(load)
        assert not load.errors
        assert {status for status, _ in load.answers} == {200}
        assert all(answer["exact"] for _, answer in load.answers)
        for agent in pair:
            assert OLD not in agent.log() and NEW not in agent.log()


def test_a_credential_that_is_not_yet_accepted_waits_while_the_old_serves(own_redis, agents):
    own_redis.client.execute_command("ACL", "SETUSER", "app", "on", f">{OLD}", "~*", "+@all")
    agent = agents(own_redis, redis=PATIENT)
    agent.write("credential", f"{OLD}\napp\n")
    until(lambda: all_moved(agent, user="app", credential=fingerprint(OLD)), what="the ACL user")
    with under_load(agent) as load:
        agent.write("credential", f"{NEW}\napp\n")
        worker = until(lambda: next((worker for worker in agent.workers() if not worker["redis"]["as_configured"]), None), what="the attempt")
        assert worker["redis"]["credential"] == fingerprint(OLD) and worker["redis"]["connected"]
        more(load)
        until(lambda: "invalid username-password" in str(agent.workers()[0]["redis"]["error"]), what="the reason")
        own_redis.client.client_kill_filter(_type="normal", skipme=True)  # and the old credential must still bring it back
        more(load)
        own_redis.client.execute_command("ACL", "SETUSER", "app", f">{NEW}")
        until(lambda: all_moved(agent, credential=fingerprint(NEW)), what="the new credential")
        more(load)
    assert not load.errors and {status for status, _ in load.answers} == {200}
    assert all(answer["exact"] for _, answer in load.answers)


def test_a_refusal_by_redis_has_the_credential_read_again_at_once(own_redis, agents):
    own_redis.client.execute_command("ACL", "SETUSER", "app", "on", f">{OLD}", "~*", "+@all")
    agent = agents(own_redis, redis=PATIENT)
    agent.write("credential", f"{OLD}\napp\n")
    until(lambda: all_moved(agent, user="app"), what="the ACL user")
    with under_load(agent) as load:
        took = []
        for password in (NEW, OLD, NEW, OLD, NEW):
            # Written and switched within one look at the files: the refusal comes first.
            agent.write("credential", f"{password}\napp\n")
            own_redis.client.execute_command("ACL", "SETUSER", "app", "resetpass", f">{password}")
            own_redis.client.client_kill_filter(user="app")
            switched = time.monotonic()
            until(lambda: all_moved(agent, credential=fingerprint(password)), what="the new credential")
            took.append(time.monotonic() - switched)
        # Every rotation but the first begins where a look at the files has just been: the next is a second away.
        assert min(took[1:]) < 0.8
    assert not load.errors and {status for status, _ in load.answers} == {200}
    assert all(answer["exact"] for _, answer in load.answers)


def test_a_bad_rules_file_keeps_the_old_rules_and_says_where(redis, agents):
    agent = agents(redis)
    agent.write("rules.yml", RULES.replace("requests: 50,", "requests: 0,").replace("open ", "ajar ", 1))
    agent.signal(signal.SIGHUP)
    problems = until(lambda: agent.workers()[0]["problems"], what="the problem")
    assert "rules.yml:5:20" in problems[0] and "open or closed" in problems[0]
    assert "rules.yml:7:32" in problems[0] and "from 1 to 10000" in problems[0]
    assert agent.check("kept", "starter", cost=50)[0] == 200
    agent.write("rules.yml", RULES.replace("requests: 50,", "requests: 60,"))
    agent.signal(signal.SIGHUP)
    until(lambda: not agent.workers()[0]["problems"], what="the good rules")
    assert agent.check("kept", "starter")[1]["RateLimit-Policy"] == '"hour";q=60;w=3600'
    assert agent.check("kept", "starter", cost=9)[0] == 200


@pytest.mark.parametrize("text", [
    b"plans: " + b"[" * 1000,
    b"\xff\xfe",
    b"plans: &a {a: *a}",
    b"plans: !!python/object/apply:os.system [true]",
    *(RULES.replace("requests: 50,", f"requests: {number},").encode() for number in ("!!int many", "0x_", "9" * 5000)),
], ids=["deep", "no text", "recursive", "code", "no number", "no digits", "too long"])
def test_no_rules_file_harms_the_agent(redis, agents, text):
    agent = agents(redis)
    pid = agent.workers()[0]["pid"]
    (agent.folder / "rules.new").write_bytes(text)
    (agent.folder / "rules.new").rename(agent.folder / "rules.yml")
    agent.signal(signal.SIGHUP)
    until(lambda: "kept the old rules" in agent.log(), what="the log line")
    worker = agent.workers()[0]
    assert worker["pid"] == pid and "rules.yml" in worker["problems"][0]
    assert agent.check(plan="starter", cost=50)[0] == 200


def test_all_that_is_wrong_at_once_can_be_told(redis, agents):
    agent = agents(redis)
    pid = agent.workers()[0]["pid"]
    odd = "/" + "\U0001F600" * 700
    agent.configure(rules=odd, bearer_tokens=odd, redis={"credential": odd})
    until(lambda: len(agent.workers()[0]["problems"]) == 3, what="the problems")
    agent.configure(workers=0, tls={"certificate": "/a\0b", "key": odd})
    agent.signal(signal.SIGHUP)
    until(lambda: len(agent.workers()[0]["problems"]) == 4, what="one more")
    assert agent.workers()[0]["pid"] == pid


def test_rules_reloaded_under_load_lose_nothing(redis, agents):
    agent = agents(redis, workers=2)
    with under_load(agent) as load:
        for requests in range(500, 520):
            agent.write("rules.yml", RULES.replace("requests: 500,", f"requests: {requests},").replace(
                "      - {name: hour, requests: 50,", "      - {name: day, requests: 50, seconds: 86400}\n      - {name: hour, requests: 50,"
                if requests % 2 else "      - {name: hour, requests: 50,"))
            agent.signal(signal.SIGHUP)
            more(load, 20)
    assert not load.errors and {status for status, _ in load.answers} == {200}


def test_bearer_tokens_rotate(redis, agents):
    agent = agents(redis)
    other = "another-token-of-the-application-02"
    agent.write("tokens", f"# both for the moment\n{other}\n{TOKEN}\n")
    until(lambda: agent.request("GET", "/v1/subjects/x", token=other)[0] == 200, what="the new token")
    assert agent.get("/v1/subjects/x")[0] == 200
    agent.write("tokens", other)
    until(lambda: agent.get("/v1/subjects/x")[0] == 401, what="the end of the old token")
    agent.write("tokens", "short")
    until(lambda: agent.request("GET", "/readyz", token=other)[2]["workers"][0]["problems"], what="the problem")
    assert agent.request("GET", "/v1/subjects/x", token=other)[0] == 200


def test_a_new_certificate_is_served_and_a_bad_one_is_not(redis, agents, authority):
    files = authority.issue("agent")
    agent = agents(redis, tls=files)

    def serial():
        context = ssl.create_default_context(cafile=authority.file)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", agent.port)), server_hostname="127.0.0.1") as client:
            assert client.version() in ("TLSv1.2", "TLSv1.3")
            return client.getpeercert()["serialNumber"]

    context = ssl.create_default_context(cafile=authority.file)
    first = serial()
    with under_load(agent, callers=2, context=context) as load:
        authority.issue("agent")
        until(lambda: serial() != first, what="the new certificate")
        second = serial()
        files["certificate"].write_text("no certificate")
        until(lambda: agent.workers()[0]["problems"], what="the problem")
        assert serial() == second
        more(load)
    assert not load.errors and {status for status, _ in load.answers} == {200}


def test_sigterm_under_load_answers_all_that_was_accepted(redis, agents):
    """Whoever gets a connection gets an answer, kept connections and new ones alike; then connections are refused, not reset."""
    agent = agents(redis, workers=2, drain_seconds=3)  # a kept connection must get to ask once more in that time
    answered = []

    async def ask(number):
        client = Caller(agent.port)
        while True:
            try:
                await client.connect()
            except ConnectionRefusedError:
                return
            status, _ = await client.check(f"creator-{number}", "business")
            answered.append(status)
            if number % 2:
                client.close()
            if len(answered) == 200:
                agent.signal(signal.SIGTERM)

    async def run():
        await asyncio.gather(*(ask(number) for number in range(16)))

    asyncio.run(run())
    assert agent.process.wait(60) == 0
    assert len(answered) > 200 and set(answered) <= {200, 429}
    agent.start()


def test_a_caller_who_speaks_after_sigterm_is_answered(redis, agents):
    agent = agents(redis, drain_seconds=2)
    with socket.create_connection(("127.0.0.1", agent.port), timeout=60) as connection:
        agent.signal(signal.SIGTERM)
        until(lambda: '"stopping"' in agent.log(), what="the end's beginning")
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: agent\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ") and b"Connection: close" in head, "a load balancer sees that it leaves"
    assert body == b'{"status": "stopping"}'
    assert agent.process.wait(60) == 0
    agent.start()


def test_who_had_just_connected_at_sigterm_is_waited_for(redis, agents):
    agent = agents(redis)
    with socket.create_connection(("127.0.0.1", agent.port), timeout=60) as connection, contextlib.closing(agent.connection()) as answered:
        answered.request("GET", "/healthz")
        answered.getresponse().read()
        agent.signal(signal.SIGTERM)
        assert answered.sock.recv(1) == b"", "who was answered is let go"
        assert not listens(agent.port)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: agent\r\n\r\n")
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
    assert agent.process.wait(60) == 0
    agent.start()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True


def test_systemds_socket_survives_a_restart(redis, agents, tmp_path):
    agent = agents(redis)
    agent.end()
    with socket.create_server(("127.0.0.1", 0)) as held:
        agent.port = held.getsockname()[1]

        def start():
            # What systemd does: the socket as descriptor 3, and the environment that says so.
            command = ["bash", "-c", f'exec 3<&{held.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "-", *agent.command()]
            return subprocess.Popen(command, env=agent.environment, pass_fds=[held.fileno()], stderr=subprocess.DEVNULL)

        agent.process = start()
        until(agent.ready, what="the agent")
        agent.process.terminate()
        agent.process.wait(60)
        with socket.create_connection(("127.0.0.1", agent.port), timeout=60) as waiting:
            waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
            agent.process = start()
            assert waiting.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(("change", "message"), [
    ({"workers": 0}, "agent.yml:{line}:10: workers has to be a whole number from 1 to 64"),
    ({"colour": "red"}, "the file has no colour"),
    ({"redis": {"url": "redis://user:secret-word@cache:6379"}}, "url must not hold a password"),
    ({"redis": {"url": "redis://:6379"}}, "url has no host"),
    ({"tls": {"certificate": "/nowhere/cert.pem", "key": "/nowhere/key.pem"}}, "No such file"),
    ({"bearer_tokens": "/nowhere/tokens"}, "/nowhere/tokens: cannot be read"),
])
def test_a_wrong_configuration_is_refused_with_its_place(redis, agents, change, message):
    agent = agents(redis)
    agent.configure(**change)
    lines = (agent.folder / "agent.yml").read_text().splitlines()
    line = next((number for number, text in enumerate(lines, 1) if text.startswith("workers")), 0)
    found = subprocess.run(agent.command("--check"), env=agent.environment, capture_output=True, text=True)
    assert found.returncode == 2
    assert message.format(line=line) in found.stderr
    assert "secret-word" not in found.stderr and "Traceback" not in found.stderr


def test_the_shipped_package_has_one_version():
    project = (PACKAGE / "pyproject.toml").read_text()
    namespace = {}
    exec((PACKAGE / "limiter_agent/__init__.py").read_text(), namespace)
    assert f'version = "{namespace["__version__"]}"' in project
