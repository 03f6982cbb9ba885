from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable

import orjson
import polars as pl
import pytest

from alerts.prometheus_config import JOBS
from analysis.collect import Sources, collect, window_of
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import SECOND, Alert, Window
from analysis.frames import LOG_SCHEMA
from analysis.health import process_starts, silent_targets, versions
from analysis.quantities import QUANTITIES
from analysis.sources import (
    ElasticsearchSection,
    ElasticsearchSource,
    Gap,
    PrometheusSource,
    Source,
    StoreSource,
)
from analysis.sources.errors import SourceError
from tests.analysis.scenes import Scene, slow_replica
from tests.analysis.watching import endpoint

UP = f'up{{job=~"{"|".join(JOBS)}"}}'
"""Whose silence counts: targets of our own jobs alone."""
NOW = 1_700_000_040 * SECOND
ALERT = Alert("LatencyBudgetBurn", NOW - 2 * SECOND, {"service": "chat"})
SECTION = AnalysisSection(time_scale=60, budget_seconds=4)
LABELS = {"service/chat": {"service": "chat"}, "clients": {"service": "chat"}}


class Recorded:
    """Answers the Prometheus API with the series of a scene."""

    def __init__(self, scene: Scene, extra: Callable[[str], list[dict[str, object]]]) -> None:
        self._series = scene.evidence().series
        self._extra = extra
        self._quantities = {quantity.query("chat"): quantity for quantity in QUANTITIES}

    def __call__(self, path: str, body: bytes) -> tuple[int, bytes]:
        query = urllib.parse.parse_qs(body.decode())["query"][0]
        result = self._extra(query)
        quantity = self._quantities.get(query)
        if quantity:
            rows = self._series.filter(pl.col("quantity") == quantity.key)
            for (entity, part), samples in rows.group_by("entity", "part", maintain_order=True):
                result.append(_series(str(entity), quantity.part, str(part), samples))
        return 200, orjson.dumps(
            {"status": "success", "data": {"resultType": "matrix", "result": result}}
        )


def _series(entity: str, label: str | None, part: str, samples: pl.DataFrame) -> dict[str, object]:
    kind, _, name = entity.partition("/")
    metric = {"service": "chat"}
    if kind in ("replica", "upstream", "gpu"):
        metric[kind] = name
    if kind == "cache":
        metric["tier"] = name
    if label:
        metric[label] = part
    values = [[ts / 1e9, str(value)] for ts, value in samples.select("ts_ns", "value").rows()]
    return {"metric": metric, "values": values}


def steady(value: float, **labels: str) -> dict[str, object]:
    return {"metric": labels, "values": [[1_700_000_000 + i, str(value)] for i in range(42)]}


def facts(query: str) -> list[dict[str, object]]:
    if query == UP:
        dead = steady(1, job="replica", instance="b:1", service="chat", replica="stilt")
        dead["values"] = [[1_700_000_000 + i, "1" if i < 30 else "0"] for i in range(42)]
        return [
            steady(1, job="replica", instance="a:1", service="chat", replica="heron"),
            dead,
            steady(0, job="replica", instance="c:1", service="other", replica="x"),
        ]
    if query == "llm_replica_info":
        return [steady(1, replica="heron", gpu_uuid="GPU-a", version="1")]
    if query == "gpu_info":
        return [steady(1, gpu="3", uuid="GPU-a", name="H")]
    if query.startswith("ALERTS"):
        return [steady(1, alertname="LatencyBudgetBurn", alertstate="firing")]
    return []


def test_everything_a_verdict_needs_is_read_over_the_api():
    scene = Scene(slow_replica())
    with endpoint(Recorded(scene, facts)) as prometheus:
        sources = Sources(metrics=PrometheusSource(prometheus.url))
        evidence = collect(sources, SECTION, ALERT, now_ns=NOW)

    assert evidence.service == "chat"
    assert evidence.series.sort(evidence.series.columns).equals(
        scene.evidence().series.sort(evidence.series.columns)
    )
    assert evidence.placement == {"replica/heron": "gpu/3"}
    assert evidence.firing == ("LatencyBudgetBurn",)
    assert [gap.source for gap in evidence.silent] == ["replica/stilt"]
    assert diagnose(evidence).first.entity == "replica/heron"


def test_a_prometheus_that_is_not_there_is_a_gap():
    evidence = collect(Sources(PrometheusSource("http://127.0.0.1:9")), SECTION, ALERT, now_ns=NOW)

    assert evidence.series.height == 0
    (gap,) = [gap for gap in evidence.gaps if gap.source == "prometheus"]
    assert re.search(r"queries failed: SourceError: Prometheus at .* cannot be reached", gap.gap)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_prometheus_that_answers_rubbish_is_a_gap(status):
    with endpoint(lambda *_: (status, b"<html>")) as prometheus:
        evidence = collect(Sources(PrometheusSource(prometheus.url)), SECTION, ALERT, now_ns=NOW)

    assert "queries failed" in next(gap.gap for gap in evidence.gaps if gap.source == "prometheus")


def test_one_query_that_hangs_takes_no_other_with_it():
    recorded = Recorded(Scene(slow_replica()), facts)

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        if b"kv_cache" in body:
            time.sleep(20)
        return recorded(path, body)

    section = SECTION.model_copy(update={"budget_seconds": 1.5})
    with endpoint(answer) as prometheus:
        began = time.monotonic()
        evidence = collect(Sources(PrometheusSource(prometheus.url)), section, ALERT, now_ns=NOW)

    assert time.monotonic() - began < 15, "the hanging one takes 20"
    assert Gap("prometheus", "1 of the queries did not answer in time") in evidence.gaps
    assert diagnose(evidence).first.entity == "replica/heron"


class NoSpans:
    """A document store that has no logs, cannot read spans, and says one thing of itself."""

    def __init__(self) -> None:
        self.name = "archive"
        self.gaps: list[Gap] = []

    def spans(self, start_ns: int, end_ns: int, limit: int) -> pl.DataFrame:
        raise RuntimeError("the index\nis closed")

    def logs(self, start_ns: int, end_ns: int, limit: int) -> pl.DataFrame:
        self.gaps.append(Gap("archive", "only every second log was read"))
        return pl.DataFrame(schema=dict(LOG_SCHEMA))


def test_what_a_source_says_of_itself_is_a_gap_too():
    evidence = collect(Sources(documents=NoSpans()), SECTION, ALERT, now_ns=NOW)

    assert evidence.gaps == (
        Gap("archive", "2 of the queries failed: RuntimeError: the index"),
        Gap("archive", "only every second log was read"),
        Gap("metrics", "not configured: none were read"),
    )


@pytest.mark.parametrize("name", ["store", "elasticsearch"])
def test_a_gap_bears_the_name_of_the_source_that_was_read(tmp_path, name):
    sources: dict[str, Source] = {
        "store": StoreSource(tmp_path / "absent"),
        "elasticsearch": ElasticsearchSource(ElasticsearchSection(url="http://127.0.0.1:9")),
    }
    evidence = collect(Sources(documents=sources[name]), SECTION, ALERT, now_ns=NOW)

    assert [gap.source for gap in evidence.gaps if "queries failed" in gap.gap] == [name]


def test_without_any_source_the_verdict_says_what_is_not_configured():
    verdict = diagnose(collect(Sources(), SECTION, ALERT, now_ns=NOW))

    assert verdict.abstained
    assert [gap.source for gap in verdict.data_quality] == ["metrics", "spans and logs"]


def test_lengths_are_divided_by_the_time_scale():
    window = window_of(ALERT, SECTION, NOW)

    assert window.step_ns == SECOND
    assert ALERT.starts_ns - window.start_ns == 15 * SECOND
    assert window.start_ns - window.baseline_ns == 22 * SECOND
    assert window.end_ns == NOW


def test_an_old_alert_is_not_looked_at_until_today():
    window = window_of(ALERT, SECTION, NOW + 86_400 * SECOND)

    assert window.end_ns - ALERT.starts_ns <= 30 * SECOND


WINDOW = Window(0, 20 * SECOND, 40 * SECOND, SECOND)


def samples(values: list[float], **labels: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"ts_ns": second * SECOND, "value": value, **labels}
            for second, value in enumerate(values)
        ]
    )


def test_a_target_that_fails_its_scrapes_is_silent_since_its_last_answer():
    up = samples([1.0] * 31 + [0.0] * 10, job="replica", instance="a", replica="r1")

    assert silent_targets(up, WINDOW) == (Gap("replica/r1", "no metrics since 00:00:30 UTC"),)


def test_a_target_that_answers_on_and_off_since_the_incident_is_told():
    up = samples([1.0] * 20 + [0.0, 0.0, 1.0] * 7, job="replica", instance="a", replica="r1")
    always = samples([0.0, 0.0, 1.0] * 13, job="replica", instance="b", replica="r2")
    restarted = samples([1.0] * 22 + [0.0] * 8 + [1.0] * 11, job="replica", replica="r3")

    assert silent_targets(up, WINDOW) == (Gap("replica/r1", "answered only 33% of the scrapes"),)
    assert silent_targets(always, WINDOW) == ()
    assert silent_targets(restarted, WINDOW) == ()


def test_one_failed_scrape_is_no_silence():
    up = samples([1.0] * 40 + [0.0], job="gateway", instance="a")

    assert silent_targets(up, WINDOW) == ()


def test_a_target_that_was_taken_out_of_discovery_is_no_silence():
    up = samples([1.0] * 20, job="replica", instance="a", replica="r1")

    assert silent_targets(up, WINDOW) == ()


def test_no_password_of_an_address_is_in_what_is_told_of_a_source():
    error = SourceError("Prometheus", "http://ann:secret@127.0.0.1:9", "is away", "try again")

    assert str(error) == "Prometheus at http://127.0.0.1:9 is away; try again"
    assert error.url == "http://ann:secret@127.0.0.1:9"


def test_a_process_that_began_anew_is_a_change():
    starts = samples([0.0] * 30 + [28.0] * 10, job="replica", instance="a", replica="r1")
    (change,) = process_starts(starts, WINDOW)

    assert (change.kind, change.entity, change.ts_ns) == ("restart", "replica/r1", 28 * SECOND)


def test_a_new_version_is_a_deploy():
    old = samples([1.0] * 20, replica="r1", version="1.4")
    new = samples([1.0] * 41, replica="r1", version="1.5").filter(pl.col("ts_ns") >= 20 * SECOND)
    (change,) = versions(pl.concat([old, new]), WINDOW)

    assert (change.kind, change.before, change.after) == ("deploy", "1.4", "1.5")
    assert change.ts_ns == 20 * SECOND
