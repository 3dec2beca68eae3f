# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
from urllib.parse import quote

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: postgresql_url
short_description: Writes the URL of a PostgreSQL database
version_added: 0.1.0
description:
  - Clients read every character of the user, the password and the database's name as it is, whatever it is.
    Jinja's filter C(urlencode) leaves a C(/) in a password, so that clients read another host.
  - libpq and node-postgres read the URL alike. Tests prove it with both.
options:
  _input:
    description:
      - The database, in the keys of C(huntaze_database).
      - C(endpoint), C(user), C(password), and C(name) are needed. Left out, C(port) is 5432. Other keys are not read.
    type: dict
    required: true
  sslmode:
    description:
      - How the client uses TLS. RDS requires TLS if C(rds.force_ssl) is 1, its default since PostgreSQL 15.
      - V(require) encrypts. libpq and Prisma do not check the server's certificate then; node-postgres does.
      - V(verify-full) also checks the certificate and the host's name.
      - For both, node-postgres needs RDS's certificates, from O(sslrootcert) or from E(NODE_EXTRA_CA_CERTS).
    type: str
    choices: [disable, require, verify-ca, verify-full]
    default: require
  sslrootcert:
    description: The path of RDS's certificates, in PEM format, on the host of the client.
    type: str
author:
  - The huntaze.ai_system contributors (@huntaze)
"""

EXAMPLES = r"""
- name: Write the URL of a database whose password has special characters
  ansible.builtin.debug:
    msg: "{{ database | huntaze.ai_system.postgresql_url }}"
  vars:
    database: {endpoint: db.example.com, name: app, user: app, password: 'a/b@c?d#e%f'}

- name: Write a URL that makes the client check the server's certificate
  ansible.builtin.debug:
    msg: "{{ database | huntaze.ai_system.postgresql_url(sslmode='verify-full', sslrootcert='certs/rds.pem') }}"
  vars:
    database: {endpoint: db.example.com, port: 5433, name: app, user: app, password: secret}
"""

RETURN = r"""
_value:
  description: The URL, such as C(postgresql://app:secret@db.example.com:5432/app?sslmode=require). It holds the password.
  type: str
"""

SSL_MODES = ("disable", "require", "verify-ca", "verify-full")
# node-postgres decodes the path by decodeURI, which leaves these as they are written.
NOT_DECODED_IN_A_PATH = ";:@&=+$,"
NEEDED = ("endpoint", "name", "user", "password")


def postgresql_url(database, sslmode="require", sslrootcert=None):
    """The URL of `database`, a mapping with the keys of huntaze_database (RFC 3986; libpq's section "Connection URIs").

    Raises AnsibleFilterError for what would make a URL of another meaning. Its text never holds the password.
    """
    if not isinstance(database, dict):
        raise AnsibleFilterError("postgresql_url needs a mapping with endpoint, name, user, and password.")
    missing = [key for key in NEEDED if not database.get(key)]
    if missing:
        raise AnsibleFilterError(f"postgresql_url: {', '.join(missing)} must be given, and must not be empty.")
    if sslmode not in SSL_MODES:
        raise AnsibleFilterError(f"postgresql_url: sslmode {sslmode!r} is not known. Use one of: {', '.join(SSL_MODES)}.")
    user, password = (quote(str(database[key]), safe="") for key in ("user", "password"))
    name = str(database["name"])
    if name in (".", "..") or set(name) & set("/?#"):
        raise AnsibleFilterError(f"postgresql_url: node-postgres does not read the name {name!r} from a URL: it holds /, ?, or #, or is a dot or two.")
    name = quote(name, safe=NOT_DECODED_IN_A_PATH)
    query = f"sslmode={sslmode}" + (f"&sslrootcert={quote(sslrootcert, safe='/')}" if sslrootcert else "")
    return f"postgresql://{user}:{password}@{_host(str(database['endpoint']))}:{_port(database.get('port') or 5432)}/{name}?{query}"


def _host(text):
    try:
        return f"[{text}]" if ipaddress.ip_address(text).version == 6 else text
    except ValueError:
        pass
    if not all(character.isalnum() or character in ".-_" for character in text):
        raise AnsibleFilterError(f"postgresql_url: endpoint {text!r} is neither a host name nor an address. Give the name alone, without a scheme or port.")
    return text


def _port(value):
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise AnsibleFilterError(f"postgresql_url: port {value!r} is not a number from 1 to 65535.")
    return text


class FilterModule:
    def filters(self):
        return {"postgresql_url": postgresql_url}
