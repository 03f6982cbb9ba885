from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from alerts.config import RulesSection
from dashboards.config import DashboardsSection, Prices
from dashboards.empties import COMPANIONS, RIGHTLY_EMPTY
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
QUERIES = [pytest.param(panel_queries(document), id=uid) for uid, document in DOCUMENTS.items()]
PANELS = [
    pytest.param(board.panels, id=board.board.uid) for board in boards(RulesSection(), PRICES)
]
GUARDS = {"busysignal:target_up"}
"""Read beside a signal, to tell a silent service from an absent one."""
MADE_OF = {
    ("requests/second", "ratio"), ("tokens/second", "ratio"), ("ratio", "1"),
    ("boolean", "1"), ("boolean", "ratio"), ("timestamp", "seconds"), ("watts", "joules"),
    ("1", "seconds"), ("tokens/second", "tokens"), ("1", "events/second"),
    ("1", "requests/second"), ("seconds", "ratio"), ("bytes", "seconds"),
}  # fmt: skip
"""What a query may make of its signal's unit: a share of it, a multiple, a count, its sum over
time, its rate, how long it lasts; a forecast's load has the unit of what it forecasts."""


@pytest.mark.parametrize("queries", QUERIES)
def test_a_panels_query_reads_what_there_is(queries: list[PanelQuery]):
    wrong = {query.panel: problems(query.promql({"service": "chat"})) for query in queries}

    assert {panel: found for panel, found in wrong.items() if found} == {}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_marks_and_variables_ask_for_exists(document: dict[str, Any]):
    for _, expr in other_queries(document):
        assert problems(substitute(expr, {}, rate_interval="5m", span="1h")) == []


@pytest.mark.parametrize("panels", PANELS)
def test_a_panel_names_the_signals_it_reads_first(panels):
    for panel in panels:
        named = {selector.series for signal in panel.signals for selector in signal.selectors()}
        read = {series for query in panel.queries for series in series_of(query)}

        assert read - GUARDS <= named, panel.title
        for signal in panel.signals:
            assert read & {selector.series for selector in signal.selectors()}, panel.title


@pytest.mark.parametrize("panels", PANELS)
def test_a_panel_reads_recorded_series_but_for_the_named_exceptions(panels):
    for signal in {signal for panel in panels for signal in panel.signals}:
        own = signal.name.startswith("busysignal_")
        assert own or signal in neutral.SIGNALS or signal in RAW


@pytest.mark.parametrize("panels", PANELS)
def test_a_panel_has_the_unit_of_its_signals(panels):
    for panel in panels:
        for written, drawn in units_of(panel):
            told = written == drawn or isinstance(drawn, Money) or (written, drawn) in MADE_OF
            assert told, f"{panel.title}: {written} as {drawn}"


def units_of(panel) -> list[tuple]:
    """The unit of each of a panel's signals and the one it is drawn in."""
    if isinstance(panel, Table):
        return [(column.signal.unit, column.shown_unit) for column in panel.columns]
    divided = any(len(series_of(query)) > 1 for query in panel.queries)
    counted = panel.signals[:1] if divided or panel.unit else panel.signals
    return [(signal.unit, panel.shown_unit) for signal in counted]


def series_of(query: Query | LogQuery) -> set[str]:
    if isinstance(query, LogQuery):
        return set()
    return series_read(substitute(query.expr, {}, rate_interval="5m", span="1h"))


@pytest.mark.parametrize("queries", QUERIES)
def test_a_rate_looks_back_as_far_as_grafana_advises(queries: list[PanelQuery]):
    for query in queries:
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


def test_every_run_that_fills_a_panel_is_one_of_the_demos():
    assert {empty.run for empty in RIGHTLY_EMPTY} <= {COMPANIONS, *FAULTS}
