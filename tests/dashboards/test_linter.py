"""The rules of Grafana's dashboard-linter, each under the name it has there.

Left out, with reason: `target-job-rule`, `target-instance-rule`, `template-job-rule` and
`template-instance-rule` (recorded series carry service and replica in place of job and instance),
`target-logql-rule` and its kin (there is no Loki here).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import promql_parser as promql
import pytest

from alerts.config import RulesSection
from dashboards.config import DashboardsSection, Prices
from dashboards.queries import panel_queries, panels, substitute
from dashboards.render import documents
from exporters.catalog import boards

PRICES = Prices(gpu_hour=Decimal("2.5"), kilowatt_hour=Decimal("0.3"))
DOCUMENTS = documents(DashboardsSection(prices=PRICES, language="both"), RulesSection())
EACH = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
RATE_INTERVAL = "4m17s"
"""A length that no query would have by chance."""
UNITS = {
    "short", "s", "bytes", "percentunit", "watt", "joule", "celsius", "hertz", "reqps", "flops",
    "Bps", "bool_yes_no", "dateTimeFromNow", "eps",
}  # fmt: skip
OWN_UNITS = re.compile(r"suffix:\S+|currency:\S+")
"""Custom units that Grafana takes and the linter's list does not know."""


@EACH
def test_template_datasource_rule(document: dict[str, Any]):
    chosen = {
        variable["query"]: (variable["name"], variable["label"])
        for variable in document["templating"]["list"]
        if variable["type"] == "datasource"
    }

    # The linter wants `prometheus_datasource` beside another; links carry `datasource` everywhere.
    word = "数据源" if document["uid"].endswith("-zh") else "data source"
    assert chosen["prometheus"] == ("datasource", f"Prometheus {word}")
    if len(chosen) > 1:
        assert chosen["elasticsearch"] == ("logs", f"Elasticsearch {word}")


@EACH
def test_template_label_promql_rule_and_template_on_time_change_reload_rule(
    document: dict[str, Any],
):
    for variable in document["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"]["type"] == "prometheus":
            inside = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert inside
            promql.parse(substitute(inside[1], {}, rate_interval="5m", span="1h"))
            assert variable["refresh"] == 2


@EACH
def test_panel_datasource_rule(document: dict[str, Any]):
    for panel in panels(document):
        assert panel["datasource"]["uid"] in ("${datasource}", "${logs}")


@EACH
def test_panel_title_description_rule(document: dict[str, Any]):
    for panel in panels(document):
        assert panel["title"].strip()
        assert panel["description"].strip()


@EACH
def test_panel_units_rule(document: dict[str, Any]):
    for panel in panels(document):
        unit = panel["fieldConfig"]["defaults"]["unit"]
        assert unit in UNITS or OWN_UNITS.fullmatch(unit)


@EACH
def test_panel_no_targets_rule(document: dict[str, Any]):
    for panel in panels(document):
        assert panel["targets"]


@EACH
def test_target_promql_rule(document: dict[str, Any]):
    for tree, _ in trees(document):
        assert tree is not None


@EACH
def test_target_rate_interval_rule(document: dict[str, Any]):
    for tree, expr in trees(document):
        for call, matrix in called(tree):
            if call in ("rate", "irate"):
                assert f"[{RATE_INTERVAL}]" in str(matrix), expr


@EACH
def test_target_counter_agg_rule(document: dict[str, Any]):
    for tree, expr in trees(document):
        aggregated = {
            matrix.vector_selector.name
            for call, matrix in called(tree)
            if call in ("rate", "irate", "increase")
        }
        named = set(re.findall(r"\b[a-z]\w*_total\b", expr))
        assert named <= aggregated


@EACH
def test_uneditable_dashboard_rule(document: dict[str, Any]):
    assert document["editable"] is False


@EACH
def test_links_lead_to_dashboards_that_exist_with_variables_that_they_have(
    document: dict[str, Any],
):
    variables = {board.uid: set(board.variables) for board in boards.BOARDS}
    suffix = "-zh" if document["uid"].endswith("-zh") else ""
    for url in re.findall(r"'url': '(/d/[^']+)'", str(document["panels"])):
        found = re.match(r"/d/([\w-]+)\?", url)
        assert found
        assert found[1] in DOCUMENTS
        given = re.findall(r"\$\{(\w+):queryparam\}|var-(\w+)=", url)
        used = {kept or set_ for kept, set_ in given}
        assert used <= variables[found[1].removesuffix(suffix)]
        assert "datasource" in used
        assert "${__url_time_range}" in url


@EACH
def test_every_board_leads_to_every_other_with_its_variables_and_time(document: dict[str, Any]):
    (links,) = document["links"]

    assert links["tags"] == document["tags"]
    assert links["includeVars"]
    assert links["keepTime"]


def trees(document: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    for query in panel_queries(document):
        yield promql.parse(query.promql({}, rate_interval=RATE_INTERVAL)), query.expr


def called(tree: Any) -> Iterator[tuple[str, Any]]:
    """Name of every function that is called on a range, with the range."""
    nodes: list[Any] = []
    promql.walk(tree, pre_visit=nodes.append)
    for node in nodes:
        if isinstance(node, promql.Call):
            for argument in node.args:
                if isinstance(argument, promql.MatrixSelector):
                    yield node.func.name, argument
