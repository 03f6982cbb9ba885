"""The alerts' own levels, as colours and lines in panels."""

from __future__ import annotations

from decimal import Decimal

from alerts import slo
from alerts.config import RulesSection
from dashboards.panels import Step, rising

BURN_WINDOW = slo.PAGE[0].long
"""The window whose burn rate a page needs first."""


def budgets(rules: RulesSection) -> dict[str, Decimal]:
    """Share of requests each objective may miss, by the `slo` label of its recorded series."""
    return {level.slo: level.budget for level in slo.levels(rules.objectives)}


def burning() -> tuple[Step, ...]:
    """Orange where a ticket is written, red where someone is woken."""
    return rising(float(slo.TICKET[-1].factor), float(slo.PAGE[0].factor))
