# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of hosts, ports and names: what is none is told with what it looks like. Pure.

Each function returns one sentence that names the option, what was found and the way out, or None.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse

# name of the kind: its pattern, and the pattern in words
NAMES = {
    # A cluster, a replication group or a serverless cache: where it is not known which.
    "cache": (r"(?=.{1,50}\Z)[A-Za-z](-?[A-Za-z0-9])*", "1 to 50 letters, digits and single hyphens, a letter first"),
    "cache cluster": (r"(?=.{1,50}\Z)[A-Za-z](-?[A-Za-z0-9])*", "1 to 50 letters, digits and single hyphens, a letter first"),
    "replication group": (r"(?=.{1,40}\Z)[A-Za-z](-?[A-Za-z0-9])*", "1 to 40 letters, digits and single hyphens, a letter first"),
    "snapshot": (r"(?=.{1,255}\Z)[A-Za-z](-?[A-Za-z0-9])*", "1 to 255 letters, digits and single hyphens, a letter first"),
    "database instance": (r"(?=.{1,63}\Z)[A-Za-z](-?[A-Za-z0-9])*", "1 to 63 letters, digits and single hyphens, a letter first"),
    "security group": (r"sg-[0-9a-f]{8,17}", "sg- and 8 to 17 hexadecimal digits"),
    "Amplify app": (r"d[a-z0-9]{1,19}", "d and up to 19 small letters and digits"),
}


def edges(value: str) -> t.Optional[str]:
    """What stands around a value unseen, in words."""
    for place, rest in (("begins", value[: len(value) - len(value.lstrip())]), ("ends", value[len(value.rstrip()):])):
        if rest:
            return f"{place} with a {'line end' if set(rest) & set(chr(10) + chr(13)) else 'blank'}"
    return None


def edges_problem(option: str, value: t.Optional[str]) -> t.Optional[str]:
    """For values that are not to be shown, passwords above all: the value itself is not told."""
    found = edges(value or "")
    return f"{option} {found}, which a copy or a file often adds: take it away." if found else None


def port_problem(option: str, value: t.Any) -> t.Optional[str]:
    if isinstance(value, bool) or not isinstance(value, int):
        if not (isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,4}", value)):
            return f"{option} is {value!r}: give a number between 1 and 65535."
        value = int(value)
    return None if 1 <= value <= 65535 else f"{option} is {value}: it must lie between 1 and 65535."


def host_problem(option: str, value: t.Any) -> t.Optional[str]:
    """A host is a DNS name or an address, alone."""
    if not isinstance(value, str) or not value.strip():
        return f"{option} is empty: name the server."
    if edges(value):
        return f"{option} {value.strip()!r} {edges(value)}, which a copy or a file often adds: take it away."
    shape = _host_shape(value)
    # What stands before an @ may be a password.
    shown = f"...@{value.rpartition('@')[2]}" if "@" in value else value
    return f"{option} is {shown!r}: {shape}." if shape else None


def name_problem(option: str, value: t.Any, kind: str) -> t.Optional[str]:
    """`kind` is one of NAMES."""
    pattern, words = NAMES[kind]
    if not isinstance(value, str) or not value.strip():
        return f"{option} is empty: give the ID of the {kind}."
    if edges(value):
        return f"{option} {value.strip()!r} {edges(value)}, which a copy or a file often adds: take it away."
    if re.fullmatch(pattern, value):
        return None
    if value.startswith("arn:"):
        return f"{option} is {value!r}, an ARN: give the ID alone, {re.split('[:/]', value)[-1]!r}."
    if "." in value:
        return f"{option} is {value!r}, which looks like an endpoint: give the ID of the {kind}, {words}."
    return f"{option} is {value!r}, which is no ID of a {kind}: give {words}."


def _host_shape(value: str) -> t.Optional[str]:
    """What `value` is instead of a host, with the way out."""
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return "it holds a control character"
    if "://" in value:
        return f"it is a URL. Give the host alone{_instead(_host_of_url(value))}"
    if value.startswith("arn:"):
        return "it is an ARN. Give the endpoint's address, which the AWS console and describe calls show"
    if value.startswith(("/", "@")) or "/" in value:
        return "it is a path. Give a name or an address: this looks at the way over the network"
    if "," in value or " " in value:
        return "it is more than one word. Name one host"
    if "@" in value:
        return f"it begins with a user. Give the host alone{_instead(value.rpartition('@')[2])}"
    return _address_shape(value)


def _address_shape(value: str) -> t.Optional[str]:
    bracketed = re.fullmatch(r"\[(.*)\](?::(\d*))?", value)
    if bracketed:
        return f"brackets belong to URLs. Give the host alone{_instead(bracketed[1])}{_port(bracketed[2])}"
    if value.count(":") == 1:
        host, dummy, port = value.partition(":")
        return f"it holds a port. Give the host alone{_instead(host)}{_port(port)}"
    if ":" in value:
        return None if _is_address(value.partition("%")[0]) else "it is no IPv6 address"
    # Numbers alone are an address to the resolver: 127.1 is 127.0.0.1, and 010.0.0.1 is 8.0.0.1.
    if re.fullmatch(r"(0[xX][0-9A-Fa-f]*|\d+)", value.rstrip(".").rpartition(".")[2]):
        return None if _is_address(value) else "it is no IPv4 address of four decimal numbers"
    return _name_shape(value)


def _name_shape(value: str) -> t.Optional[str]:
    try:
        # What the resolver makes of names in other alphabets.
        ascii_name = value.encode("idna").decode() if not value.isascii() else value
    except UnicodeError:
        return "it is no DNS name"
    name = ascii_name[:-1] if ascii_name.endswith(".") else ascii_name
    labels = name.split(".")
    if len(name) > 253 or max(map(len, labels)) > 63:
        return "a DNS name has at most 253 characters, and 63 between two dots"
    if not all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?", label) for label in labels):
        return "a DNS name holds letters, digits, hyphens and single dots"
    return None


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
        return True
    except ValueError:
        return False


def _host_of_url(value: str) -> t.Optional[str]:
    try:
        return urllib.parse.urlsplit(value).hostname
    except ValueError:
        return None


def _instead(host: t.Optional[str]) -> str:
    # A URL may hold a password that no pattern finds: only what is a host is repeated.
    return f", {host!r}" if host and _host_shape(host) is None else ""


def _port(port: t.Optional[str]) -> str:
    return f", and {port} as the port" if port else ""
