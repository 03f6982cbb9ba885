from __future__ import annotations

import pytest

from alerts.config import RulesSection
from dashboards.config import DashboardsSection
from dashboards.queries import (
    RIGHTLY_EMPTY,
    PanelQuery,
    other_queries,
    panel_queries,
    panels,
    substitute,
)
from dashboards.raw import RAW
from dashboards.render import boards, documents
from exporters.catalog import neutral
from tests.promql_lint import problems, series_read

DOCUMENTS = documents(DashboardsSection(), RulesSection())
QUERIES = [
    pytest.param(query, id=f"{query.panel}: {query.legend}")
    for document in DOCUMENTS.values()
    for query in panel_queries(document)
]
PANELS = [
    pytest.param(panel, id=panel.title)
    for board in boards(RulesSection())
    for panel in board.panels
]
CHANGED_UNITS = {
    "SLO burn rate": ("ratio", "1"),
    "Success share": ("requests/second", "ratio"),
    "Found slower": ("boolean", "1"),
}
"""Panels whose query turns their signal's unit into another: a ratio of it, a multiple, a count."""


@pytest.mark.parametrize("query", QUERIES)
def test_a_panels_query_reads_what_there_is(query: PanelQuery):
    assert problems(query.promql({"service": "chat"})) == []


@pytest.mark.parametrize(
    "expr",
    [
        pytest.param(expr, id=f"{uid}: {name}")
        for uid, document in DOCUMENTS.items()
        for name, expr in other_queries(document)
    ],
)
def test_what_marks_and_variables_ask_for_exists(expr: str):
    assert problems(substitute(expr, {}, rate_interval="5m", span="1h")) == []


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_names_the_signals_it_reads_first(panel):
    named = {selector.series for signal in panel.signals for selector in signal.selectors()}
    read = {
        series
        for query in panel.queries
        for series in series_read(substitute(query.expr, {}, rate_interval="5m", span="1h"))
    }
    guards = {"busysignal:target_up"} | ({"ALERTS"} if panel.title == "Alerts firing" else set())

    assert read - guards <= named
    for signal in panel.signals:
        assert read & {selector.series for selector in signal.selectors()}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_reads_recorded_series_but_for_the_named_exceptions(panel):
    for signal in panel.signals:
        assert signal in neutral.SIGNALS or signal in RAW


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_the_unit_of_its_signals(panel):
    expected = {signal.unit for signal in panel.signals}

    if panel.title in CHANGED_UNITS:
        assert (panel.signals[0].unit, panel.shown_unit) == CHANGED_UNITS[panel.title]
    else:
        assert expected == {panel.shown_unit}


@pytest.mark.parametrize("query", QUERIES)
def test_a_rate_looks_back_as_far_as_grafana_advises(query: PanelQuery):
    assert "[5m]" not in query.expr
    assert "$__interval" not in query.expr


def test_every_exception_is_used():
    read = {
        signal for board in boards(RulesSection()) for p in board.panels for signal in p.signals
    }
    only_marked = {signal for signal in RAW if signal.name == "process_start_time_seconds"}

    assert set(RAW) - read == only_marked


def test_variables_and_macros_are_put_in():
    text = 'rate(x{a="$service",b=~"${model}"}[$__rate_interval]) + increase(y[$__range])'

    made = substitute(text, {"service": "chat"}, rate_interval="4s", span="60s")

    assert made == 'rate(x{a="chat",b=~".*"}[4s]) + increase(y[60s])'


def test_every_rightly_empty_panel_exists():
    titles = {
        (uid, panel["title"]) for uid, document in DOCUMENTS.items() for panel in panels(document)
    }

    assert {(empty.board, empty.panel) for empty in RIGHTLY_EMPTY} <= titles
