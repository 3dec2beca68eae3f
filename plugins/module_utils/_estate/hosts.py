# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of the limiter agents, as far as they are EC2's."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Found, Reads

MEMBERS = ("instances", "volumes")


def hosts(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found = instances(reads, named)
    names = [one["instance_id"] for one in found or []]
    volumes = reads.ask("ec2", "describe_volumes", "Volumes", Filters=[{"Name": "attachment.instance-id", "Values": names}]) if names else found
    return {"instances": found, "volumes": volumes}


def instances(reads: Reads, named: t.Mapping[str, t.Any]) -> Found:
    """By their identifiers, and by any address of theirs: a filter of instances by address knows the first one only."""
    names = [one for one in named["host_addresses"] if one.startswith("i-")]
    addresses = [one for one in named["host_addresses"] if not one.startswith("i-")]
    if addresses:
        filters = [{"Name": "addresses.private-ip-address", "Values": addresses}]
        interfaces = reads.ask("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        if interfaces is None:
            return None
        names += [one["attachment"]["instance_id"] for one in interfaces if (one.get("attachment") or {}).get("instance_id")]
    if not names:
        return []
    reservations = reads.ask("ec2", "describe_instances", "Reservations", Filters=[{"Name": "instance-id", "Values": sorted(set(names))}])
    return None if reservations is None else [one for reservation in reservations for one in reservation.get("instances") or []]
