# SPDX-License-Identifier: GPL-3.0-or-later
"""The limiter agent: decides whether a creator may make a request now."""

__version__ = "1.0.0"
