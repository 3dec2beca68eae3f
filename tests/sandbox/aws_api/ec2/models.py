# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from moto.ec2 import models as moto

from .interfaces import InterfaceBackend
from .security_groups import SecurityGroupBackend


class EC2Backend(InterfaceBackend, SecurityGroupBackend, moto.EC2Backend):
    """moto's EC2 with security groups of our own, and the interfaces of services."""
