# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from moto.ec2 import models as moto


class EC2Backend(moto.EC2Backend):
    rules_per_security_group = 60
