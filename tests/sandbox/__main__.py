# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's command line: python tests/sandbox start|stop|status|reset|calls|fault"""

from __future__ import annotations

import argparse
import json
import shlex
import sys

import lifecycle
from control import Control
from data_plane import client
from instance import Instance, SandboxError
from supervision import Supervisor

FAULTS = ("throttle", "lost_answer", "hang", "stale_reads", "vanish")


def start(instance: Instance, _arguments: argparse.Namespace) -> None:
    lifecycle.start(instance)
    status(instance, argparse.Namespace(json=False, shell=False, administrator=False))


def stop(instance: Instance, _arguments: argparse.Namespace) -> None:
    lifecycle.stop(instance)
    print("The sandbox has stopped.")


def status(instance: Instance, arguments: argparse.Namespace) -> None:
    estate = _estate(instance)
    if arguments.json:
        print(json.dumps(estate, indent=2))
        return
    if arguments.shell:
        for name, value in _variables(estate, "administrator_" if arguments.administrator else "").items():
            print(f"export {name}={shlex.quote(value)}")
        return
    print(f"""\
The sandbox is running.
  AWS API   {estate['endpoint_url']}, region {estate['region']}, account {estate['account_id']}
  files     {instance.state} (estate.json: credentials and endpoints; ca.pem; log/)
endpoints""")
    for endpoint in client.endpoints():
        place = f"{endpoint['address']}:{endpoint['port']}"
        tls = endpoint.get("transit_encryption_mode", "required")
        print(f"  {place:<18} {endpoint['node']}, TLS {tls}, open to {', '.join(endpoint['ingress']) or 'nobody'}")
    print("processes")
    for process in Supervisor(instance).processes():
        print(f"  {process['name']:<40} {process['statename'].lower()}")


def reset(instance: Instance, _arguments: argparse.Namespace) -> None:
    _control(instance).reset()
    print("The sandbox is back to the guide's estate.")


def calls(instance: Instance, arguments: argparse.Namespace) -> None:
    control = _control(instance)
    counted = control.calls()
    if arguments.reset:
        control.forget_calls()
    if arguments.json:
        print(json.dumps(counted, indent=2, sort_keys=True))
        return
    for operation, number in sorted(counted.items()):
        print(f"{number:6}  {operation}")
    print(f"{sum(counted.values()):6}  in all")


def fault_list(instance: Instance, _arguments: argparse.Namespace) -> None:
    print(json.dumps(_control(instance).faults(), indent=2))


def fault_add(instance: Instance, arguments: argparse.Namespace) -> None:
    names = ("kind", "service", "operation", "rate", "times", "after", "field")
    fault = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    _control(instance).add_fault(**fault)


def fault_clear(instance: Instance, _arguments: argparse.Namespace) -> None:
    _control(instance).clear_faults()


def _variables(estate: dict, user: str) -> dict[str, str]:
    caches = [endpoint["address"] for endpoint in client.endpoints() if endpoint["node"] == estate["cache_name"]]
    return {
        "AWS_ENDPOINT_URL": estate["endpoint_url"],
        "AWS_DEFAULT_REGION": estate["region"],
        "AWS_ACCESS_KEY_ID": estate[f"{user}access_key"],
        "AWS_SECRET_ACCESS_KEY": estate[f"{user}secret_key"],
        "CACHE": caches[0] if caches else "",
        "CA": estate["ca_file"],
        "TOKEN": estate["auth_token"],
        "LIMITER": f"https://{estate['limiter_hosts'][0]}:8443",
        "LIMITER_TOKEN": estate["bearer_token"],
    }


def _estate(instance: Instance) -> dict:
    if not lifecycle.running(instance):
        raise SandboxError("The sandbox is not running: `python tests/sandbox start` starts it.")
    return instance.estate()


def _control(instance: Instance) -> Control:
    return Control(_estate(instance)["endpoint_url"])


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="tests/sandbox",
        description="A stand-in for AWS on this machine, with real Redis and PostgreSQL behind its API.",
        epilog="HUNTAZE_SANDBOX_STATE (a directory) and HUNTAZE_SANDBOX_NETWORK (such as 127.21) name another instance than the default.",
    )
    commands = top.add_subparsers(required=True, metavar="command")

    def command(run, text, to=commands, name=None):
        added = to.add_parser(name or run.__name__, help=text, description=text)
        added.set_defaults(run=run)
        return added

    command(start, "start in the background; returns when ready")
    command(stop, "end all processes; logs stay")
    shown = command(status, "what runs, and where")
    formats = shown.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="the estate: endpoints, credentials, ids")
    formats.add_argument("--shell", action="store_true", help="what `aws` and `redis-cli` need, for eval in a shell")
    shown.add_argument("--administrator", action="store_true", help="--shell: with the keys of one who may do everything, not those of a deployment")
    command(reset, "back to the guide's estate, with empty caches")
    counted = command(calls, "API calls since the start or the last --reset, by operation")
    counted.add_argument("--json", action="store_true", help="as JSON")
    counted.add_argument("--reset", action="store_true", help="begin to count anew, after showing")
    faults = commands.add_parser("fault", help="let the API misbehave").add_subparsers(required=True, metavar="action")
    command(fault_list, "the faults switched on", faults, "list")
    command(fault_clear, "switch all faults off", faults, "clear")
    added = command(fault_add, "switch a fault on", faults, "add")
    added.add_argument("kind", choices=FAULTS)
    added.add_argument("--service", help="such as elasticache; default: any")
    added.add_argument("--operation", help="such as ModifyReplicationGroup, or mutating; default: any")
    added.add_argument("--field", help="vanish: what answers lack, such as ReplicationGroups.MemberClusters")
    added.add_argument("--rate", type=float, help="throttle: calls a second that are let through")
    added.add_argument("--times", type=int, help="how often; default: always")
    added.add_argument("--after", type=int, help="let so many matching calls pass first")
    return top


def main() -> None:
    arguments = parser().parse_args()
    try:
        arguments.run(Instance.from_environment(), arguments)
    except (SandboxError, client.DataPlaneError, OSError, ValueError) as error:
        sys.exit(f"sandbox: {error}")


if __name__ == "__main__":
    main()
