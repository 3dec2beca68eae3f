# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared of one agent: the texts of its files and units, and what is refused of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._agent import units

LOOPBACK = re.compile(r"127[.]|::1$|localhost$")
FINGERPRINT_SALT = "limiter-agent:"  # the agent's own
SECRET = ("credential", "bearer_tokens", "key.pem", "aws-credentials")


class File(t.NamedTuple):
    """name: in the configuration's directory; field: how a difference calls it."""

    name: str
    field: str
    text: str


def digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


class Desired:
    """One instance, from the options of the module limiter_agent. Null stands for an option that was left out."""

    def __init__(self, options: t.Mapping[str, t.Any]) -> None:
        self.state: str = options["state"]
        self.name: str = options["name"]
        self.object = f"host {options['host'] or self.name}"
        self.release: str = options["release"]
        self.python: str = options["python"]
        self.user: str = options["user"] or self.name
        self.create_user: bool = options["create_user"]
        self.install_directory: str = options["install_directory"] or f"/opt/{self.name}"
        self.config_directory: str = options["config_directory"] or f"/etc/{self.name}"
        self.supervisor_directory: str = options["supervisor_directory"] or f"/var/lib/{self.name}"
        chosen = options["service_manager"]
        self.has_systemd: bool = chosen == "systemd" or chosen == "auto" and os.path.isdir("/run/systemd/system")  # sd_booted(3)
        self.bearer_tokens: list[str] = options["bearer_tokens"] or []
        self.purge_bearer_tokens: bool = options["purge_bearer_tokens"]
        self.plain_text: bool = options["plain_text"]
        self.rules: t.Mapping[str, t.Any] = options["rules"] or {}
        self.workers: t.Optional[int] = options["workers"]
        self.agents: int = options["agents"]
        self.ready_timeout: int = options["ready_timeout"]
        self.redis, self.tls, self.cloudwatch, listen = (_given(options[name]) for name in ("redis", "tls", "cloudwatch", "listen"))
        self.address: str = listen.get("address") or "0.0.0.0"
        self.port: int = listen.get("port") or 8443

    # supervisord runs the agent as the user that connects, whose files it can read whatever their group is.
    @property
    def group(self) -> t.Optional[str]:
        return self.user if self.has_systemd or self.create_user else None

    @property
    def has_tls(self) -> bool:
        return bool(self.tls.get("certificate"))

    @property
    def token(self) -> str:
        return self.redis.get("token") or ""

    @property
    def redis_place(self) -> tuple[str, int]:
        return self.redis.get("host") or "", self.redis.get("port") or 6379

    @property
    def redis_tls(self) -> bool:
        return bool(self.redis.get("tls"))

    @property
    def fingerprint(self) -> t.Optional[str]:
        """How the agent names the credential that it uses."""
        return digest(FINGERPRINT_SALT + self.token, 12) if self.token else None

    @property
    def socket(self) -> str:
        return _bracketed(self.address, self.port)

    @property
    def release_directory(self) -> str:
        return f"{self.install_directory}/{self.release}"

    @property
    def supervisord_directory(self) -> str:
        return f"{self.install_directory}/supervisord"

    @property
    def program(self) -> str:
        return f"{self.release_directory}/bin/limiter-agent"

    @property
    def permissions(self) -> str:
        return f"0640 {self.group}" if self.group else "0640"

    @property
    def directories(self) -> dict[str, str]:
        """Permissions by path."""
        found = {self.install_directory: "0755", self.config_directory: f"0750 {self.group}" if self.group else "0750"}
        if not self.has_systemd:
            found[self.supervisor_directory] = "0750"
        return found

    @property
    def units(self) -> dict[str, File]:
        """By path. The agent is started anew when one of them changes, so a unit bears a mark of all settings that need it."""
        start = [self.address, self.port, self.has_tls, self.workers or 0, self.redis.get("key_prefix") or "", self.cloudwatch]
        values = {
            "name": self.name, "user": self.user, "program": self.program, "config": self.config_directory, "directory": self.supervisor_directory,
            "listen": self.socket, "start": digest(json.dumps(start, sort_keys=True), 64),
            "aws_file": f"{self.config_directory}/aws-credentials" if self.cloudwatch.get("access_key") else "",
            "runs_as": self.user if self.create_user else "",
        }
        if self.has_systemd:
            folder = "/etc/systemd/system"
            socket, service = f"{self.name}.socket", f"{self.name}.service"
            return {f"{folder}/{socket}": File(socket, "socket", units.socket(values)), f"{folder}/{service}": File(service, "unit", units.service(values))}
        return {f"{self.config_directory}/supervisord.conf": File("supervisord.conf", "unit", units.supervisord(values))}

    def unit_marks(self) -> dict[str, str]:
        """What an agent that was started with these units is known by."""
        return {file.field: digest(file.text, 8) for file in self.units.values()}

    def files(self, kept_tokens: t.Sequence[str] = ()) -> list[File]:
        """In the order in which they are written: the rules last but one, and the configuration, which names the others, last. A credential is
        named after what it holds, so that only the configuration, which has it beside the address, moves the agent: no credential meets another's
        address. An empty text stands for a file that is not to be there."""
        credential = "\n".join([self.token, self.redis.get("user") or "", ""])
        key = self.cloudwatch.get("access_key")
        aws = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {self.cloudwatch.get('secret_key')}\n" if key else ""
        name = f"credential-{digest(FINGERPRINT_SALT + credential, 12)}"
        return [
            File(name, "credential", credential),
            File("bearer-tokens", "bearer_tokens", "\n".join([*self.bearer_tokens, *kept_tokens, ""])),
            File("certificate.pem", "certificate.pem", self.tls.get("certificate") or ""),
            File("key.pem", "key.pem", self.tls.get("key") or ""),
            File("redis-ca.pem", "redis-ca.pem", self.redis.get("tls_ca") or ""),
            File("aws-credentials", "aws-credentials", aws),
            # JSON is YAML, and every Python writes it.
            File("rules.yml", "rules.yml", f"# {units.HEAD}\n{json.dumps(self.rules, indent=2, ensure_ascii=False)}\n"),
            File("agent.yml", "agent.yml", self._configuration(name)),
        ]

    def _configuration(self, credential: str) -> str:
        def path(name: str) -> str:
            return f"{self.config_directory}/{name}"

        redis = {"url": f"redis{'s' if self.redis_tls else ''}://{_bracketed(*self.redis_place)}", "credential": path(credential)}
        if self.redis.get("tls_ca"):
            redis["ca"] = path("redis-ca.pem")
        redis.update({name: self.redis[name] for name in ("deadline_ms", "key_prefix") if name in self.redis})
        sections: dict[str, t.Any] = {"listen": {"address": self.address, "port": self.port}}
        if self.has_tls:
            sections["tls"] = {"certificate": path("certificate.pem"), "key": path("key.pem")}
        if self.workers:
            sections["workers"] = self.workers
        sections.update(agents=self.agents, rules=path("rules.yml"), bearer_tokens=path("bearer-tokens"), redis=redis)
        if self.cloudwatch:
            sections["metrics"] = {name: self.cloudwatch[name] for name in ("region", "namespace", "endpoint_url", "interval") if name in self.cloudwatch}
        return f"# {units.HEAD}\n" + "".join(f"{name}: {json.dumps(value)}\n" for name, value in sections.items())

    def facts(self, kept_tokens: t.Sequence[str] = ()) -> dict[str, t.Any]:
        """What a host that is as declared shows, by field."""
        if self.state == "absent":
            return {}
        facts: dict[str, t.Any] = {"user": self.user} if self.create_user else {}
        facts.update({f"directory {path}": permissions for path, permissions in self.directories.items()})
        facts["release"] = self.release
        if not self.has_systemd:
            facts["supervisord"] = "installed"
        facts.update({file.field: file.text for file in self.files(kept_tokens) if file.text})
        facts["permissions"] = self.permissions
        facts.update({file.field: file.text for file in self.units.values()})
        facts["service"] = service_in_words(True, True, self.unit_marks())
        return facts


def service_in_words(running: bool, at_boot: bool, marks: t.Mapping[str, str]) -> str:
    with_units = ", ".join(f"{field} {mark}" for field, mark in sorted(marks.items(), reverse=True))
    return (f"running with {with_units}" if running else "stopped") + ("" if at_boot else ", not enabled at boot")


def _given(mapping: t.Optional[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    return {name: value for name, value in (mapping or {}).items() if value is not None}


def _bracketed(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def problems(desired: Desired) -> list[str]:
    """What cannot work, in sentences that name the role's variables. Nobody who shares a network with the host is to read a token."""
    if desired.state == "absent":
        return []
    found = []
    if not desired.redis_place[0]:
        found.append("limiter_agent_redis.host is missing: the address of the cache.")
    if not desired.bearer_tokens:
        found.append("limiter_agent_bearer_tokens is empty: name at least one token.")
    short = [token for token in desired.bearer_tokens if not re.fullmatch(r"[!-~]{24,}", token)]
    if short:
        found.append(f"limiter_agent_bearer_tokens has {len(short)} that cannot serve: each has to be 24 or more visible ASCII characters.")
    if desired.has_tls != bool(desired.tls.get("key")):
        found.append("limiter_agent_tls has only one of certificate and key: give both, or neither behind a load balancer.")
    if not (desired.has_tls or desired.plain_text or LOOPBACK.match(desired.address)):
        found.append(
            f"without limiter_agent_tls, bearer tokens reach {desired.address} in plain text: give a certificate and its key, listen on 127.0.0.1,"
            " or where TLS ends at a load balancer in the same VPC, set limiter_agent_plain_text: true.")
    if desired.token and not desired.redis_tls and not LOOPBACK.match(desired.redis_place[0]):
        found.append("limiter_agent_redis.token would be sent in plain text, as limiter_agent_redis.tls is false: set it to true, or take the token out.")
    if desired.redis.get("user") and not desired.token:
        found.append("limiter_agent_redis.user has no limiter_agent_redis.token: give the password of that user, or take the user out.")
    if desired.cloudwatch and not desired.cloudwatch.get("region"):
        found.append("limiter_agent_cloudwatch.region is missing: the region that metrics go to.")
    if bool(desired.cloudwatch.get("access_key")) != bool(desired.cloudwatch.get("secret_key")):
        found.append("limiter_agent_cloudwatch has only one of access_key and secret_key: give both, or neither for the role of the instance.")
    return found
