# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of CloudWatch's alarms that moto lacks, in moto's own shape."""
