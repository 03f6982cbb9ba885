"""The alerts' own levels, as colours and lines in panels."""

from __future__ import annotations

from decimal import Decimal

from alerts.config import RulesSection
from dashboards.panels import Step, rising

BURN_WINDOWS = ("5m", "1h", "6h")
"""The windows whose burn rates the paging alerts compare."""

LASTING, PAGING = 1, 14.4
"""Burn rates: the budget just lasts; 2 % of thirty days' budget goes in an hour."""


def budgets(rules: RulesSection) -> dict[str, Decimal]:
    """Share of requests each objective may miss, by the `slo` label of its recorded series."""
    objectives = rules.objectives
    targets = {
        "availability": objectives.availability.target,
        "latency": objectives.latency.target,
    }
    return {slo: 1 - target for slo, target in targets.items()}


def burning() -> tuple[Step, ...]:
    """Orange once the budget will not last, red where someone is woken."""
    return rising(LASTING, PAGING)
