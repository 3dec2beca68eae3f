# SPDX-License-Identifier: GPL-3.0-or-later
"""RDS's operations that moto lacks."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.rds.exceptions import RDSClientError
from moto.rds.responses import RDSResponse as MotoRDSResponse

from .models import DEFAULT_AUTHORITY


class RDSResponse(MotoRDSResponse):
    def describe_certificates(self) -> ActionResult:
        name = self.params.get("CertificateIdentifier")
        found = self.backend.certificates(name)
        if name and not found:
            raise RDSClientError("CertificateNotFound", f"Certificate not found: {name}")
        return ActionResult({"Certificates": found, "DefaultCertificateForNewLaunches": DEFAULT_AUTHORITY})

    def describe_db_major_engine_versions(self) -> ActionResult:
        return ActionResult({"DBMajorEngineVersions": self.backend.major_engine_versions(self.params.get("Engine"), self.params.get("MajorEngineVersion"))})
