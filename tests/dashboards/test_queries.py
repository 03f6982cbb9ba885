from __future__ import annotations

from decimal import Decimal

import pytest

from alerts.config import RulesSection
from dashboards.config import DashboardsSection, Prices
from dashboards.empties import RIGHTLY_EMPTY
from dashboards.panels import LogQuery, Money, Query, Table
from dashboards.queries import (
    PanelQuery,
    other_queries,
    panel_queries,
    panels,
    substitute,
)
from dashboards.raw import RAW
from dashboards.render import boards, documents
from demo.faults import FAULTS
from exporters.catalog import neutral
from tests.promql_lint import problems, series_read

PRICES = Prices(gpu_hour=Decimal("2.5"), kilowatt_hour=Decimal("0.3"))
DOCUMENTS = documents(DashboardsSection(prices=PRICES), RulesSection())
QUERIES = [
    pytest.param(query, id=f"{query.board}: {query.panel}: {query.legend}")
    for document in DOCUMENTS.values()
    for query in panel_queries(document)
]
PANELS = [
    pytest.param(panel, id=f"{board.board.uid}: {panel.title}")
    for board in boards(RulesSection(), PRICES)
    for panel in board.panels
]
MADE_OF = {
    ("requests/second", "ratio"), ("tokens/second", "ratio"), ("ratio", "1"),
    ("boolean", "1"), ("boolean", "ratio"), ("timestamp", "seconds"), ("watts", "joules"),
    ("1", "seconds"), ("tokens/second", "tokens"), ("1", "events/second"),
    ("1", "requests/second"), ("seconds", "ratio"),
}  # fmt: skip
"""What a query may make of its signal's unit: a share of it, a multiple, a count, its sum over
time, its rate; a forecast's load has the unit of what it forecasts."""


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
    read = {series for query in panel.queries for series in series_of(query)}
    guards = {"busysignal:target_up"}

    assert read - guards <= named
    for signal in panel.signals:
        assert read & {selector.series for selector in signal.selectors()}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_reads_recorded_series_but_for_the_named_exceptions(panel):
    for signal in panel.signals:
        own = signal.name.startswith("busysignal_")
        assert own or signal in neutral.SIGNALS or signal in RAW


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_the_unit_of_its_signals(panel):
    if isinstance(panel, Table):
        shown = [(column.signal.unit, column.shown_unit) for column in panel.columns]
    elif any(len(series_of(query)) > 1 for query in panel.queries) or panel.unit:
        shown = [(signal.unit, panel.shown_unit) for signal in panel.signals[:1]]
    else:
        shown = [(signal.unit, panel.shown_unit) for signal in panel.signals]

    for written, drawn in shown:
        assert written == drawn or isinstance(drawn, Money) or (written, drawn) in MADE_OF


def series_of(query: Query | LogQuery) -> set[str]:
    if isinstance(query, LogQuery):
        return set()
    return series_read(substitute(query.expr, {}, rate_interval="5m", span="1h"))


@pytest.mark.parametrize("query", QUERIES)
def test_a_rate_looks_back_as_far_as_grafana_advises(query: PanelQuery):
    assert "[5m]" not in query.expr
    assert "$__interval" not in query.expr


def test_every_exception_is_used():
    read = {
        signal
        for board in boards(RulesSection(), PRICES)
        for panel in board.panels
        for signal in panel.signals
    }
    only_marked = {signal for signal in RAW if signal.name == "process_start_time_seconds"}

    assert set(RAW) - read == only_marked


def test_variables_and_macros_are_put_in():
    text = 'rate(x{a="$service",b=~"${model}"}[$__rate_interval]) + increase(y[$__range])'

    made = substitute(text, {"service": "chat"}, rate_interval="4s", span="60s")

    assert made == 'rate(x{a="chat",b=~".*"}[4s]) + increase(y[60s])'
    assert substitute("x * $__range_s", {}, rate_interval="4s", span="2m") == "x * 120"


def test_every_rightly_empty_panel_exists():
    titles = {
        (uid, panel["title"]) for uid, document in DOCUMENTS.items() for panel in panels(document)
    }

    assert {(empty.board, empty.panel) for empty in RIGHTLY_EMPTY} <= titles


def test_every_fault_that_fills_a_panel_is_one_of_the_demos():
    assert {empty.fault for empty in RIGHTLY_EMPTY} <= {"", *FAULTS}
