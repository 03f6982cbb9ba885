from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from analysis.collect import without_evidence
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import SECOND, Alert, Change, Evidence, Window
from analysis.frames import LOG_SCHEMA
from analysis.report import page
from analysis.report.chart import Line, Mark, chart
from analysis.sources.gap import Gap
from analysis.watch import app
from tests.analysis import scenes
from tests.analysis.scenes import Scene
from tests.analysis.watching import collector, get, post, running, verdicts, wait_until, webhook

SLOW = Scene(scenes.slow_replica(), phases={"heron": {"decode": 1.7}}).evidence()
NASTY = '<script>alert(1)</script>"&'
VOID = {"meta", "link", "br", "img"}


class Strict(HTMLParser):
    """Fails on a tag that is not closed, and keeps tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + "\n"


def lines(*told: tuple[int, str]) -> pl.DataFrame:
    """Logs of the incident: severity and body."""
    at = SLOW.window.start_ns + SECOND
    rows = [
        {**dict.fromkeys(LOG_SCHEMA), "ts_ns": at, "severity": severity, "body": body,
         "service": "replica", "attributes": "{}"}
        for severity, body in told
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=dict(LOG_SCHEMA))


def read(evidence: Evidence) -> Strict:
    found = Strict(page(evidence, diagnose(evidence)))
    assert found.open == []
    return found


def test_cause_evidence_and_what_to_do_are_on_the_page():
    found = read(SLOW)

    assert "service chat: slow replica at replica heron" in found.text
    assert "Take the replica out of rotation" in found.text
    assert "replica heron: mean time of a forward pass (decode) 11.8 ms → 61.3 ms" in found.text
    assert "steady: first-time arrivals" in found.text
    assert sum(tag == "svg" for tag, _ in found.tags) >= 4


CHINESE = AnalysisSection(language="zh")
ENGLISH_WORD = re.compile(r"[A-Za-z]{4,}")
NAMES = ("heron", "stilt", "prometheus", "LatencyBudgetBurn", "chat", "decode", "prefill", "kernel",
         "token", "features", "distributed")  # fmt: skip
"""Words of a Chinese page that are names, or English in any language."""


def test_a_chinese_verdict_has_a_chinese_page_with_the_same_charts():
    change = Change(SLOW.window.start_ns + 5 * SECOND, "deploy", "replica/heron", "1", "2", "ci")
    gaps = (Gap("prometheus", "3 of the queries did not answer in time"),)
    ill = lines((17, "连接失败"), (17, "连接失败"))
    evidence = replace(SLOW, changes=(change,), gaps=gaps, logs=ill)
    english, chinese = (
        page(evidence, diagnose(evidence, section)) for section in (AnalysisSection(), CHINESE)
    )
    found = Strict(chinese)

    assert '<html lang="zh-CN">' in chinese
    assert chinese.count("<svg") == english.count("<svg") >= 4
    for wanted in ("时间线", "证据", "处置", "已排除", "3 个查询没有按时返回", "副本 heron 发布"):
        assert wanted in found.text
    told = found.text.partition("v-")[0]  # an identity follows, in hexadecimal letters
    assert set(ENGLISH_WORD.findall(told)) <= {*NAMES, *ENGLISH_WORD.findall(code(chinese))}


def code(text: str) -> str:
    """What stands in code, which no language translates."""
    return " ".join(re.findall(r"<code>(.*?)</code>", text))


def test_nothing_is_loaded_and_nothing_runs():
    found = read(SLOW)
    names = {tag for tag, _ in found.tags}
    attributes = {name for _, attributes in found.tags for name in attributes}

    assert not names & {"script", "link", "img", "iframe", "object", "image", "use"}
    assert not attributes & {"src", "href", "xlink:href", "onload", "style"}
    assert "url(" not in page(SLOW, diagnose(SLOW))
    assert "@import" not in page(SLOW, diagnose(SLOW))


def test_what_others_wrote_stays_text():
    change = Change(SLOW.window.start_ns + 5 * SECOND, "deploy", "replica/heron", NASTY, "2", NASTY)
    logs = lines((17, f"{NASTY} failed"), (17, f"{NASTY} failed"))
    alert = Alert(NASTY, SLOW.alert.starts_ns)
    renamed = SLOW.series.with_columns(pl.col("entity").str.replace("heron", NASTY, literal=True))
    nasty = replace(SLOW, alert=alert, changes=(change,), logs=logs, series=renamed)
    found = read(nasty)

    assert "script" not in {tag for tag, _ in found.tags}
    assert NASTY in found.text.replace("\n", "")


def test_the_log_lines_of_the_incident_come_by_template():
    ill = [(17, f"request {number} timed out after {number * 7} ms") for number in range(30)]
    logs = lines(*ill, *[(9, "request served in 3 ms")] * 50)
    found = read(replace(SLOW, logs=logs))

    assert "30× request <*> timed out after <*>" in found.text
    assert "served" not in found.text


def test_a_verdict_without_any_evidence_has_a_page_that_says_so():
    found = read(without_evidence(Alert("Gone", 5 * SECOND), AnalysisSection(), "it broke"))

    assert "no series could be read" in found.text
    assert "analysis: it broke" in found.text


def test_what_happened_stands_in_order_of_time():
    change = Change(
        SLOW.window.start_ns + 5 * SECOND, "deploy", "replica/heron", "1.4", "1.5", "ci"
    )
    text = read(replace(SLOW, changes=(change,))).text
    order = ["deploy of replica heron: 1.4 → 1.5 (ci)", "begins at replica heron", "fires"]

    assert [text.index(one) for one in order] == sorted(text.index(one) for one in order)


WINDOW = Window(0, 50 * SECOND, 99 * SECOND)
TIMES = np.arange(100) * SECOND


def test_a_gap_in_a_series_is_a_gap_in_its_line():
    holed = np.where((TIMES < 20 * SECOND) | (TIMES > 40 * SECOND), 1.0 + TIMES / 1e11, np.nan)
    drawn = chart("x", Line(TIMES, holed), unit="seconds", window=WINDOW)

    assert drawn.partition('class="line" d="')[2].partition('"')[0].count("M") == 2


@pytest.mark.parametrize("values", [np.zeros(100), np.full(100, 1e300), np.full(100, -3.0)])
def test_a_series_that_never_moves_is_drawn(values):
    drawn = chart("x", Line(TIMES, values), unit="1", window=WINDOW)

    assert "nan" not in drawn.lower()
    assert "inf" not in drawn.lower()


def test_many_samples_are_thinned_and_moments_outside_are_left_out():
    times = np.linspace(0, 99 * SECOND, 50_000)
    marks = [Mark(60 * SECOND, "alert", "in"), Mark(200 * SECOND, "alert", "out")]
    drawn = chart("x", Line(times, np.sin(times)), unit="1", window=WINDOW, marks=marks)

    assert len(drawn) < 12_000
    assert drawn.count('<line class="alert"') == 1


def test_the_page_lies_beside_the_verdict_and_is_served(section):
    with running(app(section, collector=collector)) as url:
        post(f"{url}/alerts", webhook())
        verdict = wait_until(lambda: verdicts(url), 10)[0]
        (folder,) = section.verdicts.iterdir()
        served = get(f"{url}/verdicts/{verdict['id']}/page")
        absent = get(f"{url}/verdicts/v-0/page")

    assert served.text == (folder / "verdict.html").read_text(encoding="utf-8")
    assert served.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in served.headers["content-security-policy"]
    assert absent.status_code == 404
