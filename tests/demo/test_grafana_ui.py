from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from alerts.config import RulesSection
from dashboards.config import DashboardsSection
from dashboards.render import documents
from demo import grafana_ui
from demo.answers import Answers, Ask, Window
from demo.grafana_ui import bundling
from demo.grafana_ui.bundling import LOCK, Bundle, laid_out, recipe
from demo.preview import main
from demo.servers.elasticsearch import cache
from exporters.errors import ServerMissingError

DOCUMENTS = documents(DashboardsSection(), RulesSection())
WINDOW = Window(1000.0, 1060.0, {"service": "chat"})
LABELS = {"service": "chat", "model": "m", "outcome": "ok", "phase": "decode", "gpu": "0"}
CHROMIUM = shutil.which("chromium")
SET_UP = recipe().is_there(cache())


def telling(value: float) -> Ask:
    def ask(expr: str, start: float, end: float, step: float):
        points = [(start + place * step, value) for place in range(int((end - start) / step) + 1)]
        if "_bucket" in expr:
            return [({"le": bound}, points) for bound in ("0.1", "+Inf")]
        names = ("replica-a", "replica-b")
        return [({**LABELS, "replica": name, "endpoint": name}, points) for name in names]

    return ask


def nothing(expr: str, start: float, end: float, step: float):
    return []


def inlined(name: str, ask: Ask) -> dict:
    text = grafana_ui.page(DOCUMENTS[name], Answers(ask, WINDOW), Bundle("draw()", "p {}"))
    board = re.search(r"window\.board = (.*?)</script>", text, re.DOTALL)
    return json.loads(board[1])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_panel_is_on_the_page_with_its_answers(name: str):
    boxes = inlined(name, telling(0.25))["boxes"]

    for panel in DOCUMENTS[name]["panels"]:
        mine = [box["answers"] for box in boxes if box["panel"] == panel]
        asked = {one["refId"] for one in panel.get("targets", ()) if "expr" in one}
        assert mine
        assert all({answer["refId"] for answer in answers} == asked for answers in mine)
        assert all(answer["points"] for answers in mine for answer in answers)


def test_times_are_milliseconds_and_a_number_that_is_none_stays_one():
    board = inlined("busysignal-service", telling(math.nan))
    (tile,) = (box for box in board["boxes"] if box["title"] == "Duration P99")
    ((at, value),) = tile["answers"][0]["points"]

    assert (board["start"], board["end"], at) == (1_000_000, 1_060_000, 1_060_000)
    assert math.isnan(value)


def test_a_repeated_panel_shares_its_place_among_its_values():
    boxes = inlined("busysignal-endpoints", telling(0.25))["boxes"]
    mine = [one for one in boxes if one["title"].startswith("Where the time goes at")]

    assert [one["title"][-9:] for one in mine] == ["replica-a", "replica-b"]
    assert [(one["place"], one["of"]) for one in mine] == [(0, 2), (1, 2)]


def test_no_label_ends_the_script():
    document = {**DOCUMENTS["busysignal-cost"], "title": "</script><b>"}
    text = grafana_ui.page(document, Answers(nothing, WINDOW), Bundle("", ""))

    assert "</script><b>" not in text
    assert '"title": "<\\/script><b>"' in text


def test_without_npm_one_line_says_what_is_missing(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(bundling, "cache", lambda: tmp_path)
    monkeypatch.setenv("PATH", "")
    dashboard = tmp_path / "board.json"
    dashboard.write_text(json.dumps(DOCUMENTS["busysignal-cost"]))

    code = main([str(dashboard), "--renderer", "grafana-ui", "--out", str(tmp_path / "x.html")])

    assert code == 3
    assert capsys.readouterr().err == (
        "grafana-ui cannot be set up: npm node not found on PATH; run: apt-get install npm nodejs\n"
    )


def test_what_esbuild_says_is_told(tmp_path: Path):
    esbuild = tmp_path / "node_modules" / ".bin" / "esbuild"
    esbuild.parent.mkdir(parents=True)
    esbuild.write_text("#!/bin/sh\necho 'no such module: react' >&2\nexit 1\n")
    esbuild.chmod(0o755)

    with pytest.raises(ServerMissingError, match="no such module: react; remove"):
        grafana_ui.bundle(tmp_path)


def test_every_package_is_known_by_its_hash_and_by_no_address():
    packages = json.loads(LOCK.read_text())["packages"]
    fetched = [one for path, one in packages.items() if path]

    assert len(fetched) > 400
    assert all("integrity" in one and "resolved" not in one for one in fetched)


@pytest.mark.slow
@pytest.mark.skipif(not SET_UP, reason="npm has not set up grafana-ui (demo.preview does)")
def test_the_page_keeps_its_types(tmp_path: Path):
    place = laid_out(recipe().home(cache()), tmp_path)
    tsc = place / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([tsc], cwd=place, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(not SET_UP, reason="npm has not set up grafana-ui (demo.preview does)")
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (telling(0.25), {"25.00%", "250 ms", "0.250 req/s", "replica-a"}),
        (telling(math.nan), {"no traffic"}),
        (nothing, {"no data", "nothing fires", "no open incident"}),
    ],
    ids=["numbers", "NaN", "nothing"],
)
def test_grafanas_own_components_draw_a_board(tmp_path: Path, ask: Ask, says: set[str]):
    bundle = grafana_ui.bundle(recipe().home(cache()))
    html = tmp_path / "page.html"
    answers = Answers(ask, WINDOW)
    html.write_text(grafana_ui.page(DOCUMENTS["busysignal-service"], answers, bundle))

    seen = text_of(html, tmp_path)

    assert seen >= says | {"Service overview", "Outcomes", "Replicas"}
    assert "An unexpected error happened" not in seen
    if ask is nothing:
        assert "no traffic" not in seen


def text_of(html: Path, profile: Path) -> set[str]:
    """The texts of the page once its script has drawn it, but for what is on canvases."""
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu",
            f"--user-data-dir={profile}", f"--virtual-time-budget={grafana_ui.PATIENCE_MS}",
            "--dump-dom", html.as_uri(),
        ],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    drawn = re.sub(r"<(script|style).*?</\1>", "", done.stdout, flags=re.DOTALL)
    return {" ".join(part.split()) for part in re.split(r"<[^>]*>", drawn)} | {
        f"{number}{unit}"
        for number, unit in re.findall(r">([\d.]+)</span><span[^>]*>([^<]+)<", drawn)
    }
