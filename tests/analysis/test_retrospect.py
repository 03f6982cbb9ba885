from __future__ import annotations

import polars as pl
import pytest

from analysis.collect import Sources
from analysis.config import AnalysisSection
from analysis.quantities import QUANTITIES
from analysis.retrospect import verdict_on
from analysis.sources import Gap, PrometheusSource
from analysis.verdict import Verdict
from exporters.errors import ServerMissingError
from tests.analysis.scenes import WINDOW, Scene, slow_replica
from tests.analysis.watching import endpoint

SECTION = AnalysisSection(time_scale=60, budget_seconds=4)


class Canned:
    """Answers the queries of a verdict with the series of a scene."""

    def __init__(self, scene: Scene) -> None:
        self.name = "canned"
        self.gaps: list[Gap] = []
        self._series = scene.evidence().series
        self._quantities = {quantity.query("chat"): quantity for quantity in QUANTITIES}

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        quantity = self._quantities.get(query)
        if quantity is None:
            return pl.DataFrame()
        named = pl.col("entity").str.splitn("/", 2).struct
        kind, own = named.field("field_0"), named.field("field_1")
        labels = [
            pl.when(kind == label).then(own).alias(label)
            for label in ("replica", "upstream", "gpu")
        ]
        part = [pl.col("part").alias(quantity.part)] if quantity.part else []
        return self._series.filter(
            pl.col("quantity") == quantity.key, pl.col("ts_ns").is_between(start_ns, end_ns)
        ).select("ts_ns", "value", pl.lit("chat").alias("service"), *labels, *part)


def ask(sources: Sources) -> Verdict:
    return verdict_on(
        sources, SECTION, start_ns=WINDOW.start_ns, end_ns=WINDOW.end_ns, service="chat"
    )


def test_a_window_of_the_past_gets_its_cause():
    verdict = ask(Sources(Canned(Scene(slow_replica()))))

    assert verdict.first is not None
    assert (verdict.first.kind, verdict.first.entity) == ("slow_replica", "replica/heron")
    assert (verdict.window.start_ns, verdict.window.end_ns) == (WINDOW.start_ns, WINDOW.end_ns)
    assert verdict.alert.name == ""


def test_a_calm_window_of_the_past_is_none():
    verdict = ask(Sources(Canned(Scene())))

    assert verdict.first is not None
    assert verdict.first.kind == "none"


def test_a_prometheus_that_is_not_there_is_one_line_and_exit_code_3():
    with pytest.raises(ServerMissingError) as raised:
        ask(Sources(PrometheusSource("http://127.0.0.1:9")))

    assert raised.value.exit_code == 3
    assert str(raised.value).startswith("Prometheus at http://127.0.0.1:9 cannot be reached (")
    assert str(raised.value).endswith("; start it, or correct [prometheus] url")
    assert "\n" not in str(raised.value)


def test_a_prometheus_that_has_nothing_of_the_window_gives_an_abstaining_verdict():
    nothing = b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'
    with endpoint(lambda *_: (200, nothing)) as prometheus:
        verdict = ask(Sources(PrometheusSource(prometheus.url)))

    assert verdict.abstained
    assert verdict.reason.startswith("no series could be read")
