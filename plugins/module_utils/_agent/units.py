# SPDX-License-Identifier: GPL-3.0-or-later
"""How systemd or supervisord runs the agent, as the texts of their files."""

from __future__ import annotations

import typing as t

HEAD = "Written by the role huntaze.ai_system.limiter_agent."

_SOCKET = """\
# {head}
# Held by systemd, so that callers wait instead of failing while the agent is started anew.
[Unit]
Description=Port of the limiter agent {name}

[Socket]
ListenStream={listen}
Backlog=1024
# At boot the address may not be there yet.
FreeBind=yes

[Install]
WantedBy=sockets.target
"""

_SERVICE = """\
# {head}
[Unit]
Description=Limiter agent {name}
Requires={name}.socket
Wants=network-online.target
After={name}.socket network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={program} --config {config}/agent.yml
ExecReload=/bin/kill -HUP $MAINPID
{aws}Environment=LIMITER_AGENT_START_SETTINGS={start}
User={user}
Group={user}
Restart=always
RestartSec=1
# The agent ends its processes itself, in an order that loses no request and no metric.
KillMode=mixed
TimeoutStopSec=30
LimitNOFILE=65536

CapabilityBoundingSet=
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077

[Install]
WantedBy=multi-user.target
"""

_SUPERVISORD = """\
; {head}
[supervisord]
directory={directory}
logfile={directory}/supervisord.log
pidfile={directory}/supervisord.pid
identifier={name}
umask=077

[unix_http_server]
file={directory}/supervisor.sock
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{directory}/supervisor.sock

[program:{name}]
command={program} --config {config}/agent.yml
{runs_as}environment=LIMITER_AGENT_START_SETTINGS="{start}"{aws}
autorestart=true
startsecs=1
startretries=1000000
stopwaitsecs=30
stderr_logfile={directory}/agent.log
stderr_logfile_maxbytes=20MB
stdout_logfile=NONE
"""


def socket(values: t.Mapping[str, str]) -> str:
    return _SOCKET.format(head=HEAD, **values)


def service(values: t.Mapping[str, str]) -> str:
    aws = f"Environment=AWS_SHARED_CREDENTIALS_FILE={values['aws_file']}\n" if values["aws_file"] else ""
    return _SERVICE.format(head=HEAD, aws=aws, **values)


def supervisord(values: t.Mapping[str, str]) -> str:
    aws = f',AWS_SHARED_CREDENTIALS_FILE="{values["aws_file"]}"' if values["aws_file"] else ""
    runs_as = f"user={values['runs_as']}\n" if values["runs_as"] else ""
    return _SUPERVISORD.format(head=HEAD, aws=aws, **{**values, "runs_as": runs_as})
