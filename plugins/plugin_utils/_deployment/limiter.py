# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory says of the limiter agents: who may reach them, their certificate, their rules, their namespace."""

from __future__ import annotations

import datetime
import importlib
import ipaddress
import re

import yaml

from ansible.plugins.filter.core import to_nice_yaml

READER = "ansible_collections.huntaze.ai_system.roles.limiter_agent.files.limiter_agent.limiter_agent"
# What an agent may be reached from without TLS: networks that the internet does not route.
PRIVATE = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128")]
SOON = datetime.timedelta(days=1)


def metric_namespace(declared):
    """Where agents publish and the limiter's alarms look. `declared` is filled."""
    return declared["huntaze_limiter"]["cloudwatch"]["namespace"] or declared["huntaze_names"]["metric_namespace"]


def is_source(source):
    """Whether a security-group rule can have this source."""
    if not isinstance(source, str):
        return False
    try:
        # ipaddress takes a netmask, and an address without a prefix, for a network: a rule does not.
        return bool(re.fullmatch(r"(sg-[0-9a-f]{8,17}|pl-[0-9a-f]{8,17})", source) or re.fullmatch(r"[^/]+/\d{1,3}", source) and ipaddress.ip_network(source))
    except ValueError:
        return False


def is_open_to_others(source):
    """Whether a usable source may let in somebody outside the VPC. What a prefix list holds is not known here."""
    if source.startswith("sg-"):
        return False
    if source.startswith("pl-"):
        return True
    network = ipaddress.ip_network(source)
    return not any(network.version == private.version and network.subnet_of(private) for private in PRIVATE)


class _Text:
    """A text that the agent's reader takes for a file."""

    def __init__(self, text):
        self._text = text

    def read_text(self):
        return self._text

    def __str__(self):
        return "rules"


def rules_problems(rules):
    """What the agent would refuse of `rules`, read by the agent's own reader from the text that the role writes."""
    reader = importlib.import_module(f"{READER}.rules")
    invalid = importlib.import_module(f"{READER}.document").Invalid
    try:
        reader.Rules.read(_Text(to_nice_yaml(rules, sort_keys=False)))
    except invalid as error:
        return [re.sub(r"^rules(:\d+)*: ", "", line).replace("the file ", "the mapping ") for line in str(error).splitlines()]
    except yaml.YAMLError as error:
        return [f"cannot be written as YAML: {error}"]
    return []


def certificate_problems(certificate, key, now=None):
    """What is wrong with a certificate chain and its key, both PEM text; the key is never quoted."""
    from cryptography import x509  # comes with ansible-core; looked for only where there is a certificate
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    def public(part):
        return part.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    try:
        leaf = x509.load_pem_x509_certificates(certificate.encode())[0]
    except (ValueError, IndexError, AttributeError):
        return ["certificate is not PEM text of a certificate. Give the file's contents, not its name, with lookup('ansible.builtin.file', ...)."]
    try:
        private = load_pem_private_key(key.encode(), None)
    except TypeError:
        return ["key is encrypted, and the agent has no passphrase for it. Give the key without one, from a vault."]
    except (ValueError, AttributeError):
        return ["key is not PEM text of a private key. Give the file's contents, not its name, with lookup('ansible.builtin.file', ...)."]
    problems = []
    if public(leaf) != public(private):
        problems.append("certificate and key do not belong together: the first certificate has to be the one that was made for the key.")
    now = now or datetime.datetime.now(datetime.timezone.utc)
    begins, ends = _utc(leaf, "not_valid_before"), _utc(leaf, "not_valid_after")
    if now > ends - SOON:
        problems.append(f"certificate ends at {ends:%Y-%m-%d %H:%M} UTC, which is past or within a day. Give a renewed one.")
    elif now < begins:
        problems.append(f"certificate is not valid before {begins:%Y-%m-%d %H:%M} UTC. Is the controller's clock right?")
    return problems


def _utc(certificate, name):
    """Before cryptography 42 the dates bear no zone."""
    return getattr(certificate, f"{name}_utc", None) or getattr(certificate, name).replace(tzinfo=datetime.timezone.utc)
