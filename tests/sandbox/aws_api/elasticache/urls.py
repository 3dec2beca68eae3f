# SPDX-License-Identifier: GPL-3.0-or-later
from .responses import ElastiCacheResponse

url_bases = [r"https?://elasticache\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/$": ElastiCacheResponse.dispatch}
