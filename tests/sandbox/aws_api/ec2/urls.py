# SPDX-License-Identifier: GPL-3.0-or-later
from .responses import EC2Response

url_bases = [r"https?://ec2\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/": EC2Response.dispatch}
