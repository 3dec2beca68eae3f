# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The database: its instances, and what decides who may connect to them."""

from __future__ import annotations

import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._estate.reads import Found, Reads, together

MEMBERS = ("instances", "clusters", "parameters", "proxies", "certificates", "major_versions")


def instances(reads: Reads, named: t.Mapping[str, t.Any]) -> Found:
    """The instance that is named, or all of the cluster that is named or that the instance is in."""
    name = named["db_identifier"].lower()  # as AWS keeps all identifiers
    found = reads.ask("rds", "describe_db_instances", "DBInstances", absent=("DBInstanceNotFound",), nothing=[], DBInstanceIdentifier=name)
    if found is None:
        return None
    cluster = (found[0].get("db_cluster_identifier") or "") if found else name
    if not cluster:
        return found
    members = reads.ask("rds", "describe_db_instances", "DBInstances", Filters=[{"Name": "db-cluster-id", "Values": [cluster]}])
    return members or (None if members is None else found)


def only_instances(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {**dict.fromkeys(MEMBERS), "instances": instances(reads, named)}


def database(reads: Reads, named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found, proxies, certificates = together(
        lambda: instances(reads, named),
        lambda: reads.ask("rds", "describe_db_proxies", "DBProxies"),
        lambda: reads.ask("rds", "describe_certificates", "Certificates"),
    )
    first = found[0] if found else {}
    clusters, versions = together(
        lambda: _clusters(reads, first.get("db_cluster_identifier"), found),
        lambda: reads.ask("rds", "describe_db_major_engine_versions", "DBMajorEngineVersions", Engine=first["engine"]) if first else None,
    )
    return {
        "instances": found, "clusters": clusters, "parameters": _parameters(reads, first, clusters), "proxies": proxies, "certificates": certificates,
        "major_versions": versions,
    }


def _clusters(reads: Reads, name: t.Optional[str], found: Found) -> Found:
    if not name:
        return None if found is None else []
    return reads.ask("rds", "describe_db_clusters", "DBClusters", absent=("DBClusterNotFoundFault",), nothing=[], DBClusterIdentifier=name)


def _parameters(reads: Reads, instance: t.Mapping[str, t.Any], clusters: t.Optional[t.Sequence[t.Mapping[str, t.Any]]]) -> t.Optional[dict[str, t.Any]]:
    """Those that have a value, by name. An instance's stand before its cluster's."""
    if not instance or clusters is None:
        return None
    asked = [("describe_db_cluster_parameters", "DBClusterParameterGroupName", one["db_cluster_parameter_group"])
             for one in clusters if one.get("db_cluster_parameter_group")]
    asked += [("describe_db_parameters", "DBParameterGroupName", one["db_parameter_group_name"]) for one in instance.get("db_parameter_groups") or []]
    answers = together(*(lambda call=call, key=key, name=name: reads.ask("rds", call, "Parameters", **{key: name}) for call, key, name in asked))
    if not asked or any(answer is None for answer in answers):
        return None
    return {
        one["parameter_name"]: {"value": one["parameter_value"], **{key: one.get(key) for key in ("source", "apply_type", "apply_method")}}
        for answer in answers for one in answer if one.get("parameter_value") is not None
    }
