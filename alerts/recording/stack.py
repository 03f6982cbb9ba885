"""Recordings of the stack's own servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from exporters.catalog import foreign, neutral_stack

if TYPE_CHECKING:
    from alerts.durations import Scale


def servers(scale: Scale) -> tuple[Recording, ...]:
    """Failed rules, lost notifications, slow scrapes."""
    window = scale.window("5m")
    failed = foreign.RULE_FAILURES.total
    dropped = foreign.NOTIFICATIONS_DROPPED.total
    undelivered = foreign.NOTIFICATIONS_FAILED.total
    return (
        Recording(
            neutral_stack.RULE_FAILURES,
            # Prometheus says `file;group`, and the file's path is of no interest.
            f"sum by (rule_group) (label_replace(increase({failed}[{window}]), "
            '"rule_group", "$1", "rule_group", ".*;(.+)"))',
        ),
        Recording(
            neutral_stack.NOTIFICATIONS_LOST,
            f"sum by (job) (increase({dropped}[{window}]))\n"
            f"or\nsum by (job) (increase({undelivered}[{window}]))",
        ),
        Recording(
            neutral_stack.SCRAPE_SECONDS,
            f"max by (job, instance) ({foreign.SCRAPE_DURATION.value})",
        ),
    )
