# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail's log of calls, which moto does not keep, in moto's own shape."""
