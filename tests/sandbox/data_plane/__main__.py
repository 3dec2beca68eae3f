# SPDX-License-Identifier: GPL-3.0-or-later
"""The data plane's process: becomes what the control plane asks for over a unix socket."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import ssl
import typing as t

from data_plane.client import DataPlaneError
from data_plane.front import Endpoint, Server
from data_plane.host_ports import HostPorts
from data_plane.nodes import Node
from data_plane.postgres import Postgres
from instance import Instance
from supervision import Supervisor

LINE_LIMIT = 16 * 1024 * 1024
FIRST_TLS_PORT = 7000


class DataPlane:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._supervisor = Supervisor(instance)
        self._nodes: dict[str, Node] = {}
        self._endpoints: dict[tuple[str, int], Endpoint] = {}
        self._shown: list[dict[str, t.Any]] = []
        self._postgres = Postgres(instance)
        self._host_ports = HostPorts(instance.network)
        if self._host_ports.problem:
            logging.warning("the ports of the limiter hosts are open, whatever their security groups say: %s", self._host_ports.problem)
        self._applying = asyncio.Lock()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(instance.certificate, instance.key)

    async def apply(self, desired: dict[str, t.Any]) -> None:
        async with self._applying:
            wanted = {(endpoint["address"], endpoint["port"]): endpoint for endpoint in desired["endpoints"]}
            for place in set(self._endpoints) - set(wanted):
                await self._endpoints.pop(place).close()
            for name in set(self._nodes) - set(desired["nodes"]):
                await self._nodes.pop(name).stop()
            for name, node in desired["nodes"].items():
                await self._set_node(name, node["users"])
            for place, endpoint in wanted.items():
                await self._set_endpoint(place, endpoint)
            self._host_ports.become(desired.get("hosts", {}))
            self._shown = desired["endpoints"]

    async def _set_node(self, name: str, users: dict[str, t.Any]) -> None:
        if name not in self._nodes:
            node = Node(name, self._instance, self._supervisor, self._free_tls_port())
            try:
                await node.start()
            except BaseException:
                await node.stop()
                raise
            self._nodes[name] = node
        await self._nodes[name].set_users(users)

    async def _set_endpoint(self, place: tuple[str, int], desired: dict[str, t.Any]) -> None:
        server = self._server(desired["node"])
        endpoint = self._endpoints.get(place)
        if endpoint and endpoint.server is not server:
            await self._endpoints.pop(place).close()
            endpoint = None
        if not endpoint:
            endpoint = self._endpoints[place] = Endpoint(*place, server, self._tls)
        endpoint.update(desired.get("transit_encryption_mode", "off"), desired["ingress"])

    def _server(self, name: str) -> Server:
        server = self._postgres if name == "postgres" else self._nodes.get(name)
        if server is None:
            raise DataPlaneError(f"An endpoint names the node {name}, which is not among the nodes.")
        return server

    def _free_tls_port(self) -> int:
        taken = {node.tls_port for node in self._nodes.values()}
        return next(port for port in range(FIRST_TLS_PORT, 2**16) if port not in taken)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one line of JSON each way."""
        answer: dict[str, t.Any] = {"error": ""}
        try:
            request = json.loads(await reader.readline())
            if "apply" in request:
                await self.apply(request["apply"])
            answer["endpoints"] = self._shown
        except DataPlaneError as error:
            answer["error"] = str(error)
        except Exception as error:
            logging.exception("apply failed")
            answer["error"] = f"The data plane failed with {type(error).__name__}: see data_plane.log."
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()


async def main() -> None:
    instance = Instance.from_environment()
    server = await asyncio.start_unix_server(
        DataPlane(instance).serve, instance.data_plane_socket, limit=LINE_LIMIT
    )
    await server.serve_forever()


logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
os.umask(0o077)
# Two descriptors a client: the usual 1,024 would not carry a load test.
_soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
