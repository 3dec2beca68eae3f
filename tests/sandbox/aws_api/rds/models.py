# SPDX-License-Identifier: GPL-3.0-or-later
"""What RDS knows beside databases: the authorities that sign their certificates, and how long it supports an engine's versions."""

from __future__ import annotations

import datetime
import typing as t

from moto.rds.models import RDSBackend as MotoRDSBackend

# The documentation's sample of DescribeCertificates, without the authority that has expired in 2024.
AUTHORITIES = {
    "rds-ca-ecc384-g1": ("2ee3dcc06e50192559b13929e73484354f23387d", "2021-05-24T22:06:59+00:00", "2121-05-24T23:06:59+00:00"),
    "rds-ca-rsa4096-g1": ("19da4f2af579a8ae1f6a0fa77aa5befd874b4cab", "2021-05-24T22:03:20+00:00", "2121-05-24T23:03:20+00:00"),
    "rds-ca-rsa2048-g1": ("7c40cb42714b6fdb2b296f9bbd0e8bb364436a76", "2021-05-24T21:59:00+00:00", "2061-05-24T22:59:00+00:00"),
}
DEFAULT_AUTHORITY = "rds-ca-rsa2048-g1"
# The last days of PostgreSQL's standard support; three years of extended support follow, but those of 11 end a month later.
STANDARD_SUPPORT = {
    "11": "2024-02-29", "12": "2025-02-28", "13": "2026-02-28", "14": "2027-02-28", "15": "2028-02-29", "16": "2029-02-28", "17": "2030-02-28",
    "18": "2031-02-28",
}
EXTENDED_SUPPORT = {"11": "2027-03-31"}
instant = datetime.datetime.fromisoformat


class RDSBackend(MotoRDSBackend):
    def certificates(self, identifier: str | None) -> list[dict[str, t.Any]]:
        return [
            {
                "CertificateIdentifier": name, "CertificateType": "CA", "Thumbprint": thumbprint, "ValidFrom": instant(start),
                "ValidTill": instant(end),
                "CustomerOverride": False, "CertificateArn": f"arn:aws:rds:{self.region_name}::cert:{name}",
            }
            for name, (thumbprint, start, end) in AUTHORITIES.items() if identifier in (None, name)
        ]

    def describe_db_cluster_parameters(self, db_cluster_parameter_group_name: str) -> list[dict[str, t.Any]]:
        """AWS has the default group of each family. moto names it in a cluster and has none; it knows no parameters of it either."""
        if db_cluster_parameter_group_name.startswith("default.") and db_cluster_parameter_group_name not in self.db_cluster_parameter_groups:
            return []
        return super().describe_db_cluster_parameters(db_cluster_parameter_group_name)

    def major_engine_versions(self, engine: str | None, version: str | None) -> list[dict[str, t.Any]]:
        if engine not in (None, "postgres"):
            return []
        return [
            {"Engine": "postgres", "MajorEngineVersion": major, "SupportedEngineLifecycles": self._lifecycles(major, end)}
            for major, end in STANDARD_SUPPORT.items() if version in (None, major)
        ]

    @staticmethod
    def _lifecycles(major: str, end: str) -> list[dict[str, t.Any]]:
        extended = EXTENDED_SUPPORT.get(major, f"{int(end[:4]) + 3}-02-28")
        return [
            {"LifecycleSupportName": f"open-source-rds-{kind}-support", "LifecycleSupportEndDate": instant(f"{last}T23:59:59+00:00")}
            for kind, last in (("standard", end), ("extended", extended))
        ]
