# SPDX-License-Identifier: GPL-3.0-or-later
"""Where moto's security groups are gentler than AWS's, in moto's own shape."""
