from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import SECOND
from analysis.proposal import firings, propose
from analysis.quantities import BY_KEY
from analysis.sources import PrometheusSource
from analysis.sources.files import FileMetrics
from analysis.verdict import Cause, EvidenceItem, ProposedRule, Verdict
from demo.servers.prometheus import start_prometheus
from demo.servers.run_folder import RunFolder
from tests.analysis import scenes
from tests.analysis.scenes import Scene

HOUR = 3600 * SECOND
NOW = int(time.time()) // 60 * 60 * SECOND - 10 * 60 * SECOND
SECTION = AnalysisSection(history_seconds=6 * 3600)
STEP_TIME = BY_KEY["step_time"].query("chat")
SLOW = diagnose(Scene(scenes.slow_replica()).evidence())


def verdict(*items: EvidenceItem) -> Verdict:
    """Slow since 20 minutes ago, as these statements say."""
    assert SLOW.first is not None
    window = SLOW.window.model_copy(
        update={"baseline_ns": NOW - HOUR, "start_ns": NOW - 20 * 60 * SECOND, "end_ns": NOW}
    )
    first: Cause = SLOW.first.model_copy(update={"evidence": list(items)})
    return SLOW.model_copy(update={"window": window, "causes": [first]})


def statement(words: str, query: str | None, before: float, after: float) -> EvidenceItem:
    text = f"replica heron: {words} {before} → {after}"
    return EvidenceItem(
        type="metric", text=text, query=query, before=before, after=after, score=1.0
    )


DECODE = statement("mean time of a forward pass (decode)", STEP_TIME, 0.012, 0.06)
SERIES = {"decode": (0.012, 0.06), "prefill": (0.3, 0.31)}


def samples(spikes: tuple[int, ...] = ()) -> pl.DataFrame:
    """Six hours of two phases, every 15 s; decode is slow at the end, and at each spike (s ago)."""
    rng = np.random.default_rng(7)
    rows = []
    for phase, (usual, ill) in SERIES.items():
        at = np.arange(NOW - 6 * HOUR, NOW + 1, 15 * SECOND)
        high = at >= NOW - 20 * 60 * SECOND
        for ago in spikes:
            high |= (at >= NOW - ago * SECOND) & (at < NOW - ago * SECOND + 120 * SECOND)
        level = np.where(high, ill, usual) * rng.normal(1.0, 0.02, at.size)
        rows.append(
            pl.DataFrame({"ts_ns": at, "value": level}).with_columns(
                name=pl.lit("llm:step_seconds:mean"), service=pl.lit("chat"),
                replica=pl.lit("heron"), phase=pl.lit(phase),
            )
        )  # fmt: skip
    return pl.concat(rows)


@pytest.fixture
def files(tmp_path: Path):
    def read(*spikes: int) -> FileMetrics:
        folder = tmp_path / f"metrics{len(spikes)}"
        folder.mkdir(exist_ok=True)
        samples(spikes).write_parquet(folder / "metrics.parquet")
        return FileMetrics(folder)

    return read


def expression(rule: ProposedRule | None) -> dict[str, str]:
    assert rule is not None
    (group,) = yaml.safe_load(rule.rule)["groups"]
    (found,) = group["rules"]
    return found


def test_the_rule_watches_the_signal_that_told_between_usual_and_ill(files):
    rule = propose(verdict(DECODE), files(), SECTION)
    found = expression(rule)

    assert rule is not None
    assert found["alert"] == rule.alert == "SlowReplicaBegins"
    assert 'phase="decode"' in found["expr"]
    threshold = float(found["expr"].rpartition(" > ")[2])
    assert 0.03 < threshold < 0.04
    assert found["for"] == "60s"
    assert len(rule.fired) == 1
    assert NOW - 20 * 60 * SECOND <= rule.fired[0] <= NOW - 18 * 60 * SECOND
    assert "never in the 0.236 days before it" in rule.says
    assert rule.looked_back_seconds == pytest.approx(6 * 3600 - 20 * 60)


def test_what_would_have_fired_too_often_in_normal_hours_is_held_longer(files):
    assert expression(propose(verdict(DECODE), files(9000), SECTION))["for"] == "300s"


def test_a_rule_that_stays_too_loud_is_no_rule(files):
    spikes = tuple(range(2400, 20_000, 120))  # ill all along: nothing tells this incident apart

    assert propose(verdict(DECODE), files(*spikes), SECTION) is None


def test_the_next_statement_is_taken_where_the_first_tells_nothing_apart(files):
    prefill = statement("mean time of a forward pass (prefill)", STEP_TIME, 0.3, 0.31)
    traces = statement("time of a slow request in decode", None, 0.3, 1.0)

    assert (
        'phase="decode"'
        in expression(propose(verdict(traces, prefill, DECODE), files(), SECTION))["expr"]
    )


def test_too_little_history_says_nothing_about_normal_hours(files):
    short = AnalysisSection(history_seconds=3600)

    assert propose(verdict(DECODE), files(), short) is None


@pytest.mark.parametrize("kind", ["none", "telemetry_gap", "unknown"])
def test_what_is_no_cause_gets_no_rule(files, kind: str):
    asked = verdict(DECODE)
    first = asked.causes[0].model_copy(update={"kind": kind})

    assert propose(asked.model_copy(update={"causes": [first]}), files(), SECTION) is None
    assert propose(asked.model_copy(update={"abstained": True}), files(), SECTION) is None


def test_firing_begins_as_prometheus_begins_it():
    at = np.arange(0, 200, 10) * SECOND
    value = np.array([0, 2, 2, 2, 2, 0, 2, 2, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], dtype=float)
    rows = pl.DataFrame({"ts_ns": at, "value": value, "gpu": ["0"] * 20})
    holed = rows.filter(pl.col("ts_ns") != 120 * SECOND)

    def begun(frame: pl.DataFrame) -> list[float]:
        found = firings(frame, sign=">", threshold=1.0, hold=30.0, step=10.0)
        return [at / SECOND for at in found]

    assert begun(rows) == [40.0, 130.0]
    assert begun(holed) == [40.0, 160.0]
    assert begun(pl.concat([rows, rows.with_columns(gpu=pl.lit("1"))])) == [
        40.0,
        40.0,
        130.0,
        130.0,
    ]


@pytest.mark.servers
def test_it_is_tried_on_a_real_prometheus_and_promtool_takes_it(tmp_path: Path, promtool: Path):
    run = RunFolder.create(tmp_path / "runs")
    text = ["# TYPE llm:step_seconds:mean gauge"]
    ordered = samples((9000,)).sort("phase", "ts_ns")
    for at, value, name, service, replica, phase in ordered.iter_rows():
        labels = f'service="{service}",replica="{replica}",phase="{phase}"'
        text.append(f"{name}{{{labels}}} {value:.6g} {at / SECOND:.3f}")
    page = tmp_path / "history.txt"
    page.write_text("\n".join([*text, "# EOF", ""]))
    data = run.folder("prometheus")
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", page, data],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n")
    with start_prometheus(run, config) as server:
        source = PrometheusSource(server.url)
        rule = propose(verdict(DECODE), source, SECTION)
        source.close()
    assert rule is not None
    (tmp_path / "rule.yml").write_text(rule.rule)
    checked = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rule.yml"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert expression(rule)["for"] == "300s"
    assert len(rule.fired) == 1
