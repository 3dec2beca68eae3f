# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limiter agent's package on the controller: what a release is made of and named after."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import yaml

FILES = Path(__file__).parents[2] / "roles" / "limiter_agent" / "files"


class Package:
    def __init__(self, directory=None):
        """Raises OSError where the directory is no package."""
        self.directory = Path(directory) if directory else FILES / "limiter_agent"
        modules = sorted(path for path in (self.directory / "limiter_agent").iterdir() if path.is_file())
        self._files = {str(path.relative_to(self.directory)): path.read_bytes() for path in [self.directory / "pyproject.toml", *modules]}

    def release(self, python):
        """Named after all that it is made of; so a unit changes exactly when the code does."""
        parts = [*(part for item in self._files.items() for part in item), (FILES / "requirements.txt").read_bytes(), python]
        return hashlib.sha256(b"\0".join(part if isinstance(part, bytes) else part.encode() for part in parts)).hexdigest()[:16]

    @property
    def rules(self):
        return yaml.safe_load(self._files["limiter_agent/rules.yml"])

    def pack(self, path, wheelhouse=None):
        """Writes the archive that a release is installed from."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._files.items():
                archive.writestr(f"package/{name}", content)
            for name in ("requirements.txt", "requirements-supervisord.txt"):
                archive.write(FILES / name, name)
            for wheel in sorted(Path(wheelhouse).glob("*.whl")) if wheelhouse else []:
                archive.write(wheel, f"wheels/{wheel.name}", zipfile.ZIP_STORED)
