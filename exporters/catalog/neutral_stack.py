"""Recorded series of the stack's own servers: part of `neutral`."""

from __future__ import annotations

from exporters.catalog.signal import Recorded

RULE_FAILURES = Recorded(
    name="busysignal:rule_failures:increase",
    help="Rule evaluations that failed, over the short window.",
    labels=("rule_group",),
)
NOTIFICATIONS_LOST = Recorded(
    name="busysignal:notifications_lost:increase",
    help="Alerts that no Alertmanager took or that it could not deliver, over the short window.",
    labels=("job",),
)
SCRAPE_SECONDS = Recorded(
    name="busysignal:scrape_seconds",
    help="Time that the last scrape of a target took.",
    labels=("job", "instance"),
    unit="seconds",
)

SIGNALS = (RULE_FAILURES, NOTIFICATIONS_LOST, SCRAPE_SECONDS)
