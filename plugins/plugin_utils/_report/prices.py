# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS asks for what the collection keeps or finds: USD, us-east-1, on demand, each row with its source and the day of it.

To renew it, read AWS's Price List and replace rows together with their days. What has no row is not counted, and the report names it.
"""

from __future__ import annotations

import typing as t

CURRENCY = "USD"
REGION = "us-east-1"
HOURS = 730  # of a month, as AWS's own calculator has it: 8,760 of a year, by 12


class Price(t.NamedTuple):
    usd: float
    unit: str
    source: str
    day: t.Optional[str] = None  # of the source; None where it tells none


_LIST = ("AWS Price List", "2026-10-02")
_INFRACOST = ("infracost 95ba4f4, tests of the AWS provider", "2026-08-21")
_T4G = ("ten published tables that agree",)
_RECORDED = ("a public recording of the AWS Price List API", "2026-08-19")
_RDS = ("infratally.com, AWS RDS pricing explained", "2026-01-01")  # "2026", without a day

PRICES: dict[str, Price] = {
    "ElastiCache cache.t3.micro redis": Price(0.017, "hour", *_LIST),
    "ElastiCache cache.t3.micro valkey": Price(0.0136, "hour", *_LIST),
    "ElastiCache cache.t4g.micro redis": Price(0.016, "hour", *_LIST),
    "ElastiCache cache.t4g.micro valkey": Price(0.0128, "hour", *_LIST),
    "ElastiCache cache.m7g.large redis": Price(0.158, "hour", *_LIST),
    "ElastiCache cache.m7g.large valkey": Price(0.1264, "hour", *_LIST),
    "ElastiCache Extended Support cache.t3.micro, years 1 and 2": Price(0.014, "hour", "a reading of AWS's ElastiCache pricing"),
    "ElastiCache Extended Support cache.t3.micro, year 3": Price(0.027, "hour", "a reading of AWS's ElastiCache pricing"),
    "EC2 t4g.micro": Price(0.0084, "hour", *_T4G),
    "EC2 t4g.small": Price(0.0168, "hour", *_T4G),
    "EC2 t3.micro": Price(0.0104, "hour", *_INFRACOST),
    "EC2 t3.small": Price(0.0208, "hour", *_INFRACOST),
    "EC2 t3.medium": Price(0.0416, "hour", *_INFRACOST),
    "EBS gp3": Price(0.08, "GB", *_INFRACOST),
    "EBS gp2": Price(0.10, "GB", *_INFRACOST),
    "public IPv4 address": Price(0.005, "hour", "a reading of AWS's VPC pricing", "2026-07-01"),
    "RDS db.t3.micro postgres": Price(0.018, "hour", *_RECORDED),
    "RDS db.t3.small postgres": Price(0.036, "hour", "six published tables that agree"),
    "RDS db.t4g.micro postgres": Price(0.016, "hour", *_RECORDED),
    "RDS db.t4g.small postgres": Price(0.032, "hour", *_RDS),
    "RDS db.t4g.medium postgres": Price(0.065, "hour", *_RDS),
    "RDS db.t3.large postgres": Price(0.145, "hour", *_INFRACOST),
    "RDS storage gp2": Price(0.115, "GB", *_INFRACOST),
    "RDS storage gp3": Price(0.115, "GB", "usage.ai, RDS pricing calculator", "2026-06-01"),
    "CloudWatch alarm metric": Price(0.10, "month", *_INFRACOST),
    "CloudWatch high-resolution alarm metric": Price(0.30, "month", *_INFRACOST),
    "CloudWatch composite alarm": Price(0.50, "month", "c3x.dev"),
    "CloudWatch custom metric": Price(0.30, "month", "signoz.io, CloudWatch pricing", "2026-02-15"),
    "Amplify build minute": Price(0.01, "minute", "a reading of AWS's Amplify pricing"),
}
