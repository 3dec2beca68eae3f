# SPDX-License-Identifier: GPL-3.0-or-later
"""The limiter that most Python applications would write: starlette and limits, an exact moving window."""

from __future__ import annotations

import hmac
import os
import time

from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

CREDENTIAL = f"Bearer {os.environ['TOKEN']}"
LIMITS = {"starter": parse("50/hour"), "pro": parse("100/hour"), "business": parse("500/hour")}
limiter = MovingWindowRateLimiter(RedisStorage(f"async+redis://127.0.0.1:{os.environ['REDIS_PORT']}", implementation="redispy"))


async def check(request):
    if not hmac.compare_digest(request.headers.get("authorization", ""), CREDENTIAL):
        return JSONResponse({"status": 401}, 401)
    question = await request.json()
    limit = LIMITS[question["plan"]]
    allowed = await limiter.hit(limit, question["subject"], cost=question["cost"])
    reset, remaining = await limiter.get_window_stats(limit, question["subject"])
    seconds = max(0, round(reset - time.time()))
    return JSONResponse({"allowed": allowed, "limits": [{"name": "hour", "remaining": remaining, "reset": seconds}]}, 200 if allowed else 429, {
        "RateLimit-Policy": f'"hour";q={limit.amount};w=3600', "RateLimit": f'"hour";r={remaining};t={seconds}'})


app = Starlette(routes=[Route("/v1/check", check, methods=["POST"])])
