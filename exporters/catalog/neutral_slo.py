"""Recorded series of the error budgets: counts over the whole period, weighted by requests."""

from __future__ import annotations

from exporters.catalog.signal import Recorded

SLO = ("service", "slo")

SLO_REQUESTS = Recorded(
    name="llm:slo_requests:increase1h",
    help="Number of requests that an objective is about, over 1h.",
    labels=SLO,
    unit="requests",
)
PERIOD_REQUESTS = Recorded(
    name="llm:slo_requests:increase30d",
    help="Number of requests that an objective is about, over 30d.",
    labels=SLO,
    unit="requests",
)
PERIOD_FAILURES = Recorded(
    name="llm:slo_failures:increase30d",
    help="Number of requests that missed the objective over 30d.",
    labels=SLO,
    unit="requests",
)
BUDGET_LEFT = Recorded(
    name="llm:slo_budget_left:requests",
    help="Requests that may still miss the objective within its 30d; below 0: it is missed.",
    labels=SLO,
    unit="requests",
)
BUDGET_REMAINING = Recorded(
    name="llm:slo_budget_remaining:ratio",
    help="Share of the error budget of 30d that is left; below 0: the objective is missed.",
    labels=SLO,
    unit="ratio",
)
BOUND = Recorded(
    name="llm:good_request_bound_seconds",
    help="Bounds by which the service itself counts a request as good.",
    labels=("service", "bound"),
    unit="seconds",
)

SIGNALS = (
    SLO_REQUESTS, PERIOD_REQUESTS, PERIOD_FAILURES, BUDGET_LEFT, BUDGET_REMAINING, BOUND,
)  # fmt: skip
