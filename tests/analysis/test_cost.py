from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from analysis.config import AnalysisSection, CostSection
from analysis.cost import impact, told
from analysis.diagnose import diagnose
from analysis.evidence import SECOND, SERIES_SCHEMA, Alert, Evidence, Window
from analysis.rootcause.symptom import Symptom
from analysis.verdict import Impact
from tests.analysis import scenes
from tests.analysis.scenes import Scene

WINDOW = Window(0, 100 * SECOND, 159 * SECOND)
FELT = Symptom("service/chat", "duration_p99", 1.0, 4.0, 1.0, 110 * SECOND)
PRICES = CostSection(gpu_hour_price=3.6, failed_request_price=0.5, user_minute_price=0.1)


def course(entity: str, quantity: str, part: str, usual: float, then: float) -> pl.DataFrame:
    """`usual` for 100 seconds of health, `then` for 60 seconds of incident."""
    seconds = list(range(160))
    rows = {
        "entity": [entity] * 160, "quantity": [quantity] * 160, "part": [part] * 160,
        "ts_ns": [second * SECOND for second in seconds],
        "value": [usual if second < 100 else then for second in seconds],
    }  # fmt: skip
    return pl.DataFrame(rows, schema=SERIES_SCHEMA)


OK = course("service/chat", "outcomes", "ok", 10.0, 8.0)
ERRORS = course("service/chat", "outcomes", "error", 0.1, 2.1)
GONE = course("service/chat", "outcomes", "client_gone", 0.0, 5.0)
SLOW = course("service/chat", "slow_share", "", 0.01, 0.26)
TIME = course("service/chat", "request_time", "", 1.5, 4.0)
BUSY = [course(f"gpu/{index}", "gpu_busy", "", 0.5, 0.9) for index in (0, 1)]


def cost(*rows: pl.DataFrame, section: CostSection = PRICES, symptom: Symptom = FELT) -> Impact:
    evidence = Evidence(Alert(), WINDOW, "chat", series=pl.concat(rows))
    return impact(evidence, symptom, section)


def test_each_figure_is_what_its_formula_says():
    told = cost(OK, ERRORS, GONE, SLOW, TIME, *BUSY)

    assert told.requests_failed == pytest.approx(60 * (2.1 - 0.1))
    assert told.requests_slow == pytest.approx(60 * 8 * 0.25)
    assert told.users_minutes == pytest.approx((60 * 8 * 2.5 + 120 * 1.5) / 60)
    assert told.gpu_seconds_wasted == pytest.approx(60 * (1.8 - 0.1 * 8))
    assert told.money == pytest.approx(60 / 3600 * 3.6 + 120 * 0.5 + 23 * 0.1, abs=0.01)
    assert told.currency == "USD"


def test_what_was_not_measured_is_null_and_costs_nothing():
    told = cost(OK, ERRORS)

    assert (told.requests_slow, told.users_minutes, told.gpu_seconds_wasted) == (None, None, None)
    assert told.money == pytest.approx(60.0)


def test_without_a_price_there_is_no_money():
    told = cost(OK, ERRORS, SLOW, TIME, *BUSY, section=CostSection())

    assert (told.money, told.currency) == (None, None)


def test_without_a_single_answer_in_health_waste_cannot_be_told():
    assert (
        cost(course("service/chat", "outcomes", "ok", 0.0, 1.0), *BUSY).gpu_seconds_wasted is None
    )


def test_only_the_devices_of_the_service_are_counted():
    series = pl.concat([OK, ERRORS, *BUSY])
    evidence = Evidence(Alert(), WINDOW, "chat", series=series, placement={"replica/r1": "gpu/0"})

    assert impact(evidence, FELT, PRICES).gpu_seconds_wasted == pytest.approx(60 * (0.9 - 0.4))


def test_an_incident_that_nobody_felt_cost_nothing_that_could_be_told():
    assert cost(OK, ERRORS, symptom=replace(FELT, degree=0.0, since_ns=None)) == Impact()


def test_better_than_usual_is_no_gain():
    less = [course(f"gpu/{index}", "gpu_busy", "", 0.5, 0.1) for index in (0, 1)]
    quick = course("service/chat", "request_time", "", 1.5, 0.5)
    found = cost(OK, course("service/chat", "outcomes", "error", 1.0, 0.0), quick, *less)

    assert (found.requests_failed, found.users_minutes, found.gpu_seconds_wasted) == (0, 0, 0)


def test_it_stands_in_the_verdict_and_reads_in_one_line():
    section = AnalysisSection(cost=CostSection(gpu_hour_price=3600.0, currency="EUR"))
    evidence = Scene(scenes.upstream_errors()).evidence()
    busy = pl.col("quantity") == "gpu_busy"
    late = pl.col("ts_ns") >= evidence.window.start_ns
    raised = pl.when(busy & late).then(1.5 * pl.col("value")).otherwise("value")
    series = evidence.series.with_columns(raised.alias("value"))
    verdict = diagnose(replace(evidence, series=series), section)

    assert verdict.impact.gpu_seconds_wasted
    assert verdict.impact.money == pytest.approx(verdict.impact.gpu_seconds_wasted, abs=0.06)
    assert told(verdict.impact).endswith(" EUR")
    assert told(Impact()) == ""
    assert told(Impact(requests_failed=1234.0, users_minutes=9.04)) == (
        "1,234 requests failed, 9.0 user-minutes lost"
    )
