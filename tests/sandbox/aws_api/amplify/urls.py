# SPDX-License-Identifier: GPL-3.0-or-later
"""amplify base URL and path."""

from __future__ import annotations

from .responses import AmplifyResponse

url_bases = [r"https?://amplify\.(.+)\.amazonaws\.com"]

# Branch names hold slashes, so paths are left to moto's router, which matches the encoded path with the service model.
url_paths = {
    "{0}/apps$": AmplifyResponse.dispatch,
    "{0}/apps/(?P<path>.+)$": AmplifyResponse.dispatch,
    "{0}/tags/(?P<path>.+)$": AmplifyResponse.dispatch,
}
