# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the sandbox's AWS API: `python -m aws_api`, with the instance in the environment."""

from __future__ import annotations

import logging
import os
import sys
import warnings

from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

import hosts
from aws_api import estate, extensions, permissions
from aws_api.server import CONTROL, Server
from aws_api.world import Addresses, World
from instance import REPOSITORY, Instance


class RequestHandler(MotoRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Keep quiet: calls are counted, not logged."""


def main() -> int:
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # thousands of records that no reset should wait for
    warnings.filterwarnings("ignore", r"Exception\(")  # moto misses common error codes, such as Throttling, in the services' models
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    instance = Instance.from_environment()
    secrets = instance.secrets()
    addresses = Addresses(instance.network)
    extensions.install(addresses.resolve, instance.address("2.10"), "http://{}:{}".format(*instance.api) + CONTROL)
    world = World(secrets["account_id"], estate.REGION, addresses)

    policy = permissions.documented(REPOSITORY / "README.md")

    def build() -> None:
        hosts.end(instance)
        BackendDict.reset()
        world.clear()
        built = estate.build(instance, secrets, policy)
        world.sync()
        estate.write(instance, built)

    server = Server(world, secrets["account_id"], build)
    make_server(*instance.api, server, threaded=True, request_handler=RequestHandler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
