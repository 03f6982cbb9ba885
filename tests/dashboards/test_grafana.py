from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.config import RulesSection
from dashboards import grafana
from dashboards.boards import service
from dashboards.config import DashboardsSection
from dashboards.grafana import around
from dashboards.panels import PLAIN, Panel, Query, Row, Stat, Step, TimeSeries, falling, rising
from dashboards.render import documents
from dashboards.units import GRAFANA_UNITS
from exporters.catalog import neutral
from exporters.catalog.boards import BOARDS

MACROS = {"__rate_interval", "__range", "__range_s"}
DOCUMENTS = documents(DashboardsSection(), RulesSection())
PANELS = [
    pytest.param([panel for panel in document["panels"] if panel["type"] != "row"], id=uid)
    for uid, document in DOCUMENTS.items()
]
GRAFANA_TYPES = {"heatmap", "logs", "stat", "state-timeline", "table", "timeseries"}
GONE = {
    "__inputs", "gnetId", "hideControls", "rows", "sharedCrosshair", "style", "span", "minSpan",
    "error", "hideTimeOverride", "intervalFactor", "metric", "step", "target", "useTags",
    "tagsQuery", "tagValuesQuery", "auto_min", "auto_count", "maxDataPoints",
}  # fmt: skip
"""What stock grafanalib writes and Grafana reads no more, or must not be told."""


def walk(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, part
    if isinstance(part, dict):
        for key, value in part.items():
            yield from walk(value, f"{path}/{key}")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from walk(value, f"{path}/{number}")


def grafana_panel(panel: Panel) -> dict[str, Any]:
    board = service.board(RulesSection())
    small = type(board)(
        board=board.board, about="", variables=(), marks=(), rows=(Row("Row", (panel,)),)
    )
    panels: list[dict[str, Any]] = grafana.document(small, refresh="30s", time_range="1h")["panels"]
    return panels[1]


def one(kind: type[Panel], **more: Any) -> dict[str, Any]:
    query = Query("llm:queue_depth", "x")
    return grafana_panel(
        kind(title="T", about="A.", signals=(neutral.QUEUE_DEPTH,), queries=(query,), **more)
    )


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_dashboard_is_of_the_last_classic_schema(document: dict[str, Any]):
    assert document["schemaVersion"] == 42
    assert document["timepicker"] == {}
    assert document["annotations"]["list"][0]["builtIn"] == 1


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_only_nulls_are_base_thresholds(document: dict[str, Any]):
    nulls = [path for path, value in walk(document) if value is None]

    assert nulls
    assert all(path.endswith("/steps/0/value") for path in nulls)


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_no_key_is_left_that_grafana_dropped(document: dict[str, Any]):
    left = {
        path
        for path, _ in walk(document)
        if path.rpartition("/")[2] in GONE and not path.startswith("/annotations")
    }

    assert left == set()


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_ids_are_unique(document: dict[str, Any]):
    ids = [panel["id"] for panel in document["panels"]]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_no_two_panels_overlap_and_none_leaves_the_grid(document: dict[str, Any]):
    taken: dict[tuple[int, int], str] = {}
    for panel in document["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                assert (x, y) not in taken, f"{panel['title']} covers {taken[x, y]}"
                taken[x, y] = panel["title"]


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_visible_variables_are_those_that_alerts_may_link_to(document: dict[str, Any]):
    variables = document["templating"]["list"]
    shown = tuple(variable["name"] for variable in variables if variable["hide"] == 0)
    promised = {board.uid: board.variables for board in BOARDS}

    assert shown == promised[document["uid"]]


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_every_variable_in_a_query_is_defined_and_every_one_defined_is_used(
    document: dict[str, Any],
):
    text = json.dumps(document)
    for variable in document["templating"]["list"]:
        name = variable["name"]
        assert f"${name}" in text or f"${{{name}" in text
    defined = {variable["name"] for variable in document["templating"]["list"]}
    assert used_variables(document) <= defined | MACROS


def used_variables(document: dict[str, Any]) -> set[str]:
    return {
        name
        for path, value in walk(document)
        if path.endswith(("/expr", "/query")) and isinstance(value, str)
        for name in re.findall(r"\$(\w+)", value)
    }


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_deploys_restarts_alerts_and_verdicts_are_marked_in_time(document: dict[str, Any]):
    marks = [mark["name"] for mark in document["annotations"]["list"][1:]]

    assert marks == ["Deploys", "Restarts", "Firing alerts", "Verdicts"]
    for mark in document["annotations"]["list"][1:]:
        assert mark["target"]["expr"] == mark["expr"]


@pytest.mark.parametrize("panels", PANELS)
def test_a_panel_is_whole(panels: list[dict[str, Any]]):
    for panel in panels:
        assert panel["type"] in GRAFANA_TYPES
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] in (around.DATASOURCE, around.LOGS)
        assert panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"] in GRAFANA_UNITS.values()
        assert panel["fieldConfig"]["defaults"]["noValue"]
        assert isinstance(panel["options"], dict)


@pytest.mark.parametrize("panels", PANELS)
def test_thresholds_begin_at_null_and_rise_as_numbers(panels: list[dict[str, Any]]):
    for path, steps in walk(panels):
        if path.endswith(("/thresholds/steps", "/value/steps")):
            values = [step["value"] for step in steps]

            assert values[0] is None
            assert all(isinstance(value, int | float) for value in values[1:])
            assert values[1:] == sorted(values[1:])


@pytest.mark.parametrize("panels", PANELS)
def test_targets_have_letters_of_their_own_and_a_legend(panels: list[dict[str, Any]]):
    for panel in panels:
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters))
    for target in [target for panel in panels for target in panel["targets"]]:
        if "expr" in target:
            assert target["legendFormat"]
            assert target["instant"] is not target["range"]
            assert isinstance(target["exemplar"], bool)


@pytest.mark.parametrize("panels", PANELS)
def test_a_number_is_the_latest_one_and_never_a_mean(panels: list[dict[str, Any]]):
    for panel in panels:
        if panel["type"] == "stat":
            assert panel["options"]["reduceOptions"]["calcs"] == ["last"]


def test_a_heatmap_reads_buckets_as_buckets_and_asks_for_exemplars():
    heatmaps = [
        panel
        for document in DOCUMENTS.values()
        for panel in document["panels"]
        if panel["type"] == "heatmap"
    ]

    assert heatmaps
    for heatmap in heatmaps:
        assert heatmap["options"]["calculate"] is False
        assert heatmap["options"]["yAxis"]["unit"] == "s"
        assert heatmap["targets"][0]["format"] == "heatmap"
        assert heatmap["targets"][0]["exemplar"] is True
        assert "xAxis" not in heatmap
        assert "cards" not in heatmap


def test_a_panel_without_levels_says_so():
    assert one(TimeSeries)["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
        {"color": "text", "value": None}
    ]
    assert one(TimeSeries)["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {
        "mode": "off"
    }


def test_levels_are_drawn_as_lines():
    panel = one(TimeSeries, steps=rising(0.5, 0.95))

    assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "dashed"}
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
        {"color": "green", "value": None},
        {"color": "orange", "value": 0.5},
        {"color": "red", "value": 0.95},
    ]


def test_less_can_be_worse():
    assert falling(0.995) == (Step("red"), Step("green", 0.995))


def test_no_traffic_is_told_apart_from_no_data():
    defaults = one(Stat)["fieldConfig"]["defaults"]

    assert defaults["noValue"] == "no data"
    assert defaults["mappings"] == [
        {
            "type": "special",
            "options": {
                "match": "nan",
                "result": {"color": "text", "index": 1, "text": "no traffic"},
            },
        }
    ]


def test_a_panel_describes_each_signal_in_the_catalogues_words():
    assert one(Stat)["description"] == "A.\n\n- `llm:queue_depth`: Requests waiting."


def test_two_panels_of_one_kind_share_nothing():
    first, second = one(TimeSeries, steps=PLAIN), one(TimeSeries, steps=PLAIN)
    first["fieldConfig"]["defaults"]["links"].append("x")

    assert second["fieldConfig"]["defaults"]["links"] == []


def test_grafanalib_is_known_to_the_adapter_alone():
    root = Path(__file__).parents[2]
    rooms = ("alerts", "analysis", "benchmarks", "dashboards", "demo", "exporters")
    knowing = {
        path.relative_to(root).as_posix()
        for room in rooms
        for path in (root / room).rglob("*.py")
        if "grafanalib import" in path.read_text() or "import grafanalib" in path.read_text()
    }

    assert knowing
    assert all(path.startswith("dashboards/grafana/") for path in knowing)


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_same_dashboard_is_the_same_bytes(document: dict[str, Any]):
    text = grafana.text(document)

    assert grafana.text(json.loads(text)) == text
    again = documents(DashboardsSection(), RulesSection())[document["uid"]]
    assert grafana.text(again) == text
