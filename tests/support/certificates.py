# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates from a throw-away authority: right ones, and such with one thing wrong (too old, too young, for another address, of another authority)."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import typing as t
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAYS = (-1, 30)


class Authority:
    """days: from when to when it is valid, seen from now."""

    def __init__(self, folder: Path, name: str = "test authority", days: tuple[int, int] = DAYS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / f"{name}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        extension = x509.BasicConstraints(ca=True, path_length=0)
        self.file.write_bytes(self._signed(self._name, self._key, days, extension))

    def _signed(self, name: x509.Name, key: t.Any, days: tuple[int, int], extension: x509.ExtensionType) -> bytes:
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days[0]))
            .not_valid_after(now + datetime.timedelta(days[1])).add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str = "server", address: str = "127.0.0.1", days: tuple[int, int] = DAYS) -> dict[str, Path]:
        """The files of a server: certificate, key and ca. The same name again replaces them."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        files = {"certificate": self.folder / f"{name}.pem", "key": self.folder / f"{name}.key", "ca": self.file}
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        files["certificate"].write_bytes(self._signed(subject, key, days, names))
        files["key"].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return files

    def context(self, **options: t.Any) -> ssl.SSLContext:
        """A server's."""
        files = self.issue(**options)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files["certificate"], files["key"])
        return context
