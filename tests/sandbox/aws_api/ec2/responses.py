# SPDX-License-Identifier: GPL-3.0-or-later
from moto.ec2.responses import EC2Response  # noqa: F401
