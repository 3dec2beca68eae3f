# SPDX-License-Identifier: GPL-3.0-or-later
"""Where moto's EC2 is gentler than AWS's, or shows less of a packet's way, in moto's own shape."""
