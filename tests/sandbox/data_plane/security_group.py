# SPDX-License-Identifier: GPL-3.0-or-later
"""A security group as the kernel enforces it: packets from elsewhere are dropped, so a client times out.

A classic BPF filter on the listening socket does it. Kernels that give filters to CAP_NET_ADMIN only can still be told,
by anybody, from whom a listening socket expects TCP MD5 signatures: nobody here signs, so those are dropped.

Either way only new connections are judged, as security groups track connections: an accepted socket takes along the
filter that let it in, which looks at nothing but its source, and no key, as it came from where none is expected.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
import typing as t

from data_plane.client import DataPlaneError

Network = ipaddress.IPv4Network

EVERYBODY = ipaddress.IPv4Network("0.0.0.0/0")
LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")

# Of <asm/socket.h> and <linux/filter.h>; not in the socket module.
SO_ATTACH_FILTER = 26
SOURCE_ADDRESS = (-0x100000 + 12) & 0xFFFFFFFF  # SKF_NET_OFF + its place in the IPv4 header
LOAD, AND, JUMP_IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
ACCEPT, DROP = 0xFFFFFFFF, 0
# Of <linux/tcp.h>.
TCP_MD5SIG_EXT = 32
TCP_MD5SIG_FLAG_PREFIX = 1
KEY = b"nobody signs with this"


class SecurityGroup(t.Protocol):
    def let_in(self, networks: t.Iterable[Network]) -> None:
        """Let in connections from `networks` and from nowhere else."""


def before(listener: socket.socket) -> SecurityGroup:
    """A security group that lets nobody connect to `listener` yet."""
    for means in (Filter, Signatures):
        group = means(listener)
        try:
            group.let_in([])
        except OSError:
            continue
        return group
    raise DataPlaneError("This kernel lets only root drop packets: run the sandbox as root.")


def networks(ingress: t.Iterable[str]) -> list[Network]:
    """CIDRs as few networks; of IPv6 there is none here."""
    known = map(ipaddress.ip_network, ingress)
    return list(ipaddress.collapse_addresses(network for network in known if network.version == 4))


class Filter:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def let_in(self, networks: t.Iterable[Network]) -> None:
        program = []
        for network in networks:
            program += [
                (LOAD, 0, 0, SOURCE_ADDRESS),
                (AND, 0, 0, int(network.netmask)),
                (JUMP_IF_EQUAL, 0, 1, int(network.network_address)),
                (RETURN, 0, 0, ACCEPT),
            ]
        program.append((RETURN, 0, 0, DROP))
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
        setting = struct.pack("HP", len(program), ctypes.addressof(code))
        self._listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, setting)


class Signatures:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._refused: set[Network] = set()

    def let_in(self, networks: t.Iterable[Network]) -> None:
        # A socket carries some hundred keys: as many as the loopback network asks for, and who has no right to
        # filters has none to another network.
        refused = {EVERYBODY}
        for network in networks:
            if network.overlaps(LOOPBACK):
                refused = {rest for each in refused for rest in _without(each, network)}
        for network in refused - self._refused:
            self._set_key(network, KEY)
        for network in self._refused - refused:
            self._set_key(network, b"")
        self._refused = refused

    def _set_key(self, network: Network, key: bytes) -> None:
        peer = struct.pack("=HH4s120x", socket.AF_INET, 0, network.network_address.packed)
        setting = struct.pack("=BBHi80s", TCP_MD5SIG_FLAG_PREFIX, network.prefixlen, len(key), 0, key)
        self._listener.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG_EXT, peer + setting)


def _without(network: Network, part: Network) -> t.Iterable[Network]:
    if network.subnet_of(part):
        return ()
    return network.address_exclude(part) if part.subnet_of(network) else (network,)
