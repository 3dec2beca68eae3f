# SPDX-License-Identifier: GPL-3.0-or-later
"""The limiter hosts' security groups. What listens there belongs to the hosts, so nftables judges the packets on the way.

Only first packets of connections are judged, as security groups track connections. The table is this process's own and ends with it, however it
ends. Where the machine has no nftables, or does not let us, the ports are open: `problem` tells.
"""

from __future__ import annotations

import ctypes
import typing as t

from data_plane import security_group

CHAIN = """\
chain {name} {{
{rules}
counter drop
}}
"""
TABLE = """\
table ip {table} {{
flags owner;
{chains}chain arriving {{
type filter hook input priority 0; policy accept;
{choice}
}}
}}
"""


class HostPorts:
    def __init__(self, network: str) -> None:
        self._table = "huntaze-sandbox-" + network.replace(".", "-")
        self._shown: dict[str, t.Any] = {}
        self.problem = ""
        try:
            self._library = ctypes.CDLL("libnftables.so.1")
        except OSError as error:
            self.problem = str(error)
            return
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_error(self._context)
        self._run(self._script({}))

    def become(self, hosts: dict[str, t.Any]) -> None:
        """hosts: by address, the ports that its security groups open, each range to which networks."""
        if hosts != self._shown and not self.problem:
            self._run(f"delete table ip {self._table}\n{self._script(hosts)}")
            self._shown = hosts

    def _script(self, hosts: dict[str, t.Any]) -> str:
        chains, choice = "", []
        for number, (address, opened) in enumerate(sorted(hosts.items())):
            rules = [
                f"tcp dport {each['first']}-{each['last']} ip saddr {{ {', '.join(map(str, networks))} }} accept"
                for each in opened if (networks := security_group.networks(each["networks"]))
            ]
            chains += CHAIN.format(name=f"host{number}", rules="\n".join(rules))
            choice.append(f"ip daddr {address} tcp flags & (syn | ack) == syn jump host{number}")
        return TABLE.format(table=self._table, chains=chains, choice="\n".join(choice))

    def _run(self, script: str) -> None:
        if self._library.nft_run_cmd_from_buffer(self._context, script.encode()):
            self.problem = self._library.nft_ctx_get_error_buffer(self._context).decode().strip()
