# SPDX-License-Identifier: GPL-3.0-or-later
"""A cache node: one redis-server with TLS and ACLs, kept by supervisord."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
import socket
import typing as t

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from data_plane.client import DataPlaneError
from data_plane.front import TLS_HANDSHAKE, Backend, Unanswered, connect
from instance import Instance, write_private
from supervision import Supervisor, program

ADMIN = "sandbox-admin"
# What ElastiCache withholds from every user. Renamed to nothing, a command is as unknown as it is there.
UNKNOWN_COMMANDS = (
    "bgrewriteaof", "bgsave", "config", "debug", "failover", "migrate", "module", "psync", "replicaof", "save",
    "shutdown", "slaveof", "sync",
)
FORBIDDEN_SUBCOMMANDS = ("-acl|setuser", "-acl|deluser", "-acl|load", "-acl|save")
# Of a cache.t3.micro with the default parameter group.
CONFIGURATION = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
bind {address}
tls-port {port}
tls-cert-file "{instance.certificate}"
tls-key-file "{instance.key}"
tls-ca-cert-file "{instance.ca}"
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
protected-mode no
set-proc-title no
dir "{directory}"
aclfile "{directory}/users.acl"
save ""
maxmemory 512mb
maxmemory-policy volatile-lru
"""


class Node:
    def __init__(self, name: str, instance: Instance, supervisor: Supervisor, tls_port: int) -> None:
        self.name = name
        self.tls_port = tls_port
        self._users: dict[str, t.Any] | None = None
        self._newest_password: str | None = None  # while the default user may also come without one
        # Users do not change while a connection is being opened: Redis lets it in under the rules of that moment.
        self._opening = asyncio.Lock()
        self._supervisor = supervisor
        self._program = f"redis-{name}"
        self._directory = instance.nodes / name
        self._configuration = instance.nodes / f"{name}.conf"
        self._socket = instance.run / f"{self._program}.sock"
        self._tls = (instance.redis_address, tls_port)
        self._instance = instance
        self._admin_password = secrets.token_hex(32)
        self._admin = Redis(
            unix_socket_path=str(self._socket), username=ADMIN, password=self._admin_password, socket_timeout=10,
            retry=Retry(NoBackoff(), 1),
        )

    async def start(self) -> None:
        self._directory.mkdir()
        write_private(
            self._directory / "users.acl",
            f"user {ADMIN} on #{_digest(self._admin_password)} ~* &* +@all\nuser default off\n",
        )
        settings = CONFIGURATION.format(
            socket=self._socket, address=self._tls[0], port=self._tls[1], directory=self._directory, instance=self._instance
        )
        settings += "".join(f'rename-command {command} ""\n' for command in UNKNOWN_COMMANDS)
        write_private(self._directory / "redis.conf", settings)
        command = ["redis-server", str(self._directory / "redis.conf")]
        # Nothing is kept on disk that a gentler signal would save. A node that dies comes back empty.
        section = program(self._program, command, self._instance, signal="KILL", autorestart="true")
        write_private(self._configuration, section)
        process_id = await asyncio.to_thread(self._supervisor.add, self._program)
        while not await self._answers():
            if await asyncio.to_thread(self._supervisor.process_id, self._program) != process_id:
                raise DataPlaneError(f"redis-server of {self.name} does not start: see {self._program}.log.")
            await asyncio.sleep(0.01)

    async def _answers(self) -> bool:
        try:
            return await self._admin.ping()
        except (RedisError, OSError):
            return False

    async def set_users(self, users: dict[str, t.Any]) -> None:
        """Make the node's users exactly `users`. Connections that stand keep what they have, as Redis does."""
        if users == self._users:
            return
        default = users.get("default", {"passwords": [], "open": False, "access_string": "off"})
        async with self._opening:
            self._newest_password = default["passwords"][-1] if default["open"] and default["passwords"] else None
            try:
                # Redis decides at accept() who needs a password. An answer shows that it has accepted those who were already connected.
                await self._admin.ping()
                for name, user in {**users, "default": default}.items():
                    await self._admin.execute_command("ACL SETUSER", name, *_rules(user))
                gone = set(await self._admin.acl_users()) - set(users) - {ADMIN, "default"}
                if gone:
                    await self._admin.acl_deluser(*gone)
            except ResponseError as error:
                raise DataPlaneError(f"Redis refuses the users of {self.name}: {error}.") from error
            await self._admin.acl_save()
        self._users = users

    async def stop(self) -> None:
        await self._admin.aclose()
        self._configuration.unlink(missing_ok=True)
        await asyncio.to_thread(self._supervisor.remove, self._program)
        self._socket.unlink(missing_ok=True)
        shutil.rmtree(self._directory)

    async def open(self, mode: str, first: bytes, _source: str) -> Backend:
        """Connect a client of an endpoint in `mode` whose first byte is `first`."""
        tls = first == TLS_HANDSHAKE
        if mode == "required" and not tls:
            raise Unanswered
        tls = tls and mode != "off"
        async with self._opening:
            if self._newest_password is None:
                return Backend(await connect(self._tls if tls else str(self._socket)), terminate_tls=False)
            # Redis has no user with passwords who may come without: such a client is given one here.
            backend = await connect(str(self._socket))
            await _authenticate(backend, self._newest_password)
            return Backend(backend, terminate_tls=tls)


async def _authenticate(backend: socket.socket, password: str) -> None:
    loop = asyncio.get_running_loop()
    command = "*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$%d\r\n%s\r\n" % (len(password), password)
    async with asyncio.timeout(5):
        await loop.sock_sendall(backend, command.encode())
        answer = await loop.sock_recv(backend, 512)
    if answer != b"+OK\r\n":
        raise ConnectionError("Redis refuses the newest password of the default user")


def _rules(user: dict[str, t.Any]) -> list[str]:
    rules = ["reset", *user["access_string"].split()]
    rules += [f"#{_digest(password)}" for password in user["passwords"]]
    if user["open"] and not user["passwords"]:
        rules.append("nopass")
    return rules + list(FORBIDDEN_SUBCOMMANDS)


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
