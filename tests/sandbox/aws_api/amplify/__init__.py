# SPDX-License-Identifier: GPL-3.0-or-later
"""Amplify Hosting in the shape of a moto service, which moto lacks."""
