# SPDX-License-Identifier: GPL-3.0-or-later
"""The database: one PostgreSQL that speaks TLS only, as RDS does with rds.force_ssl."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import typing as t
from pathlib import Path

from data_plane.front import Backend, connect
from instance import Instance, SandboxError
from supervision import program

NAME, USER = "postgres", "huntazeadmin"
SYSTEM_USER = "postgres"  # made by the package; PostgreSQL refuses to run as root
OWNER = "rdsadmin"  # as on RDS, the user of the customer is no superuser
SETTINGS = """\
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
shared_buffers = 16MB
max_connections = 100
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
"""
# RDS has a line for each network too, none of them for plain text.
AUTHENTICATION = "hostssl all all 0.0.0.0/0 scram-sha-256\n"
ROLES = """\
CREATE ROLE {user} LOGIN CREATEDB CREATEROLE PASSWORD '{password}';
ALTER DATABASE {name} OWNER TO {user};
"""


class Postgres:
    """What the front has to know of the database."""

    def __init__(self, instance: Instance) -> None:
        self._address = instance.database

    async def open(self, _mode: str, _first: bytes, source: str) -> Backend:
        # From the client's own address, so that PostgreSQL's messages name the true client.
        return Backend(await connect(self._address, source if source.startswith("127.") else None), terminate_tls=False)


def binary(name: str) -> str | None:
    """The path of a program of PostgreSQL: Debian keeps them out of the PATH."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda home: int(home.parent.name), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, homes), os.environ.get("PATH", os.defpath)]))


def section(instance: Instance) -> str:
    """Its section in supervisord's configuration; it ends at once, as nothing of it is kept."""
    command = [str(binary("postgres")), "-D", str(_data(instance))]
    return program("postgres", command, instance, signal="QUIT", identity=_identity())


def initialise(instance: Instance) -> None:
    """Make the database's files: the users, their passwords and who is let in."""
    data = _data(instance)
    data.mkdir(mode=0o700)
    _give(data)
    _run([str(binary("initdb")), "-D", str(data), "-U", OWNER, "--no-sync", "-E", "UTF8", "--locale=C"], instance)
    address, port = instance.database
    with open(data / "postgresql.conf", "a") as file:
        file.write(SETTINGS.format(address=address, port=port))
    (data / "pg_hba.conf").write_text(AUTHENTICATION)
    for name, source in (("server.pem", instance.certificate), ("server.key", instance.key)):
        shutil.copy(source, data / name)
        _give(data / name)
    password = instance.secrets()["database_password"]
    _run([str(binary("postgres")), "--single", "-D", str(data), NAME], instance, ROLES.format(user=USER, name=NAME, password=password))


def _data(instance: Instance) -> Path:
    return instance.run / "postgres"


def _identity() -> list[str]:
    if os.geteuid() != 0:
        return []
    return [f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--init-groups"]


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        os.chown(path, user.pw_uid, user.pw_gid)


def _run(command: t.Sequence[str], instance: Instance, text: str = "") -> None:
    done = subprocess.run(
        ["setpriv", *_identity(), "--", *command], input=text, text=True, cwd=instance.run, capture_output=True, check=False
    )
    # In single-user mode a refused statement is no error but a message.
    if done.returncode or "ERROR" in done.stderr or "FATAL" in done.stderr:
        raise SandboxError(f"The database cannot be made: {done.stderr.strip().splitlines()[-1]}")
