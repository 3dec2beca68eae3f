# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of ElastiCache that moto lacks, in moto's own shape."""
