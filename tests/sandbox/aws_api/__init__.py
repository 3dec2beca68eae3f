# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's control plane: moto with what it lacks, as one HTTP server."""
