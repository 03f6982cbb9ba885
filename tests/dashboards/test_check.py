from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.config import RulesSection
from dashboards.boards import cost, service
from dashboards.check import check
from dashboards.config import DashboardsSection, Prices
from dashboards.panels import Dashboard, Link, Panel, Query, Row, TimeSeries
from dashboards.render import documents
from exporters.catalog import boards, neutral
from exporters.errors import UsageError

GOOD = service.board(RulesSection())


def with_panel(*panels: Panel) -> Dashboard:
    return replace(GOOD, rows=(Row("Row", panels),))


def panel(expr: str, **more: Any) -> TimeSeries:
    return TimeSeries(
        title="Waiting", about="", signals=(neutral.QUEUE_DEPTH,), queries=(Query(expr, "x"),),
        **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        pytest.param(
            [panel("llm:queue_dept")],
            "Service overview, panel 'Waiting': unknown series llm:queue_dept; "
            "did you mean llm:queue_depth?",
            id="a series that nobody writes",
        ),
        pytest.param(
            [panel("llm:queue_depth", unit="furlongs")],
            "Service overview, panel 'Waiting': no unit 'furlongs'; give a panel one of the "
            "catalogue's: 1, seconds, bytes, ratio, tokens, watts, joules, celsius, hertz, "
            "requests, requests/second, tokens/second, events/second, flops/second, bytes/second, "
            "boolean, timestamp",
            id="a unit that the catalogue does not know",
        ),
        pytest.param(
            [panel('llm:queue_depth{service="$servce"}')],
            "Service overview, panel 'Waiting': no variable $servce; there are datasource, model, "
            "service",
            id="a variable that the dashboard has not",
        ),
        pytest.param(
            [panel("sum(llm:queue_depth")],
            "Service overview, panel 'Waiting': not PromQL: unclosed left parenthesis",
            id="a query that does not parse",
        ),
        pytest.param(
            [panel("llm:queue_depth"), panel("llm:queue_depth")],
            "Service overview: 2 panels are called 'Waiting'; rename all but one",
            id="two panels of one name",
        ),
        pytest.param(
            [replace(panel("x"), queries=())],
            "Service overview, panel 'Waiting': asks nothing; give it a query",
            id="a panel without a query",
        ),
    ],
)
def test_a_wrong_panel_is_refused_in_one_line(wrong: list[Panel], line: str):
    with pytest.raises(UsageError) as error:
        check(with_panel(*wrong))

    assert str(error.value) == line


def test_a_link_to_a_variable_that_the_other_dashboard_lacks_is_refused():
    with pytest.raises(ValueError, match="dashboard busysignal-fleet has no variable replica"):
        Link("Fleet", boards.FLEET, keeps=("replica",))


def test_costs_are_shown_for_configured_prices_alone():
    without = cost.board(RulesSection(), Prices())
    only_energy = cost.board(RulesSection(), Prices(kilowatt_hour="0.3", currency="€"))
    money = {panel.title: panel for panel in only_energy.panels}

    assert "Money" not in [row.title for row in without.rows]
    assert "Cost of an hour" not in {panel.title for panel in without.panels}
    assert money["Cost of an hour"].queries[0].expr == (
        'gpu:service_power_watts{service="$service"} / 1000 * 0.3'
    )
    section = DashboardsSection(prices=Prices(kilowatt_hour="0.3", currency="€"))
    document = documents(section, RulesSection())["busysignal-cost"]
    units = {p["title"]: p["fieldConfig"]["defaults"]["unit"] for p in document["panels"][1:]
             if p["type"] != "row"}  # fmt: skip
    assert units["Cost of an hour"] == "currency:€"
