from __future__ import annotations

from functools import cache

import pytest

from alerts.config import RulesSection
from alerts.model import Alert, Recording
from alerts.recording import groups as recording_groups
from alerts.rules import alerts_in, groups
from dashboards.config import DashboardsSection
from dashboards.panels import Query
from dashboards.queries import substitute
from dashboards.render import boards
from exporters.catalog import boards as links
from exporters.catalog import neutral
from exporters.catalog.boards import Board
from exporters.catalog.levels import THRESHOLD_SET, THRESHOLDS
from tests.promql_lint import series_read

RULES = RulesSection()
ALERTS = alerts_in(groups(RULES))
BOARDS = {board.board: board for board in boards(RULES, DashboardsSection().prices)}
SOURCES = {
    rule.signal.name: {name for name in series_read(rule.expr) if ":" not in name}
    for group in recording_groups(RULES, ALERTS)
    for rule in group.rules
    if isinstance(rule, Recording)
}
LENT = {neutral.TARGET_UP.name}
"""Where an alert joins it, it only lends a device's series the name of their service."""


@cache
def drawn(board: Board) -> frozenset[str]:
    """Every series that a board's panels read, and the raw ones that those are recorded from."""
    shown = {
        series
        for panel in BOARDS[board].panels
        for query in panel.queries
        if isinstance(query, Query)
        for series in series_read(substitute(query.expr, {}, rate_interval="5m", span="1h"))
    }
    return frozenset(shown.union(*(SOURCES.get(series, ()) for series in shown)))


def read(alert: Alert) -> set[str]:
    """What an alert reads; its levels stand in panels as lines, and those that were set as rows."""
    return series_read(alert.expr) - {level.name for level in THRESHOLDS.values()}


def one_click(board: Board) -> set[Board]:
    """A board and those that its panels lead to."""
    return {board, *(link.board for panel in BOARDS[board].panels for link in panel.links)}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_what_an_alert_reads_is_on_its_dashboard_or_one_click_away(alert: Alert):
    shown = frozenset().union(*map(drawn, one_click(alert.board)))

    assert read(alert) - shown - LENT == set()


def test_levels_that_were_set_are_on_a_board():
    assert THRESHOLD_SET.name in drawn(links.INCIDENTS)
