"""The alerts' own levels, as colours and lines in panels."""

from __future__ import annotations

from alerts import slo
from alerts.config import RulesSection
from dashboards.panels import Step, rising
from exporters.catalog.signal import Selector

BURN_WINDOW = slo.PAGE[0].long
"""The window whose burn rate a page needs first."""


def objectives(rules: RulesSection) -> tuple[slo.Level, ...]:
    """Every objective, as the alerts hold it."""
    return slo.levels(rules.objectives)


def burn_rate(level: slo.Level, errors: Selector) -> str:
    """How many times too fast these errors spend the budget of their service."""
    return level.query(lambda one: f"{one.of(errors)} / {one.budget}")


def burning() -> tuple[Step, ...]:
    """Orange where a ticket is written, red where someone is woken."""
    return rising(float(slo.TICKET[-1].factor), float(slo.PAGE[0].factor))
