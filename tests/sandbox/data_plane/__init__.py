# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers behind the API: Redis nodes, PostgreSQL, and the front that clients connect to."""
