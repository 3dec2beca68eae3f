# SPDX-License-Identifier: GPL-3.0-or-later
"""A security group as the kernel enforces it: packets from elsewhere are dropped, so a client times out.

A classic BPF filter on a listening socket needs no privilege. A connection takes along the filter that let
it in, which looks at nothing but its source: replacing the listener's filter does not disturb it, as security
groups track connections.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
import typing as t

SO_ATTACH_FILTER = 26  # <asm/socket.h>; not in the socket module
SOURCE_ADDRESS = (-0x100000 + 12) & 0xFFFFFFFF  # SKF_NET_OFF + its place in the IPv4 header
LOAD, AND, JUMP_IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
ACCEPT, DROP = 0xFFFFFFFF, 0


def let_in(listener: socket.socket, ingress: t.Iterable[str]) -> None:
    """Let the source networks `ingress` (CIDRs; of IPv6 there is none here) reach `listener`, and nobody else."""
    networks = [network for network in map(ipaddress.ip_network, ingress) if network.version == 4]
    program = []
    for network in ipaddress.collapse_addresses(networks):
        program += [
            (LOAD, 0, 0, SOURCE_ADDRESS),
            (AND, 0, 0, int(network.netmask)),
            (JUMP_IF_EQUAL, 0, 1, int(network.network_address)),
            (RETURN, 0, 0, ACCEPT),
        ]
    program.append((RETURN, 0, 0, DROP))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code)))
