from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from alerts.config import RulesSection
from dashboards.config import DashboardsSection
from dashboards.render import documents
from demo.answers import Window
from demo.canvas import Canvas, Series, show
from demo.drawing import draw
from demo.preview import main, page, photograph

DOCUMENTS = documents(DashboardsSection(), RulesSection())
WINDOW = Window(1000.0, 1060.0, {"service": "chat"})
LABELS = {"service": "chat", "model": "m", "outcome": "ok", "phase": "decode", "gpu": "0"}


def canned(expr: str, start: float, end: float, step: float):
    assert "$" not in expr
    moments = [start + place * step for place in range(int((end - start) / step) + 1)]
    points = [(moment, 0.25) for moment in moments]
    if "_bucket" in expr:
        return [({"le": bound}, points) for bound in ("0.1", "+Inf")]
    names = ("replica-a", "replica-b")
    return [({**LABELS, "replica": name, "endpoint": name}, points) for name in names]


def nothing(expr: str, start: float, end: float, step: float):
    return []


def drawn(title: str, series: list[Series]) -> str:
    panel = next(
        panel
        for document in DOCUMENTS.values()
        for panel in document["panels"]
        if panel["title"] == title
    )
    return draw(panel, series, Canvas(480, 260, 1000, 1060))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_every_panel_of_a_dashboard_is_drawn(document):
    text = page(document, canned, WINDOW)

    for panel in document["panels"]:
        if "repeat" not in panel:
            assert f">{panel['title']}<" in text
    main_part = text[text.index("<main") :].replace("<br>", "<br/>")
    ET.fromstring(main_part)


def test_a_repeated_panel_is_drawn_once_for_each_value():
    text = page(DOCUMENTS["busysignal-endpoints"], canned, WINDOW)

    assert "<h3>Where the time goes at replica-a</h3>" in text
    assert "<h3>Where the time goes at replica-b</h3>" in text


def test_without_data_each_panel_says_what_it_would_in_grafana():
    text = page(DOCUMENTS["busysignal-service"], nothing, WINDOW)

    assert '<p class="empty">nothing fires</p>' in text
    assert '<p class="empty">no open incident</p>' in text
    assert '<p class="empty">no data</p>' in text


def test_a_number_takes_the_colour_of_its_level():
    calm = drawn("Duration P99", [Series("p99", {}, [(1060, 0.2)])])
    slow = drawn("Duration P99", [Series("p99", {}, [(1060, 0.7)])])

    assert calm == '<p class="stat" style="color:#56a64b">200 ms</p>'
    assert slow == '<p class="stat" style="color:#e02f44">700 ms</p>'


def test_a_silent_service_shows_no_traffic():
    assert "no traffic" in drawn("5xx share", [Series("5xx", {}, [(1060, math.nan)])])


def test_an_open_verdict_is_shown_by_its_name():
    series = Series("slow_replica · replica/a", {}, [(1060, 1.0)])

    assert "slow_replica · replica/a" in drawn("Open verdict", [series])


def test_areas_stand_on_each_other():
    flat = [(1000.0, 1.0), (1060.0, 1.0)]
    text = drawn("Outcomes", [Series("ok", {}, flat), Series("error", {}, flat)])

    assert text.count("<polygon") == 2
    assert ">2 req/s</text>" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.995, "percentunit", "99.5 %"),
        (0.0123, "s", "12.3 ms"),
        (12.0, "s", "12 s"),
        (7090.0, "s", "1.97 hours"),
        (1234.0, "reqps", "1.23 kreq/s"),
        (3.2e12, "flops", "3.2 TFLOP/s"),
        (40.0, "suffix:tok/s", "40 tok/s"),
        (7.0, "short", "7"),
    ],
)
def test_numbers_are_short_and_carry_their_unit(value: float, unit: str, text: str):
    assert show(value, unit) == text


def test_no_prometheus_is_one_line_and_exit_code_3(tmp_path: Path, capsys):
    dashboard = tmp_path / "board.json"
    dashboard.write_text(json.dumps(DOCUMENTS["busysignal-gpu"]))

    code = main([str(dashboard), "--url", "http://127.0.0.1:9", "--out", str(tmp_path / "x.html")])

    assert code == 3
    assert capsys.readouterr().err.startswith("no Prometheus at http://127.0.0.1:9 (")
    assert not (tmp_path / "x.html").exists()


def test_a_state_is_one_stretch_until_it_changes():
    points = [(1000.0, 1.0), (1001.0, 1.0), (1002.0, 1.0), (1003.0, 0.0), (1009.0, 0.0)]
    text = drawn("Answering, over time", [Series("gpu 0", {}, points)])

    assert text.count('fill="#56a64b"') == 1
    assert text.count('fill="#e02f44"') == 2  # silence between two samples is no state


def test_a_value_with_a_name_is_shown_by_it():
    assert drawn("Held back", [Series("max", {}, [(1060, 1.0)])]) == (
        '<p class="stat" style="color:#e02f44">yes</p>'
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH")
def test_a_page_without_a_script_is_photographed_without_waiting_for_one(tmp_path: Path):
    html, picture = tmp_path / "page.html", tmp_path / "page.png"
    html.write_text("<!doctype html><p>drawn already")

    photograph(html, picture, 100)

    assert picture.read_bytes().startswith(b"\x89PNG")
